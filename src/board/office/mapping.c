/* Finds the header row and what each column means, and keeps it for the next file. */
#include "board/office/mapping.h"

#include "base/limits.h"

#include <jansson.h>

static const char *const codes[FIELD_COUNT] = {
    "leave_out",  "free",        "name",        "category", "owner",        "owner_mail",
    "department", "vendor",      "product",     "version",  "exposed",      "hosts",
    "users",      "shared_with", "criticality", "notes",    "asset_number", "renewed_on"};

const char *field_code(enum ledger_field f)
{
    return (unsigned)f < FIELD_COUNT ? codes[f] : NULL;
}

enum status field_of_code(struct slice code, enum ledger_field *ret_field)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (slice_eq_str(code, codes[i])) {
            *ret_field = (enum ledger_field)i;
            return OK;
        }
    return ST_NOT_FOUND;
}

/* Words of headers as match keys (lower case, no spaces, no long-vowel marks). The first word that
 * the header has decides, so the special stand before the general. */
static const struct {
    const char *word;
    enum ledger_field field, second;
} words[] = {
    {"製品名・ver", FIELD_PRODUCT, FIELD_VERSION},
    {"製品・バジョン", FIELD_PRODUCT, FIELD_VERSION},
    {"管理番号", FIELD_ASSET_NUMBER, 0},
    {"資産番号", FIELD_ASSET_NUMBER, 0},
    {"assetno", FIELD_ASSET_NUMBER, 0},
    {"assetnumber", FIELD_ASSET_NUMBER, 0},
    {"メルアドレス", FIELD_OWNER_MAIL, 0},
    {"メアド", FIELD_OWNER_MAIL, 0},
    {"mail", FIELD_OWNER_MAIL, 0},
    {"主管", FIELD_DEPARTMENT, 0},
    {"部署", FIELD_DEPARTMENT, 0},
    {"部門", FIELD_DEPARTMENT, 0},
    {"department", FIELD_DEPARTMENT, 0},
    {"担当", FIELD_OWNER, 0},
    {"管理者", FIELD_OWNER, 0},
    {"責任者", FIELD_OWNER, 0},
    {"owner", FIELD_OWNER, 0},
    {"メカ", FIELD_VENDOR, 0},
    {"ベンダ", FIELD_VENDOR, 0},
    {"開発元", FIELD_VENDOR, 0},
    {"提供元", FIELD_VENDOR, 0},
    {"vendor", FIELD_VENDOR, 0},
    {"バジョン", FIELD_VERSION, 0},
    {"version", FIELD_VERSION, 0},
    {"製品", FIELD_PRODUCT, 0},
    {"ソフトウェア名", FIELD_PRODUCT, 0},
    {"product", FIELD_PRODUCT, 0},
    {"更新日", FIELD_RENEWED_ON, 0},
    {"renewed", FIELD_RENEWED_ON, 0},
    {"種別", FIELD_CATEGORY, 0},
    {"区分", FIELD_CATEGORY, 0},
    {"分類", FIELD_CATEGORY, 0},
    {"カテゴリ", FIELD_CATEGORY, 0},
    {"category", FIELD_CATEGORY, 0},
    {"公開", FIELD_EXPOSED, 0},
    {"exposed", FIELD_EXPOSED, 0},
    {"ホスト", FIELD_HOSTS, 0},
    {"サバ", FIELD_HOSTS, 0},
    {"host", FIELD_HOSTS, 0},
    {"server", FIELD_HOSTS, 0},
    {"利用者", FIELD_USERS, 0},
    {"利用部署", FIELD_USERS, 0},
    {"users", FIELD_USERS, 0},
    {"共有先", FIELD_SHARED_WITH, 0},
    {"partner", FIELD_SHARED_WITH, 0},
    {"重要度", FIELD_CRITICALITY, 0},
    {"criticality", FIELD_CRITICALITY, 0},
    {"備考", FIELD_NOTES, 0},
    {"メモ", FIELD_NOTES, 0},
    {"notes", FIELD_NOTES, 0},
    {"remarks", FIELD_NOTES, 0},
    {"システム名", FIELD_NAME, 0},
    {"サビス名", FIELD_NAME, 0},
    {"名称", FIELD_NAME, 0},
    {"name", FIELD_NAME, 0},
};

