/* The walk, the stack of open archives, and what the classes of one package say together. */
#include "scan/scan.h"

#include "base/limits.h"
#include "profile/version.h"
#include "scan/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct package {
    struct slice prefix;
    size_t component;
    bool identified;
    version_set versions;
    uint64_t facts;   /* of p->facts, those that all known classes agree on */
    bool facts_known; /* a CRC was met */
    const char *evidence[12];
    size_t evidence_count;
};

struct frame {
    struct zip_source src;
    uint8_t *own; /* memory of a nested archive */
    struct zip_dir dir;
    struct arena arena;
    char *path;
    bool unsure; /* something in it was not read: absence proves nothing */
    size_t package_count;
    struct package *packages;
    const char *pom_version[64];
    bool *present; /* package x affected row: the class it cannot do without is there */
};

struct scan {
    const struct scan_options *o;
    const struct profile *p;
    struct scan_counts *counts;
    uint64_t budget;
    struct frame stack[LIMIT_SCAN_DEPTH + 1];
    size_t depth;
};

const char *cve_state_name(enum cve_state s)
{
    static const char *const names[] = {"",      "affected",     "mitigated",
                                        "fixed", "not_affected", "unknown"};
    return names[s];
}

static const char *reason(enum status st)
{
    switch (st) {
    case ST_DENIED:
        return "encrypted";
    case ST_LIMIT:
        return "over a limit of size";
    case ST_UNSUPPORTED:
        return "a zip feature that is not read (zip64, or the method of compression)";
    case ST_NOMEM:
        return "not enough memory";
    case ST_IO:
        return "cannot be read";
    default:
        return "corrupt";
    }
}

static void not_read(struct scan *s, struct frame *f, const char *path, enum status st)
{
    if (f)
        f->unsure = true;
    s->o->incomplete(s->o->ctx, path, reason(st));
}

static struct slice base_name(struct slice path)
{
    size_t at = path.n;
    while (at && path.p[at - 1] != '/')
        at--;
    struct slice file = slice_sub(path, at, path.n);
    return slice_sub(file, 0, slice_index(file, '.'));
}

/* The folder that holds the class's package: a/b/lookup/X.class gives a/b. */
static struct slice package_of(struct slice path)
{
    int slashes = 0;
    size_t at = path.n;
    while (at && slashes < 2)
        if (path.p[--at] == '/')
            slashes++;
    return slice_sub(path, 0, slashes == 2 ? at : 0);
}

static struct package *find_package(struct frame *f, struct slice prefix, size_t component)
{
    for (size_t i = 0; i < f->package_count; i++)
        if (f->packages[i].component == component && slice_eq(f->packages[i].prefix, prefix))
            return &f->packages[i];
    if (f->package_count == LIMIT_PACKAGES)
        return NULL;
    struct package *k = &f->packages[f->package_count];
    if (arena_copy(&f->arena, prefix, &k->prefix) != OK)
        return NULL;
    k->component = component;
    k->versions = ~(version_set)0;
    k->facts = ~(uint64_t)0;
    f->package_count++;
    return k;
}

/* Whether text is a whole constant: CONSTANT_Utf8, its length, its bytes (JVM specification 4.4.7).
 */
static bool holds(struct slice class_bytes, const char *text)
{
    struct slice want = slice_str(text), rest = class_bytes;
    for (size_t at; (at = slice_find(rest, want)) < rest.n;
         rest = slice_sub(rest, at + 1, rest.n)) {
        size_t before = (size_t)(rest.p - class_bytes.p) + at;
        const uint8_t *head = class_bytes.p + before - 3;
        if (before >= 3 && head[0] == 1 && ((size_t)head[1] << 8 | head[2]) == want.n)
            return true;
    }
    return false;
}

static bool is_class(struct slice b)
{
    return slice_starts(b, SLICE_LIT("\xca\xfe\xba\xbe"));
}

static void say(struct frame *f, struct package *k, const char *text)
{
    if (text && k->evidence_count < ARRAY_LEN(k->evidence))
        k->evidence[k->evidence_count++] = text;
    (void)f;
}

static bool by_fact(struct frame *f, const struct profile *p, struct package *k, struct slice name,
                    const struct zip_entry *z)
{
    version_set versions = 0;
    uint64_t rows = 0; /* versions by their place among the distinct ones of the facts */
    const char *first = NULL, *last = NULL;
    for (size_t i = 0; i < p->fact_count; i++) {
        const struct profile_fact *x = &p->facts[i];
        if (x->component != k->component || x->crc != z->crc || x->size != z->size ||
            !slice_eq_str(name, x->class_name))
            continue;
        versions |= x->versions;
        rows++;
        first = first ? first : x->version;
        last = x->version;
    }
    if (!rows)
        return false;
    k->versions &= versions;
    k->facts_known = true;
    k->identified = true;
    say(f, k,
        arena_printf(&f->arena, "CRC-32 of %.*s is that of %s%s%s", (int)name.n,
                     (const char *)name.p, first, rows > 1 ? " to " : "", rows > 1 ? last : ""));
    return true;
}

