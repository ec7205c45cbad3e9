/* Reading the survey: what was said of a row, what waits for a person, what holds. For pages and
 * API. Everything lives in the caller's arena. Who may see a row is the caller's to check
 * (asset_visible), but for the lists over an incident, which leave out what is not an owner's own.
 */
#ifndef HIKESHI_BOARD_SURVEY_READ_H
#define HIKESHI_BOARD_SURVEY_READ_H

#include "base/arena.h"
#include "board/log/log.h"

struct survey_evidence {
    int64_t id, asset, attachment, attachment_size, scan, partial, decided_ms, said_ms, read_ms;
    struct slice asset_name, question, cve, kind, option, detail, cves, source, quote, link,
        attachment_name, status, decided_by, source_key; /* "hosts": quote is coded, findings.h */
};

struct survey_answer {
    struct slice question, cve, option, detail, certainty, rule, decided_by, reason;
    int64_t disagree, since_ms;
};

struct survey_cve {
    struct slice cve, state, certainty;
    int64_t disagree;
};

/* Evidence of a row, newest first, with ids below before_id (INT64_MAX: from the newest). */
enum status survey_evidence_of(struct db *db, int64_t asset, int64_t before_id, size_t limit,
                               struct arena *a, struct survey_evidence **ret, size_t *ret_count,
                               struct err *e) MUST_USE;
/* One; ST_NOT_FOUND. */
enum status survey_evidence_one(struct db *db, int64_t id, struct arena *a,
                                struct survey_evidence *ret, struct err *e) MUST_USE;
/* Proposals that wait, oldest first, with ids above after_id. */
enum status survey_proposals(struct db *db, const struct actor *actor, int64_t incident,
                             int64_t after_id, size_t limit, struct arena *a,
                             struct survey_evidence **ret, size_t *ret_count,
                             struct err *e) MUST_USE;
enum status survey_answers(struct db *db, int64_t asset, struct arena *a,
                           struct survey_answer **ret, size_t *ret_count, struct err *e) MUST_USE;
enum status survey_cves(struct db *db, int64_t asset, struct arena *a, struct survey_cve **ret,
                        size_t *ret_count, struct err *e) MUST_USE;

/* The file attached to evidence: ST_NOT_FOUND when there is none, or when none of the rows it is
 * attached to is visible to the actor. */
struct survey_attachment {
    struct slice name, content;
};
enum status survey_attachment(struct db *db, const struct actor *actor, int64_t attachment,
                              struct arena *a, struct survey_attachment *ret,
                              struct err *e) MUST_USE;

#endif
