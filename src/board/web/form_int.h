/* What form.c and form_multipart.c give each other. Private to the two. */
#ifndef HIKESHI_BOARD_WEB_FORM_INT_H
#define HIKESHI_BOARD_WEB_FORM_INT_H

#include "base/messages.h"
#include "board/web/form.h"

enum status form_begin_multipart(struct form *f, struct slice content_type, struct err *e) MUST_USE;
enum status form_feed_multipart(struct form *f, struct slice bytes, struct err *e) MUST_USE;

/* Checks and adds; value lies in the arena and is cleaned in place. */
enum status form_add_field(struct form *f, struct slice name, uint8_t *value, size_t n,
                           struct err *e) MUST_USE;
/* Checks p, n (in the arena) as the name of the field that follows. */
enum status form_set_name(struct form *f, uint8_t *p, size_t n, struct err *e) MUST_USE;
/* n more bytes of values; ST_LIMIT when they are too many. */
enum status form_count_text(struct form *f, size_t n, struct err *e) MUST_USE;

#endif
