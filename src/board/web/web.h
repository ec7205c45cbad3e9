/* Requests, responses and routes: what a page or an API handler sees of HTTP.
 *
 * A route is one table row: method, pattern, roles, body limit, flags, handler. Nothing is
 * reachable that is not in the table, and the server enforces all of it before the handler runs:
 * the role, the CSRF token of every form, the origin, the size, the type. A handler that changes
 * something runs inside a write transaction that is committed when it returns OK and rolled back
 * otherwise; one that reads runs in a read transaction that sees one moment.
 *
 * Everything a handler gets lives in the request's arena until the response is sent. A handler runs
 * on a worker thread, one request at a time; nothing else may keep a pointer. All of the request is
 * hostile: slices are raw bytes unless said otherwise; web_text gives checked UTF-8.
 *
 * A handler that fails returns a status and fills err: ST_NOT_FOUND 404, ST_DENIED 403, ST_CONFLICT
 * 409, ST_INVALID and ST_MALFORMED 422, ST_LIMIT 413, ST_UNSUPPORTED 415, ST_NOMEM 503, ST_IO 500
 * (logged with an id; the page shows the id, not the text). Pages answer with an error page in the
 * reader's language, the API with RFC 9457 problem details.
 */
#ifndef HIKESHI_BOARD_WEB_H
#define HIKESHI_BOARD_WEB_H

#include "base/arena.h"
#include "board/log/log.h"

#include <jansson.h>

struct html; /* html.h */
struct web;  /* the board as one process serves it: pool, profile cache, jobs, live */

enum web_method { WEB_GET = 1, WEB_POST = 2, WEB_PUT = 4, WEB_PATCH = 8, WEB_DELETE = 16 };

#define WEB_PARAMS 4

struct web_file {      /* a file of a multipart form, spooled to an unlinked temporary file */
    struct slice name; /* as the browser names it; a label, never a path */
    struct slice field;
    uint64_t size;
    int fd; /* read from offset 0; closed with the request */
};

struct web_request {
    struct web *web;
    struct db *db;
    struct arena *arena;
    const struct web_route *route;
    enum web_method method;
    struct slice path;
    /* The pattern's parts that vary, by their place among them: of "/x/:n/y/:w" id[0] and word[1].
     * A ":n" is a positive number; a ":w" is percent-decoded, checked UTF-8. */
    int64_t id[WEB_PARAMS];
    struct slice word[WEB_PARAMS];
    enum lang lang;
    const char *theme;  /* "", "light", "dark" */
    struct actor actor; /* role ROLE_NONE: nobody */
    const char *csrf;   /* for the forms of this page; "" for nobody */
    const char *from;   /* the client's address, as text */
    int64_t now_ms;
    bool partial;       /* htmx asks for a piece: answer without the frame */
    const char *nonce_; /* server's own */
    void *private_;     /* server's own */
};

/* Values of the query string and of the form; the empty slice when absent. Checked UTF-8 without
 * control characters but newline and tab (a value that is not is ST_INVALID before the handler). */
struct slice web_query(const struct web_request *r, const char *name);
struct slice web_field(const struct web_request *r, const char *name);
/* The i-th value of a name given several times; false when there is none. */
bool web_query_at(const struct web_request *r, const char *name, size_t i, struct slice *ret);
bool web_field_at(const struct web_request *r, const char *name, size_t i, struct slice *ret);
/* As NUL-terminated text in the arena; "" when absent. */
const char *web_field_text(struct web_request *r, const char *name);
const char *web_query_text(struct web_request *r, const char *name);
/* A number, or the default when absent; anything else is ST_INVALID naming the field. */
enum status web_field_int(struct web_request *r, const char *name, int64_t absent, int64_t *ret,
                          struct err *e) MUST_USE;
enum status web_query_int(struct web_request *r, const char *name, int64_t absent, int64_t *ret,
                          struct err *e) MUST_USE;
