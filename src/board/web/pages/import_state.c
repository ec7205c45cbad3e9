/* What goes from step to step of an import: the file, its sheet, what its columns mean. See
 * import.h. */
#include "board/web/pages/import.h"

#include "board/office/normalise.h"
#include "board/office/words.h"
#include "board/web/pages/incident_frame.h"

#include <stdlib.h>

/* A column may hold two things; only these pairs can be split. */
static const struct {
    enum ledger_field field, second;
    const char *value;
} pairs[] = {
    {FIELD_PRODUCT, FIELD_VERSION, "product+version"},
    {FIELD_DEPARTMENT, FIELD_OWNER, "department+owner"},
};

/* The fields in the order in which people think of them; leaving out comes last. */
static const enum ledger_field order[] = {
    FIELD_NAME,       FIELD_CATEGORY,    FIELD_OWNER,       FIELD_OWNER_MAIL, FIELD_DEPARTMENT,
    FIELD_VENDOR,     FIELD_PRODUCT,     FIELD_VERSION,     FIELD_EXPOSED,    FIELD_HOSTS,
    FIELD_USERS,      FIELD_SHARED_WITH, FIELD_CRITICALITY, FIELD_NOTES,      FIELD_ASSET_NUMBER,
    FIELD_RENEWED_ON, FIELD_FREE,        FIELD_LEAVE_OUT,
};
_Static_assert(ARRAY_LEN(order) == FIELD_COUNT, "every field can be chosen");

size_t import_choices(void)
{
    return ARRAY_LEN(order) + ARRAY_LEN(pairs);
}

/* Pairs stand before "keep as it is" and "leave out". */
static bool is_pair(size_t i, size_t *ret_at)
{
    size_t before = ARRAY_LEN(order) - 2;
    if (i >= before && i < before + ARRAY_LEN(pairs)) {
        *ret_at = i - before;
        return true;
    }
    *ret_at = i < before ? i : i - ARRAY_LEN(pairs);
    return false;
}

struct slice import_choice_value(size_t i)
{
    size_t at;
    return slice_str(is_pair(i, &at) ? pairs[at].value : field_code(order[at]));
}

struct slice import_choice_word(size_t i, enum lang lang)
{
    size_t at;
    if (!is_pair(i, &at))
        return slice_str(field_label(lang, order[at]));
    return slice_str(pairs[at].field == FIELD_PRODUCT ? T(lang, "Product and version in one")
                                                      : T(lang, "Department and owner in one"));
}

bool import_choice_is(size_t i, const struct mapping_column *c)
{
    size_t at;
    if (is_pair(i, &at))
        return c->field == pairs[at].field && c->second == pairs[at].second;
    return c->field == order[at] && c->second == FIELD_LEAVE_OUT;
}

struct slice import_letters(const struct import_file *f, uint32_t column)
{
    char *text = arena_alloc(f->arena, COLUMN_LETTERS_SIZE);
    if (!text)
        return slice_str("");
    column_letters(column, text);
    return slice_str(text);
}

struct slice import_size(const struct import_file *f)
{
    size_t size = f->upload.bytes.n;
    char *text = size < 1000000 ? arena_printf(f->arena, "%zu kB", (size + 999) / 1000)
                                : arena_printf(f->arena, "%.1f MB", (double)size / 1e6);
    return slice_str(text ? text : "");
}

struct slice import_value(struct slice value, enum ledger_field field, enum lang lang)
{
    if (field == FIELD_CATEGORY)
        for (int c = CATEGORY_EXTERNAL; c <= CATEGORY_CLIENT; c++)
            if (slice_eq_str(value, category_code((enum ledger_category)c)))
                return slice_str(category_label(lang, (enum ledger_category)c));
    if (field == FIELD_EXPOSED && slice_eq_str(value, "yes"))
        return slice_str(T(lang, "yes"));
    if (field == FIELD_EXPOSED && slice_eq_str(value, "no"))
        return slice_str(T(lang, "no"));
    return value;
}

/* --- what the form says */

bool import_choose(struct mapping_column *c, struct slice value)
{
    enum ledger_field field;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (slice_eq_str(value, pairs[i].value)) {
            c->field = pairs[i].field;
            c->second = pairs[i].second;
            return true;
        }
    if (field_of_code(value, &field) != OK)
        return false;
    c->field = field;
    c->second = FIELD_LEAVE_OUT;
    return true;
}

