/* The survey: what was said of a row, what holds, what waits for a person. */
#include "board/case/survey.h"
#include "board/case/findings.h"

#include "base/file.h"
#include "base/limits.h"
#include "board/case/incident.h"
#include "board/case/survey_read.h"
#include "board/web/api/api.h"
#include "board/web/api/assets.h"
#include "board/web/upload.h"

#include <inttypes.h>
#include <unistd.h>

#define ROLES_ANSWERING (ROLES_EDIT | ROLE_OWNER)

static const char *const kind_words[] = {"person", "scan", "vendor", "hunt", NULL};
static const char *const status_words[] = {"stated",  "proposed",   "confirmed",
                                           "refused", "superseded", NULL};
static const char *const rule_words[] = {"decided", "agree", "finding", "statement", "claim", NULL};

#define MAP_RAW \
    "{\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"type\": \"string\"}}"

#define ROW(member, label, kind_, ...) \
    API_ROW(struct survey_evidence, member, label, kind_, __VA_ARGS__)
static const struct api_field evidence_fields[] = {
    ROW(id, "id", API_ID),
    ROW(asset, "asset", API_ID),
    ROW(asset_name, "asset_name", API_TEXT),
    ROW(question, "question", API_TEXT),
    ROW(cve, "cve", API_TEXT, .says = "empty where the question is not asked per CVE"),
    ROW(kind, "kind", API_WORD, .words = kind_words),
    ROW(option, "option", API_TEXT),
    ROW(detail, "detail", API_TEXT, .says = "the version, where the answer has one"),
    ROW(cves, "cves", API_JSON_TEXT, .raw = MAP_RAW, .says = "of a scan: the worst state per CVE"),
    ROW(source, "source", API_TEXT),
    ROW(quote, "quote", API_TEXT),
    ROW(link, "link", API_TEXT),
    ROW(attachment, "attachment", API_ID, .flags = API_NULL),
    ROW(attachment_name, "attachment_name", API_TEXT),
    ROW(attachment_size, "attachment_size", API_INT),
    ROW(scan, "scan", API_ID, .flags = API_NULL),
    ROW(partial, "partial", API_FLAG, .says = "what it rests on was not fully examined"),
    ROW(status, "status", API_WORD, .words = status_words),
    ROW(decided_by, "judged_by", API_TEXT),
    ROW(decided_ms, "judged", API_TIME),
    ROW(said_ms, "said", API_TIME),
    ROW(read_ms, "read", API_TIME),
    {0},
};
#undef ROW
static const struct api_schema evidence_schema = {"Evidence", sizeof(struct survey_evidence),
                                                  evidence_fields,
                                                  "what somebody or something said of a row"};
API_PAGE_SCHEMA(evidence_list, "EvidenceList", evidence_schema);

/* --- what holds */

struct answers_view {
    struct api_list answers, cves;
};
static const struct api_field answer_fields[] = {
    API_ROW(struct survey_answer, question, "question", API_TEXT),
    API_ROW(struct survey_answer, cve, "cve", API_TEXT),
    API_ROW(struct survey_answer, option, "option", API_TEXT),
    API_ROW(struct survey_answer, detail, "detail", API_TEXT),
    API_ROW(struct survey_answer, certainty, "certainty", API_WORD, .words = api_certainty_words),
    API_ROW(struct survey_answer, rule, "rule", API_WORD, .words = rule_words),
    API_ROW(struct survey_answer, decided_by, "decided_by", API_TEXT),
    API_ROW(struct survey_answer, reason, "reason", API_TEXT),
    API_ROW(struct survey_answer, disagree, "disagree", API_FLAG,
            .says = "evidence stands against it"),
    API_ROW(struct survey_answer, since_ms, "since", API_TIME),
    {0},
};
static const struct api_schema answer_schema = {"Answer", sizeof(struct survey_answer),
                                                answer_fields, NULL};
