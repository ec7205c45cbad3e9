/* The parts of a request, as rules and events name them: "uri", "arg:q", "header:user-agent",
 * "cookie:sid", "form:name", "file:upload", "json:/a/0/b", "xml:order/note", "body". */
#ifndef HIKESHI_GUARD_FIELD_H
#define HIKESHI_GUARD_FIELD_H

#include "base/buf.h"

enum guard_part {
    GUARD_METHOD,
    GUARD_URI,    /* the path as it was sent */
    GUARD_ARG,    /* of the query; name decoded */
    GUARD_HEADER, /* name in lower case */
    GUARD_COOKIE,
    GUARD_FORM, /* urlencoded, or a part of multipart/form-data; name decoded */
    GUARD_FILE, /* the file name of such a part, or its content: by the part's name */
    GUARD_JSON, /* RFC 6901 pointer */
    GUARD_XML,  /* names of the elements down to it, "@name" for an attribute */
    GUARD_BODY, /* what is none of these */
};

struct guard_field {
    enum guard_part part;
    struct slice name; /* empty for method, uri, body */
    bool in_name;      /* found in the name, not in the value */
};

/* Appends "arg:q"; control bytes are escaped and long names cut at LIMIT_GUARD_FIELD_NAME. */
enum status guard_field_write(const struct guard_field *f, struct buf *out);
/* A rule's field: "arg:q", "arg:*", "header:x-*"; * stands for any rest. ST_INVALID with a reason.
 */
enum status guard_field_parse(struct slice text, struct guard_field *ret, bool *ret_any_rest,
                              struct err *e) MUST_USE;

#endif
