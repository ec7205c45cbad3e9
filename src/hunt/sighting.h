/* A sighting: one line of one log in which something was attempted, as it is handed on, kept for
 * later and shown. */
#ifndef HIKESHI_HUNT_SIGHTING_H
#define HIKESHI_HUNT_SIGHTING_H

#include "base/buf.h"
#include "lookup/callback.h"
#include "lookup/examine.h"

enum sighting_verdict {
    SIGHTED_ATTEMPT,
    SIGHTED_IF_CLOSED,
    SIGHTED_REACHES,
    SIGHTED_CALLED_BACK, /* reached, and the call-back was seen in an outbound log */
    SIGHTED_VERDICTS
};
const char *sighting_verdict_name(enum sighting_verdict v); /* "attempt", …, "called-back" */

enum sighting_text {
    SIGHTING_FILE,    /* path, members of archives behind "!/" */
    SIGHTING_CLIENT,  /* as the line says */
    SIGHTING_FIELD,   /* "User-Agent", "query q", a JSON key; empty: not known */
    SIGHTING_KEY,     /* what the lookup is asked for (target.h); empty for most attempts */
    SIGHTING_HOST,    /* of the call-back, in the form that is counted */
    SIGHTING_CHAIN,   /* the decoders, outermost first: "url, base64" */
    SIGHTING_FORMAT,  /* of the line; empty: not known */
    SIGHTING_PATTERN, /* id of the profile's pattern that matched; empty: a lookup */
    SIGHTING_LINE,    /* the line around what was found, at most LIMIT_HUNT_TEXT of it */
    SIGHTING_ANSWER,  /* what an outbound log says, and where */
    SIGHTING_TEXTS
};

struct sighting {
    enum sighting_verdict verdict;
    enum attempt_reason reason;
    bool has_time, turkish;
    int64_t time_ms;
    uint64_t line;
    struct callback callback; /* of SIGHTING_KEY */
    struct slice text[SIGHTING_TEXTS];
};

/* Whether it is as bad as `least` and of that time, until_ms not included; one whose time is not
 * known is of any. */
bool sighting_is_asked_for(const struct sighting *s, enum sighting_verdict least, int64_t since_ms,
                           int64_t until_ms);

/* For keeping: a record of bytes that this same program reads again. */
enum status sighting_pack(const struct sighting *s, struct buf *out);
/* The record at the beginning of in, whose slices point into it; *ret_n is its length. ST_MALFORMED
 * when it is none. */
enum status sighting_unpack(struct slice in, struct sighting *ret, size_t *ret_n) MUST_USE;

#endif
