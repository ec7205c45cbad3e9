/* Importing a ledger in four steps: file, columns, changes, done. What the pages show, and what
 * goes from step to step in the forms themselves: the sheet, what each column means, the rows left
 * out. Nothing is written before the last step, and that is one transaction.
 */
#ifndef HIKESHI_BOARD_WEB_PAGES_IMPORT_H
#define HIKESHI_BOARD_WEB_PAGES_IMPORT_H

#include "board/case/ledger_import.h"
#include "board/office/summary.h"
#include "board/web/html.h"
#include "board/web/upload.h"
#include "board/web/web.h"

#define IMPORT_PREVIEW_ROWS 8 /* rows shown as they will read */
#define IMPORT_CHANGES 100    /* changed rows shown, and new ones */
#define IMPORT_PROBLEMS 200
#define IMPORT_LEFT_OUT 2000 /* rows a person may leave out one by one */
#define IMPORT_PAST 20

/* The step that a page is. */
enum import_step { IMPORT_FILE, IMPORT_COLUMNS, IMPORT_CHANGES_STEP, IMPORT_DONE };

struct import_past {
    int64_t id, at_ms, rows, added, changed, same, missing;
    struct slice file, sheet, who;
};

struct import_start_view {
    int64_t incident;
    const char *csrf;
    bool edits;
    struct slice fault; /* why the last file was not taken */
    struct import_past *past;
    size_t past_count;
};

/* A file on its way: what came with the forms, and the book that is open while the page is made. */
struct import_file {
    struct arena *arena;
    int64_t incident;
    struct upload upload;
    struct book *book;
    size_t sheet;
    struct mapping mapping; /* guessed, remembered, then as the form says */
    size_t known;           /* columns that an earlier file had */
    uint32_t *left_out;     /* ascending */
    size_t left_out_count;
};

struct import_cell {
    struct slice text;
    bool changed; /* reading made something else of it */
};
struct import_preview_row {
    uint32_t row;
    struct import_cell *cells; /* one per field of the preview */
    bool bad;                  /* it has a problem that must be solved */
};

struct import_columns_view {
    const struct import_file *file;
    const char *csrf;
    struct sheet_summary summary;
    struct slice *reasons; /* per column */
    enum ledger_field *fields;
    size_t field_count;
    struct import_preview_row *rows;
    size_t row_count;
    bool has_name; /* some column is the name */
};

struct import_changes_view {
    const struct import_file *file;
    const char *csrf;
    struct import_plan plan;
    struct slice *problems; /* as sentences, as many as plan.problem_count */
    int64_t *alike;         /* how many are like it; 0: an earlier one stands for it */
    bool lost;              /* the ledger changed since this was last shown */
};

struct import_job_view {
    int64_t incident, job, upload;
    bool running, failed;
    int64_t done, total;
    struct slice fault, file;
    int64_t added, changed, same, missing, left_out;
};

/* --- for the templates */

/* "A" … of a column. */
struct slice import_letters(const struct import_file *f, uint32_t column);
/* What the select of a column offers, as "name" or "product+version". */
size_t import_choices(void);
struct slice import_choice_value(size_t i);
struct slice import_choice_word(size_t i, enum lang lang);
bool import_choice_is(size_t i, const struct mapping_column *c);
/* "182 kB" */
struct slice import_size(const struct import_file *f);
/* The value of a field as the ledger will show it: categories and yes or no in words. */
struct slice import_value(struct slice value, enum ledger_field field, enum lang lang);

/* Sends a column where a value says; false: there is no such value. */
bool import_choose(struct mapping_column *c, struct slice value);
/* The value of a column's select as it stands. */
struct slice import_choice_of(const struct mapping_column *c);
bool import_is_empty(const struct mapping_column *c);
int64_t import_empty_count(const struct import_file *f);

/* --- steps. import_file_done closes the file, also after a failure. */

/* Loads the upload of the incident and opens it; sheet and mapping are the caller's to choose. */
enum status import_file_load(struct db *db, struct arena *a, int64_t incident, int64_t upload,
                             struct import_file *f, struct err *e) MUST_USE;
/* Guesses what the sheet's columns mean. ST_INVALID names a sheet without a header. */
enum status import_file_guess(struct import_file *f, struct err *e) MUST_USE;
/* All of it for a page: /incidents/:n/import/:n with its query or form. */
enum status import_file_open(struct web_request *r, struct import_file *f, struct err *e) MUST_USE;
void import_file_done(struct import_file *f);

/* Starts the job that carries the import out as the form says. */
enum status import_start(struct web_request *r, const struct import_file *f, int64_t version,
                         int64_t *ret_job, struct err *e) MUST_USE;

#endif
