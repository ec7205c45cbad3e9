/* The survey's kinds of event: what may be said, what follows in the views, how it is told. See
 * survey.h. */
#include "board/case/survey.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/asset.h"
#include "board/case/body.h"
#include "board/case/findings_int.h"
#include "board/case/incident.h"
#include "board/case/source.h"

#include <inttypes.h>
#include <sodium.h>

#define SAID_AHEAD_MS                                                   \
    (INT64_C(86400000)) /* clocks and time zones differ; more is a slip \
                         */

/* --- checks */

/* lines: whether it may have several. */
static enum status check_text(const char *text, size_t max, bool lines, struct err *e)
{
    struct slice s = slice_str(text);
    if (s.n > max)
        return err_set(e, ST_LIMIT, N_("the text is longer than %zu bytes"), max);
    if (!utf8_valid(s, NULL))
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    for (size_t i = 0; i < s.n; i++) {
        bool fine = s.p[i] >= 0x20 && s.p[i] != 0x7f;
        if (!fine && !(lines && (s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t')))
            return err_set(e, ST_INVALID, N_("the text holds a control character"));
    }
    return OK;
}

static enum status check_link(const char *link, struct err *e)
{
    struct slice s = slice_str(link);
    if (s.n == 0)
        return OK;
    if (!slice_starts(s, SLICE_LIT("https://")) && !slice_starts(s, SLICE_LIT("http://")))
        return err_set(e, ST_INVALID, N_("a link begins with https:// or http://"));
    if (slice_index(s, ' ') != s.n)
        return err_set(e, ST_INVALID, N_("a link has no spaces in it"));
    return check_text(link, LIMIT_SURVEY_LINK_BYTES, false, e);
}

/* The row in the subject: of this incident, and theirs where the actor is an owner. */
static enum status check_row(struct db *db, const struct event *ev, struct err *e)
{
    int64_t asset = 0, here = 0;
    enum status s = body_subject_id(ev, "asset:", &asset, e);
    if (s == OK)
        s = asset_visible(db, &ev->actor, asset, e);
    if (s == OK)
        s = db_get_int(db, &here, e,
                       "SELECT COUNT(*) FROM asset WHERE id = $1 AND incident_id = $2", "ii", asset,
                       ev->incident);
    if (s == OK && !here)
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    return s;
}

/* Question and CVE as the profile has them; with `answers` also option and detail. */
static enum status check_question(const struct profile *p, const json_t *body, bool answers,
                                  struct err *e)
{
    const char *cve = body_text(body, "cve"), *detail = body_text(body, "detail");
    const struct profile_question *q = profile_question(p, body_text(body, "question"));
    if (!q)
        return err_set(e, ST_INVALID, N_("the profile does not ask “%s”"),
                       body_text(body, "question"));
    if (q->per_cve && !profile_cve(p, cve))
        return err_set(e, ST_INVALID, N_("say which CVE; the profile has no “%s”"), cve);
    if (!q->per_cve && *cve)
        return err_set(e, ST_INVALID, N_("this question is not asked for single CVEs"));
    if (!answers)
        return OK;
    const struct profile_option *o = profile_option(q, body_text(body, "option"));
    if (!o)
        return err_set(e, ST_INVALID, N_("choose one of the answers; “%s” is none"),
                       body_text(body, "option"));
    if (!o->version && *detail)
        return err_set(e, ST_INVALID, N_("this answer has no version beside it"));
    return check_text(detail, LIMIT_SURVEY_DETAIL_BYTES, false, e);
}

static enum status check_profile(struct db *db, const struct event *ev, bool answers, struct err *e)
{
    struct profile *p = NULL;
    enum status s = incident_profile(db, ev->incident, &p, e);
    if (s == OK)
        s = check_question(p, ev->body, answers, e);
    profile_free(p);
    return s;
}

/* The attached file is there, and is the one that the event speaks of. */
static enum status check_file(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *file = json_object_get(ev->body, "file");
    struct db_rows *rows = NULL;
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hex[65] = "";
    if (!file)
        return OK;
    enum status s =
        db_query(db, &rows, e,
                 "SELECT content, name, size FROM attachment WHERE id = $1 AND incident_id = $2",
                 "ii", body_int(file, "id"), ev->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        struct slice content = db_bytes(rows, 0);
        bool as_said = strcmp(db_text(rows, 1), body_text(file, "name")) == 0 &&
                       db_int(rows, 2) == body_int(file, "size");
        crypto_hash_sha256(sum, content.p, content.n);
        if (as_said)
            sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    }
    db_rows_done(rows);
    if (s == ST_END || (s == OK && strcmp(hex, body_text(file, "sha256")) != 0))
        s = err_set(e, ST_MALFORMED, "attachment %" PRId64 " is not the file that was attached",
                    body_int(file, "id"));
    return s;
}

static enum status check_stated(struct db *db, const struct event *ev, struct err *e)
{
    enum status s = check_row(db, ev, e);
    if (s == OK)
        s = check_profile(db, ev, true, e);
    if (s == OK)
        s = check_text(body_text(ev->body, "text"), LIMIT_SURVEY_TEXT_BYTES, true, e);
    if (s == OK)
        s = check_link(body_text(ev->body, "link"), e);
    if (s == OK)
        s = check_text(body_text(json_object_get(ev->body, "file"), "name"),
                       LIMIT_SURVEY_DETAIL_BYTES, false, e);
    int64_t said = body_int(ev->body, "said_ms");
    if (s == OK && (said < 0 || said > ev->at_ms + SAID_AHEAD_MS))
        s = err_set(e, ST_INVALID, N_("it cannot have been said in the future"));
    return s == OK ? check_file(db, ev, e) : s;
}

static enum status check_decision(struct db *db, const struct event *ev, struct err *e)
{
    const char *reason = body_text(ev->body, "reason");
    enum status s = check_row(db, ev, e);
    if (s == OK)
        s = check_profile(db, ev, strcmp(ev->kind, "answer.decided") == 0, e);
    if (s == OK && slice_trim(slice_str(reason)).n == 0)
        s = err_set(e, ST_INVALID, N_("a decision needs a reason"));
    return s == OK ? check_text(reason, LIMIT_SURVEY_TEXT_BYTES, true, e) : s;
}

static enum status check_undecided(struct db *db, const struct event *ev, struct err *e)
{
    int64_t asset = 0, decided = 0;
    enum status s = check_decision(db, ev, e);
    if (s == OK)
        s = body_subject_id(ev, "asset:", &asset, e);
    if (s == OK)
        s = db_get_int(db, &decided, e,
                       "SELECT COUNT(*) FROM answer WHERE asset_id = $1 AND question = $2 "
                       "AND cve = $3 AND rule = 'decided'",
                       "iss", asset, body_text(ev->body, "question"), body_text(ev->body, "cve"));
    if (s == OK && !decided)
        s = err_set(e, ST_CONFLICT, N_("nobody has decided this answer"));
    return s;
}

/* Whose row it is comes first: of others' rows an owner learns not even who judged. */
static enum status check_proposal(struct db *db, const struct event *ev, int64_t id, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT asset_id, status, decided_by FROM evidence "
                             "WHERE id = $1 AND incident_id = $2",
                             "ii", id, ev->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK && ev->actor.role == ROLE_OWNER)
        s = asset_visible(db, &ev->actor, db_int(rows, 0), e);
    if (s == ST_END || s == ST_NOT_FOUND)
        s = err_set(e, ST_NOT_FOUND, N_("this proposal does not exist"));
    if (s == OK) {
        const char *status = db_text(rows, 1), *by = db_text(rows, 2);
        if (strcmp(status, "confirmed") == 0)
            s = err_set(e, ST_CONFLICT, N_("%s confirmed this meanwhile"), by);
        else if (strcmp(status, "refused") == 0)
            s = err_set(e, ST_CONFLICT, N_("%s refused this meanwhile"), by);
        else if (strcmp(status, "superseded") == 0)
            s = err_set(e, ST_CONFLICT, N_("a newer scan took the place of this proposal"));
        else if (strcmp(status, "proposed") != 0)
            s = err_set(e, ST_INVALID, N_("this is no proposal"));
    }
    db_rows_done(rows);
    return s;
}

static enum status check_judged(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *ids = json_object_get(ev->body, "evidence"), *id;
    const char *reason = body_text(ev->body, "reason");
    enum status s = check_text(reason, LIMIT_SURVEY_TEXT_BYTES, true, e);
    size_t i;
    if (s == OK && strcmp(ev->kind, "proposal.refused") == 0 &&
        slice_trim(slice_str(reason)).n == 0)
        s = err_set(e, ST_INVALID, N_("refusing needs a reason"));
    if (s == OK && json_array_size(ids) == 0)
        s = err_set(e, ST_INVALID, N_("no proposal is chosen"));
    json_array_foreach(ids, i, id)
    {
        if (s == OK)
            s = check_proposal(db, ev, json_integer_value(id), e);
    }
    return s;
}

/* --- views */

static enum status apply_stated(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *b = ev->body, *file = json_object_get(b, "file");
    int64_t asset = 0, id = 0, said = body_int(b, "said_ms");
    char key[SOURCE_KEY_SIZE];
    source_key_of_actor(&ev->actor, key);
    enum status s = body_subject_id(ev, "asset:", &asset, e);
    if (s == OK)
        s = check_file(db, ev, e); /* in a replay, too: a file is not part of the chain */
    if (s == OK)
        s = db_run(db, NULL, e,
                   "UPDATE evidence SET status = 'superseded' WHERE asset_id = $1 "
                   "AND question = $2 AND cve = $3 AND kind = 'person' AND source_key = $4 "
                   "AND status = 'stated'",
                   "isss", asset, body_text(b, "question"), body_text(b, "cve"), key);
    if (s == OK)
        s = log_next_id(db, "evidence", 1, &id, e);
    if (s == OK)
        s = db_run(
            db, NULL, e,
            "INSERT INTO evidence(id, incident_id, asset_id, question, cve, kind, option, "
            "detail, cves, source, source_key, quote, link, attachment_id, scan_id, partial, "
            "status, decided_by, decided_ms, said_ms, read_ms, event_id) "
            "VALUES ($1, $2, $3, $4, $5, 'person', $6, $7, '', $8, $9, $10, $11, $12, 0, 0, "
            "'stated', '', 0, $13, $14, $15)",
            "iiissssssssiiii", id, ev->incident, asset, body_text(b, "question"),
            body_text(b, "cve"), body_text(b, "option"), body_text(b, "detail"), ev->actor.name,
            key, body_text(b, "text"), body_text(b, "link"), body_int(file, "id"),
            said ? said : ev->at_ms, ev->at_ms, ev->id);
    if (s == OK && file)
        s = log_saw_id(db, "attachment", body_int(file, "id"), e);
    if (s == OK)
        s = asset_touched(db, ev, asset, e);
    return s == OK ? survey_derive(db, ev, &asset, 1, e) : s;
}

static enum status apply_decided(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *b = ev->body;
    int64_t asset = 0;
    enum status s = body_subject_id(ev, "asset:", &asset, e);
    if (s == OK)
        s = db_run(
            db, NULL, e,
            "INSERT INTO answer(asset_id, question, cve, option, detail, certainty, rule, "
            "decided_by, reason, disagree, since_ms) "
            "VALUES ($1, $2, $3, $4, $5, 'confirmed', 'decided', $6, $7, 0, $8) "
            "ON CONFLICT (asset_id, question, cve) DO UPDATE SET option = excluded.option, "
            "detail = excluded.detail, certainty = excluded.certainty, rule = excluded.rule, "
            "decided_by = excluded.decided_by, reason = excluded.reason, "
            "disagree = excluded.disagree, since_ms = excluded.since_ms",
            "issssssi", asset, body_text(b, "question"), body_text(b, "cve"),
            body_text(b, "option"), body_text(b, "detail"), ev->actor.name, body_text(b, "reason"),
            ev->at_ms);
    if (s == OK)
        s = asset_touched(db, ev, asset, e);
    return s == OK ? survey_derive(db, ev, &asset, 1, e) : s;
}

static enum status apply_undecided(struct db *db, const struct event *ev, struct err *e)
{
    int64_t asset = 0;
    enum status s = body_subject_id(ev, "asset:", &asset, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "DELETE FROM answer WHERE asset_id = $1 AND question = $2 AND cve = $3", "iss",
                   asset, body_text(ev->body, "question"), body_text(ev->body, "cve"));
    if (s == OK)
        s = asset_touched(db, ev, asset, e);
    return s == OK ? survey_derive(db, ev, &asset, 1, e) : s;
}

/* A proposal's evidence counts from now on; what the same source said before does not any more. A
 * confirmed "none was found" speaks for all hosts of the row, so it takes the place of all scans
 * confirmed before; a finding on one host takes that of the host's own and of what was said of all.
 * "Open" for all of them takes that of hosts that the row no longer has, unless it is affected. */
static enum status confirm_one(struct db *db, const struct event *ev, const char *clean, int64_t id,
                               int64_t *ret_asset, struct err *e)
{
    struct db_rows *rows = NULL;
    char key[SOURCE_KEY_SIZE] = "", question[100] = "";
    bool all = false;
    enum status s = db_query(db, &rows, e,
                             "UPDATE evidence SET status = 'confirmed', decided_by = $2, "
                             "decided_ms = $3 WHERE id = $1 "
                             "RETURNING asset_id, question, option, source_key",
                             "isi", id, ev->actor.name, ev->at_ms);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        *ret_asset = db_int(rows, 0);
        (void)snprintf(question, sizeof question, "%s", db_text(rows, 1));
        (void)snprintf(key, sizeof key, "%s", db_text(rows, 3));
        all = strcmp(key, SOURCE_ALL_HOSTS) == 0 && strcmp(db_text(rows, 2), clean) == 0;
        s = db_next(rows, e); /* runs the statement to its end */
        s = s == ST_END ? OK : s;
    } else if (s == ST_END) {
        s = err_set(e, ST_MALFORMED, "evidence %" PRId64 " is missing", id);
    }
    db_rows_done(rows);
    if (s != OK)
        return s;
    return db_run(db, NULL, e,
                  "UPDATE evidence SET status = 'superseded' WHERE asset_id = $1 "
                  "AND question = $2 AND kind = 'scan' AND status = 'confirmed' AND id < $3 "
                  "AND (source_key = $4 OR source_key = '" SOURCE_ALL_HOSTS "' OR $5 = 1 "
                  "OR ($4 = '" SOURCE_ALL_HOSTS "' AND cves NOT LIKE '%\"affected\"%' "
                  "AND NOT EXISTS (SELECT 1 FROM asset_host h JOIN scan s "
                  "ON s.incident_id = h.incident_id AND " SAME_HOST
                  " WHERE h.asset_id = $1 AND 'host:' || s.host = evidence.source_key)))",
                  "isisi", *ret_asset, question, id, key, (int64_t)all);
}

static enum status refuse_one(struct db *db, const struct event *ev, int64_t id, int64_t *ret_asset,
                              struct err *e)
{
    enum status s =
        db_get_int(db, ret_asset, e, "SELECT asset_id FROM evidence WHERE id = $1", "i", id);
    if (s != OK)
        return s;
    return db_run(db, NULL, e,
                  "UPDATE evidence SET status = 'refused', decided_by = $2, decided_ms = $3 "
                  "WHERE id = $1",
                  "isi", id, ev->actor.name, ev->at_ms);
}

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum status apply_judged(struct db *db, const struct event *ev, struct err *e)
{
    const json_t *ids = json_object_get(ev->body, "evidence");
    size_t count = json_array_size(ids), n = 0;
    int64_t *assets = calloc(count + 1, 2 * sizeof *assets);
    struct profile *p = NULL;
    if (!assets)
        return err_set(e, ST_NOMEM, "out of memory");
    int64_t *order = assets + count; /* the ids ascending, whatever order they were chosen in */
    for (size_t i = 0; i < count; i++)
        order[i] = json_integer_value(json_array_get(ids, i));
    qsort(order, count, sizeof *order, by_id);
    enum status s = incident_profile(db, ev->incident, &p, e);
    const struct profile_question *q = s == OK ? profile_scan_question(p) : NULL;
    const char *clean = q ? q->options[q->scan_clean].id : "";
    bool confirmed = strcmp(ev->kind, "proposal.confirmed") == 0;
    for (size_t i = 0; s == OK && i < count; i++)
        s = confirmed ? confirm_one(db, ev, clean, order[i], &assets[i], e)
                      : refuse_one(db, ev, order[i], &assets[i], e);
    qsort(assets, count, sizeof *assets, by_id);
    for (size_t i = 0; s == OK && i < count; i++) {
        if (n > 0 && assets[n - 1] == assets[i])
            continue;
        assets[n++] = assets[i];
        s = asset_touched(db, ev, assets[n - 1], e);
    }
    if (s == OK)
        s = survey_derive(db, ev, assets, n, e);
    profile_free(p);
    free(assets);
    return s;
}

/* --- sentences */

/* "Yes, 2.14.1": the answer as people read it. */
static void add_answer(const json_t *b, enum lang lang, struct buf *out)
{
    const char *detail = body_text(b, "detail");
    (void)buf_add_str(out, body_label(b, "says", lang));
    if (*detail)
        (void)buf_addf(out, " %s", detail);
}

static enum status say_stated(const struct event *ev, enum lang lang, struct buf *out)
{
    struct buf answer;
    buf_init(&answer, KIB(2));
    add_answer(ev->body, lang, &answer);
    (void)buf_addf(out, T(lang, "%s: “%s” answered “%s” by %s"), body_text(ev->body, "name"),
                   body_label(ev->body, "asks", lang), buf_text(&answer), ev->actor.name);
    if (*body_text(ev->body, "cve"))
        (void)buf_addf(out, T(lang, " (%s)"), body_text(ev->body, "cve"));
    buf_done(&answer);
    return buf_status(out);
}

static enum status say_judged(const struct event *ev, enum lang lang, struct buf *out)
{
    bool confirmed = strcmp(ev->kind, "proposal.confirmed") == 0;
    int64_t n = (int64_t)json_array_size(json_object_get(ev->body, "evidence"));
    const char *name = body_text(ev->body, "name"), *reason = body_text(ev->body, "reason");
    if (n > 1)
        (void)buf_addf(out,
                       confirmed ? T(lang, "%lld proposals of scans confirmed by %s")
                                 : T(lang, "%lld proposals of scans refused by %s"),
                       (long long)n, ev->actor.name);
    else
        (void)buf_addf(out,
                       confirmed ? T(lang, "%s: proposal “%s” confirmed by %s")
                                 : T(lang, "%s: proposal “%s” refused by %s"),
                       name, body_label(ev->body, "says", lang), ev->actor.name);
    if (*reason)
        (void)buf_addf(out, T(lang, ": %s"), reason);
    return buf_status(out);
}

static enum status say_decided(const struct event *ev, enum lang lang, struct buf *out)
{
    struct buf answer;
    buf_init(&answer, KIB(2));
    add_answer(ev->body, lang, &answer);
    (void)buf_addf(out, T(lang, "%s: “%s” decided as “%s” by %s"), body_text(ev->body, "name"),
                   body_label(ev->body, "asks", lang), buf_text(&answer), ev->actor.name);
    if (*body_text(ev->body, "cve"))
        (void)buf_addf(out, T(lang, " (%s)"), body_text(ev->body, "cve"));
    (void)buf_addf(out, T(lang, ": %s"), body_text(ev->body, "reason"));
    buf_done(&answer);
    return buf_status(out);
}

static enum status say_undecided(const struct event *ev, enum lang lang, struct buf *out)
{
    (void)buf_addf(out, T(lang, "%s: decision on “%s” taken back by %s"),
                   body_text(ev->body, "name"), body_label(ev->body, "asks", lang), ev->actor.name);
    (void)buf_addf(out, T(lang, ": %s"), body_text(ev->body, "reason"));
    return buf_status(out);
}

const struct log_kind survey_kinds[] = {
    {"evidence.stated", ROLES_ANSWER, check_stated, apply_stated, say_stated, TIMELINE_MINOR},
    {"proposal.confirmed", ROLES_ANSWER, check_judged, apply_judged, say_judged, TIMELINE_MINOR},
    {"proposal.refused", ROLES_ANSWER, check_judged, apply_judged, say_judged, TIMELINE_MINOR},
    {"answer.decided", ROLES_WORK, check_decision, apply_decided, say_decided, TIMELINE_MINOR},
    {"answer.undecided", ROLES_WORK, check_undecided, apply_undecided, say_undecided,
     TIMELINE_MINOR},
    {0},
};
