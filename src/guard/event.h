/* What the edge saw, one JSON object a line, in the names of the Elastic Common Schema.
 *
 * {"@timestamp":"2021-12-10T09:00:01.234Z",
 *  "event":{"kind":"alert","category":["intrusion_detection"],"action":"blocked","id":"…"},
 *  "client":{"address":"203.0.113.7"},"url":{"domain":"shop.example.jp","path":"/"},
 *  "http":{"request":{"method":"GET"}},"rule":{"name":"lookup","version":"14"},
 *  "hikeshi":{"why":"lookup","field":"header:user-agent","verdict":"reaches","key":"ldap://…",
 *             "chain":["url"],"text":"…","dropped":0}}
 *
 * Values of authorization, proxy-authorization, cookies and whatever the caller marks as secret
 * never appear: of them the key that would be looked up is told, not the text around it. All of it
 * came from outside: texts are cut to what their place in a line allows, bytes that are no UTF-8
 * become U+FFFD.
 */
#ifndef HIKESHI_GUARD_EVENT_H
#define HIKESHI_GUARD_EVENT_H

#include "guard/inspect.h"

enum guard_action { GUARD_PASSED, GUARD_REPORTED, GUARD_BLOCKED };

struct guard_event {
    int64_t time_ms;
    struct slice id, client, host, method, path;
    enum guard_action action;
    const struct guard_finding *finding;
    struct slice text; /* of the field as it was sent; empty: secret, or not known */
    bool secret;       /* the field is: of a key only what is no secret with certainty is told */
    bool brief;        /* texts are cut so that the line fits into a pipe as a whole */
    uint64_t rules_version; /* 0: none */
    uint64_t dropped;       /* events of this client that were not written before this one */
};
/* Whether what stands in this field is never told, whatever the caller thinks. */
bool guard_event_secret(const struct guard_field *f);
/* The field as it may be told: a cookie without a = is a value where its name would be. */
struct guard_field guard_event_field(const struct guard_field *f);
/* Appends the line and its newline; at most LIMIT_GUARD_EVENT bytes, LIMIT_GUARD_EVENT_BRIEF of a
 * brief one. */
enum status guard_event_write(const struct guard_event *ev, struct buf *out);
const char *guard_action_name(enum guard_action a); /* "passed", "reported", "blocked" */
/* "lookup", "patch", …: what `why` of the line says; NULL for nothing. */
const char *guard_why_name(enum guard_why w);

/* 128 random bits in 26 characters (Crockford's base 32), shown to the client and in the event. */
void guard_id(char out[27]);

/* How many events a client may cause: so many at once, then one a second. Fixed memory: clients
 * share LIMIT_GUARD_CLIENTS places, the one unseen for longest goes. An IPv6 client is its /64,
 * which is what one subscriber has. addr: 4 or 16 bytes; anything else is one client. */
struct guard_rate;
enum status guard_rate_new(unsigned burst, struct guard_rate **ret) MUST_USE;
void guard_rate_free(struct guard_rate *r); /* NULL is fine */
/* Whether one more may be written; *ret_dropped: how many were not since the last one that was. */
bool guard_rate_take(struct guard_rate *r, struct slice addr, int64_t now_ms,
                     uint64_t *ret_dropped);
/* What was taken could not be written after all: so many more are told with the next one. */
void guard_rate_lost(struct guard_rate *r, struct slice addr, int64_t now_ms, uint64_t lost);

#endif
