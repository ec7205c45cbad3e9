/* Verifying the record: every chain is walked, and the views are made again from the events and
 * compared with what is there.
 *
 * All of it happens in one write transaction that is rolled back: the views are copied into
 * temporary tables, emptied, filled again by replaying every event in order, and compared with
 * EXCEPT both ways. So verify needs no second database, works alike on both, and changes nothing.
 * While it runs, others read as before and writers wait. */
#include "board/log/hash.h"
#include "board/log/kinds.h"

#include <inttypes.h>

#define PAGE 2000      /* events read at once */
#define MAX_PLACES 100 /* differing places named in a report; all are counted */

struct verify {
    struct db *db;
    json_t *places;
    int64_t events;
    int64_t faults;
};

PRINTF_LIKE(2, 3)
static void note(struct verify *v, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    v->faults++;
    if (json_array_size(v->places) < MAX_PLACES)
        (void)json_array_append_new(v->places, json_string_nocheck(text));
}

/* One event against the one before it in its chain, whose seq and hash are in *seq and last. */
static void check_event(struct verify *v, const struct db_rows *rows, const struct event *ev,
                        int64_t *seq, char last[LOG_HASH_SIZE])
{
    char hash[LOG_HASH_SIZE];
    const char *prev = db_text(rows, 12);
    log_hash(ev, db_text(rows, 11), prev, hash);
    if (ev->seq != *seq + 1)
        note(v, "incident %" PRId64 ": event %" PRId64 " follows %" PRId64 ": one is missing",
             ev->incident, ev->seq, *seq);
    if (strcmp(prev, last) != 0)
        note(v, "incident %" PRId64 ", event %" PRId64 ": does not follow the event before it",
             ev->incident, ev->seq);
    if (strcmp(hash, db_text(rows, 13)) != 0)
        note(v, "incident %" PRId64 ", event %" PRId64 ": was altered after it was written",
             ev->incident, ev->seq);
    *seq = ev->seq;
    (void)snprintf(last, LOG_HASH_SIZE, "%s", db_text(rows, 13));
}

