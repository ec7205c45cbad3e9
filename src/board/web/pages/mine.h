/* What is mine to answer: the rows of an owner, and one page per row with all its questions. */
#ifndef HIKESHI_BOARD_PAGES_MINE_H
#define HIKESHI_BOARD_PAGES_MINE_H

#include "board/case/ledger.h"
#include "board/web/html.h"
#include "board/web/pages/survey_view.h"

struct mine_row {
    struct ledger_item *it;
    int64_t open; /* questions without any answer */
    int64_t proposals;
};

struct mine_view {
    int64_t incident;
    struct mine_row *rows; /* those with open questions first, the earliest date first */
    size_t count, open_rows;
    int64_t total;
};

struct mine_answer {
    const struct survey_answer *answer;
    struct slice option, detail;            /* what stands in the form */
    bool said;                              /* this person has answered it before */
    const struct survey_evidence *proposal; /* what a scan proposes for it; NULL: nothing */
    struct slice option_name, detail_name;  /* of the fields: "o-QUESTION-", "v-QUESTION-" */
};

struct mine_form {
    int64_t incident;
    const char *csrf;
    struct slice me;
    bool answers;
    struct ledger_item it;
    struct survey_view survey;
    struct mine_answer *rows;
    size_t count, said;
    int64_t left; /* rows with open questions, this one left out */
    struct slice text, link, refused;
};

extern const struct web_route mine_routes[];

#endif
