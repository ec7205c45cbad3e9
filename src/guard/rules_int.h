/* What the files that make up the rules share; nobody else includes it.
 *
 * Reading goes line by line (rules_parse.c over rules_words.c), lists become sorted tables
 * (rules_names.c, rules_nets.c), expressions are measured (rules_shape.c) and compiled
 * (rules_match.c). A finished struct guard_rules is never written again but for its count of
 * references.
 */
#ifndef HIKESHI_GUARD_RULES_INT_H
#define HIKESHI_GUARD_RULES_INT_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/messages.h"
#include "guard/rules.h"

#include <hs.h>
#include <nettle/sha2.h>
#include <stdatomic.h>

/* --- words of a line (rules_words.c) */

#define RULE_WORDS 8

struct rule_word {
    struct slice text; /* without the quotes */
    size_t equals;     /* of key=value outside of quotes: where the = is; else text.n */
};

struct rule_words {
    struct rule_word word[RULE_WORDS];
    size_t n;
    uint8_t bytes[LIMIT_GUARD_LINE]; /* of the words */
};

/* One line without its end; empty and comment lines have no words. */
enum status rule_words_read(struct slice line, struct rule_words *ret, struct err *e) MUST_USE;

/* For "%.*s": the beginning of a word, as much as an error can show. */
#define RULE_SHOWN(s) (int)utf8_floor((s), 60), (const char *)((s).n ? (s).p : (const uint8_t *)"")

/* --- names with a value each: hosts of sites and call-backs (rules_names.c) */

#define RULE_HOST 256

struct rule_name {
    struct slice name; /* "shop.example"; ".example" for *.example; "" for * */
    uint32_t line;
    int value;
};

struct rule_names {
    struct rule_name *list; /* sorted when the file was read */
    size_t n, room;
};

/* Lower case, without dots at the end; of a longer name its last RULE_HOST - 1 bytes. */
struct slice rule_host_normal(struct slice host, char room[RULE_HOST]);
/* Of a Host header: without the port. */
struct slice rule_host_alone(struct slice host);
/* A host as a rule names it, to the form of struct rule_name. */
enum status rule_host_parse(struct slice text, char room[RULE_HOST], struct slice *ret,
                            struct err *e) MUST_USE;
/* Whether the name of a rule means this normal host. */
bool rule_name_means(struct slice name, struct slice host);
/* Sorts; ST_INVALID: one name stands on two lines. */
enum status rule_names_sort(struct rule_names *t, struct err *e) MUST_USE;
/* The narrowest name that means the normal host: NULL when none does. */
const struct rule_name *rule_names_find(const struct rule_names *t, struct slice host);

/* --- networks with a value each (rules_nets.c) */

struct rule_net {
    uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;     /* of the 128 */
    uint8_t value;
    uint32_t line;
};

struct rule_nets {
    struct rule_net *list; /* sorted, the longest prefix first */
    size_t n, room;
    size_t from[130]; /* of each prefix length b: at from[128 - b], up to the next one's */
};

/* An address with or without a length. ST_NOT_FOUND: no address at all. */
enum status rule_net_parse(struct slice text, struct rule_net *ret, struct err *e) MUST_USE;
enum status rule_nets_sort(struct rule_nets *t, struct err *e) MUST_USE;
const struct rule_net *rule_nets_find(const struct rule_nets *t, struct slice addr);
/* "10.0.0.0/8", "203.0.113.7", "2001:db8::/32" */
#define RULE_NET_TEXT 64
void rule_net_write(const struct rule_net *net, char out[RULE_NET_TEXT]);

/* --- expressions */

/* What an expression becomes as an automaton of its positions (Glushkov's), and what its counted
 * repeats add to that. */
struct rule_shape {
    uint64_t first, last, edges, copied;
    uint64_t full; /* the edges when no repeat is kept as a counter */
    bool nullable;
    bool single; /* one position, as it is written */
};

/* Measures; ST_INVALID, ST_LIMIT: what must not be given to the compiler. Whether the rest is
 * right, the compiler says. */
enum status rule_shape_measure(struct slice expression, struct rule_shape *ret,
                               struct err *e) MUST_USE;

/* Where a rule holds. */
struct rule_where {
    struct guard_field field; /* with memory of the rules */
    bool any_field, any_rest; /* no field was named; it ended with * */
    const char *field_text;   /* as it was written; NULL: any */
    struct slice methods;     /* "GET,POST"; empty: any */
    struct slice path;        /* empty: any */
    bool path_exact;
    bool has_site;
    struct slice site; /* as a struct rule_name has it */
    const char *rule;  /* an exception's: the id of the patch or signature it is for; NULL: all */
    uint32_t line;
};

struct rule_pattern {
    const char *id, *expression;
    struct rule_where where; /* of a signature: anywhere */
    uint32_t line;
};

/* Patterns are compiled in groups: together they take time by the square of their number. */
#define RULE_GROUP 16
#define RULE_GROUPS ((LIMIT_GUARD_PATCHES + LIMIT_GUARD_SIGNATURES) / RULE_GROUP)

struct guard_rules {
    atomic_uint refs;
    uint64_t serial; /* no two rules of a process have the same */
    struct arena arena;
    struct guard_rules_about about;
    struct rule_names sites, callbacks;
    struct rule_nets clients, callback_nets;
    struct rule_where *exceptions; /* about.exceptions of them */
    struct rule_pattern *patterns; /* the patches, and the signatures from LIMIT_GUARD_PATCHES on */
    hs_database_t *db[RULE_GROUPS]; /* of RULE_GROUP places each; NULL where there are none */
};

/* Of about.patches + about.signatures of them: the patches first. */
static inline const struct rule_pattern *rule_pattern_at(const struct guard_rules *r, size_t i)
{
    size_t patches = r->about.patches;
    return &r->patterns[i < patches ? i : LIMIT_GUARD_PATCHES + (i - patches)];
}
/* Compiles all patterns; ST_END: was stopped. */
enum status rule_patterns_compile(struct guard_rules *r, const atomic_bool *stop,
                                  struct err *e) MUST_USE;
/* guard_rules_parse that can be stopped, as guard_rules_load says. */
enum status rules_parse(struct slice text, const atomic_bool *stop, struct guard_rules **ret,
                        struct err *e) MUST_USE;

/* --- the checksum (rules_seal.c) */

#define RULE_SUM_HEX (2 * SHA256_DIGEST_SIZE + 1)

void rule_sum_line(struct sha256_ctx *sum, struct slice line);
void rule_sum_hex(struct sha256_ctx *sum, char out[RULE_SUM_HEX]); /* begins anew */

#endif
