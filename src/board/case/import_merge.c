/* Importing a ledger: comparing its rows with the ledger's, some at a time. See import_int.h. */
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/import_int.h"
#include "board/case/ledger_query.h"

static enum status no_memory(enum status s, struct err *e)
{
    return err_set(e, s == OK ? ST_NOMEM : s, N_("no memory to import the ledger"));
}

/* --- three ways */

/* The place of the header in the list, behind those of the same name that are taken. */
static size_t find_pair(const json_t *list, const char *header, const bool *taken)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const char *h = json_string_value(json_array_get(json_array_get(list, i), 0));
        if (!taken[i] && h && strcmp(h, header) == 0)
            return i;
    }
    return n;
}

/* Puts the file's columns into the row's: those of the same header are replaced, others added. */
static enum status merge_lists(const json_t *file, json_t *row)
{
    bool taken[LIMIT_SHEET_COLUMNS * 2] = {false};
    enum status s = OK;
    for (size_t i = 0; i < json_array_size(file) && s == OK; i++) {
        json_t *pair = json_array_get(file, i);
        const char *header = json_string_value(json_array_get(pair, 0));
        size_t at = find_pair(row, header ? header : "", taken);
        size_t n = json_array_size(row);
        if (at == n && n == ARRAY_LEN(taken))
            return ST_LIMIT;
        json_incref(pair);
        if (at < n)
            s = json_array_set_new(row, at, pair) == 0 ? OK : ST_NOMEM;
        else
            s = json_array_append_new(row, pair) == 0 ? OK : ST_NOMEM;
        taken[at] = true;
    }
    return s;
}

static enum status merge_free(struct slice file, struct slice row, struct arena *a,
                              struct slice *ret)
{
    if (file.n == 0 || row.n == 0 || slice_eq(file, row)) {
        *ret = file.n ? file : row;
        return OK;
    }
    json_t *ours = json_loadb((const char *)row.p, row.n, 0, NULL);
    json_t *theirs = json_loadb((const char *)file.p, file.n, 0, NULL);
    enum status s = ours && theirs ? merge_lists(theirs, ours) : ST_NOMEM;
    char *text = s == OK ? json_dumps(ours, JSON_COMPACT) : NULL;
    if (s == OK)
        s = !text                           ? ST_NOMEM
            : strlen(text) > ASSET_FREE_MAX ? ST_LIMIT
                                            : arena_copy(a, slice_str(text), ret);
    free(text);
    json_decref(ours);
    json_decref(theirs);
    return s;
}

static void merge_field(enum ledger_field f, struct slice file, const struct import_existing *row,
                        struct import_merged *m)
{
    struct slice now = row->now.v[f];
    struct slice last = row->last.v[f];
    m->values.v[f] = now;
    if (file.n && !slice_eq(file, now) && !slice_eq(file, last)) { /* the file changed it */
        m->values.v[f] = file;
        m->taken |= 1u << f;
        if (now.n && !slice_eq(now, last))
            m->board_edit |= 1u << f;
    }
    struct slice said = file.n ? file : last; /* an empty cell says nothing new */
    if (!slice_eq(said, m->values.v[f])) {
        m->source.v[f] = said;
        m->source_fields |= 1u << f;
    }
}

enum status import_merge(const struct asset_values *file, const struct import_existing *row,
                         struct arena *a, struct import_merged *ret, struct err *e)
{
    struct import_merged m = {.action = IMPORT_SAME};
    for (int f = FIELD_NAME; f < FIELD_COUNT; f++)
        merge_field((enum ledger_field)f, file->v[f], row, &m);
    struct slice old = row->now.v[FIELD_FREE];
    enum status s = merge_free(file->v[FIELD_FREE], old, a, &m.values.v[FIELD_FREE]);
    if (s == ST_LIMIT)
        return err_set(e, s, N_("the columns kept from imports are longer than %d bytes in a row"),
                       ASSET_FREE_MAX);
    if (s != OK)
        return no_memory(s, e);
    if (!slice_eq(old, m.values.v[FIELD_FREE]))
        m.taken |= 1u << FIELD_FREE;
    if (m.taken)
        m.action = IMPORT_CHANGE;
    *ret = m;
    return OK;
}

