/* Fresh databases for tests: a file of SQLite always, and a schema of its own in the PostgreSQL
 * that the environment variable HIKESHI_TEST_PG names (./test sets it). */
#ifndef HIKESHI_TESTS_DATABASES_H
#define HIKESHI_TESTS_DATABASES_H

#include "board/db/db.h"

/* An empty, migrated database; also its url, for a second connection. Asserts on failure. */
struct test_database {
    struct db *db;
    char url[600];
    char dir[64]; /* of SQLite's file; "" for PostgreSQL */
    char schema[40];
};

void database_make(struct test_database *t, enum db_backend backend);
void database_drop(struct test_database *t);

/* Runs the test on every database there is. */
void on_each_database(void (*test)(struct test_database *t));

#endif
