/* What pages compute without a database: the two sides of a disagreement, parts of a path, what a
 * row waits for. */
#include "board/web/pages/ledger.h"
#include "board/web/pages/survey_conflict.h"
#include "unit.h"

struct fixture {
    struct survey_evidence ev[4];
    const struct survey_evidence *list[4];
    struct survey_answer answers[3];
    struct survey_cve cves[2];
    struct survey_view v;
    struct arena a;
};

static struct profile *profile; /* the built-in one: its questions, versions and CVEs are data */
#define CVE_1 "CVE-2021-44228"
#define CVE_2 "CVE-2021-45046"

static const struct profile_option *option(const char *question, const char *id)
{
    const struct profile_option *o = profile_option(profile_question(profile, question), id);
    assert_non_null(o);
    return o;
}

static struct survey_evidence evidence(const char *question, const char *answer, const char *cve,
                                       const char *detail, int64_t read_ms)
{
    return (struct survey_evidence){.question = profile_question(profile, question),
                                    .option = option(question, answer),
                                    .question_id = slice_str(question),
                                    .option_id = slice_str(answer),
                                    .kind = SLICE_LIT("person"),
                                    .source_key = SLICE_LIT("account:1"),
                                    .detail = slice_str(detail),
                                    .cve = slice_str(cve),
                                    .counts = true,
                                    .read_ms = read_ms};
}

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    arena_init(&f->a, 1 << 16);
    f->answers[0] =
        (struct survey_answer){.question = profile_question(profile, "log4j"), .cve = ""};
    f->answers[1] =
        (struct survey_answer){.question = profile_question(profile, "vendor"), .cve = CVE_1};
    f->answers[2] =
        (struct survey_answer){.question = profile_question(profile, "vendor"), .cve = CVE_2};
    f->cves[0] = (struct survey_cve){.id = SLICE_LIT(CVE_1), .state = SLICE_LIT("affected")};
    f->cves[1] = (struct survey_cve){.id = SLICE_LIT(CVE_2), .state = SLICE_LIT("affected")};
    f->v = (struct survey_view){.profile = profile,
                                .evidence = f->ev,
                                .answers = f->answers,
                                .answer_count = 3,
                                .cves = f->cves,
                                .cve_count = 2};
}

static void of_one_question(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.ev[0] = evidence("log4j", "no", "", "", 50); /* newest first */
    f.ev[1] = evidence("log4j", "yes", "", "2.14.1", 40);
    f.ev[2] = evidence("log4j", "yes", "", "", 10);
    f.ev[3] = evidence("log4j", "no", "", "", 5);
    f.ev[3].counts = false; /* a proposal takes no side */
    f.v.evidence_count = 4;
    for (size_t i = 0; i < 4; i++)
        f.list[i] = &f.ev[i];
    f.answers[0].evidence = f.list;
    f.answers[0].evidence_count = 4;
    f.answers[0].option = option("log4j", "yes");
    f.answers[0].disagree = true;
    f.cves[0].disagree = true; /* told by the question, not once more */
    assert_int_equal(survey_find_conflicts(&f.a, &f.v, NULL), OK);
    assert_int_equal(f.v.conflict_count, 1);
    const struct survey_conflict *c = &f.v.conflicts[0];
    assert_ptr_equal(c->side[0].option, option("log4j", "yes"));
    assert_true(c->side[0].holds);
    assert_int_equal(c->side[0].evidence_count, 2);
    assert_int_equal(c->side[1].evidence_count, 1);
    assert_ptr_equal(c->side[1].option, option("log4j", "no"));
    assert_int_equal(c->since_ms, 50); /* when the second side was first heard */
    arena_done(&f.a);
}

