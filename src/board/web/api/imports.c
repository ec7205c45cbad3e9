/* The ledger as a file: handed in, what its columns mean, what would change, carried out; and back
 * out again. The steps and their rules are those of the pages (pages/import.h). */
#include "board/web/pages/import.h"

#include "base/limits.h"
#include "board/case/ledger_export.h"
#include "board/office/words.h"
#include "board/web/api/api.h"
#include "board/web/api/assets.h"
#include "board/web/jobs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define ROLES_LEDGER (ROLES_READ & ~(unsigned)ROLE_OWNER)
#define PLAN_MEMORY MIB(256) /* a plan of LIMIT_LEDGER_ROWS rows, and what is shown of it */
#define CHANGES_BYTES MIB(2) /* of changes in one answer; more are counted only */

/* --- what a file is */

struct sheet_view {
    int64_t index;
    struct slice name;
    bool hidden;
};
static const struct api_field sheet_fields[] = {
    API_ROW(struct sheet_view, index, "index", API_INT),
    API_ROW(struct sheet_view, name, "name", API_TEXT),
    API_ROW(struct sheet_view, hidden, "hidden", API_BOOL),
    {0},
};
static const struct api_schema sheet_schema = {"Sheet", sizeof(struct sheet_view), sheet_fields,
                                               NULL};

struct column_view {
    int64_t column;
    struct slice letters, header, field, reason, examples;
    bool sure, is_new;
};
static const struct api_field column_fields[] = {
    API_ROW(struct column_view, column, "column", API_INT, .says = "from 0"),
    API_ROW(struct column_view, letters, "letters", API_TEXT, .says = "\"A\" … as Excel has it"),
    API_ROW(struct column_view, header, "header", API_TEXT),
    API_ROW(struct column_view, field, "field", API_TEXT,
            .says = "what it means: a field of the ledger, two in one (\"product+version\"), "
                    "\"free\" (kept as it is) or \"leave_out\""),
    API_ROW(struct column_view, sure, "sure", API_BOOL, .says = "false: please check"),
    API_ROW(struct column_view, is_new, "new", API_BOOL,
            .says = "the file that is remembered did not have it"),
    API_ROW(struct column_view, reason, "reason", API_TEXT, .says = "why, in a few words"),
    API_ROW(struct column_view, examples, "examples", API_LINES),
    {0},
};
static const struct api_schema column_schema = {"ImportColumn", sizeof(struct column_view),
                                                column_fields, NULL};

struct file_view {
    int64_t id, size, sheet, header_row, known;
    struct slice file, format;
    struct api_list sheets, columns;
};
static const struct api_field file_fields[] = {
    API_ROW(struct file_view, id, "id", API_ID, .says = "kept for a day"),
    API_ROW(struct file_view, file, "file", API_TEXT),
    API_ROW(struct file_view, size, "size", API_INT),
    API_ROW(struct file_view, format, "format", API_TEXT,
            .says = "\"xlsx\", or the charset of a CSV as it was found"),
    API_ROW(struct file_view, sheets, "sheets", API_LIST, .of = &sheet_schema),
    API_ROW(struct file_view, sheet, "sheet", API_INT, .says = "the one that `columns` are of"),
    API_ROW(struct file_view, header_row, "header_row", API_INT),
    API_ROW(struct file_view, known, "known", API_INT, .says = "columns that an earlier file had"),
    API_ROW(struct file_view, columns, "columns", API_LIST, .of = &column_schema),
    {0},
};
static const struct api_schema file_schema = {"ImportFile", sizeof(struct file_view), file_fields,
                                              "a file on its way in, and what its columns mean"};

static enum status put_sheets(struct web_request *r, const struct import_file *f,
                              struct file_view *v, struct err *e)
{
    size_t n = book_sheet_count(f->book);
    struct sheet_view *list = arena_alloc_array(r->arena, n + 1, sizeof *list);
    if (!list)
        return api_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const struct sheet_info *info = book_sheet(f->book, i);
        list[i] = (struct sheet_view){(int64_t)i, slice_str(info->name), info->hidden};
    }
    v->sheets = (struct api_list){list, n};
    return OK;
}

