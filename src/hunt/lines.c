/* From blocks of text to lines that are examined. */
#include "hunt/lines.h"

#include "base/limits.h"

#define WINDOW_BEFORE KIB(8)               /* of a long line, before what may be an opener */
#define WINDOW_AGAIN (LIMIT_HUNT_LINE / 2) /* of a window that leaves something open */
#define FAILS 200 /* steps of full looks that fail in FAILS_SPAN before pieces are decoded */
#define FAILS_SPAN KIB(1)
#define PIECE OPENER_PIECE

enum status line_search_init(struct line_search *s, const struct prefilter *filter)
{
    *s = (struct line_search){.filter = filter, .base64 = *filter};
    prefilter_only_base64(&s->base64);
    buf_init(&s->held, LIMIT_HUNT_LINE);
    buf_init(&s->held_piece, LIMIT_HUNT_LINE);
    return examiner_new(&s->examiner);
}

void line_search_done(struct line_search *s)
{
    examiner_free(s->examiner);
    buf_done(&s->held);
    buf_done(&s->held_piece);
    *s = (struct line_search){0};
}

static void begin_line(struct line_search *s)
{
    s->inside = s->reported = s->watching = false;
    s->held_as = VERDICT_NONE;
    s->held_pattern = NULL;
}

static void begin_at(struct line_search *s, uint64_t from)
{
    s->lines = 0;
    begin_line(s);
    s->fails = 0;
    s->fails_from = s->dense_to = NULL;
    s->from = from;
    s->span = s->credited = 0;
}

void line_search_begin(struct line_search *s)
{
    begin_at(s, 0);
    examiner_begin(s->examiner);
}

void line_search_begin_at(struct line_search *s, uint64_t from)
{
    begin_at(s, from);
    examiner_begin_span(s->examiner);
}

/* These many bytes were examined before: no credit for them. */
static void take_credit(struct line_search *s, uint64_t bytes)
{
    uint64_t have = examiner_credit(s->examiner), back = bytes * EXAMINE_CREDIT_PER_BYTE;
    examiner_set_credit(s->examiner, have > back ? have - back : 0);
}

/* These bytes of the line are examined next. */
static void give_credit(struct line_search *s, struct slice bytes)
{
    uint64_t span = s->line_from - s->line_from % LINES_SPAN;
    uint64_t at = s->from + (uint64_t)(bytes.p - s->block);
    if (span != s->span) {
        examiner_begin_span(s->examiner);
        s->span = s->credited = span;
    }
    if (at > s->credited)
        examiner_pass(s->examiner, at - s->credited);
    else
        take_credit(s, s->credited - at < bytes.n ? s->credited - at : bytes.n);
    at += bytes.n; /* examining gives it */
    s->credited = at > s->credited ? at : s->credited;
}

static size_t line_end(struct slice s, size_t from)
{
    const void *at = from < s.n ? memchr(s.p + from, '\n', s.n - from) : NULL;
    return at ? (size_t)((const uint8_t *)at - s.p) : s.n;
}

static uint64_t newlines(struct slice s, size_t from, size_t to)
{
    uint64_t n = 0;
    for (size_t i = from; (i = line_end(slice_sub(s, 0, to), i)) < to; i++)
        n++;
    return n;
}

static size_t line_start(struct slice s, size_t low, size_t at)
{
    return low + slice_behind_last(slice_sub(s, low, at > low ? at - low : 0), '\n');
}

/* --- openers */

/* Whether one is in base64 there. */
static bool opens_base64(const struct line_search *s, struct slice text, size_t from, size_t to,
                         struct opener_memory *memory)
{
    struct prefilter_block block = {0};
    struct slice near = slice_sub(text, 0, to + 8); /* it sees what stands behind the last one */
    uint64_t ignored = 0;
    for (; (from = prefilter_next(&s->base64, near, from, &ignored, &block)) < to; from++) {
        if (opener_quick(text, from, memory) == OPENER_YES)
            return true;
    }
    return false;
}

