#include "board/office/xlsx_part.h"

#include "base/limits.h"

static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

const char *xlsx_att(const char **atts, const char *name)
{
    for (size_t i = 0; atts[i]; i += 2)
        if (strcmp(atts[i], name) == 0)
            return atts[i + 1];
    return NULL;
}

void xlsx_part_stop(struct xlsx_part *p, enum status st)
{
    if (p->st != OK)
        return;
    p->st = st;
    (void)XML_StopParser(p->parser, XML_FALSE);
}

static void XMLCALL on_start(void *data, const char *name, const char **atts)
{
    struct xlsx_part *p = data;
    if (p->st != OK)
        return;
    if (++p->depth > LIMIT_XLSX_DEPTH) {
        xlsx_part_stop(p, err_set(p->err, ST_LIMIT, "XML nested deeper than %d", LIMIT_XLSX_DEPTH));
        return;
    }
    if (p->start)
        p->start(p->ctx, local(name), atts);
}

static void XMLCALL on_end(void *data, const char *name)
{
    struct xlsx_part *p = data;
    if (p->st != OK)
        return;
    p->depth--;
    if (p->end)
        p->end(p->ctx, local(name));
}

static void XMLCALL on_text(void *data, const char *s, int n)
{
    struct xlsx_part *p = data;
    if (p->st == OK && p->text)
        p->text(p->ctx, s, n);
}

/* Workbooks have no DOCTYPE; entities could grow without end or name files. */
static void XMLCALL on_doctype(void *data, const char *name, const char *sysid, const char *pubid,
                               int subset)
{
    (void)name, (void)sysid, (void)pubid, (void)subset;
    struct xlsx_part *p = data;
    xlsx_part_stop(
        p, err_set(p->err, ST_MALFORMED, "the XML has a DOCTYPE, which a workbook never has"));
}

static enum status feed(struct xlsx_part *p, zip_file_t *f, const char *name, uint64_t *inflated)
{
    enum { PIECE = 65536 };
    uint64_t fed = 0;
    for (;;) {
        void *room = XML_GetBuffer(p->parser, PIECE);
        if (!room)
            return err_set(p->err, ST_NOMEM, "no memory to read %s", name);
        zip_int64_t n = zip_fread(f, room, PIECE);
        if (n < 0)
            return err_set(p->err, ST_MALFORMED, "the compressed data is damaged: %s",
                           zip_file_strerror(f));
        fed += (uint64_t)n;
        *inflated += (uint64_t)n;
        if (fed > LIMIT_XLSX_PART_BYTES || *inflated > LIMIT_XLSX_TOTAL_BYTES)
            return err_set(p->err, ST_LIMIT, "inflates to more than %zu bytes",
                           (size_t)(fed > LIMIT_XLSX_PART_BYTES ? LIMIT_XLSX_PART_BYTES
                                                                : LIMIT_XLSX_TOTAL_BYTES));
        enum XML_Status x = XML_ParseBuffer(p->parser, (int)n, n == 0);
        if (p->st != OK)
            return p->st;
        XML_Index at = XML_GetCurrentByteIndex(p->parser);
        if (x != XML_STATUS_OK)
            return err_set_at(p->err, ST_MALFORMED, at < 0 ? 0 : (uint64_t)at, "line %lu: %s",
                              XML_GetCurrentLineNumber(p->parser),
                              XML_ErrorString(XML_GetErrorCode(p->parser)));
        if (n == 0)
            return OK;
        /* What expat has not reported yet it holds in memory. */
        if (at >= 0 && fed - (uint64_t)at > LIMIT_XLSX_TOKEN_BYTES + PIECE)
            return err_set(p->err, ST_LIMIT, "a tag longer than %zu bytes",
                           (size_t)LIMIT_XLSX_TOKEN_BYTES);
    }
}

enum status xlsx_part_read(struct xlsx_part *p, zip_t *zip, const char *name, uint64_t *inflated,
                           struct err *err)
{
    p->err = err;
    p->st = OK;
    p->depth = 0;
    zip_int64_t at = zip_name_locate(zip, name, 0);
    if (at < 0)
        return err_set(err, ST_NOT_FOUND, "the workbook has no part %s", name);
    zip_stat_t zs;
    if (zip_stat_index(zip, (zip_uint64_t)at, 0, &zs) == 0 &&
        (zs.valid & ZIP_STAT_ENCRYPTION_METHOD) && zs.encryption_method != ZIP_EM_NONE)
        return err_set(err, ST_UNSUPPORTED, "%s is encrypted; save it without a password", name);
    zip_file_t *f = zip_fopen_index(zip, (zip_uint64_t)at, 0);
    if (!f)
        return err_set(err, ST_MALFORMED, "%s cannot be read: %s", name, zip_strerror(zip));
    p->parser = XML_ParserCreate(NULL);
    enum status st;
    if (!p->parser) {
        st = err_set(err, ST_NOMEM, "no memory to read %s", name);
    } else {
        XML_SetUserData(p->parser, p);
        XML_SetElementHandler(p->parser, on_start, on_end);
        XML_SetCharacterDataHandler(p->parser, on_text);
        XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
        st = feed(p, f, name, inflated);
        XML_ParserFree(p->parser);
        p->parser = NULL;
    }
    (void)zip_fclose(f);
    if (st != OK && st != ST_END)
        err_prefix(err, "%s: ", name);
    return st;
}
