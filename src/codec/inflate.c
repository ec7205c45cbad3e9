/* Two inflaters behind one engine. zlib's stream is reset, not made anew: making it costs as much
 * as inflating a small class. */
#include "codec/inflate.h"

#include <libdeflate.h>
#include <zlib.h>

enum { OUT_SIZE = 65536 };

struct inflater {
    struct libdeflate_decompressor *whole;
    z_stream stream;
    bool stream_made;
    uint8_t out[OUT_SIZE];
};

enum status inflater_new(struct inflater **ret)
{
    struct inflater *f = calloc(1, sizeof *f);
    if (!f)
        return ST_NOMEM;
    f->whole = libdeflate_alloc_decompressor();
    f->stream_made = inflateInit2(&f->stream, -MAX_WBITS) == Z_OK;
    if (!f->whole || !f->stream_made) {
        inflater_free(f);
        return ST_NOMEM;
    }
    *ret = f;
    return OK;
}

void inflater_free(struct inflater *f)
{
    if (!f)
        return;
    if (f->whole)
        libdeflate_free_decompressor(f->whole);
    if (f->stream_made)
        (void)inflateEnd(&f->stream);
    free(f);
}

enum status inflate_whole(struct inflater *f, struct slice packed, uint8_t *to, size_t n)
{
    uint8_t none = 0;
    enum libdeflate_result rc = libdeflate_deflate_decompress(f->whole, packed.n ? packed.p : &none,
                                                              packed.n, n ? to : &none, n, NULL);
    return rc == LIBDEFLATE_SUCCESS ? OK : ST_MALFORMED;
}

/* zlib's type for input has no const in older headers; it does not write there. */
static void feed(z_stream *zs, struct slice in)
{
    memcpy(&zs->next_in, &in.p, sizeof in.p);
    zs->avail_in = (uInt)in.n;
}

enum status inflate_head(struct inflater *f, struct slice packed, uint8_t *to, size_t want,
                         size_t *ret_n)
{
    z_stream *zs = &f->stream;
    if (inflateReset(zs) != Z_OK)
        return ST_NOMEM;
    feed(zs, slice_sub(packed, 0, UINT32_MAX));
    zs->next_out = to;
    zs->avail_out = (uInt)want;
    int rc = inflate(zs, Z_SYNC_FLUSH);
    *ret_n = want - zs->avail_out;
    if (rc == Z_MEM_ERROR)
        return ST_NOMEM;
    if (rc == Z_STREAM_END || zs->avail_out == 0)
        return OK;
    return rc == Z_OK || rc == Z_BUF_ERROR ? ST_END : ST_MALFORMED;
}

enum status inflate_stream(struct inflater *f, const struct inflate_pipe *pipe)
{
    z_stream *zs = &f->stream;
    struct slice in = {NULL, 0};
    if (inflateReset(zs) != Z_OK)
        return ST_NOMEM;
    feed(zs, in);
    zs->avail_out = OUT_SIZE;
    for (int rc = Z_OK; rc != Z_STREAM_END;) {
        /* a full piece went out: there may be more to come of the input that was taken */
        if (zs->avail_in == 0 && zs->avail_out != 0) {
            enum status st = pipe->in(pipe->ctx, &in);
            if (st != OK)
                return st;
            if (in.n == 0)
                return ST_MALFORMED; /* cut */
            feed(zs, in);
        }
        zs->next_out = f->out;
        zs->avail_out = OUT_SIZE;
        rc = inflate(zs, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR)
            return ST_NOMEM;
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return ST_MALFORMED;
        size_t n = OUT_SIZE - zs->avail_out;
        enum status st = n ? pipe->out(pipe->ctx, slice_of(f->out, n)) : OK;
        if (st != OK)
            return st;
    }
    return OK;
}

uint32_t crc32_add(uint32_t crc, struct slice bytes)
{
    return bytes.n ? libdeflate_crc32(crc, bytes.p, bytes.n) : crc;
}
