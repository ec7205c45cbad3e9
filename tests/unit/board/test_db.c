/* The SQL layer: the same calls give the same answers on both databases. */
#include "unit.h"

#include "databases.h"

static void make_table(struct db *db)
{
    assert_ok(db_run(db, NULL, NULL,
                     "CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT, data BYTEA)", ""));
}

static void check_values(struct test_database *t)
{
    static const uint8_t raw[] = {0, 1, '\\', 0xff, '\''};
    struct db_rows *rows = NULL;
    struct err e = {0};
    make_table(t->db);
    assert_ok(db_run(t->db, NULL, &e, "INSERT INTO thing(id, name, data) VALUES ($1, $2, $3)",
                     "isb", INT64_MIN, "㈱髙橋 'x' \\ \"", slice_of(raw, sizeof raw)));
    assert_ok(db_run(t->db, NULL, &e, "INSERT INTO thing(id, name, data) VALUES ($1, $2, $3)",
                     "isn", INT64_MAX, NULL));
    assert_ok(db_query(t->db, &rows, &e, "SELECT id, name, data FROM thing ORDER BY id", ""));
    assert_ok(db_next(rows, &e));
    assert_true(db_int(rows, 0) == INT64_MIN);
    assert_string_equal(db_text(rows, 1), "㈱髙橋 'x' \\ \"");
    assert_int_equal(db_bytes(rows, 2).n, sizeof raw);
    assert_memory_equal(db_bytes(rows, 2).p, raw, sizeof raw);
    assert_ok(db_next(rows, &e));
    assert_true(db_int(rows, 0) == INT64_MAX);
    assert_true(db_is_null(rows, 1) && db_is_null(rows, 2));
    assert_string_equal(db_text(rows, 1), "");
    assert_int_equal(db_next(rows, &e), ST_END);
    db_rows_done(rows);
}

static void values_come_back_as_they_were(void **state)
{
    (void)state;
    on_each_database(check_values);
}

static void check_transactions(struct test_database *t)
{
    struct err e = {0};
    int64_t n = -1;
    make_table(t->db);
    assert_ok(db_begin(t->db, &e));
    assert_int_equal(db_begin(t->db, &e), ST_INVALID);
    assert_ok(db_run(t->db, NULL, &e, "INSERT INTO thing(id) VALUES ($1)", "i", (int64_t)1));
    db_rollback(t->db);
    assert_ok(db_get_int(t->db, &n, &e, "SELECT COUNT(*) FROM thing", ""));
    assert_int_equal(n, 0);
    assert_ok(db_begin(t->db, &e));
    assert_ok(db_run(t->db, NULL, &e, "INSERT INTO thing(id) VALUES ($1)", "i", (int64_t)1));
    assert_ok(db_commit(t->db, &e));
    assert_int_equal(db_run(t->db, NULL, &e, "INSERT INTO thing(id) VALUES ($1)", "i", (int64_t)1),
                     ST_CONFLICT);
    assert_ok(db_run(t->db, &n, &e, "UPDATE thing SET name = $1", "s", "a"));
    assert_int_equal(n, 1);
    assert_int_equal(
        db_get_int(t->db, &n, &e, "SELECT id FROM thing WHERE id = $1", "i", (int64_t)7),
        ST_NOT_FOUND);
    assert_int_equal(db_run(t->db, NULL, &e, "NO SUCH STATEMENT", ""), ST_IO);
}

static void transactions_and_failures(void **state)
{
    (void)state;
    on_each_database(check_transactions);
}

static void check_batch(struct test_database *t)
{
    static const uint8_t raw[] = {0, '"', '\\'};
    struct err e = {0};
    struct db_batch *b = NULL;
    int64_t n = 0;
    make_table(t->db);
    assert_ok(db_begin(t->db, &e));
    assert_ok(db_batch_begin(t->db, "thing(id, name, data)", "isb", &b, &e));
    for (int64_t i = 0; i < 2500; i++) {
        const char *name = i % 3 == 0 ? NULL : i % 3 == 1 ? "{\"a\\b\",NULL}" : "NULL";
        assert_ok(db_batch_add(b, &e, i, name, slice_of(raw, sizeof raw)));
    }
    assert_ok(db_batch_end(b, &e));
    assert_ok(db_commit(t->db, &e));
    assert_ok(db_get_int(t->db, &n, &e, "SELECT COUNT(*) FROM thing WHERE name IS NULL", ""));
    assert_int_equal(n, 834);
    assert_ok(db_get_int(t->db, &n, &e, "SELECT COUNT(*) FROM thing WHERE name = $1", "s",
                         "{\"a\\b\",NULL}"));
    assert_int_equal(n, 833);
    assert_ok(db_get_int(t->db, &n, &e, "SELECT COUNT(*) FROM thing WHERE data = $1", "b",
                         slice_of(raw, sizeof raw)));
    assert_int_equal(n, 2500);
}

static void batches_keep_every_row(void **state)
{
    (void)state;
    on_each_database(check_batch);
}

static void check_migration(struct test_database *t)
{
    struct err e = {0};
    assert_ok(db_migrate(t->db, &e)); /* again: nothing to do */
    assert_ok(db_run(t->db, NULL, &e, "INSERT INTO schema_version(version) VALUES ($1)", "i",
                     (int64_t)9999));
    assert_int_equal(db_migrate(t->db, &e), ST_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "9999"));
}

static void a_newer_schema_is_left_alone(void **state)
{
    (void)state;
    on_each_database(check_migration);
}

static void check_pool(struct test_database *t)
{
    struct err e = {0};
    struct db_pool *pool = NULL;
    struct db *a = NULL;
    struct db *b = NULL;
    int64_t n = 0;
    assert_ok(db_pool_open(t->url, 2, &pool, &e));
    assert_ok(db_pool_get(pool, &a, &e));
    assert_ok(db_pool_get(pool, &b, &e));
    assert_true(a != b);
    assert_ok(db_begin(a, &e));
    assert_ok(db_run(a, NULL, &e, "DELETE FROM schema_version", ""));
    db_pool_put(pool, a); /* given back in the middle: undone */
    assert_ok(db_get_int(b, &n, &e, "SELECT COUNT(*) FROM schema_version", ""));
    assert_true(n > 0);
    db_pool_put(pool, b);
    db_pool_close(pool);
}

static void a_pool_undoes_what_was_left_open(void **state)
{
    (void)state;
    on_each_database(check_pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(transactions_and_failures),
        cmocka_unit_test(batches_keep_every_row),
        cmocka_unit_test(a_newer_schema_is_left_alone),
        cmocka_unit_test(a_pool_undoes_what_was_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
