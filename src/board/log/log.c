/* Appending to the record, and reading it. See log.h. */
#include "base/timefmt.h"
#include "board/case/timeline.h"
#include "board/log/hash.h"
#include "board/log/kinds.h"

#include <inttypes.h>
#include <sodium.h>

static void hash_text(crypto_hash_sha256_state *h, const char *text)
{
    char len[24];
    int n = snprintf(len, sizeof len, "%zu:", strlen(text));
    crypto_hash_sha256_update(h, (const unsigned char *)len, (unsigned long long)n);
    crypto_hash_sha256_update(h, (const unsigned char *)text, strlen(text));
}

static void hash_int(crypto_hash_sha256_state *h, int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, v);
    hash_text(h, text);
}

void log_hash(const struct event *ev, const char *body, const char *prev, char ret[LOG_HASH_SIZE])
{
    crypto_hash_sha256_state h;
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&h);
    hash_text(&h, prev);
    hash_int(&h, ev->id);
    hash_int(&h, ev->incident);
    hash_int(&h, ev->seq);
    hash_int(&h, ev->at_ms);
    hash_int(&h, ev->actor.kind);
    hash_int(&h, ev->actor.id);
    hash_text(&h, ev->actor.name);
    hash_int(&h, (int64_t)ev->actor.role);
    hash_text(&h, ev->actor.via);
    hash_text(&h, ev->subject);
    hash_text(&h, ev->kind);
    hash_text(&h, body);
    crypto_hash_sha256_final(&h, sum);
    sodium_bin2hex(ret, LOG_HASH_SIZE, sum, sizeof sum);
}

/* Takes the chain's place for the event: locks the chain's row, so that the incident's events come
 * one after the other, and reads what the last one left. */
static enum status take_place(struct db *db, struct event *ev, char prev[LOG_HASH_SIZE],
                              struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_run(db, NULL, e,
                           "INSERT INTO chain(incident_id, seq, at_ms, hash) "
                           "VALUES ($1, 0, 0, $2) ON CONFLICT (incident_id) DO NOTHING",
                           "is", ev->incident, LOG_HASH_START);
    if (s == OK)
        s = db_query(db, &rows, e,
                     "UPDATE chain SET seq = seq + 1 WHERE incident_id = $1 "
                     "RETURNING seq, at_ms, hash",
                     "i", ev->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        ev->seq = db_int(rows, 0);
        int64_t last = db_int(rows, 1);
        int64_t now = time_now_ms();
        ev->at_ms = now > last ? now : last; /* a clock set back does not reorder the record */
        (void)snprintf(prev, LOG_HASH_SIZE, "%s", db_text(rows, 2));
        s = db_next(rows, e); /* runs the statement to its end */
        s = s == ST_END ? OK : s;
    } else if (s == ST_END) {
        s = err_set(e, ST_IO, "the chain of incident %" PRId64 " is missing", ev->incident);
    }
    db_rows_done(rows);
    if (s != OK)
        return s;
    /* One order over all incidents. On PostgreSQL two incidents may append at the same moment, so
     * the number comes from a row that both must take. */
    return log_next_id(db, "event", 1, &ev->id, e);
}

static enum status store(struct db *db, const struct event *ev, const char *body, const char *prev,
                         struct err *e)
{
    char hash[LOG_HASH_SIZE];
    log_hash(ev, body, prev, hash);
    enum status s =
        db_run(db, NULL, e,
               "INSERT INTO event(id, incident_id, seq, at_ms, actor_kind, actor_id, actor_name, "
               "actor_role, via, subject, kind, body, prev_hash, hash) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
               "iiiiiisissssss", ev->id, ev->incident, ev->seq, ev->at_ms, (int64_t)ev->actor.kind,
               ev->actor.id, ev->actor.name, (int64_t)ev->actor.role, ev->actor.via, ev->subject,
               ev->kind, body, prev, hash);
    if (s == OK)
        s = db_run(db, NULL, e, "UPDATE chain SET at_ms = $2, hash = $3 WHERE incident_id = $1",
                   "iis", ev->incident, ev->at_ms, hash);
    return s;
}

enum status log_apply(struct db *db, const struct log_kind *kind, const struct event *ev,
                      struct err *e)
{
    enum status s = kind->apply(db, ev, e);
    return s == OK ? timeline_saw(db, kind, ev, e) : s;
}

