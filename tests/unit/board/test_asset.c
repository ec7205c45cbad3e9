/* Rows of the ledger: commands, who may, lost races, and the record they leave. */
#include "unit.h"

#include "board/case/asset.h"
#include "case_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#define FIELD(f, text) ((struct asset_field){f, slice_str(text)})

static int64_t add(struct db *db, int64_t incident, const char *name)
{
    const struct asset_field fields[] = {FIELD(FIELD_NAME, name),
                                         FIELD(FIELD_CATEGORY, "社内システム"),
                                         FIELD(FIELD_HOSTS, "Web1.example.jp, web2, WEB2"),
                                         FIELD(FIELD_OWNER_MAIL, "Uehara@example.jp")};
    struct err e = {0};
    int64_t id = 0;
    IN_TX(db, e, asset_add(db, &system_actor, incident, fields, ARRAY_LEN(fields), &id, &e));
    return id;
}

static int64_t version_of(struct db *db, int64_t id)
{
    struct err e = {0};
    int64_t v = 0;
    must(db_get_int(db, &v, &e, "SELECT row_version FROM asset WHERE id = $1", "i", id), &e);
    return v;
}

static void check_life(struct test_database *t)
{
    struct db *db = t->db;
    struct err e = {0};
    int64_t incident = make_incident(db);
    int64_t id = add(db, incident, "ＷＥＢ　受注");
    int64_t v = version_of(db, id);
    assert_string_equal(get_text(db, "SELECT name FROM asset"), "WEB 受注");
    assert_string_equal(get_text(db, "SELECT category FROM asset"), "internal");
    assert_string_equal(get_text(db, "SELECT state FROM asset"), "not_asked");
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_host WHERE short = host"), 1);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_host"), 2);

    const struct asset_field change[] = {FIELD(FIELD_HOSTS, "db1"), FIELD(FIELD_EXPOSED, "yes"),
                                         FIELD(FIELD_NAME, "WEB 受注")};
    IN_TX(db, e, asset_change(db, &system_actor, id, v, change, ARRAY_LEN(change), &e));
    assert_string_equal(get_text(db, "SELECT host FROM asset_host"), "db1");
    assert_int_equal(get_int(db, "SELECT exposed FROM asset"), 1);
    assert_string_equal(get_text(db, "SELECT body FROM event ORDER BY id DESC LIMIT 1"),
                        "{\"after\":{\"exposed\":\"yes\",\"hosts\":\"db1\"},\"base\":2,"
                        "\"before\":{\"exposed\":\"\",\"hosts\":\"Web1.example.jp\\nweb2\\nWEB2\"},"
                        "\"name\":\"WEB 受注\"}");

    int64_t events = get_int(db, "SELECT COUNT(*) FROM event");
    IN_TX(db, e, asset_change(db, &system_actor, id, v, change, ARRAY_LEN(change), &e));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM event"), events); /* nothing changed */

    IN_TX(db, e, asset_retire(db, &system_actor, id, slice_str("更改により廃止"), &e));
    assert_int_equal(get_int(db, "SELECT retired FROM asset"), 1);
    assert_string_equal(get_text(db, "SELECT state FROM asset"), "retired");
    REFUSED(db, e, ST_CONFLICT, asset_retire(db, &system_actor, id, slice_str("again"), &e));
    REFUSED(db, e, ST_INVALID, asset_retire(db, &system_actor, id, slice_str("  "), &e));
    REFUSED(db, e, ST_INVALID, asset_ask(db, &system_actor, incident, &id, 1, 0, &e));
    IN_TX(db, e, asset_restore(db, &system_actor, id, &e));
    assert_string_equal(get_text(db, "SELECT state FROM asset"), "not_asked");
    REFUSED(db, e, ST_CONFLICT, asset_restore(db, &system_actor, id, &e));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset_event"), 4);
    assert_verifies(db);
}

static void a_row_lives(void **state)
{
    (void)state;
    on_each_database(check_life);
}

