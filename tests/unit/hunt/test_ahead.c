/* Reading ahead gives what the source gives, whoever is faster, and leaves no thread behind. */
#include "unit.h"

#include "base/limits.h"
#include "base/tempfile.h"
#include "failalloc.h"
#include "hunt/ahead.h"
#include "hunt/hunt.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zlib.h>

#define RING ((uint64_t)AHEAD_BLOCKS * AHEAD_BLOCK)
#define AFTER ((uint64_t)10000)

/* --- a source of numbered bytes */

struct numbered {
    uint64_t at, size;
    size_t most;     /* bytes a read */
    enum status end; /* behind them */
    bool slow;
    size_t ends; /* how often it said so */
};

static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 13));
}

static enum status read_numbered(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct numbered *s = ctx;
    uint64_t left = s->size - s->at;
    n = n < s->most ? n : s->most;
    n = n < left ? n : (size_t)left;
    if (s->slow)
        (void)sched_yield();
    for (size_t i = 0; i < n; i++)
        to[i] = byte_at(s->at + i);
    s->at += n;
    if (n == 0 && s->size) {
        s->ends++;
        if (s->end != OK)
            return err_set_at(e, s->end, s->at, "damaged at byte %llu", (unsigned long long)s->at);
    }
    *ret_n = n;
    return OK;
}

/* --- who lends threads */

struct lending {
    size_t refuse; /* so many times first */
    size_t asked, out, most;
};

static bool take(void *ctx)
{
    struct lending *l = ctx;
    if (l->asked++ < l->refuse)
        return false;
    l->out++;
    l->most = l->out > l->most ? l->out : l->most;
    return true;
}

static void give(void *ctx)
{
    struct lending *l = ctx;
    assert_true(l->out > 0);
    l->out--;
}

/* --- the system's threads */

static bool no_threads;
static atomic_size_t begun;
int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx)
{
    atomic_fetch_add(&begun, 1);
    return no_threads ? EAGAIN : __real_pthread_create(t, a, f, ctx);
}

/* Reads up to `most` bytes through it, n at a time, and ends; what was read, all of it right. */
static uint64_t read_through(struct numbered *s, struct lending *l, size_t n, uint64_t most)
{
    static uint8_t to[AHEAD_BLOCK + 1000];
    const struct stream_source from = {s, read_numbered};
    const struct ahead_lender lender = {l, take, give, AFTER};
    struct ahead a;
    uint64_t sum = 0;
    enum status st = OK;
    struct err e = {0};
    ahead_init(&a, &from, l ? &lender : NULL);
    for (size_t got = 1; got && st == OK && sum < most;) {
        got = 0;
        st = ahead_read(&a, to, n, &got, &e);
        for (size_t i = 0; i < got; i++)
            if (to[i] != byte_at(sum + i))
                fail_msg("byte %llu of %llu", (unsigned long long)(sum + i),
                         (unsigned long long)s->size);
        sum += got;
        if (st != OK || got == 0) { /* and so it stays */
            size_t again = 0;
            struct err same = {0};
            assert_int_equal(st, s->end);
            assert_int_equal(ahead_read(&a, to, n, &again, &same), s->end);
            assert_int_equal(again, 0);
            assert_string_equal(same.msg, e.msg);
            assert_int_equal(same.offset, e.offset);
            assert_int_equal(e.offset, st == OK ? 0 : s->size);
        }
    }
    ahead_done(&a);
    if (l)
        assert_int_equal(l->out, 0);
    return sum;
}

static void any_length_and_end(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1,         AFTER - 1,           AFTER,
                                     AFTER + 1, AFTER + AHEAD_BLOCK, RING - 1,
                                     RING,      AFTER + RING,        5 * RING + 7};
    static const size_t reads[] = {777, AHEAD_BLOCK - 1, AHEAD_BLOCK, AHEAD_BLOCK + 1000};
    static const size_t gives[] = {500, AHEAD_BLOCK / 2 + 1, SIZE_MAX};
    static const enum status ends[] = {OK, ST_MALFORMED, ST_LIMIT, ST_IO, ST_NOMEM};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (size_t k = 0; k < ARRAY_LEN(reads) * ARRAY_LEN(gives) * 2; k++) {
            size_t give_n = gives[k / 2 % ARRAY_LEN(gives)];
            struct numbered s = {0, sizes[i], give_n, ends[(i + k) % ARRAY_LEN(ends)], k % 2, 0};
            struct lending l = {0};
            size_t n = reads[k / 2 / ARRAY_LEN(gives)];
            assert_int_equal(read_through(&s, &l, n, UINT64_MAX), sizes[i]);
            assert_int_equal(l.most, sizes[i] >= AFTER); /* the end is read by it, too */
            if (l.most)
                assert_int_equal(s.ends, 1); /* the source is not asked behind its end */
        }
    }
}

