/* Personal tokens. See token.h. */
#include "board/case/token.h"

#include "base/utf8.h"
#include "board/case/body.h"

#include <inttypes.h>
#include <sodium.h>

#define DAY_MS INT64_C(86400000)

static void hash_hex(struct slice s, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sum, s.p ? s.p : (const unsigned char *)"", s.n);
    (void)sodium_bin2hex(ret, 65, sum, sizeof sum);
}

static enum status store_secret(struct db *db, int64_t id, char ret_token[TOKEN_SIZE],
                                struct err *e)
{
    unsigned char bytes[32];
    char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    char hash[65];
    randombytes_buf(bytes, sizeof bytes);
    (void)sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    (void)snprintf(ret_token, TOKEN_SIZE, TOKEN_PREFIX "%s", text);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(text, sizeof text);
    hash_hex(slice_str(ret_token), hash);
    return db_run(db, NULL, e, "INSERT INTO api_token_secret(token_id, token_hash) VALUES ($1, $2)",
                  "is", id, hash);
}

static enum status append(struct db *db, const struct actor *actor, const char *kind,
                          int64_t account, json_t *body, struct err *e)
{
    char subject[40];
    if (!body) /* json_pack takes UTF-8 only */
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    (void)snprintf(subject, sizeof subject, "account:%" PRId64, account);
    enum status s = log_append(db, actor, 0, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

enum status token_make(struct db *db, const struct actor *actor, int64_t account, const char *name,
                       int64_t days, char ret_token[TOKEN_SIZE], int64_t *ret_id, struct err *e)
{
    int64_t id = 0;
    if (days < 1 || days > TOKEN_DAYS_MAX)
        return err_set(e, ST_INVALID, N_("a token is good for 1 to %d days"), TOKEN_DAYS_MAX);
    enum status s = log_next_id(db, "api_token", 1, &id, e);
    if (s == OK)
        s = append(db, actor, "account.token_made", account,
                   json_pack("{s:I, s:s, s:I}", "token", (json_int_t)id, "name", name, "days",
                             (json_int_t)days),
                   e);
    if (s == OK)
        s = store_secret(db, id, ret_token, e);
    if (s == OK)
        *ret_id = id;
    return s;
}

enum status token_revoke(struct db *db, const struct actor *actor, int64_t id, struct err *e)
{
    struct db_rows *rows = NULL;
    json_t *body = NULL;
    int64_t account = 0;
    enum status s =
        db_query(db, &rows, e, "SELECT account_id, name FROM api_token WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such token"));
    if (s == OK) {
        account = db_int(rows, 0);
        body = json_pack("{s:I, s:s}", "token", (json_int_t)id, "name", db_text(rows, 1));
    }
    db_rows_done(rows);
    if (s == OK)
        s = append(db, actor, "account.token_revoked", account, body, e);
    if (s == OK)
        s = db_run(db, NULL, e, "DELETE FROM api_token_secret WHERE token_id = $1", "i", id);
    return s;
}

enum status token_revoke_all(struct db *db, const struct actor *actor, int64_t account,
                             struct err *e)
{
    for (;;) {
        int64_t id = 0;
        enum status s = db_get_int(db, &id, e,
                                   "SELECT COALESCE(MIN(id), 0) FROM api_token "
                                   "WHERE account_id = $1 AND revoked_ms = 0",
                                   "i", account);
        if (s != OK || id == 0)
            return s;
        if ((s = token_revoke(db, actor, id, e)) != OK)
            return s;
    }
}

enum status token_owner(struct db *db, struct slice token, int64_t now_ms, int64_t *ret_account,
                        enum role *ret_role, char *ret_name, size_t name_size, struct err *e)
{
    struct db_rows *rows = NULL;
    char hash[65];
    hash_hex(token, hash);
    enum status s =
        db_query(db, &rows, e,
                 "SELECT a.id, a.role, a.name FROM api_token_secret x "
                 "JOIN api_token t ON t.id = x.token_id JOIN account a ON a.id = t.account_id "
                 "WHERE x.token_hash = $1 AND t.revoked_ms = 0 AND t.until_ms > $2 "
                 "AND a.disabled = 0",
                 "si", hash, now_ms);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        struct slice name = slice_str(db_text(rows, 2));
        *ret_account = db_int(rows, 0);
        *ret_role = (enum role)db_int(rows, 1);
        (void)snprintf(ret_name, name_size, "%.*s", (int)utf8_floor(name, name_size - 1),
                       (const char *)name.p);
    }
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_DENIED, N_("this token is not in use")) : s;
}

