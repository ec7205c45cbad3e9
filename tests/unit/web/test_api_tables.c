/* The API's tables against each other: no route without a description, none described that is not
 * there, names that say one thing each. */
#include "unit.h"

#include "base/limits.h"
#include "board/web/api/api.h"

static bool is_api(const struct web_route *r)
{
    return strncmp(r->pattern, API "/", strlen(API) + 1) == 0;
}

static size_t params_of(const struct web_route *r)
{
    size_t n = 0;
    for (const char *p = r->pattern; *p; p++)
        n += *p == ':';
    return n;
}

static const char *fault_of(const struct web_route *r, const struct api_op *op)
{
    bool body = r->body_limit > 0;
    size_t n = 0;
    if (!op)
        return "has no operation";
    while (n < WEB_PARAMS && op->params[n])
        n++;
    if (n != params_of(r))
        return "names more or fewer parts than its pattern has";
    if (body != (op->body || op->body_type || (op->flags & API_FORM)))
        return "has a body limit and no schema of its body, or the other way round";
    if (((r->flags & ROUTE_STREAM) != 0) != ((op->flags & API_STREAM) != 0))
        return "is streamed in one table only";
    if (((r->flags & ROUTE_FILES) != 0) != ((op->flags & API_FORM) != 0))
        return "takes forms in one table only";
    if (!op->code || (op->code == 204) != (!op->answer && !op->answer_type))
        return "does not say what it answers";
    if (!(r->flags & ROUTE_API))
        return "is no route of the API";
    return NULL;
}

static void test_every_route_is_described(void **state)
{
    (void)state;
    size_t routes = 0;
    for (const struct web_route *const *l = web_routes; *l; l++) {
        for (const struct web_route *r = *l; r->pattern; r++) {
            if (!is_api(r))
                continue;
            const char *fault = fault_of(r, api_op_of(r));
            routes++;
            if (fault)
                fail_msg("%s %s", r->pattern, fault);
        }
    }
    size_t ops = 0;
    for (const struct api_op *const *l = api_ops; *l; l++)
        for (const struct api_op *op = *l; op->handler; op++)
            ops++;
    assert_int_equal(routes, ops);
}

/* Of one name there is one schema, and it is a body's or an answer's. */
struct seen {
    const struct api_schema *s;
    bool answer;
};
static struct seen seen[400];
static size_t seen_count;

static void see(const struct api_schema *s, bool answer)
{
    if (!s)
        return;
    for (size_t i = 0; i < seen_count; i++) {
        if (strcmp(seen[i].s->name, s->name) != 0)
            continue;
        if (seen[i].s != s || seen[i].answer != answer)
            fail_msg("%s names two schemas, or a body and an answer", s->name);
        return;
    }
    assert_true(seen_count < ARRAY_LEN(seen));
    seen[seen_count++] = (struct seen){s, answer};
    size_t n = 0;
    for (const struct api_field *d = s->fields; d->name; d++, n++) {
        bool nested = d->type == API_LIST || d->type == API_OBJECT;
        bool words = d->type == API_WORD || d->type == API_BITS;
        bool raw = d->type == API_JSON || d->type == API_JSON_TEXT;
        if (nested != (d->of != NULL) || words != (d->words != NULL) || raw != (d->raw != NULL) ||
            (raw && !answer) || d->at >= s->size)
            fail_msg("%s.%s: its row is not whole", s->name, d->name);
        if (raw) {
            json_t *v = json_loads(d->raw, 0, NULL);
            if (!v)
                fail_msg("%s.%s: its schema is no JSON", s->name, d->name);
            json_decref(v);
        }
        see(d->of, answer);
    }
    assert_true(n <= 64);
}

static void test_schemas_have_names_of_their_own(void **state)
{
    (void)state;
    for (const struct api_op *const *l = api_ops; *l; l++) {
        for (const struct api_op *op = *l; op->handler; op++) {
            see(op->answer, true);
            see(op->body, false);
            for (const struct api_op *const *l2 = api_ops; *l2; l2++)
                for (const struct api_op *o = *l2; o->handler; o++)
                    if (o != op && strcmp(o->id, op->id) == 0)
                        fail_msg("%s names two operations", op->id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_described),
        cmocka_unit_test(test_schemas_have_names_of_their_own),
    };
    return cmocka_run_group_tests_name("api-tables", tests, NULL, NULL);
}