static bool spells(uint8_t c)
{
    uint8_t low = c | 0x20;
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || c == 0 || strchr("$%&\\#;{}", c);
}

/* Where the next piece begins: behind a byte that no escape, brace or name of an entity has, in the
 * second half. Backslashes, zeros and what stands behind them may be many, so a fixed overlap hides
 * what is longer. 0: there is none. */
static size_t seam(struct slice piece)
{
    for (size_t i = piece.n; i > piece.n / 2; i--)
        if (!spells(piece.p[i - 1]))
            return i;
    return 0;
}

/* Whether there is an opener in the piece of at most `most` bytes from `at` on; else *ret_n is how
 * much of it is done with, 0 where one spelling may go over its end. */
static bool opens_piece(struct line_search *s, struct slice text, size_t at, size_t most,
                        size_t *ret_n)
{
    size_t end = line_end(slice_sub(text, 0, at + most), at);
    struct slice piece = slice_sub(text, at, end - at);
    s->dense_to = text.p + end + PIECE;
    if (opener_in_long_piece(piece, s->piece))
        return true;
    *ret_n = end == text.n || text.p[end] == '\n' ? piece.n : seam(piece);
    return false;
}

/* Whether there is an opener at `at`, or in the piece from there to *ret_next. If not, *ret_next is
 * where to go on. */
static bool opens(struct line_search *s, struct slice text, size_t at, struct opener_memory *memory,
                  size_t *ret_next)
{
    const uint8_t *p = text.p + at;
    *ret_next = at + 1;
    switch (opener_quick(text, at, memory)) {
    case OPENER_NO:
        return false;
    case OPENER_YES:
        return true;
    case OPENER_MAYBE:
        break;
    }
    if (s->dense_to == NULL || p >= s->dense_to) {
        unsigned steps = OPENER_STEPS;
        if (opener_full(text, at, &steps)) {
            if (steps < OPENER_STEPS)
                return true;
            s->dense_to = p + PIECE; /* too many to say: told below */
        }
        if (!s->fails_from || p < s->fails_from || (size_t)(p - s->fails_from) > FAILS_SPAN) {
            s->fails_from = p;
            s->fails = 0;
        }
        if ((s->fails += steps) >= FAILS)
            s->dense_to = p + PIECE;
        if (steps < OPENER_STEPS)
            return false;
    }
    size_t n = 0;
    if (opens_piece(s, text, at, PIECE, &n))
        return true;
    if (n == 0 && opens_piece(s, text, at, OPENER_LONG_PIECE, &n))
        return true;
    if (n == 0)
        return true; /* longer than can be said here: examining tells */
    *ret_next = at + n;
    return opens_base64(s, text, at + 1, *ret_next, memory);
}

/* --- lines */

static enum status report(struct line_search *s, struct line_hit *h)
{
    h->number = s->lines + 1;
    s->reported = true;
    return s->hit(s->ctx, h);
}

static enum status examine_line(struct line_search *s, struct slice line)
{
    struct line_hit h; /* not zeroed: examining fills most of it */
    s->openers++;
    if (s->no_evaluation)
        return OK;
    h.line = line;
    h.long_line = false;
    h.pattern = NULL;
    give_credit(s, line);
    enum status st = examine(s->examiner, line, &h.found);
    if (st != OK || h.found.verdict == VERDICT_NONE)
        return st;
    return report(s, &h);
}

/* --- long lines */

static enum status hold(struct line_search *s, struct slice window, enum verdict as)
{
    buf_clear(&s->held);
    s->held_as = as;
    return buf_add_slice(&s->held, window);
}

static const char watched[] = "$}jndi:";
enum { WATCH_ALONE, WATCH_CLOSES, WATCH_LETTERS }; /* where one begins */

/* A variable that the window leaves open: what stands behind it tells whether it means anything. */
static enum status watch_from(struct line_search *s, struct slice window, enum open_variable open)
{
    s->watching = open != OPEN_PACKED;
    s->letters = open == OPEN_ALONE ? WATCH_ALONE : WATCH_LETTERS;
    s->watched = s->from + (uint64_t)(window.p - s->block);
    return hold(s, window, s->watching ? VERDICT_NONE : VERDICT_ATTEMPT);
}

