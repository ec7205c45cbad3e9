/* The survey: what people say, what is judged and decided, and what follows for the rows. */
#include "unit.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/case/asset.h"
#include "board/case/survey.h"
#include "case_fixture.h"

#define C1 "CVE-2021-44228"
#define C2 "CVE-2021-45046"

static int64_t add_row(struct db *db, int64_t incident, const char *name, const char *mail)
{
    struct err e = {0};
    int64_t id = 0;
    struct asset_field fields[] = {{FIELD_NAME, slice_str(name)},
                                   {FIELD_OWNER_MAIL, slice_str(mail)}};
    IN_TX(db, e, asset_add(db, &system_actor, incident, fields, *mail ? 2 : 1, &id, &e));
    return id;
}

static struct actor person(int64_t id, enum role role, const char *name)
{
    return (struct actor){ACTOR_ACCOUNT, id, name, role, "web"};
}

static void assert_state(struct db *db, int64_t asset, const char *state, const char *certainty)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT state || ' ' || certainty FROM asset WHERE id = %lld",
                   (long long)asset);
    char want[100];
    (void)snprintf(want, sizeof want, "%s %s", state, certainty);
    assert_string_equal(get_text(db, sql), want);
}

static void check_answers(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t row = add_row(db, incident, "倉庫ラベル発行", "uehara@example.jp");
    int64_t other = add_row(db, incident, "受付タブレット", "");
    struct actor uehara =
        person(make_account(db, "uehara@example.jp", ROLE_OWNER), ROLE_OWNER, "上原 千夏");
    struct actor okubo =
        person(make_account(db, "okubo@example.jp", ROLE_RESPONDER), ROLE_RESPONDER, "大久保 亮");
    struct statement yes = {.question = "log4j",
                            .option = "yes",
                            .detail = "２．１４．１",
                            .text = "社内の一覧表にありました",
                            .link = "https://wiki.example.jp/a?b=c"};
    assert_state(db, row, "not_asked", "none");
    IN_TX(db, e, survey_state(db, &uehara, row, &yes, &e));
    assert_state(db, row, "affected", "claimed");
    assert_string_equal(get_text(db, "SELECT detail FROM evidence"), "2.14.1");
    assert_int_equal(get_int(db, "SELECT main FROM timeline WHERE affected = 1"), 1);
    struct statement no = {.question = "log4j", .option = "no"};
    IN_TX(db, e, survey_state(db, &okubo, row, &no, &e)); /* two people: the safe side holds */
    assert_state(db, row, "affected", "claimed");
    assert_int_equal(get_int(db, "SELECT flags FROM asset WHERE id = 1"), 1);
    IN_TX(db, e,
          survey_state(db, &uehara, row, &no, &e)); /* her second word takes the first's place */
    assert_state(db, row, "not_affected", "claimed");
    assert_int_equal(get_int(db, "SELECT flags FROM asset WHERE id = 1"), 0);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM evidence WHERE status = 'superseded'"), 1);
    /* the answer stays what it has been since then; what is not known any more goes */
    int64_t since = get_int(db, "SELECT since_ms FROM answer");
    while (time_now_ms() <= since)
        continue;
    IN_TX(db, e, survey_state(db, &okubo, row, &no, &e));
    assert_int_equal(get_int(db, "SELECT since_ms FROM answer"), since);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_cve"), 9);
    struct statement unknown = {.question = "log4j", .option = "unknown"};
    IN_TX(db, e, survey_state(db, &uehara, row, &unknown, &e));
    IN_TX(db, e, survey_state(db, &okubo, row, &unknown, &e));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_cve"), 0);
    assert_true(get_int(db, "SELECT since_ms FROM answer") > since);
    assert_state(db, row, "investigating", "claimed");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_event WHERE asset_id = 1"), 7);
    REFUSED(db, e, ST_NOT_FOUND, survey_state(db, &uehara, other, &no, &e)); /* not hers */
    REFUSED(db, e, ST_NOT_FOUND, survey_state(db, &okubo, 99, &no, &e));
    struct actor reader = person(9, ROLE_READER, "読むだけ");
    REFUSED(db, e, ST_DENIED, survey_state(db, &reader, row, &no, &e));
    assert_verifies(db);
}

static void people_answer(void **state)
{
    (void)state;
    on_each_database(check_answers);
}

