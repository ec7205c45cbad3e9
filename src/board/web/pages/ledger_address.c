/* The address of a ledger page, read and written. See ledger_address.h. */
#include "board/web/pages/ledger_address.h"

#include "base/utf8.h"
#include "board/case/state.h"
#include "board/web/pages/words.h"

#include <inttypes.h>

#define ADDRESS_MAX 8192 /* every value at its longest, percent-encoded, is shorter */
#define VALUE_MAX 200    /* bytes of a value that is worth searching for */

static const struct {
    const char *code, *word;
} flags[LEDGER_FLAGS] = {
    {"exposed", N_("Reachable from the internet")},
    {"overdue", N_("Overdue")},
    {"unscanned", N_("Never scanned")},
    {"disagree", N_("Sources disagree")},
    {"proposals", N_("Proposals wait")},
    {"reopened", N_("Reopened")},
    {"noowner", N_("No owner")},
    {"retired", N_("Retired rows as well")},
};

static const char *const orders[] = {
    [LEDGER_BY_CHANGE] = "change",       [LEDGER_BY_NAME] = "name",
    [LEDGER_BY_NUMBER] = "number",       [LEDGER_BY_STATE] = "state",
    [LEDGER_BY_CERTAINTY] = "certainty", [LEDGER_BY_VENDOR] = "vendor",
    [LEDGER_BY_OWNER] = "owner",         [LEDGER_BY_DUE] = "due",
};

const char *ledger_flag_code(size_t bit)
{
    return bit < LEDGER_FLAGS ? flags[bit].code : "";
}

struct slice ledger_flag_word(size_t bit, enum lang lang)
{
    return slice_str(bit < LEDGER_FLAGS ? messages_get(lang, flags[bit].word) : "");
}

struct ledger_address ledger_address_all(int64_t incident)
{
    return (struct ledger_address){.incident = incident, .page = 1, .rows = LEDGER_ROWS};
}

/* --- reading */

static struct slice value(const struct web_request *r, const char *name)
{
    struct slice s = slice_trim(web_query(r, name));
    return slice_sub(s, 0, utf8_floor(s, VALUE_MAX));
}

static int64_t number(const struct web_request *r, const char *name, int64_t least, int64_t most)
{
    int64_t n = 0;
    if (slice_to_i64(web_query(r, name), &n) != OK || n < least || n > most)
        return 0;
    return n;
}

static void read_category(const struct web_request *r, struct ledger_address *q)
{
    struct slice cat = web_query(r, "category");
    q->category = words_category_of(cat);
    q->has_category = q->category != CATEGORY_UNKNOWN || slice_eq_str(cat, "none");
}

static void read_sets(const struct web_request *r, struct ledger_address *q)
{
    struct slice s;
    for (size_t i = 0; web_query_at(r, "state", i, &s); i++) {
        enum asset_state state = words_state_of(s);
        if (state < STATE_COUNT)
            q->states |= 1u << state;
    }
    for (size_t i = 0; web_query_at(r, "certainty", i, &s); i++)
        if (words_certainty_of(s) != CERTAINTY_NONE || slice_eq_str(s, "none"))
            q->certainties |= 1u << words_certainty_of(s);
    for (size_t bit = 0; bit < LEDGER_FLAGS; bit++)
        if (web_query(r, flags[bit].code).n)
            q->flags |= 1u << bit;
}

void ledger_address_read(const struct web_request *r, int64_t incident, struct ledger_address *ret)
{
    struct ledger_address q = ledger_address_all(incident);
    q.search = value(r, "q");
    q.owner = value(r, "owner");
    q.department = value(r, "department");
    q.vendor = value(r, "vendor");
    read_category(r, &q);
    read_sets(r, &q);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        if (slice_eq_str(web_query(r, "sort"), orders[i]))
            q.order = (enum ledger_order)i;
    q.reverse = slice_eq_str(web_query(r, "dir"), "up");
    int64_t page = number(r, "page", 1, 1000000), rows = number(r, "rows", 1, LEDGER_PAGE_MAX);
    q.page = page ? page : 1;
    q.rows = rows == 100 || rows == 200 ? rows : LEDGER_ROWS;
    q.edit = number(r, "edit", 1, INT64_MAX);
    if (q.edit && field_of_code(web_query(r, "field"), &q.field) != OK)
        q.edit = 0;
    *ret = q;
}

