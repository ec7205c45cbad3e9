/* Judging proposals, and files that belong to evidence. See judge.h. */
#include "board/web/pages/judge.h"

#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/survey.h"

#include <sys/mman.h>
#include <unistd.h>

#define JUDGE_MAX 1000 /* of one form; a page shows fewer */

static enum status ticked(struct web_request *r, int64_t **ret, size_t *ret_count, struct err *e)
{
    struct slice text;
    size_t n = 0;
    int64_t *ids = arena_alloc_array(r->arena, JUDGE_MAX, sizeof *ids);
    if (!ids)
        return err_set(e, arena_status(r->arena), "out of memory");
    for (; web_field_at(r, "e", n, &text); n++) {
        if (n == JUDGE_MAX)
            return err_set(e, ST_LIMIT, N_("more than %d proposals at once"), JUDGE_MAX);
        if (slice_to_i64(text, &ids[n]) != OK || ids[n] <= 0)
            return err_set(e, ST_INVALID, N_("a chosen proposal has no number"));
    }
    *ret = ids;
    *ret_count = n;
    return n ? OK : err_set(e, ST_INVALID, N_("no proposal is chosen"));
}

enum status judge_ticked(struct web_request *r, int64_t incident, char **ret_said, struct err *e)
{
    int64_t *ids = NULL;
    size_t n = 0;
    struct slice what = web_field(r, "do");
    struct slice reason = slice_trim(web_field(r, "reason"));
    bool refuse = slice_eq_str(what, "refuse");
    enum status s = ticked(r, &ids, &n, e);
    if (s == OK && !refuse && !slice_eq_str(what, "confirm"))
        s = err_set(e, ST_INVALID, N_("choose to confirm or to refuse"));
    if (s == OK && refuse && !reason.n)
        s = err_set(e, ST_INVALID, N_("refusing needs a reason"));
    const char *why = s == OK ? arena_strdup(r->arena, reason) : "";
    if (s == OK && !why)
        s = err_set(e, ST_NOMEM, "out of memory");
    if (s == OK)
        s = refuse ? survey_refuse(r->db, &r->actor, incident, ids, n, why, e)
                   : survey_confirm(r->db, &r->actor, incident, ids, n, e);
    if (s != OK)
        return s;
    *ret_said = arena_printf(
        r->arena,
        refuse ? TN(r->lang, "%lld proposal was refused", "%lld proposals were refused", (int64_t)n)
               : TN(r->lang, "%lld proposal was confirmed", "%lld proposals were confirmed",
                    (int64_t)n),
        (long long)n);
    return *ret_said ? OK : err_set(e, ST_NOMEM, "out of memory");
}

/* --- files */

enum status judge_take_file(struct web_request *r, const char *field, struct buf *content,
                            const char **ret_name, struct err *e)
{
    const struct web_file *f = web_file_of(r, field);
    if (!f || f->size == 0)
        return OK;
    if (f->size > content->max)
        return err_set(e, ST_LIMIT, N_("the file is larger than %zu MB"), content->max >> 20);
    uint64_t at = 0;
    while (at < f->size) {
        uint8_t *p = NULL;
        enum status s = buf_reserve(content, KIB(64), &p);
        if (s == ST_LIMIT) /* the last piece */
            s = buf_reserve(content, (size_t)(f->size - at), &p);
        if (s != OK)
            return err_set(e, s, "the attached file");
        ssize_t n =
            pread(f->fd, p, f->size - at < KIB(64) ? (size_t)(f->size - at) : KIB(64), (off_t)at);
        if (n <= 0)
            return err_set_errno(e, ST_IO, "the attached file");
        buf_commit(content, (size_t)n);
        at += (uint64_t)n;
    }
    *ret_name = arena_strdup(r->arena, f->name);
    return *ret_name ? OK : err_set(e, ST_NOMEM, "out of memory");
}

/* Somebody may have an attachment who may see a row that it is evidence of. */
static enum status may_have(struct web_request *r, struct err *e)
{
    struct db_rows *rows = NULL;
    int64_t asset = 0;
    enum status s = db_query(r->db, &rows, e,
                             "SELECT asset_id FROM evidence WHERE incident_id = $1 AND "
                             "attachment_id = $2 ORDER BY id LIMIT 1",
                             "ii", r->id[0], r->id[1]);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        asset = db_int(rows, 0);
    db_rows_done(rows);
    if (s == OK)
        s = asset_visible(r->db, &r->actor, asset, e);
    if (s == ST_END || s == ST_NOT_FOUND)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such attachment"));
    return s;
}

static enum status write_all(int fd, struct slice s, struct err *e)
{
    size_t at = 0;
    while (at < s.n) {
        ssize_t n = write(fd, s.p + at, s.n - at);
        if (n <= 0)
            return err_set_errno(e, ST_IO, "the attachment");
        at += (size_t)n;
    }
    return OK;
}

/* Always as a download of no type that a browser would open: it is somebody else's file. */
static enum status get_attachment(struct web_request *r, struct web_response *res, struct err *e)
{
    struct db_rows *rows = NULL;
    const char *name = NULL;
    int fd = memfd_create("attachment", MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, ST_IO, "memory for the attachment");
    enum status s = may_have(r, e);
    if (s == OK)
        s = db_query(r->db, &rows, e,
                     "SELECT name, content FROM attachment WHERE id = $1 AND incident_id = $2",
                     "ii", r->id[1], r->id[0]);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        name = arena_strdup(r->arena, slice_str(db_text(rows, 0)));
        s = write_all(fd, db_bytes(rows, 1), e);
    }
    db_rows_done(rows);
    if (s == OK)
        return web_send_file(res, fd, "application/octet-stream",
                             name && *name ? name : "attachment");
    (void)close(fd);
    return s == ST_END ? err_set(e, ST_NOT_FOUND, N_("there is no such attachment")) : s;
}

const struct web_route attachment_routes[] = {
    {WEB_GET, "/incidents/:n/attachments/:n", ROLES_READ, 0, ROUTE_PAGE, get_attachment,
     "The file that a piece of evidence rests on"},
    {0},
};