static void check_refusals(struct test_database *t)
{
    static const struct {
        struct asset_field field;
        enum status status;
        const char *words;
    } cases[] = {
        {{FIELD_NAME, {(const uint8_t *)" ", 1}}, ST_INVALID, "needs a name"},
        {{FIELD_NAME, {(const uint8_t *)"\xff", 1}}, ST_INVALID, "UTF-8"},
        {{FIELD_CATEGORY, {(const uint8_t *)"king", 4}}, ST_INVALID, "king"},
        {{FIELD_OWNER_MAIL, {(const uint8_t *)"nobody", 6}}, ST_INVALID, "nobody"},
        {{FIELD_FREE, {(const uint8_t *)"[]", 2}}, ST_INVALID, "typed"},
    };
    struct err e = {0};
    int64_t incident = make_incident(t->db);
    int64_t id = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct asset_field fields[] = {FIELD(FIELD_NAME, "x"), cases[i].field};
        REFUSED(t->db, e, cases[i].status,
                asset_add(t->db, &system_actor, incident, fields, 2, &id, &e));
        if (!strstr(e.msg, cases[i].words))
            fail_msg("%s: %s", cases[i].words, e.msg);
    }
    const struct asset_field name[] = {FIELD(FIELD_NAME, "x")};
    REFUSED(t->db, e, ST_NOT_FOUND, asset_add(t->db, &system_actor, 99, name, 1, &id, &e));
    REFUSED(t->db, e, ST_NOT_FOUND, asset_change(t->db, &system_actor, 99, 1, name, 1, &e));
    REFUSED(t->db, e, ST_NOT_FOUND,
            asset_ask(t->db, &system_actor, incident, (int64_t[]){99}, 1, 0, &e));
    REFUSED(t->db, e, ST_INVALID, asset_ask(t->db, &system_actor, incident, NULL, 0, 0, &e));
    for (enum role r = ROLE_OWNER; r <= ROLE_HOST; r = (enum role)(r * 2)) {
        const struct actor who = {ACTOR_ACCOUNT, 9, "who", r, "web"};
        REFUSED(t->db, e, ST_DENIED, asset_add(t->db, &who, incident, name, 1, &id, &e));
    }
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM asset"), 0);
    assert_verifies(t->db);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    on_each_database(check_refusals);
}

static void check_conflict(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t id = add(db, make_incident(db), "受注");
    int64_t v = version_of(db, id);
    const struct actor saeki = {ACTOR_ACCOUNT, 1, "佐伯 美帆", ROLE_RESPONDER, "web"};
    const struct asset_field mine[] = {FIELD(FIELD_NOTES, "mine")};
    const struct asset_field theirs[] = {FIELD(FIELD_NOTES, "theirs")};
    IN_TX(db, e, asset_change(db, &saeki, id, v, theirs, 1, &e));
    REFUSED(db, e, ST_CONFLICT, asset_change(db, &system_actor, id, v, mine, 1, &e));
    assert_non_null(strstr(e.msg, "佐伯 美帆"));
    assert_string_equal(get_text(db, "SELECT notes FROM asset"), "theirs");
    assert_verifies(db);
}

static void a_lost_race_is_shown(void **state)
{
    (void)state;
    on_each_database(check_conflict);
}

#define EDITORS 6

/* Everybody edits the same version at the same moment: one wins, the others are told. */
static void check_editors(struct test_database *t)
{
    pid_t pids[EDITORS];
    int won = 0;
    int64_t id = add(t->db, make_incident(t->db), "受注");
    int64_t v = version_of(t->db, id);
    for (int i = 0; i < EDITORS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct err e = {0};
            struct db *db = NULL;
            char text[16];
            (void)snprintf(text, sizeof text, "editor %d", i);
            const struct asset_field f[] = {FIELD(FIELD_NOTES, text)};
            enum status s = db_open(t->url, &db, &e);
            if (s == OK)
                s = db_begin(db, &e);
            if (s == OK)
                s = asset_change(db, &system_actor, id, v, f, 1, &e);
            if (s == OK)
                s = db_commit(db, &e);
            _exit(s == OK ? 0 : s == ST_CONFLICT ? 1 : 2);
        }
    }
    for (int i = 0; i < EDITORS; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        won += WEXITSTATUS(status) == 0;
    }
    assert_int_equal(won, 1);
    assert_int_equal(get_int(t->db, "SELECT COUNT(*) FROM event WHERE kind = 'asset.changed'"), 1);
    assert_verifies(t->db);
}

static void editors_at_once(void **state)
{
    (void)state;
    on_each_database(check_editors);
}

