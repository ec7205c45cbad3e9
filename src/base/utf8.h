/* UTF-8 (RFC 3629): strict decoding, validation, and how wide text is on a terminal. Input may be
 * hostile; nothing here allocates. */
#ifndef HIKESHI_BASE_UTF8_H
#define HIKESHI_BASE_UTF8_H

#include "base/slice.h"

#define UTF8_BAD 0xfffdu

/* The code point at s.p, and how many bytes it takes (at least 1 when s.n > 0). Overlong forms,
 * surrogates, values above U+10FFFF and torn sequences give UTF8_BAD and *ret_n = 1, *ret_ok false.
 */
uint32_t utf8_decode(struct slice s, size_t *ret_n, bool *ret_ok);

/* Whether the whole slice is well-formed UTF-8. *ret_at (may be NULL) is where it is not. */
bool utf8_valid(struct slice s, size_t *ret_at);

/* Writes cp to out and returns how many bytes (1–4). cp must be a scalar value. */
size_t utf8_encode(uint32_t cp, uint8_t out[4]);

/* Terminal columns of one code point: 0 for combining and zero-width, 2 for East Asian Wide and
 * Full-width (Unicode UAX #11), else 1. */
int utf8_width(uint32_t cp);

/* The largest n <= max such that s cut at n does not tear a sequence. */
size_t utf8_floor(struct slice s, size_t max);

#endif
