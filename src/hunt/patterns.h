/* Patterns of a profile that are no lookups: what else a log may hold of its vulnerability.
 *
 * patterns.tsv of the profile has id, regular expression and titles (docs/profiles.md). They are
 * matched all at once, in linear time whatever the text is, by Hyperscan, which refuses expressions
 * that cannot be (back references, look-around). A struct patterns is made once and read by any
 * thread; each thread has its own struct pattern_search. Text is hostile, profiles are not trusted
 * to be small.
 */
#ifndef HIKESHI_HUNT_PATTERNS_H
#define HIKESHI_HUNT_PATTERNS_H

#include "base/arena.h"

struct pattern {
    const char *id, *expression;
    const char *title[2]; /* English, Japanese */
};

struct patterns;

/* The profile's patterns; *ret is NULL when it has none. ST_INVALID: a line or an expression is
 * wrong; e says which. */
enum status patterns_load(const char *profile, struct patterns **ret, struct err *e) MUST_USE;
void patterns_free(struct patterns *p); /* accepts NULL */
size_t patterns_count(const struct patterns *p);
const struct pattern *patterns_at(const struct patterns *p, size_t i);

/* A match: where it ends. */
struct pattern_match {
    size_t end;
    uint32_t pattern;
};

struct pattern_search {
    const struct patterns *patterns;
    void *scratch;
    struct pattern_match *found; /* in the order of their ends */
    size_t count, next;
};

enum status pattern_search_init(struct pattern_search *s, const struct patterns *p) MUST_USE;
void pattern_search_done(struct pattern_search *s); /* accepts a zeroed struct */

/* Finds the matches in the text, of which `found` holds LIMIT_PATTERN_MATCHES; where there are more
 * it stops. Returns how much of the text was searched: all of it, or up to the last match kept. */
size_t pattern_search_text(struct pattern_search *s, struct slice text);

#endif
