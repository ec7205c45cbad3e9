/* Incidents: opened from a vulnerability profile, closed when everything is settled. */
#ifndef HIKESHI_BOARD_INCIDENT_H
#define HIKESHI_BOARD_INCIDENT_H

#include "board/log/log.h"
#include "profile/profile.h"

extern const struct log_kind incident_kinds[];

/* Opens an incident; its chain begins with this event. profile is a built-in profile's name or a
 * folder (profile_load); its files go into the record, as far as a survey needs them. */
enum status incident_open(struct db *db, const struct actor *actor, const char *profile,
                          const char *title, int64_t *ret_id, struct err *e) MUST_USE;

/* From then on it is read only (log_append). ST_CONFLICT when it is closed already. */
enum status incident_close(struct db *db, const struct actor *actor, int64_t id, const char *reason,
                           struct err *e) MUST_USE;

/* The profile as the incident has it in the record, without marks and facts. The caller frees it.
 */
enum status incident_profile(struct db *db, int64_t incident, struct profile **ret,
                             struct err *e) MUST_USE;

#endif
