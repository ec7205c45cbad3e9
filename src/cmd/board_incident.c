/* hikeshi-board incident …: opening an incident, and which there are. */
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "board/case/incident.h"
#include "cmd/board_verbs.h"
#include "profile/profile.h"

#include <inttypes.h>

static enum status verb_open(struct db *db, const struct options *o, struct err *e)
{
    struct profile *p = NULL;
    int64_t id = 0;
    enum status s = profile_load(o->args[0], &p, e);
    if (s == OK)
        s = db_begin(db, e);
    if (s == OK) {
        const char *title = o->title ? o->title : p->title[lang_from_environment()];
        s = incident_open(db, &command_line, o->args[0], title, &id, e);
    }
    if (s == OK)
        s = db_commit(db, e);
    profile_free(p);
    if (s == OK)
        (void)printf("incident %" PRId64 " opened\n", id);
    return s;
}

/* number, open or closed, since when, profile, title: a tab between each. */
static enum status verb_list(struct db *db, const struct options *o, struct err *e)
{
    struct db_rows *rows = NULL;
    struct buf title;
    (void)o;
    buf_init(&title, MIB(1));
    enum status s = db_query(db, &rows, e,
                             "SELECT id, profile, title, opened_ms, closed_ms FROM incident "
                             "ORDER BY id",
                             "");
    while (s == OK && (s = db_next(rows, e)) == OK) {
        char opened[TIME_RFC3339_SIZE];
        time_format_local(db_int(rows, 3), opened, NULL);
        buf_clear(&title);
        (void)text_add_escaped(&title, slice_str(db_text(rows, 2)));
        (void)printf("%" PRId64 "\t%s\t%s\t%s\t%s\n", db_int(rows, 0),
                     db_is_null(rows, 4) ? "open" : "closed", opened, db_text(rows, 1),
                     buf_text(&title));
    }
    db_rows_done(rows);
    buf_done(&title);
    return s == ST_END ? OK : s;
}

static enum status the_only_open(struct db *db, int64_t *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    struct buf list;
    int64_t count = 0;
    int64_t id = 0;
    buf_init(&list, 200);
    enum status s =
        db_query(db, &rows, e, "SELECT id FROM incident WHERE closed_ms IS NULL ORDER BY id", "");
    while (s == OK && (s = db_next(rows, e)) == OK) {
        id = db_int(rows, 0);
        (void)buf_addf(&list, "%s%" PRId64, count ? ", " : "", id);
        count++;
    }
    db_rows_done(rows);
    s = s == ST_END ? OK : s;
    if (s == OK && count == 0)
        s = err_set(e, ST_INVALID,
                    "no incident is open; open one first: hikeshi-board incident open PROFILE");
    else if (s == OK && count > 1)
        s = err_set(e, ST_INVALID, "several incidents are open (%s); say which: --incident N",
                    buf_text(&list));
    buf_done(&list);
    if (s == OK)
        *ret = id;
    return s;
}

enum status incident_of_options(struct db *db, const struct options *o, int64_t *ret, struct err *e)
{
    int64_t id = 0;
    int64_t there = 0;
    if (!o->incident)
        return the_only_open(db, ret, e);
    if (slice_to_i64(slice_str(o->incident), &id) != OK || id <= 0)
        return err_set(e, ST_INVALID, "--incident %s: give the incident's number", o->incident);
    enum status s =
        db_get_int(db, &there, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i", id);
    if (s == OK && !there)
        s = err_set(e, ST_NOT_FOUND, "incident %" PRId64 " does not exist", id);
    if (s == OK)
        *ret = id;
    return s;
}

const struct verb incident_verbs[] = {
    {"incident", "open", 1, 1, "title", verb_open,
     "PROFILE [--title TITLE]\n"
     "      open an incident from a profile (log4shell, or a folder: ./my-profile)"},
    {"incident", "list", 0, 0, "", verb_list,
     "\n      the incidents: number, open or closed, since when, profile, title"},
    {0},
};
