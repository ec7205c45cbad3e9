/* Names of fields: written for events, read from rules. */
#include "unit.h"

#include "base/limits.h"
#include "guard/field.h"

static const struct {
    const char *text;
    enum guard_part part;
    const char *name;
    bool any_rest;
} fields[] = {
    {"method", GUARD_METHOD, "", false},
    {"uri", GUARD_URI, "", false},
    {"body", GUARD_BODY, "", false},
    {"arg:q", GUARD_ARG, "q", false},
    {"arg:*", GUARD_ARG, "", true},
    {"arg:a:b", GUARD_ARG, "a:b", false},
    {"header:x-*", GUARD_HEADER, "x-", true},
    {"header:user-agent", GUARD_HEADER, "user-agent", false},
    {"cookie:SID", GUARD_COOKIE, "SID", false},
    {"form:name", GUARD_FORM, "name", false},
    {"form:\xe6\xb0\x8f\xe5\x90\x8d", GUARD_FORM, "\xe6\xb0\x8f\xe5\x90\x8d", false},
    {"file:upload", GUARD_FILE, "upload", false},
    {"json:", GUARD_JSON, "", false},
    {"json:/a/0/b", GUARD_JSON, "/a/0/b", false},
    {"json:*", GUARD_JSON, "", true},
    {"xml:order/note/@id", GUARD_XML, "order/note/@id", false},
};

static void test_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct guard_field f = {.part = GUARD_BODY, .in_name = true};
        bool any_rest = !fields[i].any_rest;
        struct err e = {0};
        struct buf b;
        assert_ok(guard_field_parse(slice_str(fields[i].text), &f, &any_rest, &e));
        assert_int_equal(f.part, fields[i].part);
        assert_slice_equal(f.name, fields[i].name);
        assert_int_equal(any_rest, fields[i].any_rest);
        assert_false(f.in_name);
        buf_init(&b, 1000);
        assert_ok(guard_field_write(&f, &b));
        if (any_rest)
            (void)buf_add_char(&b, '*');
        assert_string_equal(buf_text(&b), fields[i].text);
        buf_done(&b);
    }
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",      "args:q",  "arg",        "arg:",          "arg:a*b",   "arg:**",      "uri:/x",
        "body:", "header:", "header:X-A", "header:x\x01y", "form:\xff", "json:a/b",    "json:a*",
        "Arg:q", "arg :q",  " arg:q",     "xml:",          "method:a",  "cookie:\x7f", "form:a\nb",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct guard_field f = {.part = GUARD_XML};
        bool any_rest = true;
        struct err e = {0};
        if (guard_field_parse(slice_str(wrong[i]), &f, &any_rest, &e) != ST_INVALID)
            fail_msg("\"%s\" was read", wrong[i]);
        assert_true(strlen(e.msg) > 10);
        assert_int_equal(f.part, GUARD_XML); /* untouched */
    }
}

static void test_long_names(void **state)
{
    char text[LIMIT_GUARD_FIELD_NAME + 10];
    (void)state;
    for (size_t n = LIMIT_GUARD_FIELD_NAME - 1; n <= LIMIT_GUARD_FIELD_NAME + 1; n++) {
        struct guard_field f = {0};
        bool any_rest;
        struct buf b;
        (void)snprintf(text, sizeof text, "arg:");
        memset(text + 4, 'x', n);
        struct slice s = slice_of(text, n + 4);
        assert_int_equal(guard_field_parse(s, &f, &any_rest, NULL),
                         n > LIMIT_GUARD_FIELD_NAME ? ST_INVALID : OK);
        f = (struct guard_field){.part = GUARD_ARG, .name = slice_sub(s, 4, n)};
        buf_init(&b, 1000);
        assert_ok(guard_field_write(&f, &b));
        assert_int_equal(b.n, 4 + (n < LIMIT_GUARD_FIELD_NAME ? n : LIMIT_GUARD_FIELD_NAME));
        buf_done(&b);
    }
}

static void test_escaped(void **state)
{
    static const struct {
        struct slice name;
        const char *want;
    } names[] = {
        {SLICE_LIT("a\nb"), "arg:a\\x0ab"},
        {SLICE_LIT("\x1b[2J"), "arg:\\x1b[2J"},
        {SLICE_LIT("\xff\0"), "arg:\\xff\\x00"},
        {SLICE_LIT("\xe2\x80\xae"), "arg:\\u202e"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct guard_field f = {.part = GUARD_ARG, .name = names[i].name};
        struct buf b;
        buf_init(&b, 1000);
        assert_ok(guard_field_write(&f, &b));
        assert_string_equal(buf_text(&b), names[i].want);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_and_written),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
