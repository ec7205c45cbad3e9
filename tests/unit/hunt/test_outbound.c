/* Lines of outbound logs: who went where and when, and nothing outside of a line that was cut. */
#include "unit.h"

#include "base/limits.h"
#include "base/tempfile.h"
#include "base/timefmt.h"
#include "hunt/outbound.h"

static const struct {
    const char *name, *format, *header, *line, *host, *source;
} cases[] = {
    {"squid ip", "squid", NULL,
     "1639402806.120     40 10.20.3.11 TCP_TUNNEL/200 39 CONNECT 203.0.113.9:1389 - "
     "HIER_DIRECT/203.0.113.9 -",
     "203.0.113.9", "10.20.3.11"},
    {"squid get name", "squid", NULL,
     "1639402806.120     40 10.20.3.11 TCP_MISS/200 39 GET http://evil.EXAMPLE:1389/a.class - "
     "HIER_DIRECT/203.0.113.9 application/java",
     "evil.EXAMPLE", "10.20.3.11"},
    {"squid v6", "squid", NULL,
     "1639402806.120     40 10.20.3.11 TCP_TUNNEL/200 39 CONNECT [2001:db8:0::9]:1389 - "
     "HIER_DIRECT/2001:db8::9 -",
     "2001:db8:0::9", "10.20.3.11"},
    {"squid peer", "squid", NULL,
     "1639402806.120     40 10.20.3.11 TCP_MISS/200 39 GET http://other.example/a - "
     "HIER_DIRECT/203.0.113.9 x",
     "other.example", "10.20.3.11"},
    {"squid v6 client", "squid", NULL,
     "1639402806.120     40 fd00::11 TCP_MISS/200 39 GET http://203.0.113.9/a - "
     "HIER_DIRECT/203.0.113.9 x",
     "203.0.113.9", "fd00::11"},
    {"dnsmasq", "dnsmasq", NULL,
     "Dec 13 22:40:06 ns dnsmasq[7]: query[AAAA] evil.example from 10.20.3.11", "evil.example",
     "10.20.3.11"},
    {"dnsmasq env", "dnsmasq", NULL,
     "Dec 13 22:40:06 dnsmasq[7]: query[A] ROOT.Q7.example from fd00::11", "ROOT.Q7.example",
     "fd00::11"},
    {"dnsmasq extra", "dnsmasq", NULL,
     "Dec 13 22:40:06 dnsmasq[7]: 12 10.20.3.11/53211 query[A] evil.example from 10.20.3.11",
     "evil.example", "10.20.3.11"},
    {"bind", "bind", NULL,
     "13-Dec-2021 22:40:06.120 queries: info: client @0x7f 10.20.3.11#5353 (evil.example): query: "
     "evil.example IN A +E(0)K (10.0.0.1)",
     "evil.example", "10.20.3.11"},
    {"bind syslog", "bind", NULL,
     "Dec 13 22:40:06 ns named[7]: client 10.20.3.11#5353 (evil.example): view internal: query: "
     "EVIL.example IN AAAA + (10.0.0.1)",
     "EVIL.example", "10.20.3.11"},
    {"unbound", "unbound", NULL, "[1639402806] unbound[7:0] info: 10.20.3.11 evil.example. A IN",
     "evil.example.", "10.20.3.11"},
    {"unbound reply", "unbound", NULL,
     "[1639402806] unbound[7:0] info: 10.20.3.11 evil.example. A IN NOERROR 0.03 0 60",
     "evil.example.", "10.20.3.11"},
    {"unbound syslog", "unbound", NULL,
     "Dec 13 22:40:06 ns unbound[7]: [7:0] info: fd00::11 EVIL.example. A IN", "EVIL.example.",
     "fd00::11"},
    {"unbound query:", "unbound", NULL,
     "Dec 13 22:40:06 ns unbound: [7:0] query: 10.20.3.11 evil.example. A IN", "evil.example.",
     "10.20.3.11"},
    {"zeek conn", "zeek",
     "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state",
     "1639402806.1\tC1\t10.20.3.11\t5\t203.0.113.9\t1389\ttcp\tSF", "203.0.113.9", "10.20.3.11"},
    {"zeek conn v6", "zeek",
     "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state",
     "1639402806.1\tC1\tfd00::1\t5\t2001:db8::9\t1389\ttcp\tSF", "2001:db8::9", "fd00::1"},
    {"zeek dns", "zeek",
     "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tanswers",
     "1639402806.1\tC1\t10.20.3.11\t5\t10.0.0.1\t53\tudp\tevil.example\t-", "evil.example",
     "10.20.3.11"},
    {"zeek dns rcode", "zeek", "#fields\tts\tuid\tid.orig_h\tid.resp_h\tquery\trcode_name\tanswers",
     "1639402806.1\tC1\t10.20.3.11\t10.0.0.1\tevil.example\tNXDOMAIN\t-", "evil.example",
     "10.20.3.11"},
    {"zeek json conn", "zeek", NULL,
     "{\"ts\": 1639402806.1, \"uid\": \"C1\", \"id.orig_h\": \"10.20.3.11\", \"id.orig_p\": 5, "
     "\"id.resp_h\": \"203.0.113.9\", \"id.resp_p\": 1389, \"proto\": \"tcp\", \"conn_state\": "
     "\"SF\"}",
     "203.0.113.9", "10.20.3.11"},
    {"zeek json dns", "zeek", NULL,
     "{\"ts\": 1639402806.1, \"uid\": \"C1\", \"id.orig_h\": \"10.20.3.11\", \"id.orig_p\": 5, "
     "\"id.resp_h\": \"10.0.0.1\", \"id.resp_p\": 53, \"query\": \"evil.example\", \"answers\": "
     "[\"203.0.113.9\"]}",
     "evil.example", "10.20.3.11"},
    {"zeek json iso", "zeek", NULL,
     "{\"ts\": \"2021-12-13T13:40:06.1Z\", \"id.orig_h\": \"10.20.3.11\", \"id.resp_h\": "
     "\"203.0.113.9\", \"id.resp_p\": 1389, \"conn_state\": \"SF\"}",
     "203.0.113.9", "10.20.3.11"},
    {"iptables", "packet", NULL,
     "Dec 13 22:40:06 fw kernel: [123.4] ACCEPT IN=eth1 OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 "
     "LEN=60 PROTO=TCP SPT=5 DPT=1389",
     "203.0.113.9", "10.20.3.11"},
    {"ip6tables", "packet", NULL,
     "Dec 13 22:40:06 fw kernel: OUT= IN=eth1 OUT=eth0 SRC=fd00:0000:0000:0000:0000:0000:0000:0011 "
     "DST=2001:0db8:0000:0000:0000:0000:0000:0009 LEN=60 PROTO=TCP SPT=5 DPT=1389",
     "2001:0db8:0000:0000:0000:0000:0000:0009", "fd00:0000:0000:0000:0000:0000:0000:0011"},
    {"nft", "packet", NULL,
     "2021-12-13T22:40:06.1+09:00 fw kernel: nft-out: IN= OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 "
     "LEN=60 PROTO=TCP SPT=5 DPT=1389",
     "203.0.113.9", "10.20.3.11"},
    {"ufw allow", "packet", NULL,
     "Dec 13 22:40:06 fw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.20.3.11 DST=203.0.113.9 LEN=60 "
     "PROTO=TCP SPT=5 DPT=1389",
     "203.0.113.9", "10.20.3.11"},
    {"csv", "csv", "date,time,src,dst,dport,action",
     "2021-12-13,22:40:06,10.20.3.11,203.0.113.9,1389,allow", "203.0.113.9", "10.20.3.11"},
    {"csv port in dst", "csv", "time,src,dst,action",
     "2021-12-13 22:40:06,10.20.3.11:5,203.0.113.9:1389,allow", "203.0.113.9", "10.20.3.11"},
    {"csv v6", "csv", "time,src,dst,action", "2021-12-13 22:40:06,fd00::1,[2001:db8::9]:1389,allow",
     "2001:db8::9", "fd00::1"},
    {"csv url", "csv", "time,client,url",
     "2021-12-13 22:40:06,10.20.3.11,http://evil.example:1389/a", "evil.example", "10.20.3.11"},
    {"csv paloalto", "csv",
     "\"Receive Time\",\"Source address\",\"Destination address\",\"Destination Port\",\"Action\"",
     "\"2021/12/13 22:40:06\",\"10.20.3.11\",\"203.0.113.9\",\"1389\",\"allow\"", "203.0.113.9",
     "10.20.3.11"},
    {"csv fortinet epoch", "csv", "eventtime,srcip,dstip,dstport,action",
     "1639402806000000000,10.20.3.11,203.0.113.9,1389,accept", "203.0.113.9", "10.20.3.11"},
    {"csv splunk _time", "csv", "_time,src_ip,dest_ip,dest_port,action",
     "2021-12-13T22:40:06.000+09:00,10.20.3.11,203.0.113.9,1389,allowed", "203.0.113.9",
     "10.20.3.11"},
    {"csv hidden src port", "csv", "StartTime,SrcAddr,DstAddr,DstPort,Action",
     "2021-12-13 22:40:06,10.20.3.11,203.0.113.9,1389,Permit", "203.0.113.9", "10.20.3.11"},
    {"csv checkpoint", "csv", "\"Time\",\"Source\",\"Destination\",\"Service\",\"Action\"",
     "\"2021-12-13T13:40:06Z\",\"10.20.3.11\",\"203.0.113.9\",\"1389\",\"Accept\"", "203.0.113.9",
     "10.20.3.11"},
    {"aws vpc flow header", "csv",
     "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
     "end action log-status",
     "2 123 eni-1 10.20.3.11 203.0.113.9 5 1389 6 1 60 1639402806 1639402860 ACCEPT OK",
     "203.0.113.9", "10.20.3.11"},
    {"windows firewall", "csv",
     "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags",
     "2021-12-13 22:40:06 ALLOW TCP 10.20.3.11 203.0.113.9 5 1389 0 -", "203.0.113.9",
     "10.20.3.11"},
};

