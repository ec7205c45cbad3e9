/* Importing a ledger: reading the file's rows. See import_int.h. */
#include "base/csvwrite.h"
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/import_int.h"

uint64_t import_hash(const struct import *im, struct slice s)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t h = 0;
    if (s.n == 0)
        return 0;
    (void)crypto_shorthash(out, s.p, s.n, im->secret);
    memcpy(&h, out, sizeof h);
    return h ? h : 1;
}

enum status import_tell(const struct import *im, int64_t done, int64_t total, struct err *e)
{
    if (im->o->progress && !im->o->progress(im->o->progress_ctx, done, total))
        return err_set(e, ST_DENIED, N_("the import was stopped; the ledger is as it was"));
    return OK;
}

static enum status no_memory(enum status s, uint32_t row, struct err *e)
{
    return err_set(e, s, N_("row %u: no memory to read the file; try again later"), row);
}

/* --- problems */

enum status import_note(struct import *im, const struct import_problem *p, struct err *e)
{
    uint32_t *count = p->severity == MUST_SOLVE ? &im->plan.must_solve : &im->plan.to_know;
    struct import_problem **list = &im->problems[p->severity];
    if (*count >= IMPORT_SHOWN) {
        (*count)++;
        return OK;
    }
    if (!*list)
        *list = arena_alloc_array(im->a, IMPORT_SHOWN, sizeof **list);
    if (!*list)
        return no_memory(arena_status(im->a), p->row, e);
    struct import_problem *kept = &(*list)[*count];
    *kept = *p;
    enum status s = arena_copy(im->a, slice_sub(p->value, 0, ASSET_TEXT_MAX), &kept->value);
    if (s != OK)
        return no_memory(s, p->row, e);
    (*count)++;
    return OK;
}

/* A problem with a cell of the row that is being read. */
static enum status note_cell(struct import *im, struct import_line *l, bool note,
                             enum severity severity, const char *id, uint32_t column,
                             struct slice value, struct err *e)
{
    if (severity == MUST_SOLVE)
        l->skip = true;
    if (!note)
        return OK;
    return import_note(
        im,
        &(struct import_problem){
            .severity = severity, .id = id, .row = l->row.row, .column = column, .value = value},
        e);
}

/* --- what a CSV of ours has before texts that a spreadsheet would take for a formula */

static bool is_quoted_formula(struct slice s)
{
    struct slice rest = s;
    while (rest.n && rest.p[0] == '\'')
        rest = slice_sub(rest, 1, rest.n);
    return rest.n < s.n && csv_is_formula(rest);
}

static enum status unquote(const struct import *im, struct sheet_row *row, struct arena *a,
                           struct err *e)
{
    struct cell *cells = NULL;
    if (strcmp(book_format(im->book), "xlsx") == 0)
        return OK;
    for (size_t i = 0; i < row->count; i++) {
        if (!is_quoted_formula(row->cells[i].text))
            continue;
        if (!cells) {
            cells = arena_alloc_array(a, row->count, sizeof *cells);
            if (!cells)
                return no_memory(arena_status(a), row->number, e);
            memcpy(cells, row->cells, row->count * sizeof *cells);
            row->cells = cells;
        }
        cells[i].text = slice_sub(cells[i].text, 1, cells[i].text.n);
    }
    return OK;
}

/* --- values */

/* The text without control characters; its lines end with LF. */
static enum status plain(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t')
            (void)buf_add_char(out, (char)c); /* sticks */
    }
    return buf_status(out);
}

static enum status pair_to_json(const struct free_column *f, json_t **ret)
{
    struct buf header;
    struct buf value;
    buf_init(&header, LIMIT_CELL_BYTES * 2);
    buf_init(&value, LIMIT_CELL_BYTES * 2);
    enum status s = f->value.n > ASSET_FREE_VALUE_MAX ? ST_LIMIT : plain(f->header, &header);
    if (s == OK)
        s = plain(f->value, &value);
    json_t *pair = s == OK ? json_pack("[s, s]", buf_text(&header), buf_text(&value)) : NULL;
    buf_done(&header);
    buf_done(&value);
    *ret = pair;
    return pair ? OK : s == OK ? ST_NOMEM : s;
}

/* The columns that are kept as they are, as JSON. ST_LIMIT: they do not fit into a row. */
static enum status free_to_json(const struct ledger_row *row, struct arena *a, struct slice *ret)
{
    json_t *list = json_array();
    enum status s = list ? OK : ST_NOMEM;
    for (size_t i = 0; i < row->free_count && s == OK; i++) {
        json_t *pair = NULL;
        s = pair_to_json(&row->free_columns[i], &pair);
        if (s == OK && json_array_append_new(list, pair) != 0)
            s = ST_NOMEM;
    }
    char *text = s == OK ? json_dumps(list, JSON_COMPACT) : NULL;
    if (s == OK && !text)
        s = ST_NOMEM;
    if (s == OK && strlen(text) > ASSET_FREE_MAX)
        s = ST_LIMIT;
    if (s == OK)
        s = arena_copy(a, slice_str(text), ret);
    free(text);
    json_decref(list);
    return s;
}

