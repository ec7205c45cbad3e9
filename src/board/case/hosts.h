/* Hosts that hand in what they found, and the tokens by which they are known.
 *
 * Kinds of event, all of the house (incident 0): host.added, host.disabled, host.token. A token is
 * random and shown once; only its SHA-256 is kept, outside the record. Names are hostile input.
 */
#ifndef HIKESHI_BOARD_CASE_HOSTS_H
#define HIKESHI_BOARD_CASE_HOSTS_H

#include "board/log/log.h"

extern const struct log_kind host_kinds[];

#define HOST_TOKEN_SIZE 64 /* "hkh_" and 43 characters of base64url, and a NUL */
#define HOST_NAME_SIZE 256 /* of a full name in DNS (RFC 1035, 2.3.4), and a NUL */

/* The name in lower case, spaces around it off; ST_INVALID for what is none. */
enum status host_name_tidy(const char *name, char ret[HOST_NAME_SIZE], struct err *e) MUST_USE;
/* Up to the first dot of a tidy name; "" for an address. Two hosts are the same when their names
 * are, or when one of the two has no dot and their short names are the same. */
void host_name_short(const char *name, char ret[HOST_NAME_SIZE]);

/* Makes a host and its token, which is shown this once. ST_CONFLICT: the name is taken. */
enum status host_add(struct db *db, const struct actor *actor, const char *name,
                     char ret_token[HOST_TOKEN_SIZE], int64_t *ret_id, struct err *e) MUST_USE;
/* A new token; the old one is void at once. */
enum status host_renew(struct db *db, const struct actor *actor, int64_t host,
                       char ret_token[HOST_TOKEN_SIZE], struct err *e) MUST_USE;
enum status host_disable(struct db *db, const struct actor *actor, int64_t host,
                         struct err *e) MUST_USE;
/* The host of a token; ST_DENIED for any that is not in use. */
enum status host_of_token(struct db *db, struct slice token, int64_t *ret_id, char *ret_name,
                          size_t name_size, struct err *e) MUST_USE;

#endif
