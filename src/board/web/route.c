/* The table of routes. See route.h. */
#include "board/web/route.h"
#include "base/limits.h"
#include "board/web/form.h"

static const struct {
    enum web_method method;
    const char *name;
} methods[] = {
    {WEB_GET, "GET"},     {WEB_POST, "POST"},     {WEB_PUT, "PUT"},
    {WEB_PATCH, "PATCH"}, {WEB_DELETE, "DELETE"},
};

const char *route_method_name(enum web_method method)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (methods[i].method == method)
            return methods[i].name;
    }
    return "?";
}

enum web_method route_method_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    }
    return strcmp(name, "HEAD") == 0 ? WEB_GET : (enum web_method)0;
}

/* Whether the path has the pattern. Literal parts are compared as they stand: our own paths need no
 * escapes. *ret_literal counts them. */
static enum status matches(const char *pattern, struct slice path, struct arena *arena,
                           struct route_match *m, unsigned *ret_literal, bool *ret)
{
    struct slice want = slice_str(pattern + 1);
    struct slice have = slice_sub(path, 1, path.n);
    size_t params = 0;
    *ret_literal = 0;
    *ret = false;
    for (;;) {
        size_t w = slice_index(want, '/');
        size_t h = slice_index(have, '/');
        struct slice part = slice_sub(want, 0, w);
        struct slice seg = slice_sub(have, 0, h);
        if (slice_eq_str(part, ":n")) {
            int64_t id = 0;
            if (seg.n == 0 || seg.p[0] < '1' || seg.p[0] > '9' || slice_to_i64(seg, &id) != OK)
                return OK;
            m->id[params++] = id;
        } else if (slice_eq_str(part, ":w")) {
            if (seg.n == 0)
                return OK;
            enum status s = form_decode_segment(arena, seg, &m->word[params++]);
            if (s != OK)
                return s;
        } else if (slice_eq(part, seg)) {
            (*ret_literal)++;
        } else {
            return OK;
        }
        if (w == want.n || h == have.n) {
            *ret = w == want.n && h == have.n;
            return OK;
        }
        want = slice_sub(want, w + 1, want.n);
        have = slice_sub(have, h + 1, have.n);
    }
}

enum status route_find(const struct web_route *const *lists, enum web_method method,
                       struct slice path, struct arena *arena, struct route_match *ret)
{
    unsigned best = 0;
    *ret = (struct route_match){0};
    if (path.n == 0 || path.p[0] != '/' || memchr(path.p, '\0', path.n))
        return ST_MALFORMED;
    for (; *lists; lists++) {
        for (const struct web_route *r = *lists; r->pattern; r++) {
            struct route_match m = {.route = r};
            unsigned literal = 0;
            bool fits = false;
            enum status s = matches(r->pattern, path, arena, &m, &literal, &fits);
            if (s != OK)
                return s;
            if (!fits)
                continue;
            ret->allow |= (unsigned)r->method;
            if (r->method == method && (!ret->route || literal > best)) {
                m.allow = ret->allow;
                *ret = m;
                best = literal;
            }
        }
    }
    return OK;
}

/* --- the table's own rules */

static bool pattern_ok(const char *pattern)
{
    struct slice rest = slice_str(pattern);
    struct slice part;
    size_t params = 0;
    if (pattern[0] != '/')
        return false;
    rest = slice_sub(rest, 1, rest.n);
    if (rest.n == 0)
        return true;
    if (slice_ends(rest, SLICE_LIT("/")))
        return false;
    while (slice_next_field(&rest, '/', &part)) {
        if (part.n == 0)
            return false;
        if (part.p[0] == ':') {
            if (!slice_eq_str(part, ":n") && !slice_eq_str(part, ":w"))
                return false;
            params++;
        }
        for (size_t i = 0; i < part.n; i++) {
            uint8_t c = part.p[i];
            if (c <= 0x20 || c >= 0x7f || c == '%' || c == '?' || c == '#')
                return false;
        }
    }
    return params <= WEB_PARAMS;
}

static const char *row_fault(const struct web_route *r)
{
    bool body = (r->method & (WEB_POST | WEB_PUT | WEB_PATCH)) != 0;
    if (strcmp(route_method_name(r->method), "?") == 0)
        return "one method each";
    if (!pattern_ok(r->pattern))
        return "the pattern is none";
    if (!r->handler)
        return "no handler";
    if (!r->summary || strlen(r->summary) < 8)
        return "no summary";
    if (body != (r->body_limit > 0))
        return "a body limit belongs to POST, PUT and PATCH, and to them only";
    if (r->body_limit > LIMIT_JSON_BODY && (r->flags & ROUTE_API) &&
        !(r->flags & (ROUTE_STREAM | ROUTE_FILES)))
        return "a body this large has to be streamed";
    if ((r->flags & ROUTE_FILES) && (!(r->flags & ROUTE_API) || (r->flags & ROUTE_STREAM)))
        return "ROUTE_FILES is for whole bodies of the API; pages take files anyway";
    if ((r->flags & ROUTE_HOST) && !(r->flags & ROUTE_API))
        return "hosts speak to the API only";
    if ((r->flags & ROUTE_NO_DB) && (r->method != WEB_GET || r->roles))
        return "what needs no database is GET and for everybody";
    if ((r->flags & ROUTE_SETUP) && r->roles)
        return "set-up has no roles yet";
    if (r->roles & ~(unsigned)ROLES_READ)
        return "roles of people only; hosts by ROUTE_HOST";
    return NULL;
}

enum status route_check(const struct web_route *const *lists, struct err *e)
{
    for (const struct web_route *const *l = lists; *l; l++) {
        for (const struct web_route *r = *l; r->pattern; r++) {
            const char *fault = row_fault(r);
            if (fault)
                return err_set(e, ST_INVALID, "%s %s: %s", route_method_name(r->method), r->pattern,
                               fault);
            for (const struct web_route *const *l2 = lists; *l2; l2++) {
                for (const struct web_route *o = *l2; o->pattern; o++) {
                    if (o != r && o->method == r->method && strcmp(o->pattern, r->pattern) == 0)
                        return err_set(e, ST_INVALID, "%s %s stands twice in the table",
                                       route_method_name(r->method), r->pattern);
                }
            }
        }
    }
    return OK;
}
