/* The table of formats, and the parts that they are read with. */
#include "hunt/format.h"

#include "hunt/format_int.h"

#include <arpa/inet.h>

/* In the order of trial: what is told by its first characters before what takes a longer look. */
static const struct line_format *const formats[] = {
    &format_combined, &format_json, &format_alb,   &format_w3c,
    &format_haproxy,  &format_java, &format_error, &format_syslog,
};

void format_parse(struct slice line, const struct format_context *c, size_t *hint,
                  struct line_facts *f)
{
    for (size_t i = 0; i <= ARRAY_LEN(formats); i++) {
        size_t k = i == 0 ? *hint : i - 1;
        if (k >= ARRAY_LEN(formats))
            continue;
        *f = (struct line_facts){0};
        if (formats[k]->parse(line, c, f)) {
            f->format = f->format ? f->format : formats[k]->name;
            *hint = k;
            return;
        }
    }
    *f = (struct line_facts){0};
}

bool format_parse_as(const char *name, struct slice line, const struct format_context *c,
                     struct line_facts *f)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            *f = (struct line_facts){0};
            return formats[i]->parse(line, c, f);
        }
    }
    return false;
}

struct slice format_header(struct slice head, struct slice *ret_date)
{
    struct slice line;
    *ret_date = (struct slice){NULL, 0};
    while (slice_next_line(&head, &line)) {
        if (slice_starts(line, SLICE_LIT("#Date:")))
            *ret_date = slice_sub(slice_trim(slice_sub(line, 6, line.n)), 0, 10);
        if (slice_starts(line, SLICE_LIT("#Fields:")))
            return slice_trim(slice_sub(line, 8, line.n));
    }
    return (struct slice){NULL, 0};
}

bool format_begins_header(struct slice text)
{
    return (slice_starts(text, SLICE_LIT("#Fields:")) || slice_starts(text, SLICE_LIT("#Date:"))) &&
           slice_index(text, '\n') < text.n;
}

size_t format_next_header(struct slice block, size_t from)
{
    for (size_t i = from; i < block.n; i++) {
        i += slice_index(slice_sub(block, i, block.n), '#');
        if (i > 0 && i < block.n && block.p[i - 1] == '\n' &&
            format_begins_header(slice_sub(block, i, block.n)))
            return i;
    }
    return block.n;
}

/* --- parts of a line */

bool take_char(struct cursor *c, char want)
{
    bool there = c->at < c->s.n && c->s.p[c->at] == (uint8_t)want;
    c->at += there;
    return there;
}

bool take_text(struct cursor *c, const char *want)
{
    struct slice w = slice_str(want);
    bool there = slice_starts(cursor_rest(c), w);
    c->at += there ? w.n : 0;
    return there;
}

void skip_spaces(struct cursor *c)
{
    while (c->at < c->s.n && c->s.p[c->at] == ' ')
        c->at++;
}

struct slice take_until(struct cursor *c, const char *ends)
{
    size_t from = c->at;
    while (c->at < c->s.n && !(c->s.p[c->at] && strchr(ends, c->s.p[c->at])))
        c->at++;
    return slice_sub(c->s, from, c->at - from);
}

struct slice take_word(struct cursor *c)
{
    struct slice word = take_until(c, " ");
    skip_spaces(c);
    return word;
}

bool take_quoted(struct cursor *c, struct slice *ret)
{
    if (!take_char(c, '"'))
        return false;
    size_t from = c->at;
    while (c->at < c->s.n && c->s.p[c->at] != '"')
        c->at += c->s.p[c->at] == '\\' && c->at + 1 < c->s.n ? 2 : 1;
    *ret = slice_sub(c->s, from, c->at - from);
    (void)take_char(c, '"');
    return true;
}

bool take_digits(struct cursor *c, size_t least, size_t most, int64_t *ret)
{
    int64_t v = 0;
    size_t n = 0;
    while (n < most && c->at + n < c->s.n && c->s.p[c->at + n] >= '0' && c->s.p[c->at + n] <= '9')
        v = v * 10 + (c->s.p[c->at + n++] - '0');
    if (n < least)
        return false;
    c->at += n;
    *ret = v;
    return true;
}

/* Shape only: whoever reads it as an address finds out whether it is one. */
bool is_address(struct slice s)
{
    size_t dots = 0, colons = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i] | 0x20;
        dots += s.p[i] == '.';
        colons += s.p[i] == ':';
        if (s.p[i] != '.' && s.p[i] != ':' && !(s.p[i] >= '0' && s.p[i] <= '9') &&
            !(c >= 'a' && c <= 'f'))
            return false;
    }
    return s.n <= 45 && ((dots == 3 && colons == 0) || colons >= 2);
}

struct slice without_port(struct slice s)
{
    if (s.n && s.p[0] == '[') {
        size_t end = slice_index(s, ']');
        return end < s.n ? slice_sub(s, 1, end - 1) : s;
    }
    size_t port = slice_behind_last(s, ':');
    return port && slice_index(s, ':') == port - 1 ? slice_sub(s, 0, port - 1) : s;
}

struct slice host_of_pair(struct slice s)
{
    size_t port = slice_behind_last(s, ':');
    if (port && s.p[0] != '[' && is_address(slice_sub(s, 0, port - 1)))
        return slice_sub(s, 0, port - 1);
    return without_port(s);
}

/* RFC 1918, 6598, 3927, 4193 and 4291: what stands before a proxy's own address. */
static bool is_private(struct slice s)
{
    char text[46];
    uint8_t a[16];
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, a) == 1)
        return a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
               (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
               (a[0] == 100 && (a[1] & 0xc0) == 64);
    return inet_pton(AF_INET6, text, a) == 1 &&
           ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
            (a[15] == 1 && a[0] == 0 && memcmp(a, a + 1, 14) == 0));
}

struct slice client_behind(struct slice peer, struct slice forwarded)
{
    if (!is_private(peer))
        return peer;
    while (forwarded.n) {
        size_t last = slice_behind_last(forwarded, ',');
        struct slice one = slice_trim(slice_sub(forwarded, last, forwarded.n));
        one = is_address(one) ? one : without_port(one);
        if (is_address(one) && !is_private(one))
            return one;
        forwarded = slice_sub(forwarded, 0, last ? last - 1 : 0);
    }
    return peer;
}

void facts_add(struct line_facts *f, struct slice name, struct slice value)
{
    if (f->field_count < FORMAT_FIELDS && value.n)
        f->fields[f->field_count++] = (struct line_field){name, value};
}

void facts_time(struct line_facts *f, int64_t ms)
{
    f->has_time = true;
    f->time_ms = ms;
}

bool slice_same_word(struct slice a, const char *b)
{
    size_t n = strlen(b);
    for (size_t i = 0; a.n == n && i < n; i++) {
        uint8_t c = a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] | 0x20 : a.p[i];
        if (c != (uint8_t)b[i])
            return false;
    }
    return a.n == n;
}
