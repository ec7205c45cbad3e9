/* Deflate (RFC 1951), without any header around it, and the CRC-32 that goes with it.
 *
 * One engine holds the memory of both inflaters, so that thousands of small pieces cost no
 * allocation: libdeflate where all bytes are at hand, zlib where only the head is wanted or where
 * the bytes pass through. Input is hostile; output never grows past what the caller says. One
 * engine belongs to one thread.
 */
#ifndef HIKESHI_CODEC_INFLATE_H
#define HIKESHI_CODEC_INFLATE_H

#include "base/slice.h"

struct inflater;

enum status inflater_new(struct inflater **ret) MUST_USE;
void inflater_free(struct inflater *f); /* accepts NULL */

/* All of it: exactly n bytes, or ST_MALFORMED. What is in `to` after a failure says nothing. Bytes
 * of `packed` behind the end of the stream are passed over. */
enum status inflate_whole(struct inflater *f, struct slice packed, uint8_t *to, size_t n) MUST_USE;

/* The first `want` bytes, given the beginning of the packed ones. *ret_n < want with OK: the stream
 * ended; with ST_END: more packed bytes are needed. */
enum status inflate_head(struct inflater *f, struct slice packed, uint8_t *to, size_t want,
                         size_t *ret_n) MUST_USE;

/* Only the first two bytes, given the beginning of the packed ones, many times faster than
 * inflate_head. ST_END: more are needed; ST_UNSUPPORTED: inflate_head must be asked; ST_MALFORMED.
 * Keeps nothing.
 */
enum status inflate_first_bytes(struct slice packed, uint8_t ret[2]) MUST_USE;

/* Where a stream comes from and goes to. `in` gives the next piece, empty at the end; any status
 * but OK ends the stream and is returned. */
struct inflate_pipe {
    void *ctx;
    enum status (*in)(void *ctx, struct slice *ret);
    enum status (*out)(void *ctx, struct slice bytes);
};

/* Passes the whole stream through; ST_MALFORMED when it is damaged or cut. */
enum status inflate_stream(struct inflater *f, const struct inflate_pipe *pipe) MUST_USE;

/* CRC-32 (ISO 3309) over more bytes; begin with 0. */
uint32_t crc32_add(uint32_t crc, struct slice bytes);

#endif
