/* gRPC over HTTP/2: messages, each behind five bytes (gRPC's PROTOCOL-HTTP2,
 * Length-Prefixed-Message: a flag, the length in 32 bits). Their strings are text as they lie
 * there, unless the message is compressed: that is told. */
#include "guard/guard_int.h"

static void take_head(struct guard_stream *st, uint8_t c)
{
    struct grpc_state *g = &st->as.grpc;
    g->head[g->head_n++] = c;
    if (g->head_n < sizeof g->head)
        return;
    g->head_n = 0;
    g->left = (uint32_t)g->head[1] << 24 | (uint32_t)g->head[2] << 16 | (uint32_t)g->head[3] << 8 |
              g->head[4];
    if (g->head[0] & 1)
        guard_limited(st->q, GUARD_LIMIT_ENCODING);
}

static void parse_grpc(struct guard_stream *st, struct slice s)
{
    struct grpc_state *g = &st->as.grpc;
    guard_put_all(st, s);
    for (size_t i = 0; i < s.n;) {
        size_t n = g->left < s.n - i ? g->left : s.n - i;
        g->left -= (uint32_t)n;
        i += n;
        if (n == 0)
            take_head(st, s.p[i++]);
    }
}

void guard_grpc_prepare(struct guard_stream *st)
{
    st->as.grpc = (struct grpc_state){0};
    st->parse = parse_grpc;
    guard_span(st, GUARD_BODY, false, 0);
}
