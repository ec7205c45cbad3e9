/* What the full look finds, the looks before it must let through: the prefilter, the quick test,
 * and the decoding of a piece at once. Short texts, so that the full look never runs out of steps.
 */
#include "fuzz.h"

#include "hunt/prefilter.h"

#include <assert.h>

#define LONGEST 48
#define STEPS 3000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t scratch[2][OPENER_PIECE];
    struct slice s = slice_of(data, size);
    struct prefilter f;
    uint64_t lines = 0;
    bool any = false, seen = false;
    if (size > LONGEST)
        return 0;
    prefilter_init(&f);
    for (size_t at = 0; at < size; at++) {
        if (!strchr("$%\\&", data[at]) || data[at] == 0 || !opener_full_within(s, at, STEPS))
            continue;
        assert(opener_quick(s, at) != OPENER_NO);
        assert(opener_in_piece(slice_sub(s, at, size), scratch));
        any = true;
    }
    /* of \\u0024 the prefilter sees the second backslash: one place is enough */
    for (size_t at = 0; any && (at = prefilter_next(&f, s, at, &lines)) < size; at++)
        seen |= opener_full_within(s, at, STEPS);
    assert(seen == any);
    return 0;
}
