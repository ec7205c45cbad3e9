/* Requests of HTTP/1.x as text (RFC 9112), for `hikeshi guard try`: what a person wrote or
 * recorded.
 *
 * Strict where two readers could differ, because what is tried here must be what a server would
 * see: no folded lines, no blanks before a colon, one length or one coding. A line may end with a
 * lone LF, as an editor writes it. All of a request lies in memory and its slices stay in the
 * input, but for the body of a chunked one. Input is hostile; nothing is kept between calls.
 */
#ifndef HIKESHI_GUARD_HTTP_H
#define HIKESHI_GUARD_HTTP_H

#include "base/buf.h"
#include "base/limits.h"

struct http_field {
    struct slice name, value;
};

struct http_request {
    struct slice method, path, query; /* as sent; the query without its ? */
    struct slice host;                /* of the target, else of the field; empty in HTTP/1.0 */
    struct http_field fields[LIMIT_GUARD_HTTP_FIELDS];
    size_t field_count; /* with those behind a chunked body */
    /* several fields of a name are one list (RFC 9110, section 5.3) */
    struct slice content_type, content_encoding;
    struct buf types, encodings; /* where there are several; http_request_done frees them */
    bool has_body;
    struct buf body; /* and this */
};

/* Takes the next request off *rest, of which `whole` is the beginning. ST_END: nothing is left.
 * ST_MALFORMED, ST_LIMIT, ST_UNSUPPORTED: e->offset, and e->msg begins "byte N: ". ret is filled
 * as far as the request could be read. */
enum status http_request_next(struct slice whole, struct slice *rest, struct http_request *ret,
                              struct err *e) MUST_USE;
void http_request_done(struct http_request *q); /* accepts a zeroed struct */

/* Appends the path as a server compares it: decoded, without //, /./ and /../. */
enum status http_path_normal(struct slice path, struct buf *out);

#endif
