/* What findings.c, findings_propose.c and survey_kinds.c share. */
#ifndef HIKESHI_BOARD_CASE_FINDINGS_INT_H
#define HIKESHI_BOARD_CASE_FINDINGS_INT_H

#include "board/log/log.h"
#include "profile/profile.h"

#define SCAN_PLACES 5           /* findings that a proposal names; all are in the table */
#define SCAN_VERSIONS_BYTES 150 /* of the list of versions */

/* Two hosts are the same (host_name_short); h and s name the two tables. */
#define SAME_HOST                                                                     \
    "(s.host = h.host OR (s.short = h.short AND h.short <> '' AND (s.host = s.short " \
    "OR h.host = h.short)))"

/* Proposes for every row on this host, notes the event in their history and derives them. */
enum status findings_propose_host(struct db *db, const struct event *ev, const struct profile *p,
                                  const char *host, struct err *e) MUST_USE;

#endif
