/* Reading the survey. See survey_read.h. */
#include "board/case/survey_read.h"

#include "base/limits.h"
#include "board/case/asset.h"

#define ANSWERS_MAX 1000 /* questions x CVEs of a profile; ours has some ten */

static enum status nomem(struct err *e)
{
    return err_set(e, ST_NOMEM, "out of memory");
}

/* Copies texts of the row, from column `first` on. */
static enum status take_texts(const struct db_rows *rows, int first, struct arena *a,
                              struct slice *const *texts, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (arena_copy(a, slice_str(db_text(rows, first + (int)i)), texts[i]) != OK)
            return nomem(e);
    }
    return OK;
}

/* --- evidence */

#define EVIDENCE                                                                                  \
    "SELECT v.id, v.asset_id, v.attachment_id, COALESCE(t.size, 0), v.scan_id, v.partial, "       \
    "v.decided_ms, v.said_ms, v.read_ms, a.name, v.question, v.cve, v.kind, v.option, v.detail, " \
    "v.cves, v.source, v.quote, v.link, COALESCE(t.name, ''), v.status, v.decided_by, "           \
    "v.source_key "                                                                               \
    "FROM evidence v JOIN asset a ON a.id = v.asset_id "                                          \
    "LEFT JOIN attachment t ON t.id = v.attachment_id "

static enum status evidence_of_row(const struct db_rows *rows, struct arena *a,
                                   struct survey_evidence *v, struct err *e)
{
    int64_t *const numbers[] = {&v->id,     &v->asset,   &v->attachment, &v->attachment_size,
                                &v->scan,   &v->partial, &v->decided_ms, &v->said_ms,
                                &v->read_ms};
    struct slice *const texts[] = {
        &v->asset_name,      &v->question, &v->cve,        &v->kind,      &v->option,
        &v->detail,          &v->cves,     &v->source,     &v->quote,     &v->link,
        &v->attachment_name, &v->status,   &v->decided_by, &v->source_key};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = db_int(rows, (int)i);
    return take_texts(rows, (int)ARRAY_LEN(numbers), a, texts, ARRAY_LEN(texts), e);
}

