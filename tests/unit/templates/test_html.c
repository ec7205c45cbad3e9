/* What pages become: try.html, compiled by the template compiler, with values that mean harm. */
#include "unit.h"

#include "failalloc.h"
#include "try.html.h"

#include "base/limits.h"
#include "base/utf8.h"

#define NOW 1639560000000LL /* 2021-12-15T18:20:00+09:00 */

struct page {
    struct buf b;
    struct html h;
};

static struct html *page_begin(struct page *p, enum lang lang)
{
    buf_init(&p->b, MIB(16));
    p->h = (struct html){&p->b, lang, NOW};
    return &p->h;
}

/* The page so far is text; then it is emptied. */
#define assert_page(p, text)                          \
    do {                                              \
        assert_ok(html_status(&(p)->h));              \
        assert_string_equal(buf_text(&(p)->b), text); \
        buf_clear(&(p)->b);                           \
    } while (0)

static void hostile_text_stays_text(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n;
        const char *text, *value; /* between tags; in a form */
    } cases[] = {
        {"<script>", 8, "&lt;script&gt;", "&lt;script&gt;"},
        {"a&b", 3, "a&amp;b", "a&amp;b"},
        {"&lt;", 4, "&amp;lt;", "&amp;lt;"},
        {"\"'", 2, "&#34;&#39;", "&#34;&#39;"},
        {"a\0b", 3,
         "a\xef\xbf\xbd"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\x1b\x7f", 2, "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc2\x85", 2, "\xef\xbf\xbd", "\xef\xbf\xbd"},
        {"\tx\n", 3, "\tx\n", "\tx\n"},
        {"a\r\nb", 4, "a&#13;\nb", "a&#13;\nb"},
        {"\xff", 1, "\xef\xbf\xbd", "\xef\xbf\xbd"},
        {"\xc0\xbc", 2, "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe3\x81", 2, "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe3\x81<", 3, "\xef\xbf\xbd\xef\xbf\xbd&lt;", "\xef\xbf\xbd\xef\xbf\xbd&lt;"},
        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x80\xae", 3, "[U+202E]", "\xe2\x80\xae"},
        {"\xe2\x81\xa6", 3, "[U+2066]", "\xe2\x81\xa6"},
        {"\xef\xbb\xbf", 3, "[U+FEFF]", "\xef\xbb\xbf"},
        {"火消し", 9, "火消し", "火消し"},
        {"\xf0\xa9\xb8\xbd\xc3\xa9", 6, "\xf0\xa9\xb8\xbd\xc3\xa9", "\xf0\xa9\xb8\xbd\xc3\xa9"},
        {"", 0, "", ""},
    };
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice s = slice_of(cases[i].in, cases[i].n);
        html_put(h, s);
        assert_page(&p, cases[i].text);
        html_put_plain(h, s);
        assert_page(&p, cases[i].text);
        html_put_value(h, s);
        assert_page(&p, cases[i].value);
    }
    html_put(h, ((struct slice){NULL, 0}));
    assert_page(&p, "");
    buf_done(&p.b);
}

static void numbers_of_every_width(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    html_put(h, INT64_MIN);
    assert_page(&p, "-9223372036854775808");
    html_put(h, UINT64_MAX);
    assert_page(&p, "18446744073709551615");
    html_put(h, (size_t)0);
    assert_page(&p, "0");
    html_put(h, (uint8_t)200);
    assert_page(&p, "200");
    html_put(h, (int16_t)-5);
    assert_page(&p, "-5");
    html_put(h, 12345u);
    assert_page(&p, "12345");
    html_put(h, html_count(999));
    assert_page(&p, "999");
    html_put(h, html_count(-1397000));
    assert_page(&p, "-1,397,000");
    html_put(h, html_count(INT64_MIN));
    assert_page(&p, "-9,223,372,036,854,775,808");
    buf_done(&p.b);
}

static void addresses_that_lead_elsewhere_lead_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"https://a.example/x?y=1&z=2#w", "https://a.example/x?y=1&amp;z=2#w"},
        {"HTTP://a.example/", "HTTP://a.example/"},
        {"mailto:a@b.example", "mailto:a@b.example"},
        {"/i/1/ledger", "/i/1/ledger"},
        {"/", "/"},
        {"?page=2", "?page=2"},
        {"#main", "#main"},
        {"/\xe7\x81\xab\"<>'`", "/%E7%81%AB%22%3C%3E%27%60"},
        {"/a%20b", "/a%20b"},
        {"", "#"},
        {"javascript:alert(1)", "#"},
        {"JaVaScRiPt:alert(1)", "#"},
        {" javascript:alert(1)", "#"},
        {"java\tscript:alert(1)", "#"},
        {"data:text/html,x", "#"},
        {"vbscript:x", "#"},
        {"//evil.example/", "#"},
        {"/\\evil.example/", "#"},
        {"/\t/evil.example/", "#"},
        {"\\\\evil.example", "#"},
        {"https:evil.example", "#"},
        {"https:/evil.example", "#"},
        {"ftp://a.example/", "#"},
        {"ledger", "#"},
        {"file:///etc/passwd", "#"},
        {"https://a.example/\x7f", "#"},
    };
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        html_put_url(h, html_url_of(slice_str(cases[i].in)));
        assert_page(&p, cases[i].out);
    }
    assert_slice_equal(html_url_of(slice_of("/a\0b", 4)).s, "#");
    html_put_url_part(h, SLICE_LIT("a/b?c&d=\"e\" \xe7\x81\xab:%~-._"));
    assert_page(&p, "a%2Fb%3Fc%26d%3D%22e%22%20%E7%81%AB%3A%25~-._");
    html_put_url_part(h, -7);
    assert_page(&p, "-7");
    buf_done(&p.b);
}

