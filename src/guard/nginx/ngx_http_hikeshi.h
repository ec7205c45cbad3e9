
/*
 * The guard inside nginx.
 *
 * Heads are examined in the rewrite phase, before rewrite's own directives and behind realip;
 * bodies in a request body filter, as they come in and before anybody else has them.  A request
 * that is clean leaves nothing behind but a mark in r->ctx; a request with a finding or with a body
 * in pieces has a context, which hangs on the cleanup of its pool and so outlives internal
 * redirects.
 *
 * ngx_http_hikeshi_module.c    directives, merging, start of a worker
 * ngx_http_hikeshi_request.c   the handlers, the head, what is done about a finding
 * ngx_http_hikeshi_body.c      the body
 * ngx_http_hikeshi_answer.c    what a blocked client gets; variables
 * ngx_http_hikeshi_events.c    events to files and syslog
 * ngx_http_hikeshi_rules.c     the rules of a worker, and their change-over
 * ngx_http_hikeshi_metrics.c   counters in shared memory
 *
 * All of a request is hostile.  A worker is one thread, but for the one that compiles new rules.
 */


#ifndef _NGX_HTTP_HIKESHI_H_INCLUDED_
#define _NGX_HTTP_HIKESHI_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/limits.h"
#include "guard/event.h"


#define NGX_HTTP_HIKESHI_ZONES      32      /* names of hikeshi_zone */
#define NGX_HTTP_HIKESHI_ZONE_NAME  64
#define NGX_HTTP_HIKESHI_TICK       200     /* ms between looks at the file of rules */
#define NGX_HTTP_HIKESHI_MEMORY     12288   /* of a context: what a body takes that is clean */


/* a file as it was when it was read */

typedef struct {
    uint64_t                         inode;
    uint64_t                         device;
    int64_t                          mtime_ns;
    int64_t                          ctime_ns;      /* other rights make it readable */
    int64_t                          size;
    ngx_err_t                        err;           /* it cannot be looked at */
} ngx_http_hikeshi_stamp_t;


typedef struct {
    ngx_atomic_t                     examined;
    ngx_atomic_t                     actions[GUARD_BLOCKED + 1];
    ngx_atomic_t                     found[GUARD_LIMIT + 1];
    ngx_atomic_t                     verdicts[VERDICT_REACHES + 1];
    ngx_atomic_t                     events;
    ngx_atomic_t                     dropped;
} ngx_http_hikeshi_counters_t;


typedef struct {
    u_char                           name[NGX_HTTP_HIKESHI_ZONE_NAME];
    ngx_http_hikeshi_counters_t      counters;
} ngx_http_hikeshi_slot_t;


/* in shared memory; outlives reloads */

typedef struct {
    ngx_atomic_t                     refused;       /* files of rules */
    ngx_atomic_t                     refused_stamp; /* told already, by some worker */
    ngx_atomic_t                     used_stamp;
    ngx_atomic_t                     changed;       /* time of the last change-over */
    ngx_atomic_t                     starts;        /* of workers, since the configuration */
    ngx_atomic_t                     torn;          /* bits of files: a line has no end */
    ngx_http_hikeshi_slot_t          slots[NGX_HTTP_HIKESHI_ZONES];
} ngx_http_hikeshi_sh_t;


typedef struct {
    ngx_str_t                        rules_path;
    struct guard_rules              *rules;         /* as they were at configuration */
    ngx_http_hikeshi_stamp_t         stamp;
    time_t                           loaded;
    ngx_int_t                        event_burst;   /* 0: no limit */
    ngx_array_t                      zones;         /* of ngx_str_t */
    ngx_http_hikeshi_counters_t     *counters[NGX_HTTP_HIKESHI_ZONES];
    ngx_http_hikeshi_sh_t           *sh;
    ngx_shm_zone_t                  *shm_zone;
} ngx_http_hikeshi_main_conf_t;


typedef struct {
    ngx_http_server_name_t          *names;         /* one at least, which may be empty */
    ngx_uint_t                       nnames;
} ngx_http_hikeshi_srv_conf_t;


typedef struct {
    struct guard_field               field;
    unsigned                         any_rest:1;
} ngx_http_hikeshi_field_t;


typedef struct {
    ngx_open_file_t                 *file;          /* or */
    ngx_syslog_peer_t               *syslog;
    time_t                           told;          /* when its last failure was */
} ngx_http_hikeshi_target_t;


typedef struct {
    ngx_uint_t                       mode;          /* enum guard_mode */
    ngx_uint_t                       status;
    ngx_str_t                        page;
    off_t                            body_limit;
    ngx_uint_t                       beyond;        /* enum guard_action */
    ngx_uint_t                       least;         /* enum verdict */
    ngx_flag_t                       read_body;
    ngx_http_hikeshi_main_conf_t    *main;
    ngx_uint_t                       zone;          /* index in the zones of main */
    ngx_array_t                     *allow;         /* of ngx_cidr_t */
    ngx_array_t                     *exclude;       /* of ngx_http_hikeshi_field_t */
    ngx_array_t                     *secret;        /* the same */
    ngx_array_t                     *events;        /* of ngx_http_hikeshi_target_t */
} ngx_http_hikeshi_loc_conf_t;


