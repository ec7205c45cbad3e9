/* Hosts, and what they hand in: the output of `hikeshi scan --format jsonl` as it is.
 *
 * Kinds of event: host.added, host.disabled, host.token (incident 0); findings.received (in the
 * incident, subject "scan:ID"): its bulk rows are finding and scan_gap, its body the summary,
 * counts and digest. Its apply proposes answers for the rows on that host: "yes" with versions
 * where a component of the profile was found; "no" only where every host of the row has a
 * whole-host scan without a gap that found none; else the open answer with what is missing. A newer
 * scan of the same host takes the place of its waiting proposals (superseded).
 */
#ifndef HIKESHI_BOARD_FINDINGS_H
#define HIKESHI_BOARD_FINDINGS_H

#include "board/log/log.h"

extern const struct log_kind findings_kinds[];

#define HOST_TOKEN_SIZE 64 /* "hkh_" and 43 characters of base64url, and a NUL */

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

/* Takes a scan in pieces as they arrive: memory does not grow with its size. Lines are checked as
 * they come; a fault names the line. Nothing is kept unless findings_end returns OK. */
struct findings_in;
enum status findings_begin(struct db *db, const struct actor *actor, int64_t incident,
                           const char *host, struct findings_in **ret, struct err *e) MUST_USE;
enum status findings_add(struct findings_in *in, struct slice piece, struct err *e) MUST_USE;
/* Frees it. Writes the event; *ret_known is set when the same bytes of this host were handed in
 * before: then *ret_scan is that scan and nothing is written. A stream without its summary line is
 * ST_MALFORMED: a scan that was cut is no scan. */
enum status findings_end(struct findings_in *in, int64_t *ret_scan, bool *ret_known,
                         struct err *e) MUST_USE;
void findings_abort(struct findings_in *in); /* NULL is fine */

/* For apply of asset and import events: rows that came to have hosts which were scanned before get
 * that scan's proposals. */
enum status findings_propose(struct db *db, const struct event *ev, const int64_t *assets,
                             size_t count, struct err *e) MUST_USE;

#endif
