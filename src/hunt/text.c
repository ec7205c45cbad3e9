/* Reading files down to their lines. */
#include "hunt/text.h"

#include "archive/sniff.h"
#include "archive/tar.h"
#include "archive/zip.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/messages.h"
#include "base/tempfile.h"
#include "base/text.h"
#include "hunt/format.h"
#include "hunt/map.h"
#include "hunt/wide.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BUFFER (LIMIT_HUNT_BLOCK + KIB(128))
#define READ KIB(128)
#define PAGE ((uint64_t)4096)
#define DEPTH 8 /* archives and packed files one inside the other */

enum status text_search_init(struct text_search *t, const struct prefilter *filter)
{
    *t = (struct text_search){0};
    t->limits = (struct text_limits){LIMIT_HUNT_INFLATED, LIMIT_HUNT_SPOOL, LIMIT_HUNT_CODECS};
    buf_init(&t->label, LIMIT_PATH_BYTES);
    t->buffer = malloc(BUFFER);
    enum status st = line_search_init(&t->lines, filter);
    return t->buffer ? st : ST_NOMEM;
}

void text_search_done(struct text_search *t)
{
    line_search_done(&t->lines);
    buf_done(&t->label);
    free(t->buffer);
    *t = (struct text_search){0};
}

static bool is_stopped(const struct text_search *t)
{
    return (t->stop && *t->stop) || (t->interrupted && *t->interrupted);
}

static void incomplete(struct text_search *t, const struct err *why)
{
    t->incompletes++;
    t->on.incomplete(t->on.ctx, buf_slice(&t->label), why);
}

static void begin(struct text_search *t, struct slice head)
{
    line_search_begin(&t->lines);
    t->headers = false;
    t->tail_n = 0;
    t->on.begin(t->on.ctx, buf_slice(&t->label), head);
}

static void end(struct text_search *t, struct slice tail, bool ended_in_newline)
{
    t->lines.lines += !ended_in_newline; /* a last line without its newline is one, too */
    t->all_lines += t->lines.lines;
    t->texts++;
    t->on.end(t->on.ctx, buf_slice(&t->label), tail);
}

enum status text_search_block(struct line_search *s, const struct text_headers *h,
                              struct slice block, bool more, size_t *ret_used)
{
    size_t done = 0, used = 0, at = 0;
    if (h && !s->inside && format_begins_header(block))
        h->header(h->ctx, slice_sub(block, 0, slice_index(block, '\n')));
    while (h && (at = format_next_header(block, at)) < block.n) {
        enum status st = line_search_block(s, slice_sub(block, done, at - done), true, &used);
        if (st != OK)
            return st;
        struct slice line = slice_sub(block, at, block.n);
        h->header(h->ctx, slice_sub(line, 0, slice_index(line, '\n')));
        done = at++;
    }
    enum status st = line_search_block(s, slice_sub(block, done, block.n), more, &used);
    *ret_used = done + used;
    return st;
}

static enum status search_block(struct text_search *t, struct slice block, bool more,
                                size_t *ret_used)
{
    const struct text_headers h = {t->on.ctx, t->on.header};
    return text_search_block(&t->lines, t->headers ? &h : NULL, block, more, ret_used);
}

/* --- plain files, in memory */

static enum status gone(struct err *e)
{
    return err_set(e, ST_IO, N_("became shorter while it was read"));
}

/* Where the first line of the part begins: behind the first newline at or after from - 1. */
static enum status first_line(int fd, uint64_t from, uint64_t to, uint64_t *ret, struct err *e)
{
    uint8_t bytes[16384];
    *ret = from;
    if (from == 0)
        return OK;
    for (uint64_t at = from - 1; at < to;) {
        ssize_t n = pread(fd, bytes, sizeof bytes, (off_t)at);
        if (n < 0)
            return err_set_errno(e, ST_IO, N_("cannot be read"));
        if (n == 0)
            return gone(e);
        size_t i = slice_index(slice_of(bytes, (size_t)n), '\n');
        if (i < (size_t)n) {
            *ret = at + i + 1;
            return OK;
        }
        at += (uint64_t)n;
    }
    *ret = to;
    return OK;
}