/* --- kinds */

/* Whether the actor is the account of the subject, or has one of these roles, or is the system. */
static enum status own_or_house(const struct event *ev, unsigned others, struct err *e)
{
    int64_t account = 0;
    enum status s = body_subject_id(ev, "account:", &account, e);
    if (s != OK || ((unsigned)ev->actor.role & (others | ROLE_SYSTEM)))
        return s;
    if (ev->actor.kind == ACTOR_ACCOUNT && ev->actor.id == account)
        return OK;
    return err_set(e, ST_DENIED, N_("this is the token of somebody else"));
}

static enum status check_made(struct db *db, const struct event *ev, struct err *e)
{
    int64_t account = 0;
    int64_t there = 0;
    struct slice name = slice_str(body_text(ev->body, "name"));
    enum status s = own_or_house(ev, 0, e);
    if (s == OK && (slice_trim(name).n == 0 || name.n > TOKEN_NAME_MAX))
        s = err_set(e, ST_INVALID, N_("give the token a name of up to %d bytes"), TOKEN_NAME_MAX);
    for (size_t i = 0; i < name.n && s == OK; i++) {
        if (name.p[i] < 0x20 || name.p[i] == 0x7f)
            s = err_set(e, ST_INVALID, N_("the text holds a control character"));
    }
    if (s == OK)
        s = body_subject_id(ev, "account:", &account, e);
    if (s == OK)
        s = db_get_int(db, &there, e, "SELECT COUNT(*) FROM account WHERE id = $1 AND disabled = 0",
                       "i", account);
    if (s == OK && !there)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    return s;
}

static enum status check_revoked(struct db *db, const struct event *ev, struct err *e)
{
    int64_t open = 0;
    enum status s = own_or_house(ev, ROLE_ADMIN, e);
    if (s == ST_DENIED) /* whose tokens there are is nobody else's business */
        s = err_set(e, ST_NOT_FOUND, N_("there is no such token"));
    if (s == OK)
        s = db_get_int(db, &open, e,
                       "SELECT COUNT(*) FROM api_token WHERE id = $1 AND revoked_ms = 0", "i",
                       body_int(ev->body, "token"));
    if (s == OK && !open)
        s = err_set(e, ST_CONFLICT, N_("this token is revoked already"));
    return s;
}

static enum status apply_made(struct db *db, const struct event *ev, struct err *e)
{
    int64_t account = 0;
    int64_t id = body_int(ev->body, "token");
    enum status s = body_subject_id(ev, "account:", &account, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO api_token(id, account_id, name, made_ms, until_ms, revoked_ms) "
                   "VALUES ($1, $2, $3, $4, $5, 0)",
                   "iisii", id, account, body_text(ev->body, "name"), ev->at_ms,
                   ev->at_ms + body_int(ev->body, "days") * DAY_MS);
    return s == OK ? log_saw_id(db, "api_token", id, e) : s;
}

static enum status apply_revoked(struct db *db, const struct event *ev, struct err *e)
{
    return db_run(db, NULL, e, "UPDATE api_token SET revoked_ms = $2 WHERE id = $1", "ii",
                  body_int(ev->body, "token"), ev->at_ms);
}

static enum status say_token(const struct event *ev, enum lang lang, struct buf *out)
{
    bool made = strcmp(ev->kind, "account.token_made") == 0;
    (void)buf_addf(out, made ? T(lang, "API token “%s” made") : T(lang, "API token “%s” revoked"),
                   body_text(ev->body, "name"));
    return buf_status(out);
}

#define ANYBODY (ROLE_ADMIN | ROLE_RESPONDER | ROLE_OWNER | ROLE_READER | ROLE_SYSTEM)
const struct log_kind token_kinds[] = {
    {"account.token_made", ANYBODY, check_made, apply_made, say_token, TIMELINE_NONE},
    {"account.token_revoked", ANYBODY, check_revoked, apply_revoked, say_token, TIMELINE_NONE},
    {0},
};