/* A window of a long line; `more` stands behind it. *ret_again: how much of it the next one has. */
static enum status examine_window(struct line_search *s, struct slice window, bool more,
                                  size_t *ret_again)
{
    struct line_hit h = {.line = window, .long_line = true};
    *ret_again = WINDOW_BEFORE;
    s->openers++;
    if (s->no_evaluation)
        return OK;
    give_credit(s, window);
    enum status st = examine(s->examiner, window, &h.found);
    if (st != OK)
        return st;
    if (h.found.verdict == VERDICT_REACHES)
        return report(s, &h);
    enum open_variable open = more ? examiner_open(s->examiner) : OPEN_NOT;
    if (open > OPEN_NOT)
        *ret_again = WINDOW_AGAIN;
    if (h.found.verdict > s->held_as)
        return hold(s, window, h.found.verdict);
    if (open <= OPEN_SHORT || s->watching || s->held_as > VERDICT_NONE)
        return OK;
    return watch_from(s, window, open);
}

/* Whether an escape stands there, which may give any letter. */
static bool is_escape(struct slice s, size_t at)
{
    uint8_t c = at + 1 < s.n ? s.p[at + 1] : 0, low = c | 0x20;
    bool digit = c >= '0' && c <= '9';
    if (s.p[at] == '%')
        return digit || (low >= 'a' && low <= 'f') || low == 'u';
    if (s.p[at] == '\\')
        return digit || low == 'u' || low == 'x';
    return s.p[at] == '&' && (c == '#' || (low >= 'a' && low <= 'z'));
}

/* Whether the byte at `at` may be read as c: as it is, in either case, or in an escape. */
static bool may_be(struct slice s, size_t at, uint8_t c)
{
    uint8_t is = s.p[at];
    bool letter = c >= 'a' && c <= 'z';
    /* as evaluate_possible: an i may come from U+0130 or U+0131 */
    return is == c || (letter && (is ^ 0x20) == c) || (c == 'i' && is == 0xc4) ||
           ((is == '%' || is == '\\' || is == '&') && is_escape(s, at));
}

/* Behind a variable that stays open: what a lookup takes, in this order, up to `to`. One that none
 * stands around must give a $ as the last of its value. */
static void watch(struct line_search *s, struct slice line, size_t to)
{
    uint64_t start = s->from + (uint64_t)(line.p - s->block);
    size_t i = s->watched > start ? (size_t)(s->watched - start) : 0;
    if (!s->watching)
        return;
    for (; i < to && watched[s->letters]; i++) {
        bool is = may_be(line, i, (uint8_t)watched[s->letters]);
        if (s->letters == WATCH_CLOSES)
            s->letters = is ? WATCH_LETTERS : spells(line.p[i]) ? WATCH_CLOSES : WATCH_ALONE;
        else
            s->letters += is;
    }
    s->watched = start + to > s->watched ? start + to : s->watched;
    if (watched[s->letters])
        return;
    s->watching = false;
    s->held_as = s->held_as > VERDICT_ATTEMPT ? s->held_as : VERDICT_ATTEMPT;
}

/* What was held is told. */
static enum status end_long(struct line_search *s)
{
    struct line_hit h = {.line = buf_slice(&s->held), .long_line = true};
    enum status st = OK;
    if (!s->reported && s->held_as > VERDICT_NONE) {
        take_credit(s, s->held.n);
        st = examine(s->examiner, h.line, &h.found);
        if (h.found.verdict < s->held_as)
            h.found =
                (struct examined){.verdict = s->held_as, .reason = ATTEMPT_BUDGET, .text = h.line};
    } else if (!s->reported && s->held_pattern) {
        h.line = buf_slice(&s->held_piece);
        h.pattern = s->held_pattern;
    } else {
        return OK;
    }
    return st == OK ? report(s, &h) : st;
}

