/* Rows of the ledger: listed, read, added, changed, retired, asked about, assigned. See assets.h.
 */
#include "board/web/api/assets.h"

#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/asset_values.h"
#include "board/case/incident.h"
#include "board/case/state.h"
#include "board/web/api/events.h"

#include <inttypes.h>

const char *const api_state_words[] = {
    [STATE_AFFECTED] = "affected",
    [STATE_SUSPENDED] = "suspended",
    [STATE_MITIGATED] = "mitigated",
    [STATE_INVESTIGATING] = "investigating",
    [STATE_WAITING_VENDOR] = "waiting_vendor",
    [STATE_ASKED] = "asked",
    [STATE_NOT_ASKED] = "not_asked",
    [STATE_NOT_AFFECTED] = "not_affected",
    [STATE_FIXED] = "fixed",
    [STATE_RETIRED] = "retired",
    [STATE_COUNT] = NULL,
};
const char *const api_certainty_words[] = {"confirmed", "likely", "claimed", "none", NULL};
const char *const api_category_words[] = {"external", "internal", "saas", "client", "", NULL};
const char *const api_flag_words[] = {"disagree", "reopened", "proposals", NULL};
const char *const api_order_words[] = {
    [LEDGER_BY_CHANGE] = "changed",      [LEDGER_BY_NAME] = "name",
    [LEDGER_BY_NUMBER] = "number",       [LEDGER_BY_STATE] = "state",
    [LEDGER_BY_CERTAINTY] = "certainty", [LEDGER_BY_VENDOR] = "vendor",
    [LEDGER_BY_OWNER] = "owner",         [LEDGER_BY_DUE] = "due",
    [LEDGER_BY_DUE + 1] = NULL,
};

/* --- a row */

struct cve_state_view {
    struct slice cve, state;
};
static const struct api_field cve_state_fields[] = {
    API_ROW(struct cve_state_view, cve, "cve", API_TEXT),
    API_ROW(struct cve_state_view, state, "state", API_TEXT, .flags = API_NULL,
            .says = "null: nothing is known"),
    {0},
};
static const struct api_schema cve_state_schema = {"CveState", sizeof(struct cve_state_view),
                                                   cve_state_fields, NULL};

struct asset_view {
    struct ledger_item item; /* first: the tables below name its members */
    int64_t incident;
    struct api_list cves;
};

#define ROW(member, label, kind, ...) \
    API_ROW(struct asset_view, item.member, label, kind, __VA_ARGS__)
static const struct api_field asset_fields[] = {
    ROW(id, "id", API_ID),
    API_ROW(struct asset_view, incident, "incident", API_ID),
    ROW(number, "number", API_TEXT, .says = "the company's own"),
    ROW(name, "name", API_TEXT),
    ROW(category, "category", API_WORD, .words = api_category_words),
    ROW(owner, "owner", API_TEXT),
    ROW(owner_mail, "owner_mail", API_TEXT),
    ROW(department, "department", API_TEXT),
    ROW(vendor, "vendor", API_TEXT),
    ROW(product, "product", API_TEXT),
    ROW(version, "version", API_TEXT),
    ROW(exposed, "exposed", API_KNOWN, .says = "reachable from the internet; null: not known"),
    ROW(hosts, "hosts", API_LINES),
    ROW(users, "users", API_TEXT),
    ROW(shared_with, "shared_with", API_TEXT),
    ROW(criticality, "criticality", API_TEXT),
    ROW(notes, "notes", API_TEXT),
    ROW(renewed_on, "renewed_on", API_TEXT, .says = "2021-11-30, 2021-11 or empty"),
    ROW(free, "free", API_JSON_TEXT,
        .raw = "{\"type\": [\"array\", \"null\"], \"items\": {\"type\": \"array\", \"items\": "
               "{\"type\": \"string\"}}}",
        .says = "columns kept from import: [[header, value], …]"),
    ROW(state, "state", API_WORD, .words = api_state_words, .says = "the worst over its CVEs"),
    ROW(certainty, "certainty", API_WORD, .words = api_certainty_words),
    API_ROW(struct asset_view, cves, "cves", API_LIST, .of = &cve_state_schema),
    ROW(flags, "flags", API_BITS, .words = api_flag_words),
    ROW(retired, "retired", API_FLAG),
    ROW(asked_ms, "asked", API_TIME, .says = "when its owner was asked"),
    ROW(due_ms, "due", API_TIME, .says = "when an answer is due"),
    ROW(changed_ms, "changed", API_TIME, .says = "anything about it, answers too"),
    ROW(row_version, "row_version", API_INT,
        .says = "of the fields of the ledger; give it back when changing them"),
    {0},
};
#undef ROW
static const struct api_schema asset_schema = {"Asset", sizeof(struct asset_view), asset_fields,
                                               "a row of the ledger"};

