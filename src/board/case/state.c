/* What follows from evidence. See state.h for the rules. */
#include "board/case/state.h"

#include "profile/version.h"

#include <jansson.h>

/* --- claims: what each piece says of one CVE */

/* The safe side first; the last yields to all others. */
enum rank {
    RANK_AFFECTED,
    RANK_INVESTIGATING,
    RANK_MITIGATED,
    RANK_FIXED,
    RANK_NOT_AFFECTED,
    RANK_WAITING,
    RANK_COUNT,
};
static const enum asset_state rank_states[] = {
    STATE_AFFECTED, STATE_INVESTIGATING, STATE_MITIGATED,
    STATE_FIXED,    STATE_NOT_AFFECTED,  STATE_WAITING_VENDOR,
};

/* Claims of one CVE. Only the best certainty of each sort matters: decided by a person or not,
 * its rank, said by a scan or not. 0: no such claim; else 4 for confirmed down to 1. */
struct claims {
    uint8_t have[2][RANK_COUNT][2];
};

/* An answer with what its derivation knows beside it. */
struct found {
    const struct profile_question *question;
    const struct profile_option *option;
    size_t answer; /* in the result */
    bool decided;
    bool partial_only; /* nothing that counts for it was fully examined */
};

struct work {
    const struct state_input *in;
    const struct profile *p;
    struct arena *a;
    struct state_result r;
    struct found *found;   /* beside r.answers */
    struct claims *claims; /* per CVE of the profile */
    bool *counts;          /* per evidence: it counts and is the latest of its source */
};

static bool is_scan(const struct state_evidence *ev)
{
    return strcmp(ev->kind, "scan") == 0;
}

static void claim(struct work *w, size_t cve, enum rank rank, enum certainty c, bool decided,
                  bool scan)
{
    uint8_t *at = &w->claims[cve].have[decided][rank][scan];
    uint8_t strength = (uint8_t)(CERTAINTY_NONE + 1 - c);
    if (*at < strength)
        *at = strength;
}

static bool rank_of_scan_state(const char *state, enum rank *ret)
{
    static const struct {
        const char *word;
        enum rank rank;
    } words[] = {{"affected", RANK_AFFECTED},
                 {"unknown", RANK_INVESTIGATING},
                 {"mitigated", RANK_MITIGATED},
                 {"fixed", RANK_FIXED},
                 {"not_affected", RANK_NOT_AFFECTED}};
    for (size_t i = 0; state && i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].word, state) == 0) {
            *ret = words[i].rank;
            return true;
        }
    }
    return false;
}

static bool is_settled(enum rank r)
{
    return r == RANK_FIXED || r == RANK_NOT_AFFECTED || r == RANK_MITIGATED;
}

/* Calls each for every CVE of the profile that a scan's {id: state} names. */
static enum status each_scan_state(struct work *w, const struct state_evidence *ev,
                                   void (*each)(struct work *w, const struct state_evidence *ev,
                                                size_t cve, enum rank rank, void *arg),
                                   void *arg, struct err *e)
{
    if (!is_scan(ev) || !*ev->cves)
        return OK;
    json_error_t je;
    json_t *o = json_loads(ev->cves, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(o)) {
        json_decref(o);
        return err_set(e, ST_MALFORMED, "evidence of a scan: its CVE states are no JSON object");
    }
    for (size_t i = 0; i < w->p->cve_count; i++) {
        enum rank rank;
        if (rank_of_scan_state(json_string_value(json_object_get(o, w->p->cves[i].id)), &rank))
            each(w, ev, i, rank, arg);
    }
    json_decref(o);
    return OK;
}

static void claim_scan_state(struct work *w, const struct state_evidence *ev, size_t cve,
                             enum rank rank, void *arg)
{
    (void)arg;
    /* what was not read to the end settles nothing */
    if (!ev->partial || !is_settled(rank))
        claim(w, cve, rank, ev->partial ? CERTAINTY_CLAIMED : CERTAINTY_CONFIRMED, false, true);
}

/* Whether the version lies behind the ranges of component c because it is another's: one of the
 * others has it in a range, or ends nearer before it. */
