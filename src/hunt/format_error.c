/* Error logs of web servers.
 *
 * | server | line |
 * | --- | --- |
 * | nginx | 2021/12/10 18:12:33 [error] 7#7: *1 text, client: 192.0.2.1, server: s, request: "…" |
 * | Apache 2.4 | [Fri Dec 10 18:12:33.123456 2021] [core:error] [pid 7:tid 9] [client A:PORT] text
 * | | Apache 2.2 | [Fri Dec 10 18:12:33 2021] [error] [client A] text |
 */
#include "hunt/format_int.h"

static void nginx_pairs(struct slice text, struct line_facts *f)
{
    static const char *const names[] = {"client", "request", "referrer",
                                        "host",   "server",  "upstream"};
    size_t first = text.n;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char key[32];
        int n = snprintf(key, sizeof key, ", %s: ", names[i]);
        size_t at = slice_find(text, slice_of(key, (size_t)n));
        if (at == text.n)
            continue;
        first = at < first ? at : first;
        struct cursor c = {text, at + (size_t)n};
        struct slice value;
        if (!take_quoted(&c, &value))
            value = take_until(&c, ",");
        if (i == 0)
            f->client = value;
        else
            facts_add(f, slice_str(names[i]), value);
    }
    facts_add(f, SLICE_LIT("message"), slice_sub(text, 0, first));
}

static bool parse_nginx(struct cursor *c, struct line_facts *f)
{
    int64_t ms = 0;
    if (!take_iso_time(c, &ms) || !take_text(c, " ["))
        return false;
    struct slice level = take_until(c, "]");
    if (level.n > 8 || !take_text(c, "] ") ||
        slice_index(slice_sub(cursor_rest(c), 0, 24), '#') >= slice_sub(cursor_rest(c), 0, 24).n)
        return false;
    facts_time(f, ms);
    nginx_pairs(cursor_rest(c), f);
    return true;
}

/* 192.0.2.1:80, 2001:db8::1:80, [2001:db8::1]:80 */
static struct slice bracketed_address(struct cursor *c)
{
    size_t from = c->at;
    if (take_char(c, '[')) {
        (void)take_until(c, "]");
        (void)take_char(c, ']');
    }
    (void)take_until(c, "] ");
    return slice_sub(c->s, from, c->at - from);
}

static bool parse_apache(struct cursor *c, struct line_facts *f)
{
    int64_t ms = 0;
    if (!take_char(c, '[') || !take_apache_time(c, &ms) || !take_char(c, ']'))
        return false;
    facts_time(f, ms);
    skip_spaces(c);
    bool port = false; /* 2.4 writes one behind each address, and the process before */
    while (take_char(c, '[')) {
        port |= slice_starts(cursor_rest(c), SLICE_LIT("pid "));
        if (take_text(c, "client ") || take_text(c, "remote ")) {
            struct slice client = bracketed_address(c);
            bool bare = is_address(client) && !port;
            if (!f->client.n) /* what modules write behind it has no port */
                f->client = bare ? client : host_of_pair(client);
        }
        (void)take_until(c, "]");
        (void)take_char(c, ']');
        skip_spaces(c);
    }
    facts_add(f, SLICE_LIT("message"), cursor_rest(c));
    return true;
}

static bool parse(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct cursor c = cursor_of(line);
    (void)x;
    if (line.n && line.p[0] == '[')
        return parse_apache(&c, f);
    return parse_nginx(&c, f);
}

const struct line_format format_error = {"error", parse};
