/* Threads, parts, and telling in order. */
#include "hunt/hunt.h"

#include "base/limits.h"
#include "base/messages.h"
#include "hunt/map.h"
#include "hunt/report.h"
#include "hunt/text.h"
#include "hunt/walk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPLIT LINES_SPAN /* a plain file of twice this length is searched in parts of it */
#define WINDOWS MIB(16)  /* mapped at once by all threads; pages of a file count as memory */
#define WINDOW_LEAST MIB(1)

/* One file, shared by its parts. */
struct file {
    char *path;
    int fd;
    bool regular;
    uint64_t size, next_from; /* where the next part begins; size: none is left */
    int64_t newest_ms;
    size_t parts_out; /* handed out and not done */
};

/* A piece of work, and what came of it. */
struct part {
    struct part *next; /* done, waiting for those before it */
    struct file *file;
    uint64_t seq, from, to;
    bool plain, last;
    struct buf records;                 /* sightings and incompletes, as they came */
    uint64_t lines, bytes, texts, hits; /* hits: counted without a record */
    bool has_range;
    int64_t from_ms, to_ms;
};

enum record { RECORD_SIGHTING = 'S', RECORD_INCOMPLETE = 'I' };

struct hunt {
    const struct hunt_options *o;
    struct prefilter filter;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    struct walk *walk;
    struct file *splitting; /* of which more parts are to be handed out */
    uint64_t next_seq, told_seq;
    struct part *done;
    size_t done_bytes;
    size_t codec_bytes; /* of all threads */
    uint64_t line_base, file_sightings;
    struct hunt_counts counts;
    size_t missing;
    enum status failed;
    struct err why;
    atomic_int over; /* nothing more is begun */
};

struct worker {
    struct hunt *h;
    struct text_search text;
    struct reporter reporter;
    struct pattern_search patterns;
    struct part *part;
    bool head; /* everything before its part was told */
};

static void fail(struct hunt *h, enum status st, const struct err *why)
{
    if (h->failed == OK) {
        h->failed = st;
        h->why = *why;
    }
    h->over = 1;
}

/* --- handing out; all under the lock */

static void file_close(struct file *f)
{
    if (f->fd > STDERR_FILENO)
        (void)close(f->fd);
    free(f->path);
    free(f);
}

static void tell_incomplete(struct hunt *h, const char *label, const struct err *why)
{
    h->o->incomplete(h->o->ctx, label, why);
}

/* The next file that can be opened, or NULL at the end. */
static struct file *next_file(struct hunt *h)
{
    for (;;) {
        struct walk_file found;
        struct err e = {0};
        struct stat st;
        enum status rc = walk_next(h->walk, &found, &e);
        if (rc == ST_END)
            return NULL;
        if (rc != OK) {
            h->missing += rc == ST_NOT_FOUND;
            tell_incomplete(h, found.path, &e);
            continue;
        }
        struct file *f = calloc(1, sizeof *f);
        if (!f || !(f->path = strdup(found.path))) {
            free(f);
            fail(h, ST_NOMEM, &(struct err){.code = ST_NOMEM, .msg = "not enough memory"});
            return NULL;
        }
        f->fd =
            strcmp(f->path, "-") == 0
                ? STDIN_FILENO
                : open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (found.named ? 0 : O_NOFOLLOW));
        if (f->fd < 0 || fstat(f->fd, &st) != 0) {
            (void)err_set_errno(&e, ST_IO, N_("cannot be read"));
            h->missing += found.named;
            tell_incomplete(h, f->path, &e);
            file_close(f);
            continue;
        }
        f->regular = S_ISREG(st.st_mode);
        f->size = f->regular ? (uint64_t)st.st_size : 0;
        f->newest_ms = (int64_t)st.st_mtim.tv_sec * 1000;
        if (!f->regular && S_ISDIR(st.st_mode)) {
            file_close(f);
            continue;
        }
        return f;
    }
}

/* *ret_split: parts of it can be searched apart. A log with a header cannot: which columns it has
 * is said by the last header line before. */
static bool is_plain(const struct file *f, bool *ret_split)
{
    uint8_t head[TEXT_HEAD];
    ssize_t n = f->regular && f->size ? pread(f->fd, head, sizeof head, 0) : 0;
    *ret_split = n > 0 && head[0] != '#';
    return n > 0 && lseek(f->fd, 0, SEEK_CUR) == 0 && text_is_plain(slice_of(head, (size_t)n));
}

