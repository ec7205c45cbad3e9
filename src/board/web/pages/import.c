/* Importing a ledger: handing in a file, what its columns mean, what will change. See import.h;
 * import_job.c carries it out. */
#include "board/web/pages/import.h"

#include "board/office/words.h"
#include "board/web/pages/import.html.h"
#include "board/web/pages/incident_frame.h"

#define PLAN_MEMORY MIB(256) /* a plan of LIMIT_LEDGER_ROWS rows, and what is shown of it */

static enum status frame(struct web_request *r, struct page_frame *f, struct incident_info *info,
                         struct err *e)
{
    return incident_frame(r, r->id[0], PAGE_IMPORT, T(r->lang, "Import and export"), f, info, e);
}

/* --- the file */

static enum status read_past(struct web_request *r, struct import_start_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->past = arena_alloc_array(r->arena, IMPORT_PAST, sizeof *v->past);
    if (!v->past)
        return err_set(e, ST_NOMEM, "no memory for the imports");
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT i.id, i.file, i.sheet, i.at_ms, i.rows, i.added, i.changed, i.same, i.missing, "
        "COALESCE((SELECT v.actor_name FROM event v WHERE v.incident_id = i.incident_id AND "
        "v.subject = 'import:' || CAST(i.id AS TEXT)), '') FROM import i WHERE i.incident_id = $1 "
        "ORDER BY i.id DESC LIMIT $2",
        "ii", v->incident, (int64_t)IMPORT_PAST);
    while (s == OK && (s = db_next(rows, e)) == OK)
        v->past[v->past_count++] = (struct import_past){
            .id = db_int(rows, 0),
            .file = page_keep(r, db_text(rows, 1)),
            .sheet = page_keep(r, db_text(rows, 2)),
            .at_ms = db_int(rows, 3),
            .rows = db_int(rows, 4),
            .added = db_int(rows, 5),
            .changed = db_int(rows, 6),
            .same = db_int(rows, 7),
            .missing = db_int(rows, 8),
            .who = page_keep(r, db_text(rows, 9)),
        };
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status answer_start(struct web_request *r, struct web_response *res,
                                const struct err *fault, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct import_start_view v = {.csrf = r->csrf};
    enum status s = frame(r, &f, &info, e);
    if (s != OK)
        return s;
    v.incident = info.id;
    v.edits = info.edits;
    v.fault = fault ? page_err_text(r, fault) : (struct slice){0};
    s = read_past(r, &v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    import_start_page(h, &v);
    return page_end(r, h, &f, e);
}

static enum status get_start(struct web_request *r, struct web_response *res, struct err *e)
{
    return answer_start(r, res, NULL, e);
}

static enum status get_export(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    enum status s = frame(r, &f, &info, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    export_page(h, info.id);
    return page_end(r, h, &f, e);
}

static bool is_refusal(enum status s)
{
    return s == ST_INVALID || s == ST_MALFORMED || s == ST_LIMIT || s == ST_UNSUPPORTED;
}

/* The handler's own reading transaction: planning a large file takes a while, and must not keep the
 * one writer of SQLite waiting. What was open before is dropped. */
static enum status begin_reading(struct web_request *r, struct err *e)
{
    db_rollback(r->db);
    return db_begin_read(r->db, e);
}

/* A file that cannot be read is refused here, with the place, and not kept. */
static enum status take_file(struct web_request *r, int64_t incident, int64_t *ret_id,
                             struct err *e)
{
    const struct web_file *file = web_file_of(r, "file");
    struct import_file f = {0};
    struct err gone;
    if (!file || !file->name.n)
        return err_set(e, ST_INVALID, N_("no file was chosen"));
    enum status s = upload_store(r->db, incident, r->actor.id, file, ret_id, e);
    if (s != OK)
        return s;
    s = import_file_load(r->db, r->arena, incident, *ret_id, &f, e);
    import_file_done(&f);
    if (is_refusal(s) && db_begin(r->db, &gone) == OK) {
        if (upload_remove(r->db, *ret_id, &gone) != OK || db_commit(r->db, &gone) != OK)
            db_rollback(r->db); /* the sweep takes it tomorrow */
    }
    return s;
}

static enum status post_file(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incident_info info = {0};
    int64_t id = 0;
    enum status s = incident_info(r, r->id[0], &info, e);
    if (s == OK)
        s = take_file(r, info.id, &id, e);
    if (s == OK)
        return web_redirect(res, "/incidents/%" PRId64 "/import/%" PRId64, info.id, id);
    if (!is_refusal(s))
        return s;
    struct err refused = *e;
    web_status(res, s == ST_LIMIT ? 413 : s == ST_UNSUPPORTED ? 415 : 422);
    s = begin_reading(r, e);
    return s == OK ? answer_start(r, res, &refused, e) : s;
}

/* --- columns */

static enum status add_reasons(struct web_request *r, struct import_columns_view *v, struct err *e)
{
    const struct mapping *m = &v->file->mapping;
    struct buf text;
    enum status s = OK;
    v->reasons = arena_alloc_array(r->arena, m->count, sizeof *v->reasons);
    if (!v->reasons)
        return err_set(e, ST_NOMEM, "no memory for the columns");
    buf_init(&text, KIB(64));
    for (size_t i = 0; s == OK && i < m->count; i++) {
        buf_clear(&text);
        s = mapping_add_reason(&text, r->lang, m, i, &v->summary);
        v->reasons[i] = page_keep(r, buf_text(&text));
    }
    buf_done(&text);
    return s;
}

/* The fields that some column goes to, in the ledger's order. */
static enum status list_fields(struct web_request *r, struct import_columns_view *v, struct err *e)
{
    const struct mapping *m = &v->file->mapping;
    bool there[FIELD_COUNT] = {false};
    v->fields = arena_alloc_array(r->arena, FIELD_COUNT, sizeof *v->fields);
    if (!v->fields)
        return err_set(e, ST_NOMEM, "no memory for the fields");
    for (size_t i = 0; i < m->count; i++) {
        there[m->columns[i].field] = true;
        there[m->columns[i].second] = true;
    }
    for (int f = FIELD_NAME; f < FIELD_COUNT; f++)
        if (there[f])
            v->fields[v->field_count++] = (enum ledger_field)f;
    v->has_name = there[FIELD_NAME];
    return OK;
}

struct previewing {
    struct web_request *r;
    struct import_columns_view *v;
    size_t good; /* rows without a problem among those shown */
};

static bool must_solve(const struct ledger_row *row)
{
    for (size_t i = 0; i < row->problem_count; i++)
        if (row->problems[i].severity == MUST_SOLVE)
            return true;
    return false;
}

static struct slice shown_value(struct web_request *r, const struct ledger_row *row,
                                enum ledger_field f)
{
    struct slice copy = {0};
    if (f == FIELD_CATEGORY && row->category != CATEGORY_UNKNOWN)
        return slice_str(category_label(r->lang, row->category));
    if (f == FIELD_EXPOSED && row->exposed != YN_UNKNOWN)
        return slice_str(row->exposed == YN_YES ? T(r->lang, "yes") : T(r->lang, "no"));
    if (arena_copy(r->arena, row->value[f], &copy) != OK)
        return (struct slice){0};
    return copy;
}

/* Half of the preview is for the first rows, the other half for rows that must be looked at. */
static enum status preview_row(void *ctx, const struct sheet_row *raw, struct err *e)
{
    struct previewing *p = ctx;
    struct import_columns_view *v = p->v;
    struct ledger_row row;
    enum status s = mapping_apply(&v->file->mapping, raw, p->r->arena, &row, e);
    if (s != OK || row.empty)
        return s;
    bool bad = must_solve(&row);
    if (!bad && p->good >= IMPORT_PREVIEW_ROWS / 2)
        return raw->number > 5000 ? ST_END : OK; /* enough was looked through */
    struct import_preview_row *t = &v->rows[v->row_count];
    *t = (struct import_preview_row){.row = row.row, .bad = bad};
    t->cells = arena_alloc_array(p->r->arena, v->field_count, sizeof *t->cells);
    if (!t->cells)
        return err_set(e, ST_NOMEM, "no memory for the preview");
    for (size_t k = 0; k < v->field_count; k++)
        t->cells[k] = (struct import_cell){shown_value(p->r, &row, v->fields[k]),
                                           (row.changed & 1u << v->fields[k]) != 0};
    p->good += !bad;
    return ++v->row_count == IMPORT_PREVIEW_ROWS ? ST_END : OK;
}

static enum status read_preview(struct web_request *r, struct import_columns_view *v, struct err *e)
{
    struct previewing p = {.r = r, .v = v};
    v->rows = arena_alloc_array(r->arena, IMPORT_PREVIEW_ROWS, sizeof *v->rows);
    if (!v->rows)
        return err_set(e, ST_NOMEM, "no memory for the preview");
    enum status s = book_read(v->file->book, v->file->sheet, preview_row, &p, e);
    return s == ST_END ? OK : s;
}

/* Where sheets can be chosen, one that cannot be read says so beside the others. */
static enum status answer_columns(struct web_request *r, struct web_response *res,
                                  const struct import_file *file, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct import_columns_view v = {.file = file, .csrf = r->csrf};
    enum status s = frame(r, &f, &info, e);
    if (s == OK)
        s = sheet_summarise(file->book, file->sheet, &file->mapping, r->arena, &v.summary, e);
    if (s == OK)
        s = add_reasons(r, &v, e);
    if (s == OK)
        s = list_fields(r, &v, e);
    if (s == OK)
        s = read_preview(r, &v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    import_columns_page(h, &v);
    return page_end(r, h, &f, e);
}

static enum status show_fault(struct web_request *r, struct web_response *res,
                              const struct import_file *file, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct err refused = *e;
    enum status s = frame(r, &f, &info, e);
    if (s != OK)
        return s;
    web_status(res, 422);
    page_add_err(r, &f, &refused);
    struct html *h = page_begin(r, res, &f);
    import_fault_page(h, file);
    return page_end(r, h, &f, e);
}

static enum status columns(struct web_request *r, struct web_response *res, struct err *e)
{
    struct import_file f = {0};
    enum status s = begin_reading(r, e);
    if (s == OK)
        s = import_file_open(r, &f, e);
    if (s == OK)
        s = answer_columns(r, res, &f, e);
    if (is_refusal(s) && f.book)
        s = show_fault(r, res, &f, e);
    import_file_done(&f);
    return s;
}

/* --- changes */

/* What need not be solved is told once for all rows that have it in the same column. */
static void count_alike(const struct import_plan *plan, int64_t *alike)
{
    for (size_t i = 0; i < plan->problem_count; i++) {
        const struct import_problem *p = &plan->problems[i];
        size_t first = i;
        for (size_t k = 0; k < i && first == i && p->severity == TO_KNOW; k++) {
            const struct import_problem *o = &plan->problems[k];
            if (o->severity == TO_KNOW && o->column == p->column && slice_eq(o->value, p->value) &&
                strcmp(o->id, p->id) == 0)
                first = k;
        }
        alike[first]++;
    }
}

static enum status tell_problems(struct web_request *r, struct import_changes_view *v,
                                 struct err *e)
{
    struct buf text;
    enum status s = OK;
    v->problems = arena_alloc_array(r->arena, v->plan.problem_count, sizeof *v->problems);
    v->alike = arena_alloc_array(r->arena, v->plan.problem_count, sizeof *v->alike);
    if (!v->problems || !v->alike)
        return err_set(e, ST_NOMEM, "no memory for the problems");
    count_alike(&v->plan, v->alike);
    buf_init(&text, KIB(64));
    for (size_t i = 0; s == OK && i < v->plan.problem_count && i < IMPORT_PROBLEMS; i++) {
        const struct import_problem *p = &v->plan.problems[i];
        struct problem_at at = {
            .sheet = book_place(v->file->book, v->file->sheet),
            .row = p->row,
            .column = p->column,
            .other_row = p->other_row,
            .value = p->value,
        };
        buf_clear(&text);
        s = problem_add_text(&text, r->lang, p->id, &at);
        v->problems[i] = page_keep(r, buf_text(&text));
    }
    buf_done(&text);
    return s;
}

static enum status answer_changes(struct web_request *r, struct web_response *res,
                                  const struct import_file *file, bool lost, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct arena memory;
    struct import_changes_view v = {.file = file, .csrf = r->csrf, .lost = lost};
    struct import_options o = {
        .file = file->upload.name,
        .sheet = file->sheet,
        .mapping = &file->mapping,
        .leave_out = file->left_out,
        .leave_out_count = file->left_out_count,
    };
    arena_init(&memory, PLAN_MEMORY);
    enum status s = frame(r, &f, &info, e);
    if (s == OK)
        s = ledger_import_plan(r->db, info.id, file->book, &o, &memory, &v.plan, e);
    if (s == OK)
        s = tell_problems(r, &v, e);
    if (s == OK) {
        struct html *h = page_begin(r, res, &f);
        import_changes_page(h, &v);
        s = page_end(r, h, &f, e);
    }
    arena_done(&memory);
    return s;
}

static enum status post_changes(struct web_request *r, struct web_response *res, struct err *e)
{
    struct import_file f = {0};
    int64_t lost = 0;
    enum status s = begin_reading(r, e);
    if (s == OK)
        s = import_file_open(r, &f, e);
    if (s == OK)
        s = web_field_int(r, "lost", 0, &lost, e);
    if (s == OK)
        s = answer_changes(r, res, &f, lost != 0, e);
    if (is_refusal(s) && f.book)
        s = show_fault(r, res, &f, e);
    import_file_done(&f);
    return s;
}

/* A ledger that changed since it was shown is seen here already; when it changes while the job
 * waits, the job says so. */
static enum status post_apply(struct web_request *r, struct web_response *res, struct err *e)
{
    struct import_file f = {0};
    int64_t version = 0;
    int64_t now = 0;
    int64_t job = 0;
    enum status s = begin_reading(r, e);
    if (s == OK)
        s = import_file_open(r, &f, e);
    if (s == OK)
        s = web_field_int(r, "version", 0, &version, e);
    if (s == OK)
        s = db_get_int(r->db, &now, e,
                       "SELECT COALESCE(MAX(row_version), 0) FROM asset WHERE incident_id = $1",
                       "i", f.incident);
    if (s == OK && now != version) {
        web_status(res, 409);
        s = answer_changes(r, res, &f, true, e);
    } else if (s == OK) {
        db_rollback(r->db);
        s = import_start(r, &f, version, &job, e);
        if (s == OK)
            s = web_redirect(res, "/incidents/%" PRId64 "/import/jobs/%" PRId64, f.incident, job);
    }
    if (is_refusal(s) && f.book)
        s = show_fault(r, res, &f, e);
    import_file_done(&f);
    return s;
}

#define ROLES_LEDGER (ROLES_READ & ~(unsigned)ROLE_OWNER)

const struct web_route import_routes[] = {
    {WEB_GET, "/incidents/:n/import", ROLES_LEDGER, 0, ROUTE_PAGE, get_start,
     "Import and export: hand in a ledger, earlier imports"},
    {WEB_POST, "/incidents/:n/import", ROLES_EDIT, LIMIT_UPLOAD_BYTES, ROUTE_OWN_TX, post_file,
     "Hand in a file with a ledger"},
    {WEB_GET, "/incidents/:n/export", ROLES_READ, 0, ROUTE_PAGE, get_export,
     "The formats that the ledger is exported in"},
    {WEB_GET, "/incidents/:n/import/:n", ROLES_EDIT, 0, ROUTE_OWN_TX, columns,
     "What the columns of the file mean, as guessed"},
    {WEB_POST, "/incidents/:n/import/:n/columns", ROLES_EDIT, MIB(1), ROUTE_OWN_TX, columns,
     "The same with other meanings"},
    {WEB_POST, "/incidents/:n/import/:n/changes", ROLES_EDIT, MIB(1), ROUTE_OWN_TX, post_changes,
     "What the import would change"},
    {WEB_POST, "/incidents/:n/import/:n/apply", ROLES_EDIT, MIB(1), ROUTE_OWN_TX, post_apply,
     "Carry the import out"},
    {0},
};
