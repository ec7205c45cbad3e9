/* Reading by schema: JSON bodies, query strings, forms. See schema.h. */
#include "base/limits.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "board/web/api/schema.h"

#include <inttypes.h>

struct reading {
    struct api_faults *f;
    enum status failed; /* ST_NOMEM sticks */
};

void api_fault_add(struct api_faults *f, const char *at, const char *format, ...)
{
    struct buf b;
    va_list ap;
    char text[800];
    if (f->count == API_FAULTS) {
        f->more = true;
        return;
    }
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, messages_get(f->lang, format), ap);
    va_end(ap);
    buf_init(&b, KIB(4));
    /* what was typed stands in it: shown so that it cannot disturb a terminal */
    (void)text_add_escaped(&b, slice_str(text));
    struct api_fault *fault = &f->list[f->count];
    fault->at = arena_strdup(f->a, slice_str(at));
    fault->detail = arena_strdup(f->a, buf_slice(&b));
    fault->parameter = f->parameters;
    buf_done(&b);
    if (fault->at && fault->detail)
        f->count++;
    else
        f->more = true;
}

/* "/a~1b/3": the pointer of a member below one. NULL: no memory. */
static const char *below(struct reading *r, const char *at, struct slice name)
{
    struct buf b;
    if (r->f->parameters)
        return arena_strdup(r->f->a, slice_sub(name, 0, utf8_floor(name, 100)));
    buf_init(&b, KIB(1));
    (void)buf_add_str(&b, at);
    (void)buf_add_char(&b, '/');
    name = slice_sub(name, 0, utf8_floor(name, 100));
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~' || name.p[i] == '/')
            (void)buf_addf(&b, "~%c", name.p[i] == '~' ? '0' : '1');
        else
            (void)buf_add_char(&b, (char)name.p[i]);
    }
    const char *ret = buf_status(&b) == OK ? arena_strdup(r->f->a, buf_slice(&b)) : NULL;
    buf_done(&b);
    if (!ret)
        r->failed = ST_NOMEM;
    return ret;
}

static void *at_of(void *to, const struct api_field *d)
{
    return (char *)to + d->at;
}

static int64_t most(const struct api_field *d, int64_t otherwise)
{
    return d->max ? d->max : otherwise;
}

/* --- single values, however they came */

static bool plain(struct slice s, bool lines)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if ((c < 0x20 || c == 0x7f) && !(lines && (c == '\n' || c == '\t' || c == '\r')))
            return false;
    }
    return true;
}

static bool take_text(struct reading *r, const struct api_field *d, const char *at, struct slice s,
                      struct slice *ret)
{
    int64_t max = most(d, API_TEXT_MAX);
    if (s.n > (uint64_t)max)
        api_fault_add(r->f, at, N_("longer than %lld bytes"), (long long)max);
    else if (s.n < (uint64_t)d->min)
        api_fault_add(r->f, at, N_("must not be empty"));
    else if (!utf8_valid(s, NULL) || !plain(s, true))
        api_fault_add(r->f, at, N_("holds a control character"));
    else {
        *ret = s;
        return true;
    }
    return false;
}

/* The words of a field, for people: "a, b, c". */
static void wrong_word(struct reading *r, const struct api_field *d, const char *at, struct slice s)
{
    struct buf b;
    buf_init(&b, 400);
    for (const char *const *w = d->words; *w; w++)
        (void)buf_addf(&b, "%s%s", b.n ? ", " : "", **w ? *w : "\"\"");
    api_fault_add(r->f, at, N_("\"%.*s\" is none of: %s"), (int)utf8_floor(s, 60),
                  s.p ? (const char *)s.p : "", buf_text(&b));
    buf_done(&b);
}

static int find_word(const struct api_field *d, struct slice s)
{
    for (int i = 0; d->words[i]; i++) {
        if (slice_eq_str(s, d->words[i]))
            return i;
    }
    return -1;
}

