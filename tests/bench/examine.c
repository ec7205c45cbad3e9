/* bench-examine [MIB] — how fast examining is on texts made to be slow, by the length of the line.
 *
 * Each family is repeated to lines of 200 bytes, 8 KiB, 64 KiB (the longest that a search examines
 * whole) and 1 MiB, and examined until MIB were read. One figure each: MB a second of one core, and
 * the verdict. The last line is the slowest. */
#include "lookup/examine.h"
#include "base/limits.h"
#include "base/timefmt.h"

#include <time.h>

struct family {
    const char *name;
    const char *head, *piece, *middle, *tail; /* head piece… middle tail… */
};

static const struct family families[] = {
    {"openers", "", "${", "", ""},
    {"openers, jndi:} behind", "", "${", "jndi:}", ""},
    {"openers of openers", "", "${${${${", "", ""},
    {"openers closed", "", "${", "jndi:a", "}"},
    {"spaced openers", "", "${ a ", "jndi:}", ""},
    {"nested lower", "", "${lower:", "jndi:", "}"},
    {"nested lower, unresolved", "", "${lower:${q ", "${jn${q}di:", "}}"},
    {"nested default", "", "${::-", "j n d i :", "}"},
    {"nested default, dollars", "", "${::-$${::-", "j n d i :", "}}"},
    {"siblings", "", "${q}", "j n d i : }", ""},
    {"siblings behind jndi", "j n d i :", "${q}", "", ""},
    {"siblings of jn di :", "", "${q:j}${n}${d}${i:}", "", ""},
    {"defaults", "", "${:-jndi:}", "", ""},
    {"dollar siblings", "", "$$$$${q}", "$ { j n d i : }", ""},
    {"dollars, then siblings", "$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$$${jndi:a}", "${q}", "", ""},
    {"dollars", "", "$", "${jndi:x}", "${q}"},
    {"escaped", "", "$${jndi:a} ", "", ""},
    {"escaped unclosed", "", "$${jndi:a ", "", ""},
    {"lower case mapping", "", "${lower:JNDI:\xc4\xb0}", "", ""},
    {"case growth", "", "${upper:\xef\xac\x83\xef\xac\x83\xef\xac\x83}", "j n d i : }", ""},
    {"message", "", "$${event:Message}", "${q} j n d i :", ""},
    {"message inside", "${x", "${event:Message}", "j n d i :", "}"},
    {"java", "", "${java:vm}", "j n d i : }", ""},
    {"java throws", "", "${java:zz}", "${jndi", ":}"},
    {"cycles", "", "${::-a${::-$${::-b}}}", "j n d i : }", ""},
    {"jndi misspelt", "", "${ jndi:a}", "", ""},
    {"base64 named", "", "${base64:JHtqbmRpOng}", "", ""},
    {"brackets", "", "}{", "${jndi", ":}"},
    {"dates", "", "${date:'jndi:'}", "", ""},
    {"date of letters", "", "${date:yyyyyyyyyyyyyyyy", "jndi:", "}"},
    {"colons", "${", "::\\-:", "jndi:", "}"},
    {"\\u00", "", "\\u00", "", ""},
    {"\\u0024", "", "\\u0024\\u007b", "", ""},
    {"\\u005c", "", "\\u005cu0024{q}", "", ""},
    {"%25", "", "%25", "", ""},
    {"%24%7B", "", "%24%7B", "", ""},
    {"%24%7Bq%7D", "", "%24%7Bq%7D", "%24%7B j n d i : %7D", ""},
    {"%252524{", "", "%252524%257B", "j n d i : }", ""},
    {"&amp;", "", "&amp;", "", ""},
    {"&", "", "&", "", ""},
    {"&#", "", "&#0000000000000000", "", ""},
    {"&dollar{", "", "&dollar{", "", ""},
    {"all at once", "", "%5cu0025%26amp;&#x24;\\x24${", "", ""},
    {"all with jndi", "", "%5cu0025%26amp;&#x24;\\x24${j n d i : }", "", ""},
    {"backslashes", "", "\\", "", ""},
    {"backslash pairs", "", "\\\\u", "", ""},
    {"NUL", "$", "\0", "", ""},
    {"base64 text", "", "c29tZSB0ZXh0IHRoYXQgaXMgbm90aGluZyBhdCBhbGwg", "", ""},
    {"base64 of openers", "", "JHske3tqbmRpOng", "", ""},
    {"base64 runs", "", "JHtqbmR9OngxMjM0NTY= ", "", ""},
    {"base64 runs of openers", "", "JHske3tqbmRpOng ", "", ""},
    {"short base64 runs", "", "abcdefghijk.", "", ""},
    {"base64 noise with R7", "", "R7keJHR7", "", ""},
    {"base64 of %25", "", "JTI1", "", ""},
    {"base64 of base64", "", "U2toVGEwcElVMnRLU0ZOclNraFRhMHBJVTJ0S1NGTnI", "", ""},
    {"text", "", "GET /index.html HTTP/1.1 200 Mozilla/5.0 (X11; Linux x86_64) ", "", ""},
    {"text and one payload", "${jndi:ldap://x/a", "GET /index.html HTTP/1.1 200 (X11) ", "", ""},
};

