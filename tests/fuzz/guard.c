/* Any body, cut anywhere: what is found does not depend on the cuts, nor on whether a rule looks
 * into the fields, and a body that is clean as it lies in one or some pieces has nothing in it.
 *
 * The first bytes of an input choose type and coding, how much filler stands in the middle of the
 * body (so that cells and windows end everywhere in it), and where the pieces end. */
#include "fuzz.h"

#include "guard/guard_int.h"

#include <assert.h>
#include <zlib.h>

#define HEAD 4
#define MEMORY MIB(8)

static const char *const types[] = {
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json",
    "text/xml",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=\"${jndi:x}\"",
    "application/json; charset=utf-32",
    "",
    "application/grpc",
    "multipart/related, x; boundary=b",
};

enum { AS_IS, CLAIMS_GZIP, CLAIMS_DEFLATE, GZIPPED, DEFLATED, RAW_DEFLATED, CLAIMS_BR, CODINGS };

static const char *const encodings[CODINGS] = {
    [AS_IS] = "",       [CLAIMS_GZIP] = "gzip", [CLAIMS_DEFLATE] = "deflate",
    [GZIPPED] = "gzip", [DEFLATED] = "deflate", [RAW_DEFLATED] = "deflate",
    [CLAIMS_BR] = "br",
};

static struct {
    uint8_t *p;
    size_t n;
} memory;

static void *take(void *ctx, size_t n)
{
    (void)ctx;
    size_t at = (memory.n + 15) & ~(size_t)15;
    assert(n <= MEMORY && at + n <= MEMORY); /* memory is bounded whatever comes */
    memory.n = at + n;
    memset(memory.p + at, 0xa5, n);
    return memory.p + at;
}

static uint64_t no_time(void)
{
    return 1000;
}

/* Fields whose names end with x are left out. */
static bool excluded(void *ctx, const struct guard_field *f)
{
    (void)ctx;
    return f->name.n && f->name.p[f->name.n - 1] == 'x';
}

struct answer {
    struct guard_finding found;
    bool limited;
    uint8_t text[LIMIT_GUARD_KEY + LIMIT_GUARD_FIELD_NAME];
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* A rule that every field is shown to, and that matches none that a fuzzer writes. */
static struct guard_rules *watching(void)
{
    static const char text[] = "hikeshi-rules 1\nversion 1 2021-12-14T09:00:00Z\n"
                               "patch P pattern=\"kvqzxwjhpr[0-9]{8}kvqzxwjhpr\"\n";
    struct guard_rules *r = NULL;
    assert(guard_rules_parse(slice_str(text), &r, NULL) == OK);
    return r;
}

/* Whether it is clean as it lies in a server's buffers: in one, and in three of any size, each of
 * which nothing lies behind. */
static bool is_clean(const struct guard_request *q, struct slice body, uint64_t random)
{
    if (guard_body_clean(q, body))
        return true;
    size_t cuts[] = {0, next_random(&random) % (body.n + 1), next_random(&random) % (body.n + 1),
                     body.n};
    if (cuts[1] > cuts[2]) {
        size_t first = cuts[2];
        cuts[2] = cuts[1];
        cuts[1] = first;
    }
    struct slice pieces[ARRAY_LEN(cuts) - 1];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        uint8_t *own = malloc(cuts[i + 1] - cuts[i] + 1);
        assert(own);
        memcpy(own + 1, body.p + cuts[i], cuts[i + 1] - cuts[i]);
        pieces[i] = slice_of(own + 1, cuts[i + 1] - cuts[i]);
    }
    bool clean = guard_body_clean_pieces(q, pieces, ARRAY_LEN(pieces));
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        free((uint8_t *)(uintptr_t)pieces[i].p - 1);
    return clean;
}

