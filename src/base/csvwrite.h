/* Writes CSV (RFC 4180) and TSV into a buffer, for people who open it in a spreadsheet.
 *
 * A field that a spreadsheet would take for a formula (first character = + - @, tab, CR, or their
 * full-width forms) gets a single quote before it when `neutralise` is set; plain numbers such as
 * -12.5 stay as they are. Errors stick to the buffer.
 */
#ifndef HIKESHI_BASE_CSVWRITE_H
#define HIKESHI_BASE_CSVWRITE_H

#include "base/buf.h"

struct csvw {
    struct buf *out;
    char sep; /* ',' or '\t' */
    bool neutralise;
    bool in_row;
};

void csv_field(struct csvw *w, struct slice field);
void csv_end_row(struct csvw *w); /* CRLF, as RFC 4180 section 2 says */

/* Whether a spreadsheet would evaluate this text. */
bool csv_is_formula(struct slice field);

#endif
