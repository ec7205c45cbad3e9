/* How events are hashed, read back and applied. Private to src/board/log. */
#ifndef HIKESHI_BOARD_LOG_HASH_H
#define HIKESHI_BOARD_LOG_HASH_H

#include "board/log/log.h"

#define LOG_HASH_SIZE 65 /* SHA-256 in hex, and a NUL */
/* What stands before the first event of a chain. */
#define LOG_HASH_START "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 over the previous hash and every field of the event, each behind its length, so that no
 * two different events give the same bytes. body is the text as it is stored. */
void log_hash(const struct event *ev, const char *body, const char *prev, char ret[LOG_HASH_SIZE]);

/* The columns that log_event_of_row reads, in its order; then prev_hash and hash. */
#define LOG_EVENT_COLUMNS                                                                       \
    "id, incident_id, seq, at_ms, actor_kind, actor_id, actor_name, actor_role, via, subject, " \
    "kind, body, prev_hash, hash"

/* The current row as an event: its texts are borrowed from the row, its body is the caller's to
 * json_decref. A body that is no JSON is ST_MALFORMED. */
enum status log_event_of_row(const struct db_rows *rows, struct event *ret, struct err *e) MUST_USE;

/* Keeps all views up with one event: its kind's own, and the timeline. The same in append and in
 * replay. */
enum status log_apply(struct db *db, const struct log_kind *kind, const struct event *ev,
                      struct err *e) MUST_USE;

#endif
