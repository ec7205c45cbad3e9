/* The groups of the API, one line each. An array ends with a NULL handler. */
#include "board/web/api/api.h"

extern const struct api_op api_account_ops[];
extern const struct api_op api_asset_ops[];
extern const struct api_op api_import_ops[];
extern const struct api_op api_incident_ops[];
extern const struct api_op api_openapi_ops[];
extern const struct api_op api_scan_ops[];
extern const struct api_op api_survey_ops[];
extern const struct api_op api_timeline_ops[];

const struct api_op *const api_ops[] = {
    api_import_ops,   api_incident_ops, api_asset_ops,   api_survey_ops, api_scan_ops,
    api_timeline_ops, api_account_ops,  api_openapi_ops, NULL,
};