static bool of_another(const struct profile *p, uint64_t components, size_t c, struct slice v)
{
    const struct profile_component *own = &p->components[c];
    const char *last = own->break_count ? own->breaks[own->break_count - 1] : "0";
    for (size_t i = 0; i < p->affected_count; i++) {
        const struct profile_affected *f = &p->affected[i];
        const struct profile_component *k = &p->components[f->component];
        if (f->component == c || !(components >> f->component & 1) || k->break_count == 0)
            continue;
        const char *end = k->breaks[k->break_count - 1];
        if (profile_version(k, v) & f->versions ||
            (version_compare(slice_str(end), v) <= 0 &&
             version_compare(slice_str(end), slice_str(last)) > 0))
            return true;
    }
    return false;
}

/* What the profile says of one version, per CVE: the worst over the components. */
static void weigh_version(const struct profile *p, uint64_t components, struct slice v,
                          enum rank *worst)
{
    for (size_t i = 0; i < p->affected_count; i++) {
        const struct profile_affected *f = &p->affected[i];
        if (!(components >> f->component & 1))
            continue;
        version_set set = profile_version(&p->components[f->component], v);
        version_set lowest = f->versions & (~f->versions + 1);
        enum rank rank = set & f->versions ? RANK_AFFECTED
                         : set < lowest    ? RANK_NOT_AFFECTED /* older than the fault */
                                           : RANK_FIXED;
        if (rank == RANK_FIXED && of_another(p, components, f->component, v))
            continue;
        if (rank < worst[f->cve])
            worst[f->cve] = rank;
    }
}

/* Several versions beside one answer are separated by commas or spaces; the worst holds. */
static void claim_versions(struct work *w, const struct profile_option *o, const char *detail,
                           enum certainty c, bool decided)
{
    enum rank worst[64];
    struct slice rest = slice_str(detail);
    for (size_t i = 0; i < ARRAY_LEN(worst); i++)
        worst[i] = RANK_COUNT;
    while (rest.n > 0) {
        size_t n = 0;
        while (n < rest.n && rest.p[n] != ',' && rest.p[n] != ' ')
            n++;
        struct slice v = slice_sub(rest, 0, n);
        rest = slice_sub(rest, n + 1, rest.n);
        if (version_valid(v))
            weigh_version(w->p, o->components, v, worst);
    }
    for (size_t i = 0; i < w->p->cve_count; i++) {
        if (worst[i] < RANK_COUNT)
            claim(w, i, worst[i], c, decided, false);
    }
}

/* --- answers */

/* Smaller is the safer side. */
static size_t option_rank(const struct profile_question *q, const struct profile_option *o)
{
    return (size_t)o->means * 64 + (size_t)(o - q->options);
}

/* Whether two answers to one question disagree, not only say more or less. */
static bool options_disagree(const struct profile_option *a, const struct profile_option *b)
{
    enum option_means x = a->means < b->means ? a->means : b->means;
    enum option_means y = a->means < b->means ? b->means : a->means;
    if (a == b || x == MEANS_WAITING || y == MEANS_WAITING)
        return false;
    return y != MEANS_UNKNOWN || x == MEANS_UNKNOWN;
}

static bool about(const struct state_evidence *ev, const struct profile_question *q,
                  const char *cve)
{
    return strcmp(ev->question, q->id) == 0 && strcmp(ev->cve, cve) == 0;
}

/* Of one source only its latest word counts. */
static enum status find_latest(struct work *w, struct err *e)
{
    const struct state_evidence *ev = w->in->evidence;
    w->counts = arena_alloc_array(w->a, w->in->evidence_count + 1, sizeof *w->counts);
    if (!w->counts)
        return err_set(e, arena_status(w->a), "more evidence of one row than memory allows");
    for (size_t i = 0; i < w->in->evidence_count; i++) {
        w->counts[i] = ev[i].counts;
        for (size_t k = i + 1; w->counts[i] && k < w->in->evidence_count; k++)
            w->counts[i] =
                !(ev[k].counts && strcmp(ev[k].source, ev[i].source) == 0 &&
                  strcmp(ev[k].kind, ev[i].kind) == 0 &&
                  strcmp(ev[k].question, ev[i].question) == 0 && strcmp(ev[k].cve, ev[i].cve) == 0);
    }
    return OK;
}

