/* From a ledger as companies have it to typed rows. */
#include "unit.h"

#include "board/office/mapping.h"

static const char file[] =
    "システム台帳,,,,,,,\n,,,,,,,\n"
    "システム名称,種別,主管,メーカー,製品名・Ver,更新日,公開,特記\n"
    "倉庫ラベル,社内シス,物流部 上原,青葉（株）,スイート　Ver５．２,令和3年11月30日,×,abc\n"
    ",その他,基盤部 森田,自社,x,未定,○,\n"
    ",,,,,,,\n";

struct got {
    const struct mapping *m;
    struct arena *a;
    struct ledger_row rows[8];
    size_t n;
};

static enum status apply(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct got *g = ctx;
    return mapping_apply(g->m, row, g->a, &g->rows[g->n++], err);
}

static void a_ledger_is_understood(void **state)
{
    (void)state;
    struct book *b;
    struct arena a;
    arena_init(&a, (size_t)1 << 20);
    struct sheet_row *rows;
    size_t n, known = 0;
    struct mapping m;
    assert_ok(book_open(slice_str(file), NULL, &b, NULL));
    assert_ok(sheet_sample(b, 0, 100, &a, &rows, &n, NULL));
    assert_ok(mapping_guess(rows, n, &a, &m, NULL));
    assert_int_equal(m.header_row, 3);
    static const struct {
        const char *field, *second;
        bool sure;
    } expected[] = {{"name", "leave_out", true},    {"category", "leave_out", true},
                    {"department", "owner", false}, {"vendor", "leave_out", true},
                    {"product", "version", false},  {"renewed_on", "leave_out", true},
                    {"exposed", "leave_out", true}, {"free", "leave_out", false}};
    assert_int_equal(m.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < m.count; i++) {
        assert_string_equal(field_code(m.columns[i].field), expected[i].field);
        assert_string_equal(field_code(m.columns[i].second), expected[i].second);
        assert_int_equal(m.columns[i].sure, expected[i].sure);
    }
    struct got g = {&m, &a, {{0}}, 0};
    assert_ok(book_read(b, 0, apply, &g, NULL));
    assert_true(g.rows[2].empty && g.rows[5].empty);
    const struct ledger_row *r = &g.rows[3];
    assert_slice_equal(r->value[FIELD_OWNER], "上原");
    assert_slice_equal(r->value[FIELD_DEPARTMENT], "物流部");
    assert_slice_equal(r->value[FIELD_PRODUCT], "スイート");
    assert_slice_equal(r->value[FIELD_VERSION], "5.2");
    assert_slice_equal(r->value[FIELD_RENEWED_ON], "2021-11-30");
    assert_int_equal(r->category, CATEGORY_INTERNAL);
    assert_int_equal(r->exposed, YN_NO);
    assert_int_equal(r->free_count, 1);
    assert_int_equal(r->problem_count, 0);
    assert_true(r->changed & 1u << FIELD_VERSION);
    r = &g.rows[4];
    assert_int_equal(r->problem_count, 3);
    assert_string_equal(r->problems[2].id, "name_missing");
    assert_int_equal(r->problems[2].severity, MUST_SOLVE);
    struct buf json;
    buf_init(&json, 65536);
    assert_ok(mapping_add_json(&json, &m));
    m.columns[7].header = slice_str("新しい列");
    m.columns[0].field = FIELD_FREE;
    assert_ok(mapping_remember(&m, buf_slice(&json), &known, NULL));
    assert_int_equal(known, 7);
    assert_int_equal(m.columns[0].field, FIELD_NAME);
    assert_true(m.columns[7].is_new);
    assert_int_equal(mapping_remember(&m, SLICE_LIT("[]"), &known, NULL), ST_MALFORMED);
    buf_done(&json);
    arena_done(&a);
    book_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_ledger_is_understood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
