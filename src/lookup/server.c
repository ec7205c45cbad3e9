/* Names of what the server knows, and marks that follow it. See server.h. */
#include "lookup/server.h"

static bool same_word(struct slice s, const char *word, size_t n)
{
    return s.n == n && strncasecmp((const char *)s.p, word, n) == 0;
}
#define SAME_WORD(s, word) same_word(s, word, sizeof(word) - 1)

/* Letters outside of quotes are fields of the time; without any the text is the pattern's. */
static bool tells_time(struct slice pattern)
{
    bool quoted = false;
    for (size_t i = 0; i < pattern.n; i++) {
        uint8_t c = pattern.p[i] | 0x20;
        if (pattern.p[i] == '\'')
            quoted = !quoted;
        else if (!quoted && c >= 'a' && c <= 'z')
            return true;
    }
    return quoted; /* no pattern: the time in a form of its own */
}

enum server_source server_source(struct slice name)
{
    static const struct {
        const char *prefix;
        size_t n;
        enum server_source source;
    } sources[] = {
        {"env", sizeof "env" - 1, SERVER_ENVIRONMENT},
        {"sys", sizeof "sys" - 1, SERVER_PROPERTY},
        {"java", sizeof "java" - 1, SERVER_JAVA},
        {"ctx", sizeof "ctx" - 1, SERVER_CONTEXT},
        {"mdc", sizeof "mdc" - 1, SERVER_CONTEXT},
        {"main", sizeof "main" - 1, SERVER_ARGUMENT},
        {"docker", sizeof "docker" - 1, SERVER_CONTAINER},
        {"k8s", sizeof "k8s" - 1, SERVER_CLUSTER},
        {"kubernetes", sizeof "kubernetes" - 1, SERVER_CLUSTER},
        {"web", sizeof "web" - 1, SERVER_WEB},
        {"spring", sizeof "spring" - 1, SERVER_SETTING},
        {"bundle", sizeof "bundle" - 1, SERVER_TEXT},
    };
    size_t colon = slice_index(name, ':');
    bool prefixed = colon < name.n;
    struct slice prefix = slice_sub(name, 0, colon);
    struct slice key = prefixed ? slice_sub(name, colon + 1, name.n) : name;
    if (prefixed && (SAME_WORD(prefix, "lower") || SAME_WORD(prefix, "upper")))
        return SERVER_NOTHING;
    if (prefixed && SAME_WORD(prefix, "date"))
        return tells_time(key) ? SERVER_TIME : SERVER_NOTHING;
    if (prefixed && SAME_WORD(prefix, "event"))
        return slice_eq_str(key, "Message") ? SERVER_NOTHING : SERVER_EVENT;
    for (size_t i = 0; prefixed && i < ARRAY_LEN(sources); i++) {
        if (same_word(prefix, sources[i].prefix,
                      sources[i].n)) /* separators are the same on every server */
            return slice_ends(name, SLICE_LIT(".separator")) ? SERVER_NOTHING : sources[i].source;
    }
    if (slice_eq_str(key, "hostName")) /* whatever the prefix: rule 19 */
        return SERVER_NAME;
    return slice_eq_str(key, "contextName") ? SERVER_WEB : SERVER_NOTHING;
}

/* --- marks */

bool server_event_gives(const struct eval_event *e, struct slice *ret)
{
    if (e->kind == EVAL_EVENT_ESCAPE)
        *ret = SLICE_LIT("${");
    else if (e->kind == EVAL_EVENT_UNRESOLVED)
        *ret = e->variable;
    else if (e->kind == EVAL_EVENT_VALUE || e->kind == EVAL_EVENT_DEFAULT)
        *ret = e->value;
    else
        return false;
    return true;
}

/* Where in the piece the value begins that the event gives, if it is the end of the piece, before
 * its bracket: so is a default, and what lower: and upper: give has the letters of it in their
 * order. Else the end of the piece. */
static size_t tail_of(const struct eval_event *e)
{
    size_t end = e->at + e->n;
    struct slice word = slice_sub(e->name, 0, slice_index(e->name, ':'));
    bool same = e->kind == EVAL_EVENT_DEFAULT ||
                (e->kind == EVAL_EVENT_VALUE && e->value.n + word.n + 1 == e->name.n &&
                 (SAME_WORD(word, "lower") || SAME_WORD(word, "upper")));
    return same && e->value.n < e->n ? end - 1 - e->value.n : end;
}

