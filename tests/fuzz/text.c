/* Text for people: whatever comes in, what goes out is UTF-8 without control bytes, and as wide as
 * text_columns says. */
#include "fuzz.h"

#include "base/jsonwrite.h"
#include "base/text.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct buf b;
    buf_init(&b, size * 6 + 64);
    if (text_add_escaped(&b, in) != OK || !utf8_valid(buf_slice(&b), NULL))
        abort();
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < 0x20 || b.p[i] == 0x7f)
            abort();
    }
    if (text_columns(in) != text_columns(buf_slice(&b)))
        abort();
    buf_clear(&b);
    struct jsonw w = jsonw_to(&b);
    json_text(&w, in);
    if (buf_status(&b) != OK || !utf8_valid(buf_slice(&b), NULL))
        abort();
    buf_done(&b);
    return 0;
}
