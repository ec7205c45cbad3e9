/* The first two bytes of a deflate stream (RFC 1951), and nothing more. Looking at the head of
 * every entry of every archive is most of a scan's work; making zlib's tables for it costs three
 * times this. */
#include "codec/inflate.h"

enum {
    MAX_BITS = 15,
    LITERALS = 288, /* of the fixed code; a dynamic one has 286 at most */
    LENGTH_CODES = 19,
    ALL_LENGTHS = 286 + 32 /* of a dynamic block: literals and distances */
};

struct bits {
    struct slice in;
    size_t at;
    uint64_t hold;
    unsigned have;
};

/* Makes at least n <= 32 bits ready; false at the end of the input. */
static bool need(struct bits *b, unsigned n)
{
    while (b->have < n) {
        if (b->at == b->in.n)
            return false;
        b->hold |= (uint64_t)b->in.p[b->at++] << b->have;
        b->have += 8;
    }
    return true;
}

static unsigned take(struct bits *b, unsigned n)
{
    unsigned v = (unsigned)(b->hold & ((1u << n) - 1));
    b->hold >>= n;
    b->have -= n;
    return v;
}

/* A code by its lengths (3.2.2): the symbol that the next bits are. Symbols are not sorted, because
 * only two are ever asked for. */
static enum status one_symbol(struct bits *b, const uint8_t *lengths, unsigned n, unsigned *ret)
{
    uint16_t count[MAX_BITS + 1] = {0};
    unsigned code = 0, first = 0;
    for (unsigned i = 0; i < n; i++)
        count[lengths[i]]++;
    for (unsigned len = 1; len <= MAX_BITS; len++) {
        if (!need(b, 1))
            return ST_END;
        code = code << 1 | take(b, 1);
        first <<= 1;
        if (code < first)
            return ST_MALFORMED;
        if (code - first < count[len]) {
            unsigned nth = code - first;
            for (unsigned i = 0; i < n; i++)
                if (lengths[i] == len && nth-- == 0) {
                    *ret = i;
                    return OK;
                }
        }
        first += count[len];
    }
    return ST_MALFORMED;
}

/* The code of code lengths as a table of 7 bits: symbol and length in one, 0 where there is none.
 */
static bool length_table(const uint8_t lengths[LENGTH_CODES], uint8_t table[128])
{
    unsigned code = 0;
    for (unsigned len = 1; len <= 7; len++) {
        for (unsigned i = 0; i < LENGTH_CODES; i++) {
            if (lengths[i] != len)
                continue;
            if (code >= 1u << len)
                return false;
            unsigned reversed = 0;
            for (unsigned k = 0; k < len; k++)
                reversed |= (code >> k & 1) << (len - 1 - k);
            for (unsigned at = reversed; at < 128; at += 1u << len)
                table[at] = (uint8_t)(i << 3 | len);
            code++;
        }
        code <<= 1;
    }
    return true;
}

/* 3.2.7: the lengths of the literals' code, and behind them those of the distances' code. */
static enum status read_lengths(struct bits *b, uint8_t lengths[ALL_LENGTHS], unsigned *ret_n)
{
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t code_lengths[LENGTH_CODES] = {0}, table[128] = {0};
    if (!need(b, 14))
        return ST_END;
    unsigned n = take(b, 5) + 257;
    unsigned all = n + take(b, 5) + 1; /* the lengths of the distances' code follow, unparted */
    unsigned codes = take(b, 4) + 4;
    if (n > 286)
        return ST_MALFORMED;
    for (unsigned i = 0; i < codes; i++) {
        if (!need(b, 3))
            return ST_END;
        code_lengths[order[i]] = (uint8_t)take(b, 3);
    }
    if (!length_table(code_lengths, table))
        return ST_MALFORMED;
    for (unsigned i = 0; i < all;) {
        if (!need(b, 14)) /* a code of 7 bits and what may follow: less is only near the end */
            return ST_END;
        unsigned entry = table[b->hold & 127], symbol = entry >> 3;
        if (entry == 0)
            return ST_MALFORMED;
        (void)take(b, entry & 7);
        unsigned repeat = 1;
        uint8_t value = (uint8_t)symbol;
        if (symbol >= 16) {
            if (symbol == 16 && i == 0)
                return ST_MALFORMED;
            value = symbol == 16 ? lengths[i - 1] : 0;
            repeat = symbol == 16   ? 3 + take(b, 2)
                     : symbol == 17 ? 3 + take(b, 3)
                                    : 11 + take(b, 7);
        }
        for (; repeat && i < all; repeat--)
            lengths[i++] = value;
    }
    *ret_n = n;
    return OK;
}

/* 3.2.6: the fixed code */
static unsigned fixed_lengths(uint8_t lengths[ALL_LENGTHS])
{
    for (unsigned i = 0; i < LITERALS; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    return LITERALS;
}

enum status inflate_first_bytes(struct slice packed, uint8_t ret[2])
{
    struct bits b = {.in = packed};
    uint8_t lengths[ALL_LENGTHS] = {0};
    unsigned n = 0, symbols[2] = {0, 0};
    enum status st = OK;
    if (!need(&b, 3))
        return ST_END;
    (void)take(&b, 1);
    switch (take(&b, 2)) {
    case 0: /* 3.2.4: stored; the length and its complement stand at the next byte */
        if (packed.n < 7)
            return ST_END;
        if (packed.p[1] < 2 && packed.p[2] == 0)
            return ST_UNSUPPORTED; /* a block of less than two bytes, and then another */
        ret[0] = packed.p[5];
        ret[1] = packed.p[6];
        return OK;
    case 1:
        n = fixed_lengths(lengths);
        break;
    case 2:
        st = read_lengths(&b, lengths, &n);
        break;
    default:
        return ST_MALFORMED;
    }
    for (size_t i = 0; st == OK && i < ARRAY_LEN(symbols); i++) {
        st = one_symbol(&b, lengths, n, &symbols[i]);
        if (st == OK && symbols[i] > 255)
            st = ST_UNSUPPORTED; /* a copy of the first byte, or the end of the block */
    }
    if (st == OK) {
        ret[0] = (uint8_t)symbols[0];
        ret[1] = (uint8_t)symbols[1];
    }
    return st;
}
