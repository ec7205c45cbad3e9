/* Adding a row, and editing a whole one. See row_form.h. */
#include "board/web/pages/row_form.h"

#include "board/case/asset.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/ledger.h"
#include "board/web/pages/row_form.html.h"

#include <inttypes.h>

#define ROW_BODY KIB(256)
#define PEOPLE_MAX 500

const enum ledger_field row_fields[ROW_FIELDS] = {
    FIELD_NAME,        FIELD_ASSET_NUMBER, FIELD_CATEGORY,   FIELD_EXPOSED,
    FIELD_OWNER,       FIELD_OWNER_MAIL,   FIELD_DEPARTMENT, FIELD_VENDOR,
    FIELD_PRODUCT,     FIELD_VERSION,      FIELD_HOSTS,      FIELD_USERS,
    FIELD_SHARED_WITH, FIELD_CRITICALITY,  FIELD_RENEWED_ON, FIELD_NOTES,
};

static const struct {
    const char *id, *was;
} names[FIELD_COUNT] = {
    [FIELD_NAME] = {"f-name", "was-name"},
    [FIELD_ASSET_NUMBER] = {"f-number", "was-number"},
    [FIELD_CATEGORY] = {"f-category", "was-category"},
    [FIELD_EXPOSED] = {"f-exposed", "was-exposed"},
    [FIELD_OWNER] = {"f-owner", "was-owner"},
    [FIELD_OWNER_MAIL] = {"f-mail", "was-mail"},
    [FIELD_DEPARTMENT] = {"f-department", "was-department"},
    [FIELD_VENDOR] = {"f-vendor", "was-vendor"},
    [FIELD_PRODUCT] = {"f-product", "was-product"},
    [FIELD_VERSION] = {"f-version", "was-version"},
    [FIELD_HOSTS] = {"f-hosts", "was-hosts"},
    [FIELD_USERS] = {"f-users", "was-users"},
    [FIELD_SHARED_WITH] = {"f-shared", "was-shared"},
    [FIELD_CRITICALITY] = {"f-criticality", "was-criticality"},
    [FIELD_RENEWED_ON] = {"f-renewed", "was-renewed"},
    [FIELD_NOTES] = {"f-notes", "was-notes"},
};

struct slice row_id(enum ledger_field f)
{
    return slice_str(names[f].id);
}

struct slice row_was(enum ledger_field f)
{
    return slice_str(names[f].was);
}

const struct asset_typed *row_field(const struct row_view *v, enum ledger_field f)
{
    size_t i = 0;
    while (i + 1 < ROW_FIELDS && v->fields[i].field != f)
        i++;
    return &v->fields[i];
}

/* What was typed, or nothing when the form is made anew. */
static void take(const struct web_request *r, struct row_view *v)
{
    for (size_t i = 0; i < ROW_FIELDS; i++) {
        enum ledger_field f = row_fields[i];
        v->fields[i] = (struct asset_typed){
            .field = f, .value = web_field(r, field_code(f)), .was = web_field(r, names[f].was)};
    }
}

