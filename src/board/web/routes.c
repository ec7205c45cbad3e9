/* The modules that bring routes, one line each. An array ends with a NULL pattern. */
#include "board/web/web.h"

extern const struct web_route account_routes[];
extern const struct web_route api_account_routes[];
extern const struct web_route api_asset_routes[];
extern const struct web_route api_import_routes[];
extern const struct web_route api_incident_routes[];
extern const struct web_route api_openapi_routes[];
extern const struct web_route api_scan_routes[];
extern const struct web_route api_survey_routes[];
extern const struct web_route api_timeline_routes[];
extern const struct web_route asset_page_routes[];
extern const struct web_route asset_routes[];
extern const struct web_route attachment_routes[];
extern const struct web_route hosts_routes[];
extern const struct web_route house_hosts_routes[];
extern const struct web_route import_job_routes[];
extern const struct web_route import_routes[];
extern const struct web_route incidents_routes[];
extern const struct web_route ledger_file_routes[];
extern const struct web_route ledger_routes[];
extern const struct web_route live_routes[];
extern const struct web_route mine_routes[];
extern const struct web_route overview_routes[];
extern const struct web_route problem_routes[];
extern const struct web_route proposals_routes[];
extern const struct web_route row_routes[];
extern const struct web_route scan_routes[];
extern const struct web_route sign_routes[];
extern const struct web_route timeline_routes[];

/* One line each, so that two who add theirs do not meet. */
/* clang-format off */
const struct web_route *const web_routes[] = {
    account_routes,
    api_account_routes,
    api_asset_routes,
    api_import_routes,
    api_incident_routes,
    api_openapi_routes,
    api_scan_routes,
    api_survey_routes,
    api_timeline_routes,
    asset_page_routes,
    asset_routes,
    attachment_routes,
    hosts_routes,
    house_hosts_routes,
    import_job_routes,
    import_routes,
    incidents_routes,
    ledger_file_routes,
    ledger_routes,
    live_routes,
    mine_routes,
    overview_routes,
    problem_routes,
    proposals_routes,
    row_routes,
    scan_routes,
    sign_routes,
    timeline_routes,
    NULL,
};
/* clang-format on */
