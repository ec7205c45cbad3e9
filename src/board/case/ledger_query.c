/* A filter of the ledger as SQL. See ledger_query.h.
 *
 * Only conditions that are wanted stand in the text: a guard in SQL for each of the others
 * ("$3 = '' OR …") was measured to cost more than the conditions themselves. */
#include "board/case/ledger_query.h"

#include "base/limits.h"
#include "board/case/asset.h"
#include "board/case/asset_values.h"
#include "board/case/state.h"

void ledger_query_init(struct ledger_query *q, struct arena *a)
{
    *q = (struct ledger_query){.a = a};
    buf_init(&q->sql, LEDGER_QUERY_BYTES);
}

void ledger_query_done(struct ledger_query *q)
{
    buf_done(&q->sql);
}

void ledger_query_part(struct ledger_query *q, const char *part)
{
    (void)buf_add_str(&q->sql, part); /* sticks */
}

static void add_arg(struct ledger_query *q, struct db_arg arg)
{
    if (q->count == LEDGER_QUERY_ARGS) {
        q->sql.failed = ST_LIMIT;
        return;
    }
    q->args[q->count++] = arg;
    (void)buf_addf(&q->sql, "$%zu", q->count);
}

void ledger_query_int(struct ledger_query *q, int64_t value)
{
    add_arg(q, (struct db_arg){.i = value});
}

void ledger_query_text(struct ledger_query *q, struct slice value)
{
    add_arg(q, (struct db_arg){.text = true, .s = value});
}

enum status ledger_query_run(struct db *db, const struct ledger_query *q, struct db_rows **ret,
                             struct err *e)
{
    if (buf_status(&q->sql) != OK)
        return err_set(e, buf_status(&q->sql), "the query of the ledger does not fit");
    return db_query_args(db, ret, e, buf_text(&q->sql), q->args, q->count);
}

/* --- the search */

/* Appends s so that LIKE … ESCAPE '\' takes it as it is. */
static void add_literal(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '_' || s.p[i] == '\\')
            (void)buf_add_char(out, '\\');
        (void)buf_add_char(out, (char)s.p[i]);
    }
}

/* " AND search LIKE '%…%'"; mark and end (0: none) tie it to one whole field. */
static enum status add_like(struct ledger_query *q, struct slice fold, char mark, char end,
                            struct err *e)
{
    struct buf pattern;
    struct slice kept;
    buf_init(&pattern, 2 * fold.n + 8);
    (void)buf_add_char(&pattern, '%');
    if (mark)
        (void)buf_add_char(&pattern, mark);
    add_literal(&pattern, fold);
    if (end)
        (void)buf_add_char(&pattern, end);
    (void)buf_add_char(&pattern, '%');
    enum status s = buf_status(&pattern);
    if (s == OK)
        s = arena_copy(q->a, buf_slice(&pattern), &kept);
    buf_done(&pattern);
    if (s != OK)
        return err_set(e, s, "no memory for the search");
    ledger_query_part(q, " AND search LIKE ");
    ledger_query_text(q, kept);
    ledger_query_part(q, " ESCAPE '\\'");
    return OK;
}

static enum status fold_of(struct slice text, struct buf *fold, struct err *e)
{
    enum status s = text.n / 2 > LIMIT_SEARCH_BYTES ? ST_LIMIT : search_fold(text, fold);
    if (s == ST_LIMIT)
        return err_set(e, s, N_("the search is longer than %d bytes"), LIMIT_SEARCH_BYTES);
    return s == OK ? OK : err_set(e, s, "no memory for the search");
}

static enum status add_words(struct ledger_query *q, struct slice search, struct err *e)
{
    struct buf fold;
    struct slice word;
    int count = 0;
    buf_init(&fold, LIMIT_SEARCH_BYTES);
    enum status s = fold_of(search, &fold, e);
    struct slice rest = buf_slice(&fold);
    while (s == OK && slice_next_field(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (++count > LIMIT_SEARCH_WORDS)
            s = err_set(e, ST_LIMIT, N_("the search has more than %d words"), LIMIT_SEARCH_WORDS);
        else
            s = add_like(q, word, 0, 0, e);
    }
    buf_done(&fold);
    return s;
}

static enum status add_whole(struct ledger_query *q, enum ledger_field f, struct slice value,
                             struct err *e)
{
    struct buf fold;
    if (value.n == 0)
        return OK;
    buf_init(&fold, LIMIT_SEARCH_BYTES);
    enum status s = fold_of(value, &fold, e);
    if (s == OK)
        s = add_like(q, buf_slice(&fold), SEARCH_MARK(f), SEARCH_END, e);
    buf_done(&fold);
    return s;
}

/* --- conditions */

/* " AND column IN ($4, $5)" of the words whose bits are set. */
static void add_codes(struct ledger_query *q, const char *part, unsigned bits, unsigned count,
                      const char *(*code)(unsigned i))
{
    bool first = true;
    if (!bits)
        return;
    ledger_query_part(q, part);
    for (unsigned i = 0; i < count; i++) {
        if (!(bits & 1u << i))
            continue;
        ledger_query_part(q, first ? " (" : ", ");
        ledger_query_text(q, slice_str(code(i)));
        first = false;
    }
    ledger_query_part(q, first ? " ('')" : ")"); /* bits beyond the words: nothing has them */
}

static const char *code_of_state(unsigned i)
{
    return state_code((enum asset_state)i);
}

static const char *code_of_certainty(unsigned i)
{
    return certainty_code((enum certainty)i);
}

static unsigned open_states(void)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < STATE_COUNT; i++)
        if (state_group((enum asset_state)i) == GROUP_OPEN)
            bits |= 1u << i;
    return bits;
}

