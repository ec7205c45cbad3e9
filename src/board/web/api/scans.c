/* Hosts, the scans that they hand in, and what was found. */
#include "board/case/findings.h"

#include "base/file.h"
#include "base/limits.h"
#include "board/web/api/api.h"
#include "board/web/upload.h"
#include "board/web/web_int.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define ROLES_SEEING (ROLES_READ & ~(unsigned)ROLE_OWNER)

/* --- scans */

struct scan_view {
    int64_t id, incident, started_ms, ended_ms, received_ms, profile_revision, whole_host, files,
        archives, bytes, findings, affected, incomplete, latest;
    struct slice host, tool, profile, paths, sha256;
};
#define ROW(member, label, kind, ...) API_ROW(struct scan_view, member, label, kind, __VA_ARGS__)
static const struct api_field scan_fields[] = {
    ROW(id, "id", API_ID),
    ROW(incident, "incident", API_ID),
    ROW(host, "host", API_TEXT),
    ROW(started_ms, "started", API_TIME, .says = "by the host's clock"),
    ROW(ended_ms, "ended", API_TIME, .says = "by the host's clock"),
    ROW(received_ms, "received", API_TIME, .says = "by the board's clock"),
    ROW(tool, "tool", API_TEXT),
    ROW(profile, "profile", API_TEXT),
    ROW(profile_revision, "profile_revision", API_INT),
    ROW(paths, "paths", API_JSON_TEXT,
        .raw = "{\"type\": [\"array\", \"null\"], \"items\": {\"type\": \"string\"}}"),
    ROW(whole_host, "whole_host", API_FLAG, .says = "the paths cover the host"),
    ROW(files, "files", API_INT),
    ROW(archives, "archives", API_INT),
    ROW(bytes, "bytes", API_INT),
    ROW(findings, "findings", API_INT),
    ROW(affected, "affected", API_INT, .says = "findings with at least one CVE affected"),
    ROW(incomplete, "incomplete", API_INT, .says = "places that were not fully examined"),
    ROW(latest, "latest", API_FLAG, .says = "there is no newer scan of this host"),
    ROW(sha256, "sha256", API_TEXT, .says = "of what was handed in"),
    {0},
};
#undef ROW
static const struct api_schema scan_schema = {"Scan", sizeof(struct scan_view), scan_fields, NULL};
API_PAGE_SCHEMA(scan_list, "ScanList", scan_schema);

#define SCAN_COLUMNS                                                                               \
    "SELECT id, incident_id, started_ms, ended_ms, received_ms, profile_revision, whole_host, "    \
    "files, archives, bytes, findings, affected, incomplete, latest, host, tool, profile, paths, " \
    "sha256 FROM scan "

static enum status scan_of_row(struct web_request *r, const struct db_rows *rows,
                               struct scan_view *v, struct err *e)
{
    int64_t *const numbers[] = {&v->id,         &v->incident,    &v->started_ms,
                                &v->ended_ms,   &v->received_ms, &v->profile_revision,
                                &v->whole_host, &v->files,       &v->archives,
                                &v->bytes,      &v->findings,    &v->affected,
                                &v->incomplete, &v->latest};
    struct slice *const texts[] = {&v->host, &v->tool, &v->profile, &v->paths, &v->sha256};
    enum status s = OK;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = db_int(rows, (int)i);
    for (size_t i = 0; i < ARRAY_LEN(texts) && s == OK; i++)
        s = api_keep(r, db_text(rows, (int)(ARRAY_LEN(numbers) + i)), texts[i], e);
    return s;
}

struct scan_query {
    struct slice host;
    bool latest;
    struct api_paging paging;
};
static const struct api_field scan_query_fields[] = {
    API_ROW(struct scan_query, host, "host", API_TEXT, .max = HOST_NAME_SIZE,
            .says = "the host's name, as scans have it"),
    API_ROW(struct scan_query, latest, "latest", API_BOOL, .says = "only the newest of each host"),
    API_PAGING_FIELDS(struct scan_query, paging),
    {0},
};
static const struct api_schema scan_query_schema = {"ScanQuery", sizeof(struct scan_query),
                                                    scan_query_fields, NULL};

