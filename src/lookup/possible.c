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
#include "base/utf8.h"
#include "lookup/evaluate.h"

#include "lookup/signs.h"

#include <emmintrin.h>

#define S(k) (1u << (k))

/* A word to be spelled, letter by letter. Sets of letters are bits by place. */
struct spelling {
    unsigned count;
    uint16_t letters[256]; /* what a byte may be */
    uint16_t loose;        /* anything may stand between these and the letter before */
    uint16_t head;         /* the same, but what is taken away must end directly before them */
    uint16_t colon;        /* ${sys:path.separator} is one: what stands before it says nothing */
};

/* i may come from U+0131 (C4 B1) or U+0130 (C4 B0): their first bytes stand for them. */
static const struct spelling reach = {.count = 7,
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
static const struct spelling reorder = {.count = 14,
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

/* ${base64: is told, though no lookup of that name was ever released. */
static const struct spelling packed = {.count = 8,
                                       .letters = {['$'] = S(0),
                                                   ['{'] = S(1),
                                                   ['b'] = S(2),
                                                   ['B'] = S(2),
                                                   ['a'] = S(3),
                                                   ['A'] = S(3),
                                                   ['s'] = S(4),
                                                   ['S'] = S(4),
                                                   ['e'] = S(5),
                                                   ['E'] = S(5),
                                                   ['6'] = S(6),
                                                   ['4'] = S(7)},
                                       .loose = S(1)};

/* Behind a letter; and the second bytes of i. */
static inline bool goes_behind(uint8_t c)
{
    return c == '}' || c == '$' || c == '\'' || c == 0xb0 || c == 0xb1;
}

/* Before a letter. */
static inline bool goes_before(uint8_t c)
{
    return c == '}' || c == '-' || c == ':' || c == '\'';
}

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
    p.if_closed = last_spelling(slice_sub(s, 0, colon), &reach);
    if (bracket > colon)
        p.as_is = p.if_closed;
    else if (bracket)
        p.as_is = last_spelling(slice_sub(s, 0, bracket - 1), &reach);
    return p;
}

struct eval_possible evaluate_possible(struct slice text, unsigned signs)
{
    struct eval_possible p = {0, 0};
    if (signs & SIGN_J && signs & SIGN_COLON)
        p = last_reach(text);
    if (signs & SIGN_G && signs & SIGN_COLON && p.as_is < text.n && has_letter(text, 'm', 'e')) {
        size_t from = last_spelling(text, &reorder);
        p.as_is = p.as_is > from ? p.as_is : from;
        p.if_closed = p.if_closed > from ? p.if_closed : from;
    }
    return p;
}

/* --- in disguise */

static bool is_escape(uint8_t c)
{
    return c == '%' || c == '\\' || c == '&';
}

static bool is_ux(uint8_t c)
{
    return (c | 0x20) == 'u' || (c | 0x20) == 'x';
}

static uint8_t at_or_nul(struct slice s, size_t i)
{
    return i < s.n ? s.p[i] : 0;
}

/* What an escape gives: nothing, for it is none; a character; or what cannot be told, for its
 * digits are escapes themselves. */
enum { NO_ESCAPE = -1, ANY_ESCAPE = -2 };

#define FAR 16 /* bytes of an escape that are looked at: of a longer one nothing is told */

static bool may_be_escape(struct slice s, size_t at, unsigned layers);

/* Digits from i on, exactly `n` of them; with 0 as many as there are, and a ; behind them. */
static int32_t number_at(struct slice s, size_t i, unsigned base, size_t n)
{
    uint32_t v = 0;
    size_t k = 0;
    for (; k < (n ? n : FAR); k++) {
        int d = i + k < s.n ? hex_value(s.p[i + k]) : -1;
        if (d < 0 || (unsigned)d >= base || v > 0x10ffff)
            break;
        v = v * base + (unsigned)d;
    }
    uint8_t next = at_or_nul(s, i + k);
    if (n ? k == n : k > 0 && next == ';')
        return (int32_t)v;
    return next == 0 || is_escape(next) || next == '\n' || next == '\r' || n == 0 ? ANY_ESCAPE
                                                                                  : NO_ESCAPE;
}

static int32_t percent_at(struct slice s, size_t at, unsigned layers)
{
    uint8_t next = at_or_nul(s, at + 1);
    if (next == 0)
        return ANY_ESCAPE;
    if (is_escape(next))
        return may_be_escape(s, at + 1, layers) ? ANY_ESCAPE : NO_ESCAPE;
    return (next | 0x20) == 'u' ? number_at(s, at + 2, 16, 4) : number_at(s, at + 1, 16, 2);
}

/* Of a run of backslashes the last one decides. */
static int32_t backslash_at(struct slice s, size_t at)
{
    size_t i = at;
    while (i < s.n && s.p[i] == '\\' && i - at < FAR)
        i++;
    if (i - at == FAR)
        return ANY_ESCAPE;
    uint8_t c = at_or_nul(s, i);
    if (c == 'u' || c == 'x' || c == 'X')
        return at_or_nul(s, i + 1) == '{' || is_ux(at_or_nul(s, i + 1))
                   ? ANY_ESCAPE
                   : number_at(s, i + 1, 16, c == 'u' ? 4 : 2);
    if (c == 0 || c == 'U' || is_escape(c))
        return ANY_ESCAPE;
    uint8_t next = at_or_nul(s, i + 1);
    if (c >= '0' && c <= '7')
        return next == 0 || is_escape(next) || (next >= '0' && next <= '7') ? ANY_ESCAPE
                                                                            : NO_ESCAPE;
    size_t run = i - at;
    if (c == '\n' || c == '\r') /* a line's end goes with one, and what follows may be another's */
        return run > 2 ? ANY_ESCAPE : 0;
    if (c == 'n' || c == 'r')
        return run > 2 && run % 2 ? 0 : '\n';
    return strchr("tbf", c) ? '\n' : c;
}

/* Whether the text goes on with the word, or with an escape in it. */
static bool may_go_on(struct slice s, const char *word)
{
    size_t i = 0;
    while (word[i] && i < s.n && s.p[i] == (uint8_t)word[i])
        i++;
    return word[i] == '\0' || at_or_nul(s, i) == 0 || is_escape(s.p[i]);
}

/* The names of decode.c that give what matters. */
static int32_t entity_at(struct slice s, size_t at, unsigned layers)
{
    static const struct {
        const char *name;
        int32_t value;
    } names[] = {{"amp", '&'},    {"AMP", '&'},    {"bsol", '\\'},    {"percnt", '%'},
                 {"apos", '\''},  {"colon", ':'},  {"dollar", '$'},   {"dash", '-'},
                 {"hyphen", '-'}, {"Idot", 0x130}, {"inodot", 0x131}, {"imath", 0x131},
                 {"lbrace", '{'}, {"lcub", '{'},   {"rbrace", '}'},   {"rcub", '}'}};
    struct slice rest = slice_sub(s, at + 1, s.n);
    uint8_t c = at_or_nul(rest, 0);
    if (c == '#') {
        bool hex = (at_or_nul(rest, 1) | 0x20) == 'x';
        return number_at(rest, 1 + hex, hex ? 16 : 10, 0);
    }
    if (slice_starts(rest, SLICE_LIT("amp;"))) /* text is full of it */
        return layers && entity_at(s, at + 4, layers - 1) == NO_ESCAPE &&
                       !is_escape(at_or_nul(rest, 4))
                   ? NO_ESCAPE
                   : ANY_ESCAPE;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (may_go_on(rest, names[i].name))
            return i < 2 ? ANY_ESCAPE : names[i].value;
    return NO_ESCAPE;
}

static int32_t escape_at(struct slice s, size_t at, unsigned layers)
{
    return s.p[at] == '%'    ? percent_at(s, at, layers)
           : s.p[at] == '\\' ? backslash_at(s, at)
                             : entity_at(s, at, layers);
}

#define LAYERS 4 /* looked at of escapes in escapes; more of them may be anything */

static bool may_be_escape(struct slice s, size_t at, unsigned layers)
{
    return layers == 0 || escape_at(s, at, layers - 1) != NO_ESCAPE;
}

enum matter { NOTHING, BLANK, MATTERS };

/* A letter of a spelling, or what goes between; UTF-16 has NULs. */
static enum matter escape_gives(struct slice s, size_t at)
{
    int32_t v = escape_at(s, at, LAYERS);
    bool matters = false;
    if (v < 0)
        matters = v == ANY_ESCAPE;
    else if (v >= 0x80)
        matters = v < 0x100 ? (v >= 0xc3 && v <= 0xc5) || v == 0xdf || v == 0xe1
                            : v == 0x130 || v == 0x131 || v == 0x17f || v == 0x1e9e;
    else
        matters = v == 0 || reach.letters[v] || reorder.letters[v] || packed.letters[v] ||
                  goes_behind((uint8_t)v) || goes_before((uint8_t)v) || is_escape((uint8_t)v);
    return matters ? MATTERS : v == ' ' || v == '\t' || v == '+' ? BLANK : NOTHING;
}

/* What a byte may be for is_spelled; 0: it ends whatever stands behind it. */
enum { ON = 1, BEHIND = 2, BEFORE = 4, HEAD = 8, ESCAPE = 16, NUL = 32, JOIN = 64 };
#define ALPHA(c) [c] = ON, [(c)-32] = ON
static const uint8_t uses[256] = {[0] = NUL,
                                  [' '] = HEAD,
                                  ['\t'] = HEAD,
                                  ['+'] = HEAD,
                                  ['\n'] = JOIN,
                                  ['\r'] = JOIN,
                                  ['$'] = BEHIND,
                                  ['\''] = BEHIND | BEFORE,
                                  [0xb0] = BEHIND,
                                  [0xb1] = BEHIND,
                                  ['-'] = BEFORE,
                                  [':'] = BEFORE,
                                  ['{'] = ON | HEAD,
                                  ['#'] = ON,
                                  [';'] = ON,
                                  ['}'] = ON | BEHIND | BEFORE,
                                  ['%'] = ON | ESCAPE,
                                  ['&'] = ON | ESCAPE,
                                  ['\\'] = ON | ESCAPE,
                                  ['0'] = ON,
                                  ['1'] = ON,
                                  ['2'] = ON,
                                  ['3'] = ON,
                                  ['4'] = ON,
                                  ['5'] = ON,
                                  ['6'] = ON,
                                  ['7'] = ON,
                                  ['8'] = ON,
                                  ['9'] = ON,
                                  ALPHA('a'),
                                  ALPHA('b'),
                                  ALPHA('c'),
                                  ALPHA('d'),
                                  ALPHA('e'),
                                  ALPHA('f'),
                                  ALPHA('g'),
                                  ALPHA('h'),
                                  ALPHA('i'),
                                  ALPHA('j'),
                                  ALPHA('k'),
                                  ALPHA('l'),
                                  ALPHA('m'),
                                  ALPHA('n'),
                                  ALPHA('o'),
                                  ALPHA('p'),
                                  ALPHA('q'),
                                  ALPHA('r'),
                                  ALPHA('s'),
                                  ALPHA('t'),
                                  ALPHA('u'),
                                  ALPHA('v'),
                                  ALPHA('w'),
                                  ALPHA('x'),
                                  ALPHA('y'),
                                  ALPHA('z')};

/* Whether the bytes before `at` may belong to an escape that gives as much. */
static bool behind_escape(struct slice s, size_t at, enum matter least)
{
    for (size_t i = at; i-- > 0 && uses[s.p[i]] & (ON | JOIN | NUL);)
        if (at - i > FAR || (is_escape(s.p[i]) && escape_gives(s, i) >= least))
            return true;
    return false;
}

/* A line's end goes behind a backslash. */
static unsigned use_of(struct slice s, size_t at)
{
    unsigned use = uses[s.p[at]];
    if (use == JOIN)
        return behind_escape(s, at, MATTERS) ? ON | BEHIND | BEFORE | HEAD : 0;
    return use;
}

/* As last_spelling, of texts in which any letter, and what goes between, may be an escape that
 * matters: what follows one belongs to it as long as it can (names with _). NULs are those of
 * UTF-16. */
static bool is_spelled(struct slice s, const struct spelling *sp, unsigned count)
{
    uint32_t want = S(count - 1), here = 0, near = 0, within = 0, brace = 0, dollar = 0;
    uint32_t near_ = 0, brace_ = 0, dollar_ = 0; /* with what may be an escape's behind them */
    uint32_t loose = sp->loose | sp->head;
    for (size_t i = s.n; i-- > 0;) {
        uint8_t c = s.p[i];
        unsigned use = uses[c];
        if (use == NUL)
            continue;
        if (!(here | near | near_ | brace | brace_ | dollar | dollar_) &&
            !(sp->letters[c] & want) && !(use & ESCAPE) && c != '{' && c != ':')
            continue;
        use = use == JOIN ? use_of(s, i) : use;
        enum matter gives = use & ESCAPE ? escape_gives(s, i) : NOTHING;
        uint32_t on = use & ON ? ~0u : 0;
        near_ = (near_ | near | here) & on;
        brace_ = (brace_ | brace) & on;
        dollar_ = (dollar_ | dollar) & on;
        want |= (here & (sp->loose | (use & (HEAD | BEFORE) ? sp->head : 0u))) >> 1;
        within |= here & ~loose & (use & BEFORE ? ~0u : sp->colon);
        if (gives != NOTHING)
            want |= (near_ & loose) >> 1;
        if (gives == MATTERS) {
            within |= near_ & ~loose;
            here = want | ((near | near_) & ~loose) >> 1 | (dollar | dollar_) >> 1;
            near |= (near_ & ~loose) | within;
            dollar |= brace | brace_;
            brace |= within;
        } else {
            here = sp->letters[c] & (want | (near & ~loose) >> 1 | dollar >> 1);
            if (use & BEHIND) {
                dollar |= c == '$' ? brace : 0;
            } else {
                near = c == ':' ? within : 0; /* a default */
                brace = dollar = 0;
            }
            if (c == '{')
                brace = within;
        }
        if (here & 1)
            return true;
        near |= here & ~loose;
    }
    return false;
}

/* Letters of a spelling that ordinary text seldom has where they would have to stand: each is
 * looked for behind the one before. 0 beside one: none. */
struct rare {
    uint8_t letter, before, behind;
    bool blank; /* may stand before it */
};

/* What the letter at `at` needs beside it. */
static bool stands_well(struct slice s, size_t at, const struct rare *r)
{
    uint8_t behind = at_or_nul(s, at + 1), before = at ? s.p[at - 1] : 0;
    if ((behind | 0x20) != (r->behind | 0x20) && r->behind && !goes_behind(behind) &&
        behind != ':' && behind != 0 && behind != '\n' && behind != '\r' &&
        !(is_escape(behind) && escape_gives(s, at + 1) == MATTERS))
        return false;
    return (r->before && (before | 0x20) == (r->before | 0x20)) || goes_before(before) ||
           before == '{' || before == 0 || before == '\n' || before == '\r' ||
           (r->blank && (before == ' ' || before == '\t' || before == '+')) ||
           behind_escape(s, at, r->blank ? BLANK : MATTERS);
}

/* An escape that may be the letter, or another escape. */
static bool may_be(struct slice s, size_t at, uint8_t letter)
{
    int32_t v = escape_at(s, at, LAYERS);
    return v == ANY_ESCAPE || v == letter || v == (letter & ~0x20) ||
           (letter == 'i' && (v == 0xc4 || v == 0x130 || v == 0x131)) ||
           (v >= 0 && v < 0x80 && is_escape((uint8_t)v));
}

static const struct disguise {
    const struct spelling *spelling;
    unsigned count;
    struct rare rare[4]; /* ends with a zeroed one, or at its end */
} disguises[] = {
    {&reach,
     6,
     {{'j', 0, 'n', true}, {'n', 'j', 'd', false}, {'d', 'n', 'i', false}, {'i', 'd', 0, false}}},
    {&reorder, 14, {{'v', 'e', 'e', false}, {'m', 0, 'e', false}, {'g', 'a', 'e', false}}},
    {&packed, 8, {{'s', 'a', 'e', false}, {'6', 'e', '4', false}, {'4', '6', 0, false}}},
};
enum { DISGUISES = ARRAY_LEN(disguises), RARE = ARRAY_LEN(disguises[0].rare) };

/* A bit for each letter, of all disguises one behind the other; and all of them for escapes. */
#define BOTH(c, bit) [c] = (bit), [(c)-32] = (bit)
static const uint16_t rare_bits[256] = {
    BOTH('j', 1),  BOTH('n', 2),   BOTH('d', 4),   BOTH('i', 8),   [0xc4] = 8,
    BOTH('v', 16), BOTH('m', 32),  BOTH('g', 64),  BOTH('s', 256), ['6'] = 512,
    ['4'] = 1024,  ['%'] = 0xffff, ['&'] = 0xffff, ['\\'] = 0xffff};

/* Whether the letter that is due stands there. */
static bool is_rare(struct slice s, size_t at, const struct rare *r)
{
    return is_escape(s.p[at]) ? may_be(s, at, r->letter) : stands_well(s, at, r);
}

bool evaluate_disguised(struct slice text)
{
    unsigned found[DISGUISES] = {0}, due = 1 | 16 | 256;
    for (size_t i = 0; i < text.n && due; i++) {
        unsigned bits = rare_bits[text.p[i]] & due;
        for (size_t k = 0; bits; k++, bits >>= RARE) {
            if (!(bits & 15) || !is_rare(text, i, &disguises[k].rare[found[k]]))
                continue;
            unsigned bit = 1u << (k * RARE + found[k]);
            bool last = ++found[k] == RARE || disguises[k].rare[found[k]].letter == 0;
            due = (due & ~bit) | (last ? 0 : bit << 1);
            if (last && is_spelled(text, disguises[k].spelling, disguises[k].count))
                return true;
        }
    }
    return false;
}
