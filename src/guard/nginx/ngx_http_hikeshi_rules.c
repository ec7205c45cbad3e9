
/*
 * The rules of a worker.
 *
 * They are loaded with the configuration, where a bad file fails "nginx -t", and come to a worker by
 * fork.  From then on each worker looks at the file five times a second; a file that is not the one
 * it has seen is loaded and compiled by a thread, never in the event loop, and the next tick takes
 * what came of it.  Requests that are under way keep the rules that they began with: they hold a
 * reference.  A file that is bad, or gone, changes nothing but the log and a counter, once for all
 * workers.
 */


#include "ngx_http_hikeshi.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>


typedef enum {
    NGX_HTTP_HIKESHI_IDLE = 0,
    NGX_HTTP_HIKESHI_LOADING,
    NGX_HTTP_HIKESHI_LOADED
} ngx_http_hikeshi_state_e;


typedef struct {
    ngx_event_t                timer;
    ngx_http_hikeshi_stamp_t   seen;

    /* the thread owns the rest while it is loading */
    ngx_atomic_t               state;
    atomic_bool                stop;
    pthread_t                  thread;
    char                      *path;
    struct guard_rules        *rules;
    enum status                status;
    struct err                 err;
} ngx_http_hikeshi_watch_t;


static void ngx_http_hikeshi_rules_cleanup(void *data);
static void ngx_http_hikeshi_stamp(const char *path,
    ngx_http_hikeshi_stamp_t *stamp);
static ngx_uint_t ngx_http_hikeshi_same(ngx_http_hikeshi_stamp_t *a,
    ngx_http_hikeshi_stamp_t *b);
static ngx_atomic_uint_t ngx_http_hikeshi_number(
    ngx_http_hikeshi_stamp_t *stamp);
static void ngx_http_hikeshi_tick(ngx_event_t *ev);
static ngx_int_t ngx_http_hikeshi_begin_loading(ngx_log_t *log,
    ngx_http_hikeshi_main_conf_t *hmcf);
static void *ngx_http_hikeshi_load(void *data);
static void ngx_http_hikeshi_take(ngx_log_t *log,
    ngx_http_hikeshi_main_conf_t *hmcf);
static void ngx_http_hikeshi_in_use(ngx_log_t *log,
    ngx_http_hikeshi_main_conf_t *hmcf);
static ngx_uint_t ngx_http_hikeshi_first(ngx_atomic_t *last,
    ngx_http_hikeshi_stamp_t *stamp);
static time_t ngx_http_hikeshi_seconds(void);
static ngx_uint_t ngx_http_hikeshi_is_name(ngx_http_server_name_t *sn,
    ngx_str_t *host);


/* s: a worker that begins so soon, and takes nobody's place, is one of a start or reload */
#define NGX_HTTP_HIKESHI_NEW  5


static ngx_http_hikeshi_watch_t  ngx_http_hikeshi_watch;
static ngx_connection_t          ngx_http_hikeshi_dummy;


