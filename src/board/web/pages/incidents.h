/* What the first page shows: the incidents, and the profiles that one can be opened from. */
#ifndef HIKESHI_BOARD_WEB_PAGES_INCIDENTS_H
#define HIKESHI_BOARD_WEB_PAGES_INCIDENTS_H

#include "board/web/html.h"

struct incidents_item {
    int64_t id, opened_ms, closed_ms;
    struct slice title, profile;
    int64_t total, settled, open, acting; /* rows of the ledger that the reader may see */
};

struct incidents_profile {
    struct slice id, title, date; /* title in the reader's language */
};

#define INCIDENTS_MAX 500 /* shown; more open at once than any company has had */
#define INCIDENTS_PROFILES 50

struct incidents_view {
    const char *csrf;
    bool edits;
    struct incidents_item *items; /* open ones first, newest first */
    size_t count;
    int64_t open_count;
    struct incidents_profile *profiles;
    size_t profile_count;
    struct slice fault, typed_profile, typed_title;
};

struct incident_close_view {
    const char *csrf;
    int64_t incident, open, acting;
    struct slice title, fault, typed;
};

#endif