static const struct api_field asset_list_fields[] = {
    API_PAGE_FIELDS(asset_schema),
    API_ROW(struct api_page, total, "total", API_INT,
            .says = "rows of the filter; -1 on pages behind the first"),
    {0},
};
static const struct api_schema asset_list_schema = {"AssetList", sizeof(struct api_page),
                                                    asset_list_fields, NULL};

/* The CVEs that the incident asks of; names live as long as the profile, which the caller frees. */
struct cves {
    struct profile *profile;
    const char **ids;
    size_t count;
};

static enum status cves_of(struct web_request *r, int64_t incident, struct cves *ret, struct err *e)
{
    enum status s = incident_profile(r->db, incident, &ret->profile, e);
    if (s != OK)
        return s;
    ret->ids = arena_alloc_array(r->arena, ret->profile->cve_count + 1, sizeof *ret->ids);
    if (!ret->ids)
        return api_nomem(e);
    for (size_t i = 0; i < ret->profile->cve_count; i++) {
        if (ret->profile->cves[i].asked)
            ret->ids[ret->count++] = ret->profile->cves[i].id;
    }
    return OK;
}

static enum status view_of(struct web_request *r, const struct ledger_item *item, int64_t incident,
                           const struct cves *c, struct asset_view *ret, struct err *e)
{
    struct cve_state_view *list = arena_alloc_array(r->arena, c->count + 1, sizeof *list);
    if (!list)
        return api_nomem(e);
    for (size_t i = 0; i < c->count; i++) {
        list[i].cve = slice_str(c->ids[i]);
        if (item->cve_states)
            list[i].state = item->cve_states[i];
    }
    *ret = (struct asset_view){*item, incident, {list, c->count}};
    return OK;
}

static void set_etag(struct web_request *r, struct web_response *res, int64_t row_version)
{
    const char *etag = arena_printf(r->arena, "\"%" PRId64 "\"", row_version);
    if (etag)
        web_set_header(res, "ETag", etag);
}

/* The row as it is now, as JSON; *ret_version its row_version. */
static enum status read_asset(struct web_request *r, int64_t id, json_t **ret, int64_t *ret_version,
                              struct err *e)
{
    struct cves c = {0};
    struct ledger_item item;
    struct asset_view v;
    int64_t incident = 0;
    enum status s = api_asset(r, id, &incident, e);
    if (s == OK)
        s = cves_of(r, incident, &c, e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, id, c.ids, c.count, r->arena, &item, e);
    if (s == OK)
        s = view_of(r, &item, incident, &c, &v, e);
    if (s == OK) {
        *ret_version = item.row_version;
        *ret = api_write(&asset_schema, &v);
        s = *ret ? OK : api_nomem(e);
    }
    profile_free(c.profile);
    return s;
}

static enum status reply_asset(struct web_request *r, struct web_response *res, int64_t id,
                               struct err *e)
{
    json_t *v = NULL;
    int64_t version = 0;
    enum status s = read_asset(r, id, &v, &version, e);
    if (s != OK)
        return s;
    set_etag(r, res, version);
    return web_json(res, api_op_of(r->route)->code, v);
}

static enum status get_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    return reply_asset(r, res, r->id[0], e);
}

/* --- the list */

struct asset_query {
    struct api_filter filter;
    struct api_paging paging;
};
static const struct api_field query_fields[] = {
    API_FILTER_FIELDS(struct asset_query, filter),
    API_PAGING_FIELDS(struct asset_query, paging),
    {0},
};
static const struct api_schema query_schema = {"AssetQuery", sizeof(struct asset_query),
                                               query_fields, NULL};

