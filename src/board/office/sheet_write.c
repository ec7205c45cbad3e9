#include "board/office/sheet_write.h"

#include "base/csvwrite.h"
#include "base/limits.h"
#include "base/messages.h"
#include "base/utf8.h"
#include "board/office/charset.h"
#include "board/office/sheet.h"

#include <xlsxwriter.h>

struct xlsx_writer {
    lxw_workbook *book;
    lxw_worksheet *sheet;
    uint32_t row;
    size_t columns;
    struct buf text;
};

#define EXCEL_CELL_CHARS 32767 /* UTF-16 units; libxlsxwriter refuses more */

static const char no_memory[] = N_("no memory to write the file; try again later");

static enum status at_cell(const struct xlsx_writer *w, size_t column, struct err *err,
                           enum status st)
{
    char letters[COLUMN_LETTERS_SIZE];
    column_letters((uint32_t)column, letters);
    err_prefix(err, N_("row %u, column %s"), w->row + 1, letters);
    return st;
}

/* The text without control characters and bytes that are not UTF-8, which no workbook may hold, and
 * with a literal _xHHHH_ kept from being read as an escape. */
static enum status clean(struct xlsx_writer *w, struct slice s, size_t column, struct err *err)
{
    size_t n = 0, units = 0;
    buf_clear(&w->text);
    for (size_t i = 0; i < s.n; i += n) {
        bool ok;
        uint32_t c = utf8_decode(slice_sub(s, i, 4), &n, &ok);
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c == 0xfffe || c == 0xffff)
            continue;
        uint8_t b[4];
        if (c == '_' && s.n - i >= 7 && s.p[i + 1] == 'x' && s.p[i + 6] == '_') {
            (void)buf_add_str(&w->text, "_x005F");
            units += 6;
        }
        (void)buf_add(&w->text, b, utf8_encode(c, b)); /* sticks */
        units += c > 0xffff ? 2 : 1;
    }
    if (units > EXCEL_CELL_CHARS)
        return at_cell(w, column, err,
                       err_set(err, ST_LIMIT,
                               N_("longer than the %d characters that a cell of a workbook holds; "
                                  "export as CSV instead"),
                               EXCEL_CELL_CHARS));
    if (w->text.failed == ST_LIMIT)
        return at_cell(w, column, err,
                       err_set_text(err, ST_LIMIT, N_("the text is longer than a cell holds")));
    return w->text.failed == OK ? OK : err_set_text(err, w->text.failed, no_memory);
}

static enum status put(struct xlsx_writer *w, struct slice s, size_t column, lxw_format *format,
                       struct err *err)
{
    enum status st = clean(w, s, column, err);
    if (st != OK)
        return st;
    lxw_error e =
        worksheet_write_string(w->sheet, w->row, (lxw_col_t)column, buf_text(&w->text), format);
    if (e == LXW_NO_ERROR)
        return OK;
    if (e == LXW_ERROR_MEMORY_MALLOC_FAILED)
        return err_set_text(err, ST_NOMEM, no_memory);
    return err_set(err, ST_IO, N_("row %u cannot be written: %s"), w->row + 1, lxw_strerror(e));
}

static enum status begin(struct xlsx_writer *w, const struct slice *headers, struct err *err)
{
    lxw_format *bold = workbook_add_format(w->book);
    if (!bold)
        return err_set_text(err, ST_NOMEM, no_memory);
    format_set_bold(bold);
    format_set_bg_color(bold, 0xE8ECF1);
    format_set_border(bold, LXW_BORDER_THIN);
    enum status st = OK;
    for (size_t i = 0; i < w->columns && st == OK; i++) {
        int width = 0;
        size_t n = 0;
        for (size_t k = 0; k < headers[i].n; k += n)
            width += utf8_width(utf8_decode(slice_sub(headers[i], k, 4), &n, &(bool){false}));
        width = width < 12 ? 14 : width > 40 ? 42 : width + 4;
        (void)worksheet_set_column(w->sheet, (lxw_col_t)i, (lxw_col_t)i, width, NULL);
        st = put(w, headers[i], i, bold, err);
    }
    worksheet_freeze_panes(w->sheet, 1, 0);
    w->row = 1;
    return st;
}

enum status xlsx_writer_new(const char *path, const char *sheet, const struct slice *headers,
                            size_t count, struct xlsx_writer **ret_w, struct err *err)
{
    if (count == 0 || count > LIMIT_SHEET_COLUMNS)
        return err_set(err, ST_INVALID, N_("%zu columns cannot be exported"), count);
    struct xlsx_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return err_set_text(err, ST_NOMEM, no_memory);
    w->columns = count;
    buf_init(&w->text, LIMIT_CELL_BYTES * 2);
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    w->book = workbook_new_opt(path, &options);
    w->sheet = w->book ? workbook_add_worksheet(w->book, sheet) : NULL;
    enum status st = w->sheet ? begin(w, headers, err)
                              : err_set(err, ST_INVALID, N_("a sheet cannot be named %s"), sheet);
    if (st != OK) {
        xlsx_writer_abandon(w);
        return st;
    }
    *ret_w = w;
    return OK;
}

enum status xlsx_writer_row(struct xlsx_writer *w, const struct slice *texts, size_t count,
                            struct err *err)
{
    enum status st = OK;
    for (size_t i = 0; i < count && i < w->columns && st == OK; i++)
        if (texts[i].n)
            st = put(w, texts[i], i, NULL, err);
    w->row++;
    return st;
}

enum status xlsx_writer_close(struct xlsx_writer *w, struct err *err)
{
    (void)worksheet_autofilter(w->sheet, 0, 0, w->row - 1, (lxw_col_t)(w->columns - 1));
    lxw_error e = workbook_close(w->book);
    buf_done(&w->text);
    free(w);
    if (e == LXW_NO_ERROR)
        return OK;
    return err_set(err, ST_IO, N_("the workbook cannot be written: %s"), lxw_strerror(e));
}

void xlsx_writer_abandon(struct xlsx_writer *w)
{
    if (!w)
        return;
    if (w->book)
        lxw_workbook_free(w->book);
    buf_done(&w->text);
    free(w);
}

/* --- CSV */

struct missing_at {
    struct csv_export *e;
    const struct buf *row;
};

/* Which column the byte at `offset` of a finished row stands in: commas outside quotes before it.
 */
static void on_missing(void *ctx, size_t offset, uint32_t code_point)
{
    struct missing_at *m = ctx;
    uint32_t column = 0;
    bool quoted = false;
    for (size_t i = 0; i < offset; i++) {
        quoted ^= m->row->p[i] == '"';
        column += !quoted && m->row->p[i] == ',';
    }
    if (m->e->missing)
        m->e->missing(m->e->ctx, &(struct csv_missing){m->e->row, column, code_point});
}

enum status csv_export_row(struct csv_export *e, const struct slice *texts, size_t count)
{
    struct buf row;
    buf_init(&row, LIMIT_CELL_BYTES * (size_t)LIMIT_SHEET_COLUMNS);
    struct csvw w = {&row, ',', true, false};
    for (size_t i = 0; i < count; i++)
        csv_field(&w, texts[i]);
    csv_end_row(&w);
    e->row++;
    enum status st = buf_status(&row);
    if (st == OK && e->cp932) {
        struct missing_at m = {e, &row};
        st = charset_add_cp932(e->out, buf_slice(&row), '?', on_missing, &m);
    } else if (st == OK) {
        if (e->row == 1)
            (void)buf_add_str(e->out, "\xef\xbb\xbf");
        st = buf_add_slice(e->out, buf_slice(&row));
    }
    buf_done(&row);
    return st;
}
