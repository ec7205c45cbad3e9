/* Writes a table as .xlsx (libxlsxwriter, constant memory: rows go to a temporary file) or as CSV.
 * Text never becomes a formula; control characters are left out. One writer belongs to one thread.
 */
#ifndef HIKESHI_BOARD_OFFICE_SHEET_WRITE_H
#define HIKESHI_BOARD_OFFICE_SHEET_WRITE_H

#include "base/buf.h"

struct xlsx_writer;

/* Makes the file at path with a bold, frozen, filterable header row. */
enum status xlsx_writer_new(const char *path, const char *sheet, const struct slice *headers,
                            size_t count, struct xlsx_writer **ret_w, struct err *err) MUST_USE;
/* Up to `count` texts, as many as headers. */
enum status xlsx_writer_row(struct xlsx_writer *w, const struct slice *texts, size_t count,
                            struct err *err) MUST_USE;
/* Finishes the file and frees w, also on failure. */
enum status xlsx_writer_close(struct xlsx_writer *w, struct err *err) MUST_USE;
/* Gives up; w may be NULL. What stands at path is then no workbook; the caller removes it. */
void xlsx_writer_abandon(struct xlsx_writer *w);

/* A character that CP932 does not have. */
struct csv_missing {
    uint32_t row, column; /* row 1 is the header, column 0 is A */
    uint32_t code_point;
};
typedef void (*csv_missing_fn)(void *ctx, const struct csv_missing *m);

struct csv_export {
    struct buf *out;
    bool cp932;             /* else UTF-8 with BOM */
    csv_missing_fn missing; /* may be NULL; in its place stands a ? */
    void *ctx;
    uint32_t row; /* zero at the start */
};
/* One row, formulas neutralised. Errors also stick to out. */
enum status csv_export_row(struct csv_export *e, const struct slice *texts, size_t count) MUST_USE;

#endif
