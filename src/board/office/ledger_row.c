/* Applies a mapping to a row: typed values, what reading changed, and problems with their place. */
#include "base/limits.h"
#include "base/messages.h"
#include "board/office/mapping.h"

struct applying {
    struct arena *a;
    struct ledger_row *r;
    struct buf text;
    bool date1904;
};

static enum status problem(struct applying *p, enum severity s, const char *id, uint32_t column,
                           struct slice value)
{
    p->r->problems[p->r->problem_count++] =
        (struct ledger_problem){s, id, p->r->row, column, {NULL, 0}};
    return arena_copy(p->a, value, &p->r->problems[p->r->problem_count - 1].value);
}

/* Keeps v as the field's value; what differs from the cell's own text was changed in reading. */
static enum status keep(struct applying *p, enum ledger_field f, struct slice v, struct slice cell,
                        uint32_t column)
{
    p->r->from[f] = column + 1;
    if (!slice_eq(v, cell))
        p->r->changed |= 1u << f;
    return arena_copy(p->a, v, &p->r->value[f]);
}

static enum status keep_date(struct applying *p, struct slice v, const struct cell *c)
{
    struct norm_date d;
    if (norm_date(v, true, p->date1904, &d) != OK) {
        enum status st = problem(p, TO_KNOW, "date_unreadable", c->column, c->text);
        return st == OK ? keep(p, FIELD_RENEWED_ON, (struct slice){NULL, 0}, c->text, c->column)
                        : st;
    }
    char out[32];
    int n = d.day ? snprintf(out, sizeof(out), "%04d-%02d-%02d", d.year, d.month, d.day)
                  : snprintf(out, sizeof(out), "%04d-%02d", d.year, d.month);
    return keep(p, FIELD_RENEWED_ON, slice_of(out, (size_t)n), c->text, c->column);
}

static enum status put_value(struct applying *p, const struct mapping_column *m, struct slice v,
                             const struct cell *c)
{
    struct slice first, second;
    if (m->second == FIELD_VERSION && norm_split_product(v, &first, &second)) {
        enum status st = keep(p, m->field, first, c->text, c->column);
        return st == OK ? keep(p, FIELD_VERSION, second, c->text, c->column) : st;
    }
    if (m->second == FIELD_OWNER && norm_split_owner(v, &first, &second)) {
        enum status st = keep(p, m->field, first, c->text, c->column);
        return st == OK ? keep(p, FIELD_OWNER, second, c->text, c->column) : st;
    }
    if (m->field == FIELD_RENEWED_ON)
        return keep_date(p, v, c);
    if (m->field == FIELD_EXPOSED)
        p->r->exposed = norm_yes_no(v);
    if (m->field == FIELD_CATEGORY) {
        p->r->category = norm_category(v);
        if (p->r->category == CATEGORY_UNKNOWN) {
            enum status st = problem(p, TO_KNOW, "category_unknown", c->column, c->text);
            if (st != OK)
                return st;
        }
    }
    return keep(p, m->field, v, c->text, c->column);
}

static enum status put_cell(struct applying *p, const struct mapping_column *m,
                            const struct cell *c)
{
    if (m->field == FIELD_LEAVE_OUT || c->kind == CELL_EMPTY)
        return OK;
    if (c->kind == CELL_ERROR) {
        p->r->empty = false;
        bool formula = slice_starts(c->text, SLICE_LIT("="));
        return problem(p, TO_KNOW, formula ? "formula_unknown" : "error_cell", c->column, c->text);
    }
    buf_clear(&p->text);
    enum status st = norm_text(c->text, &p->text);
    struct slice v = buf_slice(&p->text);
    if (st != OK || v.n == 0)
        return st;
    if (!c->merged) /* below a merged block a blank row is still blank */
        p->r->empty = false;
    if (m->field != FIELD_FREE)
        return put_value(p, m, v, c);
    struct free_column *f = &p->r->free_columns[p->r->free_count++];
    f->header = m->header;
    return arena_copy(p->a, c->text, &f->value);
}

