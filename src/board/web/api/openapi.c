/* The description of the API (OpenAPI 3.1), made from the table of routes and the operations. */
#include "board/case/account.h"
#include "board/web/api/api.h"
#include "board/web/route.h"

#include <ctype.h>

#define PROBLEM "application/problem+json"

/* Sets a member; false when memory ran out. Takes the value also then. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

static json_t *ref_to(const char *name)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
}

/* --- schemas: each by its name, with those it refers to */

static bool add_schema(json_t *schemas, const struct api_schema *s, bool answer)
{
    if (!s || json_object_get(schemas, s->name))
        return true;
    if (!put(schemas, s->name, api_describe(s, answer)))
        return false;
    for (const struct api_field *d = s->fields; d->name; d++) {
        if (d->of && !add_schema(schemas, d->of, answer)) /* as deep as our own tables */
            return false;
    }
    return true;
}

static json_t *problem_schema(void)
{
    static const char text[] =
        "{\"type\": \"object\", \"description\": \"what went wrong (RFC 9457)\", "
        "\"properties\": {"
        "\"type\": {\"type\": \"string\", \"format\": \"uri-reference\"}, "
        "\"title\": {\"type\": \"string\"}, "
        "\"status\": {\"type\": \"integer\", \"minimum\": 400, \"maximum\": 599}, "
        "\"detail\": {\"type\": \"string\"}, "
        "\"errors\": {\"type\": \"array\", \"description\": \"each fault of what was sent\", "
        "\"items\": {\"type\": \"object\", \"properties\": {"
        "\"pointer\": {\"type\": \"string\", \"description\": \"in the body (RFC 6901)\"}, "
        "\"parameter\": {\"type\": \"string\", \"description\": \"of the query\"}, "
        "\"detail\": {\"type\": \"string\"}}, "
        "\"required\": [\"detail\"], \"additionalProperties\": false}}, "
        "\"current\": {\"type\": \"object\", \"description\": \"what it is now, where somebody was "
        "quicker\"}}, "
        "\"required\": [\"type\", \"title\", \"status\", \"detail\"], "
        "\"additionalProperties\": false}";
    return json_loads(text, 0, NULL);
}

/* --- one operation */

static bool takes_many(const struct api_field *d)
{
    return d->type == API_BITS || d->type == API_IDS || d->type == API_LINES;
}

static bool add_query(json_t *list, const struct api_schema *query)
{
    for (const struct api_field *d = query->fields; d->name; d++) {
        json_t *p = json_pack("{s:s, s:s, s:b, s:s*, s:o}", "name", d->name, "in", "query",
                              "required", (d->flags & API_NEED) != 0, "description", d->says,
                              "schema", api_describe_field(d, false));
        if (p && takes_many(d) && !put(p, "explode", json_false()))
            return false;
        if (!p || json_array_append_new(list, p) != 0)
            return false;
    }
    return true;
}

static bool add_header(json_t *list, const char *name, const char *says)
{
    return json_array_append_new(list,
                                 json_pack("{s:s, s:s, s:s, s:{s:s}}", "name", name, "in", "header",
                                           "description", says, "schema", "type", "string")) == 0;
}

static json_t *parameters(const struct web_route *r, const struct api_op *op)
{
    json_t *list = json_array();
    bool fine = list != NULL;
    struct slice rest = slice_str(r->pattern);
    struct slice part;
    size_t n = 0;
    while (fine && slice_next_field(&rest, '/', &part)) {
        bool number = slice_eq_str(part, ":n");
        if (!number && !slice_eq_str(part, ":w"))
            continue;
        json_t *schema = number ? json_pack("{s:s, s:i}", "type", "integer", "minimum", 1)
                                : json_pack("{s:s}", "type", "string");
        fine = json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "name",
                                                     op->params[n] ? op->params[n] : "?", "in",
                                                     "path", "required", 1, "schema", schema)) == 0;
        n++;
    }
    if (fine && op->query)
        fine = add_query(list, op->query);
    if (fine && (op->flags & API_LANGUAGE))
        fine = add_header(list, "Accept-Language", "ja or en: the language of the sentences");
    if (fine && (op->flags & API_MATCH))
        fine = add_header(list, "If-Match", "the ETag with which it was read");
    if (fine)
        return list;
    json_decref(list);
    return NULL;
}

/* The form beside JSON: the same fields, and a file. */
static json_t *form_schema(const struct api_schema *body)
{
    json_t *s = api_describe(body, false);
    json_t *properties = s ? json_object_get(s, "properties") : NULL;
    if (s &&
        !put(properties, "file", json_pack("{s:s, s:s}", "type", "string", "format", "binary"))) {
        json_decref(s);
        s = NULL;
    }
    return s;
}

