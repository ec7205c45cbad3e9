/* Finds copies of a profile's components in files, and in archives inside archives.
 *
 * Files are recognised by content. Nothing found in an archive is ever used as a path. Every byte
 * of input is hostile: what meets a limit, is damaged or cannot be read is reported through
 * `incomplete`, never passed over. One scan belongs to one thread.
 */
#ifndef HIKESHI_SCAN_SCAN_H
#define HIKESHI_SCAN_SCAN_H

#include "profile/profile.h"

enum cve_state {
    CVE_UNSTATED,
    CVE_AFFECTED,
    CVE_MITIGATED,
    CVE_FIXED,
    CVE_NOT_AFFECTED,
    CVE_UNKNOWN
};

const char *cve_state_name(enum cve_state s); /* "affected", "mitigated", … */

struct scan_finding {
    const char *path; /* the whole way in, joined by "!/"; untrusted bytes */
    const char *component;
    const char *version; /* or NULL */
    const char *version_from;
    const char *prefix;        /* where its classes lie; untrusted bytes */
    enum cve_state states[64]; /* by the profile's order of CVEs */
    const char *evidence[16];
    size_t evidence_count;
};

struct scan_options {
    const struct profile *profile;
    unsigned max_depth;
    void *ctx;
    void (*finding)(void *ctx, const struct scan_finding *f);
    void (*incomplete)(void *ctx, const char *path, const char *reason);
};

struct scan_counts {
    uint64_t files, archives, bytes;
};

/* Walks a file or folder. Symbolic links are not followed below it. Faults of single files go to
 * `incomplete`; the status is not OK only when the path itself cannot be used or memory is out. */
enum status scan_path(const struct scan_options *o, const char *path, struct scan_counts *counts,
                      struct err *e) MUST_USE;

#endif
