#include "probe.h"

#include "guard/event.h"

static void *take(void *ctx, size_t n)
{
    struct probe *p = ctx;
    if (p->refuse_from && p->count + 1 >= p->refuse_from)
        return NULL;
    if (p->count == PROBE_BLOCKS)
        fail_msg("more allocations than %d in one request", PROBE_BLOCKS);
    p->blocks[p->count] = malloc(n ? n : 1);
    assert_non_null(p->blocks[p->count]);
    memset(p->blocks[p->count], 0xa5, n); /* nobody may rely on zeros */
    p->bytes += n;
    return p->blocks[p->count++];
}

static uint64_t leaps(void)
{
    static uint64_t now;
    return now += 3600000;
}

void probe_init(struct probe *p)
{
    memset(p, 0, sizeof *p);
    assert_ok(guard_new(&p->g));
    p->g->now_ms = leaps;
    p->options = (struct guard_options){.least = VERDICT_IF_CLOSED, .alloc = take, .alloc_ctx = p};
}

static uint64_t stands_still(void)
{
    return 1000000;
}

void probe_stop_clock(struct probe *p)
{
    p->g->now_ms = stands_still;
}

static void drop(struct probe *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->blocks[i]);
    p->count = p->bytes = 0;
    memset(&p->q, 0, sizeof p->q);
}

void probe_done(struct probe *p)
{
    drop(p);
    guard_free(p->g);
    p->g = NULL;
}

void probe_begin_as(struct probe *p, const char *method, const char *path, struct slice client)
{
    drop(p);
    guard_request_begin(&p->q, p->g, &p->options, p->rules, SLICE_LIT("shop.example"),
                        slice_str(method), slice_str(path), client);
}

void probe_begin(struct probe *p)
{
    probe_begin_as(p, "POST", "/", SLICE_LIT("\xcb\x00\x71\x07"));
}

void probe_end(struct probe *p)
{
    guard_request_end(&p->q);
}

/* Each piece in a block of its own, so that a sanitizer sees whoever reads on. */
static void give(struct probe *p, struct slice piece)
{
    uint8_t *own = malloc(piece.n ? piece.n : 1);
    assert_non_null(own);
    if (piece.n)
        memcpy(own, piece.p, piece.n);
    guard_body_piece(&p->q, slice_of(own, piece.n));
    free(own);
}

void probe_body(struct probe *p, const char *type, const char *encoding, struct slice body)
{
    probe_begin(p);
    assert_ok(guard_body_begin(&p->q, slice_str(type), slice_str(encoding)));
    size_t at = 0;
    if (p->cut) {
        give(p, slice_sub(body, 0, p->cut));
        at = p->cut;
    }
    while (at < body.n) {
        size_t n = p->piece ? p->piece : body.n - at;
        struct slice piece = slice_sub(body, at, n);
        give(p, piece);
        at += piece.n;
    }
    guard_body_end(&p->q);
    probe_end(p);
}

const char *probe_field(const struct probe *p)
{
    static char text[2000];
    struct buf b;
    buf_over(&b, text, sizeof text);
    if (p->q.found.why != GUARD_NOTHING)
        assert_ok(guard_field_write(&p->q.found.field, &b));
    return text;
}

const char *probe_found(const struct probe *p)
{
    static char text[4000];
    const struct guard_finding *f = &p->q.found;
    struct buf b;
    buf_over(&b, text, sizeof text);
    (void)buf_add_str(&b, f->why == GUARD_NOTHING ? "nothing" : guard_why_name(f->why));
    if (f->why == GUARD_LOOKUP || f->why == GUARD_CALLBACK)
        (void)buf_addf(&b, " %s", verdict_name(f->verdict));
    if (f->rule)
        (void)buf_addf(&b, " %s", f->rule);
    if (f->why != GUARD_NOTHING && f->why != GUARD_CLIENT)
        (void)buf_addf(&b, " %s", probe_field(p));
    if (f->field.in_name)
        (void)buf_add_str(&b, " name");
    if (f->key.n) {
        (void)buf_add_char(&b, ' ');
        (void)buf_add_slice(&b, f->key);
    }
    return text;
}
