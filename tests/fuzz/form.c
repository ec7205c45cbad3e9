/* A form of any kind, in any cut, gives the same fields and files, all of them checked text. The
 * first byte chooses the kind and the size of the pieces. */
#include "fuzz.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/web/form.h"

static enum status digest(void *ctx, struct slice bytes, struct err *e)
{
    uint64_t *h = ctx;
    (void)e;
    for (size_t i = 0; i < bytes.n; i++)
        *h = (*h ^ bytes.p[i]) * 1099511628211u;
    return OK;
}

static enum status begin(void *ctx, struct slice field, struct slice name, struct err *e)
{
    if (name.n == 0 || name.n > LIMIT_FORM_FILE_NAME || !utf8_valid(name, NULL) ||
        memchr(name.p, '/', name.n) || memchr(name.p, '\0', name.n))
        abort();
    (void)digest(ctx, field, e);
    return digest(ctx, name, e);
}

static enum status end(void *ctx, struct err *e)
{
    return digest(ctx, SLICE_LIT(";"), e);
}

static enum status parse(const char *type, struct slice body, size_t step, uint64_t *ret)
{
    struct arena arena;
    struct form f;
    struct err e;
    uint64_t h = 14695981039346656037u;
    struct form_sink sink = {&h, begin, digest, end};
    arena_init(&arena, MIB(16));
    enum status s = form_begin(&f, &arena, slice_str(type), &sink, &e);
    for (size_t at = 0; s == OK && at < body.n; at += step)
        s = form_feed(&f, slice_sub(body, at, step), &e);
    if (s == OK)
        s = form_end(&f, &e);
    for (size_t i = 0; i < f.count && s == OK; i++) {
        struct slice v = f.fields[i].value;
        if (!utf8_valid(v, NULL) || !utf8_valid(f.fields[i].name, NULL) ||
            (v.n && (memchr(v.p, '\0', v.n) || memchr(v.p, '\r', v.n))))
            abort();
        (void)digest(&h, f.fields[i].name, NULL);
        (void)digest(&h, SLICE_LIT("="), NULL);
        (void)digest(&h, v, NULL);
    }
    form_done(&f);
    arena_done(&arena);
    *ret = h;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *type =
        data[0] & 1 ? "multipart/form-data; boundary=X" : "application/x-www-form-urlencoded";
    struct slice body = slice_of(data + 1, size - 1);
    uint64_t whole = 0;
    uint64_t cut = 0;
    enum status a = parse(type, body, body.n + 1, &whole);
    enum status b = parse(type, body, (size_t)(data[0] >> 1) + 1, &cut);
    if ((a == OK) != (b == OK) || (a == OK && whole != cut))
        abort();
    return 0;
}
