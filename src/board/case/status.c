/* The figures of an incident. See status.h. */
#include "board/case/status.h"

#include "base/limits.h"
#include "base/timefmt.h"
#include "board/case/incident.h"

#define DAY_MS INT64_C(86400000)

/* Members are made where they are missing, so that a figure is one line. */
static json_t *member(json_t *object, const char *key)
{
    json_t *o = json_object_get(object, key);
    if (!o && json_object_set_new(object, key, json_object()) == 0)
        o = json_object_get(object, key);
    return o;
}

static enum status set_int(json_t *object, const char *key, int64_t n, struct err *e)
{
    if (json_object_set_new(object, key, json_integer(n)) != 0)
        return err_set(e, ST_NOMEM, "not enough memory for the figures");
    return OK;
}

/* Rows of (key 1, …, key `depth`, n) as nested objects below `top`. */
static enum status nest(struct db *db, json_t *top, int depth, int64_t incident, const char *sql,
                        struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e, sql, "i", incident);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        json_t *at = top;
        for (int i = 0; at && i < depth - 1; i++)
            at = member(at, db_text(rows, i));
        s = set_int(at, db_text(rows, depth - 1), db_int(rows, depth), e);
    }
    db_rows_done(rows);
    return s == ST_END ? OK : s;
}

/* All questions stand there, with what nobody has answered as "open". */
static enum status answers(struct db *db, json_t *top, int64_t incident, int64_t rows,
                           struct err *e)
{
    struct profile *p = NULL;
    enum status s = incident_profile(db, incident, &p, e);
    if (s == OK)
        s = nest(db, top, 3, incident,
                 "SELECT n.question, n.cve, n.option, COUNT(*) FROM answer n "
                 "JOIN asset a ON a.id = n.asset_id WHERE a.incident_id = $1 AND a.retired = 0 "
                 "GROUP BY n.question, n.cve, n.option",
                 e);
    for (size_t i = 0; s == OK && i < p->question_count; i++) {
        const struct profile_question *q = &p->questions[i];
        for (size_t k = 0; s == OK && k < (q->per_cve ? p->cve_count : 1); k++) {
            if (q->per_cve && !p->cves[k].asked)
                continue;
            json_t *of = member(member(top, q->id), q->per_cve ? p->cves[k].id : "");
            int64_t answered = 0;
            const char *option;
            json_t *n;
            json_object_foreach(of, option, n) answered += json_integer_value(n);
            s = set_int(of, "open", rows - answered, e);
        }
    }
    profile_free(p);
    return s;
}

struct figure {
    const char *object, *key; /* object NULL: at the top */
    const char *sql;          /* $1 incident */
};

static const struct figure figures[] = {
    {NULL, "conflicts",
     "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 AND flags & 1 <> 0"},
    {"flags", "disagree",
     "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 AND flags & 1 <> 0"},
    {"flags", "reopened",
     "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 AND flags & 2 <> 0"},
    {"flags", "proposals",
     "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 AND flags & 4 <> 0"},
    {NULL, "proposals",
     "SELECT COUNT(*) FROM evidence WHERE incident_id = $1 AND status = 'proposed'"},
    {"scans", "hosts", "SELECT COUNT(*) FROM scan WHERE incident_id = $1 AND latest = 1"},
    {"scans", "findings",
     "SELECT COALESCE(SUM(findings), 0) FROM scan WHERE incident_id = $1 AND latest = 1"},
    {"scans", "affected",
     "SELECT COALESCE(SUM(affected), 0) FROM scan WHERE incident_id = $1 AND latest = 1"},
    {"scans", "incomplete",
     "SELECT COALESCE(SUM(incomplete), 0) FROM scan WHERE incident_id = $1 AND latest = 1"},
};

