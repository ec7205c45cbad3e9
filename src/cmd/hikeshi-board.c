/* hikeshi-board: the incident board's command. Each verb is one row of the table `verbs`; all work
 * on the same data, named by --data or --database after the verb. */
#include "base/limits.h"
#include "base/text.h"
#include "board/case/account.h"
#include "board/log/log.h"

#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAULT = 1, /* what was asked did not succeed, or the record differs */
    EXIT_USAGE = 2,
};

struct options {
    const char *data;
    const char *database;
    const char *login;
    const char *name;
    const char *role;
    const char *password_file;
};

static const struct actor command_line = {ACTOR_SYSTEM, 0, "hikeshi-board", ROLE_SYSTEM, "cli"};

/* Prints "hikeshi-board: sentence" to standard error, harmless whatever stands in it. */
static int complain(const struct err *e)
{
    struct buf out;
    buf_init(&out, KIB(8));
    (void)text_add_escaped(&out, slice_str(e->msg));
    (void)fprintf(stderr, "hikeshi-board: %s\n", buf_text(&out));
    buf_done(&out);
    return e->code == ST_INVALID ? EXIT_USAGE : EXIT_FAULT;
}

/* Opens the database that the options name, makes it if it is new, and migrates it. */
static enum status open_data(const struct options *o, struct db **ret, struct err *e)
{
    char url[4096];
    struct db *db = NULL;
    if (o->data && o->database)
        return err_set(e, ST_INVALID, "give --data or --database, not both");
    const char *dir = o->data ? o->data : "var";
    if (!o->database && mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set_errno(e, ST_IO, "%s", dir);
    int n = snprintf(url, sizeof url, "sqlite:%s/board.db", dir);
    if (n < 0 || (size_t)n >= sizeof url)
        return err_set(e, ST_LIMIT, "--data: the path is too long");
    enum status s = db_open(o->database ? o->database : url, &db, e);
    if (s == OK)
        s = db_migrate(db, e);
    if (s != OK) {
        db_close(db);
        return s;
    }
    *ret = db;
    return OK;
}

/* A password from a file's first line, or asked for on the terminal without echo. */
static enum status read_password(const char *path, char *ret, size_t size, struct err *e)
{
    FILE *f = path ? fopen(path, "re") : stdin;
    struct termios old;
    bool hidden = !path && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
    if (!f)
        return err_set_errno(e, ST_IO, "%s", path);
    if (hidden) {
        struct termios quiet = old;
        quiet.c_lflag &= (tcflag_t)~ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        (void)fputs("Password: ", stderr);
    }
    bool got = fgets(ret, (int)size, f) != NULL;
    if (hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        (void)fputc('\n', stderr);
    }
    if (path && fclose(f) != 0)
        got = false;
    if (!got)
        return err_set(e, ST_INVALID, "no password was given; write it on the first line of %s",
                       path ? path : "standard input");
    ret[strcspn(ret, "\r\n")] = '\0';
    return OK;
}

static enum status verb_user_add(struct db *db, const struct options *o, struct err *e)
{
    char password[ACCOUNT_PASSWORD_MAX + 3];
    int64_t id = 0;
    if (!o->login || !o->name || !o->role)
        return err_set(e, ST_INVALID, "user add: --login, --name and --role are needed");
    enum status s = read_password(o->password_file, password, sizeof password, e);
    if (s == OK)
        s = db_begin(db, e);
    if (s == OK)
        s = account_create(db, &command_line, o->login, o->name, role_from_name(o->role), password,
                           &id, e);
    if (s == OK)
        s = db_commit(db, e);
    sodium_memzero(password, sizeof password);
    if (s == OK)
        (void)printf("account %lld made\n", (long long)id);
    return s;
}

static enum status verb_verify(struct db *db, const struct options *o, struct err *e)
{
    json_t *report = NULL;
    (void)o;
    enum status s = log_verify(db, &report, e);
    if (report) {
        (void)json_dumpf(report, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
        json_decref(report);
    }
    return s;
}

static const struct verb {
    const char *group; /* "user" of "user add"; NULL for a verb of one word */
    const char *name;
    enum status (*run)(struct db *db, const struct options *o, struct err *e);
    const char *help;
} verbs[] = {
    {"user", "add", verb_user_add,
     "--login LOGIN --name NAME --role administrator|responder|owner|reader\n"
     "      [--password-file FILE]   make an account; the password is read from FILE's first\n"
     "                               line, or asked for"},
    {NULL, "verify", verb_verify,
     "\n      walk every chain of the record, replay it and compare; exit 1 and name each\n"
     "      place when anything differs"},
};

static void help(FILE *out)
{
    (void)fputs("hikeshi-board " HIKESHI_VERSION ": the incident board\n\n"
                "usage: hikeshi-board VERB [--data DIR | --database URL] [options]\n\n"
                "  --data DIR       folder of the embedded database (default: var)\n"
                "  --database URL   sqlite:PATH or postgresql://...\n\n"
                "verbs:\n",
                out);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        (void)fprintf(out, "  %s%s%s %s\n", verbs[i].group ? verbs[i].group : "",
                      verbs[i].group ? " " : "", verbs[i].name, verbs[i].help);
    (void)fputs("\nexit: 0 done, 1 not done or the record differs, 2 wrong usage\n", out);
}

/* The verb that argv begins with; *ret_words is how many words it takes. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const struct verb *v = &verbs[i];
        int words = v->group ? 2 : 1;
        if (argc > words && strcmp(argv[1], v->group ? v->group : v->name) == 0 &&
            strcmp(argv[words], v->name) == 0) {
            *ret_words = words;
            return v;
        }
    }
    return NULL;
}

static enum status parse(int argc, char **argv, struct options *o, struct err *e)
{
    static const struct option known[] = {
        {"data", required_argument, NULL, 'd'},
        {"database", required_argument, NULL, 'b'},
        {"login", required_argument, NULL, 'l'},
        {"name", required_argument, NULL, 'n'},
        {"role", required_argument, NULL, 'r'},
        {"password-file", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        const char **at = c == 'd'   ? &o->data
                          : c == 'b' ? &o->database
                          : c == 'l' ? &o->login
                          : c == 'n' ? &o->name
                          : c == 'r' ? &o->role
                          : c == 'p' ? &o->password_file
                                     : NULL;
        if (!at)
            return err_set(e, ST_INVALID, "%s: not an option, or its value is missing; see --help",
                           argv[optind - 1]);
        *at = optarg;
    }
    if (optind < argc)
        return err_set(e, ST_INVALID, "%s: not expected here; see --help", argv[optind]);
    return OK;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct err e = {0};
    struct db *db = NULL;
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
    const struct verb *verb = find_verb(argc, argv, &words);
    if (!verb) {
        help(stderr);
        return EXIT_USAGE;
    }
    enum status s = parse(argc - words, argv + words, &o, &e);
    if (s == OK)
        s = open_data(&o, &db, &e);
    if (s == OK)
        s = verb->run(db, &o, &e);
    db_close(db);
    return s == OK ? EXIT_DONE : complain(&e);
}
