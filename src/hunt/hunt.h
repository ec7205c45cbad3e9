/* A hunt: many logs searched by several threads, told in the order of the logs.
 *
 * The caller names paths; folders are walked in the order of their names. Each file is one part, a
 * big plain one several. A part's sightings wait in memory until the parts before it are told, up
 * to LIMIT_HUNT_PENDING each and LIMIT_HUNT_WAITING together; then its thread waits, so memory does
 * not depend on the input. Callbacks come one at a time, in order, from any of the threads.
 *
 * Logs are hostile input, names of files too.
 */
#ifndef HIKESHI_HUNT_HUNT_H
#define HIKESHI_HUNT_HUNT_H

#include "hunt/patterns.h"
#include "hunt/sighting.h"

#include <stdatomic.h>

struct hunt_counts {
    uint64_t lines, bytes, files, texts, sightings;
    uint64_t timed, unsearched_links;
    bool has_range; /* times at the beginnings and ends of the logs */
    int64_t from_ms, to_ms;
};

struct hunt_options {
    char **paths;
    size_t path_count;
    unsigned jobs;
    int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX: open; sightings without a time count */
    enum sighting_verdict least;
    const struct patterns *patterns; /* of the profile; NULL: none */
    bool no_evaluation;              /* openers are counted only: for measuring */
    const atomic_int *stop;          /* may be NULL */
    void *ctx;
    /* A status other than OK ends the hunt. NULL: they are counted only. */
    enum status (*sighting)(void *ctx, const struct sighting *s);
    /* What was not read: a file, a member, or what is behind a place in it. */
    void (*incomplete)(void *ctx, const char *label, const struct err *why);
    void (*file)(void *ctx, const char *path, uint64_t sightings); /* is done; may be NULL */
    void (*progress)(void *ctx, const char *path, const struct hunt_counts *c); /* may be NULL */
};

/* *ret_missing: how many of the paths could not be opened at all. */
enum status hunt_run(const struct hunt_options *o, struct hunt_counts *ret, size_t *ret_missing,
                     struct err *e) MUST_USE;

#endif
