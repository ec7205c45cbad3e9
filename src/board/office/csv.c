/* CSV reader: one pass over the text, one row in memory. */
#include "board/office/csv.h"

#include "base/csvwrite.h"
#include "base/limits.h"
#include "base/messages.h"

struct csv {
    struct slice in;
    size_t at;
    uint8_t sep;
    uint32_t row;
    struct buf text;                    /* the row's unquoted text */
    size_t start[LIMIT_SHEET_COLUMNS];  /* of each field in text */
    size_t length[LIMIT_SHEET_COLUMNS]; /* SIZE_MAX never */
    size_t count;
    struct cell cells[LIMIT_SHEET_COLUMNS];
};

/* "sep=;" on the first line is Excel's own mark. */
static bool take_sep_line(struct csv *c)
{
    if (c->in.n < 5 || memcmp(c->in.p, "sep=", 4) != 0)
        return false;
    size_t i = 5;
    if (i < c->in.n && c->in.p[i] != '\r' && c->in.p[i] != '\n')
        return false;
    c->sep = c->in.p[4];
    if (c->sep == '"' || c->sep >= 0x80)
        return false;
    i += i < c->in.n && c->in.p[i] == '\r';
    i += i < c->in.n && c->in.p[i] == '\n';
    c->at = i;
    return true;
}

