/* multipart/form-data (RFC 7578) and its kin (RFC 2046 section 5.1), as lenient as readers are: LF
 * for CRLF, folded headers, no last delimiter. Names and file names are taken from
 * Content-Disposition as written (RFC 2183), file names also as RFC 8187 writes them. A part in a
 * part is text. */
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
};

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

static size_t take_delimiter(struct guard_stream *st, uint8_t c)
{
    struct multipart_state *m = &st->as.multipart;
    if (c != m->delimiter[m->matched]) {
        give_up(st);
        return 0;
    }
    if (++m->matched == m->delimiter_n)
        m->state = MATCHED;
    return 1;
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
    m->is_file = m->in_part = false;
    st->name.n = 0;
    m->state = DELIMITER_LINE;
    return 0;
}

static size_t take_delimiter_line(struct multipart_state *m, uint8_t c)
{
    if (c == '-' && m->dashes < 2)
        m->dashes++;
    if (c == '\n') {
        m->folded = SKIPPED;
        m->state = LINE;
        if (m->dashes == 2)
            begin_line(m, 0);
    }
    return 1;
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

static size_t take_header(struct multipart_state *m, uint8_t c)
{
    if (c == '\n') {
        m->state = LINE;
    } else if (c == ':') {
        m->folded = key_is(m, "content-disposition") ? KEY : SKIPPED;
        m->state = m->folded;
        m->key_n = 0;
    } else if (c != ' ' && c != '\t') {
        add_key(m, c);
    }
    return 1;
}

static size_t take_skipped(struct multipart_state *m, struct slice s)
{
    size_t n = slice_index(s, '\n');
    if (n == s.n)
        return n;
    m->state = LINE;
    return n + 1;
}

static size_t take_key(struct multipart_state *m, uint8_t c)
{
    if (c == '\n')
        m->state = LINE;
    else if (c == ';')
        m->key_n = 0;
    else if (c == '=')
        m->state = BEGIN;
    else if (c > ' ')
        add_key(m, c);
    return 1;
}

static size_t take_begin(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
    if (c == ' ' || c == '\t')
        return 1;
    uint64_t from = at + (c == '"');
    m->escaped = m->extended = m->in_part = false;
    m->quotes = 0;
    if (key_is(m, "name")) {
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
    m->in_part = false;
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

static size_t take_quoted(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct multipart_state *m = &st->as.multipart;
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
            guard_put_to(st, '\\', m->in_part);
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
        return take_delimiter(st, s.p[0]);
    case MATCHED:
        return take_matched(st, s.p[0], at);
    case DELIMITER_LINE:
        return take_delimiter_line(m, s.p[0]);
    case LINE:
        return take_line(st, s.p[0], at);
    case HEADER:
        return take_header(m, s.p[0]);
    case SKIPPED:
        return take_skipped(m, s);
    case KEY:
        return take_key(m, s.p[0]);
    case BEGIN:
        return take_begin(st, s.p[0], at);
    case QUOTED:
        return take_quoted(st, s.p[0], at);
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
    st->finish = finish;
    guard_span(st, GUARD_BODY, false, 0);
    begin_line(m, 0);
    return true;
}
