/* The timeline, /incidents/:n/timeline. See timeline.h. */
#include "board/web/pages/timeline.h"

#include "board/web/pages/incident_frame.h"
#include "board/web/pages/local_time.h"
#include "board/web/pages/timeline.html.h"

static struct slice local_value(struct web_request *r, int64_t ms)
{
    char text[LOCAL_TIME_SIZE];
    local_time_format(ms, text);
    return page_keep(r, text);
}

static enum timeline_range range_of(struct slice show)
{
    return slice_eq_str(show, "main")      ? TIMELINE_MAIN_ONLY
           : slice_eq_str(show, "outside") ? TIMELINE_OUTSIDE
                                           : TIMELINE_ALL;
}

/* What the address asks for. */
static enum status read_query(struct web_request *r, struct timeline_view *v, struct err *e)
{
    int64_t print = 0;
    int64_t hidden = 0;
    enum status s = web_query_int(r, "page", 1, &v->page, e);
    if (s == OK)
        s = web_query_int(r, "print", 0, &print, e);
    if (s == OK)
        s = web_query_int(r, "hidden", 0, &hidden, e);
    if (s != OK)
        return s;
    if (v->page < 1 || v->page > INT32_MAX)
        v->page = 1;
    v->print = print != 0;
    v->range = range_of(web_query(r, "show"));
    v->search = web_query(r, "q");
    v->hidden_too = hidden != 0 && v->edits;
    if (v->print && v->range == TIMELINE_ALL)
        v->range = TIMELINE_MAIN_ONLY;
    return OK;
}

static enum status read_entries(struct web_request *r, struct timeline_view *v, struct err *e)
{
    struct timeline_filter f = {
        .incident = v->incident,
        .main_only = v->range == TIMELINE_MAIN_ONLY || v->print,
        .outside_only = v->range == TIMELINE_OUTSIDE,
        .hidden_too = v->hidden_too,
        .oldest_first = v->print,
        .search = v->search,
    };
    size_t limit = v->print ? TIMELINE_PRINT : TIMELINE_ROWS;
    size_t offset = v->print ? 0 : (size_t)(v->page - 1) * TIMELINE_ROWS;
    enum status s = timeline_read(r->db, &f, r->lang, offset, limit, r->arena, &v->entries,
                                  &v->count, &v->total, e);
    if (s != OK)
        return s;
    v->pages = v->print ? 1 : (v->total + TIMELINE_ROWS - 1) / TIMELINE_ROWS;
    return db_get_int(r->db, &v->newest, e,
                      "SELECT COALESCE(MAX(id), 0) FROM timeline WHERE incident_id = $1", "i",
                      v->incident);
}

/* The entry as it is, hidden or not. */
static enum status read_entry(struct web_request *r, int64_t incident, int64_t id,
                              struct timeline_entry *ret, struct err *e)
{
    struct timeline_filter f = {.incident = incident, .hidden_too = true};
    struct timeline_entry *found = NULL;
    size_t count = 0;
    int64_t total = 0;
    int64_t at = 0;
    enum status s =
        db_get_int(r->db, &at, e, "SELECT at_ms FROM timeline WHERE id = $1 AND incident_id = $2",
                   "ii", id, incident);
    if (s == ST_NOT_FOUND)
        return err_set(e, s, N_("there is no such entry in this timeline"));
    f.from_ms = at;
    f.before_ms = at + 1;
    for (size_t offset = 0; s == OK; offset += count) {
        s = timeline_read(r->db, &f, r->lang, offset, TIMELINE_ROWS, r->arena, &found, &count,
                          &total, e);
        for (size_t i = 0; s == OK && i < count; i++)
            if (found[i].id == id) {
                *ret = found[i];
                return OK;
            }
        if (s == OK && !count)
            s = err_set(e, ST_NOT_FOUND, N_("there is no such entry in this timeline"));
    }
    return s;
}

