/* The first look. Spellings of ${ that a log may hold:
 *
 *   bytes                                           is
 *   $  then { % \ & or NUL                          raw; the { may be encoded; UTF-16
 *   %2 then 4 5 6 or an escape                      %24, %25…, %26…
 *   %5 %u %U or an escape, then c C 0 or what       %5C, %u0024, %%32%34
 *      an escape goes on with
 *   \  then u U, then 0 { u x or an escape          \u0024 \u{24} \u005c \uu0024
 *   \  then x X 0 1 4 % &, then 0-7 { u U x X # or  \x24 \44 \044 \134
 *      an escape
 *   &  then # or an escape, then what goes on       &#36; &&#100;ollar
 *   &  then a d p b l, then o m e s c b or an       &dollar &amp;#36; &percnt;24
 *      escape
 *   the others                                      base64, see below
 *
 * base64 of what, beginning at a digit, one byte later and two bytes later:
 *
 *   ${    JH[s-v]  [CSiy]R7   ke[yz0-389]; + and / are left out: in nibbles they admit the space,
 *                             and "like "
 *   gzip  H4s      LCA LCI    iwg
 *   %2    JTI
 *
 * More would cost half the speed: sets of letters are wide in nibbles.
 */
#include "hunt/opener_int.h"

#include "base/base64.h"

#include <immintrin.h>

#define WIDTH 3

/* The bytes that a spelling takes at each of its places; NULL: any. NUL is written apart. Those
 * that share a bit of a table admit what crosses them, so they are chosen such that text seldom has
 * that. */
static const struct spelling {
    const char *bytes[WIDTH];
    const char *fourth; /* and at the next one; NULL: any */
    bool nul;           /* the second byte may be NUL */
    bool base64;
    uint8_t nibble_bit, ascii_bit;
} spellings[] = {
    {{"$", "{%\\&", NULL}, NULL, true, false, 0, 0},
    {{"%", "2", "456%\\&"}, NULL, false, false, 1, 1},
    {{"%", "5uU%\\&", "cC03%\\&#xXuU124567"}, NULL, false, false, 2, 2},
    {{"\\", "uU", "0{uUxX%\\&"}, NULL, false, false, 3, 5},
    {{"\\", "xX014%&", "01234567{uUxX%\\&#"}, NULL, false, false, 3, 3},
    {{"&", "#%\\&", "0123456789xX%\\&#uUaAnNdDpPbBlL"}, NULL, false, false, 4, 4},
    /* its bit of ascii is not shared: who shared it would be held to its fourth byte */
    {{"&", "adplADPL", "moecbMOECB%\\&"}, "plruanbPLRUANB14567xX#%\\&\n\r", false, false, 4, 7},
    {{"&", "bB", "sS%\\&"}, NULL, false, false, 4, 3},
    {{"JHL", "H4CT", "stuvAI"}, NULL, false, true, 5, 5},
    {{"CSiy", "Rw", "7g"}, NULL, false, true, 6, 6},
    {{"k", "e", "yz012389"}, NULL, false, true, 7, 6},
};

static bool takes(const struct spelling *sp, unsigned k, unsigned c)
{
    const char *bytes = sp->bytes[k];
    return !bytes || (c && strchr(bytes, (int)c)) || (c == 0 && k == 1 && sp->nul);
}

static void make_tables(struct prefilter *f, bool base64_only)
{
    memset(f->low, 0, sizeof f->low);
    memset(f->high, 0, sizeof f->high);
    memset(f->ascii, 0, sizeof f->ascii);
    memset(f->exact, 0, sizeof f->exact);
    memset(f->fourth, 0, sizeof f->fourth);
    for (unsigned i = 0; i < ARRAY_LEN(spellings); i++) {
        const struct spelling *sp = &spellings[i];
        uint8_t nibble = (uint8_t)(1u << sp->nibble_bit), ascii = (uint8_t)(1u << sp->ascii_bit);
        for (unsigned k = 0; k < WIDTH && (sp->base64 || !base64_only); k++) {
            for (unsigned c = 0; c < 256; c++) {
                if (!takes(sp, k, c))
                    continue;
                f->low[k][c & 15] |= nibble;
                f->high[k][c >> 4] |= nibble;
                f->ascii[k][c & 127] |= ascii;
                f->exact[k][c] |= (uint16_t)(1u << i);
            }
        }
        for (unsigned c = 0; c < 256; c++) {
            if (sp->fourth && c && !strchr(sp->fourth, (int)c))
                continue;
            f->fourth[c & 63] |= ascii;
            f->exact[WIDTH][c] |= (uint16_t)(1u << i);
        }
    }
}

