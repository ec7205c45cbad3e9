/* Places where a lookup may begin: the prefilter and the second look, at a bounded cost for each
 * byte whatever stands there (hunt/lines.c does the same for logs). */
#include "guard/guard_int.h"

#define FAILS 200  /* steps of full looks that may fail in a cell before it is decoded in one go */
#define FINDS 1000 /* of those that find; then what may be a place is one, without a look */

/* A backslash may be followed by any number of u, and &# by any number of zeros; what is in view
 * must not end within them. */
static bool runs_out(struct slice text, size_t at)
{
    size_t i = at + 1;
    bool backslash = text.p[at] == '\\', entity = text.p[at] == '&';
    while (i < text.n && (backslash ? (text.p[i] | 0x20) == 'u' || (text.p[i] | 0x20) == 'x'
                                    : text.p[i] == '#' || (text.p[i] | 0x20) == 'x'))
        i++;
    while (i < text.n && text.p[i] == '0' && entity)
        i++;
    return i == text.n && text.n - at > GUARD_AHEAD / 2 && (backslash || entity);
}

/* &amp; before what it makes no other escape of: XML and HTML are full of it. */
static bool is_plain_amp(struct slice text, size_t at)
{
    static const uint8_t amp[] = "&amp;";
    size_t n = sizeof amp - 1;
    if (text.n - at <= n || text.p[at] != '&' || memcmp(text.p + at, amp, n) != 0)
        return false;
    uint8_t c = text.p[at + n];
    return c == 0 || !strchr("#%\\&adplbADPLB", c);
}

static void add(struct guard_places *places, size_t at)
{
    if (places->n < ARRAY_LEN(places->at))
        places->at[places->n++] = (uint16_t)at;
}

void guard_scan(struct guard *g, struct slice text, size_t from, size_t to, bool ends,
                struct guard_places *ret)
{
    struct slice seen = slice_sub(text, 0, to + 2); /* a spelling takes three bytes to tell */
    struct prefilter_block block = {0};
    struct opener_memory memory = {0};
    uint64_t ignored = 0;
    unsigned fails = 0, finds = 0;
    bool decoded = false; /* and there is none in it */
    for (size_t at = from; (at = prefilter_next(&g->filter, seen, at, &ignored, &block)) < to;
         at++) {
        enum opener_answer a = is_plain_amp(text, at) ? OPENER_NO : opener_quick(text, at, &memory);
        if (a == OPENER_NO && !ends && runs_out(text, at))
            a = OPENER_YES;
        if (a == OPENER_MAYBE && finds >= FINDS)
            a = OPENER_YES;
        if (a == OPENER_MAYBE && decoded)
            continue;
        if (a == OPENER_MAYBE && fails < FAILS) {
            unsigned steps = OPENER_STEPS;
            a = opener_full(text, at, &steps) ? OPENER_YES : OPENER_NO;
            fails += a == OPENER_NO ? steps : 0;
            finds += a == OPENER_YES ? steps : 0;
        } else if (a == OPENER_MAYBE) {
            decoded = true;
            if (opener_in_piece(slice_sub(text, at, text.n), g->piece))
                a = OPENER_YES; /* somewhere behind */
        }
        if (a == OPENER_YES) {
            add(ret, at);
            at += ret->n > GUARD_PLACES ? GUARD_PLACE_STEP - 1 : 0;
        }
    }
}

bool guard_text_clean(struct guard *g, struct slice text)
{
    return guard_text_clean_pieces(g, &text, 1);
}

/* Pieces that follow each other, and the one that a place is in. */
struct pieces {
    const struct slice *p;
    size_t n, total;
    size_t in, base; /* which one; where it begins */
};

/* What stands from `at` on: as it lies there, else in `out`, which shows n bytes if there are so
 * many. */
static struct slice view_of(const struct pieces *t, size_t at, uint8_t *out, size_t n)
{
    struct slice view = slice_sub(t->p[t->in], at - t->base, n);
    if (view.n == n || at + view.n == t->total)
        return view;
    size_t have = 0;
    for (size_t i = t->in, from = at - t->base; i < t->n && have < n; i++, from = 0) {
        struct slice some = slice_sub(t->p[i], from, n - have);
        if (some.n)
            memcpy(out + have, some.p, some.n);
        have += some.n;
    }
    return slice_of(out, have);
}

/* The first place at or behind `at`, which lies in the current piece or behind it, that the
 * prefilter lets through; else the end. */
static size_t first_place(struct guard *g, struct pieces *t, size_t at)
{
    enum { SEAM = PREFILTER_SEEN - 1 }; /* before the end of a piece, where it sees too little */
    while (at < t->total) {
        while (at - t->base >= t->p[t->in].n)
            t->base += t->p[t->in++].n;
        struct slice s = t->p[t->in];
        size_t end = t->base + s.n, found = t->base + prefilter_first(&g->filter, s, at - t->base);
        if (end == t->total)
            return found;
        if (found + SEAM < end)
            return found;
        uint8_t joined[2 * SEAM];
        at = at + SEAM > end ? at : end - SEAM;
        found = at + prefilter_first(&g->filter, view_of(t, at, joined, sizeof joined), 0);
        if (found < end)
            return found;
        at = end;
    }
    return t->total;
}

/* Around each place with what follows it in view as a stream would show it: a seam is no border,
 * however long a spelling is. Only what a seam cuts is copied. */
bool guard_text_clean_pieces(struct guard *g, const struct slice *pieces, size_t n)
{
    uint8_t joined[OPENER_PIECE];
    struct pieces t = {.p = pieces, .n = n};
    for (size_t i = 0; i < n; i++)
        t.total += pieces[i].n;
    for (size_t at = 0; (at = first_place(g, &t, at)) < t.total;) {
        struct guard_places places = {.n = 0};
        size_t back = at > 1 ? 2 : at, start = at - back; /* base64 looks two bytes back */
        while (start < t.base)
            t.base -= t.p[--t.in].n;
        struct slice view = view_of(&t, start, joined, sizeof joined);
        bool ends = start + view.n == t.total;
        size_t to = ends ? view.n : GUARD_CELL;
        guard_scan(g, view, back, to, ends, &places);
        if (places.n)
            return false;
        at = start + to;
    }
    return true;
}
