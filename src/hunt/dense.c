/* Pieces of text in which false openers stand densely: all their escapes undone at once, layer by
 * layer, as opener_full does it at one place. Each layer is one pass over what the one before left,
 * and an escape takes two to ten bytes, so a piece made of escapes costs little more than its first
 * layer. What is undone is followed by PAD zeros, which end every escape: no reader looks for the
 * end of the text. */
#include "hunt/opener_int.h"

#include <emmintrin.h>

#define NOT_ASCII '?'
#define GONE UINT32_MAX /* the value of what leaves nothing */
#define PAD (OPENER_ROOM - OPENER_PIECE)

struct undone {
    size_t took; /* 0: no escape */
    uint32_t value;
};

static inline struct undone two_digits(const uint8_t *p, size_t before)
{
    uint32_t a = opener_digits[p[0]], b = opener_digits[p[1]];
    return (a | b) < 16 ? (struct undone){before + 2, a << 4 | b} : (struct undone){0};
}

static inline struct undone four_digits(const uint8_t *p, size_t before)
{
    uint32_t a = opener_digits[p[0]], b = opener_digits[p[1]];
    if ((a | b) >= 16)
        return (struct undone){0};
    uint32_t c = opener_digits[p[2]], d = opener_digits[p[3]];
    return (c | d) < 16 ? (struct undone){before + 4, a << 12 | b << 8 | c << 4 | d}
                        : (struct undone){0};
}

/* Up to `most` digits behind any number of zeros; took counts them all, and there is at least one.
 */
static struct undone padded_digits(const uint8_t *p, uint32_t base, size_t most)
{
    struct undone u = {0};
    while (p[u.took] == '0')
        u.took++;
    most += u.took;
    while (u.took < most && opener_digits[p[u.took]] < base) {
        u.value = u.value > 0xffff ? u.value : u.value * base + opener_digits[p[u.took]];
        u.took++;
    }
    return u;
}

/* Two or three. */
static struct undone octal_digits(const uint8_t *p)
{
    struct undone u = {0};
    while (u.took < 3 && opener_digits[p[u.took]] < 8)
        u.value = u.value * 8 + opener_digits[p[u.took++]];
    return u.took >= 2 ? u : (struct undone){0};
}

/* At the percent sign. */
static inline struct undone undo_percent(const uint8_t *p)
{
    return (p[1] | 0x20) == 'u' ? four_digits(p + 2, 2) : two_digits(p + 1, 1);
}

static inline bool is_ux(uint8_t c)
{
    return (c | 0x20) == 'u' || (c | 0x20) == 'x';
}

/* At the first backslash; *ret_run: how many there are. */
static inline struct undone undo_backslash(const uint8_t *p, size_t *ret_run)
{
    size_t i = 1, run;
    while (p[i] == '\\')
        i++;
    *ret_run = run = i;
    while (is_ux(p[i]))
        i++;
    if (i == run && p[i] == '{') /* as regular expressions have it */
        return (struct undone){i + 1, '{'};
    if (i == run && (p[i] == '\n' || p[i] == '\r')) /* the line goes on */
        return (struct undone){i + 1 + (p[i] == '\r' && p[i + 1] == '\n'), GONE};
    if (i == run) {
        struct undone u = octal_digits(p + i);
        return u.took ? (struct undone){i + u.took, u.value} : (struct undone){0};
    }
    if (p[i] == '{') {
        struct undone u = padded_digits(p + i + 1, 16, 8);
        size_t behind = i + 1 + u.took;
        return u.took && p[behind] == '}' ? (struct undone){behind + 1, u.value}
                                          : (struct undone){0};
    }
    if (p[run] == 'U' && four_digits(p + i, 0).took && four_digits(p + i + 4, 0).took)
        return (struct undone){i + 8,
                               four_digits(p + i, 0).value << 16 | four_digits(p + i + 4, 0).value};
    return (p[i - 1] | 0x20) == 'x' ? two_digits(p + i, i) : four_digits(p + i, i);
}

/* Four letters, in lower case. */
static inline uint32_t word(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v | 0x20202020;
}

#define WORD(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static inline struct undone undo_name(const uint8_t *p)
{
    uint32_t v = word(p + 1);
    if ((v & 0xffffff) == WORD('a', 'm', 'p', 0))
        return (struct undone){4, '&'};
    if ((v & 0xffffff) == WORD('n', 'u', 'm', 0))
        return (struct undone){4, '#'};
    switch (v) {
    case WORD('b', 's', 'o', 'l'):
        return (struct undone){5, '\\'};
    case WORD('l', 'c', 'u', 'b'):
        return (struct undone){5, '{'};
    case WORD('l', 'b', 'r', 'a'):
        return word(p + 3) == WORD('r', 'a', 'c', 'e') ? (struct undone){7, '{'}
                                                       : (struct undone){0};
    case WORD('d', 'o', 'l', 'l'):
        return word(p + 3) == WORD('l', 'l', 'a', 'r') ? (struct undone){7, '$'}
                                                       : (struct undone){0};
    case WORD('p', 'e', 'r', 'c'):
        return word(p + 3) == WORD('r', 'c', 'n', 't') ? (struct undone){7, '%'}
                                                       : (struct undone){0};
    default:
        return (struct undone){0};
    }
}

