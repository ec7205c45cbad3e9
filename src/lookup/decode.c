/* The decoders of escapes: percent, backslash, entities, UTF-16. base64 and gzip: decode_base64.c.
 */
#include "lookup/decode.h"

#include "base/utf8.h"
#include "lookup/signs.h"

const struct decoder decoders[] = {
    {"url", SIGN_PERCENT, decode_url},      {"backslash", SIGN_BACKSLASH, decode_backslash},
    {"entity", SIGN_ENTITY, decode_entity}, {"utf-16", SIGN_NUL, decode_utf16},
    {"base64", 0, decode_base64},           {0},
};

const struct decoder decoders_once[] = {
    {"utf-16", SIGN_NUL, decode_utf16},
    {"url", SIGN_PERCENT, decode_url},
    {"backslash", SIGN_BACKSLASH, decode_backslash},
    {"entity", SIGN_ENTITY, decode_entity},
    {0},
};

/* Up to `most` digits of the base; how many there were. */
static size_t number(struct slice s, size_t at, unsigned base, size_t most, uint32_t *ret)
{
    uint32_t v = 0;
    size_t n = 0;
    for (; n < most && at + n < s.n; n++) {
        int d = hex_value(s.p[at + n]);
        if (d < 0 || (unsigned)d >= base || v > 0x10ffff)
            break;
        v = v * base + (unsigned)d;
    }
    *ret = v;
    return n;
}

static size_t zeros(struct slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] == '0')
        n++;
    return n;
}

/* The same of a number that ends by itself: any number of zeros may lead. */
static size_t padded(struct slice s, size_t at, unsigned base, size_t most, uint32_t *ret)
{
    size_t pad = zeros(s, at);
    return pad + number(s, at + pad, base, most, ret);
}

/* What a reader of escapes gives for the one that begins at `at`: how many bytes it took and what
 * stands in their place. None begins there: took is 0, and `keep` bytes stay as they are, of which
 * the reader knows that none begins within them either (so a run is looked at once). */
struct unescaped {
    size_t took, keep;
    uint32_t value;
    uint32_t times; /* the value, so often */
    bool byte;      /* a byte of its own, not a code point */
};
typedef struct unescaped (*unescape_fn)(struct slice s, size_t at);

static struct unescaped none(size_t keep)
{
    return (struct unescaped){.keep = keep};
}

static struct unescaped byte_of(size_t took, uint32_t value)
{
    return (struct unescaped){.took = took, .value = value, .times = 1, .byte = true};
}

static struct unescaped point_of(size_t took, uint32_t value)
{
    return (struct unescaped){.took = took, .value = value, .times = 1};
}

static uint8_t *put(uint8_t *w, const struct unescaped *u)
{
    uint32_t cp = u->value;
    if (u->byte || cp < 0x80) {
        for (uint32_t i = 0; i < u->times; i++)
            *w++ = (uint8_t)cp;
        return w;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        cp = UTF8_BAD;
    return w + utf8_encode(cp, w);
}

/* Where in a word of the text it stands: + is a space in a form's value, and itself in a path. */
enum word { WORD_BARE, WORD_PATH, WORD_FORM };

/* Makes spaces of the + that a form wrote. *at is what stands before the piece. */
static void put_spaces(uint8_t *p, size_t n, enum word *at)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] <= ' ' || p[i] == '"')
            *at = WORD_BARE;
        else if (p[i] == '?' || p[i] == '=')
            *at = WORD_FORM;
        else if (p[i] == '/' && *at == WORD_BARE)
            *at = WORD_PATH;
        else if (p[i] == '+' && *at != WORD_PATH)
            p[i] = ' ';
    }
}

#define ESCAPE_WORK 4 /* for each escape, or what looks like one */

/* Writes from the first escape on; no escape is longer undone than it was written, so in.n bytes
 * are room enough. Inlined, so that each decoder is a loop of its own. */
