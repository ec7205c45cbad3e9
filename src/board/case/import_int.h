/* What the parts of the import share: import_file.c reads rows, import_match.c finds each its row
 * of the ledger, import_merge.c compares them, import_write.c writes, import_kinds.c applies.
 * Private; see ledger_import.h. */
#ifndef HIKESHI_BOARD_IMPORT_INT_H
#define HIKESHI_BOARD_IMPORT_INT_H

#include "board/case/asset_values.h"
#include "board/case/ledger_import.h"

#include <sodium.h>

#define IMPORT_CHUNK 32       /* rows compared at once; as many placeholders of an IN list */
#define IMPORT_WORK MIB(64)   /* the arena of a chunk: both sides of each row, and its cells */
#define IMPORT_NEW UINT32_MAX /* a row that the ledger does not have */
#define IMPORT_PROGRESS 500   /* rows between two reports of progress */

/* A row of the file. Hashes are keyed (SipHash), so that a file cannot make them meet. */
struct import_record {
    uint64_t number, key; /* 0: has none */
    uint32_t row;
    uint32_t known;         /* index into known, or IMPORT_NEW */
    uint16_t number_column; /* where a problem with it is shown */
    uint16_t name_column;
    bool duplicate; /* cannot be taken beside another row */
};

/* A row of the ledger. */
struct import_known {
    int64_t id;
    uint64_t number, key;
    bool claimed, retired;
};

struct import_writer;

struct import {
    struct db *db;
    int64_t incident;
    struct book *book;
    const struct import_options *o;
    struct arena *a; /* the caller's: what the plan shows */
    unsigned char secret[crypto_shorthash_KEYBYTES];
    struct import_plan plan;
    struct buf records;                 /* struct import_record, in the order of rows */
    struct buf known;                   /* struct import_known, in the order of ids */
    struct import_problem *problems[2]; /* by severity, IMPORT_SHOWN each, or NULL */
    struct import_change *changes[3];   /* by action, likewise */
    size_t change_count[3];
    size_t record_at;             /* of the second reading */
    struct import_writer *writer; /* NULL: only planned */
};

static inline struct import_record *import_records(const struct import *im, size_t *ret_count)
{
    *ret_count = im->records.n / sizeof(struct import_record);
    return (struct import_record *)(void *)im->records.p;
}

static inline struct import_known *import_known_rows(const struct import *im, size_t *ret_count)
{
    *ret_count = im->known.n / sizeof(struct import_known);
    return (struct import_known *)(void *)im->known.p;
}

/* A text's hash under the import's secret; 0 only for the empty text. */
uint64_t import_hash(const struct import *im, struct slice s);

/* --- import_file.c */
struct import_line {
    struct ledger_row row;
    struct asset_values v; /* of the fields that the file has; the others are empty */
    bool skip;             /* blank, left out, or with a problem that must be solved */
};
/* Reads a row. Problems are noted when `note` is set: once, not again at the second reading. */
enum status import_read_line(struct import *im, const struct sheet_row *row, bool note,
                             struct arena *a, struct import_line *ret, struct err *e) MUST_USE;
/* The first reading: records, problems, duplicates inside the file. */
enum status import_read_file(struct import *im, struct err *e) MUST_USE;
enum status import_note(struct import *im, const struct import_problem *p, struct err *e) MUST_USE;
/* Gives ST_DENIED when the caller's progress function wants to stop. */
enum status import_tell(const struct import *im, int64_t done, int64_t total,
                        struct err *e) MUST_USE;

/* --- import_match.c: reads the ledger, gives every record its row, counts what is missing */
enum status import_match(struct import *im, struct err *e) MUST_USE;
enum status import_duplicates(struct import *im, struct err *e) MUST_USE;

/* --- import_merge.c */
struct import_existing {
    int64_t id;
    struct asset_values now;  /* as the board has it */
    struct asset_values last; /* as the file had it when it was last imported; empty: never */
};
struct import_merged {
    enum import_action action;
    struct asset_values values; /* what the row becomes */
    uint32_t taken;             /* fields that change, 1u << field */
    uint32_t board_edit;        /* of those, which people changed on the board, too */
    struct asset_values source; /* as the file has it, */
    uint32_t source_fields;     /* where the board's value stays over it */
};
/* Three ways: the file now, the board now, the file before. Pure; texts are borrowed. */
enum status import_merge(const struct asset_values *file, const struct import_existing *row,
                         struct arena *a, struct import_merged *ret, struct err *e) MUST_USE;
/* The second reading: compares, shows, and writes when there is a writer. */
enum status import_compare(struct import *im, struct err *e) MUST_USE;

/* --- import_write.c */
enum status import_writer_new(struct import *im, int64_t id, int64_t first_asset,
                              struct import_writer **ret, struct err *e) MUST_USE;
void import_writer_free(struct import_writer *w); /* NULL is fine */
/* before: what the row was, NULL for a new one. *ret_asset: its id. */
enum status import_write(struct import_writer *w, uint32_t row,
                         const struct import_existing *before, const struct import_merged *m,
                         struct arena *a, struct err *e) MUST_USE;
enum status import_write_end(struct import_writer *w, char ret_digest[65], struct err *e) MUST_USE;

/* The digest over an import's rows, as its event has it: made while they are written, and made
 * again when the event is applied. */
struct import_digest {
    crypto_hash_sha256_state state;
};
void import_digest_begin(struct import_digest *d);
/* The columns of IMPORT_ROW_COLUMNS behind import_id, in order; numbers as decimal text. */
void import_digest_column(struct import_digest *d, struct slice s);
void import_digest_end(struct import_digest *d, char ret[65]);
#define IMPORT_ROW_COLUMNS \
    "row, asset_id, action, " ASSET_VALUE_COLUMNS ", match_key, search, was, source"
#define IMPORT_ROW_COLUMN_COUNT (3 + ASSET_COLUMN_COUNT + 4)

#endif
