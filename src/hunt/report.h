/* From a line in which something was found to a sighting: when, who, which field, where to. */
#ifndef HIKESHI_HUNT_REPORT_H
#define HIKESHI_HUNT_REPORT_H

#include "hunt/format.h"
#include "hunt/lines.h"
#include "hunt/sighting.h"

/* Memory of one thread. */
struct reporter {
    const struct prefilter *filter; /* the search's */
    struct examiner *examiner; /* the search's: what fields cost comes out of the log's credit */
    struct buf host, chain, field, key, line;
    struct line_facts facts;
    struct format_context context;
    struct buf header; /* what context.header points to */
    uint8_t date[10];  /* and context.date */
    size_t hint;
};

void reporter_init(struct reporter *r, const struct line_search *search);
void reporter_done(struct reporter *r); /* accepts a zeroed struct */
/* A text begins: its first bytes, and when the file was last written. */
void reporter_begin(struct reporter *r, struct slice head, int64_t newest_ms);
/* A line of its header that stands further down, and holds from there on. */
void reporter_header(struct reporter *r, struct slice line);
/* The time that a line says, for the range of a log. */
bool reporter_time(struct reporter *r, struct slice line, int64_t *ret_ms);
enum sighting_verdict reporter_verdict(const struct line_hit *h);
/* Fills *ret but for SIGHTING_FILE; slices live until the next call. Uses the examiner, so that
 * slices of h->found do not live on. */
enum status reporter_tell(struct reporter *r, const struct line_hit *h,
                          struct sighting *ret) MUST_USE;

#endif
