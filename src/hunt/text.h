/* What lies in a file, as texts to search: the file itself, or unpacked, or each member of an
 * archive, by content at every level. UTF-16 and UTF-32 are read as UTF-8. A zip that comes as a
 * stream, out of another archive or from a pipe, is kept in a temporary file while it is searched.
 *
 * One text_search per thread; it holds one read buffer and whatever the codecs of the file that is
 * being read take, bounded together by LIMIT_HUNT_CODECS. Input is hostile.
 */
#ifndef HIKESHI_HUNT_TEXT_H
#define HIKESHI_HUNT_TEXT_H

#include "codec/stream.h"
#include "hunt/lines.h"

#include <stdatomic.h>

struct text_events {
    void *ctx;
    /* A text begins: its first bytes. The label is the path, members behind "!/". */
    void (*begin)(void *ctx, struct slice label, struct slice head);
    /* It ends; `tail` is its last bytes, whole or not. */
    void (*end)(void *ctx, struct slice label, struct slice tail);
    /* A #Fields: or #Date: line, of a text whose `headers` begin has set. NULL: not asked for. */
    void (*header)(void *ctx, struct slice line);
    /* Something of it was not read. */
    void (*incomplete)(void *ctx, struct slice label, const struct err *why);
};

/* As they are in base/limits.h; fewer for tests. */
struct text_limits {
    uint64_t inflated, spool;
    size_t codecs;
};

struct text_search {
    struct line_search lines; /* its hit and ctx are the caller's to set */
    struct text_events on;
    struct buf label;
    uint8_t *buffer;
    uint64_t bytes, all_lines, texts; /* searched so far */
    bool headers; /* header lines of the text are to be told; begin sets it, each text anew */
    size_t codec_memory;
    unsigned depth;
    uint64_t incompletes;
    uint64_t inflated; /* of the file that is being read */
    uint64_t spooled;  /* in temporary files, of the archives that are open */
    struct text_limits limits;
    size_t tail_n; /* the end of the text so far */
    uint8_t tail[8192];
    /* Instead of searching: is given the blocks as line_search_block is. NULL: search. */
    enum status (*block)(void *ctx, struct slice block, bool more, size_t *ret_used);
    void *block_ctx;
    /* Before a codec is made: waits until there is room for it beside those of other threads; and
     * when it is gone. With on.ctx; NULL: there are no others. */
    void (*take_memory)(void *ctx, size_t n);
    void (*give_memory)(void *ctx, size_t n);
    const atomic_int *stop, *interrupted; /* not NULL and not 0: give up */
};

/* Who is told of the lines of a header. */
struct text_headers {
    void *ctx;
    void (*header)(void *ctx, struct slice line);
};
/* line_search_block, but that the header lines of the block are told before what stands behind
 * them is searched. h NULL: none are looked for. */
enum status text_search_block(struct line_search *s, const struct text_headers *h,
                              struct slice block, bool more, size_t *ret_used) MUST_USE;

enum status text_search_init(struct text_search *t, const struct prefilter *filter) MUST_USE;
void text_search_done(struct text_search *t); /* accepts a zeroed struct */

/* Whether the file is a text as it lies there, so that parts of it can be searched apart. */
bool text_is_plain(struct slice head);
enum { TEXT_HEAD = 512 };

/* The lines that begin in [from, to) of a plain file of `size` bytes, through windows of memory. */
enum status text_search_part(struct text_search *t, int fd, uint64_t from, uint64_t to,
                             uint64_t size, size_t window, struct err *e) MUST_USE;
/* All of a file (size known: a regular file, in which an archive can be read) or of a pipe
 * (regular false). What cannot be read of it goes to on.incomplete; a status other than OK is the
 * caller's own, or memory. */
enum status text_search_file(struct text_search *t, int fd, bool regular, uint64_t size,
                             struct err *e) MUST_USE;

#endif
