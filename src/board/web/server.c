/* The server: sockets, MHD's network threads, workers, the watcher. See serve.h and web_int.h. */
#include "base/text.h"
#include "board/web/header.h"
#include "board/web/jobs.h"
#include "board/web/route.h"
#include "board/web/session.h"
#include "board/web/upload.h"
#include "board/web/web_int.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 500
#define ASK_ABOVE \
    KIB(64)       /* bytes of a body: smaller ones are read first, in one go with the head */
#define IDLE_S 45 /* MHD's own limit of silence; clients_reap has the finer ones */

struct db_pool *web_pool(struct web *w)
{
    return w->pool;
}

const char *web_url(const struct web *w)
{
    return w->url;
}

const char *web_listening(const struct web *w)
{
    return w->listening;
}

void web_poke(struct web *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->poked = true;
    (void)pthread_cond_signal(&w->tick);
    (void)pthread_mutex_unlock(&w->lock);
}

void web_log(const char *fmt, ...)
{
    char at[TIME_RFC3339_SIZE];
    char text[4000];
    struct buf line;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    time_format_utc(time_now_ms(), at);
    buf_init(&line, KIB(32));
    (void)buf_addf(&line, "%s ", at);
    (void)text_add_escaped(&line, slice_str(text));
    (void)buf_add_char(&line, '\n');
    (void)fwrite(line.p, 1, line.n, stderr); /* one call: lines of two threads do not mix */
    buf_done(&line);
}

bool web_is_proxy(const struct web *w, const char *address)
{
    for (size_t i = 0; i < w->proxy_count; i++) {
        if (strcmp(w->proxies[i], address) == 0)
            return true;
    }
    return false;
}

static bool same_text(struct slice a, struct slice b)
{
    return a.n == b.n && strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0;
}

bool web_host_allowed(const struct web *w, struct slice header)
{
    struct slice host;
    struct slice port;
    if (!header_host(header, &host, &port))
        return false;
    return header_host_is_address(host) || same_text(host, SLICE_LIT("localhost")) ||
           same_text(host, slice_str(w->host_name)) ||
           (w->public_host.n && same_text(host, w->public_host));
}

/* --- workers */

/* Puts it into the queue; under w->lock. False: the workers are gone. */
static bool enqueue(struct web *w, struct exchange *x, bool suspend)
{
    if (w->quit)
        return false;
    (void)pthread_mutex_lock(&x->lock);
    x->refs++;
    x->worker_done = false;
    if (suspend) {
        x->suspended = true;
        MHD_suspend_connection(x->conn);
    }
    (void)pthread_mutex_unlock(&x->lock);
    x->next = NULL;
    if (w->last)
        w->last->next = x;
    else
        w->first = x;
    w->last = x;
    w->busy++;
    (void)pthread_cond_signal(&w->work);
    return true;
}

/* To the workers: with suspend they have it alone until they are done. */
static enum MHD_Result hand_over(struct exchange *x, bool suspend)
{
    struct web *w = x->web;
    (void)pthread_mutex_lock(&w->lock);
    bool taken = enqueue(w, x, suspend);
    (void)pthread_mutex_unlock(&w->lock);
    return taken ? MHD_YES : MHD_NO;
}

/* Gives an exchange back to its network thread. */
static void worked(struct web *w, struct exchange *x)
{
    (void)pthread_mutex_lock(&x->lock);
    x->worker_done = true;
    if (x->suspended && !x->gone) {
        x->suspended = false;
        MHD_resume_connection(x->conn);
    }
    (void)pthread_mutex_unlock(&x->lock);
    exchange_unref(x);
    (void)pthread_mutex_lock(&w->lock);
    if (--w->busy == 0)
        (void)pthread_cond_broadcast(&w->idle);
    (void)pthread_mutex_unlock(&w->lock);
}

static void *work_loop(void *arg)
{
    struct web *w = arg;
    for (;;) {
        (void)pthread_mutex_lock(&w->lock);
        while (!w->first && !w->quit)
            (void)pthread_cond_wait(&w->work, &w->lock);
        struct exchange *x = w->first;
        if (x) {
            w->first = x->next;
            if (!w->first)
                w->last = NULL;
        }
        (void)pthread_mutex_unlock(&w->lock);
        if (!x)
            return NULL;
        work_run(x);
        worked(w, x);
    }
}

