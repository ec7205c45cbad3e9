/* A ledger file as text, imported or only planned. See import_fixture.h. */
#include "unit.h"

#include "base/limits.h"
#include "case_fixture.h"
#include "import_fixture.h"

void file_open(struct test_file *f, struct slice bytes)
{
    struct sheet_row *rows = NULL;
    size_t count = 0;
    *f = (struct test_file){0};
    arena_init(&f->a, MIB(64));
    buf_init(&f->bytes, LIMIT_OFFICE_FILE_BYTES);
    assert_ok(buf_add_slice(&f->bytes, bytes));
    must(book_open(buf_slice(&f->bytes), NULL, &f->book, &f->e), &f->e);
    size_t sheet = book_best_sheet(f->book);
    must(sheet_sample(f->book, sheet, 100, &f->a, &rows, &count, &f->e), &f->e);
    must(mapping_guess(rows, count, &f->a, &f->mapping, &f->e), &f->e);
    f->options =
        (struct import_options){.file = "台帳.csv", .sheet = sheet, .mapping = &f->mapping};
}

void file_close(struct test_file *f)
{
    book_free(f->book);
    buf_done(&f->bytes);
    arena_done(&f->a);
}

void file_plan(struct test_file *f, struct db *db, int64_t incident, const char *text)
{
    file_open(f, slice_str(text));
    must(ledger_import_plan(db, incident, f->book, &f->options, &f->a, &f->plan, &f->e), &f->e);
}

enum status file_run(struct test_file *f, struct db *db, int64_t incident, int64_t version)
{
    return ledger_import_run(db, &system_actor, incident, f->book, buf_slice(&f->bytes),
                             &f->options, version, &f->plan, &f->a, &f->e);
}

void file_import(struct test_file *f, struct db *db, int64_t incident, const char *text)
{
    file_open(f, slice_str(text));
    must(file_run(f, db, incident, -1), &f->e);
}

void import_text(struct db *db, int64_t incident, const char *text)
{
    struct test_file f;
    file_import(&f, db, incident, text);
    file_close(&f);
}
