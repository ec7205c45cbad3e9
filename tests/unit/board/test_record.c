/* The record: appended events keep the views up, and verify finds every kind of tampering. */
#include "unit.h"

#include "board/case/account.h"
#include "board/case/incident.h"
#include "databases.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct actor system_actor = {ACTOR_SYSTEM, 0, "hikeshi-board", ROLE_SYSTEM, "cli"};

static void must(enum status s, const struct err *e)
{
    if (s != OK)
        fail_msg("%s: %s", status_name(s), e->msg);
}

static int64_t open_incident(struct db *db, const char *title)
{
    struct err e = {0};
    int64_t id = 0;
    must(db_begin(db, &e), &e);
    must(incident_open(db, &system_actor, "log4shell", title, &id, &e), &e);
    must(db_commit(db, &e), &e);
    return id;
}

static int64_t make_account(struct db *db, const char *login, enum role role)
{
    struct err e = {0};
    int64_t id = 0;
    must(db_begin(db, &e), &e);
    must(account_create(db, &system_actor, login, "佐伯 美帆", role, "correct horse battery", &id,
                        &e),
         &e);
    must(db_commit(db, &e), &e);
    return id;
}

static int64_t faults(struct db *db)
{
    struct err e = {0};
    json_t *report = NULL;
    enum status s = log_verify(db, &report, &e);
    if (s != OK && s != ST_MALFORMED)
        fail_msg("verify: %s", e.msg);
    int64_t n = json_integer_value(json_object_get(report, "faults"));
    assert_int_equal(n > 0, s == ST_MALFORMED);
    json_decref(report);
    return n;
}

static void check_whole(struct test_database *t)
{
    struct err e = {0};
    int64_t first = open_incident(t->db, "Log4Shell の対応");
    int64_t second = open_incident(t->db, "second");
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    int64_t id = make_account(t->db, "saeki@example.jp", ROLE_ADMIN);
    must(db_begin(t->db, &e), &e);
    must(incident_close(t->db, &system_actor, second, "a drill", &e), &e);
    must(db_commit(t->db, &e), &e);
    must(db_begin(t->db, &e), &e);
    assert_int_equal(incident_close(t->db, &system_actor, second, "again", &e), ST_CONFLICT);
    assert_int_equal(incident_close(t->db, &system_actor, 77, "none", &e), ST_NOT_FOUND);
    assert_int_equal(account_change(t->db, &system_actor, id, "x", ROLE_READER, false, &e),
                     ST_INVALID); /* the last administrator */
    db_rollback(t->db);
    assert_int_equal(faults(t->db), 0);
    assert_int_equal(faults(t->db), 0); /* verify changes nothing */
}

static void a_whole_record_verifies(void **state)
{
    (void)state;
    on_each_database(check_whole);
}

static void check_tampering(struct test_database *t)
{
    static const char *const tampering[] = {
        "UPDATE event SET body = '{\"profile\":\"other\",\"title\":\"Log4Shell\"}' WHERE id = 1",
        "UPDATE event SET actor_name = 'nobody' WHERE id = 1",
        "UPDATE event SET at_ms = at_ms - 1 WHERE id = 1",
        "DELETE FROM event WHERE id = 1",
        "DELETE FROM event WHERE id = (SELECT MAX(id) FROM event)",
        "DELETE FROM chain WHERE incident_id = 1",
        "UPDATE incident SET title = 'quietly changed' WHERE id = 1",
        "DELETE FROM account",
        "INSERT INTO incident(id, profile, title, opened_ms) VALUES (9, 'p', 't', 0)",
        "UPDATE counter SET value = value + 1 WHERE name = 'incident'",
    };
    struct err e = {0};
    open_incident(t->db, "Log4Shell");
    open_incident(t->db, "second");
    make_account(t->db, "saeki@example.jp", ROLE_RESPONDER);
    for (size_t i = 0; i < ARRAY_LEN(tampering); i++) {
        struct test_database copy;
        database_make(&copy, db_backend(t->db));
        open_incident(copy.db, "Log4Shell");
        open_incident(copy.db, "second");
        make_account(copy.db, "saeki@example.jp", ROLE_RESPONDER);
        assert_int_equal(faults(copy.db), 0);
        must(db_run(copy.db, NULL, &e, tampering[i], ""), &e);
        if (faults(copy.db) == 0)
            fail_msg("not found: %s", tampering[i]);
        database_drop(&copy);
    }
}

static void tampering_is_found(void **state)
{
    (void)state;
    on_each_database(check_tampering);
}

static void check_rights(struct test_database *t)
{
    const struct actor reader = {ACTOR_ACCOUNT, 5, "reader", ROLE_READER, "web"};
    struct err e = {0};
    int64_t id = 0;
    must(db_begin(t->db, &e), &e);
    assert_int_equal(incident_open(t->db, &reader, "log4shell", "t", &id, &e), ST_DENIED);
    db_rollback(t->db);
    json_t *outside = json_object();
    assert_int_equal(
        log_append(t->db, &system_actor, 1, "incident.opened", "incident:1", outside, NULL, &e),
        ST_INVALID); /* no transaction */
    json_decref(outside);
    must(db_begin(t->db, &e), &e);
    json_t *body = json_object();
    assert_int_equal(log_append(t->db, &system_actor, 1, "no.such.kind", "x:1", body, NULL, &e),
                     ST_INVALID);
    json_decref(body);
    db_rollback(t->db);
    assert_int_equal(faults(t->db), 0);
}

static void who_may_not_does_not(void **state)
{
    (void)state;
    on_each_database(check_rights);
}

