/* Tells the kinds of spreadsheet files apart by content and hands over to their readers. */
#include "board/office/sheet.h"

#include "base/limits.h"
#include "base/messages.h"
#include "board/office/charset.h"
#include "board/office/csv.h"
#include "board/office/xlsx.h"

#include <strings.h>

struct book {
    struct xlsx *xlsx; /* NULL: a CSV */
    struct buf text;
    char separator;
    enum charset charset;
    struct sheet_info csv_sheet;
};

/* Files that people take for workbooks and that are none, by how they begin. */
static const struct {
    const char *start, *says;
} others[] = {
    {"%PDF-", N_("this is a PDF; send the .xlsx or .csv file that it was made from")},
    {"{\\rtf", N_("this is a text document (RTF); send an .xlsx or .csv file")},
    {"\x89PNG", N_("this is a picture; send an .xlsx or .csv file")},
    {"\xff\xd8\xff", N_("this is a picture; send an .xlsx or .csv file")},
    {"GIF8", N_("this is a picture; send an .xlsx or .csv file")},
    {"\x1f\x8b", N_("the file is compressed (gzip); unpack it and send what is inside")},
    {"7z\xbc\xaf", N_("the file is compressed (7z); unpack it and send what is inside")},
    {"Rar!", N_("the file is compressed (RAR); unpack it and send what is inside")},
};

/* Systems write web pages and XML under the name .xls; Excel opens them after a warning. */
static const char *markup_says(struct slice file)
{
    struct slice s = slice_sub(file, slice_starts(file, SLICE_LIT("\xef\xbb\xbf")) ? 3 : 0, 1024);
    s = slice_trim(s);
    if (s.n < 5 || s.p[0] != '<')
        return NULL;
    static const char *const html[] = {"<html", "<!doc", "<tabl", "<meta", "<head"};
    for (size_t i = 0; i < ARRAY_LEN(html); i++)
        if (strncasecmp((const char *)s.p, html[i], 5) == 0)
            return N_("this is a web page under the name of a workbook; open it in Excel, save it "
                      "as .xlsx and send it again");
    if (slice_starts(s, SLICE_LIT("<?xml")))
        return N_("this is an XML file, not an .xlsx workbook; open it in Excel, save it as .xlsx "
                  "and send it again");
    return NULL;
}

static enum status refuse_others(struct slice file, struct err *err)
{
    if (slice_starts(file, SLICE_LIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))) {
        /* Names in an OLE directory are UTF-16LE. */
        static const char package[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
        if (slice_find(file, slice_of(package, sizeof(package))) < file.n)
            return err_set(err, ST_UNSUPPORTED,
                           N_("the workbook is protected with a password; open it in Excel, remove "
                              "the password, save it as .xlsx and send it again"));
        return err_set(err, ST_UNSUPPORTED,
                       N_("this is an old .xls workbook; open it in Excel, save it as .xlsx and "
                          "send it again"));
    }
    const char *says = markup_says(file);
    for (size_t i = 0; i < ARRAY_LEN(others) && !says; i++)
        if (slice_starts(file, slice_str(others[i].start)))
            says = others[i].says;
    return says ? err_set_text(err, ST_UNSUPPORTED, says) : OK;
}

static enum status open_csv(struct slice file, const struct book_options *o, struct book *b,
                            struct err *err)
{
    buf_init(&b->text, LIMIT_OFFICE_TEXT_BYTES);
    if (o)
        b->separator = o->separator;
    b->csv_sheet.name = "CSV";
    if (!o || !o->charset)
        return charset_to_utf8(file, &b->text, &b->charset, err);
    if (charset_of_name(o->charset, &b->charset) != OK)
        return err_set(err, ST_INVALID, N_("%s is not a character set that can be read"),
                       o->charset);
    return charset_convert(file, b->charset, &b->text, err);
}

enum status book_open(struct slice file, const struct book_options *options, struct book **ret_book,
                      struct err *err)
{
    if (file.n > LIMIT_OFFICE_FILE_BYTES)
        return err_set(err, ST_LIMIT,
                       N_("the file has %zu MiB, at most %zu can be read; divide it, or leave out "
                          "pictures and other sheets"),
                       file.n >> 20, LIMIT_OFFICE_FILE_BYTES >> 20);
    if (file.n == 0)
        return err_set(err, ST_MALFORMED, N_("the file is empty"));
    enum status st = refuse_others(file, err);
    if (st != OK)
        return st;
    struct book *b = calloc(1, sizeof(*b));
    if (!b)
        return err_set(err, ST_NOMEM, N_("no memory to read the file; try again later"));
    if (slice_starts(file, SLICE_LIT("PK\x03\x04")) || slice_starts(file, SLICE_LIT("PK\x05\x06")))
        st = xlsx_open(file, &b->xlsx, err);
    else
        st = open_csv(file, options, b, err);
    if (st != OK) {
        book_free(b);
        return st;
    }
    *ret_book = b;
    return OK;
}

void book_free(struct book *b)
{
    if (!b)
        return;
    xlsx_free(b->xlsx);
    buf_done(&b->text);
    free(b);
}

size_t book_sheet_count(const struct book *b)
{
    return b->xlsx ? xlsx_sheet_count(b->xlsx) : 1;
}

const struct sheet_info *book_sheet(const struct book *b, size_t i)
{
    return b->xlsx ? xlsx_sheet(b->xlsx, i) : &b->csv_sheet;
}

const char *book_place(const struct book *b, size_t sheet)
{
    return b->xlsx ? xlsx_sheet(b->xlsx, sheet)->name : NULL;
}

size_t book_best_sheet(const struct book *b)
{
    size_t best = 0;
    uint64_t most = 0;
    for (size_t i = 0; i < book_sheet_count(b); i++) {
        const struct sheet_info *s = book_sheet(b, i);
        /* One more, so that a visible sheet without a size still goes before a hidden one. */
        uint64_t cells = s->hidden ? 0 : (uint64_t)s->rows * s->columns + 1;
        if (cells > most) {
            most = cells;
            best = i;
        }
    }
    return best;
}

const char *book_format(const struct book *b)
{
    return b->xlsx ? "xlsx" : charset_name(b->charset);
}

enum status book_read(struct book *b, size_t sheet, sheet_row_fn fn, void *ctx, struct err *err)
{
    if (b->xlsx)
        return xlsx_read(b->xlsx, sheet, fn, ctx, err);
    return csv_read(buf_slice(&b->text), b->separator, b->csv_sheet.name, fn, ctx, err);
}

void column_letters(uint32_t column, char out[COLUMN_LETTERS_SIZE])
{
    char back[COLUMN_LETTERS_SIZE];
    size_t n = 0, i = 0;
    uint64_t c = (uint64_t)column + 1;
    while (c > 0 && n < COLUMN_LETTERS_SIZE - 1) {
        c--;
        back[n++] = (char)('A' + c % 26);
        c /= 26;
    }
    while (n > 0)
        out[i++] = back[--n];
    out[i] = 0;
}
