/* The survey: what people and scans say of a row, and what is decided.
 *
 * Kinds of event: evidence.stated (a person answers), proposal.confirmed, proposal.refused (single
 * or in bulk; the ids stand in the body), answer.decided, answer.undecided. Each ends with deriving
 * the rows that it touches (survey_derive), in the same transaction. Rules: case/state.h. An owner
 * may answer and judge what is theirs; texts are hostile UTF-8.
 */
#ifndef HIKESHI_BOARD_SURVEY_H
#define HIKESHI_BOARD_SURVEY_H

#include "board/log/log.h"

extern const struct log_kind survey_kinds[];

struct statement {
    const char *question, *cve; /* cve "" when the question is not asked per CVE */
    const char *option, *detail;
    const char *text, *link; /* link: http, https or "" */
    struct {
        const char *name;
        struct slice content; /* empty: no file */
    } file;
    int64_t said_ms; /* 0: now */
};

/* A person's answer, in their own name, with the text, link or file it rests on. */
enum status survey_state(struct db *db, const struct actor *actor, int64_t asset,
                         const struct statement *st, struct err *e) MUST_USE;

/* Confirms or refuses proposals (evidence ids, all of one incident). One that was judged meanwhile
 * is ST_CONFLICT and names by whom; nothing is done then. */
enum status survey_confirm(struct db *db, const struct actor *actor, int64_t incident,
                           const int64_t *evidence, size_t count, struct err *e) MUST_USE;
enum status survey_refuse(struct db *db, const struct actor *actor, int64_t incident,
                          const int64_t *evidence, size_t count, const char *reason,
                          struct err *e) MUST_USE;

/* A named person decides an answer, with a reason; it holds until another decision. */
enum status survey_decide(struct db *db, const struct actor *actor, int64_t asset,
                          const char *question, const char *cve, const char *option,
                          const char *detail, const char *reason, struct err *e) MUST_USE;
enum status survey_undecide(struct db *db, const struct actor *actor, int64_t asset,
                            const char *question, const char *cve, const char *reason,
                            struct err *e) MUST_USE;

/* Derives answer, asset_cve and the asset's state anew from evidence. For apply: reads the views
 * and the incident's profile of the record. */
enum status survey_derive(struct db *db, const struct event *ev, const int64_t *assets,
                          size_t count, struct err *e) MUST_USE;

#endif
