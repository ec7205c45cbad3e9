/* Reading the ledger. See ledger.h; filter and order are ledger_query.c. */
#include "board/case/ledger.h"

#include "board/case/asset.h"
#include "board/case/asset_values.h"
#include "board/case/ledger_query.h"
#include "board/case/state.h"

#define ITEM_COLUMNS                                                                        \
    "id, due_ms, asked_ms, changed_ms, row_version, exposed, retired, flags, import_id, "   \
    "import_row, state, certainty, number, name, category, owner, owner_mail, department, " \
    "vendor, product, version, hosts, users, shared_with, criticality, notes, renewed_on, free"

static enum status item_of_row(const struct db_rows *rows, struct arena *a,
                               struct ledger_item *item, struct err *e)
{
    int64_t *const numbers[] = {
        &item->id,      &item->due_ms,  &item->asked_ms, &item->changed_ms, &item->row_version,
        &item->exposed, &item->retired, &item->flags,    &item->import_id,  &item->import_row};
    struct slice *const texts[] = {&item->state,      &item->certainty,   &item->number,
                                   &item->name,       &item->category,    &item->owner,
                                   &item->owner_mail, &item->department,  &item->vendor,
                                   &item->product,    &item->version,     &item->hosts,
                                   &item->users,      &item->shared_with, &item->criticality,
                                   &item->notes,      &item->renewed_on,  &item->free};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i] = db_int(rows, (int)i);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (arena_copy(a, slice_str(db_text(rows, (int)(ARRAY_LEN(numbers) + i))), texts[i]) != OK)
            return err_set(e, arena_status(a), "no memory for the rows of the ledger");
    return OK;
}

static void put_cve(struct ledger_item *items, size_t count, int64_t asset, struct slice state,
                    size_t cve)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].id == asset)
            items[i].cve_states[cve] = state;
}

