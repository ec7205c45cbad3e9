/* Accounts. See account.h. */
#include "board/case/account.h"
#include "base/utf8.h"
#include "board/case/token.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>

static const struct {
    enum role role;
    const char *name;
} role_names[] = {
    {ROLE_ADMIN, "administrator"},
    {ROLE_RESPONDER, "responder"},
    {ROLE_OWNER, "owner"},
    {ROLE_READER, "reader"},
};

const char *role_name(enum role role)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
        if (role_names[i].role == role)
            return role_names[i].name;
    }
    return "none";
}

enum role role_from_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
        if (strcmp(role_names[i].name, name) == 0)
            return role_names[i].role;
    }
    return ROLE_NONE;
}

/* --- passwords */

/* One hash takes 64 MiB (libsodium's interactive limits), so only a few run at once; others wait.
 * This gate is the one mutable thing outside main: it counts the memory of the whole process. */
#define HASHES_AT_ONCE 2
static pthread_mutex_t hash_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hash_freed = PTHREAD_COND_INITIALIZER;
static int hashing;

static void hash_begin(void)
{
    (void)pthread_mutex_lock(&hash_lock);
    while (hashing == HASHES_AT_ONCE)
        (void)pthread_cond_wait(&hash_freed, &hash_lock);
    hashing++;
    (void)pthread_mutex_unlock(&hash_lock);
}

static void hash_end(void)
{
    (void)pthread_mutex_lock(&hash_lock);
    hashing--;
    (void)pthread_cond_signal(&hash_freed);
    (void)pthread_mutex_unlock(&hash_lock);
}

static enum status hash_password(const char *password, char ret[crypto_pwhash_STRBYTES],
                                 struct err *e)
{
    hash_begin();
    int rc = crypto_pwhash_str(ret, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                               crypto_pwhash_MEMLIMIT_INTERACTIVE);
    hash_end();
    return rc == 0 ? OK : err_set(e, ST_NOMEM, "no memory to hash a password");
}

static enum status check_password(const char *password, struct err *e)
{
    size_t n = strlen(password);
    size_t characters = 0;
    if (n > ACCOUNT_PASSWORD_MAX)
        return err_set(e, ST_INVALID, N_("the password is longer than %d bytes"),
                       ACCOUNT_PASSWORD_MAX);
    for (size_t i = 0; i < n; i++)
        characters += ((unsigned char)password[i] & 0xc0) != 0x80;
    if (characters < ACCOUNT_PASSWORD_MIN)
        return err_set(e, ST_INVALID, N_("the password is shorter than %d characters"),
                       ACCOUNT_PASSWORD_MIN);
    return OK;
}

static enum status store_password(struct db *db, int64_t id, const char *password, bool once,
                                  struct err *e)
{
    char hash[crypto_pwhash_STRBYTES];
    enum status s = hash_password(password, hash, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO credential(account_id, password_hash, once) VALUES ($1, $2, $3) "
                   "ON CONFLICT (account_id) DO UPDATE SET password_hash = excluded.password_hash, "
                   "once = excluded.once",
                   "isi", id, hash, (int64_t)once);
    sodium_memzero(hash, sizeof hash);
    return s;
}

void account_make_password(char ret[ACCOUNT_MADE_PASSWORD_SIZE])
{
    /* no letters that are taken for each other when read out; 20 of 29 are 97 bits */
    static const char letters[] = "abcdefghjkmnpqrstvwxyz2346789";
    size_t n = 0;
    for (size_t i = 0; i < 20; i++) {
        if (i && i % 5 == 0)
            ret[n++] = '-';
        ret[n++] = letters[randombytes_uniform(sizeof letters - 1)];
    }
    ret[n] = '\0';
}

/* --- commands */

