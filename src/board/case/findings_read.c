/* Reading a scan's output. See findings_read.h.
 *
 * finding  path, component, version|null, version_range|null, version_from|null,
 *          cves {id: state}, evidence [text]
 * summary  host, started, ended, tool, profile, profile_revision, paths [text], drives [text],
 *          files, archives, bytes, findings, incomplete_count, incomplete [{path, reason}]
 */
#include "board/case/findings_read.h"

#include "base/limits.h"
#include "base/messages.h"
#include "base/text.h"
#include "base/timefmt.h"

#include <inttypes.h>
#include <jansson.h>

static const char *const state_codes[SCAN_STATE_COUNT] = {"affected", "unknown", "mitigated",
                                                          "fixed", "not_affected"};

const char *scan_state_code(enum scan_state s)
{
    return s < SCAN_STATE_COUNT ? state_codes[s] : "";
}

enum scan_state scan_state_of_code(const char *code)
{
    size_t s = 0;
    while (s < SCAN_STATE_COUNT && (!code || strcmp(code, state_codes[s]) != 0))
        s++;
    return (enum scan_state)s;
}

void findings_reader_init(struct findings_reader *r, const struct findings_events *events)
{
    *r = (struct findings_reader){.events = events};
    buf_init(&r->line, LIMIT_FINDINGS_SUMMARY);
    buf_init(&r->path, LIMIT_FINDINGS_LINE);
    buf_init(&r->component, LIMIT_FINDINGS_NAME);
    buf_init(&r->version, LIMIT_FINDINGS_NAME);
    buf_init(&r->version_from, LIMIT_FINDINGS_NAME);
    buf_init(&r->evidence, LIMIT_FINDINGS_LINE);
    buf_init(&r->reason, LIMIT_FINDINGS_LINE);
}

void findings_reader_done(struct findings_reader *r)
{
    buf_done(&r->line);
    buf_done(&r->path);
    buf_done(&r->component);
    buf_done(&r->version);
    buf_done(&r->version_from);
    buf_done(&r->evidence);
    buf_done(&r->reason);
}

static enum status bad(const struct findings_reader *r, struct err *e, const char *what)
{
    return err_set(e, ST_MALFORMED, N_("line %lld: “%s” is missing, or not as a scan writes it"),
                   (long long)r->lines, what);
}

/* A text of the object, made harmless; null and a missing one are "" where they may be. */
static enum status take_text(struct findings_reader *r, const json_t *o, const char *key,
                             bool needed, struct buf *out, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    buf_clear(out);
    if (!needed && (!v || json_is_null(v)))
        return OK;
    if (!json_is_string(v) || (needed && json_string_length(v) == 0))
        return bad(r, e, key);
    enum status s = text_add_escaped(out, slice_of(json_string_value(v), json_string_length(v)));
    if (s == ST_LIMIT)
        return err_set(e, s, N_("line %lld: “%s” is longer than %zu bytes"), (long long)r->lines,
                       key, out->max);
    return s == OK ? OK : err_set(e, s, "not enough memory for line %lld", (long long)r->lines);
}

static bool is_cve_id(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++) {
        bool word = (id[i] >= 'A' && id[i] <= 'Z') || (id[i] >= 'a' && id[i] <= 'z') ||
                    (id[i] >= '0' && id[i] <= '9') || id[i] == '-';
        if (!word)
            return false;
    }
    return n > 0 && n <= 40;
}

/* The CVE states; they are written anew, so that the same states are the same text. */
static enum status take_cves(struct findings_reader *r, const json_t *o, enum scan_state *ret_worst,
                             char **ret, struct err *e)
{
    json_t *cves = json_object_get(o, "cves"), *v;
    const char *id;
    *ret_worst = SCAN_NOT_AFFECTED;
    if (!json_is_object(cves) || json_object_size(cves) > LIMIT_FINDINGS_CVES)
        return bad(r, e, "cves");
    json_object_foreach(cves, id, v)
    {
        enum scan_state s = scan_state_of_code(json_string_value(v));
        if (s == SCAN_STATE_COUNT || !is_cve_id(id))
            return bad(r, e, "cves");
        if (s < *ret_worst)
            *ret_worst = s;
    }
    *ret = json_dumps(cves, JSON_COMPACT | JSON_SORT_KEYS);
    return *ret ? OK : err_set(e, ST_NOMEM, "not enough memory for line %lld", (long long)r->lines);
}

