/* Keys of lookups, taken apart as the reader of a URL there does. */
#include "hunt/callback.h"

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

/* The last colon outside of ${…} and brackets. */
static size_t port_colon(struct slice s)
{
    size_t found = s.n, depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '[' || (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{'))
            depth++;
        else if ((s.p[i] == ']' || s.p[i] == '}') && depth)
            depth--;
        else if (s.p[i] == ':' && depth == 0)
            found = i;
    }
    return found;
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
    host = slice_sub(host, slice_behind_last(host, '@'), host.n);
    colon = port_colon(host);
    uint64_t port = 0;
    if (colon < host.n) {
        if (slice_to_u64(slice_sub(host, colon + 1, host.n), &port) == OK && port <= UINT16_MAX)
            c.port = (uint16_t)port;
        host = slice_sub(host, 0, colon);
    }
    /* 127.0.0.1#evil.example: the part behind is what is asked for */
    if (c.path.n > 1 && c.path.p[0] == '#') {
        struct slice behind = slice_sub(c.path, 1, authority_end(slice_sub(c.path, 1, c.path.n)));
        colon = port_colon(behind);
        if (colon < behind.n && slice_to_u64(slice_sub(behind, colon + 1, behind.n), &port) == OK &&
            port <= UINT16_MAX)
            c.port = (uint16_t)port;
        host = slice_sub(behind, 0, colon);
    }
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = slice_sub(host, 1, host.n - 2);
    c.host = host;
    for (size_t i = 0; c.port == 0 && i < ARRAY_LEN(ports); i++) {
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

struct slice callback_fixed(struct slice host, bool *ret_partial)
{
    size_t from = 0, depth = 0;
    *ret_partial = false;
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '$' && i + 1 < host.n && host.p[i + 1] == '{')
            depth++;
        else if (host.p[i] == '}' && depth) {
            depth--;
            from = i + 1;
        }
    }
    if (depth)
        return (struct slice){NULL, 0};
    if (from == 0)
        return host;
    *ret_partial = true;
    struct slice rest = slice_sub(host, from, host.n);
    size_t dot = slice_index(rest, '.'); /* what stands before it belongs to the variable's label */
    rest = slice_sub(rest, dot < rest.n ? dot + 1 : rest.n, rest.n);
    return slice_index(rest, '.') < rest.n ? rest : (struct slice){NULL, 0}; /* a mere top level */
}
