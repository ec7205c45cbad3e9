/* The reader of scans: types, limits, cuts at every byte and line, and memory that runs out. */
#include "unit.h"

#include "base/limits.h"
#include "board/case/findings_read.h"
#include "failalloc.h"

#define SUMMARY                                                                                    \
    "{\"summary\":{\"files\":9,\"archives\":2,\"bytes\":100,\"findings\":1,\"host\":\"h\","        \
    "\"started\":\"2021-12-13T11:00:00Z\",\"ended\":\"2021-12-13T11:58:00.5+09:00\","              \
    "\"tool\":\"hikeshi 0.1.0\",\"profile\":\"log4shell\",\"profile_revision\":14,"                \
    "\"incomplete_count\":2,\"paths\":[\"/\"],\"incomplete\":[{\"path\":\"/a\",\"reason\":\"r\"}," \
    "{\"path\":\"/b\\n\",\"reason\":\"r\"}],\"new\":[1]}}"
#define FINDING                                                                              \
    "{\"path\":\"/opt/\\u001b[31m.jar\",\"component\":\"log4j-core\",\"version\":null,"      \
    "\"version_from\":\"classes\",\"prefix\":\"x\",\"cves\":{\"CVE-2\":\"fixed\",\"CVE-1\":" \
    "\"affected\"},\"evidence\":[\"one\",\"\\u202e\"],\"new\":{\"a\":1}}\n"

struct seen {
    int findings, gaps, summaries;
    char last[400];
};

static enum status on_finding(void *ctx, const struct finding_line *f, struct err *e)
{
    struct seen *seen = ctx;
    (void)e;
    assert_int_equal(seen->summaries, 0);
    seen->findings++;
    (void)snprintf(seen->last, sizeof seen->last, "%s|%s|%s|%s|%s|%s|%s", f->path, f->component,
                   f->version, f->version_from, scan_state_code(f->worst), f->cves, f->evidence);
    return OK;
}

static enum status on_gap(void *ctx, const char *path, const char *reason, struct err *e)
{
    struct seen *seen = ctx;
    (void)e;
    assert_true(*path && *reason);
    seen->gaps++;
    return OK;
}

static enum status on_summary(void *ctx, const struct scan_summary *s, struct err *e)
{
    struct seen *seen = ctx;
    (void)e;
    seen->summaries++;
    assert_string_equal(s->host, "h");
    assert_int_equal(s->ended_ms - s->started_ms, (58 * 60 - 9 * 3600) * 1000 + 500);
    assert_true(s->whole_host);
    assert_int_equal(s->incomplete, 2);
    assert_int_equal(s->profile_revision, 14);
    return OK;
}

/* Reads text in pieces; what was seen may be NULL. */
static enum status read_pieces(struct slice text, size_t piece, struct seen *ret, struct err *e)
{
    struct seen seen = {0};
    struct findings_events events = {&seen, on_finding, on_gap, on_summary};
    struct findings_reader r;
    enum status s = OK;
    findings_reader_init(&r, &events);
    for (size_t at = 0; s == OK && at < text.n; at += piece)
        s = findings_reader_add(&r, slice_sub(text, at, piece), e);
    if (s == OK)
        s = findings_reader_end(&r, e);
    findings_reader_done(&r);
    if (ret)
        *ret = seen;
    return s;
}

static void whole_scans(void **state)
{
    (void)state;
    static const char *const texts[] = {FINDING SUMMARY "\n", FINDING SUMMARY,
                                        "{\"path\":\"/opt/\\u001b[31m.jar\",\"component\":"
                                        "\"log4j-core\",\"version_from\":\"classes\",\"cves\":"
                                        "{\"CVE-1\":\"affected\",\"CVE-2\":\"fixed\"},"
                                        "\"evidence\":[\"one\",\"\\u202e\"]}\r\n" SUMMARY "\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (size_t piece = 1; piece < 900; piece += 7) {
            struct seen seen;
            struct err e = {0};
            enum status s = read_pieces(slice_str(texts[i]), piece, &seen, &e);
            if (s != OK)
                fail_msg("%s", e.msg);
            assert_int_equal(seen.findings, 1);
            assert_int_equal(seen.gaps, 2);
            assert_int_equal(seen.summaries, 1);
            assert_string_equal(seen.last, "/opt/\\x1b[31m.jar|log4j-core||classes|affected|"
                                           "{\"CVE-1\":\"affected\",\"CVE-2\":\"fixed\"}|"
                                           "[\"one\",\"\\\\u202e\"]");
        }
}

/* Cut anywhere, a scan is no scan: the last byte that is needed is the summary's brace. */
static void cut_at_every_byte(void **state)
{
    (void)state;
    struct slice text = slice_str(FINDING SUMMARY);
    for (size_t n = 0; n < text.n; n++) {
        struct err e = {0};
        assert_int_equal(read_pieces(slice_sub(text, 0, n), 64, NULL, &e), ST_MALFORMED);
        assert_true(e.msg[0]);
    }
    struct slice without = slice_str(SUMMARY); /* a whole line is missing */
    assert_int_equal(read_pieces(without, 64, NULL, NULL), ST_MALFORMED);
    assert_int_equal(read_pieces(slice_str(FINDING FINDING SUMMARY), 64, NULL, NULL), ST_MALFORMED);
    assert_int_equal(read_pieces(slice_str(FINDING SUMMARY "\n" FINDING), 64, NULL, NULL),
                     ST_MALFORMED);
}

