/* What handlers read of a request. See web.h. */
#include "board/web/web_int.h"

#include <strings.h>

bool web_query_at(const struct web_request *r, const char *name, size_t i, struct slice *ret)
{
    const struct exchange *x = exchange_of(r);
    return form_value(x->query, x->query_count, name, i, ret);
}

bool web_field_at(const struct web_request *r, const char *name, size_t i, struct slice *ret)
{
    const struct exchange *x = exchange_of(r);
    return form_value(x->form.fields, x->form.count, name, i, ret);
}

struct slice web_query(const struct web_request *r, const char *name)
{
    struct slice v = {0};
    (void)web_query_at(r, name, 0, &v);
    return v;
}

struct slice web_field(const struct web_request *r, const char *name)
{
    struct slice v = {0};
    (void)web_field_at(r, name, 0, &v);
    return v;
}

static const char *text_of(struct web_request *r, struct slice v)
{
    const char *text = v.n ? arena_strdup(r->arena, v) : "";
    return text ? text : "";
}

const char *web_field_text(struct web_request *r, const char *name)
{
    return text_of(r, web_field(r, name));
}

const char *web_query_text(struct web_request *r, const char *name)
{
    return text_of(r, web_query(r, name));
}

static enum status number(struct slice v, const char *name, int64_t absent, int64_t *ret,
                          struct err *e)
{
    if (v.n == 0) {
        *ret = absent;
        return OK;
    }
    if (slice_to_i64(v, ret) != OK)
        return err_set(e, ST_INVALID, N_("%s: \"%.*s\" is no number"), name,
                       (int)(v.n < 40 ? v.n : 40), (const char *)v.p);
    return OK;
}

enum status web_field_int(struct web_request *r, const char *name, int64_t absent, int64_t *ret,
                          struct err *e)
{
    return number(web_field(r, name), name, absent, ret, e);
}

enum status web_query_int(struct web_request *r, const char *name, int64_t absent, int64_t *ret,
                          struct err *e)
{
    return number(web_query(r, name), name, absent, ret, e);
}

const struct web_file *web_file_of(const struct web_request *r, const char *name)
{
    const struct exchange *x = exchange_of(r);
    for (size_t i = 0; i < x->file_count; i++) {
        if (slice_eq_str(x->files[i].field, name))
            return &x->files[i];
    }
    return NULL;
}

struct slice web_header(const struct web_request *r, const char *name)
{
    return exchange_header(exchange_of(r), name);
}

const char *web_flash_text(const struct web_request *r)
{
    return exchange_of(r)->flash;
}

/* jansson has a depth limit of its own (2,048); ours is for those who walk the value. */
static bool too_deep(struct slice s)
{
    size_t depth = 0;
    bool text = false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                text = false;
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH)
                return true;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return false;
}

enum status web_json_body(struct web_request *r, const json_t **ret, struct err *e)
{
    struct exchange *x = exchange_of(r);
    json_error_t je;
    if (x->json) {
        *ret = x->json;
        return OK;
    }
    struct slice t = slice_trim(slice_sub(x->content_type, 0, slice_index(x->content_type, ';')));
    if (t.n != 16 || strncasecmp((const char *)t.p, "application/json", 16) != 0)
        return err_set(e, ST_UNSUPPORTED, N_("the body has to be application/json"));
    if (too_deep(buf_slice(&x->raw)))
        return err_set(e, ST_LIMIT, N_("the body is nested deeper than %d"), LIMIT_JSON_DEPTH);
    x->json = json_loadb((const char *)x->raw.p, x->raw.n, JSON_REJECT_DUPLICATES, &je);
    if (!x->json)
        return err_set(e, ST_MALFORMED, N_("the body is no JSON: line %d, column %d: %s"), je.line,
                       je.column, je.text);
    if (!json_is_object(x->json))
        return err_set(e, ST_INVALID, N_("the body has to be a JSON object"));
    *ret = x->json;
    return OK;
}

enum status web_body_next(struct web_request *r, struct slice *ret, struct err *e)
{
    struct exchange *x = exchange_of(r);
    enum status s = OK;
    if (!x->has_body) /* none was announced: nobody will say that it has ended */
        return ST_END;
    (void)pthread_mutex_lock(&x->lock);
    buf_clear(&x->taken);
    while (x->piece.n == 0 && !x->body_end && !x->gone && x->fault.code == OK)
        (void)pthread_cond_wait(&x->news, &x->lock);
    if (x->fault.code) {
        s = x->fault.code;
        if (e)
            *e = x->fault;
    } else if (x->piece.n) {
        struct buf swap = x->taken;
        x->taken = x->piece;
        x->piece = swap;
        *ret = buf_slice(&x->taken);
    } else if (x->gone) {
        s = err_set(e, ST_IO, N_("the connection was cut in the middle of the body"));
    } else {
        s = ST_END;
    }
    if (x->suspended && !x->gone && !x->body_end) {
        x->suspended = false;
        atomic_store(&x->client->moved_ms, time_monotonic_ms());
        atomic_store(&x->client->held, false);
        MHD_resume_connection(x->conn);
    }
    (void)pthread_mutex_unlock(&x->lock);
    return s;
}
