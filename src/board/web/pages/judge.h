/* What several pages do with forms of the survey: judging proposals, taking an attached file. */
#ifndef HIKESHI_BOARD_PAGES_JUDGE_H
#define HIKESHI_BOARD_PAGES_JUDGE_H

#include "board/web/web.h"

/* Confirms or refuses (do=confirm, do=refuse with reason) the proposals that the form ticked (e),
 * inside the caller's write transaction. *ret_said tells what was done. ST_CONFLICT: one of them
 * was judged meanwhile; nothing is done, and the error says by whom. */
enum status judge_ticked(struct web_request *r, int64_t incident, char **ret_said,
                         struct err *e) MUST_USE;

/* Reads the file of a form field into content, which has the limit; no file leaves it empty. */
enum status judge_take_file(struct web_request *r, const char *field, struct buf *content,
                            const char **ret_name, struct err *e) MUST_USE;

extern const struct web_route attachment_routes[];

#endif
