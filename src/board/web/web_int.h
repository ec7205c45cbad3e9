/* The server's own view of a request: what server.c, exchange.c, work.c, live.c and session.c
 * share.
 *
 * Threads. MHD's network threads read requests and send answers; they never wait for anything.
 * Worker threads run handlers, each with one connection to the database at a time. A watcher thread
 * looks after slow clients, event streams and house-keeping. While a worker has an exchange, its
 * network connection is suspended (or feeds x->piece, for bodies that are taken in pieces), so that
 * one thread at a time owns everything in it but what stands under its lock.
 */
#ifndef HIKESHI_BOARD_WEB_INT_H
#define HIKESHI_BOARD_WEB_INT_H

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/web/form.h"
#include "board/web/html.h"
#include "board/web/serve.h"
#include "board/web/web.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define TOKEN_HEX 65 /* SHA-256 in hex, and a NUL */

/* --- connections (clients.c) */

enum client_phase { CLIENT_IDLE, CLIENT_BODY, CLIENT_WORK, CLIENT_SEND, CLIENT_STREAM };

struct client {
    struct client *prev, *next;
    int fd;
    int linger; /* a copy of fd that keeps the socket open for a refused body; -1: none */
    char address[64];
    _Atomic(enum client_phase) phase;
    _Atomic int64_t since_ms; /* monotonic: when the phase began */
    _Atomic uint64_t bytes;   /* BODY: received; SEND: to send */
    _Atomic int64_t moved_ms; /* BODY: when bytes were last taken */
    _Atomic bool held;        /* BODY: the handler has to take what came before more is read */
};

struct clients {
    pthread_mutex_t lock;
    struct client *first;
    size_t count;
    int lingering[64];
    int64_t linger_until[64];
    size_t linger_count;
};

void clients_init(struct clients *c);
void clients_done(struct clients *c);
/* Whether the client will send no more. MHD waits for edges: one that came with the last bytes of a
 * request is not seen by it. */
bool client_half_closed(int fd);
void client_phase(struct client *c, enum client_phase phase, uint64_t bytes);
/* Whether one more connection of this address may come. */
bool clients_admit(struct web *w, const struct sockaddr *addr);
void clients_notify(void *cls, struct MHD_Connection *conn, void **socket_context,
                    enum MHD_ConnectionNotificationCode code);
/* Cuts off who is too slow, and reads on for those whose body was refused. */
void clients_reap(struct clients *c);
/* Closes what is idle and, after grace_ms, what is not. */
void clients_hang_up(struct clients *c, int64_t grace_ms);

/* --- an exchange: one request and its answer */

enum response_kind { RES_NONE, RES_BODY, RES_STATIC, RES_FILE, RES_EVENTS };

struct header {
    struct slice name, value;
};

#define RESPONSE_HEADERS 24
struct web_response {
    struct exchange *x;
    enum response_kind kind;
    unsigned code;
    const char *type;
    struct buf body;
    struct html html;
    struct slice fixed; /* RES_STATIC */
    int fd;             /* RES_FILE */
    uint64_t size;
    int64_t incident, since, newest; /* RES_EVENTS: event ids that the page has, that there are */
    struct {
        const char *name, *value; /* in the arena or constant */
    } headers[RESPONSE_HEADERS];
    size_t header_count;
    struct { /* what web_problem_about said */
        unsigned code;
        const char *type;
        json_t *members;
    } problem;
};

enum exchange_phase {
    X_NEW,    /* headers are read */
    X_WORK,   /* suspended; a worker has it */
    X_BODY,   /* the body comes in and is parsed */
    X_STREAM, /* the body comes in while the handler runs */
    X_READY,  /* the answer can be sent */
    X_SENT,
};

struct exchange {
    struct web_request req;
    struct web_response res;
    struct web *web;
    struct MHD_Connection *conn;
    struct client *client;
    struct exchange *next; /* in the workers' queue */
    struct arena arena;
    char *uri; /* as the client wrote it */
    const char *method;
    bool head;
    struct header *headers;
    size_t header_count;
    struct slice content_type;
    bool has_body, chunked, body_read, secure;
    uint64_t content_length, received;
    struct form_field *query;
    size_t query_count;
    struct form form;
    bool is_form;
    struct web_file files[LIMIT_FORM_FILES];
    size_t file_count;
    struct buf raw; /* a JSON body */
    json_t *json;
    enum exchange_phase phase;
    bool admitted; /* who may, from where: checked */
    bool want_body;
    bool csrf_ok; /* by header, or not needed */
    bool bearer;
    bool once;                  /* the password has to be changed first */
    char token_hash[TOKEN_HEX]; /* of the session or the person's token; "" for none */
    char flash[512];            /* a note for this page */
    struct err fault;           /* of the body, kept until it can be said */
    int64_t started_ms;         /* monotonic */
    /* under lock */
    pthread_mutex_t lock;
    pthread_cond_t news;
    unsigned refs;
    bool suspended, gone, worker_done, body_end;
    struct buf piece, taken;
};

