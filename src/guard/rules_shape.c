/* How large an expression becomes, before it is given to a compiler that takes long over large
 * ones.
 *
 * Compiling takes time for the edges of the automaton whose states are the positions of the
 * expression (Glushkov's construction), little for those that are written down and much for those
 * that counted repeats make of few bytes: (a*b*){200} has 80,000. The edges are counted from the
 * parts: of AB those of both and one from each last position of A to each first one of B, and so
 * on. What repeats of groups add is counted by itself; a repeat of a single position, .{0,200},
 * which the compiler keeps as a counter, as an eighth of its copies, and in full where a group
 * around it repeats as well. One pass over the text with a stack of groups; each repeat costs
 * as many steps as it has copies.
 *
 * Told apart are the forms that matter for the size: groups, alternatives, classes, escapes,
 * repeats. What is wrong besides, the compiler says. Refused here is what matching of bytes would
 * get wrong: expressions of characters (UTF-8 mode over values that may be no UTF-8), classes and
 * repeats of characters of several bytes.
 */
#include "base/utf8.h"
#include "guard/rules_int.h"

#define MANY ((uint64_t)1 << 40)

static const struct rule_shape nothing = {.nullable = true};
static const struct rule_shape position = {
    .first = 1, .last = 1, .edges = 1, .full = 1, .single = true};

static uint64_t capped(uint64_t n)
{
    return n < MANY ? n : MANY;
}

static uint64_t product(uint64_t a, uint64_t b)
{
    return a && b > MANY / a ? MANY : a * b;
}

static struct rule_shape in_turn(struct rule_shape a, struct rule_shape b)
{
    return (struct rule_shape){
        .first = capped(a.first + (a.nullable ? b.first : 0)),
        .last = capped(b.last + (b.nullable ? a.last : 0)),
        .edges = capped(a.edges + b.edges + product(a.last, b.first)),
        .copied = capped(a.copied + b.copied),
        .full = capped(a.full + b.full + product(a.last, b.first)),
        .nullable = a.nullable && b.nullable,
    };
}

static struct rule_shape either(struct rule_shape a, struct rule_shape b)
{
    return (struct rule_shape){
        .first = capped(a.first + b.first),
        .last = capped(a.last + b.last),
        .edges = capped(a.edges + b.edges),
        .copied = capped(a.copied + b.copied),
        .full = capped(a.full + b.full),
        .nullable = a.nullable || b.nullable,
    };
}

struct repeat {
    unsigned min, max;
    bool endless;
};

static struct rule_shape repeated(struct rule_shape a, struct repeat r)
{
    struct rule_shape all = nothing;
    unsigned copies = r.endless ? (r.min ? r.min : 1) : r.max;
    if (a.single) {
        a.full = copies;
        a.copied = copies / 8;
        a.nullable = r.min == 0;
        a.single = false;
        return a;
    }
    for (unsigned i = 0; i < copies && all.edges < MANY; i++) {
        struct rule_shape one = a;
        one.nullable |= i >= r.min;
        all = in_turn(all, one);
    }
    if (r.endless)
        all.edges = capped(all.edges + product(a.last, a.first));
    all.copied = all.full > a.edges ? all.full - a.edges : 0;
    return all;
}

/* --- reading */

struct group {
    struct rule_shape before, /* alternatives that are done */
        here;                 /* of the one that is read, up to the last atom */
    bool any_before;
};

struct reader {
    struct slice text;
    size_t at;
    struct group group[LIMIT_GUARD_NESTING + 1];
    size_t depth;
    struct rule_shape atom; /* the last one: a repeat may follow */
    bool wide;              /* it ends with a character of several bytes */
};

static int peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->text.n ? r->text.p[r->at + ahead] : -1;
}

static void take_atom(struct reader *r, struct rule_shape atom)
{
    struct group *g = &r->group[r->depth];
    g->here = in_turn(g->here, r->atom);
    r->atom = atom;
    r->wide = false;
}