/* Fields "c0", "c1", … by the column's place in the file. What is not there keeps the guess. */
static void read_choices(struct web_request *r, struct mapping *m)
{
    for (size_t i = 0; i < m->count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "c%" PRIu32, m->columns[i].column);
        struct slice value = web_field(r, name);
        if (value.n)
            (void)import_choose(&m->columns[i], value);
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static enum status read_left_out(struct web_request *r, struct import_file *f, struct err *e)
{
    struct slice value;
    f->left_out = arena_alloc_array(r->arena, IMPORT_LEFT_OUT, sizeof *f->left_out);
    if (!f->left_out)
        return err_set(e, ST_NOMEM, "no memory for the rows left out");
    for (size_t i = 0; web_field_at(r, "out", i, &value); i++) {
        uint64_t row = 0;
        if (slice_to_u64(value, &row) != OK || row == 0 || row > LIMIT_SHEET_ROWS)
            return err_set(e, ST_INVALID, N_("a row to be left out is not a number"));
        if (f->left_out_count == IMPORT_LEFT_OUT)
            return err_set(e, ST_LIMIT, N_("more than %d rows to leave out: mend the file instead"),
                           IMPORT_LEFT_OUT);
        f->left_out[f->left_out_count++] = (uint32_t)row;
    }
    qsort(f->left_out, f->left_out_count, sizeof *f->left_out, by_number);
    return OK;
}

/* --- the file */

#define SAMPLE_ROWS 400 /* enough to meet the usual spellings; the summary reads all */

enum status import_file_load(struct db *db, struct arena *a, int64_t incident, int64_t upload,
                             struct import_file *f, struct err *e)
{
    *f = (struct import_file){.arena = a, .incident = incident};
    enum status s = upload_open(db, incident, upload, &f->upload, e);
    return s == OK ? book_open(f->upload.bytes, NULL, &f->book, e) : s;
}

void import_file_done(struct import_file *f)
{
    book_free(f->book);
    f->book = NULL;
    upload_close(&f->upload);
}

enum status import_file_guess(struct import_file *f, struct err *e)
{
    struct sheet_row *rows = NULL;
    size_t count = 0;
    enum status s = sheet_sample(f->book, f->sheet, SAMPLE_ROWS, f->arena, &rows, &count, e);
    if (s == OK)
        s = mapping_guess(rows, count, f->arena, &f->mapping, e);
    if (s != ST_NOT_FOUND)
        return s;
    const char *sheet = book_place(f->book, f->sheet);
    return sheet ? err_set(e, ST_INVALID, N_("sheet %s: no row looks like a header"), sheet)
                 : err_set(e, ST_INVALID, N_("no row of the file looks like a header"));
}

static enum status choose_sheet(struct web_request *r, struct import_file *f, struct err *e)
{
    int64_t sheet = 0;
    int64_t best = (int64_t)book_best_sheet(f->book);
    enum status s = r->method == WEB_POST ? web_field_int(r, "sheet", best, &sheet, e)
                                          : web_query_int(r, "sheet", best, &sheet, e);
    if (s == OK && (sheet < 0 || (uint64_t)sheet >= book_sheet_count(f->book)))
        s = err_set(e, ST_INVALID, N_("the file has no such sheet"));
    if (s == OK)
        f->sheet = (size_t)sheet;
    return s;
}

enum status import_file_open(struct web_request *r, struct import_file *f, struct err *e)
{
    enum status s = import_file_load(r->db, r->arena, r->id[0], r->id[1], f, e);
    if (s == OK)
        s = choose_sheet(r, f, e);
    if (s == OK)
        s = import_file_guess(f, e);
    if (s == OK)
        s = ledger_import_remembered(r->db, &f->mapping, &f->known, e);
    if (s == OK && r->method == WEB_POST)
        read_choices(r, &f->mapping);
    return s == OK ? read_left_out(r, f, e) : s;
}

bool import_is_empty(const struct mapping_column *c)
{
    return c->filled == 0 && strcmp(c->reason, "empty") == 0;
}

int64_t import_empty_count(const struct import_file *f)
{
    int64_t n = 0;
    for (size_t i = 0; i < f->mapping.count; i++)
        n += import_is_empty(&f->mapping.columns[i]);
    return n;
}

struct slice import_choice_of(const struct mapping_column *c)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (c->field == pairs[i].field && c->second == pairs[i].second)
            return slice_str(pairs[i].value);
    return slice_str(field_code(c->field));
}
