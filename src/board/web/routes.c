/* The modules that bring routes, one line each. An array ends with a NULL pattern. */
#include "board/web/web.h"

extern const struct web_route asset_routes[];
extern const struct web_route live_routes[];
extern const struct web_route sign_routes[];

const struct web_route *const web_routes[] = {
    asset_routes,
    live_routes,
    sign_routes,
    NULL,
};
