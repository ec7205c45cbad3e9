/* Attempt or success: the outbound logs, indicators in and out. */
#include "base/csvwrite.h"
#include "base/file.h"
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "cmd/hunt_run.h"
#include "hunt/text.h"
#include "hunt/wide.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

/* A call-back's host as it is looked for, behind a dot where any name below it counts; or nothing.
 * Room for what sightings keep. */
static struct slice sought(struct buf *name, struct slice host)
{
    bool below = false;
    buf_clear(name);
    (void)buf_add_char(name, '.');
    if (callback_sought(host, name, &below) != OK || name->n == 1)
        return (struct slice){NULL, 0};
    return slice_sub(buf_slice(name), !below, name->n);
}

static void sought_init(struct buf *name)
{
    buf_init(name, LIMIT_HUNT_TEXT + 2);
}

/* *.q7.example, as --ioc and lists of rules have it, for what sought() gave. */
static void put_starred(struct buf *out, const char *name)
{
    buf_clear(out);
    (void)buf_addf(out, "%s%s", *name == '.' ? "*" : "", name);
}

/* --- indicators in */

/* An address or a name: what else a list holds (hashes, URLs, headings) is taken apart or left. */
static bool is_indicator(struct slice s)
{
    bool dot = false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool ok = c == '.' || c == '-' || c == ':' || c == '_' || (c >= '0' && c <= '9') ||
                  ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!ok)
            return false;
        dot |= c == '.' || c == ':';
    }
    return dot && s.n >= 4;
}

/* 203.0.113.0/24, 2001:db8::/32 */
static bool is_network(struct slice word, size_t slash)
{
    uint64_t bits = 0;
    struct slice address = slice_sub(word, 0, slash);
    return slice_to_u64(slice_sub(word, slash + 1, word.n), &bits) == OK && is_indicator(address) &&
           bits < (slice_index(address, ':') < address.n ? 128 : 32);
}

static enum status add_indicator(struct hunt_job *j, struct slice word)
{
    struct buf b;
    struct callback c;
    enum status st = OK;
    size_t slash = slice_index(word, '/');
    if (slice_find(word, SLICE_LIT("://")) < word.n) {
        c = callback_parse(word);
        word = c.host;
    } else if (slash < word.n) { /* evil.example/a.class, 203.0.113.9/32 */
        struct err e = {0};
        if (is_network(word, slash)) {
            char name[64];
            (void)snprintf(name, sizeof name, "%.*s", (int)(word.n < 60 ? word.n : 60),
                           (const char *)word.p);
            (void)err_set(&e, ST_UNSUPPORTED,
                          N_("a network: only addresses and names are looked for"));
            hunt_job_incomplete(j, name, &e);
            return OK;
        }
        word = slice_sub(word, 0, slash);
    }
    buf_init(&b, KIB(2));
    /* *.evil.example, and what proxies and STIX write for it: any name below */
    size_t before = word.n && (word.p[0] == '*' || word.p[0] == '%');
    bool below = word.n > before && word.p[before] == '.';
    word = slice_sub(word, below ? before + 1 : 0, word.n);
    /* 203[.]0[.]113[.]9, evil(.)example: written so that nobody clicks on it */
    for (size_t i = 0; i < word.n; i++)
        if (!strchr("[]()", word.p[i]))
            (void)buf_add_char(&b, (char)word.p[i]);
    if (is_indicator(buf_slice(&b))) {
        struct buf host;
        buf_init(&host, KIB(2));
        size_t colon = slice_index(buf_slice(&b), ':');
        struct slice name = buf_slice(&b);
        if (slice_behind_last(name, ':') == colon + 1) /* host:port */
            name = slice_sub(name, 0, colon);
        (void)buf_add_str(&host, below ? "." : "");
        (void)callback_host(name, &host);
        st = outbound_want(j->outbound, buf_slice(&host));
        j->indicators++;
        buf_done(&host);
    }
    buf_done(&b);
    return st;
}

/* Any text: CSV, one a line, a STIX bundle; every word that can be an address or a name counts. */
static enum status add_indicators(struct hunt_job *j, struct slice text)
{
    enum status st = OK;
    for (size_t at = 0; st == OK && at < text.n;) {
        size_t n = 0;
        if (text.p[at] == '#' && (at == 0 || text.p[at - 1] == '\n')) {
            at += slice_index(slice_sub(text, at, text.n), '\n');
            continue;
        }
        while (at + n < text.n && !strchr(" \t\r\n,;\"'=<>|", text.p[at + n]) && text.p[at + n])
            n++;
        if (n)
            st = add_indicator(j, slice_sub(text, at, n));
        at += n + 1;
    }
    return st;
}

