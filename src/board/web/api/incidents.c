/* Incidents: opened from a profile, looked at, closed; what the profile asks; the live stream. */
#include "board/case/incident.h"

#include "base/limits.h"
#include "board/case/status.h"
#include "board/web/api/api.h"
#include "board/web/api/events.h"
#include "profile/profile.h"

#include <inttypes.h>

#define ROLES_ALL_SEEN (ROLES_READ & ~(unsigned)ROLE_OWNER) /* an owner sees what is theirs */

struct incident_view {
    int64_t id, opened_ms, closed_ms;
    struct slice profile, title;
};

#define ROW(member, label, kind, ...) \
    API_ROW(struct incident_view, member, label, kind, __VA_ARGS__)
static const struct api_field incident_fields[] = {
    ROW(id, "id", API_ID),
    ROW(profile, "profile", API_TEXT, .says = "the vulnerability profile it was opened from"),
    ROW(title, "title", API_TEXT),
    ROW(opened_ms, "opened", API_TIME),
    ROW(closed_ms, "closed", API_TIME, .says = "null: it is open"),
    {0},
};
#undef ROW
static const struct api_schema incident_schema = {"Incident", sizeof(struct incident_view),
                                                  incident_fields, NULL};
API_PAGE_SCHEMA(incident_list, "IncidentList", incident_schema);

#define INCIDENT_COLUMNS "SELECT id, profile, title, opened_ms, closed_ms FROM incident "

static enum status incident_of_row(struct web_request *r, const struct db_rows *rows,
                                   struct incident_view *v, struct err *e)
{
    v->id = db_int(rows, 0);
    v->opened_ms = db_int(rows, 3);
    v->closed_ms = db_int(rows, 4);
    enum status s = api_keep(r, db_text(rows, 1), &v->profile, e);
    return s == OK ? api_keep(r, db_text(rows, 2), &v->title, e) : s;
}

static enum status list_incidents(struct web_request *r, struct web_response *res, struct err *e)
{
    struct api_paging q = {0};
    struct api_page page = {0};
    struct db_rows *rows = NULL;
    int64_t before = INT64_MAX;
    enum status s = api_query(r, res, &q, NULL, e);
    if (s == OK)
        s = api_cursor_id(r, res, &q, "incidents", &before, e);
    size_t limit = api_limit(&q);
    struct incident_view *list = arena_alloc_array(r->arena, limit + 1, sizeof *list);
    if (!list)
        return s == OK ? api_nomem(e) : s;
    if (s == OK)
        s = db_query(r->db, &rows, e, INCIDENT_COLUMNS "WHERE id < $1 ORDER BY id DESC LIMIT $2",
                     "ii", before, (int64_t)limit + 1);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = incident_of_row(r, rows, &list[page.items.count++], e);
    db_rows_done(rows);
    if (s != ST_END)
        return s;
    page.items.v = list;
    s = api_page_end(r, &page, limit, "incidents", list[limit - 1].id, e);
    return s == OK ? api_reply(r, res, &page, e) : s;
}

static enum status reply_incident(struct web_request *r, struct web_response *res, int64_t id,
                                  struct err *e)
{
    struct db_rows *rows = NULL;
    struct incident_view v = {0};
    enum status s = db_query(r->db, &rows, e, INCIDENT_COLUMNS "WHERE id = $1", "i", id);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such incident"));
    if (s == OK)
        s = incident_of_row(r, rows, &v, e);
    db_rows_done(rows);
    return s == OK ? api_reply(r, res, &v, e) : s;
}

static enum status get_incident(struct web_request *r, struct web_response *res, struct err *e)
{
    return reply_incident(r, res, r->id[0], e);
}

/* --- opening and closing */

struct opening {
    struct slice profile, title;
};
static const struct api_field opening_fields[] = {
    API_ROW(struct opening, profile, "profile", API_TEXT, .flags = API_NEED, .min = 1, .max = 100,
            .says = "the name of a profile that is built in: \"log4shell\""),
    API_ROW(struct opening, title, "title", API_TEXT, .min = 1, .max = 400,
            .says = "the profile's own title where none is given"),
    {0},
};
static const struct api_schema opening_schema = {"IncidentOpening", sizeof(struct opening),
                                                 opening_fields, NULL};

/* The profile of a name. A path would let whoever may open an incident read the board's files. */
static enum status built_in(struct web_request *r, struct web_response *res, struct slice name,
                            struct profile **ret, struct err *e)
{
    const char *text = api_text(r, name);
    enum status s = ST_NOT_FOUND;
    if (!text)
        return api_nomem(e);
    if (slice_index(name, '/') != name.n)
        (void)err_set(e, ST_NOT_FOUND, N_("there is no profile %s"), text);
    else
        s = profile_load(text, ret, e);
    return s == ST_NOT_FOUND ? api_fault_at(r, res, "/profile", e) : s;
}

