/* hikeshi-board user …: accounts of people. */
#include "board/case/account.h"
#include "board/case/token.h"
#include "cmd/board_verbs.h"

#include <sodium.h>
#include <termios.h>
#include <unistd.h>

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

static enum status verb_user_token(struct db *db, const struct options *o, struct err *e)
{
    char token[TOKEN_SIZE];
    int64_t days = TOKEN_DAYS;
    int64_t account = 0;
    int64_t id = 0;
    if (!o->login || !o->name)
        return err_set(e, ST_INVALID, "user token: --login and --name are needed");
    if (o->days && slice_to_i64(slice_str(o->days), &days) != OK)
        return err_set(e, ST_INVALID, "--days %s: not a number", o->days);
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_get_int(db, &account, e, "SELECT id FROM account WHERE login = $1", "s", o->login);
    if (s == ST_NOT_FOUND)
        s = err_set(e, s, "there is no account %s", o->login);
    if (s == OK)
        s = token_make(db, &command_line, account, o->name, days, token, &id, e);
    if (s == OK)
        s = db_commit(db, e);
    if (s == OK)
        (void)puts(token);
    sodium_memzero(token, sizeof token);
    return s;
}

const struct verb account_verbs[] = {
    {"user", "add", 0, 0, "login name role password-file", verb_user_add,
     "--login LOGIN --name NAME --role administrator|responder|owner|reader\n"
     "      [--password-file FILE]   make an account; the password is read from FILE's first\n"
     "                               line, or asked for"},
    {"user", "token", 0, 0, "login name days", verb_user_token,
     "--login LOGIN --name NAME [--days N]\n"
     "      make an API token of the account, good for N days (90), and print it: for the\n"
     "      programs of its owner, who act in its name"},
    {0},
};
