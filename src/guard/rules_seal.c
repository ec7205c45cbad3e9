/* The checksum of a file: SHA-256 (FIPS 180-4) over its lines, each with one LF at its end however
 * it ended in the file, so that a copy with CRLF has the same. */
#include "base/text.h"
#include "guard/rules_int.h"

static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void add_block(struct rule_sha256 *s)
{
    uint32_t w[64], v[8];
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
               (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
    for (size_t i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(v, s->state, sizeof v);
    for (size_t i = 0; i < 64; i++) {
        uint32_t one = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) +
                       ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constant[i] + w[i];
        uint32_t two = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
                       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (size_t i = 0; i < 8; i++)
        s->state[i] += v[i];
}

void rule_sha256_init(struct rule_sha256 *s)
{
    *s = (struct rule_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                        0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void rule_sha256_add(struct rule_sha256 *s, struct slice bytes)
{
    while (bytes.n) {
        size_t at = s->bytes % sizeof s->block, n = sizeof s->block - at;
        if (n > bytes.n)
            n = bytes.n;
        memcpy(s->block + at, bytes.p, n);
        bytes = slice_sub(bytes, n, bytes.n);
        s->bytes += n;
        if (at + n == sizeof s->block)
            add_block(s);
    }
}

void rule_sha256_hex(struct rule_sha256 *s, char out[RULE_SHA256_HEX])
{
    uint8_t length[8];
    for (size_t i = 0; i < 8; i++)
        length[i] = (uint8_t)(s->bytes * 8 >> (56 - 8 * i));
    rule_sha256_add(s, slice_of("\x80", 1));
    while (s->bytes % sizeof s->block != 56)
        rule_sha256_add(s, slice_of("", 1));
    rule_sha256_add(s, slice_of(length, sizeof length));
    for (size_t i = 0; i < 8; i++)
        (void)snprintf(out + 8 * i, 9, "%08x", s->state[i]);
}

enum status guard_rules_seal(struct slice text, struct buf *out, struct err *e)
{
    struct rule_sha256 sum;
    struct rule_words words;
    struct slice rest = text, line;
    char hex[RULE_SHA256_HEX];
    unsigned number = 0;
    bool sealed = false;
    rule_sha256_init(&sum);
    while (slice_next_line(&rest, &line)) {
        enum status st = rule_words_read(line, &words, e);
        number++;
        if (st == OK && sealed && line.n)
            st = err_set(e, ST_INVALID, N_("nothing may stand behind the checksum"));
        if (st != OK) {
            err_prefix(e, N_("line %u"), number);
            return st;
        }
        sealed |= words.n && slice_eq_str(words.word[0].text, "checksum");
        if (sealed)
            continue;
        rule_sha256_add(&sum, line);
        rule_sha256_add(&sum, slice_of("\n", 1));
        (void)buf_add_slice(out, line);
        (void)buf_add_char(out, '\n');
    }
    rule_sha256_hex(&sum, hex);
    if (buf_addf(out, "checksum sha256 %s\n", hex) != OK)
        return err_set(e, buf_status(out),
                       buf_status(out) == ST_NOMEM ? N_("not enough memory") : N_("too long"));
    return OK;
}
