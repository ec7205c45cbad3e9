/* The decoders of escapes: percent, backslash, entities, UTF-16. base64 and gzip: decode_base64.c.
 */
#include "lookup/decode.h"

#include "base/utf8.h"

const struct decoder decoders[] = {
    {"url", decode_url},      {"backslash", decode_backslash}, {"entity", decode_entity},
    {"utf-16", decode_utf16}, {"base64", decode_base64},       {0},
};

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Up to `most` digits of the base; how many there were. */
static size_t number(struct slice s, size_t at, unsigned base, size_t most, uint32_t *ret)
{
    uint32_t v = 0;
    size_t n = 0;
    for (; n < most && at + n < s.n; n++) {
        int d = hex(s.p[at + n]);
        if (d < 0 || (unsigned)d >= base || v > 0x10ffff)
            break;
        v = v * base + (unsigned)d;
    }
    *ret = v;
    return n;
}

static void put(struct buf *out, uint32_t cp)
{
    uint8_t bytes[4];
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        cp = UTF8_BAD;
    (void)buf_add(out, bytes, utf8_encode(cp, bytes));
}

/* What a reader of escapes gives for the one that begins at `at`: how many bytes it took (0: none
 * begins here) and what it stands for. */
struct unescaped {
    size_t took;
    uint32_t value;
    bool byte; /* a byte of its own, not a code point */
};
typedef struct unescaped (*unescape_fn)(struct slice s, size_t at);

static enum status unescape(struct slice in, size_t *at, struct buf *out, uint8_t opener,
                            unescape_fn fn)
{
    size_t start = out->n;
    bool any = false;
    if (*at >= in.n)
        return ST_END;
    for (size_t i = 0; i < in.n;) {
        size_t plain = slice_index(slice_sub(in, i, in.n), opener);
        (void)buf_add(out, in.p + i, plain);
        i += plain;
        if (i == in.n)
            break;
        struct unescaped u = fn(in, i);
        if (u.took == 0)
            (void)buf_add_char(out, (char)in.p[i]);
        else if (u.byte)
            (void)buf_add_char(out, (char)u.value);
        else
            put(out, u.value);
        any |= u.took > 0;
        i += u.took ? u.took : 1;
    }
    *at = in.n;
    if (any || buf_status(out) != OK)
        return buf_status(out);
    buf_cut(out, start);
    return ST_END;
}

/* RFC 3986 section 2.1, and the %uXXXX of IIS and old scripts. */
static struct unescaped percent(struct slice s, size_t at)
{
    uint32_t v = 0;
    if (at + 1 < s.n && (s.p[at + 1] | 0x20) == 'u' && number(s, at + 2, 16, 4, &v) == 4)
        return (struct unescaped){6, v, false};
    if (number(s, at + 1, 16, 2, &v) == 2)
        return (struct unescaped){3, v, true};
    return (struct unescaped){0};
}

enum status decode_url(struct slice in, size_t *at, struct buf *out)
{
    return unescape(in, at, out, '%', percent);
}

/* One or more backslashes, then u or x with digits, octal digits, or what JSON and C escape. A
 * backslash before anything else stays, :\- is a token of its own. */
static struct unescaped backslash(struct slice s, size_t at)
{
    size_t i = at;
    uint32_t v = 0;
    while (i < s.n && s.p[i] == '\\')
        i++;
    if (i == s.n)
        return (struct unescaped){0};
    if (s.p[i] == 'u' || s.p[i] == 'U' || s.p[i] == 'x' || s.p[i] == 'X') {
        bool is_x = (s.p[i] | 0x20) == 'x';
        while (i < s.n && (s.p[i] == 'u' || s.p[i] == 'U' || s.p[i] == 'x' || s.p[i] == 'X'))
            i++;
        bool braced = i < s.n && s.p[i] == '{';
        size_t n = number(s, i + braced, 16, braced ? 8 : is_x ? 2 : 4, &v);
        size_t end = i + braced + n + braced;
        if (n == 0 || (!braced && n < (is_x ? 2u : 4u)) ||
            (braced && (end > s.n || s.p[end - 1] != '}')))
            return (struct unescaped){0};
        return (struct unescaped){end - at, v, is_x && !braced};
    }
    size_t n = number(s, i, 8, 3, &v);
    if (n >= 2 && v <= 0xff)
        return (struct unescaped){i + n - at, v, true};
    if (s.p[i] == '/' || s.p[i] == '"' || s.p[i] == '\'')
        return (struct unescaped){i + 1 - at, s.p[i], true};
    return (struct unescaped){0};
}

enum status decode_backslash(struct slice in, size_t *at, struct buf *out)
{
    return unescape(in, at, out, '\\', backslash);
}

/* HTML 4 and 5's names of what a payload is made of; the ; is often missing. Longer names stand
 * before those that they begin with. */
static const struct {
    const char *name;
    uint32_t value;
} entities[] = {
    {"dollar", '$'},  {"lbrace", '{'}, {"lcub", '{'},   {"rbrace", '}'}, {"rcub", '}'},
    {"colon", ':'},   {"sol", '/'},    {"bsol", '\\'},  {"percnt", '%'}, {"amp", '&'},
    {"period", '.'},  {"hyphen", '-'}, {"dash", '-'},   {"lowbar", '_'}, {"commat", '@'},
    {"quot", '"'},    {"apos", '\''},  {"num", '#'},    {"quest", '?'},  {"equals", '='},
    {"nbsp", 0xa0},   {"Tab", '\t'},   {"NewLine", 10}, {"lt", '<'},     {"gt", '>'},
    {"imath", 0x131}, {"Idot", 0x130},
};

static struct unescaped entity(struct slice s, size_t at)
{
    struct slice rest = slice_sub(s, at + 1, s.n);
    uint32_t v = 0;
    size_t n = 0;
    if (rest.n > 1 && rest.p[0] == '#') {
        bool is_hex = (rest.p[1] | 0x20) == 'x';
        n = number(rest, 1 + is_hex, is_hex ? 16 : 10, 16, &v);
        n = n ? 1 + is_hex + n : 0;
    } else {
        for (size_t i = 0; i < ARRAY_LEN(entities) && n == 0; i++) {
            if (slice_starts(rest, slice_str(entities[i].name))) {
                v = entities[i].value;
                n = strlen(entities[i].name);
            }
        }
    }
    if (n == 0)
        return (struct unescaped){0};
    if (n < rest.n && rest.p[n] == ';')
        n++;
    return (struct unescaped){n + 1, v, false};
}

enum status decode_entity(struct slice in, size_t *at, struct buf *out)
{
    return unescape(in, at, out, '&', entity);
}

/* Pieces of UTF-16, either byte order: where a NUL stands beside a printable byte the NULs go. That
 * is right for what can be a payload (ASCII), whatever stands around it. */
enum status decode_utf16(struct slice in, size_t *at, struct buf *out)
{
    size_t start = out->n;
    if (*at >= in.n || slice_index(in, 0) == in.n)
        return ST_END;
    *at = in.n;
    for (size_t i = 0; i < in.n && buf_status(out) == OK; i++) {
        bool beside = (i > 0 && in.p[i - 1]) || (i + 1 < in.n && in.p[i + 1]);
        if (in.p[i] || !beside)
            (void)buf_add_char(out, (char)in.p[i]);
    }
    if (buf_status(out) == OK && out->n - start == in.n) {
        buf_cut(out, start);
        return ST_END;
    }
    return buf_status(out);
}
