/* What a lookup asks for, as far as it can be known.
 *
 * The key that evaluation finds holds invented values where only the server has the true ones. The
 * target is the key with ${NAME} in the place of each, or ${NAME:-default}; a default of one letter
 * that touches a word (${env:X:-e}vil) hides that word and stays as it is, and so do defaults that
 * bring a part of the address along (host:port, a path), and all of the scheme.
 *
 * Filled by the events of one evaluation (target_event is an eval_trace_fn), then by target_end.
 */
#ifndef HIKESHI_LOOKUP_TARGET_H
#define HIKESHI_LOOKUP_TARGET_H

#include "lookup/server.h"

struct lookup_target {
    struct slice text;         /* what is asked for */
    struct server_marks marks; /* of it, in their order: what the call-back carries out */
    size_t at, n;              /* the lookup, in the text that it stood in; n 0: none was done */
    struct arena *names;       /* the caller's: of the names in marks */
};

/* `names` may hold other things; it is not cleared. */
void target_begin(struct lookup_target *t, struct arena *names);
void target_event(void *target, const struct eval_event *e);
/* The key is the evaluation's. Appends the target to out, which holds nothing yet: text lies there.
 * It is at most TARGET_BYTES longer than the key. */
enum status target_end(struct lookup_target *t, struct slice key, struct buf *out) MUST_USE;
#define TARGET_BYTES ((size_t)SERVER_MARKS * (2 * SERVER_TEXT_BYTES + 8))

#endif
