/* Hosts that are looked for, and the search of outbound logs for them. */
#include "hunt/outbound.h"

#include "base/limits.h"
#include "base/messages.h"
#include "hunt/format_int.h"
#include "hunt/sums.h"
#include "hunt/text.h"
#include "lookup/callback.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SKEW_MS 120000 /* clocks of two machines */

static const struct outbound_format *const formats[] = {
    &outbound_zeek,   &outbound_squid,   &outbound_dnsmasq, &outbound_bind,
    &outbound_packet, &outbound_unbound, &outbound_csv,
};

struct wanted {
    char *host;     /* behind a dot: any name that ends in it */
    char *alias_of; /* an address that a name server gave for this host */
    struct outbound_event *events;
    size_t event_count;
    struct outbound_event last[OUTBOUND_ANSWERED + 1]; /* of each outcome, when events are full */
    uint64_t dropped;
};

struct outbound {
    struct sums index; /* host → its place in wanted, in flags */
    struct wanted *wanted;
    size_t count, partial_count;
    char **labels; /* of the texts in which events are */
    size_t label_count;
    size_t kept; /* events, without the last ones */
    bool again;
    bool second; /* the logs are read once more: what was dropped was counted */
};

enum status outbound_new(struct outbound **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? OK : ST_NOMEM;
}

void outbound_free(struct outbound *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++) {
        for (size_t k = 0; k < o->wanted[i].event_count; k++)
            free(o->wanted[i].events[k].source);
        for (size_t k = 0; k < ARRAY_LEN(o->wanted[i].last); k++)
            free(o->wanted[i].last[k].source);
        free(o->wanted[i].events);
        free(o->wanted[i].host);
        free(o->wanted[i].alias_of);
    }
    for (size_t i = 0; i < o->label_count; i++)
        free(o->labels[i]);
    free(o->labels);
    free(o->wanted);
    sums_done(&o->index);
    free(o);
}

static struct wanted *find(const struct outbound *o, struct slice host)
{
    struct sum *s = sums_find(&o->index, host);
    return s ? &o->wanted[s->flags] : NULL;
}

static enum status add(struct outbound *o, struct slice host, const char *alias_of)
{
    struct sum *s = NULL;
    if (!host.n || find(o, host))
        return OK;
    if ((o->count & (o->count - 1)) == 0) {
        struct wanted *more = realloc(o->wanted, (o->count ? o->count * 2 : 1) * sizeof *more);
        if (!more)
            return ST_NOMEM;
        o->wanted = more;
    }
    struct wanted w = {.host = strndup((const char *)host.p, host.n),
                       .alias_of = alias_of ? strdup(alias_of) : NULL};
    if (!w.host || (alias_of && !w.alias_of) || sums_add(&o->index, host, 1, &s) != OK) {
        free(w.host);
        free(w.alias_of);
        return ST_NOMEM;
    }
    if (!s) { /* as many as are kept */
        free(w.host);
        free(w.alias_of);
        return OK;
    }
    s->flags = (uint32_t)o->count;
    o->wanted[o->count++] = w;
    o->partial_count += host.p[0] == '.';
    return OK;
}

enum status outbound_want(struct outbound *o, struct slice host)
{
    return slice_eq_str(host, ".") ? OK : add(o, host, NULL);
}

uint64_t outbound_unwanted(const struct outbound *o)
{
    return o->index.others;
}

bool outbound_host(const struct outbound *o, size_t i, const char **ret_host, uint64_t *ret_dropped)
{
    if (i >= o->count)
        return false;
    *ret_host = o->wanted[i].alias_of ? o->wanted[i].alias_of : o->wanted[i].host;
    *ret_dropped = o->wanted[i].dropped;
    return true;
}

bool outbound_again(struct outbound *o)
{
    bool again = o->again;
    o->again = false;
    o->second |= again;
    return again;
}

/* Who of the wanted is meant by a host: itself, and those that it ends in. Begin with *at = 0. */
static struct wanted *next_match(const struct outbound *o, struct slice host, size_t *at)
{
    struct wanted *w = *at == 0 ? find(o, host) : NULL;
    size_t i = *at;
    *at += *at == 0;
    for (; !w && o->partial_count && i < host.n; i++) {
        if (host.p[i] == '.' && i > 0)
            w = find(o, slice_sub(host, i, host.n));
        *at = i + 1;
    }
    if (!w)
        *at = host.n + 1;
    return w;
}

