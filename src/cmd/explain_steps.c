/* What the evaluator tells, kept; and what of the server's the text carries on its way. */
#include "cmd/explain.h"

#include "base/limits.h"

#include <ctype.h>

enum status explained_init(struct explained *e)
{
    *e = (struct explained){.steps = calloc(EXPLAIN_EVENTS, sizeof *e->steps)};
    arena_init(&e->arena, EXPLAIN_MEMORY);
    return e->steps ? OK : ST_NOMEM;
}

void explained_done(struct explained *e)
{
    free(e->steps);
    arena_done(&e->arena);
}

/* --- variables of the server */

const struct explain_source *explain_source(struct slice name)
{
    static const struct explain_source sources[] = {
        {"env", N_("%s is this server's environment variable %s"), N_("environment variable %s")},
        {"sys", N_("%s is this server's system property %s"), N_("system property %s")},
        {"java", N_("%s is what Java on this server says of its %s"),
         N_("what Java says of its %s")},
        {"ctx", N_("%s is the value %s of the log's context"), N_("value %s of the log's context")},
        {"mdc", N_("%s is the value %s of the log's context"), N_("value %s of the log's context")},
        {"main", N_("%s is the program's argument %s"), N_("the program's argument %s")},
        {"docker", N_("%s is the container's %s"), N_("the container's %s")},
        {"k8s", N_("%s is the cluster's %s"), N_("the cluster's %s")},
        {"kubernetes", N_("%s is the cluster's %s"), N_("the cluster's %s")},
        {"web", N_("%s is the web application's %s"), N_("the web application's %s")},
        {"spring", N_("%s is the application's setting %s"), N_("the application's setting %s")},
        {"bundle", N_("%s is the application's text %s"), N_("the application's text %s")},
    };
    static const struct explain_source host = {"hostName", N_("%s is this server's name"),
                                               N_("this server's name")};
    if (slice_eq_str(name, host.prefix))
        return &host;
    size_t colon = slice_index(name, ':');
    for (size_t i = 0; colon < name.n && i < ARRAY_LEN(sources); i++) {
        if (strlen(sources[i].prefix) == colon &&
            strncasecmp(sources[i].prefix, (const char *)name.p, colon) == 0)
            return slice_ends(name, SLICE_LIT(".separator")) ? NULL : &sources[i];
    }
    return NULL; /* separators are the same on every server */
}

struct slice explain_key(struct slice name)
{
    size_t colon = slice_index(name, ':');
    return colon < name.n ? slice_sub(name, colon + 1, name.n) : name;
}

/* --- marks */

bool explain_step_gives(const struct explain_step *s, struct slice *ret)
{
    if (s->kind == EVAL_EVENT_ESCAPE)
        *ret = SLICE_LIT("${");
    else if (s->kind == EVAL_EVENT_UNRESOLVED)
        *ret = s->variable;
    else if (s->kind == EVAL_EVENT_VALUE || s->kind == EVAL_EVENT_DEFAULT)
        *ret = s->value;
    else
        return false;
    return true;
}

/* Whether the value is the end of the piece, before its bracket: so is a default, and what lower:
 * and upper: give has the letters of it in their order. */
static bool value_is_tail(const struct explain_step *s)
{
    struct slice word = slice_sub(s->name, 0, slice_index(s->name, ':'));
    if (s->kind == EVAL_EVENT_DEFAULT)
        return true;
    return s->kind == EVAL_EVENT_VALUE && word.n == 5 && s->value.n + word.n + 1 == s->name.n &&
           (strncasecmp((const char *)word.p, "lower", 5) == 0 ||
            strncasecmp((const char *)word.p, "upper", 5) == 0);
}

void explain_marks_take(struct explain_marks *m, const struct explain_step *s)
{
    size_t kept = 0, end = s->at + s->n;
    struct slice with;
    bool covered = false;
    if (!explain_step_gives(s, &with))
        return;
    for (size_t i = 0; i < m->count; i++) {
        struct explain_mark k = m->mark[i];
        size_t tail = end - 1 - (s->value.n < s->n ? s->value.n : s->n - 1);
        if (k.at >= end) {
            k.at = k.at - s->n + with.n;
        } else if (k.n && k.at <= s->at && k.at + k.n >= end) {
            k.n = k.n - s->n + with.n; /* decided within what is the server's already */
            covered = true;
        } else if (k.at + k.n > s->at) {
            if (!value_is_tail(s) || k.at < tail)
                continue; /* it only helped to name the variable */
            k.at = s->at + (k.at - tail);
        }
        m->mark[kept++] = k;
    }
    m->count = kept;
    if (!covered && s->kind != EVAL_EVENT_ESCAPE && kept < EXPLAIN_MARKS && explain_source(s->name))
        m->mark[m->count++] = (struct explain_mark){
            .at = s->at,
            .n = with.n,
            .name = s->name,
            .has_default = s->kind == EVAL_EVENT_DEFAULT,
            .given = s->kind == EVAL_EVENT_DEFAULT ? s->value : (struct slice){0}};
}

/* --- recording */

static bool copy_step(struct explained *e, const struct eval_event *ev, struct explain_step *ret)
{
    struct explain_step s = {.kind = ev->kind, .at = ev->at, .n = ev->n};
    if (arena_copy(&e->arena, ev->variable, &s.variable) != OK ||
        arena_copy(&e->arena, ev->name, &s.name) != OK ||
        arena_copy(&e->arena, ev->value, &s.value) != OK)
        return false;
    *ret = s;
    return true;
}

