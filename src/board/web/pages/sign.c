/* Set-up of the first account, log-in, log-out, and error pages. */
#include "board/web/pages/sign.h"
#include "board/case/account.h"
#include "board/web/header.h"
#include "board/web/pages/layout.h"
#include "board/web/pages/sign.html.h"
#include "board/web/session.h"
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>

#define LOGINS_AT_ONCE 6 /* being checked or waiting for it; more are asked to come again */

void error_page(struct web_request *r, struct web_response *res, unsigned code, const char *title,
                const char *detail)
{
    struct error_view v = {.code = code,
                           .title = slice_str(title),
                           .detail = slice_str(detail),
                           .known = r->actor.role != ROLE_NONE};
    struct html *h = web_html(res);
    if (r->partial) { /* htmx shows it in its own place */
        error_body(h, &v);
        return;
    }
    struct page_frame f = page_frame_of(r);
    f.title = slice_str(title);
    layout_begin(h, &f);
    error_body(h, &v);
    layout_end(h, &f);
}

/* The error in the reader's language, in the arena. */
static struct slice told(struct web_request *r, const struct err *e)
{
    struct buf b;
    buf_init(&b, 2000);
    (void)messages_add_err(&b, r->lang, e);
    const char *copy = arena_strdup(r->arena, buf_slice(&b));
    buf_done(&b);
    return slice_str(copy ? copy : "?");
}

/* --- log-in */

