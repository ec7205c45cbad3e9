/* From a ledger as companies have it to typed rows. */
#include "office_test.h"

#include "board/office/words.h"

static const char ledger[] =
    "システム台帳,,,,,,,\n,,,,,,,\n"
    "システム名称,種別,主管,メーカー,製品名・Ver,更新日,公開,社内記号\n"
    "倉庫ラベル,社内シス,物流部 上原,青葉（株）,スイート　Ver５．２,令和3年11月30日,×,abc\n"
    ",その他,基盤部 森田,自社,x,未定,○,\n"
    ",,,,,,,\n";

struct got {
    const struct mapping *m;
    struct arena *a;
    struct ledger_row rows[8];
    size_t n;
};

static enum status apply(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct got *g = ctx;
    return mapping_apply(g->m, row, g->a, &g->rows[g->n++], err);
}

static void a_ledger_is_understood(void **state)
{
    (void)state;
    struct book *b;
    struct arena a;
    arena_init(&a, (size_t)1 << 20);
    struct sheet_row *rows;
    size_t n, known = 0;
    struct mapping m;
    assert_ok(book_open(slice_str(ledger), NULL, &b, NULL));
    assert_ok(sheet_sample(b, 0, 100, &a, &rows, &n, NULL));
    assert_ok(mapping_guess(rows, n, &a, &m, NULL));
    assert_int_equal(m.header_row, 3);
    static const struct {
        const char *field, *second;
        bool sure;
    } expected[] = {{"name", "leave_out", true},    {"category", "leave_out", true},
                    {"department", "owner", false}, {"vendor", "leave_out", true},
                    {"product", "version", false},  {"renewed_on", "leave_out", true},
                    {"exposed", "leave_out", true}, {"free", "leave_out", false}};
    assert_int_equal(m.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < m.count; i++) {
        assert_string_equal(field_code(m.columns[i].field), expected[i].field);
        assert_string_equal(field_code(m.columns[i].second), expected[i].second);
        assert_int_equal(m.columns[i].sure, expected[i].sure);
    }
    struct got g = {&m, &a, {{0}}, 0};
    assert_ok(book_read(b, 0, apply, &g, NULL));
    assert_true(g.rows[2].empty && g.rows[5].empty);
    const struct ledger_row *r = &g.rows[3];
    assert_slice_equal(r->value[FIELD_OWNER], "上原");
    assert_slice_equal(r->value[FIELD_DEPARTMENT], "物流部");
    assert_slice_equal(r->value[FIELD_PRODUCT], "スイート");
    assert_slice_equal(r->value[FIELD_VERSION], "5.2");
    assert_slice_equal(r->value[FIELD_RENEWED_ON], "2021-11-30");
    assert_int_equal(r->category, CATEGORY_INTERNAL);
    assert_int_equal(r->exposed, YN_NO);
    assert_int_equal(r->free_count, 1);
    assert_int_equal(r->problem_count, 0);
    assert_true(r->changed & 1u << FIELD_VERSION);
    r = &g.rows[4];
    assert_int_equal(r->problem_count, 3);
    assert_string_equal(r->problems[2].id, "name_missing");
    assert_int_equal(r->problems[2].severity, MUST_SOLVE);
    struct buf json;
    buf_init(&json, 65536);
    assert_ok(mapping_add_json(&json, &m));
    m.columns[7].header = slice_str("新しい列");
    m.columns[0].field = FIELD_FREE;
    assert_ok(mapping_remember(&m, buf_slice(&json), &known, NULL));
    assert_int_equal(known, 7);
    assert_int_equal(m.columns[0].field, FIELD_NAME);
    assert_true(m.columns[7].is_new);
    assert_int_equal(mapping_remember(&m, SLICE_LIT("[]"), &known, NULL), ST_MALFORMED);
    buf_done(&json);
    arena_done(&a);
    book_free(b);
}

/* Guesses for a file; fields as "name,department+owner,-": - is left out, * is kept. */
static void guess(struct slice file, struct buf *out, struct mapping *ret, struct arena *a)
{
    struct book *b = NULL;
    struct sheet_row *rows;
    size_t n;
    struct err err = {0};
    if (book_open(file, NULL, &b, &err) != OK ||
        sheet_sample(b, book_best_sheet(b), 100, a, &rows, &n, &err) != OK ||
        mapping_guess(rows, n, a, ret, &err) != OK)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < ret->count; i++) {
        const struct mapping_column *c = &ret->columns[i];
        const char *f = c->field == FIELD_LEAVE_OUT ? "-"
                        : c->field == FIELD_FREE    ? "*"
                                                    : field_code(c->field);
        (void)buf_addf(out, "%s%s", i ? "," : "", f);
        if (c->second != FIELD_LEAVE_OUT)
            (void)buf_addf(out, "+%s", field_code(c->second));
    }
    assert_ok(buf_status(out));
    book_free(b);
}

