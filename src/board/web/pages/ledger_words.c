/* What the templates of the ledger ask of a row and of the page. See ledger.h. */
#include "board/web/pages/ledger.h"
#include "board/web/pages/words.h"

#include <inttypes.h>

#define SOON_MS (24 * 3600000LL)

struct ledger_wait ledger_wait_of(const struct ledger_item *it, int64_t now_ms)
{
    enum asset_state state = words_state_of(it->state);
    bool open = state_group(state) == GROUP_OPEN;
    if (it->retired || state == STATE_RETIRED)
        return (struct ledger_wait){LEDGER_CALM, WAIT_NOTHING};
    if (it->flags & ASSET_DISAGREE)
        return (struct ledger_wait){LEDGER_SOON, WAIT_JUDGE};
    if (it->flags & ASSET_PROPOSALS)
        return (struct ledger_wait){LEDGER_SOON, WAIT_PROPOSAL};
    if (open && !it->owner.n && !it->owner_mail.n)
        return (struct ledger_wait){LEDGER_LATE, WAIT_OWNERLESS};
    if (open && it->due_ms && it->due_ms < now_ms)
        return (struct ledger_wait){LEDGER_LATE, WAIT_OVERDUE};
    if (open && it->due_ms)
        return (struct ledger_wait){it->due_ms - now_ms < SOON_MS ? LEDGER_SOON : LEDGER_CALM,
                                    WAIT_DUE};
    if (state == STATE_WAITING_VENDOR)
        return (struct ledger_wait){LEDGER_CALM, WAIT_VENDOR};
    return (struct ledger_wait){LEDGER_CALM, open ? WAIT_US : WAIT_NOTHING};
}

const char *ledger_sorted(const struct ledger_address *q, enum ledger_order order)
{
    if (q->order != order)
        return "";
    return (order == LEDGER_BY_CHANGE) != q->reverse ? "descending" : "ascending";
}

struct slice ledger_column_word(enum ledger_order order, enum lang lang)
{
    static const char *const words[] = {
        [LEDGER_BY_CHANGE] = N_("Changed"),          [LEDGER_BY_NAME] = N_("Name, product"),
        [LEDGER_BY_NUMBER] = N_("Number"),           [LEDGER_BY_STATE] = N_("State"),
        [LEDGER_BY_CERTAINTY] = N_("Certainty"),     [LEDGER_BY_VENDOR] = N_("Vendor"),
        [LEDGER_BY_OWNER] = N_("Owner, department"), [LEDGER_BY_DUE] = N_("Waits for, due"),
    };
    return slice_str(messages_get(lang, words[order]));
}

static const struct {
    const char *code, *word, *reverse;
} orders[] = {
    [LEDGER_BY_CHANGE] = {"change", N_("newest change first"), N_("oldest change first")},
    [LEDGER_BY_NAME] = {"name", N_("by name"), N_("by name, backwards")},
    [LEDGER_BY_NUMBER] = {"number", N_("by number"), N_("by number, backwards")},
    [LEDGER_BY_STATE] = {"state", N_("what calls for action first"),
                         N_("what calls for action last")},
    [LEDGER_BY_CERTAINTY] = {"certainty", N_("surest first"), N_("least sure first")},
    [LEDGER_BY_VENDOR] = {"vendor", N_("by vendor"), N_("by vendor, backwards")},
    [LEDGER_BY_OWNER] = {"owner", N_("by owner"), N_("by owner, backwards")},
    [LEDGER_BY_DUE] = {"due", N_("earliest date first"), N_("latest date first")},
};

struct slice ledger_sort_code(const struct ledger_address *q)
{
    return slice_str(q->order == LEDGER_BY_CHANGE ? "" : orders[q->order].code);
}

struct slice ledger_order_word(const struct ledger_address *q, enum lang lang)
{
    return slice_str(
        messages_get(lang, q->reverse ? orders[q->order].reverse : orders[q->order].word));
}

