/* Deriving answers, states per CVE and states of rows from evidence, for many rows at once. The
 * rules are in state.c; here is reading what they need and writing what changed. See survey.h. */
#include "board/case/survey.h"

#include "base/limits.h"
#include "board/case/incident.h"
#include "board/case/ledger.h"
#include "board/case/state.h"
#include "board/case/timeline.h"

#define SPAN_ROWS 256 /* rows derived together */
#define SPAN_GAP 32   /* ids between two of them that are read for nothing, at most */
#define SPAN_MEMORY MIB(256)

/* A list in an arena. Items are found again by index, so growing may move them. */
struct list {
    void *items;
    size_t n, cap;
};

static void *list_add(struct arena *a, struct list *l, size_t size)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char *more = arena_alloc_array(a, cap, size);
        if (!more)
            return NULL;
        if (l->n)
            memcpy(more, l->items, l->n * size);
        l->items = more;
        l->cap = cap;
    }
    return (char *)l->items + size * l->n++;
}

struct row {
    int64_t id, flags;
    bool asked, retired;
    const char *state, *certainty;
};
struct said {
    int64_t asset;
    struct state_evidence ev;
};
struct answered {
    int64_t asset, since_ms;
    struct state_answer a;
    const char *certainty, *decided_by, *reason;
    bool kept;
};
struct cve_known {
    int64_t asset;
    const char *cve, *state, *certainty;
    int64_t disagree;
    bool kept;
};

struct derive {
    struct db *db;
    const struct event *ev;
    const struct profile *profile;
    struct arena a;
    struct list rows, said, answers, cves;
    int64_t became, first_became; /* rows that became affected */
};

static const char *keep(struct derive *d, const struct db_rows *rows, int col)
{
    return arena_strdup(&d->a, slice_str(db_text(rows, col)));
}

static enum status no_memory(struct derive *d, struct err *e)
{
    return err_set(e, arena_status(&d->a), "not enough memory to derive rows");
}

static enum status add_row(struct derive *d, const struct db_rows *r)
{
    struct row *row = list_add(&d->a, &d->rows, sizeof *row);
    if (!row)
        return ST_NOMEM;
    *row = (struct row){.id = db_int(r, 0),
                        .asked = db_int(r, 1) != 0,
                        .retired = db_int(r, 2) != 0,
                        .state = keep(d, r, 3),
                        .certainty = keep(d, r, 4),
                        .flags = db_int(r, 5)};
    return row->state && row->certainty ? OK : ST_NOMEM;
}

static enum status add_said(struct derive *d, const struct db_rows *r)
{
    struct said *s = list_add(&d->a, &d->said, sizeof *s);
    if (!s)
        return ST_NOMEM;
    s->asset = db_int(r, 0);
    s->ev = (struct state_evidence){.question = keep(d, r, 1),
                                    .cve = keep(d, r, 2),
                                    .kind = keep(d, r, 3),
                                    .option = keep(d, r, 4),
                                    .detail = keep(d, r, 5),
                                    .source = keep(d, r, 6),
                                    .cves = keep(d, r, 7),
                                    .counts = strcmp(db_text(r, 8), "proposed") != 0,
                                    .partial = db_int(r, 9) != 0};
    return s->ev.cves ? OK : ST_NOMEM; /* the arena stays refused once it refuses */
}

static enum status add_answer(struct derive *d, const struct db_rows *r)
{
    struct answered *s = list_add(&d->a, &d->answers, sizeof *s);
    if (!s)
        return ST_NOMEM;
    *s = (struct answered){.asset = db_int(r, 0),
                           .a = {.question = keep(d, r, 1),
                                 .cve = keep(d, r, 2),
                                 .option = keep(d, r, 3),
                                 .detail = keep(d, r, 4),
                                 .rule = keep(d, r, 6),
                                 .disagree = db_int(r, 9) != 0},
                           .certainty = keep(d, r, 5),
                           .decided_by = keep(d, r, 7),
                           .reason = keep(d, r, 8),
                           .since_ms = db_int(r, 10)};
    return s->reason ? OK : ST_NOMEM;
}

static enum status add_cve(struct derive *d, const struct db_rows *r)
{
    struct cve_known *c = list_add(&d->a, &d->cves, sizeof *c);
    if (!c)
        return ST_NOMEM;
    *c = (struct cve_known){.asset = db_int(r, 0),
                            .cve = keep(d, r, 1),
                            .state = keep(d, r, 2),
                            .certainty = keep(d, r, 3),
                            .disagree = db_int(r, 4)};
    return c->certainty ? OK : ST_NOMEM;
}

