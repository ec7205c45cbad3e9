/* Rules as SecRules of ModSecurity 3.
 *
 * Order: modes of sites, clients, processors of bodies, exceptions, lookups, patches and
 * signatures. Every rule that examines has the tag hikeshi, by which exceptions take targets from
 * it. Ids are 44000 to 99999, the part of the range for local use.
 */
#include "base/timefmt.h"
#include "guard/export_int.h"

enum { FIRST_ID = 44000, NETS_A_RULE = 100 };

struct modsecurity {
    struct exporter *x;
    struct buf *out;
    unsigned id;
};

/* SecRule variables of a field: "" when there are none. */
static void add_variables(struct buf *out, const struct rule_where *w, bool with_names)
{
    static const struct {
        const char *values, *names;
    } parts[] = {
        [GUARD_METHOD] = {"REQUEST_METHOD", NULL},
        [GUARD_URI] = {"REQUEST_FILENAME", NULL},
        [GUARD_ARG] = {"ARGS_GET", "ARGS_GET_NAMES"},
        [GUARD_HEADER] = {"REQUEST_HEADERS", "REQUEST_HEADERS_NAMES"},
        [GUARD_COOKIE] = {"REQUEST_COOKIES", "REQUEST_COOKIES_NAMES"},
        [GUARD_FORM] = {"ARGS_POST", "ARGS_POST_NAMES"},
        [GUARD_FILE] = {"FILES", "FILES_NAMES"},
        [GUARD_JSON] = {"ARGS", NULL},
        [GUARD_XML] = {"XML", NULL},
        [GUARD_BODY] = {"REQUEST_BODY", NULL},
    };
    struct slice name = w->field.name;
    const char *values = parts[w->field.part].values, *names = parts[w->field.part].names;
    if (w->any_field) {
        (void)buf_add_str(out, "REQUEST_METHOD|REQUEST_FILENAME|ARGS_GET|ARGS_POST|ARGS:/^json\\./|"
                               "ARGS_NAMES|REQUEST_HEADERS|"
                               "REQUEST_HEADERS_NAMES|REQUEST_COOKIES|REQUEST_COOKIES_NAMES|FILES|"
                               "FILES_NAMES|XML:/*|XML://@*");
        return;
    }
    if (w->field.part == GUARD_XML) { /* without the namespaces, which the rules do not name */
        (void)buf_add_str(out, "XML:/*|XML://@*");
        return;
    }
    if (w->field.part == GUARD_JSON) {
        struct slice rest = slice_sub(name, 1, name.n), key;
        (void)buf_add_str(out, "ARGS:");
        (void)buf_add_str(out, w->any_rest ? "/^json" : "json");
        while (slice_next_field(&rest, '/', &key)) {
            uint64_t n = 0;
            (void)buf_add_str(out, w->any_rest ? "\\." : ".");
            if (slice_to_u64(key, &n) == OK)
                (void)buf_addf(out, "array_%llu", (unsigned long long)n);
            else
                (void)buf_add_slice(out, key);
        }
        (void)buf_add_str(out, w->any_rest ? "/" : "");
        return;
    }
    (void)buf_add_str(out, values);
    if (w->any_rest && name.n) {
        (void)buf_add_str(out, ":/^");
        export_literal(out, name);
        (void)buf_add_str(out, "/");
    } else if (name.n) {
        (void)buf_add_char(out, ':');
        (void)buf_add_slice(out, name);
    } else if (names && with_names) {
        (void)buf_addf(out, "|%s", names);
    }
}

/* Names that stand in a variable as they are. */
static bool plain_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c && strchr("-_./[]", c))))
            return false;
    }
    return true;
}

static unsigned next_id(struct modsecurity *m)
{
    return m->id++;
}

/* A Host header, behind whose name a port may stand. */
static void add_host(struct buf *out, struct slice name)
{
    struct buf host;
    buf_init(&host, KIB(4));
    export_host(&host, name);
    if (host.n && host.p[host.n - 1] == '$') {
        buf_cut(&host, host.n - 1);
        (void)buf_add_str(&host, "(?::[0-9]*)?$");
    }
    (void)buf_add_slice(out, buf_slice(&host));
    buf_done(&host);
}

static void add_modes(struct modsecurity *m)
{
    static const char *const engines[] = {"", "Off", "DetectionOnly", "On"};
    const struct rule_name **sites = export_sites(m->x->r);
    (void)buf_add_str(m->out,
                      "\n# modes of sites; for others SecRuleEngine holds as it is set where this "
                      "is included\n");
    for (size_t i = 0; sites && i < m->x->r->sites.n; i++) {
        (void)buf_add_str(m->out, "SecRule REQUEST_HEADERS:Host \"@rx ");
        add_host(m->out, sites[i]->name);
        (void)buf_addf(
            m->out,
            "\" \"id:%u,phase:1,pass,nolog,t:none,t:lowercase,setvar:tx.hikeshi_mode=%d\"\n",
            next_id(m), sites[i]->value);
    }
    for (int mode = GUARD_OFF; m->x->r->sites.n && mode <= GUARD_BLOCK; mode++)
        (void)buf_addf(m->out,
                       "SecRule TX:hikeshi_mode \"@eq %d\" "
                       "\"id:%u,phase:1,pass,nolog,t:none,ctl:ruleEngine=%s\"\n",
                       mode, next_id(m), engines[mode]);
    free(sites);
}

