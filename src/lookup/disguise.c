/* Refusal of texts in disguise: whether any escape in a text can be a letter of a lookup, or what
 * goes between two, told without decoding it. See evaluate.h and possible.c.
 *
 * A document has escapes by the thousand and decoders in four layers make dozens of texts of it.
 * Each letter that ordinary text seldom has where it would have to stand is looked for first; where
 * all are there, the whole text is read as possible.c reads it, with escapes for any letter that
 * they may give. Who teaches decode.c an escape teaches it to escape_at as well. */
#include "lookup/evaluate.h"
#include "lookup/spelling.h"

#define S(k) (1u << (k))

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
        matters = v == 0 || spelling_reach.letters[v] || spelling_reorder.letters[v] ||
                  packed.letters[v] || goes_behind((uint8_t)v) || goes_before((uint8_t)v) ||
                  is_escape((uint8_t)v);
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
    {&spelling_reach,
     6,
     {{'j', 0, 'n', true}, {'n', 'j', 'd', false}, {'d', 'n', 'i', false}, {'i', 'd', 0, false}}},
    {&spelling_reorder, 14, {{'v', 'e', 'e', false}, {'m', 0, 'e', false}, {'g', 'a', 'e', false}}},
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
