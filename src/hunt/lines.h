/* Finds the lines of a log in which something is attempted: prefilter, second look, examination.
 *
 * Text comes in blocks, whole lines as far as they go; what is left of a block (its last,
 * unfinished line) comes again at the beginning of the next one. Lines up to LIMIT_HUNT_LINE are
 * examined whole, longer ones in windows around what may be an opener, so memory does not depend on
 * them; a line is reported once, by the worst of its windows. A lookup of up to half a window is
 * seen whole; a variable that a window leaves open is an attempt when the letters of a lookup come
 * behind it. Cost is linear: where false openers stand densely a piece of the line is decoded in
 * one go instead of at each place.
 *
 * One line_search per thread. Input is hostile.
 */
#ifndef HIKESHI_HUNT_LINES_H
#define HIKESHI_HUNT_LINES_H

#include "base/buf.h"
#include "hunt/patterns.h"
#include "hunt/prefilter.h"
#include "lookup/examine.h"

struct line_hit {
    struct slice line;     /* the line, or the window of a long one; lives during the call */
    uint64_t number;       /* from 1, in this text */
    bool long_line;        /* a window */
    struct examined found; /* verdict none where it is a pattern */
    const struct pattern *pattern; /* of the profile; NULL: a lookup */
};

struct line_search {
    const struct prefilter *filter;
    struct prefilter base64; /* for pieces without an opener in escapes */
    struct examiner *examiner;
    struct pattern_search *patterns; /* the caller's; NULL: none */
    /* A status other than OK ends the search and is returned. */
    enum status (*hit)(void *ctx, const struct line_hit *h);
    void *ctx;
    uint64_t lines; /* newlines so far */
    const uint8_t *block;
    uint64_t from;      /* where in the text the block begins */
    uint64_t line_from; /* and the line */
    uint64_t span;      /* where the line's begins */
    uint64_t credited;  /* up to where bytes of the text gave credit to examine */
    bool inside;        /* the next block begins inside a long line */
    bool reported;      /* which was reported already */
    /* of a long line, what to report at its end: the window of the worst verdict so far, or of the
     * variable that stays open (VERDICT_NONE), whose letters are counted up to `watched` */
    struct buf held;
    enum verdict held_as;
    bool watching;
    unsigned letters;
    uint64_t watched;
    struct buf held_piece; /* and around the first match of a pattern */
    const struct pattern *held_pattern;
    bool no_evaluation; /* for measuring: openers are counted, not examined */
    uint64_t openers;
    /* steps of full looks that failed since `fails_from`, and up to where all is decoded in pieces
     * instead */
    const uint8_t *fails_from, *dense_to;
    unsigned fails;
    uint8_t piece[2][OPENER_LONG_ROOM];
};

enum status line_search_init(struct line_search *s, const struct prefilter *filter) MUST_USE;
void line_search_done(struct line_search *s); /* accepts a zeroed struct */
/* A new text: counting begins again. */
void line_search_begin(struct line_search *s);
/* The same where its lines from `from` on are searched apart, which is in a span behind its first:
 * each begins with the same credit, so that the answer does not depend on who searches it. */
#define LINES_SPAN MIB(8)
void line_search_begin_at(struct line_search *s, uint64_t from);

/* Searches what it can of the block. `more`: text follows, and what is behind *ret_used comes
 * again. Without a newline in it the block must be at least LIMIT_HUNT_BLOCK long, or the caller
 * brings more (*ret_used is 0). */
enum status line_search_block(struct line_search *s, struct slice block, bool more,
                              size_t *ret_used) MUST_USE;
/* The text ends here, whatever was announced: tells what is known of a line that was begun. */
enum status line_search_end(struct line_search *s) MUST_USE;

#endif
