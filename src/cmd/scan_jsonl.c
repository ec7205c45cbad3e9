/* One JSON object a line; docs/scan-output.md is the contract. */
#include "base/jsonwrite.h"
#include "base/timefmt.h"
#include "cmd/scan_format.h"

static void begin(struct scan_run *r)
{
    (void)r;
}

static void finding(struct scan_run *r, const struct scan_finding *f)
{
    struct jsonw w = jsonw_to(&r->out);
    json_begin_object(&w);
    json_put_str(&w, "path", f->path);
    json_put_str(&w, "component", f->component);
    json_put_str(&w, "version", f->version);
    json_put_str(&w, "version_from", f->version_from);
    json_put_str(&w, "version_range", f->range);
    json_put_str(&w, "prefix", f->prefix);
    json_key(&w, "cves");
    json_begin_object(&w);
    for (size_t i = 0; i < r->p->cve_count; i++)
        if (f->states[i])
            json_put_str(&w, r->p->cves[i].id, cve_state_name(f->states[i]));
    json_end_object(&w);
    json_key(&w, "evidence");
    json_begin_array(&w);
    for (size_t i = 0; i < f->evidence_count; i++)
        json_text(&w, slice_str(f->evidence[i]));
    json_end_array(&w);
    json_end_object(&w);
    (void)buf_add_char(&r->out, '\n');
}

static void places(struct jsonw *w, const char *key, const struct place_list *l)
{
    const char *path = NULL, *reason = NULL;
    json_key(w, key);
    json_begin_array(w);
    for (size_t at = 0; place_next(l, &at, &path, &reason);) {
        json_begin_object(w);
        json_put_str(w, "path", path);
        json_put_str(w, "reason", reason);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_time(struct jsonw *w, const char *key, int64_t ms)
{
    char text[TIME_RFC3339_SIZE];
    time_format_utc(ms, text);
    json_put_str(w, key, text);
}

static void end(struct scan_run *r)
{
    struct jsonw w = jsonw_to(&r->out);
    json_begin_object(&w);
    json_key(&w, "summary");
    json_begin_object(&w);
    json_put_int(&w, "files", (int64_t)r->counts.files);
    json_put_int(&w, "archives", (int64_t)r->counts.archives);
    json_put_int(&w, "bytes", (int64_t)r->counts.bytes);
    json_put_int(&w, "findings", (int64_t)r->found);
    json_put_str(&w, "host", r->host);
    put_time(&w, "started", r->started_ms);
    put_time(&w, "ended", r->ended_ms);
    json_put_str(&w, "tool", "hikeshi " HIKESHI_VERSION);
    json_put_str(&w, "profile", r->p->id);
    json_put_int(&w, "profile_revision", r->p->revision);
    json_key(&w, "paths");
    json_begin_array(&w);
    for (size_t i = 0; i < r->path_count; i++)
        json_text(&w, slice_str(r->paths[i]));
    json_end_array(&w);
    json_put_int(&w, "incomplete_count", (int64_t)r->incomplete.count);
    places(&w, "incomplete", &r->incomplete);
    places(&w, "skipped", &r->skipped);
    json_end_object(&w);
    json_end_object(&w);
    (void)buf_add_char(&r->out, '\n');
}

const struct scan_format scan_format_jsonl = {"jsonl", false, begin, finding, end};
