/* What the parts of a scan share: walk.c goes through folders, file.c looks at one file, nest.c at
 * the archives in it, mounts.c knows file systems. */
#ifndef HIKESHI_SCAN_SCAN_INT_H
#define HIKESHI_SCAN_SCAN_INT_H

#include "archive/sniff.h"
#include "archive/zip.h"
#include "base/limits.h"
#include "scan/copies.h"
#include "scan/scan.h"

struct frame {
    struct zip zip;
    char *path; /* malloc */
    uint8_t *mem;
    size_t mem_n;
    int fd; /* of a temporary file, or -1 */
    struct copies copies;
    bool second; /* every class is looked at, because a verdict would rest on one being absent */
    bool told_overlap;
};

struct scan {
    struct scan_options o;
    const struct profile *p;
    struct signs *signs;
    struct scan_counts counts;
    struct zip_tools tools;
    struct buf member;   /* the bytes of one class or text */
    uint64_t budget;     /* what may still be spent on the file at hand */
    size_t held;         /* memory of nested archives that are open */
    struct copies loose; /* what lies in folders */
    struct buf path;     /* of the folder that is walked */
    uint64_t told_files; /* when progress was last given */
    size_t depth;
    struct frame frames[LIMIT_SCAN_DEPTH + 1];
};

/* The sentence for a fault of an archive or a file. */
const char *scan_reason(const struct scan *s, enum status st);
const char *scan_reason_errno(const struct scan *s, int code);
void scan_progress(struct scan *s, const char *path);

/* file.c: dirfd and name as for openat; path is what is shown, composed only when it is needed. */
void scan_file(struct scan *s, int dirfd, const char *name, bool follow);

/* walk.c */
enum status scan_folder(struct scan *s, int fd, const char *path, struct err *e) MUST_USE;

/* nest.c: the archive in an open file, and all inside it. ST_NOT_FOUND: it is none. Faults are
 * reported; other statuses do not come. */
enum status nest_file(struct scan *s, int fd, uint64_t size, enum sniff kind,
                      const char *path) MUST_USE;
/* A class that may be one of the signs', from its bytes: into the copies given. */
enum status nest_class(struct scan *s, struct copies *c, struct slice folder, struct slice base,
                       struct slice bytes) MUST_USE;

/* mounts.c */
enum mount_kind { MOUNT_LOCAL, MOUNT_KERNEL, MOUNT_NETWORK, MOUNT_OVERLAY };
enum mount_kind mount_kind_of(int fd, const char *path);
/* Whether an overlay's folders all lie below the paths given (absolute). */
bool mount_overlay_below(const char *mount_point, char *const *roots, size_t n);

#endif
