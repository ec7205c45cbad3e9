/* base64 and base64url (RFC 4648 sections 4 and 5), padded or not, at any alignment, and gzip (RFC
 * 1952) within. A run is read at each of its four alignments, for it may begin inside other
 * letters; what comes out counts when it looks like text, or is gzip. */
#include "lookup/decode.h"

#include <zlib.h>

#define RUN_MIN 12 /* "${jndi:x}" has 12 characters in base64 */

/* The value of a digit and one more; 0 is no digit. */
static const uint8_t digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    ['-'] = 63, ['_'] = 64};

/* The run from `at` on: digits, and the line breaks that writers put between them. */
static size_t run_length(struct slice in, size_t at)
{
    size_t n = 0;
    for (;;) {
        while (at + n < in.n && digits[in.p[at + n]])
            n++;
        size_t gap = n;
        while (n && at + gap < in.n && (in.p[at + gap] == '\n' || in.p[at + gap] == '\r'))
            gap++;
        if (gap == n || at + gap == in.n || !digits[in.p[at + gap]])
            return n;
        n = gap;
    }
}

/* Appends what the digits of the run give from the alignment on. Their values are laid out behind
 * the room of the result first, without the line breaks. */
static void decode_run(struct slice run, size_t alignment, struct buf *out)
{
    uint8_t *room;
    size_t n = 0, i = alignment;
    if (buf_reserve(out, run.n * 2, &room) != OK)
        return;
    uint8_t *values = room + run.n, *w = room;
    for (size_t k = 0; k < run.n; k++) {
        values[n] = (uint8_t)(digits[run.p[k]] - 1);
        n += digits[run.p[k]] != 0;
    }
    for (; i + 4 <= n; i += 4) {
        const uint8_t *v = values + i;
        *w++ = (uint8_t)(v[0] << 2 | v[1] >> 4);
        *w++ = (uint8_t)(v[1] << 4 | v[2] >> 2);
        *w++ = (uint8_t)(v[2] << 6 | v[3]);
    }
    if (i + 2 <= n)
        *w++ = (uint8_t)(values[i] << 2 | values[i + 1] >> 4);
    if (i + 3 <= n)
        *w++ = (uint8_t)(values[i + 1] << 4 | values[i + 2] >> 2);
    buf_commit(out, (size_t)(w - room));
}

/* Inflates what stands behind `start` in its place; cut at DECODE_GROWTH times its length. */
static enum status gunzip(struct buf *out, size_t start)
{
    uint8_t piece[4096];
    struct slice packed = slice_sub(buf_slice(out), start, out->n);
    struct buf text;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    if (packed.n > UINT32_MAX || inflateInit2(&z, 15 + 32) != Z_OK)
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

enum { PRINTS = 1, MAY_OPEN = 2, ZERO = 4 };

/* What a byte is to looks_like_text. */
static const uint8_t classes[256] = {[0] = ZERO,
                                     ['\t'] = PRINTS,
                                     ['\n'] = PRINTS,
                                     ['\r'] = PRINTS,
                                     [0x20 ... 0x23] = PRINTS,
                                     ['$'] = PRINTS | MAY_OPEN,
                                     ['%'] = PRINTS | MAY_OPEN,
                                     ['&'] = PRINTS | MAY_OPEN,
                                     [0x27 ... 0x49] = PRINTS,
                                     ['J'] = PRINTS | MAY_OPEN,
                                     [0x4b ... 0x51] = PRINTS,
                                     ['R'] = PRINTS | MAY_OPEN,
                                     [0x53 ... 0x5b] = PRINTS,
                                     ['\\'] = PRINTS | MAY_OPEN,
                                     [0x5d ... 0x6a] = PRINTS,
                                     ['k'] = PRINTS | MAY_OPEN,
                                     [0x6c ... 0xff] = PRINTS};

/* An opener of a variable or of another disguise, of which base64 again is one. */
static bool is_opener(struct slice s, size_t i)
{
    uint8_t c = s.p[i];
    uint8_t next = i + 1 < s.n ? s.p[i + 1] : 0;
    if (next == 0 && i + 2 < s.n) /* UTF-16, little-endian or big */
        next = s.p[i + 2];
    return (c == '$' && (next == '{' || next == '%' || next == '\\' || next == '&')) ||
           (c == '%' && next >= '2' && next <= '7') ||
           (c == '\\' && (next == 'u' || next == 'x' || (next >= '0' && next <= '7'))) ||
           (c == '&' && (next == '#' || (next | 0x20) >= 'a')) || (c == 'J' && next == 'H') ||
           (c == 'R' && next == '7') || (c == 'k' && next == 'e');
}

/* bytes in a row: what stands before the payload in the run decodes to noise */
#define TEXT_MIN 9

/* Whether there is a piece of text in it that is worth looking at; the zeros of UTF-16 belong to
 * it. */
static bool looks_like_text(struct slice s)
{
    size_t run = 0;
    bool opener = false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned class = classes[s.p[i]];
        if (class == ZERO && i > 0 && s.p[i - 1])
            continue;
        run = class & PRINTS ? run + 1 : 0;
        opener = run && (opener || (class & MAY_OPEN && is_opener(s, i)));
        if (opener && run >= TEXT_MIN)
            return true;
    }
    return false;
}

/* RFC 1952; RFC 1950 with the usual window. */
static bool is_packed(struct slice s)
{
    return slice_starts(s, SLICE_LIT("\x1f\x8b\x08")) ||
           (s.n > 6 && s.p[0] == 0x78 && ((s.p[0] << 8 | s.p[1]) % 31) == 0 && !(s.p[1] & 0x20));
}

/* The next run at or behind *at whose next alignment gives text. *at is four times a place, and the
 * alignment. */
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
            decode_run(slice_sub(in, place, n), alignment, out);
            struct slice got = slice_sub(buf_slice(out), start, out->n);
            if (buf_status(out) != OK)
                return buf_status(out);
            if (is_packed(got) || looks_like_text(got)) {
                *at = alignment < 3 ? place * 4 + alignment + 1 : (place + n) * 4;
                return is_packed(got) ? gunzip(out, start) : OK;
            }
            buf_cut(out, start);
        }
        place += n;
    }
    *at = in.n * 4;
    return ST_END;
}
