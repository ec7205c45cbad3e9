/* What people and scans say of a row, as pages show it: the questions with the answers that hold,
 * their evidence, and where sources disagree. Everything lives in the request's arena, but for the
 * profile, which the caller frees behind the last use (survey_view_done). */
#ifndef HIKESHI_BOARD_PAGES_SURVEY_VIEW_H
#define HIKESHI_BOARD_PAGES_SURVEY_VIEW_H

#include "board/web/html.h"
#include "board/web/pages/words.h"
#include "board/web/web.h"

#define SURVEY_EVIDENCE_MAX 400 /* pieces of one row that a page shows; the newest */

struct survey_evidence {
    int64_t id, asset, attachment, attachment_size, scan, decided_ms, said_ms, read_ms;
    bool partial;
    bool counts;                             /* stated or confirmed, and the latest of its source */
    bool waits;                              /* a proposal that nobody has judged */
    bool against;                            /* counts, and says something else than the answer */
    const struct profile_question *question; /* NULL: the profile does not ask this any more */
    const struct profile_option *option;
    struct slice question_id, cve, option_id, kind, detail, cves, source, quote, link, status,
        decided_by, source_key, file;
};

struct survey_answer {
    const struct profile_question *question;
    const char *cve;                     /* "" when it is not asked per CVE */
    const struct profile_option *option; /* NULL: no answer yet */
    struct slice detail, certainty, rule, decided_by, reason;
    int64_t since_ms;
    bool disagree, first;                    /* first: of the answers to one question */
    const struct survey_evidence **evidence; /* that counts or waits, newest first */
    size_t evidence_count;
    size_t past; /* pieces that count no more */
};

struct survey_cve {
    struct slice id, state, certainty;
    bool disagree;
};

struct survey_side {
    struct slice state; /* what this side says the row is: "affected", …; or empty: */
    const struct profile_option *option; /* the answer that it gives */
    struct slice detail;
    bool holds; /* the answer is this side's */
    const struct survey_evidence **evidence;
    size_t evidence_count;
};

/* Two sides that cannot both be right, and the answer that a person may decide. */
struct survey_conflict {
    const struct survey_answer *answer; /* what is decided */
    struct slice cves[8];               /* about these; none: about the answer's question */
    size_t cve_count;
    struct survey_side side[2]; /* the safe side first */
    int64_t since_ms;           /* when the younger side came */
};

struct survey_view {
    struct profile *profile;
    struct survey_evidence *evidence;
    size_t evidence_count, waiting;
    struct survey_answer *answers;
    size_t answer_count, open; /* open: without an answer that settles or says more */
    struct survey_cve *cves;
    size_t cve_count;
    struct survey_conflict *conflicts;
    size_t conflict_count;
};

enum status survey_view_read(struct web_request *r, int64_t incident, int64_t asset,
                             struct survey_view *ret, struct err *e) MUST_USE;
void survey_view_done(struct survey_view *v); /* accepts a zeroed struct */

/* The words of a question and an option. */
struct slice survey_question_text(const struct profile_question *q, enum lang lang);
struct slice survey_question_hint(const struct profile_question *q, enum lang lang);
struct slice survey_option_text(const struct profile_option *o, enum lang lang);
/* Whether an answer of this question may have a version beside it. */
bool survey_has_version(const struct profile_question *q);
/* The state that an option stands for: "affected", "not_affected", "fixed"; empty for others. */
struct slice survey_option_state(const struct profile_option *o);
/* Whether its words are those of the state, so that it is shown as one. */
bool survey_option_is_state(const struct profile_option *o, enum lang lang);
/* A link that a person gave, as an address. */
struct html_url survey_link(struct slice link);

/* The columns of evidence that read_evidence takes, in its order. */
#define SURVEY_EVIDENCE_COLUMNS                                                             \
    "e.id, e.asset_id, e.attachment_id, e.scan_id, e.decided_ms, e.said_ms, e.read_ms, "    \
    "e.partial, e.question, e.cve, e.option, e.kind, e.detail, e.cves, e.source, e.quote, " \
    "e.link, e.status, e.decided_by, e.source_key"
#define SURVEY_EVIDENCE_COLUMN_COUNT 20
struct db_rows;
struct survey_evidence survey_evidence_of_row(struct web_request *r, const struct profile *p,
                                              const struct db_rows *rows);

#endif
