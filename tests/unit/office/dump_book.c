/* dump-book: shows what the office library makes of a file, for tests that stand outside of it.
 *
 *   dump-book rows FILE         {"sheet":…,"row":…,"hidden":…,"cells":[{"text":…,"kind":…}]} a line
 *   dump-book ledger FILE       a line with the mapping and the summary, then one per row
 *   dump-book xlsx|csv|cp932 FILE OUT   writes the rows again, the first one as the header
 *
 * Exit 0, or 1 with the refusal on standard error: a line in English, a line in Japanese. */
#include "base/file.h"
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "board/office/sheet_write.h"
#include "board/office/words.h"

struct dumping {
    struct mapping mapping;
    struct arena a;
    struct buf line;
    struct csv_export csv;
    struct xlsx_writer *xlsx;
    const char *out, *place;
};

static void flush(struct dumping *d)
{
    (void)buf_add_char(&d->line, '\n');
    if (buf_status(&d->line) != OK || fwrite(d->line.p, 1, d->line.n, stdout) != d->line.n)
        exit(1);
    buf_clear(&d->line);
}

static enum status show_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    static const char *const kinds[] = {"empty", "text", "number", "date", "bool", "error"};
    struct dumping *d = ctx;
    struct jsonw w = jsonw_to(&d->line);
    (void)err;
    json_begin_object(&w);
    json_put_str(&w, "sheet", row->sheet);
    json_put_int(&w, "row", row->number);
    json_put_bool(&w, "hidden", row->hidden);
    json_key(&w, "cells");
    json_begin_array(&w);
    for (size_t i = 0; i < row->count; i++) {
        json_begin_object(&w);
        json_put_slice(&w, "text", row->cells[i].text);
        json_put_str(&w, "kind", kinds[row->cells[i].kind]);
        json_put_bool(&w, "merged", row->cells[i].merged);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    flush(d);
    return OK;
}

static void put_problems(struct jsonw *w, const char *sheet, const struct ledger_row *r)
{
    json_key(w, "problems");
    json_begin_array(w);
    for (size_t i = 0; i < r->problem_count; i++) {
        const struct ledger_problem *p = &r->problems[i];
        struct buf text;
        buf_init(&text, KIB(64));
        if (problem_add_text(&text, LANG_JA, p->id,
                             &(struct problem_at){sheet, p->row, p->column, 0, p->value}) == OK)
            json_text(w, buf_slice(&text));
        buf_done(&text);
    }
    json_end_array(w);
}

static enum status show_ledger_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    static const char *const marks[] = {"", "yes", "no"};
    struct dumping *d = ctx;
    struct ledger_row r;
    arena_clear(&d->a);
    enum status st = mapping_apply(&d->mapping, row, &d->a, &r, err);
    if (st != OK || r.empty)
        return st;
    struct jsonw w = jsonw_to(&d->line);
    json_begin_object(&w);
    json_put_int(&w, "row", r.row);
    for (int f = FIELD_NAME; f < FIELD_COUNT; f++)
        json_put_slice(&w, field_code((enum ledger_field)f), r.value[f]);
    json_put_str(&w, "category_code", category_code(r.category));
    json_put_str(&w, "exposed_mark", marks[r.exposed]);
    put_problems(&w, d->place, &r);
    json_end_object(&w);
    flush(d);
    return OK;
}

static void put_column(struct jsonw *w, const struct mapping *m, size_t i,
                       const struct sheet_summary *s)
{
    struct buf why;
    buf_init(&why, KIB(64));
    json_begin_object(w);
    json_put_slice(w, "header", m->columns[i].header);
    json_put_str(w, "field", field_code(m->columns[i].field));
    json_put_str(w, "second", field_code(m->columns[i].second));
    json_put_bool(w, "sure", m->columns[i].sure);
    json_put_int(w, "filled", s->columns[i].filled);
    json_put_int(w, "distinct", s->columns[i].distinct);
    if (mapping_add_reason(&why, LANG_JA, m, i, s) == OK)
        json_put_slice(w, "why", buf_slice(&why));
    json_end_object(w);
    buf_done(&why);
}

