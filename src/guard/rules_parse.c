/* A file of rules, line by line (docs/guard.md has the format).
 *
 *   hikeshi-rules 1                                      first, once
 *   version N TIME                                       second, once; RFC 3339
 *   site HOST off|report|block                           HOST: a name, *.name or *
 *   allow|deny client NET                                NET: an address, or one with /LENGTH
 *   allow|deny callback HOST|NET
 *   except FIELD [rule=ID] [site=HOST] [method=M[,M]] [path=PATH]
 *                                                        FIELD: guard/field.h, or * for all
 *   patch ID [field=FIELD] [site=HOST] [method=M[,M]] [path=PATH] pattern=EXPRESSION
 *   signature ID EXPRESSION
 *   checksum sha256 HEX                                  last
 *
 * PATH is a prefix, or the whole path with a = in front.
 */
#include "base/timefmt.h"
#include "base/utf8.h"
#include "guard/rules_int.h"

struct reading {
    struct guard_rules *r;
    const struct rule_words *words;
    unsigned line;
    bool begun, versioned, sealed;
    unsigned changed_line; /* of a checksum that is another; 0: it is right, or missing */
    struct sha256_ctx sum; /* of the lines so far */
    struct err *e;
};

static struct slice word(const struct reading *p, size_t i)
{
    return p->words->word[i].text;
}

static enum status no_memory(const struct reading *p)
{
    return err_set(p->e, ST_NOMEM, N_("not enough memory"));
}

static enum status too_many(const struct reading *p, const char *what, int most)
{
    return err_set(p->e, ST_LIMIT, N_("more than %d of these: %s"), most, what);
}

/* Room for one more in a list that doubles. */
static bool grow(void **list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return true;
    size_t more = *room ? *room * 2 : 16;
    void *p = reallocarray(*list, more, size);
    if (!p)
        return false;
    *list = p;
    *room = more;
    return true;
}

static enum status copy(const struct reading *p, struct slice s, struct slice *ret)
{
    return arena_copy(&p->r->arena, s, ret) == OK ? OK : no_memory(p);
}

/* --- the frame of the file */

static enum status take_version(struct reading *p)
{
    struct guard_rules_about *about = &p->r->about;
    if (p->versioned)
        return err_set(p->e, ST_INVALID, N_("a second version: a file has one"));
    if (slice_to_u64(word(p, 1), &about->version) != OK || about->version == 0 ||
        about->version > INT64_MAX)
        return err_set(p->e, ST_INVALID, N_("version %.*s: write a number from 1 on"),
                       RULE_SHOWN(word(p, 1)));
    if (time_parse_rfc3339(word(p, 2), &about->made_ms) != OK)
        return err_set(p->e, ST_INVALID,
                       N_("%.*s: no time: write it like 2021-12-14T09:00:00Z, or with +09:00"),
                       RULE_SHOWN(word(p, 2)));
    p->versioned = true;
    return OK;
}

static enum status take_checksum(struct reading *p)
{
    char *hex = p->r->about.checksum;
    if (!slice_eq_str(word(p, 1), "sha256"))
        return err_set(p->e, ST_INVALID, N_("checksum %.*s: this hikeshi knows sha256"),
                       RULE_SHOWN(word(p, 1)));
    rule_sum_hex(&p->sum, hex);
    p->changed_line = slice_eq_str(word(p, 2), hex) ? 0 : p->line;
    p->sealed = true;
    return OK;
}

/* Told last: who edits a file wants to know what is wrong with it before it is sealed anew. */
static enum status check_checksum(struct reading *p)
{
    if (p->changed_line == 0)
        return OK;
    enum status st = err_set(p->e, ST_INVALID,
                             N_("the checksum is wrong: the file was changed, or cut on its way; "
                                "hikeshi guard check --seal writes it anew"));
    err_prefix(p->e, N_("line %u"), p->changed_line);
    return st;
}

/* --- lists */

static enum status add_name(struct reading *p, struct rule_names *t, struct slice text, int value)
{
    char room[RULE_HOST];
    struct slice name;
    enum status st = rule_host_parse(text, room, &name, p->e);
    if (st == OK && !grow((void **)&t->list, t->n, &t->room, sizeof *t->list))
        st = no_memory(p);
    if (st == OK)
        st = copy(p, name, &name);
    if (st == OK)
        t->list[t->n++] = (struct rule_name){name, p->line, value};
    return st;
}

