/* A time that is accepted comes back from its own text as the same moment. */
#include "fuzz.h"

#include "base/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t ms;
    int64_t again;
    char text[TIME_RFC3339_SIZE];
    if (time_parse_rfc3339(slice_of(data, size), &ms) != OK)
        return 0;
    time_format_utc(ms, text);
    struct civil c = civil_of_ms(ms);
    if (c.year >= 1 && c.year <= 9999 &&
        (time_parse_rfc3339(slice_str(text), &again) != OK || again != ms))
        abort();
    return 0;
}
