/* Bodies: their content coding (RFC 9110 section 8.4.1, RFC 1950 to 1952) undone, their size
 * bounded. A coded body is also looked at as it is: whoever reads it may not know the coding, and
 * what claims to be coded may not be. */
#include "guard/guard_int.h"

#include <zlib.h>

enum coding { NONE, GZIP, DEFLATE };

/* Readers of JSON and XML tell UTF-16 and UTF-32 by the first four bytes (RFC 4627 section 3, XML
 * appendix F), others by the charset. Escapes and entities in it are found in no other way, so it
 * is made UTF-8 here; the bytes are looked at as well, for who sent them may have lied. */
enum width {
    NARROW,
    NOT_KNOWN,
    BIG_ENDIAN_16,
    LITTLE_ENDIAN_16,
    BIG_ENDIAN_32,
    LITTLE_ENDIAN_32,
};

struct guard_body {
    struct guard_stream text;
    struct guard_stream *packed;   /* NULL: no coding */
    struct guard_stream *bytes_of; /* the wide text as it is; NULL: it is none */
    struct guard_stream *markup;   /* the text as XML; NULL: it does not begin so */
    struct guard_stream
        *shortest;   /* the text without forms longer than needed; NULL: it has none */
    bool leading;    /* nothing but space so far */
    uint8_t form[4]; /* a character of UTF-8 */
    size_t form_n, form_due;
    enum width width, said; /* said: by the charset */
    bool by_mark;           /* and else by a mark only */
    uint8_t unit[4];        /* a character's, or the first bytes */
    size_t unit_n;
    uint32_t high; /* a high surrogate that waits */
    enum coding coding;
    bool begun, ended, broken; /* of the inflating */
    uint8_t head[5];           /* of a deflate body, by which its format is told */
    size_t head_n;
    z_stream z;
    uint64_t bytes, inflated, consumed;
};

static void *z_alloc(void *q, unsigned items, unsigned size)
{
    return guard_alloc(q, (size_t)items * size);
}

static void z_free(void *q, void *p)
{
    (void)q, (void)p; /* goes with the request */
}

/* One coding at most; false: more of them, or one that is not known. */
static bool coding_of(struct slice header, enum coding *ret)
{
    struct slice one;
    *ret = NONE;
    while (slice_next_field(&header, ',', &one)) {
        one = slice_trim(one);
        if (one.n == 0 || guard_same(one, "identity"))
            continue;
        if (*ret != NONE)
            return false;
        if (guard_same(one, "gzip") || guard_same(one, "x-gzip"))
            *ret = GZIP;
        else if (guard_same(one, "deflate"))
            *ret = DEFLATE;
        else
            return false;
    }
    return true;
}

/* --- UTF-16 and UTF-32 */

static enum width width_32(struct slice s)
{
    static const uint8_t zeros[3];
    if (s.n < 4)
        return NARROW;
    if (memcmp(s.p, zeros, 3) == 0 || memcmp(s.p, "\0\0\xfe\xff", 4) == 0)
        return BIG_ENDIAN_32;
    return memcmp(s.p + 1, zeros, 3) == 0 || memcmp(s.p, "\xff\xfe\0\0", 4) == 0 ? LITTLE_ENDIAN_32
                                                                                 : NARROW;
}

static enum width width_of(struct slice s)
{
    enum width wide = width_32(s);
    if (wide != NARROW || s.n < 4)
        return wide;
    if (memcmp(s.p, "\xfe\xff", 2) == 0 || (s.p[0] == 0 && s.p[1]))
        return BIG_ENDIAN_16;
    return memcmp(s.p, "\xff\xfe", 2) == 0 || (s.p[0] && s.p[1] == 0) ? LITTLE_ENDIAN_16 : NARROW;
}

