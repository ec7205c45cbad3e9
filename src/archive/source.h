/* Bytes that an archive is read from: a part of an open file, or of memory.
 *
 * A source opens and owns nothing: the file stays with whoever opened it, and an archive that lies
 * unpacked inside another is a part of the same source. Reading outside is ST_MALFORMED; a file
 * that became shorter than it was is ST_IO with errno 0.
 */
#ifndef HIKESHI_ARCHIVE_SOURCE_H
#define HIKESHI_ARCHIVE_SOURCE_H

#include "base/buf.h"

struct source {
    int fd; /* -1: memory */
    const uint8_t *mem;
    uint64_t start, size; /* where it lies in the file; start is 0 for memory */
};

static inline struct source source_of_file(int fd, uint64_t size)
{
    return (struct source){fd, NULL, 0, size};
}

static inline struct source source_of_memory(struct slice s)
{
    return (struct source){-1, s.p, 0, s.n};
}

/* Whether n bytes lie at off. */
static inline bool source_holds(const struct source *s, uint64_t off, uint64_t n)
{
    return off <= s->size && n <= s->size - off;
}

enum status source_read(const struct source *s, uint64_t off, void *to, size_t n) MUST_USE;
/* n bytes at off without a copy where they are in memory; else they are read into scratch (what it
 * held is gone). Valid until scratch is used again. */
enum status source_view(const struct source *s, uint64_t off, size_t n, struct buf *scratch,
                        struct slice *ret) MUST_USE;
enum status source_part(const struct source *s, uint64_t off, uint64_t n,
                        struct source *ret) MUST_USE;

#endif
