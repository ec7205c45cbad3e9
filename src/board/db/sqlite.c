/* SQLite behind db.h: WAL, one writer at a time, statements prepared once per connection.
 *
 * $1 is a named parameter to SQLite; its number is looked up by name, so that the same text serves
 * PostgreSQL. A statement that is still being read is not shared: a second use prepares its own. */
#include "base/buf.h"
#include "board/db/internal.h"

#include <sqlite3.h>

#define CACHED 256    /* statements kept per connection; the program has fewer texts */
#define BUSY_MS 10000 /* how long a writer waits for the one before it */

struct cached {
    const char *sql;
    sqlite3_stmt *stmt;
    bool busy;
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle;
    struct cached cache[CACHED];
    size_t cached;
};

struct sqlite_rows {
    struct db_rows base;
    sqlite3_stmt *stmt;
    struct cached *slot; /* NULL: the statement is ours alone */
};

struct sqlite_batch {
    struct db_batch base;
    sqlite3_stmt *stmt;
};

static struct sqlite_db *sq(struct db *db)
{
    return (struct sqlite_db *)db;
}

static enum status fault(struct db *db, struct err *e, const char *what)
{
    sqlite3 *h = sq(db)->handle;
    int code = sqlite3_errcode(h) & 0xff;
    enum status s = code == SQLITE_CONSTRAINT || code == SQLITE_BUSY ? ST_CONFLICT
                    : code == SQLITE_NOMEM                           ? ST_NOMEM
                    : code == SQLITE_TOOBIG                          ? ST_LIMIT
                                                                     : ST_IO;
    return err_set(e, s, "database: %s: %s", what, sqlite3_errmsg(h));
}

