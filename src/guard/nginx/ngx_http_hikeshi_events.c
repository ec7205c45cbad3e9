
/*
 * Events: a line of JSON each, to files that are opened again on USR1, and to syslog.
 */


#include "ngx_http_hikeshi.h"


static char *ngx_http_hikeshi_keep_pipe(ngx_conf_t *cf, ngx_str_t *name);
static void ngx_http_hikeshi_close_pipe(void *data);
static ngx_uint_t ngx_http_hikeshi_write(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, struct guard_event *ev);
static ngx_int_t ngx_http_hikeshi_write_file(ngx_http_hikeshi_ctx_t *ctx,
    ngx_open_file_t *file, struct guard_event *ev, u_char *line, size_t len);
static ngx_uint_t ngx_http_hikeshi_is_pipe(ngx_open_file_t *file);
static ngx_int_t ngx_http_hikeshi_write_syslog(ngx_http_request_t *r,
    ngx_syslog_peer_t *peer, u_char *line, size_t len);
static ngx_int_t ngx_http_hikeshi_connect(ngx_syslog_peer_t *peer);
static struct slice ngx_http_hikeshi_text(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static struct slice ngx_http_hikeshi_header_text(ngx_http_request_t *r,
    struct slice name);
static struct slice ngx_http_hikeshi_arg_text(ngx_http_request_t *r,
    struct slice uri, struct slice name);


/* s between two complaints of one target */
#define NGX_HTTP_HIKESHI_AGAIN  60


char *
ngx_http_hikeshi_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_loc_conf_t  *hlcf = conf;

    ngx_str_t                  *value;
    ngx_http_hikeshi_target_t  *target;

    if (hlcf->events == NULL) {
        return "is off already";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty name";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (hlcf->events != NGX_CONF_UNSET_PTR) {
            return "has a target already";
        }

        hlcf->events = NULL;
        return NGX_CONF_OK;
    }

    if (hlcf->events == NGX_CONF_UNSET_PTR) {
        hlcf->events = ngx_array_create(cf->pool, 1,
                                        sizeof(ngx_http_hikeshi_target_t));
        if (hlcf->events == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    target = ngx_array_push(hlcf->events);
    if (target == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(target, sizeof(ngx_http_hikeshi_target_t));

    if (ngx_strncmp(value[1].data, "syslog:", 7) == 0) {

        target->syslog = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));
        if (target->syslog == NULL) {
            return NGX_CONF_ERROR;
        }

        return ngx_syslog_process_conf(cf, target->syslog);
    }

    target->file = ngx_conf_open_file(cf->cycle, &value[1]);
    if (target->file == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_hikeshi_keep_pipe(cf, &target->file->name);
}


/*
 * Opening a named pipe that nobody reads waits for a reader: nginx would, at its start, when it
 * reloads and when it opens its logs again.  So one end to read is kept open as long as the
 * configuration; what nobody takes fills the pipe, and then is dropped.
 */

static char *
ngx_http_hikeshi_keep_pipe(ngx_conf_t *cf, ngx_str_t *name)
{
    char                 path[PATH_MAX];
    struct stat          sb;
    ngx_pool_cleanup_t  *cln;

    /* a pipe without a name, as /dev/stdout may be, has no path */

    if (realpath((char *) name->data, path) == NULL
        || stat(path, &sb) == -1
        || !S_ISFIFO(sb.st_mode))
    {
        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(int));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    *(int *) cln->data = open(path, O_RDWR|O_NONBLOCK|O_CLOEXEC);

    if (*(int *) cln->data == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "the pipe \"%V\" cannot be opened", name);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_hikeshi_close_pipe;

    return NGX_CONF_OK;
}


static void
ngx_http_hikeshi_close_pipe(void *data)
{
    (void) close(*(int *) data);
}


/* the address of the client as 4 or 16 bytes; empty when it has none */

struct slice
ngx_http_hikeshi_address(ngx_http_request_t *r)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        return slice_of(&sin->sin_addr, 4);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        return slice_of(&sin6->sin6_addr, 16);
#endif

    default:
        return slice_of(NULL, 0);
    }
}


