
/*
 * Directives and their merging, and what a worker has.
 */


#include "ngx_http_hikeshi.h"


static ngx_int_t ngx_http_hikeshi_list(ngx_conf_t *cf, ngx_array_t **list,
    size_t size, const char **why);
static char *ngx_http_hikeshi_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hikeshi_fields(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hikeshi_page(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hikeshi_event_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_hikeshi_check_status(ngx_conf_t *cf, void *post,
    void *data);
static void *ngx_http_hikeshi_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_hikeshi_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_hikeshi_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_hikeshi_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_hikeshi_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_hikeshi_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_hikeshi_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_hikeshi_init_process(ngx_cycle_t *cycle);
static void ngx_http_hikeshi_exit_process(ngx_cycle_t *cycle);


ngx_http_hikeshi_worker_t  ngx_http_hikeshi_worker;


static ngx_conf_enum_t  ngx_http_hikeshi_modes[] = {
    { ngx_string("off"), GUARD_OFF },
    { ngx_string("report"), GUARD_REPORT },
    { ngx_string("block"), GUARD_BLOCK },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_hikeshi_beyond[] = {
    { ngx_string("pass"), GUARD_PASSED },
    { ngx_string("block"), GUARD_BLOCKED },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_hikeshi_least[] = {
    { ngx_string("attempt"), VERDICT_ATTEMPT },
    { ngx_string("if-closed"), VERDICT_IF_CLOSED },
    { ngx_string("reaches"), VERDICT_REACHES },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_hikeshi_status_post = {
    ngx_http_hikeshi_check_status
};


#define NGX_HTTP_HIKESHI_ANYWHERE                                             \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


static ngx_command_t  ngx_http_hikeshi_commands[] = {

    { ngx_string("hikeshi"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, mode),
      &ngx_http_hikeshi_modes },

    { ngx_string("hikeshi_status"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, status),
      &ngx_http_hikeshi_status_post },

    { ngx_string("hikeshi_page"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_hikeshi_page,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_body_limit"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_off_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, body_limit),
      NULL },

    { ngx_string("hikeshi_beyond"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, beyond),
      &ngx_http_hikeshi_beyond },

    { ngx_string("hikeshi_least"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, least),
      &ngx_http_hikeshi_least },

    { ngx_string("hikeshi_read_body"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, read_body),
      NULL },

    { ngx_string("hikeshi_allow"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_hikeshi_allow,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_exclude"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_hikeshi_fields,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, exclude),
      NULL },

    { ngx_string("hikeshi_secret"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_1MORE,
      ngx_http_hikeshi_fields,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_hikeshi_loc_conf_t, secret),
      NULL },

    { ngx_string("hikeshi_events"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_hikeshi_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_event_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_hikeshi_event_rate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_rules"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_hikeshi_rules,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_zone"),
      NGX_HTTP_HIKESHI_ANYWHERE|NGX_CONF_TAKE1,
      ngx_http_hikeshi_zone,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hikeshi_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_hikeshi_metrics,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_hikeshi_module_ctx = {
    ngx_http_hikeshi_add_variables,        /* preconfiguration */
    ngx_http_hikeshi_init,                 /* postconfiguration */

    ngx_http_hikeshi_create_main_conf,     /* create main configuration */
    ngx_http_hikeshi_init_main_conf,       /* init main configuration */

    ngx_http_hikeshi_create_srv_conf,      /* create server configuration */
    ngx_http_hikeshi_merge_srv_conf,       /* merge server configuration */

    ngx_http_hikeshi_create_loc_conf,      /* create location configuration */
    ngx_http_hikeshi_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_hikeshi_module = {
    NGX_MODULE_V1,
    &ngx_http_hikeshi_module_ctx,          /* module context */
    ngx_http_hikeshi_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_hikeshi_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_hikeshi_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* a list that a directive adds to, or its only value "none": an empty one, which stays empty */

static ngx_int_t
ngx_http_hikeshi_list(ngx_conf_t *cf, ngx_array_t **list, size_t size,
    const char **why)
{
    ngx_str_t   *value;
    ngx_uint_t   i, none;

    value = cf->args->elts;
    none = 0;

    for (i = 1; i < cf->args->nelts; i++) {
        none |= ngx_strcmp(value[i].data, "none") == 0;
    }

    if (none && cf->args->nelts > 2) {
        *why = "has \"none\" beside values";
        return NGX_ERROR;
    }

    if (*list == NGX_CONF_UNSET_PTR) {
        *list = ngx_array_create(cf->pool, 4, size);
        *why = NGX_CONF_ERROR;

        return *list ? NGX_OK : NGX_ERROR;
    }

    if ((*list)->nelts == 0) {
        *why = "is \"none\" already";
        return NGX_ERROR;
    }

    *why = "has values already";

    return none ? NGX_ERROR : NGX_OK;
}


static char *
ngx_http_hikeshi_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_loc_conf_t  *hlcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;
    const char  *why;

    if (ngx_http_hikeshi_list(cf, &hlcf->allow, sizeof(ngx_cidr_t), &why)
        != NGX_OK)
    {
        return (char *) why;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (cf->args->nelts == 2 && ngx_strcmp(value[i].data, "none") == 0) {
            break;
        }

        cidr = ngx_array_push(hlcf->allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


/* hikeshi_exclude, hikeshi_secret: fields; of the second, a bare name is that of a header */

static char *
ngx_http_hikeshi_fields(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    bool                        any_rest;
    ngx_str_t                  *value, name;
    ngx_uint_t                  i;
    struct err                  err;
    const char                 *why;
    ngx_array_t               **fields;
    struct guard_field          field;
    ngx_http_hikeshi_field_t   *f;

    fields = (ngx_array_t **) (p + cmd->offset);

    if (ngx_http_hikeshi_list(cf, fields, sizeof(ngx_http_hikeshi_field_t),
                              &why)
        != NGX_OK)
    {
        return (char *) why;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (cf->args->nelts == 2 && ngx_strcmp(value[i].data, "none") == 0) {
            break;
        }

        name = value[i];

        if (cmd->offset == offsetof(ngx_http_hikeshi_loc_conf_t, secret)
            && ngx_strlchr(name.data, name.data + name.len, ':') == NULL)
        {
            name.len += sizeof("header:") - 1;
            name.data = ngx_pnalloc(cf->pool, name.len + 1);
            if (name.data == NULL) {
                return NGX_CONF_ERROR;
            }

            (void) ngx_sprintf(name.data, "header:%V%Z", &value[i]);
            ngx_strlow(name.data, name.data, name.len);
        }

        if (guard_field_parse(ngx_http_hikeshi_slice(&name), &field,
                              &any_rest, &err)
            != OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid field \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, err.msg);
            return NGX_CONF_ERROR;
        }

        f = ngx_array_push(*fields);
        if (f == NULL) {
            return NGX_CONF_ERROR;
        }

        f->field = field;
        f->any_rest = any_rest;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_hikeshi_page(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_loc_conf_t  *hlcf = conf;

    ngx_str_t  *value;

    if (hlcf->page.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "default") == 0) {
        ngx_str_set(&hlcf->page, "");
        return NGX_CONF_OK;
    }

    if (value[1].data[0] != '/' && value[1].data[0] != '@') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid page \"%V\": it is a path that begins "
                           "with \"/\", or a named location", &value[1]);
        return NGX_CONF_ERROR;
    }

    hlcf->page = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_hikeshi_event_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_main_conf_t  *hmcf = conf;

    ngx_str_t  *value;

    if (hmcf->event_burst != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        hmcf->event_burst = 0;
        return NGX_CONF_OK;
    }

    hmcf->event_burst = ngx_atoi(value[1].data, value[1].len);

    if (hmcf->event_burst == NGX_ERROR
        || hmcf->event_burst == 0
        || hmcf->event_burst > 1000000)
    {
        return "is \"off\" or a number of events, 1 to 1000000";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_hikeshi_check_status(ngx_conf_t *cf, void *post, void *data)
{
    ngx_int_t  *np = data;

    if (*np < 400 || *np > 599) {
        return "is 400 to 599";
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_hikeshi_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_hikeshi_main_conf_t  *hmcf;

    hmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_hikeshi_main_conf_t));
    if (hmcf == NULL) {
        return NULL;
    }

    hmcf->event_burst = NGX_CONF_UNSET;

    if (ngx_array_init(&hmcf->zones, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NULL;
    }

    return hmcf;
}


static char *
ngx_http_hikeshi_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_hikeshi_main_conf_t  *hmcf = conf;

    ngx_conf_init_value(hmcf->event_burst, 20);

    return NGX_CONF_OK;
}


static void *
ngx_http_hikeshi_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_hikeshi_srv_conf_t));
}


/* nginx forgets the names of a server when it has read its configuration */

static char *
ngx_http_hikeshi_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_hikeshi_srv_conf_t  *hscf = child;

    size_t                     size;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    size = cscf->server_names.nelts * sizeof(ngx_http_server_name_t);

    hscf->names = ngx_palloc(cf->pool, size);
    if (hscf->names == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(hscf->names, cscf->server_names.elts, size);
    hscf->nnames = cscf->server_names.nelts;

    return NGX_CONF_OK;
}


static void *
ngx_http_hikeshi_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_hikeshi_loc_conf_t  *hlcf;

    hlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_hikeshi_loc_conf_t));
    if (hlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     hlcf->page = { 0, NULL };
     */

    hlcf->main = ngx_http_conf_get_module_main_conf(cf, ngx_http_hikeshi_module);
    hlcf->mode = NGX_CONF_UNSET_UINT;
    hlcf->status = NGX_CONF_UNSET_UINT;
    hlcf->body_limit = NGX_CONF_UNSET;
    hlcf->beyond = NGX_CONF_UNSET_UINT;
    hlcf->least = NGX_CONF_UNSET_UINT;
    hlcf->read_body = NGX_CONF_UNSET;
    hlcf->zone = NGX_CONF_UNSET_UINT;
    hlcf->allow = NGX_CONF_UNSET_PTR;
    hlcf->exclude = NGX_CONF_UNSET_PTR;
    hlcf->secret = NGX_CONF_UNSET_PTR;
    hlcf->events = NGX_CONF_UNSET_PTR;

    return hlcf;
}


static char *
ngx_http_hikeshi_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_hikeshi_loc_conf_t  *prev = parent;
    ngx_http_hikeshi_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->mode, prev->mode, GUARD_OFF);
    ngx_conf_merge_uint_value(conf->status, prev->status, NGX_HTTP_FORBIDDEN);
    ngx_conf_merge_str_value(conf->page, prev->page, "");
    ngx_conf_merge_off_value(conf->body_limit, prev->body_limit, 1024 * 1024);
    ngx_conf_merge_uint_value(conf->beyond, prev->beyond, GUARD_PASSED);
    ngx_conf_merge_uint_value(conf->least, prev->least, VERDICT_IF_CLOSED);
    ngx_conf_merge_value(conf->read_body, prev->read_body, 0);
    ngx_conf_merge_uint_value(conf->zone, prev->zone, 0);
    ngx_conf_merge_ptr_value(conf->allow, prev->allow, NULL);
    ngx_conf_merge_ptr_value(conf->exclude, prev->exclude, NULL);
    ngx_conf_merge_ptr_value(conf->secret, prev->secret, NULL);
    ngx_conf_merge_ptr_value(conf->events, prev->events, NULL);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hikeshi_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /* handlers of a phase run from the last to the first: before rewrite's */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_hikeshi_page_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_hikeshi_head_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_hikeshi_log_handler;

    ngx_http_hikeshi_body_filter_init();

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hikeshi_module);

    return ngx_http_hikeshi_shared(cf, hmcf);
}


static ngx_int_t
ngx_http_hikeshi_init_process(ngx_cycle_t *cycle)
{
    ngx_http_hikeshi_worker_t     *w;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    hmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hikeshi_module);

    if (hmcf == NULL) {
        return NGX_OK;
    }

    w = &ngx_http_hikeshi_worker;

    if (w->guard == NULL && guard_new(&w->guard) != OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "hikeshi: no memory for a worker");
        return NGX_ERROR;
    }

    if (hmcf->event_burst > 0
        && guard_rate_new((unsigned) hmcf->event_burst, &w->rate) != OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "hikeshi: no memory for a worker");
        return NGX_ERROR;
    }

    return ngx_http_hikeshi_rules_start(cycle);
}


static void
ngx_http_hikeshi_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_hikeshi_worker_t  *w;

    w = &ngx_http_hikeshi_worker;

    ngx_http_hikeshi_rules_stop();
    ngx_http_hikeshi_free_contexts();

    guard_rate_free(w->rate);
    w->rate = NULL;

    guard_free(w->guard);
    w->guard = NULL;
}