static void broken_lines(void **state)
{
    (void)state;
    static const char *const findings[] = {
        "",
        "\n",
        "[]",
        "7",
        "\"x\"",
        "{}",
        "{\"path\":\"/a\"}",
        "{\"path\":7,\"component\":\"c\",\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"\",\"component\":\"c\",\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":null,\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"version\":2.14,\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":[],\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{\"CVE-1\":\"perhaps\"},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{\"CVE-1\":1},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{\"a b\":\"fixed\"},\"evidence\":[]}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{},\"evidence\":\"one\"}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{},\"evidence\":[7]}",
        "{\"path\":\"/a\",\"path\":\"/b\",\"component\":\"c\",\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"/a\\u0000\",\"component\":\"c\",\"cves\":{},\"evidence\":[]}",
        "{\"path\":\"/\xff\",\"component\":\"c\",\"cves\":{},\"evidence\":[]}",
        "{\"summary\":[]}",
        "{\"summary\":{}}",
        "{\"path\":\"/a\",\"component\":\"c\",\"cves\":{},\"evidence\":[]} trailing",
    };
    for (size_t i = 0; i < ARRAY_LEN(findings); i++) {
        char text[4000];
        struct err e = {0};
        (void)snprintf(text, sizeof text, FINDING "%s\n" SUMMARY "\n", findings[i]);
        enum status s = read_pieces(slice_str(text), 100, NULL, &e);
        if (s != ST_MALFORMED)
            fail_msg("%s: %s", findings[i], status_name(s));
        assert_non_null(strstr(e.msg, "line 2"));
        for (const char *c = e.msg; *c; c++)
            assert_true((unsigned char)*c >= 0x20);
    }
}

/* Each known key of the summary with another type, or taken away. */
static void broken_summaries(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "\"files\":9",      "\"archives\":2",          "\"bytes\":100",
        "\"findings\":1",   "\"started\":\"2021-",     "\"ended\":\"2021-",
        "\"tool\":\"hike",  "\"profile\":\"log4shell", "\"profile_revision\":14",
        "\"paths\":[\"/\"", "\"incomplete\":[",        "\"incomplete_count\":2",
    };
    static const char *const instead[] = {"null", "-1", "\"\"", "{}", "[7]"};
    static char summary[] = SUMMARY;
    struct slice whole = slice_str(summary);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        size_t at = slice_find(whole, slice_str(keys[i]));
        assert_true(at < whole.n);
        char text[4000];
        (void)snprintf(text, sizeof text, FINDING "%.*s\"x%s", (int)at, summary, summary + at + 1);
        assert_int_equal(read_pieces(slice_str(text), 100, NULL, NULL), ST_MALFORMED);
        size_t colon = at + slice_index(slice_sub(whole, at, whole.n), ':') + 1;
        for (size_t k = 0; k < ARRAY_LEN(instead); k++) {
            /* a duplicate key is refused as well, so the old one gets another name */
            (void)snprintf(text, sizeof text, FINDING "%.*s%.*s%s,\"x%s", (int)at, summary,
                           (int)(colon - at), summary + at, instead[k], summary + at + 1);
            enum status s = read_pieces(slice_str(text), 100, NULL, NULL);
            if (s != ST_MALFORMED)
                fail_msg("%s %s: %s", keys[i], instead[k], status_name(s));
        }
    }
}

static enum status no_finding(void *ctx, const struct finding_line *f, struct err *e)
{
    (void)ctx, (void)f, (void)e;
    return OK;
}

static enum status keep_whole(void *ctx, const struct scan_summary *s, struct err *e)
{
    (void)e;
    *(bool *)ctx = s->whole_host;
    return OK;
}

