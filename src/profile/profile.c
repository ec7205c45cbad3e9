/* Reads a profile's files: `key: value` lines and tab-separated tables. Rows keep their order. */
#include "profile/profile.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "profile/version.h"

extern const struct embed_file profiles_files[];
extern const size_t profiles_file_count;

enum { MAX_COLUMNS = 10 };

struct loader {
    struct profile *p;
    const char *where;                /* folder, or name of a built-in profile */
    const struct profile_text *texts; /* profile_parse: the files; else NULL */
    size_t text_count;
    bool built_in;
    struct err *e;
    const char *file;
    int line;
};

typedef enum status row_fn(struct loader *l, const char **col);

static enum status bad(struct loader *l, const char *what, const char *value)
{
    return err_set(l->e, ST_INVALID, "profile %s: %s line %d: %s: %s", l->where, l->file, l->line,
                   what, value);
}

static enum status no_memory(struct loader *l)
{
    return err_set(l->e, ST_NOMEM, "profile %s: %s: not enough memory", l->where, l->file);
}

const char *const profile_survey_files[] = {
    "profile.txt",  "cves.tsv",      "advisories.tsv", "components.tsv",
    "affected.tsv", "questions.tsv", "options.tsv",    NULL,
};

/* A file of a built-in profile, or of a folder, into the arena. */
static enum status read_file(const char *where, bool built_in, const char *name, struct arena *a,
                             struct slice *ret, struct err *e)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", where, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ST_INVALID, "profile: the name is too long");
    if (built_in) {
        for (size_t i = 0; i < profiles_file_count; i++)
            if (strcmp(profiles_files[i].name, path) == 0) {
                *ret = slice_of(profiles_files[i].p, profiles_files[i].n);
                return OK;
            }
        return err_set(e, ST_NOT_FOUND, "profile %s: %s is missing", where, name);
    }
    struct buf b;
    buf_init(&b, LIMIT_PROFILE_FILE);
    enum status st = file_read_all(path, &b, e);
    if (st == OK) {
        st = arena_copy(a, buf_slice(&b), ret);
        if (st != OK)
            (void)err_set(e, st, "profile %s: %s: not enough memory", where, name);
    }
    buf_done(&b);
    return st;
}

static enum status load_file(struct loader *l, const char *name, struct slice *ret)
{
    l->file = name;
    l->line = 0;
    if (!l->texts)
        return read_file(l->where, l->built_in, name, &l->p->arena, ret, l->e);
    for (size_t i = 0; i < l->text_count; i++)
        if (strcmp(l->texts[i].name, name) == 0) {
            *ret = l->texts[i].content;
            return OK;
        }
    if (strcmp(name, "marks.tsv") == 0 || strcmp(name, "facts.tsv") == 0 ||
        strcmp(name, "manifests.tsv") == 0) {
        *ret = (struct slice){NULL, 0};
        return OK;
    }
    return err_set(l->e, ST_NOT_FOUND, "profile %s: %s is missing", l->where, name);
}

static enum status split_row(struct loader *l, struct slice line, size_t columns, const char **col)
{
    size_t n = 0;
    struct slice field;
    for (struct slice rest = line; slice_next_field(&rest, '\t', &field); n++) {
        if (n >= columns)
            return bad(l, "too many columns after", col[columns - 1]);
        col[n] = arena_strdup(&l->p->arena, field);
        if (!col[n])
            return no_memory(l);
        if (field.n == 0)
            return bad(l, "an empty column after", n ? col[n - 1] : "the start");
    }
    return n == columns ? OK : bad(l, "columns are missing after", n ? col[n - 1] : "the start");
}

/* Calls fn for each row; the rows are counted first, so that *ret_rows can be made in one piece. */
static enum status read_table(struct loader *l, const char *name, size_t columns, size_t row_size,
                              void *ret_rows, row_fn *fn)
{
    struct slice text = {NULL, 0}, line;
    enum status st = load_file(l, name, &text);
    if (st != OK)
        return st;
    if (!utf8_valid(text, NULL) || slice_index(text, 0) != text.n)
        return bad(l, "not UTF-8 text", name);
    size_t rows = 1;
    for (struct slice rest = text; slice_next_line(&rest, &line);)
        rows++;
    if (row_size) {
        void *mem = arena_alloc_array(&l->p->arena, rows, row_size);
        if (!mem)
            return no_memory(l);
        memcpy(ret_rows, &mem, sizeof mem);
    }
    for (struct slice rest = text; st == OK && slice_next_line(&rest, &line);) {
        const char *col[MAX_COLUMNS] = {NULL};
        l->line++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        st = split_row(l, line, columns, col);
        if (st == OK)
            st = fn(l, col);
    }
    return st;
}

