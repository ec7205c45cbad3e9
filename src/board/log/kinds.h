/* The lists that the record is made of: kinds of event and the views that they keep up. A module
 * under case/ offers its kinds as an array that ends with a NULL name; kinds.c names the arrays. */
#ifndef HIKESHI_BOARD_LOG_KINDS_H
#define HIKESHI_BOARD_LOG_KINDS_H

#include "board/log/log.h"

/* A table that replaying the log makes again, with its key first and all its columns. */
struct log_view {
    const char *table;
    const char *key;     /* "id" or "a, b": what names a row in a report */
    const char *columns; /* all, in order */
};

extern const struct log_kind *const log_kinds[];
extern const struct log_view log_views[]; /* ends with a NULL table */

#endif
