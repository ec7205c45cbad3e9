/* One thin SQL layer over SQLite and PostgreSQL.
 *
 * SQL text is constant and both databases accept it: placeholders are $1, $2, …; ON CONFLICT,
 * RETURNING, UPDATE … FROM, window functions and FILTER are there in both. Booleans are INTEGER
 * 0/1, times are BIGINT milliseconds UTC, texts are UTF-8. What differs and must not be relied on:
 * LIKE's case rules, the place of NULLs in an order (say NULLS LAST), lower(),
 * group_concat/string_agg.
 *
 * A struct db is one connection and belongs to one thread at a time; a pool lends connections.
 * Statements are prepared once per connection and kept. Rows borrowed from a struct db_rows are
 * valid until the next db_next or db_rows_done. Every failure fills err with the database's own
 * sentence; a broken connection is ST_IO, a lost race (serialization, unique key) is ST_CONFLICT.
 */
#ifndef HIKESHI_BOARD_DB_H
#define HIKESHI_BOARD_DB_H

#include "base/slice.h"

struct db;
struct db_pool;
struct db_rows;

enum db_backend {
    DB_SQLITE,
    DB_POSTGRES,
};

/* url: "sqlite:PATH" or "postgresql://…" (libpq's form). Does not migrate. */
enum status db_open(const char *url, struct db **ret, struct err *e) MUST_USE;
void db_close(struct db *db);
enum db_backend db_backend(const struct db *db);

/* Brings the schema up to this program's version, in one transaction; a database written by a newer
 * program is ST_UNSUPPORTED and stays as it is. */
enum status db_migrate(struct db *db, struct err *e) MUST_USE;

/* A pool of at most `max` connections to one database. db_pool_get waits for a free one. */
enum status db_pool_open(const char *url, size_t max, struct db_pool **ret, struct err *e) MUST_USE;
void db_pool_close(struct db_pool *pool);
enum status db_pool_get(struct db_pool *pool, struct db **ret, struct err *e) MUST_USE;
/* Gives it back; an open transaction is rolled back. NULL is accepted. */
void db_pool_put(struct db_pool *pool, struct db *db);

/* A write transaction (SQLite: BEGIN IMMEDIATE, waiting up to 10 s for the one writer), or a read
 * transaction that sees one moment (PostgreSQL: REPEATABLE READ READ ONLY). Not nested. */
enum status db_begin(struct db *db, struct err *e) MUST_USE;
enum status db_begin_read(struct db *db, struct err *e) MUST_USE;
enum status db_commit(struct db *db, struct err *e) MUST_USE;
void db_rollback(struct db *db); /* also when nothing is open */
bool db_in_transaction(const struct db *db);

/* Runs one statement. `types` has a letter for each value that follows:
 *   i  int64_t          s  const char * (NULL is SQL NULL)
 *   t  struct slice, as text     b  struct slice, as bytes     n  SQL NULL (no value follows)
 * *ret_changed of db_run may be NULL. */
enum status db_run(struct db *db, int64_t *ret_changed, struct err *e, const char *sql,
                   const char *types, ...) MUST_USE;
enum status db_query(struct db *db, struct db_rows **ret, struct err *e, const char *sql,
                     const char *types, ...) MUST_USE;

/* The same for a text that was put together from constant parts, where the number of values is only
 * known then. */
struct db_arg {
    bool text; /* else i */
    int64_t i;
    struct slice s;
};
enum status db_query_args(struct db *db, struct db_rows **ret, struct err *e, const char *sql,
                          const struct db_arg *args, size_t count) MUST_USE;

/* OK: a row is there; ST_END: no more. */
enum status db_next(struct db_rows *rows, struct err *e) MUST_USE;
void db_rows_done(struct db_rows *rows); /* accepts NULL */

/* Columns of the current row, counted from 0. NULL reads as 0, "" and the empty slice. */
bool db_is_null(const struct db_rows *rows, int col);
int64_t db_int(const struct db_rows *rows, int col);
const char *db_text(const struct db_rows *rows, int col);
struct slice db_bytes(const struct db_rows *rows, int col);

/* The first column of the only row wanted; ST_NOT_FOUND when there is none. */
enum status db_get_int(struct db *db, int64_t *ret, struct err *e, const char *sql,
                       const char *types, ...) MUST_USE;

/* Inserts many rows quickly (PostgreSQL: unnest in batches of 1,000; SQLite: one prepared
 * statement). `insert` is "table(col, col, …)", types one letter per column as above without n;
 * values: db_batch_add with the row's values in order. Nothing is sure before db_batch_end. */
struct db_batch;
enum status db_batch_begin(struct db *db, const char *insert, const char *types,
                           struct db_batch **ret, struct err *e) MUST_USE;
enum status db_batch_add(struct db_batch *batch, struct err *e, ...) MUST_USE;
enum status db_batch_end(struct db_batch *batch, struct err *e) MUST_USE; /* frees it */
void db_batch_abort(struct db_batch *batch); /* frees it; NULL is fine */

/* Wakes those who wait for news of a channel once the transaction commits (PostgreSQL: NOTIFY, so
 * that every board over the same database hears it; SQLite: within this process). */
enum status db_notify(struct db *db, const char *channel, struct err *e) MUST_USE;

#endif
