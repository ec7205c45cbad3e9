
/*
 * A request: its head, then its body, and what is done about what is found.
 */


#include "ngx_http_hikeshi.h"


/* a place among the headers */

typedef struct {
    ngx_list_part_t                    *part;
    ngx_uint_t                          i;
} ngx_http_hikeshi_headers_t;


static ngx_uint_t ngx_http_hikeshi_mode(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf);
static ngx_int_t ngx_http_hikeshi_again(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static ngx_int_t ngx_http_hikeshi_head(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode);
static void ngx_http_hikeshi_begin(ngx_http_request_t *r,
    struct guard_request *q, struct guard_options *o,
    ngx_http_hikeshi_loc_conf_t *hlcf);
static struct slice ngx_http_hikeshi_raw_head(ngx_http_request_t *r);
static void ngx_http_hikeshi_head_fields(ngx_http_request_t *r,
    struct guard_request *q);
static bool ngx_http_hikeshi_next_header(void *data, struct guard_header *ret);
static ngx_http_hikeshi_ctx_t *ngx_http_hikeshi_create_ctx(
    ngx_http_request_t *r, ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode);
static void ngx_http_hikeshi_cleanup(void *data);
static ngx_int_t ngx_http_hikeshi_act(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static ngx_int_t ngx_http_hikeshi_read_body(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf);
static ngx_int_t ngx_http_hikeshi_body_before(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode);
static ngx_int_t ngx_http_hikeshi_body_file(ngx_http_hikeshi_ctx_t *ctx,
    ngx_buf_t *b);
static void ngx_http_hikeshi_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_hikeshi_body_begin(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static void ngx_http_hikeshi_body_piece(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, ngx_chain_t *cl);
static void ngx_http_hikeshi_release(ngx_http_hikeshi_ctx_t *ctx);
static ngx_uint_t ngx_http_hikeshi_holds(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, ngx_chain_t *cl);
static void ngx_http_hikeshi_body_end(ngx_http_hikeshi_ctx_t *ctx);
static bool ngx_http_hikeshi_excluded(void *data, const struct guard_field *f);
static void *ngx_http_hikeshi_pool_alloc(void *data, size_t n);
static void *ngx_http_hikeshi_ctx_alloc(void *data, size_t n);


/* in r->ctx of a request whose head is clean: all there is to know of it */
static ngx_http_hikeshi_ctx_t           ngx_http_hikeshi_clean;

static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;

/* contexts that a worker keeps for use again; a sanitizer is to see it when one is used too late */
#if (__SANITIZE_ADDRESS__)
static ngx_uint_t  ngx_http_hikeshi_kept = 0;
#else
static ngx_uint_t  ngx_http_hikeshi_kept = 64;
#endif


ngx_int_t
ngx_http_hikeshi_head_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_uint_t                    mode;
    ngx_http_hikeshi_ctx_t       *ctx;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_hikeshi_loc_conf_t  *hlcf;

    ctx = ngx_http_hikeshi_find_ctx(r->main);

    if (ctx && ctx->blocked) {

        /* the page of a block, and what is included in it */

        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        if (clcf->handler == NULL) {
            return NGX_DECLINED;
        }

        if (r->post_action) {

            /* the client has its answer; the action is not for this one */

            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "hikeshi: the page of a block is not taken from the "
                      "handler of \"%V\"", &clcf->name);

        return r == r->main ? ngx_http_hikeshi_send_page(r, ctx)
                            : NGX_HTTP_FORBIDDEN;
    }

    if (r != r->main) {
        return NGX_DECLINED;
    }

    hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hikeshi_module);
    mode = ngx_http_hikeshi_mode(r, hlcf);

    if (mode == GUARD_OFF) {

        /* a body is not examined here, either */

        ngx_http_set_ctx(r, NULL, ngx_http_hikeshi_module);
        return NGX_DECLINED;
    }

    if (ctx) {
        ctx->conf = hlcf;
        ctx->mode = mode;
        ngx_http_set_ctx(r, ctx, ngx_http_hikeshi_module);

        rc = ngx_http_hikeshi_again(r, ctx);

    } else if (ngx_http_get_module_ctx(r, ngx_http_hikeshi_module)) {
        rc = NGX_DECLINED;

    } else {
        rc = ngx_http_hikeshi_head(r, hlcf, mode);
    }

    if (rc == NGX_DECLINED && r->request_body && r->request_body->bufs) {
        rc = ngx_http_hikeshi_body_before(r, hlcf, mode);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_hikeshi_read_body(r, hlcf);
}


/* "off" where the client is allowed or the directive says so; else the rules may know better */

static ngx_uint_t
ngx_http_hikeshi_mode(ngx_http_request_t *r, ngx_http_hikeshi_loc_conf_t *hlcf)
{
    ngx_uint_t               named;
    struct slice             site;
    enum guard_mode          mode, any;
    struct guard_rules      *rules;

    if (hlcf->mode == GUARD_OFF || ngx_http_hikeshi_worker.guard == NULL) {
        return GUARD_OFF;
    }

    if (hlcf->allow && hlcf->allow->nelts
        && ngx_cidr_match(r->connection->sockaddr, hlcf->allow) == NGX_OK)
    {
        return GUARD_OFF;
    }

    rules = ngx_http_hikeshi_worker.rules;

    if (rules == NULL) {
        return hlcf->mode;
    }

    site = ngx_http_hikeshi_site(r, &named);
    mode = guard_rules_mode(rules, site);

    if (!named) {

        /* the client chose the name: it chooses nothing softer by that */

        any = guard_rules_mode(rules, slice_of(NULL, 0));

        if (any == GUARD_MODE_UNSET) {
            any = (enum guard_mode) hlcf->mode;
        }

        mode = ngx_max(mode, any);
    }

    return mode == GUARD_MODE_UNSET ? hlcf->mode : (ngx_uint_t) mode;
}


/* a location further on: it may block what the one before only reported */

static ngx_int_t
ngx_http_hikeshi_again(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    if (ctx->guard.found.why == GUARD_NOTHING) {
        return NGX_DECLINED;
    }

    return ngx_http_hikeshi_act(r, ctx);
}


static ngx_int_t
ngx_http_hikeshi_head(ngx_http_request_t *r, ngx_http_hikeshi_loc_conf_t *hlcf,
    ngx_uint_t mode)
{
    struct slice             raw;
    struct guard_request     q;
    struct guard_options     o;
    ngx_http_hikeshi_ctx_t  *ctx;

    ngx_memzero(&o, sizeof(struct guard_options));

    o.alloc = ngx_http_hikeshi_pool_alloc;
    o.alloc_ctx = r->pool;

    ngx_http_hikeshi_begin(r, &q, &o, hlcf);

    raw = ngx_http_hikeshi_raw_head(r);

    if (q.found.why == GUARD_NOTHING
        && (raw.n == 0 || !guard_head_clean(&q, raw)))
    {
        ngx_http_hikeshi_head_fields(r, &q);
    }

    if (q.found.why == GUARD_NOTHING) {
        guard_request_end(&q);
        ngx_http_set_ctx(r, &ngx_http_hikeshi_clean, ngx_http_hikeshi_module);
        return NGX_DECLINED;
    }

    ctx = ngx_http_hikeshi_create_ctx(r, hlcf, mode);

    if (ctx == NULL) {
        guard_request_end(&q);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->guard = q;
    ctx->guard.options = &ctx->options;
    o.alloc = ctx->options.alloc;
    o.alloc_ctx = ctx->options.alloc_ctx;
    ctx->options = o;

    return ngx_http_hikeshi_act(r, ctx);
}


static void
ngx_http_hikeshi_begin(ngx_http_request_t *r, struct guard_request *q,
    struct guard_options *o, ngx_http_hikeshi_loc_conf_t *hlcf)
{
    ngx_uint_t    named;
    struct slice  site;

    o->least = (enum verdict) hlcf->least;
    o->body_limit = (uint64_t) hlcf->body_limit;
    o->excluded = hlcf->exclude ? ngx_http_hikeshi_excluded : NULL;
    o->excluded_ctx = hlcf->exclude;

    ngx_memzero(q, sizeof(struct guard_request));

    site = ngx_http_hikeshi_worker.rules ? ngx_http_hikeshi_site(r, &named)
                                         : slice_of(NULL, 0);

    guard_request_begin(q, ngx_http_hikeshi_worker.guard, o,
                        ngx_http_hikeshi_worker.rules, site,
                        ngx_http_hikeshi_slice(&r->method_name),
                        ngx_http_hikeshi_slice(&r->uri),
                        ngx_http_hikeshi_address(r));
}


/*
 * The head as it lies in the buffer, where it came over HTTP/1.x and into one buffer; else nothing.
 * nginx has put zeros behind names and values there, which matter to nobody.
 */

static struct slice
ngx_http_hikeshi_raw_head(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    b = r->header_in;

    if (r->http_version >= NGX_HTTP_VERSION_20
        || b == NULL
        || r->request_line.data < b->start
        || r->request_line.data >= b->pos)
    {
        return slice_of(NULL, 0);
    }

    return slice_of(r->request_line.data, b->pos - r->request_line.data);
}


static void
ngx_http_hikeshi_head_fields(ngx_http_request_t *r, struct guard_request *q)
{
    size_t                      path;
    struct slice                uri, args;
    struct guard_header         h;
    ngx_http_hikeshi_headers_t  headers;

    uri = ngx_http_hikeshi_slice(&r->unparsed_uri);
    path = slice_index(uri, '?');
    args = slice_sub(uri, path + 1, uri.n);
    uri = slice_sub(uri, 0, path);

    guard_uri(q, uri);

    if (args.n) {
        guard_args(q, args);
    }

    headers.part = &r->headers_in.headers.part;
    headers.i = 0;

    while (ngx_http_hikeshi_next_header(&headers, &h)) {
        guard_header(q, h.name, h.value);
    }

    headers.part = &r->headers_in.headers.part;
    headers.i = 0;

    guard_head_together(q, uri, args, ngx_http_hikeshi_next_header, &headers);
}


static bool
ngx_http_hikeshi_next_header(void *data, struct guard_header *ret)
{
    ngx_http_hikeshi_headers_t *headers = data;

    ngx_table_elt_t  *h;

    while (headers->part && headers->i == headers->part->nelts) {
        headers->part = headers->part->next;
        headers->i = 0;
    }

    if (headers->part == NULL) {
        return false;
    }

    h = headers->part->elts;
    h += headers->i++;

    ret->name = ngx_http_hikeshi_slice(&h->key);
    ret->value = ngx_http_hikeshi_slice(&h->value);

    if (h->lowcase_key) {
        ret->name.p = h->lowcase_key;
    }

    return true;
}


static ngx_http_hikeshi_ctx_t *
ngx_http_hikeshi_create_ctx(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_hikeshi_ctx_t     *ctx;
    ngx_http_hikeshi_worker_t  *w;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    w = &ngx_http_hikeshi_worker;
    ctx = w->free;

    if (ctx) {
        w->free = ctx->next;
        w->nfree--;

    } else {
        ctx = ngx_alloc(sizeof(ngx_http_hikeshi_ctx_t), r->connection->log);
        if (ctx == NULL) {
            return NULL;
        }
    }

    ngx_memzero(ctx, offsetof(ngx_http_hikeshi_ctx_t, memory));

    ctx->pool = r->pool;
    ctx->options.alloc = ngx_http_hikeshi_ctx_alloc;
    ctx->options.alloc_ctx = ctx;
    ctx->conf = hlcf;
    ctx->mode = mode;

    if (ngx_http_hikeshi_worker.rules) {
        ctx->rules = guard_rules_ref(ngx_http_hikeshi_worker.rules);
    }

    cln->handler = ngx_http_hikeshi_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_hikeshi_module);

    return ctx;
}


static void
ngx_http_hikeshi_cleanup(void *data)
{
    ngx_http_hikeshi_ctx_t  *ctx = data;

    ngx_http_hikeshi_worker_t  *w;

    guard_request_end(&ctx->guard);
    guard_rules_unref(ctx->rules);

    w = &ngx_http_hikeshi_worker;

    if (w->guard && w->nfree < ngx_http_hikeshi_kept) {
        ctx->next = w->free;
        w->free = ctx;
        w->nfree++;
        return;
    }

    ngx_free(ctx);
}


void
ngx_http_hikeshi_free_contexts(void)
{
    ngx_http_hikeshi_ctx_t     *ctx;
    ngx_http_hikeshi_worker_t  *w;

    w = &ngx_http_hikeshi_worker;

    while (w->free) {
        ctx = w->free;
        w->free = ctx->next;
        ngx_free(ctx);
    }

    w->nfree = 0;
}


ngx_http_hikeshi_ctx_t *
ngx_http_hikeshi_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_hikeshi_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hikeshi_module);

    if (ctx == &ngx_http_hikeshi_clean) {
        return NULL;
    }

    if (ctx || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /* a redirect has emptied r->ctx */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_hikeshi_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_hikeshi_examined(ngx_http_request_t *r)
{
    return ngx_http_get_module_ctx(r, ngx_http_hikeshi_module) != NULL;
}


ngx_int_t
ngx_http_hikeshi_log_handler(ngx_http_request_t *r)
{
    ngx_http_hikeshi_ctx_t       *ctx;
    ngx_http_hikeshi_counters_t  *counters;
    ngx_http_hikeshi_loc_conf_t  *hlcf;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_hikeshi_find_ctx(r);

    if (ctx == NULL && !ngx_http_hikeshi_examined(r)) {
        return NGX_OK;
    }

    hlcf = ctx ? ctx->conf
               : ngx_http_get_module_loc_conf(r, ngx_http_hikeshi_module);

    counters = ngx_http_hikeshi_counters(hlcf);

    (void) ngx_atomic_fetch_add(&counters->examined, 1);

    if (ctx == NULL || ctx->why == GUARD_NOTHING) {
        return NGX_OK;
    }

    (void) ngx_atomic_fetch_add(&counters->actions[ctx->action], 1);
    (void) ngx_atomic_fetch_add(&counters->found[ctx->why], 1);

    if (ctx->why == GUARD_LOOKUP || ctx->why == GUARD_CALLBACK) {
        (void) ngx_atomic_fetch_add(&counters->verdicts[ctx->verdict], 1);
    }

    return NGX_OK;
}


/*
 * Tells what is new in a finding; the status of a block, or NGX_DECLINED.
 *
 * hikeshi_beyond is for what was not examined.  A text that means something and asks for more
 * examining than its client has left is no such thing: let through, it would be enough to send many
 * attacks that are blocked before one that is not.
 */

static ngx_int_t
ngx_http_hikeshi_act(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    u_char                       name[4 * LIMIT_GUARD_FIELD_NAME + 16];
    struct buf                   out;
    struct guard_field           told;
    enum guard_action            action;
    const struct guard_finding  *found;

    found = &ctx->guard.found;

    if (ctx->mode != GUARD_BLOCK) {
        action = GUARD_REPORTED;

    } else if (found->why == GUARD_LIMIT && found->verdict == VERDICT_NONE) {
        action = (enum guard_action) ctx->conf->beyond;

    } else {
        action = GUARD_BLOCKED;
    }

    if (found->why == ctx->why && found->verdict == ctx->verdict
        && action <= ctx->action)
    {
        return NGX_DECLINED;
    }

    if (ctx->why == GUARD_NOTHING) {
        guard_id(ctx->id);
    }

    ctx->why = found->why;
    ctx->verdict = found->verdict;
    ctx->action = ngx_max(action, ctx->action);

    /* for the log: what the finding points to is gone by then */

    if (found->why != GUARD_CLIENT && found->why != GUARD_LIMIT) {
        buf_over(&out, name, sizeof(name));

        told = guard_event_field(&found->field);

        if (guard_field_write(&told, &out) == OK) {
            ctx->field.data = ngx_pnalloc(r->pool, out.n + 1);

            if (ctx->field.data) {
                ngx_memcpy(ctx->field.data, name, out.n + 1);
                ctx->field.len = out.n;
            }
        }
    }

    ngx_http_hikeshi_tell(r, ctx);

    if (action != GUARD_BLOCKED) {
        return NGX_DECLINED;
    }

    ctx->blocked = 1;

    return ngx_http_hikeshi_refuse(r, ctx, ctx->body_begun);
}


/* hikeshi_read_body: reads a body that the location's handler might not ask for */

static ngx_int_t
ngx_http_hikeshi_read_body(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf)
{
    ngx_int_t  rc;

    if (!hlcf->read_body
        || r->request_body
        || r->discard_body
        || (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_hikeshi_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_hikeshi_body_handler(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/*
 * A body that was read before, in a location where it was not examined, and goes on from this one:
 * what is there of it lies in memory and in a file.
 */

static ngx_int_t
ngx_http_hikeshi_body_before(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode)
{
    ngx_buf_t               *b;
    ngx_chain_t             *cl;
    ngx_http_hikeshi_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hikeshi_module);

    if (ctx == &ngx_http_hikeshi_clean) {
        ctx = ngx_http_hikeshi_create_ctx(r, hlcf, mode);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_hikeshi_begin(r, &ctx->guard, &ctx->options, hlcf);
    }

    if (ctx->body_begun) {
        return NGX_DECLINED;
    }

    if (ngx_http_hikeshi_body_begin(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->body_pieces = 1;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            guard_body_piece(&ctx->guard, slice_of(b->pos, b->last - b->pos));

        } else if (b->in_file
                   && ngx_http_hikeshi_body_file(ctx, b) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (!r->reading_body) {
        ngx_http_hikeshi_body_end(ctx);
    }

    return ctx->guard.found.why == GUARD_NOTHING ? NGX_DECLINED
                                                 : ngx_http_hikeshi_act(r, ctx);
}


/* No more of it than is examined, and a byte, by which the limit is told. */

static ngx_int_t
ngx_http_hikeshi_body_file(ngx_http_hikeshi_ctx_t *ctx, ngx_buf_t *b)
{
    off_t    pos, last;
    size_t   size;
    ssize_t  n;
    u_char   piece[16384];

    last = b->file_last;

    if (ctx->options.body_limit
        && (uint64_t) (last - b->file_pos) > ctx->options.body_limit)
    {
        last = b->file_pos + (off_t) ctx->options.body_limit + 1;
    }

    for (pos = b->file_pos; pos < last && !ctx->guard.over; pos += n) {
        size = (size_t) ngx_min(last - pos, (off_t) sizeof(piece));
        n = ngx_read_file(b->file, piece, size, pos);

        if (n <= 0) {
            return NGX_ERROR;
        }

        guard_body_piece(&ctx->guard, slice_of(piece, (size_t) n));
    }

    return NGX_OK;
}


void
ngx_http_hikeshi_body_filter_init(void)
{
    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_hikeshi_body_filter;
}


ngx_int_t
ngx_http_hikeshi_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                     rc;
    ngx_uint_t                    mode;
    ngx_chain_t                  *cl;
    ngx_http_hikeshi_ctx_t       *ctx;
    ngx_http_hikeshi_loc_conf_t  *hlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hikeshi_module);

    if (ctx == NULL || in == NULL || ctx->blocked || ctx->body_done) {
        return ngx_http_next_request_body_filter(r, in);
    }

    if (ctx == &ngx_http_hikeshi_clean) {
        hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hikeshi_module);
        mode = ngx_http_hikeshi_mode(r, hlcf);

        if (mode == GUARD_OFF) {

            /* by rules that came meanwhile */

            return ngx_http_next_request_body_filter(r, in);
        }

        ctx = ngx_http_hikeshi_create_ctx(r, hlcf, mode);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_hikeshi_begin(r, &ctx->guard, &ctx->options, hlcf);
    }

    if (!ctx->body_begun && ngx_http_hikeshi_body_begin(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (cl = in; cl; cl = cl->next) {

        if (cl->buf->pos != cl->buf->last) {
            ngx_http_hikeshi_body_piece(r, ctx, cl);
        }

        if (cl->buf->last_buf) {
            ngx_http_hikeshi_body_end(ctx);
        }
    }

    if (ctx->guard.found.why != GUARD_NOTHING) {
        rc = ngx_http_hikeshi_act(r, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_next_request_body_filter(r, in);
}


static ngx_int_t
ngx_http_hikeshi_body_begin(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    struct slice  type, encoding;

    type = ngx_http_hikeshi_header(r, "content-type");
    encoding = ngx_http_hikeshi_header(r, "content-encoding");

    ctx->body_begun = 1;

    /* packed bytes say nothing as they lie there */

    ctx->body_pieces = encoding.n > 0;

    return guard_body_begin(&ctx->guard, type, encoding) == OK ? NGX_OK
                                                               : NGX_ERROR;
}


struct slice
ngx_http_hikeshi_header(ngx_http_request_t *r, const char *lowcase)
{
    u_char           *p;
    size_t            len;
    ngx_uint_t        i;
    struct slice      list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    list = slice_of(NULL, 0);
    len = ngx_strlen(lowcase);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (header[i].key.len != len
                || ngx_strncasecmp(header[i].key.data, (u_char *) lowcase, len)
                   != 0)
            {
                continue;
            }

            if (list.n == 0) {
                list = ngx_http_hikeshi_slice(&header[i].value);
                continue;
            }

            p = ngx_pnalloc(r->pool, list.n + 1 + header[i].value.len);
            if (p == NULL) {
                return SLICE_LIT("unknown; charset=unknown");
            }

            ngx_memcpy(p, list.p, list.n);
            p[list.n] = ',';
            ngx_memcpy(p + list.n + 1, header[i].value.data,
                       header[i].value.len);

            list = slice_of(p, list.n + 1 + header[i].value.len);
        }
    }

    return list;
}


/*
 * A body that will stay in memory as a whole, in the buffer of the head and in one of its own, is
 * left there until it is complete, and then takes one pass.  Anything else is examined as it comes.
 */

static void
ngx_http_hikeshi_body_piece(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    ngx_chain_t *cl)
{
    ngx_buf_t     *b;
    struct slice  *last;

    b = cl->buf;

    if (!ctx->body_pieces) {
        last = ctx->nheld ? &ctx->held[ctx->nheld - 1] : NULL;

        if (last && b->pos == last->p + last->n) {
            last->n += b->last - b->pos;
            return;
        }

        if (ngx_http_hikeshi_holds(r, ctx, cl)) {
            ctx->held[ctx->nheld++] = slice_of(b->pos, b->last - b->pos);
            return;
        }

        ngx_http_hikeshi_release(ctx);
    }

    guard_body_piece(&ctx->guard, slice_of(b->pos, b->last - b->pos));
}


static void
ngx_http_hikeshi_release(ngx_http_hikeshi_ctx_t *ctx)
{
    ngx_uint_t  i;

    for (i = 0; i < ctx->nheld; i++) {
        guard_body_piece(&ctx->guard, ctx->held[i]);
    }

    ctx->nheld = 0;
    ctx->body_pieces = 1;
}


/*
 * Whether this piece and all that follows it stay where they are, and nobody sends them on before.
 * ngx_http_read_client_request_body() makes a buffer that the rest of a body fits in if it is not
 * longer than client_body_buffer_size and a quarter.
 */

static ngx_uint_t
ngx_http_hikeshi_holds(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    ngx_chain_t *cl)
{
    off_t                      rest;
    ngx_buf_t                 *b;
    ngx_uint_t                 i;
    ngx_http_request_body_t   *rb;
    ngx_http_core_loc_conf_t  *clcf;

    if (ctx->nheld == sizeof(ctx->held) / sizeof(ctx->held[0])) {
        return 0;
    }

    b = cl->buf;

    if (b->last_buf
        || (cl->next && cl->next->buf->last_buf
            && cl->next->buf->pos == cl->next->buf->last))
    {
        return 1;
    }

    rb = r->request_body;

    if (r->request_body_no_buffering
        || rb->filter_need_buffering
        || r->headers_in.chunked
        || r->headers_in.content_length_n <= 0)
    {
        return 0;
    }

    rest = r->headers_in.content_length_n;

    for (i = 0; i < ctx->nheld; i++) {
        rest -= ctx->held[i].n;
    }

    if (rb->buf) {
        return b->pos >= rb->buf->start && b->last <= rb->buf->end
               && rest <= rb->buf->end - b->pos;
    }

    if (ctx->nheld
        || b->pos < r->header_in->start || b->last > r->header_in->end)
    {
        return 0;
    }

    if (rest <= r->header_in->end - b->pos) {
        return 1;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return rest - (b->last - b->pos)
           < (off_t) (clcf->client_body_buffer_size
                      + clcf->client_body_buffer_size / 4);
}


static void
ngx_http_hikeshi_body_end(ngx_http_hikeshi_ctx_t *ctx)
{
    ctx->body_done = 1;

    if (!ctx->body_pieces) {
        if (guard_body_clean_pieces(&ctx->guard, ctx->held, ctx->nheld)) {
            return;
        }

        ngx_http_hikeshi_release(ctx);
    }

    guard_body_end(&ctx->guard);
}


ngx_uint_t
ngx_http_hikeshi_listed(ngx_array_t *fields, const struct guard_field *f)
{
    ngx_uint_t                i;
    ngx_http_hikeshi_field_t  *listed;

    if (fields == NULL) {
        return 0;
    }

    listed = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        if (listed[i].field.part == f->part
            && (listed[i].any_rest
                ? slice_starts(f->name, listed[i].field.name)
                : slice_eq(f->name, listed[i].field.name)))
        {
            return 1;
        }
    }

    return 0;
}


static bool
ngx_http_hikeshi_excluded(void *data, const struct guard_field *f)
{
    return ngx_http_hikeshi_listed(data, f);
}


static void *
ngx_http_hikeshi_pool_alloc(void *data, size_t n)
{
    return ngx_palloc(data, n);
}


static void *
ngx_http_hikeshi_ctx_alloc(void *data, size_t n)
{
    ngx_http_hikeshi_ctx_t *ctx = data;

    u_char  *p;

    p = ngx_align_ptr(ctx->memory + ctx->used, 16);

    if (n > (size_t) (ctx->memory + NGX_HTTP_HIKESHI_MEMORY - p)) {
        return ngx_palloc(ctx->pool, n);
    }

    ctx->used = p + n - ctx->memory;

    return p;
}