typedef struct ngx_http_hikeshi_ctx_s  ngx_http_hikeshi_ctx_t;

struct ngx_http_hikeshi_ctx_s {
    struct guard_request             guard;
    struct guard_options             options;
    ngx_pool_t                      *pool;
    ngx_http_hikeshi_ctx_t          *next;          /* of those that are free */
    struct guard_rules              *rules;         /* a reference: findings name them */
    ngx_http_hikeshi_loc_conf_t     *conf;          /* of the location it is in */
    ngx_uint_t                       mode;

    /* a body that is coming in and stays where it is: what came with the head, and the rest */
    struct slice                     held[2];
    ngx_uint_t                       nheld;

    /* what was told of it */
    enum guard_action                action;
    enum guard_why                   why;
    enum verdict                     verdict;
    ngx_str_t                        field;
    char                             id[27];

    unsigned                         blocked:1;
    unsigned                         own_page:1;
    unsigned                         body_begun:1;
    unsigned                         body_pieces:1;
    unsigned                         body_done:1;

    /* memory of guard; more than that comes from the pool */
    size_t                           used;
    u_char                           memory[NGX_HTTP_HIKESHI_MEMORY];
};


typedef struct {
    struct guard                    *guard;
    struct guard_rules              *rules;
    struct guard_rate               *rate;          /* NULL: no limit */
    ngx_http_hikeshi_ctx_t          *free;
    ngx_uint_t                       nfree;
} ngx_http_hikeshi_worker_t;


static ngx_inline struct slice
ngx_http_hikeshi_slice(ngx_str_t *s)
{
    return slice_of(s->data, s->len);
}


/* request */

ngx_int_t ngx_http_hikeshi_head_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_hikeshi_log_handler(ngx_http_request_t *r);
void ngx_http_hikeshi_free_contexts(void);
/* of the request here: off, report or block; site: whose rules hold */
ngx_uint_t ngx_http_hikeshi_mode(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, struct slice *site);
void ngx_http_hikeshi_begin(ngx_http_request_t *r, struct guard_request *q,
    struct guard_options *o, ngx_http_hikeshi_loc_conf_t *hlcf,
    struct slice site);
/* in r->ctx of a request whose head is clean: all there is to know of it */
extern ngx_http_hikeshi_ctx_t  ngx_http_hikeshi_clean;
ngx_http_hikeshi_ctx_t *ngx_http_hikeshi_create_ctx(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode);
/* the context of a main request that has one, whatever redirects it went through */
ngx_http_hikeshi_ctx_t *ngx_http_hikeshi_find_ctx(ngx_http_request_t *r);
ngx_uint_t ngx_http_hikeshi_examined(ngx_http_request_t *r);
/* tells what is new in a finding; the status of a block, or NGX_DECLINED */
ngx_int_t ngx_http_hikeshi_act(ngx_http_request_t *r,
    ngx_http_hikeshi_ctx_t *ctx);
ngx_uint_t ngx_http_hikeshi_listed(ngx_array_t *fields, const struct guard_field *f);

/* body */

void ngx_http_hikeshi_body_filter_init(void);
ngx_int_t ngx_http_hikeshi_read_body(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf);
ngx_int_t ngx_http_hikeshi_body_before(ngx_http_request_t *r,
    ngx_http_hikeshi_loc_conf_t *hlcf, ngx_uint_t mode, struct slice site);
/* several headers of a name are one list (RFC 9110, section 5.3) */
struct slice ngx_http_hikeshi_header(ngx_http_request_t *r,
    const char *lowcase);

/* answer */

ngx_int_t ngx_http_hikeshi_page_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_hikeshi_send_page(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx);
/* the status to leave the phase or the filter with */
ngx_int_t ngx_http_hikeshi_refuse(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx,
    ngx_uint_t in_body);
ngx_int_t ngx_http_hikeshi_add_variables(ngx_conf_t *cf);

/* events */

char *ngx_http_hikeshi_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_hikeshi_tell(ngx_http_request_t *r, ngx_http_hikeshi_ctx_t *ctx);
struct slice ngx_http_hikeshi_address(ngx_http_request_t *r);

/* rules */

char *ngx_http_hikeshi_rules(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_hikeshi_rules_start(ngx_cycle_t *cycle);
void ngx_http_hikeshi_rules_stop(void);
/* the name by which rules know the request's site; named: it is one of the server's */
struct slice ngx_http_hikeshi_site(ngx_http_request_t *r, ngx_uint_t *named);

/* metrics */

char *ngx_http_hikeshi_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_hikeshi_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_hikeshi_shared(ngx_conf_t *cf, ngx_http_hikeshi_main_conf_t *hmcf);
ngx_http_hikeshi_counters_t *ngx_http_hikeshi_counters(ngx_http_hikeshi_loc_conf_t *hlcf);


extern ngx_module_t               ngx_http_hikeshi_module;
extern ngx_http_hikeshi_worker_t  ngx_http_hikeshi_worker;


#endif /* _NGX_HTTP_HIKESHI_H_INCLUDED_ */
