/* Moments as people type them. See local_time.h. */
#include "board/web/pages/local_time.h"

#include "base/messages.h"

#include <time.h>

/* Exactly `digits` decimal digits off the front. */
static bool take_number(struct slice *s, size_t digits, int *ret)
{
    uint64_t n;
    if (s->n < digits || slice_to_u64(slice_sub(*s, 0, digits), &n) != OK)
        return false;
    *s = slice_sub(*s, digits, s->n);
    *ret = (int)n; /* four digits at most */
    return true;
}

static bool take_char(struct slice *s, char a, char b)
{
    if (!s->n || (s->p[0] != (uint8_t)a && s->p[0] != (uint8_t)b))
        return false;
    *s = slice_sub(*s, 1, s->n);
    return true;
}

static bool take_date(struct slice *s, struct civil *c)
{
    return take_number(s, 4, &c->year) && take_char(s, '-', '/') && take_number(s, 2, &c->month) &&
           take_char(s, '-', '/') && take_number(s, 2, &c->day) &&
           civil_date_valid(c->year, c->month, c->day);
}

static bool take_clock(struct slice *s, struct civil *c)
{
    if (!take_number(s, 2, &c->hour) || !take_char(s, ':', ':') || !take_number(s, 2, &c->minute))
        return false;
    if (s->n && (!take_char(s, ':', ':') || !take_number(s, 2, &c->second)))
        return false;
    return s->n == 0 && c->hour < 24 && c->minute < 60 && c->second < 60;
}

static enum status to_ms(const struct civil *c, int64_t *ret_ms)
{
    struct tm tm = {
        .tm_year = c->year - 1900,
        .tm_mon = c->month - 1,
        .tm_mday = c->day,
        .tm_hour = c->hour,
        .tm_min = c->minute,
        .tm_sec = c->second,
        .tm_isdst = -1,
    };
    time_t t = mktime(&tm);
    if (t == (time_t)-1)
        return ST_INVALID;
    *ret_ms = (int64_t)t * 1000;
    return OK;
}

enum status local_time_parse(struct slice s, int64_t *ret_ms, struct err *e)
{
    struct civil c = {0};
    struct slice rest = slice_trim(s);
    if (!take_date(&rest, &c) || !take_char(&rest, 'T', ' ') || !take_clock(&rest, &c) ||
        to_ms(&c, ret_ms) != OK)
        return err_set(e, ST_INVALID, N_("a time is written as 2021-12-15T18:20"));
    return OK;
}

enum status local_day_parse(struct slice s, int64_t *ret_ms)
{
    struct civil c = {0};
    if (!take_date(&s, &c) || s.n)
        return ST_INVALID;
    c.hour = 12;
    return to_ms(&c, ret_ms);
}

static struct civil local_civil(int64_t ms)
{
    char text[TIME_RFC3339_SIZE];
    struct civil c;
    time_format_local(ms, text, &c);
    return c;
}

void local_time_format(int64_t ms, char out[LOCAL_TIME_SIZE])
{
    char text[TIME_RFC3339_SIZE];
    time_format_local(ms, text, NULL);
    (void)snprintf(out, LOCAL_TIME_SIZE, "%.16s", text);
}

int64_t local_day_start(int64_t ms)
{
    struct civil c = local_civil(ms);
    int64_t start = ms;
    c.hour = c.minute = c.second = 0;
    return to_ms(&c, &start) == OK ? start : ms;
}

bool local_same_day(int64_t a_ms, int64_t b_ms)
{
    struct civil a = local_civil(a_ms);
    struct civil b = local_civil(b_ms);
    return a.year == b.year && a.month == b.month && a.day == b.day;
}