static void headers_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *file, *fields;
        uint32_t header_row, header_rows;
    } cases[] = {
        /* a title, a note, and numbers of rows */
        {"システム台帳 "
         "2021年度,,\n※毎年4月に更新,,\nNo.,システム名称,種別\n1,勤怠,SaaS\n2,運賃,社内\n",
         "-,name,category", 3, 1},
        /* numbers that are not those of rows */
        {"番号,システム名,備考\nS-01,勤怠,a\n", "asset_number,name,notes", 1, 1},
        /* the column whose whole name says it, though another stands first */
        {"種別コード,種別,システム名\n3,SaaS,勤怠\n", "*,category,name", 1, 1},
        /* two lines, as a CSV has merged cells */
        {"No,システム名,管理者,,,サーバ,\n,,部署,氏名,メール,ホスト名,OS\n"
         "1,勤怠,人事部,相沢,a@example.jp,web01,Linux\n",
         "-,name,department,owner,owner_mail,hosts,*", 2, 2},
        {"台帳,,,\n,,管理者,\n区分,名称,部署,担当\nSaaS,勤怠,人事部,相沢\n",
         "category,name,department,owner", 3, 1},
        /* a first row of data with empty cells is no second line */
        {"システム名,種別,備考,公開\n勤怠,SaaS,,\n", "name,category,notes,exposed", 1, 1},
        {"Name,Type,Owner,E-mail,Manufacturer,Product,Ver.,Internet\n"
         "Payroll,Internal,Aizawa,a@example.com,Aoba,Pay,1,no\n",
         "name,category,owner,owner_mail,vendor,product,version,exposed", 1, 1},
        {"ｼｽﾃﾑ名,ｶﾃｺﾞﾘｰ,利用部署,主管部署,ﾒｰｶｰ担当者\n勤怠,SaaS,全社,人事部,北斗\n",
         "name,category,users,department,*", 1, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        struct arena a;
        struct mapping m;
        buf_init(&out, 4096);
        arena_init(&a, MIB(1));
        guess(slice_str(cases[i].file), &out, &m, &a);
        assert_string_equal(buf_text(&out), cases[i].fields);
        assert_int_equal(m.header_row, cases[i].header_row);
        assert_int_equal(m.header_rows, cases[i].header_rows);
        buf_done(&out);
        arena_done(&a);
    }
    struct err err = {0};
    struct mapping m;
    struct sheet_row row = {"x", 1, false, NULL, 0, false};
    assert_int_equal(mapping_guess(&row, 1, NULL, &m, &err), ST_NOT_FOUND);
    assert_int_equal(mapping_guess(&row, 0, NULL, &m, &err), ST_NOT_FOUND);
}

#define T_(ref, text) "<c r='" ref "' t='inlineStr'><is><t>" text "</t></is></c>"
/* A merged title, a header of two lines with blocks both ways, a block of one category over three
 * rows of which one is blank, a hidden row, errors, dates of the 1904 system. */
static const char merged_sheet[] = "<worksheet><sheetData><row r='1'>" T_(
    "A1", "システム管理台帳") "</row><row r='2'>" T_("A2", "名称") T_("B2", "区分")
    T_("C2", "管理者") T_("E2", "更新日") "</row><row r='3'>" T_("C3", "部署") T_(
        "D3", "担当") "</row><row r='4'>" T_("A4", "勤怠") T_("B4", "社内") T_("C4", "人事部")
        T_("D4", "相沢") "<c r='E4' s='2'><v>43068</v></c></row><row r='5'/><row r='6' "
                         "hidden='1'>" T_(
                             "A6", "運賃") "<c r='E6'><v>43069</v></c></row><row r='7'>" T_("A7",
                                                                                            "倉庫")
                             T_("B7", "ＳａａＳ") "<c r='D7' t='e'><v>#REF!</v></c>" T_(
                                 "E7", "未定") "</row><row r='8'><c r='C8'/></row>"
                                               "</sheetData><mergeCells><mergeCell "
                                               "ref='A1:E1'/><mergeCell ref='A2:A3'/>"
                                               "<mergeCell ref='B2:B3'/><mergeCell "
                                               "ref='C2:D2'/><mergeCell ref='E2:E3'/>"
                                               "<mergeCell ref='B4:B6'/></mergeCells></worksheet>";

