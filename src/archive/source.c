#include "archive/source.h"

#include <errno.h>
#include <unistd.h>

enum status source_read(const struct source *s, uint64_t off, void *to, size_t n)
{
    if (!source_holds(s, off, n))
        return ST_MALFORMED;
    if (n == 0)
        return OK;
    if (s->fd < 0) {
        memcpy(to, s->mem + off, n);
        return OK;
    }
    off += s->start;
    for (uint8_t *p = to; n;) {
        ssize_t k = pread(s->fd, p, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k == 0)
            errno = 0; /* it became shorter meanwhile */
        if (k <= 0)
            return ST_IO;
        p += k;
        n -= (size_t)k;
        off += (uint64_t)k;
    }
    return OK;
}

enum status source_view(const struct source *s, uint64_t off, size_t n, struct buf *scratch,
                        struct slice *ret)
{
    if (!source_holds(s, off, n))
        return ST_MALFORMED;
    if (s->fd < 0) {
        *ret = slice_of(n ? s->mem + off : s->mem, n);
        return OK;
    }
    uint8_t *p = NULL;
    buf_clear(scratch);
    enum status st = buf_reserve(scratch, n ? n : 1, &p);
    if (st == OK)
        st = source_read(s, off, p, n);
    if (st == OK)
        *ret = slice_of(p, n);
    return st;
}

enum status source_part(const struct source *s, uint64_t off, uint64_t n, struct source *ret)
{
    if (!source_holds(s, off, n))
        return ST_MALFORMED;
    *ret = (struct source){s->fd, s->mem && n ? s->mem + off : s->mem,
                           s->fd < 0 ? 0 : s->start + off, n};
    return OK;
}
