/* Patches and signatures: databases of Hyperscan, one for each 16 of them, in its streaming mode; a
 * value is given to those that hold a rule which concerns it. A match counts where the request, the
 * field and the exceptions let it; that is asked only when something matched. Each expression
 * reports once a value (SINGLEMATCH), so that what a hostile value can cause is bounded by the
 * number of rules. */
#include "base/utf8.h"
#include "guard/rules_int.h"

#define IDLE 16 /* matchers that a scratch keeps */
#define GROUP_BITS (((uint64_t)1 << RULE_GROUP) - 1)
/* bits of the groups of patches */
#define PATCH_GROUPS (((uint32_t)1 << LIMIT_GUARD_PATCHES / RULE_GROUP) - 1)

struct guard_scratch {
    hs_scratch_t *hs;
    struct guard_matcher *idle; /* of the rules `serial` */
    size_t idle_count;
    uint64_t serial; /* the rules that hs is large enough for, besides those before */
};

struct guard_matcher {
    struct guard_matcher *next;
    struct guard_scratch *scratch;
    struct guard_scope scope;
    struct guard_field field;
    hs_stream_t *stream[RULE_GROUPS]; /* opened when they are needed first */
    uint64_t serial;
    uint32_t asked; /* bits: groups that the value is given to */
    uint32_t begun; /* bits: streams that hold something of a value */
    const char *found;
};

/* --- compiling */

static enum status measure(struct guard_rules *r, size_t count, struct err *e)
{
    uint64_t edges = 0, copied = 0;
    for (size_t i = 0; i < count; i++) {
        const struct rule_pattern *p = rule_pattern_at(r, i);
        struct rule_shape shape = {0};
        enum status st = rule_shape_measure(slice_str(p->expression), &shape, e);
        edges += shape.edges;
        copied += shape.copied;
        if (st == OK && (edges > LIMIT_GUARD_ALL_EDGES || copied > LIMIT_GUARD_ALL_COPIED))
            st = err_set(e, ST_LIMIT,
                         N_("the expressions up to here are too large to compile together (size "
                            "%llu of at most %d, repeats %llu of at most %d)"),
                         (unsigned long long)edges, LIMIT_GUARD_ALL_EDGES,
                         (unsigned long long)copied, LIMIT_GUARD_ALL_COPIED);
        if (st != OK) {
            err_prefix(e, N_("line %u"), p->line);
            return st;
        }
    }
    return OK;
}

static enum status compile_trouble(const struct guard_rules *r, const unsigned *ids,
                                   const hs_compile_error_t *why, struct err *e)
{
    if (!why || (why->expression < 0 && strstr(why->message, "memory")))
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    if (why->expression < 0)
        return err_set(e, ST_INVALID, N_("the expressions cannot be compiled: %s"), why->message);
    const struct rule_pattern *p = &r->patterns[ids[why->expression]];
    if (strstr(why->message, "ALLOWEMPTY"))
        (void)err_set(e, ST_INVALID, N_("the expression matches every text, also an empty one"));
    else
        (void)err_set(e, ST_INVALID,
                      N_("the expression cannot be matched in linear time, or is none: %s"),
                      why->message);
    err_prefix(e, N_("line %u"), p->line);
    return ST_INVALID;
}

static enum status compile_group(struct guard_rules *r, size_t group, size_t *stream, struct err *e)
{
    const char *expressions[RULE_GROUP];
    unsigned flags[RULE_GROUP], ids[RULE_GROUP], n = 0;
    hs_compile_error_t *why = NULL;
    size_t bytes = 0;
    enum status st = OK;
    for (unsigned id = (unsigned)group * RULE_GROUP; n < RULE_GROUP; n++, id++) {
        if (!r->patterns[id].expression)
            break;
        ids[n] = id;
        expressions[n] = r->patterns[id].expression;
        flags[n] = HS_FLAG_SINGLEMATCH | HS_FLAG_DOTALL;
    }
    if (n == 0)
        return OK;
    if (hs_compile_multi(expressions, flags, ids, n, HS_MODE_STREAM, NULL, &r->db[group], &why) !=
        HS_SUCCESS)
        st = compile_trouble(r, ids, why, e);
    else if (hs_stream_size(r->db[group], &bytes) == HS_SUCCESS)
        *stream += bytes;
    (void)hs_free_compile_error(why);
    return st;
}

enum status rule_patterns_compile(struct guard_rules *r, const atomic_bool *stop, struct err *e)
{
    size_t stream = 0;
    enum status st = measure(r, r->about.patches + r->about.signatures, e);
    for (size_t g = 0; st == OK && g < RULE_GROUPS; g++)
        st = stop && atomic_load(stop) ? ST_END : compile_group(r, g, &stream, e);
    if (st == OK && stream > LIMIT_GUARD_STREAM)
        st = err_set(e, ST_LIMIT,
                     N_("the expressions need %zu bytes of memory a request; at most %zu"), stream,
                     LIMIT_GUARD_STREAM);
    return st;
}

/* --- one thread's memory */