static void add_overdue(struct ledger_query *q, int64_t now_ms)
{
    ledger_query_part(q, " AND due_ms > 0 AND due_ms < ");
    ledger_query_int(q, now_ms);
    add_codes(q, " AND state IN", open_states(), STATE_COUNT, code_of_state);
}

/* A host was scanned when a scan names it, or when one of the two is known by its short name
 * only. */
static const char never_scanned[] =
    " AND EXISTS (SELECT 1 FROM asset_host h WHERE h.asset_id = asset.id AND NOT EXISTS "
    "(SELECT 1 FROM scan s WHERE s.incident_id = h.incident_id AND (s.host = h.host OR "
    "s.host = h.short OR (s.short = h.host AND s.short <> ''))))";

enum status ledger_query_owner(struct db *db, struct ledger_query *q, const struct actor *actor,
                               struct err *e)
{
    struct buf login;
    struct slice kept = {NULL, 0};
    if (!actor || actor->role != ROLE_OWNER)
        return OK;
    buf_init(&login, KIB(1));
    enum status s = asset_owner_mail(db, actor, &login, e);
    if (s == OK && arena_copy(q->a, buf_slice(&login), &kept) != OK)
        s = err_set(e, arena_status(q->a), "no memory for the search");
    buf_done(&login);
    if (s != OK)
        return s;
    ledger_query_part(q, " AND ((owner_mail <> '' AND owner_mail = ");
    ledger_query_text(q, kept);
    ledger_query_part(q, ") OR id IN (SELECT asset_id FROM asset_owner WHERE account_id = ");
    ledger_query_int(q, actor->id);
    ledger_query_part(q, "))");
    return OK;
}

enum status ledger_query_where(struct db *db, struct ledger_query *q, const struct ledger_filter *f,
                               struct err *e)
{
    ledger_query_part(q, " WHERE incident_id = ");
    ledger_query_int(q, f->incident);
    if (!f->retired && !(f->states & 1u << STATE_RETIRED))
        ledger_query_part(q, " AND retired = 0");
    if (f->category) {
        ledger_query_part(q, " AND category = ");
        ledger_query_text(q, slice_str(f->category));
    }
    add_codes(q, " AND state IN", f->states, STATE_COUNT, code_of_state);
    add_codes(q, " AND certainty IN", f->certainties, CERTAINTY_NONE + 1, code_of_certainty);
    if (f->flags) {
        ledger_query_part(q, " AND (flags & ");
        ledger_query_int(q, f->flags);
        ledger_query_part(q, ") = ");
        ledger_query_int(q, f->flags);
    }
    if (f->exposed)
        ledger_query_part(q, " AND exposed = 1");
    if (f->overdue)
        add_overdue(q, f->now_ms);
    if (f->never_scanned)
        ledger_query_part(q, never_scanned);
    if (f->no_owner)
        ledger_query_part(q, " AND owner = '' AND owner_mail = ''");
    enum status s = ledger_query_owner(db, q, f->actor, e);
    if (s == OK)
        s = add_whole(q, FIELD_OWNER, f->owner, e);
    if (s == OK)
        s = add_whole(q, FIELD_DEPARTMENT, f->department, e);
    if (s == OK)
        s = add_whole(q, FIELD_VENDOR, f->vendor, e);
    return s == OK ? add_words(q, f->search, e) : s;
}

/* --- order: of texts and dates, rows that have none come last either way */

/* Also the expressions of the indexes asset_by_rank and asset_by_sureness, in these very words. */
#define STATE_RANK                                                                        \
    "(CASE state WHEN 'affected' THEN 0 WHEN 'suspended' THEN 1 WHEN 'mitigated' THEN 2 " \
    "WHEN 'investigating' THEN 3 WHEN 'waiting_vendor' THEN 4 WHEN 'asked' THEN 5 "       \
    "WHEN 'not_asked' THEN 6 WHEN 'not_affected' THEN 7 WHEN 'fixed' THEN 8 ELSE 9 END)"
