/* The survey's commands: they gather what an event says and append it. What may be said is checked
 * by the kinds (survey_kinds.c), so that nothing else can get into the record. See survey.h. */
#include "board/case/survey.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/case/body.h"
#include "board/case/incident.h"
#include "board/office/normalise.h"

#include <inttypes.h>
#include <sodium.h>

/* The row, as far as an event about it repeats it. */
struct about {
    int64_t incident;
    struct profile *profile;
    char name[400];
};

static enum status find_row(struct db *db, int64_t asset, struct about *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s =
        db_query(db, &rows, e, "SELECT incident_id, name FROM asset WHERE id = $1", "i", asset);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        struct slice name = slice_str(db_text(rows, 1));
        ret->incident = db_int(rows, 0);
        (void)snprintf(ret->name, sizeof ret->name, "%.*s",
                       (int)utf8_floor(name, sizeof ret->name - 1), (const char *)name.p);
    }
    db_rows_done(rows);
    if (s == ST_END)
        return err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    return s == OK ? incident_profile(db, ret->incident, &ret->profile, e) : s;
}

static json_t *both(const char *const text[2])
{
    return json_pack("{s:s, s:s}", "en", text[LANG_EN], "ja", text[LANG_JA]);
}

/* Adds the words in which the event is told: they stay as they are now, whatever becomes of them.
 */
static void add_words(json_t *body, const struct about *row, const char *question,
                      const char *option)
{
    const struct profile_question *q = profile_question(row->profile, question);
    const struct profile_option *o = q ? profile_option(q, option) : NULL;
    (void)json_object_set_new(body, "name", json_string(row->name));
    if (q)
        (void)json_object_set_new(body, "asks", both(q->text));
    if (o)
        (void)json_object_set_new(body, "says", both(o->label));
}

static enum status append(struct db *db, const struct actor *actor, int64_t incident,
                          const char *kind, const char *subject_of, int64_t id, json_t *body,
                          struct err *e)
{
    char subject[40];
    if (!body) /* json_pack takes UTF-8 only */
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    (void)snprintf(subject, sizeof subject, "%s:%" PRId64, subject_of, id);
    return log_append(db, actor, incident, kind, subject, body, NULL, e);
}

static void sha256_hex(struct slice s, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sum, s.p, s.n);
    sodium_bin2hex(ret, 65, sum, sizeof sum);
}

/* Stores the file, which is bulk: the event names it with its digest. */
static enum status attach(struct db *db, int64_t incident, const struct statement *st, json_t *body,
                          struct err *e)
{
    int64_t id = 0;
    char sum[65];
    if (st->file.content.n == 0)
        return OK;
    if (st->file.content.n > LIMIT_ATTACHMENT_BYTES)
        return err_set(e, ST_LIMIT, N_("the file is larger than %zu MB"),
                       LIMIT_ATTACHMENT_BYTES >> 20);
    sha256_hex(st->file.content, sum);
    enum status s = log_next_id(db, "attachment", 1, &id, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO attachment(id, incident_id, name, size, sha256, content) "
                   "VALUES ($1, $2, $3, $4, $5, $6)",
                   "iisisb", id, incident, st->file.name ? st->file.name : "",
                   (int64_t)st->file.content.n, sum, st->file.content);
    if (s != OK)
        return s;
    json_t *file = json_pack("{s:I, s:s, s:I, s:s}", "id", (json_int_t)id, "name",
                             st->file.name ? st->file.name : "", "size",
                             (json_int_t)st->file.content.n, "sha256", sum);
    if (!file || json_object_set_new(body, "file", file))
        return err_set(e, ST_INVALID, N_("the file's name is not UTF-8"));
    return OK;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* "２．１４．１ " is 2.14.1. */
static enum status tidy(const char *text, struct buf *out, struct err *e)
{
    enum status s = norm_text(slice_str(text), out);
    return s == OK ? OK : err_set(e, s, N_("the version is too long"));
}

enum status survey_state(struct db *db, const struct actor *actor, int64_t asset,
                         const struct statement *st, struct err *e)
{
    struct about row = {0};
    json_t *body = NULL;
    struct buf detail;
    buf_init(&detail, LIMIT_SURVEY_DETAIL_BYTES);
    enum status s = find_row(db, asset, &row, e);
    if (s == OK)
        s = tidy(or_empty(st->detail), &detail, e);
    if (s == OK) {
        body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "question", or_empty(st->question),
                         "cve", or_empty(st->cve), "option", or_empty(st->option), "detail",
                         buf_text(&detail), "text", or_empty(st->text), "link", or_empty(st->link),
                         "said_ms", (json_int_t)st->said_ms);
        if (!body)
            s = err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    }
    if (s == OK) {
        add_words(body, &row, or_empty(st->question), or_empty(st->option));
        s = attach(db, row.incident, st, body, e);
    }
    if (s == OK)
        s = append(db, actor, row.incident, "evidence.stated", "asset", asset, body, e);
    json_decref(body);
    buf_done(&detail);
    profile_free(row.profile);
    return s;
}

