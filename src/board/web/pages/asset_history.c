/* Events of a row as sentences, with what was there before and after. See asset.h. */
#include "base/limits.h"
#include "board/case/asset_values.h"
#include "board/case/body.h"
#include "board/log/hash.h"
#include "board/web/pages/asset.h"
#include "board/web/pages/incident_frame.h"

#define SENTENCE_BYTES KIB(8)
#define DIFFS_MAX (FIELD_COUNT + 4)

struct history {
    struct web_request *r;
    const struct profile *profile;
    struct slice question, cve; /* of one answer only, unless question is empty */
    int64_t asset;
    struct asset_event *events;
    size_t count, room;
};

/* --- before and after */

static struct slice value_word(const struct history *h, const char *field, const char *value)
{
    if (strcmp(field, "category") == 0 && *value)
        return words_category(words_category_of(slice_str(value)), h->r->lang);
    if (strcmp(field, "exposed") == 0 && *value)
        return words_exposed(asset_exposed_code(slice_str(value)), h->r->lang);
    return page_keep(h->r, value);
}

static void add_fields(const struct history *h, const json_t *before, const json_t *after,
                       struct asset_event *to)
{
    const char *key;
    json_t *value;
    json_object_foreach(body_rw(after), key, value)
    {
        enum ledger_field f = FIELD_LEAVE_OUT;
        const char *text = json_string_value(value);
        if (!text || to->diff_count == DIFFS_MAX || field_of_code(slice_str(key), &f) != OK)
            continue;
        to->diffs[to->diff_count++] = (struct asset_diff){
            words_field(f, h->r->lang), value_word(h, key, before ? body_text(before, key) : ""),
            value_word(h, key, text)};
    }
}

static struct slice option_words(const struct history *h, const json_t *body, const char *question)
{
    const struct profile_question *q = profile_question(h->profile, question);
    const struct profile_option *o = q ? profile_option(q, body_text(body, "option")) : NULL;
    struct slice word = survey_option_text(o, h->r->lang);
    char *text =
        arena_printf(h->r->arena, "%.*s%s%s", (int)word.n, word.n ? (const char *)word.p : "",
                     *body_text(body, "detail") ? " " : "", body_text(body, "detail"));
    return slice_str(text ? text : "");
}

static void add_answer(const struct history *h, const struct event *ev, struct asset_event *to)
{
    const char *question = body_text(ev->body, "question");
    const json_t *before = json_object_get(ev->body, "before");
    if (strcmp(ev->kind, "answer.decided") == 0)
        to->diffs[to->diff_count++] = (struct asset_diff){
            survey_question_text(profile_question(h->profile, question), h->r->lang),
            before ? option_words(h, before, question) : slice_str(""),
            option_words(h, ev->body, question)};
}

/* --- which events */

static bool has_evidence(const struct history *h, const json_t *ids, struct err *e, enum status *s)
{
    size_t i;
    json_t *id;
    json_array_foreach(body_rw(ids), i, id)
    {
        int64_t n = 0;
        *s = db_get_int(h->r->db, &n, e,
                        "SELECT COUNT(*) FROM evidence WHERE id = $1 AND asset_id = $2 AND "
                        "question = $3 AND cve = $4",
                        "iitt", (int64_t)json_integer_value(id), h->asset, h->question, h->cve);
        if (*s != OK || n)
            return *s == OK;
        if (i == 1000) /* a judgement of very many: told by the evidence itself */
            break;
    }
    return false;
}

static bool wanted(const struct history *h, const struct event *ev, struct err *e, enum status *s)
{
    if (!h->question.n)
        return true;
    if (slice_eq_str(h->question, body_text(ev->body, "question")))
        return slice_eq_str(h->cve, body_text(ev->body, "cve"));
    return strncmp(ev->kind, "proposal.", 9) == 0 &&
           has_evidence(h, json_object_get(ev->body, "evidence"), e, s);
}

static enum status add(struct history *h, const struct event *ev, struct err *e)
{
    struct asset_event x = {.id = ev->id, .at_ms = ev->at_ms};
    const struct log_kind *kind = log_find_kind(ev->kind);
    struct buf text;
    x.diffs = arena_alloc_array(h->r->arena, DIFFS_MAX, sizeof *x.diffs);
    if (!x.diffs)
        return err_set(e, arena_status(h->r->arena), "out of memory");
    buf_init(&text, SENTENCE_BYTES);
    enum status s = kind && kind->sentence ? kind->sentence(ev, h->r->lang, &text) : OK;
    x.text = page_keep(h->r, text.n ? buf_text(&text) : ev->kind);
    /* most sentences name who did it */
    if (slice_find(x.text, slice_str(ev->actor.name)) == x.text.n)
        x.who = page_keep(h->r, ev->actor.name);
    buf_done(&text);
    if (s != OK)
        return err_set(e, s, "the sentence of event %lld", (long long)ev->id);
    if (strcmp(ev->kind, "asset.changed") == 0)
        add_fields(h, json_object_get(ev->body, "before"), json_object_get(ev->body, "after"), &x);
    add_answer(h, ev, &x);
    x.reason = page_keep(h->r, body_text(ev->body, "text"));
    h->events[h->count++] = x;
    return OK;
}

enum status asset_history_read(struct web_request *r, const struct profile *p, int64_t asset,
                               struct slice question, struct slice cve, size_t limit,
                               struct asset_event **ret, size_t *ret_count, bool *ret_more,
                               struct err *e)
{
    struct history h = {.r = r, .profile = p, .question = question, .cve = cve, .asset = asset};
    struct db_rows *rows = NULL;
    bool more = false;
    h.events = arena_alloc_array(r->arena, limit, sizeof *h.events);
    if (!h.events)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(r->db, &rows, e,
                             "SELECT " LOG_EVENT_COLUMNS " FROM event WHERE id IN (SELECT event_id "
                             "FROM asset_event WHERE asset_id = $1) ORDER BY id DESC LIMIT $2",
                             "ii", asset, (int64_t)ASSET_HISTORY_MAX + 1);
    while (s == OK && !more && (s = db_next(rows, e)) == OK) {
        struct event ev;
        s = log_event_of_row(rows, &ev, e);
        if (s != OK)
            break;
        bool take = wanted(&h, &ev, e, &s);
        more = take && h.count == limit;
        if (s == OK && take && !more)
            s = add(&h, &ev, e);
        json_decref(body_rw(ev.body));
    }
    db_rows_done(rows);
    if (s != OK && s != ST_END)
        return s;
    *ret = h.events;
    *ret_count = h.count;
    *ret_more = more;
    return OK;
}
