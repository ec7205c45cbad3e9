#include "board/office/header.h"

/* Words of headers as match keys (lower case, no spaces, hyphens, dots of "No.", long-vowel marks).
 * The first word that the name has decides, so the special stand before the general. "=" is for a
 * name that is this word and nothing else. FIELD_FREE keeps a column from a wrong field. */
static const struct {
    const char *word;
    enum ledger_field field, second;
} words[] = {
    {"=no", FIELD_LEAVE_OUT, 0},
    {"=no.", FIELD_LEAVE_OUT, 0},
    {"=№", FIELD_LEAVE_OUT, 0},
    {"=#", FIELD_LEAVE_OUT, 0},
    {"=項番", FIELD_LEAVE_OUT, 0},
    {"=通番", FIELD_LEAVE_OUT, 0},
    {"=連番", FIELD_LEAVE_OUT, 0},
    {"=番号", FIELD_LEAVE_OUT, 0},
    {"製品名・ver", FIELD_PRODUCT, FIELD_VERSION},
    {"製品・バジョン", FIELD_PRODUCT, FIELD_VERSION},
    {"製品名/バジョン", FIELD_PRODUCT, FIELD_VERSION},
    {"管理番号", FIELD_ASSET_NUMBER, 0},
    {"資産番号", FIELD_ASSET_NUMBER, 0},
    {"台帳番号", FIELD_ASSET_NUMBER, 0},
    {"管理no", FIELD_ASSET_NUMBER, 0},
    {"資産no", FIELD_ASSET_NUMBER, 0},
    {"システムid", FIELD_ASSET_NUMBER, 0},
    {"assetno", FIELD_ASSET_NUMBER, 0},
    {"assetnumber", FIELD_ASSET_NUMBER, 0},
    {"assetid", FIELD_ASSET_NUMBER, 0},
    {"systemid", FIELD_ASSET_NUMBER, 0},
    {"=id", FIELD_ASSET_NUMBER, 0},
    {"メルアドレス", FIELD_OWNER_MAIL, 0},
    {"メアド", FIELD_OWNER_MAIL, 0},
    {"mail", FIELD_OWNER_MAIL, 0},
    {"=メル", FIELD_OWNER_MAIL, 0},
    {"者メル", FIELD_OWNER_MAIL, 0},
    {"者のメル", FIELD_OWNER_MAIL, 0},
    {"担当メル", FIELD_OWNER_MAIL, 0},
    {"メカ担当", FIELD_FREE, 0},
    {"ベンダ担当", FIELD_FREE, 0},
    {"電話", FIELD_FREE, 0},
    {"内線", FIELD_FREE, 0},
    {"利用者", FIELD_USERS, 0},
    {"利用部署", FIELD_USERS, 0},
    {"利用部門", FIELD_USERS, 0},
    {"利用人数", FIELD_USERS, 0},
    {"ユザ", FIELD_USERS, 0},
    {"users", FIELD_USERS, 0},
    {"usedby", FIELD_USERS, 0},
    {"主管", FIELD_DEPARTMENT, 0},
    {"所管", FIELD_DEPARTMENT, 0},
    {"部署", FIELD_DEPARTMENT, 0},
    {"部門", FIELD_DEPARTMENT, 0},
    {"department", FIELD_DEPARTMENT, 0},
    {"division", FIELD_DEPARTMENT, 0},
    {"担当", FIELD_OWNER, 0},
    {"管理者", FIELD_OWNER, 0},
    {"責任者", FIELD_OWNER, 0},
    {"owner", FIELD_OWNER, 0},
    {"contact", FIELD_OWNER, 0},
    {"responsible", FIELD_OWNER, 0},
    {"メカ", FIELD_VENDOR, 0},
    {"ベンダ", FIELD_VENDOR, 0},
    {"開発元", FIELD_VENDOR, 0},
    {"提供元", FIELD_VENDOR, 0},
    {"販売元", FIELD_VENDOR, 0},
    {"提供会社", FIELD_VENDOR, 0},
    {"開発会社", FIELD_VENDOR, 0},
    {"vendor", FIELD_VENDOR, 0},
    {"manufacturer", FIELD_VENDOR, 0},
    {"supplier", FIELD_VENDOR, 0},
    {"=maker", FIELD_VENDOR, 0},
    {"バジョン", FIELD_VERSION, 0},
    {"version", FIELD_VERSION, 0},
    {"=ver", FIELD_VERSION, 0},
    {"=ver.", FIELD_VERSION, 0},
    {"=版", FIELD_VERSION, 0},
    {"製品", FIELD_PRODUCT, 0},
    {"ソフトウェア名", FIELD_PRODUCT, 0},
    {"product", FIELD_PRODUCT, 0},
    {"公開日", FIELD_FREE, 0},
    {"開始日", FIELD_FREE, 0},
    {"更新日", FIELD_RENEWED_ON, 0},
    {"renew", FIELD_RENEWED_ON, 0},
    {"updated", FIELD_RENEWED_ON, 0},
    {"サバos", FIELD_FREE, 0},
    {"設置", FIELD_FREE, 0},
    {"種別", FIELD_CATEGORY, 0},
    {"区分", FIELD_CATEGORY, 0},
    {"分類", FIELD_CATEGORY, 0},
    {"カテゴリ", FIELD_CATEGORY, 0},
    {"category", FIELD_CATEGORY, 0},
    {"=type", FIELD_CATEGORY, 0},
    {"=kind", FIELD_CATEGORY, 0},
    {"公開", FIELD_EXPOSED, 0},
    {"インタネット", FIELD_EXPOSED, 0},
    {"外部接続", FIELD_EXPOSED, 0},
    {"exposed", FIELD_EXPOSED, 0},
    {"internet", FIELD_EXPOSED, 0},
    {"ホスト", FIELD_HOSTS, 0},
    {"サバ", FIELD_HOSTS, 0},
    {"host", FIELD_HOSTS, 0},
    {"server", FIELD_HOSTS, 0},
    {"共有先", FIELD_SHARED_WITH, 0},
    {"連携先", FIELD_SHARED_WITH, 0},
    {"partner", FIELD_SHARED_WITH, 0},
    {"sharedwith", FIELD_SHARED_WITH, 0},
    {"重要度", FIELD_CRITICALITY, 0},
    {"criticality", FIELD_CRITICALITY, 0},
    {"importance", FIELD_CRITICALITY, 0},
    {"備考", FIELD_NOTES, 0},
    {"メモ", FIELD_NOTES, 0},
    {"特記", FIELD_NOTES, 0},
    {"notes", FIELD_NOTES, 0},
    {"=note", FIELD_NOTES, 0},
    {"remark", FIELD_NOTES, 0},
    {"comment", FIELD_NOTES, 0},
    {"システム名", FIELD_NAME, 0},
    {"サビス名", FIELD_NAME, 0},
    {"アプリケション名", FIELD_NAME, 0},
    {"名称", FIELD_NAME, 0},
    {"=名前", FIELD_NAME, 0},
    {"=システム", FIELD_NAME, 0},
    {"=サビス", FIELD_NAME, 0},
    {"=system", FIELD_NAME, 0},
    {"=service", FIELD_NAME, 0},
    {"=application", FIELD_NAME, 0},
    {"name", FIELD_NAME, 0},
};