/* The details of the evidence that gave the answer, each once: "2.14.1, 2.17.1". */
static const char *join_details(struct work *w, const struct profile_question *q, const char *cve,
                                const struct profile_option *o)
{
    const char *all = "";
    for (size_t i = 0; all && i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        if (!w->counts[i] || !about(ev, q, cve) || strcmp(ev->option, o->id) != 0 || !*ev->detail)
            continue;
        bool known = false;
        for (size_t k = 0; k < i && !known; k++)
            known = w->counts[k] && about(&w->in->evidence[k], q, cve) &&
                    strcmp(w->in->evidence[k].option, o->id) == 0 &&
                    strcmp(w->in->evidence[k].detail, ev->detail) == 0;
        if (!known)
            all = arena_printf(w->a, "%s%s%s", all, *all ? ", " : "", ev->detail);
    }
    return all;
}

/* The rule and certainty of an answer that nobody decided. */
static void rate(struct work *w, const struct profile_question *q, const char *cve,
                 const struct profile_option *o, struct state_answer *ans, struct found *f)
{
    const char *kind = NULL;
    bool scan = false, vendor = false, agree = false;
    f->partial_only = true;
    for (size_t i = 0; i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        if (!w->counts[i] || !about(ev, q, cve) || strcmp(ev->option, o->id) != 0)
            continue;
        scan |= is_scan(ev);
        if (ev->partial)
            continue;
        f->partial_only = false;
        vendor |= strcmp(ev->kind, "vendor") == 0;
        agree |= kind && strcmp(kind, ev->kind) != 0;
        kind = ev->kind;
    }
    bool whole_scan = kind && strcmp(kind, "scan") == 0;
    ans->rule = agree                                     ? "agree"
                : scan && (whole_scan || f->partial_only) ? "finding"
                : vendor                                  ? "statement"
                                                          : "claim";
    ans->certainty = agree || whole_scan ? CERTAINTY_CONFIRMED
                     : vendor            ? CERTAINTY_LIKELY
                                         : CERTAINTY_CLAIMED;
}

static const struct state_decision *find_decision(const struct state_input *in,
                                                  const struct profile_question *q, const char *cve)
{
    for (size_t i = 0; i < in->decision_count; i++) {
        if (strcmp(in->decisions[i].question, q->id) == 0 && strcmp(in->decisions[i].cve, cve) == 0)
            return &in->decisions[i];
    }
    return NULL;
}

/* The option that holds by evidence: the safest of those that count. NULL: nothing counts. */
static const struct profile_option *safest(struct work *w, const struct profile_question *q,
                                           const char *cve)
{
    const struct profile_option *best = NULL;
    for (size_t i = 0; i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        const struct profile_option *o =
            w->counts[i] && about(ev, q, cve) ? profile_option(q, ev->option) : NULL;
        if (!o)
            continue;
        bool better = !best || option_rank(q, o) < option_rank(q, best);
        if (best && best->means == MEANS_WAITING && o->means != MEANS_UNKNOWN)
            better = true; /* waiting yields to whoever says more */
        else if (best && o->means == MEANS_WAITING && best->means != MEANS_UNKNOWN)
            better = false;
        if (better)
            best = o;
    }
    return best;
}

static enum status answer(struct work *w, const struct profile_question *q, const char *cve,
                          struct err *e)
{
    const struct state_decision *d = find_decision(w->in, q, cve);
    const struct profile_option *o = d ? profile_option(q, d->option) : safest(w, q, cve);
    if (!o)
        return OK;
    struct found *f = &w->found[w->r.answer_count];
    struct state_answer *ans = &w->r.answers[w->r.answer_count];
    *f = (struct found){.question = q, .option = o, .answer = w->r.answer_count, .decided = d};
    *ans = (struct state_answer){.question = q->id, .cve = cve, .option = o->id};
    ans->detail = d ? d->detail : join_details(w, q, cve, o);
    if (!ans->detail)
        return err_set(e, arena_status(w->a), "more evidence of one row than memory allows");
    if (d) {
        ans->rule = "decided";
        ans->certainty = CERTAINTY_CONFIRMED;
    } else {
        rate(w, q, cve, o, ans, f);
    }
    for (size_t i = 0; i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        const struct profile_option *other =
            w->counts[i] && about(ev, q, cve) ? profile_option(q, ev->option) : NULL;
        ans->disagree |= other && options_disagree(o, other);
    }
    w->r.answer_count++;
    return OK;
}

