/* Events: what happened, by whom, as a sentence and as it is in the record. See events.h. */
#include "board/web/api/events.h"

#include "base/limits.h"
#include "board/case/asset.h"

/* A page ends early behind so many bytes: an event about ten thousand rows names each of them. */
#define EVENTS_BYTES MIB(2)

struct event_view {
    int64_t id, incident, seq, at_ms, actor_id;
    struct slice actor, actor_kind, via, subject, kind, text, body;
};

static const char *const actor_kinds[] = {"system", "account", "host", NULL};

#define ROW(member, label, kind, ...) API_ROW(struct event_view, member, label, kind, __VA_ARGS__)
static const struct api_field event_fields[] = {
    ROW(id, "id", API_ID, .says = "the order over all incidents"),
    ROW(incident, "incident", API_ID, .flags = API_NULL, .says = "null: the house"),
    ROW(seq, "seq", API_INT, .says = "1, 2, 3 … within the incident"),
    ROW(at_ms, "at", API_TIME),
    ROW(actor, "actor", API_TEXT, .says = "who did it, as they were called then"),
    ROW(actor_kind, "actor_kind", API_WORD, .words = actor_kinds),
    ROW(actor_id, "actor_id", API_ID, .flags = API_NULL, .says = "the account or host"),
    ROW(via, "via", API_TEXT, .says = "web, api, cli"),
    ROW(subject, "subject", API_TEXT, .says = "\"asset:17\", \"incident:1\""),
    ROW(kind, "kind", API_TEXT, .says = "\"asset.changed\""),
    ROW(text, "text", API_TEXT, .says = "the event as a sentence, in the language asked for"),
    ROW(body, "body", API_JSON_TEXT, .raw = "{\"type\": \"object\"}",
        .says = "what changed, as the record has it; its members depend on the kind"),
    {0},
};
static const struct api_schema event_schema = {"Event", sizeof(struct event_view), event_fields,
                                               "one entry of the record"};
static const struct api_field list_fields[] = {API_PAGE_FIELDS(event_schema), {0}};
const struct api_schema api_event_list = {"EventList", sizeof(struct api_page), list_fields, NULL};

struct collect {
    struct web_request *r;
    struct event_view *list;
    size_t count, limit, bytes;
    bool more;
    struct err *e;
};

static enum status keep_event(struct collect *c, const struct event *ev, const char *body)
{
    struct event_view *v = &c->list[c->count];
    const struct log_kind *k = log_find_kind(ev->kind);
    struct buf text;
    *v = (struct event_view){.id = ev->id,
                             .incident = ev->incident,
                             .seq = ev->seq,
                             .at_ms = ev->at_ms,
                             .actor_id = ev->actor.id,
                             .actor_kind = slice_str(actor_kinds[ev->actor.kind])};
    buf_init(&text, KIB(64));
    enum status s = k && k->sentence ? k->sentence(ev, c->r->lang, &text) : OK;
    if (s == OK)
        s = arena_copy(c->r->arena, buf_slice(&text), &v->text);
    buf_done(&text);
    const char *const from[] = {ev->actor.name, ev->actor.via, ev->subject, ev->kind, body};
    struct slice *const to[] = {&v->actor, &v->via, &v->subject, &v->kind, &v->body};
    for (size_t i = 0; i < ARRAY_LEN(from) && s == OK; i++)
        s = arena_copy(c->r->arena, slice_str(from[i]), to[i]);
    if (s != OK)
        return err_set(c->e, s, "event %lld cannot be told", (long long)ev->id);
    c->count++;
    return OK;
}

static enum status each_event(void *arg, const struct event *ev)
{
    struct collect *c = arg;
    if (c->count == c->limit || (c->count && c->bytes > EVENTS_BYTES)) {
        c->more = true;
        return ST_END;
    }
    char *body = json_dumps(ev->body, JSON_COMPACT | JSON_SORT_KEYS);
    if (!body)
        return api_nomem(c->e);
    c->bytes += strlen(body);
    enum status s = keep_event(c, ev, body);
    free(body);
    return s;
}

enum status api_events(struct web_request *r, struct web_response *res, int64_t incident,
                       int64_t asset, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    int64_t before = INT64_MAX;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "events", &before, e);
    if (s != OK)
        return s;
    struct collect c = {.r = r, .limit = api_limit(&q), .e = e};
    c.list = arena_alloc_array(r->arena, c.limit + 1, sizeof *c.list);
    if (!c.list)
        return api_nomem(e);
    int64_t one_more = (int64_t)c.limit + 1;
    s = asset ? asset_read_history(r->db, asset, before, one_more, each_event, &c, e)
              : log_read(r->db, incident, NULL, before, one_more, each_event, &c, e);
    page.items = (struct api_list){c.list, c.count + (c.more ? 1 : 0)};
    if (s == OK)
        s = api_page_end(r, &page, c.count, "events", c.count ? c.list[c.count - 1].id : 0, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}
