/* Long work behind a page. See jobs.h. */
#include "board/web/jobs.h"
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>
#include <unistd.h>

#define BEAT_MS 250
#define SIGN_OF_LIFE_MS 5000

struct job {
    struct jobs *all;
    struct job_spec spec;
    int64_t id;
    struct actor actor;
    char actor_name[400];
    enum lang lang;
    _Atomic int64_t done, total;
    _Atomic bool over;
    pthread_t thread;
};

struct jobs {
    struct web *web;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct job *running[JOBS_AT_ONCE];
    /* those that ended last: who reads an older moment still finds them running there */
    int64_t ended[32];
    size_t ended_next;
    _Atomic bool stopping;
};

enum status jobs_open(struct web *w, struct jobs **ret, struct err *e)
{
    struct jobs *j = calloc(1, sizeof *j);
    if (!j)
        return err_set(e, ST_NOMEM, "out of memory");
    j->web = w;
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_cond_init(&j->freed, NULL);
    *ret = j;
    return OK;
}

void jobs_close(struct jobs *all)
{
    if (!all)
        return;
    atomic_store(&all->stopping, true);
    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE; i++) {
        while (all->running[i])
            (void)pthread_cond_wait(&all->freed, &all->lock);
    }
    (void)pthread_mutex_unlock(&all->lock);
    (void)pthread_cond_destroy(&all->freed);
    (void)pthread_mutex_destroy(&all->lock);
    free(all);
}

bool job_progress(void *arg, int64_t done, int64_t total)
{
    struct job *job = arg;
    atomic_store(&job->done, done);
    atomic_store(&job->total, total);
    return !atomic_load(&job->all->stopping);
}

const struct actor *job_actor(const struct job *job)
{
    return &job->actor;
}

enum lang job_lang(const struct job *job)
{
    return job->lang;
}

int64_t job_incident(const struct job *job)
{
    return job->spec.incident;
}

int64_t job_upload(const struct job *job)
{
    return job->spec.upload;
}

/* --- running */

/* Writes progress down while the work goes on. Not on SQLite: its one writer is the work itself,
 * and who asks is in the same process. */
static void *beat_loop(void *arg)
{
    struct job *job = arg;
    struct db *db = NULL;
    int64_t told = -1;
    int64_t at = 0;
    if (db_pool_get(job->all->web->pool, &db, NULL) != OK)
        return NULL;
    while (db_backend(db) == DB_POSTGRES && !atomic_load(&job->over)) {
        int64_t done = atomic_load(&job->done);
        int64_t now = time_monotonic_ms();
        if (done != told || now - at >= SIGN_OF_LIFE_MS) {
            (void)!db_run(db, NULL, NULL,
                          "UPDATE job SET done = $2, total = $3, beat_ms = $4 WHERE id = $1 AND "
                          "state = 'running'",
                          "iiii", job->id, done, atomic_load(&job->total), time_now_ms());
            told = done;
            at = now;
        }
        (void)usleep(BEAT_MS * 1000);
    }
    db_pool_put(job->all->web->pool, db);
    return NULL;
}

static enum status write_end(struct job *job, struct db *db, const char *state, const char *result,
                             struct err *e)
{
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "UPDATE job SET state = $2, result = $3, done = $4, total = $5, beat_ms = $6 "
                   "WHERE id = $1",
                   "issiii", job->id, state, result, atomic_load(&job->done),
                   atomic_load(&job->total), time_now_ms());
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}

static void job_free(struct job *job)
{
    if (job->spec.free_arg)
        job->spec.free_arg(job->spec.arg);
    free(job);
}

