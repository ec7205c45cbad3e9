/* Files on their way in. See upload.h. */
#include "board/web/upload.h"
#include "base/limits.h"
#include "base/messages.h"
#include "base/timefmt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#define PART MIB(1)

enum status temp_file(int *ret, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    if (!dir || dir[0] != '/')
        dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int n = snprintf(path, sizeof path, "%s/hikeshi-XXXXXX", dir);
    if (fd < 0 && n > 0 && (size_t)n < sizeof path) { /* a file system without O_TMPFILE */
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(path);
    }
    if (fd < 0)
        return err_set_errno(e, ST_IO, "%s: temporary file", dir);
    *ret = fd;
    return OK;
}

/* Fills p up to n bytes, or to the end of the file. */
static enum status read_part(int fd, uint64_t at, uint8_t *p, size_t n, size_t *ret, struct err *e)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, p + got, n - got, (off_t)(at + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_set_errno(e, ST_IO, "temporary file");
        if (r == 0)
            break;
        got += (size_t)r;
    }
    *ret = got;
    return OK;
}

static enum status store_part(struct db *db, int64_t id, int64_t n, struct slice bytes,
                              struct err *e)
{
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO upload_part(upload_id, n, content) VALUES ($1, $2, $3)", "iib", id,
                   n, bytes);
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}

static enum status store_parts(struct db *db, int64_t id, const struct web_file *file,
                               uint8_t *part, char sha256[65], struct err *e)
{
    crypto_hash_sha256_state h;
    unsigned char sum[crypto_hash_sha256_BYTES];
    enum status s = OK;
    uint64_t at = 0;
    (void)crypto_hash_sha256_init(&h);
    for (int64_t n = 0; s == OK && at < file->size; n++) {
        size_t got = 0;
        s = read_part(file->fd, at, part, PART, &got, e);
        if (s == OK && got == 0)
            s = err_set(e, ST_IO, "the temporary file is shorter than it was");
        if (s == OK)
            s = store_part(db, id, n, slice_of(part, got), e);
        (void)crypto_hash_sha256_update(&h, part, got);
        at += got;
    }
    (void)crypto_hash_sha256_final(&h, sum);
    (void)sodium_bin2hex(sha256, 65, sum, sizeof sum);
    return s;
}

enum status upload_store(struct db *db, int64_t incident, int64_t account,
                         const struct web_file *file, int64_t *ret_id, struct err *e)
{
    char sha256[65];
    int64_t id = 0;
    if (file->size > LIMIT_UPLOAD_BYTES)
        return err_set(e, ST_LIMIT, N_("the file is larger than %zu MiB"),
                       LIMIT_UPLOAD_BYTES >> 20);
    uint8_t *part = malloc(PART);
    if (!part)
        return err_set(e, ST_NOMEM, "out of memory");
    randombytes_buf(&id, sizeof id);
    id &= ((int64_t)1 << 53) - 1; /* a number that JSON's readers keep */
    id |= 1;
    /* size -1: not complete yet, and not to be found; but the sweep sees it */
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "INSERT INTO upload(id, incident_id, account_id, name, size, sha256, made_ms) "
                   "VALUES ($1, $2, $3, $4, -1, '', $5)",
                   "iiiti", id, incident, account, file->name, time_now_ms());
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    if (s == OK)
        s = store_parts(db, id, file, part, sha256, e);
    free(part);
    if (s == OK)
        s = db_begin(db, e);
    if (s == OK)
        s = db_run(db, NULL, e, "UPDATE upload SET size = $2, sha256 = $3 WHERE id = $1", "iis", id,
                   (int64_t)file->size, sha256);
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    if (s == OK)
        *ret_id = id;
    return s;
}

/* --- reading back */