static enum status show_ledger(struct dumping *d, struct book *b, size_t sheet, struct err *err)
{
    struct sheet_row *rows;
    size_t n;
    struct arena a;
    struct sheet_summary s;
    arena_init(&a, MIB(64));
    enum status st = sheet_sample(b, sheet, 100, &a, &rows, &n, err);
    if (st == OK)
        st = mapping_guess(rows, n, &a, &d->mapping, err);
    if (st == OK)
        st = sheet_summarise(b, sheet, &d->mapping, &a, &s, err);
    if (st == OK) {
        struct jsonw w = jsonw_to(&d->line);
        json_begin_object(&w);
        json_put_str(&w, "sheet", book_sheet(b, sheet)->name);
        json_put_str(&w, "format", book_format(b));
        json_put_int(&w, "header_row", d->mapping.header_row);
        json_put_int(&w, "rows", s.rows);
        json_key(&w, "columns");
        json_begin_array(&w);
        for (size_t i = 0; i < d->mapping.count; i++)
            put_column(&w, &d->mapping, i, &s);
        json_end_array(&w);
        json_end_object(&w);
        flush(d);
        st = book_read(b, sheet, show_ledger_row, d, err);
    }
    arena_done(&a);
    return st;
}

static enum status write_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct dumping *d = ctx;
    struct slice texts[LIMIT_SHEET_COLUMNS];
    for (size_t i = 0; i < row->count; i++)
        texts[i] = row->cells[i].text;
    if (d->csv.out)
        return csv_export_row(&d->csv, texts, row->count);
    if (!d->xlsx)
        return xlsx_writer_new(d->out, "台帳", texts, row->count, &d->xlsx, err);
    return xlsx_writer_row(d->xlsx, texts, row->count, err);
}

static enum status write_again(struct dumping *d, struct book *b, size_t sheet, bool csv,
                               struct err *err)
{
    struct buf out;
    buf_init(&out, MIB(256));
    d->csv.out = csv ? &out : NULL;
    enum status st = book_read(b, sheet, write_row, d, err);
    if (csv && st == OK) {
        FILE *f = fopen(d->out, "wbe");
        bool wrote = f && fwrite(out.p, 1, out.n, f) == out.n;
        if (!f || fclose(f) != 0 || !wrote)
            st = err_set_errno(err, ST_IO, "%s", d->out);
    } else if (d->xlsx && st == OK) {
        st = xlsx_writer_close(d->xlsx, err);
    }
    buf_done(&out);
    return st;
}

int main(int argc, char **argv)
{
    struct dumping d = {.out = argc == 4 ? argv[3] : NULL};
    const char *what = argc >= 3 ? argv[1] : "";
    struct err err = {0};
    struct buf file, ja;
    struct book *b = NULL;
    bool again =
        strcmp(what, "xlsx") == 0 || strcmp(what, "csv") == 0 || strcmp(what, "cp932") == 0;
    if (again ? argc != 4 : argc != 3 || (strcmp(what, "rows") != 0 && strcmp(what, "ledger") != 0))
        return (void)fputs("usage: dump-book rows|ledger FILE | xlsx|csv|cp932 FILE OUT\n", stderr),
               2;
    buf_init(&file, LIMIT_OFFICE_FILE_BYTES + 1);
    buf_init(&d.line, MIB(64));
    buf_init(&ja, KIB(8));
    arena_init(&d.a, MIB(64));
    d.csv.cp932 = strcmp(what, "cp932") == 0;
    enum status st = messages_use_linked(&err);
    if (st == OK)
        st = file_read_all(argv[2], &file, &err);
    if (st == OK)
        st = book_open(buf_slice(&file), NULL, &b, &err);
    size_t sheet = b ? book_best_sheet(b) : 0;
    d.place = b ? book_place(b, sheet) : NULL;
    if (st == OK && again)
        st = write_again(&d, b, sheet, what[0] == 'c', &err);
    else if (st == OK)
        st = what[0] == 'r' ? book_read(b, sheet, show_row, &d, &err)
                            : show_ledger(&d, b, sheet, &err);
    if (st != OK && messages_add_err(&ja, LANG_JA, &err) == OK)
        (void)fprintf(stderr, "%s\n%s\n", err.msg, buf_text(&ja));
    book_free(b);
    buf_done(&file);
    buf_done(&d.line);
    buf_done(&ja);
    arena_done(&d.a);
    return st == OK ? 0 : 1;
}
