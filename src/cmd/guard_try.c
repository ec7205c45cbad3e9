/* hikeshi guard try: requests as text, and what the module would do with each. */
#include "base/arena.h"
#include "base/file.h"
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "cmd/guard_verbs.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"
#include "guard/event.h"
#include "guard/http.h"
#include "guard/inspect.h"

#include <arpa/inet.h>
#include <getopt.h>

struct trial {
    enum lang lang;
    bool json, colour;
    enum guard_mode unset; /* where the rules name no mode */
    uint8_t addr[16];
    size_t addr_n; /* 0: no client was named */
    struct guard_rules *rules;
    struct guard *guard;
    struct buf out;
    unsigned number;
};

/* What came of one request. */
struct answer {
    enum guard_mode mode;
    const struct http_request *request;
    const struct guard_finding *found;
    bool limited;
};

static enum guard_action action_of(const struct answer *a)
{
    if (a->mode == GUARD_OFF || a->found->why == GUARD_NOTHING)
        return GUARD_PASSED;
    return a->mode == GUARD_BLOCK ? GUARD_BLOCKED : GUARD_REPORTED;
}

static bool is_lookup(const struct answer *a)
{
    return a->found->why == GUARD_LOOKUP || a->found->why == GUARD_CALLBACK;
}

static bool has_field(const struct answer *a)
{
    return a->found->why != GUARD_NOTHING && a->found->why != GUARD_CLIENT;
}

/* --- as JSON */

static void put_field(struct jsonw *w, const struct answer *a)
{
    struct buf b;
    buf_init(&b, KIB(8));
    (void)guard_field_write(&a->found->field, &b);
    if (has_field(a))
        json_put_slice(w, "field", buf_slice(&b));
    else
        json_put_str(w, "field", NULL);
    buf_done(&b);
}

static void show_json(struct trial *t, const struct answer *a)
{
    const struct guard_finding *f = a->found;
    struct jsonw w = jsonw_to(&t->out);
    json_begin_object(&w);
    json_put_int(&w, "request", t->number);
    json_put_slice(&w, "method", a->request->method);
    json_put_slice(&w, "host", a->request->host);
    json_put_slice(&w, "path", a->request->path);
    json_put_str(&w, "mode", guard_mode_name(a->mode));
    json_put_str(&w, "action", guard_action_name(action_of(a)));
    json_put_str(&w, "why", guard_why_name(f->why));
    put_field(&w, a);
    json_put_bool(&w, "in_name", has_field(a) && f->field.in_name);
    json_put_str(&w, "verdict", is_lookup(a) ? verdict_name(f->verdict) : NULL);
    json_put_str(&w, "reason", is_lookup(a) ? attempt_reason_name(f->reason) : NULL);
    if (is_lookup(a))
        json_put_slice(&w, "resolves_to", f->key);
    else
        json_put_str(&w, "resolves_to", NULL);
    json_key(&w, "decoded");
    json_begin_array(&w);
    for (size_t i = 0; i < f->chain_count; i++)
        json_text(&w, slice_str(f->chain[i]));
    json_end_array(&w);
    json_put_str(&w, "rule", f->rule);
    json_put_bool(&w, "not_fully_examined", a->limited);
    json_end_object(&w);
    (void)buf_add_char(&t->out, '\n');
}

/* --- for people */

static const char *paint(const struct trial *t, const char *code)
{
    return t->colour ? code : "";
}

static void line_of(struct trial *t, const char *label)
{
    (void)buf_add_str(&t->out, "  ");
    (void)text_add_padded(&t->out, slice_str(label), t->lang == LANG_JA ? 12 : 13);
    (void)buf_add_str(&t->out, t->lang == LANG_JA ? " " : "");
}

static void show_head(struct trial *t, const struct answer *a)
{
    static const struct {
        const char *word, *colour;
    } words[] = {[GUARD_PASSED] = {N_("PASSES"), "\033[32m"},
                 [GUARD_REPORTED] = {N_("REPORTED"), "\033[33m"},
                 [GUARD_BLOCKED] = {N_("BLOCKED"), "\033[1;31m"}};
    const char *word = a->mode == GUARD_OFF ? N_("OFF") : words[action_of(a)].word;
    const char *colour = a->mode == GUARD_OFF ? "" : words[action_of(a)].colour;
    (void)buf_add_str(&t->out, paint(t, colour));
    (void)text_add_padded(&t->out, slice_str(T(t->lang, word)), 8);
    (void)buf_addf(&t->out, "%s   ", paint(t, *colour ? "\033[0m" : ""));
    (void)text_add_escaped(&t->out, a->request->method);
    (void)buf_add_char(&t->out, ' ');
    (void)text_add_escaped(&t->out, a->request->host);
    (void)text_add_escaped(&t->out, a->request->path);
    (void)buf_add_char(&t->out, '\n');
}

