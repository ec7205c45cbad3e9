/* Rows of one worksheet (ECMA-376 part 1, 18.3), streamed: one row is in memory, and the texts of
 * the merged blocks that reach below it. Merged blocks stand behind the rows in the file, so a
 * first pass collects them. */
#include "board/office/xlsx_int.h"

#include "base/limits.h"
#include "base/messages.h"
#include "board/office/normalise.h"

#include <math.h>

_Static_assert(LIMIT_SHEET_COLUMNS == 200, "a message below names it");

struct merge {
    uint32_t row0, row1, col0, col1;
    struct buf text;
    enum cell_kind kind;
};

enum value_type { V_NUMBER, V_SHARED, V_TEXT, V_INLINE, V_BOOL, V_ERROR, V_DATE };

struct sheet_reading {
    struct xlsx *x;
    const char *name;
    struct xlsx_part part;
    sheet_row_fn fn;
    void *ctx;
    struct buf merges; /* struct merge each, in order of row0 */
    size_t next_merge; /* the first that has not begun */
    size_t active[LIMIT_SHEET_COLUMNS];
    size_t active_count; /* merged blocks that cover the present row; they cannot overlap */
    bool in_data, in_row, in_cell, in_value, in_phonetic, in_formula, hidden;
    bool has_formula, has_value;
    uint32_t row, column, style;
    enum value_type type;
    struct buf value, formula, text; /* of the cell; of the row */
    size_t start[LIMIT_SHEET_COLUMNS], length[LIMIT_SHEET_COLUMNS];
    struct cell cells[LIMIT_SHEET_COLUMNS];
    size_t count;
    bool placed; /* err names the cell */
};

/* Stops at the present cell, or at the row when none was met in it. what is marked N_(). */
static void fail_at(struct sheet_reading *r, enum status st, const char *what)
{
    char letters[COLUMN_LETTERS_SIZE];
    (void)err_set_text(r->part.err, st, what);
    if (r->column == UINT32_MAX) {
        err_prefix(r->part.err, N_("sheet %s, row %u"), r->name, r->row);
    } else {
        column_letters(r->column, letters);
        err_prefix(r->part.err, N_("sheet %s, row %u, column %s"), r->name, r->row, letters);
    }
    r->placed = true;
    xlsx_part_stop(&r->part, st);
}

static const char no_memory[] = N_("no memory to read the file; try again later");

/* --- first pass: merged blocks */

static void merges_start(void *ctx, const char *name, const char **atts)
{
    struct sheet_reading *r = ctx;
    if (strcmp(name, "row") == 0) { /* for the message if the part is damaged behind it */
        const char *number = xlsx_att(atts, "r");
        uint64_t n;
        if (number && slice_to_u64(slice_str(number), &n) == OK && n <= LIMIT_SHEET_ROWS)
            r->row = (uint32_t)n;
        return;
    }
    if (strcmp(name, "mergeCell") != 0)
        return;
    const char *ref = xlsx_att(atts, "ref");
    struct merge m = {0};
    size_t used = 0, used2 = 0;
    if (!ref || !xlsx_parse_ref(ref, &m.col0, &m.row0, &used) || ref[used] != ':' ||
        !xlsx_parse_ref(ref + used + 1, &m.col1, &m.row1, &used2) || m.col1 < m.col0 ||
        m.row1 < m.row0)
        return; /* marks no cells */
    if (m.col0 >= LIMIT_SHEET_COLUMNS)
        return;
    enum status st = buf_add(&r->merges, &m, sizeof(m));
    if (st == ST_NOMEM)
        xlsx_part_stop(&r->part, err_set_text(r->part.err, st, no_memory));
    else if (st != OK)
        xlsx_part_stop(&r->part, err_set(r->part.err, st,
                                         N_("more than %d merged blocks; copy the values into a "
                                            "new sheet"),
                                         LIMIT_XLSX_MERGES));
}

static int merge_order(const void *a, const void *b)
{
    const struct merge *x = a, *y = b;
    if (x->row0 != y->row0)
        return x->row0 < y->row0 ? -1 : 1;
    return x->col0 < y->col0 ? -1 : x->col0 > y->col0;
}

