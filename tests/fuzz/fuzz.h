/* What every fuzz target includes: the one function that libFuzzer and replay.c call. A target
 * returns 0, keeps nothing between calls, and asserts what must hold for any input. */
#ifndef HIKESHI_TESTS_FUZZ_H
#define HIKESHI_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
