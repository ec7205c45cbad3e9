/* The kind of event ledger.imported: rows of import_row become rows of the ledger, all at once. */
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/body.h"
#include "board/case/findings.h"
#include "board/case/import_int.h"
#include "board/case/survey.h"

#include <inttypes.h>

static enum status check_imported(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    int64_t n = 0;
    enum status s = body_subject_id(ev, "import:", &id, e);
    if (s == OK)
        s = db_get_int(db, &n, e, "SELECT COUNT(*) FROM import_row WHERE import_id = $1", "i", id);
    if (s == OK && n != body_int(ev->body, "added") + body_int(ev->body, "changed") +
                            body_int(ev->body, "same"))
        s = err_set(e, ST_INVALID, "import %" PRId64 " has %" PRId64 " rows", id, n);
    return s;
}

/* --- the rows, read once: their digest, and the hosts of those that the ledger gets */

struct row_reader {
    struct db *db;
    const struct event *ev;
    int64_t id, last_row, count;
    struct import_digest digest;
    struct db_batch *hosts;
    struct buf scanned; /* int64_t: rows that came to have other hosts */
};

enum {
    COL_ASSET = 1,
    COL_ACTION = 2,
    COL_FIRST_VALUE = 3,
    COL_WAS = COL_FIRST_VALUE + ASSET_COLUMN_COUNT + 2,
};

static bool seen_before(const char (*hosts)[ASSET_HOST_SIZE], size_t count, const char *host)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(hosts[i], host) == 0)
            return true;
    return false;
}

static enum status add_hosts(struct row_reader *r, int64_t asset, struct slice hosts, struct err *e)
{
    char seen[ASSET_HOSTS_MAX][ASSET_HOST_SIZE];
    char name[ASSET_HOST_SIZE];
    size_t n = 0;
    enum status s = OK;
    while (s == OK && n < ASSET_HOSTS_MAX && asset_next_host(&hosts, seen[n], name)) {
        if (seen_before((const char(*)[ASSET_HOST_SIZE])seen, n, seen[n]))
            continue;
        s = db_batch_add(r->hosts, e, asset, slice_str(seen[n]), slice_str(name), r->ev->incident);
        n++;
    }
    return s;
}

static enum status take_row(struct row_reader *r, const struct db_rows *rows, struct err *e)
{
    for (int i = 0; i < IMPORT_ROW_COLUMN_COUNT; i++)
        import_digest_column(&r->digest, slice_str(db_text(rows, i)));
    r->last_row = db_int(rows, 0);
    r->count++;
    if (strcmp(db_text(rows, COL_ACTION), "same") == 0)
        return OK;
    int64_t asset = db_int(rows, COL_ASSET);
    bool added = strcmp(db_text(rows, COL_ACTION), "add") == 0;
    if ((added || strstr(db_text(rows, COL_WAS), "\"hosts\":")) &&
        buf_add(&r->scanned, &asset, sizeof asset) != OK)
        return err_set(e, buf_status(&r->scanned), "no memory for the rows of an import");
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++)
        if (asset_columns[i] == FIELD_HOSTS)
            return add_hosts(r, asset, slice_str(db_text(rows, COL_FIRST_VALUE + i)), e);
    return OK;
}

#define PAGE 500

