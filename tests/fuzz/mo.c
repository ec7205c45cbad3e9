/* A compiled catalogue: accepted ones answer every question without reading outside the bytes. */
#include "fuzz.h"

#include "base/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    if (messages_use(LANG_JA, slice_of(data, size), &e) == OK) {
        if (!messages_get(LANG_JA, "one") || !messages_get_ctx(LANG_JA, "c", "two") ||
            !messages_get_n(LANG_JA, "%d file", "%d files", 2))
            __builtin_trap();
    }
    return 0;
}