static enum status read_slice(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct slice *rest = ctx;
    (void)e;
    *ret_n = n < rest->n ? n : rest->n;
    if (*ret_n)
        memcpy(to, rest->p, *ret_n);
    *rest = slice_sub(*rest, *ret_n, rest->n);
    return OK;
}

/* A list as Windows programs save it, in UTF-16 or UTF-32. */
static enum status add_wide(struct hunt_job *j, struct slice text, const struct wide_form *form)
{
    struct slice rest = text;
    const struct stream_source from = {&rest, read_slice};
    struct wide w;
    struct buf plain;
    uint8_t *to = NULL;
    struct err e = {0};
    enum status st = OK;
    size_t n = 1;
    wide_init(&w, form, &from);
    buf_init(&plain, text.n * 3 + KIB(4)); /* the most that it gives, and room to read into */
    while (st == OK && n && (st = buf_reserve(&plain, KIB(4), &to)) == OK) {
        st = wide_read(&w, to, KIB(4), &n, &e);
        buf_commit(&plain, st == OK ? n : 0);
    }
    if (st == OK)
        st = add_indicators(j, buf_slice(&plain));
    buf_done(&plain);
    return st;
}

static enum status add_list(struct hunt_job *j, const char *path)
{
    struct buf text;
    struct err e = {0};
    struct wide_form form;
    buf_init(&text, LIMIT_IOC_BYTES);
    enum status st = file_read_all(path, &text, &e);
    size_t before = j->indicators;
    if (st != OK)
        hunt_complain(j, &e);
    else if (wide_sniff(slice_sub(buf_slice(&text), 0, TEXT_HEAD), &form))
        st = add_wide(j, buf_slice(&text), &form);
    else
        st = add_indicators(j, buf_slice(&text));
    if (st == OK && text.n && j->indicators == before) {
        (void)err_set(&e, ST_INVALID, N_("no address and no name stands in it"));
        hunt_job_incomplete(j, path, &e);
    }
    buf_done(&text);
    return st;
}

enum status hunt_job_iocs(struct hunt_job *j)
{
    enum status st = OK;
    for (size_t i = 0; st == OK && i < j->q->ioc_count; i++) {
        const char *given = j->q->iocs[i];
        bool below = given[0] == '*' && given[1] == '.';
        st = access(given, F_OK) != 0 && is_indicator(slice_str(given + (below ? 2 : 0)))
                 ? add_indicator(j, slice_str(given))
                 : add_list(j, given);
    }
    return st;
}

/* --- outbound logs */

static enum status search_logs(struct hunt_job *j)
{
    struct err e = {0};
    int rounds = 0;
    do {
        uint64_t lines = 0;
        for (size_t i = 0; i < j->q->outbound_count; i++) {
            enum status st =
                outbound_search(j->outbound, j->q->outbound[i], hunt_job_incomplete, j, &lines, &e);
            if (st != OK) {
                hunt_complain(j, &e);
                return st;
            }
        }
        j->view.outbound_lines = rounds ? j->view.outbound_lines : lines;
    } while (outbound_again(j->outbound) && ++rounds < 2);
    return OK;
}

static void describe(const struct hunt_job *j, const struct outbound_event *e, struct buf *out)
{
    enum lang lang = j->q->format->for_people ? j->view.lang : LANG_EN;
    char time[TIME_RFC3339_SIZE] = "";
    if (e->has_time)
        time_format_local(e->time_ms, time, NULL);
    const char *word = e->outcome == OUTBOUND_ANSWERED
                           ? (e->dns ? T(lang, "name asked for") : T(lang, "answered"))
                       : e->outcome == OUTBOUND_BLOCKED ? T(lang, "tried and blocked")
                                                        : T(lang, "tried");
    (void)buf_addf(out, "%s: %s:%llu", word, e->file, (unsigned long long)e->line);
    if (*time)
        (void)buf_addf(out, "   %s", time);
    if (*e->source)
        (void)buf_addf(out, T(lang, "   from %s"), e->source);
    if (e->port)
        (void)buf_addf(out, T(lang, " to port %u"), e->port);
}

