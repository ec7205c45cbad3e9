/* hikeshi-board: the incident board's command. Verbs are rows of the tables that board_verbs.h
 * names; all work on the same data, named by --data or --database after the verb. */
#include "base/limits.h"
#include "base/messages.h"
#include "base/text.h"
#include "cmd/board_verbs.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <sys/stat.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAULT = 1, /* what was asked did not succeed, or the record differs */
    EXIT_USAGE = 2,
};

const struct actor command_line = {ACTOR_SYSTEM, 0, "hikeshi-board", ROLE_SYSTEM, "cli"};

/* One line per group of verbs, in the order of --help. */
static const struct verb *const groups[] = {
    serve_verbs, account_verbs, incident_verbs, ledger_verbs, findings_verbs, record_verbs,
};

/* One line per option; those without a value are flags. data and database belong to every verb. */
#define VALUE(name, field)                                       \
    {                                                            \
        name, required_argument, offsetof(struct options, field) \
    }
#define FLAG(name, field)                                  \
    {                                                      \
        name, no_argument, offsetof(struct options, field) \
    }
static const struct known_option {
    const char *name;
    int has_value;
    size_t at; /* of a const char * in struct options */
} known_options[] = {
    VALUE("data", data),
    VALUE("database", database),
    VALUE("login", login),
    VALUE("name", name),
    VALUE("role", role),
    VALUE("password-file", password_file),
    VALUE("days", days),
    VALUE("title", title),
    VALUE("incident", incident),
    VALUE("host", host),
    FLAG("json", json),
    VALUE("sheet", sheet),
    VALUE("charset", charset),
    VALUE("leave-out", leave_out),
    FLAG("dry-run", dry_run),
    VALUE("listen", listen),
    VALUE("public-url", public_url),
    VALUE("trusted-proxy", trusted_proxy),
    VALUE("threads", threads),
    FLAG("quiet", quiet),
};

/* Prints "hikeshi-board: sentence" to standard error, in the language of the environment and
 * harmless whatever stands in it. */
static int complain(const struct err *e)
{
    struct buf text;
    struct buf out;
    buf_init(&text, KIB(8));
    buf_init(&out, KIB(8));
    (void)messages_add_err(&text, lang_from_environment(), e);
    (void)text_add_escaped(&out, buf_slice(&text));
    (void)fprintf(stderr, "hikeshi-board: %s\n", buf_text(&out));
    buf_done(&text);
    buf_done(&out);
    return e->code == ST_INVALID ? EXIT_USAGE : EXIT_FAULT;
}

#define URL_SIZE 4096

/* The database that the options name, as a url; its folder is made when it is new. */
static enum status find_data(struct options *o, char url[URL_SIZE], struct err *e)
{
    if (o->data && o->database)
        return err_set(e, ST_INVALID, "give --data or --database, not both");
    const char *dir = o->data ? o->data : "var";
    if (!o->database && mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, ST_IO, "%s", dir);
    int n = o->database ? snprintf(url, URL_SIZE, "%s", o->database)
                        : snprintf(url, URL_SIZE, "sqlite:%s/board.db", dir);
    if (n < 0 || n >= URL_SIZE)
        return err_set(e, ST_LIMIT, "--data: the path is too long");
    o->url = url;
    return OK;
}

static enum status run_verb(const struct verb *verb, const struct options *o, struct err *e)
{
    struct db *db = NULL;
    enum status s = db_open(o->url, &db, e);
    if (s == OK)
        s = db_migrate(db, e);
    if (s == OK)
        s = verb->run(db, o, e);
    db_close(db);
    return s;
}

static void help(FILE *out)
{
    (void)fputs("hikeshi-board " HIKESHI_VERSION ": the incident board\n\n"
                "usage: hikeshi-board VERB [--data DIR | --database URL] [options]\n\n"
                "  --data DIR       folder of the embedded database (default: var)\n"
                "  --database URL   sqlite:PATH or postgresql://...\n\n"
                "verbs:\n",
                out);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        for (const struct verb *v = groups[i]; v->name; v++)
            (void)fprintf(out, "  %s%s%s %s\n", v->group ? v->group : "", v->group ? " " : "",
                          v->name, v->help);
    (void)fputs("\nexit: 0 done, 1 not done or the record differs, 2 wrong usage\n", out);
}

/* The verb that argv begins with; *ret_words is how many words it takes. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        for (const struct verb *v = groups[i]; v->name; v++) {
            int words = v->group ? 2 : 1;
            if (argc > words && strcmp(argv[1], v->group ? v->group : v->name) == 0 &&
                strcmp(argv[words], v->name) == 0) {
                *ret_words = words;
                return v;
            }
        }
    }
    return NULL;
}

/* Whether the verb names this option among those it takes. */
static bool takes(const struct verb *v, const char *name)
{
    struct slice rest = slice_str(v->takes);
    struct slice word;
    if (strcmp(name, "data") == 0 || strcmp(name, "database") == 0)
        return true;
    while (slice_next_field(&rest, ' ', &word))
        if (slice_eq_str(word, name))
            return true;
    return false;
}

static enum status parse(int argc, char **argv, const struct verb *verb, struct options *o,
                         struct err *e)
{
    struct option list[ARRAY_LEN(known_options) + 1] = {0};
    int at = -1;
    int c;
    for (size_t i = 0; i < ARRAY_LEN(known_options); i++)
        list[i] = (struct option){known_options[i].name, known_options[i].has_value, NULL, 0};
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", list, &at)) != -1) {
        if (c != 0 || at < 0)
            return err_set(e, ST_INVALID, "%s: not an option, or its value is missing; see --help",
                           argv[optind - 1]);
        const struct known_option *k = &known_options[at];
        if (!takes(verb, k->name))
            return err_set(e, ST_INVALID, "--%s is not an option of this verb; see --help",
                           k->name);
        const char *value = optarg ? optarg : "";
        memcpy((char *)o + k->at, &value, sizeof value);
        at = -1;
    }
    o->args = (const char *const *)(argv + optind);
    o->arg_count = (size_t)(argc - optind);
    if (o->arg_count > verb->max_args)
        return err_set(e, ST_INVALID, "%s: not expected here; see --help", o->args[verb->max_args]);
    if (o->arg_count < verb->min_args)
        return err_set(e, ST_INVALID, "something is missing behind %s; see --help", verb->name);
    return OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct err e = {0};
    char url[URL_SIZE];
    int words = 0;
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        help(stdout);
        return EXIT_DONE;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)puts("hikeshi-board " HIKESHI_VERSION);
        return EXIT_DONE;
    }
    if (sodium_init() < 0)
        return complain(&(struct err){ST_IO, 0, "libsodium cannot be started"});
    if (messages_use_linked(&e) != OK)
        return complain(&e);
    const struct verb *verb = find_verb(argc, argv, &words);
    if (!verb) {
        help(stderr);
        return EXIT_USAGE;
    }
    enum status s = parse(argc - words, argv + words, verb, &o, &e);
    if (s == OK)
        s = find_data(&o, url, &e);
    if (s == OK)
        s = run_verb(verb, &o, &e);
    return s == OK ? EXIT_DONE : complain(&e);
}
