/* One's own account (name, password, sessions) and, for administrators, everybody's. */
#include "board/web/pages/account.h"
#include "board/case/account.h"
#include "board/web/pages/account.html.h"
#include "board/web/pages/layout.h"
#include "board/web/session.h"
#include "board/web/web_int.h"

#include <sodium.h>

#define SESSIONS_SHOWN 50
#define ACCOUNTS_SHOWN 2000 /* a company's responders, owners and readers of one board */

struct slice role_title(enum lang lang, enum role role)
{
    switch (role) {
    case ROLE_ADMIN:
        return slice_str(TC(lang, "role", "Administrator"));
    case ROLE_RESPONDER:
        return slice_str(TC(lang, "role", "Responder"));
    case ROLE_OWNER:
        return slice_str(TC(lang, "role", "Owner"));
    case ROLE_READER:
        return slice_str(TC(lang, "role", "Reader"));
    default:
        return (struct slice){0};
    }
}

/* A row's text, kept in the arena. */
static struct slice keep(struct web_request *r, const struct db_rows *rows, int col)
{
    const char *copy = arena_strdup(r->arena, slice_str(db_text(rows, col)));
    return slice_str(copy ? copy : "");
}

static struct slice told(struct web_request *r, const struct err *e)
{
    struct buf b;
    buf_init(&b, 2000);
    (void)messages_add_err(&b, r->lang, e);
    const char *copy = arena_strdup(r->arena, buf_slice(&b));
    buf_done(&b);
    return slice_str(copy ? copy : e->msg);
}

static struct page_frame frame(struct web_request *r, const char *title, enum page_place place,
                               struct page_note *note)
{
    struct page_frame f = page_frame_of(r);
    f.title = slice_str(title);
    f.place = place;
    note->kind = NOTE_GOOD;
    note->text = slice_str(web_flash_text(r));
    f.notes = note;
    f.note_count = note->text.n ? 1 : 0;
    return f;
}

/* --- one's own */

/* "Firefox, Windows" of a User-Agent, which is anything at all. */
static struct slice agent_label(struct web_request *r, struct slice agent)
{
    static const char *const browsers[][2] = {{"Edg/", "Edge"},      {"Firefox/", "Firefox"},
                                              {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
                                              {"curl/", "curl"},     {"python", "Python"}};
    static const char *const systems[][2] = {{"Android", "Android"}, {"iPhone", "iPhone"},
                                             {"iPad", "iPad"},       {"Windows", "Windows"},
                                             {"Mac OS", "macOS"},    {"Linux", "Linux"}};
    const char *browser = NULL;
    const char *system = NULL;
    for (size_t i = 0; i < ARRAY_LEN(browsers) && !browser; i++) {
        if (slice_find(agent, slice_str(browsers[i][0])) < agent.n)
            browser = browsers[i][1];
    }
    for (size_t i = 0; i < ARRAY_LEN(systems) && !system; i++) {
        if (slice_find(agent, slice_str(systems[i][0])) < agent.n)
            system = systems[i][1];
    }
    if (!browser)
        return slice_str(T(r->lang, "Another program"));
    const char *text = system ? arena_printf(r->arena, "%s, %s", browser, system) : browser;
    return slice_str(text);
}

static enum status read_sessions(struct web_request *r, struct own_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    struct session_row *list = arena_alloc_array(r->arena, SESSIONS_SHOWN, sizeof *list);
    if (!list)
        return err_set(e, ST_NOMEM, "out of memory");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT token_hash, from_address, agent, made_ms, seen_ms FROM session "
                 "WHERE account_id = $1 AND seen_ms > $2 AND made_ms > $3 "
                 "ORDER BY seen_ms DESC LIMIT $4",
                 "iiii", r->actor.id, r->now_ms - SESSION_IDLE_MS, r->now_ms - SESSION_MAX_MS,
                 (int64_t)SESSIONS_SHOWN);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct session_row *row = &list[v->session_count++];
        row->this_one = strcmp(db_text(rows, 0), session_hash(r)) == 0;
        row->from = keep(r, rows, 1);
        row->agent = agent_label(r, slice_str(db_text(rows, 2)));
        row->made_ms = db_int(rows, 3);
        row->seen_ms = db_int(rows, 4);
    }
    db_rows_done(rows);
    v->sessions = list;
    return s == ST_END ? OK : s;
}

