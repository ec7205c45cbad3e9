/* Windows of a file in memory, which may become shorter while they are read: rotation truncates
 * logs. The page that is gone reads as zero bytes then, and the window says so.
 *
 * map_guard_install is called once by main. A window belongs to the thread that opened it; one
 * window per thread.
 */
#ifndef HIKESHI_HUNT_MAP_H
#define HIKESHI_HUNT_MAP_H

#include "base/slice.h"

struct map_window {
    uint8_t *p; /* page-aligned */
    size_t n;
};

bool map_guard_install(void);

/* n bytes at off, which is a multiple of the page size; false: cannot be mapped. */
bool map_open(struct map_window *w, int fd, uint64_t off, size_t n);
void map_close(struct map_window *w);
/* Whether bytes of this thread's window were gone since map_open. */
bool map_was_cut(void);

#endif
