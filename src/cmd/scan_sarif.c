/* SARIF 2.1.0 (OASIS): a rule per CVE, a result per finding and CVE, a notification per place that
 * was not read. Sections are those of the standard. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/scan_format.h"

static void put_message(struct jsonw *w, const char *key, const char *text)
{
    json_key(w, key);
    json_begin_object(w);
    json_put_str(w, "text", text);
    json_end_object(w);
}

/* 3.4.4: a URI reference; every byte but the unreserved ones and '/' as %XX (RFC 3986, 2.1). */
static void put_uri(struct jsonw *w, struct slice path)
{
    struct buf b;
    buf_init(&b, MIB(1));
    if (path.n && path.p[0] == '/')
        (void)buf_add_str(&b, "file://");
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = path.p[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '/' ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        (void)(plain ? buf_add_char(&b, (char)c) : buf_addf(&b, "%%%02X", c));
    }
    json_put_slice(w, "uri", buf_slice(&b));
    buf_done(&b);
}

/* 3.28: the file on the disk, and the whole way in as a logical location (3.33). */
static void put_locations(struct jsonw *w, const char *path)
{
    struct slice whole = slice_str(path);
    struct slice file = slice_sub(whole, 0, slice_find(whole, SLICE_LIT("!/")));
    json_key(w, "locations");
    json_begin_array(w);
    json_begin_object(w);
    json_key(w, "physicalLocation");
    json_begin_object(w);
    json_key(w, "artifactLocation");
    json_begin_object(w);
    put_uri(w, file);
    json_end_object(w);
    json_end_object(w);
    json_key(w, "logicalLocations");
    json_begin_array(w);
    json_begin_object(w);
    json_put_str(w, "fullyQualifiedName", path);
    json_put_str(w, "kind", "resource");
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
    json_end_array(w);
}

static void put_rules(struct scan_run *r, struct jsonw *w)
{
    json_key(w, "rules");
    json_begin_array(w);
    for (size_t i = 0; i < r->p->cve_count; i++) {
        const struct profile_cve *c = &r->p->cves[i];
        json_begin_object(w);
        json_put_str(w, "id", c->id);
        put_message(w, "shortDescription", c->title[LANG_EN]);
        put_message(w, "fullDescription", c->summary[LANG_EN]);
        json_key(w, "properties");
        json_begin_object(w);
        json_put_str(w, "security-severity", c->cvss);
        json_put_str(w, "fixed", c->fixed);
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

/* The objects that stay open until the end are closed there. */
static void begin(struct scan_run *r)
{
    struct jsonw w = jsonw_to(&r->out);
    json_begin_object(&w);
    json_put_str(&w, "$schema",
                 "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                 "sarif-schema-2.1.0.json");
    json_put_str(&w, "version", "2.1.0");
    json_key(&w, "runs");
    json_begin_array(&w);
    json_begin_object(&w);
    json_key(&w, "tool");
    json_begin_object(&w);
    json_key(&w, "driver");
    json_begin_object(&w);
    json_put_str(&w, "name", "hikeshi");
    json_put_str(&w, "version", HIKESHI_VERSION);
    put_rules(r, &w);
    json_end_object(&w);
    json_end_object(&w);
    json_put_str(&w, "columnKind", "unicodeCodePoints");
    json_key(&w, "results");
    json_begin_array(&w);
}

/* 3.27.9, 3.27.10: a level other than "none" belongs to kind "fail" only. */
static const struct {
    const char *kind, *level, *says;
} kinds[CVE_STATE_COUNT] = {
    [CVE_AFFECTED] = {"fail", "error", "is affected by"},
    [CVE_MITIGATED] = {"fail", "note", "is mitigated, not fixed, for"},
    [CVE_FIXED] = {"pass", "none", "has the fix for"},
    [CVE_NOT_AFFECTED] = {"notApplicable", "none", "is older than"},
    [CVE_UNKNOWN] = {"review", "none", "may be affected by"},
};

static void put_result(struct scan_run *r, const struct scan_finding *f, size_t cve)
{
    struct jsonw w = jsonw_to(&r->out);
    struct buf b;
    buf_init(&b, MIB(1));
    (void)buf_addf(&b, "%s %s %s %s: ", f->component,
                   f->version ? f->version : "(version not known)", kinds[f->states[cve]].says,
                   r->p->cves[cve].id);
    for (size_t i = 0; i < f->evidence_count; i++) {
        (void)buf_add_str(&b, i ? "; " : "");
        (void)text_add_escaped(&b, slice_str(f->evidence[i]));
    }
    if (r->any)
        (void)buf_add_char(&r->out, ',');
    r->any = true;
    json_begin_object(&w);
    json_put_str(&w, "ruleId", r->p->cves[cve].id);
    json_put_int(&w, "ruleIndex", (int64_t)cve);
    json_put_str(&w, "kind", kinds[f->states[cve]].kind);
    json_put_str(&w, "level", kinds[f->states[cve]].level);
    put_message(&w, "message", buf_text(&b));
    put_locations(&w, f->path);
    json_key(&w, "properties");
    json_begin_object(&w);
    json_put_str(&w, "state", cve_state_name(f->states[cve]));
    json_put_str(&w, "component", f->component);
    if (f->version)
        json_put_str(&w, "version", f->version);
    json_end_object(&w);
    json_end_object(&w);
    buf_done(&b);
}

static void finding(struct scan_run *r, const struct scan_finding *f)
{
    for (size_t i = 0; i < r->p->cve_count; i++)
        if (f->states[i])
            put_result(r, f, i);
}

/* 3.58 */
static void put_notifications(struct scan_run *r, struct jsonw *w)
{
    const char *path = NULL, *reason = NULL;
    json_key(w, "toolExecutionNotifications");
    json_begin_array(w);
    for (size_t at = 0; place_next(&r->incomplete, &at, &path, &reason);) {
        json_begin_object(w);
        json_put_str(w, "level", "warning");
        put_message(w, "message", reason);
        put_locations(w, path);
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

/* 3.20: an invocation */
static void end(struct scan_run *r)
{
    struct jsonw w = jsonw_to(&r->out);
    json_end_array(&w); /* results */
    json_key(&w, "invocations");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_bool(&w, "executionSuccessful", true);
    put_time(&w, "startTimeUtc", r->started_ms);
    put_time(&w, "endTimeUtc", r->ended_ms);
    json_put_str(&w, "machine", r->host);
    put_notifications(r, &w);
    json_key(&w, "properties");
    json_begin_object(&w);
    json_put_int(&w, "files", (int64_t)r->counts.files);
    json_put_int(&w, "archives", (int64_t)r->counts.archives);
    json_put_int(&w, "incomplete_count", (int64_t)r->incomplete.count);
    json_end_object(&w);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w); /* run */
    json_end_array(&w);
    json_end_object(&w);
    (void)buf_add_char(&r->out, '\n');
}

const struct scan_format scan_format_sarif = {"sarif", false, begin, finding, end};
