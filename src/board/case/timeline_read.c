/* Reading the timeline: a page of entries with their sentences. See timeline.h. */
#include "board/case/timeline.h"

#include "base/limits.h"
#include "board/log/hash.h"
#include "board/office/normalise.h"

/* Both directions as one condition each, so that the texts stay constant. $1 incident, $2 main
 * only, $3 outside only, $4 hidden too, $5 from, $6 before, $7 after id. */
#define COLUMNS                                                                                 \
    "SELECT e.id, e.incident_id, e.seq, e.at_ms, e.actor_kind, e.actor_id, e.actor_name, "      \
    "e.actor_role, e.via, e.subject, e.kind, e.body, e.prev_hash, e.hash, t.at_ms, t.by_hand, " \
    "t.main, t.outside, t.hidden, t.affected, COALESCE(a.name, ''), t.text, t.edited_by, "      \
    "t.edited_ms, t.row_version FROM timeline t JOIN event e ON e.id = t.id "                   \
    "LEFT JOIN asset a ON a.id = t.asset_id "
#define FILTER                                                                           \
    "WHERE t.incident_id = $1 AND ($2 = 0 OR t.main = 1) AND ($3 = 0 OR t.outside = 1) " \
    "AND ($4 = 1 OR t.hidden = 0) "
#define OLDEST "AND (t.at_ms > $5 OR (t.at_ms = $5 AND t.id > $7)) AND (t.at_ms < $6 OR $6 = 0) "
#define NEWEST "AND t.at_ms >= $5 AND (t.at_ms < $6 OR $6 = 0 OR (t.at_ms = $6 AND t.id < $7)) "
#define PAGE "LIMIT $8 OFFSET $9"

static const char oldest[] = COLUMNS FILTER OLDEST "ORDER BY t.at_ms, t.id " PAGE;
static const char newest[] = COLUMNS FILTER NEWEST "ORDER BY t.at_ms DESC, t.id DESC " PAGE;
static const char oldest_count[] = "SELECT COUNT(*) FROM timeline t " FILTER OLDEST;
static const char newest_count[] = "SELECT COUNT(*) FROM timeline t " FILTER NEWEST;

struct reading {
    enum lang lang;
    struct arena *a;
    struct buf sentence, folded, wanted;
};

static enum status keep(struct reading *r, struct slice s, struct slice *ret, struct err *e)
{
    enum status st = arena_copy(r->a, s, ret);
    return st == OK ? OK : err_set(e, st, "not enough memory for this page of the timeline");
}

/* The sentence of the work, with what came of it. */
static enum status tell(struct reading *r, const struct event *ev, int64_t affected,
                        const char *first, struct err *e)
{
    const struct log_kind *k = log_find_kind(ev->kind);
    buf_clear(&r->sentence);
    enum status s = k ? k->sentence(ev, r->lang, &r->sentence) : OK;
    if (affected == 1)
        (void)buf_addf(&r->sentence, T(r->lang, " — now affected: %s"), first);
    else if (affected > 1)
        (void)buf_addf(&r->sentence, T(r->lang, " — now affected: %s and %lld more"), first,
                       (long long)affected - 1);
    s = s == OK ? buf_status(&r->sentence) : s;
    return s == OK ? OK : err_set(e, s, "event %lld cannot be told", (long long)ev->id);
}

static enum status read_entry(struct reading *r, const struct db_rows *rows,
                              struct timeline_entry *ret, struct err *e)
{
    struct event ev;
    enum status s = log_event_of_row(rows, &ev, e);
    if (s != OK)
        return s;
    *ret = (struct timeline_entry){.id = ev.id,
                                   .at_ms = db_int(rows, 14),
                                   .by_hand = db_int(rows, 15) != 0,
                                   .main = db_int(rows, 16) != 0,
                                   .outside = db_int(rows, 17) != 0,
                                   .hidden = db_int(rows, 18) != 0,
                                   .edited_ms = db_int(rows, 23),
                                   .row_version = db_int(rows, 24)};
    struct slice text = slice_str(db_text(rows, 21));
    s = tell(r, &ev, db_int(rows, 19), db_text(rows, 20), e);
    json_decref((json_t *)(uintptr_t)ev.body);
    if (s == OK)
        s = keep(r, text.n ? text : buf_slice(&r->sentence), &ret->text, e);
    if (s == OK && text.n)
        s = keep(r, buf_slice(&r->sentence), &ret->original, e);
    if (s == OK)
        s = keep(r, slice_str(db_text(rows, 6)), &ret->author, e);
    if (s == OK)
        s = keep(r, slice_str(db_text(rows, 22)), &ret->edited_by, e);
    return s;
}