static enum status read_own(struct web_request *r, struct own_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT a.login, a.name, a.role, c.once FROM account a "
                             "JOIN credential c ON c.account_id = a.id WHERE a.id = $1",
                             "i", r->actor.id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK) {
        v->csrf = r->csrf;
        v->login = keep(r, rows, 0);
        v->name = keep(r, rows, 1);
        v->role = (enum role)db_int(rows, 2);
        v->once = db_int(rows, 3) != 0;
    }
    db_rows_done(rows);
    return s == OK ? read_sessions(r, v, e) : s;
}

static enum status show_own(struct web_request *r, struct web_response *res,
                            const struct err *fault, bool of_password, struct err *e)
{
    struct own_view v = {.fault_of_password = of_password};
    struct page_note note;
    enum status s = read_own(r, &v, e);
    if (s != OK)
        return s;
    if (fault) {
        v.fault = told(r, fault);
        web_status(res, 422);
    }
    struct page_frame f = frame(r, T(r->lang, "Your account"), PAGE_ELSEWHERE, &note);
    struct html *h = web_html(res);
    layout_begin(h, &f);
    own_account(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status get_own(struct web_request *r, struct web_response *res, struct err *e)
{
    return show_own(r, res, NULL, false, e);
}

static enum status end_tx(struct web_request *r, enum status s, struct err *e)
{
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

static enum status post_name(struct web_request *r, struct web_response *res, struct err *e)
{
    struct err fault = {0};
    enum status s = db_begin(r->db, e);
    if (s != OK)
        return s;
    s = end_tx(r, account_rename(r->db, &r->actor, web_field_text(r, "name"), &fault), &fault);
    if (s == ST_INVALID)
        return show_own(r, res, &fault, false, e);
    if (s != OK) {
        *e = fault;
        return s;
    }
    web_flash(res, T(r->lang, "Your name was changed."));
    return web_redirect(res, "/account");
}

enum status account_check_current(struct web_request *r, const char *current, struct err *e)
{
    struct own_view v = {0};
    enum role role = ROLE_NONE;
    int64_t wait = 0;
    int64_t id = 0;
    enum status s = read_own(r, &v, e);
    const char *login = s == OK ? arena_strdup(r->arena, v.login) : NULL;
    if (s == OK && !login)
        s = err_set(e, ST_NOMEM, "out of memory");
    if (s == OK)
        s = db_begin(r->db, e);
    if (s == OK)
        s = end_tx(r, throttle_attempt(r->db, login, r->from, r->now_ms, &wait, e), e);
    if (s == OK && wait > 0)
        s = err_set(e, ST_INVALID, N_("too many attempts; try again in %d seconds"),
                    (int)(wait / 1000 + 1));
    if (s == OK)
        s = account_log_in(r->db, login, current, &id, &role, e);
    if (s == ST_DENIED)
        s = err_set(e, ST_INVALID, N_("the password so far is wrong"));
    if (s == OK && (s = db_begin(r->db, e)) == OK)
        s = end_tx(r, throttle_forget(r->db, login, r->from, r->now_ms, e), e);
    return s;
}

static enum status post_password(struct web_request *r, struct web_response *res, struct err *e)
{
    struct err fault = {0};
    const char *password = web_field_text(r, "password");
    enum status s = account_check_current(r, web_field_text(r, "current"), &fault);
    if (s == OK && !slice_eq(web_field(r, "password"), web_field(r, "again")))
        s = err_set(&fault, ST_INVALID, N_("the two passwords differ"));
    if (s == OK && strcmp(password, web_field_text(r, "current")) == 0)
        s = err_set(&fault, ST_INVALID, N_("the new password is the one so far"));
    if (s == OK && (s = db_begin(r->db, &fault)) == OK)
        s = end_tx(r,
                   account_set_password(r->db, &r->actor, r->actor.id, password, false,
                                        session_hash(r), &fault),
                   &fault);
    if (s == ST_INVALID)
        return show_own(r, res, &fault, true, e);
    if (s != OK) {
        *e = fault;
        return s;
    }
    web_flash(res, T(r->lang, "The password was changed. Other sessions have ended."));
    return web_redirect(res, "/account");
}

static enum status post_sessions(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s =
        db_run(r->db, NULL, e, "DELETE FROM session WHERE account_id = $1 AND token_hash <> $2",
               "is", r->actor.id, session_hash(r));
    if (s != OK)
        return s;
    web_flash(res, T(r->lang, "Your other sessions have ended."));
    return web_redirect(res, "/account");
}

/* --- everybody's */

#define ACCOUNT_QUERY                                                                    \
    "SELECT a.id, a.login, a.name, a.role, a.disabled, a.made_ms, COALESCE(c.once, 0), " \
    "COALESCE((SELECT MAX(s.seen_ms) FROM session s WHERE s.account_id = a.id), 0) "     \
    "FROM account a LEFT JOIN credential c ON c.account_id = a.id "

static void take_row(struct web_request *r, const struct db_rows *rows, struct account_row *ret)
{
    *ret = (struct account_row){.id = db_int(rows, 0),
                                .login = keep(r, rows, 1),
                                .name = keep(r, rows, 2),
                                .role = (enum role)db_int(rows, 3),
                                .disabled = db_int(rows, 4) != 0,
                                .made_ms = db_int(rows, 5),
                                .once = db_int(rows, 6) != 0,
                                .seen_ms = db_int(rows, 7)};
}

static enum status show_list(struct web_request *r, struct web_response *res,
                             const struct err *fault, struct err *e)
{
    struct accounts_view v = {.csrf = r->csrf, .role = ROLE_RESPONDER};
    struct page_note note;
    struct db_rows *rows = NULL;
    struct account_row *list = arena_alloc_array(r->arena, ACCOUNTS_SHOWN, sizeof *list);
    if (!list)
        return err_set(e, ST_NOMEM, "out of memory");
    enum status s = db_query(r->db, &rows, e, ACCOUNT_QUERY "ORDER BY a.disabled, a.id LIMIT $1",
                             "i", (int64_t)ACCOUNTS_SHOWN);
    while (s == OK && (s = db_next(rows, e)) == OK)
        take_row(r, rows, &list[v.count++]);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    v.rows = list;
    if (fault) {
        v.fault = told(r, fault);
        v.login = web_field(r, "login");
        v.name = web_field(r, "name");
        v.role = role_from_name(web_field_text(r, "role"));
        web_status(res, code_of_status(fault->code));
    }
    struct page_frame f = frame(r, T(r->lang, "Accounts"), PAGE_ACCOUNTS, &note);
    struct html *h = web_html(res);
    layout_begin(h, &f);
    account_list(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status get_list(struct web_request *r, struct web_response *res, struct err *e)
{
    return show_list(r, res, NULL, e);
}

static enum status read_account(struct web_request *r, int64_t id, struct account_row *ret,
                                struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, ACCOUNT_QUERY "WHERE a.id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK)
        take_row(r, rows, ret);
    db_rows_done(rows);
    return s;
}

static enum status show_given(struct web_request *r, struct web_response *res, int64_t id,
                              const char *password, struct err *e)
{
    struct account_row row;
    struct page_note note;
    enum status s = read_account(r, id, &row, e);
    if (s != OK)
        return s;
    struct given_view v = {row.login, row.name, slice_str(password), id};
    struct page_frame f = frame(r, T(r->lang, "Accounts"), PAGE_ACCOUNTS, &note);
    struct html *h = web_html(res);
    layout_begin(h, &f);
    password_given(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status post_list(struct web_request *r, struct web_response *res, struct err *e)
{
    char password[ACCOUNT_MADE_PASSWORD_SIZE];
    struct err fault = {0};
    int64_t id = 0;
    account_make_password(password);
    enum status s = db_begin(r->db, &fault);
    if (s == OK)
        s = account_create(r->db, &r->actor, web_field_text(r, "login"), web_field_text(r, "name"),
                           role_from_name(web_field_text(r, "role")), password, &id, &fault);
    if (s == OK)
        s = account_set_password(r->db, &r->actor, id, password, true, "", &fault);
    s = end_tx(r, s, &fault);
    if (s == OK)
        s = show_given(r, res, id, password, e);
    else if (s == ST_INVALID || s == ST_CONFLICT)
        s = show_list(r, res, &fault, e);
    else
        *e = fault;
    sodium_memzero(password, sizeof password);
    return s;
}

static enum status show_account(struct web_request *r, struct web_response *res,
                                const struct err *fault, struct err *e)
{
    struct account_view v = {.csrf = r->csrf, .own = r->id[0] == r->actor.id};
    struct page_note note;
    enum status s = read_account(r, r->id[0], &v.row, e);
    if (s != OK)
        return s;
    if (fault) {
        v.fault = told(r, fault);
        web_status(res, code_of_status(fault->code));
    }
    struct page_frame f = frame(r, T(r->lang, "Accounts"), PAGE_ACCOUNTS, &note);
    struct html *h = web_html(res);
    layout_begin(h, &f);
    account_form(h, &v);
    layout_end(h, &f);
    return html_status(h);
}

static enum status get_account(struct web_request *r, struct web_response *res, struct err *e)
{
    return show_account(r, res, NULL, e);
}

static enum status post_account(struct web_request *r, struct web_response *res, struct err *e)
{
    struct err fault = {0};
    enum status s = db_begin(r->db, &fault);
    if (s == OK)
        s = account_change(r->db, &r->actor, r->id[0], web_field_text(r, "name"),
                           role_from_name(web_field_text(r, "role")),
                           slice_eq_str(web_field(r, "disabled"), "1"), &fault);
    s = end_tx(r, s, &fault);
    if (s == ST_INVALID)
        return show_account(r, res, &fault, e);
    if (s != OK) {
        *e = fault;
        return s;
    }
    web_flash(res, T(r->lang, "The account was changed."));
    return web_redirect(res, "/accounts");
}

static enum status post_reset(struct web_request *r, struct web_response *res, struct err *e)
{
    char password[ACCOUNT_MADE_PASSWORD_SIZE];
    if (r->id[0] == r->actor.id)
        return err_set(e, ST_INVALID, N_("change your own password on the page of your account"));
    account_make_password(password);
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = account_set_password(r->db, &r->actor, r->id[0], password, true, "", e);
    s = end_tx(r, s, e);
    if (s == OK)
        s = show_given(r, res, r->id[0], password, e);
    sodium_memzero(password, sizeof password);
    return s;
}

#define OWN (ROUTE_OWN_TX | ROUTE_ONCE)

const struct web_route account_routes[] = {
    {WEB_GET, "/account", ROLES_READ, 0, ROUTE_ONCE, get_own, "one's own account"},
    {WEB_POST, "/account/name", ROLES_READ, KIB(8), ROUTE_OWN_TX, post_name,
     "change one's own name"},
    {WEB_POST, "/account/password", ROLES_READ, KIB(8), OWN, post_password,
     "change one's own password"},
    {WEB_POST, "/account/sessions", ROLES_READ, KIB(4), ROUTE_PAGE, post_sessions,
     "end one's other sessions"},
    {WEB_GET, "/accounts", ROLE_ADMIN, 0, ROUTE_PAGE, get_list, "all accounts"},
    {WEB_POST, "/accounts", ROLE_ADMIN, KIB(8), ROUTE_OWN_TX, post_list, "make an account"},
    {WEB_GET, "/accounts/:n", ROLE_ADMIN, 0, ROUTE_PAGE, get_account, "one account"},
    {WEB_POST, "/accounts/:n", ROLE_ADMIN, KIB(8), ROUTE_OWN_TX, post_account,
     "change name, role, or whether it is disabled"},
    {WEB_POST, "/accounts/:n/password", ROLE_ADMIN, KIB(4), ROUTE_OWN_TX, post_reset,
     "make a new password for one log-in"},
    {0},
};
