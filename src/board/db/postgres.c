/* PostgreSQL (libpq) behind db.h: prepared statements per connection, values and results as text.
 *
 * A result is held whole by libpq; queries that pages make are paged, so that is bounded by the
 * caller's LIMIT. SQLSTATE classes decide the status: 23 (constraint), 40 (serialization, deadlock)
 * and 55P03 (lock not available) are a lost race. */
#include "base/arena.h"
#include "base/buf.h"
#include "board/db/internal.h"

#include <inttypes.h>
#include <libpq-fe.h>

#define CACHED 256
#define BATCH_ROWS 1000                /* measured: larger batches are no faster */
#define BATCH_BYTES ((size_t)4 << 20)  /* one column of a batch: it is sent before it is longer */
#define ARRAY_BYTES ((size_t)64 << 20) /* the same with the longest value behind it */

struct cached {
    char *sql;
};

struct pg_db {
    struct db base;
    PGconn *conn;
    struct cached cache[CACHED];
    size_t cached;
};

struct pg_rows {
    struct db_rows base;
    PGresult *res;
    int row;
    unsigned char *bytes[16]; /* unescaped bytea of the current row, by column */
    size_t bytes_n[16];
};

struct pg_batch {
    struct db_batch base;
    struct buf sql;
    struct buf columns[DB_BATCH_TYPES];
    size_t n_columns;
    size_t rows;
};

static struct pg_db *pg(struct db *db)
{
    return (struct pg_db *)db;
}

static enum status fault(struct db *db, const PGresult *res, const char *what, struct err *e)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    enum status s = ST_IO;
    if (state && (strncmp(state, "23", 2) == 0 || strncmp(state, "40", 2) == 0 ||
                  strcmp(state, "55P03") == 0))
        s = ST_CONFLICT;
    return err_set(e, s, "database: %s: %s", what,
                   primary ? primary : PQerrorMessage(pg(db)->conn));
}

static enum status finish(struct db *db, PGresult *res, const char *what, struct err *e)
{
    ExecStatusType t = PQresultStatus(res);
    enum status s = t == PGRES_COMMAND_OK || t == PGRES_TUPLES_OK ? OK : fault(db, res, what, e);
    PQclear(res);
    return s;
}

static enum status script(struct db *db, const char *sql, struct err *e)
{
    return finish(db, PQexec(pg(db)->conn, sql), sql, e);
}

/* The name under which this text is prepared on this connection. */
static enum status prepared(struct db *db, const char *sql, char name[16], struct err *e)
{
    struct pg_db *p = pg(db);
    size_t i = 0;
    while (i < p->cached && strcmp(p->cache[i].sql, sql) != 0)
        i++;
    if (i == CACHED) {
        name[0] = '\0'; /* the unnamed statement, prepared again each time */
        return finish(db, PQprepare(p->conn, "", sql, 0, NULL), sql, e);
    }
    (void)snprintf(name, 16, "s%u", (unsigned)i % 1000u);
    if (i < p->cached)
        return OK;
    enum status s = finish(db, PQprepare(p->conn, name, sql, 0, NULL), sql, e);
    if (s != OK)
        return s;
    p->cache[i].sql = strdup(sql);
    if (!p->cache[i].sql)
        return err_set(e, ST_NOMEM, "database: out of memory");
    p->cached++;
    return OK;
}

/* libpq wants NUL-terminated text; a NUL inside would cut it silently, so it is refused. */
static enum status text_value(struct slice s, struct arena *a, const char **ret, struct err *e)
{
    if (s.n && memchr(s.p, 0, s.n))
        return err_set(e, ST_INVALID, "text with a NUL byte cannot be stored");
    *ret = arena_strdup(a, s);
    return *ret ? OK : err_set(e, ST_NOMEM, "database: out of memory");
}