static void every_context_of_a_page(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    try_text(h, SLICE_LIT("\"<b>\xe2\x80\xae"), 5, html_raw_of(SLICE_LIT("<i>x</i>")));
    assert_page(&p, "<p class=\"&#34;&lt;b&gt;[U+202E]\" title='&#34;&lt;b&gt;[U+202E]'>"
                    "&#34;&lt;b&gt;[U+202E] 5 <i>x</i></p>\n"
                    "<textarea name=\"t\">\n&#34;&lt;b&gt;\xe2\x80\xae</textarea>"
                    "<input value=\"&#34;&lt;b&gt;\xe2\x80\xae\" size=\"5\">\n"
                    "<script src=\"/a.js\" defer></script>\n");
    try_url(h, html_url_of(SLICE_LIT("/x?a=1&b=\"")), SLICE_LIT("/&\""), 0);
    assert_page(&p, "<a href=\"/x?a=1&amp;b=%22\">a</a> "
                    "<a href=\"/i/0/x?q=%2F%26%22&amp;n=0#%2F%26%22\">b</a> <a href=\"/0\">c</a>\n"
                    "<a href=\"/?%2F%26%22\">d</a> "
                    "<div hx-get=\"/x?a=1&amp;b=%22&amp;p=%2F%26%22\"></div>\n");
    try_begin(h, SLICE_LIT("</title>"));
    try_end(h);
    assert_page(&p, "<!doctype html>\n<title>&lt;/title&gt;</title><main>\n</main>\n");
    buf_done(&p.b);
}

static void branches_loops_and_calls(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    try_flow(h, 0);
    assert_page(&p, "<table>\n<tbody>\n</tbody>\n</table>\n<p>none</p>\n"
                    "<input type=\"checkbox\" >\n<pre>\n  kept\n   0</pre>\n");
    try_flow(h, 1);
    assert_page(&p, "<table>\n<tbody>\n<tr class=\"last\"><td>0</td></tr>\n</tbody>\n</table>\n"
                    "<p>one</p>\n<input type=\"checkbox\" >\n<pre>\n  kept\n   1</pre>\n");
    try_flow(h, 3);
    assert_page(&p, "<table>\n<tbody>\n<tr><td>0</td></tr>\n<tr><td>1</td></tr>\n"
                    "<tr class=\"last\"><td>2</td></tr>\n</tbody>\n</table>\n<p>many</p>\n"
                    "<input type=\"checkbox\"  checked disabled>\n<pre>\n  kept\n   3</pre>\n");
    buf_done(&p.b);
}

static void texts_take_values_in_the_translation_s_order(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    try_tr(h, SLICE_LIT("<\xe2\x80\xae>"), 1397, NOW - 3 * 3600000LL);
    assert_page(&p, "<p title=\"Ledger &amp; &lt;more&gt; of &lt;[U+202E]&gt;\">Ledger, "
                    "&lt;[U+202E]&gt; has 1,397</p>\n<p>1397 rows Open</p>\n"
                    "<p><a href=\"/x\">Ledger</a> of &lt;[U+202E]&gt;, <b>1397</b> left</p>\n"
                    "<p title=\"Wed 15 Dec 15:20\">"
                    "<time datetime=\"2021-12-15T15:20:00+09:00\">Wed 15 Dec 15:20</time>|"
                    "<time datetime=\"2021-12-15\">Wed 15 Dec</time>|"
                    "<time datetime=\"2021-12-15T15:20:00+09:00\">15:20</time>|"
                    "<time datetime=\"2021-12-15T15:20:00+09:00\">3 h</time></p>\n");
    /* what a translator may do: another order, twice, left out, braces that mean nothing */
    const struct html_arg args[] = {html_arg("a", SLICE_LIT("&")), html_arg("bc", 2)};
    html_translate(h, HTML_TEXT, "{bc}<{a}>{bc} {x} {a {{a}} {", args, 2);
    assert_page(&p, "2&lt;&amp;&gt;2 {x} {a {&amp;} {");
    html_translate(h, HTML_TEXT, "", args, 2);
    assert_page(&p, "");
    buf_done(&p.b);
}

