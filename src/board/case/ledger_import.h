/* Importing a ledger file: plan it against the ledger that is there, show it, carry it out.
 *
 * A row of the file is a row of the ledger when its number is the same, or else (no number, or a
 * number the ledger does not have) when its name and product are (asset.match_key); one row each.
 * New rows are added, others updated; rows that the file does not have stay as they are and are
 * counted. Three ways are compared: a field that people changed on the board since the last import
 * keeps the board's value unless the file, too, changed it since; then the file's value is taken
 * and the plan says so. An empty cell of the file never empties a field. Answers hang on the row's
 * id and are never touched. Everything is written in one transaction: after a power cut the old
 * ledger is there. Kind of event: ledger.imported, subject "import:ID", bulk import_row.
 *
 * The sheet is read twice, row by row: to match its rows, then to compare them. What stays in
 * memory is some 64 bytes a row of file and ledger (LIMIT_LEDGER_ROWS) and what the plan shows.
 */
#ifndef HIKESHI_BOARD_LEDGER_IMPORT_H
#define HIKESHI_BOARD_LEDGER_IMPORT_H

#include "base/arena.h"
#include "board/log/log.h"
#include "board/office/mapping.h"

extern const struct log_kind ledger_import_kinds[];

struct import_change {
    uint32_t row;
    int64_t asset; /* 0: new */
    struct slice name;
    enum import_action { IMPORT_ADD, IMPORT_CHANGE, IMPORT_SAME } action;
    struct import_field {
        enum ledger_field field;
        struct slice before, after;
        bool board_edit; /* people changed it on the board, too: `before` is theirs */
    } * fields;
    size_t field_count;
};
struct import_problem {
    enum severity severity; /* MUST_SOLVE: the row must be left out or the file mended */
    const char *id;         /* problem_add_text (office/words.h) tells them */
    uint32_t row, column;
    uint32_t other_row; /* of a duplicate */
    struct slice value;
};

struct import_plan {
    uint32_t rows; /* read, without empty ones */
    uint32_t added, changed, same, missing, empty, left_out;
    struct import_change
        *changes; /* the first IMPORT_SHOWN of each action, adds and changes first */
    size_t change_count;
    struct import_problem *problems; /* the first IMPORT_SHOWN */
    size_t problem_count;
    uint32_t must_solve, to_know; /* all of them */
    int64_t ledger_version;       /* newest row_version of the ledger it was planned against */
};
#define IMPORT_SHOWN 500

struct import_options {
    const char *file; /* name to record */
    size_t sheet;
    const struct mapping *mapping;
    const uint32_t *leave_out; /* row numbers a person chose to leave out, ascending */
    size_t leave_out_count;
    /* told now and then: rows done of total (0: not known yet); a false return stops with ST_DENIED
     */
    bool (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
};

/* What would happen. Reads only. */
enum status ledger_import_plan(struct db *db, int64_t incident, struct book *book,
                               const struct import_options *o, struct arena *a,
                               struct import_plan *ret, struct err *e) MUST_USE;

/* Plans again and carries out, in a write transaction of its own. ST_CONFLICT when expect_version
 * is not -1 and the ledger is no longer at it; ST_INVALID while a problem must be solved. */
enum status ledger_import_run(struct db *db, const struct actor *actor, int64_t incident,
                              struct book *book, struct slice file_bytes,
                              const struct import_options *o, int64_t expect_version,
                              struct import_plan *ret, struct arena *a, struct err *e) MUST_USE;

/* The mapping of the newest import whose columns this file shares, over the guess in m (any
 * incident of this board). *ret_known: columns that were known. */
enum status ledger_import_remembered(struct db *db, struct mapping *m, size_t *ret_known,
                                     struct err *e) MUST_USE;

#endif
