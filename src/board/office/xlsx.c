/* Opens a workbook: its sheets, shared strings and date formats.
 *
 * xl/workbook.xml       sheets, date1904          ECMA-376 part 1, 18.2
 * xl/_rels/…            which part is what        part 2, 9.3
 * xl/sharedStrings.xml  texts                     part 1, 18.4
 * xl/styles.xml         numFmts, cellXfs          part 1, 18.8
 */
#include "board/office/xlsx_int.h"

#include "base/limits.h"
#include "base/messages.h"
#include "base/utf8.h"

bool xlsx_parse_ref(const char *s, uint32_t *ret_column, uint32_t *ret_row, size_t *ret_used)
{
    uint32_t col = 0, row = 0;
    size_t i = 0, letters;
    for (; s[i] >= 'A' && s[i] <= 'Z' && i < 4; i++)
        col = col * 26 + (uint32_t)(s[i] - 'A') + 1;
    letters = i;
    for (; s[i] >= '0' && s[i] <= '9' && i < letters + 7; i++)
        row = row * 10 + (uint32_t)(s[i] - '0');
    if (letters == 0 || letters > 3 || i == letters || col > 16384 || row == 0 ||
        row > LIMIT_SHEET_ROWS)
        return false;
    *ret_column = col - 1;
    *ret_row = row;
    *ret_used = i;
    return true;
}

static bool hex4(const uint8_t *p, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        uint32_t d = c >= '0' && c <= '9'   ? c - (uint32_t)'0'
                     : c >= 'A' && c <= 'F' ? c - (uint32_t)'A' + 10
                     : c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10
                                            : 16;
        if (d > 15)
            return false;
        v = v * 16 + d;
    }
    *ret = v;
    return true;
}

void xlsx_unescape(struct buf *b, size_t start)
{
    size_t to = start;
    for (size_t i = start; i < b->n; i++) {
        uint8_t c = b->p[i];
        uint32_t v;
        if (c == '_' && b->n - i >= 7 && b->p[i + 1] == 'x' && b->p[i + 6] == '_' &&
            hex4(b->p + i + 2, &v)) {
            i += 6;
            if (v >= 0xd800 && v <= 0xdfff)
                v = UTF8_BAD;
            if (v >= 0x20 || v == '\n' || v == '\t')
                to += utf8_encode(v, b->p + to); /* at most 3 bytes where 7 stood */
            continue;
        }
        if (c >= 0x20 || c == '\n' || c == '\t')
            b->p[to++] = c;
    }
    buf_cut(b, to);
}

/* --- workbook.xml, its relations */

struct opening {
    struct xlsx *x;
    struct xlsx_part part;
    bool in_rel_text, in_phonetic, in_item;
    bool in_cell_xfs;
    size_t item_start;
    struct {
        uint32_t id;
        uint8_t style;
    } formats[1024]; /* custom number formats; Excel allows some 250 */
    size_t format_count;
};

static enum status no_memory(struct err *err)
{
    return err_set(err, ST_NOMEM, N_("no memory to read the file; try again later"));
}

/* The names of sheets and parts met their cap, or memory ran out. */
static void no_names(struct opening *o)
{
    enum status st = arena_status(&o->x->names);
    xlsx_part_stop(&o->part, st == ST_NOMEM
                                 ? no_memory(o->part.err)
                                 : err_set(o->part.err, st,
                                           N_("the names of its sheets and parts are longer than "
                                              "they can be; save the workbook again")));
}

static void workbook_start(void *ctx, const char *name, const char **atts)
{
    struct opening *o = ctx;
    struct xlsx *x = o->x;
    if (strcmp(name, "workbookPr") == 0) {
        const char *d = xlsx_att(atts, "date1904");
        x->date1904 = d && (strcmp(d, "1") == 0 || strcmp(d, "true") == 0);
    }
    if (strcmp(name, "sheet") != 0)
        return;
    const char *title = xlsx_att(atts, "name"), *state = xlsx_att(atts, "state"), *rel = NULL;
    for (size_t i = 0; atts[i]; i += 2) {
        const char *colon = strchr(atts[i], ':');
        if (colon && strcmp(colon, ":id") == 0)
            rel = atts[i + 1];
    }
    if (!title || !rel) {
        xlsx_part_stop(&o->part,
                       err_set(o->part.err, ST_MALFORMED,
                               N_("a sheet has no name or no id; save the workbook again")));
        return;
    }
    if (x->sheet_count == LIMIT_XLSX_SHEETS) {
        xlsx_part_stop(
            &o->part,
            err_set(o->part.err, ST_LIMIT,
                    N_("more than %d sheets; copy the ledger's sheet into a new workbook"),
                    LIMIT_XLSX_SHEETS));
        return;
    }
    struct xlsx_sheet *s = &x->sheets[x->sheet_count];
    s->info.name = arena_strdup(&x->names, slice_str(title));
    s->rel = arena_strdup(&x->names, slice_str(rel));
    s->info.hidden = state && strcmp(state, "visible") != 0;
    if (!s->info.name || !s->rel)
        no_names(o);
    else
        x->sheet_count++;
}

