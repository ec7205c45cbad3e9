/* JSON (RFC 8259), one text or many (NDJSON), as lenient as the most lenient readers: what is no
 * JSON is read as bare words. Only the path to each value is kept, as a pointer (RFC 6901). */
#include "guard/guard_int.h"

enum { GAP, STRING, ESCAPE, UNIT, BARE };

static bool in_array(const struct json_state *j)
{
    return j->depth && j->stack[j->depth - 1].is_array;
}

/* The path of the container. */
static void leave_value(struct guard_stream *st)
{
    struct json_state *j = &st->as.json;
    guard_name_cut(st, j->depth ? j->stack[j->depth - 1].name_n : 0);
}

static void name_number(struct guard_stream *st, uint64_t v)
{
    if (v < 10) {
        guard_name_add(st, (uint8_t)('0' + v));
        return;
    }
    uint8_t text[20];
    size_t n = sizeof text;
    do
        text[--n] = (uint8_t)('0' + v % 10);
    while (v /= 10);
    guard_name_add_all(st, slice_of(text + n, sizeof text - n));
}

/* The path of the value that begins: a key has written it already. */
static void enter_value(struct guard_stream *st)
{
    struct json_state *j = &st->as.json;
    if (j->deeper || (j->depth && !in_array(j)))
        return;
    leave_value(st);
    if (in_array(j)) {
        guard_name_add(st, '/');
        name_number(st, j->stack[j->depth - 1].index);
    }
}

static void push(struct guard_stream *st, bool is_array)
{
    struct json_state *j = &st->as.json;
    enter_value(st);
    j->expects_key = !is_array;
    if (j->deeper || j->depth == LIMIT_GUARD_DEPTH) {
        j->deeper++;
        return;
    }
    j->stack[j->depth].index = 0;
    j->stack[j->depth].name_n = st->name.n;
    j->stack[j->depth++].is_array = is_array;
}

static void pop(struct guard_stream *st)
{
    struct json_state *j = &st->as.json;
    j->expects_key = false;
    if (j->deeper) {
        j->deeper--;
    } else if (j->depth) {
        leave_value(st);
        j->depth--;
    }
}

/* The quotes are not the value's. */
static void begin_string(struct guard_stream *st, uint64_t at)
{
    struct json_state *j = &st->as.json;
    j->is_key = j->expects_key && !j->deeper && j->depth && !in_array(j);
    j->state = STRING;
    j->high = 0;
    if (j->is_key) {
        guard_span(st, GUARD_JSON, true, at + 1);
        leave_value(st);
        guard_name_add(st, '/');
    } else {
        enter_value(st);
        guard_span(st, GUARD_JSON, false, at + 1);
    }
}

/* A byte of a string; a key's go to the path, where / and ~ are written otherwise. */
static void put(struct guard_stream *st, uint8_t c)
{
    if (st->as.json.is_key) {
        if (c == '~' || c == '/') {
            guard_name_add(st, '~');
            guard_name_add(st, c == '~' ? '0' : '1');
        } else {
            guard_name_add(st, c);
        }
    }
    guard_put(st, c);
}

/* Up to the end of the key, or an escape. */
static size_t take_key(struct guard_stream *st, struct slice s)
{
    for (size_t i = 0;;) {
        struct slice rest = slice_sub(s, i, s.n);
        size_t n = guard_name_until4(st, rest, '"', '\\', '~', '/');
        guard_put_all(st, slice_sub(rest, 0, n));
        i += n;
        if (i == s.n || s.p[i] == '"' || s.p[i] == '\\')
            return i;
        put(st, s.p[i++]);
    }
}

static void end_unit(struct guard_stream *st)
{
    struct json_state *j = &st->as.json;
    uint16_t u = j->unit;
    if (j->high && u >= 0xdc00 && u < 0xe000)
        guard_put_point(st, 0x10000 + ((uint32_t)(j->high - 0xd800) << 10) + (u - 0xdc00),
                        j->is_key);
    else if (u < 0x80)
        put(st, (uint8_t)u);
    else if (u < 0xd800 || u >= 0xe000)
        guard_put_point(st, u, j->is_key);
    j->high = u >= 0xd800 && u < 0xdc00 ? u : 0;
    j->state = STRING;
}