static enum status open_incident(struct web_request *r, struct web_response *res, struct err *e)
{
    struct opening in = {0};
    struct profile *p = NULL;
    int64_t id = 0;
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = built_in(r, res, in.profile, &p, e);
    if (s == OK && p) {
        const char *name = api_text(r, in.profile);
        const char *title = in.title.n ? api_text(r, in.title) : p->title[r->lang];
        s = name && title ? incident_open(r->db, &r->actor, name, title, &id, e) : api_nomem(e);
    }
    profile_free(p);
    if (s != OK)
        return s;
    api_place(r, res, API "/incidents/%" PRId64, id);
    return reply_incident(r, res, id, e);
}

struct reason {
    struct slice reason;
};
static const struct api_field reason_fields[] = {
    API_ROW(struct reason, reason, "reason", API_TEXT, .flags = API_NEED, .min = 1,
            .max = LIMIT_SURVEY_TEXT_BYTES),
    {0},
};
static const struct api_schema reason_schema = {"Reason", sizeof(struct reason), reason_fields,
                                                NULL};

static enum status close_incident(struct web_request *r, struct web_response *res, struct err *e)
{
    struct reason in = {0};
    enum status s = api_body(r, res, &in, NULL, e);
    if (s == OK)
        s = api_incident(r, r->id[0], e);
    const char *reason = s == OK ? api_text(r, in.reason) : "";
    if (s == OK)
        s = reason ? incident_close(r->db, &r->actor, r->id[0], reason, e) : api_nomem(e);
    return s == OK ? reply_incident(r, res, r->id[0], e) : s;
}

/* --- the profile: what is asked, and of what */

struct option_view {
    struct slice id, means, label;
    bool version;
};
struct question_view {
    struct slice id, text, hint;
    bool per_cve, scanned;
    struct api_list options;
};
struct cve_view {
    struct slice id, published, severity, cvss, fixed, title, summary;
    bool asked;
};
struct advisory_view {
    struct slice date, cves, text;
};
struct profile_view {
    struct slice id, title, date;
    int64_t revision;
    struct api_list questions, cves, advisories;
};

static const char *const means_words[] = {
    [MEANS_AFFECTED] = "affected",   [MEANS_OPEN] = "open",   [MEANS_WAITING] = "waiting",
    [MEANS_UNKNOWN] = "unknown",     [MEANS_FIXED] = "fixed", [MEANS_NOT_AFFECTED] = "not_affected",
    [MEANS_NOT_AFFECTED + 1] = NULL,
};
static const struct api_field option_fields[] = {
    API_ROW(struct option_view, id, "id", API_TEXT),
    API_ROW(struct option_view, label, "label", API_TEXT),
    API_ROW(struct option_view, means, "means", API_WORD, .words = means_words,
            .says = "what the answer means for the row"),
    API_ROW(struct option_view, version, "version", API_BOOL,
            .says = "a version may stand beside it, as `detail`"),
    {0},
};
static const struct api_schema option_schema = {"Option", sizeof(struct option_view), option_fields,
                                                NULL};
static const struct api_field question_fields[] = {
    API_ROW(struct question_view, id, "id", API_TEXT),
    API_ROW(struct question_view, text, "text", API_TEXT),
    API_ROW(struct question_view, hint, "hint", API_TEXT),
    API_ROW(struct question_view, per_cve, "per_cve", API_BOOL,
            .says = "asked of each CVE for which `asked` is true"),
    API_ROW(struct question_view, scanned, "scanned", API_BOOL, .says = "a scan answers it"),
    API_ROW(struct question_view, options, "options", API_LIST, .of = &option_schema),
    {0},
};
static const struct api_schema question_schema = {"Question", sizeof(struct question_view),
                                                  question_fields, NULL};
static const struct api_field cve_fields[] = {
    API_ROW(struct cve_view, id, "id", API_TEXT),
    API_ROW(struct cve_view, title, "title", API_TEXT),
    API_ROW(struct cve_view, summary, "summary", API_TEXT),
    API_ROW(struct cve_view, published, "published", API_TEXT),
    API_ROW(struct cve_view, severity, "severity", API_TEXT),
    API_ROW(struct cve_view, cvss, "cvss", API_TEXT),
    API_ROW(struct cve_view, fixed, "fixed", API_TEXT, .says = "the version that fixes it"),
    API_ROW(struct cve_view, asked, "asked", API_BOOL),
    {0},
};
static const struct api_schema cve_schema = {"Cve", sizeof(struct cve_view), cve_fields, NULL};
static const struct api_field advisory_fields[] = {
    API_ROW(struct advisory_view, date, "date", API_TEXT),
    API_ROW(struct advisory_view, cves, "cves", API_TEXT),
    API_ROW(struct advisory_view, text, "text", API_TEXT),
    {0},
};
static const struct api_schema advisory_schema = {"Advisory", sizeof(struct advisory_view),
                                                  advisory_fields, NULL};