struct ledger_filter api_ledger_filter(const struct web_request *r, int64_t incident,
                                       const struct api_filter *f)
{
    struct ledger_filter ret = {.incident = incident,
                                .actor = &r->actor,
                                .search = f->search,
                                .states = (unsigned)f->states,
                                .certainties = (unsigned)f->certainties,
                                .flags = (unsigned)f->flags,
                                .exposed = f->exposed,
                                .overdue = f->overdue,
                                .never_scanned = f->never_scanned,
                                .no_owner = f->no_owner,
                                .retired = f->retired,
                                .owner = f->owner,
                                .department = f->department,
                                .vendor = f->vendor,
                                .reverse = f->reverse,
                                .now_ms = r->now_ms};
    for (size_t i = 0; f->category.p && api_category_words[i]; i++) /* "" may be asked for */
        if (slice_eq_str(f->category, api_category_words[i]))
            ret.category = api_category_words[i];
    for (size_t i = 0; api_order_words[i]; i++)
        if (slice_eq_str(f->order, api_order_words[i]))
            ret.order = (enum ledger_order)i;
    return ret;
}

#define PLACE_MARKS 4

static void marks_of_place(const struct ledger_place *p, struct api_mark ret[PLACE_MARKS])
{
    ret[0] = (struct api_mark){.i = p->rank};
    ret[1] = (struct api_mark){.i = p->number};
    ret[2] = (struct api_mark){.text = true, .s = p->text};
    ret[3] = (struct api_mark){.i = p->id};
}

static enum status fill_page(struct web_request *r, const struct ledger_filter *f,
                             const struct ledger_page *rows, size_t limit, const char *kind,
                             const struct cves *c, struct api_page *page, struct err *e)
{
    size_t n = rows->count < limit ? rows->count : limit;
    struct asset_view *list = arena_alloc_array(r->arena, n + 1, sizeof *list);
    enum status s = list ? OK : api_nomem(e);
    for (size_t i = 0; i < n && s == OK; i++)
        s = view_of(r, &rows->items[i], f->incident, c, &list[i], e);
    page->items = (struct api_list){list, n};
    page->total = rows->total;
    if (s == OK && rows->count > n) {
        struct api_mark marks[PLACE_MARKS];
        struct ledger_place last = ledger_place_of(f->order, &rows->items[n - 1]);
        marks_of_place(&last, marks);
        const char *next = api_cursor(r, kind, marks, PLACE_MARKS);
        page->next = slice_str(next);
        s = next ? OK : api_nomem(e);
    }
    return s;
}

static enum status list_assets(struct web_request *r, struct web_response *res, struct err *e)
{
    struct asset_query q = {0};
    struct api_page page = {0};
    struct ledger_page rows = {0};
    struct cves c = {0};
    struct ledger_place none = {0};
    struct api_mark marks[PLACE_MARKS];
    char kind[40];
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    struct ledger_filter f = api_ledger_filter(r, r->id[0], &q.filter);
    (void)snprintf(kind, sizeof kind, "assets %s%s", api_order_words[f.order],
                   f.reverse ? " reverse" : "");
    marks_of_place(&none, marks);
    if (s == OK)
        s = api_cursor_take(r, res, q.paging.cursor, kind, marks, PLACE_MARKS, e);
    struct ledger_place after = {
        .rank = marks[0].i, .number = marks[1].i, .text = marks[2].s, .id = marks[3].i};
    size_t limit = api_limit(&q.paging);
    if (s == OK)
        s = cves_of(r, r->id[0], &c, e);
    if (s == OK)
        s = ledger_read_after(r->db, &f, q.paging.cursor.n ? &after : NULL, limit + 1, c.ids,
                              c.count, r->arena, &rows, e);
    if (s == OK)
        s = fill_page(r, &f, &rows, limit, kind, &c, &page, e);
    if (s == OK)
        s = api_reply(r, res, &page, e);
    profile_free(c.profile);
    return s == ST_LIMIT ? api_fault_at(r, res, "search", e) : s;
}

/* --- adding and changing */