/* How much of the window is searched: the lines that begin before `to`, the last of them whole. */
static struct slice lines_before(struct slice block, uint64_t at, uint64_t to, bool inside,
                                 bool *ret_ends)
{
    *ret_ends = false;
    if (at + block.n <= to)
        return block;
    size_t from =
        to > at ? (size_t)(to - at) - 1 : 0; /* the line that holds this byte is the last */
    if (to <= at && !inside)
        return slice_sub(block, 0, 0);
    size_t nl = from + slice_index(slice_sub(block, from, block.n), '\n');
    if (nl < block.n)
        *ret_ends = true;
    return slice_sub(block, 0, nl + (nl < block.n));
}

enum status text_search_part(struct text_search *t, int fd, uint64_t from, uint64_t to,
                             uint64_t size, size_t window, struct err *e)
{
    uint64_t at = 0;
    bool newline = true, cut = false, ends = false;
    enum status st = first_line(fd, from, to, &at, e);
    if (from == 0)
        line_search_begin(&t->lines);
    else
        line_search_begin_at(&t->lines, at);
    while (st == OK && !ends && at < size && (at < to || t->lines.inside)) {
        struct map_window w;
        uint64_t page = at & ~(PAGE - 1);
        size_t n = size - page < window ? (size_t)(size - page) : window, used = 0;
        if (!map_open(&w, fd, page, n))
            return err_set_errno(e, ST_IO, N_("cannot be read"));
        struct slice block = slice_sub(slice_of(w.p, n), (size_t)(at - page), n);
        bool last = page + n == size;
        block = lines_before(block, at, to, t->lines.inside, &ends);
        st = search_block(t, block, !last && !ends, &used);
        if (last || ends)
            used = block.n;
        newline = used ? block.p[used - 1] == '\n' : newline;
        cut |= map_was_cut();
        map_close(&w);
        at += used;
        t->bytes += used;
        if (used == 0 || cut || is_stopped(t))
            break;
    }
    if (st == OK)
        st = line_search_end(&t->lines);
    t->lines.lines += st == OK && !newline;
    t->all_lines += t->lines.lines;
    if (st == OK && cut)
        return gone(e);
    return st;
}

/* --- streams */

/* A source whose first bytes were read already to see what it is. */
struct peeked {
    struct stream_source from;
    uint8_t head[TEXT_HEAD];
    size_t n, at;
};

static enum status read_peeked(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct peeked *p = ctx;
    size_t left = p->n - p->at;
    if (left == 0)
        return p->from.read(p->from.ctx, to, n, ret_n, e);
    *ret_n = n < left ? n : left;
    memcpy(to, p->head + p->at, *ret_n);
    p->at += *ret_n;
    return OK;
}

static enum status peek(struct peeked *p, struct err *e)
{
    while (p->n < TEXT_HEAD) {
        size_t got = 0;
        enum status st = p->from.read(p->from.ctx, p->head + p->n, TEXT_HEAD - p->n, &got, e);
        if (st != OK || got == 0)
            return st;
        p->n += got;
    }
    return OK;
}

bool text_is_plain(struct slice head)
{
    return codec_sniff(head) == CODEC_PLAIN && !tar_sniff(head) && !wide_sniff(head, NULL) &&
           sniff_head(head) != SNIFF_ZIP;
}

/* What an archive gives is counted, whether it is searched or kept. */
static bool inflate_more(struct text_search *t, uint64_t n, struct err *e)
{
    t->inflated += n;
    if (t->inflated <= t->limits.inflated)
        return true;
    (void)err_set(e, ST_LIMIT, N_("holds more than %llu GiB unpacked"),
                  (unsigned long long)(LIMIT_HUNT_INFLATED >> 30));
    return false;
}

