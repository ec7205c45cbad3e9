/* Two sides of a disagreement. See survey_conflict.h. */
#include "board/web/pages/survey_conflict.h"

static enum status side_init(struct arena *a, const struct survey_view *v, struct survey_side *side,
                             struct err *e)
{
    side->evidence = arena_alloc_array(a, v->evidence_count + v->answer_count + 1,
                                       sizeof(struct survey_evidence *));
    return side->evidence ? OK : err_set(e, arena_status(a), "out of memory");
}

static void side_add(struct survey_side *side, const struct survey_evidence *ev)
{
    side->evidence[side->evidence_count++] = ev;
}

/* When the side that came later was first heard. */
static int64_t since(const struct survey_conflict *c)
{
    int64_t last = 0;
    for (size_t i = 0; i < 2; i++) {
        int64_t first = INT64_MAX;
        for (size_t n = 0; n < c->side[i].evidence_count; n++)
            if (c->side[i].evidence[n]->read_ms < first)
                first = c->side[i].evidence[n]->read_ms;
        if (first != INT64_MAX && first > last)
            last = first;
    }
    return last;
}

/* --- one question, two answers */

static enum status of_answer(struct arena *a, struct survey_view *v,
                             const struct survey_answer *ans, struct err *e)
{
    struct survey_conflict c = {.answer = ans};
    enum status s = side_init(a, v, &c.side[0], e);
    if (s == OK)
        s = side_init(a, v, &c.side[1], e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < ans->evidence_count; i++) {
        const struct survey_evidence *ev = ans->evidence[i];
        if (!ev->counts)
            continue;
        struct survey_side *side = &c.side[ev->option != ans->option];
        side_add(side, ev);
        if (!side->option) {
            side->option = ev->option;
            side->detail = ev->detail;
        }
    }
    if (!c.side[0].option) { /* decided, and nothing else says so */
        c.side[0].option = ans->option;
        c.side[0].detail = ans->detail;
    }
    c.side[0].holds = true;
    c.side[0].state = survey_option_state(c.side[0].option);
    c.side[1].state = survey_option_state(c.side[1].option);
    c.since_ms = since(&c);
    if (c.side[1].evidence_count)
        v->conflicts[v->conflict_count++] = c;
    return OK;
}

/* --- one CVE, two questions */

/* A piece of evidence, or a decision told as one, and what it alone would make of each CVE. */
struct voice {
    const struct survey_evidence *ev;
    struct state_result alone;
};

struct voices {
    struct voice *list;
    size_t count;
};

static const char *text_of(struct slice s)
{
    return s.n ? (const char *)s.p : "";
}

static enum status hear(struct arena *a, const struct survey_view *v,
                        const struct survey_evidence *ev, bool decided, struct voice *ret,
                        struct err *e)
{
    struct state_evidence said = {.question = text_of(ev->question_id),
                                  .cve = text_of(ev->cve),
                                  .kind = text_of(ev->kind),
                                  .option = text_of(ev->option_id),
                                  .detail = text_of(ev->detail),
                                  .source = text_of(ev->source_key),
                                  .cves = text_of(ev->cves),
                                  .counts = true,
                                  .partial = ev->partial};
    struct state_decision decision = {said.question, said.cve, said.option, said.detail};
    struct state_input in = {.profile = v->profile,
                             .evidence = &said,
                             .evidence_count = !decided,
                             .decisions = &decision,
                             .decision_count = decided};
    ret->ev = ev;
    return state_derive(&in, a, &ret->alone, e);
}

/* What a person decided, as a piece of evidence in their name. */
static struct survey_evidence *told(struct arena *a, const struct survey_answer *ans)
{
    struct survey_evidence *ev = arena_alloc(a, sizeof *ev);
    if (ev)
        *ev = (struct survey_evidence){.question = ans->question,
                                       .option = ans->option,
                                       .question_id = slice_str(ans->question->id),
                                       .option_id = slice_str(ans->option->id),
                                       .cve = slice_str(ans->cve),
                                       .kind = SLICE_LIT("decision"),
                                       .source = ans->decided_by,
                                       .detail = ans->detail,
                                       .quote = ans->reason,
                                       .said_ms = ans->since_ms,
                                       .read_ms = ans->since_ms,
                                       .counts = true};
    return ev;
}

