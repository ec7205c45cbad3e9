/* Writing the ledger as a file. See ledger_export.h.
 *
 * Two passes over the rows: which columns were kept from imports, then the rows themselves. Memory
 * holds the headers and one chunk of rows. */
#include "board/case/ledger_export.h"

#include "base/csvwrite.h"
#include "base/file.h"
#include "base/limits.h"
#include "board/case/asset_values.h"
#include "board/case/incident.h"
#include "board/case/ledger_query.h"
#include "board/case/state.h"
#include "board/office/sheet_write.h"
#include "board/office/words.h"

#include <fcntl.h>
#include <unistd.h>

#define FIELD_COLUMNS (ASSET_COLUMN_COUNT - 1) /* FIELD_FREE is columns of its own */
#define OWN_COLUMNS 2                          /* state, certainty; then the answers */
#define CSV_PIECE KIB(256)                     /* is written when it is longer */

/* A column kept from import: the n-th of this header within a row. */
struct kept_column {
    struct slice header;
    size_t nth;
};

/* A column with the answers to one question, of one CVE where it is asked per CVE. */
struct answer_column {
    const struct profile_question *question;
    const char *cve; /* "" */
};

struct export
{
    const struct ledger_filter *filter;
    enum lang lang;
    struct arena a; /* headers */
    struct profile *profile;
    struct kept_column *kept;
    size_t kept_count;
    struct answer_column *answers;
    size_t answer_count;
    struct slice *cells; /* of one row */
    size_t columns;
    struct xlsx_writer *xlsx;
    struct csv_export csv;
    struct buf piece;
    int fd; /* of a CSV, or -1 */
    const char *path;
    struct export_loss loss;
    uint32_t last_row, last_column; /* of the last character that was lost */
};

static enum status no_memory(enum status s, struct err *e)
{
    return err_set(e, s == OK ? ST_NOMEM : s, N_("no memory to write the ledger"));
}

/* --- columns kept from import */

static json_t *kept_of(const struct ledger_item *item)
{
    return item->free.n ? json_loadb((const char *)item->free.p, item->free.n, 0, NULL) : NULL;
}

/* The pair's header and which one of that header it is within its row. */
static const char *pair_at(const json_t *list, size_t i, size_t *ret_nth)
{
    const char *header = json_string_value(json_array_get(json_array_get(list, i), 0));
    *ret_nth = 0;
    for (size_t k = 0; k < i && header; k++) {
        const char *other = json_string_value(json_array_get(json_array_get(list, k), 0));
        *ret_nth += other && strcmp(other, header) == 0;
    }
    return header ? header : "";
}

static size_t find_kept(const struct export *x, const char *header, size_t nth)
{
    for (size_t i = 0; i < x->kept_count; i++)
        if (x->kept[i].nth == nth && slice_eq_str(x->kept[i].header, header))
            return i;
    return x->kept_count;
}

static enum status note_kept(struct export *x, const json_t *list, struct err *e)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t nth;
        const char *header = pair_at(list, i, &nth);
        if (find_kept(x, header, nth) < x->kept_count)
            continue;
        if (x->kept_count == LIMIT_SHEET_COLUMNS)
            return err_set(e, ST_LIMIT, N_("the ledger has more than %d columns"),
                           LIMIT_SHEET_COLUMNS);
        struct kept_column *c = &x->kept[x->kept_count];
        c->nth = nth;
        if (arena_copy(&x->a, slice_str(header), &c->header) != OK)
            return no_memory(arena_status(&x->a), e);
        x->kept_count++;
    }
    return OK;
}

static enum status note_chunk(void *ctx, struct db *db, const struct ledger_item *items,
                              size_t count, struct arena *a, struct err *e)
{
    enum status s = OK;
    (void)db;
    (void)a;
    for (size_t i = 0; i < count && s == OK; i++) {
        json_t *list = kept_of(&items[i]);
        if (items[i].free.n && !list)
            s = no_memory(ST_NOMEM, e);
        else
            s = note_kept(ctx, list, e);
        json_decref(list);
    }
    return s;
}

