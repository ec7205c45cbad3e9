/* What is said when something does not go: an error page, or a problem (RFC 9457) for the API. */
#include "board/web/web_int.h"

#include <inttypes.h>
#include <sodium.h>

static const struct {
    unsigned code;
    const char *type;         /* of a problem: "/problems/TYPE" */
    const char *title, *text; /* of the page, when the error itself says nothing for people */
} known[] = {
    {400, "bad-request", N_("The request is broken"),
     N_("The address or the form cannot be read.")},
    {401, "not-logged-in", N_("Log in first"), N_("This needs an account.")},
    {403, "not-allowed", N_("Not allowed"), N_("Your account may not do this.")},
    {404, "not-found", N_("Not found"), N_("There is no page at this address.")},
    {405, "method-not-allowed", N_("Not possible here"),
     N_("This address does not take this kind of request.")},
    {409, "conflict", N_("Somebody was quicker"),
     N_("It was changed in the meantime. Look again, then decide.")},
    {412, "changed", N_("Somebody was quicker"),
     N_("It was changed in the meantime. Look again, then decide.")},
    {413, "too-large", N_("Too large"), N_("What was sent is larger than can be taken.")},
    {414, "address-too-long", N_("Address too long"),
     N_("The address is longer than can be taken.")},
    {415, "wrong-content-type", N_("Wrong kind of content"),
     N_("What was sent is not of the kind that is taken here.")},
    {421, "unknown-host", N_("Unknown name"), N_("This board is not known under that name.")},
    {422, "not-acceptable-content", N_("Cannot be accepted"),
     N_("Something in what was sent cannot be accepted.")},
    {428, "state-needed", N_("Say what is changed"),
     N_("Give If-Match or row_version, so that nobody's change is overwritten.")},
    {429, "too-many-attempts", N_("Too many attempts"), N_("Wait a little, then try again.")},
    {431, "headers-too-large", N_("Headers too large"),
     N_("The browser sent more headers than can be taken.")},
    {500, "internal", N_("The board failed"),
     N_("Nothing was changed. The log of the board says more.")},
    {501, "not-implemented", N_("Not implemented"), N_("This transfer coding is not known.")},
    {503, "not-ready", N_("Not ready"),
     N_("The board is busy or about to stop. Try again in a moment.")},
    {505, "http-version", N_("HTTP version"), N_("HTTP/1.1 is spoken here.")},
};

unsigned problem_code(struct slice type, const char **ret_title, const char **ret_text)
{
    /* of a problem that says itself what is wrong with which field */
    bool fields = slice_eq_str(type, "invalid-fields");
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (fields ? known[i].code == 422 : slice_eq_str(type, known[i].type)) {
            *ret_title = known[i].title;
            *ret_text = fields ? N_("`errors` names each field or parameter that cannot be "
                                    "accepted, and says why.")
                               : known[i].text;
            return known[i].code;
        }
    }
    return 0;
}

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

static void answer_problem(struct exchange *x, unsigned code, const char *type, const char *title,
                           const char *detail)
{
    json_t *members = x->res.problem.members;
    x->res.problem.members = NULL; /* the response is begun anew */
    if (x->res.problem.type)
        type = x->res.problem.type;
    response_reset(&x->res);
    if (response_problem(&x->res, code, type, title, detail, members) != OK)
        x->res.code = code;
    json_decref(members);
}

void answer_error(struct exchange *x, unsigned code, const struct err *e)
{
    const char *title = N_("The request was refused");
    const char *text = title;
    const char *type = "refused";
    bool problem = wants_problem(x);
    struct buf detail;
    if (problem && x->res.problem.code && code < 500)
        code = x->res.problem.code;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].code == code) {
            title = known[i].title;
            text = known[i].text;
            type = known[i].type;
        }
    }
    buf_init(&detail, 4000);
    add_detail(x, code, e, text, &detail);
    if (problem) {
        answer_problem(x, code, type, T(x->req.lang, title), buf_text(&detail));
    } else {
        response_reset(&x->res);
        error_page(&x->req, &x->res, code, T(x->req.lang, title), buf_text(&detail));
    }
    if (code == 503)
        web_set_header(&x->res, "Retry-After", "2");
    x->res.code = code;
    buf_done(&detail);
}
