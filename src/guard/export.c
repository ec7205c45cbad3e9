/* The nearest equivalent of rules for edges that cannot load the module. See rules.h.
 *
 * Other edges have no evaluator: they find a lookup by its spelling. What they cannot do is told in
 * the text, line by line, and counted. docs/guard.md says how far each export reaches.
 */
#include "guard/export_int.h"

void export_left_out(struct exporter *x, unsigned line, const char *what, const char *why)
{
    (void)buf_addf(x->out, "# not exported: line %u, %s: %s\n", line, what, why);
    x->left_out++;
}

static void allow_left_out(struct exporter *x, unsigned line, int value)
{
    if (value == GUARD_ALLOWED)
        export_left_out(x, line, "allow callback", "the host of a lookup is not known there");
}

void export_callbacks(struct exporter *x)
{
    const struct guard_rules *r = x->r;
    if (r->callbacks.n + r->callback_nets.n)
        (void)buf_add_str(x->out,
                          "\n# call-backs: every lookup is denied, wherever it calls back to\n");
    for (size_t i = 0; i < r->callbacks.n; i++)
        allow_left_out(x, r->callbacks.list[i].line, r->callbacks.list[i].value);
    for (size_t i = 0; i < r->callback_nets.n; i++)
        allow_left_out(x, r->callback_nets.list[i].line, r->callback_nets.list[i].value);
}

/* --- expressions */

void export_literal(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '"' || c == '\'' || c == '#' || c == '%')
            (void)buf_addf(out, "\\x%02x", c);
        else if (c < 0x80 && strchr("\\^$.|?*+()[]{}", c))
            (void)buf_addf(out, "\\%c", c);
        else
            (void)buf_add(out, &c, 1);
    }
}

void export_expression(struct buf *out, const char *options, const char *expression)
{
    (void)buf_add_str(out, options);
    for (const char *p = expression; *p; p++) {
        bool escape = *p == '\\' && p[1];
        const char *c = escape ? p + 1 : p;
        if (*c == '"' || *c == '\'')
            (void)buf_addf(out, "\\x%02x", (unsigned)*c);
        else if (*c == '%' && c[1] == '{') /* no macro of ModSecurity */
            (void)buf_add_str(out, "\\x25");
        else
            (void)buf_add(out, p, escape ? 2 : 1);
        p = c;
    }
}

void export_host(struct buf *out, struct slice name)
{
    if (name.n == 0) {
        (void)buf_add_str(out, "^");
        return;
    }
    (void)buf_add_str(out, name.p[0] == '.' ? "^.+" : "^");
    export_literal(out, name);
    (void)buf_add_str(out, "\\.?$");
}

void export_path(struct buf *out, const struct rule_where *w)
{
    (void)buf_add_char(out, '^');
    export_literal(out, w->path);
    if (w->path_exact)
        (void)buf_add_char(out, '$');
}

void export_methods(struct buf *out, struct slice methods)
{
    struct slice one;
    (void)buf_add_str(out, "^(?:");
    for (bool first = true; slice_next_field(&methods, ',', &one); first = false) {
        (void)buf_add_str(out, first ? "" : "|");
        export_literal(out, one);
    }
    (void)buf_add_str(out, ")$");
}

/* --- lookups by their spelling */

static void one_character(struct buf *out, char c, bool encoded)
{
    unsigned lower = (unsigned char)c, upper = lower >= 'a' && lower <= 'z' ? lower - 32 : lower;
    (void)buf_add_str(out, "(?:");
    export_literal(out, slice_of(&c, 1));
    if (encoded) {
        (void)buf_addf(out, "|%%(?:25)*(?:%02x|%02x)|\\\\+(?:u+00|x)(?:%02x|%02x)", lower, upper,
                       lower, upper);
        (void)buf_addf(out, "|&#(?:0*(?:%u|%u)|x0*(?:%02x|%02x));?", lower, upper, lower, upper);
    }
    if (c == '$')
        (void)buf_add_str(out, "|&dollar;?");
    else if (c == '{' || c == '}')
        (void)buf_add_str(out, c == '{' ? "|&l(?:brace|cub);?" : "|&r(?:brace|cub);?");
    (void)buf_add_char(out, ')');
}

/* What may stand between the letters: variables that begin or end. */
static void between(struct buf *out, bool encoded)
{
    (void)buf_add_str(out, "(?:");
    one_character(out, '}', encoded);
    (void)buf_add_str(out, "|");
    one_character(out, '$', encoded);
    one_character(out, '{', encoded);
    (void)buf_add_str(out, encoded ? "[^{}]{0,300}?(?:[:\\-\\x27]|3a|2d|27|58;?|45;?|39;?)"
                                   : "[^{}]{0,60}[:\\-\\x27]");
    (void)buf_add_str(out, "|\\x27)*");
}

void export_lookup(struct buf *out, bool encoded)
{
    (void)buf_add_str(out, "(?i)");
    one_character(out, '$', encoded);
    one_character(out, '{', encoded);
    for (const char *p = "jndi:"; *p; p++) {
        between(out, encoded);
        if (*p == 'i') /* the dotless and the dotted one of Turkish become it */
            (void)buf_add_str(out, "(?:\\xc4[\\xb0\\xb1]|\\\\u013[01]|");
        one_character(out, *p, encoded);
        if (*p == 'i')
            (void)buf_add_char(out, ')');
    }
}

/* --- */

static int by_width(const void *a, const void *b)
{
    const struct rule_name *const *x = a, *const *y = b;
    bool wild_x = !(*x)->name.n || (*x)->name.p[0] == '.',
         wild_y = !(*y)->name.n || (*y)->name.p[0] == '.';
    if (wild_x != wild_y)
        return wild_x ? -1 : 1;
    if ((*x)->name.n != (*y)->name.n)
        return (*x)->name.n < (*y)->name.n ? -1 : 1;
    return (*x)->line < (*y)->line ? -1 : 1;
}

const struct rule_name **export_sites(const struct guard_rules *r)
{
    const struct rule_name **list = calloc(r->sites.n + 1, sizeof(struct rule_name *));
    for (size_t i = 0; list && i < r->sites.n; i++)
        list[i] = &r->sites.list[i];
    if (list && r->sites.n)
        qsort(list, r->sites.n, sizeof(struct rule_name *), by_width);
    return list;
}

enum status guard_rules_export(const struct guard_rules *r, enum guard_export as, struct buf *out,
                               size_t *ret_left_out, struct err *e)
{
    struct exporter x = {.r = r, .out = out};
    enum status st = as == GUARD_AS_HAPROXY ? export_haproxy(&x) : export_modsecurity(&x);
    if (st == OK)
        st = buf_status(out);
    if (st == ST_NOMEM)
        return err_set(e, st, N_("not enough memory"));
    if (st != OK)
        return err_set(e, st, N_("the export is longer than %zu bytes"), out->max);
    *ret_left_out = x.left_out;
    return OK;
}
