/* Zip archives, as PKWARE's APPNOTE 6.3.10 describes them and as Java reads them.
 *
 * | read | section |
 * | --- | --- |
 * | end of central directory record, with any comment or bytes behind it | 4.3.16 |
 * | zip64 end record and its locator | 4.3.14, 4.3.15 |
 * | central directory, one window of it at a time | 4.3.12 |
 * | zip64 extra field of an entry | 4.5.3 |
 * | local header (only to find the data; the sizes are the directory's, which is why a data
 *   descriptor, 4.3.9, need not be looked at) | 4.3.7 |
 * | stored (0) and deflated (8) data | 4.4.5 |
 *
 * Not read, and said so with ST_UNSUPPORTED: parts of a split archive, other methods. Encrypted
 * data is ST_DENIED.
 *
 * Input is hostile: nothing is believed that was not checked against the size of the source, names
 * are labels and never paths, and entries may overlap (zip_overlaps). Memory is one window of the
 * directory, however long that is. A zip borrows its source; one belongs to one thread.
 */
#ifndef HIKESHI_ARCHIVE_ZIP_H
#define HIKESHI_ARCHIVE_ZIP_H

#include "archive/source.h"
#include "codec/inflate.h"

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };
enum { ZIP_END_SIZE = 22, ZIP_COMMENT_MAX = 65535, ZIP_LOCAL_SIZE = 30 };

struct zip {
    struct source src;
    uint64_t dir_at, dir_size; /* the central directory in the source */
    uint64_t shift;            /* bytes that stand before the zip proper (a preamble) */
    bool ambiguous;            /* two end records: another reader may see other entries */
    uint64_t claimed;          /* bytes of the entries read so far, with headers; saturating */
    uint64_t at;               /* how far the directory was read */
    struct buf window;
    uint64_t window_at;
};

struct zip_entry {
    struct slice name; /* valid until the next zip_next */
    uint16_t method, flags;
    uint32_t crc;
    uint64_t packed, size;
    uint64_t local; /* offset of the local header in the source */
};

/* What reading needs over and over: one per thread, for any number of archives. */
struct zip_tools {
    struct inflater *inflater;
    struct buf scratch;     /* what was read last */
    int fd;                 /* of which file, or -1 */
    uint64_t at, asked_end; /* from where on, and how far it was asked for */
};

enum status zip_tools_init(struct zip_tools *t) MUST_USE;
void zip_tools_done(struct zip_tools *t); /* accepts a zeroed struct */
/* To be called when a file is opened: its number may have been that of another one. */
void zip_tools_forget(struct zip_tools *t);

/* Finds the directory; the end record is looked for in the last `tail` bytes (ZIP_END_SIZE +
 * ZIP_COMMENT_MAX finds all that the format allows). ST_NOT_FOUND: there is none. After OK the
 * caller calls zip_done. */
enum status zip_open(struct zip *z, const struct source *src, uint64_t tail) MUST_USE;
void zip_done(struct zip *z); /* accepts a zeroed struct */
void zip_rewind(struct zip *z);

/* The next entry; ST_END behind the last; ST_MALFORMED ends the directory where it is damaged. */
enum status zip_next(struct zip *z, struct zip_entry *ret) MUST_USE;

/* Whether the entries read so far claim more bytes than lie before the directory: then some of them
 * overlap, which no archiver does and bombs live on. */
static inline bool zip_overlaps(const struct zip *z)
{
    return z->claimed > z->dir_at;
}

/* The first `want` (at most 4096) bytes of an entry; *ret_n is less only when the entry is. */
enum status zip_head(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                     uint8_t *to, size_t want, size_t *ret_n) MUST_USE;

/* The first two bytes, much faster. Any status but OK: ask zip_head, which says what is wrong. */
enum status zip_first_bytes(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                            uint8_t ret[2]) MUST_USE;

/* All e->size bytes into `to`, checked by their CRC. The packed bytes are held in memory as well,
 * so the caller bounds both. */
enum status zip_whole(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                      uint8_t *to) MUST_USE;

/* A stored entry where it lies, without a copy (and so without its CRC). */
enum status zip_stored(const struct zip *z, const struct zip_entry *e, struct source *ret) MUST_USE;

/* The packed bytes of an entry where they lie, for who unpacks them as a stream. */
enum status zip_packed(const struct zip *z, const struct zip_entry *e, struct source *ret) MUST_USE;

/* Passes all of an entry to `out` piece by piece: exactly e->size bytes, checked by their CRC at
 * the end; more than that is never passed. Any status of `out` but OK ends it and is returned. */
enum status zip_copy(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                     enum status (*out)(void *ctx, struct slice bytes), void *ctx) MUST_USE;

#endif
