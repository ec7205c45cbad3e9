/* hikeshi hunt: options, progress, and the exit code. */
#include "base/limits.h"
#include "base/tempfile.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/hunt_run.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"
#include "hunt/map.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum exit_code { FOUND = 0, NONE = 1, TROUBLE = 2 };

static const struct hunt_format *const formats[] = {&hunt_format_table, &hunt_format_jsonl,
                                                    &hunt_format_csv};

static atomic_int stopped; /* by SIGINT or SIGTERM: what was found so far is told */

static void on_stop(int sig)
{
    (void)sig;
    stopped = 1;
}

static void help(enum lang lang)
{
    (void)fputs(
        T(lang,
          "usage: hikeshi hunt [OPTION]... FILE|FOLDER|-...\n"
          "Finds attempts in logs, however disguised, by what they would do. Logs may be packed "
          "(gzip, bzip2, xz,\n"
          "zstd, zip, tar), of any format and any size; - is standard input.\n"
          "\n"
          "  --format F       table (for people), jsonl or csv\n"
          "  -c, --count      only how many lines, for each file\n"
          "  --since T        sightings from T on: 2021-12-10, 2021-12-10T18:00+09:00, 3d, 12h\n"
          "  --until T        sightings before T; those without a time are always told\n"
          "  --least V        attempt, if-closed or reaches: the least that is told (attempt)\n"
          "  --outbound LOG   a log of what went out (proxy, name server, firewall): was it "
          "answered?\n"
          "  --ioc FILE       addresses and names to look for there as well; or one of them\n"
          "  --ioc-out FILE   write those that were found: .csv, or .json for STIX 2.1\n"
          "  --profile P      a built-in profile, or the folder of one (log4shell): its patterns\n"
          "  --jobs N         threads (as many as there are processors)\n"
          "  --follow         go on as the logs grow, and when they are rotated or truncated\n"
          "  --no-summary     sightings only\n"
          "  --colour WHEN    auto, always or never (auto; NO_COLOR is honoured)\n"
          "  --help           this text\n"
          "\n"
          "exit 0  something was found\n"
          "     1  nothing was found, and everything was read\n"
          "     2  wrong usage, a path that cannot be opened, output that cannot be written, or\n"
          "        nothing found in what could be read\n"),
        stdout);
}

/* --- output */

static void on_file(void *ctx, const char *path, uint64_t sightings)
{
    struct hunt_job *j = ctx;
    if (!j->q->count)
        return;
    if (j->q->with_name) {
        (void)text_add_escaped(&j->view.out, slice_str(path));
        (void)buf_add_char(&j->view.out, ':');
    }
    (void)buf_addf(&j->view.out, "%llu\n", (unsigned long long)sightings);
    hunt_job_flush(j);
}

/* One line that is written over, five times a second. */
static void on_progress(void *ctx, const char *path, const struct hunt_counts *c)
{
    struct hunt_job *j = ctx;
    struct buf b;
    int64_t now = time_monotonic_ms();
    if (now - j->shown_ms < 200)
        return;
    j->shown_ms = now;
    j->shown = true;
    buf_init(&b, MIB(1));
    (void)buf_addf(&b, T(j->view.lang, "  %llu files, %llu lines   "), (unsigned long long)c->files,
                   (unsigned long long)c->lines);
    (void)text_add_escaped(&b, slice_str(path));
    size_t n = b.n;
    while (n && text_columns(slice_sub(buf_slice(&b), 0, n)) >= j->view.columns)
        n--;
    (void)fprintf(stderr, "\r\033[K%.*s", (int)n, buf_text(&b));
    (void)fflush(stderr);
    buf_done(&b);
}

/* --- one run */

static enum status search(struct hunt_job *j, size_t *ret_missing, struct err *e)
{
    const struct hunt_request *q = j->q;
    struct hunt_options o = {
        .paths = q->paths,
        .path_count = q->path_count,
        .jobs = q->jobs,
        .since_ms = q->since_ms,
        .until_ms = q->until_ms,
        .least = q->least,
        .patterns = j->patterns,
        .no_evaluation = q->no_evaluation,
        .stop = &stopped,
        .ctx = j,
        .sighting = q->count && !q->ioc_out && !q->outbound_count ? NULL : hunt_job_sighting,
        .incomplete = hunt_job_incomplete,
        .file = on_file,
        .progress = j->progress ? on_progress : NULL};
    if (q->follow)
        return hunt_job_follow(j, &stopped);
    return hunt_run(&o, &j->view.counts, ret_missing, e);
}

