/* gzip (RFC 1952) over ISA-L where it was built (packaging/build-isal), else zlib.
 *
 * | read | section |
 * | --- | --- |
 * | header with all its optional fields | 2.3 |
 * | deflate data, CRC-32 and length modulo 2^32 checked | 2.3.1 |
 * | members one behind the other | 2.2 |
 */
#include "codec/stream_int.h"

static bool sniff(struct slice head)
{
    return head.n >= 3 && head.p[0] == 0x1f && head.p[1] == 0x8b && head.p[2] == 8;
}

static enum status damaged(const struct codec_input *in, struct err *e)
{
    return err_set_at(e, ST_MALFORMED, in->used, N_("damaged at byte %llu"),
                      (unsigned long long)in->used);
}

#ifdef HIKESHI_ISAL
#include <igzip_lib.h>

static enum status reset(void *state)
{
    struct inflate_state *z = state;
    isal_inflate_reset(z);
    z->crc_flag = ISAL_GZIP;
    return OK;
}

static enum status make(void **ret)
{
    struct inflate_state *z = calloc(1, sizeof *z);
    if (!z)
        return ST_NOMEM;
    isal_inflate_init(z);
    z->crc_flag = ISAL_GZIP;
    *ret = z;
    return OK;
}

static enum status make_bare(void **ret)
{
    struct inflate_state *z = calloc(1, sizeof *z);
    if (!z)
        return ST_NOMEM;
    isal_inflate_init(z);
    z->crc_flag = ISAL_DEFLATE;
    *ret = z;
    return OK;
}

static void done(void *state)
{
    free(state);
}

static enum status decode(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e)
{
    struct inflate_state *z = state;
    size_t room = n < UINT32_MAX ? n : UINT32_MAX;
    memcpy(&z->next_in, &in->p, sizeof in->p); /* its type has no const; it does not write there */
    z->avail_in = (uint32_t)in->n;
    z->next_out = out;
    z->avail_out = (uint32_t)room;
    int rc = isal_inflate(z);
    /* at an invalid distance it may have counted one byte more than there was */
    bool counted = z->avail_in <= in->n;
    codec_use(in, counted ? in->n - z->avail_in : in->n);
    *ret_n = room - z->avail_out;
    if (rc < 0 || !counted)
        return damaged(in, e);
    return z->block_state == ISAL_BLOCK_FINISH ? ST_END : OK;
}
#else
#include <zlib.h>

static enum status reset(void *state)
{
    return inflateReset(state) == Z_OK ? OK : ST_NOMEM;
}

static enum status make_with(int bits, void **ret)
{
    z_stream *z = calloc(1, sizeof *z);
    if (!z || inflateInit2(z, bits) != Z_OK) {
        free(z);
        return ST_NOMEM;
    }
    *ret = z;
    return OK;
}

static enum status make(void **ret)
{
    return make_with(MAX_WBITS + 16, ret);
}

static enum status make_bare(void **ret)
{
    return make_with(-MAX_WBITS, ret);
}

static void done(void *state)
{
    (void)inflateEnd(state);
    free(state);
}

static enum status decode(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e)
{
    z_stream *z = state;
    size_t room = n < UINT32_MAX ? n : UINT32_MAX;
    memcpy(&z->next_in, &in->p, sizeof in->p); /* its type has no const; it does not write there */
    z->avail_in = (uInt)in->n;
    z->next_out = out;
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    codec_use(in, in->n - z->avail_in);
    *ret_n = room - z->avail_out;
    if (rc == Z_STREAM_END)
        return ST_END;
    if (rc == Z_MEM_ERROR)
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    return rc == Z_OK || rc == Z_BUF_ERROR ? OK : damaged(in, e);
}
#endif

static bool never(struct slice head)
{
    (void)head;
    return false;
}

const struct codec_format codec_deflate = {"deflate", never, make_bare, done, NULL, decode};
const struct codec_format codec_gzip = {"gzip", sniff, make, done, reset, decode};