/* --- events */

static bool same_event(const struct outbound_event *e, const struct outbound_line *l,
                       const char *file, uint64_t line)
{
    return e->line == line && strcmp(e->file, file) == 0 && e->time_ms == l->time_ms;
}

/* The label of the text that is being read, kept once for all its events; NULL: no memory. */
static const char *keep_label(struct outbound *o, const char *label)
{
    if (o->label_count && strcmp(o->labels[o->label_count - 1], label) == 0)
        return o->labels[o->label_count - 1];
    if ((o->label_count & (o->label_count - 1)) == 0) {
        char **more = realloc(o->labels, (o->label_count ? o->label_count * 2 : 1) * sizeof *more);
        if (!more)
            return NULL;
        o->labels = more;
    }
    char *kept = strdup(label);
    if (kept)
        o->labels[o->label_count++] = kept;
    return kept;
}

static enum status event_init(struct outbound *o, struct outbound_event *e,
                              const struct outbound_line *l, const char *file, uint64_t line)
{
    size_t n = l->source.n < 64 ? l->source.n : 64;
    const char *label = keep_label(o, file);
    char *source = label ? strndup(n ? (const char *)l->source.p : "", n) : NULL;
    if (!source)
        return ST_NOMEM;
    *e = (struct outbound_event){.has_time = l->has_time,
                                 .time_ms = l->time_ms,
                                 .outcome = l->outcome,
                                 .dns = l->dns,
                                 .port = l->port,
                                 .line = line,
                                 .file = label,
                                 .source = source};
    return OK;
}

/* The last one of its outcome, in the place of the one before. */
static enum status remember_last(struct outbound *o, struct wanted *w,
                                 const struct outbound_line *l, const char *file, uint64_t line)
{
    struct outbound_event *last = &w->last[l->outcome], e;
    w->dropped += !o->second;
    if (last->file && (!l->has_time || l->time_ms < last->time_ms))
        return OK;
    enum status st = event_init(o, &e, l, file, line);
    if (st != OK)
        return st;
    free(last->source);
    *last = e;
    return OK;
}

static enum status remember(struct outbound *o, struct wanted *w, const struct outbound_line *l,
                            const char *file, uint64_t line)
{
    for (size_t i = 0; i < w->event_count; i++)
        if (same_event(&w->events[i], l, file, line))
            return OK; /* the second reading */
    if (w->event_count == LIMIT_OUTBOUND_EVENTS ||
        (w->event_count && o->kept >= LIMIT_OUTBOUND_KEPT))
        return remember_last(o, w, l, file, line);
    if ((w->event_count & (w->event_count - 1)) == 0) {
        struct outbound_event *more =
            realloc(w->events, (w->event_count ? w->event_count * 2 : 1) * sizeof *more);
        if (!more)
            return ST_NOMEM;
        w->events = more;
    }
    enum status st = event_init(o, &w->events[w->event_count], l, file, line);
    w->event_count += st == OK;
    o->kept += st == OK;
    return st;
}

static const struct outbound_event *better(const struct outbound_event *e, bool has_time,
                                           int64_t after_ms, const struct outbound_event *so_far)
{
    if (!e->file || (has_time && e->has_time && e->time_ms < after_ms - SKEW_MS))
        return so_far;
    bool sooner = so_far && e->outcome == so_far->outcome && e->has_time && so_far->has_time &&
                  e->time_ms < so_far->time_ms;
    return !so_far || e->outcome > so_far->outcome || sooner ? e : so_far;
}

static const struct outbound_event *best(const struct wanted *w, bool has_time, int64_t after_ms,
                                         const struct outbound_event *so_far)
{
    for (size_t i = 0; i < w->event_count; i++)
        so_far = better(&w->events[i], has_time, after_ms, so_far);
    for (size_t i = 0; i < ARRAY_LEN(w->last); i++)
        so_far = better(&w->last[i], has_time, after_ms, so_far);
    return so_far;
}

