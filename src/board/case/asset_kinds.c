/* Kinds of event about rows of the ledger: what is checked behind the lock, the views they keep up,
 * and how they are told. See asset.h. */
#include "board/case/asset.h"
#include "board/case/asset_values.h"
#include "board/case/body.h"
#include "board/case/findings.h"
#include "board/case/survey.h"
#include "board/office/words.h"

#include "base/timefmt.h"

#include <inttypes.h>

/* --- checks: the chain is locked, so nothing changes between them and apply */

struct standing {
    int64_t incident, row_version, retired;
};

static enum status stand(struct db *db, const struct event *ev, int64_t asset, struct standing *ret,
                         struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT incident_id, row_version, retired FROM asset WHERE id = $1",
                 "i", asset);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        *ret = (struct standing){db_int(rows, 0), db_int(rows, 1), db_int(rows, 2)};
    db_rows_done(rows);
    if (s == ST_END || (s == OK && ret->incident != ev->incident))
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    return s;
}

/* ST_CONFLICT, naming who made the row what it is now. */
static enum status somebody_else(struct db *db, int64_t event, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT actor_name FROM event WHERE id = $1", "i", event);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK || s == ST_END)
        s = err_set(e, ST_CONFLICT, N_("%s changed this row meanwhile; look at it and decide anew"),
                    s == OK ? db_text(rows, 0) : "?");
    db_rows_done(rows);
    return s;
}

static enum status check_added(struct db *db, const struct event *ev, struct err *e)
{
    (void)db;
    if (!*body_text(json_object_get(ev->body, "fields"), "name"))
        return err_set(e, ST_INVALID, N_("a row of the ledger needs a name"));
    return OK;
}

static enum status check_changed(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    struct standing row = {0};
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = stand(db, ev, id, &row, e);
    if (s == OK && row.row_version != body_int(ev->body, "base"))
        s = somebody_else(db, row.row_version, e);
    return s;
}

static enum status check_retired(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    struct standing row = {0};
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = stand(db, ev, id, &row, e);
    if (s == OK && row.retired)
        s = err_set(e, ST_CONFLICT, N_("this row is marked as no longer in use already"));
    return s;
}

static enum status check_restored(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    struct standing row = {0};
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = stand(db, ev, id, &row, e);
    if (s == OK && !row.retired)
        s = err_set(e, ST_CONFLICT, N_("this row is in use already"));
    return s;
}

static enum status check_many(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *list = json_object_get(ev->body, "assets");
    const json_t *item;
    size_t i;
    bool asked = strcmp(ev->kind, "asset.asked") == 0;
    json_array_foreach(list, i, item)
    {
        struct standing row = {0};
        enum status s = stand(db, ev, json_integer_value(item), &row, e);
        if (s == OK && asked && row.retired)
            s = err_set(e, ST_INVALID,
                        N_("one of the rows is no longer in use; its owner is not asked"));
        if (s != OK)
            return s;
    }
    return OK;
}

/* --- views */

static enum status write_hosts(struct db *db, int64_t incident, int64_t asset, struct slice hosts,
                               struct err *e)
{
    char host[ASSET_HOST_SIZE];
    char name[ASSET_HOST_SIZE];
    enum status s = db_run(db, NULL, e, "DELETE FROM asset_host WHERE asset_id = $1", "i", asset);
    while (s == OK && asset_next_host(&hosts, host, name))
        s = db_run(db, NULL, e,
                   "INSERT INTO asset_host(asset_id, host, short, incident_id) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (asset_id, host) DO NOTHING",
                   "issi", asset, host, name, incident);
    return s;
}

/* Hosts, and what follows from them: scans of theirs that came before propose answers. */
static enum status take_hosts(struct db *db, const struct event *ev, int64_t asset,
                              struct slice hosts, struct err *e)
{
    enum status s = write_hosts(db, ev->incident, asset, hosts, e);
    return s == OK ? findings_propose(db, ev, &asset, 1, e) : s;
}

/* What is kept of the values beside themselves. */
struct derived {
    struct buf key, search;
};

static enum status derived_of(const struct asset_values *v, struct derived *d, struct err *e)
{
    buf_init(&d->key, LIMIT_CELL_BYTES);
    buf_init(&d->search, ASSET_MEMORY);
    enum status s = asset_values_key(v, &d->key);
    if (s == OK)
        s = asset_values_search(v, &d->search);
    return s == OK ? OK : err_set(e, s, "no memory for a row of the ledger");
}

static void derived_done(struct derived *d)
{
    buf_done(&d->key);
    buf_done(&d->search);
}

