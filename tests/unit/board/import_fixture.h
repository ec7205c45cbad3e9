/* A ledger file as text, imported or only planned. For tests of the import and the export. */
#ifndef HIKESHI_TESTS_IMPORT_FIXTURE_H
#define HIKESHI_TESTS_IMPORT_FIXTURE_H

#include "board/case/ledger_import.h"

struct test_file {
    struct arena a;
    struct buf bytes;
    struct book *book;
    struct mapping mapping;
    struct import_options options;
    struct import_plan plan;
    struct err e;
};

/* The bytes as a file, its columns guessed. Asserts that it can be read. */
void file_open(struct test_file *f, struct slice bytes);
void file_close(struct test_file *f);
/* Opens, plans or runs, and keeps the plan; must be OK. */
void file_plan(struct test_file *f, struct db *db, int64_t incident, const char *text);
void file_import(struct test_file *f, struct db *db, int64_t incident, const char *text);
/* The same for a text that is not needed afterwards. */
void import_text(struct db *db, int64_t incident, const char *text);
enum status file_run(struct test_file *f, struct db *db, int64_t incident, int64_t version);

#endif
