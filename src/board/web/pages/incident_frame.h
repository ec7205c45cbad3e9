/* What every page of an incident begins with: the incident itself, and the frame filled from it. */
#ifndef HIKESHI_BOARD_WEB_PAGES_INCIDENT_FRAME_H
#define HIKESHI_BOARD_WEB_PAGES_INCIDENT_FRAME_H

#include "base/limits.h"
#include "board/web/pages/layout.h"

#include <inttypes.h>

struct incident_info {
    int64_t id, opened_ms, closed_ms; /* closed_ms 0: it is open */
    struct slice title, profile;
    bool edits; /* the reader works on incidents, and this one is open */
};

/* ST_NOT_FOUND when there is no such incident. Texts live in the request's arena. */
enum status incident_info(struct web_request *r, int64_t incident, struct incident_info *ret,
                          struct err *e) MUST_USE;

/* The same, with a frame for a page of it: what waits is counted as far as the reader may see it,
 * and a note left by web_flash is among its notes. */
enum status incident_frame(struct web_request *r, int64_t incident, enum page_place place,
                           const char *title, struct page_frame *ret_frame,
                           struct incident_info *ret_info, struct err *e) MUST_USE;

/* Begins the answer: the frame, unless a piece of the page is asked for. page_end closes it and
 * tells whether everything went in. */
struct html *page_begin(struct web_request *r, struct web_response *res,
                        const struct page_frame *f);
enum status page_end(struct web_request *r, struct html *h, const struct page_frame *f,
                     struct err *e) MUST_USE;

/* Puts one more note above the page. */
void page_add_note(struct web_request *r, struct page_frame *f, enum page_note_kind kind,
                   struct slice text);
/* The error as a note in the reader's language. */
void page_add_err(struct web_request *r, struct page_frame *f, const struct err *e);

/* Whose rows alone the reader may see, for SQL that is written `($2 = 0 OR (a.owner_mail <> '' AND
 * a.owner_mail = $3) OR EXISTS (… asset_owner …))`: account 0 when they may see all. */
struct page_owner {
    int64_t account;
    struct slice mail;
};
enum status page_owner(struct web_request *r, struct page_owner *ret, struct err *e) MUST_USE;

/* After a refusal (ST_INVALID, ST_CONFLICT) that the handler answers with a page: drops the write
 * transaction with whatever was begun in it, and opens a reading one for that page. */
enum status page_refused(struct web_request *r, struct err *e) MUST_USE;
/* The error's sentence in the reader's language, in the arena. */
struct slice page_err_text(struct web_request *r, const struct err *e);
/* "https://board.example.co.jp" as the reader's browser knows it, for command lines. */
struct slice page_origin(struct web_request *r);
/* ASCII in lower case; and as the pattern of a LIKE … ESCAPE '!' for any text that holds it. */
struct slice page_lower(struct web_request *r, struct slice s);
struct slice page_like(struct web_request *r, struct slice s);

/* The texts of a JSON array, in the arena; none when it is no array. */
struct slice *page_keep_texts(struct web_request *r, const json_t *array, size_t *ret_count);
/* The note that web_flash left, if any, above the page. incident_frame does it by itself. */
void page_flash(struct web_request *r, struct page_frame *f);

/* A copy in the request's arena; the empty slice when memory ran out, which the arena keeps. */
struct slice page_keep(struct web_request *r, const char *text);

#endif
