/* Long work behind a page: a thread of its own with its own connection, progress that any page can
 * show, and an end that is kept.
 *
 *     struct job_spec spec = {.kind = "ledger.import", .incident = r->id[0], .upload = upload,
 *                             .run = import_run, .arg = plan, .free_arg = plan_free};
 *     s = job_start(r, &spec, &id, e);            // in a handler with ROUTE_OWN_TX
 *
 * At most JOBS_AT_ONCE run in one process, and one of a kind in an incident (ST_CONFLICT says so).
 * While a job runs, its progress is told by the process that runs it; on PostgreSQL it is written
 * to the table as well, at most four times a second, so that other boards can show it. A job whose
 * process died is told as failed: on PostgreSQL after JOB_DEAD_MS without a sign of life, on
 * SQLite as soon as no process has it (one process serves one file).
 */
#ifndef HIKESHI_BOARD_WEB_JOBS_H
#define HIKESHI_BOARD_WEB_JOBS_H

#include "board/web/web.h"

#define JOBS_AT_ONCE 2
#define JOB_DEAD_MS 30000

struct job;

struct job_spec {
    const char *kind; /* "ledger.import"; constant */
    int64_t incident;
    int64_t upload; /* the file it works on, which is kept while it runs; 0: none */
    /* Does the work, with transactions of its own on db, as the actor who asked for it. What it
     * writes into result (JSON, or nothing) is kept. Its error is kept as a sentence in lang. */
    enum status (*run)(struct job *job, struct db *db, void *arg, struct buf *result,
                       struct err *e);
    void *arg;                   /* the job's from the call on, also when that fails */
    void (*free_arg)(void *arg); /* may be NULL */
};

/* Inside no transaction. *ret_id is random, as an upload's is. */
enum status job_start(struct web_request *r, const struct job_spec *spec, int64_t *ret_id,
                      struct err *e) MUST_USE;

/* --- for run */

/* How far it is; total 0: not known. False: the board is about to stop, end the work. The type fits
 * the progress callbacks of the case functions; job is a struct job. Cheap: call it often. */
bool job_progress(void *job, int64_t done, int64_t total);
const struct actor *job_actor(const struct job *job);
enum lang job_lang(const struct job *job);
int64_t job_incident(const struct job *job);
int64_t job_upload(const struct job *job);

/* --- for pages */

struct job_view {
    int64_t id, incident, account, upload;
    const char *kind;
    enum job_state { JOB_RUNNING, JOB_DONE, JOB_FAILED } state;
    int64_t done, total; /* total 0: not known */
    const char *result;  /* JSON when done; a sentence when failed */
    int64_t made_ms;
};

/* ST_NOT_FOUND: no such job of this incident. Texts in the request's arena. */
enum status job_find(struct web_request *r, int64_t incident, int64_t id, struct job_view *ret,
                     struct err *e) MUST_USE;
/* The job of this kind that runs in the incident; ST_NOT_FOUND when none does. */
enum status job_running(struct web_request *r, int64_t incident, const char *kind,
                        struct job_view *ret, struct err *e) MUST_USE;

#endif
