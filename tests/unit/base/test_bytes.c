/* Readers, slices, buffers and arenas: their edges, and what holds when memory runs out. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/reader.h"

#include "failalloc.h"

static void readers_stop_at_every_cut(void **state)
{
    (void)state;
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t n = 0; n <= sizeof in; n++) {
        struct reader r = reader_of(slice_of(in, n));
        uint8_t u8 = 9;
        uint16_t u16 = 9;
        uint32_t u32 = 9;
        uint64_t u64 = 9;
        struct slice s = SLICE_LIT("kept");
        assert_int_equal(get_u64le(&r, &u64), n >= 8 ? OK : ST_MALFORMED);
        assert_true(u64 == (n >= 8 ? 0x0807060504030201u : 9u));
        assert_int_equal(r.at, n >= 8 ? 8 : 0); /* a refused read does not move */
        r.at = 0;
        assert_int_equal(get_u32le(&r, &u32), n >= 4 ? OK : ST_MALFORMED);
        assert_int_equal(u32, n >= 4 ? 0x04030201 : 9);
        r.at = 0;
        assert_int_equal(get_u32be(&r, &u32), n >= 4 ? OK : ST_MALFORMED);
        assert_int_equal(u32, n >= 4 ? 0x01020304 : 9);
        r.at = 0;
        assert_int_equal(get_u16le(&r, &u16), n >= 2 ? OK : ST_MALFORMED);
        assert_int_equal(u16, n >= 2 ? 0x0201 : 9);
        r.at = 0;
        assert_int_equal(get_u16be(&r, &u16), n >= 2 ? OK : ST_MALFORMED);
        assert_int_equal(u16, n >= 2 ? 0x0102 : 9);
        r.at = 0;
        assert_int_equal(get_u8(&r, &u8), n >= 1 ? OK : ST_MALFORMED);
        r.at = 0;
        assert_int_equal(get_bytes(&r, 5, &s), n >= 5 ? OK : ST_MALFORMED);
        assert_int_equal(s.n, n >= 5 ? 5 : 4);
        r.at = 0;
        assert_int_equal(skip_bytes(&r, n), OK);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(skip_bytes(&r, 1), ST_MALFORMED);
        assert_int_equal(skip_bytes(&r, SIZE_MAX), ST_MALFORMED);
    }
}

static void slices_at_their_ends(void **state)
{
    (void)state;
    struct slice s = SLICE_LIT("abcabc");
    struct slice none = {NULL, 0};
    assert_slice_equal(slice_sub(s, 4, 9), "bc");
    assert_slice_equal(slice_sub(s, 6, 1), "");
    assert_slice_equal(slice_sub(s, SIZE_MAX, SIZE_MAX), "");
    assert_slice_equal(slice_sub(none, 3, 3), "");
    assert_true(slice_eq(none, SLICE_LIT("")));
    assert_true(slice_starts(s, none) && slice_ends(s, none));
    assert_false(slice_starts(none, s) || slice_ends(none, s));
    assert_int_equal(slice_find(s, SLICE_LIT("ca")), 2);
    assert_int_equal(slice_find(s, SLICE_LIT("cb")), 6);
    assert_int_equal(slice_index(none, 'a'), 0);
    assert_int_equal(slice_behind_last(s, 'b'), 5);
    assert_int_equal(slice_behind_last(s, 'c'), 6);
    assert_int_equal(slice_behind_last(s, 'x'), 0);
    assert_int_equal(slice_behind_last(none, 'a'), 0);
    assert_slice_equal(slice_trim(SLICE_LIT(" \t a b\r\n")), "a b");
    assert_slice_equal(slice_trim(SLICE_LIT(" \n ")), "");
}

