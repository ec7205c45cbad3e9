/* Reads what a ledger page shows. See ledger.h. */
#include "board/case/incident.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/ledger.h"
#include "board/web/pages/words.h"

#include <inttypes.h>

#define PEOPLE_MAX 500 /* owners offered while one types */
#define ACCOUNTS_MAX 500
#define PAGER_AROUND 2 /* pages named before and behind this one, beside the first and the last */

/* --- rows and figures */

static enum status read_cves(struct web_request *r, struct ledger_view *v, const char **ret_ids,
                             struct err *e)
{
    struct profile *p = NULL;
    enum status s = incident_profile(r->db, v->q.incident, &p, e);
    if (s != OK)
        return s;
    for (size_t i = 0; i < p->cve_count && v->cve_count < LEDGER_CVES; i++) {
        if (!p->cves[i].asked)
            continue;
        v->cves[v->cve_count] = page_keep(r, p->cves[i].id);
        ret_ids[v->cve_count] = (const char *)v->cves[v->cve_count].p;
        v->cve_count++;
    }
    profile_free(p);
    return arena_status(r->arena);
}

static enum status read_rows(struct web_request *r, struct ledger_view *v, struct err *e)
{
    const char *ids[LEDGER_CVES];
    struct ledger_filter f = ledger_address_filter(&v->q, &r->actor, r->now_ms);
    enum status s = read_cves(r, v, ids, e);
    if (s == OK)
        s = ledger_read(r->db, &f, (v->q.page - 1) * v->q.rows, (size_t)v->q.rows, ids,
                        v->cve_count, r->arena, &v->page, e);
    if (s != OK)
        return s;
    v->pages = (v->page.total + v->q.rows - 1) / v->q.rows;
    if (v->page.count == 0 && v->page.total > 0) { /* beyond the end: rows went away */
        v->q.page = v->pages;
        s = ledger_read(r->db, &f, (v->q.page - 1) * v->q.rows, (size_t)v->q.rows, ids,
                        v->cve_count, r->arena, &v->page, e);
    }
    v->first = v->page.count ? (v->q.page - 1) * v->q.rows + 1 : 0;
    v->last = v->first + (int64_t)v->page.count - (v->page.count ? 1 : 0);
    return s;
}

static enum status read_counts(struct web_request *r, struct ledger_view *v, struct err *e)
{
    enum status s = ledger_count(r->db, v->q.incident, &r->actor, r->now_ms, &v->counts, e);
    if (s != OK)
        return s;
    for (int k = CATEGORY_UNKNOWN; k <= CATEGORY_CLIENT; k++) {
        bool shown = !v->q.has_category || v->q.category == (enum ledger_category)k;
        for (int st = 0; st < STATE_COUNT; st++) {
            if (st != STATE_RETIRED)
                v->category[k] += v->counts.state[k][st];
            v->state[st] += shown ? v->counts.state[k][st] : 0;
        }
        for (int c = 0; c <= CERTAINTY_NONE; c++)
            v->certainty[c] += shown ? v->counts.certainty[k][c] : 0;
    }
    return OK;
}

