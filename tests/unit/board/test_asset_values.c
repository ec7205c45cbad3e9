/* The values of a row of the ledger: checking, folding, hosts, JSON. */
#include "unit.h"

#include "board/case/asset.h"
#include "board/case/asset_values.h"
#include "failalloc.h"

struct value_case {
    enum ledger_field field;
    const char *raw;
    const char *kept; /* NULL: refused */
};

static void values_are_checked(void **state)
{
    static const struct value_case cases[] = {
        {FIELD_NAME, "  Ｗｅｂ　受注\nｼｽﾃﾑ ", "Web 受注 システム"},
        {FIELD_NAME, "", ""},
        {FIELD_NAME, "a\x1b[31mb", "a [31mb"},
        {FIELD_NAME, "\xff\xfe", NULL},
        {FIELD_NOTES, "一行目\r\n二行目", "一行目\n二行目"},
        {FIELD_CATEGORY, "社外向けシステム", "external"},
        {FIELD_CATEGORY, "internal", "internal"},
        {FIELD_CATEGORY, "ＳａａＳ", "saas"},
        {FIELD_CATEGORY, "クライアントソフト", "client"},
        {FIELD_CATEGORY, "その他いろいろ", NULL},
        {FIELD_CATEGORY, "", ""},
        {FIELD_EXPOSED, "公開", "yes"},
        {FIELD_EXPOSED, "○", "yes"},
        {FIELD_EXPOSED, "no", "no"},
        {FIELD_EXPOSED, "多分", NULL},
        {FIELD_OWNER_MAIL, "Uehara@Example.JP", "uehara@example.jp"},
        {FIELD_OWNER_MAIL, "uehara", NULL},
        {FIELD_OWNER_MAIL, "a@b@c", NULL},
        {FIELD_OWNER_MAIL, "a b@c", NULL},
        {FIELD_OWNER_MAIL, "@c", NULL},
        {FIELD_OWNER_MAIL, "a@", NULL},
        {FIELD_OWNER_MAIL, "<a@example.jp>", NULL},
        {FIELD_OWNER_MAIL, "上原@example.jp", NULL},
        {FIELD_HOSTS, "web1.example.jp, web2、db1", "web1.example.jp\nweb2\ndb1"},
        {FIELD_HOSTS, "web1\nweb2", "web1\nweb2"},
        {FIELD_RENEWED_ON, "令和3年11月30日", "2021-11-30"},
        {FIELD_RENEWED_ON, "2021-11", "2021-11"},
        {FIELD_RENEWED_ON, "2021/2/30", NULL},
        {FIELD_RENEWED_ON, "44530", NULL}, /* typed in, it is no date of Excel's */
        {FIELD_ASSET_NUMBER, "ＩＮＴ－014", "INT-014"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct err e = {0};
        struct slice got = {0};
        arena_init(&a, ASSET_MEMORY);
        enum status s = asset_value(cases[i].field, slice_str(cases[i].raw), &a, &got, &e);
        if (cases[i].kept && s != OK)
            fail_msg("%s: %s", cases[i].raw, e.msg);
        if (cases[i].kept) {
            assert_slice_equal(got, cases[i].kept);
            struct slice again = {0}; /* what is kept stays as it is */
            assert_ok(asset_value(cases[i].field, got, &a, &again, &e));
            assert_true(slice_eq(got, again));
        } else if (s != ST_INVALID || !e.msg[0]) {
            fail_msg("%s: was not refused", cases[i].raw);
        }
        arena_done(&a);
    }
}

static void lengths_have_limits(void **state)
{
    static char text[ASSET_TEXT_MAX + 2];
    static char hosts[(ASSET_HOSTS_MAX + 1) * 8];
    struct arena a;
    struct slice got;
    struct err e = {0};
    (void)state;
    arena_init(&a, ASSET_MEMORY);
    memset(text, 'x', sizeof text);
    assert_ok(asset_value(FIELD_NOTES, slice_of(text, ASSET_TEXT_MAX - 1), &a, &got, &e));
    assert_ok(asset_value(FIELD_NOTES, slice_of(text, ASSET_TEXT_MAX), &a, &got, &e));
    assert_int_equal(asset_value(FIELD_NOTES, slice_of(text, ASSET_TEXT_MAX + 1), &a, &got, &e),
                     ST_LIMIT);
    assert_ok(asset_value(FIELD_HOSTS, slice_of(text, ASSET_HOST_SIZE - 1), &a, &got, &e));
    assert_int_equal(asset_value(FIELD_HOSTS, slice_of(text, ASSET_HOST_SIZE), &a, &got, &e),
                     ST_LIMIT);
    for (size_t n = ASSET_HOSTS_MAX - 1; n <= ASSET_HOSTS_MAX + 1; n++) {
        struct buf b;
        buf_init(&b, sizeof hosts);
        for (size_t i = 0; i < n; i++)
            assert_ok(buf_addf(&b, "h%zu ", i));
        assert_int_equal(asset_value(FIELD_HOSTS, buf_slice(&b), &a, &got, &e),
                         n <= ASSET_HOSTS_MAX ? OK : ST_LIMIT);
        buf_done(&b);
    }
    arena_done(&a);
}

static void the_search_folds(void **state)
{
    static const struct {
        const char *text, *fold;
    } cases[] = {
        {"ＷＥＢサーバー", "webさーばー"},
        {"ｻｰﾊﾞｰ", "さーばー"},
        {"か\xe3\x82\x99き\xe3\x82\x99は\xe3\x82\x9aう\xe3\x82\x99", "がぎぱゔ"}, /* decomposed */
        {"ヴァージョン", "ゔぁーじょん"},
        {"Ünïcode ΑΒΓ АБВ", "ünïcode αβγ абв"},
        {"一\n二", "一 二"},
        {"ー-_%\\", "ー-_%\\"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 1024);
        assert_ok(search_fold(slice_str(cases[i].text), &b));
        if (!slice_eq_str(buf_slice(&b), cases[i].fold))
            fail_msg("%s: %s", cases[i].text, buf_text(&b));
        buf_done(&b);
    }
}

static struct asset_values example(void)
{
    struct asset_values v = {0};
    v.v[FIELD_NAME] = slice_str("受注サーバー");
    v.v[FIELD_CATEGORY] = slice_str("external");
    v.v[FIELD_EXPOSED] = slice_str("yes");
    v.v[FIELD_VENDOR] = slice_str("ACME");
    v.v[FIELD_HOSTS] = slice_str("web1\nweb2");
    v.v[FIELD_FREE] = slice_str("[[\"拠点\",\"大阪\"],[\"棚\",\"B\"]]");
    return v;
}

static void the_search_text_keeps_fields_apart(void **state)
{
    struct asset_values v = example();
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    assert_ok(asset_values_search(&v, &b));
    assert_string_equal(buf_text(&b), "\x10受注さーばー\x0e\x15"
                                      "acme\x0e\x19"
                                      "web1 web2\x0e\x0f大阪\x0e\x0f"
                                      "b\x0e");
    assert_int_equal(SEARCH_MARK(FIELD_VENDOR), 0x15);
    assert_int_equal(SEARCH_MARK(FIELD_RENEWED_ON), 0x1f);
    buf_done(&b);
}

static void hosts_are_taken_apart(void **state)
{
    static const struct {
        const char *host, *name;
    } wanted[] = {
        {"web1.example.jp", "web1"},
        {"db1", "db1"},
        {"10.0.0.7", ""},
        {"fe80::1", ""},
        {"app", "app"},
        {"10.1.2.3", ""},
    };
    struct slice rest = slice_str("Web1.Example.JP.\nDB1\n(10.0.0.7)\n[fe80::1]\napp:8443\n()\n"
                                  "10.1.2.3:80");
    char host[ASSET_HOST_SIZE];
    char name[ASSET_HOST_SIZE];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(asset_next_host(&rest, host, name));
        assert_string_equal(host, wanted[i].host);
        assert_string_equal(name, wanted[i].name);
    }
    assert_false(asset_next_host(&rest, host, name));
}

