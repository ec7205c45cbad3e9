/* From the key and the marks of its text to the target. See target.h. */
#include "lookup/target.h"

#include "lookup/callback.h"

#include <ctype.h>

void target_begin(struct lookup_target *t, struct arena *names)
{
    t->text = (struct slice){NULL, 0};
    t->marks.count = t->marks.lost_from = t->marks.lost_to = 0;
    t->at = t->n = 0;
    t->names = names;
}

void target_event(void *target, const struct eval_event *e)
{
    struct lookup_target *t = target;
    if (e->kind == EVAL_EVENT_JNDI) { /* the last one */
        t->at = e->at;
        t->n = e->n;
        return;
    }
    server_marks_take(&t->marks, e, t->names);
}

/* --- which marks count */

/* Where the scheme ends in the key, and host and port. */
struct address {
    size_t scheme, end;
};

static struct address address_of(struct slice key)
{
    struct callback c = callback_parse(key);
    struct address a = {0, 0};
    if (!c.scheme.n)
        return a;
    a.scheme = (size_t)(c.scheme.p - key.p) + c.scheme.n;
    a.end = c.path.p ? (size_t)(c.path.p - key.p) : key.n;
    size_t host_end = c.host.n ? (size_t)(c.host.p - key.p) + c.host.n : 0;
    a.end = a.end > host_end ? a.end : host_end; /* it may stand behind a # */
    return a;
}

/* ${env:NaN:-e}vil.example: a letter within a word hides the word and carries nothing out. */
static bool hides_letter(struct slice key, const struct server_mark *k)
{
    return k->has_default && k->n == 1 &&
           ((k->at > 0 && isalnum(key.p[k->at - 1])) ||
            (k->at + 1 < key.n && isalnum(key.p[k->at + 1])));
}

/* ${env:NaN:-evil.example:1389/a}: what no value of a server's could be. */
static bool hides_address(struct slice given)
{
    for (size_t i = 0; i < given.n; i++)
        if (given.p[i] <= ' ' || strchr("/?#@:[]\"'\\", given.p[i]))
            return true;
    return false;
}

static bool counts(struct slice key, const struct address *a, const struct server_mark *k)
{
    if (hides_letter(key, k) || (a->scheme && k->at <= a->scheme))
        return false;
    return k->at >= a->end || !(k->has_default && hides_address(k->given));
}

#define BEGINS SLICE_LIT("${jndi:")

/* Where a mark stands in the key, which begins behind "${jndi:" unless its inside held :\- and lost
 * the bytes of that. */
static bool place_in_key(const struct lookup_target *t, struct slice key, struct server_mark *k)
{
    size_t begin = t->at + BEGINS.n;
    if (k->at < begin || k->at + k->n > t->at + t->n)
        return false;
    size_t at = k->at - begin;
    bool written = !k->has_default && k->n > 3;
    for (size_t lost = 0; written && lost <= 2 && lost <= at; lost++) {
        if (slice_starts(slice_sub(key, at - lost, key.n), SLICE_LIT("${"))) {
            at -= lost;
            break;
        }
    }
    k->at = at;
    return at + k->n <= key.n;
}

static bool stands_before(const struct server_mark *a, const struct server_mark *b)
{
    return a->at < b->at || (a->at == b->at && a->n == 0 && b->n > 0);
}

/* Marks of the key, in their order. */
static void keep_those_of_key(struct lookup_target *t, struct slice key, const struct address *a)
{
    struct server_marks *m = &t->marks;
    size_t all = m->count;
    m->count = 0;
    for (size_t i = 0; i < all; i++) {
        struct server_mark k = m->mark[i];
        size_t at = m->count;
        if (!place_in_key(t, key, &k) || !counts(key, a, &k))
            continue;
        for (; at > 0 && stands_before(&k, &m->mark[at - 1]); at--)
            m->mark[at] = m->mark[at - 1];
        m->mark[at] = k;
        m->count++;
    }
}

/* --- writing */

/* Brackets that are no pairs would end a variable of the target elsewhere. */
static bool is_paired(struct slice s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{')
            depth++;
        else if (s.p[i] == '}' && depth-- == 0)
            return false;
    }
    return depth == 0;
}

static void write_part(struct buf *out, struct slice s)
{
    if (is_paired(s)) {
        (void)buf_add_slice(out, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++)
        (void)buf_add(out, strchr("${}", s.p[i]) ? (const void *)"?" : &s.p[i], 1);
}

/* The marks move along. */
static void write_target(struct lookup_target *t, struct slice key, struct buf *out)
{
    size_t from = 0, kept = 0;
    for (size_t i = 0; i < t->marks.count; i++) {
        struct server_mark k = t->marks.mark[i];
        if (k.at < from)
            continue; /* the same piece by another name */
        (void)buf_add_slice(out, slice_sub(key, from, k.at - from));
        from = k.at + k.n;
        k.at = out->n;
        (void)buf_add_str(out, "${");
        write_part(out, k.name);
        (void)buf_add_str(out, k.has_default ? ":-" : "");
        write_part(out, k.given);
        (void)buf_add_str(out, "}");
        k.n = out->n - k.at;
        t->marks.mark[kept++] = k;
    }
    t->marks.count = kept;
    (void)buf_add_slice(out, slice_sub(key, from, key.n));
}

/* Whether marks of the address may be lost. */
static bool is_lost(const struct lookup_target *t, const struct address *a)
{
    const struct server_marks *m = &t->marks;
    size_t begin = t->at + BEGINS.n;
    return m->lost_from < m->lost_to && m->lost_to > begin + a->scheme &&
           m->lost_from < begin + a->end;
}

enum status target_end(struct lookup_target *t, struct slice key, struct buf *out)
{
    struct address a = address_of(key);
    if (is_lost(t, &a)) {
        t->marks.count = 0;
        (void)buf_add_slice(out, slice_sub(key, 0, a.scheme));
        (void)buf_add_str(out, "://${...}");
    } else {
        keep_those_of_key(t, key, &a);
        write_target(t, key, out);
    }
    t->text = buf_slice(out);
    return buf_status(out);
}
