/* Importing a ledger: planning, carrying out, and what is remembered of the columns. */
#include "board/case/ledger_import.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/import_int.h"

#include <inttypes.h>

static void import_begin(struct import *im, struct db *db, int64_t incident, struct book *book,
                         const struct import_options *o, struct arena *a)
{
    *im = (struct import){.db = db, .incident = incident, .book = book, .o = o, .a = a};
    crypto_shorthash_keygen(im->secret);
    buf_init(&im->records, LIMIT_LEDGER_ROWS * sizeof(struct import_record));
    buf_init(&im->known, LIMIT_LEDGER_ROWS * sizeof(struct import_known));
}

static void import_done(struct import *im)
{
    import_writer_free(im->writer);
    buf_done(&im->records);
    buf_done(&im->known);
    sodium_memzero(im->secret, sizeof im->secret);
}

static enum status check_options(const struct import *im, struct err *e)
{
    if (im->o->sheet >= book_sheet_count(im->book))
        return err_set(e, ST_INVALID, N_("the file has no such sheet"));
    for (size_t i = 0; i < im->o->mapping->count; i++)
        if (im->o->mapping->columns[i].field == FIELD_NAME)
            return OK;
    return err_set(e, ST_INVALID, N_("no column is chosen for the name; every row needs one"));
}

/* The lists that were kept apart, one behind the other, as the plan shows them. */
static enum status put_together(struct import *im, struct err *e)
{
    struct import_plan *p = &im->plan;
    size_t must = p->must_solve < IMPORT_SHOWN ? p->must_solve : IMPORT_SHOWN;
    size_t know = p->to_know < IMPORT_SHOWN ? p->to_know : IMPORT_SHOWN;
    p->problem_count = must + know < IMPORT_SHOWN ? must + know : IMPORT_SHOWN;
    p->problems = arena_alloc_array(im->a, p->problem_count + 1, sizeof *p->problems);
    for (int i = 0; i < 3; i++)
        p->change_count += im->change_count[i];
    p->changes = arena_alloc_array(im->a, p->change_count + 1, sizeof *p->changes);
    if (!p->problems || !p->changes)
        return err_set(e, arena_status(im->a), N_("no memory to import the ledger"));
    for (size_t i = 0; i < p->problem_count; i++)
        p->problems[i] = i < must ? im->problems[MUST_SOLVE][i] : im->problems[TO_KNOW][i - must];
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < im->change_count[i]; k++)
            p->changes[n++] = im->changes[i][k];
    return OK;
}

static enum status incident_is_there(struct db *db, int64_t incident, struct err *e)
{
    int64_t n = 0;
    enum status s =
        db_get_int(db, &n, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i", incident);
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("this incident does not exist"));
    return s;
}

enum status ledger_import_plan(struct db *db, int64_t incident, struct book *book,
                               const struct import_options *o, struct arena *a,
                               struct import_plan *ret, struct err *e)
{
    struct import im;
    import_begin(&im, db, incident, book, o, a);
    enum status s = check_options(&im, e);
    if (s == OK)
        s = incident_is_there(db, incident, e);
    if (s == OK)
        s = import_read_file(&im, e);
    if (s == OK)
        s = import_match(&im, e);
    if (s == OK)
        s = import_compare(&im, e);
    if (s == OK)
        s = put_together(&im, e);
    if (s == OK)
        *ret = im.plan;
    import_done(&im);
    return s;
}

/* --- carrying out */

/* Takes the chain's lock before the ledger is read, so that what was planned is what is written.
 * (log_append takes the same row; SQLite has one writer anyway.) */
static enum status lock_ledger(struct db *db, int64_t incident, struct err *e)
{
    int64_t n = 0;
    enum status s =
        db_run(db, &n, e, "UPDATE chain SET seq = seq WHERE incident_id = $1", "i", incident);
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("this incident does not exist"));
    return s;
}

static enum status take_ids(struct import *im, int64_t *ret_import, int64_t *ret_first,
                            int64_t *ret_last, struct err *e)
{
    size_t count;
    int64_t added = 0;
    const struct import_record *records = import_records(im, &count);
    for (size_t i = 0; i < count; i++)
        added += records[i].known == IMPORT_NEW;
    enum status s = log_next_id(im->db, "import", 1, ret_import, e);
    if (s == OK)
        s = log_next_id(im->db, "asset", added, ret_first, e);
    if (s == OK)
        *ret_last = *ret_first + added - 1;
    return s;
}

static void digest_file(struct slice file, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(sum, file.p, file.n);
    (void)sodium_bin2hex(ret, 65, sum, sizeof sum);
}

/* The file's name as a label: one line of at most 200 bytes. */
static json_t *label(const char *name)
{
    struct buf b;
    buf_init(&b, KIB(8));
    struct slice s = slice_str(name);
    json_t *ret = NULL;
    if (norm_text(slice_sub(s, 0, utf8_floor(s, 200)), &b) == OK) {
        for (size_t i = 0; i < b.n; i++)
            b.p[i] = b.p[i] == '\n' ? ' ' : b.p[i];
        ret = json_stringn((const char *)b.p, b.n);
    }
    buf_done(&b);
    return ret;
}

