/* Class files, manifests and pom.properties. */
#include "base/limits.h"
#include "java/classfile.h"
#include "java/text.h"
#include "unit.h"
#include "zipmake.h"

static void test_class(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "", "three with spaces"};
    struct buf b;
    struct class_file c;
    buf_init(&b, KIB(4));
    zipmake_class(&b, "org/example/Thing", texts, ARRAY_LEN(texts));
    assert_ok(class_open(buf_slice(&b), &c));
    assert_slice_equal(c.name, "org/example/Thing");
    assert_slice_equal(class_base_name(&c), "Thing");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_true(class_has_text(&c, slice_str(texts[i])));
    /* only a whole constant counts */
    assert_false(class_has_text(&c, slice_str("three")));
    assert_false(class_has_text(&c, slice_str("on")));
    assert_false(class_has_text(&c, slice_str("one\1")));
    /* cut anywhere in what is read: pool, flags, this_class */
    for (size_t n = 0; n < b.n - 10; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, b.p, n);
        assert_int_equal(class_open(slice_of(copy, n), &c), ST_MALFORMED);
        free(copy);
    }
    for (size_t at = 0; at < b.n; at++) {
        b.p[at] ^= 0xff;
        if (class_open(buf_slice(&b), &c) == OK)
            (void)class_has_text(&c, slice_str("one"));
        b.p[at] ^= 0xff;
    }
    buf_done(&b);
}

static void test_class_hostile(void **state)
{
    (void)state;
    static const struct slice cases[] = {
        SLICE_LIT(""),
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\0"),               /* no constants, not even one */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\1\0\0\0\0"),       /* this_class 0 */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\2\2\0\0\0\0\0\1"), /* tag 2 is none */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\2\x15\0\0\0\0\0\1"), /* tag 21 is none */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\2\7\0\1\0\0\0\1"),   /* named by itself */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\0\2\7\xff\xff\0\0\0\1"),
        SLICE_LIT(
            "\xca\xfe\xba\xbe\0\0\0\x34\0\2\5\0\0\0\0\0\0\0\0\0\0\0\1"), /* a long is no class */
        SLICE_LIT("\xca\xfe\xba\xbe\0\0\0\x34\xff\xff\1\xff\xff"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct class_file c;
        assert_int_equal(class_open(cases[i], &c), ST_MALFORMED);
    }
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *folder, *base; /* base NULL: no class */
    } cases[] = {
        {"a/b/Thing.class", "a/b", "Thing"},
        {"Thing.class", "", "Thing"},
        {"inst/Thing.classdata", "inst", "Thing"},
        {"inst/Thing.esclazz", "inst", "Thing"},
        {"x/Thing.SCL.lombok", "x", "Thing"},
        {"a/Thing$1.class", "a", "Thing$1"},
        {"a/Thing.class.bak", NULL, NULL},
        {"a/Thing.bak", NULL, NULL},
        {"a/Thing.OLD", NULL, NULL},
        {"a/Thing.java", NULL, NULL},
        {"a/Thing", NULL, NULL},
        {"a/.class", NULL, NULL},
        {"a/Thing.", NULL, NULL},
        {"a/", NULL, NULL},
        {"", NULL, NULL},
        {"a/Thing.averylongendingindeed", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice folder = {0}, base = {0};
        assert_int_equal(class_path_split(slice_str(cases[i].path), &folder, &base),
                         cases[i].base != NULL);
        if (cases[i].base) {
            assert_slice_equal(folder, cases[i].folder);
            assert_slice_equal(base, cases[i].base);
        }
    }
}

static void test_properties(void **state)
{
    (void)state;
    struct slice rest =
        slice_str("#comment\n! too\r\n\nversion=2.14.1\r\n  groupId : org.example  \n"
                  "no separator\nempty=\nlast=x=y");
    static const char *const want[][2] = {
        {"version", "2.14.1"}, {"groupId", "org.example"}, {"empty", ""}, {"last", "x=y"}};
    struct slice key, value;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(properties_next(&rest, &key, &value));
        assert_slice_equal(key, want[i][0]);
        assert_slice_equal(value, want[i][1]);
    }
    assert_false(properties_next(&rest, &key, &value));
}

static void test_manifest(void **state)
{
    (void)state;
    static const char text[] = "Manifest-Version: 1.0\r\n"
                               "Bundle-SymbolicName: org.exam\r\n ple.th\r\n ing\r\n"
                               "IMPLEMENTATION-version:2.1\n"
                               "Empty: \n"
                               "\n"
                               "Name: other\n"
                               "Specification-Version: 9\n";
    struct buf v;
    buf_init(&v, 40);
    assert_true(manifest_get(slice_str(text), "Bundle-SymbolicName", &v));
    assert_string_equal(buf_text(&v), "org.example.thing");
    assert_true(manifest_get(slice_str(text), "Implementation-Version", &v));
    assert_string_equal(buf_text(&v), "2.1");
    assert_true(manifest_get(slice_str(text), "Empty", &v));
    assert_string_equal(buf_text(&v), "");
    assert_false(manifest_get(slice_str(text), "Specification-Version", &v));
    assert_false(manifest_get(slice_str(text), "Bundle", &v));
    assert_false(manifest_get(slice_str(""), "Bundle", &v));
    assert_false(manifest_get(slice_str(" folded\n nothing\n"), "Bundle", &v));
    assert_true(manifest_get(slice_str("Bundle: x"), "Bundle", &v));
    assert_string_equal(buf_text(&v), "x");
    buf_done(&v);
    buf_init(&v, 4); /* a value longer than there is room for is cut */
    assert_true(manifest_get(slice_str("K: abc\n def\n ghi\n"), "K", &v));
    assert_string_equal(buf_text(&v), "abcd");
    buf_done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class), cmocka_unit_test(test_class_hostile),
        cmocka_unit_test(test_paths), cmocka_unit_test(test_properties),
        cmocka_unit_test(test_manifest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
