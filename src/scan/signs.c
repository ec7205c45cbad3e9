#include "scan/signs.h"

#include "base/limits.h"

struct fact_ref {
    const struct profile_fact *fact;
};

struct signs {
    struct arena arena;
    const struct profile *p;
    struct sign *all; /* by base name, then in the profile's order */
    size_t count;
    uint64_t lengths;       /* bit n: some base name has n bytes */
    struct fact_ref *facts; /* by CRC-32 */
    uint64_t crc_bits[64];  /* by the lowest 12 bits: most are rejected here */
};

static int compare_slices(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_base(const void *a, const void *b)
{
    const struct sign *x = a, *y = b;
    int c = compare_slices(x->base, y->base);
    return c ? c : (x->component > y->component) - (x->component < y->component);
}

static int by_crc(const void *a, const void *b)
{
    const struct fact_ref *x = a, *y = b;
    return (x->fact->crc > y->fact->crc) - (x->fact->crc < y->fact->crc);
}

/* The sign of this component and class, made when it is new. The table is long enough for all. */
static struct sign *sign_of(struct signs *s, size_t component, const char *class_name)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].component == component && strcmp(s->all[i].class_name, class_name) == 0)
            return &s->all[i];
    struct sign *x = &s->all[s->count++];
    struct slice name = slice_str(class_name);
    size_t at = name.n;
    while (at && name.p[at - 1] != '/')
        at--;
    *x = (struct sign){.component = component,
                       .class_name = class_name,
                       .folder = slice_sub(name, 0, at ? at - 1 : 0),
                       .base = slice_sub(name, at, name.n)};
    return x;
}

static void collect(struct signs *s)
{
    const struct profile *p = s->p;
    for (size_t i = 0; i < p->mark_count; i++) {
        struct sign *x = sign_of(s, p->marks[i].component, p->marks[i].class_name);
        x->marks = true;
        x->id_marks |= p->marks[i].test == MARK_ID;
    }
    for (size_t i = 0; i < p->fact_count; i++) {
        (void)sign_of(s, p->facts[i].component, p->facts[i].class_name);
        s->facts[i].fact = &p->facts[i];
        s->crc_bits[p->facts[i].crc >> 6 & 63] |= (uint64_t)1 << (p->facts[i].crc & 63);
    }
    for (size_t i = 0; i < p->affected_count; i++)
        if (p->affected[i].without)
            sign_of(s, p->affected[i].component, p->affected[i].without)->needed |= (uint64_t)1
                                                                                    << i;
    qsort(s->all, s->count, sizeof *s->all, by_base);
    if (p->fact_count)
        qsort(s->facts, p->fact_count, sizeof *s->facts, by_crc);
    for (size_t i = 0; i < s->count; i++)
        s->lengths |= (uint64_t)1 << (s->all[i].base.n & 63);
}

enum status signs_new(const struct profile *p, struct signs **ret)
{
    struct signs *s = calloc(1, sizeof *s);
    if (!s)
        return ST_NOMEM;
    arena_init(&s->arena, MIB(16));
    s->p = p;
    s->all = arena_alloc_array(&s->arena, p->mark_count + p->fact_count + p->affected_count + 1,
                               sizeof *s->all);
    s->facts = arena_alloc_array(&s->arena, p->fact_count + 1, sizeof *s->facts);
    if (!s->all || !s->facts) {
        signs_free(s);
        return ST_NOMEM;
    }
    collect(s);
    *ret = s;
    return OK;
}

void signs_free(struct signs *s)
{
    if (!s)
        return;
    arena_done(&s->arena);
    free(s);
}

const struct sign *signs_named(const struct signs *s, struct slice base, size_t *ret_n)
{
    size_t from = 0, to = 0;
    *ret_n = 0;
    if (!(s->lengths >> (base.n & 63) & 1))
        return NULL;
    while (from < s->count && !slice_eq(s->all[from].base, base))
        from++;
    for (to = from; to < s->count && slice_eq(s->all[to].base, base);)
        to++;
    *ret_n = to - from;
    return &s->all[from];
}

const struct sign *signs_all(const struct signs *s, size_t *ret_n)
{
    *ret_n = s->count;
    return s->all;
}

const struct profile_fact *signs_fact(const struct signs *s, uint64_t size, uint32_t crc)
{
    if (!(s->crc_bits[crc >> 6 & 63] >> (crc & 63) & 1))
        return NULL;
    size_t lo = 0, hi = s->p->fact_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->facts[mid].fact->crc < crc)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < s->p->fact_count && s->facts[lo].fact->crc == crc; lo++)
        if (s->facts[lo].fact->size == size)
            return s->facts[lo].fact;
    return NULL;
}
