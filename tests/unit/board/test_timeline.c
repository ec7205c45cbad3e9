/* The timeline: written by the work, edited by people, the original kept; and the figures that the
 * command line, the API and the overview speak from. */
#include "unit.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/case/asset.h"
#include "board/case/incident.h"
#include "board/case/status.h"
#include "board/case/survey.h"
#include "board/case/timeline.h"
#include "case_fixture.h"

static const struct actor okubo = {ACTOR_ACCOUNT, 7, "大久保 亮", ROLE_RESPONDER, "web"};

static int64_t add_row(struct db *db, int64_t incident, const char *name, const char *category,
                       const char *owner, const char *vendor)
{
    struct err e = {0};
    int64_t id = 0;
    struct asset_field fields[] = {{FIELD_NAME, slice_str(name)},
                                   {FIELD_CATEGORY, slice_str(category)},
                                   {FIELD_OWNER, slice_str(owner)},
                                   {FIELD_VENDOR, slice_str(vendor)}};
    IN_TX(db, e, asset_add(db, &system_actor, incident, fields, 4, &id, &e));
    return id;
}

/* The texts of a page, each behind its time in minutes, from the filter. */
static const char *page(struct db *db, struct timeline_filter f, enum lang lang, size_t offset,
                        size_t limit, int64_t want_total)
{
    static char text[4000];
    struct timeline_entry *t = NULL;
    struct arena a;
    struct err e = {0};
    size_t count = 0, n = 0;
    int64_t total = 0;
    arena_init(&a, 1 << 20);
    must(timeline_read(db, &f, lang, offset, limit, &a, &t, &count, &total, &e), &e);
    assert_int_equal(total, want_total);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s%s", i ? "; " : "",
                              (int)t[i].text.n, (const char *)t[i].text.p, t[i].main ? "*" : "");
    arena_done(&a);
    return text;
}

static void check_timeline(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    int64_t in = make_incident(db), other = make_incident(db), id = 0;
    int64_t row = add_row(db, in, "倉庫ラベル", "internal", "上原", "Aoba");
    struct statement yes = {.question = "log4j", .option = "yes", .detail = "2.14.1"};
    IN_TX(db, e, survey_state(db, &okubo, row, &yes, &e));
    int64_t t0 = INT64_C(1639130400000); /* 2021-12-10 10:00 UTC: before the board was there */
    IN_TX(db, e,
          timeline_add(db, &okubo, in, t0, SLICE_LIT("CTO から\n最初の報告"), true, true, &id, &e));
    struct timeline_filter all = {.incident = in, .oldest_first = true};
    const char *said = "倉庫ラベル: “Does it use Log4j?” answered “Yes 2.14.1” by 大久保 亮"
                       " — now affected: 倉庫ラベル*";
    char want[1000];
    (void)snprintf(want, sizeof want, "CTO から\n最初の報告*; Incident Log4Shell opened*; %s",
                   said);
    struct timeline_filter main_only = all;
    main_only.main_only = true;
    assert_string_equal(page(db, main_only, LANG_EN, 0, 10, 3), want);
    assert_string_equal(page(db, (struct timeline_filter){.incident = other}, LANG_EN, 0, 10, 1),
                        "Incident Log4Shell opened*");
    struct timeline_filter outside = all;
    outside.outside_only = true;
    assert_string_equal(page(db, outside, LANG_EN, 0, 10, 1), "CTO から\n最初の報告*");
    struct timeline_filter found = all;
    found.search = SLICE_LIT("ラベル LOG4J?"); /* spaces and case do not matter, order does */
    assert_string_equal(page(db, found, LANG_EN, 0, 10, 0), "");
    found.search = SLICE_LIT("ﾗﾍﾞﾙ: “does it");
    assert_string_equal(page(db, found, LANG_EN, 0, 10, 1), said);
    assert_string_equal(page(db, found, LANG_EN, 1, 10, 1), "");
    found.search = SLICE_LIT("最初");
    assert_string_equal(page(db, found, LANG_JA, 0, 10, 1), "CTO から\n最初の報告*");
    struct timeline_filter window = all;
    window.before_ms = t0 + 1;
    assert_string_equal(page(db, window, LANG_EN, 0, 10, 1), "CTO から\n最初の報告*");
    window.before_ms = t0;
    assert_string_equal(page(db, window, LANG_EN, 0, 10, 0), "");
    window.before_ms = 0;
    window.from_ms = t0;
    window.after_id = id; /* the page behind it */
    assert_non_null(strstr(page(db, window, LANG_EN, 0, 1, 3), "opened"));
    struct timeline_filter back = {.incident = in, .before_ms = t0 + 1, .after_id = 0};
    assert_string_equal(page(db, back, LANG_EN, 0, 10, 1), "CTO から\n最初の報告*");
    assert_verifies(db);
}