static void rels_start(void *ctx, const char *name, const char **atts)
{
    struct opening *o = ctx;
    const char *id = xlsx_att(atts, "Id"), *type = xlsx_att(atts, "Type");
    const char *target = xlsx_att(atts, "Target");
    if (strcmp(name, "Relationship") != 0 || !id || !type || !target)
        return;
    char *part = target[0] == '/' ? arena_strdup(&o->x->names, slice_str(target + 1))
                                  : arena_printf(&o->x->names, "xl/%s", target);
    if (!part) {
        no_names(o);
        return;
    }
    struct slice t = slice_str(type);
    if (slice_ends(t, SLICE_LIT("/sharedStrings")))
        o->x->strings_part = part;
    else if (slice_ends(t, SLICE_LIT("/styles")))
        o->x->styles_part = part;
    for (size_t i = 0; i < o->x->sheet_count; i++)
        if (slice_ends(t, SLICE_LIT("/worksheet")) && strcmp(o->x->sheets[i].rel, id) == 0)
            o->x->sheets[i].part = part;
}

/* --- sharedStrings.xml */

static void strings_start(void *ctx, const char *name, const char **atts)
{
    (void)atts;
    struct opening *o = ctx;
    if (strcmp(name, "si") == 0) {
        o->in_item = true;
        o->item_start = o->x->strings.n;
    } else if (strcmp(name, "rPh") == 0) {
        o->in_phonetic = true;
    } else if (strcmp(name, "t") == 0) {
        o->in_rel_text = o->in_item && !o->in_phonetic;
    }
}

static void strings_end(void *ctx, const char *name)
{
    struct opening *o = ctx;
    struct xlsx *x = o->x;
    if (strcmp(name, "t") == 0) {
        o->in_rel_text = false;
    } else if (strcmp(name, "rPh") == 0) {
        o->in_phonetic = false;
    } else if (strcmp(name, "si") == 0) {
        o->in_item = false;
        if (x->strings.failed == OK)
            xlsx_unescape(&x->strings, o->item_start);
        uint32_t end = (uint32_t)x->strings.n;
        (void)buf_add(&x->string_ends, &end, sizeof(end)); /* sticks; looked at next */
        enum status st = x->strings.failed != OK ? x->strings.failed : x->string_ends.failed;
        if (st != OK)
            xlsx_part_stop(
                &o->part,
                st == ST_NOMEM
                    ? no_memory(o->part.err)
                    : err_set(
                          o->part.err, st,
                          N_("more text than %zu MiB, or more than %d texts; divide the workbook"),
                          LIMIT_XLSX_STRING_BYTES >> 20, LIMIT_XLSX_STRINGS));
    }
}

static void strings_text(void *ctx, const char *s, int n)
{
    struct opening *o = ctx;
    if (!o->in_rel_text)
        return;
    if (o->x->strings.n - o->item_start + (size_t)n > LIMIT_CELL_BYTES) {
        xlsx_part_stop(&o->part, err_set(o->part.err, ST_LIMIT,
                                         N_("text %zu is longer than %zu bytes; shorten the cell"),
                                         o->x->string_ends.n / 4 + 1, (size_t)LIMIT_CELL_BYTES));
        return;
    }
    (void)buf_add(&o->x->strings, s, (size_t)n); /* sticks; looked at in strings_end */
}

/* --- styles.xml */

bool xlsx_format_is_date(const char *code)
{
    /* ja-JP builds write the name of "General" in Japanese. */
    if (strncmp(code, "General", 7) == 0 || strncmp(code, "G/標準", strlen("G/標準")) == 0)
        return false;
    for (size_t i = 0; code[i]; i++) {
        char c = code[i];
        if (c == '"' || c == '[') {
            /* [h] counts hours; [$-411], [Red] and [>5] say nothing about dates */
            if (c == '[' && (code[i + 1] == 'h' || code[i + 1] == 'm' || code[i + 1] == 's') &&
                (code[i + 2] == ']' || code[i + 2] == code[i + 1]))
                return true;
            const char *close = strchr(code + i + 1, c == '"' ? '"' : ']');
            if (!close)
                return false;
            i = (size_t)(close - code);
        } else if (c == '\\' || c == '_' || c == '*') {
            if (code[i + 1])
                i++;
        } else if (c == ';' || /* the first section tells */
                   ((c == 'E' || c == 'e') && (code[i + 1] == '+' || code[i + 1] == '-'))) {
            return false;
        } else if (strchr("ymdhsgeYMDHSGE", c)) {
            return true;
        }
    }
    return false;
}