/* The note that web_flash left for this page, or ""; shown once. */
const char *web_flash_text(const struct web_request *r);
/* The file of a form field, or NULL when none was chosen. */
const struct web_file *web_file_of(const struct web_request *r, const char *name);
struct slice web_header(const struct web_request *r, const char *name);
/* The body of an API request as a JSON object: checked, duplicate keys refused; borrowed. */
enum status web_json_body(struct web_request *r, const json_t **ret, struct err *e) MUST_USE;
/* A body that is taken in pieces (ROUTE_STREAM): the next piece, or ST_END. */
enum status web_body_next(struct web_request *r, struct slice *ret, struct err *e) MUST_USE;

struct web_response;

/* A page: html to write into; its buffer is bounded by LIMIT_PAGE_BYTES. */
struct html *web_html(struct web_response *res);
void web_status(struct web_response *res, unsigned code); /* default 200 */
void web_set_header(struct web_response *res, const char *name, const char *value);
/* 303 to a path of this board; with htmx HX-Redirect/HX-Location as fits. */
enum status web_redirect(struct web_response *res, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A note that the next page shows once (in a signed cookie): "12 rows were changed". */
void web_flash(struct web_response *res, const char *text);
/* Takes the value (also on failure). */
enum status web_json(struct web_response *res, unsigned code, json_t *value) MUST_USE;
/* What is said when the handler of an API route fails, beside the error's sentence: another code
 * than the status's own (0: that), the problem's type (the last part of "/problems/…"; NULL: that
 * of the code), and members of its own, which are taken; NULL: none. The last call counts. */
void web_problem_about(struct web_response *res, unsigned code, const char *type, json_t *members);
/* Bytes that live as long as the program (assets); the handler sets Cache-Control and ETag. */
enum status web_send_bytes(struct web_response *res, const char *type, struct slice bytes) MUST_USE;
/* Sends the open file and closes it (also on failure); name is the download's file name (UTF-8). */
enum status web_send_file(struct web_response *res, int fd, const char *type,
                          const char *name) MUST_USE;
/* Turns the response into a stream of server-sent events of the incident: "changed" with the newest
 * event id whenever the record grew, and a comment every 20 s. */
enum status web_send_events(struct web_response *res, int64_t incident) MUST_USE;

typedef enum status (*web_handler)(struct web_request *r, struct web_response *res, struct err *e);

enum route_flag {
    ROUTE_PAGE = 0,        /* session cookie; forms carry the CSRF token */
    ROUTE_API = 1 << 0,    /* session cookie with X-CSRF-Token, or a token; JSON; problems */
    ROUTE_HOST = 1 << 1,   /* a host's bearer token is accepted too */
    ROUTE_OWN_TX = 1 << 2, /* the handler begins and commits itself */
    ROUTE_STREAM = 1 << 3, /* web_body_next instead of a whole body */
    ROUTE_NO_DB = 1 << 4,  /* needs no database at all: assets */
    ROUTE_SETUP = 1 << 5,  /* reachable while there is no account, and only then */
    ROUTE_ONCE = 1 << 6,   /* open to who has yet to change a password that was given to them */
    ROUTE_FILES = 1 << 7,  /* API: a form with files is taken as well, up to the body limit */
};

struct web_route {
    enum web_method method;
    const char *pattern; /* "/incidents/:n/ledger" */
    unsigned roles;      /* set of enum role; 0: everybody, also nobody */
    size_t body_limit;   /* bytes; 0: no body */
    unsigned flags;
    web_handler handler;
    const char *summary; /* one line of English: what it does; the API's description uses it */
};

#define ROLES_READ (ROLE_ADMIN | ROLE_RESPONDER | ROLE_OWNER | ROLE_READER)
#define ROLES_EDIT (ROLE_ADMIN | ROLE_RESPONDER)
#define ROLES_ANYBODY 0u

/* Each module of pages or API offers an array that ends with a NULL pattern; routes.c names them.
 */
extern const struct web_route *const web_routes[];

/* What handlers share of the process. */
struct db_pool *web_pool(struct web *w);
/* Wakes the event streams sooner than the watcher would. */
void web_poke(struct web *w);

#endif
