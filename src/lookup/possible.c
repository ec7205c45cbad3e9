/* Refusal: texts that cannot reach, told without evaluating them. See evaluate.h.
 *
 * What a name is made of stands in the text in order, and what stands between two of its letters is
 * gone when they meet. Evaluation takes away only whole variables but for their value, the dollar
 * of an escape, and quotes of a date. So the byte behind a letter, if it is not the next letter,
 * ends a variable, begins one, begins a default that is not taken (${lower:j:-x}), or is a quote;
 * and the byte before a letter ends what is taken away: a variable, :- or :\-, the prefix of lower:
 * and its like, or a quote. Behind } and quotes the same holds again, behind ${ and the colon of a
 * default anything may stand.
 *
 * Ordinary text fails this at once, where letters in order are in any page. */
#include "lookup/evaluate.h"

#include "lookup/signs.h"
#include "lookup/spelling.h"

#include <emmintrin.h>

#define S(k) (1u << (k))

/* i may come from U+0131 (C4 B1) or U+0130 (C4 B0): their first bytes stand for them. */
const struct spelling spelling_reach = {.count = 7,
                                        .letters = {['$'] = S(0),
                                                    ['{'] = S(1),
                                                    ['j'] = S(2),
                                                    ['J'] = S(2),
                                                    ['n'] = S(3),
                                                    ['N'] = S(3),
                                                    ['d'] = S(4),
                                                    ['D'] = S(4),
                                                    ['i'] = S(5),
                                                    ['I'] = S(5),
                                                    [0xc4] = S(5),
                                                    [':'] = S(6)},
                                        .loose = S(1),
                                        .head = S(2),
                                        .colon = S(6)};
/* event:Message with one s, for one letter may give both (U+00DF, U+1E9E) or the one (U+017F). */
const struct spelling spelling_reorder = {.count = 14,
                                          .letters = {['$'] = S(0),
                                                      ['{'] = S(1),
                                                      ['e'] = S(2) | S(4) | S(9) | S(13),
                                                      ['E'] = S(2) | S(4) | S(9) | S(13),
                                                      ['v'] = S(3),
                                                      ['V'] = S(3),
                                                      ['n'] = S(5),
                                                      ['N'] = S(5),
                                                      ['t'] = S(6),
                                                      ['T'] = S(6),
                                                      [':'] = S(7),
                                                      ['m'] = S(8),
                                                      ['M'] = S(8),
                                                      ['s'] = S(10),
                                                      ['S'] = S(10),
                                                      [0xc3] = S(10),
                                                      [0xc5] = S(10),
                                                      [0xe1] = S(10),
                                                      ['a'] = S(11),
                                                      ['A'] = S(11),
                                                      ['g'] = S(12),
                                                      ['G'] = S(12)},
                                          .loose = S(1) | S(11),
                                          .head = S(2) | S(8),
                                          .colon = S(7)};

/* The last place from which the letters follow, and one more; 0: none. Backwards, so that the
 * answer for one text is that for every later start within it. */
static size_t last_spelling(struct slice s, const struct spelling *sp)
{
    uint32_t want = S(sp->count - 1); /* letters that may stand here whatever stands behind */
    uint32_t here = 0;                /* the letters that stand at the byte behind */
    uint32_t near = 0;                /* letters behind, and what goes between */
    uint32_t within = 0;              /* letters behind, which variables may stand before */
    uint32_t brace = 0, dollar = 0;   /* the same, and here such a variable begins */
    uint32_t loose = sp->loose | sp->head;
    for (size_t i = s.n; i-- > 0;) {
        uint8_t c = s.p[i];
        if (!(here | near | brace | dollar | (sp->letters[c] & want)) && c != '{' && c != ':')
            continue; /* most bytes change nothing */
        if (here) {
            bool before = goes_before(c);
            want |= (here & (sp->loose | (before || c == '{' ? sp->head : 0u))) >> 1;
            within |= here & ~loose & (before ? ~0u : sp->colon);
        }
        here = sp->letters[c] & (want | (near | dollar) >> 1);
        if (here & 1)
            return i + 1;
        if (goes_behind(c)) {
            dollar |= c == '$' ? brace : 0;
        } else {
            near = c == ':' ? within : 0; /* a default */
            brace = dollar = 0;
        }
        if (c == '{')
            brace = within;
        near |= here & ~loose;
    }
    return 0;
}

static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline __m128i is(__m128i v, unsigned c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}

/* Whether one of the 16 letters at p is `letter`, small or not, and stands as it must. */
static inline bool has_letter_at(const uint8_t *p, uint8_t letter, uint8_t next)
{
    const __m128i small = _mm_set1_epi8(0x20);
    __m128i found = is(_mm_or_si128(load(p), small), letter);
    if (_mm_movemask_epi8(found) == 0)
        return false;
    __m128i v = load(p - 1);
    __m128i before = _mm_or_si128(_mm_or_si128(is(v, '}'), is(v, '-')),
                                  _mm_or_si128(is(v, ':'), _mm_or_si128(is(v, '\''), is(v, '{'))));
    v = load(p + 1);
    __m128i behind = _mm_or_si128(_mm_or_si128(is(v, '}'), is(v, '$')),
                                  _mm_or_si128(is(v, '\''), is(_mm_or_si128(v, small), next)));
    behind = _mm_or_si128(behind, is(v, ':'));
    behind = _mm_or_si128(behind, _mm_or_si128(is(v, 0xb0), is(v, 0xb1)));
    return _mm_movemask_epi8(_mm_and_si128(found, _mm_and_si128(before, behind)));
}

/* Whether the letter stands anywhere as it must, before one of `next`. */
static bool has_letter(struct slice s, uint8_t letter, uint8_t next)
{
    enum { SEEN = 18 }; /* by one look, those beside them among them */
    size_t i = 1;
    for (; i < s.n && s.n - i >= SEEN - 1; i += SEEN - 2)
        if (has_letter_at(s.p + i, letter, next))
            return true;
    if (s.n >= SEEN)
        return i + 1 < s.n && has_letter_at(s.p + s.n - SEEN + 1, letter, next);
    for (; i + 1 < s.n; i++) {
        uint8_t before = s.p[i - 1], c = s.p[i + 1];
        if ((s.p[i] | 0x20) == letter && ((c | 0x20) == next || c == ':' || goes_behind(c)) &&
            (goes_before(before) || before == '{'))
            return true;
    }
    return false;
}

/* Behind the last colon nothing can matter but a bracket, and whether there is one says how much of
 * the text counts as it is. */
static struct eval_possible last_reach(struct slice s)
{
    struct eval_possible p = {0, 0};
    size_t colon = slice_behind_last(s, ':'), bracket = slice_behind_last(s, '}');
    if (!colon || !has_letter(s, 'j', 'n'))
        return p;
    p.if_closed = last_spelling(slice_sub(s, 0, colon), &spelling_reach);
    if (bracket > colon)
        p.as_is = p.if_closed;
    else if (bracket)
        p.as_is = last_spelling(slice_sub(s, 0, bracket - 1), &spelling_reach);
    return p;
}

struct eval_possible evaluate_possible(struct slice text, unsigned signs)
{
    struct eval_possible p = {0, 0};
    if (signs & SIGN_J && signs & SIGN_COLON)
        p = last_reach(text);
    if (signs & SIGN_G && signs & SIGN_COLON && p.as_is < text.n && has_letter(text, 'm', 'e')) {
        size_t from = last_spelling(text, &spelling_reorder);
        p.as_is = p.as_is > from ? p.as_is : from;
        p.if_closed = p.if_closed > from ? p.if_closed : from;
    }
    return p;
}
