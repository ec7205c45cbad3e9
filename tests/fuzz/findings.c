/* What a host hands in: any bytes are read or refused, in any pieces alike, and what is told has no
 * control characters and is UTF-8. */
#include "fuzz.h"

#include "base/utf8.h"
#include "board/case/findings_read.h"

#include <stdlib.h>

static void check(const char *text)
{
    struct slice s = slice_str(text);
    if (!utf8_valid(s, NULL))
        abort();
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            abort();
    }
}

static enum status finding(void *ctx, const struct finding_line *f, struct err *e)
{
    (void)e;
    check(f->path);
    check(f->component);
    check(f->version);
    check(f->version_from);
    check(f->cves);
    check(f->evidence);
    ++*(size_t *)ctx;
    return OK;
}

static enum status gap(void *ctx, const char *path, const char *reason, struct err *e)
{
    (void)ctx, (void)e;
    check(path);
    check(reason);
    return OK;
}

static enum status summary(void *ctx, const struct scan_summary *s, struct err *e)
{
    (void)e;
    check(s->host);
    check(s->tool);
    check(s->profile);
    check(s->paths);
    if (s->findings < 0 || (size_t)s->findings != *(size_t *)ctx || s->incomplete < 0)
        abort();
    return OK;
}

static enum status run(struct slice in, size_t piece)
{
    size_t count = 0;
    struct findings_events events = {&count, finding, gap, summary};
    struct findings_reader r;
    struct err e = {0};
    enum status s = OK;
    findings_reader_init(&r, &events);
    for (size_t at = 0; s == OK && at < in.n; at += piece)
        s = findings_reader_add(&r, slice_sub(in, at, piece), &e);
    if (s == OK)
        s = findings_reader_end(&r, &e);
    findings_reader_done(&r);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    if (run(in, size + 1) != run(in, 13))
        abort();
    return 0;
}
