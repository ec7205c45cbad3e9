/* Requests: the head and what is found. See inspect.h. */
#include "guard/inspect.h"

struct guard {
    struct examiner *examiner;
};

enum status guard_new(struct guard **ret)
{
    struct guard *g = calloc(1, sizeof *g);
    if (!g || examiner_new(&g->examiner) != OK) {
        free(g);
        return ST_NOMEM;
    }
    *ret = g;
    return OK;
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    examiner_free(g->examiner);
    free(g);
}

void guard_request_begin(struct guard_request *q, struct guard *g, const struct guard_options *o,
                         const struct guard_rules *rules, struct slice host, struct slice method,
                         struct slice path, struct slice client_addr)
{
    (void)rules, (void)host, (void)method, (void)path, (void)client_addr;
    q->guard = g;
    q->options = o;
}

void guard_request_end(struct guard_request *q)
{
    (void)q;
}

bool guard_head_clean(const struct guard_request *q, struct slice raw)
{
    (void)q, (void)raw;
    return false;
}

void guard_uri(struct guard_request *q, struct slice raw_path)
{
    (void)q, (void)raw_path;
}

void guard_args(struct guard_request *q, struct slice raw_query)
{
    (void)q, (void)raw_query;
}

void guard_header(struct guard_request *q, struct slice name, struct slice value)
{
    (void)q, (void)name, (void)value;
}

enum status guard_body_begin(struct guard_request *q, struct slice content_type,
                             struct slice content_encoding)
{
    (void)q, (void)content_type, (void)content_encoding;
    return OK;
}

bool guard_body_clean(const struct guard_request *q, struct slice whole)
{
    (void)q, (void)whole;
    return false;
}

void guard_body_piece(struct guard_request *q, struct slice piece)
{
    (void)q, (void)piece;
}

void guard_body_end(struct guard_request *q)
{
    (void)q;
}
