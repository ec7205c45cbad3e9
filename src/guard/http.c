/* Requests as text.
 *
 *   RFC 9112  section 2.2  a line may end with LF; a lone CR is an error
 *             section 3    request line; 3.2 origin-form, absolute-form, asterisk-form
 *             section 5    field lines; 5.2 folded ones are refused
 *             section 6.1  transfer-encoding: chunked, alone and without a content-length
 *             section 7.1  chunks, their extensions are passed over, trailer fields are kept
 */
#include "guard/http.h"

#include "base/messages.h"

struct reader {
    struct slice whole, rest;
    struct err *e;
    const uint8_t *head; /* where the head or the trailer began */
};

static size_t offset(const struct reader *r, const uint8_t *at)
{
    return (size_t)(at - r->whole.p);
}

#define FAIL_AT(r, at, code, ...)                                \
    (err_set_at((r)->e, (code), offset((r), (at)), __VA_ARGS__), \
     err_prefix((r)->e, N_("byte %zu"), offset((r), (at))), (code))

static bool token_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_byte(s.p[i]))
            return false;
    return s.n > 0;
}

static bool same_word(struct slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

/* One line without its end. */
static enum status next_line(struct reader *r, struct slice *ret)
{
    size_t n = slice_index(r->rest, '\n');
    if (offset(r, r->rest.p) + n - offset(r, r->head) > LIMIT_GUARD_HTTP_HEAD)
        return FAIL_AT(r, r->rest.p, ST_LIMIT, N_("the head is longer than %d bytes"),
                       LIMIT_GUARD_HTTP_HEAD);
    if (n == r->rest.n)
        return FAIL_AT(r, r->rest.p + n, ST_MALFORMED,
                       N_("the request ends within a line of its head"));
    struct slice line = slice_sub(r->rest, 0, n - (n && r->rest.p[n - 1] == '\r'));
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '\0' || line.p[i] == '\r')
            return FAIL_AT(r, line.p + i, ST_MALFORMED, N_("a control byte within a line"));
    r->rest = slice_sub(r->rest, n + 1, r->rest.n);
    *ret = line;
    return OK;
}

/* --- request line */

static enum status take_target(struct reader *r, struct http_request *q, struct slice target)
{
    static const struct slice schemes[] = {{(const uint8_t *)"http://", 7},
                                           {(const uint8_t *)"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (target.n < schemes[i].n ||
            strncasecmp((const char *)target.p, (const char *)schemes[i].p, schemes[i].n) != 0)
            continue;
        struct slice rest = slice_sub(target, schemes[i].n, target.n);
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
            n++;
        q->host = slice_sub(rest, 0, n);
        target = slice_sub(rest, n, rest.n);
        if (target.n == 0 || target.p[0] == '?') {
            q->path = SLICE_LIT("/");
            q->query = slice_sub(target, 1, target.n);
            return OK;
        }
    }
    if (target.n == 0 || (target.p[0] != '/' && !slice_eq_str(target, "*")))
        return FAIL_AT(r, target.p, ST_UNSUPPORTED,
                       N_("the target is neither a path that begins with / nor an http:// URL"));
    size_t mark = slice_index(target, '?');
    q->path = slice_sub(target, 0, mark);
    q->query = slice_sub(target, mark + 1, target.n);
    return OK;
}

static enum status take_request_line(struct reader *r, struct http_request *q, bool *ret_1_0)
{
    struct slice line, version;
    enum status st = next_line(r, &line);
    if (st != OK)
        return st;
    size_t method = slice_index(line, ' ');
    size_t behind = slice_behind_last(line, ' ');
    if (method == line.n || !is_token(slice_sub(line, 0, method)))
        return FAIL_AT(r, line.p, ST_MALFORMED,
                       N_("no request line: write GET /path HTTP/1.1, with one space between"));
    version = slice_sub(line, behind, line.n);
    *ret_1_0 = slice_eq_str(version, "HTTP/1.0");
    if (behind <= method + 1 || (!*ret_1_0 && !slice_eq_str(version, "HTTP/1.1")))
        return FAIL_AT(r, version.p, ST_UNSUPPORTED,
                       N_("the request line ends with HTTP/1.1 or HTTP/1.0"));
    q->method = slice_sub(line, 0, method);
    return take_target(r, q, slice_sub(line, method + 1, behind - method - 2));
}

/* --- fields */

