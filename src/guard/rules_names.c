/* Hosts: one sorted table holds full names, ".suffix" for *.suffix and "" for *, so that the
 * narrowest is found by asking for the host, then for what stands behind each of its dots. */
#include "base/utf8.h"
#include "guard/rules_int.h"

#define NAME_MOST 253 /* RFC 1035 section 2.3.4, as text */
#define LABEL_MOST 63

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

struct slice rule_host_alone(struct slice host)
{
    if (host.n && host.p[0] == '[') { /* an IPv6 address keeps its brackets */
        size_t close = slice_index(host, ']');
        return slice_sub(host, 0, close + (close < host.n));
    }
    return slice_sub(host, 0, slice_index(host, ':'));
}

struct slice rule_host_normal(struct slice host, char room[RULE_HOST])
{
    while (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n > RULE_HOST - 1)
        host = slice_sub(host, host.n - (RULE_HOST - 1), RULE_HOST - 1);
    for (size_t i = 0; i < host.n; i++)
        room[i] = (char)lower(host.p[i]);
    room[host.n] = '\0';
    return slice_of(room, host.n);
}

static enum status check_labels(struct slice name, struct slice shown, struct err *e)
{
    struct slice rest = name, label;
    bool digits = true;
    while (slice_next_field(&rest, '.', &label)) {
        if (label.n == 0 || label.n > LABEL_MOST)
            return err_set(e, ST_INVALID,
                           N_("%.*s: no host name: between its dots stand 1 to %d characters"),
                           RULE_SHOWN(shown), LABEL_MOST);
        digits = true;
        for (size_t i = 0; i < label.n; i++) {
            uint8_t c = label.p[i];
            digits &= c >= '0' && c <= '9';
            if (c >= 0x80)
                return err_set(e, ST_INVALID, N_("%.*s: write the name's ASCII form (xn--…)"),
                               RULE_SHOWN(shown));
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
                return err_set(e, ST_INVALID,
                               N_("%.*s: no host name: allowed are letters, digits, - and _, "
                                  "*. in front, and * alone"),
                               RULE_SHOWN(shown));
        }
    }
    if (digits)
        return err_set(e, ST_INVALID, N_("%.*s: no IPv4 address: write four numbers up to 255"),
                       RULE_SHOWN(shown));
    return OK;
}

enum status rule_host_parse(struct slice text, char room[RULE_HOST], struct slice *ret,
                            struct err *e)
{
    struct slice name = text;
    if (slice_eq_str(text, "*")) {
        *ret = slice_of(room, 0);
        return OK;
    }
    bool wild = slice_starts(text, SLICE_LIT("*."));
    if (wild)
        name = slice_sub(text, 1, text.n); /* keeps the dot */
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n > NAME_MOST || name.n <= wild)
        return err_set(e, ST_INVALID, N_("%.*s: a host name has 1 to %d characters"),
                       RULE_SHOWN(text), NAME_MOST);
    if (slice_index(name, ':') < name.n)
        return err_set(e, ST_INVALID, N_("%.*s: ports do not count here: leave it out"),
                       RULE_SHOWN(text));
    for (size_t i = 0; i < name.n; i++)
        room[i] = (char)lower(name.p[i]);
    *ret = slice_of(room, name.n);
    return check_labels(slice_sub(*ret, wild, name.n), text, e);
}

bool rule_name_means(struct slice name, struct slice host)
{
    if (name.n == 0)
        return true;
    return name.p[0] == '.' ? host.n > name.n && slice_ends(host, name) : slice_eq(host, name);
}

static int compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

static int by_name(const void *a, const void *b)
{
    const struct rule_name *x = a, *y = b;
    int c = compare(x->name, y->name);
    return c ? c : x->line < y->line ? -1 : x->line > y->line;
}

enum status rule_names_sort(struct rule_names *t, struct err *e)
{
    if (t->n)
        qsort(t->list, t->n, sizeof *t->list, by_name);
    for (size_t i = 1; i < t->n; i++) {
        const struct rule_name *a = &t->list[i - 1], *b = &t->list[i];
        if (!slice_eq(a->name, b->name))
            continue;
        (void)err_set(e, ST_INVALID, N_("%s%.*s stands on line %u already"),
                      b->name.n == 0 || b->name.p[0] == '.' ? "*" : "", RULE_SHOWN(b->name),
                      a->line);
        err_prefix(e, N_("line %u"), b->line);
        return ST_INVALID;
    }
    return OK;
}

static const struct rule_name *find(const struct rule_names *t, struct slice name)
{
    size_t from = 0, to = t->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = compare(t->list[mid].name, name);
        if (c == 0)
            return &t->list[mid];
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

const struct rule_name *rule_names_find(const struct rule_names *t, struct slice host)
{
    const struct rule_name *found = t->n ? find(t, host) : NULL;
    if (!t->n || (found && host.n && host.p[0] != '.'))
        return found;
    for (size_t i = 1; i < host.n; i++)
        if (host.p[i] == '.' && (found = find(t, slice_sub(host, i, host.n))))
            return found;
    return find(t, slice_sub(host, host.n, 0));
}
