/* One JSON object a line; docs/hunt.md is the contract. */
#include "base/jsonwrite.h"
#include "base/timefmt.h"
#include "cmd/hunt_format.h"

static void begin(struct hunt_view *v)
{
    (void)v;
}

static void put_time(struct jsonw *w, const char *key, bool known, int64_t ms)
{
    char text[TIME_RFC3339_SIZE];
    time_format_utc(ms, text);
    json_put_str(w, key, known ? text : NULL);
}

static void put_text(struct jsonw *w, const char *key, struct slice s)
{
    if (s.n)
        json_put_slice(w, key, s);
    else
        json_put_str(w, key, NULL);
}

static void put_callback(struct jsonw *w, const struct sighting *s)
{
    json_key(w, "callback");
    if (!s->text[SIGHTING_KEY].n) {
        json_no_value(w);
        return;
    }
    json_begin_object(w);
    put_text(w, "scheme", s->callback.scheme);
    put_text(w, "host", s->text[SIGHTING_HOST]);
    json_key(w, "port");
    if (s->callback.port)
        json_int(w, s->callback.port);
    else
        json_no_value(w);
    put_text(w, "path", s->callback.path);
    json_end_object(w);
}

static void sighting(struct hunt_view *v, const struct sighting *s)
{
    struct jsonw w = jsonw_to(&v->out);
    struct slice chain = s->text[SIGHTING_CHAIN], one;
    json_begin_object(&w);
    json_put_slice(&w, "file", s->text[SIGHTING_FILE]);
    json_put_int(&w, "line", (int64_t)s->line);
    put_time(&w, "time", s->has_time, s->time_ms);
    put_text(&w, "client", s->text[SIGHTING_CLIENT]);
    put_text(&w, "field", s->text[SIGHTING_FIELD]);
    json_put_str(&w, "verdict", sighting_verdict_name(s->verdict));
    json_put_str(&w, "reason", attempt_reason_name(s->reason));
    put_text(&w, "resolves_to", s->text[SIGHTING_KEY]);
    put_callback(&w, s);
    json_key(&w, "decoded");
    json_begin_array(&w);
    while (chain.n && slice_next_field(&chain, ',', &one))
        json_text(&w, slice_trim(one));
    json_end_array(&w);
    put_text(&w, "format", s->text[SIGHTING_FORMAT]);
    if (s->text[SIGHTING_PATTERN].n)
        json_put_slice(&w, "pattern", s->text[SIGHTING_PATTERN]);
    if (s->text[SIGHTING_ANSWER].n)
        json_put_slice(&w, "answer", s->text[SIGHTING_ANSWER]);
    if (s->turkish)
        json_put_str(&w, "locale", "tr");
    json_put_slice(&w, "text", s->text[SIGHTING_LINE]);
    json_end_object(&w);
    (void)buf_add_char(&v->out, '\n');
}

static void put_sums(struct jsonw *w, const char *key, const struct sums *sums)
{
    const struct sum **list = NULL;
    size_t n = 0;
    json_key(w, key);
    json_begin_object(w);
    if (sums_sorted(sums, &list, &n) == OK) {
        for (size_t i = 0; i < n; i++) {
            json_key(w, list[i]->name);
            json_uint(w, list[i]->count);
        }
        free(list);
    }
    json_end_object(w);
}

static void end(struct hunt_view *v)
{
    struct jsonw w = jsonw_to(&v->out);
    const char *place = NULL, *reason = NULL;
    if (!v->summary)
        return;
    json_begin_object(&w);
    json_key(&w, "summary");
    json_begin_object(&w);
    json_put_int(&w, "lines", (int64_t)v->counts.lines);
    json_put_int(&w, "files", (int64_t)v->counts.files);
    json_put_int(&w, "texts", (int64_t)v->counts.texts);
    json_put_int(&w, "bytes", (int64_t)v->counts.bytes);
    put_time(&w, "from", v->counts.has_range, v->counts.from_ms);
    put_time(&w, "to", v->counts.has_range, v->counts.to_ms);
    json_key(&w, "verdicts");
    json_begin_object(&w);
    for (int i = SIGHTED_VERDICTS - 1; i >= 0; i--)
        json_put_int(&w, sighting_verdict_name((enum sighting_verdict)i),
                     (int64_t)v->by_verdict[i]);
    json_end_object(&w);
    put_sums(&w, "clients", &v->clients);
    put_sums(&w, "callbacks", &v->callbacks);
    put_sums(&w, "days", &v->days);
    json_put_int(&w, "not_named", (int64_t)(v->clients.others + v->callbacks.others));
    json_put_bool(&w, "outbound_searched", v->outbound);
    json_put_int(&w, "callbacks_answered", (int64_t)v->answered);
    put_time(&w, "started", true, v->started_ms);
    put_time(&w, "ended", true, v->ended_ms);
    json_put_str(&w, "tool", "hikeshi " HIKESHI_VERSION);
    json_put_int(&w, "incomplete_count", (int64_t)v->incomplete_count);
    json_key(&w, "incomplete");
    json_begin_array(&w);
    for (size_t at = 0; hunt_incomplete_next(v, &at, &place, &reason);) {
        json_begin_object(&w);
        json_put_str(&w, "path", place);
        json_put_str(&w, "reason", reason);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    json_end_object(&w);
    (void)buf_add_char(&v->out, '\n');
}

const struct hunt_format hunt_format_jsonl = {"jsonl", false, begin, sighting, end};
