/* multipart/form-data (RFC 7578) and its kin (RFC 2046 section 5.1), as lenient as readers are: LF
 * for CRLF, folded headers, no last delimiter. Names and file names are taken from
 * Content-Disposition as written (RFC 2183), file names also as RFC 8187 writes them. A part in a
 * part is text. What is said undoes what some readers do: quoted pairs, encoded words (RFC 2047)
 * and quoted-printable (RFC 2045); base64 is for the decoders of lookups. */
#include "guard/guard_int.h"

enum {
    TEXT,      /* of a part, or before and behind the parts */
    RETURN,    /* behind a CR in it */
    DELIMITER, /* at the beginning of a line: some of it was read */
    MATCHED,   /* all of it */
    DELIMITER_LINE,
    LINE, /* at the beginning of a header's line */
    HEADER,
    SKIPPED, /* a header that says nothing here */
    KEY,     /* of a parameter of Content-Disposition */
    BEGIN,   /* behind its = */
    QUOTED,
    TOKEN,
    TRANSFER, /* the value of Content-Transfer-Encoding */
};

/* --- what is said */

enum {
    LETTERS,
    EQUALS,    /* behind = */
    DIGIT,     /* behind the first one */
    SOFT,      /* behind =CR */
    CHARSET,   /* behind =? */
    ENCODING,  /* behind its ? */
    QUESTION,  /* behind a ?, which may end a word */
    BETWEEN,   /* words: spaces do not count */
    NEXT_WORD, /* behind = there */
};

static bool is_charset(uint8_t c)
{
    return c > ' ' && c < 0x7f && !strchr("?=()<>@,;:\"/[].", c);
}

/* One byte: what it gives is added to out, four bytes at most; false: it is to be taken again. */
static bool take_word(struct multipart_state *m, uint8_t c, uint8_t *out, size_t *n)
{
    uint8_t was = m->word;
    m->word = LETTERS;
    switch (was) {
    case EQUALS:
        m->digit = c;
        m->word = c == '?' ? CHARSET : c == '\r' ? SOFT : hex_value(c) >= 0 ? DIGIT : LETTERS;
        if (m->word != LETTERS || c == '\n')
            return true;
        out[(*n)++] = '=';
        return false;
    case DIGIT:
        if (hex_value(c) >= 0) {
            out[(*n)++] = (uint8_t)((unsigned)hex_value(m->digit) << 4 | (unsigned)hex_value(c));
            return true;
        }
        out[(*n)++] = '=';
        out[(*n)++] = m->digit;
        return false;
    case SOFT:
        return c == '\n';
    case CHARSET:
        m->word = c == '?' ? ENCODING : is_charset(c) ? CHARSET : LETTERS;
        return m->word != LETTERS;
    case ENCODING:
        m->word = c == '?' ? LETTERS : ENCODING;
        return c == '?' || strchr("BbQq", c);
    case QUESTION:
        m->word = c == '=' ? BETWEEN : LETTERS;
        if (c != '=')
            out[(*n)++] = '?';
        return c == '=';
    case BETWEEN:
        m->word = c == '=' ? NEXT_WORD : BETWEEN;
        if (c == '=' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            return true;
        m->word = LETTERS;
        return false;
    case NEXT_WORD:
        m->word = c == '?' ? CHARSET : EQUALS;
        return c == '?';
    default:
        m->word = c == '=' ? EQUALS : c == '?' ? QUESTION : LETTERS;
        if (m->word == LETTERS)
            out[(*n)++] = c;
        return true;
    }
}

static void say(struct guard_stream *st, struct slice s)
{
    uint8_t out[KIB(1)];
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        while (!take_word(&st->as.multipart, s.p[i], out, &n))
            ;
        if (n > sizeof out - 8) {
            guard_stream_piece(st->said, slice_of(out, n));
            n = 0;
        }
    }
    guard_stream_piece(st->said, slice_of(out, n));
}

/* For rules only. */
static void put_unsaid(struct guard_stream *st, uint8_t c, bool to_name)
{
    bool said = st->span.said;
    guard_unsaid(st);
    guard_put_to(st, c, to_name);
    guard_put_all(st, (struct slice){NULL, 0});
    st->span.said = said;
}

/* --- contents */

/* What may have been a delimiter is text. */
static void give_up(struct guard_stream *st)
{
    struct multipart_state *m = &st->as.multipart;
    if (m->line_end == 2)
        guard_put(st, '\r');
    if (m->line_end)
        guard_put(st, '\n');
    guard_put_all(st, slice_of(m->delimiter, m->matched));
    m->line_end = m->matched = 0;
    m->state = TEXT;
}

static void begin_line(struct multipart_state *m, uint8_t line_end)
{
    m->state = DELIMITER;
    m->line_end = line_end;
    m->matched = 0;
}

