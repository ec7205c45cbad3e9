/* Routes that are no page: what pages load, and the stream that keeps them live. */
#include "board/web/assets.h"
#include "board/web/web_int.h"

/* Whether the browser takes gzip: "gzip" stands in Accept-Encoding and is not refused by q=0. */
static bool takes_gzip(struct slice accept)
{
    struct slice item;
    while (slice_next_field(&accept, ',', &item)) {
        size_t end = slice_index(item, ';');
        struct slice q = slice_trim(slice_sub(item, end + 1, item.n));
        if (slice_eq_str(slice_trim(slice_sub(item, 0, end)), "gzip"))
            return !slice_eq_str(q, "q=0") && !slice_starts(q, SLICE_LIT("q=0.0"));
    }
    return false;
}

static enum status send_asset(struct web_request *r, struct web_response *res, struct err *e)
{
    bool current = false;
    const struct asset *a = asset_find(r->path, &current);
    if (!a)
        return err_set(e, ST_NOT_FOUND, N_("there is no such file"));
    bool gzip = a->gzip.n && takes_gzip(web_header(r, "Accept-Encoding"));
    char *etag = arena_printf(r->arena, "\"%s%s\"", a->hash, gzip ? "-gzip" : "");
    if (!etag)
        return ST_NOMEM;
    web_set_header(res, "ETag", etag);
    web_set_header(res, "Vary", "Accept-Encoding");
    web_set_header(res, "Cache-Control",
                   current ? "public, max-age=31536000, immutable" : "no-cache");
    if (slice_eq_str(web_header(r, "If-None-Match"), etag)) {
        web_status(res, 304);
        return OK;
    }
    if (gzip)
        web_set_header(res, "Content-Encoding", "gzip");
    return web_send_bytes(res, a->type, gzip ? a->gzip : a->plain);
}

static enum status events(struct web_request *r, struct web_response *res, struct err *e)
{
    int64_t there = 0;
    enum status s =
        db_get_int(r->db, &there, e, "SELECT COUNT(*) FROM incident WHERE id = $1", "i", r->id[0]);
    if (s == OK && !there)
        s = err_set(e, ST_NOT_FOUND, N_("there is no such incident"));
    return s == OK ? web_send_events(res, r->id[0]) : s;
}

const struct web_route asset_routes[] = {
    {WEB_GET, "/assets/:w/:w", ROLES_ANYBODY, 0, ROUTE_NO_DB, send_asset, "a file that pages load"},
    {WEB_GET, "/assets/:w/:w/:w", ROLES_ANYBODY, 0, ROUTE_NO_DB, send_asset,
     "a file that pages load, in a folder"},
    {0},
};

const struct web_route live_routes[] = {
    {WEB_GET, "/incidents/:n/events", ROLES_READ, 0, ROUTE_PAGE, events,
     "server-sent events: \"changed\" whenever the record of the incident grew"},
    {0},
};