static struct part *next_part(struct hunt *h)
{
    struct file *f = h->splitting;
    if (h->over || (h->o->stop && *h->o->stop))
        return NULL;
    if (!f && !(f = next_file(h)))
        return NULL;
    struct part *p = calloc(1, sizeof *p);
    if (!p) {
        fail(h, ST_NOMEM, &(struct err){.code = ST_NOMEM, .msg = "not enough memory"});
        if (f != h->splitting)
            file_close(f);
        return NULL;
    }
    buf_init(&p->records, LIMIT_HUNT_PENDING + MIB(1));
    p->file = f;
    p->seq = h->next_seq++;
    p->from = f->next_from;
    p->to = f->size;
    bool split = f->next_from > 0;
    p->plain = split || is_plain(f, &split);
    if (p->plain && split && h->o->jobs > 1 && f->size - p->from >= 2 * SPLIT)
        p->to = p->from + SPLIT;
    f->next_from = p->to;
    p->last = !p->plain || p->to == f->size;
    h->splitting = p->last ? NULL : f;
    f->parts_out++;
    return p;
}

/* --- telling; all under the lock */

static void tell_record(struct hunt *h, const struct part *p, struct slice *rest)
{
    uint8_t kind = rest->p[0];
    struct slice in = slice_sub(*rest, 1, rest->n);
    size_t n = 0;
    if (kind == RECORD_INCOMPLETE) {
        struct err e;
        size_t label = slice_index(in, 0);
        memcpy(&e, in.p + label + 1, sizeof e);
        tell_incomplete(h, (const char *)in.p, &e);
        n = label + 1 + sizeof e;
    } else {
        struct sighting s;
        enum status st = sighting_unpack(in, &s, &n);
        if (st == OK) {
            s.line += p->from ? h->line_base : 0;
            h->counts.sightings++;
            h->file_sightings++;
            if (h->o->sighting)
                st = h->o->sighting(h->o->ctx, &s);
        }
        if (st != OK)
            fail(h, st, &(struct err){.code = st});
    }
    *rest = slice_sub(in, n, in.n);
}

static void tell_records(struct hunt *h, struct part *p)
{
    struct slice rest = buf_slice(&p->records);
    while (rest.n && h->failed == OK)
        tell_record(h, p, &rest);
    buf_clear(&p->records);
}

static void add_range(struct hunt_counts *c, const struct part *p)
{
    if (!p->has_range)
        return;
    c->from_ms = !c->has_range || p->from_ms < c->from_ms ? p->from_ms : c->from_ms;
    c->to_ms = !c->has_range || p->to_ms > c->to_ms ? p->to_ms : c->to_ms;
    c->has_range = true;
}

static void tell_part(struct hunt *h, struct part *p)
{
    struct file *f = p->file;
    tell_records(h, p);
    h->counts.sightings += p->hits;
    h->file_sightings += p->hits;
    h->counts.lines += p->lines;
    h->counts.bytes += p->bytes;
    h->counts.texts += p->texts;
    add_range(&h->counts, p);
    h->line_base = p->last ? 0 : h->line_base + p->lines;
    if (p->last) {
        h->counts.files++;
        if (h->o->file)
            h->o->file(h->o->ctx, f->path, h->file_sightings);
        h->file_sightings = 0;
    }
    if (h->o->progress)
        h->o->progress(h->o->ctx, f->path, &h->counts);
    if (--f->parts_out == 0 && h->splitting != f)
        file_close(f);
    buf_done(&p->records);
    free(p);
    h->told_seq++;
}

static void tell_waiting(struct hunt *h)
{
    for (bool more = true; more;) {
        more = false;
        for (struct part **at = &h->done; *at; at = &(*at)->next) {
            if ((*at)->seq == h->told_seq) {
                struct part *p = *at;
                *at = p->next;
                h->done_bytes -= p->records.n;
                tell_part(h, p);
                more = true;
                break;
            }
        }
    }
    (void)pthread_cond_broadcast(&h->turn);
}

static void wait_for_turn(struct worker *w)
{
    struct hunt *h = w->h;
    (void)pthread_mutex_lock(&h->lock);
    while (h->told_seq != w->part->seq && !h->over)
        (void)pthread_cond_wait(&h->turn, &h->lock);
    w->head = h->told_seq == w->part->seq;
    if (w->head)
        tell_records(h, w->part);
    (void)pthread_mutex_unlock(&h->lock);
}

/* Parts that are done wait, so that a small file behind a big one holds no thread up; with too
 * much waiting its thread does as well. */
static void finish_part(struct worker *w)
{
    struct hunt *h = w->h;
    struct part *p = w->part;
    (void)pthread_mutex_lock(&h->lock);
    while (h->told_seq != p->seq && h->done_bytes + p->records.n > LIMIT_HUNT_WAITING && !h->over)
        (void)pthread_cond_wait(&h->turn, &h->lock);
    p->next = h->done;
    h->done = p;
    h->done_bytes += p->records.n;
    tell_waiting(h);
    (void)pthread_mutex_unlock(&h->lock);
    w->part = NULL;
}

