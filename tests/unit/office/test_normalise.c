/* What Japanese office people write, and what is kept of it. */
#include "unit.h"

#include "board/office/normalise.h"
#include "board/office/xlsx.h"

static void texts_are_folded(void **state)
{
    (void)state;
    static const struct {
        const char *in, *text, *key;
    } cases[] = {
        {"　ラベルスイート　Ver５．２．１ ", "ラベルスイート Ver5.2.1", "ラベルスイトver5.2.1"},
        {"ｸﾗｲｱﾝﾄ", "クライアント", "クライアント"},
        {"ﾊﾞﾋﾟﾌﾞｳﾞｶﾞ", "バピブヴガ", "バピブヴガ"},
        {"㈱髙橋倉庫", "㈱髙橋倉庫", "髙橋倉庫"},
        {"青葉ソフト（株）", "青葉ソフト(株)", "青葉ソフト"},
        {"株式会社青葉ソフト", "株式会社青葉ソフト", "青葉ソフト"},
        {"a\r\nb", "a\nb", "ab"},
        {"株式会社", "株式会社", "株式会社"},
        {"", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 256);
        assert_ok(norm_text(slice_str(cases[i].in), &b));
        assert_string_equal(buf_text(&b), cases[i].text);
        buf_clear(&b);
        assert_ok(norm_match_key(slice_str(cases[i].in), &b));
        assert_string_equal(b.n ? buf_text(&b) : "", cases[i].key);
        buf_done(&b);
    }
}

static void dates_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int y, m, d; /* y 0: not a date */
    } cases[] = {
        {"令和3年11月30日", 2021, 11, 30},
        {"令和元年5月1日", 2019, 5, 1},
        {"R3.11.30", 2021, 11, 30},
        {"Ｒ３．１１．３０", 2021, 11, 30},
        {"H31.4.30", 2019, 4, 30},
        {"昭和64年1月7日", 1989, 1, 7},
        {"2021/11/30", 2021, 11, 30},
        {"2021-11-30 12:34:56", 2021, 11, 30},
        {"2021年11月", 2021, 11, 0},
        {"20211130", 2021, 11, 30},
        {"44530", 2021, 11, 30},
        {"44530.5", 2021, 11, 30},
        {"2018/9/4", 2018, 9, 4},
        {"2018.9.4", 2018, 9, 4},
        {"H30.9.4", 2018, 9, 4},
        {"R3.12.10", 2021, 12, 10},
        {"令3.12.10", 2021, 12, 10},
        {"平成元年1月8日", 1989, 1, 8},
        {"㋿3年12月", 2021, 12, 0},
        {"令和３年　１２月　１０日", 2021, 12, 10},
        {"2021年12月10日(金)", 2021, 12, 10},
        {"10 Dec 2021", 2021, 12, 10},
        {"10-Dec-2021", 2021, 12, 10},
        {"December 10, 2021", 2021, 12, 10},
        {"Sept 1 2021", 2021, 9, 1},
        {"Dec 2021", 0, 0, 0},
        {"10 Dec 21", 0, 0, 0},
        {"31 Nov 2021", 0, 0, 0},
        {"10 Decem ber 2021", 0, 0, 0},
        {"10/12/2021", 0, 0, 0}, /* the tenth of which month? */
        {"12/10", 0, 0, 0},
        {"21/12/10", 0, 0, 0},
        {"R3.2.30", 0, 0, 0},
        {"2021/12/10以降", 0, 0, 0},
        {"2021/11/30(火)", 2021, 11, 30},
        {"2021/2/29", 0, 0, 0},
        {"2021/13/1", 0, 0, 0},
        {"未定", 0, 0, 0},
        {"5.2.1", 0, 0, 0},
        {"", 0, 0, 0},
        {"2021", 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct norm_date d = {0, 0, 0};
        enum status st = norm_date(slice_str(cases[i].in), true, false, &d);
        if ((st == OK) != (cases[i].y != 0) || d.year != cases[i].y || d.month != cases[i].m ||
            d.day != cases[i].d)
            fail_msg("%s: %d-%d-%d", cases[i].in, d.year, d.month, d.day);
    }
}

