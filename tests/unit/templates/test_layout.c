/* The frame of pages: who sees what, in which language, and that nothing in it can be broken. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/assets.h"
#include "board/web/pages/layout.html.h"

#define NOW 1639560000000LL /* 2021-12-15T18:20:00+09:00 */

static const struct page_note notes[] = {
    {NOTE_GOOD, {(const uint8_t *)"12 rows <changed>", 17}},
    {NOTE_BAD, {(const uint8_t *)"lost", 4}},
};

static struct web_request request(enum role role)
{
    return (struct web_request){
        .actor = {ACTOR_ACCOUNT, 3, "佐伯 <美帆>", role, "web"},
        .theme = "dark",
        .csrf = "token\"",
    };
}

static struct page_frame frame(enum role role)
{
    struct web_request r = request(role);
    struct page_frame f = page_frame_of(&r);
    f.title = SLICE_LIT("</title><script>");
    f.place = PAGE_LEDGER;
    f.incident = 7;
    f.incident_title = SLICE_LIT("Log \"<b>");
    f.incident_opened_ms = 1639090800000; /* 2021-12-10T08:00:00+09:00 */
    f.ledger_count = 1820;
    f.notes = notes;
    f.note_count = ARRAY_LEN(notes);
    return f;
}

static void render(struct buf *b, enum lang lang, const struct page_frame *f)
{
    buf_clear(b);
    struct html h = {b, lang, NOW};
    layout_begin(&h, f);
    html_literal(&h, "CONTENT", 7);
    layout_end(&h, f);
    assert_ok(html_status(&h));
}

static bool has(const struct buf *b, const char *text)
{
    return strstr(buf_text(b), text) != NULL;
}

static void assert_has(const struct buf *b, const char *text)
{
    if (!has(b, text))
        fail_msg("not in the page: %s\n%s", text, buf_text(b));
}

static void in_english_with_everything(void **state)
{
    (void)state;
    struct buf b;
    struct page_frame f = frame(ROLE_ADMIN);
    buf_init(&b, MIB(1));
    render(&b, LANG_EN, &f);
    static const char *const parts[] = {
        "<!doctype html>\n<html lang=\"en\" data-theme=\"dark\">",
        "<title>&lt;/title&gt;&lt;script&gt; · Log &#34;&lt;b&gt; · hikeshi</title>",
        "<a class=\"skip\" href=\"#main\">Skip to the content</a>",
        "<a class=\"case\" href=\"/incidents/7\">Log &#34;&lt;b&gt;<span>day 6</span></a>",
        "<a href=\"?lang=ja\" lang=\"ja\" hreflang=\"ja\">日本語</a>",
        "<a class=\"user\" href=\"/account\">佐伯 &lt;美帆&gt;</a>",
        ("<form method=\"post\" action=\"/logout\">\n"
         "<input type=\"hidden\" name=\"csrf\" value=\"token&#34;\">"),
        "<a href=\"/incidents/7/ledger\" aria-current=\"page\">Ledger <b>1,820</b></a>",
        "<a href=\"/incidents/7/proposals\">Proposals</a>",
        "<a href=\"/accounts\">Accounts</a>",
        "<a href=\"?theme=dark\" aria-current=\"true\">Dark</a>",
        "<div class=\"note said good\" role=\"status\">12 rows &lt;changed&gt;</div>",
        "<div class=\"note said bad\" role=\"alert\">lost</div>",
        "CONTENT</main>\n</body>\n</html>\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        assert_has(&b, parts[i]);
    assert_has(&b, assets[ASSET_STYLE_CSS].path);
    assert_has(&b, assets[ASSET_VENDOR_HTMX_MIN_JS].path);
    assert_false(has(&b, "sse-connect"));
    assert_false(has(&b, assets[ASSET_VENDOR_HTMX_EXT_SSE_MIN_JS].path));
    buf_done(&b);
}

static void in_japanese_and_live(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf b;
    struct page_frame f = frame(ROLE_READER);
    assert_ok(messages_use_linked(&e));
    f.live = true;
    f.theme = "";
    buf_init(&b, MIB(1));
    render(&b, LANG_JA, &f);
    assert_has(&b, "<html lang=\"ja\">");
    assert_has(&b, "<span>6日目</span>");
    assert_has(&b, "hx-ext=\"sse\" sse-connect=\"/incidents/7/events\"");
    assert_has(&b, assets[ASSET_VENDOR_HTMX_EXT_SSE_MIN_JS].path);
    assert_has(&b, "data-off-text=\"自動更新が切れています(12/15 18:20 時点)\">"
                   "<time datetime=\"2021-12-15T18:20:00+09:00\">12/15 18:20</time> 時点</span>");
    assert_has(&b, "<a href=\"?theme=auto\" aria-current=\"true\">自動</a>");
    assert_false(has(&b, "/accounts")); /* for administrators only */
    buf_done(&b);
}

static void nobody_has_no_side_list(void **state)
{
    (void)state;
    struct web_request r = request(ROLE_NONE);
    struct page_frame f = page_frame_of(&r);
    struct buf b;
    f.title = SLICE_LIT("Log in");
    buf_init(&b, MIB(1));
    render(&b, LANG_EN, &f);
    assert_has(&b, "<title>Log in · hikeshi</title>");
    assert_has(&b, "<body class=\"app bare\">");
    assert_has(&b, "?lang=ja");
    static const char *const hidden[] = {"/logout",    "/hosts",         "popover",
                                         "/incidents", "class=\"live\"", "佐伯"};
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        assert_false(has(&b, hidden[i]));
    f.theme = NULL; /* a request that was never filled */
    r = (struct web_request){0};
    f = page_frame_of(&r);
    render(&b, LANG_EN, &f);
    buf_done(&b);
}

static void days_are_those_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int64_t opened_ms;
        int64_t day;
    } cases[] = {
        {NOW, 1},
        {NOW + 1000, 1},           /* clocks differ */
        {1639494000000, 1},        /* 12-15 00:00 */
        {1639493999999, 2},        /* 12-14 23:59:59.999 */
        {1639090800000, 6},        /* 12-10 08:00 */
        {NOW + 3 * 86400000LL, 1}, /* not yet */
        {1639494000000 - 365 * 86400000LL, 366},
    };
    struct html h = {.now_ms = NOW};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page_frame f = {.incident_opened_ms = cases[i].opened_ms};
        assert_int_equal(page_incident_day(&h, &f), cases[i].day);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_english_with_everything),
        cmocka_unit_test(in_japanese_and_live),
        cmocka_unit_test(nobody_has_no_side_list),
        cmocka_unit_test(days_are_those_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