static int finish(struct hunt_job *j, uint64_t found, size_t missing)
{
    if (j->q->ioc_out && hunt_job_write_iocs(j) != OK)
        return TROUBLE;
    if (!j->q->count)
        j->q->format->end(&j->view);
    hunt_job_flush(j);
    if (fflush(stdout) != 0 || j->failed)
        return (void)fprintf(stderr, "hikeshi: %s: %s\n", T(j->view.lang, "standard output"),
                             strerror(j->failed ? j->why : errno)),
               TROUBLE;
    if (missing)
        return TROUBLE;
    return found ? FOUND : j->view.incomplete_count || stopped ? TROUBLE : NONE;
}

static int run_job(struct hunt_job *j)
{
    struct err e = {0};
    size_t missing = 0;
    enum status st = OK;
    j->view.started_ms = time_now_ms();
    if (!j->q->count)
        j->q->format->begin(&j->view);
    st = search(j, &missing, &e);
    if (st != OK && st != ST_END && !j->failed) {
        if (!e.msg[0])
            (void)err_set(&e, st, st == ST_NOMEM ? N_("not enough memory") : N_("cannot write"));
        hunt_complain(j, &e);
        return TROUBLE;
    }
    if (stopped && !j->q->follow) {
        (void)err_set(&e, ST_IO, N_("what was not read by then is not examined"));
        enum lang lang = j->q->format->for_people ? j->view.lang : LANG_EN;
        hunt_job_incomplete(j, T(lang, "interrupted"), &e);
    }
    if (j->spool && !j->failed && hunt_job_outbound(j) != OK)
        return TROUBLE;
    j->view.ended_ms = time_now_ms();
    uint64_t found = j->view.counts.sightings;
    return finish(j, found, missing);
}

static FILE *open_spool(void)
{
    int fd = tempfile_open();
    FILE *f = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (!f && fd >= 0)
        (void)close(fd);
    return f;
}

static int run(const struct hunt_request *q, enum lang lang)
{
    struct hunt_job j = {.q = q};
    struct hunt_view *v = &j.view;
    struct sigaction stop = {.sa_handler = on_stop};
    int code = TROUBLE;
    v->lang = lang;
    v->summary = q->summary;
    v->colour = terminal_wants_colour(q->colour);
    v->columns = terminal_columns(STDOUT_FILENO);
    j.progress = isatty(STDERR_FILENO) && !q->follow;
    buf_init(&v->out, LIMIT_HUNT_SUMMARY);
    buf_init(&v->incomplete, LIMIT_HUNT_INCOMPLETE);
    buf_init(&j.record, MIB(1));
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)mallopt(M_MMAP_THRESHOLD, (int)MIB(1)); /* codecs' windows go back when they are freed */
    bool keep = q->outbound_count > 0;
    struct err e = {0};
    if (patterns_load(q->profile, &j.patterns, &e) != OK)
        hunt_complain(&j, &e);
    else if (!map_guard_install() || outbound_new(&j.outbound) != OK ||
             (keep && !(j.spool = open_spool())))
        (void)fprintf(stderr, "hikeshi: %s\n", strerror(errno));
    else
        code = run_job(&j);
    if (j.spool)
        (void)fclose(j.spool);
    outbound_free(j.outbound);
    patterns_free(j.patterns);
    sums_done(&j.callbacks);
    sums_done(&v->clients);
    sums_done(&v->callbacks);
    sums_done(&v->days);
    buf_done(&v->out);
    buf_done(&v->incomplete);
    buf_done(&j.record);
    return code;
}

/* --- arguments */

static int wrong(enum lang lang, const char *option, const char *value, const char *choices)
{
    (void)fprintf(stderr, T(lang, "hikeshi: %s %s: choose one of %s"), option, value, choices);
    (void)fputc('\n', stderr);
    return TROUBLE;
}

