/* A growing buffer that knows its maximum.
 *
 * The first failure (maximum met, or no memory) sticks: later writes do nothing and return the same
 * status, so a writer may write a whole page and look once at the end (buf_status). The bytes are
 * followed by a NUL that is not counted, so that p can be handed to libc when the content is text.
 * Owned by whoever called buf_init; buf_done accepts a zeroed struct.
 */
#ifndef HIKESHI_BASE_BUF_H
#define HIKESHI_BASE_BUF_H

#include "base/slice.h"

struct buf {
    uint8_t *p; /* NULL until something was written */
    size_t n;
    size_t cap;
    size_t max; /* bytes of content, given when it is made */
    enum status failed;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* A buffer over the caller's storage (size - 1 bytes of content): nothing is allocated, so only
 * ST_LIMIT can happen. It is not given to buf_done. */
static inline void buf_over(struct buf *b, void *storage, size_t size)
{
    *b = (struct buf){.p = (uint8_t *)storage, .cap = size, .max = size - 1};
    b->p[0] = '\0';
}
/* Empties it and forgets a failure; the memory is kept for use again. */
static inline void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = OK;
    if (b->p)
        b->p[0] = '\0';
}

enum status buf_add(struct buf *b, const void *p, size_t n);
enum status buf_add_slice(struct buf *b, struct slice s);
enum status buf_add_str(struct buf *b, const char *s);
enum status buf_add_char(struct buf *b, char c);
enum status buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Room for n more bytes at *ret_p; call buf_commit with how many were really written. */
enum status buf_reserve(struct buf *b, size_t n, uint8_t **ret_p) MUST_USE;
static inline void buf_commit(struct buf *b, size_t n)
{
    b->n += n;
    b->p[b->n] = '\0';
}
/* Shortens to n bytes. */
static inline void buf_cut(struct buf *b, size_t n)
{
    if (n < b->n) {
        b->n = n;
        b->p[n] = '\0';
    }
}

static inline enum status buf_status(const struct buf *b)
{
    return b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}

/* The content as NUL-terminated text; "" when empty. Valid until the next write. */
static inline const char *buf_text(const struct buf *b)
{
    return b->p ? (const char *)b->p : "";
}

/* Gives the memory away (the caller frees it with free()); the buffer is empty afterwards. */
char *buf_steal(struct buf *b);

#endif
