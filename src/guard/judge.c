/* What a window holds, whether it counts, and whose value it is in. See inspect.h. */
#include "guard/guard_int.h"

#include "lookup/callback.h"

/* What examining a text gave, kept beyond the next examination. */
struct look {
    enum guard_why why; /* GUARD_NOTHING: it does not count */
    enum verdict verdict;
    enum attempt_reason reason;
    const char *chain[EXAMINE_LAYERS];
    size_t chain_count, key_n;
    uint8_t key[LIMIT_GUARD_KEY];
};

static const char *const limits[] = {
    [GUARD_LIMIT_BODY] = "body-limit",   [GUARD_LIMIT_CHARSET] = "charset",
    [GUARD_LIMIT_ENCODING] = "encoding", [GUARD_LIMIT_RATIO] = "ratio",
    [GUARD_LIMIT_MEMORY] = "memory",     [GUARD_LIMIT_BUDGET] = "budget",
};

/* The order of what is found: the worst is told. */
static unsigned severity(enum guard_why why, enum verdict v)
{
    switch (why) {
    case GUARD_NOTHING:
        return 0;
    case GUARD_LIMIT: /* and of limits the greatest is one more */
        return GUARD_LIMIT_BUDGET + 1;
    case GUARD_SIGNATURE:
        return 21;
    case GUARD_PATCH:
        return 22;
    case GUARD_LOOKUP:
        return v == VERDICT_REACHES ? 24 : v == VERDICT_IF_CLOSED ? 23 : 20;
    case GUARD_CALLBACK:
        return 25;
    case GUARD_CLIENT:
        return 26;
    }
    return 0;
}

static unsigned severity_found(const struct guard_request *q)
{
    for (unsigned i = 0; q->found.why == GUARD_LIMIT && i < ARRAY_LEN(limits); i++)
        if (q->found.rule == limits[i])
            return i + 1;
    return severity(q->found.why, q->found.verdict);
}

void *guard_alloc(struct guard_request *q, size_t n)
{
    void *p = q->options->alloc(q->options->alloc_ctx, n);
    if (!p)
        guard_limited(q, GUARD_LIMIT_MEMORY);
    return p;
}

