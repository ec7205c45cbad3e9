/* Hyperscan over the patterns of a profile. */
#include "hunt/patterns.h"

#include "base/limits.h"
#include "base/messages.h"
#include "profile/profile.h"

#include <hs.h>

struct patterns {
    struct arena arena;
    struct pattern *list;
    size_t count;
    hs_database_t *db;
};

static enum status add_line(struct patterns *p, struct slice line, unsigned number, struct err *e)
{
    enum { COLUMNS = 4 };
    const char *c[COLUMNS];
    struct slice field;
    size_t n = 0;
    while (slice_next_field(&line, '\t', &field)) {
        if (n == COLUMNS || field.n == 0)
            return err_set(e, ST_INVALID, "patterns.tsv line %u: not 4 columns", number);
        if (!(c[n++] = arena_strdup(&p->arena, field)))
            return err_set(e, ST_NOMEM, N_("not enough memory"));
    }
    if (n != COLUMNS)
        return err_set(e, ST_INVALID, "patterns.tsv line %u: not 4 columns", number);
    if (p->count == LIMIT_PATTERNS)
        return err_set(e, ST_LIMIT, "patterns.tsv line %u: more than %d patterns", number,
                       LIMIT_PATTERNS);
    p->list[p->count++] = (struct pattern){c[0], c[1], {c[2], c[3]}};
    return OK;
}

static enum status compile(struct patterns *p, struct err *e)
{
    const char *expressions[LIMIT_PATTERNS];
    unsigned flags[LIMIT_PATTERNS], ids[LIMIT_PATTERNS];
    hs_compile_error_t *why = NULL;
    for (size_t i = 0; i < p->count; i++) {
        expressions[i] = p->list[i].expression;
        flags[i] = HS_FLAG_MULTILINE;
        ids[i] = (unsigned)i;
    }
    if (hs_compile_multi(expressions, flags, ids, (unsigned)p->count, HS_MODE_BLOCK, NULL, &p->db,
                         &why) == HS_SUCCESS)
        return OK;
    const char *id = why && why->expression >= 0 ? p->list[why->expression].id : "?";
    enum status st =
        err_set(e, ST_INVALID, "patterns.tsv: %s: %s", id, why ? why->message : "not compiled");
    (void)hs_free_compile_error(why);
    return st;
}

enum status patterns_load(const char *profile, struct patterns **ret, struct err *e)
{
    struct patterns *p = calloc(1, sizeof *p);
    struct slice text, line;
    unsigned number = 0;
    if (!p)
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    arena_init(&p->arena, LIMIT_PROFILE_MEMORY);
    p->list = calloc(LIMIT_PATTERNS, sizeof *p->list);
    enum status st =
        p->list ? profile_read_file(profile, "patterns.tsv", &p->arena, &text, e) : ST_NOMEM;
    while (st == OK && slice_next_line(&text, &line)) {
        number++;
        if (line.n && line.p[0] != '#')
            st = add_line(p, line, number, e);
    }
    if (st == OK && p->count)
        st = compile(p, e);
    bool none = st == ST_NOT_FOUND || (st == OK && p->count == 0);
    if (st != OK || none) {
        patterns_free(p);
        p = NULL;
    }
    if (st == OK || none)
        *ret = p;
    return none ? OK : st;
}

void patterns_free(struct patterns *p)
{
    if (!p)
        return;
    (void)hs_free_database(p->db);
    free(p->list);
    arena_done(&p->arena);
    free(p);
}

size_t patterns_count(const struct patterns *p)
{
    return p->count;
}

const struct pattern *patterns_at(const struct patterns *p, size_t i)
{
    return &p->list[i];
}

enum status pattern_search_init(struct pattern_search *s, const struct patterns *p)
{
    hs_scratch_t *scratch = NULL;
    *s = (struct pattern_search){.patterns = p};
    s->found = calloc(LIMIT_PATTERN_MATCHES, sizeof *s->found);
    if (!s->found || hs_alloc_scratch(p->db, &scratch) != HS_SUCCESS)
        return ST_NOMEM;
    s->scratch = scratch;
    return OK;
}

void pattern_search_done(struct pattern_search *s)
{
    (void)hs_free_scratch(s->scratch);
    free(s->found);
    *s = (struct pattern_search){0};
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *ctx)
{
    struct pattern_search *s = ctx;
    (void)from, (void)flags;
    s->found[s->count++] = (struct pattern_match){(size_t)to, id};
    return s->count == LIMIT_PATTERN_MATCHES;
}

size_t pattern_search_text(struct pattern_search *s, struct slice text)
{
    s->count = s->next = 0;
    if (!text.n)
        return 0;
    hs_error_t rc = hs_scan(s->patterns->db, (const char *)text.p, (unsigned)text.n, 0, s->scratch,
                            on_match, s);
    return rc == HS_SCAN_TERMINATED ? s->found[s->count - 1].end : text.n;
}