/* Takes rows and frees them. */
static enum status take_evidence(struct db_rows *rows, size_t limit, struct arena *a,
                                 struct survey_evidence **ret, size_t *ret_count, struct err *e)
{
    size_t n = 0;
    enum status s = OK;
    struct survey_evidence *list = arena_alloc_array(a, limit + 1, sizeof *list);
    if (!list) {
        db_rows_done(rows);
        return nomem(e);
    }
    while (s == OK && n < limit && (s = db_next(rows, e)) == OK)
        s = evidence_of_row(rows, a, &list[n++], e);
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum status survey_evidence_of(struct db *db, int64_t asset, int64_t before_id, size_t limit,
                               struct arena *a, struct survey_evidence **ret, size_t *ret_count,
                               struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(
        db, &rows, e, EVIDENCE "WHERE v.asset_id = $1 AND v.id < $2 ORDER BY v.id DESC LIMIT $3",
        "iii", asset, before_id, (int64_t)limit);
    return s == OK ? take_evidence(rows, limit, a, ret, ret_count, e) : s;
}

enum status survey_evidence_one(struct db *db, int64_t id, struct arena *a,
                                struct survey_evidence *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    struct survey_evidence *list = NULL;
    size_t n = 0;
    enum status s = db_query(db, &rows, e, EVIDENCE "WHERE v.id = $1", "i", id);
    if (s == OK)
        s = take_evidence(rows, 1, a, &list, &n, e);
    if (s == OK && n == 0)
        s = err_set(e, ST_NOT_FOUND, N_("this evidence does not exist"));
    if (s == OK)
        *ret = list[0];
    return s;
}

enum status survey_proposals(struct db *db, const struct actor *actor, int64_t incident,
                             int64_t after_id, size_t limit, struct arena *a,
                             struct survey_evidence **ret, size_t *ret_count, struct err *e)
{
    struct db_rows *rows = NULL;
    struct buf mail;
    bool owner = actor->role == ROLE_OWNER;
    enum status s = OK;
    buf_init(&mail, KIB(1));
    if (owner)
        s = asset_owner_mail(db, actor, &mail, e);
    if (s == OK)
        s = db_query(db, &rows, e,
                     EVIDENCE "WHERE v.incident_id = $1 AND v.status = 'proposed' AND v.id > $2 "
                              "AND ($3 = 0 OR (a.owner_mail = $4 AND a.owner_mail <> '') OR EXISTS "
                              "(SELECT 1 FROM asset_owner o WHERE o.asset_id = a.id AND "
                              "o.account_id = $5)) ORDER BY v.id LIMIT $6",
                     "iiitii", incident, after_id, (int64_t)owner, buf_slice(&mail), actor->id,
                     (int64_t)limit);
    buf_done(&mail);
    return s == OK ? take_evidence(rows, limit, a, ret, ret_count, e) : s;
}

/* --- what holds */

enum status survey_answers(struct db *db, int64_t asset, struct arena *a,
                           struct survey_answer **ret, size_t *ret_count, struct err *e)
{
    struct db_rows *rows = NULL;
    size_t n = 0;
    struct survey_answer *list = arena_alloc_array(a, ANSWERS_MAX, sizeof *list);
    if (!list)
        return nomem(e);
    enum status s = db_query(db, &rows, e,
                             "SELECT disagree, since_ms, question, cve, option, detail, certainty, "
                             "rule, decided_by, reason FROM answer WHERE asset_id = $1 "
                             "ORDER BY question, cve",
                             "i", asset);
    while (s == OK && n < ANSWERS_MAX && (s = db_next(rows, e)) == OK) {
        struct survey_answer *v = &list[n++];
        struct slice *const texts[] = {&v->question,  &v->cve,  &v->option,     &v->detail,
                                       &v->certainty, &v->rule, &v->decided_by, &v->reason};
        v->disagree = db_int(rows, 0);
        v->since_ms = db_int(rows, 1);
        s = take_texts(rows, 2, a, texts, ARRAY_LEN(texts), e);
    }
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    *ret = list;
    *ret_count = n;
    return OK;
}

enum status survey_cves(struct db *db, int64_t asset, struct arena *a, struct survey_cve **ret,
                        size_t *ret_count, struct err *e)
{
    struct db_rows *rows = NULL;
    size_t n = 0;
    struct survey_cve *list = arena_alloc_array(a, ANSWERS_MAX, sizeof *list);
    if (!list)
        return nomem(e);
    enum status s = db_query(db, &rows, e,
                             "SELECT disagree, cve, state, certainty FROM asset_cve "
                             "WHERE asset_id = $1 ORDER BY cve",
                             "i", asset);
    while (s == OK && n < ANSWERS_MAX && (s = db_next(rows, e)) == OK) {
        struct survey_cve *v = &list[n++];
        struct slice *const texts[] = {&v->cve, &v->state, &v->certainty};
        v->disagree = db_int(rows, 0);
        s = take_texts(rows, 1, a, texts, ARRAY_LEN(texts), e);
    }
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    *ret = list;
    *ret_count = n;
    return OK;
}

/* --- files */

/* Whether the actor may see one of the rows that it is attached to. */
static enum status may_see(struct db *db, const struct actor *actor, int64_t attachment,
                           struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t assets[64];
    size_t n = 0;
    enum status s = db_query(db, &rows, e,
                             "SELECT DISTINCT asset_id FROM evidence WHERE attachment_id = $1 "
                             "AND incident_id = (SELECT incident_id FROM attachment WHERE id = $1) "
                             "ORDER BY asset_id LIMIT 64",
                             "i", attachment);
    while (s == OK && n < ARRAY_LEN(assets) && (s = db_next(rows, e)) == OK)
        assets[n++] = db_int(rows, 0);
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    for (size_t i = 0; i < n; i++) {
        s = asset_visible(db, actor, assets[i], NULL);
        if (s != ST_NOT_FOUND)
            return s;
    }
    return err_set(e, ST_NOT_FOUND, N_("there is no such file"));
}

enum status survey_attachment(struct db *db, const struct actor *actor, int64_t attachment,
                              struct arena *a, struct survey_attachment *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    struct survey_attachment got = {0};
    enum status s = may_see(db, actor, attachment, e);
    if (s == OK)
        s = db_query(db, &rows, e, "SELECT name, content FROM attachment WHERE id = $1", "i",
                     attachment);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such file"));
    if (s == OK && (arena_copy(a, slice_str(db_text(rows, 0)), &got.name) != OK ||
                    arena_copy(a, db_bytes(rows, 1), &got.content) != OK))
        s = nomem(e);
    db_rows_done(rows);
    if (s == OK)
        *ret = got;
    return s;
}