static enum status read_head(struct loader *l)
{
    struct slice text, line;
    struct profile *p = l->p;
    enum status st = load_file(l, "profile.txt", &text);
    if (st != OK)
        return st;
    for (struct slice rest = text; slice_next_line(&rest, &line);) {
        l->line++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        size_t colon = slice_index(line, ':');
        char *value = arena_strdup(&p->arena, slice_trim(slice_sub(line, colon + 1, line.n)));
        struct slice key = slice_sub(line, 0, colon);
        uint64_t revision = 0;
        if (!value)
            return no_memory(l);
        if (slice_eq_str(key, "id"))
            p->id = value;
        else if (slice_eq_str(key, "date"))
            p->date = value;
        else if (slice_eq_str(key, "title.en"))
            p->title[LANG_EN] = value;
        else if (slice_eq_str(key, "title.ja"))
            p->title[LANG_JA] = value;
        else if (!slice_eq_str(key, "revision"))
            return bad(l, "unknown key before", value);
        else if (slice_to_u64(slice_str(value), &revision) != OK || revision > 1000000)
            return bad(l, "not a number", value);
        else
            p->revision = (int)revision;
    }
    if (!p->id || !p->date || !p->title[0] || !p->title[1] || !p->revision)
        return bad(l, "id, revision, date, title.en and title.ja are needed", "one is missing");
    return OK;
}

static enum status find_component(struct loader *l, const char *name, size_t *ret)
{
    for (size_t i = 0; i < l->p->component_count; i++)
        if (strcmp(l->p->components[i].artifact, name) == 0) {
            *ret = i;
            return OK;
        }
    return bad(l, "not in components.tsv", name);
}

static enum status yes_no(struct loader *l, const char *word, bool *ret)
{
    *ret = strcmp(word, "yes") == 0;
    return *ret || strcmp(word, "no") == 0 ? OK : bad(l, "say yes or no, not", word);
}

static enum status row_cve(struct loader *l, const char **c)
{
    bool asked = false;
    enum status st = yes_no(l, c[5], &asked);
    if (st != OK)
        return st;
    l->p->cves[l->p->cve_count++] =
        (struct profile_cve){c[0], c[1], c[2], c[3], c[4], asked, {c[6], c[7]}, {c[8], c[9]}};
    return l->p->cve_count <= 64 ? OK : bad(l, "more than 64 CVEs, at", c[0]);
}

static enum status row_advisory(struct loader *l, const char **c)
{
    l->p->advisories[l->p->advisory_count++] = (struct profile_advisory){c[0], c[1], {c[2], c[3]}};
    return OK;
}

static enum status row_component(struct loader *l, const char **c)
{
    struct profile_component *k = &l->p->components[l->p->component_count++];
    k->group = c[0];
    k->artifact = c[1];
    if (l->p->component_count > 64)
        return bad(l, "more than 64 components, at", c[1]);
    k->package = c[3];
    return yes_no(l, c[2], &k->report);
}

static enum status add_break(struct loader *l, struct profile_component *k, struct slice v)
{
    size_t at = 0;
    if (v.n == 0)
        return OK;
    char *text = arena_strdup(&l->p->arena, v);
    if (!text)
        return no_memory(l);
    if (!version_valid(v))
        return bad(l, "not a version", text);
    while (at < k->break_count && version_compare(slice_str(k->breaks[at]), v) < 0)
        at++;
    if (at < k->break_count && version_compare(slice_str(k->breaks[at]), v) == 0)
        return OK;
    if (k->break_count == ARRAY_LEN(k->breaks))
        return bad(l, "the component names more than 63 versions, at", text);
    memmove(&k->breaks[at + 1], &k->breaks[at], (k->break_count - at) * sizeof k->breaks[0]);
    k->breaks[at] = text;
    k->break_count++;
    return OK;
}

