/* A whole row of the ledger as a form: to add one, or to edit one that others edit too. */
#ifndef HIKESHI_BOARD_PAGES_ROW_FORM_H
#define HIKESHI_BOARD_PAGES_ROW_FORM_H

#include "board/web/html.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/words.h"

#define ROW_FIELDS 16

struct row_view {
    int64_t incident, asset; /* asset 0: a new row */
    const char *csrf;
    int64_t row_version;
    struct slice name; /* of the row as it is */
    struct asset_typed fields[ROW_FIELDS];
    struct slice *people;
    size_t people_count;
    struct slice refused; /* why it cannot be accepted */
    struct asset_race race;
};

/* The fields in the order of the form. */
extern const enum ledger_field row_fields[ROW_FIELDS];

const struct asset_typed *row_field(const struct row_view *v, enum ledger_field f);
struct slice row_id(enum ledger_field f); /* "f-owner", for id and for */
/* "was-owner": the name of the field that says what stood there. */
struct slice row_was(enum ledger_field f);

extern const struct web_route row_routes[];

#endif
