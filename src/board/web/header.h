/* Reading what stands in request headers. All of it is hostile; nothing here allocates but where an
 * arena is given. */
#ifndef HIKESHI_BOARD_WEB_HEADER_H
#define HIKESHI_BOARD_WEB_HEADER_H

#include "base/messages.h"
#include "base/slice.h"

/* The value of a cookie in a Cookie header (RFC 6265 section 5.4), the first of that name. */
bool header_cookie(struct slice header, const char *name, struct slice *ret);

/* The language of an Accept-Language header that is wanted most, of those there are; `otherwise`
 * when it names none of them. */
enum lang header_language(struct slice header, enum lang otherwise);

/* The media type without parameters, compared without case: "application/json". */
bool header_type_is(struct slice content_type, const char *type);

/* A Host header, or the authority of an origin: "board.example:8750", "[::1]:8750". *ret_host is
 * without port and brackets; *ret_port "" when there is none. False: it is neither. */
bool header_host(struct slice header, struct slice *ret_host, struct slice *ret_port);
/* Whether a host is an IPv4 or IPv6 address written as one. */
bool header_host_is_address(struct slice host);

/* The client of an X-Forwarded-For header: the last address that is not one of ours. `trusted`
 * says so of an address. `peer` when every one is ours or one is no address. out is at least
 * 64 bytes. */
void header_forwarded(struct slice header, const char *peer,
                      bool (*trusted)(void *ctx, const char *address), void *ctx, char *out);

/* A place on this board that one may be sent back to: begins with one '/', no "//", "/\", scheme,
 * control characters or spaces. */
bool header_is_own_path(struct slice path);

#endif
