/* Kinds of files by their first bytes, and names that claim an archive. */
#include "archive/sniff.h"
#include "unit.h"

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        struct slice head;
        enum sniff want;
    } cases[] = {
        {SLICE_LIT(""), SNIFF_OTHER},
        {SLICE_LIT("P"), SNIFF_OTHER},
        {SLICE_LIT("PK\3"), SNIFF_OTHER},
        {SLICE_LIT("PK\3\4"), SNIFF_ZIP},
        {SLICE_LIT("PK\3\4more"), SNIFF_ZIP},
        {SLICE_LIT("PK\5\6"), SNIFF_ZIP},
        {SLICE_LIT("PK\7\10PK\3\4"), SNIFF_ZIP},
        {SLICE_LIT("PK00PK\3\4"), SNIFF_ZIP},
        {SLICE_LIT("PK\1\2"), SNIFF_OTHER},
        {SLICE_LIT("#!/bin/sh"), SNIFF_PREAMBLE},
        {SLICE_LIT("MZ"), SNIFF_PREAMBLE},
        {SLICE_LIT("JM\1\0PK\3\4"), SNIFF_PREAMBLE},
        {SLICE_LIT("\x7f"
                   "ELF\2"),
         SNIFF_ELF},
        {SLICE_LIT("\xca\xfe\xba\xbe"), SNIFF_CLASS},
        {SLICE_LIT("\xca\xfe\xba"), SNIFF_OTHER},
        {SLICE_LIT(" PK\3\4"), SNIFF_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(sniff_head(cases[i].head), cases[i].want);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const yes[] = {"a.jar", "A.JAR", "x/y.War", "b.ear", "c.zip", "d.jmod"};
    static const char *const no[] = {"", ".jar", "jar", "ajar", "a.jar.bak", "a.java", "a.gz"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(sniff_claims_archive(slice_str(yes[i])));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(sniff_claims_archive(slice_str(no[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_heads), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