/* Searches the source to its end. Reading errors go to on.incomplete. */
static enum status search_text(struct text_search *t, const struct stream_source *from)
{
    struct err e = {0};
    size_t have = 0;
    bool more = true, begun = false, newline = true;
    enum status st = OK, in = OK;
    while (st == OK && more) {
        size_t got = 0, used = 0, room = BUFFER - have;
        in = from->read(from->ctx, t->buffer + have, room < READ ? room : READ, &got, &e);
        more = in == OK && got > 0;
        have += more ? got : 0;
        t->bytes += more ? got : 0;
        if (!begun)
            begin(t, slice_of(t->buffer, have));
        begun = true;
        struct slice block = slice_of(t->buffer, have);
        st = t->block ? t->block(t->block_ctx, block, more, &used)
                      : search_block(t, block, more, &used);
        if (t->depth && more && !inflate_more(t, got, &e)) {
            in = ST_LIMIT;
            more = false;
        }
        if (is_stopped(t))
            break;
        if (!more)
            break;
        newline = have && t->buffer[have - 1] == '\n';
        if (have >= LIMIT_HUNT_BLOCK + READ && used == 0)
            used = have; /* cannot be: a full block is always taken */
        if (used) {      /* the last line may end here */
            t->tail_n = used < sizeof t->tail ? used : sizeof t->tail;
            memcpy(t->tail, t->buffer + used - t->tail_n, t->tail_n);
        }
        memmove(t->buffer, t->buffer + used, have - used);
        have -= used;
    }
    if (st == OK && !t->block)
        st = line_search_end(&t->lines);
    end(t, have ? slice_of(t->buffer, have) : slice_of(t->tail, t->tail_n), newline);
    if (in != OK && in != ST_END && st == OK)
        incomplete(t, &e);
    return st;
}

static enum status search_source(struct text_search *t, const struct stream_source *from,
                                 struct err *e);

struct unpacking {
    struct stream *stream;
};

static enum status read_stream(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct unpacking *u = ctx;
    enum status st = stream_read(u->stream, to, n, ret_n, e);
    if (st != ST_END)
        return st;
    *ret_n = 0;
    return OK;
}

static size_t memory_of(enum codec_kind kind)
{
    switch (kind) {
    case CODEC_BZIP2:
        return MIB(4);
    case CODEC_XZ:
        return LIMIT_CODEC_MEMORY;
    case CODEC_ZSTD:
        return ((size_t)1 << LIMIT_ZSTD_WINDOW_LOG) + KIB(512); /* and its buffers */
    default:
        return KIB(256);
    }
}

static enum status search_packed(struct text_search *t, enum codec_kind kind,
                                 const struct stream_source *from, struct err *e)
{
    struct unpacking u = {NULL};
    struct stream_source plain = {&u, read_stream};
    size_t memory = memory_of(kind);
    if (t->codec_memory + memory > t->limits.codecs) {
        (void)err_set(e, ST_LIMIT, N_("packed too often, one inside the other"));
        incomplete(t, e);
        return OK;
    }
    if (t->take_memory)
        t->take_memory(t->on.ctx, memory);
    t->codec_memory += memory;
    enum status st = stream_new(kind, from, &u.stream, e);
    if (st == OK)
        st = search_source(t, &plain, e);
    stream_free(u.stream);
    t->codec_memory -= memory;
    if (t->give_memory)
        t->give_memory(t->on.ctx, memory);
    return st;
}

/* A name inside an archive, put behind the label; the length before, to go back to. */
static size_t label_member(struct text_search *t, struct slice name)
{
    size_t before = t->label.n;
    (void)buf_add_str(&t->label, "!/");
    (void)buf_add_slice(&t->label, name);
    return before;
}

static void label_cut(struct text_search *t, size_t before)
{
    t->label.failed = OK; /* a name that was too long */
    buf_cut(&t->label, before);
}