static enum status check_text(bool login, const char *text, struct err *e)
{
    struct slice s = slice_str(text);
    if (s.n == 0)
        return err_set(e, ST_INVALID, login ? N_("the login is empty") : N_("the name is empty"));
    if (s.n > ACCOUNT_NAME_MAX)
        return err_set(e, ST_INVALID,
                       login ? N_("the login is longer than %d bytes")
                             : N_("the name is longer than %d bytes"),
                       ACCOUNT_NAME_MAX);
    if (!utf8_valid(s, NULL))
        return err_set(e, ST_INVALID,
                       login ? N_("the login is not UTF-8") : N_("the name is not UTF-8"));
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return err_set(e, ST_INVALID,
                           login ? N_("the login holds a control character")
                                 : N_("the name holds a control character"));
    }
    return OK;
}

static enum status check_role(enum role role, struct err *e)
{
    if (strcmp(role_name(role), "none") != 0)
        return OK;
    return err_set(e, ST_INVALID, N_("choose a role: administrator, responder, owner or reader"));
}

/* Appends and lets go of the body, which json_pack may have failed to make. */
static enum status append(struct db *db, const struct actor *actor, const char *kind, int64_t id,
                          json_t *body, struct err *e)
{
    char subject[40];
    if (!body)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)snprintf(subject, sizeof subject, "account:%" PRId64, id);
    enum status s = log_append(db, actor, 0, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

enum status account_create(struct db *db, const struct actor *actor, const char *login,
                           const char *name, enum role role, const char *password, int64_t *ret_id,
                           struct err *e)
{
    int64_t taken = 0;
    int64_t id = 0;
    enum status s = check_text(true, login, e);
    if (s == OK)
        s = check_text(false, name, e);
    if (s == OK)
        s = check_password(password, e);
    if (s == OK)
        s = check_role(role, e);
    if (s == OK)
        s = db_get_int(db, &taken, e, "SELECT COUNT(*) FROM account WHERE login = $1", "s", login);
    if (s == OK && taken)
        s = err_set(e, ST_CONFLICT, N_("the login %s is taken"), login);
    if (s == OK)
        s = log_next_id(db, "account", 1, &id, e);
    if (s == OK)
        s = append(
            db, actor, "account.created", id,
            json_pack("{s:s, s:s, s:s}", "login", login, "name", name, "role", role_name(role)), e);
    if (s == OK)
        s = store_password(db, id, password, false, e);
    if (s == OK)
        *ret_id = id;
    return s;
}

static enum status last_administrator(struct db *db, int64_t id, struct err *e)
{
    int64_t others = 0;
    enum status s = db_get_int(db, &others, e,
                               "SELECT COUNT(*) FROM account "
                               "WHERE role = $1 AND disabled = 0 AND id <> $2",
                               "ii", (int64_t)ROLE_ADMIN, id);
    if (s == OK && others == 0)
        s = err_set(e, ST_INVALID, N_("this is the last administrator; make another one first"));
    return s;
}

/* Of two who act on accounts at once, one waits: else each could take the other administrator. */
static enum status lock_house(struct db *db, struct err *e)
{
    return db_run(db, NULL, e, "UPDATE chain SET seq = seq WHERE incident_id = 0", "");
}

static enum status change_body(struct db *db, int64_t id, const char *name, enum role role,
                               bool disabled, json_t **ret, bool *ret_ends, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT name, role, disabled FROM account WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK) {
        *ret_ends = disabled || (enum role)db_int(rows, 1) != role;
        *ret = json_pack("{s:{s:s, s:s, s:b}, s:{s:s, s:s, s:b}}", "before", "name",
                         db_text(rows, 0), "role", role_name((enum role)db_int(rows, 1)),
                         "disabled", (int)db_int(rows, 2), "after", "name", name, "role",
                         role_name(role), "disabled", (int)disabled);
    }
    db_rows_done(rows);
    return s;
}

static enum status end_sessions(struct db *db, int64_t id, const char *keep, struct err *e)
{
    return db_run(db, NULL, e, "DELETE FROM session WHERE account_id = $1 AND token_hash <> $2",
                  "is", id, keep);
}

