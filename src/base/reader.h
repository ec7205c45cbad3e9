/* Bounded reading of bytes: the only functions that touch the bytes of an input format.
 *
 * A reader never reads past its slice: what does not fit is ST_MALFORMED, and the reader stays
 * where it was. Reading needs no error object; the caller knows what it was about to read and
 * says so. One reader belongs to one thread.
 */
#ifndef HIKESHI_BASE_READER_H
#define HIKESHI_BASE_READER_H

#include "base/slice.h"

struct reader {
    struct slice in;
    size_t at; /* 0 … in.n */
};

static inline struct reader reader_of(struct slice in)
{
    return (struct reader){in, 0};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->in.n - r->at;
}

enum status get_u8(struct reader *r, uint8_t *ret) MUST_USE;
enum status get_u16le(struct reader *r, uint16_t *ret) MUST_USE;
enum status get_u32le(struct reader *r, uint32_t *ret) MUST_USE;
enum status get_u64le(struct reader *r, uint64_t *ret) MUST_USE;
enum status get_u16be(struct reader *r, uint16_t *ret) MUST_USE;
enum status get_u32be(struct reader *r, uint32_t *ret) MUST_USE;
/* The next n bytes as a slice of the input (no copy). */
enum status get_bytes(struct reader *r, size_t n, struct slice *ret) MUST_USE;
enum status skip_bytes(struct reader *r, size_t n) MUST_USE;

#endif