static void work(struct job *job, struct db *db)
{
    struct buf result;
    struct err e = {0};
    buf_init(&result, MIB(1));
    enum status s = job->spec.run(job, db, job->spec.arg, &result, &e);
    db_rollback(db);
    if (s == OK)
        s = buf_status(&result);
    if (s != OK) {
        buf_clear(&result);
        if (e.code)
            (void)messages_add_err(&result, job->lang, &e);
        else
            (void)buf_add_str(&result, status_name(s));
        web_log("job %" PRId64 " %s: %s", job->id, job->spec.kind, e.msg);
    }
    if (write_end(job, db, s == OK ? "done" : "failed", buf_text(&result), &e) != OK)
        web_log("job %" PRId64 ": its end cannot be written: %s", job->id, e.msg);
    buf_done(&result);
}

/* The job is over and freed, and its place may be taken. */
static void leave_place(struct jobs *all, struct job *job, bool ran)
{
    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE; i++) {
        if (all->running[i] == job)
            all->running[i] = NULL;
    }
    if (ran)
        all->ended[all->ended_next++ % ARRAY_LEN(all->ended)] = job->id;
    job_free(job);
    (void)pthread_cond_broadcast(&all->freed);
    (void)pthread_mutex_unlock(&all->lock);
}

static void *job_loop(void *arg)
{
    struct job *job = arg;
    struct jobs *all = job->all;
    struct db *db = NULL;
    struct err e = {0};
    pthread_t beat;
    bool beats = pthread_create(&beat, NULL, beat_loop, job) == 0;
    if (db_pool_get(all->web->pool, &db, &e) == OK)
        work(job, db);
    else
        web_log("job %" PRId64 ": %s", job->id, e.msg);
    db_pool_put(all->web->pool, db);
    atomic_store(&job->over, true);
    if (beats)
        (void)pthread_join(beat, NULL);
    web_poke(all->web);
    leave_place(all, job, true);
    return NULL;
}

/* --- starting */

static enum status take_place(struct jobs *all, struct job *job, struct err *e)
{
    enum status s = ST_CONFLICT;
    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE && s != OK; i++) {
        if (!all->running[i] && !atomic_load(&all->stopping)) {
            all->running[i] = job;
            s = OK;
        }
    }
    (void)pthread_mutex_unlock(&all->lock);
    if (s != OK)
        (void)err_set(e, s, N_("%d long tasks are running already; try again when one is done"),
                      JOBS_AT_ONCE);
    return s;
}

/* One of a kind in an incident: the incident's chain is locked, so that two boards cannot both
 * find that none runs. */
static enum status write_start(struct web_request *r, const struct job *job, struct err *e)
{
    struct job_view other;
    enum status s = db_begin(r->db, e);
    if (s == OK)
        s = db_run(r->db, NULL, e, "UPDATE chain SET seq = seq WHERE incident_id = $1", "i",
                   job->spec.incident);
    if (s == OK) {
        s = job_running(r, job->spec.incident, job->spec.kind, &other, e);
        if (s == OK)
            s = err_set(e, ST_CONFLICT, N_("this is running already"));
        else if (s == ST_NOT_FOUND)
            s = OK;
    }
    if (s == OK)
        s = db_run(r->db, NULL, e,
                   "INSERT INTO job(id, incident_id, account_id, upload_id, kind, state, done, "
                   "total, result, made_ms, beat_ms) "
                   "VALUES ($1, $2, $3, $4, $5, 'running', 0, 0, '', $6, $6)",
                   "iiiisi", job->id, job->spec.incident, job->actor.id, job->spec.upload,
                   job->spec.kind, time_now_ms());
    if (s == OK)
        s = db_commit(r->db, e);
    db_rollback(r->db);
    return s;
}

