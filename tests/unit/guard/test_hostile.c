/* Bodies made to be slow or large: memory stays bounded, and time grows as they do. Times are of
 * the processor and compared with each other, with much room: what is quadratic is 16 times slower
 * for each byte of 16 times the body. */
#include "probe.h"

#include <time.h>

#define FORM "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=b"

static const struct {
    const char *type, *from, *piece, *to;
} bodies[] = {
    {"text/plain", "", "${", ""},
    {"text/plain", "", "${", "jndi:}"},
    {"text/plain", "", "${lower:${q ", "${jndi:"},
    {"text/plain", "", "\\u00", ""},
    {"text/plain", "", "\\uuuuuuuu", ""},
    {"text/plain", "", "%25", ""},
    {"text/plain", "", "&amp;", ""},
    {"text/plain", "", "JHsJ", ""},
    {"text/plain", "", "%5cu0025%26amp;&#x24;\\x24${j n d i : }", ""},
    {FORM, "", "a&", ""},
    {FORM, "", "a=${&", ""},
    {FORM, "", "%", ""},
    {"application/json", "", "[", ""},
    {"application/json", "", "{\"a\":", ""},
    {"application/json", "[", "\"${\",", "1]"},
    {"application/json", "\"", "\\", ""},
    {"application/json", "", "}", ""},
    {"text/xml", "", "<a>", ""},
    {"text/xml", "<a ", "b='${' ", ""},
    {"text/xml", "<a><![CDATA[", "]", ""},
    {"text/xml", "<!", "[", ""},
    {MULTIPART, "", "--b\r\n\r\n\r\n", ""},
    {MULTIPART, "", "--b\r\nContent-Disposition: form-data; name=\"${\"\r\n\r\n\r\n", ""},
    {MULTIPART, "--b\r\n", "Content-Disposition: form-data; name=\"${\"\r\n", ""},
    {"multipart/form-data; boundary=bbbbbbbbbbbbbbbbbbbbbbb", "", "\r\n--bbbbbbbbbbbbbbbbbbbbbb",
     ""},
};

static void repeat(struct buf *b, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        (void)buf_add_str(b, text);
}

static double seconds(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double inspect(struct probe *p, size_t i, struct buf *b, size_t n)
{
    buf_clear(b);
    (void)buf_add_str(b, bodies[i].from);
    while (b->n < n)
        (void)buf_add_str(b, bodies[i].piece);
    (void)buf_add_str(b, bodies[i].to);
    double best = 1e9;
    for (int k = 0; k < 3; k++) {
        double began = seconds();
        probe_body(p, bodies[i].type, "", buf_slice(b));
        double took = seconds() - began;
        best = took < best ? took : best;
    }
    /* two windows at most: of what came, and of what its readers make of it */
    assert_true(p->bytes < KIB(320));
    assert_true(p->count < 16);
    return best;
}

static void test_linear(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    probe_stop_clock(&p);
    buf_init(&b, MIB(2));
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        for (p.piece = 0; p.piece < 2; p.piece++) {
            (void)inspect(&p, i, &b, KIB(32)); /* takes the credit */
            double less = inspect(&p, i, &b, KIB(32)), more = inspect(&p, i, &b, KIB(512));
            if (more > 16 * 5 * less + 0.1)
                fail_msg("%s…: %.4f s for 32 KiB, %.4f s for 512 KiB", bodies[i].piece, less, more);
        }
        p.piece = 0;
    }
    buf_done(&b);
    probe_done(&p);
}

/* A payload behind all of it is still seen. */
static void test_behind_it(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(2));
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        (void)inspect(&p, i, &b, KIB(300));
        (void)buf_add_str(&b, " and a way on, so that it stands alone: ");
        while (b.n % 2000)
            (void)buf_add_char(&b, '}');
        (void)buf_add_str(&b, "${jndi:ldap://x/a}");
        p.piece = 1000;
        probe_body(&p, bodies[i].type, "", buf_slice(&b));
        p.piece = 0;
        if (p.q.found.why == GUARD_NOTHING)
            fail_msg("%s…: nothing", bodies[i].piece);
    }
    buf_done(&b);
    probe_done(&p);
}

