/* What the evaluator tells, kept; and what of the server's the text carries on its way. */
#include "cmd/explain.h"

#include "base/limits.h"

enum status explained_init(struct explained *e)
{
    *e = (struct explained){.steps = calloc(EXPLAIN_EVENTS, sizeof *e->steps)};
    arena_init(&e->arena, EXPLAIN_MEMORY);
    buf_init(&e->target_text,
             LIMIT_EXPLAIN_BYTES * EVAL_BYTES_PER_BYTE + EVAL_BYTES_FLOOR + TARGET_BYTES);
    return e->steps ? OK : ST_NOMEM;
}

void explained_done(struct explained *e)
{
    free(e->steps);
    arena_done(&e->arena);
    buf_done(&e->target_text);
}

/* --- variables of the server */

const struct explain_source *explain_source(struct slice name)
{
    static const struct explain_source sources[] = {
        [SERVER_ENVIRONMENT] = {N_("%s is this server's environment variable %s"),
                                N_("environment variable %s")},
        [SERVER_PROPERTY] = {N_("%s is this server's system property %s"),
                             N_("system property %s")},
        [SERVER_JAVA] = {N_("%s is what Java on this server says of its %s"),
                         N_("what Java says of its %s")},
        [SERVER_CONTEXT] = {N_("%s is the value %s of the log's context"),
                            N_("value %s of the log's context")},
        [SERVER_ARGUMENT] = {N_("%s is the program's argument %s"),
                             N_("the program's argument %s")},
        [SERVER_CONTAINER] = {N_("%s is the container's %s"), N_("the container's %s")},
        [SERVER_CLUSTER] = {N_("%s is the cluster's %s"), N_("the cluster's %s")},
        [SERVER_WEB] = {N_("%s is the web application's %s"), N_("the web application's %s")},
        [SERVER_SETTING] = {N_("%s is the application's setting %s"),
                            N_("the application's setting %s")},
        [SERVER_TEXT] = {N_("%s is the application's text %s"), N_("the application's text %s")},
        [SERVER_NAME] = {N_("%s is this server's name"), N_("this server's name")},
        [SERVER_EVENT] = {N_("%s is the %s of this message in the log"),
                          N_("the %s of the message in the log")},
        [SERVER_TIME] = {N_("%s is the time on this server, written as %s"), NULL},
    };
    enum server_source source = server_source(name);
    return source == SERVER_NOTHING ? NULL : &sources[source];
}

struct slice explain_key(struct slice name)
{
    size_t colon = slice_index(name, ':');
    return colon < name.n ? slice_sub(name, colon + 1, name.n) : name;
}

/* --- recording */

static bool copy_step(struct explained *e, const struct eval_event *ev, struct eval_event *ret)
{
    struct eval_event s = *ev;
    if (arena_copy(&e->arena, ev->variable, &s.variable) != OK ||
        arena_copy(&e->arena, ev->name, &s.name) != OK ||
        arena_copy(&e->arena, ev->value, &s.value) != OK)
        return false;
    *ret = s;
    return true;
}

static void on_event(void *ctx, const struct eval_event *ev)
{
    struct explained *e = ctx;
    bool room = e->count < EXPLAIN_EVENTS && e->count == e->total;
    e->total++;
    if (room && copy_step(e, ev, &e->steps[e->count]))
        e->count++;
    target_event(&e->target, ev);
}

/* --- leaks */

bool explain_leak_first(const struct explained *e, size_t i)
{
    const struct server_mark *mark = e->target.marks.mark;
    for (size_t k = 0; k < i; k++) {
        if (slice_eq(mark[k].name, mark[i].name))
            return false;
    }
    return explain_source(mark[i].name)->leaks != NULL;
}

bool explain_leak_in_host(const struct explained *e, size_t i)
{
    const struct server_marks *marks = &e->target.marks;
    size_t host = e->to.host.p ? (size_t)(e->to.host.p - e->target.text.p) : 0;
    struct slice name = marks->mark[i].name;
    for (size_t k = i; e->to.host.n && k < marks->count; k++) {
        const struct server_mark *m = &marks->mark[k];
        if (slice_eq(m->name, name) && m->at >= host && m->at + m->n <= host + e->to.host.n)
            return true;
    }
    return false;
}

enum status explained_fill(struct explained *e, struct examiner *ex, struct evaluator *ev,
                           struct slice text)
{
    arena_clear(&e->arena);
    buf_clear(&e->target_text);
    e->given = text;
    e->count = e->total = 0;
    target_begin(&e->target, &e->arena);
    e->to = (struct callback){0};
    examiner_begin(ex); /* each text for itself */
    enum status st = examine(ex, text, &e->found);
    if (st != OK)
        return st;
    if (e->found.verdict == VERDICT_NONE)
        return OK;
    struct eval_options o = {.locale = e->found.locale, .trace = on_event, .trace_ctx = e};
    struct eval_result r = evaluate(ev, e->found.text, &o);
    if (r.outcome == EVAL_NOMEM)
        return ST_NOMEM;
    if (r.outcome == EVAL_REACH && e->found.reason == ATTEMPT_BUDGET) {
        e->found.verdict = VERDICT_REACHES; /* a line of a log may cost less than one text */
        e->found.reason = ATTEMPT_NO_REASON;
        e->found.key = r.key;
    }
    st = target_end(&e->target, e->found.key, &e->target_text);
    e->to = callback_parse(e->target.text);
    return st;
}
