/* What the formats share: taking a line apart. Private to src/hunt. */
#ifndef HIKESHI_HUNT_FORMAT_INT_H
#define HIKESHI_HUNT_FORMAT_INT_H

#include "base/timefmt.h"
#include "hunt/format.h"

/* A place in a line that goes forward. */
struct cursor {
    struct slice s;
    size_t at;
};

static inline struct cursor cursor_of(struct slice s)
{
    return (struct cursor){s, 0};
}

static inline struct slice cursor_rest(const struct cursor *c)
{
    return slice_sub(c->s, c->at, c->s.n);
}

bool take_char(struct cursor *c, char want);
bool take_text(struct cursor *c, const char *want);
void skip_spaces(struct cursor *c);
/* Up to the next of the characters in `ends`, which is not taken; the rest when there is none. */
struct slice take_until(struct cursor *c, const char *ends);
/* A word up to the next space, and the spaces behind it. */
struct slice take_word(struct cursor *c);
/* "…" with \" inside, up to the quote that ends it or the end of a line that was cut. */
bool take_quoted(struct cursor *c, struct slice *ret);
bool take_digits(struct cursor *c, size_t least, size_t most, int64_t *ret);

/* Times. Each takes what it knows and moves the cursor; false leaves it where it was. Without a
 * zone in the text the process's own time zone is meant. */
/* 2021-12-10T18:12:33,123+09:00, 20211210T181233, 20211210181233123 */
bool take_iso_time(struct cursor *c, int64_t *ret_ms);
bool take_clf_time(struct cursor *c, int64_t *ret_ms);     /* 10/Dec/2021:18:12:33 +0900 */
bool take_haproxy_time(struct cursor *c, int64_t *ret_ms); /* 10/Dec/2021:18:12:33.123 */
bool take_syslog_time(struct cursor *c, int64_t newest_ms, int64_t *ret_ms); /* Dec 10 18:12:33 */
bool take_apache_time(struct cursor *c, int64_t *ret_ms); /* Fri Dec 10 18:12:33.1 2021 */
bool take_dmy_time(struct cursor *c, int64_t *ret_ms);    /* 10 Dec 2021 18:12:33,123 */
/* Seconds, milli-, micro- or nanoseconds since 1970, told apart by their size; fills the slice. */
bool parse_epoch(struct slice s, int64_t *ret_ms);

bool is_address(struct slice s);           /* IPv4 or IPv6, nothing behind */
struct slice without_port(struct slice s); /* 192.0.2.1:80, [2001:db8::1]:80 */
/* The same where a port is always there: 2001:db8::1:80 too. */
struct slice host_of_pair(struct slice s);
/* Who is meant by X-Forwarded-For where a private address, a proxy's, passed it on: the last public
 * one in it. Else peer: what a client says of itself is not believed. */
struct slice client_behind(struct slice peer, struct slice forwarded);
/* The address that a text names as its client: [client=192.0.2.1], ip=192.0.2.1; or empty. */
struct slice named_client(struct slice text);
void facts_add(struct line_facts *f, struct slice name, struct slice value);
void facts_time(struct line_facts *f, int64_t ms);
bool slice_same_word(struct slice a, const char *b); /* ASCII case does not matter */

#endif
