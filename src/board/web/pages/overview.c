/* The overview of an incident, /incidents/:n. See overview.h. */
#include "board/web/pages/overview.h"

#include "board/case/incident.h"
#include "board/office/normalise.h"
#include "board/web/pages/incident_frame.h"
#include "board/web/pages/local_time.h"
#include "board/web/pages/overview.html.h"

int64_t overview_state_total(const struct overview_view *v, enum asset_state s)
{
    int64_t n = 0;
    for (size_t c = 0; c < ARRAY_LEN(v->counts.state); c++)
        n += v->counts.state[c][s];
    return n;
}

int64_t overview_certainty_total(const struct overview_view *v, enum certainty k)
{
    int64_t n = 0;
    for (size_t c = 0; c < ARRAY_LEN(v->counts.certainty); c++)
        n += v->counts.certainty[c][k];
    return n;
}

struct slice overview_category(enum ledger_category c)
{
    return slice_str(c == CATEGORY_UNKNOWN ? "none" : category_code(c));
}

struct slice overview_short(enum ledger_category c, enum lang lang)
{
    static const char *const words[] = {
        [CATEGORY_UNKNOWN] = N_("None"),      [CATEGORY_EXTERNAL] = N_("External"),
        [CATEGORY_INTERNAL] = N_("Internal"), [CATEGORY_SAAS] = N_("SaaS"),
        [CATEGORY_CLIENT] = N_("Client"),
    };
    return slice_str(messages_get(lang, words[c]));
}

struct slice overview_state_word(struct slice code, enum lang lang)
{
    for (int s = 0; s < STATE_COUNT; s++)
        if (slice_eq_str(code, state_code((enum asset_state)s)))
            return slice_str(state_word((enum asset_state)s, lang));
    return code;
}

/* The columns of the matrix and its scale, from the counts. */
static void lay_columns(struct overview_view *v)
{
    static const enum ledger_category order[] = {CATEGORY_EXTERNAL, CATEGORY_INTERNAL,
                                                 CATEGORY_SAAS, CATEGORY_CLIENT, CATEGORY_UNKNOWN};
    v->widest = 1;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        struct overview_column c = {.category = order[i]};
        for (int s = 0; s < STATE_COUNT; s++) {
            int64_t n = v->counts.state[order[i]][s];
            enum state_group g = state_group((enum asset_state)s);
            *(g == GROUP_SETTLED ? &c.settled : g == GROUP_OPEN ? &c.open : &c.acting) += n;
            c.total += n;
            v->widest = n > v->widest ? n : v->widest;
        }
        for (int k = CERTAINTY_CONFIRMED; k <= CERTAINTY_NONE; k++) {
            int64_t n = v->counts.certainty[order[i]][k];
            v->widest = n > v->widest ? n : v->widest;
        }
        if (order[i] != CATEGORY_UNKNOWN || c.total > 0)
            v->column[v->columns++] = c;
    }
}

static enum status find_disagreeing(struct web_request *r, struct overview_view *v, struct err *e)
{
    struct ledger_filter f = {
        .incident = v->incident,
        .actor = &r->actor,
        .flags = ASSET_DISAGREE,
        .order = LEDGER_BY_CHANGE,
        .now_ms = r->now_ms,
    };
    struct ledger_page page;
    enum status s = ledger_read(r->db, &f, 0, OVERVIEW_ALARMS, NULL, 0, r->arena, &page, e);
    if (s != OK)
        return s;
    v->disagreeing = page.total;
    for (size_t i = 0; i < page.count; i++)
        v->alarms[v->alarm_count++] = (struct overview_alarm){
            .kind = ALARM_DISAGREE,
            .asset = page.items[i].id,
            .since_ms = page.items[i].changed_ms,
            .number = page.items[i].number,
            .name = page.items[i].name,
            .state = page.items[i].state,
        };
    return OK;
}

/* A proposal of a scan that says affected, and that nobody has confirmed or refused. */
#define UNJUDGED                                                                         \
    "FROM evidence v JOIN asset a ON a.id = v.asset_id WHERE v.incident_id = $1 AND "    \
    "v.status = 'proposed' AND v.kind = 'scan' AND v.cves LIKE '%\"affected\"%' AND "    \
    "a.retired = 0 AND ($2 = 0 OR (a.owner_mail <> '' AND a.owner_mail = $3) OR EXISTS " \
    "(SELECT 1 FROM asset_owner o WHERE o.asset_id = a.id AND o.account_id = $2)) "

