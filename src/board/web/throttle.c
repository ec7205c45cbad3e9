/* Throttling of log-ins. See session.h. */
#include "board/web/session.h"

#include <arpa/inet.h>
#include <sodium.h>

#define WINDOW_MS (3600LL * 1000)

struct rule {
    char subject[80];
    int64_t free;
    int64_t most_ms;
};

/* What is counted. Logins are hashed: people type passwords into the wrong field. */
static void rules_of(const char *login, const char *from, struct rule ret[3])
{
    unsigned char sum[16];
    char hex[33];
    unsigned char v6[16];
    char net[64];
    (void)crypto_generichash(sum, sizeof sum, (const unsigned char *)login, strlen(login), NULL, 0);
    (void)sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    (void)snprintf(net, sizeof net, "%s", from);
    if (inet_pton(AF_INET6, from, v6) == 1) /* a household has a /64 */
        (void)sodium_bin2hex(net, sizeof net, v6, 8);
    ret[0] = (struct rule){.free = 5, .most_ms = 15LL * 60 * 1000};
    ret[1] = (struct rule){.free = 20, .most_ms = 15LL * 60 * 1000};
    ret[2] = (struct rule){.free = 50, .most_ms = 30LL * 1000};
    (void)snprintf(ret[0].subject, sizeof ret[0].subject, "pair:%s:%.40s", hex, net);
    (void)snprintf(ret[1].subject, sizeof ret[1].subject, "from:%.40s", net);
    (void)snprintf(ret[2].subject, sizeof ret[2].subject, "login:%s", hex);
}

static enum status wait_of(struct db *db, const struct rule *rule, int64_t now_ms, int64_t *ret,
                           struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT COUNT(*), COALESCE(MAX(at_ms), 0) FROM login_failure "
                             "WHERE subject = $1 AND at_ms > $2",
                             "si", rule->subject, now_ms - WINDOW_MS);
    if (s == OK)
        s = db_next(rows, e);
    *ret = 0;
    if (s == OK && db_int(rows, 0) >= rule->free) {
        int64_t over = db_int(rows, 0) - rule->free;
        int64_t delay = over > 20 ? rule->most_ms : 2000LL << over;
        if (delay > rule->most_ms)
            delay = rule->most_ms;
        int64_t until = db_int(rows, 1) + delay;
        *ret = until > now_ms ? until - now_ms : 0;
    }
    db_rows_done(rows);
    return s;
}

enum status throttle_attempt(struct db *db, const char *login, const char *from, int64_t now_ms,
                             int64_t *ret_wait_ms, struct err *e)
{
    struct rule rules[3];
    int64_t longest = 0;
    enum status s = OK;
    rules_of(login, from, rules);
    for (size_t i = 0; i < 3 && s == OK; i++) {
        int64_t wait = 0;
        s = wait_of(db, &rules[i], now_ms, &wait, e);
        longest = wait > longest ? wait : longest;
    }
    for (size_t i = 0; i < 3 && s == OK && longest == 0; i++)
        s = db_run(db, NULL, e, "INSERT INTO login_failure(subject, at_ms) VALUES ($1, $2)", "si",
                   rules[i].subject, now_ms);
    if (s == OK)
        *ret_wait_ms = longest;
    return s;
}

enum status throttle_forget(struct db *db, const char *login, const char *from, int64_t at_ms,
                            struct err *e)
{
    struct rule rules[3];
    rules_of(login, from, rules);
    enum status s =
        db_run(db, NULL, e, "DELETE FROM login_failure WHERE subject = $1", "s", rules[0].subject);
    for (size_t i = 1; i < 3 && s == OK; i++)
        s = db_run(db, NULL, e, "DELETE FROM login_failure WHERE subject = $1 AND at_ms = $2", "si",
                   rules[i].subject, at_ms);
    return s;
}
