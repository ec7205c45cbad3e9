/* Scans that are handed in: their rows, and their event. The proposals that follow are in
 * findings_propose.c. See findings.h. */
#include "board/case/findings.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/asset.h"
#include "board/case/body.h"
#include "board/case/findings_int.h"
#include "board/case/findings_read.h"
#include "board/case/incident.h"
#include "board/case/survey.h"

#include <inttypes.h>
#include <sodium.h>

/* --- digest of the rows: each text behind its length, so that no two lists of rows are alike */

static void hash_text(crypto_hash_sha256_state *h, const char *text)
{
    char len[24];
    int n = snprintf(len, sizeof len, "%zu:", strlen(text));
    crypto_hash_sha256_update(h, (const unsigned char *)len, (unsigned long long)n);
    crypto_hash_sha256_update(h, (const unsigned char *)text, strlen(text));
}

static void hash_texts(crypto_hash_sha256_state *h, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash_text(h, texts[i]);
}

static void hash_end(crypto_hash_sha256_state *h, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(h, sum);
    sodium_bin2hex(ret, 65, sum, sizeof sum);
}

/* --- receiving */

struct findings_in {
    struct db *db;
    struct actor actor;
    char actor_name[HOST_NAME_SIZE];
    int64_t incident, scan;
    char host[HOST_NAME_SIZE];
    struct findings_reader reader;
    struct findings_events events;
    struct db_batch *findings, *gaps;
    int64_t n, gap_count, affected;
    crypto_hash_sha256_state input, rows;
    json_t *summary;   /* the event's body, once the summary came */
    char *profile_id;  /* of the incident */
    bool open;         /* the savepoint is */
    enum status fault; /* sticks: nothing is taken behind it */
};

static enum status on_finding(void *ctx, const struct finding_line *f, struct err *e)
{
    struct findings_in *in = ctx;
    const char *worst = scan_state_code(f->worst);
    const char *const texts[] = {f->path, f->component, f->version, f->version_from,
                                 worst,   f->cves,      f->evidence};
    hash_texts(&in->rows, texts, ARRAY_LEN(texts));
    in->affected += f->worst == SCAN_AFFECTED;
    return db_batch_add(in->findings, e, in->scan, ++in->n, f->path, f->component, f->version,
                        f->version_from, worst, f->cves, f->evidence);
}

static enum status on_gap(void *ctx, const char *path, const char *reason, struct err *e)
{
    struct findings_in *in = ctx;
    const char *const texts[] = {path, reason};
    enum status s = OK;
    if (!in->gaps)
        s = db_batch_begin(in->db, "scan_gap(scan_id, n, path, reason)", "iiss", &in->gaps, e);
    hash_texts(&in->rows, texts, ARRAY_LEN(texts));
    return s == OK ? db_batch_add(in->gaps, e, in->scan, ++in->gap_count, path, reason) : s;
}

static enum status on_summary(void *ctx, const struct scan_summary *sum, struct err *e)
{
    struct findings_in *in = ctx;
    if (strcmp(sum->profile, in->profile_id) != 0)
        return err_set(e, ST_INVALID,
                       N_("the scan was made with profile %s; this incident is of %s"),
                       sum->profile, in->profile_id);
    in->summary = json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "host",
        in->host, "said_host", sum->host, "started_ms", (json_int_t)sum->started_ms, "ended_ms",
        (json_int_t)sum->ended_ms, "tool", sum->tool, "profile", sum->profile, "profile_revision",
        (json_int_t)sum->profile_revision, "paths", sum->paths, "whole_host", (int)sum->whole_host,
        "files", (json_int_t)sum->files, "archives", (json_int_t)sum->archives, "bytes",
        (json_int_t)sum->bytes, "findings", (json_int_t)in->n, "affected", (json_int_t)in->affected,
        "incomplete", (json_int_t)sum->incomplete, "gaps", (json_int_t)in->gap_count);
    return in->summary ? OK : err_set(e, ST_NOMEM, "out of memory");
}

static enum status open_incident(struct findings_in *in, struct err *e)
{
    struct profile *p = NULL;
    int64_t open = 0;
    enum status s = incident_profile(in->db, in->incident, &p, e);
    if (s == OK) {
        in->profile_id = strdup(p->id);
        if (!in->profile_id)
            s = err_set(e, ST_NOMEM, "out of memory");
    }
    profile_free(p);
    if (s == OK)
        s = db_get_int(in->db, &open, e,
                       "SELECT COUNT(*) FROM incident WHERE id = $1 AND closed_ms IS NULL", "i",
                       in->incident);
    if (s == OK && !open)
        s = err_set(e, ST_CONFLICT, N_("the incident is closed"));
    return s;
}