static void by_marks(struct frame *f, const struct profile *p, struct package *k, struct slice name,
                     struct slice bytes)
{
    version_set set = ~(version_set)0;
    unsigned met = 0;
    for (size_t i = 0; i < p->mark_count; i++) {
        const struct profile_mark *m = &p->marks[i];
        if (m->component != k->component || !slice_eq_str(name, m->class_name))
            continue;
        bool has = holds(bytes, m->text);
        if (m->test == MARK_ID && !has)
            return;
        if (has != (m->test == MARK_LACKS)) {
            set &= m->versions;
            met++;
        }
    }
    k->identified = true;
    k->versions = (k->versions & set) ? (k->versions & set) : set;
    say(f, k,
        arena_printf(&f->arena, "%u marks of class %.*s", met, (int)name.n, (const char *)name.p));
}

/* What one class says; `bytes` is empty when it could not be read. */
static enum status see_class(struct scan *s, struct frame *f, const struct zip_entry *z,
                             size_t component, struct slice name, struct slice bytes)
{
    struct package *k = find_package(f, package_of(z->name), component);
    if (!k)
        return ST_LIMIT;
    bool known = by_fact(f, s->p, k, name, z);
    if (!known && is_class(bytes))
        by_marks(f, s->p, k, name, bytes);
    return OK;
}

static void see_needed(struct scan *s, struct frame *f, const struct zip_entry *z)
{
    struct slice name = base_name(z->name);
    for (size_t i = 0; i < s->p->affected_count; i++) {
        const struct profile_affected *a = &s->p->affected[i];
        if (a->without && slice_eq_str(name, a->without) && z->size > 0 && z->name.n > name.n)
            f->present[i] = true;
    }
}

static void see_pom(struct scan *s, struct frame *f, const struct zip_entry *z, struct slice text)
{
    struct slice line, group = {0}, artifact = {0}, version = {0};
    (void)z;
    for (struct slice rest = text; slice_next_line(&rest, &line);) {
        size_t eq = slice_index(line, '=');
        struct slice key = slice_trim(slice_sub(line, 0, eq));
        struct slice value = slice_trim(slice_sub(line, eq + 1, line.n));
        if (slice_eq_str(key, "groupId"))
            group = value;
        else if (slice_eq_str(key, "artifactId"))
            artifact = value;
        else if (slice_eq_str(key, "version"))
            version = value;
    }
    for (size_t i = 0; i < s->p->component_count && i < 64; i++)
        if (slice_eq_str(group, s->p->components[i].group) &&
            slice_eq_str(artifact, s->p->components[i].artifact) && version_valid(version))
            f->pom_version[i] = arena_strdup(&f->arena, version);
}

static enum status push(struct scan *s, struct zip_source src, uint8_t *own, const char *path)
{
    struct frame *f = &s->stack[s->depth];
    *f = (struct frame){.src = src, .own = own};
    enum status st = zip_open(&src, &f->dir);
    if (st != OK)
        return st;
    arena_init(&f->arena, MIB(4));
    f->path = arena_strdup(&f->arena, slice_str(path));
    f->packages = arena_alloc_array(&f->arena, LIMIT_PACKAGES, sizeof *f->packages);
    f->present = arena_alloc_array(&f->arena, s->p->affected_count + 1, sizeof *f->present);
    if (!f->path || !f->packages || !f->present) {
        arena_done(&f->arena);
        free(f->dir.bytes);
        return ST_NOMEM;
    }
    s->depth++;
    s->counts->archives++;
    return OK;
}

static enum cve_state judge(const struct scan *s, const struct frame *f,
                            const struct profile_affected *a, version_set v, size_t row)
{
    enum cve_state st = (v & a->versions) == 0    ? CVE_FIXED
                        : (v & ~a->versions) == 0 ? CVE_AFFECTED
                                                  : CVE_UNKNOWN;
    version_set lowest = a->versions & (~a->versions + 1);
    if (st == CVE_FIXED && (v & ~(lowest - 1)) == 0)
        st = CVE_NOT_AFFECTED; /* all of it is older than the fault */
    (void)s;
    if (st == CVE_FIXED || st == CVE_NOT_AFFECTED || !a->without || f->present[row])
        return st;
    return f->unsure ? CVE_UNKNOWN : CVE_MITIGATED;
}

