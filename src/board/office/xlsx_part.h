/* One XML part of a workbook: inflated in pieces by libzip, parsed by expat, under the limits of
 * base/limits.h. Internal to the xlsx reader. */
#ifndef HIKESHI_BOARD_OFFICE_XLSX_PART_H
#define HIKESHI_BOARD_OFFICE_XLSX_PART_H

#include "base/buf.h"

#include <expat.h>
#include <zip.h>

struct xlsx_part {
    XML_Parser parser;
    struct err *err;
    enum status st; /* set by handlers (part_fail) to stop; ST_END stops without fault */
    int depth;
    uint64_t fed, heard; /* bytes given to the parser, and given when it last told of any */
    bool own_place;      /* the caller names the place in err; else it is the part's name */
    void (*start)(void *ctx, const char *name, const char **atts); /* names without prefix */
    void (*end)(void *ctx, const char *name);
    void (*text)(void *ctx, const char *s, int n);
    void *ctx;
};

/* Reads the part through the handlers that are set. ST_NOT_FOUND when the workbook has no such
 * part. *inflated counts over all parts. */
enum status xlsx_part_read(struct xlsx_part *p, zip_t *zip, const char *name, uint64_t *inflated,
                           struct err *err) MUST_USE;

/* Called by a handler: stops the parser with this status (err is already filled). */
void xlsx_part_stop(struct xlsx_part *p, enum status st);

/* The attribute's value by its name without prefix, or NULL. */
const char *xlsx_att(const char **atts, const char *name);

#endif
