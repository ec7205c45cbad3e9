/* One object a text, in English always. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "cmd/explain.h"

#define JSON_STEPS MIB(32) /* no more steps are listed behind so many bytes; all are counted */

static void add_callback(struct jsonw *w, const struct explained *e)
{
    json_key(w, "callback");
    json_begin_object(w);
    json_put_slice(w, "scheme", e->to.scheme);
    json_put_slice(w, "host", e->to.host);
    json_put_int(w, "port", e->to.port);
    json_put_slice(w, "path", e->to.path);
    json_end_object(w);
    json_key(w, "leaks");
    json_begin_array(w);
    for (size_t i = 0; i < e->target.marks.count; i++) {
        const struct server_mark *m = &e->target.marks.mark[i];
        if (!explain_leak_first(e, i))
            continue;
        json_begin_object(w);
        json_put_slice(w, "name", m->name);
        if (m->has_default)
            json_put_slice(w, "default", m->given);
        json_put_bool(w, "in_host", explain_leak_in_host(e, i));
        json_end_object(w);
    }
    json_end_array(w);
}

static void add_step(struct jsonw *w, const struct eval_event *s)
{
    static const char *const kinds[] = {"escape", "value", "default", "unresolved",
                                        "jndi",   "cycle", "bad_key", "pass"};
    json_begin_object(w);
    json_put_str(w, "kind", kinds[s->kind]);
    json_put_slice(w, "variable", s->variable);
    json_put_slice(w, "name", s->name);
    json_put_slice(w, "value", s->value);
    json_put_int(w, "at", (int64_t)s->at);
    json_put_int(w, "bytes", (int64_t)s->n);
    json_end_object(w);
}

void explain_json(struct explain_view *v, const struct explained *e)
{
    struct jsonw w = jsonw_to(&v->out);
    json_begin_object(&w);
    json_put_str(&w, "verdict", verdict_name(e->found.verdict));
    json_put_str(&w, "reason", attempt_reason_name(e->found.reason));
    json_put_str(&w, "locale", e->found.locale == EVAL_TURKISH ? "tr" : "root");
    json_put_slice(&w, "key", e->found.key);
    json_put_slice(&w, "text", e->found.text);
    json_key(&w, "chain");
    json_begin_array(&w);
    for (size_t i = 0; i < e->found.chain_count; i++)
        json_text(&w, slice_str(e->found.chain[i]));
    json_end_array(&w);
    if (e->found.verdict >= VERDICT_IF_CLOSED)
        add_callback(&w, e);
    json_key(&w, "steps");
    json_begin_array(&w);
    for (size_t i = 0; i < e->count && i < EXPLAIN_STEPS && v->out.n < JSON_STEPS; i++)
        add_step(&w, &e->steps[i]);
    json_end_array(&w);
    json_put_int(&w, "step_count", (int64_t)e->total);
    json_end_object(&w);
    (void)buf_add_char(&v->out, '\n');
}