/* Pieces of about `piece` bytes, 0: one. */
static void inspect(struct guard *g, const struct guard_rules *rules, const uint8_t *data,
                    struct slice body, size_t piece, struct answer *ret)
{
    struct guard_options o = {.least = VERDICT_ATTEMPT,
                              .body_limit = data[3] & 1 ? 3000 : 0,
                              .excluded = data[3] & 2 ? excluded : NULL,
                              .alloc = take};
    struct guard_request q = {0};
    uint64_t random = data[3] ^ piece;
    memset(g->credits, 0, sizeof g->credits); /* the answer depends on what was spent before */
    g->grant = GUARD_GRANT_MOST;
    memory.n = 0;
    guard_request_begin(&q, g, &o, rules, SLICE_LIT("h"), SLICE_LIT("POST"), SLICE_LIT("/"),
                        SLICE_LIT("\x7f\0\0\1"));
    assert(guard_body_begin(&q, slice_str(types[data[0] % ARRAY_LEN(types)]),
                            slice_str(encodings[data[1] % CODINGS])) == OK);
    for (size_t at = 0; at < body.n;) {
        size_t n = piece == 0 ? body.n : piece == 1 ? 1 : 1 + next_random(&random) % piece;
        struct slice some = slice_sub(body, at, n);
        uint8_t *own = malloc(some.n);
        assert(own);
        memcpy(own, some.p, some.n);
        guard_body_piece(&q, slice_of(own, some.n));
        free(own);
        at += some.n;
    }
    guard_body_end(&q);
    if (!rules && piece == 0 && body.n && data[1] % CODINGS == AS_IS && !q.over &&
        is_clean(&q, body, random))
        assert(q.found.why == GUARD_NOTHING);
    guard_request_end(&q);
    memset(ret, 0, sizeof *ret);
    ret->found = q.found;
    ret->limited = q.limited && !q.over; /* what is over was not looked at to its end */
    assert(q.found.key.n <= LIMIT_GUARD_KEY && q.found.field.name.n <= LIMIT_GUARD_FIELD_NAME);
    if (q.found.key.n)
        memcpy(ret->text, q.found.key.p, q.found.key.n);
    if (q.found.field.name.n)
        memcpy(ret->text + LIMIT_GUARD_KEY, q.found.field.name.p, q.found.field.name.n);
}

static void compare(const struct answer *a, const struct answer *b)
{
    assert(a->found.why == b->found.why);
    assert(a->found.verdict == b->found.verdict);
    assert(a->found.reason == b->found.reason);
    assert(a->found.rule == b->found.rule);
    assert(a->found.field.part == b->found.field.part);
    assert(a->found.field.in_name == b->found.field.in_name);
    assert(a->found.field.name.n == b->found.field.name.n);
    assert(a->found.key.n == b->found.key.n);
    assert(a->limited == b->limited);
    assert(memcmp(a->text, b->text, sizeof a->text) == 0);
}

/* The coding that the input asks for; the caller frees. */
static struct slice encode(unsigned coding, struct slice s)
{
    int window = coding == GZIPPED ? 15 + 16 : coding == DEFLATED ? 15 : -15;
    size_t room = s.n + s.n / 8 + 200;
    uint8_t *out = malloc(room);
    assert(out);
    if (coding != GZIPPED && coding != DEFLATED && coding != RAW_DEFLATED) {
        if (s.n)
            memcpy(out, s.p, s.n);
        return slice_of(out, s.n);
    }
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)s.p,
                  .avail_in = (uInt)s.n,
                  .next_out = out,
                  .avail_out = (uInt)room};
    assert(deflateInit2(&z, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    (void)deflateEnd(&z);
    return slice_of(out, room - z.avail_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard *g;
    static struct guard_rules *rules;
    struct answer whole, cut;
    struct buf b;
    if (size < HEAD)
        return 0;
    if (!g) {
        memory.p = malloc(MEMORY);
        assert(memory.p && guard_new(&g) == OK);
        rules = watching();
        g->now_ms = no_time;
        g->seed = 1;
    }
    struct slice text = slice_of(data + HEAD, size - HEAD);
    size_t filler = data[2] < 192 ? data[2] % 4 : (size_t)(data[2] & 63) * 1201;
    buf_init(&b, MIB(1));
    (void)buf_add_slice(&b, slice_sub(text, 0, text.n / 2));
    for (size_t i = 0; i < filler; i++)
        (void)buf_add_char(&b, 'x');
    (void)buf_add_slice(&b, slice_sub(text, text.n / 2, text.n));
    struct slice body = encode(data[1] % CODINGS, buf_slice(&b));
    static const size_t pieces[] = {1, 7, 600, 5000, 40000};
    inspect(g, NULL, data, body, 0, &whole);
    inspect(g, rules, data, body, 0, &cut);
    compare(&whole, &cut);
    for (size_t i = filler > 6000; i < ARRAY_LEN(pieces); i++) {
        if (i && pieces[i] > 2 * body.n)
            break;
        inspect(g, NULL, data, body, pieces[i], &cut);
        compare(&whole, &cut);
    }
    free((void *)(uintptr_t)body.p);
    buf_done(&b);
    return 0;
}
