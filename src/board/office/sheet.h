/* A spreadsheet as rows of cells, whatever file it came from (.xlsx, .csv, .tsv).
 *
 * book_open looks at the content, not at the name. The file's bytes belong to the caller and must
 * stay until book_free. Rows are streamed: a row and its cells live until the callback returns.
 * One book belongs to one thread. All input is hostile; what meets a limit (base/limits.h,
 * "office") is ST_LIMIT with the place in the message, and nothing that was not read is passed over
 * in silence.
 */
#ifndef HIKESHI_BOARD_OFFICE_SHEET_H
#define HIKESHI_BOARD_OFFICE_SHEET_H

#include "base/buf.h"

enum cell_kind { CELL_EMPTY, CELL_TEXT, CELL_NUMBER, CELL_DATE, CELL_BOOL, CELL_ERROR };

struct cell {
    struct slice text; /* UTF-8; dates are "2021-11-30" or "2021-11-30 12:34:56", errors "#REF!",
                          or "=B2&C2" for a formula whose result the file does not hold */
    enum cell_kind kind;
    uint32_t column; /* 0 is A; cells[i].column == i */
    bool merged;     /* the text is that of the merged block's top-left cell */
};

struct sheet_row {
    const char *sheet;
    uint32_t number; /* from 1, as the spreadsheet shows it; in a CSV the record's number */
    bool hidden;
    const struct cell *cells;
    size_t count;  /* up to the last cell that is there */
    bool date1904; /* the workbook counts days from 1904 */
};

/* Returns OK to go on, ST_END to stop reading without fault, anything else to fail with it. */
typedef enum status (*sheet_row_fn)(void *ctx, const struct sheet_row *row, struct err *err);

struct sheet_info {
    const char *name;
    bool hidden;
    uint32_t rows, columns; /* as the file states them; 0 when it does not (CSV) */
};

struct book_options {
    const char *charset; /* "UTF-8", "UTF-16LE", "UTF-16BE", "CP932", "EUC-JP"; NULL detects */
    char separator;      /* ',', ';' or '\t'; 0 detects */
};

struct book;

/* options may be NULL. Kinds that are not readable (.xls, .ods, .xlsb, password protected) are
 * ST_UNSUPPORTED with what to do. */
enum status book_open(struct slice file, const struct book_options *options, struct book **ret_book,
                      struct err *err) MUST_USE;
void book_free(struct book *b);

size_t book_sheet_count(const struct book *b);
/* i < book_sheet_count(b). Valid until book_free. */
const struct sheet_info *book_sheet(const struct book *b, size_t i);
/* The sheet's name for telling a place in the file (words.h); NULL for a CSV, whose rows are place
 * enough. */
const char *book_place(const struct book *b, size_t sheet);
/* The visible sheet that states the most cells: the one that is probably the ledger. */
size_t book_best_sheet(const struct book *b);
/* "xlsx", or the charset of a CSV as it was detected. */
const char *book_format(const struct book *b);

/* Calls fn for every row of the sheet from top to bottom; may be called again. Rows that are wholly
 * absent from the file are skipped, their numbers stay free. */
enum status book_read(struct book *b, size_t sheet, sheet_row_fn fn, void *ctx,
                      struct err *err) MUST_USE;

/* "A" … "XFD" for column 0 … 16383. */
#define COLUMN_LETTERS_SIZE 8
void column_letters(uint32_t column, char out[COLUMN_LETTERS_SIZE]);

#endif
