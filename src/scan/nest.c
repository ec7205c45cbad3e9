/* Archives inside archives: an explicit stack of open ones, each entry looked at once, and what is
 * packed opened in memory, in place, or in a temporary file. */
#include "scan/scan_int.h"

#include "base/tempfile.h"

#include <errno.h>
#include <unistd.h>

enum {
    COST_PEEK = 512, /* of the budget: what looking at an entry's head costs in bytes inflated */
    COST_ARCHIVE = 16384,  /* the same for opening an archive */
    NAME_SHOWN = 4096,     /* of an entry's name, in paths */
    OBFUSCATED_MIN = 300,  /* classes of other sizes are not looked at in the second round: */
    OBFUSCATED_MAX = 65536 /* the sought ones have 900 to 9,000 bytes */
};

static struct frame *top(struct scan *s)
{
    return &s->frames[s->depth - 1];
}

static char *inner_path(const char *outer, struct slice name)
{
    struct buf b;
    buf_init(&b, MIB(1));
    name = slice_sub(name, 0, NAME_SHOWN);
    (void)buf_add_str(&b, outer);
    (void)buf_add_str(&b, "!/");
    for (size_t i = 0; i < name.n; i++)
        (void)buf_add(&b, name.p[i] ? &name.p[i] : (const uint8_t *)"?", 1);
    if (buf_status(&b) == OK)
        return buf_steal(&b);
    buf_done(&b);
    return NULL;
}

/* Nothing is said about an entry that was not read, and absence in this archive proves nothing. */
static void not_read(struct scan *s, struct frame *f, struct slice name, const char *why)
{
    char *path = inner_path(f->path, name);
    f->copies.unsure = true;
    s->o.incomplete(s->o.ctx, path ? path : f->path, why);
    free(path);
}

static bool spend(struct scan *s, uint64_t n)
{
    if (n > s->budget)
        return false;
    s->budget -= n;
    return true;
}

static void drop(struct scan *s, struct frame *f)
{
    copies_done(&f->copies);
    zip_done(&f->zip);
    free(f->path);
    if (f->mem)
        s->held -= f->mem_n;
    free(f->mem);
    if (f->fd >= 0)
        (void)close(f->fd);
    *f = (struct frame){.fd = -1};
}

/* Opens the archive of a frame whose path and memory are set. On failure nothing is left of it. */
static enum status push(struct scan *s, struct frame *f, const struct source *src, enum sniff kind)
{
    zip_tools_forget(&s->tools);
    uint64_t tail = kind == SNIFF_ELF ? KIB(1) : ZIP_COMMENT_MAX + ZIP_END_SIZE;
    copies_init(&f->copies, s->p, s->signs, s->o.lang, LIMIT_COPIES);
    enum status st = spend(s, COST_ARCHIVE) ? zip_open(&f->zip, src, tail) : ST_LIMIT;
    if (st == OK && !spend(s, f->zip.dir_size > UINT64_MAX / 4 ? UINT64_MAX : f->zip.dir_size * 4))
        st = ST_LIMIT;
    if (st != OK) {
        drop(s, f);
        return st;
    }
    /* bytes that begin as an archive and are not in the one that was found: another stands before
     */
    if (f->zip.ambiguous || (kind == SNIFF_ZIP && f->zip.shift >= ZIP_END_SIZE)) {
        f->copies.unsure = true;
        s->o.incomplete(s->o.ctx, f->path,
                        T(s->o.lang, "two archives in one; only the one that Java sees was read"));
    }
    s->depth++;
    s->counts.archives++;
    scan_progress(s, f->path);
    return OK;
}

static enum status write_piece(void *ctx, struct slice bytes)
{
    int fd = *(const int *)ctx;
    /* a hole instead of zeros: 400 MB of nothing need no disk */
    if (bytes.p[0] == 0 && memcmp(bytes.p, bytes.p + 1, bytes.n - 1) == 0)
        return lseek(fd, (off_t)bytes.n, SEEK_CUR) < 0 ? ST_IO : OK;
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ST_IO;
        bytes = slice_sub(bytes, (size_t)n, bytes.n);
    }
    return OK;
}

static enum status spill(struct scan *s, const struct frame *outer, const struct zip_entry *e,
                         struct frame *f, struct source *ret)
{
    if (!spend(s, e->size))
        return ST_LIMIT;
    f->fd = tempfile_open();
    if (f->fd < 0)
        return ST_IO;
    enum status st = zip_copy(&outer->zip, e, &s->tools, write_piece, &f->fd);
    if (st == OK && ftruncate(f->fd, (off_t)e->size) != 0)
        st = ST_IO;
    *ret = source_of_file(f->fd, e->size);
    return st;
}

