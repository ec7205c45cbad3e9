/* Members of a tar, pulled from a stream. */
#include "archive/tar.h"

#include "base/limits.h"
#include "base/messages.h"

enum { NAME = 0, SIZE = 124, SUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345, SUM_END = 156 };

static uint32_t sum_of(const uint8_t *block)
{
    uint32_t sum = 8 * ' ';
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= SUM && i < SUM_END ? 0 : block[i];
    return sum;
}

/* A number of n bytes: octal digits among spaces and NULs, or base 256 behind a set high bit. */
static bool number(const uint8_t *p, size_t n, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i = 0;
    if (p[0] & 0x80) {
        for (i = 0; i < n; i++) {
            if (v >> 55)
                return false;
            v = v << 8 | (i == 0 ? p[0] & 0x7f : p[i]);
        }
        *ret = v;
        return true;
    }
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        v = v * 8 + (uint64_t)(p[i] - '0');
    for (; i < n; i++)
        if (p[i] != ' ' && p[i] != 0)
            return false;
    *ret = v;
    return true;
}

bool tar_sniff(struct slice head)
{
    uint64_t sum = 0;
    return head.n >= TAR_BLOCK && head.p[0] && number(head.p + SUM, 8, &sum) &&
           sum == sum_of(head.p);
}

void tar_init(struct tar *t, const struct stream_source *from)
{
    *t = (struct tar){.from = *from};
    buf_init(&t->name, LIMIT_PATH_BYTES);
    buf_init(&t->long_name, LIMIT_PATH_BYTES);
}

void tar_done(struct tar *t)
{
    buf_done(&t->name);
    buf_done(&t->long_name);
}

static enum status cut(const struct tar *t, struct err *e)
{
    return err_set_at(e, ST_MALFORMED, t->at, N_("ends early, at byte %llu"),
                      (unsigned long long)t->at);
}

/* Exactly n bytes; *ret_n (may be NULL) is less only at the end of the source. */
static enum status take(struct tar *t, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    size_t have = 0;
    while (have < n) {
        size_t got = 0;
        enum status st = t->from.read(t->from.ctx, to + have, n - have, &got, e);
        if (st != OK)
            return st;
        if (got == 0)
            break;
        have += got;
        t->at += got;
    }
    if (ret_n)
        *ret_n = have;
    return have == n || ret_n ? OK : cut(t, e);
}

static enum status skip(struct tar *t, uint64_t n, struct err *e)
{
    uint8_t bytes[8192];
    while (n) {
        size_t piece = n < sizeof bytes ? (size_t)n : sizeof bytes;
        enum status st = take(t, bytes, piece, NULL, e);
        if (st != OK)
            return st;
        n -= piece;
    }
    return OK;
}

/* "27 path=very/long/name\n" records of a pax header. */
static void pax_records(struct tar *t, struct slice text, uint64_t *size, bool *has_size)
{
    while (text.n) {
        size_t space = slice_index(text, ' ');
        uint64_t n = 0;
        if (slice_to_u64(slice_sub(text, 0, space), &n) != OK || n > text.n || n <= space + 1)
            return;
        struct slice record = slice_sub(text, space + 1, (size_t)n - space - 2);
        size_t eq = slice_index(record, '=');
        struct slice key = slice_sub(record, 0, eq), value = slice_sub(record, eq + 1, record.n);
        if (slice_eq_str(key, "path")) {
            buf_clear(&t->long_name);
            (void)buf_add_slice(&t->long_name, value);
        } else if (slice_eq_str(key, "size")) {
            *has_size = slice_to_u64(value, size) == OK;
        } else if (slice_starts(key, SLICE_LIT("GNU.sparse."))) {
            t->sparse = true;
        }
        text = slice_sub(text, (size_t)n, text.n);
    }
}

