/* Files that are part of the program: build-aux/embed.py turns them into tables of this. */
#ifndef HIKESHI_BASE_EMBED_H
#define HIKESHI_BASE_EMBED_H

#include "base/slice.h"

struct embedded {
    const char *name;     /* NULL ends the table */
    struct slice content; /* a NUL stands behind it that is not counted */
};

#endif
