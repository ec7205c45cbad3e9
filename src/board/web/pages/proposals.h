/* All proposals that wait for a person, by the host and scan that they come from. */
#ifndef HIKESHI_BOARD_PAGES_PROPOSALS_H
#define HIKESHI_BOARD_PAGES_PROPOSALS_H

#include "board/web/html.h"
#include "board/web/pages/survey_view.h"

#define PROPOSALS_ROWS 100 /* a page */
#define PROPOSALS_HOSTS 200

struct proposal {
    struct survey_evidence ev;
    struct slice name, number, state;
    bool first;        /* of its source and scan: a group begins */
    size_t group_size; /* with first: how many of this page belong to it */
};

struct proposal_host {
    struct slice name;
    int64_t count;
};

struct proposal_judged { /* somebody else was quicker */
    struct survey_evidence ev;
    struct slice name;
};

struct proposals_view {
    int64_t incident;
    const char *csrf;
    struct slice me;
    bool judges;
    struct slice host; /* only of this source; empty: of all */
    struct proposal *rows;
    size_t count;
    int64_t total, page, pages, all; /* all: without the filter */
    struct proposal_host *hosts;
    size_t host_count;
    struct slice refused; /* why nothing was judged */
    struct proposal_judged *judged;
    size_t judged_count;
    const int64_t *picked;
    size_t picked_count;
};

bool proposals_is_picked(const struct proposals_view *v, int64_t evidence);

extern const struct web_route proposals_routes[];

#endif
