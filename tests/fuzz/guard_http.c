/* Any bytes as requests, one behind the other: slices stay in the input, each takes something off
 * it, and a path that was normalised stays as it is. */
#include "fuzz.h"

#include "guard/http.h"

#include <assert.h>

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice whole = slice_of(data, size), rest = whole;
    enum status st = OK;
    while (st == OK) {
        struct http_request q;
        struct err e = {0};
        struct buf path;
        size_t before = rest.n;
        st = http_request_next(whole, &rest, &q, &e);
        assert(inside(q.method, whole) && inside(q.query, whole) && inside(q.host, whole));
        for (size_t i = 0; i < q.field_count; i++)
            assert(inside(q.fields[i].name, whole) && inside(q.fields[i].value, whole));
        if (st == OK) {
            assert(rest.n < before && q.body.n <= size);
            buf_init(&path, size + 1);
            assert(http_path_normal(q.path, &path) == OK);
            assert(!path.n || q.path.p[0] != '/' || path.p[0] == '/');
            assert(slice_find(buf_slice(&path), SLICE_LIT("/../")) == path.n);
            buf_done(&path);
        } else {
            assert(st == ST_END || (e.msg[0] && e.offset <= size));
        }
        http_request_done(&q);
    }
    return 0;
}