struct asset_input {
    struct slice number, name, category, owner, owner_mail, department, vendor, product, version,
        hosts, users, shared_with, criticality, notes, renewed_on;
    int64_t exposed, row_version;
};
#define ROW(member, kind, ...) \
    API_ROW(struct asset_input, member, #member, kind, .max = ASSET_TEXT_MAX, __VA_ARGS__)
#define ASSET_INPUT_FIELDS                                                             \
    ROW(number, API_TEXT), ROW(category, API_WORD, .words = api_category_words),       \
        ROW(owner, API_TEXT), ROW(owner_mail, API_TEXT), ROW(department, API_TEXT),    \
        ROW(vendor, API_TEXT), ROW(product, API_TEXT), ROW(version, API_TEXT),         \
        API_ROW(struct asset_input, exposed, "exposed", API_KNOWN, .flags = API_NULL), \
        ROW(hosts, API_LINES, .says = "up to 200"), ROW(users, API_TEXT),              \
        ROW(shared_with, API_TEXT), ROW(criticality, API_TEXT), ROW(notes, API_TEXT),  \
        ROW(renewed_on, API_TEXT, .says = "a date, or a year and month")
static const struct api_field new_fields[] = {
    ROW(name, API_TEXT, .flags = API_NEED, .min = 1),
    ASSET_INPUT_FIELDS,
    {0},
};
static const struct api_field change_fields[] = {
    ROW(name, API_TEXT, .min = 1),
    ASSET_INPUT_FIELDS,
    API_ROW(struct asset_input, row_version, "row_version", API_INT,
            .says = "as it was read; or give If-Match with the ETag"),
    {0},
};
#undef ROW
static const struct api_schema new_schema = {"AssetNew", sizeof(struct asset_input), new_fields,
                                             NULL};
static const struct api_schema change_schema = {"AssetChange", sizeof(struct asset_input),
                                                change_fields,
                                                "fields that are not given stay as they are"};

/* What was given, for the case layer: the names of the API's fields are those of the ledger, but
 * for the number. */
static size_t fields_of(const struct api_schema *schema, const struct asset_input *in,
                        uint64_t given, struct asset_field *ret)
{
    size_t n = 0;
    for (size_t i = 0; schema->fields[i].name; i++) {
        const struct api_field *d = &schema->fields[i];
        enum ledger_field f = FIELD_LEAVE_OUT;
        const void *at = (const char *)in + d->at;
        struct slice code = slice_str(d->name);
        if (slice_eq_str(code, "number"))
            code = slice_str(field_code(FIELD_ASSET_NUMBER));
        if (!(given >> i & 1) || field_of_code(code, &f) != OK)
            continue;
        ret[n++] =
            (struct asset_field){f, d->type == API_KNOWN ? slice_str(in->exposed == 1   ? "yes"
                                                                     : in->exposed == 2 ? "no"
                                                                                        : "")
                                                         : *(const struct slice *)at};
    }
    return n;
}

/* Which of the fields the case layer refuses, if a single one is: so that the problem points at
 * it. */
static enum status point_at(struct web_request *r, struct web_response *res,
                            const struct asset_field *fields, size_t count, enum status s,
                            struct err *e)
{
    if (s != ST_INVALID && s != ST_LIMIT)
        return s;
    for (size_t i = 0; i < count; i++) {
        struct slice kept;
        struct err why = {0};
        if (asset_value(fields[i].field, fields[i].value, r->arena, &kept, &why) == OK)
            continue;
        bool number = fields[i].field == FIELD_ASSET_NUMBER;
        const char *at =
            arena_printf(r->arena, "/%s", number ? "number" : field_code(fields[i].field));
        *e = why;
        return at ? api_fault_at(r, res, at, e) : api_nomem(e);
    }
    return s;
}

static enum status add_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    struct asset_input in = {0};
    struct asset_field fields[FIELD_COUNT];
    uint64_t given = 0;
    int64_t id = 0;
    enum status s = api_body(r, res, &in, &given, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    size_t n = s == OK ? fields_of(&new_schema, &in, given, fields) : 0;
    if (s == OK)
        s = point_at(r, res, fields, n, asset_add(r->db, &r->actor, r->id[0], fields, n, &id, e),
                     e);
    if (s != OK)
        return s;
    api_place(r, res, API "/assets/%" PRId64, id);
    return reply_asset(r, res, id, e);
}

/* If-Match holds the row's ETag, or row_version stands in the body. ST_INVALID: neither does.
 * *ret_version: what is to be changed; *ret_header says that it was the header. */
static enum status wanted_version(struct web_request *r, struct web_response *res,
                                  const struct asset_input *in, int64_t current,
                                  int64_t *ret_version, bool *ret_header, struct err *e)
{
    struct slice match = web_header(r, "If-Match");
    *ret_header = match.n > 0;
    if (slice_eq_str(match, "*")) {
        *ret_version = current;
        return OK;
    }
    if (match.n > 2 && match.p[0] == '"' && match.p[match.n - 1] == '"' &&
        slice_to_i64(slice_sub(match, 1, match.n - 2), ret_version) == OK)
        return OK;
    *ret_version = in->row_version;
    if (in->row_version > 0 && match.n == 0)
        return OK;
    if (match.n) {
        *ret_version = 0; /* an ETag that none of our rows ever had */
        return OK;
    }
    web_problem_about(res, 428, NULL, NULL);
    return err_set(e, ST_INVALID,
                   N_("give If-Match or row_version, so that nobody's change is overwritten"));
}

/* Somebody was quicker: the problem shows the row as it is now. */
static void show_current(struct web_request *r, struct web_response *res, int64_t id, bool header)
{
    json_t *now = NULL;
    int64_t version = 0;
    struct err e = {0};
    if (read_asset(r, id, &now, &version, &e) == OK)
        web_problem_about(res, header ? 412 : 409, NULL, json_pack("{s:o}", "current", now));
}

static enum status change_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    struct asset_input in = {0};
    struct asset_field fields[FIELD_COUNT];
    uint64_t given = 0;
    int64_t incident = 0;
    int64_t current = 0;
    int64_t version = 0;
    bool header = false;
    enum status s = api_body(r, res, &in, &given, e);
    if (s == OK)
        s = api_asset(r, r->id[0], &incident, e);
    if (s == OK)
        s = db_get_int(r->db, &current, e, "SELECT row_version FROM asset WHERE id = $1", "i",
                       r->id[0]);
    if (s == OK)
        s = wanted_version(r, res, &in, current, &version, &header, e);
    if (s != OK)
        return s;
    size_t n = fields_of(&change_schema, &in, given, fields);
    s = asset_change(r->db, &r->actor, r->id[0], version, fields, n, e);
    if (s == OK && version != current) /* nothing differs, but it is not what they looked at */
        s = err_set(e, ST_CONFLICT, N_("the row was changed meanwhile"));
    if (s == ST_CONFLICT)
        show_current(r, res, r->id[0], header);
    s = point_at(r, res, fields, n, s, e);
    return s == OK ? reply_asset(r, res, r->id[0], e) : s;
}

