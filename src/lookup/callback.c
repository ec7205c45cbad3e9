/* Keys of lookups, taken apart as the reader of a URL there does. */
#include "lookup/callback.h"

#include <arpa/inet.h>

static const struct {
    const char *scheme;
    uint16_t port;
} ports[] = {{"ldap", 389}, {"ldaps", 636}, {"rmi", 1099},  {"dns", 53},
             {"iiop", 535}, {"http", 80},   {"https", 443}, {"corba", 535}};

static bool same_scheme(struct slice s, const char *name)
{
    size_t n = strlen(name);
    return s.n == n && strncasecmp((const char *)s.p, name, n) == 0;
}

/* The end of the host and port: a slash outside of ${…}. */
static size_t authority_end(struct slice s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '$' && i + 1 < s.n && s.p[i + 1] == '{')
            depth++;
        else if (c == '}' && depth)
            depth--;
        else if (depth == 0 && (c == '/' || c == '?' || c == '#' || c <= ' ' || c == '"' ||
                                c == '\'' || c == '\\'))
            return i;
    }
    return s.n;
}

/* The last c outside of ${…} and brackets. */
static size_t last_outside(struct slice s, uint8_t c)
{
    size_t found = s.n, depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '[' || (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{'))
            depth++;
        else if ((s.p[i] == ']' || s.p[i] == '}') && depth)
            depth--;
        else if (s.p[i] == c && depth == 0)
            found = i;
    }
    return found;
}

/* Where the ${ at `at` ends, behind its }; s.n + 1: nowhere. *ret_default: what stands behind the
 * first :- that is its own; p NULL: nothing. */
static size_t variable_end(struct slice s, size_t at, struct slice *ret_default)
{
    size_t depth = 0, given = 0;
    *ret_default = (struct slice){NULL, 0};
    for (size_t i = at; i < s.n; i++) {
        if (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{') {
            depth++;
        } else if (s.p[i] == '}' && --depth == 0) {
            if (given)
                *ret_default = slice_sub(s, given, i - given);
            return i + 1;
        } else if (depth == 1 && !given && s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] == '-') {
            given = i + 2;
        }
    }
    return s.n + 1;
}

/* The text with defaults in the places of its variables. False: one has none. */
static bool fill_defaults(struct slice s, struct buf *out)
{
    size_t mark = out->n;
    for (size_t at = 0; at < s.n;) {
        struct slice rest = slice_sub(s, at, s.n), given;
        size_t plain = slice_find(rest, SLICE_LIT("${"));
        (void)buf_add_slice(out, slice_sub(rest, 0, plain));
        at += plain;
        if (at == s.n)
            break;
        at = variable_end(s, at, &given);
        if (at > s.n || !given.p || slice_find(given, SLICE_LIT("${")) < given.n) {
            buf_cut(out, mark);
            return false;
        }
        (void)buf_add_slice(out, given);
    }
    return true;
}

/* A port that is a number, or a default that is one. */
static void take_port(struct slice s, struct callback *c)
{
    char room[64];
    struct buf b;
    uint64_t port = 0;
    buf_over(&b, room, sizeof room);
    if (slice_find(s, SLICE_LIT("${")) < s.n) {
        c->port_unknown = true;
        if (!fill_defaults(s, &b))
            return;
        s = buf_slice(&b);
    }
    if (slice_to_u64(s, &port) != OK || port > UINT16_MAX)
        return;
    c->port = (uint16_t)port;
    c->port_unknown = false;
}

/* The host, and the port behind it if there is one. */
static struct slice take_host(struct slice authority, struct callback *c)
{
    size_t colon = last_outside(authority, ':');
    if (colon < authority.n)
        take_port(slice_sub(authority, colon + 1, authority.n), c);
    return slice_sub(authority, 0, colon);
}

struct callback callback_parse(struct slice key)
{
    struct callback c = {0};
    struct slice rest = key;
    if (slice_starts(rest, SLICE_LIT("java:comp/env/")))
        rest = slice_sub(rest, 14, rest.n);
    size_t colon = slice_index(rest, ':');
    if (colon == rest.n || slice_index(slice_sub(rest, 0, colon), '/') < colon)
        return (struct callback){.path = key};
    c.scheme = slice_sub(rest, 0, colon);
    rest = slice_sub(rest, colon + 1, rest.n);
    if (slice_eq_str(c.scheme, "java")) { /* a name of the program's own: nobody is called */
        c.path = rest;
        return c;
    }
    for (int i = 0; i < 2 && rest.n && rest.p[0] == '/'; i++)
        rest = slice_sub(rest, 1, rest.n);
    size_t end = authority_end(rest);
    struct slice host = slice_sub(rest, 0, end);
    c.path = slice_sub(rest, end, rest.n);
    size_t at = last_outside(host, '@');
    host = slice_sub(host, at < host.n ? at + 1 : 0, host.n);
    host = take_host(host, &c);
    /* 127.0.0.1#evil.example: the part behind is what is asked for */
    if (c.path.n > 1 && c.path.p[0] == '#')
        host = take_host(slice_sub(c.path, 1, authority_end(slice_sub(c.path, 1, c.path.n))), &c);
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = slice_sub(host, 1, host.n - 2);
    c.host = host;
    for (size_t i = 0; c.port == 0 && !c.port_unknown && i < ARRAY_LEN(ports); i++) {
        if (same_scheme(c.scheme, ports[i].scheme)) {
            c.port = ports[i].port;
            c.port_default = true;
        }
    }
    return c;
}

/* inet_aton's forms: one to four numbers, decimal, octal or hexadecimal. */
static bool ipv4_of(const char *text, struct in_addr *ret)
{
    for (const char *p = text; *p; p++)
        if (!strchr("0123456789abcdefx.", *p))
            return false;
    return text[0] >= '0' && text[0] <= '9' && inet_aton(text, ret) == 1;
}

enum status callback_host(struct slice host, struct buf *out)
{
    char text[256], form[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n >= sizeof text)
        return buf_add_slice(out, host);
    for (size_t i = 0; i < host.n; i++)
        text[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
    text[host.n] = '\0';
    if (memchr(text, 0, host.n))
        return buf_add(out, text, host.n);
    if (ipv4_of(text, &v4) && inet_ntop(AF_INET, &v4, form, sizeof form))
        return buf_add_str(out, form);
    if (inet_pton(AF_INET6, text, &v6) == 1) {
        if (IN6_IS_ADDR_V4MAPPED(&v6)) {
            memcpy(&v4, v6.s6_addr + 12, sizeof v4);
            return buf_add_str(out, inet_ntop(AF_INET, &v4, form, sizeof form) ? form : text);
        }
        return buf_add_str(out, inet_ntop(AF_INET6, &v6, form, sizeof form) ? form : text);
    }
    return buf_add(out, text, host.n);
}

/* --- what can be looked for */

static bool is_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* Names below which anybody has names: a top level, and what countries keep below theirs (co.jp).
 * The last part of an address is none at all. */
static bool is_anybodys(struct slice name)
{
    static const char *const kept[] = {"ac",  "ad", "co", "com", "ed",  "edu", "go", "gob",
                                       "gov", "gr", "lg", "ne",  "net", "nom", "or", "org"};
    size_t dot = slice_index(name, '.');
    struct slice first = slice_sub(name, 0, dot), rest = slice_sub(name, dot + 1, name.n);
    if (!rest.n || is_digits(slice_sub(name, slice_behind_last(name, '.'), name.n)))
        return true;
    for (size_t i = 0; rest.n == 2 && i < ARRAY_LEN(kept); i++)
        if (same_scheme(first, kept[i]))
            return true;
    return false;
}

/* Behind the last variable; a label that one stands in is not known. Empty: there is a variable
 * that does not end, or nothing. */
static struct slice literal_end(struct slice host, bool *ret_variable)
{
    size_t from = 0;
    *ret_variable = false;
    for (size_t i;
         (i = slice_find(slice_sub(host, from, host.n), SLICE_LIT("${"))) + from < host.n;) {
        struct slice given;
        *ret_variable = true;
        from = variable_end(host, from + i, &given);
        if (from > host.n)
            return (struct slice){NULL, 0};
    }
    if (!*ret_variable)
        return host;
    struct slice rest = slice_sub(host, from, host.n);
    size_t dot = slice_index(rest, '.');
    return dot < rest.n ? slice_sub(rest, dot + 1, rest.n) : (struct slice){NULL, 0};
}

enum status callback_sought(struct slice host, struct buf *out, bool *ret_below)
{
    bool variable = false;
    struct buf filled;
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    struct slice rest = literal_end(host, &variable);
    *ret_below = variable && rest.n && !is_anybodys(rest);
    if (!variable || *ret_below)
        return callback_host(rest, out);
    /* nothing of it is literal, or too little: what the defaults make of it */
    buf_init(&filled, host.n + 1);
    enum status st = fill_defaults(host, &filled) ? callback_host(buf_slice(&filled), out) : OK;
    buf_done(&filled);
    return st;
}
