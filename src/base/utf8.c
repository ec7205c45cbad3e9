/* UTF-8 (RFC 3629). See utf8.h. */
#include "base/utf8.h"

uint32_t utf8_decode(struct slice s, size_t *ret_n, bool *ret_ok)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    *ret_n = 1;
    *ret_ok = false;
    if (s.n == 0)
        return UTF8_BAD;
    uint8_t c = s.p[0];
    if (c < 0x80) {
        *ret_ok = true;
        return c;
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > s.n)
        return UTF8_BAD;
    uint32_t cp = c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s.p[i] & 0xc0) != 0x80)
            return UTF8_BAD;
        cp = cp << 6 | (s.p[i] & 0x3fu);
    }
    if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return UTF8_BAD;
    *ret_n = n;
    *ret_ok = true;
    return cp;
}

bool utf8_valid(struct slice s, size_t *ret_at)
{
    for (size_t i = 0; i < s.n;) {
        size_t n;
        bool ok;
        (void)utf8_decode(slice_sub(s, i, 4), &n, &ok);
        if (!ok) {
            if (ret_at)
                *ret_at = i;
            return false;
        }
        i += n;
    }
    return true;
}

size_t utf8_encode(uint32_t cp, uint8_t out[4])
{
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (uint8_t)(0xc0 | cp >> 6);
        out[1] = (uint8_t)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (uint8_t)(0xe0 | cp >> 12);
        out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | cp >> 18);
    out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (cp & 0x3f));
    return 4;
}

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(const struct range *r, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++) {
        if (cp >= r[i].first && cp <= r[i].last)
            return true;
    }
    return false;
}

int utf8_width(uint32_t cp)
{
    static const struct range zero[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
        {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    };
    static const struct range wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
        {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return 0;
    if (cp < 0x300)
        return 1;
    if (in_ranges(zero, ARRAY_LEN(zero), cp))
        return 0;
    return in_ranges(wide, ARRAY_LEN(wide), cp) ? 2 : 1;
}

size_t utf8_floor(struct slice s, size_t max)
{
    if (max >= s.n)
        return s.n;
    size_t n = max;
    while (n > 0 && max - n < 4 && (s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}