static const struct api_field cve_fields[] = {
    API_ROW(struct survey_cve, cve, "cve", API_TEXT),
    API_ROW(struct survey_cve, state, "state", API_WORD, .words = api_state_words),
    API_ROW(struct survey_cve, certainty, "certainty", API_WORD, .words = api_certainty_words),
    API_ROW(struct survey_cve, disagree, "disagree", API_FLAG),
    {0},
};
static const struct api_schema cve_schema = {"CveAnswer", sizeof(struct survey_cve), cve_fields,
                                             NULL};
static const struct api_field answers_fields[] = {
    API_ROW(struct answers_view, answers, "answers", API_LIST, .of = &answer_schema),
    API_ROW(struct answers_view, cves, "cves", API_LIST, .of = &cve_schema,
            .says = "those that something is known about"),
    {0},
};
static const struct api_schema answers_schema = {"Answers", sizeof(struct answers_view),
                                                 answers_fields, NULL};

static enum status reply_answers(struct web_request *r, struct web_response *res, int64_t asset,
                                 struct err *e)
{
    struct answers_view v = {0};
    struct survey_answer *answers = NULL;
    struct survey_cve *cves = NULL;
    enum status s = survey_answers(r->db, asset, r->arena, &answers, &v.answers.count, e);
    if (s == OK)
        s = survey_cves(r->db, asset, r->arena, &cves, &v.cves.count, e);
    v.answers.v = answers;
    v.cves.v = cves;
    return s == OK ? api_reply(r, res, &v, e) : s;
}

static enum status get_answers(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t incident = 0;
    enum status s = api_asset(r, r->id[0], &incident, e);
    return s == OK ? reply_answers(r, res, r->id[0], e) : s;
}

/* --- evidence */

/* What a scan misses is kept as codes; here it is said in the reader's language. */
static enum status say_quotes(struct web_request *r, struct survey_evidence *list, size_t count,
                              struct err *e)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < count; i++) {
        struct buf said;
        if (!slice_eq_str(list[i].source_key, "hosts"))
            continue;
        const char *quote = arena_strdup(r->arena, list[i].quote);
        buf_init(&said, LIMIT_PAGE_BYTES);
        s = quote ? findings_say_missing(quote, r->lang, &said) : ST_NOMEM;
        if (s == OK)
            s = arena_copy(r->arena, buf_slice(&said), &list[i].quote);
        buf_done(&said);
        if (s != OK)
            (void)err_set(e, s, "no room for what a scan misses");
    }
    return s;
}