static enum status list_scans(struct web_request *r, struct web_response *res, struct err *e)
{
    struct scan_query q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t before = INT64_MAX;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = api_cursor_id(r, res, &q.paging, "scans", &before, e);
    size_t limit = api_limit(&q.paging);
    struct scan_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     SCAN_COLUMNS "WHERE incident_id = $1 AND id < $2 AND ($3 = '' OR host = $3) "
                                  "AND ($4 = 0 OR latest = 1) ORDER BY id DESC LIMIT $5",
                     "iitii", r->id[0], before, q.host, (int64_t)q.latest, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = scan_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "scans", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

static enum status find_scan(struct web_request *r, int64_t id, struct scan_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, SCAN_COLUMNS "WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such scan"));
    if (s == OK)
        s = scan_of_row(r, rows, v, e);
    db_rows_done(rows);
    return s;
}

static enum status get_scan(struct web_request *r, struct web_response *res, struct err *e)
{
    struct scan_view v = {0};
    enum status s = find_scan(r, r->id[0], &v, e);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

/* --- findings and gaps */

struct finding_view {
    int64_t n;
    struct slice path, component, version, version_from, worst, cves, evidence;
};
static const char *const scan_states[] = {"affected", "unknown",      "mitigated",
                                          "fixed",    "not_affected", NULL};
static const struct api_field finding_fields[] = {
    API_ROW(struct finding_view, n, "n", API_INT, .says = "1, 2, 3 … within the scan"),
    API_ROW(struct finding_view, path, "path", API_TEXT),
    API_ROW(struct finding_view, component, "component", API_TEXT),
    API_ROW(struct finding_view, version, "version", API_TEXT),
    API_ROW(struct finding_view, version_from, "version_from", API_TEXT),
    API_ROW(struct finding_view, worst, "worst", API_WORD, .words = scan_states),
    API_ROW(struct finding_view, cves, "cves", API_JSON_TEXT,
            .raw = "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}}"),
    API_ROW(struct finding_view, evidence, "evidence", API_JSON_TEXT,
            .raw = "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}"),
    {0},
};
static const struct api_schema finding_schema = {"Finding", sizeof(struct finding_view),
                                                 finding_fields, NULL};
API_PAGE_SCHEMA(finding_list, "FindingList", finding_schema);

struct finding_query {
    struct slice worst;
    struct api_paging paging;
};
static const struct api_field finding_query_fields[] = {
    API_ROW(struct finding_query, worst, "worst", API_WORD, .words = scan_states,
            .says = "only findings whose worst state is this"),
    API_PAGING_FIELDS(struct finding_query, paging),
    {0},
};
static const struct api_schema finding_query_schema = {"FindingQuery", sizeof(struct finding_query),
                                                       finding_query_fields, NULL};

static enum status finding_of_row(struct web_request *r, const struct db_rows *rows,
                                  struct finding_view *v, struct err *e)
{
    struct slice *const texts[] = {&v->path,  &v->component, &v->version, &v->version_from,
                                   &v->worst, &v->cves,      &v->evidence};
    enum status s = OK;
    v->n = db_int(rows, 0);
    for (size_t i = 0; i < ARRAY_LEN(texts) && s == OK; i++)
        s = api_keep(r, db_text(rows, (int)i + 1), texts[i], e);
    return s;
}

/* A page ends early behind so many bytes: a line of a finding may have up to 256 KiB. */
#define FINDINGS_BYTES MIB(2)

static size_t bytes_of(const struct finding_view *v)
{
    return v->path.n + v->cves.n + v->evidence.n;
}

static enum status list_findings(struct web_request *r, struct web_response *res, struct err *e)
{
    struct finding_query q = {0};
    struct scan_view scan = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t after = 0;
    size_t bytes = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = find_scan(r, r->id[0], &scan, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q.paging, "findings", &after, e);
    size_t limit = api_limit(&q.paging);
    struct finding_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT n, path, component, version, version_from, worst, cves, evidence "
                     "FROM finding WHERE scan_id = $1 AND n > $2 AND ($3 = '' OR worst = $3) "
                     "ORDER BY n LIMIT $4",
                     "iiti", r->id[0], after, q.worst, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct finding_view *v = &list[page.items.count++];
        s = finding_of_row(r, rows, v, e);
        bytes += bytes_of(v);
        if (s == OK && bytes > FINDINGS_BYTES && page.items.count > 1) {
            limit = page.items.count - 1; /* this one is the first of the next page */
            s = ST_END;
        }
    }
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "findings", list[limit - 1].n, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

struct gap_view {
    int64_t n;
    struct slice path, reason;
};
static const struct api_field gap_fields[] = {
    API_ROW(struct gap_view, n, "n", API_INT),
    API_ROW(struct gap_view, path, "path", API_TEXT),
    API_ROW(struct gap_view, reason, "reason", API_TEXT),
    {0},
};
static const struct api_schema gap_schema = {"Gap", sizeof(struct gap_view), gap_fields,
                                             "a place that was not fully examined"};
API_PAGE_SCHEMA(gap_list, "GapList", gap_schema);

static enum status list_gaps(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct scan_view scan = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t after = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = find_scan(r, r->id[0], &scan, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "gaps", &after, e);
    size_t limit = api_limit(&q);
    struct gap_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT n, path, reason FROM scan_gap WHERE scan_id = $1 AND n > $2 "
                     "ORDER BY n LIMIT $3",
                     "iii", r->id[0], after, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct gap_view *v = &list[page.items.count++];
        v->n = db_int(rows, 0);
        s = api_keep(r, db_text(rows, 1), &v->path, e);
        if (s == OK)
            s = api_keep(r, db_text(rows, 2), &v->reason, e);
    }
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "gaps", list[limit - 1].n, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

/* --- handing in. The bytes are collected first: while they are written no other request can write,
 * and how fast they come is the client's to choose. */

struct handing_in {
    struct slice host;
};
static const struct api_field handing_in_fields[] = {
    API_ROW(struct handing_in, host, "host", API_TEXT, .max = HOST_NAME_SIZE,
            .says = "whose scan it is; of a host's token: that host"),
    {0},
};
static const struct api_schema handing_in_query = {"HandingIn", sizeof(struct handing_in),
                                                   handing_in_fields, NULL};

static enum status collect(struct web_request *r, int fd, struct err *e)
{
    struct slice piece;
    enum status s = OK;
    while (s == OK && (s = web_body_next(r, &piece, e)) == OK)
        s = fd_write_all(fd, piece, e);
    return s == ST_END ? OK : s;
}

static enum status feed(struct findings_in *in, int fd, struct err *e)
{
    uint8_t piece[KIB(64)];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, piece, sizeof piece, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, ST_IO, "the scan that was handed in");
        if (n == 0)
            return OK;
        at += n;
        enum status s = findings_add(in, slice_of(piece, (size_t)n), e);
        if (s != OK)
            return s;
    }
}

