/* The second look, at a place that the prefilter let through: does it read as ${?
 *
 * Most places are done with by a quick test of the one escape that stands there: it must give one
 * of $ % \\ & and what follows must be able to continue it. What is left is read in full:
 * characters are pulled through up to four layers, of which each undoes any escape: percent, %u,
 * backslash, entity. A layer reads the one below it, so mixed and nested spellings come out without
 * a list of them. Each place costs at most OPENER_STEPS reads. */
#include "hunt/opener_int.h"

#include "base/base64.h"

struct puller {
    struct slice s;
    unsigned steps;
};

#define NOTHING (-1)

/* A character and where the next one begins. */
struct pulled {
    int32_t c; /* NOTHING: the end, or the steps are spent */
    size_t next;
};

static struct pulled pull(struct puller *p, size_t at, unsigned layer);

#define NO 255
const uint8_t opener_digits[256] = {[0 ... '0' - 1] = NO,
                                    ['0'] = 0,
                                    ['1'] = 1,
                                    ['2'] = 2,
                                    ['3'] = 3,
                                    ['4'] = 4,
                                    ['5'] = 5,
                                    ['6'] = 6,
                                    ['7'] = 7,
                                    ['8'] = 8,
                                    ['9'] = 9,
                                    ['9' + 1 ... 'A' - 1] = NO,
                                    ['A'] = 10,
                                    ['B'] = 11,
                                    ['C'] = 12,
                                    ['D'] = 13,
                                    ['E'] = 14,
                                    ['F'] = 15,
                                    ['F' + 1 ... 'a' - 1] = NO,
                                    ['a'] = 10,
                                    ['b'] = 11,
                                    ['c'] = 12,
                                    ['d'] = 13,
                                    ['e'] = 14,
                                    ['f'] = 15,
                                    ['f' + 1 ... 255] = NO};

/* Reads from `least` to `most` digits of the base through the layer. */
static bool pull_number(struct puller *p, size_t at, unsigned layer, int base, unsigned least,
                        unsigned most, struct pulled *ret)
{
    int32_t v = 0;
    unsigned n = 0;
    for (; n < most; n++) {
        struct pulled d = pull(p, at, layer);
        int digit = d.c < 0 || d.c > 255 ? -1 : hex_value((uint8_t)d.c);
        if (digit < 0 || digit >= base || v > 0xffff)
            break;
        v = v * base + digit;
        at = d.next;
    }
    *ret = (struct pulled){v, at};
    return n >= least;
}

/* The same of a number that ends by itself: any number of zeros may lead. Many of them take all
 * steps, and so are an opener until they are looked at whole. */
static bool pull_padded(struct puller *p, size_t at, unsigned layer, int base, unsigned most,
                        struct pulled *ret)
{
    struct pulled d = pull(p, at, layer);
    bool padded = d.c == '0';
    for (; d.c == '0'; d = pull(p, at, layer))
        at = d.next;
    return pull_number(p, at, layer, base, padded ? 0 : 1, most, ret);
}

static struct pulled pull_percent(struct puller *p, size_t at, unsigned layer)
{
    struct pulled v, u = pull(p, at, layer);
    if ((u.c == 'u' || u.c == 'U') && pull_number(p, u.next, layer, 16, 4, 4, &v))
        return v;
    return pull_number(p, at, layer, 16, 2, 2, &v) ? v : (struct pulled){NOTHING, 0};
}

