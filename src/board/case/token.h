/* Personal tokens: with one, a person's own programs speak to the API in their name.
 *
 * Kinds of event, both of the house (incident 0), subject "account:ID": account.token_made and
 * account.token_revoked. A token has its owner's role, whatever that is at the time, and is void
 * when it is revoked or over, or when the account is disabled; a password given by an administrator
 * revokes all of a person's. It is random and shown once; only
 * its SHA-256 is kept, outside the record. Names are hostile UTF-8.
 */
#ifndef HIKESHI_BOARD_CASE_TOKEN_H
#define HIKESHI_BOARD_CASE_TOKEN_H

#include "board/log/log.h"

extern const struct log_kind token_kinds[];

#define TOKEN_SIZE 64 /* "hkp_" and 43 characters of base64url, and a NUL */
#define TOKEN_PREFIX "hkp_"
#define TOKEN_NAME_MAX 100
#define TOKEN_DAYS_MAX 366
#define TOKEN_DAYS 90 /* when nothing is said */

/* Makes a token of the account; the actor is its owner, or the system. */
enum status token_make(struct db *db, const struct actor *actor, int64_t account, const char *name,
                       int64_t days, char ret_token[TOKEN_SIZE], int64_t *ret_id,
                       struct err *e) MUST_USE;
/* By its owner, an administrator or the system. ST_CONFLICT: it is revoked already. */
enum status token_revoke(struct db *db, const struct actor *actor, int64_t id,
                         struct err *e) MUST_USE;

/* All of the account's that are not revoked yet, each its own event. */
enum status token_revoke_all(struct db *db, const struct actor *actor, int64_t account,
                             struct err *e) MUST_USE;

/* Whose token it is: ST_DENIED for one that is not in use. The name is cut to name_size. */
enum status token_owner(struct db *db, struct slice token, int64_t now_ms, int64_t *ret_account,
                        enum role *ret_role, char *ret_name, size_t name_size,
                        struct err *e) MUST_USE;

#endif