/* --- writing */

struct address {
    struct buf out;
    bool asked; /* the "?" stands there */
};

static void add(struct address *to, const char *name, struct slice v)
{
    static const char hex[] = "0123456789ABCDEF";
    if (!v.n)
        return;
    (void)buf_addf(&to->out, "%c%s=", to->asked ? '&' : '?', name);
    to->asked = true;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            (void)buf_add_char(&to->out, (char)c);
        else
            (void)buf_addf(&to->out, "%%%c%c", hex[c >> 4], hex[c & 15]);
    }
}

static void add_text(struct address *to, const char *name, const char *text)
{
    add(to, name, slice_str(text));
}

static void add_number(struct address *to, const char *name, int64_t n)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, n);
    add_text(to, name, text);
}

static void add_filter(struct address *to, const struct ledger_address *q)
{
    add(to, "q", q->search);
    if (q->has_category)
        add_text(to, "category",
                 q->category == CATEGORY_UNKNOWN ? "none" : category_code(q->category));
    for (int s = 0; s < STATE_COUNT; s++)
        if (q->states & 1u << s)
            add_text(to, "state", state_code((enum asset_state)s));
    for (int c = CERTAINTY_CONFIRMED; c <= CERTAINTY_NONE; c++)
        if (q->certainties & 1u << c)
            add_text(to, "certainty", certainty_code((enum certainty)c));
    for (size_t bit = 0; bit < LEDGER_FLAGS; bit++)
        if (q->flags & 1u << bit)
            add_text(to, flags[bit].code, "1");
    add(to, "owner", q->owner);
    add(to, "department", q->department);
    add(to, "vendor", q->vendor);
}

struct html_url ledger_address_url(const struct ledger_address *q, const char *base,
                                   struct arena *a)
{
    struct address to = {0};
    struct slice s = {0};
    buf_init(&to.out, ADDRESS_MAX);
    if (base)
        (void)buf_add_str(&to.out, base);
    else
        (void)buf_addf(&to.out, "/incidents/%" PRId64 "/ledger", q->incident);
    add_filter(&to, q);
    if (q->order != LEDGER_BY_CHANGE)
        add_text(&to, "sort", orders[q->order]);
    if (q->reverse)
        add_text(&to, "dir", "up");
    if (q->page > 1)
        add_number(&to, "page", q->page);
    if (q->rows != LEDGER_ROWS)
        add_number(&to, "rows", q->rows);
    if (q->edit) {
        add_number(&to, "edit", q->edit);
        add_text(&to, "field", field_code(q->field));
        if (!base)
            (void)buf_addf(&to.out, "#r%" PRId64, q->edit);
    }
    if (buf_status(&to.out) != OK || arena_copy(a, buf_slice(&to.out), &s) != OK)
        s = (struct slice){0};
    buf_done(&to.out);
    return (struct html_url){s};
}

/* --- what it stands for */

struct ledger_filter ledger_address_filter(const struct ledger_address *q,
                                           const struct actor *actor, int64_t now_ms)
{
    return (struct ledger_filter){
        .incident = q->incident,
        .actor = actor,
        .search = q->search,
        .category = q->has_category ? category_code(q->category) : NULL,
        .states = q->states,
        .certainties = q->certainties,
        .flags = (q->flags & LEDGER_DISAGREE ? ASSET_DISAGREE : 0) |
                 (q->flags & LEDGER_PROPOSALS ? ASSET_PROPOSALS : 0) |
                 (q->flags & LEDGER_REOPENED ? ASSET_REOPENED : 0),
        .exposed = q->flags & LEDGER_EXPOSED,
        .overdue = q->flags & LEDGER_OVERDUE,
        .never_scanned = q->flags & LEDGER_UNSCANNED,
        .no_owner = q->flags & LEDGER_NO_OWNER,
        /* asking for the state is asking for the rows */
        .retired = (q->flags & LEDGER_RETIRED) || (q->states & 1u << STATE_RETIRED),
        .owner = q->owner,
        .department = q->department,
        .vendor = q->vendor,
        .order = q->order,
        .reverse = q->reverse,
        .now_ms = now_ms,
    };
}

bool ledger_address_narrows(const struct ledger_address *q)
{
    return q->search.n || q->has_category || q->states || q->certainties || q->flags ||
           q->owner.n || q->department.n || q->vendor.n;
}
