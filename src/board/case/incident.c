/* Incidents. See incident.h. */
#include "board/case/incident.h"

#include "base/limits.h"

#include <inttypes.h>

static enum status append(struct db *db, const struct actor *actor, const char *kind, int64_t id,
                          json_t *body, struct err *e)
{
    char subject[40];
    if (!body) /* json_pack takes UTF-8 only */
        return err_set(e, ST_INVALID, "the text is not UTF-8");
    (void)snprintf(subject, sizeof subject, "incident:%" PRId64, id);
    enum status s = log_append(db, actor, id, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

/* {file: text} of the profile, which is whole: it is loaded before. */
static enum status profile_files(const char *name, struct arena *a, json_t *files, char **ret_id,
                                 struct err *e)
{
    struct profile *p = NULL;
    enum status s = profile_load(name, &p, e);
    if (s != OK)
        return s;
    *ret_id = arena_strdup(a, slice_str(p->id));
    profile_free(p);
    if (!*ret_id)
        return err_set(e, ST_NOMEM, "out of memory");
    for (const char *const *f = profile_survey_files; s == OK && *f; f++) {
        struct slice text;
        s = profile_read_file(name, *f, a, &text, e);
        if (s == OK && json_object_set_new(
                           files, *f, json_stringn(text.n ? (const char *)text.p : "", text.n)))
            s = err_set(e, ST_INVALID, "profile %s: %s is not UTF-8", name, *f);
    }
    return s;
}

enum status incident_open(struct db *db, const struct actor *actor, const char *profile,
                          const char *title, int64_t *ret_id, struct err *e)
{
    int64_t id = 0;
    char *profile_id = NULL;
    struct arena a;
    if (!*profile || !*title)
        return err_set(e, ST_INVALID, "an incident needs a profile and a title");
    json_t *files = json_object();
    if (!files)
        return err_set(e, ST_NOMEM, "out of memory");
    arena_init(&a, LIMIT_PROFILE_MEMORY);
    enum status s = profile_files(profile, &a, files, &profile_id, e);
    if (s == OK)
        s = log_next_id(db, "incident", 1, &id, e);
    if (s == OK)
        s = append(
            db, actor, "incident.opened", id,
            json_pack("{s:s, s:s, s:O}", "profile", profile_id, "title", title, "files", files), e);
    json_decref(files);
    arena_done(&a);
    if (s == OK)
        *ret_id = id;
    return s;
}

enum status incident_profile(struct db *db, int64_t incident, struct profile **ret, struct err *e)
{
    struct profile_text texts[16];
    size_t n = 0;
    char where[40];
    struct arena a;
    struct db_rows *rows = NULL;
    arena_init(&a, LIMIT_PROFILE_MEMORY);
    (void)snprintf(where, sizeof where, "of incident %" PRId64, incident);
    enum status s =
        db_query(db, &rows, e, "SELECT file, content FROM incident_profile WHERE incident_id = $1",
                 "i", incident);
    while (s == OK && (s = db_next(rows, e)) == OK && n < ARRAY_LEN(texts)) {
        texts[n].name = arena_strdup(&a, slice_str(db_text(rows, 0)));
        s = arena_copy(&a, slice_str(db_text(rows, 1)), &texts[n].content);
        if (s != OK || !texts[n].name)
            s = err_set(e, ST_NOMEM, "out of memory");
        n++;
    }
    db_rows_done(rows);
    s = s == ST_END ? OK : s;
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, "incident %" PRId64 " does not exist", incident);
    if (s == OK)
        s = profile_parse(where, texts, n, ret, e);
    arena_done(&a);
    return s;
}

enum status incident_close(struct db *db, const struct actor *actor, int64_t id, const char *reason,
                           struct err *e)
{
    int64_t open = 0;
    enum status s = db_get_int(
        db, &open, e,
        "SELECT CASE WHEN closed_ms IS NULL THEN 1 ELSE 0 END FROM incident WHERE id = $1", "i",
        id);
    if (s == ST_NOT_FOUND)
        return err_set(e, s, "incident %" PRId64 " does not exist", id);
    if (s == OK && !open)
        return err_set(e, ST_CONFLICT, "incident %" PRId64 " is closed already", id);
    if (s != OK)
        return s;
    return append(db, actor, "incident.closed", id, json_pack("{s:s}", "reason", reason), e);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *t = json_string_value(json_object_get(object, key));
    return t ? t : "";
}

static enum status apply_opened(struct db *db, const struct event *ev, struct err *e)
{
    enum status s = db_run(db, NULL, e,
                           "INSERT INTO incident(id, profile, title, opened_ms, closed_ms) "
                           "VALUES ($1, $2, $3, $4, NULL)",
                           "issi", ev->incident, text_of(ev->body, "profile"),
                           text_of(ev->body, "title"), ev->at_ms);
    const char *file;
    json_t *text;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(ev->body, "files"), file, text)
    {
        if (s == OK)
            s = db_run(db, NULL, e,
                       "INSERT INTO incident_profile(incident_id, file, content) "
                       "VALUES ($1, $2, $3)",
                       "iss", ev->incident, file, json_string_value(text));
    }
    return s == OK ? log_saw_id(db, "incident", ev->incident, e) : s;
}

static enum status apply_closed(struct db *db, const struct event *ev, struct err *e)
{
    return db_run(db, NULL, e, "UPDATE incident SET closed_ms = $2 WHERE id = $1", "ii",
                  ev->incident, ev->at_ms);
}

static enum status say_opened(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)buf_addf(out, T(lang, "Incident %s opened"), text_of(ev->body, "title"));
    return buf_status(out);
}

static enum status say_closed(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)buf_addf(out, T(lang, "Incident closed: %s"), text_of(ev->body, "reason"));
    return buf_status(out);
}

const struct log_kind incident_kinds[] = {
    {"incident.opened", ROLES_WORK, NULL, apply_opened, say_opened, TIMELINE_MAIN},
    {"incident.closed", ROLES_WORK, NULL, apply_closed, say_closed, TIMELINE_MAIN},
    {0},
};
