/* Requests as tests make them, an hour apart so that credit is full: memory that is counted, bodies
 * cut as told, and what was found as text. */
#ifndef HIKESHI_TESTS_GUARD_PROBE_H
#define HIKESHI_TESTS_GUARD_PROBE_H

#include "unit.h"

#include "guard/guard_int.h"

enum { PROBE_BLOCKS = 256 };

struct probe {
    struct guard *g;
    struct guard_options options;
    const struct guard_rules *rules;
    struct guard_request q;
    void *blocks[PROBE_BLOCKS]; /* of the request under way */
    size_t count, bytes;        /* allocations, and what they came to */
    size_t refuse_from;         /* the allocation that fails, and all behind it; 0: none */
    size_t piece;               /* bodies come in pieces of so many bytes; 0: whole */
    size_t cut;                 /* the first piece's length, if not 0 */
};

void probe_init(struct probe *p);
void probe_done(struct probe *p);
void probe_stop_clock(struct probe *p); /* credit that is spent stays spent */
void probe_begin(struct probe *p);
void probe_begin_as(struct probe *p, const char *method, const char *path, struct slice client);
void probe_end(struct probe *p);
/* A whole request with this body; begins and ends it. */
void probe_body(struct probe *p, const char *type, const char *encoding, struct slice body);
/* What was found in the last request: "lookup reaches form:q ldap://x/a", "limit budget". */
const char *probe_found(const struct probe *p);
const char *probe_field(const struct probe *p); /* "form:q"; "" when nothing was found */

#endif
