/* What `hikeshi explain` knows of one text, and how it says it: explain_steps.c records what the
 * evaluator tells, explain_text.c is for people, explain_json.c for programs.
 *
 * Texts are hostile; each view escapes them in its own way. One thread.
 */
#ifndef HIKESHI_CMD_EXPLAIN_H
#define HIKESHI_CMD_EXPLAIN_H

#include "base/arena.h"
#include "base/messages.h"
#include "hunt/callback.h"
#include "lookup/examine.h"

#define EXPLAIN_EVENTS 1024 /* as many are kept; the others are counted */
#define EXPLAIN_STEPS 60    /* as many are told */
#define EXPLAIN_MARKS 128   /* pieces of a text that are the server's */

struct explain_step {
    enum eval_event_kind kind;
    struct slice variable, name, value;
    size_t at, n; /* the piece it decides, of the text behind the step before */
};

/* A piece of the text whose value the server has: evaluation leaves ${env:USER} as it stands, or
 * takes the default that a server without USER would take. */
struct explain_mark {
    size_t at, n;
    struct slice name;
    bool has_default;
    struct slice given; /* the default */
};

struct explain_marks {
    struct explain_mark mark[EXPLAIN_MARKS];
    size_t count;
};

struct explained {
    struct slice given;
    struct examined found;
    struct explain_step *steps; /* EXPLAIN_EVENTS of them */
    size_t count, total;        /* kept, told by the evaluator */
    struct explain_step last;   /* the lookup, even where it comes behind those kept: at, n */
    struct explain_marks marks; /* of the text behind the last event */
    struct explain_marks marks_at_end; /* of the text in which the lookup stands */
    struct slice target;        /* found.key, with ${NAME} for each value that is the server's */
    struct explain_marks leaks; /* of target, in their order: what the call-back carries out */
    struct callback to;         /* of target */
    struct arena arena;         /* the texts of all of these */
};

#define EXPLAIN_MEMORY MIB(48) /* of the arena: at least the first steps of the longest text */

enum status explained_init(struct explained *e) MUST_USE;
void explained_done(struct explained *e);

/* Examines the text, records the evaluation that decided it and finds what leaks. Everything lives
 * until the next call with the same e, ex or ev. ST_NOMEM is the only failure. */
enum status explained_fill(struct explained *e, struct examiner *ex, struct evaluator *ev,
                           struct slice text) MUST_USE;

/* What stands behind a step where its piece stood. False: the text stays as it is. */
bool explain_step_gives(const struct explain_step *s, struct slice *ret);

/* What marks become by a step. Names and defaults are those of the step, not copied. */
void explain_marks_take(struct explain_marks *m, const struct explain_step *s);

/* What kind of thing of the server a variable names; NULL: none. */
struct explain_source {
    const char *prefix;
    const char *is;    /* "%s is this server's environment variable %s" */
    const char *leaks; /* "environment variable %s" */
};
const struct explain_source *explain_source(struct slice name);
struct slice explain_key(struct slice name); /* what stands behind the colon, else all */

/* Each variable that leaks is told once: whether leaks.mark[i] is the first of its name. */
bool explain_leak_first(const struct explained *e, size_t i);
bool explain_leak_in_host(const struct explained *e, size_t i);

struct explain_view {
    enum lang lang;
    bool colour;
    size_t columns;
    struct buf out;
    struct buf now, next, piece; /* scratch */
};

void explain_text(struct explain_view *v, const struct explained *e);
void explain_json(struct explain_view *v, const struct explained *e);

#endif
