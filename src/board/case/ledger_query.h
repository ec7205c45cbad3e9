/* How a filter of the ledger becomes SQL: constant parts, put together, with values beside them.
 * Private to the ledger's files; see ledger.h. */
#ifndef HIKESHI_BOARD_LEDGER_QUERY_H
#define HIKESHI_BOARD_LEDGER_QUERY_H

#include "base/arena.h"
#include "board/case/ledger.h"

/* What the text holds at most: the filter's conditions with all their values. */
#define LEDGER_QUERY_ARGS 40
#define LEDGER_QUERY_BYTES 4096

struct ledger_query {
    struct arena *a; /* for values that are made (patterns) */
    struct buf sql;  /* errors stick to it */
    struct db_arg args[LEDGER_QUERY_ARGS];
    size_t count;
};

void ledger_query_init(struct ledger_query *q, struct arena *a);
void ledger_query_done(struct ledger_query *q);
/* Appends a constant part; a placeholder and its value. */
void ledger_query_part(struct ledger_query *q, const char *part);
void ledger_query_int(struct ledger_query *q, int64_t value);
void ledger_query_text(struct ledger_query *q, struct slice value);

/* " WHERE …" of the filter over the table asset. Reads the owner's login. ST_LIMIT: more words than
 * LIMIT_SEARCH_WORDS, or longer than LIMIT_SEARCH_BYTES. */
enum status ledger_query_where(struct db *db, struct ledger_query *q, const struct ledger_filter *f,
                               struct err *e) MUST_USE;
/* " AND …" only what is the owner's, when the actor is one. */
enum status ledger_query_owner(struct db *db, struct ledger_query *q, const struct actor *actor,
                               struct err *e) MUST_USE;
void ledger_query_order(struct ledger_query *q, const struct ledger_filter *f);
/* " AND …" only what comes after the place in the filter's order. */
void ledger_query_after(struct ledger_query *q, const struct ledger_filter *f,
                        const struct ledger_place *after);
enum status ledger_query_run(struct db *db, const struct ledger_query *q, struct db_rows **ret,
                             struct err *e) MUST_USE;

/* Rows of the filter in order, some at a time; they and their texts live until `each` returns. */
#define LEDGER_CHUNK 32
enum status ledger_each_chunk(struct db *db, const struct ledger_filter *f,
                              enum status (*each)(void *ctx, struct db *db,
                                                  const struct ledger_item *items, size_t count,
                                                  struct arena *a, struct err *e),
                              void *ctx, struct err *e) MUST_USE;

/* Runs a constant text whose last LEDGER_CHUNK placeholders stand in an IN list with the ids of the
 * items; what is left over is filled with the first. */
#define LEDGER_IN                                                                             \
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, " \
    "$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)"
enum status ledger_query_in(struct db *db, const char *sql, const int64_t *ids, size_t count,
                            struct db_rows **ret, struct err *e) MUST_USE;

#endif
