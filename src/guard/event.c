/* The line of an event, its id, and how many of them a client may cause. */
#include "guard/event.h"

#include "base/jsonwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "lookup/callback.h"

#include <sys/random.h>

/* What a text may take of a line, escaped. Together, with the names around them, they stay below
 * LIMIT_GUARD_EVENT; tests/unit/guard fills all of them. */
enum {
    ROOM_ID = 64,
    ROOM_CLIENT = 128,
    ROOM_HOST = 384,
    ROOM_METHOD = 64,
    ROOM_PATH = 1536,
    ROOM_RULE = 192,
    ROOM_FIELD = 768,
    ROOM_KEY = 2048,
    ROOM_TEXT = 2048,
    ROOM_CHAIN = 32,
    BRIEF_PATH = 512,
    BRIEF_FIELD = 384,
    BRIEF_KEY = 1024,
    BRIEF_TEXT = 512,
};

const char *guard_action_name(enum guard_action a)
{
    static const char *const names[] = {"passed", "reported", "blocked"};
    return names[a];
}

const char *guard_why_name(enum guard_why w)
{
    static const char *const names[] = {
        [GUARD_LOOKUP] = "lookup", [GUARD_PATCH] = "patch",       [GUARD_SIGNATURE] = "signature",
        [GUARD_CLIENT] = "client", [GUARD_CALLBACK] = "callback", [GUARD_LIMIT] = "limit",
    };
    return names[w];
}

bool guard_event_secret(const struct guard_field *f)
{
    if (f->part == GUARD_COOKIE)
        return true;
    return f->part == GUARD_HEADER &&
           (slice_eq_str(f->name, "authorization") || slice_eq_str(f->name, "cookie") ||
            slice_eq_str(f->name, "proxy-authorization") || slice_eq_str(f->name, "x-api-key") ||
            slice_eq_str(f->name, "x-auth-token"));
}

struct guard_field guard_event_field(const struct guard_field *f)
{
    struct guard_field told = *f;
    if (f->part == GUARD_COOKIE && f->in_name)
        told.name.n = 0;
    return told;
}

/* A lookup that nothing closes takes in what stands behind it: of one in a secret the host is told,
 * and of others as much as belongs to an address. */
static struct slice told_key(const struct guard_event *ev)
{
    const struct guard_finding *f = ev->finding;
    struct slice key = f->key;
    size_t n = 0;
    if (!ev->secret && !guard_event_secret(&f->field))
        return key;
    if (f->verdict != VERDICT_REACHES)
        key = callback_parse(key).host;
    while (n < key.n && key.p[n] > ' ' && key.p[n] < 0x7f && !strchr(";,\"", key.p[n]))
        n++;
    return slice_sub(key, 0, n);
}

/* The longest beginning of s that takes at most `room` bytes once it is escaped. */
static struct slice fitting(struct slice s, size_t room)
{
    size_t at = 0, used = 0;
    while (at < s.n) {
        size_t n = 1, cost;
        bool ok = true;
        uint32_t cp = utf8_decode(slice_sub(s, at, s.n - at), &n, &ok);
        if (!ok)
            cost = 3; /* U+FFFD */
        else if (text_is_dangerous(cp))
            cost = 6; /* \uXXXX */
        else
            cost = cp == '"' || cp == '\\' ? 2 : n;
        if (cost > room - used)
            break;
        used += cost;
        at += n;
    }
    return slice_sub(s, 0, at);
}

static void put(struct jsonw *w, const char *key, struct slice value, size_t room)
{
    if (value.n > 0)
        json_put_slice(w, key, fitting(value, room));
}

static void put_event(struct jsonw *w, const struct guard_event *ev)
{
    json_key(w, "event");
    json_begin_object(w);
    json_put_str(w, "kind", "alert");
    json_key(w, "category");
    json_begin_array(w);
    json_text(w, SLICE_LIT("intrusion_detection"));
    json_end_array(w);
    json_put_str(w, "action", guard_action_name(ev->action));
    put(w, "id", ev->id, ROOM_ID);
    json_end_object(w);
}