/* The examples, one a line: their own line breaks are spaces. */
static enum status put_examples(struct web_request *r, const struct mapping_column *c,
                                struct column_view *v, struct err *e)
{
    struct buf b;
    buf_init(&b, KIB(512));
    for (size_t i = 0; i < ARRAY_LEN(c->example); i++) {
        if (c->example[i].n == 0)
            continue;
        if (b.n)
            (void)buf_add_char(&b, '\n');
        for (size_t k = 0; k < c->example[i].n; k++) {
            char ch = (char)c->example[i].p[k];
            (void)buf_add_char(&b, (char)(ch == '\n' || ch == '\r' ? ' ' : ch));
        }
    }
    enum status s =
        buf_status(&b) == OK ? api_keep(r, buf_text(&b), &v->examples, e) : api_nomem(e);
    buf_done(&b);
    return s;
}

static enum status put_column(struct web_request *r, const struct import_file *f, size_t i,
                              struct column_view *v, struct err *e)
{
    const struct mapping_column *c = &f->mapping.columns[i];
    struct buf reason;
    buf_init(&reason, KIB(4));
    *v = (struct column_view){.column = c->column,
                              .letters = import_letters(f, c->column),
                              .header = c->header,
                              .field = import_choice_of(c),
                              .sure = c->sure,
                              .is_new = c->is_new};
    enum status s = mapping_add_reason(&reason, r->lang, &f->mapping, i, NULL);
    s = s == OK ? api_keep(r, buf_text(&reason), &v->reason, e) : api_nomem(e);
    buf_done(&reason);
    return s == OK ? put_examples(r, c, v, e) : s;
}

static enum status reply_file(struct web_request *r, struct web_response *res,
                              const struct import_file *f, struct err *e)
{
    struct file_view v = {.id = f->upload.id,
                          .size = (int64_t)f->upload.bytes.n,
                          .sheet = (int64_t)f->sheet,
                          .header_row = f->mapping.header_row,
                          .known = (int64_t)f->known,
                          .file = slice_str(f->upload.name),
                          .format = slice_str(book_format(f->book))};
    struct column_view *list = arena_alloc_array(r->arena, f->mapping.count + 1, sizeof *list);
    if (!list)
        return api_nomem(e);
    enum status s = put_sheets(r, f, &v, e);
    for (size_t i = 0; i < f->mapping.count && s == OK; i++)
        s = put_column(r, f, i, &list[i], e);
    v.columns = (struct api_list){list, f->mapping.count};
    return s == OK ? api_reply(r, res, &v, e) : s;
}

/* Opens an upload and guesses its columns; sheet -1: the one that is probably the ledger. `at` is
 * where the sheet was given. */
static enum status open_file(struct web_request *r, struct web_response *res, int64_t upload,
                             int64_t sheet, const char *at, struct import_file *f, struct err *e)
{
    enum status s = import_file_load(r->db, r->arena, r->id[0], upload, f, e);
    if (s != OK)
        return s;
    f->sheet = sheet < 0 ? book_best_sheet(f->book) : (size_t)sheet;
    if (f->sheet >= book_sheet_count(f->book)) {
        (void)err_set(e, ST_INVALID, N_("the file has no such sheet"));
        return api_fault_at(r, res, at, e);
    }
    s = import_file_guess(f, e);
    return s == OK ? ledger_import_remembered(r->db, &f->mapping, &f->known, e) : s;
}

static bool is_refusal(enum status s)
{
    return s == ST_INVALID || s == ST_MALFORMED || s == ST_LIMIT || s == ST_UNSUPPORTED;
}

/* A file that cannot be read is not kept; the sweep takes what this cannot. */
static void drop_file(struct web_request *r, int64_t upload)
{
    struct err gone;
    db_rollback(r->db);
    if (db_begin(r->db, &gone) == OK &&
        (upload_remove(r->db, upload, &gone) != OK || db_commit(r->db, &gone) != OK))
        db_rollback(r->db);
}