static void lines_and_fields(void **state)
{
    (void)state;
    struct slice rest = SLICE_LIT("a\r\n\nlast");
    struct slice got;
    static const char *const lines[] = {"a", "", "last"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_true(slice_next_line(&rest, &got));
        assert_slice_equal(got, lines[i]);
    }
    assert_false(slice_next_line(&rest, &got));
    rest = SLICE_LIT("a,,b,");
    static const char *const fields[] = {"a", "", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        assert_true(slice_next_field(&rest, ',', &got));
        assert_slice_equal(got, fields[i]);
    }
    assert_false(slice_next_field(&rest, ',', &got));
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status u, i;
    } cases[] = {
        {"", ST_MALFORMED, ST_MALFORMED},
        {"-", ST_MALFORMED, ST_MALFORMED},
        {"0", OK, OK},
        {"-0", ST_MALFORMED, OK},
        {"+1", ST_MALFORMED, ST_MALFORMED},
        {"1 ", ST_MALFORMED, ST_MALFORMED},
        {"9223372036854775807", OK, OK},
        {"9223372036854775808", OK, ST_MALFORMED},
        {"-9223372036854775808", ST_MALFORMED, OK},
        {"-9223372036854775809", ST_MALFORMED, ST_MALFORMED},
        {"18446744073709551615", OK, ST_MALFORMED},
        {"18446744073709551616", ST_MALFORMED, ST_MALFORMED},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        uint64_t u;
        int64_t i;
        assert_int_equal(slice_to_u64(slice_str(cases[k].text), &u), cases[k].u);
        assert_int_equal(slice_to_i64(slice_str(cases[k].text), &i), cases[k].i);
    }
    int64_t least = 0;
    assert_ok(slice_to_i64(SLICE_LIT("-9223372036854775808"), &least));
    assert_true(least == INT64_MIN);
}

static void buffers_meet_their_maximum(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 1, 63, 64, 65, 255, 256, 1000};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        char bytes[1001];
        memset(bytes, 'x', sizeof bytes);
        struct buf b;
        buf_init(&b, limits[i]);
        if (limits[i])
            assert_ok(buf_add(&b, bytes, limits[i] - 1));
        if (limits[i])
            assert_ok(buf_add_char(&b, 'y'));
        assert_int_equal(b.n, limits[i]);
        assert_int_equal(buf_add_char(&b, 'z'), ST_LIMIT);
        assert_int_equal(buf_add(&b, NULL, 0), ST_LIMIT); /* the failure sticks */
        assert_int_equal(b.n, limits[i]);
        assert_int_equal(strlen(buf_text(&b)), limits[i]);
        buf_clear(&b);
        assert_ok(buf_status(&b));
        assert_int_equal(buf_addf(&b, "%*s", (int)limits[i] + 1, ""), ST_LIMIT);
        buf_clear(&b);
        assert_ok(buf_addf(&b, "%*s", (int)limits[i], ""));
        assert_int_equal(b.n, limits[i]);
        buf_done(&b);
    }
}

static void arenas_meet_their_cap(void **state)
{
    (void)state;
    const size_t unit = _Alignof(max_align_t);
    struct arena a;
    arena_init(&a, unit * 1000);
    assert_non_null(arena_alloc(&a, unit * 999));
    assert_non_null(arena_alloc(&a, 1)); /* rounded up: the cap is met exactly */
    assert_null(arena_alloc(&a, 1));
    assert_int_equal(arena_status(&a), ST_LIMIT);
    arena_clear(&a);
    assert_int_equal(arena_status(&a), OK);
    assert_null(arena_alloc(&a, unit * 1000 + 1));
    arena_clear(&a);
    assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 3));
    assert_int_equal(arena_status(&a), ST_LIMIT);
    arena_clear(&a);
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_clear(&a);
    char *text = arena_printf(&a, "%s-%d", "a", 7);
    assert_string_equal(text, "a-7");
    arena_done(&a);
    arena_done(NULL);
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1; n < 100; n++) {
        struct buf b;
        struct arena a;
        char *text = NULL;
        buf_init(&b, 1 << 20);
        arena_init(&a, 1 << 20);
        failalloc_at(n);
        for (int i = 0; i < 100; i++) {
            (void)buf_addf(&b, "%0100d", i);
            text = arena_strdup(&a, slice_of("some text", 9));
        }
        char *p = arena_alloc(&a, 100000);
        bool hit = failalloc_hit();
        if (!hit) {
            assert_ok(buf_status(&b));
            assert_true(p && text);
            n = 100; /* every allocation has failed once */
        } else {
            assert_true(buf_status(&b) == ST_NOMEM || arena_status(&a) == ST_NOMEM);
        }
        buf_done(&b);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_stop_at_every_cut),
        cmocka_unit_test(slices_at_their_ends),
        cmocka_unit_test(lines_and_fields),
        cmocka_unit_test(numbers),
        cmocka_unit_test(buffers_meet_their_maximum),
        cmocka_unit_test(arenas_meet_their_cap),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
