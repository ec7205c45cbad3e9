/* Schemas of the API: what is read, what is refused and where, what is written and described. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/api/schema.h"
#include "failalloc.h"

static const char *const words[] = {"one", "two", "", NULL};

struct item {
    int64_t n;
    struct slice text;
};
static const struct api_field item_fields[] = {
    API_ROW(struct item, n, "n", API_INT, .flags = API_NEED, .min = -5, .max = 5),
    API_ROW(struct item, text, "text", API_TEXT),
    {0},
};
static const struct api_schema item_schema = {"Item", sizeof(struct item), item_fields, NULL};

struct thing {
    struct slice text, word, lines, json;
    int64_t number, id, flag, known, time, bits;
    bool yes;
    struct api_ids ids;
    struct api_list list;
    const struct item *object;
};
static const struct api_field thing_fields[] = {
    API_ROW(struct thing, text, "text", API_TEXT, .flags = API_NEED, .min = 1, .max = 8),
    API_ROW(struct thing, word, "word", API_WORD, .words = words),
    API_ROW(struct thing, number, "number", API_INT, .min = 0, .max = 10),
    API_ROW(struct thing, id, "id", API_ID, .flags = API_NULL),
    API_ROW(struct thing, yes, "yes", API_BOOL),
    API_ROW(struct thing, flag, "flag", API_FLAG),
    API_ROW(struct thing, known, "known", API_KNOWN, .flags = API_NULL),
    API_ROW(struct thing, time, "time", API_TIME, .flags = API_NULL),
    API_ROW(struct thing, lines, "lines", API_LINES, .max = 10),
    API_ROW(struct thing, bits, "bits", API_BITS, .words = words),
    API_ROW(struct thing, ids, "ids", API_IDS, .min = 1, .max = 3),
    API_ROW(struct thing, list, "list", API_LIST, .of = &item_schema, .max = 2),
    API_ROW(struct thing, object, "a/b~c", API_OBJECT, .flags = API_NULL, .of = &item_schema),
    {0},
};
static const struct api_schema thing_schema = {"Thing", sizeof(struct thing), thing_fields,
                                               "a thing"};

static enum status read_text(const char *json, struct arena *a, struct thing *t, uint64_t *given,
                             struct api_faults *f)
{
    json_t *v = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(v);
    *t = (struct thing){0};
    *f = (struct api_faults){.a = a};
    enum status s = api_read_json(&thing_schema, v, t, given, f);
    /* written while the value is there: texts are borrowed from it */
    if (s == OK) {
        json_t *again = api_write(&thing_schema, t);
        char *text = again ? json_dumps(again, JSON_COMPACT) : NULL;
        if (text && arena_copy(a, slice_str(text), &t->json) != OK)
            s = ST_NOMEM;
        if (!text)
            s = ST_NOMEM;
        free(text);
        json_decref(again);
    }
    json_decref(v);
    return s;
}