static enum status take_fields(struct reader *r, struct http_request *q)
{
    struct slice line;
    enum status st = OK;
    while ((st = next_line(r, &line)) == OK && line.n) {
        size_t colon = slice_index(line, ':');
        if (line.p[0] == ' ' || line.p[0] == '\t')
            return FAIL_AT(r, line.p, ST_MALFORMED,
                           N_("a folded line: servers refuse it or read it differently"));
        if (colon == line.n || !is_token(slice_sub(line, 0, colon)))
            return FAIL_AT(
                r, line.p, ST_MALFORMED,
                N_("no field line: write Name: value, without a space before the colon"));
        if (q->field_count == LIMIT_GUARD_HTTP_FIELDS)
            return FAIL_AT(r, line.p, ST_LIMIT, N_("more than %d field lines"),
                           LIMIT_GUARD_HTTP_FIELDS);
        q->fields[q->field_count++] = (struct http_field){
            slice_sub(line, 0, colon), slice_trim(slice_sub(line, colon + 1, line.n))};
    }
    return st;
}

struct framing {
    bool chunked, has_length, has_host;
    uint64_t length;
};

/* *list is empty, a field, or what is in `joined`. */
static enum status add_to_list(struct slice *list, struct buf *joined, struct slice value)
{
    if (!list->n) {
        *list = value;
        return OK;
    }
    if (!joined->n) {
        buf_init(joined, LIMIT_GUARD_HTTP_HEAD);
        (void)buf_add_slice(joined, *list);
    }
    (void)buf_add_char(joined, ',');
    (void)buf_add_slice(joined, value);
    *list = buf_slice(joined);
    return buf_status(joined);
}

static enum status take_framing(struct reader *r, struct http_request *q, struct framing *ret)
{
    for (size_t i = 0; i < q->field_count; i++) {
        const struct http_field *f = &q->fields[i];
        enum status st = OK;
        uint64_t n = 0;
        if (same_word(f->name, "host")) {
            if (ret->has_host)
                return FAIL_AT(r, f->name.p, ST_MALFORMED, N_("a second Host"));
            ret->has_host = true;
            if (!q->host.n)
                q->host = f->value;
        } else if (same_word(f->name, "content-type")) {
            st = add_to_list(&q->content_type, &q->types, f->value);
        } else if (same_word(f->name, "content-encoding")) {
            st = add_to_list(&q->content_encoding, &q->encodings, f->value);
        } else if (same_word(f->name, "content-length")) {
            if (ret->has_length)
                return FAIL_AT(r, f->name.p, ST_MALFORMED, N_("a second Content-Length"));
            if (f->value.n == 0 || f->value.n > 18 || slice_to_u64(f->value, &n) != OK)
                return FAIL_AT(r, f->name.p, ST_MALFORMED, N_("Content-Length is no number"));
            ret->has_length = true;
            ret->length = n;
        } else if (same_word(f->name, "transfer-encoding")) {
            if (ret->chunked || !same_word(f->value, "chunked"))
                return FAIL_AT(r, f->name.p, ST_UNSUPPORTED,
                               N_("Transfer-Encoding is chunked, once, or nothing"));
            ret->chunked = true;
        }
        if (st != OK)
            return FAIL_AT(r, f->name.p, st, N_("not enough memory"));
    }
    if (ret->chunked && ret->has_length)
        return FAIL_AT(r, r->head, ST_MALFORMED,
                       N_("both Content-Length and Transfer-Encoding: servers differ in which one "
                          "they take"));
    return OK;
}

/* --- bodies */

static enum status add_body(struct reader *r, struct http_request *q, uint64_t n)
{
    if (n > r->rest.n)
        return FAIL_AT(r, r->rest.p + r->rest.n, ST_MALFORMED, N_("the body ends %llu bytes early"),
                       (unsigned long long)(n - r->rest.n));
    if (buf_add_slice(&q->body, slice_sub(r->rest, 0, (size_t)n)) != OK)
        return FAIL_AT(r, r->rest.p, buf_status(&q->body), N_("not enough memory"));
    r->rest = slice_sub(r->rest, (size_t)n, r->rest.n);
    return OK;
}