/* A day, a moment, or how long ago. */
static bool parse_time(const char *text, int64_t *ret_ms)
{
    struct slice s = slice_str(text);
    char full[64];
    uint64_t n = 0;
    if (s.n >= 2 && slice_to_u64(slice_sub(s, 0, s.n - 1), &n) == OK && n < 100000) {
        const char *units = "smhdw";
        static const int64_t unit_ms[] = {1000, 60000, 3600000, 86400000, 604800000};
        const char *at = strchr(units, s.p[s.n - 1]);
        if (at) {
            *ret_ms = time_now_ms() - (int64_t)n * unit_ms[at - units];
            return true;
        }
    }
    if (time_parse_rfc3339(s, ret_ms) == OK)
        return true;
    /* no seconds, no zone: this process's zone */
    bool day = s.n == 10, minute = s.n >= 16 && (s.p[10] == 'T' || s.p[10] == ' ');
    if (!day && !minute)
        return false;
    struct slice date = slice_sub(s, 0, 10), clock = day ? SLICE_LIT("00:00") : slice_sub(s, 11, 5);
    struct slice rest = slice_sub(s, day ? 10 : 16, s.n);
    bool seconds = rest.n >= 3 && rest.p[0] == ':';
    struct slice zone = slice_sub(rest, seconds ? 3 : 0, rest.n);
    (void)snprintf(full, sizeof full, "%.*sT%.*s%.*s%.*s", (int)date.n, (const char *)date.p,
                   (int)clock.n, (const char *)clock.p, 3, seconds ? (const char *)rest.p : ":00",
                   zone.n ? (int)zone.n : 1, zone.n ? (const char *)zone.p : "Z");
    if (time_parse_rfc3339(slice_str(full), ret_ms) != OK)
        return false;
    if (!zone.n) {
        struct civil c = civil_of_ms(*ret_ms);
        struct tm tm = {.tm_year = c.year - 1900,
                        .tm_mon = c.month - 1,
                        .tm_mday = c.day,
                        .tm_hour = c.hour,
                        .tm_min = c.minute,
                        .tm_sec = c.second,
                        .tm_isdst = -1};
        *ret_ms = (int64_t)mktime(&tm) * 1000;
    }
    return true;
}

static int take_time(enum lang lang, const char *option, int64_t *ret)
{
    if (parse_time(optarg, ret))
        return 0;
    (void)fprintf(
        stderr,
        T(lang, "hikeshi: %s %s: not a time; write 2021-12-10, 2021-12-10T18:00+09:00 or 3d"),
        option, optarg);
    (void)fputc('\n', stderr);
    return TROUBLE;
}

static int add_to(char ***list, size_t *n, char *value)
{
    char **more = realloc(*list, (*n + 1) * sizeof **list);
    if (!more)
        return (void)fputs("hikeshi: not enough memory\n", stderr), TROUBLE;
    *list = more;
    more[(*n)++] = value;
    return 0;
}

static int take_word(struct hunt_request *q, int c, enum lang lang)
{
    if (c == 'f') {
        q->format = NULL;
        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
            if (strcmp(optarg, formats[i]->name) == 0)
                q->format = formats[i];
        return q->format ? 0 : wrong(lang, "--format", optarg, "table, jsonl, csv");
    }
    if (c == 'l') {
        for (int v = SIGHTED_ATTEMPT; v <= SIGHTED_REACHES; v++) {
            q->least = (enum sighting_verdict)v;
            if (strcmp(optarg, sighting_verdict_name(q->least)) == 0)
                return 0;
        }
        return wrong(lang, "--least", optarg, "attempt, if-closed, reaches");
    }
    q->colour = optarg;
    if (strcmp(optarg, "auto") == 0 || strcmp(optarg, "always") == 0 ||
        strcmp(optarg, "never") == 0)
        return 0;
    return wrong(lang, "--colour", optarg, "auto, always, never");
}

