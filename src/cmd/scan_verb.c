/* hikeshi scan: options, progress, and the exit code. */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/scan_format.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <unistd.h>

enum exit_code { NOTHING = 0, AFFECTED = 1, USAGE = 2, UNSURE = 3 };

static const struct scan_format *const formats[] = {&scan_format_table, &scan_format_jsonl,
                                                    &scan_format_csv, &scan_format_sarif};

struct request {
    const struct scan_format *format;
    const char *profile, *host, *files_from;
    unsigned depth;
    bool network, list_incomplete, nul;
    const char *colour; /* "auto", "always", "never" */
};

struct job {
    struct scan_run run;
    const struct scan_format *format;
    bool progress; /* standard error is a terminal */
    bool shown;
    int64_t shown_ms;
    bool failed; /* standard output took less than everything */
    enum lang lang;
};

static void help(enum lang lang)
{
    (void)fputs(
        T(lang,
          "usage: hikeshi scan [OPTION]... PATH...\n"
          "Finds affected copies in files, in archives inside archives, and in folders.\n"
          "\n"
          "  --format F        table (for people), jsonl, csv or sarif\n"
          "  --profile P       a built-in profile, or the folder of one (log4shell)\n"
          "  --host NAME       the name of this host in the output\n"
          "  --max-depth N     archives inside archives, 1 to 64 (16)\n"
          "  --files-from F    also the paths in the file F, one a line; - is standard input\n"
          "  -0, --null        these paths end with a zero byte, as find -print0 writes them\n"
          "  --network         also walk network file systems that lie below a path\n"
          "  --incomplete      list every place that was not fully examined\n"
          "  --colour WHEN     auto, always or never (auto; NO_COLOR is honoured)\n"
          "\n"
          "exit 0  nothing affected, and everything examined\n"
          "     1  something is affected\n"
          "     2  wrong usage\n"
          "     3  not everything was examined or could be decided, and nothing affected was "
          "found\n"),
        stdout);
}

/* --- output */

static void flush_out(struct job *j)
{
    struct buf *b = &j->run.out;
    if (j->shown) {
        (void)fputs("\r\033[K", stderr);
        j->shown = false;
    }
    if (buf_status(b) != OK || fwrite(buf_text(b), 1, b->n, stdout) != b->n || fflush(stdout) != 0)
        j->failed = true;
    buf_clear(b);
}

bool place_next(const struct place_list *l, size_t *at, const char **ret_path,
                const char **ret_reason)
{
    if (*at >= l->pairs.n)
        return false;
    *ret_path = (const char *)l->pairs.p + *at;
    *ret_reason = *ret_path + strlen(*ret_path) + 1;
    *at += strlen(*ret_path) + strlen(*ret_reason) + 2;
    return true;
}

static void place_add(struct place_list *l, const char *path, const char *reason)
{
    size_t before = l->pairs.n;
    l->count++;
    if (l->kept + 1 < l->count)
        return; /* full: only counted from here on */
    (void)buf_add(&l->pairs, path, strlen(path) + 1);
    (void)buf_add(&l->pairs, reason, strlen(reason) + 1);
    if (buf_status(&l->pairs) != OK)
        buf_cut(&l->pairs, before);
    else
        l->kept++;
}

static void on_finding(void *ctx, const struct scan_finding *f)
{
    struct job *j = ctx;
    j->run.found++;
    j->run.by_state[finding_state(f)]++;
    j->format->finding(&j->run, f);
    flush_out(j);
}

static void on_incomplete(void *ctx, const char *path, const char *reason)
{
    struct job *j = ctx;
    place_add(&j->run.incomplete, path, reason);
}

static void on_skipped(void *ctx, const char *path, const char *reason)
{
    struct job *j = ctx;
    place_add(&j->run.skipped, path, reason);
}

/* One line that is written over, five times a second. */
static void on_progress(void *ctx, const char *path, const struct scan_counts *c)
{
    struct job *j = ctx;
    struct buf b;
    int64_t now = time_monotonic_ms();
    if (now - j->shown_ms < 200)
        return;
    j->shown_ms = now;
    j->shown = true;
    buf_init(&b, MIB(1));
    (void)buf_addf(&b, T(j->lang, "  %llu files, %llu archives   "), (unsigned long long)c->files,
                   (unsigned long long)c->archives);
    (void)text_add_escaped(&b, slice_str(path));
    size_t n = b.n;
    while (n && text_columns(slice_sub(buf_slice(&b), 0, n)) >= j->run.columns)
        n--;
    (void)fprintf(stderr, "\r\033[K%.*s", (int)n, buf_text(&b));
    (void)fflush(stderr);
    buf_done(&b);
}