static void report(struct scan *s, struct frame *f, struct package *k, const char *pom)
{
    const struct profile_component *c = &s->p->components[k->component];
    struct scan_finding out = {.path = f->path, .component = c->artifact};
    version_set v = k->versions, by_pom = pom ? profile_version(c, slice_str(pom)) : 0;
    out.prefix = k->prefix.p ? arena_strdup(&f->arena, k->prefix) : NULL;
    out.version_from = k->identified ? "classes" : "pom.properties";
    if (pom && (v & by_pom)) {
        v = by_pom;
        out.version = pom;
        out.version_from = "pom.properties";
    }
    if (v == 0) /* the marks contradict each other: believe the name, or say unknown */
        v = by_pom ? by_pom : ~(version_set)0;
    for (size_t i = 0; i < k->evidence_count; i++)
        out.evidence[out.evidence_count++] = k->evidence[i];
    if (pom)
        out.evidence[out.evidence_count++] =
            (v & by_pom) ? "pom.properties"
                         : "pom.properties names another version than the classes";
    for (size_t i = 0; i < s->p->affected_count; i++)
        if (s->p->affected[i].component == k->component)
            out.states[s->p->affected[i].cve] = judge(s, f, &s->p->affected[i], v, i);
    s->o->finding(s->o->ctx, &out);
}

static void pop(struct scan *s)
{
    struct frame *f = &s->stack[s->depth - 1];
    for (size_t c = 0; c < s->p->component_count && c < 64; c++) {
        bool any = false;
        if (!s->p->components[c].report)
            continue;
        for (size_t i = 0; i < f->package_count; i++)
            if (f->packages[i].component == c && f->packages[i].identified) {
                report(s, f, &f->packages[i], f->pom_version[c]);
                any = true;
            }
        if (!any && f->pom_version[c]) {
            struct package k = {.component = c, .versions = ~(version_set)0};
            report(s, f, &k, f->pom_version[c]);
        }
    }
    arena_done(&f->arena);
    free(f->dir.bytes);
    free(f->own);
    s->depth--;
}

/* Reads all of an entry into new memory, within `max` and the file's budget. */
static enum status whole(struct scan *s, struct frame *f, const struct zip_entry *z, size_t max,
                         uint8_t **ret, size_t *ret_n)
{
    if (z->size > max || z->size > s->budget)
        return ST_LIMIT;
    size_t n = (size_t)z->size;
    uint8_t *p = malloc(n ? n : 1);
    if (!p)
        return ST_NOMEM;
    s->budget -= n;
    size_t came = 0;
    enum status st = zip_bytes(&f->src, z, p, n, &came);
    if (st != OK) {
        free(p); /* what came of it says nothing */
        return st;
    }
    *ret = p;
    *ret_n = came;
    return OK;
}

static char *inner_path(struct frame *f, struct slice name)
{
    return arena_printf(&f->arena, "%s!/%.*s", f->path, (int)name.n, (const char *)name.p);
}

static enum status try_nested(struct scan *s, struct frame *f, const struct zip_entry *z)
{
    uint8_t head[4], *bytes = NULL;
    size_t n = 0;
    if (z->size < 22)
        return OK;
    if (s->budget < 4096)
        return ST_LIMIT;
    s->budget -= 4096; /* what a peek may cost */
    enum status st = zip_bytes(&f->src, z, head, sizeof head, &n);
    if (st != OK)
        return st;
    if (memcmp(head, "PK\3\4", 4) != 0)
        return OK;
    char *path = inner_path(f, z->name);
    if (!path)
        return ST_NOMEM;
    if (s->depth > s->o->max_depth) {
        f->unsure = true;
        s->o->incomplete(s->o->ctx, path, "nested deeper than --max-depth");
        return OK;
    }
    st = whole(s, f, z, LIMIT_NESTED_BYTES, &bytes, &n);
    if (st != OK)
        return st;
    st = push(s, (struct zip_source){-1, slice_of(bytes, n), n}, bytes, path);
    if (st != OK) {
        free(bytes);
        not_read(s, f, path, st);
    }
    return OK;
}

static bool named_by_mark(const struct profile *p, struct slice name, size_t component)
{
    for (size_t i = 0; i < p->mark_count; i++)
        if (p->marks[i].component == component && slice_eq_str(name, p->marks[i].class_name))
            return true;
    return false;
}

static enum status examine_class(struct scan *s, struct frame *f, const struct zip_entry *z,
                                 struct slice name, bool *ret_class)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    enum status read = OK, st = OK;
    for (size_t c = 0; c < s->p->component_count && st == OK; c++) {
        if (!named_by_mark(s->p, name, c))
            continue;
        if (!*ret_class)
            read = whole(s, f, z, LIMIT_CLASS_BYTES, &bytes, &n);
        *ret_class = true;
        st = see_class(s, f, z, c, name, slice_of(bytes, n));
    }
    free(bytes);
    return st == OK ? read : st;
}

