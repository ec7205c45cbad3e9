/* Forms as browsers send them, read piece by piece: application/x-www-form-urlencoded (WHATWG URL,
 * section 5.1) and multipart/form-data (RFC 7578, with the escapes of the WHATWG HTML standard).
 *
 * All bytes are hostile. Memory is bounded: texts lie in the caller's arena and their number and
 * size are limited; the content of files goes to the caller's sink as it comes and is never held.
 * Work is linear in the input, however it is cut into pieces. A form is one thread's at a time.
 */
#ifndef HIKESHI_BOARD_WEB_FORM_H
#define HIKESHI_BOARD_WEB_FORM_H

#include "base/arena.h"
#include "base/buf.h"

struct form_field {
    struct slice name;
    struct slice value; /* checked UTF-8, CRLF made LF, no other control characters but tab */
};

/* Where the content of files goes. */
struct form_sink {
    void *ctx;
    /* A file begins: name is a label without any folder, never empty. */
    enum status (*begin)(void *ctx, struct slice field, struct slice name, struct err *e);
    enum status (*write)(void *ctx, struct slice bytes, struct err *e);
    enum status (*end)(void *ctx, struct err *e);
};

struct form {
    struct form_field *fields; /* in the order of the body */
    size_t count;
    /* private from here */
    struct arena *arena;
    struct form_sink sink;
    size_t room;
    size_t text; /* bytes of values so far */
    size_t files;
    enum form_state {
        FORM_NAME, /* urlencoded: before = and after it */
        FORM_VALUE,
        FORM_PREAMBLE, /* multipart */
        FORM_DELIMITED,
        FORM_HEADERS,
        FORM_BODY,
        FORM_EPILOGUE,
    } state;
    uint8_t delimiter[76]; /* CRLF "--" boundary (at most 70 bytes, RFC 2046 section 5.1.1) */
    size_t delimiter_n;
    struct buf hold; /* what cannot be judged yet; urlencoded: the raw name or value */
    struct buf value;
    struct slice name; /* of the field being read */
    size_t header_bytes;
    bool skip, named, is_file; /* of the part being read */
    struct slice file_name;
};

/* Begins a form of this Content-Type; ST_UNSUPPORTED when it is no form. sink may be NULL where no
 * files are taken: one is then ST_INVALID. The form must be ended with form_done. */
enum status form_begin(struct form *f, struct arena *arena, struct slice content_type,
                       const struct form_sink *sink, struct err *e) MUST_USE;
enum status form_feed(struct form *f, struct slice bytes, struct err *e) MUST_USE;
/* The body is over; what is not whole is ST_MALFORMED. */
enum status form_end(struct form *f, struct err *e) MUST_USE;
void form_done(struct form *f); /* accepts a zeroed struct; fields stay, in the arena */

/* The i-th value of a name; false: there is none. */
bool form_value(const struct form_field *fields, size_t count, const char *name, size_t i,
                struct slice *ret);

/* "a=1&b=2" as a query string gives it; *ret in the arena. */
enum status form_parse_query(struct arena *arena, struct slice query, struct form_field **ret,
                             size_t *ret_count, struct err *e) MUST_USE;

/* Percent-decoding of one path segment: checked UTF-8 without control characters or '/'. */
enum status form_decode_segment(struct arena *arena, struct slice raw, struct slice *ret) MUST_USE;

#endif