/* The longest prefix first: the first rule that matches decides. */
static void add_clients(struct modsecurity *m)
{
    const struct rule_nets *nets = &m->x->r->clients;
    char text[RULE_NET_TEXT];
    size_t i = 0;
    if (nets->n)
        (void)buf_add_str(m->out, "\n# clients\n");
    while (i < nets->n) {
        uint8_t value = nets->list[i].value;
        size_t from = i;
        (void)buf_add_str(m->out, "SecRule REMOTE_ADDR \"@ipMatch ");
        for (; i < nets->n && i - from < NETS_A_RULE && nets->list[i].value == value; i++) {
            rule_net_write(&nets->list[i], text);
            (void)buf_addf(m->out, "%s%s", i == from ? "" : ",", text);
        }
        (void)buf_addf(m->out, "\" \"id:%u,phase:1,t:none,%s\"\n", next_id(m),
                       value == GUARD_ALLOWED
                           ? "pass,nolog,ctl:ruleEngine=Off"
                           : "deny,status:403,log,tag:hikeshi,msg:'hikeshi: denied client'");
    }
}

/* The conditions of a rule as a chain, each with " " actions left open for the next. */
static size_t add_where(struct modsecurity *m, const struct rule_where *w, const char *actions)
{
    size_t n = 0;
    const char *const variables[] = {"REQUEST_METHOD", "REQUEST_HEADERS:Host", "REQUEST_FILENAME"};
    static const char *const how[] = {"t:none", "t:none,t:lowercase", "t:none,t:normalizePath"};
    const bool asked[] = {w->methods.n > 0, w->has_site, w->path.n > 0};
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        struct buf rx;
        if (!asked[i])
            continue;
        buf_init(&rx, KIB(64));
        if (i == 0)
            export_methods(&rx, w->methods);
        else if (i == 2)
            export_path(&rx, w);
        else
            add_host(&rx, w->site);
        (void)buf_addf(m->out, "%sSecRule %s \"@rx %s\" \"%s%s%s,chain\"\n", n ? "    " : "",
                       variables[i], buf_text(&rx), n ? "" : actions, n ? "" : ",", how[i]);
        buf_done(&rx);
        n++;
    }
    return n;
}

static void add_exceptions(struct modsecurity *m)
{
    const struct guard_rules *r = m->x->r;
    if (r->about.exceptions)
        (void)buf_add_str(m->out, "\n# exceptions\n");
    for (size_t i = 0; i < r->about.exceptions; i++) {
        const struct rule_where *w = &r->exceptions[i];
        struct buf what, actions;
        if (w->rule) {
            export_left_out(m->x, w->line, "except", "it is for one rule only");
            continue;
        }
        if (!w->any_field && (w->any_rest || !plain_name(w->field.name)) &&
            !(w->any_rest && w->field.name.n == 0 && w->field.part != GUARD_XML)) {
            export_left_out(m->x, w->line, "except",
                            "targets are taken away by their whole name or altogether");
            continue;
        }
        buf_init(&what, KIB(4));
        buf_init(&actions, KIB(4));
        if (w->any_field)
            (void)buf_add_str(&what, "ctl:ruleRemoveByTag=hikeshi");
        else
            (void)buf_add_str(&what, "ctl:ruleRemoveTargetByTag=hikeshi;");
        if (!w->any_field)
            add_variables(&what, w, false);
        (void)buf_addf(&actions, "id:%u,phase:1,pass,nolog", next_id(m));
        if (export_everywhere(w))
            (void)buf_addf(m->out, "SecAction \"%s,t:none,%s\"\n", buf_text(&actions),
                           buf_text(&what));
        else {
            (void)add_where(m, w, buf_text(&actions));
            /* the last of the chain: always true, so that all conditions are before it */
            (void)buf_addf(m->out, "    SecRule REQUEST_METHOD \"@rx ^\" \"t:none,%s\"\n",
                           buf_text(&what));
        }
        buf_done(&what);
        buf_done(&actions);
    }
}

static void add_bodies(struct modsecurity *m)
{
    (void)buf_add_str(m->out, "\n# bodies\nSecRequestBodyAccess On\n");
    (void)buf_addf(
        m->out,
        "SecRule REQUEST_HEADERS:Content-Type \"@rx ^[a-z]+/(?:[^;]*\\+)?json\" "
        "\"id:%u,phase:1,pass,nolog,t:none,t:lowercase,ctl:requestBodyProcessor=JSON\"\n",
        next_id(m));
    (void)buf_addf(m->out,
                   "SecRule REQUEST_HEADERS:Content-Type \"@rx ^[a-z]+/(?:[^;]*\\+)?xml\" "
                   "\"id:%u,phase:1,pass,nolog,t:none,t:lowercase,ctl:requestBodyProcessor=XML\"\n",
                   next_id(m));
}

