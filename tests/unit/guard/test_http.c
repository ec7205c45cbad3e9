/* Requests as text: what is taken, what is refused, limits, and paths as a server compares them.
 * tests/e2e/test_guard_cli.py has the errors with their offsets. */
#include "unit.h"

#include "failalloc.h"
#include "guard/http.h"

static enum status next(struct slice whole, struct slice *rest, struct http_request *q)
{
    struct err e = {0};
    return http_request_next(whole, rest, q, &e);
}

static void requests(void **state)
{
    (void)state;
    struct slice whole = SLICE_LIT("\r\nGET http://A.example:80?q=1 HTTP/1.1\r\nHost: other\r\n\r\n"
                                   "POST /a/b?c?d HTTP/1.1\nhost:\tb \nTransfer-Encoding: Chunked\n"
                                   "Content-Type: text/plain\n\n"
                                   "a;x=1\r\n0123456789\r\n1\nx\n000\nLate: 1\n\n"
                                   "OPTIONS * HTTP/1.0\n\n");
    struct slice rest = whole;
    struct http_request q;
    assert_ok(next(whole, &rest, &q));
    assert_slice_equal(q.method, "GET");
    assert_slice_equal(q.host, "A.example:80");
    assert_slice_equal(q.path, "/");
    assert_slice_equal(q.query, "q=1");
    assert_false(q.has_body);
    http_request_done(&q);
    assert_ok(next(whole, &rest, &q));
    assert_slice_equal(q.path, "/a/b");
    assert_slice_equal(q.query, "c?d");
    assert_slice_equal(q.host, "b");
    assert_slice_equal(q.content_type, "text/plain");
    assert_true(q.has_body);
    assert_slice_equal(buf_slice(&q.body), "0123456789x");
    assert_int_equal(q.field_count, 4);
    assert_slice_equal(q.fields[3].name, "Late");
    http_request_done(&q);
    assert_ok(next(whole, &rest, &q));
    assert_slice_equal(q.path, "*");
    assert_int_equal(q.host.n, 0);
    http_request_done(&q);
    assert_int_equal(next(whole, &rest, &q), ST_END);
    http_request_done(&q);
}

/* A request that is cut anywhere is no request, and no byte behind it is read. */
static void torn(void **state)
{
    (void)state;
    static const char text[] = "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n ? n : 1);
        struct http_request q;
        assert_non_null(copy);
        memcpy(copy, text, n);
        struct slice whole = slice_of(copy, n), rest = whole;
        enum status st = next(whole, &rest, &q);
        assert_int_equal(st, n == 0 ? ST_END : n == sizeof text - 1 ? OK : ST_MALFORMED);
        http_request_done(&q);
        free(copy);
    }
}

static enum status parsed(struct buf *b)
{
    struct http_request q;
    struct slice rest = buf_slice(b);
    enum status st = next(buf_slice(b), &rest, &q);
    http_request_done(&q);
    buf_clear(b);
    return st;
}

static void limits(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, MIB(1));
    for (size_t d = 0; d < 3; d++) {
        enum status want = d < 2 ? OK : ST_LIMIT;
        /* the head without its last line end */
        (void)buf_add_str(&b, "GET / HTTP/1.0\nA: ");
        while (b.n < LIMIT_GUARD_HTTP_HEAD - 2 + d)
            (void)buf_add_char(&b, 'x');
        (void)buf_add_str(&b, "\n\n");
        assert_int_equal(parsed(&b), want);
        (void)buf_add_str(&b, "GET / HTTP/1.0\n");
        for (size_t i = 0; i < LIMIT_GUARD_HTTP_FIELDS - 1 + d; i++)
            (void)buf_add_str(&b, "A: b\n");
        (void)buf_add_str(&b, "\n");
        assert_int_equal(parsed(&b), want);
    }
    buf_done(&b);
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a//b/", "/a/b/"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/a/..", "/"},
        {"/../../a", "/a"},
        {"/a/b/../", "/a/"},
        {"/%61%2Fb", "/a/b"},
        {"/a/%2e%2E/c", "/c"},
        {"/a%zz%", "/a%zz%"},
        {"*", "*"},
        {"", ""},
        {"/a/...", "/a/..."},
        {"/..a", "/..a"},
        {"/a/b/.", "/a/b/"},
        {"/%252e", "/%2e"},
        {"/a/b/../../../c", "/c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 64);
        assert_ok(http_path_normal(slice_str(cases[i].path), &b));
        if (strcmp(buf_text(&b), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].path, buf_text(&b));
        buf_done(&b);
    }
}

static void no_memory(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct slice whole = SLICE_LIT("POST / HTTP/1.0\nContent-Length: 2\n\nab"), rest = whole;
        struct http_request q;
        struct buf b;
        buf_init(&b, 64);
        failalloc_at(n);
        enum status st = next(whole, &rest, &q);
        if (st == OK)
            st = http_path_normal(SLICE_LIT("/a/b"), &b);
        bool hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        http_request_done(&q);
        buf_done(&b);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests), cmocka_unit_test(torn),      cmocka_unit_test(limits),
        cmocka_unit_test(paths),    cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
