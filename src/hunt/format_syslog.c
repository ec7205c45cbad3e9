/* syslog. The message may be a line of another format, which is then asked for the client.
 *
 * | | line |
 * | --- | --- |
 * | RFC 3164 | <34>Dec 10 18:12:33 host tag[pid]: message; files leave out <34>, and some write the
 *   time as RFC 3339 |
 * | RFC 5424, 6 | <34>1 2021-12-10T09:12:33.1Z host app pid id [data] message |
 */
#include "hunt/format_int.h"

static bool structured_data(struct cursor *c)
{
    if (take_char(c, '-'))
        return true;
    if (c->at >= c->s.n || c->s.p[c->at] != '[')
        return false;
    while (take_char(c, '[')) {
        while (c->at < c->s.n && c->s.p[c->at] != ']') {
            struct slice quoted;
            if (!take_quoted(c, &quoted))
                c->at++;
        }
        (void)take_char(c, ']');
    }
    return true;
}

static void message(struct slice text, const struct format_context *x, struct line_facts *f)
{
    static const struct line_format *const inner[] = {&format_combined, &format_json,
                                                      &format_haproxy, &format_error, &format_java};
    bool has_time = f->has_time;
    int64_t ms = f->time_ms;
    for (size_t i = 0; i < ARRAY_LEN(inner); i++) {
        struct line_facts in = {0};
        if (inner[i]->parse(text, x, &in)) {
            *f = in;
            f->format = "syslog";
            if (!f->has_time && has_time)
                facts_time(f, ms);
            return;
        }
    }
    if (slice_starts(text, SLICE_LIT("CEF:")) || slice_starts(text, SLICE_LIT("LEEF:")))
        f->client = named_client(text);
    facts_add(f, SLICE_LIT("message"), text);
}

static bool rfc5424(struct cursor *c, const struct format_context *x, struct line_facts *f)
{
    int64_t ms = 0;
    if (!take_text(c, "1 "))
        return false;
    if (take_iso_time(c, &ms))
        facts_time(f, ms);
    else if (!take_char(c, '-'))
        return false;
    if (!take_char(c, ' '))
        return false;
    for (int i = 0; i < 4; i++) /* host, app, process, message id */
        if (take_word(c).n == 0)
            return false;
    size_t from = c->at;
    if (!structured_data(c))
        return false;
    facts_add(f, SLICE_LIT("structured data"), slice_sub(c->s, from, c->at - from));
    skip_spaces(c);
    (void)take_text(c, "\xef\xbb\xbf");
    message(cursor_rest(c), x, f);
    return true;
}

static bool parse(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct cursor c = cursor_of(line);
    int64_t priority = 0, ms = 0;
    bool numbered = take_char(&c, '<') && take_digits(&c, 1, 3, &priority) && take_char(&c, '>');
    if (!numbered)
        c.at = 0;
    size_t behind = c.at;
    if (numbered && rfc5424(&c, x, f))
        return true;
    c.at = behind;
    bool timed = take_syslog_time(&c, x->newest_ms, &ms) || take_iso_time(&c, &ms);
    if (!timed || !take_char(&c, ' '))
        return false;
    facts_time(f, ms);
    struct slice host = take_word(&c);
    size_t from = c.at;
    struct slice tag = take_until(&c, ": ");
    if (!host.n || tag.n > 64 || !take_char(&c, ':'))
        return numbered;
    skip_spaces(&c);
    if (slice_eq_str(tag, "CEF") || slice_eq_str(tag, "LEEF"))
        c.at = from;
    message(cursor_rest(&c), x, f);
    return true;
}

const struct line_format format_syslog = {"syslog", parse};
