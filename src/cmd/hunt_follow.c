/* hikeshi hunt --follow: logs that grow, are rotated and truncated.
 *
 * Each log is read to its end and looked at again every half second. Another file under its name
 * means that it was rotated: the old one, and the one in between when it was rotated twice, is read
 * to its end before the new one is begun. A file shorter than what was read of it, or with another
 * beginning, was truncated: it is read from its beginning. A line counts when its newline is there,
 * or when nothing more can come: before a truncation, after a rotation, at the end. */
#include "base/limits.h"
#include "base/messages.h"
#include "base/timefmt.h"
#include "cmd/hunt_run.h"
#include "hunt/report.h"
#include "hunt/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_MS 500
#define TURN MIB(8) /* read of one log before the others are looked at */
#define BUFFER (LIMIT_HUNT_BLOCK + KIB(128))

struct followed {
    struct hunt_job *j;
    const char *path;
    int fd; /* -1: not there */
    uint64_t at;
    size_t have; /* of the unfinished line */
    uint8_t *buffer;
    uint8_t head[256]; /* the first bytes, by which it is known */
    size_t head_n;
    bool begun, passed_over, missed;
    const atomic_int *stop;
    struct line_search lines;
    struct reporter reporter;
    struct pattern_search patterns;
};

static enum status on_hit(void *ctx, const struct line_hit *h)
{
    struct followed *f = ctx;
    const struct hunt_request *q = f->j->q;
    struct sighting s;
    enum status st = reporter_tell(&f->reporter, h, &s);
    if (st != OK || !sighting_is_asked_for(&s, q->least, q->since_ms, q->until_ms))
        return st;
    s.text[SIGHTING_FILE] = slice_str(f->path);
    f->j->view.counts.sightings++;
    return hunt_job_sighting(f->j, &s);
}

static void on_header(void *ctx, struct slice line)
{
    struct followed *f = ctx;
    reporter_header(&f->reporter, line);
}

static void begin(struct followed *f)
{
    f->at = 0;
    f->have = 0;
    f->head_n = 0;
    f->begun = f->passed_over = false;
    line_search_begin(&f->lines);
}

static void open_it(struct followed *f, const char *path)
{
    f->fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                   : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd < 0)
        return;
    f->missed = false;
    f->j->view.counts.files++;
    begin(f);
}

/* errno says why it cannot be opened. */
static void tell_missed(struct followed *f)
{
    struct err e = {0};
    (void)err_set_errno(&e, ST_IO, N_("cannot be read"));
    hunt_job_incomplete(f->j, f->path, &e);
    f->missed = true;
}

/* That there is none is no matter for long; anything else is told, once. */
static void miss(struct followed *f)
{
    if (errno != ENOENT && !f->missed)
        tell_missed(f);
}

static void open_again(struct followed *f)
{
    open_it(f, f->path);
    if (f->fd < 0)
        miss(f);
}

/* Once for each file. */
static void pass_over(struct followed *f, const struct err *why)
{
    if (!f->passed_over)
        hunt_job_incomplete(f->j, f->path, why);
    f->passed_over = true;
}

/* What was read and not searched. `more`: its last line may go on. */
static enum status search(struct followed *f, bool more)
{
    const struct text_headers h = {f, on_header};
    size_t used = 0;
    uint64_t before = f->lines.lines;
    bool headed = f->head_n && f->head[0] == '#'; /* its columns may be named later */
    enum status st =
        text_search_block(&f->lines, headed ? &h : NULL, slice_of(f->buffer, f->have), more, &used);
    f->j->view.counts.lines += f->lines.lines - before;
    used = used > f->have || !more ? f->have : used;
    memmove(f->buffer, f->buffer + used, f->have - used);
    f->have -= used;
    return st;
}

/* The line that was not ended: nothing will be added to it. */
static enum status end_line(struct followed *f)
{
    if (f->have == 0)
        return OK;
    f->j->view.counts.lines++;
    return search(f, false);
}

/* The first bytes of a text: what it is, and what it is known by. They may come one by one. */
static void take_head(struct followed *f, struct slice got)
{
    struct err e = {0};
    size_t before = f->head_n, n = sizeof f->head - before;
    n = n < got.n ? n : got.n;
    memcpy(f->head + before, got.p, n);
    f->head_n += n;
    if (n && !text_is_plain(before ? slice_of(f->head, f->head_n) : got)) {
        (void)err_set(&e, ST_UNSUPPORTED,
                      N_("packed, or in UTF-16 or UTF-32: read it without --follow"));
        pass_over(f, &e);
    }
    if (!f->begun)
        reporter_begin(&f->reporter, got, time_now_ms());
    f->begun = true;
}

