/* The timeline: read, added to, edited with the original kept. */
#include "board/case/timeline.h"

#include "base/limits.h"
#include "board/web/api/api.h"

#include <inttypes.h>

#define ROLES_SEEING (ROLES_READ & ~(unsigned)ROLE_OWNER)

#define ROW(member, label, kind, ...) \
    API_ROW(struct timeline_entry, member, label, kind, __VA_ARGS__)
static const struct api_field entry_fields[] = {
    ROW(id, "id", API_ID, .says = "that of the event that made it"),
    ROW(at_ms, "at", API_TIME, .says = "when it happened; a person may move it"),
    ROW(text, "text", API_TEXT,
        .says = "a person's text, or the event's sentence in your language"),
    ROW(original, "original", API_TEXT, .flags = API_NULL,
        .says = "the sentence or first text, where `text` is another"),
    ROW(author, "author", API_TEXT),
    ROW(by_hand, "by_hand", API_BOOL, .says = "a person wrote it; else the work did"),
    ROW(main, "main", API_BOOL, .says = "a main event, printed"),
    ROW(outside, "outside", API_BOOL, .says = "may be shown outside the company"),
    ROW(hidden, "hidden", API_BOOL),
    ROW(edited_by, "edited_by", API_TEXT, .flags = API_NULL),
    ROW(edited_ms, "edited", API_TIME),
    ROW(row_version, "row_version", API_INT),
    {0},
};
#undef ROW
static const struct api_schema entry_schema = {"TimelineEntry", sizeof(struct timeline_entry),
                                               entry_fields, NULL};
static const struct api_field list_fields[] = {
    API_PAGE_FIELDS(entry_schema),
    API_ROW(struct api_page, total, "total", API_INT, .says = "from this page on"),
    {0},
};
static const struct api_schema list_schema = {"TimelineList", sizeof(struct api_page), list_fields,
                                              NULL};

struct query {
    struct api_paging paging;
    bool main, outside, hidden, oldest_first;
    int64_t from_ms, before_ms;
    struct slice search;
};
static const struct api_field query_fields[] = {
    API_ROW(struct query, search, "search", API_TEXT, .max = 400),
    API_ROW(struct query, main, "main", API_BOOL, .says = "main events only"),
    API_ROW(struct query, outside, "outside", API_BOOL,
            .says = "only what may be shown outside the company"),
    API_ROW(struct query, hidden, "hidden", API_BOOL, .says = "hidden entries as well"),
    API_ROW(struct query, oldest_first, "oldest_first", API_BOOL),
    API_ROW(struct query, from_ms, "from", API_TIME),
    API_ROW(struct query, before_ms, "before", API_TIME),
    API_PAGING_FIELDS(struct query, paging),
    {0},
};
static const struct api_schema query_schema = {"TimelineQuery", sizeof(struct query), query_fields,
                                               NULL};

static enum status list_timeline(struct web_request *r, struct web_response *res, struct err *e)
{
    struct query q = {0};
    struct api_page page = {0};
    struct timeline_entry *list = NULL;
    struct api_mark marks[2] = {{0}, {0}};
    enum status s = api_query(r, res, &q, NULL, e);
    const char *kind = q.oldest_first ? "timeline oldest" : "timeline";
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = api_cursor_take(r, res, q.paging.cursor, kind, marks, 2, e);
    if (s != OK)
        return s;
    struct timeline_filter f = {.incident = r->id[0],
                                .main_only = q.main,
                                .outside_only = q.outside,
                                .hidden_too = q.hidden,
                                .oldest_first = q.oldest_first,
                                .from_ms = q.from_ms,
                                .before_ms = q.before_ms,
                                .search = q.search};
    if (q.paging.cursor.n) {
        f.after_id = marks[1].i;
        *(q.oldest_first ? &f.from_ms : &f.before_ms) = marks[0].i;
    }
    size_t limit = api_limit(&q.paging);
    s = timeline_read(r->db, &f, r->lang, 0, limit + 1, r->arena, &list, &page.items.count,
                      &page.total, e);
    page.items.v = list;
    if (s == OK && page.items.count > limit) {
        page.items.count = limit;
        marks[0].i = list[limit - 1].at_ms;
        marks[1].i = list[limit - 1].id;
        const char *next = api_cursor(r, kind, marks, 2);
        page.next = slice_str(next);
        s = next ? OK : api_nomem(e);
    }
    return s == OK ? api_reply(r, res, &page, e) : s;
}

