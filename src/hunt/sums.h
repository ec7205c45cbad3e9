/* Counts by name: clients, call-backs, days. Bounded: what is new when LIMIT_HUNT_SUMS names or
 * LIMIT_HUNT_NAMES bytes of them are there, and a name longer than LIMIT_HUNT_NAME, is counted
 * together as others. Not shared between threads. */
#ifndef HIKESHI_HUNT_SUMS_H
#define HIKESHI_HUNT_SUMS_H

#include "base/slice.h"

struct sum {
    char *name;
    uint64_t count;
    uint32_t flags; /* the user's */
};

struct sums {
    struct sum *slots; /* open addressing; name NULL: free */
    size_t size, used, bytes;
    uint64_t others;
};

void sums_done(struct sums *s); /* accepts a zeroed struct */
/* Adds n to the name's count; a name that is not there yet is copied. *ret (may be NULL) is its
 * place, valid until the next call, or NULL when it went to the others. */
enum status sums_add(struct sums *s, struct slice name, uint64_t n, struct sum **ret) MUST_USE;
struct sum *sums_find(const struct sums *s, struct slice name); /* NULL: not there */
/* The names by falling count, then by name: an array for free(), *ret_n long. */
enum status sums_sorted(const struct sums *s, const struct sum ***ret, size_t *ret_n) MUST_USE;

#endif
