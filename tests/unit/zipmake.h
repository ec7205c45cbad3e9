/* Makes zip archives and class files for tests, so that no binary fixture lies in the tree. Ends
 * the test program when memory is out, so it is used before failalloc_at. */
#ifndef HIKESHI_TESTS_ZIPMAKE_H
#define HIKESHI_TESTS_ZIPMAKE_H

#include "base/buf.h"

struct zipmake {
    struct buf out, dir;
    unsigned count;
    bool zip64; /* sizes and offset of every entry stand in its zip64 field */
};

void zipmake_init(struct zipmake *z);
void zipmake_done(struct zipmake *z);
/* method 0 or 8 */
void zipmake_add(struct zipmake *z, const char *name, struct slice data, unsigned method);
/* Puts the directory and the end records behind the entries; the archive is then in z->out. */
void zipmake_end(struct zipmake *z, struct slice comment);

/* The least that is a class file of this name, with these texts as constants. */
void zipmake_class(struct buf *out, const char *name, const char *const *texts, size_t n);

#endif
