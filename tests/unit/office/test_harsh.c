/* Files cut at every byte and memory that runs out at every call: refused, or read as far as they
 * go, never read as something else. */
#include "office_test.h"

#include "failalloc.h"

#include "base/messages.h"
#include "board/office/charset.h"
#include "board/office/sheet_write.h"
#include "board/office/words.h"

#include <iconv.h>
#include <unistd.h>

static const char text[] = "システム台帳,,\r\nシステム名,種別,製品名・Ver\r\n"
                           "\"㈱髙橋\"\"倉庫\"\"\n①\",外部～公開,ラベル　Ver５．２\r\n"
                           "ｶﾅ,'=1+1,#REF!\r\n";

static struct slice encoded(const char *charset, const char *bom, char *out, size_t size)
{
    char *in = (char *)(uintptr_t)text, *to = out + strlen(bom);
    memcpy(out, bom, strlen(bom));
    size_t left = sizeof(text) - 1, space = size - strlen(bom);
    iconv_t cd = iconv_open(charset, "UTF-8");
    assert_int_equal(iconv(cd, &in, &left, &to, &space), 0);
    iconv_close(cd);
    return slice_of(out, (size_t)(to - out));
}

/* A copy of exactly n bytes, so that a sanitizer sees what reads past its end. */
static enum status read_cut(struct slice file, size_t n, struct buf *rows, struct err *err)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, file.p, n);
    enum status st = read_all(slice_of(copy, n), rows, err);
    free(copy);
    return st;
}

static void texts_cut_at_every_byte(void **state)
{
    (void)state;
    static const struct {
        const char *charset, *bom;
    } cases[] = {
        {"UTF-8", ""},
        {"UTF-8", "\xef\xbb\xbf"},
        {"UTF-16LE", "\xff\xfe"},
        {"UTF-16BE", "\xfe\xff"},
        {"UTF-16LE", ""},
        {"CP932", ""},
        {"EUC-JP-MS", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char bytes[1024];
        struct slice file = encoded(cases[i].charset, cases[i].bom, bytes, sizeof(bytes));
        struct buf whole, part;
        struct err err = {0};
        buf_init(&whole, 8192);
        buf_init(&part, 8192);
        assert_ok(read_all(file, &whole, &err));
        size_t read = 0, refused = 0;
        for (size_t n = 0; n < file.n; n++) {
            buf_clear(&part);
            err = (struct err){0};
            enum status st = read_cut(file, n, &part, &err);
            read += st == OK;
            refused += st != OK;
            if (st != OK && (st != ST_MALFORMED || err.msg[0] == 0))
                fail_msg("%s cut at %zu: %s", cases[i].charset, n, status_name(st));
        }
        assert_true(read > 20 && refused > 5); /* quotes and torn characters refuse */
        buf_done(&whole);
        buf_done(&part);
    }
}

/* Everything that happens to a file between its upload and its export. */
struct work {
    struct slice file;
    struct arena a;
    struct mapping m;
    struct buf out;
    struct csv_export csv;
    size_t rows;
};

static enum status on_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct work *w = ctx;
    struct ledger_row r;
    enum status st = mapping_apply(&w->m, row, &w->a, &r, err);
    if (st != OK || r.empty)
        return st;
    w->rows++;
    struct buf key;
    buf_init(&key, 4096);
    st = ledger_row_key(&r, &key);
    buf_done(&key);
    for (size_t i = 0; i < r.problem_count && st == OK; i++)
        st = problem_add_text(
            &w->out, LANG_JA, r.problems[i].id,
            &(struct problem_at){row->sheet, r.row, r.problems[i].column, 0, r.problems[i].value});
    return st == OK ? csv_export_row(&w->csv, &r.value[FIELD_NAME], 1) : st;
}

static enum status whole_way(struct work *w, struct err *err)
{
    struct book *b = NULL;
    struct sheet_row *rows;
    struct sheet_summary sum;
    size_t n, known;
    enum status st = book_open(w->file, NULL, &b, err);
    if (st == OK)
        st = sheet_sample(b, book_best_sheet(b), 20, &w->a, &rows, &n, err);
    if (st == OK)
        st = mapping_guess(rows, n, &w->a, &w->m, err);
    if (st == OK)
        st = mapping_add_json(&w->out, &w->m);
    if (st == OK)
        st = mapping_remember(&w->m, buf_slice(&w->out), &known, err);
    if (st == OK)
        st = sheet_summarise(b, book_best_sheet(b), &w->m, &w->a, &sum, err);
    for (size_t i = 0; st == OK && i < w->m.count; i++)
        st = mapping_add_reason(&w->out, LANG_JA, &w->m, i, &sum);
    if (st == OK)
        st = book_read(b, book_best_sheet(b), on_row, w, err);
    book_free(b);
    return st;
}