static struct rule_shape close_group(struct reader *r)
{
    struct group *g = &r->group[r->depth];
    take_atom(r, nothing);
    return g->any_before ? either(g->before, g->here) : g->here;
}

/* (?i), (?i:, (?P<name>, (?:, (?#…): up to where the group's content begins. */
static enum status open_group(struct reader *r, struct err *e)
{
    static const struct group empty = {.before = {.nullable = true}, .here = {.nullable = true}};
    r->at++;
    if (peek(r, 0) == '*')
        return err_set(e, ST_INVALID, N_("(*…): matching is of bytes, and has no such options"));
    if (peek(r, 0) == '?' && peek(r, 1) == '#') {
        r->at += slice_index(slice_sub(r->text, r->at, r->text.n), ')') + 1;
        return OK;
    }
    if (peek(r, 0) == '?') {
        size_t i = 1;
        for (int c; (c = peek(r, i)) == '-' || (c >= 'a' && c <= 'z'); i++)
            if (c == 'x')
                return err_set(e, ST_INVALID,
                               N_("(?x): write the expression without blanks and comments"));
        r->at += i;
        if (peek(r, 0) == ')') { /* options for what follows */
            r->at++;
            return OK;
        }
        if (peek(r, 0) == ':')
            r->at++;
    }
    if (r->depth == LIMIT_GUARD_NESTING)
        return err_set(e, ST_LIMIT, N_("groups nest deeper than %d"), LIMIT_GUARD_NESTING);
    take_atom(r, nothing);
    r->group[++r->depth] = empty;
    return OK;
}

static enum status take_class(struct reader *r, struct err *e)
{
    size_t i = r->at + 1;
    if (i < r->text.n && r->text.p[i] == '^')
        i++;
    for (bool first = true; i < r->text.n && (first || r->text.p[i] != ']'); first = false) {
        uint8_t c = r->text.p[i];
        if (c >= 0x80)
            return err_set(
                e, ST_INVALID,
                N_("a class holds the character %.*s: write (?:…|…) instead, matching is "
                   "of bytes"),
                RULE_SHOWN(slice_sub(r->text, i,
                                     c >= 0xf0   ? 4
                                     : c >= 0xe0 ? 3
                                                 : 2)));
        if (c == '[' && i + 1 < r->text.n && r->text.p[i + 1] == ':') { /* [:alpha:] */
            size_t end = slice_find(slice_sub(r->text, i, r->text.n), SLICE_LIT(":]"));
            if (end < r->text.n - i) {
                i += end + 2;
                continue;
            }
        }
        i += c == '\\' ? 2 : 1;
    }
    r->at = i < r->text.n ? i + 1 : r->text.n;
    take_atom(r, position);
    return OK;
}

static enum status take_escape(struct reader *r, struct err *e)
{
    int c = peek(r, 1);
    if (c == 'Q' || c == 'E')
        return err_set(e, ST_INVALID, N_("\\Q and \\E: put a backslash before each character"));
    if (c == 'C' || c == 'X')
        return err_set(e, ST_INVALID, N_("\\C and \\X: matching is of bytes, write a dot"));
    r->at += r->at + 1 < r->text.n ? 2 : 1;
    if (peek(r, 0) == '{' && (c == 'x' || c == 'o' || c == 'p' || c == 'P'))
        r->at += slice_index(slice_sub(r->text, r->at, r->text.n), '}') + 1;
    take_atom(r, c >= 0 && strchr("bBAzZG", c) ? nothing : position);
    return OK;
}

static unsigned number(struct reader *r, size_t *i, bool *any)
{
    unsigned n = 0;
    for (int c; (c = peek(r, *i)) >= '0' && c <= '9'; ++*i) {
        *any = true;
        n = n > LIMIT_GUARD_REPEAT ? n : n * 10 + (unsigned)(c - '0');
    }
    return n;
}

