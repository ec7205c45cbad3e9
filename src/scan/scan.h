/* Finds copies of a profile's components in files, in archives inside archives, and in folders that
 * an archive was unpacked into.
 *
 * Files are recognised by content. Nothing found in an archive is ever used as a path; symbolic
 * links are not followed below the paths given. Every byte of input is hostile: what meets a limit
 * (base/limits.h), is damaged, changes meanwhile or cannot be read is reported through
 * `incomplete`, never passed over. Memory does not grow with the input: an archive that is packed
 * inside another and does not fit into LIMIT_NESTED_BYTES goes to an unlinked file in $TMPDIR or
 * /var/tmp.
 *
 * One scan belongs to one thread. Callbacks get texts that are valid during the call only.
 */
#ifndef HIKESHI_SCAN_SCAN_H
#define HIKESHI_SCAN_SCAN_H

#include "scan/finding.h"

struct scan_counts {
    uint64_t files, archives, bytes; /* bytes: of the files, as they lie on the disk */
};

struct scan_options {
    const struct profile *profile;
    enum lang lang;        /* of evidence and reasons */
    unsigned max_depth;    /* 1 … LIMIT_SCAN_DEPTH: archives inside archives */
    uint64_t max_inflated; /* bytes inflated of one file; 0: LIMIT_INFLATED_BYTES */
    bool network;          /* also walk network file systems that are met below a path */
    char *const *paths; /* all that will be scanned: an overlay of folders below them is skipped */
    size_t path_count;
    void *ctx;
    void (*finding)(void *ctx, const struct scan_finding *f);
    void (*incomplete)(void *ctx, const char *path, const char *reason);
    /* what holds no files of its own: kernel tables, a second view of folders that are scanned */
    void (*skipped)(void *ctx, const char *path, const char *reason);
    void (*progress)(void *ctx, const char *path, const struct scan_counts *c); /* or NULL */
};

struct scan;

enum status scan_new(const struct scan_options *o, struct scan **ret) MUST_USE;
/* A file or a folder with all below it. Faults inside go to `incomplete`; not OK only when the path
 * itself cannot be used or memory is out. */
enum status scan_path(struct scan *s, const char *path, struct err *e) MUST_USE;
/* Reports what was found in folders, which may lie under several of the paths. */
void scan_finish(struct scan *s);
const struct scan_counts *scan_counts(const struct scan *s);
void scan_free(struct scan *s); /* accepts NULL */

#endif