/* A mark of byte order, which readers of any text may go by. */
static enum width width_marked(struct slice s)
{
    static const struct {
        const char *mark;
        size_t n;
        enum width width;
    } marks[] = {{"\0\0\xfe\xff", 4, BIG_ENDIAN_32},
                 {"\xff\xfe\0\0", 4, LITTLE_ENDIAN_32},
                 {"\xfe\xff", 2, BIG_ENDIAN_16},
                 {"\xff\xfe", 2, LITTLE_ENDIAN_16}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (slice_starts(s, slice_of(marks[i].mark, marks[i].n)))
            return marks[i].width;
    return NARROW;
}

static enum width width_said(struct slice charset)
{
    bool little = charset.n > 2 && (charset.p[charset.n - 2] | 0x20) == 'l';
    if (guard_charset_is_wide(charset))
        return little ? LITTLE_ENDIAN_32 : BIG_ENDIAN_32;
    if (guard_charset_is_utf16(charset))
        return little ? LITTLE_ENDIAN_16 : BIG_ENDIAN_16;
    return NARROW;
}

/* A surrogate without its other half is nothing. */
static size_t narrow(struct guard_body *b, uint8_t out[4])
{
    const uint8_t *u = b->unit;
    size_t n = b->unit_n;
    bool big = b->width == BIG_ENDIAN_16 || b->width == BIG_ENDIAN_32;
    uint32_t cp = 0, high = b->high;
    for (size_t i = 0; i < n; i++)
        cp = cp << 8 | u[big ? i : n - 1 - i];
    b->unit_n = 0;
    b->high = n == 2 && cp >= 0xd800 && cp < 0xdc00 ? cp : 0;
    if (high && cp >= 0xdc00 && cp < 0xe000)
        cp = 0x10000 + ((high - 0xd800) << 10) + (cp - 0xdc00);
    else if (n == 2 && cp >= 0xd800 && cp < 0xe000)
        return 0;
    return guard_encode(cp, out);
}

static struct guard_stream *plain_stream(struct guard_request *q)
{
    struct guard_stream *st = guard_alloc(q, sizeof *st);
    if (!st)
        return NULL;
    guard_stream_begin(st, q, GUARD_BODY);
    st->matches = false; /* rules look at what it says */
    guard_text_prepare(st, false);
    return st;
}

/* --- UTF-8 in forms longer than needed, as some readers of JSON and XML take it */

/* How much of the text holds no C0, C1, E0 or F0, with which every one begins; less than 32 bytes
 * at its end are not looked at. */
__attribute__((target("avx2"))) static size_t skip_short_forms(struct slice s)
{
    size_t i = 0;
    for (; s.n - i >= 32; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(s.p + i));
        __m256i two = _mm256_cmpeq_epi8(_mm256_and_si256(v, _mm256_set1_epi8((char)0xfe)),
                                        _mm256_set1_epi8((char)0xc0));
        __m256i more = _mm256_cmpeq_epi8(_mm256_and_si256(v, _mm256_set1_epi8((char)0xef)),
                                         _mm256_set1_epi8((char)0xe0));
        if (_mm256_movemask_epi8(_mm256_or_si256(two, more)))
            break;
    }
    return i;
}

/* The first byte of one, or what may be one and is cut; s.n: there is none. C0 and C1 begin no
 * other form. */
static size_t long_form(const struct guard *g, struct slice s)
{
    size_t i = 0;
    bool wide = g->filter.kind >= PREFILTER_AVX2;
    for (; s.n - i > 16; i += 16) {
        i += wide ? skip_short_forms(slice_sub(s, i, s.n)) : 0;
        if (s.n - i <= 16)
            break;
        __m128i v = guard_load(s.p + i), next = guard_load(s.p + i + 1);
        if (_mm_movemask_epi8(v) == 0)
            continue;
        __m128i two = guard_is(_mm_and_si128(v, _mm_set1_epi8((char)0xfe)), 0xc0);
        __m128i three = _mm_and_si128(
            guard_is(v, 0xe0), guard_is(_mm_and_si128(next, _mm_set1_epi8((char)0xe0)), 0x80));
        __m128i four = _mm_and_si128(
            guard_is(v, 0xf0), guard_is(_mm_and_si128(next, _mm_set1_epi8((char)0xf0)), 0x80));
        int some = _mm_movemask_epi8(_mm_or_si128(two, _mm_or_si128(three, four)));
        if (some)
            return i + (unsigned)__builtin_ctz((unsigned)some);
    }
    for (; i < s.n; i++) {
        uint8_t c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0x80;
        if ((c & 0xfe) == 0xc0 || (c == 0xe0 && (next & 0xe0) == 0x80) ||
            (c == 0xf0 && (next & 0xf0) == 0x80))
            break;
    }
    return i;
}

