/* Rules as lines for a frontend or listen section of HAProxy (2.5 and later).
 *
 * What is found goes to the variable txn.hikeshi, for the log as well; the last line denies where
 * the site's mode is block. Bodies are examined as far as a buffer holds them (tune.bufsize).
 */
#include "base/timefmt.h"
#include "guard/export_int.h"

enum { WORDS_A_LINE = 40 }; /* HAProxy takes 64 */

/* The conditions of a rule, as anonymous ACLs. */
static void add_where(struct buf *out, const struct rule_where *w)
{
    if (w->methods.n) {
        (void)buf_add_str(out, " { method -m reg '");
        export_methods(out, w->methods);
        (void)buf_add_str(out, "' }");
    }
    if (w->has_site) {
        (void)buf_add_str(out, " { req.hdr(host),host_only,lower -m reg '");
        export_host(out, w->site);
        (void)buf_add_str(out, "' }");
    }
    if (w->path.n) {
        (void)buf_add_str(out, " { path,url_dec -m reg '");
        export_path(out, w);
        (void)buf_add_str(out, "' }");
    }
}

static void add_modes(struct exporter *x)
{
    const struct rule_name **sites = export_sites(x->r);
    (void)buf_add_str(x->out,
                      "\n# modes of sites: off, report or block; the first line is for others\n"
                      "http-request set-var(txn.hikeshi_mode) str(block)\n");
    for (size_t i = 0; sites && i < x->r->sites.n; i++) {
        struct rule_where w = {.has_site = true, .site = sites[i]->name};
        (void)buf_addf(x->out, "http-request set-var(txn.hikeshi_mode) str(%s) if",
                       guard_mode_name((enum guard_mode)sites[i]->value));
        add_where(x->out, &w);
        (void)buf_add_char(x->out, '\n');
    }
    free(sites);
}

/* The longest prefix first: the first line that matches decides. */
static void add_clients(struct exporter *x)
{
    const struct rule_nets *nets = &x->r->clients;
    char text[RULE_NET_TEXT];
    size_t i = 0;
    if (nets->n)
        (void)buf_add_str(x->out, "\n# clients\n");
    while (i < nets->n) {
        uint8_t value = nets->list[i].value;
        (void)buf_addf(x->out,
                       "http-request set-var(txn.hikeshi_client) str(%s) if !{ "
                       "var(txn.hikeshi_client) -m found } { src",
                       value == GUARD_ALLOWED ? "allow" : "deny");
        for (size_t from = i;
             i < nets->n && i - from < WORDS_A_LINE && nets->list[i].value == value; i++) {
            rule_net_write(&nets->list[i], text);
            (void)buf_addf(x->out, " %s", text);
        }
        (void)buf_add_str(x->out, " }\n");
    }
    if (nets->n)
        (void)buf_add_str(x->out, "http-request set-var(txn.hikeshi) str(client) if { "
                                  "var(txn.hikeshi_client) -m str deny }\n"
                                  "http-request set-var(txn.hikeshi_mode) str(off) if { "
                                  "var(txn.hikeshi_client) -m str allow }\n");
}

static void add_exceptions(struct exporter *x)
{
    const struct guard_rules *r = x->r;
    if (r->about.exceptions)
        (void)buf_add_str(x->out, "\n# exceptions\n");
    for (size_t i = 0; i < r->about.exceptions; i++) {
        const struct rule_where *w = &r->exceptions[i];
        if (w->rule) {
            export_left_out(x, w->line, "except", "it is for one rule only");
            continue;
        }
        if (!w->any_field) {
            export_left_out(x, w->line, "except",
                            "HAProxy examines a request in parts, not field by field");
            continue;
        }
        (void)buf_add_str(x->out, "http-request set-var(txn.hikeshi_skip) str(yes)");
        if (!export_everywhere(w)) {
            (void)buf_add_str(x->out, " if");
            add_where(x->out, w);
        }
        (void)buf_add_char(x->out, '\n');
    }
}

static void found(struct exporter *x, const char *id, const struct rule_where *w,
                  const char *sample, const char *rx)
{
    (void)buf_addf(x->out,
                   "http-request set-var(txn.hikeshi) str(%s) if !{ var(txn.hikeshi) -m found } !{ "
                   "var(txn.hikeshi_skip) -m found }",
                   id);
    add_where(x->out, w);
    (void)buf_addf(x->out, " { %s -m reg '%s' }\n", sample, rx);
}

static const char *const everything[] = {"url",      "url,url_dec,url_dec",
                                         "req.hdrs", "req.hdrs,url_dec,url_dec",
                                         "req.body", "req.body,url_dec,url_dec"};

static void add_lookups(struct exporter *x)
{
    static const struct rule_where anywhere = {.any_field = true};
    struct buf rx;
    buf_init(&rx, KIB(64));
    export_lookup(&rx, true);
    (void)buf_add_str(x->out, "\n# lookups, by their spelling\n");
    for (size_t i = 0; i < ARRAY_LEN(everything); i++)
        found(x, "lookup", &anywhere, everything[i], buf_text(&rx));
    for (size_t i = 0; i < ARRAY_LEN(everything); i += 2)
        found(x, "lookup", &anywhere, everything[i], EXPORT_LOOKUP_BASE64);
    buf_done(&rx);
}

