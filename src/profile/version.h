/* Maven's ordering of versions: 2.0-alpha1 < 2.0-beta9 < 2.0-rc1 < 2.0 < 2.0.1 < 2.10. Any text can
 * be compared; nothing allocates. Input may be hostile. */
#ifndef HIKESHI_PROFILE_VERSION_H
#define HIKESHI_PROFILE_VERSION_H

#include "base/slice.h"

/* Below, equal or above 0. Case does not matter; "2.0" equals "2" and "2.0-final". */
int version_compare(struct slice a, struct slice b);
/* Whether it is a plausible version: begins with a digit, 64 bytes at most, [A-Za-z0-9._+-]. */
bool version_valid(struct slice v);

#endif
