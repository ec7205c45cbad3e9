/* Any bytes as the key of a lookup: its parts lie in it, and its host has one form. Any bytes as a
 * record of a sighting: unpacked within its bounds or refused. */
#include "fuzz.h"

#include "hunt/sighting.h"

#include <assert.h>

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice key = slice_of(data, size);
    struct callback c = callback_parse(key);
    struct buf once, twice;
    struct sighting s;
    size_t n = 0;
    bool below = false;
    assert(inside(c.scheme, key) && inside(c.host, key) && inside(c.path, key));
    buf_init(&once, size + 64);
    buf_init(&twice, size + 64);
    (void)callback_host(c.host, &once);
    (void)callback_host(buf_slice(&once), &twice);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    buf_clear(&once);
    assert(callback_sought(c.host, &once, &below) == OK);
    assert(slice_find(buf_slice(&once), SLICE_LIT("${")) == once.n || !below);
    buf_done(&once);
    buf_done(&twice);
    if (sighting_unpack(key, &s, &n) == OK)
        assert(n <= size);
    return 0;
}