static struct pulled pull_backslash(struct puller *p, size_t at, unsigned layer)
{
    struct pulled v, c = pull(p, at, layer);
    while (c.c == '\\')
        c = pull(p, at = c.next, layer);
    bool letter = false, is_x = false, is_wide = c.c == 'U';
    if (c.c == '\n' || c.c == '\r') { /* the line goes on: what follows is read as this was */
        struct pulled end = c.c == '\r' ? pull(p, c.next, layer) : c;
        return pull(p, end.c == '\n' ? end.next : c.next, layer + 1);
    }
    while (c.c == 'u' || c.c == 'U' || c.c == 'x' || c.c == 'X') {
        letter = true;
        is_x = (c.c | 0x20) == 'x';
        c = pull(p, at = c.next, layer);
    }
    if (!letter && c.c == '{') /* as shells and regular expressions have it */
        return c;
    if (!letter)
        return pull_number(p, at, layer, 8, 2, 3, &v) ? v : (struct pulled){NOTHING, 0};
    if (c.c == '{') {
        if (!pull_padded(p, c.next, layer, 16, 8, &v))
            return (struct pulled){NOTHING, 0};
        c = pull(p, v.next, layer);
        return c.c == '}' ? (struct pulled){v.c, c.next} : (struct pulled){NOTHING, 0};
    }
    if (is_wide && pull_number(p, at, layer, 16, 8, 8, &v))
        return v;
    unsigned digits = is_x ? 2 : 4;
    return pull_number(p, at, layer, 16, digits, digits, &v) ? v : (struct pulled){NOTHING, 0};
}

/* The entities that stand for what an opener, or another entity, is made of. */
static const struct {
    const char *name;
    int32_t value;
} entities[] = {
    {"dollar", '$'}, {"lbrace", '{'}, {"lcub", '{'}, {"bsol", '\\'},
    {"percnt", '%'}, {"amp", '&'},    {"num", '#'},
};
#define ENTITY_NAME 6

static struct pulled pull_entity(struct puller *p, size_t at, unsigned layer)
{
    struct pulled v = {NOTHING, 0}, c = pull(p, at, layer);
    if (c.c == '#') {
        struct pulled x = pull(p, c.next, layer);
        bool is_hex = (x.c | 0x20) == 'x';
        if (!pull_padded(p, is_hex ? x.next : c.next, layer, is_hex ? 16 : 10, 16, &v))
            return (struct pulled){NOTHING, 0};
    } else {
        char name[ENTITY_NAME + 1] = "";
        size_t ends[ENTITY_NAME];
        for (size_t i = 0; i < ENTITY_NAME && (c.c | 0x20) >= 'a' && (c.c | 0x20) <= 'z'; i++) {
            name[i] = (char)(c.c | 0x20);
            ends[i] = c.next;
            c = pull(p, c.next, layer);
        }
        for (size_t i = 0; i < ARRAY_LEN(entities) && v.c == NOTHING; i++) {
            size_t n = strlen(entities[i].name);
            if (strncmp(name, entities[i].name, n) == 0)
                v = (struct pulled){entities[i].value, ends[n - 1]};
        }
        if (v.c == NOTHING)
            return v;
    }
    c = pull(p, v.next, layer);
    return (struct pulled){v.c, c.c == ';' ? c.next : v.next};
}

/* The character at `at` after `layer` layers. */
static struct pulled pull(struct puller *p, size_t at, unsigned layer)
{
    if (p->steps == 0 || at >= p->s.n)
        return (struct pulled){NOTHING, at};
    p->steps--;
    if (layer == 0)
        return (struct pulled){p->s.p[at], at + 1};
    struct pulled c = pull(p, at, layer - 1);
    struct pulled escaped = {NOTHING, 0};
    if (c.c == '%')
        escaped = pull_percent(p, c.next, layer - 1);
    else if (c.c == '\\')
        escaped = pull_backslash(p, c.next, layer - 1);
    else if (c.c == '&')
        escaped = pull_entity(p, c.next, layer - 1);
    return escaped.c == NOTHING ? c : escaped;
}

/* --- base64 */

#define BASE64_LOOK 100 /* digits from the opener's group on that are looked at */
#define BASE64_TEXT 6   /* bytes of text that must stand behind ${: chance gives fewer */

