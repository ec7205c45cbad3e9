/* The page of a row: showing it, answering, judging, deciding, retiring. See asset.h. */
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/survey.h"
#include "board/web/pages/asset.h"
#include "board/web/pages/asset.html.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/judge.h"
#include "board/web/pages/local_time.h"

#include <inttypes.h>

#define SMALL_BODY KIB(64)
#define ANSWER_BODY                                                              \
    (LIMIT_ATTACHMENT_BYTES + KIB(64)) /* the file, the texts, multipart's lines \
                                        */
#define DECIDE_CVES 8

/* --- showing */

static enum status show(struct web_request *r, struct web_response *res,
                        const struct asset_typed_answer *typed, struct slice judged, struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct asset_view v;
    enum status s = asset_view_read(r, r->id[0], r->id[1], &v, e);
    if (s != OK)
        return s;
    if (typed)
        v.typed = *typed;
    v.judged = judged;
    s = asset_history_read(r, v.survey.profile, r->id[1], (struct slice){0}, (struct slice){0},
                           ASSET_HISTORY, &v.history, &v.history_count, &v.history_more, e);
    if (s == OK)
        s = incident_frame(r, r->id[0], PAGE_LEDGER, (const char *)v.it.name.p, &f, &info, e);
    if (s == OK) {
        struct html *h = page_begin(r, res, &f);
        asset_main(h, &v);
        s = page_end(r, h, &f, e);
    }
    asset_view_done(&v);
    return s;
}

static enum status get_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    return show(r, res, NULL, (struct slice){0}, e);
}

static enum status get_history(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct asset_view v;
    struct slice cve = web_query(r, "cve");
    enum status s = asset_view_read(r, r->id[0], r->id[1], &v, e);
    if (s != OK)
        return s;
    const struct profile_question *q =
        profile_question(v.survey.profile, web_query_text(r, "question"));
    s = asset_history_read(r, v.survey.profile, r->id[1], slice_str(q ? q->id : ""), cve,
                           ASSET_HISTORY_MAX, &v.history, &v.history_count, &v.history_more, e);
    if (s == OK)
        s = incident_frame(r, r->id[0], PAGE_LEDGER, T(r->lang, "History"), &f, &info, e);
    if (s == OK) {
        struct html *h = page_begin(r, res, &f);
        asset_history(h, &v, q, cve);
        s = page_end(r, h, &f, e);
    }
    asset_view_done(&v);
    return s;
}

/* --- commands: each in a transaction of its own, so that a refusal can show the page again */

static enum status end(struct web_request *r, enum status s, struct err *e)
{
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    return s;
}

static enum status begin(struct web_request *r, struct err *e)
{
    enum status s = db_begin(r->db, e);
    return s == OK ? asset_of_incident(r, r->id[0], r->id[1], e) : s;
}

static bool refusal(enum status s)
{
    return s == ST_INVALID || s == ST_LIMIT || s == ST_UNSUPPORTED || s == ST_CONFLICT;
}

/* After a refusal: the page as it is now, with what was typed. */
static enum status again(struct web_request *r, struct web_response *res, enum status why,
                         const struct asset_typed_answer *typed, struct slice judged, struct err *e)
{
    web_status(res, why == ST_CONFLICT ? 409 : 422);
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = show(r, res, typed, judged, e);
    db_rollback(r->db);
    return s;
}

static enum status back(struct web_request *r, struct web_response *res, const char *said,
                        const char *place)
{
    web_flash(res, said);
    return web_redirect(res, "/incidents/%" PRId64 "/assets/%" PRId64 "%s", r->id[0], r->id[1],
                        place);
}

static enum status post_answer(struct web_request *r, struct web_response *res, struct err *e)
{
    struct buf content;
    struct statement st = {
        .question = web_field_text(r, "question"),
        .cve = web_field_text(r, "cve"),
        .option = web_field_text(r, "option"),
        .detail = web_field_text(r, "detail"),
        .text = web_field_text(r, "text"),
        .link = web_field_text(r, "link"),
    };
    buf_init(&content, LIMIT_ATTACHMENT_BYTES);
    enum status s = judge_take_file(r, "file", &content, &st.file.name, e);
    st.file.content = buf_slice(&content);
    if (s == OK)
        s = begin(r, e);
    if (s == OK)
        s = survey_state(r->db, &r->actor, r->id[1], &st, e);
    s = end(r, s, e);
    buf_done(&content);
    if (s == OK)
        return back(r, res, T(r->lang, "Your answer was saved"), "#answers");
    if (!refusal(s))
        return s;
    struct asset_typed_answer typed = {.question = slice_str(st.question),
                                       .cve = slice_str(st.cve),
                                       .option = slice_str(st.option),
                                       .detail = slice_str(st.detail),
                                       .text = slice_str(st.text),
                                       .link = slice_str(st.link),
                                       .refused = page_err_text(r, e)};
    return again(r, res, s, &typed, (struct slice){0}, e);
}

