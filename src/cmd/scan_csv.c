/* RFC 4180 for spreadsheets: a row per finding, then a row per place that was not read. Formulas
 * are neutralised; bytes that are no UTF-8 are escaped. */
#include "base/csvwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "cmd/scan_format.h"

static void put(struct csvw *w, const char *text)
{
    struct buf b;
    buf_init(&b, MIB(1));
    (void)text_add_escaped(&b, slice_str(text));
    csv_field(w, buf_slice(&b));
    buf_done(&b);
}

static struct csvw writer(struct scan_run *r)
{
    return (struct csvw){.out = &r->out, .sep = ',', .neutralise = true};
}

static void begin(struct scan_run *r)
{
    static const char *const head[] = {"kind",    "host",         "path",          "component",
                                       "version", "version_from", "version_range", "prefix"};
    struct csvw w = writer(r);
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        put(&w, head[i]);
    for (size_t i = 0; i < r->p->cve_count; i++)
        put(&w, r->p->cves[i].id);
    put(&w, "evidence");
    csv_end_row(&w);
}

static void finding(struct scan_run *r, const struct scan_finding *f)
{
    const char *const cells[] = {"finding",  r->host,         f->path,  f->component,
                                 f->version, f->version_from, f->range, f->prefix};
    struct csvw w = writer(r);
    struct buf b;
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        put(&w, cells[i]);
    for (size_t i = 0; i < r->p->cve_count; i++)
        put(&w, cve_state_name(f->states[i]));
    buf_init(&b, MIB(1));
    for (size_t i = 0; i < f->evidence_count; i++)
        (void)buf_addf(&b, "%s%s", i ? "; " : "", f->evidence[i]);
    put(&w, buf_text(&b));
    buf_done(&b);
    csv_end_row(&w);
}

static void end(struct scan_run *r)
{
    const char *path = NULL, *reason = NULL;
    for (size_t at = 0; place_next(&r->incomplete, &at, &path, &reason);) {
        const char *const cells[] = {"not fully examined", r->host, path, "", "", "", "", ""};
        struct csvw w = writer(r);
        for (size_t i = 0; i < ARRAY_LEN(cells); i++)
            put(&w, cells[i]);
        for (size_t i = 0; i < r->p->cve_count; i++)
            put(&w, "");
        put(&w, reason);
        csv_end_row(&w);
    }
}

const struct scan_format scan_format_csv = {"csv", false, begin, finding, end};