const struct outbound_event *outbound_find(const struct outbound *o, struct slice host,
                                           bool has_time, int64_t after_ms)
{
    const struct outbound_event *e = NULL;
    const struct wanted *w = find(o, host);
    if (!w)
        return NULL;
    e = best(w, has_time, after_ms, NULL);
    for (size_t i = 0; i < o->count; i++)
        if (o->wanted[i].alias_of && strcmp(o->wanted[i].alias_of, w->host) == 0)
            e = best(&o->wanted[i], has_time, after_ms, e);
    return e;
}

bool outbound_next(const struct outbound *o, size_t *host, size_t *event, const char **ret_host,
                   const struct outbound_event **ret)
{
    for (; *host < o->count; ++*host, *event = 0) {
        const struct wanted *w = &o->wanted[*host];
        const char *name = w->alias_of ? w->alias_of : w->host;
        if (*event < w->event_count) {
            *ret_host = name;
            *ret = &w->events[(*event)++];
            return true;
        }
    }
    return false;
}

/* --- reading */

struct reading {
    struct outbound *o;
    const char *path;
    struct buf header, host;
    struct outbound_context context;
    const struct outbound_format *format; /* of the line before */
    uint64_t line, understood;
    void (*incomplete)(void *ctx, const char *label, const struct err *why);
    void *ctx;
    struct text_search text;
};

/* Each address in the list is looked for from now on, in the place of the name. */
static enum status learn(struct outbound *o, const struct wanted *w, struct slice answers)
{
    enum status st = OK;
    struct buf host, of;
    size_t before = o->count;
    if (w->alias_of)
        return OK;
    buf_init(&host, 256);
    buf_init(&of, LIMIT_HUNT_TEXT + 2);
    (void)buf_add_str(&of, w->host); /* the table may move */
    for (size_t at = 0; st == OK && at < answers.n;) {
        size_t n = 0;
        while (at + n < answers.n && !strchr(",\" \t[]", answers.p[at + n]))
            n++;
        struct slice one = slice_sub(answers, at, n);
        at += n + 1;
        if (!is_address(one))
            continue;
        buf_clear(&host);
        (void)callback_host(one, &host);
        st = add(o, buf_slice(&host), buf_text(&of));
    }
    o->again |= o->count > before;
    buf_done(&host);
    buf_done(&of);
    return st;
}

static enum status use_host(struct reading *r, const struct outbound_line *l, struct slice host)
{
    struct outbound *o = r->o;
    struct wanted *w = NULL;
    enum status st = OK;
    bool event = l->source.n || !l->dns;
    for (size_t next = 0; st == OK && (w = next_match(o, host, &next));) {
        if (event)
            st = remember(o, w, l, buf_text(&r->text.label), r->line);
        if (st == OK && l->answer.n)
            st = learn(o, w, l->answer);
    }
    return st;
}

static enum status use_line(struct reading *r, const struct outbound_line *l)
{
    buf_clear(&r->host);
    (void)callback_host(slice_sub(l->host, 0, 255), &r->host);
    enum status st = use_host(r, l, buf_slice(&r->host));
    if (st != OK || l->dns || !is_address(l->answer))
        return st;
    /* gone to by another name */
    struct buf peer;
    buf_init(&peer, 256);
    (void)callback_host(l->answer, &peer);
    struct wanted *w = find(r->o, buf_slice(&peer));
    if (w && !slice_eq(buf_slice(&peer), buf_slice(&r->host)))
        st = remember(r->o, w, l, buf_text(&r->text.label), r->line);
    buf_done(&peer);
    return st;
}

static enum status one_line(struct reading *r, struct slice line)
{
    struct slice header;
    r->line++;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > LIMIT_HUNT_LINE)
        line.n = LIMIT_HUNT_LINE;
    bool named =
        slice_starts(line, SLICE_LIT("#fields\t")) || slice_starts(line, SLICE_LIT("#Fields: "));
    if ((r->line == 1 || named) && outbound_header(line, &header)) {
        buf_clear(&r->header);
        (void)buf_add_slice(&r->header, header);
        r->context.header = buf_slice(&r->header);
        r->understood++;
        return OK;
    }
    for (size_t i = 0; i <= ARRAY_LEN(formats); i++) {
        const struct outbound_format *f = i ? formats[i - 1] : r->format;
        struct outbound_line l = {0};
        if (f && f->parse(line, &r->context, &l)) {
            r->format = f;
            r->understood++;
            return use_line(r, &l);
        }
    }
    return OK;
}