/* --- one entry */

struct place {
    int64_t incident, at_ms, row_version;
    bool main, outside, hidden, edited;
    struct slice text;
};

static enum status find_entry(struct web_request *r, int64_t id, struct place *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT incident_id, at_ms, row_version, main, outside, hidden, text "
                             "FROM timeline WHERE id = $1",
                             "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such entry in the timeline"));
    if (s == OK) {
        *ret = (struct place){.incident = db_int(rows, 0),
                              .at_ms = db_int(rows, 1),
                              .row_version = db_int(rows, 2),
                              .main = db_int(rows, 3) != 0,
                              .outside = db_int(rows, 4) != 0,
                              .hidden = db_int(rows, 5) != 0};
        s = api_keep(r, db_text(rows, 6), &ret->text, e);
    }
    db_rows_done(rows);
    return s;
}

/* The entry with its sentence: one of those of its moment. */
static enum status entry_json(struct web_request *r, int64_t id, json_t **ret, struct err *e)
{
    struct place p;
    struct timeline_entry *list = NULL;
    size_t n = 0;
    int64_t total = 0;
    enum status s = find_entry(r, id, &p, e);
    if (s != OK)
        return s;
    struct timeline_filter f = {.incident = p.incident,
                                .hidden_too = true,
                                .oldest_first = true,
                                .from_ms = p.at_ms,
                                .before_ms = p.at_ms + 1,
                                .after_id = id - 1};
    s = timeline_read(r->db, &f, r->lang, 0, 1, r->arena, &list, &n, &total, e);
    if (s != OK)
        return s;
    if (n == 0)
        return err_set(e, ST_NOT_FOUND, N_("there is no such entry in the timeline"));
    *ret = api_write(&entry_schema, &list[0]);
    return *ret ? OK : api_nomem(e);
}

static enum status reply_entry(struct web_request *r, struct web_response *res, int64_t id,
                               struct err *e)
{
    json_t *v = NULL;
    enum status s = entry_json(r, id, &v, e);
    return s == OK ? web_json(res, api_op_of(r->route)->code, v) : s;
}

static enum status get_entry(struct web_request *r, struct web_response *res, struct err *e)
{
    return reply_entry(r, res, r->id[0], e);
}

struct input {
    int64_t at_ms, row_version;
    struct slice text;
    bool main, outside, hidden;
};
static const struct api_field new_fields[] = {
    API_ROW(struct input, at_ms, "at", API_TIME, .flags = API_NEED),
    API_ROW(struct input, text, "text", API_TEXT, .flags = API_NEED, .min = 1,
            .max = LIMIT_TIMELINE_TEXT_BYTES),
    API_ROW(struct input, main, "main", API_BOOL),
    API_ROW(struct input, outside, "outside", API_BOOL),
    {0},
};
static const struct api_schema new_schema = {"TimelineNew", sizeof(struct input), new_fields, NULL};

enum { CHANGE_AT, CHANGE_TEXT, CHANGE_MAIN, CHANGE_OUTSIDE, CHANGE_HIDDEN };
static const struct api_field change_fields[] = {
    [CHANGE_AT] = API_ROW(struct input, at_ms, "at", API_TIME),
    [CHANGE_TEXT] = API_ROW(struct input, text, "text", API_TEXT, .max = LIMIT_TIMELINE_TEXT_BYTES,
                            .says = "empty: the original again"),
    [CHANGE_MAIN] = API_ROW(struct input, main, "main", API_BOOL),
    [CHANGE_OUTSIDE] = API_ROW(struct input, outside, "outside", API_BOOL),
    [CHANGE_HIDDEN] = API_ROW(struct input, hidden, "hidden", API_BOOL),
    API_ROW(struct input, row_version, "row_version", API_INT, .flags = API_NEED, .min = 1,
            .says = "as it was read"),
    {0},
};
static const struct api_schema change_schema = {"TimelineChange", sizeof(struct input),
                                                change_fields,
                                                "fields that are not given stay as they are"};