/* Answers of owners that are late, and those that are due before midnight, local time. */
static enum status due(struct db *db, json_t *top, int64_t incident, struct err *e)
{
    int64_t late = 0, today = 0, now = time_now_ms();
    struct civil c;
    char text[TIME_RFC3339_SIZE];
    time_format_local(now, text, &c);
    int64_t gone = ((c.hour * 60 + c.minute) * 60 + c.second) * INT64_C(1000);
    enum status s = db_get_int(db, &late, e,
                               "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 "
                               "AND state = 'asked' AND due_ms > 0 AND due_ms < $2",
                               "ii", incident, now);
    if (s == OK)
        s = db_get_int(db, &today, e,
                       "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 "
                       "AND state = 'asked' AND due_ms >= $2 AND due_ms < $3",
                       "iii", incident, now, now - gone + DAY_MS);
    if (s == OK)
        s = set_int(member(top, "due"), "overdue", late, e);
    return s == OK ? set_int(member(top, "due"), "today", today, e) : s;
}

static enum status waiting_figures(struct db *db, json_t *top, int64_t incident, struct err *e)
{
    struct waiting_lists lists;
    struct arena a;
    arena_init(&a, MIB(1));
    json_t *o = member(top, "waiting");
    enum status s = incident_waiting(db, incident, 1, &a, &lists, e);
    if (s == OK)
        s = set_int(o, "vendors", lists.vendor_rows, e);
    if (s == OK)
        s = set_int(o, "owners", lists.owner_rows, e);
    if (s == OK)
        s = set_int(o, "unassigned", lists.unassigned, e);
    arena_done(&a);
    return s;
}

static enum status head(struct db *db, json_t *top, int64_t incident, struct err *e)
{
    struct db_rows *rows = NULL;
    enum status s = db_query(db, &rows, e,
                             "SELECT id, profile, title, opened_ms, closed_ms FROM incident "
                             "WHERE id = $1",
                             "i", incident);
    if (s == OK)
        s = db_next(rows, e);
    if (s == OK) {
        char opened[TIME_RFC3339_SIZE];
        time_format_utc(db_int(rows, 3), opened);
        json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:b}", "id", (json_int_t)db_int(rows, 0),
                              "profile", db_text(rows, 1), "title", db_text(rows, 2), "opened",
                              opened, "open", (int)db_is_null(rows, 4));
        if (!o || json_object_set_new(top, "incident", o) != 0)
            s = err_set(e, ST_NOMEM, "not enough memory for the figures");
    }
    db_rows_done(rows);
    return s == ST_END ? err_set(e, ST_NOT_FOUND, N_("this incident does not exist")) : s;
}

static enum status fill(struct db *db, json_t *top, int64_t incident, struct err *e)
{
    int64_t rows = 0;
    enum status s = head(db, top, incident, e);
    if (s == OK)
        s = nest(db, member(top, "assets"), 2, incident,
                 "SELECT category, state, COUNT(*) FROM asset WHERE incident_id = $1 "
                 "GROUP BY category, state",
                 e);
    if (s == OK)
        s = nest(db, member(top, "certainty"), 2, incident,
                 "SELECT category, certainty, COUNT(*) FROM asset WHERE incident_id = $1 "
                 "AND retired = 0 GROUP BY category, certainty",
                 e);
    if (s == OK)
        s = nest(db, member(top, "evidence"), 2, incident,
                 "SELECT kind, status, COUNT(*) FROM evidence WHERE incident_id = $1 "
                 "GROUP BY kind, status",
                 e);
    if (s == OK)
        s = db_get_int(db, &rows, e,
                       "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0", "i",
                       incident);
    if (s == OK)
        s = answers(db, member(top, "answers"), incident, rows, e);
    for (size_t i = 0; s == OK && i < ARRAY_LEN(figures); i++) {
        const struct figure *f = &figures[i];
        int64_t n = 0;
        s = db_get_int(db, &n, e, f->sql, "i", incident);
        if (s == OK)
            s = set_int(f->object ? member(top, f->object) : top, f->key, n, e);
    }
    if (s == OK)
        s = due(db, top, incident, e);
    return s == OK ? waiting_figures(db, top, incident, e) : s;
}

