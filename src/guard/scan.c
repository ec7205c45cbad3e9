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
    struct prefilter_block block = {0};
    uint64_t ignored = 0;
    size_t at = prefilter_next(&g->filter, text, 0, &ignored, &block);
    while (at < text.n) {
        struct guard_places places = {.n = 0};
        size_t from = at ? 1 : 0, start = at - from; /* base64 looks one byte back */
        struct slice view = slice_sub(text, start, OPENER_PIECE);
        bool ends = start + view.n == text.n;
        size_t to = ends ? view.n : GUARD_CELL;
        guard_scan(g, view, from, to, ends, &places);
        if (places.n)
            return false;
        at = start + to;
        at = prefilter_next(&g->filter, text, at, &ignored, &block);
    }
    return true;
}

/* What stands from `at` of the first piece on, as far as there is room. */
static struct slice join(const struct slice *pieces, size_t n, size_t at, uint8_t out[OPENER_PIECE])
{
    size_t have = 0;
    for (size_t i = 0; i < n && have < OPENER_PIECE; i++, at = 0) {
        struct slice s = slice_sub(pieces[i], at, OPENER_PIECE - have);
        if (s.n)
            memcpy(out + have, s.p, s.n);
        have += s.n;
    }
    return slice_of(out, have);
}

/* Cell by cell, each with what follows it in view as a stream would show it: a seam is no border,
 * however long a spelling is. Only cells that a seam cuts are copied. */
bool guard_text_clean_pieces(struct guard *g, const struct slice *pieces, size_t n)
{
    uint8_t joined[OPENER_PIECE];
    size_t total = 0, from = 0, in = 0, base = 0;
    for (size_t i = 0; i < n; i++)
        total += pieces[i].n;
    while (from < total) {
        struct guard_places places = {.n = 0};
        size_t back = from ? 1 : 0, start = from - back; /* base64 looks one byte back */
        while (start - base >= pieces[in].n)
            base += pieces[in++].n;
        struct slice view = slice_sub(pieces[in], start - base, OPENER_PIECE);
        if (view.n < OPENER_PIECE && start + view.n < total)
            view = join(pieces + in, n - in, start - base, joined);
        bool ends = start + view.n == total;
        size_t to = ends ? view.n : GUARD_CELL;
        guard_scan(g, view, back, to, ends, &places);
        if (places.n)
            return false;
        from = start + to;
    }
    return true;
}
