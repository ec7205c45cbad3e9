/* The prefilter: every kind finds the same places, and each spelling of an opener is one of them.
 */
#include "unit.h"

#include "hunt/prefilter.h"

#include "base/buf.h"

static const char *const openers[] = {
    "${jndi:x}",
    "$%7Bjndi:x}",
    "%24{jndi:x}",
    "%24%7bjndi",
    "%2524%257B",
    "%252524%25257B",
    "%26dollar;{",
    "%5Cu0024{",
    "%u0024%u007b",
    "%%32%34{",
    "\\u0024\\u007b",
    "\\uu0024{",
    "\\x24\\x7b",
    "\\u{24}{",
    "\\044{",
    "\\44{",
    "\\\\u0024{",
    "\\x5Cu0024{",
    "\\u005cu0024{",
    "\\u0026#36;{",
    "\\u002524%7b",
    "&#36;{",
    "&#036;&#123;",
    "&#x24;{",
    "&dollar;{",
    "&dollar&lcub",
    "&amp;#36;{",
    "&percnt;24{",
    "&bsol;u0024{",
    "$&lcub;",
    "$%7b",
    "$\\u007B",
    "\\U00000024\\U0000007b",
    "$\\\n{",
    "$\\\r\n\\\n\\u{000000000000007b}",
    "&#00000000000000000000000000000000036;{",
    "&#x000000000000000000000000000000024&#X00000000000000000000000000000000000000007B;",
    "&&#100;&#111;&#108;&#108;&#97;&#82;{",
    "&&num;36;{",
    "&%64ollar{",
    "&\\u0064ollar{",
    "&d\\u006fllar{",
    "&d%6fllar;{",
    "&d&#111;llar;{",
    "&d\\\nollar;{",
    "&do\\154lar;{",
    "&&amp;#100;ollar;{",
    "JHtqbmRpOmxkYXA6",
    "AiR7am5kaTpsZGFw",
    "AAAke2puZGk6bGRhcDo",
    "H4sIAAAAAAAC/w",
    "eB+LCAAAAAAAAv8",
    "eB-LCIAAAAAAAv8",
    "eHkfiwgAAAAAAAL_",
    "JTI0JTdCam5kaTp4",
    "JTI1MjQlMjU3Qmpu",
};

static void spellings_are_found(void **state)
{
    (void)state;
    static const enum prefilter_kind kinds[] = {PREFILTER_SCALAR, PREFILTER_SSSE3, PREFILTER_AVX2,
                                                PREFILTER_AVX512};
    struct buf line;
    buf_init(&line, 4096);
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        for (size_t before = 0; before < 70; before++) {
            buf_clear(&line);
            for (size_t k = 0; k < before; k++)
                (void)buf_add_char(&line, k % 7 == 3 ? '\n' : ' ');
            (void)buf_add_str(&line, openers[i]);
            (void)buf_add_str(&line, " and what stands behind, long enough for a vector of bytes");
            for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
                struct prefilter f;
                struct prefilter_block block = {0};
                uint64_t lines = 0;
                if (!prefilter_init_as(&f, kinds[kind]))
                    continue;
                struct slice s = buf_slice(&line);
                size_t at = prefilter_next(&f, s, 0, &lines, &block);
                assert_int_equal(prefilter_first(&f, s, 0), at);
                while (at < s.n && !opener_at(s, at))
                    at = prefilter_next(&f, s, at + 1, &lines, &block);
                if (at == s.n || at < before)
                    fail_msg("%s behind %zu bytes, %s: found at %zu", openers[i], before,
                             prefilter_kind_name(f.kind), at);
                assert_int_equal(lines, (before + 3) / 7);
            }
        }
    }
    buf_done(&line);
}

