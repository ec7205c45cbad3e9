#include "java/text.h"

#include <strings.h>

bool properties_next(struct slice *rest, struct slice *ret_key, struct slice *ret_value)
{
    struct slice line;
    while (slice_next_line(rest, &line)) {
        line = slice_trim(line);
        size_t at = 0;
        while (at < line.n && line.p[at] != '=' && line.p[at] != ':')
            at++;
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == '!' || at == line.n)
            continue;
        *ret_key = slice_trim(slice_sub(line, 0, at));
        *ret_value = slice_trim(slice_sub(line, at + 1, line.n));
        return true;
    }
    return false;
}

static void add_cut(struct buf *b, struct slice s)
{
    (void)buf_add_slice(b, slice_sub(s, 0, b->max - b->n));
}

bool manifest_get(struct slice text, const char *key, struct buf *value)
{
    struct slice line;
    size_t n = strlen(key);
    bool in = false;
    buf_clear(value);
    while (slice_next_line(&text, &line)) {
        if (line.n == 0)
            break; /* the sections of single entries follow */
        if (line.p[0] == ' ') {
            if (in)
                add_cut(value, slice_sub(line, 1, line.n));
            continue;
        }
        if (in)
            break;
        in = line.n > n && line.p[n] == ':' && strncasecmp((const char *)line.p, key, n) == 0;
        if (in)
            add_cut(value, slice_trim(slice_sub(line, n + 1, line.n)));
    }
    return in;
}