/* Calls each for every event of a query in order; pages by the last id or seq seen. */
static enum status walk_chain(struct verify *v, int64_t incident, struct err *e)
{
    char last[LOG_HASH_SIZE] = LOG_HASH_START;
    int64_t seq = 0;
    enum status s = OK;
    for (int64_t got = PAGE; s == OK && got == PAGE;) {
        struct db_rows *rows = NULL;
        got = 0;
        s = db_query(v->db, &rows, e,
                     "SELECT " LOG_EVENT_COLUMNS " FROM event WHERE incident_id = $1 AND seq > $2 "
                     "ORDER BY seq LIMIT $3",
                     "iii", incident, seq, (int64_t)PAGE);
        while (s == OK && (s = db_next(rows, e)) == OK) {
            struct event ev;
            s = log_event_of_row(rows, &ev, e);
            if (s == OK) {
                check_event(v, rows, &ev, &seq, last);
                json_decref((json_t *)(uintptr_t)ev.body);
                v->events++;
                got++;
            }
        }
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    if (s != OK)
        return s;
    int64_t heads = 0;
    s = db_get_int(v->db, &heads, e,
                   "SELECT COUNT(*) FROM chain WHERE incident_id = $1 AND seq = $2 AND hash = $3",
                   "iis", incident, seq, last);
    if (s == OK && heads == 0)
        note(v, "incident %" PRId64 ": its last event is missing or altered", incident);
    return s;
}

static enum status walk_chains(struct verify *v, struct err *e)
{
    struct db_rows *rows = NULL;
    /* both sides: a chain without its head and a head without its chain are faults */
    enum status s = db_query(v->db, &rows, e,
                             "SELECT incident_id FROM chain UNION SELECT incident_id FROM event "
                             "ORDER BY 1",
                             "");
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = walk_chain(v, db_int(rows, 0), e);
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status replay_one(struct verify *v, const struct event *ev, struct err *e)
{
    const struct log_kind *k = log_find_kind(ev->kind);
    if (!k)
        return err_set(e, ST_UNSUPPORTED, "event %" PRId64 ": kind %s is unknown to this program",
                       ev->id, ev->kind);
    enum status s = log_saw_id(v->db, "event", ev->id, e);
    if (s == OK)
        s = log_apply(v->db, k, ev, e);
    if (s == ST_MALFORMED) { /* it speaks of bulk data that is not what was handed in */
        note(v, "event %" PRId64 " (%s): %s", ev->id, ev->kind, e ? e->msg : "malformed");
        return OK;
    }
    if (s != OK)
        err_prefix(e, "replaying event %" PRId64 " (%s)", ev->id, ev->kind);
    return s;
}

static enum status replay(struct verify *v, struct err *e)
{
    int64_t id = 0;
    enum status s = OK;
    for (int64_t got = PAGE; s == OK && got == PAGE;) {
        struct db_rows *rows = NULL;
        got = 0;
        s = db_query(v->db, &rows, e,
                     "SELECT " LOG_EVENT_COLUMNS " FROM event WHERE id > $1 ORDER BY id LIMIT $2",
                     "ii", id, (int64_t)PAGE);
        while (s == OK && (s = db_next(rows, e)) == OK) {
            struct event ev;
            s = log_event_of_row(rows, &ev, e);
            if (s == OK) {
                id = ev.id;
                got++;
                s = replay_one(v, &ev, e);
                json_decref((json_t *)(uintptr_t)ev.body);
            }
        }
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    return s;
}

/* Runs one SQL text made from a view's constant names. */
PRINTF_LIKE(3, 4)
static enum status view_script(struct verify *v, struct err *e, const char *fmt, ...)
{
    char sql[4096]; /* the widest view has 32 columns, named twice */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(sql, sizeof sql, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof sql)
        return err_set(e, ST_LIMIT, "verify: statement too long");
    return db_run(v->db, NULL, e, sql, "");
}

static enum status set_aside(struct verify *v, struct err *e)
{
    enum status s = OK;
    for (const struct log_view *w = log_views; s == OK && w->table; w++) {
        s = view_script(v, e, "CREATE TEMPORARY TABLE kept_%s AS SELECT %s FROM %s", w->table,
                        w->columns, w->table);
        if (s == OK)
            s = view_script(v, e, "DELETE FROM %s", w->table);
    }
    return s;
}

/* Names the rows that stand in `a` and not in `b`. */
static enum status compare(struct verify *v, const struct log_view *w, const char *a, const char *b,
                           const char *what, struct err *e)
{
    char sql[4096]; /* the widest view has 32 columns, named twice */
    struct db_rows *rows = NULL;
    int n = snprintf(sql, sizeof sql,
                     "SELECT %s FROM (SELECT %s FROM %s%s EXCEPT SELECT %s FROM "
                     "%s%s) AS differing ORDER BY 1",
                     w->key, w->columns, a, w->table, w->columns, b, w->table);
    if (n < 0 || (size_t)n >= sizeof sql)
        return err_set(e, ST_LIMIT, "verify: statement too long");
    enum status s = db_query(v->db, &rows, e, sql, "");
    while (s == OK && (s = db_next(rows, e)) == OK)
        note(v, "%s %s: %s", w->table, db_text(rows, 0), what);
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status compare_views(struct verify *v, struct err *e)
{
    enum status s = OK;
    for (const struct log_view *w = log_views; s == OK && w->table; w++) {
        s = compare(v, w, "kept_", "", "is not what the record says", e);
        if (s == OK)
            s = compare(v, w, "", "kept_", "the record says otherwise", e);
    }
    return s;
}

enum status log_verify(struct db *db, json_t **ret_report, struct err *e)
{
    struct verify v = {.db = db, .places = json_array()};
    if (!v.places)
        return err_set(e, ST_NOMEM, "out of memory");
    enum status s = db_begin(db, e);
    if (s == OK)
        s = walk_chains(&v, e);
    if (s == OK)
        s = set_aside(&v, e);
    if (s == OK)
        s = replay(&v, e);
    if (s == OK)
        s = compare_views(&v, e);
    db_rollback(db);
    if (s != OK) {
        json_decref(v.places);
        return s;
    }
    json_t *report = json_pack("{s:I, s:I, s:o}", "events", (json_int_t)v.events, "faults",
                               (json_int_t)v.faults, "places", v.places);
    if (!report)
        return err_set(e, ST_NOMEM, "out of memory");
    *ret_report = report;
    return v.faults == 0
               ? OK
               : err_set(e, ST_MALFORMED, "the record differs in %" PRId64 " places", v.faults);
}