static json_t *request_body(const struct api_op *op)
{
    json_t *content = json_object();
    bool fine = content != NULL;
    bool needed = op->body_type != NULL || (op->flags & API_FORM);
    for (const struct api_field *d = op->body ? op->body->fields : NULL; d && d->name; d++)
        needed = needed || (d->flags & API_NEED);
    if (fine && op->body_type)
        fine = put(content, op->body_type, json_pack("{s:{s:s}}", "schema", "type", "string"));
    bool only_file = (op->flags & API_FORM) && op->body == &api_nothing;
    if (fine && op->body && !only_file)
        fine =
            put(content, "application/json", json_pack("{s:o}", "schema", ref_to(op->body->name)));
    if (fine && (op->flags & API_FORM))
        fine = put(content, "multipart/form-data",
                   json_pack("{s:o}", "schema", form_schema(op->body ? op->body : &api_nothing)));
    if (fine)
        return json_pack("{s:b, s:o}", "required", needed, "content", content);
    json_decref(content);
    return NULL;
}

static const struct {
    unsigned code;
    const char *says;
} problems[] = {
    {401, "nobody is logged in, and no token that is in use was given"},
    {403, "this account or host may not do this"},
    {404, "there is no such thing, or it is not the owner's own"},
    {409, "somebody else changed it first, or the incident is closed"},
    {412, "it is no longer what If-Match says"},
    {413, "larger than can be taken"},
    {415, "the body is not of a kind that is taken"},
    {422, "what was sent cannot be accepted; `errors` says where"},
    {428, "neither If-Match nor row_version was given"},
};

static bool may_answer(const struct web_route *r, const struct api_op *op, unsigned code)
{
    switch (code) {
    case 401:
    case 403:
        return r->roles != 0;
    case 404:
        return op->params[0] != NULL;
    case 409:
        return (op->flags & API_CONFLICT) != 0;
    case 412:
    case 428:
        return (op->flags & API_MATCH) != 0;
    case 413:
    case 415:
        return r->body_limit > 0;
    case 422:
        return op->query || r->body_limit > 0;
    default:
        return false;
    }
}

static json_t *problem_response(const char *says)
{
    return json_pack("{s:s, s:{s:{s:o}}}", "description", says, "content", PROBLEM, "schema",
                     ref_to("Problem"));
}

static bool add_response_header(json_t *response, const char *name, const char *says)
{
    json_t *headers = json_object_get(response, "headers");
    if (!headers) {
        headers = json_object();
        if (!put(response, "headers", headers))
            return false;
    }
    return put(headers, name,
               json_pack("{s:s, s:{s:s}}", "description", says, "schema", "type", "string"));
}

static json_t *success(const struct api_op *op)
{
    json_t *ret = json_pack("{s:s}", "description",
                            op->code == 204   ? "done"
                            : op->code == 201 ? "made"
                            : op->code == 202 ? "begun"
                                              : "the answer");
    bool fine = ret != NULL;
    if (fine && op->answer)
        fine = put(ret, "content",
                   json_pack("{s:{s:o}}", "application/json", "schema", ref_to(op->answer->name)));
    else if (fine && op->answer_type)
        fine = put(ret, "content",
                   json_pack("{s:{s:{s:s}}}", op->answer_type, "schema", "type", "string"));
    if (fine && (op->flags & API_ETAG))
        fine = add_response_header(ret, "ETag", "its version, for If-Match");
    if (fine && (op->flags & API_PLACE))
        fine = add_response_header(ret, "Location", "where it is");
    if (fine)
        return ret;
    json_decref(ret);
    return NULL;
}

static json_t *responses(const struct web_route *r, const struct api_op *op)
{
    json_t *ret = json_object();
    char code[8];
    (void)snprintf(code, sizeof code, "%u", op->code);
    bool fine = ret && put(ret, code, success(op));
    if (fine && (op->flags & API_AGAIN))
        fine = put(ret, "200", success(op));
    for (size_t i = 0; i < ARRAY_LEN(problems) && fine; i++) {
        if (!may_answer(r, op, problems[i].code))
            continue;
        (void)snprintf(code, sizeof code, "%u", problems[i].code);
        fine = put(ret, code, problem_response(problems[i].says));
    }
    if (fine)
        fine = put(ret, "default", problem_response("any other fault"));
    if (fine)
        return ret;
    json_decref(ret);
    return NULL;
}

