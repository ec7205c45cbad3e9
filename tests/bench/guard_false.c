/* bench-guard-false [spent] — what the guard says of requests that carry ordinary things.
 *
 * Standard input: things, each as the lengths of its kind, its name and its bytes (four bytes each,
 * the least first), then these. Each is sent in every way that a browser, a program or a person
 * sends such a thing (carriers), the head's in pieces of what a head holds. Standard output, words
 * with tabs between them: `hit` for the first request of a thing and a carrier that is found or
 * limited, and in the end `sum` for each kind and carrier with requests, bytes and hits.
 *
 * Each request comes from a client with the credit of a new one; `spent`: from one whose credit is
 * spent, with nothing to grow by, as of an edge that a hostile neighbour shares an address with. */
#include "base/base64.h"
#include "base/buf.h"
#include "guard/guard_int.h"

#include <zlib.h>

#define MEMORY MIB(256)
#define CHUNK 1500 /* bytes of a thing that a head carries at once */
#define KINDS 128

/* --- encodings */

static void percent(struct slice s, bool form, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     (c && strchr("-_.*", c));
        if (plain)
            (void)buf_add_char(out, (char)c);
        else if (form && c == ' ')
            (void)buf_add_char(out, '+');
        else
            (void)buf_addf(out, "%%%02X", (unsigned)c);
    }
}

static void json_string(struct slice s, bool ascii, struct buf *out)
{
    (void)buf_add_str(out, "{\"id\":17,\"text\":\"");
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '"' || c == '\\' || (ascii && c == '/'))
            (void)buf_addf(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            (void)buf_add_str(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else if (c < 0x20 || (ascii && (c >= 0x7f || strchr("<>&'", c))))
            (void)buf_addf(out, "\\u%04x", (unsigned)c);
        else
            (void)buf_add_char(out, (char)c);
    }
    (void)buf_add_str(out, "\"}");
}

static void xml_text(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "<?xml version=\"1.0\"?><order id=\"17\"><note>");
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        const char *name = c == '<'    ? "&lt;"
                           : c == '>'  ? "&gt;"
                           : c == '&'  ? "&amp;"
                           : c == '"'  ? "&quot;"
                           : c == '\'' ? "&#39;"
                                       : NULL;
        if (name)
            (void)buf_add_str(out, name);
        else
            (void)buf_add_char(out, (char)c);
    }
    (void)buf_add_str(out, "</note></order>");
}

/* Lines of 76 as mail has them; 0: one. `url`: base64url without padding. */
static void base64(struct slice s, size_t line, bool url, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char for_url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t column = 0;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t have = s.n - i < 3 ? s.n - i : 3;
        uint32_t v = (uint32_t)s.p[i] << 16 | (have > 1 ? (uint32_t)s.p[i + 1] << 8 : 0) |
                     (have > 2 ? s.p[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) {
            uint32_t d = v >> (18 - 6 * k) & 63;
            if (k > have && url)
                break;
            (void)buf_add(out, k > have ? "=" : (url ? for_url : digits) + d, 1);
        }
        column += 4;
        if (line && column >= line) {
            (void)buf_add_str(out, "\r\n");
            column = 0;
        }
    }
}

static void multipart(struct slice s, const char *head, struct buf *out)
{
    (void)buf_add_str(out, "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n"
                           "Content-Disposition: form-data; name=\"note\"");
    (void)buf_add_str(out, head);
    (void)buf_add_str(out, "\r\n\r\n");
    (void)buf_add_slice(out, s);
    (void)buf_add_str(out, "\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n");
}

/* Bytes as a header can carry them. */
static void printable(struct slice s, const char * not, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        char blank = ' ';
        bool fits = c >= 0x20 && c != 0x7f && !strchr(not, c);
        (void)buf_add(out, fits ? (const void *)&c : &blank, 1);
    }
}

static void wide(struct slice s, struct buf *out)
{
    (void)buf_add(out, "\xff\xfe", 2);
    for (size_t i = 0; i < s.n; i++) {
        (void)buf_add_char(out, (char)s.p[i]);
        (void)buf_add_char(out, 0);
    }
}

static void gzipped(struct slice s, struct buf *out)
{
    uint8_t *room;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)s.p, .avail_in = (uInt)s.n};
    size_t most = s.n + s.n / 8 + 200;
    if (buf_reserve(out, most, &room) != OK ||
        deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_out = room;
    z.avail_out = (uInt)most;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    buf_commit(out, most - z.avail_out);
    (void)deflateEnd(&z);
}

/* --- carriers */

enum where { BODY, QUERY, PATH, HEADER, COOKIE };

static struct buf between;

