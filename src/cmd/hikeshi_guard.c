/* hikeshi guard: rules for the edge are checked, sealed, made, carried over, and tried. */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/guard_verbs.h"
#include "cmd/verbs.h"
#include "hunt/patterns.h"
#include "profile/profile.h"

#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>

static int help(enum lang lang, FILE *to)
{
    const char *text =
        T(lang,
          "usage: hikeshi guard check [--seal] FILE\n"
          "       hikeshi guard try [OPTION]... FILE <REQUEST\n"
          "       hikeshi guard export --as modsecurity|haproxy FILE\n"
          "       hikeshi guard rules [OPTION]...\n"
          "Rules for the edge: docs/guard.md has their format. FILE may be - for standard input, "
          "but for "
          "try.\n"
          "\n"
          "check    are the rules right, and would a server take the file?\n"
          "  --seal           write the checksum into it, without which no server takes it\n"
          "try      what would the module do with these requests? HTTP/1.x as text, one behind the "
          "other\n"
          "  --client ADDR    the address that they come from\n"
          "  --mode MODE      report or block, where the rules say nothing of the site (block)\n"
          "  --format F       text or jsonl (text)\n"
          "  --colour WHEN    auto, always or never (auto; NO_COLOR is honoured)\n"
          "export   the nearest equivalent, on standard output; what has none is told and counted\n"
          "  --as WHAT        modsecurity (version 3) or haproxy\n"
          "rules    a file to begin with, sealed, on standard output\n"
          "  --profile P      with the patterns of a built-in profile, or of the folder of one, as "
          "signatures\n"
          "  --number N       its version (1)\n"
          "\n"
          "exit 0  check: right and sealed; try: everything passes; export, rules: written\n"
          "     1  check: wrong, or not sealed; try: something would be blocked or reported\n"
          "     2  wrong usage or trouble; try: the rules are wrong, or something is no request\n");
    return fputs(text, to) < 0 || to == stderr ? GUARD_EXIT_TROUBLE : GUARD_EXIT_GOOD;
}

int guard_wrong(const char *sentence)
{
    (void)fprintf(stderr, "hikeshi: %s\n", sentence);
    return GUARD_EXIT_TROUBLE;
}

int guard_complain(enum lang lang, const char *path, const struct err *e)
{
    struct buf b;
    buf_init(&b, KIB(64));
    (void)buf_add_str(&b, "hikeshi: ");
    if (path) {
        (void)text_add_escaped(&b, slice_str(path));
        (void)buf_add_str(&b, ": ");
    }
    (void)messages_add_err(&b, lang, e);
    (void)fprintf(stderr, "%s\n", buf_text(&b));
    buf_done(&b);
    return GUARD_EXIT_TROUBLE;
}

