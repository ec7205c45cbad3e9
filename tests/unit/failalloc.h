/* Makes memory run out at a chosen call.
 *
 * Link a test with failalloc_src and failalloc_args (tests/unit/meson.build). Counted are the calls
 * of malloc, calloc and realloc in what is linked statically; shared libraries keep their own. The
 * usual shape: for n = 1, 2, … arm, run, disarm, until failalloc_hit() says that n was not reached.
 * Process-wide; for tests of one thread.
 */
#ifndef HIKESHI_TESTS_FAILALLOC_H
#define HIKESHI_TESTS_FAILALLOC_H

#include <stdbool.h>

/* The n-th allocation from now on fails (1 is the next), once; 0 disarms. */
void failalloc_at(unsigned long n);
/* Disarms, and says whether the armed failure happened. */
bool failalloc_hit(void);

#endif
