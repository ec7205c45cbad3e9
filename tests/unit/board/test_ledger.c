/* Reading the ledger: every filter, every order, paging, counts, who sees what. */
#include "unit.h"

#include "board/case/asset.h"
#include "board/case/ledger.h"
#include "board/case/state.h"
#include "case_fixture.h"

static const char *const rows[][7] = {
    /* number, name, category, owner, mail, department, vendor */
    {"EXT-1", "受注サイト", "external", "上原", "uehara@example.jp", "営業部", "ＡＣＭＥ"},
    {"INT-2", "ファイルサーバー", "internal", "佐伯", "saeki@example.jp", "総務部", "Initech"},
    {"", "100%_\\ 会計", "internal", "", "", "経理部", ""},
    {"SAAS-4", "Chat", "saas", "佐伯", "", "総務部", "acme"},
    {"", "ラベル", "client", "", "uehara@example.jp", "", "ACME Japan"},
};

/* As the derivation would leave them; the tests of the survey show that it does. */
static void set_states(struct db *db)
{
    static const char *const sql[] = {
        "UPDATE asset SET state = 'affected', certainty = 'likely', flags = 5 WHERE id = 1",
        "UPDATE asset SET state = 'asked', due_ms = 1000 WHERE id = 2",
        "UPDATE asset SET state = 'not_affected', certainty = 'confirmed', due_ms = 500 "
        "WHERE id = 3",
        "UPDATE asset SET exposed = 1, flags = 4 WHERE id = 4",
        "UPDATE asset SET changed_ms = 5000 - id",
        "INSERT INTO asset_cve(asset_id, cve, state, certainty, disagree) "
        "VALUES (1, 'CVE-2', 'affected', 'likely', 0), (4, 'CVE-1', 'fixed', 'likely', 0)",
    };
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(sql); i++)
        must(db_run(db, NULL, &e, sql[i], ""), &e);
}

static int64_t fill(struct db *db)
{
    static const enum ledger_field fields[] = {
        FIELD_ASSET_NUMBER, FIELD_NAME,       FIELD_CATEGORY, FIELD_OWNER,
        FIELD_OWNER_MAIL,   FIELD_DEPARTMENT, FIELD_VENDOR};
    int64_t incident = make_incident(db);
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asset_field f[ARRAY_LEN(fields) + 1];
        int64_t id = 0;
        for (size_t k = 0; k < ARRAY_LEN(fields); k++)
            f[k] = (struct asset_field){fields[k], slice_str(rows[i][k])};
        f[ARRAY_LEN(fields)] =
            (struct asset_field){FIELD_HOSTS, slice_str(i == 0   ? "web1.example.jp"
                                                        : i == 1 ? "fs1\nfs2.example.jp"
                                                                 : "")};
        IN_TX(db, e, asset_add(db, &system_actor, incident, f, ARRAY_LEN(f), &id, &e));
        assert_int_equal(id, i + 1);
    }
    return incident;
}

/* The same rows one or two at a time, each page after the last row of the one before. */
static void expect_walk(struct db *db, const struct ledger_filter *f, size_t limit, const char *ids)
{
    struct arena a;
    struct ledger_page page = {0};
    struct ledger_place place = {0};
    struct err e = {0};
    struct buf got;
    int64_t total = -1;
    arena_init(&a, MIB(1));
    buf_init(&got, 256);
    do {
        must(ledger_read_after(db, f, total < 0 ? NULL : &place, limit, NULL, 0, &a, &page, &e),
             &e);
        assert_true(total < 0 ? page.total >= 0 : page.total == -1);
        total = total < 0 ? page.total : total;
        for (size_t i = 0; i < page.count; i++)
            (void)buf_addf(&got, "%s%d", got.n ? " " : "", (int)page.items[i].id);
        if (page.count)
            place = ledger_place_of(f->order, &page.items[page.count - 1]);
        total -= (int64_t)page.count;
    } while (page.count == limit);
    assert_string_equal(buf_text(&got), ids);
    assert_int_equal(total, 0);
    buf_done(&got);
    arena_done(&a);
}

/* The ids of the filter's rows as "1 4 5". */
static void expect(struct db *db, const struct ledger_filter *f, const char *ids)
{
    static const char *const cves[] = {"CVE-1", "CVE-2"};
    struct arena a;
    struct ledger_page page = {0};
    struct err e = {0};
    struct buf got;
    arena_init(&a, MIB(1));
    buf_init(&got, 256);
    must(ledger_read(db, f, 0, LEDGER_PAGE_MAX, cves, 2, &a, &page, &e), &e);
    for (size_t i = 0; i < page.count; i++)
        (void)buf_addf(&got, "%s%d", i ? " " : "", (int)page.items[i].id);
    assert_string_equal(buf_text(&got), ids);
    assert_int_equal(page.total, page.count);
    buf_done(&got);
    arena_done(&a);
    expect_walk(db, f, 1, ids);
    expect_walk(db, f, 2, ids);
}

