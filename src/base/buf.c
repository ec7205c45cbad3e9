/* A growing buffer that knows its maximum. See buf.h. */
#include "base/buf.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (struct buf){0};
}

static __attribute__((noinline)) enum status make_room(struct buf *b, size_t n)
{
    if (b->failed != OK)
        return b->failed;
    size_t want;
    if (__builtin_add_overflow(b->n, n, &want) || want > b->max || want == SIZE_MAX)
        return b->failed = ST_LIMIT;
    if (b->p && want < b->cap)
        return OK;
    size_t cap = b->cap ? b->cap : 64;
    while (cap <= want)
        cap = cap > SIZE_MAX / 2 ? want + 1 : cap * 2;
    if (cap - 1 > b->max)
        cap = b->max + 1; /* one for the NUL */
    uint8_t *p = realloc(b->p, cap);
    if (!p)
        return b->failed = ST_NOMEM;
    b->p = p;
    b->cap = cap;
    return OK;
}

/* Most writes fit. */
static inline enum status grow(struct buf *b, size_t n)
{
    bool fits = b->p && b->failed == OK && b->n < b->cap && n < b->cap - b->n && b->n <= b->max &&
                n <= b->max - b->n;
    return fits ? OK : make_room(b, n);
}

enum status buf_reserve(struct buf *b, size_t n, uint8_t **ret_p)
{
    enum status s = grow(b, n);
    if (s == OK)
        *ret_p = b->p + b->n;
    return s;
}

enum status buf_add(struct buf *b, const void *p, size_t n)
{
    enum status s = grow(b, n);
    if (s != OK)
        return s;
    if (n)
        memcpy(b->p + b->n, p, n);
    buf_commit(b, n);
    return OK;
}

enum status buf_add_slice(struct buf *b, struct slice s)
{
    return buf_add(b, s.p, s.n);
}

enum status buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

enum status buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

enum status buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    enum status s = OK;
    if (n < 0) {
        s = b->failed = ST_INVALID;
    } else if ((size_t)n < sizeof small) {
        s = buf_add(b, small, (size_t)n);
    } else if ((s = grow(b, (size_t)n)) == OK) {
        (void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    return s;
}

char *buf_steal(struct buf *b)
{
    if (!b->p && grow(b, 0) == OK)
        b->p[0] = '\0';
    char *p = (char *)b->p;
    size_t max = b->max;
    *b = (struct buf){.max = max};
    return p;
}
