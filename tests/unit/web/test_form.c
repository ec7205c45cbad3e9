/* Forms: both kinds, in every cut, with every limit, and when memory runs out. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/form.h"
#include "failalloc.h"

struct seen {        /* what went to the sink */
    struct buf text; /* "field|name|content;" for each file */
    bool open;
};

static enum status sink_begin(void *ctx, struct slice field, struct slice name, struct err *e)
{
    struct seen *s = ctx;
    (void)e;
    assert_false(s->open);
    s->open = true;
    (void)buf_addf(&s->text, "%.*s|%.*s|", (int)field.n, (const char *)field.p, (int)name.n,
                   (const char *)name.p);
    return buf_status(&s->text);
}

static enum status sink_write(void *ctx, struct slice bytes, struct err *e)
{
    (void)e;
    return buf_add_slice(&((struct seen *)ctx)->text, bytes);
}

static enum status sink_end(void *ctx, struct err *e)
{
    struct seen *s = ctx;
    (void)e;
    s->open = false;
    return buf_add_char(&s->text, ';');
}

/* Parses in pieces of `step` bytes into "name=value&…" and the files. */
static enum status parse(const char *type, struct slice body, size_t step, bool files,
                         struct buf *fields, struct seen *seen)
{
    struct arena arena;
    struct form f = {0};
    struct form_sink sink = {seen, sink_begin, sink_write, sink_end};
    arena_init(&arena, MIB(16));
    enum status s = form_begin(&f, &arena, slice_str(type), files ? &sink : NULL, NULL);
    for (size_t at = 0; s == OK && at < body.n; at += step)
        s = form_feed(&f, slice_sub(body, at, step), NULL);
    if (s == OK)
        s = form_end(&f, NULL);
    for (size_t i = 0; i < f.count && s == OK; i++) {
        (void)buf_addf(fields, "%s", i ? "&" : "");
        (void)buf_add_slice(fields, f.fields[i].name);
        (void)buf_add_char(fields, '=');
        (void)buf_add_slice(fields, f.fields[i].value);
    }
    form_done(&f);
    arena_done(&arena);
    return s;
}

static void expect(const char *type, struct slice body, enum status want, const char *fields,
                   const char *files)
{
    for (size_t step = 1; step <= body.n + 1; step = step < 9            ? step + 1
                                                     : body.n + 1 > step ? body.n + 1
                                                                         : body.n + 2) {
        struct buf got;
        struct seen seen = {0};
        buf_init(&got, MIB(4));
        buf_init(&seen.text, MIB(4));
        enum status s = parse(type, body, step, true, &got, &seen);
        if (s != want)
            fail_msg("step %zu: %s, wanted %s: %.*s", step, status_name(s), status_name(want),
                     (int)body.n, (const char *)body.p);
        if (want == OK) {
            assert_string_equal(buf_text(&got), fields);
            assert_string_equal(buf_text(&seen.text), files);
        }
        buf_done(&got);
        buf_done(&seen.text);
    }
}

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=XX"