static void check_log_in(struct test_database *t)
{
    struct err e = {0};
    int64_t made = make_account(t->db, "okubo", ROLE_RESPONDER);
    (void)make_account(t->db, "admin", ROLE_ADMIN);
    int64_t id = 0;
    enum role role = ROLE_NONE;
    must(account_log_in(t->db, "okubo", "correct horse battery", &id, &role, &e), &e);
    assert_int_equal(id, made);
    assert_int_equal(role, ROLE_RESPONDER);
    assert_int_equal(account_log_in(t->db, "okubo", "wrong horse battery", &id, &role, &e),
                     ST_DENIED);
    assert_int_equal(account_log_in(t->db, "nobody", "correct horse battery", &id, &role, &e),
                     ST_DENIED);
    must(db_begin(t->db, &e), &e);
    assert_int_equal(account_create(t->db, &system_actor, "okubo", "x", ROLE_READER,
                                    "correct horse battery", &id, &e),
                     ST_CONFLICT);
    assert_int_equal(
        account_create(t->db, &system_actor, "new", "x", ROLE_READER, "short", &id, &e),
        ST_INVALID);
    must(account_change(t->db, &system_actor, made, "Okubo", ROLE_RESPONDER, true, &e), &e);
    must(db_commit(t->db, &e), &e);
    assert_int_equal(account_log_in(t->db, "okubo", "correct horse battery", &id, &role, &e),
                     ST_DENIED);
    assert_int_equal(faults(t->db), 0);
}

static void passwords(void **state)
{
    (void)state;
    on_each_database(check_log_in);
}

/* A name is all that its bearer changes, also with a role from before. */
static void check_rename(struct test_database *t)
{
    struct err e = {0};
    int64_t id = 0;
    enum role role = ROLE_NONE;
    (void)make_account(t->db, "admin", ROLE_ADMIN);
    int64_t made = make_account(t->db, "okubo", ROLE_ADMIN);
    const struct actor stale = {ACTOR_ACCOUNT, made, "okubo", ROLE_ADMIN, "web"};
    must(db_begin(t->db, &e), &e);
    must(account_change(t->db, &system_actor, made, "Okubo", ROLE_READER, false, &e), &e);
    must(account_rename(t->db, &stale, "Okubo R.", &e), &e);
    must(db_commit(t->db, &e), &e);
    must(account_log_in(t->db, "okubo", "correct horse battery", &id, &role, &e), &e);
    assert_int_equal(role, ROLE_READER);
    must(db_begin(t->db, &e), &e);
    must(account_change(t->db, &system_actor, made, "Okubo", ROLE_READER, true, &e), &e);
    assert_int_equal(account_rename(t->db, &stale, "back", &e), ST_DENIED);
    must(db_commit(t->db, &e), &e);
    assert_int_equal(account_log_in(t->db, "okubo", "correct horse battery", &id, &role, &e),
                     ST_DENIED);
    assert_int_equal(faults(t->db), 0);
}

static void a_name_is_all_that_its_bearer_changes(void **state)
{
    (void)state;
    on_each_database(check_rename);
}

/* Several processes append to one incident at once: no event is lost, none shares a place. */
static void check_race(struct test_database *t)
{
    enum { WRITERS = 4, EACH = 15 };
    pid_t pids[WRITERS];
    int64_t n = 0;
    struct err e = {0};
    for (int w = 0; w < WRITERS; w++) {
        pids[w] = fork();
        assert_true(pids[w] >= 0);
        if (pids[w] == 0) {
            struct db *db = NULL;
            int64_t id = 0;
            int bad = db_open(t->url, &db, NULL) != OK;
            for (int i = 0; !bad && i < EACH; i++) {
                bad = db_begin(db, NULL) != OK ||
                      incident_open(db, &system_actor, "log4shell", "race", &id, NULL) != OK ||
                      db_commit(db, NULL) != OK;
            }
            _exit(bad);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 0;
        assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
        assert_int_equal(status, 0);
    }
    assert_ok(db_get_int(t->db, &n, &e, "SELECT COUNT(*) FROM incident", ""));
    assert_int_equal(n, WRITERS * EACH);
    assert_int_equal(faults(t->db), 0);
}

static void writers_at_once_lose_nothing(void **state)
{
    (void)state;
    on_each_database(check_race);
}

static enum status count_event(void *arg, const struct event *ev)
{
    int *n = arg;
    struct buf b;
    buf_init(&b, 4096);
    const struct log_kind *k = log_find_kind(ev->kind);
    assert_non_null(k);
    assert_ok(k->sentence(ev, LANG_EN, &b));
    assert_true(b.n > 0);
    buf_done(&b);
    (*n)++;
    return OK;
}

static void check_reading(struct test_database *t)
{
    struct err e = {0};
    int64_t id = open_incident(t->db, "Log4Shell");
    int n = 0;
    must(db_begin(t->db, &e), &e);
    must(incident_close(t->db, &system_actor, id, "done", &e), &e);
    must(db_commit(t->db, &e), &e);
    must(log_read(t->db, id, NULL, INT64_MAX, 10, count_event, &n, &e), &e);
    assert_int_equal(n, 2);
    must(log_read(t->db, id, "incident:1", INT64_MAX, 1, count_event, &n, &e), &e);
    assert_int_equal(n, 3);
    must(log_read(t->db, id, "asset:1", INT64_MAX, 10, count_event, &n, &e), &e);
    assert_int_equal(n, 3);
}

static void reading_newest_first(void **state)
{
    (void)state;
    on_each_database(check_reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_record_verifies),
        cmocka_unit_test(tampering_is_found),
        cmocka_unit_test(who_may_not_does_not),
        cmocka_unit_test(passwords),
        cmocka_unit_test(a_name_is_all_that_its_bearer_changes),
        cmocka_unit_test(writers_at_once_lose_nothing),
        cmocka_unit_test(reading_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
