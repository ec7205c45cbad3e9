/* UUIDs of names. See uuid.h. */
#include "base/uuid.h"

#include <nettle/sha1.h>
#include <stdio.h>

void uuid_of_name(const uint8_t space[16], struct slice name, char out[UUID_SIZE])
{
    struct sha1_ctx sum;
    uint8_t d[SHA1_DIGEST_SIZE];
    sha1_init(&sum);
    sha1_update(&sum, 16, space);
    sha1_update(&sum, name.n, name.p);
    sha1_digest(&sum, sizeof d, d);
    d[6] = (uint8_t)((d[6] & 0x0f) | 0x50); /* version 5 */
    d[8] = (uint8_t)((d[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    (void)snprintf(out, UUID_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0],
                   d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13],
                   d[14], d[15]);
}
