/* UTF-8, texts for people, times, catalogues and files. */
#include "unit.h"

#include "base/file.h"
#include "base/messages.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/utf8.h"

#include <sys/stat.h>
#include <unistd.h>

static void utf8_refuses_every_malformed_class(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t bad_at;
    } cases[] = {
        {"a\x80", 1},                 /* continuation alone */
        {"\xc0\xaf", 0},              /* overlong, 2 bytes */
        {"\xc1\xbf", 0},              /* the same, last */
        {"\xe0\x9f\xbf", 0},          /* overlong, 3 bytes */
        {"\xf0\x8f\xbf\xbf", 0},      /* overlong, 4 bytes */
        {"\xed\xa0\x80", 0},          /* first surrogate */
        {"\xed\xbf\xbf", 0},          /* last surrogate */
        {"\xf4\x90\x80\x80", 0},      /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},      /* no such lead byte */
        {"ab\xff", 2},                /* never a byte of UTF-8 */
        {"\xe7\x81", 0},              /* torn at the end */
        {"\xe7\x81\xab\xe7\x81x", 3}, /* torn in the middle */
        {"\xf0\x9f\x9a", 0},          /* torn, 4 bytes */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t at = 99;
        assert_false(utf8_valid(slice_str(cases[i].in), &at));
        assert_int_equal(at, cases[i].bad_at);
    }
    assert_true(utf8_valid(slice_str("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"), NULL));
    assert_true(utf8_valid(slice_of("\0", 1), NULL));
    assert_true(utf8_valid((struct slice){NULL, 0}, NULL));
}

static void utf8_comes_back(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0,      0x7f,   0x80,   0x7ff,   0x800,   0xd7ff,
                                     0xe000, 0xfffd, 0xffff, 0x10000, 0x10ffff};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        uint8_t out[4];
        size_t n = utf8_encode(edges[i], out);
        size_t took = 0;
        bool ok = false;
        assert_int_equal(utf8_decode(slice_of(out, n), &took, &ok), edges[i]);
        assert_true(ok && took == n);
    }
    struct slice s = SLICE_LIT("a\xe7\x81\xab"); /* cut only between a and the next character */
    assert_int_equal(utf8_floor(s, 0), 0);
    assert_int_equal(utf8_floor(s, 1), 1);
    assert_int_equal(utf8_floor(s, 2), 1);
    assert_int_equal(utf8_floor(s, 3), 1);
    assert_int_equal(utf8_floor(s, 4), 4);
}

static void text_is_made_harmless(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        size_t columns;
    } cases[] = {
        {"plain", "plain", 5},
        {"\x1b[2J", "\\x1b[2J", 7},
        {"\xe7\x81\xab", "\xe7\x81\xab", 2},
        {"a\xff", "a\\xff", 5},
        {"\xe2\x80\xae", "\\u202e", 6},
        {"\xc2\x9b", "\\u009b", 6},
        {"", "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 256);
        assert_ok(text_add_escaped(&b, slice_str(cases[i].in)));
        assert_string_equal(buf_text(&b), cases[i].out);
        assert_int_equal(text_columns(slice_str(cases[i].in)), cases[i].columns);
        buf_clear(&b);
        assert_ok(text_add_padded(&b, slice_str(cases[i].in), 8));
        assert_int_equal(text_columns(buf_slice(&b)), 8);
        buf_done(&b);
    }
}

static void lines_are_parted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t room;
        const char *line;
    } cases[] = {
        {"", 4, ""},
        {"one two", 7, "one two"},
        {"one two", 6, "one"},
        {"one two", 3, "one"},
        {"one two", 2, "on"}, /* a word that is longer than a line */
        {"one   two", 4, "one"},
        {"ab 火の", 4, "ab"},
        {" one", 2, " o"},
        {"火の用心", 8, "火の用心"},
        {"火の用心", 7, "火の用"},
        {"ab火の", 3, "ab"}, /* beside wide characters, on both sides */
        {"火ab", 3, "火"},
        {"火の用。心", 7, "火の"}, /* the mark goes along with what it closes */
        {"火の(用)心", 9, "火の(用)"},
        {"火の」心", 5, "火"},
        {"火", 1, "火"},
        {"a\x1b"
         "b",
         4, "a"}, /* as wide as it is escaped */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = text_line(slice_str(cases[i].text), cases[i].room);
        struct slice line = slice_sub(slice_str(cases[i].text), 0, n);
        if (!slice_eq_str(line, cases[i].line))
            fail_msg("\"%s\" in %zu: \"%.*s\"", cases[i].text, cases[i].room, (int)n,
                     cases[i].text);
    }
}

