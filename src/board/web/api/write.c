/* Writing by schema, and describing it. See schema.h. */
#include "base/limits.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "board/web/api/schema.h"

/* Text of ours is UTF-8; what is not all the same is shown as such, not dropped. */
static json_t *text(struct slice s)
{
    struct buf b;
    if (utf8_valid(s, NULL))
        return json_stringn_nocheck(s.p ? (const char *)s.p : "", s.n);
    buf_init(&b, 3 * s.n + 1);
    for (size_t i = 0; i < s.n;) {
        size_t n = 0;
        bool ok = false;
        uint8_t out[4];
        uint32_t cp = utf8_decode(slice_sub(s, i, s.n), &n, &ok);
        (void)buf_add(&b, out, utf8_encode(cp, out));
        i += n;
    }
    json_t *ret = buf_status(&b) == OK ? json_stringn_nocheck(buf_text(&b), b.n) : NULL;
    buf_done(&b);
    return ret;
}

static json_t *time_text(int64_t ms)
{
    char out[TIME_RFC3339_SIZE];
    if (ms == 0)
        return json_null();
    time_format_utc(ms, out);
    return json_string(out);
}

/* Takes item; the list is NULL afterwards when memory ran out. */
static json_t *append(json_t *list, json_t *item)
{
    if (!list || json_array_append_new(list, item) == 0) {
        if (!list)
            json_decref(item);
        return list;
    }
    json_decref(list);
    return NULL;
}

static json_t *lines(struct slice s)
{
    json_t *list = json_array();
    struct slice line;
    while (slice_next_line(&s, &line))
        list = append(list, text(line));
    return list;
}

static json_t *bits(const struct api_field *d, int64_t v)
{
    json_t *list = json_array();
    for (int i = 0; d->words[i]; i++) {
        if (v >> i & 1)
            list = append(list, json_string(d->words[i]));
    }
    return list;
}

static json_t *ids(const struct api_ids *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->count; i++)
        list = append(list, json_integer(v->v[i]));
    return list;
}

static json_t *objects(const struct api_schema *of, const struct api_list *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->count && list; i++)
        list = append(list, api_write(of, (const char *)v->v + i * of->size));
    return list;
}

static json_t *parsed(struct slice s)
{
    return s.n ? json_loadb((const char *)s.p, s.n, JSON_DECODE_ANY, NULL) : json_null();
}

static json_t *value(const struct api_field *d, const void *from)
{
    int64_t n = 0;
    switch (d->type) {
    case API_TEXT:
    case API_WORD:
        if ((d->flags & API_NULL) && ((const struct slice *)from)->n == 0)
            return json_null();
        return text(*(const struct slice *)from);
    case API_INT:
        return json_integer(*(const int64_t *)from);
    case API_ID:
        n = *(const int64_t *)from;
        return n ? json_integer(n) : json_null();
    case API_BOOL:
        return json_boolean(*(const bool *)from);
    case API_FLAG:
        n = *(const int64_t *)from;
        return json_boolean(n != 0);
    case API_KNOWN:
        n = *(const int64_t *)from;
        return n == 0 ? json_null() : json_boolean(n == 1);
    case API_TIME:
        return time_text(*(const int64_t *)from);
    case API_LINES:
        return lines(*(const struct slice *)from);
    case API_BITS:
        return bits(d, *(const int64_t *)from);
    case API_IDS:
        return ids(from);
    case API_LIST:
        return objects(d->of, from);
    case API_OBJECT:
        return *(const void *const *)from ? api_write(d->of, *(const void *const *)from)
                                          : json_null();
    case API_JSON:
        return *(json_t *const *)from ? json_incref(*(json_t *const *)from) : json_null();
    case API_JSON_TEXT:
        return parsed(*(const struct slice *)from);
    }
    return NULL;
}

