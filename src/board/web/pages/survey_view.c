/* Reads the survey of a row. See survey_view.h. */
#include "board/web/pages/survey_view.h"

#include "base/limits.h"
#include "board/case/findings.h"
#include "board/case/incident.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/survey_conflict.h"

struct slice survey_question_text(const struct profile_question *q, enum lang lang)
{
    return slice_str(q ? q->text[lang] : "");
}

struct slice survey_question_hint(const struct profile_question *q, enum lang lang)
{
    return slice_str(q ? q->hint[lang] : "");
}

struct slice survey_option_text(const struct profile_option *o, enum lang lang)
{
    return slice_str(o ? o->label[lang] : "");
}

bool survey_has_version(const struct profile_question *q)
{
    for (size_t i = 0; i < q->option_count; i++)
        if (q->options[i].version)
            return true;
    return false;
}

struct slice survey_option_state(const struct profile_option *o)
{
    if (o && o->means == MEANS_AFFECTED)
        return SLICE_LIT("affected");
    if (o && o->means == MEANS_NOT_AFFECTED)
        return SLICE_LIT("not_affected");
    if (o && o->means == MEANS_FIXED)
        return SLICE_LIT("fixed");
    return (struct slice){0};
}

bool survey_option_is_state(const struct profile_option *o, enum lang lang)
{
    struct slice state = survey_option_state(o);
    return state.n &&
           slice_eq(survey_option_text(o, lang), words_state(words_state_of(state), lang));
}

struct html_url survey_link(struct slice link)
{
    return html_url_of(link);
}

/* --- evidence */

/* What a scan misses is kept as codes, so that each reader has it in their language. */
static struct slice said_quote(struct web_request *r, const char *source_key, const char *quote)
{
    struct buf said;
    if (strcmp(source_key, "hosts") != 0)
        return page_keep(r, quote);
    buf_init(&said, LIMIT_PAGE_BYTES);
    struct slice kept = findings_say_missing(quote, r->lang, &said) == OK
                            ? page_keep(r, buf_text(&said))
                            : page_keep(r, quote);
    buf_done(&said);
    return kept;
}

struct survey_evidence survey_evidence_of_row(struct web_request *r, const struct profile *p,
                                              const struct db_rows *rows)
{
    struct survey_evidence ev = {
        .id = db_int(rows, 0),
        .asset = db_int(rows, 1),
        .attachment = db_int(rows, 2),
        .scan = db_int(rows, 3),
        .decided_ms = db_int(rows, 4),
        .said_ms = db_int(rows, 5),
        .read_ms = db_int(rows, 6),
        .partial = db_int(rows, 7) != 0,
        .question_id = page_keep(r, db_text(rows, 8)),
        .cve = page_keep(r, db_text(rows, 9)),
        .option_id = page_keep(r, db_text(rows, 10)),
        .kind = page_keep(r, db_text(rows, 11)),
        .detail = page_keep(r, db_text(rows, 12)),
        .cves = page_keep(r, db_text(rows, 13)),
        .source = page_keep(r, db_text(rows, 14)),
        .quote = said_quote(r, db_text(rows, 19), db_text(rows, 15)),
        .link = page_keep(r, db_text(rows, 16)),
        .status = page_keep(r, db_text(rows, 17)),
        .decided_by = page_keep(r, db_text(rows, 18)),
        .source_key = page_keep(r, db_text(rows, 19)),
    };
    ev.question = profile_question(p, (const char *)ev.question_id.p);
    if (ev.question)
        ev.option = profile_option(ev.question, (const char *)ev.option_id.p);
    ev.waits = slice_eq_str(ev.status, "proposed");
    ev.counts = slice_eq_str(ev.status, "stated") || slice_eq_str(ev.status, "confirmed");
    return ev;
}

