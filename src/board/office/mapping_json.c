/* Writes a mapping. */
#include "base/jsonwrite.h"
#include "base/limits.h"
#include "board/office/mapping.h"

enum status mapping_add_json(struct buf *out, const struct mapping *m)
{
    struct jsonw w = jsonw_to(out);
    json_begin_object(&w);
    json_key(&w, "columns");
    json_begin_array(&w);
    for (size_t i = 0; i < m->count; i++) {
        struct buf key;
        buf_init(&key, LIMIT_CELL_BYTES);
        enum status st = norm_match_key(m->columns[i].header, &key);
        if (st == OK && key.n) {
            json_begin_object(&w);
            json_put_slice(&w, "key", buf_slice(&key));
            json_put_str(&w, "field", field_code(m->columns[i].field));
            json_put_str(&w, "second", field_code(m->columns[i].second));
            json_end_object(&w);
        }
        buf_done(&key);
        if (st != OK)
            return st;
    }
    json_end_array(&w);
    json_end_object(&w);
    return buf_status(out);
}