static enum status examine(struct scan *s, struct frame *f, const struct zip_entry *z)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    bool is_candidate = false;
    if (z->name.n == 0 || z->name.p[z->name.n - 1] == '/')
        return OK;
    see_needed(s, f, z);
    enum status st = examine_class(s, f, z, base_name(z->name), &is_candidate);
    if (st != OK || is_candidate)
        return st;
    if (slice_ends(z->name, SLICE_LIT("/pom.properties"))) {
        st = whole(s, f, z, KIB(64), &bytes, &n);
        if (st == OK)
            see_pom(s, f, z, slice_of(bytes, n));
        free(bytes);
        return st;
    }
    if (slice_ends(z->name, SLICE_LIT(".class")))
        return OK;
    return try_nested(s, f, z);
}

static void run(struct scan *s)
{
    while (s->depth) {
        struct frame *f = &s->stack[s->depth - 1];
        struct zip_entry z;
        enum status st = zip_next(&f->dir, &z);
        if (st != OK) {
            if (st != ST_END)
                not_read(s, f, f->path, st);
            pop(s);
            continue;
        }
        st = examine(s, f, &z);
        if (st == OK)
            continue;
        char *path = inner_path(f, z.name);
        not_read(s, f, path ? path : f->path, st);
        if (s->budget < 4096)
            f->dir.at = f->dir.n; /* spent: nothing more is read of this file */
    }
}

static void one_file(struct scan *s, const char *path)
{
    struct stat sb;
    uint8_t head[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        s->o->incomplete(s->o->ctx, path, strerror(errno));
    } else if (S_ISREG(sb.st_mode)) {
        ssize_t n = pread(fd, head, sizeof head, 0);
        struct slice h = slice_of(head, n > 0 ? (size_t)n : 0);
        bool zip = slice_starts(h, SLICE_LIT("PK\3\4")) || slice_starts(h, SLICE_LIT("PK\5\6"));
        bool maybe = slice_starts(h, SLICE_LIT("#!")) || slice_starts(h, SLICE_LIT("MZ")) ||
                     slice_starts(h, SLICE_LIT("JM")) ||
                     slice_starts(h, SLICE_LIT("\x7f"
                                               "ELF"));
        s->counts->files++;
        s->counts->bytes += (uint64_t)sb.st_size;
        s->budget = LIMIT_INFLATED_BYTES;
        if (n < 0)
            s->o->incomplete(s->o->ctx, path, strerror(errno));
        if (zip || maybe) {
            struct zip_source src = {fd, {NULL, 0}, (uint64_t)sb.st_size};
            enum status st = push(s, src, NULL, path);
            if (st == OK)
                run(s);
            else if (zip || st != ST_NOT_FOUND)
                not_read(s, NULL, path, st);
        }
    }
    if (fd >= 0)
        close(fd);
}

/* File systems that hold no files of this host: kernel tables, and other machines' disks. */
static bool skipped_fs(const char *path)
{
    static const uint32_t kinds[] = {0x9fa0,     0x62656572, 0x6969,    0xff534d42,
                                     0xfe534d42, 0x27e0eb,   0x63677270};
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if ((uint32_t)fs.f_type == kinds[i])
            return true;
    return false;
}

static void visit(struct scan *s, FTS *fts, FTSENT *x, dev_t *dev)
{
    switch (x->fts_info) {
    case FTS_D:
        if (x->fts_level > 0 && x->fts_dev != *dev && skipped_fs(x->fts_accpath)) {
            s->o->incomplete(s->o->ctx, x->fts_path, "another file system (network or kernel)");
            fts_set(fts, x, FTS_SKIP);
        }
        break;
    case FTS_F:
        one_file(s, x->fts_path);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        s->o->incomplete(s->o->ctx, x->fts_path, strerror(x->fts_errno));
        break;
    default:
        break;
    }
}

enum status scan_path(const struct scan_options *o, const char *path, struct scan_counts *counts,
                      struct err *e)
{
    struct stat sb;
    if (stat(path, &sb) != 0)
        return err_set_errno(e, ST_NOT_FOUND, "%s", path);
    size_t n = strlen(path);
    char *copy = strdup(path);
    struct scan *s = calloc(1, sizeof *s);
    char *paths[] = {copy, NULL};
    FTS *fts = copy && s ? fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL) : NULL;
    if (!fts || n == 0) {
        free(copy);
        free(s);
        return err_set(e, ST_NOMEM, "%s: not enough memory", path);
    }
    *s = (struct scan){.o = o, .p = o->profile, .counts = counts};
    for (FTSENT *x; (errno = 0, x = fts_read(fts)) != NULL;)
        visit(s, fts, x, &sb.st_dev);
    enum status st = errno ? err_set_errno(e, ST_IO, "%s", path) : OK;
    fts_close(fts);
    free(copy);
    free(s);
    return st;
}
