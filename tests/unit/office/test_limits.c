/* Each limit of base/limits.h that a workbook can meet, one below, at and one above it. */
#include "office_test.h"

#include "base/messages.h"

/* text n times, between start and end, appended to out; NUL-terminated. */
static const char *repeat(struct buf *out, const char *start, const char *text, size_t n,
                          const char *end)
{
    buf_clear(out);
    (void)buf_add_str(out, start);
    for (size_t i = 0; i < n; i++)
        (void)buf_add_str(out, text);
    (void)buf_add_str(out, end);
    assert_ok(buf_status(out));
    return buf_text(out);
}

/* Reads a workbook in which one part is replaced. */
static enum status read_with(const char *name, const char *xml, struct err *err)
{
    const char *parts[][2] = {{"xl/workbook.xml", WORKBOOK_ONE},
                              {"xl/_rels/workbook.xml.rels", RELS},
                              {"xl/ss.xml", STRINGS},
                              {"xl/styles.xml", STYLES},
                              {"xl/worksheets/s.xml", "<worksheet><sheetData/></worksheet>"}};
    struct buf zip, rows;
    buf_init(&zip, MIB(16));
    buf_init(&rows, MIB(16));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (strcmp(parts[i][0], name) == 0)
            parts[i][1] = xml;
    enum status st =
        read_all(make_zip((const char *const(*)[2])parts, ARRAY_LEN(parts), &zip), &rows, err);
    buf_done(&zip);
    buf_done(&rows);
    return st;
}

static void limits_of_a_workbook(void **state)
{
    (void)state;
    static const struct {
        size_t limit, more; /* what `repeat` needs besides: elements around */
        const char *part, *start, *text, *end, *says;
    } cases[] = {
        {LIMIT_XLSX_SHEETS, 0, "xl/workbook.xml", "<workbook xmlns:r='r'><sheets>",
         "<sheet name='a' r:id='rId1'/>", "</sheets></workbook>", "255"},
        {LIMIT_XLSX_DEPTH, 2, "xl/ss.xml", "<sst><si>", "<r>", NULL, "XML"},
        {LIMIT_XLSX_STYLES, 0, "xl/styles.xml", "<styleSheet><cellXfs>", "<xf/>",
         "</cellXfs></styleSheet>", "65536"},
        {LIMIT_XLSX_MERGES, 0, "xl/worksheets/s.xml", "<worksheet><sheetData/><mergeCells>",
         "<mergeCell ref='A1:B1'/>", "</mergeCells></worksheet>", "シート一覧: 結合セルが 65536"},
        {LIMIT_CELL_BYTES, 0, "xl/ss.xml", "<sst><si><t>", "x", "</t></si></sst>", "131072"},
        {LIMIT_CELL_BYTES, 0, "xl/worksheets/s.xml",
         "<worksheet><sheetData><row r='2'><c r='C2' t='inlineStr'><is><t>", "x",
         "</t></is></c></row></sheetData></worksheet>", "シート一覧 2 行 C 列: 文字列が"},
    };
    struct buf xml, ja;
    buf_init(&xml, MIB(16));
    buf_init(&ja, KIB(8));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t n = cases[i].limit - 1; n <= cases[i].limit + 1; n++) {
            struct err err = {0};
            const char *text;
            if (cases[i].end) {
                text = repeat(&xml, cases[i].start, cases[i].text, n, cases[i].end);
            } else { /* elements that close again */
                text = repeat(&xml, cases[i].start, cases[i].text, n - cases[i].more, "");
                for (size_t k = 0; k < n - cases[i].more; k++)
                    (void)buf_add_str(&xml, "</r>");
                (void)buf_add_str(&xml, "</si></sst>");
                text = buf_text(&xml);
            }
            enum status st = read_with(cases[i].part, text, &err);
            if (st != (n > cases[i].limit ? ST_LIMIT : OK))
                fail_msg("case %zu, %zu: %s %s", i, n, status_name(st), err.msg);
            buf_clear(&ja);
            assert_ok(messages_add_err(&ja, LANG_JA, &err));
            if (st != OK && !strstr(buf_text(&ja), cases[i].says))
                fail_msg("case %zu: %s", i, buf_text(&ja));
        }
    buf_done(&xml);
    buf_done(&ja);
}

/* A tag has to be held whole while it is read. */
static void a_tag_without_end(void **state)
{
    (void)state;
    struct buf xml;
    struct err err = {0};
    buf_init(&xml, MIB(16));
    const char *text = repeat(&xml, "<sst a='", "x", LIMIT_XLSX_TOKEN_BYTES + KIB(256), "'></sst>");
    assert_int_equal(read_with("xl/ss.xml", text, &err), ST_LIMIT);
    assert_non_null(strstr(err.msg, "xl/ss.xml: an XML tag is longer than"));
    text = repeat(&xml, "<sst a='", "x", LIMIT_XLSX_TOKEN_BYTES - KIB(1), "'></sst>");
    assert_ok(read_with("xl/ss.xml", text, &err));
    buf_done(&xml);
}

static void rows_have_a_limit(void **state)
{
    (void)state;
    struct buf xml, rows;
    buf_init(&xml, MIB(16));
    buf_init(&rows, MIB(16));
    for (unsigned n = LIMIT_SHEET_ROWS - 1; n <= LIMIT_SHEET_ROWS + 1; n++) {
        struct err err = {0};
        buf_clear(&xml);
        (void)buf_addf(&xml, "<worksheet><sheetData><row r='%u'/></sheetData></worksheet>", n);
        enum status st = read_with("xl/worksheets/s.xml", buf_text(&xml), &err);
        assert_int_equal(st, n > LIMIT_SHEET_ROWS ? ST_LIMIT : OK);
        const char *text = repeat(&xml, "", "\n", n, "");
        buf_clear(&rows);
        assert_int_equal(read_all(slice_str(text), &rows, &err),
                         n > LIMIT_SHEET_ROWS ? ST_LIMIT : OK);
    }
    buf_done(&xml);
    buf_done(&rows);
}

static void files_have_a_limit(void **state)
{
    (void)state;
    struct book *b = NULL;
    struct err err = {0};
    /* only its size is looked at */
    assert_int_equal(book_open((struct slice){NULL, LIMIT_OFFICE_FILE_BYTES + 1}, NULL, &b, &err),
                     ST_LIMIT);
    assert_non_null(strstr(err.msg, "128 MiB"));
}

static int use_messages(void **state)
{
    (void)state;
    return messages_use_linked(NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_of_a_workbook),
        cmocka_unit_test(a_tag_without_end),
        cmocka_unit_test(rows_have_a_limit),
        cmocka_unit_test(files_have_a_limit),
    };
    return cmocka_run_group_tests(tests, use_messages, NULL);
}
