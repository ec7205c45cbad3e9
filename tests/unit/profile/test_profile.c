/* Version ordering, and the built-in profile as generic code sees it. */
#include "profile/profile.h"
#include "profile/version.h"
#include "unit.h"

static void test_order(void **state)
{
    (void)state;
    /* ascending; each is compared with all */
    static const char *const v[] = {"2.0-alpha1", "2.0-beta2", "2.0-beta9", "2.0-rc1", "2.0",
                                    "2.0.1",      "2.1",       "2.3",       "2.3.1",   "2.9.1",
                                    "2.10.0",     "2.12.2",    "2.15.0"};
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        for (size_t j = 0; j < ARRAY_LEN(v); j++) {
            int c = version_compare(slice_str(v[i]), slice_str(v[j]));
            assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
        }
    assert_int_equal(version_compare(slice_str("2.0"), slice_str("2")), 0);
    assert_int_equal(version_compare(slice_str("2.0"), slice_str("2.0.0-FINAL")), 0);
    assert_true(version_valid(slice_str("2.14.1")));
    assert_false(version_valid(slice_str("${version}")));
    assert_false(version_valid(slice_str("")));
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *artifact, *version, *cves; /* the CVEs' last digits */
    } cases[] = {{"log4j-core", "2.0-beta8", "45105 44832 "},
                 {"log4j-core", "2.0-beta9", "44228 45046 45105 44832 "},
                 {"log4j-core", "2.14.1", "44228 45046 45105 44832 "},
                 {"log4j-core", "2.15.0", "45046 45105 44832 "},
                 {"log4j-core", "2.12.2", "45105 44832 "},
                 {"log4j-core", "2.3.1", "44832 "},
                 {"log4j-core", "2.17.1", ""},
                 {"logback-core", "1.2.8", "42550 "},
                 {"logback-core", "1.2.9", ""},
                 {"logback-core", "1.3.0-alpha10", "42550 "}};
    struct profile *p = NULL;
    struct err e = {0};
    enum status st = profile_load("log4shell", &p, &e);
    if (st != OK)
        print_message("%s\n", e.msg);
    assert_ok(st);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[100] = "";
        for (size_t k = 0; k < p->affected_count; k++) {
            const struct profile_affected *a = &p->affected[k];
            const struct profile_component *c = &p->components[a->component];
            if (strcmp(c->artifact, cases[i].artifact) == 0 &&
                (profile_version(c, slice_str(cases[i].version)) & a->versions))
                snprintf(got + strlen(got), sizeof got - strlen(got), "%s ",
                         p->cves[a->cve].id + 9);
        }
        assert_string_equal(got, cases[i].cves);
    }
    assert_int_equal(p->question_count, 3);
    assert_int_equal(p->questions[2].option_count, 5);
    profile_free(p);
}

static void test_refused(void **state)
{
    (void)state;
    struct profile *p = NULL;
    struct err e = {0};
    assert_int_equal(profile_load("spring4shel", &p, &e), ST_NOT_FOUND);
    assert_string_equal(e.msg, "profile spring4shel: not found; there are log4shell");
    assert_int_not_equal(profile_load("/nonexistent/profile", &p, &e), OK);
    assert_null(p);
}

/* A small profile of an invented component. */
static const struct profile_text small[] = {
    {"profile.txt", SLICE_LIT("id: p\nrevision: 2\ndate: 2030-01-01\ntitle.en: P\ntitle.ja: P\n")},
    {"cves.tsv", SLICE_LIT("CVE-1\td\thigh\t9\t2\tyes\tt\tt\ts\ts\n"
                           "CVE-2\td\thigh\t9\t2\tno\tt\tt\ts\ts\n")},
    {"advisories.tsv", SLICE_LIT("# none yet\n")},
    {"components.tsv", SLICE_LIT("g\tlib\tyes\ta/lib\ng\tother\tno\ta/other\n")},
    {"affected.tsv", SLICE_LIT("lib\tCVE-1\t1..2\t-\n")},
    {"questions.tsv", SLICE_LIT("q\tno\ty n u\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n")},
    {"options.tsv", SLICE_LIT("q\ty\topen\tversion:lib\tY\tY\nq\tn\tnot_affected\tno\tN\tN\n"
                              "q\tu\tunknown\tno\tU\tU\nv\tw\twaiting\tversion\tW\tW\n")},
};