static const struct api_field profile_fields[] = {
    API_ROW(struct profile_view, id, "id", API_TEXT),
    API_ROW(struct profile_view, title, "title", API_TEXT),
    API_ROW(struct profile_view, date, "date", API_TEXT),
    API_ROW(struct profile_view, revision, "revision", API_INT),
    API_ROW(struct profile_view, questions, "questions", API_LIST, .of = &question_schema),
    API_ROW(struct profile_view, cves, "cves", API_LIST, .of = &cve_schema),
    API_ROW(struct profile_view, advisories, "advisories", API_LIST, .of = &advisory_schema),
    {0},
};
static const struct api_schema profile_schema = {
    "Profile", sizeof(struct profile_view), profile_fields,
    "the profile as the incident has it in its record, in the language asked for"};

static bool put_options(struct web_request *r, const struct profile_question *q,
                        struct question_view *v)
{
    struct option_view *list = arena_alloc_array(r->arena, q->option_count + 1, sizeof *list);
    for (size_t i = 0; i < q->option_count && list; i++) {
        const struct profile_option *o = &q->options[i];
        list[i] = (struct option_view){.id = slice_str(o->id),
                                       .means = slice_str(means_words[o->means]),
                                       .label = slice_str(o->label[r->lang]),
                                       .version = o->version};
    }
    v->options = (struct api_list){list, q->option_count};
    return list != NULL;
}

static bool put_questions(struct web_request *r, const struct profile *p, struct profile_view *v)
{
    struct question_view *list = arena_alloc_array(r->arena, p->question_count + 1, sizeof *list);
    for (size_t i = 0; i < p->question_count && list; i++) {
        const struct profile_question *q = &p->questions[i];
        list[i] = (struct question_view){.id = slice_str(q->id),
                                         .text = slice_str(q->text[r->lang]),
                                         .hint = slice_str(q->hint[r->lang]),
                                         .per_cve = q->per_cve,
                                         .scanned = q->scanned};
        if (!put_options(r, q, &list[i]))
            return false;
    }
    v->questions = (struct api_list){list, p->question_count};
    return list != NULL;
}

static bool put_story(struct web_request *r, const struct profile *p, struct profile_view *v)
{
    struct cve_view *cves = arena_alloc_array(r->arena, p->cve_count + 1, sizeof *cves);
    struct advisory_view *told = arena_alloc_array(r->arena, p->advisory_count + 1, sizeof *told);
    if (!cves || !told)
        return false;
    for (size_t i = 0; i < p->cve_count; i++) {
        const struct profile_cve *c = &p->cves[i];
        cves[i] = (struct cve_view){slice_str(c->id),
                                    slice_str(c->published),
                                    slice_str(c->severity),
                                    slice_str(c->cvss),
                                    slice_str(c->fixed),
                                    slice_str(c->title[r->lang]),
                                    slice_str(c->summary[r->lang]),
                                    c->asked};
    }
    for (size_t i = 0; i < p->advisory_count; i++)
        told[i] = (struct advisory_view){slice_str(p->advisories[i].date),
                                         slice_str(p->advisories[i].cves),
                                         slice_str(p->advisories[i].text[r->lang])};
    v->cves = (struct api_list){cves, p->cve_count};
    v->advisories = (struct api_list){told, p->advisory_count};
    return true;
}

static enum status get_profile(struct web_request *r, struct web_response *res, struct err *e)
{
    struct profile *p = NULL;
    struct profile_view v = {0};
    enum status s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = incident_profile(r->db, r->id[0], &p, e);
    if (s != OK)
        return s;
    v.id = slice_str(p->id);
    v.title = slice_str(p->title[r->lang]);
    v.date = slice_str(p->date);
    v.revision = p->revision;
    s = put_questions(r, p, &v) && put_story(r, p, &v) ? api_reply(r, res, &v, e) : api_nomem(e);
    profile_free(p);
    return s;
}

/* --- its figures */

#define COUNTS "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}}"
#define COUNTS_OF(what) "{\"type\": \"object\", \"additionalProperties\": " what "}"

