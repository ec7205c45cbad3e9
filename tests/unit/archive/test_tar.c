/* tar: the ways to write names and sizes, what is passed over, damage, and a cut at every byte. */
#include "unit.h"

#include "archive/tar.h"
#include "base/limits.h"
#include "memory_source.h"

/* --- writing */

static void seal(uint8_t block[TAR_BLOCK])
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += block[i];
    (void)snprintf((char *)block + 148, 8, "%06o", sum);
}

struct member {
    const char *name, *prefix, *data, *size; /* size: as it is written; NULL: what data has */
    char type;
};

static void header(const struct member *m, size_t size, uint8_t block[TAR_BLOCK])
{
    memset(block, 0, TAR_BLOCK);
    (void)snprintf((char *)block, 100, "%s", m->name);
    if (m->size)
        memcpy(block + 124, m->size, 12);
    else
        (void)snprintf((char *)block + 124, 12, "%011zo", size);
    block[156] = (uint8_t)m->type;
    (void)snprintf((char *)block + 257, 6, "ustar");
    memset(block + 263, '0', 2);
    if (m->prefix)
        (void)snprintf((char *)block + 345, 155, "%s", m->prefix);
    seal(block);
}

static void add_bytes(struct buf *b, const struct member *m, struct slice data)
{
    uint8_t block[TAR_BLOCK];
    header(m, data.n, block);
    (void)buf_add(b, block, sizeof block);
    (void)buf_add_slice(b, data);
    while (b->n % TAR_BLOCK)
        (void)buf_add_char(b, '\0');
}

static void add(struct buf *b, const struct member *m)
{
    add_bytes(b, m, slice_str(m->data));
}

static void end(struct buf *b)
{
    for (size_t i = 0; i < (size_t)2 * TAR_BLOCK; i++)
        (void)buf_add_char(b, '\0');
}

/* --- reading: "name=data;" of each file, and the status at the end */

static enum status list(struct slice in, size_t piece, struct buf *out, struct err *e)
{
    struct memory m = {in, piece};
    struct stream_source from = {&m, read_memory};
    struct tar t;
    enum status st = OK;
    tar_init(&t, &from);
    while (st == OK && (st = tar_next(&t, e)) == OK) {
        uint8_t bytes[100];
        size_t n = 0;
        (void)buf_addf(out, "%.*s=", (int)t.name.n, (const char *)t.name.p);
        while ((st = tar_read(&t, bytes, sizeof bytes, &n, e)) == OK && n)
            (void)buf_add(out, bytes, n);
        (void)buf_add_char(out, ';');
    }
    tar_done(&t);
    return st;
}

