/* The frame of every page: top bar, side list, notes, and the place for the page's own content.
 *
 *     struct page_frame f = page_frame_of(r);
 *     f.title = slice_str(T(r->lang, "Ledger"));
 *     f.place = PAGE_LEDGER;
 *     f.incident = …
 *     layout_begin(h, &f);
 *     ledger_table(h, &view);
 *     layout_end(h, &f);
 *
 * layout_begin and layout_end are templates (layout.html). A request that wants a piece of a page
 * (r->partial) is answered without them. What the frame points to must live until layout_end.
 */
#ifndef HIKESHI_BOARD_WEB_PAGES_LAYOUT_H
#define HIKESHI_BOARD_WEB_PAGES_LAYOUT_H

#include "board/web/html.h"
#include "board/web/web.h"

enum page_place { /* which line of the side list the page is; PAGE_ELSEWHERE: none */
                  PAGE_ELSEWHERE,
                  PAGE_INCIDENTS,
                  PAGE_OVERVIEW,
                  PAGE_MINE,
                  PAGE_TIMELINE,
                  PAGE_LEDGER,
                  PAGE_PROPOSALS,
                  PAGE_SCANS, /* the incident's hosts */
                  PAGE_HOSTS, /* the house's */
                  PAGE_IMPORT,
                  PAGE_ACCOUNTS,
};

struct page_note { /* said once above the content */
    enum page_note_kind { NOTE_PLAIN, NOTE_GOOD, NOTE_WARN, NOTE_BAD } kind;
    struct slice text;
};

struct page_frame {
    struct slice title; /* in the reader's language; "Ledger" */
    enum page_place place;
    int64_t incident; /* 0: a page of the house, or of nobody */
    struct slice incident_title;
    int64_t incident_opened_ms;
    int64_t ledger_count, proposal_count; /* what waits; 0 is not shown */
    bool live; /* the page takes part in server-sent events: pieces with hx-trigger="sse:changed" */
    const struct page_note *notes;
    size_t note_count;
    /* from the request */
    const char *theme; /* "", "light", "dark" */
    const char *csrf;
    struct slice user; /* empty: nobody is logged in, and there is no side list */
    enum role role;
};

/* A frame with what the request says: reader, theme, CSRF token. */
struct page_frame page_frame_of(const struct web_request *r);

/* The incident's day of the calendar, 1 on the day it was opened (local time). */
int64_t page_incident_day(const struct html *h, const struct page_frame *f);

#endif
