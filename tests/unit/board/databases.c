/* Fresh databases for tests. See databases.h. */
#include "unit.h"

#include "databases.h"

#include <unistd.h>

static void open_it(struct test_database *t)
{
    struct err e = {0};
    if (db_open(t->url, &t->db, &e) != OK || db_migrate(t->db, &e) != OK)
        fail_msg("%s: %s", t->url, e.msg);
}

static void make_schema(struct test_database *t, const char *base)
{
    static int count;
    struct err e = {0};
    struct db *db = NULL;
    char sql[128];
    (void)snprintf(t->schema, sizeof t->schema, "t%ld_%d", (long)getpid(), count++);
    (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", t->schema);
    if (db_open(base, &db, &e) != OK || db_run(db, NULL, &e, sql, "") != OK)
        fail_msg("%s: %s", base, e.msg);
    db_close(db);
    (void)snprintf(t->url, sizeof t->url, "%s%coptions=-csearch_path%%3D%s", base,
                   strchr(base, '?') ? '&' : '?', t->schema);
}

void database_make(struct test_database *t, enum db_backend backend)
{
    *t = (struct test_database){0};
    if (backend == DB_POSTGRES) {
        make_schema(t, getenv("HIKESHI_TEST_PG"));
    } else {
        (void)snprintf(t->dir, sizeof t->dir, "/tmp/hikeshi-test-XXXXXX");
        assert_non_null(mkdtemp(t->dir));
        (void)snprintf(t->url, sizeof t->url, "sqlite:%s/board.db", t->dir);
    }
    open_it(t);
}

void database_drop(struct test_database *t)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    if (t->schema[0]) {
        char sql[128];
        (void)snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", t->schema);
        db_rollback(t->db);
        assert_ok(db_run(t->db, NULL, NULL, sql, ""));
    }
    db_close(t->db);
    for (size_t i = 0; t->dir[0] && i < ARRAY_LEN(suffixes); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/board.db%s", t->dir, suffixes[i]);
        (void)unlink(path);
    }
    if (t->dir[0])
        (void)rmdir(t->dir);
}

void on_each_database(void (*test)(struct test_database *t))
{
    struct test_database t;
    database_make(&t, DB_SQLITE);
    test(&t);
    database_drop(&t);
    if (getenv("HIKESHI_TEST_PG")) {
        database_make(&t, DB_POSTGRES);
        test(&t);
        database_drop(&t);
    }
}