/* A mark inside of the piece, behind the event. False: it only helped to name the variable. */
static bool move_inside(struct server_mark *k, const struct eval_event *e, size_t tail, size_t with)
{
    if (k->at >= tail) {
        k->at = e->at + (k->at - tail);
        return true;
    }
    k->at = e->at; /* the value was made of it, nobody knows which part */
    k->n = with;
    return e->kind == EVAL_EVENT_VALUE;
}

static void lose(struct server_marks *m, size_t from, size_t to)
{
    bool any = m->lost_from < m->lost_to;
    m->lost_from = any && m->lost_from < from ? m->lost_from : from;
    m->lost_to = any && m->lost_to > to ? m->lost_to : to;
}

/* A place in the text, behind the event. */
static size_t moved(size_t place, size_t inside, const struct eval_event *e, size_t with)
{
    if (place >= e->at + e->n)
        return place - e->n + with;
    return place > e->at ? inside : place;
}

static void move_lost(struct server_marks *m, const struct eval_event *e, size_t with)
{
    if (m->lost_from == m->lost_to)
        return;
    m->lost_from = moved(m->lost_from, e->at, e, with);
    m->lost_to = moved(m->lost_to, e->at + with, e, with);
}

/* What stands before the outermost variable that is open stays where it is in this pass. */
static void make_room(struct server_marks *m, size_t outer)
{
    size_t kept = 0;
    if (m->count < SERVER_MARKS)
        return;
    for (size_t i = 0; i < m->count; i++) {
        struct server_mark *k = &m->mark[i];
        if (k->at + k->n <= outer)
            lose(m, k->at, k->at + k->n);
        else
            m->mark[kept++] = *k;
    }
    m->count = kept;
}

/* ${env:A:-x${env:B}}: where the default is taken its own variables are what is told, so A stands
 * before it with nothing as default. */
static bool has_marks(const struct server_marks *m, size_t from, size_t to)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->mark[i].n && m->mark[i].at >= from && m->mark[i].at + m->mark[i].n <= to)
            return true;
    return false;
}

static void add(struct server_marks *m, const struct eval_event *e, size_t with,
                struct arena *names)
{
    struct server_mark k = {
        .at = e->at, .n = with, .name = e->name, .has_default = e->kind == EVAL_EVENT_DEFAULT};
    if (k.has_default && has_marks(m, k.at, k.at + k.n))
        k.n = 0;
    else if (k.has_default)
        k.given = e->value;
    make_room(m, e->outer);
    bool room = m->count < SERVER_MARKS;
    if (room && names) {
        room = arena_copy(names, slice_sub(k.name, 0, SERVER_TEXT_BYTES), &k.name) == OK &&
               arena_copy(names, slice_sub(k.given, 0, SERVER_TEXT_BYTES), &k.given) == OK;
    }
    if (room)
        m->mark[m->count++] = k;
    else
        lose(m, k.at, k.at + k.n);
}

void server_marks_take(struct server_marks *m, const struct eval_event *e, struct arena *names)
{
    size_t kept = 0, end = e->at + e->n, tail = tail_of(e);
    struct slice with;
    bool covered = false;
    if (!server_event_gives(e, &with))
        return;
    for (size_t i = 0; i < m->count; i++) {
        struct server_mark *k = &m->mark[i];
        if (k->at >= end) {
            k->at = k->at - e->n + with.n;
        } else if (k->n && k->at <= e->at && k->at + k->n >= end) {
            k->n = k->n - e->n + with.n; /* decided within what is the server's already */
            covered = true;
        } else if (k->at + k->n > e->at && !move_inside(k, e, tail, with.n)) {
            continue;
        }
        if (kept != i)
            m->mark[kept] = *k;
        kept++;
    }
    m->count = kept;
    move_lost(m, e, with.n);
    if (!covered && e->kind != EVAL_EVENT_ESCAPE && server_source(e->name) != SERVER_NOTHING)
        add(m, e, with.n, names);
}
