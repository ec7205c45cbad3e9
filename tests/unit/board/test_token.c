/* Personal tokens: whose they are, how long, who may take them away. */
#include "unit.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/case/account.h"
#include "board/case/token.h"
#include "case_fixture.h"

#define DAY_MS INT64_C(86400000)

static enum status owner_of(struct db *db, const char *token, int64_t now_ms, int64_t *ret_account)
{
    enum role role = ROLE_NONE;
    char name[ACCOUNT_NAME_MAX + 1] = "";
    struct err e = {0};
    enum status s =
        token_owner(db, slice_str(token), now_ms, ret_account, &role, name, sizeof name, &e);
    if (s == OK) {
        assert_int_equal(role, ROLE_RESPONDER);
        assert_string_equal(name, "佐伯 美帆");
    }
    return s;
}

static void check_life(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    char token[TOKEN_SIZE], second[TOKEN_SIZE];
    char changed[TOKEN_SIZE];
    int64_t id = 0;
    int64_t two = 0;
    int64_t account = 0;
    int64_t me = make_account(db, "saeki@example.co.jp", ROLE_RESPONDER);
    const struct actor self = {ACTOR_ACCOUNT, me, "佐伯 美帆", ROLE_RESPONDER, "web"};
    IN_TX(db, e, token_make(db, &self, me, "ci", 1, token, &id, &e));
    IN_TX(db, e, token_make(db, &system_actor, me, "cron", TOKEN_DAYS_MAX, second, &two, &e));
    int64_t now = time_now_ms();
    assert_string_not_equal(token, second);
    assert_int_equal(strncmp(token, TOKEN_PREFIX, 4), 0);
    assert_ok(owner_of(db, token, now, &account));
    assert_int_equal(account, me);
    /* any other text is none, its beginning and one changed character too */
    assert_int_equal(owner_of(db, "", now, &account), ST_DENIED);
    for (size_t i = 0; i < strlen(token); i++) {
        memcpy(changed, token, sizeof changed);
        changed[i] = (char)(changed[i] == 'A' ? 'B' : 'A');
        assert_int_equal(owner_of(db, changed, now, &account), ST_DENIED);
        changed[i] = '\0';
        assert_int_equal(owner_of(db, changed, now, &account), ST_DENIED);
    }
    /* good for a day */
    int64_t until = get_int(db, "SELECT until_ms FROM api_token WHERE id = 1");
    assert_true(until <= now + DAY_MS && until > now + DAY_MS - 60000);
    assert_ok(owner_of(db, token, until - 1, &account));
    assert_int_equal(owner_of(db, token, until, &account), ST_DENIED);
    /* revoked, and the other one goes on */
    IN_TX(db, e, token_revoke(db, &self, id, &e));
    assert_int_equal(owner_of(db, token, now, &account), ST_DENIED);
    assert_ok(owner_of(db, second, now, &account));
    REFUSED(db, e, ST_CONFLICT, token_revoke(db, &self, id, &e));
    REFUSED(db, e, ST_NOT_FOUND, token_revoke(db, &self, 99, &e));
    /* a disabled account has none */
    (void)make_account(db, "admin@example.co.jp", ROLE_ADMIN);
    IN_TX(db, e, account_change(db, &system_actor, me, "佐伯 美帆", ROLE_RESPONDER, true, &e));
    assert_int_equal(owner_of(db, second, now, &account), ST_DENIED);
    REFUSED(db, e, ST_NOT_FOUND, token_make(db, &system_actor, me, "late", 1, token, &id, &e));
    /* nothing of a token is in the record */
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM event WHERE body LIKE '%hkp_%'"), 0);
    assert_verifies(db);
}

static void a_token_lives(void **state)
{
    (void)state;
    on_each_database(check_life);
}

static void check_others(struct test_database *t)
{
    static const struct {
        const char *name;
        int64_t days;
        enum status want;
    } cases[] = {
        {"", 1, ST_INVALID},       {"  ", 1, ST_INVALID},
        {"a\nb", 1, ST_INVALID},   {"a", 0, ST_INVALID},
        {"a", -1, ST_INVALID},     {"a", 1, OK},
        {"a", TOKEN_DAYS_MAX, OK}, {"a", TOKEN_DAYS_MAX + 1, ST_INVALID},
    };
    struct db *db = t->db;
    struct err e = {0};
    char token[TOKEN_SIZE];
    char name[TOKEN_NAME_MAX + 2];
    int64_t id = 0;
    int64_t me = make_account(db, "saeki@example.co.jp", ROLE_READER);
    int64_t other = make_account(db, "other@example.co.jp", ROLE_RESPONDER);
    int64_t admin = make_account(db, "admin@example.co.jp", ROLE_ADMIN);
    const struct actor self = {ACTOR_ACCOUNT, me, "me", ROLE_READER, "web"};
    const struct actor they = {ACTOR_ACCOUNT, other, "they", ROLE_RESPONDER, "web"};
    const struct actor head = {ACTOR_ACCOUNT, admin, "head", ROLE_ADMIN, "web"};
    const struct actor host = {ACTOR_HOST, me, "host", ROLE_HOST, "api"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        must(db_begin(db, &e), &e);
        assert_int_equal(token_make(db, &self, me, cases[i].name, cases[i].days, token, &id, &e),
                         cases[i].want);
        db_rollback(db);
    }
    for (size_t n = TOKEN_NAME_MAX - 1; n <= TOKEN_NAME_MAX + 1; n++) {
        memset(name, 'x', n);
        name[n] = '\0';
        must(db_begin(db, &e), &e);
        assert_int_equal(token_make(db, &self, me, name, 1, token, &id, &e),
                         n <= TOKEN_NAME_MAX ? OK : ST_INVALID);
        db_rollback(db);
    }
    /* nobody makes one for somebody else, not even an administrator; nor does a host */
    REFUSED(db, e, ST_DENIED, token_make(db, &they, me, "a", 1, token, &id, &e));
    REFUSED(db, e, ST_DENIED, token_make(db, &head, me, "a", 1, token, &id, &e));
    REFUSED(db, e, ST_DENIED, token_make(db, &host, me, "a", 1, token, &id, &e));
    IN_TX(db, e, token_make(db, &self, me, "a", 1, token, &id, &e));
    /* whether there is one is not told to others; an administrator takes it away */
    REFUSED(db, e, ST_NOT_FOUND, token_revoke(db, &they, id, &e));
    REFUSED(db, e, ST_DENIED, token_revoke(db, &host, id, &e));
    IN_TX(db, e, token_revoke(db, &head, id, &e));
    assert_verifies(db);
}

static void tokens_of_others(void **state)
{
    (void)state;
    on_each_database(check_others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_lives),
        cmocka_unit_test(tokens_of_others),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
