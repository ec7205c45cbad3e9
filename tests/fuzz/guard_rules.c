/* Any bytes as a file of rules: what is accepted answers, is sealed, and is the same afterwards;
 * what is refused says where. Expressions that are allowed must be compiled in time: libFuzzer's
 * -timeout sees to that. */
#include "fuzz.h"

#include "base/limits.h"
#include "guard/rules.h"

#include <assert.h>

static void ask(const struct guard_rules *r)
{
    static const uint8_t addr[16] = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3};
    struct guard_scratch *w = NULL;
    struct guard_matcher *m = NULL;
    struct guard_field f = {.part = GUARD_ARG, .name = SLICE_LIT("q")};
    struct guard_scope s =
        guard_rules_scope(r, SLICE_LIT("a.example"), SLICE_LIT("GET"), SLICE_LIT("/a/b"));
    (void)guard_rules_mode(r, SLICE_LIT("a.b.example:80"));
    assert(guard_rules_client(r, slice_of(addr, 16)) ==
           guard_rules_client(r, slice_of(addr + 12, 4)));
    (void)guard_rules_callback(r, SLICE_LIT("x.evil.example"));
    (void)guard_scope_excepts(&s, &f);
    if (!guard_scope_wants(&s, &f))
        return;
    if (guard_scratch_new(&w) == OK && guard_matcher_new(w, &s, &m) == OK) {
        guard_matcher_begin(m, &f);
        (void)guard_matcher_piece(m, SLICE_LIT("../.."));
        (void)guard_matcher_piece(m, SLICE_LIT("/ union select admin"));
        (void)guard_matcher_end(m);
    }
    guard_matcher_free(m);
    guard_scratch_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct guard_rules *r = NULL;
    struct err e = {0};
    struct buf sealed;
    if (guard_rules_parse(slice_of(data, size), &r, &e) != OK) {
        assert(!r && e.msg[0]);
        return 0;
    }
    struct guard_rules_about about = guard_rules_about(r);
    ask(r);
    guard_rules_unref(r);
    buf_init(&sealed, 2 * LIMIT_GUARD_RULES_BYTES);
    assert(guard_rules_seal(slice_of(data, size), &sealed, &e) == OK);
    assert(guard_rules_parse(buf_slice(&sealed), &r, &e) == OK);
    struct guard_rules_about again = guard_rules_about(r);
    assert(again.version == about.version && again.patches == about.patches && again.checksum[0]);
    guard_rules_unref(r);
    buf_done(&sealed);
    return 0;
}