static double seconds(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0
               ? (double)t.tv_sec + (double)t.tv_nsec / 1e9
               : 0;
}

static size_t piece_length(const char *piece)
{
    return *piece ? strlen(piece) : 1; /* the NUL family */
}

static struct slice make(struct buf *b, const struct family *f, size_t length)
{
    size_t each = piece_length(f->piece) + strlen(f->tail);
    size_t fixed = strlen(f->head) + strlen(f->middle);
    size_t count = length > fixed ? (length - fixed) / each : 0;
    buf_clear(b);
    (void)buf_add_str(b, f->head);
    for (size_t i = 0; i < count; i++)
        (void)buf_add(b, f->piece, piece_length(f->piece));
    (void)buf_add_str(b, f->middle);
    for (size_t i = 0; i < count; i++)
        (void)buf_add_str(b, f->tail);
    return buf_slice(b);
}

static double measure(struct examiner *x, struct slice s, size_t bytes, enum verdict *ret)
{
    struct examined r = {0};
    size_t done = 0;
    for (size_t warm = 0; warm < MIB(2); warm += s.n) /* the credit of a new log is spent */
        if (examine(x, s, &r) != OK || seconds() < 0)
            return 0;
    double began = seconds();
    do {
        if (examine(x, s, &r) != OK)
            return 0;
        done += s.n;
    } while (done < bytes && seconds() - began < 2);
    *ret = r.verdict;
    return (double)done / 1e6 / (seconds() - began);
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = {200, KIB(8), KIB(64), MIB(1)};
    struct examiner *x = NULL;
    struct buf b;
    uint64_t mib = 4;
    double worst = 1e9;
    char worst_name[80] = "";
    if ((argc > 1 && slice_to_u64(slice_str(argv[1]), &mib) != OK) || examiner_new(&x) != OK)
        return 2;
    buf_init(&b, MIB(64));
    printf("%-26s %10s %10s %10s %10s  verdict\n", "MB/s", "200 B", "8 KiB", "64 KiB", "1 MiB");
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        enum verdict v = VERDICT_NONE;
        printf("%-26s", families[i].name);
        for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
            double rate = measure(x, make(&b, &families[i], lengths[k]), MIB(mib), &v);
            printf(" %10.0f", rate);
            if (rate < worst) {
                worst = rate;
                (void)snprintf(worst_name, sizeof worst_name, "%s, %zu bytes", families[i].name,
                               lengths[k]);
            }
            (void)fflush(stdout);
        }
        printf("  %s\n", verdict_name(v));
    }
    printf("slowest: %.0f MB/s, %s\n", worst, worst_name);
    buf_done(&b);
    examiner_free(x);
    return 0;
}
