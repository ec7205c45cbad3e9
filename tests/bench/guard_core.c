/* bench-guard-core [MIB] — what looking at requests costs, without a server.
 *
 * First clean requests as a server asks about them: a head of some 600 bytes, forms and JSON of 10
 * KiB, in one piece (in L2) and as a stream of 4 KiB pieces; nanoseconds each. Then bodies made to
 * be slow, 1 MiB each, whole, in 4 KiB pieces and byte by byte, from one client without pause; MB a
 * second, and what was found. Last, heads made to be slow, from one client: microseconds each. */
#include "base/timefmt.h"
#include "guard/guard_int.h"

#include <time.h>

static double seconds(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0
               ? (double)t.tv_sec + (double)t.tv_nsec / 1e9
               : 0;
}

/* --- memory of a request, used again for the next one */

static uint8_t memory[1 << 20] __attribute__((aligned(16)));
static size_t used;

static void *take(void *ctx, size_t n)
{
    (void)ctx;
    size_t at = (used + 15) & ~(size_t)15;
    if (n > sizeof memory - at)
        return NULL;
    used = at + n;
    return memory + at;
}

static const struct guard_options options = {.least = VERDICT_IF_CLOSED, .alloc = take};

static void begin(struct guard_request *q, struct guard *g)
{
    used = 0;
    *q = (struct guard_request){0};
    guard_request_begin(q, g, &options, NULL, SLICE_LIT("shop.example"), SLICE_LIT("GET"),
                        SLICE_LIT("/"), SLICE_LIT("\xcb\0\x71\7"));
}

static void body(struct guard_request *q, struct guard *g, const char *type, struct slice s,
                 size_t piece)
{
    begin(q, g);
    if (guard_body_begin(q, slice_str(type), (struct slice){NULL, 0}) != OK)
        return;
    for (size_t at = 0; at < s.n; at += piece)
        guard_body_piece(q, slice_sub(s, at, piece));
    guard_body_end(q);
    guard_request_end(q);
}

/* --- clean requests */

static const char head[] =
    "GET /products/list?category=books&page=2&sort=price HTTP/1.1\r\n"
    "Host: shop.example.jp\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/96.0.4664.93 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*\r\n"
    "Accept-Language: ja,en-US;q=0.9,en;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://shop.example.jp/products/\r\n"
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=light; cart=3\r\n"
    "Upgrade-Insecure-Requests: 1\r\nConnection: keep-alive\r\n\r\n";

static struct slice repeat(struct buf *b, const char *from, const char *piece, const char *to,
                           size_t n)
{
    size_t each = *piece ? strlen(piece) : 1;
    buf_init(b, MIB(4));
    (void)buf_add_str(b, from);
    while (b->n + each <= n)
        (void)buf_add(b, piece, each);
    (void)buf_add_str(b, to);
    return buf_slice(b);
}

static void clean(struct guard *g, const char *name, const char *type, struct slice s)
{
    struct guard_request q;
    size_t rounds = type ? 20000 : 500000;
    bool all = true;
    double began = seconds();
    for (size_t i = 0; i < rounds; i++) {
        begin(&q, g);
        all &= !type || guard_body_begin(&q, slice_str(type), (struct slice){NULL, 0}) == OK;
        all &= type ? guard_body_clean(&q, s) : guard_head_clean(&q, s);
        guard_request_end(&q);
    }
    double whole = (seconds() - began) / (double)rounds * 1e9;
    printf("%-28s %6zu bytes %8.0f ns %s", name, s.n, whole, all ? "clean" : "NOT CLEAN");
    if (type) {
        began = seconds();
        for (size_t i = 0; i < rounds / 10; i++)
            body(&q, g, type, s, 4096);
        printf("   in pieces %8.0f ns", (seconds() - began) / (double)rounds * 1e10);
    }
    printf("\n");
}

static void clean_ones(struct guard *g)
{
    static const struct {
        const char *name, *type, *piece;
    } bodies[] = {
        {"form", "application/x-www-form-urlencoded",
         "name=Yamada+Taro&mail=taro%40example.jp&note=3%2C000+yen%2C+please&"},
        {"form, Japanese", "application/x-www-form-urlencoded",
         "n%5Ba%5D=%E5%B1%B1%E7%94%B0%E5%A4%AA%E9%83%8E&b=%E6%9D%B1%E4%BA%AC&"},
        {"form, of all kinds", "application/x-www-form-urlencoded",
         "name0=%E4%BD%90%E4%BC%AF+%E7%BE%8E%E5%B8%86&amount1=12800&note2=delivery+before+noon%2C+"
         "please+ring&address3=1-2-3+Minami+Aoyama%2C+Minato-ku&mail4=saeki%40example.co.jp&"},
        {"JSON, Japanese", "application/json",
         "{\"id\": 1, \"name\": \"佐伯 美帆\", \"note\": \"deliver before \\\"noon\\\", please\", "
         "\"price\": 12800.5, \"tags\": [\"a\", \"b\"]}, "},
        {"JSON", "application/json",
         "{\"id\":12345,\"name\":\"Yamada Taro\",\"tags\":[\"a\",\"b\"],\"price\":1980.5},"},
        {"JSON, escaped", "application/json",
         "{\"name\":\"\\u5c71\\u7530\",\"url\":\"https:\\/\\/example.jp\\/a\"},"},
        {"multipart", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
         "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; "
         "name=\"note\"\r\n\r\nplease, by Friday\r\n"},
        {"multipart, a file", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
         "2026-11-25 10:00:00,Yamada Taro,1980,shipped\r\n"},
        {"XML", "text/xml", "<item id=\"1\"><name>Yamada &amp; Co.</name><n>3</n></item>"},
    };
    clean(g, "head", NULL, slice_of(head, sizeof head - 1));
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct buf b;
        clean(g, bodies[i].name, bodies[i].type, repeat(&b, "", bodies[i].piece, "", 10240));
        buf_done(&b);
    }
}

