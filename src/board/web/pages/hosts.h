/* What the pages about hosts show: those of an incident (who handed in a scan, whom the ledger
 * names), and those of the house (who may hand in, with a token). */
#ifndef HIKESHI_BOARD_WEB_PAGES_HOSTS_H
#define HIKESHI_BOARD_WEB_PAGES_HOSTS_H

#include "base/arena.h"
#include "board/web/html.h"

#define HOSTS_ROWS 50 /* of one page */

enum hosts_show {
    HOSTS_ALL,
    HOSTS_AFFECTED,   /* a finding says affected */
    HOSTS_INCOMPLETE, /* the newest scan left places unread, or did not cover the host */
    HOSTS_UNNAMED,    /* handed in a scan, and no row of the ledger names them */
    HOSTS_NEVER,      /* a row names them, and no scan came */
    HOSTS_SHOWS,
};

struct hosts_item {
    struct slice host;
    int64_t scan, received_ms; /* scan 0: none came */
    bool whole;
    int64_t findings, affected, incomplete;
    int64_t rows, first_row; /* of the ledger */
    struct slice first_name;
};

struct hosts_view {
    int64_t incident;
    const char *csrf;
    bool edits, admin;
    enum hosts_show show;
    int64_t count[HOSTS_SHOWS];
    struct slice search;
    struct hosts_item *items;
    size_t items_count;
    int64_t page, pages;
    struct slice fault; /* of a file handed in */
};

const char *hosts_show_code(enum hosts_show s);
enum hosts_show hosts_show_of(struct slice code);

/* --- the house */

struct house_host {
    int64_t id, made_ms, disabled, last_ms; /* last_ms 0: nothing was handed in yet */
    struct slice name;
};
struct house_incident {
    int64_t id;
    struct slice title;
};

struct house_view {
    const char *csrf;
    bool admin;
    struct house_host *hosts;
    size_t count;
    struct slice fault, typed; /* of a name that was not taken */
    /* a token that was just made: shown this once */
    struct slice token, token_host;
    struct slice board; /* "https://board.example.co.jp" */
    struct house_incident *incidents;
    size_t incident_count;
};

#endif
