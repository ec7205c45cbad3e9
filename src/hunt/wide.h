/* UTF-16 and UTF-32 logs, as Windows and Java write them, read as UTF-8 (Unicode 15, section 3.10).
 *
 * Told by the byte order mark, which is left out, or by most of the first units being characters.
 * Half a pair becomes U+FFFD. Whoever can write the first bytes of a log must not make the rest of
 * it unreadable, so what may be text of bytes stays as it is: where an escape could begin, what is
 * no character, and in UTF-16 where 16 units in a row are printable bytes, up to the next NUL. At
 * worst some characters of a phrase come out wrong.
 *
 * Nothing is allocated; one reader belongs to one thread and borrows its source. Input is hostile.
 */
#ifndef HIKESHI_HUNT_WIDE_H
#define HIKESHI_HUNT_WIDE_H

#include "codec/stream.h"

struct wide_form {
    size_t width; /* bytes of a unit: 2 or 4 */
    bool big;     /* the first byte is the highest */
    size_t mark;  /* bytes of the byte order mark; 0: none */
};

struct wide {
    struct stream_source from;
    struct wide_form form;
    bool begun, drained, ended;
    bool bytes;         /* in what is no wide text */
    uint32_t high;      /* the first half of a pair, or 0 */
    uint8_t left[4096]; /* what was read and not given yet */
    size_t left_n;
};

/* *ret may be NULL. Without a mark 8 units are asked for: no lookup stands in fewer. */
bool wide_sniff(struct slice head, struct wide_form *ret);
void wide_init(struct wide *w, const struct wide_form *form, const struct stream_source *from);
/* Fits struct stream_source; n is at least 16. */
enum status wide_read(void *wide, uint8_t *to, size_t n, size_t *ret_n, struct err *e);

#endif
