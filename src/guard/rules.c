/* What finished rules answer. See rules.h. */
#include "base/file.h"
#include "guard/rules_int.h"

#include <arpa/inet.h>

const char *guard_mode_name(enum guard_mode m)
{
    static const char *const names[] = {"unset", "off", "report", "block"};
    return names[m];
}

enum status guard_rules_load(const char *path, const atomic_bool *stop, struct guard_rules **ret,
                             struct err *e)
{
    struct buf text;
    struct guard_rules *r = NULL;
    buf_init(&text, LIMIT_GUARD_RULES_BYTES);
    enum status st = file_read_all(path, &text, e);
    if (st == OK) {
        st = rules_parse(buf_slice(&text), stop, &r, e);
        if (st == OK && !r->about.checksum[0])
            st = err_set(e, ST_INVALID,
                         N_("the checksum at the end is missing: the file was cut, or never "
                            "sealed; hikeshi guard check --seal adds it"));
        if (st != OK)
            err_prefix(e, "%s", path);
    }
    buf_done(&text);
    if (st == OK)
        *ret = r;
    else
        guard_rules_unref(r);
    return st;
}

struct guard_rules *guard_rules_ref(struct guard_rules *r)
{
    (void)atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void guard_rules_unref(struct guard_rules *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t g = 0; g < RULE_GROUPS; g++)
        (void)hs_free_database(r->db[g]);
    free(r->sites.list);
    free(r->callbacks.list);
    free(r->clients.list);
    free(r->callback_nets.list);
    arena_done(&r->arena);
    free(r);
}

struct guard_rules_about guard_rules_about(const struct guard_rules *r)
{
    return r->about;
}

enum guard_mode guard_rules_mode(const struct guard_rules *r, struct slice host)
{
    char room[RULE_HOST];
    const struct rule_name *found =
        rule_names_find(&r->sites, rule_host_normal(rule_host_alone(host), room));
    return found ? (enum guard_mode)found->value : GUARD_MODE_UNSET;
}

enum guard_list guard_rules_client(const struct guard_rules *r, struct slice addr)
{
    const struct rule_net *found = rule_nets_find(&r->clients, addr);
    return found ? (enum guard_list)found->value : GUARD_NOT_LISTED;
}

enum guard_list guard_rules_callback(const struct guard_rules *r, struct slice host)
{
    char text[INET6_ADDRSTRLEN], room[RULE_HOST];
    uint8_t addr[16];
    size_t n = 0;
    if (host.n && host.n < sizeof text) {
        memcpy(text, host.p, host.n);
        text[host.n] = '\0';
        n = inet_pton(AF_INET, text, addr) == 1 ? 4 : inet_pton(AF_INET6, text, addr) == 1 ? 16 : 0;
    }
    if (n) {
        const struct rule_net *net = rule_nets_find(&r->callback_nets, slice_of(addr, n));
        if (net)
            return (enum guard_list)net->value;
    }
    const struct rule_name *name = rule_names_find(&r->callbacks, rule_host_normal(host, room));
    return name ? (enum guard_list)name->value : GUARD_NOT_LISTED;
}
