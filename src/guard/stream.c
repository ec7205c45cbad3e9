/* Texts in pieces: cells, windows, and whose value each byte is. See guard_int.h. */
#include "base/utf8.h"
#include "guard/guard_int.h"

/* --- for parsers */

size_t guard_encode(uint32_t cp, uint8_t out[4])
{
    return utf8_encode(cp < 0xd800 || (cp >= 0xe000 && cp < 0x110000) ? cp : UTF8_BAD, out);
}

void guard_put_point(struct guard_stream *st, uint32_t cp, bool to_name)
{
    uint8_t text[4];
    size_t n = guard_encode(cp, text);
    for (size_t i = 0; i < n; i++)
        guard_put_to(st, text[i], to_name);
}

void guard_name_set(struct guard_stream *st, struct slice name)
{
    struct slice fits = slice_sub(name, 0, sizeof st->name.p);
    st->name.n = (uint16_t)fits.n;
    if (fits.n)
        memcpy(st->name.p, fits.p, fits.n);
}

static bool has_name(enum guard_part part)
{
    return part != GUARD_METHOD && part != GUARD_URI && part != GUARD_BODY;
}

static struct guard_field current_field(const struct guard_stream *st)
{
    struct guard_field f = {.part = st->span.part, .in_name = st->span.in_name};
    if (has_name(f.part))
        f.name = slice_of(st->name.p, st->name.n);
    return f;
}

static void give(struct guard_stream *st, struct slice decoded)
{
    if (decoded.n && st->span.said)
        st->say(st, decoded);
    if (decoded.n == 0 || !st->span.matching)
        return;
    const char *rule = guard_matcher_piece(st->q->matcher, decoded);
    if (rule) {
        struct guard_field f = current_field(st);
        guard_matched(st->q, rule, &f);
    }
}

void guard_match(struct guard_stream *st, struct slice decoded)
{
    size_t n = st->out_n;
    st->out_n = 0;
    give(st, slice_of(st->out, n));
    give(st, decoded);
}

static void say_as_decoded(struct guard_stream *st, struct slice decoded)
{
    guard_stream_piece(st->said, decoded);
}

static bool is_said(const struct guard_stream *st)
{
    if (!st->said || st->span.part == GUARD_BODY)
        return false;
    struct guard_field f = current_field(st);
    return st->span.in_name || !guard_excluded(st->q, &f);
}

static void match_begin(struct guard_stream *st)
{
    struct guard_request *q = st->q;
    st->span.field = current_field(st);
    if (st->span.in_name) /* it is not known yet */
        st->span.field.name.n = 0;
    if (!guard_scope_wants(&q->scope, &st->span.field) || guard_excluded(q, &st->span.field))
        return;
    struct guard *g = q->guard;
    if ((!g->scratch && guard_scratch_new(&g->scratch) != OK) ||
        (!q->matcher && guard_matcher_new(g->scratch, &q->scope, &q->matcher) != OK)) {
        guard_limited(q, GUARD_LIMIT_MEMORY);
        return;
    }
    guard_matcher_begin(q->matcher, &st->span.field);
    st->span.matching = true;
}

static void match_end(struct guard_stream *st)
{
    guard_match(st, (struct slice){NULL, 0});
    const char *rule = guard_matcher_end(st->q->matcher);
    if (rule) {
        struct guard_field f = current_field(st);
        guard_matched(st->q, rule, &f);
    }
    st->span.matching = false;
}

/* --- fields with a place in them */

static void take_places(struct guard_stream *st, uint64_t before)
{
    while (st->next_place < st->places.n && st->base + st->places.at[st->next_place] < before)
        st->span.last_place = st->base + st->places.at[st->next_place++];
}

/* Until the first byte behind the next place. */
static void be_quiet(struct guard_stream *st)
{
    st->says = st->said && !st->q->scope.any_exception && !st->q->options->excluded;
    if (st->matches || (st->said && !st->says) || st->span.last_place != GUARD_NO_PLACE)
        st->quiet_until = 0;
    else if (st->next_place < st->places.n)
        st->quiet_until = st->base + st->places.at[st->next_place] + 1;
    else
        st->quiet_until = UINT64_MAX;
}

static bool span_opens(const struct guard_stream *st)
{
    const struct guard_window *w = st->window;
    return w && w->active && st->span.last_place != GUARD_NO_PLACE &&
           st->span.last_place >= w->start;
}