static void check_owners(struct test_database *t)
{
    struct err e = {0};
    struct db *db = t->db;
    int64_t incident = make_incident(db);
    int64_t uehara = make_account(db, "UEHARA@example.jp", ROLE_OWNER);
    int64_t other = make_account(db, "other", ROLE_OWNER);
    int64_t ids[] = {add(db, incident, "a"), add(db, incident, "b")};
    const struct actor a = {ACTOR_ACCOUNT, uehara, "u", ROLE_OWNER, "web"};
    const struct actor b = {ACTOR_ACCOUNT, other, "o", ROLE_OWNER, "web"};
    const struct actor reader = {ACTOR_ACCOUNT, other, "o", ROLE_READER, "web"};
    must(asset_visible(db, &a, ids[0], &e), &e);
    assert_int_equal(asset_visible(db, &b, ids[0], &e), ST_NOT_FOUND);
    must(asset_visible(db, &reader, ids[0], &e), &e);
    assert_int_equal(asset_visible(db, &reader, 99, &e), ST_NOT_FOUND);
    IN_TX(db, e, asset_assign(db, &system_actor, incident, ids, 2, other, &e));
    IN_TX(db, e, asset_assign(db, &system_actor, incident, ids, 1, other, &e)); /* again: fine */
    must(asset_visible(db, &b, ids[1], &e), &e);
    IN_TX(db, e, asset_assign(db, &system_actor, incident, ids, 1, 0, &e));
    assert_int_equal(asset_visible(db, &b, ids[0], &e), ST_NOT_FOUND);
    must(asset_visible(db, &b, ids[1], &e), &e);
    assert_non_null(strstr(get_text(db, "SELECT body FROM event ORDER BY id DESC LIMIT 1"),
                           "\"before\":[[1,2]]"));
    REFUSED(db, e, ST_NOT_FOUND, asset_assign(db, &system_actor, incident, ids, 1, 77, &e));
    IN_TX(db, e, asset_ask(db, &system_actor, incident, ids, 2, 1639130400000, &e));
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset WHERE asked_ms > 0 AND due_ms = "
                                 "1639130400000"),
                     2);
    assert_int_equal(get_int(db, "SELECT COUNT(*) FROM asset WHERE state = 'asked'"), 2);
    assert_verifies(db);
}

static void owners_and_asking(void **state)
{
    (void)state;
    on_each_database(check_owners);
}

static void bulk_has_a_limit(void **state)
{
    static int64_t ids[LIMIT_BULK_ROWS + 1];
    struct test_database t;
    struct err e = {0};
    (void)state;
    database_make(&t, DB_SQLITE);
    int64_t incident = make_incident(t.db);
    int64_t id = add(t.db, incident, "a");
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = id;
    REFUSED(t.db, e, ST_LIMIT,
            asset_ask(t.db, &system_actor, incident, ids, LIMIT_BULK_ROWS + 1, 0, &e));
    REFUSED(t.db, e, OK, asset_ask(t.db, &system_actor, incident, ids, LIMIT_BULK_ROWS, 0, &e));
    REFUSED(t.db, e, OK, asset_ask(t.db, &system_actor, incident, ids, LIMIT_BULK_ROWS - 1, 0, &e));
    database_drop(&t);
}

static enum status say(void *arg, const struct event *ev)
{
    struct buf *all = arg;
    (void)log_find_kind(ev->kind)->sentence(ev, LANG_EN, all);
    return buf_add_char(all, '\n');
}

static void check_sentences(struct test_database *t)
{
    struct err e = {0};
    struct buf all;
    int64_t incident = make_incident(t->db);
    int64_t id = add(t->db, incident, "受注");
    const struct asset_field f[] = {FIELD(FIELD_OWNER, "上原"), FIELD(FIELD_VERSION, "2")};
    IN_TX(t->db, e, asset_change(t->db, &system_actor, id, version_of(t->db, id), f, 2, &e));
    IN_TX(t->db, e, asset_retire(t->db, &system_actor, id, slice_str("replaced"), &e));
    IN_TX(t->db, e, asset_restore(t->db, &system_actor, id, &e));
    IN_TX(t->db, e, asset_ask(t->db, &system_actor, incident, &id, 1, 1639130400000, &e));
    buf_init(&all, 4096);
    must(log_read(t->db, incident, NULL, INT64_MAX, 5, say, &all, &e), &e);
    assert_string_equal(buf_text(&all),
                        "The owner of 1 system was asked; answer due by 2021-12-10 10:00\n"
                        "受注 is in use again\n"
                        "受注 is no longer in use: replaced\n"
                        "受注: changed in the ledger: Owner, Version\n"
                        "受注 added to the ledger\n");
    buf_done(&all);
}

static void events_are_told(void **state)
{
    (void)state;
    (void)setenv("TZ", "UTC", 1);
    on_each_database(check_sentences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_lives),          cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_lost_race_is_shown), cmocka_unit_test(editors_at_once),
        cmocka_unit_test(owners_and_asking),    cmocka_unit_test(bulk_has_a_limit),
        cmocka_unit_test(events_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
