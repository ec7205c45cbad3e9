/* The modules that bring routes, one line each. An array ends with a NULL pattern. */
#include "board/web/web.h"

extern const struct web_route asset_routes[];
extern const struct web_route incidents_routes[];
extern const struct web_route live_routes[];
extern const struct web_route sign_routes[];
extern const struct web_route timeline_routes[];

/* clang-format off: one line each, so that two who add theirs do not meet */
const struct web_route *const web_routes[] = {
    asset_routes, incidents_routes, live_routes, sign_routes, timeline_routes, NULL,
};
/* clang-format on */
