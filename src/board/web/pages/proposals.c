/* The page of all proposals that wait. See proposals.h. */
#include "board/web/pages/proposals.h"

#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/incident.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/judge.h"
#include "board/web/pages/proposals.html.h"

#include <inttypes.h>

#define JUDGE_BODY KIB(128)
#define JUDGED_SHOWN 20
#define PICKED_MAX 1000

/* Rows that the reader may see: $2 account, $3 mail; account 0 is everybody but an owner. */
#define THEIRS                                                                                    \
    "($2 = 0 OR (a.owner_mail <> '' AND a.owner_mail = $3) OR EXISTS (SELECT 1 FROM asset_owner " \
    "o WHERE o.asset_id = a.id AND o.account_id = $2))"
#define WAITING                                                                       \
    "FROM evidence e JOIN asset a ON a.id = e.asset_id WHERE e.incident_id = $1 AND " \
    "e.status = 'proposed' AND a.retired = 0 AND " THEIRS

bool proposals_is_picked(const struct proposals_view *v, int64_t evidence)
{
    for (size_t i = 0; i < v->picked_count; i++)
        if (v->picked[i] == evidence)
            return true;
    return false;
}

/* --- reading */

static enum status read_hosts(struct web_request *r, const struct page_owner *owner,
                              struct proposals_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->hosts = arena_alloc_array(r->arena, PROPOSALS_HOSTS, sizeof *v->hosts);
    if (!v->hosts)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT e.source, COUNT(*) " WAITING " GROUP BY e.source ORDER BY e.source", "iit",
                 v->incident, owner->account, owner->mail);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct proposal_host h = {page_keep(r, db_text(rows, 0)), db_int(rows, 1)};
        v->all += h.count;
        if (!v->host.n || slice_eq(v->host, h.name))
            v->total += h.count;
        if (v->host_count < PROPOSALS_HOSTS)
            v->hosts[v->host_count++] = h;
    }
    db_rows_done(rows);
    v->pages = (v->total + PROPOSALS_ROWS - 1) / PROPOSALS_ROWS;
    if (v->page > v->pages)
        v->page = v->pages ? v->pages : 1;
    return s == ST_END ? OK : s;
}

static void mark_groups(struct proposals_view *v)
{
    size_t first = 0;
    for (size_t i = 0; i < v->count; i++) {
        const struct survey_evidence *was = &v->rows[first].ev, *now = &v->rows[i].ev;
        if (i == 0 || !slice_eq(was->source, now->source) || was->scan != now->scan) {
            first = i;
            v->rows[i].first = true;
        }
        v->rows[first].group_size++;
    }
}

static enum status read_rows(struct web_request *r, const struct profile *p,
                             const struct page_owner *owner, struct proposals_view *v,
                             struct err *e)
{
    struct db_rows *rows = NULL;
    v->rows = arena_alloc_array(r->arena, PROPOSALS_ROWS, sizeof *v->rows);
    if (!v->rows)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT " SURVEY_EVIDENCE_COLUMNS ", a.name, a.number, a.state " WAITING
                 " AND ($4 = '' OR e.source = $4) ORDER BY e.source, e.scan_id, a.name, e.id "
                 "LIMIT $5 OFFSET $6",
                 "iittii", v->incident, owner->account, owner->mail, v->host,
                 (int64_t)PROPOSALS_ROWS, (v->page - 1) * PROPOSALS_ROWS);
    while (s == OK && v->count < PROPOSALS_ROWS && (s = db_next(rows, e)) == OK) {
        v->rows[v->count++] = (struct proposal){
            .ev = survey_evidence_of_row(r, p, rows),
            .name = page_keep(r, db_text(rows, SURVEY_EVIDENCE_COLUMN_COUNT)),
            .number = page_keep(r, db_text(rows, SURVEY_EVIDENCE_COLUMN_COUNT + 1)),
            .state = page_keep(r, db_text(rows, SURVEY_EVIDENCE_COLUMN_COUNT + 2))};
    }
    db_rows_done(rows);
    mark_groups(v);
    return s == ST_END ? OK : s;
}

