/* The ledger as a file that Excel opens rightly: .xlsx, or CSV in UTF-8 with BOM or CP932. All
 * fields, the columns kept from import, state, certainty, and one column per answer; read again it
 * updates the same rows. Formulas are neutralised. */
#ifndef HIKESHI_BOARD_LEDGER_EXPORT_H
#define HIKESHI_BOARD_LEDGER_EXPORT_H

#include "board/case/ledger.h"

enum export_format { EXPORT_XLSX, EXPORT_CSV, EXPORT_CSV_CP932 };

struct export_loss { /* CP932 only: characters it does not have, shown as ? */
    uint32_t cells;
    char first[64]; /* "C12 U+20BB7" */
};

/* Writes the filter's rows (order and all) to path, which the caller removes on failure. */
enum status ledger_export(struct db *db, const struct ledger_filter *f, enum export_format format,
                          enum lang lang, const char *path, struct export_loss *ret_loss,
                          struct err *e) MUST_USE;

#endif