static enum status hold(struct scan *s, const struct frame *outer, const struct zip_entry *e,
                        struct frame *f, struct source *ret)
{
    if (!spend(s, e->size))
        return ST_LIMIT;
    f->mem = malloc((size_t)e->size);
    if (!f->mem)
        return ST_NOMEM;
    f->mem_n = (size_t)e->size;
    s->held += f->mem_n;
    *ret = source_of_memory(slice_of(f->mem, f->mem_n));
    return zip_whole(&outer->zip, e, &s->tools, f->mem);
}

/* Opens an entry that begins as an archive. The frame above is made ready first and then pushed. */
static enum status enter(struct scan *s, const struct zip_entry *e, enum sniff kind)
{
    struct frame *outer = top(s), *f = &s->frames[s->depth];
    struct source src;
    enum status st = OK;
    *f = (struct frame){.fd = -1, .path = inner_path(outer->path, e->name)};
    if (!f->path)
        return ST_NOMEM;
    if (e->method == ZIP_STORED)
        st = zip_stored(&outer->zip, e, &src);
    else if (e->size <= LIMIT_NESTED_BYTES && e->packed <= LIMIT_ZIP_PACKED &&
             e->size <= LIMIT_NESTED_TOTAL - s->held)
        st = hold(s, outer, e, f, &src);
    else
        st = spill(s, outer, e, f, &src);
    if (st != OK) {
        drop(s, f);
        return st;
    }
    return push(s, f, &src, kind);
}

/* An entry that is no class: looked at by its head, and entered when that is an archive's. */
static void try_nested(struct scan *s, struct frame *f, const struct zip_entry *e)
{
    uint8_t head[8];
    size_t n = 0;
    if (e->size < ZIP_END_SIZE)
        return;
    bool claims = sniff_claims_archive(e->name);
    enum status st = spend(s, COST_PEEK) ? OK : ST_LIMIT;
    if (st == OK && !claims && zip_first_bytes(&f->zip, e, &s->tools, head) == OK &&
        !sniff_archive_may_begin(head))
        return;
    if (st == OK)
        st = zip_head(&f->zip, e, &s->tools, head, sizeof head, &n);
    if (st != OK) {
        not_read(s, f, e->name, scan_reason(s, st));
        return;
    }
    enum sniff kind = sniff_head(slice_of(head, n));
    if (kind == SNIFF_OTHER && claims)
        kind = SNIFF_PREAMBLE;
    if (kind == SNIFF_OTHER || kind == SNIFF_CLASS)
        return;
    if (zip_overlaps(&f->zip)) {
        if (!f->told_overlap)
            not_read(s, f, e->name, T(s->o.lang, "entries overlap, as in a zip bomb"));
        f->told_overlap = true;
        return;
    }
    if (s->depth > s->o.max_depth) {
        not_read(s, f, e->name, T(s->o.lang, "nested deeper than --max-depth"));
        return;
    }
    st = enter(s, e, kind);
    if (st != OK && (st != ST_NOT_FOUND || kind == SNIFF_ZIP))
        not_read(s, f, e->name, scan_reason(s, st));
}

/* All of an entry into s->member, at most `max` bytes. */
static enum status load(struct scan *s, const struct frame *f, const struct zip_entry *e,
                        size_t max, struct slice *ret)
{
    uint8_t *p = NULL;
    if (e->size > max || !spend(s, e->size + COST_PEEK))
        return ST_LIMIT;
    buf_clear(&s->member);
    enum status st = buf_reserve(&s->member, (size_t)e->size + 1, &p);
    if (st == OK)
        st = zip_whole(&f->zip, e, &s->tools, p);
    if (st == OK)
        *ret = slice_of(p, (size_t)e->size);
    return st;
}

enum status nest_class(struct scan *s, struct copies *c, struct slice folder, struct slice base,
                       struct slice bytes)
{
    struct class_file cf;
    size_t n = 0;
    const struct sign *signs = signs_named(s->signs, base, &n);
    if (!slice_starts(bytes, SLICE_LIT("\xca\xfe\xba\xbe")))
        return OK; /* some other file of that name */
    enum status st = class_open(bytes, &cf);
    if (st != OK)
        return st;
    if (!slice_eq(class_base_name(&cf), base))
        return OK; /* a class of another name, which nothing will load from here */
    uint32_t crc = crc32_add(0, bytes);
    for (size_t i = 0; st == OK && i < n; i++)
        st = copies_add_class(c, &signs[i], folder, &cf, bytes.n, crc);
    return st;
}

