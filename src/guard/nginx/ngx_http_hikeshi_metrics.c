
/*
 * Counters in shared memory, and the page that shows them in Prometheus' text format.
 *
 * Each name of hikeshi_zone has a slot; slot 0 is that of requests outside any zone.  Names are found
 * again after a reload, so counters go on, and old workers that are finishing still count.
 */


#include "ngx_http_hikeshi.h"

#include "base/utf8.h"


static ngx_int_t ngx_http_hikeshi_init_shared(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_hikeshi_init_slots(ngx_shm_zone_t *shm_zone,
    ngx_http_hikeshi_main_conf_t *hmcf);
static ngx_int_t ngx_http_hikeshi_metrics_handler(ngx_http_request_t *r);
static u_char *ngx_http_hikeshi_print(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf);
static u_char *ngx_http_hikeshi_print_zones(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf, ngx_uint_t family);
static u_char *ngx_http_hikeshi_print_rules(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf);


static ngx_str_t  ngx_http_hikeshi_shm_name = ngx_string("hikeshi");


typedef struct {
    const char  *name;
    const char  *help;
    const char  *label;         /* NULL: one counter */
    size_t       offset;
    ngx_uint_t   n;
} ngx_http_hikeshi_family_t;


static ngx_http_hikeshi_family_t  ngx_http_hikeshi_families[] = {

    { "hikeshi_requests_examined_total",
      "Requests that were examined.", NULL,
      offsetof(ngx_http_hikeshi_counters_t, examined), 1 },

    { "hikeshi_requests_total",
      "Requests with a finding, by what was done.", "action",
      offsetof(ngx_http_hikeshi_counters_t, actions), GUARD_BLOCKED + 1 },

    { "hikeshi_findings_total",
      "Findings, by their kind.", "why",
      offsetof(ngx_http_hikeshi_counters_t, found), GUARD_LIMIT + 1 },

    { "hikeshi_lookups_total",
      "Lookups found, by how far they get.", "verdict",
      offsetof(ngx_http_hikeshi_counters_t, verdicts), VERDICT_REACHES + 1 },

    { "hikeshi_events_total",
      "Events written.", NULL,
      offsetof(ngx_http_hikeshi_counters_t, events), 1 },

    { "hikeshi_events_dropped_total",
      "Events that were not written: too many of one client, or the log failed.",
      NULL,
      offsetof(ngx_http_hikeshi_counters_t, dropped), 1 },
};


#define NGX_HTTP_HIKESHI_FAMILIES                                             \
    (sizeof(ngx_http_hikeshi_families) / sizeof(ngx_http_hikeshi_families[0]))

/* a line: the longest name, two labels, a number */
#define NGX_HTTP_HIKESHI_LINE    (160 + NGX_HTTP_HIKESHI_ZONE_NAME)
#define NGX_HTTP_HIKESHI_LINES   (3 + 7 + 4 + 3)


ngx_int_t
ngx_http_hikeshi_shared(ngx_conf_t *cf, ngx_http_hikeshi_main_conf_t *hmcf)
{
    hmcf->shm_zone = ngx_shared_memory_add(cf, &ngx_http_hikeshi_shm_name,
                                           8 * ngx_pagesize,
                                           &ngx_http_hikeshi_module);
    if (hmcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    hmcf->shm_zone->init = ngx_http_hikeshi_init_shared;
    hmcf->shm_zone->data = hmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_hikeshi_init_shared(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_hikeshi_main_conf_t  *before = data;

    ngx_slab_pool_t               *shpool;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    hmcf = shm_zone->data;

    if (before) {
        hmcf->sh = before->sh;
        return ngx_http_hikeshi_init_slots(shm_zone, hmcf);
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        hmcf->sh = shpool->data;
        return ngx_http_hikeshi_init_slots(shm_zone, hmcf);
    }

    hmcf->sh = ngx_slab_calloc(shpool, sizeof(ngx_http_hikeshi_sh_t));
    if (hmcf->sh == NULL) {
        return NGX_ERROR;
    }

    shpool->data = hmcf->sh;
    hmcf->sh->changed = (ngx_atomic_uint_t) ngx_time();

    return ngx_http_hikeshi_init_slots(shm_zone, hmcf);
}


static ngx_int_t
ngx_http_hikeshi_init_slots(ngx_shm_zone_t *shm_zone,
    ngx_http_hikeshi_main_conf_t *hmcf)
{
    ngx_str_t                *name;
    ngx_uint_t                i, k, pass, wanted[NGX_HTTP_HIKESHI_ZONES];
    ngx_http_hikeshi_slot_t  *slot;

    hmcf->sh->starts = 0;

    ngx_memzero(wanted, sizeof(wanted));

    wanted[0] = 1;
    hmcf->counters[0] = &hmcf->sh->slots[0].counters;

    name = hmcf->zones.elts;

    /*
     * First the names that have a slot, then others in those that never had
     * one, and last in those of names that are gone: old workers may still
     * count there, and these names may come back.
     */

    for (pass = 0; pass < 3; pass++) {
        for (i = 0; i < hmcf->zones.nelts; i++) {

            if (hmcf->counters[i + 1]) {
                continue;
            }

            for (k = 1; k < NGX_HTTP_HIKESHI_ZONES; k++) {
                slot = &hmcf->sh->slots[k];

                if (wanted[k]
                    || (pass == 0
                        && ngx_strcmp(slot->name, name[i].data) != 0)
                    || (pass == 1 && slot->name[0] != '\0'))
                {
                    continue;
                }

                if (pass > 0) {
                    ngx_memzero(slot, sizeof(ngx_http_hikeshi_slot_t));
                    (void) ngx_cpystrn(slot->name, name[i].data,
                                       NGX_HTTP_HIKESHI_ZONE_NAME);
                }

                wanted[k] = 1;
                hmcf->counters[i + 1] = &slot->counters;
                break;
            }
        }
    }

    return NGX_OK;
}


char *
ngx_http_hikeshi_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_loc_conf_t  *hlcf = conf;

    u_char                         c;
    ngx_str_t                     *value, *name;
    ngx_uint_t                     i;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    if (hlcf->zone != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len >= NGX_HTTP_HIKESHI_ZONE_NAME) {
        return "has a name that is empty or too long";
    }

    /* it stands in quotes on the page */

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i];

        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            return "has a name with a quote, a backslash or a control character";
        }
    }

    if (!utf8_valid(ngx_http_hikeshi_slice(&value[1]), NULL)) {
        return "has a name that is no UTF-8";
    }

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hikeshi_module);
    name = hmcf->zones.elts;

    for (i = 0; i < hmcf->zones.nelts; i++) {
        if (ngx_strcmp(name[i].data, value[1].data) == 0) {
            hlcf->zone = i + 1;
            return NGX_CONF_OK;
        }
    }

    if (hmcf->zones.nelts == NGX_HTTP_HIKESHI_ZONES - 1) {
        return "is one name more than there may be";
    }

    name = ngx_array_push(&hmcf->zones);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = value[1];
    hlcf->zone = hmcf->zones.nelts;

    return NGX_CONF_OK;
}


