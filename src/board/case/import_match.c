/* Importing a ledger: which row of the file is which row of the ledger. See import_int.h.
 *
 * Numbers go first, over the whole file, so that a row further down which has the number is not
 * robbed of its row by one above that only has the name. */
#include "base/limits.h"
#include "board/case/import_int.h"

/* Hashes in order, each with the place it stands for. */
struct entry {
    uint64_t hash;
    uint32_t at;
    uint32_t size, next; /* of a group's first entry: how many it has, and how many are claimed */
};
struct index {
    struct entry *entries;
    size_t count;
};

static int by_hash(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static enum status index_make(struct index *ix, size_t count, struct err *e)
{
    ix->count = 0;
    ix->entries = calloc(count + 1, sizeof *ix->entries);
    return ix->entries ? OK : err_set(e, ST_NOMEM, N_("no memory to import the ledger"));
}

static void index_add(struct index *ix, uint64_t hash, size_t at)
{
    if (hash)
        ix->entries[ix->count++] = (struct entry){.hash = hash, .at = (uint32_t)at};
}

static void index_sort(struct index *ix)
{
    struct entry *first = ix->entries;
    qsort(ix->entries, ix->count, sizeof *ix->entries, by_hash);
    for (size_t i = 0; i < ix->count; i++) {
        if (ix->entries[i].hash != first->hash)
            first = &ix->entries[i];
        first->size++;
    }
}

/* The group's first entry, or NULL. */
static struct entry *index_find(const struct index *ix, uint64_t hash)
{
    size_t low = 0;
    size_t high = ix->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ix->entries[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ix->count && ix->entries[low].hash == hash ? &ix->entries[low] : NULL;
}

/* --- duplicates inside the file */

static enum status is_duplicate(struct import *im, struct import_record *r,
                                const struct import_record *other, const char *id, uint32_t column,
                                struct err *e)
{
    if (r->duplicate)
        return OK;
    r->duplicate = true;
    return import_note(im,
                       &(struct import_problem){.severity = MUST_SOLVE,
                                                .id = id,
                                                .row = r->row,
                                                .column = column,
                                                .other_row = other->row},
                       e);
}

static enum status same_numbers(struct import *im, const struct index *ix, struct err *e)
{
    size_t count;
    struct import_record *records = import_records(im, &count);
    enum status s = OK;
    for (size_t i = 0; i < ix->count && s == OK;) {
        size_t n = ix->entries[i].size;
        for (size_t k = 1; k < n && s == OK; k++) {
            struct import_record *r = &records[ix->entries[i + k].at];
            s = is_duplicate(im, r, &records[ix->entries[i].at], "duplicate_number",
                             r->number_column, e);
        }
        i += n;
    }
    return s;
}

/* Rows of one name and product are told apart by their numbers; one without a number is a
 * duplicate of the others. */
static enum status same_names(struct import *im, const struct index *ix, struct err *e)
{
    size_t count;
    struct import_record *records = import_records(im, &count);
    enum status s = OK;
    for (size_t i = 0; i < ix->count && s == OK;) {
        size_t n = ix->entries[i].size;
        const struct import_record *first = &records[ix->entries[i].at];
        for (size_t k = 1; k < n && s == OK; k++) {
            struct import_record *r = &records[ix->entries[i + k].at];
            if (r->number == 0 || (k == 1 && first->number == 0))
                s = is_duplicate(im, r, first, "duplicate_row", r->name_column, e);
        }
        i += n;
    }
    return s;
}

enum status import_duplicates(struct import *im, struct err *e)
{
    size_t count;
    const struct import_record *records = import_records(im, &count);
    struct index ix = {0};
    enum status s = index_make(&ix, count, e);
    for (size_t i = 0; i < count && s == OK; i++)
        index_add(&ix, records[i].number, i);
    if (s == OK) {
        index_sort(&ix);
        s = same_numbers(im, &ix, e);
    }
    ix.count = 0;
    for (size_t i = 0; i < count && s == OK; i++)
        index_add(&ix, records[i].key, i);
    if (s == OK) {
        index_sort(&ix);
        s = same_names(im, &ix, e);
    }
    free(ix.entries);
    return s;
}

/* --- the ledger */

#define PAGE 1000

static enum status keep_known(struct import *im, const struct db_rows *rows, struct err *e)
{
    struct import_known k = {.id = db_int(rows, 0), .retired = db_int(rows, 3) != 0};
    struct buf text;
    buf_init(&text, LIMIT_CELL_BYTES * 2);
    enum status s = search_fold(slice_str(db_text(rows, 1)), &text);
    k.number = import_hash(im, buf_slice(&text));
    k.key = import_hash(im, slice_str(db_text(rows, 2)));
    buf_done(&text);
    if (s == OK)
        s = buf_add(&im->known, &k, sizeof k);
    if (db_int(rows, 4) > im->plan.ledger_version)
        im->plan.ledger_version = db_int(rows, 4);
    if (s == ST_LIMIT)
        return err_set(e, s, N_("the ledger has more than %d rows"), LIMIT_LEDGER_ROWS);
    return s == OK ? OK : err_set(e, s, N_("no memory to import the ledger"));
}

static enum status read_known(struct import *im, struct err *e)
{
    int64_t last = 0;
    enum status s = OK;
    for (int64_t got = PAGE; s == OK && got == PAGE;) {
        struct db_rows *rows = NULL;
        got = 0;
        s = db_query(im->db, &rows, e,
                     "SELECT id, number, match_key, retired, row_version FROM asset "
                     "WHERE incident_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                     "iii", im->incident, last, (int64_t)PAGE);
        while (s == OK && (s = db_next(rows, e)) == OK) {
            last = db_int(rows, 0);
            got++;
            s = keep_known(im, rows, e);
        }
        db_rows_done(rows);
        s = s == ST_END ? OK : s;
    }
    return s;
}

/* --- matching */

/* Claims the group's next free row. Rows are claimed in order, so that what was claimed once is not
 * looked at again: a ledger in which everything has one name takes no longer. */
static uint32_t claim(const struct index *ix, uint64_t hash, struct import_known *known)
{
    struct entry *first = hash ? index_find(ix, hash) : NULL;
    if (!first)
        return IMPORT_NEW;
    while (first->next < first->size && known[first[first->next].at].claimed)
        first->next++;
    if (first->next == first->size)
        return IMPORT_NEW;
    known[first[first->next].at].claimed = true;
    return first[first->next].at;
}

static void claim_all(struct import *im, const struct index *ix, bool by_number)
{
    size_t count;
    size_t known_count;
    struct import_record *records = import_records(im, &count);
    struct import_known *known = import_known_rows(im, &known_count);
    for (size_t i = 0; i < count; i++)
        if (!records[i].duplicate && records[i].known == IMPORT_NEW)
            records[i].known = claim(ix, by_number ? records[i].number : records[i].key, known);
}

static enum status fits(const struct import *im, struct err *e)
{
    size_t count;
    size_t all;
    const struct import_record *records = import_records(im, &count);
    (void)import_known_rows(im, &all);
    for (size_t i = 0; i < count; i++)
        all += !records[i].duplicate && records[i].known == IMPORT_NEW;
    if (all > LIMIT_LEDGER_ROWS)
        return err_set(e, ST_LIMIT, N_("with this file the ledger would have more than %d rows"),
                       LIMIT_LEDGER_ROWS);
    return OK;
}

enum status import_match(struct import *im, struct err *e)
{
    size_t count = 0;
    struct index ix = {0};
    enum status s = read_known(im, e);
    const struct import_known *known = import_known_rows(im, &count);
    if (s == OK)
        s = index_make(&ix, count, e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < count; i++)
        index_add(&ix, known[i].number, i);
    index_sort(&ix);
    claim_all(im, &ix, true);
    ix.count = 0;
    for (size_t i = 0; i < count; i++)
        index_add(&ix, known[i].key, i);
    index_sort(&ix);
    claim_all(im, &ix, false);
    for (size_t i = 0; i < count; i++)
        im->plan.missing += !known[i].claimed && !known[i].retired;
    free(ix.entries);
    return fits(im, e);
}
