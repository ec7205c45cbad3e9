/* Between stream.c and the formats. Private to src/codec. */
#ifndef HIKESHI_CODEC_STREAM_INT_H
#define HIKESHI_CODEC_STREAM_INT_H

#include "base/limits.h"
#include "base/messages.h"
#include "codec/stream.h"

enum { CODEC_IN_BYTES = 65536 };

/* The packed side of a stream, as a format sees it. */
struct codec_input {
    const uint8_t *p; /* what was read and not yet used */
    size_t n;
    bool ended;    /* nothing comes behind p[n] */
    uint64_t used; /* packed bytes before p */
};

static inline void codec_use(struct codec_input *in, size_t n)
{
    in->p += n;
    in->n -= n;
    in->used += n;
}

/* One format. `decode` takes from in and writes to out[0…n); *ret_n is what it wrote. OK with
 * nothing written and everything taken asks for more input; ST_END: this member is whole, and what
 * is left of in stands behind it. When in->ended and it is not whole, decode is called once more
 * with in->n == 0 and answers ST_MALFORMED itself or OK with nothing written. */
struct codec_format {
    const char *name;
    bool (*sniff)(struct slice head);
    enum status (*make)(void **ret);
    void (*free)(void *state);
    enum status (*reset)(void *state); /* for the next member */
    enum status (*decode)(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e);
};

extern const struct codec_format codec_gzip, codec_bzip2, codec_xz, codec_zstd, codec_deflate;

#endif
