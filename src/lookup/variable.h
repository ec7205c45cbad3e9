/* Where a variable begins. Private to src/lookup. */
#ifndef HIKESHI_LOOKUP_VARIABLE_H
#define HIKESHI_LOOKUP_VARIABLE_H

#include "base/slice.h"

#include <emmintrin.h>

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

/* Where ${ begins in the 16 bytes at p, a bit for each; 17 are read. */
static inline unsigned opens_at(const uint8_t *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
    __m128i opens = _mm_and_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('$')),
                                  _mm_cmpeq_epi8(next, _mm_set1_epi8('{')));
    return (unsigned)_mm_movemask_epi8(opens);
}

/* The first ${ at or behind `from`, or s.n. */
static inline size_t next_opener(struct slice s, size_t from)
{
    enum { SEEN = 17 };
    size_t i = from;
    unsigned found = 0;
    for (; i < s.n && s.n - i >= SEEN; i += SEEN - 1)
        if ((found = opens_at(s.p + i)) != 0)
            return i + (unsigned)__builtin_ctz(found);
    if (s.n >= SEEN && i < s.n) { /* the last ones are seen from before them */
        size_t at = s.n - SEEN;
        found = opens_at(s.p + at) & ~0u << (i - at);
        return found ? at + (unsigned)__builtin_ctz(found) : s.n;
    }
    for (; i < s.n; i++)
        if (opens(s, i))
            return i;
    return s.n;
}

#endif
