/* Any bytes as a line of a log: every format reads it or says that it is another's, and what it
 * says lies in the line. The first byte chooses whether a W3C header stands before it. */
#include "fuzz.h"

#include "hunt/format.h"

#include <assert.h>

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"combined", "json", "alb",   "w3c",
                                        "haproxy",  "java", "error", "syslog"};
    struct slice header =
        SLICE_LIT("date time c-ip cs-method cs-uri-stem cs-uri-query x-forwarded-for");
    struct slice line = slice_sub(slice_of(data, size), 1, size);
    struct format_context c = {1639500000000, {NULL, 0}, {NULL, 0}};
    struct line_facts f;
    size_t hint = 0;
    if (size == 0)
        return 0;
    if (data[0] & 1)
        c.header = header;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!format_parse_as(names[i], line, &c, &f))
            continue;
        assert(inside(f.client, line));
        for (size_t k = 0; k < f.field_count; k++)
            assert(inside(f.fields[k].value, line) && f.fields[k].value.n > 0);
        assert(!f.has_time || f.time_ms > -400000000000000);
    }
    format_parse(line, &c, &hint, &f);
    struct slice date;
    (void)format_header(line, &date);
    assert(format_next_header(line, 0) <= line.n);
    return 0;
}
