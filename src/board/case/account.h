/* Accounts of people: who they are, their role, and their password.
 *
 * Accounts belong to the house (incident 0). The password's hash is kept apart from the record, in
 * the table credential: an event says only that it was set. Commands append inside the caller's
 * write transaction; a password is hostile input of 1 to ACCOUNT_PASSWORD_MAX bytes.
 */
#ifndef HIKESHI_BOARD_ACCOUNT_H
#define HIKESHI_BOARD_ACCOUNT_H

#include "board/log/log.h"

#define ACCOUNT_PASSWORD_MIN 12  /* characters; NIST SP 800-63B asks for at least 8 */
#define ACCOUNT_PASSWORD_MAX 256 /* bytes; longer ones cost hashing time and add nothing */
#define ACCOUNT_NAME_MAX 200     /* bytes of login and of name */

extern const struct log_kind account_kinds[];

/* "administrator", "responder", "owner", "reader", and back; ROLE_NONE for any other word. */
const char *role_name(enum role role);
enum role role_from_name(const char *name);

/* Makes an account. ST_INVALID names what cannot be accepted; ST_CONFLICT: the login is taken. */
enum status account_create(struct db *db, const struct actor *actor, const char *login,
                           const char *name, enum role role, const char *password, int64_t *ret_id,
                           struct err *e) MUST_USE;

/* Changes name, role or whether it is disabled. The last administrator cannot be taken away. With
 * another role, or disabled, its sessions end. */
enum status account_change(struct db *db, const struct actor *actor, int64_t id, const char *name,
                           enum role role, bool disabled, struct err *e) MUST_USE;
/* Changes one's own name, and nothing else: the role is the one that the account has now, whatever
 * the actor had when the request began. ST_DENIED when it is disabled. */
enum status account_rename(struct db *db, const struct actor *actor, const char *name,
                           struct err *e) MUST_USE;

/* Sets a password; `once`: it has to be changed at the next log-in. An administrator's, or one's
 * own. Sessions of the account end, but the one whose token hash is keep_session ("": none). With
 * `once` (somebody else gives the password) its API tokens are revoked too. The event says only
 * that it was done. */
enum status account_set_password(struct db *db, const struct actor *actor, int64_t id,
                                 const char *password, bool once, const char *keep_session,
                                 struct err *e) MUST_USE;

#define ACCOUNT_MADE_PASSWORD_SIZE 24
/* A random password that can be read out: "hq2vk-m8rta-…". */
void account_make_password(char ret[ACCOUNT_MADE_PASSWORD_SIZE]);

/* The account of this login and password. ST_DENIED for an unknown login, a wrong password and a
 * disabled account alike, after the same work, so that none can be told from the others. */
enum status account_log_in(struct db *db, const char *login, const char *password, int64_t *ret_id,
                           enum role *ret_role, struct err *e) MUST_USE;

#endif