#define NAME_BYTES 200 /* of a header that is looked up; longer ones are prose */

/* Index of the word that decides, or their number. */
static size_t word_of(struct slice name, bool *ret_whole)
{
    char text[NAME_BYTES * 3 + 1]; /* bytes that are no UTF-8 become three each */
    struct buf key;
    buf_over(&key, text, sizeof(text));
    if (name.n > NAME_BYTES || norm_match_key(name, &key) != OK)
        return ARRAY_LEN(words);
    struct slice made = slice_of(text, key.n); /* where the key was written */
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice word = slice_str(words[i].word);
        bool only = word.p[0] == '=';
        if (only)
            word = slice_sub(word, 1, word.n);
        *ret_whole = slice_eq(made, word);
        if (*ret_whole || (!only && slice_find(made, word) < made.n))
            return i;
    }
    return ARRAY_LEN(words);
}

enum header_fit header_meaning(struct slice name, enum ledger_field *ret_field,
                               enum ledger_field *ret_second)
{
    bool whole = false;
    size_t w = word_of(name, &whole);
    if (w == ARRAY_LEN(words))
        return FIT_NONE;
    *ret_field = words[w].field;
    *ret_second = words[w].second;
    return words[w].field == FIELD_FREE ? FIT_NONE : whole ? FIT_WHOLE : FIT_WORD;
}

