/* The timeline's kinds of event, and the entries that the work writes by itself. See timeline.h. */
#include "board/case/timeline.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/body.h"

#include <inttypes.h>

/* --- entries of the work */

enum status timeline_saw(struct db *db, const struct log_kind *kind, const struct event *ev,
                         struct err *e)
{
    if (kind->timeline == TIMELINE_NONE)
        return OK;
    return db_run(db, NULL, e,
                  "INSERT INTO timeline(id, incident_id, at_ms, by_hand, main, outside, hidden, "
                  "affected, asset_id, text, edited_by, edited_ms, row_version) "
                  "VALUES ($1, $2, $3, 0, $4, 0, 0, 0, 0, '', '', 0, $1) "
                  "ON CONFLICT (id) DO NOTHING", /* its apply may have made it */
                  "iiii", ev->id, ev->incident, ev->at_ms,
                  (int64_t)(kind->timeline == TIMELINE_MAIN));
}

enum status timeline_affected(struct db *db, const struct event *ev, int64_t rows, int64_t first,
                              struct err *e)
{
    return db_run(db, NULL, e,
                  "INSERT INTO timeline(id, incident_id, at_ms, by_hand, main, outside, hidden, "
                  "affected, asset_id, text, edited_by, edited_ms, row_version) "
                  "VALUES ($1, $2, $3, 0, 1, 0, 0, $4, $5, '', '', 0, $1) "
                  "ON CONFLICT (id) DO UPDATE SET main = 1, "
                  "affected = timeline.affected + excluded.affected",
                  "iiiii", ev->id, ev->incident, ev->at_ms, rows, first);
}

/* --- commands */

static enum status append(struct db *db, const struct actor *actor, int64_t incident,
                          const char *kind, int64_t id, json_t *body, int64_t *ret_id,
                          struct err *e)
{
    char subject[40];
    if (!body) /* json_pack takes UTF-8 only */
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    (void)snprintf(subject, sizeof subject, id ? "timeline:%" PRId64 : "incident:%" PRId64,
                   id ? id : incident);
    enum status s = log_append(db, actor, incident, kind, subject, body, ret_id, e);
    json_decref(body);
    return s;
}

enum status timeline_add(struct db *db, const struct actor *actor, int64_t incident, int64_t at_ms,
                         struct slice text, bool main, bool outside, int64_t *ret_id, struct err *e)
{
    return append(db, actor, incident, "timeline.added", 0,
                  json_pack("{s:I, s:s%, s:b, s:b}", "at_ms", (json_int_t)at_ms, "text",
                            text.n ? (const char *)text.p : "", text.n, "main", (int)main,
                            "outside", (int)outside),
                  ret_id, e);
}

enum status timeline_change(struct db *db, const struct actor *actor, int64_t id,
                            int64_t row_version, const struct timeline_edit *edit, struct err *e)
{
    struct db_rows *rows = NULL;
    json_t *body = NULL;
    int64_t incident = 0;
    enum status s = db_query(
        db, &rows, e,
        "SELECT incident_id, at_ms, text, main, outside, hidden FROM timeline WHERE id = $1", "i",
        id);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        incident = db_int(rows, 0);
        body = json_pack(
            "{s:I, s:{s:I, s:s, s:b, s:b, s:b}, s:{s:I, s:s%, s:b, s:b, s:b}}", "base",
            (json_int_t)row_version, "before", "at_ms", (json_int_t)db_int(rows, 1), "text",
            db_text(rows, 2), "main", (int)db_int(rows, 3), "outside", (int)db_int(rows, 4),
            "hidden", (int)db_int(rows, 5), "after", "at_ms", (json_int_t)edit->at_ms, "text",
            edit->text.n ? (const char *)edit->text.p : "", edit->text.n, "main", (int)edit->main,
            "outside", (int)edit->outside, "hidden", (int)edit->hidden);
    } else if (s == ST_END) {
        s = err_set(e, ST_NOT_FOUND, N_("this entry of the timeline does not exist"));
    }
    db_rows_done(rows);
    return s == OK ? append(db, actor, incident, "timeline.changed", id, body, NULL, e) : s;
}

