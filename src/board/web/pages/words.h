/* Words that several pages say of rows of the ledger, of evidence and of answers. Constant texts in
 * the reader's language, as the slices that templates take. State and certainty: case/state.h. */
#ifndef HIKESHI_BOARD_PAGES_WORDS_H
#define HIKESHI_BOARD_PAGES_WORDS_H

#include "base/messages.h"
#include "board/case/state.h"
#include "board/office/mapping.h"

/* A code from the database, as the value that it is; STATE_COUNT or CERTAINTY_NONE for others. */
enum asset_state words_state_of(struct slice code);
enum certainty words_certainty_of(struct slice code);
/* CATEGORY_UNKNOWN for any other code. */
enum ledger_category words_category_of(struct slice code);

struct slice words_state(enum asset_state s, enum lang lang);
struct slice words_certainty(enum certainty c, enum lang lang);
/* "External systems", and for narrow places "External". */
struct slice words_category(enum ledger_category c, enum lang lang);
struct slice words_category_short(enum ledger_category c, enum lang lang);
/* field_label (office/words.h). */
struct slice words_field(enum ledger_field f, enum lang lang);
/* "Reachable from the internet", …, by asset.exposed. */
struct slice words_exposed(int64_t exposed, enum lang lang);
/* Who says it: "Person", "Scan", "Vendor", by evidence.kind. */
struct slice words_evidence_kind(struct slice kind, enum lang lang);
/* Which rule an answer follows from, by answer.rule; empty for "decided", whose words name who. */
struct slice words_rule(struct slice rule, enum lang lang);

/* Takes the part before the next "!/" off a path into archives; false when nothing is left. */
bool words_next_part(struct slice *rest, struct slice *ret_part);

#endif