/* --- columns of answers */

static enum status add_answers(struct export *x, struct err *e)
{
    const struct profile *p = x->profile;
    x->answers =
        arena_alloc_array(&x->a, p->question_count * (p->cve_count + 1) + 1, sizeof *x->answers);
    if (!x->answers)
        return no_memory(arena_status(&x->a), e);
    for (size_t q = 0; q < p->question_count; q++) {
        const struct profile_question *question = &p->questions[q];
        if (!question->per_cve)
            x->answers[x->answer_count++] = (struct answer_column){question, ""};
        for (size_t c = 0; c < p->cve_count && question->per_cve; c++)
            if (p->cves[c].asked)
                x->answers[x->answer_count++] = (struct answer_column){question, p->cves[c].id};
    }
    return OK;
}

static enum status answer_text(const struct export *x, const struct answer_column *c,
                               const struct db_rows *rows, struct arena *a, struct slice *ret)
{
    const struct profile_option *o = profile_option(c->question, db_text(rows, 3));
    const char *detail = db_text(rows, 4);
    char *text = arena_printf(a, "%s%s%s", o ? o->label[x->lang] : db_text(rows, 3),
                              *detail ? " " : "", detail);
    if (!text)
        return arena_status(a);
    *ret = slice_str(text);
    return OK;
}