static bool take_word(struct reading *r, const struct api_field *d, const char *at, struct slice s,
                      struct slice *ret)
{
    int i = find_word(d, s);
    if (i < 0)
        wrong_word(r, d, at, s);
    else
        *ret = slice_str(d->words[i]);
    return i >= 0;
}

static bool take_bit(struct reading *r, const struct api_field *d, const char *at, struct slice s,
                     int64_t *bits)
{
    int i = find_word(d, s);
    if (i < 0)
        wrong_word(r, d, at, s);
    else
        *bits |= INT64_C(1) << i;
    return i >= 0;
}

static bool take_int(struct reading *r, const struct api_field *d, const char *at, int64_t v,
                     int64_t *ret)
{
    int64_t min = d->type == API_ID ? 1 : d->min;
    int64_t max = most(d, INT64_MAX);
    if (v < min || v > max) {
        if (max == INT64_MAX)
            api_fault_add(r->f, at, N_("has to be %lld or more"), (long long)min);
        else
            api_fault_add(r->f, at, N_("has to be from %lld to %lld"), (long long)min,
                          (long long)max);
        return false;
    }
    *ret = v;
    return true;
}

static bool take_time(struct reading *r, const char *at, struct slice s, int64_t *ret)
{
    if (time_parse_rfc3339(s, ret) == OK && *ret > 0)
        return true;
    api_fault_add(r->f, at, N_("is no time like 2021-12-10T18:00:00+09:00"));
    return false;
}

/* --- JSON */

static const char *type_name(const struct api_field *d)
{
    switch (d->type) {
    case API_TEXT:
    case API_WORD:
        return N_("has to be a text");
    case API_INT:
    case API_ID:
        return N_("has to be a whole number");
    case API_BOOL:
    case API_FLAG:
    case API_KNOWN:
        return N_("has to be true or false");
    case API_TIME:
        return N_("has to be a time as text");
    case API_LINES:
    case API_BITS:
    case API_IDS:
    case API_LIST:
        return N_("has to be a list");
    case API_OBJECT:
    case API_JSON:
    case API_JSON_TEXT:
        break;
    }
    return N_("has to be an object");
}

static bool type_fits(const struct api_field *d, const json_t *v)
{
    switch (d->type) {
    case API_TEXT:
    case API_WORD:
    case API_TIME:
        return json_is_string(v);
    case API_INT:
    case API_ID:
        return json_is_integer(v);
    case API_BOOL:
    case API_FLAG:
    case API_KNOWN:
        return json_is_boolean(v);
    case API_LINES:
    case API_BITS:
    case API_IDS:
    case API_LIST:
        return json_is_array(v);
    case API_OBJECT:
        return json_is_object(v);
    case API_JSON:
    case API_JSON_TEXT:
        break;
    }
    return false;
}

static void read_object(struct reading *r, const struct api_schema *s, const char *at,
                        const json_t *object, void *to, uint64_t *given);

static struct slice text_of(const json_t *v)
{
    return slice_of(json_string_value(v), json_string_length(v));
}

static bool count_fits(struct reading *r, const struct api_field *d, const char *at, size_t n)
{
    int64_t max = most(d, API_ITEMS_MAX);
    if (n > (uint64_t)max)
        api_fault_add(r->f, at, N_("has more than %lld items"), (long long)max);
    else if (n < (uint64_t)d->min)
        api_fault_add(r->f, at, N_("has no items"));
    else
        return true;
    return false;
}

static const char *item_at(struct reading *r, const char *at, size_t i)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", i);
    const char *ret = below(r, at, slice_str(number));
    return ret ? ret : at;
}

/* One text of a list: a line, so it has none in it. */
static void add_line(struct reading *r, const char *at, struct slice line, struct buf *out)
{
    if (!utf8_valid(line, NULL) || !plain(line, false))
        api_fault_add(r->f, at, N_("holds a control character"));
    else if (line.n) {
        if (out->n)
            (void)buf_add_char(out, '\n');
        (void)buf_add_slice(out, line);
    }
}