/* --- in use or not */

struct reason {
    struct slice reason;
};
static const struct api_field reason_fields[] = {
    API_ROW(struct reason, reason, "reason", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ASSET_TEXT_MAX),
    {0},
};
static const struct api_schema retire_schema = {"RetireReason", sizeof(struct reason),
                                                reason_fields, NULL};

static enum status retire_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    struct reason in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = asset_retire(r->db, &r->actor, r->id[0], in.reason, e);
    return s == OK ? reply_asset(r, res, r->id[0], e) : s;
}

static enum status restore_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    char none = 0;
    enum status s = api_body(r, res, &none, NULL, e);
    if (s == OK)
        s = asset_restore(r->db, &r->actor, r->id[0], e);
    return s == OK ? reply_asset(r, res, r->id[0], e) : s;
}

/* --- many rows */

struct asking {
    struct api_ids assets;
    int64_t due_ms;
};
static const struct api_field asking_fields[] = {
    API_ROW(struct asking, assets, "assets", API_IDS, .flags = API_NEED, .min = 1,
            .max = LIMIT_BULK_ROWS),
    API_ROW(struct asking, due_ms, "due", API_TIME, .flags = API_NULL,
            .says = "when an answer is due; null: no date"),
    {0},
};
static const struct api_schema asking_schema = {"Asking", sizeof(struct asking), asking_fields,
                                                NULL};

static enum status ask_assets(struct web_request *r, struct web_response *res, struct err *e)
{
    struct asking in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = asset_ask(r->db, &r->actor, r->id[0], in.assets.v, in.assets.count, in.due_ms, e);
    return s == OK ? api_no_content(res) : s;
}

struct assigning {
    struct api_ids assets;
    int64_t account;
};
static const struct api_field assigning_fields[] = {
    API_ROW(struct assigning, assets, "assets", API_IDS, .flags = API_NEED, .min = 1,
            .max = LIMIT_BULK_ROWS),
    API_ROW(struct assigning, account, "account", API_ID, .flags = API_NEED | API_NULL,
            .says = "null: take the rows' accounts away"),
    {0},
};
static const struct api_schema assigning_schema = {"Assigning", sizeof(struct assigning),
                                                   assigning_fields, NULL};