/* An array of texts as JSON, each made harmless. */
static enum status take_texts(struct findings_reader *r, const json_t *list, const char *key,
                              char **ret, struct err *e)
{
    json_t *out = json_array();
    const json_t *v;
    size_t i;
    enum status s = json_is_array(list) ? OK : bad(r, e, key);
    if (!out)
        s = err_set(e, ST_NOMEM, "not enough memory for line %lld", (long long)r->lines);
    json_array_foreach(list, i, v)
    {
        if (s == OK && !json_is_string(v))
            s = bad(r, e, key);
        if (s != OK)
            break;
        buf_clear(&r->evidence);
        s = text_add_escaped(&r->evidence, slice_of(json_string_value(v), json_string_length(v)));
        if (s == OK &&
            json_array_append_new(out, json_stringn(buf_text(&r->evidence), r->evidence.n)) != 0)
            s = ST_NOMEM;
        if (s != OK)
            s = err_set(e, s, "line %lld: %s: too long", (long long)r->lines, key);
    }
    if (s == OK) {
        *ret = json_dumps(out, JSON_COMPACT);
        s = *ret ? OK
                 : err_set(e, ST_NOMEM, "not enough memory for line %lld", (long long)r->lines);
    }
    json_decref(out);
    return s;
}

static enum status read_finding(struct findings_reader *r, const json_t *o, struct err *e)
{
    struct finding_line f = {0};
    char *cves = NULL, *evidence = NULL;
    if (r->findings == LIMIT_FINDINGS)
        return err_set(e, ST_LIMIT, N_("more than %d findings in one scan"), LIMIT_FINDINGS);
    enum status s = take_text(r, o, "path", true, &r->path, e);
    if (s == OK)
        s = take_text(r, o, "component", true, &r->component, e);
    if (s == OK)
        s = take_text(r, o, "version", false, &r->version, e);
    if (s == OK && r->version.n == 0)
        s = take_text(r, o, "version_range", false, &r->version, e);
    if (s == OK)
        s = take_text(r, o, "version_from", false, &r->version_from, e);
    if (s == OK)
        s = take_cves(r, o, &f.worst, &cves, e);
    if (s == OK)
        s = take_texts(r, json_object_get(o, "evidence"), "evidence", &evidence, e);
    if (s == OK) {
        f.path = buf_text(&r->path);
        f.component = buf_text(&r->component);
        f.version = buf_text(&r->version);
        f.version_from = buf_text(&r->version_from);
        f.cves = cves;
        f.evidence = evidence;
        r->findings++;
        s = r->events->finding(r->events->ctx, &f, e);
    }
    free(cves);
    free(evidence);
    return s;
}

/* --- the summary */

static enum status take_count(struct findings_reader *r, const json_t *o, const char *key,
                              int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return bad(r, e, key);
    *ret = json_integer_value(v);
    return OK;
}

static enum status take_time(struct findings_reader *r, const json_t *o, const char *key,
                             int64_t *ret, struct err *e)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text && time_parse_rfc3339(slice_str(text), ret) == OK ? OK : bad(r, e, key);
}

static bool same_path(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    while (n > 1 && (a[n - 1] == '/' || a[n - 1] == '\\'))
        n--;
    while (m > 1 && (b[m - 1] == '/' || b[m - 1] == '\\'))
        m--;
    return n == m && strncasecmp(a, b, n) == 0;
}

static bool holds(const json_t *paths, const char *path)
{
    const json_t *v;
    size_t i;
    json_array_foreach(paths, i, v)
    {
        if (json_is_string(v) && same_path(json_string_value(v), path))
            return true;
    }
    return false;
}

/* "/" covers a host; where there are drives, the scanner names them and all must be there. */
static bool covers_host(const json_t *o)
{
    const json_t *paths = json_object_get(o, "paths"), *drives = json_object_get(o, "drives"), *v;
    size_t i;
    if (json_array_size(drives) == 0)
        return holds(paths, "/");
    json_array_foreach(drives, i, v)
    {
        if (!json_is_string(v) || !holds(paths, json_string_value(v)))
            return false;
    }
    return true;
}

static enum status read_gaps(struct findings_reader *r, const json_t *list, struct err *e)
{
    const json_t *v;
    size_t i;
    enum status s = OK;
    if (!json_is_array(list))
        return bad(r, e, "incomplete");
    json_array_foreach(list, i, v)
    {
        s = take_text(r, v, "path", true, &r->path, e);
        if (s == OK)
            s = take_text(r, v, "reason", true, &r->reason, e);
        if (s == OK)
            s = r->events->gap(r->events->ctx, buf_text(&r->path), buf_text(&r->reason), e);
        if (s != OK)
            break;
    }
    return s;
}

