/* Zstandard (RFC 8878) over libzstd: frames one behind the other, skippable ones passed over. The
 * window that a frame may ask for is bounded: `zstd -19 --long` asks for 128 MiB, which is refused.
 */
#include "codec/stream_int.h"

#include <zstd.h>
#include <zstd_errors.h>

static bool sniff(struct slice head)
{
    if (head.n < 4)
        return false;
    bool frame = memcmp(head.p, "\x28\xb5\x2f\xfd", 4) == 0;
    return frame || ((head.p[0] & 0xf0) == 0x50 && memcmp(head.p + 1, "\x2a\x4d\x18", 3) == 0);
}

static enum status make(void **ret)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (!z || ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, LIMIT_ZSTD_WINDOW_LOG))) {
        (void)ZSTD_freeDStream(z);
        return ST_NOMEM;
    }
    *ret = z;
    return OK;
}

static void done(void *state)
{
    (void)ZSTD_freeDStream(state);
}

static enum status reset(void *state)
{
    return ZSTD_isError(ZSTD_DCtx_reset(state, ZSTD_reset_session_only)) ? ST_NOMEM : OK;
}

static enum status decode(void *state, struct codec_input *in, uint8_t *out, size_t n,
                          size_t *ret_n, struct err *e)
{
    ZSTD_inBuffer packed = {in->p, in->n, 0};
    ZSTD_outBuffer plain = {out, n, 0};
    size_t rc = ZSTD_decompressStream(state, &plain, &packed);
    codec_use(in, packed.pos);
    *ret_n = plain.pos;
    if (!ZSTD_isError(rc))
        return rc == 0 ? ST_END : OK;
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return err_set(e, ST_LIMIT, N_("asks for a larger window than %llu MiB"),
                       1ull << (LIMIT_ZSTD_WINDOW_LOG - 20));
    case ZSTD_error_memory_allocation:
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    case ZSTD_error_dictionary_wrong:
    case ZSTD_error_version_unsupported:
    case ZSTD_error_frameParameter_unsupported:
        return err_set(e, ST_UNSUPPORTED, N_("packed in a way that is not supported"));
    default:
        return err_set_at(e, ST_MALFORMED, in->used, N_("damaged at byte %llu"),
                          (unsigned long long)in->used);
    }
}

const struct codec_format codec_zstd = {"zstd", sniff, make, done, reset, decode};