/* Random bytes out of those that openers are made of: all kinds agree on places and lines. */
static void kinds_agree(void **state)
{
    (void)state;
    static const char alphabet[] = "$%\\&{25u0xJHtR7keyz \na#4";
    struct prefilter scalar, wide;
    uint8_t bytes[600];
    uint32_t seed = 1;
    assert_true(prefilter_init_as(&scalar, PREFILTER_SCALAR));
    for (int round = 0; round < 2000; round++) {
        size_t n = (seed >> 8) % sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = seed >> 31 ? (uint8_t)(seed >> 16)
                                  : (uint8_t)alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        for (int kind = PREFILTER_SSSE3; kind <= PREFILTER_AVX512; kind++) {
            uint64_t lines = 0, want_lines = 0;
            struct slice s = slice_of(bytes, n);
            struct prefilter_block block = {0}, none = {0};
            if (!prefilter_init_as(&wide, (enum prefilter_kind)kind))
                continue;
            for (size_t at = 0; at < n; at++) {
                size_t want = prefilter_next(&scalar, s, at, &want_lines, &none);
                assert_int_equal(prefilter_next(&wide, s, at, &lines, &block), want);
                assert_int_equal(lines, want_lines);
                at = want;
            }
        }
        seed = seed * 1664525u + 1013904223u;
    }
}

/* Names of fields and escapes of JSON begin like openers and are none: nothing is let through, by
 * any kind, wherever in a vector it lies. */
static void fields_and_units_are_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a=1&amount=2&address=3&action=4&page=5&password=6&perPage=7&person=8&description=9&date="
        "1 ",
        "a=1&domain=2&dolphin=3&Amount=4&body=5&bsd=6&last=7&lcd=8&lbs=9&a1=2&p3=4&d0=1&amp;x=2&"
        "amp=",
        "n%5Ba%5D=%E5%B1%B1%e7%94%b0+%2C%2f%40&b=%E6%9D%B1%E4%BA%AC%e3%81%82%20%3D%2A%5D ",
        "{\"name\":\"\\u5c71\\u7530 \\u30a2 \\u00e9\", \"url\":\"https:\\/\\/a.jp\\n\\t\\\"\"} ",
        "佐伯 美帆、よろしくお願いします。名前は ¥1,980 ですか？ ",
    };
    static const enum prefilter_kind kinds[] = {PREFILTER_SCALAR, PREFILTER_SSSE3, PREFILTER_AVX2,
                                                PREFILTER_AVX512};
    struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t before = 0; before < 70; before++) {
            buf_clear(&b);
            for (size_t k = 0; k < before; k++)
                (void)buf_add_char(&b, '-');
            for (size_t k = 0; k < 3; k++)
                (void)buf_add_str(&b, texts[i]);
            for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
                struct prefilter f;
                if (!prefilter_init_as(&f, kinds[kind]))
                    continue;
                size_t at = prefilter_first(&f, buf_slice(&b), 0);
                if (at < b.n)
                    fail_msg("%s: \"%.8s\" is let through", prefilter_kind_name(f.kind), b.p + at);
            }
        }
    }
    buf_done(&b);
}

/* The second look reads nothing past the end, whatever it was about to read. */
static void openers_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        for (size_t n = 1; n <= strlen(openers[i]); n++) {
            uint8_t *exact = malloc(n);
            assert_non_null(exact);
            memcpy(exact, openers[i], n);
            for (size_t at = 0; at < n; at++)
                (void)opener_at(slice_of(exact, n), at);
            free(exact);
        }
    }
}

/* What opener_full finds at a place is found in the piece; and nothing is found in harmless ones.
 */