/* At the &. */
static inline struct undone undo_entity(const uint8_t *p)
{
    struct undone u;
    if (p[1] == '#') {
        bool is_hex = (p[2] | 0x20) == 'x';
        u = padded_digits(p + 2 + is_hex, is_hex ? 16 : 10, 16);
        u.took += u.took ? 2 + (size_t)is_hex : 0;
    } else {
        u = undo_name(p);
    }
    u.took += u.took && p[u.took] == ';';
    return u;
}

static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i is(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* A bit for each of the 64 bytes: whether it is a sign that may begin an escape. */
static inline uint64_t signs(const uint8_t *p)
{
    uint64_t found = 0;
#pragma GCC unroll 4
    for (unsigned k = 0; k < 64; k += 16) {
        __m128i v = load(p + k);
        __m128i sign = _mm_or_si128(is(v, '%'), _mm_or_si128(is(v, '\\'), is(v, '&')));
        found |= (uint64_t)(unsigned)_mm_movemask_epi8(sign) << k;
    }
    return found;
}

/* Copies n bytes; up to 32 may be read and written. */
static inline void copy_gap(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
        return;
    }
    __m128i a = load(from), b = load(from + 16);
    _mm_storeu_si128((__m128i *)(void *)to, a);
    _mm_storeu_si128((__m128i *)(void *)(to + 16), b);
}

/* One layer of n bytes. Returns the length of what it gives, never more, with PAD zeros behind it;
 * 0 where there is nothing to undo: then nothing was written. */
static size_t undo(const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t *w = out;
    size_t from = 0, next = 0; /* what is not yet written; where the next escape may begin */
    for (size_t block = 0; block < n; block += 64) {
        for (uint64_t found = signs(in + block); found; found &= found - 1) {
            size_t at = block + (size_t)__builtin_ctzll(found), run = 1;
            const uint8_t *p = in + at;
            if (at < next)
                continue;
            struct undone u = *p == '%'   ? undo_percent(p)
                              : *p == '&' ? undo_entity(p)
                                          : undo_backslash(p, &run);
            next = at + (u.took ? u.took : run);
            if (u.took == 0)
                continue;
            if (at > from)
                copy_gap(w, in + from, at - from);
            w += at - from;
            if (u.value != GONE)
                *w++ = u.value < 0x80 ? (uint8_t)u.value : NOT_ASCII;
            from = next;
        }
    }
    if (from == 0)
        return 0;
    memcpy(w, in + from, n - from);
    w += n - from;
    memset(w, 0, PAD);
    return (size_t)(w - out);
}

/* Whether ${ stands in it, or what UTF-16 makes of it. Zeros follow the text. */
static bool has_opener(const uint8_t *p, size_t n)
{
    const __m128i zero = _mm_setzero_si128();
    for (size_t i = slice_index(slice_of(p, n), '$'); i < n; i += 16) {
        __m128i next = load(p + i + 1);
        __m128i wide = _mm_and_si128(_mm_cmpeq_epi8(next, zero), is(load(p + i + 2), '{'));
        __m128i opens = _mm_and_si128(is(load(p + i), '$'), _mm_or_si128(is(next, '{'), wide));
        if (_mm_movemask_epi8(opens))
            return true;
    }
    return false;
}

/* Whether there is a $, or escapes could make one. Whatever the number of layers, that takes one of
 * these: the numbers of $ are 24, 36 and 44; its name begins with d, of which the numbers are 64,
 * 44, 100, 68, 144 and 104; the digits 4, 5 and 6 themselves have 4, 5 or 6 in each of their
 * numbers, and 1 has 31, 49 and 061, which takes a 1 again, or 4 or 6. */
static bool has_dollar(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __m128i v = load(p + i);
        __m128i found = _mm_or_si128(is(v, '$'), is(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'd'));
        found = _mm_or_si128(found, _mm_or_si128(is(v, '1'), is(v, '4')));
        found = _mm_or_si128(found, _mm_or_si128(is(v, '5'), is(v, '6')));
        if (_mm_movemask_epi8(found))
            return true;
    }
    return false;
}

/* The first n bytes. Each scratch has room for them and PAD. */
static bool has_spelling(const uint8_t *p, size_t n, uint8_t *scratch[2])
{
    memcpy(scratch[1], p, n);
    memset(scratch[1] + n, 0, PAD);
    for (unsigned layer = 0;; layer++) {
        const uint8_t *text = scratch[~layer & 1];
        if (has_opener(text, n))
            return true;
        if (layer == OPENER_LAYERS || !has_dollar(text, n) ||
            (n = undo(text, n, scratch[layer & 1])) == 0)
            return false;
    }
}

bool opener_in_piece(struct slice piece, uint8_t scratch[2][OPENER_ROOM])
{
    uint8_t *both[2] = {scratch[0], scratch[1]};
    return has_spelling(piece.p, piece.n < OPENER_PIECE ? piece.n : OPENER_PIECE, both);
}

bool opener_in_long_piece(struct slice piece, uint8_t scratch[2][OPENER_LONG_ROOM])
{
    uint8_t *both[2] = {scratch[0], scratch[1]};
    return has_spelling(piece.p, piece.n < OPENER_LONG_PIECE ? piece.n : OPENER_LONG_PIECE, both);
}
