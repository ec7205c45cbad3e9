/* Units to code points to UTF-8. */
#include "hunt/wide.h"

#include "base/utf8.h"

#define LONGEST 6 /* bytes that one unit may give: U+FFFD for the half before it, and its own */
#define RUN 16    /* units of printable bytes that are text of bytes */
#define FEWEST 8  /* units that tell text without a mark: ${jndi:x is as long */

static const struct {
    struct slice mark;
    struct wide_form form;
} forms[] = {
    /* the longer before the one that it begins with */
    {SLICE_LIT("\xff\xfe\0\0"), {4, false, 4}},
    {SLICE_LIT("\0\0\xfe\xff"), {4, true, 4}},
    {SLICE_LIT("\xff\xfe"), {2, false, 2}},
    {SLICE_LIT("\xfe\xff"), {2, true, 2}},
};

static uint32_t unit_of(const uint8_t *p, const struct wide_form *f)
{
    uint32_t v = 0;
    for (size_t i = 0; i < f->width; i++)
        v = v << 8 | p[f->big ? i : f->width - 1 - i];
    return v;
}

/* A scalar value of a plane that has any characters. */
static bool is_character(uint32_t cp)
{
    return cp < 0xd800 || (cp >= 0xe000 && cp < 0x40000) || (cp >= 0xe0000 && cp <= 0x10ffff);
}

static bool prints(uint32_t c)
{
    return c >= 0x20 && c < 0x7f;
}

static bool is_ascii_text(uint32_t c)
{
    return prints(c) || (c >= '\a' && c <= '\r') || c == 0x1b;
}

/* Whether most units are of a text; all need not be, for an attacker may have written some.
 * Any two bytes are a unit of UTF-16, so only ASCII counts there. */
static bool is_text_of(struct slice head, const struct wide_form *f)
{
    size_t units = head.n / f->width, text = 0;
    for (size_t i = 0; i < units; i++) {
        uint32_t c = unit_of(head.p + i * f->width, f);
        text += is_ascii_text(c) || (f->width == 4 && c >= 0xa0 && is_character(c));
    }
    return units >= FEWEST && text * 2 > units;
}

static bool is_marked(struct slice head, size_t i)
{
    struct slice rest = slice_sub(head, forms[i].form.mark, head.n);
    return slice_starts(head, forms[i].mark) &&
           (forms[i].form.width == 4 || slice_index(rest, 0) < rest.n);
}

bool wide_sniff(struct slice head, struct wide_form *ret)
{
    for (int marked = 1; marked >= 0; marked--) {
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
            struct wide_form f = forms[i].form;
            f.mark = marked ? f.mark : 0;
            if (!(marked ? is_marked(head, i) : is_text_of(head, &f)))
                continue;
            if (ret)
                *ret = f;
            return true;
        }
    }
    return false;
}

void wide_init(struct wide *w, const struct wide_form *form, const struct stream_source *from)
{
    *w = (struct wide){.from = *from, .form = *form};
}

/* A unit of UTF-16; how many bytes it gives. */
static size_t step(struct wide *w, uint32_t unit, uint8_t *to)
{
    size_t n = 0;
    uint32_t high = w->high;
    bool is_low = unit >= 0xdc00 && unit < 0xe000;
    w->high = 0;
    if (high && is_low)
        return utf8_encode(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), to);
    if (high)
        n = utf8_encode(UTF8_BAD, to);
    if (unit >= 0xd800 && unit < 0xdc00)
        w->high = unit;
    else
        n += utf8_encode(is_low ? UTF8_BAD : unit, to + n);
    return n;
}

static bool may_escape(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] == '$' || p[i] == '%' || p[i] == '&' || p[i] == '\\')
            return true;
    return false;
}

/* Whether the unit at i is bytes of a text. *ret_more: what follows would have to be known. In
 * UTF-32 no printable bytes are a character together. */
static bool is_bytes(const struct wide *w, size_t i, bool *ret_more)
{
    const uint8_t *p = w->left + i;
    if (may_escape(p, w->form.width))
        return true;
    if (w->form.width == 4)
        return !is_character(unit_of(p, &w->form));
    if (w->bytes)
        return true;
    for (size_t k = 0; k < 2 * (size_t)RUN; k++) {
        if (i + k >= w->left_n) {
            *ret_more = true;
            return false;
        }
        if (!prints(p[k]))
            return false;
    }
    return true;
}

static size_t count_nonzero(const uint8_t *p, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += p[i] != 0;
    return count;
}

/* The unit at i; how many bytes it gives. One byte among zeros is itself, so that nothing depends
 * on where units begin. */
static size_t put_unit(struct wide *w, size_t i, uint8_t *to)
{
    const uint8_t *p = w->left + i;
    size_t n = 0, nonzero = count_nonzero(p, w->form.width);
    if (nonzero > 1 && !w->bytes) {
        uint32_t unit = unit_of(p, &w->form);
        return w->form.width == 4 ? utf8_encode(unit, to) : step(w, unit, to);
    }
    if (w->high)
        n = utf8_encode(UTF8_BAD, to);
    w->high = 0;
    if (nonzero == 0)
        to[n++] = 0;
    for (size_t k = 0; k < w->form.width; k++)
        if (p[k])
            to[n++] = p[k];
    return n;
}

/* What is left at the end: half a pair, a part of a unit, of which text of bytes may be the end. */
static size_t put_end(struct wide *w, uint8_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < w->left_n; i++)
        if (prints(w->left[i]))
            to[n++] = w->left[i];
    if (n == 0)
        n = utf8_encode(UTF8_BAD, to);
    w->high = 0;
    w->left_n = 0;
    return n;
}

enum status wide_read(void *wide, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct wide *w = wide;
    size_t wrote = 0, width = w->form.width;
    while (wrote == 0 && !w->ended) {
        size_t at = 0, got = 0;
        enum status st = OK;
        size_t room = sizeof w->left - w->left_n;
        if (room)
            st = w->from.read(w->from.ctx, w->left + w->left_n, room, &got, e);
        if (st != OK)
            return st;
        w->left_n += got;
        w->drained = room && got == 0;
        w->ended = w->drained && w->left_n < width;
        if (!w->begun && w->left_n >= w->form.mark) {
            w->begun = true;
            at = w->form.mark;
        }
        for (; at + width <= w->left_n && wrote + LONGEST <= n; at += width) {
            bool more = false, text = count_nonzero(w->left + at, width) > 1;
            w->bytes = text && is_bytes(w, at, &more);
            if (more && !w->drained)
                break; /* the buffer is not full then */
            wrote += put_unit(w, at, to + wrote);
        }
        w->left_n -= at;
        memmove(w->left, w->left + at, w->left_n);
    }
    if (w->ended && wrote + LONGEST <= n && (w->high || w->left_n))
        wrote += put_end(w, to + wrote);
    *ret_n = wrote;
    return OK;
}
