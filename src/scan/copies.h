/* The copies of a profile's components in one archive (or in the folders of a disk): what their
 * classes and name files say, put together per place.
 *
 * Two copies in one jar, one of them mitigated, are two verdicts: evidence is kept per component
 * and package. Nothing is allocated until something is found. Paths are labels of the archive,
 * untrusted; texts are in the language given. Memory ends with copies_done. Limits: ST_LIMIT,
 * ST_NOMEM; the caller then reports the archive as not fully examined.
 */
#ifndef HIKESHI_SCAN_COPIES_H
#define HIKESHI_SCAN_COPIES_H

#include "java/classfile.h"
#include "scan/finding.h"
#include "scan/signs.h"

struct copy;
struct naming;

struct copies {
    struct arena arena;
    const struct signs *signs;
    const struct profile *p;
    enum lang lang;
    struct copy *list;
    size_t count, room, max;
    struct naming *names;
    size_t name_count, name_room;
    bool unsure;         /* something was not read: that a class is absent proves nothing */
    bool has_class;      /* there are classes at all */
    const char *altered; /* why the archive is no release's build any more, or NULL */
};

void copies_init(struct copies *c, const struct profile *p, const struct signs *signs,
                 enum lang lang, size_t max);
void copies_done(struct copies *c); /* accepts a zeroed struct */

/* A class of a sign's name, in `folder`. `crc` and `size` are those of its bytes. */
enum status copies_add_class(struct copies *c, const struct sign *s, struct slice folder,
                             const struct class_file *cf, uint64_t size, uint32_t crc) MUST_USE;
/* A class that has a sign's constants under another name, in the file `path`. */
enum status copies_add_renamed(struct copies *c, const struct sign *s, struct slice path,
                               const struct class_file *cf) MUST_USE;
/* A released class lies in a class file of another name: somebody changed this archive by hand. */
void copies_set_altered(struct copies *c, struct slice path, const struct profile_fact *f);

/* META-INF/maven/…/pom.properties and META-INF/MANIFEST.MF, by their path and text. */
enum status copies_add_pom(struct copies *c, struct slice path, struct slice text) MUST_USE;
enum status copies_add_manifest(struct copies *c, struct slice path, struct slice text) MUST_USE;

/* Whether a class has the constants that identify the sign under any name. */
bool copies_class_is(const struct copies *c, const struct sign *s, const struct class_file *cf);
/* Whether a verdict would rest on the absence of a class: then every class must be looked at. */
bool copies_rest_on_absence(struct copies *c);

/* Gives each finding; `path` names the archive, or is NULL for folders of a disk. */
enum status copies_report(struct copies *c, const char *path,
                          void (*found)(void *ctx, const struct scan_finding *f),
                          void *ctx) MUST_USE;

#endif
