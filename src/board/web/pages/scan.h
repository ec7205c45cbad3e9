/* What a host handed in: places that were not fully examined first, then the findings. */
#ifndef HIKESHI_BOARD_PAGES_SCAN_H
#define HIKESHI_BOARD_PAGES_SCAN_H

#include "board/web/html.h"
#include "board/web/pages/words.h"
#include "board/web/web.h"

#define SCAN_ROWS 100

struct scan_cve {
    struct slice id, state;
};

struct scan_finding {
    struct slice path, component, version, version_from;
    struct scan_cve *cves;
    size_t cve_count;
    struct slice *evidence;
    size_t evidence_count;
};

struct scan_place {
    struct slice path, reason;
};

struct scan_row { /* a row of the ledger that names this host */
    int64_t id;
    struct slice name, state;
};

struct scan_view {
    int64_t incident, id;
    struct slice host, tool, profile, paths;
    int64_t profile_revision, started_ms, ended_ms, received_ms, files, archives, bytes, findings,
        affected, incomplete, newer; /* newer: a later scan of the host; 0: this is the latest */
    bool whole_host;
    struct scan_finding *rows;
    size_t count;
    int64_t page, pages;
    struct scan_place *gaps;
    size_t gap_count;
    int64_t gap_page, gap_pages;
    struct scan_row *assets;
    size_t asset_count;
};

extern const struct web_route scan_routes[];

#endif
