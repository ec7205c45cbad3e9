/* Schemas: the one description of what the API takes and gives.
 *
 * A schema is a table of fields over a C struct: name, type, limits, offset, words for the reader.
 * From the same table a JSON body or a query string is read into the struct, an answer is written
 * from it, and the OpenAPI description is made; so none of them can differ from the others.
 *
 * Everything read is hostile. A value of another type, out of its limits, a field that the table
 * does not have and one that is missing are faults, each with its JSON pointer (RFC 6901) and a
 * sentence in the reader's language; reading goes on, so that one answer names them all (up to
 * API_FAULTS). What was read lives in the arena, or in the JSON value as long as that.
 */
#ifndef HIKESHI_BOARD_WEB_API_SCHEMA_H
#define HIKESHI_BOARD_WEB_API_SCHEMA_H

#include "base/arena.h"
#include "base/messages.h"

#include <jansson.h>

enum api_type {             /* in JSON                         in the struct */
                API_TEXT,   /* string                          struct slice */
                API_WORD,   /* string, one of `words`          struct slice */
                API_INT,    /* integer                         int64_t */
                API_ID,     /* positive integer                int64_t; null is 0 */
                API_BOOL,   /* boolean                         bool */
                API_FLAG,   /* boolean                         int64_t 0, 1 */
                API_KNOWN,  /* boolean; null: not known        int64_t 0 not known, 1 yes, 2 no */
                API_TIME,   /* RFC 3339 string; null           int64_t ms; 0: none */
                API_LINES,  /* array of strings                struct slice, one a line */
                API_BITS,   /* array of `words`                int64_t, bit i: words[i] */
                API_IDS,    /* array of positive integers      struct api_ids */
                API_LIST,   /* array of objects `of`           struct api_list */
                API_OBJECT, /* object `of`; null               const void *, NULL */
                API_JSON,   /* as the schema text `raw` says   json_t *, borrowed (only written) */
                API_JSON_TEXT, /* as the schema text `raw` says   struct slice of JSON (only
                                  written) */
};

#define API_NEED 1u /* has to be there */
#define API_NULL                                                                    \
    2u /* null may be given, and is the same as nothing; nothing is written as null \
        */

struct api_schema;

struct api_field {
    const char *name;
    enum api_type type;
    unsigned flags;
    size_t at;        /* offset of the member */
    int64_t min, max; /* INT: the value; TEXT, LINES: bytes; lists: items. max 0: a default */
    const char *const *words; /* WORD, BITS: ends with NULL; "" is a word like others */
    const struct api_schema *of;
    const char *raw;  /* JSON, JSON_TEXT: its JSON Schema */
    const char *says; /* one line of English for the description */
};

struct api_schema {
    const char *name;               /* "Asset", in the description's components */
    size_t size;                    /* of the struct */
    const struct api_field *fields; /* ends with a NULL name; 64 at most */
    const char *says;
};

/* A row of a table of fields: F(struct incident_view, title, "title", API_TEXT, .says = "…"). */
#define API_ROW(strct, member, label, kind, ...)                                    \
    {                                                                               \
        .name = (label), .type = (kind), .at = offsetof(strct, member), __VA_ARGS__ \
    }

struct api_ids {
    int64_t *v;
    size_t count;
};
struct api_list {
    const void *v; /* structs of the schema `of`, one behind the other */
    size_t count;
};

/* How many bytes a text has at most when its field does not say: one line of a form. */
#define API_TEXT_MAX 1000
#define API_ITEMS_MAX 10000

/* --- faults */

#define API_FAULTS 20

struct api_fault {
    const char *at;     /* "/hosts/3", or the parameter's name */
    bool parameter;     /* of the query, not of the body */
    const char *detail; /* in the reader's language */
};
struct api_faults {
    struct arena *a;
    enum lang lang;
    bool parameters; /* what is read now is the query */
    size_t count;    /* kept: up to API_FAULTS */
    bool more;
    struct api_fault list[API_FAULTS];
};

/* Notes a fault; format is translated. */
void api_fault_add(struct api_faults *f, const char *at, const char *format, ...) PRINTF_LIKE(3, 4);

/* --- reading: bit i of *ret_given says that field i was there. The struct has to be zeroed.
 * ST_INVALID when there are faults; ST_NOMEM. */

enum status api_read_json(const struct api_schema *s, const json_t *object, void *to,
                          uint64_t *ret_given, struct api_faults *f) MUST_USE;

/* One value of a query string or form. */
struct api_pair {
    struct slice name, value;
};
/* Lists may be given several times or with commas between; an empty value is the same as none. */
enum status api_read_pairs(const struct api_schema *s, const struct api_pair *pairs, size_t count,
                           void *to, uint64_t *ret_given, struct api_faults *f) MUST_USE;

/* --- writing and describing; NULL when memory runs out */

json_t *api_write(const struct api_schema *s, const void *from);

/* The schema as JSON Schema (2020-12, as OpenAPI 3.1 has it): what a body may be, or (answer) what
 * is given: all fields there. Nested schemas are references to #/components/schemas. */
json_t *api_describe(const struct api_schema *s, bool answer);
/* One field's own schema. */
json_t *api_describe_field(const struct api_field *f, bool answer);

#endif
