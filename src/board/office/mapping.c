/* Finds the header row and what each column means, and keeps it for the next file. */
#include "board/office/mapping.h"

#include "base/limits.h"
#include "base/messages.h"
#include "board/office/header.h"

#include <jansson.h>

static const char *const codes[FIELD_COUNT] = {
    "leave_out",  "free",        "name",        "category", "owner",        "owner_mail",
    "department", "vendor",      "product",     "version",  "exposed",      "hosts",
    "users",      "shared_with", "criticality", "notes",    "asset_number", "renewed_on"};

const char *field_code(enum ledger_field f)
{
    return (unsigned)f < FIELD_COUNT ? codes[f] : NULL;
}

enum status field_of_code(struct slice code, enum ledger_field *ret_field)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (slice_eq_str(code, codes[i])) {
            *ret_field = (enum ledger_field)i;
            return OK;
        }
    return ST_NOT_FOUND;
}

static enum status no_room(enum status st, struct err *err)
{
    if (st == ST_LIMIT)
        return err_set(err, st,
                       N_("the rows are longer than fits in a preview; shorten the cells"));
    return err_set(err, st, N_("no memory to read the file; try again later"));
}

/* --- sample */

struct sampling {
    struct arena *a;
    struct sheet_row *rows;
    size_t count, max;
};

static enum status sample_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct sampling *s = ctx;
    if (s->count == s->max)
        return ST_END;
    struct cell *cells = arena_alloc_array(s->a, row->count + 1, sizeof(*cells));
    char *sheet = arena_strdup(s->a, slice_str(row->sheet));
    if (!cells || !sheet)
        return no_room(arena_status(s->a), err);
    for (size_t i = 0; i < row->count; i++) {
        cells[i] = row->cells[i];
        if (arena_copy(s->a, row->cells[i].text, &cells[i].text) != OK)
            return no_room(arena_status(s->a), err);
    }
    s->rows[s->count++] =
        (struct sheet_row){sheet, row->number, row->hidden, cells, row->count, row->date1904};
    return OK;
}

enum status sheet_sample(struct book *b, size_t sheet, uint32_t max_rows, struct arena *a,
                         struct sheet_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct sampling s = {a, arena_alloc_array(a, max_rows, sizeof(*s.rows)), 0, max_rows};
    if (!s.rows)
        return no_room(arena_status(a), err);
    enum status st = book_read(b, sheet, sample_row, &s, err);
    if (st != OK)
        return st;
    *ret_rows = s.rows;
    *ret_count = s.count;
    return OK;
}

/* --- guess */

static bool known_example(const struct mapping_column *c, struct slice s)
{
    for (size_t i = 0; i < ARRAY_LEN(c->example); i++)
        if (slice_eq(c->example[i], s))
            return true;
    return false;
}

static void look_at(struct mapping_column *c, const struct sheet_row *rows, size_t count,
                    size_t *two)
{
    size_t examples = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice s, a, b;
        if (c->column >= rows[i].count || rows[i].cells[c->column].kind == CELL_EMPTY)
            continue;
        s = rows[i].cells[c->column].text;
        c->filled++;
        if (examples < ARRAY_LEN(c->example) && !known_example(c, s))
            c->example[examples++] = s;
        if (c->field == FIELD_PRODUCT)
            *two += norm_split_product(s, &a, &b);
        else if (c->field == FIELD_OWNER || c->field == FIELD_DEPARTMENT)
            *two += norm_split_owner(s, &a, &b);
    }
}

/* 1, 2, 3, … down the sheet, gaps and repetitions allowed: numbers of rows, of no use here. */
static bool running_numbers(const struct mapping_column *c, const struct sheet_row *rows,
                            size_t count)
{
    uint64_t last = 0, n;
    for (size_t i = 0; i < count; i++) {
        if (c->column >= rows[i].count || rows[i].cells[c->column].kind == CELL_EMPTY)
            continue;
        if (slice_to_u64(rows[i].cells[c->column].text, &n) != OK || n < last)
            return false;
        last = n;
    }
    return last > 0;
}

/* What the column's name and contents say, as if it were the only one. */
static enum header_fit guess_column(struct mapping_column *c, const struct sheet_row *rows,
                                    size_t count)
{
    size_t two = 0;
    c->field = FIELD_FREE;
    if (slice_starts(c->header, SLICE_LIT(LEDGER_OWN_HEADER))) {
        look_at(c, rows, count, &two);
        c->field = c->second = FIELD_LEAVE_OUT;
        c->sure = true;
        c->reason = "own";
        return FIT_WHOLE;
    }
    enum header_fit fit = header_meaning(c->header, &c->field, &c->second);
    c->reason = "header";
    look_at(c, rows, count, &two);
    if (fit != FIT_NONE && c->field == FIELD_LEAVE_OUT) {
        c->reason = "row_numbers";
        if (!running_numbers(c, rows, count))
            c->field = FIELD_ASSET_NUMBER;
    }
    if (two * 2 > c->filled)
        c->second = c->field == FIELD_PRODUCT ? FIELD_VERSION : FIELD_OWNER;
    if (c->second != FIELD_LEAVE_OUT) {
        if (c->field == FIELD_OWNER)
            c->field = FIELD_DEPARTMENT;
        c->reason = "two_in_one";
    }
    if (c->field == FIELD_ASSET_NUMBER && strcmp(c->reason, "row_numbers") == 0)
        c->reason = "contents";
    c->sure = c->second == FIELD_LEAVE_OUT && strcmp(c->reason, "contents") != 0;
    if (c->filled == 0 && c->header.n == 0) {
        c->field = FIELD_LEAVE_OUT;
        c->reason = "empty";
        c->sure = true;
    }
    return fit;
}

