/* The table of routes: the real one keeps its rules, broken ones are refused, and paths find their
 * row. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/route.h"

static enum status nothing(struct web_request *r, struct web_response *res, struct err *e)
{
    (void)r;
    (void)res;
    (void)e;
    return OK;
}

#define ROW(method, pattern, limit)                                    \
    {                                                                  \
        method, pattern, ROLES_READ, limit, 0, nothing, "what it does" \
    }

static void test_the_real_table(void **state)
{
    struct err e = {0};
    (void)state;
    if (route_check(web_routes, &e) != OK)
        fail_msg("%s", e.msg);
}

static void test_broken_rows(void **state)
{
    static const struct {
        struct web_route row;
        const char *word;
    } cases[] = {
        {ROW(WEB_GET | WEB_POST, "/a", 0), "one method"},
        {ROW(WEB_GET, "a", 0), "pattern"},
        {ROW(WEB_GET, "/a/", 0), "pattern"},
        {ROW(WEB_GET, "/a//b", 0), "pattern"},
        {ROW(WEB_GET, "/:x", 0), "pattern"},
        {ROW(WEB_GET, "/:n/:n/:n/:n/:n", 0), "pattern"},
        {ROW(WEB_GET, "/a?b", 0), "pattern"},
        {ROW(WEB_GET, "/a", 1), "body limit"},
        {ROW(WEB_POST, "/a", 0), "body limit"},
        {{WEB_GET, "/a", ROLES_READ, 0, 0, NULL, "what it does"}, "handler"},
        {{WEB_GET, "/a", ROLES_READ, 0, 0, nothing, NULL}, "summary"},
        {{WEB_GET, "/a", ROLE_HOST, 0, 0, nothing, "what it does"}, "ROUTE_HOST"},
        {{WEB_GET, "/a", ROLES_READ, 0, ROUTE_HOST, nothing, "what it does"}, "API only"},
        {{WEB_GET, "/a", ROLES_READ, 0, ROUTE_NO_DB, nothing, "what it does"}, "everybody"},
        {{WEB_GET, "/a", ROLES_READ, 0, ROUTE_SETUP, nothing, "what it does"}, "no roles"},
        {{WEB_POST, "/a", ROLES_READ, LIMIT_JSON_BODY + 1, ROUTE_API, nothing, "what it does"},
         "streamed"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct web_route rows[] = {cases[i].row, {0}};
        const struct web_route *const lists[] = {rows, NULL};
        struct err e = {0};
        assert_int_equal(route_check(lists, &e), ST_INVALID);
        if (!strstr(e.msg, cases[i].word))
            fail_msg("%s: wanted %s", e.msg, cases[i].word);
    }
    const struct web_route one[] = {ROW(WEB_GET, "/a", 0), {0}};
    const struct web_route two[] = {ROW(WEB_POST, "/a", 9), ROW(WEB_GET, "/a", 0), {0}};
    const struct web_route *const twice[] = {one, two, NULL};
    assert_int_equal(route_check(twice, NULL), ST_INVALID);
}

static void test_find(void **state)
{
    const struct web_route rows[] = {
        ROW(WEB_GET, "/", 0),
        ROW(WEB_GET, "/a/:n", 0),
        ROW(WEB_GET, "/a/new", 0),
        ROW(WEB_POST, "/a/:n", 10),
        ROW(WEB_GET, "/a/:n/b/:n", 0),
        ROW(WEB_GET, "/w/:w", 0),
        {0},
    };
    const struct web_route *const lists[] = {rows, NULL};
    static const struct {
        const char *path;
        enum web_method method;
        int row; /* -1: none */
        unsigned allow;
        int64_t id0, id1;
    } cases[] = {
        {"/", WEB_GET, 0, WEB_GET, 0, 0},
        {"/a/7", WEB_GET, 1, WEB_GET | WEB_POST, 7, 0},
        {"/a/new", WEB_GET, 2, WEB_GET, 0, 0},
        {"/a/new", WEB_POST, -1, WEB_GET, 0, 0},
        {"/a/7", WEB_POST, 3, WEB_GET | WEB_POST, 7, 0},
        {"/a/7", WEB_PUT, -1, WEB_GET | WEB_POST, 0, 0},
        {"/a/1/b/9223372036854775807", WEB_GET, 4, WEB_GET, 1, INT64_MAX},
        {"/a/1/b/9223372036854775808", WEB_GET, -1, 0, 0, 0},
        {"/a/0", WEB_GET, -1, 0, 0, 0},
        {"/a/-1", WEB_GET, -1, 0, 0, 0},
        {"/a/+1", WEB_GET, -1, 0, 0, 0},
        {"/a/01", WEB_GET, -1, 0, 0, 0},
        {"/a/1/", WEB_GET, -1, 0, 0, 0},
        {"/a", WEB_GET, -1, 0, 0, 0},
        {"/a/1/b", WEB_GET, -1, 0, 0, 0},
        {"/A/1", WEB_GET, -1, 0, 0, 0},
        {"/w/", WEB_GET, -1, 0, 0, 0},
        {"//", WEB_GET, -1, 0, 0, 0},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, KIB(64));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match m;
        assert_ok(route_find(lists, cases[i].method, slice_str(cases[i].path), &arena, &m));
        if (m.route != (cases[i].row < 0 ? NULL : &rows[cases[i].row]))
            fail_msg("%s: %s", cases[i].path, m.route ? m.route->pattern : "none");
        assert_int_equal(m.allow, cases[i].allow);
        if (m.route) {
            assert_int_equal(m.id[0], cases[i].id0);
            assert_int_equal(m.id[1], cases[i].id1);
        }
    }
    struct route_match m;
    assert_ok(route_find(lists, WEB_GET, slice_str("/w/%E5%8F%B0%20x"), &arena, &m));
    assert_slice_equal(m.word[0], "台 x");
    static const char *const broken[] = {"", "a", "/w/%zz", "/w/%2f", "/w/%00", "/w/%ff"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        assert_int_not_equal(route_find(lists, WEB_GET, slice_str(broken[i]), &arena, &m), OK);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_real_table),
        cmocka_unit_test(test_broken_rows),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