bool ledger_column_of(enum ledger_field f, enum ledger_column *ret)
{
    switch (f) {
    case FIELD_NAME:
    case FIELD_PRODUCT:
    case FIELD_VERSION:
        *ret = LEDGER_COLUMN_NAME;
        return true;
    case FIELD_VENDOR:
        *ret = LEDGER_COLUMN_VENDOR;
        return true;
    case FIELD_OWNER:
    case FIELD_DEPARTMENT:
        *ret = LEDGER_COLUMN_OWNER;
        return true;
    default:
        return false;
    }
}

struct slice ledger_item_value(const struct ledger_item *it, enum ledger_field f)
{
    switch (f) {
    case FIELD_NAME:
        return it->name;
    case FIELD_CATEGORY:
        return it->category;
    case FIELD_OWNER:
        return it->owner;
    case FIELD_OWNER_MAIL:
        return it->owner_mail;
    case FIELD_DEPARTMENT:
        return it->department;
    case FIELD_VENDOR:
        return it->vendor;
    case FIELD_PRODUCT:
        return it->product;
    case FIELD_VERSION:
        return it->version;
    case FIELD_HOSTS:
        return it->hosts;
    case FIELD_USERS:
        return it->users;
    case FIELD_SHARED_WITH:
        return it->shared_with;
    case FIELD_CRITICALITY:
        return it->criticality;
    case FIELD_NOTES:
        return it->notes;
    case FIELD_ASSET_NUMBER:
        return it->number;
    case FIELD_RENEWED_ON:
        return it->renewed_on;
    case FIELD_EXPOSED:
        return slice_str(it->exposed == YN_YES ? "yes" : it->exposed == YN_NO ? "no" : "");
    default:
        return (struct slice){0};
    }
}

bool ledger_is_edited(const struct ledger_cells *c, int64_t asset, enum ledger_column column)
{
    enum ledger_column at;
    return c->edit && c->edit->asset == asset && ledger_column_of(c->edit->field, &at) &&
           at == column;
}

bool ledger_is_picked(const struct ledger_view *v, int64_t asset)
{
    for (size_t i = 0; i < v->picked_count; i++)
        if (v->picked[i] == asset)
            return true;
    return false;
}

bool ledger_same_day(int64_t a_ms, int64_t b_ms)
{
    char text[TIME_RFC3339_SIZE];
    struct civil a, b;
    time_format_local(a_ms, text, &a);
    time_format_local(b_ms, text, &b);
    return a.year == b.year && a.month == b.month && a.day == b.day;
}

static struct ledger_address address_of(const struct ledger_cells *c)
{
    struct ledger_address q = c->q ? *c->q : ledger_address_all(c->incident);
    q.edit = 0;
    return q;
}

struct html_url ledger_edit_url(const struct ledger_cells *c, int64_t asset, enum ledger_field f)
{
    struct ledger_address q = address_of(c);
    q.edit = asset;
    q.field = f;
    return ledger_address_url(&q, NULL, c->arena);
}

struct html_url ledger_back_url(const struct ledger_cells *c, int64_t asset)
{
    struct ledger_address q = address_of(c);
    struct slice page = ledger_address_url(&q, NULL, c->arena).s;
    char *url = arena_printf(c->arena, "%.*s#r%" PRId64, (int)page.n,
                             page.n ? (const char *)page.p : "", asset);
    return html_url_of(slice_str(url ? url : ""));
}

struct html_url ledger_cell_url(const struct ledger_cells *c, int64_t asset, enum ledger_field f)
{
    char base[80];
    struct ledger_address q = address_of(c);
    q.edit = asset;
    q.field = f;
    (void)snprintf(base, sizeof base, "/incidents/%" PRId64 "/assets/%" PRId64 "/cell", c->incident,
                   asset);
    return ledger_address_url(&q, base, c->arena);
}
