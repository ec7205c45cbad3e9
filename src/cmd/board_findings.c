/* hikeshi-board host …, findings …, status: what hosts hand in, and how things stand. */
#include "base/limits.h"
#include "base/text.h"
#include "board/case/findings.h"
#include "board/case/state.h"
#include "board/case/status.h"
#include "board/office/words.h"
#include "cmd/board_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <unistd.h>

static enum status verb_host_add(struct db *db, const struct options *o, struct err *e)
{
    char token[HOST_TOKEN_SIZE];
    int64_t id = 0;
    enum status s = db_begin(db, e);
    if (s == OK)
        s = host_add(db, &command_line, o->args[0], token, &id, e);
    if (s == OK)
        s = db_commit(db, e);
    if (s == OK)
        (void)printf("host %" PRId64 " made; its token, which is shown this once:\n%s\n", id,
                     token);
    sodium_memzero(token, sizeof token);
    return s;
}

/* "-" is standard input. */
static enum status open_file(const char *path, int *ret, struct err *e)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, errno == ENOENT ? ST_NOT_FOUND : ST_IO, "%s", path);
    *ret = fd;
    return OK;
}

static enum status pour(int fd, const char *path, struct findings_in *in, struct err *e)
{
    static uint8_t piece[KIB(256)];
    enum status s = OK;
    while (s == OK) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n == 0)
            return OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, ST_IO, "%s", path);
        s = findings_add(in, slice_of(piece, (size_t)n), e);
    }
    return s;
}

static enum status verb_import(struct db *db, const struct options *o, struct err *e)
{
    struct findings_in *in = NULL;
    int64_t incident = 0, scan = 0, findings = 0, proposals = 0;
    bool known = false;
    int fd = -1;
    if (!o->host)
        return err_set(e, ST_INVALID, "findings import: say whose they are: --host NAME");
    enum status s = incident_of_options(db, o, &incident, e);
    if (s == OK)
        s = open_file(o->args[0], &fd, e);
    if (s == OK)
        s = db_begin(db, e);
    if (s == OK)
        s = findings_begin(db, &command_line, incident, o->host, &in, e);
    if (s == OK) {
        s = pour(fd, o->args[0], in, e);
        if (s == OK)
            s = findings_end(in, &scan, &known, e);
        else
            findings_abort(in);
        if (s != OK)
            err_prefix(e, "%s", o->args[0]);
    }
    if (fd >= 0)
        (void)close(fd);
    if (s == OK)
        s = db_get_int(db, &findings, e, "SELECT findings FROM scan WHERE id = $1", "i", scan);
    if (s == OK)
        s = db_get_int(db, &proposals, e,
                       "SELECT COUNT(*) FROM evidence WHERE scan_id = $1 AND status = 'proposed'",
                       "i", scan);
    if (s == OK)
        s = db_commit(db, e);
    if (s == OK)
        (void)printf("scan %" PRId64 "%s: %" PRId64 " findings, %" PRId64 " proposals wait\n", scan,
                     known ? " was handed in before" : "", findings, proposals);
    return s;
}

/* --- status */

static const enum ledger_category shown[] = {CATEGORY_EXTERNAL, CATEGORY_INTERNAL, CATEGORY_SAAS,
                                             CATEGORY_CLIENT, CATEGORY_UNKNOWN};

#define FIRST_COLUMN 24
#define COLUMN 20

static int64_t count_of(const json_t *of, enum ledger_category c, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(of, category_code(c)), key));
}

static void print_cell(const char *text, size_t columns)
{
    struct buf b;
    buf_init(&b, KIB(4));
    (void)text_add_padded(&b, slice_str(text), columns);
    (void)fputs(buf_text(&b), stdout);
    buf_done(&b);
}

/* One line per state or certainty that any row has. */
static void print_row(const json_t *of, const char *word, const char *key)
{
    int64_t all = 0;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        all += count_of(of, shown[i], key);
    if (all == 0)
        return;
    print_cell(word, FIRST_COLUMN);
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%" PRId64, count_of(of, shown[i], key));
        print_cell(number, COLUMN);
    }
    (void)printf("%" PRId64 "\n", all);
}

static int64_t figure(const json_t *status, const char *object, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(status, object), key));
}

static void print_status(const json_t *status, enum lang lang)
{
    const json_t *incident = json_object_get(status, "incident");
    print_cell(json_string_value(json_object_get(incident, "title")), 0);
    (void)printf("\n\n");
    print_cell("", FIRST_COLUMN);
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        print_cell(category_label(lang, shown[i]), COLUMN);
    (void)printf("%s\n", T(lang, "All"));
    for (int s = 0; s < STATE_COUNT; s++)
        print_row(json_object_get(status, "assets"), state_word((enum asset_state)s, lang),
                  state_code((enum asset_state)s));
    (void)putchar('\n');
    for (int c = 0; c <= CERTAINTY_NONE; c++)
        print_row(json_object_get(status, "certainty"), certainty_word((enum certainty)c, lang),
                  certainty_code((enum certainty)c));
    (void)putchar('\n');
    (void)printf(T(lang, "waits for a vendor: %lld; for an owner: %lld (%lld overdue); without an "
                         "owner: %lld\n"),
                 (long long)figure(status, "waiting", "vendors"),
                 (long long)figure(status, "waiting", "owners"),
                 (long long)figure(status, "due", "overdue"),
                 (long long)figure(status, "waiting", "unassigned"));
    (void)printf(T(lang, "sources disagree: %lld; proposals of scans to be judged: %lld\n"),
                 (long long)json_integer_value(json_object_get(status, "conflicts")),
                 (long long)json_integer_value(json_object_get(status, "proposals")));
    (void)printf(T(lang, "scanned hosts: %lld; findings: %lld, affected: %lld; places not fully "
                         "examined: %lld\n"),
                 (long long)figure(status, "scans", "hosts"),
                 (long long)figure(status, "scans", "findings"),
                 (long long)figure(status, "scans", "affected"),
                 (long long)figure(status, "scans", "incomplete"));
}

static enum status verb_status(struct db *db, const struct options *o, struct err *e)
{
    int64_t incident = 0;
    json_t *status = NULL;
    enum status s = incident_of_options(db, o, &incident, e);
    if (s == OK)
        s = db_begin_read(db, e); /* all figures of one moment */
    if (s == OK)
        s = incident_status(db, incident, &status, e);
    db_rollback(db);
    if (s == OK && o->json) {
        (void)json_dumpf(status, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        (void)putchar('\n');
    } else if (s == OK) {
        print_status(status, lang_from_environment());
    }
    json_decref(status);
    return s;
}

const struct verb findings_verbs[] = {
    {"host", "add", 1, 1, "", verb_host_add,
     "NAME\n      let a host hand in its scans; prints the token that it needs, this once"},
    {"findings", "import", 1, 1, "host incident", verb_import,
     "FILE --host NAME [--incident N]\n"
     "      take the output of hikeshi scan --format jsonl as it is (-: standard input);\n"
     "      handed in again, it is the same scan"},
    {NULL, "status", 0, 0, "json incident", verb_status,
     "[--json] [--incident N]\n"
     "      how many rows are in which state and how sure that is, and who is waited for"},
    {0},
};