static void the_work_writes_it(void **state)
{
    (void)state;
    on_each_database(check_timeline);
}

static void check_edits(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    struct arena a;
    struct timeline_entry *entry = NULL;
    size_t count = 0;
    int64_t in = make_incident(db), total = 0, now = time_now_ms(), id = 0;
    struct timeline_filter all = {.incident = in};
    struct timeline_edit edit = {
        .at_ms = now - 60000, .text = SLICE_LIT("対応開始"), .main = true, .outside = true};
    IN_TX(db, e, timeline_change(db, &okubo, 1, 1, &edit, &e));
    arena_init(&a, 1 << 20);
    must(timeline_read(db, &all, LANG_EN, 0, 10, &a, &entry, &count, &total, &e), &e);
    assert_int_equal(count, 1);
    assert_slice_equal(entry->text, "対応開始");
    assert_slice_equal(entry->original, "Incident Log4Shell opened");
    assert_slice_equal(entry->author, "hikeshi-board");
    assert_slice_equal(entry->edited_by, "大久保 亮");
    assert_int_equal(entry->at_ms, now - 60000);
    assert_int_equal(entry->row_version, 2);
    assert_true(entry->outside && entry->main && !entry->by_hand);
    /* who edits what he saw before loses, and is told to whom */
    must(db_begin(db, &e), &e);
    assert_int_equal(timeline_change(db, &system_actor, 1, 1, &edit, &e), ST_CONFLICT);
    db_rollback(db);
    assert_non_null(strstr(e.msg, "大久保 亮"));
    edit.text = SLICE_LIT(""); /* the original again, and out of sight */
    edit.hidden = true;
    IN_TX(db, e, timeline_change(db, &okubo, 1, 2, &edit, &e));
    assert_string_equal(page(db, all, LANG_EN, 0, 10, 0), "");
    all.hidden_too = true;
    assert_string_equal(page(db, all, LANG_JA, 0, 10, 1), "Incident Log4Shell opened*");
    static char text[LIMIT_TIMELINE_TEXT_BYTES + 2];
    memset(text, 'a', LIMIT_TIMELINE_TEXT_BYTES + 1);
    REFUSED(db, e, ST_LIMIT,
            timeline_add(db, &okubo, in, now, slice_of(text, LIMIT_TIMELINE_TEXT_BYTES + 1), false,
                         false, &id, &e));
    IN_TX(db, e,
          timeline_add(db, &okubo, in, now, slice_of(text, LIMIT_TIMELINE_TEXT_BYTES), false, false,
                       &id, &e));
    REFUSED(db, e, ST_INVALID,
            timeline_add(db, &okubo, in, now, SLICE_LIT(" \n"), false, false, &id, &e));
    REFUSED(db, e, ST_INVALID,
            timeline_add(db, &okubo, in, now, SLICE_LIT("\x1b[0m"), false, false, &id, &e));
    REFUSED(db, e, ST_INVALID,
            timeline_add(db, &okubo, in, now, SLICE_LIT("\xff"), false, false, &id, &e));
    REFUSED(
        db, e, ST_INVALID,
        timeline_add(db, &okubo, in, TIMELINE_LAST_MS + 1, SLICE_LIT("x"), false, false, &id, &e));
    REFUSED(db, e, ST_NOT_FOUND,
            timeline_add(db, &okubo, 99, now, SLICE_LIT("x"), false, false, &id, &e));
    REFUSED(db, e, ST_NOT_FOUND, timeline_change(db, &okubo, 99, 1, &edit, &e));
    struct actor reader = {ACTOR_ACCOUNT, 9, "読むだけ", ROLE_READER, "web"};
    REFUSED(db, e, ST_DENIED,
            timeline_add(db, &reader, in, now, SLICE_LIT("x"), false, false, &id, &e));
    arena_done(&a);
    assert_verifies(db);
}

static void people_edit_it(void **state)
{
    (void)state;
    on_each_database(check_edits);
}

/* --- figures */

static int64_t at(const json_t *o, const char *a, const char *b, const char *c)
{
    o = json_object_get(o, a);
    o = b ? json_object_get(o, b) : o;
    o = c ? json_object_get(o, c) : o;
    return json_is_integer(o) ? json_integer_value(o) : -1;
}

