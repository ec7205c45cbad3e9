/* An owner's own rows, and answering them. See mine.h. */
#include "board/web/pages/mine.h"

#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/incident.h"
#include "board/case/source.h"
#include "board/case/survey.h"
#include "board/web/pages/asset_change.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/judge.h"
#include "board/web/pages/mine.html.h"

#include <inttypes.h>

#define MINE_BODY (LIMIT_ATTACHMENT_BYTES + KIB(128))

/* A field's name for an answer. */
static struct slice field_name(struct web_request *r, char letter, const struct survey_answer *a)
{
    char *name = arena_printf(r->arena, "%c-%s-%s", letter, a->question->id, a->cve);
    return slice_str(name ? name : "");
}

/* --- the list */

/* Whose rows: those that the reader would see as an owner, whatever else they may do. */
static struct actor as_owner(const struct web_request *r)
{
    struct actor a = r->actor;
    a.role = ROLE_OWNER;
    return a;
}

/* How many questions the profile asks of a row, CVE by CVE. */
static enum status count_questions(struct web_request *r, int64_t incident, int64_t *ret,
                                   struct err *e)
{
    struct profile *p = NULL;
    int64_t n = 0, asked = 0;
    enum status s = incident_profile(r->db, incident, &p, e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < p->cve_count; i++)
        asked += p->cves[i].asked;
    for (size_t i = 0; i < p->question_count; i++)
        n += p->questions[i].per_cve ? asked : 1;
    profile_free(p);
    *ret = n;
    return OK;
}

static int before(const void *a, const void *b)
{
    const struct mine_row *x = a, *y = b;
    int64_t dx = x->it->due_ms ? x->it->due_ms : INT64_MAX;
    int64_t dy = y->it->due_ms ? y->it->due_ms : INT64_MAX;
    if ((x->open > 0) != (y->open > 0))
        return x->open > 0 ? -1 : 1;
    if (dx != dy)
        return dx < dy ? -1 : 1;
    return x->it->id < y->it->id ? -1 : x->it->id > y->it->id;
}

static enum status read_rows(struct web_request *r, struct mine_view *v, struct err *e)
{
    struct actor me = as_owner(r);
    struct ledger_filter f = {
        .incident = v->incident, .actor = &me, .order = LEDGER_BY_DUE, .now_ms = r->now_ms};
    struct ledger_page page;
    int64_t questions = 0;
    enum status s = count_questions(r, v->incident, &questions, e);
    if (s == OK)
        s = ledger_read(r->db, &f, 0, LEDGER_PAGE_MAX, NULL, 0, r->arena, &page, e);
    if (s != OK)
        return s;
    v->rows = arena_alloc_array(r->arena, page.count + 1, sizeof *v->rows);
    if (!v->rows)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (size_t i = 0; i < page.count && s == OK; i++) {
        struct mine_row *m = &v->rows[v->count++];
        int64_t answered = 0;
        m->it = &page.items[i];
        s = db_get_int(r->db, &answered, e, "SELECT COUNT(*) FROM answer WHERE asset_id = $1", "i",
                       m->it->id);
        m->open = answered < questions ? questions - answered : 0;
        m->proposals = m->it->flags & ASSET_PROPOSALS;
        v->open_rows += m->open > 0;
    }
    v->total = page.total;
    qsort(v->rows, v->count, sizeof *v->rows, before);
    return s;
}

