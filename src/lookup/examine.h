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
const char *attempt_reason_name(enum attempt_reason r); /* "budget", "cycle", …; NULL for none */

#define EXAMINE_LAYERS 4 /* of decoding, one behind the other */

/* What a line may cost: steps of evaluation and work of decoding, all its texts and starts
 * together, both some nanoseconds each. Labelled lines stay below the most. What is more than the
 * least comes out of a credit, which grows with each byte of the log: a hostile line here and there
 * is examined exactly, a log full of them at 100 MB/s or so, each line as far as the least goes.
 * The answer depends on the lines before, and on nothing else. */
#define EXAMINE_STEPS_PER_BYTE 256
#define EXAMINE_STEPS_FLOOR 16384
#define EXAMINE_WORK_PER_BYTE 128
#define EXAMINE_WORK_FLOOR 65536
#define EXAMINE_LEAST_PER_BYTE 2
#define EXAMINE_LEAST_FLOOR 192
#define EXAMINE_CREDIT_PER_BYTE 5
#define EXAMINE_CREDIT_MOST 16777216  /* 16 ms */
#define EXAMINE_CREDIT_SPAN 4194304   /* of a span: half a unit for each of its bytes */
#define EXAMINE_CREDIT_ALL 1073741824 /* a second, for what logs begin with */
#define EXAMINE_CREDIT_FEW 131072     /* that any log begins with: more than the floors of a line */

/* Decoded texts of one line, together. With what evaluation keeps (EVAL_BYTES_PER_BYTE) examining
 * takes at most 48 bytes of memory for each byte of the longest line, so callers cut lines: a
 * search at LIMIT_HUNT_LINE in windows that overlap, `explain` at LIMIT_EXPLAIN_BYTES. */
#define EXAMINE_TEXT_PER_BYTE 16
#define EXAMINE_TEXT_FLOOR 65536

struct examined {
    enum verdict verdict;
    enum attempt_reason reason;
    enum eval_locale locale;             /* under which it reaches: root first */
    struct slice key;                    /* of the first JNDI lookup, else empty */
    struct slice text;                   /* the text that was evaluated, from its start on */
    size_t start;                        /* what stands before that in the line or last layer */
    bool invented;                       /* the key may hold what only the server knows */
    const char *chain[EXAMINE_LAYERS];   /* the decoders that led to it, outermost first */
    struct slice layers[EXAMINE_LAYERS]; /* the whole text behind each of them */
    size_t chain_count;                  /* of both; what is behind them is not set */
};                                       /* slices live until the next call */

struct examiner;

enum status examiner_new(struct examiner **ret) MUST_USE;
void examiner_free(struct examiner *x); /* NULL is fine */

/* A new log: the credit is full, as long as logs before it left enough: all of them together may
 * begin with EXAMINE_CREDIT_ALL, or many small ones would cost 16 ms each. */
void examiner_begin(struct examiner *x);
/* A new span of the same log, whatever was spent before: who begins there knows as much. */
void examiner_begin_span(struct examiner *x);
/* Bytes of it that are not examined. */
void examiner_pass(struct examiner *x, size_t bytes);
/* For who keeps a credit of each sender's own: at most EXAMINE_CREDIT_MOST. */
uint64_t examiner_credit(const struct examiner *x);
void examiner_set_credit(struct examiner *x, uint64_t credit);

/* ST_NOMEM is the only failure. */
enum status examine(struct examiner *x, struct slice line, struct examined *ret) MUST_USE;
/* What the lookup asks for as far as it can be known (target.h), of the last text that was examined
 * and what was found in it; lives as long as that. */
enum status examiner_target(struct examiner *x, const struct examined *found,
                            struct slice *ret) MUST_USE;
/* Of the last text: whether a variable begins in it, decoded or not, and does not end in it, so
 * that what stands behind the text may make a lookup of it. A text that cost too much is not looked
 * at.
 */
enum open_variable {
    OPEN_NOT,
    OPEN_SHORT,   /* less than EXAMINE_OPEN before the end of the text */
    OPEN_ALONE,   /* in the name of none, so that of a lookup it can give the $ only */
    OPEN_LETTERS, /* what stands behind can be read, but for single letters that are escaped */
    OPEN_PACKED,  /* it cannot: base64 */
};
enum open_variable examiner_open(const struct examiner *x);
#define EXAMINE_OPEN 2048
/* The text alone, nothing decoded. */
enum status examine_plain(struct examiner *x, struct slice text, struct examined *ret) MUST_USE;

#endif
