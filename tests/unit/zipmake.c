/* See zipmake.h. Sections are those of PKWARE's APPNOTE. */
#include "zipmake.h"

#include "base/limits.h"
#include "codec/inflate.h"

#include <zlib.h>

static void put(struct buf *b, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte = 0; /* of what is wider than v, too */
        if (i < sizeof v)
            byte = (uint8_t)(v >> (8 * i));
        if (buf_add(b, &byte, 1) != OK)
            abort();
    }
}

static void put_be16(struct buf *b, size_t v)
{
    put(b, v >> 8 & 255, 1);
    put(b, v & 255, 1);
}

void zipmake_init(struct zipmake *z)
{
    *z = (struct zipmake){0};
    buf_init(&z->out, MIB(64));
    buf_init(&z->dir, MIB(64));
}

void zipmake_done(struct zipmake *z)
{
    buf_done(&z->out);
    buf_done(&z->dir);
}

static struct slice packed(struct slice data)
{
    z_stream zs = {0};
    uLong room = data.n + data.n / 100 + 1024;
    uint8_t *p = malloc(room);
    if (!p || deflateInit2(&zs, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    memcpy(&zs.next_in, &data.p, sizeof data.p);
    zs.avail_in = (uInt)data.n;
    zs.next_out = p;
    zs.avail_out = (uInt)room;
    if (deflate(&zs, Z_FINISH) != Z_STREAM_END)
        abort();
    size_t n = room - zs.avail_out;
    deflateEnd(&zs);
    return slice_of(p, n);
}

void zipmake_add(struct zipmake *z, const char *name, struct slice data, unsigned method)
{
    struct slice body = method ? packed(data) : data;
    size_t at = z->out.n, n = strlen(name);
    uint32_t crc = crc32_add(0, data);
    put(&z->out, 0x04034b50, 4); /* 4.3.7 */
    put(&z->out, 20, 2);
    put(&z->out, 0, 2);
    put(&z->out, method, 2);
    put(&z->out, 0, 4);
    put(&z->out, crc, 4);
    put(&z->out, body.n, 4);
    put(&z->out, data.n, 4);
    put(&z->out, n, 2);
    put(&z->out, 0, 2);
    if (buf_add_str(&z->out, name) != OK || buf_add_slice(&z->out, body) != OK)
        abort();
    put(&z->dir, 0x02014b50, 4); /* 4.3.12 */
    put(&z->dir, 20 | 20 << 16, 4);
    put(&z->dir, 0, 2);
    put(&z->dir, method, 2);
    put(&z->dir, 0, 4);
    put(&z->dir, crc, 4);
    put(&z->dir, z->zip64 ? UINT32_MAX : body.n, 4);
    put(&z->dir, z->zip64 ? UINT32_MAX : data.n, 4);
    put(&z->dir, n, 2);
    put(&z->dir, z->zip64 ? 28 : 0, 2);
    put(&z->dir, 0, 10);
    put(&z->dir, z->zip64 ? UINT32_MAX : at, 4);
    if (buf_add_str(&z->dir, name) != OK)
        abort();
    if (z->zip64) { /* 4.5.3 */
        put(&z->dir, 1 | 24 << 16, 4);
        put(&z->dir, data.n, 8);
        put(&z->dir, body.n, 8);
        put(&z->dir, at, 8);
    }
    z->count++;
    if (method) {
        void *p = NULL;
        memcpy(&p, &body.p, sizeof p);
        free(p);
    }
}

void zipmake_end(struct zipmake *z, struct slice comment)
{
    size_t at = z->out.n;
    if (buf_add_slice(&z->out, buf_slice(&z->dir)) != OK)
        abort();
    if (z->zip64) {
        size_t end64 = z->out.n;
        put(&z->out, 0x06064b50, 4); /* 4.3.14 */
        put(&z->out, 44, 8);
        put(&z->out, 45 | 45 << 16, 4);
        put(&z->out, 0, 8);
        put(&z->out, z->count, 8);
        put(&z->out, z->count, 8);
        put(&z->out, z->dir.n, 8);
        put(&z->out, at, 8);
        put(&z->out, 0x07064b50, 4); /* 4.3.15 */
        put(&z->out, 0, 4);
        put(&z->out, end64, 8);
        put(&z->out, 1, 4);
    }
    put(&z->out, 0x06054b50, 4); /* 4.3.16 */
    put(&z->out, 0, 4);
    put(&z->out, z->zip64 ? 0xffff : z->count, 2);
    put(&z->out, z->zip64 ? 0xffff : z->count, 2);
    put(&z->out, z->zip64 ? UINT32_MAX : z->dir.n, 4);
    put(&z->out, z->zip64 ? UINT32_MAX : at, 4);
    put(&z->out, comment.n, 2);
    if (buf_add_slice(&z->out, comment) != OK)
        abort();
}

static void put_text(struct buf *b, const char *text)
{
    put(b, 1, 1);
    put_be16(b, strlen(text));
    if (buf_add_str(b, text) != OK)
        abort();
}

void zipmake_class(struct buf *out, const char *name, const char *const *texts, size_t n)
{
    put(out, 0xbebafeca, 4);
    put(out, 0, 2);
    put_be16(out, 52);
    put_be16(out, 7 + n);
    put_text(out, name); /* 1 */
    put(out, 7, 1);      /* 2: a class, named by 1 */
    put_be16(out, 1);
    put_text(out, "java/lang/Object"); /* 3 */
    put(out, 7, 1);
    put_be16(out, 3);
    put(out, 5, 1); /* 5 and 6: a long */
    put(out, 0, 8);
    for (size_t i = 0; i < n; i++)
        put_text(out, texts[i]);
    put_be16(out, 0x21);
    put_be16(out, 2);
    put_be16(out, 4);
    put(out, 0, 8);
}