static enum status read_rows(struct row_reader *r, struct err *e)
{
    enum status s = OK;
    for (int64_t got = PAGE; s == OK && got == PAGE;) {
        struct db_rows *rows = NULL;
        got = 0;
        s = db_query(r->db, &rows, e,
                     "SELECT " IMPORT_ROW_COLUMNS " FROM import_row "
                     "WHERE import_id = $1 AND row > $2 ORDER BY row LIMIT $3",
                     "iii", r->id, r->last_row, (int64_t)PAGE);
        while (s == OK && (s = db_next(rows, e)) == OK) {
            got++;
            s = take_row(r, rows, e);
        }
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    return s;
}

/* Scans of the hosts that came before propose answers. Without any, as on the first day, there is
 * nothing to derive: a new row is what apply_sets makes it. */
static enum status propose(const struct row_reader *r, struct err *e)
{
    const int64_t *ids = (const int64_t *)(const void *)r->scanned.p;
    size_t count = r->scanned.n / sizeof *ids;
    int64_t scans = 0;
    enum status s = db_get_int(r->db, &scans, e, "SELECT COUNT(*) FROM scan WHERE incident_id = $1",
                               "i", r->ev->incident);
    if (s != OK || scans == 0 || count == 0)
        return s;
    s = findings_propose(r->db, r->ev, ids, count, e);
    return s == OK ? survey_derive(r->db, r->ev, ids, count, e) : s;
}

/* Writes asset_host anew for what is added or changed, and sees that the rows are those that the
 * event speaks of. */
static enum status apply_rows(struct db *db, const struct event *ev, int64_t id, struct err *e)
{
    struct row_reader r = {.db = db, .ev = ev, .id = id};
    char digest[65];
    import_digest_begin(&r.digest);
    buf_init(&r.scanned, LIMIT_LEDGER_ROWS * sizeof(int64_t));
    enum status s = db_run(db, NULL, e,
                           "DELETE FROM asset_host WHERE asset_id IN (SELECT asset_id FROM "
                           "import_row WHERE import_id = $1 AND action = 'change')",
                           "i", id);
    if (s == OK)
        s = db_batch_begin(db, "asset_host(asset_id, host, short, incident_id)", "itti", &r.hosts,
                           e);
    if (s == OK)
        s = read_rows(&r, e);
    if (s == OK) {
        s = db_batch_end(r.hosts, e);
        r.hosts = NULL;
    }
    db_batch_abort(r.hosts);
    import_digest_end(&r.digest, digest);
    if (s == OK)
        s = propose(&r, e);
    buf_done(&r.scanned);
    if (s == OK && strcmp(digest, body_text(ev->body, "rows_sha256")) != 0)
        s = err_set(e, ST_MALFORMED, "the rows of import %" PRId64 " were altered", id);
    return s;
}

/* --- the ledger, in whole sets */

static enum status apply_sets(struct db *db, const struct event *ev, int64_t id, struct err *e)
{
    enum status s = db_run(
        db, NULL, e,
        "INSERT INTO asset(id, incident_id, " ASSET_VALUE_COLUMNS ", match_key, search, retired, "
        "asked_ms, due_ms, state, certainty, flags, made_ms, changed_ms, row_version, import_id, "
        "import_row) SELECT asset_id, CAST($2 AS BIGINT), " ASSET_VALUE_COLUMNS
        ", match_key, search, 0, 0, 0, 'not_asked', 'none', 0, CAST($3 AS BIGINT), "
        "CAST($3 AS BIGINT), CAST($4 AS BIGINT), import_id, row FROM import_row "
        "WHERE import_id = $1 AND action = 'add' ORDER BY row",
        "iiii", id, ev->incident, ev->at_ms, ev->id);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "UPDATE asset SET number = r.number, name = r.name, category = r.category, "
                   "owner = r.owner, owner_mail = r.owner_mail, department = r.department, "
                   "vendor = r.vendor, product = r.product, version = r.version, "
                   "exposed = r.exposed, hosts = r.hosts, users = r.users, "
                   "shared_with = r.shared_with, criticality = r.criticality, notes = r.notes, "
                   "renewed_on = r.renewed_on, free = r.free, match_key = r.match_key, "
                   "search = r.search, changed_ms = $2, row_version = $3, "
                   "import_id = r.import_id, import_row = r.row FROM import_row r "
                   "WHERE r.import_id = $1 AND r.action = 'change' AND asset.id = r.asset_id",
                   "iii", id, ev->at_ms, ev->id);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "UPDATE asset SET import_id = r.import_id, import_row = r.row "
                   "FROM import_row r "
                   "WHERE r.import_id = $1 AND r.action = 'same' AND asset.id = r.asset_id",
                   "i", id);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO asset_event(asset_id, event_id) SELECT asset_id, "
                   "CAST($2 AS BIGINT) FROM import_row WHERE import_id = $1 AND action <> 'same'",
                   "ii", id, ev->id);
    return s;
}

static enum status apply_imported(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *b = ev->body;
    int64_t id = 0;
    enum status s = body_subject_id(ev, "import:", &id, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO import(id, incident_id, file, sheet, mapping, rows, added, "
                   "changed, same, missing, sha256, at_ms) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                   "iisssiiiiisi", id, ev->incident, body_text(b, "file"), body_text(b, "sheet"),
                   body_text(b, "mapping"), body_int(b, "rows"), body_int(b, "added"),
                   body_int(b, "changed"), body_int(b, "same"), body_int(b, "missing"),
                   body_text(b, "sha256"), ev->at_ms);
    if (s == OK)
        s = apply_sets(db, ev, id, e);
    if (s == OK)
        s = log_saw_id(db, "asset", body_int(b, "last_asset"), e);
    if (s == OK)
        s = log_saw_id(db, "import", id, e);
    return s == OK ? apply_rows(db, ev, id, e) : s; /* last: what it may find is told by verify */
}

static enum status say_imported(const struct event *ev, enum lang lang, struct buf *out)
{
    return buf_addf(
        out, T(lang, "Ledger read from %s: %lld rows added, %lld changed, %lld as before"),
        body_text(ev->body, "file"), (long long)body_int(ev->body, "added"),
        (long long)body_int(ev->body, "changed"), (long long)body_int(ev->body, "same"));
}

const struct log_kind ledger_import_kinds[] = {
    {"ledger.imported", ROLES_WORK, check_imported, apply_imported, say_imported, TIMELINE_MAIN},
    {0},
};
