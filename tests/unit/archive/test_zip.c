/* Zip directories and data: forms, cuts at every byte, hostile fields, limits, memory running out.
 */
#include "archive/zip.h"
#include "base/limits.h"
#include "failalloc.h"
#include "unit.h"
#include "zipmake.h"

#include <unistd.h>

static const char hello[] = "hello, hello, hello, hello: a text that packs";

/* a.txt deflated, b.txt stored, behind `preamble` bytes */
static void make(struct zipmake *z, bool zip64, const char *comment)
{
    zipmake_init(z);
    z->zip64 = zip64;
    zipmake_add(z, "a.txt", slice_str(hello), ZIP_DEFLATED);
    zipmake_add(z, "dir/b.txt", slice_str("stored"), ZIP_STORED);
    zipmake_end(z, slice_str(comment));
}

/* Opens, lists and reads all; OK when both entries came whole. */
static enum status read_all(struct source src, struct zip_tools *t)
{
    struct zip z;
    struct zip_entry e;
    size_t seen = 0;
    enum status st = zip_open(&z, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE);
    if (st != OK)
        return st;
    while ((st = zip_next(&z, &e)) == OK) {
        uint8_t bytes[200], head[4];
        size_t n = 0;
        if (e.size > sizeof bytes) {
            st = ST_LIMIT;
            break;
        }
        st = zip_whole(&z, &e, t, bytes);
        if (st == OK)
            st = zip_head(&z, &e, t, head, sizeof head, &n);
        if (st != OK)
            break;
        assert_int_equal(n, 4);
        assert_memory_equal(bytes, head, 4);
        seen++;
    }
    zip_done(&z);
    return st == ST_END ? (seen == 2 ? OK : ST_NOT_FOUND) : st;
}

static enum status read_bytes(struct slice s)
{
    struct zip_tools t;
    assert_ok(zip_tools_init(&t));
    enum status st = read_all(source_of_memory(s), &t);
    zip_tools_done(&t);
    return st;
}

static void test_forms(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct zipmake z;
        struct buf b;
        char long_comment[3000];
        memset(long_comment, 'c', sizeof long_comment - 1);
        long_comment[sizeof long_comment - 1] = '\0';
        make(&z, i & 1, i & 2 ? long_comment : "");
        buf_init(&b, MIB(1));
        if (i & 4)
            assert_ok(buf_add_str(&b, "#!/bin/sh\nexec java -jar \"$0\"\n"));
        assert_ok(buf_add_slice(&b, buf_slice(&z.out)));
        assert_ok(read_bytes(buf_slice(&b)));
        assert_ok(buf_add(&b, hello, sizeof hello)); /* trailing bytes */
        assert_ok(read_bytes(buf_slice(&b)));
        buf_done(&b);
        zipmake_done(&z);
    }
}

static void test_file_as_memory(void **state)
{
    (void)state;
    struct zipmake z;
    struct zip_tools t;
    char name[] = "/tmp/hikeshi-test-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    (void)unlink(name);
    make(&z, true, "c");
    assert_int_equal(write(fd, z.out.p, z.out.n), (ssize_t)z.out.n);
    assert_ok(zip_tools_init(&t));
    assert_ok(read_all(source_of_file(fd, z.out.n), &t));
    /* it became shorter: an error of reading, not a damaged archive */
    assert_int_equal(read_all(source_of_file(fd, z.out.n + 10), &t), ST_IO);
    zip_tools_done(&t);
    zipmake_done(&z);
    close(fd);
}

static void test_truncated(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct zipmake z;
        make(&z, i == 1, "");
        for (size_t n = 0; n < z.out.n; n++) {
            uint8_t *copy = malloc(n ? n : 1); /* of exactly this size, for the sanitizer */
            memcpy(copy, z.out.p, n);
            assert_int_not_equal(read_bytes(slice_of(copy, n)), OK);
            free(copy);
        }
        zipmake_done(&z);
    }
}

/* Every byte changed to three others: nothing is read outside, and what is called whole is whole.
 */