static bool keep_lines(struct reading *r, const struct api_field *d, const char *at,
                       struct buf *lines, struct slice *ret)
{
    bool fits = buf_status(lines) == OK;
    if (buf_status(lines) == ST_NOMEM || (fits && arena_copy(r->f->a, buf_slice(lines), ret) != OK))
        r->failed = ST_NOMEM;
    else if (!fits)
        api_fault_add(r->f, at, N_("longer than %lld bytes"), (long long)most(d, API_TEXT_MAX));
    buf_done(lines);
    return fits;
}

static void read_lines(struct reading *r, const struct api_field *d, const char *at,
                       const json_t *v, struct slice *ret)
{
    struct buf lines;
    buf_init(&lines, (size_t)most(d, API_TEXT_MAX));
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        if (json_is_string(item))
            add_line(r, item_at(r, at, i), text_of(item), &lines);
        else
            api_fault_add(r->f, item_at(r, at, i), N_("has to be a text"));
    }
    (void)keep_lines(r, d, at, &lines, ret);
}

static void read_bits(struct reading *r, const struct api_field *d, const char *at, const json_t *v,
                      int64_t *ret)
{
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        if (json_is_string(item))
            (void)take_bit(r, d, item_at(r, at, i), text_of(item), ret);
        else
            api_fault_add(r->f, item_at(r, at, i), N_("has to be a text"));
    }
}

static void read_ids(struct reading *r, const struct api_field *d, const char *at, const json_t *v,
                     struct api_ids *ret)
{
    static const struct api_field one = {.type = API_ID};
    size_t n = json_array_size(v);
    if (!count_fits(r, d, at, n))
        return;
    ret->v = arena_alloc_array(r->f->a, n + 1, sizeof *ret->v);
    if (!ret->v) {
        r->failed = ST_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(v, i);
        if (json_is_integer(item))
            (void)take_int(r, &one, item_at(r, at, i), json_integer_value(item), &ret->v[i]);
        else
            api_fault_add(r->f, item_at(r, at, i), N_("has to be a whole number"));
    }
    ret->count = n;
}

static void read_list(struct reading *r, const struct api_field *d, const char *at, const json_t *v,
                      struct api_list *ret)
{
    size_t n = json_array_size(v);
    if (!count_fits(r, d, at, n))
        return;
    char *items = arena_alloc_array(r->f->a, n + 1, d->of->size);
    if (!items) {
        r->failed = ST_NOMEM;
        return;
    }
    for (size_t i = 0; i < n && r->failed == OK && !r->f->more; i++) {
        const json_t *item = json_array_get(v, i);
        uint64_t given = 0;
        if (json_is_object(item))
            read_object(r, d->of, item_at(r, at, i), item, items + i * d->of->size, &given);
        else
            api_fault_add(r->f, item_at(r, at, i), N_("has to be an object"));
    }
    *ret = (struct api_list){items, n};
}

static void read_nested(struct reading *r, const struct api_field *d, const char *at,
                        const json_t *v, const void **ret)
{
    uint64_t given = 0;
    void *to = arena_alloc(r->f->a, d->of->size);
    if (!to)
        r->failed = ST_NOMEM;
    else
        read_object(r, d->of, at, v, to, &given);
    *ret = to;
}