static enum status find_unjudged(struct web_request *r, struct overview_view *v, struct err *e)
{
    struct page_owner owner = {0};
    struct db_rows *rows = NULL;
    enum status s = page_owner(r, &owner, e);
    if (s == OK)
        s = db_get_int(r->db, &v->findings_unjudged, e, "SELECT COUNT(DISTINCT a.id) " UNJUDGED,
                       "iit", v->incident, owner.account, owner.mail);
    if (s == OK && v->findings_unjudged > 0)
        s = db_query(r->db, &rows, e,
                     "SELECT a.id, a.number, a.name, v.source, v.quote, v.read_ms " UNJUDGED
                     "AND v.id = (SELECT MIN(w.id) FROM evidence w WHERE w.asset_id = a.id AND "
                     "w.status = 'proposed' AND w.kind = 'scan' AND w.cves LIKE '%\"affected\"%') "
                     "ORDER BY v.id LIMIT $4",
                     "iiti", v->incident, owner.account, owner.mail, (int64_t)OVERVIEW_ALARMS);
    while (s == OK && rows && (s = db_next(rows, e)) == OK) {
        struct slice quote = page_keep(r, db_text(rows, 4));
        v->alarms[v->alarm_count++] = (struct overview_alarm){
            .kind = ALARM_FINDING,
            .asset = db_int(rows, 0),
            .number = page_keep(r, db_text(rows, 1)),
            .name = page_keep(r, db_text(rows, 2)),
            .source = page_keep(r, db_text(rows, 3)),
            .quote = slice_sub(quote, 0, slice_index(quote, '\n')),
            .since_ms = db_int(rows, 5),
        };
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

struct change_list {
    struct web_request *r;
    struct overview_view *v;
};

static enum status take_change(void *arg, const struct event *ev)
{
    struct change_list *list = arg;
    const struct log_kind *kind = log_find_kind(ev->kind);
    struct buf text;
    struct slice id;
    int64_t asset = 0;
    if (!kind || !kind->sentence)
        return OK;
    id = slice_str(ev->subject);
    if (!slice_starts(id, SLICE_LIT("asset:")) ||
        slice_to_i64(slice_sub(id, 6, id.n), &asset) != OK)
        asset = 0;
    buf_init(&text, KIB(16));
    enum status s = kind->sentence(ev, list->r->lang, &text);
    if (s == OK)
        list->v->changes[list->v->change_count++] = (struct overview_change){
            .at_ms = ev->at_ms,
            .asset = asset,
            .text = page_keep(list->r, buf_text(&text)),
            .who = page_keep(list->r, ev->actor.name),
            .by_person = ev->actor.kind == ACTOR_ACCOUNT,
        };
    buf_done(&text);
    return s;
}

static enum status read_changes(struct web_request *r, struct overview_view *v, struct err *e)
{
    struct change_list list = {r, v};
    v->changes = arena_alloc_array(r->arena, OVERVIEW_CHANGES, sizeof *v->changes);
    if (!v->changes)
        return err_set(e, ST_NOMEM, "no memory for the overview");
    return log_read(r->db, v->incident, NULL, INT64_MAX, OVERVIEW_CHANGES, take_change, &list, e);
}

static int64_t day_ms(const char *date)
{
    int64_t ms = 0;
    return local_day_parse(slice_str(date), &ms) == OK ? ms : 0;
}

static enum status read_story(struct web_request *r, struct overview_view *v, struct err *e)
{
    struct profile *p = NULL;
    enum status s = incident_profile(r->db, v->incident, &p, e);
    if (s != OK)
        return s;
    v->story = arena_alloc_array(r->arena, p->advisory_count, sizeof *v->story);
    for (size_t i = p->advisory_count; v->story && i-- > 0;)
        v->story[v->story_count++] = (struct overview_story){
            .at_ms = day_ms(p->advisories[i].date),
            .cves = page_keep(r, p->advisories[i].cves),
            .text = page_keep(r, p->advisories[i].text[r->lang]),
            .newest = i + 1 == p->advisory_count,
        };
    profile_free(p);
    return OK;
}

static enum status count_hosts(struct web_request *r, struct overview_view *v, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(
        r->db, &rows, e,
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE s.incomplete > 0), COUNT(*) FILTER (WHERE NOT "
        "EXISTS (SELECT 1 FROM asset_host h WHERE h.incident_id = s.incident_id AND (h.host = "
        "s.host OR (h.short <> '' AND h.short = s.short AND (h.host = h.short OR s.host = "
        "s.short))))) FROM scan s "
        "WHERE s.incident_id = $1 AND s.latest = 1",
        "i", v->incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        v->hosts_scanned = db_int(rows, 0);
        v->scans_incomplete = db_int(rows, 1);
        v->hosts_unknown = db_int(rows, 2);
    }
    db_rows_done(rows);
    return s;
}

/* What a reader who sees all sees beside what an owner sees of their own rows. */
static enum status read_house(struct web_request *r, struct overview_view *v, struct err *e)
{
    enum status s =
        incident_waiting(r->db, v->incident, OVERVIEW_WAITING, r->arena, &v->waiting, e);
    if (s == OK)
        s = read_changes(r, v, e);
    if (s == OK)
        s = count_hosts(r, v, e);
    return s;
}

/* The route's read transaction makes all of it speak of one moment. */
static enum status read_overview(struct web_request *r, const struct incident_info *info,
                                 struct overview_view *v, struct err *e)
{
    *v = (struct overview_view){
        .incident = info->id,
        .title = info->title,
        .closed_ms = info->closed_ms,
        .edits = info->edits,
        .owner = r->actor.role == ROLE_OWNER,
    };
    v->alarms = arena_alloc_array(r->arena, (size_t)2 * OVERVIEW_ALARMS, sizeof *v->alarms);
    if (!v->alarms)
        return err_set(e, ST_NOMEM, "no memory for the overview");
    enum status s = ledger_count(r->db, info->id, &r->actor, r->now_ms, &v->counts, e);
    if (s == OK)
        s = find_unjudged(r, v, e);
    if (s == OK)
        s = find_disagreeing(r, v, e);
    if (s == OK && !v->owner)
        s = read_house(r, v, e);
    if (s == OK)
        s = read_story(r, v, e);
    if (s == OK)
        lay_columns(v);
    return s;
}

static enum status get_overview(struct web_request *r, struct web_response *res, struct err *e)
{
    struct page_frame f;
    struct incident_info info = {0};
    struct overview_view v;
    enum status s =
        incident_frame(r, r->id[0], PAGE_OVERVIEW, T(r->lang, "Overview"), &f, &info, e);
    if (s == OK)
        s = read_overview(r, &info, &v, e);
    if (s != OK)
        return s;
    f.live = true;
    struct html *h = page_begin(r, res, &f);
    overview_live(h, &v);
    return page_end(r, h, &f, e);
}

const struct web_route overview_routes[] = {
    {WEB_GET, "/incidents/:n", ROLES_READ, 0, ROUTE_PAGE, get_overview,
     "The overview of an incident"},
    {0},
};