static inline __attribute__((always_inline)) enum status
unescape(struct slice in, struct decoding *d, struct buf *out, uint8_t opener, unescape_fn fn)
{
    struct unescaped u = {0};
    size_t i = d->at >= in.n ? in.n : slice_index(in, opener), looks = 0;
    uint8_t *room;
    for (; i < in.n && (u = fn(in, i)).took == 0; looks++) {
        i += u.keep;
        i += slice_index(slice_sub(in, i, in.n), opener);
    }
    d->work += (in.n - d->at) / DECODE_LOOK + looks * ESCAPE_WORK;
    d->at = in.n;
    if (i == in.n)
        return ST_END;
    if (buf_reserve(out, in.n, &room) != OK)
        return buf_status(out);
    bool plus = opener == '%' && slice_index(in, '+') < in.n;
    enum word word = WORD_BARE;
    memcpy(room, in.p, i);
    if (plus)
        put_spaces(room, i, &word);
    uint8_t *w = room + i;
    for (looks = 1;; looks++) {
        w = put(w, &u);
        i += u.took;
        for (; i < in.n && (in.p[i] != opener || (u = fn(in, i)).took == 0); looks++) {
            size_t plain = in.p[i] == opener ? u.keep : slice_index(slice_sub(in, i, in.n), opener);
            memcpy(w, in.p + i, plain);
            if (plus)
                put_spaces(w, plain, &word);
            w += plain;
            i += plain;
        }
        if (i == in.n)
            break;
    }
    d->work += in.n / DECODE_LOOK + looks * ESCAPE_WORK + (plus ? in.n : 0);
    buf_commit(out, (size_t)(w - room));
    return OK;
}

/* RFC 3986 section 2.1, and the %uXXXX of IIS and old scripts; the + of forms (HTML 4.01 section
 * 17.13.4.1). */
static struct unescaped percent(struct slice s, size_t at)
{
    uint32_t v = 0;
    if (at + 1 < s.n && (s.p[at + 1] | 0x20) == 'u' && number(s, at + 2, 16, 4, &v) == 4)
        return point_of(6, v);
    if (number(s, at + 1, 16, 2, &v) == 2)
        return byte_of(3, v);
    return none(1);
}

enum status decode_url(struct slice in, struct decoding *d, struct buf *out)
{
    return unescape(in, d, out, '%', percent);
}

static bool is_ux(uint8_t c)
{
    return (c | 0x20) == 'u' || (c | 0x20) == 'x';
}

/* \u0024 \uu0024 \u{24} \U00000024 \x24 \x{24}: from the letter at i on. `at` is the first
 * backslash. */
static struct unescaped backslash_hex(struct slice s, size_t at, size_t i)
{
    bool is_x = (s.p[i] | 0x20) == 'x', wide = s.p[i] == 'U';
    uint32_t v = 0;
    size_t letter = i;
    while (i < s.n && is_ux(s.p[i]))
        i++;
    if (i < s.n && s.p[i] == '{') {
        size_t n = padded(s, i + 1, 16, 8, &v);
        bool closed = n && i + 1 + n < s.n && s.p[i + 1 + n] == '}';
        return closed ? point_of(i + n + 2 - at, v) : none(letter - at);
    }
    if (wide && number(s, i, 16, 8, &v) == 8 && v <= 0x10ffff)
        return point_of(i + 8 - at, v);
    size_t digits = is_x ? 2 : 4;
    if (number(s, i, 16, digits, &v) < digits)
        return none(letter - at);
    return is_x ? byte_of(i + digits - at, v) : point_of(i + digits - at, v);
}

static bool is_line_end(struct slice s, size_t at)
{
    return at < s.n && (s.p[at] == '\n' || s.p[at] == '\r');
}

/* Behind a single backslash: lenient readers of JSON take any character for itself, and a line goes
 * on behind its end (YAML, JSON5). :\- is a token of substitution itself,
 * and stays. */
static struct unescaped backslash_any(struct slice s, size_t i)
{
    if (is_line_end(s, i)) {
        bool both = s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
        return (struct unescaped){.took = both ? 3 : 2, .byte = true};
    }
    bool itself = i < s.n && s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '-' && !is_ux(s.p[i]);
    return itself ? byte_of(2, s.p[i]) : none(1);
}

/* One or more backslashes, then u or x with digits, octal digits, or what JSON and C escape: each
 * server that escapes once more doubles them. A pair of backslashes before anything else is one. */
static struct unescaped backslash(struct slice s, size_t at)
{
    static const char letters[] = "nrtbf/\"'${}", values[] = "\n\r\t\b\f/\"'${}";
    size_t i = at;
    uint32_t v = 0;
    while (i < s.n && s.p[i] == '\\')
        i++;
    size_t run = i - at;
    struct unescaped u = none(run);
    if (i < s.n && is_ux(s.p[i])) {
        u = backslash_hex(s, at, i);
    } else if (i < s.n) {
        size_t n = number(s, i, 8, 3, &v);
        const char *letter = s.p[i] ? strchr(letters, s.p[i]) : NULL;
        if (n >= 2 && v <= 0xff)
            u = byte_of(run + n, v);
        else if (letter && (run == 1 || letter - letters > 4)) /* \\\\n is a backslash and an n */
            u = byte_of(run + 1, (uint8_t)values[letter - letters]);
    }
    if (u.took == 0 && run == 1)
        return backslash_any(s, i);
    if (u.took == 0)
        return (struct unescaped){
            .took = run & ~(size_t)1, .value = '\\', .times = (uint32_t)(run / 2), .byte = true};
    return u;
}

