/* Incidents: opened from a vulnerability profile, closed when everything is settled. */
#ifndef HIKESHI_BOARD_INCIDENT_H
#define HIKESHI_BOARD_INCIDENT_H

#include "board/log/log.h"

extern const struct log_kind incident_kinds[];

/* Opens an incident; its chain begins with this event. profile is the profile's id. */
enum status incident_open(struct db *db, const struct actor *actor, const char *profile,
                          const char *title, int64_t *ret_id, struct err *e) MUST_USE;

/* ST_CONFLICT when it is closed already. */
enum status incident_close(struct db *db, const struct actor *actor, int64_t id, const char *reason,
                           struct err *e) MUST_USE;

#endif
