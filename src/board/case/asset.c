/* Commands on rows of the ledger. Their kinds of event are in asset_kinds.c. See asset.h. */
#include "board/case/asset.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/asset_values.h"
#include "board/log/hash.h"

#include <inttypes.h>

/* Appends with the row as subject; consumes body, which is NULL when memory ran out. */
static enum status append(struct db *db, const struct actor *actor, int64_t incident,
                          const char *kind, int64_t asset, json_t *body, struct err *e)
{
    char subject[40];
    if (!body)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)snprintf(subject, sizeof subject, "asset:%" PRId64, asset);
    enum status s = log_append(db, actor, incident, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

static enum status append_many(struct db *db, const struct actor *actor, int64_t incident,
                               const char *kind, json_t *body, struct err *e)
{
    char subject[40];
    if (!body)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)snprintf(subject, sizeof subject, "incident:%" PRId64, incident);
    enum status s = log_append(db, actor, incident, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

/* Every field checked, into *v; *ret_given: which there were. */
static enum status take_fields(const struct asset_field *fields, size_t count, struct arena *a,
                               struct asset_values *v, uint32_t *ret_given, struct err *e)
{
    uint32_t given = 0;
    for (size_t i = 0; i < count; i++) {
        enum ledger_field f = fields[i].field;
        if (f <= FIELD_FREE || f >= FIELD_COUNT)
            return err_set(e, ST_INVALID, "field %d cannot be typed in", (int)f);
        enum status s = asset_value(f, fields[i].value, a, &v->v[f], e);
        if (s != OK)
            return s;
        given |= 1u << f;
    }
    *ret_given = given;
    return OK;
}

static enum status needs_name(const struct asset_values *v, struct err *e)
{
    return v->v[FIELD_NAME].n ? OK : err_set(e, ST_INVALID, N_("a row of the ledger needs a name"));
}

/* The incident exists, and its ledger has room for one row more. */
static enum status has_room(struct db *db, int64_t incident, struct err *e)
{
    int64_t incidents = 0;
    int64_t rows = 0;
    enum status s =
        db_get_int(db, &incidents, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i", incident);
    if (s == OK && incidents == 0)
        return err_set(e, ST_NOT_FOUND, N_("this incident does not exist"));
    if (s == OK)
        s = db_get_int(db, &rows, e, "SELECT COUNT(*) FROM asset WHERE incident_id = $1", "i",
                       incident);
    if (s == OK && rows >= LIMIT_LEDGER_ROWS)
        s = err_set(e, ST_LIMIT, N_("the ledger has %d rows already; no more fit"),
                    LIMIT_LEDGER_ROWS);
    return s;
}

static uint32_t filled(const struct asset_values *v)
{
    uint32_t bits = 0;
    for (int f = FIELD_NAME; f < FIELD_COUNT; f++)
        if (v->v[f].n)
            bits |= 1u << f;
    return bits;
}

enum status asset_add(struct db *db, const struct actor *actor, int64_t incident,
                      const struct asset_field *fields, size_t count, int64_t *ret_id,
                      struct err *e)
{
    struct arena a;
    struct asset_values v = {0};
    uint32_t given = 0;
    int64_t id = 0;
    arena_init(&a, ASSET_MEMORY);
    enum status s = take_fields(fields, count, &a, &v, &given, e);
    if (s == OK)
        s = needs_name(&v, e);
    if (s == OK)
        s = has_room(db, incident, e);
    if (s == OK)
        s = log_next_id(db, "asset", 1, &id, e);
    if (s == OK) {
        json_t *values = asset_values_to_json(&v, filled(&v));
        s = append(db, actor, incident, "asset.added", id,
                   values ? json_pack("{s:o}", "fields", values) : NULL, e);
    }
    arena_done(&a);
    if (s == OK)
        *ret_id = id;
    return s;
}

/* --- one row that is there */

struct found {
    int64_t incident, row_version;
    bool retired;
    struct asset_values v;
};

static enum status find(struct db *db, int64_t asset, struct arena *a, struct found *ret,
                        struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT incident_id, row_version, retired, " ASSET_VALUE_COLUMNS
                             " FROM asset WHERE id = $1",
                             "i", asset);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    if (s == OK) {
        ret->incident = db_int(rows, 0);
        ret->row_version = db_int(rows, 1);
        ret->retired = db_int(rows, 2) != 0;
        s = asset_values_of_row(rows, 3, a, &ret->v, e);
    }
    db_rows_done(rows);
    return s;
}

static enum status append_change(struct db *db, const struct actor *actor, int64_t asset,
                                 const struct found *row, const struct asset_values *after,
                                 uint32_t changed, struct err *e)
{
    json_t *before = asset_values_to_json(&row->v, changed);
    json_t *now = asset_values_to_json(after, changed);
    json_t *name =
        json_stringn_nocheck((const char *)after->v[FIELD_NAME].p, after->v[FIELD_NAME].n);
    json_t *body = json_pack("{s:I, s:o, s:o, s:o}", "base", (json_int_t)row->row_version, "name",
                             name, "before", before, "after", now);
    return append(db, actor, row->incident, "asset.changed", asset, body, e);
}

enum status asset_change(struct db *db, const struct actor *actor, int64_t asset,
                         int64_t row_version, const struct asset_field *fields, size_t count,
                         struct err *e)
{
    struct arena a;
    struct found row = {0};
    uint32_t given = 0;
    uint32_t changed = 0;
    arena_init(&a, ASSET_MEMORY);
    enum status s = find(db, asset, &a, &row, e);
    struct asset_values after = row.v;
    if (s == OK)
        s = take_fields(fields, count, &a, &after, &given, e);
    if (s == OK)
        s = needs_name(&after, e);
    for (int f = FIELD_NAME; f < FIELD_COUNT; f++)
        if (given & 1u << f && !slice_eq(row.v.v[f], after.v[f]))
            changed |= 1u << f;
    if (s == OK && changed) {
        row.row_version = row_version; /* what it was changed from: checked behind the lock */
        s = append_change(db, actor, asset, &row, &after, changed, e);
    }
    arena_done(&a);
    return s;
}

static enum status set_retired(struct db *db, const struct actor *actor, int64_t asset,
                               bool retired, struct slice reason, struct err *e)
{
    struct arena a;
    struct found row = {0};
    arena_init(&a, ASSET_MEMORY);
    enum status s = find(db, asset, &a, &row, e);
    if (s == OK) {
        struct slice name = row.v.v[FIELD_NAME];
        json_t *body = json_pack("{s:s%}", "name", (const char *)name.p, name.n);
        if (body && retired &&
            json_object_set_new(body, "reason",
                                json_stringn_nocheck((const char *)reason.p, reason.n)) != 0) {
            json_decref(body);
            body = NULL;
        }
        s = append(db, actor, row.incident, retired ? "asset.retired" : "asset.restored", asset,
                   body, e);
    }
    arena_done(&a);
    return s;
}

enum status asset_retire(struct db *db, const struct actor *actor, int64_t asset,
                         struct slice reason, struct err *e)
{
    struct arena a;
    struct slice text = {NULL, 0};
    arena_init(&a, ASSET_MEMORY);
    enum status s = asset_value(FIELD_NOTES, reason, &a, &text, e);
    if (s == OK && text.n == 0)
        s = err_set(e, ST_INVALID, N_("say why the row is no longer in use"));
    if (s == OK)
        s = set_retired(db, actor, asset, true, text, e);
    arena_done(&a);
    return s;
}

enum status asset_restore(struct db *db, const struct actor *actor, int64_t asset, struct err *e)
{
    return set_retired(db, actor, asset, false, (struct slice){NULL, 0}, e);
}

/* --- many rows */

static json_t *ids_to_json(const int64_t *ids, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && list; i++) {
        if (json_array_append_new(list, json_integer(ids[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static enum status some_rows(size_t count, struct err *e)
{
    if (count == 0)
        return err_set(e, ST_INVALID, N_("choose at least one row of the ledger"));
    if (count > LIMIT_BULK_ROWS)
        return err_set(e, ST_LIMIT, N_("%zu rows at once; at most %d"), count, LIMIT_BULK_ROWS);
    return OK;
}

enum status asset_ask(struct db *db, const struct actor *actor, int64_t incident,
                      const int64_t *assets, size_t count, int64_t due_ms, struct err *e)
{
    enum status s = some_rows(count, e);
    if (s == OK && due_ms < 0)
        s = err_set(e, ST_INVALID, N_("the date of the answer is not a date"));
    if (s != OK)
        return s;
    json_t *list = ids_to_json(assets, count);
    return append_many(
        db, actor, incident, "asset.asked",
        list ? json_pack("{s:o, s:I}", "assets", list, "due_ms", (json_int_t)due_ms) : NULL, e);
}

/* The name of an account that may be given work. */
static enum status account_label(struct db *db, int64_t account, json_t **ret, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT name, disabled FROM account WHERE id = $1", "i", account);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK && db_int(rows, 1))
        s = err_set(e, ST_INVALID, N_("the account of %s is disabled"), db_text(rows, 0));
    if (s == OK) {
        *ret = json_string_nocheck(db_text(rows, 0));
        s = *ret ? OK : err_set(e, ST_NOMEM, "out of memory");
    }
    db_rows_done(rows);
    return s;
}

/* Who had them before: [[asset, account], …]. */
static enum status owners_before(struct db *db, const int64_t *assets, size_t count, json_t **ret,
                                 struct err *e)
{
    json_t *list = json_array();
    enum status s = list ? OK : err_set(e, ST_NOMEM, "out of memory");
    for (size_t i = 0; i < count && s == OK; i++) {
        struct db_rows *rows = NULL;
        s = db_query(db, &rows, e,
                     "SELECT account_id FROM asset_owner WHERE asset_id = $1 ORDER BY account_id",
                     "i", assets[i]);
        while (s == OK && (s = db_next(rows, e)) == OK)
            if (json_array_append_new(list, json_pack("[I, I]", (json_int_t)assets[i],
                                                      (json_int_t)db_int(rows, 0))) != 0)
                s = err_set(e, ST_NOMEM, "out of memory");
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    if (s == OK)
        *ret = list;
    else
        json_decref(list);
    return s;
}

enum status asset_assign(struct db *db, const struct actor *actor, int64_t incident,
                         const int64_t *assets, size_t count, int64_t account, struct err *e)
{
    json_t *name = NULL;
    json_t *before = NULL;
    enum status s = some_rows(count, e);
    if (s == OK && account)
        s = account_label(db, account, &name, e);
    if (s == OK)
        s = owners_before(db, assets, count, &before, e);
    if (s != OK) {
        json_decref(name);
        return s;
    }
    json_t *list = ids_to_json(assets, count);
    json_t *body =
        json_pack("{s:o, s:I, s:o, s:o}", "assets", list, "account", (json_int_t)account,
                  "account_name", name ? name : json_string_nocheck(""), "before", before);
    return append_many(db, actor, incident, "asset.assigned", body, e);
}

/* --- who sees it */

enum status asset_owner_mail(struct db *db, const struct actor *actor, struct buf *out,
                             struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT login FROM account WHERE id = $1", "i", actor->id);
    if (s == OK && (s = db_next(rows, e)) == OK) {
        for (const char *p = db_text(rows, 0); *p; p++)
            (void)buf_add_char(out, (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p));
        s = buf_status(out);
    } else if (s == ST_END) {
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    }
    db_rows_done(rows);
    return s;
}

enum status asset_visible(struct db *db, const struct actor *actor, int64_t asset, struct err *e)
{
    int64_t n = 0;
    enum status s;
    if (actor->role == ROLE_OWNER) {
        struct buf login;
        buf_init(&login, KIB(1));
        s = asset_owner_mail(db, actor, &login, e);
        if (s == OK) /* an empty login owns nothing: rows without a mail have '' there */
            s = db_get_int(db, &n, e,
                           "SELECT COUNT(*) FROM asset WHERE id = $1 AND "
                           "((owner_mail = $2 AND owner_mail <> '') OR EXISTS "
                           "(SELECT 1 FROM asset_owner WHERE asset_id = $1 AND account_id = $3))",
                           "iti", asset, buf_slice(&login), actor->id);
        buf_done(&login);
    } else {
        s = db_get_int(db, &n, e, "SELECT COUNT(*) FROM asset WHERE id = $1", "i", asset);
    }
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    return s;
}

enum status asset_touched(struct db *db, const struct event *ev, int64_t asset, struct err *e)
{
    enum status s = db_run(db, NULL, e,
                           "INSERT INTO asset_event(asset_id, event_id) VALUES ($1, $2) "
                           "ON CONFLICT (asset_id, event_id) DO NOTHING",
                           "ii", asset, ev->id);
    if (s == OK)
        s = db_run(db, NULL, e, "UPDATE asset SET changed_ms = $2 WHERE id = $1", "ii", asset,
                   ev->at_ms);
    return s;
}

enum status asset_read_history(struct db *db, int64_t asset, int64_t before_id, int64_t limit,
                               enum status (*each)(void *arg, const struct event *ev), void *arg,
                               struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT " LOG_EVENT_COLUMNS " FROM event WHERE id IN "
                             "(SELECT event_id FROM asset_event WHERE asset_id = $1) AND id < $2 "
                             "ORDER BY id DESC LIMIT $3",
                             "iii", asset, before_id, limit);
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
