/* The words of a line of rules.
 *
 *   line   = [ word *( blank word ) ] [ blank ] [ "#" comment ]
 *   word   = [ key "=" ] ( quoted | plain )
 *   quoted = DQUOTE *( any byte but DQUOTE and "\" | "\" DQUOTE | "\" "\" | "\" any other ) DQUOTE
 *
 * In quotes \" is a quote and \\ a backslash; a backslash before anything else is one itself, so
 * that expressions need not double it. Outside of quotes a backslash is a byte like others.
 */
#include "base/utf8.h"
#include "guard/rules_int.h"

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static enum status check_bytes(struct slice line, struct err *e)
{
    size_t at = 0;
    if (line.n > LIMIT_GUARD_LINE)
        return err_set(e, ST_LIMIT, N_("longer than %d bytes"), LIMIT_GUARD_LINE);
    if (slice_starts(line, SLICE_LIT("\xef\xbb\xbf")))
        return err_set(e, ST_INVALID,
                       N_("begins with a byte order mark: save the file as UTF-8 without one"));
    if (!utf8_valid(line, &at))
        return err_set(e, ST_INVALID, N_("byte %zu is no UTF-8: save the file as UTF-8"), at + 1);
    for (size_t i = 0; i < line.n; i++)
        if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return err_set(e, ST_INVALID,
                           N_("byte %zu is the control character 0x%x: only tabs may stand here"),
                           i + 1, line.p[i]);
    return OK;
}

/* From behind the opening quote to behind the closing one. */
static enum status read_quoted(struct slice line, size_t *at, uint8_t *out, size_t *n,
                               struct err *e)
{
    size_t i = *at;
    for (; i < line.n && line.p[i] != '"'; i++) {
        if (line.p[i] == '\\' && i + 1 < line.n && (line.p[i + 1] == '"' || line.p[i + 1] == '\\'))
            i++;
        out[(*n)++] = line.p[i];
    }
    if (i == line.n)
        return err_set(e, ST_INVALID, N_("the quote that opens at byte %zu does not close"), *at);
    if (i + 1 < line.n && !blank(line.p[i + 1]))
        return err_set(e, ST_INVALID, N_("byte %zu: behind a closing quote stands a space"), i + 2);
    *at = i + 1;
    return OK;
}

enum status rule_words_read(struct slice line, struct rule_words *ret, struct err *e)
{
    size_t i = 0, used = 0;
    enum status st = check_bytes(line, e);
    ret->n = 0;
    while (st == OK) {
        while (i < line.n && blank(line.p[i]))
            i++;
        if (i == line.n || line.p[i] == '#')
            return OK;
        if (ret->n == RULE_WORDS)
            return err_set(e, ST_INVALID, N_("has more than %d words: put quotes around a text"),
                           RULE_WORDS);
        uint8_t *out = ret->bytes + used;
        size_t n = 0, equals = SIZE_MAX;
        bool may_quote = true;
        for (; st == OK && i < line.n && !blank(line.p[i]);) {
            uint8_t c = line.p[i++];
            if (c == '"' && !may_quote)
                return err_set(e, ST_INVALID,
                               N_("byte %zu: a quote begins a word or stands behind its =; put "
                                  "quotes around the whole word and write \\\" inside"),
                               i);
            if (c == '"') {
                st = read_quoted(line, &i, out, &n, e);
                break;
            }
            out[n++] = c;
            if (c == '=' && equals == SIZE_MAX)
                equals = n - 1;
            may_quote = c == '=' && equals == n - 1;
        }
        ret->word[ret->n++] = (struct rule_word){slice_of(out, n), equals < n ? equals : n};
        used += n;
    }
    return st;
}