#define SEEN PREFILTER_SEEN

/* Digits with which no character of text can begin: control characters, what UTF-8 does not use,
 * and its tail bytes, which stand behind another. */
static const bool not_first[256] = {
    ['A'] = true, ['B'] = true, ['E'] = true, ['F'] = true, ['G'] = true,        ['H'] = true,
    ['+'] = true, ['-'] = true, ['/'] = true, ['_'] = true, ['g' ... 'v'] = true};

/* Behind JH[s-v] and JTI, of which the fourth digit ends the third byte: with v that is a lead of
 * UTF-8, behind which a tail must stand; with u it is a tail, behind what is none. */
static inline bool text_follows(const uint8_t *p)
{
    if (p[2] == 'u')
        return false;
    if (p[2] == 'v')
        return !is_base64(p[4]) || (p[4] >= 'g' && p[4] <= 'v');
    return p[3] == '9' || !not_first[p[4]];
}

/* \u and digits of a character that is none of $ % & and \: JSON is full of them. */
static inline bool is_other_unit(const uint8_t *p)
{
    unsigned k = 2;
    if ((p[1] | 0x20) != 'u')
        return false;
    while (k < 4 && p[k] == '0')
        k++;
    if (p[1] == 'U' && k == 4 && p[k] == '0') /* of eight */
        return false;
    return opener_digits[p[k]] < 16 && (k < 4 || (p[k] != '2' && p[k] != '5'));
}

/* & and letters that no name of opener.c has, for the fields of forms begin so (&amount, &desc,
 * &perPage), and &amp; before what it makes no other escape of. What an escape hides may be a
 * letter, and so may what stands behind the end. */
static inline bool is_other_name(const uint8_t *p)
{
    static const uint8_t names[][SEEN] = {"amp", "bsol", "dolla", "lbrac", "lcub", "percn"};
    static const bool may_follow[256] = {
        ['#'] = true, ['%'] = true, ['\\'] = true, ['&'] = true, ['a'] = true,
        ['b'] = true, ['d'] = true, ['l'] = true,  ['p'] = true, ['A'] = true,
        ['B'] = true, ['D'] = true, ['L'] = true,  ['P'] = true, [0] = true};
    uint8_t first = p[1] | 0x20;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsigned k = 1;
        if (first != (uint8_t)names[i][0])
            continue;
        while (k < SEEN - 1 && names[i][k] && (p[k + 1] | 0x20) == names[i][k])
            k++;
        if (k == SEEN - 1 || p[k + 1] == 0 || opener_is_escape(p[k + 1]))
            return false;
        if (names[i][k] == 0)
            return i == 0 && !may_follow[p[4]] && (p[4] != ';' || !may_follow[p[5]]);
    }
    return first >= 'a' && first <= 'z';
}

/* Exactly; and of base64 that text can follow, unless it ends in }. */
static inline bool may_open(const struct prefilter *f, const uint8_t *p)
{
    unsigned in = f->exact[0][p[0]] & f->exact[1][p[1]] & f->exact[2][p[2]] & f->exact[3][p[3]];
    if (in && ((p[0] == '\\' && is_other_unit(p)) || (p[0] == '&' && is_other_name(p))))
        return false;
    if (in && (p[0] == 'J' || p[1] == 'R'))
        return p[0] == 'J' ? text_follows(p) : !not_first[p[3]];
    return in;
}

/* One byte at a time: the ends of blocks, and processors without vectors. The last bytes of the
 * text are taken as if NULs followed. */