static enum status find(struct db *db, int64_t incident, int64_t id, struct upload *u,
                        int64_t *ret_size, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT incident_id, account_id, name, size, sha256, made_ms "
                             "FROM upload WHERE id = $1 AND incident_id = $2 AND size >= 0",
                             "ii", id, incident);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND,
                    N_("the uploaded file is not there any more; upload it again"));
    if (s == OK) {
        *u = (struct upload){.id = id,
                             .incident = db_int(rows, 0),
                             .account = db_int(rows, 1),
                             .made_ms = db_int(rows, 5)};
        *ret_size = db_int(rows, 3);
        (void)snprintf(u->sha256, sizeof u->sha256, "%s", db_text(rows, 4));
        u->name = strdup(db_text(rows, 2));
        if (!u->name)
            s = err_set(e, ST_NOMEM, "out of memory");
    }
    db_rows_done(rows);
    return s;
}

static enum status write_parts(struct db *db, int64_t id, int fd, int64_t size, struct err *e)
{
    enum status s = OK;
    int64_t at = 0;
    for (int64_t n = 0; s == OK && at < size; n++) {
        struct db_rows *rows = NULL;
        s = db_query(db, &rows, e,
                     "SELECT content FROM upload_part WHERE upload_id = $1 AND n = $2", "ii", id,
                     n);
        if (s == OK && (s = db_next(rows, e)) == ST_END)
            s = err_set(e, ST_NOT_FOUND, "part %" PRId64 " of upload %" PRId64 " is missing", n,
                        id);
        for (struct slice p = s == OK ? db_bytes(rows, 0) : (struct slice){0}; s == OK && p.n;) {
            ssize_t w = write(fd, p.p, p.n);
            if (w < 0 && errno != EINTR)
                s = err_set_errno(e, ST_IO, "temporary file");
            else if (w > 0) {
                at += w;
                p = slice_sub(p, (size_t)w, p.n);
            }
        }
        db_rows_done(rows);
    }
    return s;
}

enum status upload_open(struct db *db, int64_t incident, int64_t id, struct upload *ret,
                        struct err *e)
{
    struct upload u = {0};
    int64_t size = 0;
    int fd = -1;
    enum status s = find(db, incident, id, &u, &size, e);
    if (s == OK && size > 0)
        s = temp_file(&fd, e);
    if (s == OK)
        s = write_parts(db, id, fd, size, e);
    if (s == OK && size > 0) {
        u.map_ = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (u.map_ == MAP_FAILED) {
            u.map_ = NULL;
            s = err_set_errno(e, ST_IO, "temporary file");
        }
        u.bytes = slice_of(u.map_, (size_t)size);
    }
    if (fd >= 0)
        (void)close(fd); /* the mapping keeps it */
    if (s != OK)
        upload_close(&u);
    else
        *ret = u;
    return s;
}

void upload_close(struct upload *u)
{
    if (u->map_)
        (void)munmap(u->map_, u->bytes.n);
    free((char *)(uintptr_t)u->name);
    *u = (struct upload){0};
}

/* --- removing */

enum status upload_remove(struct db *db, int64_t id, struct err *e)
{
    enum status s = db_run(db, NULL, e, "DELETE FROM upload_part WHERE upload_id = $1", "i", id);
    return s == OK ? db_run(db, NULL, e, "DELETE FROM upload WHERE id = $1", "i", id) : s;
}

enum status upload_sweep(struct db *db, int64_t now_ms, struct err *e)
{
    int64_t before = now_ms - UPLOAD_KEPT_MS;
    enum status s = db_begin(db, e);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "DELETE FROM upload WHERE made_ms < $1 AND id NOT IN "
                   "(SELECT upload_id FROM job WHERE state = 'running')",
                   "i", before);
    if (s == OK)
        s = db_run(db, NULL, e,
                   "DELETE FROM upload_part WHERE upload_id NOT IN (SELECT id FROM upload)", "");
    if (s == OK)
        s = db_run(db, NULL, e, "DELETE FROM job WHERE made_ms < $1 AND state <> 'running'", "i",
                   now_ms - 7 * UPLOAD_KEPT_MS);
    if (s == OK)
        s = db_commit(db, e);
    db_rollback(db);
    return s;
}