void
ngx_http_hikeshi_tell(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    int64_t                      now;
    uint64_t                     dropped;
    ngx_time_t                  *tp;
    struct slice                 uri;
    struct guard_event           ev;
    ngx_http_hikeshi_worker_t   *w;
    ngx_http_hikeshi_counters_t *counters;

    if (ctx->conf->events == NULL) {
        return;
    }

    w = &ngx_http_hikeshi_worker;
    counters = ngx_http_hikeshi_counters(ctx->conf);
    tp = ngx_timeofday();
    now = (int64_t) tp->sec * 1000 + tp->msec;
    dropped = 0;

    if (w->rate
        && !guard_rate_take(w->rate, ngx_http_hikeshi_address(r), now,
                            &dropped))
    {
        (void) ngx_atomic_fetch_add(&counters->dropped, 1);
        return;
    }

    uri = ngx_http_hikeshi_slice(&r->unparsed_uri);

    ngx_memzero(&ev, sizeof(struct guard_event));

    ev.time_ms = now;
    ev.id = slice_str(ctx->id);
    ev.client = ngx_http_hikeshi_slice(&r->connection->addr_text);
    ev.host = ngx_http_hikeshi_slice(&r->headers_in.server);
    ev.method = ngx_http_hikeshi_slice(&r->method_name);
    ev.path = slice_sub(uri, 0, slice_index(uri, '?'));
    ev.action = ctx->action;
    ev.finding = &ctx->guard.found;
    ev.secret = ngx_http_hikeshi_listed(ctx->conf->secret,
                                        &ctx->guard.found.field);
    ev.text = ngx_http_hikeshi_text(r, ctx);
    ev.dropped = dropped;

    if (ctx->rules) {
        ev.rules_version = guard_rules_about(ctx->rules).version;
    }

    if (ngx_http_hikeshi_write(r, ctx, &ev)) {
        (void) ngx_atomic_fetch_add(&counters->events, 1);
        return;
    }

    (void) ngx_atomic_fetch_add(&counters->dropped, 1);

    if (w->rate) {
        guard_rate_lost(w->rate, ngx_http_hikeshi_address(r), now, dropped + 1);
    }
}


/* whether any target has it */

static ngx_uint_t
ngx_http_hikeshi_write(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    struct guard_event *ev)
{
    u_char                      line[1 + LIMIT_GUARD_EVENT + 1];
    ngx_int_t                   rc;
    ngx_uint_t                  i, written;
    struct buf                  out;
    ngx_http_hikeshi_target_t  *target;

    /* room for a newline before it */

    buf_over(&out, line + 1, sizeof(line) - 1);

    if (guard_event_write(ev, &out) != OK) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "hikeshi: event too long");
        return 0;
    }

    written = 0;
    target = ctx->conf->events->elts;

    for (i = 0; i < ctx->conf->events->nelts; i++) {

        rc = target[i].syslog
             ? ngx_http_hikeshi_write_syslog(r, target[i].syslog, line + 1,
                                             out.n)
             : ngx_http_hikeshi_write_file(ctx, target[i].file, ev, line,
                                           out.n);

        if (rc == NGX_OK) {
            written = 1;
            continue;
        }

        if (target[i].told
            && ngx_time() - target[i].told < NGX_HTTP_HIKESHI_AGAIN)
        {
            continue;
        }

        target[i].told = ngx_time();

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, ngx_errno,
                      "hikeshi: events are being lost, to \"%s\"",
                      target[i].syslog ? (u_char *) "syslog"
                                       : target[i].file->name.data);
    }

    return written;
}


/*
 * One write, opened for appending: lines of workers do not mix.  A file system that becomes full
 * takes the beginning of a line; whoever writes there next ends it first.  line[0] is free.
 */

static ngx_int_t
ngx_http_hikeshi_write_file(ngx_http_hikeshi_ctx_t *ctx, ngx_open_file_t *file,
    struct guard_event *ev, u_char *line, size_t len)
{
    u_char              brief[PIPE_BUF + 1];
    ssize_t             n;
    ngx_err_t           err;
    struct buf          out;
    ngx_atomic_t       *torn;
    ngx_atomic_uint_t   bit, before;

    if (ngx_http_hikeshi_is_pipe(file)) {

        /* all of it or nothing */

        if (len > PIPE_BUF) {
            buf_over(&out, brief, sizeof(brief));

            ev->brief = true;
            n = guard_event_write(ev, &out) == OK;
            ev->brief = false;

            if (n == 0) {
                ngx_set_errno(EMSGSIZE);
                return NGX_ERROR;
            }

            return write(file->fd, brief, out.n) == (ssize_t) out.n
                   ? NGX_OK : NGX_ERROR;
        }

        return write(file->fd, line + 1, len) == (ssize_t) len
               ? NGX_OK : NGX_ERROR;
    }

    torn = &ctx->conf->main->sh->torn;
    bit = (ngx_atomic_uint_t) 1
          << (ngx_crc32_short(file->name.data, file->name.len)
              % (8 * sizeof(ngx_atomic_uint_t)));

    before = *torn;

    if ((before & bit) && ngx_atomic_cmp_set(torn, before, before & ~bit)) {
        line[0] = '\n';

    } else {
        before = 0;
        line++;
        len--;
    }

    n = write(file->fd, line, len + 1);

    if (n == (ssize_t) len + 1) {
        return NGX_OK;
    }

    err = n == -1 ? ngx_errno : ENOSPC;

    /* but for the newline alone, which has ended it */

    if (before ? n != 1 : n > 0) {

        do {
            before = *torn;
        } while (!ngx_atomic_cmp_set(torn, before, before | bit));
    }