/* Three bytes of ASCII text, none of them }, which ends the look; all else is read one by one. */
static inline bool is_plain_group(uint32_t v)
{
    uint32_t x = v ^ 0x7d7d7d;
    bool bracket = (x - 0x010101) & ~x & 0x808080;
    return !(v & 0x808080) && ((v | v >> 1) & 0x202020) == 0x202020 && !bracket;
}

/* Text so far: ASCII, or UTF-8 whose lead and tail bytes follow each other. `*tails`: how many are
 * due. */
static bool is_text(uint8_t c, unsigned *tails)
{
    if (*tails) {
        --*tails;
        return (c & 0xc0) == 0x80;
    }
    if (c >= 0x80) {
        *tails = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        return c >= 0xc2 && c < 0xf5;
    }
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

/* A group of which only the digits from `at` on count, `before` stand before them; it may be cut.
 * *ret_bytes: how many of its bytes are whole. */
static uint32_t base64_part(struct slice s, size_t at, unsigned before, size_t *ret_bytes)
{
    uint32_t v = 0;
    unsigned n = before;
    for (; n < 4 && at < s.n && is_base64(s.p[at]); n++, at++)
        v |= (uint32_t)base64_digits[s.p[at]] << (18 - 6 * n);
    *ret_bytes = n * 6 / 8;
    return v;
}

/* By the first bytes, of which there are six or all: whether more is worth reading. A %25 may be
 * the first of many. */
static bool base64_begins(struct slice s)
{
    struct opener_memory none = {0};
    if (slice_starts(s, SLICE_LIT("${")))
        return true;
    return s.n >= 2 && (s.p[0] == '$' || s.p[0] == '%' || s.p[0] == '\\' || s.p[0] == '&') &&
           (slice_starts(s, SLICE_LIT("%25")) || opener_quick(s, 0, &none) != OPENER_NO);
}

static inline uint32_t base64_first(struct slice s, size_t at, unsigned before, size_t *ret_bytes)
{
    uint32_t v = before == 0 && s.n - at >= 4 ? base64_group(s.p + at) : UINT32_MAX;
    return v >> 24 ? base64_part(s, at, before, ret_bytes) : v;
}

/* The digits from `at` on, before which `before` digits of their group stand, and as many bytes
 * before the opener: whether they are one and text behind it. Behind a } anything may follow. What
 * is found not to be text is kept in m, for openers of one alignment read the same text. */
static bool base64_opener(struct slice s, size_t at, unsigned before, struct opener_memory *m)
{
    uint8_t bytes[BASE64_LOOK];
    uint32_t three;
    size_t n = 0, whole = 3, i = at, lane = (at - before) & 3;
    unsigned tails = 0, k = before;
    bool begun = false, closed = false;
    if (at > m->from[lane] && at < m->failed[lane])
        return false;
    uint32_t v = base64_first(s, at, before, &whole) << 8 * before;
    for (;;) {
        for (; k < whole && !closed; k++, v <<= 8) {
            uint8_t c = (uint8_t)(v >> 16);
            if (!is_text(c, &tails)) {
                m->from[lane] = at;
                m->failed[lane] = i;
                return false;
            }
            bytes[n++] = c;
            closed = n > 2 && c == '}';
        }
        bool ends = closed || whole < 3 || i >= at + BASE64_LOOK - 8;
        if (!begun && (n >= 6 || ends) && !base64_begins(slice_of(bytes, n)))
            return false;
        size_t next = i + (i == at ? 4 - before : 4);
        if (ends && !closed && whole == 3) {
            m->text_from[lane] = at;
            m->text_to[lane] = next;
            m->tails[lane] = tails;
        }
        if (ends)
            return (closed || n >= 2 + BASE64_TEXT) && base64_begins(slice_of(bytes, n));
        begun = n >= 6;
        i = next;
        size_t known = at > m->text_from[lane] ? m->text_to[lane] : 0;
        if (begun && bytes[0] == '$' && bytes[1] == '{' && i < known &&
            known < at + BASE64_LOOK - 4) { /* only its first two bytes are asked for again */
            n += (known - i) / 4 * 3;
            i = known;
            tails = m->tails[lane];
        }
        for (k = 0;; i += 4) { /* over plain text, of which only the end is seen above */
            v = s.n - i >= 4 ? base64_group(s.p + i) : UINT32_MAX;
            if (v >> 24)
                v = base64_part(s, i, 0, &whole);
            if (whole < 3 || tails || !is_plain_group(v))
                break;
            three = __builtin_bswap32(v << 8);
            memcpy(bytes + n, &three, sizeof three);
            n += 3;
            if (!begun || i >= at + BASE64_LOOK - 8) {
                k = 3;
                break;
            }
        }
    }
}

static bool same(struct slice s, size_t at, const char *text)
{
    return slice_starts(slice_sub(s, at, s.n), slice_str(text));
}

/* gzip, whose first three bytes are always the same. */
static bool base64_gzip(struct slice s, size_t at)
{
    if (same(s, at, "H4sI"))
        return true;
    if (at == 0 || !is_base64(s.p[at - 1]))
        return false;
    return (s.p[at] == 'L' && (s.p[at - 1] == '+' || s.p[at - 1] == '-') &&
            (at == 1 || (s.p[at - 2] && strchr("BRhx", s.p[at - 2])))) ||
           (same(s, at, "iwg") && s.p[at - 1] == 'f');
}

static bool base64_can(struct slice s, size_t at, struct opener_memory *m)
{
    switch (s.p[at]) {
    case 'J':
        return base64_opener(s, at, 0, m);
    case 'k':
        return at > 0 && base64_opener(s, at - 1, 2, m);
    case 'H':
    case 'L':
        return base64_gzip(s, at);
    default:
        return base64_gzip(s, at) || base64_opener(s, at, 1, m);
    }
}

/* --- the quick test */

static uint8_t at_or_nul(struct slice s, size_t at)
{
    return at < s.n ? s.p[at] : 0;
}

/* Whether the name of an entity that matters can begin at `at`: by three of its letters, for the
 * fields of forms begin with two of them all the time (&amount, &date, &price). */
static bool name_can(struct slice s, size_t at)
{
    static const char heads[][4] = {"amp", "bso", "dol", "lbr", "lcu", "per"};
    for (size_t h = 0; h < ARRAY_LEN(heads); h++) {
        size_t n = 0;
        while (n < 3 && (at_or_nul(s, at + n) | 0x20) == heads[h][n])
            n++;
        if (n == 3 ||
            (n > 0 && opener_is_escape(at_or_nul(s, at + n)))) /* the next may be hidden */
            return true;
    }
    return false;
}

/* Whether what stands at `at` can go on after the character v of the layer below. */
static bool continues(struct slice s, size_t at, int32_t v)
{
    if (at >= s.n || (v != '$' && v != '%' && v != '\\' && v != '&'))
        return false;
    uint8_t c = s.p[at], low = c | 0x20;
    if (opener_is_escape(c))
        return true;
    switch (v) {
    case '$':
        return c == '{' || c == 0;
    case '%':
        return c == '2' || c == '5' || low == 'u' || c == '3';
    case '\\':
        return low == 'u' || low == 'x' || (c >= '0' && c <= '7');
    case '&':
        return c == '#' || name_can(s, at);
    default:
        return false;
    }
}

/* Raw digits of the base from `at` on: whether they, or what they go over into, can be the number
 * of a character that matters. */
static bool number_can(struct slice s, size_t at, int base, size_t least, size_t most)
{
    int32_t v = 0;
    size_t n = 0;
    for (; n < most && v <= 0xffff; n++) {
        int d = opener_digits[at_or_nul(s, at + n)];
        if (d >= base)
            break;
        v = v * base + d;
    }
    if (n < most && opener_is_escape(at_or_nul(s, at + n)))
        return true; /* the next digit may be hidden */
    if (n < least)
        return false;
    size_t behind = at + n + (at_or_nul(s, at + n) == ';' || at_or_nul(s, at + n) == '}');
    return continues(s, behind, v);
}

static bool padded_can(struct slice s, size_t at, int base, size_t most)
{
    size_t first = at;
    while (at_or_nul(s, at) == '0')
        at++;
    return number_can(s, at, base, at == first, most);
}

static bool percent_can(struct slice s, size_t at)
{
    uint8_t c = at_or_nul(s, at + 1);
    while (c == '2' && at_or_nul(s, at + 2) == '5') { /* %252525…, of any depth */
        at += 2;
        c = at_or_nul(s, at + 1);
    }
    if (opener_is_escape(c))
        return true;
    if ((c | 0x20) == 'u')
        return number_can(s, at + 2, 16, 4, 4);
    return number_can(s, at + 1, 16, 2, 2);
}

static bool backslash_can(struct slice s, size_t at)
{
    while (at_or_nul(s, at) == '\\')
        at++;
    bool letter = false, is_x = false, is_wide = at_or_nul(s, at) == 'U';
    for (; (at_or_nul(s, at) | 0x20) == 'u' || (at_or_nul(s, at) | 0x20) == 'x'; at++) {
        letter = true;
        is_x = (s.p[at] | 0x20) == 'x';
    }
    uint8_t c = at_or_nul(s, at);
    if (opener_is_escape(c))
        return true;
    if (!letter)
        return c == '\n' || c == '\r' || number_can(s, at, 8, 2, 3) || number_can(s, at, 8, 2, 2);
    if (c == '{')
        return padded_can(s, at + 1, 16, 8);
    if (is_wide && number_can(s, at, 16, 8, 8))
        return true;
    return is_x ? number_can(s, at, 16, 2, 2) : number_can(s, at, 16, 4, 4);
}

static bool entity_can(struct slice s, size_t at)
{
    if (at_or_nul(s, at + 1) != '#')
        return continues(s, at + 1, '&');
    bool is_hex = (at_or_nul(s, at + 2) | 0x20) == 'x';
    return opener_is_escape(at_or_nul(s, at + 2)) ||
           padded_can(s, at + 2 + is_hex, is_hex ? 16 : 10, 16);
}

enum opener_answer opener_quick(struct slice s, size_t at, struct opener_memory *m)
{
    uint8_t c = s.p[at], next = at_or_nul(s, at + 1);
    bool can = false;
    switch (c) {
    case '$':
        if (next == '{')
            return OPENER_YES;
        can = opener_is_escape(next) ||
              (next == 0 && at + 2 < s.n && (s.p[at + 2] == '{' || opener_is_escape(s.p[at + 2])));
        break;
    case '%':
        can = percent_can(s, at);
        break;
    case '\\':
        can = backslash_can(s, at);
        break;
    case '&':
        can = entity_can(s, at);
        break;
    default:
        if (base64_can(s, at, m))
            return OPENER_YES;
    }
    return can ? OPENER_MAYBE : OPENER_NO;
}

bool opener_full(struct slice s, size_t at, unsigned *steps)
{
    struct puller p = {s, *steps};
    struct pulled first = pull(&p, at, OPENER_LAYERS), second = {0};
    if (first.c == '$') {
        second = pull(&p, first.next, OPENER_LAYERS);
        if (second.c == 0) /* UTF-16 */
            second = pull(&p, second.next, OPENER_LAYERS);
    }
    *steps -= p.steps;
    return (first.c == '$' && second.c == '{') || p.steps == 0;
}

bool opener_at(struct slice s, size_t at)
{
    struct opener_memory none = {0};
    unsigned steps = OPENER_STEPS;
    enum opener_answer a = opener_quick(s, at, &none);
    return a == OPENER_YES || (a == OPENER_MAYBE && opener_full(s, at, &steps));
}
