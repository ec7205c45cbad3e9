/* The bytes of a zip's entries. */
#include "archive/zip.h"

#include "base/limits.h"
#include "base/reader.h"

enum { FIRST = 448, HEAD_MAX = 4096, PIECE = 65536, NEAR = 4096, AHEAD = 32768 };

#define SIG_LOCAL 0x04034b50u
#define FLAG_ENCRYPTED 0x0001u
#define FLAG_MASKED 0x2000u

enum status zip_tools_init(struct zip_tools *t)
{
    *t = (struct zip_tools){.fd = -1};
    buf_init(&t->scratch, LIMIT_ZIP_PACKED + KIB(256));
    return inflater_new(&t->inflater);
}

void zip_tools_done(struct zip_tools *t)
{
    inflater_free(t->inflater);
    buf_done(&t->scratch);
    *t = (struct zip_tools){0};
}

void zip_tools_forget(struct zip_tools *t)
{
    t->fd = -1;
}

/* As source_view. Small entries lie one behind the other: where the last two readings were near
 * each other, more is read at once, and the next ones cost no system call. */
static enum status view(const struct source *s, uint64_t off, size_t n, struct zip_tools *t,
                        struct slice *ret)
{
    if (s->fd < 0 || !source_holds(s, off, n))
        return source_view(s, off, n, &t->scratch, ret);
    uint64_t at = s->start + off, left = s->size - off;
    bool same = t->fd == s->fd && at >= t->at;
    if (!same || at - t->at > t->scratch.n || n > t->scratch.n - (at - t->at)) {
        bool near = same && at >= t->asked_end && at - t->asked_end <= NEAR && n < AHEAD;
        size_t want = near ? AHEAD : n;
        uint8_t *p = NULL;
        if (want > left)
            want = (size_t)left;
        t->fd = -1;
        buf_clear(&t->scratch);
        enum status st = buf_reserve(&t->scratch, want ? want : 1, &p);
        if (st == OK)
            st = source_read(s, off, p, want);
        if (st != OK)
            return st;
        buf_commit(&t->scratch, want);
        t->fd = s->fd;
        t->at = at;
    }
    t->asked_end = at + n;
    *ret = slice_sub(buf_slice(&t->scratch), (size_t)(at - t->at), n);
    return OK;
}

/* What can be known without looking at the data. */
static enum status entry_readable(const struct zip_entry *e)
{
    if (e->flags & (FLAG_ENCRYPTED | FLAG_MASKED))
        return ST_DENIED;
    if (e->method != ZIP_STORED && e->method != ZIP_DEFLATED)
        return ST_UNSUPPORTED;
    return e->method == ZIP_STORED && e->packed != e->size ? ST_MALFORMED : OK;
}

/* APPNOTE 4.3.7: where the data begins, relative to the local header that `bytes` begins with. */
static enum status local_size(struct slice bytes, size_t *ret)
{
    struct reader r = reader_of(bytes);
    uint32_t sig = 0;
    uint16_t name = 0, extra = 0;
    if (get_u32le(&r, &sig) || sig != SIG_LOCAL || skip_bytes(&r, 22) || get_u16le(&r, &name) ||
        get_u16le(&r, &extra))
        return ST_MALFORMED;
    *ret = (size_t)ZIP_LOCAL_SIZE + name + extra;
    return OK;
}

/* Where the data lies, checked to lie inside the source. */
static enum status data_at(const struct zip *z, const struct zip_entry *e, uint64_t *ret)
{
    uint8_t head[ZIP_LOCAL_SIZE];
    size_t skip = 0;
    enum status st = entry_readable(e);
    if (st == OK)
        st = source_read(&z->src, e->local, head, sizeof head);
    if (st == OK)
        st = local_size(slice_of(head, sizeof head), &skip);
    if (st != OK)
        return st;
    if (!source_holds(&z->src, e->local, skip) ||
        !source_holds(&z->src, e->local + skip, e->packed))
        return ST_MALFORMED;
    *ret = e->local + skip;
    return OK;
}

/* The first `want` packed bytes, header and data in one reading where the local header is as long
 * as the directory lets expect. */
static enum status packed_view(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                               size_t want, struct slice *ret)
{
    struct slice bytes;
    size_t skip = 0;
    enum status st = entry_readable(e);
    if (st != OK)
        return st;
    if (!source_holds(&z->src, e->local, ZIP_LOCAL_SIZE))
        return ST_MALFORMED;
    if (want > e->packed)
        want = (size_t)e->packed;
    uint64_t guess = ZIP_LOCAL_SIZE + e->name.n + 64 + want;
    if (guess > z->src.size - e->local)
        guess = z->src.size - e->local;
    st = view(&z->src, e->local, (size_t)guess, t, &bytes);
    if (st == OK)
        st = local_size(bytes, &skip);
    if (st != OK)
        return st;
    if (!source_holds(&z->src, e->local, skip) ||
        !source_holds(&z->src, e->local + skip, e->packed))
        return ST_MALFORMED;
    if (skip + want > bytes.n)
        return view(&z->src, e->local + skip, want, t, ret);
    *ret = slice_sub(bytes, skip, want);
    return OK;
}

