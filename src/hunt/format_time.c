/* Times as logs write them. */
#include "hunt/format_int.h"

#include <time.h>

static bool month_name(struct cursor *c, int *ret)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    struct slice s = slice_sub(cursor_rest(c), 0, 3);
    for (size_t m = 0; s.n == 3 && m < 12; m++) {
        const char *name = names + m * 3;
        if ((s.p[0] | 0x20) == name[0] && (s.p[1] | 0x20) == name[1] &&
            (s.p[2] | 0x20) == name[2]) {
            c->at += 3;
            *ret = (int)m + 1;
            return true;
        }
    }
    return false;
}

static bool number(struct cursor *c, size_t least, size_t most, int *ret)
{
    int64_t v = 0;
    if (!take_digits(c, least, most, &v))
        return false;
    *ret = (int)v;
    return true;
}

/* Up to nine digits, of which milliseconds are kept; false, and nothing taken: none. */
static bool fraction(struct cursor *c, struct civil *t)
{
    int64_t digits = 0;
    size_t from = c->at;
    if (!take_digits(c, 1, 9, &digits))
        return false;
    for (size_t n = c->at - from; n != 3; n += n < 3 ? 1 : (size_t)-1)
        digits = n < 3 ? digits * 10 : digits / 10;
    t->msec = (int)digits;
    return true;
}

/* 18:12:33 and a fraction behind . or , of which milliseconds are kept */
static bool clock_time(struct cursor *c, struct civil *t)
{
    if (!number(c, 1, 2, &t->hour) || !take_char(c, ':') || !number(c, 2, 2, &t->minute))
        return false;
    t->second = t->msec = 0;
    if (!take_char(c, ':'))
        return t->hour < 24 && t->minute < 60;
    if (!number(c, 2, 2, &t->second))
        return false;
    size_t before = c->at;
    if ((take_char(c, '.') || take_char(c, ',')) && !fraction(c, t))
        c->at = before;
    return t->hour < 24 && t->minute < 60 && t->second <= 60;
}

/* 181233, 181233,123, 181233123 */
static bool basic_clock(struct cursor *c, struct civil *t)
{
    int64_t digits = 0;
    size_t start = c->at;
    if (number(c, 2, 2, &t->hour) && number(c, 2, 2, &t->minute) && number(c, 2, 2, &t->second) &&
        t->hour < 24 && t->minute < 60 && t->second <= 60) {
        size_t here = c->at;
        if (take_char(c, '.') || take_char(c, ','))
            c->at = fraction(c, t) ? c->at : here;
        else if (take_digits(c, 3, 3, &digits))
            t->msec = (int)digits;
        uint8_t next = c->at < c->s.n ? c->s.p[c->at] : ' ';
        if (next < '0' || next > '9')
            return true;
    }
    c->at = start;
    return false;
}

/* Names that mean one zone only (CST, IST and BST do not). */
static const struct {
    const char *name;
    int hours;
} named_zones[] = {{"JST", 9},  {"KST", 9},  {"CET", 1},  {"CEST", 2}, {"EET", 2},  {"EEST", 3},
                   {"WET", 0},  {"EST", -5}, {"EDT", -4}, {"MST", -7}, {"MDT", -6}, {"PST", -8},
                   {"PDT", -7}, {"MSK", 3},  {"Z", 0},    {"UTC", 0},  {"GMT", 0}};

static bool ends_word(const struct cursor *c)
{
    uint8_t next = c->at < c->s.n ? c->s.p[c->at] : ' ', low = next | 0x20;
    return !(next >= '0' && next <= '9') && !(low >= 'a' && low <= 'z') && next != '_';
}

/* Z, JST, +0900, +09:00, +09; also behind a space. *ret_minutes east of UTC. */
static bool zone(struct cursor *c, int *ret_minutes)
{
    size_t before = c->at;
    int h = 0, m = 0;
    skip_spaces(c);
    for (size_t i = 0; i < ARRAY_LEN(named_zones); i++) {
        size_t here = c->at;
        if (take_text(c, named_zones[i].name) && ends_word(c)) {
            *ret_minutes = named_zones[i].hours * 60;
            return true;
        }
        c->at = here; /* ESTABLISHED */
    }
    bool west = false;
    if (take_char(c, '+') || (west = take_char(c, '-'))) {
        if (number(c, 2, 2, &h) && h < 24) {
            size_t here = c->at;
            (void)take_char(c, ':');
            if (!number(c, 2, 2, &m))
                c->at = here;
            *ret_minutes = (west ? -1 : 1) * (h * 60 + m);
            if (m < 60 && ends_word(c))
                return true;
        }
    }
    c->at = before;
    return false;
}

static int64_t local_ms(const struct civil *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->month - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->minute,
                    .tm_sec = t->second,
                    .tm_isdst = -1};
    return (int64_t)mktime(&tm) * 1000 + t->msec;
}

/* The civil time with the zone that follows, or this process's. */
static bool finish(struct cursor *c, size_t start, const struct civil *t, int64_t *ret_ms)
{
    int east = 0;
    if (!civil_date_valid(t->year, t->month, t->day) || t->year < 1970) {
        c->at = start;
        return false;
    }
    *ret_ms = zone(c, &east) ? ms_of_civil(t) - (int64_t)east * 60000 : local_ms(t);
    return true;
}

