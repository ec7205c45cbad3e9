/* Hosts of an incident, /incidents/:n/hosts: who handed in a scan, whom the ledger names, and what
 * nobody looked at. See hosts.h. */
#include "board/web/pages/hosts.h"

#include "board/case/findings.h"
#include "board/web/pages/hosts.html.h"
#include "board/web/pages/incident_frame.h"

#include <unistd.h>

static const char *const show_codes[HOSTS_SHOWS] = {"all", "affected", "incomplete", "unnamed",
                                                    "never"};

const char *hosts_show_code(enum hosts_show s)
{
    return show_codes[s];
}

enum hosts_show hosts_show_of(struct slice code)
{
    for (int s = HOSTS_ALL; s < HOSTS_SHOWS; s++)
        if (slice_eq_str(code, show_codes[s]))
            return (enum hosts_show)s;
    return HOSTS_ALL;
}

/* A row that names "wms-app03" means "wms-app03.example.co.jp" as well, and the other way about;
 * "wms-app03.example.co.jp" and "wms-app03.example.com" are two (case/hosts.h). */
#define SAME_HOST                                                                        \
    "(n.host = s.host OR (n.short <> '' AND n.short = s.short AND (n.host = n.short OR " \
    "s.host = s.short)))"

/* Every host that handed in a scan, with it, and every host of the ledger that no scan speaks for.
 */
#define HOSTS                                                                                 \
    "WITH h AS (SELECT s.host, s.id AS scan, s.received_ms, s.whole_host, s.findings, "       \
    "s.affected, s.incomplete, (SELECT COUNT(DISTINCT n.asset_id) FROM asset_host n "         \
    "WHERE n.incident_id = $1 AND " SAME_HOST                                                 \
    ") AS named, (SELECT MIN(n.asset_id) FROM asset_host n WHERE n.incident_id = $1 "         \
    "AND " SAME_HOST ") AS first_row FROM scan s WHERE s.incident_id = $1 AND s.latest = 1 "  \
    "UNION ALL SELECT n.host, 0, 0, 0, 0, 0, 0, COUNT(DISTINCT n.asset_id), MIN(n.asset_id) " \
    "FROM asset_host n WHERE n.incident_id = $1 AND NOT EXISTS (SELECT 1 FROM scan s "        \
    "WHERE s.incident_id = $1 AND s.latest = 1 AND " SAME_HOST ") GROUP BY n.host) "

static enum status count_shows(struct web_request *r, struct hosts_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(r->db, &rows, e,
                 HOSTS "SELECT COUNT(*), COUNT(*) FILTER (WHERE affected > 0), COUNT(*) FILTER "
                       "(WHERE scan > 0 AND (incomplete > 0 OR whole_host = 0)), COUNT(*) FILTER "
                       "(WHERE scan > 0 AND named = 0), COUNT(*) FILTER (WHERE scan = 0) FROM h",
                 "i", v->incident);
    if (s == OK)
        s = db_next(rows, e);
    for (int i = 0; s == OK && i < HOSTS_SHOWS; i++)
        v->count[i] = db_int(rows, i);
    db_rows_done(rows);
    return s;
}

static void take_host(struct web_request *r, const struct db_rows *rows, struct hosts_item *t)
{
    *t = (struct hosts_item){
        .host = page_keep(r, db_text(rows, 0)),
        .scan = db_int(rows, 1),
        .received_ms = db_int(rows, 2),
        .whole = db_int(rows, 3) != 0,
        .findings = db_int(rows, 4),
        .affected = db_int(rows, 5),
        .incomplete = db_int(rows, 6),
        .rows = db_int(rows, 7),
        .first_row = db_int(rows, 8),
        .first_name = page_keep(r, db_text(rows, 9)),
    };
}

/* The page's hosts, those that call for something first. The search is for a part of the name;
 * names are kept in lower case. */
static enum status read_hosts(struct web_request *r, struct hosts_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    struct slice lower = page_lower(r, v->search);
    int64_t total = 0;
    v->items = arena_alloc_array(r->arena, HOSTS_ROWS, sizeof *v->items);
    if (!v->items)
        return err_set(e, ST_NOMEM, "no memory for the hosts");
    enum status s = db_query(
        r->db, &rows, e,
        HOSTS "SELECT h.host, h.scan, h.received_ms, h.whole_host, h.findings, h.affected, "
              "h.incomplete, h.named, COALESCE(h.first_row, 0), COALESCE(a.name, ''), "
              "COUNT(*) OVER () FROM h LEFT JOIN asset a ON a.id = h.first_row "
              "WHERE ($2 = 0 OR ($2 = 1 AND h.affected > 0) OR ($2 = 2 AND h.scan > 0 AND "
              "(h.incomplete > 0 OR h.whole_host = 0)) OR ($2 = 3 AND h.scan > 0 AND h.named = 0) "
              "OR ($2 = 4 AND h.scan = 0)) AND ($3 = '' OR h.host LIKE $4 ESCAPE '!') "
              "ORDER BY CASE WHEN h.affected > 0 THEN 0 WHEN h.scan > 0 AND h.named = 0 THEN 1 "
              "WHEN h.incomplete > 0 THEN 2 ELSE 3 END, h.host LIMIT $5 OFFSET $6",
        "iittii", v->incident, (int64_t)v->show, lower, page_like(r, lower), (int64_t)HOSTS_ROWS,
        (v->page - 1) * HOSTS_ROWS);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        take_host(r, rows, &v->items[v->items_count++]);
        total = db_int(rows, 10);
    }
    db_rows_done(rows);
    v->pages = (total + HOSTS_ROWS - 1) / HOSTS_ROWS;
    return s == ST_END ? OK : s;
}

