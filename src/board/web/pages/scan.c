/* The page of a scan. See scan.h. */
#include "board/web/pages/scan.h"

#include "board/web/pages/incident_frame.h"
#include "board/web/pages/scan.html.h"

#include <jansson.h>

#define ASSETS_MAX 200
#define LIST_MAX 64 /* CVEs and sentences of one finding */

/* Whether two names are one host: case/hosts.h. */
#define SAME_HOST                                                                        \
    "(s.host = h.host OR (s.short = h.short AND s.short <> '' AND (s.host = s.short OR " \
    "h.host = h.short)))"
#define THEIRS                                                                                    \
    "($2 = 0 OR (a.owner_mail <> '' AND a.owner_mail = $3) OR EXISTS (SELECT 1 FROM asset_owner " \
    "o WHERE o.asset_id = a.id AND o.account_id = $2))"

/* ["/opt", "/srv"] as one line. */
static struct slice paths_line(struct web_request *r, const char *text)
{
    size_t i;
    json_t *path, *list = json_loads(text, 0, NULL);
    struct slice line = {0};
    json_array_foreach(list, i, path)
    {
        const char *p = json_string_value(path);
        char *more = arena_printf(r->arena, "%.*s%s%s", (int)line.n,
                                  line.n ? (const char *)line.p : "", i ? ", " : "", p ? p : "");
        line = slice_str(more ? more : "");
        if (line.n > 2000)
            break;
    }
    json_decref(list);
    return line;
}

static enum status read_scan(struct web_request *r, struct scan_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT host, tool, profile, paths, profile_revision, started_ms, ended_ms, received_ms, "
        "files, archives, bytes, findings, affected, incomplete, whole_host, "
        "COALESCE((SELECT MAX(n.id) FROM scan n WHERE n.incident_id = s.incident_id AND "
        "n.host = s.host AND n.id > s.id), 0) FROM scan s WHERE id = $1 AND incident_id = $2",
        "ii", v->id, v->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        v->host = page_keep(r, db_text(rows, 0));
        v->tool = page_keep(r, db_text(rows, 1));
        v->profile = page_keep(r, db_text(rows, 2));
        v->paths = paths_line(r, db_text(rows, 3));
        v->profile_revision = db_int(rows, 4);
        v->started_ms = db_int(rows, 5);
        v->ended_ms = db_int(rows, 6);
        v->received_ms = db_int(rows, 7);
        v->files = db_int(rows, 8);
        v->archives = db_int(rows, 9);
        v->bytes = db_int(rows, 10);
        v->findings = db_int(rows, 11);
        v->affected = db_int(rows, 12);
        v->incomplete = db_int(rows, 13);
        v->whole_host = db_int(rows, 14) != 0;
        v->newer = db_int(rows, 15);
    }
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_NOT_FOUND, N_("there is no such scan")) : s;
}

/* Rows that name the host, as far as the reader may see them. An owner sees the scans of their
 * rows' hosts only. */
static enum status read_assets(struct web_request *r, struct scan_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    struct page_owner owner;
    v->assets = arena_alloc_array(r->arena, ASSETS_MAX, sizeof *v->assets);
    if (!v->assets)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = page_owner(r, &owner, e);
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT DISTINCT a.id, a.name, a.state FROM scan s JOIN asset_host h ON "
                     "h.incident_id = s.incident_id AND " SAME_HOST
                     " JOIN asset a ON a.id = h.asset_id "
                     "WHERE s.id = $1 AND a.retired = 0 AND " THEIRS " ORDER BY a.name LIMIT $4",
                     "iiti", v->id, owner.account, owner.mail, (int64_t)ASSETS_MAX);
    while (s == OK && v->asset_count < ASSETS_MAX && (s = db_next(rows, e)) == OK)
        v->assets[v->asset_count++] = (struct scan_row){
            db_int(rows, 0), page_keep(r, db_text(rows, 1)), page_keep(r, db_text(rows, 2))};
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    if (owner.account && !v->asset_count)
        return err_set(e, ST_NOT_FOUND, N_("there is no such scan"));
    return OK;
}

/* --- findings */

static enum status read_states(struct web_request *r, const char *text, struct scan_finding *f,
                               struct err *e)
{
    const char *id;
    json_t *state, *states = json_loads(text, 0, NULL);
    f->cves = arena_alloc_array(r->arena, LIST_MAX, sizeof *f->cves);
    json_object_foreach(states, id, state)
    {
        const char *code = json_string_value(state);
        if (f->cves && code && f->cve_count < LIST_MAX)
            f->cves[f->cve_count++] = (struct scan_cve){page_keep(r, id), page_keep(r, code)};
    }
    json_decref(states);
    return f->cves ? OK : err_set(e, arena_status(r->arena), "out of memory");
}

