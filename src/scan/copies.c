/* Gathers. The verdicts are in judge.c. */
#include "scan/copies_int.h"

#include "base/limits.h"
#include "java/text.h"
#include "profile/version.h"

void copies_init(struct copies *c, const struct profile *p, const struct signs *signs,
                 enum lang lang, size_t max)
{
    *c = (struct copies){.p = p, .signs = signs, .lang = lang, .max = max};
    arena_init(&c->arena, LIMIT_COPIES_MEMORY);
}

void copies_done(struct copies *c)
{
    arena_done(&c->arena);
    *c = (struct copies){0};
}

void copy_say(struct copy *k, const char *line)
{
    if (line && k->line_count < COPY_LINES)
        k->lines[k->line_count++] = line;
}

/* Room for one more in an array that lies in the arena. */
static enum status make_room(struct copies *c, void *array, size_t *room, size_t count, size_t size)
{
    void *old, *made;
    if (count < *room)
        return OK;
    if (count >= c->max)
        return ST_LIMIT;
    size_t n = *room ? *room * 2 : 4;
    made = arena_alloc_array(&c->arena, n, size);
    if (!made)
        return arena_status(&c->arena);
    memcpy(&old, array, sizeof old);
    if (count)
        memcpy(made, old, count * size);
    memcpy(array, &made, sizeof made);
    *room = n;
    return OK;
}

/* META-INF/versions/N/ before a package is the same package for newer Javas. */
static struct slice without_release_folder(struct slice s)
{
    static const struct slice head = SLICE_LIT("META-INF/versions/");
    if (!slice_starts(s, head))
        return s;
    size_t at = head.n;
    while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
        at++;
    return at > head.n && at < s.n && s.p[at] == '/' ? slice_sub(s, at + 1, s.n) : s;
}

/* The folder of the component's package, from the folder of one of its classes. Where the folders
 * below it were flattened, that folder itself. */
static struct slice package_of(const struct sign *s, struct slice folder)
{
    if (s->folder.n && slice_ends(folder, s->folder)) {
        size_t n = folder.n - s->folder.n;
        if (n == 0)
            return slice_sub(folder, 0, 0);
        if (folder.p[n - 1] == '/')
            folder = slice_sub(folder, 0, n - 1);
    }
    return without_release_folder(folder);
}

static enum status copy_at(struct copies *c, size_t component, struct slice prefix,
                           struct copy **ret)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].component == component && slice_eq(c->list[i].prefix, prefix)) {
            *ret = &c->list[i];
            return OK;
        }
    enum status st = make_room(c, &c->list, &c->room, c->count, sizeof *c->list);
    if (st != OK)
        return st;
    struct copy *k = &c->list[c->count];
    *k = (struct copy){.component = component, .versions = ~(version_set)0, .releases = UINT64_MAX};
    st = arena_copy(&c->arena, prefix, &k->prefix);
    if (st == OK) {
        c->count++;
        *ret = k;
    }
    return st;
}

static bool same_release(const struct profile_fact *a, const struct profile_fact *b)
{
    return a->component == b->component && strcmp(a->version, b->version) == 0;
}

size_t fact_release(const struct profile *p, const struct profile_fact *f)
{
    size_t n = 0;
    for (const struct profile_fact *x = p->facts; !same_release(x, f); x++) {
        bool first = x->component == f->component;
        for (const struct profile_fact *y = p->facts; first && y < x; y++)
            first = !same_release(y, x);
        n += first;
    }
    return n;
}

static void narrow(struct copy *k, version_set set)
{
    if (k->versions & set) {
        k->versions &= set;
    } else {
        k->versions |= set;
        k->mixed = true;
    }
}