static enum status show_login(struct web_request *r, struct web_response *res, struct slice fault)
{
    struct sign_view v = {.csrf = r->csrf, .login = web_field(r, "login"), .fault = fault};
    v.next = r->method == WEB_GET ? web_query(r, "next") : web_field(r, "next");
    if (!header_is_own_path(v.next))
        v.next = (struct slice){0};
    struct page_frame f = page_frame_of(r);
    struct html *h = web_html(res);
    f.title = slice_str(T(r->lang, "Log in"));
    layout_begin(h, &f);
    login_form(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status get_login(struct web_request *r, struct web_response *res, struct err *e)
{
    (void)e;
    if (!atomic_load(&r->web->has_account))
        return web_redirect(res, "/setup");
    if (r->actor.role != ROLE_NONE)
        return web_redirect(res, "/");
    return show_login(r, res, (struct slice){0});
}

static enum status attempt(struct web_request *r, const char *login, int64_t *ret_wait,
                           struct err *e)
{
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = throttle_attempt(r->db, login, r->from, r->now_ms, ret_wait, e);
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

static enum status enter(struct web_request *r, struct web_response *res, const char *login,
                         int64_t id, struct err *e)
{
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = throttle_forget(r->db, login, r->from, r->now_ms, e);
    if (s == OK)
        s = session_begin(r, res, id, e);
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

static enum status too_many(struct web_request *r, struct web_response *res, int64_t wait_ms)
{
    int64_t seconds = (wait_ms + 999) / 1000;
    struct buf b;
    char after[24];
    buf_init(&b, 400);
    (void)buf_addf(&b,
                   TN(r->lang, "Too many attempts. Try again in %d second.",
                      "Too many attempts. Try again in %d seconds.", seconds),
                   (int)seconds);
    (void)snprintf(after, sizeof after, "%" PRId64, seconds);
    web_status(res, 429);
    web_set_header(res, "Retry-After", after);
    enum status s = show_login(r, res, buf_slice(&b));
    buf_done(&b);
    return s;
}

static enum status check_login(struct web_request *r, struct web_response *res, const char *login,
                               struct err *e)
{
    int64_t wait = 0;
    int64_t id = 0;
    enum role role = ROLE_NONE;
    enum status s = attempt(r, login, &wait, e);
    if (s == OK && wait > 0)
        return too_many(r, res, wait);
    if (s == OK)
        s = account_log_in(r->db, login, web_field_text(r, "password"), &id, &role, e);
    if (s == OK)
        s = enter(r, res, login, id, e);
    if (s == OK) {
        struct slice next = web_field(r, "next");
        if (!header_is_own_path(next))
            next = SLICE_LIT("/");
        return web_redirect(res, "%.*s", (int)next.n, (const char *)next.p);
    }
    if (s != ST_DENIED)
        return s;
    web_status(res, 401);
    return show_login(r, res, told(r, e));
}

static enum status post_login(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = ST_NOMEM;
    const char *login = web_field_text(r, "login");
    if (strlen(login) > ACCOUNT_NAME_MAX)
        login = "";
    if (atomic_fetch_add(&r->web->logging_in, 1) < LOGINS_AT_ONCE)
        s = check_login(r, res, login, e);
    else
        (void)err_set(e, s, "%u log-ins at once", LOGINS_AT_ONCE);
    (void)atomic_fetch_sub(&r->web->logging_in, 1);
    return s;
}

static enum status post_logout(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = session_end(r, res, e);
    return s == OK ? web_redirect(res, "/login") : s;
}

/* --- set-up */

/* Letters and digits that are not taken for each other when read from a terminal. */
static void make_code(char ret[32])
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
    size_t n = 0;
    for (size_t i = 0; i < 12; i++) {
        if (i && i % 4 == 0)
            ret[n++] = '-';
        ret[n++] = letters[randombytes_uniform(sizeof letters - 1)];
    }
    ret[n] = '\0';
}

enum status web_setup_code(struct db *db, char ret[32], struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t accounts = 0;
    char fresh[32];
    make_code(fresh);
    ret[0] = '\0';
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_get_int(db, &accounts, e, "SELECT COUNT(*) FROM account", "");
    if (s == OK && accounts == 0) {
        s = db_run(db, NULL, e,
                   "INSERT INTO setup_code(id, code) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
                   "s", fresh);
        if (s == OK)
            s = db_query(db, &rows, e, "SELECT code FROM setup_code WHERE id = 1", "");
        if (s == OK)
            s = db_next(rows, e);
        if (s == OK)
            (void)snprintf(ret, 32, "%s", db_text(rows, 0));
        db_rows_done(rows);
    }
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}

static enum status show_setup(struct web_request *r, struct web_response *res, struct slice fault)
{
    struct sign_view v = {.csrf = r->csrf,
                          .login = web_field(r, "login"),
                          .name = web_field(r, "name"),
                          .code = web_field(r, "code"),
                          .fault = fault};
    struct page_frame f = page_frame_of(r);
    struct html *h = web_html(res);
    f.title = slice_str(T(r->lang, "Set up this board"));
    layout_begin(h, &f);
    setup_form(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status get_setup(struct web_request *r, struct web_response *res, struct err *e)
{
    (void)e;
    return show_setup(r, res, (struct slice){0});
}

/* Takes the code out of the table if it is the one given: of two who come at once, one finds it. */
static enum status take_code(struct web_request *r, struct err *e)
{
    char given[32] = "";
    size_t n = 0;
    int64_t taken = 0;
    struct slice typed = web_field(r, "code");
    for (size_t i = 0; i < typed.n && n < 14; i++) {
        uint8_t c = typed.p[i];
        if (c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 'a' + 'A');
        if (c == ' ' || c == '-')
            continue;
        if (n == 4 || n == 9)
            given[n++] = '-';
        given[n++] = (char)c;
    }
    enum status s =
        db_run(r->db, &taken, e, "DELETE FROM setup_code WHERE id = 1 AND code = $1", "s", given);
    if (s == OK && taken != 1)
        s = err_set(e, ST_INVALID,
                    N_("the set-up code is wrong; it stands on the terminal on which the board was "
                       "started"));
    return s;
}

static enum status first_account(struct web_request *r, struct web_response *res, struct err *e)
{
    static const struct actor set_up = {ACTOR_SYSTEM, 0, "hikeshi-board", ROLE_SYSTEM, "web"};
    int64_t accounts = 0;
    int64_t id = 0;
    enum status s = take_code(r, e);
    if (s == OK)
        s = db_get_int(r->db, &accounts, e, "SELECT COUNT(*) FROM account", "");
    if (s == OK && accounts)
        s = err_set(e, ST_DENIED, N_("this board has been set up already"));
    if (s == OK && !slice_eq(web_field(r, "password"), web_field(r, "again")))
        s = err_set(e, ST_INVALID, N_("the two passwords differ"));
    if (s == OK)
        s = account_create(r->db, &set_up, web_field_text(r, "login"), web_field_text(r, "name"),
                           ROLE_ADMIN, web_field_text(r, "password"), &id, e);
    if (s == OK)
        s = throttle_forget(r->db, "set-up", r->from, r->now_ms, e);
    return s == OK ? session_begin(r, res, id, e) : s;
}

static enum status post_setup(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t wait = 0;
    enum status s = attempt(r, "set-up", &wait, e);
    if (s == OK && wait > 0)
        return err_set(e, ST_DENIED, N_("too many attempts; try again in %d seconds"),
                       (int)(wait / 1000 + 1));
    if (s == OK)
        s = db_begin(r->db, e);
    if (s == OK)
        s = first_account(r, res, e);
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    if (s == ST_INVALID) {
        web_status(res, 422);
        return show_setup(r, res, told(r, e));
    }
    return s == OK ? web_redirect(res, "/") : s;
}

/* --- */

static enum status get_health(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t one = 0;
    enum status s = db_get_int(r->db, &one, e, "SELECT 1", "");
    return s == OK ? web_json(res, 200, json_pack("{s:s}", "status", "ok")) : s;
}

const struct web_route sign_routes[] = {
    {WEB_GET, "/setup", ROLES_ANYBODY, 0, ROUTE_SETUP, get_setup, "the form for the first account"},
    {WEB_POST, "/setup", ROLES_ANYBODY, KIB(16), ROUTE_SETUP | ROUTE_OWN_TX, post_setup,
     "make the first administrator's account"},
    {WEB_GET, "/login", ROLES_ANYBODY, 0, ROUTE_PAGE, get_login, "the form to log in"},
    {WEB_POST, "/login", ROLES_ANYBODY, KIB(16), ROUTE_OWN_TX, post_login,
     "log in: begin a session"},
    {WEB_POST, "/logout", ROLES_READ, KIB(4), ROUTE_ONCE, post_logout, "log out: end the session"},
    {WEB_GET, "/healthz", ROLES_ANYBODY, 0, ROUTE_API, get_health,
     "whether the board and its database answer"},
    {0},
};