static size_t put_form(struct guard_body *b, uint8_t *out)
{
    size_t n = b->form_n;
    memcpy(out, b->form, n);
    b->form_n = 0;
    return n;
}

static size_t shorten(struct guard_body *b, uint8_t c, uint8_t out[8])
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (b->form_n && (c & 0xc0) == 0x80) {
        b->form[b->form_n++] = c;
        if (b->form_n < b->form_due)
            return 0;
        uint32_t cp = b->form[0] & (0x7fu >> b->form_due);
        for (size_t i = 1; i < b->form_due; i++)
            cp = cp << 6 | (b->form[i] & 0x3f);
        if (cp >= least[b->form_due])
            return put_form(b, out);
        b->form_n = 0;
        return guard_encode(cp, out);
    }
    size_t n = put_form(b, out);
    if (c < 0xc0 || c >= 0xf8) {
        out[n++] = c;
        return n;
    }
    b->form[b->form_n++] = c;
    b->form_due = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n;
}

static void shorten_piece(struct guard_body *b, struct slice s)
{
    uint8_t out[KIB(1)];
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += shorten(b, s.p[i], out + n);
        if (n > sizeof out - 8) {
            guard_stream_piece(b->shortest, slice_of(out, n));
            n = 0;
        }
    }
    guard_stream_piece(b->shortest, slice_of(out, n));
}

/* Begins with what the text would look back at. */
static void begin_shortest(struct guard_body *b)
{
    const struct guard_stream *st = &b->text;
    const struct guard_window *w = st->window;
    b->shortest = plain_stream(st->q);
    if (!b->shortest)
        return;
    guard_stream_piece(b->shortest,
                       w && w->active ? slice_of(w->p, w->n) : slice_of(st->before, st->before_n));
    guard_stream_piece(b->shortest, slice_of(st->hold, st->held));
}

/* --- XML that does not say so: who parses a body need not look at its type */

static size_t leading_space(struct slice s)
{
    size_t n = 0; /* a byte order mark is as good */
    while (n < s.n && (s.p[n] <= ' ' || (s.p[n] && strchr("\xef\xbb\xbf", s.p[n]))))
        n++;
    return n;
}

static void begin_markup(struct guard_body *b, struct slice s)
{
    size_t n = leading_space(s);
    b->leading = n == s.n;
    if (b->leading || s.p[n] != '<')
        return;
    struct guard_stream *st = guard_alloc(b->text.q, sizeof *st);
    struct guard_stream *said = st ? plain_stream(b->text.q) : NULL;
    if (!said)
        return;
    guard_stream_begin(st, b->text.q, GUARD_BODY);
    st->matches = false;
    st->seen = true;
    st->said = said;
    guard_xml_prepare(st);
    b->markup = st;
}

static void text_add(struct guard_body *b, struct slice s)
{
    if (b->leading)
        begin_markup(b, s);
    if (b->markup)
        guard_stream_piece(b->markup, s);
    if (b->text.q->body_is_utf8 && !b->shortest && long_form(b->text.q->guard, s) < s.n)
        begin_shortest(b);
    if (b->shortest)
        shorten_piece(b, s);
    guard_stream_piece(&b->text, s);
}

static void narrow_piece(struct guard_body *b, struct slice s)
{
    uint8_t out[KIB(1)];
    size_t n = 0, unit = b->width == BIG_ENDIAN_16 || b->width == LITTLE_ENDIAN_16 ? 2 : 4;
    guard_stream_piece(b->bytes_of, s);
    for (size_t i = 0; i < s.n; i++) {
        b->unit[b->unit_n++] = s.p[i];
        if (b->unit_n == unit)
            n += narrow(b, out + n);
        if (n > sizeof out - 4) {
            text_add(b, slice_of(out, n));
            n = 0;
        }
    }
    text_add(b, slice_of(out, n));
}

