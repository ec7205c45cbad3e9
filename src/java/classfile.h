/* The constant pool of a Java class (JVM specification 4.1, 4.4): its name and its texts.
 *
 * The texts survive a change of package and of file name, which is what makes them evidence.
 * Input is hostile: the pool is walked once and must hold together. Slices are of the bytes given.
 */
#ifndef HIKESHI_JAVA_CLASSFILE_H
#define HIKESHI_JAVA_CLASSFILE_H

#include "base/slice.h"

struct class_file {
    struct slice pool; /* the constants, from the first on */
    uint16_t count;    /* constant_pool_count: one more than there are */
    struct slice name; /* "org/example/Thing", as the class says of itself */
};

/* ST_MALFORMED: no class, or one that is damaged or cut within its pool. */
enum status class_open(struct slice bytes, struct class_file *ret) MUST_USE;

/* Whether text is one whole CONSTANT_Utf8 of the pool. */
bool class_has_text(const struct class_file *c, struct slice text);

/* The name without its package. */
struct slice class_base_name(const struct class_file *c);

/* Takes a path apart: a/b/Thing.class gives folder "a/b" and base "Thing". False when the ending is
 * none that a class loader would read: agents rename classes to .classdata or .esclazz, people who
 * disable one rename it to .class.bak. */
bool class_path_split(struct slice path, struct slice *ret_folder, struct slice *ret_base);

#endif
