/* What templates write with. See html.h. */
#include "board/web/html.h"
#include "base/utf8.h"

void html_literal(struct html *h, const char *s, size_t n)
{
    (void)buf_add(h->out, s, n);
}

/* --- text */

/* What an ASCII byte becomes, where it does not stay: the five of HTML, CR (which a parser would
 * turn into LF), and controls. */
static const char *ascii_replacement(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&#34;";
    case '\'':
        return "&#39;";
    case '\r':
        return "&#13;";
    case '\t':
    case '\n':
        return NULL;
    default:
        return c < 0x20 || c == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

/* Controls that reorder text or cannot be seen. */
static bool is_hidden(uint32_t cp)
{
    return cp == 0x61c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* Writes the sequence at s.p that is not plain ASCII and returns how many bytes it took. */
static size_t write_wide(struct html *h, enum html_mode mode, struct slice s)
{
    size_t n;
    bool ok;
    uint32_t cp = utf8_decode(slice_sub(s, 0, 4), &n, &ok);
    if (!ok || cp < 0xa0) /* C1 controls are as little text as NUL */
        (void)buf_add(h->out, "\xef\xbf\xbd", 3);
    else if (mode != HTML_VALUE && is_hidden(cp))
        (void)buf_addf(h->out, "[U+%04X]", cp);
    else
        (void)buf_add(h->out, s.p, n);
    return n;
}

/* Kana, kanji and full-width forms up to U+D7FF: three well-formed bytes with nothing hidden among
 * them. Most of a Japanese page takes this way instead of the decoder's. */
static bool is_plain_wide(struct slice s)
{
    return s.n >= 3 && s.p[0] >= 0xe3 && s.p[0] <= 0xec && (s.p[1] & 0xc0) == 0x80 &&
           (s.p[2] & 0xc0) == 0x80;
}

static void write_text(struct html *h, enum html_mode mode, struct slice s)
{
    size_t from = 0; /* what stands before i and is not yet written stays as it is */
    size_t i = 0;
    while (i < s.n) {
        uint8_t c = s.p[i];
        if (c >= 0x80 && is_plain_wide(slice_sub(s, i, 3))) {
            i += 3;
            continue;
        }
        const char *instead = c < 0x80 ? ascii_replacement(c) : NULL;
        if (c < 0x80 && !instead) {
            i++;
            continue;
        }
        (void)buf_add(h->out, s.p + from, i - from);
        if (instead) {
            (void)buf_add_str(h->out, instead);
            i++;
        } else {
            i += write_wide(h, mode, slice_sub(s, i, s.n));
        }
        from = i;
    }
    if (from < s.n)
        (void)buf_add(h->out, s.p + from, s.n - from);
}

/* --- numbers */

static void write_digits(struct html *h, uint64_t u, bool negative, bool grouped)
{
    char text[32];
    size_t at = sizeof text;
    size_t digits = 0;
    do {
        if (grouped && digits && digits % 3 == 0)
            text[--at] = ',';
        text[--at] = (char)('0' + u % 10);
        u /= 10;
        digits++;
    } while (u);
    if (negative)
        text[--at] = '-';
    (void)buf_add(h->out, text + at, sizeof text - at);
}

static void write_int(struct html *h, int64_t i, bool grouped)
{
    write_digits(h, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, i < 0, grouped);
}

void html_write(struct html *h, enum html_mode mode, struct html_arg a)
{
    switch (a.kind) {
    case HTML_ARG_SLICE:
        write_text(h, mode, a.as.slice);
        break;
    case HTML_ARG_RAW:
        (void)buf_add_slice(h->out, a.as.slice);
        break;
    case HTML_ARG_INT:
        write_int(h, a.as.i, false);
        break;
    case HTML_ARG_UINT:
        write_digits(h, a.as.u, false, false);
        break;
    case HTML_ARG_COUNT:
        write_int(h, a.as.i, true);
        break;
    case HTML_ARG_MS:
        html_write_ms(h, mode, a.as.ms);
        break;
    }
}

/* --- addresses (RFC 3986) */

static bool starts_ignoring_case(struct slice s, const char *lower)
{
    size_t n = strlen(lower);
    if (s.n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s.p[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)lower[i])
            return false;
    }
    return true;
}

struct html_url html_url_of(struct slice s)
{
    static const struct html_url nowhere = {{(const uint8_t *)"#", 1}};
    /* Browsers drop tabs and newlines inside an address and read a backslash as a slash: what
     * holds one is not the address that it looks like. */
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '\\')
            return nowhere;
    }
    if (s.n == 0)
        return nowhere;
    bool within = s.p[0] == '?' || s.p[0] == '#' || (s.p[0] == '/' && !(s.n > 1 && s.p[1] == '/'));
    if (within || starts_ignoring_case(s, "https://") || starts_ignoring_case(s, "http://") ||
        starts_ignoring_case(s, "mailto:"))
        return (struct html_url){s};
    return nowhere;
}