static enum status insert_row(struct db *db, const struct event *ev, int64_t id,
                              const struct asset_values *values, const struct derived *d,
                              struct err *e)
{
    const struct slice *v = values->v;
    return db_run(
        db, NULL, e,
        "INSERT INTO asset(id, incident_id, " ASSET_VALUE_COLUMNS ", match_key, search, retired, "
        "asked_ms, due_ms, state, certainty, flags, made_ms, changed_ms, row_version, import_id, "
        "import_row) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
        "$16, $17, $18, $19, $20, $21, 0, 0, 0, 'not_asked', 'none', 0, $22, $22, $23, 0, 0)",
        "iitttttttttitttttttttii", id, ev->incident, v[FIELD_ASSET_NUMBER], v[FIELD_NAME],
        v[FIELD_CATEGORY], v[FIELD_OWNER], v[FIELD_OWNER_MAIL], v[FIELD_DEPARTMENT],
        v[FIELD_VENDOR], v[FIELD_PRODUCT], v[FIELD_VERSION], asset_exposed_code(v[FIELD_EXPOSED]),
        v[FIELD_HOSTS], v[FIELD_USERS], v[FIELD_SHARED_WITH], v[FIELD_CRITICALITY], v[FIELD_NOTES],
        v[FIELD_RENEWED_ON], v[FIELD_FREE], buf_slice(&d->key), buf_slice(&d->search), ev->at_ms,
        ev->id);
}

static enum status update_row(struct db *db, const struct event *ev, int64_t id,
                              const struct asset_values *values, const struct derived *d,
                              struct err *e)
{
    const struct slice *v = values->v;
    return db_run(db, NULL, e,
                  "UPDATE asset SET number = $2, name = $3, category = $4, owner = $5, "
                  "owner_mail = $6, department = $7, vendor = $8, product = $9, version = $10, "
                  "exposed = $11, hosts = $12, users = $13, shared_with = $14, criticality = $15, "
                  "notes = $16, renewed_on = $17, free = $18, match_key = $19, search = $20, "
                  "row_version = $21 WHERE id = $1",
                  "itttttttttittttttttti", id, v[FIELD_ASSET_NUMBER], v[FIELD_NAME],
                  v[FIELD_CATEGORY], v[FIELD_OWNER], v[FIELD_OWNER_MAIL], v[FIELD_DEPARTMENT],
                  v[FIELD_VENDOR], v[FIELD_PRODUCT], v[FIELD_VERSION],
                  asset_exposed_code(v[FIELD_EXPOSED]), v[FIELD_HOSTS], v[FIELD_USERS],
                  v[FIELD_SHARED_WITH], v[FIELD_CRITICALITY], v[FIELD_NOTES], v[FIELD_RENEWED_ON],
                  v[FIELD_FREE], buf_slice(&d->key), buf_slice(&d->search), ev->id);
}

static enum status apply_added(struct db *db, const struct event *ev, struct err *e)
{
    struct arena a;
    struct asset_values v = {0};
    struct derived d = {0};
    int64_t id = 0;
    arena_init(&a, ASSET_MEMORY);
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = asset_values_from_json(json_object_get(ev->body, "fields"), &a, &v, e);
    if (s == OK)
        s = derived_of(&v, &d, e);
    if (s == OK)
        s = insert_row(db, ev, id, &v, &d, e);
    if (s == OK)
        s = take_hosts(db, ev, id, v.v[FIELD_HOSTS], e);
    if (s == OK)
        s = asset_touched(db, ev, id, e);
    if (s == OK)
        s = log_saw_id(db, "asset", id, e);
    derived_done(&d);
    arena_done(&a);
    return s;
}

static enum status read_values(struct db *db, int64_t id, struct arena *a, struct asset_values *v,
                               struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT " ASSET_VALUE_COLUMNS " FROM asset WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_MALFORMED, "row %" PRId64 " of the ledger is missing", id);
    if (s == OK)
        s = asset_values_of_row(rows, 0, a, v, e);
    db_rows_done(rows);
    return s;
}

static enum status apply_changed(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *after = json_object_get(ev->body, "after");
    struct arena a;
    struct asset_values v = {0};
    struct derived d = {0};
    int64_t id = 0;
    arena_init(&a, ASSET_MEMORY);
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = read_values(db, id, &a, &v, e);
    if (s == OK)
        s = asset_values_from_json(after, &a, &v, e);
    if (s == OK)
        s = derived_of(&v, &d, e);
    if (s == OK)
        s = update_row(db, ev, id, &v, &d, e);
    if (s == OK && json_object_get(after, field_code(FIELD_HOSTS)))
        s = take_hosts(db, ev, id, v.v[FIELD_HOSTS], e);
    if (s == OK)
        s = asset_touched(db, ev, id, e);
    derived_done(&d);
    arena_done(&a);
    return s;
}

static enum status set_retired(struct db *db, const struct event *ev, int64_t retired,
                               struct err *e)
{
    int64_t id = 0;
    enum status s = body_subject_id(ev, "asset:", &id, e);
    if (s == OK)
        s = db_run(db, NULL, e, "UPDATE asset SET retired = $2, row_version = $3 WHERE id = $1",
                   "iii", id, retired, ev->id);
    if (s == OK)
        s = asset_touched(db, ev, id, e);
    return s == OK ? survey_derive(db, ev, &id, 1, e) : s;
}

static enum status apply_retired(struct db *db, const struct event *ev, struct err *e)
{
    return set_retired(db, ev, 1, e);
}

static enum status apply_restored(struct db *db, const struct event *ev, struct err *e)
{
    return set_retired(db, ev, 0, e);
}