/* Names of marks must outlive the event. */
static void take_marks(struct explained *e, const struct eval_event *ev)
{
    struct explain_step s = {ev->kind, ev->variable, ev->name, ev->value, ev->at, ev->n};
    explain_marks_take(&e->marks, &s);
    struct explain_mark *last = e->marks.count ? &e->marks.mark[e->marks.count - 1] : NULL;
    if (!last || last->name.p != ev->name.p)
        return;
    struct slice short_name = slice_sub(ev->name, 0, KIB(1));
    struct slice short_given = slice_sub(last->given, 0, KIB(1));
    if (arena_copy(&e->arena, short_name, &last->name) != OK ||
        arena_copy(&e->arena, short_given, &last->given) != OK)
        e->marks.count--;
}

static void on_event(void *ctx, const struct eval_event *ev)
{
    struct explained *e = ctx;
    bool room = e->count < EXPLAIN_EVENTS && e->count == e->total;
    e->total++;
    if (room && copy_step(e, ev, &e->steps[e->count]))
        e->count++;
    if (ev->kind == EVAL_EVENT_JNDI) {
        e->last = (struct explain_step){.kind = ev->kind, .at = ev->at, .n = ev->n};
        e->marks_at_end = e->marks;
        return;
    }
    take_marks(e, ev);
}

/* --- leaks */

/* ${env:NaN:-e}vil.example: a letter within a word hides the word and carries nothing out. */
static bool disguises(const struct explained *e, const struct explain_mark *k)
{
    struct slice key = e->found.key;
    return k->has_default && k->n == 1 &&
           ((k->at > 0 && isalnum(key.p[k->at - 1])) ||
            (k->at + 1 < key.n && isalnum(key.p[k->at + 1])));
}

/* Where a mark stands in the key, which begins behind "${jndi:" unless its inside held :\- and lost
 * the bytes of that. */
static bool place_in_key(const struct explained *e, struct explain_mark *k)
{
    struct slice key = e->found.key;
    size_t begin = e->last.at + SLICE_LIT("${jndi:").n;
    if (k->at < begin || k->at + k->n > e->last.at + e->last.n)
        return false;
    size_t at = k->at - begin;
    bool written = !k->has_default && k->n > 3;
    for (size_t lost = 0; written && lost <= 2 && lost <= at; lost++) {
        if (slice_starts(slice_sub(key, at - lost, key.n), SLICE_LIT("${"))) {
            at -= lost;
            break;
        }
    }
    k->at = at;
    return at + k->n <= key.n;
}

/* The key with a variable where each mark stands, so that no value of the server's is needed to
 * take it apart; the marks move along. */
static enum status write_target(struct explained *e)
{
    struct slice key = e->found.key;
    struct buf out;
    size_t from = 0;
    buf_init(&out, LIMIT_EXPLAIN_BYTES * EVAL_BYTES_PER_BYTE + MIB(1));
    for (size_t i = 0; i < e->leaks.count; i++) {
        struct explain_mark *k = &e->leaks.mark[i];
        (void)buf_add_slice(&out, slice_sub(key, from, k->at - from));
        from = k->at + k->n;
        k->at = out.n;
        (void)buf_add_str(&out, "${");
        (void)buf_add_slice(&out, k->name);
        (void)buf_add_str(&out, k->has_default ? ":-" : "");
        (void)buf_add_slice(&out, k->given);
        (void)buf_add_str(&out, "}");
        k->n = out.n - k->at;
    }
    (void)buf_add_slice(&out, slice_sub(key, from, key.n));
    enum status st = buf_status(&out);
    if (st == OK)
        st = arena_copy(&e->arena, buf_slice(&out), &e->target);
    buf_done(&out);
    return st;
}

/* Marks of the key in their order; what stands in its scheme only hides that. */
static enum status find_leaks(struct explained *e)
{
    struct explain_marks *m = &e->leaks;
    size_t scheme = slice_index(e->found.key, ':');
    m->count = 0;
    for (size_t i = 0; i < e->marks_at_end.count; i++) {
        struct explain_mark k = e->marks_at_end.mark[i];
        size_t at = m->count;
        if (!place_in_key(e, &k) || (scheme < e->found.key.n && k.at <= scheme) || disguises(e, &k))
            continue;
        for (; at > 0 && m->mark[at - 1].at > k.at; at--)
            m->mark[at] = m->mark[at - 1];
        m->mark[at] = k;
        m->count++;
    }
    enum status st = write_target(e);
    e->to = callback_parse(st == OK ? e->target : e->found.key);
    if (st != OK) { /* too long to be told */
        e->target = e->found.key;
        m->count = 0;
    }
    return st == ST_NOMEM ? st : OK;
}

bool explain_leak_first(const struct explained *e, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (slice_eq(e->leaks.mark[k].name, e->leaks.mark[i].name))
            return false;
    }
    return true;
}

bool explain_leak_in_host(const struct explained *e, size_t i)
{
    size_t host = e->to.host.p ? (size_t)(e->to.host.p - e->target.p) : 0;
    struct slice name = e->leaks.mark[i].name;
    for (size_t k = i; e->to.host.n && k < e->leaks.count; k++) {
        const struct explain_mark *m = &e->leaks.mark[k];
        if (slice_eq(m->name, name) && m->at >= host && m->at + m->n <= host + e->to.host.n)
            return true;
    }
    return false;
}

enum status explained_fill(struct explained *e, struct examiner *ex, struct evaluator *ev,
                           struct slice text)
{
    arena_clear(&e->arena);
    e->given = text;
    e->count = e->total = 0;
    e->marks.count = e->marks_at_end.count = e->leaks.count = 0;
    e->last = (struct explain_step){0};
    e->to = (struct callback){0};
    e->target = (struct slice){0};
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
    return find_leaks(e);
}
