/* The record: a log of events, and the table of kinds of event.
 *
 * Whatever changes on the board is one appended event: incident, time, actor, subject, kind, body
 * (a JSON object, with what was there before where something is changed), the hash of the event
 * before it in the same incident, and its own. The tables that pages read ("views") are kept up in
 * the same transaction by the kind's `apply`, and by nothing else. So a view can be thrown away and
 * made again: `hikeshi-board verify` walks every chain, replays the log into empty views and
 * compares.
 *
 * Incident 0 is the house: accounts, hosts, settings, what belongs to no incident.
 *
 * Rules for a kind's apply:
 *  - it reads only the event, the views, and the append-only bulk tables that the event names;
 *    never the clock, random numbers, files or the network (they go into the body before);
 *  - ids of new things are taken with log_next_id before the append and stand in subject or body;
 *  - bulk data (import rows, findings) lies in append-only tables of its own, written in the same
 *    transaction before the event; the body carries batch id, row count and SHA-256 of the rows.
 *
 * Ownership: the body stays the caller's (a reference is taken). Everything here works on one
 * struct db inside a write transaction that the caller began; several events may be appended in
 * one.
 */
#ifndef HIKESHI_BOARD_LOG_H
#define HIKESHI_BOARD_LOG_H

#include "base/buf.h"
#include "base/messages.h"
#include "board/db/db.h"

#include <jansson.h>

enum role {
    ROLE_NONE = 0,
    ROLE_ADMIN = 1 << 0,     /* accounts, hosts, settings, and all below */
    ROLE_RESPONDER = 1 << 1, /* everything in an incident */
    ROLE_OWNER = 1 << 2,     /* sees and answers what is theirs */
    ROLE_READER = 1 << 3,    /* reads */
    ROLE_HOST = 1 << 4,      /* a host's token: hands in its findings */
    ROLE_SYSTEM = 1 << 5,    /* the command line on the data itself, and set-up */
};
#define ROLES_WORK (ROLE_ADMIN | ROLE_RESPONDER | ROLE_SYSTEM)
#define ROLES_ANSWER (ROLES_WORK | ROLE_OWNER)

enum actor_kind {
    ACTOR_SYSTEM, /* the board itself, or its command line */
    ACTOR_ACCOUNT,
    ACTOR_HOST,
};

struct actor {
    enum actor_kind kind;
    int64_t id; /* account or host; 0 for the system */
    const char *name;
    enum role role;
    const char *via; /* "web", "api", "cli" */
};

struct event {
    int64_t id; /* order over all incidents */
    int64_t incident;
    int64_t seq; /* 1, 2, 3 … within the incident, without gaps */
    int64_t at_ms;
    struct actor actor;
    const char *subject; /* "asset:17", "incident:1", "account:3" */
    const char *kind;    /* "asset.changed" */
    const json_t *body;
};

struct log_kind {
    const char *name;
    unsigned roles; /* who may append it, a set of enum role */
    /* Whether this actor may do this to this subject with this body, beyond the role (an owner:
     * only what is theirs), and whether the body is whole. NULL: nothing more to check. */
    enum status (*check)(struct db *db, const struct event *ev, struct err *e);
    /* Keeps the views up. Not NULL. */
    enum status (*apply)(struct db *db, const struct event *ev, struct err *e);
    /* The event as a sentence for the timeline and the history, plain text in lang, without time;
     * its subject is the thing, not the tool. */
    enum status (*sentence)(const struct event *ev, enum lang lang, struct buf *out);
    enum timeline_weight {
        TIMELINE_NONE,  /* history of its subject only */
        TIMELINE_MINOR, /* on screen */
        TIMELINE_MAIN,  /* also in the printed table of main events */
    } timeline;
};

/* Appends one event and keeps the views up. at_ms of the event is now, but never before the
 * incident's last event. ret (may be NULL) gets id and seq. On failure the caller rolls back. */
enum status log_append(struct db *db, const struct actor *actor, int64_t incident, const char *kind,
                       const char *subject, json_t *body, int64_t *ret_id, struct err *e) MUST_USE;

/* The next id of a counter ("asset", "evidence", …), `count` of them: the first is returned. The
 * counter is itself a view: apply raises it through log_saw_id, so that a replay ends the same. */
enum status log_next_id(struct db *db, const char *counter, int64_t count, int64_t *ret_first,
                        struct err *e) MUST_USE;
enum status log_saw_id(struct db *db, const char *counter, int64_t id, struct err *e) MUST_USE;

const struct log_kind *log_find_kind(const char *name); /* NULL: unknown */

/* Reading: events of an incident newest first, of one subject ("asset:17") or all (NULL), before a
 * given id (INT64_MAX: from the newest), at most `limit`; calls back for each. */
enum status log_read(struct db *db, int64_t incident, const char *subject, int64_t before_id,
                     int64_t limit, enum status (*each)(void *arg, const struct event *ev),
                     void *arg, struct err *e) MUST_USE;

/* Walks every chain, replays into empty views, compares. Prints nothing; *report is a JSON object
 * with counts and, where something differs, each place. ST_MALFORMED when anything does. */
enum status log_verify(struct db *db, json_t **ret_report, struct err *e) MUST_USE;

#endif
