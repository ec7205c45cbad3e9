/* Moments as people type them: local time of the process (TZ), as input type="datetime-local" gives
 * it. Input is hostile. */
#ifndef HIKESHI_BOARD_WEB_PAGES_LOCAL_TIME_H
#define HIKESHI_BOARD_WEB_PAGES_LOCAL_TIME_H

#include "base/timefmt.h"

#define LOCAL_TIME_SIZE 20

/* "2021-12-15T18:20" (with or without seconds; a space in place of T); ST_INVALID names what is
 * wanted. */
enum status local_time_parse(struct slice s, int64_t *ret_ms, struct err *e) MUST_USE;
/* "2021-12-15" as noon of that day. */
enum status local_day_parse(struct slice s, int64_t *ret_ms) MUST_USE;
/* The moment's minute as value="" takes it. */
void local_time_format(int64_t ms, char out[LOCAL_TIME_SIZE]);
/* The first moment of the local day that holds ms, and whether two moments share one. */
int64_t local_day_start(int64_t ms);
bool local_same_day(int64_t a_ms, int64_t b_ms);

#endif
