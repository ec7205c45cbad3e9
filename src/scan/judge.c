/* Verdicts: from what copies.c gathered to a state per CVE. */
#include "scan/copies_int.h"

#include "base/limits.h"

const char *cve_state_name(enum cve_state s)
{
    static const char *const names[CVE_STATE_COUNT] = {"",      "affected",     "mitigated",
                                                       "fixed", "not_affected", "unknown"};
    return names[s];
}

enum cve_state finding_state(const struct scan_finding *f)
{
    static const int rank[CVE_STATE_COUNT] = {0, 5, 3, 2, 1, 4};
    enum cve_state worst = CVE_UNSTATED;
    for (size_t i = 0; i < ARRAY_LEN(f->states); i++)
        if (rank[f->states[i]] > rank[worst])
            worst = f->states[i];
    return worst;
}

/* All segments that the component's breakpoints make. */
static version_set all_versions(const struct profile_component *x)
{
    return x->break_count >= 63 ? ~(version_set)0 : ((version_set)1 << (x->break_count + 1)) - 1;
}

static bool lies_below(struct slice folder, struct slice root)
{
    return root.n == 0 ||
           (slice_starts(folder, root) && (folder.n == root.n || folder.p[root.n] == '/'));
}

static bool in_package(const struct copies *c, const struct copy *k)
{
    return slice_ends(k->prefix, slice_str(c->p->components[k->component].package));
}

/* The name file that stands nearest above the copy; Maven's before the manifest. */
static struct naming *nearest_name(struct copies *c, const struct copy *k)
{
    struct naming *best = NULL;
    for (size_t i = 0; i < c->name_count; i++) {
        struct naming *n = &c->names[i];
        if (n->component != k->component || !lies_below(k->prefix, n->root))
            continue;
        if (!best || n->root.n > best->root.n ||
            (n->root.n == best->root.n && best->manifest && !n->manifest))
            best = n;
    }
    return best;
}

/* Two components may have the same classes, one being a fork of the other: the one that is named
 * counts, else the one that the profile names first. */
static void drop_forks(struct copies *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = 0; j < c->count; j++) {
            struct copy *a = &c->list[i], *b = &c->list[j];
            if (a->component != b->component && slice_eq(a->prefix, b->prefix) && !b->name &&
                b->identified && (a->name || (a->identified && a->component < b->component)))
                b->dropped = true;
        }
}

static void find_names(struct copies *c)
{
    for (size_t i = 0; i < c->name_count; i++)
        c->names[i].used = false;
    for (size_t i = 0; i < c->count; i++) {
        struct copy *k = &c->list[i];
        struct naming *n = nearest_name(c, k);
        k->dropped = false;
        k->name = n && (k->identified || in_package(c, k)) ? n : NULL;
        if (!k->name)
            continue;
        for (size_t j = 0; j < c->name_count; j++) /* pom and manifest of the same place */
            if (c->names[j].component == n->component && slice_eq(c->names[j].root, n->root))
                c->names[j].used = true;
    }
    drop_forks(c);
}

/* "2.1 to before 2.3.1, 2.4 to before 2.12.2"; NULL when it could be any version. */
static const char *range_text(struct copies *c, const struct profile_component *x, version_set v)
{
    struct buf b;
    char *ret = NULL;
    v &= all_versions(x);
    if (v == 0 || v == all_versions(x))
        return NULL;
    buf_init(&b, KIB(4));
    for (size_t i = 0, to; i <= x->break_count; i = to + 1) {
        for (to = i; to <= x->break_count && v >> to & 1;)
            to++;
        if (to == i)
            continue;
        if (b.n)
            (void)buf_add_str(&b, T(c->lang, ", "));
        if (i == 0)
            (void)buf_addf(&b, T(c->lang, "before %s"), x->breaks[to - 1]);
        else if (to > x->break_count)
            (void)buf_addf(&b, T(c->lang, "%s or later"), x->breaks[i - 1]);
        else
            (void)buf_addf(&b, T(c->lang, "%s to before %s"), x->breaks[i - 1], x->breaks[to - 1]);
    }
    if (buf_status(&b) == OK)
        ret = arena_strdup(&c->arena, buf_slice(&b));
    buf_done(&b);
    return ret;
}

static const char *release_name(const struct copies *c, const struct copy *k)
{
    if (k->releases == UINT64_MAX || __builtin_popcountll(k->releases) != 1)
        return NULL;
    for (size_t i = 0; i < c->p->fact_count; i++) {
        const struct profile_fact *f = &c->p->facts[i];
        size_t n = f->component == k->component ? fact_release(c->p, f) : 64;
        if (n < 64 && k->releases >> n & 1)
            return f->version;
    }
    return NULL;
}

static enum cve_state judge(const struct copies *c, const struct copy *k, size_t row, version_set v)
{
    const struct profile_affected *a = &c->p->affected[row];
    version_set lowest = a->versions & (~a->versions + 1);
    enum cve_state st = (v & a->versions) == 0    ? CVE_FIXED
                        : (v & ~a->versions) == 0 ? CVE_AFFECTED
                                                  : CVE_UNKNOWN;
    if (st == CVE_FIXED)
        return (v & ~(lowest - 1)) == 0 ? CVE_NOT_AFFECTED : st; /* older than the fault */
    if (a->without && !(k->present >> row & 1))
        return c->unsure ? CVE_UNKNOWN : CVE_MITIGATED;
    return c->altered && st == CVE_AFFECTED ? CVE_UNKNOWN : st;
}

static void add_line(struct scan_finding *f, const char *line)
{
    if (line && f->evidence_count < ARRAY_LEN(f->evidence))
        f->evidence[f->evidence_count++] = line;
}