/* $.a[0].b of the pointer /a/0/b */
static bool add_json(struct buf *out, struct slice pointer)
{
    struct slice rest = slice_sub(pointer, 1, pointer.n), key;
    (void)buf_add_str(out, "req.body,json_query('$");
    while (slice_next_field(&rest, '/', &key)) {
        uint64_t n = 0;
        for (size_t i = 0; i < key.n; i++)
            if (!((key.p[i] >= 'a' && key.p[i] <= 'z') || (key.p[i] >= 'A' && key.p[i] <= 'Z') ||
                  (key.p[i] >= '0' && key.p[i] <= '9') || key.p[i] == '_'))
                return false;
        if (slice_to_u64(key, &n) == OK)
            (void)buf_addf(out, "[%llu]", (unsigned long long)n);
        else
            (void)buf_addf(out, ".%.*s", (int)key.n, (const char *)key.p);
    }
    (void)buf_add_str(out, "')");
    return pointer.n > 0;
}

/* The sample of a field; false: there is none. *ret_wider: it holds more than the field. */
static bool add_sample(struct buf *out, const struct rule_where *w, bool *ret_wider)
{
    static const struct {
        const char *whole, *before, *behind; /* of all of them; around one's name */
    } parts[] = {
        [GUARD_METHOD] = {"method", NULL, NULL},
        [GUARD_URI] = {"path,url_dec", NULL, NULL},
        [GUARD_ARG] = {"query,url_dec", "url_param(", "),url_dec"},
        [GUARD_HEADER] = {"req.hdrs", "req.fhdr(", ")"},
        [GUARD_COOKIE] = {"req.hdr(cookie)", "req.cook(", ")"},
        [GUARD_FORM] = {"req.body,url_dec", "req.body_param(", "),url_dec"},
        [GUARD_FILE] = {"req.body", NULL, NULL},
        [GUARD_JSON] = {"req.body", NULL, NULL},
        [GUARD_XML] = {"req.body", NULL, NULL},
        [GUARD_BODY] = {"req.body", NULL, NULL},
    };
    struct slice name = w->field.name;
    enum guard_part part = w->field.part;
    bool one = !w->any_rest && name.n;
    *ret_wider = (w->any_rest && name.n) || (one && !parts[part].before);
    if (one && part == GUARD_JSON) {
        *ret_wider = false;
        return add_json(out, name);
    }
    if (!one || !parts[part].before)
        return buf_add_str(out, parts[part].whole) == OK;
    for (size_t i = 0; i < name.n; i++)
        if (strchr("()'\"\\,# \t", name.p[i]) || name.p[i] >= 0x80)
            return false;
    return buf_addf(out, "%s%.*s%s", parts[part].before, (int)name.n, (const char *)name.p,
                    parts[part].behind) == OK;
}

static void add_pattern(struct exporter *x, const struct rule_pattern *p)
{
    struct buf rx, sample;
    bool wider = false;
    buf_init(&rx, KIB(64));
    buf_init(&sample, KIB(4));
    export_expression(&rx, "(?s)", p->expression);
    if (p->where.any_field) {
        for (size_t i = 0; i < ARRAY_LEN(everything); i++)
            found(x, p->id, &p->where, everything[i], buf_text(&rx));
    } else if (!add_sample(&sample, &p->where, &wider)) {
        export_left_out(x, p->line, p->id, "the name of its field cannot be written there");
    } else {
        if (wider)
            export_left_out(x, p->line, p->id, "more than its field is examined");
        found(x, p->id, &p->where, buf_text(&sample), buf_text(&rx));
    }
    buf_done(&rx);
    buf_done(&sample);
}

static void add_patterns(struct exporter *x)
{
    const struct guard_rules *r = x->r;
    if (r->about.patches + r->about.signatures)
        (void)buf_add_str(x->out, "\n# patches and signatures\n");
    for (size_t i = 0; i < r->about.patches + r->about.signatures; i++)
        add_pattern(x, rule_pattern_at(r, i));
}

enum status export_haproxy(struct exporter *x)
{
    char when[TIME_RFC3339_SIZE];
    time_format_utc(x->r->about.made_ms, when);
    (void)buf_addf(x->out,
                   "# hikeshi rules, version %llu of %s, for HAProxy: the nearest equivalent.\n"
                   "# Lines for a frontend or listen section. Lookups are found by their spelling "
                   "here, not by what they would do.\n"
                   "option http-buffer-request\n",
                   (unsigned long long)x->r->about.version, when);
    add_modes(x);
    add_clients(x);
    add_exceptions(x);
    add_lookups(x);
    export_callbacks(x);
    add_patterns(x);
    (void)buf_add_str(x->out,
                      "\n# in the log: %[var(txn.hikeshi)]\n"
                      "http-request deny deny_status 403 if { var(txn.hikeshi) -m found } { "
                      "var(txn.hikeshi_mode) -m str block }\n");
    return buf_status(x->out);
}
