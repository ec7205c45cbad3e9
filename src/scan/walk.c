/* Folders: openat and getdents64 with an explicit stack of open folders. A folder's files are
 * looked at while it is read; its folders are remembered by name and entered afterwards, so that a
 * path that is changed meanwhile leads nowhere else. */
#include "scan/scan_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct level {
    int fd;
    dev_t dev;
    struct buf names; /* folders to enter, each ended by NUL */
    size_t at;
    size_t path_n; /* of s->path before this folder was entered */
};

struct walk {
    struct scan *s;
    size_t depth;
    struct level levels[LIMIT_WALK_DEPTH];
    _Alignas(struct dirent64) char entries[65536];
};

static void fault(struct scan *s, const char *why)
{
    s->loose.unsure = true;
    s->o.incomplete(s->o.ctx, buf_text(&s->path), why);
}

static unsigned char kind_of(int dirfd, const struct dirent64 *d)
{
    struct stat sb;
    if (d->d_type != DT_UNKNOWN)
        return d->d_type;
    if (fstatat(dirfd, d->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_REG; /* opening it will tell */
    return IFTODT(sb.st_mode) & 15;
}

/* Reads the folder at hand: files are scanned, folders remembered. */
static void read_folder(struct walk *w, struct level *l)
{
    struct scan *s = w->s;
    for (;;) {
        ssize_t n = getdents64(l->fd, w->entries, sizeof w->entries);
        if (n < 0)
            fault(s, scan_reason_errno(s, errno));
        if (n <= 0)
            break;
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(w->entries + at);
            at += d->d_reclen;
            if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                continue;
            unsigned char kind = kind_of(l->fd, d);
            if (kind == DT_REG)
                scan_file(s, l->fd, d->d_name, false);
            else if (kind == DT_DIR)
                (void)buf_add(&l->names, d->d_name, strlen(d->d_name) + 1);
        }
        scan_progress(s, buf_text(&s->path));
    }
    if (buf_status(&l->names) != OK)
        fault(s, T(s->o.lang, "more folders in it than there is room for"));
}

/* Whether the folder, which begins another file system, is to be walked. */
static bool wanted(struct scan *s, int fd)
{
    const char *path = buf_text(&s->path);
    switch (mount_kind_of(fd, path)) {
    case MOUNT_KERNEL:
        s->o.skipped(s->o.ctx, path, T(s->o.lang, "tables of the kernel, not files"));
        return false;
    case MOUNT_NETWORK:
        if (!s->o.network)
            s->o.incomplete(s->o.ctx, path,
                            T(s->o.lang, "a network file system: scan it where it lies, name it, "
                                         "or give --network"));
        return s->o.network;
    case MOUNT_OVERLAY:
        if (!mount_overlay_below(path, s->o.paths, s->o.path_count))
            return true;
        s->o.skipped(s->o.ctx, path,
                     T(s->o.lang, "a second view (overlay) of folders that are scanned"));
        return false;
    case MOUNT_LOCAL:
        break;
    }
    return true;
}

/* Takes over fd. s->path is the folder's; path_n is what it is cut to afterwards. */
static void enter(struct walk *w, int fd, size_t path_n)
{
    struct scan *s = w->s;
    struct stat sb;
    if (fstat(fd, &sb) != 0) {
        fault(s, scan_reason_errno(s, errno));
    } else if (w->depth == LIMIT_WALK_DEPTH) {
        fault(s, T(s->o.lang, "folders nested too deep"));
    } else if (w->depth == 0 || sb.st_dev == w->levels[w->depth - 1].dev || wanted(s, fd)) {
        struct level *l = &w->levels[w->depth++];
        *l = (struct level){.fd = fd, .dev = sb.st_dev, .path_n = path_n};
        buf_init(&l->names, LIMIT_FOLDER_NAMES);
        read_folder(w, l);
        return;
    }
    (void)close(fd);
    buf_cut(&s->path, path_n);
}

static void leave(struct walk *w)
{
    struct level *l = &w->levels[--w->depth];
    (void)close(l->fd);
    buf_done(&l->names);
    buf_cut(&w->s->path, l->path_n);
}

static void step(struct walk *w)
{
    struct scan *s = w->s;
    struct level *l = &w->levels[w->depth - 1];
    if (l->at >= l->names.n) {
        leave(w);
        return;
    }
    const char *name = (const char *)l->names.p + l->at;
    size_t path_n = s->path.n;
    l->at += strlen(name) + 1;
    if (path_n && s->path.p[path_n - 1] != '/')
        (void)buf_add_char(&s->path, '/');
    (void)buf_add_str(&s->path, name);
    int fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        enter(w, fd, path_n);
        return;
    }
    if (errno != ELOOP && errno != ENOTDIR) /* it became a link or a file */
        fault(s, scan_reason_errno(s, errno));
    buf_cut(&s->path, path_n);
}

enum status scan_folder(struct scan *s, int fd, const char *path, struct err *e)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w) {
        (void)close(fd);
        return err_set(e, ST_NOMEM, "%s: not enough memory", path);
    }
    w->s = s;
    buf_clear(&s->path);
    (void)buf_add_str(&s->path, path);
    enter(w, fd, s->path.n);
    while (w->depth)
        step(w);
    free(w);
    return OK;
}
