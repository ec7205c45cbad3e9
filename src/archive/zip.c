/* The directory of a zip: end records and entries. The data is in zip_data.c. */
#include "archive/zip.h"

#include "base/limits.h"
#include "base/reader.h"

enum { LOCATOR_SIZE = 20, END64_SIZE = 56, CENTRAL_SIZE = 46 };
enum { FIRST_TAIL = 1024, WINDOW = 65536, ENTRY_MAX = CENTRAL_SIZE + 3 * 65535 };

#define SIG_END 0x06054b50u
#define SIG_END64 0x06064b50u
#define SIG_LOCATOR 0x07064b50u
#define SIG_CENTRAL 0x02014b50u

/* The end of the source that was read already. */
struct tail {
    struct slice bytes;
    uint64_t at;
};

static enum status read_at(const struct source *s, const struct tail *t, uint64_t at, uint8_t *to,
                           size_t n)
{
    if (at < t->at || at - t->at > t->bytes.n || n > t->bytes.n - (at - t->at))
        return source_read(s, at, to, n);
    memcpy(to, t->bytes.p + (at - t->at), n);
    return OK;
}

/* What an end record says; `at` is where the record that counts begins, which is where the
 * directory ends. */
struct end_record {
    uint64_t at, entries, size, offset;
};

/* APPNOTE 4.3.14: at its stated place, or, where a preamble moved it, right before the locator. */
static enum status read_end64(const struct source *s, const struct tail *t, uint64_t locator_at,
                              uint64_t stated, struct end_record *ret)
{
    uint8_t bytes[END64_SIZE];
    uint64_t places[2] = {stated, locator_at >= END64_SIZE ? locator_at - END64_SIZE : 0};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct reader r = reader_of(slice_of(bytes, sizeof bytes));
        struct end_record end = {.at = places[i]};
        uint32_t sig = 0, disk = 0, dir_disk = 0;
        uint64_t here = 0;
        if (!source_holds(s, places[i], sizeof bytes) || places[i] > locator_at)
            continue;
        enum status st = read_at(s, t, places[i], bytes, sizeof bytes);
        if (st != OK)
            return st;
        if (get_u32le(&r, &sig) || sig != SIG_END64 || skip_bytes(&r, 12) || get_u32le(&r, &disk) ||
            get_u32le(&r, &dir_disk) || get_u64le(&r, &here) || get_u64le(&r, &end.entries) ||
            get_u64le(&r, &end.size) || get_u64le(&r, &end.offset))
            continue;
        if (disk != 0 || dir_disk != 0 || here != end.entries)
            return ST_UNSUPPORTED;
        *ret = end;
        return OK;
    }
    return ST_NOT_FOUND;
}

/* APPNOTE 4.3.15. ST_NOT_FOUND: the plain end record stands alone. */
static enum status read_locator(const struct source *s, const struct tail *t, uint64_t end_at,
                                struct end_record *ret)
{
    uint8_t bytes[LOCATOR_SIZE];
    struct reader r = reader_of(slice_of(bytes, sizeof bytes));
    uint32_t sig = 0;
    uint64_t stated = 0;
    if (end_at < LOCATOR_SIZE)
        return ST_NOT_FOUND;
    enum status st = read_at(s, t, end_at - LOCATOR_SIZE, bytes, sizeof bytes);
    if (st != OK)
        return st;
    if (get_u32le(&r, &sig) || sig != SIG_LOCATOR || skip_bytes(&r, 4) || get_u64le(&r, &stated))
        return ST_NOT_FOUND;
    return read_end64(s, t, end_at - LOCATOR_SIZE, stated, ret);
}

static enum status dir_begins(const struct source *s, const struct tail *t, uint64_t at, bool *ret)
{
    uint8_t b[4];
    struct reader r = reader_of(slice_of(b, sizeof b));
    uint32_t sig = 0;
    *ret = false;
    if (!source_holds(s, at, sizeof b))
        return OK;
    enum status st = read_at(s, t, at, b, sizeof b);
    *ret = st == OK && get_u32le(&r, &sig) == OK && sig == SIG_CENTRAL;
    return st;
}

/* The directory ends where its end record begins; its stored offset is believed only when it does
 * not. So a preamble does not matter, nor a gap between the two. */