static void values_go_through_json(void **state)
{
    struct arena a;
    struct asset_values v = example();
    struct asset_values back = {0};
    struct err e = {0};
    (void)state;
    arena_init(&a, ASSET_MEMORY);
    json_t *o = asset_values_to_json(&v, ~0u);
    assert_non_null(o);
    assert_ok(asset_values_from_json(o, &a, &back, &e));
    for (int f = FIELD_FREE; f < FIELD_COUNT; f++)
        assert_true(slice_eq(v.v[f], back.v[f]));
    json_decref(o);
    o = json_pack("{s:i}", "name", 3);
    assert_int_equal(asset_values_from_json(o, &a, &back, &e), ST_MALFORMED);
    json_decref(o);
    arena_done(&a);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct arena a;
        struct asset_values v = example();
        struct slice got;
        struct buf key;
        struct buf search;
        arena_init(&a, ASSET_MEMORY);
        buf_init(&key, 1024);
        buf_init(&search, 1024);
        failalloc_at(n);
        enum status s = asset_value(FIELD_HOSTS, slice_str("a, b"), &a, &got, NULL);
        if (s == OK)
            s = asset_value(FIELD_RENEWED_ON, slice_str("2021/11/30"), &a, &got, NULL);
        if (s == OK)
            s = asset_values_key(&v, &key);
        if (s == OK)
            s = asset_values_search(&v, &search);
        bool hit = failalloc_hit();
        buf_done(&key);
        buf_done(&search);
        arena_done(&a);
        if (!hit) {
            assert_ok(s);
            assert_true(n > 5);
            return;
        }
        assert_int_equal(s, ST_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(lengths_have_limits),
        cmocka_unit_test(the_search_folds),
        cmocka_unit_test(the_search_text_keeps_fields_apart),
        cmocka_unit_test(hosts_are_taken_apart),
        cmocka_unit_test(values_go_through_json),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
