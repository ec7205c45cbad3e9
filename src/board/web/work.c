/* What happens to a request on a worker thread: who asks, whether they may, the transaction, the
 * handler, and what becomes of its result. */
#include "board/web/header.h"
#include "board/web/web_int.h"

#include <sodium.h>

static bool is_unsafe(const struct exchange *x)
{
    return x->req.method != WEB_GET;
}

/* While there is no account, pages lead to set-up. True: answered. */
static bool set_up_first(struct exchange *x, struct db *db)
{
    const struct web_route *r = x->req.route;
    int64_t accounts = 1;
    struct err e = {0};
    if (!atomic_load(&x->web->has_account)) {
        if (db_get_int(db, &accounts, &e, "SELECT COUNT(*) FROM account", "") != OK) {
            answer_error(x, 500, &e);
            return true;
        }
        if (accounts)
            atomic_store(&x->web->has_account, true);
    }
    if (accounts && (r->flags & ROUTE_SETUP)) {
        if (x->req.method == WEB_GET)
            (void)web_redirect(&x->res, "/login");
        else
            answer_error(x, 403, NULL);
        return true;
    }
    if (!accounts && r->roles) {
        if (r->flags & ROUTE_API)
            answer_error(x, 401, NULL);
        else
            (void)web_redirect(&x->res, "/setup");
        return true;
    }
    return false;
}

/* An unsafe request must come from a page of ours. Browsers say where it comes from; what says
 * nothing is no browser, and has to know the CSRF token all the same. */
static bool origin_ok(const struct exchange *x)
{
    struct slice site = exchange_header(x, "Sec-Fetch-Site");
    struct slice origin = exchange_header(x, "Origin");
    struct slice host = exchange_header(x, "Host");
    if (site.n && !slice_eq_str(site, "same-origin") && !slice_eq_str(site, "none"))
        return false;
    if (origin.n == 0)
        return true;
    size_t at = slice_find(origin, SLICE_LIT("://"));
    struct slice scheme = slice_sub(origin, 0, at);
    struct slice authority = slice_sub(origin, at + 3, origin.n);
    if (at == origin.n || !slice_eq_str(scheme, x->secure ? "https" : "http"))
        return false;
    if (slice_eq(authority, host))
        return true;
    const char *public = x->web->config.public_url;
    return public && slice_eq_str(origin, public);
}

static bool token_equal(struct slice given, const char *want)
{
    size_t n = strlen(want);
    return n > 0 && given.n == n && sodium_memcmp(given.p, want, n) == 0;
}

static enum status identify(struct exchange *x, struct db *db, struct err *e)
{
    struct slice auth = exchange_header(x, "Authorization");
    if ((x->req.route->flags & ROUTE_API) && slice_starts(auth, SLICE_LIT("Bearer "))) {
        x->bearer = true;
        return bearer_find(x, db, slice_trim(slice_sub(auth, 7, auth.n)), e);
    }
    return session_find(x, db, e);
}

static void ask_to_log_in(struct exchange *x)
{
    if (x->req.route->flags & ROUTE_API) {
        answer_error(x, 401, NULL);
        web_set_header(&x->res, "WWW-Authenticate", "Bearer");
    } else if (x->req.method == WEB_GET && !x->req.partial && x->req.path.n < 500) {
        /* the path may be put into a query as it is: it was checked to be plain ASCII */
        (void)web_redirect(&x->res, "/login?next=%.*s", (int)x->req.path.n,
                           (const char *)x->req.path.p);
    } else {
        (void)web_redirect(&x->res, "/login");
    }
}

static bool may(const struct exchange *x)
{
    const struct web_route *r = x->req.route;
    if (x->req.actor.kind == ACTOR_HOST)
        return (r->flags & ROUTE_HOST) != 0;
    return r->roles == 0 || (r->roles & (unsigned)x->req.actor.role) != 0;
}

