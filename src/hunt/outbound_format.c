/* The formats of outbound logs:
 *
 *   squid    native: 1639… 12 10.0.0.5 TCP_TUNNEL/200 39 CONNECT host:443 - HIER_DIRECT/192.0.2.9 -
 *   dnsmasq  … dnsmasq[7]: query[A] host from 10.0.0.5; … reply host is 192.0.2.9
 *   bind     … client @0x7f 10.0.0.5#5353 (host): query: host IN A + (…)
 *   unbound  [1639…] unbound[7:0] info: 10.0.0.5 host. A IN
 *   zeek     conn.log and dns.log, columns by #fields, or as JSON
 *   packet   iptables, nftables, ufw: … SRC=10.0.0.5 DST=192.0.2.9 … DPT=389 …
 *   csv      any table with a line of names: dst, dest_ip, destination address, …
 */
#include "hunt/format_int.h"
#include "hunt/outbound.h"

static bool has(struct slice s, const char *text)
{
    return slice_find(s, slice_str(text)) < s.n;
}

static bool begin_time(struct cursor *c, const struct outbound_context *x,
                       struct outbound_line *ret)
{
    (void)(take_char(c, '<') && take_until(c, ">").n && take_char(c, '>'));
    ret->has_time = take_syslog_time(c, x->newest_ms, &ret->time_ms) ||
                    take_iso_time(c, &ret->time_ms) || take_dmy_time(c, &ret->time_ms);
    return ret->has_time;
}