/* "a..b c..": calls for the breakpoints (ret NULL), or gives the set. */
static enum status parse_ranges(struct loader *l, size_t component, const char *text,
                                version_set *ret)
{
    struct profile_component *k = &l->p->components[component];
    struct slice part;
    version_set set = 0;
    for (struct slice rest = slice_str(text); slice_next_field(&rest, ' ', &part);) {
        size_t dots = slice_find(part, SLICE_LIT(".."));
        struct slice from = slice_sub(part, 0, dots), to = slice_sub(part, dots + 2, part.n);
        if (dots == part.n || from.n == 0)
            return bad(l, "a range is FROM..BEFORE or FROM..", text);
        if (!ret) {
            enum status st = add_break(l, k, from);
            if (st == OK)
                st = add_break(l, k, to);
            if (st != OK)
                return st;
            continue;
        }
        for (size_t i = 0; i < k->break_count; i++) {
            struct slice b = slice_str(k->breaks[i]);
            if (version_compare(b, from) >= 0 && (to.n == 0 || version_compare(b, to) < 0))
                set |= (version_set)1 << (i + 1);
        }
    }
    if (ret)
        *ret = set;
    return OK;
}

static enum status row_affected(struct loader *l, const char **c)
{
    struct profile_affected *a = &l->p->affected[l->p->affected_count++];
    a->ranges = c[2];
    a->without = strcmp(c[3], "-") == 0 ? NULL : c[3];
    while (a->cve < l->p->cve_count && strcmp(l->p->cves[a->cve].id, c[1]) != 0)
        a->cve++;
    if (a->cve == l->p->cve_count)
        return bad(l, "not in cves.tsv", c[1]);
    enum status st = find_component(l, c[0], &a->component);
    if (st == OK && l->p->affected_count > 64)
        return bad(l, "more than 64 rows, at", c[1]);
    return st == OK ? parse_ranges(l, a->component, c[2], NULL) : st;
}

static enum status row_mark(struct loader *l, const char **c)
{
    static const char *const tests[] = {"id", "has", "lacks"};
    struct profile_mark *m = &l->p->marks[l->p->mark_count++];
    size_t test = 0;
    m->class_name = c[1];
    m->text = c[3];
    while (test < ARRAY_LEN(tests) && strcmp(tests[test], c[2]) != 0)
        test++;
    if (test == ARRAY_LEN(tests))
        return bad(l, "the test is id, has or lacks, not", c[2]);
    m->test = (enum mark_test)test;
    enum status st = find_component(l, c[0], &m->component);
    return st == OK ? parse_ranges(l, m->component, c[4], &m->versions) : st;
}

/* Marks may name versions of their own, so the breakpoints are collected before the sets. */
static enum status row_mark_breaks(struct loader *l, const char **c)
{
    size_t component;
    enum status st = find_component(l, c[0], &component);
    return st == OK ? parse_ranges(l, component, c[4], NULL) : st;
}

static enum status row_fact(struct loader *l, const char **c)
{
    struct profile_fact *f = &l->p->facts[l->p->fact_count++];
    uint64_t size = 0;
    char *end = NULL;
    unsigned long crc = strtoul(c[4], &end, 16);
    f->version = c[1];
    f->class_name = c[2];
    if (slice_to_u64(slice_str(c[3]), &size) != OK || size > UINT32_MAX)
        return bad(l, "not a size", c[3]);
    if (*end || crc > UINT32_MAX)
        return bad(l, "not a CRC-32", c[4]);
    f->size = (uint32_t)size;
    f->crc = (uint32_t)crc;
    enum status st = find_component(l, c[0], &f->component);
    if (st == OK)
        f->versions = profile_version(&l->p->components[f->component], slice_str(c[1]));
    return st;
}

static enum status row_manifest(struct loader *l, const char **c)
{
    struct profile_manifest *m = &l->p->manifests[l->p->manifest_count++];
    *m = (struct profile_manifest){0, c[1], c[2], c[3]};
    return find_component(l, c[0], &m->component);
}

static enum status row_question(struct loader *l, const char **c)
{
    struct profile_question *q = &l->p->questions[l->p->question_count++];
    *q = (struct profile_question){
        .id = c[0], .scan = c[2], .text = {c[3], c[4]}, .hint = {c[5], c[6]}};
    enum status st = yes_no(l, c[1], &q->per_cve);
    q->options = arena_alloc_array(&l->p->arena, 16, sizeof *q->options);
    return st == OK && !q->options ? no_memory(l) : st;
}