char *
ngx_http_hikeshi_rules(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_hikeshi_main_conf_t  *hmcf = conf;

    ngx_str_t           *value;
    struct err           err;
    ngx_pool_cleanup_t  *cln;

    if (hmcf->rules_path.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    hmcf->rules_path = value[1];

    if (ngx_conf_full_name(cf->cycle, &hmcf->rules_path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_hikeshi_rules_cleanup;
    cln->data = hmcf;

    /* the stamp first: a file that changes meanwhile is then loaded again */

    ngx_http_hikeshi_stamp((char *) hmcf->rules_path.data, &hmcf->stamp);

    if (guard_rules_load((char *) hmcf->rules_path.data, NULL, &hmcf->rules,
                         &err)
        != OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "rules of hikeshi: %s",
                           err.msg);
        return NGX_CONF_ERROR;
    }

    hmcf->loaded = ngx_http_hikeshi_seconds();

    return NGX_CONF_OK;
}


static void
ngx_http_hikeshi_rules_cleanup(void *data)
{
    ngx_http_hikeshi_main_conf_t  *hmcf = data;

    guard_rules_unref(hmcf->rules);
    hmcf->rules = NULL;
}


static void
ngx_http_hikeshi_stamp(const char *path, ngx_http_hikeshi_stamp_t *stamp)
{
    struct stat  sb;

    ngx_memzero(stamp, sizeof(ngx_http_hikeshi_stamp_t));

    if (stat(path, &sb) == -1) {
        stamp->err = ngx_errno;
        return;
    }

    stamp->inode = sb.st_ino;
    stamp->device = sb.st_dev;
    stamp->size = sb.st_size;
    stamp->mtime_ns = (int64_t) sb.st_mtim.tv_sec * 1000000000
                      + sb.st_mtim.tv_nsec;
    stamp->ctime_ns = (int64_t) sb.st_ctim.tv_sec * 1000000000
                      + sb.st_ctim.tv_nsec;
}


static ngx_uint_t
ngx_http_hikeshi_same(ngx_http_hikeshi_stamp_t *a, ngx_http_hikeshi_stamp_t *b)
{
    return a->inode == b->inode && a->device == b->device
           && a->size == b->size && a->mtime_ns == b->mtime_ns
           && a->ctime_ns == b->ctime_ns && a->err == b->err;
}


/* one number for a stamp, never 0, as workers compare them in shared memory */

static ngx_atomic_uint_t
ngx_http_hikeshi_number(ngx_http_hikeshi_stamp_t *stamp)
{
    uint64_t  n;

    n = stamp->inode;
    n = n * 0x9e3779b97f4a7c15 + stamp->device;
    n = n * 0x9e3779b97f4a7c15 + (uint64_t) stamp->size;
    n = n * 0x9e3779b97f4a7c15 + (uint64_t) stamp->mtime_ns;
    n = n * 0x9e3779b97f4a7c15 + (uint64_t) stamp->ctime_ns;
    n = n * 0x9e3779b97f4a7c15 + (uint64_t) stamp->err;

    return (ngx_atomic_uint_t) (n | 1);
}


ngx_int_t
ngx_http_hikeshi_rules_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                     first;
    ngx_core_conf_t               *ccf;
    ngx_http_hikeshi_watch_t      *watch;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    watch = &ngx_http_hikeshi_watch;
    hmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hikeshi_module);

    if (hmcf->rules_path.len == 0) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    first = ngx_atomic_fetch_add(&hmcf->sh->starts, 1)
            < (ngx_atomic_uint_t) ccf->worker_processes;

    ngx_http_hikeshi_worker.rules = guard_rules_ref(hmcf->rules);
    watch->seen = hmcf->stamp;

    ngx_http_hikeshi_dummy.fd = (ngx_socket_t) -1;

    watch->timer.handler = ngx_http_hikeshi_tick;
    watch->timer.data = &ngx_http_hikeshi_dummy;
    watch->timer.log = cycle->log;
    watch->timer.cancelable = 1;

    ngx_http_hikeshi_stamp((char *) hmcf->rules_path.data, &watch->seen);

    if (ngx_http_hikeshi_same(&watch->seen, &hmcf->stamp)) {
        ngx_http_hikeshi_in_use(cycle->log, hmcf);

    } else if (first && ngx_http_hikeshi_seconds() - hmcf->loaded
                        < NGX_HTTP_HIKESHI_NEW)
    {
        /*
         * The file has changed while nginx began or reloaded.  This worker's
         * rules are new enough, and clients wait for it: the first tick sees
         * to it as to any change.
         */

        watch->seen = hmcf->stamp;
        ngx_http_hikeshi_in_use(cycle->log, hmcf);

    } else if (!watch->seen.err) {

        /*
         * A worker that takes the place of one that died has the rules of the
         * last reload, which may be much older than the file.
         */

        watch->path = (char *) hmcf->rules_path.data;
        (void) ngx_http_hikeshi_load(watch);
        ngx_http_hikeshi_take(cycle->log, hmcf);
    }

    ngx_add_timer(&watch->timer, NGX_HTTP_HIKESHI_TICK);

    return NGX_OK;
}


void
ngx_http_hikeshi_rules_stop(void)
{
    ngx_http_hikeshi_watch_t  *watch;

    watch = &ngx_http_hikeshi_watch;

    if (watch->state != NGX_HTTP_HIKESHI_IDLE) {
        atomic_store(&watch->stop, true);
        (void) pthread_join(watch->thread, NULL);
        guard_rules_unref(watch->rules);
        ngx_free(watch->path);
        watch->rules = NULL;
        watch->state = NGX_HTTP_HIKESHI_IDLE;
    }

    guard_rules_unref(ngx_http_hikeshi_worker.rules);
    ngx_http_hikeshi_worker.rules = NULL;
}


