/* How a name is spelled by letters that need not be adjacent, for possible.c and disguise.c.
 * Private to src/lookup. */
#ifndef HIKESHI_LOOKUP_SPELLING_H
#define HIKESHI_LOOKUP_SPELLING_H

#include <stdbool.h>
#include <stdint.h>

/* A word to be spelled, letter by letter. Sets of letters are bits by place. */
struct spelling {
    unsigned count;
    uint16_t letters[256]; /* what a byte may be */
    uint16_t loose;        /* anything may stand between these and the letter before */
    uint16_t head;         /* the same, but what is taken away must end directly before them */
    uint16_t colon;        /* ${sys:path.separator} is one: what stands before it says nothing */
};

extern const struct spelling spelling_reach;   /* ${jndi: */
extern const struct spelling spelling_reorder; /* ${event:Message */

/* Behind a letter; and the second bytes of i. */
static inline bool goes_behind(uint8_t c)
{
    return c == '}' || c == '$' || c == '\'' || c == 0xb0 || c == 0xb1;
}

/* Before a letter. */
static inline bool goes_before(uint8_t c)
{
    return c == '}' || c == '-' || c == ':' || c == '\'';
}

#endif