static void keep_free(struct mapping_column *c)
{
    c->field = FIELD_FREE;
    c->second = FIELD_LEAVE_OUT;
    c->sure = false;
    c->reason = "unknown";
}

/* A field has one column: the one whose whole name says so, else the first; a person may choose
 * another. What a second part would give, its own column gives better. */
static void share_out(struct mapping_column *cols, const enum header_fit *fit, size_t count)
{
    uint32_t taken = 1u << FIELD_LEAVE_OUT | 1u << FIELD_FREE;
    const uint32_t nothing = taken;
    for (int pass = FIT_WHOLE; pass >= FIT_WORD; pass--)
        for (size_t i = 0; i < count; i++) {
            if (fit[i] != (enum header_fit)pass || cols[i].field == FIELD_LEAVE_OUT)
                continue;
            if (taken & 1u << cols[i].field & ~nothing)
                keep_free(&cols[i]);
            else
                taken |= 1u << cols[i].field;
        }
    for (size_t i = 0; i < count; i++) {
        if (fit[i] == FIT_NONE && cols[i].field == FIELD_FREE)
            keep_free(&cols[i]);
        if (taken & 1u << cols[i].second & ~nothing) {
            cols[i].second = FIELD_LEAVE_OUT;
            cols[i].reason = "header";
        }
        taken |= 1u << cols[i].second;
    }
}

enum status mapping_guess(const struct sheet_row *rows, size_t count, struct arena *a,
                          struct mapping *ret_mapping, struct err *err)
{
    struct header h;
    size_t width = 0;
    if (!header_find(rows, count, &h))
        return err_set(err, ST_NOT_FOUND,
                       N_("no row with the columns' names was found at the top of the sheet; "
                          "choose the sheet with the ledger, or put such a row above it"));
    for (size_t i = h.first; i < count; i++)
        width = rows[i].count > width ? rows[i].count : width;
    struct mapping_column *cols = arena_alloc_array(a, width, sizeof(*cols));
    enum header_fit *fit = arena_alloc_array(a, width, sizeof(*fit));
    if (!cols || !fit)
        return no_room(arena_status(a), err);
    size_t data = h.first + h.lines;
    for (size_t i = 0; i < width; i++) {
        struct buf b;
        buf_init(&b, LIMIT_CELL_BYTES * 2);
        cols[i].column = (uint32_t)i;
        enum status st = header_add_name(rows, h, i, &b);
        if (st == OK)
            st = arena_copy(a, buf_slice(&b), &cols[i].header);
        buf_done(&b);
        if (st != OK)
            return no_room(st, err);
        fit[i] = guess_column(&cols[i], rows + data, count - data);
    }
    share_out(cols, fit, width);
    *ret_mapping = (struct mapping){rows[data - 1].number, h.lines, cols, width};
    return OK;
}

/* --- memory */

/* The fields that the memory has for this column's key. */
static bool recall(const json_t *list, struct slice key, struct mapping_column *c)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        const char *k = json_string_value(json_object_get(o, "key"));
        struct slice field = slice_str(json_string_value(json_object_get(o, "field")));
        struct slice second = slice_str(json_string_value(json_object_get(o, "second")));
        enum ledger_field f, s;
        if (k && slice_eq_str(key, k) && field_of_code(field, &f) == OK &&
            field_of_code(second, &s) == OK) {
            c->field = f;
            c->second = s;
            return true;
        }
    }
    return false;
}

static enum status remember_column(const json_t *list, struct mapping_column *c, size_t *known)
{
    struct buf key;
    buf_init(&key, LIMIT_CELL_BYTES * 2);
    enum status st = norm_match_key(c->header, &key);
    bool found = st == OK && key.n && recall(list, buf_slice(&key), c);
    if (found) {
        c->sure = true;
        c->reason = "remembered";
    }
    c->is_new = !found && c->header.n > 0;
    *known += found;
    buf_done(&key);
    return st;
}

enum status mapping_remember(struct mapping *m, struct slice json, size_t *ret_known,
                             struct err *err)
{
    json_error_t je;
    if (json.n > LIMIT_MAPPING_JSON_BYTES)
        return err_set(err, ST_LIMIT, N_("the remembered columns are longer than %zu bytes"),
                       LIMIT_MAPPING_JSON_BYTES);
    json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &je);
    const json_t *list = json_object_get(root, "columns");
    if (!json_is_array(list)) {
        bool nomem = !root && json_error_code(&je) == json_error_out_of_memory;
        json_decref(root);
        return nomem ? no_room(ST_NOMEM, err)
                     : err_set(err, ST_MALFORMED, N_("the remembered columns cannot be read"));
    }
    size_t known = 0;
    enum status st = OK;
    for (size_t i = 0; i < m->count && st == OK; i++)
        st = remember_column(list, &m->columns[i], &known);
    for (size_t i = 0; i < m->count && known == 0; i++)
        m->columns[i].is_new = false;
    json_decref(root);
    if (st != OK)
        return no_room(st, err);
    *ret_known = known;
    return OK;
}
