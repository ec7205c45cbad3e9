/* A line of a log or a field of a request: what of it could have been logged, in which disguise,
 * and what would come of it.
 *
 * An application may log any part of a line, decoded or not, and a line may be cut. So every text
 * that decoding gives is evaluated from every place where a variable begins, and once more with the
 * brackets closed that the cut left open. The search is bounded in layers, texts, bytes and steps
 * by the length of the line; what exceeds them is an attempt, never nothing.
 *
 * A struct examiner is the memory of one thread. Input is hostile bytes.
 */
#ifndef HIKESHI_LOOKUP_EXAMINE_H
#define HIKESHI_LOOKUP_EXAMINE_H

#include "lookup/evaluate.h"

enum verdict {
    VERDICT_NONE,
    VERDICT_ATTEMPT,   /* means to and cannot, or more than the budget can tell */
    VERDICT_IF_CLOSED, /* would, had the line not been cut */
    VERDICT_REACHES,   /* the lookup is done */
};
const char *verdict_name(enum verdict v); /* "none", "attempt", "if-closed", "reaches" */

enum attempt_reason {
    ATTEMPT_NO_REASON,
    ATTEMPT_BUDGET, /* steps, bytes or frames ran out */
    ATTEMPT_CYCLE,  /* the substitution aborts before it reaches the lookup */
    ATTEMPT_BASE64, /* base64: is no lookup of any version that was released */
    ATTEMPT_INERT,  /* jndi is named and not reached: misspelt, escaped */
};

#define EXAMINE_LAYERS 4 /* of decoding, one behind the other */

/* What a line may cost, all its texts and starts together. */
#define EXAMINE_STEPS_PER_BYTE 256
#define EXAMINE_STEPS_FLOOR 16384
#define EXAMINE_WORK_PER_BYTE 64
#define EXAMINE_WORK_FLOOR 65536
#define EXAMINE_TEXT_PER_BYTE 8
#define EXAMINE_TEXT_FLOOR 65536
#define DECODE_LOOK 8

struct examined {
    enum verdict verdict;
    enum attempt_reason reason;
    enum eval_locale locale;             /* under which it reaches: root first */
    struct slice key;                    /* of the first JNDI lookup, else empty */
    struct slice text;                   /* the text that was evaluated, from its start on */
    const char *chain[EXAMINE_LAYERS];   /* the decoders that led to it, outermost first */
    struct slice layers[EXAMINE_LAYERS]; /* the whole text behind each of them */
    size_t chain_count;
}; /* slices live until the next call */

struct examiner;

enum status examiner_new(struct examiner **ret) MUST_USE;
void examiner_free(struct examiner *x); /* NULL is fine */

/* ST_NOMEM is the only failure. */
enum status examine(struct examiner *x, struct slice line, struct examined *ret) MUST_USE;
/* The text alone, nothing decoded. */
enum status examine_plain(struct examiner *x, struct slice text, struct examined *ret) MUST_USE;

#endif