static struct merge *merge_at(struct sheet_reading *r, size_t i)
{
    return (struct merge *)(void *)r->merges.p + i;
}

/* --- values */

static const char *date_text(double serial, bool date1904, char out[32])
{
    double day = floor(serial);
    long secs = lround((serial - day) * 86400);
    if (secs == 86400) {
        secs = 0;
        day += 1;
    }
    struct norm_date d;
    bool dated = norm_serial_date(day, date1904, &d) == OK && (day > 0 || date1904);
    int h = (int)(secs / 3600), m = (int)(secs / 60 % 60), s = (int)(secs % 60);
    if (dated && secs == 0)
        (void)snprintf(out, 32, "%04d-%02d-%02d", d.year, d.month, d.day);
    else if (dated)
        (void)snprintf(out, 32, "%04d-%02d-%02d %02d:%02d:%02d", d.year, d.month, d.day, h, m, s);
    else if (day == 0 && !date1904)
        (void)snprintf(out, 32, "%02d:%02d:%02d", h, m, s);
    else
        return NULL;
    return out;
}

static enum cell_kind number_cell(struct sheet_reading *r)
{
    char out[40], *end = NULL;
    const char *text = buf_text(&r->value);
    double v = strtod(text, &end); /* programs keep LC_NUMERIC at "C" */
    if (end == text || *end || !isfinite(v)) {
        (void)buf_add_slice(&r->text, buf_slice(&r->value));
        return CELL_TEXT;
    }
    uint8_t style = r->style < r->x->styles.n ? r->x->styles.p[r->style] : STYLE_PLAIN;
    char dated[32];
    const char *d = style == STYLE_DATE ? date_text(v, r->x->date1904, dated) : NULL;
    if ((style & STYLE_FIXED) && fabs(v) < 1e15) { /* as it is shown: 0012, version 5.20 */
        int decimals = style & 7, digits = style >> 3 & 15;
        (void)snprintf(out, sizeof(out), "%0*.*f", digits + (decimals ? decimals + 1 : 0) + (v < 0),
                       decimals, v);
        text = out;
    } else if (!d && strlen(text) > 15 && snprintf(out, sizeof(out), "%.15g", v) > 0) {
        text = out; /* 0.1 is stored as 0.10000000000000001 */
    }
    (void)buf_add_str(&r->text, d ? d : text);
    return d ? CELL_DATE : CELL_NUMBER;
}

static enum cell_kind shared_cell(struct sheet_reading *r)
{
    uint64_t i;
    size_t n = r->x->string_ends.n / sizeof(uint32_t);
    if (slice_to_u64(buf_slice(&r->value), &i) != OK || i >= n) {
        fail_at(r, ST_MALFORMED,
                N_("the cell names a text that is not in the workbook; save the workbook again"));
        return CELL_EMPTY;
    }
    uint32_t from = 0, to;
    if (i > 0)
        memcpy(&from, r->x->string_ends.p + (i - 1) * sizeof(from), sizeof(from));
    memcpy(&to, r->x->string_ends.p + i * sizeof(to), sizeof(to));
    (void)buf_add_slice(&r->text, slice_sub(buf_slice(&r->x->strings), from, to - from));
    return CELL_TEXT;
}

/* t="d": "2021-11-30T12:34:56Z"; a midnight is no time of day. */
static void iso_date(struct sheet_reading *r, struct slice v)
{
    (void)buf_add_slice(&r->text, slice_sub(v, 0, 10));
    struct slice time = slice_sub(v, 11, 8);
    if (time.n && !slice_starts(time, SLICE_LIT("00:00:00"))) {
        (void)buf_add_char(&r->text, ' ');
        (void)buf_add_slice(&r->text, time);
    }
}

/* A formula whose result the file does not hold: an empty cell would be a wrong answer. */
static enum cell_kind formula_cell(struct sheet_reading *r)
{
    (void)buf_add_char(&r->text, '=');
    (void)buf_add_slice(&r->text, buf_slice(&r->formula));
    return CELL_ERROR;
}

