/* An exchange: reading a request's head and body. See web_int.h. */
#include "board/web/header.h"
#include "board/web/route.h"
#include "board/web/upload.h"
#include "board/web/web_int.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

struct exchange *exchange_new(struct web *w, const char *uri)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->uri = strdup(uri);
    if (!x->uri) {
        free(x);
        return NULL;
    }
    x->web = w;
    x->refs = 1;
    x->started_ms = time_monotonic_ms();
    (void)pthread_mutex_init(&x->lock, NULL);
    (void)pthread_cond_init(&x->news, NULL);
    arena_init(&x->arena, LIMIT_WEB_REQUEST_MEMORY);
    x->req = (struct web_request){.web = w,
                                  .arena = &x->arena,
                                  .theme = "",
                                  .csrf = "",
                                  .from = "?",
                                  .now_ms = time_now_ms(),
                                  .private_ = x};
    x->req.actor = (struct actor){.kind = ACTOR_ACCOUNT, .name = "", .via = "web"};
    response_init(x);
    return x;
}

void exchange_unref(struct exchange *x)
{
    (void)pthread_mutex_lock(&x->lock);
    bool last = --x->refs == 0;
    (void)pthread_mutex_unlock(&x->lock);
    if (!last)
        return;
    for (size_t i = 0; i < x->file_count; i++) {
        if (x->files[i].fd >= 0)
            (void)close(x->files[i].fd);
    }
    response_done(&x->res);
    form_done(&x->form);
    json_decref(x->json);
    buf_done(&x->raw);
    buf_done(&x->piece);
    buf_done(&x->taken);
    arena_done(&x->arena);
    (void)pthread_cond_destroy(&x->news);
    (void)pthread_mutex_destroy(&x->lock);
    free(x->uri);
    free(x);
}

struct slice exchange_header(const struct exchange *x, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < x->header_count; i++) {
        if (x->headers[i].name.n == n &&
            strncasecmp((const char *)x->headers[i].name.p, name, n) == 0)
            return x->headers[i].value;
    }
    return (struct slice){0};
}

static size_t count_header(const struct exchange *x, const char *name)
{
    size_t n = strlen(name);
    size_t count = 0;
    for (size_t i = 0; i < x->header_count; i++)
        count += x->headers[i].name.n == n &&
                 strncasecmp((const char *)x->headers[i].name.p, name, n) == 0;
    return count;
}

struct copying {
    struct exchange *x;
    enum status status;
};

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct copying *c = cls;
    struct exchange *x = c->x;
    struct header *h = &x->headers[x->header_count];
    (void)kind;
    if (x->header_count == LIMIT_WEB_HEADERS) {
        c->status = ST_LIMIT;
        return MHD_NO;
    }
    if (arena_copy(&x->arena, slice_str(key), &h->name) != OK ||
        arena_copy(&x->arena, slice_str(value), &h->value) != OK) {
        c->status = ST_NOMEM;
        return MHD_NO;
    }
    h->value = slice_trim(h->value);
    x->header_count++;
    return MHD_YES;
}

static enum status copy_headers(struct exchange *x)
{
    struct copying c = {x, OK};
    x->headers = arena_alloc_array(&x->arena, LIMIT_WEB_HEADERS, sizeof *x->headers);
    if (!x->headers)
        return ST_NOMEM;
    (void)MHD_get_connection_values(x->conn, MHD_HEADER_KIND, copy_header, &c);
    return c.status;
}

/* Which of the words a choice is, from the address or else from its cookie; -1: none. */
static int chosen(struct exchange *x, const char *name, const char *const *words)
{
    char cookie[32];
    struct slice v;
    (void)snprintf(cookie, sizeof cookie, "hikeshi_%s", name);
    bool now = form_value(x->query, x->query_count, name, 0, &v);
    if (!now && !request_cookie(x, cookie, &v))
        return -1;
    for (int i = 0; words[i]; i++) {
        if (slice_eq_str(v, words[i])) {
            if (now)
                response_cookie(&x->res, cookie, words[i], 31536000, true);
            return i;
        }
    }
    return -1;
}

/* What the reader chose: the language and the theme. A choice in the address wins and is kept. */
static void choose(struct exchange *x)
{
    static const char *const langs[] = {"en", "ja", NULL};
    static const char *const themes[] = {"auto", "light", "dark", NULL};
    int lang = chosen(x, "lang", langs);
    int theme = chosen(x, "theme", themes);
    x->req.lang = lang >= 0 ? (enum lang)lang
                            : header_language(exchange_header(x, "Accept-Language"), LANG_EN);
    x->req.theme = theme > 0 ? themes[theme] : "";
}

static bool is_proxy(void *ctx, const char *address)
{
    return web_is_proxy(ctx, address);
}