static json_t *roles(const struct web_route *r)
{
    json_t *list = json_array();
    for (unsigned bit = ROLE_ADMIN; list && bit <= ROLE_READER; bit <<= 1) {
        if (r->roles & bit)
            (void)json_array_append_new(list, json_string(role_name((enum role)bit)));
    }
    if (list && (r->flags & ROUTE_HOST))
        (void)json_array_append_new(list, json_string("host"));
    return list;
}

static json_t *security(const struct web_route *r)
{
    if (!r->roles)
        return json_array();
    return json_pack("[{s:[]}, {s:[]}]", "token", "session");
}

static json_t *operation(const struct web_route *r, const struct api_op *op)
{
    json_t *ret = json_pack("{s:s, s:s, s:s*, s:[s], s:o, s:o, s:o, s:o}", "operationId", op->id,
                            "summary", r->summary, "description", op->says, "tags", op->tag,
                            "parameters", parameters(r, op), "responses", responses(r, op),
                            "security", security(r), "x-roles", roles(r));
    bool fine = ret != NULL;
    if (fine && (op->body || op->body_type || (op->flags & API_FORM)))
        fine = put(ret, "requestBody", request_body(op));
    if (fine)
        return ret;
    json_decref(ret);
    return NULL;
}

/* "/api/v1/assets/:n" as "/api/v1/assets/{asset}" */
static void path_of(const struct web_route *r, const struct api_op *op, char *ret, size_t size)
{
    struct buf b;
    struct slice rest = slice_sub(slice_str(r->pattern), 1, strlen(r->pattern));
    struct slice part;
    size_t n = 0;
    buf_over(&b, ret, size);
    while (slice_next_field(&rest, '/', &part)) {
        if (part.n && part.p[0] == ':') {
            (void)buf_addf(&b, "/{%s}", op->params[n] ? op->params[n] : "?");
            n++;
        } else {
            (void)buf_add_char(&b, '/');
            (void)buf_add_slice(&b, part);
        }
    }
}

static bool add_route(json_t *paths, json_t *schemas, const struct web_route *r)
{
    const struct api_op *op = api_op_of(r);
    char path[200];
    char method[8];
    if (!op)
        return true; /* the test of the tables finds it */
    path_of(r, op, path, sizeof path);
    (void)snprintf(method, sizeof method, "%s", route_method_name(r->method));
    for (char *p = method; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    json_t *item = json_object_get(paths, path);
    if (!item) {
        item = json_object();
        if (!put(paths, path, item))
            return false;
    }
    return put(item, method, operation(r, op)) && add_schema(schemas, op->answer, true) &&
           add_schema(schemas, op->body, false);
}

static json_t *describe(void)
{
    json_t *paths = json_object();
    json_t *schemas = json_object();
    bool fine = paths && schemas && put(schemas, "Problem", problem_schema());
    for (const struct web_route *const *list = web_routes; *list && fine; list++) {
        for (const struct web_route *r = *list; r->pattern && fine; r++) {
            if (slice_starts(slice_str(r->pattern), SLICE_LIT(API "/")))
                fine = add_route(paths, schemas, r);
        }
    }
    if (!fine) {
        json_decref(paths);
        json_decref(schemas);
        return NULL;
    }
    return json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:{s:o, s:{s:{s:s, s:s, s:s}, "
        "s:{s:s, s:s, s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "hikeshi board", "version", HIKESHI_VERSION,
        "description",
        "Everything a page of the board can do. Times are RFC 3339, text that is not known is "
        "empty, "
        "a time that is not known is null. Lists are paged by cursors: give `next` back as "
        "`cursor`.",
        "license", "name", "Apache-2.0", "identifier", "Apache-2.0", "servers", "url", "/", "paths",
        paths, "components", "schemas", schemas, "securitySchemes", "token", "type", "http",
        "scheme", "bearer", "description", "a person's own API token, or a host's", "session",
        "type", "apiKey", "in", "cookie", "name", "hikeshi_session", "description",
        "a session of a browser; what changes something needs the header X-CSRF-Token as well");
}

static enum status get_description(struct web_request *r, struct web_response *res, struct err *e)
{
    (void)r;
    json_t *v = describe();
    return v ? web_json(res, 200, v) : api_nomem(e);
}

const struct web_route api_openapi_routes[] = {
    {WEB_GET, API "/openapi.json", ROLES_ANYBODY, 0, ROUTE_API | ROUTE_NO_DB, get_description,
     "This description (OpenAPI 3.1)"},
    {0},
};

const struct api_op api_openapi_ops[] = {
    API_OP(get_description, "getDescription", "description", .code = 200,
           .answer_type = "application/json"),
    {0},
};
