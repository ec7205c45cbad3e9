/* Every packed format by the one interface: in pieces of any size, several members, cut at every
 * byte, damaged, asking for too much, and with memory running out. The libraries pack. */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "failalloc.h"
#include "memory_source.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

static const enum codec_kind kinds[] = {CODEC_GZIP, CODEC_BZIP2, CODEC_XZ, CODEC_ZSTD};

static size_t pack_gzip(struct slice in, uint8_t *to, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    memcpy(&z.next_in, &in.p, sizeof in.p);
    z.avail_in = (uInt)in.n;
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return room - z.avail_out;
}

static size_t pack(enum codec_kind kind, struct slice in, uint8_t *to, size_t room)
{
    unsigned n32 = (unsigned)room;
    size_t n = 0;
    char *text = NULL;
    memcpy(&text, &in.p, sizeof in.p);
    switch (kind) {
    case CODEC_GZIP:
        return pack_gzip(in, to, room);
    case CODEC_BZIP2:
        assert_int_equal(BZ2_bzBuffToBuffCompress((char *)to, &n32, text, (unsigned)in.n, 1, 0, 0),
                         BZ_OK);
        return n32;
    case CODEC_XZ:
        assert_int_equal(
            lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, in.p, in.n, to, &n, room), LZMA_OK);
        return n;
    default:
        n = ZSTD_compress(to, room, in.p, in.n, 1);
        assert_false(ZSTD_isError(n));
        return n;
    }
}

/* All of it into out; the status that ended it. */
static enum status unpack(enum codec_kind kind, struct slice packed, size_t in_piece,
                          size_t out_piece, struct buf *out, struct err *e)
{
    struct memory m = {packed, in_piece, OK};
    struct stream_source from = {&m, read_memory};
    struct stream *s = NULL;
    enum status st = stream_new(kind, &from, &s, e);
    while (st == OK) {
        uint8_t *to = NULL;
        size_t n = 0;
        assert_ok(buf_reserve(out, out_piece, &to));
        st = stream_read(s, to, out_piece, &n, e);
        if (st == OK) {
            assert_in_range(n, 1, out_piece);
            buf_commit(out, n);
        } else {
            assert_int_equal(stream_read(s, to, out_piece, &n, e), st); /* and stays so */
        }
    }
    stream_free(s);
    return st;
}

static struct buf text_of(size_t n)
{
    struct buf b;
    uint32_t seed = 7;
    buf_init(&b, n + 64);
    while (b.n < n) {
        seed = seed * 1664525u + 1013904223u;
        (void)buf_addf(&b, "GET /item/%u HTTP/1.1\n", seed >> 20);
    }
    buf_cut(&b, n);
    return b;
}

static void formats_in_any_pieces(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 100, 70000, 900000}, pieces[] = {1, 7, 4096, 1 << 20};
    static uint8_t packed[1 << 20];
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct buf text = text_of(lengths[i]), out;
        buf_init(&out, MIB(2));
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            size_t n = pack(kinds[k], buf_slice(&text), packed, sizeof packed);
            struct slice head = slice_of(packed, n < CODEC_SNIFF_BYTES ? n : CODEC_SNIFF_BYTES);
            assert_int_equal(codec_sniff(head), kinds[k]);
            for (size_t a = 0; a < ARRAY_LEN(pieces); a++) {
                size_t b = (a + i) % ARRAY_LEN(pieces);
                struct err e = {0};
                if (lengths[i] > 100000 && (a == 0 || b == 0))
                    continue;
                buf_clear(&out);
                assert_int_equal(
                    unpack(kinds[k], slice_of(packed, n), pieces[a], pieces[b], &out, &e), ST_END);
                assert_true(slice_eq(buf_slice(&out), buf_slice(&text)));
            }
        }
        buf_done(&out);
        buf_done(&text);
    }
}

/* Two members and zero bytes behind them are one text; anything else behind is told. */
static void members(void **state)
{
    (void)state;
    static uint8_t packed[8192];
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t piece = 1; piece < 40; piece += 6) {
            struct err e = {0};
            struct buf out;
            buf_init(&out, KIB(64));
            size_t n = pack(kinds[k], SLICE_LIT("one, "), packed, sizeof packed);
            n += pack(kinds[k], SLICE_LIT("two"), packed + n, sizeof packed - n);
            memset(packed + n, 0, 512);
            assert_int_equal(unpack(kinds[k], slice_of(packed, n + 512), piece, 99, &out, &e),
                             ST_END);
            assert_slice_equal(buf_slice(&out), "one, two");
            packed[n + 511] = 'x';
            buf_clear(&out);
            assert_int_equal(unpack(kinds[k], slice_of(packed, n + 512), piece, 99, &out, &e),
                             ST_MALFORMED);
            assert_slice_equal(buf_slice(&out), "one, two");
            assert_int_equal(e.offset, n + 511);
            buf_done(&out);
        }
    }
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    static uint8_t packed[4096];
    struct buf text = text_of(3000), out;
    buf_init(&out, KIB(64));
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t first = pack(kinds[k], buf_slice(&text), packed, sizeof packed);
        size_t n = first + pack(kinds[k], SLICE_LIT("more"), packed + first, sizeof packed - first);
        for (size_t cut = 1; cut < n; cut++) {
            struct err e = {0};
            uint8_t *exact = malloc(cut);
            assert_non_null(exact);
            memcpy(exact, packed, cut);
            buf_clear(&out);
            enum status st = unpack(kinds[k], slice_of(exact, cut), 64, 500, &out, &e);
            free(exact);
            assert_int_equal(st, cut == first ? ST_END : ST_MALFORMED);
            assert_true(slice_starts(buf_slice(&text), slice_sub(buf_slice(&out), 0, text.n)));
            if (cut > first)
                assert_in_range(out.n, text.n, text.n + 4);
        }
    }
    buf_done(&out);
    buf_done(&text);
}