/* What there is to read now, at most about `most` bytes of it. */
static enum status read_on(struct followed *f, uint64_t most, bool *ret_any)
{
    enum status st = OK;
    uint64_t from = f->at;
    while (st == OK && !f->passed_over && !*f->stop && f->at - from < most) {
        ssize_t got = read(f->fd, f->buffer + f->have, BUFFER - f->have);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            struct err e = {0};
            (void)err_set_errno(&e, ST_IO, N_("cannot be read"));
            pass_over(f, &e);
        }
        if (got <= 0)
            return OK;
        take_head(f, slice_of(f->buffer + f->have, (size_t)got));
        if (f->passed_over)
            return OK;
        f->have += (size_t)got;
        f->at += (uint64_t)got;
        f->j->view.counts.bytes += (uint64_t)got;
        *ret_any = true;
        st = search(f, true);
    }
    return st;
}

static enum status read_to_end(struct followed *f)
{
    bool any = false;
    enum status st = read_on(f, UINT64_MAX, &any);
    return st == OK ? end_line(f) : st;
}

/* Shorter than what was read of it, or with other bytes at its beginning: it was truncated, and may
 * have grown beyond that place since. */
static bool was_truncated(const struct followed *f, const struct stat *st)
{
    uint8_t head[sizeof f->head];
    if (!S_ISREG(st->st_mode))
        return false;
    return (uint64_t)st->st_size < f->at ||
           (f->head_n && pread(f->fd, head, f->head_n, 0) == (ssize_t)f->head_n &&
            memcmp(head, f->head, f->head_n) != 0);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Rotated twice while nobody looked: what is now called .1 was the log in between. */
static enum status read_between(struct followed *f, const struct stat *old, const struct stat *now)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s.1", f->path);
    if (n < 0 || (size_t)n >= sizeof name || stat(name, &st) != 0 || !S_ISREG(st.st_mode) ||
        is_same(&st, old) || is_same(&st, now) || st.st_mtim.tv_sec < old->st_mtim.tv_sec)
        return OK;
    open_it(f, name);
    if (f->fd < 0)
        return OK;
    enum status rc = read_to_end(f);
    (void)close(f->fd);
    return rc;
}

/* Before it is read on: what was read beyond a truncation would be read again. */
static enum status begin_again(struct followed *f)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0 || !was_truncated(f, &st))
        return OK;
    enum status rc = end_line(f);
    if (lseek(f->fd, 0, SEEK_SET) == 0)
        begin(f);
    return rc;
}

/* Rotated? */
static enum status look_again(struct followed *f)
{
    struct stat named, old;
    if (strcmp(f->path, "-") == 0)
        return OK;
    if (f->fd < 0) {
        open_again(f);
        return OK;
    }
    if (stat(f->path, &named) != 0) {
        miss(f);
        return OK; /* a log that is gone for a moment comes again under its name */
    }
    if (fstat(f->fd, &old) != 0 || is_same(&named, &old))
        return OK;
    enum status st = read_to_end(f);
    (void)close(f->fd);
    if (st == OK)
        st = read_between(f, &old, &named);
    open_again(f);
    return st;
}

static enum status follow_all(struct hunt_job *j, struct followed *all, size_t n,
                              const atomic_int *stop)
{
    enum status st = OK;
    while (st == OK && !*stop && !j->failed) {
        bool any = false;
        for (size_t i = 0; st == OK && i < n; i++) {
            if (all[i].fd >= 0)
                st = begin_again(&all[i]);
            if (st == OK && all[i].fd >= 0)
                st = read_on(&all[i], TURN, &any);
            if (st == OK)
                st = look_again(&all[i]);
        }
        if (!any)
            (void)poll(NULL, 0, PAUSE_MS);
    }
    return st;
}

enum status hunt_job_follow(struct hunt_job *j, const atomic_int *stop)
{
    size_t n = j->q->path_count;
    struct followed *all = calloc(n, sizeof *all);
    struct prefilter filter;
    enum status st = all ? OK : ST_NOMEM;
    prefilter_init(&filter);
    for (size_t i = 0; st == OK && i < n; i++) {
        struct followed *f = &all[i];
        f->j = j;
        f->path = j->q->paths[i];
        f->fd = -1;
        f->stop = stop;
        f->buffer = malloc(BUFFER);
        st = f->buffer ? line_search_init(&f->lines, &filter) : ST_NOMEM;
        reporter_init(&f->reporter, &f->lines);
        if (st == OK && j->patterns) {
            st = pattern_search_init(&f->patterns, j->patterns);
            f->lines.patterns = &f->patterns;
        }
        f->lines.hit = on_hit;
        f->lines.ctx = f;
        if (st == OK)
            open_it(f, f->path);
        if (st == OK && f->fd < 0)
            tell_missed(f);
    }
    if (st == OK)
        st = follow_all(j, all, n, stop);
    for (size_t i = 0; st == OK && i < n; i++)
        if (all[i].fd >= 0)
            st = end_line(&all[i]);
    for (size_t i = 0; all && i < n; i++) {
        if (all[i].fd > STDERR_FILENO)
            (void)close(all[i].fd);
        line_search_done(&all[i].lines);
        reporter_done(&all[i].reporter);
        pattern_search_done(&all[i].patterns);
        free(all[i].buffer);
    }
    free(all);
    return st;
}
