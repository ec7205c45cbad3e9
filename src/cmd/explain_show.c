/* Texts in rows. See explain_show.h. */
#include "cmd/explain_show.h"

#include "base/text.h"
#include "base/utf8.h"

enum { BEFORE = 200, SHOWN = 1200 }; /* bytes before the first piece, in all */

void explain_paint(struct explain_view *v, const char *code, struct slice text)
{
    if (v->colour && *code && text.n)
        (void)buf_addf(&v->out, "\033[%sm", code);
    (void)buf_add_slice(&v->out, text);
    if (v->colour && *code && text.n)
        (void)buf_add_str(&v->out, "\033[0m");
}

/* --- the text as it is shown */

static size_t character(struct slice s, size_t at)
{
    size_t n;
    bool ok;
    (void)utf8_decode(slice_sub(s, at, 4), &n, &ok);
    return n;
}

/* Appends what stands at `at` and returns how far that reaches. */
static size_t add_one(struct buf *out, struct slice s, size_t at, const struct server_marks *marks,
                      bool defaults)
{
    for (size_t i = 0; i < marks->count; i++) {
        const struct server_mark *m = &marks->mark[i];
        if (m->at != at || (m->has_default && !defaults))
            continue;
        (void)buf_add_char(out, '<');
        (void)text_add_escaped(out, explain_key(m->name));
        (void)buf_add_char(out, '>');
        if (m->n)
            return at + m->n;
    }
    size_t n = at < s.n ? character(s, at) : 0;
    (void)text_add_escaped(out, slice_sub(s, at, n));
    return at + n;
}

void explain_add_marked(struct buf *out, struct slice text, size_t from, size_t n,
                        const struct server_marks *marks, bool defaults)
{
    for (size_t at = from; at < from + n && at < text.n;)
        at = add_one(out, text, at, marks, defaults);
}

/* Into v->piece; *ret_marked of marked[] say from where to where pieces stand in it. */
static size_t render(struct explain_view *v, struct slice s, const struct server_marks *marks,
                     const struct explain_piece *pieces, size_t count,
                     struct explain_piece marked[EXPLAIN_PIECES])
{
    size_t from = count && pieces[0].at > BEFORE ? pieces[0].at - BEFORE : 0, next = 0;
    if (s.n <= SHOWN)
        from = 0;
    while (from < s.n && from > 0 && (s.p[from] & 0xc0) == 0x80)
        from++;
    size_t to = s.n - from <= SHOWN ? s.n : from + utf8_floor(slice_sub(s, from, s.n), SHOWN);
    buf_clear(&v->piece);
    (void)buf_add_str(&v->piece, from ? "…" : "");
    bool inside = false;
    for (size_t at = from; at < to;) {
        if (inside && at >= pieces[next].at + pieces[next].n) {
            marked[next].n = v->piece.n - marked[next].at;
            next++;
            inside = false;
        }
        if (!inside && next < count && at >= pieces[next].at) {
            marked[next].at = v->piece.n;
            inside = true;
        }
        at = add_one(&v->piece, s, at, marks, false);
    }
    if (inside) {
        marked[next].n = v->piece.n - marked[next].at;
        next++;
    }
    (void)buf_add_str(&v->piece, to < s.n ? "…" : "");
    return next;
}

/* --- rows */

static bool is_marked(const struct explain_piece *marked, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        if (at >= marked[i].at && at < marked[i].at + marked[i].n)
            return true;
    }
    return false;
}

/* How many bytes of s from `at` on fit into a row. */
static size_t row_end(struct slice s, size_t at, size_t room)
{
    size_t columns = 0;
    while (at < s.n) {
        size_t n = character(s, at);
        columns += text_columns(slice_sub(s, at, n));
        if (columns > room)
            break;
        at += n;
    }
    return at;
}

static void add_row(struct explain_view *v, struct slice s, size_t from, size_t to,
                    const struct explain_piece *marked, size_t count)
{
    size_t last = 0; /* behind the last mark */
    (void)buf_addf(&v->out, "%*s", EXPLAIN_INDENT, "");
    for (size_t at = from; at < to;) {
        bool mark = is_marked(marked, count, at);
        size_t end = at;
        while (end < to && is_marked(marked, count, end) == mark)
            end += character(s, end);
        struct slice run = slice_sub(s, at, end - at);
        explain_paint(v, mark ? "4" : "", run);
        last = mark ? end : last;
        at = end;
    }
    (void)buf_add_char(&v->out, '\n');
    if (v->colour || last == 0)
        return;
    (void)buf_addf(&v->out, "%*s", EXPLAIN_INDENT, "");
    for (size_t at = from; at < last;) {
        size_t n = character(s, at);
        size_t columns = text_columns(slice_sub(s, at, n));
        for (size_t i = 0; i < columns; i++)
            (void)buf_add_char(&v->out, is_marked(marked, count, at) ? '^' : ' ');
        at += n;
    }
    (void)buf_add_char(&v->out, '\n');
}

void explain_show(struct explain_view *v, struct slice text, const struct server_marks *marks,
                  const struct explain_piece *pieces, size_t count)
{
    struct explain_piece marked[EXPLAIN_PIECES];
    if (count > EXPLAIN_PIECES)
        count = EXPLAIN_PIECES;
    size_t marked_count = render(v, text, marks, pieces, count, marked);
    struct slice s = buf_slice(&v->piece);
    size_t room = v->columns > EXPLAIN_INDENT + 20 ? v->columns - EXPLAIN_INDENT : 20;
    size_t at = 0;
    do {
        size_t end = row_end(s, at, room);
        if (end == at)
            end = at + character(s, at);
        add_row(v, s, at, end, marked, marked_count);
        at = end;
    } while (at < s.n);
}