static void known_piece(struct guard_body *b, struct slice s)
{
    if (b->width == NARROW)
        text_add(b, s);
    else
        narrow_piece(b, s);
}

/* The first four bytes, which are taken off the text; false: not yet. */
static bool know_width(struct guard_body *b, struct slice *s)
{
    uint8_t first[4];
    size_t n = 4 - b->unit_n < s->n ? 4 - b->unit_n : s->n;
    if (n)
        memcpy(b->unit + b->unit_n, s->p, n);
    b->unit_n += n;
    *s = slice_sub(*s, n, s->n);
    if (b->unit_n < 4)
        return false;
    memcpy(first, b->unit, 4);
    b->unit_n = 0;
    b->width = b->by_mark ? width_marked(slice_of(first, 4)) : width_of(slice_of(first, 4));
    if (b->width == NARROW)
        b->width = b->said;
    if (b->width != NARROW && !(b->bytes_of = plain_stream(b->text.q)))
        b->width = NARROW;
    if (memcmp(first, "\x4c\x6f\xa7\x94", 4) == 0) /* <?xm in EBCDIC */
        guard_limited(b->text.q, GUARD_LIMIT_CHARSET);
    known_piece(b, slice_of(first, 4));
    return true;
}

/* Text whose coding is undone. */
static void text_piece(struct guard_body *b, struct slice s)
{
    if (b->width != NOT_KNOWN || know_width(b, &s))
        known_piece(b, s);
}

static void text_end(struct guard_body *b)
{
    if (b->width == NOT_KNOWN)
        text_add(b, slice_of(b->unit, b->unit_n));
    guard_stream_end(&b->text);
    if (b->text.said)
        guard_stream_end(b->text.said);
    if (b->markup) {
        guard_stream_end(b->markup);
        guard_stream_end(b->markup->said);
    }
    if (b->shortest) {
        guard_stream_piece(b->shortest, slice_of(b->form, b->form_n));
        guard_stream_end(b->shortest);
    }
    if (b->bytes_of)
        guard_stream_end(b->bytes_of);
}

/* --- beginning */

static enum status make_body(struct guard_request *q)
{
    enum coding coding = (enum coding)q->body_coding;
    struct guard_body *b = guard_alloc(q, sizeof *b);
    struct guard_stream *packed = NULL;
    if (b && coding != NONE)
        packed = plain_stream(q);
    if (!b || (coding != NONE && !packed))
        return ST_NOMEM;
    b->packed = packed;
    b->coding = coding;
    b->begun = b->ended = b->broken = false;
    b->bytes_of = b->markup = b->shortest = NULL;
    b->leading = false;
    b->width = NOT_KNOWN;
    b->said = NARROW;
    b->unit_n = b->high = 0;
    b->form_n = b->head_n = 0;
    b->bytes = b->inflated = b->consumed = 0;
    q->body = b;
    return OK;
}

enum status guard_body_begin(struct guard_request *q, struct slice content_type,
                             struct slice content_encoding)
{
    enum coding coding;
    q->body = NULL;
    q->body_type = content_type;
    q->body_coding = NONE;
    q->body_is_undone = q->body_is_utf8 = false;
    q->in_body = !q->over;
    if (q->over)
        return OK;
    if (coding_of(content_encoding, &coding))
        q->body_coding = (uint8_t)coding;
    else
        guard_limited(q, GUARD_LIMIT_ENCODING);
    struct guard_type t = guard_type_parse(content_type);
    bool fields = guard_type_is_form(t.type) || guard_type_is_multipart(t.type);
    if (!guard_charset_is_read(t.charset) || (fields && guard_charset_is_wide(t.charset)))
        guard_limited(q, GUARD_LIMIT_CHARSET);
    if (t.unclear)
        guard_limited(q, GUARD_LIMIT_ENCODING);
    bool utf8 = t.charset.n == 0 || guard_same(t.charset, "utf-8") || guard_same(t.charset, "utf8");
    q->body_is_utf8 = utf8 && (guard_type_is_json(t.type) || guard_type_is_xml(t.type));
    q->body_is_undone = width_said(t.charset) != NARROW || guard_type_is_xml(t.type) ||
                        guard_type_is_multipart(t.type) || guard_type_is_grpc(t.type);
    return OK;
}

