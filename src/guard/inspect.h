/* One request, looked at as it comes in: head, then body in any pieces.
 *
 * What a lookup would do is asked of the bytes as they were sent (lookup/examine.h), around every
 * place where one could begin, field borders or not: an application may log all of it. Parsers tell
 * which field that place is in, for rules and events; they run where a request has such a place,
 * where the rules ask for fields, and along with a body in pieces. So a clean request whose body
 * is in one piece costs one pass of the prefilter and allocates nothing; pieces cost one block from
 * `alloc`, two with a content coding.
 *
 * What counts: a verdict of at least `least`, a call-back whose host is denied whatever its
 * verdict, a match, and what was not examined (GUARD_LIMIT), for which the caller fails open or
 * closed. What lies wholly within an excluded field does not count; what needs bytes beyond it
 * does. An allowed call-back does not count where it stands as ${jndi:…} in so many words, raw or
 * percent-encoded; disguised, it does. The worst is told, the first of equals.
 *
 * Examining has a price, and each client a credit (guard_int.h): who sends nothing but hostile
 * requests gets "budget" for the longest of them, and takes nothing from others.
 *
 * A struct guard is one worker's. A struct guard_request is zeroed by the caller and takes memory
 * only from `alloc`, which never frees before the request ends (a server's pool). All input is
 * hostile; cost is linear in it, whatever it is and however it is cut.
 */
#ifndef HIKESHI_GUARD_INSPECT_H
#define HIKESHI_GUARD_INSPECT_H

#include "guard/rules.h"
#include "lookup/examine.h"

struct guard;
enum status guard_new(struct guard **ret) MUST_USE;
void guard_free(struct guard *g); /* NULL is fine */

/* Whose credit and whose events an address (4 or 16 bytes, network order) counts for: IPv4 by the
 * address, also where it stands in an IPv6 one; IPv6 by its /64; anything else, as a local socket,
 * is one client. Never 0. */
uint64_t guard_client_of(struct slice addr);

enum guard_why {
    GUARD_NOTHING,
    GUARD_LOOKUP,    /* verdict says how far it gets */
    GUARD_PATCH,     /* a rule of the file; rule is its id */
    GUARD_SIGNATURE, /* the same */
    GUARD_CLIENT,    /* on the list of denied clients */
    GUARD_CALLBACK,  /* a lookup, and its host is on the list of denied ones */
    GUARD_LIMIT,     /* not all of it could be examined: rule says which limit */
};

struct guard_finding {
    enum guard_why why;
    enum verdict verdict; /* of GUARD_LOOKUP and GUARD_CALLBACK */
    enum attempt_reason reason;
    const char *rule;         /* id, or name of a limit; lives as long as the rules */
    struct guard_field field; /* memory of the request */
    struct slice key;         /* what would be looked up, cut at LIMIT_GUARD_KEY */
    const char *chain[EXAMINE_LAYERS];
    size_t chain_count;
};

struct guard_options {
    enum verdict least;  /* verdicts below do not count: VERDICT_IF_CLOSED by default */
    uint64_t body_limit; /* bytes of the body that are examined, inflated ones too; 0: all */
    bool (*excluded)(void *ctx, const struct guard_field *f); /* NULL: none */
    void *excluded_ctx;
    void *(*alloc)(void *ctx, size_t n); /* NULL when it refuses */
    void *alloc_ctx;
};

struct guard_request {
    struct guard *guard;
    const struct guard_options *options;
    struct guard_scope scope;
    struct guard_finding found; /* the worst so far: why is GUARD_NOTHING until there is one */
    struct guard_body *body;    /* from alloc, when its first piece comes */
    struct slice body_type;     /* the caller's memory */
    uint8_t body_coding;
    bool body_is_undone; /* what its readers make of it is not in its bytes */
    bool body_is_utf8;   /* and they may decode it themselves */
    bool in_body;
    struct guard_matcher *matcher;
    bool limited;    /* something was not examined, found or not; not told of what is over */
    bool over;       /* nothing more can change what is found, so nothing more is looked at */
    uint64_t client; /* whose credit examining takes, */
    uint64_t credit; /* and the request's own */
    struct guard_window *spare; /* memory for use again */
    uint64_t head_bytes, body_bytes;
};

/* Rules may be NULL. They must outlive the request. */
void guard_request_begin(struct guard_request *q, struct guard *g, const struct guard_options *o,
                         const struct guard_rules *rules, struct slice host, struct slice method,
                         struct slice path, struct slice client_addr);
/* Releases the matcher; accepts a request that ended anywhere. */
void guard_request_end(struct guard_request *q);

/* True: nothing in this piece of a request's head can matter, whatever its fields are. A server
 * that holds its head in one piece asks this first and is done. */
bool guard_head_clean(const struct guard_request *q, struct slice raw);
void guard_uri(struct guard_request *q, struct slice raw_path); /* as sent, without the query */
void guard_args(struct guard_request *q, struct slice raw_query);
void guard_header(struct guard_request *q, struct slice name, struct slice value); /* and cookies */
/* Behind all of these: the head as one text, for applications log it as one, and what no field
 * holds alone several may. Does nothing where no field holds a place that a lookup could begin at.
 * `next` gives one header after the other; false: there are no more. */
struct guard_header {
    struct slice name, value;
};
void guard_head_together(struct guard_request *q, struct slice raw_path, struct slice raw_query,
                         bool (*next)(void *ctx, struct guard_header *ret), void *ctx);

/* The body, after the transfer coding. Types that are not known are text. An empty encoding, or
 * one of gzip, x-gzip, deflate, identity; any other is a limit. The type stays where it is until
 * the body's end. Takes no memory: the first piece does. */
enum status guard_body_begin(struct guard_request *q, struct slice content_type,
                             struct slice content_encoding) MUST_USE;
/* True: this piece, when it is the whole body, is clean (see guard_head_clean); or these pieces,
 * one behind the other. Behind guard_body_begin, which knows the coding: packed bytes are never
 * clean. */
bool guard_body_clean(const struct guard_request *q, struct slice whole);
bool guard_body_clean_pieces(const struct guard_request *q, const struct slice *pieces, size_t n);
void guard_body_piece(struct guard_request *q, struct slice piece);
void guard_body_end(struct guard_request *q);

#endif