enum status job_start(struct web_request *r, const struct job_spec *spec, int64_t *ret_id,
                      struct err *e)
{
    struct jobs *all = r->web->jobs;
    struct job *job = calloc(1, sizeof *job);
    pthread_attr_t detached;
    if (!job) {
        if (spec->free_arg)
            spec->free_arg(spec->arg);
        return err_set(e, ST_NOMEM, "out of memory");
    }
    job->all = all;
    job->spec = *spec;
    job->actor = r->actor;
    (void)snprintf(job->actor_name, sizeof job->actor_name, "%s", r->actor.name);
    job->actor.name = job->actor_name;
    job->lang = r->lang;
    randombytes_buf(&job->id, sizeof job->id);
    job->id = (job->id & (((int64_t)1 << 53) - 1)) | 1;
    int64_t id = job->id;
    enum status s = take_place(all, job, e);
    if (s != OK) {
        job_free(job);
        return s;
    }
    s = write_start(r, job, e);
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (s == OK && pthread_create(&job->thread, &detached, job_loop, job) != 0) {
        s = err_set_errno(e, ST_NOMEM, "thread");
        (void)!db_run(r->db, NULL, NULL, "UPDATE job SET state = 'failed' WHERE id = $1", "i", id);
    }
    (void)pthread_attr_destroy(&detached);
    if (s != OK) {
        leave_place(all, job, false);
        return s;
    }
    *ret_id = id;
    return OK;
}

/* --- looking */

/* What this process knows better than the table. False: it does not run here. */
static bool runs_here(struct jobs *all, struct job_view *v)
{
    bool here = false;
    (void)pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < JOBS_AT_ONCE; i++) {
        const struct job *job = all->running[i];
        if (job && job->id == v->id) {
            v->done = atomic_load(&job->done);
            v->total = atomic_load(&job->total);
            here = true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(all->ended) && !here; i++)
        here = all->ended[i] == v->id;
    (void)pthread_mutex_unlock(&all->lock);
    return here;
}

static enum status view_of_row(struct web_request *r, const struct db_rows *rows,
                               struct job_view *v, struct err *e)
{
    const char *state = db_text(rows, 5);
    *v = (struct job_view){.id = db_int(rows, 0),
                           .incident = db_int(rows, 1),
                           .account = db_int(rows, 2),
                           .upload = db_int(rows, 3),
                           .kind = arena_strdup(r->arena, slice_str(db_text(rows, 4))),
                           .done = db_int(rows, 6),
                           .total = db_int(rows, 7),
                           .result = arena_strdup(r->arena, slice_str(db_text(rows, 8))),
                           .made_ms = db_int(rows, 9)};
    if (!v->kind || !v->result)
        return err_set(e, ST_NOMEM, "out of memory");
    v->state = strcmp(state, "running") == 0 ? JOB_RUNNING
               : strcmp(state, "done") == 0  ? JOB_DONE
                                             : JOB_FAILED;
    if (v->state != JOB_RUNNING || runs_here(r->web->jobs, v))
        return OK;
    if (db_backend(r->db) == DB_SQLITE || db_int(rows, 10) < time_now_ms() - JOB_DEAD_MS) {
        v->state = JOB_FAILED;
        v->result = T(r->lang, "The board was stopped before this was done. Nothing was changed.");
    }
    return OK;
}

#define JOB_COLUMNS                                                                       \
    "id, incident_id, account_id, upload_id, kind, state, done, total, result, made_ms, " \
    "beat_ms"

enum status job_find(struct web_request *r, int64_t incident, int64_t id, struct job_view *ret,
                     struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT " JOB_COLUMNS " FROM job WHERE id = $1 AND incident_id = $2",
                             "ii", id, incident);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such task"));
    if (s == OK)
        s = view_of_row(r, rows, ret, e);
    db_rows_done(rows);
    return s;
}

enum status job_running(struct web_request *r, int64_t incident, const char *kind,
                        struct job_view *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    bool found = false;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT " JOB_COLUMNS " FROM job WHERE incident_id = $1 AND kind = $2 "
                             "AND state = 'running' ORDER BY made_ms DESC",
                             "is", incident, kind);
    while (s == OK && !found && (s = db_next(rows, e)) == OK) {
        struct job_view v;
        s = view_of_row(r, rows, &v, e);
        found = s == OK && v.state == JOB_RUNNING;
        if (found)
            *ret = v;
    }
    db_rows_done(rows);
    return s == ST_END ? ST_NOT_FOUND : s;
}
