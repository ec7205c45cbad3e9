/* hikeshi explain: how a text unfolds. Every step is what the evaluator itself tells while it
 * works; the text shown behind a step is the text before it with the piece replaced that the step
 * names. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/messages.h"
#include "base/text.h"
#include "cmd/verbs.h"
#include "hunt/callback.h"
#include "lookup/examine.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#define STEPS_SHOWN 60

enum look { LOOK_TEXT, LOOK_JSON };

struct explain {
    enum lang lang;
    enum look look;
    bool colour;
    struct buf out;
    struct buf now;  /* the text as it is behind the last step */
    struct buf next; /* … and as it becomes */
    struct jsonw json;
    unsigned steps;
};

/* --- pieces of output */

static const char *paint(const struct explain *x, const char *code)
{
    return x->colour ? code : "";
}

/* A line of text, its piece of n bytes at `at` underlined, or marked by carets below it. */
static void show_text(struct explain *x, struct slice s, size_t at, size_t n)
{
    size_t before = text_columns(slice_sub(s, 0, at));
    size_t wide = text_columns(slice_sub(s, at, n));
    (void)buf_add_str(&x->out, "     ");
    (void)text_add_escaped(&x->out, slice_sub(s, 0, at));
    (void)buf_add_str(&x->out, n ? paint(x, "\033[4m") : "");
    (void)text_add_escaped(&x->out, slice_sub(s, at, n));
    (void)buf_add_str(&x->out, n ? paint(x, "\033[0m") : "");
    (void)text_add_escaped(&x->out, slice_sub(s, at + n, s.n));
    (void)buf_add_char(&x->out, '\n');
    if (x->colour || n == 0 || before + wide > 400)
        return;
    (void)buf_addf(&x->out, "     %*s", (int)before, "");
    for (size_t i = 0; i < wide; i++)
        (void)buf_add_char(&x->out, '^');
    (void)buf_add_char(&x->out, '\n');
}

static void head(struct explain *x)
{
    (void)buf_addf(&x->out, "  %s%u%s  ", paint(x, "\033[2m"), x->steps++, paint(x, "\033[0m"));
}

/* --- steps */

static const char *source_word(enum lang lang, struct slice name)
{
    static const struct {
        const char *prefix, *word;
    } words[] = {
        {"env:", N_("is an environment variable of this server")},
        {"sys:", N_("is a system property of this server")},
        {"ctx:", N_("is a value of the log context")},
        {"main:", N_("is an argument of the program")},
        {"docker:", N_("is a fact of the container")},
        {"k8s:", N_("is a fact of the cluster")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_starts(name, slice_str(words[i].prefix)))
            return T(lang, words[i].word);
    }
    return NULL;
}

static const char *kind_code(enum eval_event_kind kind)
{
    static const char *const codes[] = {"escape", "value", "default", "unresolved",
                                        "jndi",   "cycle", "bad_key", "pass"};
    return codes[kind];
}

static void say(struct explain *x, const char *what, struct slice subject, struct slice value)
{
    (void)text_add_escaped(&x->out, subject);
    (void)buf_add_str(&x->out, subject.n ? " " : "");
    (void)buf_add_str(&x->out, what);
    (void)buf_add_str(&x->out, value.n ? " " : "");
    (void)text_add_escaped(&x->out, value);
    (void)buf_add_char(&x->out, '\n');
}

static void say_step(struct explain *x, const struct eval_event *ev)
{
    const char *source = source_word(x->lang, ev->name);
    switch (ev->kind) {
    case EVAL_EVENT_ESCAPE:
        say(x, T(x->lang, "a dollar before it goes: what follows stays plain text"),
            SLICE_LIT("$${"), (struct slice){0});
        break;
    case EVAL_EVENT_VALUE:
        say(x, ev->value.n ? T(x->lang, "is") : T(x->lang, "is empty"), ev->variable, ev->value);
        break;
    case EVAL_EVENT_DEFAULT:
        say(x,
            ev->value.n ? T(x->lang, "finds nothing and takes its default,")
                        : T(x->lang, "finds nothing and takes its default, which is empty"),
            ev->variable, ev->value);
        break;
    case EVAL_EVENT_UNRESOLVED:
        say(x, source ? source : T(x->lang, "is known to nobody and stays as it is"), ev->variable,
            (struct slice){0});
        break;
    case EVAL_EVENT_JNDI:
        say(x, T(x->lang, "JNDI lookup:"), (struct slice){0}, ev->value);
        break;
    case EVAL_EVENT_CYCLE:
        say(x, T(x->lang, "stands within itself: the evaluation is given up"), ev->variable,
            (struct slice){0});
        break;
    case EVAL_EVENT_BAD_KEY:
        say(x, T(x->lang, "is a fault: the evaluation is given up"), ev->variable,
            (struct slice){0});
        break;
    case EVAL_EVENT_PASS:
        say(x, T(x->lang, "the result is read once more"), (struct slice){0}, (struct slice){0});
        break;
    }
}

