/* Moments on pages: local time in the reader's language, with the exact moment for machines in
 * <time datetime>. The year stands there only when it is not the present one. */
#include "board/web/html.h"

#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static const char *const ja_weekdays[] = {"日", "月", "火", "水", "木", "金", "土"};
static const char *const en_weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const en_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool this_year(const struct html *h, const struct civil *c)
{
    char unused[TIME_RFC3339_SIZE];
    struct civil now;
    time_format_local(h->now_ms, unused, &now);
    return now.year == c->year;
}

static void write_day_en(struct html *h, const struct civil *c)
{
    (void)buf_addf(h->out, "%s %d %s", en_weekdays[civil_weekday(c->year, c->month, c->day)],
                   c->day, en_months[(c->month + 11) % 12]);
    if (!this_year(h, c))
        (void)buf_addf(h->out, " %d", c->year);
}

static void write_day(struct html *h, const struct civil *c)
{
    if (h->lang != LANG_JA) {
        write_day_en(h, c);
        return;
    }
    if (!this_year(h, c))
        (void)buf_addf(h->out, "%d 年 ", c->year);
    (void)buf_addf(h->out, "%d 月 %d 日(%s)", c->month, c->day,
                   ja_weekdays[civil_weekday(c->year, c->month, c->day)]);
}

static void write_at(struct html *h, const struct civil *c)
{
    if (h->lang != LANG_JA)
        write_day_en(h, c);
    else if (this_year(h, c))
        (void)buf_addf(h->out, "%d/%d", c->month, c->day);
    else
        (void)buf_addf(h->out, "%d/%d/%d", c->year, c->month, c->day);
    (void)buf_addf(h->out, " %02d:%02d", c->hour, c->minute);
}

/* Up to 48 hours in hours and minutes, then in days. A moment that is still to come counts as now:
 * clocks of two hosts differ by a little. */
static void write_since(struct html *h, int64_t ms)
{
    int64_t age = 0;
    if (__builtin_sub_overflow(h->now_ms, ms, &age) || age < 0)
        age = ms > h->now_ms ? 0 : INT64_MAX;
    long long days = age / DAY_MS;
    long long hours = age / HOUR_MS;
    long long minutes = age / MINUTE_MS % 60;
    if (age >= 48 * HOUR_MS)
        (void)buf_addf(h->out, TN(h->lang, "%lld day", "%lld days", days), days);
    else if (hours && minutes)
        (void)buf_addf(h->out, T(h->lang, "%lld h %lld min"), hours, minutes);
    else if (hours)
        (void)buf_addf(h->out, T(h->lang, "%lld h"), hours);
    else
        (void)buf_addf(h->out, T(h->lang, "%lld min"), minutes);
}

void html_write_ms(struct html *h, enum html_mode mode, struct html_ms ms)
{
    char exact[TIME_RFC3339_SIZE];
    struct civil c;
    time_format_local(ms.ms, exact, &c);
    if (ms.form == HTML_DAY)
        exact[10] = '\0'; /* the date alone */
    if (mode == HTML_TEXT)
        (void)buf_addf(h->out, "<time datetime=\"%s\">", exact);
    switch (ms.form) {
    case HTML_AT:
        write_at(h, &c);
        break;
    case HTML_DAY:
        write_day(h, &c);
        break;
    case HTML_CLOCK:
        (void)buf_addf(h->out, "%02d:%02d", c.hour, c.minute);
        break;
    case HTML_SINCE:
        write_since(h, ms.ms);
        break;
    }
    if (mode == HTML_TEXT)
        (void)buf_add_str(h->out, "</time>");
}
