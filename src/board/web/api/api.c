/* What the API's handlers share. See api.h. */
#include "board/web/api/api.h"

#include "board/case/asset.h"
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>

static const struct api_field nothing_fields[] = {{0}};
const struct api_schema api_nothing = {"Nothing", 1, nothing_fields, NULL};

static const struct api_field paging_fields[] = {
    {.name = "limit",
     .type = API_INT,
     .at = offsetof(struct api_paging, limit),
     .min = 1,
     .max = API_PAGE_MAX,
     .says = "items of a page (50)"},
    {.name = "cursor",
     .type = API_TEXT,
     .at = offsetof(struct api_paging, cursor),
     .max = 4000,
     .says = "`next` of the page before"},
    {0},
};
const struct api_schema api_paging_query = {"Paging", sizeof(struct api_paging), paging_fields,
                                            NULL};

const struct api_op *api_op_of(const struct web_route *route)
{
    for (const struct api_op *const *list = api_ops; *list; list++) {
        for (const struct api_op *op = *list; op->handler; op++) {
            if (op->handler == route->handler)
                return op;
        }
    }
    return NULL;
}

enum status api_nomem(struct err *e)
{
    return err_set(e, ST_NOMEM, "out of memory");
}

/* --- faults */

static json_t *fault_json(const struct api_fault *f)
{
    return json_pack("{s:s, s:s}", f->parameter ? "parameter" : "pointer", f->at, "detail",
                     f->detail);
}