/* Where the variable stands now: as its evaluated inside has it, else as it was written. */
static size_t find_now(struct explain *x, const struct eval_event *ev, size_t *ret_n)
{
    struct slice now = buf_slice(&x->now);
    struct buf made;
    buf_init(&made, LIMIT_EXPLAIN_BYTES);
    (void)buf_add_str(&made, "${");
    (void)buf_add_slice(&made, ev->name);
    if (ev->kind == EVAL_EVENT_DEFAULT) {
        (void)buf_add_str(&made, ":-");
        (void)buf_add_slice(&made, ev->value);
    }
    size_t at = slice_find(now, buf_slice(&made));
    *ret_n = made.n + 1;
    buf_done(&made);
    if (at < now.n && at + *ret_n <= now.n && now.p[at + *ret_n - 1] == '}')
        return at;
    *ret_n = ev->variable.n;
    return ev->variable.n ? slice_find(now, ev->variable) : now.n;
}

static void json_step(struct jsonw *w, const struct eval_event *ev)
{
    json_begin_object(w);
    json_put_str(w, "kind", kind_code(ev->kind));
    json_put_slice(w, "variable", ev->variable);
    json_put_slice(w, "name", ev->name);
    json_put_slice(w, "value", ev->value);
    json_end_object(w);
}

static void on_event(void *ctx, const struct eval_event *ev)
{
    struct explain *x = ctx;
    size_t n = 0;
    bool replaces = ev->kind == EVAL_EVENT_VALUE || ev->kind == EVAL_EVENT_DEFAULT;
    if (x->look == LOOK_JSON) {
        if (x->steps++ < STEPS_SHOWN)
            json_step(&x->json, ev);
        return;
    }
    if (x->steps >= STEPS_SHOWN) {
        x->steps++;
        return;
    }
    size_t at = find_now(x, ev, &n);
    head(x);
    say_step(x, ev);
    if (ev->kind == EVAL_EVENT_PASS) {
        buf_clear(&x->now);
        (void)buf_add_slice(&x->now, ev->variable);
    }
    struct slice now = buf_slice(&x->now);
    if (!replaces || at >= now.n) {
        if (ev->kind != EVAL_EVENT_ESCAPE)
            show_text(x, now, at < now.n ? at : 0, at < now.n ? n : 0);
        return;
    }
    show_text(x, now, at, n);
    buf_clear(&x->next);
    (void)buf_add_slice(&x->next, slice_sub(now, 0, at));
    (void)buf_add_slice(&x->next, ev->value);
    (void)buf_add_slice(&x->next, slice_sub(now, at + n, now.n));
    struct buf spare = x->now;
    x->now = x->next;
    x->next = spare;
}

/* --- what it comes to */

static const char *reason_word(enum lang lang, enum attempt_reason why)
{
    switch (why) {
    case ATTEMPT_BUDGET:
        return T(lang, "it costs more steps than can be told");
    case ATTEMPT_CYCLE:
        return T(lang, "the evaluation is given up before it gets there");
    case ATTEMPT_BASE64:
        return T(lang, "base64 is no lookup of any version");
    case ATTEMPT_INERT:
        return T(lang, "jndi is named, and nothing looks it up");
    case ATTEMPT_NO_REASON:
        break;
    }
    return "";
}

