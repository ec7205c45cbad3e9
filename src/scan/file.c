/* One file of the disk: what its first bytes say it is, and what is done with it. */
#include "scan/scan_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct opened {
    int fd;
    const char *name; /* without folders */
    struct slice head;
    uint64_t size;
    const char *path; /* the whole, as shown */
};

/* The path of a file in the folder at hand, in s->path; undone with buf_cut. */
static const char *compose(struct scan *s, const char *name)
{
    if (s->path.n && s->path.p[s->path.n - 1] != '/')
        (void)buf_add_char(&s->path, '/');
    (void)buf_add_str(&s->path, name);
    return buf_text(&s->path);
}

static void not_read(struct scan *s, const char *path, const char *why)
{
    s->o.incomplete(s->o.ctx, path, why);
}

/* All of a small file into s->member. */
static enum status load(struct scan *s, const struct opened *f, size_t max, struct slice *ret)
{
    struct source src = source_of_file(f->fd, f->size);
    if (f->size > max)
        return ST_LIMIT;
    return source_view(&src, 0, (size_t)f->size, &s->member, ret);
}

/* A class or a name file that lies in a folder, as in an unpacked archive. False: it is neither. */
static bool look_loose(struct scan *s, const struct opened *f, enum sniff kind)
{
    struct slice name = slice_str(f->name), path = slice_str(f->path), folder, base, bytes;
    size_t signs = 0;
    bool pom = slice_eq_str(name, "pom.properties");
    bool manifest = slice_eq_str(name, "MANIFEST.MF");
    enum status st = ST_NOT_FOUND;
    if (kind == SNIFF_CLASS && class_path_split(path, &folder, &base)) {
        (void)signs_named(s->signs, base, &signs);
        s->loose.has_class = true;
        if (signs == 0)
            return true;
        st = load(s, f, LIMIT_CLASS_BYTES, &bytes);
        if (st == OK)
            st = nest_class(s, &s->loose, folder, base, bytes);
    } else if (pom && slice_find(path, SLICE_LIT("/META-INF/maven/")) < path.n) {
        st = load(s, f, LIMIT_POM_BYTES, &bytes);
        if (st == OK)
            st = copies_add_pom(&s->loose, path, bytes);
    } else if (manifest && slice_ends(path, SLICE_LIT("/META-INF/MANIFEST.MF"))) {
        st = load(s, f, LIMIT_MANIFEST_BYTES, &bytes);
        if (st == OK)
            st = copies_add_manifest(&s->loose, path, bytes);
    } else {
        return false;
    }
    if (st != OK) {
        s->loose.unsure = true;
        not_read(s, f->path, scan_reason(s, st));
    }
    return true;
}

static bool same_file_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void look_archive(struct scan *s, const struct opened *f, enum sniff kind)
{
    struct stat before, after;
    bool have = fstat(f->fd, &before) == 0;
    if (nest_file(s, f->fd, f->size, kind, f->path) != OK)
        return; /* no archive behind the program or script */
    if (!have || fstat(f->fd, &after) != 0 || !same_file_state(&before, &after))
        not_read(s, f->path, T(s->o.lang, "it changed while it was read"));
}

static bool may_name(const char *name)
{
    return strcmp(name, "pom.properties") == 0 || strcmp(name, "MANIFEST.MF") == 0;
}

static void look(struct scan *s, struct opened *f, const char *name)
{
    enum sniff kind = sniff_head(f->head);
    if (kind == SNIFF_OTHER && sniff_claims_archive(slice_str(f->name)))
        kind = SNIFF_PREAMBLE;
    if (kind == SNIFF_OTHER && !may_name(f->name))
        return;
    size_t folder_n = s->path.n;
    f->path = compose(s, name);
    if (kind == SNIFF_ZIP || kind == SNIFF_PREAMBLE || kind == SNIFF_ELF)
        look_archive(s, f, kind);
    else
        (void)look_loose(s, f, kind);
    buf_cut(&s->path, folder_n);
}

static void failed(struct scan *s, const char *name, int code)
{
    size_t folder_n = s->path.n;
    not_read(s, compose(s, name), scan_reason_errno(s, code));
    buf_cut(&s->path, folder_n);
}

void scan_file(struct scan *s, int dirfd, const char *name, bool follow)
{
    uint8_t head[SNIFF_BYTES];
    struct stat sb;
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW);
    const char *base = strrchr(name, '/');
    struct opened f = {.name = base ? base + 1 : name};
    f.fd = openat(dirfd, name, flags);
    if (f.fd < 0) {
        if (errno != ELOOP && errno != ENXIO) /* became a link or a socket, which hold nothing */
            failed(s, name, errno);
        return;
    }
    ssize_t n = pread(f.fd, head, sizeof head, 0);
    f.size = n > 0 ? (uint64_t)n : 0;
    if (n < 0 || (n == sizeof head && fstat(f.fd, &sb) != 0)) {
        failed(s, name, errno);
    } else {
        if (n == sizeof head)
            f.size = (uint64_t)sb.st_size;
        f.head = slice_of(head, (size_t)n);
        s->counts.files++;
        s->counts.bytes += f.size;
        look(s, &f, name);
    }
    (void)close(f.fd);
}
