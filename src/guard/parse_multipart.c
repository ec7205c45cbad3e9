/* multipart/form-data (RFC 7578) and its kin (RFC 2046 section 5.1), as lenient as readers are: LF
 * for CRLF, folded headers, no last delimiter. Names and file names are taken from
 * Content-Disposition as written (RFC 2183), also as RFC 8187 and RFC 2231 write them. What is said
 * undoes what some readers do: quoted pairs, and the encodings of mail (mail.c). */
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
    TYPE,     /* of Content-Type */
};

/* --- what is said */

/* To whoever reads the part, or a text of their own for names and other contents. */
static void say_some(struct guard_stream *st, struct slice s)
{
    const struct multipart_state *m = &st->as.multipart;
    guard_stream_piece(m->inside ? m->inner : st->said, s);
}

static void say(struct guard_stream *st, struct slice s)
{
    struct mail_state *mail = &st->as.multipart.mail;
    uint8_t out[KIB(1)];
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        guard_mail_byte(mail, s.p[i], out, &n);
        if (n > sizeof out - 8) {
            say_some(st, slice_of(out, n));
            n = 0;
        }
    }
    say_some(st, slice_of(out, n));
    if (mail->unread)
        guard_limited(st->q, GUARD_LIMIT_CHARSET);
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

