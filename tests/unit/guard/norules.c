#include "guard/rules.h"
enum guard_list guard_rules_client(const struct guard_rules *r, struct slice a)
{
    (void)r, (void)a;
    return GUARD_NOT_LISTED;
}
enum guard_list guard_rules_callback(const struct guard_rules *r, struct slice a)
{
    (void)r, (void)a;
    return GUARD_NOT_LISTED;
}
struct guard_scope guard_rules_scope(const struct guard_rules *r, struct slice a, struct slice b,
                                     struct slice c)
{
    (void)r, (void)a, (void)b, (void)c;
    return (struct guard_scope){0};
}
bool guard_scope_excepts(const struct guard_scope *s, const struct guard_field *f)
{
    (void)s, (void)f;
    return false;
}
bool guard_scope_wants(const struct guard_scope *s, const struct guard_field *f)
{
    (void)s, (void)f;
    return false;
}
enum status guard_scratch_new(struct guard_scratch **r)
{
    (void)r;
    return ST_NOMEM;
}
void guard_scratch_free(struct guard_scratch *r)
{
    (void)r;
}
enum status guard_matcher_new(struct guard_scratch *w, const struct guard_scope *s,
                              struct guard_matcher **ret)
{
    (void)w, (void)s, (void)ret;
    return ST_NOMEM;
}
void guard_matcher_free(struct guard_matcher *m)
{
    (void)m;
}
void guard_matcher_begin(struct guard_matcher *m, const struct guard_field *f)
{
    (void)m, (void)f;
}
const char *guard_matcher_piece(struct guard_matcher *m, struct slice d)
{
    (void)m, (void)d;
    return NULL;
}
const char *guard_matcher_end(struct guard_matcher *m)
{
    (void)m;
    return NULL;
}
