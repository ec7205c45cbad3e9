/* Reading the ledger: one filter, one order, one page, for pages, API, export and command line.
 *
 * Filters combine with and. The search is a substring search over the folded text of every field
 * (asset.search), so two Japanese characters suffice and one will do; words are combined with and.
 * Everything returned lives in the caller's arena.
 */
#ifndef HIKESHI_BOARD_LEDGER_H
#define HIKESHI_BOARD_LEDGER_H

#include "base/arena.h"
#include "board/log/log.h"

#define LEDGER_PAGE_MAX 200

enum ledger_order {
    LEDGER_BY_CHANGE, /* newest first */
    LEDGER_BY_NAME,
    LEDGER_BY_NUMBER,
    LEDGER_BY_STATE, /* what calls for action first */
    LEDGER_BY_CERTAINTY,
    LEDGER_BY_VENDOR,
    LEDGER_BY_OWNER,
    LEDGER_BY_DUE,
};

/* Bits of asset.flags. */
#define ASSET_DISAGREE 1u  /* sources disagree */
#define ASSET_REOPENED 2u  /* an answer was reopened */
#define ASSET_PROPOSALS 4u /* proposals wait to be confirmed */

struct ledger_filter {
    int64_t incident;
    const struct actor *actor; /* an owner sees what is theirs */
    struct slice search;
    const char *category; /* NULL: all; "": rows without one */
    unsigned states;      /* bit per enum asset_state (state.h); 0: all */
    unsigned certainties; /* bit per enum certainty; 0: all */
    unsigned flags;       /* all of these bits of asset.flags */
    bool exposed;         /* only those reachable from the internet */
    bool overdue;         /* an answer was due before now */
    bool never_scanned;   /* has hosts, and at least one of them was never scanned */
    bool no_owner;        /* neither owner nor mail */
    bool retired;         /* retired rows as well */
    struct slice owner, department, vendor; /* exact, after folding; empty: all */
    enum ledger_order order;
    bool reverse;
    int64_t now_ms;
};

struct ledger_item {
    int64_t id, due_ms, asked_ms, changed_ms, row_version;
    struct slice number, name, category, owner, owner_mail, department, vendor, product, version,
        hosts, users, shared_with, criticality, notes, renewed_on, free;
    int64_t exposed, retired, flags, import_id, import_row;
    struct slice state, certainty;
    /* per CVE of the profile's asked ones, in its order: state, '' where nothing is known */
    struct slice *cve_states;
};

struct ledger_page {
    struct ledger_item *items;
    size_t count;
    int64_t total; /* of the filter, all pages */
};

/* Rows offset … offset+limit-1 of the filter; limit up to LEDGER_PAGE_MAX. cves: ids whose states
 * are wanted (may be NULL/0). */
enum status ledger_read(struct db *db, const struct ledger_filter *f, int64_t offset, size_t limit,
                        const char *const *cves, size_t cve_count, struct arena *a,
                        struct ledger_page *ret, struct err *e) MUST_USE;

/* A place in an order, after which a list goes on: what the row there had in the order's columns.
 * It stays where it is whatever becomes of the row and of those before it. */
struct ledger_place {
    int64_t rank, number; /* rank of an order that has one; number: a date */
    struct slice text;
    int64_t id;
};
struct ledger_place ledger_place_of(enum ledger_order order, const struct ledger_item *item);

/* The next rows of the filter after the place; NULL: from the first. ret->total is -1 where `after`
 * is given: it is counted for the first page only. */
enum status ledger_read_after(struct db *db, const struct ledger_filter *f,
                              const struct ledger_place *after, size_t limit,
                              const char *const *cves, size_t cve_count, struct arena *a,
                              struct ledger_page *ret, struct err *e) MUST_USE;

/* The one row, or ST_NOT_FOUND (also when the actor may not see it). */
enum status ledger_item(struct db *db, const struct actor *actor, int64_t asset,
                        const char *const *cves, size_t cve_count, struct arena *a,
                        struct ledger_item *ret, struct err *e) MUST_USE;

/* All rows of the filter in order, streamed: for export. The item lives until each returns. */
enum status ledger_each(struct db *db, const struct ledger_filter *f,
                        enum status (*each)(void *ctx, const struct ledger_item *item), void *ctx,
                        struct err *e) MUST_USE;

/* How many rows stand in each category x state and category x certainty (rows that are not retired
 * but for the state retired), for the matrix of the overview and the figures beside filters. The
 * indices are those of enum ledger_category, enum asset_state, enum certainty. */
struct ledger_counts {
    int64_t state[5][16], certainty[5][8]; /* [category][…] */
    int64_t total, settled, open, acting, disagree, proposals, overdue;
};
enum status ledger_count(struct db *db, int64_t incident, const struct actor *actor, int64_t now_ms,
                         struct ledger_counts *ret, struct err *e) MUST_USE;

#endif
