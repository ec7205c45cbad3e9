/* The rules of the edge: reading, its errors, and what finished rules answer. */
#include "unit.h"

#include "base/file.h"
#include "base/timefmt.h"
#include "failalloc.h"
#include "guard/rules_int.h"

#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

#define HEAD "hikeshi-rules 1\nversion 14 2021-12-14T09:00:00Z\n"

static struct guard_rules *parse(const char *text)
{
    struct guard_rules *r = NULL;
    struct err e = {0};
    if (guard_rules_parse(slice_str(text), &r, &e) != OK)
        fail_msg("%s", e.msg);
    return r;
}

/* The rules under the head, which has two lines. */
static struct guard_rules *rules(const char *lines)
{
    struct buf b;
    buf_init(&b, MIB(1));
    assert_ok(buf_addf(&b, HEAD "%s", lines));
    struct guard_rules *r = parse(buf_text(&b));
    buf_done(&b);
    return r;
}

static void refuse(const char *text, size_t n, const char *want)
{
    struct guard_rules *r = NULL;
    struct err e = {0};
    if (guard_rules_parse(slice_of(text, n), &r, &e) == OK)
        fail_msg("accepted: %s", text);
    if (strncmp(e.msg, want, strlen(want)) != 0)
        fail_msg("%s\nwanted: %s\ngot: %s", text, want, e.msg);
    assert_null(r);
}

static const struct {
    const char *lines, *want;
} wrong_lines[] = {
    {"sites a block", "line 3: sites: no rule; there are version, site, allow,"},
    {"version 15 2021-12-14T09:00:00Z", "line 3: a second version: a file has one"},
    {"site a.example", "line 3: write it as: site HOST off|report|block"},
    {"site a.example blok", "line 3: blok: choose one of off, report, block"},
    {"site a.example:80 block", "line 3: a.example:80: ports do not count here"},
    {"site a..example block", "line 3: a..example: no host name: between its dots"},
    {"site a*.example block", "line 3: a*.example: no host name: allowed are letters"},
    {"site *. block", "line 3: *.: a host name has 1 to 253 characters"},
    {"site 例え.example block", "line 3: 例え.example: write the name's ASCII form (xn--"},
    {"site a block\n\nsite A. off", "line 5: a stands on line 3 already"},
    {"site *.a block\nsite *.a off", "line 4: *.a stands on line 3 already"},
    {"site * block\nsite * off", "line 4: * stands on line 3 already"},
    {"allow clients 10.0.0.0/8", "line 3: clients: choose one of client, callback"},
    {"allow client 10.0.0.0/33", "line 3: 10.0.0.0/33: the prefix length is 0 to 32"},
    {"allow client 2001:db8::/129", "line 3: 2001:db8::/129: the prefix length is 0 to 128"},
    {"allow client 10.0.0.0/", "line 3: 10.0.0.0/: the prefix length is 0 to 32"},
    {"allow client 10.0.0.0/08x", "line 3: 10.0.0.0/08x: the prefix length is 0 to 32"},
    {"allow client 10.1.2.3/8", "line 3: 10.1.2.3/8: has bits behind its prefix: write 10.0.0.0/8"},
    {"allow client 2001:db8::1/32", "line 3: 2001:db8::1/32: has bits behind its prefix: write "
                                    "2001:db8::/32"},
    {"allow client 10.0.0", "line 3: 10.0.0: no address: write 203.0.113.7"},
    {"allow client host.example", "line 3: host.example: no address"},
    {"allow client /8", "line 3: /8: no address"},
    {"allow client 10.0.0.0/8\ndeny client 10.0.0.0/8", "line 4: 10.0.0.0/8 stands on line 3"},
    {"allow client ::ffff:10.0.0.0/104\ndeny client 10.0.0.0/8", "line 4: 10.0.0.0/8 stands on"},
    {"deny callback 10.0.0.256", "line 3: 10.0.0.256: no IPv4 address: write four numbers"},
    {"deny callback 10.0.0.1/40", "line 3: 10.0.0.1/40: the prefix length is 0 to 32"},
    {"deny callback evil.example/24", "line 3: evil.example/24: no address"},
    {"except", "line 3: write it as: except FIELD"},
    {"except argh:q", "line 3: no such field; there are method, uri, arg:"},
    {"except arg:", "line 3: a field of this kind needs a name"},
    {"except arg:q field=uri", "line 3: field=uri: choose of rule=, method=, path=, site="},
    {"except arg:q path", "line 3: path: choose of rule=, method=, path=, site="},
    {"except arg:q rule=SIG-9", "line 3: rule=SIG-9: no patch or signature has this id"},
    {"except arg:q rule=", "line 3: rule=: no patch or signature has this id"},
    {"except arg:q rule=a rule=b", "line 3: a second rule="},
    {"patch A rule=B pattern=x",
     "line 3: rule=B: choose of field=, method=, path=, site=, pattern="},
    {"except arg:q path=a", "line 3: path=a: a path begins with /"},
    {"except arg:q path=/a?b", "line 3: path=/a?b: the query is no part of a path"},
    {"except arg:q path=/a%2fb", "line 3: path=/a%2fb: paths are compared decoded: write the "
                                 "character itself instead of %2f"},
    {"except arg:q path=/a/../b", "line 3: path=/a/../b: paths are compared normalised"},
    {"except arg:q path=/a path=/b", "line 3: a second path="},
    {"except arg:q method=get", "line 3: method=get: write methods in capitals"},
    {"except arg:q method=GET,", "line 3: method=GET,: write methods in capitals"},
    {"except arg:q site=a:1", "line 3: a:1: ports do not count here"},
    {"patch P-1 method=GET", "line 3: pattern= is missing"},
    {"patch P/1 pattern=a", "line 3: P/1: an id is of letters, digits"},
    {"patch P-1 pattern=a\nsignature P-1 b", "line 4: the id P-1 stands on line 3 already"},
    {"patch P-1 pattern=a where=b", "line 3: where=b: choose of field=, method=, path=, site="},
    {"patch P-1 pattern=\"a", "line 3: the quote that opens at byte 19 does not close"},
    {"patch P-1 pattern=\"a\"b", "line 3: byte 22: behind a closing quote stands a space"},
    {"patch P-1 pattern=a\"b\"", "line 3: byte 20: a quote begins a word"},
    {"patch P-1 pattern=", "line 3: the expression is empty"},
    {"signature S (a", "line 3: a group is not closed"},
    {"signature S a)", "line 3: a ) closes no group"},
    {"signature S a*", "line 3: the expression matches every text"},
    {"site a off\nsignature S (a)\\1", "line 4: the expression cannot be matched in linear time, "
                                       "or is none: Back-references are unsupported."},
    {"signature S (?=a)b", "line 3: the expression cannot be matched in linear time"},
    {"signature S (*UTF8)a", "line 3: (*…): matching is of bytes"},
    {"signature S (?x)a", "line 3: (?x): write the expression without blanks"},
    {"signature S \\Qa\\E", "line 3: \\Q and \\E: put a backslash"},
    {"signature S [あ]", "line 3: a class holds the character あ: write (?:…|…) instead"},
    {"signature S あ+", "line 3: a repeat stands behind a character of several bytes"},
    {"signature S a b", "line 3: write it as: signature ID EXPRESSION"},
    {"a b c d e f g h i", "line 3: has more than 8 words"},
    {"checksum md5 0", "line 3: checksum md5: this hikeshi knows sha256"},
    {"checksum sha256 0", "line 3: the checksum is wrong"},
    {"signature S a(\nchecksum sha256 0", "line 3: a group is not closed"},
    {"site a off\nsite a off\nchecksum sha256 0", "line 4: a stands on line 3 already"},
    {"site a\x01 off", "line 3: byte 7 is the control character 0x1: only tabs may stand here"},
    {"site a\xff off", "line 3: byte 7 is no UTF-8"},
    {"# \xc0\x80", "line 3: byte 3 is no UTF-8"},
    {"site a off\rsite b off", "line 3: byte 11 is the control character 0xd"},
};

