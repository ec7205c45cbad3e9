/* Any bytes as a line: what the line holds is found by the prefilter or is nothing, and examining
 * it stays within its budget. */
#include "fuzz.h"

#include "hunt/prefilter.h"
#include "lookup/examine.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct examiner *x = NULL;
    struct examined r;
    struct prefilter f;
    struct prefilter_block block = {0};
    struct slice line = slice_of(data, size);
    uint64_t lines = 0;
    bool opener = false;
    if (examiner_new(&x) != OK)
        return 0;
    prefilter_init(&f);
    for (size_t at = 0; at < size && !opener; at++) {
        at = prefilter_next(&f, line, at, &lines, &block);
        opener = at < size && opener_at(line, at);
    }
    if (examine(x, line, &r) == OK) {
        assert(r.chain_count <= EXAMINE_LAYERS);
        assert(r.verdict != VERDICT_REACHES || r.text.n > 0);
        if (slice_find(line, SLICE_LIT("${")) < size)
            assert(opener);
    }
    examiner_free(x);
    return 0;
}
