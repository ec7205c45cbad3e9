/* A body or a query read by a schema that has every type: faults have places and sentences of plain
 * text, what is accepted lies within the limits, and written and read again it is the same. A first
 * byte of '?' makes it a query. */
#include "fuzz.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "board/web/api/schema.h"

static const char *const words[] = {"one", "two", "", NULL};

struct item {
    int64_t n;
    struct slice text;
};
static const struct api_field item_fields[] = {
    API_ROW(struct item, n, "n", API_INT, .flags = API_NEED, .min = -5, .max = 5),
    API_ROW(struct item, text, "t", API_TEXT),
    {0},
};
static const struct api_schema item_schema = {"Item", sizeof(struct item), item_fields, NULL};

struct thing {
    struct slice text, word, lines;
    int64_t number, id, flag, known, time, bits;
    bool yes;
    struct api_ids ids;
    struct api_list list;
    const struct item *object;
};
static const struct api_field thing_fields[] = {
    API_ROW(struct thing, text, "text", API_TEXT, .max = 8),
    API_ROW(struct thing, word, "word", API_WORD, .words = words),
    API_ROW(struct thing, number, "number", API_INT, .min = 0, .max = 10),
    API_ROW(struct thing, id, "id", API_ID, .flags = API_NULL),
    API_ROW(struct thing, yes, "yes", API_BOOL),
    API_ROW(struct thing, flag, "flag", API_FLAG),
    API_ROW(struct thing, known, "known", API_KNOWN, .flags = API_NULL),
    API_ROW(struct thing, time, "time", API_TIME, .flags = API_NULL),
    API_ROW(struct thing, lines, "lines", API_LINES, .max = 10),
    API_ROW(struct thing, bits, "bits", API_BITS, .words = words),
    API_ROW(struct thing, ids, "ids", API_IDS, .max = 3),
    API_ROW(struct thing, list, "list", API_LIST, .of = &item_schema, .max = 2),
    API_ROW(struct thing, object, "a/b", API_OBJECT, .flags = API_NULL, .of = &item_schema),
    {0},
};
static const struct api_schema thing_schema = {"Thing", sizeof(struct thing), thing_fields, NULL};

static void check_text(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
            abort();
    if (!utf8_valid(slice_str(text), NULL))
        abort();
}

static void check_faults(const struct api_faults *f)
{
    if (f->count == 0 && !f->more)
        abort();
    for (size_t i = 0; i < f->count; i++) {
        if (f->list[i].detail[0] == '\0' || (!f->parameters && f->list[i].at[0] != '/'))
            abort();
        check_text(f->list[i].detail);
    }
}

static void check_thing(const struct thing *t)
{
    if (t->text.n > 8 || t->lines.n > 10 || t->ids.count > 3 || t->list.count > 2 ||
        t->number < 0 || t->number > 10 || t->id < 0 || t->bits > 7)
        abort();
}

/* Written, read and written again: the same text. */
static void check_again(const struct thing *t, struct arena *a)
{
    struct thing second = {0};
    struct api_faults f = {.a = a};
    uint64_t given = 0;
    json_t *v = api_write(&thing_schema, t);
    if (!v)
        abort();
    if (api_read_json(&thing_schema, v, &second, &given, &f) != OK)
        abort();
    json_t *w = api_write(&thing_schema, &second);
    if (!w || !json_equal(v, w))
        abort();
    json_decref(w);
    json_decref(v);
}

static enum status read_query(struct slice s, struct arena *a, struct thing *t,
                              struct api_faults *f)
{
    struct api_pair pairs[32];
    struct slice part;
    size_t n = 0;
    uint64_t given = 0;
    f->parameters = true;
    while (n < ARRAY_LEN(pairs) && slice_next_field(&s, '&', &part)) {
        size_t at = slice_index(part, '=');
        pairs[n++] = (struct api_pair){slice_sub(part, 0, at), slice_sub(part, at + 1, part.n)};
    }
    (void)a;
    return api_read_pairs(&thing_schema, pairs, n, t, &given, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct thing t = {0};
    struct api_faults f = {.a = &a};
    uint64_t given = 0;
    json_t *v = NULL;
    enum status s;
    arena_init(&a, MIB(16));
    if (size && data[0] == '?') {
        s = read_query(slice_of(data + 1, size - 1), &a, &t, &f);
    } else {
        v = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
        s = json_is_object(v) ? api_read_json(&thing_schema, v, &t, &given, &f) : ST_END;
    }
    if (s == OK) {
        check_thing(&t);
        check_again(&t, &a);
    } else if (s == ST_INVALID) {
        check_faults(&f);
    }
    json_decref(v);
    arena_done(&a);
    return 0;
}