static enum status take(struct web_request *r, int fd, const char *host, int64_t *ret_scan,
                        bool *ret_known, struct err *e)
{
    struct findings_in *in = NULL;
    enum status s = findings_begin(r->db, &r->actor, r->id[0], host, &in, e);
    if (s != OK)
        return s;
    s = feed(in, fd, e);
    if (s == OK)
        return findings_end(in, ret_scan, ret_known, e);
    findings_abort(in);
    return s;
}

/* Whose scan it is: what the query says, or else the host whose token it is. */
static enum status host_of(struct web_request *r, struct web_response *res, const char **ret,
                           struct err *e)
{
    struct handing_in in = {0};
    enum status s = api_query(r, res, &in, NULL, e);
    if (s != OK)
        return s;
    *ret = in.host.n || r->actor.kind != ACTOR_HOST ? api_text(r, in.host) : r->actor.name;
    if (!*ret)
        return api_nomem(e);
    if (**ret == '\0') {
        (void)err_set(e, ST_INVALID, N_("say whose scan it is"));
        return api_fault_at(r, res, "host", e);
    }
    return OK;
}

static enum status store_scan(struct web_request *r, int fd, const char *host, int64_t *ret_scan,
                              bool *ret_known, struct err *e)
{
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = take(r, fd, host, ret_scan, ret_known, e);
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

static enum status hand_in(struct web_request *r, struct web_response *res, struct err *e)
{
    const char *host = "";
    struct scan_view v = {0};
    int64_t scan = 0;
    bool known = false;
    int fd = -1;
    enum status s = host_of(r, res, &host, e);
    if (s == OK)
        s = temp_file(&fd, e);
    if (s == OK)
        s = collect(r, fd, e);
    if (s == OK)
        s = admit_again(exchange_of(r), r->db, e);
    if (s == OK)
        s = store_scan(r, fd, host, &scan, &known, e);
    if (fd >= 0)
        (void)close(fd);
    if (s == ST_LIMIT && !exchange_of(r)->fault.code) /* a line that is too long, not the body */
        web_problem_about(res, 422, NULL, NULL);
    if (s == OK)
        s = find_scan(r, scan, &v, e);
    if (s != OK)
        return s;
    api_place(r, res, API "/scans/%" PRId64, scan);
    return api_reply_code(r, res, known ? 200 : 201, &v, e);
}

/* --- hosts */

struct host_view {
    int64_t id, disabled, made_ms;
    struct slice name, token;
};
#define HOST_FIELDS                                                \
    API_ROW(struct host_view, id, "id", API_ID),                   \
        API_ROW(struct host_view, name, "name", API_TEXT),         \
        API_ROW(struct host_view, disabled, "disabled", API_FLAG), \
        API_ROW(struct host_view, made_ms, "made", API_TIME)
static const struct api_field host_fields[] = {HOST_FIELDS, {0}};
static const struct api_schema host_schema = {"Host", sizeof(struct host_view), host_fields, NULL};
static const struct api_field token_fields[] = {
    HOST_FIELDS,
    API_ROW(struct host_view, token, "token", API_TEXT, .says = "shown this once"),
    {0},
};
static const struct api_schema host_token_schema = {"HostToken", sizeof(struct host_view),
                                                    token_fields, NULL};
API_PAGE_SCHEMA(host_list, "HostList", host_schema);

#define HOST_COLUMNS "SELECT id, disabled, made_ms, name FROM host "

static enum status host_of_row(struct web_request *r, const struct db_rows *rows,
                               struct host_view *v, struct err *e)
{
    v->id = db_int(rows, 0);
    v->disabled = db_int(rows, 1);
    v->made_ms = db_int(rows, 2);
    return api_keep(r, db_text(rows, 3), &v->name, e);
}

static enum status list_hosts(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t after = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "hosts", &after, e);
    size_t limit = api_limit(&q);
    struct host_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e, HOST_COLUMNS "WHERE id > $1 ORDER BY id LIMIT $2", "ii",
                     after, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = host_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "hosts", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

static enum status reply_host(struct web_request *r, struct web_response *res, int64_t id,
                              const char *token, struct err *e)
{
    struct db_rows *rows = NULL;
    struct host_view v = {.token = slice_str(token)};
    enum status s = db_query(r->db, &rows, e, HOST_COLUMNS "WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such host"));
    if (s == OK)
        s = host_of_row(r, rows, &v, e);
    db_rows_done(rows);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

struct host_input {
    struct slice name;
};
static const struct api_field host_input_fields[] = {
    API_ROW(struct host_input, name, "name", API_TEXT, .flags = API_NEED, .min = 1,
            .max = HOST_NAME_SIZE - 1),
    {0},
};
static const struct api_schema host_input_schema = {"HostNew", sizeof(struct host_input),
                                                    host_input_fields, NULL};

static enum status add_host(struct web_request *r, struct web_response *res, struct err *e)
{
    struct host_input in = {0};
    char token[HOST_TOKEN_SIZE] = "";
    int64_t id = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s != OK)
        return s;
    const char *name = api_text(r, in.name);
    s = name ? host_add(r->db, &r->actor, name, token, &id, e) : api_nomem(e);
    if (s == ST_INVALID)
        return api_fault_at(r, res, "/name", e);
    return s == OK ? reply_host(r, res, id, token, e) : s;
}

