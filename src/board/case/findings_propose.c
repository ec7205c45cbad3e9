/* What the newest scans of a row's hosts propose. See findings.h for the rules.
 *
 * For each row the proposals that ought to be there are made anew from its scans, and compared with
 * those that are: so it does not matter whether a scan came or the row's hosts changed, and doing
 * it again changes nothing. */
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/body.h"
#include "board/case/findings.h"
#include "board/case/findings_int.h"
#include "board/case/findings_read.h"
#include "board/case/incident.h"
#include "board/case/source.h"
#include "board/case/survey.h"

#include <inttypes.h>

#define ROW_MEMORY MIB(16) /* a row has up to 200 hosts */
#define ONE_BY_ONE 64      /* more rows than these are first looked through for those with scans */
#define SOURCE_BYTES 200   /* of the list of hosts that a proposal names */

/* A host of the row and the newest scan of it; a host whose short name several have, several times.
 */
struct scanned {
    const char *host; /* as the row has it */
    int64_t scan;     /* 0: never scanned */
    const char *name; /* as the scan has it */
    int64_t whole, incomplete, revision, found, ended_ms;
    const char *versions, *cves, *places;
    enum scan_state worst; /* over the CVEs */
};

/* What stands in evidence already. */
struct standing {
    int64_t id, partial;
    const char *key, *option, *detail, *cves, *status, *quote;
    bool wanted; /* a proposal that waits and still says what is so */
};

struct proposal {
    const char *key, *option, *detail, *cves, *source, *quote;
    int64_t scan, said_ms;
    bool partial;
};

struct proposing {
    struct db *db;
    const struct event *ev;
    const struct profile *profile;
    const struct profile_question *q;
    struct arena a;
    struct scanned *hosts;
    size_t host_count;
    struct standing *standing;
    size_t standing_count;
};

static enum status no_memory(struct proposing *p, struct err *e)
{
    return err_set(e, arena_status(&p->a), "not enough memory for the proposals of a row");
}

static const char *keep(struct proposing *p, const struct db_rows *rows, int col)
{
    return arena_strdup(&p->a, slice_str(db_text(rows, col)));
}

/* Makes room for one more in an array that doubles. */
static void *grow(struct arena *a, void *items, size_t n, size_t size)
{
    if (n && (n < 16 || n & (n - 1)))
        return items;
    void *more = arena_alloc_array(a, n < 16 ? 16 : n * 2, size);
    if (more && n)
        memcpy(more, items, n * size);
    return more;
}

/* --- reading */

static enum scan_state worst_of(const char *cves)
{
    enum scan_state worst = SCAN_STATE_COUNT;
    json_t *o = json_loads(cves, 0, NULL), *v;
    const char *id;
    json_object_foreach(o, id, v)
    {
        enum scan_state s = scan_state_of_code(json_string_value(v));
        if (s < worst)
            worst = s;
    }
    json_decref(o);
    return worst;
}

static int by_host(const void *a, const void *b)
{
    const struct scanned *x = a, *y = b;
    int c = strcmp(x->host, y->host);
    return c ? c : (x->scan > y->scan) - (x->scan < y->scan);
}

