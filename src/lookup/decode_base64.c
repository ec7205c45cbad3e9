/* base64 and base64url (RFC 4648 sections 4 and 5), padded or not, at any alignment, and gzip (RFC
 * 1952) within. A run is read at each of its four alignments, for it may begin inside other
 * letters; what comes out counts when it looks like text, or is gzip. */
#include "lookup/decode.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <zlib.h>

#define RUN_START 50 /* for each alignment of a run */
#define RUN_WORK 1   /* and for each digit */
#define RUN_MIN 12   /* "${jndi:x}" has 12 characters in base64 */

static inline bool in_run(uint8_t c)
{
    return is_base64(c) || c == '\n' || c == '\r';
}

/* Where the next run may begin from `at` on that has RUN_MIN bytes: what ends one is looked for
 * where it would have that many, and most of other text is not looked at. */
static size_t next_run(struct slice in, size_t at)
{
    for (size_t i = at; in.n - i >= RUN_MIN && i < in.n;) {
        size_t k = RUN_MIN;
        while (k > 0 && in_run(in.p[i + k - 1]))
            k--;
        if (k == 0)
            return i;
        i += k;
    }
    return in.n;
}

/* The run from `at` on: digits, and the line breaks that writers put between them. */
static size_t run_length(struct slice in, size_t at)
{
    size_t n = 0;
    for (;;) {
        while (in.n - at - n >= 4 && base64_group(in.p + at + n) >> 24 == 0)
            n += 4;
        while (at + n < in.n && is_base64(in.p[at + n]))
            n++;
        size_t gap = n;
        while (n && at + gap < in.n && (in.p[at + gap] == '\n' || in.p[at + gap] == '\r'))
            gap++;
        if (gap == n || at + gap == in.n || !is_base64(in.p[at + gap]))
            return n;
        n = gap;
    }
}

/* The next digits of the run from *i on, up to four, line breaks left out; how many there are. */
static size_t take_digits(struct slice run, size_t *i, uint32_t *ret)
{
    size_t n = 0;
    uint32_t v = 0;
    for (; n < 4 && *i < run.n; ++*i) {
        uint8_t d = base64_digits[run.p[*i]];
        if (d != BASE64_NONE)
            v |= (uint32_t)d << (18 - 6 * n++);
    }
    *ret = v;
    return n;
}

/* Appends what the digits of the run give from the alignment on. */
static void decode_run(struct slice run, size_t alignment, struct buf *out)
{
    uint8_t *room;
    uint32_t v = 0;
    size_t i = 0, n = 4;
    if (buf_reserve(out, run.n, &room) != OK)
        return;
    uint8_t *w = room;
    for (size_t skip = alignment; skip > 0 && i < run.n; i++)
        skip -= is_base64(run.p[i]);
    while (n == 4) {
        v = run.n - i >= 4 ? base64_group(run.p + i) : UINT32_MAX;
        if (v >> 24) {
            n = take_digits(run, &i, &v);
            for (size_t k = 1; k < n; k++, v <<= 8)
                *w++ = (uint8_t)(v >> 16);
        } else {
            uint32_t three = __builtin_bswap32(v << 8);
            memcpy(w, &three, sizeof three); /* there is room for four: more digits than bytes */
            w += 3;
            i += 4;
        }
    }
    buf_commit(out, (size_t)(w - room));
}

/* --- what is worth a look: a text that begins with an opener, of a variable or another disguise */