static struct outbound_context context_of(size_t i)
{
    struct outbound_context c = {1639500000000, {NULL, 0}};
    if (cases[i].header)
        assert_true(outbound_header(slice_str(cases[i].header), &c.header));
    return c;
}

static void lines_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_context c = context_of(i);
        struct outbound_line l;
        char time[TIME_RFC3339_SIZE] = "";
        if (!outbound_parse_as(cases[i].format, slice_str(cases[i].line), &c, &l))
            fail_msg("%s: is none", cases[i].name);
        if (l.has_time)
            time_format_utc(l.time_ms, time);
        time[19] = '\0';
        if (strcmp(time, "2021-12-13T13:40:06") != 0 || !slice_eq_str(l.host, cases[i].host) ||
            !slice_eq_str(l.source, cases[i].source) || l.outcome != OUTBOUND_ANSWERED)
            fail_msg("%s: %s, %.*s, from %.*s", cases[i].name, time, (int)l.host.n,
                     (const char *)l.host.p, (int)l.source.n, (const char *)l.source.p);
    }
}

static bool inside(struct slice part, const uint8_t *p, size_t n)
{
    return part.n == 0 || (part.p >= p && part.p + part.n <= p + n);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    static const char *const formats[] = {"squid",  "dnsmasq", "bind", "unbound",
                                          "packet", "zeek",    "csv"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbound_context c = context_of(i);
        for (size_t cut = 0; cut <= strlen(cases[i].line); cut++) {
            struct outbound_line l;
            struct slice header;
            uint8_t *exact = malloc(cut ? cut : 1);
            assert_non_null(exact);
            memcpy(exact, cases[i].line, cut);
            for (size_t k = 0; k < ARRAY_LEN(formats); k++)
                if (outbound_parse_as(formats[k], slice_of(exact, cut), &c, &l))
                    assert_true(l.host.n && inside(l.host, exact, cut) &&
                                inside(l.source, exact, cut) && inside(l.answer, exact, cut));
            (void)outbound_header(slice_of(exact, cut), &header);
            free(exact);
        }
    }
}

