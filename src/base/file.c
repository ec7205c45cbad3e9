/* Files. See file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status read_fd(int fd, const char *path, struct buf *out, struct err *e)
{
    for (;;) {
        uint8_t chunk[65536];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, ST_IO, "%s: cannot be read", path);
        if (n == 0)
            return OK;
        enum status s = buf_add(out, chunk, (size_t)n);
        if (s == ST_LIMIT)
            return err_set(e, s, "%s: larger than %zu bytes", path, out->max);
        if (s != OK)
            return err_set(e, s, "%s: out of memory", path);
    }
}

enum status file_read_all(const char *path, struct buf *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_fd(STDIN_FILENO, "standard input", out, e);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set_errno(e, errno == ENOENT ? ST_NOT_FOUND : ST_IO, "%s", path);
    struct stat st;
    enum status s = OK;
    if (fstat(fd, &st) != 0)
        s = err_set_errno(e, ST_IO, "%s", path);
    else if (!S_ISREG(st.st_mode))
        s = err_set(e, ST_IO, "%s: not a regular file", path);
    else
        s = read_fd(fd, path, out, e);
    close(fd);
    return s;
}

enum status fd_write_all(int fd, struct slice s, struct err *e)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, ST_IO, "cannot write");
        s = slice_sub(s, (size_t)n, s.n);
    }
    return OK;
}

static enum status write_into(const char *path, struct slice content, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(e, ST_IO, "%s: cannot be written", path);
    enum status s = fd_write_all(fd, content, e);
    if (close(fd) != 0 && s == OK)
        s = err_set_errno(e, ST_IO, "%s: cannot be written", path);
    return s;
}

enum status file_write_atomic(const char *path, struct slice content, unsigned mode, struct err *e)
{
    char tmp[4096];
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return write_into(path, content, e);
    int n = snprintf(tmp, sizeof tmp, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof tmp)
        return err_set(e, ST_LIMIT, "%s: path too long", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, ST_IO, "%s: cannot be made", tmp);
    enum status s = fd_write_all(fd, content, e);
    if (s == OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        s = err_set_errno(e, ST_IO, "%s: cannot be written", tmp);
    if (close(fd) != 0 && s == OK)
        s = err_set_errno(e, ST_IO, "%s: cannot be written", tmp);
    if (s == OK && rename(tmp, path) != 0)
        s = err_set_errno(e, ST_IO, "%s: cannot be put in place", path);
    if (s != OK)
        (void)unlink(tmp);
    return s;
}
