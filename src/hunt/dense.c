/* Pieces of text in which false openers stand densely: all their escapes undone at once, layer by
 * layer, as opener_full does it at one place. Each layer is one pass, so the cost is linear
 * whatever the text is made of. */
#include "hunt/prefilter.h"

#define LAYERS 4
#define NOT_ASCII '?'

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct undone {
    size_t took; /* 0: no escape */
    uint32_t value;
};

/* From `least` to `most` digits at `at`; took counts them only. */
static struct undone digits(struct slice s, size_t at, int base, size_t least, size_t most)
{
    struct undone u = {0};
    while (u.took < most && at + u.took < s.n) {
        int d = hex(s.p[at + u.took]);
        if (d < 0 || d >= base)
            break;
        u.value = u.value > 0xffff ? u.value : u.value * (uint32_t)base + (uint32_t)d;
        u.took++;
    }
    return u.took < least ? (struct undone){0} : u;
}

static struct undone with(struct undone u, size_t before, size_t behind)
{
    if (u.took)
        u.took += before + behind;
    return u;
}

static struct undone undo_percent(struct slice s, size_t at)
{
    if (at + 1 < s.n && (s.p[at + 1] | 0x20) == 'u')
        return with(digits(s, at + 2, 16, 4, 4), 2, 0);
    return with(digits(s, at + 1, 16, 2, 2), 1, 0);
}

/* `at` is behind the backslashes. */
static struct undone undo_backslash(struct slice s, size_t at)
{
    size_t i = at;
    bool is_x = false;
    for (; i < s.n && ((s.p[i] | 0x20) == 'u' || (s.p[i] | 0x20) == 'x'); i++)
        is_x = (s.p[i] | 0x20) == 'x';
    if (i == at && i < s.n && s.p[i] == '{')
        return (struct undone){1, s.p[i]};
    if (i == at)
        return digits(s, at, 8, 2, 3);
    if (i < s.n && s.p[i] == '{') {
        struct undone u = digits(s, i + 1, 16, 1, 8);
        bool closed = u.took && i + 1 + u.took < s.n && s.p[i + 1 + u.took] == '}';
        return closed ? with(u, i + 1 - at, 1) : (struct undone){0};
    }
    return with(digits(s, i, 16, is_x ? 2 : 4, is_x ? 2 : 4), i - at, 0);
}

static struct undone undo_entity(struct slice s, size_t at)
{
    static const struct {
        const char *name;
        size_t n;
        uint32_t value;
    } names[] = {{"amp", 3, '&'},    {"percnt", 6, '%'}, {"dollar", 6, '$'},
                 {"lbrace", 6, '{'}, {"lcub", 4, '{'},   {"bsol", 4, '\\'}};
    struct undone u = {0};
    if (at + 1 < s.n && s.p[at + 1] == '#') {
        bool is_hex = at + 2 < s.n && (s.p[at + 2] | 0x20) == 'x';
        u = with(digits(s, at + 2 + is_hex, is_hex ? 16 : 10, 1, 16), 2 + is_hex, 0);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(names) && u.took == 0; i++) {
            size_t k = 0;
            while (k < names[i].n && at + 1 + k < s.n &&
                   (s.p[at + 1 + k] | 0x20) == (uint8_t)names[i].name[k])
                k++;
            if (k == names[i].n)
                u = (struct undone){1 + k, names[i].value};
        }
    }
    bool closed = u.took && at + u.took < s.n && s.p[at + u.took] == ';';
    return with(u, 0, closed);
}

/* One layer; *ret_changed: an escape was undone. Returns the length, which is never more. */
static size_t undo(struct slice in, uint8_t *out, bool *ret_changed)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n;) {
        uint8_t c = in.p[i];
        size_t run = 1;
        struct undone u = {0};
        if (c == '%') {
            u = undo_percent(in, i);
        } else if (c == '&') {
            u = undo_entity(in, i);
        } else if (c == '\\') {
            while (i + run < in.n && in.p[i + run] == '\\')
                run++;
            u = with(undo_backslash(in, i + run), run, 0);
        }
        if (u.took) {
            out[n++] = u.value < 0x80 ? (uint8_t)u.value : NOT_ASCII;
            i += u.took;
            *ret_changed = true;
        } else {
            for (; run; run--)
                out[n++] = in.p[i++];
        }
    }
    return n;
}

static bool has_opener(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        i += slice_index(slice_sub(s, i, s.n), '$');
        if (i + 1 < s.n &&
            (s.p[i + 1] == '{' || (s.p[i + 1] == 0 && i + 2 < s.n && s.p[i + 2] == '{')))
            return true;
    }
    return false;
}

bool opener_in_piece(struct slice piece, uint8_t scratch[2][OPENER_PIECE])
{
    struct slice text = slice_sub(piece, 0, OPENER_PIECE);
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        bool changed = false;
        uint8_t *to = scratch[layer & 1];
        text = slice_of(to, undo(text, to, &changed));
        if (has_opener(text))
            return true;
        if (!changed)
            return false;
    }
    return false;
}