/* Codes of zeros only: asset numbers as 0000, versions as 0.00. */
static uint8_t style_of_format(const char *code)
{
    size_t whole = strspn(code, "0"), behind = 0;
    if (code[whole] == '.')
        behind = strspn(code + whole + 1, "0");
    bool zeros = whole && !code[whole + behind + (behind ? 1 : 0)];
    if (zeros && whole <= 15 && behind <= 7)
        return (uint8_t)(STYLE_FIXED | whole << 3 | behind);
    return xlsx_format_is_date(code) ? STYLE_DATE : STYLE_PLAIN;
}

/* ECMA-376 part 1, 18.8.30, with the ids that Japanese and Chinese builds give to dates. */
static uint8_t style_of_builtin(uint32_t id)
{
    if (id == 1 || id == 2)
        return style_of_format(id == 1 ? "0" : "0.00");
    bool date = (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) ||
                (id >= 50 && id <= 58);
    return date ? STYLE_DATE : STYLE_PLAIN;
}

static uint32_t att_u32(const char **atts, const char *name, uint32_t otherwise)
{
    const char *v = xlsx_att(atts, name);
    uint64_t u;
    if (!v || slice_to_u64(slice_str(v), &u) != OK || u > UINT32_MAX)
        return otherwise;
    return (uint32_t)u;
}

static void styles_start(void *ctx, const char *name, const char **atts)
{
    struct opening *o = ctx;
    if (strcmp(name, "cellXfs") == 0) {
        o->in_cell_xfs = true;
    } else if (strcmp(name, "numFmt") == 0) {
        const char *code = xlsx_att(atts, "formatCode");
        if (!code || o->format_count == ARRAY_LEN(o->formats))
            return;
        o->formats[o->format_count].id = att_u32(atts, "numFmtId", 0);
        o->formats[o->format_count++].style = style_of_format(code);
    } else if (strcmp(name, "xf") == 0 && o->in_cell_xfs) {
        uint32_t id = att_u32(atts, "numFmtId", 0);
        uint8_t style = style_of_builtin(id);
        for (size_t i = 0; i < o->format_count; i++)
            if (o->formats[i].id == id)
                style = o->formats[i].style;
        enum status st = buf_add(&o->x->styles, &style, 1);
        if (st != OK)
            xlsx_part_stop(
                &o->part,
                st == ST_NOMEM
                    ? no_memory(o->part.err)
                    : err_set(o->part.err, st,
                              N_("more than %d cell formats; copy the rows into a new workbook"),
                              LIMIT_XLSX_STYLES));
    }
}

static void styles_end(void *ctx, const char *name)
{
    struct opening *o = ctx;
    if (strcmp(name, "cellXfs") == 0)
        o->in_cell_xfs = false;
}

/* --- the size that a sheet states */

static void dimension_start(void *ctx, const char *name, const char **atts)
{
    struct opening *o = ctx;
    struct sheet_info *info = &o->x->sheets[o->item_start].info;
    if (strcmp(name, "dimension") == 0) {
        const char *ref = xlsx_att(atts, "ref");
        const char *colon = ref ? strchr(ref, ':') : NULL;
        uint32_t col, row;
        size_t used;
        if (ref && xlsx_parse_ref(colon ? colon + 1 : ref, &col, &row, &used)) {
            info->rows = row;
            info->columns = col + 1;
        }
    }
    if (strcmp(name, "dimension") == 0 || strcmp(name, "sheetData") == 0)
        xlsx_part_stop(&o->part, ST_END);
}

static enum status read_part(struct opening *o, const char *name,
                             void (*start)(void *, const char *, const char **),
                             void (*end)(void *, const char *),
                             void (*text)(void *, const char *, int), struct err *err)
{
    o->part = (struct xlsx_part){.start = start, .end = end, .text = text, .ctx = o};
    return xlsx_part_read(&o->part, o->x->zip, name, &o->x->inflated, err);
}

