/* Sessions, visitors without one, and hosts' tokens. See session.h. */
#include "board/web/session.h"
#include "base/utf8.h"
#include "board/case/account.h"
#include "board/case/token.h"
#include "board/web/header.h"
#include "board/web/web_int.h"

#include <sodium.h>

const char *cookie_name(const struct exchange *x, const char *name)
{
    if (!x->secure)
        return name;
    const char *full = arena_printf((struct arena *)(uintptr_t)&x->arena, "__Host-%s", name);
    return full ? full : name;
}

bool request_cookie(const struct exchange *x, const char *name, struct slice *ret)
{
    return header_cookie(exchange_header(x, "Cookie"), cookie_name(x, name), ret);
}

#define MAC_HEX ((size_t)2 * crypto_auth_BYTES)

static void hash_hex(struct slice s, char ret[TOKEN_HEX])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(sum, s.p ? s.p : (const unsigned char *)"", s.n);
    (void)sodium_bin2hex(ret, TOKEN_HEX, sum, sizeof sum);
}

static void random_hex(char ret[TOKEN_HEX])
{
    unsigned char rnd[32];
    randombytes_buf(rnd, sizeof rnd);
    (void)sodium_bin2hex(ret, TOKEN_HEX, rnd, sizeof rnd);
    sodium_memzero(rnd, sizeof rnd);
}

/* A note that web_flash left, signed with the session's secret: shown once, then taken away. */
static void flash_take(struct exchange *x)
{
    struct slice v;
    unsigned char key[32];
    unsigned char mac[crypto_auth_BYTES];
    size_t n = 0;
    if (!request_cookie(x, "hikeshi_note", &v))
        return;
    response_cookie(&x->res, "hikeshi_note", "", 0, true);
    if (v.n < MAC_HEX || x->req.csrf[0] == '\0')
        return;
    if (sodium_hex2bin(mac, sizeof mac, (const char *)v.p, MAC_HEX, NULL, &n, NULL) != 0 ||
        n != sizeof mac)
        return;
    if (sodium_hex2bin((unsigned char *)x->flash, sizeof x->flash - 1, (const char *)v.p + MAC_HEX,
                       v.n - MAC_HEX, NULL, &n, NULL) != 0)
        n = 0;
    (void)crypto_hash_sha256(key, (const unsigned char *)x->req.csrf, strlen(x->req.csrf));
    if (crypto_auth_verify(mac, (const unsigned char *)x->flash, n, key) != 0)
        n = 0;
    x->flash[n] = '\0';
}

void web_flash(struct web_response *res, const char *text)
{
    struct exchange *x = res->x;
    char hex[MAC_HEX + 2 * sizeof x->flash + 1];
    unsigned char key[32];
    unsigned char mac[crypto_auth_BYTES];
    struct slice s = slice_str(text);
    s.n = s.n < sizeof x->flash - 1 ? s.n : sizeof x->flash - 1;
    (void)crypto_hash_sha256(key, (const unsigned char *)x->req.csrf, strlen(x->req.csrf));
    (void)crypto_auth(mac, s.p, s.n, key);
    (void)sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
    (void)sodium_bin2hex(hex + 2 * sizeof mac, sizeof hex - 2 * sizeof mac, s.p, s.n);
    response_cookie(res, "hikeshi_note", hex, 600, true);
}

/* Notes that a session was seen; the watcher writes it down, so that reading needs no write. */
static void saw(struct web *w, const char *hash)
{
    bool known = false;
    (void)pthread_mutex_lock(&w->seen_lock);
    for (size_t i = 0; i < w->seen_count && !known; i++)
        known = strcmp(w->seen[i], hash) == 0;
    if (!known && w->seen_count < ARRAY_LEN(w->seen))
        memcpy(w->seen[w->seen_count++], hash, TOKEN_HEX);
    (void)pthread_mutex_unlock(&w->seen_lock);
}

void visitor_csrf(struct exchange *x)
{
    struct slice v;
    char token[TOKEN_HEX];
    char sum[TOKEN_HEX];
    struct buf b;
    if (!request_cookie(x, "hikeshi_visit", &v) || v.n != TOKEN_HEX - 1) {
        random_hex(token);
        response_cookie(&x->res, "hikeshi_visit", token, -1, true);
        v = slice_str(token);
    }
    buf_init(&b, 200);
    (void)buf_add_str(&b, "hikeshi visitor ");
    (void)buf_add_slice(&b, v);
    hash_hex(buf_slice(&b), sum);
    buf_done(&b);
    const char *copy = arena_strdup(&x->arena, slice_str(sum));
    x->req.csrf = copy ? copy : "";
}

static enum status take_session(struct exchange *x, const struct db_rows *rows, struct err *e)
{
    int64_t seen = db_int(rows, 4);
    x->once = db_int(rows, 5) != 0;
    x->req.actor.id = db_int(rows, 0);
    x->req.actor.role = (enum role)db_int(rows, 2);
    x->req.actor.name = arena_strdup(&x->arena, slice_str(db_text(rows, 1)));
    x->req.csrf = arena_strdup(&x->arena, slice_str(db_text(rows, 3)));
    if (!x->req.actor.name || !x->req.csrf)
        return err_set(e, ST_NOMEM, "out of memory");
    if (x->req.now_ms - seen > 60000)
        saw(x->web, x->token_hash);
    return OK;
}

