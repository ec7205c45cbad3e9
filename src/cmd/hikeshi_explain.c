/* hikeshi explain: options, the texts one after the other, and the exit code. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "cmd/explain_show.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <unistd.h>

enum exit_code { FOUND = 0, NONE = 1, TROUBLE = 2 };

struct request {
    bool as_message, batch, json;
    const char *colour; /* "auto", "always", "never" */
    const char *text;   /* NULL: the lines of standard input */
};

struct job {
    const struct request *q;
    struct explain_view view;
    struct explained about;
    struct examiner *ex;
    struct evaluator *ev;
    uint64_t line; /* of standard input */
    bool found;    /* any is more than nothing */
    bool untold;   /* any could not be told */
};

/* --- one text */

/* A message as the whole text, nothing decoded: 1, a tab and the first key, or 0; or why it cannot
 * be told. */
static enum status answer_message(struct job *j, struct slice message, bool too_long)
{
    struct buf *out = &j->view.out;
    struct eval_options o = {0};
    struct eval_result r = {.outcome = EVAL_NOT};
    if (!too_long)
        r = evaluate(j->ev, message, &o);
    j->found |= r.outcome == EVAL_REACH;
    j->untold |= too_long || r.outcome == EVAL_BUDGET;
    if (r.outcome == EVAL_NOMEM)
        return ST_NOMEM;
    if (too_long || r.outcome == EVAL_BUDGET)
        return buf_add_str(out, too_long ? "?\tlength\n" : "?\tbudget\n");
    if (r.outcome != EVAL_REACH)
        return buf_add_str(out, "0\n");
    (void)buf_add_str(out, "1\t");
    (void)buf_add_slice(out, r.key);
    return buf_add_char(out, '\n');
}

static enum status say_too_long(struct job *j)
{
    struct explain_view *v = &j->view;
    j->untold = true;
    if (j->q->json) {
        struct jsonw w = jsonw_to(&v->out);
        json_begin_object(&w);
        json_put_str(&w, "verdict", "not-examined");
        json_put_str(&w, "reason", "length");
        json_end_object(&w);
    } else {
        explain_paint(v, EXPLAIN_YELLOW, slice_str(T(v->lang, "NOT EXAMINED")));
        (void)buf_add_str(&v->out, "  ");
        (void)buf_addf(&v->out, T(v->lang, "longer than %d MiB; search it with hikeshi hunt"),
                       (int)(LIMIT_EXPLAIN_BYTES >> 20));
    }
    return buf_add_char(&v->out, '\n');
}

static enum status answer_text(struct job *j, struct slice text, bool too_long)
{
    struct explain_view *v = &j->view;
    if (!j->q->json && !j->q->text) {
        (void)buf_add_str(&v->out, j->line > 1 ? "\n" : "");
        (void)buf_addf(&v->out, T(v->lang, "line %llu:"), (unsigned long long)j->line);
        (void)buf_add_char(&v->out, '\n');
    }
    if (too_long)
        return say_too_long(j);
    enum status st = explained_fill(&j->about, j->ex, j->ev, text);
    if (st != OK)
        return st;
    j->found |= j->about.found.verdict != VERDICT_NONE;
    if (j->q->json)
        explain_json(v, &j->about);
    else
        explain_text(v, &j->about);
    return buf_status(&v->out);
}

/* Memory ran out, or writing failed: nothing more can be told. */
static enum status answer(struct job *j, struct slice text, bool too_long)
{
    struct buf *out = &j->view.out;
    buf_clear(out);
    enum status st =
        j->q->as_message ? answer_message(j, text, too_long) : answer_text(j, text, too_long);
    if (st == OK && fwrite(buf_text(out), 1, out->n, stdout) != out->n)
        st = ST_IO;
    return st;
}

/* --- the lines of standard input */

struct reader {
    struct buf line;
    bool too_long;
    uint8_t chunk[KIB(64)];
};

static enum status end_line(struct job *j, struct reader *r)
{
    j->line++;
    enum status st = answer(j, buf_slice(&r->line), r->too_long);
    buf_clear(&r->line);
    r->too_long = false;
    return st;
}

/* Of a line that is too long nothing is kept but that. */
static enum status take_chunk(struct job *j, struct reader *r, struct slice rest)
{
    enum status st = OK;
    while (st == OK && rest.n) {
        size_t n = slice_index(rest, '\n');
        bool ends = n < rest.n;
        if (!r->too_long && buf_add_slice(&r->line, slice_sub(rest, 0, n)) == ST_LIMIT)
            r->too_long = true;
        st = buf_status(&r->line) == ST_NOMEM ? ST_NOMEM : OK;
        if (ends && st == OK)
            st = end_line(j, r);
        rest = slice_sub(rest, n + ends, rest.n);
    }
    return st;
}