#define EXPECT(ids, ...) \
    expect(db, &(struct ledger_filter){.incident = in, .order = LEDGER_BY_NAME, __VA_ARGS__}, ids)
#define TEXT(s) slice_str(s)

static void check_filters(struct test_database *t)
{
    struct db *db = t->db;
    int64_t in = fill(db);
    assert_verifies(db);
    set_states(db);
    struct err e = {0};
    const struct actor owner = {ACTOR_ACCOUNT, make_account(db, "Uehara@example.jp", ROLE_OWNER),
                                "u", ROLE_OWNER, "web"};
    const struct actor reader = {ACTOR_ACCOUNT, 1, "r", ROLE_READER, "web"};
    EXPECT("3 4 2 5 1", );
    expect(db, &(struct ledger_filter){.incident = in + 1}, "");
    EXPECT("3 2", .category = "internal");
    EXPECT("", .category = "");
    EXPECT("1", .states = 1u << STATE_AFFECTED);
    EXPECT("2 1", .states = 1u << STATE_AFFECTED | 1u << STATE_ASKED);
    EXPECT("", .states = 1u << 20);
    EXPECT("3 1", .certainties = 1u << CERTAINTY_CONFIRMED | 1u << CERTAINTY_LIKELY);
    EXPECT("4 1", .flags = ASSET_PROPOSALS);
    EXPECT("1", .flags = ASSET_PROPOSALS | ASSET_DISAGREE);
    EXPECT("4", .exposed = true);
    EXPECT("2", .overdue = true, .now_ms = 1001);
    EXPECT("", .overdue = true, .now_ms = 1000);
    EXPECT("3", .no_owner = true);
    EXPECT("4 2", .owner = TEXT("佐伯"));
    EXPECT("4 2", .department = TEXT("総務部"));
    EXPECT("4 1", .vendor = TEXT("Acme")); /* not "ACME Japan", but however spelt */
    EXPECT("", .vendor = TEXT("AC"));
    EXPECT("5 1", .actor = &owner);
    EXPECT("3 4 2 5 1", .actor = &reader);
    /* the search: two characters, one, widths, kana, parts, and what LIKE would take for its own */
    EXPECT("2", .search = TEXT("サーバ"));
    EXPECT("2", .search = TEXT("ｻｰﾊﾞ"));
    EXPECT("2", .search = TEXT("さーば"));
    EXPECT("1", .search = TEXT("受"));
    EXPECT("4 5 1", .search = TEXT("ＡＣＭＥ"));
    EXPECT("5", .search = TEXT("acme　ラベ"));
    EXPECT("3", .search = TEXT("%"));
    EXPECT("3", .search = TEXT("_"));
    EXPECT("3", .search = TEXT("\\"));
    EXPECT("3", .search = TEXT("00%_\\"));
    EXPECT("", .search = TEXT("受注サイトuehara")); /* nothing matches across fields */
    EXPECT("3 4 2 5 1", .search = TEXT("  "));
    EXPECT("1", .search = TEXT("WEB1.Example"));
    EXPECT("", .search = TEXT("' OR 1=1 --"));
    EXPECT("2 1", .never_scanned = true);
    static const char *const scanned[] = {"web1", "fs1.example.jp"};
    for (size_t i = 0; i < ARRAY_LEN(scanned); i++)
        must(db_run(db, NULL, &e,
                    "INSERT INTO scan(id, incident_id, host, short, started_ms, ended_ms, "
                    "received_ms, tool, profile, profile_revision, paths, whole_host, files, "
                    "archives, bytes, findings, affected, incomplete, sha256, latest, found, "
                    "versions, cves, places) VALUES ($1, $2, $3, $4, 0, 0, 0, '', '', 0, '', 0, 0, "
                    "0, 0, 0, 0, 0, $3, 1, 0, '', '', '')",
                    "iiss", (int64_t)i, in, scanned[i], i ? "fs1" : "web1"),
             &e);
    EXPECT("2", .never_scanned = true); /* fs2 is not */
    IN_TX(db, e, asset_retire(db, &system_actor, 4, TEXT("gone"), &e));
    EXPECT("3 2 5 1", );
    EXPECT("3 4 2 5 1", .retired = true);
}

static void filters(void **state)
{
    (void)state;
    on_each_database(check_filters);
}

