/* Saving what was typed over a row that others edit too. See asset_change.h. */
#include "board/web/pages/asset_change.h"

#include "board/case/asset.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/ledger.h"

#define TRIES 3 /* each loses to another person's save in the same moment */

enum status asset_of_incident(struct web_request *r, int64_t incident, int64_t asset, struct err *e)
{
    int64_t n = 0;
    enum status s =
        db_get_int(r->db, &n, e, "SELECT COUNT(*) FROM asset WHERE id = $1 AND incident_id = $2",
                   "ii", asset, incident);
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    return s == OK ? asset_visible(r->db, &r->actor, asset, e) : s;
}

/* Only what the person changed is written. */
static enum status save(struct web_request *r, int64_t incident, int64_t asset, int64_t row_version,
                        const struct asset_typed *typed, size_t count, struct err *e)
{
    struct asset_field fields[FIELD_COUNT];
    size_t n = 0;
    for (size_t i = 0; i < count && n < FIELD_COUNT; i++)
        if (!slice_eq(typed[i].value, typed[i].was))
            fields[n++] = (struct asset_field){typed[i].field, typed[i].value};
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = asset_of_incident(r, incident, asset, e);
    if (s == OK && n)
        s = asset_change(r->db, &r->actor, asset, row_version, fields, n, e);
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    return s;
}

static enum status changed_by(struct web_request *r, struct asset_race *race, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, "SELECT actor_name, at_ms FROM event WHERE id = $1",
                             "i", race->row_version);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        race->who = page_keep(r, db_text(rows, 0));
        race->at_ms = db_int(rows, 1);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* Looks at the row as it is now, and which of the typed values somebody else changed. */
static enum status compare(struct web_request *r, int64_t asset, struct asset_typed *typed,
                           size_t count, struct asset_race *race, struct err *e)
{
    struct ledger_item it;
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, asset, NULL, 0, r->arena, &it, e);
    if (s == OK) {
        race->row_version = it.row_version;
        s = changed_by(r, race, e);
    }
    db_rollback(r->db);
    for (size_t i = 0; s == OK && i < count; i++) {
        struct slice now = ledger_item_value(&it, typed[i].field);
        bool mine = !slice_eq(typed[i].value, typed[i].was);
        if (!mine) { /* not touched here: what others wrote stands */
            typed[i].value = typed[i].was = now;
            continue;
        }
        typed[i].lost = !slice_eq(now, typed[i].was) && !slice_eq(now, typed[i].value);
        typed[i].now = now;
        race->lost = race->lost || typed[i].lost;
    }
    return s;
}

enum status asset_change_typed(struct web_request *r, int64_t incident, int64_t asset,
                               int64_t row_version, struct asset_typed *typed, size_t count,
                               struct asset_race *ret_race, struct err *e)
{
    struct asset_race race = {.row_version = row_version};
    enum status s = save(r, incident, asset, row_version, typed, count, e);
    for (int i = 1; s == ST_CONFLICT && i < TRIES && !race.lost; i++) {
        s = compare(r, asset, typed, count, &race, e);
        if (s == OK && !race.lost)
            s = save(r, incident, asset, race.row_version, typed, count, e);
    }
    if (s != OK)
        return s;
    if (race.lost) { /* saving again is done knowingly, over what is there now */
        for (size_t i = 0; i < count; i++)
            if (typed[i].lost)
                typed[i].was = typed[i].now;
    }
    *ret_race = race;
    return OK;
}
