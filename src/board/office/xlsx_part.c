#include "board/office/xlsx_part.h"

#include "base/limits.h"
#include "base/messages.h"

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
    p->heard = p->fed;
    if (p->st != OK)
        return;
    if (++p->depth > LIMIT_XLSX_DEPTH) {
        xlsx_part_stop(
            p, err_set(p->err, ST_LIMIT, N_("XML is nested deeper than %d"), LIMIT_XLSX_DEPTH));
        return;
    }
    if (p->start)
        p->start(p->ctx, local(name), atts);
}

static void XMLCALL on_end(void *data, const char *name)
{
    struct xlsx_part *p = data;
    p->heard = p->fed;
    if (p->st != OK)
        return;
    p->depth--;
    if (p->end)
        p->end(p->ctx, local(name));
}

static void XMLCALL on_text(void *data, const char *s, int n)
{
    struct xlsx_part *p = data;
    p->heard = p->fed;
    if (p->st == OK && p->text)
        p->text(p->ctx, s, n);
}

/* Workbooks have no DOCTYPE; entities could grow without end or name files. */
static void XMLCALL on_doctype(void *data, const char *name, const char *sysid, const char *pubid,
                               int subset)
{
    (void)name, (void)sysid, (void)pubid, (void)subset;
    struct xlsx_part *p = data;
    xlsx_part_stop(p, err_set(p->err, ST_MALFORMED,
                              N_("the XML has a DOCTYPE, which a workbook never has; save it "
                                 "in Excel again")));
}

static enum status no_memory(struct err *err)
{
    return err_set(err, ST_NOMEM, N_("no memory to read the file; try again later"));
}

static enum status damaged(zip_error_t *why, struct err *err)
{
    if (zip_error_code_zip(why) == ZIP_ER_MEMORY)
        return no_memory(err);
    return err_set(err, ST_MALFORMED,
                   N_("the compressed data is damaged (%s); save the workbook again and send the "
                      "whole file"),
                   zip_error_strerror(why));
}

/* Through our own calls, so that tests can let them fail. */
static void *xml_malloc(size_t n)
{
    return malloc(n);
}

static void *xml_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

static void xml_free(void *p)
{
    free(p);
}

static enum status feed(struct xlsx_part *p, zip_file_t *f, uint64_t *inflated)
{
    enum { PIECE = 65536 };
    p->fed = p->heard = 0;
    for (;;) {
        void *room = XML_GetBuffer(p->parser, PIECE);
        if (!room)
            return no_memory(p->err);
        zip_int64_t n = zip_fread(f, room, PIECE);
        if (n < 0)
            return damaged(zip_file_get_error(f), p->err);
        p->fed += (uint64_t)n;
        *inflated += (uint64_t)n;
        if (p->fed > LIMIT_XLSX_PART_BYTES || *inflated > LIMIT_XLSX_TOTAL_BYTES)
            return err_set(
                p->err, ST_LIMIT,
                N_("it inflates to more than %zu MiB; a ledger is smaller by far. Copy "
                   "its rows into a new workbook"),
                (p->fed > LIMIT_XLSX_PART_BYTES ? LIMIT_XLSX_PART_BYTES : LIMIT_XLSX_TOTAL_BYTES) >>
                    20);
        enum XML_Status x = XML_ParseBuffer(p->parser, (int)n, n == 0);
        if (p->st != OK)
            return p->st;
        XML_Index at = XML_GetCurrentByteIndex(p->parser);
        if (x != XML_STATUS_OK && XML_GetErrorCode(p->parser) == XML_ERROR_NO_MEMORY)
            return no_memory(p->err);
        if (x != XML_STATUS_OK)
            return err_set_at(p->err, ST_MALFORMED, at < 0 ? 0 : (uint64_t)at,
                              N_("line %lu of its XML is damaged (%s); save the workbook again"),
                              XML_GetCurrentLineNumber(p->parser),
                              XML_ErrorString(XML_GetErrorCode(p->parser)));
        if (n == 0)
            return OK;
        /* What expat has not told of yet it holds in memory. Counted here: newer versions put off
         * the parsing of long tokens, and their own index then says nothing. */
        if (p->fed - p->heard > LIMIT_XLSX_TOKEN_BYTES + PIECE)
            return err_set(p->err, ST_LIMIT, N_("an XML tag is longer than %zu bytes"),
                           (size_t)LIMIT_XLSX_TOKEN_BYTES);
    }
}

enum status xlsx_part_read(struct xlsx_part *p, zip_t *zip, const char *name, uint64_t *inflated,
                           struct err *err)
{
    p->err = err;
    p->st = OK;
    p->depth = 0;
    zip_int64_t at = zip_name_locate(zip, name, ZIP_FL_NOCASE);
    if (at < 0)
        return err_set(err, ST_NOT_FOUND,
                       N_("the workbook is not complete, it lacks %s; save it again"), name);
    zip_stat_t zs;
    if (zip_stat_index(zip, (zip_uint64_t)at, 0, &zs) == 0 &&
        (zs.valid & ZIP_STAT_ENCRYPTION_METHOD) && zs.encryption_method != ZIP_EM_NONE)
        return err_set(err, ST_UNSUPPORTED,
                       N_("%s is encrypted; save the workbook without a password and send it "
                          "again"),
                       name);
    zip_file_t *f = zip_fopen_index(zip, (zip_uint64_t)at, 0);
    static const XML_Memory_Handling_Suite memory = {xml_malloc, xml_realloc, xml_free};
    enum status st;
    p->parser = f ? XML_ParserCreate_MM(NULL, &memory, NULL) : NULL;
    if (!f) {
        st = damaged(zip_get_error(zip), err);
    } else if (!p->parser) {
        st = no_memory(err);
    } else {
        XML_SetUserData(p->parser, p);
        XML_SetElementHandler(p->parser, on_start, on_end);
        XML_SetCharacterDataHandler(p->parser, on_text);
        XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
        st = feed(p, f, inflated);
        XML_ParserFree(p->parser);
        p->parser = NULL;
    }
    if (f)
        (void)zip_fclose(f);
    if (st != OK && st != ST_END && st != ST_NOMEM && !p->own_place)
        err_prefix(err, "%s", name);
    return st;
}
