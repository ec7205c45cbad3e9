/* From a company's columns to the ledger's fields: find the header row, guess what each column
 * means, keep the guess as JSON for the next file, apply it to rows.
 *
 * Everything that is returned lives in the caller's arena. One mapping may be read by many threads.
 */
#ifndef HIKESHI_BOARD_OFFICE_MAPPING_H
#define HIKESHI_BOARD_OFFICE_MAPPING_H

#include "base/arena.h"
#include "board/office/normalise.h"
#include "board/office/sheet.h"

enum ledger_field {
    FIELD_LEAVE_OUT,
    FIELD_FREE, /* kept as it is, under its header */
    FIELD_NAME,
    FIELD_CATEGORY,
    FIELD_OWNER,
    FIELD_OWNER_MAIL,
    FIELD_DEPARTMENT,
    FIELD_VENDOR,
    FIELD_PRODUCT,
    FIELD_VERSION,
    FIELD_EXPOSED,
    FIELD_HOSTS,
    FIELD_USERS,
    FIELD_SHARED_WITH,
    FIELD_CRITICALITY,
    FIELD_NOTES,
    FIELD_ASSET_NUMBER,
    FIELD_RENEWED_ON,
    FIELD_COUNT,
};
/* "name", "owner_mail", …; NULL when f is out of range. */
const char *field_code(enum ledger_field f);
enum status field_of_code(struct slice code, enum ledger_field *ret_field) MUST_USE;

/* What an exported ledger's columns begin with that only tell what follows from answers: they are
 * left out when the file comes back. */
#define LEDGER_OWN_HEADER "hikeshi: "

struct mapping_column {
    uint32_t column;
    struct slice header;             /* as in the file, on one line; of two lines "group name" */
    enum ledger_field field, second; /* second: FIELD_LEAVE_OUT, or version/department/owner */
    bool sure;                       /* else: please check */
    bool is_new;                     /* mapping_remember: was not in the file before */
    const char *reason; /* "header", "contents", "two_in_one", "remembered", "unknown", "empty",
                           "row_numbers", "own"; mapping_add_reason (words.h) tells it */
    uint32_t filled;    /* of the sampled rows */
    struct slice example[3];
};

struct mapping {
    uint32_t header_row;  /* number of its last row: data stands behind it */
    uint32_t header_rows; /* 1, or 2: a line of groups above a line of names */
    struct mapping_column *columns;
    size_t count;
};

/* The first rows of a sheet, copied into the arena. */
enum status sheet_sample(struct book *b, size_t sheet, uint32_t max_rows, struct arena *a,
                         struct sheet_row **ret_rows, size_t *ret_count, struct err *err) MUST_USE;

/* Guesses from sampled rows. ST_NOT_FOUND when no row looks like a header. */
enum status mapping_guess(const struct sheet_row *rows, size_t count, struct arena *a,
                          struct mapping *ret_mapping, struct err *err) MUST_USE;

/* {"columns":[{"key":…,"field":…,"second":…}]}: keyed by the normalised header, not by its place.
 */
enum status mapping_add_json(struct buf *out, const struct mapping *m) MUST_USE;
/* Puts the fields remembered in json over the guess in m. *ret_known says how many columns the
 * memory knew (0: another kind of file; m is then unchanged). Bad JSON is ST_MALFORMED. */
enum status mapping_remember(struct mapping *m, struct slice json, size_t *ret_known,
                             struct err *err) MUST_USE;

enum severity { MUST_SOLVE, TO_KNOW };
struct ledger_problem {
    enum severity severity;
    const char *id; /* problem_add_text (words.h) tells them */
    uint32_t row, column;
    struct slice value; /* what stands in the cell */
};
struct free_column {
    struct slice header, value;
};
struct ledger_row {
    uint32_t row;
    bool empty; /* nothing to import: a blank row, or a heading (a problem says so) */
    struct slice value[FIELD_COUNT]; /* normalised text; a date as 2021-11-30, or 2021-11 */
    uint32_t changed;                /* bit (1u << field): reading changed what the cell says */
    uint32_t from[FIELD_COUNT];      /* the column it came from + 1; 0: none */
    enum ledger_category category;
    enum yes_no exposed;
    struct free_column *free_columns;
    size_t free_count;
    struct ledger_problem *problems;
    size_t problem_count;
};

/* "heading" for a row that is one block across the columns (【社内システム】), "header_again" for
 * the header repeated on a further page; NULL for a row of data. */
const char *mapping_heading(const struct mapping *m, const struct sheet_row *row);

/* Rows up to header_row are given back as empty. */
enum status mapping_apply(const struct mapping *m, const struct sheet_row *row, struct arena *a,
                          struct ledger_row *ret_row, struct err *err) MUST_USE;
/* Name and product as one match key: rows with the same key are duplicates of each other. */
enum status ledger_row_key(const struct ledger_row *row, struct buf *out);

#endif