static void check_refusals(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t row = add_row(db, make_incident(db), "人事", "");
    static char text[LIMIT_SURVEY_TEXT_BYTES + 2], link[LIMIT_SURVEY_LINK_BYTES + 2];
    memset(text, 'a', LIMIT_SURVEY_TEXT_BYTES + 1);
    memset(link, 'a', LIMIT_SURVEY_LINK_BYTES + 1);
    link[snprintf(link, sizeof link, "http://")] = 'a';
    const struct {
        struct statement st;
        enum status status;
    } cases[] = {
        {{.question = "php", .option = "yes"}, ST_INVALID},
        {{.question = "log4j", .option = "perhaps"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .cve = C1}, ST_INVALID},
        {{.question = "log4j", .option = "no", .detail = "2.0"}, ST_INVALID},
        {{.question = "vendor", .option = "affected"}, ST_INVALID},
        {{.question = "vendor", .option = "affected", .cve = "CVE-1999-1"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .link = "javascript:alert(1)"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .link = "https://a b"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .link = "https://a\x01"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .text = "\x1b[31m"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .text = "\xff"}, ST_INVALID},
        {{.question = "log4j", .option = "no", .said_ms = INT64_MAX}, ST_INVALID},
        {{.question = "log4j", .option = "no", .said_ms = -1}, ST_INVALID},
        {{.question = "log4j", .option = "no", .text = text}, ST_LIMIT},
        {{.question = "log4j", .option = "no", .text = text + 1}, OK},
        {{.question = "log4j", .option = "no", .link = link}, ST_LIMIT},
        {{.question = "log4j", .option = "no", .text = "二行\nの文"}, OK},
        {{0}, ST_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        must(db_begin(db, &e), &e);
        enum status s = survey_state(db, &system_actor, row, &cases[i].st, &e);
        if (s != cases[i].status)
            fail_msg("case %zu: %s %s", i, status_name(s), e.msg);
        db_rollback(db);
    }
    assert_state(db, row, "not_asked", "none");
    assert_verifies(db);
}

static void what_cannot_be_said(void **state)
{
    (void)state;
    on_each_database(check_refusals);
}

static void check_decisions(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t row = add_row(db, make_incident(db), "人事", "");
    struct actor okubo = person(1, ROLE_RESPONDER, "大久保 亮");
    struct actor owner = person(2, ROLE_OWNER, "上原 千夏");
    struct statement yes = {.question = "log4j", .option = "yes", .detail = "2.14.1"};
    IN_TX(db, e, survey_state(db, &okubo, row, &yes, &e));
    REFUSED(db, e, ST_INVALID,
            survey_decide(db, &okubo, row, "log4j", "", "no", "", " \n", &e)); /* no reason */
    REFUSED(db, e, ST_DENIED, survey_decide(db, &owner, row, "log4j", "", "no", "", "r", &e));
    REFUSED(db, e, ST_CONFLICT, survey_undecide(db, &okubo, row, "log4j", "", "r", &e));
    IN_TX(db, e, survey_decide(db, &okubo, row, "log4j", "", "no", "", "実機で確認", &e));
    assert_state(db, row, "not_affected", "confirmed");
    assert_int_equal(get_int(db, "SELECT flags FROM asset"),
                     1); /* the statement stands against it */
    assert_string_equal(
        get_text(db, "SELECT decided_by || reason FROM answer WHERE rule = 'decided'"),
        "大久保 亮実機で確認");
    struct statement again = {.question = "log4j", .option = "yes", .detail = "2.15.0"};
    IN_TX(db, e, survey_state(db, &okubo, row, &again, &e)); /* does not replace it */
    assert_state(db, row, "not_affected", "confirmed");
    assert_string_equal(get_text(db, "SELECT reason FROM answer WHERE rule = 'decided'"),
                        "実機で確認");
    IN_TX(db, e, survey_undecide(db, &okubo, row, "log4j", "", "別の機器でした", &e));
    assert_state(db, row, "affected", "claimed");
    IN_TX(db, e, survey_decide(db, &okubo, row, "vendor", C1, "not_affected", "", "文書", &e));
    IN_TX(db, e, survey_decide(db, &okubo, row, "vendor", C2, "fixed", "5.2", "文書", &e));
    assert_string_equal(get_text(db, "SELECT state FROM asset_cve WHERE cve = '" C2 "'"), "fixed");
    assert_state(db, row, "affected", "claimed"); /* by CVEs that nobody decided */
    assert_verifies(db);
}

static void people_decide(void **state)
{
    (void)state;
    on_each_database(check_decisions);
}

static void check_files(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t row = add_row(db, make_incident(db), "人事", "");
    uint8_t *large = calloc(1, LIMIT_ATTACHMENT_BYTES + 1);
    assert_non_null(large);
    struct statement st = {.question = "vendor",
                           .cve = C1,
                           .option = "not_affected",
                           .file = {"AS-2021-031.pdf", slice_of("%PDF\0\xff", 6)}};
    IN_TX(db, e, survey_state(db, &system_actor, row, &st, &e));
    st.file.content = slice_of(large, LIMIT_ATTACHMENT_BYTES);
    IN_TX(db, e, survey_state(db, &system_actor, row, &st, &e));
    st.file.content = slice_of(large, LIMIT_ATTACHMENT_BYTES + 1);
    REFUSED(db, e, ST_LIMIT, survey_state(db, &system_actor, row, &st, &e));
    free(large);
    assert_int_equal(get_int(db, "SELECT attachment_id FROM evidence WHERE status = 'stated'"), 2);
    assert_verifies(db);
    json_t *report = NULL;
    IN_TX(db, e, db_run(db, NULL, &e, "UPDATE attachment SET name = 'b.pdf' WHERE id = 1", ""));
    assert_int_equal(log_verify(db, &report, &e), ST_MALFORMED); /* so is another name */
    json_decref(report);
    report = NULL;
    IN_TX(db, e,
          db_run(db, NULL, &e,
                 "UPDATE attachment SET name = 'AS-2021-031.pdf', size = 5 WHERE id = 1", ""));
    assert_int_equal(log_verify(db, &report, &e), ST_MALFORMED);
    json_decref(report);
    report = NULL;
    IN_TX(db, e, db_run(db, NULL, &e, "UPDATE attachment SET size = 6 WHERE id = 1", ""));
    assert_verifies(db);
    must(db_run(db, NULL, &e, "UPDATE attachment SET content = $1 WHERE id = 1", "b",
                slice_of("other", 5)),
         &e);
    assert_int_equal(log_verify(db, &report, &e), ST_MALFORMED); /* an exchanged file is found */
    json_decref(report);
}

static void files_are_kept(void **state)
{
    (void)state;
    on_each_database(check_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_answer),
        cmocka_unit_test(what_cannot_be_said),
        cmocka_unit_test(people_decide),
        cmocka_unit_test(files_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
