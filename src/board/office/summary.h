/* What a whole sheet holds, for the page that maps its columns: how many rows there are, how full
 * and how distinct each column is, which spellings of categories were met and where each leads.
 * One pass over the sheet; memory is bounded by LIMIT_SUMMARY_BYTES, and what did not fit is said.
 */
#ifndef HIKESHI_BOARD_OFFICE_SUMMARY_H
#define HIKESHI_BOARD_OFFICE_SUMMARY_H

#include "board/office/mapping.h"

struct column_summary {
    uint32_t filled;     /* cells of data rows with something in them */
    uint32_t distinct;   /* different texts among them */
    bool more_distinct;  /* at least so many: they were not all kept */
    uint32_t errors;     /* #REF! and the like, formulas without a result */
    uint32_t unreadable; /* a date that is none, a category or a mark that is not known */
};
struct spelling {
    struct slice text; /* as it stands in the cells */
    uint32_t count;
    enum ledger_category category;
};
#define SUMMARY_SPELLINGS 64

struct sheet_summary {
    uint32_t rows;   /* of data, without blank ones */
    uint32_t blank;  /* blank rows and headings between them */
    uint32_t hidden; /* data rows that the workbook hides; they are read like others */
    struct column_summary *columns; /* as many as the mapping has */
    struct spelling *spellings;     /* of the category column, most frequent first */
    size_t spelling_count;
    size_t categories;   /* how many of the four they lead to */
    bool more_spellings; /* there were others */
};

enum status sheet_summarise(struct book *b, size_t sheet, const struct mapping *m, struct arena *a,
                            struct sheet_summary *ret_summary, struct err *err) MUST_USE;

#endif
