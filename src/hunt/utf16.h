/* UTF-16 logs, as Windows writes them, read as UTF-8 (Unicode 15, section 3.10).
 *
 * Told by the byte order mark, which is left out. Half a pair becomes U+FFFD. Whoever can write the
 * first bytes of a log must not make the rest of it unreadable, so what may be text of bytes stays
 * as it is: where an escape could begin, and where 16 units in a row are printable bytes, up to the
 * next NUL. At worst some characters of a phrase come out wrong.
 *
 * Nothing is allocated; one reader belongs to one thread and borrows its source. Input is hostile.
 */
#ifndef HIKESHI_HUNT_UTF16_H
#define HIKESHI_HUNT_UTF16_H

#include "codec/stream.h"

struct utf16 {
    struct stream_source from;
    bool big, begun, drained, ended;
    bool bytes;         /* in what is no UTF-16 */
    uint32_t high;      /* the first half of a pair, or 0 */
    uint8_t left[4096]; /* what was read and not given yet */
    size_t left_n;
};

/* A byte order mark, and not that of UTF-32, with NULs behind it. */
bool utf16_sniff(struct slice head);
void utf16_init(struct utf16 *u, const struct stream_source *from);
/* Fits struct stream_source; n is at least 16. */
enum status utf16_read(void *utf16, uint8_t *to, size_t n, size_t *ret_n, struct err *e);

#endif
