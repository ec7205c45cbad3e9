/* Any bytes as a line: what the line holds is found by the prefilter or is nothing, and examining
 * it stays within its budget. As one message, what reaches is never refused, nor any start in it.
 */
#include "fuzz.h"

#include "hunt/prefilter.h"
#include "lookup/decode.h"
#include "lookup/examine.h"
#include "lookup/signs.h"

#include <assert.h>

static void refuse(struct slice line)
{
    struct evaluator *ev = NULL;
    size_t until = evaluate_possible(line, signs_of(line)).as_is;
    if (evaluator_new(&ev) != OK)
        return;
    for (int locale = EVAL_ROOT; locale <= EVAL_TURKISH; locale++) {
        struct eval_options o = {.locale = (enum eval_locale)locale};
        for (size_t at = 0, starts = 0; at < line.n && starts < 8; at++) {
            at += slice_index(slice_sub(line, at, line.n), '$');
            starts++;
            if (evaluate(ev, slice_sub(line, at, line.n), &o).outcome == EVAL_REACH)
                assert(at < until);
        }
    }
    evaluator_free(ev);
}

/* What lacks the sign of a decoder has nothing for it. */
static void decode_nothing(struct slice line)
{
    unsigned signs = signs_of(line);
    struct buf out;
    buf_init(&out, line.n * DECODE_GROWTH);
    for (const struct decoder *d = decoders; d->name; d++) {
        struct decoding state = {0};
        if (d->needs & ~signs)
            assert(d->decode(line, &state, &out) == ST_END);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct examiner *x = NULL;
    struct examined r;
    struct prefilter f;
    struct prefilter_block block = {0};
    struct slice line = slice_of(data, size);
    uint64_t lines = 0;
    bool opener = false;
    if (size == 0 || !data || examiner_new(&x) != OK)
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
    refuse(line);
    decode_nothing(line);
    examiner_free(x);
    return 0;
}