static void test_flipped(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0xff, 0x80, 0x01};
    for (int i = 0; i < 2; i++) {
        struct zipmake z;
        make(&z, i == 1, "");
        for (size_t at = 0; at < z.out.n; at++)
            for (size_t k = 0; k < ARRAY_LEN(flips); k++) {
                z.out.p[at] ^= flips[k];
                (void)!read_bytes(buf_slice(&z.out));
                z.out.p[at] ^= flips[k];
            }
        assert_ok(read_bytes(buf_slice(&z.out)));
        zipmake_done(&z);
    }
}

static void poke(struct buf *b, size_t at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        b->p[at + i] = (uint8_t)(v >> (8 * i));
}

static void test_fields(void **state)
{
    (void)state;
    /* offsets in the first record of the directory (4.3.12) */
    static const struct {
        size_t at;
        uint64_t v;
        unsigned bytes;
        enum status want;
    } cases[] = {
        {8, 1, 2, ST_DENIED},              /* encrypted */
        {8, 0x2001, 2, ST_DENIED},         /* directory encrypted */
        {10, 12, 2, ST_UNSUPPORTED},       /* bzip2 */
        {10, 0, 2, ST_MALFORMED},          /* stored, and the sizes differ */
        {16, 7, 4, ST_MALFORMED},          /* CRC */
        {20, 0x7fffffff, 4, ST_LIMIT},     /* packed bytes outside, and more than are held */
        {20, 300, 4, ST_MALFORMED},        /* outside */
        {24, 10, 4, ST_MALFORMED},         /* longer than it says */
        {24, 150, 4, ST_MALFORMED},        /* shorter than it says */
        {28, 0xffff, 2, ST_MALFORMED},     /* name outside the directory */
        {30, 0xffff, 2, ST_MALFORMED},     /* extra field outside */
        {42, 0xfffffffe, 4, ST_MALFORMED}, /* local header outside */
        {42, 1, 4, ST_MALFORMED},          /* no local header */
        {0, 0x02014b51, 4, ST_NOT_FOUND},  /* no directory */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zipmake z;
        make(&z, false, "");
        size_t dir = z.out.n - ZIP_END_SIZE - z.dir.n;
        poke(&z.out, dir + cases[i].at, cases[i].v, cases[i].bytes);
        assert_int_equal(read_bytes(buf_slice(&z.out)), cases[i].want);
        zipmake_done(&z);
    }
}

