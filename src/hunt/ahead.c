/* One thread fills blocks in a ring, the other empties them; each waits for the other. */
#include "hunt/ahead.h"

void ahead_init(struct ahead *a, const struct stream_source *from,
                const struct ahead_lender *lender)
{
    *a = (struct ahead){.from = *from};
    if (lender)
        a->lender = *lender;
}

/* --- the thread */

/* The next block to fill; NULL: the reader wants no more. */
static uint8_t *wait_for_room(struct ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->put - a->taken == AHEAD_BLOCKS && !a->stop)
        (void)pthread_cond_wait(&a->emptied, &a->lock);
    uint8_t *block = a->stop ? NULL : a->blocks + a->put % AHEAD_BLOCKS * AHEAD_BLOCK;
    (void)pthread_mutex_unlock(&a->lock);
    return block;
}

static void *fill(void *ctx)
{
    struct ahead *a = ctx;
    enum status st = OK;
    uint8_t *block = NULL;
    size_t n = 1;
    while (n && (block = wait_for_room(a))) {
        n = 0;
        st = a->from.read(a->from.ctx, block, AHEAD_BLOCK, &n, &a->why);
        n = st == OK ? n : 0;
        (void)pthread_mutex_lock(&a->lock);
        a->n[a->put % AHEAD_BLOCKS] = n;
        a->put += n > 0;
        a->ended = n == 0;
        a->end = st;
        (void)pthread_cond_signal(&a->filled);
        (void)pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

/* --- the reader */

static bool start(struct ahead *a)
{
    a->blocks = malloc((size_t)AHEAD_BLOCKS * AHEAD_BLOCK);
    if (!a->blocks)
        return false;
    (void)pthread_mutex_init(&a->lock, NULL); /* with no attributes they cannot fail */
    (void)pthread_cond_init(&a->filled, NULL);
    (void)pthread_cond_init(&a->emptied, NULL);
    if (pthread_create(&a->thread, NULL, fill, a) == 0)
        return true;
    (void)pthread_cond_destroy(&a->emptied);
    (void)pthread_cond_destroy(&a->filled);
    (void)pthread_mutex_destroy(&a->lock);
    free(a->blocks);
    return false;
}

/* Begins the thread when it is time and there is one. */
static void ask(struct ahead *a)
{
    if (!a->lender.take || a->before < a->lender.after)
        return;
    a->before = 0;
    if (!a->lender.take(a->lender.ctx))
        return;
    a->runs = start(a);
    if (a->runs)
        return;
    a->lender.give(a->lender.ctx);
    a->lender.take = NULL; /* the system has none: it goes on without */
}

/* How much of a block is there, after waiting for it; 0: the source ended. */
static size_t wait_for_bytes(struct ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    if (a->at && a->at == a->n[a->taken % AHEAD_BLOCKS]) {
        a->at = 0;
        a->taken++;
        (void)pthread_cond_signal(&a->emptied);
    }
    while (a->put == a->taken && !a->ended)
        (void)pthread_cond_wait(&a->filled, &a->lock);
    size_t n = a->put > a->taken ? a->n[a->taken % AHEAD_BLOCKS] - a->at : 0;
    (void)pthread_mutex_unlock(&a->lock);
    return n;
}

enum status ahead_read(void *ahead, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct ahead *a = ahead;
    if (!a->runs)
        ask(a);
    if (!a->runs) {
        enum status st = a->from.read(a->from.ctx, to, n, ret_n, e);
        a->before += st == OK ? *ret_n : 0;
        return st;
    }
    size_t left = wait_for_bytes(a);
    if (!left && a->end != OK) {
        if (e)
            *e = a->why;
        return a->end;
    }
    *ret_n = n < left ? n : left;
    memcpy(to, a->blocks + a->taken % AHEAD_BLOCKS * AHEAD_BLOCK + a->at, *ret_n);
    a->at += *ret_n;
    return OK;
}

void ahead_done(struct ahead *a)
{
    if (!a->runs)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_signal(&a->emptied);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    (void)pthread_cond_destroy(&a->emptied);
    (void)pthread_cond_destroy(&a->filled);
    (void)pthread_mutex_destroy(&a->lock);
    free(a->blocks);
    a->runs = false;
    a->lender.give(a->lender.ctx);
}
