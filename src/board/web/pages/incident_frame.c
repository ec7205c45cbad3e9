/* The beginning of every page of an incident. See incident_frame.h. */
#include "board/web/pages/incident_frame.h"

#include "board/case/asset.h"
#include "board/web/pages/layout.html.h"

struct slice page_keep(struct web_request *r, const char *text)
{
    char *copy = arena_strdup(r->arena, slice_str(text));
    return slice_str(copy ? copy : "");
}

enum status incident_info(struct web_request *r, int64_t incident, struct incident_info *ret,
                          struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT title, profile, opened_ms, COALESCE(closed_ms, 0) FROM incident WHERE id = $1", "i",
        incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        *ret = (struct incident_info){
            .id = incident,
            .title = page_keep(r, db_text(rows, 0)),
            .profile = page_keep(r, db_text(rows, 1)),
            .opened_ms = db_int(rows, 2),
            .closed_ms = db_int(rows, 3),
        };
        ret->edits = ret->closed_ms == 0 && (r->actor.role & ROLES_EDIT) != 0;
    }
    db_rows_done(rows);
    if (s == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such incident"));
    return s == OK ? arena_status(r->arena) : s;
}

enum status page_owner(struct web_request *r, struct page_owner *ret, struct err *e)
{
    struct page_owner owner = {.mail = slice_str("")};
    enum status s = OK;
    if (r->actor.role == ROLE_OWNER) {
        struct buf mail;
        buf_init(&mail, KIB(1));
        owner.account = r->actor.id;
        s = asset_owner_mail(r->db, &r->actor, &mail, e);
        owner.mail = page_keep(r, buf_text(&mail));
        buf_done(&mail);
    }
    if (s == OK)
        *ret = owner;
    return s;
}

/* Rows of the ledger that are in use and that the reader may see, and how many of them have
 * proposals that wait. */
static enum status count_rows(struct web_request *r, struct page_frame *f, struct err *e)
{
    struct db_rows *rows = NULL;
    struct page_owner owner = {0};
    enum status s = page_owner(r, &owner, e);
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT COUNT(*), COUNT(*) FILTER (WHERE flags IN (4, 5, 6, 7)) FROM asset a "
                     "WHERE incident_id = $1 AND retired = 0 AND ($2 = 0 OR (owner_mail <> '' AND "
                     "owner_mail = $3) OR EXISTS (SELECT 1 FROM asset_owner o "
                     "WHERE o.asset_id = a.id AND o.account_id = $2))",
                     "iit", f->incident, owner.account, owner.mail);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        f->ledger_count = db_int(rows, 0);
        f->proposal_count = db_int(rows, 1);
    }
    db_rows_done(rows);
    return s;
}

enum status incident_frame(struct web_request *r, int64_t incident, enum page_place place,
                           const char *title, struct page_frame *ret_frame,
                           struct incident_info *ret_info, struct err *e)
{
    struct incident_info info = {0};
    enum status s = incident_info(r, incident, &info, e);
    if (s != OK)
        return s;
    struct page_frame f = page_frame_of(r);
    f.title = page_keep(r, title);
    f.place = place;
    f.incident = incident;
    f.incident_title = info.title;
    f.incident_opened_ms = info.opened_ms;
    if (!r->partial) {
        page_flash(r, &f);
        s = count_rows(r, &f, e);
    }
    if (s != OK)
        return s;
    *ret_info = info;
    *ret_frame = f;
    return OK;
}

void page_add_note(struct web_request *r, struct page_frame *f, enum page_note_kind kind,
                   struct slice text)
{
    struct page_note *notes = arena_alloc_array(r->arena, f->note_count + 1, sizeof *notes);
    if (!notes)
        return; /* the arena keeps the failure */
    if (f->note_count)
        memcpy(notes, f->notes, f->note_count * sizeof *notes);
    notes[f->note_count] = (struct page_note){kind, text};
    f->notes = notes;
    f->note_count++;
}

struct slice page_err_text(struct web_request *r, const struct err *e)
{
    struct slice text = {0};
    struct buf b;
    buf_init(&b, KIB(4));
    if (messages_add_err(&b, r->lang, e) == OK)
        text = page_keep(r, buf_text(&b));
    buf_done(&b);
    return text;
}

void page_add_err(struct web_request *r, struct page_frame *f, const struct err *e)
{
    page_add_note(r, f, NOTE_BAD, page_err_text(r, e));
}

enum status page_refused(struct web_request *r, struct err *e)
{
    db_rollback(r->db);
    return db_begin_read(r->db, e);
}

struct slice page_lower(struct web_request *r, struct slice s)
{
    char *copy = arena_strdup(r->arena, s);
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    return slice_str(copy ? copy : "");
}

struct slice page_like(struct web_request *r, struct slice s)
{
    char *pattern = arena_alloc(r->arena, 2 * s.n + 3);
    size_t n = 0;
    if (!pattern)
        return (struct slice){0};
    pattern[n++] = '%';
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '_' || s.p[i] == '!')
            pattern[n++] = '!';
        pattern[n++] = (char)s.p[i];
    }
    pattern[n++] = '%';
    return slice_of(pattern, n);
}

struct html *page_begin(struct web_request *r, struct web_response *res, const struct page_frame *f)
{
    struct html *h = web_html(res);
    if (!r->partial)
        layout_begin(h, f);
    return h;
}

enum status page_end(struct web_request *r, struct html *h, const struct page_frame *f,
                     struct err *e)
{
    if (!r->partial)
        layout_end(h, f);
    enum status s = arena_status(r->arena);
    if (s == OK)
        s = html_status(h);
    return s == OK ? OK : err_set(e, s, N_("this page is too large"));
}

struct slice page_origin(struct web_request *r)
{
    struct slice origin = web_header(r, "Origin"); /* of a form, and checked by the server */
    struct slice host = web_header(r, "Host");
    if (origin.n && !slice_eq_str(origin, "null"))
        return origin;
    char *text =
        arena_printf(r->arena, "http://%.*s", (int)host.n, host.n ? (const char *)host.p : "");
    return slice_str(text ? text : "");
}

struct slice *page_keep_texts(struct web_request *r, const json_t *array, size_t *ret_count)
{
    size_t n = json_array_size(array);
    struct slice *texts = arena_alloc_array(r->arena, n, sizeof *texts);
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = page_keep(r, json_string_value(json_array_get(array, i)));
    *ret_count = texts ? n : 0;
    return texts;
}

void page_flash(struct web_request *r, struct page_frame *f)
{
    const char *text = web_flash_text(r);
    if (*text)
        page_add_note(r, f, NOTE_GOOD, slice_str(text));
}