static enum status assign_assets(struct web_request *r, struct web_response *res, struct err *e)
{
    struct assigning in = {0};
    int64_t accounts = 1;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK && in.account)
        s = db_get_int(r->db, &accounts, e, "SELECT COUNT(*) FROM account WHERE id = $1", "i",
                       in.account);
    if (s == OK && accounts == 0) {
        (void)err_set(e, ST_INVALID, N_("this account does not exist"));
        return api_fault_at(r, res, "/account", e);
    }
    if (s == OK)
        s = asset_assign(r->db, &r->actor, r->id[0], in.assets.v, in.assets.count, in.account, e);
    return s == OK ? api_no_content(res) : s;
}

static enum status asset_events(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t incident = 0;
    enum status s = api_asset(r, r->id[0], &incident, e);
    return s == OK ? api_events(r, res, incident, r->id[0], e) : s;
}

#define ROW_BODY KIB(256)
#define IDS_BODY KIB(512)

const struct web_route api_asset_routes[] = {
    {WEB_GET, API "/incidents/:n/assets", ROLES_READ, 0, ROUTE_API, list_assets,
     "Rows of the ledger by filter and order"},
    {WEB_POST, API "/incidents/:n/assets", ROLES_EDIT, ROW_BODY, ROUTE_API, add_asset,
     "Add a row to the ledger"},
    {WEB_GET, API "/assets/:n", ROLES_READ, 0, ROUTE_API, get_asset, "One row of the ledger"},
    {WEB_PATCH, API "/assets/:n", ROLES_EDIT, ROW_BODY, ROUTE_API, change_asset,
     "Change fields of a row, as it was read"},
    {WEB_POST, API "/assets/:n/retire", ROLES_EDIT, ROW_BODY, ROUTE_API, retire_asset,
     "Retire a row: no longer in use, kept with its answers"},
    {WEB_POST, API "/assets/:n/restore", ROLES_EDIT, ROW_BODY, ROUTE_API, restore_asset,
     "Take a retired row back into use"},
    {WEB_POST, API "/incidents/:n/assets/ask", ROLES_EDIT, IDS_BODY, ROUTE_API, ask_assets,
     "Note that the owners of rows were asked"},
    {WEB_POST, API "/incidents/:n/assets/assign", ROLES_EDIT, IDS_BODY, ROUTE_API, assign_assets,
     "Give rows to an account"},
    {WEB_GET, API "/assets/:n/history", ROLES_READ, 0, ROUTE_API, asset_events,
     "What happened to a row, the newest event first"},
    {0},
};

const struct api_op api_asset_ops[] = {
    API_OP(
        list_assets, "listAssets", "assets", .params = {"incident"}, .query = &query_schema,
        .answer = &asset_list_schema, .code = 200,
        .says =
            "A cursor marks the place behind the last row of its page; rows that change, come or "
            "go before it do not move it."),
    API_OP(add_asset, "addAsset", "assets", .params = {"incident"}, .body = &new_schema,
           .answer = &asset_schema, .code = 201, .flags = API_PLACE | API_CONFLICT | API_ETAG),
    API_OP(get_asset, "getAsset", "assets", .params = {"asset"}, .answer = &asset_schema,
           .code = 200, .flags = API_ETAG),
    API_OP(change_asset, "changeAsset", "assets", .params = {"asset"}, .body = &change_schema,
           .answer = &asset_schema, .code = 200, .flags = API_MATCH | API_CONFLICT | API_ETAG,
           .says = "412 (If-Match) and 409 (row_version) say that somebody was quicker and give "
                   "the row as it is now as `current`; 428 that neither was given."),
    API_OP(retire_asset, "retireAsset", "assets", .params = {"asset"}, .body = &retire_schema,
           .answer = &asset_schema, .code = 200, .flags = API_CONFLICT | API_ETAG),
    API_OP(restore_asset, "restoreAsset", "assets", .params = {"asset"}, .body = &api_nothing,
           .answer = &asset_schema, .code = 200, .flags = API_CONFLICT | API_ETAG),
    API_OP(ask_assets, "askAssets", "assets", .params = {"incident"}, .body = &asking_schema,
           .code = 204, .flags = API_CONFLICT),
    API_OP(assign_assets, "assignAssets", "assets", .params = {"incident"},
           .body = &assigning_schema, .code = 204, .flags = API_CONFLICT),
    API_OP(asset_events, "getAssetHistory", "assets", .params = {"asset"},
           .query = &api_paging_query, .answer = &api_event_list, .code = 200,
           .flags = API_LANGUAGE),
    {0},
};
