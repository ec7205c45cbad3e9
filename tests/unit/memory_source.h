/* Bytes in memory as a source of a stream, in pieces, or one that fails. Also for fuzz targets. */
#ifndef HIKESHI_TESTS_MEMORY_SOURCE_H
#define HIKESHI_TESTS_MEMORY_SOURCE_H

#include "codec/stream.h"

struct memory {
    struct slice left;
    size_t piece;     /* at most so many bytes at once */
    enum status fail; /* not OK: what each reading ends in */
};

static inline enum status read_memory(void *ctx, uint8_t *to, size_t n, size_t *ret_n,
                                      struct err *e)
{
    struct memory *m = ctx;
    if (m->fail != OK)
        return err_set(e, m->fail, "the disk is gone");
    n = n < m->piece ? n : m->piece;
    n = n < m->left.n ? n : m->left.n;
    if (n)
        memcpy(to, m->left.p, n);
    m->left = slice_sub(m->left, n, m->left.n);
    *ret_n = n;
    return OK;
}

#endif