/* A person's version makes it affected; the maker says it is not. */
static void of_two_questions(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.ev[0] = evidence("vendor", "not_affected", CVE_1, "", 30);
    f.ev[1] = evidence("vendor", "not_affected", CVE_2, "", 30);
    f.ev[2] = evidence("log4j", "yes", "", "2.14.1", 20);
    f.v.evidence_count = 3;
    f.cves[0].disagree = f.cves[1].disagree = true;
    assert_int_equal(survey_find_conflicts(&f.a, &f.v, NULL), OK);
    assert_int_equal(f.v.conflict_count, 2); /* different documents: two conflicts */
    const struct survey_conflict *c = &f.v.conflicts[0];
    assert_ptr_equal(c->answer, &f.answers[1]); /* what settles the first */
    assert_true(slice_eq_str(c->side[0].state, "affected"));
    assert_true(slice_eq_str(c->side[1].state, "not_affected"));
    assert_true(c->side[0].holds);
    assert_false(c->side[1].holds);
    assert_ptr_equal(c->side[0].evidence[0], &f.ev[2]);
    assert_ptr_equal(c->side[1].evidence[0], &f.ev[0]);

    /* Without a second side there is nothing to show. */
    f.v.conflict_count = 0;
    f.ev[0].counts = f.ev[1].counts = false;
    assert_int_equal(survey_find_conflicts(&f.a, &f.v, NULL), OK);
    assert_int_equal(f.v.conflict_count, 0);
    arena_done(&f.a);
}

/* What a person decided is a side too, and one answer about all CVEs is one conflict. */
static void of_a_decision(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.answers[0].option = option("log4j", "no");
    f.answers[0].rule = SLICE_LIT("decided");
    f.answers[0].decided_by = SLICE_LIT("佐伯");
    f.answers[0].reason = SLICE_LIT("見た");
    f.ev[0] = evidence("vendor", "affected", CVE_1, "", 30);
    f.ev[1] = evidence("vendor", "affected", CVE_2, "", 30);
    f.v.evidence_count = 2;
    f.cves[0].disagree = true;
    assert_int_equal(survey_find_conflicts(&f.a, &f.v, NULL), OK);
    assert_int_equal(f.v.conflict_count, 1);
    const struct survey_side *decided = &f.v.conflicts[0].side[1];
    assert_true(slice_eq_str(decided->evidence[0]->source, "佐伯"));
    assert_true(slice_eq_str(decided->evidence[0]->quote, "見た"));

    f.v.conflict_count = 0;
    f.answers[0].rule = SLICE_LIT("claim");
    f.ev[0] = evidence("log4j", "yes", "", "2.14.1", 30);
    f.ev[1] = evidence("java", "no", "", "", 20);
    f.cves[1].disagree = true;
    assert_int_equal(survey_find_conflicts(&f.a, &f.v, NULL), OK);
    assert_int_equal(f.v.conflict_count, 1);
    assert_int_equal(f.v.conflicts[0].cve_count, 2);
    arena_done(&f.a);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 20000; cap += 64) {
        struct fixture f;
        begin(&f);
        arena_done(&f.a);
        arena_init(&f.a, cap);
        f.ev[0] = evidence("java", "no", "", "", 30);
        f.ev[1] = evidence("log4j", "yes", "", "2.14.1", 20);
        f.v.evidence_count = 2;
        f.cves[0].disagree = true;
        enum status s = survey_find_conflicts(&f.a, &f.v, NULL);
        assert_true(s == OK ? f.v.conflict_count == 1 : s == ST_LIMIT);
        arena_done(&f.a);
    }
}