static bool is_word(struct slice name)
{
    bool whole;
    return word_of(name, &whole) < ARRAY_LEN(words);
}

/* The text of a line's own cell: a merged block counts where it begins. */
static struct slice own_text(const struct sheet_row *row, size_t column)
{
    if (column >= row->count || row->cells[column].merged || row->cells[column].kind != CELL_TEXT)
        return (struct slice){NULL, 0};
    return slice_trim(row->cells[column].text);
}

static size_t count_words(const struct sheet_row *row)
{
    size_t n = 0;
    for (size_t c = 0; c < row->count; c++)
        n += is_word(own_text(row, c));
    return n;
}

/* The group that stands above column: the block merged over it, or in a CSV, where blocks are empty
 * cells, the last name to its left. */
static struct slice group_above(const struct sheet_row *groups, size_t column)
{
    if (column < groups->count && groups->cells[column].merged)
        return slice_trim(groups->cells[column].text);
    for (size_t c = column + 1; c > 0; c--) {
        struct slice s = own_text(groups, c - 1);
        if (s.n)
            return s;
    }
    return (struct slice){NULL, 0};
}

/* Whether `names` is the second line of a header: its texts stand below groups, at least one group
 * has several, what has no group has no second name either, and at least half are known words. A
 * row of data fails it, because its cells stand below all names alike. */
static bool is_second_line(const struct sheet_row *groups, const struct sheet_row *names)
{
    size_t filled = 0, known = 0, alone = 0, shared = 0;
    if (names->number != groups->number + 1)
        return false;
    for (size_t c = 0; c < groups->count || c < names->count; c++) {
        struct slice above = own_text(groups, c), below = own_text(names, c);
        if (c < names->count && names->cells[c].kind != CELL_EMPTY &&
            names->cells[c].kind != CELL_TEXT)
            return false;
        filled += below.n > 0;
        known += is_word(below);
        alone += above.n > 0 && below.n == 0;
        shared += above.n == 0 && below.n > 0 && group_above(groups, c).n > 0;
    }
    return filled > 0 && known * 2 >= filled && alone > 0 && shared > 0;
}

bool header_find(const struct sheet_row *rows, size_t count, struct header *ret_header)
{
    size_t best = count, most = 1;
    for (size_t i = 0; i < count && i < 30; i++) {
        size_t hits = count_words(&rows[i]);
        if (hits > most) {
            most = hits;
            best = i;
        }
    }
    if (best == count)
        return false;
    struct header h = {best, 1};
    if (best + 1 < count && is_second_line(&rows[best], &rows[best + 1]))
        h.lines = 2;
    else if (best > 0 && is_second_line(&rows[best - 1], &rows[best]))
        h = (struct header){best - 1, 2};
    *ret_header = h;
    return true;
}

enum status header_add_name(const struct sheet_row *rows, struct header h, size_t column,
                            struct buf *out)
{
    const struct sheet_row *row = &rows[h.first];
    size_t start = out->n;
    struct slice last = {NULL, 0};
    if (h.lines == 2)
        last = own_text(row + 1, column);
    struct slice first = last.n ? group_above(row, column) : own_text(row, column);
    if (!first.n && h.lines == 1 && column < row->count)
        first = row->cells[column].text; /* a number as a name, a block over two columns */
    enum status st = norm_text(first, out);
    if (st == OK && first.n && last.n)
        st = buf_add_char(out, ' ');
    if (st == OK && last.n)
        st = norm_text(last, out);
    for (size_t i = start; st == OK && i < out->n; i++)
        out->p[i] = out->p[i] == '\n' ? ' ' : out->p[i];
    return st;
}