/* In the place of line_search_block. */
static enum status block(void *ctx, struct slice text, bool more, size_t *ret_used)
{
    struct reading *r = ctx;
    size_t at = 0;
    enum status st = OK;
    while (st == OK && at < text.n) {
        size_t n = slice_index(slice_sub(text, at, text.n), '\n');
        bool whole = at + n < text.n;
        if (!whole && more && (at > 0 || text.n < LIMIT_HUNT_BLOCK))
            break;
        st = one_line(r, slice_sub(text, at, n));
        at += n + whole;
    }
    *ret_used = at;
    return st;
}

static void on_begin(void *ctx, struct slice label, struct slice head)
{
    struct reading *r = ctx;
    (void)label, (void)head;
    r->line = 0;
    r->context.header = (struct slice){NULL, 0};
}

static void on_end(void *ctx, struct slice label, struct slice tail)
{
    (void)ctx, (void)label, (void)tail;
}

static void on_incomplete(void *ctx, struct slice label, const struct err *why)
{
    struct reading *r = ctx;
    if (r->o->second)
        return; /* told already */
    buf_clear(&r->host);
    (void)buf_add_slice(&r->host, label);
    r->incomplete(r->ctx, buf_text(&r->host), why);
}

static enum status search(struct reading *r, int fd, const struct stat *st, struct err *e)
{
    struct prefilter unused = {0};
    if (text_search_init(&r->text, &unused) != OK)
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    (void)buf_add_str(&r->text.label, r->path);
    r->text.on = (struct text_events){r, on_begin, on_end, NULL, on_incomplete};
    r->text.block = block;
    r->text.block_ctx = r;
    r->context.newest_ms = (int64_t)st->st_mtim.tv_sec * 1000;
    bool regular = S_ISREG(st->st_mode);
    return text_search_file(&r->text, fd, regular, regular ? (uint64_t)st->st_size : 0, e);
}

enum status outbound_search(struct outbound *o, const char *path,
                            void (*incomplete)(void *ctx, const char *label, const struct err *why),
                            void *ctx, uint64_t *ret_lines, struct err *e)
{
    struct reading r = {.o = o, .path = path, .incomplete = incomplete, .ctx = ctx};
    struct stat st;
    bool standard = strcmp(path, "-") == 0; /* input */
    if (o->second && (standard ? fstat(STDIN_FILENO, &st) : stat(path, &st)) == 0 &&
        !S_ISREG(st.st_mode)) { /* before it is opened, which waits for a writer */
        (void)err_set(e, ST_UNSUPPORTED,
                      N_("a pipe cannot be read again for the addresses that it gave"));
        incomplete(ctx, path, e);
        return OK;
    }
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        (o->second && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_SET) != 0)) {
        enum status io = err_set_errno(e, ST_IO, "%s", path);
        if (fd > STDERR_FILENO)
            (void)close(fd);
        return io;
    }
    buf_init(&r.header, LIMIT_HUNT_LINE + 1);
    buf_init(&r.host, LIMIT_PATH_BYTES);
    enum status rc = search(&r, fd, &st, e);
    *ret_lines += r.line;
    if (rc == OK && r.understood == 0 && r.line > 0)
        rc = err_set(
            e, ST_INVALID,
            N_("%s: line 1: no column for an address and no known log; columns are dst, dest_ip, "
               "destination address, host, query, ..."),
            path);
    text_search_done(&r.text);
    buf_done(&r.header);
    buf_done(&r.host);
    if (fd > STDERR_FILENO)
        (void)close(fd);
    return rc;
}

bool outbound_parse_as(const char *name, struct slice line, const struct outbound_context *c,
                       struct outbound_line *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            *ret = (struct outbound_line){0};
            return formats[i]->parse(line, c, ret);
        }
    }
    return false;
}
