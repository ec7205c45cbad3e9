/* Where a lookup calls back to: the parts of its key.
 *
 * A key is what stands behind jndi: — mostly a URL, always the attacker's text. Variables may stand
 * in it unresolved; a host that holds one is what the attacker wants to carry out.
 */
#ifndef HIKESHI_HUNT_CALLBACK_H
#define HIKESHI_HUNT_CALLBACK_H

#include "base/buf.h"

struct callback {
    struct slice scheme; /* as written: its case matters to the reader of the key */
    struct slice host;   /* without brackets and user; may be empty */
    uint16_t port;       /* 0: the scheme's own, or not known */
    bool port_default;   /* the port is the scheme's */
    struct slice path;   /* with what stands behind it */
};

/* Parts of the key, which they stay slices of. */
struct callback callback_parse(struct slice key);

/* The host as it is compared and counted: lower case, no dot at its end, numbers that mean an IPv4
 * address (0x7f.1, 3232235521, ::ffff:192.0.2.1) written as one. Appends to out. */
enum status callback_host(struct slice host, struct buf *out);

/* What of it a log elsewhere can be expected to name: from a name whose first labels hold a
 * variable
 * (${env:USER}.x.example), the part behind it; *ret_partial says so. Empty: nothing is left. */
struct slice callback_fixed(struct slice host, bool *ret_partial);

#endif