static int take_option(struct hunt_request *q, int c, enum lang lang)
{
    uint64_t n = 0;
    switch (c) {
    case 'f':
    case 'l':
    case 'C':
        return take_word(q, c, lang);
    case 'c':
        q->count = true;
        return 0;
    case 's':
        return take_time(lang, "--since", &q->since_ms);
    case 'u':
        return take_time(lang, "--until", &q->until_ms);
    case 'o':
        return add_to(&q->outbound, &q->outbound_count, optarg);
    case 'i':
        return add_to(&q->iocs, &q->ioc_count, optarg);
    case 'O':
        q->ioc_out = optarg;
        return 0;
    case 'j':
        if (slice_to_u64(slice_str(optarg), &n) != OK || n < 1 || n > LIMIT_HUNT_JOBS)
            return wrong(lang, "--jobs", optarg, "1 ... 64");
        q->jobs = (unsigned)n;
        return 0;
    case 'p':
        q->profile = optarg;
        return 0;
    case 'F':
        q->follow = true;
        return 0;
    case 'S':
        q->summary = false;
        return 0;
    case 'N':
        q->no_evaluation = true;
        return 0;
    default:
        return (void)fprintf(stderr, "%s\n", T(lang, "hikeshi: see hikeshi hunt --help")), TROUBLE;
    }
}

static int checked_run(struct hunt_request *q, enum lang lang, int argc, char **argv)
{
    static char standard_input[] = "-";
    static char *piped[] = {standard_input};
    q->paths = argv;
    q->path_count = (size_t)argc;
    q->with_name = argc > 1;
    if (argc == 0 && !isatty(STDIN_FILENO)) {
        q->paths = piped;
        q->path_count = 1;
    } else if (argc == 0) {
        return (void)fprintf(stderr, "%s\n",
                             T(lang, "hikeshi: name at least one log, for example: hikeshi hunt "
                                     "/var/log")),
               TROUBLE;
    }
    if (q->since_ms >= q->until_ms)
        return (void)fprintf(stderr, "%s\n",
                             T(lang, "hikeshi: --until is not behind --since: nothing can lie "
                                     "between them")),
               TROUBLE;
    if (q->ioc_count && !q->outbound_count)
        return (void)fprintf(stderr, "%s\n",
                             T(lang, "hikeshi: --ioc is looked for in the logs of --outbound: name "
                                     "one")),
               TROUBLE;
    if (q->follow && (q->outbound_count || q->count || q->ioc_out))
        return (void)fprintf(stderr, "%s\n",
                             T(lang, "hikeshi: --follow does not end, so -c, --outbound and "
                                     "--ioc-out have no place beside it")),
               TROUBLE;
    return run(q, lang);
}

int verb_hunt(int argc, char **argv)
{
    static const struct option options[] = {{"format", 1, 0, 'f'},
                                            {"count", 0, 0, 'c'},
                                            {"since", 1, 0, 's'},
                                            {"until", 1, 0, 'u'},
                                            {"outbound", 1, 0, 'o'},
                                            {"ioc", 1, 0, 'i'},
                                            {"ioc-out", 1, 0, 'O'},
                                            {"jobs", 1, 0, 'j'},
                                            {"follow", 0, 0, 'F'},
                                            {"least", 1, 0, 'l'},
                                            {"profile", 1, 0, 'p'},
                                            {"no-summary", 0, 0, 'S'},
                                            {"no-evaluation", 0, 0, 'N'},
                                            {"colour", 1, 0, 'C'},
                                            {"color", 1, 0, 'C'},
                                            {"help", 0, 0, 'H'},
                                            {0}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct hunt_request q = {.format = &hunt_format_table,
                             .colour = "auto",
                             .profile = "log4shell",
                             .summary = true,
                             .since_ms = INT64_MIN,
                             .until_ms = INT64_MAX,
                             .jobs = processors < 1                 ? 1
                                     : processors > LIMIT_HUNT_JOBS ? LIMIT_HUNT_JOBS
                                                                    : (unsigned)processors};
    enum lang lang = lang_from_environment();
    int code = 0;
    bool asked = false;
    for (int c; code == 0 && (c = getopt_long(argc, argv, "c", options, NULL)) != -1;) {
        if (c == 'H')
            asked = true;
        else
            code = take_option(&q, c, lang);
    }
    if (code == 0 && asked)
        code = (help(lang), fflush(stdout) == 0 ? 0 : TROUBLE);
    else if (code == 0)
        code = checked_run(&q, lang, argc - optind, argv + optind);
    free(q.outbound);
    free(q.iocs);
    return code;
}
