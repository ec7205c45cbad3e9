/* What `hikeshi scan` prints: one format per file, one row per format in scan_verb.c.
 *
 * A format appends to run->out; the verb writes that to standard output after each call. Paths are
 * untrusted bytes and are escaped by every format in its own way. The machine formats speak
 * English, whatever the language, so that what reads them can rely on the words.
 */
#ifndef HIKESHI_CMD_SCAN_FORMAT_H
#define HIKESHI_CMD_SCAN_FORMAT_H

#include "base/buf.h"
#include "scan/scan.h"

/* Places and why: NUL-ended pairs. `count` goes on when `pairs` is full. */
struct place_list {
    struct buf pairs;
    uint64_t count, kept;
};

bool place_next(const struct place_list *l, size_t *at, const char **ret_path,
                const char **ret_reason);

struct scan_run {
    const struct profile *p;
    enum lang lang;
    const char *host;
    char **paths;
    size_t path_count;
    int64_t started_ms, ended_ms;
    struct scan_counts counts;
    uint64_t found, by_state[CVE_STATE_COUNT]; /* findings, by their worst state */
    struct place_list incomplete, skipped;
    bool colour, list_incomplete;
    size_t columns;
    bool any; /* something was printed */
    struct buf out;
};

struct scan_format {
    const char *name;
    bool for_people; /* in the language of the environment */
    void (*begin)(struct scan_run *r);
    void (*finding)(struct scan_run *r, const struct scan_finding *f);
    void (*end)(struct scan_run *r);
};

extern const struct scan_format scan_format_table, scan_format_jsonl, scan_format_csv,
    scan_format_sarif;

#endif
