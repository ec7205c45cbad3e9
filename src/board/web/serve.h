/* The board's HTTP server, from outside: start it, stop it.
 *
 * A proxy that encrypts is named with trusted_proxy: from its address (and from no other)
 * X-Forwarded-For and X-Forwarded-Proto are believed. The Host header of every request must be an
 * address, localhost, this machine's name or the host of public_url, so that a page elsewhere
 * cannot make a browser speak to the board under its own name (DNS rebinding).
 */
#ifndef HIKESHI_BOARD_WEB_SERVE_H
#define HIKESHI_BOARD_WEB_SERVE_H

#include "board/db/db.h"

struct web;

struct web_config {
    const char *database;      /* as db_open takes it */
    const char *listen;        /* "127.0.0.1:8750", "[::]:8750"; port 0 takes a free one */
    const char *public_url;    /* "https://board.example.co.jp", or NULL */
    const char *trusted_proxy; /* addresses, a comma between; or NULL */
    size_t threads;            /* workers; 0: four for each processor, 8 at least */
    bool log_requests;
};

/* Opens the pool and the socket and starts to answer. The strings of config must outlive it. */
enum status web_start(const struct web_config *config, struct web **ret, struct err *e) MUST_USE;
/* "http://127.0.0.1:8750", without a slash behind it; valid until web_stop. */
const char *web_url(const struct web *w);
/* The same by the address it listens on; differs from web_url where there is a public_url. */
const char *web_listening(const struct web *w);
/* Takes no more requests, ends event streams, waits up to grace_ms for those that run. */
void web_stop(struct web *w, int64_t grace_ms);

/* The one-time code that set-up asks for, made when there is none; "" when there is an account. */
enum status web_setup_code(struct db *db, char ret[32], struct err *e) MUST_USE;

/* The route table as JSON, for tests and the API's description: the caller frees it. */
char *web_routes_json(void);

#endif