static enum status search_tar(struct text_search *t, const struct stream_source *from,
                              struct err *e)
{
    struct tar tar;
    struct stream_source file = {&tar, tar_read};
    enum status st = OK, next = OK;
    uint64_t told = t->incompletes;
    tar_init(&tar, from);
    while (st == OK && (next = tar_next(&tar, e)) == OK) {
        size_t before = label_member(t, buf_slice(&tar.name));
        told = t->incompletes;
        if (tar.left)
            st = search_source(t, &file, e);
        label_cut(t, before);
        if (is_stopped(t))
            break;
    }
    if (next != OK && next != ST_END && t->incompletes == told) /* else the member told it */
        incomplete(t, e);
    tar_done(&tar);
    return st;
}

static enum status read_nothing(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    (void)ctx, (void)to, (void)n, (void)e;
    *ret_n = 0;
    return OK;
}

static enum status search_zip(struct text_search *t, int fd, uint64_t size, struct err *e);

/* A zip is read from its end, so one that comes as a stream is kept in a file of its own first. */
static enum status keep_zip(struct text_search *t, const struct stream_source *from, int fd,
                            uint64_t *ret_size, struct err *e)
{
    for (uint64_t size = 0;; *ret_size = size) {
        size_t got = 0;
        enum status st = from->read(from->ctx, t->buffer, READ, &got, e);
        if (st != OK || got == 0)
            return st;
        size += got;
        if (size + t->spooled > t->limits.spool)
            return err_set(e, ST_LIMIT,
                           N_("a zip of more than %llu GiB inside another archive or on standard "
                              "input"),
                           (unsigned long long)(LIMIT_HUNT_SPOOL >> 30));
        if (t->depth && !inflate_more(t, got, e))
            return ST_LIMIT;
        if (fd_write_all(fd, slice_of(t->buffer, got), e) != OK)
            return err_set_errno(e, ST_IO, N_("no room for it in a temporary file"));
        if (is_stopped(t))
            return OK;
    }
}

static enum status search_inner_zip(struct text_search *t, const struct stream_source *from,
                                    struct err *e)
{
    uint64_t size = 0;
    int fd = tempfile_open();
    enum status st = OK;
    enum status kept = fd < 0 ? err_set_errno(e, ST_IO, N_("no room for it in a temporary file"))
                              : keep_zip(t, from, fd, &size, e);
    t->spooled += size;
    if (kept != OK)
        incomplete(t, e);
    else
        st = search_zip(t, fd, size, e);
    t->spooled -= size;
    if (fd >= 0)
        (void)close(fd);
    return st;
}

static enum status search_wide(struct text_search *t, const struct wide_form *form,
                               const struct stream_source *from)
{
    struct wide w;
    struct stream_source text = {&w, wide_read};
    wide_init(&w, form, from);
    return search_text(t, &text);
}

static enum status search_inner(struct text_search *t, const struct stream_source *from,
                                struct err *e)
{
    struct peeked p = {.from = *from};
    struct stream_source whole = {&p, read_peeked};
    enum status in = peek(&p, e);
    struct slice head = slice_of(p.head, p.n);
    if (in != OK) { /* what was read before the error is searched all the same */
        incomplete(t, e);
        p.from = (struct stream_source){NULL, read_nothing};
        return search_text(t, &whole);
    }
    enum codec_kind kind = codec_sniff(head);
    struct wide_form form;
    bool zip = sniff_head(head) == SNIFF_ZIP, tar = tar_sniff(head);
    if ((kind != CODEC_PLAIN || tar || zip) && t->depth > DEPTH) {
        (void)err_set(e, ST_UNSUPPORTED, N_("packed too often, one inside the other"));
        incomplete(t, e);
        return OK;
    }
    if (zip)
        return search_inner_zip(t, &whole, e);
    if (kind != CODEC_PLAIN)
        return search_packed(t, kind, &whole, e);
    if (wide_sniff(head, &form))
        return search_wide(t, &form, &whole);
    return tar ? search_tar(t, &whole, e) : search_text(t, &whole);
}

static enum status search_source(struct text_search *t, const struct stream_source *from,
                                 struct err *e)
{
    t->depth++;
    enum status st = search_inner(t, from, e);
    t->depth--;
    return st;
}

/* --- files */

struct reading {
    int fd;
};