static void pieces_agree(void **state)
{
    (void)state;
    static uint8_t scratch[2][OPENER_ROOM];
    static const char *const harmless[] = {
        "",    "%20%E6%9D%B1",  "\\u003cb\\u003e", "a&amp;b&amp;amp;c",  "%2524",  "\\\\\\\\",
        "$ {", "&dollar;&#12;", "\\u002",          "%%%%25%25%25%25%25", "\\u{24", "&#x;"};
    struct buf piece;
    buf_init(&piece, OPENER_PIECE);
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        if (strchr("JAkHe", openers[i][0]))
            continue; /* base64 */
        for (size_t before = 0; before < 300; before += 37) {
            buf_clear(&piece);
            for (size_t k = 0; k < before; k++)
                (void)buf_add_str(&piece, k % 2 ? "%25" : "\\u00");
            (void)buf_add_char(&piece, ' ');
            (void)buf_add_str(&piece, openers[i]);
            (void)buf_add_str(&piece, "jndi:x}");
            if (!opener_in_piece(buf_slice(&piece), scratch))
                fail_msg("%s behind %zu escapes", openers[i], before);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (opener_in_piece(slice_str(harmless[i]), scratch))
            fail_msg("%s", harmless[i]);
    buf_done(&piece);
}

/* What is known from openers before changes no answer: random digits of which many are openers, at
 * any alignment, broken at random. */
static void memory_changes_nothing(void **state)
{
    (void)state;
    static const char *const pieces[] = {"JHtx", "JHtJ", "Ike3", "AR7",  "JTI1", "JTI0",
                                         "JAB7", "AAkA", "ewAk", "keJH", "A",    "AAAA",
                                         "w6nD", "qqqq", ".",    "JHt9", "fQ==", "R70",
                                         "ke0",  "CR7x", "44GC", "JHvj", "gYLj", "gYJ9"};
    struct buf b;
    uint32_t seed = 1;
    size_t yes = 0, no = 0;
    buf_init(&b, 4096);
    for (int round = 0; round < 3000; round++) {
        struct opener_memory memory = {0};
        buf_clear(&b);
        for (int i = 0; i < 60; i++) {
            seed = seed * 1664525u + 1013904223u;
            (void)buf_add_str(&b, pieces[(seed >> 16) % (round % 2 ? 6 : ARRAY_LEN(pieces))]);
        }
        struct slice s = buf_slice(&b);
        for (size_t at = 0; at < s.n; at++) {
            struct opener_memory none = {0};
            enum opener_answer want = opener_quick(s, at, &none);
            assert_int_equal(opener_quick(s, at, &memory), want);
            yes += want == OPENER_YES;
            no += s.p[at] == 'J' && want == OPENER_NO;
        }
    }
    assert_true(yes > 1000 && no > 1000);
    buf_done(&b);
}

/* Fields of forms begin as names of entities do; a look of some nanoseconds tells them apart. */
static void names_of_fields_are_no_entities(void **state)
{
    static const char *const fields[] = {"&amount=1", "&address=1", "&date=1",
                                         "&price=1",  "&body=1",    "&password=1",
                                         "&book=1",   "&am",        "&"};
    static const char *const names[] = {"&amp;#36;&lbrace;", "&AMP;dollar;{", "&dollar;{",
                                        "&percnt;24{",       "&bsol;u0024{",  "&a&#109;p;#36;{"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct opener_memory memory = {0};
        assert_int_equal(opener_quick(slice_str(fields[i]), 0, &memory), OPENER_NO);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(opener_at(slice_str(names[i]), 0));
}

/* Of all characters written \uXXXX, those that an opener can begin with are places, in either case
 * and on every processor; what ordinary text is full of is none. */
static void only_signs_are_units(void **state)
{
    struct prefilter f;
    (void)state;
    for (int kind = PREFILTER_SCALAR; kind <= PREFILTER_AVX512; kind++) {
        if (!prefilter_init_as(&f, (enum prefilter_kind)kind))
            continue;
        for (unsigned v = 0; v < 0x10000; v++) {
            char text[40];
            uint64_t lines = 0;
            struct prefilter_block block = {0};
            if (v % 3)
                (void)snprintf(text, sizeof text, "name: \\u%04x{jndi:x}", v);
            else
                (void)snprintf(text, sizeof text, "name: \\U%04X{jndi:x}", v);
            struct slice s = slice_str(text);
            size_t at = prefilter_next(&f, s, 0, &lines, &block);
            if (v == '$')
                assert_true(opener_at(s, 6));
            if (v == '$' || v == '%' || v == '&' || v == '\\')
                assert_int_equal(at, 6);
            else if (v >> 4 != 2 && v >> 4 != 5 && (v % 3 || v >> 4)) /* \U has eight digits */
                assert_int_equal(at, s.n);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_are_found),
        cmocka_unit_test(fields_and_units_are_passed_over),
        cmocka_unit_test(kinds_agree),
        cmocka_unit_test(openers_cut_anywhere),
        cmocka_unit_test(pieces_agree),
        cmocka_unit_test(only_signs_are_units),
        cmocka_unit_test(memory_changes_nothing),
        cmocka_unit_test(names_of_fields_are_no_entities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