static enum status add_net(struct reading *p, struct rule_nets *t, struct rule_net net, int value)
{
    if (!grow((void **)&t->list, t->n, &t->room, sizeof *t->list))
        return no_memory(p);
    net.line = p->line;
    net.value = (uint8_t)value;
    t->list[t->n++] = net;
    return OK;
}

static enum status take_site(struct reading *p)
{
    enum guard_mode mode = GUARD_OFF;
    while (mode <= GUARD_BLOCK && !slice_eq_str(word(p, 2), guard_mode_name(mode)))
        mode++;
    if (mode > GUARD_BLOCK)
        return err_set(p->e, ST_INVALID, N_("%.*s: choose one of off, report, block"),
                       RULE_SHOWN(word(p, 2)));
    if (p->r->about.sites++ == LIMIT_GUARD_SITES)
        return too_many(p, "site", LIMIT_GUARD_SITES);
    return add_name(p, &p->r->sites, word(p, 1), (int)mode);
}

static enum status take_listed(struct reading *p)
{
    struct guard_rules *r = p->r;
    struct slice what = word(p, 2);
    struct rule_net net;
    int value = slice_eq_str(word(p, 0), "deny") ? GUARD_DENIED : GUARD_ALLOWED;
    enum status st = OK;
    if (slice_eq_str(word(p, 1), "client")) {
        if (r->about.clients++ == LIMIT_GUARD_LISTED)
            return too_many(p, "client", LIMIT_GUARD_LISTED);
        st = rule_net_parse(what, &net, p->e);
        return st != OK ? ST_INVALID : add_net(p, &r->clients, net, value);
    }
    if (!slice_eq_str(word(p, 1), "callback"))
        return err_set(p->e, ST_INVALID, N_("%.*s: choose one of client, callback"),
                       RULE_SHOWN(word(p, 1)));
    if (r->about.callbacks++ == LIMIT_GUARD_LISTED)
        return too_many(p, "callback", LIMIT_GUARD_LISTED);
    st = rule_net_parse(what, &net, p->e);
    if (st == OK)
        return add_net(p, &r->callback_nets, net, value);
    if (st != ST_NOT_FOUND || slice_index(what, '/') < what.n)
        return ST_INVALID;
    return add_name(p, &r->callbacks, what, value);
}

/* --- where a rule holds */