/* Paths end at their limit; what is below is told by the last that fits. */
static void test_depth(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    for (size_t depth = LIMIT_GUARD_DEPTH - 1; depth <= LIMIT_GUARD_DEPTH + 1; depth++) {
        char want[LIMIT_GUARD_FIELD_NAME + 20] = "json:";
        size_t shown = depth < LIMIT_GUARD_DEPTH ? depth : LIMIT_GUARD_DEPTH;
        buf_clear(&b);
        repeat(&b, "[", depth);
        (void)buf_add_str(&b, "\"${jndi:ldap://x/a}\"");
        repeat(&b, "]", depth);
        (void)buf_add_str(&b, "{\"q\":1}");
        for (size_t i = 0; i < shown; i++)
            (void)snprintf(want + strlen(want), sizeof want - strlen(want), "/0");
        probe_body(&p, "application/json", "", buf_slice(&b));
        assert_string_equal(probe_field(&p), want);
        buf_clear(&b);
        (void)buf_add_str(&b, "<r>");
        repeat(&b, "<a>", depth);
        repeat(&b, "</a>", depth);
        (void)buf_add_str(&b, "<q>${jndi:ldap://x/a}</q></r>");
        probe_body(&p, "text/xml", "", buf_slice(&b));
        assert_string_equal(probe_field(&p), "xml:r/q"); /* and the way back is found */
    }
    buf_done(&b);
    probe_done(&p);
}

/* A field's name, and a key, as long as they are told. */
static void test_lengths(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    for (size_t n = LIMIT_GUARD_FIELD_NAME - 1; n <= LIMIT_GUARD_FIELD_NAME + 1; n++) {
        buf_clear(&b);
        repeat(&b, "n", n);
        (void)buf_add_str(&b, "=${jndi:ldap://x/a}");
        probe_body(&p, FORM, "", buf_slice(&b));
        assert_int_equal(p.q.found.field.name.n,
                         n < LIMIT_GUARD_FIELD_NAME ? n : LIMIT_GUARD_FIELD_NAME);
    }
    for (size_t n = LIMIT_GUARD_KEY - 1; n <= LIMIT_GUARD_KEY + 1; n++) {
        buf_clear(&b);
        (void)buf_add_str(&b, "${jndi:");
        repeat(&b, "k", n);
        (void)buf_add_str(&b, "}");
        probe_body(&p, "text/plain", "", buf_slice(&b));
        assert_int_equal(p.q.found.key.n, n < LIMIT_GUARD_KEY ? n : LIMIT_GUARD_KEY);
    }
    /* more fields with a place than are told apart */
    for (size_t n = LIMIT_GUARD_MARKS - 1; n <= LIMIT_GUARD_MARKS + 1; n++) {
        buf_clear(&b);
        repeat(&b, "a=${&", n - 1);
        (void)buf_add_str(&b, "q=${jndi:ldap://x/a}");
        probe_body(&p, FORM, "", buf_slice(&b));
        assert_int_equal(p.q.found.verdict, VERDICT_REACHES);
        assert_string_equal(probe_field(&p), n <= LIMIT_GUARD_MARKS ? "form:q" : "body");
    }
    /* a boundary longer than any */
    char type[LIMIT_GUARD_BOUNDARY + 100];
    for (size_t n = LIMIT_GUARD_BOUNDARY - 1; n <= LIMIT_GUARD_BOUNDARY + 1; n++) {
        char boundary[LIMIT_GUARD_BOUNDARY + 2] = "";
        memset(boundary, 'b', n);
        (void)snprintf(type, sizeof type, "multipart/form-data; boundary=%s", boundary);
        buf_clear(&b);
        (void)buf_addf(&b, "--%s\r\nContent-Disposition: form-data; name=n\r\n\r\n%s", boundary,
                       "${jndi:ldap://x/a}");
        probe_body(&p, type, "", buf_slice(&b));
        assert_string_equal(probe_field(&p), n <= LIMIT_GUARD_BOUNDARY ? "form:n" : "body");
    }
    buf_done(&b);
    probe_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_behind_it),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
