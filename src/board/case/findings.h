/* What hosts hand in: the output of `hikeshi scan --format jsonl` as it is, and the answers that it
 * proposes.
 *
 * Kind of event: findings.received (subject "scan:ID"). Its bulk rows are finding and scan_gap, its
 * body the summary, counts and digests; a replay reads the rows and finds when one was exchanged.
 *
 * Its apply proposes answers to the one question that a scan answers (docs/profiles.md), for each
 * row of the ledger on that host, from the newest scan of every host of the row:
 *   found      per host on which a component of the question was found, with its versions
 *   not found  of all hosts: only where each has a scan of the whole host, by this incident's
 *              profile or a newer one, that read everything and found none
 *   open       of all hosts otherwise, with what is missing (findings_say_missing)
 * A finding is `partial` when its scan did not read everything, and also when it would settle
 * something while another place of the row was not read. A proposal that says what is confirmed or
 * refused already is not made again; one that waits is superseded by the next of its source. What
 * was confirmed and is gone in a newer scan stays: the new proposal stands beside it. When the
 * hosts of a row change, and what was confirmed settles it for hosts that it no longer has or not
 * for all that it has, "open" is proposed, also where none of them was scanned.
 */
#ifndef HIKESHI_BOARD_FINDINGS_H
#define HIKESHI_BOARD_FINDINGS_H

#include "board/case/hosts.h"
#include "board/log/log.h"

extern const struct log_kind findings_kinds[];

/* Takes a scan in pieces as they arrive, inside the caller's write transaction: memory does not
 * grow with its size. Others cannot write meanwhile, so bytes from a slow network are collected
 * first. Lines are checked as they come; a fault names the line. Nothing is kept unless
 * findings_end returns OK: what was written is rolled back to where it began, and the caller's
 * transaction goes on. A host hands in its own scans only. */
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

/* For apply of asset and import events: rows whose hosts changed get the proposals of scans that
 * came before, lose those of hosts that are not theirs any more, and are derived where that makes a
 * difference. */
enum status findings_propose(struct db *db, const struct event *ev, const int64_t *assets,
                             size_t count, struct err *e) MUST_USE;

/* Evidence with source_key "hosts" has as its quote what is missing for each host. Appends it as
 * sentences, one a line, in lang. */
enum status findings_say_missing(const char *quote, enum lang lang, struct buf *out);

#endif