enum status account_change(struct db *db, const struct actor *actor, int64_t id, const char *name,
                           enum role role, bool disabled, struct err *e)
{
    json_t *body = NULL;
    bool ends = false;
    enum status s = check_text(false, name, e);
    if (s == OK)
        s = check_role(role, e);
    if (s == OK)
        s = lock_house(db, e);
    if (s == OK && (role != ROLE_ADMIN || disabled))
        s = last_administrator(db, id, e);
    if (s == OK)
        s = change_body(db, id, name, role, disabled, &body, &ends, e);
    if (s == OK)
        s = append(db, actor, "account.changed", id, body, e);
    if (s == OK && ends)
        s = end_sessions(db, id, "", e);
    return s;
}

enum status account_rename(struct db *db, const struct actor *actor, const char *name,
                           struct err *e)
{
    struct db_rows *rows = NULL;
    enum role role = ROLE_NONE;
    enum status s = lock_house(db, e);
    if (s == OK)
        s = db_query(db, &rows, e, "SELECT role FROM account WHERE id = $1 AND disabled = 0", "i",
                     actor->id);
    if (s == OK && (s = db_next(rows, e)) == OK)
        role = (enum role)db_int(rows, 0);
    db_rows_done(rows);
    if (s == ST_END)
        s = err_set(e, ST_DENIED, N_("only an administrator may change this account"));
    return s == OK ? account_change(db, actor, actor->id, name, role, false, e) : s;
}

enum status account_set_password(struct db *db, const struct actor *actor, int64_t id,
                                 const char *password, bool once, const char *keep_session,
                                 struct err *e)
{
    int64_t there = 0;
    enum status s = check_password(password, e);
    if (s == OK)
        s = db_get_int(db, &there, e, "SELECT COUNT(*) FROM account WHERE id = $1", "i", id);
    if (s == OK && !there)
        s = err_set(e, ST_NOT_FOUND, N_("this account does not exist"));
    if (s == OK)
        s = append(db, actor, "account.password_set", id, json_pack("{s:b}", "once", (int)once), e);
    if (s == OK)
        s = store_password(db, id, password, once, e);
    if (s == OK && once) /* somebody else gave it: whoever held the account has lost it */
        s = token_revoke_all(db, actor, id, e);
    return s == OK ? end_sessions(db, id, keep_session, e) : s;
}

/* Finds the credential of a login that may be used. ST_END: there is none. */
static enum status find_credential(struct db *db, const char *login, int64_t *ret_id,
                                   enum role *ret_role, char hash[crypto_pwhash_STRBYTES],
                                   struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT a.id, a.role, c.password_hash FROM account a "
                             "JOIN credential c ON c.account_id = a.id "
                             "WHERE a.login = $1 AND a.disabled = 0",
                             "s", login);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        *ret_id = db_int(rows, 0);
        *ret_role = (enum role)db_int(rows, 1);
        (void)snprintf(hash, crypto_pwhash_STRBYTES, "%s", db_text(rows, 2));
    }
    db_rows_done(rows);
    return s;
}

enum status account_log_in(struct db *db, const char *login, const char *password, int64_t *ret_id,
                           enum role *ret_role, struct err *e)
{
    char hash[crypto_pwhash_STRBYTES] = {0};
    int64_t id = 0;
    enum role role = ROLE_NONE;
    enum status s = find_credential(db, login, &id, &role, hash, e);
    if (s != OK && s != ST_END)
        return s;
    bool right = false;
    if (strlen(password) <= ACCOUNT_PASSWORD_MAX && s == OK) {
        hash_begin();
        right = crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
        hash_end();
    } else if (hash_password("as much work as a real one", hash, e) != OK) {
        return ST_NOMEM; /* an unknown login must not be answered sooner than a known one */
    }
    sodium_memzero(hash, sizeof hash);
    if (!right)
        return err_set(e, ST_DENIED, N_("login or password is wrong"));
    *ret_id = id;
    *ret_role = role;
    return OK;
}

/* --- kinds */

