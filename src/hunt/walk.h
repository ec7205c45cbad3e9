/* The files below the paths that were named, in the order of their names.
 *
 * Named links are followed, links in folders are not; what is no regular file is taken only when it
 * was named (a pipe, /dev/stdin). Kernel file systems (proc, sys, …) are passed over. */
#ifndef HIKESHI_HUNT_WALK_H
#define HIKESHI_HUNT_WALK_H

#include "base/slice.h"

struct walk;

struct walk_file {
    const char *path; /* "-" is standard input; lives until the next call */
    bool named, regular;
};

enum status walk_new(char **paths, size_t n, struct walk **ret) MUST_USE;
void walk_free(struct walk *w); /* accepts NULL */
/* ST_END behind the last. ST_NOT_FOUND: a named path cannot be opened; ST_IO: a folder cannot be
 * read. e says why, ret->path which; the walk goes on with the next call. */
enum status walk_next(struct walk *w, struct walk_file *ret, struct err *e) MUST_USE;

#endif