static uint8_t at_or_nul(struct slice s, size_t i)
{
    return i < s.n ? s.p[i] : 0;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_escape(uint8_t c)
{
    return c == '%' || c == '\\' || c == '&';
}

/* base64 again: of ${ at each alignment, of the ways to escape it, of gzip. */
static bool opens_base64(struct slice s, size_t i)
{
    uint8_t c = s.p[i], third = at_or_nul(s, i + 2);
    switch (at_or_nul(s, i + 1)) {
    case 'H': /* ${, \u, \x */
        return (c == 'J' && third >= 's' && third <= 'v') ||
               (c == 'X' && (third == 'U' || third == 'g'));
    case 'R':
        return third == '7' && (c == 'C' || c == 'S' || c == 'i' || c == 'y');
    case 'k':
        return third == 'e' && is_base64(c) && base64_digits[c] % 4 == 0;
    case 'T': /* %2 */
        return c == 'J' && third == 'I';
    case 'C': /* $% */
        return c == 'J' && third == 'U';
    case 'i': /* &# */
        return c == 'J' && third == 'M';
    case '4': /* gzip */
        return c == 'H' && third == 's';
    default:
        return false;
    }
}

/* Whether what stands at i can become an opener. In UTF-16 (`wide`) every second byte counts. */
static bool is_opener(struct slice s, size_t i, size_t wide)
{
    uint8_t c = s.p[i], next = at_or_nul(s, i + wide), third = at_or_nul(s, i + 2 * wide);
    switch (c) {
    case '$':
        return next == '{' || is_escape(next);
    case '%':
        return is_escape(next) || ((next | 0x20) == 'u' && is_hex(third)) ||
               (next >= '2' && next <= '7' && (is_hex(third) || is_escape(third)));
    case '\\':
        return ((next | 0x20) == 'u' || (next | 0x20) == 'x'
                    ? is_hex(third) || third == '{' || (third | 0x20) == 'u'
                    : next >= '0' && next <= '7' && third >= '0' && third <= '7') ||
               is_escape(next) || (next && strchr("${", next));
    case '&':
        return next == '#' ? (third >= '0' && third <= '9') || (third | 0x20) == 'x'
                           : next && strchr("adlbp", next | 0x20) && third &&
                                 strchr("mobcse", third | 0x20);
    default:
        return wide == 1 && opens_base64(s, i);
    }
}

/* Bytes from an opener on that must be text: ${jndi: has as many. Chance gives fewer, and with a
 * decoder's noise before it nothing can be asked for there. */
#define TEXT_MIN 7

/* How many bytes from i on, up to TEXT_MIN, are text: ASCII, or well-formed UTF-8. */
static size_t text_length(struct slice s, size_t i)
{
    size_t from = i;
    while (i < s.n && i - from < TEXT_MIN) {
        uint8_t c = s.p[i];
        size_t n = 1;
        bool ok = c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
        if (c >= 0x80)
            (void)utf8_decode(slice_sub(s, i, s.n), &n, &ok);
        if (!ok)
            break;
        i += n;
    }
    return i - from;
}

/* The same of UTF-16, of which the zeros are left out: ASCII beside zeros. */
static size_t wide_length(struct slice s, size_t i)
{
    size_t n = 0;
    for (; i < s.n && n < TEXT_MIN && s.p[i] >= 0x20 && s.p[i] < 0x7f; i += 2, n++)
        if (i + 1 < s.n && s.p[i + 1])
            break;
    return n;
}

/* The first bytes of openers. */
static const bool may_open[256] = {
    ['$'] = true, ['%'] = true, ['&'] = true, ['\\'] = true, ['A'] = true, ['C'] = true,
    ['E'] = true, ['H'] = true, ['I'] = true, ['J'] = true,  ['M'] = true, ['Q'] = true,
    ['S'] = true, ['U'] = true, ['X'] = true, ['Y'] = true,  ['c'] = true, ['g'] = true,
    ['i'] = true, ['k'] = true, ['o'] = true, ['s'] = true,  ['w'] = true, ['y'] = true,
    ['0'] = true, ['4'] = true, ['8'] = true};

static bool looks_like_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!may_open[s.p[i]])
            continue;
        bool wide = i + 1 < s.n && s.p[i + 1] == 0;
        if (wide ? is_opener(s, i, 2) && wide_length(s, i) == TEXT_MIN
                 : is_opener(s, i, 1) && text_length(s, i) >= TEXT_MIN)
            return true;
    }
    return false;
}

