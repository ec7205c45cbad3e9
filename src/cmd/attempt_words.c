/* Why an attempt cannot reach. See attempt_words.h. */
#include "cmd/attempt_words.h"

#include "base/text.h"
#include "base/utf8.h"

#include <ctype.h>

enum { SHOWN = 100 }; /* bytes of a text within a sentence */

const char *attempt_words(enum lang lang, enum attempt_reason reason)
{
    switch (reason) {
    case ATTEMPT_BUDGET:
        return T(lang, "longer or more nested than can be evaluated");
    case ATTEMPT_CYCLE:
        return T(lang, "the substitution ends in an error before the lookup");
    case ATTEMPT_BASE64:
        return T(lang, "base64: is no lookup of any version");
    case ATTEMPT_INERT:
        return T(lang, "jndi is named and not reached: misspelt or escaped");
    case ATTEMPT_NO_REASON:
        break;
    }
    return NULL;
}

void attempt_add_sentence(struct buf *out, const char *sentence, struct slice a, struct slice b)
{
    struct slice texts[] = {a, b};
    size_t next = 0;
    for (const char *p = sentence; *p; p++) {
        if (p[0] != '%' || p[1] != 's' || next == ARRAY_LEN(texts)) {
            (void)buf_add_char(out, *p);
            continue;
        }
        struct slice s = texts[next++];
        size_t n = utf8_floor(s, SHOWN);
        (void)text_add_escaped(out, slice_sub(s, 0, n));
        (void)buf_add_str(out, n < s.n ? "…" : "");
        p++;
    }
}

/* What is wrong with the ${ at `at`, behind which jndi is named. NULL: nothing of the kind. */
static const char *misspelling(enum lang lang, struct slice s, size_t at, struct slice *ret)
{
    size_t name = at + 2, jndi = name;
    while (jndi < s.n && (s.p[jndi] == ' ' || s.p[jndi] == '\t'))
        jndi++;
    if (s.n - jndi < 4 || strncasecmp((const char *)s.p + jndi, "jndi", 4) != 0)
        return NULL;
    size_t end = jndi + 4;
    struct slice behind = slice_sub(s, end, s.n);
    if (jndi > name) {
        *ret = slice_sub(s, name, end - name);
        return T(lang, "the name is \"%s\", with a space before it");
    }
    if (at > 0 && s.p[at - 1] == '$') {
        *ret = slice_sub(s, at - 1, end - at + 1);
        return T(lang, "in %s the first dollar makes the rest plain text");
    }
    if (behind.n == 0)
        return T(lang, "the text ends before the colon that has to follow jndi");
    if (slice_starts(behind, SLICE_LIT(":-"))) {
        *ret = slice_sub(s, end, 2);
        return T(lang, "%s stands behind jndi: what follows is a default and no address");
    }
    while (end < s.n && (isalnum(s.p[end]) || s.p[end] == '_' || s.p[end] == '-'))
        end++;
    if (end > jndi + 4) {
        *ret = slice_sub(s, jndi, end - jndi);
        return T(lang, "the name is \"%s\" and not jndi");
    }
    if (behind.p[0] == ':')
        return NULL;
    size_t n;
    bool ok;
    (void)utf8_decode(slice_sub(behind, 0, 4), &n, &ok);
    *ret = slice_sub(behind, 0, n);
    return T(lang, "behind jndi stands \"%s\" where a colon has to be");
}

static void add_inert(struct buf *out, enum lang lang, struct slice s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        struct slice piece = {0};
        if (s.p[i] != '$' || s.p[i + 1] != '{')
            continue;
        const char *sentence = misspelling(lang, s, i, &piece);
        if (sentence) {
            attempt_add_sentence(out, sentence, piece, (struct slice){0});
            return;
        }
    }
    (void)buf_add_str(out, attempt_words(lang, ATTEMPT_INERT));
}

void attempt_add_words(struct buf *out, enum lang lang, enum attempt_reason reason,
                       struct slice text, struct slice ending, bool within_itself)
{
    const char *general = attempt_words(lang, reason);
    if (reason == ATTEMPT_INERT) {
        add_inert(out, lang, text);
    } else if (reason == ATTEMPT_CYCLE && ending.n) {
        attempt_add_sentence(out,
                             within_itself
                                 ? T(lang, "%s stands within itself, which is an error: the event "
                                           "is lost before the lookup")
                                 : T(lang, "%s is an error: the event is lost before the lookup"),
                             ending, (struct slice){0});
    } else if (general) {
        (void)buf_add_str(out, general);
    }
}
