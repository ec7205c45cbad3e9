/* XML 1.0 as far as it says whose text something is: elements, attributes, CDATA. Comments,
 * instructions and declarations are text of where they stand. Nothing is checked and no entity is
 * looked up but the five predefined ones and numbers. */
#include "guard/guard_int.h"

enum {
    TEXT,
    TAG,     /* behind < */
    NAME,    /* of the element */
    END_TAG, /* of the element that ends */
    INSIDE,  /* between attributes */
    ATTRIBUTE,
    EQUALS, /* behind its name */
    VALUE,
    MARK, /* behind <! */
    COMMENT,
    CDATA,
    INSTRUCTION,
    DECLARATION,
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The path of the element that is open. */
static void cut_path(struct guard_stream *st)
{
    struct xml_state *x = &st->as.xml;
    guard_name_cut(st, x->depth ? x->stack[x->depth - 1] : 0);
}

static void push(struct guard_stream *st)
{
    struct xml_state *x = &st->as.xml;
    if (x->deeper || x->depth == LIMIT_GUARD_DEPTH)
        x->deeper++;
    else
        x->stack[x->depth++] = st->name.n;
}

static void pop(struct xml_state *x)
{
    if (x->deeper)
        x->deeper--;
    else if (x->depth)
        x->depth--;
}

static void text_from(struct guard_stream *st, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    cut_path(st);
    guard_span(st, GUARD_XML, false, at);
    x->state = TEXT;
    x->entity_n = 0;
}

/* --- entities */

static bool number(struct slice s, uint32_t *ret)
{
    uint32_t v = 0, base = 10;
    if (s.n && s.p[0] == 'x') {
        base = 16;
        s = slice_sub(s, 1, s.n);
    }
    for (size_t i = 0; i < s.n; i++) {
        int d = hex_value(s.p[i]);
        if (d < 0 || (uint32_t)d >= base)
            return false;
        v = v * base + (uint32_t)d;
        if (v > 0x10ffff)
            return false;
    }
    *ret = v;
    return s.n > 0;
}

/* What stands between & and ;. */
static void end_entity(struct guard_stream *st)
{
    static const struct {
        const char *name;
        uint8_t c;
    } names[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    struct xml_state *x = &st->as.xml;
    struct slice s = slice_of(x->entity + 1, x->entity_n - 1u);
    uint32_t cp;
    x->entity_n = 0;
    if (s.n && s.p[0] == '#' && number(slice_sub(s, 1, s.n), &cp)) {
        guard_put_point(st, cp, false);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_str(s, names[i].name)) {
            guard_put(st, names[i].c);
            return;
        }
    }
    guard_put(st, '&');
    guard_put_all(st, s);
    guard_put(st, ';');
}

static void give_up_entity(struct guard_stream *st)
{
    struct xml_state *x = &st->as.xml;
    if (x->entity_n)
        guard_put_all(st, slice_of(x->entity, x->entity_n));
    x->entity_n = 0;
}

static bool only_zeros(const struct xml_state *x)
{
    struct slice s = slice_of(x->entity, x->entity_n);
    return slice_eq_str(s, "&#0") || slice_eq_str(s, "&#x0");
}

/* Text or the value of an attribute; its end is not among it. */
static void put_text(struct guard_stream *st, struct slice s)
{
    struct xml_state *x = &st->as.xml;
    for (size_t i = 0; guard_decodes(st) && i < s.n; i++) {
        if (x->entity_n == 0) {
            struct slice rest = slice_sub(s, i, s.n);
            size_t n = guard_find(rest, '&');
            guard_put_all(st, slice_sub(rest, 0, n));
            i += n;
            if (i == s.n)
                break;
        }
        uint8_t c = s.p[i];
        if (x->entity_n && c == ';') {
            end_entity(st);
            continue;
        }
        bool goes_on = x->entity_n && x->entity_n < sizeof x->entity && c != '&' && !is_space(c);
        if (x->entity_n && !goes_on)
            give_up_entity(st);
        if (goes_on && c == '0' && only_zeros(x)) /* any number of them may lead */
            continue;
        if (goes_on || c == '&')
            x->entity[x->entity_n++] = (char)c;
        else
            guard_put(st, c);
    }
}

/* --- states: each takes some bytes or leaves for another one */

static size_t take_tag(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    x->matched = 0;
    x->closes = false;
    switch (c) {
    case '!':
        x->state = MARK;
        return 1;
    case '?':
        guard_span(st, GUARD_XML, false, at + 1);
        guard_unsaid(st);
        x->state = INSTRUCTION;
        x->declaration_n = 0;
        return 1;
    case '/':
        x->state = END_TAG;
        return 1;
    default:
        guard_span(st, GUARD_XML, true, at);
        guard_unsaid(st);
        if (st->name.n)
            guard_name_add(st, '/');
        x->state = NAME;
        return 0;
    }
}

/* A bit for each of 16 bytes that ends a name: a space, > or the sign. */
static unsigned name_ends(__m128i v, uint8_t sign)
{
    return guard_some4(v, ' ', '\t', '\n', '\r') | guard_some4(v, '>', sign, sign, sign);
}

/* The name, or what there is of it; its end is not taken. */
static size_t take_word(struct guard_stream *st, struct slice s, uint8_t sign)
{
    size_t n = 0;
    unsigned some = 0;
    while (some == 0 && s.n - n >= 16) {
        some = name_ends(guard_load(s.p + n), sign);
        n += some ? (unsigned)__builtin_ctz(some) : 16;
    }
    while (some == 0 && n < s.n && !is_space(s.p[n]) && s.p[n] != '>' && s.p[n] != sign)
        n++;
    guard_put_all_to(st, slice_sub(s, 0, n), true);
    return n;
}

static size_t take_name(struct guard_stream *st, struct slice s, uint64_t at)
{
    size_t n = take_word(st, s, '/');
    if (n < s.n) {
        guard_span(st, GUARD_BODY, false, at + n);
        push(st);
        st->as.xml.state = INSIDE;
    }
    return n;
}

static size_t take_end_tag(struct guard_stream *st, struct slice s, uint64_t at)
{
    size_t n = guard_find(s, '>');
    if (n == s.n)
        return n;
    pop(&st->as.xml);
    text_from(st, at + n + 1);
    return n + 1;
}

static size_t take_inside(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    if (c == '>') {
        if (x->closes)
            pop(x);
        text_from(st, at + 1);
    } else if (c == '/') {
        x->closes = true;
    } else if (!is_space(c)) {
        x->closes = false;
        cut_path(st);
        guard_span(st, GUARD_XML, true, at);
        guard_unsaid(st);
        guard_name_add(st, '/');
        guard_name_add(st, '@');
        x->state = ATTRIBUTE;
        return 0;
    }
    return 1;
}

static size_t take_text(struct guard_stream *st, struct slice s, uint64_t at)
{
    size_t n = guard_find(s, '<');
    put_text(st, slice_sub(s, 0, n));
    if (n == s.n)
        return n;
    give_up_entity(st);
    guard_span(st, GUARD_BODY, false, at + n);
    st->as.xml.state = TAG;
    return n + 1;
}

static size_t take_attribute(struct guard_stream *st, struct slice s, uint64_t at)
{
    size_t n = take_word(st, s, '=');
    if (n < s.n) {
        guard_span(st, GUARD_BODY, false, at + n);
        st->as.xml.state = EQUALS;
    }
    return n;
}

static size_t take_equals(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    if (c == '"' || c == '\'') {
        guard_span(st, GUARD_XML, false, at + 1);
        x->quote = c;
        x->state = VALUE;
    } else if (c != '=' && !is_space(c)) {
        x->state = INSIDE;
        return 0;
    }
    return 1;
}

static size_t take_value(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    size_t n = guard_find(s, x->quote);
    put_text(st, slice_sub(s, 0, n));
    if (n == s.n)
        return n;
    give_up_entity(st);
    guard_span(st, GUARD_BODY, false, at + n);
    x->state = INSIDE;
    return n + 1;
}

/* Behind <!: -- or [CDATA[, or a declaration. matched counts what was read of either. */
static size_t take_mark(struct guard_stream *st, uint8_t c, uint64_t at)
{
    static const char comment[] = "--", section[] = "[CDATA[";
    struct xml_state *x = &st->as.xml;
    size_t k = x->matched & 0xff;
    bool in_comment = x->matched & 0x100 || (k == 0 && c == '-');
    const char *want = in_comment ? comment : section;
    if (c == (uint8_t)want[k]) {
        if (want[k + 1] == '\0') {
            x->state = in_comment ? COMMENT : CDATA;
            x->matched = 0;
            guard_span(st, GUARD_XML, false, at + 1);
            if (in_comment)
                guard_unsaid(st);
        } else {
            x->matched = (uint16_t)((in_comment ? 0x100u : 0u) | (k + 1));
        }
        return 1;
    }
    guard_span(st, GUARD_XML, false, at);
    guard_unsaid(st);
    x->state = DECLARATION;
    x->brackets = 0;
    x->quote = 0;
    return 0;
}

/* Text up to an end of up to three bytes, which repeats its first one: -->, ]]>, ?>. */
static size_t take_until(struct guard_stream *st, struct slice s, uint64_t at, uint8_t first,
                         unsigned times)
{
    struct xml_state *x = &st->as.xml;
    for (size_t i = 0; i < s.n; i++) {
        if (x->matched == 0) {
            struct slice rest = slice_sub(s, i, s.n);
            size_t n = guard_find(rest, first);
            guard_put_all(st, slice_sub(rest, 0, n));
            if (n == rest.n)
                return s.n;
            i += n;
        }
        uint8_t c = s.p[i];
        if (c == '>' && x->matched >= times) {
            text_from(st, at + i + 1);
            return i + 1;
        }
        if (c == first && x->matched < times) {
            x->matched++;
            continue;
        }
        if (c == first) {
            guard_put(st, first);
            continue;
        }
        for (; x->matched; x->matched--)
            guard_put(st, first);
        guard_put(st, c);
    }
    return s.n;
}

/* <?xml version='1.0' encoding='…'?>: a reader goes by it whatever the header says. */
static void check_declaration(struct guard_stream *st)
{
    struct xml_state *x = &st->as.xml;
    struct slice s = slice_of(x->declaration, x->declaration_n), name = SLICE_LIT("encoding");
    if (!slice_starts(s, SLICE_LIT("xml ")))
        return;
    s = slice_sub(s, slice_find(s, name), s.n);
    s = slice_trim(slice_sub(s, name.n, s.n));
    s = slice_trim(slice_sub(s, slice_starts(s, SLICE_LIT("=")), s.n));
    bool quoted = s.n && (s.p[0] == '"' || s.p[0] == '\'');
    struct slice behind = slice_sub(s, 1, s.n);
    struct slice charset = slice_sub(behind, 0, quoted ? slice_index(behind, s.p[0]) : 0);
    bool cut = x->declaration_n == sizeof x->declaration && charset.n == behind.n;
    if (cut || !guard_charset_is_read(charset) || guard_charset_is_wide(charset))
        guard_limited(st->q, GUARD_LIMIT_CHARSET);
}

/* A space for any number of them. */
static void add_declaration(struct xml_state *x, struct slice s)
{
    for (size_t i = 0; i < s.n && x->declaration_n < sizeof x->declaration; i++) {
        bool behind_space = x->declaration_n && x->declaration[x->declaration_n - 1] == ' ';
        if (!is_space(s.p[i]) || !behind_space)
            x->declaration[x->declaration_n++] = is_space(s.p[i]) ? ' ' : s.p[i];
    }
}

static size_t take_instruction(struct guard_stream *st, struct slice s, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    size_t n = take_until(st, s, at, '?', 1);
    add_declaration(x, slice_sub(s, 0, n));
    if (x->state != INSTRUCTION)
        check_declaration(st);
    return n;
}

/* <!DOCTYPE … [ … ]>: its > stands outside of brackets and quotes. */
static size_t take_declaration(struct guard_stream *st, uint8_t c, uint64_t at)
{
    struct xml_state *x = &st->as.xml;
    guard_put(st, c);
    if (x->quote)
        x->quote = c == x->quote ? 0 : x->quote;
    else if (c == '"' || c == '\'')
        x->quote = c;
    else if (c == '[' && x->brackets < UINT16_MAX) {
        x->brackets++;
        guard_limited(st->q, GUARD_LIMIT_ENCODING); /* entities may be declared */
    } else if (c == ']' && x->brackets)
        x->brackets--;
    else if (c == '>' && x->brackets == 0)
        text_from(st, at + 1);
    return 1;
}

static size_t take(struct guard_stream *st, struct slice s, uint64_t at)
{
    switch (st->as.xml.state) {
    case TAG:
        return take_tag(st, s.p[0], at);
    case NAME:
        return take_name(st, s, at);
    case END_TAG:
        return take_end_tag(st, s, at);
    case INSIDE:
        return take_inside(st, s.p[0], at);
    case ATTRIBUTE:
        return take_attribute(st, s, at);
    case EQUALS:
        return take_equals(st, s.p[0], at);
    case VALUE:
        return take_value(st, s, at);
    case MARK:
        return take_mark(st, s.p[0], at);
    case COMMENT:
        return take_until(st, s, at, '-', 2);
    case CDATA:
        return take_until(st, s, at, ']', 2);
    case INSTRUCTION:
        return take_instruction(st, s, at);
    case DECLARATION:
        return take_declaration(st, s.p[0], at);
    default:
        return take_text(st, s, at);
    }
}

static void parse_xml(struct guard_stream *st, struct slice s)
{
    for (size_t i = 0; i < s.n;)
        i += take(st, slice_sub(s, i, s.n), st->base + i);
}

void guard_xml_prepare(struct guard_stream *st)
{
    struct xml_state *x = &st->as.xml;
    memset(x, 0, offsetof(struct xml_state, stack));
    st->parse = parse_xml;
    st->finish = give_up_entity;
    guard_span(st, GUARD_XML, false, 0);
}
