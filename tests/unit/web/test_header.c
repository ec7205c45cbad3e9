/* What request headers say: cookies, languages, hosts, forwarded addresses, ways back. */
#include "unit.h"

#include "board/web/header.h"

static void test_cookie(void **state)
{
    static const struct {
        const char *header, *want;
    } cases[] = {
        {"a=1", "1"},
        {"b=2; a=1", "1"},
        {"a=1; a=2", "1"},
        {"a=", ""},
        {"a=x=y", "x=y"},
        {"xa=1", NULL},
        {"ab=1", NULL},
        {"A=1", NULL},
        {"", NULL},
        {";;;", NULL},
        {"a", NULL},
        {"b=\"a=1\"", NULL},
        {"  b=2 ;  a=1  ", "1"},
        {"b=;a=7", "7"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice got = {0};
        assert_int_equal(header_cookie(slice_str(cases[i].header), "a", &got),
                         cases[i].want != NULL);
        if (cases[i].want)
            assert_slice_equal(got, cases[i].want);
    }
}

static void test_language(void **state)
{
    static const struct {
        const char *header;
        enum lang want;
    } cases[] = {
        {"", LANG_EN},
        {"ja", LANG_JA},
        {"ja-JP,ja;q=0.9,en;q=0.8", LANG_JA},
        {"en-US,en;q=0.9,ja;q=0.8", LANG_EN},
        {"en;q=0.1, ja;q=0.2", LANG_JA},
        {"fr, de;q=0.9", LANG_EN},
        {"fr, ja;q=0.001", LANG_JA},
        {"ja;q=0, en;q=0.1", LANG_EN},
        {"ja;q=2", LANG_EN},
        {"ja;q=x", LANG_EN},
        {"jam", LANG_EN},
        {"JA", LANG_JA},
        {";q=1,,;", LANG_EN},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(header_language(slice_str(cases[i].header), LANG_EN), cases[i].want);
}

static void test_host(void **state)
{
    static const struct {
        const char *header, *host, *port;
        bool address;
    } cases[] = {
        {"board.example", "board.example", "", false},
        {"board.example:8750", "board.example", "8750", false},
        {"127.0.0.1:80", "127.0.0.1", "80", true},
        {"[::1]", "::1", "", true},
        {"[::1]:8750", "::1", "8750", true},
        {"a_b-c.d", "a_b-c.d", "", false},
        {"", NULL, NULL, false},
        {":80", NULL, NULL, false},
        {"a:", "a", "", false},
        {"a:0", NULL, NULL, false},
        {"a:65536", NULL, NULL, false},
        {"a:b", NULL, NULL, false},
        {"a/b", NULL, NULL, false},
        {"a@b", NULL, NULL, false},
        {"a b", NULL, NULL, false},
        {"[::1", NULL, NULL, false},
        {"[::1]x", NULL, NULL, false},
        {"[a.example]", NULL, NULL, false},
        {"\xe5\x8f\xb0.example", NULL, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice host;
        struct slice port;
        bool ok = header_host(slice_str(cases[i].header), &host, &port);
        assert_int_equal(ok, cases[i].host != NULL);
        if (ok) {
            assert_slice_equal(host, cases[i].host);
            assert_slice_equal(port, cases[i].port);
            assert_int_equal(header_host_is_address(host), cases[i].address);
        }
    }
    assert_false(header_host_is_address(slice_str("1.2.3")));
    assert_false(header_host_is_address(slice_str("127.0.0.1.evil.example")));
    assert_false(header_host_is_address(slice_str("0x7f000001")));
}

static bool ours(void *ctx, const char *address)
{
    (void)ctx;
    return strncmp(address, "10.", 3) == 0;
}

static void test_forwarded(void **state)
{
    static const struct {
        const char *peer, *header, *want;
    } cases[] = {
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5", "203.0.113.5"},
        {"10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"}, /* what the client itself wrote */
        {"10.0.0.1", "203.0.113.5, 10.0.0.2", "203.0.113.5"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "nonsense", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5, nonsense", "10.0.0.1"},
        {"10.0.0.1", "2001:db8::7", "2001:db8::7"},
        {"203.0.113.9", "1.2.3.4", "203.0.113.9"}, /* not from a proxy of ours */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        header_forwarded(slice_str(cases[i].header), cases[i].peer, ours, NULL, out);
        assert_string_equal(out, cases[i].want);
    }
}

static void test_way_back(void **state)
{
    static const struct {
        const char *path;
        bool own;
    } cases[] = {
        {"/", true},
        {"/incidents/1/ledger?q=a%20b#x", true},
        {"", false},
        {"//evil.example", false},
        {"/\\evil.example", false},
        {"https://evil.example", false},
        {"a", false},
        {"/a\nb", false},
        {"/a b", false},
        {"/a\\b", false},
        {"/\xe5", false},
        {"javascript:alert(1)", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(header_is_own_path(slice_str(cases[i].path)), cases[i].own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cookie),   cmocka_unit_test(test_language),
        cmocka_unit_test(test_host),     cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
