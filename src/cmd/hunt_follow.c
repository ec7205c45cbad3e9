/* hikeshi hunt --follow: logs that grow, are rotated and truncated.
 *
 * Each log is read to its end and looked at again every half second. Another file under its name
 * means that it was rotated: the old one is read to its end before the new one is begun. A file
 * shorter than what was read of it was truncated: it is read from its beginning. A line counts when
 * its newline is there. */
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
#define BUFFER (LIMIT_HUNT_BLOCK + KIB(128))

struct followed {
    struct hunt_job *j;
    const char *path;
    int fd; /* -1: not there */
    dev_t device;
    ino_t inode;
    uint64_t at;
    size_t have; /* of the unfinished line */
    uint8_t *buffer;
    bool begun;
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
    if (st != OK || s.verdict < q->least ||
        (s.has_time && (s.time_ms < q->since_ms || s.time_ms >= q->until_ms)))
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
    f->begun = false;
    line_search_begin(&f->lines);
}

static void open_it(struct followed *f)
{
    struct stat st;
    f->fd = strcmp(f->path, "-") == 0 ? STDIN_FILENO
                                      : open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd < 0)
        return;
    if (fstat(f->fd, &st) == 0) {
        f->device = st.st_dev;
        f->inode = st.st_ino;
    }
    f->j->view.counts.files++;
    begin(f);
}

/* What there is to read now. `last`: nothing will be added, so its last line is whole. */
static enum status read_on(struct followed *f, bool last, bool *ret_any)
{
    enum status st = OK;
    for (bool more = true; st == OK && more;) {
        size_t used = 0;
        ssize_t got = read(f->fd, f->buffer + f->have, BUFFER - f->have);
        more = got > 0;
        if (more) {
            if (!f->begun)
                reporter_begin(&f->reporter, slice_of(f->buffer, (size_t)got), time_now_ms());
            f->begun = true;
            f->have += (size_t)got;
            f->at += (uint64_t)got;
            f->j->view.counts.bytes += (uint64_t)got;
            *ret_any = true;
        } else if (!last || f->have == 0) {
            return OK;
        }
        uint64_t before = f->lines.lines;
        const struct text_headers h = {f, on_header};
        st = text_search_block(&f->lines, f->reporter.context.header.n ? &h : NULL,
                               slice_of(f->buffer, f->have), more || !last, &used);
        f->j->view.counts.lines += f->lines.lines - before;
        used = used > f->have ? f->have : used;
        memmove(f->buffer, f->buffer + used, f->have - used);
        f->have -= used;
    }
    return st;
}

/* Rotated or truncated? */
static enum status look_again(struct followed *f)
{
    struct stat named, open;
    enum status st = OK;
    bool any = false;
    if (strcmp(f->path, "-") == 0)
        return OK;
    if (f->fd < 0) {
        open_it(f);
        return OK;
    }
    if (fstat(f->fd, &open) == 0 && S_ISREG(open.st_mode) && (uint64_t)open.st_size < f->at) {
        if (lseek(f->fd, 0, SEEK_SET) == 0)
            begin(f);
        return OK;
    }
    if (stat(f->path, &named) != 0 || (named.st_dev == f->device && named.st_ino == f->inode))
        return OK; /* a log that is gone for a moment comes again under its name */
    st = read_on(f, true, &any);
    (void)close(f->fd);
    open_it(f);
    return st;
}

static enum status follow_all(struct hunt_job *j, struct followed *all, size_t n,
                              const volatile int *stop)
{
    enum status st = OK;
    while (st == OK && !*stop && !j->failed) {
        bool any = false;
        for (size_t i = 0; st == OK && i < n; i++) {
            if (all[i].fd >= 0)
                st = read_on(&all[i], false, &any);
            if (st == OK)
                st = look_again(&all[i]);
        }
        if (!any)
            (void)poll(NULL, 0, PAUSE_MS);
    }
    return st;
}

enum status hunt_job_follow(struct hunt_job *j, const volatile int *stop)
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
        f->buffer = malloc(BUFFER);
        st = f->buffer ? line_search_init(&f->lines, &filter) : ST_NOMEM;
        if (st == OK)
            st = reporter_init(&f->reporter);
        if (st == OK && j->patterns) {
            st = pattern_search_init(&f->patterns, j->patterns);
            f->lines.patterns = &f->patterns;
        }
        f->lines.hit = on_hit;
        f->lines.ctx = f;
        if (st == OK)
            open_it(f);
        if (st == OK && f->fd < 0) {
            struct err e = {0};
            (void)err_set_errno(&e, ST_IO, N_("cannot be read"));
            hunt_job_incomplete(j, f->path, &e);
        }
    }
    if (st == OK)
        st = follow_all(j, all, n, stop);
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
