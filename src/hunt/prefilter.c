/* The first look. Spellings of ${ that a log may hold:
 *
 *   bucket  bytes                                     is
 *   0       $  then { % \ & or NUL                    raw; the { may be encoded; UTF-16
 *   1       %2 then 4 5 6 or an escape               %24, %25…, %26…
 *   2       %5 %u %U or an escape, then c C 0 or what %5C, %u0024, %%32%34
 *           an escape goes on with
 *   3       \  then u U x X 0 1 4 % &, then 0-7 { u   \u0024 \x24 \44 \044 \u{24} \u005c
 *           U x X # or an escape
 *   4       &  then # a d p b l                       &#36; &dollar &amp;#36; &percnt;24
 *   5-7                                               base64, see below
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
#include "hunt/prefilter.h"

#include <immintrin.h>

#define BUCKETS 8
#define WIDTH 3

/* The bytes that a bucket takes at each of its three places; NULL: any. NUL is written apart. */
static const struct spelling {
    const char *bytes[WIDTH];
    bool nul; /* the second byte may be NUL */
} spellings[BUCKETS] = {
    {{"$", "{%\\&", NULL}, true},
    {{"%", "2", "456%\\&"}, false},
    {{"%", "5uU%\\&", "cC03%\\&#xXuU124567"}, false},
    {{"\\", "uUxX014%&", "01234567{uUxX%\\&#"}, false},
    {{"&", "#adpblADPBL", "0123456789xXomescbOMESCB%\\&"}, false},
    {{"JHL", "H4CT", "stuvAI"}, false},
    {{"CSiy", "Rw", "7g"}, false},
    {{"k", "e", "yz012389"}, false},
};

static void make_tables(struct prefilter *f)
{
    memset(f->low, 0, sizeof f->low);
    memset(f->high, 0, sizeof f->high);
    memset(f->exact, 0, sizeof f->exact);
    for (unsigned b = 0; b < BUCKETS; b++) {
        uint8_t bit = (uint8_t)(1u << b);
        for (unsigned k = 0; k < WIDTH; k++) {
            const char *bytes = spellings[b].bytes[k];
            for (unsigned c = 0; c < 256; c++) {
                bool in = !bytes || (c && strchr(bytes, (int)c)) ||
                          (c == 0 && k == 1 && spellings[b].nul);
                if (in) {
                    f->low[k][c & 15] |= bit;
                    f->high[k][c >> 4] |= bit;
                    f->exact[k][c] |= bit;
                }
            }
        }
    }
}

static bool may_open(const struct prefilter *f, const uint8_t *p)
{
    return f->exact[0][p[0]] & f->exact[1][p[1]] & f->exact[2][p[2]];
}

/* One byte at a time: the ends of blocks, and processors without vectors. The last two bytes of the
 * text are taken as if NULs followed. */
static size_t next_scalar(const struct prefilter *f, struct slice s, size_t from,
                          uint64_t *newlines)
{
    uint64_t lines = 0;
    size_t i = from;
    for (; i < s.n; i++) {
        uint8_t tail[WIDTH] = {0};
        const uint8_t *p = s.p + i;
        if (s.n - i < WIDTH) {
            memcpy(tail, p, s.n - i);
            p = tail;
        }
        if (may_open(f, p))
            break;
        lines += s.p[i] == '\n';
    }
    *newlines += lines;
    return i;
}

#define PREFETCH 1536 /* bytes ahead: measured best from 1 to 2 KiB */

#define AVX512 "avx512f,avx512bw,avx512vl,bmi,popcnt"

__attribute__((target(AVX512))) static inline __m512i look_avx512(__m512i v, __m512i low,
                                                                  __m512i high, __m512i nibble)
{
    __m512i l = _mm512_shuffle_epi8(low, _mm512_and_si512(v, nibble));
    __m512i h = _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
    return _mm512_and_si512(l, h);
}

__attribute__((target(AVX512))) static inline __m512i widest(const uint8_t table[16])
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)table));
}