static size_t take_text(struct guard_stream *st, struct slice s)
{
    struct multipart_state *m = &st->as.multipart;
    size_t n = guard_find2(s, '\r', '\n');
    guard_put_all(st, slice_sub(s, 0, n));
    if (n == s.n)
        return n;
    if (s.p[n] == '\r')
        m->state = RETURN;
    else
        begin_line(m, 1);
    return n + 1;
}

static size_t take_return(struct guard_stream *st, uint8_t c)
{
    if (c == '\n') {
        begin_line(&st->as.multipart, 2);
        return 1;
    }
    guard_put(st, '\r');
    st->as.multipart.state = TEXT;
    return 0;
}

static size_t take_delimiter(struct guard_stream *st, struct slice s)
{
    struct multipart_state *m = &st->as.multipart;
    size_t n = 0, left = (size_t)m->delimiter_n - m->matched;
    left = left < s.n ? left : s.n;
    while (n < left && s.p[n] == m->delimiter[m->matched + n])
        n++;
    m->matched = (uint8_t)(m->matched + n);
    if (m->matched == m->delimiter_n)
        m->state = MATCHED;
    else if (n < left)
        give_up(st);
    return n;
}

/* Another boundary may begin as this one does. */
static size_t take_matched(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t' && c != '-') {
        give_up(st);
        return 0;
    }
    guard_span(st, GUARD_BODY, false, at);
    m->line_end = m->matched = m->dashes = 0;
    m->is_file = m->in_part = m->quoted_printable = false;
    st->name.n = 0;
    m->state = DELIMITER_LINE;
    return 0;
}

static size_t take_delimiter_line(struct multipart_state *m, struct slice s)
{
    size_t n = guard_find(s, '\n');
    for (size_t i = 0; i < n && m->dashes < 2; i++)
        m->dashes = (uint8_t)(m->dashes + (s.p[i] == '-'));
    if (n == s.n)
        return n;
    m->folded = SKIPPED;
    m->state = LINE;
    if (m->dashes == 2)
        begin_line(m, 0);
    return n + 1;
}

/* --- headers */

static size_t take_line(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    m->key_n = 0;
    if (c == '\r')
        return 1;
    if (c == '\n') {
        guard_span(st, m->is_file ? GUARD_FILE : GUARD_FORM, false, at + 1);
        if (!m->quoted_printable)
            guard_unsaid(st);
        m->word = LETTERS;
        begin_line(m, 0);
        return 1;
    }
    m->state = c == ' ' || c == '\t' ? m->folded : HEADER;
    return 0;
}