static enum status values_to_params(const struct db_values *values, struct arena *a,
                                    const char **params, int *lengths, int *formats, struct err *e)
{
    for (size_t i = 0; i < values->n; i++) {
        const struct db_value *v = &values->v[i];
        params[i] = NULL;
        lengths[i] = 0;
        formats[i] = 0;
        if (v->type == VALUE_INT) {
            params[i] = arena_printf(a, "%" PRId64, v->i);
            if (!params[i])
                return err_set(e, ST_NOMEM, "database: out of memory");
        } else if (v->type == VALUE_TEXT) {
            enum status s = text_value(v->s, a, &params[i], e);
            if (s != OK)
                return s;
        } else if (v->type == VALUE_BYTES) {
            if (v->s.n > INT32_MAX)
                return err_set(e, ST_LIMIT, "value of %zu bytes", v->s.n);
            params[i] = v->s.p ? (const char *)v->s.p : "";
            lengths[i] = (int)v->s.n;
            formats[i] = 1;
        }
    }
    return OK;
}

static enum status execute(struct db *db, const char *sql, const struct db_values *values,
                           PGresult **ret, struct err *e)
{
    char name[16];
    const char *params[DB_MAX_VALUES];
    int lengths[DB_MAX_VALUES];
    int formats[DB_MAX_VALUES];
    struct arena a;
    arena_init(&a, (size_t)1 << 30);
    enum status s = prepared(db, sql, name, e);
    if (s == OK)
        s = values_to_params(values, &a, params, lengths, formats, e);
    if (s == OK) {
        PGresult *res =
            PQexecPrepared(pg(db)->conn, name, (int)values->n, params, lengths, formats, 0);
        ExecStatusType t = PQresultStatus(res);
        if (t == PGRES_COMMAND_OK || t == PGRES_TUPLES_OK) {
            *ret = res;
        } else {
            s = fault(db, res, "statement", e);
            PQclear(res);
        }
    }
    arena_done(&a);
    return s;
}

static enum status run(struct db *db, int64_t *ret_changed, const char *sql,
                       const struct db_values *values, struct err *e)
{
    PGresult *res = NULL;
    enum status s = execute(db, sql, values, &res, e);
    if (s != OK)
        return s;
    if (ret_changed) {
        int64_t n = 0;
        bool counted = slice_to_i64(slice_str(PQcmdTuples(res)), &n) == OK;
        *ret_changed = counted ? n : 0; /* "" for what changes no row */
    }
    PQclear(res);
    return OK;
}

static enum status query(struct db *db, struct db_rows **ret, const char *sql,
                         const struct db_values *values, struct err *e)
{
    struct pg_rows *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(e, ST_NOMEM, "database: out of memory");
    r->base.db = db;
    r->row = -1;
    enum status s = execute(db, sql, values, &r->res, e);
    if (s != OK) {
        free(r);
        return s;
    }
    *ret = &r->base;
    return OK;
}

static void drop_bytes(struct pg_rows *r)
{
    for (size_t i = 0; i < ARRAY_LEN(r->bytes); i++) {
        PQfreemem(r->bytes[i]);
        r->bytes[i] = NULL;
    }
}

static enum status next(struct db_rows *rows, struct err *e)
{
    struct pg_rows *r = (struct pg_rows *)rows;
    drop_bytes(r);
    if (++r->row >= PQntuples(r->res))
        return ST_END;
    for (int c = 0; c < PQnfields(r->res); c++) { /* bytea comes as \x…; unescape it once */
        if (PQftype(r->res, c) != 17 || PQgetisnull(r->res, r->row, c))
            continue;
        if ((size_t)c >= ARRAY_LEN(r->bytes))
            return err_set(e, ST_LIMIT, "bytes beyond column %zu", ARRAY_LEN(r->bytes));
        const unsigned char *hex = (const unsigned char *)PQgetvalue(r->res, r->row, c);
        r->bytes[c] = PQunescapeBytea(hex, &r->bytes_n[c]);
        if (!r->bytes[c])
            return err_set(e, ST_NOMEM, "database: out of memory");
    }
    return OK;
}

