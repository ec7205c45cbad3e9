/* The ledger page: reading it, and changing a value in its cell. See ledger.h. */
#include "board/web/pages/ledger.h"

#include "board/case/asset.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/layout.html.h"
#include "board/web/pages/ledger.html.h"
#include "board/web/pages/local_time.h"

#include <inttypes.h>

#define CELL_BODY KIB(64)
#define ROWS_BODY KIB(256) /* 200 ids and a reason */

/* --- the page */

static enum status show(struct web_request *r, struct web_response *res,
                        const struct ledger_address *q, const struct ledger_edit *edit,
                        const struct ledger_view *with, struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct ledger_view v;
    enum status s = incident_frame(r, q->incident, PAGE_LEDGER, T(r->lang, "Ledger"), &f, &info, e);
    if (s == OK)
        s = ledger_view_read(r, q, edit, &v, e);
    if (s == ST_LIMIT && q->search.n) { /* too much to look for: said above the whole ledger */
        struct ledger_address without = *q;
        without.search = (struct slice){0};
        page_add_err(r, &f, e);
        s = ledger_view_read(r, &without, edit, &v, e);
    }
    if (s != OK)
        return s;
    v.typed = q->search;
    if (with) {
        v.bulk_refused = with->bulk_refused;
        v.picked = with->picked;
        v.picked_count = with->picked_count;
    }
    f.live = true;
    struct html *h = page_begin(r, res, &f);
    ledger_main(h, &v);
    return page_end(r, h, &f, e);
}

static enum status get_ledger(struct web_request *r, struct web_response *res, struct err *e)
{
    struct ledger_address q;
    ledger_address_read(r, r->id[0], &q);
    return show(r, res, &q, NULL, NULL, e);
}

/* How many rows changed since the page was made, not counting what the reader typed into them. */
static enum status get_news(struct web_request *r, struct web_response *res, struct err *e)
{
    struct ledger_address q;
    struct page_owner owner;
    int64_t since = 0, n = 0;
    char base[64];
    ledger_address_read(r, r->id[0], &q);
    enum status s = web_query_int(r, "since", 0, &since, e);
    if (s == OK)
        s = page_owner(r, &owner, e);
    if (s == OK)
        s = db_get_int(
            r->db, &n, e,
            "SELECT COUNT(*) FROM asset a WHERE incident_id = $1 AND changed_ms > $2 AND NOT "
            "EXISTS (SELECT 1 FROM event v WHERE v.id = a.row_version AND v.at_ms = a.changed_ms "
            "AND v.actor_kind = $3 AND v.actor_id = $4) AND ($5 = 0 OR (owner_mail <> '' AND "
            "owner_mail = $6) OR EXISTS (SELECT 1 FROM asset_owner o WHERE o.asset_id = a.id AND "
            "o.account_id = $5))",
            "iiiiit", q.incident, since, (int64_t)r->actor.kind, r->actor.id, owner.account,
            owner.mail);
    if (s != OK)
        return s;
    (void)snprintf(base, sizeof base, "/incidents/%" PRId64 "/ledger/news", q.incident);
    struct slice url = ledger_address_url(&q, base, r->arena).s;
    char *news = arena_printf(r->arena, "%.*s%c", (int)url.n, url.n ? (const char *)url.p : "",
                              slice_index(url, '?') < url.n ? '&' : '?');
    struct html *h = web_html(res);
    ledger_news(h, html_url_of(slice_str(news ? news : "")), since, n,
                ledger_address_url(&q, NULL, r->arena));
    return arena_status(r->arena) == OK ? html_status(h) : err_set(e, ST_NOMEM, "out of memory");
}

/* --- one cell */

static enum status render_cell(struct web_request *r, struct web_response *res,
                               const struct ledger_address *q, const struct ledger_edit *edit,
                               enum ledger_column column, struct err *e)
{
    struct ledger_item it;
    struct incident_info info;
    enum status s = incident_info(r, q->incident, &info, e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, q->edit, NULL, 0, r->arena, &it, e);
    if (s != OK)
        return s;
    struct ledger_edit form = {.asset = it.id,
                               .field = q->field,
                               .value = ledger_item_value(&it, q->field),
                               .was = ledger_item_value(&it, q->field),
                               .row_version = it.row_version};
    struct ledger_cells c = {.incident = q->incident,
                             .now_ms = r->now_ms,
                             .may_edit = info.edits,
                             .csrf = r->csrf,
                             .q = q,
                             .arena = r->arena,
                             .edit = edit ? edit : &form};
    if (!info.edits || (!edit && slice_eq_str(web_query(r, "shown"), "1")))
        c.edit = NULL;
    struct html *h = web_html(res);
    ledger_cell(h, &c, &it, column);
    return html_status(h);
}