static enum status place_directory(struct zip *z, const struct tail *t,
                                   const struct end_record *end)
{
    bool here = false;
    if (end->size > end->at)
        return ST_NOT_FOUND;
    z->dir_size = end->size;
    z->dir_at = end->at - end->size;
    if (end->size == 0) {
        z->shift = 0;
        return end->entries == 0 ? OK : ST_NOT_FOUND;
    }
    enum status st = dir_begins(&z->src, t, z->dir_at, &here);
    if (st == OK && here && end->offset <= z->dir_at) {
        z->shift = z->dir_at - end->offset;
        return OK;
    }
    if (st == OK && end->offset < z->dir_at)
        st = dir_begins(&z->src, t, end->offset, &here);
    if (st != OK || !here || end->offset >= z->dir_at)
        return st != OK ? st : ST_NOT_FOUND;
    z->dir_at = end->offset;
    z->shift = 0;
    return OK;
}

/* The end record at offset `at`; *ret_exact: its comment ends where the source does. */
static enum status try_end(struct zip *z, const struct tail *t, uint64_t at, bool *ret_exact)
{
    struct reader r = reader_of(slice_sub(t->bytes, (size_t)(at - t->at), t->bytes.n));
    uint16_t disk = 0, dir_disk = 0, here = 0, entries = 0, comment = 0;
    uint32_t size = 0, offset = 0;
    if (skip_bytes(&r, 4) || get_u16le(&r, &disk) || get_u16le(&r, &dir_disk) ||
        get_u16le(&r, &here) || get_u16le(&r, &entries) || get_u32le(&r, &size) ||
        get_u32le(&r, &offset) || get_u16le(&r, &comment))
        return ST_NOT_FOUND;
    struct end_record end = {at, entries, size, offset};
    *ret_exact = comment == reader_left(&r);
    enum status st = read_locator(&z->src, t, at, &end);
    if (st == ST_NOT_FOUND) {
        if (size == UINT32_MAX || offset == UINT32_MAX)
            return ST_NOT_FOUND; /* says zip64, and there is none */
        if (disk != 0 || dir_disk != 0 || here != entries)
            return *ret_exact ? ST_UNSUPPORTED : ST_NOT_FOUND;
    } else if (st != OK) {
        return st;
    }
    return place_directory(z, t, &end);
}

/* Backwards through the tail. The record whose comment ends with the source is the one that Java
 * takes; without one, the last that has a directory. One behind the one that counts could hide
 * entries from other readers, or from us. */
static enum status search_end(struct zip *z, struct slice tail)
{
    struct zip found = {0};
    bool have = false;
    struct tail t = {tail, z->src.size - tail.n};
    for (size_t at = tail.n - ZIP_END_SIZE + 1; at-- > 0;) {
        bool exact = false;
        if (tail.p[at] != 'P' || !slice_starts(slice_sub(tail, at, 4), SLICE_LIT("PK\5\6")))
            continue;
        enum status st = try_end(z, &t, t.at + at, &exact);
        if (st == ST_NOT_FOUND)
            continue;
        if (st != OK)
            return st;
        z->ambiguous = have;
        if (exact)
            return OK;
        if (!have)
            found = *z;
        have = true;
    }
    if (!have)
        return ST_NOT_FOUND;
    found.ambiguous = false;
    *z = found;
    return tail.n == z->src.size || tail.n > FIRST_TAIL ? OK : ST_END;
}

enum status zip_open(struct zip *z, const struct source *src, uint64_t tail)
{
    struct buf b;
    *z = (struct zip){.src = *src};
    if (src->size < ZIP_END_SIZE)
        return ST_NOT_FOUND;
    buf_init(&b, ZIP_COMMENT_MAX + ZIP_END_SIZE);
    if (tail > ZIP_COMMENT_MAX + ZIP_END_SIZE)
        tail = ZIP_COMMENT_MAX + ZIP_END_SIZE;
    enum status st = ST_NOT_FOUND;
    /* nearly every zip has its end record in the last KiB */
    for (uint64_t n = FIRST_TAIL;; n = tail) {
        struct slice bytes;
        if (n > tail)
            n = tail;
        if (n > src->size)
            n = src->size;
        st = source_view(src, src->size - n, (size_t)n, &b, &bytes);
        if (st == OK)
            st = search_end(z, bytes);
        if ((st != ST_NOT_FOUND && st != ST_END) || n == tail || n == src->size)
            break;
    }
    buf_done(&b);
    if (st == ST_END)
        st = OK;
    if (st != OK)
        return st;
    buf_init(&z->window, ENTRY_MAX);
    zip_rewind(z);
    return OK;
}

