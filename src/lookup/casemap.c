/* Case mapping of whole texts: Unicode 13 chapter 3.13 (toLowercase, toUppercase) with
 * SpecialCasing.txt's unconditional rows and final sigma; Turkish and Azeri i as Java's
 * String.toLowerCase(Locale) has them. */
#include "base/utf8.h"
#include "lookup/resolve.h"

struct case_range {
    uint32_t first, last;
    int step, delta;
};
struct case_many {
    uint32_t from, to[3];
};
#include "lookup/casemap_table.h"

static uint32_t by_ranges(const struct case_range *r, size_t n, uint32_t cp)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) { /* the first range whose end is not before cp */
        size_t mid = (low + high) / 2;
        if (r[mid].last < cp)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < n && r[low].first <= cp && (cp - r[low].first) % (uint32_t)r[low].step == 0)
        return (uint32_t)((int64_t)cp + r[low].delta);
    return cp;
}

static bool in_ranges(const uint32_t (*r)[2], size_t n, uint32_t cp)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (r[mid][1] < cp)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && r[low][0] <= cp;
}

static void put(struct buf *out, uint32_t cp)
{
    uint8_t bytes[4];
    (void)buf_add(out, bytes, utf8_encode(cp, bytes));
}

static bool put_many(struct buf *out, const struct case_many *m, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++) {
        if (m[i].from != cp)
            continue;
        for (size_t k = 0; k < 3 && m[i].to[k]; k++)
            put(out, m[i].to[k]);
        return true;
    }
    return false;
}

/* The nearest code point before or behind that is not case-ignorable is cased. */
static bool cased_before(struct slice s, size_t at)
{
    while (at > 0) {
        size_t start = at - 1;
        size_t n = 0;
        bool ok = false;
        while (start > 0 && at - start < 4 && (s.p[start] & 0xc0) == 0x80)
            start--;
        uint32_t cp = utf8_decode(slice_sub(s, start, at - start), &n, &ok);
        if (!ok || !in_ranges(ignorable_ranges, ARRAY_LEN(ignorable_ranges), cp))
            return ok && in_ranges(cased_ranges, ARRAY_LEN(cased_ranges), cp);
        at = start;
    }
    return false;
}

static bool cased_behind(struct slice s, size_t at)
{
    while (at < s.n) {
        size_t n = 0;
        bool ok = false;
        uint32_t cp = utf8_decode(slice_sub(s, at, s.n), &n, &ok);
        if (!ok || !in_ranges(ignorable_ranges, ARRAY_LEN(ignorable_ranges), cp))
            return ok && in_ranges(cased_ranges, ARRAY_LEN(cased_ranges), cp);
        at += n;
    }
    return false;
}

/* A context of many ignorable letters is looked at only so far, so that a text of sigmas and marks
 * costs linear time. */
#define SIGMA_CONTEXT 128

static bool final_sigma(struct slice s, size_t at, size_t n)
{
    size_t from = at > SIGMA_CONTEXT ? at - SIGMA_CONTEXT : 0;
    return cased_before(slice_sub(s, from, at - from), at - from) &&
           !cased_behind(slice_sub(s, at + n, SIGMA_CONTEXT), 0);
}

/* Maps the ASCII letters from `first` to first + 25 at i and behind it to the other case, up to a
 * byte that is not ASCII or is `special`; how many bytes that were. */
static size_t map_ascii(struct slice s, size_t i, uint8_t first, uint8_t special, struct buf *out)
{
    size_t n = 0;
    uint8_t *room;
    while (i + n < s.n && s.p[i + n] < 0x80 && s.p[i + n] != special)
        n++;
    if (n == 0 || buf_reserve(out, n, &room) != OK)
        return n;
    for (size_t k = 0; k < n; k++) {
        uint8_t c = s.p[i + k];
        room[k] = (uint8_t)(c - first) < 26 ? c ^ 0x20 : c;
    }
    buf_commit(out, n);
    return n;
}

#define NO_BYTE 0xff /* is never ASCII */

void case_lower(struct slice s, enum eval_locale locale, struct buf *out)
{
    bool tr = locale == EVAL_TURKISH;
    for (size_t i = 0, n = 0; i < s.n && buf_status(out) == OK; i += n) {
        bool ok = false;
        if ((n = map_ascii(s, i, 'A', tr ? 'I' : NO_BYTE, out)) > 0)
            continue;
        uint32_t cp = utf8_decode(slice_sub(s, i, s.n), &n, &ok);
        if (!ok)
            (void)buf_add(out, s.p + i, n);
        else if (tr && cp == 'I')
            put(out, 0x131);
        else if (tr && cp == 0x130)
            put(out, 'i');
        else if (cp == 0x3a3)
            put(out, final_sigma(s, i, n) ? 0x3c2 : 0x3c3);
        else if (!put_many(out, lower_many, ARRAY_LEN(lower_many), cp))
            put(out, by_ranges(lower_ranges, ARRAY_LEN(lower_ranges), cp));
    }
}

void case_upper(struct slice s, enum eval_locale locale, struct buf *out)
{
    bool tr = locale == EVAL_TURKISH;
    for (size_t i = 0, n = 0; i < s.n && buf_status(out) == OK; i += n) {
        bool ok = false;
        if ((n = map_ascii(s, i, 'a', tr ? 'i' : NO_BYTE, out)) > 0)
            continue;
        uint32_t cp = utf8_decode(slice_sub(s, i, s.n), &n, &ok);
        if (!ok)
            (void)buf_add(out, s.p + i, n);
        else if (tr && cp == 'i')
            put(out, 0x130);
        else if (!put_many(out, upper_many, ARRAY_LEN(upper_many), cp))
            put(out, by_ranges(upper_ranges, ARRAY_LEN(upper_ranges), cp));
    }
}
