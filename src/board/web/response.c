/* Answers: what handlers write, and how it leaves. */
#include "board/web/web_int.h"

#include <inttypes.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing but our own files, in our own frame only; forms go to us. */
#define CSP                                                                            \
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; " \
    "form-action 'self'"

void response_init(struct exchange *x)
{
    struct web_response *res = &x->res;
    *res = (struct web_response){.x = x, .code = 200, .fd = -1};
    buf_init(&res->body, LIMIT_PAGE_BYTES);
}

void response_done(struct web_response *res)
{
    buf_done(&res->body);
    if (res->fd >= 0)
        (void)close(res->fd);
    res->fd = -1;
    json_decref(res->problem.members);
    res->problem.members = NULL;
}

void response_reset(struct web_response *res)
{
    size_t kept = 0;
    for (size_t i = 0; i < res->header_count; i++) {
        if (strcmp(res->headers[i].name, "Set-Cookie") == 0 ||
            strcmp(res->headers[i].name, "Allow") == 0 ||
            strcmp(res->headers[i].name, "Retry-After") == 0)
            res->headers[kept++] = res->headers[i];
    }
    res->header_count = kept;
    response_done(res);
    buf_init(&res->body, LIMIT_PAGE_BYTES);
    res->kind = RES_NONE;
    res->code = 200;
    res->type = NULL;
}

struct html *web_html(struct web_response *res)
{
    if (res->kind != RES_BODY || !res->html.out) {
        res->kind = RES_BODY;
        res->type = "text/html; charset=utf-8";
        res->html = (struct html){
            .out = &res->body, .lang = res->x->req.lang, .now_ms = res->x->req.now_ms};
    }
    return &res->html;
}

void web_status(struct web_response *res, unsigned code)
{
    res->code = code;
}

void web_set_header(struct web_response *res, const char *name, const char *value)
{
    char *copy = arena_strdup(&res->x->arena, slice_str(value));
    if (!copy || res->header_count == RESPONSE_HEADERS)
        return;
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' '; /* a line break would be a header of somebody else's choice */
    }
    res->headers[res->header_count].name = name;
    res->headers[res->header_count++].value = copy;
}

void response_cookie(struct web_response *res, const char *name, const char *value, int64_t max_age,
                     bool http_only)
{
    char age[40] = "";
    if (max_age >= 0)
        (void)snprintf(age, sizeof age, "; Max-Age=%" PRId64, max_age);
    char *text =
        arena_printf(&res->x->arena, "%s=%s; Path=/; SameSite=Lax%s%s%s", cookie_name(res->x, name),
                     value, age, http_only ? "; HttpOnly" : "", res->x->secure ? "; Secure" : "");
    if (text)
        web_set_header(res, "Set-Cookie", text);
}

enum status web_redirect(struct web_response *res, const char *fmt, ...)
{
    char to[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(to, sizeof to, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof to)
        return ST_LIMIT;
    res->kind = RES_BODY;
    res->type = NULL;
    buf_clear(&res->body);
    if (slice_eq_str(exchange_header(res->x, "HX-Request"), "true")) {
        res->code = 200;
        web_set_header(res, "HX-Redirect", to);
    } else {
        res->code = 303;
        web_set_header(res, "Location", to);
    }
    return OK;
}

enum status web_json(struct web_response *res, unsigned code, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text)
        return ST_NOMEM;
    res->kind = RES_BODY;
    res->code = code;
    res->type = "application/json";
    buf_clear(&res->body);
    enum status s = buf_add_str(&res->body, text);
    free(text);
    return s;
}

enum status response_problem(struct web_response *res, unsigned code, const char *type,
                             const char *title, const char *detail, json_t *members)
{
    json_t *p = json_pack("{s:s+, s:s, s:i, s:s}", "type", "/problems/", type, "title", title,
                          "status", (int)code, "detail", detail);
    if (p && members && json_object_update_missing(p, members) != 0) {
        json_decref(p);
        p = NULL;
    }
    enum status s = web_json(res, code, p);
    res->type = "application/problem+json";
    return s;
}

void web_problem_about(struct web_response *res, unsigned code, const char *type, json_t *members)
{
    json_decref(res->problem.members);
    res->problem.code = code;
    res->problem.type = type;
    res->problem.members = members;
}

enum status web_send_bytes(struct web_response *res, const char *type, struct slice bytes)
{
    res->kind = RES_STATIC;
    res->type = type;
    res->fixed = bytes;
    return OK;
}