/* --- the watcher */

static void wait_tick(struct web *w, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&w->lock);
    while (!w->poked && !w->watcher_quit &&
           pthread_cond_timedwait(&w->tick, &w->lock, &until) == 0) {
    }
    w->poked = false;
    (void)pthread_mutex_unlock(&w->lock);
}

static bool quits(struct web *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool quit = w->watcher_quit;
    (void)pthread_mutex_unlock(&w->lock);
    return quit;
}

static void *watch_loop(void *arg)
{
    struct web *w = arg;
    int64_t sessions_ms = time_monotonic_ms();
    int64_t sweep_ms = sessions_ms;
    while (!quits(w)) {
        struct db *db = NULL;
        struct err e = {0};
        int64_t now = time_monotonic_ms();
        clients_reap(&w->clients);
        if (db_pool_get(w->pool, &db, &e) == OK) {
            bool sessions = now - sessions_ms >= 5000;
            live_look(w->live, db, sessions);
            if (sessions)
                sessions_ms = now;
            if (now - sweep_ms >= 30000) {
                sweep_ms = now;
                if (session_sweep(w, db, time_now_ms(), &e) != OK ||
                    upload_sweep(db, time_now_ms(), &e) != OK)
                    web_log("house-keeping: %s", e.msg);
            }
            db_pool_put(w->pool, db);
        }
        wait_tick(w, TICK_MS);
    }
    return NULL;
}

/* --- requests, on network threads */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    (void)conn;
    return exchange_new(cls, uri);
}

static enum MHD_Result let_work(struct exchange *x)
{
    x->phase = X_WORK;
    client_phase(x->client, CLIENT_WORK, 0);
    return hand_over(x, true);
}

/* A body that is not small is let in only after a worker has found that this person may send it. */
static bool ask_before_body(const struct exchange *x)
{
    return x->has_body &&
           (x->chunked || x->content_length > ASK_ABOVE || (x->req.route->flags & ROUTE_STREAM));
}

/* The request's head is there. A connection that is suspended now is closed by MHD when its client
 * has closed its side meanwhile; so whoever is not to be asked first is suspended only when all of
 * the request was read. */
static enum MHD_Result begin(struct exchange *x, struct MHD_Connection *conn, const char *method,
                             const char *version)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    x->conn = conn;
    x->client = info ? info->socket_context : NULL;
    if (!x->client)
        return MHD_NO;
    if (exchange_collect(x, method, version) != OK) {
        x->phase = X_READY;
        return x->has_body ? response_queue(x) : MHD_YES; /* a refusal, or there is one more call */
    }
    if (ask_before_body(x))
        return let_work(x);
    x->phase = X_BODY;
    client_phase(x->client, CLIENT_BODY, 0);
    return MHD_YES;
}

/* A worker is done with the head; the body may come. */
static enum MHD_Result take_body(struct exchange *x)
{
    client_phase(x->client, CLIENT_BODY, 0);
    if (!(x->req.route->flags & ROUTE_STREAM)) {
        x->phase = X_BODY;
        return MHD_YES;
    }
    x->phase = X_STREAM;
    x->body_read = true;
    (void)pthread_mutex_lock(&x->lock);
    buf_init(&x->piece, KIB(64));
    buf_init(&x->taken, KIB(64));
    (void)pthread_mutex_unlock(&x->lock);
    return hand_over(x, false);
}

static void note_progress(struct exchange *x, bool held)
{
    atomic_store(&x->client->bytes, x->received);
    atomic_store(&x->client->held, held);
    atomic_store(&x->client->moved_ms, time_monotonic_ms());
}

/* Bytes of a body that is parsed as it comes. After a fault the rest is read and dropped, so that
 * the answer can be given; what announced no length is cut off when it goes on for too long. */
static enum MHD_Result parse_body(struct exchange *x, const char *data, size_t *size)
{
    if (*size == 0) {
        if (!x->fault.code)
            (void)!exchange_body_end(x, &x->fault);
        x->body_read = true;
        return let_work(x);
    }
    if (x->fault.code) {
        x->received += *size;
        if (x->received > x->req.route->body_limit + MIB(16))
            return MHD_NO;
    } else {
        (void)!exchange_body(x, slice_of(data, *size), &x->fault);
    }
    x->body_read = true;
    note_progress(x, false);
    *size = 0;
    return MHD_YES;
}