/* No header: sentences that name a host, sightings of other programs. */
static void lines_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "Dec 13 22:40:06 host kernel: up",
        "the host is up and the time is right",
        "Dec 13 22:40:06 host dnsmasq[7]: started, version 2.86",
        "{\"ts\": 1, \"message\": \"x\"}",
        "[1639402806] unbound[7:0] info: start of service (unbound 1.13.1).",
        "name,signal"};
    static const char *const formats[] = {"squid",  "dnsmasq", "bind", "unbound",
                                          "packet", "zeek",    "csv"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct outbound_context c = {1639500000000, {NULL, 0}};
        struct outbound_line l;
        struct slice header;
        assert_false(outbound_header(slice_str(lines[i]), &header));
        for (size_t k = 0; k < ARRAY_LEN(formats); k++)
            if (outbound_parse_as(formats[k], slice_str(lines[i]), &c, &l))
                fail_msg("%s: %s", lines[i], formats[k]);
    }
}

static void no_incomplete(void *ctx, const char *label, const struct err *why)
{
    (void)ctx;
    fail_msg("%s: %s", label, why->msg);
}

static void put_queries(FILE *f, const char *host, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)fprintf(f, "Dec 13 22:40:06 dnsmasq[7]: query[A] %s from 10.0.0.1\n", host);
}