/* --- packed within */

/* Counts what something costs before it is done; true: it is not to be done. */
static bool too_much(struct decoding *d, uint64_t cost)
{
    if (d->most && d->work + cost > d->most)
        return true;
    d->work += cost;
    return false;
}

/* RFC 1952 anywhere, for a run may begin before it; RFC 1950 with the usual window at the
 * beginning. */
static size_t packed_at(struct slice s)
{
    size_t at = slice_index(s, 0x1f);
    while (at < s.n && !slice_starts(slice_sub(s, at, s.n), SLICE_LIT("\x1f\x8b\x08")))
        at += 1 + slice_index(slice_sub(s, at + 1, s.n), 0x1f);
    bool zlib = s.n > 6 && s.p[0] == 0x78 && ((s.p[0] << 8 | s.p[1]) % 31) == 0 && !(s.p[1] & 0x20);
    return zlib ? 0 : at;
}

#define INFLATE_WORK 1200 /* to set it up, and for its tables */
#define INFLATE_BYTE 4    /* for each packed byte */

/* Inflates what begins `from` behind `start`, in the place of what stands behind `start`; cut at
 * DECODE_GROWTH times its length. ST_END when nothing of interest comes out. */
static enum status gunzip(struct buf *out, size_t start, size_t from, struct decoding *d)
{
    struct slice packed = slice_sub(buf_slice(out), start + from, out->n);
    struct buf text;
    uint8_t *room;
    size_t most = packed.n * DECODE_GROWTH;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    if (too_much(d, INFLATE_WORK + packed.n * INFLATE_BYTE))
        return ST_LIMIT;
    buf_init(&text, most);
    if (most > UINT32_MAX || buf_reserve(&text, most, &room) != OK ||
        inflateInit2(&z, 15 + 32) != Z_OK) {
        buf_done(&text);
        return ST_NOMEM;
    }
    z.next_out = room;
    z.avail_out = (uInt)most;
    (void)inflate(&z, Z_FINISH); /* cut or damaged: what came before counts */
    buf_commit(&text, most - z.avail_out);
    (void)inflateEnd(&z);
    d->work += text.n * RUN_WORK;
    enum status st = looks_like_text(buf_slice(&text)) ? OK : ST_END;
    if (st == OK) {
        buf_cut(out, start);
        (void)buf_add_slice(out, buf_slice(&text));
        st = buf_status(out);
    }
    buf_done(&text);
    return st;
}

/* The next run at or behind d->at whose next alignment gives text. d->at is four times a place, and
 * the alignment. */
enum status decode_base64(struct slice in, struct decoding *d, struct buf *out)
{
    size_t start = out->n, from = d->at / 4;
    for (size_t place = from, alignment = d->at % 4; place < in.n; alignment = 0) {
        size_t run = alignment ? place : next_run(in, place), n = run_length(in, run);
        d->work += (run - place) / DECODE_LOOK + n / DECODE_LOOK + 1;
        place = run;
        if (n < RUN_MIN) {
            place += n + 1;
            continue;
        }
        for (; alignment < 4; alignment++) {
            if (too_much(d, RUN_START + n * RUN_WORK))
                return ST_LIMIT;
            decode_run(slice_sub(in, place, n), alignment, out);
            struct slice got = slice_sub(buf_slice(out), start, out->n);
            if (buf_status(out) != OK)
                return buf_status(out);
            size_t packed = packed_at(got);
            enum status st = packed < got.n ? gunzip(out, start, packed, d) : ST_END;
            if (st == ST_END && looks_like_text(got))
                st = OK;
            if (st != ST_END) {
                d->at = alignment < 3 ? place * 4 + alignment + 1 : (place + n) * 4;
                return st;
            }
            buf_cut(out, start);
        }
        place += n;
    }
    d->at = in.n * 4;
    return ST_END;
}