/* The words of the one proposal that is judged alone; of many their number is told. */
static enum status add_single(struct db *db, int64_t evidence, json_t *body, int64_t *ret_asset,
                              struct err *e)
{
    struct db_rows *rows = NULL;
    struct about row = {0};
    char question[100] = "", option[100] = "";
    enum status s =
        db_query(db, &rows, e, "SELECT asset_id, question, option FROM evidence WHERE id = $1", "i",
                 evidence);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        *ret_asset = db_int(rows, 0);
        (void)snprintf(question, sizeof question, "%s", db_text(rows, 1));
        (void)snprintf(option, sizeof option, "%s", db_text(rows, 2));
    }
    db_rows_done(rows);
    if (s == ST_END)
        return err_set(e, ST_NOT_FOUND, N_("this proposal does not exist"));
    if (s == OK)
        s = find_row(db, *ret_asset, &row, e);
    if (s == OK)
        add_words(body, &row, question, option);
    profile_free(row.profile);
    return s;
}

static enum status judge(struct db *db, const struct actor *actor, int64_t incident,
                         const char *kind, const int64_t *evidence, size_t count,
                         const char *reason, struct err *e)
{
    if (count == 0)
        return err_set(e, ST_INVALID, N_("no proposal is chosen"));
    if (count > LIMIT_SURVEY_BULK)
        return err_set(e, ST_LIMIT, N_("more than %d proposals at once"), LIMIT_SURVEY_BULK);
    json_t *ids = json_array();
    json_t *body = json_pack("{s:o?, s:s}", "evidence", ids, "reason", or_empty(reason));
    if (!body || !ids) {
        json_decref(body);
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    }
    enum status s = OK;
    int64_t asset = 0;
    for (size_t i = 0; s == OK && i < count; i++) {
        if (json_array_append_new(ids, json_integer(evidence[i])))
            s = err_set(e, ST_NOMEM, "out of memory");
    }
    if (s == OK && count == 1)
        s = add_single(db, evidence[0], body, &asset, e);
    if (s == OK)
        s = append(db, actor, incident, kind, count == 1 ? "asset" : "incident",
                   count == 1 ? asset : incident, body, e);
    json_decref(body);
    return s;
}

enum status survey_confirm(struct db *db, const struct actor *actor, int64_t incident,
                           const int64_t *evidence, size_t count, struct err *e)
{
    return judge(db, actor, incident, "proposal.confirmed", evidence, count, "", e);
}

enum status survey_refuse(struct db *db, const struct actor *actor, int64_t incident,
                          const int64_t *evidence, size_t count, const char *reason, struct err *e)
{
    return judge(db, actor, incident, "proposal.refused", evidence, count, reason, e);
}

/* What the answer was before: a decision shows what it replaced. */
static enum status add_before(struct db *db, int64_t asset, const char *question, const char *cve,
                              json_t *body, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT option, detail, rule, certainty FROM answer "
                             "WHERE asset_id = $1 AND question = $2 AND cve = $3",
                             "iss", asset, question, cve);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        json_t *before =
            json_pack("{s:s, s:s, s:s, s:s}", "option", db_text(rows, 0), "detail",
                      db_text(rows, 1), "rule", db_text(rows, 2), "certainty", db_text(rows, 3));
        if (!before || json_object_set_new(body, "before", before))
            s = err_set(e, ST_NOMEM, "out of memory");
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status decide(struct db *db, const struct actor *actor, const char *kind, int64_t asset,
                          json_t *body, struct err *e)
{
    struct about row = {0};
    if (!body)
        return err_set(e, ST_INVALID, N_("the text is not UTF-8"));
    enum status s = find_row(db, asset, &row, e);
    if (s == OK)
        s = add_before(db, asset, body_text(body, "question"), body_text(body, "cve"), body, e);
    if (s == OK) {
        add_words(body, &row, body_text(body, "question"), body_text(body, "option"));
        s = append(db, actor, row.incident, kind, "asset", asset, body, e);
    }
    json_decref(body);
    profile_free(row.profile);
    return s;
}

enum status survey_decide(struct db *db, const struct actor *actor, int64_t asset,
                          const char *question, const char *cve, const char *option,
                          const char *detail, const char *reason, struct err *e)
{
    struct buf version;
    buf_init(&version, LIMIT_SURVEY_DETAIL_BYTES);
    enum status s = tidy(or_empty(detail), &version, e);
    if (s == OK)
        s = decide(db, actor, "answer.decided", asset,
                   json_pack("{s:s, s:s, s:s, s:s, s:s}", "question", or_empty(question), "cve",
                             or_empty(cve), "option", or_empty(option), "detail",
                             buf_text(&version), "reason", or_empty(reason)),
                   e);
    buf_done(&version);
    return s;
}

enum status survey_undecide(struct db *db, const struct actor *actor, int64_t asset,
                            const char *question, const char *cve, const char *reason,
                            struct err *e)
{
    return decide(db, actor, "answer.undecided", asset,
                  json_pack("{s:s, s:s, s:s}", "question", or_empty(question), "cve", or_empty(cve),
                            "reason", or_empty(reason)),
                  e);
}