static enum status refuse(struct web_response *res, const struct api_faults *f, struct err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->count && list; i++) {
        if (json_array_append_new(list, fault_json(&f->list[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    json_t *members = list ? json_pack("{s:o}", "errors", list) : NULL;
    if (!members)
        return api_nomem(e);
    web_problem_about(res, 0, "invalid-fields", members);
    if (f->count == 1 && !f->more)
        return err_set(e, ST_INVALID, "%s: %s", f->list[0].at, f->list[0].detail);
    return err_set(e, ST_INVALID, N_("fields that cannot be accepted: %zu"), f->count);
}

enum status api_fault_at(struct web_request *r, struct web_response *res, const char *at,
                         struct err *e)
{
    struct buf b;
    json_t *members = NULL;
    bool pointer = at[0] == '/';
    buf_init(&b, KIB(4));
    if (messages_add_err(&b, r->lang, e) == OK)
        members = json_pack("{s:[{s:s, s:s}]}", "errors", pointer ? "pointer" : "parameter", at,
                            "detail", buf_text(&b));
    buf_done(&b);
    if (!members)
        return api_nomem(e);
    web_problem_about(res, 0, "invalid-fields", members);
    return ST_INVALID;
}

/* --- reading */

static struct api_faults faults_of(const struct web_request *r)
{
    return (struct api_faults){.a = r->arena, .lang = r->lang};
}

static enum status finish(enum status s, struct web_response *res, const struct api_faults *f,
                          struct err *e)
{
    if (s == ST_INVALID)
        return refuse(res, f, e);
    return s == OK ? OK : api_nomem(e);
}

/* The query's values but those that belong to every page: language and theme. */
static struct api_pair *pairs_of(struct web_request *r, const struct form_field *fields,
                                 size_t count, bool query, size_t *ret_count)
{
    struct api_pair *pairs = arena_alloc_array(r->arena, count + 1, sizeof *pairs);
    *ret_count = 0;
    for (size_t i = 0; i < count && pairs; i++) {
        if (query &&
            (slice_eq_str(fields[i].name, "lang") || slice_eq_str(fields[i].name, "theme")))
            continue;
        pairs[(*ret_count)++] = (struct api_pair){fields[i].name, fields[i].value};
    }
    return pairs;
}

enum status api_query(struct web_request *r, struct web_response *res, void *to,
                      uint64_t *ret_given, struct err *e)
{
    const struct api_op *op = api_op_of(r->route);
    struct api_faults f = faults_of(r);
    uint64_t given = 0;
    size_t count = 0;
    struct exchange *x = exchange_of(r);
    struct api_pair *pairs = pairs_of(r, x->query, x->query_count, true, &count);
    if (!pairs)
        return api_nomem(e);
    f.parameters = true;
    enum status s =
        api_read_pairs(op->query ? op->query : &api_nothing, pairs, count, to, &given, &f);
    if (ret_given)
        *ret_given = given;
    return finish(s, res, &f, e);
}

static enum status read_form(struct web_request *r, const struct api_op *op, void *to,
                             uint64_t *given, struct api_faults *f, struct err *e)
{
    struct exchange *x = exchange_of(r);
    size_t count = 0;
    if (!(op->flags & API_FORM))
        return err_set(e, ST_UNSUPPORTED, N_("the body has to be application/json"));
    struct api_pair *pairs = pairs_of(r, x->form.fields, x->form.count, false, &count);
    return pairs ? api_read_pairs(op->body, pairs, count, to, given, f) : ST_NOMEM;
}

enum status api_body(struct web_request *r, struct web_response *res, void *to, uint64_t *ret_given,
                     struct err *e)
{
    const struct api_op *op = api_op_of(r->route);
    struct exchange *x = exchange_of(r);
    struct api_faults f = faults_of(r);
    const json_t *body = NULL;
    uint64_t given = 0;
    enum status s = OK;
    if (x->is_form) {
        s = read_form(r, op, to, &given, &f, e);
        if (s == ST_UNSUPPORTED)
            return s;
    } else if (!x->has_body) {
        s = api_read_pairs(op->body, NULL, 0, to, &given, &f); /* says what is missing */
    } else {
        s = web_json_body(r, &body, e);
        if (s != OK)
            return s;
        s = api_read_json(op->body, body, to, &given, &f);
    }
    if (ret_given)
        *ret_given = given;
    return finish(s, res, &f, e);
}

/* --- answering */

enum status api_reply_code(struct web_request *r, struct web_response *res, unsigned code,
                           const void *from, struct err *e)
{
    json_t *v = api_write(api_op_of(r->route)->answer, from);
    if (!v)
        return api_nomem(e);
    enum status s = web_json(res, code, v);
    return s == OK ? OK : err_set(e, s, N_("the answer is larger than can be sent"));
}

enum status api_reply(struct web_request *r, struct web_response *res, const void *from,
                      struct err *e)
{
    return api_reply_code(r, res, api_op_of(r->route)->code, from, e);
}

void api_place(struct web_request *r, struct web_response *res, const char *fmt, ...)
{
    char place[200];
    va_list ap;
    (void)r;
    va_start(ap, fmt);
    (void)vsnprintf(place, sizeof place, fmt, ap);
    va_end(ap);
    web_set_header(res, "Location", place);
}

enum status api_no_content(struct web_response *res)
{
    web_status(res, 204);
    return OK;
}

const char *api_text(struct web_request *r, struct slice s)
{
    return s.n ? arena_strdup(r->arena, s) : "";
}

enum status api_keep(struct web_request *r, const char *text, struct slice *ret, struct err *e)
{
    return arena_copy(r->arena, slice_str(text), ret) == OK ? OK : api_nomem(e);
}

enum status api_incident(struct web_request *r, int64_t incident, struct err *e)
{
    int64_t n = 0;
    enum status s =
        db_get_int(r->db, &n, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i", incident);
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such incident"));
    return s;
}

enum status api_asset(struct web_request *r, int64_t asset, int64_t *ret_incident, struct err *e)
{
    enum status s = asset_visible(r->db, &r->actor, asset, e);
    return s == OK ? db_get_int(r->db, ret_incident, e,
                                "SELECT incident_id FROM asset WHERE id = $1", "i", asset)
                   : s;
}

/* --- paging */

size_t api_limit(const struct api_paging *p)
{
    return p->limit ? (size_t)p->limit : API_PAGE;
}

const char *api_cursor(struct web_request *r, const char *kind, const struct api_mark *v,
                       size_t count)
{
    json_t *list = json_pack("[s]", kind);
    char *text = NULL;
    char *out = NULL;
    for (size_t i = 0; i < count && list; i++) {
        json_t *item = v[i].text ? json_stringn(v[i].s.p ? (const char *)v[i].s.p : "", v[i].s.n)
                                 : json_integer(v[i].i);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    if (list)
        text = json_dumps(list, JSON_COMPACT);
    if (text) {
        size_t n = strlen(text);
        size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        out = arena_alloc(r->arena, room);
        if (out)
            (void)sodium_bin2base64(out, room, (const unsigned char *)text, n,
                                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    }
    json_decref(list);
    free(text);
    return out;
}

static bool marks_of(const json_t *list, const char *kind, struct arena *a, struct api_mark *v,
                     size_t count)
{
    const char *is = json_string_value(json_array_get(list, 0));
    if (!is || strcmp(is, kind) != 0 || json_array_size(list) != count + 1)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i + 1);
        if (v[i].text ? !json_is_string(item) : !json_is_integer(item))
            return false;
        v[i].i = json_integer_value(item);
        if (v[i].text && arena_copy(a, slice_of(json_string_value(item), json_string_length(item)),
                                    &v[i].s) != OK)
            return false;
    }
    return true;
}

enum status api_cursor_take(struct web_request *r, struct web_response *res, struct slice cursor,
                            const char *kind, struct api_mark *v, size_t count, struct err *e)
{
    size_t n = 0;
    json_t *list = NULL;
    if (cursor.n == 0)
        return OK;
    unsigned char *bytes = arena_alloc(r->arena, cursor.n + 1);
    if (!bytes)
        return api_nomem(e);
    if (sodium_base642bin(bytes, cursor.n, (const char *)cursor.p, cursor.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0)
        list = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
    bool fits = list && marks_of(list, kind, r->arena, v, count);
    json_decref(list);
    if (fits)
        return OK;
    (void)err_set(e, ST_INVALID,
                  N_("this is no cursor of this list in this order; begin without one"));
    return api_fault_at(r, res, "cursor", e);
}

enum status api_cursor_id(struct web_request *r, struct web_response *res,
                          const struct api_paging *p, const char *kind, int64_t *id, struct err *e)
{
    struct api_mark v = {.i = *id};
    enum status s = api_cursor_take(r, res, p->cursor, kind, &v, 1, e);
    if (s == OK)
        *id = v.i;
    return s;
}

enum status api_page_end(struct web_request *r, struct api_page *page, size_t limit,
                         const char *kind, int64_t last_id, struct err *e)
{
    if (page->items.count <= limit)
        return OK;
    page->items.count = limit;
    const char *next = api_cursor(r, kind, &(struct api_mark){.i = last_id}, 1);
    if (!next)
        return api_nomem(e);
    page->next = slice_str(next);
    return OK;
}