static size_t next_scalar(const struct prefilter *f, struct slice s, size_t from,
                          uint64_t *newlines)
{
    uint64_t lines = 0;
    size_t i = from;
    for (; i < s.n; i++) {
        uint8_t tail[SEEN] = {0};
        const uint8_t *p = s.p + i;
        if (s.n - i < SEEN) {
            memcpy(tail, p, s.n - i);
            p = tail;
        }
        if (may_open(f, p))
            break;
        lines += s.p[i] == '\n';
    }
    if (newlines)
        *newlines += lines;
    return i;
}

#define BLOCK PREFILTER_BLOCK
#define PREFETCH 3072 /* bytes ahead: measured best from 1 to 8 KiB */

/* The candidates among those that the nibbles let through. */
static inline uint64_t exactly(const struct prefilter *f, const uint8_t *p, uint64_t some)
{
    uint64_t exact = 0;
    for (; some; some &= some - 1)
        if (may_open(f, p + __builtin_ctzll(some)))
            exact |= some & -some;
    return exact;
}

typedef size_t (*next_fn)(const struct prefilter *f, struct slice s, size_t from,
                          uint64_t *newlines, struct prefilter_block *b);

/* What is left of a text behind the last whole block: as a block of its own, with zeros behind it
 * as next_scalar sees them. Fields of requests are hardly longer. */
static size_t next_in_rest(const struct prefilter *f, struct slice s, size_t from,
                           uint64_t *newlines, next_fn next)
{
    uint8_t rest[BLOCK + SEEN - 1] = {0};
    struct prefilter_block ignored = {0};
    if (s.n - from < BLOCK / 4)
        return next_scalar(f, s, from, newlines);
    memcpy(rest, s.p + from, s.n - from);
    size_t at = next(f, slice_of(rest, sizeof rest), 0, newlines, &ignored);
    return at < s.n - from ? from + at : s.n;
}

/* The first of the block's candidates, of which there are some; `lines` came before the block. */
static size_t first_in(const struct prefilter_block *b, uint64_t lines, uint64_t *newlines)
{
    unsigned k = (unsigned)__builtin_ctzll(b->some);
    if (newlines)
        *newlines += lines + (unsigned)__builtin_popcountll(b->ends & ((1ull << k) - 1));
    return b->at + k;
}

#define AVX512 "avx512f,avx512bw,avx512vl,avx512vbmi,bmi,popcnt"

/* The buckets that take each byte at a place, of ASCII by all its bits. */
struct places_avx512 {
    __m512i lower, upper;
};

__attribute__((target(AVX512))) static inline struct places_avx512
place_avx512(const struct prefilter *f, unsigned k)
{
    return (struct places_avx512){_mm512_loadu_si512(f->ascii[k]),
                                  _mm512_loadu_si512(f->ascii[k] + 64)};
}

__attribute__((target(AVX512))) static inline __m512i look_avx512(__m512i v, struct places_avx512 t)
{
    return _mm512_permutex2var_epi8(t.lower, v, t.upper);
}

/* newlines is NULL where nobody counts them. */
__attribute__((target(AVX512), always_inline)) static inline size_t
search_avx512(const struct prefilter *f, struct slice s, size_t from, uint64_t *newlines,
              struct prefilter_block *b, next_fn next)
{
    const __m512i newline = _mm512_set1_epi8('\n');
    const struct places_avx512 t0 = place_avx512(f, 0), t1 = place_avx512(f, 1),
                               t2 = place_avx512(f, 2);
    const __m512i t3 = _mm512_loadu_si512(f->fourth), top = _mm512_set1_epi8((char)0x80);
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= BLOCK + SEEN - 1; i += BLOCK) {
        const uint8_t *p = s.p + i;
        _mm_prefetch((const char *)p + PREFETCH, _MM_HINT_T0);
        __m512i v0 = _mm512_loadu_si512(p), v1 = _mm512_loadu_si512(p + 1);
        __m512i v2 = _mm512_loadu_si512(p + 2), v3 = _mm512_loadu_si512(p + 3);
        __m512i m = _mm512_and_si512(look_avx512(v0, t0), look_avx512(v1, t1));
        m = _mm512_and_si512(m, _mm512_permutexvar_epi8(v3, t3));
        m = _mm512_and_si512(m, look_avx512(v2, t2));
        /* none of a byte that is no ASCII, but what shares the seventh bit */
        uint64_t some = _mm512_cmpgt_epu8_mask(m, _mm512_and_si512(v0, top));
        if (some && (some = exactly(f, p, some)) != 0) {
            uint64_t ends = newlines ? _mm512_cmpeq_epi8_mask(v0, newline) : 0;
            *b = (struct prefilter_block){i, some, ends, true};
            return first_in(b, lines, newlines);
        }
        if (newlines)
            lines += (unsigned)__builtin_popcountll(_mm512_cmpeq_epi8_mask(v0, newline));
    }
    if (newlines)
        *newlines += lines;
    return next_in_rest(f, s, i, newlines, next);
}

