/* The digits of base64 and base64url (RFC 4648 sections 4 and 5), either alphabet in one text. */
#ifndef HIKESHI_BASE_BASE64_H
#define HIKESHI_BASE_BASE64_H

#include "base/slice.h"

enum { BASE64_NONE = 0x80 };             /* a bit that no digit's value has */
extern const uint8_t base64_digits[256]; /* the value of a digit; BASE64_NONE: it is none */

static inline bool is_base64(uint8_t c)
{
    return base64_digits[c] != BASE64_NONE;
}

/* The three bytes of the four digits at p; more than 24 bits: one of them is none. */
static inline uint32_t base64_group(const uint8_t *p)
{
    uint32_t a = base64_digits[p[0]], b = base64_digits[p[1]], c = base64_digits[p[2]];
    uint32_t d = base64_digits[p[3]];
    return ((a | b | c | d) & BASE64_NONE) << 24 | a << 18 | b << 12 | c << 6 | d;
}

#endif