/* The states per CVE of up to LEDGER_CHUNK items. */
static enum status read_cves(struct db *db, struct ledger_item *items, size_t count,
                             const char *const *cves, size_t cve_count, struct arena *a,
                             struct err *e)
{
    int64_t ids[LEDGER_CHUNK];
    struct db_rows *rows = NULL;
    for (size_t i = 0; i < count; i++)
        ids[i] = items[i].id;
    enum status s = ledger_query_in(
        db, "SELECT asset_id, cve, state FROM asset_cve WHERE asset_id IN " LEDGER_IN, ids, count,
        &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        for (size_t c = 0; c < cve_count && s == OK; c++) {
            struct slice state;
            if (strcmp(db_text(rows, 1), cves[c]) != 0)
                continue;
            s = arena_copy(a, slice_str(db_text(rows, 2)), &state);
            if (s == OK)
                put_cve(items, count, db_int(rows, 0), state, c);
            else
                s = err_set(e, s, "no memory for the rows of the ledger");
        }
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status add_cves(struct db *db, struct ledger_item *items, size_t count,
                            const char *const *cves, size_t cve_count, struct arena *a,
                            struct err *e)
{
    enum status s = OK;
    if (cve_count == 0)
        return OK;
    for (size_t i = 0; i < count; i++) {
        items[i].cve_states = arena_alloc_array(a, cve_count, sizeof *items[i].cve_states);
        if (!items[i].cve_states)
            return err_set(e, arena_status(a), "no memory for the rows of the ledger");
    }
    for (size_t i = 0; i < count && s == OK; i += LEDGER_CHUNK) {
        size_t n = count - i < LEDGER_CHUNK ? count - i : LEDGER_CHUNK;
        s = read_cves(db, items + i, n, cves, cve_count, a, e);
    }
    return s;
}

/* --- one page */

static enum status read_page(struct db *db, const struct ledger_filter *f,
                             const struct ledger_place *after, int64_t offset, size_t limit,
                             struct arena *a, struct ledger_page *page, struct err *e)
{
    struct ledger_query q;
    struct db_rows *rows = NULL;
    ledger_query_init(&q, a);
    ledger_query_part(&q, "SELECT " ITEM_COLUMNS " FROM asset");
    enum status s = ledger_query_where(db, &q, f, e);
    if (s == OK && after)
        ledger_query_after(&q, f, after);
    if (s == OK) {
        ledger_query_order(&q, f);
        ledger_query_part(&q, " LIMIT ");
        ledger_query_int(&q, (int64_t)limit);
        ledger_query_part(&q, " OFFSET ");
        ledger_query_int(&q, offset);
        s = ledger_query_run(db, &q, &rows, e);
    }
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = item_of_row(rows, a, &page->items[page->count++], e);
    db_rows_done(rows);
    ledger_query_done(&q);
    return s == ST_END ? OK : s;
}

static enum status count_filter(struct db *db, const struct ledger_filter *f, struct arena *a,
                                int64_t *ret, struct err *e)
{
    struct ledger_query q;
    struct db_rows *rows = NULL;
    ledger_query_init(&q, a);
    ledger_query_part(&q, "SELECT COUNT(*) FROM asset");
    enum status s = ledger_query_where(db, &q, f, e);
    if (s == OK)
        s = ledger_query_run(db, &q, &rows, e);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK)
        *ret = db_int(rows, 0);
    db_rows_done(rows);
    ledger_query_done(&q);
    return s;
}

enum status ledger_read(struct db *db, const struct ledger_filter *f, int64_t offset, size_t limit,
                        const char *const *cves, size_t cve_count, struct arena *a,
                        struct ledger_page *ret, struct err *e)
{
    struct ledger_page page = {0};
    if (limit == 0 || limit > LEDGER_PAGE_MAX || offset < 0)
        return err_set(e, ST_INVALID, N_("a page has 1 to %d rows"), LEDGER_PAGE_MAX);
    page.items = arena_alloc_array(a, limit, sizeof *page.items);
    if (!page.items)
        return err_set(e, arena_status(a), "no memory for the rows of the ledger");
    enum status s = read_page(db, f, NULL, offset, limit, a, &page, e);
    if (s == OK && page.count < limit && (page.count > 0 || offset == 0))
        page.total = offset + (int64_t)page.count; /* the last page: no need to look again */
    else if (s == OK)
        s = count_filter(db, f, a, &page.total, e);
    if (s == OK)
        s = add_cves(db, page.items, page.count, cves, cve_count, a, e);
    if (s == OK)
        *ret = page;
    return s;
}

struct ledger_place ledger_place_of(enum ledger_order order, const struct ledger_item *item)
{
    struct ledger_place p = {.id = item->id};
    char code[32];
    bool certainty = order == LEDGER_BY_CERTAINTY;
    struct slice word = certainty ? item->certainty : item->state;
    (void)snprintf(code, sizeof code, "%.*s", (int)word.n, (const char *)word.p);
    switch (order) {
    case LEDGER_BY_CHANGE:
        p.number = item->changed_ms;
        break;
    case LEDGER_BY_NAME:
        p.text = item->name;
        break;
    case LEDGER_BY_NUMBER:
        p.text = item->number;
        break;
    case LEDGER_BY_STATE: /* the enums are in the order of the ranks */
        p.number = state_of_code(code) < STATE_RETIRED ? (int64_t)state_of_code(code) : 9;
        break;
    case LEDGER_BY_CERTAINTY:
        p.number = certainty_of_code(code);
        break;
    case LEDGER_BY_VENDOR:
        p.text = item->vendor;
        break;
    case LEDGER_BY_OWNER:
        p.text = item->owner;
        break;
    case LEDGER_BY_DUE:
        p.number = item->due_ms;
        p.rank = p.number == 0;
        return p;
    }
    p.rank = p.text.n == 0;
    return p;
}

enum status ledger_read_after(struct db *db, const struct ledger_filter *f,
                              const struct ledger_place *after, size_t limit,
                              const char *const *cves, size_t cve_count, struct arena *a,
                              struct ledger_page *ret, struct err *e)
{
    struct ledger_page page = {.total = -1};
    if (limit == 0 || limit > LEDGER_PAGE_MAX + 1) /* one more tells whether there is a next */
        return err_set(e, ST_INVALID, N_("a page has 1 to %d rows"), LEDGER_PAGE_MAX);
    page.items = arena_alloc_array(a, limit, sizeof *page.items);
    if (!page.items)
        return err_set(e, arena_status(a), "no memory for the rows of the ledger");
    enum status s = read_page(db, f, after, 0, limit, a, &page, e);
    if (s == OK && !after && page.count < limit)
        page.total = (int64_t)page.count;
    else if (s == OK && !after)
        s = count_filter(db, f, a, &page.total, e);
    if (s == OK)
        s = add_cves(db, page.items, page.count, cves, cve_count, a, e);
    if (s == OK)
        *ret = page;
    return s;
}

enum status ledger_item(struct db *db, const struct actor *actor, int64_t asset,
                        const char *const *cves, size_t cve_count, struct arena *a,
                        struct ledger_item *ret, struct err *e)
{
    struct db_rows *rows = NULL;
    struct ledger_item item = {0};
    enum status s = asset_visible(db, actor, asset, e);
    if (s == OK)
        s = db_query(db, &rows, e, "SELECT " ITEM_COLUMNS " FROM asset WHERE id = $1", "i", asset);
    if (s == OK && (s = db_next(rows, e)) == ST_END)
        s = err_set(e, ST_NOT_FOUND, N_("this row of the ledger does not exist"));
    if (s == OK)
        s = item_of_row(rows, a, &item, e);
    db_rows_done(rows);
    if (s == OK)
        s = add_cves(db, &item, 1, cves, cve_count, a, e);
    if (s == OK)
        *ret = item;
    return s;
}

/* --- all rows: their ids in order first, so that a long ledger is sorted once and neither database
 * nor client holds all of it */

static enum status read_ids(struct db *db, const struct ledger_filter *f, struct arena *a,
                            struct buf *ids, struct err *e)
{
    struct ledger_query q;
    struct db_rows *rows = NULL;
    ledger_query_init(&q, a);
    ledger_query_part(&q, "SELECT id FROM asset");
    enum status s = ledger_query_where(db, &q, f, e);
    if (s == OK) {
        ledger_query_order(&q, f);
        s = ledger_query_run(db, &q, &rows, e);
    }
    while (s == OK && (s = db_next(rows, e)) == OK) {
        int64_t id = db_int(rows, 0);
        s = buf_add(ids, &id, sizeof id);
        if (s != OK)
            (void)err_set(e, s, "no memory for the rows of the ledger");
    }
    db_rows_done(rows);
    ledger_query_done(&q);
    return s == ST_END ? OK : s;
}

/* The items of these ids, in the order of the ids; those that went away meanwhile are left out. */
static enum status read_chunk(struct db *db, const int64_t *ids, size_t count, struct arena *a,
                              struct ledger_item *items, size_t *ret_count, struct err *e)
{
    struct ledger_item found[LEDGER_CHUNK] = {0};
    struct db_rows *rows = NULL;
    size_t n = 0;
    size_t kept = 0;
    enum status s = ledger_query_in(db, "SELECT " ITEM_COLUMNS " FROM asset WHERE id IN " LEDGER_IN,
                                    ids, count, &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK && n < LEDGER_CHUNK)
        s = item_of_row(rows, a, &found[n++], e);
    db_rows_done(rows);
    for (size_t i = 0; i < count && s == ST_END; i++)
        for (size_t k = 0; k < n; k++)
            if (found[k].id == ids[i])
                items[kept++] = found[k];
    *ret_count = kept;
    return s == ST_END ? OK : s;
}

enum status ledger_each_chunk(struct db *db, const struct ledger_filter *f,
                              enum status (*each)(void *ctx, struct db *db,
                                                  const struct ledger_item *items, size_t count,
                                                  struct arena *a, struct err *e),
                              void *ctx, struct err *e)
{
    struct arena a;
    struct buf ids;
    arena_init(&a, LEDGER_CHUNK * ASSET_MEMORY);
    buf_init(&ids, LIMIT_LEDGER_ROWS * sizeof(int64_t));
    enum status s = read_ids(db, f, &a, &ids, e);
    size_t total = ids.n / sizeof(int64_t);
    for (size_t at = 0; at < total && s == OK; at += LEDGER_CHUNK) {
        struct ledger_item items[LEDGER_CHUNK];
        int64_t some[LEDGER_CHUNK];
        size_t count = total - at < LEDGER_CHUNK ? total - at : LEDGER_CHUNK;
        memcpy(some, ids.p + at * sizeof some[0], count * sizeof some[0]);
        arena_clear(&a);
        s = read_chunk(db, some, count, &a, items, &count, e);
        if (s == OK)
            s = each(ctx, db, items, count, &a, e);
    }
    buf_done(&ids);
    arena_done(&a);
    return s;
}

struct one_by_one {
    enum status (*each)(void *ctx, const struct ledger_item *item);
    void *ctx;
};

static enum status each_item(void *ctx, struct db *db, const struct ledger_item *items,
                             size_t count, struct arena *a, struct err *e)
{
    const struct one_by_one *o = ctx;
    enum status s = OK;
    (void)db;
    (void)a;
    for (size_t i = 0; i < count && s == OK; i++)
        s = o->each(o->ctx, &items[i]);
    if (s != OK && s != ST_END)
        (void)err_set(e, s, "the ledger was not read to its end");
    return s;
}

enum status ledger_each(struct db *db, const struct ledger_filter *f,
                        enum status (*each)(void *ctx, const struct ledger_item *item), void *ctx,
                        struct err *e)
{
    struct one_by_one o = {each, ctx};
    enum status s = ledger_each_chunk(db, f, each_item, &o, e);
    return s == ST_END ? OK : s;
}

/* --- counts */

static enum ledger_category category_of_code(const char *code)
{
    for (int c = CATEGORY_EXTERNAL; c <= CATEGORY_CLIENT; c++)
        if (strcmp(category_code((enum ledger_category)c), code) == 0)
            return (enum ledger_category)c;
    return CATEGORY_UNKNOWN;
}

static void count_group(struct ledger_counts *c, const struct db_rows *rows)
{
    enum ledger_category cat = category_of_code(db_text(rows, 0));
    enum asset_state state = state_of_code(db_text(rows, 1));
    enum certainty certainty = certainty_of_code(db_text(rows, 2));
    bool retired = db_int(rows, 3) != 0;
    int64_t flags = db_int(rows, 4);
    int64_t n = db_int(rows, 5);
    if (retired) {
        c->state[cat][STATE_RETIRED] += n;
        return;
    }
    if (state != STATE_COUNT)
        c->state[cat][state] += n;
    c->certainty[cat][certainty] += n;
    c->total += n;
    if (state == STATE_COUNT)
        return;
    enum state_group g = state_group(state);
    *(g == GROUP_ACTING ? &c->acting : g == GROUP_OPEN ? &c->open : &c->settled) += n;
    c->disagree += flags & (int64_t)ASSET_DISAGREE ? n : 0;
    c->proposals += flags & (int64_t)ASSET_PROPOSALS ? n : 0;
    c->overdue += g == GROUP_OPEN ? db_int(rows, 6) : 0;
}

enum status ledger_count(struct db *db, int64_t incident, const struct actor *actor, int64_t now_ms,
                         struct ledger_counts *ret, struct err *e)
{
    struct arena a;
    struct ledger_query q;
    struct ledger_counts counts = {0};
    struct db_rows *rows = NULL;
    arena_init(&a, KIB(16));
    ledger_query_init(&q, &a);
    ledger_query_part(&q, "SELECT category, state, certainty, retired, flags, COUNT(*), "
                          "SUM(CASE WHEN due_ms > 0 AND due_ms < ");
    ledger_query_int(&q, now_ms);
    ledger_query_part(&q, " THEN 1 ELSE 0 END) FROM asset WHERE incident_id = ");
    ledger_query_int(&q, incident);
    enum status s = ledger_query_owner(db, &q, actor, e);
    ledger_query_part(&q, " GROUP BY category, state, certainty, retired, flags");
    if (s == OK)
        s = ledger_query_run(db, &q, &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK)
        count_group(&counts, rows);
    db_rows_done(rows);
    ledger_query_done(&q);
    arena_done(&a);
    if (s != ST_END)
        return s;
    *ret = counts;
    return OK;
}
