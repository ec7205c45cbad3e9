/* An arena of blocks that double up to a megabyte. See arena.h. */
#include "base/arena.h"

#define BLOCK_MIN 4096u
#define BLOCK_MAX (1u << 20)
#define ALIGN _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap};
}

void arena_done(struct arena *a)
{
    if (!a)
        return;
    while (a->blocks) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    *a = (struct arena){0};
}

void arena_clear(struct arena *a)
{
    size_t cap = a->cap;
    arena_done(a);
    a->cap = cap;
}

static struct arena_block *new_block(struct arena *a, size_t n)
{
    size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < n)
        size = n;
    struct arena_block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t want;
    if (a->failed != OK)
        return NULL;
    if (__builtin_add_overflow(n, ALIGN - 1, &want) || want > a->cap - a->used) {
        a->failed = ST_LIMIT;
        return NULL;
    }
    want -= want % ALIGN;
    struct arena_block *b = a->blocks;
    if (!b || want > b->size - b->used)
        b = new_block(a, want);
    if (!b) {
        a->failed = ST_NOMEM;
        return NULL;
    }
    void *p = b->data + b->used;
    b->used += want;
    a->used += want;
    memset(p, 0, want);
    return p;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        a->failed = ST_LIMIT;
        return NULL;
    }
    return arena_alloc(a, n);
}

char *arena_strdup(struct arena *a, struct slice s)
{
    size_t n;
    if (__builtin_add_overflow(s.n, (size_t)1, &n)) {
        a->failed = ST_LIMIT;
        return NULL;
    }
    char *p = arena_alloc(a, n);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}

enum status arena_copy(struct arena *a, struct slice s, struct slice *ret)
{
    char *p = arena_strdup(a, s);
    if (!p)
        return a->failed;
    *ret = slice_of(p, s.n);
    return OK;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
