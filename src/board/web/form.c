/* Forms: urlencoded, query strings, and what both kinds of body share. See form.h. */
#include "board/web/form.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "board/web/form_int.h"

/* %41 becomes A; '+' a space where plus says so. A torn or wrong escape is ST_MALFORMED. */
static enum status decode(struct slice in, bool plus, uint8_t *out, size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (c == '%') {
            int hi = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
            int lo = i + 2 < in.n ? hex_value(in.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return ST_MALFORMED;
            c = (uint8_t)(hi << 4 | lo);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret_n = n;
    return OK;
}

/* CRLF and CR become LF, in place; other control characters but tab are refused. */
static enum status clean(uint8_t *p, size_t *n)
{
    size_t out = 0;
    if (!utf8_valid(slice_of(p, *n), NULL))
        return ST_INVALID;
    for (size_t i = 0; i < *n; i++) {
        uint8_t c = p[i];
        if (c == '\r') {
            if (i + 1 < *n && p[i + 1] == '\n')
                continue;
            c = '\n';
        }
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            return ST_INVALID;
        p[out++] = c;
    }
    *n = out;
    return OK;
}

enum status form_decode_segment(struct arena *arena, struct slice raw, struct slice *ret)
{
    size_t n = 0;
    uint8_t *p = arena_alloc(arena, raw.n + 1);
    if (!p)
        return arena_status(arena);
    enum status s = decode(raw, false, p, &n);
    size_t cleaned = n;
    if (s == OK)
        s = clean(p, &cleaned);
    if (s == OK && (cleaned != n || memchr(p, '/', n) || memchr(p, '\n', n) || memchr(p, '\t', n)))
        s = ST_INVALID;
    if (s == OK)
        *ret = slice_of(p, n);
    return s;
}

/* --- fields */

enum status form_add_field(struct form *f, struct slice name, uint8_t *value, size_t n,
                           struct err *e)
{
    if (clean(value, &n) != OK)
        return err_set(e, ST_INVALID,
                       N_("the form's field \"%.*s\" holds bytes that are no text in UTF-8"),
                       (int)name.n, (const char *)name.p);
    if (f->count >= LIMIT_FORM_FIELDS)
        return err_set(e, ST_LIMIT, N_("the form has more than %d fields"), LIMIT_FORM_FIELDS);
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 16;
        struct form_field *more = arena_alloc_array(f->arena, room, sizeof *more);
        if (!more)
            return err_set(e, arena_status(f->arena), N_("the form is too large"));
        if (f->count)
            memcpy(more, f->fields, f->count * sizeof *more);
        f->fields = more;
        f->room = room;
    }
    f->fields[f->count++] = (struct form_field){name, slice_of(value, n)};
    return OK;
}

enum status form_set_name(struct form *f, uint8_t *p, size_t n, struct err *e)
{
    size_t cleaned = n;
    if (n > LIMIT_FORM_NAME)
        return err_set(e, ST_LIMIT, N_("a field's name is longer than %d bytes"), LIMIT_FORM_NAME);
    if (clean(p, &cleaned) != OK || cleaned != n || memchr(p, '\n', n))
        return err_set(e, ST_MALFORMED, N_("a field's name is no text in UTF-8"));
    f->name = slice_of(p, n);
    return OK;
}

enum status form_count_text(struct form *f, size_t n, struct err *e)
{
    if (n > LIMIT_FORM_TEXT - f->text)
        return err_set(e, ST_LIMIT, N_("the texts of the form are longer than %zu KiB"),
                       LIMIT_FORM_TEXT >> 10);
    f->text += n;
    return OK;
}

bool form_value(const struct form_field *fields, size_t count, const char *name, size_t i,
                struct slice *ret)
{
    for (size_t k = 0; k < count; k++) {
        if (slice_eq_str(fields[k].name, name) && i-- == 0) {
            *ret = fields[k].value;
            return true;
        }
    }
    return false;
}

/* --- urlencoded */

/* What f->hold has becomes the name, or the value that ends the field. */
static enum status take_held(struct form *f, struct err *e)
{
    size_t n = 0;
    uint8_t *p = arena_alloc(f->arena, f->hold.n + 1);
    if (!p)
        return err_set(e, arena_status(f->arena), N_("the form is too large"));
    if (decode(buf_slice(&f->hold), true, p, &n) != OK)
        return err_set(e, ST_MALFORMED, N_("a field's percent-encoding is broken"));
    buf_clear(&f->hold);
    return f->state == FORM_NAME ? form_set_name(f, p, n, e) : form_add_field(f, f->name, p, n, e);
}

/* A pair is over ('&' or the end): "a", "a=" and "a=b" are fields, "" is none. */
static enum status end_pair(struct form *f, struct err *e)
{
    enum status s = OK;
    if (f->state == FORM_NAME && f->hold.n == 0)
        return OK;
    if (f->state == FORM_NAME) {
        s = take_held(f, e);
        f->state = FORM_VALUE;
    }
    if (s == OK)
        s = take_held(f, e);
    f->state = FORM_NAME;
    return s;
}

static enum status feed_urlencoded(struct form *f, struct slice in, struct err *e)
{
    enum status s = OK;
    while (s == OK && in.n) {
        size_t stop = 0;
        while (stop < in.n && in.p[stop] != '&' && (in.p[stop] != '=' || f->state == FORM_VALUE))
            stop++;
        /* a name's limit is checked when it is whole; raw it may be three times as long */
        if (f->state == FORM_NAME && f->hold.n + stop > (size_t)3 * LIMIT_FORM_NAME)
            return err_set(e, ST_LIMIT, N_("a field's name is longer than %d bytes"),
                           LIMIT_FORM_NAME);
        s = form_count_text(f, stop, e);
        if (s == OK && buf_add(&f->hold, in.p, stop) != OK)
            s = err_set(e, buf_status(&f->hold), N_("a field of the form is longer than %zu KiB"),
                        LIMIT_FORM_VALUE >> 10);
        if (s != OK || stop == in.n)
            return s;
        if (in.p[stop] == '=') {
            s = take_held(f, e);
            f->state = FORM_VALUE;
        } else {
            s = end_pair(f, e);
        }
        in = slice_sub(in, stop + 1, in.n);
    }
    return s;
}

/* --- both */

enum status form_begin(struct form *f, struct arena *arena, struct slice content_type,
                       const struct form_sink *sink, struct err *e)
{
    struct slice type = slice_sub(content_type, 0, slice_index(content_type, ';'));
    type = slice_trim(type);
    *f = (struct form){.arena = arena};
    buf_init(&f->value, LIMIT_FORM_VALUE);
    if (sink)
        f->sink = *sink;
    if (type.n == 33 &&
        strncasecmp((const char *)type.p, "application/x-www-form-urlencoded", 33) == 0) {
        buf_init(&f->hold, (size_t)3 * LIMIT_FORM_VALUE);
        f->state = FORM_NAME;
        return OK;
    }
    if (type.n == 19 && strncasecmp((const char *)type.p, "multipart/form-data", 19) == 0)
        return form_begin_multipart(f, content_type, e);
    return err_set(e, ST_UNSUPPORTED, N_("this is no form"));
}

enum status form_feed(struct form *f, struct slice bytes, struct err *e)
{
    if (f->state == FORM_NAME || f->state == FORM_VALUE)
        return feed_urlencoded(f, bytes, e);
    return form_feed_multipart(f, bytes, e);
}

enum status form_end(struct form *f, struct err *e)
{
    if (f->state == FORM_NAME || f->state == FORM_VALUE)
        return end_pair(f, e);
    if (f->state != FORM_EPILOGUE)
        return err_set(e, ST_MALFORMED, N_("the form ends before its last boundary"));
    return OK;
}

void form_done(struct form *f)
{
    buf_done(&f->hold);
    buf_done(&f->value);
}

enum status form_parse_query(struct arena *arena, struct slice query, struct form_field **ret,
                             size_t *ret_count, struct err *e)
{
    struct form f;
    enum status s = form_begin(&f, arena, SLICE_LIT("application/x-www-form-urlencoded"), NULL, e);
    if (s == OK)
        s = form_feed(&f, query, e);
    if (s == OK)
        s = form_end(&f, e);
    if (s == OK) {
        *ret = f.fields;
        *ret_count = f.count;
    }
    form_done(&f);
    return s;
}
