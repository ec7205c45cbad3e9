/* Reading what stands in request headers. See header.h. */
#include "board/web/header.h"

#include <arpa/inet.h>

bool header_cookie(struct slice header, const char *name, struct slice *ret)
{
    struct slice pair;
    while (slice_next_field(&header, ';', &pair)) {
        pair = slice_trim(pair);
        size_t eq = slice_index(pair, '=');
        if (eq < pair.n && slice_eq_str(slice_sub(pair, 0, eq), name)) {
            *ret = slice_sub(pair, eq + 1, pair.n);
            return true;
        }
    }
    return false;
}

/* "0.8" as 800; what is no quality counts as nothing. RFC 9110 section 12.4.2. */
static int quality(struct slice s)
{
    int q = 0;
    int place = 100;
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return 0;
    q = (s.p[0] - '0') * 1000;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        q += (s.p[i] - '0') * place;
        place /= 10;
    }
    return q > 1000 ? 0 : q;
}

enum lang header_language(struct slice header, enum lang otherwise)
{
    struct slice item;
    int best = 0;
    enum lang ret = otherwise;
    while (slice_next_field(&header, ',', &item)) {
        struct slice tag;
        struct slice part;
        int q = 1000;
        if (!slice_next_field(&item, ';', &tag))
            continue;
        tag = slice_trim(tag);
        while (slice_next_field(&item, ';', &part)) {
            part = slice_trim(part);
            if (slice_starts(part, SLICE_LIT("q=")))
                q = quality(slice_sub(part, 2, part.n));
        }
        if (tag.n < 2 || (tag.n > 2 && tag.p[2] != '-') || q <= best)
            continue;
        if (strncasecmp((const char *)tag.p, "ja", 2) == 0)
            ret = LANG_JA;
        else if (strncasecmp((const char *)tag.p, "en", 2) == 0)
            ret = LANG_EN;
        else
            continue;
        best = q;
    }
    return ret;
}

bool header_type_is(struct slice content_type, const char *type)
{
    struct slice t = slice_trim(slice_sub(content_type, 0, slice_index(content_type, ';')));
    return t.n == strlen(type) && strncasecmp((const char *)t.p, type, t.n) == 0;
}

static bool is_port(struct slice s)
{
    uint64_t n = 0;
    return slice_to_u64(s, &n) == OK && n > 0 && n < 65536;
}

bool header_host(struct slice h, struct slice *ret_host, struct slice *ret_port)
{
    struct slice host;
    struct slice port = {0};
    if (h.n == 0 || h.n > 261)
        return false;
    if (h.p[0] == '[') {
        size_t end = slice_index(h, ']');
        if (end == h.n)
            return false;
        host = slice_sub(h, 1, end - 1);
        port = slice_sub(h, end + 1, h.n);
        if (!header_host_is_address(host) || (port.n && port.p[0] != ':'))
            return false;
        port = slice_sub(port, 1, port.n);
    } else {
        size_t colon = slice_index(h, ':');
        host = slice_sub(h, 0, colon);
        port = slice_sub(h, colon + 1, h.n);
        for (size_t i = 0; i < host.n; i++) {
            uint8_t c = host.p[i];
            if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
                  c == '.' || c == '_'))
                return false;
        }
    }
    if (host.n == 0 || (port.n && !is_port(port)))
        return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

bool header_host_is_address(struct slice host)
{
    char text[64];
    unsigned char bytes[16];
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

void header_forwarded(struct slice header, const char *peer,
                      bool (*trusted)(void *ctx, const char *address), void *ctx, char *out)
{
    (void)snprintf(out, 64, "%s", peer);
    while (header.n && trusted(ctx, out)) {
        size_t from = header.n;
        while (from && header.p[from - 1] != ',')
            from--;
        struct slice item = slice_trim(slice_sub(header, from, header.n));
        header.n = from ? from - 1 : 0;
        if (!header_host_is_address(item))
            return;
        (void)snprintf(out, 64, "%.*s", (int)item.n, (const char *)item.p);
    }
}

bool header_is_own_path(struct slice path)
{
    if (path.n == 0 || path.n > 2000 || path.p[0] != '/')
        return false;
    if (path.n > 1 && (path.p[1] == '/' || path.p[1] == '\\'))
        return false;
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] <= 0x20 || path.p[i] >= 0x7f || path.p[i] == '\\')
            return false;
    }
    return true;
}