static void test_what_is_read_is_written(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"text\":\"a\"}",
         "{\"text\":\"a\",\"word\":\"\",\"number\":0,\"id\":null,\"yes\":false,\"flag\":false,"
         "\"known\":null,\"time\":null,\"lines\":[],\"bits\":[],\"ids\":[],\"list\":[],"
         "\"a/b~c\":null}"},
        {"{\"text\":\"12345678\",\"word\":\"two\",\"number\":10,\"id\":1,\"yes\":true,\"flag\":"
         "true,"
         "\"known\":false,\"time\":\"2021-12-10T18:00:00+09:00\",\"lines\":[\"a\",\"\",\"b c\"],"
         "\"bits\":[\"two\",\"one\",\"two\"],\"ids\":[3,1],\"list\":[{\"n\":-5},{\"n\":5,\"text\":"
         "\"\\u98df\\n\"}],\"a/b~c\":{\"n\":0}}",
         "{\"text\":\"12345678\",\"word\":\"two\",\"number\":10,\"id\":1,\"yes\":true,\"flag\":"
         "true,"
         "\"known\":false,\"time\":\"2021-12-10T09:00:00.000Z\",\"lines\":[\"a\",\"b c\"],"
         "\"bits\":[\"one\",\"two\"],\"ids\":[3,1],\"list\":[{\"n\":-5,\"text\":\"\"},{\"n\":5,"
         "\"text\":\"食\\n\"}],\"a/b~c\":{\"n\":0,\"text\":\"\"}}"},
        {"{\"text\":\"a\",\"known\":true,\"id\":null,\"time\":null,\"a/b~c\":null}",
         "{\"text\":\"a\",\"word\":\"\",\"number\":0,\"id\":null,\"yes\":false,\"flag\":false,"
         "\"known\":true,\"time\":null,\"lines\":[],\"bits\":[],\"ids\":[],\"list\":[],"
         "\"a/b~c\":null}"},
    };
    struct arena a;
    struct thing t;
    struct api_faults f;
    uint64_t given = 0;
    (void)state;
    arena_init(&a, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum status s = read_text(cases[i].in, &a, &t, &given, &f);
        if (s != OK)
            fail_msg("case %zu: %s: %s", i, f.count ? f.list[0].at : "?",
                     f.count ? f.list[0].detail : "?");
        assert_slice_equal(t.json, cases[i].out);
    }
    assert_int_equal(given, 1u | 1u << 3 | 1u << 6 | 1u << 7 | 1u << 12);
    arena_done(&a);
}

static void test_faults(void **state)
{
    /* faults as "pointer word;": what stands at the pointer, and a word of the sentence */
    static const struct {
        const char *in, *at[3];
    } cases[] = {
        {"{}", {"/text"}},
        {"{\"text\":\"\"}", {"/text"}},
        {"{\"text\":\"123456789\"}", {"/text"}},
        {"{\"text\":\"\\u0001\"}", {"/text"}},
        {"{\"text\":\"\\u007f\"}", {"/text"}},
        {"{\"text\":null}", {"/text"}},
        {"{\"text\":5}", {"/text"}},
        {"{\"text\":[\"a\"]}", {"/text"}},
        {"{\"text\":{}}", {"/text"}},
        {"{\"text\":true}", {"/text"}},
        {"{\"text\":\"a\",\"tex\":1}", {"/tex"}},
        {"{\"text\":\"a\",\"x/~y\":1}", {"/x~1~0y"}},
        {"{\"text\":\"a\",\"word\":\"three\"}", {"/word"}},
        {"{\"text\":\"a\",\"word\":\"One\"}", {"/word"}},
        {"{\"text\":\"a\",\"word\":1}", {"/word"}},
        {"{\"text\":\"a\",\"number\":-1}", {"/number"}},
        {"{\"text\":\"a\",\"number\":11}", {"/number"}},
        {"{\"text\":\"a\",\"number\":1.0}", {"/number"}},
        {"{\"text\":\"a\",\"number\":\"1\"}", {"/number"}},
        {"{\"text\":\"a\",\"number\":null}", {"/number"}},
        {"{\"text\":\"a\",\"id\":0}", {"/id"}},
        {"{\"text\":\"a\",\"id\":-1}", {"/id"}},
        {"{\"text\":\"a\",\"yes\":1}", {"/yes"}},
        {"{\"text\":\"a\",\"yes\":\"true\"}", {"/yes"}},
        {"{\"text\":\"a\",\"flag\":null}", {"/flag"}},
        {"{\"text\":\"a\",\"known\":0}", {"/known"}},
        {"{\"text\":\"a\",\"time\":0}", {"/time"}},
        {"{\"text\":\"a\",\"time\":\"2021-12-10\"}", {"/time"}},
        {"{\"text\":\"a\",\"time\":\"2021-13-10T00:00:00Z\"}", {"/time"}},
        {"{\"text\":\"a\",\"time\":\"1969-12-31T00:00:00Z\"}", {"/time"}},
        {"{\"text\":\"a\",\"lines\":\"a\"}", {"/lines"}},
        {"{\"text\":\"a\",\"lines\":[1,\"a\\nb\"]}", {"/lines/0", "/lines/1"}},
        {"{\"text\":\"a\",\"lines\":[\"12345678901\"]}", {"/lines"}},
        {"{\"text\":\"a\",\"bits\":[\"one\",\"x\",2]}", {"/bits/1", "/bits/2"}},
        {"{\"text\":\"a\",\"ids\":[]}", {"/ids"}},
        {"{\"text\":\"a\",\"ids\":[1,2,3,4]}", {"/ids"}},
        {"{\"text\":\"a\",\"ids\":[1,0,\"3\"]}", {"/ids/1", "/ids/2"}},
        {"{\"text\":\"a\",\"list\":[{\"n\":1},{\"n\":1},{\"n\":1}]}", {"/list"}},
        {"{\"text\":\"a\",\"list\":[{\"n\":6,\"m\":1},{}]}",
         {"/list/0/n", "/list/0/m", "/list/1/n"}},
        {"{\"text\":\"a\",\"list\":[[]]}", {"/list/0"}},
        {"{\"text\":\"a\",\"a/b~c\":{\"n\":\"x\"}}", {"/a~1b~0c/n"}},
        {"{\"text\":\"a\",\"a/b~c\":[]}", {"/a~1b~0c"}},
        {"{\"number\":-1,\"yes\":0}", {"/number", "/yes", "/text"}},
    };
    struct arena a;
    struct thing t;
    struct api_faults f;
    uint64_t given = 0;
    (void)state;
    arena_init(&a, MIB(4));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(read_text(cases[i].in, &a, &t, &given, &f), ST_INVALID);
        size_t n = 0;
        for (; n < ARRAY_LEN(cases[i].at) && cases[i].at[n]; n++) {
            if (n >= f.count || strcmp(f.list[n].at, cases[i].at[n]) != 0)
                fail_msg("%s: fault %zu stands at %s", cases[i].in, n,
                         n < f.count ? f.list[n].at : "no place");
            assert_true(strlen(f.list[n].detail) > 5);
            assert_false(f.list[n].parameter);
        }
        assert_int_equal(f.count, n);
        assert_false(f.more);
    }
    arena_done(&a);
}

