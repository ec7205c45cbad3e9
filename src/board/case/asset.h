/* Rows of the ledger (台帳): one system, service, SaaS or client program each.
 *
 * Commands append inside the caller's write transaction, as log.h says. Texts are hostile UTF-8 and
 * are checked and normalised here (case/asset_values.h); a refusal is ST_INVALID, or ST_LIMIT for
 * what is too long. Kinds of event: asset.added, asset.changed, asset.retired, asset.restored,
 * asset.asked, asset.assigned. Subject "asset:ID"; those about many rows have the subject
 * "incident:ID" and the ids in their body.
 */
#ifndef HIKESHI_BOARD_ASSET_H
#define HIKESHI_BOARD_ASSET_H

#include "base/limits.h"
#include "board/log/log.h"
#include "board/office/mapping.h"

#define ASSET_MEMORY MIB(2) /* the arena for the values of a row, before and after */

extern const struct log_kind asset_kinds[];

#define ASSET_TEXT_MAX 4000        /* bytes of one field; notes in real ledgers have some hundred */
#define ASSET_FREE_MAX 65536       /* bytes of the columns kept from imports, as JSON */
#define ASSET_FREE_VALUE_MAX 32767 /* of one of them: what a cell of Excel holds */
#define ASSET_HOSTS_MAX 200        /* hosts of one row */

/* The ledger's fields under the names that events, JSON and columns share: field_code() of
 * office/mapping.h ("name", "owner_mail", "hosts", …; "asset_number" is the column number). */
struct asset_field {
    enum ledger_field field;
    struct slice value;
};

/* Makes a row; FIELD_NAME is needed. */
enum status asset_add(struct db *db, const struct actor *actor, int64_t incident,
                      const struct asset_field *fields, size_t count, int64_t *ret_id,
                      struct err *e) MUST_USE;

/* Changes fields of a row that is still at `row_version`; else ST_CONFLICT, and the caller shows
 * what it is now (the message says who changed it). Fields that stay the same are left out of the
 * event; when nothing changes no event is written and it is OK. */
enum status asset_change(struct db *db, const struct actor *actor, int64_t asset,
                         int64_t row_version, const struct asset_field *fields, size_t count,
                         struct err *e) MUST_USE;

/* No longer in use: kept with everything that was answered, out of every count of open work. */
enum status asset_retire(struct db *db, const struct actor *actor, int64_t asset,
                         struct slice reason, struct err *e) MUST_USE;
enum status asset_restore(struct db *db, const struct actor *actor, int64_t asset,
                          struct err *e) MUST_USE;

/* The owners of these rows (all of one incident) were asked, for an answer by due_ms (0: no date).
 */
enum status asset_ask(struct db *db, const struct actor *actor, int64_t incident,
                      const int64_t *assets, size_t count, int64_t due_ms, struct err *e) MUST_USE;

/* Gives the rows to an account beside their owner_mail; 0 takes the accounts away. */
enum status asset_assign(struct db *db, const struct actor *actor, int64_t incident,
                         const int64_t *assets, size_t count, int64_t account,
                         struct err *e) MUST_USE;

/* Whether the actor may see and answer this row: everybody but an owner may see all; an owner what
 * is theirs (login is the row's owner_mail, or asset_owner says so). ST_NOT_FOUND for what does not
 * exist and for what is not theirs alike. */
enum status asset_visible(struct db *db, const struct actor *actor, int64_t asset,
                          struct err *e) MUST_USE;

/* Appends the address under which an owner's rows are theirs: the login, in lower case. */
enum status asset_owner_mail(struct db *db, const struct actor *actor, struct buf *out,
                             struct err *e) MUST_USE;

/* The events that are the row's history, also those about many rows, newest first, before an id
 * (INT64_MAX: from the newest), as log_read. */
enum status asset_read_history(struct db *db, int64_t asset, int64_t before_id, int64_t limit,
                               enum status (*each)(void *arg, const struct event *ev), void *arg,
                               struct err *e) MUST_USE;

/* Notes that the event belongs to the row's history, and when the row last changed. For apply. */
enum status asset_touched(struct db *db, const struct event *ev, int64_t asset,
                          struct err *e) MUST_USE;

#endif
