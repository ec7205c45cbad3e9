
/*
 * Events: a line of JSON each, to files that are opened again on USR1, and to syslog.
 */


#include "ngx_http_hikeshi.h"


static void ngx_http_hikeshi_write(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, u_char *line, size_t len);
static ngx_uint_t ngx_http_hikeshi_write_file(ngx_http_request_t *r,
    ngx_open_file_t *file, u_char *line, size_t len);
static ngx_uint_t ngx_http_hikeshi_write_syslog(ngx_http_request_t *r,
    ngx_syslog_peer_t *peer, u_char *line, size_t len);
static struct slice ngx_http_hikeshi_text(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static struct slice ngx_http_hikeshi_header_text(ngx_http_request_t *r,
    struct slice name);
static struct slice ngx_http_hikeshi_arg_text(struct slice uri,
    struct slice name);


static time_t  ngx_http_hikeshi_complained;


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

    return NGX_CONF_OK;
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
    u_char                       line[LIMIT_GUARD_EVENT + 1];
    int64_t                      now;
    uint64_t                     dropped;
    struct buf                   out;
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

    buf_over(&out, line, sizeof(line));

    if (guard_event_write(&ev, &out) != OK) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "hikeshi: event too long");
        (void) ngx_atomic_fetch_add(&counters->dropped, 1);
        return;
    }

    ngx_http_hikeshi_write(r, ctx, line, out.n);
}


static void
ngx_http_hikeshi_write(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    u_char *line, size_t len)
{
    ngx_uint_t                    i, failed;
    ngx_http_hikeshi_target_t    *target;
    ngx_http_hikeshi_counters_t  *counters;

    failed = 0;
    target = ctx->conf->events->elts;

    for (i = 0; i < ctx->conf->events->nelts; i++) {
        failed += target[i].syslog
                  ? ngx_http_hikeshi_write_syslog(r, target[i].syslog, line, len)
                  : ngx_http_hikeshi_write_file(r, target[i].file, line, len);
    }

    counters = ngx_http_hikeshi_counters(ctx->conf);

    (void) ngx_atomic_fetch_add(failed < i ? &counters->events
                                           : &counters->dropped, 1);

    if (failed && ngx_time() - ngx_http_hikeshi_complained >= 60) {
        ngx_http_hikeshi_complained = ngx_time();
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "hikeshi: events are being lost");
    }
}


static ngx_uint_t
ngx_http_hikeshi_write_file(ngx_http_request_t *r, ngx_open_file_t *file,
    u_char *line, size_t len)
{
    ssize_t  n;

    /* one write, opened for appending: lines of workers do not mix */

    n = ngx_write_fd(file->fd, line, len);

    if (n == (ssize_t) len) {
        return 0;
    }

    if (ngx_time() - ngx_http_hikeshi_complained >= 60) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log,
                      n == -1 ? ngx_errno : 0,
                      ngx_write_fd_n " to \"%s\" wrote %z of %uz",
                      file->name.data, n, len);
    }

    return 1;
}


static ngx_uint_t
ngx_http_hikeshi_write_syslog(ngx_http_request_t *r, ngx_syslog_peer_t *peer,
    u_char *line, size_t len)
{
    size_t   size;
    u_char  *buf, *p;
    ssize_t  n;

    size = sizeof("<255>Jan 01 00:00:00 ") - 1
           + ngx_cycle->hostname.len + 1
           + peer->tag.len + 2
           + len;

    buf = ngx_pnalloc(r->pool, size);
    if (buf == NULL) {
        return 1;
    }

    p = ngx_syslog_add_header(peer, buf);
    p = ngx_cpymem(p, line, len - 1);       /* without the newline */

    n = ngx_syslog_send(peer, buf, p - buf);

    return n != p - buf;
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
        return ngx_http_hikeshi_arg_text(uri, f->name);

    case GUARD_HEADER:
        return ngx_http_hikeshi_header_text(r, f->name);

    default:
        return slice_of(NULL, 0);
    }
}


static struct slice
ngx_http_hikeshi_header_text(ngx_http_request_t *r, struct slice name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (header[i].key.len == name.n
                && ngx_strncasecmp(header[i].key.data, (u_char *) name.p,
                                   name.n)
                   == 0)
            {
                return ngx_http_hikeshi_slice(&header[i].value);
            }
        }
    }

    return slice_of(NULL, 0);
}


static struct slice
ngx_http_hikeshi_arg_text(struct slice uri, struct slice name)
{
    struct slice  args, arg, key;

    args = slice_sub(uri, slice_index(uri, '?') + 1, uri.n);

    while (slice_next_field(&args, '&', &arg)) {
        key = slice_sub(arg, 0, slice_index(arg, '='));

        if (slice_eq(key, name)) {
            return slice_sub(arg, key.n + 1, arg.n);
        }
    }

    return slice_of(NULL, 0);
}