static enum status ask_one(struct db *db, const struct event *ev, int64_t id, struct err *e)
{
    enum status s = db_run(db, NULL, e, "UPDATE asset SET asked_ms = $2, due_ms = $3 WHERE id = $1",
                           "iii", id, ev->at_ms, body_int(ev->body, "due_ms"));
    return s == OK ? asset_touched(db, ev, id, e) : s;
}

static enum status apply_asked(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *list = json_object_get(ev->body, "assets");
    size_t count = json_array_size(list);
    int64_t *ids = calloc(count + 1, sizeof *ids);
    enum status s = OK;
    if (!ids)
        return err_set(e, ST_NOMEM, "out of memory");
    for (size_t i = 0; i < count && s == OK; i++) {
        ids[i] = json_integer_value(json_array_get(list, i));
        s = ask_one(db, ev, ids[i], e);
    }
    if (s == OK)
        s = survey_derive(db, ev, ids, count, e);
    free(ids);
    return s;
}

static enum status apply_assigned(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *item;
    size_t i;
    int64_t account = body_int(ev->body, "account");
    json_array_foreach(json_object_get(ev->body, "assets"), i, item)
    {
        int64_t id = json_integer_value(item);
        enum status s =
            account ? db_run(db, NULL, e,
                             "INSERT INTO asset_owner(asset_id, account_id) VALUES ($1, $2) "
                             "ON CONFLICT (asset_id, account_id) DO NOTHING",
                             "ii", id, account)
                    : db_run(db, NULL, e, "DELETE FROM asset_owner WHERE asset_id = $1", "i", id);
        if (s == OK)
            s = asset_touched(db, ev, id, e);
        if (s != OK)
            return s;
    }
    return OK;
}

/* --- sentences */

static enum status say_added(const struct event *ev, enum lang lang, struct buf *out)
{
    return buf_addf(out, T(lang, "%s added to the ledger"),
                    body_text(json_object_get(ev->body, "fields"), "name"));
}

static enum status say_changed(const struct event *ev, enum lang lang, struct buf *out)
{
    const json_t *after = json_object_get(ev->body, "after");
    struct buf fields;
    buf_init(&fields, KIB(4));
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++) {
        enum ledger_field f = asset_columns[i];
        if (!json_object_get(after, field_code(f)))
            continue;
        if (fields.n)
            (void)buf_add_str(&fields, T(lang, ", "));
        (void)buf_add_str(&fields, field_label(lang, f));
    }
    enum status s = buf_addf(out, T(lang, "%s: changed in the ledger: %s"),
                             body_text(ev->body, "name"), buf_text(&fields));
    buf_done(&fields);
    return s;
}

static enum status say_retired(const struct event *ev, enum lang lang, struct buf *out)
{
    return buf_addf(out, T(lang, "%s is no longer in use: %s"), body_text(ev->body, "name"),
                    body_text(ev->body, "reason"));
}

static enum status say_restored(const struct event *ev, enum lang lang, struct buf *out)
{
    return buf_addf(out, T(lang, "%s is in use again"), body_text(ev->body, "name"));
}

static enum status say_asked(const struct event *ev, enum lang lang, struct buf *out)
{
    int64_t n = (int64_t)json_array_size(json_object_get(ev->body, "assets"));
    int64_t due = body_int(ev->body, "due_ms");
    char at[TIME_RFC3339_SIZE];
    struct civil c;
    (void)buf_addf(
        out,
        TN(lang, "The owner of %lld system was asked", "The owners of %lld systems were asked", n),
        (long long)n);
    if (due) {
        time_format_local(due, at, &c);
        (void)buf_addf(out, T(lang, "; answer due by %04d-%02d-%02d %02d:%02d"), c.year, c.month,
                       c.day, c.hour, c.minute);
    }
    return buf_status(out);
}

static enum status say_assigned(const struct event *ev, enum lang lang, struct buf *out)
{
    int64_t n = (int64_t)json_array_size(json_object_get(ev->body, "assets"));
    if (body_int(ev->body, "account"))
        return buf_addf(out, TN(lang, "%lld system given to %s", "%lld systems given to %s", n),
                        (long long)n, body_text(ev->body, "account_name"));
    return buf_addf(out,
                    TN(lang, "%lld system taken from the accounts that had it",
                       "%lld systems taken from the accounts that had them", n),
                    (long long)n);
}

const struct log_kind asset_kinds[] = {
    {"asset.added", ROLES_WORK, check_added, apply_added, say_added, TIMELINE_MINOR},
    {"asset.changed", ROLES_WORK, check_changed, apply_changed, say_changed, TIMELINE_NONE},
    {"asset.retired", ROLES_WORK, check_retired, apply_retired, say_retired, TIMELINE_MINOR},
    {"asset.restored", ROLES_WORK, check_restored, apply_restored, say_restored, TIMELINE_MINOR},
    {"asset.asked", ROLES_WORK, check_many, apply_asked, say_asked, TIMELINE_MINOR},
    {"asset.assigned", ROLES_WORK, check_many, apply_assigned, say_assigned, TIMELINE_NONE},
    {0},
};
