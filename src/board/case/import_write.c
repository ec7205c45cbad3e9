/* Importing a ledger: its rows into the table import_row, with their digest. See import_int.h. */
#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/import_int.h"

#include <inttypes.h>

void import_digest_begin(struct import_digest *d)
{
    (void)crypto_hash_sha256_init(&d->state);
}

/* Each column behind its length, so that no two rows give the same bytes. */
void import_digest_column(struct import_digest *d, struct slice s)
{
    unsigned char length[4] = {(unsigned char)(s.n >> 24), (unsigned char)(s.n >> 16),
                               (unsigned char)(s.n >> 8), (unsigned char)s.n};
    (void)crypto_hash_sha256_update(&d->state, length, sizeof length);
    if (s.n)
        (void)crypto_hash_sha256_update(&d->state, s.p, s.n);
}

static void digest_number(struct import_digest *d, int64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, n);
    import_digest_column(d, slice_of(text, (size_t)len));
}

void import_digest_end(struct import_digest *d, char ret[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256_final(&d->state, sum);
    (void)sodium_bin2hex(ret, 65, sum, sizeof sum);
}

struct import_writer {
    struct db_batch *rows;
    struct import_digest digest;
    int64_t id, next_asset;
    struct buf key, search;
};

enum status import_writer_new(struct import *im, int64_t id, int64_t first_asset,
                              struct import_writer **ret, struct err *e)
{
    struct import_writer *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(e, ST_NOMEM, N_("no memory to import the ledger"));
    enum status s = db_batch_begin(im->db, "import_row(import_id, " IMPORT_ROW_COLUMNS ")",
                                   "iiit"
                                   "ttttttttt"
                                   "i"
                                   "ttttttt"
                                   "tttt",
                                   &w->rows, e);
    if (s != OK) {
        free(w);
        return s;
    }
    w->id = id;
    w->next_asset = first_asset;
    buf_init(&w->key, LIMIT_CELL_BYTES);
    buf_init(&w->search, ASSET_MEMORY);
    import_digest_begin(&w->digest);
    *ret = w;
    return OK;
}

void import_writer_free(struct import_writer *w)
{
    if (!w)
        return;
    db_batch_abort(w->rows);
    buf_done(&w->key);
    buf_done(&w->search);
    free(w);
}

static enum status json_text_of(const struct asset_values *v, uint32_t fields, struct arena *a,
                                struct slice *ret)
{
    *ret = (struct slice){NULL, 0};
    if (!fields)
        return OK;
    json_t *o = asset_values_to_json(v, fields);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    enum status s = text ? arena_copy(a, slice_str(text), ret) : ST_NOMEM;
    free(text);
    json_decref(o);
    return s;
}

static struct slice word_of(enum import_action action)
{
    return slice_str(action == IMPORT_ADD ? "add" : action == IMPORT_CHANGE ? "change" : "same");
}

/* What is made of the values: only where the row of the ledger is written. */
static enum status derive(struct import_writer *w, const struct import_merged *m)
{
    buf_clear(&w->key);
    buf_clear(&w->search);
    if (m->action == IMPORT_SAME)
        return OK;
    enum status s = asset_values_key(&m->values, &w->key);
    return s == OK ? asset_values_search(&m->values, &w->search) : s;
}

static enum status add_row(struct import_writer *w, uint32_t row, int64_t asset,
                           const struct import_merged *m, struct slice was, struct slice source,
                           struct err *e)
{
    const struct slice *v = m->values.v;
    int64_t exposed = asset_exposed_code(v[FIELD_EXPOSED]);
    digest_number(&w->digest, row);
    digest_number(&w->digest, asset);
    import_digest_column(&w->digest, word_of(m->action));
    for (int i = 0; i < ASSET_COLUMN_COUNT; i++) {
        if (asset_columns[i] == FIELD_EXPOSED)
            digest_number(&w->digest, exposed);
        else
            import_digest_column(&w->digest, v[asset_columns[i]]);
    }
    const struct slice rest[] = {buf_slice(&w->key), buf_slice(&w->search), was, source};
    for (size_t i = 0; i < ARRAY_LEN(rest); i++)
        import_digest_column(&w->digest, rest[i]);
    return db_batch_add(w->rows, e, w->id, (int64_t)row, asset, word_of(m->action),
                        v[FIELD_ASSET_NUMBER], v[FIELD_NAME], v[FIELD_CATEGORY], v[FIELD_OWNER],
                        v[FIELD_OWNER_MAIL], v[FIELD_DEPARTMENT], v[FIELD_VENDOR], v[FIELD_PRODUCT],
                        v[FIELD_VERSION], exposed, v[FIELD_HOSTS], v[FIELD_USERS],
                        v[FIELD_SHARED_WITH], v[FIELD_CRITICALITY], v[FIELD_NOTES],
                        v[FIELD_RENEWED_ON], v[FIELD_FREE], rest[0], rest[1], rest[2], rest[3]);
}

enum status import_write(struct import_writer *w, uint32_t row,
                         const struct import_existing *before, const struct import_merged *m,
                         struct arena *a, struct err *e)
{
    struct slice was = {NULL, 0};
    struct slice source;
    enum status s = derive(w, m);
    if (s == OK && before)
        s = json_text_of(&before->now, m->taken, a, &was);
    if (s == OK)
        s = json_text_of(&m->source, m->source_fields, a, &source);
    if (s != OK)
        return err_set(e, s, N_("row %u: no memory to read the file; try again later"), row);
    return add_row(w, row, before ? before->id : w->next_asset++, m, was, source, e);
}

enum status import_write_end(struct import_writer *w, char ret_digest[65], struct err *e)
{
    struct db_batch *rows = w->rows;
    w->rows = NULL;
    enum status s = db_batch_end(rows, e);
    if (s == OK)
        import_digest_end(&w->digest, ret_digest);
    return s;
}
