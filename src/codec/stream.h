/* One way to read compressed bytes: gzip, bzip2, xz, zstd, known by their content.
 *
 * The caller gives a function that reads packed bytes and pulls plain ones. Members, streams and
 * frames that stand one behind the other are one text, as their own tools read them. Memory is
 * bounded whatever the input asks for (LIMIT_CODEC_MEMORY); what is cut or damaged ends with
 * ST_MALFORMED behind the bytes that could still be read, never as an ordinary end.
 *
 * A format is one file and one row in stream.c. A stream belongs to one thread; it borrows the
 * source. Input is hostile; how much comes out is the caller's to bound.
 */
#ifndef HIKESHI_CODEC_STREAM_H
#define HIKESHI_CODEC_STREAM_H

#include "base/slice.h"

enum codec_kind {
    CODEC_PLAIN,
    CODEC_GZIP,
    CODEC_BZIP2,
    CODEC_XZ,
    CODEC_ZSTD,
    CODEC_DEFLATE, /* bare, as in zip archives: has no sign of its own, and one member */
    CODEC_KINDS
};

enum { CODEC_SNIFF_BYTES = 16 };

/* By the first bytes (CODEC_SNIFF_BYTES of them, or all there are). */
enum codec_kind codec_sniff(struct slice head);
const char *codec_name(enum codec_kind kind); /* "plain", "gzip", … */

/* Where the packed bytes come from. Reads up to n bytes; 0 of them with OK is the end. A status
 * other than OK is given on to whoever reads the stream. */
struct stream_source {
    void *ctx;
    enum status (*read)(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e);
};

struct stream;

/* kind may be CODEC_PLAIN: the bytes as they are. */
enum status stream_new(enum codec_kind kind, const struct stream_source *from, struct stream **ret,
                       struct err *e) MUST_USE;
void stream_free(struct stream *s); /* accepts NULL */

/* Up to n plain bytes, at least one with OK; ST_END behind the last. After any other status nothing
 * more is to be had, and e says what is wrong and at which packed byte. */
enum status stream_read(struct stream *s, uint8_t *to, size_t n, size_t *ret_n,
                        struct err *e) MUST_USE;

uint64_t stream_packed(const struct stream *s); /* packed bytes that were read so far */

#endif