int guard_print(enum lang lang, struct slice text)
{
    if (fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
        return GUARD_EXIT_GOOD;
    (void)fprintf(stderr, "hikeshi: %s: %s\n", T(lang, "standard output"), strerror(errno));
    return GUARD_EXIT_TROUBLE;
}

enum status guard_read(enum lang lang, const char *path, struct buf *text, struct guard_rules **ret)
{
    struct err e = {0};
    buf_init(text, LIMIT_GUARD_RULES_BYTES);
    enum status st = file_read_all(path, text, &e);
    if (st != OK) {
        (void)guard_complain(lang, NULL, &e);
        return ST_IO;
    }
    st = guard_rules_parse(buf_slice(text), ret, &e);
    if (st != OK)
        (void)guard_complain(lang, path, &e);
    return st;
}

/* --- check */

/* What there is of each kind; false: nothing. */
static bool say_counts(struct buf *b, enum lang lang, const struct guard_rules_about *about)
{
    size_t before = b->n;
    if (about->sites)
        (void)buf_addf(b, TN(lang, "  %zu site", "  %zu sites", (int64_t)about->sites),
                       about->sites);
    if (about->clients)
        (void)buf_addf(b, TN(lang, "  %zu client", "  %zu clients", (int64_t)about->clients),
                       about->clients);
    if (about->callbacks)
        (void)buf_addf(b,
                       TN(lang, "  %zu call-back", "  %zu call-backs", (int64_t)about->callbacks),
                       about->callbacks);
    if (about->exceptions)
        (void)buf_addf(b,
                       TN(lang, "  %zu exception", "  %zu exceptions", (int64_t)about->exceptions),
                       about->exceptions);
    if (about->patches)
        (void)buf_addf(b, TN(lang, "  %zu patch", "  %zu patches", (int64_t)about->patches),
                       about->patches);
    if (about->signatures)
        (void)buf_addf(b,
                       TN(lang, "  %zu signature", "  %zu signatures", (int64_t)about->signatures),
                       about->signatures);
    return b->n > before;
}

static int say_good(enum lang lang, const char *path, const struct guard_rules_about *about)
{
    struct buf b;
    char when[TIME_RFC3339_SIZE];
    time_format_utc(about->made_ms, when);
    buf_init(&b, KIB(64));
    (void)buf_addf(&b, "%s   ", T(lang, about->checksum[0] ? N_("RIGHT") : N_("NOT SEALED")));
    (void)text_add_escaped(&b, slice_str(path));
    (void)buf_add_str(&b, "\n  ");
    (void)buf_addf(&b, T(lang, "version %llu of %s"), (unsigned long long)about->version, when);
    (void)buf_add_str(&b, "\n");
    if (!say_counts(&b, lang, about))
        (void)buf_add_str(&b, T(lang, "  no rules: lookups are found without any"));
    (void)buf_add_str(&b, "\n");
    if (about->checksum[0])
        (void)buf_addf(&b, "  sha256 %s\n", about->checksum);
    else
        (void)buf_addf(&b, "  %s\n",
                       T(lang,
                         "servers refuse it, because a file that was cut looks the same: add the "
                         "checksum with hikeshi guard check --seal"));
    int code = guard_print(lang, buf_slice(&b));
    buf_done(&b);
    return code != GUARD_EXIT_GOOD ? code : about->checksum[0] ? GUARD_EXIT_GOOD : GUARD_EXIT_BAD;
}

/* The text with its checksum, once it is known to be right; on standard output for "-". */
static int seal(enum lang lang, const char *path)
{
    struct buf text, sealed;
    struct err e = {0};
    struct guard_rules *r = NULL;
    struct stat s;
    int code = GUARD_EXIT_TROUBLE;
    buf_init(&text, LIMIT_GUARD_RULES_BYTES);
    buf_init(&sealed, LIMIT_GUARD_RULES_BYTES);
    if (file_read_all(path, &text, &e) != OK) {
        (void)guard_complain(lang, NULL, &e);
        goto out;
    }
    if (guard_rules_seal(buf_slice(&text), &sealed, &e) != OK ||
        guard_rules_parse(buf_slice(&sealed), &r, &e) != OK) {
        code = e.code == ST_NOMEM ? GUARD_EXIT_TROUBLE : GUARD_EXIT_BAD;
        (void)guard_complain(lang, path, &e);
        goto out;
    }
    struct guard_rules_about about = guard_rules_about(r);
    if (strcmp(path, "-") == 0)
        code = guard_print(lang, buf_slice(&sealed));
    else if (stat(path, &s) != 0)
        (void)fprintf(stderr, "hikeshi: %s: %s\n", path, strerror(errno));
    else if (file_write_atomic(path, buf_slice(&sealed), s.st_mode & 0777, &e) != OK)
        (void)guard_complain(lang, NULL, &e);
    else
        code = say_good(lang, path, &about);
out:
    guard_rules_unref(r);
    buf_done(&text);
    buf_done(&sealed);
    return code;
}

static int guard_check(int argc, char **argv, enum lang lang)
{
    static const struct option options[] = {{"seal", 0, 0, 's'}, {"help", 0, 0, 'h'}, {0}};
    bool sealing = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c != 's')
            return help(lang, c == 'h' ? stdout : stderr);
        sealing = true;
    }
    if (optind + 1 != argc)
        return guard_wrong(T(lang, "name one file of rules, for example: hikeshi guard check "
                                   "/etc/hikeshi/rules"));
    if (sealing)
        return seal(lang, argv[optind]);
    struct buf text;
    struct guard_rules *r = NULL;
    int code = GUARD_EXIT_TROUBLE;
    enum status st = guard_read(lang, argv[optind], &text, &r);
    if (st == OK) {
        struct guard_rules_about about = guard_rules_about(r);
        code = say_good(lang, argv[optind], &about);
    } else if (st == ST_INVALID || st == ST_LIMIT) {
        code = GUARD_EXIT_BAD;
    }
    guard_rules_unref(r);
    buf_done(&text);
    return code;
}

/* --- export */

static int guard_export(int argc, char **argv, enum lang lang)
{
    static const struct option options[] = {{"as", 1, 0, 'a'}, {"help", 0, 0, 'h'}, {0}};
    const char *as = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c != 'a')
            return help(lang, c == 'h' ? stdout : stderr);
        as = optarg;
    }
    if (!as || (strcmp(as, "modsecurity") != 0 && strcmp(as, "haproxy") != 0))
        return guard_wrong(T(lang, "--as: choose one of modsecurity, haproxy"));
    if (optind + 1 != argc)
        return guard_wrong(T(lang, "name one file of rules, for example: hikeshi guard export --as "
                                   "haproxy /etc/hikeshi/rules"));
    struct buf text, out;
    struct guard_rules *r = NULL;
    struct err e = {0};
    size_t left_out = 0;
    int code = GUARD_EXIT_TROUBLE;
    buf_init(&out, 8 * LIMIT_GUARD_RULES_BYTES);
    if (guard_read(lang, argv[optind], &text, &r) == OK) {
        if (guard_rules_export(r, strcmp(as, "haproxy") ? GUARD_AS_MODSECURITY : GUARD_AS_HAPROXY,
                               &out, &left_out, &e) != OK)
            (void)guard_complain(lang, argv[optind], &e);
        else
            code = guard_print(lang, buf_slice(&out));
        if (code == GUARD_EXIT_GOOD && left_out) {
            (void)fputs("hikeshi: ", stderr);
            (void)fprintf(
                stderr,
                TN(lang,
                   "%zu rule has no equivalent there, or not all of it: see the "
                   "comments that begin with “not exported”",
                   "%zu rules have no equivalent there, or not all of it: see the comments "
                   "that begin with “not exported”",
                   (int64_t)left_out),
                left_out);
            (void)fputc('\n', stderr);
        }
    }
    guard_rules_unref(r);
    buf_done(&text);
    buf_done(&out);
    return code;
}

