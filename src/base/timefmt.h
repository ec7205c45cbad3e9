/* Times. In store and on the wire a time is int64_t milliseconds since 1970-01-01 UTC ("…_ms");
 * RFC 3339 is the text form. Days of the civil calendar are proleptic Gregorian. */
#ifndef HIKESHI_BASE_TIMEFMT_H
#define HIKESHI_BASE_TIMEFMT_H

#include "base/slice.h"

struct civil {
    int year, month, day;           /* month 1–12, day 1–31 */
    int hour, minute, second, msec; /* 0–23, 0–59, 0–60, 0–999 */
};

int64_t time_now_ms(void);       /* wall clock */
int64_t time_monotonic_ms(void); /* for durations and timeouts */

struct civil civil_of_ms(int64_t ms);                /* UTC */
int64_t ms_of_civil(const struct civil *c);          /* UTC; fields need not be checked */
bool civil_date_valid(int year, int month, int day); /* years 1–9999 */
int civil_weekday(int year, int month, int day);     /* 0 Sunday … 6 Saturday */

#define TIME_RFC3339_SIZE 32
/* "2021-12-10T09:12:33.120Z" */
void time_format_utc(int64_t ms, char out[TIME_RFC3339_SIZE]);
/* The same moment in the process's time zone (TZ), with its offset, no milliseconds:
 * "2021-12-10T18:12:33+09:00". *ret_local (may be NULL) gets the local calendar fields. */
void time_format_local(int64_t ms, char out[TIME_RFC3339_SIZE], struct civil *ret_local);

/* RFC 3339 section 5.6 date-time, whole slice; else ST_MALFORMED. */
enum status time_parse_rfc3339(struct slice s, int64_t *ret_ms) MUST_USE;

#endif