static const struct {
    const char *text, *want;
} wrong_files[] = {
    {"", "line 1: a file of rules begins with: hikeshi-rules 1"},
    {"# only\n", "line 1: a file of rules begins with: hikeshi-rules 1"},
    {"version 1 2021-12-14T09:00:00Z\n", "line 1: a file of rules begins with"},
    {"\xef\xbb\xbfhikeshi-rules 1\n", "line 1: begins with a byte order mark"},
    {"hikeshi-rules 2\n", "line 1: hikeshi-rules 2: this hikeshi reads format 1"},
    {"hikeshi-rules 1\n", "line 1: the version is missing: version 14 2021"},
    {"hikeshi-rules 1\nsite a off\n", "line 2: the version comes first: version 14 2021"},
    {"hikeshi-rules 1\nversion 0 2021-12-14T09:00:00Z\n", "line 2: version 0: write a number"},
    {"hikeshi-rules 1\nversion 9223372036854775808 2021-12-14T09:00:00Z\n",
     "line 2: version 9223372036854775808: write a number"},
    {"hikeshi-rules 1\nversion 1 2021-02-29T09:00:00Z\n", "line 2: 2021-02-29T09:00:00Z: no time"},
    {"hikeshi-rules 1\nversion 1 2021-12-14\n", "line 2: 2021-12-14: no time: write it like"},
    {"hikeshi-rules 1\nversion 1\n", "line 2: write it as: version 14 2021"},
};

static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_lines); i++) {
        struct buf b;
        buf_init(&b, MIB(1));
        assert_ok(buf_addf(&b, HEAD "%s\n", wrong_lines[i].lines));
        refuse(buf_text(&b), b.n, wrong_lines[i].want);
        buf_done(&b);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong_files); i++)
        refuse(wrong_files[i].text, strlen(wrong_files[i].text), wrong_files[i].want);
    refuse(HEAD "a\0b\n", sizeof HEAD + 3, "line 3: byte 2 is the control character 0x0");
}

