/* Any bytes as a header or a path: what is found lies within them, and what is called an own path
 * leads nowhere else. */
#include "fuzz.h"

#include "base/limits.h"
#include "board/web/form.h"
#include "board/web/header.h"

static void within(struct slice all, struct slice part)
{
    if (part.n && (part.p < all.p || part.p + part.n > all.p + all.n))
        abort();
}

static bool ours(void *ctx, const char *address)
{
    (void)ctx;
    return address[0] == '1';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct slice a;
    struct slice b;
    char out[64];
    struct arena arena;
    if (header_cookie(in, "a", &a))
        within(in, a);
    if (header_host(in, &a, &b)) {
        within(in, a);
        within(in, b);
        if (a.n == 0)
            abort();
    }
    (void)header_language(in, LANG_EN);
    (void)header_type_is(in, "application/json");
    header_forwarded(in, "10.0.0.1", ours, NULL, out);
    if (!header_host_is_address(slice_str(out)))
        abort();
    if (header_is_own_path(in) && (in.p[0] != '/' || (in.n > 1 && in.p[1] == '/')))
        abort();
    arena_init(&arena, MIB(4));
    struct form_field *fields = NULL;
    size_t count = 0;
    if (form_parse_query(&arena, in, &fields, &count, NULL) == OK && count > LIMIT_FORM_FIELDS)
        abort();
    if (form_decode_segment(&arena, in, &a) == OK && a.n && memchr(a.p, '/', a.n))
        abort();
    arena_done(&arena);
    return 0;
}