/* A closed incident is read and no more: what was open in it stays so in the record. */
static enum status still_open(struct db *db, int64_t incident, struct err *e)
{
    int64_t closed = 0;
    enum status s = db_get_int(
        db, &closed, e, "SELECT COUNT(*) FROM incident WHERE id = $1 AND closed_ms IS NOT NULL",
        "i", incident);
    return s == OK && closed ? err_set(e, ST_CONFLICT, N_("the incident is closed")) : s;
}

enum status log_append(struct db *db, const struct actor *actor, int64_t incident, const char *kind,
                       const char *subject, json_t *body, int64_t *ret_id, struct err *e)
{
    const struct log_kind *k = log_find_kind(kind);
    if (!k)
        return err_set(e, ST_INVALID, "event kind %s is unknown", kind);
    if (!db_in_transaction(db))
        return err_set(e, ST_INVALID, "event %s outside a transaction", kind);
    if (!(k->roles & (unsigned)actor->role))
        return err_set(e, ST_DENIED, "%s may not do this (%s)", actor->name, kind);
    struct event ev = {
        .incident = incident, .actor = *actor, .subject = subject, .kind = kind, .body = body};
    char prev[LOG_HASH_SIZE];
    enum status s = take_place(db, &ev, prev, e);
    if (s == OK)
        s = still_open(db, incident, e);
    if (s == OK && k->check)
        s = k->check(db, &ev, e);
    if (s != OK)
        return s;
    char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return err_set(e, ST_INVALID, "the body of %s is no JSON object", kind);
    s = store(db, &ev, text, prev, e);
    if (s == OK)
        s = log_apply(db, k, &ev, e);
    if (s == OK)
        s = db_notify(db, "hikeshi", e);
    free(text);
    if (s == OK && ret_id)
        *ret_id = ev.id;
    return s;
}

enum status log_next_id(struct db *db, const char *counter, int64_t count, int64_t *ret_first,
                        struct err *e)
{
    int64_t last = 0;
    enum status s = db_get_int(db, &last, e,
                               "INSERT INTO counter(name, value) VALUES ($1, $2) "
                               "ON CONFLICT (name) DO UPDATE SET value = counter.value + $2 "
                               "RETURNING value",
                               "si", counter, count);
    if (s == OK)
        *ret_first = last - count + 1;
    return s;
}

enum status log_saw_id(struct db *db, const char *counter, int64_t id, struct err *e)
{
    return db_run(db, NULL, e,
                  "INSERT INTO counter(name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE "
                  "SET value = excluded.value WHERE counter.value < excluded.value",
                  "si", counter, id);
}

enum status log_event_of_row(const struct db_rows *rows, struct event *ret, struct err *e)
{
    json_error_t je;
    json_t *body = json_loads(db_text(rows, 11), JSON_REJECT_DUPLICATES, &je);
    if (!body)
        return err_set(e, ST_MALFORMED, "event %" PRId64 ": its body is no JSON: %s",
                       db_int(rows, 0), je.text);
    *ret = (struct event){
        .id = db_int(rows, 0),
        .incident = db_int(rows, 1),
        .seq = db_int(rows, 2),
        .at_ms = db_int(rows, 3),
        .actor = {.kind = (enum actor_kind)db_int(rows, 4),
                  .id = db_int(rows, 5),
                  .name = db_text(rows, 6),
                  .role = (enum role)db_int(rows, 7),
                  .via = db_text(rows, 8)},
        .subject = db_text(rows, 9),
        .kind = db_text(rows, 10),
        .body = body,
    };
    return OK;
}

enum status log_read(struct db *db, int64_t incident, const char *subject, int64_t before_id,
                     int64_t limit, enum status (*each)(void *arg, const struct event *ev),
                     void *arg, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT " LOG_EVENT_COLUMNS " FROM event "
                             "WHERE incident_id = $1 AND ($2 = '' OR subject = $2) AND id < $3 "
                             "ORDER BY id DESC LIMIT $4",
                             "isii", incident, subject ? subject : "", before_id, limit);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct event ev;
        s = log_event_of_row(rows, &ev, e);
        if (s == OK) {
            s = each(arg, &ev);
            json_decref((json_t *)(uintptr_t)ev.body);
        }
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}