static enum status add_entry(struct web_request *r, struct web_response *res, struct err *e)
{
    struct input in = {0};
    int64_t id = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = timeline_add(r->db, &r->actor, r->id[0], in.at_ms, in.text, in.main, in.outside, &id,
                         e);
    if (s != OK)
        return s;
    api_place(r, res, API "/timeline/%" PRId64, id);
    return reply_entry(r, res, id, e);
}

static void show_current(struct web_request *r, struct web_response *res, int64_t id)
{
    json_t *now = NULL;
    struct err e = {0};
    if (entry_json(r, id, &now, &e) == OK)
        web_problem_about(res, 409, NULL, json_pack("{s:o}", "current", now));
}

static enum status change_entry(struct web_request *r, struct web_response *res, struct err *e)
{
    struct input in = {0};
    struct place p = {0};
    uint64_t given = 0;
    enum status s = api_body(r, res, &in, &given, e);
    if (s == OK)
        s = find_entry(r, r->id[0], &p, e);
    if (s != OK)
        return s;
#define GIVEN(i) ((given >> (i)&1) != 0)
    struct timeline_edit edit = {.at_ms = GIVEN(CHANGE_AT) ? in.at_ms : p.at_ms,
                                 .text = GIVEN(CHANGE_TEXT) ? in.text : p.text,
                                 .main = GIVEN(CHANGE_MAIN) ? in.main : p.main,
                                 .outside = GIVEN(CHANGE_OUTSIDE) ? in.outside : p.outside,
                                 .hidden = GIVEN(CHANGE_HIDDEN) ? in.hidden : p.hidden};
#undef GIVEN
    s = timeline_change(r->db, &r->actor, r->id[0], in.row_version, &edit, e);
    if (s == ST_CONFLICT)
        show_current(r, res, r->id[0]);
    return s == OK ? reply_entry(r, res, r->id[0], e) : s;
}

const struct web_route api_timeline_routes[] = {
    {WEB_GET, API "/incidents/:n/timeline", ROLES_SEEING, 0, ROUTE_API, list_timeline,
     "The timeline of an incident"},
    {WEB_POST, API "/incidents/:n/timeline", ROLES_EDIT, KIB(64), ROUTE_API, add_entry,
     "Add an entry to the timeline by hand"},
    {WEB_GET, API "/timeline/:n", ROLES_SEEING, 0, ROUTE_API, get_entry,
     "One entry of the timeline"},
    {WEB_PATCH, API "/timeline/:n", ROLES_EDIT, KIB(64), ROUTE_API, change_entry,
     "Edit an entry of the timeline; the original is kept"},
    {0},
};

const struct api_op api_timeline_ops[] = {
    API_OP(list_timeline, "listTimeline", "timeline", .params = {"incident"},
           .query = &query_schema, .answer = &list_schema, .code = 200, .flags = API_LANGUAGE),
    API_OP(add_entry, "addTimelineEntry", "timeline", .params = {"incident"}, .body = &new_schema,
           .answer = &entry_schema, .code = 201, .flags = API_PLACE | API_CONFLICT),
    API_OP(get_entry, "getTimelineEntry", "timeline", .params = {"entry"}, .answer = &entry_schema,
           .code = 200, .flags = API_LANGUAGE),
    API_OP(change_entry, "changeTimelineEntry", "timeline", .params = {"entry"},
           .body = &change_schema, .answer = &entry_schema, .code = 200,
           .flags = API_CONFLICT | API_LANGUAGE,
           .says = "409 says that somebody was quicker and gives the entry as it is now as "
                   "`current`."),
    {0},
};