static enum status find_answers(struct work *w, struct err *e)
{
    size_t most = w->p->question_count * (w->p->cve_count + 1) + 1;
    w->r.answers = arena_alloc_array(w->a, most, sizeof *w->r.answers);
    w->found = arena_alloc_array(w->a, most, sizeof *w->found);
    if (!w->r.answers || !w->found)
        return err_set(e, arena_status(w->a), "not enough memory for the answers of a row");
    enum status s = OK;
    for (size_t i = 0; s == OK && i < w->p->question_count; i++) {
        const struct profile_question *q = &w->p->questions[i];
        if (!q->per_cve)
            s = answer(w, q, "", e);
        for (size_t k = 0; q->per_cve && s == OK && k < w->p->cve_count; k++)
            s = answer(w, q, w->p->cves[k].id, e);
    }
    return s;
}

/* --- from answers and evidence to CVEs */

/* Whether a question that is not asked per CVE is about this one: by its components, or about all.
 */
static bool in_scope(const struct profile *p, const struct profile_question *q, size_t cve)
{
    uint64_t components = 0;
    for (size_t i = 0; i < q->option_count; i++)
        components |= q->options[i].components;
    for (size_t i = 0; components && i < p->affected_count; i++) {
        if (p->affected[i].cve == cve && components >> p->affected[i].component & 1)
            return true;
    }
    return components == 0;
}

static bool rank_of_means(enum option_means m, bool per_cve, enum rank *ret)
{
    switch (m) {
    case MEANS_AFFECTED:
        *ret = RANK_AFFECTED;
        return true;
    case MEANS_FIXED:
        *ret = RANK_FIXED;
        return true;
    case MEANS_NOT_AFFECTED:
        *ret = RANK_NOT_AFFECTED;
        return true;
    case MEANS_WAITING:
        *ret = RANK_WAITING;
        return true;
    case MEANS_OPEN:
        *ret = RANK_INVESTIGATING;
        return per_cve; /* "it has the component" leaves each CVE as it is */
    case MEANS_UNKNOWN:
        break;
    }
    return false;
}

static void claim_answer(struct work *w, const struct found *f)
{
    const struct state_answer *ans = &w->r.answers[f->answer];
    const struct profile_question *q = f->question;
    enum rank rank;
    if (f->decided && f->option->components)
        claim_versions(w, f->option, ans->detail, ans->certainty, true);
    if (!rank_of_means(f->option->means, q->per_cve, &rank))
        return;
    if (f->partial_only && is_settled(rank))
        return;
    for (size_t i = 0; i < w->p->cve_count; i++) {
        bool meant = q->per_cve ? strcmp(ans->cve, w->p->cves[i].id) == 0 : in_scope(w->p, q, i);
        if (meant && (rank != RANK_WAITING || q->per_cve || w->p->cves[i].asked))
            claim(w, i, rank, ans->certainty, f->decided,
                  strcmp(ans->rule, "finding") == 0); /* one scan does not contradict itself */
    }
}

/* Questions narrow down: "has the component" after "has no runtime for it" cannot both be. */
static void claim_contradictions(struct work *w)
{
    for (size_t i = 0; i < w->r.answer_count; i++) {
        const struct found *no = &w->found[i];
        if (no->question->per_cve || no->option->means != MEANS_NOT_AFFECTED)
            continue;
        for (size_t k = i + 1; k < w->r.answer_count; k++) {
            const struct found *yes = &w->found[k];
            if (yes->question->per_cve || yes->option->means != MEANS_OPEN)
                continue;
            for (size_t c = 0; c < w->p->cve_count; c++) {
                if (w->p->cves[c].asked && in_scope(w->p, yes->question, c))
                    claim(w, c, RANK_INVESTIGATING, w->r.answers[k].certainty, yes->decided, false);
            }
        }
    }
}

static enum status claim_all(struct work *w, struct err *e)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        const struct profile_question *q = profile_question(w->p, ev->question);
        const struct profile_option *o = q ? profile_option(q, ev->option) : NULL;
        if (!w->counts[i])
            continue;
        if (is_scan(ev))
            s = each_scan_state(w, ev, claim_scan_state, NULL, e);
        else if (o && o->components)
            claim_versions(w, o, ev->detail,
                           ev->partial || strcmp(ev->kind, "vendor") != 0 ? CERTAINTY_CLAIMED
                                                                          : CERTAINTY_LIKELY,
                           false);
    }
    for (size_t i = 0; s == OK && i < w->r.answer_count; i++)
        claim_answer(w, &w->found[i]);
    claim_contradictions(w);
    return s;
}