static struct slice copy(struct guard_request *q, struct slice s)
{
    uint8_t *p = s.n ? q->options->alloc(q->options->alloc_ctx, s.n) : NULL;
    if (!p)
        return (struct slice){NULL, 0};
    memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

void guard_limited(struct guard_request *q, enum guard_limit why)
{
    q->limited = true;
    if (severity_found(q) < why + 1u)
        q->found = (struct guard_finding){
            .why = GUARD_LIMIT, .rule = limits[why], .field = {.part = GUARD_BODY}};
}

bool guard_excluded(const struct guard_request *q, const struct guard_field *f)
{
    const struct guard_options *o = q->options;
    return (q->scope.any_exception && guard_scope_excepts(&q->scope, f)) ||
           (o->excluded && o->excluded(o->excluded_ctx, f));
}

void guard_matched(struct guard_request *q, const char *rule, const struct guard_field *f)
{
    enum guard_why why =
        guard_rules_is_signature(q->scope.rules, rule) ? GUARD_SIGNATURE : GUARD_PATCH;
    if (severity(why, VERDICT_NONE) <= severity_found(q))
        return;
    q->found = (struct guard_finding){.why = why, .rule = rule, .field = *f};
    q->found.field.name = copy(q, f->name);
}

/* --- call-backs */

/* Where an attempt that resolves to nothing says it wants to go. */
static struct slice attempted_key(struct slice text)
{
    for (size_t i = 0; i + 5 <= text.n; i++) {
        i += guard_find2(slice_sub(text, i, text.n), 'j', 'J');
        if (i + 5 > text.n || strncasecmp((const char *)text.p + i, "jndi:", 5) != 0)
            continue;
        struct slice key = slice_sub(text, i + 5, LIMIT_GUARD_KEY);
        size_t n = 0;
        while (n < key.n && key.p[n] > ' ' && key.p[n] != '}' && key.p[n] != '"')
            n++;
        return slice_sub(key, 0, n);
    }
    return (struct slice){NULL, 0};
}

/* Whether a variable stands before the path: its value may be another host with a slash behind. */
static bool goes_anywhere(struct slice key, const struct callback *c)
{
    size_t n = c->path.p ? (size_t)(c->path.p - key.p) : key.n;
    return slice_find(slice_sub(key, 0, n), SLICE_LIT("${")) < n ||
           slice_find(c->host, SLICE_LIT("${")) < c->host.n;
}

static enum guard_list listed(const struct guard_request *q, struct slice key)
{
    char name[300];
    struct buf b;
    bool below = false;
    const struct callback c = callback_parse(key);
    if (!q->scope.rules || c.host.n == 0)
        return GUARD_NOT_LISTED;
    buf_over(&b, name, sizeof name);
    (void)buf_add_str(&b, "x."); /* what it carries out is a label */
    if (callback_sought(c.host, &b, &below) != OK || b.n == 2)
        return GUARD_NOT_LISTED;
    struct slice host = slice_sub(buf_slice(&b), below ? 0 : 2, b.n);
    enum guard_list list = guard_rules_callback(q->scope.rules, host);
    return list == GUARD_ALLOWED && goes_anywhere(key, &c) ? GUARD_NOT_LISTED : list;
}

/* An allowed call-back is looked behind: it is struck out where it stands in so many words, and
 * the text examined again. One that is disguised, or that only the whole text makes, counts. On
 * success *text is the new text, in g->allowed. */
static bool strike_out(struct guard *g, const struct examined *r, struct slice *text)
{
    struct slice layer = *text;
    size_t struck = 0;
    for (size_t i = 0; i < r->chain_count; i++) {
        if (strcmp(r->chain[i], "url") != 0)
            return false;
        layer = r->layers[i];
    }
    if (layer.p != g->allowed.p) {
        buf_clear(&g->allowed);
        if (buf_add_slice(&g->allowed, layer) != OK)
            return false;
    }
    uint8_t *p = g->allowed.p;
    size_t whole = r->key.n + 8; /* ${jndi: and } */
    for (size_t i = 0; whole <= g->allowed.n && i <= g->allowed.n - whole; i++) {
        if (p[i] != '$' || p[i + 1] != '{' || strncasecmp((char *)p + i + 2, "jndi:", 5) != 0 ||
            p[i + whole - 1] != '}' || (r->key.n && memcmp(p + i + 7, r->key.p, r->key.n) != 0))
            continue;
        memset(p + i, '?', whole);
        struck++;
    }
    *text = buf_slice(&g->allowed);
    return struck > 0;
}

/* --- looks */

static uint64_t less(uint64_t have, uint64_t spent)
{
    return have > spent ? have - spent : 0;
}

/* The request's own credit comes beside the client's, not on top of it. */
static enum status examine_for(struct guard_request *q, struct slice text, struct examined *r)
{
    struct guard *g = q->guard;
    struct guard_credit *c = guard_credit_of(g, q->client);
    uint64_t had = c->left > q->credit ? c->left : q->credit;
    examiner_set_credit(g->examiner, had);
    enum status st = examine(g->examiner, text, r);
    uint64_t left = examiner_credit(g->examiner);
    if (left > had)
        c->left += left - had;
    else
        guard_credit_spend(g, c, had - left);
    c->left = c->left < GUARD_CREDIT_MOST ? c->left : GUARD_CREDIT_MOST;
    q->credit = less(q->credit, less(had, left));
    return st;
}

static enum guard_why counts_as(const struct guard_request *q, const struct examined *r,
                                enum guard_list list)
{
    if (r->verdict == VERDICT_NONE)
        return GUARD_NOTHING;
    if (list == GUARD_DENIED)
        return GUARD_CALLBACK;
    if (r->verdict == VERDICT_ATTEMPT && r->reason == ATTEMPT_BUDGET)
        return GUARD_LIMIT;
    return r->verdict >= q->options->least ? GUARD_LOOKUP : GUARD_NOTHING;
}

static void look_at(struct guard_request *q, struct slice text, struct look *ret)
{
    struct examined r = {0};
    struct slice key = {NULL, 0};
    enum guard_list list = GUARD_NOT_LISTED;
    *ret = (struct look){.why = GUARD_NOTHING};
    for (unsigned i = 0;; i++) {
        if (examine_for(q, text, &r) != OK) {
            guard_limited(q, GUARD_LIMIT_MEMORY);
            return;
        }
        if (r.verdict == VERDICT_NONE)
            return;
        if (examiner_target(q->guard->examiner, &r, &key) != OK) {
            guard_limited(q, GUARD_LIMIT_MEMORY);
            return;
        }
        key = r.verdict == VERDICT_ATTEMPT ? attempted_key(r.text) : key;
        list = listed(q, key);
        if (list != GUARD_ALLOWED || i == LIMIT_GUARD_ALLOWED || !strike_out(q->guard, &r, &text))
            break;
    }
    ret->why = counts_as(q, &r, list);
    ret->verdict = r.verdict;
    ret->reason = r.reason;
    memcpy(ret->chain, r.chain, sizeof ret->chain);
    ret->chain_count = r.chain_count;
    key = slice_sub(key, 0, sizeof ret->key);
    ret->key_n = key.n;
    if (key.n)
        memcpy(ret->key, key.p, key.n);
}

static bool same(const struct look *a, const struct look *b)
{
    return a->why == b->why && a->verdict == b->verdict && a->key_n == b->key_n &&
           memcmp(a->key, b->key, a->key_n) == 0;
}

static struct slice mark_name(const struct guard_mark *m)
{
    return slice_of(m->name, m->name_n);
}

/* --- windows */

/* The part of the window that is the mark's. */
static void mark_range(const struct guard_window *w, const struct guard_mark *m, size_t *from,
                       size_t *to)
{
    uint64_t end = w->start + w->n;
    *from = m->from > w->start ? (size_t)(m->from - w->start) : 0;
    *to = (size_t)((m->to < end ? m->to : end) - w->start);
}

static struct slice mark_text(const struct guard_window *w, const struct guard_mark *m)
{
    size_t from, to;
    mark_range(w, m, &from, &to);
    return slice_of(w->p + from, to - from);
}

static void tell(struct guard_request *q, const struct look *l, const struct guard_mark *m)
{
    struct guard_finding *f = &q->found;
    if (l->why == GUARD_LIMIT)
        q->limited = true;
    *f = (struct guard_finding){.why = l->why,
                                .verdict = l->verdict,
                                .reason = l->reason,
                                .rule = l->why == GUARD_LIMIT ? limits[GUARD_LIMIT_BUDGET] : NULL,
                                .field = {.part = GUARD_BODY},
                                .chain_count = l->chain_count};
    memcpy(f->chain, l->chain, sizeof f->chain);
    f->key = copy(q, slice_of(l->key, l->key_n));
    if (m) {
        f->field.part = m->part;
        f->field.in_name = m->in_name;
        f->field.name = copy(q, mark_name(m));
    }
    q->over = severity_found(q) >= severity(GUARD_LOOKUP, VERDICT_REACHES);
}

/* The field that gives the same by itself; else the first one, for it goes across fields. NULL:
 * there were too many to tell. */
static const struct guard_mark *attribute(struct guard_request *q, const struct guard_window *w,
                                          const struct look *l)
{
    const struct guard_mark *first = NULL;
    size_t others = 0;
    for (size_t i = 0; i < w->mark_count; i++) {
        if (w->marks[i].excluded)
            continue;
        others += first != NULL;
        first = first ? first : &w->marks[i];
    }
    if (others == 0 && !w->marks_lost)
        return first ? first : w->marks;
    for (size_t i = 0; l->why != GUARD_LIMIT && i < w->mark_count; i++) {
        struct look own;
        if (w->marks[i].excluded)
            continue;
        look_at(q, mark_text(w, &w->marks[i]), &own);
        if (same(&own, l))
            return &w->marks[i];
    }
    /* a cookie stays a secret */
    return w->marks_lost && (!first || first->part != GUARD_COOKIE) ? NULL : first;
}

/* The window with what is excluded blanked. False: nothing is. */
static bool mask(struct guard *g, const struct guard_window *w)
{
    bool any = false;
    for (size_t i = 0; i < w->mark_count; i++)
        any |= w->marks[i].excluded;
    buf_clear(&g->masked);
    if (!any || buf_add(&g->masked, w->p, w->n) != OK)
        return false;
    for (size_t i = 0; i < w->mark_count; i++) {
        size_t from, to;
        mark_range(w, &w->marks[i], &from, &to);
        if (w->marks[i].excluded)
            memset(g->masked.p + from, ' ', to - from);
    }
    return true;
}

/* Whether one excluded field alone gives as much as the whole window. */
static bool within_excluded(struct guard_request *q, const struct guard_window *w,
                            const struct look *whole)
{
    for (size_t i = 0; i < w->mark_count; i++) {
        struct look own;
        if (!w->marks[i].excluded)
            continue;
        look_at(q, mark_text(w, &w->marks[i]), &own);
        if (severity(own.why, own.verdict) >= severity(whole->why, whole->verdict))
            return true;
    }
    return false;
}

void guard_judge(struct guard_request *q, const struct guard_window *w)
{
    struct look whole, rest;
    look_at(q, slice_of(w->p, w->n), &whole);
    if (severity(whole.why, whole.verdict) <= severity_found(q)) {
        q->limited |= whole.why == GUARD_LIMIT;
        return;
    }
    if (!mask(q->guard, w)) {
        tell(q, &whole, attribute(q, w, &whole));
        return;
    }
    look_at(q, buf_slice(&q->guard->masked), &rest);
    if (rest.why != GUARD_NOTHING) {
        if (severity(rest.why, rest.verdict) > severity_found(q))
            tell(q, &rest, attribute(q, w, &rest));
    } else if (!within_excluded(q, w, &whole)) {
        tell(q, &whole, w->marks);
    }
}
