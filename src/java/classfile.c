#include "java/classfile.h"

#include "base/reader.h"

#include <strings.h>

/* Bytes behind the tag, JVM specification table 4.4-A; 0: no such tag. Utf8 has a length of its
 * own. */
static size_t constant_size(uint8_t tag)
{
    static const uint8_t sizes[] = {
        [3] = 4,  [4] = 4,  [5] = 8,  [6] = 8,  [7] = 2,  [8] = 2,  [9] = 4,  [10] = 4,
        [11] = 4, [12] = 4, [15] = 3, [16] = 2, [17] = 4, [18] = 4, [19] = 2, [20] = 2};
    return tag < ARRAY_LEN(sizes) ? sizes[tag] : 0;
}

enum { TAG_UTF8 = 1, TAG_LONG = 5, TAG_DOUBLE = 6, TAG_CLASS = 7 };

struct constant {
    uint8_t tag;
    struct slice body; /* of Utf8: the text */
};

/* Takes one constant; *ret_slots is 2 for long and double (4.4.5). */
static enum status next_constant(struct reader *r, struct constant *ret, unsigned *ret_slots)
{
    uint16_t n = 0;
    if (get_u8(r, &ret->tag))
        return ST_MALFORMED;
    size_t size = constant_size(ret->tag);
    if (ret->tag == TAG_UTF8) {
        if (get_u16be(r, &n))
            return ST_MALFORMED;
        size = n;
    } else if (size == 0) {
        return ST_MALFORMED;
    }
    *ret_slots = ret->tag == TAG_LONG || ret->tag == TAG_DOUBLE ? 2 : 1;
    return get_bytes(r, size, &ret->body);
}

/* The constant of this index, which the pool is known to be long enough for. */
static bool constant_at(const struct class_file *c, uint16_t want, struct constant *ret)
{
    struct reader r = reader_of(c->pool);
    unsigned slots = 0;
    for (unsigned i = 1; i <= want; i += slots) {
        if (next_constant(&r, ret, &slots) != OK)
            return false;
        if (i == want)
            return true;
    }
    return false;
}

enum status class_open(struct slice bytes, struct class_file *ret)
{
    struct reader r = reader_of(bytes);
    struct class_file c = {0};
    struct constant k;
    uint32_t magic = 0;
    uint16_t this_class = 0, name = 0;
    unsigned slots = 0;
    if (get_u32be(&r, &magic) || magic != 0xcafebabe || skip_bytes(&r, 4) ||
        get_u16be(&r, &c.count) || c.count == 0)
        return ST_MALFORMED;
    size_t begin = r.at;
    for (unsigned i = 1; i < c.count; i += slots)
        if (next_constant(&r, &k, &slots) != OK)
            return ST_MALFORMED;
    c.pool = slice_sub(bytes, begin, r.at - begin);
    if (skip_bytes(&r, 2) || get_u16be(&r, &this_class) || this_class >= c.count ||
        !constant_at(&c, this_class, &k) || k.tag != TAG_CLASS)
        return ST_MALFORMED;
    struct reader index = reader_of(k.body);
    if (get_u16be(&index, &name) || name >= c.count || !constant_at(&c, name, &k) ||
        k.tag != TAG_UTF8)
        return ST_MALFORMED;
    c.name = k.body;
    *ret = c;
    return OK;
}

bool class_has_text(const struct class_file *c, struct slice text)
{
    struct reader r = reader_of(c->pool);
    struct constant k;
    unsigned slots = 0;
    for (unsigned i = 1; i < c->count; i += slots) {
        if (next_constant(&r, &k, &slots) != OK)
            return false;
        if (k.tag == TAG_UTF8 && slice_eq(k.body, text))
            return true;
    }
    return false;
}

static struct slice after_last(struct slice s, uint8_t c)
{
    size_t at = s.n;
    while (at && s.p[at - 1] != c)
        at--;
    return slice_sub(s, at, s.n);
}

struct slice class_base_name(const struct class_file *c)
{
    return after_last(c->name, '/');
}

/* One word behind the dot, and none of those by which a file is put out of use. */
static bool ending_loads(struct slice ending)
{
    static const char *const inert[] = {"bak", "backup", "old",     "orig",    "disabled",
                                        "off", "save",   "removed", "deleted", "unused",
                                        "tmp", "txt",    "java",    "html",    "xml"};
    if (slice_eq(ending, SLICE_LIT("SCL.lombok")))
        return true;
    if (ending.n == 0 || ending.n > 16)
        return false;
    for (size_t i = 0; i < ending.n; i++) {
        uint8_t b = ending.p[i] | 0x20;
        if (!(b >= 'a' && b <= 'z') && !(ending.p[i] >= '0' && ending.p[i] <= '9'))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(inert); i++)
        if (ending.n == strlen(inert[i]) &&
            strncasecmp((const char *)ending.p, inert[i], ending.n) == 0)
            return false;
    return true;
}

bool class_path_split(struct slice path, struct slice *ret_folder, struct slice *ret_base)
{
    struct slice file = after_last(path, '/');
    size_t dot = slice_index(file, '.');
    if (dot == 0 || dot == file.n || !ending_loads(slice_sub(file, dot + 1, file.n)))
        return false;
    *ret_base = slice_sub(file, 0, dot);
    *ret_folder = slice_sub(path, 0, path.n > file.n ? path.n - file.n - 1 : 0);
    return true;
}
