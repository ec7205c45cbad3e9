/* Any bytes as a packed stream (the first byte chooses the format) and as a tar: they end, with
 * bounded output, in the end or in a reason. */
#include "fuzz.h"

#include "../unit/memory_source.h"
#include "archive/tar.h"

#include <assert.h>

static void run_stream(struct slice in, enum codec_kind kind, size_t piece)
{
    struct memory m = {in, piece};
    struct stream_source from = {&m, read_memory};
    struct stream *s = NULL;
    struct err e = {0};
    uint8_t to[4096];
    size_t n = 0, all = 0;
    if (stream_new(kind, &from, &s, &e) != OK)
        return;
    enum status st = OK;
    while (all < (1u << 20) && (st = stream_read(s, to, sizeof to, &n, &e)) == OK) {
        assert(n >= 1 && n <= sizeof to);
        all += n;
    }
    assert(st == OK || st == ST_END || e.msg[0]);
    assert(stream_packed(s) <= in.n);
    stream_free(s);
}

static void run_tar(struct slice in, size_t piece)
{
    struct memory m = {in, piece};
    struct stream_source from = {&m, read_memory};
    struct tar t;
    struct err e = {0};
    uint8_t to[512];
    size_t n = 0;
    tar_init(&t, &from);
    while (tar_next(&t, &e) == OK) {
        while (tar_read(&t, to, sizeof to, &n, &e) == OK && n)
            assert(n <= sizeof to);
    }
    tar_done(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_sub(slice_of(data, size), 1, size);
    if (size == 0)
        return 0;
    size_t piece = data[0] & 0x80 ? 3 : 4096;
    (void)codec_sniff(in);
    run_stream(in, (enum codec_kind)(data[0] % CODEC_KINDS), piece);
    run_tar(in, piece);
    return 0;
}
