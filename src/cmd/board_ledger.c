/* hikeshi-board ledger …: reading a company's ledger from a file, and writing it to one. */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "board/case/ledger_export.h"
#include "board/case/ledger_import.h"
#include "board/office/words.h"
#include "cmd/board_verbs.h"

#include <inttypes.h>
#include <unistd.h>

#define SAMPLE_ROWS 200  /* from which the columns' meaning is guessed */
#define SHOWN_CHANGES 20 /* printed of each kind; the counts are of all */
#define MEMORY MIB(256)

struct importing {
    enum lang lang;
    int64_t incident;
    struct arena a;
    struct buf bytes, out;
    struct book *book;
    struct mapping mapping;
    struct import_options options;
    struct import_plan plan;
    struct buf left_out; /* uint32_t, ascending */
};

/* Prints what was put together, and empties it. */
static void print(struct buf *out)
{
    (void)fwrite(buf_text(out), 1, out->n, stdout);
    buf_clear(out);
}

/* --- reading */

static enum status find_sheet(struct importing *im, const char *name, struct err *e)
{
    im->options.sheet = book_best_sheet(im->book);
    if (!name)
        return OK;
    for (size_t i = 0; i < book_sheet_count(im->book); i++) {
        im->options.sheet = i;
        if (strcmp(book_sheet(im->book, i)->name, name) == 0)
            return OK;
    }
    return err_set(e, ST_INVALID, N_("the file has no sheet %s"), name);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x;
    uint32_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* "3,17,40-42" */
static enum status parse_rows(struct buf *rows, const char *text, struct err *e)
{
    struct slice rest = slice_str(text);
    struct slice part;
    while (slice_next_field(&rest, ',', &part)) {
        size_t dash = slice_index(part, '-');
        uint64_t first = 0;
        uint64_t last = 0;
        enum status s = slice_to_u64(slice_sub(part, 0, dash), &first);
        last = first;
        if (s == OK && dash < part.n)
            s = slice_to_u64(slice_sub(part, dash + 1, part.n), &last);
        if (s != OK || first == 0 || last < first || last > LIMIT_SHEET_ROWS)
            return err_set(e, ST_INVALID, N_("--leave-out %s: give row numbers like 3,17,40-42"),
                           text);
        for (uint64_t row = first; row <= last; row++) {
            uint32_t number = (uint32_t)row;
            if (buf_add(rows, &number, sizeof number) != OK)
                return err_set(e, buf_status(rows), N_("--leave-out: too many rows"));
        }
    }
    if (rows->n)
        qsort(rows->p, rows->n / sizeof(uint32_t), sizeof(uint32_t), ascending);
    return OK;
}

static enum status open_file(struct importing *im, const struct options *o, struct err *e)
{
    struct book_options how = {.charset = o->charset};
    enum status s = file_read_all(o->args[0], &im->bytes, e);
    if (s == OK)
        s = book_open(buf_slice(&im->bytes), &how, &im->book, e);
    if (s == OK)
        s = find_sheet(im, o->sheet, e);
    if (s == OK && o->leave_out)
        s = parse_rows(&im->left_out, o->leave_out, e);
    const char *slash = strrchr(o->args[0], '/');
    im->options.file = slash ? slash + 1 : o->args[0];
    im->options.mapping = &im->mapping;
    im->options.leave_out = (const uint32_t *)(const void *)im->left_out.p;
    im->options.leave_out_count = im->left_out.n / sizeof(uint32_t);
    return s;
}

static enum status map_columns(struct importing *im, struct db *db, struct err *e)
{
    struct sheet_row *rows = NULL;
    size_t count = 0;
    size_t known = 0;
    enum status s =
        sheet_sample(im->book, im->options.sheet, SAMPLE_ROWS, &im->a, &rows, &count, e);
    if (s == OK)
        s = mapping_guess(rows, count, &im->a, &im->mapping, e);
    return s == OK ? ledger_import_remembered(db, &im->mapping, &known, e) : s;
}

/* --- telling */

static void tell_columns(struct importing *im)
{
    for (size_t i = 0; i < im->mapping.count; i++) {
        const struct mapping_column *c = &im->mapping.columns[i];
        char letters[COLUMN_LETTERS_SIZE];
        if (c->header.n == 0 && c->field == FIELD_LEAVE_OUT)
            continue;
        column_letters(c->column, letters);
        (void)buf_addf(&im->out, "  %-3s ", letters);
        (void)text_add_padded(&im->out, c->header, 24);
        (void)buf_addf(&im->out, " -> %s", field_label(im->lang, c->field));
        if (c->second != FIELD_LEAVE_OUT)
            (void)buf_addf(&im->out, " + %s", field_label(im->lang, c->second));
        (void)buf_add_str(&im->out, " (");
        (void)mapping_add_reason(&im->out, im->lang, &im->mapping, i, NULL);
        (void)buf_add_str(&im->out, ")\n");
    }
    print(&im->out);
}

static void tell_field(struct importing *im, const struct import_field *f)
{
    (void)buf_addf(&im->out, "      %s: ", field_label(im->lang, f->field));
    (void)text_add_escaped(&im->out, f->before);
    (void)buf_add_str(&im->out, " -> ");
    (void)text_add_escaped(&im->out, f->after);
    if (f->board_edit)
        (void)buf_addf(&im->out, " %s", T(im->lang, "(was changed on the board, too)"));
    (void)buf_add_char(&im->out, '\n');
}

static void tell_changes(struct importing *im)
{
    size_t told[3] = {0};
    for (size_t i = 0; i < im->plan.change_count; i++) {
        const struct import_change *c = &im->plan.changes[i];
        if (c->action == IMPORT_SAME || told[c->action]++ >= SHOWN_CHANGES)
            continue;
        (void)buf_addf(&im->out, "  %c ", c->action == IMPORT_ADD ? '+' : '~');
        (void)buf_addf(&im->out, T(im->lang, "row %u: "), c->row);
        (void)text_add_escaped(&im->out, c->name);
        (void)buf_add_char(&im->out, '\n');
        for (size_t k = 0; k < c->field_count && c->action == IMPORT_CHANGE; k++)
            tell_field(im, &c->fields[k]);
        print(&im->out);
    }
    for (int action = IMPORT_ADD; action <= IMPORT_CHANGE; action++) {
        uint32_t all = action == IMPORT_ADD ? im->plan.added : im->plan.changed;
        if (all > SHOWN_CHANGES)
            (void)buf_addf(&im->out, T(im->lang, "  %c and %u more\n"),
                           action == IMPORT_ADD ? '+' : '~', all - SHOWN_CHANGES);
    }
    print(&im->out);
}

static void tell_problems(struct importing *im)
{
    bool csv = strcmp(book_format(im->book), "xlsx") != 0;
    for (size_t i = 0; i < im->plan.problem_count; i++) {
        const struct import_problem *p = &im->plan.problems[i];
        const struct problem_at at = {csv ? NULL : book_sheet(im->book, im->options.sheet)->name,
                                      p->row, p->column, p->other_row, p->value};
        (void)buf_addf(&im->out, "  %s ", p->severity == MUST_SOLVE ? "!" : "?");
        (void)problem_add_text(&im->out, im->lang, p->id, &at);
        (void)buf_add_char(&im->out, '\n');
        print(&im->out);
    }
    size_t all = (size_t)im->plan.must_solve + im->plan.to_know;
    if (all > im->plan.problem_count)
        (void)buf_addf(&im->out, T(im->lang, "  ? and %zu more\n"), all - im->plan.problem_count);
    print(&im->out);
}

static void tell_counts(struct importing *im)
{
    const struct import_plan *p = &im->plan;
    (void)buf_addf(&im->out,
                   T(im->lang, "%u rows: %u added, %u changed, %u as before, %u left out\n"),
                   p->rows, p->added, p->changed, p->same, p->left_out);
    if (p->missing)
        (void)buf_addf(&im->out,
                       TN(im->lang, "%u row of the ledger is not in the file; it stays\n",
                          "%u rows of the ledger are not in the file; they stay\n", p->missing),
                       p->missing);
    print(&im->out);
}

static bool on_progress(void *ctx, int64_t done, int64_t total)
{
    const struct importing *im = ctx;
    (void)fputc('\r', stderr);
    if (total)
        (void)fprintf(stderr, T(im->lang, "row %lld of %lld"), (long long)done, (long long)total);
    else
        (void)fprintf(stderr, T(im->lang, "reading row %lld"), (long long)done);
    (void)fputs("\033[K", stderr);
    return true;
}

/* --- import */

static enum status plan(struct importing *im, struct db *db, struct err *e)
{
    return ledger_import_plan(db, im->incident, im->book, &im->options, &im->a, &im->plan, e);
}

/* Carries the import out; where problems must be solved first, they are told. */
static enum status carry_out(struct importing *im, struct db *db, struct err *e)
{
    enum status s =
        ledger_import_run(db, &command_line, im->incident, im->book, buf_slice(&im->bytes),
                          &im->options, -1, &im->plan, &im->a, e);
    if (s == ST_INVALID && plan(im, db, NULL) == OK)
        tell_problems(im);
    return s;
}

static enum status import_file(struct importing *im, struct db *db, const struct options *o,
                               struct err *e)
{
    enum status s = incident_of_options(db, o, &im->incident, e);
    if (s == OK)
        s = open_file(im, o, e);
    if (s == OK)
        s = map_columns(im, db, e);
    if (s != OK)
        return s;
    (void)buf_addf(&im->out, T(im->lang, "%s, sheet %s, names of the columns in row %u\n"),
                   book_format(im->book), book_sheet(im->book, im->options.sheet)->name,
                   im->mapping.header_row);
    print(&im->out);
    tell_columns(im);
    if (isatty(STDERR_FILENO)) {
        im->options.progress = on_progress;
        im->options.progress_ctx = im;
    }
    s = o->dry_run ? plan(im, db, e) : carry_out(im, db, e);
    if (im->options.progress)
        (void)fputs("\r\033[K", stderr);
    if (s != OK)
        return s;
    tell_changes(im);
    tell_problems(im);
    tell_counts(im);
    if (o->dry_run)
        (void)puts(T(im->lang, "nothing was written (--dry-run)"));
    if (o->dry_run && im->plan.must_solve)
        return err_set(e, ST_INVALID,
                       N_("%u problems of the file must be solved first, or their rows left out"),
                       im->plan.must_solve);
    return OK;
}

static enum status verb_import(struct db *db, const struct options *o, struct err *e)
{
    struct importing *im = calloc(1, sizeof *im);
    if (!im)
        return err_set(e, ST_NOMEM, "out of memory");
    im->lang = lang_from_environment();
    arena_init(&im->a, MEMORY);
    buf_init(&im->bytes, LIMIT_OFFICE_FILE_BYTES);
    buf_init(&im->out, MIB(4));
    buf_init(&im->left_out, LIMIT_SHEET_ROWS * sizeof(uint32_t));
    enum status s = import_file(im, db, o, e);
    book_free(im->book);
    buf_done(&im->bytes);
    buf_done(&im->out);
    buf_done(&im->left_out);
    arena_done(&im->a);
    free(im);
    return s;
}

/* --- export */

static enum status format_of(const struct options *o, enum export_format *ret, struct err *e)
{
    struct slice name = slice_str(o->args[0]);
    bool cp932 = o->charset && strcmp(o->charset, "cp932") == 0;
    if (o->charset && !cp932 && strcmp(o->charset, "utf-8") != 0)
        return err_set(e, ST_INVALID, N_("--charset %s: utf-8 or cp932"), o->charset);
    if (slice_ends(name, SLICE_LIT(".csv")))
        *ret = cp932 ? EXPORT_CSV_CP932 : EXPORT_CSV;
    else if (slice_ends(name, SLICE_LIT(".xlsx")) && !o->charset)
        *ret = EXPORT_XLSX;
    else
        return err_set(e, ST_INVALID,
                       N_("%s: the name must end with .xlsx, or .csv (which has a "
                          "--charset)"),
                       o->args[0]);
    return OK;
}

/* Into a file beside it first, so that a failure leaves what was there. */
static enum status export_file(struct db *db, const struct ledger_filter *f,
                               enum export_format format, const char *path,
                               struct export_loss *loss, struct err *e)
{
    char part[4096];
    int n = snprintf(part, sizeof part, "%s.part", path);
    if (n < 0 || (size_t)n >= sizeof part)
        return err_set(e, ST_LIMIT, N_("the path is too long"));
    enum status s = ledger_export(db, f, format, lang_from_environment(), part, loss, e);
    if (s == OK && rename(part, path) != 0)
        s = err_set_errno(e, ST_IO, "%s", path);
    if (s != OK)
        (void)unlink(part);
    return s;
}

static enum status verb_export(struct db *db, const struct options *o, struct err *e)
{
    struct ledger_filter f = {.order = LEDGER_BY_NUMBER, .retired = true};
    struct export_loss loss = {0};
    enum export_format format = EXPORT_CSV;
    enum lang lang = lang_from_environment();
    enum status s = format_of(o, &format, e);
    if (s == OK)
        s = incident_of_options(db, o, &f.incident, e);
    if (s == OK)
        s = export_file(db, &f, format, o->args[0], &loss, e);
    if (s == OK && loss.cells)
        (void)fprintf(stderr,
                      TN(lang,
                         "hikeshi-board: %u cell has a character that CP932 does not have, shown "
                         "as ?: %s\n",
                         "hikeshi-board: %u cells have characters that CP932 does not have, shown "
                         "as ?; the first is %s\n",
                         loss.cells),
                      loss.cells, loss.first);
    return s;
}

const struct verb ledger_verbs[] = {
    {"ledger", "import", 1, 1, "incident sheet charset leave-out dry-run", verb_import,
     "FILE [--incident N] [--sheet NAME] [--charset NAME] [--leave-out ROWS] [--dry-run]\n"
     "      read a ledger (.xlsx, .csv, .tsv) into the incident; what it changes is printed, with\n"
     "      --dry-run nothing is written; ROWS like 3,17,40-42; the charset is found by itself"},
    {"ledger", "export", 1, 1, "incident charset", verb_export,
     "FILE [--incident N] [--charset utf-8|cp932]\n"
     "      write the ledger with its answers as .xlsx or .csv"},
    {0},
};
