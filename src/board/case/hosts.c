/* Hosts that hand in findings, and their tokens. See findings.h. */
#include "board/case/hosts.h"

#include "base/limits.h"
#include "board/case/body.h"

#include <inttypes.h>
#include <sodium.h>

enum status host_name_tidy(const char *name, char ret[HOST_NAME_SIZE], struct err *e)
{
    struct slice s = slice_trim(slice_str(name));
    if (s.n == 0 || s.n >= HOST_NAME_SIZE)
        return err_set(e, ST_INVALID, N_("a host's name has 1 to %d characters"),
                       HOST_NAME_SIZE - 1);
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                    c == '_' || c == ':';
        if (!fine)
            return err_set(e, ST_INVALID,
                           N_("“%s” is no host's name: letters, digits, dot, hyphen, underscore "
                              "and colon"),
                           name);
        ret[i] = (char)c;
    }
    ret[s.n] = '\0';
    return OK;
}

void host_name_short(const char *name, char ret[HOST_NAME_SIZE])
{
    struct slice s = slice_str(name);
    size_t dots = 0, n = slice_index(s, '.');
    bool address = slice_index(s, ':') < s.n;
    bool digits = true;
    for (size_t i = 0; i < s.n; i++) {
        dots += s.p[i] == '.';
        digits &= s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9');
    }
    if (address || (digits && dots == 3))
        n = 0;
    memcpy(ret, name, n);
    ret[n] = '\0';
}

/* --- tokens */

static void token_hash(struct slice token, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sum, token.p, token.n);
    sodium_bin2hex(ret, 65, sum, sizeof sum);
}

/* The token is shown once; what is kept does not give it back. */
static enum status store_token(struct db *db, int64_t host, char ret_token[HOST_TOKEN_SIZE],
                               struct err *e)
{
    unsigned char bytes[32];
    char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    char hash[65];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    (void)snprintf(ret_token, HOST_TOKEN_SIZE, "hkh_%s", text);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(text, sizeof text);
    token_hash(slice_str(ret_token), hash);
    return db_run(db, NULL, e,
                  "INSERT INTO host_token(host_id, token_hash) VALUES ($1, $2) "
                  "ON CONFLICT (host_id) DO UPDATE SET token_hash = excluded.token_hash",
                  "is", host, hash);
}

enum status host_of_token(struct db *db, struct slice token, int64_t *ret_id, char *ret_name,
                          size_t name_size, struct err *e)
{
    struct db_rows *rows = NULL;
    char hash[65];
    token_hash(token, hash);
    enum status s =
        db_query(db, &rows, e,
                 "SELECT h.id, h.name FROM host_token t JOIN host h ON h.id = t.host_id "
                 "WHERE t.token_hash = $1 AND h.disabled = 0",
                 "s", hash);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        *ret_id = db_int(rows, 0);
        int n = snprintf(ret_name, name_size, "%s", db_text(rows, 1));
        if (n < 0 || (size_t)n >= name_size)
            s = err_set(e, ST_LIMIT, "the name of host %" PRId64 " is too long", *ret_id);
    }
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_DENIED, N_("this token is not in use")) : s;
}

/* --- commands */

static enum status append(struct db *db, const struct actor *actor, const char *kind, int64_t id,
                          const char *name, struct err *e)
{
    char subject[40];
    json_t *body = json_pack("{s:s}", "name", name);
    if (!body)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)snprintf(subject, sizeof subject, "host:%" PRId64, id);
    enum status s = log_append(db, actor, 0, kind, subject, body, NULL, e);
    json_decref(body);
    return s;
}

enum status host_add(struct db *db, const struct actor *actor, const char *name,
                     char ret_token[HOST_TOKEN_SIZE], int64_t *ret_id, struct err *e)
{
    char tidy[HOST_NAME_SIZE];
    int64_t id = 0;
    enum status s = host_name_tidy(name, tidy, e);
    if (s == OK)
        s = log_next_id(db, "host", 1, &id, e);
    if (s == OK)
        s = append(db, actor, "host.added", id, tidy, e);
    if (s == OK)
        s = store_token(db, id, ret_token, e);
    if (s == OK)
        *ret_id = id;
    return s;
}

/* The name of a host that is in use. */
static enum status name_of(struct db *db, int64_t host, char ret[HOST_NAME_SIZE], struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT name FROM host WHERE id = $1 AND disabled = 0", "i", host);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        (void)snprintf(ret, HOST_NAME_SIZE, "%s", db_text(rows, 0));
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_NOT_FOUND, N_("this host does not exist, or is disabled"))
                       : s;
}

enum status host_renew(struct db *db, const struct actor *actor, int64_t host,
                       char ret_token[HOST_TOKEN_SIZE], struct err *e)
{
    char name[HOST_NAME_SIZE];
    enum status s = name_of(db, host, name, e);
    if (s == OK)
        s = append(db, actor, "host.token", host, name, e);
    return s == OK ? store_token(db, host, ret_token, e) : s;
}

enum status host_disable(struct db *db, const struct actor *actor, int64_t host, struct err *e)
{
    char name[HOST_NAME_SIZE];
    enum status s = name_of(db, host, name, e);
    if (s == OK)
        s = append(db, actor, "host.disabled", host, name, e);
    if (s == OK)
        s = db_run(db, NULL, e, "DELETE FROM host_token WHERE host_id = $1", "i", host);
    return s;
}

/* --- kinds */

static enum status check_added(struct db *db, const struct event *ev, struct err *e)
{
    int64_t taken = 0;
    enum status s = db_get_int(db, &taken, e, "SELECT COUNT(*) FROM host WHERE name = $1", "s",
                               body_text(ev->body, "name"));
    if (s == OK && taken)
        s = err_set(e, ST_CONFLICT, N_("there is a host %s already"), body_text(ev->body, "name"));
    return s;
}

static enum status apply_added(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    enum status s = body_subject_id(ev, "host:", &id, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO host(id, name, disabled, made_ms) VALUES ($1, $2, 0, $3)", "isi",
                   id, body_text(ev->body, "name"), ev->at_ms);
    return s == OK ? log_saw_id(db, "host", id, e) : s;
}

static enum status apply_disabled(struct db *db, const struct event *ev, struct err *e)
{
    int64_t id = 0;
    enum status s = body_subject_id(ev, "host:", &id, e);
    return s == OK ? db_run(db, NULL, e, "UPDATE host SET disabled = 1 WHERE id = $1", "i", id) : s;
}

static enum status apply_token(struct db *db, const struct event *ev, struct err *e)
{
    (void)db, (void)ev, (void)e; /* the token is a secret and no part of the record */
    return OK;
}

static enum status say_host(const struct event *ev, enum lang lang, struct buf *out)
{
    const char *name = body_text(ev->body, "name");
    if (strcmp(ev->kind, "host.added") == 0)
        (void)buf_addf(out, T(lang, "Host %s may hand in scans"), name);
    else if (strcmp(ev->kind, "host.disabled") == 0)
        (void)buf_addf(out, T(lang, "Host %s disabled"), name);
    else
        (void)buf_addf(out, T(lang, "Host %s: new token"), name);
    return buf_status(out);
}

#define HOST_ROLES (ROLE_ADMIN | ROLE_SYSTEM)
const struct log_kind host_kinds[] = {
    {"host.added", HOST_ROLES, check_added, apply_added, say_host, TIMELINE_NONE},
    {"host.disabled", HOST_ROLES, NULL, apply_disabled, say_host, TIMELINE_NONE},
    {"host.token", HOST_ROLES, NULL, apply_token, say_host, TIMELINE_NONE},
    {0},
};
