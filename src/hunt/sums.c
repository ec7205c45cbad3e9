/* A hash table of counts. */
#include "hunt/sums.h"

#include "base/limits.h"

static uint64_t hash_of(struct slice s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a; names are few, see LIMIT_HUNT_SUMS */
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 1099511628211u;
    return h ^ h >> 32;
}

void sums_done(struct sums *s)
{
    for (size_t i = 0; i < s->size; i++)
        free(s->slots[i].name);
    free(s->slots);
    *s = (struct sums){0};
}

static struct sum *place(const struct sums *s, struct slice name)
{
    size_t i = (size_t)hash_of(name) & (s->size - 1);
    while (s->slots[i].name && !slice_eq_str(name, s->slots[i].name))
        i = (i + 1) & (s->size - 1);
    return &s->slots[i];
}

struct sum *sums_find(const struct sums *s, struct slice name)
{
    struct sum *at = s->size ? place(s, name) : NULL;
    return at && at->name ? at : NULL;
}

static enum status grow(struct sums *s)
{
    struct sums wider = {.size = s->size ? s->size * 2 : 256};
    wider.slots = calloc(wider.size, sizeof *wider.slots);
    if (!wider.slots)
        return ST_NOMEM;
    for (size_t i = 0; i < s->size; i++)
        if (s->slots[i].name)
            *place(&wider, slice_str(s->slots[i].name)) = s->slots[i];
    free(s->slots);
    s->slots = wider.slots;
    s->size = wider.size;
    return OK;
}

enum status sums_add(struct sums *s, struct slice name, uint64_t n, struct sum **ret)
{
    struct sum *at = NULL;
    name.n = slice_index(name, 0); /* a name ends at a NUL, as it does when it is shown */
    if (s->used * 2 >= s->size && grow(s) != OK)
        return ST_NOMEM;
    at = place(s, name);
    bool room = s->used < LIMIT_HUNT_SUMS && name.n <= LIMIT_HUNT_NAME &&
                s->bytes + name.n <= LIMIT_HUNT_NAMES;
    if (!at->name && room) {
        at->name = strndup((const char *)name.p, name.n);
        if (!at->name)
            return ST_NOMEM;
        s->used++;
        s->bytes += name.n;
    }
    if (at->name)
        at->count += n;
    else
        s->others += n;
    if (ret)
        *ret = at->name ? at : NULL;
    return OK;
}

static int by_count(const void *a, const void *b)
{
    const struct sum *x = *(const struct sum *const *)a, *y = *(const struct sum *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

enum status sums_sorted(const struct sums *s, const struct sum ***ret, size_t *ret_n)
{
    const struct sum **list = calloc(s->used + 1, sizeof(void *));
    size_t n = 0;
    if (!list)
        return ST_NOMEM;
    for (size_t i = 0; i < s->size; i++)
        if (s->slots[i].name)
            list[n++] = &s->slots[i];
    qsort(list, n, sizeof(void *), by_count);
    *ret = list;
    *ret_n = n;
    return OK;
}
