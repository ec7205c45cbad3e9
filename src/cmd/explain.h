/* What `hikeshi explain` knows of one text, and how it says it: explain_steps.c records what the
 * evaluator tells, explain_text.c is for people, explain_json.c for programs.
 *
 * Texts are hostile; each view escapes them in its own way. One thread.
 */
#ifndef HIKESHI_CMD_EXPLAIN_H
#define HIKESHI_CMD_EXPLAIN_H

#include "base/arena.h"
#include "base/messages.h"
#include "lookup/callback.h"
#include "lookup/examine.h"
#include "lookup/target.h"

#define EXPLAIN_EVENTS 1024 /* as many are kept; the others are counted */
#define EXPLAIN_STEPS 60    /* as many are told */

struct explained {
    struct slice given;
    struct examined found;
    struct eval_event *steps;    /* EXPLAIN_EVENTS of them */
    size_t count, total;         /* kept, told by the evaluator */
    struct lookup_target target; /* also where the lookup comes behind the steps kept */
    struct buf target_text;
    struct callback to; /* of target */
    struct arena arena; /* the texts of all of these */
};

#define EXPLAIN_MEMORY MIB(48) /* of the arena: at least the first steps of the longest text */

enum status explained_init(struct explained *e) MUST_USE;
void explained_done(struct explained *e);

/* Examines the text, records the evaluation that decided it and finds what leaks. Everything lives
 * until the next call with the same e, ex or ev. ST_NOMEM is the only failure. */
enum status explained_fill(struct explained *e, struct examiner *ex, struct evaluator *ev,
                           struct slice text) MUST_USE;

/* What kind of thing of the server a variable names; NULL: none. */
struct explain_source {
    const char *is;    /* "%s is this server's environment variable %s" */
    const char *leaks; /* "environment variable %s"; NULL: nobody wants to know */
};
const struct explain_source *explain_source(struct slice name);
struct slice explain_key(struct slice name); /* what stands behind the colon, else all */

/* Each variable that leaks is told once: whether mark i of the target is one, and the first of its
 * name. */
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
