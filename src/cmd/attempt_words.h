/* Why an attempt cannot reach, in words: for hunt in general, for explain with the piece that is to
 * blame. Texts are hostile and appended escaped.
 */
#ifndef HIKESHI_CMD_ATTEMPT_WORDS_H
#define HIKESHI_CMD_ATTEMPT_WORDS_H

#include "base/messages.h"
#include "lookup/examine.h"

/* NULL when there is no more to say. */
const char *attempt_words(enum lang lang, enum attempt_reason reason);

/* Appends the same, told of this text; `ending` is the variable that ended the evaluation, may be
 * empty, and `within_itself` how. */
void attempt_add_words(struct buf *out, enum lang lang, enum attempt_reason reason,
                       struct slice text, struct slice ending, bool within_itself);

/* Appends a sentence, its first two %s filled with a and b, escaped and cut where they are long. */
void attempt_add_sentence(struct buf *out, const char *sentence, struct slice a, struct slice b);

#endif