/* Bytes of a body that the handler takes in pieces. */
static enum MHD_Result pass_body(struct exchange *x, const char *data, size_t *size)
{
    enum MHD_Result ret = MHD_YES;
    (void)pthread_mutex_lock(&x->lock);
    if (*size && (x->worker_done || x->fault.code)) {
        x->received += *size;
        *size = 0;
        ret = x->received > x->req.route->body_limit + MIB(16) ? MHD_NO : MHD_YES;
    } else if (*size && x->received + *size > x->req.route->body_limit) {
        (void)body_too_large(&x->fault, x->req.route->body_limit);
        x->received += *size;
        *size = 0;
    } else if (*size && x->piece.n == 0) {
        size_t n = *size < KIB(64) ? *size : KIB(64);
        if (buf_add(&x->piece, data, n) != OK)
            (void)err_set(&x->fault, ST_NOMEM, "out of memory");
        x->received += n;
        *size -= n;
    } else if (*size) {
        x->suspended = true; /* until the handler has taken the piece before */
        MHD_suspend_connection(x->conn);
    } else {
        x->body_end = true;
        if (!x->worker_done) {
            x->suspended = true;
            MHD_suspend_connection(x->conn);
        }
    }
    bool finished = *size == 0 && x->body_end && x->worker_done;
    (void)pthread_cond_signal(&x->news);
    if (x->body_end)
        client_phase(x->client, CLIENT_WORK, 0);
    else
        note_progress(x, x->suspended);
    (void)pthread_mutex_unlock(&x->lock);
    return finished ? response_queue(x) : ret;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct exchange *x = *context;
    (void)cls;
    (void)url;
    if (!x)
        return MHD_NO;
    switch (x->phase) {
    case X_NEW:
        return begin(x, conn, method, version);
    case X_WORK:
        if (x->want_body) {
            x->want_body = false;
            return take_body(x);
        }
        return response_queue(x);
    case X_BODY:
        return parse_body(x, data, size);
    case X_STREAM:
        return pass_body(x, data, size);
    case X_READY:
        *size = 0;
        return response_queue(x);
    case X_SENT:
        break;
    }
    *size = 0;
    return MHD_YES;
}

/* time address who "method path" status bytes milliseconds */
static void log_request(const struct exchange *x)
{
    struct slice path = slice_str(x->uri);
    char who[40] = "-";
    bool sent = x->phase == X_SENT;  /* else a worker may still have the rest */
    path.n = slice_index(path, '?'); /* queries may hold what people search for */
    if (path.n > 1000)
        path.n = 1000;
    if (sent && x->req.actor.id)
        (void)snprintf(who, sizeof who, "%s:%" PRId64,
                       x->req.actor.kind == ACTOR_HOST ? "host" : "account", x->req.actor.id);
    web_log("%s %s \"%s %.*s\" %u %" PRIu64 " %" PRId64, x->req.from, who, x->method, (int)path.n,
            (const char *)path.p, sent ? x->res.code : 0, sent ? x->res.size : 0,
            time_monotonic_ms() - x->started_ms);
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **context,
                         enum MHD_RequestTerminationCode why)
{
    const struct web *w = cls;
    struct exchange *x = *context;
    (void)conn;
    (void)why;
    if (!x)
        return;
    *context = NULL;
    if (x->client)
        client_phase(x->client, CLIENT_IDLE, 0);
    if (w->config.log_requests && x->method)
        log_request(x);
    if (x->want_body && (x->req.route->flags & ROUTE_STREAM))
        (void)atomic_fetch_sub(&x->web->streaming, 1); /* let in, and gone before it began */
    (void)pthread_mutex_lock(&x->lock);
    x->gone = true;
    x->suspended = false;
    (void)pthread_cond_signal(&x->news);
    (void)pthread_mutex_unlock(&x->lock);
    exchange_unref(x);
}

static enum MHD_Result on_connect(void *cls, const struct sockaddr *addr, socklen_t len)
{
    (void)len;
    return clients_admit(cls, addr) ? MHD_YES : MHD_NO;
}

/* --- starting */

