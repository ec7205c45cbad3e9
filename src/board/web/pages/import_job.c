/* Carrying an import out: a job of its own, its progress, its end. See import.h. */
#include "board/web/jobs.h"
#include "board/web/pages/import.h"
#include "board/web/pages/import.html.h"
#include "board/web/pages/incident_frame.h"

#include <stdlib.h>

#define JOB_MEMORY                                                                \
    MIB(512) /* the plan of LIMIT_LEDGER_ROWS rows, and their texts on the way in \
              */

/* What the form said, kept beyond the request. */
struct import_order {
    size_t sheet;
    int64_t version;
    size_t column_count;
    struct mapping_column *columns; /* column, field and second only */
    size_t left_out_count;
    uint32_t *left_out;
};

static void order_free(void *arg)
{
    struct import_order *o = arg;
    if (o) {
        free(o->columns);
        free(o->left_out);
    }
    free(o);
}

static struct import_order *order_of(const struct import_file *f, int64_t version)
{
    struct import_order *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->columns = calloc(f->mapping.count + 1, sizeof *o->columns);
    o->left_out = calloc(f->left_out_count + 1, sizeof *o->left_out);
    if (!o->columns || !o->left_out) {
        order_free(o);
        return NULL;
    }
    o->sheet = f->sheet;
    o->version = version;
    o->column_count = f->mapping.count;
    for (size_t i = 0; i < f->mapping.count; i++)
        o->columns[i] = (struct mapping_column){
            .column = f->mapping.columns[i].column,
            .field = f->mapping.columns[i].field,
            .second = f->mapping.columns[i].second,
        };
    o->left_out_count = f->left_out_count;
    if (f->left_out_count)
        memcpy(o->left_out, f->left_out, f->left_out_count * sizeof *o->left_out);
    return o;
}

/* The same file gives the same columns; each goes where the form said. */
static void follow_order(struct mapping *m, const struct import_order *o)
{
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < o->column_count; k++)
            if (o->columns[k].column == m->columns[i].column) {
                m->columns[i].field = o->columns[k].field;
                m->columns[i].second = o->columns[k].second;
            }
}

static enum status write_result(struct buf *result, const char *file,
                                const struct import_plan *plan, struct err *e)
{
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "file", file, "added", (json_int_t)plan->added,
                  "changed", (json_int_t)plan->changed, "same", (json_int_t)plan->same, "missing",
                  (json_int_t)plan->missing, "left_out", (json_int_t)plan->left_out);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    enum status s = text ? buf_add_str(result, text) : err_set(e, ST_NOMEM, "out of memory");
    free(text);
    json_decref(json);
    return s;
}

static enum status carry_out(struct job *job, struct db *db, const struct import_order *order,
                             struct import_file *f, struct arena *a, struct buf *result,
                             struct err *e)
{
    struct import_plan plan;
    enum status s = import_file_load(db, a, job_incident(job), job_upload(job), f, e);
    f->sheet = order->sheet;
    if (s == OK)
        s = import_file_guess(f, e);
    if (s != OK)
        return s;
    follow_order(&f->mapping, order);
    struct import_options o = {
        .file = f->upload.name,
        .sheet = f->sheet,
        .mapping = &f->mapping,
        .leave_out = order->left_out,
        .leave_out_count = order->left_out_count,
        .progress = job_progress,
        .progress_ctx = job,
    };
    s = ledger_import_run(db, job_actor(job), f->incident, f->book, f->upload.bytes, &o,
                          order->version, &plan, a, e);
    return s == OK ? write_result(result, f->upload.name, &plan, e) : s;
}

static enum status run(struct job *job, struct db *db, void *arg, struct buf *result, struct err *e)
{
    struct arena memory;
    struct import_file f = {0};
    arena_init(&memory, JOB_MEMORY);
    enum status s = carry_out(job, db, arg, &f, &memory, result, e);
    import_file_done(&f);
    arena_done(&memory);
    if (s == ST_CONFLICT)
        err_prefix(e, N_("the ledger was changed meanwhile"));
    return s;
}

enum status import_start(struct web_request *r, const struct import_file *f, int64_t version,
                         int64_t *ret_job, struct err *e)
{
    struct job_spec spec = {
        .kind = "ledger.import",
        .incident = f->incident,
        .upload = f->upload.id,
        .run = run,
        .arg = order_of(f, version),
        .free_arg = order_free,
    };
    if (!spec.arg)
        return err_set(e, ST_NOMEM, "out of memory");
    return job_start(r, &spec, ret_job, e);
}

/* --- its page */

static void read_result(struct web_request *r, const struct job_view *job,
                        struct import_job_view *v)
{
    json_t *json = json_loads(job->result, 0, NULL);
    const struct {
        const char *key;
        int64_t *ret;
    } numbers[] = {{"added", &v->added},
                   {"changed", &v->changed},
                   {"same", &v->same},
                   {"missing", &v->missing},
                   {"left_out", &v->left_out}};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i].ret = json_integer_value(json_object_get(json, numbers[i].key));
    v->file = page_keep(r, json_string_value(json_object_get(json, "file")));
    json_decref(json);
}

static enum status upload_name(struct web_request *r, int64_t upload, struct slice *ret,
                               struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, "SELECT name FROM upload WHERE id = $1", "i", upload);
    if (s == OK && (s = db_next(rows, e)) == OK)
        *ret = page_keep(r, db_text(rows, 0));
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status get_job(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct job_view job;
    enum status s =
        incident_frame(r, r->id[0], PAGE_IMPORT, T(r->lang, "Ledger from a file"), &f, &info, e);
    if (s == OK)
        s = job_find(r, info.id, r->id[1], &job, e);
    if (s != OK)
        return s;
    struct import_job_view v = {
        .incident = info.id,
        .job = job.id,
        .upload = job.upload,
        .running = job.state == JOB_RUNNING,
        .failed = job.state == JOB_FAILED,
        .done = job.done,
        .total = job.total,
    };
    if (job.state == JOB_DONE)
        read_result(r, &job, &v);
    else
        s = upload_name(r, job.upload, &v.file, e);
    if (v.failed)
        v.fault = page_keep(r, job.result);
    if (s != OK)
        return s;
    if (v.running && !r->partial)
        web_set_header(res, "Refresh", "3"); /* without script; htmx asks each second */
    struct html *h = page_begin(r, res, &f);
    if (r->partial)
        import_job_state(h, &v);
    else
        import_job_page(h, &v);
    return page_end(r, h, &f, e);
}

const struct web_route import_job_routes[] = {
    {WEB_GET, "/incidents/:n/import/jobs/:n", ROLES_EDIT, 0, ROUTE_PAGE, get_job,
     "How far an import is, and what became of it"},
    {0},
};
