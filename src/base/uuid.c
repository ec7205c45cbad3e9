/* SHA-1 (RFC 3174), and the UUID made of it. */
#include "base/uuid.h"

#include <stdio.h>

struct sha1 {
    uint32_t h[5];
    uint8_t block[64];
    uint64_t n; /* bytes so far */
};

static uint32_t turn(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void digest_block(struct sha1 *s)
{
    uint32_t w[80], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];
    for (size_t i = 0; i < 16; i++) {
        const uint8_t *p = s->block + i * 4;
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (size_t i = 16; i < 80; i++)
        w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (size_t i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t t = turn(a, 5) + f + e + w[i];
        e = d;
        d = c;
        c = turn(b, 30);
        b = a;
        a = t;
    }
    const uint32_t more[5] = {a, b, c, d, e};
    for (size_t i = 0; i < 5; i++)
        s->h[i] += more[i];
}

static void add_byte(struct sha1 *s, uint8_t c)
{
    s->block[s->n++ % 64] = c;
    if (s->n % 64 == 0)
        digest_block(s);
}

static void add(struct sha1 *s, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_byte(s, p[i]);
}

static void end(struct sha1 *s)
{
    uint64_t bits = s->n * 8;
    add_byte(s, 0x80);
    while (s->n % 64 != 56)
        add_byte(s, 0);
    for (unsigned i = 0; i < 8; i++)
        add_byte(s, (uint8_t)(bits >> (56 - 8 * i)));
}

void uuid_of_name(const uint8_t space[16], struct slice name, char out[UUID_SIZE])
{
    struct sha1 s = {.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    add(&s, space, 16);
    add(&s, name.p, name.n);
    end(&s);
    (void)snprintf(out, UUID_SIZE, "%08x-%04x-5%03x-%04x-%04x%08x", (unsigned)s.h[0],
                   (unsigned)(s.h[1] >> 16), (unsigned)(s.h[1] & 0xfff),
                   (unsigned)(s.h[2] >> 16 & 0x3fff) | 0x8000U, (unsigned)(s.h[2] & 0xffff),
                   (unsigned)s.h[3]);
}
