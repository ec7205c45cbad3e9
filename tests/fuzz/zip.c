/* Zip archives: any bytes are listed and read or refused, within their own size. An input that
 * begins with "recipe:" is a text that changes an archive made here, so that the corpus needs no
 * binary files: lines "AT VALUE" in decimal set one byte; "cut N" shortens it, "64" asks for zip64.
 */
#include "fuzz.h"

#include "../unit/zipmake.h"
#include "archive/zip.h"
#include "base/limits.h"

#include <stdlib.h>

static void make(struct zipmake *z, bool zip64)
{
    struct buf b;
    static const char *const texts[] = {"one", "two"};
    buf_init(&b, KIB(4));
    zipmake_class(&b, "a/B", texts, 2);
    zipmake_init(z);
    z->zip64 = zip64;
    zipmake_add(z, "a/B.class", buf_slice(&b), 8);
    zipmake_add(z, "c", slice_str("stored text"), 0);
    zipmake_end(z, slice_str("comment"));
    buf_done(&b);
}

static void cook(struct slice recipe, struct zipmake *z)
{
    struct slice line, word;
    make(z, slice_find(recipe, SLICE_LIT("\n64")) < recipe.n);
    while (slice_next_line(&recipe, &line)) {
        uint64_t at = 0, value = 0;
        bool cut = slice_starts(line, SLICE_LIT("cut "));
        if (!slice_next_field(&line, ' ', &word) || (!cut && slice_to_u64(word, &at) != OK) ||
            slice_to_u64(slice_sub(line, 0, line.n), &value) != OK)
            continue;
        if (cut)
            buf_cut(&z->out, (size_t)(value < z->out.n ? value : z->out.n));
        else if (at < z->out.n)
            z->out.p[at] = (uint8_t)value;
    }
}

static enum status count(void *ctx, struct slice bytes)
{
    *(uint64_t *)ctx += bytes.n;
    return OK;
}

static void read_entry(const struct zip *z, const struct zip_entry *e, struct zip_tools *t)
{
    uint8_t head[16], all[4096];
    size_t n = 0;
    uint64_t passed = 0;
    struct source part;
    if (zip_head(z, e, t, head, sizeof head, &n) == OK && n > e->size)
        abort();
    if (e->size <= sizeof all && zip_whole(z, e, t, all) == OK &&
        crc32_add(0, slice_of(all, (size_t)e->size)) != e->crc)
        abort();
    if (e->size <= MIB(1) && zip_copy(z, e, t, count, &passed) == OK && passed != e->size)
        abort();
    if (passed > e->size)
        abort();
    if (zip_stored(z, e, &part) == OK && part.size != e->size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zip_tools tools;
    struct slice in = slice_of(data, size);
    struct zipmake made = {0};
    struct zip z;
    struct zip_entry e;
    if (!tools.inflater && zip_tools_init(&tools) != OK)
        abort();
    if (slice_starts(in, SLICE_LIT("recipe:"))) {
        cook(in, &made);
        in = buf_slice(&made.out);
    }
    struct source src = source_of_memory(in);
    if (zip_open(&z, &src, ZIP_COMMENT_MAX + ZIP_END_SIZE) == OK) {
        for (size_t i = 0; i < 200 && zip_next(&z, &e) == OK; i++)
            read_entry(&z, &e, &tools);
        zip_done(&z);
    }
    zipmake_done(&made);
    return 0;
}
