/* The lookups, one row each. What a real host would give (environment, system properties, context)
 * is assumed to be unset: an attacker picks names that are. Rules 17–19, docs/lookups.md. */
#include "lookup/resolve.h"

#include "lookup/variable.h"

struct pair {
    const char *key;
    size_t n;
    const char *value;
};
#define PAIR(key, value)            \
    {                               \
        key, sizeof(key) - 1, value \
    }

/* The default map. Its values are never variables, so any text will do. */
static const struct pair default_map[] = {PAIR("hostName", "host"), PAIR("contextName", "ctx")};
static const struct pair java_keys[] = {
    PAIR("version", "Java version 17.0.15"),
    PAIR("runtime", "OpenJDK Runtime Environment (build 17.0.15+6-Debian-1deb12u1) from Debian"),
    PAIR("vm", "OpenJDK 64-Bit Server VM (build 17.0.15+6-Debian-1deb12u1, mixed mode, sharing)"),
    PAIR("os", "Linux 6.1.0, architecture: amd64-64"),
    PAIR("hw", "processors: 2, architecture: amd64-64"),
    PAIR("locale", "default locale: en, platform encoding: UTF-8"),
};
static const struct pair env_keys[] = {PAIR("HOME", "/root")};
static const struct pair sys_keys[] = {PAIR("path.separator", ":"), PAIR("file.separator", "/")};
static const struct pair event_keys[] = {
    PAIR("Level", "INFO"), PAIR("ThreadName", "main"),         PAIR("ThreadId", "1"),
    PAIR("Logger", "L"),   PAIR("Timestamp", "1639000000000"),
};

static bool find(const struct pair *pairs, size_t n, struct slice key, struct slice *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (key.n == pairs[i].n && memcmp(key.p, pairs[i].key, key.n) == 0) {
            *ret = slice_str(pairs[i].value);
            return true;
        }
    }
    return false;
}

#define FIND(pairs, key, ret) find(pairs, ARRAY_LEN(pairs), key, ret)

/* Rule 18: only A–Z are lowered, in every locale. */
static inline bool prefix_is(struct slice prefix, const char *name, size_t n)
{
    if (prefix.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = prefix.p[i];
        if ((uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)name[i])
            return false;
    }
    return true;
}
#define PREFIX_IS(prefix, name) prefix_is(prefix, name, sizeof(name) - 1)

enum resolve_outcome resolve(const struct resolve_in *in, struct buf *scratch,
                             struct slice *ret_value)
{
    size_t colon = find_near(in->name, 0, ':');
    struct slice prefix = slice_sub(in->name, 0, colon);
    struct slice key = slice_sub(in->name, colon + 1, in->name.n);
    buf_clear(scratch);
    if (colon == in->name.n)
        return FIND(default_map, in->name, ret_value) ? RESOLVE_VALUE : RESOLVE_NONE;
    if (PREFIX_IS(prefix, "jndi")) {
        *ret_value = key;
        return RESOLVE_JNDI;
    }
    if (PREFIX_IS(prefix, "lower") || PREFIX_IS(prefix, "upper") || PREFIX_IS(prefix, "date")) {
        if (PREFIX_IS(prefix, "lower"))
            case_lower(key, in->locale, scratch);
        else if (PREFIX_IS(prefix, "upper"))
            case_upper(key, in->locale, scratch);
        else
            resolve_date(key, scratch);
        *ret_value = buf_slice(scratch);
        return RESOLVE_VALUE;
    }
    if (PREFIX_IS(prefix, "java"))
        return FIND(java_keys, key, ret_value) ? RESOLVE_VALUE : RESOLVE_ABORT;
    if ((PREFIX_IS(prefix, "env") && FIND(env_keys, key, ret_value)) ||
        (PREFIX_IS(prefix, "sys") && FIND(sys_keys, key, ret_value)) ||
        (PREFIX_IS(prefix, "event") && FIND(event_keys, key, ret_value)))
        return RESOLVE_VALUE;
    if (PREFIX_IS(prefix, "event") && slice_eq_str(key, "Message")) {
        *ret_value = in->message;
        return RESOLVE_VALUE;
    }
    /* rule 19: whatever the prefix, the default map is asked with the key */
    return FIND(default_map, key, ret_value) ? RESOLVE_VALUE : RESOLVE_NONE;
}
