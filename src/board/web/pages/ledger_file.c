/* The rows that the ledger page shows, as a file. */
#include "board/case/ledger_export.h"
#include "board/web/pages/import.html.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/ledger.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *name, *suffix, *type;
    enum export_format format;
} formats[] = {
    {"xlsx", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     EXPORT_XLSX},
    {"csv", "csv", "text/csv; charset=utf-8", EXPORT_CSV},
    {"cp932", "csv", "text/csv; charset=shift_jis", EXPORT_CSV_CP932},
};

static enum status write_export(struct web_request *r, enum export_format format, int *ret_fd,
                                struct export_loss *ret_loss, struct err *e)
{
    struct ledger_address q;
    struct export_loss loss = {0};
    char path[] = "/tmp/hikeshi-export-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, ST_IO, "a file for the export");
    (void)close(fd);
    ledger_address_read(r, r->id[0], &q);
    struct ledger_filter f = ledger_address_filter(&q, &r->actor, r->now_ms);
    enum status s = ledger_export(r->db, &f, format, r->lang, path, &loss, e);
    fd = s == OK ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (s == OK && fd < 0)
        s = err_set_errno(e, ST_IO, "the file of the export");
    (void)unlink(path);
    if (s == OK) {
        *ret_fd = fd;
        *ret_loss = loss;
    }
    return s;
}

/* Characters that the file would not have are told before it is taken. */
static enum status tell_loss(struct web_request *r, struct web_response *res,
                             const struct export_loss *loss, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct ledger_address q;
    enum status s = incident_frame(r, r->id[0], PAGE_LEDGER, T(r->lang, "Export"), &f, &info, e);
    if (s != OK)
        return s;
    ledger_address_read(r, info.id, &q);
    char *base = arena_printf(r->arena, "/incidents/%" PRId64 "/ledger/export/cp932", info.id);
    struct slice url = base ? ledger_address_url(&q, base, r->arena).s : (struct slice){0};
    char *anyway =
        arena_printf(r->arena, "%.*s%sanyway=1", (int)url.n, url.n ? (const char *)url.p : "",
                     slice_index(url, '?') < url.n ? "&" : "?");
    struct html *h = page_begin(r, res, &f);
    export_loss_page(h, info.id, loss->cells, slice_str(loss->first),
                     html_url_of(slice_str(anyway ? anyway : "#")));
    return page_end(r, h, &f, e);
}

static enum status get_export(struct web_request *r, struct web_response *res, struct err *e)
{
    struct incident_info info = {0};
    struct export_loss loss = {0};
    char day[TIME_RFC3339_SIZE];
    size_t i = 0;
    int fd = -1;
    while (i < ARRAY_LEN(formats) && !slice_eq_str(r->word[1], formats[i].name))
        i++;
    if (i == ARRAY_LEN(formats))
        return err_set(e, ST_NOT_FOUND, N_("there is no export of this kind"));
    enum status s = incident_info(r, r->id[0], &info, e);
    if (s == OK)
        s = write_export(r, formats[i].format, &fd, &loss, e);
    if (s != OK)
        return s;
    if (loss.cells && !web_query(r, "anyway").n) {
        (void)close(fd);
        return tell_loss(r, res, &loss, e);
    }
    time_format_local(r->now_ms, day, NULL);
    const char *name =
        arena_printf(r->arena, "%s %.10s.%s", T(r->lang, "Ledger"), day, formats[i].suffix);
    return web_send_file(res, fd, formats[i].type, name ? name : "ledger");
}

const struct web_route ledger_file_routes[] = {
    {WEB_GET, "/incidents/:n/ledger/export/:w", ROLES_READ, 0, ROUTE_PAGE, get_export,
     "The rows of the filter as a file"},
    {0},
};