/* A line, or a part of one, longer than is examined whole. `more`: it goes on behind the slice.
 * *ret_used: what need not come again. */
static enum status search_long(struct line_search *s, struct slice line, bool more,
                               size_t *ret_used)
{
    uint64_t ignored = 0;
    struct prefilter_block block = {0};
    size_t at = 0, done = line.n;
    struct opener_memory memory = {0};
    while (!s->reported && (at = prefilter_next(s->filter, line, at, &ignored, &block)) < line.n) {
        size_t next = at + 1, again = 0;
        if (more && line.n - at < LIMIT_HUNT_LINE - WINDOW_BEFORE) {
            done = at > WINDOW_BEFORE ? at - WINDOW_BEFORE : 0;
            break; /* its window comes with the next block */
        }
        if (opens(s, line, at, &memory, &next)) {
            size_t from = at > WINDOW_BEFORE ? at - WINDOW_BEFORE : 0;
            struct slice window = slice_sub(line, from, LIMIT_HUNT_LINE);
            bool last = !more && from + window.n == line.n;
            enum status st = examine_window(s, window, !last, &again);
            if (st != OK)
                return st;
            next = last ? line.n : from + window.n - again;
        }
        at = next;
    }
    /* an opener may begin in the last bytes */
    *ret_used = more && done == line.n ? line.n - PIECE : done;
    watch(s, line, more ? *ret_used : line.n);
    return OK;
}

/* --- patterns */

/* Where the pattern matches of a text were told up to, and the newlines before. */
struct told {
    size_t at;
    uint64_t lines;
};

/* Tells the lines with a match that end before `limit`, once each. */
static enum status tell_patterns(struct line_search *s, struct slice text, struct told *t,
                                 size_t limit)
{
    struct pattern_search *p = s->patterns;
    enum status st = OK;
    while (st == OK && p && p->next < p->count && p->found[p->next].end <= limit) {
        const struct pattern_match *m = &p->found[p->next++];
        size_t in = m->end ? m->end - 1 : 0; /* the last byte that matched */
        if (in < t->at)
            continue; /* in a line that was told */
        size_t start = line_start(text, t->at, in), end = line_end(text, in);
        for (size_t i = line_end(text, t->at); i < start; i = line_end(text, i + 1))
            t->lines++;
        size_t from = in - start > WINDOW_BEFORE && end - start > LIMIT_HUNT_LINE
                          ? in - WINDOW_BEFORE
                          : start;
        struct line_hit h = {
            .line =
                slice_sub(text, from, end - from < LIMIT_HUNT_LINE ? end - from : LIMIT_HUNT_LINE),
            .number = t->lines + 1,
            .long_line = from > start || end - from > LIMIT_HUNT_LINE,
            .pattern = patterns_at(p->patterns, m->pattern)};
        st = s->hit(s->ctx, &h);
        t->lines += end < text.n;
        t->at = end + 1;
    }
    return st;
}

/* A line that was told as a lookup is not told as a pattern as well. */
static void pass_patterns(const struct line_search *s, struct slice text, struct told *t,
                          size_t end)
{
    for (size_t i = line_end(text, t->at); i < end; i = line_end(text, i + 1))
        t->lines++;
    t->lines += end < text.n;
    t->at = end + 1;
    while (s->patterns->next < s->patterns->count &&
           s->patterns->found[s->patterns->next].end <= end)
        s->patterns->next++;
}

/* --- whole lines */