/* Whether its bytes are those of released classes. */
static bool by_fact(struct copies *c, struct copy *k, const struct sign *s, uint64_t size,
                    uint32_t crc)
{
    const struct profile *p = c->p;
    const struct profile_fact *first = NULL, *last = NULL;
    version_set versions = 0;
    uint64_t releases = 0;
    size_t rows = 0;
    for (size_t i = 0; i < p->fact_count; i++) {
        const struct profile_fact *x = &p->facts[i];
        if (x->component != k->component || x->crc != crc || x->size != size ||
            strcmp(x->class_name, s->class_name) != 0)
            continue;
        size_t n = fact_release(p, x);
        releases |= n < 64 ? (uint64_t)1 << n : 0;
        versions |= x->versions;
        first = first ? first : x;
        last = x;
        rows++;
    }
    if (!rows)
        return false;
    narrow(k, versions);
    k->releases &= releases;
    if (rows == 1)
        copy_say(k, arena_printf(&c->arena, T(c->lang, "%.*s.class is that of release %s (CRC-32)"),
                                 (int)s->base.n, (const char *)s->base.p, first->version));
    else
        copy_say(k,
                 arena_printf(
                     &c->arena, T(c->lang, "%.*s.class is that of %zu releases, %s to %s (CRC-32)"),
                     (int)s->base.n, (const char *)s->base.p, rows, first->version, last->version));
    return true;
}

static bool mark_is_of(const struct profile_mark *m, const struct sign *s)
{
    return m->component == s->component && strcmp(m->class_name, s->class_name) == 0;
}

/* What its constants say; false when they are not the component's at all. */
static bool by_marks(struct copies *c, const struct sign *s, const struct class_file *cf,
                     version_set *ret_set, unsigned *ret_met)
{
    version_set set = ~(version_set)0;
    unsigned met = 0;
    for (size_t i = 0; i < c->p->mark_count; i++) {
        const struct profile_mark *m = &c->p->marks[i];
        if (!mark_is_of(m, s))
            continue;
        bool has = class_has_text(cf, slice_str(m->text));
        if (m->test == MARK_ID && !has)
            return false;
        if (has != (m->test == MARK_LACKS)) {
            set &= m->versions;
            met++;
        }
    }
    *ret_set = set;
    *ret_met = met;
    return true;
}

static void say_marks(struct copies *c, struct copy *k, struct slice file, unsigned met)
{
    copy_say(k, arena_printf(&c->arena, T(c->lang, "%.*s.class by %u marks in its constants"),
                             (int)file.n, (const char *)file.p, met));
}

enum status copies_add_class(struct copies *c, const struct sign *s, struct slice folder,
                             const struct class_file *cf, uint64_t size, uint32_t crc)
{
    struct copy *k = NULL;
    version_set set = 0;
    unsigned met = 0;
    bool known = signs_fact(c->signs, size, crc) != NULL;
    bool marked = s->marks && by_marks(c, s, cf, &set, &met);
    /* a name alone identifies nothing, but a copy that is known otherwise may need the class */
    if (!known && !marked && !s->needed)
        return OK;
    if (!known && s->marks && !marked)
        return OK;
    enum status st = copy_at(c, s->component, package_of(s, folder), &k);
    if (st != OK)
        return st;
    known = known && by_fact(c, k, s, size, crc);
    if (!known && marked) {
        narrow(k, set);
        say_marks(c, k, s->base, met);
    }
    k->present |= s->needed;
    k->identified |= known || marked;
    return OK;
}

bool copies_class_is(const struct copies *c, const struct sign *s, const struct class_file *cf)
{
    bool narrowed = false;
    for (size_t i = 0; i < c->p->mark_count; i++) {
        const struct profile_mark *m = &c->p->marks[i];
        if (!mark_is_of(m, s) || m->test == MARK_LACKS)
            continue;
        bool has = class_has_text(cf, slice_str(m->text));
        if (m->test == MARK_ID && !has)
            return false;
        narrowed |= m->test == MARK_HAS && has;
    }
    return narrowed;
}