static uint8_t best_of(const struct claims *c, bool decided, size_t rank)
{
    const uint8_t *two = c->have[decided][rank];
    return two[0] > two[1] ? two[0] : two[1];
}

static bool ranks_conflict(size_t a, size_t b)
{
    size_t low = a < b ? a : b, high = a < b ? b : a;
    if (low == high || high == RANK_WAITING)
        return false;
    if (low == RANK_AFFECTED)
        return high != RANK_INVESTIGATING;
    return low == RANK_INVESTIGATING && high != RANK_MITIGATED;
}

/* Whether any claim stands against the one that holds. Scans of several hosts may differ. */
static bool against(const struct claims *c, bool decided, size_t rank)
{
    for (size_t d = 0; d < 2; d++)
        for (size_t r = 0; r < RANK_COUNT; r++)
            for (size_t scan = 0; scan < 2; scan++) {
                if (!c->have[d][r][scan] || !ranks_conflict(rank, r))
                    continue;
                bool same_sort = d == decided && scan && !c->have[decided][rank][0];
                if (!same_sort)
                    return true;
            }
    return false;
}

/* The state of one CVE; false when nothing is known of it. */
static bool settle(const struct claims *c, size_t *ret_rank, struct state_cve *ret)
{
    for (size_t decided = 2; decided-- > 0;) {
        for (size_t r = 0; r < RANK_COUNT; r++) {
            uint8_t strength = best_of(c, decided, r);
            if (!strength)
                continue;
            *ret_rank = r;
            ret->state = rank_states[r];
            ret->certainty = (enum certainty)(CERTAINTY_NONE + 1 - strength);
            ret->disagree = against(c, decided, r);
            return true;
        }
    }
    return false;
}

/* --- the row */

struct row {
    size_t *rank;    /* per CVE; RANK_COUNT: nothing known */
    bool worse;      /* a proposal waits that is worse than what holds, or takes its ground away */
    bool finding;    /* a proposal waits that found something */
    size_t proposal; /* the rank of a proposal's option while it is looked at */
};

static void weigh_scan_state(struct work *w, const struct state_evidence *ev, size_t cve,
                             enum rank rank, void *arg)
{
    struct row *row = arg;
    (void)ev;
    bool matters = w->p->cves[cve].asked || rank == RANK_AFFECTED;
    row->finding |= matters && (rank == RANK_AFFECTED || rank == RANK_INVESTIGATING);
    row->worse |= matters && rank < row->rank[cve];
}

static bool is_decided(const struct claims *c)
{
    for (size_t r = 0; r < RANK_COUNT; r++) {
        if (best_of(c, true, r))
            return true;
    }
    return false;
}

/* Whether a scan that waits read only a part where one that counts had read all: what is settled
 * then rests on more than is known now, unless a person decided it. */
static bool lapses(const struct work *w, const struct row *row, const struct state_evidence *ev)
{
    bool whole = false;
    if (!is_scan(ev) || !ev->partial)
        return false;
    for (size_t i = 0; i < w->in->evidence_count; i++) {
        const struct state_evidence *o = &w->in->evidence[i];
        whole |=
            w->counts[i] && is_scan(o) && !o->partial && strcmp(o->question, ev->question) == 0;
    }
    for (size_t i = 0; whole && i < w->p->cve_count; i++) {
        if (w->p->cves[i].asked && row->rank[i] < RANK_COUNT &&
            is_settled((enum rank)row->rank[i]) && !is_decided(&w->claims[i]))
            return true;
    }
    return false;
}

static enum status weigh_proposals(struct work *w, struct row *row, struct err *e)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < w->in->evidence_count; i++) {
        const struct state_evidence *ev = &w->in->evidence[i];
        const struct profile_question *q = profile_question(w->p, ev->question);
        const struct profile_option *o = q ? profile_option(q, ev->option) : NULL;
        if (ev->counts || !o)
            continue;
        w->r.proposals = true;
        row->finding |= o->means == MEANS_AFFECTED || o->means == MEANS_OPEN;
        row->worse |= lapses(w, row, ev);
        for (size_t k = 0; k < w->r.answer_count; k++) {
            const struct found *f = &w->found[k];
            if (f->question == q && strcmp(w->r.answers[k].cve, ev->cve) == 0 &&
                option_rank(q, o) < option_rank(q, f->option) &&
                !(f->decided && o->means == MEANS_UNKNOWN))
                row->worse = true;
        }
        s = each_scan_state(w, ev, weigh_scan_state, row, e);
    }
    return s;
}