static enum status read_hosts(struct proposing *p, int64_t asset, struct err *e)
{
    struct db_rows *rows = NULL;
    p->hosts = NULL;
    p->host_count = 0;
    enum status s =
        db_query(p->db, &rows, e,
                 "SELECT h.host, COALESCE(s.id, 0), COALESCE(s.host, ''), s.whole_host, "
                 "s.incomplete, s.profile_revision, s.found, s.ended_ms, s.versions, s.cves, "
                 "s.places FROM asset_host h LEFT JOIN scan s ON s.incident_id = h.incident_id "
                 "AND s.latest = 1 AND " SAME_HOST " WHERE h.asset_id = $1",
                 "i", asset);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        p->hosts = grow(&p->a, p->hosts, p->host_count, sizeof *p->hosts);
        if (p->hosts)
            p->hosts[p->host_count++] = (struct scanned){.host = keep(p, rows, 0),
                                                         .scan = db_int(rows, 1),
                                                         .name = keep(p, rows, 2),
                                                         .whole = db_int(rows, 3),
                                                         .incomplete = db_int(rows, 4),
                                                         .revision = db_int(rows, 5),
                                                         .found = db_int(rows, 6),
                                                         .ended_ms = db_int(rows, 7),
                                                         .versions = keep(p, rows, 8),
                                                         .cves = keep(p, rows, 9),
                                                         .places = keep(p, rows, 10),
                                                         .worst = worst_of(db_text(rows, 9))};
        if (arena_status(&p->a) != OK)
            s = no_memory(p, e);
    }
    db_rows_done(rows);
    if (p->host_count) /* not by the database, whose collation may be any */
        qsort(p->hosts, p->host_count, sizeof *p->hosts, by_host);
    return s == ST_END ? OK : s;
}