static enum status read_people(struct web_request *r, struct ledger_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->people = arena_alloc_array(r->arena, PEOPLE_MAX, sizeof *v->people);
    if (!v->people)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(r->db, &rows, e,
                             "SELECT owner FROM asset WHERE incident_id = $1 AND retired = 0 AND "
                             "owner <> '' GROUP BY owner ORDER BY COUNT(*) DESC, owner LIMIT $2",
                             "ii", v->q.incident, (int64_t)PEOPLE_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK && v->people_count < PEOPLE_MAX)
        v->people[v->people_count++] = page_keep(r, db_text(rows, 0));
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

static enum status read_accounts(struct web_request *r, struct ledger_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    v->accounts = arena_alloc_array(r->arena, ACCOUNTS_MAX, sizeof *v->accounts);
    if (!v->accounts)
        return err_set(e, arena_status(r->arena), "out of memory");
    enum status s = db_query(r->db, &rows, e,
                             "SELECT id, name, login FROM account WHERE disabled = 0 "
                             "ORDER BY name, login LIMIT $1",
                             "i", (int64_t)ACCOUNTS_MAX);
    while (s == OK && (s = db_next(rows, e)) == OK && v->account_count < ACCOUNTS_MAX)
        v->accounts[v->account_count++] = (struct ledger_account){
            db_int(rows, 0), page_keep(r, db_text(rows, 1)), page_keep(r, db_text(rows, 2))};
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* --- links */

static void add_link(struct ledger_link *list, size_t *count, struct slice word,
                     struct html_url url, int64_t n, bool current)
{
    list[(*count)++] = (struct ledger_link){word, url, n, current};
}

/* The conditions that apply, each with the address without it. */
static void name_conditions(struct web_request *r, struct ledger_view *v)
{
    struct ledger_address without, all = v->q;
    struct ledger_link *l =
        arena_alloc_array(r->arena, 5 + LEDGER_FLAGS + STATE_COUNT + CERTAINTY_NONE + 1, sizeof *l);
    if (!l)
        return;
    all.page = 1;
    const struct {
        size_t offset;
    } texts[] = {{offsetof(struct ledger_address, search)},
                 {offsetof(struct ledger_address, owner)},
                 {offsetof(struct ledger_address, department)},
                 {offsetof(struct ledger_address, vendor)}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        without = all;
        struct slice *text = (struct slice *)(void *)((char *)&without + texts[i].offset), was;
        was = *text;
        *text = (struct slice){0};
        if (was.n)
            add_link(l, &v->applied_count, was, ledger_address_url(&without, NULL, r->arena), 0,
                     false);
    }
    without = all;
    without.has_category = false;
    if (all.has_category)
        add_link(l, &v->applied_count, words_category(all.category, r->lang),
                 ledger_address_url(&without, NULL, r->arena), 0, false);
    for (int st = 0; st < STATE_COUNT; st++) {
        without = all;
        without.states &= ~(1u << st);
        if (all.states & 1u << st)
            add_link(l, &v->applied_count, words_state((enum asset_state)st, r->lang),
                     ledger_address_url(&without, NULL, r->arena), 0, false);
    }
    for (int c = 0; c <= CERTAINTY_NONE; c++) {
        without = all;
        without.certainties &= ~(1u << c);
        if (all.certainties & 1u << c)
            add_link(l, &v->applied_count, words_certainty((enum certainty)c, r->lang),
                     ledger_address_url(&without, NULL, r->arena), 0, false);
    }
    for (size_t bit = 0; bit < LEDGER_FLAGS; bit++) {
        without = all;
        without.flags &= ~(1u << bit);
        if (all.flags & 1u << bit)
            add_link(l, &v->applied_count, ledger_flag_word(bit, r->lang),
                     ledger_address_url(&without, NULL, r->arena), 0, false);
    }
    v->applied = l;
}

#define OPEN_STATES                                                               \
    (1u << STATE_AFFECTED | 1u << STATE_SUSPENDED | 1u << STATE_MITIGATED |       \
     1u << STATE_INVESTIGATING | 1u << STATE_WAITING_VENDOR | 1u << STATE_ASKED | \
     1u << STATE_NOT_ASKED)

/* Ways that people take often; only those that lead somewhere. */
static void name_quick_ways(struct web_request *r, struct ledger_view *v)
{
    const struct {
        const char *word;
        unsigned states, flags;
        int64_t count;
    } ways[] = {
        {N_("Not settled"), OPEN_STATES, 0, v->counts.open + v->counts.acting},
        {N_("Overdue"), 0, LEDGER_OVERDUE, v->counts.overdue},
        {N_("Sources disagree"), 0, LEDGER_DISAGREE, v->counts.disagree},
        {N_("Proposals wait"), 0, LEDGER_PROPOSALS, v->counts.proposals},
    };
    v->quick = arena_alloc_array(r->arena, ARRAY_LEN(ways), sizeof *v->quick);
    for (size_t i = 0; v->quick && i < ARRAY_LEN(ways); i++) {
        struct ledger_address q = ledger_address_all(v->q.incident);
        q.states = ways[i].states;
        q.flags = ways[i].flags;
        if (ways[i].count)
            add_link(v->quick, &v->quick_count, page_keep(r, messages_get(r->lang, ways[i].word)),
                     ledger_address_url(&q, NULL, r->arena), ways[i].count,
                     v->q.states == q.states && v->q.flags == q.flags);
    }
}

static struct html_url page_url(struct web_request *r, const struct ledger_view *v, int64_t page)
{
    struct ledger_address q = v->q;
    q.page = page;
    return page < 1 || page > v->pages ? (struct html_url){0}
                                       : ledger_address_url(&q, NULL, r->arena);
}

/* 1 … 4 5 6 … 12; a gap is a link without an address. */
static void name_pages(struct web_request *r, struct ledger_view *v)
{
    static const int64_t sizes[] = {LEDGER_ROWS, 100, LEDGER_PAGE_MAX};
    int64_t last = 0;
    v->pager = arena_alloc_array(r->arena, 2 * PAGER_AROUND + 5, sizeof *v->pager);
    v->sizes = arena_alloc_array(r->arena, ARRAY_LEN(sizes), sizeof *v->sizes);
    if (!v->pager || !v->sizes)
        return;
    int64_t from = v->q.page - PAGER_AROUND, to = v->q.page + PAGER_AROUND;
    for (int64_t p = 1; p <= v->pages; p = p + 1 < from              ? from
                                           : p >= to && p < v->pages ? v->pages
                                                                     : p + 1) {
        if (p > last + 1)
            add_link(v->pager, &v->pager_count, slice_str(""), (struct html_url){0}, 0, false);
        add_link(v->pager, &v->pager_count, slice_str(""), page_url(r, v, p), p, p == v->q.page);
        last = p;
    }
    v->previous = page_url(r, v, v->q.page - 1);
    v->next = page_url(r, v, v->q.page + 1);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct ledger_address q = v->q;
        q.rows = sizes[i];
        q.page = 1;
        add_link(v->sizes, &v->size_count, slice_str(""), ledger_address_url(&q, NULL, r->arena),
                 sizes[i], v->q.rows == sizes[i]);
    }
}

/* The same conditions and order for another address under the ledger. */
static struct html_url beside_url(struct web_request *r, const struct ledger_address *q,
                                  const char *what)
{
    char base[80];
    (void)snprintf(base, sizeof base, "/incidents/%" PRId64 "/ledger/%s", q->incident, what);
    return ledger_address_url(q, base, r->arena);
}

/* Ready for one more value behind it. */
static struct html_url news_url(struct web_request *r, const struct ledger_address *q)
{
    struct slice url = beside_url(r, q, "news").s;
    bool asked = slice_index(url, '?') < url.n;
    char *text = arena_printf(r->arena, "%.*s%c", (int)url.n, url.n ? (const char *)url.p : "",
                              asked ? '&' : '?');
    return html_url_of(slice_str(text ? text : ""));
}

static void name_links(struct web_request *r, struct ledger_view *v)
{
    struct ledger_address q = ledger_address_all(v->q.incident);
    v->all = ledger_address_url(&q, NULL, r->arena);
    v->here = ledger_address_url(&v->q, NULL, r->arena);
    v->rows = beside_url(r, &v->q, "rows");
    v->news = news_url(r, &v->q);
    for (int o = LEDGER_BY_CHANGE; o <= LEDGER_BY_DUE; o++) {
        q = v->q;
        q.page = 1;
        q.reverse = q.order == (enum ledger_order)o && !q.reverse;
        q.order = (enum ledger_order)o;
        v->sort[o] = ledger_address_url(&q, NULL, r->arena);
    }
    q = v->q;
    q.page = 1;
    q.rows = LEDGER_ROWS;
    v->export_xlsx = beside_url(r, &q, "export/xlsx");
    v->export_csv = beside_url(r, &q, "export/csv");
    v->export_cp932 = beside_url(r, &q, "export/cp932");
    name_conditions(r, v);
    name_quick_ways(r, v);
    name_pages(r, v);
}

/* --- all together */

/* 17:00 of the next working day, as an input of the type datetime-local wants it. */
static struct slice next_working_day(struct web_request *r)
{
    char unused[TIME_RFC3339_SIZE];
    struct civil c;
    int64_t ms = r->now_ms;
    int weekday;
    do {
        ms += 86400000;
        time_format_local(ms, unused, &c);
        weekday = civil_weekday(c.year, c.month, c.day);
    } while (weekday == 0 || weekday == 6);
    char *text = arena_printf(r->arena, "%04d-%02d-%02dT17:00", c.year, c.month, c.day);
    return slice_str(text ? text : "");
}

static bool edits_here(const struct ledger_view *v)
{
    enum ledger_column unused;
    return v->edit.asset && ledger_column_of(v->edit.field, &unused);
}

/* The form begins with what stands there, unless something was typed and refused. */
static void fill_edit(struct ledger_view *v, const struct ledger_edit *edit)
{
    if (edit) {
        v->edit = *edit;
    } else if (v->q.edit) {
        for (size_t i = 0; i < v->page.count; i++) {
            const struct ledger_item *it = &v->page.items[i];
            if (it->id != v->q.edit || it->retired)
                continue;
            v->edit = (struct ledger_edit){.asset = it->id,
                                           .field = v->q.field,
                                           .value = ledger_item_value(it, v->q.field),
                                           .was = ledger_item_value(it, v->q.field),
                                           .row_version = it->row_version};
        }
    }
    v->q.edit = 0; /* links lead back to the page without the form */
    if (v->cells.may_edit && edits_here(v))
        v->cells.edit = &v->edit;
}

enum status ledger_view_read(struct web_request *r, const struct ledger_address *q,
                             const struct ledger_edit *edit, struct ledger_view *ret, struct err *e)
{
    struct incident_info info;
    struct ledger_view *v = ret;
    *v = (struct ledger_view){.q = *q};
    enum status s = incident_info(r, q->incident, &info, e);
    if (s == OK)
        s = db_get_int(r->db, &v->newest_ms, e,
                       "SELECT COALESCE(MAX(changed_ms), 0) FROM asset WHERE incident_id = $1", "i",
                       q->incident);
    if (s == OK)
        s = read_rows(r, v, e);
    if (s == OK)
        s = read_counts(r, v, e);
    if (s == OK && info.edits)
        s = read_people(r, v, e);
    if (s == OK && info.edits)
        s = read_accounts(r, v, e);
    if (s != OK)
        return s;
    v->cells = (struct ledger_cells){.incident = q->incident,
                                     .now_ms = r->now_ms,
                                     .may_edit = info.edits,
                                     .csrf = r->csrf,
                                     .q = &v->q,
                                     .arena = r->arena};
    v->due_proposed = next_working_day(r);
    fill_edit(v, edit);
    name_links(r, v);
    return arena_status(r->arena);
}
