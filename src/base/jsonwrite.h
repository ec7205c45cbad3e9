/* Writes JSON (RFC 8259) into a buffer, one value after the other, on one line.
 *
 * Commas are put in by the writer. Strings must not be trusted: bytes that are not UTF-8 are
 * written as U+FFFD, and what a terminal would act upon as \uXXXX: control characters, C1 and those
 * that turn the direction of a text included.
 * Errors stick to the buffer; look at buf_status at the end. No function has a name of jansson's,
 * which the board is linked with: two functions of one name make the linker take either.
 */
#ifndef HIKESHI_BASE_JSONWRITE_H
#define HIKESHI_BASE_JSONWRITE_H

#include "base/buf.h"

struct jsonw {
    struct buf *out;
    bool comma; /* a value stands before, so the next one needs a comma */
};

static inline struct jsonw jsonw_to(struct buf *out)
{
    return (struct jsonw){out, false};
}

void json_begin_object(struct jsonw *w);
void json_end_object(struct jsonw *w);
void json_begin_array(struct jsonw *w);
void json_end_array(struct jsonw *w);
void json_key(struct jsonw *w, const char *key); /* the value follows */
void json_text(struct jsonw *w, struct slice s);
void json_int(struct jsonw *w, int64_t v);
void json_uint(struct jsonw *w, uint64_t v);
void json_bool(struct jsonw *w, bool v);
void json_no_value(struct jsonw *w);

/* key and value in one call; a NULL text is written as null */
void json_put_str(struct jsonw *w, const char *key, const char *value);
void json_put_slice(struct jsonw *w, const char *key, struct slice value);
void json_put_int(struct jsonw *w, const char *key, int64_t value);
void json_put_bool(struct jsonw *w, const char *key, bool value);

#endif
