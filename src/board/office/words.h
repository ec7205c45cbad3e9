/* The words for what reading a ledger found, in the reader's language: fields, categories, why a
 * column goes where it goes, problems of rows with their place and the way out. Refusals of a whole
 * file are errors and are told by messages_add_err. */
#ifndef HIKESHI_BOARD_OFFICE_WORDS_H
#define HIKESHI_BOARD_OFFICE_WORDS_H

#include "base/messages.h"
#include "board/office/summary.h"

/* "Name", "名称"; never NULL. */
const char *field_label(enum lang lang, enum ledger_field f);
/* "External systems", "社外向けシステム"; CATEGORY_UNKNOWN is "Not known". */
const char *category_label(enum lang lang, enum ledger_category c);

/* One phrase, without a full stop: "the header, and all 179 filled and distinct". s is the summary
 * of the sheet, or NULL when it is not known yet; then it is told without numbers. */
enum status mapping_add_reason(struct buf *out, enum lang lang, const struct mapping *m,
                               size_t column, const struct sheet_summary *s);

struct problem_at {
    const char *sheet;    /* book_place(): NULL for a CSV */
    uint32_t row, column; /* column 0 is A */
    uint32_t other_row;   /* of a duplicate, else 0 */
    struct slice value;   /* what stands in the cell */
};
/* "シート一覧 91 行 B 列: 名称が空です。行を外すか、直して送り直してください". Ids: name_missing,
 * error_cell, formula_unknown, category_unknown, date_unreadable, mail_unreadable, exposed_unknown,
 * heading, header_again, too_long, hosts_too_many, duplicate_row, duplicate_number; of another one
 * the id itself is told. The value is escaped as text_add_escaped does. */
enum status problem_add_text(struct buf *out, enum lang lang, const char *id,
                             const struct problem_at *at);

#endif
