/* What the files of the inspection share; nobody else includes it.
 *
 * A text (the query, a header's value, a body) is a stream. It is cut into cells of GUARD_CELL
 * bytes at fixed places, whatever the pieces it came in, and each cell is looked at once, with
 * GUARD_AHEAD bytes behind it in view: so any cut gives what no cut gives. A cell with a place
 * where a lookup could begin (scan.c) opens a window, which takes in the cell before it and what
 * follows, and is examined when it is full or the text ends (judge.c). Behind the scan goes the
 * parser of the text's type, which says whose value each byte is.
 */
#ifndef HIKESHI_GUARD_INT_H
#define HIKESHI_GUARD_INT_H

#include "base/limits.h"
#include "guard/inspect.h"
#include "hunt/prefilter.h"

#include <immintrin.h>

/* A spelling of ${ through four layers is shorter than what is ahead; both together are what
 * opener_in_piece takes. */
#define GUARD_AHEAD 512
#define GUARD_CELL (OPENER_PIECE - GUARD_AHEAD)
#define GUARD_WINDOW_CELLS (LIMIT_HUNT_LINE / GUARD_CELL)
#define GUARD_WINDOW ((size_t)GUARD_WINDOW_CELLS * GUARD_CELL)

/* --- credit of clients (credit.c)
 *
 * Examining costs steps and work (lookup/examine.h), some nanoseconds each. Each client has a
 * credit of its own, so that who sends nothing but hostile requests spends his own only: it grows
 * with time and with the bytes that are examined. What new clients begin with comes out of a grant
 * that they share, for addresses are cheap: as they spend it, so those who send ordinary requests
 * leave it to others. Whatever is left, a request has a credit that examines payloads
 * of ordinary length exactly (99.9 % of the collected ones in every coding): else a client could
 * send until nothing is left, and then what he came for, past a guard that fails open. Beyond it
 * the least that each byte gets holds, and what exceeds that is the limit "budget". */
#define GUARD_CREDIT_MOST 16777216u /* 16 ms or so */
#define GUARD_CREDIT_NEW 4194304u   /* 4 ms: documents of a MiB full of ${ and escapes */
#define GUARD_CREDIT_PER_MS 2048u   /* of a client: 0.2 to 0.4 % of a core */
#define GUARD_CREDIT_REQUEST 32768u /* some 30 us: as much as a server takes for a request */
#define GUARD_GRANT_MOST 67108864u  /* 16 new clients at once that spend all of theirs */
#define GUARD_GRANT_PER_MS 65536u   /* and 15 a second: 6 to 12 % of a core */

struct guard_credit {
    uint64_t client; /* 0: free */
    uint64_t left, seen_ms;
    uint64_t granted; /* of what is left: the grant's, as long as it lasts */
};

struct guard {
    struct prefilter filter;
    struct examiner *examiner;
    struct guard_scratch *scratch; /* made when rules first ask for one */
    struct guard_credit credits[LIMIT_GUARD_CREDITS];
    uint64_t seed, grant, grant_ms;
    uint64_t (*now_ms)(void); /* tests put theirs */
    struct buf masked, allowed;
    uint8_t piece[2][OPENER_ROOM];
};

/* The account of a client, brought up to date. */
struct guard_credit *guard_credit_of(struct guard *g, uint64_t client);
void guard_credit_spend(struct guard *g, struct guard_credit *c, uint64_t units);

/* --- places where a lookup may begin (scan.c) */

#define GUARD_PLACES 64     /* of a cell, all of them; behind them one in */
#define GUARD_PLACE_STEP 32 /* so many bytes */
struct guard_places {
    size_t n;
    uint16_t at[GUARD_PLACES + GUARD_CELL / GUARD_PLACE_STEP + 2];
};

/* The places from `from` up to before `to`, of which text shows OPENER_PIECE bytes at most. `ends`:
 * nothing follows it. */