/* A host hands in for itself only. */
static enum status own_host(struct db *db, const struct actor *actor, const char *host,
                            struct err *e)
{
    int64_t usable = 0;
    if (actor->kind != ACTOR_HOST)
        return OK;
    enum status s = db_get_int(
        db, &usable, e, "SELECT COUNT(*) FROM host WHERE id = $1 AND name = $2 AND disabled = 0",
        "is", actor->id, host);
    if (s == OK && !usable)
        s = err_set(e, ST_DENIED, N_("a host hands in its own scans only; this token is not of %s"),
                    host);
    return s;
}

enum status findings_begin(struct db *db, const struct actor *actor, int64_t incident,
                           const char *host, struct findings_in **ret, struct err *e)
{
    struct findings_in *in = calloc(1, sizeof *in);
    if (!in)
        return err_set(e, ST_NOMEM, "out of memory");
    in->db = db;
    in->incident = incident;
    in->actor = *actor;
    (void)snprintf(in->actor_name, sizeof in->actor_name, "%s", actor->name);
    in->actor.name = in->actor_name;
    in->events = (struct findings_events){in, on_finding, on_gap, on_summary};
    findings_reader_init(&in->reader, &in->events);
    crypto_hash_sha256_init(&in->input);
    crypto_hash_sha256_init(&in->rows);
    enum status s = db_in_transaction(db) ? OK : err_set(e, ST_INVALID, "outside a transaction");
    if (s == OK)
        s = host_name_tidy(host, in->host, e);
    if (s == OK) /* here already: what is known is answered without an event */
        s = own_host(db, actor, in->host, e);
    if (s == OK)
        s = open_incident(in, e);
    if (s == OK)
        s = db_run(db, NULL, e, "SAVEPOINT findings_in", "");
    in->open = s == OK;
    if (s == OK)
        s = log_next_id(db, "scan", 1, &in->scan, e);
    if (s == OK)
        s = db_batch_begin(db,
                           "finding(scan_id, n, path, component, version, version_from, worst, "
                           "cves, evidence)",
                           "iisssssss", &in->findings, e);
    if (s != OK) {
        findings_abort(in);
        return s;
    }
    *ret = in;
    return OK;
}

enum status findings_add(struct findings_in *in, struct slice piece, struct err *e)
{
    if (in->fault != OK)
        return in->fault;
    if (piece.n)
        crypto_hash_sha256_update(&in->input, piece.p, piece.n);
    in->fault = findings_reader_add(&in->reader, piece, e);
    return in->fault;
}

static void free_in(struct findings_in *in)
{
    db_batch_abort(in->findings);
    db_batch_abort(in->gaps);
    findings_reader_done(&in->reader);
    json_decref(in->summary);
    free(in->profile_id);
    free(in);
}

void findings_abort(struct findings_in *in)
{
    if (!in)
        return;
    db_batch_abort(in->findings);
    db_batch_abort(in->gaps);
    in->findings = in->gaps = NULL;
    if (in->open) { /* a broken connection takes its transaction with it */
        (void)!db_run(in->db, NULL, NULL, "ROLLBACK TO SAVEPOINT findings_in", "");
        (void)!db_run(in->db, NULL, NULL, "RELEASE SAVEPOINT findings_in", "");
    }
    free_in(in);
}

static enum status end_batch(struct db_batch **batch, struct err *e)
{
    struct db_batch *b = *batch;
    *batch = NULL;
    return b ? db_batch_end(b, e) : OK;
}

static enum status append(struct findings_in *in, const char *digest, struct err *e)
{
    char subject[40], rows[65];
    hash_end(&in->rows, rows);
    (void)snprintf(subject, sizeof subject, "scan:%" PRId64, in->scan);
    if (json_object_set_new(in->summary, "sha256", json_string(digest)) ||
        json_object_set_new(in->summary, "rows_sha256", json_string(rows)))
        return err_set(e, ST_NOMEM, "out of memory");
    return log_append(in->db, &in->actor, in->incident, "findings.received", subject, in->summary,
                      NULL, e);
}

