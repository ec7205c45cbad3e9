/* A row of the ledger as the API gives it. */
#ifndef HIKESHI_BOARD_WEB_API_ASSETS_H
#define HIKESHI_BOARD_WEB_API_ASSETS_H

#include "board/case/ledger.h"
#include "board/web/api/api.h"

extern const char *const api_state_words[];
extern const char *const api_certainty_words[];
extern const char *const api_category_words[];

/* The filter of a ledger as the query has it; for lists and for export. */
struct api_filter {
    struct slice search, category, owner, department, vendor, order;
    int64_t states, certainties, flags;
    bool exposed, overdue, never_scanned, no_owner, retired, reverse;
};
/* Rows of a table of fields over a struct whose member `m` is a struct api_filter. The name of a
 * member cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define API_FILTER_FIELDS(strct, m)                                                                \
    API_ROW(strct, m.search, "search", API_TEXT, .max = 800,                                       \
            .says = "words in any field, however they are spelt; all of them"),                    \
        API_ROW(strct, m.category, "category", API_WORD, .words = api_category_words,              \
                .says = "an empty value: rows without one"),                                       \
        API_ROW(strct, m.states, "state", API_BITS, .words = api_state_words),                     \
        API_ROW(strct, m.certainties, "certainty", API_BITS, .words = api_certainty_words),        \
        API_ROW(strct, m.flags, "flag", API_BITS, .words = api_flag_words, .says = "all of them"), \
        API_ROW(strct, m.exposed, "exposed", API_BOOL,                                             \
                .says = "only what is reachable from the internet"),                               \
        API_ROW(strct, m.overdue, "overdue", API_BOOL, .says = "only where an answer was due"),    \
        API_ROW(strct, m.never_scanned, "never_scanned", API_BOOL,                                 \
                .says = "only with a host that was never scanned"),                                \
        API_ROW(strct, m.no_owner, "no_owner", API_BOOL),                                          \
        API_ROW(strct, m.retired, "retired", API_BOOL, .says = "retired rows as well"),            \
        API_ROW(strct, m.owner, "owner", API_TEXT, .says = "exactly, however it is spelt"),        \
        API_ROW(strct, m.department, "department", API_TEXT),                                      \
        API_ROW(strct, m.vendor, "vendor", API_TEXT),                                              \
        API_ROW(strct, m.order, "order", API_WORD, .words = api_order_words),                      \
        API_ROW(strct, m.reverse, "reverse", API_BOOL)
/* NOLINTEND(bugprone-macro-parentheses) */
extern const char *const api_flag_words[];
extern const char *const api_order_words[];

/* The same for the case layer. */
struct ledger_filter api_ledger_filter(const struct web_request *r, int64_t incident,
                                       const struct api_filter *f);

#endif