static enum status add_file(struct web_request *r, struct web_response *res, struct err *e)
{
    const struct web_file *file = web_file_of(r, "file");
    struct import_file f = {0};
    char none = 0;
    int64_t id = 0;
    enum status s = api_body(r, res, &none, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK && (!file || !file->name.n)) {
        (void)err_set(e, ST_INVALID, N_("no file was chosen"));
        return api_fault_at(r, res, "/file", e);
    }
    if (s == OK)
        s = upload_store(r->db, r->id[0], r->actor.id, file, &id, e);
    if (s != OK)
        return s;
    s = db_begin_read(r->db, e);
    if (s == OK)
        s = open_file(r, res, id, -1, "sheet", &f, e);
    if (s == OK) {
        api_place(r, res, API "/incidents/%" PRId64 "/imports/files/%" PRId64, r->id[0], id);
        s = reply_file(r, res, &f, e);
    }
    import_file_done(&f);
    if (is_refusal(s))
        drop_file(r, id);
    return s;
}

struct sheet_query {
    int64_t sheet;
};
enum { SHEET_GIVEN };
static const struct api_field sheet_query_fields[] = {
    [SHEET_GIVEN] = API_ROW(struct sheet_query, sheet, "sheet", API_INT,
                            .says = "of which sheet (the one that is probably the ledger)"),
    {0},
};
static const struct api_schema sheet_query_schema = {"SheetQuery", sizeof(struct sheet_query),
                                                     sheet_query_fields, NULL};

static enum status get_file(struct web_request *r, struct web_response *res, struct err *e)
{
    struct sheet_query q = {0};
    struct import_file f = {0};
    uint64_t given = 0;
    enum status s = api_query(r, res, &q, &given, e);
    if (s == OK)
        s = open_file(r, res, r->id[1], given >> SHEET_GIVEN & 1 ? q.sheet : -1, "sheet", &f, e);
    if (s == OK)
        s = reply_file(r, res, &f, e);
    import_file_done(&f);
    return s;
}

/* --- what a person chose */

struct column_input {
    int64_t column;
    struct slice field;
};
static const struct api_field column_input_fields[] = {
    API_ROW(struct column_input, column, "column", API_INT, .flags = API_NEED),
    API_ROW(struct column_input, field, "field", API_TEXT, .flags = API_NEED, .min = 1),
    {0},
};
static const struct api_schema column_input_schema = {"ColumnChoice", sizeof(struct column_input),
                                                      column_input_fields, NULL};

struct choice {
    int64_t sheet, version;
    struct api_list columns;
    struct api_ids leave_out;
};
#define CHOICE_FIELDS                                                                      \
    API_ROW(struct choice, sheet, "sheet", API_INT,                                        \
            .says = "(the one that is probably the ledger)"),                              \
        API_ROW(struct choice, columns, "columns", API_LIST, .of = &column_input_schema,   \
                .max = LIMIT_SHEET_COLUMNS,                                                \
                .says = "where the guess is not right; others stay as they were guessed"), \
        API_ROW(struct choice, leave_out, "leave_out", API_IDS, .max = IMPORT_LEFT_OUT,    \
                .says = "rows of the file that are not to be imported")
static const struct api_field plan_fields[] = {CHOICE_FIELDS, {0}};
static const struct api_schema plan_input_schema = {"ImportChoice", sizeof(struct choice),
                                                    plan_fields, NULL};
static const struct api_field run_fields[] = {
    CHOICE_FIELDS,
    API_ROW(struct choice, version, "ledger_version", API_INT, .flags = API_NEED,
            .says = "that of the plan: nobody changed the ledger since"),
    {0},
};
static const struct api_schema run_input_schema = {"ImportOrder", sizeof(struct choice), run_fields,
                                                   NULL};

