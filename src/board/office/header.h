/* The header of a ledger: where it stands, what its columns are called, what a name means. Part of
 * mapping.h's guess; no state, any thread, hostile input. */
#ifndef HIKESHI_BOARD_OFFICE_HEADER_H
#define HIKESHI_BOARD_OFFICE_HEADER_H

#include "board/office/mapping.h"

struct header {
    size_t first;   /* index of its first line in rows */
    uint32_t lines; /* 1 or 2: a line of groups above a line of names */
};

/* The row among the first ones whose cells have the most header words; with the line above or below
 * it when the two divide the columns' names between them. False when no row looks like a header. */
bool header_find(const struct sheet_row *rows, size_t count, struct header *ret_header);

/* Appends what column i is called, on one line: "管理者 氏名" for 氏名 below the group 管理者. */
enum status header_add_name(const struct sheet_row *rows, struct header h, size_t column,
                            struct buf *out) MUST_USE;

enum header_fit { FIT_NONE, FIT_WORD, FIT_WHOLE }; /* has a known word; is one */
/* What a column of this name holds. "No." and the like are FIT_WHOLE with FIELD_LEAVE_OUT: numbers
 * of rows, unless the contents tell otherwise. */
enum header_fit header_meaning(struct slice name, enum ledger_field *ret_field,
                               enum ledger_field *ret_second);

#endif
