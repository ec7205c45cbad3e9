/* Codes and words of states and certainties. See state.h. */
#include "board/case/state.h"

static const struct {
    const char *code, *word;
    enum state_group group;
} states[STATE_COUNT] = {
    [STATE_AFFECTED] = {"affected", N_("Affected"), GROUP_ACTING},
    [STATE_SUSPENDED] = {"suspended", N_("Suspended"), GROUP_ACTING},
    [STATE_MITIGATED] = {"mitigated", N_("Mitigated"), GROUP_ACTING},
    [STATE_INVESTIGATING] = {"investigating", N_("Investigating"), GROUP_OPEN},
    [STATE_WAITING_VENDOR] = {"waiting_vendor", N_("Waiting for vendor"), GROUP_OPEN},
    [STATE_ASKED] = {"asked", N_("Asked"), GROUP_OPEN},
    [STATE_NOT_ASKED] = {"not_asked", N_("Not asked"), GROUP_OPEN},
    [STATE_NOT_AFFECTED] = {"not_affected", N_("Not affected"), GROUP_SETTLED},
    [STATE_FIXED] = {"fixed", N_("Fixed"), GROUP_SETTLED},
    [STATE_RETIRED] = {"retired", N_("Retired"), GROUP_SETTLED},
};

static const struct {
    const char *code, *word;
} certainties[] = {
    [CERTAINTY_CONFIRMED] = {"confirmed", N_("Confirmed")},
    [CERTAINTY_LIKELY] = {"likely", N_("Likely")},
    [CERTAINTY_CLAIMED] = {"claimed", N_("Claimed")},
    [CERTAINTY_NONE] = {"none", N_("No evidence")},
};

const char *state_code(enum asset_state s)
{
    return s < STATE_COUNT ? states[s].code : "";
}

enum asset_state state_of_code(const char *code)
{
    size_t s = 0;
    while (s < STATE_COUNT && strcmp(states[s].code, code) != 0)
        s++;
    return (enum asset_state)s;
}

enum state_group state_group(enum asset_state s)
{
    return s < STATE_COUNT ? states[s].group : GROUP_OPEN;
}

const char *state_word(enum asset_state s, enum lang lang)
{
    return s < STATE_COUNT ? messages_get(lang, states[s].word) : "";
}

const char *certainty_code(enum certainty c)
{
    return certainties[c <= CERTAINTY_NONE ? c : CERTAINTY_NONE].code;
}

enum certainty certainty_of_code(const char *code)
{
    size_t c = 0;
    while (c < CERTAINTY_NONE && strcmp(certainties[c].code, code) != 0)
        c++;
    return (enum certainty)c;
}

const char *certainty_word(enum certainty c, enum lang lang)
{
    return messages_get(lang, certainties[c <= CERTAINTY_NONE ? c : CERTAINTY_NONE].word);
}