static size_t word_of(struct slice header)
{
    struct buf key;
    buf_init(&key, 1024);
    size_t at = ARRAY_LEN(words);
    if (header.n <= 200 && norm_match_key(header, &key) == OK)
        for (size_t i = 0; i < ARRAY_LEN(words) && at == ARRAY_LEN(words); i++)
            if (slice_find(buf_slice(&key), slice_str(words[i].word)) < key.n)
                at = i;
    buf_done(&key);
    return at;
}

/* --- sample */

struct sampling {
    struct arena *a;
    struct sheet_row *rows;
    size_t count, max;
};

static enum status sample_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct sampling *s = ctx;
    if (s->count == s->max)
        return ST_END;
    struct cell *cells = arena_alloc_array(s->a, row->count + 1, sizeof(*cells));
    char *sheet = arena_strdup(s->a, slice_str(row->sheet));
    if (!cells || !sheet)
        return err_set(err, arena_status(s->a), "row %u: no memory for the preview", row->number);
    for (size_t i = 0; i < row->count; i++) {
        cells[i] = row->cells[i];
        if (arena_copy(s->a, row->cells[i].text, &cells[i].text) != OK)
            return err_set(err, arena_status(s->a), "row %u: no memory for the preview",
                           row->number);
    }
    s->rows[s->count++] = (struct sheet_row){sheet, row->number, row->hidden, cells, row->count};
    return OK;
}

enum status sheet_sample(struct book *b, size_t sheet, uint32_t max_rows, struct arena *a,
                         struct sheet_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct sampling s = {a, arena_alloc_array(a, max_rows, sizeof(*s.rows)), 0, max_rows};
    if (!s.rows)
        return err_set(err, arena_status(a), "no memory for the preview");
    enum status st = book_read(b, sheet, sample_row, &s, err);
    if (st != OK)
        return st;
    *ret_rows = s.rows;
    *ret_count = s.count;
    return OK;
}

/* --- guess */

/* The row whose cells have the most header words; a merged title counts once. */
static size_t find_header(const struct sheet_row *rows, size_t count)
{
    size_t best = count, most = 1;
    for (size_t i = 0; i < count && i < 30; i++) {
        size_t hits = 0;
        for (size_t c = 0; c < rows[i].count; c++)
            hits += rows[i].cells[c].kind == CELL_TEXT && !rows[i].cells[c].merged &&
                    word_of(rows[i].cells[c].text) < ARRAY_LEN(words);
        if (hits > most) {
            most = hits;
            best = i;
        }
    }
    return best;
}

static bool known_example(const struct mapping_column *c, struct slice s)
{
    for (size_t i = 0; i < ARRAY_LEN(c->example); i++)
        if (slice_eq(c->example[i], s))
            return true;
    return false;
}

static void look_at(struct mapping_column *c, const struct sheet_row *rows, size_t count,
                    size_t *two)
{
    size_t examples = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice s, a, b;
        if (c->column >= rows[i].count || rows[i].cells[c->column].kind == CELL_EMPTY)
            continue;
        s = rows[i].cells[c->column].text;
        c->filled++;
        if (examples < ARRAY_LEN(c->example) && !known_example(c, s))
            c->example[examples++] = s;
        if (c->field == FIELD_PRODUCT)
            *two += norm_split_product(s, &a, &b);
        else if (c->field == FIELD_OWNER || c->field == FIELD_DEPARTMENT)
            *two += norm_split_owner(s, &a, &b);
    }
}

