/* One JSON object a line: Elastic Common Schema and the keys that programs commonly use.
 *
 * Not a validator: strings, braces and colons are followed, whatever else is wrong with the line,
 * because a line that was cut is searched as well. A key of an object inside another is known by
 * its path with dots (source.ip), as it is when a program writes it so at once.
 */
#include "hunt/format_int.h"

#define DEPTH 16
#define PATH 128

static const char *const times[] = {
    "@timestamp", "timestamp",           "time",         "ts",         "date",    "datetime",
    "eventtime",  "event.created",       "time_iso8601", "time_local", "msec",    "asctime",
    "timemillis", "instant.epochsecond", "start_time",   "starttime",  "logtime", "@t"};
static const char *const clients[] = {"source.ip",
                                      "client.ip",
                                      "client.address",
                                      "source.address",
                                      "client_ip",
                                      "clientip",
                                      "remote_addr",
                                      "remote_ip",
                                      "remoteaddr",
                                      "remoteip",
                                      "remote_address",
                                      "src_ip",
                                      "srcip",
                                      "sourceipaddress",
                                      "source_ip",
                                      "c-ip",
                                      "httprequest.clientip",
                                      "httprequest.remoteip",
                                      "request.remote_ip",
                                      "request.remoteaddress",
                                      "req.remoteaddress",
                                      "ip",
                                      "ipaddress",
                                      "client",
                                      "host_client",
                                      "clienthost",
                                      "downstream_remote_address",
                                      "clientaddr",
                                      "request.client_ip",
                                      "contextmap.ip",
                                      "contextmap.client",
                                      "contextmap.clientip",
                                      "contextmap.client_ip",
                                      "mdc.ip",
                                      "mdc.client",
                                      "mdc.clientip",
                                      "mdc.client_ip"};
static const char *const forwards[] = {
    "x_forwarded_for", "x-forwarded-for", "xforwardedfor", "http_x_forwarded_for", "xff",
    "forwarded_for"};
/* A line of another program, which a collector put into an object of its own. */
static const char *const lines[] = {
    "log", "message", "event.original", "log.original", "textpayload", "msg", "line"};

struct json_line {
    struct cursor c;
    char path[PATH]; /* the keys that lead here, lower case, with dots */
    size_t path_n, depth, base[DEPTH];
    size_t client_rank, time_rank, line_rank;
    struct slice forwarded, inner;
    struct line_facts *f;
};

static size_t rank_in(const char *const *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], path) == 0)
            return i;
    return n;
}

static bool time_of(struct slice v, int64_t *ret)
{
    struct cursor c = cursor_of(v);
    return take_iso_time(&c, ret) || take_clf_time(&c, ret) || parse_epoch(v, ret);
}

static void value(struct json_line *j, struct slice name, struct slice v)
{
    size_t rank = rank_in(times, ARRAY_LEN(times), j->path);
    int64_t ms = 0;
    if (rank < j->time_rank && time_of(v, &ms)) {
        facts_time(j->f, ms);
        j->time_rank = rank;
    }
    rank = rank_in(clients, ARRAY_LEN(clients), j->path);
    if (rank < j->client_rank) {
        struct slice address = is_address(v) ? v : without_port(v);
        if (is_address(address)) {
            j->f->client = address;
            j->client_rank = rank;
        }
    }
    if (rank_in(forwards, ARRAY_LEN(forwards), j->path) < ARRAY_LEN(forwards))
        j->forwarded = v;
    rank = rank_in(lines, ARRAY_LEN(lines), j->path);
    if (rank < j->line_rank) {
        j->inner = v;
        j->line_rank = rank;
    }
    facts_add(j->f, name, v);
}

/* What the object itself does not say. */
static void add_inner(struct json_line *j, const struct format_context *x)
{
    static const struct line_format *const inner[] = {&format_combined, &format_haproxy,
                                                      &format_error, &format_java};
    struct line_facts f;
    for (size_t i = 0; j->inner.n && !j->f->client.n && i < ARRAY_LEN(inner); i++) {
        f = (struct line_facts){0};
        if (!inner[i]->parse(j->inner, x, &f))
            continue;
        j->f->client = f.client;
        if (!j->f->has_time && f.has_time)
            facts_time(j->f, f.time_ms);
        break;
    }
    if (j->f->client.n)
        j->f->client = client_behind(j->f->client, j->forwarded);
    else if (is_address(j->forwarded))
        j->f->client = j->forwarded;
}

/* Puts a key behind the path of the object that it stands in. */
static void set_key(struct json_line *j, struct slice key)
{
    size_t n = j->depth < DEPTH ? j->base[j->depth] : PATH - 1;
    if (n && n < PATH - 1)
        j->path[n++] = '.';
    for (size_t i = 0; i < key.n && n < PATH - 1; i++)
        j->path[n++] = (char)(key.p[i] >= 'A' && key.p[i] <= 'Z' ? key.p[i] | 0x20 : key.p[i]);
    j->path[n] = '\0';
    j->path_n = n;
}

static void json_spaces(struct cursor *c)
{
    while (c->at < c->s.n && (c->s.p[c->at] == ' ' || c->s.p[c->at] == '\t'))
        c->at++;
}

/* One token. A string is a key when a colon stands behind it. */
static void step(struct json_line *j, struct slice *key)
{
    struct cursor *c = &j->c;
    struct slice text;
    if (take_quoted(c, &text)) {
        json_spaces(c);
        if (take_char(c, ':')) {
            *key = text;
            set_key(j, text);
        } else {
            value(j, *key, text);
        }
        return;
    }
    switch (c->s.p[c->at]) {
    case '{':
        if (++j->depth < DEPTH)
            j->base[j->depth] = j->path_n;
        c->at++;
        return;
    case '}':
        j->depth -= j->depth > 0;
        c->at++;
        return;
    case '[':
    case ']':
    case ',':
    case ':':
    case ' ':
    case '\t':
    case '\r':
        c->at++;
        return;
    default:
        text = take_until(c, ",]} \t\r\"");
        value(j, *key, text);
    }
}

static bool parse(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct json_line j = {.c = cursor_of(line),
                          .client_rank = ARRAY_LEN(clients),
                          .time_rank = ARRAY_LEN(times),
                          .line_rank = ARRAY_LEN(lines),
                          .f = f};
    struct slice key = {NULL, 0};
    json_spaces(&j.c);
    size_t start = j.c.at;
    if (!take_char(&j.c, '{'))
        return false;
    json_spaces(&j.c);
    if (j.c.at >= line.n || (line.p[j.c.at] != '"' && line.p[j.c.at] != '}'))
        return false;
    j.c.at = start;
    while (j.c.at < line.n)
        step(&j, &key);
    add_inner(&j, x);
    return true;
}

const struct line_format format_json = {"json", parse};
