/* The parts of a workbook: the first byte of the input chooses one, the rest is its XML; the others
 * are whole. So the XML is reached without a compressor's help. */
#include "fuzz.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/office/sheet.h"

#include <zip.h>

#define NUMBER "<c r='A2' s='1'><v>44530</v></c>"

static const struct {
    const char *name, *text;
} parts[] = {
    {"xl/worksheets/s.xml",
     "<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c></row><row r='2'>" NUMBER
     "</row></sheetData><mergeCells><mergeCell ref='A1:B1'/></mergeCells></worksheet>"},
    {"xl/ss.xml", "<sst><si><t>名称</t></si><si><r><t>a</t></r></si></sst>"},
    {"xl/styles.xml",
     "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='yyyy/m/d'/></numFmts><cellXfs>"
     "<xf numFmtId='0'/><xf numFmtId='164'/></cellXfs></styleSheet>"},
    {"xl/workbook.xml",
     "<workbook xmlns:r='r'><sheets><sheet name='一覧' r:id='rId1'/></sheets></workbook>"},
    {"xl/_rels/workbook.xml.rels",
     "<Relationships><Relationship Id='rId1' Type='x/worksheet' Target='worksheets/s.xml'/>"
     "<Relationship Id='rId2' Type='x/sharedStrings' Target='/xl/ss.xml'/>"
     "<Relationship Id='rId3' Type='x/styles' Target='styles.xml'/></Relationships>"},
};

static struct slice make_book(const uint8_t *data, size_t size, struct buf *out)
{
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *src = zip_source_buffer_create(NULL, 0, 0, &e);
    if (!src)
        abort();
    zip_source_keep(src);
    zip_t *z = zip_open_from_source(src, ZIP_TRUNCATE, &e);
    if (!z)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bool given = data[0] % ARRAY_LEN(parts) == i;
        zip_source_t *s = given ? zip_source_buffer(z, data + 1, size - 1, 0)
                                : zip_source_buffer(z, parts[i].text, strlen(parts[i].text), 0);
        zip_int64_t at = zip_file_add(z, parts[i].name, s, 0);
        if (at < 0 || zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0) != 0)
            abort();
    }
    uint8_t b[4096];
    if (zip_close(z) != 0 || zip_source_open(src) != 0)
        abort();
    for (zip_int64_t k; (k = zip_source_read(src, b, sizeof(b))) > 0;)
        (void)buf_add(out, b, (size_t)k);
    zip_source_close(src);
    zip_source_free(src);
    return buf_slice(out);
}

static enum status look(void *ctx, const struct sheet_row *row, struct err *err)
{
    uint32_t *last = ctx;
    (void)err;
    if (row->number <= *last || row->count > LIMIT_SHEET_COLUMNS)
        abort();
    *last = row->number;
    for (size_t i = 0; i < row->count; i++)
        if (row->cells[i].column != i || !utf8_valid(row->cells[i].text, NULL))
            abort();
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf zip;
    struct book *b = NULL;
    struct err err = {0};
    if (size == 0 || size > KIB(64))
        return 0;
    buf_init(&zip, MIB(1));
    enum status st = book_open(make_book(data, size, &zip), NULL, &b, &err);
    for (size_t i = 0; st == OK && i < book_sheet_count(b); i++) {
        uint32_t last = 0;
        st = book_read(b, i, look, &last, &err);
    }
    if (st != OK && !err.msg[0])
        abort();
    book_free(b);
    buf_done(&zip);
    return 0;
}