static enum status take_field(const struct reading *p, struct slice text, struct rule_where *w)
{
    char *kept = arena_strdup(&p->r->arena, text);
    if (!kept)
        return no_memory(p);
    w->field_text = kept;
    if (slice_eq_str(text, "*")) {
        w->any_field = true;
        w->field_text = NULL;
        return OK;
    }
    if (slice_starts(text, SLICE_LIT("header:")))
        for (char *c = kept; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    w->any_field = false;
    return guard_field_parse(slice_of(kept, text.n), &w->field, &w->any_rest, p->e);
}

static enum status take_methods(const struct reading *p, struct slice text, struct rule_where *w)
{
    struct slice rest = text, one;
    bool good = text.n > 0 && text.p[text.n - 1] != ',';
    while (slice_next_field(&rest, ',', &one)) {
        good &= one.n > 0;
        for (size_t i = 0; i < one.n; i++)
            good &= (one.p[i] >= 'A' && one.p[i] <= 'Z') || one.p[i] == '-' || one.p[i] == '_';
    }
    if (!good)
        return err_set(p->e, ST_INVALID,
                       N_("method=%.*s: write methods in capitals, like GET or GET,POST"),
                       RULE_SHOWN(text));
    return copy(p, text, &w->methods);
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* A path is compared with the decoded and normalised one: what never stands in that is an error. */
static enum status take_path(const struct reading *p, struct slice text, struct rule_where *w)
{
    w->path_exact = text.n && text.p[0] == '=';
    struct slice path = slice_sub(text, w->path_exact, text.n);
    if (path.n == 0 || path.p[0] != '/')
        return err_set(
            p->e, ST_INVALID,
            N_("path=%.*s: a path begins with /; with = before it the whole path is meant"),
            RULE_SHOWN(text));
    if (slice_index(path, '?') < path.n)
        return err_set(p->e, ST_INVALID,
                       N_("path=%.*s: the query is no part of a path: name its field instead, like "
                          "arg:q"),
                       RULE_SHOWN(text));
    for (size_t i = 0; i + 2 < path.n; i++) {
        if (path.p[i] != '%' || !is_hex(path.p[i + 1]) || !is_hex(path.p[i + 2]))
            continue;
        return err_set(p->e, ST_INVALID,
                       N_("path=%.*s: paths are compared decoded: write the "
                          "character itself instead of %%%c%c"),
                       RULE_SHOWN(text), path.p[i + 1], path.p[i + 2]);
    }
    if (slice_find(path, SLICE_LIT("//")) < path.n || slice_find(path, SLICE_LIT("/./")) < path.n ||
        slice_find(path, SLICE_LIT("/../")) < path.n)
        return err_set(p->e, ST_INVALID,
                       N_("path=%.*s: paths are compared normalised: write it without //, /./ and "
                          "/../"),
                       RULE_SHOWN(text));
    return copy(p, path, &w->path);
}

static enum status take_site_of(const struct reading *p, struct slice text, struct rule_where *w)
{
    char room[RULE_HOST];
    struct slice name;
    enum status st = rule_host_parse(text, room, &name, p->e);
    w->has_site = true;
    return st == OK ? copy(p, name, &w->site) : st;
}

enum key { KEY_FIELD, KEY_PATTERN, KEY_METHOD, KEY_PATH, KEY_SITE, KEY_RULE, KEYS };

/* The key=value words from `first` on; *ret_pattern: where a pattern may stand, and field= before
 * it. Without one it is an exception. */
static enum status take_where(const struct reading *p, size_t first, struct rule_where *w,
                              const char **ret_pattern)
{
    static const char *const keys[KEYS] = {"field", "pattern", "method", "path", "site", "rule"};
    bool had[KEYS] = {false};
    enum status st = OK;
    for (size_t i = first; st == OK && i < p->words->n; i++) {
        const struct rule_word *wd = &p->words->word[i];
        struct slice key = slice_sub(wd->text, 0, wd->equals),
                     value = slice_sub(wd->text, wd->equals + 1, wd->text.n);
        size_t k = ret_pattern ? 0 : KEY_METHOD, end = ret_pattern ? KEY_RULE : KEYS;
        while (k < end && !slice_eq_str(key, keys[k]))
            k++;
        if (k == end || wd->equals == wd->text.n)
            return err_set(p->e, ST_INVALID,
                           ret_pattern
                               ? N_("%.*s: choose of field=, method=, path=, site=, pattern=")
                               : N_("%.*s: choose of rule=, method=, path=, site="),
                           RULE_SHOWN(wd->text));
        if (had[k])
            return err_set(p->e, ST_INVALID, N_("a second %s="), keys[k]);
        had[k] = true;
        if (k == KEY_FIELD)
            st = take_field(p, value, w);
        else if (k == KEY_METHOD)
            st = take_methods(p, value, w);
        else if (k == KEY_PATH)
            st = take_path(p, value, w);
        else if (k == KEY_SITE)
            st = take_site_of(p, value, w);
        else if (k == KEY_RULE)
            st = (w->rule = arena_strdup(&p->r->arena, value)) ? OK : no_memory(p);
        else if (!(*ret_pattern = arena_strdup(&p->r->arena, value)))
            st = no_memory(p);
    }
    return st;
}

/* --- rules */

static enum status take_except(struct reading *p)
{
    struct guard_rules *r = p->r;
    if (r->about.exceptions == LIMIT_GUARD_EXCEPTIONS)
        return too_many(p, "except", LIMIT_GUARD_EXCEPTIONS);
    struct rule_where *w = &r->exceptions[r->about.exceptions++];
    w->line = p->line;
    enum status st = take_field(p, word(p, 1), w);
    return st == OK ? take_where(p, 2, w, NULL) : st;
}

static enum status take_id(struct reading *p, const char **ret)
{
    struct slice id = word(p, 1);
    bool good = id.n > 0;
    for (size_t i = 0; i < id.n; i++) {
        uint8_t c = id.p[i];
        good &= (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                (c && strchr("-_.", c));
    }
    if (!good)
        return err_set(p->e, ST_INVALID, N_("%.*s: an id is of letters, digits, - _ and ."),
                       RULE_SHOWN(id));
    if (id.n > LIMIT_GUARD_ID)
        return err_set(p->e, ST_LIMIT, N_("the id is longer than %d bytes"), LIMIT_GUARD_ID);
    const struct guard_rules_about *about = &p->r->about;
    for (size_t i = 0; i < about->patches + about->signatures; i++) {
        const struct rule_pattern *had = rule_pattern_at(p->r, i);
        if (slice_eq_str(id, had->id))
            return err_set(p->e, ST_INVALID, N_("the id %.*s stands on line %u already"),
                           RULE_SHOWN(id), had->line);
    }
    *ret = arena_strdup(&p->r->arena, id);
    return *ret ? OK : no_memory(p);
}

static enum status take_patch(struct reading *p)
{
    struct guard_rules *r = p->r;
    struct rule_pattern made = {.where = {.any_field = true}, .line = p->line};
    if (r->about.patches == LIMIT_GUARD_PATCHES)
        return too_many(p, "patch", LIMIT_GUARD_PATCHES);
    enum status st = take_id(p, &made.id);
    if (st == OK)
        st = take_where(p, 2, &made.where, &made.expression);
    if (st == OK && !made.expression)
        st = err_set(p->e, ST_INVALID, N_("pattern= is missing"));
    if (st == OK)
        r->patterns[r->about.patches++] = made;
    return st;
}

static enum status take_signature(struct reading *p)
{
    struct guard_rules *r = p->r;
    struct rule_pattern made = {.where = {.any_field = true}, .line = p->line};
    if (r->about.signatures == LIMIT_GUARD_SIGNATURES)
        return too_many(p, "signature", LIMIT_GUARD_SIGNATURES);
    enum status st = take_id(p, &made.id);
    if (st == OK && !(made.expression = arena_strdup(&r->arena, word(p, 2))))
        st = no_memory(p);
    if (st == OK)
        r->patterns[LIMIT_GUARD_PATCHES + r->about.signatures++] = made;
    return st;
}

/* --- lines */

static const struct rule_kind {
    const char *name;
    size_t least, most; /* words */
    enum status (*take)(struct reading *p);
    const char *form;
} kinds[] = {
    {"version", 3, 3, take_version, "version 14 2021-12-14T09:00:00Z"},
    {"site", 3, 3, take_site, "site HOST off|report|block"},
    {"allow", 3, 3, take_listed, "allow client NET, allow callback HOST|NET"},
    {"deny", 3, 3, take_listed, "deny client NET, deny callback HOST|NET"},
    {"except", 2, 6, take_except, "except FIELD [rule=ID] [site=HOST] [method=M] [path=PATH]"},
    {"patch", 3, 7, take_patch,
     "patch ID [field=FIELD] [site=HOST] [method=M] [path=PATH] pattern=EXPRESSION"},
    {"signature", 3, 3, take_signature, "signature ID EXPRESSION"},
    {"checksum", 3, 3, take_checksum, "checksum sha256 HEX"},
};

static enum status take_first(struct reading *p)
{
    if (!slice_eq_str(word(p, 0), "hikeshi-rules") || p->words->n != 2)
        return err_set(p->e, ST_INVALID, N_("a file of rules begins with: hikeshi-rules 1"));
    if (!slice_eq_str(word(p, 1), "1"))
        return err_set(p->e, ST_INVALID, N_("hikeshi-rules %.*s: this hikeshi reads format 1"),
                       RULE_SHOWN(word(p, 1)));
    p->begun = true;
    return OK;
}

static enum status take_line(struct reading *p)
{
    if (p->words->n == 0)
        return OK;
    if (!p->begun)
        return take_first(p);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct rule_kind *k = &kinds[i];
        if (!slice_eq_str(word(p, 0), k->name))
            continue;
        if (p->words->n < k->least || p->words->n > k->most)
            return err_set(p->e, ST_INVALID, N_("write it as: %s"), k->form);
        if (!p->versioned && k->take != take_version)
            return err_set(p->e, ST_INVALID, N_("the version comes first: %s"), kinds[0].form);
        return k->take(p);
    }
    return err_set(p->e, ST_INVALID,
                   N_("%.*s: no rule; there are version, site, allow, deny, except, patch, "
                      "signature, checksum"),
                   RULE_SHOWN(word(p, 0)));
}

static enum status read_lines(struct reading *p, struct rule_words *words, struct slice text)
{
    struct slice line;
    enum status st = OK;
    p->words = words;
    sha256_init(&p->sum);
    while (st == OK && slice_next_line(&text, &line)) {
        p->line++;
        if (p->sealed && line.n)
            st = err_set(p->e, ST_INVALID, N_("nothing may stand behind the checksum"));
        if (st == OK)
            st = rule_words_read(line, words, p->e);
        if (st == OK)
            st = take_line(p);
        rule_sum_line(&p->sum, line);
    }
    if (st == OK && !p->begun) {
        p->line = 1;
        st = err_set(p->e, ST_INVALID, N_("a file of rules begins with: hikeshi-rules 1"));
    } else if (st == OK && !p->versioned) {
        st = err_set(p->e, ST_INVALID, N_("the version is missing: %s"), kinds[0].form);
    }
    if (st != OK)
        err_prefix(p->e, N_("line %u"), p->line);
    return st;
}

/* Rules may stand behind the exceptions for them; their ids are compared by their place. */
static enum status find_excepted(const struct guard_rules *r, struct err *e)
{
    for (size_t i = 0; i < r->about.exceptions; i++) {
        struct rule_where *w = &r->exceptions[i];
        size_t k = 0, all = w->rule ? r->about.patches + r->about.signatures : 0;
        while (k < all && strcmp(rule_pattern_at(r, k)->id, w->rule) != 0)
            k++;
        if (w->rule && k == all) {
            (void)err_set(e, ST_INVALID, N_("rule=%s: no patch or signature has this id"), w->rule);
            err_prefix(e, N_("line %u"), w->line);
            return ST_INVALID;
        }
        w->rule = w->rule ? rule_pattern_at(r, k)->id : NULL;
    }
    return OK;
}

enum status guard_rules_parse(struct slice text, struct guard_rules **ret, struct err *e)
{
    return rules_parse(text, NULL, ret, e);
}

enum status rules_parse(struct slice text, const atomic_bool *stop, struct guard_rules **ret,
                        struct err *e)
{
    static atomic_uint_fast64_t serial; /* tells rules apart whose memory was used before */
    enum { MOST = LIMIT_GUARD_PATCHES + LIMIT_GUARD_SIGNATURES };
    struct guard_rules *r = calloc(1, sizeof *r);
    struct rule_words *words = calloc(1, sizeof *words);
    struct reading p = {.r = r, .e = e};
    enum status st = OK;
    if (text.n > LIMIT_GUARD_RULES_BYTES)
        st = err_set(e, ST_LIMIT, N_("the rules are longer than %zu bytes"),
                     LIMIT_GUARD_RULES_BYTES);
    if (!r || !words) {
        free(r);
        free(words);
        return no_memory(&p);
    }
    atomic_init(&r->refs, 1);
    r->serial = atomic_fetch_add(&serial, 1) + 1;
    arena_init(&r->arena, LIMIT_GUARD_RULES_MEMORY);
    r->exceptions = arena_alloc_array(&r->arena, LIMIT_GUARD_EXCEPTIONS, sizeof *r->exceptions);
    r->patterns = arena_alloc_array(&r->arena, MOST, sizeof *r->patterns);
    if (st == OK && (!r->exceptions || !r->patterns))
        st = no_memory(&p);
    if (st == OK)
        st = read_lines(&p, words, text);
    free(words);
    if (st == OK)
        st = find_excepted(r, e);
    if (st == OK)
        st = rule_names_sort(&r->sites, e);
    if (st == OK)
        st = rule_names_sort(&r->callbacks, e);
    if (st == OK)
        st = rule_nets_sort(&r->clients, e);
    if (st == OK)
        st = rule_nets_sort(&r->callback_nets, e);
    if (st == OK)
        st = rule_patterns_compile(r, stop, e);
    if (st == OK)
        st = check_checksum(&p);
    if (st != OK) {
        guard_rules_unref(r);
        return st;
    }
    *ret = r;
    return OK;
}
