/* Times. See timefmt.h. The calendar arithmetic counts days from 0000-03-01, so that the leap day
 * is the last of its year. */
#include "base/timefmt.h"

#include <time.h>

#define DAY_MS 86400000LL

int64_t time_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t time_monotonic_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468; /* 719468 days from 0000-03-01 to 1970-01-01 */
}

struct civil civil_of_ms(int64_t ms)
{
    int64_t days = ms / DAY_MS;
    int64_t rest = ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct civil c = {0};
    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = (int)(yoe + era * 400 + (c.month <= 2));
    c.hour = (int)(rest / 3600000);
    c.minute = (int)(rest / 60000 % 60);
    c.second = (int)(rest / 1000 % 60);
    c.msec = (int)(rest % 1000);
    return c;
}

int64_t ms_of_civil(const struct civil *c)
{
    int64_t secs = (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
    return days_of(c->year, c->month, c->day) * DAY_MS + secs * 1000 + c->msec;
}

bool civil_date_valid(int year, int month, int day)
{
    static const int len[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= len[month - 1] + (month == 2 && leap);
}

int civil_weekday(int year, int month, int day)
{
    int64_t w = (days_of(year, month, day) + 4) % 7; /* 1970-01-01 was a Thursday */
    return (int)(w < 0 ? w + 7 : w);
}

void time_format_utc(int64_t ms, char out[TIME_RFC3339_SIZE])
{
    struct civil c = civil_of_ms(ms);
    (void)snprintf(out, TIME_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)c.year % 10000u, (unsigned)c.month % 100u, (unsigned)c.day % 100u,
                   (unsigned)c.hour % 100u, (unsigned)c.minute % 100u, (unsigned)c.second % 100u,
                   (unsigned)c.msec % 1000u);
}

void time_format_local(int64_t ms, char out[TIME_RFC3339_SIZE], struct civil *ret_local)
{
    time_t secs = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm = {0};
    if (!localtime_r(&secs, &tm)) {
        struct civil c = civil_of_ms(ms);
        time_format_utc(ms, out);
        if (ret_local)
            *ret_local = c;
        return;
    }
    long off = tm.tm_gmtoff / 60;
    unsigned long away = off < 0 ? (unsigned long)-off : (unsigned long)off;
    (void)snprintf(out, TIME_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%c%02lu:%02lu",
                   (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
                   (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
                   (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, off < 0 ? '-' : '+',
                   away / 60 % 100, away % 60);
    if (ret_local) {
        *ret_local = (struct civil){tm.tm_year + 1900,
                                    tm.tm_mon + 1,
                                    tm.tm_mday,
                                    tm.tm_hour,
                                    tm.tm_min,
                                    tm.tm_sec,
                                    (int)(ms % 1000 + 1000) % 1000};
    }
}

/* n digits at *at as a number; false when they are not all there. */
static bool digits(struct slice s, size_t *at, size_t n, int *ret)
{
    int v = 0;
    if (n > s.n - *at)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s.p[*at + i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *at += n;
    *ret = v;
    return true;
}

static bool one_of(struct slice s, size_t *at, const char *set, char *ret)
{
    if (*at >= s.n || s.p[*at] == 0 || !strchr(set, s.p[*at]))
        return false;
    *ret = (char)s.p[(*at)++];
    return true;
}

enum status time_parse_rfc3339(struct slice s, int64_t *ret_ms)
{
    struct civil c = {0};
    size_t at = 0;
    char ch = 0;
    if (!digits(s, &at, 4, &c.year) || !one_of(s, &at, "-", &ch) || !digits(s, &at, 2, &c.month) ||
        !one_of(s, &at, "-", &ch) || !digits(s, &at, 2, &c.day) || !one_of(s, &at, "Tt ", &ch) ||
        !digits(s, &at, 2, &c.hour) || !one_of(s, &at, ":", &ch) || !digits(s, &at, 2, &c.minute) ||
        !one_of(s, &at, ":", &ch) || !digits(s, &at, 2, &c.second))
        return ST_MALFORMED;
    if (one_of(s, &at, ".", &ch)) {
        int scale = 100;
        size_t first = at;
        int d = 0;
        while (digits(s, &at, 1, &d)) {
            c.msec += d * scale;
            scale /= 10;
        }
        if (at == first)
            return ST_MALFORMED;
    }
    int off = 0;
    if (!one_of(s, &at, "Zz+-", &ch))
        return ST_MALFORMED;
    if (ch == '+' || ch == '-') {
        int h = 0;
        int m = 0;
        char colon = 0;
        if (!digits(s, &at, 2, &h) || !one_of(s, &at, ":", &colon) || !digits(s, &at, 2, &m) ||
            h > 23 || m > 59)
            return ST_MALFORMED;
        off = (h * 60 + m) * (ch == '-' ? -1 : 1);
    }
    if (at != s.n || !civil_date_valid(c.year, c.month, c.day) || c.hour > 23 || c.minute > 59 ||
        c.second > 60)
        return ST_MALFORMED;
    *ret_ms = ms_of_civil(&c) - (int64_t)off * 60000;
    return OK;
}
