
/*
 * What a blocked client gets, and variables.
 *
 * A block leaves the phase or the filter with a status, as nginx' own refusals do, so error_page and
 * the closing of connections work as people know them.  Where hikeshi_page or the page of the module
 * is to be shown, this one request is given a location whose error_page leads there.
 *
 * The page is never taken from an upstream: that would hand over, as the headers of a request for a
 * page, what has just been kept from it.
 */


#include "ngx_http_hikeshi.h"


#define NGX_HTTP_HIKESHI_VERDICT  0
#define NGX_HTTP_HIKESHI_ACTION   1
#define NGX_HTTP_HIKESHI_ID       2
#define NGX_HTTP_HIKESHI_RULE     3
#define NGX_HTTP_HIKESHI_FIELD    4


static ngx_int_t ngx_http_hikeshi_lead_to(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *page);
static ngx_uint_t ngx_http_hikeshi_has_page(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_uint_t ngx_http_hikeshi_japanese(ngx_http_request_t *r);
static ngx_int_t ngx_http_hikeshi_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* where the module's own page is asked for; seen in $uri only */
static ngx_str_t  ngx_http_hikeshi_own_page = ngx_string("/hikeshi-blocked");


static const char  ngx_http_hikeshi_page_en[] =
    "<!DOCTYPE html>" CRLF
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<meta name=\"robots\" content=\"noindex\">"
    "<title>Request not accepted</title></head>" CRLF
    "<body><h1>Request not accepted</h1>" CRLF
    "<p>If you think that this is a mistake, tell the operator of this site "
    "the number below.</p>" CRLF
    "<p><code>%s</code></p></body></html>" CRLF;

static const char  ngx_http_hikeshi_page_ja[] =
    "<!DOCTYPE html>" CRLF
    "<html lang=\"ja\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<meta name=\"robots\" content=\"noindex\">"
    "<title>リクエストを受け付けられませんでした</title></head>" CRLF
    "<body><h1>リクエストを受け付けられませんでした</h1>" CRLF
    "<p>お心当たりのない場合は、次の番号を添えてこのサイトの運営者にお問い合わせください。"
    "</p>" CRLF
    "<p><code>%s</code></p></body></html>" CRLF;


static ngx_http_variable_t  ngx_http_hikeshi_variables[] = {

    { ngx_string("hikeshi_verdict"), NULL, ngx_http_hikeshi_variable,
      NGX_HTTP_HIKESHI_VERDICT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hikeshi_action"), NULL, ngx_http_hikeshi_variable,
      NGX_HTTP_HIKESHI_ACTION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hikeshi_id"), NULL, ngx_http_hikeshi_variable,
      NGX_HTTP_HIKESHI_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hikeshi_rule"), NULL, ngx_http_hikeshi_variable,
      NGX_HTTP_HIKESHI_RULE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hikeshi_field"), NULL, ngx_http_hikeshi_variable,
      NGX_HTTP_HIKESHI_FIELD, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_hikeshi_refuse(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    ngx_uint_t in_body)
{
    ngx_int_t   rc;
    ngx_uint_t  status;

    status = ctx->conf->status;

    if (in_body) {

        /* nobody reads the rest of it: it must not be taken for a request */

        r->keepalive = 0;
        r->lingering_close = 1;

        /* nor may a page's handler find what has come in already */

        r->request_body->bufs = NULL;
        r->headers_in.content_length_n = -1;
        r->headers_in.chunked = 0;
    }

    if (status == NGX_HTTP_CLOSE) {
        return NGX_HTTP_CLOSE;
    }

    if (ctx->conf->page.len) {
        rc = ngx_http_hikeshi_lead_to(r, status, &ctx->conf->page);

    } else if (ngx_http_hikeshi_has_page(r, status)) {
        return status;

    } else {
        ctx->own_page = 1;
        rc = ngx_http_hikeshi_lead_to(r, status, &ngx_http_hikeshi_own_page);
    }

    return rc == NGX_OK ? (ngx_int_t) status : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* a copy of the location, for this request alone, with one error_page */

static ngx_int_t
ngx_http_hikeshi_lead_to(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *page)
{
    void                      **confs;
    ngx_array_t                *pages;
    ngx_http_err_page_t        *err;
    ngx_http_core_loc_conf_t   *clcf;

    confs = ngx_palloc(r->pool, sizeof(void *) * ngx_http_max_module);
    clcf = ngx_palloc(r->pool, sizeof(ngx_http_core_loc_conf_t));
    pages = ngx_array_create(r->pool, 1, sizeof(ngx_http_err_page_t));

    if (confs == NULL || clcf == NULL || pages == NULL) {
        return NGX_ERROR;
    }

    err = ngx_array_push(pages);    /* there is room */

    ngx_memzero(err, sizeof(ngx_http_err_page_t));

    err->status = status;
    err->overwrite = -1;
    err->value.value = *page;

    ngx_memcpy(confs, r->loc_conf, sizeof(void *) * ngx_http_max_module);
    *clcf = *(ngx_http_core_loc_conf_t *)
                 ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    clcf->error_pages = pages;
    confs[ngx_http_core_module.ctx_index] = clcf;

    r->loc_conf = confs;
    r->error_page = 0;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_hikeshi_has_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *err;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page) {
        return 0;
    }

    err = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (err[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


/* in the server rewrite phase, before anything can lead the module's own page elsewhere */

ngx_int_t
ngx_http_hikeshi_page_handler(ngx_http_request_t *r)
{
    ngx_http_hikeshi_ctx_t  *ctx;

    if (!r->internal || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_hikeshi_find_ctx(r);

    if (ctx == NULL || !ctx->blocked || !ctx->own_page) {
        return NGX_DECLINED;
    }

    return ngx_http_hikeshi_send_page(r, ctx);
}


ngx_int_t
ngx_http_hikeshi_send_page(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx)
{
    size_t                     len;
    ngx_str_t                  type, text;
    const char                *page;
    ngx_table_elt_t           *h;
    ngx_http_complex_value_t   cv;

    page = ngx_http_hikeshi_japanese(r) ? ngx_http_hikeshi_page_ja
                                        : ngx_http_hikeshi_page_en;

    len = ngx_strlen(page) + sizeof(ctx->id);

    text.data = ngx_pnalloc(r->pool, len);
    h = ngx_list_push(&r->headers_out.headers);

    if (text.data == NULL || h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    h->lowcase_key = (u_char *) "cache-control";
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    text.len = ngx_snprintf(text.data, len, page, ctx->id) - text.data;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = text;

    ngx_str_set(&type, "text/html; charset=utf-8");

    return ngx_http_send_response(r, ctx->conf->status, &type, &cv);
}


/* RFC 9110, section 12.5.4, as far as two languages need it: q of "ja" is above that of "en" */

static ngx_uint_t
ngx_http_hikeshi_japanese(ngx_http_request_t *r)
{
    size_t         i;
    ngx_int_t      q, ja, en;
    struct slice   list, item;

    list = ngx_http_hikeshi_header(r, "accept-language");
    ja = -1;
    en = 0;

    while (slice_next_field(&list, ',', &item)) {
        item = slice_trim(item);

        if (item.n < 2) {
            continue;
        }

        /* ";q=0.x" by its first decimal: the others part nothing here */

        q = 10;

        for (i = 2; i + 2 < item.n; i++) {
            if (item.p[i] == 'q' && item.p[i + 1] == '='
                && item.p[i + 2] == '0')
            {
                q = i + 4 < item.n ? item.p[i + 4] - '0' : 0;
            }
        }

        if (q <= 0) {
            continue;
        }

        if (ngx_strncasecmp((u_char *) item.p, (u_char *) "ja", 2) == 0) {
            ja = ngx_max(ja, q);

        } else if (ngx_strncasecmp((u_char *) item.p, (u_char *) "en", 2) == 0) {
            en = ngx_max(en, q);
        }
    }

    return ja > en;
}


ngx_int_t
ngx_http_hikeshi_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_hikeshi_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_hikeshi_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const char              *text;
    ngx_http_hikeshi_ctx_t  *ctx;

    r = r->main;
    ctx = ngx_http_hikeshi_find_ctx(r);
    text = NULL;

    if (ctx && ctx->why != GUARD_NOTHING) {

        switch (data) {

        case NGX_HTTP_HIKESHI_VERDICT:
            text = ctx->why == GUARD_LOOKUP || ctx->why == GUARD_CALLBACK
                   ? verdict_name(ctx->verdict)
                   : guard_why_name(ctx->why);
            break;

        case NGX_HTTP_HIKESHI_ACTION:
            text = guard_action_name(ctx->action);
            break;

        case NGX_HTTP_HIKESHI_ID:
            text = ctx->id;
            break;

        case NGX_HTTP_HIKESHI_RULE:
            text = ctx->guard.found.rule;
            break;

        default: /* NGX_HTTP_HIKESHI_FIELD */
            text = ctx->field.len ? (char *) ctx->field.data : NULL;
        }

    } else if (data == NGX_HTTP_HIKESHI_VERDICT
               && (ctx || ngx_http_hikeshi_examined(r)))
    {
        text = verdict_name(VERDICT_NONE);
    }

    if (text == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = ngx_strlen(text);
    v->data = (u_char *) text;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