__attribute__((target(AVX512))) static size_t next_avx512(const struct prefilter *f, struct slice s,
                                                          size_t from, uint64_t *newlines,
                                                          struct prefilter_block *b)
{
    return search_avx512(f, s, from, newlines, b, next_avx512);
}

/* The same without counting; newlines is NULL. */
__attribute__((target(AVX512))) static size_t first_avx512(const struct prefilter *f,
                                                           struct slice s, size_t from,
                                                           uint64_t *newlines,
                                                           struct prefilter_block *b)
{
    (void)newlines;
    return search_avx512(f, s, from, NULL, b, first_avx512);
}

__attribute__((target("avx2"))) static inline __m256i look_avx2(__m256i v, __m256i low,
                                                                __m256i high, __m256i nibble)
{
    __m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(v, nibble));
    __m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
    return _mm256_and_si256(l, h);
}

__attribute__((target("avx2"))) static inline __m256i wide(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

__attribute__((target("avx2"))) static inline __m256i load_avx2(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

__attribute__((target("avx2,bmi,popcnt"))) static size_t next_avx2(const struct prefilter *f,
                                                                   struct slice s, size_t from,
                                                                   uint64_t *newlines,
                                                                   struct prefilter_block *b)
{
    const __m256i nibble = _mm256_set1_epi8(15), newline = _mm256_set1_epi8('\n');
    const __m256i l0 = wide(f->low[0]), l1 = wide(f->low[1]), l2 = wide(f->low[2]);
    const __m256i h0 = wide(f->high[0]), h1 = wide(f->high[1]), h2 = wide(f->high[2]);
    const __m256i zero = _mm256_setzero_si256();
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= BLOCK + SEEN - 1; i += BLOCK) {
        const uint8_t *p = s.p + i;
        uint32_t none[2], ends[2];
        _mm_prefetch((const char *)p + PREFETCH, _MM_HINT_T0);
        for (size_t half = 0; half < 2; half++) {
            const uint8_t *q = p + 32 * half;
            __m256i v0 = load_avx2(q), v1 = load_avx2(q + 1), v2 = load_avx2(q + 2);
            __m256i m =
                _mm256_and_si256(look_avx2(v0, l0, h0, nibble), look_avx2(v1, l1, h1, nibble));
            m = _mm256_and_si256(m, look_avx2(v2, l2, h2, nibble));
            ends[half] = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v0, newline));
            none[half] = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(m, zero));
        }
        uint64_t some = ~((uint64_t)none[1] << 32 | none[0]);
        uint64_t both = (uint64_t)ends[1] << 32 | ends[0];
        if (some && (some = exactly(f, p, some)) != 0) {
            *b = (struct prefilter_block){i, some, both, true};
            return first_in(b, lines, newlines);
        }
        lines += (unsigned)__builtin_popcountll(both);
    }
    *newlines += lines;
    return next_in_rest(f, s, i, newlines, next_avx2);
}

