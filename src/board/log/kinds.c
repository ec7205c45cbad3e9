/* Which modules bring kinds of event, and which tables are views. One line each. */
#include "board/log/kinds.h"
#include "board/case/account.h"
#include "board/case/asset.h"
#include "board/case/findings.h"
#include "board/case/incident.h"
#include "board/case/ledger_import.h"
#include "board/case/survey.h"
#include "board/case/timeline.h"
#include "board/case/token.h"

/* clang-format off */
const struct log_kind *const log_kinds[] = {
    account_kinds,
    token_kinds,
    incident_kinds,
    asset_kinds,
    ledger_import_kinds,
    host_kinds,
    findings_kinds,
    survey_kinds,
    timeline_kinds,
    NULL,
};
/* clang-format on */

const struct log_view log_views[] = {
    {"counter", "name", "name, value"},
    {"account", "id", "id, login, name, role, disabled, made_ms"},
    {"api_token", "id", "id, account_id, name, made_ms, until_ms, revoked_ms"},
    {"incident", "id", "id, profile, title, opened_ms, closed_ms"},
    {"asset", "id",
     "id, incident_id, number, name, category, owner, owner_mail, department, vendor, product, "
     "version, exposed, hosts, users, shared_with, criticality, notes, renewed_on, free, "
     "match_key, search, retired, asked_ms, due_ms, state, certainty, flags, made_ms, changed_ms, "
     "row_version, import_id, import_row"},
    {"asset_host", "asset_id, host", "asset_id, host, short, incident_id"},
    {"asset_owner", "asset_id, account_id", "asset_id, account_id"},
    {"asset_event", "asset_id, event_id", "asset_id, event_id"},
    {"import", "id",
     "id, incident_id, file, sheet, mapping, rows, added, changed, same, missing, sha256, at_ms"},
    {"incident_profile", "incident_id, file", "incident_id, file, content"},
    {"host", "id", "id, name, disabled, made_ms"},
    {"scan", "id",
     "id, incident_id, host, short, started_ms, ended_ms, received_ms, tool, profile, "
     "profile_revision, paths, whole_host, files, archives, bytes, findings, affected, incomplete, "
     "sha256, latest, found, versions, cves, places"},
    {"evidence", "id",
     "id, incident_id, asset_id, question, cve, kind, option, detail, cves, source, source_key, "
     "quote, link, attachment_id, scan_id, partial, status, decided_by, decided_ms, said_ms, "
     "read_ms, event_id"},
    {"answer", "asset_id, question, cve",
     "asset_id, question, cve, option, detail, certainty, rule, decided_by, reason, disagree, "
     "since_ms"},
    {"asset_cve", "asset_id, cve", "asset_id, cve, state, certainty, disagree"},
    {"timeline", "id",
     "id, incident_id, at_ms, by_hand, main, outside, hidden, affected, asset_id, text, edited_by, "
     "edited_ms, row_version"},
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