/* Each line is answered before more is waited for, so that a program may ask and read in turns. */
static enum status answer_lines(struct job *j)
{
    enum status st = OK;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return ST_NOMEM;
    buf_init(&r->line, LIMIT_EXPLAIN_BYTES);
    while (st == OK) {
        if (fflush(stdout) != 0) {
            st = ST_IO;
            break;
        }
        ssize_t n = read(STDIN_FILENO, r->chunk, sizeof r->chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = ST_END;
        if (n <= 0)
            break;
        st = take_chunk(j, r, slice_of(r->chunk, (size_t)n));
    }
    if (st == OK && (r->line.n || r->too_long))
        st = end_line(j, r);
    buf_done(&r->line);
    free(r);
    return st;
}

/* --- the command */

static int usage(enum lang lang)
{
    bool bad =
        fputs(T(lang,
                "usage: hikeshi explain [OPTION]... TEXT   (-: each line of standard input)\n"
                "Shows how a strange text unfolds, step by step, where it would call back to, and\n"
                "what it would carry out. Put TEXT in single quotes.\n"
                "\n"
                "  --format F       text (for people) or json (text)\n"
                "  --as-message     the text as one whole message, nothing decoded; prints 1, a "
                "tab and\n"
                "                   the first key, or 0; or ?, a tab and why it cannot be told:\n"
                "                   budget or length\n"
                "  --batch          with --as-message: each line of standard input is a message\n"
                "  --colour WHEN    auto, always or never (auto; NO_COLOR is honoured)\n"
                "\n"
                "exit 0  something was found\n"
                "     1  nothing was found\n"
                "     2  wrong usage, or a text could not be told; the others were\n"),
              stdout) < 0;
    return bad || fflush(stdout) != 0 ? TROUBLE : 0;
}

static int wrong(enum lang lang, const char *option, const char *choices)
{
    (void)fprintf(stderr, T(lang, "hikeshi: %s %s: choose one of %s"), option, optarg, choices);
    (void)fputc('\n', stderr);
    return TROUBLE;
}

static int trouble(enum lang lang, enum status st)
{
    (void)fputs(st == ST_NOMEM ? T(lang, "hikeshi: not enough memory")
                : st == ST_END ? T(lang, "hikeshi: standard input cannot be read")
                : st == ST_IO  ? T(lang, "hikeshi: standard output cannot be written")
                               : T(lang, "hikeshi: the answer is longer than can be written"),
                stderr);
    (void)fputc('\n', stderr);
    return TROUBLE;
}

static int run(const struct request *q, enum lang lang)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return trouble(lang, ST_NOMEM);
    struct explain_view *v = &j->view;
    j->q = q;
    v->lang = lang;
    v->colour = terminal_wants_colour(q->colour);
    v->columns = terminal_columns(STDOUT_FILENO);
    buf_init(&v->out, LIMIT_EXPLAIN_BYTES * 64); /* JSON writes six bytes for one */
    buf_init(&v->now, LIMIT_EXPLAIN_BYTES * 10);
    buf_init(&v->next, LIMIT_EXPLAIN_BYTES * 10);
    buf_init(&v->piece, MIB(1));
    enum status st = explained_init(&j->about);
    if (st == OK)
        st = examiner_new(&j->ex);
    if (st == OK)
        st = evaluator_new(&j->ev);
    struct slice text = slice_str(q->text);
    if (st == OK)
        st = q->text ? answer(j, text, text.n > LIMIT_EXPLAIN_BYTES) : answer_lines(j);
    if (fflush(stdout) != 0 && st == OK)
        st = ST_IO;
    int code = st != OK ? trouble(lang, st) : j->untold ? TROUBLE : j->found ? FOUND : NONE;
    evaluator_free(j->ev);
    examiner_free(j->ex);
    explained_done(&j->about);
    buf_done(&v->out);
    buf_done(&v->now);
    buf_done(&v->next);
    buf_done(&v->piece);
    free(j);
    return code;
}

static bool one_of(const char *a, const char *b, const char *c)
{
    return strcmp(optarg, a) == 0 || strcmp(optarg, b) == 0 || strcmp(optarg, c) == 0;
}

static int take_option(struct request *q, int c, enum lang lang, const char *given)
{
    switch (c) {
    case 'm':
        q->as_message = true;
        return 0;
    case 'b':
        q->batch = true;
        return 0;
    case 'f':
        q->json = strcmp(optarg, "json") == 0;
        return one_of("text", "json", "json") ? 0 : wrong(lang, "--format", "text, json");
    case 'c':
        q->colour = optarg;
        return one_of("auto", "always", "never") ? 0
                                                 : wrong(lang, "--colour", "auto, always, never");
    default:
        (void)fprintf(stderr,
                      T(lang, "hikeshi: %s: not an option, or without its value; see hikeshi "
                              "explain --help"),
                      given);
        (void)fputc('\n', stderr);
        return TROUBLE;
    }
}

static int checked_run(struct request *q, enum lang lang, int argc, char **argv)
{
    const char *why = NULL;
    if (q->batch && !q->as_message)
        why = T(lang, "hikeshi: --batch goes with --as-message; for the lines of a file use -");
    else if (q->batch && argc)
        why = T(lang, "hikeshi: --batch reads standard input and takes no text");
    else if (q->as_message && q->json)
        why = T(lang, "hikeshi: --as-message has one form of answer: leave --format out");
    else if (!q->batch && argc != 1)
        why = T(lang, "hikeshi: name one text, in single quotes, for example: hikeshi explain "
                      "'${jndi:ldap://a.example/x}'");
    if (why) {
        (void)fprintf(stderr, "%s\n", why);
        return TROUBLE;
    }
    q->text = q->batch || strcmp(argv[0], "-") == 0 ? NULL : argv[0];
    return run(q, lang);
}

int verb_explain(int argc, char **argv)
{
    static const struct option options[] = {{"format", 1, 0, 'f'},
                                            {"as-message", 0, 0, 'm'},
                                            {"batch", 0, 0, 'b'},
                                            {"colour", 1, 0, 'c'},
                                            {"color", 1, 0, 'c'},
                                            {"help", 0, 0, 'h'},
                                            {0}};
    struct request q = {.colour = "auto"};
    enum lang lang = lang_from_environment();
    opterr = 0; /* told in the reader's language */
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h')
            return usage(lang);
        int code = take_option(&q, c, lang, argv[optind - 1]);
        if (code)
            return code;
    }
    return checked_run(&q, lang, argc - optind, argv + optind);
}