static void moments_in_both_languages(void **state)
{
    (void)state;
    enum { MIN = 60000, HOUR = 60 * MIN, DAY = 24 * HOUR };
    static const struct {
        struct html_ms ms;
        const char *en, *ja;
    } cases[] = {
        {{HTML_AT, NOW - 2 * DAY + 2 * HOUR + 44 * MIN}, "Mon 13 Dec 21:04", "12/13 21:04"},
        {{HTML_AT, NOW - 365LL * DAY}, "Tue 15 Dec 2020 18:20", "2020/12/15 18:20"},
        {{HTML_DAY, NOW}, "Wed 15 Dec", "12 月 15 日(水)"},
        {{HTML_DAY, NOW + 30LL * DAY}, "Fri 14 Jan 2022", "2022 年 1 月 14 日(金)"},
        {{HTML_CLOCK, NOW - 9 * HOUR - 20 * MIN}, "09:00", "09:00"},
    };
    struct page p;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct html *h = page_begin(&p, LANG_EN);
        html_put_plain(h, cases[i].ms);
        assert_page(&p, cases[i].en);
        h->lang = LANG_JA;
        html_put_plain(h, cases[i].ms);
        assert_page(&p, cases[i].ja);
        buf_done(&p.b);
    }
    static const struct {
        int64_t age;
        const char *en, *ja;
    } ages[] = {
        {0, "0 min", "0分"},
        {-5000, "0 min", "0分"}, /* another host's clock */
        {59 * MIN + 59999, "59 min", "59分"},
        {HOUR, "1 h", "1時間"},
        {3 * HOUR + 28 * MIN, "3 h 28 min", "3時間28分"},
        {2LL * DAY - 1, "47 h 59 min", "47時間59分"},
        {2LL * DAY, "2 days", "2日"},
        {5LL * DAY + 23 * HOUR, "5 days", "5日"},
    };
    struct err e = {0};
    assert_ok(messages_use_linked(&e));
    struct html *h = page_begin(&p, LANG_EN);
    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        h->lang = LANG_EN;
        html_put_plain(h, html_since(NOW - ages[i].age));
        assert_page(&p, ages[i].en);
        h->lang = LANG_JA;
        html_put_plain(h, html_since(NOW - ages[i].age));
        assert_page(&p, ages[i].ja);
    }
    html_put_plain(h, html_since(INT64_MIN)); /* nothing overflows */
    html_put_plain(h, html_since(INT64_MAX));
    html_put(h, html_at(INT64_MIN));
    html_put(h, html_day(INT64_MAX));
    assert_ok(html_status(h));
    buf_done(&p.b);
}

static void a_full_buffer_and_no_memory_stick(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_EN);
    p.b.max = 40;
    try_flow(h, 3);
    assert_int_equal(html_status(h), ST_LIMIT);
    buf_done(&p.b);
    for (unsigned long n = 1;; n++) {
        h = page_begin(&p, LANG_EN);
        failalloc_at(n);
        try_flow(h, 50);
        try_tr(h, SLICE_LIT("x"), 1, NOW);
        bool hit = failalloc_hit();
        assert_int_equal(html_status(h), hit ? ST_NOMEM : OK);
        buf_done(&p.b);
        if (!hit)
            break;
    }
}

/* 5,000 rows of ten cells are a few milliseconds; the bound is wide because a sanitizer build on a
 * busy machine runs this too. What it catches is escaping that has become quadratic. */
static void a_long_table_is_quick(void **state)
{
    (void)state;
    struct page p;
    struct html *h = page_begin(&p, LANG_JA);
    int64_t t0 = time_monotonic_ms();
    for (int row = 0; row < 5000; row++)
        for (int cell = 0; cell < 10; cell++) {
            html_literal(h, "<td>", 4);
            html_put(h, SLICE_LIT("倉庫ラベル発行 <INT-014> & more"));
            html_literal(h, "</td>", 5);
        }
    int64_t took = time_monotonic_ms() - t0;
    assert_ok(html_status(h));
    assert_true(took < 1000);
    print_message("5,000 rows of ten cells: %lld ms\n", (long long)took);
    buf_done(&p.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(numbers_of_every_width),
        cmocka_unit_test(addresses_that_lead_elsewhere_lead_nowhere),
        cmocka_unit_test(every_context_of_a_page),
        cmocka_unit_test(branches_loops_and_calls),
        cmocka_unit_test(texts_take_values_in_the_translation_s_order),
        cmocka_unit_test(moments_in_both_languages),
        cmocka_unit_test(a_full_buffer_and_no_memory_stick),
        cmocka_unit_test(a_long_table_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