static enum status read_fd(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct reading *r = ctx;
    ssize_t got = 0;
    do
        got = read(r->fd, to, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set_errno(e, ST_IO, N_("cannot be read"));
    *ret_n = (size_t)got;
    return OK;
}

/* The packed bytes of an entry, and the check of what came out. */
struct entry_bytes {
    struct source src;
    uint64_t at, left; /* packed; and what may still come out */
    struct stream *stream;
    uint32_t crc, want;
};

static enum status read_part(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct entry_bytes *b = ctx;
    uint64_t left = b->src.size - b->at;
    *ret_n = n < left ? n : (size_t)left;
    if (*ret_n && source_read(&b->src, b->at, to, *ret_n) != OK)
        return err_set(e, ST_IO, N_("cannot be read"));
    b->at += *ret_n;
    return OK;
}

static enum status read_entry(void *ctx, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct entry_bytes *b = ctx;
    enum status st = stream_read(b->stream, to, n, ret_n, e);
    if (st == ST_END) {
        *ret_n = 0;
        return b->left || b->crc != b->want
                   ? err_set(e, ST_MALFORMED, N_("damaged: its checksum does not fit"))
                   : OK;
    }
    if (st != OK)
        return st;
    if (*ret_n > b->left)
        return err_set(e, ST_MALFORMED, N_("longer than the archive says"));
    b->left -= *ret_n;
    b->crc = crc32_add(b->crc, slice_of(to, *ret_n));
    return OK;
}

static enum status search_entry(struct text_search *t, const struct zip *z,
                                const struct zip_entry *entry, struct err *e)
{
    struct entry_bytes b = {.left = entry->size, .want = entry->crc};
    struct stream_source packed = {&b, read_part}, plain = {&b, read_entry};
    enum status st = zip_packed(z, entry, &b.src);
    if (st != OK) {
        (void)err_set(e, st,
                      st == ST_DENIED        ? N_("encrypted")
                      : st == ST_UNSUPPORTED ? N_("packed in a way that is not supported")
                                             : N_("the archive is damaged"));
        incomplete(t, e);
        return OK;
    }
    st = stream_new(entry->method == ZIP_STORED ? CODEC_PLAIN : CODEC_DEFLATE, &packed, &b.stream,
                    e);
    if (st == OK)
        st = search_source(t, &plain, e);
    stream_free(b.stream);
    return st;
}

static enum status search_zip(struct text_search *t, int fd, uint64_t size, struct err *e)
{
    struct source src = source_of_file(fd, size);
    struct zip z = {0};
    struct zip_entry entry;
    enum status st = OK, next = zip_open(&z, &src, ZIP_END_SIZE + ZIP_COMMENT_MAX);
    while (next == OK && st == OK && (next = zip_next(&z, &entry)) == OK) {
        size_t before = label_member(t, entry.name);
        if (entry.size || entry.packed)
            st = search_entry(t, &z, &entry, e);
        label_cut(t, before);
        if (zip_overlaps(&z)) { /* what bombs live on; no archiver writes it */
            next = ST_MALFORMED;
            break;
        }
        if (is_stopped(t))
            break;
    }
    if (next != OK && next != ST_END) {
        (void)err_set(e, next, N_("the archive is damaged"));
        incomplete(t, e);
    }
    zip_done(&z);
    return st;
}

enum status text_search_file(struct text_search *t, int fd, bool regular, uint64_t size,
                             struct err *e)
{
    struct reading r = {fd};
    struct stream_source from = {&r, read_fd};
    uint8_t head[SNIFF_BYTES];
    ssize_t n = regular ? pread(fd, head, sizeof head, 0) : 0;
    t->inflated = t->spooled = 0;
    t->depth = 0;
    t->codec_memory = 0;
    if (!regular)
        (void)fcntl(fd, F_SETPIPE_SZ, (int)MIB(1)); /* fewer turns between two processes */
    if (n > 0 && sniff_head(slice_of(head, (size_t)n)) == SNIFF_ZIP)
        return search_zip(t, fd, size, e);
    return search_inner(t, &from, e);
}