static void as_is(struct slice s, struct buf *out)
{
    (void)buf_add_slice(out, s);
}
static void as_form(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "id=17&note=");
    percent(s, true, out);
    (void)buf_add_str(out, "&go=1");
}
static void as_json(struct slice s, struct buf *out)
{
    json_string(s, false, out);
}
static void as_json_ascii(struct slice s, struct buf *out)
{
    json_string(s, true, out);
}
static void as_json_twice(struct slice s, struct buf *out)
{
    buf_clear(&between);
    json_string(s, false, &between);
    json_string(buf_slice(&between), false, out);
}
static void as_json_base64(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "{\"file\":\"data:application/octet-stream;base64,");
    base64(s, 0, false, out);
    (void)buf_add_str(out, "\"}");
}
static void as_form_base64(struct slice s, struct buf *out)
{
    buf_clear(&between);
    base64(s, 0, false, &between);
    (void)buf_add_str(out, "RelayState=17&SAMLResponse=");
    percent(buf_slice(&between), true, out);
}
static void as_field(struct slice s, struct buf *out)
{
    multipart(s, "", out);
}
static void as_file(struct slice s, struct buf *out)
{
    multipart(s, "; filename=\"a.dat\"\r\nContent-Type: application/octet-stream", out);
}
static void as_mail(struct slice s, struct buf *out)
{
    buf_clear(&between);
    base64(s, 76, false, &between);
    multipart(buf_slice(&between), "; filename=\"a.dat\"\r\nContent-Transfer-Encoding: base64",
              out);
}
static void as_wide_file(struct slice s, struct buf *out)
{
    buf_clear(&between);
    wide(s, &between);
    as_file(buf_slice(&between), out);
}
static void as_cdata(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "<order><note><![CDATA[");
    (void)buf_add_slice(out, s);
    (void)buf_add_str(out, "]]></note></order>");
}
static void as_arg(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "id=17&q=");
    percent(s, false, out);
}
static void as_arg_twice(struct slice s, struct buf *out)
{
    buf_clear(&between);
    percent(s, false, &between);
    as_arg(buf_slice(&between), out);
}
static void as_arg_raw(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "id=17&q=");
    printable(s, " #", out);
}
static void as_arg_base64url(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "id=17&token=");
    base64(s, 0, true, out);
}
static void as_arg_base64(struct slice s, struct buf *out)
{
    buf_clear(&between);
    base64(s, 0, false, &between);
    as_arg(buf_slice(&between), out);
}
static void as_path(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "/search/");
    percent(s, false, out);
}
static void as_header(struct slice s, struct buf *out)
{
    printable(s, "", out);
}
static void as_referer(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "https://shop.example.jp/search?q=");
    percent(s, true, out);
}
static void as_cookie(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "sid=17; last=");
    printable(s, ";", out);
}
static void as_cookie_percent(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "sid=17; last=");
    percent(s, false, out);
}
static void as_cookie_base64(struct slice s, struct buf *out)
{
    (void)buf_add_str(out, "lang=ja; session=");
    base64(s, 0, false, out);
}

#define FORM "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"

static const struct carrier {
    const char *name;
    enum where where;
    const char *type; /* of a body, or the header's name */
    void (*make)(struct slice s, struct buf *out);
} carriers[] = {
    {"text", BODY, "text/plain", as_is},
    {"gzip", BODY, "text/plain", gzipped},
    {"form", BODY, FORM, as_form},
    {"form-raw", BODY, FORM, as_is},
    {"form-base64", BODY, FORM, as_form_base64},
    {"json", BODY, "application/json", as_json},
    {"json-ascii", BODY, "application/json", as_json_ascii},
    {"json-twice", BODY, "application/json", as_json_twice},
    {"json-base64", BODY, "application/json", as_json_base64},
    {"field", BODY, MULTIPART, as_field},
    {"file", BODY, MULTIPART, as_file},
    {"file-mail", BODY, MULTIPART, as_mail},
    {"file-utf16", BODY, MULTIPART, as_wide_file},
    {"xml", BODY, "application/xml", xml_text},
    {"xml-cdata", BODY, "text/xml", as_cdata},
    {"arg", QUERY, NULL, as_arg},
    {"arg-raw", QUERY, NULL, as_arg_raw},
    {"arg-twice", QUERY, NULL, as_arg_twice},
    {"arg-base64", QUERY, NULL, as_arg_base64},
    {"arg-base64url", QUERY, NULL, as_arg_base64url},
    {"path", PATH, NULL, as_path},
    {"header", HEADER, "x-note", as_header},
    {"referer", HEADER, "referer", as_referer},
    {"cookie", COOKIE, "cookie", as_cookie},
    {"cookie-percent", COOKIE, "cookie", as_cookie_percent},
    {"cookie-base64", COOKIE, "cookie", as_cookie_base64},
};

/* --- asking */

static struct {
    uint8_t *p;
    size_t n;
} memory;

static void *take(void *ctx, size_t n)
{
    (void)ctx;
    size_t at = (memory.n + 15) & ~(size_t)15;
    if (n > MEMORY - at)
        return NULL;
    memory.n = at + n;
    return memory.p + at;
}

static uint64_t no_time(void)
{
    return 1000;
}

static bool spent;
static const struct guard_options options = {.least = VERDICT_ATTEMPT, .alloc = take};