void guard_scan(struct guard *g, struct slice text, size_t from, size_t to, bool ends,
                struct guard_places *ret);
/* Whether a whole text has no such place. */
bool guard_text_clean(struct guard *g, struct slice text);
bool guard_text_clean_pieces(struct guard *g, const struct slice *pieces, size_t n);

/* --- what is found (judge.c) */

struct guard_mark { /* a field with a place where a lookup may begin */
    uint64_t from, to, last_place;
    enum guard_part part;
    bool in_name, excluded;
    uint16_t name_n;
    uint8_t name[LIMIT_GUARD_FIELD_NAME];
};

struct guard_window {
    struct guard_window *next; /* of those that a request keeps for use again */
    uint64_t start;            /* its place in the text */
    size_t n, cap;
    uint8_t *p;
    uint32_t opened;    /* cells with a place, a bit each */
    bool active, fresh; /* fresh: not examined since it grew */
    size_t mark_count;
    bool marks_lost;                                /* there were more */
    struct guard_mark marks[LIMIT_GUARD_MARKS + 1]; /* and one for the field that is not ended */
};

void guard_judge(struct guard_request *q, const struct guard_window *w);
/* What was not examined, and why: a later one is told rather than an earlier one, whichever was met
 * first, for that depends on the pieces. */
enum guard_limit {
    GUARD_LIMIT_BODY,     /* "body-limit" */
    GUARD_LIMIT_CHARSET,  /* "charset": its letters are not where ASCII has them */
    GUARD_LIMIT_ENCODING, /* "encoding": not known, more than one, or broken */
    GUARD_LIMIT_RATIO,    /* "ratio": a bomb */
    GUARD_LIMIT_MEMORY,   /* "memory" */
    GUARD_LIMIT_BUDGET,   /* "budget": of examining */
};
/* A finding, unless there is a worse one. */
void guard_limited(struct guard_request *q, enum guard_limit why);
/* A rule's match. */
void guard_matched(struct guard_request *q, const char *rule, const struct guard_field *f);
bool guard_excluded(const struct guard_request *q, const struct guard_field *f);
void *guard_alloc(struct guard_request *q, size_t n); /* NULL: and the finding says so */

/* --- streams (stream.c) */

struct guard_name {
    uint16_t n;
    uint8_t p[LIMIT_GUARD_FIELD_NAME];
};

struct form_state {
    uint8_t separator;
    bool percent; /* escapes and + are decoded */
    bool in_value;
};

struct grpc_state {
    uint8_t head_n, head[5]; /* of a message */
    uint32_t left;           /* of it */
};

struct json_state {
    uint8_t state;
    bool expects_key, is_key;
    uint8_t digits;
    uint16_t unit, high; /* of \uXXXX; a high surrogate that waits */
    uint16_t depth;
    uint64_t deeper; /* containers beyond LIMIT_GUARD_DEPTH */
    struct {
        uint64_t index;
        uint16_t name_n;
        bool is_array;
    } stack[LIMIT_GUARD_DEPTH];
};

struct xml_state {
    uint8_t state, quote;
    uint16_t matched; /* of what a comment, a section or an entity must say */
    uint8_t entity_n;
    char entity[12];
    uint16_t depth, brackets;
    bool closes; /* the tag ends its element */
    uint8_t declaration_n;
    uint64_t deeper;
    uint16_t stack[LIMIT_GUARD_DEPTH]; /* length of the path of each */
    uint8_t declaration[120];          /* an instruction, or how it begins */
};

/* The name of a character set so far; a longer one is none that is read. */
struct guard_charset {
    uint8_t n;
    uint8_t p[31];
};

/* Of what is said: MAIL_WORDS, and quoted-printable, which words are made of. */
enum mail_coding { MAIL_WORDS, MAIL_PLAIN, MAIL_BASE64 };
struct mail_state {
    uint8_t coding, word, digit;
    bool base64; /* the word */
    bool unread; /* its charset was none that is read */
    uint8_t digits;
    uint32_t bits;
    struct guard_charset charset;
};