#define DENY "deny,status:403,log,tag:hikeshi"
#define DECODE \
    "t:none,t:urlDecodeUni,t:urlDecodeUni,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,multiMatch"

/* A rule over a request, and one over a body that is of no type whose fields are known. */
static void add_examining(struct modsecurity *m, const char *rx, const char *msg, const char *how)
{
    static const struct rule_where anywhere = {.any_field = true};
    (void)buf_add_str(m->out, "SecRule ");
    add_variables(m->out, &anywhere, true);
    (void)buf_addf(m->out, " \"@rx %s\" \"id:%u,phase:2," DENY ",msg:'%s',%s\"\n", rx, next_id(m),
                   msg, how);
    unsigned id = next_id(m);
    (void)buf_addf(
        m->out,
        "SecRule REQUEST_HEADERS:Content-Type \"@rx "
        "^(?:[a-z]+/(?:[^;]*\\+)?(?:json|xml)|multipart/|application/x-www-form-urlencoded)\" "
        "\"id:%u,phase:2,pass,nolog,t:none,t:lowercase,skipAfter:HIKESHI-%u\"\n",
        id, id);
    (void)buf_addf(m->out,
                   "SecRule REQUEST_BODY \"@rx %s\" \"id:%u,phase:2," DENY ",msg:'%s',%s\"\n", rx,
                   next_id(m), msg, how);
    (void)buf_addf(m->out, "SecMarker HIKESHI-%u\n", id);
}

static void add_lookups(struct modsecurity *m)
{
    struct buf rx;
    buf_init(&rx, KIB(64));
    export_lookup(&rx, false);
    (void)buf_add_str(m->out, "\n# lookups, by their spelling once it is decoded\n");
    add_examining(m, buf_text(&rx), "hikeshi: lookup", DECODE);
    buf_done(&rx);
    (void)buf_add_str(m->out, "# the beginning of one in base64\n");
    add_examining(m, EXPORT_LOOKUP_BASE64, "hikeshi: lookup in base64", "t:none,t:urlDecodeUni");
}

static void add_patch(struct modsecurity *m, const struct rule_pattern *p)
{
    struct buf rx, actions;
    const struct rule_where *w = &p->where;
    if (!w->any_field && !plain_name(w->field.name)) {
        export_left_out(m->x, p->line, p->id, "the name of its field cannot be written there");
        return;
    }
    if (!w->any_field && w->field.part == GUARD_XML && (w->field.name.n || !w->any_rest))
        export_left_out(m->x, p->line, p->id, "all of the XML is examined, not one element only");
    if (!w->any_field && w->field.part == GUARD_FILE)
        export_left_out(m->x, p->line, p->id, "names of files are examined, not what they hold");
    buf_init(&rx, KIB(64));
    buf_init(&actions, KIB(4));
    export_expression(&rx, "(?-m)", p->expression);
    (void)buf_addf(&actions, "id:%u,phase:2," DENY ",msg:'hikeshi: %s'", next_id(m), p->id);
    bool chained = add_where(m, w, buf_text(&actions)) > 0;
    (void)buf_addf(m->out, "%sSecRule ", chained ? "    " : "");
    add_variables(m->out, w, true);
    if (w->any_field)
        (void)buf_add_str(m->out, "|REQUEST_BODY");
    (void)buf_addf(m->out, " \"@rx %s\" \"%s%st:none\"\n", buf_text(&rx),
                   chained ? "" : buf_text(&actions), chained ? "" : ",");
    buf_done(&rx);
    buf_done(&actions);
}

static void add_patterns(struct modsecurity *m)
{
    const struct guard_rules *r = m->x->r;
    if (r->about.patches)
        (void)buf_add_str(m->out, "\n# patches\n");
    for (size_t i = 0; i < r->about.patches; i++)
        add_patch(m, &r->patterns[i]);
    if (r->about.signatures)
        (void)buf_add_str(m->out, "\n# signatures\n");
    for (size_t i = 0; i < r->about.signatures; i++) {
        const struct rule_pattern *p = rule_pattern_at(r, r->about.patches + i);
        struct buf rx, msg;
        buf_init(&rx, KIB(64));
        buf_init(&msg, KIB(1));
        export_expression(&rx, "(?-m)", p->expression);
        (void)buf_addf(&msg, "hikeshi: %s", p->id);
        add_examining(m, buf_text(&rx), buf_text(&msg), "t:none");
        buf_done(&rx);
        buf_done(&msg);
    }
}

enum status export_modsecurity(struct exporter *x)
{
    struct modsecurity m = {.x = x, .out = x->out, .id = FIRST_ID};
    char when[TIME_RFC3339_SIZE];
    time_format_utc(x->r->about.made_ms, when);
    (void)buf_addf(
        m.out,
        "# hikeshi rules, version %llu of %s, for ModSecurity 3: the nearest equivalent.\n"
        "# Lookups are found by their spelling here, not by what they would do.\n",
        (unsigned long long)x->r->about.version, when);
    add_modes(&m);
    add_clients(&m);
    add_bodies(&m);
    add_exceptions(&m);
    add_lookups(&m);
    export_callbacks(x);
    add_patterns(&m);
    return buf_status(m.out);
}
