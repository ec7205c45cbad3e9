/* Changing values of a row where several people edit at once: what somebody else changed first is
 * never overwritten without being seen.
 *
 * A form knows for each value what stood there when it was made. When the row has moved on since,
 * values that nobody else touched are saved all the same, because two people at two cells of a row
 * are no conflict. Only where the very value is another now, nothing is saved, and the caller shows
 * what it is, by whom and since when. */
#ifndef HIKESHI_BOARD_PAGES_ASSET_CHANGE_H
#define HIKESHI_BOARD_PAGES_ASSET_CHANGE_H

#include "board/case/ledger.h"
#include "board/office/mapping.h"
#include "board/web/web.h"

struct asset_typed {
    enum ledger_field field;
    struct slice value, was;
    bool lost;        /* somebody else changed this value: now it is `now` */
    struct slice now; /* with lost */
};

struct asset_race {
    bool lost; /* nothing was saved */
    struct slice who;
    int64_t at_ms, row_version; /* of the row as it is now */
};

/* For routes with ROUTE_OWN_TX: begins and commits by itself, and leaves no transaction open. OK
 * with ret_race->lost false: saved, or nothing was to change. The row must be of the incident
 * (else ST_NOT_FOUND). */
enum status asset_change_typed(struct web_request *r, int64_t incident, int64_t asset,
                               int64_t row_version, struct asset_typed *typed, size_t count,
                               struct asset_race *ret_race, struct err *e) MUST_USE;

/* Whether the reader may see this row, and it is one of the incident; else ST_NOT_FOUND. */
enum status asset_of_incident(struct web_request *r, int64_t incident, int64_t asset,
                              struct err *e) MUST_USE;

#endif