ngx_http_hikeshi_counters_t *
ngx_http_hikeshi_counters(ngx_http_hikeshi_loc_conf_t *hlcf)
{
    /* not those of ngx_cycle, which may be a later one than the request's */

    return hlcf->main->counters[hlcf->zone];
}


char *
ngx_http_hikeshi_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is in a location that has a handler already";
    }

    clcf->handler = ngx_http_hikeshi_metrics_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_hikeshi_metrics_handler(ngx_http_request_t *r)
{
    u_char                        *p;
    size_t                         size;
    ngx_int_t                      rc;
    ngx_str_t                      text, type;
    ngx_http_complex_value_t       cv;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    hmcf = ngx_http_get_module_main_conf(r, ngx_http_hikeshi_module);

    size = (hmcf->zones.nelts + 1) * NGX_HTTP_HIKESHI_LINES
               * NGX_HTTP_HIKESHI_LINE
           + (NGX_HTTP_HIKESHI_FAMILIES + 4) * 256;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;
    text.len = ngx_http_hikeshi_print(p, p + size, hmcf) - p;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = text;

    ngx_str_set(&type, "text/plain; version=0.0.4; charset=utf-8");

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


static u_char *
ngx_http_hikeshi_print(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_HIKESHI_FAMILIES; i++) {
        p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s counter\n",
                         ngx_http_hikeshi_families[i].name,
                         ngx_http_hikeshi_families[i].help,
                         ngx_http_hikeshi_families[i].name);
        p = ngx_http_hikeshi_print_zones(p, last, hmcf, i);
    }

    return ngx_http_hikeshi_print_rules(p, last, hmcf);
}


