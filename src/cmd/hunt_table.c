/* For people at a terminal: the verdict first, in words that read the same without colour. One line
 * a sighting from 100 columns on, three below that; nothing of a path or of a call-back is left
 * out. */
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "cmd/attempt_words.h"
#include "cmd/hunt_format.h"

enum {
    WIDE = 100,
    VERDICT = 13,
    TIME = 25,
    CLIENT = 15,
    PLACE = 22,
    FIELD = 12,
    LISTED = 20,
    TOP = 8
};

#define RED "1;31"
#define YELLOW "33"
#define GREEN "32"
#define BOLD "1"
#define DIM "2"

static const struct {
    const char *verdict, *word, *colour;
} verdicts[SIGHTED_VERDICTS] = {
    [SIGHTED_CALLED_BACK] = {N_("CALLED BACK"), N_("called back"), RED},
    [SIGHTED_REACHES] = {N_("REACHES"), N_("reaches"), RED},
    [SIGHTED_IF_CLOSED] = {N_("IF-CLOSED"), N_("if-closed"), YELLOW},
    [SIGHTED_ATTEMPT] = {N_("ATTEMPT"), N_("attempt"), YELLOW},
};

static void spaces(struct hunt_view *v, size_t n)
{
    while (n--)
        (void)buf_add_char(&v->out, ' ');
}

static void paint(struct hunt_view *v, const char *code, struct slice text)
{
    bool on = v->colour && code;
    if (on)
        (void)buf_addf(&v->out, "\033[%sm", code);
    (void)text_add_escaped(&v->out, text);
    if (on)
        (void)buf_add_str(&v->out, "\033[0m");
}

/* As paint, then spaces up to `columns`; two at least. */
static void cell(struct hunt_view *v, const char *code, struct slice text, size_t columns)
{
    size_t n = text_columns(text);
    paint(v, code, text);
    spaces(v, n + 2 <= columns ? columns - n : 2);
}

static void newline(struct hunt_view *v)
{
    while (v->out.n && v->out.p[v->out.n - 1] == ' ')
        buf_cut(&v->out, v->out.n - 1);
    (void)buf_add_char(&v->out, '\n');
}

/* "2021-12-13 22:40:03 JST", in the time zone of this process */
static void put_time(const struct hunt_view *v, const struct sighting *s, char out[64])
{
    char zone[TIME_RFC3339_SIZE];
    struct civil c;
    if (!s->has_time) {
        (void)snprintf(out, 64, "%s", T(v->lang, "time not known"));
        return;
    }
    time_format_local(s->time_ms, zone, &c);
    (void)snprintf(out, 64, "%04d-%02d-%02d %02d:%02d:%02d %s", c.year, c.month, c.day, c.hour,
                   c.minute, c.second, zone + 19);
}

static struct slice client_of(const struct hunt_view *v, const struct sighting *s)
{
    return s->text[SIGHTING_CLIENT].n ? s->text[SIGHTING_CLIENT]
                                      : slice_str(T(v->lang, "client not known"));
}

static void put_target(struct hunt_view *v, const struct sighting *s)
{
    struct slice chain = s->text[SIGHTING_CHAIN];
    const char *reason = attempt_words(v->lang, s->reason);
    const char *colour = s->verdict >= SIGHTED_REACHES ? RED : NULL;
    if (s->text[SIGHTING_KEY].n)
        paint(v, colour, s->text[SIGHTING_KEY]);
    else if (s->text[SIGHTING_PATTERN].n)
        paint(v, NULL, s->text[SIGHTING_PATTERN]);
    else
        (void)buf_add_str(&v->out, reason ? reason : T(v->lang, "no lookup"));
    if (chain.n) {
        struct buf b;
        buf_init(&b, KIB(1));
        (void)buf_add_str(&b, "   ");
        /* TRANSLATORS: the decoders through which it was found */
        (void)buf_addf(&b, T(v->lang, "via %.*s"), (int)chain.n, (const char *)chain.p);
        paint(v, DIM, buf_slice(&b));
        buf_done(&b);
    }
}