enum status decode_backslash(struct slice in, struct decoding *d, struct buf *out)
{
    return unescape(in, d, out, '\\', backslash);
}

/* HTML 4 and 5's names of what a payload is made of; the ; is often missing. By their first letter,
 * longer names before those that they begin with. */
static const struct entity_name {
    const char *name;
    uint8_t n;
    uint16_t value;
} entities[] = {{"AMP", 3, '&'},      {"GT", 2, '>'},       {"Idot", 4, 0x130},  {"LT", 2, '<'},
                {"NewLine", 7, '\n'}, {"QUOT", 4, '"'},     {"Tab", 3, '\t'},    {"apos", 4, '\''},
                {"amp", 3, '&'},      {"bsol", 4, '\\'},    {"commat", 6, '@'},  {"colon", 5, ':'},
                {"dollar", 6, '$'},   {"dash", 4, '-'},     {"equals", 6, '='},  {"gt", 2, '>'},
                {"hyphen", 6, '-'},   {"inodot", 6, 0x131}, {"imath", 5, 0x131}, {"lbrace", 6, '{'},
                {"lowbar", 6, '_'},   {"lcub", 4, '{'},     {"lpar", 4, '('},    {"lsqb", 4, '['},
                {"lt", 2, '<'},       {"nbsp", 4, 0xa0},    {"num", 3, '#'},     {"percnt", 6, '%'},
                {"period", 6, '.'},   {"plus", 4, '+'},     {"quest", 5, '?'},   {"quot", 4, '"'},
                {"rbrace", 6, '}'},   {"rcub", 4, '}'},     {"rpar", 4, ')'},    {"rsqb", 4, ']'},
                {"sol", 3, '/'}};

static struct unescaped entity(struct slice s, size_t at)
{
    struct slice rest = slice_sub(s, at + 1, s.n);
    uint32_t v = 0;
    size_t n = 0;
    if (rest.n > 1 && rest.p[0] == '#') {
        bool is_hex = (rest.p[1] | 0x20) == 'x';
        n = padded(rest, 1 + is_hex, is_hex ? 16 : 10, 16, &v);
        if (n == 0)
            return none(2);
        n += 1 + is_hex;
    } else {
        uint8_t c = rest.n ? rest.p[0] : 0;
        if (c < 'A' || c > 'z')
            return none(1);
        for (size_t i = 0; i < ARRAY_LEN(entities) && n == 0; i++) {
            uint8_t first = (uint8_t)entities[i].name[0];
            if (first > c)
                break;
            if (first == c && slice_starts(rest, slice_of(entities[i].name, entities[i].n))) {
                v = entities[i].value;
                n = entities[i].n;
            }
        }
        if (n == 0)
            return none(1);
    }
    n += n < rest.n && rest.p[n] == ';';
    return point_of(n + 1, v);
}

enum status decode_entity(struct slice in, struct decoding *d, struct buf *out)
{
    return unescape(in, d, out, '&', entity);
}

/* Pieces of UTF-16, either byte order: where a NUL stands beside a printable byte the NULs go. That
 * is right for what can be a payload (ASCII), whatever stands around it. */
enum status decode_utf16(struct slice in, struct decoding *d, struct buf *out)
{
    uint8_t *room;
    size_t first = d->at >= in.n ? in.n : slice_index(in, 0);
    d->work += (in.n - d->at) / DECODE_LOOK + (first < in.n ? in.n : 0);
    d->at = in.n;
    if (first == in.n)
        return ST_END;
    if (buf_reserve(out, in.n, &room) != OK)
        return buf_status(out);
    uint8_t *w = room;
    for (size_t i = 0; i < in.n; i++) {
        bool beside = (i > 0 && in.p[i - 1]) || (i + 1 < in.n && in.p[i + 1]);
        *w = in.p[i];
        w += in.p[i] || !beside;
    }
    if ((size_t)(w - room) == in.n)
        return ST_END; /* only NULs beside each other */
    buf_commit(out, (size_t)(w - room));
    return OK;
}