static void show_why(struct trial *t, const struct answer *a)
{
    static const char *const sentences[] = {
        [GUARD_NOTHING] = "",
        [GUARD_LOOKUP] = N_("a lookup"),
        [GUARD_PATCH] = N_("a patch of the rules matches"),
        [GUARD_SIGNATURE] = N_("a signature of the rules matches"),
        [GUARD_CLIENT] = N_("the client is on the list of denied ones"),
        [GUARD_CALLBACK] = N_("a lookup whose host is on the list of denied ones"),
        [GUARD_LIMIT] = N_("not all of it could be examined"),
    };
    const struct guard_finding *f = a->found;
    line_of(t, T(t->lang, "because"));
    (void)buf_addf(&t->out, "%s\n", T(t->lang, sentences[f->why]));
    if (has_field(a)) {
        line_of(t, T(t->lang, "field"));
        (void)guard_field_write(&f->field, &t->out);
        (void)buf_addf(&t->out, "%s\n", f->field.in_name ? T(t->lang, "   in its name") : "");
    }
    if (is_lookup(a)) {
        line_of(t, T(t->lang, "verdict"));
        (void)buf_addf(&t->out, "%s", verdict_name(f->verdict));
        for (size_t i = 0; i < f->chain_count; i++)
            (void)buf_addf(&t->out, i ? ", %s" : T(t->lang, "   via %s"), f->chain[i]);
        (void)buf_add_char(&t->out, '\n');
        line_of(t, T(t->lang, "resolves to"));
        (void)text_add_escaped(&t->out, f->key);
        (void)buf_add_char(&t->out, '\n');
    }
    if (f->rule) {
        line_of(t, f->why == GUARD_LIMIT ? T(t->lang, "limit") : T(t->lang, "rule"));
        (void)buf_addf(&t->out, "%s\n", f->rule);
    }
}

static void show_text(struct trial *t, const struct answer *a)
{
    show_head(t, a);
    if (action_of(a) != GUARD_PASSED)
        show_why(t, a);
    if (a->limited && a->found->why != GUARD_LIMIT && a->mode != GUARD_OFF)
        (void)buf_addf(&t->out, "  %s%s%s\n", paint(t, "\033[33m"),
                       T(t->lang, "NOT FULLY EXAMINED"), paint(t, "\033[0m"));
}

/* --- one request */

static void *take_memory(void *ctx, size_t n)
{
    return arena_alloc(ctx, n);
}

struct headers {
    const struct http_request *http;
    size_t next;
};

static bool next_header(void *ctx, struct guard_header *ret)
{
    struct headers *h = ctx;
    if (h->next == h->http->field_count)
        return false;
    const struct http_field *f = &h->http->fields[h->next++];
    *ret = (struct guard_header){f->name, f->value};
    return true;
}

static enum status examine_request(struct guard_request *q, const struct http_request *http)
{
    enum status st = OK;
    guard_uri(q, http->path);
    guard_args(q, http->query);
    for (size_t i = 0; i < http->field_count; i++)
        guard_header(q, http->fields[i].name, http->fields[i].value);
    struct headers headers = {.http = http};
    guard_head_together(q, http->path, http->query, next_header, &headers);
    if (http->has_body) {
        st = guard_body_begin(q, http->content_type, http->content_encoding);
        if (st == OK) {
            guard_body_piece(q, buf_slice(&http->body));
            guard_body_end(q);
        }
    }
    return st;
}

static enum status try_one(struct trial *t, const struct http_request *http, bool *ret_found)
{
    struct arena arena;
    struct buf path;
    arena_init(&arena, LIMIT_GUARD_TRY_MEMORY);
    buf_init(&path, LIMIT_GUARD_HTTP_HEAD);
    struct guard_options o = {
        .least = VERDICT_IF_CLOSED, .alloc = take_memory, .alloc_ctx = &arena};
    struct guard_request q = {0};
    struct answer a = {.mode = guard_rules_mode(t->rules, http->host), .request = http};
    if (a.mode == GUARD_MODE_UNSET)
        a.mode = t->unset;
    enum status st = http_path_normal(http->path, &path);
    if (st == OK) {
        guard_request_begin(&q, t->guard, &o, t->rules, http->host, http->method, buf_slice(&path),
                            slice_of(t->addr, t->addr_n));
        st = examine_request(&q, http);
        a.found = &q.found;
        a.limited = q.limited;
        t->number++;
        if (t->json)
            show_json(t, &a);
        else
            show_text(t, &a);
        *ret_found |= action_of(&a) != GUARD_PASSED;
        guard_request_end(&q);
    }
    buf_done(&path);
    arena_done(&arena);
    return st == OK ? buf_status(&t->out) : st;
}