/* All lines of a header that is a list, as one: HAProxy adds a line of its own behind the client's
 * (RFC 9110 section 5.3). */
static enum status join_header(const struct exchange *x, const char *name, struct buf *out)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < x->header_count; i++) {
        const struct header *h = &x->headers[i];
        if (h->name.n != n || strncasecmp((const char *)h->name.p, name, n) != 0)
            continue;
        if (out->n)
            (void)buf_add_char(out, ',');
        (void)buf_add_slice(out, h->value);
    }
    return buf_status(out);
}

/* Where the request comes from, and whether the way is encrypted. */
static enum status find_origin(struct exchange *x)
{
    char out[64];
    struct buf forwarded;
    bool by_proxy = web_is_proxy(x->web, x->client->address);
    buf_init(&forwarded, LIMIT_WEB_HEADER_BYTES);
    enum status s = join_header(x, "X-Forwarded-For", &forwarded);
    header_forwarded(buf_slice(&forwarded), x->client->address, is_proxy, x->web, out);
    buf_done(&forwarded);
    if (s != OK)
        return s;
    x->req.from = arena_strdup(&x->arena, slice_str(out));
    if (!x->req.from)
        return ST_NOMEM;
    const char *public = x->web->config.public_url;
    x->secure = (public && strncmp(public, "https://", 8) == 0) ||
                (by_proxy && slice_eq_str(exchange_header(x, "X-Forwarded-Proto"), "https"));
    return OK;
}

/* The path of the request's target: "/a/b", or what stands behind the authority of "http://h/a/b"
 * (RFC 9112 section 3.2.2). False: neither. */
static bool split_target(struct exchange *x, struct slice *ret_query)
{
    struct slice t = slice_str(x->uri);
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] <= 0x20 || t.p[i] >= 0x7f)
            return false;
    }
    if (slice_starts(t, SLICE_LIT("http://")) || slice_starts(t, SLICE_LIT("https://"))) {
        t = slice_sub(t, slice_find(t, SLICE_LIT("://")) + 3, t.n);
        t = slice_sub(t, slice_index(t, '/'), t.n);
    }
    size_t q = slice_index(t, '?');
    x->req.path = slice_sub(t, 0, q);
    *ret_query = slice_sub(t, q + 1, t.n);
    return x->req.path.n > 0 && x->req.path.p[0] == '/';
}