static void merge_new(const struct asset_values *file, struct import_merged *ret)
{
    *ret = (struct import_merged){.action = IMPORT_ADD, .values = *file};
    for (int f = FIELD_FREE; f < FIELD_COUNT; f++)
        if (file->v[f].n)
            ret->taken |= 1u << f;
}

/* --- what is shown */

static enum status show_fields(struct import *im, const struct import_existing *before,
                               const struct import_merged *m, struct import_change *c,
                               struct err *e)
{
    c->fields = arena_alloc_array(im->a, ASSET_COLUMN_COUNT, sizeof *c->fields);
    if (!c->fields)
        return no_memory(arena_status(im->a), e);
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++) {
        enum ledger_field f = asset_columns[i];
        if (!(m->taken & 1u << f))
            continue;
        struct import_field *shown = &c->fields[c->field_count++];
        shown->field = f;
        shown->board_edit = (m->board_edit & 1u << f) != 0;
        enum status s = arena_copy(im->a, m->values.v[f], &shown->after);
        if (s == OK && before)
            s = arena_copy(im->a, before->now.v[f], &shown->before);
        if (s != OK)
            return no_memory(s, e);
    }
    return OK;
}

static enum status show(struct import *im, uint32_t row, const struct import_existing *before,
                        const struct import_merged *m, struct err *e)
{
    struct import_change **list = &im->changes[m->action];
    size_t *count = &im->change_count[m->action];
    if (*count == IMPORT_SHOWN)
        return OK;
    if (!*list)
        *list = arena_alloc_array(im->a, IMPORT_SHOWN, sizeof **list);
    if (!*list)
        return no_memory(arena_status(im->a), e);
    struct import_change *c = &(*list)[*count];
    *c = (struct import_change){.row = row, .asset = before ? before->id : 0, .action = m->action};
    enum status s = arena_copy(im->a, m->values.v[FIELD_NAME], &c->name);
    if (s != OK)
        return no_memory(s, e);
    if (m->action != IMPORT_SAME)
        s = show_fields(im, before, m, c, e);
    (*count)++;
    return s;
}

/* --- some rows at a time */

struct pending {
    uint32_t row;
    int64_t asset; /* 0: new */
    struct asset_values v;
};

struct comparing {
    struct import *im;
    struct arena work; /* of a chunk */
    struct pending rows[IMPORT_CHUNK];
    size_t count;
    int64_t done;
};

static enum status read_last(const struct db_rows *rows, int first, struct arena *a,
                             struct import_existing *x, struct err *e)
{
    const char *source = db_text(rows, first + ASSET_COLUMN_COUNT);
    enum status s = asset_values_of_row(rows, first, a, &x->last, e);
    if (s != OK || !*source)
        return s;
    json_t *o = json_loads(source, 0, NULL);
    if (!o)
        return no_memory(ST_NOMEM, e);
    s = asset_values_from_json(o, a, &x->last, e);
    json_decref(o);
    return s;
}

#define A_COLUMNS                                                                              \
    "a.number, a.name, a.category, a.owner, a.owner_mail, a.department, a.vendor, a.product, " \
    "a.version, a.exposed, a.hosts, a.users, a.shared_with, a.criticality, a.notes, "          \
    "a.renewed_on, a.free"
#define R_COLUMNS                                                                              \
    "r.number, r.name, r.category, r.owner, r.owner_mail, r.department, r.vendor, r.product, " \
    "r.version, r.exposed, r.hosts, r.users, r.shared_with, r.criticality, r.notes, "          \
    "r.renewed_on, r.free"

/* The ledger's rows of the chunk, and what the file had for them last time. */
static enum status read_existing(struct comparing *c, struct import_existing *found,
                                 size_t *ret_count, struct err *e)
{
    int64_t ids[IMPORT_CHUNK];
    size_t n = 0;
    struct db_rows *rows = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->rows[i].asset)
            ids[n++] = c->rows[i].asset;
    if (n == 0)
        return OK;
    enum status s = ledger_query_in(
        c->im->db,
        "SELECT a.id, " A_COLUMNS ", " R_COLUMNS ", r.source FROM asset a "
        "LEFT JOIN import_row r ON r.import_id = a.import_id AND r.row = a.import_row "
        "WHERE a.id IN " LEDGER_IN,
        ids, n, &rows, e);
    n = 0;
    while (s == OK && (s = db_next(rows, e)) == OK && n < IMPORT_CHUNK) {
        found[n] = (struct import_existing){.id = db_int(rows, 0)};
        s = asset_values_of_row(rows, 1, &c->work, &found[n].now, e);
        if (s == OK)
            s = read_last(rows, 1 + ASSET_COLUMN_COUNT, &c->work, &found[n], e);
        n++;
    }
    db_rows_done(rows);
    *ret_count = n;
    return s == ST_END ? OK : s;
}