__attribute__((target(AVX512))) static size_t next_avx512(const struct prefilter *f, struct slice s,
                                                          size_t from, uint64_t *newlines)
{
    const __m512i nibble = _mm512_set1_epi8(15), newline = _mm512_set1_epi8('\n');
    const __m512i l0 = widest(f->low[0]), l1 = widest(f->low[1]), l2 = widest(f->low[2]);
    const __m512i h0 = widest(f->high[0]), h1 = widest(f->high[1]), h2 = widest(f->high[2]);
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= 64 + WIDTH - 1; i += 64) {
        const uint8_t *p = s.p + i;
        _mm_prefetch((const char *)p + PREFETCH, _MM_HINT_T0);
        __m512i v0 = _mm512_loadu_si512(p), v1 = _mm512_loadu_si512(p + 1);
        __m512i v2 = _mm512_loadu_si512(p + 2);
        __m512i m =
            _mm512_and_si512(look_avx512(v0, l0, h0, nibble), look_avx512(v1, l1, h1, nibble));
        uint64_t some = _mm512_test_epi8_mask(m, look_avx512(v2, l2, h2, nibble));
        uint64_t ends = _mm512_cmpeq_epi8_mask(v0, newline);
        for (; some; some &= some - 1) {
            unsigned at = (unsigned)__builtin_ctzll(some);
            if (!may_open(f, p + at))
                continue;
            *newlines += lines + (unsigned)__builtin_popcountll(ends & ((1ull << at) - 1));
            return i + at;
        }
        lines += (unsigned)__builtin_popcountll(ends);
    }
    *newlines += lines;
    return next_scalar(f, s, i, newlines);
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

__attribute__((target("avx2,bmi,popcnt"))) static size_t
next_avx2(const struct prefilter *f, struct slice s, size_t from, uint64_t *newlines)
{
    const __m256i nibble = _mm256_set1_epi8(15), newline = _mm256_set1_epi8('\n');
    const __m256i l0 = wide(f->low[0]), l1 = wide(f->low[1]), l2 = wide(f->low[2]);
    const __m256i h0 = wide(f->high[0]), h1 = wide(f->high[1]), h2 = wide(f->high[2]);
    const __m256i zero = _mm256_setzero_si256();
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= 32 + WIDTH - 1; i += 32) {
        const uint8_t *p = s.p + i;
        _mm_prefetch((const char *)p + PREFETCH, _MM_HINT_T0);
        __m256i v0 = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i v1 = _mm256_loadu_si256((const __m256i *)(const void *)(p + 1));
        __m256i v2 = _mm256_loadu_si256((const __m256i *)(const void *)(p + 2));
        __m256i m = _mm256_and_si256(look_avx2(v0, l0, h0, nibble), look_avx2(v1, l1, h1, nibble));
        m = _mm256_and_si256(m, look_avx2(v2, l2, h2, nibble));
        uint32_t ends = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v0, newline));
        uint32_t none = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(m, zero));
        for (uint32_t some = ~none; some; some &= some - 1) {
            unsigned at = (unsigned)__builtin_ctz(some);
            if (!may_open(f, p + at))
                continue;
            *newlines += lines + (unsigned)__builtin_popcount(ends & ((1u << at) - 1));
            return i + at;
        }
        lines += (unsigned)__builtin_popcount(ends);
    }
    *newlines += lines;
    return next_scalar(f, s, i, newlines);
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

__attribute__((target("ssse3"))) static size_t next_ssse3(const struct prefilter *f, struct slice s,
                                                          size_t from, uint64_t *newlines)
{
    const __m128i newline = _mm_set1_epi8('\n');
    uint64_t lines = 0;
    size_t i = from;
    for (; s.n - i >= 16 + WIDTH - 1; i += 16) {
        const uint8_t *p = s.p + i;
        __m128i v0 = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i v1 = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
        __m128i v2 = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
        __m128i m = _mm_and_si128(look_ssse3(v0, f->low[0], f->high[0]),
                                  _mm_and_si128(look_ssse3(v1, f->low[1], f->high[1]),
                                                look_ssse3(v2, f->low[2], f->high[2])));
        unsigned ends = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v0, newline));
        unsigned none = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(m, _mm_setzero_si128()));
        for (unsigned some = ~none & 0xffff; some; some &= some - 1) {
            unsigned at = (unsigned)__builtin_ctz(some);
            if (!may_open(f, p + at))
                continue;
            *newlines += lines + (unsigned)__builtin_popcount(ends & ((1u << at) - 1));
            return i + at;
        }
        lines += (unsigned)__builtin_popcount(ends);
    }
    *newlines += lines;
    return next_scalar(f, s, i, newlines);
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
        make_tables(f);
    }
    return has;
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

size_t prefilter_next(const struct prefilter *f, struct slice s, size_t from, uint64_t *newlines)
{
    if (from >= s.n)
        return s.n;
    switch (f->kind) {
    case PREFILTER_AVX512:
        return next_avx512(f, s, from, newlines);
    case PREFILTER_AVX2:
        return next_avx2(f, s, from, newlines);
    case PREFILTER_SSSE3:
        return next_ssse3(f, s, from, newlines);
    case PREFILTER_SCALAR:
        break;
    }
    return next_scalar(f, s, from, newlines);
}
