/* What a scan says: of each copy of a component its state per CVE, with the evidence. */
#ifndef HIKESHI_SCAN_FINDING_H
#define HIKESHI_SCAN_FINDING_H

#include "profile/profile.h"

enum cve_state {
    CVE_UNSTATED, /* the CVE is not about this component */
    CVE_AFFECTED,
    CVE_MITIGATED,
    CVE_FIXED,
    CVE_NOT_AFFECTED,
    CVE_UNKNOWN,
    CVE_STATE_COUNT
};

const char *cve_state_name(enum cve_state s); /* "affected", "mitigated", … as in JSON */

/* Texts are valid during the call they are given to. Paths are untrusted bytes. */
struct scan_finding {
    const char *path; /* the whole way in, joined by "!/" */
    const char *component;
    const char *version;      /* or NULL */
    const char *version_from; /* "pom.properties", "manifest", "classes" or NULL: not known */
    const char *range;  /* the versions it may be, as a text; NULL when the version is known */
    const char *prefix; /* where its classes lie; NULL: only its name was found */
    enum cve_state states[64]; /* by the profile's order of CVEs */
    const char *evidence[24];
    size_t evidence_count;
};

/* The state of the whole finding: affected before unknown before mitigated before fixed. */
enum cve_state finding_state(const struct scan_finding *f);

#endif
