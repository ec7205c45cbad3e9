/* A pool of connections: at most max, opened when first wanted, lent to one thread at a time. */
#include "board/db/internal.h"

#include <pthread.h>

struct db_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    char *url;
    size_t max;
    size_t open; /* free and lent */
    size_t n_free;
    struct db *free[];
};

enum status db_pool_open(const char *url, size_t max, struct db_pool **ret, struct err *e)
{
    if (max == 0 || max > 1000)
        return err_set(e, ST_INVALID, "a pool of %zu connections", max);
    struct db_pool *p = calloc(1, sizeof *p + max * sizeof(struct db *));
    char *copy = strdup(url);
    if (!p || !copy) {
        free(p);
        free(copy);
        return err_set(e, ST_NOMEM, "database: out of memory");
    }
    p->url = copy;
    p->max = max;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->freed, NULL);
    *ret = p;
    return OK;
}

void db_pool_close(struct db_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->n_free; i++)
        db_close(pool->free[i]);
    (void)pthread_cond_destroy(&pool->freed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->url);
    free(pool);
}

static void forget_one(struct db_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->open--;
    (void)pthread_cond_signal(&pool->freed);
    (void)pthread_mutex_unlock(&pool->lock);
}

enum status db_pool_get(struct db_pool *pool, struct db **ret, struct err *e)
{
    struct db *db = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->n_free == 0 && pool->open == pool->max)
        (void)pthread_cond_wait(&pool->freed, &pool->lock);
    if (pool->n_free)
        db = pool->free[--pool->n_free];
    else
        pool->open++;
    (void)pthread_mutex_unlock(&pool->lock);
    if (!db) {
        enum status s = db_open(pool->url, &db, e);
        if (s != OK) {
            forget_one(pool);
            return s;
        }
    }
    *ret = db;
    return OK;
}

void db_pool_put(struct db_pool *pool, struct db *db)
{
    if (!db)
        return;
    db_rollback(db);
    if (!db_alive(db)) { /* the server went away: the next one who asks connects anew */
        db_close(db);
        forget_one(pool);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->free[pool->n_free++] = db;
    (void)pthread_cond_signal(&pool->freed);
    (void)pthread_mutex_unlock(&pool->lock);
}