/* Newest first; of one source only the first that counts does. */
static enum status read_evidence(struct web_request *r, int64_t asset, struct survey_view *v,
                                 struct err *e)
{
    struct db_rows *rows = NULL;
    v->evidence = arena_alloc_array(r->arena, SURVEY_EVIDENCE_MAX, sizeof *v->evidence);
    if (!v->evidence)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s =
        db_query(r->db, &rows, e,
                 "SELECT " SURVEY_EVIDENCE_COLUMNS ", COALESCE(f.name, ''), COALESCE(f.size, 0), "
                 "CASE WHEN EXISTS (SELECT 1 FROM evidence n WHERE n.asset_id = e.asset_id AND "
                 "n.question = e.question AND n.cve = e.cve AND n.source_key = e.source_key AND "
                 "n.id > e.id AND n.status IN ('stated', 'confirmed')) THEN 1 ELSE 0 END "
                 "FROM evidence e LEFT JOIN attachment f ON f.id = e.attachment_id "
                 "WHERE e.asset_id = $1 ORDER BY e.id DESC LIMIT $2",
                 "ii", asset, (int64_t)SURVEY_EVIDENCE_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct survey_evidence ev = survey_evidence_of_row(r, v->profile, rows);
        ev.file = page_keep(r, db_text(rows, SURVEY_EVIDENCE_COLUMN_COUNT));
        ev.attachment_size = db_int(rows, SURVEY_EVIDENCE_COLUMN_COUNT + 1);
        ev.counts = ev.counts && !db_int(rows, SURVEY_EVIDENCE_COLUMN_COUNT + 2);
        v->waiting += ev.waits;
        v->evidence[v->evidence_count++] = ev;
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* --- answers */

static size_t asked_cves(const struct profile *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->cve_count; i++)
        n += p->cves[i].asked;
    return n;
}

/* One for each question, or for each asked CVE of it. */
static enum status lay_out(struct web_request *r, struct survey_view *v, struct err *e)
{
    const struct profile *p = v->profile;
    size_t most = p->question_count * (asked_cves(p) + 1);
    v->answers = arena_alloc_array(r->arena, most ? most : 1, sizeof *v->answers);
    if (!v->answers)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (size_t q = 0; q < p->question_count; q++) {
        const struct profile_question *question = &p->questions[q];
        bool first = true;
        for (size_t c = 0; c < (question->per_cve ? p->cve_count : 1); c++) {
            if (question->per_cve && !p->cves[c].asked)
                continue;
            v->answers[v->answer_count++] =
                (struct survey_answer){.question = question,
                                       .cve = question->per_cve ? p->cves[c].id : "",
                                       .first = first};
            first = false;
        }
    }
    return OK;
}

static struct survey_answer *answer_of(struct survey_view *v, struct slice question,
                                       struct slice cve)
{
    for (size_t i = 0; i < v->answer_count; i++)
        if (slice_eq_str(question, v->answers[i].question->id) &&
            slice_eq_str(cve, v->answers[i].cve))
            return &v->answers[i];
    return NULL;
}

static enum status read_answers(struct web_request *r, int64_t asset, struct survey_view *v,
                                struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT question, cve, option, detail, certainty, rule, decided_by, "
                             "reason, disagree, since_ms FROM answer WHERE asset_id = $1",
                             "i", asset);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct survey_answer *a =
            answer_of(v, slice_str(db_text(rows, 0)), slice_str(db_text(rows, 1)));
        if (!a)
            continue;
        a->option = profile_option(a->question, db_text(rows, 2));
        a->detail = page_keep(r, db_text(rows, 3));
        a->certainty = page_keep(r, db_text(rows, 4));
        a->rule = page_keep(r, db_text(rows, 5));
        a->decided_by = page_keep(r, db_text(rows, 6));
        a->reason = page_keep(r, db_text(rows, 7));
        a->disagree = db_int(rows, 8) != 0;
        a->since_ms = db_int(rows, 9);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static bool still_open(const struct survey_answer *a)
{
    return !a->option || a->option->means == MEANS_WAITING || a->option->means == MEANS_UNKNOWN;
}

static enum status share_out(struct web_request *r, struct survey_view *v, struct err *e)
{
    for (size_t i = 0; i < v->answer_count; i++) {
        struct survey_answer *a = &v->answers[i];
        a->evidence =
            arena_alloc_array(r->arena, v->evidence_count + 1, sizeof(struct survey_evidence *));
        if (!a->evidence)
            return err_set(e, arena_status(r->arena), "out of memory");
        for (size_t n = 0; n < v->evidence_count; n++) {
            struct survey_evidence *ev = &v->evidence[n];
            if (answer_of(v, ev->question_id, ev->cve) != a)
                continue;
            if (!ev->counts && !ev->waits) {
                a->past++;
                continue;
            }
            ev->against = ev->counts && a->disagree && a->option && ev->option != a->option;
            a->evidence[a->evidence_count++] = ev;
        }
        v->open += still_open(a);
    }
    return OK;
}

static enum status read_cves(struct web_request *r, int64_t asset, struct survey_view *v,
                             struct err *e)
{
    struct db_rows *rows = NULL;
    v->cves = arena_alloc_array(r->arena, v->profile->cve_count + 1, sizeof *v->cves);
    if (!v->cves)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (size_t i = 0; i < v->profile->cve_count; i++)
        v->cves[i].id = page_keep(r, v->profile->cves[i].id);
    enum status s = db_query(r->db, &rows, e,
                             "SELECT cve, state, certainty, disagree FROM asset_cve "
                             "WHERE asset_id = $1",
                             "i", asset);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        for (size_t i = 0; i < v->profile->cve_count; i++) {
            if (!slice_eq_str(v->cves[i].id, db_text(rows, 0)))
                continue;
            v->cves[i].state = page_keep(r, db_text(rows, 1));
            v->cves[i].certainty = page_keep(r, db_text(rows, 2));
            v->cves[i].disagree = db_int(rows, 3) != 0;
        }
    }
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    for (size_t i = 0; i < v->profile->cve_count;
         i++) /* those asked, or that something is known of */
        if (v->profile->cves[i].asked || v->cves[i].state.n)
            v->cves[v->cve_count++] = v->cves[i];
    return OK;
}

enum status survey_view_read(struct web_request *r, int64_t incident, int64_t asset,
                             struct survey_view *ret, struct err *e)
{
    struct survey_view v = {0};
    enum status s = incident_profile(r->db, incident, &v.profile, e);
    if (s == OK)
        s = lay_out(r, &v, e);
    if (s == OK)
        s = read_answers(r, asset, &v, e);
    if (s == OK)
        s = read_evidence(r, asset, &v, e);
    if (s == OK)
        s = read_cves(r, asset, &v, e);
    if (s == OK)
        s = share_out(r, &v, e);
    if (s == OK)
        s = survey_find_conflicts(r->arena, &v, e);
    if (s == OK)
        s = arena_status(r->arena);
    if (s == OK)
        *ret = v;
    else
        survey_view_done(&v);
    return s;
}

void survey_view_done(struct survey_view *v)
{
    profile_free(v->profile);
    v->profile = NULL;
}
