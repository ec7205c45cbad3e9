/* A hostile text in rows of a terminal: escaped, what is the server's shown as <NAME>, pieces
 * underlined, or marked by ^ in a row of their own where there are no colours.
 */
#ifndef HIKESHI_CMD_EXPLAIN_SHOW_H
#define HIKESHI_CMD_EXPLAIN_SHOW_H

#include "cmd/explain.h"

#define EXPLAIN_PIECES 64 /* marked in one text */
#define EXPLAIN_INDENT 5  /* columns before the text */

struct explain_piece {
    size_t at, n;
};

/* Appends rows to v->out. Of a long text only the part around the first piece, which "…" tells.
 * Pieces come in their order and do not overlap. */
void explain_show(struct explain_view *v, struct slice text, const struct server_marks *marks,
                  const struct explain_piece *pieces, size_t count);

/* Appends `n` bytes of text from `from` on as one run, each mark as <NAME>: those with a default
 * only with `defaults`. */
void explain_add_marked(struct buf *out, struct slice text, size_t from, size_t n,
                        const struct server_marks *marks, bool defaults);

#define EXPLAIN_RED "1;31"
#define EXPLAIN_YELLOW "33"
#define EXPLAIN_DIM "2"
/* Appends text in a colour, one of these, or "": as it is. */
void explain_paint(struct explain_view *v, const char *code, struct slice text);

#endif
