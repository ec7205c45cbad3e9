/* What copies.c gathers and judge.c judges. */
#ifndef HIKESHI_SCAN_COPIES_INT_H
#define HIKESHI_SCAN_COPIES_INT_H

#include "scan/copies.h"

enum { COPY_LINES = 12 };

struct copy {
    size_t component;
    struct slice prefix;  /* the folder of its package */
    version_set versions; /* those that all its classes allow; all of them at first */
    uint64_t releases;    /* the same, by the releases that the profile's facts name */
    uint64_t present;     /* rows of `affected` whose class is there */
    bool identified;      /* by its classes, and not only by a name */
    bool mixed;           /* its classes are those of different versions */
    bool dropped;         /* another component explains the same classes better */
    const struct naming *name;
    const char *lines[COPY_LINES];
    size_t line_count;
};

/* A file that names a component and its version. */
struct naming {
    size_t component;
    struct slice root;   /* the folder that holds META-INF */
    const char *version; /* NULL: it says nothing usable */
    bool manifest, used;
};

/* The number of the release that this fact is of, among those of its component. */
size_t fact_release(const struct profile *p, const struct profile_fact *f);
void copy_say(struct copy *k, const char *line); /* NULL, or more than there is room for: dropped */

#endif