static void test_end_fields(void **state)
{
    (void)state;
    /* offsets in the end record (4.3.16), or before it in the locator (4.3.15) and zip64 record */
    static const struct {
        bool zip64;
        int at;
        uint64_t v;
        unsigned bytes;
        enum status want;
    } cases[] = {
        {false, 4, 1, 2, ST_UNSUPPORTED},         /* second part of a split archive */
        {false, 12, 0x7fffffff, 4, ST_NOT_FOUND}, /* directory longer than all */
        {false, 12, UINT32_MAX, 4, ST_NOT_FOUND}, /* says zip64, and there is none */
        {false, 12, 0, 4, ST_NOT_FOUND},          /* no directory, but entries */
        {false, 16, 0x7fffffff, 4, ST_NOT_FOUND}, /* outside */
        {false, 20, 9, 2, OK},                    /* comment longer than there is: still the last */
        {true, -20 + 8, UINT64_MAX, 8, OK},       /* locator astray: found before it */
        {true, -76 + 40, UINT64_MAX, 8, ST_NOT_FOUND},
        {true, -76 + 40, (uint64_t)1 << 62, 8, ST_NOT_FOUND},
        {true, -76 + 48, UINT64_MAX, 8, ST_NOT_FOUND},
        {true, -76 + 16, 1, 4, ST_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zipmake z;
        make(&z, cases[i].zip64, "");
        size_t end = z.out.n - ZIP_END_SIZE;
        poke(&z.out, (size_t)((int)end + cases[i].at), cases[i].v, cases[i].bytes);
        assert_int_equal(read_bytes(buf_slice(&z.out)), cases[i].want);
        zipmake_done(&z);
    }
}

static void test_two_end_records(void **state)
{
    (void)state;
    struct zipmake inner, outer;
    struct zip z;
    make(&inner, false, "");
    zipmake_init(&outer);
    zipmake_add(&outer, "c", slice_str("other"), ZIP_STORED);
    zipmake_end(&outer, buf_slice(&inner.out));
    struct source src = source_of_memory(buf_slice(&outer.out));
    /* the one whose comment ends with the file is the inner one */
    assert_ok(zip_open(&z, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE));
    assert_int_equal(z.shift, outer.out.n - inner.out.n);
    zip_done(&z);
    /* bytes behind: the outer one counts, and that there is another is told */
    poke(&outer.out, outer.out.n - inner.out.n - 2, inner.out.n + 1, 2);
    assert_ok(buf_add_char(&outer.out, 'x'));
    src = source_of_memory(buf_slice(&outer.out));
    assert_ok(zip_open(&z, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE));
    assert_int_equal(z.shift, 0);
    assert_true(z.ambiguous);
    zip_done(&z);
    zipmake_done(&inner);
    zipmake_done(&outer);
}

static void test_overlap(void **state)
{
    (void)state;
    struct zipmake z;
    struct zip zip;
    struct zip_entry e;
    make(&z, false, "");
    struct source src = source_of_memory(buf_slice(&z.out));
    assert_ok(zip_open(&zip, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE));
    while (zip_next(&zip, &e) == OK)
        assert_false(zip_overlaps(&zip));
    zip_done(&zip);
    /* one byte more than there is */
    poke(&z.out, z.out.n - ZIP_END_SIZE - z.dir.n + 20,
         z.out.p[z.out.n - ZIP_END_SIZE - z.dir.n + 20] + 1u, 1);
    assert_ok(zip_open(&zip, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE));
    while (zip_next(&zip, &e) == OK)
        ;
    assert_true(zip_overlaps(&zip));
    zip_rewind(&zip);
    assert_false(zip_overlaps(&zip));
    zip_done(&zip);
    zipmake_done(&z);
}

struct sink {
    struct buf got;
    enum status answer;
};

static enum status swallow(void *ctx, struct slice bytes)
{
    struct sink *s = ctx;
    (void)buf_add_slice(&s->got, bytes);
    return s->answer;
}

static void test_copy(void **state)
{
    (void)state;
    size_t n = 300001;
    uint8_t *data = malloc(n);
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * i >> 7);
    for (unsigned method = 0; method <= ZIP_DEFLATED; method += ZIP_DEFLATED) {
        struct zipmake m;
        struct zip z;
        struct zip_entry e;
        struct zip_tools t;
        struct sink s = {.answer = OK};
        zipmake_init(&m);
        zipmake_add(&m, "a", slice_of(data, n), method);
        zipmake_end(&m, slice_str(""));
        struct source src = source_of_memory(buf_slice(&m.out)), part;
        buf_init(&s.got, MIB(1));
        assert_ok(zip_tools_init(&t));
        assert_ok(zip_open(&z, &src, 1000));
        assert_ok(zip_next(&z, &e));
        assert_ok(zip_copy(&z, &e, &t, swallow, &s));
        assert_int_equal(s.got.n, n);
        assert_memory_equal(s.got.p, data, n);
        s.answer = ST_IO; /* whoever takes the bytes may end it */
        assert_int_equal(zip_copy(&z, &e, &t, swallow, &s), ST_IO);
        s.answer = OK;
        assert_int_equal(zip_stored(&z, &e, &part), method ? ST_INVALID : OK);
        e.size--; /* longer than it says: not a byte more is passed on */
        buf_clear(&s.got);
        assert_int_equal(zip_copy(&z, &e, &t, swallow, &s), ST_MALFORMED);
        assert_true(s.got.n < n);
        e.size += 2;
        assert_int_equal(zip_copy(&z, &e, &t, swallow, &s), ST_MALFORMED);
        e.size--;
        e.crc ^= 1;
        assert_int_equal(zip_copy(&z, &e, &t, swallow, &s), ST_MALFORMED);
        zip_done(&z);
        zip_tools_done(&t);
        buf_done(&s.got);
        zipmake_done(&m);
    }
    free(data);
}