static enum status chunk_size(struct reader *r, struct slice line, uint64_t *ret)
{
    size_t i = 0;
    *ret = 0;
    for (; i < line.n && line.p[i] != ';' && line.p[i] != ' ' && line.p[i] != '\t'; i++) {
        uint8_t c = line.p[i], low = c | 0x20;
        bool digit = c >= '0' && c <= '9';
        if ((!digit && (low < 'a' || low > 'f')) || i == 15)
            return FAIL_AT(r, line.p + i, ST_MALFORMED, N_("no length of a chunk in hexadecimal"));
        *ret = *ret * 16 + (uint64_t)(digit ? c - '0' : low - 'a' + 10);
    }
    return i ? OK : FAIL_AT(r, line.p, ST_MALFORMED, N_("no length of a chunk in hexadecimal"));
}

static enum status take_chunks(struct reader *r, struct http_request *q)
{
    struct slice line;
    for (;;) {
        uint64_t n = 0;
        r->head = r->rest.p;
        enum status st = next_line(r, &line);
        if (st == OK)
            st = chunk_size(r, line, &n);
        if (st != OK)
            return st;
        if (n == 0)
            break;
        st = add_body(r, q, n);
        r->head = r->rest.p;
        if (st == OK)
            st = next_line(r, &line);
        if (st != OK)
            return st;
        if (line.n)
            return FAIL_AT(r, line.p, ST_MALFORMED, N_("the chunk is longer than its length says"));
    }
    r->head = r->rest.p;
    return take_fields(r, q);
}

enum status http_request_next(struct slice whole, struct slice *rest, struct http_request *ret,
                              struct err *e)
{
    struct reader r = {.whole = whole, .rest = *rest, .e = e};
    struct framing f = {0};
    bool old = false;
    *ret = (struct http_request){0};
    buf_init(&ret->body, LIMIT_GUARD_TRY_BYTES);
    /* section 2.2: an empty line before a request is passed over */
    while (r.rest.n && (r.rest.p[0] == '\r' || r.rest.p[0] == '\n'))
        r.rest = slice_sub(r.rest, 1, r.rest.n);
    if (r.rest.n == 0)
        return ST_END;
    r.head = r.rest.p;
    enum status st = take_request_line(&r, ret, &old);
    if (st == OK)
        st = take_fields(&r, ret);
    if (st == OK)
        st = take_framing(&r, ret, &f);
    if (st == OK && !old && !f.has_host)
        st = FAIL_AT(&r, r.head, ST_MALFORMED, N_("HTTP/1.1 without a Host"));
    ret->has_body = st == OK && (f.chunked || f.length);
    if (st == OK && f.chunked)
        st = take_chunks(&r, ret);
    else if (st == OK && f.length)
        st = add_body(&r, ret, f.length);
    *rest = r.rest;
    return st;
}

void http_request_done(struct http_request *q)
{
    buf_done(&q->types);
    buf_done(&q->encodings);
    buf_done(&q->body);
}

static void decode(struct slice path, struct buf *out)
{
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = path.p[i];
        if (c == '%' && path.n - i > 2 && hex_value(path.p[i + 1]) >= 0 &&
            hex_value(path.p[i + 2]) >= 0) {
            c = (uint8_t)(hex_value(path.p[i + 1]) << 4 | hex_value(path.p[i + 2]));
            i += 2;
        }
        (void)buf_add(out, &c, 1);
    }
}

enum status http_path_normal(struct slice path, struct buf *out)
{
    struct buf decoded;
    struct slice segment, rest;
    size_t from = out->n;
    buf_init(&decoded, path.n + 1);
    decode(path, &decoded);
    rest = buf_slice(&decoded);
    if (rest.n && rest.p[0] == '/') {
        (void)buf_add_char(out, '/');
        rest = slice_sub(rest, 1, rest.n);
    }
    while (buf_status(out) == OK && rest.n) { /* what is there ends with a slash */
        size_t n = slice_index(rest, '/');
        segment = slice_sub(rest, 0, n);
        if (slice_eq_str(segment, "..")) {
            struct slice made = slice_sub(buf_slice(out), from, out->n);
            size_t keep = made.n ? made.n - 1 : 0;
            while (keep && made.p[keep - 1] != '/')
                keep--;
            buf_cut(out, from + (keep ? keep : made.n != 0));
        } else if (segment.n && !slice_eq_str(segment, ".")) {
            (void)buf_add_slice(out, slice_sub(rest, 0, n + 1));
        }
        rest = slice_sub(rest, n + 1, rest.n);
    }
    enum status st = buf_status(&decoded) == OK ? buf_status(out) : buf_status(&decoded);
    buf_done(&decoded);
    return st;
}