/* What a clean body in one piece never needs. */
static bool body_begun(struct guard_request *q)
{
    struct guard_type t = guard_type_parse(q->body_type);
    if (make_body(q) != OK) {
        q->in_body = false;
        return false;
    }
    guard_stream_begin(&q->body->text, q, GUARD_BODY);
    if (guard_type_is_xml(t.type) || guard_type_is_multipart(t.type))
        q->body->text.said = plain_stream(q);
    guard_type_prepare(&q->body->text, &t);
    q->body->leading = !q->body->text.said;
    if (!guard_type_is_form(t.type) && !guard_type_is_multipart(t.type))
        q->body->said = width_said(t.charset);
    q->body->by_mark =
        q->body->said == NARROW && !guard_type_is_json(t.type) && !guard_type_is_xml(t.type);
    return true;
}

/* As much of the piece as the limit leaves. */
static struct slice within_limit(struct guard_request *q, uint64_t *bytes, struct slice piece)
{
    uint64_t limit = q->options->body_limit;
    if (limit && piece.n > limit - *bytes) {
        piece = slice_sub(piece, 0, (size_t)(limit - *bytes));
        guard_limited(q, GUARD_LIMIT_BODY);
    }
    *bytes += piece.n;
    return piece;
}

static void broken(struct guard_request *q)
{
    q->body->broken = true;
    guard_limited(q, GUARD_LIMIT_ENCODING);
}

static bool inflate_begin(struct guard_request *q, int window)
{
    struct guard_body *b = q->body;
    b->z = (z_stream){.zalloc = z_alloc, .zfree = z_free, .opaque = q};
    b->begun = inflateInit2(&b->z, window) == Z_OK;
    b->broken = !b->begun;
    if (!b->begun)
        guard_limited(q, GUARD_LIMIT_MEMORY);
    return b->begun;
}

/* More than this is not written by hand: a bomb. */
static bool is_bomb(const struct guard_body *b)
{
    return b->inflated > MIB(1) && b->inflated / LIMIT_GUARD_RATIO > b->consumed;
}

static void inflated(struct guard_request *q, struct slice out)
{
    struct guard_body *b = q->body;
    struct slice some = within_limit(q, &b->inflated, out);
    text_piece(b, some);
    if (is_bomb(b)) {
        guard_limited(q, GUARD_LIMIT_RATIO);
        b->broken = true;
    }
    b->broken |= some.n < out.n; /* the limit, which was told */
}

static void inflate_some(struct guard_request *q, struct slice s)
{
    struct guard_body *b = q->body;
    uint8_t out[KIB(16)];
    b->z.next_in = (z_const Bytef *)(uintptr_t)s.p;
    b->z.avail_in = (uInt)s.n;
    while (!b->broken && !q->over) {
        if (b->ended) { /* another member may follow (RFC 1952 section 2.2) */
            if (b->z.avail_in == 0)
                return;
            b->ended = false;
            if (b->coding != GZIP || inflateReset(&b->z) != Z_OK) {
                broken(q);
                return;
            }
        }
        b->z.next_out = out;
        b->z.avail_out = sizeof out;
        size_t had = b->z.avail_in;
        int rc = inflate(&b->z, Z_NO_FLUSH);
        b->consumed += had - b->z.avail_in;
        if (b->z.avail_out < sizeof out)
            inflated(q, slice_of(out, sizeof out - b->z.avail_out));
        b->ended = rc == Z_STREAM_END;
        if (rc == Z_BUF_ERROR || (rc == Z_OK && b->z.avail_in == 0 && b->z.avail_out))
            return; /* more is to come */
        if (rc != Z_OK && rc != Z_STREAM_END && !b->broken)
            broken(q);
    }
}

