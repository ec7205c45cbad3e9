/* Access logs: the common and the combined format of Apache and nginx, with or without a virtual
 * host before it and more fields behind it; AWS load balancers; HAProxy.
 *
 * | format | line |
 * | --- | --- |
 * | combined | CLIENT IDENT USER [10/Dec/2021:18:12:33 +0900] "GET /x HTTP/1.1" 200 5 "REF" "UA" …
 * | | alb | https TIME BALANCER CLIENT:PORT TARGET … "GET https://h/x HTTP/1.1" "UA" …; the older
 *   one without the type |
 * | haproxy | [SYSLOG HEAD] CLIENT:PORT [10/Dec/2021:18:12:33.123] FRONTEND BACKEND/SERVER … {…}
 *   "GET /x HTTP/1.1" |
 */
#include "hunt/format_int.h"

static void add_request(struct line_facts *f, struct slice request)
{
    struct cursor c = cursor_of(request);
    struct slice method = take_word(&c), target = cursor_rest(&c);
    size_t protocol = slice_behind_last(target, ' ');
    if (!target.n) {
        facts_add(f, SLICE_LIT("request"), request);
        return;
    }
    facts_add(f, SLICE_LIT("method"), method);
    if (protocol) {
        facts_add(f, SLICE_LIT("protocol"), slice_sub(target, protocol, target.n));
        target = slice_sub(target, 0, protocol - 1);
    }
    facts_add(f, SLICE_LIT("target"), target);
}

/* What stands behind the time: quoted texts, of which the first is the request. X-Forwarded-For
 * stands in quotes behind the User-Agent, or without as the last word. */
static void add_quoted(struct cursor *c, struct line_facts *f)
{
    struct slice forwarded = {NULL, 0};
    static const char *const names[] = {"request", "Referer", "User-Agent", "X-Forwarded-For"};
    size_t bare = c->at;
    for (size_t i = 0; c->at < c->s.n;) {
        struct slice text;
        (void)take_until(c, "\"");
        if (!take_quoted(c, &text))
            break;
        if (i == 0)
            add_request(f, text);
        else if (i < ARRAY_LEN(names))
            facts_add(f, slice_str(names[i]), text);
        else
            facts_add(f, SLICE_LIT("quoted text"), text);
        forwarded = i == 3 ? text : forwarded;
        bare = c->at;
        i++;
    }
    if (!forwarded.n)
        forwarded = slice_trim(slice_sub(c->s, bare, c->s.n));
    f->client = client_behind(f->client, forwarded);
}

static bool looks_like_host(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '{' || s.p[i] == '<')
            return false;
    return s.n > 0;
}

/* The time stands in the first brackets, behind at most five words (a host, an address, ident and
 * a user's name of two words). */
static bool parse_combined(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct cursor c = cursor_of(line);
    struct slice words[6];
    size_t n = 0;
    int64_t ms = 0;
    (void)x;
    while (n < ARRAY_LEN(words) && c.at < line.n && line.p[c.at] != '[') {
        words[n] = take_word(&c);
        if (words[n].n == 0)
            return false;
        n++;
    }
    if (n == 0 || !take_char(&c, '[') || !take_clf_time(&c, &ms) || !take_char(&c, ']'))
        return false;
    struct slice listed = slice_sub(words[0], 0, slice_index(words[0], ','));
    bool address = is_address(listed) || (n >= 2 && is_address(words[1]));
    if (!address && (n != 3 || !looks_like_host(words[0])))
        return false; /* syslog stands before it; with host names there are just three words */
    f->client = words[0];
    if (listed.n != words[0].n) {
        f->client = listed; /* X-Forwarded-For in the place of the client, as a list */
    } else if (n >= 2 && !is_address(words[0]) && is_address(words[1])) {
        facts_add(f, SLICE_LIT("virtual host"), words[0]);
        f->client = words[1];
    }
    for (size_t i = 1; i < n; i++)
        if (words[i].n > 1 && words[i].p != f->client.p)
            facts_add(f, SLICE_LIT("user"), words[i]);
    facts_time(f, ms);
    add_quoted(&c, f);
    return true;
}

static bool parse_alb(struct slice line, const struct format_context *x, struct line_facts *f)
{
    static const char *const types[] = {"http", "https", "h2", "grpcs", "ws", "wss"};
    struct cursor c = cursor_of(line);
    size_t start = 0;
    int64_t ms = 0;
    (void)x;
    struct slice type = take_word(&c);
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        known |= slice_eq_str(type, types[i]);
    if (!known)
        c.at = start;
    if (!take_iso_time(&c, &ms) || !take_char(&c, ' '))
        return false;
    struct slice balancer = take_word(&c), client = take_word(&c), target = take_word(&c);
    struct slice address = host_of_pair(client);
    if (!balancer.n || address.n == client.n || !is_address(address) || !target.n)
        return false;
    if (!known && target.p[0] != '-' && !is_address(host_of_pair(target)))
        return false;
    f->client = address;
    facts_time(f, ms);
    struct slice text;
    (void)take_until(&c, "\"");
    if (take_quoted(&c, &text))
        add_request(f, text);
    (void)take_until(&c, "\"");
    if (take_quoted(&c, &text))
        facts_add(f, SLICE_LIT("User-Agent"), text);
    while (c.at < line.n) {
        (void)take_until(&c, "\"");
        if (take_quoted(&c, &text))
            facts_add(f, SLICE_LIT("quoted text"), text);
    }
    return true;
}

static bool parse_haproxy(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct cursor c = cursor_of(line);
    int64_t ms = 0;
    (void)x;
    /* any head that a syslog writes ends in "]: " or ": " */
    size_t head = slice_find(line, SLICE_LIT("]: "));
    if (head < 200 && head < line.n)
        c.at = head + 3;
    struct slice client = take_word(&c), address = host_of_pair(client);
    if (address.n == client.n || !is_address(address) || !take_char(&c, '[') ||
        !take_haproxy_time(&c, &ms) || !take_char(&c, ']'))
        return false;
    f->client = address;
    facts_time(f, ms);
    struct slice text;
    while (c.at < line.n) {
        (void)take_until(&c, "{\"");
        if (take_char(&c, '{')) { /* captured headers; a value may hold braces of its own */
            size_t end = slice_find(cursor_rest(&c), SLICE_LIT("} "));
            facts_add(f, SLICE_LIT("captured headers"), slice_sub(cursor_rest(&c), 0, end));
            c.at += end;
        } else if (take_quoted(&c, &text)) {
            add_request(f, text);
        }
    }
    return true;
}

const struct line_format format_combined = {"combined", parse_combined};
const struct line_format format_alb = {"alb", parse_alb};
const struct line_format format_haproxy = {"haproxy", parse_haproxy};
