/* What is said when something does not go: an error page, or a problem (RFC 9457) for the API. */
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>

static const struct {
    unsigned code;
    const char *title, *text; /* of the page, when the error itself says nothing for people */
} known[] = {
    {400, N_("The request is broken"), N_("The address or the form cannot be read.")},
    {401, N_("Log in first"), N_("This needs an account.")},
    {403, N_("Not allowed"), N_("Your account may not do this.")},
    {404, N_("Not found"), N_("There is no page at this address.")},
    {405, N_("Not possible here"), N_("This address does not take this kind of request.")},
    {409, N_("Somebody was quicker"),
     N_("It was changed in the meantime. Look again, then decide.")},
    {413, N_("Too large"), N_("What was sent is larger than can be taken.")},
    {414, N_("Address too long"), N_("The address is longer than can be taken.")},
    {415, N_("Wrong kind of content"), N_("What was sent is not of the kind that is taken here.")},
    {421, N_("Unknown name"), N_("This board is not known under that name.")},
    {422, N_("Cannot be accepted"), N_("Something in what was sent cannot be accepted.")},
    {429, N_("Too many attempts"), N_("Wait a little, then try again.")},
    {431, N_("Headers too large"), N_("The browser sent more headers than can be taken.")},
    {500, N_("The board failed"), N_("Nothing was changed. The log of the board says more.")},
    {501, N_("Not implemented"), N_("This transfer coding is not known.")},
    {503, N_("Not ready"), N_("The board is busy or about to stop. Try again in a moment.")},
    {505, N_("HTTP version"), N_("HTTP/1.1 is spoken here.")},
};

unsigned code_of_status(enum status s)
{
    switch (s) {
    case OK:
        return 200;
    case ST_NOT_FOUND:
        return 404;
    case ST_DENIED:
        return 403;
    case ST_CONFLICT:
        return 409;
    case ST_INVALID:
    case ST_MALFORMED:
        return 422;
    case ST_LIMIT:
        return 413;
    case ST_UNSUPPORTED:
        return 415;
    case ST_NOMEM:
        return 503;
    case ST_IO:
    case ST_END:
        break;
    }
    return 500;
}

/* The sentence for people: the error's own, but for faults of ours, which only the log tells. */
static void add_detail(struct exchange *x, unsigned code, const struct err *e, const char *text,
                       struct buf *out)
{
    if (code == 500 || (code == 503 && e && e->code)) {
        char id[17];
        unsigned char rnd[8];
        randombytes_buf(rnd, sizeof rnd);
        sodium_bin2hex(id, sizeof id, rnd, sizeof rnd);
        web_log("error %s: %s", id, e ? e->msg : "no reason was given");
        (void)buf_addf(out, "%s (%s)", T(x->req.lang, text), id);
    } else if (e && e->code && e->msg[0]) {
        (void)messages_add_err(out, x->req.lang, e);
    } else {
        (void)buf_add_str(out, T(x->req.lang, text));
    }
}

static bool wants_problem(const struct exchange *x)
{
    return (x->req.route && (x->req.route->flags & ROUTE_API)) ||
           slice_starts(x->req.path, SLICE_LIT("/api/"));
}

void answer_error(struct exchange *x, unsigned code, const struct err *e)
{
    const char *title = N_("The request was refused");
    const char *text = title;
    struct buf detail;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].code == code) {
            title = known[i].title;
            text = known[i].text;
        }
    }
    response_reset(&x->res);
    buf_init(&detail, 4000);
    add_detail(x, code, e, text, &detail);
    if (code == 503)
        web_set_header(&x->res, "Retry-After", "2");
    if (wants_problem(x)) {
        if (web_problem(&x->res, code, NULL, T(x->req.lang, title), buf_text(&detail)) != OK)
            x->res.code = code;
    } else {
        error_page(&x->req, &x->res, code, T(x->req.lang, title), buf_text(&detail));
    }
    x->res.code = code;
    buf_done(&detail);
}
