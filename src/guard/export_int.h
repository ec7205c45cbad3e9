/* What the exporters share; see export.c. */
#ifndef HIKESHI_GUARD_EXPORT_INT_H
#define HIKESHI_GUARD_EXPORT_INT_H

#include "guard/rules_int.h"

struct exporter {
    const struct guard_rules *r;
    struct buf *out;
    size_t left_out;
};

/* A comment line that says which rule has no equivalent and why, counted. */
void export_left_out(struct exporter *x, unsigned line, const char *what, const char *why);
/* Says what becomes of call-backs where the host of a lookup is not known. */
void export_callbacks(struct exporter *x);

/* --- expressions; none of them holds a quote of either kind */

/* The bytes themselves as an expression. */
void export_literal(struct buf *out, struct slice s);
/* An expression of the rules: behind `options`, a quote is written as \x22 or \x27. */
void export_expression(struct buf *out, const char *options, const char *expression);
/* "^example\.jp\.?$", "^.+\.example\.jp\.?$" or "^" for the name of a rule, without ports. */
void export_host(struct buf *out, struct slice name);
/* "^/api/" or "^/api$" */
void export_path(struct buf *out, const struct rule_where *w);
/* "^(?:GET|POST)$" */
void export_methods(struct buf *out, struct slice methods);
/* A lookup by its spelling: a variable whose name is jndi, its letters apart or not. With `encoded`
 * each character also as \u, \x and entities, for edges that do not decode these. */
void export_lookup(struct buf *out, bool encoded);
/* The beginning of one in base64, at each of the three places that it can have: ${jndi: and ${${.
 */
#define EXPORT_LOOKUP_BASE64 "(?:JHtqbmRpO|R7am5kaT|ke2puZGk6|JHske|R7JH[st]|keyR7)"

enum status export_modsecurity(struct exporter *x) MUST_USE;
enum status export_haproxy(struct exporter *x) MUST_USE;

/* Whether no part of the rule but its field limits where it holds. */
static inline bool export_everywhere(const struct rule_where *w)
{
    return !w->has_site && !w->methods.n && !w->path.n;
}

/* All sites, from the widest to the narrowest; for free(). NULL: no memory. */
const struct rule_name **export_sites(const struct guard_rules *r);

#endif