/* What the address of a cell says: the row of the path, the field of the query. */
static enum status cell_address(struct web_request *r, struct ledger_address *q,
                                enum ledger_column *ret_column, struct err *e)
{
    ledger_address_read(r, r->id[0], q);
    if (!q->edit || !ledger_column_of(q->field, ret_column))
        return err_set(e, ST_INVALID, N_("this is not a value that can be changed in the table"));
    q->edit = r->id[1];
    return OK;
}

static enum status get_cell(struct web_request *r, struct web_response *res, struct err *e)
{
    struct ledger_address q;
    enum ledger_column column = LEDGER_COLUMN_NAME;
    enum status s = cell_address(r, &q, &column, e);
    if (s == OK)
        s = asset_of_incident(r, q.incident, q.edit, e);
    if (s == OK && !r->partial) { /* opened in a window of its own */
        struct slice url = ledger_address_url(&q, NULL, r->arena).s;
        return web_redirect(res, "%.*s", (int)url.n, (const char *)url.p);
    }
    return s == OK ? render_cell(r, res, &q, NULL, column, e) : s;
}

/* The page, or the cell alone, after a save that went through or did not. */
static enum status answer_cell(struct web_request *r, struct web_response *res,
                               struct ledger_address *q, const struct ledger_edit *edit,
                               enum ledger_column column, struct err *e)
{
    enum status s = db_begin_read(r->db, e);
    if (s == OK && r->partial) {
        struct ledger_edit none = {0};
        s = render_cell(r, res, q, edit ? edit : &none, column, e);
    } else if (s == OK && edit) {
        web_status(res, edit->lost ? 409 : 422);
        s = show(r, res, q, edit, NULL, e);
    } else if (s == OK) {
        struct ledger_cells c = {.incident = q->incident, .q = q, .arena = r->arena};
        struct slice url = ledger_back_url(&c, q->edit).s;
        s = web_redirect(res, "%.*s", (int)url.n, (const char *)url.p);
    }
    db_rollback(r->db);
    return s;
}

static enum status post_cell(struct web_request *r, struct web_response *res, struct err *e)
{
    struct ledger_address q;
    enum ledger_column column = LEDGER_COLUMN_NAME;
    struct asset_race race;
    int64_t row_version = 0;
    enum status s = cell_address(r, &q, &column, e);
    if (s == OK)
        s = web_field_int(r, "row_version", 0, &row_version, e);
    if (s != OK)
        return s;
    struct asset_typed typed = {
        .field = q.field, .value = web_field(r, "value"), .was = web_field(r, "was")};
    struct ledger_edit edit = {
        .asset = q.edit, .field = q.field, .value = typed.value, .was = typed.was};
    s = asset_change_typed(r, q.incident, q.edit, row_version, &typed, 1, &race, e);
    if (s == ST_INVALID || s == ST_LIMIT) {
        edit.refused = page_err_text(r, e);
        edit.row_version = row_version;
        return answer_cell(r, res, &q, &edit, column, e);
    }
    if (s != OK)
        return s;
    edit.lost = race.lost;
    edit.row_version = race.row_version;
    edit.was = typed.was;
    edit.now = typed.now;
    edit.who = race.who;
    edit.at_ms = race.at_ms;
    return answer_cell(r, res, &q, race.lost ? &edit : NULL, column, e);
}

/* --- the ticked rows */

static enum status ticked(struct web_request *r, int64_t **ret, size_t *ret_count, struct err *e)
{
    struct slice text;
    size_t n = 0;
    int64_t *ids = arena_alloc_array(r->arena, LEDGER_PAGE_MAX, sizeof *ids);
    if (!ids)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (; web_field_at(r, "row", n, &text); n++) {
        if (n == LEDGER_PAGE_MAX)
            return err_set(e, ST_LIMIT, N_("more rows than a page has"));
        if (slice_to_i64(text, &ids[n]) != OK || ids[n] <= 0)
            return err_set(e, ST_INVALID, N_("a selected row has no number"));
    }
    *ret = ids;
    *ret_count = n;
    return n ? OK : err_set(e, ST_INVALID, N_("no row is selected"));
}