static void say_verdict(struct explain *x, const struct examined *r, struct buf *to)
{
    static const char *const colours[] = {"", "\033[33m", "\033[33m", "\033[1;31m"};
    static const char *const words[] = {
        N_("NONE"),
        N_("ATTEMPT"),
        N_("IF-CLOSED"),
        N_("REACHES"),
    };
    static const char *const sentences[] = {
        N_("no JNDI lookup in this text"),
        N_("means to and cannot:"),
        N_("would be done, had the text not been cut: a } is missing"),
        N_("this lookup would be done"),
    };
    (void)buf_addf(to, "%s%s%s   %s", paint(x, colours[r->verdict]), T(x->lang, words[r->verdict]),
                   paint(x, "\033[0m"), T(x->lang, sentences[r->verdict]));
    if (r->reason != ATTEMPT_NO_REASON)
        (void)buf_addf(to, " %s", reason_word(x->lang, r->reason));
    if (r->locale == EVAL_TURKISH)
        (void)buf_addf(to, " %s", T(x->lang, "(where letters are Turkish)"));
    (void)buf_add_str(to, "\n\n");
}

/* Each variable that is left in the key is something of the server that the call-back carries out.
 */
static void each_leak(struct slice key, void (*leak)(void *ctx, struct slice name), void *ctx)
{
    for (size_t i = 0; i + 2 < key.n; i++) {
        if (key.p[i] != '$' || key.p[i + 1] != '{')
            continue;
        struct slice rest = slice_sub(key, i + 2, key.n);
        struct slice name = slice_sub(rest, 0, slice_index(rest, '}'));
        if (name.n && slice_index(name, '$') == name.n)
            leak(ctx, name);
    }
}

static void say_leak(void *ctx, struct slice name)
{
    struct explain *x = ctx;
    const char *source = source_word(x->lang, name);
    (void)buf_addf(&x->out, "  %s%s%s ", paint(x, "\033[33m"), T(x->lang, "leaks"),
                   paint(x, "\033[0m"));
    (void)text_add_escaped(&x->out, name);
    (void)buf_addf(&x->out, " %s", source ? source : T(x->lang, "is whatever answers to it"));
    (void)buf_add_char(&x->out, '\n');
}

static void say_callback(struct explain *x, struct slice key)
{
    struct callback c = callback_parse(key);
    (void)buf_addf(&x->out, "\n  %s  ", T(x->lang, "calls back"));
    (void)text_add_escaped(&x->out, c.scheme);
    (void)buf_addf(&x->out, "   %s", paint(x, "\033[1;31m"));
    (void)text_add_escaped(&x->out, c.host);
    (void)buf_add_str(&x->out, paint(x, "\033[0m"));
    if (c.port)
        (void)buf_addf(
            &x->out, c.port_default ? T(x->lang, "   port %u (default)") : T(x->lang, "   port %u"),
            (unsigned)c.port);
    (void)buf_add_str(&x->out, c.path.n ? "   " : "");
    (void)text_add_escaped(&x->out, c.path);
    (void)buf_add_char(&x->out, '\n');
    each_leak(key, say_leak, x);
    if (slice_find(c.host, SLICE_LIT("${")) < c.host.n)
        (void)buf_addf(&x->out, "         %s\n",
                       T(x->lang, "in the host name: a DNS query is enough to carry it out"));
    (void)buf_addf(&x->out, "  %s  hikeshi hunt --outbound LOG LOGS\n", T(x->lang, "next"));
}

static void say_layers(struct explain *x, struct slice text, const struct examined *r)
{
    head(x);
    (void)buf_addf(&x->out, "%s\n", T(x->lang, "as given"));
    show_text(x, text, 0, 0);
    for (size_t i = 0; i < r->chain_count; i++) {
        head(x);
        (void)buf_addf(&x->out, T(x->lang, "decoded: %s"), r->chain[i]);
        (void)buf_add_char(&x->out, '\n');
        show_text(x, r->layers[i], 0, 0);
    }
}

static void json_leak(void *ctx, struct slice name)
{
    struct jsonw *w = ctx;
    json_text(w, name);
}

static void json_callback(struct jsonw *w, struct slice key)
{
    struct callback c = callback_parse(key);
    json_key(w, "callback");
    json_begin_object(w);
    json_put_slice(w, "scheme", c.scheme);
    json_put_slice(w, "host", c.host);
    json_put_int(w, "port", c.port);
    json_put_slice(w, "path", c.path);
    json_end_object(w);
    json_key(w, "leaks");
    json_begin_array(w);
    each_leak(key, json_leak, w);
    json_end_array(w);
}