/* --- hostile ones */

static const struct {
    const char *name, *type, *from, *piece, *to;
} families[] = {
    {"openers", "text/plain", "", "${", ""},
    {"openers, jndi:} behind", "text/plain", "", "${", "jndi:}"},
    {"nested lower, unresolved", "text/plain", "", "${lower:${q ", "${jndi:"},
    {"siblings of jn di :", "text/plain", "", "${q:j}${n}${d}${i:}", ""},
    {"dollars", "text/plain", "", "$$$${q}", "${jndi:x"},
    {"cycles", "text/plain", "", "${::-a${::-$${::-b}}}", "j n d i : }"},
    {"all at once", "text/plain", "", "%5cu0025%26amp;&#x24;\\x24${j n d i : }", ""},
    {"\\u00", "text/plain", "", "\\u00", ""},
    {"\\uuuu", "text/plain", "", "\\uuuuuuuuuuuu", ""},
    {"%25", "text/plain", "", "%25", ""},
    {"&amp;", "text/plain", "", "&amp;", ""},
    {"&#0000", "text/plain", "", "&#0000000000000", ""},
    {"base64 with JHs", "text/plain", "", "JHsJ", ""},
    {"base64 runs of openers", "text/plain", "", "JHske3tqbmRpOng ", ""},
    {"one opener a cell", "text/plain", "${a} j n d i : ", "text that says nothing. ", ""},
    {"args", "application/x-www-form-urlencoded", "", "a&", ""},
    {"args with openers", "application/x-www-form-urlencoded", "", "a=${&", ""},
    {"args, percent", "application/x-www-form-urlencoded", "", "%2", ""},
    {"JSON arrays", "application/json", "", "[", ""},
    {"JSON keys", "application/json", "", "{\"a\":", ""},
    {"JSON openers", "application/json", "[", "\"${\",", "1]"},
    {"JSON backslashes", "application/json", "\"", "\\\\", "\""},
    {"XML elements", "text/xml", "", "<a>", ""},
    {"XML attributes", "text/xml", "<a ", "b='${' ", ">"},
    {"XML brackets", "text/xml", "<a><![CDATA[", "]", ""},
    {"parts", "multipart/form-data; boundary=b", "", "--b\r\n\r\n\r\n", ""},
    {"parts with names", "multipart/form-data; boundary=b", "",
     "--b\r\nContent-Disposition: form-data; name=\"${\"\r\n\r\n\r\n", ""},
    {"delimiters", "multipart/form-data; boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "",
     "\r\n--bbbbbbbbbbbbbbbbbbbbbbbbbbbb", ""},
};

static void hostile_bodies(struct guard *g, size_t n)
{
    static const size_t pieces[] = {SIZE_MAX / 2, 4096, 1};
    double worst = 1e9;
    const char *worst_name = "";
    printf("\n%-28s %10s %10s %10s\n", "MB/s", "whole", "4 KiB", "1 byte");
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct guard_request q;
        struct buf b;
        struct slice s = repeat(&b, families[i].from, families[i].piece, families[i].to, n);
        printf("%-28s", families[i].name);
        for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
            body(&q, g, families[i].type, s, pieces[k]); /* the client's credit is spent */
            double began = seconds(), took = 0;
            size_t done = 0;
            while (took < 0.05) {
                body(&q, g, families[i].type, s, pieces[k]);
                done += s.n;
                took = seconds() - began;
            }
            double rate = (double)done / 1e6 / took;
            printf(" %10.0f", rate);
            if (k < 2 && rate < worst) {
                worst = rate;
                worst_name = families[i].name;
            }
        }
        printf("  %s %s\n", verdict_name(q.found.verdict), q.found.rule ? q.found.rule : "");
        buf_done(&b);
    }
    printf("slowest: %.0f MB/s, %s\n", worst, worst_name);
}

static void hostile_heads(struct guard *g)
{
    printf("\nheaders of 200 bytes and 4 KiB, microseconds each\n");
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        static const size_t lengths[] = {200, 4096};
        printf("%-28s", families[i].name);
        for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
            struct guard_request q;
            struct buf b;
            struct slice s =
                repeat(&b, families[i].from, families[i].piece, families[i].to, lengths[k]);
            size_t rounds = 0;
            double began = seconds(), took = 0;
            for (; took < 0.03; rounds++) {
                begin(&q, g);
                guard_header(&q, SLICE_LIT("x-a"), s);
                guard_request_end(&q);
                took = seconds() - began;
            }
            printf(" %10.1f", took / (double)rounds * 1e6);
            buf_done(&b);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    struct guard *g = NULL;
    uint64_t mib = 1;
    if ((argc > 1 && (slice_to_u64(slice_str(argv[1]), &mib) != OK || mib < 1 || mib > 3)) ||
        guard_new(&g) != OK)
        return 2;
    clean_ones(g);
    hostile_bodies(g, MIB(mib));
    hostile_heads(g);
    guard_free(g);
    return 0;
}
