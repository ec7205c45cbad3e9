/* What pages load: the stylesheet, scripts and pictures under src/board/web/assets, embedded.
 *
 * An address carries the hash of the content (/assets/HASH/style.css), so that a browser may keep
 * what it has for ever and a new build is seen at once. Files under assets/vendor are the exact
 * bytes of the npm packages that tests/browser/package-lock.json names; a test compares them.
 * Everything here is constant; any thread may use it.
 */
#ifndef HIKESHI_BOARD_WEB_ASSETS_H
#define HIKESHI_BOARD_WEB_ASSETS_H

#include "board/web/assets_list.h"
#include "board/web/html.h"

struct asset {
    const char *name; /* "style.css", "vendor/htmx.min.js" */
    const char *type; /* of content, with charset */
    const char *hash; /* 16 hex digits of its SHA-256: its ETag is this in quotes */
    const char *path; /* "/assets/HASH/NAME" */
    struct slice plain;
    struct slice gzip; /* empty where that would not be smaller; its ETag is "HASH-gzip" */
};

extern const struct asset assets[ASSET_COUNT];

/* For templates: href="{{asset_url(ASSET_STYLE_CSS)}}". */
static inline struct html_url asset_url(enum asset_id id)
{
    return (struct html_url){slice_str(assets[id].path)};
}

/* The asset of a request's path "/assets/HASH/NAME", or NULL. *ret_current says whether HASH is the
 * content's: only then may it be kept for ever (Cache-Control: public, max-age=31536000,
 * immutable). Another hash comes from a page of an older or newer board behind the same address
 * while they are replaced; it gets what there is, with no-cache. */
const struct asset *asset_find(struct slice path, bool *ret_current);

#endif