#define CERTAINTY_RANK                                                                    \
    "(CASE certainty WHEN 'confirmed' THEN 0 WHEN 'likely' THEN 1 WHEN 'claimed' THEN 2 " \
    "ELSE 3 END)"
#define EMPTY_LAST(column) "(CASE WHEN " column " = '' THEN 1 ELSE 0 END), " column

void ledger_query_order(struct ledger_query *q, const struct ledger_filter *f)
{
    static const char *const orders[][2] = {
        [LEDGER_BY_CHANGE] = {"changed_ms DESC, id DESC", "changed_ms, id"},
        [LEDGER_BY_NAME] = {"name, id", "name DESC, id DESC"},
        [LEDGER_BY_NUMBER] = {EMPTY_LAST("number") ", id", EMPTY_LAST("number") " DESC, id DESC"},
        [LEDGER_BY_STATE] = {STATE_RANK ", id", STATE_RANK " DESC, id DESC"},
        [LEDGER_BY_CERTAINTY] = {CERTAINTY_RANK ", id", CERTAINTY_RANK " DESC, id DESC"},
        [LEDGER_BY_VENDOR] = {EMPTY_LAST("vendor") ", id", EMPTY_LAST("vendor") " DESC, id DESC"},
        [LEDGER_BY_OWNER] = {EMPTY_LAST("owner") ", id", EMPTY_LAST("owner") " DESC, id DESC"},
        [LEDGER_BY_DUE] = {"(CASE WHEN due_ms = 0 THEN 1 ELSE 0 END), due_ms, id",
                           "(CASE WHEN due_ms = 0 THEN 1 ELSE 0 END), due_ms DESC, id DESC"},
    };
    size_t i = (size_t)f->order < ARRAY_LEN(orders) ? (size_t)f->order : LEDGER_BY_CHANGE;
    ledger_query_part(q, " ORDER BY ");
    ledger_query_part(q, orders[i][f->reverse]);
}

/* What orders[] sorts by: a rank that always ascends, then a column, then the id. */
static const struct {
    const char *rank, *column;
    bool text, descends;
} places[] = {
    [LEDGER_BY_CHANGE] = {NULL, "changed_ms", false, true},
    [LEDGER_BY_NAME] = {NULL, "name", true, false},
    [LEDGER_BY_NUMBER] = {"(CASE WHEN number = '' THEN 1 ELSE 0 END)", "number", true, false},
    [LEDGER_BY_STATE] = {NULL, STATE_RANK, false, false},
    [LEDGER_BY_CERTAINTY] = {NULL, CERTAINTY_RANK, false, false},
    [LEDGER_BY_VENDOR] = {"(CASE WHEN vendor = '' THEN 1 ELSE 0 END)", "vendor", true, false},
    [LEDGER_BY_OWNER] = {"(CASE WHEN owner = '' THEN 1 ELSE 0 END)", "owner", true, false},
    [LEDGER_BY_DUE] = {"(CASE WHEN due_ms = 0 THEN 1 ELSE 0 END)", "due_ms", false, false},
};

static void add_pair_after(struct ledger_query *q, size_t order, bool descends,
                           const struct ledger_place *after)
{
    ledger_query_part(q, "(");
    ledger_query_part(q, places[order].column);
    ledger_query_part(q, descends ? ", id) < (" : ", id) > (");
    if (places[order].text)
        ledger_query_text(q, after->text);
    else
        ledger_query_int(q, after->number);
    ledger_query_part(q, ", ");
    ledger_query_int(q, after->id);
    ledger_query_part(q, ")");
}

void ledger_query_after(struct ledger_query *q, const struct ledger_filter *f,
                        const struct ledger_place *after)
{
    size_t i = (size_t)f->order < ARRAY_LEN(places) ? (size_t)f->order : LEDGER_BY_CHANGE;
    bool descends = places[i].descends != f->reverse;
    ledger_query_part(q, " AND ");
    if (places[i].rank) {
        ledger_query_part(q, "(");
        ledger_query_part(q, places[i].rank);
        ledger_query_part(q, " > ");
        ledger_query_int(q, after->rank);
        ledger_query_part(q, " OR (");
        ledger_query_part(q, places[i].rank);
        ledger_query_part(q, " = ");
        ledger_query_int(q, after->rank);
        ledger_query_part(q, " AND ");
    }
    add_pair_after(q, i, descends, after);
    if (places[i].rank)
        ledger_query_part(q, "))");
}

enum status ledger_query_in(struct db *db, const char *sql, const int64_t *ids, size_t count,
                            struct db_rows **ret, struct err *e)
{
    struct db_arg args[LEDGER_CHUNK];
    for (size_t i = 0; i < LEDGER_CHUNK; i++)
        args[i] = (struct db_arg){.i = ids[i < count ? i : 0]};
    return db_query_args(db, ret, e, sql, args, LEDGER_CHUNK);
}