static enum cell_kind value_cell(struct sheet_reading *r)
{
    struct slice v = buf_slice(&r->value);
    if (v.n == 0)
        return r->has_formula && !r->has_value ? formula_cell(r) : CELL_EMPTY;
    switch (r->type) {
    case V_NUMBER:
        return number_cell(r);
    case V_SHARED:
        return shared_cell(r);
    case V_BOOL:
        (void)buf_add_str(&r->text, slice_eq_str(v, "1") ? "TRUE" : "FALSE");
        return CELL_BOOL;
    case V_ERROR:
        (void)buf_add_slice(&r->text, v);
        return CELL_ERROR;
    case V_DATE:
        iso_date(r, v);
        return CELL_DATE;
    case V_TEXT:
    case V_INLINE:
        break;
    }
    size_t start = r->text.n;
    (void)buf_add_slice(&r->text, v);
    if (r->text.failed == OK)
        xlsx_unescape(&r->text, start);
    return r->text.n > start ? CELL_TEXT : CELL_EMPTY;
}

static void end_cell(struct sheet_reading *r)
{
    size_t start = r->text.n;
    enum cell_kind kind = value_cell(r);
    if (r->value.failed != OK || r->text.failed != OK || r->formula.failed != OK) {
        enum status st = r->value.failed     ? r->value.failed
                         : r->formula.failed ? r->formula.failed
                                             : r->text.failed;
        fail_at(r, st,
                st == ST_NOMEM ? no_memory
                               : N_("the text is longer than a cell holds; shorten it"));
        return;
    }
    if (kind == CELL_TEXT && r->text.n == start)
        kind = CELL_EMPTY;
    if (kind == CELL_EMPTY && r->column >= LIMIT_SHEET_COLUMNS)
        return; /* formatted to the right edge, as people do; there is nothing in it */
    if (r->column >= LIMIT_SHEET_COLUMNS) {
        fail_at(r, ST_LIMIT,
                N_("more than 200 columns are in use; delete those that the ledger does not need"));
        return;
    }
    while (r->count <= r->column) {
        r->cells[r->count] = (struct cell){.column = (uint32_t)r->count};
        r->length[r->count] = 0;
        r->start[r->count++] = start;
    }
    r->cells[r->column].kind = kind;
    r->start[r->column] = start;
    r->length[r->column] = r->text.n - start;
}

/* --- merged blocks of the row */

static bool merge_take_text(struct sheet_reading *r, struct merge *m)
{
    if (m->row0 != r->row || m->col0 >= r->count)
        return true;
    m->kind = r->cells[m->col0].kind;
    return buf_add_slice(&m->text, r->cells[m->col0].text) == OK;
}

static void fill_merges(struct sheet_reading *r)
{
    size_t n = r->merges.n / sizeof(struct merge), kept = 0;
    for (size_t i = 0; i < r->active_count; i++) {
        struct merge *m = merge_at(r, r->active[i]);
        if (m->row1 >= r->row)
            r->active[kept++] = r->active[i];
        else
            buf_done(&m->text);
    }
    r->active_count = kept;
    for (; r->next_merge < n && merge_at(r, r->next_merge)->row0 <= r->row; r->next_merge++) {
        struct merge *m = merge_at(r, r->next_merge);
        if (m->row1 < r->row)
            continue;
        if (r->active_count == LIMIT_SHEET_COLUMNS) {
            fail_at(r, ST_MALFORMED, N_("merged blocks overlap; save the workbook in Excel again"));
            return;
        }
        buf_init(&m->text, LIMIT_CELL_BYTES);
        r->active[r->active_count++] = r->next_merge;
    }
    for (size_t i = 0; i < r->active_count; i++) {
        struct merge *m = merge_at(r, r->active[i]);
        if (!merge_take_text(r, m)) {
            fail_at(r, ST_NOMEM, no_memory);
            return;
        }
        for (uint32_t c = m->col0; c <= m->col1 && c < LIMIT_SHEET_COLUMNS; c++) {
            while (r->count <= c) {
                r->cells[r->count] = (struct cell){.column = (uint32_t)r->count};
                r->count++;
            }
            if (r->row == m->row0 && c == m->col0)
                continue;
            r->cells[c].text = buf_slice(&m->text);
            r->cells[c].kind = m->kind;
            r->cells[c].merged = true;
        }
    }
}

