/* What is read inside a jar: class files, pom.properties and manifests. An input that begins with
 * "class " is a text: the name of a class made here, then its constants; "cut N" on a line of its
 * own shortens it. */
#include "fuzz.h"

#include "../unit/zipmake.h"
#include "base/limits.h"
#include "java/classfile.h"
#include "java/text.h"

#include <stdlib.h>

static void look_class(struct slice bytes)
{
    struct class_file c;
    struct slice folder, base;
    if (class_open(bytes, &c) != OK)
        return;
    if (c.name.n > bytes.n || class_base_name(&c).n > c.name.n)
        abort();
    if (!class_has_text(&c, c.name)) /* its name is one of its constants */
        abort();
    (void)class_path_split(c.name, &folder, &base);
}

static void cook(struct slice recipe, struct buf *out)
{
    struct slice line = {NULL, 0};
    const char *texts[16];
    char name[64] = "", kept[16][64];
    size_t n = 0;
    uint64_t cut = SIZE_MAX;
    (void)slice_next_line(&recipe, &line);
    (void)snprintf(name, sizeof name, "%.*s", (int)(line.n < 63 ? line.n : 63),
                   (const char *)line.p);
    while (n < ARRAY_LEN(texts) && slice_next_line(&recipe, &line)) {
        if (slice_starts(line, SLICE_LIT("cut ")) &&
            slice_to_u64(slice_sub(line, 4, line.n), &cut) == OK)
            continue;
        (void)snprintf(kept[n], sizeof kept[n], "%.*s", (int)(line.n < 63 ? line.n : 63),
                       (const char *)line.p);
        texts[n] = kept[n];
        n++;
    }
    zipmake_class(out, name, texts, n);
    buf_cut(out, (size_t)(cut < out->n ? cut : out->n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size), rest = in, key, value, folder, base;
    struct buf b;
    buf_init(&b, KIB(64));
    if (slice_starts(in, SLICE_LIT("class ")) && slice_index(in, 0) == in.n) {
        cook(slice_sub(in, 6, in.n), &b);
        look_class(buf_slice(&b));
    }
    look_class(in);
    while (properties_next(&rest, &key, &value))
        if (key.n + value.n >= size)
            abort();
    buf_done(&b);
    buf_init(&b, 100);
    (void)manifest_get(in, "Bundle-Version", &b);
    (void)manifest_get(in, "", &b);
    if (b.n > 100 || buf_status(&b) != OK)
        abort();
    if (class_path_split(in, &folder, &base) && (base.n == 0 || folder.n + base.n >= size))
        abort();
    buf_done(&b);
    return 0;
}
