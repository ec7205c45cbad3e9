/* Compares versions token by token: runs of digits as numbers, runs of letters as qualifiers with
 * Maven's known order; what is missing counts as 0 or as the release itself. */
#include "profile/version.h"

#include <strings.h>

struct token {
    struct slice text;
    bool number;
    bool none;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_sep(uint8_t c)
{
    return c == '.' || c == '-' || c == '_' || c == '+';
}

static struct token next_token(struct slice *rest)
{
    while (rest->n && is_sep(rest->p[0]))
        *rest = slice_sub(*rest, 1, rest->n);
    struct token t = {.none = rest->n == 0};
    if (t.none)
        return t;
    t.number = is_digit(rest->p[0]);
    size_t n = 0;
    while (n < rest->n && !is_sep(rest->p[n]) && is_digit(rest->p[n]) == t.number)
        n++;
    t.text = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, n, rest->n);
    while (t.number && t.text.n && t.text.p[0] == '0')
        t.text = slice_sub(t.text, 1, t.text.n);
    return t;
}

static bool same_word(struct slice a, const char *word)
{
    return a.n == strlen(word) && strncasecmp((const char *)a.p, word, a.n) == 0;
}

/* Maven's known qualifiers; 5 is the release, 7 an unknown word, 8 a number. */
static int rank(const struct token *t)
{
    static const struct {
        const char *word;
        int rank;
    } words[] = {{"alpha", 0}, {"a", 0},       {"beta", 1}, {"b", 1},        {"milestone", 2},
                 {"m", 2},     {"rc", 3},      {"cr", 3},   {"snapshot", 4}, {"ga", 5},
                 {"final", 5}, {"release", 5}, {"sp", 6}};
    if (t->none)
        return 5;
    if (t->number)
        return t->text.n ? 8 : 5;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (same_word(t->text, words[i].word))
            return words[i].rank;
    return 7;
}

static int compare_tokens(const struct token *a, const struct token *b)
{
    int ra = rank(a), rb = rank(b);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    if (ra < 7)
        return 0;
    if (ra == 8 && a->text.n != b->text.n)
        return a->text.n < b->text.n ? -1 : 1;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int c = n ? strncasecmp((const char *)a->text.p, (const char *)b->text.p, n) : 0;
    if (c != 0)
        return c;
    return a->text.n == b->text.n ? 0 : a->text.n < b->text.n ? -1 : 1;
}

int version_compare(struct slice a, struct slice b)
{
    while (a.n || b.n) {
        struct token ta = next_token(&a), tb = next_token(&b);
        int c = compare_tokens(&ta, &tb);
        if (c != 0)
            return c;
    }
    return 0;
}

bool version_valid(struct slice v)
{
    if (v.n == 0 || v.n > 64 || !is_digit(v.p[0]))
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (!is_sep(v.p[i]) && !is_digit(v.p[i]) && !((v.p[i] | 32) >= 'a' && (v.p[i] | 32) <= 'z'))
            return false;
    return true;
}
