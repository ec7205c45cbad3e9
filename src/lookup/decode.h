/* Decoders: what a server, a framework or a person may have encoded, undone. One row each; a new
 * one touches only its file and the table. Each makes one pass over the text, writes at most as
 * many bytes as it reads (DECODE_GROWTH times for what unpacks), and keeps what it does not know.
 * Input is hostile. */
#ifndef HIKESHI_LOOKUP_DECODE_H
#define HIKESHI_LOOKUP_DECODE_H

#include "base/buf.h"

#define DECODE_GROWTH 8 /* gzip: what inflates further is cut there */

/* One text on its way through one decoder; begins zeroed. */
struct decoding {
    size_t at;     /* the decoder's own: where it goes on */
    uint64_t work; /* what it has cost, in nanoseconds or so */
    uint64_t most; /* the caller's: what it may cost, 0: all; only base64 costs more than a pass */
};

struct decoder {
    const char *name;
    unsigned needs; /* the sign of signs.h without which there is nothing for it; 0: none */
    /* Appends the decoded text to out. ST_END: there is nothing of its kind in the text, and out is
     * as it was. A decoder that gives several texts is called again with the same d; ST_END then
     * says that there are no more, ST_LIMIT that it cost too much. */
    enum status (*decode)(struct slice in, struct decoding *d, struct buf *out);
};

#define DECODE_LOOK 8 /* bytes looked at for one unit of work */

extern const struct decoder decoders[]; /* ends with a NULL name */
/* Those of escapes and UTF-16, in the order in which most writers put them one over the other. */
extern const struct decoder decoders_once[];

enum status decode_url(struct slice in, struct decoding *d, struct buf *out); /* %24, %u0024 */
enum status decode_backslash(struct slice in, struct decoding *d,
                             struct buf *out); /* \u0024 \x24 \44 \/ */
enum status decode_entity(struct slice in, struct decoding *d, struct buf *out); /* &#36; &dollar */
enum status decode_base64(struct slice in, struct decoding *d,
                          struct buf *out); /* a run, an alignment */
enum status decode_utf16(struct slice in, struct decoding *d, struct buf *out);

#endif