static void end_inner(struct guard_stream *st)
{
    struct multipart_state *m = &st->as.multipart;
    if (m->inside)
        guard_stream_end(m->inner);
    m->inside = false;
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
    end_inner(st);
    m->line_end = m->matched = m->dashes = 0;
    m->is_file = m->in_part = m->quoted_printable = m->base64 = m->type_lost = false;
    m->type_n = m->section = 0;
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

/* XML in a part, as SOAP with attachments has it, and parts in a part are read as they would be by
 * themselves. */
static bool begin_inner(struct guard_stream *st, const struct guard_type *t)
{
    struct multipart_state *m = &st->as.multipart;
    bool nests = guard_type_is_multipart(t->type);
    if (!nests && !guard_type_is_xml(t->type))
        return false;
    if (nests && m->nested == LIMIT_GUARD_NESTED) {
        guard_limited(st->q, GUARD_LIMIT_ENCODING);
        return false;
    }
    if (!m->inner && !(m->inner = guard_alloc(st->q, sizeof *m->inner)))
        return false;
    guard_stream_begin(m->inner, st->q, GUARD_BODY);
    m->inner->matches = false; /* rules look at the part */
    m->inner->said = st->said;
    m->inner->seen = !m->quoted_printable && !m->base64;
    guard_type_prepare(m->inner, t);
    if (nests)
        m->inner->as.multipart.nested = (uint8_t)(m->nested + 1);
    return true;
}

/* Behind the headers. What stands there as it will be read needs no saying. */
static void begin_content(struct guard_stream *st, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    struct guard_type t = guard_type_parse(slice_of(m->type, m->type_n));
    if (!guard_charset_is_read(t.charset) || guard_charset_is_wide(t.charset))
        guard_limited(st->q, GUARD_LIMIT_CHARSET);
    if (t.unclear || m->type_lost || (m->quoted_printable && m->base64))
        guard_limited(st->q, GUARD_LIMIT_ENCODING);
    guard_span(st, m->is_file ? GUARD_FILE : GUARD_FORM, false, at);
    m->inside = begin_inner(st, &t);
    if (!m->inside && !m->quoted_printable && !m->base64)
        guard_unsaid(st);
    guard_mail_begin(&m->mail, m->base64             ? MAIL_BASE64
                               : m->quoted_printable ? MAIL_WORDS
                                                     : MAIL_PLAIN);
    begin_line(m, 0);
}

static size_t take_line(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    m->key_n = 0;
    if (c == '\r')
        return 1;
    if (c == '\n') {
        begin_content(st, at + 1);
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

static void add_type(struct multipart_state *m, uint8_t c)
{
    if (m->type_n < sizeof m->type)
        m->type[m->type_n++] = c;
    else
        m->type_lost = true;
}

static size_t take_type(struct multipart_state *m, uint8_t c)
{
    if (c == '\n')
        m->state = LINE;
    else if (c != '\r')
        add_type(m, c);
    return 1;
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
        m->folded = key_is(m, "content-disposition")         ? KEY
                    : key_is(m, "content-type")              ? TYPE
                    : key_is(m, "content-transfer-encoding") ? TRANSFER
                                                             : SKIPPED;
        m->state = m->folded;
        if (m->state == TYPE && m->type_n) /* of two of them either may count */
            add_type(m, ',');
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
    m->base64 |= key_is(m, "base64");
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

/* What the name of a parameter says: name or filename, in one text or in sections (RFC 2231 section
 * 3), extended or not. */
struct parameter {
    enum { OTHER, NAME, FILE_NAME } of;
    bool in_sections, extended;
    unsigned section;
};

static struct parameter parameter_of(const struct multipart_state *m)
{
    struct parameter r = {0};
    struct slice key = slice_of(m->key, m->key_n), number;
    size_t star = slice_index(key, '*');
    struct slice word = slice_sub(key, 0, star);
    r.of = slice_eq_str(word, "name") ? NAME : slice_eq_str(word, "filename") ? FILE_NAME : OTHER;
    number = slice_sub(key, star + 1, key.n);
    r.extended = star < key.n && (number.n == 0 || number.p[number.n - 1] == '*');
    number.n -= number.n && r.extended;
    r.in_sections = number.n > 0;
    for (size_t i = 0; i < number.n; i++) {
        unsigned d = (unsigned)(number.p[i] - '0');
        r.section = d < 10 && r.section < 100 ? r.section * 10 + d : 1000;
    }
    return r;
}

/* Sections are read one behind the other. Some readers put them in order, some take them as they
 * come: where that is not the same, only they know what is said. */
static bool goes_on(struct guard_stream *st, const struct parameter *r)
{
    struct multipart_state *m = &st->as.multipart;
    unsigned due = r->in_sections && m->sections_of == r->of ? m->section : 0;
    bool whole = r->section == due;
    m->sections_of = (uint8_t)r->of;
    m->section = (uint8_t)(r->in_sections && whole ? due + 1 : 0);
    if (!whole)
        guard_limited(st->q, GUARD_LIMIT_ENCODING);
    return r->section > 0;
}

static size_t take_begin(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    if (c == ' ' || c == '\t')
        return 1;
    uint64_t from = at + (c == '"');
    struct parameter r = parameter_of(m);
    bool more = r.of != OTHER && goes_on(st, &r);
    m->escaped = false;
    m->in_part = r.of == NAME;
    m->extended = r.of != OTHER && r.extended;
    m->quotes = more ? 2 : 0; /* the charset stands in the first section */
    m->charset.n = 0;
    if (r.of != OTHER)
        guard_span(st, m->in_part ? GUARD_FORM : GUARD_FILE, m->in_part, from);
    if (m->in_part && !more)
        st->name.n = 0;
    m->is_file |= r.of == FILE_NAME;
    if (!more)
        guard_mail_begin(&m->mail, MAIL_WORDS);
    m->state = c == '"' ? QUOTED : TOKEN;
    return c == '"';
}

static void end_parameter(struct guard_stream *st, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    guard_percent_end(st, m->in_part);
    guard_span(st, GUARD_BODY, false, at);
    m->in_part = false;
    m->key_n = 0;
    m->state = KEY;
}

/* UTF-8'ja'%E3%81%82: what stands before the second quote is the charset and the language. */
static void put_extended(struct guard_stream *st, uint8_t c)
{
    struct multipart_state *m = &st->as.multipart;
    if (m->quotes == 2) {
        guard_percent_byte(st, c, m->in_part);
        return;
    }
    m->quotes = (uint8_t)(m->quotes + (c == '\''));
    if (m->quotes == 0)
        guard_charset_add(&m->charset, c);
    else if (m->quotes == 1 && c == '\'' && !guard_charset_ends(&m->charset))
        guard_limited(st->q, GUARD_LIMIT_CHARSET);
}

static size_t take_quoted(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    uint8_t c = s.p[0];
    if (!m->extended && !m->escaped && c != '"' && c != '\n' && c != '\\') {
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
    case TYPE:
        return take_type(m, s.p[0]);
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
    guard_put_all(st, (struct slice){NULL, 0});
    end_inner(st);
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
