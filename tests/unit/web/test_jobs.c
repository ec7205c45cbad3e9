/* Uploads and jobs, on every database: what is stored comes back, what is too large does not get
 * in, one job of a kind at a time, progress, an end that is kept, and jobs of the dead. */
#include "unit.h"

#include "../board/databases.h"
#include "board/web/jobs.h"
#include "board/web/upload.h"
#include "board/web/web_int.h"

#include <sodium.h>
#include <unistd.h>

static int file_of(size_t n)
{
    struct err e = {0};
    int fd = -1;
    uint8_t block[4096];
    assert_ok(temp_file(&fd, &e));
    for (size_t at = 0; at < n; at += sizeof block) {
        size_t part = n - at < sizeof block ? n - at : sizeof block;
        for (size_t i = 0; i < part; i++)
            block[i] = (uint8_t)((at + i) * 31 >> 3);
        assert_int_equal(write(fd, block, part), part);
    }
    return fd;
}

static void store_and_read(struct test_database *t, size_t n)
{
    struct web_file file = {.name = SLICE_LIT("台帳.xlsx"), .size = n, .fd = file_of(n)};
    struct upload u = {0};
    struct err e = {0};
    int64_t id = 0;
    assert_ok(upload_store(t->db, 7, 3, &file, &id, &e));
    assert_true(id > 0 && id < (int64_t)1 << 53);
    assert_int_equal(upload_open(t->db, 8, id, &u, &e), ST_NOT_FOUND);
    assert_ok(upload_open(t->db, 7, id, &u, &e));
    assert_string_equal(u.name, "台帳.xlsx");
    assert_int_equal(u.account, 3);
    assert_int_equal(u.bytes.n, n);
    for (size_t i = 0; i < n; i++) {
        if (u.bytes.p[i] != (uint8_t)(i * 31 >> 3))
            fail_msg("byte %zu of %zu differs", i, n);
    }
    unsigned char sum[32];
    char hex[65];
    (void)crypto_hash_sha256(sum, u.bytes.p ? u.bytes.p : sum, n);
    (void)sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    assert_string_equal(u.sha256, hex);
    upload_close(&u);
    assert_ok(db_begin(t->db, &e));
    assert_ok(upload_remove(t->db, id, &e));
    assert_ok(db_commit(t->db, &e));
    assert_int_equal(upload_open(t->db, 7, id, &u, &e), ST_NOT_FOUND);
    (void)close(file.fd);
}

static int64_t count(struct test_database *t, const char *sql)
{
    int64_t n = -1;
    assert_ok(db_get_int(t->db, &n, NULL, sql, ""));
    return n;
}

static void uploads(struct test_database *t)
{
    static const size_t sizes[] = {0, 1, MIB(1) - 1, MIB(1), MIB(1) + 1, MIB(3) + 77};
    struct web_file large = {.name = SLICE_LIT("x"), .size = LIMIT_UPLOAD_BYTES + 1, .fd = -1};
    struct err e = {0};
    int64_t id = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        store_and_read(t, sizes[i]);
    assert_int_equal(upload_store(t->db, 7, 3, &large, &id, &e), ST_LIMIT);
    /* a file that ends too soon is not to be found, and swept away a day later */
    struct web_file torn = {.name = SLICE_LIT("x"), .size = MIB(2), .fd = file_of(MIB(1))};
    assert_int_equal(upload_store(t->db, 7, 3, &torn, &id, &e), ST_IO);
    (void)close(torn.fd);
    assert_int_equal(count(t, "SELECT COUNT(*) FROM upload WHERE size >= 0"), 0);
    assert_int_equal(count(t, "SELECT COUNT(*) FROM upload_part"), 1);
    assert_ok(upload_sweep(t->db, time_now_ms() + 1000, &e));
    assert_int_equal(count(t, "SELECT COUNT(*) FROM upload_part"), 1);
    assert_ok(upload_sweep(t->db, time_now_ms() + UPLOAD_KEPT_MS + 1000, &e));
    assert_int_equal(count(t, "SELECT COUNT(*) FROM upload_part"), 0);
    assert_int_equal(count(t, "SELECT COUNT(*) FROM upload"), 0);
}

/* --- jobs */

static struct web *web_make(struct test_database *t)
{
    struct web *w = calloc(1, sizeof *w);
    assert_non_null(w);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->tick, NULL);
    assert_ok(db_pool_open(t->url, 6, &w->pool, NULL));
    assert_ok(jobs_open(w, &w->jobs, NULL));
    return w;
}