static void test_packed_limit(void **state)
{
    (void)state;
    for (int d = -1; d <= 1; d++) {
        size_t n = (size_t)((long)LIMIT_ZIP_PACKED + d);
        uint8_t *data = calloc(1, n);
        struct zipmake m;
        struct zip z;
        struct zip_entry e;
        struct zip_tools t;
        zipmake_init(&m);
        zipmake_add(&m, "a", slice_of(data, n), ZIP_STORED);
        zipmake_end(&m, slice_str(""));
        struct source src = source_of_memory(buf_slice(&m.out));
        assert_ok(zip_tools_init(&t));
        assert_ok(zip_open(&z, &src, 1000));
        assert_ok(zip_next(&z, &e));
        assert_int_equal(zip_whole(&z, &e, &t, data), d > 0 ? ST_LIMIT : OK);
        zip_done(&z);
        zip_tools_done(&t);
        zipmake_done(&m);
        free(data);
    }
}

/* The end record is found with a comment of up to 65,535 bytes behind it, and not further. */
static void test_comment_limit(void **state)
{
    (void)state;
    for (int d = -1; d <= 1; d++) {
        struct zipmake z;
        size_t n = (size_t)(ZIP_COMMENT_MAX + d);
        char *comment = calloc(1, n + 1);
        memset(comment, 'c', n);
        make(&z, false, "");
        assert_ok(buf_add(&z.out, comment, n));
        assert_int_equal(read_bytes(buf_slice(&z.out)), d > 0 ? ST_NOT_FOUND : OK);
        zipmake_done(&z);
        free(comment);
    }
}

/* A directory of many windows, with names of every length across their borders. */
static void test_long_directory(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    struct zipmake m;
    struct zip z;
    struct zip_entry e;
    char name[400];
    char file[] = "/tmp/hikeshi-test-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    (void)unlink(file);
    zipmake_init(&m);
    for (size_t i = 0; i < COUNT; i++) {
        size_t n = i % 390 + 1;
        memset(name, 'a' + (int)(i % 26), n);
        name[n] = '\0';
        zipmake_add(&m, name, slice_str("x"), ZIP_STORED);
    }
    zipmake_end(&m, slice_str(""));
    assert_int_equal(write(fd, m.out.p, m.out.n), (ssize_t)m.out.n);
    struct source src = source_of_file(fd, m.out.n);
    assert_ok(zip_open(&z, &src, 1000));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            assert_ok(zip_next(&z, &e));
            assert_int_equal(e.name.n, i % 390 + 1);
            assert_int_equal(e.name.p[e.name.n - 1], 'a' + (int)(i % 26));
        }
        assert_int_equal(zip_next(&z, &e), ST_END);
        zip_rewind(&z);
    }
    assert_true(z.window.cap <= KIB(256));
    zip_done(&z);
    zipmake_done(&m);
    close(fd);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct zipmake z;
    char name[] = "/tmp/hikeshi-test-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    (void)unlink(name);
    make(&z, true, "");
    assert_int_equal(write(fd, z.out.p, z.out.n), (ssize_t)z.out.n);
    bool hit = true;
    for (unsigned long n = 1; hit; n++) {
        struct zip_tools t;
        failalloc_at(n);
        enum status st = zip_tools_init(&t);
        if (st == OK)
            st = read_all(source_of_file(fd, z.out.n), &t);
        hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        zip_tools_done(&t);
        assert_true(n < 100);
    }
    zipmake_done(&z);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_file_as_memory),
                                       cmocka_unit_test(test_truncated),
                                       cmocka_unit_test(test_flipped),
                                       cmocka_unit_test(test_fields),
                                       cmocka_unit_test(test_end_fields),
                                       cmocka_unit_test(test_two_end_records),
                                       cmocka_unit_test(test_overlap),
                                       cmocka_unit_test(test_copy),
                                       cmocka_unit_test(test_packed_limit),
                                       cmocka_unit_test(test_comment_limit),
                                       cmocka_unit_test(test_long_directory),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
