/* Files of every charset and kind, whole and damaged, become the same rows. */
#include "office_test.h"

#include "board/office/charset.h"
#include "board/office/sheet_write.h"

#include <fcntl.h>
#include <iconv.h>
#include <unistd.h>

static void csv_cases(void **state)
{
    (void)state;
    static const struct {
        const char *in, *rows;
        enum status st;
    } cases[] = {
        {"a,b\r\nc,d\r\n", "a|b\nc|d\n", OK},
        {"a\tb\nc\td", "a|b\nc|d\n", OK},
        {"a;b\rc;d\r", "a|b\nc|d\n", OK},
        {"sep=;\r\na,b;c\n", "a,b|c\n", OK},
        {"\"a\nb\",\"c\"\"d\"\n", "a\nb|c\"d\n", OK},
        {"\"a\"x,b\n", "ax|b\n", OK},
        {"a,\n\n,b\n", "a|\n\n|b\n", OK},
        {"a\nb,\"c\nd\n", "", ST_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        struct err err = {0};
        buf_init(&out, 4096);
        assert_int_equal(read_all(slice_str(cases[i].in), &out, &err), cases[i].st);
        if (cases[i].st == OK)
            assert_string_equal(buf_text(&out), cases[i].rows);
        else
            assert_non_null(strstr(err.msg, "row 2, column B"));
        buf_done(&out);
    }
}

static void charsets_are_told_apart(void **state)
{
    (void)state;
    static const char text[] = "システム名称,種別\r\n㈱髙橋倉庫 ①,外部～公開―\r\n";
    static const struct {
        const char *iconv, *bom, *name;
    } cases[] = {
        {"UTF-8", "", "UTF-8"},
        {"UTF-8", "\xef\xbb\xbf", "UTF-8"},
        {"UTF-16LE", "\xff\xfe", "UTF-16LE"},
        {"UTF-16BE", "\xfe\xff", "UTF-16BE"},
        {"UTF-16LE", "", "UTF-16LE"},
        {"CP932", "", "CP932"},
        {"EUC-JP-MS", "", "EUC-JP"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char file[512], *in = (char *)(uintptr_t)text, *to = file + strlen(cases[i].bom);
        memcpy(file, cases[i].bom, strlen(cases[i].bom));
        size_t left = sizeof(text) - 1, space = sizeof(file) - 3;
        iconv_t cd = iconv_open(cases[i].iconv, "UTF-8");
        assert_int_equal(iconv(cd, &in, &left, &to, &space), 0);
        iconv_close(cd);
        struct buf out;
        buf_init(&out, 4096);
        enum charset c;
        assert_ok(charset_to_utf8(slice_of(file, (size_t)(to - file)), &out, &c, NULL));
        assert_string_equal(charset_name(c), cases[i].name);
        assert_string_equal(buf_text(&out), text);
        buf_done(&out);
    }
    struct err err = {0};
    struct buf out;
    buf_init(&out, 4096);
    enum charset c;
    assert_int_equal(charset_to_utf8(SLICE_LIT("a\nb\xff\xff\xff"), &out, &c, &err), ST_MALFORMED);
    assert_non_null(strstr(err.msg, "row 2, byte 3"));
    buf_done(&out);
}

static void columns_have_a_limit(void **state)
{
    (void)state;
    for (size_t n = LIMIT_SHEET_COLUMNS - 1; n <= LIMIT_SHEET_COLUMNS + 1; n++) {
        char line[LIMIT_SHEET_COLUMNS + 2];
        memset(line, ',', sizeof(line));
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(read_all(slice_of(line, n - 1), &out, NULL),
                         n > LIMIT_SHEET_COLUMNS ? ST_LIMIT : OK);
        buf_done(&out);
    }
}

static void xlsx_cases(void **state)
{
    (void)state;
    static const struct {
        const char *sheet, *rows;
        enum status st;
    } cases[] = {
        {"<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' t='s'><v>1</v>"
         "</c></row><row r='4'><c r='A4' s='1'><v>44530</v></c><c s='2'><v>44530.5</v></c>"
         "<c t='b'><v>1</v></c><c t='e'><v>#REF!</v></c><c t='s'><v>2</v></c><c><f>1+1</f>"
         "<v>0.10000000000000001</v></c><c t='inlineStr'><is><t>x</t></is></c></row></sheetData>"
         "</worksheet>",
         "名称||上原\n2021-11-30|2021-11-30 12:00:00|TRUE|!#REF!|ab_x|0.1|x\n", OK},
        {"<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c></row><row r='2'>"
         "<c r='C2'><v>1</v></c></row></sheetData><mergeCells><mergeCell ref='A1:B2'/>"
         "</mergeCells></worksheet>",
         "名称|^名称\n^名称|^名称|1\n", OK},
        {"<worksheet><sheetData><row r='1'><c r='A1' s='3'><v>12</v></c><c s='4'><v>5.2</v></c>"
         "<c s='4'><v>-5</v></c><c s='3'><v>123456</v></c></row><row r='2' hidden='1'>"
         "<c t='str'><f>A1&amp;B1</f></c><c t='str'><f>\"\"</f><v></v></c>"
         "<c t='d'><v>2021-11-30T12:34:56Z</v></c><c t='d'><v>2021-11-30T00:00:00</v></c></row>"
         "</sheetData></worksheet>",
         "0012|5.20|-5.00|123456\n!=A1&B1||2021-11-30 12:34:56|2021-11-30\n", OK},
        {"<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>", NULL, ST_MALFORMED},
        {"<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>9</v></c></row></sheetData>"
         "</worksheet>",
         NULL, ST_MALFORMED},
        {"<worksheet><sheetData><row r='2'/><row r='1'/></sheetData></worksheet>", NULL,
         ST_MALFORMED},
        {"<worksheet><sheetData><row r='1'><c r='GR1'><v>1</v></c></row></sheetData></worksheet>",
         NULL, OK},
        {"<worksheet><sheetData><row r='1'><c r='GS1'><v>1</v></c></row></sheetData></worksheet>",
         NULL, ST_LIMIT},
        {"<worksheet><sheetData><row r='1'><c r='GS1'/></row></sheetData></worksheet>", "\n", OK},
        {"<worksheet><sheetData>", NULL, ST_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf zip, out;
        struct err err = {0};
        buf_init(&zip, MIB(1));
        buf_init(&out, MIB(1));
        enum status st = read_all(make_book(cases[i].sheet, &zip), &out, &err);
        if (st != cases[i].st)
            fail_msg("case %zu: %s %s", i, status_name(st), err.msg);
        if (cases[i].rows)
            assert_string_equal(buf_text(&out), cases[i].rows);
        buf_done(&zip);
        buf_done(&out);
    }
}

static void written_is_read_again_and_damage_is_seen(void **state)
{
    (void)state;
    char path[] = "office-XXXXXX.xlsx";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    struct xlsx_writer *w = NULL;
    const struct slice head[] = {slice_str("名称"), slice_str("版")};
    const struct slice row[] = {slice_str("=1+1"), slice_str("㈱髙橋\x01 _x000D_ ①")};
    assert_ok(xlsx_writer_new(path, "一覧", head, 2, &w, NULL));
    assert_ok(xlsx_writer_row(w, row, 2, NULL));
    assert_ok(xlsx_writer_close(w, NULL));
    uint8_t file[65536];
    close(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, file, sizeof(file));
    close(fd);
    unlink(path);
    assert_true(n > 0);
    static const char rows[] = "名称|版\n=1+1|㈱髙橋 _x000D_ ①\n";
    struct buf out;
    buf_init(&out, MIB(1));
    assert_ok(read_all(slice_of(file, (size_t)n), &out, NULL));
    assert_string_equal(buf_text(&out), rows);
    for (size_t cut = 4; cut < (size_t)n; cut++) {
        buf_clear(&out);
        assert_int_not_equal(read_all(slice_of(file, cut), &out, NULL), OK);
    }
    for (size_t at = 0; at < (size_t)n; at += 7) { /* may be read or refused, never crash */
        file[at] ^= 0x10;
        buf_clear(&out);
        (void)!read_all(slice_of(file, (size_t)n), &out, NULL);
        file[at] ^= 0x10;
    }
    buf_done(&out);
}

static void other_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *start, *says;
    } cases[] = {{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls workbook"}, {"%PDF-1.4", "PDF"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct book *b;
        assert_int_equal(book_open(slice_str(cases[i].start), NULL, &b, &err), ST_UNSUPPORTED);
        assert_non_null(strstr(err.msg, cases[i].says));
    }
}

static void note_missing(void *ctx, const struct csv_missing *m)
{
    *(struct csv_missing *)ctx = *m;
}

static void cp932_tells_what_it_lacks(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    struct csv_missing m = {0};
    struct csv_export e = {&out, true, note_missing, &m, 0};
    const struct slice row[] = {slice_str("a,\"b"), slice_str("〜髙😀"), slice_str("=x")};
    assert_ok(csv_export_row(&e, row, 3));
    assert_string_equal(buf_text(&out), "\"a,\"\"b\",\x81\x60\xfb\xfc?,'=x\r\n");
    assert_int_equal(m.row, 1);
    assert_int_equal(m.column, 1);
    assert_int_equal(m.code_point, 0x1f600);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_cases),
        cmocka_unit_test(charsets_are_told_apart),
        cmocka_unit_test(columns_have_a_limit),
        cmocka_unit_test(xlsx_cases),
        cmocka_unit_test(written_is_read_again_and_damage_is_seen),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(cp932_tells_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
