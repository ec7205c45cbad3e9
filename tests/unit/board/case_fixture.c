/* What tests of the case layer share. See case_fixture.h. */
#include "unit.h"

#include "board/case/account.h"
#include "board/case/incident.h"
#include "case_fixture.h"

const struct actor system_actor = {ACTOR_SYSTEM, 0, "hikeshi-board", ROLE_SYSTEM, "cli"};

void must(enum status s, const struct err *e)
{
    if (s != OK)
        fail_msg("%s: %s", status_name(s), e->msg);
}

int64_t make_incident(struct db *db)
{
    struct err e = {0};
    int64_t id = 0;
    IN_TX(db, e, incident_open(db, &system_actor, "log4shell", "Log4Shell", &id, &e));
    return id;
}

int64_t make_account(struct db *db, const char *login, enum role role)
{
    struct err e = {0};
    int64_t id = 0;
    IN_TX(db, e,
          account_create(db, &system_actor, login, "佐伯 美帆", role, "correct horse battery", &id,
                         &e));
    return id;
}

void assert_verifies(struct db *db)
{
    struct err e = {0};
    json_t *report = NULL;
    enum status s = log_verify(db, &report, &e);
    if (s != OK) {
        char *text = report ? json_dumps(report, JSON_INDENT(1)) : NULL;
        fail_msg("verify: %s\n%s", e.msg, text ? text : "");
    }
    json_decref(report);
}

int64_t get_int(struct db *db, const char *sql)
{
    struct err e = {0};
    int64_t n = 0;
    must(db_get_int(db, &n, &e, sql, ""), &e);
    return n;
}

const char *get_text(struct db *db, const char *sql)
{
    static char text[8192];
    struct err e = {0};
    struct db_rows *rows = NULL;
    must(db_query(db, &rows, &e, sql, ""), &e);
    must(db_next(rows, &e), &e);
    (void)snprintf(text, sizeof text, "%s", db_text(rows, 0));
    db_rows_done(rows);
    return text;
}