static enum status renew_host(struct web_request *r, struct web_response *res, struct err *e)
{
    char token[HOST_TOKEN_SIZE] = "";
    char none = 0;
    enum status s = api_body(r, res, &none, NULL, e);
    if (s == OK)
        s = host_renew(r->db, &r->actor, r->id[0], token, e);
    return s == OK ? reply_host(r, res, r->id[0], token, e) : s;
}

static enum status disable_host(struct web_request *r, struct web_response *res, struct err *e)
{
    char none = 0;
    enum status s = api_body(r, res, &none, NULL, e);
    if (s == OK)
        s = host_disable(r->db, &r->actor, r->id[0], e);
    return s == OK ? reply_host(r, res, r->id[0], "", e) : s;
}

const struct web_route api_scan_routes[] = {
    {WEB_GET, API "/incidents/:n/scans", ROLES_SEEING, 0, ROUTE_API, list_scans,
     "Scans that were handed in, the newest first"},
    {WEB_POST, API "/incidents/:n/findings", ROLES_EDIT, LIMIT_UPLOAD_BYTES,
     ROUTE_API | ROUTE_HOST | ROUTE_STREAM | ROUTE_OWN_TX, hand_in,
     "Hand in a scan: what `hikeshi scan --format jsonl` printed"},
    {WEB_GET, API "/scans/:n", ROLES_SEEING, 0, ROUTE_API, get_scan, "One scan"},
    {WEB_GET, API "/scans/:n/findings", ROLES_SEEING, 0, ROUTE_API, list_findings,
     "What a scan found"},
    {WEB_GET, API "/scans/:n/gaps", ROLES_SEEING, 0, ROUTE_API, list_gaps,
     "What a scan could not fully examine"},
    {WEB_GET, API "/hosts", ROLES_SEEING, 0, ROUTE_API, list_hosts,
     "Hosts that may hand in what they found"},
    {WEB_POST, API "/hosts", ROLE_ADMIN, KIB(16), ROUTE_API, add_host,
     "Register a host; its token is shown once"},
    {WEB_POST, API "/hosts/:n/token", ROLE_ADMIN, KIB(16), ROUTE_API, renew_host,
     "Give a host a new token; the old one is void at once"},
    {WEB_POST, API "/hosts/:n/disable", ROLE_ADMIN, KIB(16), ROUTE_API, disable_host,
     "Disable a host; its token is void at once"},
    {0},
};

