/* Reads Office Open XML workbooks (ECMA-376 part 1, chapter 18) with libzip and expat. Used through
 * sheet.h. DOCTYPE stops the reading, inflated bytes are counted, phonetic runs (furigana) are left
 * out, values of formulas are those the file has cached. */
#ifndef HIKESHI_BOARD_OFFICE_XLSX_H
#define HIKESHI_BOARD_OFFICE_XLSX_H

#include "board/office/sheet.h"

struct xlsx;

enum status xlsx_open(struct slice file, struct xlsx **ret_x, struct err *err) MUST_USE;
void xlsx_free(struct xlsx *x);
size_t xlsx_sheet_count(const struct xlsx *x);
const struct sheet_info *xlsx_sheet(const struct xlsx *x, size_t i);
enum status xlsx_read(struct xlsx *x, size_t sheet, sheet_row_fn fn, void *ctx,
                      struct err *err) MUST_USE;

/* Whether a number format code shows a date or a time. */
bool xlsx_format_is_date(const char *code);

#endif