static enum status run(struct slice file, bool cp932, struct work *w, struct err *err)
{
    *w = (struct work){.file = file};
    arena_init(&w->a, MIB(8));
    buf_init(&w->out, MIB(1));
    w->csv = (struct csv_export){.out = &w->out, .cp932 = cp932};
    enum status st = whole_way(w, err);
    if (st == OK && buf_status(&w->out) != OK)
        st = buf_status(&w->out);
    arena_done(&w->a);
    buf_done(&w->out);
    return st;
}

static void memory_runs_out(struct slice file, bool cp932, size_t rows)
{
    struct work w;
    struct err err = {0};
    if (run(file, cp932, &w, &err) != OK)
        fail_msg("%s", err.msg);
    assert_int_equal(w.rows, rows);
    unsigned long n = 0;
    for (bool hit = true; hit;) {
        failalloc_at(++n);
        enum status st = run(file, cp932, &w, &err);
        hit = failalloc_hit();
        if (hit ? st != ST_NOMEM : st != OK)
            fail_msg("allocation %lu: %s (%s)", n, status_name(st), err.msg);
    }
    assert_true(n > 20);
}

static void memory_runs_out_over_a_csv(void **state)
{
    (void)state;
    char bytes[1024];
    memory_runs_out(slice_str(text), false, 2);
    memory_runs_out(encoded("CP932", "", bytes, sizeof(bytes)), true, 2);
    memory_runs_out(encoded("EUC-JP-MS", "", bytes, sizeof(bytes)), false, 2);
    memory_runs_out(encoded("UTF-16LE", "\xff\xfe", bytes, sizeof(bytes)), false, 2);
}

static void memory_runs_out_over_a_workbook(void **state)
{
    (void)state;
    struct buf zip;
    buf_init(&zip, MIB(1));
    struct slice file = make_book(
        "<worksheet><dimension ref='A1:C3'/><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c>"
        "<c r='B1' t='inlineStr'><is><t>種別</t></is></c><c r='C1' t='inlineStr'><is><t>更新日</t>"
        "</is></c></row><row r='2'><c r='A2' t='s'><v>1</v></c><c r='B2' t='inlineStr'><is>"
        "<t>社内</t></is></c><c r='C2' s='1'><v>44530</v></c></row><row r='3'>"
        "<c r='C3' t='str'><f>A1</f></c></row></sheetData><mergeCells><mergeCell ref='B2:B3'/>"
        "</mergeCells></worksheet>",
        &zip);
    memory_runs_out(file, false, 2);
    buf_done(&zip);
}

static enum status write_book(const char *path, struct err *err)
{
    struct xlsx_writer *w = NULL;
    const struct slice head[] = {SLICE_LIT("名称"), SLICE_LIT("版")};
    const struct slice row[] = {SLICE_LIT("=1+1"), SLICE_LIT("5.20")};
    enum status st = xlsx_writer_new(path, "台帳", head, 2, &w, err);
    if (st == OK)
        st = xlsx_writer_row(w, row, 2, err);
    if (st != OK) {
        xlsx_writer_abandon(w);
        return st;
    }
    return xlsx_writer_close(w, err);
}

static void memory_runs_out_while_writing(void **state)
{
    (void)state;
    char path[] = "office-harsh-XXXXXX.xlsx";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    unsigned long n = 0;
    for (bool hit = true; hit;) {
        struct err err = {0};
        failalloc_at(++n);
        enum status st = write_book(path, &err);
        hit = failalloc_hit();
        if (hit ? st != ST_NOMEM : st != OK)
            fail_msg("allocation %lu: %s (%s)", n, status_name(st), err.msg);
    }
    unlink(path);
    assert_true(n > 1);
}

/* Every byte of a workbook changed: read or refused with a sentence, never a crash. */
static void workbooks_with_every_byte_changed(void **state)
{
    (void)state;
    struct buf zip, rows;
    buf_init(&zip, MIB(1));
    buf_init(&rows, MIB(1));
    struct slice file = make_book("<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c>"
                                  "</row></sheetData></worksheet>",
                                  &zip);
    for (size_t n = 0; n < file.n; n++) {
        struct err err = {0};
        buf_clear(&rows);
        zip.p[n] ^= 0x41;
        enum status st = read_cut(file, file.n, &rows, &err);
        zip.p[n] ^= 0x41;
        if (st != OK && err.msg[0] == 0)
            fail_msg("byte %zu: %s without a sentence", n, status_name(st));
    }
    buf_done(&zip);
    buf_done(&rows);
}

static int use_messages(void **state)
{
    (void)state;
    return messages_use_linked(NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_cut_at_every_byte),
        cmocka_unit_test(memory_runs_out_over_a_csv),
        cmocka_unit_test(memory_runs_out_over_a_workbook),
        cmocka_unit_test(memory_runs_out_while_writing),
        cmocka_unit_test(workbooks_with_every_byte_changed),
    };
    return cmocka_run_group_tests(tests, use_messages, NULL);
}
