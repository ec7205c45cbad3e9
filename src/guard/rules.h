/* Rules of the edge: one text file that the board hands out, compiled once and shared.
 *
 * A file is lines of words, version first and checksum last (docs/guard.md has the format):
 *
 *     hikeshi-rules 1
 *     version 14 2021-12-14T09:00:00Z
 *     site shop.example.jp block
 *     site * report
 *     allow client 10.0.0.0/8
 *     deny client 203.0.113.7
 *     allow callback ldap.corp.example
 *     deny callback *.evil.example
 *     except arg:template path=/editor/
 *     patch ORDER-7 method=POST path=/api/ field=json:/note pattern="(?i)union\s+select"
 *     signature SIG-1 "\.\./\.\./"
 *     checksum sha256 9f86d0…
 *
 * Nothing of a file that is wrong anywhere is used: err names line and reason. Compiling takes
 * time, so it is done outside the path of requests; a struct guard_rules never changes afterwards
 * and is read by any thread. Files are hostile.
 */
#ifndef HIKESHI_GUARD_RULES_H
#define HIKESHI_GUARD_RULES_H

#include "guard/field.h"

#include <stdatomic.h>

enum guard_mode {
    GUARD_MODE_UNSET, /* the rules say nothing of this site: the server's configuration holds */
    GUARD_OFF,
    GUARD_REPORT,
    GUARD_BLOCK,
};
const char *guard_mode_name(enum guard_mode m); /* "off", "report", "block" */

struct guard_rules;

/* The text of a file. ST_INVALID, ST_LIMIT: e->msg begins "line N: ". A text without a checksum is
 * accepted here: somebody is writing it. */
enum status guard_rules_parse(struct slice text, struct guard_rules **ret, struct err *e) MUST_USE;
/* A file as a server reads it: it must have its checksum, or a copy that was cut would be taken for
 * fewer rules. Missing: ST_NOT_FOUND; e->msg begins with the path. stop, if not NULL, is set by
 * another thread when nobody waits for the rules any more: compiling ends early with ST_END. */
enum status guard_rules_load(const char *path, const atomic_bool *stop, struct guard_rules **ret,
                             struct err *e) MUST_USE;
/* Appends the text with its checksum in place of the one it has, if any. Only words and lines are
 * read: whether the rules are right, guard_rules_parse tells. */
enum status guard_rules_seal(struct slice text, struct buf *out, struct err *e) MUST_USE;
/* Each parse gives one reference. Atomic. */
struct guard_rules *guard_rules_ref(struct guard_rules *r);
void guard_rules_unref(struct guard_rules *r); /* NULL is fine */

struct guard_rules_about {
    uint64_t version;
    int64_t made_ms;   /* UTC */
    char checksum[65]; /* SHA-256 of all lines before its own, lower-case hex; "": it has none */
    size_t sites, clients, callbacks, exceptions, patches, signatures;
};
struct guard_rules_about guard_rules_about(const struct guard_rules *r);

enum guard_list { GUARD_NOT_LISTED, GUARD_ALLOWED, GUARD_DENIED }; /* the narrowest entry counts */

enum guard_mode guard_rules_mode(const struct guard_rules *r, struct slice host);
/* addr: 4 or 16 bytes, network order; an IPv4 address within IPv6 counts as IPv4. Anything
 * else is on no list. */
enum guard_list guard_rules_client(const struct guard_rules *r, struct slice addr);
/* The host of a call-back, as callback_host writes it. */
enum guard_list guard_rules_callback(const struct guard_rules *r, struct slice host);

/* What of the rules can concern a request: found once, when its site, method and path are known. */
struct guard_scope {
    const struct guard_rules *rules;
    uint64_t exceptions[2], patches[4]; /* bits, by place in the file; LIMIT_GUARD_… bound them */
    bool any_exception;                 /* that is not for one rule only */
    bool any_signature;
    uint32_t
        parts; /* bit 1 << enum guard_part: patches or signatures look into it; 0: there are none */
};
/* path: decoded and normalised, as the server uses it to choose a location. */
struct guard_scope guard_rules_scope(const struct guard_rules *r, struct slice host,
                                     struct slice method, struct slice path);
bool guard_scope_excepts(const struct guard_scope *s, const struct guard_field *f);
/* Whether patches or signatures ask to see this field at all. */
bool guard_scope_wants(const struct guard_scope *s, const struct guard_field *f);

/* What matching needs besides the rules: one per thread, for any rules, one after the other. Keeps
 * the memory of matchers that are done for the next ones. Freed after all of them. */
struct guard_scratch;
enum status guard_scratch_new(struct guard_scratch **ret) MUST_USE;
void guard_scratch_free(struct guard_scratch *w); /* NULL is fine */

/* Patches and signatures over the decoded values of fields; one matcher per request that needs one.
 * A value may come in pieces: a match across them is found, with memory that the rules bound
 * (LIMIT_GUARD_STREAM). Requests of one thread may be under way at the same time. Rules and scratch
 * outlive it; the scope is copied. */
struct guard_matcher;
enum status guard_matcher_new(struct guard_scratch *w, const struct guard_scope *s,
                              struct guard_matcher **ret) MUST_USE;
void guard_matcher_free(struct guard_matcher *m); /* NULL is fine */
/* A new value, whatever became of the one before. The field's name stays where it is until the
 * value's end. Excepted fields match nothing. */
void guard_matcher_begin(struct guard_matcher *m, const struct guard_field *f);
/* The id of the first rule that matches in this piece, or NULL; it lives as long as the rules. */
const char *guard_matcher_piece(struct guard_matcher *m, struct slice decoded);
const char *guard_matcher_end(struct guard_matcher *m); /* for patterns that end with $ */
/* Whether an id that a matcher gave is a signature's; else it is a patch's. */
bool guard_rules_is_signature(const struct guard_rules *r, const char *id);

/* --- the nearest equivalent for edges that cannot load the module (export.c) */
enum guard_export { GUARD_AS_MODSECURITY, GUARD_AS_HAPROXY };
/* *ret_left_out: rules that have no equivalent there; each is a comment in the text. */
enum status guard_rules_export(const struct guard_rules *r, enum guard_export as, struct buf *out,
                               size_t *ret_left_out, struct err *e) MUST_USE;

#endif
