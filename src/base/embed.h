/* Files that were put into the program at build time (build-aux/embed.py). A zero byte that n does
 * not count stands behind each. */
#ifndef HIKESHI_BASE_EMBED_H
#define HIKESHI_BASE_EMBED_H

#include <stddef.h>
#include <stdint.h>

struct embed_file {
    const char *name; /* path below the embedded folder */
    const uint8_t *p;
    size_t n;
};

#endif