static enum status load(struct derive *d, const int64_t *ids, size_t n, const char *sql,
                        enum status (*add)(struct derive *d, const struct db_rows *r),
                        struct err *e)
{
    struct db_rows *rows = NULL;
    size_t at = 0;
    enum status s = db_query(d->db, &rows, e, sql, "ii", ids[0], ids[n - 1]);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        while (at < n && ids[at] < db_int(rows, 0))
            at++;
        if (at < n && ids[at] == db_int(rows, 0) && add(d, rows) != OK)
            s = no_memory(d, e);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* --- writing what changed */

static enum status write_answer(struct derive *d, int64_t asset, const struct state_answer *n,
                                struct answered *old, size_t old_count, struct err *e)
{
    struct answered *o = NULL;
    const char *certainty = certainty_code(n->certainty);
    for (size_t i = 0; i < old_count && !o; i++) {
        if (strcmp(old[i].a.question, n->question) == 0 && strcmp(old[i].a.cve, n->cve) == 0)
            o = &old[i];
    }
    bool same = o && strcmp(o->a.option, n->option) == 0 && strcmp(o->a.detail, n->detail) == 0;
    if (o)
        o->kept = true;
    if (same && strcmp(o->certainty, certainty) == 0 && strcmp(o->a.rule, n->rule) == 0 &&
        o->a.disagree == n->disagree)
        return OK;
    bool decided = o && strcmp(n->rule, "decided") == 0;
    return db_run(d->db, NULL, e,
                  "INSERT INTO answer(asset_id, question, cve, option, detail, certainty, rule, "
                  "decided_by, reason, disagree, since_ms) "
                  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
                  "ON CONFLICT (asset_id, question, cve) DO UPDATE SET option = excluded.option, "
                  "detail = excluded.detail, certainty = excluded.certainty, rule = excluded.rule, "
                  "decided_by = excluded.decided_by, reason = excluded.reason, "
                  "disagree = excluded.disagree, since_ms = excluded.since_ms",
                  "issssssssii", asset, n->question, n->cve, n->option, n->detail, certainty,
                  n->rule, decided ? o->decided_by : "", decided ? o->reason : "",
                  (int64_t)n->disagree, same ? o->since_ms : d->ev->at_ms);
}

static enum status write_cve(struct derive *d, int64_t asset, const struct state_cve *n,
                             struct cve_known *old, size_t old_count, struct err *e)
{
    for (size_t i = 0; i < old_count; i++) {
        if (strcmp(old[i].cve, n->cve) != 0)
            continue;
        old[i].kept = true;
        if (strcmp(old[i].state, state_code(n->state)) == 0 &&
            strcmp(old[i].certainty, certainty_code(n->certainty)) == 0 &&
            (old[i].disagree != 0) == n->disagree)
            return OK;
    }
    return db_run(d->db, NULL, e,
                  "INSERT INTO asset_cve(asset_id, cve, state, certainty, disagree) "
                  "VALUES ($1, $2, $3, $4, $5) "
                  "ON CONFLICT (asset_id, cve) DO UPDATE SET state = excluded.state, "
                  "certainty = excluded.certainty, disagree = excluded.disagree",
                  "isssi", asset, n->cve, state_code(n->state), certainty_code(n->certainty),
                  (int64_t)n->disagree);
}

static enum status write_row(struct derive *d, const struct row *row, const struct state_result *r,
                             struct err *e)
{
    int64_t ours = ASSET_DISAGREE | ASSET_PROPOSALS;
    int64_t flags = (row->flags & ~ours) | (r->disagree ? ASSET_DISAGREE : 0) |
                    (r->proposals ? ASSET_PROPOSALS : 0);
    const char *state = state_code(r->state), *certainty = certainty_code(r->certainty);
    if (r->state == STATE_AFFECTED && strcmp(row->state, state) != 0 && d->became++ == 0)
        d->first_became = row->id;
    if (strcmp(row->state, state) == 0 && strcmp(row->certainty, certainty) == 0 &&
        row->flags == flags)
        return OK;
    return db_run(d->db, NULL, e,
                  "UPDATE asset SET state = $2, certainty = $3, flags = $4 WHERE id = $1", "issi",
                  row->id, state, certainty, flags);
}

static enum status write_all(struct derive *d, const struct row *row, const struct state_result *r,
                             struct answered *old, size_t old_count, struct cve_known *cves,
                             size_t cve_count, struct err *e)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < r->answer_count; i++)
        s = write_answer(d, row->id, &r->answers[i], old, old_count, e);
    for (size_t i = 0; s == OK && i < old_count; i++) {
        if (!old[i].kept)
            s = db_run(d->db, NULL, e,
                       "DELETE FROM answer WHERE asset_id = $1 AND question = $2 AND cve = $3",
                       "iss", row->id, old[i].a.question, old[i].a.cve);
    }
    for (size_t i = 0; s == OK && i < r->cve_count; i++)
        s = write_cve(d, row->id, &r->cves[i], cves, cve_count, e);
    for (size_t i = 0; s == OK && i < cve_count; i++) {
        if (!cves[i].kept)
            s = db_run(d->db, NULL, e, "DELETE FROM asset_cve WHERE asset_id = $1 AND cve = $2",
                       "is", row->id, cves[i].cve);
    }
    return s == OK ? write_row(d, row, r, e) : s;
}

