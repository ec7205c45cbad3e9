/* The timeline: written by the work itself, edited by people, the original kept.
 *
 * Every event whose kind says so has an entry, made with the event (log_append and replay call
 * timeline_saw). Kinds of event of its own: timeline.added (by hand), timeline.changed (text, time,
 * main, outside, hidden; before and after), both subject "timeline:ID".
 */
#ifndef HIKESHI_BOARD_TIMELINE_H
#define HIKESHI_BOARD_TIMELINE_H

#include "base/arena.h"
#include "board/log/log.h"

extern const struct log_kind timeline_kinds[];

#define TIMELINE_FIRST_MS INT64_C(946684800000) /* 2000-01-01 */
#define TIMELINE_LAST_MS INT64_C(4102444799999) /* 2099-12-31 */

struct timeline_entry {
    int64_t id, at_ms, edited_ms, row_version;
    bool by_hand, main, outside, hidden;
    struct slice text;     /* what is shown: a person's text, or the event's sentence in lang */
    struct slice original; /* the sentence or first text, when `text` is another; else empty */
    struct slice author;   /* who did what it tells */
    struct slice edited_by;
};

struct timeline_filter {
    int64_t incident;
    bool main_only, outside_only, hidden_too, oldest_first;
    int64_t from_ms, before_ms; /* 0: open */
    int64_t after_id;           /* paging: with the last entry's at_ms in from_ms/before_ms */
    struct slice search;
};

enum status timeline_read(struct db *db, const struct timeline_filter *f, enum lang lang,
                          size_t offset, size_t limit, struct arena *a, struct timeline_entry **ret,
                          size_t *ret_count, int64_t *ret_total, struct err *e) MUST_USE;

enum status timeline_add(struct db *db, const struct actor *actor, int64_t incident, int64_t at_ms,
                         struct slice text, bool main, bool outside, int64_t *ret_id,
                         struct err *e) MUST_USE;

struct timeline_edit {
    int64_t at_ms;
    struct slice text; /* empty: the original again */
    bool main, outside, hidden;
};
/* ST_CONFLICT when the entry is no longer at row_version. */
enum status timeline_change(struct db *db, const struct actor *actor, int64_t id,
                            int64_t row_version, const struct timeline_edit *edit,
                            struct err *e) MUST_USE;

/* For apply: rows became affected with this event, `first` before all. Its entry says so and is a
 * main event. */
enum status timeline_affected(struct db *db, const struct event *ev, int64_t rows, int64_t first,
                              struct err *e) MUST_USE;

/* The entry of an event, if its kind has one. Called by log.c behind each apply. */
enum status timeline_saw(struct db *db, const struct log_kind *kind, const struct event *ev,
                         struct err *e) MUST_USE;

#endif
