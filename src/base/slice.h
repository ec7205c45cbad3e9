/* A piece of somebody else's bytes. Input is always a slice: a pointer and a length, not
 * NUL-terminated, owned by whoever made it. */
#ifndef HIKESHI_BASE_SLICE_H
#define HIKESHI_BASE_SLICE_H

#include "base/err.h"

#include <stdbool.h>

struct slice {
    const uint8_t *p; /* may be NULL only when n is 0 */
    size_t n;
};

#define SLICE_LIT(s) ((struct slice){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){(const uint8_t *)p, n};
}

/* A NUL-terminated text as a slice; NULL gives the empty slice. */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* The part from off on, n bytes at most; out of range gives what is there. */
static inline struct slice slice_sub(struct slice s, size_t off, size_t n)
{
    if (off > s.n)
        off = s.n;
    if (n > s.n - off)
        n = s.n - off;
    return (struct slice){off ? s.p + off : s.p, n}; /* NULL + 0 is undefined */
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(struct slice a, struct slice suffix)
{
    return a.n >= suffix.n &&
           (suffix.n == 0 || memcmp(a.p + (a.n - suffix.n), suffix.p, suffix.n) == 0);
}

/* Index of the first byte c, or s.n when there is none. */
static inline size_t slice_index(struct slice s, uint8_t c)
{
    const void *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)((const uint8_t *)at - s.p) : s.n;
}

/* Index behind the last byte c, or 0 when there is none. */
static inline size_t slice_behind_last(struct slice s, uint8_t c)
{
    const void *at = s.n && s.p ? memrchr(s.p, c, s.n) : NULL;
    return at ? (size_t)((const uint8_t *)at - s.p) + 1 : 0;
}

/* Index of the first place where needle stands, or s.n when there is none. */
static inline size_t slice_find(struct slice s, struct slice needle)
{
    const void *at = s.n && s.p ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? (size_t)((const uint8_t *)at - s.p) : s.n;
}

/* The value of a hexadecimal digit in either case, or -1. */
static inline int hex_value(uint8_t c)
{
    uint8_t digit = (uint8_t)(c - '0'), letter = (uint8_t)((c | 0x20) - 'a');
    return digit < 10 ? digit : letter < 6 ? letter + 10 : -1;
}

/* ASCII spaces, tabs, CR and LF off both ends. */
struct slice slice_trim(struct slice s);

/* Takes the next line off *rest (without its LF or CRLF). False when nothing is left. */
bool slice_next_line(struct slice *rest, struct slice *ret_line);

/* Takes what stands before the next sep off *rest; the last piece has no sep behind it. */
bool slice_next_field(struct slice *rest, uint8_t sep, struct slice *ret_field);

/* A decimal number that fills the whole slice; anything else, or overflow, is ST_MALFORMED. */
enum status slice_to_u64(struct slice s, uint64_t *ret) MUST_USE;
enum status slice_to_i64(struct slice s, int64_t *ret) MUST_USE;

#endif