/* "127.0.0.1:8750" or "[::1]:8750": a listening socket, and its url. */
static enum status listen_on(struct web *w, int *ret, struct err *e)
{
    struct slice host;
    struct slice port;
    char host_text[64];
    char port_text[8];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct slice where = slice_str(w->config.listen);
    bool any_port = slice_ends(where, SLICE_LIT(":0"));
    struct slice head = any_port ? slice_sub(where, 0, where.n - 2) : where;
    if (!header_host(head, &host, &port) || !header_host_is_address(host) ||
        (port.n == 0) != any_port)
        return err_set(e, ST_INVALID, "--listen %s: give ADDRESS:PORT, as in 127.0.0.1:8750",
                       w->config.listen);
    (void)snprintf(host_text, sizeof host_text, "%.*s", (int)host.n, (const char *)host.p);
    (void)snprintf(port_text, sizeof port_text, "%.*s", any_port ? 1 : (int)port.n,
                   any_port ? "0" : (const char *)port.p);
    if (getaddrinfo(host_text, port_text, &hints, &list) != 0)
        return err_set(e, ST_INVALID, "--listen %s: no such address", w->config.listen);
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    struct sockaddr_storage bound;
    socklen_t bound_n = sizeof bound;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &bound_n) != 0) {
        (void)err_set_errno(e, ST_IO, "--listen %s", w->config.listen);
        if (fd >= 0)
            (void)close(fd);
        freeaddrinfo(list);
        return ST_IO;
    }
    freeaddrinfo(list);
    (void)getnameinfo((struct sockaddr *)&bound, bound_n, NULL, 0, port_text, sizeof port_text,
                      NI_NUMERICSERV);
    (void)snprintf(w->listening, sizeof w->listening,
                   strchr(host_text, ':') ? "http://[%s]:%s" : "http://%s:%s", host_text,
                   port_text);
    (void)snprintf(w->url, sizeof w->url, "%s",
                   w->config.public_url ? w->config.public_url : w->listening);
    *ret = fd;
    return OK;
}

static enum status read_config(struct web *w, struct err *e)
{
    struct slice rest = slice_str(w->config.trusted_proxy);
    struct slice item;
    const char *public = w->config.public_url;
    while (slice_next_field(&rest, ',', &item)) {
        item = slice_trim(item);
        if (!header_host_is_address(item) || w->proxy_count == ARRAY_LEN(w->proxies))
            return err_set(e, ST_INVALID, "--trusted-proxy: up to 8 addresses, a comma between");
        (void)snprintf(w->proxies[w->proxy_count++], 64, "%.*s", (int)item.n, (const char *)item.p);
    }
    if (public) {
        struct slice p = slice_str(public);
        size_t at = slice_find(p, SLICE_LIT("://"));
        if ((strncmp(public, "https://", 8) != 0 && strncmp(public, "http://", 7) != 0) ||
            !header_host(slice_sub(p, at + 3, p.n), &w->public_host, &w->public_port))
            return err_set(e, ST_INVALID,
                           "--public-url %s: give https://NAME or https://NAME:PORT, no path",
                           public);
    }
    if (gethostname(w->host_name, sizeof w->host_name - 1) != 0)
        w->host_name[0] = '\0';
    return OK;
}

static enum status start_threads(struct web *w, struct err *e)
{
    w->workers = calloc(w->config.threads, sizeof *w->workers);
    if (!w->workers)
        return err_set(e, ST_NOMEM, "out of memory");
    for (size_t i = 0; i < w->config.threads; i++) {
        if (pthread_create(&w->workers[i], NULL, work_loop, w) != 0)
            return err_set_errno(e, ST_IO, "thread");
        w->worker_count++;
    }
    if (pthread_create(&w->watcher, NULL, watch_loop, w) != 0)
        return err_set_errno(e, ST_IO, "thread");
    w->watching = true;
    return OK;
}

static enum status start_daemon(struct web *w, struct err *e)
{
    int fd = -1;
    enum status s = listen_on(w, &fd, e);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned net = cpus < 4 ? 0 : cpus < 16 ? (unsigned)cpus / 2 : 8; /* 0: one, without a pool */
    if (s != OK)
        return s;
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, on_connect, w,
        on_request, w, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, w,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_NOTIFY_CONNECTION, clients_notify,
        w, MHD_OPTION_CONNECTION_LIMIT, (unsigned)LIMIT_WEB_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_WEB_HEADER_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_THREAD_POOL_SIZE, net, MHD_OPTION_END);
    if (!w->daemon) {
        (void)close(fd);
        return err_set_errno(e, ST_IO, "the web server cannot be started");
    }
    return OK;
}