static enum status begin(struct web_request *r, struct page_frame *f, struct incident_info *info,
                         struct timeline_view *v, struct err *e)
{
    enum status s = incident_frame(r, r->id[0], PAGE_TIMELINE, T(r->lang, "Timeline"), f, info, e);
    if (s != OK)
        return s;
    f->live = true;
    *v = (struct timeline_view){
        .incident = info->id,
        .csrf = r->csrf,
        .edits = info->edits,
        .page = 1,
        .now_local = local_value(r, r->now_ms),
    };
    return OK;
}

static enum status answer(struct web_request *r, struct web_response *res, struct page_frame *f,
                          const struct incident_info *info, struct timeline_view *v, struct err *e)
{
    enum status s = read_entries(r, v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, f);
    timeline_page(h, v, info->title);
    return page_end(r, h, f, e);
}

static enum status get_timeline(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct timeline_view v;
    enum status s = begin(r, &f, &info, &v, e);
    if (s == OK)
        s = read_query(r, &v, e);
    return s == OK ? answer(r, res, &f, &info, &v, e) : s;
}

static enum status get_news(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incident_info info = {0};
    struct timeline_view v = {.incident = r->id[0]};
    enum status s = incident_info(r, r->id[0], &info, e);
    if (s == OK)
        s = web_query_int(r, "since", 0, &v.newest, e);
    if (s == OK)
        s = db_get_int(r->db, &v.news, e,
                       "SELECT COUNT(*) FROM timeline WHERE incident_id = $1 AND id > $2 AND "
                       "hidden = 0",
                       "ii", v.incident, v.newest);
    if (s != OK)
        return s;
    struct html *h = web_html(res);
    timeline_news(h, &v);
    s = html_status(h);
    return s == OK ? OK : err_set(e, s, N_("this page is too large"));
}

/* A form that was not taken is shown again with what was typed. */
static void keep_typed(struct web_request *r, struct timeline_view *v, const struct err *e)
{
    v->typed = true;
    v->typed_text = web_field(r, "text");
    v->typed_at = web_field(r, "at");
    v->typed_main = web_field(r, "main").n > 0;
    v->typed_outside = web_field(r, "outside").n > 0;
    v->typed_hidden = web_field(r, "hidden").n > 0;
    v->fault = page_err_text(r, e);
}

static enum status post_entry(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t at = 0;
    int64_t id = 0;
    struct incident_info info = {0};
    enum status s = incident_info(r, r->id[0], &info, e);
    if (s != OK)
        return s;
    s = local_time_parse(web_field(r, "at"), &at, e);
    if (s == OK)
        s = timeline_add(r->db, &r->actor, info.id, at, web_field(r, "text"),
                         web_field(r, "main").n > 0, web_field(r, "outside").n > 0, &id, e);
    if (s == OK)
        return web_redirect(res, "/incidents/%" PRId64 "/timeline#t%" PRId64, info.id, id);
    if (s != ST_INVALID)
        return s;
    struct page_frame f;
    struct timeline_view v;
    struct err refused = *e;
    s = page_refused(r, e);
    if (s == OK)
        s = begin(r, &f, &info, &v, e);
    if (s != OK)
        return s;
    keep_typed(r, &v, &refused);
    web_status(res, 422);
    return answer(r, res, &f, &info, &v, e);
}

/* The form for one entry: a row for htmx, else the page around it. */
static enum status answer_edit(struct web_request *r, struct web_response *res,
                               struct page_frame *f, const struct incident_info *info,
                               struct timeline_view *v, struct err *e)
{
    struct timeline_entry t = {0};
    enum status s = read_entry(r, info->id, r->id[1], &t, e);
    if (s != OK)
        return s;
    v->editing = t.id;
    v->editing_at = v->typed ? v->typed_at : local_value(r, t.at_ms);
    if (r->partial) {
        struct html *h = web_html(res);
        timeline_edit_row(h, v, &t);
        return page_end(r, h, f, e);
    }
    s = read_entries(r, v, e);
    if (s != OK)
        return s;
    v->entries[0] = t; /* alone, so that the form is found wherever the entry stands */
    v->count = 1;
    v->pages = 1;
    struct html *h = page_begin(r, res, f);
    timeline_page(h, v, info->title);
    return page_end(r, h, f, e);
}