/* Many faults: the first ones are kept, and no more work is done than that. */
static void test_many_faults(void **state)
{
    struct arena a;
    struct thing t;
    struct api_faults f;
    struct buf b;
    uint64_t given = 0;
    (void)state;
    arena_init(&a, MIB(1));
    for (int n = API_FAULTS - 1; n <= API_FAULTS + 1; n++) {
        buf_init(&b, MIB(1));
        (void)buf_add_str(&b, "{\"text\":\"a\"");
        for (int i = 0; i < n; i++)
            (void)buf_addf(&b, ",\"unknown%d\":1", i);
        (void)buf_add_str(&b, "}");
        assert_int_equal(read_text(buf_text(&b), &a, &t, &given, &f), ST_INVALID);
        assert_int_equal(f.count, n < API_FAULTS ? n : API_FAULTS);
        assert_int_equal(f.more, n > API_FAULTS);
        buf_done(&b);
    }
    arena_done(&a);
}

/* What was typed stands in a sentence so that it disturbs no terminal. */
static void test_faults_are_harmless(void **state)
{
    struct arena a;
    struct thing t;
    struct api_faults f;
    uint64_t given = 0;
    (void)state;
    arena_init(&a, MIB(1));
    assert_int_equal(
        read_text("{\"text\":\"a\",\"word\":\"\\u001b[2J\\u202e\"}", &a, &t, &given, &f),
        ST_INVALID);
    assert_null(strchr(f.list[0].detail, 0x1b));
    assert_non_null(strstr(f.list[0].detail, "\\x1b[2J\\u202e"));
    arena_done(&a);
}

static enum status read_pairs(const char *query, struct arena *a, struct thing *t, uint64_t *given,
                              struct api_faults *f)
{
    struct api_pair pairs[16];
    size_t n = 0;
    struct slice rest = slice_str(query);
    struct slice part;
    while (rest.n && slice_next_field(&rest, '&', &part)) {
        size_t at = slice_index(part, '=');
        pairs[n++] = (struct api_pair){slice_sub(part, 0, at), slice_sub(part, at + 1, part.n)};
    }
    *t = (struct thing){0};
    *f = (struct api_faults){.a = a, .parameters = true};
    return api_read_pairs(&thing_schema, pairs, n, t, given, f);
}

