/* Units to code points to UTF-8. */
#include "hunt/utf16.h"

#include "base/utf8.h"

#define LONGEST 6 /* bytes that one unit may give: U+FFFD for the half before it, and its own */
#define RUN 16    /* units of printable bytes that are text of bytes */

bool utf16_sniff(struct slice head)
{
    bool marked =
        slice_starts(head, SLICE_LIT("\xff\xfe")) || slice_starts(head, SLICE_LIT("\xfe\xff"));
    struct slice rest = slice_sub(head, 2, head.n);
    bool utf32 = head.n >= 4 && head.p[0] == 0xff && head.p[2] == 0 && head.p[3] == 0;
    return marked && !utf32 && slice_index(rest, 0) < rest.n;
}

void utf16_init(struct utf16 *u, const struct stream_source *from)
{
    *u = (struct utf16){.from = *from};
}

static uint32_t unit_at(const struct utf16 *u, size_t i)
{
    uint32_t a = u->left[i], b = u->left[i + 1];
    return u->big ? a << 8 | b : b << 8 | a;
}

/* One unit; how many bytes it gives. */
static size_t step(struct utf16 *u, uint32_t unit, uint8_t *to)
{
    size_t n = 0;
    uint32_t high = u->high;
    bool is_low = unit >= 0xdc00 && unit < 0xe000;
    u->high = 0;
    if (high && is_low)
        return utf8_encode(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), to);
    if (high)
        n = utf8_encode(UTF8_BAD, to);
    if (unit >= 0xd800 && unit < 0xdc00)
        u->high = unit;
    else
        n += utf8_encode(is_low ? UTF8_BAD : unit, to + n);
    return n;
}

static bool may_escape(uint8_t c)
{
    return c == '$' || c == '%' || c == '&' || c == '\\';
}

static bool prints(uint8_t c)
{
    return c >= 0x20 && c < 0x7f;
}

/* Whether the pair at i is two bytes of text. *ret_more: what follows would have to be known. */
static bool is_bytes(const struct utf16 *u, size_t i, bool *ret_more)
{
    const uint8_t *p = u->left + i;
    if (u->bytes || may_escape(p[0]) || may_escape(p[1]))
        return true;
    for (size_t k = 0; k < 2 * (size_t)RUN; k++) {
        if (i + k >= u->left_n) {
            *ret_more = true;
            return false;
        }
        if (!prints(p[k]))
            return false;
    }
    return true;
}

/* The pair at i; how many bytes it gives. */
static size_t pair(struct utf16 *u, size_t i, uint8_t *to)
{
    uint8_t a = u->left[i], b = u->left[i + 1];
    size_t n = 0;
    if (a && b && !u->bytes)
        return step(u, unit_at(u, i), to);
    if (u->high)
        n = utf8_encode(UTF8_BAD, to);
    u->high = 0;
    if (a || !b)
        to[n++] = a;
    if (b)
        to[n++] = b;
    return n;
}

/* The first bytes: the mark. */
static void begin(struct utf16 *u, size_t *at)
{
    if (u->begun || u->left_n < 2)
        return;
    u->begun = true;
    u->big = u->left[0] == 0xfe;
    *at = 2;
}

enum status utf16_read(void *utf16, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct utf16 *u = utf16;
    size_t wrote = 0;
    while (wrote == 0 && !u->ended) {
        size_t at = 0, got = 0;
        enum status st = OK;
        size_t room = sizeof u->left - u->left_n;
        if (room)
            st = u->from.read(u->from.ctx, u->left + u->left_n, room, &got, e);
        if (st != OK)
            return st;
        u->left_n += got;
        u->drained = room && got == 0;
        u->ended = u->drained && u->left_n < 2;
        begin(u, &at);
        for (; at + 2 <= u->left_n && wrote + LONGEST <= n; at += 2) {
            bool more = false, text = u->left[at] && u->left[at + 1];
            u->bytes = text && is_bytes(u, at, &more);
            if (more && !u->drained)
                break; /* the buffer is not full then */
            wrote += pair(u, at, to + wrote);
        }
        u->left_n -= at;
        memmove(u->left, u->left + at, u->left_n);
    }
    if (u->ended && wrote + 4 <= n && (u->high || u->left_n)) {
        wrote += utf8_encode(UTF8_BAD, to + wrote);
        u->high = 0;
        u->left_n = 0;
    }
    *ret_n = wrote;
    return OK;
}