static void put_request(struct jsonw *w, const struct guard_event *ev)
{
    if (ev->client.n > 0) {
        json_key(w, "client");
        json_begin_object(w);
        put(w, "address", ev->client, ROOM_CLIENT);
        json_end_object(w);
    }
    if (ev->host.n > 0 || ev->path.n > 0) {
        json_key(w, "url");
        json_begin_object(w);
        put(w, "domain", ev->host, ROOM_HOST);
        put(w, "path", ev->path, ev->brief ? BRIEF_PATH : ROOM_PATH);
        json_end_object(w);
    }
    if (ev->method.n > 0) {
        json_key(w, "http");
        json_begin_object(w);
        json_key(w, "request");
        json_begin_object(w);
        put(w, "method", ev->method, ROOM_METHOD);
        json_end_object(w);
        json_end_object(w);
    }
}

static void put_rule(struct jsonw *w, const struct guard_event *ev)
{
    const struct guard_finding *f = ev->finding;
    const char *name = f->rule ? f->rule : guard_why_name(f->why);
    char version[24];
    json_key(w, "rule");
    json_begin_object(w);
    put(w, "name", slice_str(name), ROOM_RULE);
    if (ev->rules_version > 0) {
        (void)snprintf(version, sizeof(version), "%llu", (unsigned long long)ev->rules_version);
        json_put_str(w, "version", version);
    }
    json_end_object(w);
}

static void put_field(struct jsonw *w, const struct guard_field *f, size_t room)
{
    char storage[4 * LIMIT_GUARD_FIELD_NAME + 32];
    struct buf name;
    buf_over(&name, storage, sizeof(storage));
    struct guard_field told = guard_event_field(f);
    if (guard_field_write(&told, &name) == OK)
        put(w, "field", buf_slice(&name), room);
    if (f->in_name)
        json_put_bool(w, "in_name", true);
}

static void put_finding(struct jsonw *w, const struct guard_event *ev)
{
    const struct guard_finding *f = ev->finding;
    json_key(w, "hikeshi");
    json_begin_object(w);
    json_put_str(w, "why", guard_why_name(f->why));
    if (f->why != GUARD_CLIENT && f->why != GUARD_LIMIT)
        put_field(w, &f->field, ev->brief ? BRIEF_FIELD : ROOM_FIELD);
    if (f->why == GUARD_LOOKUP || f->why == GUARD_CALLBACK) {
        json_put_str(w, "verdict", verdict_name(f->verdict));
        if (f->reason != ATTEMPT_NO_REASON)
            json_put_str(w, "reason", attempt_reason_name(f->reason));
        put(w, "key", told_key(ev), ev->brief ? BRIEF_KEY : ROOM_KEY);
    }
    if (f->chain_count > 0) {
        json_key(w, "chain");
        json_begin_array(w);
        for (size_t i = 0; i < f->chain_count && i < EXAMINE_LAYERS; i++)
            json_text(w, fitting(slice_str(f->chain[i]), ROOM_CHAIN));
        json_end_array(w);
    }
    if (!ev->secret && !guard_event_secret(&f->field))
        put(w, "text", slice_sub(ev->text, 0, LIMIT_GUARD_EVENT_TEXT),
            ev->brief ? BRIEF_TEXT : ROOM_TEXT);
    json_key(w, "dropped");
    json_uint(w, ev->dropped);
    json_end_object(w);
}

enum status guard_event_write(const struct guard_event *ev, struct buf *out)
{
    char at[TIME_RFC3339_SIZE];
    struct jsonw w = jsonw_to(out);
    time_format_utc(ev->time_ms, at);
    json_begin_object(&w);
    json_put_str(&w, "@timestamp", at);
    put_event(&w, ev);
    put_request(&w, ev);
    put_rule(&w, ev);
    put_finding(&w, ev);
    json_end_object(&w);
    return buf_add_char(out, '\n');
}

void guard_id(char out[27])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned __int128 bits = 0;
    /* Ids need to differ, not to be secret: a kernel that has no random bytes does not stop us. */
    if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
        bits = ((unsigned __int128)(uint64_t)time_now_ms() << 64) |
               ((uint64_t)time_monotonic_ms() << 20) | ((uintptr_t)out & 0xfffff);
    for (size_t i = 26; i-- > 0; bits >>= 5)
        out[i] = digits[(unsigned)bits & 31];
    out[26] = '\0';
}

/* --- rate: a hash table whose entries also stand in the order in which they were seen last */