/* Lines that are all there (the last one may lack its newline). */
static enum status search_part(struct line_search *s, struct slice text)
{
    size_t at = 0, low = 0;
    struct told told = {0, s->lines};
    struct prefilter_block block = {0};
    struct opener_memory memory = {0};
    while ((at = prefilter_next(s->filter, text, at, &s->lines, &block)) < text.n) {
        size_t next = at + 1;
        if (!opens(s, text, at, &memory, &next)) {
            if (next > at + 1) /* else only the opener's first byte */
                s->lines += newlines(text, at, next);
            at = next;
            continue;
        }
        size_t start = line_start(text, low, at), end = line_end(text, at), ignored = 0;
        struct slice line = slice_sub(text, start, end - start);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        enum status st = tell_patterns(s, text, &told, start);
        s->line_from = s->from + (uint64_t)(line.p - s->block);
        if (st == OK)
            st = line.n > LIMIT_HUNT_LINE ? search_long(s, line, false, &ignored)
                                          : examine_line(s, line);
        if (st == OK && line.n > LIMIT_HUNT_LINE)
            st = end_long(s);
        if (s->patterns && s->reported)
            pass_patterns(s, text, &told, end);
        begin_line(s);
        if (st != OK)
            return st;
        s->lines += end < text.n;
        at = low = end + 1;
        if (at > text.n)
            break;
    }
    return tell_patterns(s, text, &told, text.n);
}

static enum status search_lines(struct line_search *s, struct slice text)
{
    enum status st = OK;
    if (!s->patterns)
        return search_part(s, text);
    while (st == OK && text.n) {
        size_t done = pattern_search_text(s->patterns, text);
        size_t n = done < text.n ? line_end(text, done ? done - 1 : 0) : text.n;
        n += n < text.n; /* whole lines; more matches of the last one change nothing */
        st = search_part(s, slice_sub(text, 0, n));
        text = slice_sub(text, n, text.n);
    }
    return st;
}

/* A piece of a line that is longer than a block: a match in it is told as the line's, if it is no
 * lookup. */
static enum status search_piece(struct line_search *s, struct slice piece, bool more,
                                size_t *ret_used)
{
    enum status st = search_long(s, piece, more, ret_used);
    if (st != OK || !s->patterns || s->reported || s->held_pattern)
        return st;
    (void)pattern_search_text(s->patterns, slice_sub(piece, 0, *ret_used));
    if (s->patterns->count == 0)
        return OK;
    size_t end = s->patterns->found[0].end;
    s->held_pattern = patterns_at(s->patterns->patterns, s->patterns->found[0].pattern);
    buf_clear(&s->held_piece);
    return buf_add_slice(
        &s->held_piece,
        slice_sub(piece, end > WINDOW_BEFORE ? end - WINDOW_BEFORE : 0, LIMIT_HUNT_LINE));
}

static enum status search_block(struct line_search *s, struct slice block, bool more,
                                size_t *ret_used)
{
    size_t from = 0, used = 0;
    enum status st = OK;
    if (s->inside) {
        size_t end = line_end(block, 0);
        bool ends = end < block.n || !more;
        if (!ends && block.n < LIMIT_HUNT_BLOCK) {
            *ret_used = 0;
            return OK;
        }
        st = search_piece(s, slice_sub(block, 0, end), !ends, &used);
        if (st == OK && ends)
            st = end_long(s);
        if (st != OK || !ends) {
            *ret_used = used;
            return st;
        }
        s->lines += end < block.n;
        begin_line(s);
        from = end < block.n ? end + 1 : end;
    }
    struct slice rest = slice_sub(block, from, block.n);
    if (more) {
        rest.n = slice_behind_last(rest, '\n');
        if (rest.n == 0 && from == 0 && block.n >= LIMIT_HUNT_BLOCK) {
            s->inside = true;
            s->line_from = s->from;
            return search_piece(s, block, true, ret_used);
        }
    }
    *ret_used = from + rest.n;
    return rest.n ? search_lines(s, rest) : OK;
}

enum status line_search_block(struct line_search *s, struct slice block, bool more,
                              size_t *ret_used)
{
    s->fails_from = s->dense_to = NULL; /* the block may lie elsewhere */
    s->block = block.p;
    enum status st = search_block(s, block, more, ret_used);
    s->from += *ret_used;
    return st;
}

enum status line_search_end(struct line_search *s)
{
    enum status st = end_long(s);
    begin_line(s);
    return st;
}