static void end_row(struct sheet_reading *r)
{
    for (size_t i = 0; i < r->count; i++)
        r->cells[i].text = slice_sub(buf_slice(&r->text), r->start[i], r->length[i]);
    fill_merges(r);
    if (r->part.st != OK)
        return;
    struct sheet_row row = {r->name, r->row, r->hidden, r->cells, r->count, r->x->date1904};
    enum status st = r->fn(r->ctx, &row, r->part.err);
    if (st != OK) {
        r->placed = true; /* the callback said what it had to say */
        xlsx_part_stop(&r->part, st);
    }
}

/* --- second pass: rows */

static void start_row(struct sheet_reading *r, const char **atts)
{
    const char *number = xlsx_att(atts, "r"), *hidden = xlsx_att(atts, "hidden");
    uint64_t n = (uint64_t)r->row + 1;
    r->column = 0;
    if (number && slice_to_u64(slice_str(number), &n) != OK)
        n = 0;
    if (n <= r->row || n > LIMIT_SHEET_ROWS) {
        r->column = UINT32_MAX;
        fail_at(r, n > LIMIT_SHEET_ROWS ? ST_LIMIT : ST_MALFORMED,
                N_("the rows behind this one are not numbered as rows are; save the workbook in "
                   "Excel again"));
        return;
    }
    r->row = (uint32_t)n;
    r->hidden = hidden && (strcmp(hidden, "1") == 0 || strcmp(hidden, "true") == 0);
    r->count = 0;
    r->column = UINT32_MAX; /* the first cell without a reference is A */
    buf_clear(&r->text);
    r->in_row = true;
}

static enum value_type type_of(const char *t)
{
    static const struct {
        const char *name;
        enum value_type type;
    } types[] = {{"s", V_SHARED}, {"str", V_TEXT}, {"inlineStr", V_INLINE},
                 {"b", V_BOOL},   {"e", V_ERROR},  {"d", V_DATE}};
    for (size_t i = 0; t && i < ARRAY_LEN(types); i++)
        if (strcmp(t, types[i].name) == 0)
            return types[i].type;
    return V_NUMBER;
}

static void start_cell(struct sheet_reading *r, const char **atts)
{
    const char *ref = NULL, *type = NULL, *style = NULL;
    for (size_t i = 0; atts[i]; i += 2) {
        if (strcmp(atts[i], "r") == 0)
            ref = atts[i + 1];
        else if (strcmp(atts[i], "t") == 0)
            type = atts[i + 1];
        else if (strcmp(atts[i], "s") == 0)
            style = atts[i + 1];
    }
    uint32_t col = r->column + 1, row = r->row;
    size_t used = 0;
    uint64_t s = 0;
    bool bad = ref && (!xlsx_parse_ref(ref, &col, &row, &used) || ref[used] || row != r->row);
    bool back = r->column != UINT32_MAX && col <= r->column; /* a cell twice would hide the first */
    r->column = col;
    if (bad || back || col > 16383) {
        fail_at(r, ST_MALFORMED,
                N_("a cell stands in the wrong place; save the workbook in Excel again"));
        return;
    }
    r->style = style && slice_to_u64(slice_str(style), &s) == OK && s < LIMIT_XLSX_STYLES
                   ? (uint32_t)s
                   : 0;
    r->type = type_of(type);
    r->in_cell = true;
    r->has_formula = r->has_value = false;
    buf_clear(&r->value);
    buf_clear(&r->formula);
}