enum status copies_add_renamed(struct copies *c, const struct sign *s, struct slice path,
                               const struct class_file *cf)
{
    struct copy *k = NULL;
    version_set set = 0;
    unsigned met = 0;
    struct slice folder, base;
    if (!class_path_split(path, &folder, &base) || !by_marks(c, s, cf, &set, &met))
        return OK;
    enum status st = copy_at(c, s->component, without_release_folder(folder), &k);
    if (st != OK)
        return st;
    narrow(k, set);
    k->present |= s->needed;
    k->identified = true;
    copy_say(k, arena_printf(&c->arena, T(c->lang, "%.*s has the constants of %.*s.class"),
                             (int)(path.n < 1000 ? path.n : 1000), (const char *)path.p,
                             (int)s->base.n, (const char *)s->base.p));
    return OK;
}

void copies_set_altered(struct copies *c, struct slice path, const struct profile_fact *f)
{
    const char *name = strrchr(f->class_name, '/');
    if (!c->altered)
        c->altered = arena_printf(
            &c->arena,
            T(c->lang, "%.*s holds %s.class: changed by hand, so its version is not proven"),
            (int)(path.n < 1000 ? path.n : 1000), (const char *)path.p,
            name ? name + 1 : f->class_name);
}

/* The folder that holds META-INF; a file elsewhere stands for its own folder. */
static struct slice root_of(struct slice path)
{
    size_t at = slice_find(path, SLICE_LIT("META-INF/"));
    if (at == path.n)
        for (at = path.n; at && path.p[at - 1] != '/';)
            at--;
    return slice_sub(path, 0, at ? at - 1 : 0);
}

static enum status add_naming(struct copies *c, size_t component, struct slice root,
                              struct slice version, bool manifest)
{
    for (size_t i = 0; i < c->name_count; i++) {
        struct naming *n = &c->names[i];
        if (n->component == component && n->manifest == manifest && slice_eq(n->root, root)) {
            if (!n->version && version_valid(version))
                n->version = arena_strdup(&c->arena, version);
            return OK;
        }
    }
    enum status st = make_room(c, &c->names, &c->name_room, c->name_count, sizeof *c->names);
    if (st != OK)
        return st;
    struct naming *n = &c->names[c->name_count];
    *n = (struct naming){.component = component, .manifest = manifest};
    st = arena_copy(&c->arena, root, &n->root);
    if (st == OK && version_valid(version)) {
        n->version = arena_strdup(&c->arena, version);
        st = n->version ? OK : arena_status(&c->arena);
    }
    if (st == OK)
        c->name_count++;
    return st;
}

enum status copies_add_pom(struct copies *c, struct slice path, struct slice text)
{
    struct slice key, value, group = {0}, artifact = {0}, version = {0};
    while (properties_next(&text, &key, &value)) {
        if (slice_eq_str(key, "groupId"))
            group = value;
        else if (slice_eq_str(key, "artifactId"))
            artifact = value;
        else if (slice_eq_str(key, "version"))
            version = value;
    }
    for (size_t i = 0; i < c->p->component_count; i++) {
        const struct profile_component *x = &c->p->components[i];
        if (x->report && slice_eq_str(group, x->group) && slice_eq_str(artifact, x->artifact))
            return add_naming(c, i, root_of(path), version, false);
    }
    return OK;
}

enum status copies_add_manifest(struct copies *c, struct slice path, struct slice text)
{
    struct buf value;
    enum status st = OK;
    buf_init(&value, KIB(1));
    for (size_t i = 0; st == OK && i < c->p->manifest_count; i++) {
        const struct profile_manifest *m = &c->p->manifests[i];
        if (!manifest_get(text, m->key, &value))
            continue;
        /* OSGi core 3.2.3: parameters stand behind ';' */
        struct slice name = slice_sub(buf_slice(&value), 0, slice_index(buf_slice(&value), ';'));
        if (!slice_eq_str(slice_trim(name), m->value))
            continue;
        bool has = manifest_get(text, m->version_key, &value);
        st = add_naming(c, m->component, root_of(path), has ? buf_slice(&value) : slice_str(""),
                        true);
    }
    buf_done(&value);
    return st;
}
