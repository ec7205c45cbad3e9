/* What is known of a line of a log besides its text: when, who, and where in it something stands.
 *
 * One row per format in format.c; a format is asked with a line and answers whether the line is
 * its. Unknown lines are searched all the same, only without time and client. Lines are hostile:
 * what is said here is what the line says, and everything in facts is a part of the line.
 */
#ifndef HIKESHI_HUNT_FORMAT_H
#define HIKESHI_HUNT_FORMAT_H

#include "base/slice.h"

#define FORMAT_FIELDS 48 /* parts of a line that have a name; more are not named */

struct line_field {
    struct slice name, value;
};

struct line_facts {
    const char *format; /* "combined", "json", …; NULL: unknown */
    bool has_time;
    int64_t time_ms;
    struct slice client; /* an address, perhaps a name; empty: not known */
    size_t field_count;
    struct line_field fields[FORMAT_FIELDS];
};

/* What a line alone does not say. */
struct format_context {
    int64_t newest_ms;   /* when the log was last written: formats without a year end there */
    struct slice header; /* the columns of a W3C log, as its #Fields: line gives them, or empty */
    struct slice date;   /* of its #Date: line, for logs without that column; or empty */
};

struct line_format {
    const char *name;
    bool (*parse)(struct slice line, const struct format_context *c, struct line_facts *f);
};

extern const struct line_format format_combined, format_json, format_syslog, format_w3c,
    format_java, format_error, format_alb, format_haproxy;

/* Fills *f. *hint is the format that the line before had (begin with 0): it is asked first. */
void format_parse(struct slice line, const struct format_context *c, size_t *hint,
                  struct line_facts *f);

/* Parses one format by name, for tests and fuzzing; false when it is not that format. */
bool format_parse_as(const char *name, struct slice line, const struct format_context *c,
                     struct line_facts *f);

/* The first #Fields: line in the head of a file, without its name, which *ret_date is of the #Date:
 * line before it; empty where there is none. */
struct slice format_header(struct slice head, struct slice *ret_date);
/* Whether the text begins with a #Fields: or #Date: line that is whole. */
bool format_begins_header(struct slice text);
/* Where the next whole line behind `from` begins that is a #Fields: or #Date: line; block.n: none.
 * A server writes them anew when it starts again or logs other columns. */
size_t format_next_header(struct slice block, size_t from);

#endif
