/* What the full look finds, the looks before it must let through: the prefilter, the quick test,
 * and the decoding of a piece at once. Short texts, so that the full look never runs out of steps.
 */
#include "fuzz.h"

#include "hunt/prefilter.h"

#include <assert.h>

#define LONGEST 48
#define STEPS 3000000

static bool full(struct slice s, size_t at)
{
    unsigned steps = STEPS;
    return opener_full(s, at, &steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t scratch[2][OPENER_ROOM];
    struct slice s = slice_of(data, size);
    struct prefilter f;
    struct prefilter_block block = {0};
    uint64_t lines = 0;
    bool any = false, seen = false, waits = false;
    struct opener_memory memory = {0};
    if (size > LONGEST)
        return 0;
    prefilter_init(&f);
    for (size_t at = 0; at < size; at++) {
        if (!strchr("$%\\&", data[at]) || data[at] == 0 || !full(s, at))
            continue;
        /* behind a backslash at the end of a line the opener itself is a place */
        waits = opener_quick(s, at, &memory) == OPENER_NO;
        assert(!waits || data[at] == '\\');
        assert(opener_in_piece(slice_sub(s, at, size), scratch));
        any = true;
    }
    /* of \\u0024 the prefilter sees the second backslash: one place is enough */
    for (size_t at = 0; any && (at = prefilter_next(&f, s, at, &lines, &block)) < size; at++)
        seen |= full(s, at);
    assert(seen == any && !waits);
    return 0;
}
