/* Three ways: the file now, the board now, the file before. */
#include "unit.h"

#include "board/case/asset.h"
#include "board/case/import_int.h"
#include "failalloc.h"

static void one_field(void **state)
{
    static const struct {
        const char *file, *now, *last, *becomes, *source; /* source NULL: none is kept */
        bool taken, board_edit;
    } cases[] = {
        {"", "", "", "", NULL, false, false},
        {"a", "a", "a", "a", NULL, false, false},
        {"a", "", "", "a", NULL, true, false},    /* fills a gap */
        {"b", "a", "a", "b", NULL, true, false},  /* the file changed it */
        {"a", "x", "a", "x", "a", false, false},  /* people changed it */
        {"b", "x", "a", "b", NULL, true, true},   /* both did */
        {"x", "x", "a", "x", NULL, false, false}, /* both, to the same */
        {"", "a", "a", "a", NULL, false, false},  /* an empty cell says nothing */
        {"", "x", "a", "x", "a", false, false},   /* nor forgets what the file said */
        {"a", "", "a", "", "a", false, false},    /* people emptied it */
        {"b", "", "a", "b", NULL, true, false},
        {"a", "x", "", "a", NULL, true, true}, /* typed in, then in a file */
        {"", "x", "", "x", "", false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct err e = {0};
        struct asset_values file = {0};
        struct import_existing row = {.id = 1};
        struct import_merged m;
        arena_init(&a, ASSET_MEMORY);
        file.v[FIELD_OWNER] = slice_str(cases[i].file);
        row.now.v[FIELD_OWNER] = slice_str(cases[i].now);
        row.last.v[FIELD_OWNER] = slice_str(cases[i].last);
        assert_ok(import_merge(&file, &row, &a, &m, &e));
        assert_slice_equal(m.values.v[FIELD_OWNER], cases[i].becomes);
        assert_int_equal(m.taken, cases[i].taken ? 1u << FIELD_OWNER : 0);
        assert_int_equal(m.board_edit, cases[i].board_edit ? 1u << FIELD_OWNER : 0);
        assert_int_equal(m.source_fields, cases[i].source ? 1u << FIELD_OWNER : 0);
        if (cases[i].source)
            assert_slice_equal(m.source.v[FIELD_OWNER], cases[i].source);
        assert_int_equal(m.action, cases[i].taken ? IMPORT_CHANGE : IMPORT_SAME);
        arena_done(&a);
    }
}

static enum status merge_free(const char *file, const char *now, struct arena *a,
                              struct import_merged *m)
{
    struct asset_values f = {0};
    struct import_existing row = {.id = 1};
    struct err e = {0};
    f.v[FIELD_FREE] = slice_str(file);
    row.now.v[FIELD_FREE] = slice_str(now);
    return import_merge(&f, &row, a, m, &e);
}

static void columns_kept(void **state)
{
    static const struct {
        const char *file, *now, *becomes;
    } cases[] = {
        {"", "[[\"a\",\"1\"]]", "[[\"a\",\"1\"]]"},
        {"[[\"a\",\"1\"]]", "", "[[\"a\",\"1\"]]"},
        {"[[\"a\",\"2\"]]", "[[\"a\",\"1\"]]", "[[\"a\",\"2\"]]"},
        {"[[\"b\",\"2\"]]", "[[\"a\",\"1\"]]", "[[\"a\",\"1\"],[\"b\",\"2\"]]"},
        /* two columns of one header are told apart by their order */
        {"[[\"a\",\"3\"],[\"a\",\"4\"]]", "[[\"a\",\"1\"],[\"b\",\"2\"],[\"a\",\"1\"]]",
         "[[\"a\",\"3\"],[\"b\",\"2\"],[\"a\",\"4\"]]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct import_merged m;
        arena_init(&a, ASSET_MEMORY);
        assert_ok(merge_free(cases[i].file, cases[i].now, &a, &m));
        assert_slice_equal(m.values.v[FIELD_FREE], cases[i].becomes);
        assert_int_equal(m.action,
                         strcmp(cases[i].becomes, cases[i].now) ? IMPORT_CHANGE : IMPORT_SAME);
        arena_done(&a);
    }
}

/* What is kept from several files together has the same limit as what one brings. */
static void columns_kept_have_a_limit(void **state)
{
    static const char shell[] = "[[\"a\",\"1\"],[\"b\",\"\"]]";
    (void)state;
    for (size_t n = ASSET_FREE_MAX - 1; n <= ASSET_FREE_MAX + 1; n++) {
        struct arena a;
        struct buf file;
        struct import_merged m;
        arena_init(&a, ASSET_MEMORY);
        buf_init(&file, ASSET_FREE_MAX);
        assert_ok(buf_add_str(&file, "[[\"b\",\""));
        for (size_t i = 0; i < n - (sizeof shell - 1); i++)
            assert_ok(buf_add_char(&file, 'x'));
        assert_ok(buf_add_str(&file, "\"]]"));
        assert_int_equal(merge_free(buf_text(&file), "[[\"a\",\"1\"]]", &a, &m),
                         n <= ASSET_FREE_MAX ? OK : ST_LIMIT);
        buf_done(&file);
        arena_done(&a);
    }
}

static void memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct arena a;
        struct import_merged m;
        arena_init(&a, ASSET_MEMORY);
        failalloc_at(n);
        enum status s = merge_free("[[\"b\",\"2\"]]", "[[\"a\",\"1\"]]", &a, &m);
        bool hit = failalloc_hit();
        arena_done(&a);
        if (!hit) {
            assert_ok(s);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(s, ST_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_field),
        cmocka_unit_test(columns_kept),
        cmocka_unit_test(columns_kept_have_a_limit),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
