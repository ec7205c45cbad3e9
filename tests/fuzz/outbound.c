/* Any bytes as a line of an outbound log, behind a header that the first byte chooses; and as the
 * header itself. */
#include "fuzz.h"

#include "hunt/outbound.h"

#include <assert.h>

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"squid",  "dnsmasq", "bind", "unbound",
                                        "packet", "zeek",    "csv"};
    static const char *const headers[] = {
        "", "ts\tid.orig_h\tid.resp_h\tid.resp_p\tconn_state\tquery\tanswers",
        "日付;時刻;送信元;宛先;宛先ポート;動作", "Receive Time,src,dst,dport,action,url"};
    struct slice line = slice_sub(slice_of(data, size), 1, size), header;
    struct outbound_context c = {1639500000000, {NULL, 0}};
    struct outbound_line l;
    if (size == 0)
        return 0;
    c.header = slice_str(headers[data[0] & 3]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (outbound_parse_as(names[i], line, &c, &l))
            assert(l.host.n && inside(l.host, line) && inside(l.source, line) &&
                   inside(l.answer, line));
    if (outbound_header(line, &header)) {
        assert(inside(header, line));
        c.header = header;
        (void)outbound_parse_as("csv", line, &c, &l);
    }
    return 0;
}