static void read_value(struct reading *r, const struct api_field *d, const char *at,
                       const json_t *v, void *to)
{
    if (json_is_null(v) && (d->flags & API_NULL))
        return;
    if (!type_fits(d, v)) {
        api_fault_add(r->f, at, "%s", messages_get(r->f->lang, type_name(d)));
        return;
    }
    switch (d->type) {
    case API_TEXT:
        (void)take_text(r, d, at, text_of(v), to);
        break;
    case API_WORD:
        (void)take_word(r, d, at, text_of(v), to);
        break;
    case API_INT:
    case API_ID:
        (void)take_int(r, d, at, json_integer_value(v), to);
        break;
    case API_BOOL:
        *(bool *)to = json_is_true(v);
        break;
    case API_FLAG:
        *(int64_t *)to = json_is_true(v);
        break;
    case API_KNOWN:
        *(int64_t *)to = json_is_true(v) ? 1 : 2;
        break;
    case API_TIME:
        (void)take_time(r, at, text_of(v), to);
        break;
    case API_LINES:
        read_lines(r, d, at, v, to);
        break;
    case API_BITS:
        read_bits(r, d, at, v, to);
        break;
    case API_IDS:
        read_ids(r, d, at, v, to);
        break;
    case API_LIST:
        read_list(r, d, at, v, to);
        break;
    case API_OBJECT:
        read_nested(r, d, at, v, to);
        break;
    case API_JSON:
    case API_JSON_TEXT:
        break;
    }
}

static const struct api_field *find_field(const struct api_schema *s, struct slice name,
                                          unsigned *ret_index)
{
    for (unsigned i = 0; s->fields[i].name; i++) {
        if (slice_eq_str(name, s->fields[i].name)) {
            *ret_index = i;
            return &s->fields[i];
        }
    }
    return NULL;
}

static void unknown(struct reading *r, const struct api_schema *s, const char *at)
{
    struct buf b;
    buf_init(&b, 450);
    for (const struct api_field *d = s->fields; d->name; d++)
        (void)buf_addf(&b, "%s%s", b.n ? ", " : "", d->name);
    api_fault_add(r->f, at, N_("there is no such field; there are: %s"), buf_text(&b));
    buf_done(&b);
}

static void missing(struct reading *r, const struct api_schema *s, const char *at, uint64_t given)
{
    for (unsigned i = 0; s->fields[i].name; i++) {
        const struct api_field *d = &s->fields[i];
        const char *place;
        if (!(d->flags & API_NEED) || (given >> i & 1))
            continue;
        place = below(r, at, slice_str(d->name));
        if (place)
            api_fault_add(r->f, place, N_("is missing"));
    }
}

static void read_object(struct reading *r, const struct api_schema *s, const char *at,
                        const json_t *object, void *to, uint64_t *given)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        unsigned i = 0;
        const struct api_field *d = find_field(s, slice_str(key), &i);
        const char *place = below(r, at, slice_str(key));
        if (!place || r->failed != OK || r->f->more)
            return;
        if (!d) {
            unknown(r, s, place);
            continue;
        }
        *given |= UINT64_C(1) << i;
        read_value(r, d, place, v, at_of(to, d));
    }
    missing(r, s, at, *given);
}

static enum status result(const struct reading *r)
{
    if (r->failed != OK)
        return r->failed;
    return r->f->count || r->f->more ? ST_INVALID : OK;
}

enum status api_read_json(const struct api_schema *s, const json_t *object, void *to,
                          uint64_t *ret_given, struct api_faults *f)
{
    struct reading r = {.f = f};
    uint64_t given = 0;
    f->parameters = false;
    read_object(&r, s, "", object, to, &given);
    *ret_given = given;
    return result(&r);
}

/* --- query strings and forms */

static void pair_ids(struct reading *r, const struct api_field *d, const char *at, struct slice v,
                     struct api_ids *ids)
{
    static const struct api_field one = {.type = API_ID};
    struct slice item;
    size_t n = ids->count + 1;
    for (size_t i = 0; i < v.n; i++)
        n += v.p[i] == ',';
    if (!count_fits(r, d, at, n))
        return;
    int64_t *grown = arena_alloc_array(r->f->a, n, sizeof *grown);
    if (!grown) {
        r->failed = ST_NOMEM;
        return;
    }
    if (ids->count)
        memcpy(grown, ids->v, ids->count * sizeof *grown);
    ids->v = grown;
    while (slice_next_field(&v, ',', &item)) {
        int64_t id = 0;
        if (slice_to_i64(slice_trim(item), &id) != OK)
            api_fault_add(r->f, at, N_("has to be a whole number"));
        else if (take_int(r, &one, at, id, &id))
            ids->v[ids->count++] = id;
    }
}