static enum status id_of_subject(const struct event *ev, int64_t *ret, struct err *e)
{
    struct slice s = slice_str(ev->subject);
    if (slice_starts(s, SLICE_LIT("account:")) && slice_to_i64(slice_sub(s, 8, s.n), ret) == OK)
        return OK;
    return err_set(e, ST_MALFORMED, "%s: subject %s is no account", ev->kind, ev->subject);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *t = json_string_value(json_object_get(object, key));
    return t ? t : "";
}

static enum status apply_created(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    enum status s = id_of_subject(ev, &id, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO account(id, login, name, role, disabled, made_ms) "
                   "VALUES ($1, $2, $3, $4, 0, $5)",
                   "issii", id, text_of(ev->body, "login"), text_of(ev->body, "name"),
                   (int64_t)role_from_name(text_of(ev->body, "role")), ev->at_ms);
    return s == OK ? log_saw_id(db, "account", id, e) : s;
}

static enum status apply_changed(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *after = json_object_get(ev->body, "after");
    int64_t id = 0;
    enum status s = id_of_subject(ev, &id, e);
    if (s != OK)
        return s;
    return db_run(db, NULL, e,
                  "UPDATE account SET name = $2, role = $3, disabled = $4 WHERE id = $1", "isii",
                  id, text_of(after, "name"), (int64_t)role_from_name(text_of(after, "role")),
                  (int64_t)json_is_true(json_object_get(after, "disabled")));
}

/* Everybody may write their own name; role and whether it is disabled are the administrator's. */
static enum status check_changed(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *after = json_object_get(ev->body, "after");
    const json_t *before = json_object_get(ev->body, "before");
    int64_t id = 0;
    enum status s = id_of_subject(ev, &id, e);
    (void)db;
    if (s != OK || (ev->actor.role & (ROLE_ADMIN | ROLE_SYSTEM)))
        return s;
    if (ev->actor.kind == ACTOR_ACCOUNT && ev->actor.id == id &&
        strcmp(text_of(before, "role"), text_of(after, "role")) == 0 &&
        !json_is_true(json_object_get(after, "disabled")))
        return OK;
    return err_set(e, ST_DENIED, N_("only an administrator may change this account"));
}

static enum status check_password_set(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    enum status s = id_of_subject(ev, &id, e);
    (void)db;
    if (s != OK || (ev->actor.role & (ROLE_ADMIN | ROLE_SYSTEM)) ||
        (ev->actor.kind == ACTOR_ACCOUNT && ev->actor.id == id))
        return s;
    return err_set(e, ST_DENIED, N_("only an administrator may change this account"));
}

/* The password itself is no part of the record. */
static enum status apply_password_set(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    (void)db;
    return id_of_subject(ev, &id, e);
}

static enum status say_password_set(const struct event *ev, enum lang lang, struct buf *out)
{
    bool once = json_is_true(json_object_get(ev->body, "once"));
    return buf_add_str(out, once ? T(lang, "Given a password for the next log-in")
                                 : T(lang, "Password changed"));
}

static enum status say_created(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)buf_addf(out, T(lang, "Account of %s made"), text_of(ev->body, "name"));
    return buf_status(out);
}

static enum status say_changed(const struct event *ev, enum lang lang, struct buf *out)
{
    const json_t *after = json_object_get(ev->body, "after");
    bool disabled = json_is_true(json_object_get(after, "disabled"));
    (void)buf_addf(out,
                   disabled ? T(lang, "Account of %s disabled") : T(lang, "Account of %s changed"),
                   text_of(after, "name"));
    return buf_status(out);
}

#define PEOPLE (ROLE_ADMIN | ROLE_RESPONDER | ROLE_OWNER | ROLE_READER | ROLE_SYSTEM)

const struct log_kind account_kinds[] = {
    {"account.created", ROLE_ADMIN | ROLE_SYSTEM, NULL, apply_created, say_created, TIMELINE_NONE},
    {"account.changed", PEOPLE, check_changed, apply_changed, say_changed, TIMELINE_NONE},
    {"account.password_set", PEOPLE, check_password_set, apply_password_set, say_password_set,
     TIMELINE_NONE},
    {0},
};
