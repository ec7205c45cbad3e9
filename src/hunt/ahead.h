/* Reading ahead: a thread of its own reads a source, which is to say unpacks, while what it gave is
 * searched.
 *
 * It begins once `after` bytes were read without it, so that small texts cost no thread, and only
 * with a thread that the lender can spare; it is asked for again every `after` bytes. Bytes, their
 * order, and the error behind them are those of the source. From the start of the thread to
 * ahead_done nobody else may use the source, nor what it reads from.
 *
 * One struct ahead belongs to one thread, the reader. It holds four blocks while its thread runs,
 * nothing before. What comes out of the source is hostile; it is only passed on.
 */
#ifndef HIKESHI_HUNT_AHEAD_H
#define HIKESHI_HUNT_AHEAD_H

#include "codec/stream.h"

#include <pthread.h>

/* Who has threads to spare. Called by the reader. */
struct ahead_lender {
    void *ctx;
    bool (*take)(void *ctx); /* whether one more thread may run */
    void (*give)(void *ctx); /* it ended */
    uint64_t after;
};

enum { AHEAD_BLOCKS = 4, AHEAD_BLOCK = 128 * 1024 };

struct ahead {
    struct stream_source from;
    struct ahead_lender lender; /* take NULL: none */
    uint64_t before;            /* bytes read since a thread was asked for */
    bool runs;
    pthread_t thread;
    uint8_t *blocks;
    size_t at; /* in the block that is being read */
    /* from here on under the lock, while the thread runs */
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    uint64_t put, taken; /* blocks so far: block i lies at i % AHEAD_BLOCKS */
    size_t n[AHEAD_BLOCKS];
    bool stop, ended;
    enum status end; /* what the source said at its end */
    struct err why;  /* the thread's until it ended */
};

/* lender NULL: the source is read as it is. */
void ahead_init(struct ahead *a, const struct stream_source *from,
                const struct ahead_lender *lender);
/* Ends the thread, after the read that it is in, and gives it back. */
void ahead_done(struct ahead *a);
/* Fits struct stream_source. */
enum status ahead_read(void *ahead, uint8_t *to, size_t n, size_t *ret_n, struct err *e);

#endif