/* RFC 1950, or without its header, as some send it. */
static int deflate_window(const uint8_t head[2])
{
    bool zlib = (head[0] & 15) == 8 && (head[0] << 8 | head[1]) % 31 == 0;
    return zlib ? 15 : -15;
}

/* A head that is one of RFC 1950 and a stored block as well may say two things, and who reads one
 * of them does not see the other. */
static void unpack_head(struct guard_request *q)
{
    struct guard_body *b = q->body;
    const uint8_t *h = b->head;
    int window = deflate_window(h);
    if (window > 0 && b->head_n == sizeof b->head && (h[1] ^ h[3]) == 0xff && (h[2] ^ h[4]) == 0xff)
        guard_limited(q, GUARD_LIMIT_ENCODING);
    if (inflate_begin(q, window))
        inflate_some(q, slice_of(h, b->head_n));
}

static void unpack(struct guard_request *q, struct slice piece)
{
    struct guard_body *b = q->body;
    if (b->coding == GZIP && !b->begun && !inflate_begin(q, 15 + 16))
        return;
    while (!b->begun && piece.n) {
        b->head[b->head_n++] = piece.p[0];
        piece = slice_sub(piece, 1, piece.n);
        if (b->head_n == sizeof b->head)
            unpack_head(q);
        if (b->broken)
            return;
    }
    while (piece.n && !b->broken && !q->over) { /* zlib counts in 32 bits */
        struct slice some = slice_sub(piece, 0, MIB(64));
        inflate_some(q, some);
        piece = slice_sub(piece, some.n, piece.n);
    }
}

void guard_body_piece(struct guard_request *q, struct slice piece)
{
    q->body_bytes += piece.n;
    if (!q->in_body || q->over || piece.n == 0 || (!q->body && !body_begun(q)))
        return;
    struct guard_body *b = q->body;
    piece = within_limit(q, &b->bytes, piece);
    if (!b->packed) {
        text_piece(b, piece);
        return;
    }
    guard_stream_piece(b->packed, piece);
    if (!b->broken && !q->over)
        unpack(q, piece);
}

void guard_body_end(struct guard_request *q)
{
    struct guard_body *b = q->body;
    q->in_body = false;
    if (!b)
        return;
    if (b->coding == DEFLATE && !b->begun && !b->broken && b->head_n > 1 && !q->over)
        unpack_head(q);
    q->body = NULL;
    if (b->packed && b->bytes && !b->ended && !b->broken && !q->over)
        guard_limited(q, GUARD_LIMIT_ENCODING); /* cut */
    text_end(b);
    if (b->packed)
        guard_stream_end(b->packed);
}

bool guard_body_clean(const struct guard_request *q, struct slice whole)
{
    return guard_body_clean_pieces(q, &whole, 1);
}

/* A first piece too short to tell UTF-32 by is left to the stream. */
bool guard_body_clean_pieces(const struct guard_request *q, const struct slice *pieces, size_t n)
{
    uint64_t limit = q->options->body_limit, total = 0;
    if (q->over)
        return true;
    if (q->body_coding != NONE) /* the bytes say nothing of what they hold */
        return false;
    if (q->body_is_undone || guard_wants(q, ~GUARD_HEAD_PARTS) || (n > 1 && pieces[0].n < 4) ||
        (n > 0 && width_of(pieces[0]) != NARROW))
        return false;
    size_t leading = 0;
    for (size_t i = 0; i < n; i++) {
        if (leading == total) {
            size_t more = leading_space(pieces[i]);
            leading += more;
            if (more < pieces[i].n && pieces[i].p[more] == '<')
                return false;
        }
        if (q->body_is_utf8 && long_form(q->guard, pieces[i]) < pieces[i].n)
            return false;
        total += pieces[i].n;
    }
    if (limit && total > limit)
        return false;
    return n == 1 ? guard_text_clean(q->guard, pieces[0])
                  : guard_text_clean_pieces(q->guard, pieces, n);
}