static void test_parse(void **state)
{
    (void)state;
    struct profile *p = NULL;
    struct err e = {0};
    if (profile_parse("small", small, ARRAY_LEN(small), &p, &e) != OK)
        fail_msg("%s", e.msg);
    assert_int_equal(p->mark_count + p->fact_count, 0); /* those two may be left out */
    assert_true(p->cves[0].asked && !p->cves[1].asked);
    const struct profile_question *q = profile_scan_question(p);
    assert_ptr_equal(q, profile_question(p, "q"));
    assert_string_equal(q->options[q->scan_open].id, "u");
    assert_int_equal(q->options[q->scan_found].components, 1);
    assert_true(q->options[q->scan_found].version);
    const struct profile_option *w = profile_option(profile_question(p, "v"), "w");
    assert_true(w->version && !w->components && w->means == MEANS_WAITING);
    assert_null(profile_option(q, "w"));
    assert_null(profile_question(p, "x"));
    assert_null(profile_cve(p, "CVE-3"));
    profile_free(p);
    for (size_t i = 0; i < ARRAY_LEN(small); i++) { /* each of the others is needed */
        struct profile_text texts[ARRAY_LEN(small)];
        memcpy(texts, small, sizeof texts);
        texts[i].name = "x";
        assert_int_equal(profile_parse("small", texts, ARRAY_LEN(texts), &p, &e), ST_NOT_FOUND);
        assert_non_null(strstr(e.msg, small[i].name));
    }
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        const char *file, *content, *words;
    } cases[] = {
        {"cves.tsv", "CVE-1\td\thigh\t9\t2\tperhaps\tt\tt\ts\ts\n", "yes or no"},
        {"cves.tsv", "CVE-1\td\thigh\t9\t2\tt\tt\ts\ts\n", "columns are missing"},
        {"components.tsv", "g\tlib\tmaybe\ta/lib\n", "yes or no"},
        {"questions.tsv", "q\tno\ty n\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n", "three options"},
        {"questions.tsv", "q\tno\ty n u y\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n", "three options"},
        {"questions.tsv", "q\tno\ty n x\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n", "three options"},
        {"questions.tsv", "q\tyes\ty n u\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n",
         "not asked per CVE"},
        {"questions.tsv", "q\tno\tn y u\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n",
         "with its components"},
        {"questions.tsv", "q\tno\ty n n\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n", "settles nothing"},
        {"questions.tsv", "q\tno\t-\tt\tt\th\th\nz\tno\t-\tt\tt\th\th\nv\tyes\t-\tt\tt\th\th\n",
         "has none"},
        {"options.tsv", "q\ty\tperhaps\tno\tY\tY\n", "meaning"},
        {"options.tsv", "q\ty\topen\tdate\tY\tY\n", "no or version"},
        {"options.tsv", "q\ty\topen\tversion:lib,x\tY\tY\n", "not in components.tsv"},
        {"options.tsv", "q\ty\topen\tno\tY\tY\nq\ty\topen\tno\tY\tY\n", "already"},
        {"options.tsv", "z\ty\topen\tno\tY\tY\n", "not in questions.tsv"},
        {"affected.tsv", "lib\tCVE-9\t1..2\t-\n", "not in cves.tsv"},
        {"profile.txt", "id: p\n", "one is missing"},
        {"affected.tsv", "lib\tCVE-1\t1..\xff\t-\n", "UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct profile_text texts[ARRAY_LEN(small)];
        struct profile *p = NULL;
        struct err e = {0};
        memcpy(texts, small, sizeof texts);
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            if (strcmp(texts[k].name, cases[i].file) == 0)
                texts[k].content = slice_str(cases[i].content);
        assert_int_equal(profile_parse("small", texts, ARRAY_LEN(texts), &p, &e), ST_INVALID);
        if (!strstr(e.msg, cases[i].words) || !strstr(e.msg, cases[i].file))
            fail_msg("%s: %s", cases[i].words, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