static void rows_done(struct db_rows *rows)
{
    struct pg_rows *r = (struct pg_rows *)rows;
    drop_bytes(r);
    PQclear(r->res);
    free(r);
}

static const struct pg_rows *row_of(const struct db_rows *rows)
{
    return (const struct pg_rows *)rows;
}

static bool is_null(const struct db_rows *rows, int col)
{
    const struct pg_rows *r = row_of(rows);
    return PQgetisnull(r->res, r->row, col) != 0;
}

static struct slice get_bytes(const struct db_rows *rows, int col, bool text)
{
    const struct pg_rows *r = row_of(rows);
    (void)text;
    if ((size_t)col < ARRAY_LEN(r->bytes) && r->bytes[col])
        return slice_of(r->bytes[col], r->bytes_n[col]);
    return slice_of(PQgetvalue(r->res, r->row, col), (size_t)PQgetlength(r->res, r->row, col));
}

static int64_t get_int(const struct db_rows *rows, int col)
{
    int64_t v = 0;
    struct slice s = get_bytes(rows, col, true);
    return slice_to_i64(s, &v) == OK ? v : 0;
}

static enum status begin(struct db *db, enum db_begin_kind kind, struct err *e)
{
    return script(
        db, kind == BEGIN_WRITE ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e);
}

static enum status commit(struct db *db, struct err *e)
{
    PGresult *res = PQexec(pg(db)->conn, "COMMIT");
    /* a COMMIT of a failed transaction "succeeds" as ROLLBACK */
    bool committed =
        PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0;
    enum status s = committed ? OK : fault(db, res, "commit", e);
    PQclear(res);
    return s;
}

static void rollback(struct db *db)
{
    (void)script(db, "ROLLBACK", NULL);
}

static const char *array_type(char letter)
{
    return letter == 'i' ? "bigint[]" : letter == 'b' ? "bytea[]" : "text[]";
}

/* INSERT INTO table(…) SELECT * FROM unnest($1::bigint[], $2::text[], …) */
static enum status batch_begin(struct db *db, const char *insert, const char *types,
                               struct db_batch **ret, struct err *e)
{
    (void)db;
    struct pg_batch *b = calloc(1, sizeof *b);
    if (!b)
        return err_set(e, ST_NOMEM, "database: out of memory");
    buf_init(&b->sql, 4096);
    (void)buf_addf(&b->sql, "INSERT INTO %s SELECT * FROM unnest(", insert);
    for (size_t i = 0; types[i]; i++) {
        (void)buf_addf(&b->sql, "%s$%zu::%s", i ? ", " : "", i + 1, array_type(types[i]));
        buf_init(&b->columns[i], ARRAY_BYTES);
        b->n_columns++;
    }
    (void)buf_add_str(&b->sql, ")");
    if (buf_status(&b->sql) != OK) {
        buf_done(&b->sql);
        free(b);
        return err_set(e, ST_LIMIT, "database: batch of %s", insert);
    }
    *ret = &b->base;
    return OK;
}

static enum status flush(struct pg_batch *b, struct err *e)
{
    struct db_values values = {.n = b->n_columns};
    if (b->rows == 0)
        return OK;
    for (size_t i = 0; i < b->n_columns; i++) {
        (void)buf_add_char(&b->columns[i], '}');
        if (buf_status(&b->columns[i]) != OK)
            return err_set(e, buf_status(&b->columns[i]), "database: batch too large");
        values.v[i] = (struct db_value){.type = VALUE_TEXT, .s = buf_slice(&b->columns[i])};
    }
    enum status s = run(b->base.db, NULL, buf_text(&b->sql), &values, e);
    for (size_t i = 0; i < b->n_columns; i++)
        buf_clear(&b->columns[i]);
    b->rows = 0;
    return s;
}

