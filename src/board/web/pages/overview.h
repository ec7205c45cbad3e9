/* What the overview of an incident shows; the template speaks from this and nothing else. */
#ifndef HIKESHI_BOARD_WEB_OVERVIEW_H
#define HIKESHI_BOARD_WEB_OVERVIEW_H

#include "board/case/ledger.h"
#include "board/case/state.h"
#include "board/case/status.h"
#include "board/office/normalise.h"
#include "board/web/html.h"

#define OVERVIEW_ALARMS 5   /* shown of each kind; the rest is a number with a link */
#define OVERVIEW_CHANGES 10 /* newest events */
#define OVERVIEW_WAITING 6  /* vendors, and owners */

struct overview_alarm {
    enum overview_alarm_kind { ALARM_DISAGREE, ALARM_FINDING } kind;
    int64_t asset, since_ms;
    struct slice number, name, source, quote;
    struct slice state; /* what the row reads as while nobody has judged */
};

struct overview_change {
    int64_t at_ms, asset; /* asset 0: about the incident */
    struct slice text, who;
    bool by_person; /* else the board itself or a host */
};

struct overview_story {
    int64_t at_ms;
    struct slice cves, text;
    bool newest;
};

/* A vertical of the matrix. */
struct overview_column {
    enum ledger_category category; /* CATEGORY_UNKNOWN: rows without one */
    int64_t total, settled, open, acting;
};

struct overview_view {
    int64_t incident, closed_ms;
    struct slice title;
    bool edits;     /* responders: next steps have buttons */
    bool owner;     /* an owner: counts are those of their rows */
    bool has_unset; /* a column for rows without a category */
    struct ledger_counts counts;
    struct overview_column column[5];
    size_t columns;
    int64_t widest; /* the largest number in the matrix: the scale of all its bars */
    struct overview_alarm *alarms;
    size_t alarm_count;
    int64_t disagreeing, findings_unjudged; /* all of them */
    struct waiting_lists waiting;
    struct overview_change *changes;
    size_t change_count;
    struct overview_story *story;
    size_t story_count;
    int64_t hosts_scanned, hosts_unknown; /* handed in a scan; and no row names them */
    int64_t scans_incomplete;             /* hosts whose newest scan left places unread */
};

/* For the template. */
int64_t overview_state_total(const struct overview_view *v, enum asset_state s);
int64_t overview_certainty_total(const struct overview_view *v, enum certainty c);
struct slice overview_category(enum ledger_category c); /* as the ledger's address has it */

/* "External": for columns too narrow for the whole word. */
struct slice overview_short(enum ledger_category c, enum lang lang);
struct slice overview_state_word(struct slice code, enum lang lang);

#endif
