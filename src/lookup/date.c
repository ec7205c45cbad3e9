/* The date lookup, for one assumed moment: no field's text helps to build a payload, so which
 * moment does not matter; quoted and other characters do. Rules: docs/lookups.md, date. */
#include "lookup/resolve.h"

/* Wednesday 2021-12-08 21:46:40.000 UTC */
static const char fallback[] = "12/8/21, 9:46 PM";

struct field {
    char letter;
    int number;       /* zero-padded to the run's length */
    const char *text; /* instead, when the run is shorter than `from` */
    const char *more; /* when it is not */
    size_t from;
};

static const struct field fields[] = {
    {'G', 0, "AD", "AD", 4},       {'M', 12, NULL, NULL, 0},
    {'L', 12, NULL, NULL, 0},      {'d', 8, NULL, NULL, 0},
    {'k', 21, NULL, NULL, 0},      {'H', 21, NULL, NULL, 0},
    {'m', 46, NULL, NULL, 0},      {'s', 40, NULL, NULL, 0},
    {'S', 0, NULL, NULL, 0},       {'E', 0, "Wed", "Wednesday", 4},
    {'D', 342, NULL, NULL, 0},     {'F', 2, NULL, NULL, 0},
    {'w', 50, NULL, NULL, 0},      {'W', 2, NULL, NULL, 0},
    {'a', 0, "PM", "PM", 4},       {'h', 9, NULL, NULL, 0},
    {'K', 9, NULL, NULL, 0},       {'z', 0, "UTC", "Coordinated Universal Time", 4},
    {'Z', 0, "+0000", "+0000", 4}, {'y', 2021, NULL, NULL, 0},
    {'Y', 2021, NULL, NULL, 0},    {'u', 3, NULL, NULL, 0},
    {'X', 0, "Z", "Z", 4},
};

static const struct field *field_of(uint8_t letter)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if ((uint8_t)fields[i].letter == letter)
            return &fields[i];
    }
    return NULL;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put_field(const struct field *f, size_t run, struct buf *out)
{
    char digits[16];
    if (f->text) {
        (void)buf_add_str(out, run < f->from ? f->text : f->more);
        return;
    }
    if (f->number == 12 && run >= 3) {
        (void)buf_add_str(out, run == 3 ? "Dec" : "December");
        return;
    }
    int n = snprintf(digits, sizeof digits, "%d", f->number == 2021 && run == 2 ? 21 : f->number);
    for (size_t i = (size_t)n; i < run && buf_status(out) == OK; i++)
        (void)buf_add_char(out, '0');
    (void)buf_add_str(out, digits);
}

/* False: the pattern is none. */
static bool format(struct slice p, struct buf *out)
{
    bool quoted = false;
    for (size_t i = 0; i < p.n;) {
        uint8_t c = p.p[i];
        if (c == '\'') {
            bool twice = i + 1 < p.n && p.p[i + 1] == '\'';
            if (twice)
                (void)buf_add_char(out, '\'');
            else
                quoted = !quoted;
            i += twice ? 2 : 1;
        } else if (quoted || !is_letter(c)) {
            (void)buf_add_char(out, (char)c);
            i++;
        } else {
            const struct field *f = field_of(c);
            size_t run = 1;
            while (i + run < p.n && p.p[i + run] == c)
                run++;
            if (!f || (c == 'X' && run >= 4))
                return false;
            put_field(f, run, out);
            i += run;
        }
    }
    return !quoted;
}

void resolve_date(struct slice pattern, struct buf *out)
{
    size_t start = out->n;
    if (!format(pattern, out)) {
        buf_cut(out, start);
        (void)buf_add_str(out, fallback);
    }
}
