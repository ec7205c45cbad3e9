/* A body in two pieces, asked about in one go: whatever a place is made of and wherever the seam
 * lies, it is not called clean; plain text is, wherever the seam lies. */
#include "unit.h"

#include "base/buf.h"
#include "guard/inspect.h"

struct seam {
    struct guard *g;
    struct buf body;
};

static int setup(void **state)
{
    static struct seam s;
    assert_ok(guard_new(&s.g));
    buf_init(&s.body, 65536);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct seam *s = *state;
    buf_done(&s->body);
    guard_free(s->g);
    return 0;
}

static void *take(void *ctx, size_t n)
{
    (void)ctx;
    return test_malloc(n);
}

/* In pieces, each in memory of its own, behind which nothing may be read. */
static bool clean(struct guard *g, const struct slice *pieces, size_t n, uint64_t limit)
{
    struct guard_options o = {.least = VERDICT_IF_CLOSED, .body_limit = limit, .alloc = take};
    struct guard_request q = {0};
    struct slice none = {NULL, 0};
    guard_request_begin(&q, g, &o, NULL, none, SLICE_LIT("POST"), SLICE_LIT("/"), none);
    assert_ok(guard_body_begin(&q, none, none));
    struct slice own[8];
    assert_true(n <= ARRAY_LEN(own));
    for (size_t i = 0; i < n; i++) {
        uint8_t *p = malloc(pieces[i].n + 1);
        assert_non_null(p);
        if (pieces[i].n)
            memcpy(p + 1, pieces[i].p, pieces[i].n);
        own[i] = slice_of(p + 1, pieces[i].n);
    }
    bool is = guard_body_clean_pieces(&q, own, n);
    for (size_t i = 0; i < n; i++)
        free((uint8_t *)(uintptr_t)own[i].p - 1);
    if (q.body)
        test_free(q.body);
    guard_request_end(&q);
    return is;
}

static bool clean2(struct guard *g, struct slice body, size_t seam, uint64_t limit)
{
    struct slice pieces[] = {slice_sub(body, 0, seam), slice_sub(body, seam, body.n)};
    return clean(g, pieces, ARRAY_LEN(pieces), limit);
}

static void fill(struct buf *b, size_t n)
{
    static const char text[] = "name=value&other=some text, and more. ";
    buf_clear(b);
    while (b->n < n)
        (void)buf_add(b, text, sizeof(text) - 1);
    buf_cut(b, n);
}

static const char *const payloads[] = {
    "${jndi:ldap://x/a}",
    "${${lower:j}ndi:ldap://x/a}",
    "%24%7Bjndi%3Aldap%3A%2F%2Fx%2Fa%7D",
    "%2524%257Bjndi%253Aldap%253A%252F%252Fx%252Fa%257D",
    "\\u0024\\u007bjndi:ldap://x/a}",
    "&#36;&#123;jndi:ldap://x/a}",
    " JHtqbmRpOmxkYXA6Ly94LmV4YW1wbGUvYX0= ",
    "&amp;dollar;{jndi:ldap://x/a}",
    "&&#100;ollar;{jndi:ldap://x/a}",
    "eB+LCAAAAAAAAv9TqcnLTMlMt8pJTCtILLLS14/QB+LaWgCQ3DTZFQAAAA==", /* gzip */
};

static void no_seam_hides_a_place(void **state)
{
    struct seam *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        static const size_t before[] = {5, 700, 3583, 3584, 4095, 4096, 4097, 9000};
        for (size_t k = 0; k < ARRAY_LEN(before); k++) {
            fill(&s->body, before[k]);
            (void)buf_add_str(&s->body, payloads[i]);
            size_t end = s->body.n;
            while (s->body.n < end + 5000)
                (void)buf_add_str(&s->body, "&more=of the same");
            assert_ok(buf_status(&s->body));
            for (size_t seam = before[k] - 5; seam < end + 4; seam++)
                if (clean2(s->g, buf_slice(&s->body), seam, 0))
                    fail_msg("%s behind %zu bytes, seam at %zu", payloads[i], before[k], seam);
            /* far from it: in the middle of either piece, and at its very end */
            assert_false(clean2(s->g, buf_slice(&s->body), 4, 0));
            assert_false(clean2(s->g, buf_slice(&s->body), s->body.n - 1, 0));
            assert_false(clean2(s->g, buf_slice(&s->body), s->body.n, 0));
            assert_false(clean2(s->g, slice_sub(buf_slice(&s->body), 0, end), before[k], 0));
        }
    }
}

/* Pieces of which none shows a whole spelling, and the ones that show nothing. */
static void no_many_pieces_hide_a_place(void **state)
{
    struct seam *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        fill(&s->body, 50);
        (void)buf_add_str(&s->body, payloads[i]);
        (void)buf_add_str(&s->body, ", and more of the same");
        struct slice text = buf_slice(&s->body);
        for (size_t at = 44; at < text.n - 7; at++) {
            for (size_t n = 1; n < 4; n++) {
                struct slice pieces[] = {
                    slice_sub(text, 0, at),         slice_sub(text, at, n),
                    slice_sub(text, at, 0),         slice_sub(text, at + n, 1),
                    slice_sub(text, at + n + 1, n), slice_sub(text, at + 2 * n + 1, text.n)};
                if (clean(s->g, pieces, ARRAY_LEN(pieces), 0))
                    fail_msg("%s in pieces of %zu at %zu", payloads[i], n, at);
            }
        }
    }
}

/* A backslash may be followed by as many u as somebody likes: the seam lies in them. */
static void no_run_hides_a_place(void **state)
{
    struct seam *s = *state;
    static const size_t runs[] = {1, 400, 600, 3000, 4096, 6000};
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        fill(&s->body, 5000);
        (void)buf_add_str(&s->body, "\\");
        for (size_t k = 0; k < runs[i]; k++)
            (void)buf_add_char(&s->body, 'u');
        (void)buf_add_str(&s->body, "0024{jndi:ldap://x/a} and some more");
        for (size_t seam = 4990; seam < s->body.n - 1; seam += seam < 5010 ? 1 : 97)
            if (clean2(s->g, buf_slice(&s->body), seam, 0))
                fail_msg("%zu times u, seam at %zu", runs[i], seam);
    }
}

static void plain_text_is_clean(void **state)
{
    struct seam *s = *state;
    static const size_t lengths[] = {10, 4095, 4096, 4097, 8192, 8193, 10000};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        fill(&s->body, lengths[i]);
        for (size_t seam = 4; seam <= lengths[i]; seam += seam < 100 ? 1 : 61)
            assert_true(clean2(s->g, buf_slice(&s->body), seam, 0));
        for (size_t seam = 0; seam < 4; seam++) /* the width of its characters is not known */
            assert_false(clean2(s->g, buf_slice(&s->body), seam, 0));
        assert_false(clean2(s->g, buf_slice(&s->body), 5, lengths[i] - 1));
        assert_true(clean2(s->g, buf_slice(&s->body), 5, lengths[i]));
        assert_true(clean2(s->g, buf_slice(&s->body), 5, lengths[i] + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_seam_hides_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(no_many_pieces_hide_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(no_run_hides_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(plain_text_is_clean, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