/* --- kinds */

static enum status check_entry(const json_t *entry, bool text_needed, struct err *e)
{
    struct slice text = slice_str(body_text(entry, "text"));
    int64_t at = body_int(entry, "at_ms");
    if (text_needed && slice_trim(text).n == 0)
        return err_set(e, ST_INVALID, N_("an entry of the timeline needs a text"));
    if (text.n > LIMIT_TIMELINE_TEXT_BYTES)
        return err_set(e, ST_LIMIT, N_("the text is longer than %zu bytes"),
                       (size_t)LIMIT_TIMELINE_TEXT_BYTES);
    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] < 0x20 && text.p[i] != '\n' && text.p[i] != '\r' && text.p[i] != '\t') ||
            text.p[i] == 0x7f)
            return err_set(e, ST_INVALID, N_("the text holds a control character"));
    }
    if (at < TIMELINE_FIRST_MS || at > TIMELINE_LAST_MS)
        return err_set(e, ST_INVALID, N_("the time lies outside the years 2000 to 2099"));
    return OK;
}

static enum status check_added(struct db *db, const struct event *ev, struct err *e)
{
    int64_t there = 0;
    enum status s = check_entry(ev->body, true, e);
    if (s == OK)
        s = db_get_int(db, &there, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i",
                       ev->incident);
    if (s == OK && !there)
        s = err_set(e, ST_NOT_FOUND, N_("this incident does not exist"));
    return s;
}

static enum status check_changed(struct db *db, const struct event *ev, struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t id = 0;
    enum status s = body_subject_id(ev, "timeline:", &id, e);
    if (s == OK)
        s = check_entry(json_object_get(ev->body, "after"), false, e);
    if (s == OK)
        s = db_query(db, &rows, e,
                     "SELECT row_version, edited_by FROM timeline "
                     "WHERE id = $1 AND incident_id = $2",
                     "ii", id, ev->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this entry of the timeline does not exist"));
    if (s == OK && db_int(rows, 0) != body_int(ev->body, "base"))
        s = err_set(e, ST_CONFLICT,
                    N_("%s changed this entry meanwhile; look at it and decide anew"),
                    db_text(rows, 1));
    db_rows_done(rows);
    return s;
}

static enum status apply_added(struct db *db, const struct event *ev, struct err *e)
{
    return db_run(db, NULL, e,
                  "INSERT INTO timeline(id, incident_id, at_ms, by_hand, main, outside, hidden, "
                  "affected, asset_id, text, edited_by, edited_ms, row_version) "
                  "VALUES ($1, $2, $3, 1, $4, $5, 0, 0, 0, '', '', 0, $1)",
                  "iiiii", ev->id, ev->incident, body_int(ev->body, "at_ms"),
                  (int64_t)body_true(ev->body, "main"), (int64_t)body_true(ev->body, "outside"));
}

static enum status apply_changed(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *after = json_object_get(ev->body, "after");
    int64_t id = 0;
    enum status s = body_subject_id(ev, "timeline:", &id, e);
    if (s != OK)
        return s;
    return db_run(db, NULL, e,
                  "UPDATE timeline SET at_ms = $2, text = $3, main = $4, outside = $5, "
                  "hidden = $6, edited_by = $7, edited_ms = $8, row_version = $9 WHERE id = $1",
                  "iisiiisii", id, body_int(after, "at_ms"), body_text(after, "text"),
                  (int64_t)body_true(after, "main"), (int64_t)body_true(after, "outside"),
                  (int64_t)body_true(after, "hidden"), ev->actor.name, ev->at_ms, ev->id);
}

static enum status say_added(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)lang; /* a person's own words */
    return buf_add_str(out, body_text(ev->body, "text"));
}

static enum status say_changed(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)buf_addf(out, T(lang, "Entry of the timeline changed by %s"), ev->actor.name);
    return buf_status(out);
}

const struct log_kind timeline_kinds[] = {
    {"timeline.added", ROLES_WORK, check_added, apply_added, say_added, TIMELINE_MINOR},
    {"timeline.changed", ROLES_WORK, check_changed, apply_changed, say_changed, TIMELINE_NONE},
    {0},
};
