/* The evaluator against examples of each rule, its budget, and memory that runs out. The labelled
 * messages of the acceptance data run end to end (tests/e2e). */
#include "unit.h"

#include "failalloc.h"
#include "lookup/evaluate.h"
#include "lookup/signs.h"

/* key NULL: not reached. Each row is decided wrongly by at least one plausible mistake. */
static const struct {
    const char *text, *key;
    enum eval_outcome outcome; /* where key is NULL */
} cases[] = {
    {"no variable at all", NULL, EVAL_NOT},
    {"${jndi:ldap://x/a}", "ldap://x/a", EVAL_REACH},
    {"$${jndi:a} ${q}", "a", EVAL_REACH},                 /* a second pass at ${q} */
    {"$$${jndi:a} ${q}", NULL, EVAL_NOT},                 /* two passes only */
    {"$$${jndi:a}$${::-\xc3\xa9}${q}", NULL, EVAL_NOT},   /* indexes are UTF-16 units */
    {"$${a ${jndi:{b}}", "{b", EVAL_REACH},               /* an escape goes on inside */
    {"${a ${jndi:b}", NULL, EVAL_NOT},                    /* unclosed: the rest is kept */
    {"${::-$}{jndi:a}", NULL, EVAL_NOT},                  /* nothing joins across the border */
    {"${::-$}${jndi:a}", NULL, EVAL_NOT},                 /* the value's $ escapes */
    {"${::-$${$${::-j}ndi:a}}", "a", EVAL_REACH},         /* a value is evaluated again */
    {"${a${::-$}{jndi:b}} ${q}", NULL, EVAL_NOT},         /* unresolved stays as written */
    {"${jndi:a:-${jndi:b}}", "b", EVAL_REACH},            /* inner variables first */
    {"${jndi${::-:}-a}", NULL, EVAL_NOT},                 /* split after inner evaluation */
    {"${jndi:\\-a}", "-a", EVAL_REACH},                   /* the backslash goes */
    {"${jndi:\\-a:-b}", "a", EVAL_REACH},                 /* the dash goes, too */
    {"${::-a${::-$${::-b}}}${jndi:c}", NULL, EVAL_ABORT}, /* a name in its own chain */
    {"${${::-j}${::-n}di:a}", "a", EVAL_REACH},           /* siblings are no cycle */
    {"${jn${lower:}di${x:-}${sys:path.separator}${event:Level}}", "INFO", EVAL_REACH},
    {"${jndi:}", "", EVAL_REACH},                   /* any key */
    {"${ jndi:a}", NULL, EVAL_NOT},                 /* no trimming */
    {"${JnD${upper:\xc4\xb1}:a}", "a", EVAL_REACH}, /* full case mapping */
    {"${jnd\xc4\xb1:a}", NULL, EVAL_NOT},           /* the fold of names is ASCII */
    {"${${foo:hostName:-jndi}:a}", NULL, EVAL_NOT}, /* the default map has the key */
    {"${java:a:-b}${jndi:c}", NULL, EVAL_ABORT},    /* an unknown java key throws */
    {"${jndi:c}${java:a:-b}", "c", EVAL_REACH},     /* … but not before it is met */
    {"${${date:j:-j}ndi:a}", NULL, EVAL_NOT},       /* date always has a value */
    {"${${date:'j'}n${env::-d}i${date::}a}", "a", EVAL_REACH},
    {"${${base64:am5kaTp4}}", NULL, EVAL_NOT},   /* no such lookup */
    {"${event:Message}", NULL, EVAL_ABORT},      /* the message within itself */
    {"${x${event:Message}}", NULL, EVAL_BUDGET}, /* … without an end */
    {"${lower:\xce\x91\xce\xa3}${jndi:${lower:\xce\x91\xce\xa3}}", "\xce\xb1\xcf\x82", EVAL_REACH},
    {"${jndi:${upper:\xc3\x9f\xef\xac\x83}}", "SSFFI", EVAL_REACH},
    {"${jndi:\xff\xfe}", "\xff\xfe", EVAL_REACH}, /* bytes that are no UTF-8 */
};

static struct eval_possible possible(const char *text)
{
    return evaluate_possible(slice_str(text), signs_of(slice_str(text)));
}