static enum status script(struct db *db, const char *sql, struct err *e)
{
    return sqlite3_exec(sq(db)->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK
                                                                            : fault(db, e, sql);
}

static enum status prepare(struct db *db, const char *sql, bool keep, sqlite3_stmt **ret,
                           struct err *e)
{
    unsigned flags = keep ? SQLITE_PREPARE_PERSISTENT : 0;
    if (sqlite3_prepare_v3(sq(db)->handle, sql, -1, flags, ret, NULL) != SQLITE_OK)
        return fault(db, e, sql);
    return OK;
}

/* A statement for this text, from the cache when it is free there. */
static enum status take(struct db *db, const char *sql, struct cached **ret_slot,
                        sqlite3_stmt **ret, struct err *e)
{
    struct sqlite_db *s = sq(db);
    struct cached *slot = NULL;
    for (size_t i = 0; i < s->cached && !slot; i++) {
        if (s->cache[i].sql == sql || strcmp(s->cache[i].sql, sql) == 0)
            slot = &s->cache[i];
    }
    if (!slot && s->cached < CACHED) {
        char *copy = strdup(sql);
        sqlite3_stmt *stmt = NULL;
        enum status st = copy ? prepare(db, sql, true, &stmt, e) : err_set(e, ST_NOMEM, "memory");
        if (st != OK) {
            free(copy);
            return st;
        }
        slot = &s->cache[s->cached++];
        *slot = (struct cached){.sql = copy, .stmt = stmt};
    }
    if (slot && !slot->busy) {
        slot->busy = true;
        *ret_slot = slot;
        *ret = slot->stmt;
        return OK;
    }
    *ret_slot = NULL;
    return prepare(db, sql, false, ret, e);
}

static void give_back(struct cached *slot, sqlite3_stmt *stmt)
{
    if (!slot) {
        sqlite3_finalize(stmt);
        return;
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    slot->busy = false;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
    const char *p = v->s.p ? (const char *)v->s.p : "";
    switch (v->type) {
    case VALUE_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case VALUE_TEXT:
        return sqlite3_bind_text64(stmt, at, p, v->s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    case VALUE_BYTES:
        return sqlite3_bind_blob64(stmt, at, p, v->s.n, SQLITE_TRANSIENT);
    case VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static enum status bind(struct db *db, sqlite3_stmt *stmt, const struct db_values *values,
                        struct err *e)
{
    for (size_t i = 0; i < values->n; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "$%u", (unsigned)(i + 1) % 1000u);
        int at = sqlite3_bind_parameter_index(stmt, name);
        if (at == 0)
            return err_set(e, ST_INVALID, "database: %s does not stand in: %s", name,
                           sqlite3_sql(stmt));
        if (bind_one(stmt, at, &values->v[i]) != SQLITE_OK)
            return fault(db, e, "value");
    }
    return OK;
}

static enum status query(struct db *db, struct db_rows **ret, const char *sql,
                         const struct db_values *values, struct err *e)
{
    struct sqlite_rows *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(e, ST_NOMEM, "database: out of memory");
    r->base.db = db;
    enum status s = take(db, sql, &r->slot, &r->stmt, e);
    if (s != OK) {
        free(r);
        return s;
    }
    s = bind(db, r->stmt, values, e);
    if (s != OK) {
        give_back(r->slot, r->stmt);
        free(r);
        return s;
    }
    *ret = &r->base;
    return OK;
}

static enum status next(struct db_rows *rows, struct err *e)
{
    struct sqlite_rows *r = (struct sqlite_rows *)rows;
    int rc = sqlite3_step(r->stmt);
    if (rc == SQLITE_ROW)
        return OK;
    return rc == SQLITE_DONE ? ST_END : fault(rows->db, e, "reading");
}

static void rows_done(struct db_rows *rows)
{
    struct sqlite_rows *r = (struct sqlite_rows *)rows;
    give_back(r->slot, r->stmt);
    free(r);
}

static enum status run(struct db *db, int64_t *ret_changed, const char *sql,
                       const struct db_values *values, struct err *e)
{
    struct cached *slot;
    sqlite3_stmt *stmt;
    enum status s = take(db, sql, &slot, &stmt, e);
    if (s != OK)
        return s;
    s = bind(db, stmt, values, e);
    if (s == OK) {
        int rc;
        do {
            rc = sqlite3_step(stmt);
        } while (rc == SQLITE_ROW);
        if (rc != SQLITE_DONE)
            s = fault(db, e, "writing");
        else if (ret_changed)
            *ret_changed = sqlite3_changes64(sq(db)->handle);
    }
    give_back(slot, stmt);
    return s;
}

static const struct sqlite_rows *row_of(const struct db_rows *rows)
{
    return (const struct sqlite_rows *)rows;
}

static bool is_null(const struct db_rows *rows, int col)
{
    return sqlite3_column_type(row_of(rows)->stmt, col) == SQLITE_NULL;
}

static int64_t get_int(const struct db_rows *rows, int col)
{
    return sqlite3_column_int64(row_of(rows)->stmt, col);
}

static struct slice get_bytes(const struct db_rows *rows, int col, bool text)
{
    sqlite3_stmt *stmt = row_of(rows)->stmt;
    const void *p =
        text ? (const void *)sqlite3_column_text(stmt, col) : sqlite3_column_blob(stmt, col);
    int n = sqlite3_column_bytes(stmt, col);
    return slice_of(p, p && n > 0 ? (size_t)n : 0);
}

static enum status begin(struct db *db, enum db_begin_kind kind, struct err *e)
{
    return script(db, kind == BEGIN_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

static enum status commit(struct db *db, struct err *e)
{
    return script(db, "COMMIT", e);
}

static void rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(sq(db)->handle))
        (void)script(db, "ROLLBACK", NULL);
}

/* "table(a, b)" and the types make "INSERT INTO table(a, b) VALUES ($1, $2)". */
static enum status batch_begin(struct db *db, const char *insert, const char *types,
                               struct db_batch **ret, struct err *e)
{
    struct buf sql;
    buf_init(&sql, 4096);
    (void)buf_addf(&sql, "INSERT INTO %s VALUES (", insert);
    for (size_t i = 0; types[i]; i++)
        (void)buf_addf(&sql, "%s$%zu", i ? ", " : "", i + 1);
    (void)buf_add_str(&sql, ")");
    struct sqlite_batch *b = calloc(1, sizeof *b);
    enum status s = buf_status(&sql);
    if (!b || s != OK)
        s = err_set(e, b ? s : ST_NOMEM, "database: batch of %s", insert);
    else
        s = prepare(db, buf_text(&sql), false, &b->stmt, e);
    buf_done(&sql);
    if (s != OK) {
        free(b);
        return s;
    }
    *ret = &b->base;
    return OK;
}

static enum status batch_add(struct db_batch *batch, const struct db_values *values, struct err *e)
{
    struct sqlite_batch *b = (struct sqlite_batch *)batch;
    enum status s = bind(batch->db, b->stmt, values, e);
    if (s == OK && sqlite3_step(b->stmt) != SQLITE_DONE)
        s = fault(batch->db, e, "batch");
    sqlite3_reset(b->stmt);
    return s;
}

static enum status batch_end(struct db_batch *batch, struct err *e)
{
    (void)batch;
    (void)e;
    return OK;
}

static void batch_free(struct db_batch *batch)
{
    sqlite3_finalize(((struct sqlite_batch *)batch)->stmt);
    free(batch);
}

static enum status notify(struct db *db, const char *channel, struct err *e)
{
    (void)db; /* one process over one file: its own threads look at the log after each commit */
    (void)channel;
    (void)e;
    return OK;
}

static bool alive(const struct db *db)
{
    (void)db;
    return true;
}

static void close_db(struct db *db)
{
    struct sqlite_db *s = sq(db);
    for (size_t i = 0; i < s->cached; i++) {
        sqlite3_finalize(s->cache[i].stmt);
        free((void *)(uintptr_t)s->cache[i].sql);
    }
    sqlite3_close(s->handle);
    free(s);
}

static const struct db_ops ops = {
    .backend = DB_SQLITE,
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .script = script,
    .run = run,
    .query = query,
    .next = next,
    .rows_done = rows_done,
    .is_null = is_null,
    .get_int = get_int,
    .get_bytes = get_bytes,
    .batch_begin = batch_begin,
    .batch_add = batch_add,
    .batch_end = batch_end,
    .batch_free = batch_free,
    .notify = notify,
    .alive = alive,
};

enum status db_sqlite_open(const char *path, struct db **ret, struct err *e)
{
    struct sqlite_db *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ST_NOMEM, "database: out of memory");
    s->base.ops = &ops;
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &s->handle, flags, NULL) != SQLITE_OK) {
        enum status st = err_set(e, ST_IO, "database %s: %s", path, sqlite3_errmsg(s->handle));
        close_db(&s->base);
        return st;
    }
    (void)sqlite3_busy_timeout(s->handle, BUSY_MS);
    /* FULL: what was acknowledged survives a power cut, not only a crash of the program */
    enum status st = script(&s->base,
                            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                            "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                            "PRAGMA cell_size_check=ON; PRAGMA cache_size=-16000",
                            e);
    if (st != OK) {
        close_db(&s->base);
        return st;
    }
    *ret = &s->base;
    return OK;
}
