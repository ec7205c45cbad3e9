/* Helpers of the office tests: workbooks of hand-written parts, rows as text. */
#ifndef HIKESHI_TESTS_OFFICE_TEST_H
#define HIKESHI_TESTS_OFFICE_TEST_H

#include "unit.h"

#include "base/limits.h"
#include "board/office/sheet.h"

#include <zip.h>

/* Rows as "a|b|c\n", '^' before a cell that a merged block fills, '!' before an error. */
static inline enum status add_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    (void)err;
    struct buf *out = ctx;
    for (size_t i = 0; i < row->count; i++) {
        if (i)
            (void)buf_add_char(out, '|');
        if (row->cells[i].merged)
            (void)buf_add_char(out, '^');
        if (row->cells[i].kind == CELL_ERROR)
            (void)buf_add_char(out, '!');
        (void)buf_add_slice(out, row->cells[i].text);
    }
    return buf_add_char(out, '\n');
}

static inline enum status read_all(struct slice file, struct buf *out, struct err *err)
{
    struct book *b = NULL;
    enum status st = book_open(file, NULL, &b, err);
    if (st == OK)
        st = book_read(b, book_best_sheet(b), add_row, out, err);
    book_free(b);
    return st;
}

/* A zip that is made in memory. */
struct zip_made {
    zip_source_t *source;
    zip_t *zip;
};

static inline struct zip_made zip_begin(void)
{
    zip_error_t e;
    zip_error_init(&e);
    struct zip_made m = {.source = zip_source_buffer_create(NULL, 0, 0, &e)};
    assert_non_null(m.source);
    zip_source_keep(m.source);
    m.zip = zip_open_from_source(m.source, ZIP_TRUNCATE, &e);
    assert_non_null(m.zip);
    return m;
}

/* A name that begins with '!' is encrypted. */
static inline void zip_put(struct zip_made *m, const char *name, const char *text)
{
    bool secret = name[0] == '!';
    zip_source_t *s = zip_source_buffer(m->zip, text, strlen(text), 0);
    zip_int64_t at = zip_file_add(m->zip, name + secret, s, 0);
    assert_true(at >= 0);
    if (secret)
        assert_int_equal(
            zip_file_set_encryption(m->zip, (zip_uint64_t)at, ZIP_EM_TRAD_PKWARE, "geheim"), 0);
}

/* The finished zip, appended to out. */
static inline struct slice zip_end(struct zip_made *m, struct buf *out)
{
    uint8_t b[4096];
    assert_int_equal(zip_close(m->zip), 0);
    assert_int_equal(zip_source_open(m->source), 0);
    for (zip_int64_t k; (k = zip_source_read(m->source, b, sizeof(b))) > 0;)
        assert_ok(buf_add(out, b, (size_t)k));
    zip_source_close(m->source);
    zip_source_free(m->source);
    return buf_slice(out);
}

static inline struct slice make_zip(const char *const parts[][2], size_t n, struct buf *out)
{
    struct zip_made m = zip_begin();
    for (size_t i = 0; i < n; i++)
        zip_put(&m, parts[i][0], parts[i][1]);
    return zip_end(&m, out);
}

#define WORKBOOK(sheets) "<workbook xmlns:r='r'><sheets>" sheets "</sheets></workbook>"
#define WORKBOOK_ONE WORKBOOK("<sheet name='一覧' r:id='rId1'/>")
#define RELS                                                                                \
    "<Relationships><Relationship Id='rId1' Type='x/worksheet' Target='worksheets/s.xml'/>" \
    "<Relationship Id='rId2' Type='x/sharedStrings' Target='/xl/ss.xml'/>"                  \
    "<Relationship Id='rId3' Type='x/styles' Target='styles.xml'/></Relationships>"
#define STRINGS                                                                                         \
    "<sst><si><t>名称</t></si><si><r><t>上</t></r><r><t>原</t></r><rPh sb='0' eb='1'><t>ウエ</t>" \
    "</rPh></si><si><t>a_x000D_b_x005F_x</t></si></sst>"
#define STYLES                                                                                \
    "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='[$-411]ggge&quot;年&quot;m'/>"  \
    "<numFmt numFmtId='165' formatCode='0000'/></numFmts><cellXfs><xf numFmtId='0'/>"         \
    "<xf numFmtId='164'/><xf numFmtId='14'/><xf numFmtId='165'/><xf numFmtId='2'/></cellXfs>" \
    "</styleSheet>"

/* A workbook with one sheet 一覧 of this XML. */
static inline struct slice make_book(const char *sheet, struct buf *out)
{
    const char *const parts[][2] = {{"xl/workbook.xml", WORKBOOK_ONE},
                                    {"xl/_rels/workbook.xml.rels", RELS},
                                    {"xl/ss.xml", STRINGS},
                                    {"xl/styles.xml", STYLES},
                                    {"xl/worksheets/s.xml", sheet}};
    return make_zip(parts, ARRAY_LEN(parts), out);
}

#endif