static void test_urlencoded(void **state)
{
    static const struct {
        const char *body;
        enum status status;
        const char *fields;
    } cases[] = {
        {"", OK, ""},
        {"a=1", OK, "a=1"},
        {"a=1&b=2&a=3", OK, "a=1&b=2&a=3"},
        {"&&a=1&&", OK, "a=1"},
        {"a", OK, "a="},
        {"a=", OK, "a="},
        {"=x", OK, "=x"},
        {"a=b=c", OK, "a=b=c"},
        {"a=b+c%20d", OK, "a=b c d"},
        {"%E5%8F%B0%E5%B8%B3=%e3%83%AD%E3%82%B0", OK, "台帳=ログ"},
        {"a=x%0D%0Ay%0Az%0Dw", OK, "a=x\ny\nz\nw"},
        {"a=%09", OK, "a=\t"},
        {"a=%", ST_MALFORMED, NULL},
        {"a=%4", ST_MALFORMED, NULL},
        {"a=%4&b=1", ST_MALFORMED, NULL},
        {"a=%zz", ST_MALFORMED, NULL},
        {"a=%00", ST_INVALID, NULL},
        {"a=%1b[31m", ST_INVALID, NULL},
        {"a=%ff", ST_INVALID, NULL},
        {"a=%c0%af", ST_INVALID, NULL},
        {"%00=a", ST_MALFORMED, NULL},
        {"a%0a=a", ST_MALFORMED, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(URLENCODED, slice_str(cases[i].body), cases[i].status, cases[i].fields, "");
}

#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name, file) \
    "Content-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\n\r\n"

static void test_multipart(void **state)
{
    static const struct {
        const char *body;
        enum status status;
        const char *fields, *files;
    } cases[] = {
        {"--XX--", OK, "", ""},
        {"--XX--\r\n", OK, "", ""},
        {"preamble\r\n--XX--epilogue", OK, "", ""},
        {"--XX\r\n" PART("a") "1\r\n--XX\r\n" PART("b") "2\r\n--XX--\r\n", OK, "a=1&b=2", ""},
        {"--XX  \r\n" PART("a") "\r\n--XX--", OK, "a=", ""},
        {"--XX\r\n" PART("a") "x\r\n--X\r\n\r\n--XX--", OK, "a=x\n--X\n", ""},
        {"--XX\r\n" PART("a") "x\r\n--XY\r\n--XX--", OK, "a=x\n--XY", ""},
        {"--XX\r\ncontent-disposition:form-data;name=a\r\n\r\n1\r\n--XX--", OK, "a=1", ""},
        {"--XX\r\nContent-Type: text/plain\r\n" PART("a") "1\r\n--XX--", OK, "a=1", ""},
        {"--XX\r\n" FILE_PART("f", "a.csv") "x\r\ny\r\n--XX--", OK, "", "f|a.csv|x\r\ny;"},
        {"--XX\r\n" FILE_PART("f", "") "\r\n--XX--", OK, "", ""},
        {"--XX\r\n" FILE_PART("f", "C:\\\\dir\\\\b.csv") "\r\n--XX--", OK, "", "f|b.csv|;"},
        {"--XX\r\n" FILE_PART("f", "../../etc/passwd") "1\r\n--XX--", OK, "", "f|passwd|1;"},
        {"--XX\r\n" FILE_PART("f", "a%22b\\\"c.csv") "\r\n--XX--", OK, "", "f|a\"b\"c.csv|;"},
        {"--XX\r\n" FILE_PART("f", "a%0Ab.csv") "\r\n--XX--", OK, "", "f|a_b.csv|;"},
        {"--XX\r\n" FILE_PART("f", "\xff.csv") "\r\n--XX--", OK, "", "f|file|;"},
        {"--XX\r\n" FILE_PART("f", "dir/") "\r\n--XX--", OK, "", ""},
        {"--XX\r\n" FILE_PART("f", "台帳.xlsx") "1\r\n--XX\r\n" PART("a") "2\r\n--XX--", OK, "a=2",
         "f|台帳.xlsx|1;"},
        /* parameters that only look like others */
        {"--XX\r\nContent-Disposition: form-data; filename*=x; "
         "name=\"a;name=b\"\r\n\r\n1\r\n--XX--",
         OK, "a;name=b=1", ""},
        {"--XX\r\nContent-Disposition: form-data; xname=\"b\"; name=\"a\"\r\n\r\n1\r\n--XX--", OK,
         "a=1", ""},
        {"", ST_MALFORMED, NULL, NULL},
        {"--XX", ST_MALFORMED, NULL, NULL},
        {"--XX\r\n" PART("a") "1", ST_MALFORMED, NULL, NULL},
        {"--XX\r\n" PART("a") "1\r\n--XX", ST_MALFORMED, NULL, NULL},
        {"--XXx\r\n" PART("a") "1\r\n--XX--", ST_MALFORMED, NULL, NULL},
        {"--XX\r\n\r\n1\r\n--XX--", ST_MALFORMED, NULL, NULL},
        {"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--", ST_MALFORMED, NULL, NULL},
        {"--XX\r\n" PART("a\xff") "1\r\n--XX--", ST_MALFORMED, NULL, NULL},
        {"--XX\r\nContent-Transfer-Encoding: base64\r\n" PART("a") "1\r\n--XX--", ST_UNSUPPORTED,
         NULL, NULL},
        {"--XX\r\n" PART("a") "\x01\r\n--XX--", ST_INVALID, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect(MULTIPART, slice_str(cases[i].body), cases[i].status, cases[i].fields,
               cases[i].files);
}

static void test_types(void **state)
{
    (void)state;
    struct arena a;
    struct form f;
    arena_init(&a, MIB(1));
    static const struct {
        const char *type;
        enum status status;
    } cases[] = {
        {"application/x-www-form-urlencoded; charset=utf-8", OK},
        {"APPLICATION/X-WWW-FORM-URLENCODED", OK},
        {"multipart/form-data; boundary=\"a b\"", OK},
        {"multipart/form-data; charset=x; BOUNDARY=abc", OK},
        {"multipart/form-data", ST_MALFORMED},
        {"multipart/form-data; boundary=", ST_MALFORMED},
        {"multipart/form-data; boundary=\"", ST_MALFORMED},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901", /* 71 */
         ST_MALFORMED},
        {"multipart/form-data; boundary="
         "1234567890123456789012345678901234567890123456789012345678901234567890",
         OK},
        {"multipart/mixed; boundary=x", ST_UNSUPPORTED},
        {"application/json", ST_UNSUPPORTED},
        {"", ST_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(form_begin(&f, &a, slice_str(cases[i].type), NULL, NULL), cases[i].status);
        form_done(&f);
    }
    arena_done(&a);
}

/* A body of `count` fields, `files` files, one name and one value of these lengths. */
static enum status with(size_t count, size_t files, size_t name, size_t value, bool multipart,
                        size_t times)
{
    struct buf body;
    struct buf got;
    struct seen seen = {0};
    buf_init(&body, MIB(8));
    buf_init(&got, MIB(8));
    buf_init(&seen.text, MIB(8));
    for (size_t i = 0; i < count; i++)
        (void)buf_add_str(&body, multipart ? "--XX\r\n" PART("a") "\r\n" : "a&");
    for (size_t i = 0; i < files; i++)
        (void)buf_add_str(&body, "--XX\r\n" FILE_PART("f", "g") "\r\n");
    for (size_t t = 0; t < times; t++) {
        if (multipart)
            (void)buf_add_str(&body, "--XX\r\nContent-Disposition: form-data; name=\"");
        for (size_t i = 0; i < name; i++)
            (void)buf_add_char(&body, 'n');
        (void)buf_add_str(&body, multipart ? "\"\r\n\r\n" : "=");
        for (size_t i = 0; i < value; i++)
            (void)buf_add_char(&body, 'v');
        (void)buf_add_str(&body, multipart ? "\r\n" : "&");
    }
    if (multipart)
        (void)buf_add_str(&body, "--XX--");
    assert_ok(buf_status(&body));
    enum status s =
        parse(multipart ? MULTIPART : URLENCODED, buf_slice(&body), 30000, true, &got, &seen);
    buf_done(&body);
    buf_done(&got);
    buf_done(&seen.text);
    return s;
}

static void test_limits(void **state)
{
    (void)state;
    for (int m = 0; m < 2; m++) {
        assert_ok(with(LIMIT_FORM_FIELDS - 1, 0, 1, 1, m, 1));
        assert_int_equal(with(LIMIT_FORM_FIELDS, 0, 1, 1, m, 1), ST_LIMIT);
        assert_ok(with(0, 0, LIMIT_FORM_NAME, 1, m, 1));
        assert_int_equal(with(0, 0, LIMIT_FORM_NAME + 1, 1, m, 1), ST_LIMIT);
        assert_int_equal(with(0, 0, LIMIT_FORM_NAME * 4, 1, m, 1), ST_LIMIT);
        assert_ok(with(0, 0, 1, LIMIT_FORM_VALUE, m, 1));
        assert_int_equal(with(0, 0, 1, LIMIT_FORM_VALUE + 1, m, 1),
                         m ? ST_LIMIT : OK); /* urlencoded: three raw bytes may be one */
        assert_int_equal(with(0, 0, 1, 3 * LIMIT_FORM_VALUE + 1, m, 1), ST_LIMIT);
        assert_int_equal(with(0, 0, 1, LIMIT_FORM_VALUE, m, 9), ST_LIMIT); /* all texts */
    }
    assert_ok(with(0, LIMIT_FORM_FILES, 1, 1, true, 0));
    assert_int_equal(with(0, LIMIT_FORM_FILES + 1, 1, 1, true, 0), ST_LIMIT);
}

static void test_header_limit(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct buf body;
        struct buf got;
        struct seen seen = {0};
        const char *rest = "\r\n" PART("a") "1\r\n--XX--";
        size_t fixed = strlen("X: ") + strlen("\r\n" PART("a"));
        buf_init(&body, KIB(16));
        buf_init(&got, KIB(16));
        buf_init(&seen.text, KIB(16));
        (void)buf_add_str(&body, "--XX\r\nX: ");
        for (size_t i = 0; i < LIMIT_FORM_HEADERS - fixed + (size_t)over; i++)
            (void)buf_add_char(&body, 'x');
        (void)buf_add_str(&body, rest);
        assert_int_equal(parse(MULTIPART, buf_slice(&body), 1000, true, &got, &seen),
                         over > 0 ? ST_LIMIT : OK);
        buf_done(&body);
        buf_done(&got);
        buf_done(&seen.text);
    }
}

static void test_no_files_here(void **state)
{
    (void)state;
    struct buf got;
    buf_init(&got, 100);
    assert_int_equal(parse(MULTIPART, slice_str("--XX\r\n" FILE_PART("f", "g") "\r\n--XX--"), 100,
                           false, &got, NULL),
                     ST_INVALID);
    buf_done(&got);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (int m = 0; m < 2; m++) {
        bool hit = true;
        for (unsigned long n = 1; hit; n++) {
            struct buf got;
            struct seen seen = {0};
            buf_init(&got, KIB(4));
            buf_init(&seen.text, KIB(4));
            failalloc_at(n);
            enum status s =
                m ? parse(MULTIPART,
                          slice_str("--XX\r\n" PART("a") "1\r\n--XX\r\n" PART("b") "2\r\n--XX--"),
                          7, true, &got, &seen)
                  : parse(URLENCODED, slice_str("a=1&b=2"), 3, true, &got, &seen);
            hit = failalloc_hit();
            if (!hit)
                assert_ok(s);
            buf_done(&got);
            buf_done(&seen.text);
        }
    }
}

static void test_segment(void **state)
{
    (void)state;
    struct arena a;
    struct slice s;
    arena_init(&a, KIB(64));
    assert_ok(form_decode_segment(&a, slice_str("a%20b+c"), &s));
    assert_slice_equal(s, "a b+c");
    static const char *const bad[] = {"%2F", "a%2fb", "%00", "%0a", "%09",
                                      "%zz", "%",     "%ff", "%0d"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_not_equal(form_decode_segment(&a, slice_str(bad[i]), &s), OK);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urlencoded),   cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_types),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_header_limit), cmocka_unit_test(test_no_files_here),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