/* --- one row, one span, all */

/* Where each list stands: all are in the order of asset ids. */
struct places {
    size_t said, answers, cves;
};

static enum status derive_row(struct derive *d, const struct row *row, struct places *at,
                              struct err *e)
{
    const struct said *said = d->said.items;
    struct answered *answers = d->answers.items;
    struct cve_known *cves = d->cves.items;
    struct places from = *at;
    while (at->said < d->said.n && said[at->said].asset == row->id)
        at->said++;
    while (at->answers < d->answers.n && answers[at->answers].asset == row->id)
        at->answers++;
    while (at->cves < d->cves.n && cves[at->cves].asset == row->id)
        at->cves++;
    size_t n = at->said - from.said, old_count = at->answers - from.answers;
    struct state_evidence *ev = arena_alloc_array(&d->a, n + 1, sizeof *ev);
    struct state_decision *dec = arena_alloc_array(&d->a, old_count + 1, sizeof *dec);
    if (!ev || !dec)
        return no_memory(d, e);
    struct state_input in = {.profile = d->profile,
                             .evidence = ev,
                             .evidence_count = n,
                             .decisions = dec,
                             .asked = row->asked,
                             .retired = row->retired};
    for (size_t i = 0; i < n; i++)
        ev[i] = said[from.said + i].ev;
    for (size_t i = from.answers; i < at->answers; i++) {
        const struct state_answer *o = &answers[i].a;
        if (strcmp(o->rule, "decided") == 0)
            dec[in.decision_count++] =
                (struct state_decision){o->question, o->cve, o->option, o->detail};
    }
    struct state_result r;
    enum status s = state_derive(&in, &d->a, &r, e);
    if (s != OK)
        return s;
    return write_all(d, row, &r, old_count ? answers + from.answers : NULL, old_count,
                     at->cves > from.cves ? cves + from.cves : NULL, at->cves - from.cves, e);
}

static enum status derive_span(struct derive *d, const int64_t *ids, size_t n, struct err *e)
{
    struct places at = {0};
    arena_clear(&d->a);
    d->rows = d->said = d->answers = d->cves = (struct list){0};
    enum status s = load(d, ids, n,
                         "SELECT id, asked_ms, retired, state, certainty, flags FROM asset "
                         "WHERE id BETWEEN $1 AND $2 ORDER BY id",
                         add_row, e);
    if (s == OK)
        s = load(d, ids, n,
                 "SELECT asset_id, question, cve, kind, option, detail, source_key, cves, status, "
                 "partial FROM evidence WHERE asset_id BETWEEN $1 AND $2 "
                 "AND status IN ('stated', 'confirmed', 'proposed') ORDER BY asset_id, id",
                 add_said, e);
    if (s == OK)
        s = load(d, ids, n,
                 "SELECT asset_id, question, cve, option, detail, certainty, rule, decided_by, "
                 "reason, disagree, since_ms FROM answer WHERE asset_id BETWEEN $1 AND $2 "
                 "ORDER BY asset_id",
                 add_answer, e);
    if (s == OK)
        s = load(d, ids, n,
                 "SELECT asset_id, cve, state, certainty, disagree FROM asset_cve "
                 "WHERE asset_id BETWEEN $1 AND $2 ORDER BY asset_id",
                 add_cve, e);
    const struct row *rows = d->rows.items;
    for (size_t i = 0; s == OK && i < d->rows.n; i++)
        s = derive_row(d, &rows[i], &at, e);
    return s;
}

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

enum status survey_derive(struct db *db, const struct event *ev, const int64_t *assets,
                          size_t count, struct err *e)
{
    struct derive d = {.db = db, .ev = ev};
    struct profile *profile = NULL;
    if (count == 0)
        return OK;
    int64_t *ids = calloc(count, sizeof *ids);
    if (!ids)
        return err_set(e, ST_NOMEM, "not enough memory to derive rows");
    memcpy(ids, assets, count * sizeof *ids);
    qsort(ids, count, sizeof *ids, by_id);
    size_t n = 1;
    for (size_t i = 1; i < count; i++) {
        if (ids[i] != ids[n - 1])
            ids[n++] = ids[i];
    }
    arena_init(&d.a, SPAN_MEMORY);
    enum status s = incident_profile(db, ev->incident, &profile, e);
    d.profile = profile;
    for (size_t i = 0, k; s == OK && i < n; i = k) {
        for (k = i + 1; k < n && k - i < SPAN_ROWS && ids[k] - ids[k - 1] <= SPAN_GAP;)
            k++;
        s = derive_span(&d, ids + i, k - i, e);
    }
    if (s == OK && d.became)
        s = timeline_affected(db, ev, d.became, d.first_became, e);
    arena_done(&d.a);
    profile_free(profile);
    free(ids);
    return s;
}
