/* The first page, and opening and closing an incident. See incidents.h. */
#include "board/web/pages/incidents.h"

#include "board/case/incident.h"
#include "board/case/ledger.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/incidents.html.h"

/* Rows that are in use, by what is known of them; states in the order of enum state_group. */
#define IN_ROWS(states) "COUNT(*) FILTER (WHERE a.state IN (" states "))"

static enum status read_incidents(struct web_request *r, struct incidents_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    struct page_owner owner;
    v->items = arena_alloc_array(r->arena, INCIDENTS_MAX, sizeof *v->items);
    if (!v->items)
        return err_set(e, ST_NOMEM, "no memory for the incidents");
    enum status s = page_owner(r, &owner, e);
    if (s == OK)
        s = db_query(
            r->db, &rows, e,
            "SELECT i.id, i.title, i.profile, i.opened_ms, COALESCE(i.closed_ms, 0), "
            "COUNT(a.id), " IN_ROWS("'not_affected', 'fixed', 'retired'") ", " IN_ROWS(
                "'affected', 'suspended', 'mitigated'") " FROM incident i LEFT JOIN asset a ON "
                                                        "a.incident_id = i.id AND a.retired = 0 "
                                                        "AND ($1 = 0 OR (a.owner_mail <> '' AND "
                                                        "a.owner_mail = $2) OR EXISTS (SELECT 1 "
                                                        "FROM asset_owner o WHERE o.asset_id = "
                                                        "a.id "
                                                        "AND o.account_id = $1)) GROUP BY i.id, "
                                                        "i.title, i.profile, i.opened_ms, "
                                                        "i.closed_ms "
                                                        "ORDER BY CASE WHEN i.closed_ms IS NULL "
                                                        "THEN 0 ELSE 1 END, i.id DESC LIMIT $3",
            "iti", owner.account, owner.mail, (int64_t)INCIDENTS_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct incidents_item *t = &v->items[v->count++];
        *t = (struct incidents_item){
            .id = db_int(rows, 0),
            .title = page_keep(r, db_text(rows, 1)),
            .profile = page_keep(r, db_text(rows, 2)),
            .opened_ms = db_int(rows, 3),
            .closed_ms = db_int(rows, 4),
            .total = db_int(rows, 5),
            .settled = db_int(rows, 6),
            .acting = db_int(rows, 7),
        };
        t->open = t->total - t->settled - t->acting;
        v->open_count += t->closed_ms == 0;
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status read_profiles(struct web_request *r, struct incidents_view *v, struct err *e)
{
    char name[64];
    v->profiles = arena_alloc_array(r->arena, INCIDENTS_PROFILES, sizeof *v->profiles);
    if (!v->profiles)
        return err_set(e, ST_NOMEM, "no memory for the profiles");
    for (size_t i = 0; i < INCIDENTS_PROFILES && profile_built_in(i, name, sizeof name); i++) {
        struct profile *p = NULL;
        enum status s = profile_load(name, &p, e);
        if (s != OK)
            return s;
        v->profiles[v->profile_count++] = (struct incidents_profile){
            .id = page_keep(r, name),
            .title = page_keep(r, p->title[r->lang]),
            .date = page_keep(r, p->date),
        };
        profile_free(p);
    }
    return OK;
}

static enum status answer(struct web_request *r, struct web_response *res, struct incidents_view *v,
                          struct err *e)
{
    struct page_frame f = page_frame_of(r);
    enum status s = v->items ? OK : read_incidents(r, v, e);
    f.title = slice_str(T(r->lang, "Incidents"));
    f.place = PAGE_INCIDENTS;
    v->csrf = r->csrf;
    v->edits = (r->actor.role & ROLES_EDIT) != 0;
    if (s == OK && v->edits)
        s = read_profiles(r, v, e);
    if (s != OK)
        return s;
    page_flash(r, &f);
    struct html *h = page_begin(r, res, &f);
    incidents_page(h, v);
    return page_end(r, h, &f, e);
}

/* With exactly one open incident, that is what whoever comes wants to see. */
static enum status get_first(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incidents_view v = {0};
    enum status s = read_incidents(r, &v, e);
    if (s != OK)
        return s;
    if (v.open_count == 1)
        return web_redirect(res, "/incidents/%" PRId64, v.items[0].id);
    return answer(r, res, &v, e);
}

static enum status get_incidents(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incidents_view v = {0};
    return answer(r, res, &v, e);
}

static enum status post_open(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t id = 0;
    const char *profile = web_field_text(r, "profile");
    struct slice title = slice_trim(web_field(r, "title"));
    char *text = arena_strdup(r->arena, title);
    enum status s = OK;
    if (!text)
        return err_set(e, ST_NOMEM, "no memory for the title");
    if (strchr(profile, '/')) /* a name from outside is never a folder of this machine */
        s = err_set(e, ST_INVALID, N_("there is no such profile"));
    else if (!*text)
        s = err_set(e, ST_INVALID, N_("an incident needs a title"));
    if (s == OK)
        s = incident_open(r->db, &r->actor, profile, text, &id, e);
    if (s == OK)
        return web_redirect(res, "/incidents/%" PRId64, id);
    if (s != ST_INVALID && s != ST_NOT_FOUND)
        return s;
    struct incidents_view v = {
        .fault = page_err_text(r, e),
        .typed_profile = slice_str(profile),
        .typed_title = title,
    };
    web_status(res, 422);
    s = page_refused(r, e);
    return s == OK ? answer(r, res, &v, e) : s;
}

static enum status answer_close(struct web_request *r, struct web_response *res,
                                struct incident_close_view *v, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct ledger_counts counts;
    enum status s =
        incident_frame(r, r->id[0], PAGE_OVERVIEW, T(r->lang, "Close the incident"), &f, &info, e);
    if (s == OK && info.closed_ms)
        s = err_set(e, ST_CONFLICT, N_("this incident is closed already"));
    if (s == OK)
        s = ledger_count(r->db, info.id, &r->actor, r->now_ms, &counts, e);
    if (s != OK)
        return s;
    v->csrf = r->csrf;
    v->incident = info.id;
    v->title = info.title;
    v->open = counts.open;
    v->acting = counts.acting;
    struct html *h = page_begin(r, res, &f);
    incident_close_page(h, v);
    return page_end(r, h, &f, e);
}

static enum status get_close(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incident_close_view v = {0};
    return answer_close(r, res, &v, e);
}

static enum status post_close(struct web_request *r, struct web_response *res, struct err *e)
{
    struct slice reason = slice_trim(web_field(r, "reason"));
    char *text = arena_strdup(r->arena, reason);
    enum status s = OK;
    if (!text)
        return err_set(e, ST_NOMEM, "no memory for the reason");
    if (!*text)
        s = err_set(e, ST_INVALID, N_("say why it can be closed"));
    if (s == OK)
        s = incident_close(r->db, &r->actor, r->id[0], text, e);
    if (s == OK) {
        web_flash(res, T(r->lang, "The incident is closed."));
        return web_redirect(res, "/incidents");
    }
    if (s != ST_INVALID)
        return s;
    struct incident_close_view v = {.fault = page_err_text(r, e), .typed = reason};
    web_status(res, 422);
    s = page_refused(r, e);
    return s == OK ? answer_close(r, res, &v, e) : s;
}

const struct web_route incidents_routes[] = {
    {WEB_GET, "/", ROLES_READ, 0, ROUTE_PAGE, get_first,
     "The only open incident, or the list of incidents"},
    {WEB_GET, "/incidents", ROLES_READ, 0, ROUTE_PAGE, get_incidents, "The list of incidents"},
    {WEB_POST, "/incidents", ROLES_EDIT, KIB(64), ROUTE_PAGE, post_open,
     "Open an incident from a profile"},
    {WEB_GET, "/incidents/:n/close", ROLES_EDIT, 0, ROUTE_PAGE, get_close,
     "The form for closing an incident"},
    {WEB_POST, "/incidents/:n/close", ROLES_EDIT, KIB(64), ROUTE_PAGE, post_close,
     "Close an incident, with a reason"},
    {0},
};
