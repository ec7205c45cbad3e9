/* What tests of the case layer share: an incident, accounts, and the record that must verify. */
#ifndef HIKESHI_TESTS_CASE_FIXTURE_H
#define HIKESHI_TESTS_CASE_FIXTURE_H

#include "board/log/log.h"
#include "databases.h"

extern const struct actor system_actor;

/* Fails the test with the error's sentence. */
void must(enum status s, const struct err *e);
/* The call inside a write transaction that is committed; must be OK. `e` is a struct err. */
#define IN_TX(db, e, call)               \
    do {                                 \
        must(db_begin(db, &(e)), &(e));  \
        must((call), &(e));              \
        must(db_commit(db, &(e)), &(e)); \
    } while (0)
/* The call inside a write transaction that is rolled back; must give this status. */
#define REFUSED(db, e, status, call)        \
    do {                                    \
        must(db_begin(db, &(e)), &(e));     \
        assert_int_equal((call), (status)); \
        db_rollback(db);                    \
    } while (0)

int64_t make_incident(struct db *db);
int64_t make_account(struct db *db, const char *login, enum role role);
/* Every chain is whole and replaying gives what is there. */
void assert_verifies(struct db *db);
int64_t get_int(struct db *db, const char *sql);
/* The first column of the only row, borrowed until the next call. */
const char *get_text(struct db *db, const char *sql);

#endif