static void write_mark(struct guard_stream *st, struct guard_mark *m, uint64_t to)
{
    struct guard_field f = current_field(st);
    *m = (struct guard_mark){.from = st->span.from,
                             .to = to,
                             .last_place = st->span.last_place,
                             .part = f.part,
                             .in_name = f.in_name,
                             .excluded = guard_excluded(st->q, &f),
                             .name_n = (uint16_t)f.name.n};
    if (f.name.n)
        memcpy(m->name, f.name.p, f.name.n);
}

static void end_span(struct guard_stream *st, uint64_t at)
{
    struct guard_window *w = st->window;
    take_places(st, at);
    if (span_opens(st)) {
        if (w->mark_count < LIMIT_GUARD_MARKS)
            write_mark(st, &w->marks[w->mark_count++], at);
        else
            w->marks_lost = true;
    }
    guard_put_all(st, (struct slice){NULL, 0});
    if (st->span.matching)
        match_end(st);
}

void guard_span_loud(struct guard_stream *st, enum guard_part part, bool in_name, uint64_t at)
{
    end_span(st, at);
    st->span.part = part;
    st->span.in_name = in_name;
    st->span.from = at;
    st->span.last_place = GUARD_NO_PLACE;
    st->span.said = is_said(st);
    if (st->matches)
        match_begin(st);
    be_quiet(st);
}

/* --- windows */

static bool window_room(struct guard_stream *st, struct guard_window *w, size_t n)
{
    if (w->cap - w->n >= n)
        return true;
    size_t cap = w->cap ? w->cap : KIB(8);
    while (cap < w->n + n)
        cap *= 2;
    cap = cap < GUARD_WINDOW ? cap : GUARD_WINDOW;
    uint8_t *p = guard_alloc(st->q, cap);
    if (!p)
        return false;
    if (w->n)
        memcpy(p, w->p, w->n);
    w->p = p;
    w->cap = cap;
    return true;
}

static bool window_add(struct guard_stream *st, struct slice s)
{
    struct guard_window *w = st->window;
    if (!window_room(st, w, s.n)) {
        w->active = false;
        return false;
    }
    if (s.n)
        memcpy(w->p + w->n, s.p, s.n);
    w->n += s.n;
    return true;
}

static void window_open(struct guard_stream *st)
{
    struct guard_window *w = st->window ? st->window : st->q->spare;
    if (!w) {
        w = guard_alloc(st->q, sizeof *w);
        if (!w)
            return;
        w->p = NULL;
        w->cap = 0;
    } else if (!st->window) {
        st->q->spare = w->next;
    }
    st->window = w;
    w->next = NULL;
    w->n = w->mark_count = 0;
    w->opened = 0;
    w->active = true;
    w->marks_lost = false;
    w->start = st->base - st->before_n;
    (void)window_add(st, slice_of(st->before, st->before_n));
}

/* The field that goes on is a mark while the window is judged. */
static void window_judge(struct guard_stream *st)
{
    struct guard_window *w = st->window;
    size_t had = w->mark_count;
    if (span_opens(st))
        write_mark(st, &w->marks[w->mark_count++], st->base);
    if (w->fresh && !st->q->over)
        guard_judge(st->q, w);
    w->mark_count = had;
    w->fresh = false;
}

/* A full window: what opens in its last two cells, and the cell before, begins the next one. */
static void window_turn(struct guard_stream *st)
{
    struct guard_window *w = st->window;
    window_judge(st);
    size_t cell = GUARD_WINDOW_CELLS - 2;
    while (cell < GUARD_WINDOW_CELLS && !(w->opened >> cell & 1))
        cell++;
    w->active = cell < GUARD_WINDOW_CELLS;
    if (!w->active)
        return;
    size_t from = (cell - 1) * GUARD_CELL, kept = 0;
    memmove(w->p, w->p + from, w->n - from);
    w->n -= from;
    w->start += from;
    w->opened >>= cell - 1;
    w->marks_lost = false;
    for (size_t i = 0; i < w->mark_count; i++) {
        if (w->marks[i].last_place >= w->start && kept++ < i)
            w->marks[kept - 1] = w->marks[i];
    }
    w->mark_count = kept;
}

/* --- cells */

