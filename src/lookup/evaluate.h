/* What the substitution of a message would do with a text: does it reach a JNDI lookup, and with
 * which key first?
 *
 * The rules are those of the one implementation that matters (docs/lookups.md numbers them; the
 * comments here and in the .c files name them as "rule 7"). Evaluation is exact as long as its
 * budget lasts: steps, bytes and frames are bounded by the length of the text, and what exceeds
 * them is EVAL_BUDGET, which a caller reports as an attempt and never as nothing. Cost is linear in
 * the input for every input, hostile ones included.
 *
 * A struct evaluator is the memory of one thread; it is grown on demand and used again, so ordinary
 * texts allocate nothing after the first. Text is hostile bytes; bytes that are no UTF-8 are kept
 * and count one unit each (rule 3).
 */
#ifndef HIKESHI_LOOKUP_EVALUATE_H
#define HIKESHI_LOOKUP_EVALUATE_H

#include "base/buf.h"

/* Letters map by the process's locale there: in Turkish and Azeri i and I differ. */
enum eval_locale { EVAL_ROOT, EVAL_TURKISH };

enum eval_outcome {
    EVAL_NOT,    /* evaluated to the end without a JNDI lookup */
    EVAL_REACH,  /* a JNDI lookup is done, with the key */
    EVAL_ABORT,  /* the substitution throws before it reaches one: the event is lost (rule 20) */
    EVAL_BUDGET, /* steps, bytes or frames ran out: an attempt */
    EVAL_NOMEM,
};

/* What happened on the way. None of them: no later start within the text can reach (section 7). */
#define EVAL_ESCAPED 1u  /* an escape $${ was taken */
#define EVAL_JOINED 2u   /* a ${ was joined from two pieces */
#define EVAL_OPEN 4u     /* the rest of a region was kept, its variable never closed */
#define EVAL_REGION 8u   /* a value held variables of its own */
#define EVAL_ABORTED 16u /* see EVAL_ABORT */

struct eval_result {
    enum eval_outcome outcome;
    struct slice key; /* of EVAL_REACH: as it is looked up; lives until the next evaluation */
    unsigned flags;
    bool invented;  /* a value or a default stands for what only the server knows */
    uint64_t steps; /* spent */
    unsigned passes;
};

/* Tells each variable as it is decided, for `explain`. Texts live until the call returns. */
struct eval_event {
    enum eval_event_kind {
        EVAL_EVENT_ESCAPE,     /* $${ loses a dollar */
        EVAL_EVENT_VALUE,      /* the lookup has a value */
        EVAL_EVENT_DEFAULT,    /* it has none, the default is taken */
        EVAL_EVENT_UNRESOLVED, /* neither: stays as written */
        EVAL_EVENT_JNDI,       /* the end */
        EVAL_EVENT_CYCLE,      /* its name stands in its own chain: abort */
        EVAL_EVENT_BAD_KEY,    /* a lookup that throws: abort */
        EVAL_EVENT_PASS,       /* another pass begins; text is what it begins with */
    } kind;
    struct slice variable; /* as written in this pass's text, "${…}" */
    struct slice name;     /* after the variables in it were evaluated */
    struct slice value;    /* what takes its place */
    /* Which piece of the text as it is now this decides, the variables before and within it being
     * done: `at` n bytes. An escape deletes the first of them; what stays as written (unresolved)
     * becomes `variable` again. */
    size_t at, n;
    size_t outer; /* where the outermost variable begins that is still open there; else `at` */
};
typedef void (*eval_trace_fn)(void *ctx, const struct eval_event *ev);

struct eval_options {
    enum eval_locale locale;
    uint64_t max_steps;  /* 0: EVAL_STEPS_PER_BYTE a byte and EVAL_STEPS_FLOOR */
    eval_trace_fn trace; /* may be NULL */
    void *trace_ctx;
};

#define EVAL_STEPS_PER_BYTE 64 /* labelled messages need at most 26 (docs/lookups.md) */
#define EVAL_STEPS_FLOOR 4096
#define EVAL_BYTES_PER_BYTE 8 /* text now, text being written, and stacked values */
#define EVAL_BYTES_FLOOR 4096
#define EVAL_MAX_FRAMES 1000 /* the reference ends in a stack overflow somewhere above 1,400 */

struct evaluator;

enum status evaluator_new(struct evaluator **ret) MUST_USE;
void evaluator_free(struct evaluator *ev); /* NULL is fine */

/* Evaluates the whole text as one message. */
struct eval_result evaluate(struct evaluator *ev, struct slice text, const struct eval_options *o);

/* Whether the text can reach at all: holds $ { j n d i : } in this order, in any spelling that case
 * mapping knows, with nothing between the letters but what evaluation takes away; or event:Message
 * in the same way, which can reorder text. For every start within the text at once: from this place
 * on none can; 0: not even the whole text. That is exact; another place says nothing. */
struct eval_possible {
    size_t as_is,
        if_closed; /* if_closed: as if every } were there that the text lacks at its end */
};
struct eval_possible evaluate_possible(struct slice text, unsigned signs); /* its signs.h */
/* The same of what decoders of escapes and UTF-16 can make of the text, in any order and number of
 * layers (not what base64 holds): whether ${jndi can come of it, for what names it and cannot reach
 * is told as well, or what can reorder text. False is exact. */
bool evaluate_disguised(struct slice text);

#endif
