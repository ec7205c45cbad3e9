/* One's own account, and the accounts of everybody. */
#ifndef HIKESHI_BOARD_WEB_PAGES_ACCOUNT_H
#define HIKESHI_BOARD_WEB_PAGES_ACCOUNT_H

#include "board/log/log.h"
#include "board/web/html.h"

struct session_row {
    struct slice agent; /* "Firefox, Windows" */
    struct slice from;
    int64_t made_ms, seen_ms;
    bool this_one;
};

struct own_view { /* /account */
    const char *csrf;
    struct slice login, name;
    enum role role;
    bool once; /* the password was given by an administrator and has to be changed */
    const struct session_row *sessions;
    size_t session_count;
    struct slice fault; /* of the form that was sent; empty: none */
    bool fault_of_password;
};

struct account_row {
    int64_t id;
    struct slice login, name;
    enum role role;
    bool disabled, once;
    int64_t made_ms, seen_ms; /* seen_ms 0: no session */
};

struct accounts_view { /* /accounts */
    const char *csrf;
    const struct account_row *rows;
    size_t count;
    struct slice login, name; /* of a new one, as typed */
    enum role role;
    struct slice fault;
};

struct account_view { /* /accounts/:n */
    const char *csrf;
    struct account_row row;
    bool own;
    struct slice fault;
};

struct given_view { /* a password that was made: shown this once */
    struct slice login, name, password;
    int64_t id;
};

/* The role in the reader's language. */
struct slice role_title(enum lang lang, enum role role);

struct web_request;
/* Whether this is the password so far: throttled as a log-in is, since a stolen session must not
 * help to guess. ST_INVALID says what is wrong. Outside any transaction. */
enum status account_check_current(struct web_request *r, const char *current,
                                  struct err *e) MUST_USE;

#endif