static void check_status(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    struct arena a;
    struct waiting_lists w;
    json_t *s = NULL;
    int64_t in = make_incident(db), rows[6], now = time_now_ms();
    rows[0] = add_row(db, in, "受注サイト", "external", "上原", "");
    rows[1] = add_row(db, in, "倉庫ラベル", "internal", "上原", "Aoba");
    rows[2] = add_row(db, in, "勤怠", "saas", "佐伯", "Aoba");
    rows[3] = add_row(db, in, "経費", "saas", "", "Initech");
    rows[4] = add_row(db, in, "図面ビューア", "client", "佐伯", "");
    rows[5] = add_row(db, in, "旧人事", "internal", "佐伯", "");
    IN_TX(db, e, asset_ask(db, &okubo, in, rows, 2, now + 3600000, &e));
    IN_TX(db, e, asset_ask(db, &okubo, in, rows + 4, 1, 0, &e));
    IN_TX(db, e, asset_retire(db, &okubo, rows[5], SLICE_LIT("x"), &e));
    struct statement none = {.question = "vendor", .cve = "CVE-2021-44228", .option = "none"};
    IN_TX(db, e, survey_state(db, &okubo, rows[2], &none, &e));
    IN_TX(db, e, survey_state(db, &okubo, rows[3], &none, &e));
    struct statement no = {.question = "java", .option = "no"};
    IN_TX(db, e, survey_state(db, &okubo, rows[0], &no, &e));
    must(incident_status(db, in, &s, &e), &e);
    assert_int_equal(at(s, "assets", "external", "not_affected"), 1);
    assert_int_equal(at(s, "assets", "internal", "asked"), 1);
    assert_int_equal(at(s, "assets", "internal", "retired"), 1);
    assert_int_equal(at(s, "assets", "saas", "waiting_vendor"), 2);
    assert_int_equal(at(s, "certainty", "external", "claimed"), 1);
    assert_int_equal(at(s, "certainty", "internal", "none"), 1); /* without the retired one */
    assert_int_equal(at(json_object_get(s, "answers"), "java", "", "no"), 1);
    assert_int_equal(at(json_object_get(s, "answers"), "java", "", "open"), 4);
    assert_int_equal(at(json_object_get(s, "answers"), "vendor", "CVE-2021-44228", "none"), 2);
    assert_int_equal(at(json_object_get(s, "answers"), "vendor", "CVE-2021-44228", "open"), 3);
    assert_int_equal(at(json_object_get(s, "answers"), "vendor", "CVE-2021-45046", "open"), 5);
    assert_int_equal(at(s, "evidence", "person", "stated"), 3);
    assert_int_equal(at(s, "waiting", "vendors", NULL), 2);
    assert_int_equal(at(s, "waiting", "owners", NULL), 2);
    assert_int_equal(at(s, "waiting", "unassigned", NULL), 1);
    assert_int_equal(at(s, "due", "overdue", NULL), 0);
    assert_int_equal(at(s, "scans", "hosts", NULL), 0);
    assert_int_equal(at(s, "conflicts", NULL, NULL), 0);
    assert_int_equal(at(s, "proposals", NULL, NULL), 0);
    json_decref(s);
    arena_init(&a, 1 << 20);
    must(incident_waiting(db, in, 10, &a, &w, &e), &e);
    assert_int_equal(w.vendor_count, 2);
    assert_int_equal(w.vendors[0].rows, 1);
    assert_slice_equal(w.vendors[0].who, "Aoba"); /* waited for since earlier */
    assert_true(w.vendors[0].since_ms > now - 60000);
    assert_int_equal(w.owner_count, 2);
    assert_slice_equal(w.owners[0].who, "上原");
    assert_int_equal(w.owners[0].due_ms, now + 3600000);
    assert_int_equal(w.owners[1].due_ms, 0);
    must(incident_waiting(db, in, 1, &a, &w, &e), &e);
    assert_int_equal(w.owner_count, 1);
    assert_int_equal(w.owner_rows, 2);
    arena_done(&a);
    assert_int_equal(incident_status(db, 99, &s, &e), ST_NOT_FOUND);
    assert_verifies(db);
}

static void how_things_stand(void **state)
{
    (void)state;
    on_each_database(check_status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_work_writes_it),
                                       cmocka_unit_test(people_edit_it),
                                       cmocka_unit_test(how_things_stand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
