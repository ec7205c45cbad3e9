/* Sightings as records: fixed part, lengths, texts. */
#include "hunt/sighting.h"

#include "base/limits.h"

const char *sighting_verdict_name(enum sighting_verdict v)
{
    static const char *const names[] = {"attempt", "if-closed", "reaches", "called-back"};
    return names[v];
}

bool sighting_is_asked_for(const struct sighting *s, enum sighting_verdict least, int64_t since_ms,
                           int64_t until_ms)
{
    return s->verdict >= least &&
           (!s->has_time || (s->time_ms >= since_ms && s->time_ms < until_ms));
}

struct head {
    uint32_t verdict, reason, has_time, turkish;
    int64_t time_ms;
    uint64_t line;
    uint32_t length[SIGHTING_TEXTS];
};

enum status sighting_pack(const struct sighting *s, struct buf *out)
{
    struct head h = {.verdict = s->verdict,
                     .reason = s->reason,
                     .has_time = s->has_time,
                     .turkish = s->turkish,
                     .time_ms = s->time_ms,
                     .line = s->line};
    for (size_t i = 0; i < SIGHTING_TEXTS; i++)
        h.length[i] = (uint32_t)(s->text[i].n < LIMIT_HUNT_TEXT ? s->text[i].n : LIMIT_HUNT_TEXT);
    (void)buf_add(out, &h, sizeof h);
    for (size_t i = 0; i < SIGHTING_TEXTS; i++)
        (void)buf_add(out, s->text[i].p, h.length[i]);
    return buf_status(out);
}

enum status sighting_unpack(struct slice in, struct sighting *ret, size_t *ret_n)
{
    struct head h;
    struct sighting s = {0};
    size_t at = sizeof h;
    if (in.n < sizeof h)
        return ST_MALFORMED;
    memcpy(&h, in.p, sizeof h);
    if (h.verdict >= SIGHTED_VERDICTS)
        return ST_MALFORMED;
    s.verdict = (enum sighting_verdict)h.verdict;
    s.reason = (enum attempt_reason)h.reason;
    s.has_time = h.has_time;
    s.turkish = h.turkish;
    s.time_ms = h.time_ms;
    s.line = h.line;
    for (size_t i = 0; i < SIGHTING_TEXTS; i++) {
        if (h.length[i] > in.n - at)
            return ST_MALFORMED;
        s.text[i] = slice_sub(in, at, h.length[i]);
        at += h.length[i];
    }
    s.callback = callback_parse(s.text[SIGHTING_KEY]);
    *ret = s;
    *ret_n = at;
    return OK;
}
