/* What clients may cost. See guard_int.h. */
#include "guard/guard_int.h"

uint64_t guard_client_of(struct slice addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint64_t v = 0;
    if (addr.n == 16 && memcmp(addr.p, mapped, sizeof mapped) == 0)
        addr = slice_sub(addr, sizeof mapped, 4);
    if (addr.n != 4 && addr.n != 16)
        return 1;
    for (size_t i = 0; i < 4 || (addr.n == 16 && i < 8); i++)
        v = v << 8 | addr.p[i];
    /* no /64 that is routed has these bits before an IPv4 address: they are a multicast prefix */
    return addr.n == 4 ? v | 0xff00000000000000u : v ? v : 1;
}

static uint64_t mix(uint64_t v)
{
    v ^= v >> 32;
    v *= 0xd6e8feb86659fd93u;
    v ^= v >> 32;
    v *= 0xd6e8feb86659fd93u;
    return v ^ v >> 32;
}

static void grow(uint64_t *v, uint64_t from_ms, uint64_t now_ms, uint64_t per_ms, uint64_t most)
{
    uint64_t ms = now_ms > from_ms ? now_ms - from_ms : 0;
    uint64_t room = *v < most ? most - *v : 0;
    uint64_t more = ms > most / per_ms ? most : ms * per_ms;
    *v += more < room ? more : room;
}

struct guard_credit *guard_credit_of(struct guard *g, uint64_t client)
{
    uint64_t now = g->now_ms();
    struct guard_credit *c = &g->credits[mix(client ^ g->seed) % LIMIT_GUARD_CREDITS];
    grow(&g->grant, g->grant_ms, now, GUARD_GRANT_PER_MS, GUARD_GRANT_MOST);
    g->grant_ms = now;
    if (c->client != client)
        *c = (struct guard_credit){
            .client = client, .left = GUARD_CREDIT_NEW, .granted = GUARD_CREDIT_NEW};
    else
        grow(&c->left, c->seen_ms, now, GUARD_CREDIT_PER_MS, GUARD_CREDIT_MOST);
    if (c->granted > g->grant) { /* others spent it */
        c->left -= c->granted - g->grant;
        c->granted = g->grant;
    }
    c->seen_ms = now;
    return c;
}

void guard_credit_spend(struct guard *g, struct guard_credit *c, uint64_t units)
{
    uint64_t granted = units < c->granted ? units : c->granted;
    c->granted -= granted;
    g->grant -= granted < g->grant ? granted : g->grant;
    c->left -= units < c->left ? units : c->left;
}
