/* Names and values: application/x-www-form-urlencoded and queries (WHATWG URL, section 5.1),
 * cookies (RFC 6265 section 4.2.1), and single values that are percent-encoded or plain.
 *
 * Names are decoded as they are read; values only where a rule looks into them. An escape that is
 * cut or has no digits stays as it is. */
#include "guard/guard_int.h"

/* --- one value */

static void parse_text(struct guard_stream *st, struct slice s)
{
    guard_put_all(st, s);
}

void guard_text_prepare(struct guard_stream *st, bool in_name)
{
    st->parse = parse_text;
    guard_span(st, st->part, in_name, 0);
}

/* --- escapes */

void guard_percent_give_up(struct guard_stream *st, bool to_name)
{
    guard_put_to(st, '%', to_name);
    if (st->percent.digits == 2)
        guard_put_to(st, st->percent.raw, to_name);
    st->percent.digits = 0;
}

void guard_percent_byte(struct guard_stream *st, uint8_t c, bool to_name)
{
    int d = st->percent.digits ? hex_value(c) : -1;
    if (d >= 0 && st->percent.digits == 1) {
        st->percent.value = (uint8_t)d;
        st->percent.raw = c;
        st->percent.digits = 2;
    } else if (d >= 0) {
        st->percent.digits = 0;
        guard_put_to(st, (uint8_t)(st->percent.value << 4 | d), to_name);
    } else {
        guard_percent_end(st, to_name);
        if (c == '%')
            st->percent.digits = 1;
        else
            guard_put_to(st, c, to_name);
    }
}

static void finish(struct guard_stream *st)
{
    guard_percent_end(st, st->span.in_name);
}

static void parse_percent(struct guard_stream *st, struct slice s)
{
    if (!st->span.matching)
        return;
    for (size_t i = 0; i < s.n; i++)
        guard_percent_byte(st, s.p[i], false);
}

void guard_percent_prepare(struct guard_stream *st)
{
    st->parse = parse_percent;
    st->finish = finish;
    guard_span(st, st->part, false, 0);
}

/* --- pairs */

static void begin_name(struct guard_stream *st, uint64_t at)
{
    guard_percent_end(st, false);
    guard_span(st, st->part, true, at);
    st->name.n = 0;
    st->as.form.in_value = false;
}

static void take_byte(struct guard_stream *st, uint8_t c, bool to_name)
{
    if (!st->as.form.percent)
        guard_put_to(st, c, to_name);
    else
        guard_percent_byte(st, c == '+' ? ' ' : c, to_name);
}

/* Raw bytes up to one that means something; whole escapes are undone on the way. */
static size_t take_raw(struct guard_stream *st, struct slice s, uint8_t end, bool to_name)
{
    const struct form_state *f = &st->as.form;
    uint8_t percent = f->percent ? '%' : end, plus = f->percent ? '+' : end;
    size_t i = 0;
    while (i < s.n && st->percent.digits == 0) {
        struct slice rest = slice_sub(s, i, s.n);
        size_t n = guard_find4(rest, end, f->separator, percent, plus);
        guard_put_all_to(st, slice_sub(rest, 0, n), to_name);
        i += n;
        int high = 0, low = 0;
        if (!f->percent || rest.n - n < 3 || rest.p[n] != '%' ||
            (high = hex_value(rest.p[n + 1])) < 0 || (low = hex_value(rest.p[n + 2])) < 0)
            break;
        guard_put_to(st, (uint8_t)(high << 4 | low), to_name);
        i += 3;
    }
    return i;
}

static size_t take_name(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct form_state *f = &st->as.form;
    size_t i = 0;
    while (!f->percent && st->name.n == 0 && i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
        i++; /* spaces before the name of a cookie are left out */
    while ((i += take_raw(st, slice_sub(s, i, s.n), '=', true)) < s.n) {
        uint8_t c = s.p[i++];
        if (c == '=') {
            guard_percent_end(st, true);
            guard_span(st, st->part, false, at + i);
            f->in_value = true;
            break;
        }
        if (c == f->separator) {
            guard_percent_end(st, true);
            begin_name(st, at + i);
            break;
        }
        take_byte(st, c, true);
    }
    return i;
}

static size_t take_value(struct guard_stream *st, struct slice s, uint64_t at)
{
    uint8_t end = st->as.form.separator;
    size_t n = guard_find(s, end), i = 0;
    while (st->span.matching && i < n) {
        i += take_raw(st, slice_sub(s, i, n - i), end, false);
        if (i < n)
            take_byte(st, s.p[i++], false);
    }
    if (n == s.n)
        return n;
    begin_name(st, at + n + 1);
    return n + 1;
}

/* What stands before the last separator of a quiet stretch says nothing of what follows. */
static size_t leap(struct guard_stream *st, struct slice s, uint64_t at)
{
    uint64_t quiet = st->quiet_until > at ? st->quiet_until - at - 1 : 0;
    struct slice before = slice_sub(s, 0, quiet < s.n ? (size_t)quiet : s.n);
    size_t n = slice_behind_last(before, st->as.form.separator);
    if (n)
        begin_name(st, at + n);
    return n;
}

static void parse_pairs(struct guard_stream *st, struct slice s)
{
    uint64_t leapt = 0; /* for each stretch once */
    for (size_t i = 0; i < s.n;) {
        struct slice rest = slice_sub(s, i, s.n);
        uint64_t at = st->base + i;
        if (st->quiet_until != leapt) {
            leapt = st->quiet_until;
            i += leap(st, rest, at);
        } else {
            i += st->as.form.in_value ? take_value(st, rest, at) : take_name(st, rest, at);
        }
    }
}

void guard_form_prepare(struct guard_stream *st)
{
    st->as.form = (struct form_state){.separator = '&', .percent = true};
    st->parse = parse_pairs;
    st->finish = finish;
    begin_name(st, 0);
}

void guard_cookie_prepare(struct guard_stream *st)
{
    st->as.form = (struct form_state){.separator = ';'};
    st->parse = parse_pairs;
    st->finish = finish;
    begin_name(st, 0);
}