/* One decision for each CVE that the form names. */
static enum status decide(struct web_request *r, struct err *e)
{
    struct slice cve;
    enum status s = OK;
    if (!web_field_at(r, "cve", 0, &cve)) /* "" is that of a question that is not asked per CVE */
        return err_set(e, ST_INVALID, N_("what is to be decided is not named"));
    if (web_field_at(r, "cve", DECIDE_CVES, &cve))
        return err_set(e, ST_LIMIT, N_("more than %d decisions at once"), DECIDE_CVES);
    for (size_t i = 0; s == OK && web_field_at(r, "cve", i, &cve); i++) {
        const char *id = arena_strdup(r->arena, cve);
        s = id ? survey_decide(r->db, &r->actor, r->id[1], web_field_text(r, "question"), id,
                               web_field_text(r, "option"), web_field_text(r, "detail"),
                               web_field_text(r, "reason"), e)
               : err_set(e, ST_NOMEM, "out of memory");
    }
    return s;
}

static enum status post_decide(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = begin(r, e);
    if (s == OK)
        s = decide(r, e);
    s = end(r, s, e);
    if (s == OK)
        return back(r, res, T(r->lang, "Your decision was saved"), "#answers");
    if (!refusal(s))
        return s;
    struct asset_typed_answer typed = {.question = web_field(r, "question"),
                                       .cve = web_field(r, "cve"),
                                       .option = web_field(r, "option"),
                                       .detail = web_field(r, "detail"),
                                       .text = web_field(r, "reason"),
                                       .decision = true,
                                       .refused = page_err_text(r, e)};
    return again(r, res, s, &typed, (struct slice){0}, e);
}

static enum status post_undecide(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = begin(r, e);
    if (s == OK)
        s = survey_undecide(r->db, &r->actor, r->id[1], web_field_text(r, "question"),
                            web_field_text(r, "cve"), web_field_text(r, "reason"), e);
    s = end(r, s, e);
    return s == OK ? back(r, res, T(r->lang, "The decision was withdrawn"), "#answers") : s;
}

static enum status post_judge(struct web_request *r, struct web_response *res, struct err *e)
{
    char *said = NULL;
    enum status s = begin(r, e);
    if (s == OK)
        s = judge_ticked(r, r->id[0], &said, e);
    s = end(r, s, e);
    if (s == OK)
        return back(r, res, said, "#answers");
    return refusal(s) ? again(r, res, s, NULL, page_err_text(r, e), e) : s;
}

static enum status post_ask(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t due_ms = 0;
    struct slice due = slice_trim(web_field(r, "due"));
    enum status s = due.n ? local_time_parse(due, &due_ms, e) : OK;
    if (s == OK && due_ms && due_ms < r->now_ms)
        s = err_set(e, ST_INVALID, N_("the date for the answer is past"));
    if (s == OK)
        s = begin(r, e);
    if (s == OK)
        s = asset_ask(r->db, &r->actor, r->id[0], &r->id[1], 1, due_ms, e);
    s = end(r, s, e);
    return s == OK ? back(r, res, T(r->lang, "The owner was asked"), "") : s;
}

static enum status post_retire(struct web_request *r, struct web_response *res, struct err *e)
{
    struct slice reason = slice_trim(web_field(r, "reason"));
    enum status s = reason.n ? begin(r, e) : err_set(e, ST_INVALID, N_("retiring needs a reason"));
    if (s == OK)
        s = asset_retire(r->db, &r->actor, r->id[1], reason, e);
    s = end(r, s, e);
    return s == OK ? back(r, res, T(r->lang, "The row was retired"), "") : s;
}

static enum status post_restore(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = begin(r, e);
    if (s == OK)
        s = asset_restore(r->db, &r->actor, r->id[1], e);
    s = end(r, s, e);
    return s == OK ? back(r, res, T(r->lang, "The row was restored"), "") : s;
}

const struct web_route asset_page_routes[] = {
    {WEB_GET, "/incidents/:n/assets/:n", ROLES_READ, 0, ROUTE_PAGE, get_asset,
     "A row of the ledger: state, answers, evidence, hosts, history"},
    {WEB_GET, "/incidents/:n/assets/:n/history", ROLES_READ, 0, ROUTE_PAGE, get_history,
     "The history of a row, or of one of its answers"},
    {WEB_POST, "/incidents/:n/assets/:n/answer", ROLES_EDIT | ROLE_OWNER, ANSWER_BODY, ROUTE_OWN_TX,
     post_answer, "Answers a question about a row in the person's name"},
    {WEB_POST, "/incidents/:n/assets/:n/judge", ROLES_EDIT | ROLE_OWNER, SMALL_BODY, ROUTE_OWN_TX,
     post_judge, "Confirms or refuses proposals on a row"},
    {WEB_POST, "/incidents/:n/assets/:n/decide", ROLES_EDIT, SMALL_BODY, ROUTE_OWN_TX, post_decide,
     "Decides an answer, with a reason"},
    {WEB_POST, "/incidents/:n/assets/:n/undecide", ROLES_EDIT, SMALL_BODY, ROUTE_OWN_TX,
     post_undecide, "Withdraws a decision"},
    {WEB_POST, "/incidents/:n/assets/:n/ask", ROLES_EDIT, SMALL_BODY, ROUTE_OWN_TX, post_ask,
     "Asks the owner of a row"},
    {WEB_POST, "/incidents/:n/assets/:n/retire", ROLES_EDIT, SMALL_BODY, ROUTE_OWN_TX, post_retire,
     "Retires a row, with a reason"},
    {WEB_POST, "/incidents/:n/assets/:n/restore", ROLES_EDIT, SMALL_BODY, ROUTE_OWN_TX,
     post_restore, "Takes a retired row into use again"},
    {0},
};
