/* What the types of problems lead to: a page that says what each means (RFC 9457, section 3.1.1).
 */
#include "board/web/web_int.h"

static enum status get_problem(struct web_request *r, struct web_response *res, struct err *e)
{
    const char *title = "";
    const char *text = "";
    unsigned code = problem_code(r->word[0], &title, &text);
    if (code == 0)
        return err_set(e, ST_NOT_FOUND, N_("there is no problem of this type"));
    error_page(r, res, code, T(r->lang, title), T(r->lang, text));
    web_status(res, 200); /* the page is what was asked for */
    return OK;
}

const struct web_route problem_routes[] = {
    {WEB_GET, "/problems/:w", ROLES_ANYBODY, 0, ROUTE_PAGE, get_problem,
     "What a type of problem of the API means"},
    {0},
};
