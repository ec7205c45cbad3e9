/* Writes CSV. See csvwrite.h. */
#include "base/csvwrite.h"

static bool is_plain_number(struct slice s)
{
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    bool digit = false;
    bool dot = false;
    for (; i < s.n; i++) {
        if (s.p[i] == '.' && !dot)
            dot = true;
        else if (s.p[i] >= '0' && s.p[i] <= '9')
            digit = true;
        else
            return false;
    }
    return digit;
}

bool csv_is_formula(struct slice s)
{
    if (s.n == 0)
        return false;
    /* U+FF1D = U+FF0B + U+FF0D - U+FF20 @: Japanese Excel takes the full-width forms as well */
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        if (slice_starts(s, slice_str(wide[i])))
            return true;
    }
    if (s.p[0] == 0 || !strchr("=+-@\t\r", s.p[0]))
        return false;
    return !is_plain_number(s);
}

void csv_field(struct csvw *w, struct slice s)
{
    if (w->in_row)
        (void)buf_add_char(w->out, w->sep);
    w->in_row = true;
    bool formula = w->neutralise && csv_is_formula(s);
    bool quote = false;
    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == (uint8_t)w->sep;
    if (quote)
        (void)buf_add_char(w->out, '"');
    if (formula)
        (void)buf_add_char(w->out, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            (void)buf_add_char(w->out, '"');
        (void)buf_add_char(w->out, (char)s.p[i]);
    }
    if (quote)
        (void)buf_add_char(w->out, '"');
}

void csv_end_row(struct csvw *w)
{
    (void)buf_add_str(w->out, "\r\n");
    w->in_row = false;
}