bool take_iso_time(struct cursor *c, int64_t *ret_ms)
{
    struct civil t = {0};
    size_t start = c->at;
    bool ok = number(c, 4, 4, &t.year);
    uint8_t next = c->at < c->s.n ? c->s.p[c->at] : 0;
    const char *sep = next == '-' ? "-" : next == '/' ? "/" : next == '.' ? "." : NULL;
    if (ok && sep)
        ok = take_text(c, sep) && number(c, 2, 2, &t.month) && take_text(c, sep) &&
             number(c, 2, 2, &t.day);
    else
        ok = ok && number(c, 2, 2, &t.month) && number(c, 2, 2, &t.day);
    bool between =
        take_char(c, 'T') || take_char(c, ' ') || take_char(c, '\t') || take_char(c, '_');
    ok = ok && t.month >= 1 && t.month <= 12 && t.day >= 1;
    size_t here = c->at;
    bool clocked = ok && between && clock_time(c, &t);
    if (ok && !clocked && !sep) {
        c->at = here;
        clocked = basic_clock(c, &t);
    }
    if (clocked)
        return finish(c, start, &t, ret_ms);
    c->at = start;
    return false;
}

bool take_clf_time(struct cursor *c, int64_t *ret_ms)
{
    struct civil t = {0};
    size_t start = c->at;
    if (number(c, 1, 2, &t.day) && take_char(c, '/') && month_name(c, &t.month) &&
        take_char(c, '/') && number(c, 4, 4, &t.year) && take_char(c, ':') && clock_time(c, &t))
        return finish(c, start, &t, ret_ms);
    c->at = start;
    return false;
}

bool take_haproxy_time(struct cursor *c, int64_t *ret_ms)
{
    return take_clf_time(c, ret_ms);
}

/* The year is the one that ends nearest before the log was last written, a day of grace for clocks
 * that differ. */
bool take_syslog_time(struct cursor *c, int64_t newest_ms, int64_t *ret_ms)
{
    struct civil t = {0};
    size_t start = c->at;
    bool ok = month_name(c, &t.month) && take_char(c, ' ');
    skip_spaces(c);
    ok = ok && number(c, 1, 2, &t.day) && take_char(c, ' ');
    if (ok) { /* Cisco and rsyslog put a year here */
        size_t here = c->at;
        if (!number(c, 4, 4, &t.year) || !take_char(c, ' ')) {
            c->at = here;
            t.year = 0;
        }
    }
    if (!ok || !clock_time(c, &t)) {
        c->at = start;
        return false;
    }
    if (t.year)
        return finish(c, start, &t, ret_ms);
    for (t.year = civil_of_ms(newest_ms + 86400000).year;; t.year--) {
        if (t.year < 1970) {
            c->at = start;
            return false;
        }
        if (civil_date_valid(t.year, t.month, t.day) &&
            ms_of_civil(&t) <= newest_ms + 2 * (int64_t)86400000)
            break;
    }
    *ret_ms = local_ms(&t);
    return true;
}

bool take_apache_time(struct cursor *c, int64_t *ret_ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    struct civil t = {0};
    size_t start = c->at;
    struct slice day = slice_sub(cursor_rest(c), 0, 3);
    bool ok = false;
    for (size_t i = 0; day.n == 3 && i < 7; i++)
        ok |= memcmp(day.p, &days[i * 3], 3) == 0;
    c->at += ok ? 3 : 0;
    ok = ok && take_char(c, ' ') && month_name(c, &t.month) && take_char(c, ' ');
    skip_spaces(c);
    if (ok && number(c, 1, 2, &t.day) && take_char(c, ' ') && clock_time(c, &t) &&
        take_char(c, ' ') && number(c, 4, 4, &t.year))
        return finish(c, start, &t, ret_ms);
    c->at = start;
    return false;
}

bool take_dmy_time(struct cursor *c, int64_t *ret_ms)
{
    struct civil t = {0};
    size_t start = c->at;
    if (number(c, 1, 2, &t.day) && (take_char(c, ' ') || take_char(c, '-')) &&
        month_name(c, &t.month) && (take_char(c, ' ') || take_char(c, '-')) &&
        number(c, 4, 4, &t.year) && take_char(c, ' ') && clock_time(c, &t))
        return finish(c, start, &t, ret_ms);
    c->at = start;
    return false;
}

#define EPOCH_END 4102444800000 /* 2100: what is more is a number of another kind */

bool parse_epoch(struct slice s, int64_t *ret_ms)
{
    struct cursor c = cursor_of(s);
    int64_t v = 0, part = 0;
    if (!take_digits(&c, 9, 18, &v))
        return false;
    size_t digits = c.at;
    int64_t last = 0;
    if (digits == 18 && take_digits(&c, 1, 1, &last)) { /* the 19 digits of nanoseconds */
        v /= 100000;
    } else if (digits <= 11) {
        v *= 1000;
        if (take_char(&c, '.')) {
            size_t from = c.at;
            if (!take_digits(&c, 1, 9, &part))
                return false;
            for (size_t n = c.at - from; n != 3; n += n < 3 ? 1 : (size_t)-1)
                part = n < 3 ? part * 10 : part / 10;
            v += part;
        }
    } else {
        for (; digits > 14; digits -= 3) /* micro-, nanoseconds */
            v /= 1000;
        (void)(take_char(&c, '.') && take_digits(&c, 0, 9, &part));
    }
    *ret_ms = v;
    return c.at == s.n && v < EPOCH_END;
}