static void web_drop(struct web *w)
{
    jobs_close(w->jobs);
    db_pool_close(w->pool);
    (void)pthread_cond_destroy(&w->tick);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

struct plan {
    _Atomic bool go, freed;
    enum status end;
};

static enum status run(struct job *job, struct db *db, void *arg, struct buf *result, struct err *e)
{
    struct plan *p = arg;
    assert_non_null(db);
    assert_string_equal(job_actor(job)->name, "佐伯");
    assert_int_equal(job_incident(job), 7);
    while (!atomic_load(&p->go)) {
        if (!job_progress(job, 3, 10))
            return err_set(e, ST_IO, "stopped");
        (void)usleep(1000);
    }
    if (p->end != OK)
        return err_set(e, p->end, "row 3: broken");
    (void)job_progress(job, 10, 10);
    return buf_add_str(result, "{\"rows\":10}");
}

static void freed(void *arg)
{
    atomic_store(&((struct plan *)arg)->freed, true);
}

static enum status start(struct web_request *r, const char *kind, struct plan *p, int64_t *ret)
{
    struct job_spec spec = {
        .kind = kind, .incident = 7, .upload = 5, .run = run, .arg = p, .free_arg = freed};
    struct err e = {0};
    return job_start(r, &spec, ret, &e);
}

static enum job_state state_of(struct web_request *r, int64_t id, struct job_view *v)
{
    assert_ok(job_find(r, 7, id, v, NULL));
    return v->state;
}

static void wait_end(struct web_request *r, int64_t id, struct job_view *v)
{
    for (int i = 0; i < 5000 && state_of(r, id, v) == JOB_RUNNING; i++)
        (void)usleep(2000);
}

static void jobs(struct test_database *t)
{
    struct web *w = web_make(t);
    struct exchange *x = exchange_new(w, "/");
    struct web_request *r = &x->req;
    struct plan one = {.end = OK};
    struct plan two = {.end = ST_MALFORMED};
    struct plan three = {.end = OK};
    struct job_view v = {0};
    int64_t id1 = 0;
    int64_t id2 = 0;
    int64_t id3 = 0;
    r->db = t->db;
    r->actor = (struct actor){ACTOR_ACCOUNT, 3, "佐伯", ROLE_RESPONDER, "web"};
    assert_int_equal(job_running(r, 7, "a", &v, NULL), ST_NOT_FOUND);
    assert_ok(start(r, "a", &one, &id1));
    for (int i = 0; i < 5000 && (state_of(r, id1, &v), v.done != 3); i++)
        (void)usleep(1000);
    assert_int_equal(v.state, JOB_RUNNING);
    assert_int_equal(v.total, 10);
    assert_int_equal(v.upload, 5);
    assert_ok(job_running(r, 7, "a", &v, NULL));
    assert_int_equal(v.id, id1);
    assert_int_equal(job_running(r, 8, "a", &v, NULL), ST_NOT_FOUND);
    assert_int_equal(job_find(r, 8, id1, &v, NULL), ST_NOT_FOUND);
    assert_int_equal(start(r, "a", &three, &id3), ST_CONFLICT); /* one of a kind */
    assert_true(atomic_load(&three.freed));
    assert_ok(start(r, "b", &two, &id2));
    assert_int_equal(start(r, "c", &three, &id3), ST_CONFLICT); /* two at once */
    atomic_store(&one.go, true);
    atomic_store(&two.go, true);
    wait_end(r, id1, &v);
    assert_int_equal(v.state, JOB_DONE);
    assert_string_equal(v.result, "{\"rows\":10}");
    assert_int_equal(v.done, 10);
    wait_end(r, id2, &v);
    assert_int_equal(v.state, JOB_FAILED);
    assert_non_null(strstr(v.result, "row 3: broken"));
    assert_int_equal(job_running(r, 7, "a", &v, NULL), ST_NOT_FOUND);

    /* a board that stops ends its jobs, and waits for them */
    struct plan four = {.end = OK};
    int64_t id4 = 0;
    for (int i = 0; i < 5000 && start(r, "d", &four, &id4) != OK; i++) /* places come free */
        (void)usleep(1000);
    web_drop(w);
    assert_true(atomic_load(&four.freed));
    w = web_make(t);
    r->web = w;
    assert_int_equal(state_of(r, id4, &v), JOB_FAILED);

    /* a job of a process that is gone */
    assert_ok(db_run(t->db, NULL, NULL,
                     "INSERT INTO job(id, incident_id, account_id, upload_id, kind, state, done, "
                     "total, result, made_ms, beat_ms) "
                     "VALUES (99, 7, 3, 0, 'a', 'running', 1, 2, '', $1, $1)",
                     "i", time_now_ms() - JOB_DEAD_MS - 1000));
    assert_int_equal(state_of(r, 99, &v), JOB_FAILED);
    assert_int_equal(job_running(r, 7, "a", &v, NULL), ST_NOT_FOUND);
    if (db_backend(t->db) == DB_POSTGRES) { /* another board has it */
        assert_ok(db_run(t->db, NULL, NULL, "UPDATE job SET beat_ms = $1 WHERE id = 99", "i",
                         time_now_ms()));
        assert_int_equal(state_of(r, 99, &v), JOB_RUNNING);
        assert_int_equal(v.done, 1);
    }
    r->db = NULL;
    exchange_unref(x);
    web_drop(w);
}

static void test_uploads(void **state)
{
    (void)state;
    on_each_database(uploads);
}

static void test_jobs(void **state)
{
    (void)state;
    on_each_database(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_jobs),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
