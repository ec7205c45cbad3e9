/* What the timeline page shows. */
#ifndef HIKESHI_BOARD_WEB_PAGES_TIMELINE_H
#define HIKESHI_BOARD_WEB_PAGES_TIMELINE_H

#include "board/case/timeline.h"
#include "board/web/html.h"

#define TIMELINE_ROWS 200    /* of one page on screen */
#define TIMELINE_PRINT 20000 /* of the printed table, which has no pages */

enum timeline_range { TIMELINE_ALL, TIMELINE_MAIN_ONLY, TIMELINE_OUTSIDE };

struct timeline_view {
    int64_t incident;
    const char *csrf;
    bool edits, print;
    enum timeline_range range;
    bool hidden_too;
    struct slice search;
    struct timeline_entry *entries; /* newest first; in print oldest first */
    size_t count;
    int64_t total, page, pages;
    int64_t editing; /* the entry that is a form; 0: none */
    /* what somebody typed into a form that was not taken, with what is wrong */
    bool typed;
    struct slice typed_text, typed_at;
    bool typed_main, typed_outside, typed_hidden;
    struct slice fault;
    bool lost; /* the entry was changed by somebody else while this form was open */
    struct slice now_local, editing_at; /* as value="" of datetime-local takes it */
    int64_t newest, news; /* id of the newest entry there was, and how many came since */
};

#endif
