/* What a ledger page is asked for, as its address says it: filter, order, page, the cell being
 * edited. One struct that is read from the query string and written back as an address, so that a
 * link "the same, but …" is a copy with one thing changed.
 *
 * The query string: q (search), category (external internal saas client none), state and certainty
 * (several), exposed=1 overdue=1 unscanned=1 disagree=1 proposals=1 reopened=1 noowner=1 retired=1,
 * owner, department, vendor, sort (change name number state certainty vendor owner due), dir=up
 * (the reverse), page, rows (40 100 200), edit and field. What is unknown is ignored: an old
 * bookmark still opens the ledger. Slices point into the request.
 */
#ifndef HIKESHI_BOARD_PAGES_LEDGER_ADDRESS_H
#define HIKESHI_BOARD_PAGES_LEDGER_ADDRESS_H

#include "board/case/ledger.h"
#include "board/office/mapping.h"
#include "board/web/html.h"
#include "board/web/web.h"

#define LEDGER_ROWS 40

enum ledger_flag {
    LEDGER_EXPOSED = 1,
    LEDGER_OVERDUE = 2,
    LEDGER_UNSCANNED = 4,
    LEDGER_DISAGREE = 8,
    LEDGER_PROPOSALS = 16,
    LEDGER_REOPENED = 32,
    LEDGER_NO_OWNER = 64,
    LEDGER_RETIRED = 128,
};
#define LEDGER_FLAGS 8

struct ledger_address {
    int64_t incident;
    struct slice search, owner, department, vendor;
    bool has_category;
    enum ledger_category category; /* with has_category; CATEGORY_UNKNOWN: rows without one */
    unsigned states, certainties;  /* sets of enum asset_state, enum certainty; 0: all */
    unsigned flags;                /* set of enum ledger_flag */
    enum ledger_order order;
    bool reverse;
    int64_t page; /* from 1 */
    int64_t rows; /* 40, 100, 200 */
    int64_t edit; /* the row one of whose cells is a form; 0: none */
    enum ledger_field field;
};

/* The whole ledger of an incident, newest change first. */
struct ledger_address ledger_address_all(int64_t incident);
void ledger_address_read(const struct web_request *r, int64_t incident, struct ledger_address *ret);
/* As an address, "/incidents/1/ledger?…"; with `base` in place of "/incidents/1/ledger" when it is
 * not NULL. Lives in the arena; the empty address when memory ran out (arena_status). */
struct html_url ledger_address_url(const struct ledger_address *q, const char *base,
                                   struct arena *a);

/* For ledger_read, ledger_each. */
struct ledger_filter ledger_address_filter(const struct ledger_address *q,
                                           const struct actor *actor, int64_t now_ms);

/* Whether anything is narrowed: not only order and page. */
bool ledger_address_narrows(const struct ledger_address *q);

/* "exposed", … and its words. */
const char *ledger_flag_code(size_t bit);
struct slice ledger_flag_word(size_t bit, enum lang lang);

#endif