void zip_done(struct zip *z)
{
    if (z)
        buf_done(&z->window);
}

void zip_rewind(struct zip *z)
{
    z->at = 0;
    z->claimed = 0;
    z->window_at = 0;
    buf_clear(&z->window);
}

/* n bytes of the directory from z->at on, which must be there. */
static enum status directory_view(struct zip *z, size_t n, struct slice *ret)
{
    if (n > z->dir_size - z->at)
        return ST_MALFORMED;
    if (z->src.fd < 0)
        return source_view(&z->src, z->dir_at + z->at, n, NULL, ret);
    uint64_t skip = z->at - z->window_at;
    if (skip > z->window.n || n > z->window.n - skip) {
        uint64_t more = z->dir_size - z->at;
        size_t want = n > WINDOW ? n : WINDOW;
        uint8_t *p = NULL;
        if (want > more)
            want = (size_t)more;
        buf_clear(&z->window);
        enum status st = buf_reserve(&z->window, want, &p);
        if (st == OK)
            st = source_read(&z->src, z->dir_at + z->at, p, want);
        if (st != OK)
            return st;
        buf_commit(&z->window, want);
        z->window_at = z->at;
        skip = 0;
    }
    *ret = slice_sub(buf_slice(&z->window), (size_t)skip, n);
    return OK;
}

/* APPNOTE 4.5.3: the fields that did not fit come in this order, and only those. */
static enum status read_extra64(struct slice extra, uint32_t size, uint32_t packed, uint32_t local,
                                struct zip_entry *z)
{
    struct reader r = reader_of(extra);
    if (size != UINT32_MAX && packed != UINT32_MAX && local != UINT32_MAX)
        return OK;
    while (reader_left(&r) >= 4) {
        uint16_t id = 0, n = 0;
        struct slice body;
        if (get_u16le(&r, &id) || get_u16le(&r, &n) || get_bytes(&r, n, &body))
            return OK; /* padding that is no field: what was found stands */
        if (id != 1)
            continue;
        struct reader f = reader_of(body);
        if ((size == UINT32_MAX && get_u64le(&f, &z->size)) ||
            (packed == UINT32_MAX && get_u64le(&f, &z->packed)) ||
            (local == UINT32_MAX && get_u64le(&f, &z->local)))
            return ST_MALFORMED;
        return OK;
    }
    return OK; /* exactly 4,294,967,295, as it says */
}

enum status zip_next(struct zip *z, struct zip_entry *ret)
{
    struct slice bytes;
    struct zip_entry e = {0};
    uint16_t name = 0, extra = 0, comment = 0;
    uint32_t sig = 0, packed = 0, size = 0, local = 0;
    if (z->at == z->dir_size)
        return ST_END;
    enum status st = directory_view(z, CENTRAL_SIZE, &bytes);
    if (st != OK)
        return st;
    struct reader r = reader_of(bytes);
    if (get_u32le(&r, &sig) || sig != SIG_CENTRAL || skip_bytes(&r, 4) || get_u16le(&r, &e.flags) ||
        get_u16le(&r, &e.method) || skip_bytes(&r, 4) || get_u32le(&r, &e.crc) ||
        get_u32le(&r, &packed) || get_u32le(&r, &size) || get_u16le(&r, &name) ||
        get_u16le(&r, &extra) || get_u16le(&r, &comment) || skip_bytes(&r, 8) ||
        get_u32le(&r, &local))
        return ST_MALFORMED;
    st = directory_view(z, (size_t)CENTRAL_SIZE + name + extra + comment, &bytes);
    if (st != OK)
        return st;
    e.name = slice_sub(bytes, CENTRAL_SIZE, name);
    e.packed = packed;
    e.size = size;
    e.local = local;
    st =
        read_extra64(slice_sub(bytes, (size_t)CENTRAL_SIZE + name, extra), size, packed, local, &e);
    if (st != OK || __builtin_add_overflow(e.local, z->shift, &e.local))
        return ST_MALFORMED;
    if (__builtin_add_overflow(z->claimed, e.packed, &z->claimed) ||
        __builtin_add_overflow(z->claimed, ZIP_LOCAL_SIZE + name, &z->claimed))
        z->claimed = UINT64_MAX;
    z->at += bytes.n;
    *ret = e;
    return OK;
}
