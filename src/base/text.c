/* Text for people. See text.h. */
#include "base/text.h"
#include "base/utf8.h"

bool text_is_dangerous(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f || cp == 0x2028 ||
           cp == 0x2029 || cp == 0xfeff;
}

enum status text_add_escaped(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        size_t n;
        bool ok;
        uint32_t cp = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        if (!ok || cp < 0x20 || cp == 0x7f)
            (void)buf_addf(out, "\\x%02x", s.p[i]);
        else if (text_is_dangerous(cp))
            (void)buf_addf(out, "\\u%04x", cp);
        else
            (void)buf_add(out, s.p + i, n);
        i += n;
    }
    return buf_status(out);
}

size_t text_columns(struct slice s)
{
    size_t columns = 0;
    for (size_t i = 0; i < s.n;) {
        size_t n;
        bool ok;
        uint32_t cp = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        if (!ok || cp < 0x20 || cp == 0x7f)
            columns += 4;
        else if (text_is_dangerous(cp))
            columns += 6;
        else
            columns += (size_t)utf8_width(cp);
        i += n;
    }
    return columns;
}

/* Whether a line may begin with it: Japanese closing marks may not. */
static bool may_begin(uint32_t cp)
{
    return cp != 0x3001 && cp != 0x3002 && cp != 0xff09 && cp != 0x300d && cp != ')';
}

static size_t without_spaces(struct slice s, size_t n)
{
    size_t end = n;
    while (end && s.p[end - 1] == ' ')
        end--;
    return end ? end : n;
}

size_t text_line(struct slice s, size_t room)
{
    size_t at = 0, columns = 0, part = 0;
    bool wide_before = false;
    while (at < s.n) {
        size_t n = 0;
        bool ok = false;
        uint32_t cp = utf8_decode(slice_sub(s, at, 4), &n, &ok);
        size_t w = text_columns(slice_sub(s, at, n));
        if (cp == ' ' || ((w == 2 || wide_before) && may_begin(cp)))
            part = at;
        if (columns + w > room && at > 0 && cp != ' ')
            return part ? without_spaces(s, part) : at;
        wide_before = w == 2;
        columns += w;
        at += n;
    }
    return at;
}

enum status text_add_padded(struct buf *out, struct slice s, size_t columns)
{
    (void)text_add_escaped(out, s);
    for (size_t have = text_columns(s); have < columns; have++)
        (void)buf_add_char(out, ' ');
    return buf_status(out);
}