static enum status read_standing(struct proposing *p, int64_t asset, struct err *e)
{
    struct db_rows *rows = NULL;
    p->standing = NULL;
    p->standing_count = 0;
    enum status s = db_query(
        p->db, &rows, e,
        "SELECT id, partial, source_key, option, detail, cves, status, quote FROM evidence "
        "WHERE asset_id = $1 AND question = $2 AND kind = 'scan' "
        "AND status <> 'superseded' ORDER BY id",
        "is", asset, p->q->id);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        p->standing = grow(&p->a, p->standing, p->standing_count, sizeof *p->standing);
        if (p->standing)
            p->standing[p->standing_count++] = (struct standing){.id = db_int(rows, 0),
                                                                 .partial = db_int(rows, 1),
                                                                 .key = keep(p, rows, 2),
                                                                 .option = keep(p, rows, 3),
                                                                 .detail = keep(p, rows, 4),
                                                                 .cves = keep(p, rows, 5),
                                                                 .status = keep(p, rows, 6),
                                                                 .quote = keep(p, rows, 7)};
        if (arena_status(&p->a) != OK)
            s = no_memory(p, e);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* --- what ought to be proposed */

static bool fully_read(const struct proposing *p, const struct scanned *h)
{
    return h->scan && h->whole && !h->incomplete && h->revision >= p->profile->revision;
}

/* Confirmed on this host, and its newest scan does not find it any more. */
static bool is_gone(const struct proposing *p, const struct scanned *h)
{
    if (!h->scan || h->found)
        return false;
    for (size_t i = 0; i < p->standing_count; i++) {
        const struct standing *s = &p->standing[i];
        if (strcmp(s->status, "confirmed") == 0 && strncmp(s->key, "host:", 5) == 0 &&
            strcmp(s->key + 5, h->name) == 0)
            return true;
    }
    return false;
}

/* What was confirmed settles the row, and speaks of hosts that were the row's then. */
static bool settled_for_others(const struct proposing *p)
{
    for (size_t i = 0; i < p->standing_count; i++) {
        const struct standing *s = &p->standing[i];
        bool there = false;
        if (strcmp(s->status, "confirmed") != 0 || s->partial || worst_of(s->cves) <= SCAN_UNKNOWN)
            continue;
        for (size_t k = 0; k < p->host_count && strncmp(s->key, "host:", 5) == 0; k++)
            there |= strcmp(s->key + 5, p->hosts[k].name) == 0;
        if (!there)
            return true;
    }
    return false;
}

/* A line per host that keeps "none was found" from being said: HOST, TAB, why, TAB, how many. */
static enum status missing(struct proposing *p, struct buf *out, struct err *e)
{
    for (size_t i = 0; i < p->host_count; i++) {
        const struct scanned *h = &p->hosts[i];
        const char *why = !h->scan                             ? "never_scanned"
                          : h->found                           ? "found"
                          : !h->whole                          ? "not_whole"
                          : h->incomplete                      ? "gaps"
                          : h->revision < p->profile->revision ? "old_profile"
                          : is_gone(p, h)                      ? "gone"
                                                               : NULL;
        if (why)
            (void)buf_addf(out, "%s%s\t%s\t%" PRId64, out->n ? "\n" : "", h->host, why,
                           h->incomplete);
    }
    if (p->host_count == 0)
        (void)buf_add_str(out, "-\tno_hosts\t0");
    return buf_status(out) == OK ? OK
                                 : err_set(e, buf_status(out), "the list of hosts is too long");
}

/* The CVE states of all hosts on which the question's components were not found, the worst each. */
static char *merge_cves(struct proposing *p)
{
    struct buf out;
    buf_init(&out, KIB(16));
    (void)buf_add_char(&out, '{');
    for (size_t c = 0; c < p->profile->cve_count; c++) {
        enum scan_state worst = SCAN_STATE_COUNT;
        const char *id = p->profile->cves[c].id;
        for (size_t i = 0; i < p->host_count; i++) {
            if (p->hosts[i].found || p->hosts[i].worst == SCAN_STATE_COUNT)
                continue;
            json_t *o = json_loads(p->hosts[i].cves, 0, NULL);
            enum scan_state s = scan_state_of_code(json_string_value(json_object_get(o, id)));
            worst = s < worst ? s : worst;
            json_decref(o);
        }
        if (worst < SCAN_STATE_COUNT)
            (void)buf_addf(&out, "%s\"%s\":\"%s\"", out.n > 1 ? "," : "", id,
                           scan_state_code(worst));
    }
    (void)buf_add_char(&out, '}');
    char *ret = buf_status(&out) == OK ? arena_strdup(&p->a, buf_slice(&out)) : NULL;
    buf_done(&out);
    return ret;
}

/* "wms-app01, wms-app02 …": the hosts whose scans it rests on; where there is none, the row's. */
static char *name_hosts(struct proposing *p, bool scanned)
{
    struct buf out;
    buf_init(&out, SOURCE_BYTES + HOST_NAME_SIZE + 8);
    for (size_t i = 0; i < p->host_count; i++) {
        const struct scanned *h = &p->hosts[i];
        const char *name = scanned ? h->name : h->host;
        if (scanned && (!h->scan || (i && strcmp(p->hosts[i - 1].name, h->name) == 0)))
            continue;
        (void)buf_addf(&out, "%s%s", out.n ? ", " : "", out.n > SOURCE_BYTES ? "…" : name);
        if (out.n > SOURCE_BYTES)
            break;
    }
    if (out.n == 0)
        (void)buf_add_char(&out, '-');
    char *ret = buf_status(&out) == OK ? arena_strdup(&p->a, buf_slice(&out)) : NULL;
    buf_done(&out);
    return ret;
}

/* What all hosts together say; *ret_made false when there is nothing to say. */
static enum status propose_row(struct proposing *p, bool covered, struct proposal *ret,
                               bool *ret_made, struct err *e)
{
    bool scanned = false, found = false, gone = false, open_state = false;
    struct buf quote;
    *ret = (struct proposal){.key = SOURCE_ALL_HOSTS, .detail = "", .partial = !covered};
    for (size_t i = 0; i < p->host_count; i++) {
        const struct scanned *h = &p->hosts[i];
        scanned |= h->scan != 0;
        found |= h->found != 0;
        gone |= is_gone(p, h);
        open_state |= h->scan && !h->found && h->worst <= SCAN_UNKNOWN;
        if (h->scan > ret->scan)
            ret->scan = h->scan;
        if (h->ended_ms > ret->said_ms)
            ret->said_ms = h->ended_ms;
    }
    *ret_made = (scanned && (!found || gone || open_state)) ||
                (!covered && !found && settled_for_others(p));
    if (!*ret_made)
        return OK;
    if (!scanned)
        ret->said_ms = p->ev->at_ms;
    ret->option = p->q->options[!found && covered ? p->q->scan_clean : p->q->scan_open].id;
    buf_init(&quote, KIB(128)); /* 200 hosts with names of 255 bytes */
    enum status s = missing(p, &quote, e);
    ret->quote = arena_strdup(&p->a, buf_slice(&quote));
    ret->cves = merge_cves(p);
    ret->source = name_hosts(p, scanned);
    buf_done(&quote);
    return s == OK && (!ret->quote || !ret->cves || !ret->source) ? no_memory(p, e) : s;
}

static enum status propose_host(struct proposing *p, const struct scanned *h, bool covered,
                                struct proposal *ret, struct err *e)
{
    bool settles = h->worst >= SCAN_MITIGATED && h->worst < SCAN_STATE_COUNT;
    *ret = (struct proposal){.key = arena_printf(&p->a, "host:%s", h->name),
                             .option = p->q->options[p->q->scan_found].id,
                             .detail = h->versions,
                             .cves = h->cves,
                             .source = h->name,
                             .quote = h->places,
                             .scan = h->scan,
                             .said_ms = h->ended_ms,
                             .partial = h->incomplete || (settles && !covered)};
    return ret->key ? OK : no_memory(p, e);
}

/* --- what is there against what ought to be */

static bool says_same(const struct standing *s, const struct proposal *n)
{
    bool all = strcmp(n->key, SOURCE_ALL_HOSTS) == 0;
    return strcmp(s->option, n->option) == 0 && strcmp(s->detail, n->detail) == 0 &&
           strcmp(s->cves, n->cves) == 0 && (s->partial != 0) == n->partial &&
           (!all || strcmp(s->quote, n->quote) == 0);
}

static enum status insert(struct proposing *p, int64_t asset, const struct proposal *n,
                          struct err *e)
{
    int64_t id = 0;
    enum status s = log_next_id(p->db, "evidence", 1, &id, e);
    if (s != OK)
        return s;
    return db_run(p->db, NULL, e,
                  "INSERT INTO evidence(id, incident_id, asset_id, question, cve, kind, option, "
                  "detail, cves, source, source_key, quote, link, attachment_id, scan_id, partial, "
                  "status, decided_by, decided_ms, said_ms, read_ms, event_id) "
                  "VALUES ($1, $2, $3, $4, '', 'scan', $5, $6, $7, $8, $9, $10, '', 0, $11, $12, "
                  "'proposed', '', 0, $13, $14, $15)",
                  "iiisssssssiiiii", id, p->ev->incident, asset, p->q->id, n->option, n->detail,
                  n->cves, n->source, n->key, n->quote, n->scan, (int64_t)n->partial, n->said_ms,
                  p->ev->at_ms, p->ev->id);
}

static enum status settle_one(struct proposing *p, int64_t asset, const struct proposal *n,
                              bool *changed, struct err *e)
{
    const struct standing *judged = NULL;
    for (size_t i = 0; i < p->standing_count; i++) {
        struct standing *s = &p->standing[i];
        if (strcmp(s->key, n->key) != 0)
            continue;
        if (strcmp(s->status, "proposed") != 0) {
            judged = s; /* the last one holds: they are in the order of their ids */
        } else if (says_same(s, n)) {
            s->wanted = true;
            return OK;
        }
    }
    if (judged && says_same(judged, n))
        return OK;
    *changed = true;
    return insert(p, asset, n, e);
}

static enum status propose(struct proposing *p, int64_t asset, bool *changed, struct err *e)
{
    struct proposal n;
    bool made = false;
    arena_clear(&p->a);
    *changed = false;
    enum status s = read_hosts(p, asset, e);
    bool covered = p->host_count > 0;
    if (s == OK)
        s = read_standing(p, asset, e);
    for (size_t i = 0; s == OK && i < p->host_count; i++)
        covered &= fully_read(p, &p->hosts[i]);
    for (size_t i = 0; s == OK && i < p->host_count; i++) {
        const struct scanned *h = &p->hosts[i];
        bool again = false; /* two of the row's names may be one host */
        for (size_t k = 0; k < i; k++)
            again |= p->hosts[k].scan == h->scan;
        if (!h->found || again)
            continue;
        s = propose_host(p, h, covered, &n, e);
        if (s == OK)
            s = settle_one(p, asset, &n, changed, e);
    }
    if (s == OK)
        s = propose_row(p, covered, &n, &made, e);
    if (s == OK && made)
        s = settle_one(p, asset, &n, changed, e);
    for (size_t i = 0; s == OK && i < p->standing_count; i++) {
        const struct standing *w = &p->standing[i];
        if (w->wanted || strcmp(w->status, "proposed") != 0)
            continue;
        *changed = true;
        s = db_run(p->db, NULL, e, "UPDATE evidence SET status = 'superseded' WHERE id = $1", "i",
                   w->id);
    }
    return s;
}

/* --- many rows */

struct ids {
    int64_t *v;
    size_t n, cap;
};

static enum status add_id(struct ids *ids, int64_t id, struct err *e)
{
    if (ids->n == ids->cap) {
        size_t cap = ids->cap ? ids->cap * 2 : 256;
        int64_t *more = reallocarray(ids->v, cap, sizeof *more);
        if (!more)
            return err_set(e, ST_NOMEM, "out of memory");
        ids->v = more;
        ids->cap = cap;
    }
    ids->v[ids->n++] = id;
    return OK;
}

static enum status read_ids(struct db_rows *rows, struct ids *ret, struct err *e)
{
    enum status s;
    while ((s = db_next(rows, e)) == OK) {
        s = add_id(ret, db_int(rows, 0), e);
        if (s != OK)
            return s;
    }
    return s == ST_END ? OK : s;
}

static void begin(struct proposing *p, struct db *db, const struct event *ev,
                  const struct profile *profile)
{
    *p = (struct proposing){
        .db = db, .ev = ev, .profile = profile, .q = profile_scan_question(profile)};
    arena_init(&p->a, ROW_MEMORY);
}

enum status findings_propose_host(struct db *db, const struct event *ev, const struct profile *p,
                                  const char *host, struct err *e)
{
    struct proposing pr;
    struct ids rows_on_it = {0};
    struct db_rows *rows = NULL;
    size_t changed = 0;
    begin(&pr, db, ev, p);
    enum status s = OK;
    if (pr.q)
        s = db_query(db, &rows, e,
                     "SELECT DISTINCT h.asset_id FROM asset_host h JOIN scan s "
                     "ON s.incident_id = h.incident_id AND s.latest = 1 AND " SAME_HOST
                     " WHERE s.incident_id = $1 AND s.host = $2 ORDER BY h.asset_id",
                     "is", ev->incident, host);
    if (s == OK && rows)
        s = read_ids(rows, &rows_on_it, e);
    db_rows_done(rows);
    for (size_t i = 0; s == OK && i < rows_on_it.n; i++) {
        bool differs = false;
        int64_t asset = rows_on_it.v[i];
        s = propose(&pr, asset, &differs, e);
        if (s == OK && differs) {
            rows_on_it.v[changed++] = asset;
            s = asset_touched(db, ev, asset, e);
        }
    }
    if (s == OK)
        s = survey_derive(db, ev, rows_on_it.v, changed, e);
    free(rows_on_it.v);
    arena_done(&pr.a);
    return s;
}

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of many rows only those that have a scanned host, or had one: of which something waits or was
 * confirmed. */
static enum status with_scans(struct db *db, const struct event *ev, const int64_t *assets,
                              size_t count, struct ids *ret, struct err *e)
{
    struct ids candidates = {0};
    struct db_rows *rows = NULL;
    int64_t *sorted = calloc(count, sizeof *sorted);
    if (!sorted)
        return err_set(e, ST_NOMEM, "out of memory");
    memcpy(sorted, assets, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_id);
    enum status s = db_query(db, &rows, e,
                             "SELECT h.asset_id FROM asset_host h JOIN scan s "
                             "ON s.incident_id = h.incident_id AND s.latest = 1 AND " SAME_HOST
                             " WHERE h.incident_id = $1 UNION SELECT asset_id FROM evidence "
                             "WHERE incident_id = $1 AND kind = 'scan' "
                             "AND status IN ('proposed', 'confirmed') ORDER BY 1",
                             "i", ev->incident);
    if (s == OK)
        s = read_ids(rows, &candidates, e);
    db_rows_done(rows);
    for (size_t i = 0; s == OK && i < candidates.n; i++) {
        if (bsearch(&candidates.v[i], sorted, count, sizeof *sorted, by_id))
            s = add_id(ret, candidates.v[i], e);
    }
    free(candidates.v);
    free(sorted);
    return s;
}

enum status findings_propose(struct db *db, const struct event *ev, const int64_t *assets,
                             size_t count, struct err *e)
{
    struct proposing pr = {0};
    struct profile *p = NULL;
    struct ids some = {0}, changed = {0};
    int64_t scans = 0;
    enum status s = db_get_int(db, &scans, e, "SELECT COUNT(*) FROM scan WHERE incident_id = $1",
                               "i", ev->incident);
    if (s != OK || scans == 0 || count == 0)
        return s;
    if (count > ONE_BY_ONE) {
        s = with_scans(db, ev, assets, count, &some, e);
        assets = some.v;
        count = some.n;
    }
    if (s == OK)
        s = incident_profile(db, ev->incident, &p, e);
    if (s == OK)
        begin(&pr, db, ev, p);
    for (size_t i = 0; s == OK && pr.q && i < count; i++) {
        bool differs;
        s = propose(&pr, assets[i], &differs, e);
        if (s == OK && differs)
            s = add_id(&changed, assets[i], e);
    }
    if (s == OK)
        s = survey_derive(db, ev, changed.v, changed.n, e);
    arena_done(&pr.a);
    profile_free(p);
    free(some.v);
    free(changed.v);
    return s;
}

/* --- words */

enum status findings_say_missing(const char *quote, enum lang lang, struct buf *out)
{
    struct slice rest = slice_str(quote), line, host, why, number;
    bool first = true;
    while (slice_next_line(&rest, &line)) {
        int64_t n = 0;
        if (!slice_next_field(&line, '\t', &host) || !slice_next_field(&line, '\t', &why) ||
            !slice_next_field(&line, '\t', &number) || slice_to_i64(number, &n) != OK)
            continue;
        if (!first)
            (void)buf_add_char(out, '\n');
        first = false;
        if (slice_eq_str(why, "no_hosts")) {
            (void)buf_add_str(out, T(lang, "the row names no host any more"));
            continue;
        }
        (void)buf_add_slice(out, host);
        (void)buf_add_str(out, ": ");
        if (slice_eq_str(why, "never_scanned"))
            (void)buf_add_str(out, T(lang, "never scanned"));
        else if (slice_eq_str(why, "found"))
            (void)buf_add_str(out, T(lang, "found there; see its own proposal"));
        else if (slice_eq_str(why, "not_whole"))
            (void)buf_add_str(out, T(lang, "only a part of the host was scanned"));
        else if (slice_eq_str(why, "gaps"))
            (void)buf_addf(
                out, TN(lang, "%lld place not fully examined", "%lld places not fully examined", n),
                (long long)n);
        else if (slice_eq_str(why, "old_profile"))
            (void)buf_add_str(out, T(lang, "scanned with an older profile; scan it again"));
        else
            (void)buf_add_str(out, T(lang, "found there before, and not any more"));
    }
    return buf_status(out);
}
