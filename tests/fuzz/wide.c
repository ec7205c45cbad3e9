/* Any bytes as UTF-16 and UTF-32, in pieces of a size that the first byte chooses, which chooses
 * the form as well: what comes out is bounded and does not depend on the pieces; what stands in a
 * run of printable bytes is still there. */
#include "fuzz.h"

#include "../unit/memory_source.h"
#include "base/buf.h"
#include "hunt/wide.h"

#include <assert.h>

static void read_all(struct slice in, const struct wide_form *form, size_t piece, size_t room,
                     struct buf *out)
{
    struct memory m = {in, piece};
    struct stream_source from = {&m, read_memory};
    struct wide w;
    struct err e = {0};
    uint8_t to[5000];
    size_t n = 1;
    wide_init(&w, form, &from);
    while (n && wide_read(&w, to, room, &n, &e) == OK) {
        assert(n <= room);
        (void)buf_add(out, to, n);
    }
    assert(w.left_n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;
    struct slice in = slice_sub(slice_of(data, size), 1, size);
    if (size < 3)
        return 0;
    const struct wide_form form = {data[0] & 1 ? 4 : 2, (data[0] & 2) != 0, 0};
    buf_init(&whole, size * 3 + 16);
    buf_init(&pieces, size * 3 + 16);
    read_all(in, &form, size, sizeof(uint8_t[5000]), &whole);
    read_all(in, &form, (size_t)data[0] + 1, 16 + (size_t)data[0], &pieces);
    assert(buf_status(&whole) == OK && slice_eq(buf_slice(&whole), buf_slice(&pieces)));
    for (size_t i = 0; i + 1 < in.n; i += form.width)
        if (in.p[i] == '$' && in.p[i + 1] == '{')
            assert(slice_find(buf_slice(&whole), SLICE_LIT("${")) < whole.n);
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
