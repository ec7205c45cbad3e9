/* Pages before one is in: set-up, log-in; and what is said when something does not go. */
#ifndef HIKESHI_BOARD_WEB_PAGES_SIGN_H
#define HIKESHI_BOARD_WEB_PAGES_SIGN_H

#include "board/web/html.h"

struct sign_view {
    const char *csrf;
    struct slice login, name, code; /* as typed, when the form is shown again */
    struct slice next;              /* where to go afterwards, checked */
    struct slice fault;             /* what was wrong, in the reader's language; empty: nothing */
};

struct error_view {
    unsigned code;
    struct slice title, detail;
    bool known; /* somebody is logged in */
};

#endif