/* The reader may have enough at any place: the thread ends wherever it is. */
static void left_early(void **state)
{
    (void)state;
    for (uint64_t most = 1; most < 2 * RING; most += 7919) {
        struct numbered s = {0, 4 * RING, most % 3 ? SIZE_MAX : 4096, OK, most % 2, 0};
        struct lending l = {0};
        uint64_t got = read_through(&s, &l, 4096, most);
        assert_in_range(got, most, most + 4096);
        uint64_t at = s.at;
        (void)sched_yield();
        assert_int_equal(s.at, at); /* nobody reads it any more */
        assert_in_range(at, got, got + RING + AHEAD_BLOCK);
    }
}

static void without_a_thread(void **state)
{
    (void)state;
    static const uint64_t size = 3 * RING;
    struct numbered s = {0, size, SIZE_MAX, ST_MALFORMED, false, 0};
    size_t before = begun;
    assert_int_equal(read_through(&s, NULL, 4096, UINT64_MAX), size);
    struct lending never = {.refuse = SIZE_MAX};
    s.at = 0;
    assert_int_equal(read_through(&s, &never, 1000, UINT64_MAX), size);
    assert_int_equal(never.asked, size / AFTER); /* one may be spare later */
    assert_int_equal(begun - before, 0);
    struct lending late = {.refuse = 3};
    s.at = 0;
    assert_int_equal(read_through(&s, &late, 1000, UINT64_MAX), size);
    assert_int_equal(late.asked, 4);
    assert_int_equal(begun - before, 1);
    /* the system refuses memory, or the thread: it goes on without, and asks no more */
    for (int memory = 0; memory < 2; memory++) {
        struct lending l = {0};
        s.at = 0;
        no_threads = !memory;
        failalloc_at(memory ? 1 : 0);
        assert_int_equal(read_through(&s, &l, 4096, UINT64_MAX), size);
        assert_int_equal(failalloc_hit(), memory);
        no_threads = false;
        assert_int_equal(l.asked, 1);
        assert_int_equal(begun - before,
                         2); /* of which one came to nothing, and none without memory */
    }
}

/* --- a hunt */

static void write_gzip(int fd, size_t lines)
{
    gzFile z = gzdopen(dup(fd), "wb1");
    assert_non_null(z);
    for (size_t i = 0; i < lines; i++)
        assert_true(
            gzprintf(z, i % 1000 ? "GET /%zu HTTP/1.1\n" : "GET /%zu${jndi:ldap://h/a}\n", i) > 0);
    assert_int_equal(gzclose(z), Z_OK);
}

static enum status on_sighting(void *ctx, const struct sighting *s)
{
    uint64_t *sum = ctx; /* of all lines, and in which order */
    *sum = *sum * 31 + s->line;
    return OK;
}

static void on_incomplete(void *ctx, const char *label, const struct err *why)
{
    uint64_t *sum = ctx;
    assert_non_null(strstr(why->msg, "ends early"));
    *sum = *sum * 31 + strlen(label) + 1000000;
}

/* A thread that has no file of its own unpacks ahead; the answer is one, with any number. */
static void any_number_of_jobs(void **state)
{
    (void)state;
    enum { FILES = 3, LINES = 300000 };
    char paths[FILES][32], *list[FILES];
    int fds[FILES];
    uint64_t want = 0;
    size_t unpacked =
        0; /* ahead, in all runs: whether there was a spare thread in time is chance */
    for (size_t i = 0; i < FILES; i++) {
        fds[i] = tempfile_open();
        write_gzip(fds[i], LINES >> i); /* 6 MB and less */
        (void)snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", fds[i]);
        list[i] = paths[i];
    }
    off_t cut = lseek(fds[1], 0, SEEK_END) - 9;
    assert_int_equal(ftruncate(fds[1], cut), 0);
    for (unsigned jobs = 1; jobs <= 2 * FILES + 1; jobs++) {
        uint64_t sum = 0;
        struct hunt_counts c;
        size_t missing = 0, before = begun;
        struct err e = {0};
        const struct hunt_options o = {.paths = list,
                                       .path_count = FILES,
                                       .jobs = jobs,
                                       .since_ms = INT64_MIN,
                                       .until_ms = INT64_MAX,
                                       .ctx = &sum,
                                       .sighting = on_sighting,
                                       .incomplete = on_incomplete};
        assert_ok(hunt_run(&o, &c, &missing, &e));
        size_t ahead = begun - before - (jobs - 1); /* beside those of the hunt */
        assert_in_range(ahead, 0, jobs > 1 ? FILES : 0);
        unpacked += ahead;
        assert_int_equal(c.files, FILES);
        assert_true(c.sightings >= LINES / 1000);
        want = jobs == 1 ? sum : want;
        assert_int_equal(sum, want);
    }
    assert_true(unpacked > 0);
    for (size_t i = 0; i < FILES; i++)
        (void)close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_and_end),
        cmocka_unit_test(left_early),
        cmocka_unit_test(without_a_thread),
        cmocka_unit_test(any_number_of_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