static void
ngx_http_hikeshi_tick(ngx_event_t *ev)
{
    ngx_http_hikeshi_stamp_t       now;
    ngx_http_hikeshi_watch_t      *watch;
    ngx_http_hikeshi_main_conf_t  *hmcf;

    watch = &ngx_http_hikeshi_watch;
    ev->log = ngx_cycle->log;

    /* a reload without workers of its own may have brought another one */

    hmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_hikeshi_module);

    if (hmcf == NULL || hmcf->rules_path.len == 0) {
        ngx_add_timer(ev, NGX_HTTP_HIKESHI_TICK);
        return;
    }

    switch (watch->state) {

    case NGX_HTTP_HIKESHI_LOADED:
        (void) pthread_join(watch->thread, NULL);
        ngx_free(watch->path);
        ngx_http_hikeshi_take(ev->log, hmcf);
        watch->state = NGX_HTTP_HIKESHI_IDLE;
        break;

    case NGX_HTTP_HIKESHI_IDLE:
        ngx_http_hikeshi_stamp((char *) hmcf->rules_path.data, &now);

        if (ngx_http_hikeshi_same(&now, &watch->seen)) {
            break;
        }

        if (now.err) {
            watch->seen = now;

            if (ngx_http_hikeshi_first(&hmcf->sh->refused_stamp, &now)) {
                ngx_log_error(NGX_LOG_WARN, ev->log, now.err,
                              "hikeshi: rules \"%V\" are gone, version %uL "
                              "stays", &hmcf->rules_path,
                              guard_rules_about(ngx_http_hikeshi_worker.rules)
                                  .version);
            }

            break;
        }

        /* not seen before the thread runs: it is tried again */

        if (ngx_http_hikeshi_begin_loading(ev->log, hmcf) == NGX_OK) {
            watch->seen = now;
        }

        break;
    }

    ngx_add_timer(ev, watch->state == NGX_HTTP_HIKESHI_IDLE
                          ? NGX_HTTP_HIKESHI_TICK
                          : NGX_HTTP_HIKESHI_TICK / 4);
}


static ngx_int_t
ngx_http_hikeshi_begin_loading(ngx_log_t *log,
    ngx_http_hikeshi_main_conf_t *hmcf)
{
    int                        failed;
    size_t                     len;
    sigset_t                   all, before;
    ngx_http_hikeshi_watch_t  *watch;

    watch = &ngx_http_hikeshi_watch;

    /* the thread's own: the configuration may go while it reads */

    len = hmcf->rules_path.len + 1;

    watch->path = ngx_alloc(len, log);
    if (watch->path == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(watch->path, hmcf->rules_path.data, len);

    watch->rules = NULL;
    watch->state = NGX_HTTP_HIKESHI_LOADING;

    /* signals are for the event loop */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    failed = pthread_create(&watch->thread, NULL, ngx_http_hikeshi_load,
                            watch);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (failed) {
        ngx_log_error(NGX_LOG_ALERT, log, failed,
                      "hikeshi: pthread_create() failed");
        ngx_free(watch->path);
        watch->state = NGX_HTTP_HIKESHI_IDLE;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void *
ngx_http_hikeshi_load(void *data)
{
    ngx_http_hikeshi_watch_t  *watch = data;

    watch->rules = NULL;
    watch->err.msg[0] = '\0';
    watch->status = guard_rules_load(watch->path, &watch->stop, &watch->rules,
                                     &watch->err);

    ngx_memory_barrier();

    if (watch->state == NGX_HTTP_HIKESHI_LOADING) {
        watch->state = NGX_HTTP_HIKESHI_LOADED;
    }

    return NULL;
}


static void
ngx_http_hikeshi_take(ngx_log_t *log, ngx_http_hikeshi_main_conf_t *hmcf)
{
    ngx_http_hikeshi_watch_t   *watch;
    ngx_http_hikeshi_worker_t  *w;

    watch = &ngx_http_hikeshi_watch;
    w = &ngx_http_hikeshi_worker;

    ngx_memory_barrier();

    if (watch->status != OK) {

        if (ngx_http_hikeshi_first(&hmcf->sh->refused_stamp, &watch->seen)) {
            (void) ngx_atomic_fetch_add(&hmcf->sh->refused, 1);

            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "hikeshi: rules refused: %s; version %uL stays",
                          watch->err.msg,
                          w->rules ? guard_rules_about(w->rules).version : 0);
        }

        return;
    }

    guard_rules_unref(w->rules);
    w->rules = watch->rules;
    watch->rules = NULL;

    ngx_http_hikeshi_in_use(log, hmcf);
}


/* says once for all workers which rules are used now */

static void
ngx_http_hikeshi_in_use(ngx_log_t *log, ngx_http_hikeshi_main_conf_t *hmcf)
{
    struct guard_rules_about  about;

    if (!ngx_http_hikeshi_first(&hmcf->sh->used_stamp,
                                &ngx_http_hikeshi_watch.seen))
    {
        return;
    }

    hmcf->sh->changed = (ngx_atomic_uint_t) ngx_time();
    hmcf->sh->refused_stamp = 0;

    about = guard_rules_about(ngx_http_hikeshi_worker.rules);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "hikeshi: rules version %uL, sha256 %s",
                  about.version, about.checksum);
}


/* whether no worker has told this one yet */

static ngx_uint_t
ngx_http_hikeshi_first(ngx_atomic_t *last, ngx_http_hikeshi_stamp_t *stamp)
{
    ngx_atomic_uint_t  before, now;

    now = ngx_http_hikeshi_number(stamp);
    before = *last;

    return before != now && ngx_atomic_cmp_set(last, before, now);
}


/* nginx' own time stands still while rules are compiled in its start */

static time_t
ngx_http_hikeshi_seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec;
}