/* A letter of a name, as long as there is room: no name that matters is longer. */
static void add_key(struct multipart_state *m, uint8_t c)
{
    if (m->key_n < sizeof m->key)
        m->key[m->key_n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool key_is(const struct multipart_state *m, const char *name)
{
    return slice_eq_str(slice_of(m->key, m->key_n), name);
}

static size_t take_header(struct multipart_state *m, struct slice s)
{
    size_t n = guard_find2(s, ':', '\n');
    for (size_t i = 0; i < n && m->key_n < sizeof m->key; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t')
            add_key(m, s.p[i]);
    if (n == s.n)
        return n;
    m->state = LINE;
    if (s.p[n] == ':') {
        m->disposes = key_is(m, "content-disposition");
        m->folded = m->disposes || key_is(m, "content-type") ? KEY
                    : key_is(m, "content-transfer-encoding") ? TRANSFER
                                                             : SKIPPED;
        m->state = m->folded;
        m->key_n = 0;
    }
    return n + 1;
}

static size_t take_skipped(struct multipart_state *m, struct slice s)
{
    size_t n = guard_find(s, '\n');
    if (n == s.n)
        return n;
    m->state = LINE;
    return n + 1;
}

static size_t take_transfer(struct multipart_state *m, uint8_t c)
{
    if (c == '\n')
        m->state = LINE;
    else if (c > ' ')
        add_key(m, c);
    m->quoted_printable |= key_is(m, "quoted-printable");
    return 1;
}

static size_t take_key(struct multipart_state *m, struct slice s)
{
    size_t n = guard_find4(s, '\n', ';', '=', '=');
    for (size_t i = 0; i < n && m->key_n < sizeof m->key; i++)
        if (s.p[i] > ' ')
            add_key(m, s.p[i]);
    if (n == s.n)
        return n;
    if (s.p[n] == '\n')
        m->state = LINE;
    else if (s.p[n] == ';')
        m->key_n = 0;
    else
        m->state = BEGIN;
    return n + 1;
}

static size_t take_begin(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    if (c == ' ' || c == '\t')
        return 1;
    uint64_t from = at + (c == '"');
    m->escaped = m->extended = m->in_part = m->in_charset = false;
    m->quotes = 0;
    m->word = LETTERS;
    if (!m->disposes) {
        m->in_charset = key_is(m, "charset");
        m->key_n = 0;
    } else if (key_is(m, "name")) {
        guard_span(st, GUARD_FORM, true, from);
        st->name.n = 0;
        m->in_part = true;
    } else if (key_is(m, "filename") || key_is(m, "filename*")) {
        guard_span(st, GUARD_FILE, false, from);
        m->extended = m->key_n == strlen("filename*");
        m->is_file = true;
    }
    m->state = c == '"' ? QUOTED : TOKEN;
    return c == '"';
}

static void end_parameter(struct guard_stream *st, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    guard_percent_end(st, m->in_part);
    guard_span(st, GUARD_BODY, false, at);
    struct slice charset = slice_of(m->key, m->key_n);
    if (m->in_charset && (!guard_charset_is_read(charset) || guard_charset_is_wide(charset)))
        guard_limited(st->q, GUARD_LIMIT_CHARSET);
    m->in_part = m->in_charset = false;
    m->key_n = 0;
    m->state = KEY;
}

/* UTF-8'ja'%E3%81%82: what stands before the second quote is the charset and the language. */
static void put_extended(struct guard_stream *st, uint8_t c)
{
    struct multipart_state *m = &st->as.multipart;
    if (m->quotes < 2)
        m->quotes = (uint8_t)(m->quotes + (c == '\''));
    else
        guard_percent_byte(st, c, false);
}

static size_t take_quoted(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    uint8_t c = s.p[0];
    if (!m->extended && !m->escaped && !m->in_charset && c != '"' && c != '\n' && c != '\\') {
        size_t n = guard_find4(s, '"', '\n', '\\', '\\');
        guard_put_all_to(st, slice_sub(s, 0, n), m->in_part);
        return n;
    }
    if (c == '\n' || (c == '"' && !m->escaped)) {
        end_parameter(st, at);
        return c == '"';
    }
    if (m->extended) {
        put_extended(st, c);
    } else if (c == '\\' && !m->escaped) {
        m->escaped = true;
        return 1;
    } else {
        if (m->escaped && c != '"' && c != '\\') /* a path, by a browser that escapes nothing */
            put_unsaid(st, '\\', m->in_part);
        guard_put_to(st, c, m->in_part);
        if (m->in_charset)
            add_key(m, c);
    }
    m->escaped = false;
    return 1;
}

static size_t take_token(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    if (c == ';' || c <= ' ') {
        end_parameter(st, at);
        return 0;
    }
    if (m->extended)
        put_extended(st, c);
    else
        guard_put_to(st, c, m->in_part);
    if (m->in_charset)
        add_key(m, c);
    return 1;
}

static size_t take(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    switch (m->state) {
    case RETURN:
        return take_return(st, s.p[0]);
    case DELIMITER:
        return take_delimiter(st, s);
    case MATCHED:
        return take_matched(st, s.p[0], at);
    case DELIMITER_LINE:
        return take_delimiter_line(m, s);
    case LINE:
        return take_line(st, s.p[0], at);
    case HEADER:
        return take_header(m, s);
    case SKIPPED:
        return take_skipped(m, s);
    case KEY:
        return take_key(m, s);
    case BEGIN:
        return take_begin(st, s.p[0], at);
    case QUOTED:
        return take_quoted(st, s, at);
    case TRANSFER:
        return take_transfer(m, s.p[0]);
    case TOKEN:
        return take_token(st, s.p[0], at);
    default:
        return take_text(st, s);
    }
}

static void parse_multipart(struct guard_stream *st, struct slice s)
{
    for (size_t i = 0; i < s.n;)
        i += take(st, slice_sub(s, i, s.n), st->base + i);
}

static void finish(struct guard_stream *st)
{
    struct multipart_state *m = &st->as.multipart;
    if (m->state == RETURN)
        guard_put(st, '\r');
    else if (m->state == DELIMITER)
        give_up(st);
    else
        guard_percent_end(st, false);
}

bool guard_multipart_prepare(struct guard_stream *st, struct slice boundary)
{
    struct multipart_state *m = &st->as.multipart;
    if (boundary.n == 0 || boundary.n > LIMIT_GUARD_BOUNDARY)
        return false;
    memset(m, 0, offsetof(struct multipart_state, delimiter));
    memcpy(m->delimiter, "--", 2);
    memcpy(m->delimiter + 2, boundary.p, boundary.n);
    m->delimiter_n = (uint8_t)(boundary.n + 2);
    st->parse = parse_multipart;
    st->say = say;
    st->finish = finish;
    guard_span(st, GUARD_BODY, false, 0);
    begin_line(m, 0);
    return true;
}
