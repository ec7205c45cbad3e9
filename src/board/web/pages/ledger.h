/* What the templates of the ledger page are given. Made by ledger_view.c for one request; all of it
 * lies in the request's arena. */
#ifndef HIKESHI_BOARD_PAGES_LEDGER_H
#define HIKESHI_BOARD_PAGES_LEDGER_H

#include "board/case/state.h"
#include "board/web/pages/ledger_address.h"

#define LEDGER_CVES 4 /* columns per CVE; more would leave no room for the names */

struct ledger_link { /* a condition that can be taken away, a page, a quick way */
    struct slice word;
    struct html_url url;
    int64_t count;
    bool current;
};

/* A cell as a form, and what became of it. */
struct ledger_edit {
    int64_t asset; /* 0: no cell is a form */
    enum ledger_field field;
    struct slice value; /* in the input: what stands there, or what was typed */
    struct slice was;   /* what stood there when the form was made */
    int64_t row_version;
    struct slice refused;  /* why it cannot be accepted; empty: nothing was refused */
    bool lost;             /* somebody else changed it first */
    struct slice now, who; /* lost: what it is now, and who made it so */
    int64_t at_ms;
};

/* What a single row's cells need to know. */
struct ledger_cells {
    int64_t incident, now_ms;
    bool may_edit;
    const char *csrf;
    const struct ledger_address *q;
    struct arena *arena;
    const struct ledger_edit *edit;
};

enum ledger_column { LEDGER_COLUMN_NAME, LEDGER_COLUMN_VENDOR, LEDGER_COLUMN_OWNER };
#define LEDGER_COLUMNS 3 /* those with values that can be changed in place */

struct ledger_account {
    int64_t id;
    struct slice name, login;
};

enum ledger_urgency { LEDGER_CALM, LEDGER_SOON, LEDGER_LATE };
struct ledger_wait { /* the column "waiting for, due" */
    enum ledger_urgency urgency;
    enum ledger_wait_kind {
        WAIT_NOTHING,
        WAIT_JUDGE,    /* sources disagree: a person decides */
        WAIT_PROPOSAL, /* a proposal waits for a person */
        WAIT_OWNERLESS,
        WAIT_OVERDUE,
        WAIT_DUE,
        WAIT_VENDOR,
        WAIT_US,
    } kind;
};
struct ledger_view {
    struct ledger_address q;
    struct ledger_cells cells;
    struct ledger_edit edit;
    struct ledger_page page;
    int64_t pages, first, last; /* pages there are; rows 1–40 of this one */
    struct ledger_counts counts;
    struct slice cves[LEDGER_CVES];
    size_t cve_count;
    struct ledger_link *applied, *quick, *pager, *sizes;
    size_t applied_count, quick_count, pager_count, size_count;
    struct html_url previous, next; /* empty: none */
    struct html_url sort[LEDGER_BY_DUE + 1];
    struct html_url here, all, rows, news, export_xlsx, export_csv, export_cp932;
    struct slice *people; /* owners that the ledger names, for typing them again */
    size_t people_count;
    struct ledger_account *accounts;
    size_t account_count;
    struct slice typed;        /* in the search box */
    struct slice due_proposed; /* for datetime-local: 17:00 of the next working day */
    struct slice bulk_refused; /* why the ticked rows were not changed; they are ticked again: */
    const int64_t *picked;
    size_t picked_count;
    int64_t newest_ms; /* the last change that this page knows of */
    /* the figures beside the conditions */
    int64_t category[CATEGORY_CLIENT + 1], state[STATE_COUNT], certainty[CERTAINTY_NONE + 1];
};

/* --- what the templates ask (ledger_words.c) */

struct ledger_wait ledger_wait_of(const struct ledger_item *it, int64_t now_ms);
/* "ascending", "descending" for aria-sort; "" where another column leads. */
const char *ledger_sorted(const struct ledger_address *q, enum ledger_order order);
struct slice ledger_column_word(enum ledger_order order, enum lang lang); /* of the header */
struct slice ledger_sort_code(const struct ledger_address *q); /* empty: the usual order */
struct slice ledger_order_word(const struct ledger_address *q, enum lang lang);
/* A field of the row that can be changed in place, and the column it stands in; false: none. */
bool ledger_column_of(enum ledger_field f, enum ledger_column *ret);
struct slice ledger_item_value(const struct ledger_item *it, enum ledger_field f);
/* Whether the cell is a form now. */
bool ledger_is_edited(const struct ledger_cells *c, int64_t asset, enum ledger_column column);
bool ledger_is_picked(const struct ledger_view *v, int64_t asset);
bool ledger_same_day(int64_t a_ms, int64_t b_ms); /* local */
/* This page with a cell as a form, and without; the cell by itself. */
struct html_url ledger_edit_url(const struct ledger_cells *c, int64_t asset, enum ledger_field f);
struct html_url ledger_back_url(const struct ledger_cells *c, int64_t asset);
struct html_url ledger_cell_url(const struct ledger_cells *c, int64_t asset, enum ledger_field f);

/* --- reading (ledger_view.c) */

enum status ledger_view_read(struct web_request *r, const struct ledger_address *q,
                             const struct ledger_edit *edit, struct ledger_view *ret,
                             struct err *e) MUST_USE;

extern const struct web_route ledger_routes[], ledger_file_routes[];

#endif