static void parts_of_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *path, *parts[4];
    } cases[] = {
        {"/opt/a.ear!/b.war!/c.jar", {"/opt/a.ear", "b.war", "c.jar"}},
        {"/opt/a.jar", {"/opt/a.jar"}},
        {"a!b", {"a!b"}},
        {"a!/", {"a"}},
        {"!/a", {"", "a"}},
        {"", {NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = slice_str(cases[i].path), piece;
        size_t n = 0;
        while (words_next_part(&rest, &piece)) {
            assert_non_null(cases[i].parts[n]);
            assert_true(slice_eq_str(piece, cases[i].parts[n]));
            n++;
        }
        assert_null(cases[i].parts[n]);
    }
}

static void what_a_row_waits_for(void **state)
{
    (void)state;
    const int64_t now = 1000000000, hour = 3600000;
    static const struct {
        const char *state, *owner;
        int64_t flags, due, retired;
        enum ledger_wait_kind kind;
        enum ledger_urgency urgency;
    } cases[] = {
        {"asked", "上原", 0, -1, 0, WAIT_OVERDUE, LEDGER_LATE},
        {"asked", "上原", 0, 23, 0, WAIT_DUE, LEDGER_SOON},
        {"asked", "上原", 0, 25, 0, WAIT_DUE, LEDGER_CALM},
        {"asked", "", 0, -1, 0, WAIT_OWNERLESS, LEDGER_LATE},
        {"not_affected", "", 0, -1, 0, WAIT_NOTHING, LEDGER_CALM}, /* settled: no date any more */
        {"not_affected", "", ASSET_PROPOSALS, 0, 0, WAIT_PROPOSAL, LEDGER_SOON},
        {"affected", "上原", ASSET_PROPOSALS | ASSET_DISAGREE, 0, 0, WAIT_JUDGE, LEDGER_SOON},
        {"waiting_vendor", "上原", 0, 0, 0, WAIT_VENDOR, LEDGER_CALM},
        {"not_asked", "上原", 0, 0, 0, WAIT_US, LEDGER_CALM},
        {"retired", "", ASSET_DISAGREE, -1, 1, WAIT_NOTHING, LEDGER_CALM},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_item it = {.state = slice_str(cases[i].state),
                                 .owner = slice_str(cases[i].owner),
                                 .flags = cases[i].flags,
                                 .retired = cases[i].retired,
                                 .due_ms = cases[i].due ? now + cases[i].due * hour : 0};
        struct ledger_wait w = ledger_wait_of(&it, now);
        assert_int_equal(w.kind, cases[i].kind);
        assert_int_equal(w.urgency, cases[i].urgency);
    }
}

static void addresses(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 16);
    struct ledger_address q = ledger_address_all(3);
    assert_true(slice_eq_str(ledger_address_url(&q, NULL, &a).s, "/incidents/3/ledger"));
    assert_false(ledger_address_narrows(&q));
    q.search = SLICE_LIT("株 &=#");
    q.has_category = true; /* rows without a category */
    q.states = 1u << STATE_AFFECTED | 1u << STATE_FIXED;
    q.certainties = 1u << CERTAINTY_NONE;
    q.flags = LEDGER_OVERDUE | LEDGER_RETIRED;
    q.order = LEDGER_BY_DUE;
    q.reverse = true;
    q.page = 2;
    q.rows = 100;
    assert_true(ledger_address_narrows(&q));
    struct slice tail = SLICE_LIT("?q=%E6%A0%AA%20%26%3D%23&category=none&state=affected&"
                                  "state=fixed&certainty=none&overdue=1&retired=1&sort=due&dir=up&"
                                  "page=2&rows=100");
    assert_true(slice_eq(ledger_address_url(&q, "", &a).s, tail));
    q.edit = 17;
    q.field = FIELD_OWNER;
    assert_true(
        slice_ends(ledger_address_url(&q, NULL, &a).s, SLICE_LIT("&edit=17&field=owner#r17")));
    assert_true(slice_ends(ledger_address_url(&q, "/x", &a).s, SLICE_LIT("&edit=17&field=owner")));

    struct ledger_filter f = ledger_address_filter(&q, NULL, 5);
    assert_string_equal(f.category, "");
    assert_true(f.overdue && f.retired && !f.exposed && f.reverse);
    q = ledger_address_all(3);
    assert_null(ledger_address_filter(&q, NULL, 5).category);
    q.states = 1u << STATE_RETIRED; /* asking for the state is asking for the rows */
    assert_true(ledger_address_filter(&q, NULL, 5).retired);
    arena_done(&a);
    arena_init(&a, 4);
    assert_int_equal(ledger_address_url(&q, NULL, &a).s.n, 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_question), cmocka_unit_test(of_two_questions),
        cmocka_unit_test(of_a_decision),   cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(parts_of_a_path), cmocka_unit_test(what_a_row_waits_for),
        cmocka_unit_test(addresses),
    };
    assert_int_equal(profile_load("log4shell", &profile, NULL), OK);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    profile_free(profile);
    return failed;
}
