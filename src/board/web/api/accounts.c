/* Oneself, one's own tokens, and the accounts of the house. */
#include "board/case/account.h"

#include "base/limits.h"
#include "board/case/token.h"
#include "board/web/api/api.h"
#include "board/web/pages/account.h"
#include "board/web/session.h"
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>

static const char *const role_words[] = {"administrator", "responder", "owner", "reader", NULL};

/* --- oneself */

struct me_view {
    int64_t id;
    struct slice name, login, role, via, csrf;
};
static const char *const via_words[] = {"session", "token", NULL};
static const struct api_field me_fields[] = {
    API_ROW(struct me_view, id, "id", API_ID),
    API_ROW(struct me_view, login, "login", API_TEXT),
    API_ROW(struct me_view, name, "name", API_TEXT),
    API_ROW(struct me_view, role, "role", API_WORD, .words = role_words),
    API_ROW(struct me_view, via, "via", API_WORD, .words = via_words),
    API_ROW(struct me_view, csrf, "csrf", API_TEXT, .flags = API_NULL,
            .says = "of a session: what X-CSRF-Token has to be in requests that change something"),
    {0},
};
static const struct api_schema me_schema = {"Me", sizeof(struct me_view), me_fields, NULL};

static enum status get_me(struct web_request *r, struct web_response *res, struct err *e)
{
    struct db_rows *rows = NULL;
    bool token = exchange_of(r)->bearer;
    struct me_view v = {.id = r->actor.id,
                        .name = slice_str(r->actor.name),
                        .role = slice_str(role_name(r->actor.role)),
                        .via = slice_str(token ? "token" : "session"),
                        .csrf = slice_str(token ? "" : r->csrf)};
    enum status s =
        db_query(r->db, &rows, e, "SELECT login FROM account WHERE id = $1", "i", r->actor.id);
    if (s == OK && (s = db_next(rows, e)) == OK)
        s = api_keep(r, db_text(rows, 0), &v.login, e);
    else if (s == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    db_rows_done(rows);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

struct me_input {
    struct slice name, current, password;
};
static const struct api_field me_change_fields[] = {
    API_ROW(struct me_input, name, "name", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ACCOUNT_NAME_MAX),
    {0},
};
static const struct api_schema me_change_schema = {"MeChange", sizeof(struct me_input),
                                                   me_change_fields, NULL};
static const struct api_field password_fields[] = {
    API_ROW(struct me_input, current, "current", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ACCOUNT_PASSWORD_MAX, .says = "the password so far"),
    API_ROW(struct me_input, password, "password", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ACCOUNT_PASSWORD_MAX, .says = "12 characters or more"),
    {0},
};
static const struct api_schema password_schema = {"PasswordChange", sizeof(struct me_input),
                                                  password_fields, NULL};

static enum status change_me(struct web_request *r, struct web_response *res, struct err *e)
{
    struct me_input in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    const char *name = s == OK ? api_text(r, in.name) : "";
    if (s == OK)
        s = name ? account_rename(r->db, &r->actor, name, e) : api_nomem(e);
    r->actor.name = name;
    return s == OK ? get_me(r, res, e) : s;
}

static enum status store_password(struct web_request *r, const char *password, struct err *e)
{
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = account_set_password(r->db, &r->actor, r->actor.id, password, false, session_hash(r),
                                 e);
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

static enum status change_password(struct web_request *r, struct web_response *res, struct err *e)
{
    struct me_input in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    if (s != OK)
        return s;
    const char *current = api_text(r, in.current);
    const char *password = api_text(r, in.password);
    if (!current || !password)
        return api_nomem(e);
    s = account_check_current(r, current, e);
    if (s == ST_INVALID)
        return api_fault_at(r, res, "/current", e);
    if (s == OK)
        s = store_password(r, password, e);
    if (s == ST_INVALID)
        return api_fault_at(r, res, "/password", e);
    return s == OK ? api_no_content(res) : s;
}

static enum status end_others(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s =
        db_run(r->db, NULL, e, "DELETE FROM session WHERE account_id = $1 AND token_hash <> $2",
               "is", r->actor.id, session_hash(r));
    return s == OK ? api_no_content(res) : s;
}

static enum status end_session(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = session_end(r, res, e);
    return s == OK ? api_no_content(res) : s;
}

/* --- one's tokens */

struct token_view {
    int64_t id, made_ms, until_ms, revoked_ms;
    struct slice name, token;
};
#define TOKEN_FIELDS                                                                          \
    API_ROW(struct token_view, id, "id", API_ID),                                             \
        API_ROW(struct token_view, name, "name", API_TEXT),                                   \
        API_ROW(struct token_view, made_ms, "made", API_TIME),                                \
        API_ROW(struct token_view, until_ms, "until", API_TIME, .says = "void from then on"), \
        API_ROW(struct token_view, revoked_ms, "revoked", API_TIME)
static const struct api_field token_fields[] = {TOKEN_FIELDS, {0}};
static const struct api_schema token_schema = {"Token", sizeof(struct token_view), token_fields,
                                               NULL};
static const struct api_field made_fields[] = {
    TOKEN_FIELDS,
    API_ROW(struct token_view, token, "token", API_TEXT, .says = "shown this once"),
    {0},
};
static const struct api_schema made_schema = {"TokenMade", sizeof(struct token_view), made_fields,
                                              NULL};
API_PAGE_SCHEMA(token_list, "TokenList", token_schema);

#define TOKEN_COLUMNS "SELECT id, made_ms, until_ms, revoked_ms, name FROM api_token "

static enum status token_of_row(struct web_request *r, const struct db_rows *rows,
                                struct token_view *v, struct err *e)
{
    v->id = db_int(rows, 0);
    v->made_ms = db_int(rows, 1);
    v->until_ms = db_int(rows, 2);
    v->revoked_ms = db_int(rows, 3);
    return api_keep(r, db_text(rows, 4), &v->name, e);
}

static enum status list_tokens(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t before = INT64_MAX;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "tokens", &before, e);
    size_t limit = api_limit(&q);
    struct token_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     TOKEN_COLUMNS "WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                     "iii", r->actor.id, before, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = token_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "tokens", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

struct token_input {
    struct slice name;
    int64_t days;
};
static const struct api_field token_input_fields[] = {
    API_ROW(struct token_input, name, "name", API_TEXT, .flags = API_NEED, .min = 1,
            .max = TOKEN_NAME_MAX, .says = "what it is for"),
    API_ROW(struct token_input, days, "days", API_INT, .min = 1, .max = TOKEN_DAYS_MAX,
            .says = "how long it is good (90)"),
    {0},
};
static const struct api_schema token_input_schema = {"TokenNew", sizeof(struct token_input),
                                                     token_input_fields, NULL};

static enum status make_token(struct web_request *r, struct web_response *res, struct err *e)
{
    struct token_input in = {0};
    struct token_view v = {0};
    struct db_rows *rows = NULL;
    char token[TOKEN_SIZE];
    int64_t id = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK && exchange_of(r)->bearer) /* a stolen one must not outlive itself */
        s = err_set(e, ST_DENIED, N_("a token cannot make another one; log in"));
    const char *name = s == OK ? api_text(r, in.name) : "";
    if (s == OK && !name)
        s = api_nomem(e);
    if (s == OK)
        s = token_make(r->db, &r->actor, r->actor.id, name, in.days ? in.days : TOKEN_DAYS, token,
                       &id, e);
    if (s == OK)
        s = db_query(r->db, &rows, e, TOKEN_COLUMNS "WHERE id = $1", "i", id);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        s = token_of_row(r, rows, &v, e);
    db_rows_done(rows);
    v.token = slice_str(token);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

static enum status revoke_token(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = token_revoke(r->db, &r->actor, r->id[0], e);
    return s == OK ? api_no_content(res) : s;
}

/* --- accounts */

struct account_answer {
    int64_t id, disabled, made_ms;
    struct slice login, name, role, password;
};
#define ACCOUNT_FIELDS                                                               \
    API_ROW(struct account_answer, id, "id", API_ID),                                \
        API_ROW(struct account_answer, login, "login", API_TEXT),                    \
        API_ROW(struct account_answer, name, "name", API_TEXT),                      \
        API_ROW(struct account_answer, role, "role", API_WORD, .words = role_words), \
        API_ROW(struct account_answer, disabled, "disabled", API_FLAG),              \
        API_ROW(struct account_answer, made_ms, "made", API_TIME)
static const struct api_field account_fields[] = {ACCOUNT_FIELDS, {0}};
static const struct api_schema account_schema = {"Account", sizeof(struct account_answer),
                                                 account_fields, NULL};
static const struct api_field account_given_fields[] = {
    ACCOUNT_FIELDS,
    API_ROW(struct account_answer, password, "password", API_TEXT,
            .says = "shown this once; it has to be changed at the first log-in"),
    {0},
};
static const struct api_schema account_given_schema = {
    "AccountGiven", sizeof(struct account_answer), account_given_fields, NULL};
API_PAGE_SCHEMA(account_list, "AccountList", account_schema);

#define ACCOUNT_COLUMNS "SELECT id, disabled, made_ms, login, name, role FROM account "

static enum status account_of_row(struct web_request *r, const struct db_rows *rows,
                                  struct account_answer *v, struct err *e)
{
    v->id = db_int(rows, 0);
    v->disabled = db_int(rows, 1);
    v->made_ms = db_int(rows, 2);
    v->role = slice_str(role_name((enum role)db_int(rows, 5)));
    enum status s = api_keep(r, db_text(rows, 3), &v->login, e);
    return s == OK ? api_keep(r, db_text(rows, 4), &v->name, e) : s;
}

static enum status list_accounts(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t after = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "accounts", &after, e);
    size_t limit = api_limit(&q);
    struct account_answer *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e, ACCOUNT_COLUMNS "WHERE id > $1 ORDER BY id LIMIT $2", "ii",
                     after, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = account_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "accounts", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

static enum status find_account(struct web_request *r, int64_t id, struct account_answer *v,
                                struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e, ACCOUNT_COLUMNS "WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK)
        s = account_of_row(r, rows, v, e);
    db_rows_done(rows);
    return s;
}

static enum status reply_account(struct web_request *r, struct web_response *res, int64_t id,
                                 struct err *e)
{
    struct account_answer v = {0};
    enum status s = find_account(r, id, &v, e);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

static enum status get_account(struct web_request *r, struct web_response *res, struct err *e)
{
    return reply_account(r, res, r->id[0], e);
}

struct account_input {
    struct slice login, name, role;
    bool disabled;
};
static const struct api_field account_new_fields[] = {
    API_ROW(struct account_input, login, "login", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ACCOUNT_NAME_MAX, .says = "a mail address or a short name"),
    API_ROW(struct account_input, name, "name", API_TEXT, .flags = API_NEED, .min = 1,
            .max = ACCOUNT_NAME_MAX),
    API_ROW(struct account_input, role, "role", API_WORD, .flags = API_NEED, .words = role_words),
    {0},
};
static const struct api_schema account_new_schema = {"AccountNew", sizeof(struct account_input),
                                                     account_new_fields, NULL};
enum { ACCOUNT_NAME, ACCOUNT_ROLE, ACCOUNT_DISABLED };
static const struct api_field account_change_fields[] = {
    [ACCOUNT_NAME] =
        API_ROW(struct account_input, name, "name", API_TEXT, .min = 1, .max = ACCOUNT_NAME_MAX),
    [ACCOUNT_ROLE] = API_ROW(struct account_input, role, "role", API_WORD, .words = role_words),
    [ACCOUNT_DISABLED] = API_ROW(struct account_input, disabled, "disabled", API_BOOL),
    {0},
};
static const struct api_schema account_change_schema = {
    "AccountChange", sizeof(struct account_input), account_change_fields,
    "fields that are not given stay as they are"};

static enum status reply_given(struct web_request *r, struct web_response *res, int64_t id,
                               const char *password, struct err *e)
{
    struct account_answer v = {.password = slice_str(password)};
    enum status s = find_account(r, id, &v, e);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

static enum status add_account(struct web_request *r, struct web_response *res, struct err *e)
{
    struct account_input in = {0};
    char password[ACCOUNT_MADE_PASSWORD_SIZE];
    int64_t id = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s != OK)
        return s;
    const char *login = api_text(r, in.login), *name = api_text(r, in.name),
               *role = api_text(r, in.role);
    if (!login || !name || !role)
        return api_nomem(e);
    account_make_password(password);
    s = account_create(r->db, &r->actor, login, name, role_from_name(role), password, &id, e);
    if (s == OK)
        s = account_set_password(r->db, &r->actor, id, password, true, "", e);
    if (s == OK) {
        api_place(r, res, API "/accounts/%" PRId64, id);
        s = reply_given(r, res, id, password, e);
    }
    sodium_memzero(password, sizeof password);
    return s;
}

static enum status reset_password(struct web_request *r, struct web_response *res, struct err *e)
{
    char password[ACCOUNT_MADE_PASSWORD_SIZE];
    char none = 0;
    enum status s = api_body(r, res, &none, NULL, e);
    if (s == OK && r->id[0] == r->actor.id)
        s = err_set(e, ST_INVALID, N_("change your own password on the page of your account"));
    account_make_password(password);
    if (s == OK)
        s = account_set_password(r->db, &r->actor, r->id[0], password, true, "", e);
    if (s == OK)
        s = reply_given(r, res, r->id[0], password, e);
    sodium_memzero(password, sizeof password);
    return s;
}

static enum status change_account(struct web_request *r, struct web_response *res, struct err *e)
{
    struct account_input in = {0};
    struct account_answer v = {0};
    uint64_t given = 0;
    enum status s = api_body(r, res, &in, &given, e);
    if (s == OK)
        s = find_account(r, r->id[0], &v, e);
    if (s != OK)
        return s;
    const char *name = api_text(r, given >> ACCOUNT_NAME & 1 ? in.name : v.name);
    const char *role = api_text(r, given >> ACCOUNT_ROLE & 1 ? in.role : v.role);
    bool disabled = given >> ACCOUNT_DISABLED & 1 ? in.disabled : v.disabled != 0;
    if (!name || !role)
        return api_nomem(e);
    s = account_change(r->db, &r->actor, r->id[0], name, role_from_name(role), disabled, e);
    return s == OK ? reply_account(r, res, r->id[0], e) : s;
}

const struct web_route api_account_routes[] = {
    {WEB_GET, API "/me", ROLES_READ, 0, ROUTE_API, get_me, "Who is asking, and as what"},
    {WEB_PATCH, API "/me", ROLES_READ, KIB(16), ROUTE_API, change_me, "Change one's own name"},
    {WEB_PUT, API "/me/password", ROLES_READ, KIB(16), ROUTE_API | ROUTE_OWN_TX | ROUTE_ONCE,
     change_password, "Change one's own password; other sessions end"},
    {WEB_DELETE, API "/me/sessions", ROLES_READ, 0, ROUTE_API, end_others,
     "End one's other sessions"},
    {WEB_DELETE, API "/me/session", ROLES_READ, 0, ROUTE_API, end_session,
     "Log out: end the session"},
    {WEB_GET, API "/me/tokens", ROLES_READ, 0, ROUTE_API, list_tokens,
     "One's own API tokens, the newest first"},
    {WEB_POST, API "/me/tokens", ROLES_READ, KIB(16), ROUTE_API, make_token,
     "Make an API token for one's own programs"},
    {WEB_DELETE, API "/me/tokens/:n", ROLES_READ, 0, ROUTE_API, revoke_token,
     "Revoke an API token"},
    {WEB_GET, API "/accounts", ROLE_ADMIN, 0, ROUTE_API, list_accounts, "The accounts of people"},
    {WEB_POST, API "/accounts", ROLE_ADMIN, KIB(16), ROUTE_API, add_account, "Make an account"},
    {WEB_GET, API "/accounts/:n", ROLE_ADMIN, 0, ROUTE_API, get_account, "One account"},
    {WEB_PATCH, API "/accounts/:n", ROLE_ADMIN, KIB(16), ROUTE_API, change_account,
     "Change an account's name or role, or disable it"},
    {WEB_POST, API "/accounts/:n/password", ROLE_ADMIN, KIB(16), ROUTE_API, reset_password,
     "Make a new password for one log-in"},
    {0},
};

const struct api_op api_account_ops[] = {
    API_OP(get_me, "getMe", "me", .answer = &me_schema, .code = 200),
    API_OP(change_me, "changeMe", "me", .body = &me_change_schema, .answer = &me_schema,
           .code = 200),
    API_OP(change_password, "changePassword", "me", .body = &password_schema, .code = 204),
    API_OP(end_others, "endOtherSessions", "me", .code = 204),
    API_OP(end_session, "endSession", "me", .code = 204),
    API_OP(list_tokens, "listTokens", "me", .query = &api_paging_query, .answer = &token_list,
           .code = 200),
    API_OP(make_token, "makeToken", "me", .body = &token_input_schema, .answer = &made_schema,
           .code = 201, .says = "With a session only: a token cannot make another one."),
    API_OP(revoke_token, "revokeToken", "me", .params = {"token"}, .code = 204,
           .flags = API_CONFLICT, .says = "Administrators may revoke the tokens of others, too."),
    API_OP(list_accounts, "listAccounts", "accounts", .query = &api_paging_query,
           .answer = &account_list, .code = 200),
    API_OP(add_account, "addAccount", "accounts", .body = &account_new_schema,
           .answer = &account_given_schema, .code = 201, .flags = API_PLACE | API_CONFLICT),
    API_OP(get_account, "getAccount", "accounts", .params = {"account"}, .answer = &account_schema,
           .code = 200),
    API_OP(change_account, "changeAccount", "accounts", .params = {"account"},
           .body = &account_change_schema, .answer = &account_schema, .code = 200),
    API_OP(reset_password, "resetPassword", "accounts", .params = {"account"}, .body = &api_nothing,
           .answer = &account_given_schema, .code = 200),
    {0},
};