static const char *
ngx_http_hikeshi_label(ngx_uint_t family, ngx_uint_t i)
{
    switch (ngx_http_hikeshi_families[family].label[0]) {
    case 'a':
        return guard_action_name((enum guard_action) i);
    case 'w':
        return guard_why_name((enum guard_why) i);
    default:
        return i == VERDICT_NONE ? NULL : verdict_name((enum verdict) i);
    }
}


static u_char *
ngx_http_hikeshi_print_zones(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf, ngx_uint_t family)
{
    ngx_str_t                   none, *zone;
    ngx_uint_t                  i, k;
    const char                 *label;
    ngx_atomic_t               *counter;
    ngx_http_hikeshi_family_t  *f;

    ngx_str_set(&none, "");

    f = &ngx_http_hikeshi_families[family];

    for (i = 0; i <= hmcf->zones.nelts; i++) {

        if (hmcf->counters[i] == NULL) {
            continue;
        }

        zone = i ? (ngx_str_t *) hmcf->zones.elts + i - 1 : &none;
        counter = (ngx_atomic_t *) ((u_char *) hmcf->counters[i] + f->offset);

        if (f->label == NULL) {
            p = ngx_slprintf(p, last, "%s{zone=\"%V\"} %uA\n",
                             f->name, zone, *counter);
            continue;
        }

        for (k = 0; k < f->n; k++) {
            label = ngx_http_hikeshi_label(family, k);

            if (label) {
                p = ngx_slprintf(p, last, "%s{zone=\"%V\",%s=\"%s\"} %uA\n",
                                 f->name, zone, f->label, label, counter[k]);
            }
        }
    }

    return p;
}


static u_char *
ngx_http_hikeshi_print_rules(u_char *p, u_char *last,
    ngx_http_hikeshi_main_conf_t *hmcf)
{
    struct guard_rules_about  about;

    if (hmcf->rules_path.len == 0 || ngx_http_hikeshi_worker.rules == NULL) {
        return p;
    }

    about = guard_rules_about(ngx_http_hikeshi_worker.rules);

    return ngx_slprintf(p, last,
        "# HELP hikeshi_rules_info The rules in use.\n"
        "# TYPE hikeshi_rules_info gauge\n"
        "hikeshi_rules_info{version=\"%uL\",sha256=\"%s\"} 1\n"
        "# HELP hikeshi_rules_changed_timestamp_seconds"
        " When they came into use.\n"
        "# TYPE hikeshi_rules_changed_timestamp_seconds gauge\n"
        "hikeshi_rules_changed_timestamp_seconds %uA\n"
        "# HELP hikeshi_rules_refused_total"
        " Files of rules that were refused.\n"
        "# TYPE hikeshi_rules_refused_total counter\n"
        "hikeshi_rules_refused_total %uA\n",
        about.version, about.checksum,
        hmcf->sh->changed, hmcf->sh->refused);
}
