/* What says something of a row, under a name that stays the same whatever the source is called:
 * evidence.source_key. Of one source only the latest word counts. */
#ifndef HIKESHI_BOARD_CASE_SOURCE_H
#define HIKESHI_BOARD_CASE_SOURCE_H

#include "board/log/log.h"

#include <inttypes.h>

#define SOURCE_KEY_SIZE 320 /* "host:" and a host's name */

/* The scans of all hosts of a row together: that none was found, or what is missing to say so.
 * A finding has the key "host:NAME". */
#define SOURCE_ALL_HOSTS "hosts"

static inline void source_key_of_actor(const struct actor *actor, char ret[SOURCE_KEY_SIZE])
{
    (void)snprintf(ret, SOURCE_KEY_SIZE, "%s:%" PRId64,
                   actor->kind == ACTOR_ACCOUNT ? "account"
                   : actor->kind == ACTOR_HOST  ? "agent"
                                                : "system",
                   actor->id);
}

#endif