static enum status read_sentences(struct web_request *r, const char *text, struct scan_finding *f,
                                  struct err *e)
{
    size_t i;
    json_t *sentence, *list = json_loads(text, 0, NULL);
    f->evidence = arena_alloc_array(r->arena, LIST_MAX, sizeof *f->evidence);
    json_array_foreach(list, i, sentence)
    {
        const char *words = json_string_value(sentence);
        if (f->evidence && words && f->evidence_count < LIST_MAX)
            f->evidence[f->evidence_count++] = page_keep(r, words);
    }
    json_decref(list);
    return f->evidence ? OK : err_set(e, arena_status(r->arena), "out of memory");
}

static int64_t within(int64_t page, int64_t pages)
{
    return page > pages ? (pages ? pages : 1) : page;
}

/* Affected ones first. */
static enum status read_findings(struct web_request *r, struct scan_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->pages = (v->findings + SCAN_ROWS - 1) / SCAN_ROWS;
    v->page = within(v->page, v->pages);
    v->rows = arena_alloc_array(r->arena, SCAN_ROWS, sizeof *v->rows);
    if (!v->rows)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT path, component, version, version_from, cves, evidence FROM finding "
        "WHERE scan_id = $1 ORDER BY CASE worst WHEN 'affected' THEN 0 WHEN 'unknown' THEN 1 WHEN "
        "'mitigated' THEN 2 ELSE 3 END, n LIMIT $2 OFFSET $3",
        "iii", v->id, (int64_t)SCAN_ROWS, (v->page - 1) * SCAN_ROWS);
    while (s == OK && v->count < SCAN_ROWS && (s = db_next(rows, e)) == OK) {
        struct scan_finding *f = &v->rows[v->count++];
        *f = (struct scan_finding){page_keep(r, db_text(rows, 0)),
                                   page_keep(r, db_text(rows, 1)),
                                   page_keep(r, db_text(rows, 2)),
                                   page_keep(r, db_text(rows, 3)),
                                   NULL,
                                   0,
                                   NULL,
                                   0};
        s = read_states(r, db_text(rows, 4), f, e);
        if (s == OK)
            s = read_sentences(r, db_text(rows, 5), f, e);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status read_gaps(struct web_request *r, struct scan_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->gap_pages = (v->incomplete + SCAN_ROWS - 1) / SCAN_ROWS;
    v->gap_page = within(v->gap_page, v->gap_pages);
    v->gaps = arena_alloc_array(r->arena, SCAN_ROWS, sizeof *v->gaps);
    if (!v->gaps)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(r->db, &rows, e,
                             "SELECT path, reason FROM scan_gap WHERE scan_id = $1 ORDER BY n "
                             "LIMIT $2 OFFSET $3",
                             "iii", v->id, (int64_t)SCAN_ROWS, (v->gap_page - 1) * SCAN_ROWS);
    while (s == OK && v->gap_count < SCAN_ROWS && (s = db_next(rows, e)) == OK)
        v->gaps[v->gap_count++] =
            (struct scan_place){page_keep(r, db_text(rows, 0)), page_keep(r, db_text(rows, 1))};
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status get_scan(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct scan_view v = {.incident = r->id[0], .id = r->id[1]};
    enum status s = web_query_int(r, "page", 1, &v.page, e);
    if (s == OK)
        s = web_query_int(r, "gaps", 1, &v.gap_page, e);
    v.page = v.page < 1 || v.page > 1000000 ? 1 : v.page;
    v.gap_page = v.gap_page < 1 || v.gap_page > 1000000 ? 1 : v.gap_page;
    if (s == OK)
        s = incident_frame(r, v.incident, PAGE_SCANS, T(r->lang, "Scan"), &f, &info, e);
    if (s == OK)
        s = read_scan(r, &v, e);
    if (s == OK)
        s = read_assets(r, &v, e);
    if (s == OK)
        s = read_findings(r, &v, e);
    if (s == OK)
        s = read_gaps(r, &v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    scan_main(h, &v);
    return page_end(r, h, &f, e);
}

const struct web_route scan_routes[] = {
    {WEB_GET, "/incidents/:n/scans/:n", ROLES_READ, 0, ROUTE_PAGE, get_scan,
     "What a host handed in: places not fully examined, findings"},
    {0},
};
