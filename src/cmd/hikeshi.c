/* hikeshi: the host tool. `hikeshi scan` prints findings and says what was not read. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "scan/scan.h"

#include <getopt.h>
#include <unistd.h>

struct output {
    bool json;
    const struct profile *p;
    uint64_t affected, found, incomplete;
    struct buf line, missed; /* missed: JSON objects, separated by commas */
};

static const char usage[] =
    "usage: hikeshi scan [--format table|jsonl] [--profile NAME|DIR] [--max-depth N] PATH...\n"
    "       hikeshi --version\n"
    "exit 0 nothing affected, 1 something affected, 2 wrong usage, 3 not everything was examined\n";

static void print_line(struct output *o)
{
    buf_add_char(&o->line, '\n');
    (void)fwrite(buf_text(&o->line), 1, o->line.n, stdout); /* a failure sticks: see scan_all */
    buf_clear(&o->line);
}

static void finding_json(struct output *o, const struct scan_finding *f)
{
    struct jsonw w = jsonw_to(&o->line);
    json_begin_object(&w);
    json_put_str(&w, "path", f->path);
    json_put_str(&w, "component", f->component);
    json_put_str(&w, "version", f->version);
    json_put_str(&w, "version_from", f->version_from);
    json_put_str(&w, "prefix", f->prefix);
    json_key(&w, "cves");
    json_begin_object(&w);
    for (size_t i = 0; i < o->p->cve_count; i++)
        if (f->states[i])
            json_put_str(&w, o->p->cves[i].id, cve_state_name(f->states[i]));
    json_end_object(&w);
    json_key(&w, "evidence");
    json_begin_array(&w);
    for (size_t i = 0; i < f->evidence_count; i++)
        json_text(&w, slice_str(f->evidence[i]));
    json_end_array(&w);
    json_end_object(&w);
    print_line(o);
}

static void finding_table(struct output *o, const struct scan_finding *f, enum cve_state worst)
{
    static const char *const words[] = {"",      "AFFECTED",     "MITIGATED",
                                        "FIXED", "NOT AFFECTED", "UNKNOWN"};
    buf_addf(&o->line, "%-13s%s %s ", words[worst], f->component,
             f->version ? f->version : "(version not known)");
    for (size_t i = 0; i < o->p->cve_count; i++)
        if (f->states[i] == worst && worst != CVE_FIXED)
            buf_addf(&o->line, " %s", o->p->cves[i].id);
    buf_add_str(&o->line, "\n  ");
    text_add_escaped(&o->line, slice_str(f->path));
    for (size_t i = 0; i < f->evidence_count; i++) {
        buf_add_str(&o->line, i ? "; " : "\n  how known  ");
        text_add_escaped(&o->line, slice_str(f->evidence[i]));
    }
    print_line(o);
}

static void on_finding(void *ctx, const struct scan_finding *f)
{
    static const int rank[] = {0, 5, 3, 2, 1, 4};
    struct output *o = ctx;
    enum cve_state worst = CVE_UNSTATED;
    for (size_t i = 0; i < o->p->cve_count; i++)
        if (rank[f->states[i]] > rank[worst])
            worst = f->states[i];
    o->found++;
    o->affected += worst == CVE_AFFECTED;
    if (o->json)
        finding_json(o, f);
    else
        finding_table(o, f, worst);
}

static void on_incomplete(void *ctx, const char *path, const char *why)
{
    struct output *o = ctx;
    if (o->incomplete++)
        buf_add_str(&o->missed, o->json ? "," : "\n");
    if (o->json) {
        struct jsonw w = jsonw_to(&o->missed);
        json_begin_object(&w);
        json_put_str(&w, "path", path);
        json_put_str(&w, "reason", why);
        json_end_object(&w);
    } else {
        buf_add_str(&o->missed, "  ");
        text_add_escaped(&o->missed, slice_str(path));
        buf_addf(&o->missed, "   %s", why);
    }
}