__attribute__((target("ssse3"))) static inline __m128i look_ssse3(__m128i v, const uint8_t low[16],
                                                                  const uint8_t high[16])
{
    const __m128i nibble = _mm_set1_epi8(15);
    __m128i l = _mm_loadu_si128((const __m128i *)(const void *)low);
    __m128i h = _mm_loadu_si128((const __m128i *)(const void *)high);
    return _mm_and_si128(_mm_shuffle_epi8(l, _mm_and_si128(v, nibble)),
                         _mm_shuffle_epi8(h, _mm_and_si128(_mm_srli_epi16(v, 4), nibble)));
}

__attribute__((target("ssse3"))) static inline __m128i load_ssse3(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

__attribute__((target("ssse3"))) static size_t next_ssse3(const struct prefilter *f, struct slice s,
                                                          size_t from, uint64_t *newlines,
                                                          struct prefilter_block *b)
{
    const __m128i newline = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= BLOCK + SEEN - 1; i += BLOCK) {
        const uint8_t *p = s.p + i;
        uint64_t some = 0, ends = 0;
        for (unsigned k = 0; k < BLOCK; k += 16) {
            __m128i v0 = load_ssse3(p + k);
            __m128i m = look_ssse3(v0, f->low[0], f->high[0]);
            m = _mm_and_si128(m, look_ssse3(load_ssse3(p + k + 1), f->low[1], f->high[1]));
            m = _mm_and_si128(m, look_ssse3(load_ssse3(p + k + 2), f->low[2], f->high[2]));
            some |= (uint64_t)(~_mm_movemask_epi8(_mm_cmpeq_epi8(m, zero)) & 0xffff) << k;
            ends |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v0, newline)) << k;
        }
        if (some && (some = exactly(f, p, some)) != 0) {
            *b = (struct prefilter_block){i, some, ends, true};
            return first_in(b, lines, newlines);
        }
        lines += (unsigned)__builtin_popcountll(ends);
    }
    *newlines += lines;
    return next_in_rest(f, s, i, newlines, next_ssse3);
}

bool prefilter_init_as(struct prefilter *f, enum prefilter_kind kind)
{
    bool has = kind == PREFILTER_SCALAR ||
               (kind == PREFILTER_SSSE3 && __builtin_cpu_supports("ssse3")) ||
               (kind == PREFILTER_AVX2 && __builtin_cpu_supports("avx2") &&
                __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt")) ||
               /* not those of before Ice Lake, which slow down for wide vectors */
               (kind == PREFILTER_AVX512 && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi"));
    if (has) {
        f->kind = kind;
        make_tables(f, false);
    }
    return has;
}

void prefilter_only_base64(struct prefilter *f)
{
    make_tables(f, true);
}

void prefilter_init(struct prefilter *f)
{
    if (!prefilter_init_as(f, PREFILTER_AVX512) && !prefilter_init_as(f, PREFILTER_AVX2) &&
        !prefilter_init_as(f, PREFILTER_SSSE3))
        (void)prefilter_init_as(f, PREFILTER_SCALAR);
}

const char *prefilter_kind_name(enum prefilter_kind kind)
{
    static const char *const names[] = {"scalar", "ssse3", "avx2", "avx512"};
    return names[kind];
}

size_t prefilter_first(const struct prefilter *f, struct slice s, size_t from)
{
    struct prefilter_block none = {0};
    uint64_t ignored = 0;
    return f->kind == PREFILTER_AVX512 && from < s.n ? first_avx512(f, s, from, NULL, &none)
                                                     : prefilter_look(f, s, from, &ignored, &none);
}

size_t prefilter_look(const struct prefilter *f, struct slice s, size_t from, uint64_t *newlines,
                      struct prefilter_block *b)
{
    if (from >= s.n)
        return s.n;
    switch (f->kind) {
    case PREFILTER_AVX512:
        return next_avx512(f, s, from, newlines, b);
    case PREFILTER_AVX2:
        return next_avx2(f, s, from, newlines, b);
    case PREFILTER_SSSE3:
        return next_ssse3(f, s, from, newlines, b);
    case PREFILTER_SCALAR:
        break;
    }
    return next_scalar(f, s, from, newlines);
}
