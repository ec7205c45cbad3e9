/* What the two backends give to db.c. Private to src/board/db. */
#ifndef HIKESHI_BOARD_DB_INTERNAL_H
#define HIKESHI_BOARD_DB_INTERNAL_H

#include "board/db/db.h"

#define DB_MAX_VALUES 40 /* of one statement; the widest table has fewer columns */

struct db_value {
    enum { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BYTES } type;
    int64_t i;
    struct slice s;
};

/* The values of a call, in order; built by db.c from types and varargs. */
struct db_values {
    struct db_value v[DB_MAX_VALUES];
    size_t n;
};

enum db_begin_kind { BEGIN_WRITE, BEGIN_READ };

struct db_ops {
    enum db_backend backend;
    void (*close)(struct db *db);
    enum status (*begin)(struct db *db, enum db_begin_kind kind, struct err *e);
    enum status (*commit)(struct db *db, struct err *e);
    void (*rollback)(struct db *db);
    /* several statements, without values */
    enum status (*script)(struct db *db, const char *sql, struct err *e);
    enum status (*run)(struct db *db, int64_t *ret_changed, const char *sql,
                       const struct db_values *values, struct err *e);
    enum status (*query)(struct db *db, struct db_rows **ret, const char *sql,
                         const struct db_values *values, struct err *e);
    enum status (*next)(struct db_rows *rows, struct err *e);
    void (*rows_done)(struct db_rows *rows);
    bool (*is_null)(const struct db_rows *rows, int col);
    int64_t (*get_int)(const struct db_rows *rows, int col);
    struct slice (*get_bytes)(const struct db_rows *rows, int col, bool text);
    enum status (*batch_begin)(struct db *db, const char *insert, const char *types,
                               struct db_batch **ret, struct err *e);
    enum status (*batch_add)(struct db_batch *b, const struct db_values *values, struct err *e);
    enum status (*batch_end)(struct db_batch *b, struct err *e);
    void (*batch_free)(struct db_batch *b);
    enum status (*notify)(struct db *db, const char *channel, struct err *e);
    bool (*alive)(const struct db *db); /* whether the connection can still be used */
};

/* Every backend's connection, cursor and batch begin with these. */
struct db {
    const struct db_ops *ops;
    bool in_transaction;
};

struct db_rows {
    struct db *db;
};

#define DB_BATCH_TYPES 32
struct db_batch {
    struct db *db;
    char types[DB_BATCH_TYPES];
};

enum status db_sqlite_open(const char *path, struct db **ret, struct err *e) MUST_USE;
enum status db_postgres_open(const char *url, struct db **ret, struct err *e) MUST_USE;

/* Several statements without values: migrations. */
enum status db_script(struct db *db, const char *sql, struct err *e) MUST_USE;

/* Whether the connection can still be used. */
bool db_alive(const struct db *db);

#endif