/* The scan that these bytes of this host were handed in as before; 0: none. */
static enum status find_known(struct findings_in *in, const char *digest, int64_t *ret,
                              struct err *e)
{
    enum status s = db_get_int(
        in->db, ret, e, "SELECT id FROM scan WHERE incident_id = $1 AND host = $2 AND sha256 = $3",
        "iss", in->incident, in->host, digest);
    if (s == ST_NOT_FOUND)
        *ret = 0;
    return s == ST_NOT_FOUND ? OK : s;
}

enum status findings_end(struct findings_in *in, int64_t *ret_scan, bool *ret_known, struct err *e)
{
    char digest[65];
    int64_t known = 0;
    enum status s = in->fault;
    if (s == OK)
        s = findings_reader_end(&in->reader, e);
    hash_end(&in->input, digest);
    if (s == OK)
        s = end_batch(&in->findings, e);
    if (s == OK)
        s = end_batch(&in->gaps, e);
    if (s == OK)
        s = find_known(in, digest, &known, e);
    if (s == OK && known) {
        *ret_scan = known;
        *ret_known = true;
        findings_abort(in);
        return OK;
    }
    if (s == OK)
        s = append(in, digest, e);
    if (s == OK)
        s = db_run(in->db, NULL, e, "RELEASE SAVEPOINT findings_in", "");
    if (s != OK) {
        findings_abort(in);
        return s;
    }
    *ret_scan = in->scan;
    *ret_known = false;
    free_in(in);
    return OK;
}

/* --- the event */

static enum status check_received(struct db *db, const struct event *ev, struct err *e)
{
    return own_host(db, &ev->actor, body_text(ev->body, "host"), e);
}

/* What the findings come to. */
struct sums {
    struct db *db;
    const struct profile *profile;
    uint64_t components; /* that the question is about */
    crypto_hash_sha256_state rows;
    int64_t found;
    enum scan_state worst[64]; /* per CVE of the profile */
    char seen[64][65];         /* digests of CVE texts that were added up already */
    size_t seen_count;
    struct buf versions;
    struct {
        enum scan_state worst;
        char line[400];
    } places[SCAN_PLACES];
    size_t place_count;
};

static bool is_asked_component(const struct sums *sum, const char *artifact)
{
    for (size_t i = 0; i < sum->profile->component_count; i++) {
        if (sum->components >> i & 1 && strcmp(sum->profile->components[i].artifact, artifact) == 0)
            return true;
    }
    return false;
}

/* Most findings of a host say the same of the CVEs: each text is parsed once. */
static enum status add_cves(struct sums *sum, const char *text, struct err *e)
{
    crypto_hash_sha256_state h;
    char digest[65];
    crypto_hash_sha256_init(&h);
    hash_text(&h, text);
    hash_end(&h, digest);
    for (size_t i = 0; i < sum->seen_count; i++) {
        if (strcmp(sum->seen[i], digest) == 0)
            return OK;
    }
    json_t *cves = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(cves)) {
        json_decref(cves);
        return err_set(e, ST_MALFORMED, "the CVE states of a finding are no JSON object");
    }
    for (size_t i = 0; i < sum->profile->cve_count; i++) {
        enum scan_state s =
            scan_state_of_code(json_string_value(json_object_get(cves, sum->profile->cves[i].id)));
        if (s < sum->worst[i])
            sum->worst[i] = s;
    }
    json_decref(cves);
    if (sum->seen_count < ARRAY_LEN(sum->seen))
        memcpy(sum->seen[sum->seen_count++], digest, sizeof digest);
    return OK;
}

/* "2.14.1, 2.17.1", each once; a list that grows too long ends with "…". */
static void add_version(struct sums *sum, const char *version)
{
    struct slice rest = buf_slice(&sum->versions), v;
    if (!*version)
        return;
    while (slice_next_field(&rest, ',', &v)) {
        v = slice_trim(v);
        if (slice_eq_str(v, version) || slice_eq_str(v, "…"))
            return;
    }
    bool more = sum->versions.n + strlen(version) > SCAN_VERSIONS_BYTES;
    (void)buf_addf(&sum->versions, "%s%s", sum->versions.n ? ", " : "", more ? "…" : version);
}

/* Keeps the worst few, the earlier first among equals. */
static void add_place(struct sums *sum, enum scan_state worst, const char *path,
                      const char *component, const char *version)
{
    size_t at = sum->place_count;
    while (at > 0 && sum->places[at - 1].worst > worst)
        at--;
    if (at == SCAN_PLACES)
        return;
    if (sum->place_count < SCAN_PLACES)
        sum->place_count++;
    memmove(&sum->places[at + 1], &sum->places[at],
            (sum->place_count - at - 1) * sizeof sum->places[0]);
    struct slice p = slice_str(path);
    size_t cut = p.n > 300 ? utf8_floor(p, 300) : p.n;
    sum->places[at].worst = worst;
    (void)snprintf(sum->places[at].line, sizeof sum->places[at].line, "%.*s%s  %.40s %.40s",
                   (int)cut, path, cut < p.n ? "…" : "", component, version);
}