/* A dynamic block begins with its codes, some 350 bytes; more is asked for only when it is needed.
 */
enum status zip_head(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                     uint8_t *to, size_t want, size_t *ret_n)
{
    static const size_t steps[] = {FIRST, HEAD_MAX, PIECE};
    struct slice packed = {NULL, 0};
    if (want > e->size)
        want = (size_t)e->size;
    if (want > HEAD_MAX)
        want = HEAD_MAX;
    if (e->method == ZIP_STORED) {
        enum status st = packed_view(z, e, t, want, &packed);
        if (st != OK)
            return st;
        if (packed.n)
            memcpy(to, packed.p, packed.n);
        *ret_n = packed.n;
        return OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        enum status st = packed_view(z, e, t, steps[i], &packed);
        if (st == OK)
            st = inflate_head(t->inflater, packed, to, want, ret_n);
        if (st == ST_END && packed.n < e->packed)
            continue;
        if (st == ST_END || (st == OK && *ret_n < want))
            return ST_MALFORMED;
        return st;
    }
    return ST_MALFORMED;
}

enum status zip_first_bytes(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                            uint8_t ret[2])
{
    struct slice packed;
    enum status st = packed_view(z, e, t, FIRST, &packed);
    if (st != OK)
        return st;
    if (e->method == ZIP_DEFLATED)
        return inflate_first_bytes(packed, ret);
    if (packed.n < 2)
        return ST_END;
    ret[0] = packed.p[0];
    ret[1] = packed.p[1];
    return OK;
}

enum status zip_whole(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                      uint8_t *to)
{
    struct slice packed;
    if (e->packed > LIMIT_ZIP_PACKED)
        return ST_LIMIT;
    enum status st = packed_view(z, e, t, (size_t)e->packed, &packed);
    if (st != OK)
        return st;
    size_t n = (size_t)e->size;
    if (e->method == ZIP_DEFLATED)
        st = inflate_whole(t->inflater, packed, to, n);
    else if (n)
        memcpy(to, packed.p, n);
    if (st == OK && crc32_add(0, slice_of(to, n)) != e->crc)
        st = ST_MALFORMED;
    return st;
}

enum status zip_stored(const struct zip *z, const struct zip_entry *e, struct source *ret)
{
    uint64_t at = 0;
    if (e->method != ZIP_STORED)
        return ST_INVALID;
    enum status st = data_at(z, e, &at);
    return st == OK ? source_part(&z->src, at, e->size, ret) : st;
}

enum status zip_packed(const struct zip *z, const struct zip_entry *e, struct source *ret)
{
    uint64_t at = 0;
    enum status st = data_at(z, e, &at);
    return st == OK ? source_part(&z->src, at, e->packed, ret) : st;
}

struct copying {
    const struct zip *z;
    struct buf *scratch;
    uint64_t at, packed; /* what is still to be read */
    uint64_t left;       /* what may still be passed on */
    uint32_t crc;
    enum status (*out)(void *ctx, struct slice bytes);
    void *ctx;
};

static enum status copy_in(void *ctx, struct slice *ret)
{
    struct copying *c = ctx;
    size_t n = c->packed < PIECE ? (size_t)c->packed : PIECE;
    *ret = slice_of(NULL, 0);
    if (n == 0)
        return OK;
    enum status st = source_view(&c->z->src, c->at, n, c->scratch, ret);
    c->at += n;
    c->packed -= n;
    return st;
}

static enum status copy_out(void *ctx, struct slice bytes)
{
    struct copying *c = ctx;
    if (bytes.n > c->left)
        return ST_MALFORMED; /* longer than the directory says */
    c->left -= bytes.n;
    c->crc = crc32_add(c->crc, bytes);
    return c->out(c->ctx, bytes);
}

enum status zip_copy(const struct zip *z, const struct zip_entry *e, struct zip_tools *t,
                     enum status (*out)(void *ctx, struct slice bytes), void *ctx)
{
    zip_tools_forget(t); /* the pieces are read into the same memory */
    struct copying c = {.z = z,
                        .scratch = &t->scratch,
                        .packed = e->packed,
                        .left = e->size,
                        .out = out,
                        .ctx = ctx};
    enum status st = data_at(z, e, &c.at);
    if (st == OK && e->method == ZIP_DEFLATED) {
        st = inflate_stream(t->inflater, &(struct inflate_pipe){&c, copy_in, copy_out});
    } else {
        struct slice piece = {NULL, 1};
        while (st == OK && piece.n) {
            st = copy_in(&c, &piece);
            if (st == OK && piece.n)
                st = copy_out(&c, piece);
        }
    }
    if (st == OK && (c.left != 0 || c.crc != e->crc))
        st = ST_MALFORMED;
    return st;
}
