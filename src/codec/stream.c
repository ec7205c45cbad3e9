/* What all formats share: reading the packed bytes, members one behind the other, the end. */
#include "codec/stream.h"

#include "codec/stream_int.h"

static const struct codec_format *const formats[CODEC_KINDS] = {
    [CODEC_GZIP] = &codec_gzip, [CODEC_BZIP2] = &codec_bzip2,     [CODEC_XZ] = &codec_xz,
    [CODEC_ZSTD] = &codec_zstd, [CODEC_DEFLATE] = &codec_deflate,
};

struct stream {
    const struct codec_format *format; /* NULL: plain */
    void *state;
    struct stream_source from;
    struct codec_input in;
    bool between; /* a member ended, none began behind it */
    bool padded;  /* zero bytes stood behind a member */
    enum status done;
    struct err why;
    uint8_t bytes[CODEC_IN_BYTES];
};

enum codec_kind codec_sniff(struct slice head)
{
    for (size_t i = 1; i < CODEC_KINDS; i++)
        if (formats[i]->sniff(head))
            return (enum codec_kind)i;
    return CODEC_PLAIN;
}

const char *codec_name(enum codec_kind kind)
{
    return formats[kind] ? formats[kind]->name : "plain";
}

enum status stream_new(enum codec_kind kind, const struct stream_source *from, struct stream **ret,
                       struct err *e)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    s->from = *from;
    s->format = formats[kind];
    if (s->format && s->format->make(&s->state) != OK) {
        free(s);
        return err_set(e, ST_NOMEM, N_("not enough memory"));
    }
    *ret = s;
    return OK;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    if (s->format)
        s->format->free(s->state);
    free(s);
}

uint64_t stream_packed(const struct stream *s)
{
    return s->in.used;
}

static enum status fill(struct stream *s, struct err *e)
{
    size_t n = 0;
    enum status st = s->from.read(s->from.ctx, s->bytes, sizeof s->bytes, &n, e);
    if (st != OK)
        return st;
    s->in.p = s->bytes;
    s->in.n = n;
    s->in.ended = n == 0;
    return OK;
}

/* Behind a member: another one, zero bytes up to the end (tapes and block devices pad so), the end,
 * or something else. *ret_more: another member begins. */
static enum status next_member(struct stream *s, bool *ret_more, struct err *e)
{
    *ret_more = false;
    for (;;) {
        while (s->in.n && s->in.p[0] == 0) {
            codec_use(&s->in, 1);
            s->padded = true;
        }
        if (s->in.n)
            break;
        if (s->in.ended)
            return OK;
        enum status st = fill(s, e);
        if (st != OK)
            return st;
    }
    /* the sign of a member may be cut by the end of what was read */
    if (s->in.n < CODEC_SNIFF_BYTES && !s->in.ended) {
        size_t have = s->in.n, got = 0;
        memmove(s->bytes, s->in.p, have);
        s->in.p = s->bytes;
        do {
            enum status st =
                s->from.read(s->from.ctx, s->bytes + have, sizeof s->bytes - have, &got, e);
            if (st != OK)
                return st;
            have += got;
        } while (got && have < CODEC_SNIFF_BYTES);
        s->in.n = have;
        s->in.ended = got == 0;
    }
    if (s->format->sniff((struct slice){s->in.p, s->in.n})) {
        *ret_more = true;
        return s->format->reset(s->state) == OK ? OK
                                                : err_set(e, ST_NOMEM, N_("not enough memory"));
    }
    return err_set_at(e, ST_MALFORMED, s->in.used,
                      N_("%s data ends, and something else stands behind it at byte %llu"),
                      s->format->name, (unsigned long long)s->in.used);
}

static enum status cut(struct stream *s, struct err *e)
{
    return err_set_at(e, ST_MALFORMED, s->in.used, N_("ends early, at byte %llu"),
                      (unsigned long long)s->in.used);
}

static enum status read_packed(struct stream *s, uint8_t *to, size_t n, size_t *ret_n,
                               struct err *e)
{
    for (;;) {
        bool more = false;
        enum status st = OK;
        if (s->between) {
            if (!s->format->reset)
                return ST_END;
            st = next_member(s, &more, e);
            if (st != OK || !more)
                return st == OK ? ST_END : st;
            s->between = false;
        }
        if (s->in.n == 0 && !s->in.ended)
            st = fill(s, e);
        if (st != OK)
            return st;
        size_t before = s->in.n, got = 0;
        st = s->format->decode(s->state, &s->in, to, n, &got, e);
        s->between = st == ST_END;
        if (st != OK && st != ST_END)
            s->done = st; /* after the bytes before it */
        if (got) {
            *ret_n = got;
            return OK;
        }
        if (s->done != OK)
            return s->done;
        if (st == OK && s->in.ended && s->in.n == before)
            return cut(s, e);
    }
}

enum status stream_read(struct stream *s, uint8_t *to, size_t n, size_t *ret_n, struct err *e)
{
    if (s->done != OK) {
        if (e && s->done != ST_END)
            *e = s->why;
        return s->done;
    }
    if (s->format) {
        struct err mine = {0};
        enum status st = read_packed(s, to, n, ret_n, &mine);
        if (st != OK) {
            s->done = st;
            s->why = mine;
            if (e && st != ST_END)
                *e = mine;
        } else if (s->done != OK) {
            s->why = mine;
        }
        return st;
    }
    enum status st = s->from.read(s->from.ctx, to, n, ret_n, e);
    if (st == OK)
        s->in.used += *ret_n;
    return st == OK && *ret_n == 0 ? ST_END : st;
}