static void init(struct web *w)
{
    pthread_condattr_t monotonic;
    struct rlimit files;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_mutex_init(&w->seen_lock, NULL);
    (void)pthread_cond_init(&w->work, NULL);
    (void)pthread_cond_init(&w->idle, &monotonic);
    (void)pthread_cond_init(&w->tick, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    clients_init(&w->clients);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max; /* a connection each */
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* Where the record stands, before the first stream. */
static enum status first_look(struct web *w, struct err *e)
{
    struct db *db = NULL;
    enum status s = db_pool_get(w->pool, &db, e);
    if (s == OK)
        live_look(w->live, db, false);
    db_pool_put(w->pool, db);
    return s;
}

enum status web_start(const struct web_config *config, struct web **ret, struct err *e)
{
    struct web *w = calloc(1, sizeof *w);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!w)
        return err_set(e, ST_NOMEM, "out of memory");
    w->config = *config;
    if (w->config.threads == 0)
        w->config.threads = cpus > 2 ? (size_t)cpus * 4 : 8;
    init(w);
    enum status s = read_config(w, e);
    if (s == OK)
        s = route_check(web_routes, e);
    if (s == OK)
        s = db_pool_open(config->database, w->config.threads + 2 + (size_t)2 * JOBS_AT_ONCE,
                         &w->pool, e);
    if (s == OK)
        s = live_open(&w->live, e);
    if (s == OK)
        s = jobs_open(w, &w->jobs, e);
    if (s == OK)
        s = first_look(w, e);
    if (s == OK)
        s = start_threads(w, e);
    if (s == OK)
        s = start_daemon(w, e);
    if (s != OK) {
        web_stop(w, 0);
        return s;
    }
    *ret = w;
    return OK;
}

static void stop_threads(struct web *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->quit = w->watcher_quit = true;
    (void)pthread_cond_broadcast(&w->work);
    (void)pthread_cond_broadcast(&w->tick);
    (void)pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->worker_count; i++)
        (void)pthread_join(w->workers[i], NULL);
    if (w->watching)
        (void)pthread_join(w->watcher, NULL);
}

/* Waits until no request is being worked on. */
static void drain(struct web *w, int64_t grace_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += grace_ms / 1000;
    (void)pthread_mutex_lock(&w->lock);
    while (w->busy && pthread_cond_timedwait(&w->idle, &w->lock, &until) == 0) {
    }
    (void)pthread_mutex_unlock(&w->lock);
}

void web_stop(struct web *w, int64_t grace_ms)
{
    MHD_socket listening = -1;
    if (!w)
        return;
    atomic_store(&w->stopping, true);
    if (w->daemon)
        listening = MHD_quiesce_daemon(w->daemon);
    if (w->live)
        live_stop(w->live);
    drain(w, grace_ms);
    clients_hang_up(&w->clients, grace_ms);
    jobs_close(w->jobs);
    stop_threads(w);
    if (w->daemon)
        MHD_stop_daemon(w->daemon);
    if (listening >= 0)
        (void)close(listening);
    live_close(w->live);
    db_pool_close(w->pool);
    clients_done(&w->clients);
    (void)pthread_cond_destroy(&w->work);
    (void)pthread_cond_destroy(&w->idle);
    (void)pthread_cond_destroy(&w->tick);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_mutex_destroy(&w->seen_lock);
    free(w->workers);
    free(w);
}

char *web_routes_json(void)
{
    json_t *all = json_array();
    for (const struct web_route *const *l = web_routes; *l; l++) {
        for (const struct web_route *r = *l; r->pattern; r++)
            (void)json_array_append_new(
                all, json_pack("{s:s, s:s, s:i, s:I, s:i, s:s}", "method",
                               route_method_name(r->method), "pattern", r->pattern, "roles",
                               (int)r->roles, "body_limit", (json_int_t)r->body_limit, "flags",
                               (int)r->flags, "summary", r->summary));
    }
    char *text = json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    return text;
}