static void check_orders(struct test_database *t)
{
    static const struct {
        enum ledger_order order;
        const char *ids, *reverse;
    } cases[] = {
        {LEDGER_BY_CHANGE, "1 2 3 4 5", "5 4 3 2 1"},
        {LEDGER_BY_NAME, "3 4 2 5 1", "1 5 2 4 3"},
        {LEDGER_BY_NUMBER, "1 2 4 3 5", "4 2 1 5 3"},
        {LEDGER_BY_STATE, "1 2 4 5 3", "3 5 4 2 1"},
        {LEDGER_BY_CERTAINTY, "3 1 2 4 5", "5 4 2 1 3"},
        {LEDGER_BY_VENDOR, "1 5 2 4 3", "4 2 5 1 3"},
        {LEDGER_BY_OWNER, "1 2 4 3 5", "4 2 1 5 3"},
        {LEDGER_BY_DUE, "3 2 1 4 5", "2 3 5 4 1"},
    };
    int64_t in = fill(t->db);
    assert_verifies(t->db);
    set_states(t->db);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_filter f = {.incident = in, .order = cases[i].order};
        expect(t->db, &f, cases[i].ids);
        f.reverse = true;
        expect(t->db, &f, cases[i].reverse);
    }
}

static void orders(void **state)
{
    (void)state;
    on_each_database(check_orders);
}

static void check_paging(struct test_database *t)
{
    static const char *const cves[] = {"CVE-1", "CVE-2"};
    struct arena a;
    struct err e = {0};
    struct ledger_page p = {0};
    struct ledger_item item = {0};
    int64_t in = fill(t->db);
    assert_verifies(t->db);
    set_states(t->db);
    const struct actor owner = {ACTOR_ACCOUNT, make_account(t->db, "uehara@example.jp", ROLE_OWNER),
                                "u", ROLE_OWNER, ""};
    struct ledger_filter f = {.incident = in, .order = LEDGER_BY_CHANGE};
    arena_init(&a, MIB(1));
    must(ledger_read(t->db, &f, 3, 1, cves, 2, &a, &p, &e), &e);
    assert_int_equal(p.total, 5);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.items[0].id, 4);
    assert_slice_equal(p.items[0].name, "Chat");
    assert_slice_equal(p.items[0].cve_states[0], "fixed");
    assert_slice_equal(p.items[0].cve_states[1], "");
    must(ledger_read(t->db, &f, 5, 10, NULL, 0, &a, &p, &e), &e);
    assert_int_equal(p.count, 0);
    assert_int_equal(p.total, 5);
    assert_int_equal(ledger_read(t->db, &f, 0, LEDGER_PAGE_MAX + 1, NULL, 0, &a, &p, &e),
                     ST_INVALID);
    assert_int_equal(ledger_read(t->db, &f, 0, 0, NULL, 0, &a, &p, &e), ST_INVALID);
    must(ledger_item(t->db, &owner, 1, cves, 2, &a, &item, &e), &e);
    assert_slice_equal(item.vendor, "ACME");
    assert_slice_equal(item.cve_states[1], "affected");
    assert_int_equal(ledger_item(t->db, &owner, 2, cves, 2, &a, &item, &e), ST_NOT_FOUND);
    assert_int_equal(ledger_item(t->db, &system_actor, 9, cves, 2, &a, &item, &e), ST_NOT_FOUND);
    arena_done(&a);
}

static void paging(void **state)
{
    (void)state;
    on_each_database(check_paging);
}

static void check_counts(struct test_database *t)
{
    struct ledger_counts c;
    struct err e = {0};
    int64_t in = fill(t->db);
    IN_TX(t->db, e, asset_retire(t->db, &system_actor, 5, TEXT("gone"), &e));
    assert_verifies(t->db);
    set_states(t->db);
    const struct actor owner = {ACTOR_ACCOUNT, make_account(t->db, "uehara@example.jp", ROLE_OWNER),
                                "u", ROLE_OWNER, ""};
    must(ledger_count(t->db, in, &system_actor, 1001, &c, &e), &e);
    assert_int_equal(c.total, 4);
    assert_int_equal(c.state[CATEGORY_EXTERNAL][STATE_AFFECTED], 1);
    assert_int_equal(c.state[CATEGORY_INTERNAL][STATE_ASKED], 1);
    assert_int_equal(c.state[CATEGORY_INTERNAL][STATE_NOT_AFFECTED], 1);
    assert_int_equal(c.state[CATEGORY_SAAS][STATE_NOT_ASKED], 1);
    assert_int_equal(c.state[CATEGORY_CLIENT][STATE_RETIRED], 1);
    assert_int_equal(c.certainty[CATEGORY_INTERNAL][CERTAINTY_CONFIRMED], 1);
    assert_int_equal(c.certainty[CATEGORY_CLIENT][CERTAINTY_NONE], 0);
    assert_true(c.acting == 1 && c.open == 2 && c.settled == 1);
    assert_true(c.disagree == 1 && c.proposals == 2 && c.overdue == 1);
    must(ledger_count(t->db, in, &owner, 1001, &c, &e), &e);
    assert_int_equal(c.total, 1);
}