static bool to_port(struct slice s, uint16_t *ret)
{
    uint64_t v = 0;
    if (slice_to_u64(s, &v) != OK || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

/* host, host:port, [v6]:port, scheme://user@host:port/path */
static bool destination(struct slice s, struct outbound_line *ret)
{
    size_t scheme = slice_find(s, SLICE_LIT("://"));
    if (scheme < s.n)
        s = slice_sub(s, scheme + 3, s.n);
    struct cursor c = cursor_of(s);
    s = take_until(&c, "/?#");
    size_t at = slice_index(s, '@');
    s = at < s.n ? slice_sub(s, at + 1, s.n) : s;
    struct slice host = without_port(s);
    size_t port = host.n && host.n < s.n ? slice_behind_last(s, ':') : 0;
    if (port)
        (void)to_port(slice_sub(s, port, s.n), &ret->port);
    ret->host = host;
    return host.n > 0;
}

static bool parse_squid(struct slice line, const struct outbound_context *x,
                        struct outbound_line *ret)
{
    struct cursor c = cursor_of(line);
    (void)x;
    skip_spaces(&c);
    struct slice stamp = take_word(&c), elapsed = take_word(&c), client = take_word(&c);
    struct slice result = take_word(&c);
    int64_t ignored = 0;
    struct cursor e = cursor_of(elapsed);
    if (!parse_epoch(stamp, &ret->time_ms) || !take_digits(&e, 1, 12, &ignored) ||
        !is_address(client) || slice_index(result, '/') == result.n)
        return false;
    (void)take_word(&c); /* bytes */
    (void)take_word(&c); /* method */
    ret->has_time = true;
    ret->source = client;
    bool answered = false;
    size_t slash = slice_index(result, '/');
    struct slice status = slice_sub(result, slash + 1, result.n);
    if (status.n == 3 && status.p[0] != '0' && !(status.p[0] == '5' && status.p[1] == '0'))
        answered = true;
    ret->outcome = has(result, "DENIED") || has(result, "BLOCKED") ? OUTBOUND_BLOCKED
                   : answered                                      ? OUTBOUND_ANSWERED
                                                                   : OUTBOUND_ASKED;
    struct slice url = take_word(&c);
    if (!destination(url, ret))
        return false;
    (void)take_word(&c); /* user */
    struct slice hierarchy = take_word(&c);
    slash = slice_index(hierarchy, '/');
    struct slice peer = slice_sub(hierarchy, slash + 1, hierarchy.n);
    if (is_address(peer))
        ret->answer = peer;
    return true;
}

static bool parse_dnsmasq(struct slice line, const struct outbound_context *x,
                          struct outbound_line *ret)
{
    struct cursor c = cursor_of(line);
    size_t tag = slice_find(line, SLICE_LIT("dnsmasq"));
    if (tag == line.n || !begin_time(&c, x, ret))
        return false;
    c.at = tag + slice_find(slice_sub(line, tag, line.n), SLICE_LIT(": ")) + 2;
    struct slice what = take_word(&c);
    int64_t serial = 0;
    struct cursor digits = cursor_of(what);
    if (take_digits(&digits, 1, 18, &serial) && digits.at == what.n) { /* log-queries=extra */
        (void)take_word(&c);
        what = take_word(&c);
    }
    ret->dns = true;
    ret->host = take_word(&c);
    struct slice word = take_word(&c), value = take_word(&c);
    if (slice_starts(what, SLICE_LIT("query[")) && slice_eq_str(word, "from")) {
        ret->source = value;
        ret->outcome = OUTBOUND_ANSWERED;
        return true;
    }
    if ((slice_eq_str(what, "reply") || slice_eq_str(what, "cached")) && slice_eq_str(word, "is") &&
        is_address(value)) {
        ret->answer = value;
        ret->outcome = OUTBOUND_ANSWERED;
        return true;
    }
    return false;
}

static bool parse_bind(struct slice line, const struct outbound_context *x,
                       struct outbound_line *ret)
{
    struct cursor c = cursor_of(line);
    size_t at = slice_find(line, SLICE_LIT(": query: "));
    size_t who = slice_find(line, SLICE_LIT("client "));
    if (at == line.n || who > at)
        return false;
    (void)begin_time(&c, x, ret);
    c.at = who + 7;
    if (take_char(&c, '@'))
        (void)take_word(&c);
    ret->source = take_until(&c, "# ");
    c.at = at + 9;
    ret->host = take_word(&c);
    ret->dns = true;
    ret->outcome = OUTBOUND_ANSWERED;
    return is_address(ret->source) && ret->host.n;
}

static bool parse_unbound(struct slice line, const struct outbound_context *x,
                          struct outbound_line *ret)
{
    struct cursor c = cursor_of(line);
    static const char *const marks[] = {" info: ", " query: ", " reply: "};
    size_t at = line.n, behind = 0;
    for (size_t i = 0; i < ARRAY_LEN(marks) && at == line.n; i++) {
        at = slice_find(line, slice_str(marks[i]));
        behind = strlen(marks[i]);
    }
    if (at == line.n || !has(slice_sub(line, 0, at), "unbound"))
        return false;
    if (take_char(&c, '['))
        ret->has_time = parse_epoch(take_until(&c, "]"), &ret->time_ms);
    else
        (void)begin_time(&c, x, ret);
    c.at = at + behind;
    ret->source = take_word(&c);
    if (slice_eq_str(ret->source, "reply:") || slice_eq_str(ret->source, "query:"))
        ret->source = take_word(&c);
    ret->host = take_word(&c);
    ret->dns = true;
    ret->outcome = OUTBOUND_ANSWERED;
    struct slice type = take_word(&c);
    return is_address(ret->source) && ret->host.n > 1 && type.n && type.n < 12;
}

/* "KEY=value" in a line of the kernel's packet filters */
static struct slice kernel_value(struct slice line, const char *key)
{
    struct slice k = slice_str(key);
    for (size_t at = 0; at < line.n;) {
        size_t i = at + slice_find(slice_sub(line, at, line.n), k);
        if (i >= line.n)
            break;
        if (i == 0 || line.p[i - 1] == ' ') {
            struct cursor c = {line, i + k.n};
            return take_until(&c, " ");
        }
        at = i + k.n;
    }
    return (struct slice){NULL, 0};
}

static bool parse_packet(struct slice line, const struct outbound_context *x,
                         struct outbound_line *ret)
{
    struct cursor c = cursor_of(line);
    ret->source = kernel_value(line, "SRC=");
    ret->host = kernel_value(line, "DST=");
    if (!is_address(ret->host) || !is_address(ret->source))
        return false;
    (void)begin_time(&c, x, ret);
    (void)to_port(kernel_value(line, "DPT="), &ret->port);
    static const char *const blocks[] = {"DROP", "REJECT", "BLOCK", "DENY",
                                         "drop", "reject", "deny",  "block"};
    struct slice prefix = slice_sub(line, 0, slice_find(line, SLICE_LIT("SRC=")));
    ret->outcome = OUTBOUND_ANSWERED;
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (has(prefix, blocks[i]))
            ret->outcome = OUTBOUND_BLOCKED;
    return true;
}

/* --- tables with a line of names */

enum column {
    COL_NONE,
    COL_TIME,
    COL_DATE,
    COL_CLOCK,
    COL_SOURCE,
    COL_HOST,
    COL_NAME,
    COL_PORT,
    COL_ACTION,
    COL_ANSWER
};

static const struct {
    const char *name;
    enum column is;
} columns[] = {
    {"ts", COL_TIME},
    {"time", COL_TIME},
    {"timestamp", COL_TIME},
    {"datetime", COL_TIME},
    {"_time", COL_TIME},
    {"starttime", COL_TIME},
    {"start", COL_TIME},
    {"date/time", COL_TIME},
    {"receive time", COL_TIME},
    {"@timestamp", COL_TIME},
    {"start time", COL_TIME},
    {"eventtime", COL_TIME},
    {"generated time", COL_TIME},
    {"date", COL_DATE},
    {"日時", COL_TIME},
    {"日付", COL_DATE},
    {"時刻", COL_CLOCK},
    {"id.orig_h", COL_SOURCE},
    {"src", COL_SOURCE},
    {"src_ip", COL_SOURCE},
    {"src-ip", COL_SOURCE},
    {"srcip", COL_SOURCE},
    {"source", COL_SOURCE},
    {"source address", COL_SOURCE},
    {"source ip", COL_SOURCE},
    {"source_ip", COL_SOURCE},
    {"srcaddr", COL_SOURCE},
    {"client", COL_SOURCE},
    {"client_ip", COL_SOURCE},
    {"送信元", COL_SOURCE},
    {"送信元ip", COL_SOURCE},
    {"送信元アドレス", COL_SOURCE},
    {"id.resp_h", COL_HOST},
    {"dst", COL_HOST},
    {"dst_ip", COL_HOST},
    {"dst-ip", COL_HOST},
    {"dstip", COL_HOST},
    {"dest_ip", COL_HOST},
    {"dest", COL_HOST},
    {"destination", COL_HOST},
    {"destination address", COL_HOST},
    {"destination ip", COL_HOST},
    {"destination_ip", COL_HOST},
    {"dstaddr", COL_HOST},
    {"remote_ip", COL_HOST},
    {"宛先", COL_HOST},
    {"宛先ip", COL_HOST},
    {"宛先アドレス", COL_HOST},
    {"query", COL_NAME},
    {"qname", COL_NAME},
    {"host", COL_NAME},
    {"hostname", COL_NAME},
    {"url", COL_NAME},
    {"domain", COL_NAME},
    {"dest_host", COL_NAME},
    {"server_name", COL_NAME},
    {"id.resp_p", COL_PORT},
    {"dst_port", COL_PORT},
    {"dst-port", COL_PORT},
    {"dstport", COL_PORT},
    {"dport", COL_PORT},
    {"dest_port", COL_PORT},
    {"destination port", COL_PORT},
    {"destination_port", COL_PORT},
    {"port", COL_PORT},
    {"宛先ポート", COL_PORT},
    {"action", COL_ACTION},
    {"conn_state", COL_ACTION},
    {"status", COL_ACTION},
    {"verdict", COL_ACTION},
    {"policy action", COL_ACTION},
    {"動作", COL_ACTION},
    {"answers", COL_ANSWER},
};

static enum column column_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (slice_same_word(name, columns[i].name))
            return columns[i].is;
    return COL_NONE;
}

/* Zeek's states of a connection without an answer; words of firewalls. */
static enum outbound_outcome outcome_of(struct slice action)
{
    static const char *const blocked[] = {"drop",       "deny",         "denied",       "block",
                                          "blocked",    "reject",       "rejected",     "discard",
                                          "reset-both", "reset-client", "reset-server", "dropped",
                                          "拒否",       "遮断",         "rej"};
    for (size_t i = 0; i < ARRAY_LEN(blocked); i++)
        if (slice_same_word(action, blocked[i]))
            return OUTBOUND_BLOCKED;
    if (slice_eq_str(action, "S0") || slice_eq_str(action, "SH") || slice_eq_str(action, "OTH"))
        return OUTBOUND_ASKED;
    return OUTBOUND_ANSWERED;
}

static void time_of(struct slice v, struct outbound_line *ret)
{
    struct cursor c = cursor_of(v);
    ret->has_time = take_iso_time(&c, &ret->time_ms) || take_clf_time(&c, &ret->time_ms) ||
                    take_dmy_time(&c, &ret->time_ms) || parse_epoch(v, &ret->time_ms);
}

static void put_column(enum column is, struct slice v, struct outbound_line *ret,
                       struct slice *name)
{
    if (!v.n || slice_eq_str(v, "-"))
        return;
    switch (is) {
    case COL_TIME:
        time_of(v, ret);
        break;
    case COL_SOURCE:
        ret->source = is_address(v) ? v : without_port(v);
        break;
    case COL_HOST:
        if (is_address(v))
            ret->host = v;
        else
            (void)destination(v, ret);
        break;
    case COL_NAME:
        *name = v;
        break;
    case COL_PORT:
        (void)to_port(v, &ret->port);
        break;
    case COL_ACTION:
        ret->outcome = outcome_of(v);
        break;
    case COL_ANSWER: /* of a list in JSON each comes alone */
        ret->answer =
            ret->answer.n ? slice_of(ret->answer.p, (size_t)(v.p + v.n - ret->answer.p)) : v;
        break;
    default:
        break;
    }
}

/* The next field, without the quotes around it. */
static bool next_field(struct cursor *c, char sep, struct slice *ret)
{
    char ends[2] = {sep, 0};
    if (c->at > c->s.n || (c->at == c->s.n && (c->s.n == 0 || c->s.p[c->s.n - 1] != (uint8_t)sep)))
        return false;
    if (sep == ' ')
        skip_spaces(c);
    if (c->at < c->s.n && c->s.p[c->at] == '"') {
        (void)take_quoted(c, ret);
        (void)take_until(c, ends);
    } else {
        *ret = slice_trim(take_until(c, ends));
    }
    if (!take_char(c, sep))
        c->at = c->s.n + 1;
    return true;
}

/* Spaces where there is nothing else: W3C, flow logs. */
static char separator_of(struct slice header)
{
    static const char seps[] = {'\t', ';', ','};
    for (size_t i = 0; i < sizeof seps; i++)
        if (slice_index(header, (uint8_t)seps[i]) < header.n)
            return seps[i];
    return ' ';
}

/* What the columns together say: a name that was asked for, or gone to at an address. */
static bool finish(struct outbound_line *ret, struct slice host, bool dns)
{
    if (host.n) {
        ret->dns = dns;
        struct slice address = ret->host;
        uint16_t port = ret->port;
        if (!destination(host, ret))
            return false;
        if (dns)
            ret->port = 0;
        else if (port)
            ret->port = port;
        if (is_address(address) && !dns)
            ret->answer = address;
    }
    return ret->host.n > 0;
}

static bool parse_table(struct slice line, const struct outbound_context *x,
                        struct outbound_line *ret)
{
    char sep = separator_of(x->header);
    struct cursor names = cursor_of(x->header), values = cursor_of(line);
    struct slice name, value, host = {NULL, 0}, date = {NULL, 0}, clock = {NULL, 0};
    bool zeek_dns = false;
    ret->outcome = OUTBOUND_ANSWERED;
    while (next_field(&names, sep, &name) && next_field(&values, sep, &value)) {
        enum column is = column_of(name);
        date = is == COL_DATE ? value : date;
        clock = is == COL_CLOCK || (is == COL_TIME && slice_index(value, ':') < 3) ? value : clock;
        zeek_dns |= slice_eq_str(name, "query");
        put_column(is, value, ret, &host);
    }
    if (date.n && !ret->has_time) {
        char text[64];
        int n = snprintf(text, sizeof text, "%.*s %.*s", (int)(date.n < 30 ? date.n : 30),
                         (const char *)date.p, (int)(clock.n < 30 ? clock.n : 30),
                         clock.n ? (const char *)clock.p : "");
        time_of(slice_of(text, (size_t)n), ret);
    }
    return finish(ret, host, zeek_dns);
}

/* One object a line: Zeek's JSON, and others with keys that are known as columns. */
static bool parse_json(struct slice line, const struct outbound_context *x,
                       struct outbound_line *ret)
{
    const struct format_context c = {.newest_ms = x->newest_ms};
    struct line_facts f;
    struct slice host = {NULL, 0};
    bool dns = false, seen = false;
    if (!line.n || line.p[0] != '{' || !format_parse_as("json", line, &c, &f))
        return false;
    ret->outcome = OUTBOUND_ANSWERED;
    for (size_t i = 0; i < f.field_count; i++) {
        enum column is = column_of(f.fields[i].name);
        seen |= is == COL_HOST || is == COL_NAME;
        dns |= slice_eq_str(f.fields[i].name, "query");
        if (is != COL_TIME)
            put_column(is, f.fields[i].value, ret, &host);
    }
    ret->has_time = f.has_time;
    ret->time_ms = f.time_ms;
    return seen && finish(ret, host, dns);
}

bool outbound_header(struct slice line, struct slice *ret)
{
    struct slice name;
    size_t known = 0;
    bool found = false;
    if (slice_starts(line, SLICE_LIT("#fields\t")))
        line = slice_sub(line, 8, line.n);
    else if (slice_starts(line, SLICE_LIT("#Fields: ")))
        line = slice_sub(line, 9, line.n);
    else if (slice_starts(line, SLICE_LIT("\xef\xbb\xbf")))
        line = slice_sub(line, 3, line.n);
    struct cursor c = cursor_of(line);
    char sep = separator_of(line);
    while (next_field(&c, sep, &name)) {
        enum column is = column_of(name);
        found |= is == COL_HOST || is == COL_NAME;
        known += is != COL_NONE;
    }
    *ret = line; /* a sentence may name a host as well */
    return found && slice_index(line, (uint8_t)sep) < line.n && (sep != ' ' || known >= 3);
}

static bool parse_zeek(struct slice line, const struct outbound_context *x,
                       struct outbound_line *ret)
{
    if (line.n && line.p[0] == '{')
        return parse_json(line, x, ret);
    if (!x->header.n || slice_index(x->header, '\t') == x->header.n || (line.n && line.p[0] == '#'))
        return false;
    return parse_table(line, x, ret);
}

static bool parse_csv(struct slice line, const struct outbound_context *x,
                      struct outbound_line *ret)
{
    return x->header.n && line.n && line.p[0] != '#' && parse_table(line, x, ret);
}

const struct outbound_format outbound_squid = {"squid", parse_squid};
const struct outbound_format outbound_dnsmasq = {"dnsmasq", parse_dnsmasq};
const struct outbound_format outbound_bind = {"bind", parse_bind};
const struct outbound_format outbound_unbound = {"unbound", parse_unbound};
const struct outbound_format outbound_packet = {"packet", parse_packet};
const struct outbound_format outbound_zeek = {"zeek", parse_zeek};
const struct outbound_format outbound_csv = {"csv", parse_csv};