json_t *api_write(const struct api_schema *s, const void *from)
{
    json_t *object = json_object();
    for (const struct api_field *d = s->fields; d->name && object; d++) {
        if (json_object_set_new_nocheck(object, d->name, value(d, (const char *)from + d->at)) !=
            0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

/* --- JSON Schema */

static json_t *words_of(const struct api_field *d)
{
    json_t *list = json_array();
    for (const char *const *w = d->words; *w; w++)
        list = append(list, json_string(*w));
    return list;
}

/* {"type": type} or {"type": [type, "null"]} */
static json_t *typed(const char *type, bool null)
{
    return null ? json_pack("{s:[s, s]}", "type", type, "null") : json_pack("{s:s}", "type", type);
}

static json_t *ref_to(const struct api_schema *s)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", s->name);
}

static json_t *list_of(json_t *items, const struct api_field *d, bool answer)
{
    json_t *ret = json_pack("{s:s, s:o}", "type", "array", "items", items);
    if (ret && !answer)
        (void)json_object_set_new(ret, "maxItems", json_integer(d->max ? d->max : API_ITEMS_MAX));
    if (ret && !answer && d->min)
        (void)json_object_set_new(ret, "minItems", json_integer(d->min));
    return ret;
}

static json_t *text_schema(const struct api_field *d, bool null, bool answer)
{
    json_t *ret = typed("string", null);
    if (ret && !answer) /* characters are bytes or fewer: what is longer is refused for certain */
        (void)json_object_set_new(ret, "maxLength", json_integer(d->max ? d->max : API_TEXT_MAX));
    if (ret && !answer && d->min)
        (void)json_object_set_new(ret, "minLength", json_integer(d->min));
    return ret;
}

static json_t *number_schema(const struct api_field *d, bool null, bool answer)
{
    json_t *ret = typed("integer", null);
    if (ret && !(answer && d->type == API_INT))
        (void)json_object_set_new(ret, "minimum", json_integer(d->type == API_ID ? 1 : d->min));
    if (ret && d->max)
        (void)json_object_set_new(ret, "maximum", json_integer(d->max));
    return ret;
}

static json_t *field_schema(const struct api_field *d, bool answer)
{
    bool null = (d->flags & API_NULL) != 0;
    bool maybe = answer || null; /* of types that have nothing to stand for "none" */
    json_t *words = NULL;
    switch (d->type) {
    case API_TEXT:
        return text_schema(d, null, answer);
    case API_WORD:
        words = words_of(d);
        if (null && words)
            (void)json_array_append_new(words, json_null());
        return json_pack("{s:o}", "enum", words);
    case API_INT:
        return number_schema(d, null && !answer, answer);
    case API_ID:
        return number_schema(d, null, answer);
    case API_BOOL:
    case API_FLAG:
        return typed("boolean", null && !answer);
    case API_KNOWN:
        return typed("boolean", maybe);
    case API_TIME:
        return maybe ? json_pack("{s:[s, s], s:s}", "type", "string", "null", "format", "date-time")
                     : json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case API_LINES:
        return list_of(json_pack("{s:s}", "type", "string"), d, answer);
    case API_BITS:
        return list_of(json_pack("{s:o}", "enum", words_of(d)), d, answer);
    case API_IDS:
        return list_of(json_pack("{s:s, s:i}", "type", "integer", "minimum", 1), d, answer);
    case API_LIST:
        return list_of(ref_to(d->of), d, answer);
    case API_OBJECT:
        return d->flags & API_NULL
                   ? json_pack("{s:[o, {s:s}]}", "anyOf", ref_to(d->of), "type", "null")
                   : ref_to(d->of);
    case API_JSON:
    case API_JSON_TEXT:
        return json_loads(d->raw, 0, NULL);
    }
    return NULL;
}

json_t *api_describe_field(const struct api_field *f, bool answer)
{
    json_t *ret = field_schema(f, answer);
    if (ret && f->says && json_object_set_new(ret, "description", json_string(f->says)) != 0) {
        json_decref(ret);
        ret = NULL;
    }
    return ret;
}

json_t *api_describe(const struct api_schema *s, bool answer)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct api_field *d = s->fields; d->name && properties; d++) {
        if (json_object_set_new(properties, d->name, api_describe_field(d, answer)) != 0) {
            json_decref(properties);
            properties = NULL;
        }
        if (answer || (d->flags & API_NEED))
            required = append(required, json_string(d->name));
    }
    return json_pack("{s:s, s:s*, s:o, s:o, s:b}", "type", "object", "description", s->says,
                     "properties", properties, "required", required, "additionalProperties", 0);
}
