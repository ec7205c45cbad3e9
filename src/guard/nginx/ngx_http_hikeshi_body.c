
/*
 * The body of a request, as it comes in, and one that was read before.
 */


#include "ngx_http_hikeshi.h"


static ngx_int_t ngx_http_hikeshi_body_file(ngx_http_hikeshi_ctx_t *ctx,
    ngx_buf_t *b);
static void ngx_http_hikeshi_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_hikeshi_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_hikeshi_body_begin(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
static void ngx_http_hikeshi_body_piece(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, ngx_chain_t *cl);
static void ngx_http_hikeshi_release(ngx_http_hikeshi_ctx_t *ctx);
static ngx_uint_t ngx_http_hikeshi_holds(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx, ngx_chain_t *cl);
static void ngx_http_hikeshi_body_end(ngx_http_hikeshi_ctx_t *ctx);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


/* hikeshi_read_body: reads a body that the location's handler might not ask for */

ngx_int_t
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

ngx_int_t
ngx_http_hikeshi_body_before(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode, struct slice site)
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

        ngx_http_hikeshi_begin(r, &ctx->guard, &ctx->options, hlcf, site);
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


static ngx_int_t
ngx_http_hikeshi_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                     rc;
    ngx_uint_t                    mode;
    struct slice                  site;
    ngx_chain_t                  *cl;
    ngx_http_hikeshi_ctx_t       *ctx;
    ngx_http_hikeshi_loc_conf_t  *hlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hikeshi_module);

    if (ctx == NULL || in == NULL || ctx->blocked || ctx->body_done) {
        return ngx_http_next_request_body_filter(r, in);
    }

    if (ctx == &ngx_http_hikeshi_clean) {
        hlcf = ngx_http_get_module_loc_conf(r, ngx_http_hikeshi_module);
        mode = ngx_http_hikeshi_mode(r, hlcf, &site);

        if (mode == GUARD_OFF) {

            /* by rules that came meanwhile */

            return ngx_http_next_request_body_filter(r, in);
        }

        ctx = ngx_http_hikeshi_create_ctx(r, hlcf, mode);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_hikeshi_begin(r, &ctx->guard, &ctx->options, hlcf, site);
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
    ngx_uint_t        i, several;
    struct slice      list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    several = 0;
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

            /* two are as unclear as a thousand, which would take memory */

            if (several++) {
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