/* One bit turned, anywhere: never the whole text with another content and a good end. */
static void damaged(void **state)
{
    (void)state;
    static uint8_t packed[4096];
    struct buf text = text_of(2000), out;
    buf_init(&out, MIB(8));
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t n = pack(kinds[k], buf_slice(&text), packed, sizeof packed);
        for (size_t i = 0; i < n * 8; i += 3) {
            struct err e = {0};
            packed[i / 8] ^= (uint8_t)(1u << i % 8);
            buf_clear(&out);
            if (unpack(kinds[k], slice_of(packed, n), 4096, 4096, &out, &e) == ST_END &&
                kinds[k] != CODEC_ZSTD) /* ZSTD_compress adds no checksum */
                assert_true(out.n == 0 || slice_eq(buf_slice(&out), buf_slice(&text)));
            packed[i / 8] ^= (uint8_t)(1u << i % 8);
        }
    }
    buf_done(&out);
    buf_done(&text);
}

/* What a header asks for is bounded: one below, at and above. */
static void windows_have_a_limit(void **state)
{
    (void)state;
    static uint8_t packed[4096];
    struct buf out;
    buf_init(&out, KIB(64));
    for (int log = LIMIT_ZSTD_WINDOW_LOG - 1; log <= LIMIT_ZSTD_WINDOW_LOG + 1; log++) {
        /* RFC 8878 3.1.1: a frame with a window descriptor and one raw block of 1 byte */
        uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0, (uint8_t)((log - 10) << 3), 9, 0, 0, 'x'};
        struct err e = {0};
        buf_clear(&out);
        assert_int_equal(unpack(CODEC_ZSTD, slice_of(frame, sizeof frame), 64, 64, &out, &e),
                         log <= LIMIT_ZSTD_WINDOW_LOG ? ST_END : ST_LIMIT);
    }
    for (uint32_t dict = MIB(8); dict <= MIB(16); dict += MIB(8)) {
        lzma_options_lzma lz;
        size_t n = 0;
        struct err e = {0};
        assert_false(lzma_lzma_preset(&lz, 0));
        lz.dict_size = dict;
        lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &lz}, {LZMA_VLI_UNKNOWN, NULL}};
        assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL,
                                                   (const uint8_t *)"x", 1, packed, &n,
                                                   sizeof packed),
                         LZMA_OK);
        buf_clear(&out);
        assert_int_equal(unpack(CODEC_XZ, slice_of(packed, n), 64, 64, &out, &e),
                         dict <= MIB(8) ? ST_END : ST_LIMIT);
    }
    buf_done(&out);
}

static void plain_and_failures(void **state)
{
    (void)state;
    static uint8_t packed[4096];
    struct buf out;
    struct err e = {0};
    uint8_t *room = NULL;
    buf_init(&out, KIB(64));
    assert_ok(buf_reserve(&out, KIB(16), &room)); /* so that only the codecs allocate below */
    assert_int_equal(codec_sniff(SLICE_LIT("BZh1 is how this text begins")), CODEC_PLAIN);
    assert_int_equal(codec_sniff(SLICE_LIT("")), CODEC_PLAIN);
    assert_int_equal(unpack(CODEC_PLAIN, SLICE_LIT("as it is"), 3, 5, &out, &e), ST_END);
    assert_slice_equal(buf_slice(&out), "as it is");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t n = pack(kinds[k], SLICE_LIT("text"), packed, sizeof packed);
        struct memory m = {slice_of(packed, n), 4096, ST_IO};
        struct stream_source from = {&m, read_memory};
        struct stream *s = NULL;
        uint8_t to[16];
        size_t got = 0;
        assert_ok(stream_new(kinds[k], &from, &s, &e));
        assert_int_equal(stream_read(s, to, sizeof to, &got, &e), ST_IO);
        assert_string_equal(e.msg, "the disk is gone");
        stream_free(s);
        for (unsigned long nth = 1;; nth++) {
            buf_clear(&out);
            failalloc_at(nth);
            enum status st = unpack(kinds[k], slice_of(packed, n), 4096, 4096, &out, &e);
            if (!failalloc_hit()) {
                assert_int_equal(st, ST_END);
                break;
            }
            assert_true(st == ST_NOMEM || st == ST_END);
        }
    }
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_in_any_pieces), cmocka_unit_test(members),
        cmocka_unit_test(cut_at_every_byte),     cmocka_unit_test(damaged),
        cmocka_unit_test(windows_have_a_limit),  cmocka_unit_test(plain_and_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