/* The cell is the first n bytes of the view, which shows what follows as far as it matters. */
static void take_cell(struct guard_stream *st, struct slice view, size_t n, bool ends)
{
    struct slice cell = slice_sub(view, 0, n);
    st->places.n = st->next_place = 0;
    if (st->opens_next)
        st->places.at[st->places.n++] = 0;
    st->opens_next = false;
    /* places are sought one byte further on than cells, so that each has the byte before it */
    if (!st->seen)
        guard_scan(st->q->guard, view, st->base ? 1 : 0, view.n > n ? n + 1 : n, ends, &st->places);
    bool opens = st->places.n > 0;
    if (opens && st->places.at[st->places.n - 1] == n) {
        st->opens_next = true;
        st->places.n--;
    }
    struct guard_window *w = st->window;
    if (opens && (!w || !w->active)) {
        window_open(st);
        w = st->window;
    }
    if (w && w->active) {
        w->opened |= (uint32_t)opens << w->n / GUARD_CELL;
        w->fresh = window_add(st, cell);
    }
    be_quiet(st);
    st->parse(st, cell);
    take_places(st, st->base + n);
    st->base += n;
    if (w && w->active && w->n == GUARD_WINDOW)
        window_turn(st);
}

/* Cells that lie in the piece whole. */
static struct slice take_in_place(struct guard_stream *st, struct slice piece)
{
    while (piece.n >= OPENER_PIECE && !st->q->over) {
        take_cell(st, slice_sub(piece, 0, OPENER_PIECE), GUARD_CELL, false);
        st->before = piece.p;
        st->before_n = GUARD_CELL;
        piece = slice_sub(piece, GUARD_CELL, piece.n);
    }
    return piece;
}

static void keep_before(struct guard_stream *st)
{
    if (st->before_n && st->before != st->kept) {
        memcpy(st->kept, st->before, st->before_n);
        st->before = st->kept;
    }
}

void guard_stream_begin(struct guard_stream *st, struct guard_request *q, enum guard_part part)
{
    memset(st, 0, offsetof(struct guard_stream, name));
    st->q = q;
    st->part = part;
    st->say = say_as_decoded;
    st->matches = q->scope.parts && !q->over;
    st->span.part = part;
    st->span.last_place = GUARD_NO_PLACE;
    st->name.n = 0;
    st->places.n = 0;
}

/* A piece that fills no cell only waits; those that are many are a byte or a word. */
static bool waits(struct guard_stream *st, struct slice piece)
{
    if (piece.n >= OPENER_PIECE - st->held || st->q->over)
        return false;
    if (piece.n == 1)
        st->hold[st->held] = piece.p[0];
    else if (piece.n)
        memcpy(st->hold + st->held, piece.p, piece.n);
    st->held += piece.n;
    return true;
}

void guard_stream_piece(struct guard_stream *st, struct slice piece)
{
    if (waits(st, piece))
        return;
    while (piece.n && !st->q->over) {
        if (st->held == 0)
            piece = take_in_place(st, piece);
        size_t room = OPENER_PIECE - st->held, took = piece.n < room ? piece.n : room;
        if (took)
            memcpy(st->hold + st->held, piece.p, took);
        st->held += took;
        if (st->held < OPENER_PIECE || st->q->over)
            break;
        take_cell(st, slice_of(st->hold, OPENER_PIECE), GUARD_CELL, false);
        memcpy(st->kept, st->hold, GUARD_CELL);
        st->before = st->kept;
        st->before_n = GUARD_CELL;
        if (took >= GUARD_AHEAD) { /* what is ahead is in the piece: go on there */
            st->held = 0;
            piece = slice_sub(piece, took - GUARD_AHEAD, piece.n);
        } else {
            memmove(st->hold, st->hold + GUARD_CELL, GUARD_AHEAD);
            st->held = GUARD_AHEAD;
            piece = slice_sub(piece, took, piece.n);
        }
    }
    keep_before(st);
}

void guard_stream_end(struct guard_stream *st)
{
    struct slice rest = slice_of(st->hold, st->held);
    while (rest.n && !st->q->over) {
        size_t n = rest.n < GUARD_CELL ? rest.n : GUARD_CELL;
        take_cell(st, rest, n, true);
        memcpy(st->kept, rest.p, n);
        st->before = st->kept;
        st->before_n = n;
        rest = slice_sub(rest, n, rest.n);
    }
    if (st->finish)
        st->finish(st);
    end_span(st, st->base);
    st->span.last_place = GUARD_NO_PLACE;
    struct guard_window *w = st->window;
    if (!w)
        return;
    if (w->active)
        window_judge(st);
    w->active = false;
    w->next = st->q->spare;
    st->q->spare = w;
    st->window = NULL;
}