static void accepted_forms(void **state)
{
    (void)state;
    struct guard_rules *r =
        parse("# comment first\r\n"
              "  hikeshi-rules\t1 # one\r\n"
              "\r\n"
              "version 14 2021-12-14T18:00:00+09:00\r\n"
              "patch A field=header:X-Y pattern=\"a \\\" \\\\\\\\ \\s # b\" # no\r\n"
              "signature B a=b#c\\.d");
    struct guard_rules_about about = guard_rules_about(r);
    assert_int_equal(about.version, 14);
    assert_int_equal(about.made_ms, 1639472400000);
    assert_string_equal(about.checksum, "");
    assert_int_equal(about.patches, 1);
    assert_int_equal(about.signatures, 1);
    assert_string_equal(r->patterns[0].expression, "a \" \\\\ \\s # b");
    assert_slice_equal(r->patterns[0].where.field.name, "x-y");
    assert_string_equal(r->patterns[LIMIT_GUARD_PATCHES].expression, "a=b#c\\.d");
    guard_rules_unref(r);
    guard_rules_unref(NULL);
}

/* --- lookups */

static void sites(void **state)
{
    (void)state;
    struct guard_rules *r = rules("site shop.example.jp block\nsite *.example.jp report\n"
                                  "site *.dev.example.jp off\nsite a.dev.example.jp block\n");
    static const struct {
        const char *host;
        enum guard_mode want;
    } cases[] = {
        {"shop.example.jp", GUARD_BLOCK},       {"SHOP.Example.JP.:8443", GUARD_BLOCK},
        {"shop.example.jp:80", GUARD_BLOCK},    {"example.jp", GUARD_MODE_UNSET},
        {"other.example.jp", GUARD_REPORT},     {"x.shop.example.jp", GUARD_REPORT},
        {"b.dev.example.jp", GUARD_OFF},        {"a.dev.example.jp..", GUARD_BLOCK},
        {"dev.example.jp", GUARD_REPORT},       {"notexample.jp", GUARD_MODE_UNSET},
        {".example.jp", GUARD_MODE_UNSET},      {"", GUARD_MODE_UNSET},
        {"[2001:db8::1]:80", GUARD_MODE_UNSET},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (guard_rules_mode(r, slice_str(cases[i].host)) != cases[i].want)
            fail_msg("%s: %s", cases[i].host,
                     guard_mode_name(guard_rules_mode(r, slice_str(cases[i].host))));
    guard_rules_unref(r);
    r = rules("site * report\nsite *.b block\n");
    char many[2000];
    memset(many, '.', sizeof many);
    assert_int_equal(guard_rules_mode(r, slice_of(many, sizeof many)), GUARD_REPORT);
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 'a';
    many[sizeof many - 2] = '.';
    many[sizeof many - 1] = 'b';
    assert_int_equal(guard_rules_mode(r, slice_of(many, sizeof many)), GUARD_BLOCK);
    assert_int_equal(guard_rules_mode(r, slice_str("[::1]")), GUARD_REPORT);
    assert_int_equal(guard_rules_mode(r, slice_str("")), GUARD_REPORT);
    guard_rules_unref(r);
}

static enum guard_list client(const struct guard_rules *r, const char *text)
{
    uint8_t a[16];
    size_t n = strchr(text, ':') ? 16 : 4;
    assert_int_equal(inet_pton(n == 4 ? AF_INET : AF_INET6, text, a), 1);
    return guard_rules_client(r, slice_of(a, n));
}

static void clients(void **state)
{
    (void)state;
    struct guard_rules *r =
        rules("deny client 10.0.0.0/8\nallow client 10.1.0.0/16\ndeny client 10.1.2.3\n"
              "allow client 2001:db8::/32\ndeny client 2001:db8:0:1::/64\ndeny client ::/0\n"
              "allow client ::ffff:192.0.2.0/120\n");
    static const struct {
        const char *addr;
        enum guard_list want;
    } cases[] = {
        {"10.9.9.9", GUARD_DENIED},        {"10.1.9.9", GUARD_ALLOWED},
        {"10.1.2.3", GUARD_DENIED},        {"10.1.2.4", GUARD_ALLOWED},
        {"11.0.0.0", GUARD_NOT_LISTED},    {"9.255.255.255", GUARD_NOT_LISTED},
        {"::ffff:10.1.2.3", GUARD_DENIED}, {"::ffff:11.0.0.1", GUARD_NOT_LISTED},
        {"2001:db8::1", GUARD_ALLOWED},    {"2001:db8:0:1::1", GUARD_DENIED},
        {"2001:db9::1", GUARD_DENIED},     {"192.0.2.77", GUARD_ALLOWED},
        {"192.0.3.77", GUARD_NOT_LISTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (client(r, cases[i].addr) != cases[i].want)
            fail_msg("%s: %d", cases[i].addr, client(r, cases[i].addr));
    assert_int_equal(guard_rules_client(r, SLICE_LIT("")), GUARD_NOT_LISTED);
    assert_int_equal(guard_rules_client(r, SLICE_LIT("12345")), GUARD_NOT_LISTED);
    guard_rules_unref(r);
    r = rules("deny client 0.0.0.0/0\nallow client 255.255.255.255\n");
    assert_int_equal(client(r, "1.2.3.4"), GUARD_DENIED);
    assert_int_equal(client(r, "255.255.255.255"), GUARD_ALLOWED);
    assert_int_equal(client(r, "::1"), GUARD_NOT_LISTED);
    guard_rules_unref(r);
}

static void callbacks(void **state)
{
    (void)state;
    struct guard_rules *r = rules(
        "allow callback ldap.corp.example\ndeny callback *.evil.example\n"
        "deny callback 203.0.113.0/24\nallow callback 203.0.113.7\ndeny callback 2001:db8::/32\n");
    static const struct {
        const char *host;
        enum guard_list want;
    } cases[] = {
        {"ldap.corp.example", GUARD_ALLOWED},
        {"a.evil.example", GUARD_DENIED},
        {"${sys:user.name}.x.evil.example", GUARD_DENIED},
        {"evil.example", GUARD_NOT_LISTED},
        {"203.0.113.9", GUARD_DENIED},
        {"203.0.113.7", GUARD_ALLOWED},
        {"203.0.114.7", GUARD_NOT_LISTED},
        {"2001:db8::5", GUARD_DENIED},
        {"::ffff:203.0.113.9", GUARD_DENIED},
        {"", GUARD_NOT_LISTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (guard_rules_callback(r, slice_str(cases[i].host)) != cases[i].want)
            fail_msg("%s", cases[i].host);
    guard_rules_unref(r);
    r = rules("deny callback *\n");
    assert_int_equal(guard_rules_callback(r, SLICE_LIT("10.0.0.1")), GUARD_DENIED);
    assert_int_equal(guard_rules_callback(r, SLICE_LIT("x")), GUARD_DENIED);
    guard_rules_unref(r);
}

static struct guard_field field(enum guard_part part, const char *name)
{
    return (struct guard_field){.part = part, .name = slice_str(name)};
}

static struct guard_scope scope(const struct guard_rules *r, const char *host, const char *method,
                                const char *path)
{
    return guard_rules_scope(r, slice_str(host), slice_str(method), slice_str(path));
}

static void scopes(void **state)
{
    (void)state;
    struct guard_rules *r = rules("except arg:template path=/editor/\n"
                                  "except header:X-* site=*.example method=GET,PUT\n"
                                  "except * path==/health\n");
    struct guard_field f = field(GUARD_ARG, "template");
    struct guard_scope s = scope(r, "a", "GET", "/editor/x");
    assert_true(guard_scope_excepts(&s, &f));
    f.in_name = true; /* the name is what the rule names */
    assert_false(guard_scope_excepts(&s, &f));
    f = field(GUARD_FORM, "template");
    assert_false(guard_scope_excepts(&s, &f));
    f = field(GUARD_ARG, "templates");
    assert_false(guard_scope_excepts(&s, &f));
    s = scope(r, "a", "GET", "/editor");
    assert_false(s.any_exception);
    f = field(GUARD_HEADER, "x-a");
    s = scope(r, "b.EXAMPLE.:8080", "PUT", "/");
    assert_true(guard_scope_excepts(&s, &f));
    s = scope(r, "b.example", "POST", "/");
    assert_false(guard_scope_excepts(&s, &f));
    s = scope(r, "example", "PUT", "/");
    assert_false(guard_scope_excepts(&s, &f));
    s = scope(r, "a", "GET", "/health");
    assert_true(guard_scope_excepts(&s, &f));
    f.in_name = true;
    assert_true(guard_scope_excepts(&s, &f));
    f.in_name = false;
    s = scope(r, "a", "GET", "/health/x");
    assert_false(guard_scope_excepts(&s, &f));
    assert_false(guard_scope_wants(&s, &f));
    guard_rules_unref(r);
    s = scope(NULL, "a", "GET", "/");
    assert_false(s.any_exception || s.parts || s.any_signature || guard_scope_wants(&s, &f));
}

/* Everything between two guard_matcher_begin, cut every `step` bytes. */
static const char *match(struct guard_matcher *m, struct guard_field f, const char *value,
                         size_t step)
{
    const char *found = NULL;
    struct slice rest = slice_str(value);
    guard_matcher_begin(m, &f);
    while (rest.n) {
        const char *now = guard_matcher_piece(m, slice_sub(rest, 0, step));
        assert_true(!now || !found); /* told once */
        found = now ? now : found;
        rest = slice_sub(rest, step, rest.n);
    }
    const char *now = guard_matcher_end(m);
    assert_true(!now || !found);
    return now ? now : found;
}

static void matching(void **state)
{
    (void)state;
    struct guard_rules *r = rules(
        "patch UNION method=POST path=/api/ field=json:/note pattern=\"(?i)union\\s+select\"\n"
        "patch ARGS field=arg:* pattern=\"^admin$\"\n"
        "patch OTHER path=/other/ pattern=union\n"
        "except arg:free\n"
        "signature DOTS \"\\.\\./\\.\\./\"\n"
        "signature NL \"one.two\"\n");
    static const struct {
        enum guard_part part;
        const char *name, *value, *want;
    } cases[] = {
        {GUARD_JSON, "/note", "x UNION  SELECT y", "UNION"},
        {GUARD_JSON, "/notes", "x union select y", NULL},
        {GUARD_FORM, "/note", "x union select y", NULL},
        {GUARD_ARG, "role", "admin", "ARGS"},
        {GUARD_ARG, "role", "xadmin", NULL},
        {GUARD_ARG, "role", "admins", NULL},
        {GUARD_ARG, "role", "a\nadmin", NULL},
        {GUARD_ARG, "free", "admin", NULL},
        {GUARD_ARG, "free", "../../", NULL},
        {GUARD_URI, "", "/a/../../b", "DOTS"},
        {GUARD_BODY, "", "one\ntwo", "NL"},
        {GUARD_BODY, "", "", NULL},
        {GUARD_BODY, "", "..", NULL},
    };
    struct guard_scratch *w = NULL;
    assert_ok(guard_scratch_new(&w));
    struct guard_scope s = scope(r, "a", "POST", "/api/x");
    struct guard_matcher *m = NULL, *other = NULL;
    assert_ok(guard_matcher_new(w, &s, &m));
    assert_ok(guard_matcher_new(w, &s, &other)); /* two requests of one worker */
    struct guard_field body = field(GUARD_BODY, "");
    guard_matcher_begin(other, &body);
    assert_null(guard_matcher_piece(other, SLICE_LIT("..")));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct guard_field f = field(cases[i].part, cases[i].name);
        for (size_t step = 1; step < 24; step++) {
            const char *got = match(m, f, cases[i].value, step);
            if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
                fail_msg("%s=%s cut every %zu: %s", cases[i].name, cases[i].value, step,
                         got ? got : "nothing");
        }
    }
    assert_string_equal(guard_matcher_piece(other, SLICE_LIT("/../")), "DOTS");
    /* a value that is given up leaves nothing to the next one */
    guard_matcher_begin(m, &body);
    assert_null(guard_matcher_piece(m, SLICE_LIT("../.")));
    guard_matcher_begin(m, &body);
    assert_null(guard_matcher_piece(m, SLICE_LIT("./")));
    guard_matcher_free(m);
    guard_matcher_free(other);
    guard_matcher_free(NULL);
    /* a matcher that was used before knows nothing of that */
    s = scope(r, "a", "GET", "/other/x");
    assert_ok(guard_matcher_new(w, &s, &m));
    assert_string_equal(match(m, body, "union", 2), "OTHER");
    assert_null(match(m, field(GUARD_JSON, "/note"), "Union select", 3));
    /* other rules on the same thread, while this one is under way */
    struct guard_rules *next = rules("signature NEXT \"abc.{3,9}z$\"\n");
    struct guard_scope t = scope(next, "a", "GET", "/");
    assert_ok(guard_matcher_new(w, &t, &other));
    assert_string_equal(match(other, body, "xabc12345z", 4), "NEXT");
    assert_string_equal(match(m, body, "union", 3), "OTHER");
    guard_matcher_free(m);
    guard_matcher_free(other);
    guard_scratch_free(w);
    guard_scratch_free(NULL);
    guard_rules_unref(next);
    guard_rules_unref(r);
}

static void names_of_fields(void **state)
{
    (void)state;
    struct guard_rules *r =
        rules("patch ONE field=arg:abc pattern=abc\npatch ALL field=form:* pattern=abc\n");
    struct guard_scratch *w = NULL;
    struct guard_matcher *m = NULL;
    struct guard_scope s = scope(r, "a", "GET", "/");
    assert_ok(guard_scratch_new(&w));
    assert_ok(guard_matcher_new(w, &s, &m));
    struct guard_field f = field(GUARD_ARG, "abc");
    assert_true(guard_scope_wants(&s, &f));
    assert_string_equal(match(m, f, "xabc", 9), "ONE");
    f.in_name = true; /* the name is what the rule names: it cannot be meant */
    assert_false(guard_scope_wants(&s, &f));
    assert_null(match(m, f, "abc", 9));
    f.part = GUARD_FORM;
    assert_true(guard_scope_wants(&s, &f));
    assert_string_equal(match(m, f, "abc", 9), "ALL");
    f = field(GUARD_BODY, "");
    assert_false(guard_scope_wants(&s, &f));
    guard_matcher_free(m);
    guard_scratch_free(w);
    guard_rules_unref(r);
    r = rules("site a off\n");
    s = scope(r, "a", "GET", "/");
    assert_int_equal(guard_matcher_new(NULL, &s, &m), ST_NOT_FOUND);
    guard_rules_unref(r);
}

/* --- the checksum */

static void checksums(void **state)
{
    (void)state;
    struct buf b, again;
    struct guard_rules *r = NULL;
    buf_init(&b, MIB(1));
    buf_init(&again, MIB(1));
    assert_ok(guard_rules_seal(SLICE_LIT(HEAD "site a off"), &b, NULL));
    r = parse(buf_text(&b));
    assert_string_equal(
        guard_rules_about(r).checksum,
        "9188188063a4858726470dfe60dc539f28aac3547505e929222f5b614dbb510a"); /* sha256sum(1) */
    guard_rules_unref(r);
    /* sealing again changes nothing; CRLF neither */
    assert_ok(guard_rules_seal(buf_slice(&b), &again, NULL));
    assert_true(slice_eq(buf_slice(&b), buf_slice(&again)));
    struct slice rest = buf_slice(&b), line;
    buf_clear(&again);
    while (slice_next_line(&rest, &line)) {
        assert_ok(buf_add_slice(&again, line));
        assert_ok(buf_add_str(&again, "\r\n"));
    }
    guard_rules_unref(parse(buf_text(&again)));
    /* every byte counts */
    for (size_t i = 0; i < b.n - 1; i++) {
        struct guard_rules *other = NULL;
        b.p[i] ^= 1;
        assert_int_not_equal(guard_rules_parse(buf_slice(&b), &other, NULL), OK);
        b.p[i] ^= 1;
    }
    assert_ok(buf_add_str(&b, "\n"));
    guard_rules_unref(parse(buf_text(&b)));
    assert_ok(buf_add_str(&b, "# a comment\n"));
    refuse(buf_text(&b), b.n, "line 6: nothing may stand behind the checksum");
    struct err e = {0};
    assert_int_equal(guard_rules_seal(buf_slice(&b), &again, &e), ST_INVALID);
    assert_string_equal(e.msg, "line 6: nothing may stand behind the checksum");
    buf_done(&b);
    buf_done(&again);
}

/* A server takes a file with a checksum only: one that was cut anywhere is refused. */
static void loading(void **state)
{
    (void)state;
    char path[] = "/tmp/hikeshi-rules-XXXXXX";
    int fd = mkstemp(path);
    struct buf b;
    struct err e = {0};
    struct guard_rules *r = NULL;
    buf_init(&b, MIB(1));
    assert_true(fd >= 0);
    close(fd);
    assert_ok(guard_rules_seal(SLICE_LIT(HEAD "site a off\ndeny client 10.0.0.0/8\n"), &b, NULL));
    for (size_t n = 0; n + 1 < b.n; n++) {
        assert_ok(file_write_atomic(path, slice_sub(buf_slice(&b), 0, n), 0600, &e));
        assert_int_equal(guard_rules_load(path, NULL, &r, &e), ST_INVALID);
        assert_memory_equal(e.msg, path, strlen(path));
    }
    assert_ok(file_write_atomic(path, buf_slice(&b), 0600, &e));
    assert_ok(guard_rules_load(path, NULL, &r, &e));
    assert_ptr_equal(guard_rules_ref(r), r);
    guard_rules_unref(r);
    assert_int_equal(guard_rules_about(r).clients, 1);
    guard_rules_unref(r);
    (void)unlink(path);
    assert_int_equal(guard_rules_load(path, NULL, &r, &e), ST_NOT_FOUND);
    buf_done(&b);
}

/* A worker that ends does not wait until all is compiled that nobody will use. */
static void loading_is_stopped(void **state)
{
    (void)state;
    char path[] = "/tmp/hikeshi-rules-XXXXXX";
    int fd = mkstemp(path);
    struct buf b;
    struct guard_rules *r = NULL;
    atomic_bool stop = false;
    buf_init(&b, MIB(1));
    assert_true(fd >= 0);
    close(fd);
    assert_ok(guard_rules_seal(SLICE_LIT(HEAD "signature S-1 abc\n"), &b, NULL));
    assert_ok(file_write_atomic(path, buf_slice(&b), 0600, NULL));
    assert_ok(guard_rules_load(path, &stop, &r, NULL));
    guard_rules_unref(r);
    r = NULL;
    atomic_store(&stop, true);
    assert_int_equal(guard_rules_load(path, &stop, &r, NULL), ST_END);
    assert_null(r);
    (void)unlink(path);
    buf_done(&b);
}

/* --- limits */

static enum status parsed(struct buf *b)
{
    struct guard_rules *r = NULL;
    struct err e = {0};
    enum status st = guard_rules_parse(buf_slice(b), &r, &e);
    if (st != OK && st != ST_LIMIT)
        fail_msg("%s", e.msg);
    guard_rules_unref(r);
    buf_clear(b);
    return st;
}

static void line_of(struct buf *b, size_t n)
{
    (void)buf_add_str(b, HEAD "#");
    for (size_t i = 1; i < n; i++)
        (void)buf_add_char(b, 'x');
    (void)buf_add_str(b, "\n");
}

static void file_of(struct buf *b, size_t n)
{
    (void)buf_add_str(b, HEAD);
    while (b->n < n)
        (void)buf_add_char(b, '\n');
}

static void many_of(struct buf *b, size_t n, const char *what)
{
    (void)buf_add_str(b, HEAD);
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(what, "site") == 0)
            (void)buf_addf(b, "site a%u off\n", i);
        else if (strcmp(what, "client") == 0)
            (void)buf_addf(b, "deny client 10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
        else if (strcmp(what, "callback") == 0)
            (void)buf_addf(b, "deny callback a%u.example\n", i);
        else if (strcmp(what, "except") == 0)
            (void)buf_addf(b, "except arg:a%u\n", i);
        else if (strcmp(what, "patch") == 0)
            (void)buf_addf(b, "patch P%u pattern=x%u\n", i, i);
        else
            (void)buf_addf(b, "signature P%u x%u\n", i, i);
    }
}

static void file_limits(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t most;
    } counts[] = {
        {"site", LIMIT_GUARD_SITES},      {"client", LIMIT_GUARD_LISTED},
        {"callback", LIMIT_GUARD_LISTED}, {"except", LIMIT_GUARD_EXCEPTIONS},
        {"patch", LIMIT_GUARD_PATCHES},   {"signature", LIMIT_GUARD_SIGNATURES},
    };
    struct buf b;
    buf_init(&b, LIMIT_GUARD_RULES_BYTES + 1);
    for (size_t d = 0; d < 3; d++) {
        enum status want = d < 2 ? OK : ST_LIMIT;
        line_of(&b, LIMIT_GUARD_LINE - 1 + d);
        assert_int_equal(parsed(&b), want);
        file_of(&b, LIMIT_GUARD_RULES_BYTES - 1 + d);
        assert_int_equal(parsed(&b), want);
        for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
            many_of(&b, counts[i].most - 1 + d, counts[i].what);
            if (parsed(&b) != want)
                fail_msg("%s %zu", counts[i].what, counts[i].most - 1 + d);
        }
        (void)buf_addf(
            &b, HEAD "signature %.*s x\n", (int)(LIMIT_GUARD_ID - 1 + d),
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_int_equal(parsed(&b), want);
    }
    buf_done(&b);
}

static enum status with_expression(struct buf *b, const char *before, size_t n, const char *each,
                                   const char *after)
{
    (void)buf_addf(b, HEAD "signature S \"%s", before);
    for (size_t i = 0; i < n; i++)
        (void)buf_add_str(b, each);
    (void)buf_addf(b, "%s\"\n", after);
    return parsed(b);
}

static void expression_limits(void **state)
{
    (void)state;
    struct buf b;
    char text[64];
    static const char deep[] = ")))))))))))))))))))))))))))))))))"; /* 33 */
    buf_init(&b, MIB(1));
    for (size_t d = 0; d < 3; d++) {
        enum status want = d < 2 ? OK : ST_LIMIT;
        assert_int_equal(with_expression(&b, "", LIMIT_GUARD_PATTERN - 1 + d, "x", ""), want);
        (void)snprintf(text, sizeof text, "a{%zu}", LIMIT_GUARD_REPEAT - 1 + d);
        assert_int_equal(with_expression(&b, text, 0, "", ""), want);
        (void)snprintf(text, sizeof text, "a{2,%zu}", LIMIT_GUARD_REPEAT - 1 + d);
        assert_int_equal(with_expression(&b, text, 0, "", ""), want);
        (void)snprintf(text, sizeof text, "a{%zu,}", LIMIT_GUARD_REPEAT - 1 + d);
        assert_int_equal(with_expression(&b, text, 0, "", ""), want);
        /* groups: 31, 32, 33 of them */
        (void)snprintf(text, sizeof text, "a%s", deep + 2 - d);
        assert_int_equal(with_expression(&b, "", LIMIT_GUARD_NESTING - 1 + d, "(", text), want);
    }
    buf_done(&b);
}

/* (x|x|…)(x|x|…) has its alternatives and their product as edges; each more |x one. */
static void add_edges(struct buf *b, int id, int more)
{
    (void)buf_addf(b, "signature E%d ", id);
    for (int group = 0; group < 2; group++)
        for (int i = 0; i < 63; i++)
            (void)buf_add_str(b, i == 0 ? "(x" : i < 62 ? "|x" : "|x)");
    for (int i = 0; i < more; i++)
        (void)buf_add_str(b, "|x");
    (void)buf_add_str(b, "\n");
}

static void size_limits(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, MIB(1));
    assert_int_equal(63 + 63 + 63 * 63, LIMIT_GUARD_EDGES - 1);
    for (int d = 0; d < 3; d++) {
        enum status want = d < 2 ? OK : ST_LIMIT;
        (void)buf_add_str(&b, HEAD);
        add_edges(&b, 0, d);
        assert_int_equal(parsed(&b), want);
        /* eight times the most of one is the most of all */
        assert_int_equal(8 * LIMIT_GUARD_EDGES, LIMIT_GUARD_ALL_EDGES);
        (void)buf_add_str(&b, HEAD);
        for (int i = 0; i < 8; i++)
            add_edges(&b, i, i < 7 || d > 0);
        (void)buf_add_str(&b, d == 2 ? "signature ONE x\n" : "");
        assert_int_equal(parsed(&b), want);
        /* an eighth of 992 is 124 of the 200 */
        (void)buf_addf(&b, HEAD "signature C a{992}b{%d}\n", 8 * (LIMIT_GUARD_COPIED - 125 + d));
        assert_int_equal(parsed(&b), want);
        assert_int_equal(2 * LIMIT_GUARD_COPIED, LIMIT_GUARD_ALL_COPIED);
        (void)buf_addf(&b, HEAD "signature C a{992}b{608}\nsignature D a{992}b{%d}\n",
                       d == 0 ? 600 : 608);
        (void)buf_add_str(&b, d == 2 ? "signature ONE a{8}\n" : "");
        assert_int_equal(parsed(&b), want);
    }
    buf_done(&b);
}

static struct rule_shape shape(const char *expression)
{
    struct rule_shape s = {0};
    struct err e = {0};
    enum status st = rule_shape_measure(slice_str(expression), &s, &e);
    if (st != OK && st != ST_LIMIT)
        fail_msg("%s: %s", expression, e.msg);
    return s;
}

static void shapes(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        uint64_t edges, copied;
    } cases[] = {
        {"a", 1, 0},          {"abc", 5, 0},          {"a|b", 2, 0},        {"(a|b)c", 5, 0},
        {"a*b", 3, 0},        {"(ab)*", 4, 0},        {"(a?b?c?)", 6, 0},   {"[a-z]{16}", 1, 2},
        {"\\x{41}b", 3, 0},   {"[]a]b", 3, 0},        {"[^]\\]]b", 3, 0},   {"[[:alpha:]]b", 3, 0},
        {"a{b", 5, 0},        {"\\$\\{jndi", 11, 0},  {"(?i)ab", 3, 0},     {"(?i:ab)", 3, 0},
        {"(?#x(y)ab", 3, 0},  {"(?:ab){3}", 11, 8},   {"(a{8})+", 2, 7},    {"a\\bb^c$", 5, 0},
        {"(?P<n>ab)", 11, 0}, {"\xe3\x81\x82", 5, 0}, {"a{0,200}b", 3, 25}, {"(a|)b", 3, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rule_shape s = shape(cases[i].expression);
        if (s.edges != cases[i].edges || s.copied != cases[i].copied)
            fail_msg("%s: %llu, %llu", cases[i].expression, (unsigned long long)s.edges,
                     (unsigned long long)s.copied);
    }
}

/* Files that were made to hold the compiler: refused, or done soon. */
static void hostile_expressions(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "x(y*z*){200}q",
        "((a{1,999}){1,999}){1,999}",
        "(((((((a{9}){9}){9}){9}){9}){9}){9}){9}",
        "([^a]{3,400}[^b]{3,400}){4}",
        "(b?(x*\\s\\d[a-z]){16}){86,}",
        "a{4,}((a{14}){231}x{14})+c{27,}[a-z]{14}",
    };
    struct buf b;
    buf_init(&b, MIB(1));
    int64_t before = time_monotonic_ms();
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(with_expression(&b, refused[i], 0, "", ""), ST_LIMIT);
    if (time_monotonic_ms() - before > 200)
        fail_msg("measuring took %lld ms", (long long)(time_monotonic_ms() - before));
    /* as much as one file may ask for: each expression alone is allowed, all of them are not */
    assert_ok(buf_add_str(&b, HEAD));
    for (int i = 0; i < 6; i++)
        assert_ok(buf_addf(&b, "signature S%d \"[^a]{3,400}[^b]{3,400}[^c]{4,400}%d\"\n", i, i));
    assert_int_equal(parsed(&b), ST_LIMIT);
    struct timespec from, to;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from), 0);
    assert_ok(buf_add_str(&b, HEAD));
    for (int i = 0; i < 2; i++)
        assert_ok(buf_addf(&b, "signature S%d \"[^a]{3,400}[^b]{3,400}[^c]{4,400}%d\"\n", i, i));
    for (int i = 2; i < LIMIT_GUARD_SIGNATURES; i++)
        assert_ok(buf_addf(&b, "signature S%d \".*[ab]+.*\\s%d\"\n", i, i));
    assert_int_equal(parsed(&b), OK);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to), 0);
    if (to.tv_sec - from.tv_sec > 8) /* some 1 s; a sanitizer takes several times as long */
        fail_msg("compiling took %ld s", (long)(to.tv_sec - from.tv_sec));
    buf_done(&b);
}