static enum status read_findings(struct sums *sum, int64_t scan, int64_t *ret_n, struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t n = 0;
    enum status s = OK;
    for (bool more = true; s == OK && more;) { /* in pages: PostgreSQL gives all rows at once */
        int64_t from = n;
        s = db_query(sum->db, &rows, e,
                     "SELECT n, path, component, version, version_from, worst, cves, evidence "
                     "FROM finding WHERE scan_id = $1 AND n > $2 ORDER BY n LIMIT 5000",
                     "ii", scan, from);
        while (s == OK && (s = db_next(rows, e)) == OK) {
            const char *const texts[] = {db_text(rows, 1), db_text(rows, 2), db_text(rows, 3),
                                         db_text(rows, 4), db_text(rows, 5), db_text(rows, 6),
                                         db_text(rows, 7)};
            enum scan_state worst = scan_state_of_code(texts[4]);
            hash_texts(&sum->rows, texts, ARRAY_LEN(texts));
            n++;
            if (db_int(rows, 0) != n)
                s = err_set(e, ST_MALFORMED, "finding %" PRId64 " is missing", n);
            else
                s = add_cves(sum, texts[5], e);
            if (s == OK && is_asked_component(sum, texts[1])) {
                sum->found++;
                add_version(sum, texts[2]);
            }
            if (worst <= SCAN_MITIGATED)
                add_place(sum, worst, texts[0], texts[1], texts[2]);
        }
        db_rows_done(rows);
        rows = NULL;
        s = s == ST_END ? OK : s;
        more = n > from;
    }
    *ret_n = n;
    return s;
}

static enum status read_gaps(struct sums *sum, int64_t scan, int64_t *ret_n, struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t n = 0;
    enum status s =
        db_query(sum->db, &rows, e,
                 "SELECT path, reason FROM scan_gap WHERE scan_id = $1 ORDER BY n", "i", scan);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        const char *const texts[] = {db_text(rows, 0), db_text(rows, 1)};
        hash_texts(&sum->rows, texts, ARRAY_LEN(texts));
        n++;
    }
    db_rows_done(rows);
    *ret_n = n;
    return s == ST_END ? OK : s;
}

/* Adds the scan's rows up, and makes sure that they are the ones that were handed in. */
static enum status add_up(struct sums *sum, int64_t scan, const struct event *ev, struct err *e)
{
    char digest[65];
    int64_t findings = 0, gaps = 0;
    crypto_hash_sha256_init(&sum->rows);
    for (size_t i = 0; i < ARRAY_LEN(sum->worst); i++)
        sum->worst[i] = SCAN_STATE_COUNT;
    enum status s = read_findings(sum, scan, &findings, e);
    if (s == OK)
        s = read_gaps(sum, scan, &gaps, e);
    hash_end(&sum->rows, digest);
    if (s == OK &&
        (findings != body_int(ev->body, "findings") || gaps != body_int(ev->body, "gaps") ||
         strcmp(digest, body_text(ev->body, "rows_sha256")) != 0))
        s = err_set(e, ST_MALFORMED, "the findings of scan %" PRId64 " are not those handed in",
                    scan);
    return s;
}

/* {id: worst state} in the order of the profile, and the places as lines. */
static enum status sums_to_text(const struct sums *sum, struct buf *cves, struct buf *places,
                                struct err *e)
{
    (void)buf_add_char(cves, '{');
    for (size_t i = 0; i < sum->profile->cve_count; i++) {
        if (sum->worst[i] < SCAN_STATE_COUNT) /* ids and states are words: nothing to escape */
            (void)buf_addf(cves, "%s\"%s\":\"%s\"", cves->n > 1 ? "," : "",
                           sum->profile->cves[i].id, scan_state_code(sum->worst[i]));
    }
    (void)buf_add_char(cves, '}');
    for (size_t i = 0; i < sum->place_count; i++)
        (void)buf_addf(places, "%s%s", i ? "\n" : "", sum->places[i].line);
    enum status s = buf_status(cves) != OK     ? buf_status(cves)
                    : buf_status(places) != OK ? buf_status(places)
                                               : buf_status(&sum->versions);
    return s == OK ? OK : err_set(e, s, "not enough memory for the sums of a scan");
}