/* The answers of a chunk: answers[item * answer_count + column]. */
static enum status read_answers(struct export *x, struct db *db, const struct ledger_item *items,
                                size_t count, struct arena *a, struct slice *answers, struct err *e)
{
    int64_t ids[LEDGER_CHUNK];
    struct db_rows *rows = NULL;
    for (size_t i = 0; i < count; i++)
        ids[i] = items[i].id;
    enum status s = ledger_query_in(db,
                                    "SELECT asset_id, question, cve, option, detail FROM answer "
                                    "WHERE asset_id IN " LEDGER_IN,
                                    ids, count, &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        for (size_t i = 0; i < count && s == OK; i++)
            for (size_t k = 0; k < x->answer_count && s == OK; k++)
                if (items[i].id == db_int(rows, 0) &&
                    strcmp(x->answers[k].question->id, db_text(rows, 1)) == 0 &&
                    strcmp(x->answers[k].cve, db_text(rows, 2)) == 0)
                    s = answer_text(x, &x->answers[k], rows, a, &answers[i * x->answer_count + k]);
        if (s != OK)
            (void)no_memory(s, e);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* --- rows */

static void on_missing(void *ctx, const struct csv_missing *m)
{
    struct export *x = ctx;
    char letters[COLUMN_LETTERS_SIZE];
    if (m->row == x->last_row && m->column == x->last_column)
        return;
    x->last_row = m->row;
    x->last_column = m->column;
    if (x->loss.cells++ > 0)
        return;
    column_letters(m->column, letters);
    (void)snprintf(x->loss.first, sizeof x->loss.first, "%s%u U+%04X", letters, m->row,
                   m->code_point);
}

static enum status write_piece(struct export *x, size_t longer_than, struct err *e)
{
    if (x->piece.n <= longer_than)
        return OK;
    enum status s = fd_write_all(x->fd, buf_slice(&x->piece), e);
    buf_clear(&x->piece);
    return s;
}

/* A text that begins with quotes before a formula gets one more, so that reading takes off what
 * writing put before it, and no more. */
static enum status quote(struct slice *cell, struct arena *a)
{
    struct slice rest = *cell;
    while (rest.n && rest.p[0] == '\'')
        rest = slice_sub(rest, 1, rest.n);
    if (rest.n == cell->n || !csv_is_formula(rest))
        return OK;
    char *text = arena_printf(a, "'%.*s", (int)cell->n, (const char *)cell->p);
    if (!text)
        return arena_status(a);
    *cell = slice_of(text, cell->n + 1);
    return OK;
}

static enum status write_row(struct export *x, struct arena *a, struct err *e)
{
    if (x->xlsx)
        return xlsx_writer_row(x->xlsx, x->cells, x->columns, e);
    enum status s = OK;
    for (size_t i = 0; i < x->columns && s == OK; i++)
        s = quote(&x->cells[i], a);
    if (s == OK)
        s = csv_export_row(&x->csv, x->cells, x->columns);
    if (s != OK)
        return no_memory(s, e);
    return write_piece(x, CSV_PIECE, e);
}

static struct slice category_word(const struct export *x, struct slice code)
{
    for (int c = CATEGORY_EXTERNAL; c <= CATEGORY_CLIENT; c++)
        if (slice_eq_str(code, category_code((enum ledger_category)c)))
            return slice_str(category_label(x->lang, (enum ledger_category)c));
    return code;
}

static struct slice exposed_word(const struct export *x, int64_t exposed)
{
    return slice_str(exposed == YN_YES  ? TC(x->lang, "exposed", "yes")
                     : exposed == YN_NO ? TC(x->lang, "exposed", "no")
                                        : "");
}

static void put_fields(const struct export *x, const struct ledger_item *item)
{
    const struct slice fields[FIELD_COLUMNS] = {item->number,
                                                item->name,
                                                category_word(x, item->category),
                                                item->owner,
                                                item->owner_mail,
                                                item->department,
                                                item->vendor,
                                                item->product,
                                                item->version,
                                                exposed_word(x, item->exposed),
                                                item->hosts,
                                                item->users,
                                                item->shared_with,
                                                item->criticality,
                                                item->notes,
                                                item->renewed_on};
    memcpy(x->cells, fields, sizeof fields);
}

static enum status put_kept(const struct export *x, const struct ledger_item *item, struct arena *a)
{
    struct slice *cells = x->cells + FIELD_COLUMNS;
    json_t *list = kept_of(item);
    enum status s = item->free.n && !list ? ST_NOMEM : OK;
    memset(cells, 0, x->kept_count * sizeof *cells);
    for (size_t i = 0; i < json_array_size(list) && s == OK; i++) {
        size_t nth;
        const char *header = pair_at(list, i, &nth);
        const char *value = json_string_value(json_array_get(json_array_get(list, i), 1));
        size_t at = find_kept(x, header, nth);
        if (at < x->kept_count)
            s = arena_copy(a, slice_str(value), &cells[at]);
    }
    json_decref(list);
    return s;
}

static enum status write_chunk(void *ctx, struct db *db, const struct ledger_item *items,
                               size_t count, struct arena *a, struct err *e)
{
    struct export *x = ctx;
    struct slice *answers = arena_alloc_array(a, count * x->answer_count + 1, sizeof *answers);
    if (!answers)
        return no_memory(arena_status(a), e);
    enum status s = read_answers(x, db, items, count, a, answers, e);
    for (size_t i = 0; i < count && s == OK; i++) {
        struct slice *own = x->cells + FIELD_COLUMNS + x->kept_count;
        char state[32];
        char certainty[32];
        (void)snprintf(state, sizeof state, "%.*s", (int)items[i].state.n,
                       (const char *)items[i].state.p);
        (void)snprintf(certainty, sizeof certainty, "%.*s", (int)items[i].certainty.n,
                       (const char *)items[i].certainty.p);
        put_fields(x, &items[i]);
        if (put_kept(x, &items[i], a) != OK)
            return no_memory(arena_status(a), e);
        own[0] = slice_str(state_word(state_of_code(state), x->lang));
        own[1] = slice_str(certainty_word(certainty_of_code(certainty), x->lang));
        memcpy(own + OWN_COLUMNS, answers + i * x->answer_count, x->answer_count * sizeof *answers);
        s = write_row(x, a, e);
    }
    return s;
}

/* --- the file */

static enum status own_header(struct export *x, size_t at, const char *first, const char *second)
{
    char *text = arena_printf(&x->a, LEDGER_OWN_HEADER "%s%s%s", first, *second ? " " : "", second);
    if (!text)
        return arena_status(&x->a);
    x->cells[at] = slice_str(text);
    return OK;
}

/* The headers, in cells. */
static enum status put_headers(struct export *x, struct err *e)
{
    x->columns = FIELD_COLUMNS + x->kept_count + OWN_COLUMNS + x->answer_count;
    if (x->columns > LIMIT_SHEET_COLUMNS)
        return err_set(e, ST_LIMIT, N_("the ledger has more than %d columns"), LIMIT_SHEET_COLUMNS);
    x->cells = arena_alloc_array(&x->a, x->columns, sizeof *x->cells);
    if (!x->cells)
        return no_memory(arena_status(&x->a), e);
    size_t n = 0;
    for (; n < FIELD_COLUMNS; n++)
        x->cells[n] = slice_str(field_label(x->lang, asset_columns[n]));
    for (size_t i = 0; i < x->kept_count; i++)
        x->cells[n++] = x->kept[i].header;
    enum status s = own_header(x, n++, T(x->lang, "state"), "");
    if (s == OK)
        s = own_header(x, n++, T(x->lang, "certainty"), "");
    for (size_t i = 0; i < x->answer_count && s == OK; i++)
        s = own_header(x, n++, x->answers[i].question->text[x->lang], x->answers[i].cve);
    return s == OK ? OK : no_memory(s, e);
}

static enum status open_file(struct export *x, enum export_format format, struct err *e)
{
    if (format == EXPORT_XLSX)
        return xlsx_writer_new(x->path, T(x->lang, "Ledger"), x->cells, x->columns, &x->xlsx, e);
    x->fd = open(x->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (x->fd < 0)
        return err_set_errno(e, ST_IO, "%s", x->path);
    buf_init(&x->piece, (size_t)LIMIT_CELL_BYTES * LIMIT_SHEET_COLUMNS);
    x->csv = (struct csv_export){
        .out = &x->piece, .cp932 = format == EXPORT_CSV_CP932, .missing = on_missing, .ctx = x};
    return write_row(x, &x->a, e);
}

static enum status close_file(struct export *x, struct err *e)
{
    if (x->xlsx) {
        struct xlsx_writer *w = x->xlsx;
        x->xlsx = NULL;
        return xlsx_writer_close(w, e);
    }
    enum status s = write_piece(x, 0, e);
    int fd = x->fd;
    x->fd = -1;
    if (close(fd) != 0 && s == OK)
        s = err_set_errno(e, ST_IO, "%s", x->path);
    return s;
}

static void export_done(struct export *x)
{
    xlsx_writer_abandon(x->xlsx);
    if (x->fd >= 0)
        (void)close(x->fd);
    buf_done(&x->piece);
    profile_free(x->profile);
    arena_done(&x->a);
}

static enum status export_all(struct export *x, struct db *db, enum export_format format,
                              struct err *e)
{
    x->kept = arena_alloc_array(&x->a, LIMIT_SHEET_COLUMNS, sizeof *x->kept);
    if (!x->kept)
        return no_memory(arena_status(&x->a), e);
    enum status s = incident_profile(db, x->filter->incident, &x->profile, e);
    if (s == OK)
        s = add_answers(x, e);
    if (s == OK)
        s = ledger_each_chunk(db, x->filter, note_chunk, x, e);
    if (s == OK)
        s = put_headers(x, e);
    if (s == OK)
        s = open_file(x, format, e);
    if (s == OK)
        s = ledger_each_chunk(db, x->filter, write_chunk, x, e);
    return s == OK ? close_file(x, e) : s;
}

enum status ledger_export(struct db *db, const struct ledger_filter *f, enum export_format format,
                          enum lang lang, const char *path, struct export_loss *ret_loss,
                          struct err *e)
{
    struct export x = {.filter = f, .lang = lang, .fd = -1, .path = path};
    bool own = !db_in_transaction(db); /* both passes see one moment */
    enum status s = own ? db_begin_read(db, e) : OK;
    if (s != OK)
        return s;
    arena_init(&x.a, MIB(64));
    s = export_all(&x, db, format, e);
    if (s == OK)
        *ret_loss = x.loss;
    export_done(&x);
    if (own)
        db_rollback(db);
    return s;
}
