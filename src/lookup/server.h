/* What only the server knows: its environment, its properties, its name, the time there.
 *
 * Evaluation takes such a variable as unset, gives it an invented value, or takes the default that
 * stands behind it. Marks say which pieces of the text these are, from one event of an evaluation
 * to the next, so that nothing invented is ever told as what a lookup asks for.
 *
 * Texts are hostile. There are SERVER_MARKS marks at most: those that can no longer get into a
 * lookup go first, and where some are lost is known.
 */
#ifndef HIKESHI_LOOKUP_SERVER_H
#define HIKESHI_LOOKUP_SERVER_H

#include "base/arena.h"
#include "lookup/evaluate.h"

enum server_source {
    SERVER_NOTHING, /* the same everywhere, or what the text itself says */
    SERVER_ENVIRONMENT,
    SERVER_PROPERTY,
    SERVER_JAVA,
    SERVER_CONTEXT, /* of the log: what the application puts there for a request */
    SERVER_ARGUMENT,
    SERVER_CONTAINER,
    SERVER_CLUSTER,
    SERVER_WEB,
    SERVER_SETTING,
    SERVER_TEXT,
    SERVER_NAME,
    SERVER_EVENT, /* the level, the thread, the logger of the message */
    SERVER_TIME,
};

/* Of the name of a variable, as in eval_event. */
enum server_source server_source(struct slice name);

#define SERVER_MARKS 128

struct server_mark {
    size_t at, n;
    struct slice name;
    bool has_default;
    struct slice given; /* the default */
};

struct server_marks {
    struct server_mark mark[SERVER_MARKS];
    size_t count;
    size_t lost_from, lost_to; /* pieces whose marks are lost lie within; equal: none are */
};

/* What stands behind an event where its piece stood. False: the text stays as it is. */
bool server_event_gives(const struct eval_event *e, struct slice *ret);

/* What marks become by an event. Names and defaults are copied, at most SERVER_TEXT_BYTES of each;
 * with `names` NULL they are the event's own. */
void server_marks_take(struct server_marks *m, const struct eval_event *e, struct arena *names);
#define SERVER_TEXT_BYTES 1024

#endif