enum status incident_status(struct db *db, int64_t incident, json_t **ret, struct err *e)
{
    json_t *top = json_object();
    if (!top)
        return err_set(e, ST_NOMEM, "not enough memory for the figures");
    enum status s = fill(db, top, incident, e);
    if (s != OK) {
        json_decref(top);
        return s;
    }
    *ret = top;
    return OK;
}

/* --- who is waited for */

static enum status list(struct db *db, int64_t incident, size_t limit, const char *sql,
                        struct arena *a, struct waiting **ret, size_t *ret_count, struct err *e)
{
    struct db_rows *rows = NULL;
    size_t n = 0;
    struct waiting *w = arena_alloc_array(a, limit + 1, sizeof *w);
    if (!w)
        return err_set(e, arena_status(a), "not enough memory for the lists of who is waited for");
    enum status s = db_query(db, &rows, e, sql, "ii", incident, (int64_t)limit);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        w[n].rows = db_int(rows, 2);
        w[n].since_ms = db_int(rows, 3);
        w[n].due_ms = db_int(rows, 4);
        s = arena_copy(a, slice_str(db_text(rows, 0)), &w[n].who);
        if (s == OK)
            s = arena_copy(a, slice_str(db_text(rows, 1)), &w[n].department);
        if (s != OK)
            s = err_set(e, s, "not enough memory for the lists of who is waited for");
        n++;
    }
    db_rows_done(rows);
    *ret = w;
    *ret_count = n;
    return s == ST_END ? OK : s;
}

/* A vendor is waited for since the first statement that it has yet to say something. */
static const char vendors[] =
    "SELECT vendor, '', COUNT(*), MIN(since), 0 FROM ("
    "SELECT a.vendor AS vendor, COALESCE((SELECT MIN(v.said_ms) FROM evidence v "
    "WHERE v.asset_id = a.id AND v.cve <> '' AND v.status IN ('stated', 'confirmed')), "
    "a.changed_ms) AS since FROM asset a WHERE a.incident_id = $1 AND a.retired = 0 "
    "AND a.state = 'waiting_vendor') AS w "
    "GROUP BY vendor ORDER BY COUNT(*) DESC, MIN(since), vendor LIMIT $2";

/* The earliest date that any of their rows is due; 0 stands for none. */
static const char owners[] =
    "SELECT CASE WHEN owner <> '' THEN owner ELSE owner_mail END AS who, MAX(department), "
    "COUNT(*), MIN(asked_ms), COALESCE(MIN(CASE WHEN due_ms > 0 THEN due_ms END), 0) "
    "FROM asset WHERE incident_id = $1 AND retired = 0 AND state = 'asked' "
    "GROUP BY CASE WHEN owner <> '' THEN owner ELSE owner_mail END "
    "ORDER BY COUNT(*) DESC, MIN(asked_ms), 1 LIMIT $2";

enum status incident_waiting(struct db *db, int64_t incident, size_t limit, struct arena *a,
                             struct waiting_lists *ret, struct err *e)
{
    struct waiting_lists w = {0};
    const struct {
        int64_t *at;
        const char *sql;
    } counts[] = {
        {&w.vendor_rows, "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 "
                         "AND state = 'waiting_vendor'"},
        {&w.owner_rows, "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 "
                        "AND state = 'asked'"},
        {&w.unassigned, "SELECT COUNT(*) FROM asset WHERE incident_id = $1 AND retired = 0 "
                        "AND owner = '' AND owner_mail = '' AND NOT EXISTS (SELECT 1 FROM "
                        "asset_owner o WHERE o.asset_id = asset.id)"},
        {&w.proposals,
         "SELECT COUNT(*) FROM evidence WHERE incident_id = $1 AND status = 'proposed'"},
    };
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_LEN(counts); i++)
        s = db_get_int(db, counts[i].at, e, counts[i].sql, "i", incident);
    if (s == OK)
        s = list(db, incident, limit, vendors, a, &w.vendors, &w.vendor_count, e);
    if (s == OK)
        s = list(db, incident, limit, owners, a, &w.owners, &w.owner_count, e);
    if (s == OK)
        *ret = w;
    return s;
}
