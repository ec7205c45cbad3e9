/* What waits to be told, at each limit: a part's sightings (LIMIT_HUNT_PENDING) and those of all
 * parts that are done (LIMIT_HUNT_WAITING). The first of the logs is a pipe that holds its thread
 * up; whether the other one goes on to the last, a pipe as well, is seen by its being opened. */
#include "unit.h"

#include "base/limits.h"
#include "hunt/hunt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAYLOAD "${jndi:ldap://h/a}"
#define MOST 16 /* logs */

struct logs {
    char folder[64], path[MOST][100];
    char *paths[MOST];
    size_t n;
    size_t told, bytes; /* sightings, and what they take as records */
    enum status st;
};

static enum status on_sighting(void *ctx, const struct sighting *s)
{
    struct logs *l = ctx;
    struct buf b;
    buf_init(&b, MIB(1));
    assert_ok(sighting_pack(s, &b));
    l->told++;
    l->bytes += 1 + b.n;
    buf_done(&b);
    return OK;
}

static void on_incomplete(void *ctx, const char *label, const struct err *why)
{
    (void)ctx;
    fail_msg("%s: %s", label, why->msg);
}

static void *run(void *ctx)
{
    struct logs *l = ctx;
    struct hunt_counts counts;
    size_t missing = 0;
    struct err e = {0};
    struct hunt_options o = {.paths = l->paths,
                             .path_count = l->n,
                             .jobs = 2,
                             .since_ms = INT64_MIN,
                             .until_ms = INT64_MAX,
                             .ctx = l,
                             .sighting = on_sighting,
                             .incomplete = on_incomplete};
    l->told = l->bytes = 0;
    l->st = hunt_run(&o, &counts, &missing, &e);
    return NULL;
}

/* Lines whose records take `bytes` together; what a record takes besides its line was measured. */
static void put_log(struct logs *l, size_t i, size_t bytes, size_t besides)
{
    FILE *f = fopen(l->path[i], "w");
    assert_non_null(f);
    while (bytes) {
        size_t least = besides + sizeof PAYLOAD - 1, full = besides + 4000;
        size_t n = bytes < full ? bytes : bytes < full + least ? bytes / 2 : full;
        assert_in_range(n, least + 1, full);
        (void)fprintf(f, "%s%0*d\n", PAYLOAD, (int)(n - least), 0);
        bytes -= n;
    }
    assert_int_equal(fclose(f), 0);
}

static void begin(struct logs *l, size_t n)
{
    *l = (struct logs){.n = n};
    (void)snprintf(l->folder, sizeof l->folder, "/tmp/hikeshi-waiting-XXXXXX");
    assert_non_null(mkdtemp(l->folder));
    for (size_t i = 0; i < MOST; i++) {
        (void)snprintf(l->path[i], sizeof l->path[i], "%s/%02zu", l->folder, i);
        l->paths[i] = l->path[i];
    }
}

static void done(struct logs *l)
{
    for (size_t i = 0; i < MOST; i++)
        (void)unlink(l->path[i]);
    assert_int_equal(rmdir(l->folder), 0);
}

static size_t measure(void)
{
    struct logs l;
    begin(&l, 1);
    FILE *f = fopen(l.path[0], "w");
    assert_non_null(f);
    (void)fputs(PAYLOAD "00\n", f);
    assert_int_equal(fclose(f), 0);
    (void)run(&l);
    assert_int_equal(l.told, 1);
    done(&l);
    return l.bytes - sizeof PAYLOAD - 1;
}

/* Somebody reads the pipe, or is about to, within the time. */
static int open_for_reader(const char *path, int ms)
{
    for (int waited = 0;; waited += 10) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 || waited >= ms)
            return fd;
        assert_int_equal(errno, ENXIO);
        (void)poll(NULL, 0, 10);
    }
}

/* Logs of these sizes between two pipes. */
static void assert_goes_on(const size_t *bytes, size_t n, size_t besides, bool wanted)
{
    struct logs l;
    pthread_t thread;
    size_t sum = 0;
    begin(&l, n + 2);
    assert_int_equal(mkfifo(l.path[0], 0600), 0);
    assert_int_equal(mkfifo(l.path[n + 1], 0600), 0);
    for (size_t i = 0; i < n; i++) {
        put_log(&l, i + 1, bytes[i], besides);
        sum += bytes[i];
    }
    int first = open(l.path[0], O_RDWR | O_CLOEXEC);
    assert_true(first >= 0);
    assert_int_equal(pthread_create(&thread, NULL, run, &l), 0);
    int last = open_for_reader(l.path[n + 1], wanted ? 20000 : 500);
    assert_int_equal(last >= 0, wanted);
    (void)close(first); /* the first log ends, and all is told */
    if (last < 0)
        last = open_for_reader(l.path[n + 1], 20000);
    assert_true(last >= 0);
    (void)close(last);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(l.st);
    assert_int_equal(l.bytes, sum);
    done(&l);
}

static void pending(void **state)
{
    (void)state;
    size_t besides = measure();
    for (size_t more = 0; more < 3; more++) {
        size_t bytes = LIMIT_HUNT_PENDING - 1 + more;
        assert_goes_on(&bytes, 1, besides, more < 2);
    }
}

static void waiting(void **state)
{
    (void)state;
    enum { LOGS = 7 };
    size_t besides = measure(), bytes[LOGS];
    for (size_t more = 0; more < 3; more++) {
        size_t left = LIMIT_HUNT_WAITING - 1 + more;
        for (size_t i = 0; i < LOGS; i++) {
            bytes[i] = i + 1 < LOGS ? LIMIT_HUNT_WAITING / LOGS : left;
            left -= bytes[i];
            assert_in_range(bytes[i], 0, LIMIT_HUNT_PENDING);
        }
        assert_goes_on(bytes, LOGS, besides, more < 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pending), cmocka_unit_test(waiting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
