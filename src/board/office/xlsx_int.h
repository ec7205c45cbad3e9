/* What the parts of the xlsx reader share: xlsx.c opens the book, xlsx_sheet.c reads rows. */
#ifndef HIKESHI_BOARD_OFFICE_XLSX_INT_H
#define HIKESHI_BOARD_OFFICE_XLSX_INT_H

#include "base/arena.h"
#include "board/office/xlsx.h"
#include "board/office/xlsx_part.h"

struct xlsx_sheet {
    struct sheet_info info;
    char *rel, *part;
};

struct xlsx {
    zip_t *zip;
    struct arena names;
    struct xlsx_sheet *sheets;
    size_t sheet_count;
    bool date1904;
    struct buf strings;     /* the shared strings, one after the other */
    struct buf string_ends; /* uint32_t each */
    struct buf styles;      /* one byte per cell format, see below */
    char *strings_part, *styles_part;
    uint64_t inflated;
};

/* What a cell format does to a number, as far as it changes the value that people see. */
#define STYLE_PLAIN 0u
#define STYLE_DATE 1u
#define STYLE_FIXED 0x80u /* | digits before the point << 3 | digits behind it: "0000", "0.00" */

/* Decodes _xHHHH_ (ECMA-376 part 1, 22.4.2.4) and leaves out control bytes, in place from `start`.
 */
void xlsx_unescape(struct buf *b, size_t start);
/* "BC12" to column 54 and row 12; *ret_used is how many bytes. False if it is none. */
bool xlsx_parse_ref(const char *s, uint32_t *ret_column, uint32_t *ret_row, size_t *ret_used);

#endif