/* 0, or the status that the head of the request earns. */
static unsigned check_head(struct exchange *x, const char *version, struct err *e)
{
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return 505;
    if (strlen(x->uri) > LIMIT_WEB_URI)
        return 414;
    size_t hosts = count_header(x, "Host");
    if (hosts > 1 || (hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
        return 400;
    size_t lengths = count_header(x, "Content-Length");
    size_t codings = count_header(x, "Transfer-Encoding");
    if (lengths + codings > 1)
        return 400; /* two readings of where the request ends: smuggling */
    if (lengths && slice_to_u64(exchange_header(x, "Content-Length"), &x->content_length) != OK)
        return 400;
    struct slice coding = exchange_header(x, "Transfer-Encoding");
    if (codings && (coding.n != 7 || strncasecmp((const char *)coding.p, "chunked", 7) != 0))
        return 501;
    x->chunked = codings == 1;
    x->has_body = x->chunked || x->content_length > 0;
    if (hosts && !web_host_allowed(x->web, exchange_header(x, "Host"))) {
        (void)err_set(e, ST_DENIED,
                      N_("this board is not known under that name; start it with --public-url"));
        return 421;
    }
    return 0;
}

static void allow_header(struct exchange *x, unsigned allow)
{
    struct buf b;
    buf_init(&b, 100);
    for (unsigned m = WEB_GET; m <= WEB_DELETE; m <<= 1) {
        if (allow & m)
            (void)buf_addf(&b, "%s%s%s", b.n ? ", " : "", route_method_name((enum web_method)m),
                           m == WEB_GET ? ", HEAD" : "");
    }
    const char *value = arena_strdup(&x->arena, buf_slice(&b));
    if (value)
        web_set_header(&x->res, "Allow", value);
    buf_done(&b);
}

static bool type_is_form(struct slice t)
{
    return header_type_is(t, "application/x-www-form-urlencoded") ||
           header_type_is(t, "multipart/form-data");
}

enum status body_too_large(struct err *e, size_t limit)
{
    if (limit >= MIB(1))
        return err_set(e, ST_LIMIT,
                       N_("what was sent is larger than %zu MB, the most that is taken"),
                       limit >> 20);
    return err_set(e, ST_LIMIT, N_("what was sent is larger than %zu kB, the most that is taken"),
                   limit >> 10);
}

/* The row, and whether the body that is announced fits it. */
static unsigned check_route(struct exchange *x, struct err *e)
{
    struct route_match m;
    enum web_method method = route_method_of(x->method);
    if (route_find(web_routes, method, x->req.path, &x->arena, &m) != OK)
        return 400;
    x->req.method = method;
    x->req.route = m.route;
    memcpy(x->req.id, m.id, sizeof m.id);
    memcpy(x->req.word, m.word, sizeof m.word);
    if (!m.route && !m.allow)
        return 404;
    if (!m.route) {
        allow_header(x, m.allow);
        return 405;
    }
    x->head = strcmp(x->method, "HEAD") == 0;
    x->req.actor.via = m.route->flags & ROUTE_API ? "api" : "web";
    if (!x->has_body)
        return 0;
    if (m.route->body_limit == 0 || x->content_length > m.route->body_limit) {
        (void)body_too_large(e, m.route->body_limit);
        return 413;
    }
    if (!(m.route->flags & (ROUTE_API | ROUTE_STREAM)) && !type_is_form(x->content_type)) {
        (void)err_set(e, ST_UNSUPPORTED, N_("this is no form"));
        return 415;
    }
    return 0;
}

enum status exchange_collect(struct exchange *x, const char *method, const char *version)
{
    struct err e = {0};
    struct slice query;
    enum status s = copy_headers(x);
    x->req.theme = "";
    x->method = arena_strdup(&x->arena, slice_str(method));
    if (s == OK && !x->method)
        s = ST_NOMEM;
    unsigned code = s == OK ? 0 : s == ST_LIMIT ? 431 : 503;
    struct slice length = exchange_header(x, "Content-Length");
    x->has_body = (length.n && !slice_eq_str(length, "0")) || count_header(x, "Transfer-Encoding");
    bool target = split_target(x, &query);
    if (!code && find_origin(x) != OK)
        code = 503;
    if (!code)
        code = check_head(x, version, &e);
    if (!code &&
        (!target || form_parse_query(&x->arena, query, &x->query, &x->query_count, &e) != OK))
        code = 400;
    choose(x);
    x->content_type = exchange_header(x, "Content-Type");
    x->req.partial = slice_eq_str(exchange_header(x, "HX-Request"), "true") &&
                     !slice_eq_str(exchange_header(x, "HX-Boosted"), "true");
    if (!code)
        code = check_route(x, &e);
    if (!code && atomic_load(&x->web->stopping))
        code = 503;
    if (!code)
        return OK;
    answer_error(x, code, e.code ? &e : NULL);
    return ST_DENIED;
}

/* --- body */

static enum status file_begin(void *ctx, struct slice field, struct slice name, struct err *e)
{
    struct exchange *x = ctx;
    struct web_file *f = &x->files[x->file_count];
    *f = (struct web_file){.name = name, .field = field, .fd = -1};
    enum status s = temp_file(&f->fd, e);
    if (s == OK)
        x->file_count++;
    return s;
}

static enum status file_write(void *ctx, struct slice bytes, struct err *e)
{
    struct exchange *x = ctx;
    struct web_file *f = &x->files[x->file_count - 1];
    f->size += bytes.n;
    while (bytes.n) {
        ssize_t n = write(f->fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, ST_IO, "temporary file");
        bytes = slice_sub(bytes, (size_t)n, bytes.n);
    }
    return OK;
}

static enum status file_end(void *ctx, struct err *e)
{
    struct exchange *x = ctx;
    if (lseek(x->files[x->file_count - 1].fd, 0, SEEK_SET) < 0)
        return err_set_errno(e, ST_IO, "temporary file");
    return OK;
}

static enum status body_begin(struct exchange *x, struct err *e)
{
    struct form_sink sink = {x, file_begin, file_write, file_end};
    x->body_read = true;
    if (type_is_form(x->content_type)) {
        x->is_form = true;
        return form_begin(&x->form, &x->arena, x->content_type, &sink, e);
    }
    buf_init(&x->raw, LIMIT_JSON_BODY);
    return OK;
}

enum status exchange_body(struct exchange *x, struct slice bytes, struct err *e)
{
    enum status s = OK;
    x->received += bytes.n;
    if (x->received > x->req.route->body_limit)
        return body_too_large(e, x->req.route->body_limit);
    if (!x->body_read)
        s = body_begin(x, e);
    if (s != OK)
        return s;
    if (x->is_form)
        return form_feed(&x->form, bytes, e);
    if (buf_add_slice(&x->raw, bytes) == OK)
        return OK;
    if (buf_status(&x->raw) == ST_LIMIT)
        return body_too_large(e, LIMIT_JSON_BODY);
    return err_set(e, ST_NOMEM, "out of memory");
}

enum status exchange_body_end(struct exchange *x, struct err *e)
{
    return x->is_form ? form_end(&x->form, e) : OK;
}
