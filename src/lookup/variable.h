/* Where a variable begins. Private to src/lookup. */
#ifndef HIKESHI_LOOKUP_VARIABLE_H
#define HIKESHI_LOOKUP_VARIABLE_H

#include "base/slice.h"

/* slice_index from `from` on, for what is near or short in nearly every text: a call costs more
 * than some bytes. */
static inline size_t find_near(struct slice s, size_t from, uint8_t c)
{
    enum { NEAR = 24 };
    size_t until = s.n - from > NEAR ? from + NEAR : s.n;
    for (size_t i = from; i < until; i++)
        if (s.p[i] == c)
            return i;
    return until + slice_index(slice_sub(s, until, s.n), c);
}

/* Whether a ${ stands there. */
static inline bool opens(struct slice s, size_t at)
{
    return s.n - at >= 2 && s.p[at] == '$' && s.p[at + 1] == '{';
}

/* The first ${ at or behind `from`, or s.n. */
static inline size_t next_opener(struct slice s, size_t from)
{
    for (size_t i = from; i < s.n; i++) {
        i = find_near(s, i, '$');
        if (i + 1 < s.n && s.p[i + 1] == '{')
            return i;
    }
    return s.n;
}

#endif