/*
 * Whose rules hold.  A client may send any Host, and nginx gives what it does not know to the default
 * server: only a name of the server counts, else the server's first one.  A server without any is for
 * whatever comes, and has nothing but the Host.
 */

struct slice
ngx_http_hikeshi_site(ngx_http_request_t *r, ngx_uint_t *named)
{
    ngx_str_t                    *host;
    ngx_uint_t                    i;
    ngx_http_server_name_t       *sn;
    ngx_http_hikeshi_srv_conf_t  *hscf;

    host = &r->headers_in.server;
    hscf = ngx_http_get_module_srv_conf(r, ngx_http_hikeshi_module);
    sn = hscf->names;

    *named = 1;

    for (i = 0; i < hscf->nnames; i++) {
        if (ngx_http_hikeshi_is_name(&sn[i], host)) {
            return ngx_http_hikeshi_slice(host);
        }
    }

    for (i = 0; i < hscf->nnames; i++) {

        if (sn[i].name.len
            && ngx_strchr("._*~$", sn[i].name.data[0]) == NULL
            && sn[i].name.data[sn[i].name.len - 1] != '*')
        {
            return ngx_http_hikeshi_slice(&sn[i].name);
        }
    }

    *named = 0;

    return ngx_http_hikeshi_slice(host);
}


static ngx_uint_t
ngx_http_hikeshi_is_name(ngx_http_server_name_t *sn, ngx_str_t *host)
{
    size_t      len;
    ngx_str_t  *name;

    name = &sn->name;

#if (NGX_PCRE)
    if (sn->regex) {
        return ngx_regex_exec(sn->regex->regex, host, NULL, 0) >= 0;
    }
#endif

    if (name->len == 0 || host->len == 0) {
        return 0;
    }

    if (name->data[name->len - 1] == '*') {
        len = name->len - 1;
        return host->len > len
               && ngx_strncasecmp(host->data, name->data, len) == 0;
    }

    if (name->data[0] == '.' && host->len == name->len - 1) {
        return ngx_strncasecmp(host->data, name->data + 1, host->len) == 0;
    }

    if (name->data[0] == '.' || name->data[0] == '*') {
        len = name->len - (name->data[0] == '*');
        return host->len > len
               && ngx_strncasecmp(host->data + host->len - len,
                                  name->data + name->len - len, len) == 0;
    }

    return host->len == name->len
           && ngx_strncasecmp(host->data, name->data, host->len) == 0;
}
