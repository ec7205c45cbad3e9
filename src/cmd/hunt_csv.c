/* RFC 4180 for spreadsheets: a row per sighting, then a row per place that was not read. Formulas
 * are neutralised, what a terminal would act on is escaped. */
#include "base/csvwrite.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/hunt_format.h"

static void put(struct csvw *w, struct slice text)
{
    struct buf b;
    buf_init(&b, MIB(1));
    (void)text_add_escaped(&b, text);
    csv_field(w, buf_slice(&b));
    buf_done(&b);
}

static struct csvw writer(struct hunt_view *v)
{
    return (struct csvw){.out = &v->out, .sep = ',', .neutralise = true};
}

static const char *const head[] = {"verdict",     "time",    "client", "file", "line",
                                   "field",       "scheme",  "host",   "port", "path",
                                   "resolves_to", "decoded", "answer", "text"};

static void begin(struct hunt_view *v)
{
    struct csvw w = writer(v);
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        put(&w, slice_str(head[i]));
    csv_end_row(&w);
}

static void sighting(struct hunt_view *v, const struct sighting *s)
{
    struct csvw w = writer(v);
    char time[TIME_RFC3339_SIZE] = "", line[24], port[24] = "";
    if (s->has_time)
        time_format_local(s->time_ms, time, NULL);
    (void)snprintf(line, sizeof line, "%llu", (unsigned long long)s->line);
    if (s->callback.port)
        (void)snprintf(port, sizeof port, "%u", s->callback.port);
    put(&w, slice_str(sighting_verdict_name(s->verdict)));
    put(&w, slice_str(time));
    put(&w, s->text[SIGHTING_CLIENT]);
    put(&w, s->text[SIGHTING_FILE]);
    put(&w, slice_str(line));
    put(&w, s->text[SIGHTING_FIELD]);
    put(&w, s->callback.scheme);
    put(&w, s->text[SIGHTING_HOST]);
    put(&w, slice_str(port));
    put(&w, s->callback.path);
    put(&w, s->text[SIGHTING_KEY]);
    put(&w, s->text[SIGHTING_CHAIN]);
    put(&w, s->text[SIGHTING_ANSWER]);
    put(&w, s->text[SIGHTING_LINE]);
    csv_end_row(&w);
}

static void end(struct hunt_view *v)
{
    const char *place = NULL, *reason = NULL;
    for (size_t at = 0; hunt_incomplete_next(v, &at, &place, &reason);) {
        struct csvw w = writer(v);
        for (size_t i = 0; i < ARRAY_LEN(head); i++)
            put(&w, slice_str(i == 0    ? "not fully examined"
                              : i == 3  ? place
                              : i == 13 ? reason
                                        : ""));
        csv_end_row(&w);
    }
}

const struct hunt_format hunt_format_csv = {"csv", false, begin, sighting, end};
