/* hikeshi-board serve, routes: the web. */
#include "board/web/serve.h"
#include "cmd/board_verbs.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define GRACE_MS 20000 /* for requests that run when the board is stopped */

static enum status number_of(const char *option, const char *text, size_t most, size_t *ret,
                             struct err *e)
{
    uint64_t n = 0;
    if (slice_to_u64(slice_str(text), &n) != OK || n == 0 || n > most)
        return err_set(e, ST_INVALID, "--%s %s: give a number from 1 to %zu", option, text, most);
    *ret = (size_t)n;
    return OK;
}

static void say_where(const struct web *w, const char *code)
{
    bool proxied = strcmp(web_url(w), web_listening(w)) != 0;
    (void)printf("hikeshi-board: %s%s%s\n", web_url(w), proxied ? " at " : "",
                 proxied ? web_listening(w) : "");
    if (code[0])
        (void)printf("set-up: open %s/setup and give the code %s\n", web_url(w), code);
    (void)fflush(stdout);
}

static enum status verb_serve(struct db *db, const struct options *o, struct err *e)
{
    struct web_config config = {
        .database = o->url,
        .listen = o->listen ? o->listen : "127.0.0.1:8750",
        .public_url = o->public_url,
        .trusted_proxy = o->trusted_proxy,
        .log_requests = !o->quiet,
    };
    struct web *w = NULL;
    char code[32] = "";
    sigset_t stop;
    int got = 0;
    enum status s = o->threads ? number_of("threads", o->threads, 256, &config.threads, e) : OK;
    if (s == OK)
        s = web_setup_code(db, code, e);
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL); /* threads inherit it: only sigwait hears them */
    (void)signal(SIGPIPE, SIG_IGN);
    if (s == OK)
        s = web_start(&config, &w, e);
    if (s != OK)
        return s;
    say_where(w, code);
    (void)sigwait(&stop, &got);
    (void)pthread_sigmask(SIG_UNBLOCK, &stop, NULL); /* a second one ends it at once */
    (void)fprintf(stderr, "hikeshi-board: stopping\n");
    web_stop(w, GRACE_MS);
    return OK;
}

static enum status verb_routes(struct db *db, const struct options *o, struct err *e)
{
    (void)db;
    (void)o;
    char *text = web_routes_json();
    if (!text)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)puts(text);
    free(text);
    return OK;
}

const struct verb serve_verbs[] = {
    {NULL, "serve", 0, 0, "listen public-url trusted-proxy threads quiet", verb_serve,
     "[--listen ADDRESS:PORT] [--public-url URL] [--trusted-proxy ADDRESS,...]\n"
     "      [--threads N] [--quiet]   serve the board's pages and API (127.0.0.1:8750);\n"
     "                               prints where, and the code that set-up asks for"},
    {NULL, "routes", 0, 0, "", verb_routes,
     "\n      every route as JSON: method, pattern, roles, body limit, flags, summary"},
    {0},
};
