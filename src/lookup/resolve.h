/* The table of lookups: what a name gives. Private to src/lookup. */
#ifndef HIKESHI_LOOKUP_RESOLVE_H
#define HIKESHI_LOOKUP_RESOLVE_H

#include "lookup/evaluate.h"

enum resolve_outcome { RESOLVE_NONE, RESOLVE_VALUE, RESOLVE_JNDI, RESOLVE_ABORT };

struct resolve_in {
    struct slice name;    /* whole, as split (rules 14–16) */
    struct slice message; /* the original message */
    enum eval_locale locale;
};

/* *ret_value is a constant, a part of the input, or lies in scratch (which is cleared first). For
 * RESOLVE_JNDI it is the key. A scratch that is full says so in buf_status. */
enum resolve_outcome resolve(const struct resolve_in *in, struct buf *scratch,
                             struct slice *ret_value);

/* java.text.SimpleDateFormat for the one moment that evaluation assumes (docs/lookups.md, date). */
void resolve_date(struct slice pattern, struct buf *out);

/* Full Unicode case mapping as Java 17 does it (Unicode 13, SpecialCasing, final sigma). Bytes that
 * are no UTF-8 are kept. */
void case_lower(struct slice s, enum eval_locale locale, struct buf *out);
void case_upper(struct slice s, enum eval_locale locale, struct buf *out);

#endif
