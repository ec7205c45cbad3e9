/* See signs.h. SSE2, which every processor has that this is built for. */
#include "lookup/signs.h"

#include <emmintrin.h>

#define VECTOR sizeof(__m128i)

static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i is(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Less than a vector, and spaces behind it. */
static inline __m128i load_short(const uint8_t *p, size_t n)
{
    uint64_t low = 0, high = 0, spaces = 0x2020202020202020;
    if (n >= 8) {
        memcpy(&low, p, 8);
        memcpy(&high, p + n - 8, 8);
        high = high >> 1 >> (127 - 8 * n) | spaces << (8 * n - 64);
    } else {
        for (size_t i = n; i-- > 0;)
            low = low << 8 | p[i];
        low |= spaces << 8 * n;
        high = spaces;
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

/* What was found of each: bytes that are not zero. */
struct found {
    __m128i opener, percent, backslash, entity, nul, j, g, colon, dotted;
};

/* v are the bytes looked at, `before` those one place before each of them. */
static inline void look(struct found *f, __m128i v, __m128i before)
{
    __m128i small = _mm_or_si128(v, _mm_set1_epi8(0x20));
    f->opener = _mm_or_si128(f->opener, _mm_and_si128(is(before, '$'), is(v, '{')));
    f->percent = _mm_or_si128(f->percent, is(v, '%'));
    f->backslash = _mm_or_si128(f->backslash, is(v, '\\'));
    f->entity = _mm_or_si128(f->entity, is(v, '&'));
    f->nul = _mm_or_si128(f->nul, is(v, 0));
    f->j = _mm_or_si128(f->j, is(small, 'j'));
    f->g = _mm_or_si128(f->g, is(small, 'g'));
    f->colon = _mm_or_si128(f->colon, is(v, ':'));
    f->dotted = _mm_or_si128(f->dotted, is(v, (char)0xc4));
}

static inline unsigned any(__m128i v, unsigned sign)
{
    return _mm_movemask_epi8(v) ? sign : 0;
}

unsigned signs_of(struct slice text)
{
    const uint8_t *p = text.p;
    size_t n = text.n;
    struct found f;
    memset(&f, 0, sizeof f);
    __m128i v = n < VECTOR ? load_short(p, n) : load(p);
    look(&f, v, _mm_slli_si128(v, 1));
    for (size_t i = VECTOR; i < n; i += VECTOR) {
        size_t at = n - i < VECTOR ? n - VECTOR : i; /* the last one goes back to be whole */
        look(&f, load(p + at), load(p + at - 1));
    }
    return any(f.opener, SIGN_OPENER) | any(f.percent, SIGN_PERCENT) |
           any(f.backslash, SIGN_BACKSLASH) | any(f.entity, SIGN_ENTITY) | any(f.nul, SIGN_NUL) |
           any(f.j, SIGN_J) | any(f.g, SIGN_G) | any(f.colon, SIGN_COLON) |
           any(f.dotted, SIGN_DOTTED);
}

static inline void add_brackets(struct brackets *b, __m128i v, __m128i before, size_t at)
{
    __m128i opens = _mm_and_si128(is(before, '$'), is(v, '{'));
    b->opens |= (uint64_t)(unsigned)_mm_movemask_epi8(opens) << at;
    b->closes |= (uint64_t)(unsigned)_mm_movemask_epi8(is(v, '}')) << at;
}

struct brackets brackets_of(struct slice text, size_t from)
{
    const uint8_t *p = text.p + from;
    size_t n = text.n - from < BRACKETS_BLOCK ? text.n - from : BRACKETS_BLOCK;
    struct brackets b = {0};
    __m128i v = n < VECTOR ? load_short(p, n) : load(p), before = _mm_slli_si128(v, 1);
    if (from)
        before = _mm_or_si128(before, _mm_cvtsi32_si128(p[-1]));
    add_brackets(&b, v, before, 0);
    for (size_t i = VECTOR; i < n; i += VECTOR) {
        size_t at = n - i < VECTOR ? n - VECTOR : i;
        add_brackets(&b, load(p + at), load(p + at - 1), at);
    }
    return b;
}