static size_t take_escape(struct guard_stream *st, uint8_t c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    struct json_state *j = &st->as.json;
    const char *at = c ? strchr(from, c) : NULL;
    if (c == 'u') {
        j->state = UNIT;
        j->unit = 0;
        j->digits = 0;
        return 1;
    }
    put(st, at ? (uint8_t)to[at - from] : c);
    j->state = STRING;
    return 1;
}

static size_t take_unit(struct guard_stream *st, uint8_t c)
{
    struct json_state *j = &st->as.json;
    int d = hex_value(c);
    if (d < 0) { /* no escape after all */
        j->state = STRING;
        return 0;
    }
    j->unit = (uint16_t)(j->unit << 4 | d);
    if (++j->digits == 4)
        end_unit(st);
    return 1;
}

/* Up to the end of a string that is no key, or an escape that a rule may look into. */
static size_t take_plain(struct guard_stream *st, struct slice s)
{
    size_t n = guard_find2(s, '"', '\\');
    guard_put_all(st, slice_sub(s, 0, n));
    while (!guard_decodes(st) && s.n - n > 1 && s.p[n] == '\\')
        n += 2 + guard_find2(slice_sub(s, n + 2, s.n), '"', '\\');
    return n;
}

static size_t take_string(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct json_state *j = &st->as.json;
    size_t n = j->is_key ? take_key(st, s) : take_plain(st, s);
    if (n == s.n)
        return n;
    if (s.p[n] == '\\') {
        j->state = ESCAPE;
    } else {
        guard_span(st, GUARD_BODY, false, at + n);
        j->state = GAP;
        j->is_key = false;
    }
    return n + 1;
}

static const bool ends_bare[256] = {
    [0 ... ' '] = true, [','] = true, [':'] = true, [']'] = true, ['}'] = true, ['"'] = true};

static size_t take_bare(struct guard_stream *st, struct slice s, uint64_t at)
{
    size_t n = 0;
    while (n < s.n && !ends_bare[s.p[n]])
        n++;
    guard_put_all(st, slice_sub(s, 0, n));
    if (n < s.n) {
        guard_span(st, GUARD_BODY, false, at + n);
        st->as.json.state = GAP;
    }
    return n;
}

/* What stands between values, and the values that end in s, too: one turn each would cost more. */
static size_t take_gap(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct json_state *j = &st->as.json;
    size_t i = 0;
    while (i < s.n && j->state == GAP) {
        uint8_t c = s.p[i++];
        switch (c) {
        case '{':
        case '[':
            push(st, c == '[');
            break;
        case '}':
        case ']':
            pop(st);
            break;
        case ',':
            j->expects_key = !in_array(j);
            if (!j->expects_key && !j->deeper)
                j->stack[j->depth - 1].index++;
            break;
        case ':':
            j->expects_key = false;
            break;
        case '"':
            begin_string(st, at + i - 1);
            i += take_string(st, slice_sub(s, i, s.n), at + i);
            break;
        default:
            if (c <= ' ' || (j->depth == 0 && strchr("\xef\xbb\xbf", c))) /* a byte order mark */
                break;
            enter_value(st);
            guard_span(st, GUARD_JSON, false, at + --i);
            j->state = BARE;
            i += take_bare(st, slice_sub(s, i, s.n), at + i);
        }
    }
    return i;
}

static void parse_json(struct guard_stream *st, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        uint64_t at = st->base + i;
        switch (st->as.json.state) {
        case STRING:
            i += take_string(st, slice_sub(s, i, s.n), at);
            break;
        case ESCAPE:
            i += take_escape(st, s.p[i]);
            break;
        case UNIT:
            i += take_unit(st, s.p[i]);
            break;
        case BARE:
            i += take_bare(st, slice_sub(s, i, s.n), at);
            break;
        default:
            i += take_gap(st, slice_sub(s, i, s.n), at);
        }
    }
}

void guard_json_prepare(struct guard_stream *st)
{
    struct json_state *j = &st->as.json;
    memset(j, 0, offsetof(struct json_state, stack));
    st->parse = parse_json;
    guard_span(st, GUARD_BODY, false, 0);
}