/* --- one run */

static bool scan_one(struct job *j, struct scan *s, const char *path)
{
    struct err e = {0};
    enum status st = scan_path(s, path, &e);
    if (st == OK)
        return true;
    if (j->shown)
        (void)fputs("\r\033[K", stderr);
    j->shown = false;
    if (st == ST_NOT_FOUND && errno == ENOENT) {
        struct buf b;
        buf_init(&b, MIB(1));
        (void)text_add_escaped(&b, slice_str(path));
        (void)fprintf(stderr, T(j->lang, "hikeshi: %s: no such file or directory"), buf_text(&b));
        (void)fputc('\n', stderr);
        buf_done(&b);
    } else {
        (void)fprintf(stderr, "hikeshi: %s\n", e.msg);
    }
    return false;
}

static int scan_all(struct job *j, const struct request *q)
{
    struct scan_run *r = &j->run;
    struct scan_options o = {.profile = r->p,
                             .lang = q->format->for_people ? j->lang : LANG_EN,
                             .max_depth = q->depth,
                             .network = q->network,
                             .paths = r->paths,
                             .path_count = r->path_count,
                             .ctx = j,
                             .finding = on_finding,
                             .incomplete = on_incomplete,
                             .skipped = on_skipped,
                             .progress = j->progress ? on_progress : NULL};
    struct scan *s = NULL;
    size_t bad = 0;
    if (scan_new(&o, &s) != OK)
        return fputs("hikeshi: not enough memory\n", stderr), UNSURE;
    r->started_ms = time_now_ms();
    j->format->begin(r);
    for (size_t i = 0; i < r->path_count; i++)
        bad += !scan_one(j, s, r->paths[i]);
    scan_finish(s);
    r->counts = *scan_counts(s);
    scan_free(s);
    r->ended_ms = time_now_ms();
    if (bad == r->path_count && q->format->for_people)
        return USAGE;
    j->format->end(r);
    flush_out(j);
    if (j->failed)
        return (void)fprintf(stderr, "hikeshi: standard output: %s\n", strerror(errno)), UNSURE;
    if (r->by_state[CVE_AFFECTED])
        return AFFECTED;
    if (bad)
        return USAGE;
    return r->incomplete.count || r->by_state[CVE_UNKNOWN] ? UNSURE : NOTHING;
}

static int run(struct request *q, enum lang lang, char **paths, size_t n)
{
    struct job j = {.format = q->format, .lang = lang};
    struct err e = {0};
    struct profile *p = NULL;
    char host[256] = "";
    if (profile_load(q->profile, &p, &e) != OK)
        return (void)fprintf(stderr, "hikeshi: %s\n", e.msg), USAGE;
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    j.progress = isatty(STDERR_FILENO);
    j.run = (struct scan_run){.p = p,
                              .lang = lang,
                              .host = q->host ? q->host : host,
                              .paths = paths,
                              .path_count = n,
                              .colour = terminal_wants_colour(q->colour),
                              .list_incomplete = q->list_incomplete,
                              .columns = terminal_columns(STDOUT_FILENO)};
    buf_init(&j.run.out, MIB(64));
    buf_init(&j.run.incomplete.pairs, LIMIT_INCOMPLETE_BYTES);
    buf_init(&j.run.skipped.pairs, LIMIT_INCOMPLETE_BYTES);
    if (j.progress) {
        (void)fprintf(stderr, T(lang, "hikeshi %s, profile %s r%d of %s"), HIKESHI_VERSION, p->id,
                      p->revision, p->date);
        (void)fputc('\n', stderr);
    }
    int code = scan_all(&j, q);
    buf_done(&j.run.out);
    buf_done(&j.run.incomplete.pairs);
    buf_done(&j.run.skipped.pairs);
    profile_free(p);
    return code;
}

/* --- arguments */

static bool add_path(char ***list, size_t *n, char *path)
{
    char **more = realloc(*list, (*n + 1) * sizeof **list);
    if (!more)
        return false;
    *list = more;
    more[(*n)++] = path;
    return true;
}

