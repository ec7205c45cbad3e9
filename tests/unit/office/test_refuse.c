/* What cannot be read is refused with its place and the way out, in Japanese and in English. */
#include "office_test.h"

#include "base/messages.h"
#include "board/office/words.h"

#define SHEET(rows) "<worksheet><sheetData>" rows "</sheetData></worksheet>"

struct refusal {
    struct slice file;
    enum status st;
    const char *en, *ja;
};

static void refuse(const struct refusal *c)
{
    struct buf rows, text;
    struct err err = {0};
    buf_init(&rows, MIB(1));
    buf_init(&text, MIB(1));
    enum status st = read_all(c->file, &rows, &err);
    assert_ok(messages_add_err(&text, LANG_JA, &err));
    if (st != c->st || !strstr(err.msg, c->en) || strcmp(buf_text(&text), c->ja) != 0)
        fail_msg("%s: %s\n%s", status_name(st), err.msg, buf_text(&text));
    buf_done(&rows);
    buf_done(&text);
}

static void files_of_other_kinds(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {{NULL, 0}, ST_MALFORMED, "the file is empty", "ファイルが空です"},
        {SLICE_LIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 W\0o\0r\0k\0b\0o\0o\0k\0"), ST_UNSUPPORTED,
         "old .xls workbook",
         "古い形式 (.xls) のブックです。Excel で開き、.xlsx で保存して送り直してください"},
        {SLICE_LIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g"
                   "\0e\0\0"),
         ST_UNSUPPORTED, "protected with a password",
         "ブックにパスワードがかかっています。Excel で開き、パスワードを外して .xlsx で保存し、"
         "送り直してください"},
        {SLICE_LIT("%PDF-1.4"), ST_UNSUPPORTED, "PDF",
         "これは PDF です。もとの .xlsx か .csv を送ってください"},
        {SLICE_LIT("\xef\xbb\xbf\r\n<HTML><table><tr><td>x"), ST_UNSUPPORTED, "a web page",
         "ブックの名前が付いた Web ページ (HTML) です。Excel で開き、.xlsx "
         "で保存して送り直してください"},
        {SLICE_LIT("<?xml version='1.0'?><Workbook/>"), ST_UNSUPPORTED, "an XML file",
         "XML ファイルで、.xlsx ブックではありません。Excel で開き、.xlsx "
         "で保存して送り直してください"},
        {SLICE_LIT("a,\x1b$B\x25\x37\x1b(B\n"), ST_UNSUPPORTED, "ISO-2022-JP",
         "文字コードが JIS (ISO-2022-JP) です。UTF-8 か Shift_JIS で保存し、送り直してください"},
        {SLICE_LIT("\x1f\x8b\x08"), ST_UNSUPPORTED, "gzip",
         "圧縮されたファイル (gzip) です。展開して、中身を送ってください"},
        {SLICE_LIT("\xff\xd8\xff\xe0"), ST_UNSUPPORTED, "picture",
         "これは画像です。.xlsx か .csv を送ってください"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refuse(&cases[i]);
}

static void zips_of_other_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *part, *says;
    } cases[] = {
        {"content.xml", "(.ods)"},
        {"xl/workbook.bin", "(.xlsb)"},
        {"word/document.xml", "(.docx)"},
        {"a.xlsx", ".xlsx ブックではありません"},
        {"!xl/workbook.xml", "xl/workbook.xml が暗号化されています。パスワードなしで保存"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const parts[][2] = {{cases[i].part, "<workbook/>"}};
        struct buf zip, text;
        struct err err = {0};
        struct book *b = NULL;
        buf_init(&zip, MIB(1));
        buf_init(&text, MIB(1));
        assert_int_equal(book_open(make_zip(parts, 1, &zip), NULL, &b, &err), ST_UNSUPPORTED);
        assert_ok(messages_add_err(&text, LANG_JA, &err));
        if (!strstr(buf_text(&text), cases[i].says))
            fail_msg("%s: %s", cases[i].part, buf_text(&text));
        buf_done(&zip);
        buf_done(&text);
    }
}

