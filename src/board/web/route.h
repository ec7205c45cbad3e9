/* The table of routes: finding the row of a path, and whether the table itself is sound. */
#ifndef HIKESHI_BOARD_WEB_ROUTE_H
#define HIKESHI_BOARD_WEB_ROUTE_H

#include "board/web/web.h"

struct route_match {
    const struct web_route *route; /* NULL: no row, or none for this method */
    unsigned allow; /* set of enum web_method that the path has rows for; 0: no such path */
    int64_t id[WEB_PARAMS];
    struct slice word[WEB_PARAMS];
};

/* Finds the row. A row whose pattern is literal wins over one with parts, so that the order of the
 * arrays does not matter. ST_MALFORMED: the path is none (bad escapes, no '/' first). */
enum status route_find(const struct web_route *const *lists, enum web_method method,
                       struct slice path, struct arena *arena, struct route_match *ret) MUST_USE;

/* Whether every row keeps the rules: a pattern of known parts, no two for the same requests, a
 * summary, a handler, a body limit exactly where the method may have a body, flags that fit. */
enum status route_check(const struct web_route *const *lists, struct err *e) MUST_USE;

const char *route_method_name(enum web_method method);
/* 0 for a method that no route has. HEAD is GET. */
enum web_method route_method_of(const char *name);

#endif
