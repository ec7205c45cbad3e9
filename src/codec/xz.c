/* xz over liblzma: streams and padding one behind the other; all checks that liblzma knows. The
 * dictionary that a stream may ask for is bounded: xz -9 asks for 64 MiB, which is refused. */
#include "codec/stream_int.h"

#include <lzma.h>

static bool sniff(struct slice head)
{
    static const uint8_t magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};
    return head.n >= sizeof magic && memcmp(head.p, magic, sizeof magic) == 0;
}

static enum status reset(void *state)
{
    lzma_ret rc = lzma_stream_decoder(state, LIMIT_CODEC_MEMORY, 0);
    return rc == LZMA_OK ? OK : ST_NOMEM;
}

static enum status make(void **ret)
{
    static const lzma_stream empty = LZMA_STREAM_INIT;
    lzma_stream *z = malloc(sizeof *z);
    if (!z)
        return ST_NOMEM;
    *z = empty;
    if (reset(z) != OK) {
        lzma_end(z);
        free(z);
        return ST_NOMEM;
    }
    *ret = z;
    return OK;
}

static void done(void *state)
{
    lzma_end(state);
    free(state);
}

static enum status decode(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e)
{
    lzma_stream *z = state;
    z->next_in = in->p;
    z->avail_in = in->n;
    z->next_out = out;
    z->avail_out = n;
    lzma_ret rc = lzma_code(z, LZMA_RUN);
    codec_use(in, in->n - z->avail_in);
    *ret_n = n - z->avail_out;
    switch (rc) {
    case LZMA_OK:
    case LZMA_BUF_ERROR: /* nothing to do with what it was given */
        return OK;
    case LZMA_STREAM_END:
        return ST_END;
    case LZMA_MEM_ERROR:
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    case LZMA_MEMLIMIT_ERROR:
        return err_set(e, ST_LIMIT, N_("asks for %llu MiB to be unpacked; the limit is %llu"),
                       (unsigned long long)(lzma_memusage(z) >> 20),
                       (unsigned long long)(LIMIT_CODEC_MEMORY >> 20));
    case LZMA_OPTIONS_ERROR:
        return err_set(e, ST_UNSUPPORTED, N_("packed in a way that is not supported"));
    default:
        return err_set_at(e, ST_MALFORMED, in->used, N_("damaged at byte %llu"),
                          (unsigned long long)in->used);
    }
}

const struct codec_format codec_xz = {"xz", sniff, make, done, reset, decode};