/* Paths in a text, which stays theirs. */
static bool add_listed(char ***list, size_t *n, struct buf *text, uint8_t sep)
{
    struct slice rest = buf_slice(text), part;
    while (slice_next_field(&rest, sep, &part)) {
        char *path = (char *)text->p + (part.p - text->p);
        if (part.n == 0)
            continue;
        path[part.n] = '\0'; /* a buffer has a byte to spare */
        if (!add_path(list, n, path))
            return false;
    }
    return true;
}

static int wrong(enum lang lang, const char *option, const char *value, const char *choices)
{
    (void)fprintf(stderr, T(lang, "hikeshi: %s %s: choose one of %s"), option, value, choices);
    (void)fputc('\n', stderr);
    return USAGE;
}

static int take_option(struct request *q, int c, enum lang lang)
{
    uint64_t n = 0;
    switch (c) {
    case 'f':
        q->format = NULL;
        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
            if (strcmp(optarg, formats[i]->name) == 0)
                q->format = formats[i];
        return q->format ? 0 : wrong(lang, "--format", optarg, "table, jsonl, csv, sarif");
    case 'p':
        q->profile = optarg;
        return 0;
    case 'h':
        q->host = optarg;
        return 0;
    case 'd':
        if (slice_to_u64(slice_str(optarg), &n) != OK || n < 1 || n > LIMIT_SCAN_DEPTH)
            return wrong(lang, "--max-depth", optarg, "1 ... 64");
        q->depth = (unsigned)n;
        return 0;
    case 'F':
        q->files_from = optarg;
        return 0;
    case '0':
        q->nul = true;
        return 0;
    case 'n':
        q->network = true;
        return 0;
    case 'i':
        q->list_incomplete = true;
        return 0;
    case 'c':
        q->colour = optarg;
        if (strcmp(optarg, "auto") != 0 && strcmp(optarg, "always") != 0 &&
            strcmp(optarg, "never") != 0)
            return wrong(lang, "--colour", optarg, "auto, always, never");
        return 0;
    default:
        return (void)fprintf(stderr, "%s\n", T(lang, "hikeshi: see hikeshi scan --help")), USAGE;
    }
}

static int collect_and_run(struct request *q, enum lang lang, int argc, char **argv)
{
    char **paths = NULL;
    size_t n = 0;
    struct buf text;
    struct err e = {0};
    int code = USAGE;
    bool ok = true;
    buf_init(&text, MIB(64));
    for (int i = 0; ok && i < argc; i++)
        ok = add_path(&paths, &n, argv[i]);
    if (ok && q->files_from && file_read_all(q->files_from, &text, &e) != OK)
        (void)fprintf(stderr, "hikeshi: %s\n", e.msg);
    else if (!ok || !add_listed(&paths, &n, &text, q->nul ? 0 : '\n'))
        (void)fputs("hikeshi: not enough memory\n", stderr);
    else if (n == 0 && !q->files_from)
        (void)fprintf(stderr, "%s\n",
                      T(lang, "hikeshi: name at least one path, for example: hikeshi scan /"));
    else
        code = run(q, lang, paths, n);
    free(paths);
    buf_done(&text);
    return code;
}

int verb_scan(int argc, char **argv)
{
    static const struct option options[] = {
        {"format", 1, 0, 'f'},    {"profile", 1, 0, 'p'},    {"host", 1, 0, 'h'},
        {"max-depth", 1, 0, 'd'}, {"files-from", 1, 0, 'F'}, {"null", 0, 0, '0'},
        {"network", 0, 0, 'n'},   {"incomplete", 0, 0, 'i'}, {"colour", 1, 0, 'c'},
        {"color", 1, 0, 'c'},     {"help", 0, 0, 'H'},       {0}};
    struct request q = {
        .format = &scan_format_table, .profile = "log4shell", .depth = 16, .colour = "auto"};
    enum lang lang = lang_from_environment();
    for (int c; (c = getopt_long(argc, argv, "0", options, NULL)) != -1;) {
        if (c == 'H')
            return help(lang), fflush(stdout) == 0 ? 0 : USAGE;
        int bad = take_option(&q, c, lang);
        if (bad)
            return bad;
    }
    return collect_and_run(&q, lang, argc - optind, argv + optind);
}
