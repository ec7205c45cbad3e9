/* CSV and TSV as RFC 4180 says and as Excel really writes them, over UTF-8 text. Separator by a
 * "sep=" line or by what divides the first lines; LF, CRLF or CR; quoted fields with newlines.
 * A quote that is never closed is ST_MALFORMED and names the row where it opened; NUL bytes are
 * ST_MALFORMED; fields over LIMIT_CELL_BYTES and columns over LIMIT_SHEET_COLUMNS are ST_LIMIT. */
#ifndef HIKESHI_BOARD_OFFICE_CSV_H
#define HIKESHI_BOARD_OFFICE_CSV_H

#include "board/office/sheet.h"

/* separator 0 detects. */
enum status csv_read(struct slice text, char separator, const char *sheet, sheet_row_fn fn,
                     void *ctx, struct err *err) MUST_USE;

#endif
