/* Spreadsheets: any bytes are read or refused with a sentence in both languages; what is read is
 * UTF-8, and the whole way of a ledger goes over it: header, columns, summary, rows, problems,
 * export. */
#include "fuzz.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/office/sheet_write.h"
#include "board/office/words.h"

struct work {
    struct mapping m;
    struct arena a;
    struct buf out;
    struct csv_export csv;
};

static void must_be_utf8(struct slice s)
{
    if (!utf8_valid(s, NULL))
        abort();
}

static enum status look(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct work *w = ctx;
    struct ledger_row r;
    for (size_t i = 0; i < row->count; i++)
        must_be_utf8(row->cells[i].text);
    arena_clear(&w->a);
    enum status st = mapping_apply(&w->m, row, &w->a, &r, err);
    buf_clear(&w->out);
    for (size_t i = 0; st == OK && i < r.problem_count; i++)
        st = problem_add_text(
            &w->out, LANG_JA, r.problems[i].id,
            &(struct problem_at){row->sheet, r.row, r.problems[i].column, 0, r.problems[i].value});
    if (st == OK && !r.empty)
        st = ledger_row_key(&r, &w->out);
    must_be_utf8(buf_slice(&w->out));
    return st == OK ? csv_export_row(&w->csv, r.value, FIELD_COUNT) : st;
}

static enum status whole_way(struct book *b, struct work *w, struct err *err)
{
    struct sheet_row *rows;
    struct sheet_summary s;
    size_t n, known;
    struct arena a;
    size_t sheet = book_best_sheet(b);
    arena_init(&a, MIB(64));
    enum status st = sheet_sample(b, sheet, 50, &a, &rows, &n, err);
    if (st == OK)
        st = mapping_guess(rows, n, &a, &w->m, err);
    if (st == OK)
        st = mapping_add_json(&w->out, &w->m);
    if (st == OK) /* what we wrote is remembered, whatever the headers are */
        st = mapping_remember(&w->m, buf_slice(&w->out), &known, err);
    if (st == OK)
        st = sheet_summarise(b, sheet, &w->m, &a, &s, err);
    for (size_t i = 0; st == OK && i < w->m.count; i++)
        st = mapping_add_reason(&w->out, LANG_JA, &w->m, i, &s);
    if (st == OK)
        st = book_read(b, sheet, look, w, err);
    arena_done(&a);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct book *b = NULL;
    struct err err = {0};
    struct work w = {0};
    struct buf csv;
    arena_init(&w.a, MIB(64));
    buf_init(&w.out, MIB(64));
    buf_init(&csv, MIB(64));
    w.csv = (struct csv_export){.out = &csv, .cp932 = size % 2};
    enum status st = book_open(slice_of(data, size), NULL, &b, &err);
    if (st == OK)
        st = whole_way(b, &w, &err);
    if (st == ST_MALFORMED || st == ST_UNSUPPORTED) {
        must_be_utf8(slice_str(err.msg));
        if (!err.msg[0])
            abort();
    }
    book_free(b);
    arena_done(&w.a);
    buf_done(&w.out);
    buf_done(&csv);
    return 0;
}
