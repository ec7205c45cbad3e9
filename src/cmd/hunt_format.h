/* What `hikeshi hunt` prints: one format per file, one row per format in hikeshi_hunt.c.
 *
 * A format appends to view->out, which the verb writes to standard output. Everything in a sighting
 * is the attacker's text: it is escaped by every format in its own way. The machine formats speak
 * English whatever the language is.
 */
#ifndef HIKESHI_CMD_HUNT_FORMAT_H
#define HIKESHI_CMD_HUNT_FORMAT_H

#include "base/messages.h"
#include "hunt/hunt.h"
#include "hunt/sums.h"

struct hunt_view {
    enum lang lang;
    bool colour, summary;
    size_t columns;
    struct buf out;
    struct hunt_counts counts;
    uint64_t by_verdict[SIGHTED_VERDICTS];
    struct sums clients, callbacks, days;
    bool outbound; /* outbound logs were searched */
    uint64_t outbound_lines;
    uint64_t answered, asked; /* call-backs that were seen there, of how many */
    struct buf incomplete;    /* NUL-ended pairs of place and reason */
    uint64_t incomplete_count;
    int64_t started_ms, ended_ms;
    bool any;
};

struct hunt_format {
    const char *name;
    bool for_people;
    void (*begin)(struct hunt_view *v);
    void (*sighting)(struct hunt_view *v, const struct sighting *s);
    void (*end)(struct hunt_view *v);
};

extern const struct hunt_format hunt_format_table, hunt_format_jsonl, hunt_format_csv;

/* The next pair of v->incomplete at *at. */
bool hunt_incomplete_next(const struct hunt_view *v, size_t *at, const char **ret_place,
                          const char **ret_reason);

#endif
