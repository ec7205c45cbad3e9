/* Two sides of a disagreement. See survey_conflict.h. */
#include "board/web/pages/survey_conflict.h"

#include <jansson.h>

static enum status side_init(struct arena *a, const struct survey_view *v, struct survey_side *side,
                             struct err *e)
{
    side->evidence = arena_alloc_array(a, v->evidence_count + 1, sizeof(struct survey_evidence *));
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

/* What the evidence says of the CVE: STATE_AFFECTED, a settled state, or STATE_COUNT. */
static enum asset_state says(const struct survey_evidence *ev, struct slice cve)
{
    if (ev->cves.n) {
        json_t *states = json_loadb((const char *)ev->cves.p, ev->cves.n, 0, NULL);
        const char *state = json_string_value(json_object_get(states, (const char *)cve.p));
        enum asset_state st = state ? state_of_code(state) : STATE_COUNT;
        json_decref(states);
        return st;
    }
    if (ev->cve.n && !slice_eq(ev->cve, cve))
        return STATE_COUNT;
    struct slice state = survey_option_state(ev->option);
    return state.n ? words_state_of(state) : STATE_COUNT;
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

static enum status of_cve(struct arena *a, struct survey_view *v, const struct survey_cve *cve,
                          struct err *e)
{
    struct survey_conflict c = {.answer = decides(v, cve->id), .cves = {cve->id}, .cve_count = 1};
    if (!c.answer || c.answer->disagree)
        return OK; /* told by its question */
    enum status s = side_init(a, v, &c.side[0], e);
    if (s == OK)
        s = side_init(a, v, &c.side[1], e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < v->evidence_count; i++) {
        const struct survey_evidence *ev = &v->evidence[i];
        enum asset_state state = ev->counts ? says(ev, cve->id) : STATE_COUNT;
        if (state == STATE_COUNT)
            continue;
        struct survey_side *side = &c.side[state_group(state) == GROUP_SETTLED];
        if (!side->state.n)
            side->state = slice_str(state_code(state));
        side_add(side, ev);
    }
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
    size_t questions = v->conflict_count;
    for (size_t i = 0; s == OK && questions == 0 && i < v->cve_count; i++)
        if (v->cves[i].disagree)
            s = of_cve(a, v, &v->cves[i], e);
    return s;
}