static void counts(void **state)
{
    (void)state;
    on_each_database(check_counts);
}

static enum status note_id(void *ctx, const struct ledger_item *item)
{
    int64_t *seen = ctx;
    if (seen[0] == 40 && seen[1] == 7)
        return ST_END;
    seen[0]++;
    seen[2] = seen[2] && item->id == 71 - seen[0];
    return OK;
}

static void check_each(struct test_database *t)
{
    struct err e = {0};
    int64_t in = make_incident(t->db);
    int64_t id = 0;
    for (int i = 0; i < 70; i++) { /* more than two chunks */
        const struct asset_field f = {FIELD_NAME, TEXT("a")};
        IN_TX(t->db, e, asset_add(t->db, &system_actor, in, &f, 1, &id, &e));
    }
    must(db_run(t->db, NULL, &e, "UPDATE asset SET changed_ms = id", ""), &e);
    struct ledger_filter f = {.incident = in};
    int64_t seen[] = {0, 0, 1};
    must(ledger_each(t->db, &f, note_id, seen, &e), &e);
    assert_true(seen[0] == 70 && seen[2]);
    int64_t some[] = {0, 7, 1};
    must(ledger_each(t->db, &f, note_id, some, &e), &e); /* ST_END stops it */
    assert_true(some[0] == 40 && some[2]);
}

static void every_row_in_order(void **state)
{
    (void)state;
    on_each_database(check_each);
}

static void searches_have_limits(void **state)
{
    static char text[LIMIT_SEARCH_BYTES + 2];
    struct test_database t;
    struct arena a;
    struct err e = {0};
    struct ledger_page p;
    (void)state;
    database_make(&t, DB_SQLITE);
    arena_init(&a, MIB(4));
    int64_t in = fill(t.db);
    memset(text, 'x', sizeof text);
    for (size_t n = LIMIT_SEARCH_BYTES - 1; n <= LIMIT_SEARCH_BYTES + 1; n++) {
        struct ledger_filter f = {.incident = in, .search = slice_of(text, n)};
        assert_int_equal(ledger_read(t.db, &f, 0, 10, NULL, 0, &a, &p, &e),
                         n <= LIMIT_SEARCH_BYTES ? OK : ST_LIMIT);
        f = (struct ledger_filter){.incident = in, .vendor = slice_of(text, n)};
        assert_int_equal(ledger_read(t.db, &f, 0, 10, NULL, 0, &a, &p, &e),
                         n <= LIMIT_SEARCH_BYTES ? OK : ST_LIMIT);
    }
    memset(text, '_', LIMIT_SEARCH_BYTES); /* every character escaped */
    struct ledger_filter all = {.incident = in, .search = slice_of(text, LIMIT_SEARCH_BYTES)};
    must(ledger_read(t.db, &all, 0, 10, NULL, 0, &a, &p, &e), &e);
    for (size_t n = LIMIT_SEARCH_WORDS - 1; n <= LIMIT_SEARCH_WORDS + 1; n++) {
        for (size_t i = 0; i < 2 * n; i++)
            text[i] = i % 2 ? ' ' : 'a';
        struct ledger_filter f = {.incident = in, .search = slice_of(text, 2 * n)};
        assert_int_equal(ledger_read(t.db, &f, 0, 10, NULL, 0, &a, &p, &e),
                         n <= LIMIT_SEARCH_WORDS ? OK : ST_LIMIT);
    }
    /* every condition at once still fits the query */
    const struct actor owner = {ACTOR_ACCOUNT, make_account(t.db, "u@example.jp", ROLE_OWNER), "u",
                                ROLE_OWNER, "web"};
    struct ledger_filter f = {.incident = in,
                              .actor = &owner,
                              .search = slice_str("a b c d e f g h"),
                              .category = "saas",
                              .states = (1u << STATE_COUNT) - 1,
                              .certainties = 15,
                              .flags = 7,
                              .exposed = true,
                              .overdue = true,
                              .never_scanned = true,
                              .no_owner = true,
                              .owner = slice_str("o"),
                              .department = slice_str("d"),
                              .vendor = slice_str("v"),
                              .order = LEDGER_BY_STATE};
    must(ledger_read(t.db, &f, 0, 10, NULL, 0, &a, &p, &e), &e);
    arena_done(&a);
    database_drop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),
        cmocka_unit_test(orders),
        cmocka_unit_test(paging),
        cmocka_unit_test(counts),
        cmocka_unit_test(every_row_in_order),
        cmocka_unit_test(searches_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