/* "no", "version", or "version:a,b" with the components whose version it is. */
static enum status parse_detail(struct loader *l, const char *text, struct profile_option *o)
{
    struct slice rest = slice_str(text), name;
    size_t colon = slice_index(rest, ':');
    o->version = slice_eq_str(slice_sub(rest, 0, colon), "version");
    if (!o->version)
        return strcmp(text, "no") == 0 ? OK : bad(l, "the detail is no or version, not", text);
    if (colon == rest.n)
        return OK;
    for (rest = slice_sub(rest, colon + 1, rest.n); slice_next_field(&rest, ',', &name);) {
        size_t at = 0;
        char *artifact = arena_strdup(&l->p->arena, name);
        if (!artifact)
            return no_memory(l);
        enum status st = find_component(l, artifact, &at);
        if (st != OK)
            return st;
        o->components |= (uint64_t)1 << at;
    }
    return OK;
}

static enum status row_option(struct loader *l, const char **c)
{
    static const char *const means[] = {
        [MEANS_AFFECTED] = "affected", [MEANS_OPEN] = "open",
        [MEANS_WAITING] = "waiting",   [MEANS_UNKNOWN] = "unknown",
        [MEANS_FIXED] = "fixed",       [MEANS_NOT_AFFECTED] = "not_affected"};
    for (size_t i = 0; i < l->p->question_count; i++) {
        struct profile_question *q = &l->p->questions[i];
        if (strcmp(q->id, c[0]) != 0)
            continue;
        if (q->option_count == 16)
            return bad(l, "more than 16 options of", c[0]);
        if (profile_option(q, c[1]))
            return bad(l, "the question has this option already", c[1]);
        struct profile_option o = {.id = c[1], .label = {c[4], c[5]}};
        size_t m = 0;
        while (m < ARRAY_LEN(means) && strcmp(means[m], c[2]) != 0)
            m++;
        if (m == ARRAY_LEN(means))
            return bad(l, "not a meaning of an answer", c[2]);
        o.means = (enum option_means)m;
        enum status st = parse_detail(l, c[3], &o);
        if (st == OK)
            q->options[q->option_count++] = o;
        return st;
    }
    return bad(l, "not in questions.tsv", c[0]);
}

/* The column scan of questions.tsv, once the options are known: "-" or three of them. */
static enum status check_questions(struct loader *l)
{
    l->file = "questions.tsv";
    l->line = 0;
    size_t scanned = 0;
    for (size_t i = 0; i < l->p->question_count; i++) {
        struct profile_question *q = &l->p->questions[i];
        size_t *const at[] = {&q->scan_found, &q->scan_clean, &q->scan_open};
        size_t n = 0;
        struct slice rest = slice_str(q->scan), id;
        if (q->option_count == 0)
            return bad(l, "options.tsv has none for question", q->id);
        if (strcmp(q->scan, "-") == 0)
            continue;
        for (; slice_next_field(&rest, ' ', &id); n++) {
            size_t k = 0;
            while (k < q->option_count && !slice_eq_str(id, q->options[k].id))
                k++;
            if (n == 3 || k == q->option_count)
                return bad(l, "scan is - or three options of the question, not", q->scan);
            *at[n] = k;
        }
        q->scanned = true;
        if (n != 3 || q->per_cve || ++scanned > 1 || !q->options[q->scan_found].components ||
            q->options[q->scan_open].means == MEANS_NOT_AFFECTED)
            return bad(l,
                       "scan names three options of one question that is not asked per CVE: found "
                       "(with its components), not found, not fully examined (settles nothing)",
                       q->scan);
    }
    return OK;
}

static enum status load_all(struct loader *l)
{
    struct profile *p = l->p;
    const struct {
        const char *name;
        size_t columns, size;
        void *rows;
        row_fn *fn;
    } tables[] = {
        {"cves.tsv", 10, sizeof *p->cves, &p->cves, row_cve},
        {"advisories.tsv", 4, sizeof *p->advisories, &p->advisories, row_advisory},
        {"components.tsv", 4, sizeof *p->components, &p->components, row_component},
        {"affected.tsv", 4, sizeof *p->affected, &p->affected, row_affected},
        {"marks.tsv", 5, 0, NULL, row_mark_breaks},
        {"marks.tsv", 5, sizeof *p->marks, &p->marks, row_mark},
        {"facts.tsv", 5, sizeof *p->facts, &p->facts, row_fact},
        {"manifests.tsv", 4, sizeof *p->manifests, &p->manifests, row_manifest},
        {"questions.tsv", 7, sizeof *p->questions, &p->questions, row_question},
        {"options.tsv", 6, 0, NULL, row_option},
    };
    enum status st = read_head(l);
    for (size_t i = 0; st == OK && i < ARRAY_LEN(tables); i++)
        st = read_table(l, tables[i].name, tables[i].columns, tables[i].size, tables[i].rows,
                        tables[i].fn);
    for (size_t i = 0; st == OK && i < p->affected_count; i++)
        st = parse_ranges(l, p->affected[i].component, p->affected[i].ranges,
                          &p->affected[i].versions);
    return st == OK ? check_questions(l) : st;
}

