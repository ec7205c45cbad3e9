/* Reading events of our own: members of a body, the id in a subject. A member that is missing or of
 * another type reads as "" and 0; the check of the kind has seen to it before. */
#ifndef HIKESHI_BOARD_CASE_BODY_H
#define HIKESHI_BOARD_CASE_BODY_H

#include "board/log/log.h"

static inline const char *body_text(const json_t *object, const char *key)
{
    const char *t = json_string_value(json_object_get(object, key));
    return t ? t : "";
}

static inline int64_t body_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static inline bool body_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* The text of {"en": …, "ja": …}, which profiles give in both languages. */
static inline const char *body_label(const json_t *object, const char *key, enum lang lang)
{
    return body_text(json_object_get(object, key), lang_code(lang));
}

/* The number behind prefix ("asset:") in the event's subject. */
static inline enum status body_subject_id(const struct event *ev, const char *prefix, int64_t *ret,
                                          struct err *e)
{
    struct slice s = slice_str(ev->subject), p = slice_str(prefix);
    if (slice_starts(s, p) && slice_to_i64(slice_sub(s, p.n, s.n), ret) == OK)
        return OK;
    return err_set(e, ST_MALFORMED, "%s: subject %s is not %s…", ev->kind, ev->subject, prefix);
}

/* The caller's cast for jansson, whose readers of const values want them without const. */
static inline json_t *body_rw(const json_t *j)
{
    return (json_t *)(uintptr_t)j;
}

#endif
