/* The central directory of a zip (APPNOTE 4.3.12, 4.3.16) and the bytes of its entries, over a file
 * or memory. Hostile input; nothing is trusted that was not checked against the size. */
#ifndef HIKESHI_SCAN_ZIP_H
#define HIKESHI_SCAN_ZIP_H

#include "base/slice.h"

struct zip_source {
    int fd; /* -1: mem */
    struct slice mem;
    uint64_t size;
};

struct zip_entry {
    struct slice name; /* in the directory's memory */
    uint16_t method, flags;
    uint32_t crc;
    uint64_t packed, size, local; /* local: offset of the local header in the source */
};

struct zip_dir {
    uint8_t *bytes; /* free() it */
    size_t n, at;
    uint64_t shift; /* bytes that stand before the zip proper */
};

enum status zip_read(const struct zip_source *s, uint64_t off, void *to, size_t n) MUST_USE;
/* ST_NOT_FOUND: no zip; ST_MALFORMED, ST_LIMIT, ST_UNSUPPORTED: one that cannot be read. */
enum status zip_open(const struct zip_source *s, struct zip_dir *ret) MUST_USE;
/* ST_END behind the last. */
enum status zip_next(struct zip_dir *d, struct zip_entry *ret) MUST_USE;
/* The first `want` bytes of the entry (all of it when want is its size, then its CRC is checked).
 * *ret_n is how many came. */
enum status zip_bytes(const struct zip_source *s, const struct zip_entry *z, uint8_t *to,
                      size_t want, size_t *ret_n) MUST_USE;

#endif