/* The verdict that the outbound logs make of it. */
static void judge(struct hunt_job *j, struct sighting *s, struct buf *answer)
{
    struct slice name = sought(answer, s->text[SIGHTING_HOST]);
    if (!name.n || s->verdict < SIGHTED_IF_CLOSED)
        return;
    const struct outbound_event *e = outbound_find(j->outbound, name, s->has_time, s->time_ms);
    buf_clear(answer);
    if (!e)
        return;
    describe(j, e, answer);
    s->text[SIGHTING_ANSWER] = buf_slice(answer);
    if (e->outcome == OUTBOUND_ANSWERED) {
        s->verdict = SIGHTED_CALLED_BACK;
        struct sum *sum = sums_find(&j->view.callbacks, s->text[SIGHTING_HOST]);
        if (sum && !sum->flags) {
            sum->flags = 1;
            j->view.answered++;
        }
    }
}

/* Reads the spool once; `called_back`: shows those, else the others. Both at once where the order
 * is that of the logs. */
static enum status show_spool(struct hunt_job *j, bool both, bool called_back)
{
    struct buf text, answer;
    struct sighting s;
    uint8_t bytes[65536];
    enum status st = OK;
    size_t got = 0;
    rewind(j->spool);
    buf_init(&text, MIB(1));
    buf_init(&answer, KIB(8));
    while (st == OK && (got = fread(bytes, 1, sizeof bytes, j->spool)) > 0) {
        size_t n = 0;
        st = buf_add(&text, bytes, got);
        struct slice rest = buf_slice(&text);
        while (sighting_unpack(rest, &s, &n) == OK) {
            rest = slice_sub(rest, n, rest.n);
            judge(j, &s, &answer);
            if (both || (s.verdict == SIGHTED_CALLED_BACK) == called_back)
                hunt_job_show(j, &s);
        }
        memmove(text.p, rest.p, rest.n);
        buf_cut(&text, rest.n);
    }
    if (ferror(j->spool))
        st = ST_IO;
    buf_done(&text);
    buf_done(&answer);
    return st;
}

/* Who went to an indicator of --ioc that no attempt named: a sighting of its own, in the outbound
 * log. */
static enum status show_indicators(struct hunt_job *j)
{
    const struct outbound_event *e = NULL;
    const char *host = NULL;
    struct buf answer, name;
    enum status st = OK;
    buf_init(&answer, KIB(8));
    sought_init(&name);
    for (size_t h = 0, i = 0; st == OK && outbound_next(j->outbound, &h, &i, &host, &e);) {
        if (sums_find(&j->callbacks, slice_str(host)))
            continue;
        struct sighting s = {.verdict = e->outcome == OUTBOUND_ANSWERED ? SIGHTED_CALLED_BACK
                                                                        : SIGHTED_ATTEMPT,
                             .has_time = e->has_time,
                             .time_ms = e->time_ms,
                             .line = e->line};
        if (!sighting_is_asked_for(&s, j->q->least, j->q->since_ms, j->q->until_ms))
            continue;
        buf_clear(&answer);
        describe(j, e, &answer);
        put_starred(&name, host);
        s.text[SIGHTING_FILE] = slice_str(e->file);
        s.text[SIGHTING_CLIENT] = slice_str(e->source);
        s.text[SIGHTING_FIELD] = SLICE_LIT("indicator");
        s.text[SIGHTING_KEY] = s.text[SIGHTING_HOST] = buf_slice(&name);
        s.text[SIGHTING_ANSWER] = buf_slice(&answer);
        s.callback = (struct callback){.host = s.text[SIGHTING_HOST], .port = e->port};
        j->view.counts.sightings++;
        st = hunt_job_count(j, &s);
        if (st == OK)
            hunt_job_show(j, &s);
    }
    buf_done(&answer);
    buf_done(&name);
    return st;
}