/* In the second round: classes under any name that have the constants of a sought one. */
static enum status examine_obfuscated(struct scan *s, struct frame *f, const struct zip_entry *e,
                                      struct slice base)
{
    struct slice bytes;
    struct class_file cf;
    size_t n = 0;
    const struct sign *signs = signs_all(s->signs, &n);
    if (e->size < OBFUSCATED_MIN || e->size > OBFUSCATED_MAX)
        return OK;
    enum status st = load(s, f, e, OBFUSCATED_MAX, &bytes);
    if (st != OK)
        return st;
    if (class_open(bytes, &cf) != OK || !slice_eq(class_base_name(&cf), base))
        return OK;
    for (size_t i = 0; st == OK && i < n; i++)
        if (signs[i].id_marks && signs[i].needed && !slice_eq(signs[i].base, base) &&
            copies_class_is(&f->copies, &signs[i], &cf))
            st = copies_add_renamed(&f->copies, &signs[i], e->name, &cf);
    return st;
}

static enum status examine_class(struct scan *s, struct frame *f, const struct zip_entry *e,
                                 struct slice folder, struct slice base, bool *ret_done)
{
    struct slice bytes;
    size_t n = 0;
    bool is_class = slice_ends(e->name, SLICE_LIT(".class"));
    *ret_done = true;
    f->copies.has_class |= is_class;
    (void)signs_named(s->signs, base, &n);
    if (n) {
        enum status st = load(s, f, e, LIMIT_CLASS_BYTES, &bytes);
        return st == OK ? nest_class(s, &f->copies, folder, base, bytes) : st;
    }
    *ret_done = is_class;
    const struct profile_fact *fact = is_class ? signs_fact(s->signs, e->size, e->crc) : NULL;
    if (fact)
        copies_set_altered(&f->copies, e->name, fact);
    return OK;
}

static bool is_pom(struct slice name)
{
    return slice_ends(name, SLICE_LIT("/pom.properties"));
}

static bool is_manifest(struct slice name)
{
    static const struct slice m = SLICE_LIT("META-INF/MANIFEST.MF");
    return slice_ends(name, m) && (name.n == m.n || name.p[name.n - m.n - 1] == '/');
}

static void examine(struct scan *s, struct frame *f, const struct zip_entry *e)
{
    struct slice folder, base, bytes;
    enum status st = OK;
    bool done = false;
    if (e->name.n == 0 || e->name.p[e->name.n - 1] == '/')
        return;
    bool class_like = class_path_split(e->name, &folder, &base);
    if (f->second) {
        if (class_like && slice_ends(e->name, SLICE_LIT(".class")))
            st = examine_obfuscated(s, f, e, base);
        done = true;
    } else if (class_like) {
        st = examine_class(s, f, e, folder, base, &done);
    }
    if (!done && (is_pom(e->name) || is_manifest(e->name))) {
        done = true;
        st = load(s, f, e, is_pom(e->name) ? LIMIT_POM_BYTES : LIMIT_MANIFEST_BYTES, &bytes);
        if (st == OK)
            st = is_pom(e->name) ? copies_add_pom(&f->copies, e->name, bytes)
                                 : copies_add_manifest(&f->copies, e->name, bytes);
    }
    if (st != OK)
        not_read(s, f, e->name, scan_reason(s, st));
    else if (!done)
        try_nested(s, f, e);
}

/* At the end of an archive: another round through it, or its findings. */
static void leave(struct scan *s)
{
    struct frame *f = top(s);
    if (!f->second && copies_rest_on_absence(&f->copies)) {
        f->second = true;
        zip_rewind(&f->zip);
        return;
    }
    if (copies_report(&f->copies, f->path, s->o.finding, s->o.ctx) != OK)
        s->o.incomplete(s->o.ctx, f->path, scan_reason(s, ST_NOMEM));
    drop(s, f);
    s->depth--;
}

static void run(struct scan *s)
{
    while (s->depth) {
        struct frame *f = top(s);
        struct zip_entry e;
        enum status st = zip_next(&f->zip, &e);
        if (st == OK && s->budget < COST_PEEK) {
            f->copies.unsure = true;
            s->o.incomplete(s->o.ctx, f->path, scan_reason(s, ST_LIMIT));
            f->second = true; /* no other round */
            leave(s);
        } else if (st == OK) {
            examine(s, f, &e);
        } else {
            if (st != ST_END) {
                f->copies.unsure = true;
                f->second = true;
                s->o.incomplete(s->o.ctx, f->path, scan_reason(s, st));
            }
            leave(s);
        }
    }
}

enum status nest_file(struct scan *s, int fd, uint64_t size, enum sniff kind, const char *path)
{
    struct source src = source_of_file(fd, size);
    struct frame *f = &s->frames[0];
    *f = (struct frame){.fd = -1, .path = strdup(path)};
    s->budget = s->o.max_inflated ? s->o.max_inflated : LIMIT_INFLATED_BYTES;
    enum status st = f->path ? push(s, f, &src, kind) : ST_NOMEM;
    if (st == OK)
        run(s);
    else if (st == ST_NOT_FOUND && kind != SNIFF_ZIP)
        return st;
    else
        s->o.incomplete(s->o.ctx, path, scan_reason(s, st));
    return OK;
}