struct client {
    uint64_t id; /* guard_client_of */
    int64_t refilled_ms;
    uint64_t dropped;
    uint32_t left;               /* events that may be written at once */
    uint16_t next, older, newer; /* places + 1; 0: none */
};

struct guard_rate {
    unsigned burst;
    uint32_t seed; /* so that nobody can choose addresses that share a chain */
    uint16_t oldest, newest, used;
    uint16_t heads[LIMIT_GUARD_CLIENTS];
    struct client clients[LIMIT_GUARD_CLIENTS];
};
_Static_assert(LIMIT_GUARD_CLIENTS < UINT16_MAX, "places are 16 bits");
_Static_assert((LIMIT_GUARD_CLIENTS & (LIMIT_GUARD_CLIENTS - 1)) == 0, "hash is masked");

enum status guard_rate_new(unsigned burst, struct guard_rate **ret)
{
    struct guard_rate *r = calloc(1, sizeof(*r));
    if (!r)
        return ST_NOMEM;
    r->burst = burst > 0 ? burst : 1;
    if (getrandom(&r->seed, sizeof(r->seed), GRND_NONBLOCK) != (ssize_t)sizeof(r->seed))
        r->seed = (uint32_t)time_now_ms();
    *ret = r;
    return OK;
}

void guard_rate_free(struct guard_rate *r)
{
    free(r);
}

static uint16_t *chain_of(struct guard_rate *r, uint64_t id)
{
    uint64_t h = 0xcbf29ce484222325u ^ r->seed;
    for (size_t i = 0; i < sizeof id; i++)
        h = (h ^ (id >> 8 * i & 0xff)) * 0x100000001b3u;
    h ^= h >> 29;
    return &r->heads[h & (LIMIT_GUARD_CLIENTS - 1)];
}

static void unlink_age(struct guard_rate *r, struct client *c)
{
    *(c->older ? &r->clients[c->older - 1].newer : &r->oldest) = c->newer;
    *(c->newer ? &r->clients[c->newer - 1].older : &r->newest) = c->older;
}

static void link_newest(struct guard_rate *r, struct client *c)
{
    uint16_t place = (uint16_t)(c - r->clients + 1);
    c->older = r->newest;
    c->newer = 0;
    *(r->newest ? &r->clients[r->newest - 1].newer : &r->oldest) = place;
    r->newest = place;
}

/* A place for one more client: a free one, or that of the client unseen for longest. */
static struct client *take_place(struct guard_rate *r)
{
    struct client *c;
    uint16_t *at;
    if (r->used < LIMIT_GUARD_CLIENTS)
        return &r->clients[r->used++];
    c = &r->clients[r->oldest - 1];
    unlink_age(r, c);
    at = chain_of(r, c->id);
    while (&r->clients[*at - 1] != c)
        at = &r->clients[*at - 1].next;
    *at = c->next;
    return c;
}

static struct client *find_client(struct guard_rate *r, struct slice addr, int64_t now_ms)
{
    uint64_t id = guard_client_of(addr);
    uint16_t *head = chain_of(r, id);
    struct client *c;
    for (uint16_t at = *head; at != 0; at = c->next) {
        c = &r->clients[at - 1];
        if (c->id != id)
            continue;
        unlink_age(r, c);
        link_newest(r, c);
        return c;
    }
    c = take_place(r);
    *c = (struct client){.id = id, .refilled_ms = now_ms, .left = r->burst, .next = *head};
    *head = (uint16_t)(c - r->clients + 1);
    link_newest(r, c);
    return c;
}

bool guard_rate_take(struct guard_rate *r, struct slice addr, int64_t now_ms, uint64_t *ret_dropped)
{
    struct client *c = find_client(r, addr, now_ms);
    if (now_ms < c->refilled_ms) /* the clock was set back */
        c->refilled_ms = now_ms;
    int64_t more = (now_ms - c->refilled_ms) / 1000;
    if (more > 0) {
        c->left = more >= r->burst - c->left ? r->burst : c->left + (uint32_t)more;
        c->refilled_ms += more * 1000;
    }
    if (c->left == 0) {
        c->dropped++;
        return false;
    }
    c->left--;
    *ret_dropped = c->dropped;
    c->dropped = 0;
    return true;
}

void guard_rate_lost(struct guard_rate *r, struct slice addr, int64_t now_ms, uint64_t lost)
{
    find_client(r, addr, now_ms)->dropped += lost;
}
