/* What follows from evidence: answers, states per CVE, and the state of a row. Pure functions over
 * values: no database, no clock, so that a replay gives the same and a test is a table.
 *
 * Answers. Evidence counts when its status is stated or confirmed; of one source only its latest.
 * Of several answers the one on the safe side holds, in the order of enum option_means and then of
 * the profile's options; but one that only waits for the maker yields to any that says more. The
 * first of these that applies is the answer's rule:
 *   decided    a named person decided: confirmed; later evidence never replaces it
 *   agree      two kinds of evidence say the same, none of them partial: confirmed
 *   finding    a scan's finding that a person confirmed: confirmed
 *   statement  a vendor's statement that matches: likely
 *   claim      a person's word: claimed
 * `disagree` is set where other evidence that counts gives another answer, unless that one is
 * "not known" beside an answer that is worse, or waits for the maker. What rests on a partial scan
 * alone is claimed at most, and settles nothing: never not affected, fixed or mitigated.
 *
 * CVEs. Each answer and each scan claims states: by what the option means (asked per CVE: of that
 * one; else of those whose components the question is about, or of all), by the version beside it
 * and the profile's ranges, by the scan's states per CVE. Of the claims the decided ones hold over
 * others, and among those the safe side: affected, investigating, mitigated, fixed, not affected,
 * waiting for the vendor. Affected beside any settled claim, and investigating beside fixed or not
 * affected, is `disagree`, but not among scans of the row's several hosts. A settling answer beside
 * an open one to a later question contradicts itself: investigating.
 *
 * The row. Only the asked CVEs and any that is affected count. The worst holds: affected,
 * investigating, waiting for the vendor; then a CVE that nothing is known of (investigating when
 * anything is known of the row; else asked or not asked); then mitigated, fixed, not affected. Its
 * certainty is the best of the affected ones, the weakest of the settled ones, else that of the
 * best answer.
 *
 * A proposal never changes an answer. But while one waits that is worse than what holds, a row
 * that is settled or mitigated reads as investigating (a decided answer is not doubted by "not
 * known"): nothing is settled against an unjudged finding. The same holds while a scan waits that
 * read only a part, or not all of the row's hosts, where one that counts had read everything. A
 * finding that waits also makes investigating of asked and not asked.
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
    const char *question, *cve, *kind, *option, *detail;
    const char *source; /* evidence.source_key */
    const char *cves;   /* scan: JSON {id: state} */
    bool counts;        /* stated or confirmed; else a proposal that waits */
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
