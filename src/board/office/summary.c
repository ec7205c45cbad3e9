#include "board/office/summary.h"

#include "base/limits.h"
#include "base/messages.h"

/* Distinct texts are counted by their hashes: appended, and sorted and made unique whenever they
 * have doubled. No input makes that slow, as a hash table that hostile texts fill would be; two
 * texts of one hash among millions would be a count that is one too low, which harms nobody. */
struct distinct {
    struct buf hashes; /* uint64_t each */
    size_t unique;     /* how many at the start are sorted and unique */
};

struct summing {
    const struct mapping *m;
    struct sheet_summary *s;
    struct arena *a;
    struct distinct *distinct;
    size_t kept;            /* bytes of hashes of all columns */
    uint32_t pending_blank; /* since the last row of data */
};

static uint64_t hash_of(struct slice s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static uint64_t hash_at(const struct distinct *d, size_t i)
{
    uint64_t h;
    memcpy(&h, d->hashes.p + i * sizeof(h), sizeof(h));
    return h;
}

static void make_unique(struct distinct *d)
{
    size_t n = d->hashes.n / sizeof(uint64_t), kept = 0;
    if (n == 0)
        return;
    qsort(d->hashes.p, n, sizeof(uint64_t), by_value);
    for (size_t i = 0; i < n; i++) {
        uint64_t h = hash_at(d, i);
        if (kept == 0 || h != hash_at(d, kept - 1))
            memcpy(d->hashes.p + kept++ * sizeof(h), &h, sizeof(h));
    }
    buf_cut(&d->hashes, kept * sizeof(uint64_t));
    d->unique = kept;
}

static enum status count_distinct(struct summing *u, size_t column, struct slice text)
{
    struct distinct *d = &u->distinct[column];
    struct column_summary *c = &u->s->columns[column];
    uint64_t h = hash_of(text);
    if (c->more_distinct)
        return OK;
    if (u->kept + sizeof(h) > LIMIT_SUMMARY_BYTES) {
        size_t before = d->hashes.n;
        make_unique(d);
        u->kept -= before - d->hashes.n;
        c->more_distinct = u->kept + sizeof(h) > LIMIT_SUMMARY_BYTES;
        if (c->more_distinct)
            return OK;
    }
    enum status st = buf_add(&d->hashes, &h, sizeof(h));
    if (st != OK)
        return st;
    u->kept += sizeof(h);
    if (d->hashes.n >= 2 * sizeof(h) * (d->unique > 512 ? d->unique : 512)) {
        size_t before = d->hashes.n;
        make_unique(d);
        u->kept -= before - d->hashes.n;
    }
    return OK;
}

static enum status count_spelling(struct summing *u, struct slice text)
{
    struct sheet_summary *s = u->s;
    for (size_t i = 0; i < s->spelling_count; i++)
        if (slice_eq(s->spellings[i].text, text)) {
            s->spellings[i].count++;
            return OK;
        }
    if (s->spelling_count == SUMMARY_SPELLINGS) {
        s->more_spellings = true;
        return OK;
    }
    struct spelling *p = &s->spellings[s->spelling_count];
    enum status st = arena_copy(u->a, text, &p->text);
    if (st != OK)
        return st;
    p->count = 1;
    p->category = norm_category(text);
    s->spelling_count++;
    return OK;
}

static bool is_unreadable(enum ledger_field f, struct slice text, bool date1904)
{
    struct norm_date d;
    if (f == FIELD_RENEWED_ON)
        return norm_date(text, true, date1904, &d) != OK;
    if (f == FIELD_CATEGORY)
        return norm_category(text) == CATEGORY_UNKNOWN;
    return f == FIELD_EXPOSED && norm_yes_no(text) == YN_UNKNOWN;
}

static enum status sum_cell(struct summing *u, size_t i, const struct sheet_row *row)
{
    const struct mapping_column *mc = &u->m->columns[i];
    struct column_summary *c = &u->s->columns[i];
    if (mc->column >= row->count || row->cells[mc->column].kind == CELL_EMPTY)
        return OK;
    struct slice text = slice_trim(row->cells[mc->column].text);
    if (row->cells[mc->column].kind == CELL_ERROR) {
        c->errors++;
        return OK;
    }
    if (text.n == 0)
        return OK;
    c->filled++;
    c->unreadable += is_unreadable(mc->field, text, row->date1904);
    enum status st = count_distinct(u, i, text);
    if (st == OK && mc->field == FIELD_CATEGORY)
        st = count_spelling(u, text);
    return st;
}

static enum status no_room(enum status st, struct err *err)
{
    if (st == ST_LIMIT)
        return err_set(err, st,
                       N_("the rows are longer than fits in a preview; shorten the cells"));
    return err_set(err, st, N_("no memory to read the file; try again later"));
}

/* Blank rows count when another row follows: those at the end are only formatted. */
static enum status sum_row(void *ctx, const struct sheet_row *row, struct err *err)
{
    struct summing *u = ctx;
    bool blank = true;
    if (row->number <= u->m->header_row)
        return OK;
    for (size_t i = 0; i < u->m->count && blank; i++) {
        const struct mapping_column *mc = &u->m->columns[i];
        blank = mc->field == FIELD_LEAVE_OUT || mc->column >= row->count ||
                row->cells[mc->column].merged || slice_trim(row->cells[mc->column].text).n == 0;
    }
    if (blank || mapping_heading(u->m, row)) {
        u->pending_blank++;
        return OK;
    }
    u->s->blank += u->pending_blank;
    u->pending_blank = 0;
    u->s->rows++;
    u->s->hidden += row->hidden;
    for (size_t i = 0; i < u->m->count; i++) {
        enum status st = sum_cell(u, i, row);
        if (st != OK)
            return no_room(st, err);
    }
    return OK;
}

static int most_frequent(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void finish(struct summing *u)
{
    uint32_t seen = 0;
    struct sheet_summary *s = u->s;
    for (size_t i = 0; i < u->m->count; i++) {
        make_unique(&u->distinct[i]);
        s->columns[i].distinct = (uint32_t)u->distinct[i].unique;
    }
    if (s->spelling_count)
        qsort(s->spellings, s->spelling_count, sizeof(*s->spellings), most_frequent);
    for (size_t i = 0; i < s->spelling_count; i++)
        if (s->spellings[i].category != CATEGORY_UNKNOWN)
            seen |= 1u << s->spellings[i].category;
    s->categories = (size_t)__builtin_popcount(seen);
}

enum status sheet_summarise(struct book *b, size_t sheet, const struct mapping *m, struct arena *a,
                            struct sheet_summary *ret_summary, struct err *err)
{
    struct sheet_summary s = {0};
    s.columns = arena_alloc_array(a, m->count + 1, sizeof(*s.columns));
    s.spellings = arena_alloc_array(a, SUMMARY_SPELLINGS, sizeof(*s.spellings));
    struct summing u = {.m = m, .s = &s, .a = a};
    u.distinct = arena_alloc_array(a, m->count + 1, sizeof(*u.distinct));
    if (!s.columns || !s.spellings || !u.distinct)
        return no_room(arena_status(a), err);
    for (size_t i = 0; i < m->count; i++)
        buf_init(&u.distinct[i].hashes, LIMIT_SUMMARY_BYTES);
    enum status st = book_read(b, sheet, sum_row, &u, err);
    if (st == OK)
        finish(&u);
    for (size_t i = 0; i < m->count; i++)
        buf_done(&u.distinct[i].hashes);
    if (st == OK)
        *ret_summary = s;
    return st;
}
