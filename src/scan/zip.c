#include "scan/zip.h"

#include "base/limits.h"
#include "base/reader.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

enum { END_SIZE = 22, LOCAL_SIZE = 30, TAIL = 65535 + END_SIZE };

enum status zip_read(const struct zip_source *s, uint64_t off, void *to, size_t n)
{
    if (off > s->size || n > s->size - off)
        return ST_MALFORMED;
    if (s->fd < 0) {
        memcpy(to, s->mem.p + off, n);
        return OK;
    }
    uint8_t *p = to;
    while (n) {
        ssize_t k = pread(s->fd, p, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return ST_IO;
        p += k;
        n -= (size_t)k;
        off += (uint64_t)k;
    }
    return OK;
}

/* The end record that stands last and whose directory begins with its signature (or is empty). The
 * directory's place is reckoned back from the end record, so that a preamble does not matter. */
static enum status try_end(const struct zip_source *s, uint64_t end, struct slice rec,
                           struct zip_dir *ret)
{
    struct reader r = reader_of(rec);
    uint16_t disk = 0, entries = 0;
    uint32_t size = 0, offset = 0;
    if (skip_bytes(&r, 4) || get_u16le(&r, &disk) || skip_bytes(&r, 4) || get_u16le(&r, &entries) ||
        get_u32le(&r, &size) || get_u32le(&r, &offset))
        return ST_NOT_FOUND;
    if (disk == 0xffff || entries == 0xffff || size == UINT32_MAX || offset == UINT32_MAX)
        return ST_UNSUPPORTED;
    if (size > end || offset > end - size)
        return ST_NOT_FOUND;
    if (size > LIMIT_ZIP_DIRECTORY)
        return ST_LIMIT;
    uint8_t *dir = malloc(size ? size : 1);
    if (!dir)
        return ST_NOMEM;
    enum status st = zip_read(s, end - size, dir, size);
    if (st == OK && size && (size < 4 || memcmp(dir, "PK\1\2", 4) != 0))
        st = ST_NOT_FOUND;
    if (st != OK) {
        free(dir);
        return st;
    }
    *ret = (struct zip_dir){dir, size, 0, end - size - offset};
    return OK;
}

enum status zip_open(const struct zip_source *s, struct zip_dir *ret)
{
    size_t n = s->size < TAIL ? (size_t)s->size : TAIL;
    if (n < END_SIZE)
        return ST_NOT_FOUND;
    uint8_t *tail = malloc(n);
    if (!tail)
        return ST_NOMEM;
    enum status st = zip_read(s, s->size - n, tail, n);
    if (st == OK) {
        st = ST_NOT_FOUND;
        for (size_t at = n - END_SIZE + 1; st == ST_NOT_FOUND && at-- > 0;)
            if (memcmp(tail + at, "PK\5\6", 4) == 0)
                st = try_end(s, s->size - n + at, slice_of(tail + at, n - at), ret);
    }
    free(tail);
    return st;
}

enum status zip_next(struct zip_dir *d, struct zip_entry *ret)
{
    struct reader r = {slice_of(d->bytes, d->n), d->at};
    struct zip_entry z = {0};
    uint16_t name = 0, extra = 0, comment = 0;
    uint32_t sig = 0, packed = 0, size = 0, local = 0;
    if (reader_left(&r) == 0)
        return ST_END;
    if (get_u32le(&r, &sig) || sig != 0x02014b50u || skip_bytes(&r, 4) || get_u16le(&r, &z.flags) ||
        get_u16le(&r, &z.method) || skip_bytes(&r, 4) || get_u32le(&r, &z.crc) ||
        get_u32le(&r, &packed) || get_u32le(&r, &size) || get_u16le(&r, &name) ||
        get_u16le(&r, &extra) || get_u16le(&r, &comment) || skip_bytes(&r, 8) ||
        get_u32le(&r, &local) || get_bytes(&r, name, &z.name) || skip_bytes(&r, extra) ||
        skip_bytes(&r, comment))
        return ST_MALFORMED;
    z.packed = packed;
    z.size = size;
    z.local = d->shift + local;
    d->at = r.at;
    *ret = z;
    return OK;
}

static enum status inflate_some(const struct zip_source *s, uint64_t at, uint64_t packed,
                                uint8_t *to, size_t want, size_t *ret_n)
{
    uint8_t in[8192];
    z_stream zs = {.next_out = to, .avail_out = (uInt)want};
    if (inflateInit2(&zs, -15) != Z_OK)
        return ST_NOMEM;
    enum status st = OK;
    int rc = Z_OK;
    while (rc == Z_OK && zs.avail_out) {
        if (zs.avail_in == 0) {
            size_t n = packed < sizeof in ? (size_t)packed : sizeof in;
            if (n > want / 2 + 1024)
                n = want / 2 + 1024;
            if (n == 0 || (st = zip_read(s, at, in, n)) != OK)
                break;
            at += n;
            packed -= n;
            zs.next_in = in;
            zs.avail_in = (uInt)n;
        }
        rc = inflate(&zs, Z_NO_FLUSH);
    }
    *ret_n = want - zs.avail_out;
    inflateEnd(&zs);
    if (st != OK)
        return st;
    return rc == Z_STREAM_END || zs.avail_out == 0 ? OK : ST_MALFORMED;
}

enum status zip_bytes(const struct zip_source *s, const struct zip_entry *z, uint8_t *to,
                      size_t want, size_t *ret_n)
{
    uint8_t head[LOCAL_SIZE];
    if (z->flags & 1)
        return ST_DENIED;
    enum status st = zip_read(s, z->local, head, sizeof head);
    if (st != OK)
        return st;
    if (memcmp(head, "PK\3\4", 4) != 0)
        return ST_MALFORMED;
    uint64_t at = z->local + LOCAL_SIZE + (uint64_t)(head[26] | head[27] << 8) +
                  (uint64_t)(head[28] | head[29] << 8);
    if (at > s->size || z->packed > s->size - at)
        return ST_MALFORMED;
    if (want == 0) {
        *ret_n = 0;
        return OK;
    }
    if (z->method == 0) {
        if (z->packed != z->size)
            return ST_MALFORMED;
        st = zip_read(s, at, to, want);
        *ret_n = want;
    } else if (z->method == 8) {
        st = inflate_some(s, at, z->packed, to, want, ret_n);
    } else {
        return ST_UNSUPPORTED;
    }
    if (st == OK && (*ret_n != want || (want == z->size && crc32(0, to, (uInt)want) != z->crc)))
        st = ST_MALFORMED;
    return st;
}
