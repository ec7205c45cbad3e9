/* Networks: sorted by prefix length, the longest first, then by address; a search asks each length
 * that occurs, from the longest on. IPv4 lies at ::ffff:0:0/96 and is not reached by the prefixes
 * of IPv6 around it. */
#include "base/utf8.h"
#include "guard/rules_int.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const uint8_t addr[16])
{
    return memcmp(addr, mapped, sizeof mapped) == 0;
}

static void mask(uint8_t addr[16], unsigned bits)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
        addr[i] = (uint8_t)(addr[i] & (0xff00u >> keep));
    }
}

static enum status no_address(struct slice text, struct err *e)
{
    return err_set(e, ST_NOT_FOUND,
                   N_("%.*s: no address: write 203.0.113.7, 10.0.0.0/8 or "
                      "2001:db8::/32"),
                   RULE_SHOWN(text));
}

enum status rule_net_parse(struct slice text, struct rule_net *ret, struct err *e)
{
    char address[INET6_ADDRSTRLEN];
    struct rule_net net = {.bits = 128};
    uint64_t length = 0;
    size_t slash = slice_index(text, '/');
    if (slash >= sizeof address || slash == 0)
        return no_address(text, e);
    memcpy(address, text.p, slash);
    address[slash] = '\0';
    bool v4 = inet_pton(AF_INET, address, net.addr + 12) == 1;
    if (v4)
        memcpy(net.addr, mapped, sizeof mapped);
    else if (strlen(address) != slash || inet_pton(AF_INET6, address, net.addr) != 1)
        return no_address(text, e);
    if (slash < text.n) {
        unsigned most = v4 ? 32 : 128;
        struct slice digits = slice_sub(text, slash + 1, text.n);
        if (digits.n > 3 || slice_to_u64(digits, &length) != OK || length > most)
            return err_set(e, ST_INVALID, N_("%.*s: the prefix length is 0 to %u"),
                           RULE_SHOWN(text), most);
        net.bits = (uint8_t)(length + (v4 ? 96 : 0));
    }
    uint8_t masked[16];
    memcpy(masked, net.addr, sizeof masked);
    mask(masked, net.bits);
    if (memcmp(masked, net.addr, sizeof masked) != 0) {
        char fits[RULE_NET_TEXT];
        memcpy(net.addr, masked, sizeof masked);
        rule_net_write(&net, fits);
        return err_set(e, ST_INVALID, N_("%.*s: has bits behind its prefix: write %s"),
                       RULE_SHOWN(text), fits);
    }
    *ret = net;
    return OK;
}

void rule_net_write(const struct rule_net *net, char out[RULE_NET_TEXT])
{
    char address[INET6_ADDRSTRLEN] = "";
    bool v4 = is_ipv4(net->addr) && net->bits >= 96;
    (void)inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), address, sizeof address);
    if (net->bits == 128)
        (void)snprintf(out, RULE_NET_TEXT, "%s", address);
    else
        (void)snprintf(out, RULE_NET_TEXT, "%s/%u", address, net->bits - (v4 ? 96u : 0u));
}

static int by_prefix(const void *a, const void *b)
{
    const struct rule_net *x = a, *y = b;
    if (x->bits != y->bits)
        return x->bits > y->bits ? -1 : 1;
    int c = memcmp(x->addr, y->addr, sizeof x->addr);
    return c ? c : x->line < y->line ? -1 : x->line > y->line;
}

enum status rule_nets_sort(struct rule_nets *t, struct err *e)
{
    if (t->n)
        qsort(t->list, t->n, sizeof *t->list, by_prefix);
    for (size_t i = 1; i < t->n; i++) {
        const struct rule_net *a = &t->list[i - 1], *b = &t->list[i];
        char text[RULE_NET_TEXT];
        if (a->bits != b->bits || memcmp(a->addr, b->addr, sizeof a->addr) != 0)
            continue;
        rule_net_write(b, text);
        (void)err_set(e, ST_INVALID, N_("%s stands on line %u already"), text, a->line);
        err_prefix(e, N_("line %u"), b->line);
        return ST_INVALID;
    }
    size_t at = 0;
    for (unsigned i = 0; i <= 128; i++) {
        t->from[i] = at;
        while (at < t->n && t->list[at].bits == 128 - i)
            at++;
    }
    t->from[129] = at;
    return OK;
}

static const struct rule_net *find(const struct rule_net *list, size_t n, const uint8_t addr[16])
{
    size_t from = 0, to = n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = memcmp(list[mid].addr, addr, 16);
        if (c == 0)
            return &list[mid];
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

const struct rule_net *rule_nets_find(const struct rule_nets *t, struct slice addr)
{
    uint8_t a[16];
    if (addr.n != 4 && addr.n != 16)
        return NULL;
    memcpy(a, mapped, sizeof mapped);
    memcpy(a + 16 - addr.n, addr.p, addr.n);
    unsigned least = is_ipv4(a) ? 96 : 0;
    for (unsigned i = 0; t->n && i <= 128 - least; i++) {
        const struct rule_net *found = NULL;
        if (t->from[i] == t->from[i + 1])
            continue;
        mask(a, 128 - i);
        found = find(t->list + t->from[i], t->from[i + 1] - t->from[i], a);
        if (found)
            return found;
    }
    return NULL;
}
