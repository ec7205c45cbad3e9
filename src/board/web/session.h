/* Sessions: a random token in a cookie, its SHA-256 in the table, so that whoever reads the
 * database cannot log in with what is there. A session ends 12 hours after it was last seen and 7
 * days after it began; every log-in makes a new one. */
#ifndef HIKESHI_BOARD_WEB_SESSION_H
#define HIKESHI_BOARD_WEB_SESSION_H

#include "board/web/web.h"

#define SESSION_IDLE_MS (12LL * 3600 * 1000)
#define SESSION_MAX_MS (7LL * 24 * 3600 * 1000)

/* Begins a session of the account and sets its cookie; the one the request came with ends. Inside a
 * write transaction. */
enum status session_begin(struct web_request *r, struct web_response *res, int64_t account,
                          struct err *e) MUST_USE;
/* Ends the request's own session and takes the cookie away. */
enum status session_end(struct web_request *r, struct web_response *res, struct err *e) MUST_USE;
/* The SHA-256 of the request's own session, in hex; "" for none. */
const char *session_hash(const struct web_request *r);

/* House-keeping: what is over is removed, what was seen is noted. */
enum status session_sweep(struct web *w, struct db *db, int64_t now_ms, struct err *e) MUST_USE;

/* --- throttling of log-ins (table login_failure), the same for all boards over one database.
 * Counted in the last hour: failures of a login from an address (5 free, then 2 s doubled each time
 * up to 15 minutes), of an address (20 free, the same), of a login from anywhere (50 free, at most
 * 30 s: nobody can be locked out by somebody else). */

/* Notes an attempt and tells how long it has to wait: 0 when it may be tried now. An attempt that
 * has to wait is not counted. Inside a write transaction. */
enum status throttle_attempt(struct db *db, const char *login, const char *from, int64_t now_ms,
                             int64_t *ret_wait_ms, struct err *e) MUST_USE;
/* The attempt that was noted at at_ms was right: it is forgotten, and those before it of this login
 * from this address. */
enum status throttle_forget(struct db *db, const char *login, const char *from, int64_t at_ms,
                            struct err *e) MUST_USE;

#endif