static void rules_hold(void **state)
{
    (void)state;
    struct evaluator *ev = NULL;
    struct eval_options o = {0};
    assert_ok(evaluator_new(&ev));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct eval_result r = evaluate(ev, slice_str(cases[i].text), &o);
        if (r.outcome != (cases[i].key ? EVAL_REACH : cases[i].outcome))
            fail_msg("%s: outcome %d", cases[i].text, r.outcome);
        if (cases[i].key && !slice_eq_str(r.key, cases[i].key))
            fail_msg("%s: key %.*s", cases[i].text, (int)r.key.n, (const char *)r.key.p);
        if (r.outcome == EVAL_REACH && possible(cases[i].text).as_is == 0)
            fail_msg("%s: refused", cases[i].text);
    }
    evaluator_free(ev);
}

/* The letters in order, as in any page; and what spells them for certain. */
static void what_cannot_reach_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool possible;
    } rows[] = {
        {"${jndi:", true},
        {"${name}, join nodes in district: x}", false},
        {"${j} in ${n} and ${d}: id: ${i}:", false},
        {"const jn = `${d}`; i: {}", false},
        {"${{ matrix.os }} jndi disabled: ldap: ok", false},
        {"\"${obj}${suffix}\": adjusting node index: ${x}", false},
        {"${x} message, e.g. event: Message of ages}", false},
        {"${${::-j}n${q:-d}${lower:I}:", true},
        {"${${date:'j'}nd${::-i}${sys:path.separator}", true},
        {"${::-$}{j${x:-}n$${::-d}i:", true},
        {"${jnd\xc4\xb1:", true},
        {"${${lower:j:-x}ndi:", true},
        {"${${date:'j':${::--}${q}}n${upper:d${a}:-x}i:", true},
        {"${${e${upper:v:-x}ent:Me${lower:s:-x}sage}}", true},
        {"${${q}${j${q}n", false},
        {"${::-${event:Message}}", true},
        {"${e${::-v}ent${sys:path.separator}Me${lower:${upper:\xc3\x9f}}ag${x:-e}}", true},
        {"${${lower:j:-x}${upper:n:-y z}d${lower:i:-}:", true},
        {"${event:Level}}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((possible(rows[i].text).if_closed > 0) != rows[i].possible)
            fail_msg("%s", rows[i].text);
}

/* From where on; with the brackets that are there, and with all. */
static void possible_until(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t as_is, if_closed;
    } rows[] = {
        {"${jndi:}", 1, 1},
        {"${jndi:", 0, 1},
        {"}${jndi:", 0, 2},
        {"a${JNDI:a}${jndi:", 2, 11},
        {"${jndi:}${jndi:}", 9, 9},
        {"${jndi:}${jndi}", 1, 1},
        {"${jndi:}}:", 1, 1},
        {"${${event:Message}", 3, 3},
        {"${jndi:}${event:Message", 9, 9},
        {"", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct eval_possible p = possible(rows[i].text);
        if (p.as_is != rows[i].as_is || p.if_closed != rows[i].if_closed)
            fail_msg("%s: %zu, %zu", rows[i].text, p.as_is, p.if_closed);
    }
}

/* The same through escapes of any kind, one in another. */
static void disguises_are_not_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool possible;
    } rows[] = {
        {"%24%7Bjndi", true},
        {"$%7b%256andi", true},
        {"\\u0024{\\jnd&#105;", true},
        {"${j\\\nn\\\r\nd${::-\\\ni}", true},
        {"${\\u00%36andi", true},
        {"&dollar;&lbrace;%20jndi", true},
        {"${%6a%7Dn${q:-%64}i", true},
        {"${jnd%C4%B1", true},
        {"%24{${lower:\\x6a:-x}nd${lower:%69:-y}", true},
        {"%24{event%3aMe\\x73sag\\u0065", true},
        {"${b&#97;se64", true},
        {"`${j}` and \\\"${n}\\\", d: %20i\\n", false},
        {"{\"a\":\"\\\"${name}\\\"\\njoin\\n\\nnode &lt;div&gt;&amp;nbsp;disc\"}", false},
        {"%7B%22note%22%3A%22%24%7Bname%7D%20joins%20nodes%3A%20dir%3A%22%7D", false},
        {"/[\\w\\s.]+\\u00e0-\\u00ff${x}/ \\1 %d %s base64:", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (evaluate_disguised(slice_str(rows[i].text)) != rows[i].possible)
            fail_msg("%s", rows[i].text);
    assert_true(evaluate_disguised(SLICE_LIT("$\0{\0j\0n\0d\0i\0")));
}

static void turkish_letters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool root, turkish;
    } rows[] = {
        {"${jnd${lower:\xc4\xb0}:a}", false, true},
        {"${jnd${upper:i}:a}", true, false},
        {"${jnd${lower:I}:a}", true, false},
        {"${JNDI:a}", true, true},
    };
    struct evaluator *ev = NULL;
    assert_ok(evaluator_new(&ev));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct eval_options o = {.locale = EVAL_ROOT};
        assert_int_equal(evaluate(ev, slice_str(rows[i].text), &o).outcome == EVAL_REACH,
                         rows[i].root);
        o.locale = EVAL_TURKISH;
        assert_int_equal(evaluate(ev, slice_str(rows[i].text), &o).outcome == EVAL_REACH,
                         rows[i].turkish);
    }
    evaluator_free(ev);
}