/* True: the request may go on. */
static bool admit(struct exchange *x, struct db *db)
{
    struct err e = {0};
    if (set_up_first(x, db))
        return false;
    enum status s = identify(x, db, &e);
    if (s != OK) {
        answer_error(x, s == ST_DENIED ? 401 : 500, &e);
        return false;
    }
    if (x->req.actor.role == ROLE_NONE && x->req.route->roles) {
        ask_to_log_in(x);
        return false;
    }
    if (!may(x)) {
        answer_error(x, 403, NULL);
        return false;
    }
    if (x->once && x->req.route->roles && !(x->req.route->flags & ROUTE_ONCE)) {
        (void)err_set(&e, ST_DENIED, N_("choose a password of your own first"));
        if (x->req.method == WEB_GET && !(x->req.route->flags & ROUTE_API))
            (void)web_redirect(&x->res, "/account");
        else
            answer_error(x, 403, &e);
        return false;
    }
    if (is_unsafe(x) && !origin_ok(x)) {
        (void)err_set(&e, ST_DENIED, N_("this did not come from a page of this board"));
        answer_error(x, 403, &e);
        return false;
    }
    x->csrf_ok =
        !is_unsafe(x) || x->bearer || token_equal(exchange_header(x, "X-CSRF-Token"), x->req.csrf);
    if (!x->csrf_ok && !(x->has_body && !(x->req.route->flags & (ROUTE_API | ROUTE_STREAM)))) {
        (void)err_set(&e, ST_DENIED, N_("the page was too old; load it again"));
        answer_error(x, 403, &e);
        return false;
    }
    x->admitted = true;
    return true;
}

enum status admit_again(struct exchange *x, struct db *db, struct err *e)
{
    struct actor was = x->req.actor;
    if (was.role == ROLE_NONE)
        return OK;
    x->req.actor = (struct actor){.kind = ACTOR_ACCOUNT, .name = "", .via = was.via};
    enum status s = identify(x, db, e);
    struct actor now = x->req.actor;
    x->req.actor = was; /* for the log: who began it */
    if (s == OK && (now.kind != was.kind || now.id != was.id || now.role != was.role))
        s = err_set(e, ST_DENIED, N_("your session or your role ended while this was sent"));
    return s;
}

static enum status in_transaction(struct exchange *x, struct db *db, struct err *e)
{
    enum status s = x->req.method == WEB_GET ? db_begin_read(db, e) : db_begin(db, e);
    if (s == OK)
        s = x->req.route->handler(&x->req, &x->res, e);
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}

static void handle(struct exchange *x, struct db *db)
{
    struct err e = {0};
    enum status s = OK;
    if (x->fault.code && !(x->req.route->flags & ROUTE_STREAM)) {
        answer_error(x, code_of_status(x->fault.code), &x->fault);
        return;
    }
    if (is_unsafe(x) && !x->csrf_ok && !token_equal(web_field(&x->req, "csrf"), x->req.csrf)) {
        (void)err_set(&e, ST_DENIED, N_("the page was too old; load it again"));
        answer_error(x, 403, &e);
        return;
    }
    x->req.db = db;
    if (!db || (x->req.route->flags & ROUTE_OWN_TX)) {
        s = x->req.route->handler(&x->req, &x->res, &e);
        if (db)
            db_rollback(db);
    } else {
        s = in_transaction(x, db, &e);
    }
    x->req.db = NULL;
    if (s == OK && x->res.kind == RES_BODY && buf_status(&x->res.body) != OK)
        s = err_set(&e, buf_status(&x->res.body), N_("the page is larger than can be shown"));
    if (s == OK && is_unsafe(x))
        web_poke(x->web);
    if (s != OK)
        answer_error(x, code_of_status(s), e.code ? &e : NULL);
}

/* A body that is taken in pieces holds a worker for as long as it comes; half of them at most. */
static bool stream_place(struct web *w)
{
    if (atomic_fetch_add(&w->streaming, 1) < (w->worker_count + 1) / 2)
        return true;
    (void)atomic_fetch_sub(&w->streaming, 1);
    return false;
}

void work_run(struct exchange *x)
{
    struct db *db = NULL;
    struct err e = {0};
    bool stream = (x->req.route->flags & ROUTE_STREAM) != 0 && x->has_body;
    if (!(x->req.route->flags & ROUTE_NO_DB) && db_pool_get(x->web->pool, &db, &e) != OK) {
        answer_error(x, 503, &e);
        return;
    }
    bool asked = x->admitted; /* before the body came, which may have taken long */
    if (db && !asked && !admit(x, db)) {
        db_pool_put(x->web->pool, db);
        return;
    }
    enum status s = db && asked && !stream ? admit_again(x, db, &e) : OK;
    if (s != OK) {
        answer_error(x, s == ST_DENIED ? 403 : 500, &e);
        db_pool_put(x->web->pool, db);
        return;
    }
    x->admitted = true;
    if (x->has_body && !x->body_read) {
        x->want_body = !stream || stream_place(x->web);
        if (!x->want_body)
            answer_error(x, 503, NULL);
    } else {
        handle(x, db);
        if (stream)
            (void)atomic_fetch_sub(&x->web->streaming, 1);
    }
    db_pool_put(x->web->pool, db);
}