enum status guard_scratch_new(struct guard_scratch **ret)
{
    struct guard_scratch *w = calloc(1, sizeof *w);
    if (!w)
        return ST_NOMEM;
    *ret = w;
    return OK;
}

static void matcher_drop(struct guard_matcher *m)
{
    for (size_t g = 0; g < RULE_GROUPS; g++)
        if (m->stream[g]) /* reports nothing, so it needs no rules */
            (void)hs_close_stream(m->stream[g], NULL, NULL, NULL);
    free(m);
}

static void drop_idle(struct guard_scratch *w)
{
    while (w->idle) {
        struct guard_matcher *m = w->idle;
        w->idle = m->next;
        matcher_drop(m);
    }
    w->idle_count = 0;
}

void guard_scratch_free(struct guard_scratch *w)
{
    if (!w)
        return;
    drop_idle(w);
    (void)hs_free_scratch(w->hs);
    free(w);
}

/* Grows by a copy: matchers that are under way keep the one they have when memory runs out. */
static enum status scratch_fit(struct guard_scratch *w, const struct guard_rules *r)
{
    hs_scratch_t *more = NULL;
    if (w->serial == r->serial)
        return OK;
    bool good = !w->hs || hs_clone_scratch(w->hs, &more) == HS_SUCCESS;
    for (size_t g = 0; good && g < RULE_GROUPS; g++)
        good = !r->db[g] || hs_alloc_scratch(r->db[g], &more) == HS_SUCCESS;
    if (!good) {
        (void)hs_free_scratch(more);
        return ST_NOMEM;
    }
    (void)hs_free_scratch(w->hs);
    w->hs = more;
    drop_idle(w);
    w->serial = r->serial;
    return OK;
}

/* --- one request's matcher */

/* Groups whose rules the scope holds. */
static uint32_t scope_groups(const struct guard_scope *s)
{
    uint32_t groups = 0;
    for (size_t g = 0; g < LIMIT_GUARD_PATCHES / RULE_GROUP; g++)
        if (s->patches[g * RULE_GROUP / 64] >> (g * RULE_GROUP % 64) & GROUP_BITS)
            groups |= (uint32_t)1 << g;
    for (size_t g = LIMIT_GUARD_PATCHES / RULE_GROUP; g < RULE_GROUPS; g++)
        if (s->rules->db[g])
            groups |= (uint32_t)1 << g;
    return groups;
}

static enum status open_streams(struct guard_matcher *m, const struct guard_scope *s)
{
    for (uint32_t groups = scope_groups(s); groups; groups &= groups - 1) {
        size_t g = (size_t)__builtin_ctz(groups);
        if (!m->stream[g] && hs_open_stream(s->rules->db[g], 0, &m->stream[g]) != HS_SUCCESS)
            return ST_NOMEM;
    }
    return OK;
}

enum status guard_matcher_new(struct guard_scratch *w, const struct guard_scope *s,
                              struct guard_matcher **ret)
{
    const struct guard_rules *r = s->rules;
    if (!s->parts)
        return ST_NOT_FOUND;
    if (scratch_fit(w, r) != OK)
        return ST_NOMEM;
    struct guard_matcher *m = w->idle;
    if (m) {
        w->idle = m->next;
        w->idle_count--;
    } else {
        m = calloc(1, sizeof *m);
        if (!m)
            return ST_NOMEM;
        m->scratch = w;
        m->serial = r->serial;
    }
    if (open_streams(m, s) != OK) {
        matcher_drop(m);
        return ST_NOMEM;
    }
    m->next = NULL;
    m->scope = *s;
    m->asked = 0;
    m->field = (struct guard_field){0};
    m->found = NULL;
    *ret = m;
    return OK;
}

static void forget(struct guard_matcher *m)
{
    for (; m->begun; m->begun &= m->begun - 1)
        (void)hs_reset_stream(m->stream[__builtin_ctz(m->begun)], 0, m->scratch->hs, NULL, NULL);
    m->found = NULL;
}

void guard_matcher_free(struct guard_matcher *m)
{
    if (!m)
        return;
    struct guard_scratch *w = m->scratch;
    if (m->serial != w->serial || w->idle_count == IDLE) {
        matcher_drop(m);
        return;
    }
    forget(m);
    m->next = w->idle;
    w->idle = m;
    w->idle_count++;
}

static bool field_concerns(const struct rule_where *w, const struct guard_field *f)
{
    if (w->any_field)
        return true;
    if (w->field.part != f->part)
        return false;
    if (w->any_rest)
        return slice_starts(f->name, w->field.name);
    return !f->in_name && slice_eq(f->name, w->field.name);
}

void guard_matcher_begin(struct guard_matcher *m, const struct guard_field *f)
{
    forget(m);
    m->field = *f;
    m->asked = scope_groups(&m->scope) & ~PATCH_GROUPS;
    for (size_t k = 0; k < ARRAY_LEN(m->scope.patches); k++) {
        for (uint64_t bits = m->scope.patches[k]; bits; bits &= bits - 1) {
            size_t i = k * 64 + (size_t)__builtin_ctzll(bits);
            if (field_concerns(&m->scope.rules->patterns[i].where, f))
                m->asked |= (uint32_t)1 << (i / RULE_GROUP);
        }
    }
}

