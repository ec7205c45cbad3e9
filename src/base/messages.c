/* Texts in the reader's language: reads GNU MO files (gettext manual, "The Format of GNU MO
 * Files"): a table of msgids sorted by bytes and a table of translations, both as (length, offset)
 * pairs; a plural entry's msgid is "one\0many", a context stands before it with \4 between. */
#include "base/messages.h"
#include "base/embed.h"
#include "base/limits.h"
#include "base/reader.h"

#define MO_MAGIC 0x950412deu
#define LANGS 2

struct catalogue {
    struct slice mo;
    bool big_endian;
    uint32_t count;
    uint32_t ids;   /* offset of the msgid table */
    uint32_t texts; /* offset of the translation table */
};

/* Set once by main before threads start, read only afterwards. */
static struct catalogue catalogues[LANGS];

static enum status u32_at(const struct catalogue *c, size_t at, uint32_t *ret)
{
    struct reader r = reader_of(slice_sub(c->mo, at, 4));
    return c->big_endian ? get_u32be(&r, ret) : get_u32le(&r, ret);
}

/* The i-th text of a table, without its NUL, checked to lie inside and to end with one. */
static enum status text_at(const struct catalogue *c, uint32_t table, uint32_t i, struct slice *ret)
{
    uint32_t n;
    uint32_t off;
    size_t at = (size_t)table + (size_t)i * 8;
    enum status s = u32_at(c, at, &n);
    if (s == OK)
        s = u32_at(c, at + 4, &off);
    if (s != OK)
        return s;
    if (off > c->mo.n || n >= c->mo.n - off || c->mo.p[(size_t)off + n] != 0)
        return ST_MALFORMED;
    *ret = slice_sub(c->mo, off, n);
    return OK;
}

enum status messages_use(enum lang lang, struct slice mo, struct err *e)
{
    struct catalogue c = {.mo = mo};
    uint32_t magic;
    uint32_t major;
    if (mo.n > LIMIT_MO_BYTES)
        return err_set(e, ST_LIMIT, "catalogue of %zu bytes", mo.n);
    if (u32_at(&c, 0, &magic) != OK)
        return err_set(e, ST_MALFORMED, "catalogue: too short");
    c.big_endian = magic == __builtin_bswap32(MO_MAGIC);
    if (!c.big_endian && magic != MO_MAGIC)
        return err_set(e, ST_MALFORMED, "catalogue: not a GNU MO file");
    if (u32_at(&c, 4, &major) != OK || major >> 16 > 1 || u32_at(&c, 8, &c.count) != OK ||
        u32_at(&c, 12, &c.ids) != OK || u32_at(&c, 16, &c.texts) != OK)
        return err_set(e, ST_MALFORMED, "catalogue: damaged header");
    for (uint32_t i = 0; i < c.count; i++) {
        struct slice t;
        if (text_at(&c, c.ids, i, &t) != OK || text_at(&c, c.texts, i, &t) != OK)
            return err_set(e, ST_MALFORMED, "catalogue: damaged entry %u", i);
    }
    catalogues[lang] = c;
    return OK;
}

/* Compares like strcmp: a plural msgid ("one\0many") is found by its first part. */
static int compare(struct slice id, struct slice want)
{
    size_t n = slice_index(id, 0);
    size_t least = n < want.n ? n : want.n;
    int d = least ? memcmp(id.p, want.p, least) : 0;
    return d != 0 ? d : n < want.n ? -1 : n > want.n;
}

static const char *find(enum lang lang, struct slice want)
{
    const struct catalogue *c = &catalogues[lang];
    uint32_t lo = 0;
    uint32_t hi = c->count;
    if (want.n == 0) /* the empty msgid holds the catalogue's header */
        return NULL;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        struct slice id;
        struct slice text;
        if (text_at(c, c->ids, mid, &id) != OK)
            return NULL;
        int d = compare(id, want);
        if (d == 0) {
            if (text_at(c, c->texts, mid, &text) != OK || text.n == 0)
                return NULL;
            return (const char *)text.p;
        }
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const char *messages_get(enum lang lang, const char *msgid)
{
    const char *t = find(lang, slice_str(msgid));
    return t ? t : msgid;
}

const char *messages_get_ctx(enum lang lang, const char *ctx, const char *msgid)
{
    char key[512];
    int n = snprintf(key, sizeof key, "%s\004%s", ctx, msgid);
    if (n < 0 || (size_t)n >= sizeof key)
        return msgid;
    const char *t = find(lang, slice_of(key, (size_t)n));
    return t ? t : msgid;
}

const char *messages_get_n(enum lang lang, const char *one, const char *many, int64_t n)
{
    const char *t = find(lang, slice_str(one));
    if (t && lang == LANG_JA)
        return t;
    return n == 1 ? one : many;
}

static const char *translate(void *ctx, const char *format)
{
    const char *t = find(*(const enum lang *)ctx, slice_str(format));
    return t ? t : format;
}

enum status messages_add_err(struct buf *out, enum lang lang, const struct err *e)
{
    char text[2 * sizeof e->msg];
    if (lang == LANG_EN || err_retell(e, translate, &lang, text, sizeof text) == 0)
        return buf_add_str(out, e->msg);
    return buf_add_str(out, text);
}

/* po/meson.build: one file per language, "ja.mo". */
extern const struct embed_file catalogues_files[];
extern const size_t catalogues_file_count;

enum status messages_use_linked(struct err *e)
{
    for (size_t i = 0; i < catalogues_file_count; i++) {
        const struct embed_file *f = &catalogues_files[i];
        enum status st = messages_use(lang_from(f->name), slice_of(f->p, f->n), e);
        if (st != OK)
            return st;
    }
    return OK;
}

const char *lang_code(enum lang lang)
{
    return lang == LANG_JA ? "ja" : "en";
}

enum lang lang_from(const char *name)
{
    bool ja = name && name[0] == 'j' && name[1] == 'a' &&
              (name[2] == '\0' || name[2] == '_' || name[2] == '-' || name[2] == '.');
    return ja ? LANG_JA : LANG_EN;
}

enum lang lang_from_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return lang_from(v);
    }
    return LANG_EN;
}