/* Of the proposals that the form chose, those that somebody judged meanwhile. */
static enum status read_judged(struct web_request *r, const struct profile *p,
                               const struct page_owner *owner, struct proposals_view *v,
                               struct err *e)
{
    enum status s = OK;
    v->judged = arena_alloc_array(r->arena, JUDGED_SHOWN, sizeof *v->judged);
    if (!v->judged)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (size_t i = 0; i < v->picked_count && v->judged_count < JUDGED_SHOWN && s == OK; i++) {
        struct db_rows *rows = NULL;
        s = db_query(r->db, &rows, e,
                     "SELECT " SURVEY_EVIDENCE_COLUMNS ", a.name FROM evidence e JOIN asset a "
                     "ON a.id = e.asset_id WHERE e.id = $4 AND e.incident_id = $1 AND "
                     "e.status <> 'proposed' AND " THEIRS,
                     "iiti", v->incident, owner->account, owner->mail, v->picked[i]);
        if (s == OK && (s = db_next(rows, e)) == OK)
            v->judged[v->judged_count++] =
                (struct proposal_judged){survey_evidence_of_row(r, p, rows),
                                         page_keep(r, db_text(rows, SURVEY_EVIDENCE_COLUMN_COUNT))};
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    return s;
}

static enum status show(struct web_request *r, struct web_response *res, struct proposals_view *v,
                        struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct page_owner owner;
    struct profile *p = NULL;
    enum status s =
        incident_frame(r, v->incident, PAGE_PROPOSALS, T(r->lang, "Proposals"), &f, &info, e);
    if (s == OK)
        s = page_owner(r, &owner, e);
    if (s == OK)
        s = incident_profile(r->db, v->incident, &p, e);
    if (s == OK)
        s = read_hosts(r, &owner, v, e);
    if (s == OK)
        s = read_rows(r, p, &owner, v, e);
    if (s == OK && v->refused.n)
        s = read_judged(r, p, &owner, v, e);
    if (s == OK) {
        v->csrf = r->csrf;
        v->me = slice_str(r->actor.name);
        v->judges = !info.closed_ms && (r->actor.role & ROLES_ANSWER) != 0;
        struct html *h = page_begin(r, res, &f);
        proposals_main(h, v);
        s = page_end(r, h, &f, e);
    }
    profile_free(p);
    return s;
}

static enum status get_proposals(struct web_request *r, struct web_response *res, struct err *e)
{
    struct proposals_view v = {.incident = r->id[0], .host = web_query(r, "host")};
    enum status s = web_query_int(r, "page", 1, &v.page, e);
    if (s == OK && (v.page < 1 || v.page > 1000000))
        v.page = 1;
    return s == OK ? show(r, res, &v, e) : s;
}

/* --- judging */

static enum status take_picked(struct web_request *r, struct proposals_view *v, struct err *e)
{
    struct slice text;
    int64_t *ids = arena_alloc_array(r->arena, PICKED_MAX, sizeof *ids);
    if (!ids)
        return err_set(e, arena_status(r->arena), "out of memory");
    while (v->picked_count < PICKED_MAX && web_field_at(r, "e", v->picked_count, &text) &&
           slice_to_i64(text, &ids[v->picked_count]) == OK)
        v->picked_count++;
    v->picked = ids;
    return OK;
}

/* An owner judges only what is theirs: the kind's check refuses the rest. */
static enum status post_judge(struct web_request *r, struct web_response *res, struct err *e)
{
    struct proposals_view v = {.incident = r->id[0], .host = web_field(r, "host"), .page = 1};
    char *said = NULL;
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = judge_ticked(r, v.incident, &said, e);
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    if (s == OK) {
        web_flash(res, said);
        return web_redirect(res, "/incidents/%" PRId64 "/proposals", v.incident);
    }
    if (s != ST_CONFLICT && s != ST_INVALID && s != ST_LIMIT)
        return s;
    web_status(res, s == ST_CONFLICT ? 409 : 422);
    v.refused = page_err_text(r, e);
    s = take_picked(r, &v, e);
    if (s == OK)
        s = db_begin_read(r->db, e);
    if (s == OK)
        s = show(r, res, &v, e);
    db_rollback(r->db);
    return s;
}

const struct web_route proposals_routes[] = {
    {WEB_GET, "/incidents/:n/proposals", ROLES_READ, 0, ROUTE_PAGE, get_proposals,
     "Proposals that wait for a person"},
    {WEB_POST, "/incidents/:n/proposals/judge", ROLES_EDIT | ROLE_OWNER, JUDGE_BODY, ROUTE_OWN_TX,
     post_judge, "Confirms or refuses proposals"},
    {0},
};