/* What the parts inside say the file is, when it is not a workbook that we read. */
static enum status not_a_workbook(zip_t *zip, struct err *err)
{
    if (zip_name_locate(zip, "xl/workbook.bin", 0) >= 0)
        return err_set(err, ST_UNSUPPORTED,
                       N_("this is an .xlsb workbook; open it in Excel, save it as .xlsx and "
                          "send it again"));
    if (zip_name_locate(zip, "content.xml", 0) >= 0)
        return err_set(err, ST_UNSUPPORTED,
                       N_("this is an OpenDocument file (.ods); open it in LibreOffice, save it "
                          "as .xlsx and send it again"));
    if (zip_name_locate(zip, "word/document.xml", 0) >= 0)
        return err_set(err, ST_UNSUPPORTED,
                       N_("this is a text document (.docx); send an .xlsx or .csv file"));
    return err_set(err, ST_UNSUPPORTED,
                   N_("this is a zip file, but not an .xlsx workbook; unpack it and send the .xlsx "
                      "or .csv file inside"));
}

static enum status open_parts(struct opening *o, struct err *err)
{
    struct xlsx *x = o->x;
    enum status st = read_part(o, "xl/workbook.xml", workbook_start, NULL, NULL, err);
    if (st == OK && x->sheet_count == 0)
        st = err_set(err, ST_MALFORMED, N_("the workbook has no sheets; save it again"));
    if (st == OK)
        st = read_part(o, "xl/_rels/workbook.xml.rels", rels_start, NULL, NULL, err);
    if (st == OK && x->strings_part)
        st = read_part(o, x->strings_part, strings_start, strings_end, strings_text, err);
    if (st == OK && x->styles_part)
        st = read_part(o, x->styles_part, styles_start, styles_end, NULL, err);
    for (size_t i = 0; i < x->sheet_count && st == OK; i++) {
        if (!x->sheets[i].part)
            continue; /* a chart sheet: it has no rows */
        o->item_start = i;
        st = read_part(o, x->sheets[i].part, dimension_start, NULL, NULL, err);
        if (st == ST_END)
            st = OK;
    }
    return st == ST_NOT_FOUND ? ST_MALFORMED : st;
}

static enum status open_zip(struct xlsx *x, struct slice file, struct err *err)
{
    zip_error_t ze;
    zip_error_init(&ze);
    zip_source_t *src = zip_source_buffer_create(file.p, file.n, 0, &ze);
    if (src)
        x->zip = zip_open_from_source(src, ZIP_RDONLY, &ze);
    enum status st = OK;
    if (!x->zip) {
        bool nomem = zip_error_code_zip(&ze) == ZIP_ER_MEMORY;
        st = nomem ? no_memory(err)
                   : err_set(err, ST_MALFORMED,
                             N_("the file is damaged or not complete, it cannot be opened as a "
                                "workbook (%s); save it again and send the whole file"),
                             zip_error_strerror(&ze));
        zip_source_free(src);
    }
    zip_error_fini(&ze);
    return st;
}

enum status xlsx_open(struct slice file, struct xlsx **ret_x, struct err *err)
{
    struct xlsx *x = calloc(1, sizeof(*x));
    struct opening *o = calloc(1, sizeof(*o));
    if (!x || !o) {
        free(o);
        free(x);
        return no_memory(err);
    }
    o->x = x;
    arena_init(&x->names, MIB(4));
    buf_init(&x->strings, LIMIT_XLSX_STRING_BYTES);
    buf_init(&x->string_ends, (size_t)LIMIT_XLSX_STRINGS * sizeof(uint32_t));
    buf_init(&x->styles, LIMIT_XLSX_STYLES);
    x->sheets = arena_alloc_array(&x->names, LIMIT_XLSX_SHEETS, sizeof(*x->sheets));
    enum status st = OK;
    if (!x->sheets)
        st = no_memory(err);
    if (st == OK)
        st = open_zip(x, file, err);
    if (st == OK && zip_name_locate(x->zip, "xl/workbook.xml", ZIP_FL_NOCASE) < 0)
        st = not_a_workbook(x->zip, err);
    if (st == OK)
        st = open_parts(o, err);
    free(o);
    if (st != OK) {
        xlsx_free(x);
        return st;
    }
    *ret_x = x;
    return OK;
}

void xlsx_free(struct xlsx *x)
{
    if (!x)
        return;
    if (x->zip)
        zip_discard(x->zip);
    buf_done(&x->strings);
    buf_done(&x->string_ends);
    buf_done(&x->styles);
    arena_done(&x->names);
    free(x);
}

size_t xlsx_sheet_count(const struct xlsx *x)
{
    return x->sheet_count;
}

const struct sheet_info *xlsx_sheet(const struct xlsx *x, size_t i)
{
    return &x->sheets[i].info;
}
