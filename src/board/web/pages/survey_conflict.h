/* Finds where the evidence of a row disagrees, and lays the two sides beside each other. Pure: what
 * was read goes in, the conflicts come out. */
#ifndef HIKESHI_BOARD_PAGES_SURVEY_CONFLICT_H
#define HIKESHI_BOARD_PAGES_SURVEY_CONFLICT_H

#include "board/web/pages/survey_view.h"

/* Sets v->conflicts; everything lives in the arena.
 * A question whose answer is in doubt: the evidence for the answer against the evidence for others.
 * A CVE in doubt though no question about it is: the evidence, and what was decided, that alone
 * would make it affected (or open), against what alone would settle it (case/state.h). CVEs with
 * the same two sides are one conflict. */
enum status survey_find_conflicts(struct arena *a, struct survey_view *v, struct err *e) MUST_USE;

#endif