static void serials_are_read(void **state)
{
    (void)state;
    static const struct {
        double serial;
        bool date1904;
        int y, m, d;
    } cases[] = {
        {1, false, 1900, 1, 1},  {59, false, 1900, 2, 28},       {60, false, 1900, 2, 29},
        {61, false, 1900, 3, 1}, {44530, false, 2021, 11, 30},   {43068, true, 2021, 11, 30},
        {0, true, 1904, 1, 1},   {2958465, false, 9999, 12, 31}, {2958466, false, 0, 0, 0},
        {-1, false, 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct norm_date d = {0, 0, 0};
        enum status st = norm_serial_date(cases[i].serial, cases[i].date1904, &d);
        assert_int_equal(st == OK, cases[i].y != 0);
        assert_int_equal(d.year, cases[i].y);
        assert_int_equal(d.month, cases[i].m);
        assert_int_equal(d.day, cases[i].d);
    }
}

static void categories_and_marks(void **state)
{
    (void)state;
    static const struct {
        const char *in, *code;
    } categories[] = {
        {"社内シス", "internal"},
        {"外部公開", "external"},
        {"ｸﾗｲｱﾝﾄ", "client"},
        {"ＳａａＳ", "saas"},
        {"外部サービス", "saas"},
        {"端末ソフト", "client"},
        {"社外向け", "external"},
        {"基幹系", "internal"},
        {"Internet facing", "external"},
        {"社外", "external"},
        {"外部公開システム", "external"},
        {"インターネット公開", "external"},
        {"社内外", "external"},
        {"お客様向けサービス", "external"},
        {"Customer-facing", "external"},
        {"External", "external"},
        {"社内", "internal"},
        {"社内 システム", "internal"},
        {"内部", "internal"},
        {"イントラ", "internal"},
        {"In-house", "internal"},
        {"SaaS", "saas"},
        {"Ｓａａｓ（外部）", "saas"},
        {"ｸﾗｳﾄﾞｻｰﾋﾞｽ", "saas"},
        {"クラウド", "saas"},
        {"クライアント", "client"},
        {"端末", "client"},
        {"PCソフト", "client"},
        {"ＰＣソフトウェア", "client"},
        {"Client software", "client"},
        {"Desktop application", "client"},
        {"その他", ""},
        {"", ""},
        {"非公開", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(categories); i++)
        assert_string_equal(category_code(norm_category(slice_str(categories[i].in))),
                            categories[i].code);
    static const struct {
        const char *in;
        enum yes_no answer;
    } marks[] = {{"○", YN_YES},   {"×", YN_NO},    {"△", YN_UNKNOWN}, {"", YN_UNKNOWN},
                 {"Ｙ", YN_YES},  {"無し", YN_NO}, {"非公開", YN_NO}, {"公開", YN_YES},
                 {"不要", YN_NO}, {"要", YN_YES},  {"0", YN_NO},      {"－", YN_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        assert_int_equal(norm_yes_no(slice_str(marks[i].in)), marks[i].answer);
}

static void two_in_one_is_split(void **state)
{
    (void)state;
    struct slice a, b;
    assert_true(norm_split_owner(slice_str("物流システム部 上原"), &a, &b));
    assert_slice_equal(a, "物流システム部");
    assert_slice_equal(b, "上原");
    assert_true(norm_split_owner(slice_str("経理部　木村 花"), &a, &b));
    assert_slice_equal(b, "木村 花");
    assert_false(norm_split_owner(slice_str("上原 次郎"), &a, &b));
    assert_true(norm_split_product(slice_str("ラベルスイート Ver5.2.1"), &a, &b));
    assert_slice_equal(a, "ラベルスイート");
    assert_slice_equal(b, "5.2.1");
    assert_true(norm_split_product(slice_str("Suite Ver 5.2"), &a, &b));
    assert_slice_equal(a, "Suite");
    assert_slice_equal(b, "5.2");
    assert_false(norm_split_product(slice_str("帳票一番 Pro"), &a, &b));
    struct slice rest = slice_str("web01、web02, 10.0.0.1\n db-1/db-2");
    static const char *const hosts[] = {"web01", "web02", "10.0.0.1", "db-1", "db-2"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_true(norm_next_host(&rest, &a));
        assert_slice_equal(a, hosts[i]);
    }
    assert_false(norm_next_host(&rest, &a));
}

static void formats_show_dates(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool date;
    } cases[] = {
        {"General", false},
        {"yyyy/mm/dd", true},
        {"0.00E+00", false},
        {"[$-411]ggge\"年\"m\"月\"d\"日\"", true},
        {"#,##0\"day\"", false},
        {"[Red]0.00", false},
        {"[h]:mm", true},
        {"\\d0", false},
        {"@", false},
        {"G/標準\"年\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(xlsx_format_is_date(cases[i].code), cases[i].date);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_folded),    cmocka_unit_test(dates_are_read),
        cmocka_unit_test(serials_are_read),    cmocka_unit_test(categories_and_marks),
        cmocka_unit_test(two_in_one_is_split), cmocka_unit_test(formats_show_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