static enum status list_evidence(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct survey_evidence *list = NULL;
    int64_t before = INT64_MAX;
    int64_t incident = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_asset(r, r->id[0], &incident, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "evidence", &before, e);
    size_t limit = api_limit(&q);
    if (s == OK)
        s = survey_evidence_of(r->db, r->id[0], before, limit + 1, r->arena, &list,
                               &page.items.count, e);
    if (s == OK)
        s = say_quotes(r, list, page.items.count, e);
    page.items.v = list;
    if (s == OK)
        s = api_page_end(r, &page, limit, "evidence", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

struct stating {
    struct slice question, cve, option, detail, text, link;
    int64_t said_ms;
};
static const struct api_field stating_fields[] = {
    API_ROW(struct stating, question, "question", API_TEXT, .flags = API_NEED, .min = 1),
    API_ROW(struct stating, cve, "cve", API_TEXT, .says = "where the question is asked per CVE"),
    API_ROW(struct stating, option, "option", API_TEXT, .flags = API_NEED, .min = 1),
    API_ROW(struct stating, detail, "detail", API_TEXT, .max = LIMIT_SURVEY_DETAIL_BYTES,
            .says = "the version, where the option takes one"),
    API_ROW(struct stating, text, "text", API_TEXT, .max = LIMIT_SURVEY_TEXT_BYTES,
            .says = "what it rests on, in words"),
    API_ROW(struct stating, link, "link", API_TEXT, .max = LIMIT_SURVEY_LINK_BYTES,
            .says = "http or https"),
    API_ROW(struct stating, said_ms, "said", API_TIME, .flags = API_NULL,
            .says = "when it was said; null: now"),
    {0},
};
static const struct api_schema stating_schema = {
    "Statement", sizeof(struct stating), stating_fields,
    "a person's answer; in a form, the field `file` may hold a file that it rests on"};

/* The form's file, if there is one. */
static enum status read_file(struct web_request *r, struct web_response *res, struct statement *st,
                             struct err *e)
{
    const struct web_file *f = web_file_of(r, "file");
    if (!f || f->size == 0)
        return OK;
    if (f->size > LIMIT_ATTACHMENT_BYTES) {
        web_problem_about(res, 413, NULL, NULL);
        return err_set(e, ST_LIMIT, N_("the file is larger than %zu MB"),
                       LIMIT_ATTACHMENT_BYTES >> 20);
    }
    uint8_t *bytes = arena_alloc(r->arena, f->size);
    if (!bytes)
        return api_nomem(e);
    for (size_t at = 0; at < f->size;) {
        ssize_t n = pread(f->fd, bytes + at, f->size - at, (off_t)at);
        if (n <= 0)
            return err_set_errno(e, ST_IO, "the file that was sent");
        at += (size_t)n;
    }
    st->file.name = api_text(r, f->name);
    st->file.content = slice_of(bytes, f->size);
    return st->file.name ? OK : api_nomem(e);
}

struct answer_names {
    const char *question, *cve, *option, *detail; /* option NULL: none is given */
};

/* The first of question, CVE, option and version that the profile does not have; NULL: all fit. */
static const char *wrong_name(const struct profile *p, const struct answer_names *n)
{
    const struct profile_question *q = profile_question(p, n->question);
    if (!q)
        return "/question";
    if (q->per_cve ? !profile_cve(p, n->cve) : *n->cve != '\0')
        return "/cve";
    if (!n->option)
        return NULL;
    const struct profile_option *o = profile_option(q, n->option);
    if (!o)
        return "/option";
    return !o->version && *n->detail ? "/detail" : NULL;
}

/* The case layer's refusal of an answer, pointing at what is not the profile's. */
static enum status point_at(struct web_request *r, struct web_response *res, int64_t incident,
                            const struct answer_names *n, enum status s, struct err *e)
{
    struct profile *p = NULL;
    const char *at = NULL;
    if (s != ST_INVALID || incident_profile(r->db, incident, &p, NULL) != OK)
        return s;
    at = wrong_name(p, n);
    profile_free(p);
    return at ? api_fault_at(r, res, at, e) : s;
}

static enum status add_evidence(struct web_request *r, struct web_response *res, struct err *e)
{
    struct stating in = {0};
    struct survey_evidence v;
    int64_t id = 0;
    int64_t incident = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_asset(r, r->id[0], &incident, e);
    if (s != OK)
        return s;
    struct statement st = {.question = api_text(r, in.question),
                           .cve = api_text(r, in.cve),
                           .option = api_text(r, in.option),
                           .detail = api_text(r, in.detail),
                           .text = api_text(r, in.text),
                           .link = api_text(r, in.link),
                           .said_ms = in.said_ms};
    if (!st.question || !st.cve || !st.option || !st.detail || !st.text || !st.link)
        return api_nomem(e);
    s = read_file(r, res, &st, e);
    if (s == OK)
        s = point_at(r, res, incident,
                     &(struct answer_names){st.question, st.cve, st.option, st.detail},
                     survey_state(r->db, &r->actor, r->id[0], &st, e), e);
    if (s == OK) /* in this transaction, so it is this one */
        s = db_get_int(r->db, &id, e, "SELECT MAX(id) FROM evidence WHERE asset_id = $1", "i",
                       r->id[0]);
    if (s == OK)
        s = survey_evidence_one(r->db, id, r->arena, &v, e);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

/* --- files attached to evidence */

/* As a download: what somebody attached is never shown as a page of ours. */
static enum status get_attachment(struct web_request *r, struct web_response *res, struct err *e)
{
    struct survey_attachment v;
    int fd = -1;
    enum status s = survey_attachment(r->db, &r->actor, r->id[0], r->arena, &v, e);
    if (s == OK)
        s = temp_file(&fd, e);
    if (s != OK)
        return s;
    const char *name = api_text(r, v.name.n ? v.name : SLICE_LIT("file"));
    s = name ? fd_write_all(fd, v.content, e) : api_nomem(e);
    if (s != OK) {
        (void)close(fd);
        return s;
    }
    return web_send_file(res, fd, "application/octet-stream", name);
}

/* --- decisions */

struct deciding {
    struct slice question, cve, option, detail, reason;
};
static const struct api_field deciding_fields[] = {
    API_ROW(struct deciding, question, "question", API_TEXT, .flags = API_NEED, .min = 1),
    API_ROW(struct deciding, cve, "cve", API_TEXT),
    API_ROW(struct deciding, option, "option", API_TEXT, .flags = API_NEED, .min = 1),
    API_ROW(struct deciding, detail, "detail", API_TEXT, .max = LIMIT_SURVEY_DETAIL_BYTES),
    API_ROW(struct deciding, reason, "reason", API_TEXT, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_TEXT_BYTES),
    {0},
};
static const struct api_schema deciding_schema = {"Decision", sizeof(struct deciding),
                                                  deciding_fields, NULL};
static const struct api_field undeciding_fields[] = {
    API_ROW(struct deciding, question, "question", API_TEXT, .flags = API_NEED, .min = 1),
    API_ROW(struct deciding, cve, "cve", API_TEXT),
    API_ROW(struct deciding, reason, "reason", API_TEXT, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_TEXT_BYTES),
    {0},
};
static const struct api_schema undeciding_schema = {"DecisionWithdrawn", sizeof(struct deciding),
                                                    undeciding_fields, NULL};

static enum status settle(struct web_request *r, struct web_response *res, bool decide,
                          struct err *e)
{
    struct deciding in = {0};
    int64_t incident = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_asset(r, r->id[0], &incident, e);
    if (s != OK)
        return s;
    const char *question = api_text(r, in.question), *cve = api_text(r, in.cve),
               *option = api_text(r, in.option), *detail = api_text(r, in.detail),
               *reason = api_text(r, in.reason);
    if (!question || !cve || !option || !detail || !reason)
        return api_nomem(e);
    s = decide ? survey_decide(r->db, &r->actor, r->id[0], question, cve, option, detail, reason, e)
               : survey_undecide(r->db, &r->actor, r->id[0], question, cve, reason, e);
    s = point_at(r, res, incident,
                 &(struct answer_names){question, cve, decide ? option : NULL, detail}, s, e);
    return s == OK ? reply_answers(r, res, r->id[0], e) : s;
}

static enum status decide_answer(struct web_request *r, struct web_response *res, struct err *e)
{
    return settle(r, res, true, e);
}

static enum status undecide_answer(struct web_request *r, struct web_response *res, struct err *e)
{
    return settle(r, res, false, e);
}

/* --- proposals */

static enum status list_proposals(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct survey_evidence *list = NULL;
    int64_t after = 0;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "proposals", &after, e);
    size_t limit = api_limit(&q);
    if (s == OK)
        s = survey_proposals(r->db, &r->actor, r->id[0], after, limit + 1, r->arena, &list,
                             &page.items.count, e);
    if (s == OK)
        s = say_quotes(r, list, page.items.count, e);
    page.items.v = list;
    if (s == OK)
        s = api_page_end(r, &page, limit, "proposals", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

struct judging {
    struct api_ids evidence;
    struct slice reason;
};
static const struct api_field confirming_fields[] = {
    API_ROW(struct judging, evidence, "evidence", API_IDS, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_BULK, .says = "ids of proposals"),
    {0},
};
static const struct api_schema confirming_schema = {"Confirming", sizeof(struct judging),
                                                    confirming_fields, NULL};
static const struct api_field refusing_fields[] = {
    API_ROW(struct judging, evidence, "evidence", API_IDS, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_BULK, .says = "ids of proposals"),
    API_ROW(struct judging, reason, "reason", API_TEXT, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_TEXT_BYTES),
    {0},
};
static const struct api_schema refusing_schema = {"Refusing", sizeof(struct judging),
                                                  refusing_fields, NULL};

static enum status judge(struct web_request *r, struct web_response *res, bool confirm,
                         struct err *e)
{
    struct judging in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    if (s != OK)
        return s;
    const char *reason = api_text(r, in.reason);
    if (!reason)
        return api_nomem(e);
    s = confirm ? survey_confirm(r->db, &r->actor, r->id[0], in.evidence.v, in.evidence.count, e)
                : survey_refuse(r->db, &r->actor, r->id[0], in.evidence.v, in.evidence.count,
                                reason, e);
    return s == OK ? api_no_content(res) : s;
}

static enum status confirm_proposals(struct web_request *r, struct web_response *res, struct err *e)
{
    return judge(r, res, true, e);
}

static enum status refuse_proposals(struct web_request *r, struct web_response *res, struct err *e)
{
    return judge(r, res, false, e);
}

/* Beside the file: the texts of the form and what multipart puts around them. */
#define STATEMENT_BODY (LIMIT_ATTACHMENT_BYTES + KIB(64))

const struct web_route api_survey_routes[] = {
    {WEB_GET, API "/assets/:n/answers", ROLES_READ, 0, ROUTE_API, get_answers,
     "What holds of a row: its answers, and the state per CVE"},
    {WEB_GET, API "/assets/:n/evidence", ROLES_READ, 0, ROUTE_API, list_evidence,
     "What was said of a row, the newest first"},
    {WEB_POST, API "/assets/:n/evidence", ROLES_ANSWERING, STATEMENT_BODY, ROUTE_API | ROUTE_FILES,
     add_evidence, "Answer a question about a row, in one's own name"},
    {WEB_GET, API "/attachments/:n", ROLES_READ, 0, ROUTE_API, get_attachment,
     "The file that evidence rests on"},
    {WEB_POST, API "/assets/:n/decide", ROLES_EDIT, KIB(64), ROUTE_API, decide_answer,
     "Decide an answer; it holds until another decision"},
    {WEB_POST, API "/assets/:n/undecide", ROLES_EDIT, KIB(64), ROUTE_API, undecide_answer,
     "Withdraw a decision: the answer follows from the evidence again"},
    {WEB_GET, API "/incidents/:n/proposals", ROLES_READ, 0, ROUTE_API, list_proposals,
     "Proposals that wait for a person, the oldest first"},
    {WEB_POST, API "/incidents/:n/proposals/confirm", ROLES_ANSWERING, KIB(512), ROUTE_API,
     confirm_proposals, "Confirm proposals, all of them or none"},
    {WEB_POST, API "/incidents/:n/proposals/refuse", ROLES_ANSWERING, KIB(512), ROUTE_API,
     refuse_proposals, "Refuse proposals, all of them or none"},
    {0},
};

const struct api_op api_survey_ops[] = {
    API_OP(get_answers, "getAnswers", "survey", .params = {"asset"}, .answer = &answers_schema,
           .code = 200),
    API_OP(list_evidence, "listEvidence", "survey", .params = {"asset"}, .query = &api_paging_query,
           .answer = &evidence_list, .code = 200),
    API_OP(add_evidence, "addEvidence", "survey", .params = {"asset"}, .body = &stating_schema,
           .answer = &evidence_schema, .code = 201, .flags = API_FORM | API_CONFLICT),
    API_OP(get_attachment, "getAttachment", "survey", .params = {"attachment"}, .code = 200,
           .answer_type = "application/octet-stream"),
    API_OP(decide_answer, "decideAnswer", "survey", .params = {"asset"}, .body = &deciding_schema,
           .answer = &answers_schema, .code = 200, .flags = API_CONFLICT),
    API_OP(undecide_answer, "undecideAnswer", "survey", .params = {"asset"},
           .body = &undeciding_schema, .answer = &answers_schema, .code = 200,
           .flags = API_CONFLICT),
    API_OP(list_proposals, "listProposals", "survey", .params = {"incident"},
           .query = &api_paging_query, .answer = &evidence_list, .code = 200),
    API_OP(confirm_proposals, "confirmProposals", "survey", .params = {"incident"},
           .body = &confirming_schema, .code = 204, .flags = API_CONFLICT),
    API_OP(refuse_proposals, "refuseProposals", "survey", .params = {"incident"},
           .body = &refusing_schema, .code = 204, .flags = API_CONFLICT),
    {0},
};