static void guess_column(struct mapping_column *c, const struct sheet_row *rows, size_t count,
                         uint32_t *taken)
{
    size_t w = word_of(c->header), two = 0;
    c->field = w < ARRAY_LEN(words) ? words[w].field : FIELD_FREE;
    c->second = w < ARRAY_LEN(words) ? words[w].second : FIELD_LEAVE_OUT;
    c->sure = c->field != FIELD_FREE && c->second == FIELD_LEAVE_OUT;
    c->reason = c->field == FIELD_FREE ? "unknown" : "header";
    look_at(c, rows, count, &two);
    if (two * 2 > c->filled)
        c->second = c->field == FIELD_PRODUCT ? FIELD_VERSION : FIELD_OWNER;
    if (c->second != FIELD_LEAVE_OUT) {
        if (c->field == FIELD_OWNER)
            c->field = FIELD_DEPARTMENT;
        c->sure = false;
        c->reason = "two_in_one";
    }
    if (c->filled == 0 && c->header.n == 0) {
        c->field = FIELD_LEAVE_OUT;
        c->reason = "empty";
        c->sure = true;
    } else if (c->field != FIELD_FREE && (*taken & 1u << c->field)) {
        c->field = FIELD_FREE; /* a field has one column; a person may choose the other */
        c->second = FIELD_LEAVE_OUT;
        c->sure = false;
        c->reason = "unknown";
    }
    *taken |= 1u << c->field | 1u << c->second;
}

enum status mapping_guess(const struct sheet_row *rows, size_t count, struct arena *a,
                          struct mapping *ret_mapping, struct err *err)
{
    size_t h = find_header(rows, count), width = 0;
    if (h == count)
        return err_set(err, ST_NOT_FOUND,
                       "no header row was found in the first rows of the sheet; choose the sheet "
                       "with the ledger, or put a row with the columns' names above it");
    for (size_t i = h; i < count; i++)
        width = rows[i].count > width ? rows[i].count : width;
    struct mapping_column *cols = arena_alloc_array(a, width, sizeof(*cols));
    if (!cols)
        return err_set(err, arena_status(a), "no memory for the columns");
    uint32_t taken = 0;
    for (size_t i = 0; i < width; i++) {
        struct buf b;
        buf_init(&b, LIMIT_CELL_BYTES);
        cols[i].column = (uint32_t)i;
        enum status st = OK;
        if (i < rows[h].count)
            st = norm_text(rows[h].cells[i].text, &b);
        for (size_t k = 0; k < b.n; k++)
            b.p[k] = b.p[k] == '\n' ? ' ' : b.p[k];
        if (st == OK)
            st = arena_copy(a, buf_slice(&b), &cols[i].header);
        buf_done(&b);
        if (st != OK)
            return err_set(err, st, "no memory for the columns");
        guess_column(&cols[i], rows + h + 1, count - h - 1, &taken);
    }
    *ret_mapping = (struct mapping){rows[h].number, 1, cols, width};
    return OK;
}

/* --- memory */

static bool recall(const json_t *list, struct mapping_column *c)
{
    struct buf key;
    buf_init(&key, LIMIT_CELL_BYTES);
    bool found = false;
    if (norm_match_key(c->header, &key) == OK && key.n)
        for (size_t i = 0; i < json_array_size(list) && !found; i++) {
            const json_t *o = json_array_get(list, i);
            const char *k = json_string_value(json_object_get(o, "key"));
            enum ledger_field f, s;
            found =
                k && slice_eq_str(buf_slice(&key), k) &&
                field_of_code(slice_str(json_string_value(json_object_get(o, "field"))), &f) ==
                    OK &&
                field_of_code(slice_str(json_string_value(json_object_get(o, "second"))), &s) == OK;
            if (found) {
                c->field = f;
                c->second = s;
            }
        }
    buf_done(&key);
    return found;
}

enum status mapping_remember(struct mapping *m, struct slice json, size_t *ret_known,
                             struct err *err)
{
    json_error_t je;
    if (json.n > LIMIT_MAPPING_JSON_BYTES)
        return err_set(err, ST_LIMIT, "the remembered columns are over %zu bytes",
                       (size_t)LIMIT_MAPPING_JSON_BYTES);
    json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &je);
    const json_t *list = json_object_get(root, "columns");
    if (!json_is_array(list)) {
        json_decref(root);
        return err_set(err, ST_MALFORMED, "the remembered columns cannot be read");
    }
    size_t known = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct mapping_column *c = &m->columns[i];
        bool found = recall(list, c);
        if (found) {
            c->sure = true;
            c->reason = "remembered";
        }
        c->is_new = !found && c->header.n > 0;
        known += found;
    }
    for (size_t i = 0; i < m->count && known == 0; i++)
        m->columns[i].is_new = false;
    json_decref(root);
    *ret_known = known;
    return OK;
}
