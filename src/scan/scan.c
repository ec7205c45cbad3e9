/* A scan as a whole: its resources, its paths, and the sentences for what could not be read. */
#include "scan/scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const char *scan_reason(const struct scan *s, enum status st)
{
    switch (st) {
    case ST_DENIED:
        return T(s->o.lang, "encrypted");
    case ST_LIMIT:
        return T(s->o.lang, "larger than the limits of a scan, or a zip bomb");
    case ST_UNSUPPORTED:
        return T(s->o.lang, "packed by a method that is not read");
    case ST_NOMEM:
        return T(s->o.lang, "not enough memory");
    case ST_NOT_FOUND:
        return T(s->o.lang, "begins as a zip, but has no directory: cut or damaged");
    case ST_IO:
        return errno ? scan_reason_errno(s, errno)
                     : T(s->o.lang, "it became shorter while it was read");
    default:
        return T(s->o.lang, "damaged");
    }
}

const char *scan_reason_errno(const struct scan *s, int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
        return T(s->o.lang, "permission denied (run as root)");
    case ENOENT:
    case ESTALE:
        return T(s->o.lang, "deleted while it was scanned");
    case ENOSPC:
        return T(s->o.lang, "no room for a temporary file (set TMPDIR)");
    case EIO:
        return T(s->o.lang, "the disk cannot read it");
    case EMFILE:
    case ENFILE:
        return T(s->o.lang, "too many open files");
    default:
        return strerror(code);
    }
}

void scan_progress(struct scan *s, const char *path)
{
    if (!s->o.progress || s->counts.files + s->counts.archives - s->told_files < 64)
        return;
    s->told_files = s->counts.files + s->counts.archives;
    s->o.progress(s->o.ctx, path, &s->counts);
}

enum status scan_new(const struct scan_options *o, struct scan **ret)
{
    struct scan *s = calloc(1, sizeof *s);
    if (!s)
        return ST_NOMEM;
    s->o = *o;
    s->p = o->profile;
    buf_init(&s->member, LIMIT_MANIFEST_BYTES + 1);
    buf_init(&s->path, LIMIT_PATH_BYTES);
    enum status st = zip_tools_init(&s->tools);
    if (st == OK)
        st = signs_new(o->profile, &s->signs);
    if (st != OK) {
        scan_free(s);
        return st;
    }
    copies_init(&s->loose, s->p, s->signs, o->lang, LIMIT_LOOSE_COPIES);
    *ret = s;
    return OK;
}

void scan_free(struct scan *s)
{
    if (!s)
        return;
    copies_done(&s->loose);
    buf_done(&s->member);
    buf_done(&s->path);
    zip_tools_done(&s->tools);
    signs_free(s->signs);
    free(s);
}

const struct scan_counts *scan_counts(const struct scan *s)
{
    return &s->counts;
}

enum status scan_path(struct scan *s, const char *path, struct err *e)
{
    struct stat sb;
    if (stat(path, &sb) != 0)
        return err_set_errno(e, ST_NOT_FOUND, "%s", path);
    if (S_ISDIR(sb.st_mode)) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? err_set_errno(e, ST_IO, "%s", path) : scan_folder(s, fd, path, e);
    }
    if (!S_ISREG(sb.st_mode))
        return err_set(e, ST_INVALID, "%s: neither a file nor a folder", path);
    buf_clear(&s->path);
    scan_file(s, AT_FDCWD, path, true);
    return OK;
}

void scan_finish(struct scan *s)
{
    if (copies_report(&s->loose, NULL, s->o.finding, s->o.ctx) != OK)
        s->o.incomplete(s->o.ctx, "/", scan_reason(s, ST_NOMEM));
}