/* One element of an array literal (PostgreSQL manual, 8.15.2). */
static void add_element(struct buf *out, const struct db_value *v, bool first)
{
    (void)buf_add_char(out, first ? '{' : ',');
    if (v->type == VALUE_NULL) {
        (void)buf_add_str(out, "NULL");
    } else if (v->type == VALUE_INT) {
        (void)buf_addf(out, "%" PRId64, v->i);
    } else if (v->type == VALUE_BYTES) {
        (void)buf_add_str(out, "\"\\\\x");
        for (size_t i = 0; i < v->s.n; i++)
            (void)buf_addf(out, "%02x", v->s.p[i]);
        (void)buf_add_char(out, '"');
    } else {
        (void)buf_add_char(out, '"');
        for (size_t i = 0; i < v->s.n; i++) {
            if (v->s.p[i] == '"' || v->s.p[i] == '\\')
                (void)buf_add_char(out, '\\');
            (void)buf_add_char(out, (char)v->s.p[i]);
        }
        (void)buf_add_char(out, '"');
    }
}

static enum status batch_add(struct db_batch *batch, const struct db_values *values, struct err *e)
{
    struct pg_batch *b = (struct pg_batch *)batch;
    bool full = b->rows + 1 == BATCH_ROWS;
    for (size_t i = 0; i < values->n; i++) {
        const struct db_value *v = &values->v[i];
        if (v->type == VALUE_TEXT && v->s.n && memchr(v->s.p, 0, v->s.n))
            return err_set(e, ST_INVALID, "text with a NUL byte cannot be stored");
        add_element(&b->columns[i], v, b->rows == 0);
        full = full || b->columns[i].n > BATCH_BYTES;
    }
    b->rows++;
    return full ? flush(b, e) : OK;
}

static enum status batch_end(struct db_batch *batch, struct err *e)
{
    return flush((struct pg_batch *)batch, e);
}

static void batch_free(struct db_batch *batch)
{
    struct pg_batch *b = (struct pg_batch *)batch;
    for (size_t i = 0; i < b->n_columns; i++)
        buf_done(&b->columns[i]);
    buf_done(&b->sql);
    free(b);
}

static enum status notify(struct db *db, const char *channel, struct err *e)
{
    struct db_values values = {.n = 1};
    values.v[0] = (struct db_value){.type = VALUE_TEXT, .s = slice_str(channel)};
    return run(db, NULL, "SELECT pg_notify($1, '')", &values, e);
}

static bool alive(const struct db *db)
{
    return PQstatus(((const struct pg_db *)db)->conn) == CONNECTION_OK;
}

static void close_db(struct db *db)
{
    struct pg_db *p = pg(db);
    for (size_t i = 0; i < p->cached; i++)
        free(p->cache[i].sql);
    PQfinish(p->conn);
    free(p);
}

static const struct db_ops ops = {
    .backend = DB_POSTGRES,
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

static void no_notice(void *arg, const char *message)
{
    (void)arg; /* NOTICEs ("relation exists, skipping") are not for our standard error */
    (void)message;
}

enum status db_postgres_open(const char *url, struct db **ret, struct err *e)
{
    struct pg_db *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ST_NOMEM, "database: out of memory");
    p->base.ops = &ops;
    p->conn = PQconnectdb(url);
    enum status s = OK;
    if (PQstatus(p->conn) != CONNECTION_OK)
        /* the message names host and port, never the password */
        s = err_set(e, ST_IO, "database: %s", PQerrorMessage(p->conn));
    if (s == OK) {
        (void)PQsetNoticeProcessor(p->conn, no_notice, NULL);
        s = script(&p->base,
                   "SET client_encoding='UTF8'; SET timezone='UTC';"
                   "SET standard_conforming_strings=on; SET lock_timeout='10s';"
                   "SET idle_in_transaction_session_timeout='60s'",
                   e);
    }
    if (s != OK) {
        close_db(&p->base);
        return s;
    }
    *ret = &p->base;
    return OK;
}
