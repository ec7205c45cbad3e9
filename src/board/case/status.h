/* The figures of an incident as one JSON object: `hikeshi-board status --json`, the API and the
 * overview speak from the same. Keys: incident, assets {category: {state: n}}, certainty {category:
 * {certainty: n}}, answers {question: {cve or "": {option: n, "open": n}}}, evidence {kind:
 * {status: n}}, conflicts, flags, proposals, scans {hosts, findings, affected, incomplete}, waiting
 * {vendors, owners, unassigned}, due {overdue, today}. */
#ifndef HIKESHI_BOARD_STATUS_H
#define HIKESHI_BOARD_STATUS_H

#include "base/arena.h"
#include "board/log/log.h"

enum status incident_status(struct db *db, int64_t incident, json_t **ret, struct err *e) MUST_USE;

/* Who is waited for: vendors of rows that wait for a vendor, owners of rows that wait for an
 * answer, each with count and the oldest date; most rows first. Lives in the arena. */
struct waiting {
    struct slice who, department;
    int64_t rows, since_ms, due_ms;
};
struct waiting_lists {
    struct waiting *vendors, *owners;
    size_t vendor_count, owner_count;
    int64_t vendor_rows, owner_rows, unassigned, proposals;
};

enum status incident_waiting(struct db *db, int64_t incident, size_t limit, struct arena *a,
                             struct waiting_lists *ret, struct err *e) MUST_USE;

#endif