static enum status choose_columns(struct web_request *r, struct web_response *res,
                                  const struct choice *in, struct import_file *f, struct err *e)
{
    const struct column_input *list = in->columns.v;
    for (size_t i = 0; i < in->columns.count; i++) {
        struct mapping_column *c = NULL;
        for (size_t k = 0; k < f->mapping.count; k++)
            if (f->mapping.columns[k].column == (uint64_t)list[i].column)
                c = &f->mapping.columns[k];
        bool fits = c && import_choose(c, list[i].field);
        const char *at = arena_printf(r->arena, "/columns/%zu/%s", i, c ? "field" : "column");
        if (fits)
            continue;
        if (!at)
            return api_nomem(e);
        if (c)
            (void)err_set(e, ST_INVALID, N_("a column cannot mean this"));
        else
            (void)err_set(e, ST_INVALID, N_("the sheet has no such column"));
        return api_fault_at(r, res, at, e);
    }
    return OK;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static enum status choose_rows(struct web_request *r, struct web_response *res,
                               const struct choice *in, struct import_file *f, struct err *e)
{
    f->left_out = arena_alloc_array(r->arena, in->leave_out.count + 1, sizeof *f->left_out);
    if (!f->left_out)
        return api_nomem(e);
    for (size_t i = 0; i < in->leave_out.count; i++) {
        if (in->leave_out.v[i] > LIMIT_SHEET_ROWS) {
            (void)err_set(e, ST_INVALID, N_("a row to be left out is not a number"));
            return api_fault_at(r, res, "/leave_out", e);
        }
        f->left_out[f->left_out_count++] = (uint32_t)in->leave_out.v[i];
    }
    qsort(f->left_out, f->left_out_count, sizeof *f->left_out, by_number);
    return OK;
}

/* The file with all that was chosen, inside a reading transaction of the handler's own: planning a
 * large file takes a while, and must not keep the one writer of SQLite waiting. */
static enum status open_chosen(struct web_request *r, struct web_response *res, struct choice *in,
                               struct import_file *f, struct err *e)
{
    uint64_t given = 0;
    enum status s = api_body(r, res, in, &given, e);
    if (s == OK)
        s = db_begin_read(r->db, e);
    if (s == OK)
        s = open_file(r, res, r->id[1], given & 1 ? in->sheet : -1, "/sheet", f, e);
    if (s == OK)
        s = choose_columns(r, res, in, f, e);
    return s == OK ? choose_rows(r, res, in, f, e) : s;
}

/* --- what would change */

struct field_view {
    struct slice field, before, after;
    bool board_edit;
};
static const struct api_field field_fields[] = {
    API_ROW(struct field_view, field, "field", API_TEXT),
    API_ROW(struct field_view, before, "before", API_TEXT),
    API_ROW(struct field_view, after, "after", API_TEXT),
    API_ROW(struct field_view, board_edit, "board_edit", API_BOOL,
            .says = "people changed it on the board, too: `before` is theirs"),
    {0},
};
static const struct api_schema field_schema = {"ImportFieldChange", sizeof(struct field_view),
                                               field_fields, NULL};
struct change_view {
    int64_t row, asset;
    struct slice name, action;
    struct api_list fields;
};
static const char *const action_words[] = {
    [IMPORT_ADD] = "add", [IMPORT_CHANGE] = "change", [IMPORT_SAME] = "same", NULL};
static const struct api_field change_fields[] = {
    API_ROW(struct change_view, row, "row", API_INT, .says = "of the file"),
    API_ROW(struct change_view, asset, "asset", API_ID, .flags = API_NULL, .says = "null: new"),
    API_ROW(struct change_view, name, "name", API_TEXT),
    API_ROW(struct change_view, action, "action", API_WORD, .words = action_words),
    API_ROW(struct change_view, fields, "fields", API_LIST, .of = &field_schema),
    {0},
};
static const struct api_schema change_schema = {"ImportChange", sizeof(struct change_view),
                                                change_fields, NULL};
struct problem_view {
    struct slice severity, id, value, text;
    int64_t row, column, other_row;
};
static const char *const severity_words[] = {
    [MUST_SOLVE] = "must_solve", [TO_KNOW] = "to_know", NULL};
static const struct api_field problem_fields[] = {
    API_ROW(struct problem_view, severity, "severity", API_WORD, .words = severity_words),
    API_ROW(struct problem_view, id, "id", API_TEXT),
    API_ROW(struct problem_view, row, "row", API_INT),
    API_ROW(struct problem_view, column, "column", API_INT, .says = "from 0"),
    API_ROW(struct problem_view, other_row, "other_row", API_INT, .says = "of a duplicate; else 0"),
    API_ROW(struct problem_view, value, "value", API_TEXT),
    API_ROW(struct problem_view, text, "text", API_TEXT,
            .says = "the place and the way out, in the language asked for"),
    {0},
};
static const struct api_schema problem_schema = {"ImportProblem", sizeof(struct problem_view),
                                                 problem_fields, NULL};

struct plan_view {
    int64_t rows, added, changed, same, missing, empty, left_out, must_solve, to_know, version;
    struct api_list changes, problems;
};
#define ROW(member, ...) API_ROW(struct plan_view, member, #member, API_INT, __VA_ARGS__)
static const struct api_field plan_view_fields[] = {
    ROW(rows, .says = "read, without empty ones"),
    ROW(added, .says = NULL),
    ROW(changed, .says = NULL),
    ROW(same, .says = NULL),
    ROW(missing, .says = "rows of the ledger that the file does not have; they stay"),
    ROW(empty, .says = NULL),
    ROW(left_out, .says = NULL),
    ROW(must_solve, .says = "problems that have to be solved, or their rows left out"),
    ROW(to_know, .says = NULL),
    API_ROW(struct plan_view, version, "ledger_version", API_INT),
    API_ROW(struct plan_view, changes, "changes", API_LIST, .of = &change_schema,
            .says = "the first of them"),
    API_ROW(struct plan_view, problems, "problems", API_LIST, .of = &problem_schema,
            .says = "the first of them"),
    {0},
};
#undef ROW
static const struct api_schema plan_schema = {"ImportPlan", sizeof(struct plan_view),
                                              plan_view_fields, NULL};

static const char *name_of_field(enum ledger_field f)
{
    return f == FIELD_ASSET_NUMBER ? "number" : field_code(f);
}

static enum status put_changes(struct web_request *r, const struct import_plan *plan,
                               struct plan_view *v, struct err *e)
{
    size_t bytes = 0;
    size_t n = 0;
    struct change_view *list = arena_alloc_array(r->arena, plan->change_count + 1, sizeof *list);
    if (!list)
        return api_nomem(e);
    for (; n < plan->change_count && bytes < CHANGES_BYTES; n++) {
        const struct import_change *c = &plan->changes[n];
        struct field_view *fields = arena_alloc_array(r->arena, c->field_count + 1, sizeof *fields);
        if (!fields)
            return api_nomem(e);
        for (size_t i = 0; i < c->field_count; i++) {
            const struct import_field *f = &c->fields[i];
            fields[i] = (struct field_view){slice_str(name_of_field(f->field)), f->before, f->after,
                                            f->board_edit};
            bytes += f->before.n + f->after.n + 64;
        }
        list[n] = (struct change_view){c->row,
                                       c->asset,
                                       c->name,
                                       slice_str(action_words[c->action]),
                                       {fields, c->field_count}};
        bytes += c->name.n + 64;
    }
    v->changes = (struct api_list){list, n};
    return OK;
}

static enum status put_problems(struct web_request *r, const struct import_file *f,
                                const struct import_plan *plan, struct plan_view *v, struct err *e)
{
    struct buf text;
    struct problem_view *list = arena_alloc_array(r->arena, plan->problem_count + 1, sizeof *list);
    enum status s = OK;
    if (!list)
        return api_nomem(e);
    buf_init(&text, KIB(256));
    for (size_t i = 0; i < plan->problem_count && s == OK; i++) {
        const struct import_problem *p = &plan->problems[i];
        struct problem_at at = {.sheet = book_place(f->book, f->sheet),
                                .row = p->row,
                                .column = p->column,
                                .other_row = p->other_row,
                                .value = p->value};
        list[i] = (struct problem_view){.severity = slice_str(severity_words[p->severity]),
                                        .id = slice_str(p->id),
                                        .value = p->value,
                                        .row = p->row,
                                        .column = p->column,
                                        .other_row = p->other_row};
        buf_clear(&text);
        s = problem_add_text(&text, r->lang, p->id, &at);
        s = s == OK ? api_keep(r, buf_text(&text), &list[i].text, e) : api_nomem(e);
    }
    buf_done(&text);
    v->problems = (struct api_list){list, plan->problem_count};
    return s;
}

static enum status reply_plan(struct web_request *r, struct web_response *res,
                              const struct import_file *f, struct err *e)
{
    struct arena memory;
    struct import_plan plan;
    struct import_options o = {.file = f->upload.name,
                               .sheet = f->sheet,
                               .mapping = &f->mapping,
                               .leave_out = f->left_out,
                               .leave_out_count = f->left_out_count};
    arena_init(&memory, PLAN_MEMORY);
    enum status s = ledger_import_plan(r->db, r->id[0], f->book, &o, &memory, &plan, e);
    if (s == OK) {
        struct plan_view v = {plan.rows,    plan.added,          plan.changed,  plan.same,
                              plan.missing, plan.empty,          plan.left_out, plan.must_solve,
                              plan.to_know, plan.ledger_version, {0},           {0}};
        s = put_changes(r, &plan, &v, e);
        if (s == OK)
            s = put_problems(r, f, &plan, &v, e);
        if (s == OK)
            s = api_reply(r, res, &v, e);
    }
    arena_done(&memory);
    return s;
}

static enum status plan_import(struct web_request *r, struct web_response *res, struct err *e)
{
    struct choice in = {0};
    struct import_file f = {0};
    enum status s = open_chosen(r, res, &in, &f, e);
    if (s == OK)
        s = reply_plan(r, res, &f, e);
    import_file_done(&f);
    return s;
}

/* --- carrying it out */

struct job_answer {
    int64_t id, incident, done, total, made_ms;
    struct slice kind, state, result, fault;
};
static const char *const job_states[] = {
    [JOB_RUNNING] = "running", [JOB_DONE] = "done", [JOB_FAILED] = "failed", NULL};
static const struct api_field job_fields[] = {
    API_ROW(struct job_answer, id, "id", API_ID),
    API_ROW(struct job_answer, incident, "incident", API_ID),
    API_ROW(struct job_answer, kind, "kind", API_TEXT, .says = "\"ledger.import\""),
    API_ROW(struct job_answer, state, "state", API_WORD, .words = job_states),
    API_ROW(struct job_answer, done, "done", API_INT),
    API_ROW(struct job_answer, total, "total", API_INT, .says = "0: not known"),
    API_ROW(struct job_answer, result, "result", API_JSON_TEXT,
            .raw = "{\"type\": [\"object\", \"null\"]}", .says = "when it is done"),
    API_ROW(struct job_answer, fault, "fault", API_TEXT, .flags = API_NULL,
            .says = "why it failed, in the language of who began it"),
    API_ROW(struct job_answer, made_ms, "made", API_TIME),
    {0},
};
static const struct api_schema job_schema = {"Job", sizeof(struct job_answer), job_fields, NULL};

static enum status reply_job(struct web_request *r, struct web_response *res, int64_t id,
                             struct err *e)
{
    struct job_view job;
    enum status s = job_find(r, r->id[0], id, &job, e);
    if (s != OK)
        return s;
    struct job_answer v = {.id = job.id,
                           .incident = job.incident,
                           .done = job.done,
                           .total = job.total,
                           .made_ms = job.made_ms,
                           .kind = slice_str(job.kind),
                           .state = slice_str(job_states[job.state])};
    if (job.state == JOB_DONE)
        v.result = slice_str(job.result);
    if (job.state == JOB_FAILED)
        v.fault = slice_str(job.result);
    return api_reply(r, res, &v, e);
}

/* A ledger that changed since it was planned is seen here already; when it changes while the job
 * waits, the job says so. */
static enum status run_import(struct web_request *r, struct web_response *res, struct err *e)
{
    struct choice in = {0};
    struct import_file f = {0};
    int64_t now = 0;
    int64_t job = 0;
    enum status s = open_chosen(r, res, &in, &f, e);
    if (s == OK)
        s = db_get_int(r->db, &now, e,
                       "SELECT COALESCE(MAX(row_version), 0) FROM asset WHERE incident_id = $1",
                       "i", r->id[0]);
    if (s == OK && now != in.version)
        s = err_set(e, ST_CONFLICT, N_("the ledger was changed meanwhile; plan again"));
    if (s == OK) {
        db_rollback(r->db);
        s = import_start(r, &f, in.version, &job, e);
    }
    import_file_done(&f);
    if (s != OK)
        return s;
    api_place(r, res, API "/incidents/%" PRId64 "/jobs/%" PRId64, r->id[0], job);
    return reply_job(r, res, job, e);
}

static enum status get_job(struct web_request *r, struct web_response *res, struct err *e)
{
    return reply_job(r, res, r->id[1], e);
}

/* --- what was imported */

struct import_view {
    int64_t id, rows, added, changed, same, missing, at_ms;
    struct slice file, sheet, sha256;
};
#define ROW(member, kind, ...) API_ROW(struct import_view, member, #member, kind, __VA_ARGS__)
static const struct api_field import_fields[] = {
    ROW(id, API_ID, .says = NULL),
    API_ROW(struct import_view, at_ms, "at", API_TIME, .says = NULL),
    ROW(file, API_TEXT, .says = NULL),
    ROW(sheet, API_TEXT, .says = NULL),
    ROW(sha256, API_TEXT, .says = "of the file"),
    ROW(rows, API_INT, .says = NULL),
    ROW(added, API_INT, .says = NULL),
    ROW(changed, API_INT, .says = NULL),
    ROW(same, API_INT, .says = NULL),
    ROW(missing, API_INT, .says = NULL),
    {0},
};
#undef ROW
static const struct api_schema import_schema = {"Import", sizeof(struct import_view), import_fields,
                                                "an import that was carried out"};
API_PAGE_SCHEMA(import_list, "ImportList", import_schema);

static enum status import_of_row(struct web_request *r, const struct db_rows *rows,
                                 struct import_view *v, struct err *e)
{
    int64_t *const numbers[] = {&v->id,   &v->rows,    &v->added, &v->changed,
                                &v->same, &v->missing, &v->at_ms};
    struct slice *const texts[] = {&v->file, &v->sheet, &v->sha256};
    enum status s = OK;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = db_int(rows, (int)i);
    for (size_t i = 0; i < ARRAY_LEN(texts) && s == OK; i++)
        s = api_keep(r, db_text(rows, (int)(ARRAY_LEN(numbers) + i)), texts[i], e);
    return s;
}

static enum status list_imports(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t before = INT64_MAX;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "imports", &before, e);
    size_t limit = api_limit(&q);
    struct import_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT id, rows, added, changed, same, missing, at_ms, file, sheet, sha256 "
                     "FROM import WHERE incident_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                     "iii", r->id[0], before, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = import_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "imports", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

/* --- out again */

static const char *const format_words[] = {
    [EXPORT_XLSX] = "xlsx", [EXPORT_CSV] = "csv", [EXPORT_CSV_CP932] = "cp932", NULL};
static const char *const format_types[] = {
    [EXPORT_XLSX] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    [EXPORT_CSV] = "text/csv; charset=utf-8",
    [EXPORT_CSV_CP932] = "text/csv; charset=shift_jis",
};

struct export_query {
    struct api_filter filter;
    struct slice format;
    bool anyway;
};
static const struct api_field export_fields[] = {
    API_ROW(struct export_query, format, "format", API_WORD, .words = format_words,
            .says = "(xlsx)"),
    API_ROW(struct export_query, anyway, "anyway", API_BOOL,
            .says = "cp932: take ? for characters that it does not have"),
    API_FILTER_FIELDS(struct export_query, filter),
    {0},
};
static const struct api_schema export_schema = {"ExportQuery", sizeof(struct export_query),
                                                export_fields, NULL};

static enum status write_export(struct web_request *r, const struct ledger_filter *f,
                                enum export_format format, int *ret_fd,
                                struct export_loss *ret_loss, struct err *e)
{
    char path[] = "/tmp/hikeshi-export-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, ST_IO, "a file for the export");
    (void)close(fd);
    enum status s = ledger_export(r->db, f, format, r->lang, path, ret_loss, e);
    fd = s == OK ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (s == OK && fd < 0)
        s = err_set_errno(e, ST_IO, "the file of the export");
    (void)unlink(path);
    *ret_fd = fd;
    return s;
}

static enum status export_ledger(struct web_request *r, struct web_response *res, struct err *e)
{
    struct export_query q = {0};
    struct export_loss loss = {0};
    enum export_format format = EXPORT_XLSX;
    int fd = -1;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    for (size_t i = 0; format_words[i]; i++)
        if (slice_eq_str(q.format, format_words[i]))
            format = (enum export_format)i;
    struct ledger_filter f = api_ledger_filter(r, r->id[0], &q.filter);
    if (s == OK)
        s = write_export(r, &f, format, &fd, &loss, e);
    if (s != OK)
        return s == ST_LIMIT ? api_fault_at(r, res, "search", e) : s;
    if (loss.cells && !q.anyway) {
        (void)close(fd);
        (void)err_set(
            e, ST_INVALID,
            N_("%u cells hold characters that CP932 does not have, first %s; take another "
               "format, or anyway=true for ? in their place"),
            (unsigned)loss.cells, loss.first);
        return api_fault_at(r, res, "format", e);
    }
    const char *name = arena_printf(r->arena, "%s.%s", T(r->lang, "Ledger"),
                                    format == EXPORT_XLSX ? "xlsx" : "csv");
    return web_send_file(res, fd, format_types[format], name ? name : "ledger");
}

const struct web_route api_import_routes[] = {
    {WEB_GET, API "/incidents/:n/imports", ROLES_LEDGER, 0, ROUTE_API, list_imports,
     "Imports that were carried out, the newest first"},
    {WEB_POST, API "/incidents/:n/imports/files", ROLES_EDIT, LIMIT_UPLOAD_BYTES,
     ROUTE_API | ROUTE_FILES | ROUTE_OWN_TX, add_file, "Hand in a file with a ledger"},
    {WEB_GET, API "/incidents/:n/imports/files/:n", ROLES_EDIT, 0, ROUTE_API, get_file,
     "What the columns of a file mean, of one of its sheets"},
    {WEB_POST, API "/incidents/:n/imports/files/:n/plan", ROLES_EDIT, MIB(1),
     ROUTE_API | ROUTE_OWN_TX, plan_import, "What an import would change; nothing is written"},
    {WEB_POST, API "/incidents/:n/imports/files/:n/run", ROLES_EDIT, MIB(1),
     ROUTE_API | ROUTE_OWN_TX, run_import, "Carry an import out as it was planned: begins a job"},
    {WEB_GET, API "/incidents/:n/jobs/:n", ROLES_EDIT, 0, ROUTE_API, get_job,
     "How far a job is, and what became of it"},
    {WEB_GET, API "/incidents/:n/export", ROLES_READ, 0, ROUTE_API, export_ledger,
     "The rows of a filter as a file that Excel opens rightly"},
    {0},
};

const struct api_op api_import_ops[] = {
    API_OP(list_imports, "listImports", "ledger files", .params = {"incident"},
           .query = &api_paging_query, .answer = &import_list, .code = 200),
    API_OP(add_file, "addImportFile", "ledger files", .params = {"incident"}, .body = &api_nothing,
           .answer = &file_schema, .code = 201, .flags = API_FORM | API_PLACE | API_LANGUAGE,
           .says = "A form with the file as `file`: .xlsx, .csv or .tsv in any Japanese charset."),
    API_OP(get_file, "getImportFile", "ledger files", .params = {"incident", "file"},
           .query = &sheet_query_schema, .answer = &file_schema, .code = 200,
           .flags = API_LANGUAGE),
    API_OP(plan_import, "planImport", "ledger files", .params = {"incident", "file"},
           .body = &plan_input_schema, .answer = &plan_schema, .code = 200, .flags = API_LANGUAGE),
    API_OP(run_import, "runImport", "ledger files", .params = {"incident", "file"},
           .body = &run_input_schema, .answer = &job_schema, .code = 202,
           .flags = API_PLACE | API_CONFLICT | API_LANGUAGE,
           .says = "Everything is written in one transaction, or nothing. 409: the ledger is no "
                   "longer at `ledger_version`."),
    API_OP(get_job, "getJob", "ledger files", .params = {"incident", "job"}, .answer = &job_schema,
           .code = 200),
    API_OP(export_ledger, "exportLedger", "ledger files", .params = {"incident"},
           .query = &export_schema, .code = 200, .answer_type = "application/octet-stream",
           .flags = API_LANGUAGE,
           .says = "xlsx, CSV in UTF-8 with BOM (csv) or in CP932; formulas are neutralised."),
    {0},
};
