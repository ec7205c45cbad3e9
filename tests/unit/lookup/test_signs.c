/* What a text is seen to hold, against a byte at a time, at every length and place. */
#include "unit.h"

#include "lookup/signs.h"

#define LONGEST 150

static unsigned plain_signs(struct slice s)
{
    unsigned signs = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        signs |= c == '{' && i && s.p[i - 1] == '$' ? SIGN_OPENER : 0;
        signs |= c == '%' ? SIGN_PERCENT : c == '\\' ? SIGN_BACKSLASH : 0;
        signs |= c == '&' ? SIGN_ENTITY : c == 0 ? SIGN_NUL : 0;
        signs |= c == 'g' || c == 'G' ? SIGN_G : c == 0xc4 ? SIGN_DOTTED : 0;
        signs |= c == 'j' || c == 'J' ? SIGN_J : c == ':' ? SIGN_COLON : 0;
    }
    return signs;
}

/* Blocks of exactly n bytes, so that a sanitizer sees reading past the end. */
static void at_every_place(void **state)
{
    (void)state;
    static const char signs[] = "${%\\&}gGjJ:\xc4";
    for (size_t n = 0; n < LONGEST; n++) {
        uint8_t *p = malloc(n + 1);
        assert_non_null(p);
        for (size_t at = 0; at < n; at++) {
            for (size_t k = 0; k < sizeof signs; k++) {
                memset(p, 'a', n + 1);
                struct slice s = slice_of(p + 1, n);
                p[0] = '$'; /* not of the text */
                p[1 + at] = (uint8_t)signs[k];
                p[1 + (at + 1) % n] = (uint8_t)signs[(k + 1) % sizeof signs];
                if (signs_of(s) != plain_signs(s))
                    fail_msg("%zu bytes, %02x at %zu: %x", n, (unsigned)p[1 + at], at, signs_of(s));
                for (size_t from = 0; from < n; from += BRACKETS_BLOCK) {
                    struct brackets b = brackets_of(s, from);
                    for (size_t i = 0; i < BRACKETS_BLOCK; i++) {
                        size_t here = from + i;
                        bool opens = here && here < n && s.p[here] == '{' && s.p[here - 1] == '$';
                        assert_int_equal(b.opens >> i & 1, opens);
                        assert_int_equal(b.closes >> i & 1, here < n && s.p[here] == '}');
                    }
                }
            }
        }
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(at_every_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