/* Which versions it is of, and how that is known. */
static version_set settle_version(struct copies *c, const struct copy *k, struct scan_finding *f)
{
    const struct profile_component *x = &c->p->components[k->component];
    const char *named = k->name ? k->name->version : NULL;
    version_set v = k->versions & all_versions(x);
    version_set by_name = named ? profile_version(x, slice_str(named)) : 0;
    const char *file = k->name && k->name->manifest ? "manifest" : "pom.properties";
    if (by_name & v) {
        f->version = named;
        f->version_from = file;
        v = by_name;
        add_line(f, arena_printf(&c->arena, T(c->lang, "%s names version %s"), file, named));
    } else if (named) {
        add_line(f, arena_printf(&c->arena,
                                 T(c->lang, "%s names version %s, but its classes are of another"),
                                 file, named));
    } else if (k->name) {
        add_line(f,
                 arena_printf(&c->arena, T(c->lang, "%s names it without a usable version"), file));
    } else {
        add_line(f, T(c->lang, "no pom.properties and no manifest names it"));
    }
    if (!f->version) {
        f->version = release_name(c, k);
        f->version_from = k->identified ? "classes" : NULL;
    }
    if (!f->version) {
        f->range = range_text(c, x, v);
        if (f->range)
            add_line(f,
                     arena_printf(&c->arena, T(c->lang, "its classes are those of %s"), f->range));
    }
    return v;
}

static void say_absent(struct copies *c, const struct copy *k, struct scan_finding *f)
{
    const char *said = NULL;
    for (size_t i = 0; i < c->p->affected_count; i++) {
        const struct profile_affected *a = &c->p->affected[i];
        if (a->component != k->component || !a->without || f->states[a->cve] != CVE_MITIGATED ||
            (said && strcmp(said, a->without) == 0))
            continue;
        const char *base = strrchr(a->without, '/');
        said = a->without;
        add_line(f, arena_printf(&c->arena, T(c->lang, "%s.class is not in it"),
                                 base ? base + 1 : a->without));
    }
}

static enum status report(struct copies *c, const struct copy *k, const char *path,
                          void (*found)(void *ctx, const struct scan_finding *f), void *ctx)
{
    const struct profile_component *x = &c->p->components[k->component];
    struct scan_finding f = {.path = path, .component = x->artifact};
    if (k->identified || k->prefix.n) {
        f.prefix = arena_strdup(&c->arena, k->prefix);
        if (!f.prefix)
            return arena_status(&c->arena);
    }
    if (!path) { /* folders of a disk */
        f.path = f.prefix ? f.prefix : arena_strdup(&c->arena, k->name->root);
        if (!f.path)
            return arena_status(&c->arena);
    }
    version_set v = settle_version(c, k, &f);
    for (size_t i = 0; i < c->p->affected_count; i++)
        if (c->p->affected[i].component == k->component)
            f.states[c->p->affected[i].cve] = judge(c, k, i, v);
    say_absent(c, k, &f);
    for (size_t i = 0; i < k->line_count; i++)
        add_line(&f, k->lines[i]);
    if (k->mixed)
        add_line(&f, T(c->lang, "its classes are those of different versions"));
    if (k->identified && !in_package(c, k))
        add_line(&f, k->prefix.n
                         ? arena_printf(&c->arena, T(c->lang, "its package lies at %s"), f.prefix)
                         : T(c->lang, "its package lies at the root"));
    if (c->altered)
        add_line(&f, c->altered);
    if (c->unsure)
        add_line(&f, T(c->lang, "not everything beside it could be read"));
    found(ctx, &f);
    return OK;
}

/* A name file that belongs to no classes that were seen. A manifest alone is believed only of a jar
 * with classes: sources and documentation have the same one. */
static bool stands_alone(const struct copies *c, const struct naming *n)
{
    if (n->used || (n->manifest && !c->has_class))
        return false;
    for (size_t i = 0; n->manifest && i < c->name_count; i++)
        if (c->names[i].component == n->component && !c->names[i].manifest &&
            slice_eq(c->names[i].root, n->root))
            return false;
    return true;
}

static bool is_finding(const struct copies *c, const struct copy *k)
{
    return !k->dropped && c->p->components[k->component].report && (k->identified || k->name);
}

enum status copies_report(struct copies *c, const char *path,
                          void (*found)(void *ctx, const struct scan_finding *f), void *ctx)
{
    enum status st = OK;
    find_names(c);
    for (size_t i = 0; st == OK && i < c->count; i++)
        if (is_finding(c, &c->list[i]))
            st = report(c, &c->list[i], path, found, ctx);
    for (size_t i = 0; st == OK && i < c->name_count; i++) {
        struct copy k = {.component = c->names[i].component,
                         .versions = ~(version_set)0,
                         .releases = UINT64_MAX,
                         .name = &c->names[i]};
        if (stands_alone(c, &c->names[i]))
            st = report(c, &k, path, found, ctx);
    }
    return st;
}

bool copies_rest_on_absence(struct copies *c)
{
    size_t n = 0;
    const struct sign *signs = signs_all(c->signs, &n);
    if (!c->has_class || (c->count == 0 && c->name_count == 0))
        return false;
    find_names(c);
    for (size_t i = 0; i < n; i++) {
        const struct sign *s = &signs[i];
        if (!s->id_marks || !s->needed)
            continue;
        for (size_t j = 0; j < c->count; j++)
            if (c->list[j].component == s->component && is_finding(c, &c->list[j]) &&
                (c->list[j].present & s->needed) != s->needed)
                return true;
        for (size_t j = 0; j < c->name_count; j++)
            if (c->names[j].component == s->component && stands_alone(c, &c->names[j]))
                return true;
    }
    return false;
}