/* Whether the text or the author holds what is searched, however it is spelt. */
static bool matches(struct reading *r, const struct timeline_entry *t)
{
    const struct slice in[] = {t->text, t->original, t->author};
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        buf_clear(&r->folded);
        if (norm_match_key(in[i], &r->folded) == OK &&
            slice_find(buf_slice(&r->folded), buf_slice(&r->wanted)) < r->folded.n)
            return true;
    }
    return false;
}

struct bounds {
    const struct timeline_filter *f;
    int64_t from_ms, before_ms, after_id;
};

static enum status query(struct db *db, const struct bounds *b, int64_t limit, int64_t offset,
                         struct db_rows **ret, struct err *e)
{
    const struct timeline_filter *f = b->f;
    return db_query(db, ret, e, f->oldest_first ? oldest : newest, "iiiiiiiii", f->incident,
                    (int64_t)f->main_only, (int64_t)f->outside_only, (int64_t)f->hidden_too,
                    b->from_ms, b->before_ms, b->after_id, limit, offset);
}

/* Sentences are made here, so a search looks at every entry of the filter. */
static enum status search(struct db *db, const struct bounds *b, struct reading *r, size_t offset,
                          size_t limit, struct timeline_entry *entries, size_t *ret_count,
                          int64_t *ret_total, struct err *e)
{
    struct db_rows *rows = NULL;
    size_t n = 0;
    int64_t total = 0;
    struct arena *page = r->a, scratch;
    arena_init(&scratch, MIB(1));
    enum status s = query(db, b, INT64_MAX, 0, &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK) {
        struct timeline_entry t;
        arena_clear(&scratch);
        r->a = &scratch;
        s = read_entry(r, rows, &t, e);
        r->a = page;
        if (s != OK || !matches(r, &t))
            continue;
        if (total++ >= (int64_t)offset && n < limit)
            s = read_entry(r, rows, &entries[n++], e);
    }
    db_rows_done(rows);
    arena_done(&scratch);
    *ret_count = n;
    *ret_total = total;
    return s == ST_END ? OK : s;
}

static enum status page(struct db *db, const struct bounds *b, struct reading *r, size_t offset,
                        size_t limit, struct timeline_entry *entries, size_t *ret_count,
                        int64_t *ret_total, struct err *e)
{
    const struct timeline_filter *f = b->f;
    struct db_rows *rows = NULL;
    size_t n = 0;
    enum status s =
        db_get_int(db, ret_total, e, f->oldest_first ? oldest_count : newest_count, "iiiiiii",
                   f->incident, (int64_t)f->main_only, (int64_t)f->outside_only,
                   (int64_t)f->hidden_too, b->from_ms, b->before_ms, b->after_id);
    if (s == OK)
        s = query(db, b, (int64_t)limit, (int64_t)offset, &rows, e);
    while (s == OK && (s = db_next(rows, e)) == OK)
        s = read_entry(r, rows, &entries[n++], e);
    db_rows_done(rows);
    *ret_count = n;
    return s == ST_END ? OK : s;
}

enum status timeline_read(struct db *db, const struct timeline_filter *f, enum lang lang,
                          size_t offset, size_t limit, struct arena *a, struct timeline_entry **ret,
                          size_t *ret_count, int64_t *ret_total, struct err *e)
{
    struct reading r = {.lang = lang, .a = a};
    struct bounds b = {f, f->from_ms, f->before_ms, f->after_id};
    size_t count = 0;
    int64_t total = 0;
    if (!f->oldest_first && f->before_ms == 0)
        b.after_id = 0;
    struct timeline_entry *entries = arena_alloc_array(a, limit + 1, sizeof *entries);
    if (!entries)
        return err_set(e, arena_status(a), "not enough memory for this page of the timeline");
    buf_init(&r.sentence, KIB(64));
    buf_init(&r.folded, KIB(64));
    buf_init(&r.wanted, KIB(4));
    enum status s = norm_match_key(f->search, &r.wanted);
    if (s != OK)
        s = err_set(e, s, N_("the search is too long"));
    else if (r.wanted.n)
        s = search(db, &b, &r, offset, limit, entries, &count, &total, e);
    else
        s = page(db, &b, &r, offset, limit, entries, &count, &total, e);
    buf_done(&r.sentence);
    buf_done(&r.folded);
    buf_done(&r.wanted);
    if (s != OK)
        return s;
    *ret = entries;
    *ret_count = count;
    *ret_total = total;
    return OK;
}
