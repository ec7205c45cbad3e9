/* Files on their way in: kept in the database in parts of 1 MiB, so that any board over it can go
 * on with a file that another one took, and removed when done with, or after a day. They are no
 * part of the record; what comes of them is.
 */
#ifndef HIKESHI_BOARD_WEB_UPLOAD_H
#define HIKESHI_BOARD_WEB_UPLOAD_H

#include "board/web/web.h"

#define UPLOAD_KEPT_MS (24LL * 3600 * 1000)

/* Stores the file; *ret_id is a random number, which an address may hold. Outside any transaction
 * (ROUTE_OWN_TX): a part is a transaction of its own, so that nobody waits for all of it. ST_LIMIT
 * above LIMIT_UPLOAD_BYTES. What was stored before a failure is removed with the next sweep. */
enum status upload_store(struct db *db, int64_t incident, int64_t account,
                         const struct web_file *file, int64_t *ret_id, struct err *e) MUST_USE;

struct upload {
    int64_t id, incident, account, made_ms;
    const char *name; /* a label, never a path */
    char sha256[65];
    struct slice bytes; /* all of it, mapped from an unlinked file: not held in memory */
    void *map_;
};

/* The whole file again. ST_NOT_FOUND: there is none of this incident, or it is not complete.
 * upload_close accepts a zeroed struct. */
enum status upload_open(struct db *db, int64_t incident, int64_t id, struct upload *ret,
                        struct err *e) MUST_USE;
void upload_close(struct upload *u);

/* Inside a write transaction. */
enum status upload_remove(struct db *db, int64_t id, struct err *e) MUST_USE;
/* Removes what is older than UPLOAD_KEPT_MS, and is no running job's, in a transaction. */
enum status upload_sweep(struct db *db, int64_t now_ms, struct err *e) MUST_USE;

/* An unlinked temporary file in $TMPDIR or /tmp, opened for reading and writing. */
enum status temp_file(int *ret, struct err *e) MUST_USE;

#endif