/* RFC 6266 with RFC 8187: the name in UTF-8, and in ASCII for what does not know that. */
static char *disposition(struct arena *a, const char *name)
{
    struct buf ext;
    struct buf plain;
    buf_init(&ext, 2000);
    buf_init(&plain, 600);
    for (const char *p = name; *p; p++) {
        bool word = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                    (*p >= 'A' && *p <= 'Z') || strchr("-._", *p) != NULL;
        (void)buf_add(&plain, word ? p : "_", 1);
        if (word)
            (void)buf_add_char(&ext, *p);
        else
            (void)buf_addf(&ext, "%%%02X", (unsigned char)*p);
    }
    char *ret = arena_printf(a, "attachment; filename=\"%s\"; filename*=UTF-8''%s",
                             buf_text(&plain), buf_text(&ext));
    buf_done(&ext);
    buf_done(&plain);
    return ret;
}

enum status web_send_file(struct web_response *res, int fd, const char *type, const char *name)
{
    struct stat st;
    res->fd = fd;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ST_IO;
    res->kind = RES_FILE;
    res->type = type;
    res->size = (uint64_t)st.st_size;
    char *d = disposition(&res->x->arena, name);
    if (!d)
        return ST_NOMEM;
    web_set_header(res, "Content-Disposition", d);
    return OK;
}

enum status web_send_events(struct web_response *res, int64_t incident)
{
    struct db *db = res->x->req.db;
    int64_t newest = 0;
    struct slice since = exchange_header(res->x, "Last-Event-ID");
    if (since.n == 0)
        since = web_query(&res->x->req, "since");
    enum status s = db_get_int(db, &newest, NULL,
                               "SELECT COALESCE(MAX(id), 0) FROM event WHERE incident_id = $1 AND "
                               "seq = (SELECT MAX(seq) FROM event WHERE incident_id = $1)",
                               "i", incident);
    if (s != OK)
        return s;
    res->kind = RES_EVENTS;
    res->type = "text/event-stream";
    res->incident = incident;
    res->newest = newest;
    if (since.n == 0 || slice_to_i64(since, &res->since) != OK)
        res->since = newest;
    return OK;
}

/* --- how it leaves, on a network thread */

static struct MHD_Response *make(struct exchange *x)
{
    struct web_response *res = &x->res;
    struct MHD_Response *r = NULL;
    size_t n = res->body.n;
    switch (res->kind) {
    case RES_STATIC:
        return MHD_create_response_from_buffer(res->fixed.n, (void *)(uintptr_t)res->fixed.p,
                                               MHD_RESPMEM_PERSISTENT);
    case RES_FILE:
        r = MHD_create_response_from_fd64(res->size, res->fd);
        if (r)
            res->fd = -1; /* MHD closes it */
        return r;
    case RES_EVENTS:
        return live_response(x->web->live, x, &r) == OK ? r : NULL;
    case RES_NONE:
    case RES_BODY:
        break;
    }
    if (n == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    char *bytes = buf_steal(&res->body);
    r = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
    if (!r)
        free(bytes);
    else
        res->size = n;
    return r;
}

static bool has_header(const struct web_response *res, const char *name)
{
    for (size_t i = 0; i < res->header_count; i++) {
        if (strcasecmp(res->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_headers(struct exchange *x, struct MHD_Response *r)
{
    const struct web_response *res = &x->res;
    static const char *const always[][2] = {
        {"Content-Security-Policy", CSP},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"},
    };
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (!has_header(res, always[i][0]))
            (void)MHD_add_response_header(r, always[i][0], always[i][1]);
    }
    if (x->secure)
        (void)MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
    if (res->type)
        (void)MHD_add_response_header(r, "Content-Type", res->type);
    for (size_t i = 0; i < res->header_count; i++)
        (void)MHD_add_response_header(r, res->headers[i].name, res->headers[i].value);
    if ((x->has_body && !x->body_read) || x->res.kind == RES_EVENTS ||
        client_half_closed(x->client->fd) || atomic_load(&x->web->stopping))
        (void)MHD_add_response_header(r, "Connection", "close");
}

enum MHD_Result response_queue(struct exchange *x)
{
    struct MHD_Response *r = make(x);
    if (!r && x->res.kind == RES_EVENTS) {
        answer_error(x, 503, NULL);
        r = make(x);
    }
    if (!r)
        return MHD_NO;
    add_headers(x, r);
    if (x->res.kind == RES_STATIC)
        x->res.size = x->res.fixed.n;
    client_phase(x->client, x->res.kind == RES_EVENTS ? CLIENT_STREAM : CLIENT_SEND, x->res.size);
    if (x->has_body && !x->body_read && x->client->linger < 0)
        x->client->linger = dup(x->client->fd); /* see clients_reap */
    enum MHD_Result ok = MHD_queue_response(x->conn, x->res.code, r);
    MHD_destroy_response(r);
    x->phase = X_SENT;
    return ok;
}
