/* The JSON and CSV writers: what hostile text becomes. */
#include "unit.h"

#include "base/csvwrite.h"
#include "base/jsonwrite.h"

static void json_escapes_what_must_be(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jsonw w = jsonw_to(&b);
    json_begin_object(&w);
    json_put_slice(&w, "a", slice_of("q\"\\\x01\xff\n", 6));
    json_put_str(&w, "b", NULL);
    json_key(&w, "c");
    json_begin_array(&w);
    json_int(&w, -5);
    json_bool(&w, true);
    json_end_array(&w);
    json_end_object(&w);
    assert_string_equal(buf_text(&b), "{\"a\":\"q\\\"\\\\\\u0001\xef\xbf\xbd\\n\",\"b\":null,"
                                      "\"c\":[-5,true]}");
    buf_done(&b);
}

/* Whoever looks at a log in a terminal sees the text, and nothing happens. */
static void json_moves_no_terminal(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    struct jsonw w = jsonw_to(&b);
    json_text(
        &w,
        SLICE_LIT("\x7f\xc2\x80\xc2\x9b\xc2\xa0\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xe6\xad\xa3"));
    assert_string_equal(buf_text(&b),
                        "\"\\u007f\\u0080\\u009b\xc2\xa0\\u202e\\u2066\\u2028\xe6\xad\xa3\"");
    buf_done(&b);
}

static void csv_neutralises_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"=1+1", "'=1+1"},
        {"+81-3", "'+81-3"},
        {"-12.5", "-12.5"},
        {"@cmd", "'@cmd"},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"\tx", "'\tx"},
        {"＝1", "'＝1"},
        {"-", "'-"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 256);
        struct csvw w = {&b, ',', true, false};
        csv_field(&w, slice_str(cases[i].in));
        assert_string_equal(buf_text(&b), cases[i].out);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_escapes_what_must_be),
        cmocka_unit_test(json_moves_no_terminal),
        cmocka_unit_test(csv_neutralises_formulas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
