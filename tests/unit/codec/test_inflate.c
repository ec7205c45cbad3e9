/* Deflate in one piece, by its head, by its first bytes, and as a stream: all give the same,
 * whatever way it was packed, and refuse the same. */
#include "codec/inflate.h"
#include "failalloc.h"
#include "unit.h"

#include <zlib.h>

enum { PLAIN = 70000, ROOM = 90000 };

static uint8_t plain[PLAIN], packed[ROOM], out[PLAIN];

/* Texts of several kinds: zeros, noise, words, and one of each first byte. */
static size_t fill(unsigned kind, size_t n)
{
    uint32_t x = kind + 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = kind % 4 == 0   ? 0
                   : kind % 4 == 1 ? (uint8_t)(x >> 24)
                   : kind % 4 == 2 ? (uint8_t)("the quick brown fox "[i % 20])
                                   : (uint8_t)(x >> 29);
    }
    if (n)
        plain[0] = (uint8_t)kind;
    return n;
}

static size_t pack(size_t n, int level, int strategy)
{
    z_stream zs = {0};
    assert_int_equal(deflateInit2(&zs, level, Z_DEFLATED, -15, 8, strategy), Z_OK);
    zs.next_in = plain;
    zs.avail_in = (uInt)n;
    zs.next_out = packed;
    zs.avail_out = ROOM;
    assert_int_equal(deflate(&zs, Z_FINISH), Z_STREAM_END);
    size_t m = ROOM - zs.avail_out;
    deflateEnd(&zs);
    return m;
}

struct pipe {
    struct slice in;
    size_t piece, got;
};

static enum status pipe_in(void *ctx, struct slice *ret)
{
    struct pipe *p = ctx;
    *ret = slice_sub(p->in, 0, p->piece);
    p->in = slice_sub(p->in, ret->n, p->in.n);
    return OK;
}

static enum status pipe_out(void *ctx, struct slice bytes)
{
    struct pipe *p = ctx;
    if (bytes.n > PLAIN - p->got)
        return ST_LIMIT;
    memcpy(out + p->got, bytes.p, bytes.n);
    p->got += bytes.n;
    return OK;
}

static void check(struct inflater *f, size_t n, size_t m)
{
    struct slice in = slice_of(packed, m);
    size_t got = 0;
    uint8_t first[2];
    memset(out, 0xee, sizeof out);
    assert_ok(inflate_whole(f, in, out, n));
    assert_memory_equal(out, plain, n);
    if (n > 0)
        assert_int_equal(inflate_whole(f, in, out, n - 1), ST_MALFORMED);
    assert_int_equal(inflate_whole(f, slice_sub(in, 0, m - 1), out, n), ST_MALFORMED);
    assert_ok(inflate_head(f, in, out, n < 8 ? n : 8, &got));
    assert_int_equal(got, n < 8 ? n : 8);
    assert_memory_equal(out, plain, got);
    enum status st = inflate_first_bytes(in, first);
    if (n < 2)
        assert_int_not_equal(st, OK);
    else if (st == OK)
        assert_memory_equal(first, plain, 2);
    else /* too near the end to be read so, or the second byte is a copy of the first */
        assert_true(st == ST_END || (st == ST_UNSUPPORTED && plain[0] == plain[1]));
    for (size_t cut = 0; cut < m && cut < 400; cut++) /* never another, whatever is missing */
        if (inflate_first_bytes(slice_of(packed, cut), first) == OK)
            assert_memory_equal(first, plain, 2);
    static const size_t pieces[] = {1, 7, 65536};
    for (size_t i = n > 1000 ? 1 : 0; i < ARRAY_LEN(pieces); i++) {
        struct pipe p = {in, pieces[i], 0};
        memset(out, 0xee, sizeof out);
        assert_ok(inflate_stream(f, &(struct inflate_pipe){&p, pipe_in, pipe_out}));
        assert_int_equal(p.got, n);
        assert_memory_equal(out, plain, n);
        p = (struct pipe){slice_sub(in, 0, m - 1), pieces[i], 0};
        assert_int_equal(inflate_stream(f, &(struct inflate_pipe){&p, pipe_in, pipe_out}),
                         ST_MALFORMED);
    }
}

static void test_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 30, 300, 5000, 65536, PLAIN};
    static const int levels[] = {0, 1, 6, 9};
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE};
    struct inflater *f = NULL;
    assert_ok(inflater_new(&f));
    for (unsigned kind = 0; kind < 256; kind += kind < 8 ? 1 : 31)
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
            for (size_t l = 0; l < ARRAY_LEN(levels); l++)
                for (size_t g = 0; g < ARRAY_LEN(strategies); g++) {
                    size_t n = fill(kind, sizes[s]);
                    check(f, n, pack(n, levels[l], strategies[g]));
                }
    inflater_free(f);
}

/* Any bytes: where two bytes are told, zlib tells the same or refuses what comes behind it. */
static void test_noise(void **state)
{
    (void)state;
    struct inflater *f = NULL;
    uint32_t x = 7;
    size_t told = 0;
    assert_ok(inflater_new(&f));
    for (int i = 0; i < 200000; i++) {
        uint8_t in[160], first[2], head[2];
        size_t got = 0;
        for (size_t k = 0; k < sizeof in; k++) {
            x = x * 1664525 + 1013904223;
            in[k] = (uint8_t)(x >> 24);
        }
        if (inflate_first_bytes(slice_of(in, sizeof in), first) != OK)
            continue;
        enum status st = inflate_head(f, slice_of(in, sizeof in), head, 2, &got);
        if (st == OK && got == 2) {
            assert_memory_equal(first, head, 2);
            told++;
        }
    }
    assert_true(told > 1000);
    inflater_free(f);
}

static void test_sink_ends_it(void **state)
{
    (void)state;
    struct inflater *f = NULL;
    assert_ok(inflater_new(&f));
    size_t m = pack(fill(2, PLAIN), 6, Z_DEFAULT_STRATEGY);
    struct pipe p = {slice_of(packed, m), 100, 1}; /* one byte too few of room */
    assert_int_equal(inflate_stream(f, &(struct inflate_pipe){&p, pipe_in, pipe_out}), ST_LIMIT);
    inflater_free(f);
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32_add(0, slice_str("123456789")), 0xcbf43926);
    assert_int_equal(crc32_add(crc32_add(0, slice_str("1234")), slice_str("56789")), 0xcbf43926);
    assert_int_equal(crc32_add(5, slice_str("")), 5);
}

static void test_no_memory(void **state)
{
    (void)state;
    bool hit = true;
    for (unsigned long n = 1; hit; n++) {
        struct inflater *f = NULL;
        failalloc_at(n);
        enum status st = inflater_new(&f);
        hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        inflater_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ways), cmocka_unit_test(test_noise),
                                       cmocka_unit_test(test_sink_ends_it),
                                       cmocka_unit_test(test_crc),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