/* * + ? {n} {n,} {n,m}, with ? or + behind. False: the { is a character like others. */
static bool read_repeat(struct reader *r, struct repeat *ret)
{
    int c = peek(r, 0);
    size_t i = 1;
    if (c == '*' || c == '+' || c == '?') {
        *ret = (struct repeat){c == '+', c == '?', c != '?'};
    } else {
        bool any = false, more = false;
        unsigned min = number(r, &i, &any), max = min;
        if (!any || (peek(r, i) != ',' && peek(r, i) != '}'))
            return false;
        if (peek(r, i) == ',') {
            i++;
            max = number(r, &i, &more);
        } else {
            more = true;
        }
        if (peek(r, i) != '}')
            return false;
        i++;
        *ret = (struct repeat){min, max, !more};
    }
    if (peek(r, i) == '?' || peek(r, i) == '+')
        i++;
    r->at += i;
    return true;
}

static enum status take_repeat(struct reader *r, struct err *e)
{
    struct repeat times;
    if (!read_repeat(r, &times)) {
        r->at++;
        take_atom(r, position);
        return OK;
    }
    if (r->wide)
        return err_set(e, ST_INVALID,
                       N_("a repeat stands behind a character of several bytes: put it in (?:…)"));
    if (times.min > LIMIT_GUARD_REPEAT || times.max > LIMIT_GUARD_REPEAT)
        return err_set(e, ST_LIMIT, N_("repeats more than %d times"), LIMIT_GUARD_REPEAT);
    r->atom = repeated(r->atom, times);
    return OK;
}

static enum status take(struct reader *r, struct err *e)
{
    struct group *g = &r->group[r->depth];
    uint8_t c = r->text.p[r->at];
    switch (c) {
    case '(':
        return open_group(r, e);
    case '[':
        return take_class(r, e);
    case '\\':
        return take_escape(r, e);
    case '*':
    case '+':
    case '?':
    case '{':
        return take_repeat(r, e);
    case ')': {
        struct rule_shape whole = close_group(r);
        if (r->depth == 0)
            return err_set(e, ST_INVALID, N_("a ) closes no group"));
        r->depth--;
        r->at++;
        r->atom = whole;
        r->wide = false;
        return OK;
    }
    case '|':
        take_atom(r, nothing);
        g->before = g->any_before ? either(g->before, g->here) : g->here;
        g->any_before = true;
        g->here = nothing;
        r->at++;
        return OK;
    default:
        take_atom(r, c == '^' || c == '$' ? nothing : position);
        r->wide = c >= 0x80;
        r->at++;
        return OK;
    }
}

enum status rule_shape_measure(struct slice expression, struct rule_shape *ret, struct err *e)
{
    struct reader r = {.text = expression, .atom = {.nullable = true}};
    r.group[0] = (struct group){.before = {.nullable = true}, .here = {.nullable = true}};
    if (expression.n == 0)
        return err_set(e, ST_INVALID, N_("the expression is empty"));
    if (expression.n > LIMIT_GUARD_PATTERN)
        return err_set(e, ST_LIMIT, N_("the expression is longer than %d bytes"),
                       LIMIT_GUARD_PATTERN);
    while (r.at < r.text.n) {
        enum status st = take(&r, e);
        if (st != OK)
            return st;
    }
    if (r.depth)
        return err_set(e, ST_INVALID, N_("a group is not closed"));
    *ret = close_group(&r);
    if (ret->edges > LIMIT_GUARD_EDGES || ret->copied > LIMIT_GUARD_COPIED)
        return err_set(
            e, ST_LIMIT,
            N_("the expression is too large to compile (size %llu of at most %d, repeats "
               "%llu of at most %d): use * or + for a large {n,m}, and no {n,m} around "
               "groups that repeat"),
            (unsigned long long)ret->edges, LIMIT_GUARD_EDGES, (unsigned long long)ret->copied,
            LIMIT_GUARD_COPIED);
    return OK;
}