/* --- memory and torn files */

static const char small[] = HEAD "site a block\nallow client 10.0.0.0/8\ndeny callback b.example\n"
                                 "except arg:q path=/x site=*.a method=GET\n"
                                 "patch P field=arg:z pattern=\"a\\\"b\"\nsignature S cd\n";

static void torn(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof small; n++) {
        struct guard_rules *r = NULL;
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, small, n);
        enum status st = guard_rules_parse(slice_of(copy, n), &r, NULL);
        assert_true((st == OK) == (r != NULL));
        guard_rules_unref(r);
        free(copy);
    }
}

static void no_memory(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        struct guard_rules *r = NULL;
        struct guard_scratch *w = NULL;
        struct guard_matcher *m = NULL;
        failalloc_at(n);
        enum status st = guard_rules_parse(SLICE_LIT(small), &r, NULL);
        if (st == OK)
            st = guard_scratch_new(&w);
        if (st == OK) {
            struct guard_scope s = scope(r, "a", "GET", "/");
            st = guard_matcher_new(w, &s, &m);
        }
        bool hit = failalloc_hit();
        assert_int_equal(st, hit ? ST_NOMEM : OK);
        guard_matcher_free(m);
        guard_scratch_free(w);
        guard_rules_unref(r);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(accepted_forms),
        cmocka_unit_test(sites),
        cmocka_unit_test(clients),
        cmocka_unit_test(callbacks),
        cmocka_unit_test(scopes),
        cmocka_unit_test(matching),
        cmocka_unit_test(names_of_fields),
        cmocka_unit_test(checksums),
        cmocka_unit_test(loading),
        cmocka_unit_test(loading_is_stopped),
        cmocka_unit_test(file_limits),
        cmocka_unit_test(expression_limits),
        cmocka_unit_test(shapes),
        cmocka_unit_test(size_limits),
        cmocka_unit_test(hostile_expressions),
        cmocka_unit_test(torn),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
