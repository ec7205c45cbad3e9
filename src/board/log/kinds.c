/* Which modules bring kinds of event, and which tables are views. One line each. */
#include "board/log/kinds.h"
#include "board/case/account.h"
#include "board/case/incident.h"

const struct log_kind *const log_kinds[] = {
    account_kinds,
    incident_kinds,
    NULL,
};

const struct log_view log_views[] = {
    {"counter", "name", "name, value"},
    {"account", "id", "id, login, name, role, disabled, made_ms"},
    {"incident", "id", "id, profile, title, opened_ms, closed_ms"},
    {0},
};

const struct log_kind *log_find_kind(const char *name)
{
    for (const struct log_kind *const *list = log_kinds; *list; list++) {
        for (const struct log_kind *k = *list; k->name; k++) {
            if (strcmp(k->name, name) == 0)
                return k;
        }
    }
    return NULL;
}