/* --- rules */

/* In the quotes of a file of rules: a backslash needs another one only before \ and ". */
static void add_quoted(struct buf *b, const char *s)
{
    (void)buf_add_char(b, '"');
    for (; *s; s++) {
        if (*s == '"' || (*s == '\\' && (s[1] == '\\' || s[1] == '"' || s[1] == '\0')))
            (void)buf_add_char(b, '\\');
        (void)buf_add_char(b, *s);
    }
    (void)buf_add_char(b, '"');
}

/* A profile's expressions stay in a line, each of which ^ and $ mean (docs/profiles.md); those of
 * rules are of a whole value. */
static void add_signatures(struct buf *b, const struct patterns *patterns, enum lang lang)
{
    for (size_t i = 0; patterns && i < patterns_count(patterns); i++) {
        const struct pattern *p = patterns_at(patterns, i);
        (void)buf_addf(b, "# %s\n", p->title[lang]);
        (void)buf_addf(b, "signature %s ", p->id);
        struct buf whole;
        buf_init(&whole, KIB(64));
        (void)buf_addf(&whole, "(?m-s)%s", p->expression);
        add_quoted(b, buf_text(&whole));
        (void)buf_add_char(b, '\n');
        buf_done(&whole);
    }
}

/* A built-in profile may have no patterns; the folder of one is named for having some. */
static bool has_nothing(enum lang lang, const char *profile)
{
    char name[64];
    bool known = false;
    for (size_t i = 0; !known && profile_built_in(i, name, sizeof name); i++)
        known = strcmp(name, profile) == 0;
    if (!known)
        (void)fprintf(stderr, "hikeshi: %s: %s\n", profile,
                      T(lang, "no built-in profile, and no folder of one with a patterns.tsv"));
    return !known;
}

static int write_rules(enum lang lang, const char *profile, uint64_t number)
{
    struct patterns *patterns = NULL;
    struct guard_rules *r = NULL;
    struct err e = {0};
    struct buf b, sealed;
    char now[TIME_RFC3339_SIZE];
    int code = GUARD_EXIT_TROUBLE;
    if (profile && patterns_load(profile, &patterns, &e) != OK)
        return guard_complain(lang, NULL, &e);
    if (profile && !patterns && has_nothing(lang, profile))
        return GUARD_EXIT_TROUBLE;
    buf_init(&b, LIMIT_GUARD_RULES_BYTES);
    buf_init(&sealed, LIMIT_GUARD_RULES_BYTES);
    time_format_utc(time_now_ms() / 1000 * 1000, now);
    (void)buf_addf(&b, "hikeshi-rules 1\nversion %llu %s\n", (unsigned long long)number, now);
    add_signatures(&b, patterns, lang);
    if (guard_rules_seal(buf_slice(&b), &sealed, &e) != OK ||
        guard_rules_parse(buf_slice(&sealed), &r, &e) != OK)
        (void)guard_complain(lang, profile, &e);
    else
        code = guard_print(lang, buf_slice(&sealed));
    guard_rules_unref(r);
    patterns_free(patterns);
    buf_done(&b);
    buf_done(&sealed);
    return code;
}

static int guard_rules_verb(int argc, char **argv, enum lang lang)
{
    static const struct option options[] = {
        {"profile", 1, 0, 'p'}, {"number", 1, 0, 'n'}, {"help", 0, 0, 'h'}, {0}};
    const char *profile = NULL;
    uint64_t number = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'p')
            profile = optarg;
        else if (c != 'n')
            return help(lang, c == 'h' ? stdout : stderr);
        else if (slice_to_u64(slice_str(optarg), &number) != OK || number == 0 ||
                 number > INT64_MAX)
            return guard_wrong(T(lang, "--number: write a number from 1 on"));
    }
    return optind == argc ? write_rules(lang, profile, number) : help(lang, stderr);
}

/* --- the verbs */

int verb_guard(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv, enum lang lang);
    } verbs[] = {{"check", guard_check},
                 {"try", guard_try},
                 {"export", guard_export},
                 {"rules", guard_rules_verb}};
    enum lang lang = lang_from_environment();
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return help(lang, stdout);
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1, lang);
    return help(lang, stderr);
}
