/* Hosts of the house, /hosts: who may hand in scans by itself. See hosts.h. */
#include "board/case/findings.h"
#include "board/web/pages/hosts.h"
#include "board/web/pages/house_hosts.html.h"
#include "board/web/pages/incident_frame.h"

#define HOUSE_HOSTS_MAX 2000 /* shown; names beyond are found on the incident's page */

static enum status read_house_hosts(struct web_request *r, struct house_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->hosts = arena_alloc_array(r->arena, HOUSE_HOSTS_MAX, sizeof *v->hosts);
    if (!v->hosts)
        return err_set(e, ST_NOMEM, "no memory for the hosts");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT h.id, h.name, h.made_ms, h.disabled, COALESCE((SELECT MAX(s.received_ms) "
                 "FROM scan s WHERE s.host = h.name), 0) FROM host h ORDER BY h.name LIMIT $1",
                 "i", (int64_t)HOUSE_HOSTS_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK)
        v->hosts[v->count++] = (struct house_host){
            .id = db_int(rows, 0),
            .name = page_keep(r, db_text(rows, 1)),
            .made_ms = db_int(rows, 2),
            .disabled = db_int(rows, 3),
            .last_ms = db_int(rows, 4),
        };
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

#define OPEN_INCIDENTS 10 /* command lines shown beside a token */

static enum status read_open_incidents(struct web_request *r, struct house_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->incidents = arena_alloc_array(r->arena, OPEN_INCIDENTS, sizeof *v->incidents);
    if (!v->incidents)
        return err_set(e, ST_NOMEM, "no memory for the incidents");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT id, title FROM incident WHERE closed_ms IS NULL ORDER BY id DESC LIMIT $1",
                 "i", (int64_t)OPEN_INCIDENTS);
    while (s == OK && (s = db_next(rows, e)) == OK)
        v->incidents[v->incident_count++] =
            (struct house_incident){db_int(rows, 0), page_keep(r, db_text(rows, 1))};
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status answer(struct web_request *r, struct web_response *res, struct house_view *v,
                          struct err *e)
{
    struct page_frame f = page_frame_of(r);
    enum status s = read_house_hosts(r, v, e);
    f.title = slice_str(T(r->lang, "Hosts"));
    f.place = PAGE_HOSTS;
    v->csrf = r->csrf;
    v->admin = r->actor.role == ROLE_ADMIN;
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    house_hosts_page(h, v);
    return page_end(r, h, &f, e);
}

static enum status get_house(struct web_request *r, struct web_response *res, struct err *e)
{
    struct house_view v = {0};
    return answer(r, res, &v, e);
}

/* Answers with the token itself, not with a redirect: it is nowhere but in this answer. */
static enum status show_token(struct web_request *r, struct web_response *res, const char *token,
                              struct slice host, struct err *e)
{
    struct house_view v = {.token = page_keep(r, token), .token_host = host};
    v.board = page_origin(r);
    enum status s = read_open_incidents(r, &v, e);
    return s == OK ? answer(r, res, &v, e) : s;
}

static enum status host_name(struct web_request *r, int64_t id, struct slice *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, "SELECT name FROM host WHERE id = $1", "i", id);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        *ret = page_keep(r, db_text(rows, 0));
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_NOT_FOUND, N_("there is no such host")) : s;
}

static enum status post_register(struct web_request *r, struct web_response *res, struct err *e)
{
    char token[HOST_TOKEN_SIZE];
    int64_t id = 0;
    struct slice kept = {0};
    const char *name = web_field_text(r, "name");
    enum status s = host_add(r->db, &r->actor, name, token, &id, e);
    if (s == OK)
        s = host_name(r, id, &kept, e);
    if (s == OK)
        s = show_token(r, res, token, kept, e);
    if (s != ST_INVALID && s != ST_CONFLICT)
        return s;
    struct house_view v = {.fault = page_err_text(r, e), .typed = page_keep(r, name)};
    web_status(res, s == ST_CONFLICT ? 409 : 422);
    s = page_refused(r, e);
    return s == OK ? answer(r, res, &v, e) : s;
}

static enum status post_renew(struct web_request *r, struct web_response *res, struct err *e)
{
    char token[HOST_TOKEN_SIZE];
    struct slice name = {0};
    enum status s = host_name(r, r->id[0], &name, e);
    if (s == OK)
        s = host_renew(r->db, &r->actor, r->id[0], token, e);
    return s == OK ? show_token(r, res, token, name, e) : s;
}

static enum status post_disable(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = host_disable(r->db, &r->actor, r->id[0], e);
    return s == OK ? web_redirect(res, "/hosts") : s;
}

const struct web_route house_hosts_routes[] = {
    {WEB_GET, "/hosts", ROLES_READ & ~(unsigned)ROLE_OWNER, 0, ROUTE_PAGE, get_house,
     "Hosts that may hand in scans"},
    {WEB_POST, "/hosts", ROLE_ADMIN, KIB(16), ROUTE_PAGE, post_register,
     "Register a host; its token is shown once"},
    {WEB_POST, "/hosts/:n/renew", ROLE_ADMIN, KIB(16), ROUTE_PAGE, post_renew,
     "A new token; the old one is void"},
    {WEB_POST, "/hosts/:n/disable", ROLE_ADMIN, KIB(16), ROUTE_PAGE, post_disable,
     "A host may hand in no more"},
    {0},
};
