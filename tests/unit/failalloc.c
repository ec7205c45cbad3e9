/* Memory that runs out. See failalloc.h. */
#include "failalloc.h"

#include <stddef.h>

static unsigned long left; /* calls until the failure, 0: none armed */
static bool happened;

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);

void failalloc_at(unsigned long n)
{
    left = n;
    happened = false;
}

bool failalloc_hit(void)
{
    left = 0;
    return happened;
}

static bool fails_now(void)
{
    if (left == 0 || --left != 0)
        return false;
    happened = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}