static void json_head(struct jsonw *w, const struct examined *r)
{
    static const char *const reasons[] = {NULL, "budget", "cycle", "base64", "inert"};
    json_begin_object(w);
    json_put_str(w, "verdict", verdict_name(r->verdict));
    json_put_str(w, "reason", reasons[r->reason]);
    json_put_str(w, "locale", r->locale == EVAL_TURKISH ? "tr" : "root");
    json_put_slice(w, "key", r->key);
    json_put_slice(w, "text", r->text);
    json_key(w, "chain");
    json_begin_array(w);
    for (size_t i = 0; i < r->chain_count; i++)
        json_text(w, slice_str(r->chain[i]));
    json_end_array(w);
    if (r->verdict >= VERDICT_IF_CLOSED)
        json_callback(w, r->key);
    json_key(w, "steps");
    json_begin_array(w);
}

/* --- one text */

static enum status explain_text(struct explain *x, struct examiner *ex, struct evaluator *ev,
                                struct slice text, enum verdict *ret)
{
    struct examined r;
    struct buf top;
    examiner_begin(ex); /* each text for itself */
    enum status st = examine(ex, text, &r);
    if (st != OK)
        return st;
    buf_init(&top, KIB(64));
    buf_clear(&x->out);
    buf_clear(&x->now);
    x->steps = 0;
    x->json = jsonw_to(&x->out);
    if (x->look == LOOK_JSON) {
        json_head(&x->json, &r);
    } else {
        say_verdict(x, &r, &top);
        if (r.verdict != VERDICT_NONE)
            say_layers(x, text, &r);
    }
    (void)buf_add_slice(&x->now, r.text);
    struct eval_options o = {.locale = r.locale, .trace = on_event, .trace_ctx = x};
    if (r.verdict != VERDICT_NONE)
        (void)evaluate(ev, r.text, &o);
    if (x->look == LOOK_JSON) {
        json_end_array(&x->json);
        json_put_int(&x->json, "step_count", x->steps);
        json_end_object(&x->json);
        (void)buf_add_char(&x->out, '\n');
    } else if (x->steps > STEPS_SHOWN) {
        (void)buf_addf(&x->out,
                       TN(x->lang, "  … and %u step more\n", "  … and %u steps more\n",
                          x->steps - STEPS_SHOWN),
                       x->steps - STEPS_SHOWN);
    }
    if (x->look == LOOK_TEXT && r.verdict >= VERDICT_IF_CLOSED)
        say_callback(x, r.key);
    bool wrote = fputs(buf_text(&top), stdout) >= 0 &&
                 fwrite(buf_text(&x->out), 1, x->out.n, stdout) == x->out.n;
    st = buf_status(&x->out);
    buf_done(&top);
    *ret = r.verdict;
    return st == OK && !wrote ? ST_IO : st;
}

/* A message as the whole text, nothing decoded: 1, a tab and the first key, or 0. */
static enum status answer_message(struct evaluator *ev, struct slice message, bool *ret_reach)
{
    struct eval_options o = {0};
    struct eval_result r = evaluate(ev, message, &o);
    if (r.outcome == EVAL_NOMEM)
        return ST_NOMEM;
    *ret_reach = r.outcome == EVAL_REACH;
    bool bad = r.outcome == EVAL_REACH
                   ? fputs("1\t", stdout) < 0 || fwrite(r.key.p, 1, r.key.n, stdout) != r.key.n ||
                         putchar('\n') < 0
                   : puts("0") < 0;
    return bad ? ST_IO : OK;
}

/* --- the command */

struct request {
    bool as_message, batch, colour;
    enum look look;
};

static int usage(enum lang lang, FILE *to)
{
    const char *text =
        T(lang, "usage: hikeshi explain [options] TEXT   (-: each line of standard input)\n"
                "\n"
                "Shows how a strange text unfolds, step by step, and where it would call back to.\n"
                "\n"
                "  --format FORMAT  text or json (text)\n"
                "  --as-message     the text as one whole message, nothing decoded\n"
                "  --batch          with --as-message: a message a line of standard input; prints\n"
                "                   1, a tab and the first key, or 0\n"
                "  --colour WHEN    auto, always or never (auto; NO_COLOR is honoured)\n"
                "\n"
                "exit: 0 something was found, 1 nothing, 2 wrong usage or trouble\n");
    return fputs(text, to) < 0 || to == stderr ? 2 : 0;
}