struct multipart_state {
    uint8_t state, folded; /* folded: the state that a line goes on in that begins with a space */
    bool is_file, in_part, escaped, extended;
    bool quoted_printable, base64; /* the part */
    bool type_lost;                /* it is longer than type */
    uint8_t section, sections_of;  /* what may come next of which parameter in sections */
    uint8_t line_end;              /* bytes of a line end that may belong to the delimiter */
    uint8_t dashes, quotes, key_n, delimiter_n;
    uint8_t matched;   /* bytes of the delimiter */
    uint8_t type_n;    /* of the part's Content-Type */
    uint8_t nested;    /* multiparts that it is in */
    bool inside;       /* the part's content goes to inner */
    uint8_t type[250]; /* as written */
    struct mail_state mail;
    struct guard_charset charset;                /* of an extended parameter */
    struct guard_stream *inner;                  /* reads parts that are XML or have parts */
    char key[32];                                /* the header's or parameter's name so far */
    uint8_t delimiter[LIMIT_GUARD_BOUNDARY + 2]; /* with its -- */
};

#define GUARD_NO_PLACE UINT64_MAX

struct guard_stream {
    struct guard_request *q;
    void (*parse)(struct guard_stream *st, struct slice s); /* from st->base on */
    void (*finish)(struct guard_stream *st);                /* what it waited with; NULL: nothing */
    enum guard_part part;                                   /* of the text or of its fields */
    bool matches;                                           /* rules look into its fields */
    bool opens_next; /* a place at the first byte of the next cell */
    /* What readers make of the fields, where that is not in the bytes; NULL: it is, as far as the
     * decoders of lookups go. By say, or as it was decoded. */
    struct guard_stream *said;
    void (*say)(struct guard_stream *st, struct slice decoded);
    uint64_t base; /* where the next cell begins */
    bool says;     /* said, and no field is excluded */
    bool seen;     /* another stream looks at the same bytes: only what is said counts */
    /* A field that begins before here only has to be noted: no rule looks into any, and there is no
     * place in the one that goes on. 0: never. */
    uint64_t quiet_until;
    struct guard_window *window;
    struct { /* the field that the next byte belongs to */
        enum guard_part part;
        bool in_name, matching, said;
        uint64_t from, last_place;
        struct guard_field field; /* as the matcher was given it */
    } span;
    struct { /* an escape that is not whole: digits is 1 behind the %, 2 behind the first digit */
        uint8_t digits, value, raw;
    } percent;
    size_t next_place;
    const uint8_t *before; /* the cell before, in the piece or in kept */
    size_t before_n, held, out_n;
    /* what follows is written before it is read */
    struct guard_name name;
    struct guard_places places;
    union {
        struct form_state form;
        struct grpc_state grpc;
        struct json_state json;
        struct xml_state xml;
        struct multipart_state multipart;
    } as;
    uint8_t out[256]; /* decoded bytes on their way to the matcher */
    uint8_t kept[GUARD_CELL], hold[OPENER_PIECE];
};

/* The parser is set by what prepares the stream for a type: one of those below. */
void guard_stream_begin(struct guard_stream *st, struct guard_request *q, enum guard_part part);
void guard_stream_piece(struct guard_stream *st, struct slice piece);
void guard_stream_end(struct guard_stream *st);

/* --- what parsers call */