static enum status take_counts(struct findings_reader *r, const json_t *o, struct scan_summary *sum,
                               struct err *e)
{
    const struct {
        const char *key;
        int64_t *at;
    } counts[] = {
        {"files", &sum->files},
        {"archives", &sum->archives},
        {"bytes", &sum->bytes},
        {"findings", &sum->findings},
        {"incomplete_count", &sum->incomplete},
        {"profile_revision", &sum->profile_revision},
    };
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_LEN(counts); i++)
        s = take_count(r, o, counts[i].key, counts[i].at, e);
    if (s == OK && sum->findings != r->findings)
        s = err_set(e, ST_MALFORMED,
                    N_("the summary counts %lld findings, and %lld lines came: a part is missing"),
                    (long long)sum->findings, (long long)r->findings);
    /* a list that is longer than its count is believed: nothing unread is passed over */
    int64_t listed = (int64_t)json_array_size(json_object_get(o, "incomplete"));
    if (listed > sum->incomplete)
        sum->incomplete = listed;
    return s;
}

static enum status read_summary(struct findings_reader *r, const json_t *o, struct err *e)
{
    struct scan_summary sum = {0};
    struct buf host;
    char *paths = NULL;
    if (!json_is_object(o))
        return bad(r, e, "summary");
    buf_init(&host, LIMIT_FINDINGS_NAME);
    enum status s = take_counts(r, o, &sum, e);
    if (s == OK)
        s = take_time(r, o, "started", &sum.started_ms, e);
    if (s == OK)
        s = take_time(r, o, "ended", &sum.ended_ms, e);
    if (s == OK)
        s = take_texts(r, json_object_get(o, "paths"), "paths", &paths, e);
    if (s == OK)
        s = read_gaps(r, json_object_get(o, "incomplete"), e);
    if (s == OK)
        s = take_text(r, o, "host", false, &host, e);
    if (s == OK)
        s = take_text(r, o, "tool", true, &r->component, e);
    if (s == OK)
        s = take_text(r, o, "profile", true, &r->version, e);
    if (s == OK) {
        sum.host = buf_text(&host);
        sum.tool = buf_text(&r->component);
        sum.profile = buf_text(&r->version);
        sum.paths = paths;
        sum.whole_host = covers_host(o);
        r->done = true;
        s = r->events->summary(r->events->ctx, &sum, e);
    }
    free(paths);
    buf_done(&host);
    return s;
}

/* --- lines */

static enum status read_line(struct findings_reader *r, struct slice line, struct err *e)
{
    json_error_t je;
    r->lines++;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (r->done)
        return err_set(e, ST_MALFORMED, N_("line %lld: something stands behind the summary"),
                       (long long)r->lines);
    /* only the summary, with its list of what was not read, may be long */
    if (line.n > LIMIT_FINDINGS_LINE &&
        slice_find(slice_sub(line, 0, 20), SLICE_LIT("summary")) >= 20)
        return err_set(e, ST_LIMIT, N_("line %lld is longer than %zu bytes"), (long long)r->lines,
                       LIMIT_FINDINGS_LINE);
    json_t *o = json_loadb(line.n ? (const char *)line.p : "", line.n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(o)) {
        json_decref(o);
        return err_set(e, ST_MALFORMED,
                       N_("line %lld is no JSON object; hand in the output of hikeshi scan "
                          "--format jsonl as it is"),
                       (long long)r->lines);
    }
    const json_t *summary = json_object_get(o, "summary");
    enum status s = summary ? read_summary(r, summary, e) : read_finding(r, o, e);
    json_decref(o);
    return s;
}

enum status findings_reader_add(struct findings_reader *r, struct slice piece, struct err *e)
{
    enum status s = OK;
    r->bytes += piece.n;
    while (s == OK && piece.n > 0) {
        size_t end = slice_index(piece, '\n');
        struct slice part = slice_sub(piece, 0, end);
        bool whole = end < piece.n;
        piece = slice_sub(piece, end + 1, piece.n);
        if (r->line.n == 0 && whole) {
            s = read_line(r, part, e);
            continue;
        }
        s = buf_add_slice(&r->line, part);
        if (s != OK)
            return err_set(e, s, N_("line %lld is longer than %zu bytes"), (long long)r->lines + 1,
                           r->line.max);
        if (whole) {
            s = read_line(r, buf_slice(&r->line), e);
            buf_clear(&r->line);
        }
    }
    return s;
}

enum status findings_reader_end(struct findings_reader *r, struct err *e)
{
    enum status s = OK;
    if (r->line.n)
        s = read_line(r, buf_slice(&r->line), e);
    buf_clear(&r->line);
    if (s == OK && !r->done)
        s = err_set(e, ST_MALFORMED,
                    N_("the summary is missing behind line %lld: the scan was cut off; hand in the "
                       "whole output"),
                    (long long)r->lines);
    return s;
}
