/* tar as a stream: POSIX.1-2017 pax and ustar, GNU and old tar.
 *
 * | read | where it is described |
 * | --- | --- |
 * | header, checksum, octal and base-256 sizes | ustar; GNU tar manual, "Basic Tar Format" |
 * | prefix and name | ustar |
 * | long names ('L'), pax records path and size ('x') | GNU; pax Interchange Format |
 * | files ('0', NUL, '7') | ustar |
 *
 * Members are read one behind the other, nothing is held but a header. What is not a file is passed
 * over; sparse files are ST_UNSUPPORTED when they are read. Names are labels, never paths. Input is
 * hostile. One tar belongs to one thread and borrows its source.
 */
#ifndef HIKESHI_ARCHIVE_TAR_H
#define HIKESHI_ARCHIVE_TAR_H

#include "base/buf.h"
#include "codec/stream.h"

enum { TAR_BLOCK = 512 };

struct tar {
    struct stream_source from;
    uint64_t at;      /* bytes taken from the source */
    uint64_t left;    /* of the member's data */
    uint64_t padding; /* behind it */
    bool sparse;
    struct buf name, long_name;
};

bool tar_sniff(struct slice head); /* TAR_BLOCK bytes or more */

void tar_init(struct tar *t, const struct stream_source *from);
void tar_done(struct tar *t); /* accepts a zeroed struct */

/* Goes on to the next file; what was not read of the one before is passed over. Its name is in
 * t->name, its size in t->left. ST_END behind the last, at the end of the
 * source: zero blocks end a tar, and another one behind them is read as well; ST_MALFORMED when the
 * archive is damaged or cut. */
enum status tar_next(struct tar *t, struct err *e) MUST_USE;
/* Bytes of the file; 0 of them with OK is its end. Fits struct stream_source. */
enum status tar_read(void *tar, uint8_t *to, size_t n, size_t *ret_n, struct err *e);

#endif
