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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
