/* A profile's signs, indexed so that the entries of every archive can be held against them for a
 * few nanoseconds each: names of classes, and the sizes and CRC-32s of released ones.
 *
 * Built once per scan from a profile that must outlive it; not changed afterwards.
 */
#ifndef HIKESHI_SCAN_SIGNS_H
#define HIKESHI_SCAN_SIGNS_H

#include "profile/profile.h"

/* A class of a component that the profile says something about. */
struct sign {
    size_t component;
    const char *class_name;    /* as in the profile: "net/Thing" */
    struct slice folder, base; /* its parts: "net", "Thing"; the folder may be empty */
    bool marks;                /* the profile has constants for it */
    bool id_marks;             /* enough of them to know it under any name */
    uint64_t needed;           /* rows of `affected` that cannot be reached without it */
};

struct signs;

enum status signs_new(const struct profile *p, struct signs **ret) MUST_USE;
void signs_free(struct signs *s); /* accepts NULL */

/* The signs of classes with this base name, one component after the other; *ret_n is 0 for nearly
 * every name. */
const struct sign *signs_named(const struct signs *s, struct slice base, size_t *ret_n);
/* All of them. */
const struct sign *signs_all(const struct signs *s, size_t *ret_n);
/* Whether a released class has this size and CRC-32, by whatever name; the profile's row or NULL.
 */
const struct profile_fact *signs_fact(const struct signs *s, uint64_t size, uint32_t crc);

#endif