static void rows_start(void *ctx, const char *name, const char **atts)
{
    struct sheet_reading *r = ctx;
    if (r->in_cell) {
        if (strcmp(name, "rPh") == 0)
            r->in_phonetic = true;
        else if (strcmp(name, "f") == 0)
            r->in_formula = r->has_formula = true;
        else if (strcmp(name, r->type == V_INLINE ? "t" : "v") == 0)
            r->in_value = r->has_value = !r->in_phonetic;
    } else if (r->in_row && strcmp(name, "c") == 0) {
        start_cell(r, atts);
    } else if (r->in_data && strcmp(name, "row") == 0) {
        start_row(r, atts);
    } else if (strcmp(name, "sheetData") == 0) {
        r->in_data = true;
    }
}

static void rows_end(void *ctx, const char *name)
{
    struct sheet_reading *r = ctx;
    if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
        r->in_value = false;
    } else if (strcmp(name, "rPh") == 0) {
        r->in_phonetic = false;
    } else if (strcmp(name, "f") == 0) {
        r->in_formula = false;
    } else if (r->in_cell && strcmp(name, "c") == 0) {
        r->in_cell = false;
        end_cell(r);
    } else if (r->in_row && strcmp(name, "row") == 0) {
        r->in_row = false;
        end_row(r);
    } else if (strcmp(name, "sheetData") == 0) {
        xlsx_part_stop(&r->part, ST_END);
    }
}

static void rows_text(void *ctx, const char *s, int n)
{
    struct sheet_reading *r = ctx;
    if (r->in_value)
        (void)buf_add(&r->value, s, (size_t)n);                /* sticks; looked at in end_cell */
    else if (r->in_formula && r->formula.n + (size_t)n <= 200) /* enough to know it again */
        (void)buf_add(&r->formula, s, (size_t)n);
}

static void reading_free(struct sheet_reading *r)
{
    for (size_t i = 0; i < r->active_count; i++)
        buf_done(&merge_at(r, r->active[i])->text);
    buf_done(&r->merges);
    buf_done(&r->value);
    buf_done(&r->formula);
    buf_done(&r->text);
    free(r);
}

/* What went wrong between cells is said with the last row that was met. */
static void name_place(const struct sheet_reading *r, enum status st, struct err *err)
{
    if (st == OK || st == ST_END || st == ST_NOMEM || r->placed)
        return;
    if (r->row)
        err_prefix(err, N_("sheet %s, row %u"), r->name, r->row);
    else
        err_prefix(err, N_("sheet %s"), r->name);
}

enum status xlsx_read(struct xlsx *x, size_t sheet, sheet_row_fn fn, void *ctx, struct err *err)
{
    if (!x->sheets[sheet].part)
        return OK;
    struct sheet_reading *r = calloc(1, sizeof(*r));
    if (!r)
        return err_set_text(err, ST_NOMEM, no_memory);
    r->x = x;
    r->name = x->sheets[sheet].info.name;
    r->fn = fn;
    r->ctx = ctx;
    buf_init(&r->merges, LIMIT_XLSX_MERGES * sizeof(struct merge));
    buf_init(&r->value, LIMIT_CELL_BYTES);
    buf_init(&r->formula, 256);
    buf_init(&r->text, LIMIT_CELL_BYTES * (size_t)LIMIT_SHEET_COLUMNS);
    r->part = (struct xlsx_part){.start = merges_start, .ctx = r, .own_place = true};
    enum status st = xlsx_part_read(&r->part, x->zip, x->sheets[sheet].part, &x->inflated, err);
    if (st == OK) {
        r->row = 0;
        if (r->merges.n)
            qsort(r->merges.p, r->merges.n / sizeof(struct merge), sizeof(struct merge),
                  merge_order);
        r->part = (struct xlsx_part){
            .start = rows_start, .end = rows_end, .text = rows_text, .ctx = r, .own_place = true};
        st = xlsx_part_read(&r->part, x->zip, x->sheets[sheet].part, &x->inflated, err);
    }
    name_place(r, st, err);
    reading_free(r);
    if (st == ST_NOT_FOUND)
        return ST_MALFORMED;
    return st == ST_END ? OK : st;
}
