/* What prefilter.c, opener.c and dense.c share. Private to src/hunt. */
#ifndef HIKESHI_HUNT_OPENER_INT_H
#define HIKESHI_HUNT_OPENER_INT_H

#include "hunt/prefilter.h"

enum { OPENER_LAYERS = 4 }; /* of escapes, one inside the other */

extern const uint8_t opener_digits[256]; /* the value of a hexadecimal digit; 255: none */

/* Whether an escape may begin with it. */
static inline bool opener_is_escape(uint8_t c)
{
    return c == '%' || c == '\\' || c == '&';
}

#endif
