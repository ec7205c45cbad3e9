/* Live pages: one stream of server-sent events per open page, one thread that looks at the record.
 *
 * A stream costs a socket and some KiB: MHD suspends its connection while there is nothing to say.
 * The watcher looks at the counter of events twice a second, or at once when this process wrote
 * something; what other boards wrote is seen the same way. */
#include "board/web/web_int.h"

#include <inttypes.h>

#define COMMENT_MS 20000 /* proxies cut what is silent for a minute */

struct stream {
    struct stream *prev, *next;
    struct live *live;
    struct MHD_Connection *conn;
    int fd;
    int64_t incident, newest, sent;
    int64_t spoke_ms; /* monotonic */
    char session[TOKEN_HEX];
    bool suspended, over;
};

struct live {
    pthread_mutex_t lock;
    struct stream *first;
    size_t count;
    int64_t last; /* newest event looked at */
    bool stopping, started;
};

enum status live_open(struct live **ret, struct err *e)
{
    struct live *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, ST_NOMEM, "out of memory");
    (void)pthread_mutex_init(&l->lock, NULL);
    *ret = l;
    return OK;
}

void live_close(struct live *l)
{
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static void wake(struct stream *s)
{
    if (s->suspended) {
        s->suspended = false;
        MHD_resume_connection(s->conn);
    }
}

void live_stop(struct live *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->stopping = true;
    for (struct stream *s = l->first; s; s = s->next)
        wake(s);
    (void)pthread_mutex_unlock(&l->lock);
}

/* MHD asks for more to send. */
static ssize_t more(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct stream *s = cls;
    ssize_t ret = 0;
    (void)pos;
    (void)pthread_mutex_lock(&s->live->lock);
    int64_t now = time_monotonic_ms();
    if (s->over || s->live->stopping) {
        ret = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (s->newest > s->sent && max >= 100) {
        ret = snprintf(buf, max, "id: %" PRId64 "\nevent: changed\ndata: %" PRId64 "\n\n",
                       s->newest, s->newest);
        s->sent = s->newest;
        s->spoke_ms = now;
    } else if (now - s->spoke_ms >= COMMENT_MS && max >= 100) {
        ret = snprintf(buf, max, ":\n\n");
        s->spoke_ms = now;
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->conn);
    }
    (void)pthread_mutex_unlock(&s->live->lock);
    return ret;
}

static void stream_free(void *cls)
{
    struct stream *s = cls;
    struct live *l = s->live;
    (void)pthread_mutex_lock(&l->lock);
    if (s->prev)
        s->prev->next = s->next;
    else
        l->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    l->count--;
    (void)pthread_mutex_unlock(&l->lock);
    free(s);
}

static bool has_room(const struct live *l, const char *session)
{
    size_t same = 0;
    for (const struct stream *s = l->first; s; s = s->next)
        same += strcmp(s->session, session) == 0;
    return !l->stopping && l->count < LIMIT_WEB_STREAMS && same < LIMIT_WEB_STREAMS_EACH;
}

enum status live_response(struct live *l, struct exchange *x, struct MHD_Response **ret)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return ST_NOMEM;
    *s = (struct stream){
        .live = l, .conn = x->conn, .fd = x->client->fd, .incident = x->res.incident};
    memcpy(s->session, x->token_hash, sizeof s->session);
    s->spoke_ms = time_monotonic_ms() - COMMENT_MS; /* a comment at once: the stream is open */
    (void)pthread_mutex_lock(&l->lock);
    bool room = has_room(l, s->session);
    if (room) {
        s->sent = x->res.since;
        /* what came between the handler's look and this one: rather once too often */
        s->newest = l->last > x->res.newest ? l->last : x->res.newest;
        s->next = l->first;
        if (l->first)
            l->first->prev = s;
        l->first = s;
        l->count++;
    }
    (void)pthread_mutex_unlock(&l->lock);
    struct MHD_Response *r =
        room ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, more, s, stream_free)
             : NULL;
    if (!r) {
        if (room)
            stream_free(s);
        else
            free(s);
        return room ? ST_NOMEM : ST_LIMIT;
    }
    *ret = r;
    return OK;
}