/* By an exception for this rule; NULL: for all of them, and lookups. */
static bool excepts(const struct guard_scope *s, const char *rule, const struct guard_field *f)
{
    for (size_t k = 0; k < ARRAY_LEN(s->exceptions); k++) {
        for (uint64_t bits = s->exceptions[k]; bits; bits &= bits - 1) {
            const struct rule_where *w =
                &s->rules->exceptions[k * 64 + (size_t)__builtin_ctzll(bits)];
            if (w->rule == rule && field_concerns(w, f))
                return true;
        }
    }
    return false;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *ctx)
{
    struct guard_matcher *m = ctx;
    const struct rule_pattern *p = &m->scope.rules->patterns[id];
    (void)from, (void)to, (void)flags;
    if (id < LIMIT_GUARD_PATCHES &&
        (!(m->scope.patches[id / 64] >> (id % 64) & 1) || !field_concerns(&p->where, &m->field)))
        return 0;
    if (excepts(&m->scope, NULL, &m->field) || excepts(&m->scope, p->id, &m->field))
        return 0;
    m->found = p->id;
    return 1;
}

const char *guard_matcher_piece(struct guard_matcher *m, struct slice decoded)
{
    if (m->found)
        return NULL;
    while (decoded.n && !m->found) { /* Hyperscan counts in 32 bits */
        struct slice piece = slice_sub(decoded, 0, MIB(64));
        decoded = slice_sub(decoded, piece.n, decoded.n);
        m->begun |= m->asked;
        for (uint32_t groups = m->asked; groups && !m->found; groups &= groups - 1)
            (void)hs_scan_stream(m->stream[__builtin_ctz(groups)], (const char *)piece.p,
                                 (unsigned)piece.n, 0, m->scratch->hs, on_match, m);
    }
    return m->found;
}

const char *guard_matcher_end(struct guard_matcher *m)
{
    bool told = m->found;
    for (; m->begun && !m->found; m->begun &= m->begun - 1)
        (void)hs_reset_stream(m->stream[__builtin_ctz(m->begun)], 0, m->scratch->hs, on_match, m);
    const char *found = told ? NULL : m->found;
    forget(m);
    m->asked = 0;
    return found;
}

bool guard_rules_is_signature(const struct guard_rules *r, const char *id)
{
    const struct rule_pattern *p = r->patterns + LIMIT_GUARD_PATCHES;
    for (size_t i = 0; i < r->about.signatures; i++)
        if (p[i].id == id)
            return true;
    return false;
}

/* --- what of the rules concerns a request or a field */

static bool one_of(struct slice list, struct slice word)
{
    struct slice one;
    while (slice_next_field(&list, ',', &one))
        if (slice_eq(one, word))
            return true;
    return false;
}

static bool where_concerns(const struct rule_where *w, struct slice host, struct slice method,
                           struct slice path)
{
    if (w->path.n && !(w->path_exact ? slice_eq(path, w->path) : slice_starts(path, w->path)))
        return false;
    if (w->methods.n && !one_of(w->methods, method))
        return false;
    return !w->has_site || rule_name_means(w->site, host);
}

struct guard_scope guard_rules_scope(const struct guard_rules *r, struct slice host,
                                     struct slice method, struct slice path)
{
    struct guard_scope s = {.rules = r};
    char room[RULE_HOST];
    if (!r)
        return s;
    host = rule_host_normal(rule_host_alone(host), room);
    for (size_t i = 0; i < r->about.exceptions; i++) {
        if (!where_concerns(&r->exceptions[i], host, method, path))
            continue;
        s.exceptions[i / 64] |= (uint64_t)1 << (i % 64);
        s.any_exception |= !r->exceptions[i].rule;
    }
    for (size_t i = 0; i < r->about.patches; i++) {
        const struct rule_where *w = &r->patterns[i].where;
        if (!where_concerns(w, host, method, path))
            continue;
        s.patches[i / 64] |= (uint64_t)1 << (i % 64);
        s.parts |= w->any_field ? UINT32_MAX : (uint32_t)1 << w->field.part;
    }
    s.any_signature = r->about.signatures > 0;
    if (s.any_signature)
        s.parts = UINT32_MAX;
    return s;
}

bool guard_scope_excepts(const struct guard_scope *s, const struct guard_field *f)
{
    return s->any_exception && excepts(s, NULL, f);
}

bool guard_scope_wants(const struct guard_scope *s, const struct guard_field *f)
{
    if (s->any_signature || !(s->parts >> f->part & 1))
        return s->any_signature;
    for (size_t k = 0; k < ARRAY_LEN(s->patches); k++) {
        for (uint64_t bits = s->patches[k]; bits; bits &= bits - 1) {
            size_t i = k * 64 + (size_t)__builtin_ctzll(bits);
            if (field_concerns(&s->rules->patterns[i].where, f))
                return true;
        }
    }
    return false;
}