static void write_percent(struct html *h, uint8_t c)
{
    static const char hex[] = "0123456789ABCDEF";
    char text[3] = {'%', hex[c >> 4], hex[c & 15]};
    (void)buf_add(h->out, text, 3);
}

static bool is_unreserved(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void html_write_url(struct html *h, struct html_url u)
{
    for (size_t i = 0; i < u.s.n; i++) {
        uint8_t c = u.s.p[i];
        if (c == '&')
            (void)buf_add_str(h->out, "&amp;");
        else if (is_unreserved(c) || (c > ' ' && c < 0x7f && strchr(":/?#[]@!$()*+,;=%", c)))
            (void)buf_add_char(h->out, (char)c);
        else
            write_percent(h, c);
    }
}

void html_write_url_part(struct html *h, struct html_arg a)
{
    if (a.kind != HTML_ARG_SLICE) { /* a number needs no escaping anywhere */
        html_write(h, HTML_PLAIN, a);
        return;
    }
    for (size_t i = 0; i < a.as.slice.n; i++) {
        uint8_t c = a.as.slice.p[i];
        if (is_unreserved(c))
            (void)buf_add_char(h->out, (char)c);
        else
            write_percent(h, c);
    }
}

/* --- translated texts */

/* The length of "{name}" at s with one of our names, 0 for anything else. */
static size_t placeholder(const char *s, const char *name)
{
    size_t n = strlen(name);
    return s[0] == '{' && strncmp(s + 1, name, n) == 0 && s[n + 1] == '}' ? n + 2 : 0;
}

/* Writes from *at up to the next part; arguments on the way are replaced. */
static int write_up_to_part(struct html *h, enum html_mode mode, struct html_parts *p)
{
    while (*p->rest) {
        size_t plain = strcspn(p->rest + 1, "{") + 1; /* a brace that nobody knows is text */
        if (*p->rest != '{')
            plain = strcspn(p->rest, "{");
        for (size_t i = 0; i < p->part_count; i++) {
            size_t n = placeholder(p->rest, p->parts[i]);
            if (n) {
                p->rest += n;
                return (int)i;
            }
        }
        size_t took = 0;
        for (size_t i = 0; i < p->arg_count && !took; i++) {
            took = placeholder(p->rest, p->args[i].name);
            if (took)
                html_write(h, mode, p->args[i]);
        }
        if (!took)
            write_text(h, mode, slice_of(p->rest, plain));
        p->rest += took ? took : plain;
    }
    return -1;
}

int html_next_part(struct html *h, struct html_parts *p)
{
    return write_up_to_part(h, HTML_TEXT, p);
}

void html_translate(struct html *h, enum html_mode mode, const char *text,
                    const struct html_arg *args, size_t arg_count)
{
    struct html_parts p = {.rest = text, .args = args, .arg_count = arg_count};
    (void)write_up_to_part(h, mode, &p);
}