enum status session_find(struct exchange *x, struct db *db, struct err *e)
{
    struct db_rows *rows = NULL;
    struct slice token = {0};
    if (!request_cookie(x, "hikeshi_session", &token) || token.n != TOKEN_HEX - 1) {
        if (!(x->req.route->flags & ROUTE_API))
            visitor_csrf(x);
        return OK;
    }
    hash_hex(token, x->token_hash);
    enum status s = db_query(
        db, &rows, e,
        "SELECT a.id, a.name, a.role, s.csrf, s.seen_ms, COALESCE(c.once, 0) FROM session s "
        "JOIN account a ON a.id = s.account_id "
        "LEFT JOIN credential c ON c.account_id = a.id WHERE s.token_hash = $1 "
        "AND a.disabled = 0 AND s.seen_ms > $2 AND s.made_ms > $3",
        "sii", x->token_hash, x->req.now_ms - SESSION_IDLE_MS, x->req.now_ms - SESSION_MAX_MS);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        s = take_session(x, rows, e);
    db_rows_done(rows);
    if (s == ST_END) { /* over, or never was */
        x->token_hash[0] = '\0';
        visitor_csrf(x);
        s = OK;
    }
    if (s == OK && !(x->req.route->flags & ROUTE_API) && x->req.method == WEB_GET)
        flash_take(x);
    return s;
}

static enum status host_find(struct exchange *x, struct db *db, struct slice token, struct err *e)
{
    struct db_rows *rows = NULL;
    char hash[TOKEN_HEX];
    hash_hex(token, hash);
    enum status s =
        db_query(db, &rows, e,
                 "SELECT h.id, h.name FROM host_token t JOIN host h ON h.id = t.host_id "
                 "WHERE t.token_hash = $1 AND h.disabled = 0",
                 "s", hash);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        x->req.actor.kind = ACTOR_HOST;
        x->req.actor.id = db_int(rows, 0);
        x->req.actor.role = ROLE_HOST;
        x->req.actor.name = arena_strdup(&x->arena, slice_str(db_text(rows, 1)));
        if (!x->req.actor.name)
            s = err_set(e, ST_NOMEM, "out of memory");
    } else if (s == ST_END) {
        s = err_set(e, ST_DENIED, N_("the token is not known, or its host is disabled"));
    }
    db_rows_done(rows);
    return s;
}

/* A person's own program: it is they who act. */
static enum status person_find(struct exchange *x, struct db *db, struct slice token, struct err *e)
{
    char name[ACCOUNT_NAME_MAX + 1];
    struct actor *a = &x->req.actor;
    enum status s = token_owner(db, token, x->req.now_ms, &a->id, &a->role, name, sizeof name, e);
    if (s != OK)
        return s;
    a->kind = ACTOR_ACCOUNT;
    a->name = arena_strdup(&x->arena, slice_str(name));
    hash_hex(token, x->token_hash); /* that of no session; a stream ends with its token by it */
    return a->name ? OK : err_set(e, ST_NOMEM, "out of memory");
}

enum status bearer_find(struct exchange *x, struct db *db, struct slice token, struct err *e)
{
    return slice_starts(token, SLICE_LIT(TOKEN_PREFIX)) ? person_find(x, db, token, e)
                                                        : host_find(x, db, token, e);
}

const char *session_hash(const struct web_request *r)
{
    return exchange_of(r)->token_hash;
}

enum status session_begin(struct web_request *r, struct web_response *res, int64_t account,
                          struct err *e)
{
    char token[TOKEN_HEX];
    char hash[TOKEN_HEX];
    char csrf[TOKEN_HEX];
    struct slice agent = web_header(r, "User-Agent");
    agent.n = utf8_floor(agent, 200);
    if (!utf8_valid(agent, NULL))
        agent = (struct slice){0};
    random_hex(token);
    random_hex(csrf);
    hash_hex(slice_str(token), hash);
    enum status s =
        db_run(r->db, NULL, e, "DELETE FROM session WHERE token_hash = $1", "s", session_hash(r));
    if (s == OK)
        s = db_run(r->db, NULL, e,
                   "INSERT INTO session(token_hash, account_id, csrf, made_ms, seen_ms, "
                   "from_address, agent) VALUES ($1, $2, $3, $4, $4, $5, $6)",
                   "sisist", hash, account, csrf, r->now_ms, r->from, agent);
    if (s == OK)
        response_cookie(res, "hikeshi_session", token, -1, true);
    sodium_memzero(token, sizeof token);
    return s;
}

enum status session_end(struct web_request *r, struct web_response *res, struct err *e)
{
    response_cookie(res, "hikeshi_session", "", 0, true);
    return db_run(r->db, NULL, e, "DELETE FROM session WHERE token_hash = $1", "s",
                  session_hash(r));
}

enum status session_sweep(struct web *w, struct db *db, int64_t now_ms, struct err *e)
{
    static char seen[ARRAY_LEN(w->seen)][TOKEN_HEX]; /* the watcher's alone */
    (void)pthread_mutex_lock(&w->seen_lock);
    size_t n = w->seen_count;
    memcpy(seen, w->seen, n * TOKEN_HEX);
    w->seen_count = 0;
    (void)pthread_mutex_unlock(&w->seen_lock);
    enum status s = db_begin(db, e);
    for (size_t i = 0; i < n && s == OK; i++)
        s = db_run(db, NULL, e, "UPDATE session SET seen_ms = $2 WHERE token_hash = $1", "si",
                   seen[i], now_ms);
    if (s == OK)
        s = db_run(db, NULL, e, "DELETE FROM session WHERE seen_ms <= $1 OR made_ms <= $2", "ii",
                   now_ms - SESSION_IDLE_MS, now_ms - SESSION_MAX_MS);
    if (s == OK)
        s = db_run(db, NULL, e, "DELETE FROM login_failure WHERE at_ms <= $1", "i",
                   now_ms - 3600LL * 1000);
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}
