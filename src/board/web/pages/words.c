/* Words that several pages share. See words.h. */
#include "board/web/pages/words.h"

#include "board/office/words.h"

enum asset_state words_state_of(struct slice code)
{
    for (int s = 0; s < STATE_COUNT; s++)
        if (slice_eq_str(code, state_code((enum asset_state)s)))
            return (enum asset_state)s;
    return STATE_COUNT;
}

enum certainty words_certainty_of(struct slice code)
{
    for (int c = CERTAINTY_CONFIRMED; c < CERTAINTY_NONE; c++)
        if (slice_eq_str(code, certainty_code((enum certainty)c)))
            return (enum certainty)c;
    return CERTAINTY_NONE;
}

enum ledger_category words_category_of(struct slice code)
{
    for (int c = CATEGORY_EXTERNAL; c <= CATEGORY_CLIENT; c++)
        if (slice_eq_str(code, category_code((enum ledger_category)c)))
            return (enum ledger_category)c;
    return CATEGORY_UNKNOWN;
}

struct slice words_state(enum asset_state s, enum lang lang)
{
    return slice_str(state_word(s, lang));
}

struct slice words_certainty(enum certainty c, enum lang lang)
{
    return slice_str(certainty_word(c, lang));
}

struct slice words_category(enum ledger_category c, enum lang lang)
{
    return slice_str(c == CATEGORY_UNKNOWN ? T(lang, "No category") : category_label(lang, c));
}

struct slice words_category_short(enum ledger_category c, enum lang lang)
{
    static const char *const words[] = {
        [CATEGORY_UNKNOWN] = N_("No category"), [CATEGORY_EXTERNAL] = N_("External"),
        [CATEGORY_INTERNAL] = N_("Internal"),   [CATEGORY_SAAS] = N_("SaaS"),
        [CATEGORY_CLIENT] = N_("Client"),
    };
    return slice_str(messages_get(lang, words[c]));
}

struct slice words_field(enum ledger_field f, enum lang lang)
{
    return slice_str(field_label(lang, f));
}

struct slice words_exposed(int64_t exposed, enum lang lang)
{
    const char *word = exposed == YN_YES  ? N_("Reachable from the internet")
                       : exposed == YN_NO ? N_("Not reachable from the internet")
                                          : N_("Reachable from the internet or not: not known");
    return slice_str(messages_get(lang, word));
}

struct slice words_evidence_kind(struct slice kind, enum lang lang)
{
    if (slice_eq_str(kind, "person"))
        return slice_str(TC(lang, "evidence", "Person"));
    if (slice_eq_str(kind, "scan"))
        return slice_str(TC(lang, "evidence", "Scan"));
    if (slice_eq_str(kind, "vendor"))
        return slice_str(TC(lang, "evidence", "Vendor"));
    if (slice_eq_str(kind, "decision"))
        return slice_str(TC(lang, "evidence", "Decision"));
    if (slice_eq_str(kind, "hunt"))
        return slice_str(TC(lang, "evidence", "Logs"));
    return kind;
}

struct slice words_rule(struct slice rule, enum lang lang)
{
    static const struct {
        const char *code, *word;
    } words[] = {
        {"agree", N_("two kinds of evidence agree")},
        {"finding", N_("a finding of a scan, confirmed by a person")},
        {"statement", N_("a statement of the vendor that matches")},
        {"claim", N_("somebody's word")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq_str(rule, words[i].code))
            return slice_str(messages_get(lang, words[i].word));
    return (struct slice){0};
}

bool words_next_part(struct slice *rest, struct slice *ret_part)
{
    if (!rest->n)
        return false;
    size_t at = slice_find(*rest, SLICE_LIT("!/"));
    *ret_part = slice_sub(*rest, 0, at);
    *rest = slice_sub(*rest, at < rest->n ? at + 2 : at, SIZE_MAX);
    return true;
}