static enum status get_mine(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    struct mine_view v = {.incident = r->id[0]};
    enum status s = incident_frame(r, v.incident, PAGE_MINE, T(r->lang, "My work"), &f, &info, e);
    if (s == OK)
        s = read_rows(r, &v, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    mine_main(h, &v);
    return page_end(r, h, &f, e);
}

/* --- one row */

/* The person's own latest word on each question, and what a scan proposes. */
static enum status lay_out(struct web_request *r, struct mine_form *v, struct err *e)
{
    char me[SOURCE_KEY_SIZE];
    source_key_of_actor(&r->actor, me);
    v->count = v->survey.answer_count;
    v->rows = arena_alloc_array(r->arena, v->count + 1, sizeof *v->rows);
    if (!v->rows)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (size_t i = 0; i < v->count; i++) {
        const struct survey_answer *a = &v->survey.answers[i];
        struct mine_answer *m = &v->rows[i];
        m->answer = a;
        m->option_name = field_name(r, 'o', a);
        m->detail_name = field_name(r, 'v', a);
        for (size_t n = 0; n < a->evidence_count; n++) {
            const struct survey_evidence *ev = a->evidence[n];
            if (ev->waits && !m->proposal)
                m->proposal = ev;
            if (!m->said && ev->counts && slice_eq_str(ev->kind, "person") &&
                slice_eq_str(ev->source_key, me)) {
                m->said = true;
                m->option = ev->option_id;
                m->detail = ev->detail;
            }
        }
        v->said += m->said;
    }
    return arena_status(r->arena);
}

static enum status read_form(struct web_request *r, struct mine_form *v, struct err *e)
{
    struct mine_view all = {.incident = v->incident};
    struct incident_info info;
    enum status s = incident_info(r, v->incident, &info, e);
    if (s == OK)
        s = asset_of_incident(r, v->incident, r->id[1], e);
    if (s == OK)
        s = ledger_item(r->db, &r->actor, r->id[1], NULL, 0, r->arena, &v->it, e);
    if (s == OK)
        s = survey_view_read(r, v->incident, r->id[1], &v->survey, e);
    if (s == OK)
        s = lay_out(r, v, e);
    if (s == OK)
        s = read_rows(r, &all, e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < all.open_rows; i++)
        v->left += all.rows[i].it->id != r->id[1];
    v->csrf = r->csrf;
    v->me = slice_str(r->actor.name);
    v->answers = !info.closed_ms && !v->it.retired && (r->actor.role & ROLES_ANSWER) != 0;
    return OK;
}

static enum status show(struct web_request *r, struct web_response *res, struct mine_form *v,
                        struct err *e)
{
    struct page_frame f;
    struct incident_info info;
    enum status s = incident_frame(r, v->incident, PAGE_MINE, T(r->lang, "My work"), &f, &info, e);
    if (s != OK)
        return s;
    struct html *h = page_begin(r, res, &f);
    mine_answer(h, v);
    return page_end(r, h, &f, e);
}

static enum status get_form(struct web_request *r, struct web_response *res, struct err *e)
{
    struct mine_form v = {.incident = r->id[0]};
    enum status s = read_form(r, &v, e);
    if (s == OK)
        s = show(r, res, &v, e);
    survey_view_done(&v.survey);
    return s;
}

/* Puts what was typed over what was said before; ret_changed[i]: that answer is new or another. */
static void take_typed(struct web_request *r, struct mine_form *v, bool *ret_changed)
{
    for (size_t i = 0; i < v->count; i++) {
        struct mine_answer *m = &v->rows[i];
        struct slice option = web_field(r, (const char *)m->option_name.p);
        struct slice detail = slice_trim(web_field(r, (const char *)m->detail_name.p));
        ret_changed[i] =
            option.n && (!m->said || !slice_eq(option, m->option) || !slice_eq(detail, m->detail));
        if (option.n)
            m->option = option;
        m->detail = detail;
    }
    v->text = web_field(r, "text");
    v->link = web_field(r, "link");
}

/* One statement for each answer that is new, all resting on the same text, link and file; with
 * such and no new answer, for each answer given. */
static enum status state_all(struct web_request *r, const struct mine_form *v, const bool *changed,
                             struct statement *st, size_t *ret_count, struct err *e)
{
    enum status s = OK;
    size_t n = 0;
    bool rests = st->file.content.n || v->text.n || v->link.n, any = false;
    for (size_t i = 0; i < v->count; i++)
        any = any || changed[i];
    for (size_t i = 0; s == OK && i < v->count; i++) {
        const struct mine_answer *m = &v->rows[i];
        if (!m->option.n || (!changed[i] && (any || !rests)))
            continue;
        st->question = m->answer->question->id;
        st->cve = m->answer->cve;
        st->option = arena_strdup(r->arena, m->option);
        st->detail = arena_strdup(r->arena, m->detail);
        s = st->option && st->detail ? survey_state(r->db, &r->actor, r->id[1], st, e)
                                     : err_set(e, ST_NOMEM, "out of memory");
        n++;
    }
    if (s == OK && n == 0)
        s = err_set(e, ST_INVALID, N_("choose an answer; not knowing is one too"));
    *ret_count = n;
    return s;
}

static enum status save(struct web_request *r, const struct mine_form *v, const bool *changed,
                        struct err *e)
{
    struct buf content;
    struct statement st = {.text = web_field_text(r, "text"), .link = web_field_text(r, "link")};
    size_t n = 0;
    buf_init(&content, LIMIT_ATTACHMENT_BYTES);
    enum status s = judge_take_file(r, "file", &content, &st.file.name, e);
    st.file.content = buf_slice(&content);
    if (s == OK)
        s = db_begin(r->db, e);
    if (s == OK)
        s = asset_of_incident(r, v->incident, r->id[1], e);
    if (s == OK)
        s = state_all(r, v, changed, &st, &n, e);
    if (s == OK)
        s = db_commit(r->db, e);
    if (s != OK)
        db_rollback(r->db);
    buf_done(&content);
    return s;
}

static enum status go_on(struct web_request *r, struct web_response *res, struct err *e)
{
    struct mine_view all = {.incident = r->id[0]};
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = read_rows(r, &all, e);
    db_rollback(r->db);
    if (s != OK)
        return s;
    web_flash(res, T(r->lang, "Your answers were saved"));
    for (size_t i = 0; i < all.open_rows; i++)
        if (all.rows[i].it->id != r->id[1])
            return web_redirect(res, "/incidents/%" PRId64 "/mine/%" PRId64, r->id[0],
                                all.rows[i].it->id);
    return web_redirect(res, "/incidents/%" PRId64 "/mine", r->id[0]);
}

static enum status post_form(struct web_request *r, struct web_response *res, struct err *e)
{
    struct mine_form v = {.incident = r->id[0]};
    enum status s = db_begin_read(r->db, e);
    if (s == OK)
        s = read_form(r, &v, e);
    db_rollback(r->db);
    bool *changed = arena_alloc_array(r->arena, v.count + 1, sizeof *changed);
    if (s == OK && !changed)
        s = err_set(e, ST_NOMEM, "out of memory");
    if (s == OK) {
        take_typed(r, &v, changed);
        s = save(r, &v, changed, e);
        if (s == OK) {
            s = go_on(r, res, e);
        } else if (s == ST_INVALID || s == ST_LIMIT || s == ST_CONFLICT) {
            v.refused = page_err_text(r, e);
            web_status(res, 422);
            s = db_begin_read(r->db, e);
            if (s == OK)
                s = show(r, res, &v, e);
            db_rollback(r->db);
        }
    }
    survey_view_done(&v.survey);
    return s;
}

const struct web_route mine_routes[] = {
    {WEB_GET, "/incidents/:n/mine", ROLES_READ, 0, ROUTE_PAGE, get_mine,
     "The rows that are the reader's to answer"},
    {WEB_GET, "/incidents/:n/mine/:n", ROLES_READ, 0, ROUTE_PAGE, get_form,
     "One row with all its questions"},
    {WEB_POST, "/incidents/:n/mine/:n", ROLES_EDIT | ROLE_OWNER, MINE_BODY, ROUTE_OWN_TX, post_form,
     "Answers the questions of a row"},
    {0},
};