static void forms(void **state)
{
    (void)state;
    struct buf b, out;
    struct err e = {0};
    static const struct member members[] = {
        {"plain", NULL, "one\n", NULL, '0'},
        {"old", NULL, "two\n", NULL, '\0'},
        {"file", "in/a/folder", "three\n", NULL, '0'},
        {"contiguous", NULL, "four\n", NULL, '7'},
        {"folder/", NULL, "", NULL, '5'},
        {"link", NULL, "", NULL, '2'},
        {"././@LongLink", NULL, "a/very/long/name", NULL, 'L'},
        {"a/very", NULL, "five\n", NULL, '0'},
        {"pax", NULL, "16 path=pax/\xe5\x90\x8d\n9 size=6\n", NULL, 'x'},
        {"short", NULL, "six..\n", "00000000001", '0'},
        {"global", NULL, "10 path=no\n", NULL, 'g'},
        {"base256", NULL, "seven", "\x80\0\0\0\0\0\0\0\0\0\0\x05", '0'},
        {"spaces", NULL, "eight", "         5 \0", '0'},
        {"empty", NULL, "", NULL, '0'},
    };
    buf_init(&b, MIB(1));
    buf_init(&out, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        add(&b, &members[i]);
    end(&b);
    add(&b, &(struct member){"behind", NULL, "nine", NULL, '0'}); /* tar -A, cat */
    for (size_t piece = 1; piece < 3000; piece = piece * 3 + 1) {
        buf_clear(&out);
        assert_int_equal(list(buf_slice(&b), piece, &out, &e), ST_END);
        assert_string_equal(buf_text(&out),
                            "plain=one\n;old=two\n;in/a/folder/file=three\n;contiguous=four\n;"
                            "a/very/long/name=five\n;pax/\xe5\x90\x8d=six..\n;base256=seven;"
                            "spaces=eight;empty=;behind=nine;");
    }
    buf_done(&b);
    buf_done(&out);
}

static void damaged(void **state)
{
    (void)state;
    static const struct {
        struct member m;
        size_t at; /* byte that is changed afterwards; 0: none */
        enum status want;
    } cases[] = {
        {{"a", NULL, "x", NULL, '0'}, 0, ST_END},
        {{"a", NULL, "x", NULL, '0'}, 1, ST_MALFORMED},          /* the checksum */
        {{"a", NULL, "x", "0000000000z", '0'}, 0, ST_MALFORMED}, /* no number */
        {{"a", NULL, "x", "77777777777", '0'}, 0, ST_MALFORMED}, /* 8 GiB that are not there */
        {{"a", NULL, "x", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", '0'},
         0,
         ST_MALFORMED},
        {{"a", NULL, "x", NULL, 'S'}, 0, ST_UNSUPPORTED}, /* sparse */
        {{"a", NULL, "22 GNU.sparse.major=1\n", NULL, 'x'}, 0, ST_UNSUPPORTED},
        {{"a", NULL, "99999 path=x\n", NULL, 'x'}, 0, ST_END}, /* a record that overruns */
        {{"a", NULL, "0 path=x\n", NULL, 'x'}, 0, ST_END},
        {{"a", NULL, "24 size=999999999999999\n", NULL, 'x'}, 0, ST_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b, out;
        struct err e = {0};
        buf_init(&b, MIB(1));
        buf_init(&out, MIB(1));
        add(&b, &cases[i].m);
        if (cases[i].m.type == 'x')
            add(&b, &(struct member){"b", NULL, "y", NULL, '0'});
        end(&b);
        if (cases[i].at)
            b.p[cases[i].at] ^= 1;
        enum status st = list(buf_slice(&b), 512, &out, &e);
        if (st != cases[i].want)
            fail_msg("case %zu: %d, %s", i, st, buf_text(&out));
        if (st != ST_END)
            assert_true(e.msg[0]);
        buf_done(&b);
        buf_done(&out);
    }
}

/* Only between members, and behind the data of the last one, is a cut no damage: as GNU tar has it.
 */
static void cut_at_every_byte(void **state)
{
    (void)state;
    struct buf b, out;
    buf_init(&b, MIB(1));
    buf_init(&out, MIB(1));
    add(&b, &(struct member){"first", NULL, "0123456789", NULL, '0'});
    add(&b, &(struct member){"././@LongLink", NULL, "the/long/name/of/the/second", NULL, 'L'});
    add(&b, &(struct member){"the", NULL, "abcdefghij", NULL, '0'});
    size_t all = b.n;
    end(&b);
    for (size_t cut = 0; cut <= b.n; cut++) {
        struct err e = {0};
        uint8_t *exact = malloc(cut ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, b.p, cut);
        buf_clear(&out);
        enum status st = list(slice_of(exact, cut), 100, &out, &e);
        free(exact);
        size_t rest = cut % TAR_BLOCK, block = cut / TAR_BLOCK;
        bool padding = (block == 1 || block == 5) && rest >= 10; /* of the data of 10 bytes */
        bool whole = cut == 0 || cut == 2 * (size_t)TAR_BLOCK || (cut >= all && rest == 0);
        /* a long name without its file is the end as well; GNU tar says so, too */
        bool named = cut == 4 * (size_t)TAR_BLOCK;
        if (st != (padding || whole || named ? ST_END : ST_MALFORMED))
            fail_msg("cut at %zu: %d %s", cut, st, e.msg);
        if (cut >= all)
            assert_string_equal(buf_text(&out),
                                "first=0123456789;the/long/name/of/the/second=abcdefghij;");
    }
    buf_done(&b);
    buf_done(&out);
}

/* A name of the longest length is kept, one longer is passed over and the short one stands. */
static void longest_name(void **state)
{
    (void)state;
    for (size_t n = LIMIT_PATH_BYTES - 1; n <= LIMIT_PATH_BYTES + 1; n++) {
        struct buf b, name, out;
        struct err e = {0};
        buf_init(&b, MIB(1));
        buf_init(&name, MIB(1));
        buf_init(&out, MIB(1));
        while (name.n < n)
            (void)buf_add_char(&name, 'n');
        add_bytes(&b, &(struct member){"x", NULL, NULL, NULL, 'L'}, buf_slice(&name));
        add(&b, &(struct member){"short", NULL, "data", NULL, '0'});
        end(&b);
        assert_int_equal(list(buf_slice(&b), 5000, &out, &e), ST_END);
        assert_int_equal(out.n, (n <= LIMIT_PATH_BYTES ? n : 5) + 6);
        buf_done(&b);
        buf_done(&name);
        buf_done(&out);
    }
}

static void sniffed(void **state)
{
    (void)state;
    uint8_t block[TAR_BLOCK];
    header(&(struct member){"a", NULL, NULL, NULL, '0'}, 0, block);
    assert_true(tar_sniff(slice_of(block, sizeof block)));
    assert_false(tar_sniff(slice_of(block, sizeof block - 1)));
    block[5] ^= 1;
    assert_false(tar_sniff(slice_of(block, sizeof block)));
    memset(block, 0, sizeof block);
    assert_false(tar_sniff(slice_of(block, sizeof block)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(damaged),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(longest_name),
        cmocka_unit_test(sniffed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