static enum status hear_all(struct arena *a, const struct survey_view *v, struct voices *ret,
                            struct err *e)
{
    enum status s = OK;
    ret->list = arena_alloc_array(a, v->evidence_count + v->answer_count + 1, sizeof *ret->list);
    if (!ret->list)
        return err_set(e, arena_status(a), "out of memory");
    for (size_t i = 0; s == OK && i < v->answer_count; i++) {
        const struct survey_answer *ans = &v->answers[i];
        if (!ans->option || !slice_eq_str(ans->rule, "decided"))
            continue;
        const struct survey_evidence *ev = told(a, ans);
        s = ev ? hear(a, v, ev, true, &ret->list[ret->count++], e)
               : err_set(e, arena_status(a), "out of memory");
    }
    for (size_t i = 0; s == OK && i < v->evidence_count; i++)
        if (v->evidence[i].counts)
            s = hear(a, v, &v->evidence[i], false, &ret->list[ret->count++], e);
    return s;
}

static enum asset_state says(const struct voice *voice, struct slice cve)
{
    for (size_t i = 0; i < voice->alone.cve_count; i++)
        if (slice_eq_str(cve, voice->alone.cves[i].cve))
            return voice->alone.cves[i].state;
    return STATE_COUNT;
}

/* The open side is "affected" where anything says so, else "under investigation". */
static enum asset_state open_side(const struct voices *all, struct slice cve)
{
    for (size_t i = 0; i < all->count; i++)
        if (says(&all->list[i], cve) == STATE_AFFECTED)
            return STATE_AFFECTED;
    return STATE_INVESTIGATING;
}

static bool settles(enum asset_state s)
{
    return s == STATE_MITIGATED || s == STATE_FIXED || s == STATE_NOT_AFFECTED;
}

static bool same_side(const struct survey_side *a, const struct survey_side *b)
{
    if (a->evidence_count != b->evidence_count)
        return false;
    for (size_t i = 0; i < a->evidence_count; i++)
        if (a->evidence[i] != b->evidence[i])
            return false;
    return true;
}

static bool same_sides(const struct survey_conflict *a, const struct survey_conflict *b)
{
    return same_side(&a->side[0], &b->side[0]) && same_side(&a->side[1], &b->side[1]);
}

/* The answer that settles a CVE: that of the question which is asked of each. */
static const struct survey_answer *decides(const struct survey_view *v, struct slice cve)
{
    for (size_t i = 0; i < v->answer_count; i++)
        if (slice_eq_str(cve, v->answers[i].cve))
            return &v->answers[i];
    return NULL;
}

static void take_sides(const struct voices *all, struct slice cve, struct survey_conflict *c)
{
    enum asset_state open = open_side(all, cve);
    for (size_t i = 0; i < all->count; i++) {
        enum asset_state state = says(&all->list[i], cve);
        if (state != open && !settles(state))
            continue;
        struct survey_side *side = &c->side[settles(state)];
        if (!side->state.n)
            side->state = slice_str(state_code(state));
        side_add(side, all->list[i].ev);
    }
}

static enum status of_cve(struct arena *a, struct survey_view *v, const struct voices *all,
                          const struct survey_cve *cve, struct err *e)
{
    struct survey_conflict c = {.answer = decides(v, cve->id), .cves = {cve->id}, .cve_count = 1};
    if (!c.answer || c.answer->disagree)
        return OK; /* told by its question */
    enum status s = side_init(a, v, &c.side[0], e);
    if (s == OK)
        s = side_init(a, v, &c.side[1], e);
    if (s != OK)
        return s;
    take_sides(all, cve->id, &c);
    if (!c.side[0].evidence_count || !c.side[1].evidence_count)
        return OK;
    c.side[0].holds = words_state_of(cve->state) == words_state_of(c.side[0].state);
    c.side[1].holds = words_state_of(cve->state) == words_state_of(c.side[1].state);
    c.since_ms = since(&c);
    for (size_t i = 0; i < v->conflict_count; i++) {
        struct survey_conflict *before = &v->conflicts[i];
        if (before->cve_count && before->cve_count < ARRAY_LEN(before->cves) &&
            same_sides(before, &c)) {
            before->cves[before->cve_count++] = cve->id;
            return OK;
        }
    }
    v->conflicts[v->conflict_count++] = c;
    return OK;
}

enum status survey_find_conflicts(struct arena *a, struct survey_view *v, struct err *e)
{
    enum status s = OK;
    v->conflicts = arena_alloc_array(a, v->answer_count + v->cve_count + 1, sizeof *v->conflicts);
    if (!v->conflicts)
        return err_set(e, arena_status(a), "out of memory");
    for (size_t i = 0; s == OK && i < v->answer_count; i++)
        if (v->answers[i].disagree)
            s = of_answer(a, v, &v->answers[i], e);
    if (s != OK || v->conflict_count)
        return s;
    struct voices all = {0};
    for (size_t i = 0; s == OK && i < v->cve_count; i++) {
        if (v->cves[i].disagree && !all.list)
            s = hear_all(a, v, &all, e);
        if (s == OK && v->cves[i].disagree)
            s = of_cve(a, v, &all, &v->cves[i], e);
    }
    return s;
}