static void pair_lines(struct reading *r, const struct api_field *d, const char *at, struct slice v,
                       struct slice *ret)
{
    struct buf lines;
    struct slice line;
    buf_init(&lines, (size_t)most(d, API_TEXT_MAX));
    (void)buf_add_slice(&lines, *ret);
    while (slice_next_line(&v, &line))
        add_line(r, at, line, &lines);
    (void)keep_lines(r, d, at, &lines, ret);
}

static bool pair_bool(struct reading *r, const char *at, struct slice v)
{
    static const char *const yes[] = {"1", "true", "on", NULL};
    static const char *const no[] = {"0", "false", NULL};
    for (size_t i = 0; yes[i]; i++)
        if (slice_eq_str(v, yes[i]))
            return true;
    for (size_t i = 0; no[i]; i++)
        if (slice_eq_str(v, no[i]))
            return false;
    api_fault_add(r->f, at, N_("has to be true or false"));
    return false;
}

static void pair_number(struct reading *r, const struct api_field *d, const char *at,
                        struct slice v, int64_t *ret)
{
    int64_t n = 0;
    if (slice_to_i64(v, &n) != OK)
        api_fault_add(r->f, at, N_("has to be a whole number"));
    else
        (void)take_int(r, d, at, n, ret);
}

static void read_pair(struct reading *r, const struct api_field *d, const char *at, struct slice v,
                      void *to)
{
    struct slice item;
    switch (d->type) {
    case API_TEXT:
        (void)take_text(r, d, at, v, to);
        break;
    case API_WORD:
        (void)take_word(r, d, at, v, to);
        break;
    case API_INT:
    case API_ID:
        pair_number(r, d, at, v, to);
        break;
    case API_BOOL:
        *(bool *)to = pair_bool(r, at, v);
        break;
    case API_FLAG:
        *(int64_t *)to = pair_bool(r, at, v);
        break;
    case API_KNOWN:
        *(int64_t *)to = pair_bool(r, at, v) ? 1 : 2;
        break;
    case API_TIME:
        (void)take_time(r, at, v, to);
        break;
    case API_LINES:
        pair_lines(r, d, at, v, to);
        break;
    case API_BITS:
        while (slice_next_field(&v, ',', &item))
            (void)take_bit(r, d, at, slice_trim(item), to);
        break;
    case API_IDS:
        pair_ids(r, d, at, v, to);
        break;
    case API_LIST:
    case API_OBJECT:
    case API_JSON:
    case API_JSON_TEXT:
        api_fault_add(r->f, at, N_("can be given as JSON only"));
        break;
    }
}

static bool repeats(const struct api_field *d)
{
    return d->type == API_BITS || d->type == API_IDS || d->type == API_LINES;
}

enum status api_read_pairs(const struct api_schema *s, const struct api_pair *pairs, size_t count,
                           void *to, uint64_t *ret_given, struct api_faults *f)
{
    struct reading r = {.f = f};
    uint64_t given = 0;
    for (size_t i = 0; i < count && r.failed == OK && !f->more; i++) {
        unsigned at = 0;
        const struct api_field *d = find_field(s, pairs[i].name, &at);
        const char *place = below(&r, "", pairs[i].name);
        bool word =
            d && d->type == API_WORD && pairs[i].value.n == 0 && find_word(d, pairs[i].value) >= 0;
        if (!place)
            break;
        if (!d) {
            unknown(&r, s, place);
            continue;
        }
        if (pairs[i].value.n == 0 && !word)
            continue;
        if ((given >> at & 1) && !repeats(d)) {
            api_fault_add(f, place, N_("is given twice"));
            continue;
        }
        given |= UINT64_C(1) << at;
        read_pair(&r, d, place, pairs[i].value, at_of(to, d));
    }
    missing(&r, s, "", given);
    *ret_given = given;
    return result(&r);
}