/* What is looked for and cannot be told in full is said, never left out. */
static void show_limits(struct hunt_job *j)
{
    struct err e = {0};
    const char *host = NULL;
    uint64_t dropped = 0;
    for (size_t i = 0; outbound_host(j->outbound, i, &host, &dropped); i++) {
        if (!dropped || sums_find(&j->callbacks, slice_str(host)))
            continue;
        (void)err_set(&e, ST_LIMIT, N_("%llu more went there than are shown"),
                      (unsigned long long)dropped);
        hunt_job_incomplete(j, host, &e);
    }
    uint64_t unwanted = outbound_unwanted(j->outbound) + j->callback_others;
    if (!unwanted)
        return;
    (void)err_set(&e, ST_LIMIT,
                  N_("%llu call-backs or indicators were not looked for: too many, or too long"),
                  (unsigned long long)unwanted);
    hunt_job_incomplete(j, "--outbound", &e);
}

static enum status remember_callbacks(struct hunt_job *j)
{
    enum status st = OK;
    struct buf name;
    sought_init(&name);
    for (size_t i = 0; st == OK && i < j->view.callbacks.size; i++) {
        struct slice host = sought(&name, slice_str(j->view.callbacks.slots[i].name));
        if (host.n)
            st = sums_add(&j->callbacks, host, 1, NULL);
    }
    buf_done(&name);
    return st;
}

enum status hunt_job_outbound(struct hunt_job *j)
{
    enum status st = hunt_job_iocs(j);
    if (st == OK)
        st = remember_callbacks(j);
    for (size_t i = 0; st == OK && i < j->callbacks.size; i++)
        st = outbound_want(j->outbound, slice_str(j->callbacks.slots[i].name));
    j->view.asked = j->view.callbacks.used;
    j->callback_others = j->view.callbacks.others;
    if (st == OK)
        st = search_logs(j);
    if (st != OK)
        return st;
    j->view.outbound = true;
    show_limits(j);
    /* for people a call-back comes first, whatever its time */
    if (!j->q->format->for_people) {
        st = show_spool(j, true, false);
        return st == OK ? show_indicators(j) : st;
    }
    st = show_spool(j, false, true);
    if (st == OK)
        st = show_indicators(j);
    return st == OK ? show_spool(j, false, false) : st;
}

/* --- indicators out */

static bool is_ip(const char *s, bool *ret_v6)
{
    uint8_t bytes[16];
    *ret_v6 = inet_pton(AF_INET6, s, bytes) == 1;
    return *ret_v6 || inet_pton(AF_INET, s, bytes) == 1;
}

/* Of this program's indicators: the same one has the same id in every run. */
static void uuid_of(const char *role, const char *name, char out[UUID_SIZE])
{
    static const uint8_t space[16] = {0x0f, 0x4b, 0x5e, 0x1a, 0x7c, 0x38, 0x4d, 0x02,
                                      0x9e, 0x61, 0xd5, 0x2a, 0x83, 0xb7, 0x60, 0xc4};
    struct buf text;
    buf_init(&text, KIB(8));
    (void)buf_addf(&text, "%s\n%s", role, name);
    uuid_of_name(space, buf_slice(&text), out);
    buf_done(&text);
}

static void stix_value(const char *name, struct buf *out)
{
    for (const char *c = name; *c; c++) {
        if (*c == '\'' || *c == '\\')
            (void)buf_add_char(out, '\\');
        (void)buf_add_char(out, *c);
    }
    (void)buf_add_char(out, '\'');
}

static void stix_pattern(const char *name, struct buf *out)
{
    bool v6 = false;
    const char *type = !is_ip(name, &v6) ? "domain-name" : v6 ? "ipv6-addr" : "ipv4-addr";
    (void)buf_addf(out, "[%s:value %s '%s", type, *name == '.' ? "LIKE" : "=",
                   *name == '.' ? "%" : "");
    stix_value(name, out);
    (void)buf_add_char(out, ']');
}

struct ioc_writer {
    struct hunt_job *j;
    struct jsonw json;
    struct csvw csv;
    bool stix, any;
    char now[TIME_RFC3339_SIZE];
};

