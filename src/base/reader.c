/* Bounded reading of bytes, and the few text primitives on slices. See reader.h, slice.h. */
#include "base/reader.h"

enum status get_bytes(struct reader *r, size_t n, struct slice *ret)
{
    if (n > reader_left(r))
        return ST_MALFORMED;
    *ret = slice_sub(r->in, r->at, n);
    r->at += n;
    return OK;
}

enum status skip_bytes(struct reader *r, size_t n)
{
    if (n > reader_left(r))
        return ST_MALFORMED;
    r->at += n;
    return OK;
}

static enum status get_le(struct reader *r, size_t n, uint64_t *ret)
{
    struct slice b;
    enum status s = get_bytes(r, n, &b);
    if (s != OK)
        return s;
    uint64_t v = 0;
    for (size_t i = n; i > 0; i--)
        v = v << 8 | b.p[i - 1];
    *ret = v;
    return OK;
}

static enum status get_be(struct reader *r, size_t n, uint32_t *ret)
{
    struct slice b;
    enum status s = get_bytes(r, n, &b);
    if (s != OK)
        return s;
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | b.p[i];
    *ret = v;
    return OK;
}

enum status get_u8(struct reader *r, uint8_t *ret)
{
    if (reader_left(r) < 1)
        return ST_MALFORMED;
    *ret = r->in.p[r->at++];
    return OK;
}

enum status get_u16le(struct reader *r, uint16_t *ret)
{
    uint64_t v;
    enum status s = get_le(r, 2, &v);
    if (s == OK)
        *ret = (uint16_t)v;
    return s;
}

enum status get_u32le(struct reader *r, uint32_t *ret)
{
    uint64_t v;
    enum status s = get_le(r, 4, &v);
    if (s == OK)
        *ret = (uint32_t)v;
    return s;
}

enum status get_u64le(struct reader *r, uint64_t *ret)
{
    return get_le(r, 8, ret);
}

enum status get_u16be(struct reader *r, uint16_t *ret)
{
    uint32_t v;
    enum status s = get_be(r, 2, &v);
    if (s == OK)
        *ret = (uint16_t)v;
    return s;
}

enum status get_u32be(struct reader *r, uint32_t *ret)
{
    return get_be(r, 4, ret);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool slice_next_field(struct slice *rest, uint8_t sep, struct slice *ret_field)
{
    if (!rest->p)
        return false;
    size_t at = slice_index(*rest, sep);
    *ret_field = slice_sub(*rest, 0, at);
    /* behind the last field nothing is left, not even an empty field */
    *rest = at < rest->n ? slice_sub(*rest, at + 1, rest->n) : (struct slice){NULL, 0};
    return true;
}

bool slice_next_line(struct slice *rest, struct slice *ret_line)
{
    if (rest->n == 0)
        return false;
    size_t at = slice_index(*rest, '\n');
    struct slice line = slice_sub(*rest, 0, at);
    *rest = slice_sub(*rest, at < rest->n ? at + 1 : at, rest->n);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    *ret_line = line;
    return true;
}

enum status slice_to_u64(struct slice s, uint64_t *ret)
{
    uint64_t v = 0;
    if (s.n == 0)
        return ST_MALFORMED;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return ST_MALFORMED;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return ST_MALFORMED;
    }
    *ret = v;
    return OK;
}

enum status slice_to_i64(struct slice s, int64_t *ret)
{
    bool neg = s.n && s.p[0] == '-';
    uint64_t v;
    enum status st = slice_to_u64(neg ? slice_sub(s, 1, s.n) : s, &v);
    if (st != OK)
        return st;
    if (v > (uint64_t)INT64_MAX + (neg ? 1u : 0u))
        return ST_MALFORMED;
    *ret = neg ? (v == 0 ? 0 : -(int64_t)(v - 1) - 1) : (int64_t)v;
    return OK;
}