static void ask_body(struct guard_request *q, const struct carrier *c, struct slice s)
{
    if (guard_body_begin(q, slice_str(c->type), slice_str(c->make == gzipped ? "gzip" : "")) != OK)
        abort();
    if (guard_body_clean(q, s))
        return;
    for (size_t at = 0; at < s.n; at += KIB(16))
        guard_body_piece(q, slice_sub(s, at, KIB(16)));
    guard_body_end(q);
}

static void ask(struct guard *g, const struct carrier *c, struct slice s, struct guard_request *q)
{
    *q = (struct guard_request){0};
    memory.n = 0;
    memset(g->credits, 0, sizeof g->credits);
    g->grant = spent ? 0 : GUARD_GRANT_MOST;
    guard_request_begin(q, g, &options, NULL, SLICE_LIT("shop.example"), SLICE_LIT("POST"),
                        SLICE_LIT("/"), SLICE_LIT("\xcb\0\x71\7"));
    if (c->where == BODY)
        ask_body(q, c, s);
    else if (guard_head_clean(q, s))
        return;
    else if (c->where == QUERY)
        guard_args(q, s);
    else if (c->where == PATH)
        guard_uri(q, s);
    else
        guard_header(q, slice_str(c->type), s);
}

/* --- things and sums */

struct sum {
    uint64_t requests, bytes, hits;
};
static struct {
    char name[64];
    struct sum of[ARRAY_LEN(carriers)];
} kinds[KINDS];

static size_t kind_of(const char *name)
{
    size_t i = 0;
    while (i < KINDS - 1 && kinds[i].name[0] && strcmp(kinds[i].name, name) != 0)
        i++;
    (void)snprintf(kinds[i].name, sizeof kinds[i].name, "%s", name);
    return i;
}

static void print_text(struct slice s)
{
    for (size_t i = 0; i < s.n && i < 100; i++)
        putchar(s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
}

static void print_hit(const char *kind, const char *name, const struct carrier *c, size_t at,
                      const struct guard_finding *f)
{
    printf("hit\t%s\t%s\t%s\t%zu\t%s\t%s\t", kind, c->name, name, at,
           f->why == GUARD_LIMIT ? f->rule : verdict_name(f->verdict),
           f->why != GUARD_LIMIT && f->reason ? attempt_reason_name(f->reason) : "-");
    for (size_t i = 0; i < f->chain_count; i++)
        printf("%s%s", i ? ">" : "", f->chain[i]);
    printf("\t");
    print_text(f->key);
    printf("\n");
}

static void one_thing(struct guard *g, const char *kind, const char *name, struct slice data)
{
    static struct buf made;
    size_t k = kind_of(kind);
    if (!made.p) {
        buf_init(&made, MIB(256));
        buf_init(&between, MIB(256));
    }
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
        const struct carrier *c = &carriers[i];
        struct sum *sum = &kinds[k].of[i];
        bool told = false;
        size_t n = c->where == BODY ? data.n : CHUNK;
        for (size_t at = 0; at < data.n; at += n) {
            struct guard_request q;
            buf_clear(&made);
            c->make(slice_sub(data, at, n), &made);
            ask(g, c, buf_slice(&made), &q);
            sum->requests++;
            sum->bytes += made.n;
            sum->hits += q.found.why != GUARD_NOTHING;
            if (q.found.why != GUARD_NOTHING && !told)
                print_hit(kind, name, c, at, &q.found);
            told |= q.found.why != GUARD_NOTHING;
            guard_request_end(&q);
        }
    }
}

static bool read_whole(void *p, size_t n)
{
    return fread(p, 1, n, stdin) == n;
}

static uint32_t length(const uint8_t p[4])
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int main(int argc, char **argv)
{
    static char kind[64], name[KIB(4)];
    static uint8_t data[MIB(16)];
    uint8_t head[12];
    struct guard *g = NULL;
    memory.p = malloc(MEMORY);
    spent = argc > 1 && strcmp(argv[1], "spent") == 0;
    if (!memory.p || (argc > 1 && !spent) || guard_new(&g) != OK)
        return 2;
    g->now_ms = no_time;
    while (read_whole(head, sizeof head)) {
        uint32_t a = length(head), b = length(head + 4), n = length(head + 8);
        if (a >= sizeof kind || b >= sizeof name || n > MIB(16) || !read_whole(kind, a) ||
            !read_whole(name, b) || !read_whole(data, n))
            return 2;
        kind[a] = name[b] = '\0';
        one_thing(g, kind, name, slice_of(data, n));
    }
    for (size_t k = 0; k < KINDS && kinds[k].name[0]; k++)
        for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
            printf("sum\t%s\t%s\t%llu\t%llu\t%llu\n", kinds[k].name, carriers[i].name,
                   (unsigned long long)kinds[k].of[i].requests,
                   (unsigned long long)kinds[k].of[i].bytes,
                   (unsigned long long)kinds[k].of[i].hits);
    guard_free(g);
    free(memory.p);
    return 0;
}