static enum status retire_all(struct web_request *r, const int64_t *ids, size_t n, struct err *e)
{
    struct slice reason = slice_trim(web_field(r, "reason"));
    if (!reason.n)
        return err_set(e, ST_INVALID, N_("retiring needs a reason"));
    enum status s = OK;
    for (size_t i = 0; i < n && s == OK; i++) {
        s = asset_of_incident(r, r->id[0], ids[i], e);
        if (s == OK)
            s = asset_retire(r->db, &r->actor, ids[i], reason, e);
    }
    return s;
}

static enum status ask_all(struct web_request *r, const int64_t *ids, size_t n, struct err *e)
{
    int64_t due_ms = 0;
    struct slice due = slice_trim(web_field(r, "due"));
    enum status s = due.n ? local_time_parse(due, &due_ms, e) : OK;
    if (s == OK && due_ms && due_ms < r->now_ms)
        s = err_set(e, ST_INVALID, N_("the date for the answer is past"));
    return s == OK ? asset_ask(r->db, &r->actor, r->id[0], ids, n, due_ms, e) : s;
}

static enum status act(struct web_request *r, const int64_t *ids, size_t n, char **ret_said,
                       struct err *e)
{
    struct slice what = web_field(r, "do");
    int64_t account = 0;
    if (slice_eq_str(what, "ask")) {
        *ret_said = arena_printf(r->arena,
                                 TN(r->lang, "The owner of %lld row was asked",
                                    "The owners of %lld rows were asked", (int64_t)n),
                                 (long long)n);
        return ask_all(r, ids, n, e);
    }
    if (slice_eq_str(what, "retire")) {
        *ret_said = arena_printf(
            r->arena, TN(r->lang, "%lld row was retired", "%lld rows were retired", (int64_t)n),
            (long long)n);
        return retire_all(r, ids, n, e);
    }
    if (!slice_eq_str(what, "assign"))
        return err_set(e, ST_INVALID, N_("choose what to do with the selected rows"));
    *ret_said = arena_printf(
        r->arena, TN(r->lang, "%lld row was assigned", "%lld rows were assigned", (int64_t)n),
        (long long)n);
    enum status s = web_field_int(r, "account", -1, &account, e);
    if (s == OK && account < 0)
        s = err_set(e, ST_INVALID, N_("choose an account"));
    return s == OK ? asset_assign(r->db, &r->actor, r->id[0], ids, n, account, e) : s;
}

/* Refused: the page again, with the same rows ticked and the reason above it. */
static enum status refuse_rows(struct web_request *r, struct web_response *res,
                               const struct ledger_address *q, const int64_t *ids, size_t n,
                               struct err *e)
{
    struct ledger_view with = {
        .bulk_refused = page_err_text(r, e), .picked = ids, .picked_count = n};
    web_status(res, e->code == ST_CONFLICT ? 409 : 422);
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = show(r, res, q, NULL, &with, e);
    db_rollback(r->db);
    return s;
}

static enum status post_rows(struct web_request *r, struct web_response *res, struct err *e)
{
    struct ledger_address q;
    int64_t *ids = NULL;
    size_t n = 0;
    char *said = NULL;
    ledger_address_read(r, r->id[0], &q);
    enum status s = ticked(r, &ids, &n, e);
    if (s == OK)
        s = db_begin(r->db, e);
    if (s == OK)
        s = act(r, ids, n, &said, e);
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    if (s == ST_INVALID || s == ST_LIMIT || s == ST_CONFLICT)
        return refuse_rows(r, res, &q, ids, n, e);
    if (s != OK)
        return s;
    if (said)
        web_flash(res, said);
    struct slice url = ledger_address_url(&q, NULL, r->arena).s;
    return web_redirect(res, "%.*s", (int)url.n, (const char *)url.p);
}

const struct web_route ledger_routes[] = {
    {WEB_GET, "/incidents/:n/ledger", ROLES_READ, 0, ROUTE_PAGE, get_ledger,
     "The ledger: filter, order, page"},
    {WEB_GET, "/incidents/:n/ledger/news", ROLES_READ, 0, ROUTE_PAGE, get_news,
     "How many rows changed since a moment"},
    {WEB_POST, "/incidents/:n/ledger/rows", ROLES_EDIT, ROWS_BODY, ROUTE_OWN_TX, post_rows,
     "Asks the owners of rows, assigns or retires rows"},
    {WEB_GET, "/incidents/:n/assets/:n/cell", ROLES_EDIT, 0, ROUTE_PAGE, get_cell,
     "One cell of the ledger, as a form or as it is"},
    {WEB_POST, "/incidents/:n/assets/:n/cell", ROLES_EDIT, CELL_BODY, ROUTE_OWN_TX, post_cell,
     "Changes one value of a row"},
    {0},
};
