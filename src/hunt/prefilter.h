/* Where in a log anything could begin that ends as ${: a first look at the speed of memory.
 *
 * Some spellings of three bytes each say how an opener may begin: raw, percent-encoded, with
 * backslashes, as an entity, in base64 at any alignment (prefilter.c has the table). They share the
 * eight bits of a byte, and a vector of bytes is tested at once: by two table look-ups a byte
 * position, low and high nibble, or by one of seven bits where the processor has it. That lets
 * through more than the table says, never less; what is left is tested exactly. opener_at then
 * reads what stands there.
 *
 * A struct prefilter is made once and read by any thread. Input is hostile; nothing is read outside
 * the slice.
 */
#ifndef HIKESHI_HUNT_PREFILTER_H
#define HIKESHI_HUNT_PREFILTER_H

#include "base/slice.h"

enum prefilter_kind { PREFILTER_SCALAR, PREFILTER_SSSE3, PREFILTER_AVX2, PREFILTER_AVX512 };

struct prefilter {
    enum prefilter_kind kind;
    /* by place of the byte: a bit for each spelling that takes it, and one for several in the
     * tables of vectors: by nibble, by ASCII character, of the fourth by six bits of it */
    uint16_t exact[4][256];
    uint8_t low[3][16], high[3][16], ascii[3][128], fourth[64];
};

/* The widest kind that this processor has; prefilter_init_as for tests and benchmarks: false when
 * the processor does not have it. */
void prefilter_init(struct prefilter *f);
bool prefilter_init_as(struct prefilter *f, enum prefilter_kind kind);
/* From then on it lets through openers in base64 only. */
void prefilter_only_base64(struct prefilter *f);
const char *prefilter_kind_name(enum prefilter_kind kind);

/* Whether any of what it lets through begins with the byte. */
static inline bool prefilter_may_begin(const struct prefilter *f, uint8_t c)
{
    return f->exact[0][c];
}

/* The bytes that were looked at last, so that the next place among them costs nothing again. Zeroed
 * where a text begins; the text stays what and where it is. */
enum { PREFILTER_BLOCK = 64 };
struct prefilter_block {
    size_t at;
    uint64_t some, ends; /* a bit for each byte: may open; is a newline */
    bool known;
};

/* So many bytes tell whether a place is let through; those behind the end of a text are NULs. */
enum { PREFILTER_SEEN = 6 };

/* The first place at or behind `from`, or s.n, where nobody asks for the next one or counts lines.
 */
size_t prefilter_first(const struct prefilter *f, struct slice s, size_t from);

/* The same without the block, which it fills where something is found. */
size_t prefilter_look(const struct prefilter *f, struct slice s, size_t from, uint64_t *newlines,
                      struct prefilter_block *b);

/* The first place at or behind `from` where an opener may begin, or s.n. The newlines before it,
 * from `from` on, are added to *newlines. */
static inline size_t prefilter_next(const struct prefilter *f, struct slice s, size_t from,
                                    uint64_t *newlines, struct prefilter_block *b)
{
    if (b->known && from >= b->at && from - b->at < PREFILTER_BLOCK) {
        uint64_t behind = ~0ull << (from - b->at), some = b->some & behind;
        uint64_t ends = b->ends & behind & (some ? (some & -some) - 1 : ~0ull);
        for (; ends; ends &= ends - 1)
            ++*newlines;
        if (some)
            return b->at + (unsigned)__builtin_ctzll(some);
        from = b->at + PREFILTER_BLOCK;
    }
    return prefilter_look(f, s, from, newlines, b);
}

/* What was seen from openers in base64, so that many of them in one run are not read anew. For one
 * text; zeroed where another begins. */
struct opener_memory {
    size_t from[4], failed[4];       /* by alignment: the last one that is none, and why */
    size_t text_from[4], text_to[4]; /* and what is text and has no } behind the last one */
    unsigned tails[4];               /* bytes of a character due at text_to */
};

/* Whether what stands at `at` can be read as ${ through up to four layers of decoding, or decodes
 * from base64 to ${ and text behind it. opener_quick takes some nanoseconds and settles nearly all
 * places; opener_full, for what is OPENER_MAYBE, takes at most *steps (some nanoseconds each), says
 * yes when that was not enough, and leaves in *steps how many it took. */
enum { OPENER_STEPS = 80 };
enum opener_answer { OPENER_NO, OPENER_MAYBE, OPENER_YES };
enum opener_answer opener_quick(struct slice s, size_t at, struct opener_memory *m);
bool opener_full(struct slice s, size_t at, unsigned *steps);
bool opener_at(struct slice s, size_t at); /* both */

/* Whether there is one anywhere in the piece (base64 aside), for pieces in which full looks fail
 * one after the other. Linear: one pass a layer. */
enum { OPENER_PIECE = 4096, OPENER_ROOM = OPENER_PIECE + 64 };
bool opener_in_piece(struct slice piece, uint8_t scratch[2][OPENER_ROOM]);
/* The same of more, where one spelling may go over the end of a piece. */
enum { OPENER_LONG_PIECE = 49152, OPENER_LONG_ROOM = OPENER_LONG_PIECE + 64 };
bool opener_in_long_piece(struct slice piece, uint8_t scratch[2][OPENER_LONG_ROOM]);

#endif