static enum status compare_one(struct comparing *c, const struct pending *p,
                               const struct import_existing *before, struct err *e)
{
    struct import *im = c->im;
    struct import_merged m;
    enum status s = OK;
    if (before)
        s = import_merge(&p->v, before, &c->work, &m, e);
    else
        merge_new(&p->v, &m);
    if (s != OK) {
        err_prefix(e, N_("row %u"), p->row);
        return s;
    }
    *(m.action == IMPORT_ADD      ? &im->plan.added
      : m.action == IMPORT_CHANGE ? &im->plan.changed
                                  : &im->plan.same) += 1;
    s = show(im, p->row, before, &m, e);
    if (s == OK && im->writer)
        s = import_write(im->writer, p->row, before, &m, &c->work, e);
    return s;
}

static enum status flush(struct comparing *c, struct err *e)
{
    struct import_existing found[IMPORT_CHUNK];
    size_t n = 0;
    enum status s = read_existing(c, found, &n, e);
    for (size_t i = 0; i < c->count && s == OK; i++) {
        const struct import_existing *before = NULL;
        for (size_t k = 0; k < n && !before; k++)
            if (found[k].id == c->rows[i].asset)
                before = &found[k];
        s = compare_one(c, &c->rows[i], before, e);
    }
    c->done += (int64_t)c->count;
    c->count = 0;
    arena_clear(&c->work);
    return s;
}

/* Duplicates were found by their hashes; what they are called is read now. */
static enum status name_duplicate(struct import *im, const struct import_line *l, struct err *e)
{
    struct import_problem *list = im->problems[MUST_SOLVE];
    for (size_t i = 0; i < im->plan.must_solve && i < IMPORT_SHOWN; i++) {
        if (list[i].row != l->row.row || list[i].other_row == 0 || list[i].value.n)
            continue;
        bool number = strcmp(list[i].id, "duplicate_number") == 0;
        enum status s =
            arena_copy(im->a, l->v.v[number ? FIELD_ASSET_NUMBER : FIELD_NAME], &list[i].value);
        if (s != OK)
            return no_memory(s, e);
    }
    return OK;
}

static enum status second_reading(void *ctx, const struct sheet_row *row, struct err *e)
{
    struct comparing *c = ctx;
    struct import *im = c->im;
    size_t count;
    size_t known_count;
    const struct import_record *records = import_records(im, &count);
    const struct import_known *known = import_known_rows(im, &known_count);
    if (im->record_at == count || records[im->record_at].row != row->number)
        return OK; /* left out in the first reading */
    const struct import_record *r = &records[im->record_at++];
    struct import_line l;
    enum status s = import_read_line(im, row, false, &c->work, &l, e);
    if (s == OK && r->duplicate)
        return name_duplicate(im, &l, e);
    if (s != OK)
        return s;
    c->rows[c->count++] =
        (struct pending){row->number, r->known == IMPORT_NEW ? 0 : known[r->known].id, l.v};
    if (c->count < IMPORT_CHUNK)
        return OK;
    s = flush(c, e);
    if (s == OK && c->done % IMPORT_PROGRESS < IMPORT_CHUNK)
        s = import_tell(im, c->done, im->plan.rows, e);
    return s;
}

enum status import_compare(struct import *im, struct err *e)
{
    struct comparing *c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(ST_NOMEM, e);
    c->im = im;
    arena_init(&c->work, IMPORT_WORK);
    enum status s = book_read(im->book, im->o->sheet, second_reading, c, e);
    if (s == OK)
        s = flush(c, e);
    arena_done(&c->work);
    free(c);
    return s;
}