static void put_ioc(struct ioc_writer *w, const char *role, const struct sum *s)
{
    bool v6 = false, ip = is_ip(s->name, &v6);
    char id[UUID_SIZE], text[64], count[24];
    if (!w->stix) {
        struct buf value;
        sought_init(&value);
        put_starred(&value, s->name);
        (void)snprintf(count, sizeof count, "%llu", (unsigned long long)s->count);
        csv_field(&w->csv, slice_str(ip ? v6 ? "ipv6" : "ipv4" : "domain"));
        csv_field(&w->csv, buf_slice(&value));
        csv_field(&w->csv, slice_str(role));
        csv_field(&w->csv, slice_str(count));
        csv_field(&w->csv, slice_str(s->flags ? "yes" : w->j->view.outbound ? "no" : ""));
        csv_end_row(&w->csv);
        buf_done(&value);
        return;
    }
    if (!w->any) {
        json_key(&w->json, "objects");
        json_begin_array(&w->json);
    }
    w->any = true;
    struct buf pattern;
    buf_init(&pattern, KIB(8));
    uuid_of(role, s->name, id);
    (void)snprintf(text, sizeof text, "indicator--%s", id);
    json_begin_object(&w->json);
    json_put_str(&w->json, "type", "indicator");
    json_put_str(&w->json, "spec_version", "2.1");
    json_put_str(&w->json, "id", text);
    json_put_str(&w->json, "created", w->now);
    json_put_str(&w->json, "modified", w->now);
    json_put_str(&w->json, "name", role);
    json_put_str(&w->json, "pattern_type", "stix");
    stix_pattern(s->name, &pattern);
    json_put_str(&w->json, "pattern", buf_text(&pattern));
    json_put_str(&w->json, "valid_from", w->now);
    json_key(&w->json, "indicator_types");
    json_begin_array(&w->json);
    json_text(&w->json, slice_str("malicious-activity"));
    json_end_array(&w->json);
    json_end_object(&w->json);
    buf_done(&pattern);
}

static enum status put_iocs(struct ioc_writer *w, const char *role, const struct sums *sums)
{
    const struct sum **list = NULL;
    size_t n = 0;
    enum status st = sums_sorted(sums, &list, &n);
    if (st != OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (is_indicator(slice_str(list[i]->name)))
            put_ioc(w, role, list[i]);
    free(list);
    return OK;
}

/* The call-back hosts. Of ${env:USER}.q7.example what is the attacker's is all below q7.example. */
static enum status sought_hosts(const struct sums *callbacks, struct sums *ret)
{
    enum status st = OK;
    struct buf name;
    sought_init(&name);
    for (size_t i = 0; st == OK && i < callbacks->size; i++) {
        const struct sum *from = &callbacks->slots[i];
        struct sum *to = NULL;
        struct slice host = sought(&name, slice_str(from->name));
        if (host.n)
            st = sums_add(ret, host, from->count, &to);
        if (st == OK && to)
            to->flags |= from->flags;
    }
    buf_done(&name);
    return st;
}

static enum status put_all(struct ioc_writer *w)
{
    struct sums hosts = {0};
    enum status st = sought_hosts(&w->j->view.callbacks, &hosts);
    if (st == OK)
        st = put_iocs(w, "call-back host", &hosts);
    if (st == OK)
        st = put_iocs(w, "attacking client", &w->j->view.clients);
    sums_done(&hosts);
    return st;
}

enum status hunt_job_write_iocs(struct hunt_job *j)
{
    struct buf out;
    struct err e = {0};
    buf_init(&out, MIB(32));
    struct ioc_writer w = {.j = j,
                           .json = jsonw_to(&out),
                           .csv = {.out = &out, .sep = ',', .neutralise = true},
                           .stix = slice_ends(slice_str(j->q->ioc_out), SLICE_LIT(".json"))};
    time_format_utc(time_now_ms(), w.now);
    if (w.stix) {
        char id[64], uuid[UUID_SIZE];
        uuid_of("bundle", w.now, uuid);
        (void)snprintf(id, sizeof id, "bundle--%s", uuid);
        json_begin_object(&w.json);
        json_put_str(&w.json, "type", "bundle");
        json_put_str(&w.json, "id", id);
    } else {
        (void)buf_add_str(&out, "type,value,role,sightings,answered\r\n");
    }
    enum status st = put_all(&w);
    if (w.stix) {
        if (w.any) /* a list of objects is not empty */
            json_end_array(&w.json);
        json_end_object(&w.json);
        (void)buf_add_char(&out, '\n');
    }
    if (st == OK)
        st = buf_status(&out);
    if (st == OK)
        st = file_write_atomic(j->q->ioc_out, buf_slice(&out), 0644, &e);
    if (st != OK)
        hunt_complain(j, &e);
    buf_done(&out);
    return st;
}