static void what_covers_a_host(void **state)
{
    (void)state;
    static const struct {
        const char *paths;
        bool whole;
    } cases[] = {
        {"\"paths\":[\"/\"]", true},
        {"\"paths\":[\"/opt\",\"//\"]", true},
        {"\"paths\":[]", false},
        {"\"paths\":[\"/opt\",\"/home\"]", false},
        {"\"paths\":[\"/.\"]", false},
        {"\"paths\":[\"C:\\\\\"],\"drives\":[\"c:\"]", true},
        {"\"paths\":[\"C:\\\\\"],\"drives\":[\"C:\\\\\",\"D:\\\\\"]", false},
        {"\"paths\":[\"D:\\\\\",\"C:\\\\\"],\"drives\":[\"C:\\\\\",\"D:\\\\\"]", true},
        {"\"paths\":[\"C:\\\\Users\"],\"drives\":[\"C:\\\\\"]", false},
        {"\"paths\":[\"/\"],\"drives\":[\"C:\\\\\"]", false},
        {"\"paths\":[\"C:\\\\\"],\"drives\":[7]", false},
        {"\"paths\":[\"C:\\\\\"]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[2000];
        bool whole = !cases[i].whole;
        struct findings_events events = {&whole, no_finding, on_gap, keep_whole};
        struct findings_reader r;
        (void)snprintf(text, sizeof text,
                       "{\"summary\":{\"files\":9,\"archives\":2,\"bytes\":1,\"findings\":0,"
                       "\"started\":\"2021-12-13T11:00:00Z\",\"ended\":\"2021-12-13T11:00:00Z\","
                       "\"tool\":\"t\",\"profile\":\"p\",\"profile_revision\":1,"
                       "\"incomplete_count\":0,\"incomplete\":[],%s}}",
                       cases[i].paths);
        findings_reader_init(&r, &events);
        assert_ok(findings_reader_add(&r, slice_str(text), NULL));
        assert_ok(findings_reader_end(&r, NULL));
        findings_reader_done(&r);
        if (whole != cases[i].whole)
            fail_msg("%s", cases[i].paths);
    }
}

/* A finding whose line has n bytes. */
static enum status read_line_of(size_t n, size_t name)
{
    static const char head[] = "{\"path\":\"/a\",\"component\":\"";
    static const char mid[] = "\",\"cves\":{},\"evidence\":[],\"pad\":\"";
    struct buf b;
    bool whole;
    struct findings_events events = {&whole, no_finding, on_gap, keep_whole};
    struct findings_reader r;
    buf_init(&b, n + 10);
    (void)buf_add_str(&b, head);
    for (size_t i = 0; i < name; i++)
        (void)buf_add_char(&b, 'c');
    (void)buf_add_str(&b, mid);
    while (b.n < n - 2)
        (void)buf_add_char(&b, 'x');
    (void)buf_add_str(&b, "\"}");
    assert_int_equal(b.n, n);
    (void)buf_add_char(&b, '\n');
    findings_reader_init(&r, &events);
    enum status s = findings_reader_add(&r, buf_slice(&b), NULL);
    findings_reader_done(&r);
    buf_done(&b);
    return s;
}

static void limits(void **state)
{
    (void)state;
    assert_ok(read_line_of(LIMIT_FINDINGS_LINE - 1, 3));
    assert_ok(read_line_of(LIMIT_FINDINGS_LINE, 3));
    assert_int_equal(read_line_of(LIMIT_FINDINGS_LINE + 1, 3), ST_LIMIT);
    assert_ok(read_line_of(2000, LIMIT_FINDINGS_NAME - 1));
    assert_ok(read_line_of(2000, LIMIT_FINDINGS_NAME));
    assert_int_equal(read_line_of(2000, LIMIT_FINDINGS_NAME + 1), ST_LIMIT);
    for (int n = LIMIT_FINDINGS_CVES - 1; n <= LIMIT_FINDINGS_CVES + 1; n++) {
        struct buf b;
        bool whole;
        struct findings_events events = {&whole, no_finding, on_gap, keep_whole};
        struct findings_reader r;
        buf_init(&b, 1 << 16);
        (void)buf_add_str(&b, "{\"path\":\"/a\",\"component\":\"c\",\"evidence\":[],\"cves\":{");
        for (int i = 0; i < n; i++)
            (void)buf_addf(&b, "%s\"CVE-%d\":\"fixed\"", i ? "," : "", i);
        (void)buf_add_str(&b, "}}\n");
        findings_reader_init(&r, &events);
        assert_int_equal(findings_reader_add(&r, buf_slice(&b), NULL),
                         n <= LIMIT_FINDINGS_CVES ? OK : ST_MALFORMED);
        findings_reader_done(&r);
        buf_done(&b);
    }
    struct findings_reader r; /* a line without an end does not fill the memory */
    struct findings_events events = {NULL, no_finding, on_gap, keep_whole};
    struct err e = {0};
    static char much[1 << 20];
    memset(much, ' ', sizeof much);
    findings_reader_init(&r, &events);
    size_t took = 0;
    enum status s = OK;
    for (; s == OK && took < 2 * LIMIT_FINDINGS_SUMMARY; took += sizeof much)
        s = findings_reader_add(&r, slice_of(much, sizeof much), &e);
    assert_int_equal(s, ST_LIMIT);
    assert_int_equal(took, LIMIT_FINDINGS_SUMMARY + sizeof much);
    findings_reader_done(&r);
    events.ctx = &r; /* the number of findings, without reading a million */
    findings_reader_init(&r, &events);
    r.findings = LIMIT_FINDINGS - 1;
    assert_ok(findings_reader_add(&r, slice_str(FINDING), &e));
    assert_int_equal(findings_reader_add(&r, slice_str(FINDING), &e), ST_LIMIT);
    findings_reader_done(&r);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct err e = {0};
        failalloc_at(n);
        enum status s = read_pieces(slice_str(FINDING SUMMARY), 50, NULL, &e);
        if (!failalloc_hit()) {
            assert_ok(s);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(s, ST_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_scans),        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(broken_lines),       cmocka_unit_test(broken_summaries),
        cmocka_unit_test(what_covers_a_host), cmocka_unit_test(limits),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
