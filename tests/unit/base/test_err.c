/* An error is told in another language from the parts that it was made of. */
#include "unit.h"

#include "base/messages.h"

#include <errno.h>

struct pair {
    const char *format, *translated;
};

static const char *look_up(void *ctx, const char *format)
{
    for (const struct pair *p = ctx; p->format; p++)
        if (strcmp(p->format, format) == 0)
            return p->translated;
    return format;
}

static const struct pair words[] = {
    {"sheet %s, row %u", "シート%s %u 行"},
    {"%zu columns, at most %d", "列は %2$d 本まで(%1$zu 本あります)"},
    {"100%% of %.*s", "%.*s の 100%%"},
    {"%lld %lu %c %x %s", "%5$s %4$x %3$c %2$lu %1$lld"},
    {"cannot open %s", "%s を開けません"},
    {"No such file or directory", "ファイルがありません"},
    {"100%", "百パーセント"},
    {"hole", "%s %s"},
    {NULL, NULL},
};

static void told(const struct err *e, const char *expected)
{
    char out[200];
    size_t n = err_retell(e, look_up, (void *)(uintptr_t)words, out, sizeof(out));
    assert_string_equal(out, expected);
    assert_int_equal(n, strlen(expected));
}

static void parts_are_told_again(void **state)
{
    (void)state;
    struct err e = {0};
    told(&e, "");
    (void)err_set(&e, ST_LIMIT, "%zu columns, at most %d", (size_t)201, 200);
    told(&e, "列は 200 本まで(201 本あります)");
    err_prefix(&e, "sheet %s, row %u", "一\x1b覧", 7u);
    told(&e, "シート一?覧 7 行: 列は 200 本まで(201 本あります)");
    assert_string_equal(e.msg, "sheet 一?覧, row 7: 201 columns, at most 200");
    (void)err_set(&e, ST_LIMIT, "100%% of %.*s", 2, "abc");
    told(&e, "ab の 100%");
    (void)err_set(&e, ST_LIMIT, "%lld %lu %c %x %s", -5LL, 6ul, 'q', 255u, "");
    told(&e, " ff q 6 -5");
    errno = ENOENT;
    (void)err_set_errno(&e, ST_IO, "cannot open %s", "台帳");
    told(&e, "台帳 を開けません: ファイルがありません");
    (void)err_set_text(&e, ST_LIMIT, "100%");
    told(&e, "百パーセント");
    err_prefix(&e, "sheet %s, row %u", "一覧", 8u);
    told(&e, "シート一覧 8 行: 百パーセント");
    (void)err_set(&e, ST_IO, "not translated %s", "x");
    told(&e, "not translated x");
}

static void what_was_not_kept_is_not_told(void **state)
{
    (void)state;
    struct err e = {0};
    char out[200], small[8];
    (void)err_set(&e, ST_LIMIT, "%5d", 1); /* a width is not kept */
    told(&e, "");
    err_prefix(&e, "sheet %s, row %u", "a", 1u);
    told(&e, "");
    (void)err_set(&e, ST_LIMIT, "hole"); /* the translation wants more than there is */
    told(&e, "");
    char *large = calloc(1, 600);
    assert_non_null(large);
    memset(large, 'x', 599);
    (void)err_set(&e, ST_LIMIT, "cannot open %s", large);
    free(large);
    told(&e, "");
    (void)err_set(&e, ST_LIMIT, "1234567");
    assert_int_equal(err_retell(&e, look_up, (void *)(uintptr_t)words, small, 8), 7);
    (void)err_set(&e, ST_LIMIT, "12345678");
    assert_int_equal(err_retell(&e, look_up, (void *)(uintptr_t)words, small, 8), 0);
    assert_string_equal(small, "");
    for (int i = 0; i < 5; i++)
        err_prefix(&e, "p");
    told(&e, "p: p: p: p: p: 12345678");
    err_prefix(&e, "p"); /* more than is kept */
    assert_int_equal(err_retell(&e, look_up, (void *)(uintptr_t)words, out, sizeof(out)), 0);
}

static void linked_catalogues_are_used(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(messages_use_linked(&e));
    (void)err_set(&e, ST_MALFORMED, "the file is empty");
    assert_ok(messages_add_err(&out, LANG_JA, &e));
    assert_string_equal(buf_text(&out), "ファイルが空です");
    buf_clear(&out);
    assert_ok(messages_add_err(&out, LANG_EN, &e));
    assert_string_equal(buf_text(&out), "the file is empty");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_told_again),
        cmocka_unit_test(what_was_not_kept_is_not_told),
        cmocka_unit_test(linked_catalogues_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