/* Events of all hosts together at one below, at and one above the limit; of each host the first is
 * kept even then. */
static void events_of_all_hosts(void **state)
{
    (void)state;
    enum {
        FULL = (LIMIT_OUTBOUND_KEPT - 1) / LIMIT_OUTBOUND_EVENTS, /* hosts with all they may have */
        LEFT = LIMIT_OUTBOUND_KEPT - 1 - FULL * LIMIT_OUTBOUND_EVENTS
    };
    assert_in_range(LEFT, 2, LIMIT_OUTBOUND_EVENTS - 1);
    for (size_t n = LEFT - 1; n <= LEFT + 1; n++) {
        struct outbound *o = NULL;
        char name[32], path[32];
        uint64_t lines = 0, dropped = 0, of_all = 0;
        struct err e = {0};
        const char *host = NULL;
        int fd = tempfile_open();
        FILE *f = fdopen(fd, "w");
        assert_non_null(f);
        assert_ok(outbound_new(&o));
        for (size_t i = 0; i < FULL + 3; i++) {
            (void)snprintf(name, sizeof name, "h%zu.example", i);
            assert_ok(outbound_want(o, slice_str(name)));
            put_queries(f, name, i < FULL ? LIMIT_OUTBOUND_EVENTS : i == FULL + 1 ? n : 1);
        }
        assert_int_equal(fflush(f), 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        assert_ok(outbound_search(o, path, no_incomplete, NULL, &lines, &e));
        for (size_t i = 0; outbound_host(o, i, &host, &dropped); i++) {
            assert_non_null(outbound_find(o, slice_str(host), false, 0));
            of_all += dropped;
        }
        assert_int_equal(of_all, n > LEFT);
        outbound_free(o);
        assert_int_equal(fclose(f), 0);
    }
}

static void nothing_is_not_looked_for(void **state)
{
    (void)state;
    struct outbound *o = NULL;
    const char *host = NULL;
    uint64_t dropped = 0;
    assert_ok(outbound_new(&o));
    assert_ok(outbound_want(o, SLICE_LIT("")));
    assert_ok(outbound_want(o, SLICE_LIT(".")));
    assert_false(outbound_host(o, 0, &host, &dropped));
    assert_ok(outbound_want(o, SLICE_LIT(".x")));
    assert_true(outbound_host(o, 0, &host, &dropped));
    assert_string_equal(host, ".x");
    assert_false(outbound_host(o, 1, &host, &dropped));
    outbound_free(o);
}

int main(void)
{
    (void)setenv("TZ", "Asia/Tokyo", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(lines_that_are_none),
        cmocka_unit_test(events_of_all_hosts),
        cmocka_unit_test(nothing_is_not_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