void guard_span_loud(struct guard_stream *st, enum guard_part part, bool in_name, uint64_t at);
/* From the byte at `at` on another field: of st->name where its kind has a name. */
static inline void guard_span(struct guard_stream *st, enum guard_part part, bool in_name,
                              uint64_t at)
{
    if (at >= st->quiet_until || st->out_n) {
        guard_span_loud(st, part, in_name, at);
        return;
    }
    st->span.said = st->says && part != GUARD_BODY;
    st->span.part = part;
    st->span.in_name = in_name;
    st->span.from = at;
}
/* Somebody wants what stands in the field. */
static inline bool guard_decodes(const struct guard_stream *st)
{
    return st->span.matching || st->span.said;
}
/* Decoded bytes, to whoever wants them. */
void guard_match(struct guard_stream *st, struct slice decoded);
static inline void guard_put_all(struct guard_stream *st, struct slice decoded)
{
    if (guard_decodes(st))
        guard_match(st, decoded);
}
/* The field goes on, but not what is said: nobody reads it as part of a text. */
static inline void guard_unsaid(struct guard_stream *st)
{
    if (st->out_n)
        guard_match(st, (struct slice){NULL, 0});
    st->span.said = false;
}
static inline void guard_put(struct guard_stream *st, uint8_t c)
{
    if (guard_decodes(st)) {
        if (st->out_n == sizeof st->out)
            guard_match(st, (struct slice){NULL, 0});
        st->out[st->out_n++] = c;
    }
}
static inline void guard_name_add(struct guard_stream *st, uint8_t c)
{
    if (st->name.n < sizeof st->name.p)
        st->name.p[st->name.n++] = c;
}
static inline void guard_name_add_all(struct guard_stream *st, struct slice s)
{
    size_t room = sizeof st->name.p - st->name.n, n = s.n < room ? s.n : room;
    if (n)
        memcpy(st->name.p + st->name.n, s.p, n);
    st->name.n = (uint16_t)(st->name.n + n);
}
static inline void guard_name_cut(struct guard_stream *st, size_t n)
{
    if (n < st->name.n)
        st->name.n = (uint16_t)n;
}
void guard_name_set(struct guard_stream *st, struct slice name);
static inline __m128i guard_is(__m128i v, uint8_t c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}
static inline __m128i guard_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
/* A bit for each of 16 bytes that is one of these. */
static inline unsigned guard_some4(__m128i v, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    __m128i is = _mm_or_si128(_mm_or_si128(guard_is(v, a), guard_is(v, b)),
                              _mm_or_si128(guard_is(v, c), guard_is(v, d)));
    return (unsigned)_mm_movemask_epi8(is);
}
/* The first byte that is one of these, or s.n. Fields are short: memchr would take longer to call.
 */
static inline size_t guard_find4(struct slice s, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    size_t i = 0;
    for (; s.n - i >= 16; i += 16) {
        unsigned some = guard_some4(guard_load(s.p + i), a, b, c, d);
        if (some)
            return i + (unsigned)__builtin_ctz(some);
    }
    while (i < s.n && s.p[i] != a && s.p[i] != b && s.p[i] != c && s.p[i] != d)
        i++;
    return i;
}
/* The same, and what stands before it goes to the name. */
static inline size_t guard_name_until4(struct guard_stream *st, struct slice s, uint8_t a,
                                       uint8_t b, uint8_t c, uint8_t d)
{
    size_t i = 0;
    for (; s.n - i >= 16 && sizeof st->name.p - st->name.n >= 16; i += 16) {
        __m128i v = guard_load(s.p + i);
        unsigned some = guard_some4(v, a, b, c, d);
        size_t n = some ? (unsigned)__builtin_ctz(some) : 16;
        _mm_storeu_si128((__m128i *)(void *)(st->name.p + st->name.n), v);
        st->name.n = (uint16_t)(st->name.n + n);
        if (some)
            return i + n;
    }
    struct slice rest = slice_sub(s, i, s.n);
    size_t n = guard_find4(rest, a, b, c, d);
    guard_name_add_all(st, slice_sub(rest, 0, n));
    return i + n;
}
static inline size_t guard_find2(struct slice s, uint8_t a, uint8_t b)
{
    return guard_find4(s, a, b, b, b);
}
static inline size_t guard_find(struct slice s, uint8_t c)
{
    size_t near = s.n < 32 ? s.n : 32, n = guard_find4(slice_of(s.p, near), c, c, c, c);
    return n < near || near == s.n ? n : near + slice_index(slice_sub(s, near, s.n), c);
}
/* A byte that is decoded already: to the matcher, and to the name if it is of one. */
static inline void guard_put_to(struct guard_stream *st, uint8_t c, bool to_name)
{
    if (to_name)
        guard_name_add(st, c);
    guard_put(st, c);
}
static inline void guard_put_all_to(struct guard_stream *st, struct slice decoded, bool to_name)
{
    if (to_name)
        guard_name_add_all(st, decoded);
    guard_put_all(st, decoded);
}
/* A byte of percent-encoded text, and its end: an escape that is none stays as it is. */
void guard_percent_byte(struct guard_stream *st, uint8_t c, bool to_name);
void guard_percent_give_up(struct guard_stream *st, bool to_name);
static inline void guard_percent_end(struct guard_stream *st, bool to_name)
{
    if (st->percent.digits)
        guard_percent_give_up(st, to_name);
}
/* In UTF-8; what is no character becomes U+FFFD. */
size_t guard_encode(uint32_t cp, uint8_t out[4]);
void guard_put_point(struct guard_stream *st, uint32_t cp, bool to_name);