const struct api_op api_scan_ops[] = {
    API_OP(list_scans, "listScans", "scans", .params = {"incident"}, .query = &scan_query_schema,
           .answer = &scan_list, .code = 200),
    API_OP(hand_in, "handInScan", "scans", .params = {"incident"}, .query = &handing_in_query,
           .answer = &scan_schema, .code = 201,
           .flags = API_STREAM | API_AGAIN | API_PLACE | API_CONFLICT,
           .body_type = "application/jsonl",
           .says =
               "One JSON object a line, the last with the summary, as it was printed. 200 when "
               "this host handed in the same bytes before; 422 names the line that is at fault, "
               "and nothing of the scan is kept then."),
    API_OP(get_scan, "getScan", "scans", .params = {"scan"}, .answer = &scan_schema, .code = 200),
    API_OP(list_findings, "listFindings", "scans", .params = {"scan"},
           .query = &finding_query_schema, .answer = &finding_list, .code = 200),
    API_OP(list_gaps, "listGaps", "scans", .params = {"scan"}, .query = &api_paging_query,
           .answer = &gap_list, .code = 200),
    API_OP(list_hosts, "listHosts", "hosts", .query = &api_paging_query, .answer = &host_list,
           .code = 200),
    API_OP(add_host, "addHost", "hosts", .body = &host_input_schema, .answer = &host_token_schema,
           .code = 201, .flags = API_CONFLICT),
    API_OP(renew_host, "renewHostToken", "hosts", .params = {"host"}, .body = &api_nothing,
           .answer = &host_token_schema, .code = 200),
    API_OP(disable_host, "disableHost", "hosts", .params = {"host"}, .body = &api_nothing,
           .answer = &host_schema, .code = 200),
    {0},
};
