/* bzip2 over libbz2: streams one behind the other, as pbzip2 writes them. */
#include "codec/stream_int.h"

#include <bzlib.h>

static bool sniff(struct slice head)
{
    static const uint8_t block[] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};
    static const uint8_t end[] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};
    if (head.n < 4 || memcmp(head.p, "BZh", 3) != 0 || head.p[3] < '1' || head.p[3] > '9')
        return false;
    size_t n = head.n - 4 < 6 ? head.n - 4 : 6; /* a text may begin with BZh1 */
    return n && (memcmp(head.p + 4, block, n) == 0 || memcmp(head.p + 4, end, n) == 0);
}

static enum status make(void **ret)
{
    bz_stream *z = calloc(1, sizeof *z);
    if (!z || BZ2_bzDecompressInit(z, 0, 0) != BZ_OK) {
        free(z);
        return ST_NOMEM;
    }
    *ret = z;
    return OK;
}

static void done(void *state)
{
    (void)BZ2_bzDecompressEnd(state);
    free(state);
}

/* The library has no reset. After a failure the state is empty, which Decompress refuses and End
 * takes. */
static enum status reset(void *state)
{
    bz_stream *z = state;
    (void)BZ2_bzDecompressEnd(z);
    *z = (bz_stream){0};
    return BZ2_bzDecompressInit(z, 0, 0) == BZ_OK ? OK : ST_NOMEM;
}

static enum status decode(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e)
{
    bz_stream *z = state;
    size_t room = n < UINT32_MAX ? n : UINT32_MAX;
    memcpy(&z->next_in, &in->p, sizeof in->p); /* its type has no const; it does not write there */
    z->avail_in = (unsigned)in->n;
    z->next_out = (char *)out;
    z->avail_out = (unsigned)room;
    int rc = BZ2_bzDecompress(z);
    codec_use(in, in->n - z->avail_in);
    *ret_n = room - z->avail_out;
    if (rc == BZ_STREAM_END)
        return ST_END;
    if (rc == BZ_MEM_ERROR)
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    if (rc != BZ_OK)
        return err_set_at(e, ST_MALFORMED, in->used, N_("damaged at byte %llu"),
                          (unsigned long long)in->used);
    return OK;
}

const struct codec_format codec_bzip2 = {"bzip2", sniff, make, done, reset, decode};
