/* Reading what `hikeshi scan --format jsonl` prints (docs/scan-output.md), in pieces as they come.
 *
 * One object a line; the last has only the summary. Unknown keys are passed over, known ones must
 * have their type. All input is hostile: a line is bounded, so memory does not grow with the whole;
 * control characters and what reorders text are made visible (\x1b); an error names the line.
 * What a callback gets lives until it returns; a status other than OK ends the reading with it.
 * Pure: no database, no files.
 */
#ifndef HIKESHI_BOARD_CASE_FINDINGS_READ_H
#define HIKESHI_BOARD_CASE_FINDINGS_READ_H

#include "base/buf.h"

/* What a scan says of one CVE, worst first. */
enum scan_state {
    SCAN_AFFECTED,
    SCAN_UNKNOWN,
    SCAN_MITIGATED,
    SCAN_FIXED,
    SCAN_NOT_AFFECTED,
    SCAN_STATE_COUNT,
};
const char *scan_state_code(enum scan_state s);       /* "affected", …; "" for the count */
enum scan_state scan_state_of_code(const char *code); /* SCAN_STATE_COUNT: none; NULL is fine */

struct finding_line {
    const char *path, *component;
    const char *version;      /* or the range "2.13.0 to before 2.15.0"; "" where it is not known */
    const char *version_from; /* "" where it is not known */
    enum scan_state worst;
    const char *cves;     /* JSON {id: state}, keys sorted */
    const char *evidence; /* JSON array of texts */
};

struct scan_summary {
    const char *host; /* as the scanner knows it; "" when it does not say */
    int64_t started_ms, ended_ms;
    const char *tool, *profile;
    int64_t profile_revision;
    const char *paths; /* JSON array */
    /* the paths cover the host: "/" is one of them, or each of the drives that the scanner names */
    bool whole_host;
    int64_t files, archives, bytes, findings;
    int64_t incomplete; /* places; the list may be shorter */
};

struct findings_events {
    void *ctx;
    enum status (*finding)(void *ctx, const struct finding_line *f, struct err *e);
    enum status (*gap)(void *ctx, const char *path, const char *reason, struct err *e);
    /* behind all findings and gaps */
    enum status (*summary)(void *ctx, const struct scan_summary *s, struct err *e);
};

struct findings_reader {
    const struct findings_events *events;
    struct buf line; /* what came of a line so far */
    struct buf path, component, version, version_from, evidence, reason;
    int64_t lines, findings;
    uint64_t bytes;
    bool done; /* the summary was read */
};

void findings_reader_init(struct findings_reader *r, const struct findings_events *events);
void findings_reader_done(struct findings_reader *r);
enum status findings_reader_add(struct findings_reader *r, struct slice piece,
                                struct err *e) MUST_USE;
/* The end of the input: ST_MALFORMED when the summary was not read. */
enum status findings_reader_end(struct findings_reader *r, struct err *e) MUST_USE;

#endif
