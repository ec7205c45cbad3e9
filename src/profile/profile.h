/* Vulnerability profiles: what is known of one vulnerability, as data.
 *
 * A profile is a folder of text files (docs/profiles.md has the columns): its CVEs, how the story
 * went, which components and versions are affected, by which classes a copy is known when its name
 * is gone, and the survey's questions. It is built into the programs and can be loaded from a
 * folder. Nothing here knows any particular component.
 *
 * Owned by the caller, who calls profile_free; never changes after loading, so threads may share
 * it. The files are checked: an error names file and line. Texts are UTF-8, [0] English, [1]
 * Japanese (enum lang).
 */
#ifndef HIKESHI_PROFILE_PROFILE_H
#define HIKESHI_PROFILE_PROFILE_H

#include "base/arena.h"
#include "base/messages.h"

/* A set of versions of one component: bit i is the segment from breakpoint i-1 (inclusive) to
 * breakpoint i (exclusive). The breakpoints are all versions that the profile names. */
typedef uint64_t version_set;

struct profile_cve {
    const char *id, *published, *severity, *cvss, *fixed;
    bool asked; /* questions that are asked per CVE are asked of it; it counts for a row's state */
    const char *title[2], *summary[2];
};

struct profile_advisory {
    const char *date, *cves;
    const char *text[2];
};

struct profile_affected {
    size_t component, cve;
    const char *ranges;
    version_set versions;
    const char *without; /* the class without which the fault cannot be reached, or NULL */
};

enum mark_test {
    MARK_ID,    /* the class is this component's only if it holds the constant */
    MARK_HAS,   /* holding it narrows the version */
    MARK_LACKS, /* not holding it narrows the version */
};

struct profile_mark {
    size_t component;
    const char *class_name; /* below the component's package, without ending: "net/Thing" */
    enum mark_test test;
    const char *text; /* a whole constant of the class's constant pool */
    version_set versions;
};

struct profile_fact {
    size_t component;
    const char *version, *class_name;
    uint32_t size, crc;
    version_set versions;
};

struct profile_component {
    const char *group, *artifact;
    bool report;         /* false: known, and never to be reported */
    const char *package; /* where its classes lie, unless they were moved: "org/example" */
    size_t break_count;
    const char *breaks[63]; /* ascending */
};

/* A jar's manifest whose `key` has this value is the component's, and `version_key` its version. */
struct profile_manifest {
    size_t component;
    const char *key, *value, *version_key;
};

/* What an answer means for the row, the safe side first: of two that disagree the earlier holds. */
enum option_means {
    MEANS_AFFECTED,
    MEANS_OPEN,    /* something is known, and it settles nothing */
    MEANS_WAITING, /* the maker has yet to say; yields to any answer that says more */
    MEANS_UNKNOWN, /* whoever was asked does not know */
    MEANS_FIXED,
    MEANS_NOT_AFFECTED,
};

struct profile_option {
    const char *id;
    enum option_means means;
    bool version;        /* a version stands beside the answer */
    uint64_t components; /* bit per component whose version that is; 0: of the row's own product */
    const char *label[2];
};

struct profile_question {
    const char *id;
    bool per_cve;
    /* a scan answers it: options for "a component was found", "everything was examined and none
     * was found", "not everything was examined". The first one's components are what is found. */
    const char *scan; /* the column as it stands: "-" or the three ids */
    bool scanned;
    size_t scan_found, scan_clean, scan_open;
    const char *text[2], *hint[2];
    size_t option_count;
    struct profile_option *options;
};

struct profile {
    struct arena arena;
    const char *id, *date, *title[2];
    int revision;
    size_t cve_count, advisory_count, component_count, affected_count, mark_count, fact_count,
        manifest_count, question_count;
    struct profile_cve *cves; /* in the order of the story */
    struct profile_advisory *advisories;
    struct profile_component *components;
    struct profile_affected *affected;
    struct profile_mark *marks;
    struct profile_fact *facts;
    struct profile_manifest *manifests;
    struct profile_question *questions;
};

/* One of a profile's files. The content stays where it is. */
struct profile_text {
    const char *name; /* "cves.tsv" */
    struct slice content;
};

/* The files that a survey needs, without those that only a scan does; NULL behind the last. */
extern const char *const profile_survey_files[];

/* A built-in profile's name, or a folder (anything with a '/'). ST_NOT_FOUND names what there is.
 */
enum status profile_load(const char *name_or_dir, struct profile **ret, struct err *e) MUST_USE;
/* From texts that the caller has; marks.tsv, facts.tsv and manifests.tsv may be left out (a profile
 * without signs); others are ST_NOT_FOUND. where names the profile in errors. Copies what it keeps.
 */
enum status profile_parse(const char *where, const struct profile_text *texts, size_t count,
                          struct profile **ret, struct err *e) MUST_USE;
/* The text of one file of a profile, in the arena. */
enum status profile_read_file(const char *name_or_dir, const char *file, struct arena *a,
                              struct slice *ret, struct err *e) MUST_USE;
void profile_free(struct profile *p); /* accepts NULL */

/* The name of the i-th built-in profile, of NAME[size]; false when there are not so many. */
bool profile_built_in(size_t i, char *name, size_t size);

/* The set that holds just this version's segment. */
version_set profile_version(const struct profile_component *c, struct slice version);

/* By id; NULL when the profile has none of this name. */
const struct profile_question *profile_question(const struct profile *p, const char *id);
const struct profile_option *profile_option(const struct profile_question *q, const char *id);
const struct profile_cve *profile_cve(const struct profile *p, const char *id);
/* The one question that a scan answers; NULL when there is none. */
const struct profile_question *profile_scan_question(const struct profile *p);

#endif