static json_t *mapping_text(const struct mapping *m)
{
    struct buf b;
    buf_init(&b, LIMIT_MAPPING_JSON_BYTES);
    json_t *ret = mapping_add_json(&b, m) == OK ? json_string(buf_text(&b)) : NULL;
    buf_done(&b);
    return ret;
}

static enum status append_event(struct import *im, const struct actor *actor, int64_t id,
                                int64_t last_asset, struct slice file, const char *rows_digest,
                                struct err *e)
{
    const struct import_plan *p = &im->plan;
    char subject[40];
    char sha256[65];
    digest_file(file, sha256);
    (void)snprintf(subject, sizeof subject, "import:%" PRId64, id);
    json_t *name = label(im->o->file);
    json_t *sheet = label(book_sheet(im->book, im->o->sheet)->name);
    json_t *mapping = mapping_text(im->o->mapping);
    json_t *body = json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "file", name, "sheet", sheet,
        "mapping", mapping, "rows", (json_int_t)p->rows, "added", (json_int_t)p->added, "changed",
        (json_int_t)p->changed, "same", (json_int_t)p->same, "missing", (json_int_t)p->missing,
        "last_asset", (json_int_t)last_asset, "sha256", sha256, "rows_sha256", rows_digest);
    if (!body)
        return err_set(e, ST_NOMEM, N_("no memory to import the ledger"));
    enum status s =
        log_append(im->db, actor, im->incident, "ledger.imported", subject, body, NULL, e);
    json_decref(body);
    return s;
}

static enum status carry_out(struct import *im, const struct actor *actor, struct slice file,
                             int64_t expect_version, struct err *e)
{
    int64_t id = 0;
    int64_t first = 0;
    int64_t last = 0;
    char digest[65];
    enum status s = lock_ledger(im->db, im->incident, e);
    if (s == OK)
        s = import_match(im, e);
    if (s == OK && expect_version != -1 && im->plan.ledger_version != expect_version)
        s = err_set(e, ST_CONFLICT,
                    N_("the ledger was changed meanwhile; look at what the import changes again"));
    if (s == OK)
        s = take_ids(im, &id, &first, &last, e);
    if (s == OK)
        s = import_writer_new(im, id, first, &im->writer, e);
    if (s == OK)
        s = import_compare(im, e);
    if (s == OK)
        s = import_write_end(im->writer, digest, e);
    if (s == OK)
        s = append_event(im, actor, id, last, file, digest, e);
    return s;
}

enum status ledger_import_run(struct db *db, const struct actor *actor, int64_t incident,
                              struct book *book, struct slice file_bytes,
                              const struct import_options *o, int64_t expect_version,
                              struct import_plan *ret, struct arena *a, struct err *e)
{
    struct import im;
    import_begin(&im, db, incident, book, o, a);
    enum status s = check_options(&im, e);
    if (s == OK)
        s = import_read_file(&im, e);
    if (s == OK && im.plan.must_solve)
        s = err_set(e, ST_INVALID,
                    N_("%u problems of the file must be solved first, or their rows left out"),
                    im.plan.must_solve);
    if (s == OK)
        s = db_begin(db, e);
    if (s == OK) {
        s = carry_out(&im, actor, file_bytes, expect_version, e);
        if (s == OK)
            s = put_together(&im, e);
        if (s == OK)
            s = db_commit(db, e);
        else
            db_rollback(db);
    }
    if (s == OK)
        *ret = im.plan;
    import_done(&im);
    return s;
}

/* --- what is remembered */

#define REMEMBERED 50 /* imports that are looked at, newest first */

/* A column of its own gives a field better than the second half of another. */
static void drop_seconds(struct mapping *m)
{
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < m->count; k++)
            if (k != i && m->columns[i].second != FIELD_LEAVE_OUT &&
                m->columns[k].field == m->columns[i].second)
                m->columns[i].second = FIELD_LEAVE_OUT;
}

static size_t named_columns(const struct mapping *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        n += m->columns[i].header.n > 0;
    return n;
}

enum status ledger_import_remembered(struct db *db, struct mapping *m, size_t *ret_known,
                                     struct err *e)
{
    struct db_rows *rows = NULL;
    struct mapping mine = *m;
    size_t known = 0;
    size_t bytes = m->count * sizeof *m->columns;
    mine.columns = malloc(bytes + 1);
    if (!mine.columns)
        return err_set(e, ST_NOMEM, N_("no memory to import the ledger"));
    enum status s = db_query(db, &rows, e, "SELECT mapping FROM import ORDER BY id DESC LIMIT $1",
                             "i", (int64_t)REMEMBERED);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        memcpy(mine.columns, m->columns, bytes);
        s = mapping_remember(&mine, slice_str(db_text(rows, 0)), &known, e);
        if (s == OK && known && known * 2 >= named_columns(m)) {
            drop_seconds(&mine);
            memcpy(m->columns, mine.columns, bytes);
            break; /* a file that shares less than half of its columns is another file */
        }
        known = 0;
    }
    db_rows_done(rows);
    free(mine.columns);
    if (s != OK && s != ST_END)
        return s;
    *ret_known = known;
    return OK;
}
