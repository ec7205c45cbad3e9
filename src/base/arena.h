/* An arena: many small allocations that are dropped together, under one byte cap.
 *
 * One per archive, per request, per import. Memory is zeroed and aligned for any type. Allocation
 * returns NULL when the cap is met or the system refuses; arena_status tells which. Not shared
 * between threads.
 */
#ifndef HIKESHI_BASE_ARENA_H
#define HIKESHI_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out */
    size_t cap;                 /* bytes that may be handed out */
    enum status failed;
};

void arena_init(struct arena *a, size_t cap);
void arena_done(struct arena *a); /* accepts a zeroed struct */
void arena_clear(struct arena *a);

void *arena_alloc(struct arena *a, size_t n) MUST_USE;
void *arena_alloc_array(struct arena *a, size_t count, size_t size) MUST_USE;
/* A NUL-terminated copy; bytes of s that are NUL are kept, so check text before. */
char *arena_strdup(struct arena *a, struct slice s) MUST_USE;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* A copy of the bytes; *ret is untouched on failure. */
enum status arena_copy(struct arena *a, struct slice s, struct slice *ret) MUST_USE;

static inline enum status arena_status(const struct arena *a)
{
    return a->failed;
}

#endif