/* The separator that stands most often outside quotes in the first lines. */
static uint8_t guess_sep(struct slice in)
{
    static const uint8_t seps[] = {',', '\t', ';'};
    size_t seen[3] = {0}, lines = 0;
    bool quoted = false;
    for (size_t i = 0; i < in.n && i < 65536 && lines < 20; i++) {
        if (in.p[i] == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        lines += in.p[i] == '\n';
        for (size_t k = 0; k < 3; k++)
            seen[k] += in.p[i] == seps[k];
    }
    size_t best = 0;
    for (size_t k = 1; k < 3; k++)
        if (seen[k] > seen[best])
            best = k;
    return seps[best];
}

/* Puts the place before the message that is there. */
static enum status at_cell(const struct csv *c, struct err *err, enum status st)
{
    char letters[COLUMN_LETTERS_SIZE];
    column_letters((uint32_t)c->count, letters);
    err_prefix(err, N_("row %u, column %s"), c->row, letters);
    return st;
}

static enum status field_add(struct csv *c, size_t from, size_t to, struct err *err)
{
    size_t have = c->text.n - c->start[c->count];
    enum status st = OK;
    if (to - from > LIMIT_CELL_BYTES - have)
        st = err_set_at(err, ST_LIMIT, c->at,
                        N_("the cell is longer than %zu bytes; shorten it, or check that the "
                           "quotes (\") around it are closed"),
                        (size_t)LIMIT_CELL_BYTES);
    else if (to > from && memchr(c->in.p + from, 0, to - from))
        st = err_set_at(err, ST_MALFORMED, from,
                        N_("a NUL byte stands in the text, so the file is damaged or no CSV; save "
                           "it as CSV or .xlsx again"));
    else if (to > from && (st = buf_add(&c->text, c->in.p + from, to - from)) != OK)
        (void)err_set(err, st, N_("no memory to read the row; try again later"));
    return st == OK ? OK : at_cell(c, err, st);
}

static enum status quoted_part(struct csv *c, struct err *err)
{
    size_t from = ++c->at;
    for (;;) {
        const uint8_t *q = c->at < c->in.n ? memchr(c->in.p + c->at, '"', c->in.n - c->at) : NULL;
        if (!q)
            return at_cell(
                c, err,
                err_set_at(err, ST_MALFORMED, from,
                           N_("the quote (\") that opens here is never closed; close it, "
                              "or save the file as CSV again")));
        size_t at = (size_t)(q - c->in.p);
        bool twice = at + 1 < c->in.n && c->in.p[at + 1] == '"';
        enum status st = field_add(c, from, at + twice, err);
        c->at = at + 1 + twice;
        if (st != OK || !twice)
            return st;
        from = c->at;
    }
}

static bool at_end_of_field(const struct csv *c)
{
    return c->at >= c->in.n || c->in.p[c->at] == c->sep || c->in.p[c->at] == '\n' ||
           c->in.p[c->at] == '\r';
}

/* One field; what follows a closing quote is kept as text, as Excel does. */
static enum status field(struct csv *c, struct err *err)
{
    if (c->count == LIMIT_SHEET_COLUMNS)
        return at_cell(c, err,
                       err_set_at(err, ST_LIMIT, c->at,
                                  N_("more than %d columns are in use; delete those that the "
                                     "ledger does not need, or check the separator"),
                                  LIMIT_SHEET_COLUMNS));
    c->start[c->count] = c->text.n;
    enum status st = OK;
    if (c->at < c->in.n && c->in.p[c->at] == '"')
        st = quoted_part(c, err);
    size_t from = c->at;
    while (!at_end_of_field(c))
        c->at++;
    if (st == OK)
        st = field_add(c, from, c->at, err);
    c->length[c->count] = c->text.n - c->start[c->count];
    c->count++;
    return st;
}

static enum status row(struct csv *c, struct err *err)
{
    buf_clear(&c->text);
    c->count = 0;
    for (;;) {
        enum status st = field(c, err);
        if (st != OK)
            return st;
        if (c->at < c->in.n && c->in.p[c->at] == c->sep) {
            c->at++;
            continue;
        }
        c->at += c->at < c->in.n && c->in.p[c->at] == '\r';
        c->at += c->at < c->in.n && c->in.p[c->at] == '\n';
        return OK;
    }
}

/* Excel writes the errors of its cells into a CSV as text. */
static enum cell_kind kind_of(struct slice s)
{
    static const char *const errors[] = {"#REF!",   "#N/A",   "#VALUE!", "#NAME?",
                                         "#DIV/0!", "#NULL!", "#NUM!"};
    if (s.n == 0)
        return CELL_EMPTY;
    for (size_t i = 0; s.p[0] == '#' && i < ARRAY_LEN(errors); i++)
        if (slice_eq_str(s, errors[i]))
            return CELL_ERROR;
    return CELL_TEXT;
}

/* Our export puts a quote before what a spreadsheet would evaluate (base/csvwrite.h); it comes off
 * again, so that a file that was exported and sent back changes nothing. */
static struct slice without_guard(struct slice s)
{
    struct slice rest = slice_sub(s, 1, s.n);
    return s.n > 1 && s.p[0] == '\'' && csv_is_formula(rest) ? rest : s;
}

static enum status give_row(struct csv *c, const char *sheet, sheet_row_fn fn, void *ctx,
                            struct err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        struct slice s = slice_sub(buf_slice(&c->text), c->start[i], c->length[i]);
        s = without_guard(s);
        c->cells[i] = (struct cell){s, kind_of(s), (uint32_t)i, false};
    }
    struct sheet_row r = {sheet, c->row, false, c->cells, c->count};
    return fn(ctx, &r, err);
}

enum status csv_read(struct slice text, char separator, const char *sheet, sheet_row_fn fn,
                     void *ctx, struct err *err)
{
    struct csv *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, ST_NOMEM, N_("no memory to read the file; try again later"));
    c->in = text;
    buf_init(&c->text, LIMIT_CELL_BYTES * (size_t)LIMIT_SHEET_COLUMNS);
    bool told = take_sep_line(c);
    if (separator)
        c->sep = (uint8_t)separator;
    else if (!told)
        c->sep = guess_sep(text);
    enum status st = OK;
    while (st == OK && c->at < text.n) {
        if (c->row == LIMIT_SHEET_ROWS) {
            st = err_set_at(err, ST_LIMIT, c->at,
                            N_("more than %d rows; divide the file and send the parts"),
                            LIMIT_SHEET_ROWS);
            break;
        }
        c->row++;
        st = row(c, err);
        if (st == OK)
            st = give_row(c, sheet, fn, ctx, err);
    }
    buf_done(&c->text);
    free(c);
    return st == ST_END ? OK : st;
}