/* Whose part is the first in order never waits, so all come to an end. Each thread beyond four may
 * have one codec more. */
static void take_memory(void *ctx, size_t n)
{
    struct worker *w = ctx;
    struct hunt *h = w->h;
    unsigned more = h->o->jobs > 4 ? h->o->jobs - 4 : 0;
    size_t most = LIMIT_HUNT_ALL_CODECS + more * LIMIT_CODEC_MEMORY;
    (void)pthread_mutex_lock(&h->lock);
    while (h->codec_bytes + n > most && h->told_seq != w->part->seq && !h->over)
        (void)pthread_cond_wait(&h->turn, &h->lock);
    h->codec_bytes += n;
    (void)pthread_mutex_unlock(&h->lock);
}

static void give_memory(void *ctx, size_t n)
{
    struct worker *w = ctx;
    (void)pthread_mutex_lock(&w->h->lock);
    w->h->codec_bytes -= n;
    (void)pthread_cond_broadcast(&w->h->turn);
    (void)pthread_mutex_unlock(&w->h->lock);
}

/* --- one thread */

static enum status keep(struct worker *w, enum status st)
{
    struct buf *b = &w->part->records;
    if (st != OK)
        return st;
    if (b->n > (w->head ? KIB(64) : LIMIT_HUNT_PENDING))
        wait_for_turn(w);
    return w->h->over ? ST_END : OK;
}

static enum status on_hit(void *ctx, const struct line_hit *hit)
{
    struct worker *w = ctx;
    const struct hunt_options *o = w->h->o;
    struct sighting s;
    bool any_time = o->since_ms == INT64_MIN && o->until_ms == INT64_MAX;
    if (!o->sighting && any_time) {
        w->part->hits += reporter_verdict(hit) >= o->least;
        return OK;
    }
    enum status st = reporter_tell(&w->reporter, hit, &s);
    if (st != OK || !sighting_is_asked_for(&s, o->least, o->since_ms, o->until_ms))
        return st;
    s.text[SIGHTING_FILE] = buf_slice(&w->text.label);
    (void)buf_add_char(&w->part->records, RECORD_SIGHTING);
    return keep(w, sighting_pack(&s, &w->part->records));
}

static void on_incomplete(void *ctx, struct slice label, const struct err *why)
{
    struct worker *w = ctx;
    struct buf *b = &w->part->records;
    (void)buf_add_char(b, RECORD_INCOMPLETE);
    (void)buf_add(b, label.p, slice_index(label, 0));
    (void)buf_add_char(b, '\0');
    (void)keep(w, buf_add(b, why, sizeof *why));
}

static void range(struct worker *w, struct slice text, bool last)
{
    struct part *p = w->part;
    int64_t ms = 0;
    struct slice line = text;
    if (last) { /* the last line that is whole, or all there is */
        while (line.n && line.p[line.n - 1] == '\n')
            line.n--;
        line = slice_sub(line, slice_behind_last(line, '\n'), line.n);
    } else {
        while (line.n && line.p[0] == '#') { /* a W3C header */
            size_t nl = slice_index(line, '\n');
            line = slice_sub(line, nl + 1, line.n);
        }
        line = slice_sub(line, 0, slice_index(line, '\n'));
    }
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (!line.n || !reporter_time(&w->reporter, line, &ms))
        return;
    p->from_ms = !p->has_range || ms < p->from_ms ? ms : p->from_ms;
    p->to_ms = !p->has_range || ms > p->to_ms ? ms : p->to_ms;
    p->has_range = true;
}

static void on_begin(void *ctx, struct slice label, struct slice head)
{
    struct worker *w = ctx;
    (void)label;
    reporter_begin(&w->reporter, head, w->part->file->newest_ms);
    w->text.headers = w->reporter.context.header.n > 0;
    range(w, head, false);
}

static void on_header(void *ctx, struct slice line)
{
    struct worker *w = ctx;
    reporter_header(&w->reporter, line);
}

static void on_end(void *ctx, struct slice label, struct slice tail)
{
    (void)label;
    range(ctx, tail, true);
}

/* The head and the tail of a plain file, for what they say of the whole. */
static void plain_begin(struct worker *w)
{
    struct part *p = w->part;
    uint8_t bytes[8192];
    ssize_t n = pread(p->file->fd, bytes, sizeof bytes, 0);
    struct slice head = slice_of(bytes, n > 0 ? (size_t)n : 0);
    if (p->from == 0)
        on_begin(w, buf_slice(&w->text.label), head);
    else
        reporter_begin(&w->reporter, head, p->file->newest_ms);
    w->text.headers &= p->from == 0;
}