static struct slice merged_book(struct buf *zip)
{
    const char *const parts[][2] = {
        {"xl/workbook.xml", "<workbook xmlns:r='r'><workbookPr date1904='1'/><sheets><sheet "
                            "name='旧' state='hidden' r:id='rId9'/><sheet name='一覧' r:id='rId1'/>"
                            "</sheets></workbook>"},
        {"xl/_rels/workbook.xml.rels", RELS},
        {"xl/ss.xml", STRINGS},
        {"xl/styles.xml", STYLES},
        {"xl/worksheets/s.xml", merged_sheet}};
    return make_zip(parts, ARRAY_LEN(parts), zip);
}

static void merged_cells_and_two_line_headers(void **state)
{
    (void)state;
    struct buf zip, out;
    struct arena a;
    struct mapping m;
    struct book *b = NULL;
    buf_init(&zip, MIB(1));
    buf_init(&out, 4096);
    arena_init(&a, MIB(1));
    struct slice file = merged_book(&zip);
    guess(file, &out, &m, &a);
    assert_string_equal(buf_text(&out), "name,category,department,owner,renewed_on");
    assert_int_equal(m.header_row, 3);
    assert_int_equal(m.header_rows, 2);
    assert_slice_equal(m.columns[3].header, "管理者 担当");
    assert_ok(book_open(file, NULL, &b, NULL));
    assert_int_equal(book_sheet_count(b), 2);
    assert_true(book_sheet(b, 0)->hidden);
    assert_int_equal(book_best_sheet(b), 1);
    struct got g = {&m, &a, {{0}}, 0};
    assert_ok(book_read(b, 1, apply, &g, NULL));
    assert_int_equal(g.n, 8);
    for (size_t i = 0; i < g.n; i++)
        assert_int_equal(g.rows[i].empty, i < 3 || i == 4 || i == 7);
    assert_slice_equal(g.rows[3].value[FIELD_RENEWED_ON], "2021-11-30");
    assert_int_equal(g.rows[5].category, CATEGORY_INTERNAL); /* of the block */
    assert_slice_equal(g.rows[5].value[FIELD_RENEWED_ON], "2021-12-01");
    assert_int_equal(g.rows[6].category, CATEGORY_SAAS);
    assert_int_equal(g.rows[6].problem_count, 2);
    assert_string_equal(g.rows[6].problems[0].id, "error_cell");
    assert_int_equal(g.rows[6].problems[0].column, 3);
    assert_string_equal(g.rows[6].problems[1].id, "date_unreadable");
    assert_slice_equal(g.rows[6].problems[1].value, "未定");
    struct sheet_summary s;
    assert_ok(sheet_summarise(b, 1, &m, &a, &s, NULL));
    assert_int_equal(s.rows, 3);
    assert_int_equal(s.blank, 1);
    assert_int_equal(s.hidden, 1);
    assert_int_equal(s.columns[3].errors, 1);
    assert_int_equal(s.columns[4].unreadable, 1);
    assert_int_equal(s.categories, 2);
    assert_int_equal(s.spelling_count, 2);
    assert_slice_equal(s.spellings[0].text, "社内");
    assert_int_equal(s.spellings[0].count, 2);
    static const struct {
        enum lang lang;
        size_t column;
        const char *says;
    } reasons[] = {
        {LANG_JA, 0, "見出しから、3 行すべて記入・重複なし"},
        {LANG_EN, 0, "the header says so, all 3 filled and distinct"},
        {LANG_JA, 1, "見出しから、3 行すべて記入、2 通りの書き方から 2 区分へ"},
        {LANG_EN, 1, "the header says so, all 3 filled, 2 spellings lead to 2 categories"},
        {LANG_JA, 3, "見出しから、記入 1 / 3 行、エラー値 1 行"},
        {LANG_JA, 4, "見出しから、3 行すべて記入・重複なし、1 行は読み取れません"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        buf_clear(&out);
        assert_ok(mapping_add_reason(&out, reasons[i].lang, &m, reasons[i].column, &s));
        assert_string_equal(buf_text(&out), reasons[i].says);
    }
    buf_clear(&out);
    assert_ok(mapping_add_reason(&out, LANG_EN, &m, 0, NULL));
    assert_string_equal(buf_text(&out), "the header says so");
    book_free(b);
    arena_done(&a);
    buf_done(&zip);
    buf_done(&out);
}

/* Spellings and distinct texts past what is kept are counted as "more", never as wrong numbers. */
static void summaries_have_limits(void **state)
{
    (void)state;
    for (unsigned n = SUMMARY_SPELLINGS - 1; n <= SUMMARY_SPELLINGS + 1; n++) {
        struct buf file, out;
        struct arena a;
        struct mapping m;
        struct book *b = NULL;
        struct sheet_summary s;
        buf_init(&file, MIB(1));
        buf_init(&out, 4096);
        arena_init(&a, MIB(8));
        (void)buf_add_str(&file, "システム名,種別\n");
        for (unsigned i = 0; i < 3 * n; i++)
            (void)buf_addf(&file, "s%u,社内%u\n", i, i % n);
        guess(buf_slice(&file), &out, &m, &a);
        assert_ok(book_open(buf_slice(&file), NULL, &b, NULL));
        assert_ok(sheet_summarise(b, 0, &m, &a, &s, NULL));
        assert_int_equal(s.rows, 3 * n);
        assert_int_equal(s.columns[0].distinct, 3 * n);
        assert_int_equal(s.columns[1].distinct, n);
        assert_int_equal(s.spelling_count, n < SUMMARY_SPELLINGS ? n : SUMMARY_SPELLINGS);
        assert_int_equal(s.more_spellings, n > SUMMARY_SPELLINGS);
        assert_int_equal(s.categories, 1);
        book_free(b);
        arena_done(&a);
        buf_done(&file);
        buf_done(&out);
    }
}

static void rows_of_one_key_are_duplicates(void **state)
{
    (void)state;
    static const struct {
        const char *name, *product, *key;
    } cases[] = {
        {"名刺管理", "CardBox", "名刺管理\ncardbox"},
        {"名刺　管理", "ＣａｒｄＢｏｘ", "名刺管理\ncardbox"},
        {"ｻｰﾊﾞｰ", "", "サバ\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_row r = {.row = 1};
        struct buf key;
        buf_init(&key, 4096);
        r.value[FIELD_NAME] = slice_str(cases[i].name);
        r.value[FIELD_PRODUCT] = slice_str(cases[i].product);
        assert_ok(ledger_row_key(&r, &key));
        assert_string_equal(buf_text(&key), cases[i].key);
        buf_done(&key);
    }
}

/* Ledgers that are printed have headings between their rows, and the header on every page. */
static void headings_are_no_rows(void **state)
{
    (void)state;
    struct buf zip, out, words;
    struct arena a;
    struct mapping m;
    struct book *b = NULL;
    struct sheet_summary s;
    buf_init(&zip, MIB(1));
    buf_init(&out, 4096);
    buf_init(&words, 4096);
    arena_init(&a, MIB(1));
    struct slice book =
        make_book("<worksheet><sheetData><row r='1'>" T_("A1", "名称") T_("B1", "区分")
                      T_("C1", "備考") "</row><row r='2'>" T_(
                          "A2", "【社内システム】") "</row><row r='3'>" T_("A3", "勤怠")
                          T_("B3", "社内") "</row><row r='4'>" T_("A4", "名　称") T_("B4", "区分")
                              T_("C4", "備考") "</row><row r='5'>" T_("A5", "名称")
                                  T_("B5", "社内") "</row></sheetData><mergeCells>"
                                                   "<mergeCell ref='A2:C2'/><mergeCell "
                                                   "ref='B3:C3'/></mergeCells></worksheet>",
                  &zip);
    guess(book, &out, &m, &a);
    assert_ok(book_open(book, NULL, &b, NULL));
    struct got g = {&m, &a, {{0}}, 0};
    assert_ok(book_read(b, 0, apply, &g, NULL));
    assert_true(g.rows[1].empty && !g.rows[2].empty && g.rows[3].empty && !g.rows[4].empty);
    assert_int_equal(g.rows[1].problem_count, 1);
    assert_string_equal(g.rows[1].problems[0].id, "heading");
    assert_slice_equal(g.rows[1].problems[0].value, "【社内システム】");
    assert_int_equal(g.rows[1].value[FIELD_NAME].n, 0);
    assert_string_equal(g.rows[3].problems[0].id, "header_again");
    assert_ok(problem_add_text(
        &words, LANG_JA, g.rows[1].problems[0].id,
        &(struct problem_at){book_place(b, 0), 2, 0, 0, g.rows[1].problems[0].value}));
    assert_string_equal(buf_text(&words), "シート一覧 2 行 A 列: 【社内システム】: "
                                          "列をまたぐ見出しです。取り込みません");
    assert_ok(sheet_summarise(b, 0, &m, &a, &s, NULL));
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.blank, 2);
    book_free(b);
    arena_done(&a);
    buf_done(&zip);
    buf_done(&out);
    buf_done(&words);
}

static int use_messages(void **state)
{
    (void)state;
    return messages_use_linked(NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ledger_is_understood),
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(merged_cells_and_two_line_headers),
        cmocka_unit_test(headings_are_no_rows),
        cmocka_unit_test(summaries_have_limits),
        cmocka_unit_test(rows_of_one_key_are_duplicates),
    };
    return cmocka_run_group_tests(tests, use_messages, NULL);
}