static enum status extended(struct tar *t, uint8_t type, uint64_t size, uint64_t *pax_size,
                            bool *has_size, struct err *e)
{
    struct buf text;
    uint8_t *to = NULL;
    if (size > LIMIT_PATH_BYTES)
        return skip(t, size + (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, e);
    buf_init(&text, LIMIT_PATH_BYTES + TAR_BLOCK);
    enum status st = buf_reserve(&text, (size_t)size + 1, &to);
    if (st == OK)
        st = take(t, to, (size_t)size, NULL, e);
    if (st == OK) {
        buf_commit(&text, (size_t)size);
        if (type == 'L') {
            buf_clear(&t->long_name);
            (void)buf_add(&t->long_name, text.p, slice_index(buf_slice(&text), 0));
        } else {
            pax_records(t, buf_slice(&text), pax_size, has_size);
        }
        st = skip(t, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, e);
    }
    buf_done(&text);
    return st;
}

static void set_name(struct tar *t, const uint8_t *block)
{
    struct slice prefix = slice_of(block + PREFIX, 155), name = slice_of(block + NAME, 100);
    buf_clear(&t->name);
    if (t->long_name.n) {
        (void)buf_add_slice(&t->name, buf_slice(&t->long_name));
        return;
    }
    prefix.n = slice_index(prefix, 0);
    name.n = slice_index(name, 0);
    if (prefix.n && memcmp(block + MAGIC, "ustar\0", 6) == 0) {
        (void)buf_add_slice(&t->name, prefix);
        (void)buf_add_char(&t->name, '/');
    }
    (void)buf_add_slice(&t->name, name);
}

/* Padding may be cut off at the very end; some writers do. */
static enum status pass_member(struct tar *t, struct err *e)
{
    enum status st = skip(t, t->left, e);
    size_t got = 0;
    uint8_t padding[TAR_BLOCK];
    if (st == OK)
        st = take(t, padding, (size_t)t->padding, &got, e);
    t->left = t->padding = 0;
    return st;
}

enum status tar_next(struct tar *t, struct err *e)
{
    uint64_t pax_size = 0;
    bool has_size = false;
    enum status st = pass_member(t, e);
    buf_clear(&t->long_name);
    t->sparse = false;
    while (st == OK) {
        uint8_t block[TAR_BLOCK];
        uint64_t sum = 0, size = 0;
        size_t got = 0;
        st = take(t, block, sizeof block, &got, e);
        if (st != OK)
            return st;
        if (got == 0)
            return ST_END; /* without the two blocks of zeros: as GNU tar, which only warns */
        if (got < sizeof block)
            return cut(t, e);
        if (block[0] == 0 && sum_of(block) == 8 * ' ')
            continue; /* the end, and padding; but another tar may stand behind it */
        if (!number(block + SUM, 8, &sum) || sum != sum_of(block) ||
            !number(block + SIZE, 12, &size) || size > UINT64_MAX / 2)
            return err_set_at(e, ST_MALFORMED, t->at - TAR_BLOCK, N_("damaged at byte %llu"),
                              (unsigned long long)(t->at - TAR_BLOCK));
        uint8_t type = block[TYPE];
        if (type == 'L' || type == 'x') {
            st = extended(t, type, size, &pax_size, &has_size, e);
            continue;
        }
        if (has_size)
            size = pax_size;
        if (size > UINT64_MAX / 2)
            return cut(t, e);
        t->padding = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
        t->left = size;
        if (type == '0' || type == 0 || type == '7' || type == 'S') {
            t->sparse |= type == 'S';
            set_name(t, block);
            return OK;
        }
        if (type >= '1' && type <= '6')
            t->left = t->padding = 0; /* links and devices have no data, whatever they say */
        st = pass_member(t, e);
        if (type != 'g') {
            buf_clear(&t->long_name);
            has_size = t->sparse = false;
        }
    }
    return st;
}

enum status tar_read(void *tar, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    struct tar *t = tar;
    size_t want = n < t->left ? n : (size_t)t->left;
    *ret_n = 0;
    if (t->sparse && t->left)
        return err_set(e, ST_UNSUPPORTED, N_("a sparse file inside a tar"));
    if (want == 0)
        return OK;
    enum status st = t->from.read(t->from.ctx, to, want, ret_n, e);
    if (st == OK && *ret_n == 0)
        return cut(t, e);
    if (st == OK) {
        t->left -= *ret_n;
        t->at += *ret_n;
    }
    return st;
}
