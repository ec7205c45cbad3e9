/* base64 and base64url (RFC 4648 sections 4 and 5), padded or not, at any alignment, and gzip (RFC
 * 1952) within. A run is read at each of its four alignments, for it may begin inside other
 * letters; what comes out counts when it looks like text, or is gzip. */
#include "lookup/decode.h"

#include <zlib.h>

#define RUN_MIN 12 /* "${jndi:x}" has 12 characters in base64 */

static int digit(uint8_t c)
{
    if (c == ' ' || c == '$' || c == '{') /* what most text has between its words */
        return -1;
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The run from `at` on: digits, and the line breaks and escaped slashes that writers put in. */
static size_t run_length(struct slice in, size_t at)
{
    size_t n = 0;
    while (at + n < in.n && digit(in.p[at + n]) >= 0)
        n++;
    return n;
}

static void decode_run(struct slice run, struct buf *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < run.n; i++) {
        bits = bits << 6 | (uint32_t)digit(run.p[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            (void)buf_add_char(out, (char)(uint8_t)(bits >> have));
        }
    }
}

/* Inflates what stands behind `start` in its place; cut at DECODE_GROWTH times its length. */
static enum status gunzip(struct buf *out, size_t start)
{
    uint8_t piece[4096];
    struct slice packed = slice_sub(buf_slice(out), start, out->n);
    struct buf text;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    if (packed.n > UINT32_MAX || inflateInit2(&z, 15 + 16) != Z_OK)
        return ST_NOMEM;
    buf_init(&text, packed.n * DECODE_GROWTH);
    for (int rc = Z_OK; rc == Z_OK && buf_status(&text) == OK;) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        rc = inflate(&z, Z_NO_FLUSH);
        size_t room = text.max - text.n;
        size_t got = sizeof piece - z.avail_out;
        (void)buf_add(&text, piece, got < room ? got : room);
        if (got == 0 || got > room)
            break;
    }
    (void)inflateEnd(&z);
    buf_cut(out, start);
    (void)buf_add_slice(out, buf_slice(&text));
    buf_done(&text);
    return buf_status(out);
}

static bool is_printable(uint8_t c)
{
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

/* An opener of a variable or of another disguise, of which base64 again is one. */
static bool is_opener(struct slice s, size_t i)
{
    uint8_t c = s.p[i];
    uint8_t next = i + 1 < s.n ? s.p[i + 1] : 0;
    return (c == '$' && (next == '{' || next == '%' || next == '\\' || next == '&')) ||
           (c == '%' && next >= '2' && next <= '7') ||
           (c == '\\' && (next == 'u' || next == 'x' || (next >= '0' && next <= '7'))) ||
           (c == '&' && (next == '#' || (next | 0x20) >= 'a')) || (c == 'J' && next == 'H') ||
           (c == 'R' && next == '7') || (c == 'k' && next == 'e');
}

#define TEXT_MIN                                                                    \
    9 /* bytes in a row: what stands before the payload in the run decodes to noise \
       */

/* Whether there is a piece of text in it that is worth looking at. */
static bool looks_like_text(struct slice s)
{
    size_t run = 0;
    bool opener = false;
    for (size_t i = 0; i < s.n; i++) {
        run = is_printable(s.p[i]) ? run + 1 : 0;
        opener = run && (opener || is_opener(s, i));
        if (opener && run >= TEXT_MIN)
            return true;
    }
    return false;
}

/* The next run at or behind *at whose next alignment gives text. *at is twice a place and the
 * alignment: at = place * 4 + alignment. */
enum status decode_base64(struct slice in, size_t *at, struct buf *out)
{
    size_t start = out->n;
    for (size_t place = *at / 4, alignment = *at % 4; place < in.n; alignment = 0) {
        size_t n = run_length(in, place);
        if (n < RUN_MIN) {
            place += n + 1;
            continue;
        }
        for (; alignment < 4; alignment++) {
            decode_run(slice_sub(in, place + alignment, n - alignment), out);
            struct slice got = slice_sub(buf_slice(out), start, out->n);
            bool packed = slice_starts(got, SLICE_LIT("\x1f\x8b\x08"));
            if (buf_status(out) == OK && (packed || looks_like_text(got))) {
                *at = alignment < 3 ? place * 4 + alignment + 1 : (place + n) * 4;
                return packed ? gunzip(out, start) : OK;
            }
            if (buf_status(out) != OK)
                return buf_status(out);
            buf_cut(out, start);
        }
        place += n;
    }
    *at = in.n * 4;
    return ST_END;
}