static void summary_json(struct output *o, const struct scan_counts *c, const char *started,
                         char **paths, int n)
{
    char host[256] = "", ended[TIME_RFC3339_SIZE];
    struct jsonw w = jsonw_to(&o->line);
    time_format_utc(time_now_ms(), ended);
    gethostname(host, sizeof host - 1);
    json_begin_object(&w);
    json_key(&w, "summary");
    json_begin_object(&w);
    json_put_int(&w, "files", (int64_t)c->files);
    json_put_int(&w, "archives", (int64_t)c->archives);
    json_put_int(&w, "bytes", (int64_t)c->bytes);
    json_put_int(&w, "findings", (int64_t)o->found);
    json_put_str(&w, "host", host);
    json_put_str(&w, "started", started);
    json_put_str(&w, "ended", ended);
    json_put_str(&w, "tool", "hikeshi " HIKESHI_VERSION);
    json_put_str(&w, "profile", o->p->id);
    json_put_int(&w, "profile_revision", o->p->revision);
    json_put_int(&w, "incomplete_count", (int64_t)o->incomplete);
    json_key(&w, "paths");
    json_begin_array(&w);
    for (int i = 0; i < n; i++)
        json_text(&w, slice_str(paths[i]));
    json_end_array(&w);
    json_key(&w, "incomplete");
    json_begin_array(&w);
    buf_add_slice(&o->line, buf_slice(&o->missed));
    json_end_array(&w);
    json_end_object(&w);
    json_end_object(&w);
    print_line(o);
}

static void summary_table(struct output *o, const struct scan_counts *c)
{
    if (!o->found && !o->incomplete)
        printf("NOTHING FOUND of %s in %llu files and %llu archives, all read to the end\n",
               o->p->id, (unsigned long long)c->files, (unsigned long long)c->archives);
    else
        printf("\n%llu found, %llu affected; %llu files, %llu archives\n",
               (unsigned long long)o->found, (unsigned long long)o->affected,
               (unsigned long long)c->files, (unsigned long long)c->archives);
    if (o->incomplete)
        printf("NOT FULLY EXAMINED: %llu places. Nothing is said about what they hold.\n%s\n",
               (unsigned long long)o->incomplete, buf_text(&o->missed));
}

static int scan_all(struct output *o, struct scan_options *so, char **paths, int n)
{
    struct scan_counts counts = {0};
    struct err e = {0};
    char started[TIME_RFC3339_SIZE];
    bool trouble = false;
    time_format_utc(time_now_ms(), started);
    for (int i = 0; i < n; i++)
        if (scan_path(so, paths[i], &counts, &e) != OK) {
            fprintf(stderr, "hikeshi: %s\n", e.msg);
            trouble = true;
        }
    if (o->json)
        summary_json(o, &counts, started, paths, n);
    else
        summary_table(o, &counts);
    if (fflush(stdout) != 0 || ferror(stdout) || buf_status(&o->missed) != OK ||
        buf_status(&o->line) != OK)
        return 3;
    return o->affected ? 1 : trouble ? 2 : o->incomplete ? 3 : 0;
}

static int cmd_scan(int argc, char **argv)
{
    static const struct option options[] = {{"format", 1, 0, 'f'},
                                            {"profile", 1, 0, 'p'},
                                            {"max-depth", 1, 0, 'd'},
                                            {"help", 0, 0, 'h'},
                                            {0}};
    struct output o = {0};
    const char *profile = "log4shell";
    uint64_t depth = 16;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0 ? 2 : 0;
        if (c == 'p')
            profile = optarg;
        if (c == 'f')
            o.json = strcmp(optarg, "jsonl") == 0;
        if (c == 'f' && !o.json && strcmp(optarg, "table") != 0)
            return fprintf(stderr, "hikeshi: --format %s: choose one of table, jsonl\n", optarg), 2;
        if (c == 'd' && (slice_to_u64(slice_str(optarg), &depth) != OK || depth < 1 ||
                         depth > LIMIT_SCAN_DEPTH))
            return fprintf(stderr, "hikeshi: --max-depth: a number from 1 to %d\n",
                           LIMIT_SCAN_DEPTH),
                   2;
        if (c == '?')
            return fputs(usage, stderr), 2;
    }
    if (optind == argc)
        return fputs("hikeshi: name at least one path, for example: hikeshi scan /\n", stderr), 2;
    struct profile *p = NULL;
    struct err e = {0};
    if (profile_load(profile, &p, &e) != OK)
        return fprintf(stderr, "hikeshi: %s\n", e.msg), 2;
    o.p = p;
    buf_init(&o.line, MIB(64));
    buf_init(&o.missed, MIB(32));
    struct scan_options so = {p, (unsigned)depth, &o, on_finding, on_incomplete};
    int rc = scan_all(&o, &so, argv + optind, argc - optind);
    buf_done(&o.line);
    buf_done(&o.missed);
    profile_free(p);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "scan") == 0)
        return cmd_scan(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        return puts("hikeshi " HIKESHI_VERSION) < 0 ? 2 : 0;
    bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
    fputs(usage, help ? stdout : stderr);
    return help ? 0 : 2;
}