/* Part of one block over several columns of this very row. */
static bool in_wide_block(const struct sheet_row *row, size_t i)
{
    const struct cell *c = &row->cells[i];
    bool left = i > 0 && c->merged && slice_eq(c->text, row->cells[i - 1].text);
    bool right =
        i + 1 < row->count && row->cells[i + 1].merged && slice_eq(c->text, row->cells[i + 1].text);
    return left || right;
}

static bool says_its_header(const struct mapping_column *m, const struct cell *c)
{
    char a[KIB(1)], b[KIB(1)];
    struct buf text, header;
    buf_over(&text, a, sizeof(a));
    buf_over(&header, b, sizeof(b));
    return norm_match_key(c->text, &text) == OK && norm_match_key(m->header, &header) == OK &&
           text.n && slice_eq(buf_slice(&text), buf_slice(&header));
}

const char *mapping_heading(const struct mapping *m, const struct sheet_row *row)
{
    size_t filled = 0, wide = 0, header = 0;
    for (size_t i = 0; i < m->count; i++) {
        uint32_t column = m->columns[i].column;
        if (column >= row->count || slice_trim(row->cells[column].text).n == 0)
            continue;
        wide += in_wide_block(row, column);
        if (header == filled) /* all so far: rows of data are asked once */
            header += says_its_header(&m->columns[i], &row->cells[column]);
        filled++;
    }
    if (filled >= 2 && header == filled)
        return "header_again";
    return filled >= 3 && wide == filled ? "heading" : NULL;
}

static enum status no_room(const struct sheet_row *row, enum status st, struct err *err)
{
    if (st == ST_NOMEM)
        return err_set(err, st, N_("no memory to read the file; try again later"));
    (void)err_set(err, st, N_("the row is longer than it can be; shorten its cells"));
    err_prefix(err, N_("row %u"), row->number);
    return st;
}

enum status mapping_apply(const struct mapping *m, const struct sheet_row *row, struct arena *a,
                          struct ledger_row *ret_row, struct err *err)
{
    struct ledger_row r = {.row = row->number, .empty = true};
    struct applying p = {a, &r, {0}, row->date1904};
    if (row->number > m->header_row) {
        r.problems = arena_alloc_array(a, m->count + 1, sizeof(*r.problems));
        r.free_columns = arena_alloc_array(a, m->count + 1, sizeof(*r.free_columns));
        if (!r.problems || !r.free_columns)
            return no_room(row, arena_status(a), err);
        buf_init(&p.text, LIMIT_CELL_BYTES * 2);
        enum status st = OK;
        uint32_t name_column = 0;
        for (size_t i = 0; i < m->count && st == OK; i++) {
            if (m->columns[i].field == FIELD_NAME)
                name_column = m->columns[i].column;
            if (m->columns[i].column < row->count)
                st = put_cell(&p, &m->columns[i], &row->cells[m->columns[i].column]);
        }
        const char *heading = r.empty ? NULL : mapping_heading(m, row);
        if (st == OK && heading) {
            struct slice text = {NULL, 0};
            for (size_t i = 0; i < row->count && text.n == 0; i++)
                text = row->cells[i].text;
            r = (struct ledger_row){.row = row->number, .empty = true, .problems = r.problems};
            st = problem(&p, TO_KNOW, heading, 0, text);
        } else if (st == OK && !r.empty && r.value[FIELD_NAME].n == 0)
            st = problem(&p, MUST_SOLVE, "name_missing", name_column, (struct slice){NULL, 0});
        buf_done(&p.text);
        if (st != OK)
            return no_room(row, st, err);
    }
    *ret_row = r;
    return OK;
}

enum status ledger_row_key(const struct ledger_row *row, struct buf *out)
{
    enum status st = norm_match_key(row->value[FIELD_NAME], out);
    if (st == OK)
        st = buf_add_char(out, '\n'); /* stands in no key */
    return st == OK ? norm_match_key(row->value[FIELD_PRODUCT], out) : st;
}
