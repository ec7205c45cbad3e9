/* Layouts of Java programs: a time, then a level and a thread in either order, a logger, the
 * message. Patterns are everyone's own, so only what they have in common is asked for: a time at
 * the beginning and one of the levels near it. Clients are taken where a pattern names them, as
 * mapped contexts do: [client=192.0.2.1], ip=192.0.2.1.
 */
#include "hunt/format_int.h"

static bool begins_word(struct slice s, size_t at)
{
    return at == 0 || (s.p[at - 1] | 0x20) < 'a' || (s.p[at - 1] | 0x20) > 'z';
}

static bool has_level(struct slice head)
{
    static const char *const levels[] = {"TRACE", "DEBUG",  "INFO",    "WARN",  "ERROR",
                                         "FATAL", "SEVERE", "WARNING", "NOTICE"};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        size_t at = slice_find(head, slice_str(levels[i]));
        if (at < head.n && begins_word(head, at))
            return true;
    }
    return false;
}

struct slice named_client(struct slice line)
{
    static const char *const names[] = {
        "client=", "clientIp=",   "clientip=",    "client_ip=", "ip=",
        "remote=", "remoteAddr=", "remote_addr=", "src=",       "addr="};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t at = slice_find(line, slice_str(names[i]));
        if (at == line.n || !begins_word(line, at))
            continue;
        struct cursor c = {line, at + strlen(names[i])};
        (void)take_char(&c, '/'); /* java.net.InetAddress prints one */
        (void)take_char(&c, '"');
        struct slice value = take_until(&c, " ,;]})\"\t");
        if (is_address(value) || is_address(without_port(value)))
            return is_address(value) ? value : without_port(value);
    }
    return (struct slice){NULL, 0};
}

static bool parse(struct slice line, const struct format_context *x, struct line_facts *f)
{
    struct cursor c = cursor_of(line);
    int64_t ms = 0;
    (void)x;
    (void)take_char(&c, '[');
    size_t from = c.at;
    bool timed = take_iso_time(&c, &ms) || take_dmy_time(&c, &ms);
    if (!timed && has_level(slice_sub(line, 0, 8))) { /* [INFO ] 2021-12-10 … */
        (void)take_until(&c, " ]");
        (void)take_until(&c, "0123456789");
        timed = c.at < from + 16 && (take_iso_time(&c, &ms) || take_dmy_time(&c, &ms));
        c.at = timed ? c.at : from;
    }
    if (!timed) { /* the short layout: a level, or a clock without a day */
        (void)take_until(&c, " ]");
        struct slice word = slice_sub(line, from, c.at - from);
        int64_t h = 0, m = 0;
        struct cursor t = cursor_of(word);
        bool clock = take_digits(&t, 2, 2, &h) && take_char(&t, ':') && take_digits(&t, 2, 2, &m) &&
                     take_char(&t, ':');
        if (!clock && !parse_epoch(word, &ms) && !has_level(word))
            return false;
        timed = !clock && parse_epoch(word, &ms);
    }
    if (!has_level(slice_sub(line, 0, 160)))
        return false;
    if (timed)
        facts_time(f, ms);
    f->client = named_client(slice_sub(line, 0, 4096));
    facts_add(f, SLICE_LIT("message"), cursor_rest(&c));
    return true;
}

const struct line_format format_java = {"java", parse};
