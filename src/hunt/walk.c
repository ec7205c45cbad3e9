/* Walking with fts, which needs neither recursion nor one open file for each level. */
#include "hunt/walk.h"

#include "base/messages.h"

#include <errno.h>
#include <fts.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct walk {
    char **paths;
    size_t n, at;
    FTS *fts;
    dev_t device; /* of the last folder */
};

enum status walk_new(char **paths, size_t n, struct walk **ret)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w)
        return ST_NOMEM;
    w->paths = paths;
    w->n = n;
    *ret = w;
    return OK;
}

void walk_free(struct walk *w)
{
    if (w && w->fts)
        (void)fts_close(w->fts);
    free(w);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_kernels(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    unsigned long type = (unsigned long)fs.f_type;
    return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == CGROUP2_SUPER_MAGIC ||
           type == CGROUP_SUPER_MAGIC || type == DEBUGFS_MAGIC || type == TRACEFS_MAGIC ||
           type == SECURITYFS_MAGIC || type == BPF_FS_MAGIC || type == PSTOREFS_MAGIC;
}

static void enter(struct walk *w, FTSENT *f)
{
    if (f->fts_statp->st_dev == w->device)
        return;
    w->device = f->fts_statp->st_dev;
    if (is_kernels(f->fts_path) && f->fts_level > 0)
        (void)fts_set(w->fts, f, FTS_SKIP);
}

/* One entry of the tree; *ret_found: it is a file to search. */
static enum status step(struct walk *w, FTSENT *f, struct walk_file *ret, bool *ret_found,
                        struct err *e)
{
    bool named = f->fts_level == FTS_ROOTLEVEL;
    *ret = (struct walk_file){f->fts_path, named, f->fts_info == FTS_F};
    *ret_found = false;
    switch (f->fts_info) {
    case FTS_D:
        enter(w, f);
        return OK;
    case FTS_F:
        *ret_found = true;
        return OK;
    case FTS_DEFAULT: /* a pipe, a device */
        *ret_found = named;
        return OK;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
    case FTS_SLNONE:
        errno = f->fts_info == FTS_SLNONE ? ENOENT : f->fts_errno;
        if (named)
            return err_set_errno(e, ST_NOT_FOUND, N_("cannot be read"));
        return f->fts_info == FTS_SLNONE ? OK : err_set_errno(e, ST_IO, N_("cannot be read"));
    default:
        return OK;
    }
}

enum status walk_next(struct walk *w, struct walk_file *ret, struct err *e)
{
    for (;;) {
        if (!w->fts) {
            if (w->at == w->n)
                return ST_END;
            char *one[] = {w->paths[w->at], NULL};
            if (strcmp(one[0], "-") == 0) {
                *ret = (struct walk_file){"-", true, false};
                w->at++;
                return OK;
            }
            w->device = 0;
            w->fts = fts_open(one, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
            if (!w->fts) {
                *ret = (struct walk_file){w->paths[w->at++], true, false};
                return err_set_errno(e, ST_NOT_FOUND, N_("cannot be read"));
            }
        }
        errno = 0;
        FTSENT *f = fts_read(w->fts);
        bool found = false;
        if (!f) {
            (void)fts_close(w->fts);
            w->fts = NULL;
            w->at++;
            continue;
        }
        enum status st = step(w, f, ret, &found, e);
        if (st != OK || found)
            return st;
    }
}