static void texts_name_row_and_column(void **state)
{
    (void)state;
    char wide[LIMIT_SHEET_COLUMNS + 8], *large = malloc(LIMIT_CELL_BYTES + 16);
    memset(wide, ',', sizeof(wide));
    memcpy(wide, "a\nb\n", 4);
    assert_non_null(large);
    memset(large, 'x', LIMIT_CELL_BYTES + 16);
    memcpy(large, "a,b\nc,d\ne,", 10);
    const struct refusal cases[] = {
        {SLICE_LIT("a,b\nc,\"d\ne,f\n"), ST_MALFORMED, "row 2, column B: the quote",
         "2 行 B 列: ここで開いた引用符 (\") が閉じていません。閉じるか、CSV "
         "で保存し直してください"},
        {SLICE_LIT("a,b\nc,d\0\n"), ST_MALFORMED, "row 2, column B: a NUL byte",
         "2 行 B 列: 文字列に NUL バイトがあります。ファイルが壊れているか、CSV "
         "ではありません。CSV か .xlsx で保存し直してください"},
        {{(const uint8_t *)wide, sizeof(wide)},
         ST_LIMIT,
         "row 3, column GS: more than 200",
         "3 行 GS 列: 200 列を超えて使われています。台帳に要らない列を削るか、"
         "区切り文字を確かめてください"},
        {{(const uint8_t *)large, LIMIT_CELL_BYTES + 11},
         ST_LIMIT,
         "row 3, column B: the cell is",
         "3 行 B 列: セルが 131072 バイトを超えています。短くするか、前後の引用符 (\") "
         "が閉じているか確かめてください"},
        {SLICE_LIT("a,b\n\x8e\xd0\x93\xe0,\x81\xff\n"), ST_MALFORMED, "row 2, byte 9",
         "2 行 (ファイルの 9 バイト目): CP932 として正しくない文字があります。"
         "別の文字コードを選ぶか、UTF-8 で保存し直して送ってください"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refuse(&cases[i]);
    free(large);
}

static void a_charset_that_a_person_chose(void **state)
{
    (void)state;
    struct err err = {0};
    struct book *b = NULL;
    const struct book_options utf8 = {.charset = "UTF-8"}, none = {.charset = "KOI8-R"};
    const struct slice cp932 = SLICE_LIT("a,b\n\x8e\xd0\x93\xe0,c\n");
    assert_int_equal(book_open(cp932, &utf8, &b, &err), ST_MALFORMED);
    assert_non_null(strstr(err.msg, "row 2, byte 4 of the file: not valid UTF-8; choose another"));
    assert_int_equal(book_open(cp932, &none, &b, &err), ST_INVALID);
    assert_non_null(strstr(err.msg, "KOI8-R is not a character set"));
    const struct book_options sjis = {.charset = "shift_jis", .separator = ','};
    assert_ok(book_open(cp932, &sjis, &b, &err));
    book_free(b);
}

static void sheets_name_row_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *sheet;
        enum status st;
        const char *en, *ja;
    } cases[] = {
        {SHEET("<row r='91'><c r='B91' t='s'><v>9</v></c></row>"), ST_MALFORMED,
         "sheet 一覧, row 91, column B: the cell names a text",
         "シート一覧 91 行 B 列: セルの指す文字列がブックにありません。"
         "ブックを保存し直してください"},
        {SHEET("<row r='3'><c r='GS3'><v>1</v></c></row>"), ST_LIMIT,
         "sheet 一覧, row 3, column GS: more than 200 columns",
         "シート一覧 3 行 GS 列: 200 列を超えて使われています。台帳に要らない列を削ってください"},
        {SHEET("<row r='5'/><row r='4'/>"), ST_MALFORMED, "sheet 一覧, row 5: the rows behind",
         "シート一覧 5 行: この行の次の行番号が正しくありません。Excel で保存し直してください"},
        {SHEET("<row r='5'><c r='B5'/><c r='A5'/></row>"), ST_MALFORMED,
         "sheet 一覧, row 5, column A: a cell stands in the wrong place",
         "シート一覧 5 行 A 列: セルの位置が正しくありません。Excel で保存し直してください"},
        {"<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet/>", ST_MALFORMED, "xl/worksheets/s.xml: the XML",
         "xl/worksheets/s.xml: XML に、ブックにはあるはずのない DOCTYPE があります。Excel "
         "で保存し直してください"},
        {"<worksheet><sheetData><row r='7'><c r='A7'><v>1</v></c></row><row", ST_MALFORMED,
         "sheet 一覧, row 7: line 1 of its XML is damaged",
         "シート一覧 7 行: XML の 1 行目が壊れています (unclosed "
         "token)。ブックを保存し直してください"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf zip;
        buf_init(&zip, MIB(1));
        struct refusal r = {make_book(cases[i].sheet, &zip), cases[i].st, cases[i].en, cases[i].ja};
        refuse(&r);
        buf_done(&zip);
    }
}

static void a_book_without_a_part(void **state)
{
    (void)state;
    static const char *const parts[][2] = {{"xl/workbook.xml", WORKBOOK_ONE},
                                           {"xl/_rels/workbook.xml.rels", RELS},
                                           {"xl/styles.xml", STYLES},
                                           {"xl/worksheets/s.xml", SHEET("")}};
    struct buf zip;
    buf_init(&zip, MIB(1));
    struct refusal r = {make_zip(parts, ARRAY_LEN(parts), &zip), ST_MALFORMED, "it lacks xl/ss.xml",
                        "ブックに xl/ss.xml が欠けています。保存し直してください"};
    refuse(&r);
    buf_done(&zip);
}

/* A worksheet of nothing but spaces, made while it is compressed. */
#define BOMB_BYTES MIB(800)

static zip_int64_t spaces(void *ctx, void *data, zip_uint64_t n, zip_source_cmd_t cmd)
{
    static const char start[] = "<worksheet>";
    size_t *at = ctx;
    switch (cmd) {
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              -1);
    case ZIP_SOURCE_READ:
        if (n > BOMB_BYTES - *at)
            n = BOMB_BYTES - *at;
        memset(data, ' ', n);
        if (*at == 0)
            memcpy(data, start, sizeof(start) - 1);
        *at += n;
        return (zip_int64_t)n;
    case ZIP_SOURCE_STAT:
        zip_stat_init(data);
        ((zip_stat_t *)data)->size = BOMB_BYTES;
        ((zip_stat_t *)data)->valid = ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
    case ZIP_SOURCE_OPEN:
        *at = 0;
        return 0;
    default:
        return 0;
    }
}