static enum status get_edit(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct timeline_view v;
    enum status s = begin(r, &f, &info, &v, e);
    return s == OK ? answer_edit(r, res, &f, &info, &v, e) : s;
}

/* The moment of the form. Its input has minutes only: an entry whose minute was not touched keeps
 * its seconds, and with them its place. */
static enum status edited_time(struct web_request *r, const struct timeline_entry *t,
                               int64_t *ret_ms, struct err *e)
{
    char was[LOCAL_TIME_SIZE];
    struct slice typed = web_field(r, "at");
    local_time_format(t->at_ms, was);
    if (slice_eq_str(slice_trim(typed), was)) {
        *ret_ms = t->at_ms;
        return OK;
    }
    return local_time_parse(typed, ret_ms, e);
}

static enum status change_entry(struct web_request *r, const struct timeline_entry *t,
                                struct err *e)
{
    int64_t version = 0;
    struct slice text = slice_trim(web_field(r, "text"));
    struct timeline_edit edit = {
        .main = web_field(r, "main").n > 0,
        .outside = web_field(r, "outside").n > 0,
        .hidden = web_field(r, "hidden").n > 0,
        .text = text,
    };
    enum status s = edited_time(r, t, &edit.at_ms, e);
    if (s == OK)
        s = web_field_int(r, "version", 0, &version, e);
    if (s != OK)
        return s;
    /* a sentence that the work wrote, and that was not touched, stays its own: in both languages */
    if (t->original.n == 0 && slice_eq(text, slice_trim(t->text)))
        edit.text = (struct slice){0};
    return timeline_change(r->db, &r->actor, t->id, version, &edit, e);
}

static enum status post_edit(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct timeline_view v;
    struct timeline_entry t = {0};
    enum status s = begin(r, &f, &info, &v, e);
    if (s == OK)
        s = read_entry(r, info.id, r->id[1], &t, e);
    if (s != OK)
        return s;
    s = change_entry(r, &t, e);
    if (s == OK)
        return web_redirect(res, "/incidents/%" PRId64 "/timeline#t%" PRId64, info.id, t.id);
    if (s != ST_INVALID && s != ST_CONFLICT)
        return s;
    struct err refused = *e;
    v.lost = s == ST_CONFLICT;
    keep_typed(r, &v, &refused);
    web_status(res, v.lost ? 409 : 422);
    s = page_refused(r, e);
    return s == OK ? answer_edit(r, res, &f, &info, &v, e) : s;
}

/* An owner sees what is theirs; the timeline tells of everybody's. */
#define ROLES_TIMELINE (ROLES_READ & ~(unsigned)ROLE_OWNER)

const struct web_route timeline_routes[] = {
    {WEB_GET, "/incidents/:n/timeline", ROLES_TIMELINE, 0, ROUTE_PAGE, get_timeline,
     "The timeline of an incident"},
    {WEB_GET, "/incidents/:n/timeline/news", ROLES_TIMELINE, 0, ROUTE_PAGE, get_news,
     "How many entries came since"},
    {WEB_POST, "/incidents/:n/timeline", ROLES_EDIT, KIB(64), ROUTE_PAGE, post_entry,
     "Write an entry by hand"},
    {WEB_GET, "/incidents/:n/timeline/:n/edit", ROLES_EDIT, 0, ROUTE_PAGE, get_edit,
     "The form for one entry"},
    {WEB_POST, "/incidents/:n/timeline/:n", ROLES_EDIT, KIB(64), ROUTE_PAGE, post_edit,
     "Edit an entry; its original is kept"},
    {0},
};