/* --- encodings of mail (mail.c) */

void guard_mail_begin(struct mail_state *m, enum mail_coding coding);
/* Appends what the byte gives, four bytes at most, to the n that are in out. */
void guard_mail_byte(struct mail_state *m, uint8_t c, uint8_t *out, size_t *n);
void guard_charset_add(struct guard_charset *s, uint8_t c);
/* Whether a text of mail in it is read; the next one may begin. */
bool guard_charset_ends(struct guard_charset *s);

/* --- parsers: each prepares the stream that was begun, whose name is set if its part has one */

void guard_text_prepare(struct guard_stream *st, bool in_name);
void guard_percent_prepare(struct guard_stream *st); /* one value, percent-encoded */
void guard_form_prepare(struct guard_stream *st);    /* a=b&c=d */
void guard_cookie_prepare(struct guard_stream *st);  /* a=b; c=d */
void guard_grpc_prepare(struct guard_stream *st);
void guard_json_prepare(struct guard_stream *st);
void guard_xml_prepare(struct guard_stream *st);
/* False: the boundary cannot be one, and nothing was prepared. */
bool guard_multipart_prepare(struct guard_stream *st, struct slice boundary);

/* --- heads and bodies */

#define GUARD_HEAD_PARTS                                                           \
    (1u << GUARD_METHOD | 1u << GUARD_URI | 1u << GUARD_ARG | 1u << GUARD_HEADER | \
     1u << GUARD_COOKIE)
/* Whether rules look into any of these parts, a bit each. */
static inline bool guard_wants(const struct guard_request *q, uint32_t parts)
{
    return (q->scope.parts & parts) != 0;
}

/* Whether it is this word, whose letters may be of either case. */
static inline bool guard_same(struct slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

/* A type and its parameters (RFC 9110 section 8.3.1); slices of the header. */
struct guard_type {
    struct slice type, boundary, charset;
    bool unclear; /* readers differ in which type or boundary it is */
};
struct guard_type guard_type_parse(struct slice content_type);
/* Prepares the stream for a body of this type. */
void guard_type_prepare(struct guard_stream *st, const struct guard_type *t);
bool guard_type_is_grpc(struct slice type);
bool guard_type_is_json(struct slice type);
bool guard_type_is_xml(struct slice type);
bool guard_type_is_form(struct slice type);
bool guard_type_is_multipart(struct slice type);
bool guard_charset_is_wide(struct slice charset); /* UTF-32 */
bool guard_charset_is_utf16(struct slice charset);
/* Whether its bytes are ASCII where they mean ASCII, or such that decoders of lookups read them. */
bool guard_charset_is_read(struct slice charset);

#endif