static void a_bomb_is_stopped(void **state)
{
    (void)state;
    size_t at = 0;
    struct buf zip;
    buf_init(&zip, MIB(8));
    struct zip_made made = zip_begin();
    zip_put(&made, "xl/workbook.xml", WORKBOOK_ONE);
    zip_put(&made, "xl/_rels/workbook.xml.rels",
            "<Relationships><Relationship Id='rId1' Type='x/worksheet' "
            "Target='worksheets/s.xml'/></Relationships>");
    zip_source_t *s = zip_source_function(made.zip, spaces, &at);
    zip_int64_t i = zip_file_add(made.zip, "xl/worksheets/s.xml", s, 0);
    assert_true(i >= 0);
    assert_int_equal(zip_set_file_compression(made.zip, (zip_uint64_t)i, ZIP_CM_DEFLATE, 1), 0);
    struct refusal r = {zip_end(&made, &zip), ST_LIMIT, "it inflates to more than 768 MiB",
                        "xl/worksheets/s.xml: 展開すると 768 MiB を超えます。"
                        "台帳の大きさではありません。行を新しいブックに写してください"};
    assert_true(zip.n < MIB(8));
    refuse(&r);
    buf_done(&zip);
}

static void problems_have_words(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        struct problem_at at;
        const char *en, *ja;
    } cases[] = {
        {"name_missing",
         {"一覧", 91, 1, 0, {NULL, 0}},
         "sheet 一覧, row 91, column B: the name is empty. Leave the row out, or correct it and "
         "send the file again",
         "シート一覧 91 行 B 列: 名称が空です。行を外すか、直して送り直してください"},
        {"error_cell",
         {NULL, 12, 7, 0, SLICE_LIT("#REF!")},
         "row 12, column H: #REF!: an error of the sheet, read as empty",
         "12 行 H 列: #REF!: シートのエラー値です。空欄として読みました"},
        {"duplicate_row",
         {NULL, 140, 1, 33, SLICE_LIT("名刺管理")},
         "rows 33 and 140: the same name and product. Keep one of them, or make the names differ",
         "33 行と 140 行: 名称と製品が同じです。どちらかを外すか、名称を分けてください"},
        {"date_unreadable",
         {"a\nb", 5, 26, 0, SLICE_LIT("未\x1b定")},
         "sheet a\\x0ab, row 5, column AA: 未\\x1b定: not a date that can be read, read as empty. "
         "Write it as 2021-12-10",
         "シートa\\x0ab 5 行 AA 列: 未\\x1b定: 日付として読めません。空欄として読みました。"
         "2021-12-10 のように書いてください"},
        {"what_is_this",
         {NULL, 2, 0, 0, {NULL, 0}},
         "row 2, column A: what_is_this",
         "2 行 A 列: what_is_this"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int lang = LANG_EN; lang <= LANG_JA; lang++) {
            struct buf out;
            buf_init(&out, 4096);
            assert_ok(problem_add_text(&out, (enum lang)lang, cases[i].id, &cases[i].at));
            assert_string_equal(buf_text(&out), lang == LANG_JA ? cases[i].ja : cases[i].en);
            buf_done(&out);
        }
}

static int use_messages(void **state)
{
    (void)state;
    return messages_use_linked(NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_other_kinds),
        cmocka_unit_test(zips_of_other_kinds),
        cmocka_unit_test(texts_name_row_and_column),
        cmocka_unit_test(a_charset_that_a_person_chose),
        cmocka_unit_test(sheets_name_row_and_column),
        cmocka_unit_test(a_book_without_a_part),
        cmocka_unit_test(a_bomb_is_stopped),
        cmocka_unit_test(problems_have_words),
    };
    return cmocka_run_group_tests(tests, use_messages, NULL);
}
