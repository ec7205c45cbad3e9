/* Reads what the page of a row shows. See asset.h. */
#include "board/case/asset.h"
#include "board/case/body.h"
#include "board/log/hash.h"
#include "board/web/pages/asset.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/incident_frame.h"

#include <inttypes.h>

#define FREE_MAX 200

bool asset_was_typed(const struct asset_view *v, const struct survey_answer *a, bool decision)
{
    return v->typed.refused.n && v->typed.decision == decision &&
           slice_eq_str(v->typed.question, a->question->id) && slice_eq_str(v->typed.cve, a->cve);
}

/* A name without a dot is the same host as a full name that begins with it (case/hosts.h). */
static enum status read_hosts(struct web_request *r, int64_t asset, struct asset_view *v,
                              struct err *e)
{
    struct db_rows *rows = NULL;
    v->hosts = arena_alloc_array(r->arena, ASSET_HOSTS_MAX, sizeof *v->hosts);
    if (!v->hosts)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT h.host, COALESCE(s.id, 0), COALESCE(s.ended_ms, 0), COALESCE(s.incomplete, 0), "
        "COALESCE(s.findings, 0), COALESCE(s.affected, 0), COALESCE(s.whole_host, 0) "
        "FROM asset_host h LEFT JOIN scan s ON s.id = (SELECT MAX(n.id) FROM scan n "
        "WHERE n.incident_id = h.incident_id AND (n.host = h.host OR (n.short = h.short AND "
        "n.short <> '' AND (n.host = n.short OR h.host = h.short)))) "
        "WHERE h.asset_id = $1 ORDER BY h.host LIMIT $2",
        "ii", asset, (int64_t)ASSET_HOSTS_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct asset_host *x = &v->hosts[v->host_count++];
        *x = (struct asset_host){.name = page_keep(r, db_text(rows, 0)),
                                 .scan = db_int(rows, 1),
                                 .ended_ms = db_int(rows, 2),
                                 .incomplete = db_int(rows, 3),
                                 .findings = db_int(rows, 4),
                                 .affected = db_int(rows, 5),
                                 .whole_host = db_int(rows, 6) != 0};
        v->unscanned += x->scan == 0;
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

enum status asset_free_read(struct web_request *r, struct slice json, struct asset_free **ret,
                            size_t *ret_count, struct err *e)
{
    size_t i, n = 0;
    json_t *pair;
    json_t *list = json.n ? json_loadb((const char *)json.p, json.n, 0, NULL) : NULL;
    struct asset_free *columns = arena_alloc_array(r->arena, FREE_MAX, sizeof *columns);
    if (!columns) {
        json_decref(list);
        return err_set(e, arena_status(r->arena), "out of memory");
    }
    json_array_foreach(list, i, pair)
    {
        const char *header = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));
        if (header && value && n < FREE_MAX)
            columns[n++] = (struct asset_free){page_keep(r, header), page_keep(r, value)};
    }
    json_decref(list);
    *ret = columns;
    *ret_count = n;
    return OK;
}

/* Who retired the row, when and why: its last event of that kind. */
static enum status read_retired(struct web_request *r, int64_t incident, int64_t asset,
                                struct asset_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    struct event ev;
    char subject[40];
    (void)snprintf(subject, sizeof subject, "asset:%" PRId64, asset);
    enum status s = db_query(r->db, &rows, e,
                             "SELECT " LOG_EVENT_COLUMNS " FROM event WHERE incident_id = $1 AND "
                             "subject = $2 AND kind = 'asset.retired' ORDER BY id DESC LIMIT 1",
                             "is", incident, subject);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        s = log_event_of_row(rows, &ev, e);
    if (s == OK) {
        v->retired_by = page_keep(r, ev.actor.name);
        v->retired_ms = ev.at_ms;
        v->retired_reason = page_keep(r, body_text(ev.body, "reason"));
        json_decref(body_rw(ev.body));
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

enum status asset_view_read(struct web_request *r, int64_t incident, int64_t asset,
                            struct asset_view *ret, struct err *e)
{
    struct asset_view v = {.incident = incident, .csrf = r->csrf};
    struct incident_info info;
    enum status s = incident_info(r, incident, &info, e);
    if (s == OK)
        s = asset_of_incident(r, incident, asset, e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, asset, NULL, 0, r->arena, &v.it, e);
    if (s == OK)
        s = survey_view_read(r, incident, asset, &v.survey, e);
    if (s == OK)
        s = read_hosts(r, asset, &v, e);
    if (s == OK)
        s = asset_free_read(r, v.it.free, &v.free, &v.free_count, e);
    if (s == OK && v.it.retired)
        s = read_retired(r, incident, asset, &v, e);
    if (s != OK) {
        asset_view_done(&v);
        return s;
    }
    v.me = slice_str(r->actor.name);
    v.edits = info.edits;
    v.answers = !info.closed_ms && (r->actor.role & ROLES_ANSWER) != 0;
    *ret = v;
    return OK;
}

void asset_view_done(struct asset_view *v)
{
    survey_view_done(&v->survey);
}