static void plain_end(struct worker *w)
{
    struct part *p = w->part;
    uint8_t bytes[8192];
    if (!p->last)
        return;
    uint64_t at = p->file->size > sizeof bytes ? p->file->size - sizeof bytes : 0;
    ssize_t n = pread(p->file->fd, bytes, sizeof bytes, (off_t)at);
    range(w, slice_of(bytes, n > 0 ? (size_t)n : 0), true);
}

static void run_part(struct worker *w)
{
    struct part *p = w->part;
    struct text_search *t = &w->text;
    struct err e = {0};
    enum status st = OK;
    size_t window = WINDOWS / w->h->o->jobs;
    uint64_t bytes = t->bytes, lines = t->all_lines, texts = t->texts;
    w->head = false;
    buf_clear(&t->label);
    (void)buf_add_str(&t->label, p->file->path);
    if (p->plain) {
        window = window < WINDOW_LEAST ? WINDOW_LEAST : window & ~(size_t)4095;
        plain_begin(w);
        st = text_search_part(t, p->file->fd, p->from, p->to, p->file->size, window, &e);
        plain_end(w);
        t->texts += p->last;
        if (st == ST_IO) {
            on_incomplete(w, buf_slice(&t->label), &e);
            st = OK;
        }
    } else {
        st = text_search_file(t, p->file->fd, p->file->regular, p->file->size, &e);
    }
    p->bytes = t->bytes - bytes;
    p->lines = t->all_lines - lines;
    p->texts = t->texts - texts;
    if (st != OK && st != ST_END) {
        (void)pthread_mutex_lock(&w->h->lock);
        fail(w->h, st, &e);
        (void)pthread_cond_broadcast(&w->h->turn);
        (void)pthread_mutex_unlock(&w->h->lock);
    }
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct hunt *h = w->h;
    for (;;) {
        (void)pthread_mutex_lock(&h->lock);
        w->part = next_part(h);
        (void)pthread_mutex_unlock(&h->lock);
        if (!w->part)
            return NULL;
        run_part(w);
        finish_part(w);
    }
}

static enum status worker_init(struct worker *w, struct hunt *h)
{
    *w = (struct worker){.h = h};
    enum status st = text_search_init(&w->text, &h->filter);
    reporter_init(&w->reporter, &w->text.lines);
    if (st == OK && h->o->patterns) {
        st = pattern_search_init(&w->patterns, h->o->patterns);
        w->text.lines.patterns = &w->patterns;
    }
    w->text.lines.hit = on_hit;
    w->text.lines.ctx = w;
    w->text.lines.no_evaluation = h->o->no_evaluation;
    w->text.on = (struct text_events){w, on_begin, on_end, on_header, on_incomplete};
    w->text.take_memory = take_memory;
    w->text.give_memory = give_memory;
    w->text.stop = &h->over;
    w->text.interrupted = h->o->stop;
    return st;
}

static enum status run_threads(struct hunt *h, struct worker *workers)
{
    pthread_t threads[LIMIT_HUNT_JOBS];
    unsigned started = 0;
    enum status st = OK;
    assert(h->o->jobs >= 1 && h->o->jobs <= LIMIT_HUNT_JOBS);
    for (unsigned i = 0; st == OK && i < h->o->jobs; i++)
        st = worker_init(&workers[i], h);
    for (unsigned i = 1; st == OK && i < h->o->jobs; i++)
        if (pthread_create(&threads[started], NULL, work, &workers[i]) == 0)
            started++;
    if (st == OK)
        (void)work(&workers[0]);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < h->o->jobs; i++) {
        text_search_done(&workers[i].text);
        reporter_done(&workers[i].reporter);
        pattern_search_done(&workers[i].patterns);
    }
    return st;
}

enum status hunt_run(const struct hunt_options *o, struct hunt_counts *ret, size_t *ret_missing,
                     struct err *e)
{
    struct hunt h = {.o = o, .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};
    struct worker *workers = calloc(o->jobs, sizeof *workers);
    enum status st = workers ? walk_new(o->paths, o->path_count, &h.walk) : ST_NOMEM;
    prefilter_init(&h.filter);
    if (st == OK && workers)
        st = run_threads(&h, workers);
    while (h.done) { /* left over when it was ended early */
        struct part *p = h.done;
        h.done = p->next;
        if (--p->file->parts_out == 0 && h.splitting != p->file)
            file_close(p->file);
        buf_done(&p->records);
        free(p);
    }
    if (h.splitting && h.splitting->parts_out == 0)
        file_close(h.splitting);
    walk_free(h.walk);
    free(workers);
    *ret = h.counts;
    *ret_missing = h.missing;
    if (st != OK)
        return err_set(e, st, N_("not enough memory"));
    if (h.failed != OK && e)
        *e = h.why;
    return h.failed;
}