static void times_of_rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status s;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", OK, 0},
        {"1969-12-31T23:59:59.999Z", OK, -1},
        {"2021-12-10T18:12:33+09:00", OK, 1639127553000},
        {"2021-12-10t09:12:33.12z", OK, 1639127553120},
        {"2000-02-29T00:00:00Z", OK, 951782400000},
        {"1900-02-29T00:00:00Z", ST_MALFORMED, 0},
        {"2021-13-01T00:00:00Z", ST_MALFORMED, 0},
        {"2021-12-10T24:00:00Z", ST_MALFORMED, 0},
        {"2021-12-10T09:12:33", ST_MALFORMED, 0},
        {"2021-12-10T09:12:33.Z", ST_MALFORMED, 0},
        {"2021-12-10T09:12:33+24:00", ST_MALFORMED, 0},
        {"2021-12-10T09:12:33Z ", ST_MALFORMED, 0},
        {"0000-01-01T00:00:00Z", ST_MALFORMED, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 0;
        assert_int_equal(time_parse_rfc3339(slice_str(cases[i].text), &ms), cases[i].s);
        assert_true(ms == cases[i].ms);
    }
    const char *whole = "2021-12-10T09:12:33.120Z";
    int64_t ms;
    for (size_t n = 0; n < strlen(whole); n++)
        assert_int_equal(time_parse_rfc3339(slice_of(whole, n), &ms), ST_MALFORMED);
    char out[TIME_RFC3339_SIZE];
    time_format_utc(1639127553120, out);
    assert_string_equal(out, whole);
    assert_int_equal(civil_weekday(2021, 12, 10), 5);
    assert_true(civil_date_valid(2024, 2, 29) && !civil_date_valid(2023, 2, 29));
}

/* One entry ("one" -> "uno"), little-endian, laid out by hand after the gettext manual. */
static const uint8_t catalogue[] = {0xde, 0x12, 0x04, 0x95, 0, 0,   0,   0,   1, 0,   0,   0,   28,
                                    0,    0,    0,    36,   0, 0,   0,   0,   0, 0,   0,   0,   0,
                                    0,    0,    3,    0,    0, 0,   44,  0,   0, 0,   3,   0,   0,
                                    0,    48,   0,    0,    0, 'o', 'n', 'e', 0, 'u', 'n', 'o', 0};

static void catalogues_cut_anywhere(void **state)
{
    (void)state;
    struct err e;
    for (size_t n = 0; n < sizeof catalogue; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* exact, so that a sanitizer sees a read past it */
        assert_non_null(cut);
        memcpy(cut, catalogue, n);
        assert_int_equal(messages_use(LANG_JA, slice_of(cut, n), &e), ST_MALFORMED);
        free(cut);
        assert_string_equal(messages_get(LANG_JA, "one"), "one"); /* what was there stays */
    }
    assert_ok(messages_use(LANG_JA, slice_of(catalogue, sizeof catalogue), &e));
    assert_string_equal(messages_get(LANG_JA, "one"), "uno");
    assert_string_equal(messages_get(LANG_JA, "two"), "two");
    assert_string_equal(messages_get(LANG_EN, "one"), "one");
    assert_string_equal(messages_get_ctx(LANG_JA, "x", "one"), "one");
    assert_int_equal(lang_from("ja_JP.UTF-8"), LANG_JA);
    assert_int_equal(lang_from("jam"), LANG_EN);
    assert_int_equal(lang_from(NULL), LANG_EN);
}

static void files_appear_whole_or_not_at_all(void **state)
{
    (void)state;
    char dir[] = "/tmp/hikeshi-test.XXXXXX";
    char path[64];
    char missing[64];
    struct err e;
    struct buf b;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    (void)snprintf(missing, sizeof missing, "%s/none/file", dir);
    assert_ok(file_write_atomic(path, SLICE_LIT("old"), 0600, &e));
    assert_ok(file_write_atomic(path, SLICE_LIT("newer"), 0640, &e));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(file_write_atomic(missing, SLICE_LIT("x"), 0600, &e), ST_IO);
    static const struct {
        size_t max;
        enum status s;
    } limits[] = {{4, ST_LIMIT}, {5, OK}, {6, OK}};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        buf_init(&b, limits[i].max);
        assert_int_equal(file_read_all(path, &b, &e), limits[i].s);
        if (limits[i].s == OK)
            assert_slice_equal(buf_slice(&b), "newer");
        buf_done(&b);
    }
    buf_init(&b, 10);
    assert_int_equal(file_read_all(missing, &b, &e), ST_NOT_FOUND);
    assert_non_null(strstr(e.msg, missing));
    assert_int_equal(file_read_all(dir, &b, &e), ST_IO);
    buf_done(&b);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* no temporary file was left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_refuses_every_malformed_class),
        cmocka_unit_test(utf8_comes_back),
        cmocka_unit_test(text_is_made_harmless),
        cmocka_unit_test(lines_are_parted),
        cmocka_unit_test(times_of_rfc3339),
        cmocka_unit_test(catalogues_cut_anywhere),
        cmocka_unit_test(files_appear_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