static enum status take_free(struct import *im, struct import_line *l, bool note, struct arena *a,
                             struct err *e)
{
    if (l->row.free_count == 0)
        return OK;
    enum status s = free_to_json(&l->row, a, &l->v.v[FIELD_FREE]);
    if (s == ST_LIMIT && arena_status(a) == OK)
        return note_cell(im, l, note, MUST_SOLVE, "too_long", 0, l->row.free_columns[0].value, e);
    return s == OK ? OK : no_memory(s, l->row.row, e);
}

/* One field as the ledger keeps it. What cannot be read is read as empty and told. */
static enum status take_field(struct import *im, struct import_line *l, enum ledger_field f,
                              bool note, struct arena *a, struct err *e)
{
    struct slice raw = l->row.value[f];
    uint32_t column = l->row.from[f] ? l->row.from[f] - 1 : 0;
    if (raw.n == 0)
        return OK;
    if (f == FIELD_CATEGORY && l->row.category == CATEGORY_UNKNOWN)
        return OK; /* mapping_apply told it */
    enum status s = asset_value(f, raw, a, &l->v.v[f], NULL);
    if (s == ST_INVALID)
        return note_cell(im, l, note, TO_KNOW,
                         f == FIELD_OWNER_MAIL ? "mail_unreadable" : "exposed_unknown", column, raw,
                         e);
    if (s == ST_LIMIT && arena_status(a) == OK)
        return note_cell(im, l, note, MUST_SOLVE,
                         f == FIELD_HOSTS && raw.n <= ASSET_TEXT_MAX ? "hosts_too_many"
                                                                     : "too_long",
                         column, raw, e);
    return s == OK ? OK : no_memory(s, l->row.row, e);
}

static bool left_out(const struct import_options *o, uint32_t row)
{
    size_t low = 0;
    size_t high = o->leave_out_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (o->leave_out[mid] == row)
            return true;
        if (o->leave_out[mid] < row)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

enum status import_read_line(struct import *im, const struct sheet_row *row, bool note,
                             struct arena *a, struct import_line *ret, struct err *e)
{
    struct import_line l = {0};
    struct sheet_row mine = *row;
    enum status s = unquote(im, &mine, a, e);
    if (s == OK)
        s = mapping_apply(im->o->mapping, &mine, a, &l.row, e);
    if (s != OK)
        return s;
    l.skip = l.row.empty || left_out(im->o, row->number);
    for (size_t i = 0; i < l.row.problem_count && s == OK; i++) {
        const struct ledger_problem *p = &l.row.problems[i];
        if (!left_out(im->o, row->number))
            s = note_cell(im, &l, note, p->severity, p->id, p->column, p->value, e);
    }
    bool skip = l.skip; /* a second problem of the row is told as well */
    for (int i = 0; i < ASSET_COLUMN_COUNT && s == OK && !l.row.empty; i++)
        if (asset_columns[i] != FIELD_FREE && !left_out(im->o, row->number))
            s = take_field(im, &l, asset_columns[i], note, a, e);
    if (s == OK && !skip)
        s = take_free(im, &l, note, a, e);
    if (s == OK)
        *ret = l;
    return s;
}

/* --- the first reading */

struct reading {
    struct import *im;
    struct arena line; /* of one row */
};

static enum status keep_record(struct import *im, const struct import_line *l, struct err *e)
{
    struct import_record r = {
        .row = l->row.row,
        .known = IMPORT_NEW,
        .number_column =
            (uint16_t)(l->row.from[FIELD_ASSET_NUMBER] ? l->row.from[FIELD_ASSET_NUMBER] - 1 : 0),
        .name_column = (uint16_t)(l->row.from[FIELD_NAME] ? l->row.from[FIELD_NAME] - 1 : 0)};
    struct buf text;
    buf_init(&text, LIMIT_CELL_BYTES * 2);
    enum status s = search_fold(l->v.v[FIELD_ASSET_NUMBER], &text);
    if (s == OK) {
        r.number = import_hash(im, buf_slice(&text));
        buf_clear(&text);
        s = asset_values_key(&l->v, &text);
    }
    if (s == OK) {
        r.key = import_hash(im, buf_slice(&text));
        s = buf_add(&im->records, &r, sizeof r);
    }
    buf_done(&text);
    return s == OK ? OK : no_memory(s, r.row, e);
}

static enum status first_reading(void *ctx, const struct sheet_row *row, struct err *e)
{
    struct reading *r = ctx;
    struct import *im = r->im;
    struct import_line l;
    arena_clear(&r->line);
    enum status s = import_read_line(im, row, true, &r->line, &l, e);
    if (s != OK)
        return s;
    if (l.row.empty) {
        im->plan.empty += row->number > im->o->mapping->header_row;
        return OK;
    }
    if (im->plan.rows == LIMIT_LEDGER_ROWS)
        return err_set(e, ST_LIMIT, N_("the sheet has more than %d rows; divide it"),
                       LIMIT_LEDGER_ROWS);
    im->plan.rows++;
    im->plan.left_out += left_out(im->o, row->number);
    if (im->plan.rows % IMPORT_PROGRESS == 0)
        s = import_tell(im, im->plan.rows, 0, e);
    return s == OK && !l.skip ? keep_record(im, &l, e) : s;
}

enum status import_read_file(struct import *im, struct err *e)
{
    struct reading r = {.im = im};
    arena_init(&r.line, IMPORT_WORK);
    enum status s = book_read(im->book, im->o->sheet, first_reading, &r, e);
    arena_done(&r.line);
    return s == OK ? import_duplicates(im, e) : s;
}
