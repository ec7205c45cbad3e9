/* The part of the SQL layer that both databases share: values, transactions, dispatch. See db.h. */
#include "board/db/internal.h"

enum status db_open(const char *url, struct db **ret, struct err *e)
{
    struct slice u = slice_str(url);
    if (slice_starts(u, SLICE_LIT("sqlite:")))
        return db_sqlite_open(url + 7, ret, e);
    if (slice_starts(u, SLICE_LIT("postgresql://")) || slice_starts(u, SLICE_LIT("postgres://")))
        return db_postgres_open(url, ret, e);
    return err_set(e, ST_INVALID, "database %s: begin it with sqlite: or postgresql://", url);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_rollback(db);
    db->ops->close(db);
}

enum db_backend db_backend(const struct db *db)
{
    return db->ops->backend;
}

bool db_in_transaction(const struct db *db)
{
    return db->in_transaction;
}

static enum status begin(struct db *db, enum db_begin_kind kind, struct err *e)
{
    if (db->in_transaction)
        return err_set(e, ST_INVALID, "a transaction is open already");
    enum status s = db->ops->begin(db, kind, e);
    db->in_transaction = s == OK;
    return s;
}

enum status db_begin(struct db *db, struct err *e)
{
    return begin(db, BEGIN_WRITE, e);
}

enum status db_begin_read(struct db *db, struct err *e)
{
    return begin(db, BEGIN_READ, e);
}

enum status db_commit(struct db *db, struct err *e)
{
    if (!db->in_transaction)
        return err_set(e, ST_INVALID, "no transaction is open");
    enum status s = db->ops->commit(db, e);
    if (s != OK)
        db->ops->rollback(db);
    db->in_transaction = false;
    return s;
}

void db_rollback(struct db *db)
{
    if (db->in_transaction)
        db->ops->rollback(db);
    db->in_transaction = false;
}

/* The value of one letter (see db.h). The va_list goes by pointer, so that the caller's goes on. */
static enum status take_value(char type, va_list *ap, struct db_value *ret)
{
    const char *text;
    switch (type) {
    case 'i':
        *ret = (struct db_value){.type = VALUE_INT, .i = va_arg(*ap, int64_t)};
        return OK;
    case 's':
        text = va_arg(*ap, const char *);
        *ret = (struct db_value){.type = text ? VALUE_TEXT : VALUE_NULL, .s = slice_str(text)};
        return OK;
    case 't':
        *ret = (struct db_value){.type = VALUE_TEXT, .s = va_arg(*ap, struct slice)};
        return OK;
    case 'b':
        *ret = (struct db_value){.type = VALUE_BYTES, .s = va_arg(*ap, struct slice)};
        return OK;
    case 'n':
        *ret = (struct db_value){.type = VALUE_NULL};
        return OK;
    default:
        return ST_INVALID;
    }
}

static enum status take_values(const char *types, va_list *ap, struct db_values *ret, struct err *e)
{
    ret->n = 0;
    for (; *types; types++) {
        if (ret->n == DB_MAX_VALUES)
            return err_set(e, ST_LIMIT, "more than %d values in a statement", DB_MAX_VALUES);
        if (take_value(*types, ap, &ret->v[ret->n]) != OK)
            return err_set(e, ST_INVALID, "type letter %c of a value is unknown", *types);
        ret->n++;
    }
    return OK;
}

enum status db_run(struct db *db, int64_t *ret_changed, struct err *e, const char *sql,
                   const char *types, ...)
{
    struct db_values values;
    va_list ap;
    va_start(ap, types);
    enum status s = take_values(types, &ap, &values, e);
    va_end(ap);
    return s == OK ? db->ops->run(db, ret_changed, sql, &values, e) : s;
}

enum status db_query(struct db *db, struct db_rows **ret, struct err *e, const char *sql,
                     const char *types, ...)
{
    struct db_values values;
    va_list ap;
    va_start(ap, types);
    enum status s = take_values(types, &ap, &values, e);
    va_end(ap);
    return s == OK ? db->ops->query(db, ret, sql, &values, e) : s;
}

enum status db_query_args(struct db *db, struct db_rows **ret, struct err *e, const char *sql,
                          const struct db_arg *args, size_t count)
{
    struct db_values values = {.n = count};
    if (count > DB_MAX_VALUES)
        return err_set(e, ST_LIMIT, "more than %d values in a statement", DB_MAX_VALUES);
    for (size_t i = 0; i < count; i++)
        values.v[i] = args[i].text ? (struct db_value){.type = VALUE_TEXT, .s = args[i].s}
                                   : (struct db_value){.type = VALUE_INT, .i = args[i].i};
    return db->ops->query(db, ret, sql, &values, e);
}

enum status db_get_int(struct db *db, int64_t *ret, struct err *e, const char *sql,
                       const char *types, ...)
{
    struct db_values values;
    va_list ap;
    va_start(ap, types);
    enum status s = take_values(types, &ap, &values, e);
    va_end(ap);
    struct db_rows *rows = NULL;
    if (s == OK)
        s = db->ops->query(db, &rows, sql, &values, e);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        *ret = db_int(rows, 0);
    else if (s == ST_END)
        s = err_set(e, ST_NOT_FOUND, "not found");
    db_rows_done(rows);
    return s;
}

enum status db_next(struct db_rows *rows, struct err *e)
{
    return rows->db->ops->next(rows, e);
}

void db_rows_done(struct db_rows *rows)
{
    if (rows)
        rows->db->ops->rows_done(rows);
}

bool db_is_null(const struct db_rows *rows, int col)
{
    return rows->db->ops->is_null(rows, col);
}

int64_t db_int(const struct db_rows *rows, int col)
{
    return rows->db->ops->get_int(rows, col);
}

const char *db_text(const struct db_rows *rows, int col)
{
    struct slice s = rows->db->ops->get_bytes(rows, col, true);
    return s.p ? (const char *)s.p : "";
}

struct slice db_bytes(const struct db_rows *rows, int col)
{
    return rows->db->ops->get_bytes(rows, col, false);
}

enum status db_batch_begin(struct db *db, const char *insert, const char *types,
                           struct db_batch **ret, struct err *e)
{
    if (strlen(types) >= DB_BATCH_TYPES)
        return err_set(e, ST_LIMIT, "%s: more than %d columns", insert, DB_BATCH_TYPES - 1);
    struct db_batch *b = NULL;
    enum status s = db->ops->batch_begin(db, insert, types, &b, e);
    if (s != OK)
        return s;
    b->db = db;
    memcpy(b->types, types, strlen(types) + 1);
    *ret = b;
    return OK;
}

enum status db_batch_add(struct db_batch *batch, struct err *e, ...)
{
    struct db_values values;
    va_list ap;
    va_start(ap, e);
    enum status s = take_values(batch->types, &ap, &values, e);
    va_end(ap);
    return s == OK ? batch->db->ops->batch_add(batch, &values, e) : s;
}

enum status db_batch_end(struct db_batch *batch, struct err *e)
{
    enum status s = batch->db->ops->batch_end(batch, e);
    db_batch_abort(batch);
    return s;
}

void db_batch_abort(struct db_batch *batch)
{
    if (batch)
        batch->db->ops->batch_free(batch);
}

enum status db_notify(struct db *db, const char *channel, struct err *e)
{
    return db->ops->notify(db, channel, e);
}

enum status db_script(struct db *db, const char *sql, struct err *e)
{
    return db->ops->script(db, sql, e);
}

bool db_alive(const struct db *db)
{
    return db->ops->alive(db);
}
