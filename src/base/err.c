/* Errors: filled once, where the fault is found. See err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdbool.h>

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

/* --- what a message was made from */

/* One conversion of a format: "%s", "%.*s", "%2$llu". Width and flags are not among them. */
struct conversion {
    const char *end;   /* behind it */
    unsigned position; /* of "%2$s": 2; 0: the next argument */
    bool bounded;      /* ".*" stands in it */
    unsigned longs;    /* 0 int, 1 long, 2 long long, 3 size_t, 4 intmax_t */
    char type;         /* as printf's; 0: a kind that is not kept */
};

static struct conversion conversion_at(const char *percent)
{
    struct conversion c = {.end = percent + 1};
    const char *p = percent + 1;
    if (p[0] >= '1' && p[0] <= '9' && p[1] == '$') {
        c.position = (unsigned)(p[0] - '0');
        p += 2;
    }
    if (p[0] == '.' && p[1] == '*') {
        c.bounded = true;
        p += 2;
    }
    for (; *p == 'l' && c.longs < 2; p++)
        c.longs++;
    if (c.longs == 0 && (*p == 'z' || *p == 'j'))
        c.longs = *p++ == 'z' ? 3 : 4;
    bool known = *p && strchr(c.bounded ? "s" : c.longs ? "diux" : "sdiuxc%", *p);
    if (known)
        c.type = *p;
    c.end = *p ? p + 1 : p;
    return c;
}

static int64_t take_int(unsigned longs, va_list *ap)
{
    if (longs == 0)
        return va_arg(*ap, int);
    if (longs == 1)
        return va_arg(*ap, long);
    if (longs == 2)
        return va_arg(*ap, long long);
    return longs == 3 ? (int64_t)va_arg(*ap, size_t) : va_arg(*ap, intmax_t);
}

/* What printf would write for the conversion, into out; false when it does not fit. */
static bool keep_arg(const struct conversion *c, va_list *ap, char *out, size_t room)
{
    int n = -1;
    int most = c->bounded ? va_arg(*ap, int) : -1;
    if (c->type == 's') {
        const char *s = va_arg(*ap, const char *);
        n = most < 0 ? snprintf(out, room, "%s", s ? s : "(null)")
                     : snprintf(out, room, "%.*s", most, s ? s : "");
    } else {
        int64_t v = take_int(c->longs, ap);
        uint64_t u = c->longs ? (uint64_t)v : (unsigned)v;
        n = c->type == 'c'   ? snprintf(out, room, "%c", (int)v)
            : c->type == 'x' ? snprintf(out, room, "%llx", (unsigned long long)u)
            : c->type == 'u' ? snprintf(out, room, "%llu", (unsigned long long)u)
                             : snprintf(out, room, "%lld", (long long)v);
    }
    if (n < 0 || (size_t)n >= room)
        return false;
    harmless(out);
    return true;
}

/* Keeps the format and its arguments as one more part. What cannot be kept leaves the error without
 * parts: a sentence with a hole is worse than one in English. */
static void keep_part(struct err *e, const char *format, va_list *ap)
{
    struct err_part *part = &e->part[e->part_count];
    if (e->part_count == ARRAY_LEN(e->part))
        goto no_parts;
    *part = (struct err_part){format, e->args_used};
    for (const char *p = strchr(format, '%'); p; p = strchr(p, '%')) {
        struct conversion c = conversion_at(p);
        p = c.end;
        if (c.type == '%')
            continue;
        char *out = e->args + e->args_used;
        if (!c.type || c.position || !keep_arg(&c, ap, out, sizeof e->args - e->args_used))
            goto no_parts;
        e->args_used = (uint16_t)(e->args_used + strlen(out) + 1);
    }
    e->part_count++;
    return;
no_parts:
    e->part_count = 0;
    e->args_used = sizeof e->args; /* nothing fits from now on */
}

/* A text that is not a format, inside of the parts that are there. */
static void keep_text(struct err *e, const char *text)
{
    size_t n = strlen(text) + 1;
    if (e->part_count > 1 || n > sizeof e->args - e->args_used)
        return;
    if (e->part_count)
        e->part[1] = e->part[0];
    e->part[0] = (struct err_part){NULL, e->args_used};
    memcpy(e->args + e->args_used, text, n);
    e->args_used = (uint16_t)(e->args_used + n);
    e->part_count++;
}

static const char *arg_at(const struct err *e, const struct err_part *part, unsigned i)
{
    const char *s = e->args + part->args;
    const char *end = e->args + e->args_used;
    for (; i > 0 && s < end; i--)
        s += strlen(s) + 1;
    return s < end ? s : NULL;
}

struct telling {
    char *out;
    size_t n, size;
    bool failed;
};

static void tell(struct telling *t, const char *s, size_t n)
{
    if (n >= t->size - t->n) {
        t->failed = true;
        return;
    }
    memcpy(t->out + t->n, s, n);
    t->n += n;
}

static void tell_part(struct telling *t, const struct err *e, const struct err_part *part,
                      const char *format)
{
    unsigned next = 0;
    while (*format && !t->failed) {
        size_t plain = strcspn(format, "%");
        tell(t, format, plain);
        format += plain;
        if (!*format)
            break;
        struct conversion c = conversion_at(format);
        const char *arg = c.type == '%' ? "%" : arg_at(e, part, c.position ? c.position - 1 : next);
        next += c.type != '%';
        format = c.end;
        if (!c.type || !arg)
            t->failed = true;
        else
            tell(t, arg, strlen(arg));
    }
}

size_t err_retell(const struct err *e, const char *(*translate)(void *ctx, const char *format),
                  void *ctx, char *out, size_t size)
{
    struct telling t = {out, 0, size, size == 0};
    for (unsigned i = e->part_count; i > 0 && !t.failed; i--) {
        const struct err_part *part = &e->part[i - 1];
        if (t.n)
            tell(&t, ": ", 2);
        if (part->format) {
            tell_part(&t, e, part, translate(ctx, part->format));
        } else {
            const char *why = translate(ctx, e->args + part->args);
            tell(&t, why, strlen(why));
        }
    }
    if (size)
        out[t.failed ? 0 : t.n] = '\0';
    return t.failed ? 0 : t.n;
}

PRINTF_LIKE(4, 0)
static enum status fill(struct err *e, enum status code, uint64_t offset, const char *fmt,
                        va_list ap)
{
    if (e) {
        e->code = code;
        e->offset = offset;
        e->part_count = e->args_used = 0;
        va_list again;
        va_copy(again, ap);
        keep_part(e, fmt, &again);
        va_end(again);
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

enum status err_set_text(struct err *e, enum status code, const char *text)
{
    (void)err_set(e, code, "%s", text);
    if (e) {
        e->part_count = e->args_used = 0;
        keep_text(e, text);
    }
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
        const char *why = strerror_r(saved, text, sizeof text);
        (void)snprintf(e->msg + n, sizeof e->msg - n, ": %s", why);
        if (e->part_count)
            keep_text(e, why);
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
    if (e->part_count) {
        va_start(ap, fmt);
        keep_part(e, fmt, &ap);
        va_end(ap);
    }
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