/* Repeats `piece` count times, then `middle`, then `tail` count times. */
static struct slice built(struct buf *b, const char *piece, const char *middle, const char *tail,
                          size_t count)
{
    buf_clear(b);
    for (size_t i = 0; i < count; i++)
        (void)buf_add_str(b, piece);
    (void)buf_add_str(b, middle);
    for (size_t i = 0; i < count; i++)
        (void)buf_add_str(b, tail);
    assert_ok(buf_status(b));
    return buf_slice(b);
}

/* Whatever the text, no more steps than the budget; what exceeds it says so. */
static void cost_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *piece, *middle, *tail;
        size_t count;
    } texts[] = {
        {"${lower:", "${q}", "}", 18},   {"${", "", "", 100000},
        {"${${", "a", "}}", 900},        {"${:-", "j", "}", 400},
        {"$", "${jndi:a}", "${q}", 200}, {"$${event:Message}", "${q}", "", 50},
        {"${q}", "", "", 100000},        {"}", "${", "{", 100000},
    };
    struct evaluator *ev = NULL;
    struct buf b;
    struct eval_options o = {0};
    buf_init(&b, 4 << 20);
    assert_ok(evaluator_new(&ev));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice s = built(&b, texts[i].piece, texts[i].middle, texts[i].tail, texts[i].count);
        struct eval_result r = evaluate(ev, s, &o);
        uint64_t most = (uint64_t)s.n * EVAL_STEPS_PER_BYTE + EVAL_STEPS_FLOOR;
        if (r.steps > most + s.n * EVAL_BYTES_PER_BYTE + EVAL_BYTES_FLOOR)
            fail_msg("text %zu: %llu steps of %llu", i, (unsigned long long)r.steps,
                     (unsigned long long)most);
        if (r.steps > most)
            assert_int_equal(r.outcome, EVAL_BUDGET);
    }
    buf_done(&b);
    evaluator_free(ev);
}

static void frames_end_at_their_limit(void **state)
{
    (void)state;
    struct evaluator *ev = NULL;
    struct buf b;
    struct eval_options o = {.max_steps = UINT64_MAX};
    buf_init(&b, 1 << 20);
    assert_ok(evaluator_new(&ev));
    /* the top region is a frame of its own */
    for (size_t n = EVAL_MAX_FRAMES - 2; n <= EVAL_MAX_FRAMES; n++) {
        struct slice s = built(&b, "${q", "", "}", n);
        assert_int_equal(evaluate(ev, s, &o).outcome, n < EVAL_MAX_FRAMES ? EVAL_NOT : EVAL_BUDGET);
    }
    buf_done(&b);
    evaluator_free(ev);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    struct evaluator *ev = NULL;
    struct eval_options o = {0};
    assert_ok(evaluator_new(&ev));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].text);
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees a read past it */
            assert_non_null(exact);
            memcpy(exact, cases[i].text, cut);
            (void)evaluate(ev, slice_of(exact, cut), &o);
            free(exact);
        }
    }
    evaluator_free(ev);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct evaluator *ev = NULL;
        struct eval_options o = {0};
        struct eval_result r = {.outcome = EVAL_NOMEM};
        failalloc_at(n);
        if (evaluator_new(&ev) == OK)
            r = evaluate(ev, SLICE_LIT("${::-$${$${::-j}ndi:${lower:A}${a:\\-b:-c}}}"), &o);
        bool failed = failalloc_hit();
        assert_int_equal(r.outcome, failed ? EVAL_NOMEM : EVAL_REACH);
        evaluator_free(ev);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hold),
        cmocka_unit_test(what_cannot_reach_is_refused),
        cmocka_unit_test(disguises_are_not_refused),
        cmocka_unit_test(turkish_letters),
        cmocka_unit_test(possible_until),
        cmocka_unit_test(cost_is_bounded),
        cmocka_unit_test(frames_end_at_their_limit),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
