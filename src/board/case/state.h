/* What follows from evidence: answers, states per CVE, and the state of a row. Pure functions over
 * values: no database, no clock, so that a replay gives the same and a test is a table.
 *
 * Rules, in order; the first that applies is the answer's rule:
 *   decided    a named person decided; later evidence never replaces it, what contradicts it raises
 *              `disagree`
 *   agree      two kinds of evidence that count say the same          -> confirmed
 *   finding    a scan's finding that a person confirmed               -> confirmed; partial:
 * claimed statement  a vendor's statement that matches                      -> likely claim      a
 * person's word                                        -> claimed Evidence that counts has the
 * status stated or confirmed; of one source only its latest. Where sources that count disagree, the
 * answer is that of the safe side (affected before open before fixed before not affected; "yes"
 * before "unknown" before "no"), with `disagree` set. A proposal never changes an answer. But while
 * one waits that is worse than the answer, the row reads as investigating at best: nothing is
 * settled against an unjudged finding. Nothing that rests on a partial scan gives not_affected, and
 * none of it is above claimed.
 */
#ifndef HIKESHI_BOARD_STATE_H
#define HIKESHI_BOARD_STATE_H

#include "base/arena.h"
#include "profile/profile.h"

/* In the order in which pages show them; words and shapes: docs (state vocabulary). */
enum asset_state {
    STATE_AFFECTED,
    STATE_SUSPENDED,
    STATE_MITIGATED,
    STATE_INVESTIGATING,
    STATE_WAITING_VENDOR,
    STATE_ASKED,
    STATE_NOT_ASKED,
    STATE_NOT_AFFECTED,
    STATE_FIXED,
    STATE_RETIRED,
    STATE_COUNT,
};
enum state_group { GROUP_ACTING, GROUP_OPEN, GROUP_SETTLED };
enum certainty { CERTAINTY_CONFIRMED, CERTAINTY_LIKELY, CERTAINTY_CLAIMED, CERTAINTY_NONE };

const char *state_code(enum asset_state s);       /* "affected", "waiting_vendor", … */
enum asset_state state_of_code(const char *code); /* STATE_COUNT: none */
enum state_group state_group(enum asset_state s);
const char *certainty_code(enum certainty c);       /* "confirmed", "likely", "claimed", "none" */
enum certainty certainty_of_code(const char *code); /* CERTAINTY_NONE for any other */
/* Words for people, as a label: "影響あり" / "Affected". */
const char *state_word(enum asset_state s, enum lang lang);
const char *certainty_word(enum certainty c, enum lang lang);

struct state_evidence {
    const char *question, *cve, *kind, *option, *detail, *source;
    const char *cves; /* scan: JSON {id: state} */
    bool counts;      /* stated or confirmed; else a proposal that waits */
    bool partial;
};
struct state_decision {
    const char *question, *cve, *option, *detail;
};

struct state_input {
    const struct profile *profile;
    const struct state_evidence *evidence; /* oldest first; refused and superseded ones left out */
    size_t evidence_count;
    const struct state_decision *decisions;
    size_t decision_count;
    bool asked, retired;
};

struct state_answer {
    const char *question, *cve, *option, *detail, *rule;
    enum certainty certainty;
    bool disagree;
};
struct state_cve {
    const char *cve;
    enum asset_state state;
    enum certainty certainty;
    bool disagree;
};
struct state_result {
    struct state_answer *answers;
    size_t answer_count;
    struct state_cve *cves; /* only those that something is known about */
    size_t cve_count;
    enum asset_state
        state; /* of the row: the worst of the asked CVEs and of any that is affected */
    enum certainty certainty;
    bool disagree, proposals;
};

/* Everything in *ret lives in the arena. */
enum status state_derive(const struct state_input *in, struct arena *a, struct state_result *ret,
                         struct err *e) MUST_USE;

#endif
