/* Writes JSON (RFC 8259). See jsonwrite.h. */
#include "base/jsonwrite.h"
#include "base/text.h"
#include "base/utf8.h"

static void before_value(struct jsonw *w)
{
    if (w->comma)
        (void)buf_add_char(w->out, ',');
    w->comma = true;
}

void json_begin_object(struct jsonw *w)
{
    before_value(w);
    (void)buf_add_char(w->out, '{');
    w->comma = false;
}

void json_end_object(struct jsonw *w)
{
    (void)buf_add_char(w->out, '}');
    w->comma = true;
}

void json_begin_array(struct jsonw *w)
{
    before_value(w);
    (void)buf_add_char(w->out, '[');
    w->comma = false;
}

void json_end_array(struct jsonw *w)
{
    (void)buf_add_char(w->out, ']');
    w->comma = true;
}

static void quoted(struct buf *out, struct slice s)
{
    (void)buf_add_char(out, '"');
    for (size_t i = 0; i < s.n;) {
        size_t n;
        bool ok;
        uint32_t cp = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        if (!ok)
            (void)buf_add_str(out, "\xef\xbf\xbd");
        else if (cp == '"' || cp == '\\')
            (void)buf_addf(out, "\\%c", (char)cp);
        else if (cp == '\n')
            (void)buf_add_str(out, "\\n");
        else if (cp == '\t')
            (void)buf_add_str(out, "\\t");
        else if (text_is_dangerous(cp))
            (void)buf_addf(out, "\\u%04x", cp);
        else
            (void)buf_add(out, s.p + i, n);
        i += n;
    }
    (void)buf_add_char(out, '"');
}

void json_key(struct jsonw *w, const char *key)
{
    before_value(w);
    quoted(w->out, slice_str(key));
    (void)buf_add_char(w->out, ':');
    w->comma = false;
}

void json_text(struct jsonw *w, struct slice s)
{
    before_value(w);
    quoted(w->out, s);
}

void json_int(struct jsonw *w, int64_t v)
{
    before_value(w);
    (void)buf_addf(w->out, "%lld", (long long)v);
}

void json_uint(struct jsonw *w, uint64_t v)
{
    before_value(w);
    (void)buf_addf(w->out, "%llu", (unsigned long long)v);
}

void json_bool(struct jsonw *w, bool v)
{
    before_value(w);
    (void)buf_add_str(w->out, v ? "true" : "false");
}

void json_no_value(struct jsonw *w)
{
    before_value(w);
    (void)buf_add_str(w->out, "null");
}

void json_put_str(struct jsonw *w, const char *key, const char *value)
{
    json_key(w, key);
    if (value)
        json_text(w, slice_str(value));
    else
        json_no_value(w);
}

void json_put_slice(struct jsonw *w, const char *key, struct slice value)
{
    json_key(w, key);
    json_text(w, value);
}

void json_put_int(struct jsonw *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

void json_put_bool(struct jsonw *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool(w, value);
}
