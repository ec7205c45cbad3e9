/* Errors: filled once, where the fault is found. See err.h. */
#include "base/err.h"

#include <errno.h>

static void harmless(char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
    }
}

/* A message cut in the middle of a UTF-8 sequence would be invalid text; drop the torn tail. */
static void drop_torn_utf8(char *s, size_t n)
{
    size_t i = n;
    size_t back = 0;
    while (i > 0 && back < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80) {
        i--;
        back++;
    }
    if (i == 0 || (unsigned char)s[i - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)s[i - 1];
    size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (back < want)
        s[i - 1] = '\0';
}

PRINTF_LIKE(4, 0)
static enum status fill(struct err *e, enum status code, uint64_t offset, const char *fmt,
                        va_list ap)
{
    if (e) {
        e->code = code;
        e->offset = offset;
        int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
        if (n < 0)
            e->msg[0] = '\0';
        else if ((size_t)n >= sizeof e->msg)
            drop_torn_utf8(e->msg, sizeof e->msg - 1);
        harmless(e->msg);
    }
    return code;
}

enum status err_set(struct err *e, enum status code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

enum status err_set_at(struct err *e, enum status code, uint64_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, offset, fmt, ap);
    va_end(ap);
    return code;
}

enum status err_set_errno(struct err *e, enum status code, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, fmt, ap);
    va_end(ap);
    if (e) {
        char text[128];
        size_t n = strlen(e->msg);
        /* the GNU strerror_r: returns the text, which may or may not lie in our buffer */
        (void)snprintf(e->msg + n, sizeof e->msg - n, ": %s", strerror_r(saved, text, sizeof text));
    }
    return code;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    char old[sizeof e->msg];
    memcpy(old, e->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    if ((size_t)n < sizeof e->msg - 1) {
        size_t room = sizeof e->msg - (size_t)n;
        int m = snprintf(e->msg + n, room, ": %s", old);
        if (m < 0 || (size_t)m >= room)
            drop_torn_utf8(e->msg, sizeof e->msg - 1);
    } else {
        drop_torn_utf8(e->msg, sizeof e->msg - 1);
    }
    harmless(e->msg);
}

const char *status_name(enum status s)
{
    switch (s) {
    case OK:
        return "ok";
    case ST_END:
        return "end";
    case ST_MALFORMED:
        return "malformed";
    case ST_LIMIT:
        return "limit";
    case ST_UNSUPPORTED:
        return "unsupported";
    case ST_NOMEM:
        return "out_of_memory";
    case ST_IO:
        return "io";
    case ST_NOT_FOUND:
        return "not_found";
    case ST_DENIED:
        return "denied";
    case ST_CONFLICT:
        return "conflict";
    case ST_INVALID:
        return "invalid";
    }
    return "unknown";
}