static enum status answer(struct web_request *r, struct web_response *res, const struct err *fault,
                          struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct hosts_view v = {.csrf = r->csrf, .page = 1};
    enum status s = incident_frame(r, r->id[0], PAGE_SCANS, T(r->lang, "Hosts"), &f, &info, e);
    if (s == OK)
        s = web_query_int(r, "page", 1, &v.page, e);
    if (s != OK)
        return s;
    v.incident = info.id;
    v.edits = info.edits;
    v.show = hosts_show_of(web_query(r, "show"));
    v.search = slice_trim(web_query(r, "q"));
    v.fault = fault ? page_err_text(r, fault) : (struct slice){0};
    if (v.page < 1 || v.page > INT32_MAX)
        v.page = 1;
    s = count_shows(r, &v, e);
    if (s == OK)
        s = read_hosts(r, &v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    hosts_page(h, &v);
    return page_end(r, h, &f, e);
}

static enum status get_hosts(struct web_request *r, struct web_response *res, struct err *e)
{
    return answer(r, res, NULL, e);
}

#define SUMMARY_MAX MIB(9) /* the scanner ends the lists of its last line at 8 MiB */

/* The last line of the file: its summary, if it is a scan. */
static enum status read_last_line(const struct web_file *file, struct buf *out, struct err *e)
{
    uint64_t n = file->size < SUMMARY_MAX ? file->size : SUMMARY_MAX;
    uint8_t *p = NULL;
    size_t have = 0;
    enum status s = buf_reserve(out, (size_t)n, &p);
    while (s == OK && have < n) {
        ssize_t got = pread(file->fd, p + have, (size_t)n - have, (off_t)(file->size - n + have));
        if (got <= 0)
            s = err_set_errno(e, ST_IO, "reading the file");
        else
            have += (size_t)got;
    }
    if (s == OK)
        buf_commit(out, have);
    return s;
}

/* Whose scan it is: as the form says, else as the file does at its end. */
static enum status host_of_scan(struct web_request *r, const struct web_file *file,
                                const char **ret, struct err *e)
{
    struct buf tail;
    const char *host = web_field_text(r, "host");
    if (*host) {
        *ret = host;
        return OK;
    }
    buf_init(&tail, SUMMARY_MAX + 1);
    enum status s = read_last_line(file, &tail, e);
    struct slice line = slice_trim(buf_slice(&tail));
    line = slice_sub(line, slice_behind_last(line, '\n'), line.n);
    json_t *json = s == OK ? json_loadb((const char *)line.p, line.n, 0, NULL) : NULL;
    const json_t *summary = json_object_get(json, "summary");
    host = json_string_value(json_object_get(summary, "host"));
    if (s == OK && !json_is_object(summary))
        s = err_set(e, ST_MALFORMED,
                    N_("the last line is no summary: the file is no scan in jsonl, or was cut"));
    else if (s == OK && (!host || !*host))
        s = err_set(e, ST_INVALID, N_("the file names no host: write which one it is"));
    else if (s == OK)
        *ret = (const char *)page_keep(r, host).p;
    json_decref(json);
    buf_done(&tail);
    return s;
}

/* The file goes through in pieces, as it would from a host. */
static enum status take_scan(struct web_request *r, const struct web_file *file, int64_t *ret_scan,
                             bool *ret_known, struct err *e)
{
    struct buf piece;
    struct findings_in *in = NULL;
    const char *host = "";
    uint64_t at = 0;
    enum status s = host_of_scan(r, file, &host, e);
    if (s == OK)
        s = findings_begin(r->db, &r->actor, r->id[0], host, &in, e);
    buf_init(&piece, KIB(64));
    while (s == OK && at < file->size) {
        uint8_t *p = NULL;
        buf_clear(&piece);
        s = buf_reserve(&piece, KIB(64), &p);
        ssize_t n = s == OK ? pread(file->fd, p, KIB(64), (off_t)at) : 0;
        if (s == OK && n <= 0)
            s = err_set_errno(e, ST_IO, "reading the file");
        if (s == OK)
            s = findings_add(in, slice_of(p, (size_t)n), e);
        at += n > 0 ? (uint64_t)n : 0;
    }
    buf_done(&piece);
    if (s == OK)
        return findings_end(in, ret_scan, ret_known, e);
    findings_abort(in);
    return s;
}

static enum status post_scan(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incident_info info = {0};
    const struct web_file *file = web_file_of(r, "file");
    int64_t scan = 0;
    bool known = false;
    enum status s = incident_info(r, r->id[0], &info, e);
    if (s != OK)
        return s;
    s = file ? take_scan(r, file, &scan, &known, e)
             : err_set(e, ST_INVALID, N_("no file was chosen"));
    if (s == OK) {
        web_flash(res, known ? T(r->lang, "This scan was handed in before; nothing was changed.")
                             : T(r->lang, "The scan was handed in."));
        return web_redirect(res, "/incidents/%" PRId64 "/scans/%" PRId64, info.id, scan);
    }
    if (s != ST_INVALID && s != ST_MALFORMED && s != ST_LIMIT && s != ST_UNSUPPORTED)
        return s;
    struct err refused = *e;
    s = page_refused(r, e);
    if (s != OK)
        return s;
    web_status(res, 422);
    return answer(r, res, &refused, e);
}

#define ROLES_HOSTS (ROLES_READ & ~(unsigned)ROLE_OWNER)

const struct web_route hosts_routes[] = {
    {WEB_GET, "/incidents/:n/hosts", ROLES_HOSTS, 0, ROUTE_PAGE, get_hosts,
     "The hosts of an incident"},
    {WEB_POST, "/incidents/:n/scans", ROLES_EDIT, LIMIT_UPLOAD_BYTES, ROUTE_PAGE, post_scan,
     "Hand in a scan as a file"},
    {0},
};