static bool has_built_in(const char *name)
{
    struct slice want = slice_str(name);
    for (size_t i = 0; i < profiles_file_count; i++) {
        struct slice file = slice_str(profiles_files[i].name);
        if (slice_starts(file, want) &&
            slice_eq_str(slice_sub(file, want.n, file.n), "/profile.txt"))
            return true;
    }
    return false;
}

bool profile_built_in(size_t i, char *name, size_t size)
{
    for (size_t at = 0; at < profiles_file_count; at++) {
        struct slice file = slice_str(profiles_files[at].name);
        size_t slash = slice_index(file, '/');
        if (!slice_eq_str(slice_sub(file, slash, file.n), "/profile.txt") || slash >= size)
            continue;
        if (i-- > 0)
            continue;
        memcpy(name, profiles_files[at].name, slash);
        name[slash] = '\0';
        return true;
    }
    return false;
}

static enum status not_found(const char *name, struct err *e)
{
    char have[200] = "";
    size_t n = 0;
    for (size_t i = 0; i < profiles_file_count; i++) {
        struct slice file = slice_str(profiles_files[i].name);
        size_t slash = slice_index(file, '/');
        if (!slice_eq_str(slice_sub(file, slash, file.n), "/profile.txt") || n + slash + 3 > 200)
            continue;
        int k = snprintf(have + n, sizeof have - n, "%s%.*s", n ? ", " : "", (int)slash,
                         profiles_files[i].name);
        n += k > 0 ? (size_t)k : 0;
    }
    return err_set(e, ST_NOT_FOUND, "profile %s: not found; there are %s", name, have);
}

static enum status load(struct loader *l, struct profile **ret)
{
    struct profile *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(l->e, ST_NOMEM, "profile %s: not enough memory", l->where);
    arena_init(&p->arena, LIMIT_PROFILE_MEMORY);
    l->p = p;
    enum status st = load_all(l);
    if (st != OK) {
        profile_free(p);
        return st;
    }
    *ret = p;
    return OK;
}

enum status profile_load(const char *name_or_dir, struct profile **ret, struct err *e)
{
    struct loader l = {.where = name_or_dir, .built_in = !strchr(name_or_dir, '/'), .e = e};
    if (l.built_in && !has_built_in(name_or_dir))
        return not_found(name_or_dir, e);
    return load(&l, ret);
}

enum status profile_parse(const char *where, const struct profile_text *texts, size_t count,
                          struct profile **ret, struct err *e)
{
    static const struct profile_text none;
    struct loader l = {.where = where, .texts = texts ? texts : &none, .text_count = count, .e = e};
    return load(&l, ret);
}

enum status profile_read_file(const char *name_or_dir, const char *file, struct arena *a,
                              struct slice *ret, struct err *e)
{
    bool built_in = !strchr(name_or_dir, '/');
    if (built_in && !has_built_in(name_or_dir))
        return not_found(name_or_dir, e);
    return read_file(name_or_dir, built_in, file, a, ret, e);
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    free(p);
}

version_set profile_version(const struct profile_component *c, struct slice version)
{
    size_t i = 0;
    while (i < c->break_count && version_compare(slice_str(c->breaks[i]), version) <= 0)
        i++;
    return (version_set)1 << i;
}

const struct profile_question *profile_question(const struct profile *p, const char *id)
{
    for (size_t i = 0; i < p->question_count; i++)
        if (strcmp(p->questions[i].id, id) == 0)
            return &p->questions[i];
    return NULL;
}

const struct profile_option *profile_option(const struct profile_question *q, const char *id)
{
    for (size_t i = 0; i < q->option_count; i++)
        if (strcmp(q->options[i].id, id) == 0)
            return &q->options[i];
    return NULL;
}

const struct profile_cve *profile_cve(const struct profile *p, const char *id)
{
    for (size_t i = 0; i < p->cve_count; i++)
        if (strcmp(p->cves[i].id, id) == 0)
            return &p->cves[i];
    return NULL;
}

const struct profile_question *profile_scan_question(const struct profile *p)
{
    for (size_t i = 0; i < p->question_count; i++)
        if (p->questions[i].scanned)
            return &p->questions[i];
    return NULL;
}
