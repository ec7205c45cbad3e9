/* What the page of one row shows: its state, what is said of it, its hosts, its history. Made by
 * asset_view.c for one request; lives in its arena, but for the survey's profile. */
#ifndef HIKESHI_BOARD_PAGES_ASSET_H
#define HIKESHI_BOARD_PAGES_ASSET_H

#include "board/case/ledger.h"
#include "board/web/html.h"
#include "board/web/pages/survey_view.h"

#define ASSET_HISTORY 8        /* newest events on the page itself */
#define ASSET_HISTORY_MAX 1000 /* on the page of the whole history */

struct asset_host { /* a host of the row, and its newest scan */
    struct slice name;
    int64_t scan; /* 0: never scanned */
    int64_t ended_ms, incomplete, findings, affected;
    bool whole_host;
};

struct asset_diff { /* a value before and after */
    struct slice word, before, after;
};

struct asset_event {
    int64_t id, at_ms;
    struct slice text, who, reason;
    struct asset_diff *diffs;
    size_t diff_count;
};

struct asset_free { /* a column kept from the import */
    struct slice header, value;
};

/* A form that was refused: what was typed, to be shown again. */
struct asset_typed_answer {
    struct slice question, cve, option, detail, text, link;
    struct slice refused;
    bool decision; /* the decision form, else the answer form */
};

struct asset_view {
    int64_t incident;
    const char *csrf;
    struct slice me; /* the reader's name: answers are saved in it */
    bool answers;    /* may answer and judge */
    bool edits;      /* may edit, decide, retire */
    struct ledger_item it;
    struct survey_view survey;
    struct asset_host *hosts;
    size_t host_count, unscanned;
    struct asset_event *history;
    size_t history_count;
    bool history_more;
    struct asset_free *free;
    size_t free_count;
    struct slice retired_reason, retired_by;
    int64_t retired_ms;
    struct asset_typed_answer typed;
    struct slice judged; /* proposals were not judged: why */
};

enum status asset_view_read(struct web_request *r, int64_t incident, int64_t asset,
                            struct asset_view *ret, struct err *e) MUST_USE;
void asset_view_done(struct asset_view *v);

/* Events of the row's history, newest first. question and cve narrow it to one answer (NULL: all).
 */
enum status asset_history_read(struct web_request *r, const struct profile *p, int64_t asset,
                               struct slice question, struct slice cve, size_t limit,
                               struct asset_event **ret, size_t *ret_count, bool *ret_more,
                               struct err *e) MUST_USE;

/* A part of a JSON list of [header, value]: the columns kept from the import. */
enum status asset_free_read(struct web_request *r, struct slice json, struct asset_free **ret,
                            size_t *ret_count, struct err *e) MUST_USE;

/* Whether the refused form is this one's. */
bool asset_was_typed(const struct asset_view *v, const struct survey_answer *a, bool decision);

extern const struct web_route asset_page_routes[];

#endif