static void put_answer(struct hunt_view *v, const struct sighting *s, size_t indent)
{
    if (!s->text[SIGHTING_ANSWER].n)
        return;
    spaces(v, indent);
    paint(v, s->verdict == SIGHTED_CALLED_BACK ? RED : YELLOW, s->text[SIGHTING_ANSWER]);
    newline(v);
}

static void put_place(const struct sighting *s, struct buf *b)
{
    (void)buf_add_slice(b, s->text[SIGHTING_FILE]);
    (void)buf_addf(b, ":%llu", (unsigned long long)s->line);
}

static void narrow(struct hunt_view *v, const struct sighting *s)
{
    char time[64];
    struct buf place;
    buf_init(&place, LIMIT_PATH_BYTES);
    put_time(v, s, time);
    put_place(s, &place);
    cell(v, verdicts[s->verdict].colour, slice_str(T(v->lang, verdicts[s->verdict].verdict)),
         VERDICT);
    cell(v, DIM, slice_str(time), TIME + 2);
    paint(v, NULL, client_of(v, s));
    newline(v);
    spaces(v, 2);
    paint(v, BOLD, buf_slice(&place));
    if (s->text[SIGHTING_FIELD].n) {
        spaces(v, 3);
        paint(v, NULL, s->text[SIGHTING_FIELD]);
    }
    newline(v);
    spaces(v, 2);
    put_target(v, s);
    newline(v);
    put_answer(v, s, 2);
    buf_done(&place);
}

static void wide(struct hunt_view *v, const struct sighting *s)
{
    char time[64];
    struct buf place;
    buf_init(&place, LIMIT_PATH_BYTES);
    put_time(v, s, time);
    put_place(s, &place);
    cell(v, verdicts[s->verdict].colour, slice_str(T(v->lang, verdicts[s->verdict].verdict)),
         VERDICT);
    cell(v, DIM, slice_str(time), TIME + 2);
    cell(v, NULL, client_of(v, s), CLIENT + 2);
    cell(v, BOLD, buf_slice(&place), PLACE + 2);
    cell(v, NULL, s->text[SIGHTING_FIELD].n ? s->text[SIGHTING_FIELD] : SLICE_LIT("-"), FIELD + 2);
    put_target(v, s);
    newline(v);
    put_answer(v, s, VERDICT);
    buf_done(&place);
}

static void begin(struct hunt_view *v)
{
    (void)v;
}

static void sighting(struct hunt_view *v, const struct sighting *s)
{
    if (v->columns >= WIDE && !v->any) {
        cell(v, NULL, slice_str(T(v->lang, "VERDICT")), VERDICT);
        cell(v, NULL, slice_str(T(v->lang, "TIME")), TIME + 2);
        cell(v, NULL, slice_str(T(v->lang, "CLIENT")), CLIENT + 2);
        cell(v, NULL, slice_str(T(v->lang, "FILE:LINE")), PLACE + 2);
        cell(v, NULL, slice_str(T(v->lang, "FIELD")), FIELD + 2);
        (void)buf_add_str(&v->out, T(v->lang, "CALLS BACK TO"));
        newline(v);
    }
    v->any = true;
    if (v->columns >= WIDE)
        wide(v, s);
    else
        narrow(v, s);
}

