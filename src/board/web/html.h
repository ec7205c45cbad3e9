/* What templates write with. A template (src/board/web/pages/NAME.html, docs/templates.md) becomes
 * C that calls the macros here; they choose by the type of a value how it is escaped.
 *
 * All values are hostile unless their type says otherwise. Text is a struct slice. A char pointer
 * and a bool do not compile: the first hides its length and origin, the second has no words. Bytes
 * that are not UTF-8 and control characters become U+FFFD; bidirectional controls are shown by
 * number (U+202E), except where a form must give back what it was given.
 *
 * struct html belongs to one request and thread. Writing does not fail where it happens: the
 * buffer keeps its first failure, and the handler looks once, at the end (html_status).
 */
#ifndef HIKESHI_BOARD_WEB_HTML_H
#define HIKESHI_BOARD_WEB_HTML_H

#include "base/buf.h"
#include "base/messages.h"
#include "base/timefmt.h"

struct html {
    struct buf *out; /* the caller's, with its maximum */
    enum lang lang;  /* the reader's language */
    int64_t now_ms;  /* ages are counted from here, and a year is left out when it is this one */
};

static inline enum status html_status(const struct html *h)
{
    return buf_status(h->out);
}

/* HTML that is written as it is. Made by html_raw_of only, so that one can grep for it; whoever
 * calls that answers for the bytes. */
struct html_raw {
    struct slice s;
};

static inline struct html_raw html_raw_of(struct slice s)
{
    return (struct html_raw){s};
}

/* An address that may stand in href, src, action, hx-get …. */
struct html_url {
    struct slice s;
};

/* s when it is http:, https:, mailto: or an address within the site (/path, ?query, #place); else
 * "#". The slice is not copied. */
struct html_url html_url_of(struct slice s);

/* A moment, as a value in templates: with date and time, as a day, as a time of day, as an age. */
struct html_ms {
    enum html_ms_form { HTML_AT, HTML_DAY, HTML_CLOCK, HTML_SINCE } form;
    int64_t ms;
};

static inline struct html_ms html_at(int64_t ms) /* 12/15 18:20; Wed 15 Dec 18:20 */
{
    return (struct html_ms){HTML_AT, ms};
}

static inline struct html_ms html_day(int64_t ms) /* 12 月 15 日(水); Wed 15 Dec */
{
    return (struct html_ms){HTML_DAY, ms};
}

static inline struct html_ms html_clock(int64_t ms) /* 18:20 */
{
    return (struct html_ms){HTML_CLOCK, ms};
}

static inline struct html_ms html_since(int64_t ms) /* 3時間28分; 3 h 28 min; 2 days */
{
    return (struct html_ms){HTML_SINCE, ms};
}

/* A number for people, in groups of three: 1,397. A plain integer is written without groups. */
struct html_count {
    int64_t n;
};

static inline struct html_count html_count(int64_t n)
{
    return (struct html_count){n};
}

/* Where a value stands. */
enum html_mode {
    HTML_TEXT,  /* between tags */
    HTML_PLAIN, /* in an attribute, in title: no tags are possible */
    HTML_VALUE, /* in value="" and textarea: what comes back must be what was given */
};

/* A value with a name, for {{tr}}. */
struct html_arg {
    const char *name;
    enum html_arg_kind {
        HTML_ARG_SLICE,
        HTML_ARG_RAW,
        HTML_ARG_INT,
        HTML_ARG_UINT,
        HTML_ARG_COUNT,
        HTML_ARG_MS,
    } kind;
    union {
        struct slice slice;
        int64_t i;
        uint64_t u;
        struct html_ms ms;
    } as;
};

/* --- what generated code calls; handlers may as well */

/* Bytes of the template itself. */
void html_literal(struct html *h, const char *s, size_t n);

/* {{EXPR}} between tags; in attributes and title (no raw HTML); in value="" and textarea. */
#define html_put(h, x) html_write(h, HTML_TEXT, html_arg(NULL, x))
#define html_put_plain(h, x) html_write(h, HTML_PLAIN, html_plain_arg(NULL, x))
#define html_put_value(h, x) html_write(h, HTML_VALUE, html_plain_arg(NULL, x))
/* {{EXPR}} at the start of an address; later in it (percent-encoded); where the address has only
 * its first slash, and an empty text would make it lead elsewhere. */
#define html_put_url(h, x) html_write_url(h, _Generic((x), struct html_url : (x)))
#define html_put_url_part(h, x) html_write_url_part(h, html_url_arg(NULL, x))
#define html_put_url_number(h, x) html_write_url_part(h, html_number_arg(NULL, x))

/* Named values. What has no row here does not compile: char *, bool, double, other structs. */
#define html_arg(name, x) \
    _Generic((x), struct html_raw : html_arg_raw, HTML_FORMED_, HTML_NUMBERS_)(name, x)
#define html_plain_arg(name, x) _Generic((x), HTML_FORMED_, HTML_NUMBERS_)(name, x)
#define html_url_arg(name, x) _Generic((x), struct slice : html_arg_slice, HTML_NUMBERS_)(name, x)
#define html_number_arg(name, x) _Generic((x), HTML_NUMBERS_)(name, x)

/* clang-format off */
#define HTML_FORMED_                                                                               \
    struct slice: html_arg_slice, struct html_ms: html_arg_ms, struct html_count: html_arg_count
#define HTML_NUMBERS_                                                                              \
    signed char: html_arg_int, short: html_arg_int, int: html_arg_int, long: html_arg_int,         \
    long long: html_arg_int, unsigned char: html_arg_uint, unsigned short: html_arg_uint,          \
    unsigned int: html_arg_uint, unsigned long: html_arg_uint, unsigned long long: html_arg_uint
/* clang-format on */

static inline struct html_arg html_arg_slice(const char *name, struct slice s)
{
    return (struct html_arg){name, HTML_ARG_SLICE, {.slice = s}};
}

static inline struct html_arg html_arg_raw(const char *name, struct html_raw r)
{
    return (struct html_arg){name, HTML_ARG_RAW, {.slice = r.s}};
}

static inline struct html_arg html_arg_int(const char *name, int64_t i)
{
    return (struct html_arg){name, HTML_ARG_INT, {.i = i}};
}

static inline struct html_arg html_arg_uint(const char *name, uint64_t u)
{
    return (struct html_arg){name, HTML_ARG_UINT, {.u = u}};
}

static inline struct html_arg html_arg_ms(const char *name, struct html_ms ms)
{
    return (struct html_arg){name, HTML_ARG_MS, {.ms = ms}};
}

static inline struct html_arg html_arg_count(const char *name, struct html_count c)
{
    return (struct html_arg){name, HTML_ARG_COUNT, {.i = c.n}};
}

void html_write(struct html *h, enum html_mode mode, struct html_arg a);
void html_write_url(struct html *h, struct html_url u);
void html_write_url_part(struct html *h, struct html_arg a);
/* A moment by itself: <time datetime="…">…</time> in HTML_TEXT, else its words only. */
void html_write_ms(struct html *h, enum html_mode mode, struct html_ms ms);

/* {{tr}}: a translated text with the named values in place of {name}. */
void html_translate(struct html *h, enum html_mode mode, const char *text,
                    const struct html_arg *args, size_t arg_count);

/* {{trblock}}: the same where some of the {name} are pieces of template. html_next_part writes up
 * to the next of them and gives its index in parts, or -1 at the end. */
struct html_parts {
    const char *rest; /* of the translated text */
    const struct html_arg *args;
    size_t arg_count;
    const char *const *parts;
    size_t part_count;
};
int html_next_part(struct html *h, struct html_parts *p);

#endif
