/* Sightings on their way: counted, kept for the outbound logs or shown. */
#include "cmd/hunt_run.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"

#include <errno.h>

/* Of what came from outside nothing reaches the terminal as it is. `label` may be NULL. */
static void print_error(const char *label, struct slice text)
{
    struct buf safe;
    buf_init(&safe, MIB(1));
    if (label) {
        (void)text_add_escaped(&safe, slice_str(label));
        (void)buf_add_str(&safe, ": ");
    }
    (void)text_add_escaped(&safe, text);
    (void)fprintf(stderr, "hikeshi: %s\n", buf_text(&safe));
    buf_done(&safe);
}

void hunt_complain(const struct hunt_job *j, const struct err *e)
{
    struct buf b;
    buf_init(&b, KIB(4));
    (void)messages_add_err(&b, j->view.lang, e);
    print_error(NULL, buf_slice(&b));
    buf_done(&b);
}

bool hunt_incomplete_next(const struct hunt_view *v, size_t *at, const char **ret_place,
                          const char **ret_reason)
{
    if (*at >= v->incomplete.n)
        return false;
    *ret_place = (const char *)v->incomplete.p + *at;
    *ret_reason = *ret_place + strlen(*ret_place) + 1;
    *at += strlen(*ret_place) + strlen(*ret_reason) + 2;
    return true;
}

/* The first reason is the one that is told. */
static void fail_output(struct hunt_job *j, int why)
{
    j->why = j->failed ? j->why : why;
    j->failed = true;
}

void hunt_job_flush(struct hunt_job *j)
{
    struct buf *b = &j->view.out;
    if (j->shown)
        (void)fputs("\r\033[K", stderr);
    j->shown = false;
    if (buf_status(b) != OK)
        fail_output(j, ENOMEM);
    else if (b->n && fwrite(b->p, 1, b->n, stdout) != b->n)
        fail_output(j, errno);
    buf_clear(b);
}

void hunt_job_incomplete(void *job, const char *label, const struct err *why)
{
    struct hunt_job *j = job;
    struct hunt_view *v = &j->view;
    struct buf *b = &v->incomplete, text;
    size_t before = b->n;
    v->incomplete_count++;
    buf_init(&text, KIB(4));
    (void)messages_add_err(&text, j->q->format->for_people ? v->lang : LANG_EN, why);
    (void)buf_add(b, label, strlen(label) + 1);
    (void)buf_add(b, buf_text(&text), strlen(buf_text(&text)) + 1);
    if (buf_status(b) != OK) { /* full: only counted from here on */
        b->failed = OK;
        buf_cut(b, before);
        b->max = before;
    }
    if (j->q->count) /* as grep: at once, for no summary comes */
        print_error(label, buf_slice(&text));
    buf_done(&text);
}

enum status hunt_job_count(struct hunt_job *j, const struct sighting *s)
{
    struct hunt_view *v = &j->view;
    char day[TIME_RFC3339_SIZE];
    enum status st = OK;
    if (s->text[SIGHTING_CLIENT].n)
        st = sums_add(&v->clients, s->text[SIGHTING_CLIENT], 1, NULL);
    if (st == OK && s->text[SIGHTING_HOST].n)
        st = sums_add(&v->callbacks, s->text[SIGHTING_HOST], 1, NULL);
    if (st == OK && s->has_time) {
        time_format_local(s->time_ms, day, NULL);
        st = sums_add(&v->days, slice_of(day, 10), 1, NULL);
    }
    return st;
}

void hunt_job_show(struct hunt_job *j, const struct sighting *s)
{
    j->view.by_verdict[s->verdict]++;
    j->q->format->sighting(&j->view, s);
    if (j->view.out.n > KIB(32) || j->q->follow)
        hunt_job_flush(j);
    if (j->q->follow && fflush(stdout) != 0)
        fail_output(j, errno);
}

enum status hunt_job_sighting(void *job, const struct sighting *s)
{
    struct hunt_job *j = job;
    enum status st = hunt_job_count(j, s);
    if (st != OK || j->q->count)
        return st;
    if (!j->spool) {
        hunt_job_show(j, s);
        return j->failed ? ST_IO : OK;
    }
    buf_clear(&j->record);
    st = sighting_pack(s, &j->record);
    if (st == OK && fwrite(j->record.p, 1, j->record.n, j->spool) != j->record.n)
        st = ST_IO;
    return st;
}