static const char *grouped(uint64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t to = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

/* "106,328,501 lines of 198 files" and, where the logs say it, from when to when */
static void put_extent(struct hunt_view *v)
{
    char lines[32], files[32];
    (void)buf_addf(&v->out, T(v->lang, " in %1$s lines of %2$s files"),
                   grouped(v->counts.lines, lines), grouped(v->counts.files, files));
    if (v->counts.has_range) {
        struct civil a, b;
        char text[TIME_RFC3339_SIZE];
        time_format_local(v->counts.from_ms, text, &a);
        time_format_local(v->counts.to_ms, text, &b);
        (void)buf_addf(
            &v->out,
            T(v->lang,
              ", %1$04d-%2$02d-%3$02d %4$02d:%5$02d to %6$04d-%7$02d-%8$02d %9$02d:%10$02d"),
            a.year, a.month, a.day, a.hour, a.minute, b.year, b.month, b.day, b.hour, b.minute);
    }
    newline(v);
}

static void put_sums(struct hunt_view *v, const char *title, const struct sums *sums)
{
    const struct sum **list = NULL;
    size_t n = 0;
    if (sums->used == 0 || sums_sorted(sums, &list, &n) != OK)
        return;
    cell(v, NULL, slice_str(title), VERDICT + 1);
    for (size_t i = 0; i < n && i < TOP; i++) {
        size_t used = text_columns(slice_str(list[i]->name)) + 12;
        if (i && i % 2 == 0 && v->columns < WIDE) {
            newline(v);
            spaces(v, VERDICT + 1);
        }
        (void)text_add_escaped(&v->out, slice_str(list[i]->name));
        (void)buf_addf(&v->out, "  %llu", (unsigned long long)list[i]->count);
        spaces(v, used < 28 ? 28 - used : 3);
    }
    if (n > TOP || sums->others)
        (void)buf_addf(&v->out, T(v->lang, "and %llu more"),
                       (unsigned long long)(n > TOP ? n - TOP : 0) + sums->others);
    newline(v);
    free(list);
}

static void put_totals(struct hunt_view *v)
{
    bool first = true;
    for (int i = SIGHTED_VERDICTS - 1; i >= 0; i--) {
        char n[32];
        if (v->by_verdict[i] == 0)
            continue;
        (void)buf_add_str(&v->out, first ? "" : "   ");
        (void)buf_addf(&v->out, T(v->lang, "%1$s %2$s"), grouped(v->by_verdict[i], n),
                       T(v->lang, verdicts[i].word));
        first = false;
    }
    (void)buf_add_str(&v->out, "  ");
    put_extent(v);
    put_sums(v, T(v->lang, "by client"), &v->clients);
    put_sums(v, T(v->lang, "by call-back"), &v->callbacks);
    put_sums(v, T(v->lang, "by day"), &v->days);
    cell(v, NULL, slice_str(T(v->lang, "outbound")), VERDICT + 1);
    if (v->outbound)
        (void)buf_addf(&v->out, T(v->lang, "%1$llu of %2$llu call-backs were answered"),
                       (unsigned long long)v->answered, (unsigned long long)v->asked);
    else
        (void)buf_add_str(&v->out,
                          T(v->lang, "not searched; whether an attempt succeeded is not known"));
    newline(v);
}

static void put_incomplete(struct hunt_view *v)
{
    const char *place = NULL, *reason = NULL;
    uint64_t shown = 0;
    for (size_t at = 0; shown < LISTED && hunt_incomplete_next(v, &at, &place, &reason); shown++) {
        paint(v, YELLOW, slice_str(T(v->lang, "NOT FULLY EXAMINED")));
        (void)buf_add_str(&v->out, ": ");
        (void)text_add_escaped(&v->out, slice_str(place));
        (void)buf_add_char(&v->out, ' ');
        (void)text_add_escaped(&v->out, slice_str(reason));
        newline(v);
    }
    if (v->incomplete_count > shown) {
        (void)buf_addf(&v->out, T(v->lang, "and %llu more"),
                       (unsigned long long)(v->incomplete_count - shown));
        newline(v);
    }
}

static void end(struct hunt_view *v)
{
    if (!v->summary)
        return;
    if (v->any) {
        newline(v);
        put_totals(v);
    } else if (!v->incomplete_count) {
        paint(v, GREEN, slice_str(T(v->lang, "NOTHING FOUND")));
        put_extent(v);
    } else {
        (void)buf_add_str(&v->out, T(v->lang, "Nothing was found in what could be read:"));
        put_extent(v);
    }
    put_incomplete(v);
}

const struct hunt_format hunt_format_table = {"table", true, begin, sighting, end};
