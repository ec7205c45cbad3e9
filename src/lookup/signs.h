/* Which of the bytes that matter a text has at all, in one pass of vectors: most texts lack most of
 * them, and what needs one that is not there need not look. Private to src/lookup. */
#ifndef HIKESHI_LOOKUP_SIGNS_H
#define HIKESHI_LOOKUP_SIGNS_H

#include "base/slice.h"

#define SIGN_OPENER 1u    /* ${ */
#define SIGN_PERCENT 2u   /* % */
#define SIGN_BACKSLASH 4u /* \ */
#define SIGN_ENTITY 8u    /* & */
#define SIGN_NUL 16u      /* of UTF-16 */
#define SIGN_J 32u        /* in either case */
#define SIGN_G 64u
#define SIGN_COLON 128u
#define SIGN_DOTTED 256u /* C4, the first byte of U+0130 */

unsigned signs_of(struct slice text);

/* What opens and closes variables in the 64 bytes of the text from `from` on, a bit for each: the {
 * of ${, and }. */
struct brackets {
    uint64_t opens, closes;
};
enum { BRACKETS_BLOCK = 64 };
struct brackets brackets_of(struct slice text, size_t from);

#endif
