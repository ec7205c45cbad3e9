/* Events as the API gives them: the history of a row and of an incident. */
#ifndef HIKESHI_BOARD_WEB_API_EVENTS_H
#define HIKESHI_BOARD_WEB_API_EVENTS_H

#include "board/web/api/api.h"

extern const struct api_schema api_event_list;

/* Answers with a page of the incident's events, newest first; of one row where asset is not 0. */
enum status api_events(struct web_request *r, struct web_response *res, int64_t incident,
                       int64_t asset, struct err *e) MUST_USE;

#endif
