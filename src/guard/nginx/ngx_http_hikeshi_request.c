
/*
 * A request: its head, and what is done about what is found.
 */


#include "ngx_http_hikeshi.h"


/* a place among the headers */

typedef struct {
    ngx_list_part_t                    *part;
    ngx_uint_t                          i;
} ngx_http_hikeshi_headers_t;


static ngx_int_t ngx_http_hikeshi_again(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static ngx_int_t ngx_http_hikeshi_head(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode, struct slice site);
static struct slice ngx_http_hikeshi_raw_head(ngx_http_request_t *r);
static void ngx_http_hikeshi_head_fields(ngx_http_request_t *r,
    struct guard_request *q);
static bool ngx_http_hikeshi_next_header(void *data, struct guard_header *ret);
static void ngx_http_hikeshi_cleanup(void *data);
static bool ngx_http_hikeshi_excluded(void *data, const struct guard_field *f);
static void *ngx_http_hikeshi_pool_alloc(void *data, size_t n);
static void *ngx_http_hikeshi_ctx_alloc(void *data, size_t n);


ngx_http_hikeshi_ctx_t  ngx_http_hikeshi_clean;

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
    struct slice                  site;
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
    mode = ngx_http_hikeshi_mode(r, hlcf, &site);

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
        rc = ngx_http_hikeshi_head(r, hlcf, mode, site);
    }

    if (rc == NGX_DECLINED && r->request_body && r->request_body->bufs) {
        rc = ngx_http_hikeshi_body_before(r, hlcf, mode, site);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_hikeshi_read_body(r, hlcf);
}


/* "off" where the client is allowed or the directive says so; else the rules may know better */

ngx_uint_t
ngx_http_hikeshi_mode(ngx_http_request_t *r, ngx_http_hikeshi_loc_conf_t *hlcf,
    struct slice *site)
{
    ngx_uint_t           named;
    enum guard_mode      mode, any;
    struct guard_rules  *rules;

    *site = slice_of(NULL, 0);

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

    *site = ngx_http_hikeshi_site(r, &named);
    mode = guard_rules_mode(rules, *site);

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
    ngx_uint_t mode, struct slice site)
{
    struct slice             raw;
    struct guard_request     q;
    struct guard_options     o;
    ngx_http_hikeshi_ctx_t  *ctx;

    ngx_memzero(&o, sizeof(struct guard_options));

    o.alloc = ngx_http_hikeshi_pool_alloc;
    o.alloc_ctx = r->pool;

    ngx_http_hikeshi_begin(r, &q, &o, hlcf, site);

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


void
ngx_http_hikeshi_begin(ngx_http_request_t *r, struct guard_request *q,
    struct guard_options *o, ngx_http_hikeshi_loc_conf_t *hlcf,
    struct slice site)
{
    o->least = (enum verdict) hlcf->least;
    o->body_limit = (uint64_t) hlcf->body_limit;
    o->excluded = hlcf->exclude ? ngx_http_hikeshi_excluded : NULL;
    o->excluded_ctx = hlcf->exclude;

    ngx_memzero(q, sizeof(struct guard_request));

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


ngx_http_hikeshi_ctx_t *
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

ngx_int_t
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
