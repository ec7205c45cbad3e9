/* Where a lookup calls back to: the parts of its key.
 *
 * A key is what stands behind jndi: — mostly a URL, always the attacker's text; better its target,
 * for a key may hold invented values. Variables stand in that for what only the server knows, which
 * in a host is what the attacker wants to carry out.
 */
#ifndef HIKESHI_LOOKUP_CALLBACK_H
#define HIKESHI_LOOKUP_CALLBACK_H

#include "base/buf.h"

struct callback {
    struct slice scheme; /* as written: its case matters to the reader of the key */
    struct slice host;   /* without brackets and user; may be empty */
    uint16_t port;       /* 0: the scheme's own, or not known */
    bool port_default;   /* the port is the scheme's */
    bool port_unknown;   /* 0, and not the scheme's: only the server knows it */
    struct slice path;   /* with what stands behind it */
};

/* Parts of the key, which they stay slices of. */
struct callback callback_parse(struct slice key);

/* The host as it is compared and counted: lower case, no dot at its end, numbers that mean an IPv4
 * address (0x7f.1, 3232235521, ::ffff:192.0.2.1) written as one. Appends to out. */
enum status callback_host(struct slice host, struct buf *out);

/* What of a host logs elsewhere can be expected to name, in the form of callback_host. Of a host
 * with variables (${env:USER}.x.example, as target.h writes them) the labels behind the last of
 * them are literal: *ret_below, any name below these may be asked for. With none, or a mere top
 * level, what their defaults make of it, if each has one. Appends nothing where nothing is left. */
enum status callback_sought(struct slice host, struct buf *out, bool *ret_below);

#endif
