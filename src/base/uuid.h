/* UUIDs of version 5 (RFC 9562 section 5.5): the same name has the same one in every run. SHA-1 is
 * what the version asks for; nothing secret hangs on it. */
#ifndef HIKESHI_BASE_UUID_H
#define HIKESHI_BASE_UUID_H

#include "base/slice.h"

#define UUID_SIZE 37 /* with its NUL */

/* The name in the name space (16 bytes). */
void uuid_of_name(const uint8_t space[16], struct slice name, char out[UUID_SIZE]);

#endif
