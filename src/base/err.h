/* Status and error, as every function that can fail gives them.
 *
 * A function returns an enum status; OK is 0. Results go to ret_… parameters, which stay untouched
 * on failure. `struct err` is filled once, where the fault is found, with the place and what to do;
 * callers put context before it (err_prefix), they do not replace it. A NULL err is allowed and
 * means that the caller wants the status only.
 *
 * A format that a person other than a programmer may come to read is marked N_("…") and translated
 * (base/messages.h): messages_add_err tells the same error in their language. Formats must be
 * string constants, or live as long as the error.
 */
#ifndef HIKESHI_BASE_ERR_H
#define HIKESHI_BASE_ERR_H

#include "base/banned.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

enum status {
    OK = 0,
    ST_END,         /* a sequence has no further item; not an error */
    ST_MALFORMED,   /* the input breaks its own format */
    ST_LIMIT,       /* a named limit (base/limits.h) was met: not fully examined */
    ST_UNSUPPORTED, /* well formed, but of a kind we do not read: not fully examined */
    ST_NOMEM,       /* the system refused memory */
    ST_IO,          /* the system refused or failed to read or write; errno text is in msg */
    ST_NOT_FOUND,   /* what was named does not exist */
    ST_DENIED,      /* this person or role may not do this */
    ST_CONFLICT,    /* somebody else changed it first; nothing was written */
    ST_INVALID,     /* what the caller or a person gave cannot be accepted; msg says why */
};

struct err {
    enum status code;
    uint64_t offset; /* where in the input, in bytes, if that means something; else 0 */
    char msg[400];   /* one sentence in English, UTF-8, no newline, never untrusted control bytes */
    /* What msg was made from, so that messages_add_err can say it in another language: formats,
     * innermost first, and what they were filled with. No parts: msg is all there is. */
    uint16_t part_count, args_used;
    struct err_part {
        const char *format; /* NULL: the argument is the text */
        uint16_t args;      /* offset of its first argument in args */
    } part[6];
    char args[512]; /* each with a NUL behind it */
};

/* Fills e (if not NULL) and returns code, so that `return err_set(e, ST_LIMIT, …)` is the idiom.
 * Untrusted text in args is made harmless: control bytes become '?'. */
enum status err_set(struct err *e, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with the byte offset at which the input went wrong. */
enum status err_set_at(struct err *e, enum status code, uint64_t offset, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* As err_set with a whole sentence, a constant from a table marked N_(); a % in it means itself. */
enum status err_set_text(struct err *e, enum status code, const char *text);

/* As err_set, with ": " and the text of errno at the end. */
enum status err_set_errno(struct err *e, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts context before the message that is there ("file.xlsx, sheet 2: …"). */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends e's sentence to out (of `size` bytes, always terminated), each of its formats replaced by
 * what `translate` makes of it; a translation takes the arguments in their order or as %2$s.
 * Returns the length, or 0 when it does not fit or was not kept in parts: msg is then the text. */
size_t err_retell(const struct err *e, const char *(*translate)(void *ctx, const char *format),
                  void *ctx, char *out, size_t size);

/* A short stable word for a status ("malformed", "limit", …), for JSON and tests. */
const char *status_name(enum status s);

#endif
