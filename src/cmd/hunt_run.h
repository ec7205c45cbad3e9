/* One run of `hikeshi hunt`: what was asked for, and what has come of it so far. */
#ifndef HIKESHI_CMD_HUNT_RUN_H
#define HIKESHI_CMD_HUNT_RUN_H

#include "cmd/hunt_format.h"
#include "hunt/outbound.h"

struct hunt_request {
    const struct hunt_format *format;
    char **paths, **outbound, **iocs;
    size_t path_count, outbound_count, ioc_count;
    const char *ioc_out, *profile, *colour;
    unsigned jobs;
    int64_t since_ms, until_ms;
    enum sighting_verdict least;
    bool count, with_name, no_name, summary, follow, no_evaluation, quiet;
};

struct hunt_job {
    const struct hunt_request *q;
    struct hunt_view view;
    FILE *spool; /* sightings that wait for the outbound logs; NULL: they are shown at once */
    struct buf record;
    struct outbound *outbound;
    struct patterns *patterns;
    size_t indicators;        /* of --ioc */
    uint64_t callback_others; /* sightings whose call-back is none of those that are counted */
    struct sums callbacks;    /* of the first pass; then indicators add theirs to the view's */
    bool progress, shown;
    int64_t shown_ms;
    bool failed; /* standard output took less than everything */
    int why;     /* errno then */
};

/* Called back by hunt_run, one at a time. */
enum status hunt_job_sighting(void *job, const struct sighting *s);
void hunt_job_incomplete(void *job, const char *label, const struct err *why);
void hunt_job_flush(struct hunt_job *j);

/* Adds it to the sums. */
enum status hunt_job_count(struct hunt_job *j, const struct sighting *s) MUST_USE;
/* Counts and shows; with a spool after the outbound logs were read. */
void hunt_job_show(struct hunt_job *j, const struct sighting *s);
/* Reads the indicators, searches the outbound logs, and shows what was kept. ST_INVALID, ST_IO:
 * told on standard error already. */
enum status hunt_job_outbound(struct hunt_job *j);
/* Adds the indicators of --ioc to what is looked for in outbound logs. */
enum status hunt_job_iocs(struct hunt_job *j);
/* Writes --ioc-out. */
enum status hunt_job_write_iocs(struct hunt_job *j);

/* hikeshi hunt --follow: until it is told to stop. */
enum status hunt_job_follow(struct hunt_job *j, const atomic_int *stop);

void hunt_complain(const struct hunt_job *j, const struct err *e);

#endif