static int trouble(enum status st)
{
    (void)fprintf(stderr, "hikeshi: %s\n",
                  st == ST_NOMEM   ? "not enough memory"
                  : st == ST_LIMIT ? "the text is longer than 4 MiB: search it with hikeshi hunt"
                                   : "cannot be written");
    return 2;
}

/* Every line of standard input, or the one text; *ret_found: any is more than nothing. */
static enum status run(const struct request *q, struct explain *x, const char *text,
                       bool *ret_found)
{
    struct examiner *ex = NULL;
    struct evaluator *ev = NULL;
    char *line = NULL;
    size_t room = 0;
    enum status st = examiner_new(&ex);
    if (st == OK)
        st = evaluator_new(&ev);
    while (st == OK) {
        struct slice s = slice_str(text);
        enum verdict v = VERDICT_NONE;
        bool reach = false;
        if (!text) {
            ssize_t n = getline(&line, &room, stdin);
            if (n < 0)
                break;
            s = slice_of(line, (size_t)n - (line[n - 1] == '\n'));
        }
        st = s.n > LIMIT_EXPLAIN_BYTES ? ST_LIMIT
             : q->as_message           ? answer_message(ev, s, &reach)
                                       : explain_text(x, ex, ev, s, &v);
        *ret_found |= reach || v != VERDICT_NONE;
        if (text)
            break;
    }
    free(line);
    evaluator_free(ev);
    examiner_free(ex);
    return st;
}

static bool parse(int argc, char **argv, struct request *q, int *ret_code)
{
    static const struct option known[] = {{"format", 1, 0, 'f'},
                                          {"as-message", 0, 0, 'm'},
                                          {"batch", 0, 0, 'b'},
                                          {"colour", 1, 0, 'c'},
                                          {"color", 1, 0, 'c'},
                                          {"help", 0, 0, 'h'},
                                          {0}};
    enum lang lang = lang_from_environment();
    q->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        bool good = true;
        if (c == 'm')
            q->as_message = true;
        else if (c == 'b')
            q->batch = true;
        else if (c == 'f' && (good = !strcmp(optarg, "json") || !strcmp(optarg, "text")))
            q->look = strcmp(optarg, "json") == 0 ? LOOK_JSON : LOOK_TEXT;
        else if (c == 'c' && (good = !strcmp(optarg, "always") || !strcmp(optarg, "never") ||
                                     !strcmp(optarg, "auto")))
            q->colour = strcmp(optarg, "auto") ? strcmp(optarg, "always") == 0 : q->colour;
        if (c == 'h' || c == '?' || !good) {
            *ret_code = usage(lang, c == 'h' ? stdout : stderr);
            return false;
        }
    }
    bool one_text = optind + 1 == argc;
    if ((q->batch && (!q->as_message || optind != argc)) || (!q->batch && !one_text)) {
        *ret_code = usage(lang, stderr);
        return false;
    }
    return true;
}

int verb_explain(int argc, char **argv)
{
    struct request q = {0};
    struct explain x = {.lang = lang_from_environment()};
    bool found = false;
    int code = 2;
    if (!parse(argc, argv, &q, &code))
        return code;
    x.look = q.look;
    x.colour = q.colour;
    buf_init(&x.out, LIMIT_EXPLAIN_BYTES * 64);
    buf_init(&x.now, LIMIT_EXPLAIN_BYTES * 8);
    buf_init(&x.next, LIMIT_EXPLAIN_BYTES * 8);
    const char *text = q.batch || strcmp(argv[optind], "-") == 0 ? NULL : argv[optind];
    enum status st = run(&q, &x, text, &found);
    buf_done(&x.out);
    buf_done(&x.now);
    buf_done(&x.next);
    if (st != OK || fflush(stdout) != 0)
        return trouble(st == OK ? ST_IO : st);
    return found ? 0 : 1;
}