/* How bad a state is for a row, worst first; `base` is that of a CVE nothing is known of. */
static size_t row_rank(enum asset_state s, bool base)
{
    switch (s) {
    case STATE_AFFECTED:
        return 0;
    case STATE_INVESTIGATING:
        return base ? 3 : 1;
    case STATE_WAITING_VENDOR:
        return 2;
    case STATE_ASKED:
        return 4;
    case STATE_NOT_ASKED:
        return 5;
    case STATE_MITIGATED:
        return 6;
    case STATE_FIXED:
        return 7;
    default:
        return 8;
    }
}

static void settle_row(struct work *w, const struct row *row)
{
    struct state_result *r = &w->r;
    bool known = r->answer_count > 0 || r->cve_count > 0;
    enum asset_state base = known          ? STATE_INVESTIGATING
                            : w->in->asked ? STATE_ASKED
                                           : STATE_NOT_ASKED;
    enum certainty best_answer = CERTAINTY_NONE, best_affected = CERTAINTY_NONE,
                   weakest = CERTAINTY_CONFIRMED;
    size_t worst = 9, next = 0;
    r->state = base;
    for (size_t i = 0; i < r->answer_count; i++) {
        if (r->answers[i].certainty < best_answer)
            best_answer = r->answers[i].certainty;
        r->disagree |= r->answers[i].disagree;
    }
    for (size_t i = 0; i < w->p->cve_count; i++) {
        const struct state_cve *c = row->rank[i] < RANK_COUNT ? &r->cves[next++] : NULL;
        bool affected = c && c->state == STATE_AFFECTED;
        if (!w->p->cves[i].asked && !affected)
            continue;
        enum asset_state s = c ? c->state : base;
        enum certainty certainty = c ? c->certainty : CERTAINTY_NONE;
        if (row_rank(s, !c) < worst) {
            worst = row_rank(s, !c);
            r->state = s;
        }
        if (affected && certainty < best_affected)
            best_affected = certainty;
        if (certainty > weakest)
            weakest = certainty;
        r->disagree |= c && c->disagree;
    }
    bool settled = worst >= 6 && worst < 9;
    if ((settled && row->worse) ||
        ((r->state == STATE_ASKED || r->state == STATE_NOT_ASKED) && row->finding)) {
        r->state = STATE_INVESTIGATING;
        settled = false;
    }
    r->certainty = r->state == STATE_AFFECTED ? best_affected : settled ? weakest : best_answer;
    if (w->in->retired)
        r->state = STATE_RETIRED;
}

enum status state_derive(const struct state_input *in, struct arena *a, struct state_result *ret,
                         struct err *e)
{
    struct work w = {.in = in, .p = in->profile, .a = a};
    struct row row = {0};
    w.claims = arena_alloc_array(a, w.p->cve_count + 1, sizeof *w.claims);
    w.r.cves = arena_alloc_array(a, w.p->cve_count + 1, sizeof *w.r.cves);
    row.rank = arena_alloc_array(a, w.p->cve_count + 1, sizeof *row.rank);
    if (!w.claims || !w.r.cves || !row.rank)
        return err_set(e, arena_status(a), "not enough memory for the states of a row");
    enum status s = find_latest(&w, e);
    if (s == OK)
        s = find_answers(&w, e);
    if (s == OK)
        s = claim_all(&w, e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < w.p->cve_count; i++) {
        struct state_cve *c = &w.r.cves[w.r.cve_count];
        row.rank[i] = RANK_COUNT;
        if (settle(&w.claims[i], &row.rank[i], c)) {
            c->cve = w.p->cves[i].id;
            w.r.cve_count++;
        }
    }
    s = weigh_proposals(&w, &row, e);
    if (s != OK)
        return s;
    settle_row(&w, &row);
    *ret = w.r;
    return OK;
}