static enum status read_people(struct web_request *r, struct row_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->people = arena_alloc_array(r->arena, PEOPLE_MAX, sizeof *v->people);
    if (!v->people)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(r->db, &rows, e,
                             "SELECT owner FROM asset WHERE incident_id = $1 AND retired = 0 AND "
                             "owner <> '' GROUP BY owner ORDER BY COUNT(*) DESC, owner LIMIT $2",
                             "ii", v->incident, (int64_t)PEOPLE_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK && v->people_count < PEOPLE_MAX)
        v->people[v->people_count++] = page_keep(r, db_text(rows, 0));
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status show(struct web_request *r, struct web_response *res, struct row_view *v,
                        struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    const char *title = v->asset ? T(r->lang, "Edit the row") : T(r->lang, "Add a row");
    enum status s = incident_frame(r, v->incident, PAGE_LEDGER, title, &f, &info, e);
    if (s == OK)
        s = read_people(r, v, e);
    if (s != OK)
        return s;
    v->csrf = r->csrf;
    struct html *h = page_begin(r, res, &f);
    row_form(h, v);
    return page_end(r, h, &f, e);
}

/* Shows the form again, after a refusal. */
static enum status again(struct web_request *r, struct web_response *res, struct row_view *v,
                         unsigned code, struct err *e)
{
    web_status(res, code);
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = show(r, res, v, e);
    db_rollback(r->db);
    return s;
}

static bool refusal(enum status s)
{
    return s == ST_INVALID || s == ST_LIMIT;
}

/* --- a new row */

static enum status get_new(struct web_request *r, struct web_response *res, struct err *e)
{
    struct row_view v = {.incident = r->id[0]};
    take(r, &v);
    for (size_t i = 0; i < ROW_FIELDS; i++) /* from a host that no row names */
        if (v.fields[i].field == FIELD_HOSTS)
            v.fields[i].value = web_query(r, "hosts");
    return show(r, res, &v, e);
}

static enum status add(struct web_request *r, const struct row_view *v, int64_t *ret_id,
                       struct err *e)
{
    struct asset_field fields[ROW_FIELDS];
    size_t n = 0;
    for (size_t i = 0; i < ROW_FIELDS; i++)
        if (v->fields[i].value.n)
            fields[n++] = (struct asset_field){v->fields[i].field, v->fields[i].value};
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = asset_add(r->db, &r->actor, v->incident, fields, n, ret_id, e);
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    return s;
}

static enum status post_new(struct web_request *r, struct web_response *res, struct err *e)
{
    struct row_view v = {.incident = r->id[0]};
    int64_t id = 0;
    take(r, &v);
    enum status s = add(r, &v, &id, e);
    if (refusal(s)) {
        v.refused = page_err_text(r, e);
        return again(r, res, &v, 422, e);
    }
    if (s != OK)
        return s;
    web_flash(res, T(r->lang, "The row was added"));
    return web_redirect(res, "/incidents/%" PRId64 "/assets/%" PRId64, v.incident, id);
}

/* --- a row that is there */

static enum status get_edit(struct web_request *r, struct web_response *res, struct err *e)
{
    struct row_view v = {.incident = r->id[0], .asset = r->id[1]};
    struct ledger_item it;
    enum status s = asset_of_incident(r, v.incident, v.asset, e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, v.asset, NULL, 0, r->arena, &it, e);
    if (s != OK)
        return s;
    v.name = it.name;
    v.row_version = it.row_version;
    for (size_t i = 0; i < ROW_FIELDS; i++) {
        struct slice now = ledger_item_value(&it, row_fields[i]);
        v.fields[i] = (struct asset_typed){.field = row_fields[i], .value = now, .was = now};
    }
    return show(r, res, &v, e);
}

static enum status post_edit(struct web_request *r, struct web_response *res, struct err *e)
{
    struct row_view v = {.incident = r->id[0], .asset = r->id[1]};
    take(r, &v);
    v.name = row_field(&v, FIELD_NAME)->was;
    enum status s = web_field_int(r, "row_version", 0, &v.row_version, e);
    if (s == OK)
        s = asset_change_typed(r, v.incident, v.asset, v.row_version, v.fields, ROW_FIELDS, &v.race,
                               e);
    if (refusal(s)) {
        v.refused = page_err_text(r, e);
        return again(r, res, &v, 422, e);
    }
    if (s != OK)
        return s;
    if (v.race.lost) {
        v.row_version = v.race.row_version;
        return again(r, res, &v, 409, e);
    }
    web_flash(res, T(r->lang, "The row was saved"));
    return web_redirect(res, "/incidents/%" PRId64 "/assets/%" PRId64, v.incident, v.asset);
}

const struct web_route row_routes[] = {
    {WEB_GET, "/incidents/:n/ledger/new", ROLES_EDIT, 0, ROUTE_PAGE, get_new,
     "An empty row as a form"},
    {WEB_POST, "/incidents/:n/ledger/new", ROLES_EDIT, ROW_BODY, ROUTE_OWN_TX, post_new,
     "Adds a row to the ledger"},
    {WEB_GET, "/incidents/:n/assets/:n/edit", ROLES_EDIT, 0, ROUTE_PAGE, get_edit,
     "A row as a form"},
    {WEB_POST, "/incidents/:n/assets/:n/edit", ROLES_EDIT, ROW_BODY, ROUTE_OWN_TX, post_edit,
     "Changes a row of the ledger"},
    {0},
};