    ngx_set_errno(err);

    return NGX_ERROR;
}


/* a reader that does not read must not stop a worker: from here on nothing waits for it */

static ngx_uint_t
ngx_http_hikeshi_is_pipe(ngx_open_file_t *file)
{
    int          flags;
    struct stat  sb;

    if (fstat(file->fd, &sb) == -1 || !S_ISFIFO(sb.st_mode)) {
        return 0;
    }

    flags = fcntl(file->fd, F_GETFL);

    if (flags != -1 && !(flags & O_NONBLOCK)) {
        (void) fcntl(file->fd, F_SETFL, flags | O_NONBLOCK);
    }

    return 1;
}


/* a server of logs that was started again is found again, without the loss of an event */

static ngx_int_t
ngx_http_hikeshi_write_syslog(ngx_http_request_t *r, ngx_syslog_peer_t *peer,
    u_char *line, size_t len)
{
    size_t      size;
    u_char     *buf, *p;
    ssize_t     n;
    ngx_err_t   err;
    ngx_uint_t  tries;

    size = sizeof("<255>Jan 01 00:00:00 ") - 1
           + ngx_cycle->hostname.len + 1
           + peer->tag.len + 2
           + len;

    buf = ngx_pnalloc(r->pool, size);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_syslog_add_header(peer, buf);
    p = ngx_cpymem(p, line, len - 1);       /* without the newline */

    for (tries = 0; tries < 2; tries++) {

        if (peer->conn.fd == (ngx_socket_t) -1
            && ngx_http_hikeshi_connect(peer) != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = send(peer->conn.fd, buf, p - buf, MSG_DONTWAIT|MSG_NOSIGNAL);

        if (n == p - buf) {
            return NGX_OK;
        }

        if (n == -1 && (ngx_errno == EAGAIN || ngx_errno == ENOBUFS)) {
            return NGX_ERROR;
        }

        err = ngx_errno;
        (void) close(peer->conn.fd);
        peer->conn.fd = (ngx_socket_t) -1;
        ngx_set_errno(err);
    }

    return NGX_ERROR;
}


/* nginx' own complains of each failure */

static ngx_int_t
ngx_http_hikeshi_connect(ngx_syslog_peer_t *peer)
{
    int        fd;
    ngx_err_t  err;

    fd = socket(peer->server.sockaddr->sa_family,
                SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return NGX_ERROR;
    }

    if (connect(fd, peer->server.sockaddr, peer->server.socklen) == -1) {
        err = ngx_errno;
        (void) close(fd);
        ngx_set_errno(err);
        return NGX_ERROR;
    }

    peer->conn.fd = fd;

    return NGX_OK;
}


/* what the field says, as it was sent, where that is still at hand and no secret */

static struct slice
ngx_http_hikeshi_text(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    struct slice               uri;
    const struct guard_field  *f;

    f = &ctx->guard.found.field;
    uri = ngx_http_hikeshi_slice(&r->unparsed_uri);

    if (f->in_name
        || guard_event_secret(f)
        || ngx_http_hikeshi_listed(ctx->conf->secret, f))
    {
        return slice_of(NULL, 0);
    }

    switch (f->part) {

    case GUARD_URI:
        return slice_sub(uri, 0, slice_index(uri, '?'));

    case GUARD_ARG:
        return ngx_http_hikeshi_arg_text(r, uri, f->name);

    case GUARD_HEADER:
        return ngx_http_hikeshi_header_text(r, f->name);

    default:
        return slice_of(NULL, 0);
    }
}


/* what stands twice is told twice: either may be the one that counts */

static struct slice
ngx_http_hikeshi_header_text(ngx_http_request_t *r, struct slice name)
{
    u_char  *lowcase;

    lowcase = ngx_pnalloc(r->pool, name.n + 1);
    if (lowcase == NULL) {
        return slice_of(NULL, 0);
    }

    *ngx_cpymem(lowcase, name.p, name.n) = '\0';

    return ngx_http_hikeshi_header(r, (char *) lowcase);
}


static struct slice
ngx_http_hikeshi_arg_text(ngx_http_request_t *r, struct slice uri,
    struct slice name)
{
    u_char        *text, *p;
    struct slice   args, arg, key;

    args = slice_sub(uri, slice_index(uri, '?') + 1, uri.n);

    text = ngx_pnalloc(r->pool, args.n + 1);
    if (text == NULL) {
        return slice_of(NULL, 0);
    }

    p = text;

    while (slice_next_field(&args, '&', &arg)) {
        key = slice_sub(arg, 0, slice_index(arg, '='));

        if (slice_eq(key, name) && key.n < arg.n) {

            if (p != text) {
                *p++ = '&';
            }

            p = ngx_cpymem(p, arg.p + key.n + 1, arg.n - key.n - 1);
        }
    }

    return slice_of(text, p - text);
}