/* Tells the streams of an incident its newest event. */
static void tell(struct live *l, int64_t incident, int64_t newest)
{
    (void)pthread_mutex_lock(&l->lock);
    for (struct stream *s = l->first; s; s = s->next) {
        if (s->incident == incident && newest > s->newest) {
            s->newest = newest;
            wake(s);
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static void look_at_record(struct live *l, struct db *db)
{
    struct db_rows *rows = NULL;
    int64_t newest = 0;
    if (db_get_int(db, &newest, NULL,
                   "SELECT COALESCE(MAX(value), 0) FROM counter WHERE name = 'event'", "") != OK)
        return;
    int64_t last = l->last; /* written by this thread only */
    if (newest <= last && l->started)
        return;
    if (l->started && db_query(db, &rows, NULL,
                               "SELECT incident_id, MAX(id) FROM event WHERE id > $1 AND id <= $2 "
                               "GROUP BY incident_id",
                               "ii", last, newest) == OK) {
        while (db_next(rows, NULL) == OK)
            tell(l, db_int(rows, 0), db_int(rows, 1));
    }
    db_rows_done(rows);
    (void)pthread_mutex_lock(&l->lock);
    l->last = newest;
    l->started = true;
    (void)pthread_mutex_unlock(&l->lock);
}

static int compare_hash(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Ends the streams whose session or token is over; asks for all of them once in a while. */
static void look_at_sessions(struct live *l, struct db *db)
{
    struct db_rows *rows = NULL;
    char(*valid)[TOKEN_HEX] = NULL;
    size_t n = 0;
    size_t room = 0;
    bool all = false;
    (void)pthread_mutex_lock(&l->lock);
    size_t count = l->count;
    (void)pthread_mutex_unlock(&l->lock);
    if (count == 0)
        return;
    enum status st = db_query(db, &rows, NULL,
                              "SELECT s.token_hash FROM session s JOIN account a "
                              "ON a.id = s.account_id WHERE a.disabled = 0 "
                              "UNION SELECT x.token_hash FROM api_token_secret x "
                              "JOIN api_token t ON t.id = x.token_id "
                              "JOIN account a ON a.id = t.account_id WHERE a.disabled = 0 "
                              "AND t.revoked_ms = 0 AND t.until_ms > $1 ORDER BY 1",
                              "i", time_now_ms());
    while (st == OK && (st = db_next(rows, NULL)) == OK) {
        if (n == room) {
            room = room ? 2 * room : 256;
            void *grown = reallocarray(valid, room, TOKEN_HEX);
            if (!grown)
                break;
            valid = grown;
        }
        (void)snprintf(valid[n++], TOKEN_HEX, "%s", db_text(rows, 0));
    }
    all = st == ST_END;
    db_rows_done(rows);
    (void)pthread_mutex_lock(&l->lock);
    for (struct stream *s = l->first; s && all; s = s->next) {
        if (n == 0 || !bsearch(s->session, valid, n, TOKEN_HEX, compare_hash)) {
            s->over = true;
            wake(s);
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
    free(valid);
}

void live_look(struct live *l, struct db *db, bool sessions)
{
    int64_t now = time_monotonic_ms();
    look_at_record(l, db);
    if (sessions)
        look_at_sessions(l, db);
    (void)pthread_mutex_lock(&l->lock);
    for (struct stream *s = l->first; s; s = s->next) {
        if (s->suspended && client_half_closed(s->fd)) { /* MHD does not look while suspended */
            s->over = true;
            wake(s);
        } else if (now - s->spoke_ms >= COMMENT_MS) {
            wake(s);
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
}