static int try_all(struct trial *t, struct slice whole)
{
    struct slice rest = whole;
    struct err e = {0};
    bool found = false;
    enum status st = OK;
    while (st == OK) {
        struct http_request http;
        st = http_request_next(whole, &rest, &http, &e);
        if (st == OK)
            st = try_one(t, &http, &found);
        http_request_done(&http);
        if (st == OK && guard_print(t->lang, buf_slice(&t->out)) != GUARD_EXIT_GOOD)
            return GUARD_EXIT_TROUBLE;
        buf_clear(&t->out);
    }
    if (st == ST_END && t->number == 0)
        return guard_wrong(T(t->lang, "standard input holds no request"));
    if (st != ST_END) {
        if (!e.msg[0])
            (void)err_set(&e, st, N_("not enough memory"));
        return guard_complain(t->lang, T(t->lang, "standard input"), &e);
    }
    return found ? GUARD_EXIT_BAD : GUARD_EXIT_GOOD;
}

/* --- arguments */

static bool take_option(struct trial *t, int c, int *ret_code)
{
    const char *sentence = NULL;
    if (c == 'f') {
        t->json = strcmp(optarg, "jsonl") == 0;
        if (!t->json && strcmp(optarg, "text") != 0)
            sentence = T(t->lang, "--format: choose one of text, jsonl");
    } else if (c == 'm') {
        t->unset = strcmp(optarg, "block") == 0 ? GUARD_BLOCK : GUARD_REPORT;
        if (strcmp(optarg, guard_mode_name(t->unset)) != 0)
            sentence = T(t->lang, "--mode: choose one of report, block");
    } else if (c == 'a') {
        t->addr_n = inet_pton(AF_INET, optarg, t->addr) == 1    ? 4
                    : inet_pton(AF_INET6, optarg, t->addr) == 1 ? 16
                                                                : 0;
        if (t->addr_n == 0)
            sentence = T(t->lang, "--client: write an address, like 203.0.113.7 or 2001:db8::1");
    } else if (c == 'c') {
        t->colour = terminal_wants_colour(optarg);
        if (strcmp(optarg, "auto") != 0 && strcmp(optarg, "always") != 0 &&
            strcmp(optarg, "never") != 0)
            sentence = T(t->lang, "--colour: choose one of auto, always, never");
    } else {
        sentence = T(t->lang, "see hikeshi guard --help");
    }
    if (sentence)
        *ret_code = guard_wrong(sentence);
    return !sentence;
}

int guard_try(int argc, char **argv, enum lang lang)
{
    static const struct option options[] = {{"client", 1, 0, 'a'},
                                            {"mode", 1, 0, 'm'},
                                            {"format", 1, 0, 'f'},
                                            {"colour", 1, 0, 'c'},
                                            {"color", 1, 0, 'c'},
                                            {"help", 0, 0, 'h'},
                                            {0}};
    struct trial t = {.lang = lang, .unset = GUARD_BLOCK};
    struct buf text, input;
    struct err e = {0};
    int code = GUARD_EXIT_TROUBLE;
    t.colour = terminal_wants_colour("auto");
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h') {
            char name[] = "guard", option[] = "--help", *again[] = {name, option, NULL};
            return verb_guard(2, again);
        }
        if (!take_option(&t, c, &code))
            return code;
    }
    if (optind + 1 != argc || strcmp(argv[optind], "-") == 0)
        return guard_wrong(T(lang, "name one file of rules, for example: hikeshi guard try "
                                   "/etc/hikeshi/rules <request"));
    buf_init(&input, LIMIT_GUARD_TRY_BYTES);
    buf_init(&t.out, MIB(1));
    if (guard_read(lang, argv[optind], &text, &t.rules) != OK)
        code = GUARD_EXIT_TROUBLE;
    else if (file_read_all("-", &input, &e) != OK)
        (void)guard_complain(lang, NULL, &e);
    else if (guard_new(&t.guard) != OK)
        (void)guard_wrong(T(lang, "not enough memory"));
    else
        code = try_all(&t, buf_slice(&input));
    guard_free(t.guard);
    guard_rules_unref(t.rules);
    buf_done(&text);
    buf_done(&input);
    buf_done(&t.out);
    return code;
}