/* The newest scan of a host is the one that ended last by its own clock, but never later than when
 * it came: a clock that is ahead does not hold back the scans after it. */
#define NEWNESS "CASE WHEN ended_ms < received_ms THEN ended_ms ELSE received_ms END"

static enum status store_scan(struct db *db, const struct event *ev, int64_t scan,
                              const struct sums *sum, const char *cves, const char *places,
                              int64_t *ret_latest, struct err *e)
{
    const json_t *b = ev->body;
    const char *host = body_text(b, "host");
    char name[HOST_NAME_SIZE];
    int64_t newer = 0, ended = body_int(b, "ended_ms");
    host_name_short(host, name);
    enum status s = db_get_int(db, &newer, e,
                               "SELECT COUNT(*) FROM scan WHERE incident_id = $1 AND host = $2 "
                               "AND latest = 1 AND " NEWNESS " > $3",
                               "isi", ev->incident, host, ended);
    *ret_latest = !newer;
    if (s == OK && !newer)
        s = db_run(db, NULL, e,
                   "UPDATE scan SET latest = 0 WHERE incident_id = $1 AND host = $2 AND latest = 1",
                   "is", ev->incident, host);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO scan(id, incident_id, host, short, started_ms, ended_ms, "
                   "received_ms, tool, profile, profile_revision, paths, whole_host, files, "
                   "archives, bytes, findings, affected, incomplete, sha256, latest, found, "
                   "versions, cves, places) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                   "$12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
                   "iissiiissisiiiiiiisiisss", scan, ev->incident, host, name,
                   body_int(b, "started_ms"), ended, ev->at_ms, body_text(b, "tool"),
                   body_text(b, "profile"), body_int(b, "profile_revision"), body_text(b, "paths"),
                   (int64_t)body_true(b, "whole_host"), body_int(b, "files"),
                   body_int(b, "archives"), body_int(b, "bytes"), body_int(b, "findings"),
                   body_int(b, "affected"), body_int(b, "incomplete"), body_text(b, "sha256"),
                   *ret_latest, sum->found, buf_text(&sum->versions), cves, places);
    return s == OK ? log_saw_id(db, "scan", scan, e) : s;
}

static enum status apply_received(struct db *db, const struct event *ev, struct err *e)
{
    struct profile *p = NULL;
    struct buf cves, places;
    int64_t scan = 0, latest = 0;
    struct sums *sum = calloc(1, sizeof *sum);
    if (!sum)
        return err_set(e, ST_NOMEM, "out of memory");
    buf_init(&cves, KIB(16));
    buf_init(&places, KIB(16));
    buf_init(&sum->versions, KIB(4));
    enum status s = body_subject_id(ev, "scan:", &scan, e);
    if (s == OK)
        s = incident_profile(db, ev->incident, &p, e);
    if (s == OK) {
        const struct profile_question *q = profile_scan_question(p);
        sum->db = db;
        sum->profile = p;
        sum->components = q ? q->options[q->scan_found].components : 0;
        s = add_up(sum, scan, ev, e);
    }
    if (s == OK)
        s = sums_to_text(sum, &cves, &places, e);
    if (s == OK)
        s = store_scan(db, ev, scan, sum, buf_text(&cves), buf_text(&places), &latest, e);
    if (s == OK && latest)
        s = findings_propose_host(db, ev, p, body_text(ev->body, "host"), e);
    buf_done(&cves);
    buf_done(&places);
    buf_done(&sum->versions);
    free(sum);
    profile_free(p);
    return s;
}

static enum status say_received(const struct event *ev, enum lang lang, struct buf *out)
{
    int64_t gaps = body_int(ev->body, "incomplete");
    (void)buf_addf(out,
                   TN(lang, "Scan of %s: %lld finding, %lld of them affected",
                      "Scan of %s: %lld findings, %lld of them affected",
                      body_int(ev->body, "findings")),
                   body_text(ev->body, "host"), (long long)body_int(ev->body, "findings"),
                   (long long)body_int(ev->body, "affected"));
    if (gaps)
        (void)buf_addf(
            out,
            TN(lang, "; %lld place not fully examined", "; %lld places not fully examined", gaps),
            (long long)gaps);
    return buf_status(out);
}

const struct log_kind findings_kinds[] = {
    {"findings.received", ROLES_WORK | ROLE_HOST, check_received, apply_received, say_received,
     TIMELINE_MINOR},
    {0},
};