static void test_pairs(void **state)
{
    struct arena a;
    struct thing t;
    struct api_faults f;
    uint64_t given = 0;
    (void)state;
    arena_init(&a, MIB(1));
    assert_ok(read_pairs("text=a&word=&number=3&id=7&yes=true&flag=1&known=0&bits=one,two&ids=1,2"
                         "&ids=3&time=2021-12-10T09:00:00Z&lines=a&lines=b",
                         &a, &t, &given, &f));
    assert_slice_equal(t.text, "a");
    assert_non_null(t.word.p); /* the empty word was asked for */
    assert_int_equal(t.number, 3);
    assert_int_equal(t.id, 7);
    assert_true(t.yes);
    assert_int_equal(t.flag, 1);
    assert_int_equal(t.known, 2);
    assert_int_equal(t.bits, 3);
    assert_int_equal(t.ids.count, 3);
    assert_int_equal(t.ids.v[0] + 10 * t.ids.v[1] + 100 * t.ids.v[2], 321);
    assert_int_equal(t.time, 1639126800000);
    assert_slice_equal(t.lines, "a\nb");
    assert_ok(read_pairs("text=a&number=", &a, &t, &given, &f)); /* as an empty field of a form */
    assert_int_equal(given, 1);
    assert_null(t.word.p);
    static const struct {
        const char *query, *at;
    } bad[] = {
        {"", "text"},
        {"text=a&text=b", "text"},
        {"text=a&nope=1", "nope"},
        {"text=a&number=x", "number"},
        {"text=a&number=99999999999999999999", "number"},
        {"text=a&number=11", "number"},
        {"text=a&yes=maybe", "yes"},
        {"text=a&word=x", "word"},
        {"text=a&bits=one,x", "bits"},
        {"text=a&ids=1,x", "ids"},
        {"text=a&ids=1,2,3,4", "ids"},
        {"text=a&ids=0", "ids"},
        {"text=a&time=now", "time"},
        {"text=a&list=[]", "list"},
        {"text=123456789", "text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (read_pairs(bad[i].query, &a, &t, &given, &f) != ST_INVALID)
            fail_msg("%s was taken", bad[i].query);
        assert_int_equal(f.count, 1);
        assert_string_equal(f.list[0].at, bad[i].at);
        assert_true(f.list[0].parameter);
    }
    arena_done(&a);
}

/* Every field has a description; all of an answer's are there; a body's needed ones are. */
static void test_description(void **state)
{
    (void)state;
    json_t *body = api_describe(&thing_schema, false);
    json_t *answer = api_describe(&thing_schema, true);
    assert_int_equal(json_object_size(json_object_get(body, "properties")), 13);
    assert_int_equal(json_array_size(json_object_get(body, "required")), 1);
    assert_int_equal(json_array_size(json_object_get(answer, "required")), 13);
    assert_true(json_is_false(json_object_get(body, "additionalProperties")));
    json_t *text = json_object_get(json_object_get(body, "properties"), "text");
    assert_int_equal(json_integer_value(json_object_get(text, "maxLength")), 8);
    assert_int_equal(json_integer_value(json_object_get(text, "minLength")), 1);
    json_decref(body);
    json_decref(answer);
}

/* Wherever memory runs out, the status says so, and nothing leaks (sanitizers see to that). */
static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct arena a;
        struct thing t = {0};
        struct api_faults f = {.a = &a};
        uint64_t given = 0;
        json_t *v = json_loads("{\"text\":\"a\",\"lines\":[\"b\"],\"ids\":[1],\"list\":[{\"n\":1}],"
                               "\"a/b~c\":{\"n\":2}}",
                               0, NULL);
        arena_init(&a, MIB(1));
        failalloc_at(n);
        enum status s = api_read_json(&thing_schema, v, &t, &given, &f);
        bool hit = failalloc_hit();
        if (hit)
            assert_int_equal(s, ST_NOMEM);
        else
            assert_ok(s);
        arena_done(&a);
        json_decref(v);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read_is_written),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_many_faults),
        cmocka_unit_test(test_faults_are_harmless),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
