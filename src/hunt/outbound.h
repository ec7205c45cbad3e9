/* Logs of what went out: whether a call-back was made.
 *
 * The caller says which hosts to look for; outbound_search reads a log (of any packing) in one of
 * the formats of the table in outbound.c and keeps, for each host, who went there and when. Answers
 * of name servers that are logged make an address stand for its name: then the logs are to be
 * searched once more (outbound_again).
 *
 * Not shared between threads. Logs are hostile input: memory is bounded by LIMIT_HUNT_SUMS hosts
 * and LIMIT_OUTBOUND_EVENTS each.
 */
#ifndef HIKESHI_HUNT_OUTBOUND_H
#define HIKESHI_HUNT_OUTBOUND_H

#include "base/buf.h"

enum outbound_outcome {
    OUTBOUND_BLOCKED,  /* something tried, and was kept from it */
    OUTBOUND_ASKED,    /* a name was asked for, a connection begun; what came of it is not said */
    OUTBOUND_ANSWERED, /* it was let through or answered */
};

/* What a line says. Slices are parts of the line. */
struct outbound_line {
    bool has_time, dns;
    int64_t time_ms;
    enum outbound_outcome outcome;
    struct slice source, host;
    struct slice answer; /* addresses that a name server gave for host, or went to, in a list */
    uint16_t port;       /* 0: not said */
};

struct outbound_context {
    int64_t newest_ms;
    struct slice header; /* the columns: Zeek's #fields, a CSV's first line */
};

/* One format each; false when the line is none of it, or says nothing of a destination. */
struct outbound_format {
    const char *name;
    bool (*parse)(struct slice line, const struct outbound_context *c, struct outbound_line *ret);
};
extern const struct outbound_format outbound_squid, outbound_dnsmasq, outbound_bind,
    outbound_unbound, outbound_zeek, outbound_packet, outbound_csv;
/* Whether the line names the columns of a table that has a destination; *ret is the names. */
bool outbound_header(struct slice line, struct slice *ret);
bool outbound_parse_as(const char *name, struct slice line, const struct outbound_context *c,
                       struct outbound_line *ret);

struct outbound_event {
    bool has_time;
    int64_t time_ms;
    enum outbound_outcome outcome;
    bool dns;
    uint16_t port;
    uint64_t line;
    const char *file; /* the label of its text */
    char *source;
};

struct outbound;

enum status outbound_new(struct outbound **ret) MUST_USE;
void outbound_free(struct outbound *o); /* accepts NULL */

/* A host to look for, in the form of callback_host; behind a dot: any name that ends in it.
 * Nothing, or a mere dot, is not looked for. */
enum status outbound_want(struct outbound *o, struct slice host) MUST_USE;

/* ST_INVALID when the file is of no known format: e says what is missing. `incomplete` is told of
 * what could not be read. *ret_lines is added to. */
enum status outbound_search(struct outbound *o, const char *path,
                            void (*incomplete)(void *ctx, const char *label, const struct err *why),
                            void *ctx, uint64_t *ret_lines, struct err *e) MUST_USE;
/* Whether addresses were learnt that the logs read before may hold; forgets it. */
bool outbound_again(struct outbound *o);

/* The first event of the host, as it was wanted, that is not before `after_ms` by more than two
 * minutes, the best outcome first. NULL: none. Of many events the first and the last of each
 * outcome are kept, so whether there is one does not depend on how many there are. */
const struct outbound_event *outbound_find(const struct outbound *o, struct slice host,
                                           bool has_time, int64_t after_ms);

/* Of the i-th host the name, as outbound_next gives it, and how many of its events are not kept.
 * False at the end. */
bool outbound_host(const struct outbound *o, size_t i, const char **ret_host,
                   uint64_t *ret_dropped);
/* Hosts that were wanted when there was no room for more. */
uint64_t outbound_unwanted(const struct outbound *o);

/* The events of all hosts, one after the other: begin with *host = *event = 0. *ret_host is the
 * name that was asked for, also where an address that stands for it was seen; behind a dot where it
 * was wanted so. False at the end. */
bool outbound_next(const struct outbound *o, size_t *host, size_t *event, const char **ret_host,
                   const struct outbound_event **ret);

#endif
