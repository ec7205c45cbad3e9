/* The values of one row of the ledger: how they are checked and kept, what the search looks into,
 * and their JSON. Pure functions; texts that come in are hostile UTF-8, texts that go out live in
 * the caller's arena.
 *
 * Kept are: texts as norm_text leaves them, on one line but for hosts, users, partners and notes;
 * category as its code; exposed as "yes", "no" or ""; the mail address in lower case; hosts one a
 * line; renewed_on as 2021-11-30 or 2021-11; free as JSON [[header, value], …].
 */
#ifndef HIKESHI_BOARD_ASSET_VALUES_H
#define HIKESHI_BOARD_ASSET_VALUES_H

#include "base/arena.h"
#include "base/messages.h"
#include "board/db/db.h"
#include "board/office/mapping.h"

#include <jansson.h>

struct asset_values {
    struct slice v[FIELD_COUNT]; /* by enum ledger_field; FIELD_LEAVE_OUT is not used */
};

/* The columns of asset and import_row that hold values, in the order of asset_columns. */
#define ASSET_VALUE_COLUMNS                                                             \
    "number, name, category, owner, owner_mail, department, vendor, product, version, " \
    "exposed, hosts, users, shared_with, criticality, notes, renewed_on, free"
#define ASSET_COLUMN_COUNT 17
extern const enum ledger_field asset_columns[ASSET_COLUMN_COUNT];

/* Checks a value and brings it to the form in which it is kept. ST_LIMIT: too long, or too many
 * hosts; ST_INVALID: not what the field holds. An empty value is fine for every field. */
enum status asset_value(enum ledger_field f, struct slice raw, struct arena *a, struct slice *ret,
                        struct err *e) MUST_USE;

/* Reads ASSET_VALUE_COLUMNS of the current row, from column `first` on. */
enum status asset_values_of_row(const struct db_rows *rows, int first, struct arena *a,
                                struct asset_values *ret, struct err *e) MUST_USE;

/* 0 unknown, 1 yes, 2 no: the column exposed. */
int64_t asset_exposed_code(struct slice value);

/* Appends name and product as one key (ledger_row_key). */
enum status asset_values_key(const struct asset_values *v, struct buf *out) MUST_USE;

/* --- search
 * Folding, the same for the text and for what is looked for: norm_text's widths, then lower case
 * (Latin, Greek, Cyrillic), katakana as hiragana, voiced marks composed, newlines as spaces. No
 * character is left out, so a fold of a part is a part of the fold. */
enum status search_fold(struct slice s, struct buf *out);

/* Appends what the search box looks into: of each field with a value a mark, the fold, and an end.
 * Marks are control characters, which no fold contains, so that nothing matches across fields, and
 * that one whole field can be looked for. */
enum status asset_values_search(const struct asset_values *v, struct buf *out) MUST_USE;
#define SEARCH_MARK(field) ((char)(0x0e + (int)(field))) /* FIELD_FREE 0x0f … FIELD_RENEWED_ON */
#define SEARCH_END '\x0e'

/* --- hosts */
#define ASSET_HOST_SIZE 256
/* Takes the next host off a value of hosts: lower case, without brackets, port and last dot;
 * ret_short is its name up to the first dot, "" for an address. False when none is left. */
bool asset_next_host(struct slice *rest, char ret_host[ASSET_HOST_SIZE],
                     char ret_short[ASSET_HOST_SIZE]);

/* --- JSON {field code: value}; the columns kept from import are an array there */
/* Those fields whose bits (1u << field) are set. NULL: no memory. */
json_t *asset_values_to_json(const struct asset_values *v, uint32_t fields);
/* Puts what stands in the object over *v; fields that do not stand there stay. */
enum status asset_values_from_json(const json_t *object, struct arena *a, struct asset_values *v,
                                   struct err *e) MUST_USE;

#endif