/* server.c */
bool web_is_proxy(const struct web *w, const char *address);
bool web_host_allowed(const struct web *w, struct slice host_header);

/* exchange.c */
struct exchange *exchange_new(struct web *w, const char *uri);
void exchange_unref(struct exchange *x);
/* Reads the request's head. OK: a route was found and may be tried; else the answer is there. */
enum status exchange_collect(struct exchange *x, const char *method, const char *version);
struct slice exchange_header(const struct exchange *x, const char *name);
enum status exchange_body(struct exchange *x, struct slice bytes, struct err *e) MUST_USE;
/* ST_LIMIT with the most that is taken. */
enum status body_too_large(struct err *e, size_t limit);
enum status exchange_body_end(struct exchange *x, struct err *e) MUST_USE;

/* response.c */
void response_init(struct exchange *x);
void response_done(struct web_response *res);
/* Drops what a handler wrote, keeps cookies. */
void response_reset(struct web_response *res);
enum MHD_Result response_queue(struct exchange *x);
/* A problem (RFC 9457) of this type; members of its own are borrowed. */
enum status response_problem(struct web_response *res, unsigned code, const char *type,
                             const char *title, const char *detail, json_t *members) MUST_USE;
void response_cookie(struct web_response *res, const char *name, const char *value, int64_t max_age,
                     bool http_only);
/* error.c: answers with this status; e may be NULL, its sentence is shown when it is for people. */
void answer_error(struct exchange *x, unsigned code, const struct err *e);
unsigned code_of_status(enum status s);
/* The status of a problem's type ("conflict" of "/problems/conflict"), and what it means, not yet
 * translated; 0: there is no such type. */
unsigned problem_code(struct slice type, const char **ret_title, const char **ret_text);
/* pages_error.c: the page around it; falls back to plain text when even that fails. */
void error_page(struct web_request *r, struct web_response *res, unsigned code, const char *title,
                const char *detail);

/* work.c */
void work_run(struct exchange *x);
/* Behind a body that took its time: ST_DENIED when who sends it has logged out since, was disabled,
 * or has another role. Handlers that take the body in pieces ask it themselves. */
enum status admit_again(struct exchange *x, struct db *db, struct err *e) MUST_USE;

/* session.c */
enum status session_find(struct exchange *x, struct db *db, struct err *e) MUST_USE;
/* The person or host of a bearer token; ST_DENIED: it is not in use. */
enum status bearer_find(struct exchange *x, struct db *db, struct slice token,
                        struct err *e) MUST_USE;
/* A cookie of ours: __Host- before the name where the connection is encrypted. */
const char *cookie_name(const struct exchange *x, const char *name);
bool request_cookie(const struct exchange *x, const char *name, struct slice *ret);
/* The token of a visitor without a session: its cookie is set when it has none. */
void visitor_csrf(struct exchange *x);

/* live.c */
struct live;
enum status live_open(struct live **ret, struct err *e) MUST_USE;
void live_close(struct live *l);
/* No further events; all streams end. */
void live_stop(struct live *l);
/* One look: what is new in the record, whose session ended. */
void live_look(struct live *l, struct db *db, bool sessions);
/* ST_LIMIT: too many streams. */
enum status live_response(struct live *l, struct exchange *x, struct MHD_Response **ret) MUST_USE;

/* jobs.c */
struct jobs;
enum status jobs_open(struct web *w, struct jobs **ret, struct err *e) MUST_USE;
/* Tells the running ones to end, and waits for it. */
void jobs_close(struct jobs *j);

struct web {
    struct web_config config;
    struct db_pool *pool;
    struct MHD_Daemon *daemon;
    char url[300], listening[100];
    char host_name[256]; /* this machine's */
    char proxies[8][64];
    size_t proxy_count;
    struct slice public_host, public_port;
    struct clients clients;
    struct live *live;
    struct jobs *jobs;
    _Atomic bool has_account;
    _Atomic bool stopping;
    _Atomic unsigned logging_in; /* log-ins being checked: each takes 64 MiB or waits for it */
    _Atomic unsigned streaming;  /* workers that wait for a body */
    /* the workers' queue */
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct exchange *first, *last;
    size_t busy; /* exchanges queued or being worked on */
    bool quit;
    pthread_t *workers;
    size_t worker_count;
    pthread_t watcher;
    bool watching, watcher_quit, poked; /* under lock */
    pthread_cond_t tick;
    /* sessions seen since the last note of it */
    pthread_mutex_t seen_lock;
    char seen[256][TOKEN_HEX];
    size_t seen_count;
};

static inline struct exchange *exchange_of(const struct web_request *r)
{
    return r->private_;
}

void web_log(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
