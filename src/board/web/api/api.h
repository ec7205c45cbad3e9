/* The JSON API under /api/v1: what its handlers share.
 *
 * Each file here is one group of routes: their rows (web.h), and for each an operation: the schemas
 * of its query, body and answer. A handler reads and writes through api_query, api_body and
 * api_reply, which look the operation up by the route, so that what is described is what is done;
 * routes.c of tests walks both tables. Errors are problems (RFC 9457): a handler returns a status,
 * and may say more with web_problem_about before.
 */
#ifndef HIKESHI_BOARD_WEB_API_H
#define HIKESHI_BOARD_WEB_API_H

#include "board/web/api/schema.h"
#include "board/web/web.h"

#define API "/api/v1"
#define API_PAGE_MAX 200
#define API_PAGE 50 /* when `limit` is not given */

enum api_op_flag {
    API_FORM = 1u << 0,     /* the body may be a form with a file as well */
    API_CONFLICT = 1u << 1, /* 409: somebody else changed it first */
    API_MATCH = 1u << 2,    /* If-Match or row_version: 412, 428 */
    API_STREAM = 1u << 3,   /* the body is no JSON: body_type */
    API_ETAG = 1u << 4,     /* the answer has an ETag */
    API_PLACE = 1u << 5,    /* 201 with Location */
    API_LANGUAGE = 1u << 6, /* sentences in the reader's language: Accept-Language */
    API_AGAIN = 1u << 7,    /* 200 with the same answer where it was done before */
};

struct api_op {
    web_handler handler; /* of its route: each has its own */
    const char *id;      /* "listAssets" */
    const char *tag;
    const char *params[WEB_PARAMS]; /* names of the pattern's parts */
    const struct api_schema *query, *body, *answer;
    unsigned code; /* when it went well: 200, 201, 202, 204 */
    unsigned flags;
    const char *body_type, *answer_type; /* where they are no JSON */
    const char *says;                    /* more than the route's summary, or NULL */
};

#define API_OP(fn, name, group, ...)                               \
    {                                                              \
        .handler = (fn), .id = (name), .tag = (group), __VA_ARGS__ \
    }

/* Each ends with a NULL handler; operations.c names them. */
extern const struct api_op *const api_ops[];
const struct api_op *api_op_of(const struct web_route *route); /* NULL: none */

/* Read by the operation's schema into the zeroed struct; ret_given may be NULL. Faults become the
 * problem's `errors`, and ST_INVALID is returned. */
enum status api_query(struct web_request *r, struct web_response *res, void *to,
                      uint64_t *ret_given, struct err *e) MUST_USE;
enum status api_body(struct web_request *r, struct web_response *res, void *to, uint64_t *ret_given,
                     struct err *e) MUST_USE;
/* A single fault, found later: ST_INVALID with one `errors` item at "/field" or parameter. The
 * sentence is what e says, or the format's. */
enum status api_fault_at(struct web_request *r, struct web_response *res, const char *at,
                         struct err *e) MUST_USE;

/* Answers with the operation's code and schema. */
enum status api_reply(struct web_request *r, struct web_response *res, const void *from,
                      struct err *e) MUST_USE;
enum status api_reply_code(struct web_request *r, struct web_response *res, unsigned code,
                           const void *from, struct err *e) MUST_USE;
/* Location: of what was made. */
void api_place(struct web_request *r, struct web_response *res, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
enum status api_no_content(struct web_response *res) MUST_USE;

/* ST_NOT_FOUND when there is no such incident. */
enum status api_incident(struct web_request *r, int64_t incident, struct err *e) MUST_USE;
/* ST_NOT_FOUND when the row is not there, or not the owner's own; *ret_incident its incident. */
enum status api_asset(struct web_request *r, int64_t asset, int64_t *ret_incident,
                      struct err *e) MUST_USE;

/* "no memory" */
enum status api_nomem(struct err *e) MUST_USE;

/* As NUL-terminated text in the request's arena; NULL when memory runs out. */
const char *api_text(struct web_request *r, struct slice s);
/* Copies of a row's texts; on failure e is filled. */
enum status api_keep(struct web_request *r, const char *text, struct slice *ret,
                     struct err *e) MUST_USE;

/* --- paging */

struct api_page { /* what a list's answer is written from */
    struct api_list items;
    struct slice next;
    int64_t total;
};
#define API_PAGE_FIELDS(schema)                                                                   \
    {.name = "items", .type = API_LIST, .at = offsetof(struct api_page, items), .of = &(schema)}, \
    {                                                                                             \
        .name = "next", .type = API_TEXT, .flags = API_NULL,                                      \
        .at = offsetof(struct api_page, next),                                                    \
        .says = "the cursor of the next page; null: this is the last"                             \
    }
#define API_PAGE_SCHEMA(variable, title, schema)                                                  \
    static const struct api_field variable##_fields[] = {API_PAGE_FIELDS(schema), {0}};           \
    static const struct api_schema variable = {title, sizeof(struct api_page), variable##_fields, \
                                               NULL}

struct api_paging { /* the part of a query that pages */
    int64_t limit;
    struct slice cursor;
};
/* The name of a member cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define API_PAGING_FIELDS(strct, member)                                                       \
    {.name = "limit",                                                                          \
     .type = API_INT,                                                                          \
     .at = offsetof(strct, member.limit),                                                      \
     .min = 1,                                                                                 \
     .max = API_PAGE_MAX,                                                                      \
     .says = "items of a page (50)"},                                                          \
    {                                                                                          \
        .name = "cursor", .type = API_TEXT, .at = offsetof(strct, member.cursor), .max = 4000, \
        .says = "`next` of the page before"                                                    \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
extern const struct api_schema api_paging_query; /* just that */
size_t api_limit(const struct api_paging *p);

/* A place in a list: what the last item has in the columns of the order. It is no secret and needs
 * no signature: whoever makes one up sees what they may see anyway. */
struct api_mark {
    bool text;
    int64_t i;
    struct slice s;
};
/* The cursor of a place; kind names list and order. NULL when memory runs out. */
const char *api_cursor(struct web_request *r, const char *kind, const struct api_mark *v,
                       size_t count);
/* Reads one of the same kind and types into v; ST_INVALID with the parameter named. An empty cursor
 * leaves v as it is. */
enum status api_cursor_take(struct web_request *r, struct web_response *res, struct slice cursor,
                            const char *kind, struct api_mark *v, size_t count,
                            struct err *e) MUST_USE;
/* Both for lists in the order of an id. */
enum status api_cursor_id(struct web_request *r, struct web_response *res,
                          const struct api_paging *p, const char *kind, int64_t *id,
                          struct err *e) MUST_USE;
/* Ends a page that was read with one item more than the limit: cuts it, sets next. */
enum status api_page_end(struct web_request *r, struct api_page *page, size_t limit,
                         const char *kind, int64_t last_id, struct err *e) MUST_USE;

extern const struct api_schema api_nothing; /* a body without fields */

#endif