struct status_view {
    json_t *incident, *assets, *certainty, *answers, *evidence, *conflicts, *flags, *proposals,
        *scans, *waiting, *due;
};
#define ROW(member, schema, text) \
    API_ROW(struct status_view, member, #member, API_JSON, .raw = (schema), .says = (text))
static const struct api_field status_fields[] = {
    ROW(incident, "{\"type\": \"object\"}", "id, title, profile, whether it is open"),
    ROW(assets, COUNTS_OF(COUNTS), "by category and state"),
    ROW(certainty, COUNTS_OF(COUNTS), "by category and certainty"),
    ROW(answers, COUNTS_OF(COUNTS_OF(COUNTS)), "by question, CVE (or \"\") and option"),
    ROW(evidence, COUNTS_OF(COUNTS), "by kind and status"),
    ROW(conflicts, "{\"type\": \"integer\"}", "rows whose sources disagree"),
    ROW(flags, COUNTS, NULL),
    ROW(proposals, "{\"type\": \"integer\"}", "that wait for a person"),
    ROW(scans, COUNTS, NULL),
    ROW(waiting, COUNTS, "for vendors, for owners, without an owner"),
    ROW(due, COUNTS, NULL),
    {0},
};
#undef ROW
static const struct api_schema status_schema = {"Status", sizeof(struct status_view), status_fields,
                                                NULL};

static enum status get_status(struct web_request *r, struct web_response *res, struct err *e)
{
    struct status_view v;
    json_t *all = NULL;
    enum status s = api_incident(r, r->id[0], e);
    if (s == OK)
        s = incident_status(r->db, r->id[0], &all, e);
    if (s != OK)
        return s;
    for (const struct api_field *d = status_fields; d->name; d++) {
        json_t **member = (json_t **)(void *)((char *)&v + d->at);
        *member = json_object_get(all, d->name);
    }
    s = api_reply(r, res, &v, e);
    json_decref(all);
    return s;
}

/* --- the record, as it grows */

static enum status get_history(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = api_incident(r, r->id[0], e);
    return s == OK ? api_events(r, res, r->id[0], 0, e) : s;
}

static enum status get_stream(struct web_request *r, struct web_response *res, struct err *e)
{
    enum status s = api_incident(r, r->id[0], e);
    return s == OK ? web_send_events(res, r->id[0]) : s;
}

struct since {
    int64_t since;
};
static const struct api_field since_fields[] = {
    API_ROW(struct since, since, "since", API_INT,
            .says = "the newest event that is known; Last-Event-ID does the same"),
    {0},
};
static const struct api_schema since_schema = {"Since", sizeof(struct since), since_fields, NULL};

const struct web_route api_incident_routes[] = {
    {WEB_GET, API "/incidents", ROLES_READ, 0, ROUTE_API, list_incidents,
     "Incidents, the newest first"},
    {WEB_POST, API "/incidents", ROLES_EDIT, KIB(64), ROUTE_API, open_incident,
     "Open an incident from a vulnerability profile"},
    {WEB_GET, API "/incidents/:n", ROLES_READ, 0, ROUTE_API, get_incident, "One incident"},
    {WEB_POST, API "/incidents/:n/close", ROLES_EDIT, KIB(64), ROUTE_API, close_incident,
     "Close an incident: everything is settled"},
    {WEB_GET, API "/incidents/:n/profile", ROLES_READ, 0, ROUTE_API, get_profile,
     "What the survey asks, of which CVEs, and how the story went"},
    {WEB_GET, API "/incidents/:n/status", ROLES_ALL_SEEN, 0, ROUTE_API, get_status,
     "The figures of an incident: states, answers, evidence, what is waited for"},
    {WEB_GET, API "/incidents/:n/history", ROLES_ALL_SEEN, 0, ROUTE_API, get_history,
     "The record of an incident, the newest event first"},
    {WEB_GET, API "/incidents/:n/events", ROLES_READ, 0, ROUTE_API, get_stream,
     "Server-sent events: \"changed\" whenever the record of the incident grew"},
    {0},
};

const struct api_op api_incident_ops[] = {
    API_OP(list_incidents, "listIncidents", "incidents", .query = &api_paging_query,
           .answer = &incident_list, .code = 200),
    API_OP(open_incident, "openIncident", "incidents", .body = &opening_schema,
           .answer = &incident_schema, .code = 201, .flags = API_PLACE),
    API_OP(get_incident, "getIncident", "incidents", .params = {"incident"},
           .answer = &incident_schema, .code = 200),
    API_OP(close_incident, "closeIncident", "incidents", .params = {"incident"},
           .body = &reason_schema, .answer = &incident_schema, .code = 200, .flags = API_CONFLICT),
    API_OP(get_profile, "getProfile", "incidents", .params = {"incident"},
           .answer = &profile_schema, .code = 200, .flags = API_LANGUAGE),
    API_OP(get_status, "getStatus", "incidents", .params = {"incident"}, .answer = &status_schema,
           .code = 200),
    API_OP(get_history, "getIncidentHistory", "incidents", .params = {"incident"},
           .query = &api_paging_query, .answer = &api_event_list, .code = 200,
           .flags = API_LANGUAGE),
    API_OP(get_stream, "streamIncident", "incidents", .params = {"incident"},
           .query = &since_schema, .code = 200, .answer_type = "text/event-stream"),
    {0},
};
